//! What a reporter must remember to put the next fact into words: which phase is open, what went wrong in it, how far
//! the way back has come. It is a fold over the facts and decides nothing.

use crate::model::{
    Accepted, Cause, CheckId, CheckReport, Envelope, Event, GenerationNumber, Guidance, Item, Moment,
    Outcome, Part, Phase, PhaseEnd, PhaseHeader, PhaseId, Plan, Span, StepOutcome, Timestamp, Verdict,
};
use std::collections::BTreeMap;

/// A check that did not simply pass, as the end of a run tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// When it was judged.
    pub moment: Moment,
    /// What was found; without what the probe saw.
    pub report: CheckReport,
}

/// How far the way back has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WayBack {
    /// Undos that did what they say.
    pub undone: usize,
    /// Undos that did not.
    pub not_undone: usize,
    /// Layers that are as recorded.
    pub restored: usize,
    /// Layers that are not.
    pub not_restored: usize,
    /// How many things the layers had to change.
    pub changed: u64,
    /// Rollback steps that did what they say.
    pub steps: usize,
    /// Rollback steps that did not.
    pub steps_failed: usize,
    /// Checks probed again.
    pub probed: usize,
}

/// Whether a step on the way back did what it says, or had nothing to do.
const fn did(outcome: &StepOutcome) -> bool {
    match outcome {
        StepOutcome::Done | StepOutcome::NotApplicable(_) => true,
        StepOutcome::Failed(_)
        | StepOutcome::NotStarted(_)
        | StepOutcome::Broken(_)
        | StepOutcome::TimedOut(_)
        | StepOutcome::Declined
        | StepOutcome::Interrupted
        | StepOutcome::Lost => false,
    }
}

/// How the reporter's run stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Standing {
    /// No end was told.
    #[default]
    Open,
    /// Stopped; a person is waited for.
    Paused(Cause),
    /// Over.
    Finished(Verdict),
}

/// What is remembered of the facts so far.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    pub(super) header: Option<PhaseHeader>,
    pub(super) touched: bool,
    /// The moment whose results come in, and how many of each outcome there are.
    pub(super) moment: Option<Moment>,
    pub(super) tally: BTreeMap<Outcome, usize>,
    /// Whether the last fact was the first result of its moment.
    pub(super) moment_opened: bool,
    pub(super) faults: Vec<Fault>,
    began: Option<Timestamp>,
    /// How long the act took that the last fact ended.
    pub(super) took: Option<Span>,
    pub(super) reverting: Option<Cause>,
    pub(super) back: WayBack,
    pub(super) items: Vec<Item>,
    /// What a person says was put right by hand: the reason, and whose word it is.
    pub(super) resolved: Option<(String, String)>,
    /// What the plan says cannot be undone and may have acted.
    pub(super) left: Vec<Item>,
    pub(super) ended: Option<PhaseEnd>,
    pub(super) committed: Vec<PhaseId>,
    /// What was accepted in the open phase.
    pub(super) accepted: Accepted,
    /// What was accepted in the phases of this run that were committed before it.
    accepted_before: Vec<Item>,
    pub(super) soak_until: Option<Timestamp>,
    pub(super) standing: Standing,
    /// A wish to stop was answered while something went on; the fact of it says nothing new.
    pub(super) stopping_said: bool,
    /// Facts of the way back are not on disk.
    pub(super) unrecorded: bool,
}

impl Scene {
    /// The phase that is open, as the plan states it.
    #[must_use]
    pub fn phase<'p>(&self, plan: &'p Plan) -> Option<&'p Phase> {
        self.header.as_ref().and_then(|header| plan.phase(&header.phase))
    }

    /// The open generation.
    #[must_use]
    pub fn generation(&self) -> Option<GenerationNumber> {
        self.header.as_ref().map(|header| header.generation)
    }

    /// The name of the open phase.
    #[must_use]
    pub fn phase_id(&self) -> Option<&PhaseId> {
        self.header.as_ref().map(|header| &header.phase)
    }

    /// Whether somebody is asked.
    #[must_use]
    pub fn guidance(&self) -> Option<Guidance> {
        self.header.as_ref().map(|header| header.guidance)
    }

    /// Whether the open phase has touched nothing and is not on its way back.
    pub(super) fn begins_anew(&self) -> bool {
        let committed = self.phase_id().is_some_and(|phase| self.committed.contains(phase));
        !self.touched && !committed && self.reverting.is_none()
    }

    /// How the run stands.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The latest result of that check that was not a pass.
    #[must_use]
    pub fn fault(&self, check: &CheckId) -> Option<&Fault> {
        let judged = |fault: &&Fault| fault.report.check == *check && fault.moment != Moment::Reprobe;
        self.faults.iter().rev().find(judged)
    }

    /// Whether the check did not pass before the phase already.
    pub(super) fn was_bad(&self, check: &CheckId) -> bool {
        self.faults.iter().any(|fault| fault.moment == Moment::Baseline && fault.report.check == *check)
    }

    /// Somebody was told what becomes of a wish to stop.
    pub(super) fn stopping_said(&mut self) {
        self.stopping_said = true;
    }

    /// What was accepted in the phases that this run committed.
    pub(super) fn all_accepted(&self) -> Vec<Item> {
        [self.accepted_before.clone(), self.accepted.items()].concat()
    }

    /// The same at the end of a phase, of which the next one knows nothing but the name.
    fn accepted_until_now(&self, committed: &[PhaseId]) -> Vec<Item> {
        let open = self.phase_id().filter(|phase| committed.contains(phase));
        let one = |phase: &PhaseId, item: Item| Item::new(format!("phase {phase}, {}", item.name), item.why);
        let last =
            open.iter().flat_map(|phase| self.accepted.items().into_iter().map(|item| one(phase, item)));
        self.accepted_before.iter().cloned().chain(last).collect()
    }

    /// Takes in one fact.
    pub fn note(&mut self, envelope: &Envelope) {
        self.moment_opened = false;
        self.took = None;
        self.accepted.note(&envelope.event);
        match &envelope.event {
            Event::PhaseBegan(header) => {
                let committed = std::mem::take(&mut self.committed);
                let accepted_before = self.accepted_until_now(&committed);
                *self =
                    Self { header: Some((**header).clone()), committed, accepted_before, ..Self::default() };
            }
            Event::RunResumed { guidance, .. } => {
                self.standing = Standing::Open;
                if let Some(header) = &mut self.header {
                    header.guidance = *guidance;
                }
            }
            Event::CheckJudged { moment, report } => self.judged(*moment, report),
            Event::MomentJudged { moment } => {
                if self.moment != Some(*moment) {
                    self.tally.clear();
                }
                self.moment = None;
            }
            Event::StepStarted { .. } => {
                self.began = Some(envelope.at);
                self.touched = true;
            }
            Event::StepFinished { part, outcome, .. } => {
                self.took = self.began.take().map(|began| envelope.at.since(began));
                match (part, did(outcome)) {
                    (Part::Rollback, true) => self.back.steps += 1,
                    (Part::Rollback, false) => self.back.steps_failed += 1,
                    (Part::Apply | Part::Commit, _) => {}
                }
            }
            Event::LayerKept { .. } | Event::FactsLost { .. } => self.touched = true,
            Event::PhaseCommitted { soak_until } => {
                self.soak_until = *soak_until;
                self.committed.extend(self.header.as_ref().map(|header| header.phase.clone()));
            }
            Event::RunPaused { cause } => self.standing = Standing::Paused(cause.clone()),
            Event::RevertBegan { cause } => {
                self.reverting = Some(cause.clone());
                self.standing = Standing::Open;
                self.back = WayBack::default();
                self.items.clear();
                self.left.clear();
                self.resolved = None;
                // A phase that was committed and is rolled back later is not committed any more.
                let open = self.phase_id().cloned();
                self.committed.retain(|phase| Some(phase) != open.as_ref());
            }
            Event::UndoStarted { .. } => self.began = Some(envelope.at),
            Event::UndoFinished { outcome, .. } => {
                self.took = self.began.take().map(|began| envelope.at.since(began));
                if did(outcome) {
                    self.back.undone += 1;
                } else {
                    self.back.not_undone += 1;
                }
            }
            Event::LayerRestored { restored, .. } => {
                self.back.changed += restored.changed;
                if restored.failed.is_empty() {
                    self.back.restored += 1;
                } else {
                    self.back.not_restored += 1;
                }
            }
            Event::PhaseEnded { end, items, left } => {
                self.ended = Some(*end);
                self.items.clone_from(items);
                self.left.clone_from(left);
            }
            Event::ItemsResolved { reason, by, .. } => {
                self.ended = Some(PhaseEnd::Resolved);
                self.items.clear();
                self.resolved = Some((reason.clone(), by.name.clone()));
            }
            Event::RunFinished { verdict } => self.standing = Standing::Finished(*verdict),
            Event::GateAnswered { .. }
            | Event::LayerRecorded { .. }
            | Event::CapsuleSealed { .. }
            | Event::GuardArmed(_)
            | Event::GuardMissing { .. }
            | Event::SettleBegan { .. }
            | Event::SettleEnded
            | Event::ChecksAccepted { .. }
            | Event::RetryChosen
            | Event::RebootAwaited
            | Event::MachineRebooted
            | Event::BootCompared { .. }
            | Event::ConfirmOpened { .. }
            | Event::Confirmed(_)
            | Event::SoakHeld(_)
            | Event::SoakReleased { .. }
            | Event::GuardDisarmed
            | Event::StopWanted
            | Event::ChildrenEnded { .. }
            | Event::EarlierTakenBack { .. }
            | Event::Quarantined { .. } => {}
        }
    }

    fn judged(&mut self, moment: Moment, report: &CheckReport) {
        if self.moment != Some(moment) {
            self.moment = Some(moment);
            self.moment_opened = true;
            self.tally.clear();
            self.faults.retain(|fault| fault.moment != moment);
        }
        *self.tally.entry(report.outcome).or_default() += 1;
        if moment == Moment::Reprobe {
            self.back.probed += 1;
        }
        if report.outcome != Outcome::Pass {
            let report = CheckReport { observed: None, ..report.clone() };
            self.faults.push(Fault { moment, report });
        }
    }
}
