//! What is owed next: a function of the state, the plan and the time, so that a run taken up again needs nothing but
//! its facts.

use super::act::{Action, Ended};
use super::ahead::{Ahead, ahead};
use super::choose;
use super::evolve::end_of_way_back;
use super::interpret::{moment, open_phase};
use super::state::{Back, RunState, Stage};
use super::undo::{left_by_design, undo_owed};
use crate::model::{
    Cause, Event, Guidance, Item, Moment, Part, Phase, PhaseEnd, Plan, Reaction, Timestamp, Verdict,
};

/// What follows from a state without the world saying anything.
pub(super) enum Owed {
    /// More facts.
    Facts(Vec<Event>),
    /// An act, and the facts that must be durable before it.
    Act(Vec<Event>, Action),
}

fn act(action: Action) -> Owed {
    Owed::Act(Vec::new(), action)
}

fn fact(event: Event) -> Owed {
    Owed::Facts(vec![event])
}

pub(super) fn owed(plan: &Plan, state: &RunState, now: Timestamp) -> Owed {
    if let Some(verdict) = state.finished {
        return act(Action::Stop(Ended::Finished(verdict)));
    }
    if let Some(cause) = &state.paused {
        return act(Action::Stop(Ended::Paused(cause.clone())));
    }
    let Some(phase) = open_phase(plan, state) else { return between(state) };
    // Who stops here leaves nothing to guard.
    if state.needs_guard() && !(state.stop_wanted && may_stop(state)) {
        return act(Action::Arm);
    }
    if let Some(cause) = &state.trouble {
        return in_trouble(phase, state, cause);
    }
    if state.stop_wanted && may_stop(state) {
        return fact(Event::RunPaused { cause: Cause::Interrupted });
    }
    match &state.stage {
        Stage::Idle => between(state),
        // A phase that begins anew is not guarded: it may turn out that it does not even apply.
        Stage::Applies | Stage::Preflight if state.armed => act(Action::Disarm),
        Stage::Applies | Stage::Preflight | Stage::Baseline | Stage::Validating => judge(state),
        Stage::Gate => match state.guidance() {
            Guidance::Guided => act(Action::AskGate),
            Guidance::Unattended => fact(Event::GateAnswered { go: true }),
        },
        Stage::Recording(layer) => act(Action::Record { layer: *layer }),
        Stage::Sealing => act(Action::Seal),
        Stage::Arming => act(Action::Arm),
        Stage::Applying(step) if phase.reboots_at(*step) => fact(Event::RebootAwaited),
        Stage::AwaitingReboot(_) => act(Action::Stop(Ended::AwaitingReboot)),
        Stage::Booted(_) => act(Action::CompareBoot),
        Stage::Applying(step) => perform(phase, Part::Apply, *step),
        Stage::Settling(None) => fact(Event::SettleBegan { until: now.after(phase.settle) }),
        Stage::Settling(Some(until)) => act(Action::Wait { until: *until }),
        Stage::Confirming(None) => match phase.confirm {
            Some(window) => fact(Event::ConfirmOpened { until: now.after(window) }),
            None => fact(Event::Confirmed(None)),
        },
        Stage::Confirming(Some(until)) => act(Action::Confirm { until: *until }),
        Stage::Committing(step) => perform(phase, Part::Commit, *step),
        Stage::Keeping(layer) => act(Action::Keep { layer: *layer }),
        Stage::Sealed => {
            fact(Event::PhaseCommitted { soak_until: phase.soak.map(|soak| now.after(soak.length)) })
        }
        Stage::Disarming => {
            if state.armed {
                act(Action::Disarm)
            } else {
                fact(Event::PhaseEnded { end: PhaseEnd::Committed, items: Vec::new(), left: Vec::new() })
            }
        }
        Stage::Reverting(back) => going_back(phase, state, back),
        Stage::Ended(end) => after_phase(state, *end, now),
    }
}

fn judge(state: &RunState) -> Owed {
    match moment(&state.stage) {
        Some(moment) => act(Action::Judge { moment }),
        None => Owed::Facts(Vec::new()),
    }
}

/// The intent is durable before the act.
fn perform(phase: &Phase, part: Part, step: usize) -> Owed {
    match phase.steps(part).get(step) {
        Some(named) => Owed::Act(
            vec![Event::StepStarted { part, step, id: named.id.clone() }],
            Action::Perform { part, step },
        ),
        None => Owed::Facts(Vec::new()),
    }
}

/// Between phases a stop leaves the rest for later; before the first there is nothing to come back to.
fn between(state: &RunState) -> Owed {
    match state.itinerary.queue.first() {
        None => fact(Event::RunFinished { verdict: Verdict::Committed }),
        Some(phase) if !state.stop_wanted => act(Action::Open { phase: phase.clone() }),
        Some(_) if state.header.is_none() => fact(Event::RunFinished { verdict: Verdict::Refused }),
        Some(_) => fact(Event::RunPaused { cause: Cause::Interrupted }),
    }
}

fn after_phase(state: &RunState, end: PhaseEnd, now: Timestamp) -> Owed {
    let soaks = state.soak_until.is_some_and(|until| until > now);
    match end {
        // The next phase may not begin yet: this run has done what was due.
        PhaseEnd::Committed if soaks => fact(Event::RunFinished { verdict: Verdict::Committed }),
        PhaseEnd::Committed | PhaseEnd::NotApplicable => between(state),
        PhaseEnd::Refused => fact(Event::RunFinished { verdict: Verdict::Refused }),
        PhaseEnd::Reverted => fact(Event::RunFinished { verdict: Verdict::RolledBack }),
        PhaseEnd::Inconsistent => fact(Event::RunFinished { verdict: Verdict::Inconsistent }),
        PhaseEnd::Resolved => fact(Event::RunFinished { verdict: Verdict::Resolved }),
    }
}

/// A safe point lies between two acts, going forward, before the decision is final.
fn may_stop(state: &RunState) -> bool {
    !state.going_back() && !state.committed() && !matches!(state.stage, Stage::Sealed | Stage::Ended(_))
}

fn in_trouble(phase: &Phase, state: &RunState, cause: &Cause) -> Owed {
    let at = moment(&state.stage);
    if let (Some(Moment::Applies), Cause::ChecksFailed(_)) = (at, cause) {
        return fact(Event::PhaseEnded { end: PhaseEnd::NotApplicable, items: Vec::new(), left: Vec::new() });
    }
    if *cause == Cause::Declined {
        return fact(Event::RevertBegan { cause: cause.clone() });
    }
    let may_accept = at.is_some_and(|moment| choose::may_accept(phase, moment, cause));
    match state.guidance() {
        Guidance::Guided if state.stop_wanted => fact(Event::RunPaused { cause: cause.clone() }),
        Guidance::Guided => act(Action::Choose { cause: cause.clone(), may_accept }),
        Guidance::Unattended => fact(react(phase, state, cause, may_accept)),
    }
}

/// What the plan's `on` says. Before anything was touched, only going on or going no further is possible.
fn react(phase: &Phase, state: &RunState, cause: &Cause, may_accept: bool) -> Event {
    let reaction = choose::reaction(phase, cause);
    let cause = cause.clone();
    match (reaction, moment(&state.stage)) {
        (Reaction::Continue, Some(moment)) if may_accept => Event::ChecksAccepted {
            moment,
            checks: choose::checks_in(&cause).to_vec(),
            reason: "the plan says `continue`".to_owned(),
        },
        (Reaction::Pause, _) if state.touched => Event::RunPaused { cause },
        (Reaction::Continue | Reaction::Pause | Reaction::Rollback, _) => Event::RevertBegan { cause },
    }
}

fn going_back(phase: &Phase, state: &RunState, back: &Back) -> Owed {
    let exhausted = state.exhausted();
    match back {
        // All is back but the guard, which finds the decision and does nothing.
        Back::Disarming if exhausted => ending(phase, state),
        Back::Children
        | Back::Undoing
        | Back::Restoring(_)
        | Back::Steps(_)
        | Back::Reprobing
        | Back::Rejecting
            if exhausted =>
        {
            let mut items = state.items.clone();
            let why = format!("the way back was taken up {} times and did not end", state.resumptions);
            items.push(Item::new(format!("phase {}", phase.id), why));
            items.extend(not_reached(phase, state, back));
            let left = left_by_design(phase, state);
            fact(Event::PhaseEnded { end: PhaseEnd::Inconsistent, items, left })
        }
        Back::Children => act(Action::EndChildren),
        Back::Undoing => match undo_owed(phase, state).first() {
            Some((part, step)) => Owed::Act(
                vec![Event::UndoStarted { part: *part, step: *step }],
                Action::Undo { part: *part, step: *step },
            ),
            None => Owed::Facts(Vec::new()),
        },
        Back::Restoring(left) => act(Action::Restore { layer: left.saturating_sub(1) }),
        Back::Steps(step) => perform(phase, Part::Rollback, *step),
        Back::Reprobing => judge(state),
        Back::Rejecting => match &state.reverting {
            Some(cause) => act(Action::Quarantine { cause: cause.clone() }),
            None => Owed::Facts(Vec::new()),
        },
        Back::Disarming => act(Action::Disarm),
        Back::Ending => ending(phase, state),
    }
}

/// What the way back did not come to, by name.
fn not_reached(phase: &Phase, state: &RunState, back: &Back) -> Vec<Item> {
    let Ahead { undo, layers, steps } = ahead(phase, state, back);
    let undo = undo.into_iter().filter_map(|(part, step)| phase.steps(part).get(step));
    let undo = undo.map(|step| Item::new(format!("undo of step {}", step.id), "it did not end"));
    let layers = phase.layers.iter().take(layers).rev();
    let layers = layers.map(|layer| Item::new(format!("layer {}", layer.kind()), "it was not restored"));
    let steps = phase.rollback.iter().skip(steps);
    let steps = steps.map(|step| Item::new(format!("rollback step {}", step.id), "it did not end"));
    undo.chain(layers).chain(steps).collect()
}

fn ending(phase: &Phase, state: &RunState) -> Owed {
    let (end, items) = (end_of_way_back(state), state.items.clone());
    fact(Event::PhaseEnded { end, items, left: left_by_design(phase, state) })
}
