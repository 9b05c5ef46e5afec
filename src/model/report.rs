//! What a check found, and what that counts for.

use super::{CheckId, Observation, Severity, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The expectation holds.
    Pass,
    /// It holds only with tolerance, or its severity makes a failure a warning.
    Warn,
    /// It does not hold.
    Fail,
    /// It could not be measured.
    Error,
    /// It was measured and is undecided, or there was no data.
    Inconclusive,
    /// Not applicable, waived, or blocked by another check.
    Skipped,
}

impl Outcome {
    /// Every outcome, in its order.
    pub const ALL: [Self; 6] =
        [Self::Pass, Self::Warn, Self::Fail, Self::Error, Self::Inconclusive, Self::Skipped];

    /// The word that is shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Inconclusive => "inconclusive",
            Self::Skipped => "skipped",
        }
    }
}

/// Whether an outcome counts in the decision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// It counts.
    #[default]
    Counts,
    /// Shadow mode, or severity `info`: shown only.
    Shadow,
    /// Accepted beforehand; the text is the waiver's reason and end.
    Waived(String),
}

/// One check, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// Which check.
    pub check: CheckId,
    /// What a person reads of it, where the plan says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What was found.
    pub outcome: Outcome,
    /// Whether that counts.
    pub weight: Weight,
    /// How much a failure weighs.
    pub severity: Severity,
    /// Observed value and rule in words, the most important first: `ratio 1.31 > 1.25 (before 812 MiB, now 1.04 GiB)`.
    pub reasons: Vec<String>,
    /// What the probe saw, bounded; kept for comparison where this is a baseline.
    pub observed: Option<Observation>,
    /// What to do; where it failed or warned, or lies between what is expected and what fails.
    pub hint: Option<String>,
    /// How long it took.
    pub took: Span,
}

impl CheckReport {
    /// Whether it is not good, and decides nothing all the same.
    #[must_use]
    pub fn is_excused(&self) -> bool {
        let good = matches!(self.outcome, Outcome::Pass | Outcome::Skipped);
        !good && self.weight != Weight::Counts
    }

    /// The outcome as the decision sees it: shadowed and waived outcomes pass.
    #[must_use]
    pub fn counted(&self) -> Outcome {
        match &self.weight {
            Weight::Counts => self.outcome,
            Weight::Shadow | Weight::Waived(_) => match self.outcome {
                Outcome::Skipped => Outcome::Skipped,
                Outcome::Pass | Outcome::Warn | Outcome::Fail | Outcome::Error | Outcome::Inconclusive => {
                    Outcome::Pass
                }
            },
        }
    }
}
