//! What a files manifest says about one path.

use crate::layer::raw::Raw;
use crate::model::Digest;
use rustix::fs::{Statx, StatxTimestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A point in time as the file system keeps it: seconds and nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Moment(pub(super) i64, pub(super) u32);

impl From<StatxTimestamp> for Moment {
    fn from(at: StatxTimestamp) -> Self {
        Self(at.tv_sec, at.tv_nsec)
    }
}

/// What is restored besides bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// The twelve permission bits.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: Moment,
    /// Restored with an item that is rewritten, never compared: reading changes it.
    pub(super) atime: Moment,
    /// Extended attributes: ACLs and file capabilities are among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: BTreeMap<Raw, Raw>,
    /// Inode flags of a file or folder, as `super::flags` reads them; nothing where the file system has none, and in what
    /// was recorded before there was this field: then they are left as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) flags: Option<u32>,
}

impl Meta {
    pub(super) fn of(seen: &Statx, attributes: BTreeMap<Raw, Raw>) -> Self {
        Self {
            mode: u32::from(seen.stx_mode) & 0o7777,
            uid: seen.stx_uid,
            gid: seen.stx_gid,
            mtime: seen.stx_mtime.into(),
            atime: seen.stx_atime.into(),
            attributes,
            flags: None,
        }
    }
}

/// What stands, or does not stand, at a recorded path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    /// A folder on the way to the recorded set: made again where it is missing, otherwise left alone. `mount` says whether
    /// a file system was mounted there; nothing in what was recorded before there was this field: then nobody knows.
    Way {
        meta: Meta,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mount: Option<bool>,
    },
    /// A recorded folder: nothing but these names stays in it.
    Folder { meta: Meta, holds: Vec<Raw>, mount: bool },
    /// A file whose bytes are in `originals/`; `links` names in all.
    File { meta: Meta, size: u64, sha256: Digest, links: u32 },
    /// Another name of the file at `first`.
    SameFile { first: Raw },
    /// A symbolic link.
    Link { meta: Meta, to: Raw },
    /// A named pipe.
    Pipe { meta: Meta },
    /// Nothing; nor were there these folders above it, outermost first.
    Absent { above: Vec<Raw> },
    /// Of the names below this folder that match the pattern, nothing but these. `folders` are those in which the pattern
    /// went on; nothing where they are too many, and in what was recorded before there was this field: then nobody knows
    /// which of them are new.
    Glob {
        pattern: Vec<String>,
        matched: Vec<Raw>,
        above: Vec<Raw>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folders: Option<Vec<Raw>>,
    },
}

impl What {
    /// Whether a file system was mounted there; nothing where that was not recorded, or does not matter.
    pub(super) const fn mount(&self) -> Option<bool> {
        match self {
            Self::Way { mount, .. } => *mount,
            Self::Folder { mount, .. } => Some(*mount),
            Self::File { .. }
            | Self::SameFile { .. }
            | Self::Link { .. }
            | Self::Pipe { .. }
            | Self::Absent { .. }
            | Self::Glob { .. } => None,
        }
    }
}

/// One line of the manifest. Folders come before what they hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Absolute, without symbolic links above its last name.
    pub(super) path: Raw,
    pub(super) what: What,
}
