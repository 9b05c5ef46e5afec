//! Every branch and boundary of judging, as tables.

mod partial;
mod table;

use super::*;
use crate::model::{CheckId, CommandLine, Direction, FieldRule, Look, Matcher, Parse, Probe, RunAs, Span};
use serde_json::json;

const TODAY: &str = "2026-01-05";

pub(super) fn check(look: Look) -> Check {
    Check {
        id: CheckId::new("c").expect("id"),
        title: None,
        look,
        expect: Vec::new(),
        tolerate: Vec::new(),
        fail_if: Vec::new(),
        severity: Severity::Fail,
        mode: Mode::Enforce,
        waiver: None,
        on_no_data: TreatAs::Inconclusive,
        on_error: TreatAs::Error,
        applies_if: None,
        needs: Vec::new(),
        who: RunAs::Runner,
        hint: None,
        tags: Vec::new(),
        timeout: Span::seconds(10),
        settle: Span::ZERO,
        within: None,
        every: Span::seconds(1),
        consecutive: 1,
        samples: None,
        floor: None,
        direction: Direction::Lower,
    }
}

fn run() -> Look {
    Look::Probe(Probe::Run { command: CommandLine::new(["x"]), parse: Parse::Text })
}

pub(super) fn rule(field: &str, matchers: Vec<Matcher>) -> FieldRule {
    FieldRule { field: field.to_owned(), matchers }
}

fn expecting(matcher: Matcher) -> Check {
    Check { expect: vec![rule("x", vec![matcher])], ..check(run()) }
}

/// Outcome and reasons of one matcher on the field `x`; null stands for absence.
fn one(matcher: Matcher, now: &Value) -> (Outcome, String) {
    let judgement = judge(&expecting(matcher), &Ok(seen(now)), None, TODAY);
    (judgement.outcome, judgement.reasons.join(" | "))
}

fn seen(value: &Value) -> Observation {
    if value.is_null() { Observation::new() } else { Observation::new().with("x", value.clone()) }
}

use Outcome::{Error, Fail, Inconclusive, Pass, Warn};

fn compared(check: &Check, before: Option<&Value>, now: &Value) -> (Outcome, String) {
    let baseline = before.map(seen);
    let judgement = judge(check, &Ok(seen(now)), baseline.as_ref(), TODAY);
    (judgement.outcome, judgement.reasons.join(" | "))
}

#[test]
fn sets_are_compared_with_the_baseline() {
    use Matcher::{NoNew, NoneMissing};
    for (matcher, before, now, outcome, reason) in [
        (NoNew, json!(["a"]), json!(["a", "a"]), Pass, "`x` has nothing new (1 before, 2 now)"),
        (NoNew, json!(["a", "b"]), json!(["a"]), Pass, "`x` has nothing new (2 before, 1 now)"),
        (NoNew, json!(["a"]), json!(["b", "b", "a", "c"]), Fail, "`x` has 2 new: b, c (1 before, 4 now)"),
        (NoNew, json!({"a": 1}), json!({"a": 2}), Pass, "`x` has nothing new (1 before, 1 now)"),
        (NoNew, json!({"a": 1}), json!({"b": 2}), Fail, "`x` has 1 new: b (1 before, 1 now)"),
        (NoNew, json!([]), json!([]), Pass, "`x` has nothing new (0 before, 0 now)"),
        (NoNew, json!(1), json!([]), Inconclusive, "`x` 1 in the baseline is not a list"),
        (NoNew, json!([]), json!("a"), Inconclusive, "`x` \"a\" is not a list"),
        (NoneMissing, json!(["a"]), json!(["a", "b"]), Pass, "`x` misses nothing (1 before, 2 now)"),
        (NoneMissing, json!(["a", "b", "b"]), json!(["a"]), Fail, "`x` misses 1: b (3 before, 1 now)"),
        (NoneMissing, json!(["a"]), json!(1), Inconclusive, "`x` 1 is not a list"),
        (NoneMissing, json!("a"), json!([]), Inconclusive, "`x` \"a\" in the baseline is not a list"),
    ] {
        let found = compared(&expecting(matcher.clone()), Some(&before), &now);
        assert_eq!(found, (outcome, reason.to_owned()), "{matcher:?} {before} {now}");
    }
}

#[test]
fn without_a_baseline_nothing_can_be_said_against_it() {
    use Matcher::{DeltaMax, Len, NoNew, NoneMissing, RatioMax, Unchanged};
    for matcher in [NoNew, NoneMissing, Unchanged, DeltaMax(1.0), RatioMax(1.0), Len(vec![Unchanged])] {
        let mut check = expecting(matcher.clone());
        let now = json!([1]);
        let (outcome, reason) = compared(&check, None, &now);
        assert_eq!(outcome, Inconclusive, "{matcher:?}");
        assert!(reason.ends_with("has no baseline"), "{reason}");
        let (outcome, reason) = compared(&check, Some(&json!(null)), &now);
        assert_eq!(outcome, Inconclusive, "{matcher:?}");
        assert!(reason.ends_with("has no value in the baseline"), "{reason}");
        check.on_no_data = TreatAs::Pass;
        assert_eq!(compared(&check, None, &now).0, Pass, "{matcher:?}");
    }
    let null = Observation::new().with("x", Value::Null);
    let judgement = judge(&expecting(Unchanged), &Ok(seen(&json!(1))), Some(&null), TODAY);
    assert_eq!(judgement.reasons, ["`x` has no value in the baseline"]);
    let number = compared(&expecting(Len(vec![Unchanged])), Some(&json!(1)), &json!([1]));
    assert_eq!(number, (Inconclusive, "`x` length has no value in the baseline".to_owned()));
}

#[test]
fn lengths_are_compared_with_the_baseline() {
    let check = expecting(Matcher::Len(vec![Matcher::DeltaMax(1.0)]));
    let growth = |now| compared(&check, Some(&json!(["a"])), &now);
    assert_eq!(growth(json!(["b", "c"])), (Pass, "`x` length growth 1 <= 1 (before 1, now 2)".to_owned()));
    assert_eq!(growth(json!([1, 2, 3])), (Fail, "`x` length growth 2 > 1 (before 1, now 3)".to_owned()));
}

#[test]
fn a_length_has_no_unit_whatever_the_field_is_measured_in() {
    let long = Matcher::Len(vec![Matcher::Ge(2.0)]);
    let check = Check {
        expect: vec![rule("pss", vec![long])],
        ..check(Look::Probe(Probe::Process { name: None, pattern: None }))
    };
    let judgement = judge(&check, &Ok(Observation::new().with("pss", json!([1, 2]))), None, TODAY);
    assert_eq!(judgement.reasons, ["`pss` length 2 >= 2"]);
}

#[test]
fn what_is_unchanged_is_equal_or_differs_by_less_than_the_floor() {
    for (floor, before, now, outcome, reason) in [
        (None, json!("a"), json!("a"), Pass, "`x` is unchanged, \"a\""),
        (None, json!("a"), json!("b"), Fail, "`x` changed (before \"a\", now \"b\")"),
        (None, json!(1), json!(1.0), Pass, "`x` is unchanged, 1"),
        (None, json!(1), json!(2), Fail, "`x` changed (before 1, now 2)"),
        (Some(1.0), json!(1), json!(2), Fail, "`x` changed (before 1, now 2)"),
        (Some(1.1), json!(1), json!(2), Pass, "`x` changed (before 1, now 2)"),
        (Some(1.1), json!(2), json!(1), Pass, "`x` changed (before 2, now 1)"),
        (Some(5.0), json!(1), json!("2"), Fail, "`x` changed (before 1, now \"2\")"),
        (Some(5.0), json!("1"), json!(2), Fail, "`x` changed (before \"1\", now 2)"),
    ] {
        let check = Check { floor, ..expecting(Matcher::Unchanged) };
        let found = compared(&check, Some(&before), &now);
        assert_eq!(found, (outcome, reason.to_owned()), "{before} {now} {floor:?}");
    }
    let long = |end: &str| json!(format!("{}{end}", "x".repeat(5000)));
    let bounded = crate::check::bounded(long("a"));
    assert_eq!(compared(&expecting(Matcher::Unchanged), Some(&bounded), &long("a")).0, Pass);
    assert_eq!(compared(&expecting(Matcher::Unchanged), Some(&bounded), &long("b")).0, Fail);
    let list = json!([bounded]);
    assert_eq!(compared(&expecting(Matcher::NoNew), Some(&list), &json!([long("a")])).0, Pass);
    assert_eq!(compared(&expecting(Matcher::NoneMissing), Some(&list), &json!([long("a")])).0, Pass);
}

#[test]
fn differences_count_in_their_direction_and_above_the_floor() {
    use Direction::{Either, Higher, Lower};
    for (direction, floor, before, now, outcome, reason) in [
        (Lower, None, 10, 12, Pass, "growth 2 <= 2 (before 10, now 12)"),
        (Lower, None, 10, 13, Fail, "growth 3 > 2 (before 10, now 13)"),
        (Lower, None, 10, 0, Pass, "growth -10 <= 2 (before 10, now 0)"),
        (Higher, None, 10, 8, Pass, "loss 2 <= 2 (before 10, now 8)"),
        (Higher, None, 10, 7, Fail, "loss 3 > 2 (before 10, now 7)"),
        (Higher, None, 10, 99, Pass, "loss -89 <= 2 (before 10, now 99)"),
        (Either, None, 10, 8, Pass, "difference 2 <= 2 (before 10, now 8)"),
        (Either, None, 10, 13, Fail, "difference 3 > 2 (before 10, now 13)"),
        (Either, None, 10, 7, Fail, "difference 3 > 2 (before 10, now 7)"),
        (Lower, Some(3.0), 10, 13, Fail, "growth 3 > 2 (before 10, now 13)"),
        (Lower, Some(3.1), 10, 13, Pass, "differs by less than the floor 3.1 (before 10, now 13)"),
        (Higher, Some(3.1), 10, 7, Pass, "differs by less than the floor 3.1 (before 10, now 7)"),
    ] {
        let check = Check { direction, floor, ..expecting(Matcher::DeltaMax(2.0)) };
        let found = compared(&check, Some(&json!(before)), &json!(now));
        assert_eq!(found, (outcome, format!("`x` {reason}")), "{direction:?} {floor:?} {before} {now}");
    }
}

#[test]
fn ratios_count_in_their_direction_and_above_the_floor() {
    use Direction::{Either, Higher, Lower};
    for (direction, floor, limit, before, now, outcome, reason) in [
        (Lower, None, 1.25, 100, 125, Pass, "ratio 1.25 <= 1.25 (before 100, now 125)"),
        (Lower, None, 1.25, 100, 131, Fail, "ratio 1.31 > 1.25 (before 100, now 131)"),
        (Lower, None, 1.25, 100, 1, Pass, "ratio 0.01 <= 1.25 (before 100, now 1)"),
        (Higher, None, 0.8, 100, 80, Pass, "ratio 0.8 >= 0.8 (before 100, now 80)"),
        (Higher, None, 0.8, 100, 79, Fail, "ratio 0.79 < 0.8 (before 100, now 79)"),
        (Higher, None, 0.8, 100, 999, Pass, "ratio 9.99 >= 0.8 (before 100, now 999)"),
        (
            Either,
            None,
            1.25,
            100,
            125,
            Pass,
            "ratio 1.25 <= 1.25 (before 100, now 125) | `x` ratio 1.25 >= 0.8 (before 100, now 125)",
        ),
        (Either, None, 1.25, 100, 126, Fail, "ratio 1.26 > 1.25 (before 100, now 126)"),
        (Either, None, 1.25, 100, 79, Fail, "ratio 0.79 < 0.8 (before 100, now 79)"),
        (Either, None, 0.8, 100, 126, Fail, "ratio 1.26 > 1.25 (before 100, now 126)"),
        (Either, None, 0.8, 100, 79, Fail, "ratio 0.79 < 0.8 (before 100, now 79)"),
        (Lower, Some(31.0), 1.25, 100, 131, Fail, "ratio 1.31 > 1.25 (before 100, now 131)"),
        (
            Lower,
            Some(31.5),
            1.25,
            100,
            131,
            Pass,
            "differs by less than the floor 31.5 (before 100, now 131)",
        ),
        (Lower, None, 1.25, 0, 0, Pass, "has no ratio to 0 (before 0, now 0)"),
        (Lower, None, 1.25, 0, 1, Inconclusive, "has no ratio to 0 (before 0, now 1)"),
        (Lower, Some(2.0), 1.25, 0, 1, Pass, "differs by less than the floor 2 (before 0, now 1)"),
        (Higher, None, 0.8, 0, 1, Inconclusive, "has no ratio to 0 (before 0, now 1)"),
        (Lower, None, 1.25, -4, 4, Inconclusive, "has no ratio to -4 (before -4, now 4)"),
        (Lower, None, 0.0, 100, 100, Inconclusive, "the limit 0 is not above zero"),
        (Lower, None, -1.0, 100, 100, Inconclusive, "the limit -1 is not above zero"),
        (Lower, None, f64::NAN, 100, 100, Inconclusive, "the limit NaN is not a number"),
    ] {
        let check = Check { direction, floor, ..expecting(Matcher::RatioMax(limit)) };
        let found = compared(&check, Some(&json!(before)), &json!(now));
        assert_eq!(
            found,
            (outcome, format!("`x` {reason}")),
            "{direction:?} {floor:?} {limit} {before} {now}"
        );
    }
}

#[test]
fn what_is_no_number_has_no_difference() {
    for matcher in [Matcher::DeltaMax(1.0), Matcher::RatioMax(1.0)] {
        let check = expecting(matcher);
        assert_eq!(
            compared(&check, Some(&json!(1)), &json!("a")),
            (Inconclusive, "`x` \"a\" is not a number".to_owned())
        );
        assert_eq!(
            compared(&check, Some(&json!("nan")), &json!(1)),
            (Inconclusive, "`x` \"nan\" in the baseline is not a number".to_owned())
        );
    }
}

#[test]
fn the_undecided_is_not_turned_by_on_no_data() {
    let check = Check { on_no_data: TreatAs::Pass, ..expecting(Matcher::RatioMax(1.25)) };
    assert_eq!(compared(&check, Some(&json!(0)), &json!(5_000)).0, Inconclusive);
}

#[test]
fn a_reason_names_units_and_samples() {
    let mib = 1_048_576;
    let mut check = check(Look::Probe(Probe::Process { name: None, pattern: None }));
    check.expect = vec![rule("pss", vec![Matcher::RatioMax(1.25)])];
    let observed = |size: i64| Observation::new().with("pss", size * mib);
    let said = |check: &Check| judge(check, &Ok(observed(1064)), Some(&observed(812)), TODAY).reasons;
    for (count, take, how) in [
        (1, Use::Median, ""),
        (2, Use::Median, ", median of 2"),
        (5, Use::Median, ", median of 5"),
        (5, Use::Mean, ", mean of 5"),
        (5, Use::Min, ", least of 5"),
        (5, Use::Max, ", most of 5"),
        (5, Use::Last, ", last of 5"),
    ] {
        check.samples = Some(Samples { count, every: Span::ZERO, take });
        assert_eq!(said(&check), [format!("`pss` ratio 1.31 > 1.25 (before 812 MiB, now 1.04 GiB{how})")]);
    }
    check.expect = vec![rule("pss", vec![Matcher::DeltaMax(1_048_576.0)])];
    assert_eq!(said(&check), ["`pss` growth 252 MiB > 1 MiB (before 812 MiB, now 1.04 GiB, last of 5)"]);
    check.floor = Some(1e12);
    assert_eq!(
        said(&check),
        ["`pss` differs by less than the floor 931 GiB (before 812 MiB, now 1.04 GiB, last of 5)"]
    );
    check.expect = vec![rule("pss", vec![Matcher::Unchanged])];
    assert_eq!(said(&check), ["`pss` changed (before 812 MiB, now 1.04 GiB, last of 5)"]);
    check.expect = vec![rule("pss", vec![Matcher::Equals(json!(1_048_576))])];
    assert_eq!(said(&check), ["`pss` is 1.04 GiB, not 1 MiB"]);
    // A number given as text was not combined: it is the last sample's.
    check.floor = None;
    check.expect = vec![rule("stdout", vec![Matcher::DeltaMax(1.0)])];
    let printed = |text: &str| Observation::new().with("stdout", text);
    let judgement = judge(&check, &Ok(printed("3")), Some(&printed("1")), TODAY);
    assert_eq!(judgement.reasons, ["`stdout` growth 2 > 1 (before 1, now 3)"]);
    check.expect = vec![rule("names", vec![Matcher::Unchanged])];
    let names = |name: &str| Observation::new().with("names", vec![name]);
    let judgement = judge(&check, &Ok(names("a")), Some(&names("a")), TODAY);
    assert_eq!(judgement.reasons, ["`names` is unchanged, [a]"]);
}

#[test]
fn all_rules_must_hold_and_a_failure_settles_it() {
    let mut check = check(run());
    check.expect =
        vec![rule("exit", vec![Matcher::Equals(json!(0))]), rule("value.rss", vec![Matcher::Lt(5.0)])];
    let judged = |exit, value: Value| {
        let seen = Observation::new().with("exit", exit).with("value", value);
        let judgement = judge(&check, &Ok(seen), None, TODAY);
        (judgement.outcome, judgement.reasons)
    };
    assert_eq!(
        judged(0, json!({"rss": 4})),
        (Pass, vec!["`exit` is 0".to_owned(), "`value.rss` 4 < 5".to_owned()])
    );
    assert_eq!(judged(0, json!({"rss": 5})), (Fail, vec!["`value.rss` 5 >= 5".to_owned()]));
    assert_eq!(judged(1, json!({})), (Fail, vec!["`exit` is 1, not 0".to_owned()]));
    assert_eq!(judged(0, json!({})), (Inconclusive, vec!["`value.rss` has no value".to_owned()]));
    assert_eq!(
        judged(0, json!({"rss": "?"})),
        (Inconclusive, vec!["`value.rss` \"?\" is not a number".to_owned()])
    );
}

#[test]
fn expect_then_tolerate_then_fail_if() {
    let below = |limit: f64| vec![rule("x", vec![Matcher::Lt(limit)])];
    let above = |limit: f64| vec![rule("x", vec![Matcher::Gt(limit)])];
    let base = Check { expect: below(10.0), ..check(run()) };
    let tolerant = Check { tolerate: below(20.0), ..base.clone() };
    let grey = Check { fail_if: above(30.0), ..tolerant.clone() };
    let grey_only = Check { fail_if: above(30.0), ..base.clone() };
    let words = |check: &Check, now: Value| {
        let (outcome, reasons) = compared(check, None, &now);
        (outcome, reasons)
    };
    for (check, now, outcome, reason) in [
        (&base, json!(9), Pass, "`x` 9 < 10"),
        (&base, json!(10), Fail, "`x` 10 >= 10"),
        (&tolerant, json!(9), Pass, "`x` 9 < 10"),
        (&tolerant, json!(10), Warn, "`x` 10 >= 10 | tolerated: `x` 10 < 20"),
        (&tolerant, json!(20), Fail, "`x` 20 >= 10"),
        (&tolerant, json!(null), Inconclusive, "`x` has no value"),
        (&grey, json!(9), Pass, "`x` 9 < 10"),
        (&grey, json!(19), Warn, "`x` 19 >= 10 | tolerated: `x` 19 < 20"),
        (&grey, json!(20), Inconclusive, "`x` 20 >= 10"),
        (&grey, json!(31), Fail, "`x` 31 > 30"),
        (&grey_only, json!(30), Inconclusive, "`x` 30 >= 10"),
        (&grey_only, json!(31), Fail, "`x` 31 > 30"),
        (&grey_only, json!(null), Inconclusive, "`x` has no value"),
        (&grey_only, json!("?"), Inconclusive, "`x` \"?\" is not a number"),
    ] {
        assert_eq!(words(check, now.clone()), (outcome, reason.to_owned()), "{now}");
    }
    // The grey zone is undecided also where missing data would count as a failure.
    let strict = Check { on_no_data: TreatAs::Fail, ..grey_only };
    assert_eq!(words(&strict, json!(20)).0, Inconclusive);
    assert_eq!(words(&strict, json!(null)).0, Fail);
    // Stated tolerance or failure without an expectation is stated all the same.
    let only_fail_if = Check { expect: Vec::new(), ..strict };
    assert_eq!(words(&only_fail_if, json!(31)).0, Fail);
    assert_eq!(words(&only_fail_if, json!(1)).0, Inconclusive);
    let only_tolerate = Check { expect: Vec::new(), ..tolerant };
    assert_eq!(words(&only_tolerate, json!(1)).0, Warn);
}

#[test]
fn missing_data_and_errors_are_treated_as_the_check_says() {
    let error = || Err(ProbeError::Interrupted);
    for (treat, outcome) in [
        (TreatAs::Pass, Pass),
        (TreatAs::Warn, Warn),
        (TreatAs::Fail, Fail),
        (TreatAs::Error, Error),
        (TreatAs::Inconclusive, Inconclusive),
    ] {
        let no_data = Check { on_no_data: treat, ..expecting(Matcher::Lt(1.0)) };
        assert_eq!(compared(&no_data, None, &json!(null)).0, outcome, "{treat:?}");
        assert_eq!(judge(&no_data, &error(), None, TODAY).outcome, Error);
        let on_error = Check { on_error: treat, ..expecting(Matcher::Lt(1.0)) };
        assert_eq!(judge(&on_error, &error(), None, TODAY).outcome, outcome, "{treat:?}");
        assert_eq!(compared(&on_error, None, &json!(null)).0, Inconclusive);
    }
}

#[test]
fn an_error_says_why_and_what_to_do() {
    let why =
        ProbeError::Unreachable { what: "systemd is not running here".to_owned(), hint: "look elsewhere" };
    let judgement = judge(&expecting(Matcher::Lt(1.0)), &Err(why), None, TODAY);
    assert_eq!(judgement.reasons, ["systemd is not running here", "look elsewhere"]);
    let judgement = judge(&expecting(Matcher::Lt(1.0)), &Err(ProbeError::Interrupted), None, TODAY);
    assert_eq!(judgement.reasons, ["interrupted"]);
}

#[test]
fn severity_mode_and_waiver_say_what_a_failure_weighs() {
    let waiver = |until: &str| Some(Waiver { reason: "known".to_owned(), until: until.to_owned() });
    let waived = |until: &str| Weight::Waived(format!("known, until {until}"));
    let failing = || expecting(Matcher::Lt(1.0));
    let weighed = |check: &Check, now: Value| {
        let judgement = judge(check, &Ok(seen(&now)), None, TODAY);
        (judgement.outcome, judgement.weight)
    };
    for (severity, mode, until, now, outcome, weight) in [
        (Severity::Fail, Mode::Enforce, None, 5, Fail, Weight::Counts),
        (Severity::Critical, Mode::Enforce, None, 5, Fail, Weight::Counts),
        (Severity::Warn, Mode::Enforce, None, 5, Warn, Weight::Counts),
        (Severity::Warn, Mode::Enforce, None, 0, Pass, Weight::Counts),
        (Severity::Info, Mode::Enforce, None, 5, Fail, Weight::Shadow),
        (Severity::Info, Mode::Enforce, None, 0, Pass, Weight::Shadow),
        (Severity::Fail, Mode::Shadow, None, 5, Fail, Weight::Shadow),
        (Severity::Fail, Mode::Shadow, Some("2026-01-05"), 5, Fail, Weight::Shadow),
        (Severity::Fail, Mode::Enforce, Some("2026-01-05"), 5, Fail, waived("2026-01-05")),
        (Severity::Critical, Mode::Enforce, Some("2026-01-06"), 5, Fail, waived("2026-01-06")),
        (Severity::Fail, Mode::Enforce, Some("2026-01-04"), 5, Fail, Weight::Counts),
        (Severity::Fail, Mode::Enforce, Some("someday"), 5, Fail, Weight::Counts),
        (Severity::Fail, Mode::Enforce, Some("2026-01-05"), 0, Pass, Weight::Counts),
        (Severity::Warn, Mode::Enforce, Some("2026-01-05"), 5, Warn, Weight::Counts),
    ] {
        let check = Check { severity, mode, waiver: until.and_then(waiver), ..failing() };
        assert_eq!(weighed(&check, json!(now)), (outcome, weight), "{severity:?} {mode:?} {until:?} {now}");
    }
    let undecided = Check { waiver: waiver("2026-01-05"), ..failing() };
    assert_eq!(weighed(&undecided, json!("?")), (Inconclusive, Weight::Counts));
    assert_eq!(judge(&undecided, &Err(ProbeError::Interrupted), None, TODAY).weight, Weight::Counts);
    let tolerated = Check { tolerate: vec![rule("x", vec![Matcher::Lt(9.0)])], ..undecided };
    assert_eq!(weighed(&tolerated, json!(5)), (Warn, Weight::Counts));
}

#[test]
fn an_expired_waiver_says_so_and_a_day_that_is_unknown_waives_nothing() {
    let waiver = Waiver { reason: "known".to_owned(), until: "2026-01-04".to_owned() };
    let check = Check { waiver: Some(waiver), ..expecting(Matcher::Lt(1.0)) };
    let judgement = judge(&check, &Ok(seen(&json!(5))), None, TODAY);
    assert_eq!(judgement.reasons, ["`x` 5 >= 1", "the waiver ended on 2026-01-04: known"]);
    let judgement = judge(&check, &Ok(seen(&json!(0))), None, TODAY);
    assert_eq!(judgement.reasons, ["`x` 0 < 1"]);
    assert_eq!(judge(&check, &Ok(seen(&json!(5))), None, "today").weight, Weight::Counts);
    let judgement = judge(&check, &Ok(seen(&json!(5))), None, "2026-01-03");
    assert_eq!(
        (judgement.weight, judgement.reasons.len()),
        (Weight::Waived("known, until 2026-01-04".to_owned()), 1)
    );
}

#[test]
fn a_program_without_expectation_must_exit_with_zero() {
    let judged = |seen: Observation| {
        let judgement = judge(&check(run()), &Ok(seen), None, TODAY);
        (judgement.outcome, judgement.reasons.join(" | "))
    };
    let exit = |status: i32, stderr: &str| Observation::new().with("exit", status).with("stderr", stderr);
    assert_eq!(judged(exit(0, "noise")), (Pass, "`exit` is 0".to_owned()));
    assert_eq!(judged(exit(139, "a\nb\n \n")), (Fail, "`exit` is 139, not 0 | it said \"b\"".to_owned()));
    assert_eq!(judged(exit(1, "")), (Fail, "`exit` is 1, not 0".to_owned()));
    assert_eq!(judged(Observation::new()), (Inconclusive, "`exit` has no value".to_owned()));
    let nothing = judge(&check(Look::Probe(Probe::Memory)), &Ok(exit(0, "")), None, TODAY);
    assert_eq!(
        (nothing.outcome, nothing.reasons),
        (Inconclusive, vec!["no expectation is stated".to_owned()])
    );
}

#[test]
fn a_plugin_says_itself_what_it_found_unless_rules_do() {
    let plugin = || check(Look::Plugin(CommandLine::new(["check_x"])));
    let seen = |status: &str, exit: i32| {
        Ok(Observation::new()
            .with("status", status)
            .with("exit", exit)
            .with("message", "said")
            .with("perf.a", 5))
    };
    let ruled =
        |field: &str, matcher: Matcher| Check { expect: vec![rule(field, vec![matcher])], ..plugin() };
    let low = ruled("perf.a", Matcher::Lt(1.0));
    let unknown = ruled("exit", Matcher::Equals(json!(3)));
    let named = ruled("status", Matcher::Equals(json!("unknown")));
    let tolerated = Check { tolerate: unknown.expect.clone(), ..low.clone() };
    let failing = Check { fail_if: named.expect.clone(), ..low.clone() };
    for (check, status, exit, outcome, reason) in [
        (&plugin(), "ok", 0, Pass, "said"),
        (&plugin(), "warning", 1, Warn, "said"),
        (&plugin(), "critical", 2, Fail, "said"),
        (&plugin(), "unknown", 3, Error, "said"),
        (&Check { on_error: TreatAs::Fail, ..plugin() }, "unknown", 3, Fail, "said"),
        (&low, "ok", 0, Fail, "`perf.a` 5 >= 1"),
        (&low, "unknown", 3, Error, "said"),
        (&unknown, "unknown", 3, Pass, "`exit` is 3"),
        (&named, "unknown", 3, Pass, "`status` is \"unknown\""),
        (&tolerated, "unknown", 3, Warn, "`perf.a` 5 >= 1 | tolerated: `exit` is 3"),
        (&failing, "unknown", 3, Fail, "`status` is \"unknown\""),
    ] {
        let judgement = judge(check, &seen(status, exit), None, TODAY);
        assert_eq!(
            (judgement.outcome, judgement.reasons.join(" | ").as_str()),
            (outcome, reason),
            "{status}"
        );
    }
}

#[test]
fn a_plugin_that_ends_well_and_says_nothing_proves_nothing() {
    let plugin = check(Look::Plugin(CommandLine::new(["check_x"])));
    let silent = |status: &str, exit: i32| {
        let seen = Observation::new().with("status", status).with("exit", exit);
        Ok(seen.with("message", SILENT))
    };
    for (status, exit, outcome) in [("ok", 0, Inconclusive), ("warning", 1, Warn), ("critical", 2, Fail)] {
        assert_eq!(judge(&plugin, &silent(status, exit), None, TODAY).outcome, outcome, "{status}");
    }
    let ruled = Check { expect: vec![rule("exit", vec![Matcher::Equals(json!(0))])], ..plugin };
    assert_eq!(judge(&ruled, &silent("ok", 0), None, TODAY).outcome, Pass, "that is all that is asked for");
}

#[test]
fn required_scripts_must_succeed_and_wanted_ones_should() {
    let scripts = || check(Look::Scripts("/x".into()));
    let judged = |check: &Check, fields: &[&str]| {
        let mut seen = Observation::new().with("lines", vec!["one", "two"]);
        for field in fields {
            seen = seen.with(field, vec!["a"]);
        }
        let judgement = judge(check, &Ok(seen), None, TODAY);
        assert_eq!(judgement.reasons, ["one", "two"]);
        judgement.outcome
    };
    for (fields, outcome) in [
        (&[][..], Pass),
        (&["required_failed"], Fail),
        (&["required_failed", "required_unmeasured"], Fail),
        (&["required_unmeasured", "wanted_failed"], Error),
        (&["wanted_failed"], Warn),
        (&["wanted_unmeasured"], Warn),
    ] {
        assert_eq!(judged(&scripts(), fields), outcome, "{fields:?}");
    }
    let lenient = Check { on_error: TreatAs::Inconclusive, ..scripts() };
    assert_eq!(judged(&lenient, &["required_unmeasured"]), Inconclusive);
    let empty = Ok(Observation::new().with("lines", Vec::<String>::new()));
    let judgement = judge(&scripts(), &empty, None, TODAY);
    assert_eq!(judgement.outcome, Inconclusive);
    assert_eq!(judgement.reasons, ["the folder holds no executable script"]);
    let strict = Check { on_no_data: TreatAs::Fail, ..scripts() };
    assert_eq!(judge(&strict, &empty, None, TODAY).outcome, Fail);
    assert_eq!(
        judge(&scripts(), &Ok(Observation::new().with("lines", "x")), None, TODAY).outcome,
        Inconclusive
    );
}

#[test]
fn a_person_decides_and_nobody_decides_nothing() {
    let asked = check(Look::Ask("Is it on?".to_owned()));
    for (answer, outcome, reason) in [
        (json!(true), Pass, "answered yes: \"Is it on?\""),
        (json!(false), Fail, "answered no: \"Is it on?\""),
        (json!(null), Inconclusive, "nobody was there to answer: \"Is it on?\""),
        (json!("yes"), Inconclusive, "nobody was there to answer: \"Is it on?\""),
    ] {
        let judgement = judge(&asked, &Ok(Observation::new().with("answer", answer.clone())), None, TODAY);
        assert_eq!((judgement.outcome, judgement.reasons.join("").as_str()), (outcome, reason), "{answer}");
    }
    let judgement = judge(&asked, &Ok(Observation::new()), None, TODAY);
    assert_eq!(judgement.outcome, Inconclusive);
}

#[test]
fn shadowed_checks_are_those_that_only_inform() {
    let with = |severity, mode| is_shadow(&Check { severity, mode, ..check(run()) });
    assert!(with(Severity::Info, Mode::Enforce));
    assert!(with(Severity::Critical, Mode::Shadow));
    assert!(!with(Severity::Warn, Mode::Enforce));
}

#[test]
fn a_run_that_ended_badly_tells_its_last_words_where_a_rule_is_about_that() {
    let run = check(Look::Probe(Probe::Run { command: CommandLine::new(["x"]), parse: Parse::Text }));
    let on = |field: &str, value: serde_json::Value| Check {
        expect: vec![rule(field, vec![Matcher::Equals(value)])],
        ..run.clone()
    };
    let path = "mold is not in ".to_owned() + &"/some/folder:".repeat(15);
    let seen = |exit: i32| {
        Ok(Observation::new()
            .with("exit", exit)
            .with("stdout", "")
            .with("stderr", format!("first\n{path}\n\n")))
    };
    let told = |check: &Check, exit: i32| judge(check, &seen(exit), None, TODAY).reasons;
    let words = format!("it said {path:?}");
    assert_eq!(told(&on("exit", json!(0)), 127), ["`exit` is 127, not 0".to_owned(), words.clone()]);
    assert_eq!(told(&run, 127), ["`exit` is 127, not 0".to_owned(), words]);
    assert_eq!(told(&on("exit", json!(0)), 0).len(), 1);
    assert_eq!(told(&on("stdout", json!("x")), 127).len(), 1, "it is not asked how it ended");
}
