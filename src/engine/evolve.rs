//! One fact into the state. Total: every fact has a meaning in every state, so that any journal can be replayed.

use super::choose;
use super::itinerary::Itinerary;
use super::state::{Back, Mark, RunState, Stage};
use super::undo::undo_owed;
use crate::model::{
    Cause, Changes, Event, Guidance, Item, Moment, Outcome, Part, Phase, PhaseEnd, PhaseHeader, PhaseId,
    Plan, ProcessEnd, Restored, Span, StepOutcome, WAITS,
};

/// Folds facts, oldest first.
#[must_use]
pub fn replay<'a>(plan: &Plan, start: RunState, events: impl IntoIterator<Item = &'a Event>) -> RunState {
    events.into_iter().fold(start, |state, event| evolve(plan, state, event))
}

/// The state after one more fact.
#[must_use]
pub fn evolve(plan: &Plan, mut state: RunState, event: &Event) -> RunState {
    if let Event::PhaseBegan(header) = event {
        return began(plan, header);
    }
    let Some(phase) = state.phase().and_then(|id| plan.phase(id)) else {
        // Between phases only the run itself can end.
        match event {
            Event::RunFinished { verdict } => state.finished = Some(*verdict),
            Event::RunPaused { cause } => state.paused = Some(cause.clone()),
            Event::StopWanted => state.stop_wanted = true,
            Event::RunResumed { boot, guidance, .. } => resumed(&mut state, boot.as_ref(), *guidance),
            Event::PhaseBegan(_)
            | Event::CheckJudged { .. }
            | Event::MomentJudged { .. }
            | Event::GateAnswered { .. }
            | Event::LayerRecorded { .. }
            | Event::CapsuleSealed { .. }
            | Event::GuardArmed(_)
            | Event::GuardMissing { .. }
            | Event::StepStarted { .. }
            | Event::StepFinished { .. }
            | Event::SettleBegan { .. }
            | Event::SettleEnded
            | Event::ChecksAccepted { .. }
            | Event::RetryChosen
            | Event::RebootAwaited
            | Event::MachineRebooted
            | Event::BootCompared { .. }
            | Event::ConfirmOpened { .. }
            | Event::Confirmed(_)
            | Event::LayerKept { .. }
            | Event::PhaseCommitted { .. }
            | Event::SoakHeld(_)
            | Event::SoakReleased { .. }
            | Event::GuardDisarmed
            | Event::RevertBegan { .. }
            | Event::FactsLost { .. }
            | Event::ChildrenEnded { .. }
            | Event::UndoStarted { .. }
            | Event::UndoFinished { .. }
            | Event::LayerRestored { .. }
            | Event::Quarantined { .. }
            | Event::PhaseEnded { .. }
            | Event::ItemsResolved { .. }
            | Event::EarlierTakenBack { .. } => {}
        }
        return state;
    };
    match event {
        Event::PhaseBegan(_) => {}
        Event::RunResumed { boot, guidance, .. } => {
            resumed(&mut state, boot.as_ref(), *guidance);
            begin_anew(phase, &mut state);
        }
        Event::CheckJudged { moment, report } => {
            if *moment == Moment::Reprobe && report.reasons.iter().any(|reason| reason == WAITS) {
                state.waiting.insert(report.check.clone());
            }
            state.judged.insert((*moment, report.check.clone()), report.counted());
        }
        Event::MomentJudged { moment } => judged(phase, &mut state, *moment),
        Event::GateAnswered { go } => {
            if *go {
                state.stage = recording(phase, 0);
            } else {
                state.trouble = Some(Cause::Declined);
            }
        }
        Event::LayerRecorded { layer, .. } => {
            state.recorded = layer + 1;
            state.stage = recording(phase, layer + 1);
        }
        Event::CapsuleSealed { .. } => {
            // Before the guard is armed: after a crash in between nobody knows whether it stands.
            state.armed = true;
            state.stage = Stage::Arming;
        }
        Event::GuardArmed(_) => {
            state.guarded = true;
            // Before it is known that it stands: after a crash in between nobody knows whether it does.
            state.armed = true;
            if state.stage == Stage::Arming {
                state.stage = applying(phase, 0);
            }
        }
        Event::GuardMissing { .. } => {
            state.unguarded = true;
            // It was said that none could be armed: a part of it may stand all the same.
            state.armed = true;
        }
        Event::StepStarted { part, step, .. } => {
            state.touched = state.touched || matches!(part, Part::Apply | Part::Commit);
            state.mark(*part, *step, Mark::begun);
        }
        Event::StepFinished { part, step, outcome } => finished(phase, &mut state, *part, *step, outcome),
        Event::SettleBegan { until } => state.stage = Stage::Settling(Some(*until)),
        Event::SettleEnded => state.stage = Stage::Validating,
        Event::ChecksAccepted { moment, checks, .. } => {
            state.accepted.extend(checks.iter().cloned());
            weigh(phase, &mut state, *moment);
        }
        Event::RetryChosen => forget_trouble(&mut state),
        Event::RebootAwaited => {
            if let Stage::Applying(step) = state.stage {
                // What went before it may be in effect only then.
                state.touched = true;
                state.rebooted = false;
                state.stage = Stage::AwaitingReboot(step);
            }
        }
        Event::MachineRebooted => {
            if let Stage::AwaitingReboot(step) = state.stage {
                state.rebooted = false;
                state.stage = Stage::Booted(step);
            }
        }
        Event::BootCompared { wrong } => booted(phase, &mut state, wrong),
        Event::ConfirmOpened { until } => state.stage = Stage::Confirming(Some(*until)),
        Event::Confirmed(_) => state.stage = committing(phase, &mut state, 0),
        Event::LayerKept { layer } => state.stage = keeping(phase, &mut state, layer + 1),
        Event::PhaseCommitted { soak_until } => {
            state.soak_until = *soak_until;
            state.resumptions = 0;
            state.stage = Stage::Disarming;
        }
        Event::SoakHeld(held) => state.held = Some(held.clone()),
        Event::SoakReleased { .. } => state.held = None,
        Event::GuardDisarmed => {
            state.armed = false;
            state.guarded = false;
            if state.stage == Stage::Reverting(Back::Disarming) {
                state.stage = Stage::Reverting(Back::Ending);
            }
        }
        Event::StopWanted => state.stop_wanted = true,
        Event::RunPaused { cause } => {
            state.paused = Some(cause.clone());
            state.stop_wanted = false;
        }
        Event::RevertBegan { cause } => turn_back(&mut state, cause),
        Event::FactsLost { unknown } => {
            state.touched = true;
            state.damaged = true;
            state.unknown.extend(unknown.iter().cloned());
        }
        Event::ChildrenEnded { left, .. } => {
            state.items.extend(left.iter().cloned());
            state.stage = Stage::Reverting(Back::Undoing);
            skip_empty_undo(phase, &mut state);
        }
        Event::UndoStarted { part, step } => state.undoing = Some((*part, *step)),
        Event::UndoFinished { part, step, outcome } => undone(phase, &mut state, *part, *step, outcome),
        Event::LayerRestored { layer, restored } => back_in_place(phase, &mut state, *layer, restored),
        Event::Quarantined { .. } => {
            state.quarantined = true;
            state.stage = Stage::Reverting(short_way(&state));
        }
        Event::PhaseEnded { end, items, left } => {
            state.items.clone_from(items);
            state.left.clone_from(left);
            ends(phase, &mut state, *end);
        }
        Event::ItemsResolved { .. } => {
            state.items.clear();
            state.unknown.clear();
            state.damaged = false;
            state.held = None;
            state.finished = None;
            ends(phase, &mut state, PhaseEnd::Resolved);
        }
        Event::EarlierTakenBack { phase, end, .. } => stands(&mut state, phase, *end),
        Event::RunFinished { verdict } => state.finished = Some(*verdict),
    }
    state
}

/// A phase's header says all that is carried over from before it.
fn began(plan: &Plan, header: &PhaseHeader) -> RunState {
    let itinerary = Itinerary {
        run: header.run.clone(),
        queue: header.queue.clone(),
        done: header.done.clone(),
        guidance: header.guidance,
    };
    let mut state = RunState::new(itinerary);
    state.header = Some(Box::new(header.clone()));
    state.boot.clone_from(&header.boot);
    state.stage = plan.phase(&header.phase).map_or(Stage::Preflight, first_stage);
    state
}

const fn first_stage(phase: &Phase) -> Stage {
    if phase.applies_if.is_some() { Stage::Applies } else { Stage::Preflight }
}

/// A phase that is taken up before it touched anything begins anew: what was judged and recorded before its runner was
/// gone says nothing of the machine as it is now.
fn begin_anew(phase: &Phase, state: &mut RunState) {
    if state.touched || state.going_back() || matches!(state.stage, Stage::Disarming | Stage::Ended(_)) {
        return;
    }
    forget_trouble(state);
    state.judged.clear();
    state.recorded = 0;
    state.rebooted = false;
    state.stage = first_stage(phase);
}

fn ends(phase: &Phase, state: &mut RunState, end: PhaseEnd) {
    state.stage = Stage::Ended(end);
    state.trouble = None;
    let end = stands_after(state, &phase.id, end);
    stands(state, &phase.id, end);
}

/// How a phase stands now, whatever was known of it before.
fn stands(state: &mut RunState, phase: &PhaseId, end: PhaseEnd) {
    state.itinerary.done.retain(|(done, _)| done != phase);
    state.itinerary.done.push((phase.clone(), end));
}

/// A phase that was settled before, was taken once more, and changed nothing or went back stands as it stood before.
fn stands_after(state: &RunState, phase: &PhaseId, end: PhaseEnd) -> PhaseEnd {
    let before = state.header.as_deref().and_then(|header| {
        let before = header.done.iter().find(|(done, _)| done == phase);
        before.map(|(_, end)| *end)
    });
    match (end, before) {
        (
            PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::Resolved,
            Some(settled @ (PhaseEnd::Committed | PhaseEnd::NotApplicable)),
        ) => settled,
        (
            PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::Resolved,
            Some(PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::Inconsistent | PhaseEnd::Resolved) | None,
        )
        | (PhaseEnd::Committed | PhaseEnd::NotApplicable | PhaseEnd::Inconsistent, _) => end,
    }
}

/// What booted is what was to boot: the reboot is behind the phase.
fn booted(phase: &Phase, state: &mut RunState, wrong: &[Item]) {
    let Stage::Booted(step) = state.stage else { return };
    if wrong.is_empty() {
        if step < phase.apply.len() {
            state.mark(Part::Apply, step, |_| Mark::Done);
            state.stage = applying(phase, step + 1);
        } else {
            state.stage = settling(phase);
        }
    } else {
        state.trouble = Some(Cause::WrongBoot(wrong.to_vec()));
    }
}

fn resumed(state: &mut RunState, boot: Option<&String>, guidance: Guidance) {
    state.itinerary.guidance = guidance;
    state.stop_wanted = false;
    state.undo_lost.extend(state.undoing.take());
    // A guard watches one runner.
    state.guarded = false;
    state.unguarded = false;
    let waits = matches!(state.stage, Stage::AwaitingReboot(_));
    // Where a person had stopped it nobody was at work on it: there was nothing to break off.
    state.rebooted |= state.is_another_boot(boot) && (waits || state.paused.is_none());
    if boot.is_some() {
        state.boot = boot.cloned();
    }
    if state.paused.take().is_none() {
        // Who went down on purpose did not crash.
        state.resumptions += u32::from(!waits);
    } else if let Stage::Confirming(Some(_)) = state.stage {
        // Who paused in the window was there: the time in which nobody could say keep does not count as silence.
        state.stage = Stage::Confirming(None);
    }
    // What could not be decided is judged afresh; a step that went wrong stays a question.
    let about_checks = state.trouble.as_ref().is_some_and(|cause| !choose::checks_in(cause).is_empty());
    if about_checks {
        forget_trouble(state);
    }
}

/// What is judged again is accepted again, or not: it may be another outcome this time.
fn forget_trouble(state: &mut RunState) {
    state.trouble = None;
    state.accepted.clear();
}

/// Every check of a moment is in: either nothing is wrong and the phase moves on, or there is trouble.
fn judged(phase: &Phase, state: &mut RunState, moment: Moment) {
    match moment {
        Moment::Applies | Moment::Preflight | Moment::Validate => weigh(phase, state, moment),
        Moment::Baseline => state.stage = Stage::Sealing,
        Moment::Reprobe => {
            let lost = phase.validate.iter().filter_map(|check| {
                let before = state.judged.get(&(Moment::Baseline, check.id.clone()))?;
                let after = choose::outcome_of(state, Moment::Reprobe, &check.id);
                let waits = state.waiting.contains(&check.id).then_some(WAITS);
                let why = worse(*before, after);
                why.map(|why| Item::new(format!("check {}", check.id), waits.unwrap_or(why)))
            });
            let lost: Vec<Item> = lost.collect();
            state.items.extend(lost);
            state.stage = after_reprobing(state);
        }
    }
}

/// The way back held for a check unless it was good before and is not known to be good now.
fn worse(before: Outcome, after: Outcome) -> Option<&'static str> {
    match (before, after) {
        (Outcome::Pass | Outcome::Warn, Outcome::Fail) => {
            Some("passed before the phase, fails after the way back")
        }
        (Outcome::Pass | Outcome::Warn, Outcome::Error) => {
            Some("passed before the phase, could not be measured after the way back")
        }
        (Outcome::Pass | Outcome::Warn, Outcome::Inconclusive) => {
            Some("passed before the phase, is undecided after the way back")
        }
        (Outcome::Pass | Outcome::Warn, Outcome::Pass | Outcome::Warn | Outcome::Skipped)
        | (Outcome::Fail | Outcome::Error | Outcome::Inconclusive | Outcome::Skipped, _) => None,
    }
}

fn weigh(phase: &Phase, state: &mut RunState, moment: Moment) {
    state.trouble = choose::trouble(phase, state, moment);
    if state.trouble.is_some() {
        return;
    }
    match moment {
        Moment::Applies => next_moment(state, Stage::Preflight),
        Moment::Preflight => next_moment(state, Stage::Gate),
        Moment::Validate => {
            let stage =
                if phase.confirm.is_some() { Stage::Confirming(None) } else { committing(phase, state, 0) };
            next_moment(state, stage);
        }
        Moment::Baseline | Moment::Reprobe => {}
    }
}

fn next_moment(state: &mut RunState, stage: Stage) {
    state.accepted.clear();
    state.stage = stage;
}

fn finished(phase: &Phase, state: &mut RunState, part: Part, step: usize, outcome: &StepOutcome) {
    state.mark(part, step, |mark| mark.ended(outcome));
    let id = phase.steps(part).get(step).map(|step| step.id.clone());
    let again = *outcome == StepOutcome::Lost && may_repeat(phase, part, step);
    let well = match outcome {
        StepOutcome::Done | StepOutcome::NotApplicable(_) => true,
        StepOutcome::Failed(_)
        | StepOutcome::NotStarted(_)
        | StepOutcome::Broken(_)
        | StepOutcome::TimedOut(_)
        | StepOutcome::Declined
        | StepOutcome::Interrupted
        | StepOutcome::Lost => false,
    };
    match part {
        Part::Apply | Part::Commit if again => {}
        Part::Apply if well => state.stage = applying(phase, step + 1),
        Part::Commit if well => state.stage = committing(phase, state, step + 1),
        Part::Apply | Part::Commit => {
            state.trouble = id.map(|step| Cause::StepFailed { part, step, outcome: outcome.clone() });
        }
        Part::Rollback => {
            // A rollback step that was lost in a crash runs again: the way back is repeatable by rule.
            if *outcome == StepOutcome::Lost {
                return;
            }
            if let (false, Some(id)) = (well, id) {
                state.items.push(Item::new(format!("rollback step {id}"), words(outcome)));
            }
            state.stage = back_steps(phase, state, step + 1);
        }
    }
}

fn may_repeat(phase: &Phase, part: Part, step: usize) -> bool {
    phase.steps(part).get(step).is_some_and(|step| step.idempotent || step.changes == Changes::Nothing)
}

/// How an outcome reads in the name of an item.
fn words(outcome: &StepOutcome) -> String {
    match outcome {
        StepOutcome::Done => "done".to_owned(),
        StepOutcome::NotApplicable(why) => format!("not applicable: {why}"),
        StepOutcome::Failed(ProcessEnd::Exited(status)) => format!("exit status {status}"),
        StepOutcome::Failed(ProcessEnd::Signaled(signal)) => format!("ended by signal {signal}"),
        StepOutcome::NotStarted(why) | StepOutcome::Broken(why) => why.clone(),
        StepOutcome::TimedOut(after) => format!("killed after {after}"),
        StepOutcome::Declined => "a person said no".to_owned(),
        StepOutcome::Interrupted => "broken off by a person".to_owned(),
        StepOutcome::Lost => "nobody knows: the runner was gone before it ended".to_owned(),
    }
}

// Where forward goes next.

fn recording(phase: &Phase, layer: usize) -> Stage {
    if layer < phase.layers.len() {
        Stage::Recording(layer)
    } else if phase.validate.is_empty() {
        Stage::Sealing
    } else {
        Stage::Baseline
    }
}

fn applying(phase: &Phase, step: usize) -> Stage {
    if step < phase.apply.len() || phase.reboots_at(step) { Stage::Applying(step) } else { settling(phase) }
}

fn settling(phase: &Phase) -> Stage {
    if phase.settle > Span::ZERO { Stage::Settling(None) } else { Stage::Validating }
}

fn committing(phase: &Phase, state: &mut RunState, step: usize) -> Stage {
    if step < phase.commit.len() {
        Stage::Committing(step)
    } else if phase.commit.is_empty() {
        keeping(phase, state, 0)
    } else {
        Stage::Sealed
    }
}

fn keeping(phase: &Phase, state: &mut RunState, layer: usize) -> Stage {
    if layer < phase.layers.len() {
        state.touched = true;
        Stage::Keeping(layer)
    } else {
        Stage::Sealed
    }
}

// Where the way back goes next.

fn turn_back(state: &mut RunState, cause: &Cause) {
    state.trouble = None;
    state.paused = None;
    state.stop_wanted = false;
    state.finished = None;
    state.resumptions = 0;
    state.rebooted = false;
    state.damaged = false;
    // What could not be recorded may be that the phase was taken up: then the guard is that of the runner before.
    state.guarded &= !matches!(cause, Cause::JournalLost(_));
    // What nobody can know stays so, however often one goes back.
    state.items.clone_from(&state.unknown);
    state.left.clear();
    state.undo_tried.clear();
    state.undoing = None;
    state.undo_lost.clear();
    state.waiting.clear();
    state.soak_until = None;
    state.held = None;
    state.judged.retain(|(moment, _), _| *moment == Moment::Baseline);
    state.reverting = Some(cause.clone());
    // A step whose end was never recorded is not in flight any more: from here on only its undo is.
    for mark in state.marks.iter_mut().flatten() {
        *mark = mark.lost();
    }
    state.marks[Part::Rollback as usize].clear();
    state.stage = Stage::Reverting(if state.touched { Back::Children } else { short_way(state) });
}

/// Nothing was touched: only the guard has to come down.
fn short_way(state: &RunState) -> Back {
    if state.armed { Back::Disarming } else { Back::Ending }
}

fn skip_empty_undo(phase: &Phase, state: &mut RunState) {
    if undo_owed(phase, state).is_empty() {
        state.stage = restoring(phase, state, state.recorded);
    }
}

fn undone(phase: &Phase, state: &mut RunState, part: Part, step: usize, outcome: &StepOutcome) {
    state.undo_tried.insert((part, step));
    state.undoing = None;
    match outcome {
        StepOutcome::Done | StepOutcome::NotApplicable(_) => {
            state.undone.insert((part, step));
        }
        StepOutcome::Failed(_)
        | StepOutcome::NotStarted(_)
        | StepOutcome::Broken(_)
        | StepOutcome::TimedOut(_)
        | StepOutcome::Declined
        | StepOutcome::Interrupted
        | StepOutcome::Lost => {
            let id = phase.steps(part).get(step).map(|step| step.id.to_string()).unwrap_or_default();
            state.items.push(Item::new(format!("undo of step {id}"), words(outcome)));
        }
    }
    skip_empty_undo(phase, state);
}

fn restoring(phase: &Phase, state: &RunState, left: usize) -> Stage {
    if left > 0 { Stage::Reverting(Back::Restoring(left)) } else { back_steps(phase, state, 0) }
}

fn back_in_place(phase: &Phase, state: &mut RunState, layer: usize, restored: &Restored) {
    state.items.extend(restored.failed.iter().cloned());
    state.stage = restoring(phase, state, layer);
}

fn back_steps(phase: &Phase, state: &RunState, step: usize) -> Stage {
    if step < phase.rollback.len() {
        Stage::Reverting(Back::Steps(step))
    } else if phase.validate.is_empty() {
        after_reprobing(state)
    } else {
        Stage::Reverting(Back::Reprobing)
    }
}

fn after_reprobing(state: &RunState) -> Stage {
    let rejects = state.reverting.as_ref().is_some_and(Cause::rejects);
    Stage::Reverting(if rejects { Back::Rejecting } else { short_way(state) })
}

/// How a phase that went back ends.
#[must_use]
pub(super) fn end_of_way_back(state: &RunState) -> PhaseEnd {
    match (state.touched, state.items.is_empty()) {
        (false, _) => PhaseEnd::Refused,
        (true, true) => PhaseEnd::Reverted,
        (true, false) => PhaseEnd::Inconsistent,
    }
}
