//! Quarantine: what was rejected on this machine, and why. One JSON line for each rejected phase of a plan.

use super::{StateFolder, StoreError};
use crate::model::{Digest, Item, PlanName, QuarantineLine};
use crate::system::files::{self, Access};
use std::io;
use std::path::PathBuf;

const NAME: &str = "quarantine";
/// Some hundred thousand lines.
const LONGEST: u64 = 64 * 1024 * 1024;

/// What is in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quarantine {
    /// The lines, oldest first.
    pub lines: Vec<QuarantineLine>,
    /// Lines that cannot be read, by name. Nobody knows what they reject; they are kept.
    pub damage: Vec<Item>,
}

impl Quarantine {
    /// The lines that speak of this very plan, by its digest, or of this revision of the plan of that name.
    #[must_use]
    pub fn find(&self, plan: &PlanName, revision: u32, digest: &Digest) -> Vec<&QuarantineLine> {
        let speaks = |line: &&QuarantineLine| {
            line.digest == *digest || (line.plan == *plan && line.revision == revision)
        };
        self.lines.iter().filter(speaks).collect()
    }
}

impl StateFolder {
    /// What is in quarantine; empty where nothing ever was.
    ///
    /// # Errors
    /// [`StoreError::File`] where the file is there and cannot be read.
    pub fn quarantine(&self) -> Result<Quarantine, StoreError> {
        let text = self.quarantine_text()?;
        let mut quarantine = Quarantine::default();
        for (at, line) in text.lines().enumerate() {
            match serde_json::from_str(line) {
                Ok(line) => quarantine.lines.push(line),
                Err(why) => {
                    quarantine.damage.push(Item::new(format!("{NAME} line {}", at + 1), why.to_string()));
                }
            }
        }
        Ok(quarantine)
    }

    /// Puts a rejected plan into quarantine, durably. One that is there for the same phase stays as it is.
    ///
    /// # Errors
    /// [`StoreError::File`]; the quarantine is then as before.
    pub fn reject(&self, line: &QuarantineLine) -> Result<(), StoreError> {
        let there = |old: &QuarantineLine| old.digest == line.digest && old.phase == line.phase;
        if self.quarantine()?.lines.iter().any(there) {
            return Ok(());
        }
        let mut text = self.quarantine_text()?;
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&to_json(line)?);
        self.write_quarantine(&text)
    }

    /// Takes a plan out of quarantine, and says how many lines that were.
    ///
    /// # Errors
    /// [`StoreError::File`]; the quarantine is then as before.
    pub fn lift(&self, digest: &Digest) -> Result<usize, StoreError> {
        let text = self.quarantine_text()?;
        let lifted = |line: &&str| {
            serde_json::from_str::<QuarantineLine>(line).is_ok_and(|line| line.digest == *digest)
        };
        let count = text.lines().filter(lifted).count();
        if count > 0 {
            let rest: String =
                text.lines().filter(|line| !lifted(line)).flat_map(|line| [line, "\n"]).collect();
            self.write_quarantine(&rest)?;
        }
        Ok(count)
    }

    fn quarantine_path(&self) -> PathBuf {
        self.root().join(NAME)
    }

    fn quarantine_text(&self) -> Result<String, StoreError> {
        match files::read_bounded(&self.quarantine_path(), LONGEST) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(files::FileError::Failed { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(String::new())
            }
            Err(why) => Err(why.into()),
        }
    }

    fn write_quarantine(&self, text: &str) -> Result<(), StoreError> {
        Ok(files::write_atomic(&self.quarantine_path(), text.as_bytes(), Access::PRIVATE)?)
    }
}

fn to_json(line: &QuarantineLine) -> Result<String, StoreError> {
    let mut text = serde_json::to_string(line)
        .map_err(|why| StoreError::Unreadable { path: PathBuf::from(NAME), why: why.to_string() })?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
#[path = "quarantine_tests.rs"]
mod tests;
