//! Measurements: what their samples allow to say against those of the baseline.

use super::gain::{Gain, Verdict, gain, within};
use super::matchers::{Finding, Truth};
use super::reasons::{Unit, number, pair};
use super::unstated::names_field;
use crate::model::{Check, Direction, Look, Observation, Outcome, Probe, Value, counted};

/// The samples of before and of now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Samples {
    before: Vec<f64>,
    now: Vec<f64>,
}

/// The samples behind a field; nothing where it is no median of a measurement, or one of both is missing.
pub(super) fn samples(
    check: &Check,
    field: &str,
    seen: &Observation,
    baseline: Option<&Observation>,
) -> Option<Samples> {
    let measured = matches!(check.look, Look::Probe(Probe::Measure { .. })) && field == "median";
    let of = |seen: &Observation| match seen.get("samples") {
        Some(Value::Array(list)) => list.iter().map(Value::as_f64).collect::<Option<Vec<_>>>(),
        Some(_) | None => None,
    };
    measured.then(|| Some(Samples { before: of(baseline?)?, now: of(seen)? })).flatten()
}

/// `ratio_max` of a measurement: it holds, or fails, only where the samples prove it.
pub(super) fn ratio_max(samples: &Samples, limit: f64, direction: Direction, unit: Unit) -> Option<Finding> {
    if limit <= 0.0 || !limit.is_finite() {
        return None;
    }
    let gain = gain(&samples.before, &samples.now, direction)?;
    let proves = |limit: f64, below: bool| within(&samples.before, &samples.now, limit, below);
    let (least, most) = match direction {
        Direction::Lower | Direction::Higher => (limit, limit),
        Direction::Either => (limit.min(limit.recip()), limit.max(limit.recip())),
    };
    let (upper, lower) = (proves(most, true), proves(least, false));
    let (truth, sure) = match direction {
        Direction::Lower => (told(upper.holds), upper.confidence),
        Direction::Higher => (told(lower.holds), lower.confidence),
        Direction::Either => {
            // One bound that does not hold settles it.
            let (least_true, other) =
                if told(upper.holds) <= told(lower.holds) { (upper, lower) } else { (lower, upper) };
            let both = least_true.confidence.min(other.confidence);
            (
                told(least_true.holds),
                if least_true.holds == Some(true) { both } else { least_true.confidence },
            )
        }
    };
    let limit = |limit: f64| number(Unit::Plain, limit);
    let rule = match (truth, direction) {
        (Truth::Holds, Direction::Lower) | (Truth::Fails, Direction::Higher) => format!("<= {}", limit(most)),
        (Truth::Holds, Direction::Higher) | (Truth::Fails, Direction::Lower) => {
            format!(">= {}", limit(least))
        }
        (Truth::Holds, Direction::Either) => format!("within {} and {}", limit(least), limit(most)),
        (Truth::Fails, Direction::Either) => format!("not within {} and {}", limit(least), limit(most)),
        (Truth::Undecided | Truth::NoData, Direction::Lower | Direction::Higher) => {
            format!("against {}", limit(most))
        }
        (Truth::Undecided | Truth::NoData, Direction::Either) => {
            format!("against {} and {}", limit(least), limit(most))
        }
    };
    let sure = (100.0 * sure).min(99.9);
    // The samples themselves are held against the limit, not the interval: that is another test.
    let rule = match truth {
        Truth::Holds | Truth::Fails => format!("by their ranks {rule} with {sure:.1} % confidence"),
        Truth::Undecided | Truth::NoData => {
            format!("by their ranks not to be told {rule} ({sure:.1} % confidence, 95 % are asked for)")
        }
    };
    Some(Finding::new(truth, format!("{}; {rule}", words(&gain, samples, unit))))
}

const fn told(proved: Option<bool>) -> Truth {
    match proved {
        Some(true) => Truth::Holds,
        Some(false) => Truth::Fails,
        None => Truth::Undecided,
    }
}

/// `better with 99.2 % confidence (before 2 s, now 1.04 s, medians of 10 and 10): ratio 0.52, 95 % from 0.5 to 0.55`.
fn words(gain: &Gain, samples: &Samples, unit: Unit) -> String {
    let median = |all: &[f64]| {
        let mut sorted = all.to_vec();
        sorted.sort_by(f64::total_cmp);
        super::gain::middle(&sorted).unwrap_or(f64::NAN)
    };
    let (then, current) = pair(unit, median(&samples.before), median(&samples.now));
    let plain = |x: f64| number(Unit::Plain, x);
    // Certainty is not to be had.
    let sure = (100.0 * gain.confidence).min(99.9);
    let verdict = match gain.verdict {
        Verdict::Better | Verdict::Worse => format!("{} with {sure:.1} % confidence", gain.verdict.word()),
        // Of which it is so sure and not surer.
        Verdict::CannotTell => format!("{} better from worse, {sure:.1} % confidence", gain.verdict.word()),
    };
    format!(
        "{verdict} (before {then}, now {current}, medians of {} and {}): ratio {}, 95 % from {} to {}",
        samples.before.len(),
        samples.now.len(),
        plain(gain.ratio),
        plain(gain.interval.0),
        plain(gain.interval.1),
    )
}

/// That some of the runs failed, where no rule is about how many may: what is left is no fair sample.
pub(super) fn failed(check: &Check, seen: &Observation) -> Option<String> {
    let count = |field: &str| seen.get(field).and_then(Value::as_u64).unwrap_or(0);
    let of_runs = matches!(check.look, Look::Probe(Probe::Measure { .. })) && !names_field(check, "failed");
    let failed = count("failed");
    (of_runs && failed > 0).then(|| {
        format!(
            "{failed} of {} failed; a rule on `failed` says how many may",
            counted(failed + count("count"), "run")
        )
    })
}

/// What a measurement says of which nothing is expected: that is how a gain is told. It passes.
pub(super) fn unexpected(
    check: &Check,
    seen: &Observation,
    baseline: Option<&Observation>,
) -> (Outcome, Vec<String>) {
    let unit = super::reasons::unit_of(&check.look, "median", seen);
    let told = samples(check, "median", seen, baseline).and_then(|samples| {
        Some(words(&gain(&samples.before, &samples.now, check.direction)?, &samples, unit))
    });
    let reason = told.or_else(|| {
        let median = seen.get("median").and_then(Value::as_f64)?;
        Some(format!("median {}, with nothing to hold it against", number(unit, median)))
    });
    match (reason, failed(check, seen)) {
        (Some(reason), None) => (Outcome::Pass, vec![reason]),
        (Some(reason), Some(why)) => (Outcome::Inconclusive, vec![why, reason]),
        (None, _) => (Outcome::Inconclusive, vec!["there is no median".to_owned()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::model::CommandLine;
    use crate::model::{CheckId, FieldRule, Matcher, Measured, Mode, RunAs, Severity, Span, TreatAs};

    fn check(expect: Option<Matcher>, direction: Direction) -> Check {
        let rule = |matcher| FieldRule { field: "median".to_owned(), matchers: vec![matcher] };
        Check {
            id: CheckId::new("speed").expect("an id"),
            title: None,
            look: Look::Probe(Probe::Measure {
                what: Measured::Run { command: CommandLine::new(["bench"]), number: None },
                times: 6,
                warmup: 0,
                every: Span::ZERO,
            }),
            expect: expect.map(rule).into_iter().collect(),
            tolerate: Vec::new(),
            fail_if: Vec::new(),
            severity: Severity::Fail,
            mode: Mode::Enforce,
            waiver: None,
            on_no_data: TreatAs::Inconclusive,
            on_error: TreatAs::Error,
            applies_if: None,
            needs: Vec::new(),
            who: RunAs::default(),
            hint: None,
            tags: Vec::new(),
            timeout: Span::seconds(1),
            settle: Span::ZERO,
            within: None,
            every: Span::seconds(1),
            consecutive: 1,
            samples: None,
            floor: None,
            direction,
        }
    }

    fn seen(samples: [f64; 6]) -> Observation {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Observation::new()
            .with("samples", samples.to_vec())
            .with("median", f64::midpoint(sorted[2], sorted[3]))
    }

    const BEFORE: [f64; 6] = [2.0, 2.02, 1.98, 2.04, 1.96, 2.01];

    fn told(check: &Check, factor: f64) -> (Outcome, String) {
        let now = Ok(seen(BEFORE.map(|x| x * factor)));
        let told = judge(check, &now, Some(&seen(BEFORE)), "2026-01-01");
        (told.outcome, told.reasons[0].clone())
    }

    #[test]
    fn a_reason_names_the_samples_the_doubt_and_the_rule() {
        for (limit, direction, factor, outcome, words) in [
            (
                0.7,
                Direction::Lower,
                0.5,
                Outcome::Pass,
                "ratio 0.5, 95 % from 0.4901 to 0.5101; by their ranks <= 0.7 with 99.8 % confidence",
            ),
            (
                0.7,
                Direction::Lower,
                0.9,
                Outcome::Fail,
                "ratio 0.9, 95 % from 0.8823 to 0.9182; by their ranks >= 0.7 with 99.8 % confidence",
            ),
            (
                0.7,
                Direction::Higher,
                0.9,
                Outcome::Pass,
                "ratio 0.9, 95 % from 0.8823 to 0.9182; by their ranks >= 0.7 with 99.8 % confidence",
            ),
            (
                0.7,
                Direction::Higher,
                0.5,
                Outcome::Fail,
                "ratio 0.5, 95 % from 0.4901 to 0.5101; by their ranks <= 0.7 with 99.8 % confidence",
            ),
            (
                0.7,
                Direction::Lower,
                0.7,
                Outcome::Inconclusive,
                "ratio 0.7, 95 % from 0.6862 to 0.7141; by their ranks not to be told against 0.7 (0.0 % confidence, 95 % are asked for)",
            ),
        ] {
            let (found, reason) = told(&check(Some(Matcher::RatioMax(limit)), direction), factor);
            assert_eq!(found, outcome, "{reason}");
            assert!(reason.ends_with(words), "{reason}");
        }
        let (_, reason) = told(&check(Some(Matcher::RatioMax(0.7)), Direction::Lower), 0.5);
        let head =
            "`median` better with 99.8 % confidence (before 2 s, now 1 s, medians of 6 and 6): ratio 0.5,";
        assert!(reason.starts_with(head), "{reason}");
    }

    #[test]
    fn what_decides_is_what_the_reason_names() {
        // Wide samples: whether they changed cannot be told, that they are below the limit can.
        let before = [1.0, 2.0, 3.0, 4.0, 2.5, 1.5];
        let now = [0.9, 1.9, 2.8, 3.9, 2.4, 1.3];
        let told = judge(
            &check(Some(Matcher::RatioMax(4.0)), Direction::Lower),
            &Ok(seen(now)),
            Some(&seen(before)),
            "2026-01-01",
        );
        let reason = &told.reasons[0];
        assert_eq!(told.outcome, Outcome::Pass, "{reason}");
        assert!(reason.starts_with("`median` cannot tell better from worse, "), "{reason}");
        assert!(reason.contains("; by their ranks <= 4 with 9"), "{reason}");
    }

    #[test]
    fn where_any_change_counts_both_bounds_must_be_proved() {
        for limit in [1.25, 0.8] {
            let check = check(Some(Matcher::RatioMax(limit)), Direction::Either);
            for (factor, outcome, word) in [
                (1.0, Outcome::Pass, " within 0.8 and 1.25"),
                (1.5, Outcome::Fail, " not within 0.8 and 1.25"),
                (0.5, Outcome::Fail, " not within 0.8 and 1.25"),
                (1.25, Outcome::Inconclusive, " against 0.8 and 1.25"),
                (0.8, Outcome::Inconclusive, " against 0.8 and 1.25"),
            ] {
                let (found, reason) = told(&check, factor);
                assert_eq!(found, outcome, "{limit} {factor} {reason}");
                assert!(reason.contains(word), "{reason}");
            }
        }
        // It is as sure of both as it is of the one of which it is less sure.
        for (factor, sure) in [(0.83, "99.6"), (1.21, "99.6"), (1.0, "99.8")] {
            let (found, reason) = told(&check(Some(Matcher::RatioMax(1.25)), Direction::Either), factor);
            assert_eq!(found, Outcome::Pass, "{reason}");
            assert!(reason.ends_with(&format!("within 0.8 and 1.25 with {sure} % confidence")), "{reason}");
        }
    }

    #[test]
    fn a_limit_that_is_none_settles_nothing() {
        for limit in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            let (found, reason) = told(&check(Some(Matcher::RatioMax(limit)), Direction::Lower), 0.5);
            assert_eq!(found, Outcome::Inconclusive, "{limit} {reason}");
        }
    }

    #[test]
    fn only_the_median_of_a_measurement_has_samples_behind_it() {
        let doubtful = BEFORE.map(|x| x * 0.7);
        let (before, now) = (seen(BEFORE), seen(doubtful));
        let measure = check(None, Direction::Lower);
        let samples_of = |check: &Check, field| samples(check, field, &now, Some(&before));
        let due = Samples { before: BEFORE.to_vec(), now: doubtful.to_vec() };
        assert_eq!(samples_of(&measure, "median"), Some(due));
        assert_eq!(samples_of(&measure, "samples"), None);
        let mut other = measure.clone();
        other.look = Look::Probe(Probe::Memory);
        assert_eq!(samples_of(&other, "median"), None);
        assert_eq!(samples(&measure, "median", &now, None), None);
        let words = Observation::new().with("samples", vec!["fast"]);
        assert_eq!(samples(&measure, "median", &words, Some(&before)), None);
    }

    #[test]
    fn a_measurement_without_a_median_is_inconclusive() {
        let told = judge(&check(None, Direction::Lower), &Ok(Observation::new()), None, "2026-01-01");
        assert_eq!(told.outcome, Outcome::Inconclusive);
        assert_eq!(told.reasons, ["there is no median"]);
    }

    #[test]
    fn what_is_left_of_runs_that_failed_proves_nothing_unless_a_rule_says_how_many_may() {
        let seen = seen(BEFORE).with("count", 6).with("failed", 2);
        let fast = check(Some(Matcher::Lt(5.0)), Direction::Lower);
        let words = "2 of 8 runs failed; a rule on `failed` says how many may";
        let judged = |check: &Check| judge(check, &Ok(seen.clone()), None, "2026-01-01");
        for check in [
            fast.clone(),
            check(None, Direction::Lower),
            Check { tolerate: fast.expect.clone(), ..check(Some(Matcher::Lt(1.0)), Direction::Lower) },
        ] {
            let told = judged(&check);
            assert_eq!((told.outcome, told.reasons[0].as_str()), (Outcome::Inconclusive, words), "{told:?}");
        }
        assert_eq!(judged(&check(Some(Matcher::Gt(5.0)), Direction::Lower)).outcome, Outcome::Fail);
        let mut allowing = fast;
        allowing.expect.push(FieldRule { field: "failed".to_owned(), matchers: vec![Matcher::Le(2.0)] });
        assert_eq!(judged(&allowing).outcome, Outcome::Pass);
    }

    #[test]
    fn an_expected_gain_is_held_against_both_sets_of_samples() {
        for (factor, direction, outcome, word) in [
            (0.5, Direction::Lower, Outcome::Pass, "better"),
            (0.9, Direction::Lower, Outcome::Fail, "better"),
            (0.7, Direction::Lower, Outcome::Inconclusive, "better"),
            (1.5, Direction::Lower, Outcome::Fail, "worse"),
            (0.5, Direction::Higher, Outcome::Fail, "worse"),
            (0.9, Direction::Higher, Outcome::Pass, "worse"),
        ] {
            let now = Ok(seen(BEFORE.map(|x| x * factor)));
            let told = judge(
                &check(Some(Matcher::RatioMax(0.7)), direction),
                &now,
                Some(&seen(BEFORE)),
                "2026-01-01",
            );
            assert_eq!(told.outcome, outcome, "{factor} {direction:?} {told:?}");
            assert!(told.reasons[0].contains(word), "{told:?}");
        }
    }

    #[test]
    fn without_an_expectation_the_gain_is_told() {
        let now = Ok(seen(BEFORE.map(|x| x * 0.5)));
        let told = judge(&check(None, Direction::Lower), &now, Some(&seen(BEFORE)), "2026-01-01");
        assert_eq!(told.outcome, Outcome::Pass);
        let words = "better with 99.8 % confidence (before 2 s, now 1 s, medians of 6 and 6): ratio 0.5,";
        assert!(told.reasons[0].starts_with(words), "{told:?}");
        let alone = judge(&check(None, Direction::Lower), &now, None, "2026-01-01");
        assert_eq!(alone.reasons, ["median 1 s, with nothing to hold it against"]);
    }

    #[test]
    fn an_expected_gain_without_a_baseline_is_undecided() {
        let told = judge(
            &check(Some(Matcher::RatioMax(0.7)), Direction::Lower),
            &Ok(seen(BEFORE)),
            None,
            "2026-01-01",
        );
        assert_eq!(told.outcome, Outcome::Inconclusive);
    }
}
