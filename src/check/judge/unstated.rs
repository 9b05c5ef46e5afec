//! What a look says by itself where the check states no expectation: an exit status, a person's answer.

use super::reasons::{quoted, quoted_up_to};
use super::{measured, treated};
use crate::model::{Check, Look, Observation, Outcome, Probe, Value};

/// The message of a plugin that printed none.
pub(in crate::check) const SILENT: &str = "it said nothing";

/// The outcome that needs no rule; `None` where the rules decide.
pub(super) fn judged(
    check: &Check,
    seen: &Observation,
    baseline: Option<&Observation>,
) -> Option<(Outcome, Vec<String>)> {
    let stated = !(check.expect.is_empty() && check.tolerate.is_empty() && check.fail_if.is_empty());
    match &check.look {
        // A plugin that says it does not know has not measured; rules on what it printed would judge noise.
        Look::Plugin(_) if text(seen, "status") == "unknown" && !names_status(check) => {
            Some(plugin(check, seen))
        }
        _ if stated => None,
        Look::Plugin(_) => Some(plugin(check, seen)),
        Look::Scripts(_) => Some(scripts(check, seen)),
        Look::Ask(question) => Some(asked(check, question, seen)),
        Look::Probe(Probe::Run { .. }) => Some(exited(seen)),
        Look::Probe(Probe::Measure { .. }) => Some(measured::unexpected(check, seen, baseline)),
        Look::Probe(_) => Some((Outcome::Inconclusive, vec!["no expectation is stated".to_owned()])),
    }
}

fn names_status(check: &Check) -> bool {
    names_field(check, "status") || names_field(check, "exit")
}

/// Whether a rule of the check is about this field.
pub(super) fn names_field(check: &Check, field: &str) -> bool {
    [&check.expect, &check.tolerate, &check.fail_if].into_iter().flatten().any(|rule| rule.field == field)
}

fn text<'a>(seen: &'a Observation, field: &str) -> &'a str {
    seen.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn names(seen: &Observation, field: &str) -> Vec<String> {
    match seen.get(field) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_))
        | None => Vec::new(),
    }
}

fn plugin(check: &Check, seen: &Observation) -> (Outcome, Vec<String>) {
    let outcome = match text(seen, "status") {
        // A plugin says what it found; a wrapper that lost its plugin ends well and says nothing.
        "ok" if text(seen, "message") == SILENT => treated(check.on_no_data),
        "ok" => Outcome::Pass,
        "warning" => Outcome::Warn,
        "critical" => Outcome::Fail,
        _ => treated(check.on_error),
    };
    (outcome, vec![text(seen, "message").to_owned()])
}

fn scripts(check: &Check, seen: &Observation) -> (Outcome, Vec<String>) {
    let lines = names(seen, "lines");
    let some = |field: &str| !names(seen, field).is_empty();
    let outcome = if lines.is_empty() {
        return (treated(check.on_no_data), vec!["the folder holds no executable script".to_owned()]);
    } else if some("required_failed") {
        Outcome::Fail
    } else if some("required_unmeasured") {
        treated(check.on_error)
    } else if some("wanted_failed") || some("wanted_unmeasured") {
        Outcome::Warn
    } else {
        Outcome::Pass
    };
    (outcome, lines)
}

fn asked(check: &Check, question: &str, seen: &Observation) -> (Outcome, Vec<String>) {
    let (outcome, answer) = match seen.get("answer") {
        Some(Value::Bool(true)) => (Outcome::Pass, "answered yes"),
        Some(Value::Bool(false)) => (Outcome::Fail, "answered no"),
        Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_))
        | None => (treated(check.on_no_data), "nobody was there to answer"),
    };
    (outcome, vec![format!("{answer}: {}", quoted(question))])
}

/// The last words of a program that ended badly, where a rule of the check is about how it ended.
pub(super) fn said(check: &Check, seen: &Observation) -> Option<String> {
    let is_run = matches!(check.look, Look::Probe(Probe::Run { .. })) && names_field(check, "exit");
    let failed = seen.get("exit").and_then(Value::as_i64).is_some_and(|exit| exit != 0);
    if is_run && failed { complaint(seen) } else { None }
}

pub(super) fn complaint(seen: &Observation) -> Option<String> {
    let last = text(seen, "stderr").lines().rev().find(|line| !line.trim().is_empty());
    // It has a line of its own, and may name a whole search path.
    last.map(|line| format!("it said {}", quoted_up_to(300, line)))
}

fn exited(seen: &Observation) -> (Outcome, Vec<String>) {
    let exit = seen.get("exit").and_then(Value::as_i64);
    match exit {
        Some(0) => (Outcome::Pass, vec!["`exit` is 0".to_owned()]),
        Some(other) => {
            let mut reasons = vec![format!("`exit` is {other}, not 0")];
            reasons.extend(complaint(seen));
            (Outcome::Fail, reasons)
        }
        None => (Outcome::Inconclusive, vec!["`exit` has no value".to_owned()]),
    }
}
