//! What the world said, as facts.

use super::act::{Heard, Input};
use super::choose;
use super::state::{Back, Limits, RunState, Stage};
use crate::model::{
    Cause, Choice, Event, Guarded, Held, Moment, Part, Phase, PhaseEnd, PhaseHeader, PhaseId, Plan, Reboot,
    StepOutcome, Toward, Verdict,
};

/// The facts in one input.
pub(super) fn interpret(plan: &Plan, state: &RunState, input: &Input) -> Vec<Event> {
    match input {
        Input::Begin | Input::Nothing => Vec::new(),
        Input::Opened { generation, boot, invoker, version } => match state.itinerary.queue.split_first() {
            Some((phase, queue)) => vec![Event::PhaseBegan(Box::new(PhaseHeader {
                run: state.itinerary.run.clone(),
                generation: *generation,
                plan: plan.name.clone(),
                revision: plan.revision,
                digest: plan.digest.clone(),
                phase: phase.clone(),
                queue: queue.to_vec(),
                done: state.itinerary.done.clone(),
                guidance: state.guidance(),
                boot: boot.clone(),
                invoker: invoker.clone(),
                version: version.clone(),
            }))],
            None => Vec::new(),
        },
        // What is over stays over.
        Input::Resumed { .. } if state.finished.is_some() => Vec::new(),
        Input::Resumed { boot, guidance } => {
            let mut events =
                vec![Event::RunResumed { boot: boot.clone(), guidance: *guidance, toward: Toward::On }];
            events.extend(lost(state));
            events.extend(lost_twice(state));
            if state.damaged && (may_turn_back(state) || state.going_back()) {
                events.push(Event::RevertBegan { cause: Cause::Asked });
            } else if let Stage::AwaitingReboot(_) = state.stage {
                if state.went_down(boot.as_ref()) {
                    events.push(Event::MachineRebooted);
                }
            } else if state.paused.is_none() && may_turn_back(state) {
                if unplanned(plan, state, boot.as_ref()) {
                    events.push(Event::RevertBegan { cause: Cause::Rebooted });
                    return events;
                }
                let times = state.resumptions + 1;
                if times > Limits::FORWARD {
                    events.push(Event::RevertBegan { cause: Cause::TooManyResumptions(times) });
                }
            }
            events
        }
        // No phase was begun, so nothing is taken back, and nothing is begun either.
        Input::RollbackAsked { .. }
        | Input::RollbackAlongDamage { .. }
        | Input::SoakFailed { .. }
        | Input::SoakHeld(_)
        | Input::SoakMeasured
        | Input::SoakReleased { .. }
            if state.header.is_none() =>
        {
            vec![Event::RunFinished { verdict: Verdict::Refused }]
        }
        Input::GuardFired { .. } if state.header.is_none() => {
            vec![Event::RunFinished { verdict: Verdict::Refused }]
        }
        Input::RollbackAsked { boot } => turned_back(state, boot, Cause::Asked),
        // A way back that had begun begins anew: how far it came is lost.
        Input::RollbackAlongDamage { boot, unknown } => {
            // Before it is taken up: a phase of which nothing says that it touched anything would begin anew.
            let mut events = vec![Event::FactsLost { unknown: unknown.clone() }];
            let guidance = state.guidance();
            events.push(Event::RunResumed { boot: boot.clone(), guidance, toward: Toward::Back });
            events.extend(lost(state));
            events.push(Event::RevertBegan { cause: Cause::Asked });
            events
        }
        Input::GuardFired { cause, boot } => guard_fired(state, cause, boot),
        Input::SoakFailed { cause, boot } if soaks(state) => turned_back(state, boot, cause.clone()),
        // It does not soak, or no longer: what is over stays over.
        Input::SoakFailed { .. } => Vec::new(),
        Input::SoakHeld(held) if soaks(state) && holds_anew(state, held) => {
            vec![Event::SoakHeld(held.clone())]
        }
        // What failed stays with the person; what was only not known yet is known now.
        Input::SoakMeasured if state.held.as_ref().is_some_and(|held| held.cause.is_open()) => {
            let reason = "a later look found it well".to_owned();
            vec![Event::SoakReleased { reason, by: None }]
        }
        Input::SoakReleased { reason, by } if state.held.is_some() => {
            vec![Event::SoakReleased { reason: reason.clone(), by: Some(by.clone()) }]
        }
        Input::SoakHeld(_) | Input::SoakMeasured | Input::SoakReleased { .. } => Vec::new(),
        Input::Judged(reports) => match moment(&state.stage) {
            Some(moment) => {
                let mut events: Vec<Event> = reports
                    .iter()
                    .map(|report| Event::CheckJudged { moment, report: report.clone() })
                    .collect();
                events.push(Event::MomentJudged { moment });
                events
            }
            None => Vec::new(),
        },
        Input::KeptBy(who) => {
            if let Stage::Confirming(_) = state.stage {
                vec![Event::Confirmed(Some(who.clone()))]
            } else {
                Vec::new()
            }
        }
        Input::Answered(yes) => {
            if state.stage == Stage::Gate {
                vec![Event::GateAnswered { go: *yes }]
            } else if let Stage::Confirming(_) = state.stage {
                vec![if *yes {
                    Event::Confirmed(None)
                } else {
                    Event::RevertBegan { cause: Cause::Declined }
                }]
            } else {
                Vec::new()
            }
        }
        Input::Recorded(Ok(record)) => {
            let Stage::Recording(layer) = state.stage else { return Vec::new() };
            vec![Event::LayerRecorded { layer, record: record.clone() }]
        }
        Input::Recorded(Err(why)) | Input::Sealed(Err(why)) => {
            vec![Event::RevertBegan { cause: Cause::NotRecorded(why.clone()) }]
        }
        Input::Sealed(Ok(files)) => vec![Event::CapsuleSealed { files: files.clone() }],
        Input::ArmedFirst { guarded, asked } => armed_first(plan, state, guarded, asked),
        Input::Armed(Ok(guarded)) => vec![Event::GuardArmed(*guarded)],
        Input::Armed(Err(why)) if state.going_back() => vec![Event::GuardMissing { why: why.clone() }],
        Input::Armed(Err(why)) => vec![Event::RevertBegan { cause: Cause::NotArmed(why.clone()) }],
        Input::Disarmed => vec![Event::GuardDisarmed],
        Input::Stepped(outcome) => stepped(plan, state, outcome),
        Input::BootCompared(wrong) => {
            let Stage::Booted(_) = state.stage else { return Vec::new() };
            vec![Event::BootCompared { wrong: wrong.clone() }]
        }
        Input::Kept(Ok(())) => {
            let Stage::Keeping(layer) = state.stage else { return Vec::new() };
            vec![Event::LayerKept { layer }]
        }
        Input::Kept(Err(why)) => vec![Event::RevertBegan { cause: Cause::NotKept(why.clone()) }],
        Input::ChildrenGone { left, unseen } => {
            vec![Event::ChildrenEnded { left: left.clone(), unseen: *unseen }]
        }
        Input::Restored(restored) => {
            let Stage::Reverting(Back::Restoring(left)) = state.stage else { return Vec::new() };
            vec![Event::LayerRestored { layer: left.saturating_sub(1), restored: restored.clone() }]
        }
        Input::Resolved { reason, by } => {
            if state.stage == Stage::Ended(PhaseEnd::Inconsistent) {
                let items = state.items.clone();
                vec![Event::ItemsResolved { items, reason: reason.clone(), by: by.clone() }]
            } else {
                Vec::new()
            }
        }
        Input::ResolvedAlongDamage { .. } if state.header.is_none() => Vec::new(),
        Input::ResolvedAlongDamage { unknown, reason, by } => {
            let items = unknown.clone();
            vec![
                Event::FactsLost { unknown: items.clone() },
                Event::ItemsResolved { items, reason: reason.clone(), by: by.clone() },
            ]
        }
        Input::Quarantined => match &state.reverting {
            Some(cause) => vec![Event::Quarantined { cause: cause.clone() }],
            None => Vec::new(),
        },
        Input::TimeReached => {
            if let Stage::Settling(Some(_)) = state.stage {
                vec![Event::SettleEnded]
            } else if let Stage::Confirming(Some(_)) = state.stage {
                vec![Event::RevertBegan { cause: Cause::NotConfirmed }]
            } else {
                Vec::new()
            }
        }
        Input::Chosen(choice) => chosen(plan, state, choice),
        Input::JournalLost(why) => journal_lost(state, why),
    }
}

/// Whether a guard is to stand before a word of this is recorded: a phase that is decided, paused, or awaits a reboot has none
/// that would take it back, and from the first fact of its way back on it is neither old nor new.
pub(super) fn arms_first(state: &RunState, input: &Input) -> bool {
    let begins = state.touched && !state.going_back();
    state.header.is_some()
        && match input {
            Input::RollbackAsked { .. } => begins,
            Input::SoakFailed { .. } => begins && soaks(state),
            // Behind what is lost it may have touched anything.
            Input::RollbackAlongDamage { .. } => true,
            // What stands behind a guard is whoever started it.
            Input::GuardFired { .. }
            | Input::SoakHeld(_)
            | Input::SoakMeasured
            | Input::SoakReleased { .. }
            | Input::Begin
            | Input::Resumed { .. }
            | Input::Opened { .. }
            | Input::Judged(_)
            | Input::KeptBy(_)
            | Input::Answered(_)
            | Input::Recorded(_)
            | Input::Sealed(_)
            | Input::Armed(_)
            | Input::ArmedFirst { .. }
            | Input::Disarmed
            | Input::Stepped(_)
            | Input::BootCompared(_)
            | Input::Kept(_)
            | Input::ChildrenGone { .. }
            | Input::Restored(_)
            | Input::Resolved { .. }
            | Input::ResolvedAlongDamage { .. }
            | Input::Quarantined
            | Input::TimeReached
            | Input::Chosen(_)
            | Input::Nothing
            | Input::JournalLost(_) => false,
        }
}

/// What was asked for, and the guard that stands since before it. Where none could be armed it is gone without.
fn armed_first(
    plan: &Plan,
    state: &RunState,
    guarded: &Result<Guarded, String>,
    asked: &Input,
) -> Vec<Event> {
    let mut events = interpret(plan, state, asked);
    // Behind the turn: a batch that is torn in a crash tells of no guard behind what is decided.
    events.push(match guarded {
        Ok(guarded) => Event::GuardArmed(*guarded),
        Err(why) => Event::GuardMissing { why: why.clone() },
    });
    events
}

/// Whether the run is over, its last phase committed, and given a time in which it must stay healthy.
fn soaks(state: &RunState) -> bool {
    state.finished == Some(Verdict::Committed)
        && state.stage == Stage::Ended(PhaseEnd::Committed)
        && state.soak_until.is_some()
}

/// What was found first is what a person is asked about; that something fails is more than that it could not be told.
fn holds_anew(state: &RunState, held: &Held) -> bool {
    state.held.as_ref().is_none_or(|before| before.cause.is_open() && !held.cause.is_open())
}

/// Whether the machine went down in the middle of a phase that had touched it, and the plan does not expect that.
fn unplanned(plan: &Plan, state: &RunState, boot: Option<&String>) -> bool {
    let expected = open_phase(plan, state).is_some_and(|phase| phase.reboot == Reboot::Expected);
    state.touched && !expected && state.went_down(boot)
}

/// What nobody decided goes back. What is decided stays, and what was to come after it waits for a person: a guard begins
/// nothing. A way back that was broken off is gone to its end, and a run of which nothing is to come comes to its own.
fn guard_fired(state: &RunState, cause: &Cause, boot: &Option<String>) -> Vec<Event> {
    if is_over_or_waits(state) {
        Vec::new()
    } else if may_turn_back(state) || state.going_back() {
        turned_back(state, boot, cause.clone())
    } else if is_last(state) {
        let guidance = state.guidance();
        vec![Event::RunResumed { boot: boot.clone(), guidance, toward: Toward::On }]
    } else {
        vec![Event::RunPaused { cause: cause.clone() }]
    }
}

/// Whether a guard that comes now has something to take back, or to bring to its end. What is decided is left alone where
/// another phase was to come: that is for whoever goes on with the run.
#[must_use]
pub fn needs_a_guard_now(state: &RunState) -> bool {
    !is_over_or_waits(state) && is_last(state)
}

const fn is_over_or_waits(state: &RunState) -> bool {
    state.finished.is_some() || state.paused.is_some() || matches!(state.stage, Stage::AwaitingReboot(_))
}

/// Whether the phase is not decided yet, or none begins after it.
const fn is_last(state: &RunState) -> bool {
    let goes_on = match state.stage.end() {
        Some(end) => super::itinerary::is_settled(end),
        None => state.committed(),
    };
    !goes_on || state.itinerary.queue.is_empty()
}

fn turned_back(state: &RunState, boot: &Option<String>, cause: Cause) -> Vec<Event> {
    let mut events =
        vec![Event::RunResumed { boot: boot.clone(), guidance: state.guidance(), toward: Toward::Back }];
    events.extend(lost(state));
    events.extend(lost_twice(state));
    if state.damaged {
        // Who found the damage was gone before the way back began.
        events.push(Event::RevertBegan { cause: Cause::Asked });
    } else if !state.going_back() {
        events.push(Event::RevertBegan { cause });
    }
    events
}

fn journal_lost(state: &RunState, why: &str) -> Vec<Event> {
    if state.finished.is_some() {
        return Vec::new();
    }
    if state.header.is_none() {
        return vec![Event::RunFinished { verdict: Verdict::Refused }];
    }
    match &state.stage {
        // What is over stays over, and what a person said was not said.
        Stage::Ended(
            PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::Inconsistent | PhaseEnd::Resolved,
        ) => Vec::new(),
        Stage::Disarming | Stage::Reverting(_) => Vec::new(),
        // Between phases: the next one cannot be recorded, so it is not begun.
        Stage::Ended(PhaseEnd::Committed | PhaseEnd::NotApplicable) => {
            vec![Event::RunFinished { verdict: Verdict::Refused }]
        }
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
        | Stage::Sealed => vec![Event::RevertBegan { cause: Cause::JournalLost(why.to_owned()) }],
    }
}

/// A person's interrupts, as facts. On the way back, and after the commit, they change nothing.
pub(super) fn hear(state: &RunState, heard: Heard) -> Vec<Event> {
    match heard {
        Heard::Twice if may_turn_back(state) => vec![Event::RevertBegan { cause: Cause::Interrupted }],
        Heard::Once | Heard::Twice
            if !state.going_back() && state.finished.is_none() && !state.stop_wanted =>
        {
            vec![Event::StopWanted]
        }
        Heard::Nothing | Heard::Once | Heard::Twice => Vec::new(),
    }
}

/// Whether the phase is open and still goes forward, so that by itself it may turn back.
const fn may_turn_back(state: &RunState) -> bool {
    match &state.stage {
        Stage::Idle | Stage::Disarming | Stage::Reverting(_) | Stage::Ended(_) => false,
        Stage::Applies
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
        | Stage::Sealed => true,
    }
}

/// The checks that are judged in a stage.
pub(super) const fn moment(stage: &Stage) -> Option<Moment> {
    match stage {
        Stage::Applies => Some(Moment::Applies),
        Stage::Preflight => Some(Moment::Preflight),
        Stage::Baseline => Some(Moment::Baseline),
        Stage::Validating => Some(Moment::Validate),
        Stage::Reverting(Back::Reprobing) => Some(Moment::Reprobe),
        Stage::Idle
        | Stage::Gate
        | Stage::Recording(_)
        | Stage::Sealing
        | Stage::Arming
        | Stage::Applying(_)
        | Stage::AwaitingReboot(_)
        | Stage::Booted(_)
        | Stage::Settling(_)
        | Stage::Confirming(_)
        | Stage::Committing(_)
        | Stage::Keeping(_)
        | Stage::Sealed
        | Stage::Disarming
        | Stage::Reverting(
            Back::Children
            | Back::Undoing
            | Back::Restoring(_)
            | Back::Steps(_)
            | Back::Rejecting
            | Back::Disarming
            | Back::Ending,
        )
        | Stage::Ended(_) => None,
    }
}

/// A step that began before a crash and has no end: nobody knows.
fn lost(state: &RunState) -> Option<Event> {
    let (part, step) = state.in_flight()?;
    Some(Event::StepFinished { part, step, outcome: StepOutcome::Lost })
}

/// An undo in the middle of which the runner was gone is taken again, once: one that takes the runner with it, or hangs
/// until a person kills it, is passed over, so that what is behind it goes back.
fn lost_twice(state: &RunState) -> Option<Event> {
    let (part, step) = state.undoing.filter(|at| state.going_back() && state.undo_lost.contains(at))?;
    Some(Event::UndoFinished { part, step, outcome: StepOutcome::Lost })
}

fn stepped(plan: &Plan, state: &RunState, outcome: &StepOutcome) -> Vec<Event> {
    let outcome = outcome.clone();
    if let Stage::Applying(step) = state.stage {
        vec![Event::StepFinished { part: Part::Apply, step, outcome }]
    } else if let Stage::Committing(step) = state.stage {
        vec![Event::StepFinished { part: Part::Commit, step, outcome }]
    } else if let Stage::Reverting(Back::Steps(step)) = state.stage {
        vec![Event::StepFinished { part: Part::Rollback, step, outcome }]
    } else if let Stage::Reverting(Back::Undoing) = state.stage {
        open_phase(plan, state)
            .and_then(|phase| super::undo_owed(phase, state).first().copied())
            .map(|(part, step)| Event::UndoFinished { part, step, outcome })
            .into_iter()
            .collect()
    } else {
        Vec::new()
    }
}

fn chosen(plan: &Plan, state: &RunState, choice: &Choice) -> Vec<Event> {
    let Some(cause) = state.trouble.clone() else { return Vec::new() };
    match choice {
        Choice::Retry => vec![Event::RetryChosen],
        Choice::Rollback => vec![Event::RevertBegan { cause }],
        Choice::Pause => vec![Event::RunPaused { cause }],
        Choice::Accept { reason } => match (moment(&state.stage), open_phase(plan, state)) {
            (Some(moment), Some(phase)) if choose::may_accept(phase, moment, &cause) => {
                vec![Event::ChecksAccepted {
                    moment,
                    checks: choose::checks_in(&cause).to_vec(),
                    reason: reason.clone(),
                }]
            }
            // Asked for what is not on offer: the question stands.
            (Some(_) | None, Some(_) | None) => Vec::new(),
        },
    }
}

pub(super) fn open_phase<'a>(plan: &'a Plan, state: &RunState) -> Option<&'a Phase> {
    let id: &PhaseId = state.phase()?;
    plan.phase(id)
}
