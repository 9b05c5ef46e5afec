//! Reading what root will act on: only where nobody else may have written it.
//!
//! The file, every folder above it and every folder that a symbolic link leads through must belong to root or to the
//! given user, and nobody else may write there. A sticky folder may be writable by its group (the Nix store is), never
//! by everybody (`/tmp` is). Each is judged on its open descriptor, and the next is opened below it, so that nothing
//! can be exchanged between the look and the use. The bytes are read once.

use super::files::{FileError, read_open};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, fstat};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

/// Most symbolic links on the way.
const LINKS: usize = 40;

/// Why a file is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It belongs to somebody else.
    #[error("{} belongs to user {owner}; it must belong to root{}", .path.display(), or_user(*.user))]
    Owner {
        /// The file or a folder above it.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who may own it besides root.
        user: u32,
    },
    /// Others may write it.
    #[error("{} has mode {mode:04o}; neither group nor others may write it", .path.display())]
    Writable {
        /// The file or a folder above it.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Neither a regular file nor, on the way, a folder.
    #[error("{} is not a {wanted}", .path.display())]
    Kind {
        /// The file or a folder above it.
        path: PathBuf,
        /// What it must be.
        wanted: &'static str,
    },
    /// Too many symbolic links.
    #[error("{} leads through more than {LINKS} symbolic links", .0.display())]
    Links(PathBuf),
    /// The path is not absolute.
    #[error("{} is not an absolute path", .0.display())]
    Relative(PathBuf),
    /// It cannot be opened or read.
    #[error(transparent)]
    File(#[from] FileError),
}

fn or_user(user: u32) -> String {
    if user == 0 { String::new() } else { format!(" or user {user}") }
}

fn failed(act: &'static str, path: &Path) -> impl FnOnce(Errno) -> TrustError {
    move |errno| FileError::Failed { act, path: path.to_owned(), source: errno.into() }.into()
}

/// Reads a file that root or the given user owns and nobody else may have written, ancestors included.
///
/// # Errors
/// [`TrustError`], naming the path, what was observed, and the rule.
pub fn read_trusted(path: &Path, limit: u64, user: u32) -> Result<Vec<u8>, TrustError> {
    let (mut file, place) = open_trusted(path, user)?;
    Ok(read_open(&mut file, &place, limit)?)
}

/// Judges a file that is about to be executed, ancestors included. Its bytes are not read.
///
/// # Errors
/// As [`read_trusted`].
pub fn judge_file(path: &Path, user: u32) -> Result<(), TrustError> {
    open_trusted(path, user).map(drop)
}

/// Judges a folder and those above it: what is in it stays what it is, and it stays where it is. A sticky folder above it
/// may be everybody's, since what belongs to root or to the user cannot be moved in it.
///
/// # Errors
/// As [`read_trusted`].
pub fn judge_folder(path: &Path, user: u32) -> Result<(), TrustError> {
    match walk(path, user, Sticky::Everybodys)? {
        End::Folder => Ok(()),
        End::File(_, path) => Err(TrustError::Kind { path, wanted: "folder" }),
    }
}

/// What a sticky folder may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sticky {
    /// Writable by its group.
    Groups,
    /// Writable by everybody.
    Everybodys,
}

/// Where a path leads.
enum End {
    File(File, PathBuf),
    Folder,
}

/// A folder on the way, open.
struct Place {
    folder: OwnedFd,
    path: PathBuf,
}

fn open_trusted(path: &Path, user: u32) -> Result<(File, PathBuf), TrustError> {
    match walk(path, user, Sticky::Groups)? {
        End::File(file, path) => Ok((file, path)),
        End::Folder => Err(TrustError::Kind { path: path.to_owned(), wanted: "regular file" }),
    }
}

fn walk(path: &Path, user: u32, sticky: Sticky) -> Result<End, TrustError> {
    if !path.is_absolute() {
        return Err(TrustError::Relative(path.to_owned()));
    }
    let mut way = vec![root(user, sticky)?];
    let mut rest = components(path);
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            // The root is its own parent.
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        let Some(here) = way.last() else { return Err(TrustError::Relative(path.to_owned())) };
        let there = here.path.join(&name);
        let look = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let found =
            openat(&here.folder, name.as_os_str(), look, Mode::empty()).map_err(failed("open", &there))?;
        let meta = fstat(&found).map_err(failed("read", &there))?;
        match kind(&meta) {
            libc::S_IFLNK => {
                links += 1;
                if links > LINKS {
                    return Err(TrustError::Links(path.to_owned()));
                }
                judge_owner(&there, &meta, user)?;
                let target = PathBuf::from(
                    readlinkat(&here.folder, name.as_os_str()).map_err(failed("read", &there))?,
                );
                if target.is_absolute() {
                    way.truncate(1);
                }
                for part in components(&target).into_iter().rev() {
                    rest.push_front(part);
                }
            }
            libc::S_IFDIR => {
                judge(&there, &meta, user, sticky)?;
                way.push(Place { folder: found, path: there });
            }
            libc::S_IFREG if rest.is_empty() => {
                let read = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
                let file = openat(&here.folder, name.as_os_str(), read, Mode::empty())
                    .map_err(failed("open", &there))?;
                let meta = fstat(&file).map_err(failed("read", &there))?;
                judge(&there, &meta, user, sticky)?;
                if kind(&meta) != libc::S_IFREG {
                    return Err(TrustError::Kind { path: there, wanted: "regular file" });
                }
                return Ok(End::File(File::from(file), there));
            }
            _ if rest.is_empty() => return Err(TrustError::Kind { path: there, wanted: "regular file" }),
            _ => return Err(TrustError::Kind { path: there, wanted: "folder" }),
        }
    }
    Ok(End::Folder)
}

fn root(user: u32, sticky: Sticky) -> Result<Place, TrustError> {
    let path = PathBuf::from("/");
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder = open(&path, flags, Mode::empty()).map_err(failed("open", &path))?;
    judge(&path, &fstat(&folder).map_err(failed("read", &path))?, user, sticky)?;
    Ok(Place { folder, path })
}

fn components(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn kind(meta: &FileStat) -> u32 {
    meta.st_mode & libc::S_IFMT
}

fn judge_owner(path: &Path, meta: &FileStat, user: u32) -> Result<(), TrustError> {
    if meta.st_uid == 0 || meta.st_uid == user {
        Ok(())
    } else {
        Err(TrustError::Owner { path: path.to_owned(), owner: meta.st_uid, user })
    }
}

fn judge(path: &Path, meta: &FileStat, user: u32, sticky: Sticky) -> Result<(), TrustError> {
    judge_owner(path, meta, user)?;
    let mode = meta.st_mode & 0o7777;
    // In a sticky folder nobody can exchange what belongs to another, and the next owner is judged as well.
    let refused = match sticky {
        Sticky::Groups | Sticky::Everybodys if kind(meta) != libc::S_IFDIR || mode & 0o1000 == 0 => 0o022,
        Sticky::Groups => 0o002,
        Sticky::Everybodys => 0,
    };
    if mode & refused == 0 { Ok(()) } else { Err(TrustError::Writable { path: path.to_owned(), mode }) }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
