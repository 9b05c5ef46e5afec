//! A machine that is mounted at a folder: this process makes that folder its root, so that no path, whatever links are
//! on it, leads out of it.
//!
//! The kernel resolves every path of this process below the new root: an absolute link leads to a place below it, and `..`
//! at the root stays there. What would reach around that is taken away first: a `/proc` that is mounted below the root, whose
//! links to other processes' roots and descriptors are no paths, is detached in a namespace of this process alone. Nothing
//! of the mounted machine is asked for names, and none of its programs is started unless that is asked for.

use super::mounts;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The root that was entered; programs are withheld.
static WITHHELD: OnceLock<PathBuf> = OnceLock::new();

/// Why a root was not entered.
#[derive(Debug, thiserror::Error)]
pub enum BelowError {
    /// Only root may.
    #[error("another root takes root, and this is user {0}")]
    NotRoot(u32),
    /// It is the root of this very machine.
    #[error("{} is the root of the machine that runs", .0.display())]
    OwnRoot(PathBuf),
    /// Another folder has its name now.
    #[error("{} became another folder meanwhile", .0.display())]
    Moved(PathBuf),
    /// Something could not be done.
    #[error("cannot {what} {}: {source}", .path.display())]
    Failed {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The state folder leads elsewhere once the root is entered.
    #[error("{} leads out of {}", .state.display(), .root.display())]
    LeadsOut {
        /// The state folder, below the root.
        state: PathBuf,
        /// The root.
        root: PathBuf,
    },
}

fn failed<E: Into<io::Error>>(what: &'static str, path: &Path) -> impl FnOnce(E) -> BelowError {
    let path = path.to_owned();
    move |why| BelowError::Failed { what, path, source: why.into() }
}

/// Whether programs are withheld, and below which root.
#[must_use]
pub fn withheld() -> Option<&'static Path> {
    WITHHELD.get().map(PathBuf::as_path)
}

/// Withholds every program from here on, in this process: what it does below this folder is a rehearsal.
pub fn withhold(root: &Path) {
    let _ = WITHHELD.set(root.to_owned());
}

/// Makes a folder the root of this process, for good. `state` is the state folder below it, absolute. Unless `programs` may
/// be started, none is from here on.
///
/// # Errors
/// [`BelowError`]; then the process must not go on.
pub fn enter(root: &Path, state: &Path, programs: bool) -> Result<(), BelowError> {
    let euid = nix::unistd::geteuid();
    if !euid.is_root() {
        return Err(BelowError::NotRoot(euid.as_raw()));
    }
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = openat(CWD, root, folder, Mode::empty()).map_err(failed("open", root))?;
    let own = openat(CWD, "/", folder, Mode::empty()).map_err(failed("open", Path::new("/")))?;
    if identity(&opened, root)? == identity(&own, root)? {
        return Err(BelowError::OwnRoot(root.to_owned()));
    }
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let before = match openat2(&opened, state, folder, Mode::empty(), inside) {
        Ok(found) => Some(identity(&found, state)?),
        Err(rustix::io::Errno::NOENT) => None,
        Err(why) => return Err(failed("open", state)(why)),
    };
    let entered = if programs {
        opened
    } else {
        detach_proc(root)?;
        // Before anything of the other machine is read.
        let _ = WITHHELD.set(root.to_owned());
        // The first descriptor is of the namespace that this process came from, where all is still mounted.
        let again = openat(CWD, root, folder, Mode::empty()).map_err(failed("open", root))?;
        if identity(&again, root)? != identity(&opened, root)? {
            return Err(BelowError::Moved(root.to_owned()));
        }
        again
    };
    nix::unistd::fchdir(entered.as_fd()).map_err(failed("enter", root))?;
    nix::unistd::chroot(".").map_err(failed("make a root of", root))?;
    nix::unistd::chdir("/").map_err(failed("enter", root))?;
    let after = match openat(CWD, state, folder, Mode::empty()) {
        Ok(found) => Some(identity(&found, state)?),
        Err(rustix::io::Errno::NOENT) => None,
        Err(why) => return Err(failed("open", state)(why)),
    };
    if before == after {
        Ok(())
    } else {
        Err(BelowError::LeadsOut { state: state.to_owned(), root: root.to_owned() })
    }
}

fn identity(folder: &OwnedFd, path: &Path) -> Result<(u64, u64), BelowError> {
    let seen = fstat(folder).map_err(failed("read", path))?;
    Ok((seen.st_dev, seen.st_ino))
}

/// Whether the file system below which this process now lives can be written at a place.
#[must_use]
pub fn is_read_only(place: &Path) -> bool {
    rustix::fs::statvfs(place).is_ok_and(|seen| seen.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

/// Takes away every `/proc` that is mounted below the root, for this process alone.
fn detach_proc(root: &Path) -> Result<(), BelowError> {
    let real = root.canonicalize().map_err(failed("read", root))?;
    // Where this machine has no list of its mounts it has no `/proc`, and there is none below the root that it lists.
    let Ok(listed) = std::fs::read_to_string("/proc/self/mountinfo") else { return Ok(()) };
    let of_proc: Vec<PathBuf> = mounts::parse(&listed)
        .filter(|mount| mount.kind == "proc" && mount.point.starts_with(&real))
        .map(|mount| mount.point)
        .collect();
    let Some(first) = of_proc.first() else { return Ok(()) };
    unshare(CloneFlags::CLONE_NEWNS).map_err(failed("take away", first))?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(failed("take away", first))?;
    for point in of_proc.iter().rev() {
        umount2(point, MntFlags::MNT_DETACH).map_err(failed("take away", point))?;
    }
    Ok(())
}
