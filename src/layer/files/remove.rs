//! Removes what a phase created: whole trees, without following links and without leaving the file system.

use super::folder::{is_locked, is_mount, kind, look, names};
use super::scan::open_quietly;
use rustix::fs::{AtFlags, FileType, IFlags, ioctl_getflags, ioctl_setflags, unlinkat};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Takes immutable and append-only away, so that the thing can be changed.
pub(super) fn unlock(file: &File) -> io::Result<()> {
    let flags = ioctl_getflags(file)?;
    Ok(ioctl_setflags(file, flags.difference(IFlags::IMMUTABLE | IFlags::APPEND))?)
}

/// Removes a name and everything below it. What is mounted somewhere is not touched, and is an error.
pub(super) fn remove_tree(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let Some(seen) = look(folder, name)? else { return Ok(()) };
    if is_mount(&seen) {
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, "is a mount point"));
    }
    if is_locked(&seen) {
        unlock(&open_quietly(folder, name)?)?;
    }
    if kind(&seen) != FileType::Directory {
        return Ok(unlinkat(folder, name, AtFlags::empty())?);
    }
    let open = match open_quietly(folder, name) {
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder, name)?;
            open_quietly(folder, name)?
        }
        opened => opened?,
    };
    if u32::from(seen.stx_mode) & 0o700 != 0o700 {
        open_up(folder, name)?;
    }
    for name in names(open.as_fd())? {
        remove_tree(open.as_fd(), &name)?;
    }
    Ok(unlinkat(folder, name, AtFlags::REMOVEDIR)?)
}

/// Gives the owner full rights to a folder.
pub(super) fn open_up(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    Ok(rustix::fs::chmodat(folder, name, rustix::fs::Mode::RWXU, AtFlags::empty())?)
}
