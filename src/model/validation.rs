//! What `validate` finds: the checks of a plan, judged, with nothing touched.

use super::{CheckId, CheckReport, Digest, Measure, Outcome, PhaseId, PlanName, Span, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a machine stands against the checks of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Every check that counts holds.
    Healthy,
    /// Every check that counts holds, some only with a warning.
    Degraded,
    /// Nothing failed, and something could not be measured or is undecided.
    Unknown,
    /// Something was measured and does not hold.
    Failing,
}

impl Health {
    /// The word that is shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::Failing => "failing",
        }
    }

    /// What one outcome says, as far as it counts.
    #[must_use]
    pub const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass | Outcome::Skipped => Self::Healthy,
            Outcome::Warn => Self::Degraded,
            Outcome::Error | Outcome::Inconclusive => Self::Unknown,
            Outcome::Fail => Self::Failing,
        }
    }
}

/// The checks of one phase, judged.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct JudgedPhase {
    /// Which phase.
    pub phase: PhaseId,
    /// Its checks, in their order.
    pub reports: Vec<CheckReport>,
    /// The numbers that each of them saw, those that its rules are about first; for forms with units.
    #[serde(skip)]
    pub measures: BTreeMap<CheckId, Vec<Measure>>,
}

/// One validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// The plan.
    pub plan: PlanName,
    /// Its revision.
    pub revision: u32,
    /// Its digest.
    pub digest: Digest,
    /// The machine's name, for reports that are read elsewhere.
    pub machine: String,
    /// When it began.
    pub began: Timestamp,
    /// How long it took.
    pub took: Span,
    /// What was compared with, in words; nothing where there is no baseline.
    pub baseline: Option<String>,
    /// Whether the state folder has it, for trends.
    pub kept: bool,
    /// The phases whose checks were looked at.
    pub phases: Vec<JudgedPhase>,
}

impl Validation {
    /// Every check with its phase.
    pub fn reports(&self) -> impl Iterator<Item = (&PhaseId, &CheckReport)> {
        self.phases.iter().flat_map(|judged| judged.reports.iter().map(|report| (&judged.phase, report)))
    }

    /// The worst of what counts; unknown where nothing was measured.
    #[must_use]
    pub fn health(&self) -> Health {
        let each = self.reports().map(|(_, report)| Health::of(report.counted()));
        match each.max() {
            // All was skipped, or what was looked at and does not count could not be measured.
            Some(Health::Healthy) if !self.is_measured() => Health::Unknown,
            Some(health) => health,
            None => Health::Unknown,
        }
    }

    /// Whether anything was measured at all, whatever it counts for.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        self.reports()
            .any(|(_, report)| matches!(report.outcome, Outcome::Pass | Outcome::Warn | Outcome::Fail))
    }

    /// How many checks ended with each outcome.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let of = |outcome, excused| {
            let same = |report: &CheckReport| report.outcome == outcome && report.is_excused() == excused;
            (outcome, self.reports().filter(|(_, report)| same(report)).count())
        };
        let [_, warn, fail, error, inconclusive, _] = Outcome::ALL;
        Tally {
            counted: Outcome::ALL.map(|outcome| of(outcome, false)),
            excused: [warn, fail, error, inconclusive].map(|outcome| of(outcome, true)),
        }
    }
}

/// How many checks ended with each outcome. What is not good and decides nothing stands apart: it did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// What counts, and what is good anyway; in the order of [`Outcome`].
    pub counted: [(Outcome, usize); 6],
    /// What is not good and only shown, or waived; in the order of [`Outcome`].
    pub excused: [(Outcome, usize); 4],
}
