//! Generations of which nobody can tell any more what they changed, and what a person said who looked: one JSON line each.

use super::{StateFolder, StoreError, free_name, record};
use crate::model::{GenerationNumber, Timestamp};
use crate::system::files;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;

const NAME: &str = "losses";

/// A generation that is gone or cannot be read, and does not bar the way forward any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Which.
    pub generation: GenerationNumber,
    /// What was done about it.
    pub reason: String,
    /// The login name of who says so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl StateFolder {
    /// What a person settled, oldest first.
    ///
    /// # Errors
    /// [`StoreError::File`] where the file is there and cannot be read, [`StoreError::Damaged`] where a line of it cannot.
    pub fn losses(&self) -> Result<Vec<Loss>, StoreError> {
        record::read(&self.losses_path())
    }

    /// Settles the loss of a generation: its line is durable first. A folder that is left of it is moved aside, and the newest
    /// one that can be read is the current one.
    ///
    /// # Errors
    /// [`StoreError`]; then it may be settled again.
    pub fn settle_loss(&self, loss: Loss) -> Result<(), StoreError> {
        let mut all = self.losses()?;
        let generation = loss.generation;
        all.retain(|one| one.generation != generation);
        all.push(loss);
        record::write(&self.losses_path(), &all)?;
        let folder = self.generation_folder(generation);
        if folder.is_dir() {
            let aside = free_name(&folder, "unreadable");
            fs::rename(&folder, &aside).map_err(StoreError::io("move aside", &folder))?;
            files::sync_folder(aside.parent().unwrap_or(self.root()))?;
        }
        self.link_newest()
    }

    fn losses_path(&self) -> PathBuf {
        self.root().join(NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::{state, story, told};

    fn loss(generation: u32) -> Loss {
        Loss {
            generation: GenerationNumber(generation),
            reason: "looked".to_owned(),
            by: "root".to_owned(),
            at: Timestamp(5),
        }
    }

    #[test]
    fn a_settled_loss_leaves_the_newest_that_can_be_read_as_the_current_one() {
        let at = tempfile::tempdir().expect("a folder");
        let state = state(at.path());
        for _ in 0..3 {
            told(&state, story);
        }
        assert_eq!(state.losses().expect("none"), []);
        fs::remove_dir_all(state.generation_folder(GenerationNumber(3))).expect("removed");
        assert_eq!(state.lost(), Some(GenerationNumber(3)));
        state.settle_loss(loss(3)).expect("settled");
        assert_eq!((state.lost(), state.current()), (None, Some(GenerationNumber(2))));
        fs::write(state.generation_folder(GenerationNumber(2)).join("journal"), "noise\n").expect("written");
        assert_eq!(state.current(), Some(GenerationNumber(2)));
        state.settle_loss(loss(2)).expect("settled");
        assert_eq!((state.lost(), state.current()), (None, Some(GenerationNumber(1))));
        assert!(at.path().join("state/generations/0002.unreadable-1/journal").exists(), "it is kept");
        fs::remove_dir_all(state.generation_folder(GenerationNumber(1))).expect("removed");
        state.settle_loss(loss(1)).expect("settled");
        assert_eq!((state.lost(), state.current()), (None, None));
        let told: Vec<u32> = state.losses().expect("read").iter().map(|loss| loss.generation.0).collect();
        assert_eq!(told, [3, 2, 1]);
        assert_eq!(state.next_number().expect("a number"), GenerationNumber(4), "no number is used twice");
    }
}
