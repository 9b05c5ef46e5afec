//! The decision: interpret what the world said as facts, then find what is owed next.

use super::act::{Action, Decision, Ended, Heard, Input};
use super::evolve::evolve;
use super::interpret::{arms_first, hear, interpret};
use super::owed::{Owed, owed};
use super::state::RunState;
use crate::model::{Cause, Event, Plan, Timestamp};

/// What follows from what the world said. Pure and total: the same state, input and time give the same decision.
#[must_use]
pub fn decide(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    if arms_first(state, input) {
        let asked = Box::new(input.clone());
        return Decision { events: Vec::new(), action: Action::ArmFirst { asked } };
    }
    let mut events = Vec::new();
    let mut after = state.clone();
    let mut add = |after: RunState, more: Vec<Event>| {
        let after = more.iter().fold(after, |state, event| evolve(plan, state, event));
        events.extend(more);
        after
    };
    after = add(after, interpret(plan, state, input));
    let interrupts = hear(&after, heard);
    after = add(after, interrupts);
    // Every fact that is owed moves the stage on, so this ends; the bound turns a slip into a stop with a name.
    for _ in 0..64 {
        match owed(plan, &after, now) {
            Owed::Facts(more) => after = add(after, more),
            Owed::Act(more, action) => {
                add(after, more);
                return Decision { events, action };
            }
        }
    }
    Decision { events, action: Action::Stop(Ended::Paused(Cause::Interrupted)) }
}

/// Whether these facts must be durable before anything follows from them. Forward: no record, no act. From the moment
/// the way back begins, and after the commit: record if you can, act anyway. What a person says, and what
/// is left to one, is nothing but its record.
#[must_use]
pub fn record_required(state: &RunState, events: &[Event]) -> bool {
    let opens = events.iter().any(|event| {
        matches!(
            event,
            Event::PhaseBegan(_)
                | Event::ItemsResolved { .. }
                | Event::SoakHeld(_)
                | Event::SoakReleased { .. }
        )
    });
    let past = |event: &Event| matches!(event, Event::RevertBegan { .. } | Event::RunFinished { .. });
    opens || !(events.iter().any(past) || state.going_back() || state.committed() || state.finished.is_some())
}
