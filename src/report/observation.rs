//! What a probe saw: a field a line, what is nested set in below it.

use super::line::{Line, render};
use super::style::Style;
use crate::model::{Observation, Value};

/// An observation for a person.
#[must_use]
pub fn observation(seen: &Observation, style: &Style) -> String {
    let mut lines = Vec::new();
    for (field, value) in &seen.0 {
        put(field, value, 0, &mut lines);
    }
    render(&lines, style)
}

fn put(name: &str, value: &Value, depth: usize, lines: &mut Vec<Line>) {
    let mut line = |text: String| lines.push(Line::plain(text).at(depth));
    match value {
        Value::Null => line(format!("{name}: none")),
        Value::Bool(yes) => line(format!("{name}: {}", if *yes { "yes" } else { "no" })),
        Value::Number(number) => line(format!("{name}: {number}")),
        Value::String(text) if text.contains('\n') => {
            line(format!("{name}:"));
            lines.extend(text.lines().map(|text| Line::plain(text).at(depth + 1)));
        }
        Value::String(text) => line(format!("{name}: {text}")),
        Value::Array(list) if list.is_empty() => line(format!("{name}: none")),
        Value::Object(map) if map.is_empty() => line(format!("{name}: none")),
        Value::Array(list) if list.iter().all(is_word) => {
            let words: Vec<String> = list.iter().map(word).collect();
            line(format!("{name}: {}", words.join(", ")));
        }
        Value::Array(list) => {
            line(format!("{name}:"));
            for element in list {
                element_of(element, depth + 1, lines);
            }
        }
        Value::Object(map) => {
            line(format!("{name}:"));
            for (name, value) in map {
                put(name, value, depth + 1, lines);
            }
        }
    }
}

/// Short and without a blank: many of these stand on one line.
fn is_word(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() <= 40 && !text.is_empty() && !text.contains(char::is_whitespace),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn element_of(element: &Value, depth: usize, lines: &mut Vec<Line>) {
    match element {
        Value::String(text) => lines.push(Line::plain(format!("- {text}")).at(depth)),
        Value::Object(map) => {
            for (at, (name, value)) in map.iter().enumerate() {
                let name = if at == 0 { format!("- {name}") } else { format!("  {name}") };
                put(&name, value, depth, lines);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            lines.push(Line::plain(format!("- {element}")).at(depth));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::style::Surroundings;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_a_line_and_what_is_nested_is_set_in() {
        let seen = Observation::new()
            .with("driver", json!(null))
            .with("gpus", json!([{"index": 0, "name": "one"}]))
            .with("ok", true)
            .with("tried", json!(["/a", "/b"]))
            .with("words", json!(["one of them", "two"]));
        let style = Style::new(&Surroundings::default(), |text| text.into());
        let expected = "driver: none\ngpus:\n  - index: 0\n    name: one\nok: yes\ntried: /a, /b\nwords:\n  - one of them\n  - two\n";
        assert_eq!(observation(&seen, &style), expected);
    }
}
