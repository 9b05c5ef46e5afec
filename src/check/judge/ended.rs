//! A command that ended badly: what it printed until then proves nothing good, unless a rule says what its end means.

use super::matchers::{Scope, Truth, all_hold};
use super::reasons::Unit;
use super::unstated::complaint;
use super::{Before, treated};
use crate::model::{Check, Expectation, Look, Observation, Outcome, Probe, Value};

/// The fields that say how a command ended.
const END: [&str; 2] = ["exit", "signal"];

const HINT: &str = "state under `exit` how it may end";

/// How a command ended that did not end well: `with 2`, `by signal 9`.
pub(in crate::check) fn badly(seen: &Observation) -> Option<String> {
    let signal = seen.get("signal").and_then(Value::as_i64).map(|signal| format!("by signal {signal}"));
    let exit = seen.get("exit").and_then(Value::as_i64).filter(|exit| *exit != 0);
    signal.or_else(|| exit.map(|exit| format!("with {exit}")))
}

/// Why a look is no measurement: its command ended badly, and no rule is about that.
pub(in crate::check) fn unruled(check: &Check, seen: &Observation) -> Option<String> {
    let is_run = matches!(check.look, Look::Probe(Probe::Run { .. }));
    let ruled = [&check.expect, &check.tolerate, &check.fail_if].into_iter().any(about);
    let how = if is_run && !ruled { badly(seen) } else { None };
    how.map(|how| format!("it ended {how}, and no rule says what that means"))
}

fn about(rules: &Expectation) -> bool {
    rules.iter().any(|rule| END.contains(&rule.field.as_str()))
}

/// The same judgement, of a command whose end was good or is judged. Of any other what would be good is not known; what is
/// wrong with what it printed is wrong.
pub(super) fn judged(
    check: &Check,
    seen: &Observation,
    (outcome, mut reasons): (Outcome, Vec<String>),
) -> (Outcome, Vec<String>) {
    let stated = !(check.expect.is_empty() && check.tolerate.is_empty() && check.fail_if.is_empty());
    let why = if stated { unruled(check, seen) } else { None };
    match (outcome, why) {
        (Outcome::Pass | Outcome::Warn, Some(why)) => {
            let said = complaint(seen);
            reasons.splice(0..0, std::iter::once(why).chain(said));
            reasons.push(HINT.to_owned());
            (treated(check.on_error), reasons)
        }
        (
            outcome @ (Outcome::Pass
            | Outcome::Warn
            | Outcome::Fail
            | Outcome::Error
            | Outcome::Inconclusive
            | Outcome::Skipped),
            _,
        ) => (outcome, reasons),
    }
}

/// How a command ended before, where nothing can be held against what it printed then: badly, and the rules of the check
/// do not accept that end.
pub(super) fn of_baseline(check: &Check, baseline: &Observation) -> Option<String> {
    let how = if matches!(check.look, Look::Probe(Probe::Run { .. })) { badly(baseline) } else { None }?;
    let hold = |rules: &Expectation| {
        rules.iter().filter(|rule| END.contains(&rule.field.as_str())).all(|rule| {
            let now = baseline.get(&rule.field);
            let scope = Scope {
                unit: Unit::Plain,
                // Of before it cannot be asked that it be as before.
                before: now.map_or(Before::Missing, Before::Value),
                floor: check.floor,
                direction: check.direction,
                sampled: None,
                unseen: None,
            };
            all_hold(&rule.matchers, now, scope).truth == Truth::Holds
        })
    };
    let accepting = [&check.expect, &check.tolerate];
    let accepted = if accepting.iter().any(|rules| about(rules)) {
        accepting.iter().any(|rules| about(rules) && hold(rules))
    } else {
        about(&check.fail_if) && !hold(&check.fail_if)
    };
    (!accepted).then_some(how)
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::tests::{check, rule};
    use super::*;
    use crate::model::{CommandLine, Matcher, Parse, TreatAs};
    use serde_json::json;

    fn run() -> Check {
        check(Look::Probe(Probe::Run { command: CommandLine::new(["x"]), parse: Parse::Lines }))
    }

    fn printed(exit: i32, lines: &[&str]) -> Observation {
        Observation::new()
            .with("exit", exit)
            .with("stderr", "x: /nosuch: No such file\n")
            .with("value", lines.to_vec())
    }

    fn killed() -> Observation {
        printed(137, &[]).with("signal", 9)
    }

    fn expecting(matcher: Matcher) -> Check {
        Check { expect: vec![rule("value", vec![matcher])], ..run() }
    }

    #[test]
    fn nothing_good_is_said_of_what_a_command_printed_that_ended_badly() {
        let lacks = Matcher::Not(vec![Matcher::Contains(json!("ERR"))]);
        let tolerating = Check {
            tolerate: vec![rule("value", vec![Matcher::Empty(true)])],
            ..expecting(Matcher::Empty(false))
        };
        let silent = Check { on_no_data: TreatAs::Pass, ..expecting(Matcher::Equals(json!("a"))) };
        let silently = |seen: &Observation| {
            let mut seen = seen.clone();
            seen.0.remove("value");
            seen
        };
        let sound = printed(0, &["a"]);
        for (check, seen) in [
            (expecting(Matcher::NoNew), printed(2, &[])),
            (expecting(lacks), printed(2, &[])),
            (expecting(Matcher::Empty(true)), printed(2, &[])),
            (tolerating, printed(2, &[])),
            (silent, silently(&printed(2, &[]))),
            (expecting(Matcher::Empty(true)), killed()),
        ] {
            let how = badly(&seen).expect("it ended badly");
            let told = judge(&check, &Ok(seen), Some(&sound), "2026-01-01");
            let first = format!("it ended {how}, and no rule says what that means");
            assert_eq!(
                (told.outcome, told.reasons[0].as_str()),
                (Outcome::Error, first.as_str()),
                "{told:?}"
            );
            assert_eq!(told.reasons[1], "it said \"x: /nosuch: No such file\"");
            assert_eq!(told.reasons.last().map(String::as_str), Some(HINT));
        }
        assert_eq!(badly(&killed()).as_deref(), Some("by signal 9"));
        assert_eq!(badly(&printed(2, &[])).as_deref(), Some("with 2"));
        assert_eq!(badly(&printed(0, &[])), None);
    }

    #[test]
    fn what_is_wrong_with_what_it_printed_stays_wrong_and_a_rule_about_its_end_decides_alone() {
        let outcome = |check: &Check, seen: Observation| judge(check, &Ok(seen), None, "2026-01-01").outcome;
        let empty = expecting(Matcher::Empty(true));
        assert_eq!(outcome(&empty, printed(2, &["ERR"])), Outcome::Fail);
        assert_eq!(outcome(&empty, printed(0, &[])), Outcome::Pass);
        for (field, matcher) in [("exit", Matcher::Le(2.0)), ("signal", Matcher::Exists(false))] {
            let mut ruled = empty.clone();
            ruled.expect.push(rule(field, vec![matcher.clone()]));
            assert_eq!(outcome(&ruled, printed(2, &[])), Outcome::Pass, "{field}");
            let failing =
                Check { fail_if: vec![rule(field, vec![Matcher::Not(vec![matcher])])], ..empty.clone() };
            assert_eq!(outcome(&failing, printed(2, &[])), Outcome::Pass, "{field}");
        }
        let told = Check { on_error: TreatAs::Inconclusive, ..empty };
        assert_eq!(outcome(&told, printed(2, &[])), Outcome::Inconclusive);
    }

    #[test]
    fn a_baseline_of_a_command_that_ended_badly_is_none_unless_the_rules_accept_its_end() {
        let judged = |check: &Check, before: &Observation| {
            let told = judge(check, &Ok(printed(0, &["a"])), Some(before), "2026-01-01");
            (told.outcome, told.reasons.join(" | "))
        };
        let rules = |exit: Option<Matcher>| {
            let mut check = expecting(Matcher::NoneMissing);
            check.expect.extend(exit.map(|exit| rule("exit", vec![exit])));
            check
        };
        let none = "`value` has no baseline: before, the command ended with 2";
        assert_eq!(judged(&rules(None), &printed(2, &[])), (Outcome::Inconclusive, none.to_owned()));
        assert_eq!(
            judged(&rules(Some(Matcher::Equals(json!(0)))), &printed(2, &[])).0,
            Outcome::Inconclusive
        );
        assert_eq!(judged(&rules(None), &killed()).1, none.replace("with 2", "by signal 9"));
        assert_eq!(judged(&rules(None), &printed(0, &[])).0, Outcome::Pass);
        assert_eq!(judged(&rules(Some(Matcher::Le(2.0))), &printed(2, &[])).0, Outcome::Pass);
        let with =
            |limit: f64| Check { fail_if: vec![rule("exit", vec![Matcher::Ge(limit)])], ..rules(None) };
        assert_eq!(judged(&with(3.0), &printed(2, &[])).0, Outcome::Pass);
        assert_eq!(judged(&with(2.0), &printed(2, &[])).0, Outcome::Inconclusive);
        let tolerating = Check {
            tolerate: vec![rule("exit", vec![Matcher::Le(2.0)])],
            ..rules(Some(Matcher::Equals(json!(0))))
        };
        assert_eq!(judged(&tolerating, &printed(2, &[])).0, Outcome::Pass);
    }
}
