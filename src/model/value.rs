//! What a probe saw: named fields with plain values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use serde_json::Value;

/// What a probe read from the machine: named fields, no judgement.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Observation(pub BTreeMap<String, Value>);

/// The field in which an observation says of which others it could not see all: a map to lists of reasons.
const UNSEEN: &str = "unseen";
/// Stands there for every field.
const EVERY_FIELD: &str = "*";

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

    /// This observation, which could not see all of these fields (`*` for every one): what they hold is a part of the
    /// truth, or less than it. The reasons are words for a person.
    #[must_use]
    pub fn unseen(mut self, fields: &[&str], reasons: &[String]) -> Self {
        if reasons.is_empty() {
            return self;
        }
        let all = self.0.entry(UNSEEN.to_owned()).or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Value::Object(all) = all {
            for field in fields {
                let list = all.entry((*field).to_owned()).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.extend(reasons.iter().map(|reason| Value::from(reason.as_str())));
                }
            }
        }
        self
    }

    /// Why a field holds a part of the truth only; nothing where it holds all of it.
    #[must_use]
    pub fn why_unseen(&self, field: &str) -> Option<String> {
        let unseen = self.0.get(UNSEEN)?;
        let first = field.split('.').next().unwrap_or(field);
        let lists = [EVERY_FIELD, first].map(|name| unseen.get(name).and_then(Value::as_array));
        let words: Vec<&str> = lists.into_iter().flatten().flatten().filter_map(Value::as_str).collect();
        (!words.is_empty()).then(|| words.join(", "))
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
