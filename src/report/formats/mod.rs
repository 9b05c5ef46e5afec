//! A validation in the forms that other programs read. Pure: each is a text.

mod json;
mod junit;
mod nagios;
mod prometheus;
mod tap;

pub use json::{validation_end, validation_json, validation_line, validation_schema};
pub use junit::{junit, junit_error, junit_nothing};
pub use nagios::{nagios, nagios_nothing, nagios_unknown};
pub use prometheus::prometheus;
pub use tap::{tap, tap_bail_out, tap_nothing};

use super::text::findings;
use crate::model::{CheckReport, Observation, Outcome, Weight};

/// The numbers that a probe saw, by field; what is nested is left out.
fn numbers(seen: Option<&Observation>) -> impl Iterator<Item = (&str, f64)> {
    let fields = seen.into_iter().flat_map(|seen| seen.0.iter());
    fields.filter_map(|(field, value)| Some((field.as_str(), value.as_f64().filter(|n| n.is_finite())?)))
}

/// All that is to be said of a result, a line each.
fn words(report: &CheckReport) -> Vec<String> {
    let mut words = vec![findings(report)];
    words.extend(report.reasons.iter().skip(1).cloned());
    let bad = Outcome::Pass != report.outcome && Outcome::Skipped != report.outcome;
    words.extend(report.hint.iter().filter(|_| bad).map(|hint| format!("hint: {hint}")));
    words.retain(|line| !line.is_empty());
    words
}

/// Milliseconds as seconds.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// Why a result that is not good decides nothing; nothing where it counts.
fn excuse(report: &CheckReport) -> Option<String> {
    match &report.weight {
        _ if !report.is_excused() => None,
        Weight::Counts => None,
        Weight::Shadow => Some("shown only".to_owned()),
        Weight::Waived(reason) => Some(format!("waived: {reason}")),
    }
}

/// A validation with each outcome in it, for the tests of every format.
#[cfg(test)]
pub(super) fn sample() -> crate::model::Validation {
    use crate::model::{
        CheckId, Digest, JudgedPhase, Measure, PhaseId, PlanName, Severity, Span, Thresholds, Timestamp,
        Validation,
    };
    use std::collections::BTreeMap;
    let report = |name: &str, outcome, weight, reason: &str| CheckReport {
        check: CheckId::new(name).expect("an id"),
        title: (name == "works").then(|| "It <works>".to_owned()),
        outcome,
        weight,
        severity: Severity::Fail,
        reasons: vec![reason.to_owned()],
        observed: Some(Observation::new().with("used ratio", 0.25).with("driver", "x")),
        hint: Some("look at <it> & \"mend\" it".to_owned()),
        took: Span(1250),
    };
    let counts = || Weight::Counts;
    Validation {
        plan: PlanName::new("desk").expect("a name"),
        revision: 3,
        digest: Digest("0".repeat(64)),
        machine: "shoshin".to_owned(),
        began: Timestamp(1_767_225_600_000),
        took: Span(7500),
        baseline: None,
        kept: true,
        phases: vec![
            JudgedPhase {
                phase: PhaseId::new("libs").expect("an id"),
                measures: [("works", "used ratio", None), ("slow", "du|ration", Some("s"))]
                    .map(|(check, field, unit): (_, &str, Option<&str>)| {
                        let (field, unit) = (field.to_owned(), unit.map(str::to_owned));
                        let thresholds = Thresholds::default();
                        let measure = Measure { field, value: 0.25, unit, ruled: false, thresholds };
                        (CheckId::new(check).expect("an id"), vec![measure])
                    })
                    .into(),
                reports: vec![
                    report("works", Outcome::Pass, counts(), "exit 0"),
                    report("slow", Outcome::Warn, counts(), "1.3 > 1.25"),
                    report("broken", Outcome::Fail, counts(), "a # and a \\ and \u{7}\u{202e} |"),
                ],
            },
            JudgedPhase {
                phase: PhaseId::new("gpu").expect("an id"),
                measures: BTreeMap::new(),
                reports: vec![
                    report("blind", Outcome::Error, counts(), "cannot start vainfo"),
                    report("unsure", Outcome::Inconclusive, counts(), "no data"),
                    report("absent", Outcome::Skipped, counts(), "does not apply"),
                    report(
                        "known",
                        Outcome::Fail,
                        Weight::Waived("old card, until 2026-12-01".to_owned()),
                        "2 > 1",
                    ),
                ],
            },
        ],
    }
}
