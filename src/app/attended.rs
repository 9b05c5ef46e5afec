//! A step that a person does, in a run that asks nobody: said in the preflight of its phase, before the first act.
//!
//! Where the step is certain to be reached, the run is refused before it begins (`barred.rs`). What stands behind a
//! condition is known only here, or not even here: then nothing is begun that could not be brought to its end.

use super::acts::RunTime;
use super::barred::asking_steps;
use super::filled::filled_check;
use super::session::Session;
use super::silence::Unwatched;
use crate::check::{self, LookCx};
use crate::engine::{Action, Input, RunState};
use crate::model::{Changes, CheckId, Guidance, Moment, Outcome, Phase, Step};
use crate::system::clock;
use std::collections::BTreeMap;

impl Session<'_> {
    /// What a preflight came to; a refusal where nobody is there for a step of the phase.
    pub(super) fn attended(
        &self,
        phase: Option<&Phase>,
        state: &RunState,
        action: &Action,
        input: Input,
    ) -> Input {
        let (Action::Judge { moment: Moment::Preflight }, Guidance::Unattended, Some(phase)) =
            (action, state.guidance(), phase)
        else {
            return input;
        };
        let mut asking = asking_steps(phase).filter(|_| !self.taken_for_done);
        let alone = asking.find(|step| self.may_be_reached(phase, step));
        match alone {
            Some(step) => {
                let why = format!("step `{}` asks a person, and this run asks nobody", step.id);
                // Before anything is recorded, that it cannot be is what refuses a phase.
                Input::Recorded(Err(why))
            }
            None => input,
        }
    }

    /// Whether the step may be reached: its condition is looked at now, and believed where nothing before it could change
    /// what it looks at.
    fn may_be_reached(&self, phase: &Phase, asks: &Step) -> bool {
        let Some(when) = &asks.when else { return true };
        let mut before = phase.apply.iter().chain(&phase.commit).take_while(|step| step.id != asks.id);
        if before.any(|step| step.changes == Changes::Machine) {
            return true;
        }
        let values = RunTime {
            generation: self.capsule.as_ref().map(|capsule| capsule.number().to_string()).unwrap_or_default(),
            phase_started: self.recall.began.map(|began| began.to_string()).unwrap_or_default(),
        };
        let mut evidence = |_: &CheckId, _: &str, _: &[u8]| {};
        let mut cx = LookCx {
            host: &self.host,
            today: clock::today(),
            phase_started: None,
            baseline: &BTreeMap::new(),
            cores: 1,
            watch: &mut Unwatched,
            evidence: &mut evidence,
        };
        let reports = check::look(&[filled_check(when, &values)], &mut cx);
        reports.iter().all(|report| !matches!(report.outcome, Outcome::Fail | Outcome::Skipped))
    }
}
