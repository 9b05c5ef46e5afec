//! Whether the way back held for one check.

use crate::model::{CheckReport, Outcome};

/// Why the way back did not hold for this check: it passed or warned before, and fails or cannot be measured now.
/// `None` where it held, or where nothing can be said: what did not pass before is not owed afterwards, and what is
/// shadowed or waived does not count.
#[must_use]
pub fn held(before: &CheckReport, after: &CheckReport) -> Option<String> {
    match before.outcome {
        Outcome::Pass | Outcome::Warn => {}
        Outcome::Fail | Outcome::Error | Outcome::Inconclusive | Outcome::Skipped => return None,
    }
    let now = match after.counted() {
        Outcome::Fail => "fails now",
        Outcome::Error => "cannot be measured now",
        Outcome::Pass | Outcome::Warn | Outcome::Inconclusive | Outcome::Skipped => return None,
    };
    let then = if before.outcome == Outcome::Pass { "passed" } else { "warned" };
    let reason = after.reasons.first().map_or_else(String::new, |reason| format!(": {reason}"));
    Some(format!("`{}` {then} before and {now}{reason}", after.check))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CheckId, Severity, Span, Weight};

    fn report(outcome: Outcome, weight: Weight) -> CheckReport {
        CheckReport {
            check: CheckId::new("c").expect("id"),
            outcome,
            weight,
            severity: Severity::Fail,
            reasons: vec!["`exit` is 1, not 0".to_owned()],
            observed: None,
            hint: None,
            took: Span::ZERO,
        }
    }

    #[test]
    fn only_what_was_well_before_is_owed_afterwards() {
        use Outcome::{Error, Fail, Inconclusive, Pass, Skipped, Warn};
        for before in [Pass, Warn, Fail, Error, Inconclusive, Skipped] {
            for after in [Pass, Warn, Fail, Error, Inconclusive, Skipped] {
                let lost = matches!(before, Pass | Warn) && matches!(after, Fail | Error);
                let said = held(&report(before, Weight::Counts), &report(after, Weight::Counts));
                assert_eq!(said.is_some(), lost, "{before:?} {after:?}");
                assert_eq!(held(&report(before, Weight::Counts), &report(after, Weight::Shadow)), None);
            }
        }
    }

    #[test]
    fn the_reason_says_what_was_and_what_is() {
        let said = |before, after| held(&report(before, Weight::Counts), &report(after, Weight::Counts));
        assert_eq!(
            said(Outcome::Pass, Outcome::Fail).as_deref(),
            Some("`c` passed before and fails now: `exit` is 1, not 0")
        );
        assert_eq!(
            said(Outcome::Warn, Outcome::Error).as_deref(),
            Some("`c` warned before and cannot be measured now: `exit` is 1, not 0")
        );
    }
}
