//! Folders opened one name at a time, so that no symbolic link is ever followed on the way.

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, Statx, StatxAttributes, StatxFlags};
use rustix::fs::{FileType, openat, statx};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

const STEP: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens an absolute folder; `ENOTDIR` where a name on the way is a symbolic link or no folder.
pub(in crate::layer) fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let mut at = openat(CWD, "/", STEP, Mode::empty())?;
    for part in path.components() {
        match part {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => at = openat(&at, name, STEP, Mode::empty())?,
            Component::ParentDir | Component::Prefix(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the path is not absolute and plain",
                ));
            }
        }
    }
    // Only now for reading: a folder on the way need not be readable.
    Ok(openat(&at, ".", READ, Mode::empty())?)
}

/// The last folder that was opened; things are visited folder by folder.
#[derive(Default)]
pub(super) struct Folders {
    last: Option<(PathBuf, OwnedFd)>,
}

impl Folders {
    /// The folder that holds `path`, and the name in it.
    pub(super) fn parent<'a, 'p>(&'a mut self, path: &'p Path) -> io::Result<(BorrowedFd<'a>, &'p OsStr)> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok((self.folder(parent)?, name)),
            // The root itself: it is its own folder.
            (None, _) | (_, None) => Ok((self.folder(Path::new("/"))?, OsStr::new("."))),
        }
    }

    /// The folder itself.
    pub(super) fn folder(&mut self, path: &Path) -> io::Result<BorrowedFd<'_>> {
        let opened = match self.last.take() {
            Some((last, fd)) if last == path => (last, fd),
            Some(_) | None => (path.to_owned(), open_folder(path)?),
        };
        Ok(self.last.insert(opened).1.as_fd())
    }

    /// Called after a folder was removed or replaced.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }
}

/// What stands at a name, links not followed; `None` where nothing does.
pub(super) fn look(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<Option<Statx>> {
    match statx(folder, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, StatxFlags::BASIC_STATS) {
        Ok(seen) => Ok(Some(seen)),
        Err(Errno::NOENT) => Ok(None),
        Err(why) => Err(why.into()),
    }
}

/// The kind of thing that was seen.
pub(super) fn kind(seen: &Statx) -> FileType {
    FileType::from_raw_mode(u32::from(seen.stx_mode))
}

/// Its device, as one number.
pub(super) fn device(seen: &Statx) -> u64 {
    u64::from(seen.stx_dev_major) << 32 | u64::from(seen.stx_dev_minor)
}

/// Which thing it is, whatever its name.
pub(super) fn identity(seen: &Statx) -> (u64, u64) {
    (device(seen), seen.stx_ino)
}

/// What is changed must be what was looked at: who may write to its folder can give its name to another thing meanwhile.
pub(super) fn same(file: &File, seen: Option<(u64, u64)>) -> io::Result<()> {
    let now = identity(&look_at(file.as_fd())?);
    match seen {
        Some(seen) if seen != now => Err(io::Error::other("was replaced while it was restored")),
        Some(_) | None => Ok(()),
    }
}

/// Which folder an open one is, where it can be the one that was made a moment ago: empty, and ours, or of whom it will
/// be. What else stands at its name by now is not to be given to anybody.
pub(super) fn just_made(folder: &File, owner: u32) -> io::Result<(u64, u64)> {
    let seen = look_at(folder.as_fd())?;
    let ours = [nix::unistd::geteuid().as_raw(), owner].contains(&seen.stx_uid);
    if kind(&seen) == FileType::Directory && ours && names(folder.as_fd())?.is_empty() {
        Ok(identity(&seen))
    } else {
        Err(io::Error::other("was replaced while it was restored"))
    }
}

/// A thing held by itself and not by its name, which somebody may give to another thing meanwhile. It is not opened: a
/// pipe would wait, and a folder without rights would refuse.
pub(super) fn hold(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    Ok(openat(folder, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

/// What is held.
pub(super) fn look_at(held: BorrowedFd<'_>) -> io::Result<Statx> {
    Ok(statx(held, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?)
}

/// Changes the permission bits of what is held; never those of what a link leads to.
pub(super) fn set_mode(held: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    if kind(&look_at(held)?) == FileType::Symlink {
        return Err(io::Error::other("is a symbolic link now"));
    }
    // `fchmod` does not take what is only held; the kernel's own path to it leads nowhere else.
    if let Some(path) = path_of(held) {
        return std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
    }
    let empty = c"";
    // SAFETY: a plain system call on a descriptor that is held open, with a name that ends in a zero byte.
    #[expect(unsafe_code, reason = "`fchmodat2` has no safe form yet")]
    let changed =
        unsafe { libc::syscall(FCHMODAT2, held.as_raw_fd(), empty.as_ptr(), mode, libc::AT_EMPTY_PATH) };
    if changed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The call's number, which is the same on every machine.
const FCHMODAT2: libc::c_long = 452;

/// The kernel's own path to what is held; none where `/proc` is not there.
pub(super) fn path_of(held: BorrowedFd<'_>) -> Option<PathBuf> {
    let path = Path::new("/proc/self/fd").join(held.as_raw_fd().to_string());
    path.symlink_metadata().is_ok().then_some(path)
}

/// How many more descriptors may be opened; a lower bound.
pub(super) fn descriptors_left() -> usize {
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    let limit = limit.map_or(usize::MAX, |(soft, _)| usize::try_from(soft).unwrap_or(usize::MAX));
    // The kernel gives the lowest number that is free.
    let lowest = openat(CWD, "/", STEP, Mode::empty())
        .map_or(limit, |open| usize::try_from(open.as_raw_fd()).unwrap_or(usize::MAX));
    limit.saturating_sub(lowest)
}

/// Whether something could not be made for want of room or of descriptors: it may be possible once others are done.
pub(super) fn no_room(why: &io::Error) -> bool {
    matches!(why.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT | libc::EMFILE | libc::ENFILE))
}

/// Whether another file system, or another part of this one, is mounted there.
pub(super) fn is_mount(seen: &Statx) -> bool {
    seen.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)
}

/// Whether it is immutable or append-only.
pub(super) fn is_locked(seen: &Statx) -> bool {
    seen.stx_attributes.intersects(StatxAttributes::IMMUTABLE | StatxAttributes::APPEND)
}

/// The names in a folder, sorted.
pub(super) fn names(folder: BorrowedFd<'_>) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// What a kind is called.
pub(super) const fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "of an unknown kind",
    }
}
