//! `switchback confirm`: what a person says about a change that waits for it, at any login.

use super::args::Confirm;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::{out, stage};
use crate::engine::Stage;
use crate::model::{Invoker, Timestamp};
use crate::report;
use crate::store::Word;
use crate::system::clock;

pub(crate) fn confirm(context: &Context, args: &Confirm) -> Result<Exit, CliError> {
    let folder = context.look_for("")?;
    let past = Past::current(&folder)?
        .ok_or_else(|| CliError::usage(format!("nothing was begun in {}", folder.root().display())))?;
    if let Some(meant) = args.generation
        && meant != past.number().0
    {
        let text = format!("generation {meant} is not the current one: that is {}", past.number());
        return Err(CliError::usage(text).hint("`switchback status` shows what waits for whom"));
    }
    let number = past.number();
    let phase = past.state.phase().map(ToString::to_string).unwrap_or_default();
    let window = match past.state.stage {
        Stage::Confirming(Some(window)) if past.state.paused.is_none() => window,
        Stage::Confirming(None)
        | Stage::Confirming(Some(_))
        | Stage::Idle
        | Stage::Applies
        | Stage::Preflight
        | Stage::Gate
        | Stage::Recording(_)
        | Stage::Baseline
        | Stage::Sealing
        | Stage::Arming
        | Stage::Applying(_)
        | Stage::AwaitingReboot(_)
        | Stage::Booted(_)
        | Stage::Settling(_)
        | Stage::Validating
        | Stage::Committing(_)
        | Stage::Keeping(_)
        | Stage::Sealed
        | Stage::Disarming
        | Stage::Reverting(_)
        | Stage::Ended(_) => {
            let word = stage::word(&past.state);
            let text =
                format!("phase `{phase}` of generation {number} does not wait for a word: it is {word}");
            return Err(
                CliError::new(Exit::Refused, text).hint("`switchback status` shows what waits for whom")
            );
        }
    };
    let who = &context.host.invoker;
    let by = Invoker { uid: who.ids.uid, name: who.name.clone() };
    let keep = !args.revert;
    past.capsule.say(&Word { window, keep, by, at: clock::now() })?;
    told(context, &phase, window, keep);
    Ok(Exit::Done)
}

fn told(context: &Context, phase: &str, window: Timestamp, keep: bool) {
    if context.json {
        out::json(context, &serde_json::json!({ "phase": phase, "keep": keep, "window": window }));
        return;
    }
    let word = if keep { "stays" } else { "goes back" };
    let until = report::text::when(window);
    out::line(context, &format!("Said: phase {phase} {word}. The run hears it before {until}."));
}
