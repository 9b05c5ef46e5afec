//! What somebody says at another login about an open confirm window. A file that is not there says nothing: absence never
//! means "keep".

use super::{Capsule, StoreError};
use crate::model::{Invoker, Timestamp};
use crate::system::files::{self, Access};
use serde::{Deserialize, Serialize};

const NAME: &str = "word";
const LONGEST: u64 = 4096;

/// What was said, by whom, about which window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The end of the window as it was recorded when it was opened: a word about an earlier one says nothing.
    pub window: Timestamp,
    /// Whether the change is to stay.
    pub keep: bool,
    /// Who says so.
    pub by: Invoker,
    /// When.
    pub at: Timestamp,
}

impl Capsule {
    /// What somebody said about the window that closes then, as long as it was open.
    #[must_use]
    pub fn word(&self, window: Timestamp) -> Option<Word> {
        let bytes = files::read_bounded(&self.folder().join(NAME), LONGEST).ok()?;
        let word: Word = serde_json::from_slice(&bytes).ok()?;
        (word.window == window && word.at <= window).then_some(word)
    }

    /// Says it, durably.
    ///
    /// # Errors
    /// [`StoreError::File`]; nothing was said then.
    pub fn say(&self, word: &Word) -> Result<(), StoreError> {
        let text = serde_json::to_vec(word).map_err(|why| StoreError::UnstorablePlan(why.to_string()))?;
        Ok(files::write_atomic(&self.folder().join(NAME), &text, Access::PRIVATE)?)
    }
}
