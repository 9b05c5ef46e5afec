//! A page that a person saved once: whether it still says anything, and how old it is.

use super::unstated::names_field;
use crate::model::{Check, Graphics, Look, Observation, Outcome, Probe, Span, Value};

/// The same judgement, of a page that speaks of here and now. One that does not decides nothing, unless a rule says what
/// to make of `outdated`.
pub(super) fn dated(
    check: &Check,
    seen: &Observation,
    (mut outcome, mut reasons): (Outcome, Vec<String>),
) -> (Outcome, Vec<String>) {
    let Look::Probe(Probe::Graphics(Graphics::Firefox { .. } | Graphics::Chromium { .. })) = check.look
    else {
        return (outcome, reasons);
    };
    let list = seen.get("outdated").and_then(Value::as_array);
    let why: Vec<String> = list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if !why.is_empty() && !names_field(check, "outdated") {
        reasons.splice(0..0, why);
        outcome = Outcome::Inconclusive;
    } else if let Some(age) = seen.get("age_seconds").and_then(Value::as_u64) {
        reasons.push(format!("the page was saved {} ago", Span::seconds(age)));
    }
    (outcome, reasons)
}
