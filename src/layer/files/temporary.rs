//! Temporary names beside what is put back, and the rename.

use super::folder::{is_locked, kind, look};
use super::remove::remove_tree;
use crate::layer::capsule::digest;
use rustix::fs::{FileType, Mode, OFlags, openat, renameat};
use sha2::{Digest as _, Sha256};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;

/// The same for the same name, so that what a killed restore left is used again, not piled up.
pub(super) fn temporary_name(name: &OsStr) -> OsString {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    let mut text = format!(".switchback-{}", digest(hasher).0);
    text.truncate(32);
    text.into()
}

pub(super) fn unlink_if_there(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match look(folder, name)? {
        Some(_) => remove_tree(folder, name),
        None => Ok(()),
    }
}

/// A new file: never one that somebody else put there.
pub(super) fn create_temporary(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<File> {
    unlink_if_there(folder, name)?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?.into())
}

/// Renames over whatever stands there; a folder or a locked file is removed first, since a rename cannot replace it.
pub(super) fn put_in_place(folder: BorrowedFd<'_>, temporary: &OsStr, name: &OsStr) -> io::Result<()> {
    if let Some(seen) = look(folder, name)?
        && (kind(&seen) == FileType::Directory || is_locked(&seen))
    {
        remove_tree(folder, name)?;
    }
    Ok(renameat(folder, temporary, folder, name)?)
}
