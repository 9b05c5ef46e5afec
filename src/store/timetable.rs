//! What `schedule install` set up, so that exactly that can be taken away, and what the timer is to do. It may hold
//! secrets in its command; the units, which everybody may read, hold none.

use super::{StateFolder, StoreError};
use crate::model::{Digest, Manager, Span, Timestamp};
use crate::system::files::{self, Access};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::PathBuf;

const NAME: &str = "schedule.json";
const LONGEST: u64 = 1 << 20;
const FORMAT: u32 = 1;

/// What was set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timetable {
    format: u32,
    /// When.
    pub at: Timestamp,
    /// The units' name, without what follows the dot.
    pub name: String,
    /// Which service manager runs it.
    pub manager: Manager,
    /// A person puts it where it belongs: NixOS, cron.
    pub by_hand: bool,
    /// What was asked for.
    pub wishes: Wishes,
    /// What was written, with its hash.
    pub files: Vec<(PathBuf, Digest)>,
    /// Folders that were made for it, the outermost first.
    pub folders: Vec<PathBuf>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wishes {
    /// The time between two validations.
    pub every: Option<Span>,
    /// Or a calendar as systemd reads it.
    pub calendar: Option<String>,
    /// Only checks with one of these tags.
    pub tags: Vec<String>,
    /// Also where nothing soaks.
    pub always: bool,
    /// No notification on the desktop.
    pub quiet: bool,
    /// The command that is told of changes.
    pub notify: Vec<String>,
    /// Reports that each validation writes, `FORM=FILE` with the whole path.
    #[serde(default)]
    pub reports: Vec<String>,
}

impl Timetable {
    /// One that is set up now, with nothing written yet.
    #[must_use]
    pub fn new(at: Timestamp, name: String, manager: Manager, wishes: Wishes) -> Self {
        let (files, folders) = (Vec::new(), Vec::new());
        Self { format: FORMAT, at, name, manager, by_hand: false, wishes, files, folders }
    }
}

impl StateFolder {
    /// What is set up; nothing where nothing is.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`], [`StoreError::File`] where there is something that cannot be read.
    pub fn timetable(&self) -> Result<Option<Timetable>, StoreError> {
        let path = self.root().join(NAME);
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let bytes = files::read_bounded(&path, LONGEST)?;
        let unreadable = |why: String| StoreError::Unreadable { path: path.clone(), why };
        let read: Timetable = serde_json::from_slice(&bytes).map_err(|why| unreadable(why.to_string()))?;
        if read.format != FORMAT {
            return Err(unreadable(format!("format {} is not known", read.format)));
        }
        Ok(Some(read))
    }

    /// Remembers what is set up.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn keep_timetable(&self, timetable: &Timetable) -> Result<(), StoreError> {
        let path = self.root().join(NAME);
        let text = serde_json::to_vec_pretty(timetable)
            .map_err(|why| StoreError::Unreadable { path: path.clone(), why: why.to_string() })?;
        Ok(files::write_atomic(&path, &text, Access::PRIVATE)?)
    }

    /// Forgets it.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn forget_timetable(&self) -> Result<(), StoreError> {
        let path = self.root().join(NAME);
        match fs::remove_file(&path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", &path)(why)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::state;

    #[test]
    fn what_is_set_up_is_read_back_and_forgotten() {
        let at = tempfile::tempdir().expect("a folder");
        let state = state(at.path());
        assert_eq!(state.timetable().expect("none"), None);
        let wishes = Wishes { notify: vec!["curl".to_owned(), "--secret".to_owned()], ..Wishes::default() };
        let made = Timetable::new(Timestamp(5), "x".to_owned(), Manager::User, wishes);
        state.keep_timetable(&made).expect("kept");
        assert_eq!(state.timetable().expect("one"), Some(made));
        fs::write(state.root().join(NAME), "{").expect("written");
        assert!(matches!(state.timetable(), Err(StoreError::Unreadable { .. })));
        state.forget_timetable().expect("forgotten");
        state.forget_timetable().expect("twice");
        assert_eq!(state.timetable().expect("none"), None);
    }
}
