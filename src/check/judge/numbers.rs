//! The numbers in what a check saw, for keeping.

use super::reasons::{Unit, unit_of};
use super::thresholds::{Of, thresholds};
use crate::model::{Check, Look, MEASURES, Measure, Observation, Probe, Thresholds, Value};

/// The numbers that a check saw, those that its rules are about first; of a list, how long it is. At most
/// [`MEASURES`]; what is nested and what no rule is about is left out.
#[must_use]
pub fn measures(check: &Check, seen: &Observation) -> Vec<Measure> {
    let mut found: Vec<Measure> = Vec::new();
    for rule in check.expect.iter().chain(&check.tolerate).chain(&check.fail_if) {
        let Some(value) = seen.get(&rule.field) else { continue };
        add(&mut found, number(check, seen, &rule.field, value, is_verdict));
        let length = match value {
            Value::Array(list) => list.len(),
            Value::Object(map) => map.len(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => continue,
        };
        #[expect(clippy::cast_precision_loss, reason = "no list has so many elements")]
        let value = length as f64;
        add(
            &mut found,
            Some(Measure {
                field: format!("{}.len", rule.field),
                value,
                unit: None,
                ruled: true,
                thresholds: thresholds(check, &rule.field, Of::Length),
            }),
        );
    }
    found.sort_by_key(|measure| !measure.ruled);
    for (field, value) in &seen.0 {
        add(&mut found, number(check, seen, field, value, |_, _| true));
    }
    found.truncate(MEASURES);
    found
}

/// That a program ended well is a verdict, and no number to draw.
fn is_verdict(check: &Check, field: &str) -> bool {
    matches!(check.look, Look::Probe(Probe::Run { .. })) && field == "exit"
}

fn number(
    check: &Check,
    seen: &Observation,
    field: &str,
    value: &Value,
    beside: fn(&Check, &str) -> bool,
) -> Option<Measure> {
    let value = value.as_f64().filter(|value| value.is_finite())?;
    let unit = match unit_of(&check.look, field, seen) {
        Unit::Plain => None,
        Unit::Bytes => Some("B"),
        Unit::Seconds => Some("s"),
        Unit::Percent => Some("%"),
    };
    let (field, unit) = (field.to_owned(), unit.map(str::to_owned));
    let ruled = !beside(check, &field);
    let thresholds = if ruled { thresholds(check, &field, Of::Value) } else { Thresholds::default() };
    Some(Measure { field, value, unit, ruled, thresholds })
}

fn add(found: &mut Vec<Measure>, measure: Option<Measure>) {
    if let Some(measure) = measure
        && !found.iter().any(|known| known.field == measure.field)
    {
        found.push(measure);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::model::{FieldRule, Matcher};
    use serde_json::json;

    fn kept(look: Look, fields: &[&str], seen: &Observation) -> Vec<(String, f64, Option<String>, bool)> {
        let rule = |field: &&str| FieldRule { field: (*field).to_owned(), matchers: vec![Matcher::Ge(0.0)] };
        let check = Check { expect: fields.iter().map(rule).collect(), ..check(look) };
        let kept = measures(&check, seen).into_iter();
        kept.map(|measure| (measure.field, measure.value, measure.unit, measure.ruled)).collect()
    }

    #[test]
    fn what_the_rules_are_about_comes_first_and_lists_count() {
        let seen = Observation::new()
            .with("available", 5)
            .with("note", "x")
            .with("swaps", json!(["a", "b"]))
            .with("total", 7)
            .with("used_ratio", 0.25);
        let expected = [
            ("used_ratio".to_owned(), 0.25, None, true),
            ("swaps.len".to_owned(), 2.0, None, true),
            ("available".to_owned(), 5.0, Some("B".to_owned()), false),
            ("total".to_owned(), 7.0, Some("B".to_owned()), false),
        ];
        assert_eq!(
            kept(Look::Probe(Probe::Memory), &["used_ratio", "swaps", "note", "gone"], &seen),
            expected
        );
    }

    #[test]
    fn the_exit_of_a_program_is_no_number_to_draw() {
        let look = Look::Probe(Probe::Run {
            command: crate::model::CommandLine::new(["true"]),
            parse: crate::model::Parse::Text,
        });
        let seen =
            Observation::new().with("exit", 0).with("duration", 0.5).with("value", json!({"x": {"y": 3}}));
        let kept = kept(look, &["exit", "value.x.y"], &seen);
        let names: Vec<(&str, bool)> =
            kept.iter().map(|(name, _, _, ruled)| (name.as_str(), *ruled)).collect();
        assert_eq!(names, [("value.x.y", true), ("exit", false), ("duration", false)]);
    }

    #[test]
    fn no_more_is_kept_than_the_bound() {
        let seen = (0..100).fold(Observation::new(), |seen, at| seen.with(&format!("f{at}"), at));
        assert_eq!(kept(Look::Probe(Probe::Cpu), &["f50"], &seen).len(), MEASURES);
    }
}
