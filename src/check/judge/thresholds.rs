//! What the rules of a check say of a number, as monitoring plugins say it: the ranges in which it warns and is critical.

use super::is_shadow;
use super::matchers::as_number;
use crate::model::{Check, Expectation, Matcher, Range, Severity, Thresholds};
use std::ops::Bound::{self, Excluded, Included, Unbounded};

/// What is stated of: a field's number, or its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The number.
    Value,
    /// How many elements, keys or characters.
    Length,
}

/// Every number between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Interval {
    low: Bound<f64>,
    high: Bound<f64>,
}

/// The numbers that some matchers let through: `whole` where the matchers say nothing else.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Accepted {
    interval: Interval,
    whole: bool,
}

/// The thresholds of one number. What cannot be written as one range is left out: a rule against the baseline, a choice.
pub(super) fn thresholds(check: &Check, field: &str, of: Of) -> Thresholds {
    let none = Thresholds::default();
    if is_shadow(check) {
        return none;
    }
    let accepted = |rules: &Expectation| {
        let matchers = rules.iter().filter(|rule| rule.field == field).flat_map(|rule| &rule.matchers);
        accepted(&matchers.flat_map(|matcher| flat(matcher, of)).collect::<Vec<_>>())
    };
    let expected = accepted(&check.expect).map(|it| it.interval);
    let good = expected.and_then(Interval::outside);
    if check.severity == Severity::Warn {
        return Thresholds { warn: good, crit: None };
    }
    let (tolerated, failing) = (accepted(&check.tolerate), accepted(&check.fail_if));
    match (check.tolerate.is_empty(), check.fail_if.is_empty()) {
        (true, true) => Thresholds { warn: None, crit: good },
        (false, true) => {
            let wider = tolerated.filter(|it| expected.is_some_and(|expected| it.interval.holds(expected)));
            Thresholds { warn: good, crit: wider.and_then(|it| it.interval.outside()) }
        }
        // Only where it alone decides.
        (_, false) => {
            let alone = failing.filter(|it| it.whole && check.fail_if.len() == 1);
            Thresholds { warn: good, crit: alone.and_then(|it| it.interval.inside()) }
        }
    }
}

/// A matcher as those that must all hold of the number.
fn flat(matcher: &Matcher, of: Of) -> Vec<Matcher> {
    match (matcher, of) {
        (Matcher::AllOf(groups), _) => groups.iter().flatten().flat_map(|one| flat(one, of)).collect(),
        (Matcher::Len(inner), Of::Length) => inner.iter().flat_map(|one| flat(one, Of::Value)).collect(),
        (Matcher::Empty(true), Of::Length) => vec![Matcher::Le(0.0)],
        (Matcher::Empty(false), Of::Length) => vec![Matcher::Ge(1.0)],
        // Of the elements, not of their number.
        (_, Of::Length) => vec![Matcher::Exists(true)],
        (matcher, Of::Value) => vec![matcher.clone()],
    }
}

fn accepted(matchers: &[Matcher]) -> Option<Accepted> {
    let mut interval = Interval { low: Unbounded, high: Unbounded };
    let mut whole = true;
    for matcher in matchers {
        match known(matcher) {
            Some(one) => interval = interval.and(one),
            None => whole = false,
        }
    }
    (interval != Interval { low: Unbounded, high: Unbounded }).then_some(Accepted { interval, whole })
}

fn known(matcher: &Matcher) -> Option<Interval> {
    let finite = |limit: f64| Some(limit).filter(|limit| limit.is_finite());
    let interval = |low, high| Interval { low, high };
    match matcher {
        Matcher::Lt(limit) => Some(interval(Unbounded, Excluded(finite(*limit)?))),
        Matcher::Le(limit) => Some(interval(Unbounded, Included(finite(*limit)?))),
        Matcher::Gt(limit) => Some(interval(Excluded(finite(*limit)?), Unbounded)),
        Matcher::Ge(limit) => Some(interval(Included(finite(*limit)?), Unbounded)),
        Matcher::Between(low, high) => Some(interval(Included(finite(*low)?), Included(finite(*high)?))),
        Matcher::Equals(wanted) if wanted.is_number() => {
            let wanted = as_number(wanted)?;
            Some(interval(Included(wanted), Included(wanted)))
        }
        _ => None,
    }
}

impl Interval {
    fn and(self, other: Self) -> Self {
        Self { low: later(self.low, other.low, 1.0), high: later(self.high, other.high, -1.0) }
    }

    /// Whether the other one lies within it.
    fn holds(self, other: Self) -> bool {
        self.and(other) == other
    }

    /// The range outside of which one is alerted: both its ends are good. Of one open end the other side is told.
    fn outside(self) -> Option<Range> {
        match (self.low, self.high) {
            (Unbounded, Unbounded) => None,
            (Excluded(low), Unbounded) => Some(Range { low: None, high: Some(low), inside: true }),
            (Unbounded, Excluded(high)) => Some(Range { low: Some(high), high: None, inside: true }),
            (low, high) => closed(low, high, false),
        }
    }

    /// The range inside of which one is alerted.
    fn inside(self) -> Option<Range> {
        match (self.low, self.high) {
            (Unbounded, Unbounded) => None,
            (Excluded(low), Unbounded) => Some(Range { low: None, high: Some(low), inside: false }),
            (Unbounded, Excluded(high)) => Some(Range { low: Some(high), high: None, inside: false }),
            (low, high) => closed(low, high, true),
        }
    }
}

/// A range with both ends in it; nothing where one of them is not, or nothing lies between.
fn closed(low: Bound<f64>, high: Bound<f64>, inside: bool) -> Option<Range> {
    let end = |bound| match bound {
        Included(limit) => Some(Some(limit)),
        Unbounded => Some(None),
        Excluded(_) => None,
    };
    let range = Range { low: end(low)?, high: end(high)?, inside };
    match (range.low, range.high) {
        (Some(low), Some(high)) if low > high => None,
        _ => Some(range),
    }
}

/// The bound that lets less through: the higher one of two low ones (`sign` 1), the lower of two high ones (-1).
fn later(one: Bound<f64>, other: Bound<f64>, sign: f64) -> Bound<f64> {
    match (one, other) {
        (Unbounded, other) => other,
        (one, Unbounded) => one,
        (Included(x) | Excluded(x), Included(y) | Excluded(y)) => {
            let order = (x * sign).total_cmp(&(y * sign));
            let one_first = order.is_gt() || (order.is_eq() && matches!(one, Excluded(_)));
            if one_first { one } else { other }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::tests::{check, rule};
    use super::*;
    use crate::model::{Look, Observation, Outcome, Probe};
    use serde_json::json;

    /// Whether a monitor alerts, by the guidelines for plugins.
    fn alerts(range: Option<Range>, value: f64) -> bool {
        range.is_some_and(|range| {
            let within =
                range.low.is_none_or(|low| value >= low) && range.high.is_none_or(|high| value <= high);
            within == range.inside
        })
    }

    const VALUES: [f64; 9] = [-1.0, 0.0, 0.5, 1.0, 5.0, 9.5, 10.0, 10.5, 20.0];

    #[test]
    fn a_monitor_alerts_where_the_check_does() {
        use Matcher::{AllOf, Between, Equals, Ge, Gt, Le, Lt};
        let look = Look::Probe(Probe::Memory);
        let of = |rules: Vec<Matcher>| if rules.is_empty() { vec![] } else { vec![rule("x", rules)] };
        for (expect, tolerate, fail_if) in [
            (vec![Between(1.0, 10.0)], vec![], vec![]),
            (vec![Lt(10.0)], vec![], vec![]),
            (vec![Gt(0.5)], vec![], vec![]),
            (vec![Ge(1.0), Le(10.0)], vec![], vec![]),
            (vec![AllOf(vec![vec![Ge(1.0)], vec![Le(5.0)]])], vec![], vec![]),
            (vec![Equals(json!(5))], vec![], vec![]),
            (vec![Lt(5.0)], vec![Lt(10.0)], vec![]),
            (vec![Ge(10.0)], vec![Ge(1.0)], vec![]),
            (vec![Lt(5.0)], vec![], vec![Gt(10.0)]),
            (vec![Ge(10.0)], vec![], vec![Lt(1.0)]),
            (vec![Le(1.0)], vec![], vec![Between(9.5, 10.0)]),
        ] {
            let check = Check {
                expect: of(expect),
                tolerate: of(tolerate),
                fail_if: of(fail_if),
                ..check(look.clone())
            };
            let Thresholds { warn, crit } = thresholds(&check, "x", Of::Value);
            for value in VALUES {
                let told = judge(&check, &Ok(Observation::new().with("x", value)), None, "2026-01-05");
                let alert = (alerts(warn, value) || alerts(crit, value), alerts(crit, value));
                let due = (told.outcome != Outcome::Pass, told.outcome == Outcome::Fail);
                assert_eq!(alert, due, "{check:?} {value}: {warn:?} {crit:?}");
            }
        }
    }

    #[test]
    fn lengths_have_thresholds_and_what_is_no_range_has_none() {
        let of = |matchers: Vec<Matcher>, of: Of| {
            let check = Check { expect: vec![rule("x", matchers)], ..check(Look::Probe(Probe::Memory)) };
            thresholds(&check, "x", of).crit
        };
        let range = |low, high| Some(Range { low, high, inside: false });
        assert_eq!(of(vec![Matcher::Empty(true)], Of::Length), range(None, Some(0.0)));
        assert_eq!(of(vec![Matcher::Empty(false)], Of::Length), range(Some(1.0), None));
        assert_eq!(of(vec![Matcher::Len(vec![Matcher::Ge(2.0)])], Of::Length), range(Some(2.0), None));
        for none in [
            vec![Matcher::Empty(true)],
            vec![Matcher::RatioMax(1.1)],
            vec![Matcher::AnyOf(vec![vec![Matcher::Lt(1.0)], vec![Matcher::Gt(2.0)]])],
            vec![Matcher::Gt(1.0), Matcher::Lt(2.0)],
            vec![Matcher::Ge(3.0), Matcher::Le(2.0)],
            vec![Matcher::Lt(f64::NAN)],
        ] {
            assert_eq!(of(none.clone(), Of::Value), None, "{none:?}");
        }
        assert_eq!(of(vec![Matcher::Contains(json!("a"))], Of::Length), None);
    }

    #[test]
    fn what_only_warns_has_nothing_critical_and_what_is_only_shown_has_no_threshold() {
        let plain =
            Check { expect: vec![rule("x", vec![Matcher::Le(2.0)])], ..check(Look::Probe(Probe::Memory)) };
        let range = Some(Range { low: None, high: Some(2.0), inside: false });
        let warn = Check { severity: Severity::Warn, ..plain.clone() };
        assert_eq!(thresholds(&warn, "x", Of::Value), Thresholds { warn: range, crit: None });
        let shown = Check { severity: Severity::Info, ..plain.clone() };
        assert_eq!(thresholds(&shown, "x", Of::Value), Thresholds::default());
        // With another rule beside it, this one does not fail the check by itself.
        let beside = vec![rule("x", vec![Matcher::Gt(2.0)]), rule("y", vec![Matcher::Gt(2.0)])];
        let both = Check { fail_if: beside, ..plain };
        assert_eq!(thresholds(&both, "x", Of::Value), Thresholds { warn: range, crit: None });
    }
}
