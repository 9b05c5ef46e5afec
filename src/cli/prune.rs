//! `switchback history prune`: gives up old generations for the room that they take. Nobody can go back past them.

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::{out, tools};
use crate::model::{GenerationNumber, HistoryLine, counted};
use crate::report;
use crate::store::{Removed, StateFolder};
use crate::system::clock;

pub(crate) fn prune(context: &Context, keep: usize, yes: bool) -> Result<Exit, CliError> {
    let nothing = "Nothing to remove: no generation can be given up.";
    if context.look_if_any()?.is_none() {
        return Ok(out::nothing(context, nothing, Exit::Done));
    }
    let (folder, _lock) = context.act("history prune")?;
    let lines = folder.prunable(keep)?;
    let Some(newest) = lines.last().map(|line| line.generation) else {
        return Ok(out::nothing(context, nothing, Exit::Done));
    };
    let about = report::question::prune(&about(&folder, &lines, newest)?, &context.err_style());
    if !yes && !tools::agreed(context, "add `--yes` to remove them without being asked", about)? {
        return Ok(out::nothing(context, "Nothing was removed.", Exit::Refused));
    }
    let gone = lines.into_iter().map(|line| removed(&folder, line)).collect::<Result<Vec<_>, _>>()?;
    folder.prune(&gone)?;
    super::index(&folder);
    if context.json {
        let numbers: Vec<GenerationNumber> = gone.iter().map(|one| one.line.generation).collect();
        out::json(context, &serde_json::json!({ "removed": numbers }));
    } else {
        out::line(context, &format!("Removed {}.", counted(gone.len(), "generation")));
    }
    Ok(Exit::Done)
}

/// What will be gone, and how far back the machine can go afterwards.
fn about(folder: &StateFolder, lines: &[HistoryLine], newest: GenerationNumber) -> Result<String, CliError> {
    let numbers: Vec<String> = lines.iter().map(|line| line.generation.to_string()).collect();
    let bytes = report::text::bytes(folder.saved(lines.iter().map(|line| line.generation)));
    let next = folder.generations()?.into_iter().find(|number| *number > newest);
    let next =
        next.map(|number| format!(", so that the machine can go back to before {number} at the earliest"));
    let (what, next) = (counted(lines.len(), "generation"), next.unwrap_or_default());
    Ok(format!("removes {what} with at most {bytes}: {}{next}", numbers.join(", ")))
}

/// The line that is left of a generation. What cannot be read is not given up.
fn removed(folder: &StateFolder, line: HistoryLine) -> Result<Removed, CliError> {
    let past = Past::of(folder, line.generation)?;
    let stands = past.done().iter().find(|(phase, _)| *phase == line.phase).map(|(_, end)| *end);
    Ok(Removed { line, stands, at: clock::now() })
}
