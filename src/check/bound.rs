//! What is kept of a long value: enough to show, and enough to tell whether it changed.

use crate::model::{Observation, Value};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Longest text that is kept whole, in bytes.
const TEXT: usize = 4096;
const HEAD: usize = 2048;

fn bounded_text(text: String) -> String {
    if text.len() <= TEXT {
        return text;
    }
    let mut cut = HEAD;
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    let mut short = text.get(..cut).unwrap_or_default().to_owned();
    // The hash keeps `unchanged` exact: two long texts with the same beginning stay different.
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    // Writing to a string cannot fail.
    let _ = write!(short, " [... {} bytes in all, sha256 {hex}]", text.len());
    short
}

/// The value with every text over 4 KiB cut to its beginning, its length and its SHA-256. What is short stays as it
/// is, so bounding twice changes nothing.
#[must_use]
pub fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(bounded_text(text)),
        Value::Array(list) => Value::Array(list.into_iter().map(bounded).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, inner)| (bounded_text(key), bounded(inner))).collect())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

/// An observation as it is kept: bounded, with the names of the fields that were cut in `truncated`.
pub(super) fn kept(seen: &Observation) -> Observation {
    let mut out = Observation::new();
    let mut cut: Vec<Value> = match seen.0.get("truncated") {
        Some(Value::Array(already)) => already.clone(),
        Some(_) | None => Vec::new(),
    };
    for (field, value) in &seen.0 {
        let short = bounded(value.clone());
        if short != *value {
            cut.push(Value::from(field.as_str()));
        }
        out.0.insert(field.clone(), short);
    }
    if !cut.is_empty() {
        out.0.insert("truncated".to_owned(), Value::Array(cut));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_short_observation_is_kept_as_it_is() {
        let seen = Observation::new().with("stdout", "x".repeat(TEXT)).with("exit", 0);
        assert_eq!(kept(&seen), seen);
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_identity() {
        let long = format!("{}a", "ä".repeat(TEXT));
        let other = format!("{}b", "ä".repeat(TEXT));
        let short = kept(&Observation::new().with("stdout", long.clone()).with("exit", 0));
        assert_eq!(short.get("truncated"), Some(&json!(["stdout"])));
        let text = short.get("stdout").and_then(Value::as_str).expect("text");
        assert!(text.starts_with("ää") && text.contains("8193 bytes in all") && text.len() < TEXT, "{text}");
        assert_ne!(bounded(json!(long)), bounded(json!(other)));
        assert_eq!(bounded(bounded(json!(long))), bounded(json!(long)));
    }

    #[test]
    fn texts_inside_lists_and_maps_are_bounded_too() {
        let long = "x".repeat(TEXT + 1);
        let short = bounded(json!({"a": [long], long.clone(): 1}));
        assert!(!short.to_string().contains(&long));
    }
}
