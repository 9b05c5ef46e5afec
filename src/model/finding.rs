//! What checks found over time: what is kept of each result, and what `trend` draws.

use super::{CheckId, CheckReport, GenerationNumber, Health, Moment, Outcome, PhaseId, PlanName, Timestamp};
use serde::{Deserialize, Serialize};

/// A number that a check saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The field of the observation.
    pub field: String,
    /// Its value; finite.
    pub value: f64,
    /// What it counts: `B` (bytes), `s` (seconds), `%`; nothing where it is a plain number.
    pub unit: Option<String>,
    /// Whether a rule of the check is about it, so that it is what one wants to see of the check.
    pub ruled: bool,
    /// Where its rules warn and fail; not kept, the plan has them.
    #[serde(skip)]
    pub thresholds: Thresholds,
}

/// Where a number warns and is critical, as far as the rules of its check can be written so.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Thresholds {
    /// Where the check is not good.
    pub warn: Option<Range>,
    /// Where it fails.
    pub crit: Option<Range>,
}

/// A range of numbers with its ends, unbounded where an end is not there. One is alerted outside of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least.
    pub low: Option<f64>,
    /// The greatest.
    pub high: Option<f64>,
    /// One is alerted inside of it instead.
    pub inside: bool,
}

/// On what occasion a check was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Occasion {
    /// A run, at this moment of its phase.
    Run(Moment),
    /// Somebody asked for a validation.
    Validation,
    /// The timer did.
    Schedule,
}

impl Occasion {
    const ALL: [Self; 7] = [
        Self::Validation,
        Self::Schedule,
        Self::Run(Moment::Applies),
        Self::Run(Moment::Preflight),
        Self::Run(Moment::Baseline),
        Self::Run(Moment::Validate),
        Self::Run(Moment::Reprobe),
    ];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Schedule => "schedule",
            Self::Run(Moment::Applies) => "run-applies",
            Self::Run(Moment::Preflight) => "run-preflight",
            Self::Run(Moment::Baseline) => "run-baseline",
            Self::Run(Moment::Validate) => "run-validate",
            Self::Run(Moment::Reprobe) => "run-reprobe",
        }
    }
}

impl From<Occasion> for String {
    fn from(occasion: Occasion) -> Self {
        occasion.word().to_owned()
    }
}

impl TryFrom<String> for Occasion {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|occasion| occasion.word() == word);
        known.ok_or_else(|| format!("`{word}` is no occasion"))
    }
}

/// One result of one check, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// When it was judged.
    pub at: Timestamp,
    /// On what occasion.
    pub occasion: Occasion,
    /// The plan.
    pub plan: PlanName,
    /// Its revision.
    pub revision: u32,
    /// The phase that the check belongs to.
    pub phase: PhaseId,
    /// The generation in which it was judged, in a run.
    pub generation: Option<GenerationNumber>,
    /// Which check.
    pub check: CheckId,
    /// The check's tags.
    pub tags: Vec<String>,
    /// What was found.
    pub outcome: Outcome,
    /// What it counted for.
    pub counted: Outcome,
    /// The most important reason, in words.
    pub reason: Option<String>,
    /// The numbers, those that the check's rules are about first.
    pub values: Vec<Measure>,
}

/// The largest number of numbers that is kept of one result.
pub const MEASURES: usize = 12;

impl Finding {
    /// What is kept of a report.
    #[must_use]
    pub fn of(report: &CheckReport, values: Vec<Measure>, about: &About<'_>) -> Self {
        Self {
            at: about.at,
            occasion: about.occasion,
            plan: about.plan.clone(),
            revision: about.revision,
            phase: about.phase.clone(),
            generation: about.generation,
            check: report.check.clone(),
            tags: about.tags.to_vec(),
            outcome: report.outcome,
            counted: report.counted(),
            reason: report.reasons.first().cloned(),
            values,
        }
    }
}

/// What a result is about, beside what it says itself.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// When it was judged.
    pub at: Timestamp,
    /// On what occasion.
    pub occasion: Occasion,
    /// The plan.
    pub plan: &'a PlanName,
    /// Its revision.
    pub revision: u32,
    /// The phase.
    pub phase: &'a PhaseId,
    /// The generation, in a run.
    pub generation: Option<GenerationNumber>,
    /// The check's tags.
    pub tags: &'a [String],
}

/// What somebody was told last about a check, and what came since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What was told, or what there was nothing to tell of.
    pub health: Health,
    /// When.
    pub at: Timestamp,
    /// So many times in a row it could not be told how the check stands.
    pub unknown: u32,
}

/// How a check stood and stands now: what somebody is told once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictChange {
    /// The phase.
    pub phase: PhaseId,
    /// The check.
    pub check: CheckId,
    /// How it stood when somebody was told last; absent where it was never looked at.
    pub before: Option<Health>,
    /// How it stands now.
    pub now: Health,
    /// The most important reason, in words.
    pub reason: Option<String>,
}

/// One result in a trend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// On what occasion.
    pub occasion: Occasion,
    /// What was found; absent where it was looked at before the phase acted, and not judged.
    pub outcome: Option<Outcome>,
    /// The number; absent where there was none.
    pub value: Option<f64>,
}

/// What happened to a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// It began.
    Begun,
    /// It was committed.
    Committed,
    /// It was taken back, or its way back did not hold.
    Reverted,
}

/// A turn of a phase, in a trend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// What.
    pub turn: Turn,
    /// Which phase.
    pub phase: PhaseId,
    /// In which generation.
    pub generation: GenerationNumber,
}

/// A check over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// The plan.
    pub plan: PlanName,
    /// The phase.
    pub phase: PhaseId,
    /// The check.
    pub check: CheckId,
    /// The field that is drawn; absent where the check saw no number.
    pub field: Option<String>,
    /// What the field counts.
    pub unit: Option<String>,
    /// Oldest first.
    pub samples: Vec<Sample>,
    /// Oldest first; those of every phase of the plan within the time.
    pub marks: Vec<Mark>,
    /// Other phases of which a check of this name is known.
    pub also: Vec<PhaseId>,
    /// What could not be read, in words.
    pub missing: Vec<String>,
}
