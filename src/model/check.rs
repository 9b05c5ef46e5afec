//! Checks: probe, expectation, severity.

use super::{CheckId, CommandLine, Probe, RunAs, Span, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How much a failing check weighs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Told, never counted.
    Info,
    /// A failure is a warning.
    Warn,
    /// A failure is a failure; a person may accept it with a reason.
    #[default]
    Fail,
    /// A failure is a failure, and nobody may accept it.
    Critical,
}

/// Whether a check decides anything yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It counts.
    #[default]
    Enforce,
    /// It is measured and shown and decides nothing.
    Shadow,
}

/// What a check looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// A probe.
    Probe(Probe),
    /// A monitoring plugin: exit 0 1 2 3 are ok, warning, critical, unknown. Fields: `exit status message long duration`
    /// and, for each label of the perfdata, `perf.<label>` with `unit. warn. crit. min. max.<label>`.
    Plugin(CommandLine),
    /// A folder with `required.d` and `wanted.d`: `ran lines required_failed wanted_failed required_unmeasured
    /// wanted_unmeasured`.
    Scripts(PathBuf),
    /// A person looks and answers: `answer`.
    Ask(String),
}

impl Look {
    /// Whether a field is a number of bytes: known of the probe, or told by the end of the name.
    #[must_use]
    pub fn is_size(&self, field: &str) -> bool {
        match self {
            Self::Probe(probe) => probe.is_size(field),
            Self::Plugin(_) | Self::Scripts(_) | Self::Ask(_) => field.ends_with("bytes"),
        }
    }
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matcher {
    /// Equal to the value.
    Equals(Value),
    /// None of these holds.
    Not(Vec<Matcher>),
    /// All of these groups hold.
    AllOf(Vec<Vec<Matcher>>),
    /// At least one of these groups holds.
    AnyOf(Vec<Vec<Matcher>>),
    /// Less than.
    Lt(f64),
    /// At most.
    Le(f64),
    /// Greater than.
    Gt(f64),
    /// At least.
    Ge(f64),
    /// From the first to the second, both included.
    Between(f64, f64),
    /// The regular expression finds something.
    Matches(String),
    /// Begins with.
    Prefix(String),
    /// Ends with.
    Suffix(String),
    /// Contains the text or the element.
    Contains(Value),
    /// Contains each of these.
    ContainsAll(Vec<Value>),
    /// The same elements in any order, each as often.
    Exactly(Vec<Value>),
    /// The length satisfies these.
    Len(Vec<Matcher>),
    /// The map has this key.
    HasKey(String),
    /// A version constraint: `>=1.2, <2`.
    Version(String),
    /// Is there (true) or is not (false).
    Exists(bool),
    /// Is empty (true) or is not (false).
    Empty(bool),
    /// Against the baseline: no element that was not there before.
    NoNew,
    /// Against the baseline: every element that was there before.
    NoneMissing,
    /// Against the baseline: equal.
    Unchanged,
    /// Against the baseline: grows by at most this much (shrinks, where more is better; differs, where any change counts).
    DeltaMax(f64),
    /// Against the baseline: at most this many times as much (at least this many times, where more is better).
    RatioMax(f64),
}

/// Matchers on one field of an observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldRule {
    /// The field, dotted where it reaches into a map.
    pub field: String,
    /// All must hold.
    pub matchers: Vec<Matcher>,
}

/// Rules that must all hold. Empty means: nothing was stated.
pub type Expectation = Vec<FieldRule>;

/// In which direction a number gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Less is better (memory, time).
    #[default]
    Lower,
    /// More is better (throughput).
    Higher,
    /// Any change counts.
    Either,
}

/// How several samples become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "SampleUse")]
pub enum Use {
    /// The middle one.
    #[default]
    Median,
    /// The arithmetic mean.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The last.
    Last,
}

/// Take several samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    /// How many, at least 1.
    pub count: u32,
    /// The pause between two.
    pub every: Span,
    /// How they become one value.
    pub take: Use,
}

/// A failing check that was accepted beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Why.
    pub reason: String,
    /// The last day on which it holds, `YYYY-MM-DD`.
    pub until: String,
}

/// What an outcome that is neither pass nor fail is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TreatAs {
    /// Counts as passed.
    Pass,
    /// Counts as a warning.
    Warn,
    /// Counts as failed.
    Fail,
    /// Could not be measured.
    Error,
    /// Measured, undecided.
    Inconclusive,
}

/// Probe, expectation, severity, and when to look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Unique within its list.
    pub id: CheckId,
    /// What a person reads.
    pub title: Option<String>,
    /// What it looks at.
    pub look: Look,
    /// Must hold, else the check fails.
    pub expect: Expectation,
    /// Where `expect` does not hold but this does, the check warns.
    pub tolerate: Expectation,
    /// Where this is stated, the check fails only if it holds; between it and `expect` the check is inconclusive.
    pub fail_if: Expectation,
    /// How much a failure weighs.
    pub severity: Severity,
    /// Whether it counts.
    pub mode: Mode,
    /// Accepted beforehand.
    pub waiver: Option<Waiver>,
    /// What a missing field or an absent baseline means.
    pub on_no_data: TreatAs,
    /// What a probe that could not look means.
    pub on_error: TreatAs,
    /// Judged only where this passes; skipped otherwise.
    pub applies_if: Option<Box<Check>>,
    /// Judged only after these passed or warned; skipped otherwise.
    pub needs: Vec<CheckId>,
    /// As whom children run.
    pub who: RunAs,
    /// Shown when it fails.
    pub hint: Option<String>,
    /// For selection and reports.
    pub tags: Vec<String>,
    /// When a child of the probe is killed.
    pub timeout: Span,
    /// Wait before the first look.
    pub settle: Span,
    /// Look again until it passes, at most this long.
    pub within: Option<Span>,
    /// The pause between two looks.
    pub every: Span,
    /// It must pass this many times in a row; at least 1.
    pub consecutive: u32,
    /// Several samples make one look.
    pub samples: Option<Samples>,
    /// Differences from the baseline smaller than this do not count.
    pub floor: Option<f64>,
    /// In which direction the number gets better.
    pub direction: Direction,
}

impl Check {
    /// The same without its waiting and repeating: one look.
    #[must_use]
    pub fn once(&self) -> Self {
        Self { settle: Span::ZERO, within: None, consecutive: 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Measured;

    #[test]
    fn how_often_a_size_was_measured_is_no_size() {
        let what = Measured::Field { probe: Box::new(Probe::Memory), field: "used".to_owned() };
        let measured = Look::Probe(Probe::Measure { what, times: 3, warmup: 0, every: Span::ZERO });
        assert!(measured.is_size("median") && measured.is_size("spread"));
        assert!(!measured.is_size("count") && !measured.is_size("failed"));
        let plugin = Look::Plugin(CommandLine::new(["check_disk"]));
        assert!(plugin.is_size("perf.free_bytes") && !plugin.is_size("size"));
    }
}
