//! Words and a document for who is told that a verdict changed.

use super::text;
use crate::model::{Cause, GenerationNumber, Health, Held, PhaseId, Validation, Value, VerdictChange};
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

/// A phase that holds the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holds {
    /// Its generation.
    pub generation: GenerationNumber,
    /// What was found.
    pub held: Held,
}

/// So many changes are named one by one.
const NAMED: usize = 8;

/// A title, some lines, and whether something is worse than before.
#[must_use]
pub fn news_words(
    validation: &Validation,
    changes: &[VerdictChange],
    back: Option<&WentBack>,
    holds: Option<&Holds>,
) -> (String, String, bool) {
    let plan = &validation.plan;
    let worse = changes.iter().any(|change| change.before.unwrap_or(Health::Healthy) < change.now);
    let title = match (back, phases(validation).first()) {
        (None, Some(phase)) if changes.is_empty() && holds.is_some() => {
            format!("{plan}: phase {phase} holds the next one")
        }
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
    if let Some(Holds { generation, held }) = holds {
        lines.push(format!("generation {generation}: {}", text::held(held)));
        lines.push(format!("`switchback resolve {generation} --reason TEXT` lets the plan go on"));
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
    (
        format!("switchback: {title}"),
        lines.join("\n"),
        worse || back.is_some() || changes.is_empty() && holds.is_some(),
    )
}

fn phases(validation: &Validation) -> Vec<&PhaseId> {
    validation.phases.iter().map(|judged| &judged.phase).collect()
}

/// The same for a command.
#[must_use]
pub fn news_json(
    validation: &Validation,
    changes: &[VerdictChange],
    back: Option<&WentBack>,
    holds: Option<&Holds>,
) -> Value {
    let (title, words, urgent) = news_words(validation, changes, back, holds);
    let event = match (back, changes) {
        (Some(_), _) => "rolled-back",
        (None, []) if holds.is_some() => "held",
        (None, _) => "verdict-changed",
    };
    json!({
        "format": 1,
        "event": event,
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
        "held": holds.map(|Holds { generation, held }| json!({
            "generation": generation, "since": held.since, "cause": held.cause, "found": held.found,
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
        let (title, text, urgent) = news_words(&sample(), &one, None, None);
        assert_eq!(title, "switchback: desk is failing now");
        assert_eq!(text, "libs/a is failing (was healthy): 5 > 4\nlibs/b is degraded: 5 > 4");
        assert!(urgent);
        let better = [change("a", Some(Health::Failing), Health::Healthy)];
        assert!(!news_words(&sample(), &better, None, None).2);
        let back = WentBack {
            generation: GenerationNumber(3),
            cause: Cause::ChecksFailed(vec![CheckId::new("a").expect("a name")]),
            whole: true,
        };
        let (title, text, urgent) = news_words(&sample(), &[], Some(&back), None);
        assert_eq!(title, "switchback: desk: phase libs was rolled back");
        assert!(text.starts_with("generation 0003: ") && urgent, "{text}");
        assert_eq!(news_json(&sample(), &one, Some(&back), None)["event"], "rolled-back");
    }

    #[test]
    fn many_changes_are_counted() {
        let many: Vec<VerdictChange> =
            (0..20).map(|at| change(&format!("c{at}"), None, Health::Failing)).collect();
        let (_, text, _) = news_words(&sample(), &many, None, None);
        assert_eq!(text.lines().last(), Some("and 12 more"));
        assert_eq!(news_json(&sample(), &many, None, None)["changes"].as_array().map(Vec::len), Some(20));
    }

    #[test]
    fn that_a_phase_holds_the_next_one_is_said_with_the_way_to_release_it() {
        let failed = Cause::ChecksFailed(vec![CheckId::new("a").expect("a name")]);
        let held = Held { since: crate::model::Timestamp(0), cause: failed, found: Vec::new() };
        let holds = Holds { generation: GenerationNumber(3), held };
        let (title, text, urgent) = news_words(&sample(), &[], None, Some(&holds));
        assert_eq!(title, "switchback: desk: phase libs holds the next one");
        let said = "generation 0003: check `a` failed; no phase of the plan begins until a person says so\n\
                    `switchback resolve 0003 --reason TEXT` lets the plan go on";
        assert!(text == said && urgent, "{text}");
        let document = news_json(&sample(), &[], None, Some(&holds));
        assert_eq!((&document["event"], &document["held"]["generation"]), (&"held".into(), &3.into()));
        let change = [change("a", Some(Health::Healthy), Health::Failing)];
        assert_eq!(news_json(&sample(), &change, None, Some(&holds))["event"], "verdict-changed");
        assert_eq!(news_json(&sample(), &change, None, None)["held"], serde_json::Value::Null);
    }
}
