//! Messages, counted by kind.

use super::kinds::fingerprint;
use super::short::Entry;
use crate::check::ProbeError;
use crate::check::reader::journal::faults::Faults;
use crate::model::{Observation, Value};
use serde_json::Map;
use std::collections::HashMap;

/// Most kinds that are told apart. More is no measurement but an error: "nothing new" could not be said of the rest.
const MOST: usize = 4096;
/// Characters kept of one message.
const SAMPLE: usize = 300;

/// Messages of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kind {
    count: u64,
    /// The first of them.
    sample: String,
}

/// What has been said so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    count: u64,
    kinds: HashMap<String, Kind>,
    /// Messages of kinds that were too many.
    beyond: u64,
    faults: Faults,
    /// The kind of the message at hand; kept for its memory.
    kind: String,
}

impl Tally {
    pub(super) fn note(&mut self, entry: &Entry) {
        self.count += 1;
        self.faults.note(entry.speaker(), &entry.message);
        fingerprint(&entry.who, &entry.message, &mut self.kind);
        if let Some(kind) = self.kinds.get_mut(self.kind.as_str()) {
            kind.count += 1;
        } else if self.kinds.len() < MOST {
            let sample = String::from_utf8_lossy(&entry.message).chars().take(SAMPLE).collect();
            self.kinds.insert(self.kind.clone(), Kind { count: 1, sample });
        } else {
            self.beyond += 1;
        }
    }

    /// The machine was started again.
    pub(super) fn booted(&mut self) {
        self.faults.booted();
    }

    /// The fields of the observation.
    ///
    /// # Errors
    /// Where there were more kinds than are told apart.
    pub(super) fn observed(self) -> Result<Observation, ProbeError> {
        if self.beyond > 0 {
            return Err(ProbeError::TooMany {
                what: "kinds of messages in the journal".to_owned(),
                most: MOST,
            });
        }
        let mut kinds: Vec<(String, Kind)> = self.kinds.into_iter().collect();
        kinds.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let names: Vec<Value> = kinds.iter().map(|(name, _)| Value::from(name.as_str())).collect();
        let mut counts = Map::new();
        let mut samples = Map::new();
        for (name, kind) in kinds {
            counts.insert(name.clone(), Value::from(kind.count));
            samples.insert(name, Value::from(kind.sample));
        }
        let seen = Observation::new()
            .with("count", self.count)
            .with("kinds", names)
            .with("counts", counts)
            .with("samples", samples);
        Ok(self.faults.into_fields(seen))
    }
}
