//! What a probe saw: named fields with plain values.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use serde_json::Value;

/// What a probe read from the machine: named fields, no judgement.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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

    /// The field of that name. A dotted name reaches into maps: `value.memory.total`.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(field) {
            return Some(value);
        }
        let (first, rest) = field.split_once('.')?;
        rest.split('.').try_fold(self.0.get(first)?, |value, key| match value {
            Value::Object(map) => map.get(key),
            Value::Array(list) => list.get(key.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }
}
