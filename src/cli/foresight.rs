//! What later phases will refuse, asked before the first begins: nobody shall find in the third week that the third phase
//! cannot be recorded. The first phase is asked by its own run.

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::out;
use crate::layer::{LayerCx, layer_for};
use crate::model::{Changes, Part, Phase, PhaseId, Plan};
use crate::report::text;
use crate::system::process::Unwatched;

/// What the layers of later phases cannot save as things are now.
#[derive(Default)]
pub(crate) struct Foreseen {
    /// Nothing before the phase changes anything, so that it stays so.
    certain: Vec<String>,
    /// A phase before it may still change that, or the phase may not apply.
    possible: Vec<String>,
}

/// Asks the layers of every phase of the queue but the first. Changes nothing.
pub(crate) fn foresee(context: &Context, plan: &Plan, queue: &[PhaseId]) -> Foreseen {
    let mut foreseen = Foreseen::default();
    let phases: Vec<&Phase> = queue.iter().filter_map(|id| plan.phase(id)).collect();
    for (at, phase) in phases.iter().enumerate().skip(1) {
        let open = phase.applies_if.is_some() || phases.iter().take(at).any(|before| may_change(before));
        let found = if open { &mut foreseen.possible } else { &mut foreseen.certain };
        for (place, spec) in phase.layers.iter().enumerate() {
            let mut unwatched = Unwatched;
            let mut cx = LayerCx { host: &context.host, capsule: &context.state, watch: &mut unwatched };
            let layer = text::layer_name(Some(phase), place);
            let refused = layer_for(spec).refusals(&mut cx);
            found.extend(
                refused
                    .iter()
                    .map(|item| format!("phase `{}`, {layer}: {}: {}", phase.id, item.name, item.why)),
            );
        }
    }
    foreseen
}

fn may_change(phase: &Phase) -> bool {
    [Part::Apply, Part::Commit]
        .into_iter()
        .flat_map(|part| phase.steps(part))
        .any(|step| step.changes == Changes::Machine)
}

impl Foreseen {
    /// What may still change, in words.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let one = |what| format!("{what}; as it is now, that phase would be refused");
        self.possible.iter().map(one).collect()
    }

    /// Warns of what may still change.
    pub(crate) fn warn(&self, context: &Context) {
        self.warnings().iter().for_each(|text| out::warn(context, text));
    }

    /// Refuses what cannot change.
    pub(crate) fn refuse(self) -> Result<(), CliError> {
        if self.certain.is_empty() {
            return Ok(());
        }
        let text = "a later phase of this plan cannot be recorded; nothing was changed";
        let error = self.certain.into_iter().fold(CliError::new(Exit::Refused, text), CliError::because);
        Err(error.hint("mend what is named, or leave that phase out with `--until`"))
    }
}
