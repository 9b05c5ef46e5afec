//! What each act that is owed is held against.

use super::{Broken, Story, hold, newer};
use crate::machine::Machine;
use switchback::engine::{Action, Ended, Heard, Input, Limits};
use switchback::model::*;

impl Story {
    /// The promises about the act that is owed now.
    pub(crate) fn allows(
        &self,
        plan: &Plan,
        machine: &Machine,
        action: &Action,
        heard: Heard,
    ) -> Result<(), Broken> {
        let phase = self.phase.and_then(|at| plan.phases.get(at));
        self.boots_are_true(action)?;
        if let Action::Open { phase: next } = action {
            hold(heard == Heard::Nothing, "no phase begins after a stop was asked for")?;
            hold(
                self.soak.is_none_or(|until| machine.clock >= until),
                "no phase begins while the one before soaks",
            )?;
            let ended = matches!(self.ended, None | Some(PhaseEnd::Committed | PhaseEnd::NotApplicable));
            hold(
                ended && (phase.is_none() || self.ended.is_some()),
                "a phase begins after the one before is done",
            )?;
            return hold(
                phase.is_none() || self.queue.first() == Some(next),
                "the next phase is the next in the queue",
            );
        }
        if let Action::Stop(ended) = action {
            return self.stop_is_true(plan, machine, ended);
        }
        let Some(phase) = phase else { return Err(format!("{action:?} between phases")) };
        match action {
            Action::Undo { .. }
            | Action::Restore { .. }
            | Action::Quarantine { .. }
            | Action::EndChildren
            | Action::Disarm
            | Action::Arm
            | Action::Perform { part: Part::Rollback, .. }
            | Action::Judge { moment: Moment::Reprobe } => {
                hold(
                    self.back.is_none() || self.taken_up <= Limits::BACK,
                    "the way back is taken up so often and no more",
                )?;
            }
            // A way back that is asked for anew is counted anew.
            Action::ArmFirst { .. } => {}
            Action::Open { .. }
            | Action::Judge { .. }
            | Action::AskGate
            | Action::Record { .. }
            | Action::Seal
            | Action::CompareBoot
            | Action::Perform { .. }
            | Action::Wait { .. }
            | Action::Confirm { .. }
            | Action::Keep { .. }
            | Action::Choose { .. }
            | Action::Stop(_) => {
                hold(self.back.is_none(), "nothing goes forward after the way back began")?;
                hold(!self.committed && self.ended.is_none(), "nothing goes forward after the end")?;
                hold(self.taken_up <= Limits::FORWARD, "a phase is taken up so often and no more")?;
                hold(heard == Heard::Nothing, "nothing goes forward after a stop was asked for")?;
            }
        }
        match action {
            Action::Judge { moment: Moment::Applies | Moment::Preflight } => Ok(()),
            Action::Judge { moment: Moment::Baseline } => {
                hold(self.recorded == phase.layers.len() && self.gate, "the baseline comes after the record")
            }
            Action::Judge { moment: Moment::Validate } => {
                hold(self.applied(phase), "judged only after every step ended well")?;
                let over = phase.settle == Span::ZERO || self.waited && self.settled <= Some(machine.clock);
                hold(over, "judged only after it settled")?;
                self.guarded(phase, machine)
            }
            Action::Judge { moment: Moment::Reprobe } => {
                self.backward(machine)?;
                hold(self.rolled == phase.rollback.len(), "probed again only after the rollback steps")
            }
            Action::AskGate => {
                hold(self.guided, "nobody is asked where nobody is")?;
                hold(self.holds(phase, Moment::Preflight), "no gate before the preflight holds")
            }
            Action::Record { layer } => {
                hold(self.holds(phase, Moment::Preflight), "nothing recorded before the preflight holds")?;
                hold(self.gate, "nothing recorded past an unanswered gate")?;
                hold(*layer == self.recorded, "layers are recorded in order")
            }
            Action::Seal => {
                hold(self.gate && self.recorded == phase.layers.len(), "sealed after all is recorded")
            }
            Action::Arm => {
                let damaged = self.back.is_some() && self.begun;
                hold(self.sealed || damaged, "armed after the capsule is sealed")
            }
            Action::ArmFirst { asked } => {
                let along = matches!(**asked, Input::RollbackAlongDamage { .. });
                hold(self.sealed || self.begun || along, "armed after the capsule is sealed")
            }
            Action::Perform { part: Part::Rollback, step } => {
                self.backward(machine)?;
                hold(self.intent == Some((Part::Rollback, *step)), "no act without a durable intent")?;
                hold(self.to_restore == 0 && self.all_undone(phase), "rollback steps come after the layers")?;
                hold(*step == self.rolled, "rollback steps in order, once")
            }
            Action::Perform { part, step } => {
                self.guarded(phase, machine)?;
                hold(self.intent == Some((*part, *step)), "no act without a durable intent")?;
                let repeats = |step: &Step| step.idempotent || step.changes == Changes::Nothing;
                let may_repeat = phase.steps(*part).get(*step).is_some_and(repeats);
                hold(may_repeat || self.unknown != self.intent, "a lost step runs again only where it may")?;
                hold((0..*step).all(|step| self.well.contains(&(*part, step))), "steps in order")?;
                hold(
                    *part == Part::Apply || self.validated(phase),
                    "no commit step before the validation holds",
                )?;
                hold(
                    *part == Part::Commit || !self.moments.contains(&Moment::Validate),
                    "no step after the judging",
                )
            }
            Action::CompareBoot => {
                self.guarded(phase, machine)?;
                hold(self.compares.is_some(), "what booted is compared after the machine went down")
            }
            Action::Wait { until } => {
                self.guarded(phase, machine)?;
                hold(self.applied(phase), "settled only after every step ended well")?;
                hold(self.settled == Some(until.0), "the wait ends when the facts say")
            }
            Action::Confirm { until } => {
                self.guarded(phase, machine)?;
                hold(self.holds(phase, Moment::Validate), "no confirm before the validation holds")?;
                hold(self.window == Some(until.0), "the window closes when the facts say")
            }
            Action::Keep { layer } => {
                self.guarded(phase, machine)?;
                hold(self.validated(phase), "nothing is kept before the validation holds")?;
                hold(
                    *layer == self.kept && phase.commit.is_empty(),
                    "layers are kept in order, where nothing else commits",
                )
            }
            Action::Disarm => {
                if self.back.is_none() {
                    let anew = !self.begun && self.recorded == 0 && !self.sealed;
                    return hold(self.committed || anew, "the guard comes down after the commit");
                }
                if self.touched() { self.way_back_walked_but_named(phase) } else { Ok(()) }
            }
            Action::Choose { cause, may_accept } => {
                hold(self.guided, "nobody is asked where nobody is")?;
                let (Cause::ChecksFailed(ids) | Cause::ChecksBroken(ids) | Cause::ChecksUndecided(ids)) =
                    cause
                else {
                    return hold(!may_accept, "only checks are accepted");
                };
                let all = phase.applies_if.iter().chain(&phase.preflight).chain(&phase.validate);
                let mut critical = all.filter(|check| check.severity == Severity::Critical);
                let offered = !critical.any(|check| ids.contains(&check.id));
                hold(*may_accept == offered, "what is not critical may be accepted, and nothing else")
            }
            Action::EndChildren => {
                hold(self.back.is_some(), "children are ended on the way back")?;
                self.guarded_back(machine)
            }
            Action::Undo { part, step } => {
                self.backward(machine)?;
                let at = (*part, *step);
                hold(self.undo == Some(at), "no undo without its intent")?;
                hold(self.acted.contains(&at), "only what may have taken effect is undone")?;
                hold(Self::own_undo(phase, at), "only an own undo is taken")?;
                hold(!self.undone.contains(&at), "what is undone is not undone again")?;
                hold(!self.tried.contains(&at), "an undo is tried once on a way back")?;
                hold(self.last_undo.is_none_or(|last| newer(last, at)), "the newest is undone first")?;
                let left = self.acted.iter().filter(|other| newer(**other, at) && other.0 != Part::Rollback);
                let mut left = left.filter(|other| Self::own_undo(phase, **other));
                hold(
                    left.all(|other| self.undone.contains(other) || self.tried.contains(other)),
                    "the newest is undone first",
                )?;
                hold(self.to_restore == self.recorded, "steps are undone before layers are restored")
            }
            Action::Restore { layer } => {
                self.backward(machine)?;
                hold(self.all_undone(phase), "layers are restored after every undo")?;
                hold(layer + 1 == self.to_restore, "layers come back in reverse")
            }
            Action::Quarantine { cause } => {
                hold(
                    cause.rejects() && self.back.as_ref() == Some(cause),
                    "only what is rejected is in quarantine",
                )?;
                self.guarded_back(machine)?;
                hold(self.to_restore == 0, "first home, then the quarantine")
            }
            Action::Open { .. } | Action::Stop(_) => Ok(()),
        }
    }

    /// Whether the phase may be acted on: the order that bears the load.
    fn guarded(&self, phase: &Phase, machine: &Machine) -> Result<(), Broken> {
        hold(
            phase.applies_if.is_none() || self.holds(phase, Moment::Applies),
            "nothing where the phase does not apply",
        )?;
        hold(self.holds(phase, Moment::Preflight), "nothing before the preflight holds")?;
        hold(self.gate, "nothing past an unanswered gate")?;
        hold(self.recorded == phase.layers.len(), "nothing before all is recorded")?;
        let probed = phase.validate.is_empty() || self.moments.contains(&Moment::Baseline);
        hold(probed, "nothing before the baseline is known")?;
        hold(self.sealed, "nothing before the capsule is sealed")?;
        hold(self.armed && machine.behind, "nothing before the guard stands")
    }

    /// On the way back one goes on without a guard, but not without having tried.
    fn guarded_back(&self, machine: &Machine) -> Result<(), Broken> {
        hold(
            self.unguarded || self.armed && machine.behind,
            "nothing goes back before a guard stands, or none could be armed",
        )
    }

    /// What a reboot allows: nothing but to await it, to compare what booted, or to go back.
    fn boots_are_true(&self, action: &Action) -> Result<(), Broken> {
        let open = self.back.is_none() && self.ended.is_none();
        let waits = matches!(action, Action::Stop(Ended::AwaitingReboot));
        let paused = matches!(action, Action::Stop(Ended::Paused(_)));
        if let Action::ArmFirst { .. } = action {
            // Whoever is about to turn round has nothing else to promise here.
            return Ok(());
        }
        hold(
            !self.must_begin_anew() || waits || paused,
            "along a damaged record one goes back, from the beginning",
        )?;
        hold(!(open && self.unplanned), "a phase in the middle of which the machine went down goes back")?;
        hold(self.awaits.is_none() || waits || paused, "nothing goes on before the machine went down")?;
        hold(!waits || self.awaits.is_some(), "who awaits a reboot said so")?;
        let compares = matches!(action, Action::Arm | Action::CompareBoot | Action::Choose { .. });
        hold(
            self.compares.is_none() || !open || compares || paused,
            "what booted is compared before anything else",
        )
    }

    fn backward(&self, machine: &Machine) -> Result<(), Broken> {
        hold(self.back.is_some() && self.ended.is_none(), "nothing is undone before the way back began")?;
        hold(self.children_ended && !machine.child, "nothing is undone while a child is alive")?;
        self.guarded_back(machine)
    }

    fn way_back_walked_but_named(&self, phase: &Phase) -> Result<(), Broken> {
        hold(self.all_undone(phase) && self.to_restore == 0, "the guard comes down after the way back")?;
        hold(self.rolled == phase.rollback.len(), "the guard comes down after the way back")
    }
}
