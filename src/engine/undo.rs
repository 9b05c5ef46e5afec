//! Which undo is owed, in what order.

use super::state::{Mark, RunState};
use crate::model::{Item, Part, Phase, StepUndo};

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

/// Steps that may have taken effect and that the plan says cannot be undone, oldest first, with its reason.
pub(super) fn left_by_design(phase: &Phase, state: &RunState) -> Vec<Item> {
    let of = |part: Part| {
        phase.steps(part).iter().zip(state.marks_of(part)).filter_map(|(step, mark)| {
            match (&step.undo, mark) {
                (StepUndo::None { reason }, Mark::Begun | Mark::Again | Mark::Done | Mark::Bad) => {
                    Some(Item::new(format!("step {}", step.id), reason.clone()))
                }
                (StepUndo::None { .. }, Mark::Skipped)
                | (StepUndo::Act(_) | StepUndo::Layer | StepUndo::NotNeeded, _) => None,
            }
        })
    };
    of(Part::Apply).chain(of(Part::Commit)).collect()
}
