//! What is different from the record, in words. Looks only.

use super::attributes::Bearer;
use super::entry::{Entry, Meta, Moment, What};
use super::flags;
use super::folder::{Folders, identity, is_locked, is_mount, kind, kind_name, look, names};
use super::keep::{CHUNK, pour};
use super::pattern;
use super::scan::open_quietly;
use crate::layer::raw::Raw;
use rustix::fs::{FileType, Statx, readlinkat};
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

/// How closely is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Bytes are read and hashed: same size and time prove nothing.
    Bytes,
    /// Everything but the bytes, which were hashed a moment ago.
    Metadata,
}

/// One way in which a path is not as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Difference {
    Missing,
    Kind {
        now: &'static str,
        recorded: &'static str,
    },
    Content,
    Target {
        now: Raw,
        recorded: Raw,
    },
    Owner {
        now: (u32, u32),
        recorded: (u32, u32),
    },
    Mode {
        now: u32,
        recorded: u32,
    },
    Time {
        now: Moment,
        recorded: Moment,
    },
    Attributes,
    Flags {
        now: u32,
        recorded: u32,
    },
    Locked,
    Names {
        now: u32,
        recorded: u32,
    },
    NotSame {
        first: Raw,
    },
    MountPoint,
    /// The file system that was mounted there is not: what was recorded lies on it.
    NotMounted,
    /// Something stands where nothing was.
    Created(PathBuf),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Kind { now, recorded } => write!(f, "is {now}, recorded {recorded}"),
            Self::Content => f.write_str("has other bytes than recorded"),
            Self::Target { now, recorded } => write!(f, "leads to {now}, recorded {recorded}"),
            Self::Owner { now, recorded } => {
                write!(f, "is owned by {}:{}, recorded {}:{}", now.0, now.1, recorded.0, recorded.1)
            }
            Self::Mode { now, recorded } => write!(f, "has mode {now:04o}, recorded {recorded:04o}"),
            Self::Time { now, recorded } => {
                write!(f, "was modified at {}, recorded {}", time(*now), time(*recorded))
            }
            Self::Attributes => f.write_str("has other attributes (ACL, capabilities) than recorded"),
            Self::Flags { now, recorded } => {
                write!(f, "has flags ={}, recorded ={}", flags::letters(*now), flags::letters(*recorded))
            }
            Self::Locked => f.write_str("is immutable or append-only"),
            Self::Names { now, recorded } => write!(f, "has {now} names (hard links), recorded {recorded}"),
            Self::NotSame { first } => write!(f, "is not the same file as {first}"),
            Self::MountPoint => f.write_str("is a mount point now, and was none"),
            Self::NotMounted => f.write_str("is no mount point now, and was one: mount what belongs there"),
            Self::Created(_) => f.write_str("was created since"),
        }
    }
}

/// A time of a file as people read it.
fn time(Moment(seconds, nanos): Moment) -> String {
    match chrono::DateTime::from_timestamp(seconds, nanos) {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S%.f UTC").to_string(),
        None => format!("{seconds}.{nanos:09}"),
    }
}

/// Looks at one entry after the other.
pub(super) struct Looker {
    pub(super) folders: Folders,
    pub(super) buffer: Vec<u8>,
    /// Which thing stood there at the last look.
    pub(super) seen: Option<(u64, u64)>,
}

impl Looker {
    pub(super) fn new() -> Self {
        Self { folders: Folders::default(), buffer: vec![0; CHUNK], seen: None }
    }

    /// Every difference of one entry. A thing of another kind, or missing, has that one difference only.
    pub(super) fn differences(&mut self, entry: &Entry, depth: Depth) -> io::Result<Vec<Difference>> {
        differences(self, entry, depth)
    }
}

fn differences(looker: &mut Looker, entry: &Entry, depth: Depth) -> io::Result<Vec<Difference>> {
    let Looker { folders, buffer, seen: last } = looker;
    *last = None;
    let path = entry.path.path();
    if let What::Glob { pattern, matched, .. } = &entry.what {
        let found = pattern::expand(path, pattern)?;
        let created = |path: &PathBuf| !matched.iter().any(|known| known.path() == path);
        return Ok(found.matches.into_iter().filter(created).map(Difference::Created).collect());
    }
    let parent = match folders.parent(path) {
        Ok(parent) => Some(parent),
        // Above it, something is missing or no folder: then it is missing, and its folder says why.
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
        Err(why) => return Err(why),
    };
    let seen = match parent {
        Some((folder, name)) => look(folder, name)?.map(|seen| (folder, name, seen)),
        None => None,
    };
    let Some((folder, name, seen)) = seen else {
        let absent = matches!(entry.what, What::Absent { .. });
        let missing =
            if entry.what.mount() == Some(true) { Difference::NotMounted } else { Difference::Missing };
        return Ok(if absent { Vec::new() } else { vec![missing] });
    };
    *last = Some(identity(&seen));
    let recorded = match &entry.what {
        What::Way { .. } | What::Folder { .. } => FileType::Directory,
        What::File { .. } | What::SameFile { .. } => FileType::RegularFile,
        What::Link { .. } => FileType::Symlink,
        What::Pipe { .. } => FileType::Fifo,
        What::Absent { .. } | What::Glob { .. } => return Ok(vec![Difference::Created(path.to_owned())]),
    };
    if kind(&seen) != recorded {
        return Ok(vec![Difference::Kind { now: kind_name(kind(&seen)), recorded: kind_name(recorded) }]);
    }
    match (is_mount(&seen), entry.what.mount()) {
        (true, Some(false)) => return Ok(vec![Difference::MountPoint]),
        (false, Some(true)) => return Ok(vec![Difference::NotMounted]),
        (true, Some(true) | None) | (false, Some(false) | None) => {}
    }
    match &entry.what {
        What::Way { .. } | What::Absent { .. } | What::Glob { .. } => Ok(Vec::new()),
        What::Folder { meta, holds, .. } => folder_differences(folder, name, entry, &seen, (meta, holds)),
        What::File { meta, size, sha256, links } => {
            let mut found = plain_differences(&seen, meta);
            if seen.stx_nlink != *links {
                found.push(Difference::Names { now: seen.stx_nlink, recorded: *links });
            }
            let open = match open_quietly(folder, name) {
                Ok(open) => open,
                // What we may not read, we may still replace.
                Err(why) if why.kind() == io::ErrorKind::PermissionDenied => {
                    found.push(Difference::Content);
                    return Ok(found);
                }
                Err(why) => return Err(why),
            };
            if Bearer::Open(&open).read()? != meta.attributes {
                found.push(Difference::Attributes);
            }
            found.extend(flag_difference(&open, meta)?);
            if seen.stx_size != *size || (depth == Depth::Bytes && pour(&open, None, buffer)?.1 != *sha256) {
                found.push(Difference::Content);
            }
            Ok(found)
        }
        What::SameFile { first } => {
            let here = identity(&seen);
            let there = match folders.parent(first.path()) {
                Ok((folder, name)) => look(folder, name)?.map(|seen| identity(&seen)),
                Err(_) => None,
            };
            let same = there == Some(here);
            Ok(if same { Vec::new() } else { vec![Difference::NotSame { first: first.clone() }] })
        }
        What::Link { meta, to } => {
            let mut found = named_differences(folder, name, &seen, meta)?;
            let now = Raw(readlinkat(folder, name, Vec::new())?.into_bytes());
            if now != *to {
                found.push(Difference::Target { now, recorded: to.clone() });
            }
            Ok(found)
        }
        What::Pipe { meta } => named_differences(folder, name, &seen, meta),
    }
}

fn folder_differences(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    entry: &Entry,
    seen: &Statx,
    (meta, holds): (&Meta, &[Raw]),
) -> io::Result<Vec<Difference>> {
    let mut found = plain_differences(seen, meta);
    let open = match open_quietly(folder, name) {
        Ok(open) => open,
        // Its mode is among the differences; what it holds is seen once that is restored.
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied && !found.is_empty() => return Ok(found),
        Err(why) => return Err(why),
    };
    if Bearer::Open(&open).read()? != meta.attributes {
        found.push(Difference::Attributes);
    }
    found.extend(flag_difference(&open, meta)?);
    for name in names(open.as_fd())? {
        if holds.binary_search_by(|held| held.os().cmp(name.as_os_str())).is_err() {
            found.push(Difference::Created(entry.path.path().join(name)));
        }
    }
    Ok(found)
}

fn flag_difference(open: &File, meta: &Meta) -> io::Result<Option<Difference>> {
    let Some(recorded) = meta.flags else { return Ok(None) };
    let now = flags::read(open)?.unwrap_or_default();
    Ok((now != recorded).then_some(Difference::Flags { now, recorded }))
}

fn named_differences(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    seen: &Statx,
    meta: &Meta,
) -> io::Result<Vec<Difference>> {
    let mut found = plain_differences(seen, meta);
    // The mode of a symbolic link means nothing and cannot be set.
    found.retain(|one| kind(seen) != FileType::Symlink || !matches!(one, Difference::Mode { .. }));
    if Bearer::named(folder, name).read()? != meta.attributes {
        found.push(Difference::Attributes);
    }
    Ok(found)
}

fn plain_differences(seen: &Statx, meta: &Meta) -> Vec<Difference> {
    let mut found = Vec::new();
    if is_locked(seen) {
        found.push(Difference::Locked);
    }
    let now = (seen.stx_uid, seen.stx_gid);
    if now != (meta.uid, meta.gid) {
        found.push(Difference::Owner { now, recorded: (meta.uid, meta.gid) });
    }
    let now = u32::from(seen.stx_mode) & 0o7777;
    if now != meta.mode {
        found.push(Difference::Mode { now, recorded: meta.mode });
    }
    let now = Moment::from(seen.stx_mtime);
    if now != meta.mtime {
        found.push(Difference::Time { now, recorded: meta.mtime });
    }
    found
}
