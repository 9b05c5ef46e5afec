//! What a probe saw: named fields with plain values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use serde_json::Value;

/// What a probe read from the machine: named fields, no judgement.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Observation(pub BTreeMap<String, Value>);

impl Observation {
    /// An observation without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This observation with one more field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    /// The field of that name. A dotted name reaches into maps and lists: `value.memory.total`. A key may hold dots
    /// itself (`states.nginx.service`): at each level the whole rest is tried first, then its shortest beginning.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(field) {
            return Some(value);
        }
        splits(field).find_map(|(first, rest)| reach(self.0.get(first)?, rest))
    }
}

fn splits(field: &str) -> impl Iterator<Item = (&str, &str)> {
    field.match_indices('.').filter_map(|(at, dot)| Some((field.get(..at)?, field.get(at + dot.len()..)?)))
}

fn reach<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => {
            map.get(field).or_else(|| splits(field).find_map(|(first, rest)| reach(map.get(first)?, rest)))
        }
        Value::Array(list) => {
            let (first, rest) = field.split_once('.').unwrap_or((field, ""));
            let element = list.get(first.parse::<usize>().ok()?)?;
            if rest.is_empty() { Some(element) } else { reach(element, rest) }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dotted_name_reaches_into_maps_and_lists() {
        let seen = Observation::new()
            .with("a.b", 1)
            .with("states", json!({"nginx.service": "active", "x": {"y.z": [5, {"w": 6}]}}));
        for (field, value) in [
            ("a.b", Some(json!(1))),
            ("states.nginx.service", Some(json!("active"))),
            ("states.x.y.z.0", Some(json!(5))),
            ("states.x.y.z.1.w", Some(json!(6))),
            ("states.x.y.z.2", None),
            ("states.x.q", None),
            ("a", None),
            ("states.nginx.service.more", None),
        ] {
            assert_eq!(seen.get(field), value.as_ref(), "{field}");
        }
    }
}
