//! Trouble: what is wrong after a judging, and what may be done about it.

use super::state::RunState;
use crate::model::{Cause, Check, CheckId, CheckReport, Moment, Outcome, Phase, Reaction, Severity};
use std::collections::BTreeSet;

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

/// The cause that checks with a bad outcome are; failures first, then what could not be measured, then what is undecided.
fn worst(with: impl Fn(Outcome) -> Vec<CheckId>) -> Option<Cause> {
    let some = |outcome| Some(with(outcome)).filter(|ids| !ids.is_empty());
    some(Outcome::Fail)
        .map(Cause::ChecksFailed)
        .or_else(|| some(Outcome::Error).map(Cause::ChecksBroken))
        .or_else(|| some(Outcome::Inconclusive).map(Cause::ChecksUndecided))
}

/// What the outcomes of a moment amount to.
pub(super) fn trouble(phase: &Phase, state: &RunState, moment: Moment) -> Option<Cause> {
    let found = |id: &CheckId| match (moment, outcome_of(state, moment, id)) {
        // What is asked for where something else is does not hold where that is not.
        (Moment::Applies, Outcome::Skipped) => Outcome::Fail,
        (_, outcome) => outcome,
    };
    worst(|wanted| {
        let checks = checks_of(phase, moment).iter().map(|check| &check.id);
        checks.filter(|id| found(id) == wanted && !state.accepted.contains(id)).cloned().collect()
    })
}

/// The checks a cause speaks of.
#[must_use]
pub fn checks_in(cause: &Cause) -> &[CheckId] {
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
        | Cause::TooManyResumptions(_)
        | Cause::RunnerGone
        | Cause::DeadlinePassed
        | Cause::Rebooted
        | Cause::WrongBoot(_) => &[],
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

/// What the plan's `on` says to a cause.
pub(super) const fn reaction(phase: &Phase, cause: &Cause) -> Reaction {
    match cause {
        Cause::ChecksBroken(_) => phase.on.error,
        Cause::ChecksUndecided(_) => phase.on.inconclusive,
        Cause::ChecksFailed(_)
        | Cause::StepFailed { .. }
        | Cause::NotRecorded(_)
        | Cause::NotKept(_)
        | Cause::NotArmed(_)
        | Cause::JournalLost(_)
        | Cause::NotConfirmed
        | Cause::Declined
        | Cause::Interrupted
        | Cause::Asked
        | Cause::TooManyResumptions(_)
        | Cause::RunnerGone
        | Cause::DeadlinePassed
        | Cause::Rebooted
        | Cause::WrongBoot(_) => phase.on.fail,
    }
}

/// Whether what could not be measured or decided then is measured now, and good: each check that the cause speaks of.
#[must_use]
pub fn found_well_now(cause: &Cause, reports: &[CheckReport]) -> bool {
    let well = |id: &CheckId| {
        let now = reports.iter().find(|report| report.check == *id).map(CheckReport::counted);
        now.is_some_and(|outcome| matches!(outcome, Outcome::Pass | Outcome::Warn))
    };
    cause.is_open() && checks_in(cause).iter().all(well)
}

/// What the checks of a phase that soaks amount to, and what its plan says then; nothing where all that counts holds.
/// What a person accepted when the phase was committed is still accepted. As in a run, `continue` holds for what may be
/// accepted: where a check is critical, the phase goes back.
#[must_use]
pub fn soaked(
    phase: &Phase,
    reports: &[CheckReport],
    accepted: &BTreeSet<CheckId>,
) -> Option<(Cause, Reaction)> {
    let cause = worst(|wanted| {
        let of = reports.iter().filter(|it| it.counted() == wanted && !accepted.contains(&it.check));
        of.map(|report| report.check.clone()).collect()
    })?;
    let reaction = match reaction(phase, &cause) {
        Reaction::Continue if !may_accept(phase, Moment::Validate, &cause) => Reaction::Rollback,
        said @ (Reaction::Continue | Reaction::Pause | Reaction::Rollback) => said,
    };
    Some((cause, reaction))
}
