//! Owner, mode, attributes and times, set in the order in which none undoes another.

use super::attributes::Bearer;
use super::entry::{Meta, Moment};
use super::flags;
use super::folder::{hold, kind, kind_name, look_at, set_mode};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Timespec, Timestamps, Uid, chownat, fchmod, fchown, futimens, utimensat,
};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};

fn times(meta: &Meta) -> Timestamps {
    let at = |moment: Moment| Timespec { tv_sec: moment.0, tv_nsec: i64::from(moment.1) };
    Timestamps { last_access: at(meta.atime), last_modification: at(meta.mtime) }
}

/// Owner, mode, attributes and times of an open file or folder, in the order in which none undoes another.
pub(super) fn dress(file: &File, meta: &Meta) -> io::Result<()> {
    let bearer = Bearer::Open(file);
    bearer.strip(&meta.attributes)?;
    fchown(file, Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)))?;
    fchmod(file, Mode::from_raw_mode(meta.mode))?;
    bearer.set(&meta.attributes)?;
    flags::set(file, meta.flags)?;
    Ok(futimens(file, &times(meta))?)
}

/// The same for a link or a pipe, which are not opened.
pub(super) fn dress_named(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    meta: &Meta,
    expected: FileType,
) -> io::Result<()> {
    // Who may write to the folder can give the name to another thing at any moment.
    let held = hold(folder, name)?;
    let seen = look_at(held.as_fd())?;
    if kind(&seen) != expected {
        return Err(io::Error::other(format!("is {} now", kind_name(kind(&seen)))));
    }
    if seen.stx_nlink > 1 {
        return Err(io::Error::other(format!("has {} names (hard links) now", seen.stx_nlink)));
    }
    let bearer = Bearer::held(held.as_fd(), folder, name);
    bearer.strip(&meta.attributes)?;
    let (uid, gid) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
    chownat(&held, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
    if expected != FileType::Symlink {
        set_mode(held.as_fd(), meta.mode)?;
    }
    bearer.set(&meta.attributes)?;
    Ok(utimensat(folder, name, &times(meta), AtFlags::SYMLINK_NOFOLLOW)?)
}
