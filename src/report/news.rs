//! Words and a document for who is told that a verdict changed.

use super::text;
use crate::model::{Cause, GenerationNumber, Health, PhaseId, Validation, Value, VerdictChange};
use serde_json::json;

/// A phase that did not stay healthy while it soaked, and was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WentBack {
    /// Its generation.
    pub generation: GenerationNumber,
    /// Why.
    pub cause: Cause,
    /// The machine is as before; otherwise something is neither old nor new.
    pub whole: bool,
}

/// So many changes are named one by one.
const NAMED: usize = 8;

/// A title, some lines, and whether something is worse than before.
#[must_use]
pub fn news_words(
    validation: &Validation,
    changes: &[VerdictChange],
    back: Option<&WentBack>,
) -> (String, String, bool) {
    let plan = &validation.plan;
    let worse = changes.iter().any(|change| change.before.unwrap_or(Health::Healthy) < change.now);
    let title = match (back, phases(validation).first()) {
        (Some(back), Some(phase)) if back.whole => format!("{plan}: phase {phase} was rolled back"),
        (Some(_), Some(phase)) => format!("{plan}: the way back of phase {phase} did not hold"),
        (Some(_) | None, _) => format!("{plan} is {} now", validation.health().word()),
    };
    let mut lines: Vec<String> = Vec::new();
    if let Some(back) = back {
        lines.push(format!("generation {}: {}", back.generation, text::cause(&back.cause)));
        if !back.whole {
            lines.push("`switchback status` names what is neither old nor new".to_owned());
        }
    }
    for change in changes.iter().take(NAMED) {
        let before = change.before.map(|before| format!(" (was {})", before.word())).unwrap_or_default();
        let reason = change.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        lines.push(format!("{}/{} is {}{before}{reason}", change.phase, change.check, change.now.word()));
    }
    let more = changes.len().saturating_sub(NAMED);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    (format!("switchback: {title}"), lines.join("\n"), worse || back.is_some())
}

fn phases(validation: &Validation) -> Vec<&PhaseId> {
    validation.phases.iter().map(|judged| &judged.phase).collect()
}

/// The same for a command.
#[must_use]
pub fn news_json(validation: &Validation, changes: &[VerdictChange], back: Option<&WentBack>) -> Value {
    let (title, words, urgent) = news_words(validation, changes, back);
    json!({
        "format": 1,
        "event": if back.is_some() { "rolled-back" } else { "verdict-changed" },
        "title": title,
        "text": words,
        "urgent": urgent,
        "machine": validation.machine,
        "plan": validation.plan,
        "revision": validation.revision,
        "phases": phases(validation),
        "at": validation.began,
        "health": validation.health(),
        "changes": changes,
        "rolled_back": back.map(|back| json!({
            "generation": back.generation, "cause": back.cause, "whole": back.whole,
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::super::formats::sample;
    use super::*;
    use crate::model::CheckId;

    fn change(name: &str, before: Option<Health>, now: Health) -> VerdictChange {
        VerdictChange {
            phase: PhaseId::new("libs").expect("a name"),
            check: CheckId::new(name).expect("a name"),
            before,
            now,
            reason: Some("5 > 4".to_owned()),
        }
    }

    #[test]
    fn a_title_says_what_matters_most_and_a_line_each_change() {
        let one = [change("a", Some(Health::Healthy), Health::Failing), change("b", None, Health::Degraded)];
        let (title, text, urgent) = news_words(&sample(), &one, None);
        assert_eq!(title, "switchback: desk is failing now");
        assert_eq!(text, "libs/a is failing (was healthy): 5 > 4\nlibs/b is degraded: 5 > 4");
        assert!(urgent);
        let better = [change("a", Some(Health::Failing), Health::Healthy)];
        assert!(!news_words(&sample(), &better, None).2);
        let back = WentBack {
            generation: GenerationNumber(3),
            cause: Cause::ChecksFailed(vec![CheckId::new("a").expect("a name")]),
            whole: true,
        };
        let (title, text, urgent) = news_words(&sample(), &[], Some(&back));
        assert_eq!(title, "switchback: desk: phase libs was rolled back");
        assert!(text.starts_with("generation 0003: ") && urgent, "{text}");
        assert_eq!(news_json(&sample(), &one, Some(&back))["event"], "rolled-back");
    }

    #[test]
    fn many_changes_are_counted() {
        let many: Vec<VerdictChange> =
            (0..20).map(|at| change(&format!("c{at}"), None, Health::Failing)).collect();
        let (_, text, _) = news_words(&sample(), &many, None);
        assert_eq!(text.lines().last(), Some("and 12 more"));
        assert_eq!(news_json(&sample(), &many, None)["changes"].as_array().map(Vec::len), Some(20));
    }
}
