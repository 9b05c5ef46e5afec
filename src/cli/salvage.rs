//! The way back from a damaged capsule: what the layers recorded goes back, and what nobody can know is said.

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::{host_of, recorded};
use super::{out, rollback};
use crate::layer::{LayerCx, recorded_layer};
use crate::model::{Event, GenerationNumber, LayerRecord, Part, Phase, PhaseEnd, StepUndo};
use crate::store::{Capsule, Journal, StateFolder};
use crate::system::host::Host;
use crate::system::process::{self, Unwatched};

/// Restores every recorded layer of the current generation. It is never a success: undo and rollback steps and checks
/// are in the plan.
pub(crate) fn without_plan(
    context: &Context,
    folder: &StateFolder,
    number: GenerationNumber,
    yes: bool,
    why: CliError,
) -> Result<Exit, CliError> {
    let capsule = folder.capsule(number)?;
    let Ok(journal) = capsule.journal() else { return Err(why) };
    let records = records(&journal);
    if records.is_empty() || is_over(&journal) {
        return Err(why);
    }
    out::line(context, &format!("The plan of generation {number} cannot be read: {}.", why.text));
    out::line(context, "Its layers can go back without it:");
    for record in &records {
        out::line(context, &format!("  restore {}: {}", record.kind, record.target));
    }
    if !yes && !rollback::agreed(context)? {
        return Ok(out::nothing(context, "Nothing was changed.", Exit::Refused));
    }
    let left = process::claim(&folder.scope()).err().map(|why| why.to_string());
    let mut failed: Vec<String> = left.into_iter().collect();
    failed.extend(restore(context, &host_of(context, &journal), &capsule, &records));
    let text = format!("generation {number} went back without its plan, and that is not the whole way");
    let error = CliError { hint: why.hint, ..CliError::new(Exit::Inconsistent, text).because(why.text) }
        .because("its undo steps, rollback steps and checks are not known");
    Err(failed.into_iter().fold(error, CliError::because))
}

/// After a rollback along a journal that is damaged: what stands behind the damage may have been done all the same.
/// The recorded layers are restored whatever the good part says; what cannot be known is named.
pub(crate) fn beyond_damage(
    context: &Context,
    capsule: &Capsule,
    journal: &Journal,
    phase: &Phase,
) -> Vec<String> {
    let Some(damage) = &journal.damage else { return Vec::new() };
    let records = records(journal);
    let mut unknown = restore(context, &host_of(context, journal), capsule, &records);
    let missing = phase.layers.iter().skip(records.len());
    unknown.extend(missing.map(|layer| format!("{}: its record stands behind the damage", layer.kind())));
    let started = |part: Part, at: usize| {
        journal.envelopes.iter().any(|envelope| {
            matches!(envelope.event, Event::StepStarted { part: of, step, .. } if of == part && step == at)
        })
    };
    for part in [Part::Commit, Part::Apply] {
        for (at, step) in phase.steps(part).iter().enumerate().rev() {
            if matches!(step.undo, StepUndo::Act(_)) && !started(part, at) {
                unknown.push(format!(
                    "step {}: it was not undone, since nobody knows whether it was taken",
                    step.id
                ));
            }
        }
    }
    if !started(Part::Apply, 0) {
        let steps = phase.rollback.iter();
        unknown.extend(steps.map(|step| format!("rollback step {}: it was not taken", step.id)));
    }
    if !unknown.is_empty() {
        unknown.insert(0, format!("journal line {}: {}", damage.line, damage.why));
    }
    unknown
}

/// Restores these records, and says what failed.
fn restore(context: &Context, host: &Host, capsule: &Capsule, records: &[&LayerRecord]) -> Vec<String> {
    let mut failed = Vec::new();
    for record in records {
        let mut unwatched = Unwatched;
        let mut cx = LayerCx { host, capsule: capsule.folder(), watch: &mut unwatched };
        match recorded_layer(capsule.folder(), record) {
            Ok(layer) => {
                let restored = layer.restore(&mut cx, record);
                out::line(context, &format!("restored {}: {} changed", record.kind, restored.changed));
                failed.extend(restored.failed.iter().map(|item| format!("{}: {}", item.name, item.why)));
            }
            Err(why) => failed.push(format!("{}: {why}", record.kind)),
        }
    }
    failed
}

/// What the layers recorded, the last one first.
fn records(journal: &Journal) -> Vec<&LayerRecord> {
    let mut records = recorded(journal);
    records.reverse();
    records
}

/// Whether the phase is not in effect any more.
fn is_over(journal: &Journal) -> bool {
    let events = journal.envelopes.iter().rev().map(|envelope| &envelope.event);
    let end = events.into_iter().find_map(|event| match event {
        Event::PhaseEnded { end, .. } => Some(*end),
        Event::ItemsResolved { .. } => Some(PhaseEnd::Resolved),
        _ => None,
    });
    matches!(end, Some(PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::NotApplicable | PhaseEnd::Resolved))
}
