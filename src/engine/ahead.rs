//! What a way back will do, said before it is begun.

use super::act::{Action, Heard, Input};
use super::decide::decide;
use super::evolve::replay;
use super::state::{Back, RunState, Stage};
use super::undo::undo_owed;
use crate::model::{Guarded, Part, Phase, Plan, Timestamp};

/// What of a way back is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// Steps of which the own undo is owed, newest first.
    pub undo: Vec<(Part, usize)>,
    /// So many layers, counted from the first, are to be restored, the last of them first.
    pub layers: usize,
    /// From this one on the steps of `rollback` are taken.
    pub steps: usize,
}

/// What of a way back that goes on from here is still to come.
#[must_use]
pub(super) fn ahead(phase: &Phase, state: &RunState, back: &Back) -> Ahead {
    let (layers, steps) = match back {
        Back::Children | Back::Undoing => (state.recorded, 0),
        Back::Restoring(left) => (*left, 0),
        Back::Steps(step) => (0, *step),
        Back::Reprobing | Back::Rejecting | Back::Disarming | Back::Ending => (0, phase.rollback.len()),
    };
    Ahead { undo: undo_owed(phase, state), layers, steps }
}

/// What a way back will do that begins, or goes on, with this input; nothing where it ends at once.
#[must_use]
pub fn way_back(plan: &Plan, phase: &Phase, state: &RunState, asked: &Input, now: Timestamp) -> Ahead {
    let mut decision = decide(plan, state, asked, Heard::Nothing, now);
    if let Action::ArmFirst { asked } = decision.action {
        // It begins when something stands behind it.
        let armed = Input::ArmedFirst { guarded: Ok(Guarded::BY_THE_RUNNER), asked };
        decision = decide(plan, state, &armed, Heard::Nothing, now);
    }
    let state = replay(plan, state.clone(), &decision.events);
    match &state.stage {
        Stage::Reverting(back) => ahead(phase, &state, back),
        Stage::Idle
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
        | Stage::Confirming(_)
        | Stage::Committing(_)
        | Stage::Keeping(_)
        | Stage::Sealed
        | Stage::Disarming
        | Stage::Ended(_) => Ahead { undo: Vec::new(), layers: 0, steps: phase.rollback.len() },
    }
}
