//! The heart: decide, record, show, act, repeat.

use crate::engine::{Action, Ended, Heard, Input, RunState, decide, record_required, replay};
use crate::model::{Event, Plan, Timestamp};

/// What the loop needs of the world.
pub trait Ports {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// Makes facts durable.
    ///
    /// # Errors
    /// Why they are not durable.
    fn record(&mut self, events: &[Event]) -> Result<(), String>;
    /// Shows facts that are durable, or that no longer wait for the record.
    fn show(&mut self, events: &[Event]);
    /// Carries out an act. It cannot fail: every way of failing is an input.
    fn perform(&mut self, plan: &Plan, state: &RunState, action: &Action) -> Input;
    /// How often a person has asked to stop.
    fn heard(&mut self) -> Heard;
    /// Whether the machine goes down now and somebody sees to this state when it is up again.
    fn leaves(&mut self, state: &RunState) -> bool;
}

/// The machine goes down with something undecided, and whoever is started when it is up again decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoesDown;

/// Drives a run until nothing more is owed by this process.
///
/// # Errors
/// [`GoesDown`]: what the last act came to is not recorded, as if this process had been killed.
pub fn drive(
    plan: &Plan,
    mut state: RunState,
    first: Input,
    ports: &mut dyn Ports,
) -> Result<(RunState, Ended), GoesDown> {
    let mut input = first;
    loop {
        if ports.leaves(&state) {
            return Err(GoesDown);
        }
        let decision = decide(plan, &state, &input, ports.heard(), ports.now());
        let recorded = ports.record(&decision.events);
        if let (Err(why), true) = (recorded, record_required(&state, &decision.events)) {
            input = Input::JournalLost(why);
            continue;
        }
        state = replay(plan, state, &decision.events);
        ports.show(&decision.events);
        if let Action::Stop(ended) = decision.action {
            return Ok((state, ended));
        }
        input = ports.perform(plan, &state, &decision.action);
    }
}
