//! Removes what a phase created: whole trees, without following links and without leaving the file system.

use super::folder::{descriptors_left, hold, is_locked, is_mount, kind, look, names, set_mode};
use super::scan::open_quietly;
use rustix::fs::{
    AtFlags, FileType, IFlags, RenameFlags, ioctl_getflags, ioctl_setflags, renameat_with, unlinkat,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Takes immutable and append-only away, so that the thing can be changed.
pub(super) fn unlock(file: &File) -> io::Result<()> {
    let flags = ioctl_getflags(file)?;
    Ok(ioctl_setflags(file, flags.difference(IFlags::IMMUTABLE | IFlags::APPEND))?)
}

/// So deep it goes at a time: each level is a descriptor and a call. What lies deeper is brought up first.
const DEEP: usize = 64;

/// As deep, or less where few descriptors are left.
fn deep() -> usize {
    (descriptors_left() / 2).clamp(1, DEEP)
}

/// Removes a name and everything below it. What is mounted somewhere is not touched, and is an error.
pub(super) fn remove_tree(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let Some(open) = remove_or_open(folder, name)? else { return Ok(()) };
    let (mut brought_up, deep) = (0, deep());
    loop {
        let before = brought_up;
        empty(&open, &open, &mut brought_up, deep)?;
        if brought_up == before {
            return Ok(unlinkat(folder, name, AtFlags::REMOVEDIR)?);
        }
    }
}

/// Removes what a folder holds, so many levels deep; deeper folders are put into `top` and wait there.
fn empty(open: &File, top: &File, brought_up: &mut u64, levels: usize) -> io::Result<()> {
    for name in names(open.as_fd())? {
        let Some(below) = remove_or_open(open.as_fd(), &name)? else { continue };
        if levels <= 1 {
            bring_up(open, &name, top, brought_up)?;
            continue;
        }
        empty(&below, top, brought_up, levels - 1)?;
        if names(below.as_fd())?.is_empty() {
            unlinkat(open, &name, AtFlags::REMOVEDIR)?;
        }
    }
    Ok(())
}

/// Puts a folder into `top`, under a name that is free there.
fn bring_up(open: &File, name: &OsStr, top: &File, brought_up: &mut u64) -> io::Result<()> {
    loop {
        let waiting = format!(".switchback-below-{brought_up}");
        *brought_up += 1;
        match renameat_with(open, name, top, waiting, RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => {}
            done => return Ok(done?),
        }
    }
}

/// Removes what is no folder; opens a folder, with the rights that it takes to remove what it holds.
fn remove_or_open(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<Option<File>> {
    let Some(seen) = look(folder, name)? else { return Ok(None) };
    if is_mount(&seen) {
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, "is a mount point"));
    }
    if is_locked(&seen) {
        unlock(&open_quietly(folder, name)?)?;
    }
    if kind(&seen) != FileType::Directory {
        unlinkat(folder, name, AtFlags::empty())?;
        return Ok(None);
    }
    if u32::from(seen.stx_mode) & 0o700 != 0o700 {
        open_up(folder, name)?;
    }
    open_quietly(folder, name).map(Some)
}

/// Gives the owner full rights to a folder.
pub(super) fn open_up(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    set_mode(hold(folder, name)?.as_fd(), 0o700)
}
