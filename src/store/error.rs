//! Every way in which remembering can fail.

use crate::model::{Digest, GenerationNumber};
use crate::system::files::FileError;
use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no state folder: nothing was ever run, or it is elsewhere.
    #[error("there is no state at {}", .0.display())]
    NoState(PathBuf),
    /// The state folder is not a folder.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// Others may read or write the state folder.
    #[error("{} has mode {mode:04o}, and others may use it", path.display())]
    Loose {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Its owner may not look into the state folder.
    #[error("{} has mode {mode:04o}, and its owner may not look into it", path.display())]
    Shut {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The state folder belongs to somebody else.
    #[error("{} belongs to user {owner}, and this is user {euid}", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who runs.
        euid: u32,
    },
    /// There is no such generation.
    #[error("there is no generation {0}")]
    NoGeneration(GenerationNumber),
    /// Every generation number is used up.
    #[error("no generation number is left after {0}")]
    NumbersUsedUp(GenerationNumber),
    /// The system refused.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file could not be written durably, or a folder is not private.
    #[error(transparent)]
    File(#[from] FileError),
    /// There was no space for a batch of facts. None of it is in the journal; the writer can be used again once there
    /// is space.
    #[error("no space for {bytes} bytes in {}", path.display())]
    Full {
        /// The journal.
        path: PathBuf,
        /// The size of the batch.
        bytes: usize,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An earlier write or sync of this journal failed. What is on disk is not known to be there, and a second sync
    /// would lie about it.
    #[error("{} failed before ({why}) and is not written any more", path.display())]
    Poisoned {
        /// The journal.
        path: PathBuf,
        /// The first failure.
        why: String,
    },
    /// A line in the middle of a journal is not what was written.
    #[error("{} is damaged at line {line}: {why}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Counts from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A newer switchback wrote it.
    #[error("{} has format {found}, and this switchback knows {known}", path.display())]
    Newer {
        /// What was found.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this program writes.
        known: u32,
    },
    /// A fact does not follow the last one.
    #[error("fact {got} does not follow: fact {expected} is next")]
    OutOfOrder {
        /// The next number.
        expected: u64,
        /// The number of the refused fact.
        got: u64,
    },
    /// A fact is larger or deeper than a reader accepts.
    #[error("fact {seq} cannot be stored: {why}")]
    Unstorable {
        /// Its number.
        seq: u64,
        /// Observed value and limit.
        why: String,
    },
    /// A file of a capsule is not the one that was recorded.
    #[error("{} has sha256 {now}, recorded {recorded}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What it is.
        now: Digest,
        /// What it was.
        recorded: Digest,
    },
    /// A file of a capsule cannot be understood.
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A plan does not come back from its stored form as it was.
    #[error("the plan cannot be stored: {0}")]
    UnstorablePlan(String),
    /// No room for more evidence.
    #[error("evidence {name} would make {bytes} bytes of evidence, the limit is {limit}")]
    EvidenceFull {
        /// The evidence.
        name: String,
        /// All evidence with it.
        bytes: u64,
        /// The limit of a capsule.
        limit: u64,
    },
    /// No such evidence.
    #[error("there is no evidence {0:?}")]
    NoEvidence(String),
    /// The index could not be used; the capsules tell the same.
    #[error("cannot use {}", path.display())]
    Database {
        /// The index.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// Whether somebody else has the index in use, so that the same may go well a moment later.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        match self {
            Self::Database { source, .. } => {
                matches!(source.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
            }
            _ => false,
        }
    }

    /// The error number, where a system call failed.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Io { source, .. } | Self::Full { source, .. } => source.raw_os_error(),
            Self::File(why) => why.errno(),
            _ => None,
        }
    }

    /// For `map_err`: what was tried, with what.
    pub(super) fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }
}
