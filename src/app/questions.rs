//! When a person is asked. A question is about what a phase did, so it is put when the phase has acted, not before and not
//! after the way back: before, it makes no sense; afterwards, often nobody is there, and a question without an answer must not
//! make a way back that held look as if it had not.

use crate::model::{Check, CheckReport, Look, Outcome, Span, Weight};

/// The checks that the machine answers, and a report for each other, with its place among all.
pub(super) fn put_aside(checks: &[Check]) -> (Vec<Check>, Vec<(usize, CheckReport)>) {
    let is_question = |check: &Check| matches!(check.look, Look::Ask(_));
    let questions: Vec<&Check> = checks.iter().filter(|check| is_question(check)).collect();
    let answered = checks
        .iter()
        .filter(|check| !is_question(check))
        .map(|check| {
            let mut check = check.clone();
            check.needs.retain(|need| !questions.iter().any(|question| question.id == *need));
            check
        })
        .collect();
    let unasked = checks.iter().enumerate().filter(|(_, check)| is_question(check));
    (answered, unasked.map(|(at, check)| (at, unasked_report(check))).collect())
}

fn unasked_report(check: &Check) -> CheckReport {
    CheckReport {
        check: check.id.clone(),
        title: check.title.clone(),
        outcome: Outcome::Skipped,
        weight: Weight::Counts,
        severity: check.severity,
        reasons: vec!["a person is asked when the phase has acted".to_owned()],
        observed: None,
        hint: None,
        took: Span::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CheckId, Direction, Mode, Probe, RunAs, Severity, TreatAs};

    fn check(name: &str, look: Look, needs: &[&str]) -> Check {
        let id = |name: &str| CheckId::new(name).expect("a name");
        Check {
            id: id(name),
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
            needs: needs.iter().map(|need| id(need)).collect(),
            who: RunAs::Runner,
            hint: None,
            tags: Vec::new(),
            timeout: Span::ZERO,
            settle: Span::ZERO,
            within: None,
            every: Span::ZERO,
            consecutive: 1,
            samples: None,
            floor: None,
            direction: Direction::Lower,
        }
    }

    #[test]
    fn questions_are_put_aside_with_their_places_and_what_waits_for_them_does_not_wait() {
        let memory = || Look::Probe(Probe::Memory);
        let ask = || Look::Ask("Does it look right?".to_owned());
        let checks = [
            check("seen", ask(), &[]),
            check("room", memory(), &[]),
            check("used", memory(), &["seen", "room"]),
            check("heard", ask(), &["room"]),
        ];
        let (answered, unasked) = put_aside(&checks);
        let names: Vec<&str> = answered.iter().map(|check| check.id.as_str()).collect();
        assert_eq!(names, ["room", "used"]);
        assert_eq!(answered[1].needs, [CheckId::new("room").expect("a name")]);
        let places: Vec<(usize, &str, Outcome)> =
            unasked.iter().map(|(at, report)| (*at, report.check.as_str(), report.outcome)).collect();
        assert_eq!(places, [(0, "seen", Outcome::Skipped), (3, "heard", Outcome::Skipped)]);
    }
}
