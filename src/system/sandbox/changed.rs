//! What is not in the sandbox as it is on the machine. Only what was written is looked at: the upper parts of the overlays
//! name it, and each is compared as one sees it with what lies below.

use super::{Cover, Inside, is_below};
use crate::model::How;
use crate::system::files;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Something that is not as on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub path: PathBuf,
    /// What it is now, or was: `file`, `folder`, `link`, `device`, `pipe`, `socket`.
    pub what: &'static str,
    /// In what ways it differs; never empty.
    pub how: Vec<How>,
}

/// Whether an extended attribute is a file's own: an overlay keeps its own notes in others.
pub(super) fn counts(name: &OsStr) -> bool {
    let name = name.as_bytes();
    !name.starts_with(b"trusted.overlay.") && !name.starts_with(b"user.overlay.")
}

/// A path below a folder that is held open, wherever that is mounted.
fn through(folder: &OwnedFd, below: &Path) -> PathBuf {
    let folder = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    // With the blank at its end the descriptor is entered and not looked at.
    if below.as_os_str().is_empty() { folder.join(".") } else { folder.join(below) }
}

fn names(folder: &Path) -> io::Result<BTreeSet<OsString>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.file_name())).collect(),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(why) => Err(why),
    }
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_dir())
}

impl Cover {
    /// Every path that was written to, created or removed, below this one's top.
    fn touched(&self) -> io::Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        let mut open = vec![PathBuf::new()];
        while let Some(below) = open.pop() {
            if !below.as_os_str().is_empty() {
                found.insert(below.clone());
            }
            let upper = names(&through(&self.upper, &below))?;
            for name in &upper {
                let child = below.join(name);
                if is_folder(&through(&self.upper, &child)) {
                    open.push(child);
                } else {
                    found.insert(child);
                }
            }
            // A folder that was removed and made again hides what it had, and nothing in it says so.
            let lower = through(&self.lower, &below);
            if !below.as_os_str().is_empty() && is_folder(&lower) {
                let seen = names(&self.at.join(&below))?;
                let gone = names(&lower)?.into_iter().filter(|name| !seen.contains(name));
                found.extend(gone.map(|name| below.join(name)));
            }
        }
        Ok(found)
    }
}

impl Inside {
    /// Every path that was written to, created or removed since the machine was copied, whether it differs or not.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn touched(&self) -> io::Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        for cover in &self.covers {
            found.extend(cover.touched()?.into_iter().map(|below| cover.at.join(below)));
        }
        found.retain(|path| !self.made.contains(path) && !is_below(path, &self.fresh));
        Ok(found)
    }

    /// Everything that is not as on the machine, by path. A folder that is gone is named once; times are not compared.
    ///
    /// # Errors
    /// A file or folder cannot be read.
    pub fn differences(&self) -> io::Result<Vec<Difference>> {
        let mut found: BTreeMap<PathBuf, Difference> = BTreeMap::new();
        for cover in &self.covers {
            for below in cover.touched()? {
                let path = cover.at.join(&below);
                if self.made.contains(&path) || is_below(&path, &self.fresh) {
                    continue;
                }
                if let Some(difference) = compare(&through(&cover.lower, &below), &path)? {
                    found.insert(path, difference);
                }
            }
        }
        Ok(found.into_values().collect())
    }
}

fn looked(path: &Path) -> io::Result<Option<Metadata>> {
    match path.symlink_metadata() {
        Ok(meta) => Ok(Some(meta)),
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(why) => Err(why),
    }
}

fn compare(before: &Path, now: &Path) -> io::Result<Option<Difference>> {
    let told = |meta: &Metadata, how: Vec<How>| {
        let what = word(meta.file_type());
        (!how.is_empty()).then(|| Difference { path: now.to_path_buf(), what, how })
    };
    let (old, new) = match (looked(before)?, looked(now)?) {
        (None, None) => return Ok(None),
        (None, Some(new)) => return Ok(told(&new, vec![How::Created])),
        (Some(old), None) => return Ok(told(&old, vec![How::Removed])),
        (Some(old), Some(new)) => (old, new),
    };
    let kind = |meta: &Metadata| meta.mode() & libc::S_IFMT;
    let mut how = Vec::new();
    if kind(&old) != kind(&new) {
        how.push(How::Kind);
    } else if new.is_file() {
        if old.len() != new.len() || !same_bytes(before, now)? {
            how.push(How::Bytes);
        }
    } else if new.is_symlink() {
        if fs::read_link(before)? != fs::read_link(now)? {
            how.push(How::Bytes);
        }
    } else if (new.file_type().is_char_device() || new.file_type().is_block_device())
        && old.rdev() != new.rdev()
    {
        how.push(How::Bytes);
    }
    if old.mode() & 0o7777 != new.mode() & 0o7777 {
        how.push(How::Mode);
    }
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        how.push(How::Owner);
    }
    if attributes(before) != attributes(now) {
        how.push(How::Attributes);
    }
    Ok(told(&new, how))
}

fn same_bytes(one: &Path, other: &Path) -> io::Result<bool> {
    files::same_bytes(one, other).map_err(io::Error::other)
}

/// Names and values; what cannot be read is as if it were not there, on both sides.
fn attributes(path: &Path) -> BTreeMap<OsString, Option<Vec<u8>>> {
    let Ok(names) = xattr::list(path) else { return BTreeMap::new() };
    let names = names.filter(|name| counts(name));
    names.map(|name| (name.clone(), xattr::get(path, &name).ok().flatten())).collect()
}

fn word(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "folder"
    } else if kind.is_symlink() {
        "link"
    } else if kind.is_file() {
        "file"
    } else if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}
