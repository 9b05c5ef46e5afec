//! Which undo is owed, in what order.

use super::state::{Mark, RunState};
use crate::model::{Part, Phase, StepUndo};

/// The steps whose own undo is owed, newest first: every step of `commit` and `apply` that may have taken effect, has
/// an undo of its own, and was not undone or tried on this way back.
#[must_use]
pub fn undo_owed(phase: &Phase, state: &RunState) -> Vec<(Part, usize)> {
    [Part::Commit, Part::Apply]
        .into_iter()
        .flat_map(|part| {
            let acted = state.marks_of(part).iter().enumerate().rev();
            acted.filter_map(move |(step, mark)| match mark {
                Mark::Begun | Mark::Again | Mark::Done | Mark::Bad => Some((part, step)),
                Mark::Skipped => None,
            })
        })
        .filter(|(part, step)| match phase.steps(*part).get(*step).map(|step| &step.undo) {
            Some(StepUndo::Act(_)) => true,
            Some(StepUndo::Layer | StepUndo::None { .. } | StepUndo::NotNeeded) | None => false,
        })
        .filter(|at| !state.undone.contains(at) && !state.undo_tried.contains(at))
        .collect()
}
