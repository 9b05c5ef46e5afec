//! What the hands need to know of the facts so far: records to restore, baselines to compare with.

use crate::model::{
    CheckId, CheckReport, Envelope, Event, LayerRecord, Moment, Observation, Outcome, Timestamp,
};
use std::collections::BTreeMap;

/// A second fold over the facts, beside the engine's: it keeps values, the engine keeps outcomes.
#[derive(Debug, Clone, Default)]
pub struct Recall {
    /// When the phase began.
    pub began: Option<Timestamp>,
    /// When its first step was about to act.
    pub acted: Option<Timestamp>,
    /// What each layer recorded, by place.
    pub records: BTreeMap<usize, LayerRecord>,
    /// What the validation checks saw before the phase acted.
    pub baseline: BTreeMap<CheckId, Observation>,
    /// The latest reports of each moment: what a person is shown in trouble.
    pub reports: BTreeMap<(Moment, CheckId), CheckReport>,
    /// The number of the last fact.
    pub seq: u64,
}

impl Recall {
    /// Whether a check was good before the phase.
    #[must_use]
    pub fn was_good(&self, check: &CheckId) -> bool {
        let before = self.reports.get(&(Moment::Baseline, check.clone()));
        before.is_some_and(|report| match report.counted() {
            Outcome::Pass | Outcome::Warn => true,
            Outcome::Fail | Outcome::Error | Outcome::Inconclusive | Outcome::Skipped => false,
        })
    }

    /// Learns one more fact.
    pub fn learn(&mut self, envelope: &Envelope) {
        self.seq = envelope.seq;
        match &envelope.event {
            Event::PhaseBegan(_) => {
                *self = Self { began: Some(envelope.at), seq: envelope.seq, ..Self::default() };
            }
            Event::StepStarted { .. } => self.acted = self.acted.or(Some(envelope.at)),
            Event::LayerRecorded { layer, record } => {
                self.records.insert(*layer, record.clone());
            }
            Event::CheckJudged { moment, report } => {
                if let (Moment::Baseline, Some(seen)) = (moment, &report.observed) {
                    self.baseline.insert(report.check.clone(), seen.clone());
                }
                self.reports.insert((*moment, report.check.clone()), report.clone());
            }
            Event::RunResumed { .. }
            | Event::MomentJudged { .. }
            | Event::GateAnswered { .. }
            | Event::CapsuleSealed { .. }
            | Event::GuardArmed(_)
            | Event::GuardMissing { .. }
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
            | Event::StopWanted
            | Event::RunPaused { .. }
            | Event::RevertBegan { .. }
            | Event::FactsLost { .. }
            | Event::ChildrenEnded { .. }
            | Event::UndoStarted { .. }
            | Event::UndoFinished { .. }
            | Event::LayerRestored { .. }
            | Event::Quarantined { .. }
            | Event::PhaseEnded { .. }
            | Event::EarlierTakenBack { .. }
            | Event::ItemsResolved { .. }
            | Event::RunFinished { .. } => {}
        }
    }
}
