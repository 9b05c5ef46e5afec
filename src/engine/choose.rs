//! Trouble: what is wrong after a judging, and what may be done about it.

use super::state::RunState;
use crate::model::{Cause, Check, CheckId, Moment, Outcome, Phase, Severity};

/// The checks of a moment.
pub(super) fn checks_of(phase: &Phase, moment: Moment) -> &[Check] {
    match moment {
        Moment::Applies => phase.applies_if.as_slice(),
        Moment::Preflight => &phase.preflight,
        Moment::Baseline | Moment::Validate | Moment::Reprobe => &phase.validate,
    }
}

/// The outcome of a check as it counts; one that was not reported could not be measured.
pub(super) fn outcome_of(state: &RunState, moment: Moment, check: &CheckId) -> Outcome {
    state.judged.get(&(moment, check.clone())).copied().unwrap_or(Outcome::Error)
}

/// What the outcomes of a moment amount to; failures first, then what could not be measured, then what is undecided.
pub(super) fn trouble(phase: &Phase, state: &RunState, moment: Moment) -> Option<Cause> {
    let with = |wanted: Outcome| -> Vec<CheckId> {
        let checks = checks_of(phase, moment).iter().map(|check| &check.id);
        checks
            .filter(|id| outcome_of(state, moment, id) == wanted && !state.accepted.contains(id))
            .cloned()
            .collect()
    };
    let some = |ids: Vec<CheckId>| (!ids.is_empty()).then_some(ids);
    some(with(Outcome::Fail))
        .map(Cause::ChecksFailed)
        .or_else(|| some(with(Outcome::Error)).map(Cause::ChecksBroken))
        .or_else(|| some(with(Outcome::Inconclusive)).map(Cause::ChecksUndecided))
}

/// The checks a cause speaks of.
pub(super) fn checks_in(cause: &Cause) -> &[CheckId] {
    match cause {
        Cause::ChecksFailed(ids) | Cause::ChecksBroken(ids) | Cause::ChecksUndecided(ids) => ids,
        Cause::StepFailed { .. }
        | Cause::NotRecorded(_)
        | Cause::NotKept(_)
        | Cause::NotArmed(_)
        | Cause::JournalLost(_)
        | Cause::NotConfirmed
        | Cause::Declined
        | Cause::Interrupted
        | Cause::Asked
        | Cause::TooManyResumptions(_) => &[],
    }
}

/// Whether a person may accept this: it is about checks, and none of them is critical.
#[must_use]
pub fn may_accept(phase: &Phase, moment: Moment, cause: &Cause) -> bool {
    let ids = checks_in(cause);
    let critical = |id: &CheckId| {
        checks_of(phase, moment).iter().any(|check| check.id == *id && check.severity == Severity::Critical)
    };
    !ids.is_empty() && !ids.iter().any(critical)
}
