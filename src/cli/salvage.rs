//! The way back from a damaged capsule: what the layers recorded goes back, and what nobody can know is said.

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::{host_of, recorded};
use super::{out, rollback};
use crate::layer::{LayerCx, recorded_layer};
use crate::model::{Event, GenerationNumber, LayerRecord, PhaseEnd};
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
    let left = process::claim(&folder.scope(), &folder.ledger()).err().map(|why| why.to_string());
    let mut failed: Vec<String> = left.into_iter().collect();
    failed.extend(restore(context, &host_of(context, &journal), &capsule, &records));
    let text = format!("generation {number} went back without its plan, and that is not the whole way");
    let error = CliError { hint: why.hint, ..CliError::new(Exit::Inconsistent, text).because(why.text) }
        .because("its undo steps, rollback steps and checks are not known");
    Err(failed.into_iter().fold(error, CliError::because))
}

/// Restores what the layers of a generation recorded, where its journal still tells; says what is not whole.
pub(crate) fn layers_of(context: &Context, folder: &StateFolder, number: GenerationNumber) -> Vec<String> {
    let Ok(capsule) = folder.capsule(number) else { return Vec::new() };
    let Ok(journal) = capsule.journal() else { return Vec::new() };
    if is_over(&journal) {
        return Vec::new();
    }
    restore(context, &host_of(context, &journal), &capsule, &records(&journal))
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
