//! Probe, expectation and baseline in; outcome and reasons out. Pure: the day comes in as an argument.
//!
//! Three things are never folded into each other: what was measured and does not hold (`fail`), what could not be
//! measured (`error`), and what was measured and settles nothing (`inconclusive`).

mod class;
mod compare;
pub(super) mod ended;
mod gain;
mod matchers;
mod measured;
mod numbers;
mod page;
mod reasons;
mod thresholds;
mod unstated;
mod version;

#[cfg(test)]
mod tests;

use super::ProbeError;
use crate::model::{
    Check, Expectation, Matcher, Mode, Observation, Outcome, Samples, Severity, TreatAs, Use, Value, Waiver,
    Weight,
};
use chrono::NaiveDate;
use compare::Before;
use matchers::{Finding, Scope, Truth, all_hold};
pub use numbers::measures;
pub(super) use unstated::SILENT;

/// What a look at the machine comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What was found.
    pub outcome: Outcome,
    /// Whether it counts.
    pub weight: Weight,
    /// Observed value and rule in words, the most important first.
    pub reasons: Vec<String>,
}

/// Judges what a probe saw, or could not see, by the check's rules. `today` is `YYYY-MM-DD`, for waivers.
#[must_use]
pub fn judge(
    check: &Check,
    seen: &Result<Observation, ProbeError>,
    baseline: Option<&Observation>,
    today: &str,
) -> Judgement {
    let (outcome, mut reasons) = match seen {
        Ok(seen) => {
            let told = ended::judged(check, seen, by_rules(check, seen, baseline));
            page::dated(check, seen, class::named(check, seen, told))
        }
        Err(why) => unmeasured(check, why),
    };
    let outcome = match (outcome, check.severity) {
        (Outcome::Fail, Severity::Warn) => Outcome::Warn,
        (outcome, Severity::Info | Severity::Warn | Severity::Fail | Severity::Critical) => outcome,
    };
    let weight = weigh(check, outcome, today, &mut reasons);
    Judgement { outcome, weight, reasons }
}

fn unmeasured(check: &Check, why: &ProbeError) -> (Outcome, Vec<String>) {
    let mut reasons = vec![why.to_string()];
    reasons.extend(why.hint().map(str::to_owned));
    (treated(check.on_error), reasons)
}

const fn treated(as_what: TreatAs) -> Outcome {
    match as_what {
        TreatAs::Pass => Outcome::Pass,
        TreatAs::Warn => Outcome::Warn,
        TreatAs::Fail => Outcome::Fail,
        TreatAs::Error => Outcome::Error,
        TreatAs::Inconclusive => Outcome::Inconclusive,
    }
}

/// Whether a check is only shown, whatever it finds.
pub(super) fn is_shadow(check: &Check) -> bool {
    check.mode == Mode::Shadow || check.severity == Severity::Info
}

fn weigh(check: &Check, outcome: Outcome, today: &str, reasons: &mut Vec<String>) -> Weight {
    if is_shadow(check) {
        return Weight::Shadow;
    }
    match (&check.waiver, outcome) {
        (Some(waiver), Outcome::Fail) if in_force(waiver, today) => {
            Weight::Waived(format!("{}, until {}", waiver.reason, waiver.until))
        }
        (Some(waiver), Outcome::Fail) => {
            reasons.push(format!("the waiver ended on {}: {}", waiver.until, waiver.reason));
            Weight::Counts
        }
        (
            Some(_) | None,
            Outcome::Pass
            | Outcome::Warn
            | Outcome::Fail
            | Outcome::Error
            | Outcome::Inconclusive
            | Outcome::Skipped,
        ) => Weight::Counts,
    }
}

/// A waiver holds to the end of its last day. One whose date cannot be read holds never.
fn in_force(waiver: &Waiver, today: &str) -> bool {
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    match (day(today), day(&waiver.until)) {
        (Some(today), Some(until)) => today <= until,
        (Some(_) | None, Some(_) | None) => false,
    }
}

fn by_rules(check: &Check, seen: &Observation, baseline: Option<&Observation>) -> (Outcome, Vec<String>) {
    if let Some((outcome, reasons)) = unstated::judged(check, seen, baseline) {
        return (outcome, reasons);
    }
    let rules = |rules: &Expectation| evaluate(check, rules, seen, baseline);
    let expected = rules(&check.expect);
    if expected.truth == Truth::Holds {
        return unless_runs_failed(check, seen, Outcome::Pass, expected.reasons);
    }
    if !check.tolerate.is_empty() {
        let tolerated = rules(&check.tolerate);
        if tolerated.truth == Truth::Holds {
            let mut reasons = expected.reasons;
            reasons.extend(tolerated.reasons.iter().map(|reason| format!("tolerated: {reason}")));
            return unless_runs_failed(check, seen, Outcome::Warn, reasons);
        }
    }
    if !check.fail_if.is_empty() {
        let failing = rules(&check.fail_if);
        if failing.truth == Truth::Holds {
            return (Outcome::Fail, failing.reasons);
        }
    }
    let outcome = match expected.truth {
        Truth::NoData => treated(check.on_no_data),
        Truth::Fails if check.fail_if.is_empty() => Outcome::Fail,
        Truth::Fails | Truth::Undecided | Truth::Holds => Outcome::Inconclusive,
    };
    let mut reasons = expected.reasons;
    reasons.extend(unstated::said(check, seen));
    (outcome, reasons)
}

/// A measurement of which runs failed says nothing good of the rest, unless a rule says how many may.
fn unless_runs_failed(
    check: &Check,
    seen: &Observation,
    outcome: Outcome,
    mut reasons: Vec<String>,
) -> (Outcome, Vec<String>) {
    match measured::failed(check, seen) {
        None => (outcome, reasons),
        Some(why) => {
            reasons.insert(0, why);
            (Outcome::Inconclusive, reasons)
        }
    }
}

fn evaluate(
    check: &Check,
    rules: &Expectation,
    seen: &Observation,
    baseline: Option<&Observation>,
) -> Finding {
    let sampled = check.samples.as_ref().and_then(sampled);
    let ended = baseline.and_then(|baseline| ended::of_baseline(check, baseline));
    let findings = rules.iter().map(|rule| {
        let before = match (baseline, &ended) {
            (None, _) => Before::NoBaseline,
            (Some(_), Some(how)) => Before::Ended(how),
            (Some(baseline), None) => baseline.get(&rule.field).map_or(Before::Missing, Before::Value),
        };
        let now = seen.get(&rule.field);
        let unseen = seen.why_unseen(&rule.field);
        let scope = Scope {
            unseen: unseen.as_deref(),
            unit: reasons::unit_of(&check.look, &rule.field, seen),
            before,
            floor: check.floor,
            direction: check.direction,
            sampled: sampled.as_deref().filter(|_| now.is_some_and(Value::is_number)),
        };
        let measured = measured::samples(check, &rule.field, seen, baseline);
        let mut finding = match &measured {
            // A measurement has more to say than its median.
            Some(samples) => Finding::all(
                rule.matchers
                    .iter()
                    .map(|matcher| {
                        let proved = match matcher {
                            Matcher::RatioMax(limit) => {
                                measured::ratio_max(samples, *limit, check.direction, scope.unit)
                            }
                            _ => None,
                        };
                        proved.unwrap_or_else(|| all_hold(std::slice::from_ref(matcher), now, scope))
                    })
                    .collect(),
            ),
            None => all_hold(&rule.matchers, now, scope),
        };
        for reason in &mut finding.reasons {
            *reason = format!("`{}` {reason}", rule.field);
        }
        finding
    });
    Finding::all(findings.collect())
}

/// How several samples became one value, in words; nothing where there was one.
fn sampled(samples: &Samples) -> Option<String> {
    let how = match samples.take {
        Use::Median => "median",
        Use::Mean => "mean",
        Use::Min => "least",
        Use::Max => "most",
        Use::Last => "last",
    };
    (samples.count >= 2).then(|| format!("{how} of {}", samples.count))
}
