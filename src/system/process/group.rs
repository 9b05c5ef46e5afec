//! A control group (cgroup v2) for children: no session, no ids and no environment of its own takes a process out of it,
//! and the kernel ends all that is in it at once.
//!
//! It lies below the group of the runner, so that limits, the login session and the journal's attribution stay what they
//! are. No controller is enabled in it: a group with processes may have groups below it only without them.

use crate::system::{clock, mounts};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

const PROCESSES: &str = "cgroup.procs";
/// How many names are tried: one that is taken was left by a process that had our number.
const NAMES: usize = 16;

/// Where a group lies, so that another process of this machine finds the very same one, or knows that it cannot tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Where the hierarchy, or a part of it, is mounted.
    mount: PathBuf,
    /// The inode of what is mounted there: of the one hierarchy that a kernel has, so that it names the part.
    root: u64,
    /// Below the mount.
    path: PathBuf,
    /// The inode of the group.
    id: u64,
}

/// What became of a group that somebody made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It is there.
    Here(PathBuf),
    /// It was removed, and only an empty one can be.
    Gone,
    /// Another part of the hierarchy is seen from here, or none.
    Unseen,
}

impl Place {
    pub(super) fn find(&self) -> Found {
        if !is_hierarchy(&self.mount) || inode(&self.mount).ok() != Some(self.root) {
            return Found::Unseen;
        }
        let folder = self.mount.join(&self.path);
        match inode(&folder) {
            Ok(id) if id == self.id => Found::Here(folder),
            Ok(_) => Found::Gone,
            Err(why) if why.kind() == io::ErrorKind::NotFound => Found::Gone,
            Err(_) => Found::Unseen,
        }
    }
}

fn is_hierarchy(folder: &Path) -> bool {
    statfs(folder).is_ok_and(|found| found.filesystem_type() == CGROUP2_SUPER_MAGIC)
}

fn inode(folder: &Path) -> io::Result<u64> {
    fs::symlink_metadata(folder).map(|meta| meta.ino())
}

/// A group that this process made for its children.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) place: Place,
    folder: PathBuf,
    /// The group itself, for a child that is born into it.
    pub(super) opened: File,
    /// Where a child writes that it goes in.
    pub(super) entrance: File,
}

impl Group {
    /// Makes one below the group of this process; `None` where there is no hierarchy, or it may not be changed.
    pub(super) fn make(name: &str) -> Option<Self> {
        let (mount, own) = own()?;
        (0..NAMES).find_map(|number| {
            let name = if number == 0 { name.to_owned() } else { format!("{name}-{number}") };
            Self::make_at(&mount, own.join(name)).ok()
        })
    }

    fn make_at(mount: &Path, path: PathBuf) -> io::Result<Self> {
        let folder = mount.join(&path);
        fs::create_dir(&folder)?;
        let made = || {
            // Below a threaded group nothing can be in it.
            if fs::read_to_string(folder.join("cgroup.type"))?.trim() != "domain" {
                return Err(io::ErrorKind::Unsupported.into());
            }
            Ok(Self {
                place: Place { mount: mount.to_owned(), root: inode(mount)?, path, id: inode(&folder)? },
                opened: File::open(&folder)?,
                entrance: OpenOptions::new().write(true).open(folder.join(PROCESSES))?,
                folder: folder.clone(),
            })
        };
        made().inspect_err(|_| remove(&folder))
    }

    /// Whether nobody removed it.
    pub(super) fn is_there(&self) -> bool {
        inode(&self.folder).ok() == Some(self.place.id)
    }

    /// Kills all that is in it, without waiting; where the kernel cannot do that at once, nothing.
    pub(super) fn kill(&self) {
        // Whoever asks looks for what is left.
        let _ = fs::write(self.folder.join("cgroup.kill"), "1");
    }

    /// Removes it. Whether it is gone: one with a process in it stays.
    pub(super) fn remove(&self) -> bool {
        remove(&self.folder);
        !self.is_there()
    }
}

/// Where this process is in the hierarchy: the mount, and the way below it.
fn own() -> Option<(PathBuf, PathBuf)> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let table = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let me = std::process::id() as i32;
    candidates(own, &table).into_iter().find(|(mount, path)| {
        // Seen from a container the names may be those of another part: what counts is that we are in it.
        is_hierarchy(mount) && listed(&mount.join(path)).contains(&me)
    })
}

/// Where a group may lie below the mounts of the hierarchy that can be written.
fn candidates(own: &str, table: &str) -> Vec<(PathBuf, PathBuf)> {
    mounts::parse(table)
        .filter(|mount| mount.kind == "cgroup2" && mount.writable)
        .filter_map(|mount| {
            let below = Path::new(own).strip_prefix(&mount.root).ok()?.to_owned();
            let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
            plain.then_some((mount.point, below))
        })
        .collect()
}

/// The processes that are in a group itself; those that are not seen from here are left out.
fn listed(folder: &Path) -> BTreeSet<i32> {
    let text = fs::read_to_string(folder.join(PROCESSES)).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0).collect()
}

fn groups_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// The processes in a group and in all groups below it.
fn members(folder: &Path) -> BTreeSet<i32> {
    let below = groups_below(folder).into_iter().flat_map(|below| members(&below));
    listed(folder).into_iter().chain(below).collect()
}

/// Whether a process that is not dead is in it or below it, seen from here or not.
fn populated(folder: &Path) -> bool {
    fs::read_to_string(folder.join("cgroup.events"))
        .is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
}

/// Removes a group and those below it, as far as they are empty.
fn remove(folder: &Path) {
    groups_below(folder).iter().for_each(|below| remove(below));
    // One that is not empty stays.
    let _ = fs::remove_dir(folder);
}

/// Ends all that is in a group but this process, removes the group, and says how many were seen in it.
///
/// # Errors
/// Those that the kernel does not end in time.
pub(super) fn end(folder: &Path, until: Instant) -> Result<usize, Vec<i32>> {
    let me = std::process::id() as i32;
    if members(folder).contains(&me) {
        // A step may have called us.
        let outer = folder.parent().unwrap_or(folder).join(PROCESSES);
        let _ = fs::write(outer, me.to_string());
    }
    let mut seen = BTreeSet::new();
    loop {
        let mut inside = members(folder);
        let with_me = inside.remove(&me);
        seen.extend(inside.iter().copied());
        if !populated(folder) || (with_me && inside.is_empty()) {
            remove(folder);
            return Ok(seen.len());
        }
        if clock::tick() >= until {
            return Err(inside.into_iter().collect());
        }
        if with_me || fs::write(folder.join("cgroup.kill"), "1").is_err() {
            kill_each(folder, &inside);
        }
        super::descent::nap();
    }
}

/// Kills processes of a group, one after the other.
fn kill_each(folder: &Path, inside: &BTreeSet<i32>) {
    let open = |pid: &i32| {
        let known = rustix::process::Pid::from_raw(*pid)?;
        Some((*pid, pidfd_open(known, PidfdFlags::empty()).ok()?))
    };
    let opened: Vec<_> = inside.iter().filter_map(open).collect();
    // Who is in it still has the number under which it was opened.
    let still = members(folder);
    for (_, open) in opened.iter().filter(|(pid, _)| still.contains(pid)) {
        // It may be dead already.
        let _ = pidfd_send_signal(open, Signal::KILL);
    }
}

#[cfg(test)]
#[path = "group_tests.rs"]
pub(super) mod tests;
