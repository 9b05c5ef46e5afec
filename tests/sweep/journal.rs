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

    /// What is written here and not there, provided that nothing of what is there was changed.
    pub(crate) fn beyond(&self, earlier: &Self) -> Result<Vec<&Fact>, u32> {
        for (number, facts) in &earlier.generations {
            if !self.generations.get(number).is_some_and(|now| now.starts_with(facts)) {
                return Err(*number);
            }
        }
        let known = |number: &u32| earlier.generations.get(number).map_or(0, Vec::len);
        Ok(self.generations.iter().flat_map(|(number, facts)| &facts[known(number)..]).collect())
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

/// A fact that was printed and so acknowledged.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    /// Its generation.
    pub(crate) generation: u32,
    /// Its place in the journal.
    pub(crate) seq: u64,
    /// The fact.
    pub(crate) fact: Fact,
}

/// The facts on every whole line.
pub(crate) fn acknowledged(output: &str) -> Vec<Acknowledged> {
    rows(output)
        .filter_map(|row| {
            let generation = u32::try_from(row.get("generation")?.as_u64()?).ok()?;
            let envelope = row.get("envelope")?;
            let event = envelope.get("event")?;
            let fact = Fact {
                at: envelope.get("at")?.as_str()?.to_owned(),
                name: event.get("fact")?.as_str()?.to_owned(),
                of: event.get("of").cloned().unwrap_or_default(),
            };
            Some(Acknowledged { generation, seq: envelope.get("seq")?.as_u64()?, fact })
        })
        .collect()
}

/// What the last line says of the end.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    /// In a word.
    pub(crate) ended: Option<String>,
    /// The exit status.
    pub(crate) exit: Option<i32>,
    /// What is neither old nor new, as written.
    pub(crate) items: Vec<String>,
}

/// Reads the closing line; nothing where none was printed.
pub(crate) fn closing(output: &str) -> Closing {
    let Some(last) = rows(output).filter(|row| row.get("ended").is_some()).last() else {
        return Closing::default();
    };
    Closing {
        ended: last["ended"].as_str().map(str::to_owned),
        exit: last["exit"].as_i64().and_then(|exit| i32::try_from(exit).ok()),
        items: last["items"].as_array().into_iter().flatten().map(Value::to_string).collect(),
    }
}

/// Every whole line that is JSON.
fn rows(output: &str) -> impl Iterator<Item = Value> {
    let complete = output.rfind('\n').map_or("", |end| &output[..end]);
    complete.lines().filter_map(|line| serde_json::from_str(line).ok())
}
