//! Reads journals by the rule that `docs/design/0002-journal.md` states, without the product's reader: what it
//! believes of itself is what is judged here.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One fact.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fact {
    /// When, as written.
    pub(crate) at: String,
    /// Its name.
    pub(crate) name: String,
    /// What it says.
    pub(crate) of: Value,
}

impl Fact {
    /// A word among what it says.
    pub(crate) fn word(&self, key: &str) -> Option<&str> {
        self.of.get(key).and_then(Value::as_str)
    }

    /// Whether it is of this step.
    pub(crate) fn is_step(&self, name: &str, part: &str, step: u64) -> bool {
        self.name == name
            && self.word("part") == Some(part)
            && self.of.get("step").and_then(Value::as_u64) == Some(step)
    }
}

/// The facts of every generation, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Journals {
    /// By generation.
    pub(crate) generations: BTreeMap<u32, Vec<Fact>>,
    /// Lines that are not what was written.
    pub(crate) faults: Vec<String>,
}

impl Journals {
    /// Reads all that a state folder holds; nothing where there is none.
    pub(crate) fn read(state: &Path) -> Self {
        let mut journals = Self::default();
        for entry in fs::read_dir(state.join("generations")).into_iter().flatten().flatten() {
            let Ok(number) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
            let Ok(bytes) = fs::read(entry.path().join("journal")) else { continue };
            match facts(&bytes) {
                Ok(facts) if facts.is_empty() => {}
                Ok(facts) => {
                    journals.generations.insert(number, facts);
                }
                Err(why) => journals.faults.push(format!("generation {number}: {why}")),
            }
        }
        journals
    }

    /// The newest generation of a phase.
    pub(crate) fn newest(&self, phase: &str) -> Option<(u32, &[Fact])> {
        self.generations
            .iter()
            .rev()
            .find(|(_, facts)| facts.first().and_then(|began| began.word("phase")) == Some(phase))
            .map(|(number, facts)| (*number, facts.as_slice()))
    }

    /// The last fact of the newest generation with this name.
    pub(crate) fn last(&self, name: &str) -> Option<&Fact> {
        let (_, facts) = self.generations.last_key_value()?;
        facts.iter().rev().find(|fact| fact.name == name)
    }

    /// Without what one generation was told of another: that is no act.
    pub(crate) fn without_notes(&self) -> Self {
        let mut journals = self.clone();
        for facts in journals.generations.values_mut() {
            facts.retain(|fact| fact.name != "earlier-taken-back");
        }
        journals
    }

    /// How a phase stands: the last that was said of it, in its own journal or in a later one.
    pub(crate) fn end(&self, phase: &str) -> Option<&str> {
        let (number, facts) = self.newest(phase)?;
        let taken_back =
            self.generations.range(number + 1..).flat_map(|(_, facts)| facts).rev().find(|fact| {
                fact.name == "earlier-taken-back"
                    && fact.of.get("generation").and_then(Value::as_u64) == Some(number.into())
            });
        taken_back.or_else(|| facts.iter().rev().find(|fact| fact.name == "phase-ended"))?.word("end")
    }
}

/// The facts of one journal. A last line without its newline was never acknowledged and is left out.
fn facts(bytes: &[u8]) -> Result<Vec<Fact>, String> {
    let mut prev = "0".repeat(64);
    let mut found = Vec::new();
    let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    for (place, line) in bytes[..complete].split_inclusive(|byte| *byte == b'\n').enumerate() {
        let line = str::from_utf8(line).map_err(|why| why.to_string())?.trim_end_matches('\n');
        let (body, hash) = line
            .rsplit_once(",\"hash\":\"")
            .and_then(|(body, hash)| Some((body, hash.strip_suffix("\"}")?)))
            .ok_or_else(|| format!("line {} has no hash", place + 1))?;
        let real: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        let value: Value = serde_json::from_str(line).map_err(|why| format!("line {}: {why}", place + 1))?;
        let stated = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if real != hash || stated("prev") != prev || value["seq"].as_u64() != Some(place as u64 + 1) {
            return Err(format!("line {} does not follow in the chain", place + 1));
        }
        prev = real;
        found.push(Fact { at: stated("at"), name: stated("fact"), of: value["of"].clone() });
    }
    Ok(found)
}

/// What was printed and so acknowledged: generation, place, fact.
pub(crate) fn acknowledged(output: &str) -> Vec<(u32, u64, String)> {
    let complete = output.rfind('\n').map_or("", |end| &output[..end]);
    complete
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|row| {
            let generation = u32::try_from(row.get("generation")?.as_u64()?).ok()?;
            let envelope = row.get("envelope")?;
            let fact = envelope.get("event")?.get("fact")?.as_str()?;
            Some((generation, envelope.get("seq")?.as_u64()?, fact.to_owned()))
        })
        .collect()
}

/// The exit status that the last line states.
pub(crate) fn exit_printed(output: &str) -> Option<i32> {
    let mut lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let last = lines.rfind(|line| line.get("ended").is_some())?;
    i32::try_from(last.get("exit")?.as_i64()?).ok()
}
