//! What each end, of a phase and of a run, is held against: the facts, and the machine.

use super::{Broken, Story, hold};
use crate::machine::{Content, Machine, Things};
use std::collections::BTreeSet;
use switchback::engine::{Ended, Limits};
use switchback::model::*;

impl Story {
    pub(super) fn end_is_true(&self, phase: &Phase, end: PhaseEnd) -> Result<(), Broken> {
        match end {
            PhaseEnd::Committed => hold(self.committed, "a phase ends committed only after it was committed"),
            PhaseEnd::NotApplicable => hold(
                self.moments.contains(&Moment::Applies) && self.recorded == 0,
                "not applicable before anything",
            ),
            PhaseEnd::Refused => hold(!self.touched() && self.items.is_empty(), "refused means untouched"),
            PhaseEnd::Reverted => {
                self.way_back_walked(phase)?;
                hold(self.unknowable.is_empty(), "reverted means that all is known")?;
                hold(self.items.is_empty(), "reverted means nothing is named")?;
                self.quarantine_is_true()
            }
            PhaseEnd::Inconsistent => {
                hold(!self.items.is_empty(), "inconsistent names its items")?;
                let named = self.unknowable.iter().all(|item| self.items.contains(item));
                hold(named, "inconsistent names what nobody can know")?;
                if self.taken_up > Limits::BACK {
                    return Ok(());
                }
                self.way_back_walked(phase)?;
                self.quarantine_is_true()
            }
            PhaseEnd::Resolved => Err("no way back ends by being put right".into()),
        }
    }

    pub(super) fn left_is_true(&self, phase: &Phase, end: PhaseEnd, left: &[Item]) -> Result<(), Broken> {
        let went_back = matches!(end, PhaseEnd::Reverted | PhaseEnd::Inconsistent);
        let cannot = |at: &&(Part, usize)| {
            let step = phase.steps(at.0).get(at.1);
            went_back && matches!(step.map(|step| &step.undo), Some(StepUndo::None { .. }))
        };
        let names: BTreeSet<String> = self
            .acted
            .iter()
            .filter(cannot)
            .filter_map(|at| phase.steps(at.0).get(at.1))
            .map(|step| format!("step {}", step.id))
            .collect();
        let said: BTreeSet<String> = left.iter().map(|item| item.name.clone()).collect();
        hold(names == said, "a way back names exactly what acted and cannot be undone")
    }

    fn quarantine_is_true(&self) -> Result<(), Broken> {
        let rejects = self.back.as_ref().is_some_and(Cause::rejects);
        hold(self.quarantined == rejects, "in quarantine exactly where the cause rejects")
    }

    fn way_back_walked(&self, phase: &Phase) -> Result<(), Broken> {
        hold(self.all_undone(phase), "whatever may have taken effect is undone")?;
        hold(self.to_restore == 0, "every recorded layer is restored")?;
        hold(self.rolled == phase.rollback.len(), "every rollback step was taken")?;
        let probed = phase.validate.is_empty() || self.moments.contains(&Moment::Reprobe);
        hold(probed, "the baseline is probed again")?;
        for check in &phase.validate {
            let at = |moment| self.judged.get(&(moment, check.id.clone()));
            let good = |outcome: Option<&Outcome>| {
                matches!(outcome, Some(Outcome::Pass | Outcome::Warn | Outcome::Skipped))
            };
            let before = matches!(at(Moment::Baseline), Some(Outcome::Pass | Outcome::Warn));
            if before && !good(at(Moment::Reprobe)) {
                let name = format!("check {}", check.id);
                let named = self.items.iter().any(|item| item.name == name);
                hold(named, "a check that no longer holds after the way back is named")?;
            }
        }
        Ok(())
    }

    pub(super) fn stop_is_true(&self, plan: &Plan, machine: &Machine, ended: &Ended) -> Result<(), Broken> {
        let verdict = match ended {
            Ended::Paused(cause) => {
                hold(self.paused.as_ref() == Some(cause), "a paused run says why")?;
                hold(self.verdicts.is_empty(), "a paused run has no verdict")?;
                return hold(self.back.is_none() || self.ended.is_some(), "the way back does not pause");
            }
            Ended::AwaitingReboot => {
                hold(self.verdicts.is_empty(), "a run that awaits a reboot has no verdict")?;
                return hold(self.back.is_none(), "the way back awaits no reboot");
            }
            Ended::Finished(verdict) => *verdict,
        };
        hold(self.verdicts == [verdict], "every run ends in exactly one verdict")?;
        let Some(at) = self.phase else {
            let untouched = machine.things.iter().all(Things::all_old);
            return hold(untouched, "a run without a phase changed nothing");
        };
        let Some(things) = machine.things.get(at) else { return Err("no such phase".into()) };
        let exhausted = self.taken_up > Limits::BACK;
        hold(!machine.guard || exhausted, "no guard stands behind a run that ended")?;
        match (verdict, self.ended) {
            (Verdict::Committed, Some(PhaseEnd::Committed)) => {
                let soaks = self.soak.is_some_and(|until| until > machine.clock);
                hold(self.queue.is_empty() || soaks, "committed means that all that was due is done")?;
                self.all_new(plan, machine, at)
            }
            (Verdict::Committed, Some(PhaseEnd::NotApplicable)) => {
                hold(self.queue.is_empty() && things.all_old(), "not applicable means untouched")
            }
            (Verdict::Refused, Some(PhaseEnd::Committed)) => {
                hold(!self.queue.is_empty(), "refused after a commit means that the next phase was")?;
                self.all_new(plan, machine, at)
            }
            (Verdict::Refused, Some(PhaseEnd::Refused | PhaseEnd::NotApplicable)) => {
                hold(things.all_old(), "refused means untouched")
            }
            (Verdict::RolledBack, Some(PhaseEnd::Reverted)) => {
                hold(self.items.is_empty(), "rolled back means nothing is named")?;
                hold(things.all_old(), "rolled back means as before")
            }
            (Verdict::Inconsistent, Some(PhaseEnd::Inconsistent)) => {
                let named = |name: &str| self.items.iter().any(|item| item.name == name);
                let Some(phase) = plan.phases.get(at) else { return Err("no such phase".into()) };
                if named(&format!("phase {}", phase.id)) {
                    return Ok(());
                }
                for (part, contents) in [Part::Apply, Part::Commit].into_iter().zip(&things.steps) {
                    for (step, content) in phase.steps(part).iter().zip(contents) {
                        let known = *content == Content::Old || named(&format!("undo of step {}", step.id));
                        hold(known, "inconsistent names every step that is not as before")?;
                    }
                }
                for (layer, content) in things.layers.iter().enumerate() {
                    let known = *content == Content::Old || named(&format!("layer {layer}"));
                    hold(known, "inconsistent names every layer that is not as before")?;
                }
                Ok(())
            }
            (Verdict::Resolved, Some(PhaseEnd::Resolved)) => {
                hold(self.items.is_empty(), "resolved means nothing is named any more")?;
                hold(things.all_old(), "resolved means as before, by hand")
            }
            (
                Verdict::Committed
                | Verdict::Refused
                | Verdict::RolledBack
                | Verdict::Inconsistent
                | Verdict::Resolved,
                end,
            ) => Err(format!("the verdict {verdict:?} does not say that the phase ended {end:?}")),
        }
    }

    fn all_new(&self, plan: &Plan, machine: &Machine, at: usize) -> Result<(), Broken> {
        let (Some(phase), Some(things)) = (plan.phases.get(at), machine.things.get(at)) else {
            return Err("no such phase".into());
        };
        for (part, contents) in [Part::Apply, Part::Commit].into_iter().zip(&things.steps) {
            for (step, content) in contents.iter().enumerate() {
                let there = match content {
                    Content::New => true,
                    Content::Half => false,
                    Content::Old => {
                        self.absent.contains(&(part, step)) || !Self::own_undo(phase, (part, step))
                    }
                };
                hold(there, "committed means that every step took effect")?;
            }
        }
        let kept = !phase.commit.is_empty() || things.layers.iter().all(|layer| *layer == Content::New);
        hold(kept, "committed means that every layer is kept")
    }
}
