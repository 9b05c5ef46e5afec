//! What a plan's paths stand for on this machine: canonical, without overlap, absent ones included.

use super::pattern::{self, Expanded};
use crate::layer::raw::Raw;
use crate::model::Item;
use crate::system::place::resolved;
use nix::sys::statfs::{FsType, statfs};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// A glob as it stood when it was recorded.
pub(super) struct Glob {
    pub(super) base: PathBuf,
    pub(super) patterns: Vec<String>,
    pub(super) matches: Vec<PathBuf>,
    /// The folders in which the pattern goes on, where they can be told apart from new ones.
    pub(super) folders: Option<Vec<PathBuf>>,
}

/// So many folders in which a pattern goes on are recorded at most.
const FOLDERS: usize = 10_000;

/// What is recorded.
#[derive(Default)]
pub(super) struct Targets {
    /// Each is a file, a whole folder, a link, or nothing; none lies below another's folder.
    pub(super) paths: BTreeSet<PathBuf>,
    pub(super) globs: Vec<Glob>,
    /// What cannot be found out.
    pub(super) refused: Vec<Item>,
}

impl Targets {
    /// Finds them, for a runner with this user id.
    pub(super) fn of(asked: &[String], runner: u32) -> Self {
        let mut targets = Self::default();
        for path in asked {
            if let Err(why) = targets.add(path, runner) {
                targets.refused.push(Item::new(path, why.to_string()));
            }
        }
        targets.without_overlap()
    }

    fn add(&mut self, asked: &str, runner: u32) -> io::Result<()> {
        let path = Path::new(asked);
        let plain = path.components().all(|part| part != std::path::Component::ParentDir);
        if !path.is_absolute() || !plain {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not an absolute path without `..`"));
        }
        if pattern::is_glob(asked) {
            return self.add_glob(asked);
        }
        let target = canonical(path)?;
        not_of_the_kernel(&target)?;
        self.paths.extend(links_above(path, runner)?);
        // `link/` means the folder that it leads to; the link is part of what must come back.
        if asked.ends_with('/') && target.is_symlink() && target.is_dir() {
            self.paths.insert(resolved(&target)?);
        }
        self.paths.insert(target);
        Ok(())
    }

    fn add_glob(&mut self, asked: &str) -> io::Result<()> {
        let (base, patterns) = pattern::split(asked)
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, format!("is no pattern: {why}")))?;
        let base = resolved(&base)?;
        not_of_the_kernel(&base)?;
        let Expanded { matches, links, folders } = pattern::expand(&base, &patterns)?;
        for link in links {
            self.refused.push(Item::new(
                link.display().to_string(),
                format!("is a symbolic link to a folder, and `{asked}` goes on below it"),
            ));
        }
        self.paths.extend(matches.iter().cloned());
        let told = folders.len() <= FOLDERS && !patterns.iter().any(|part| part == "**");
        self.globs.push(Glob { base, patterns, matches, folders: told.then_some(folders) });
        Ok(())
    }

    fn without_overlap(mut self) -> Self {
        let mut kept = BTreeSet::new();
        let mut folder: Option<PathBuf> = None;
        // In order of components, what lies below a folder comes right after it.
        for path in std::mem::take(&mut self.paths) {
            if folder.as_ref().is_some_and(|above| path.starts_with(above)) {
                continue;
            }
            if fs::symlink_metadata(&path).is_ok_and(|seen| seen.is_dir()) {
                folder = Some(path.clone());
            }
            kept.insert(path);
        }
        self.paths = kept;
        self
    }

    /// The folders above all targets that exist, outermost first, the root left out.
    pub(super) fn ways(&self) -> BTreeSet<PathBuf> {
        let bases = self.globs.iter().map(|glob| glob.base.join("*"));
        let mut ways = BTreeSet::new();
        for path in self.paths.iter().cloned().chain(bases) {
            for above in path.ancestors().skip(1) {
                if above.parent().is_none() || ways.contains(above) {
                    break;
                }
                if above.symlink_metadata().is_ok() && !self.within(above) {
                    ways.insert(above.to_owned());
                }
            }
        }
        ways
    }

    /// Whether a path is recorded as part of a target's folder.
    fn within(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.paths.contains(above))
    }
}

/// What stands on a file system that the kernel makes up is no file: it is made anew at every look.
fn not_of_the_kernel(target: &Path) -> io::Result<()> {
    let Some(there) = target.ancestors().find(|above| above.symlink_metadata().is_ok()) else {
        return Ok(());
    };
    // Of a link it is the place that counts, not where it leads.
    let there = if there.is_symlink() { there.parent().unwrap_or(there) } else { there };
    let Ok(found) = statfs(there) else { return Ok(()) };
    match KERNELS.iter().find(|(kind, _)| *kind == found.filesystem_type()) {
        Some((_, name)) => Err(io::Error::other(format!(
            "is on a file system of the kernel ({name}), which has settings and no files: a layer `command` can record one"
        ))),
        None => Ok(()),
    }
}

/// The file systems that the kernel makes up, by what they call themselves.
const KERNELS: [(FsType, &str); 8] = [
    (FsType(0x9fa0), "proc"),
    (FsType(0x6265_6572), "sysfs"),
    (FsType(0x6462_6720), "debugfs"),
    (FsType(0x7472_6163), "tracefs"),
    (FsType(0x7363_6673), "securityfs"),
    (FsType(0x6265_6570), "configfs"),
    (FsType(0x0027_e0eb), "cgroup"),
    (FsType(0x6367_7270), "cgroup2"),
];

/// The folders above a path that do not exist, outermost first.
pub(super) fn missing_above(path: &Path) -> Vec<Raw> {
    let mut missing: Vec<Raw> = path
        .ancestors()
        .skip(1)
        .take_while(|above| above.symlink_metadata().is_err())
        .map(Raw::from)
        .collect();
    missing.reverse();
    missing
}

/// The path with every symbolic link above its last name resolved.
fn canonical(path: &Path) -> io::Result<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok(resolved(parent)?.join(name)),
        (None, _) | (_, None) => Ok(PathBuf::from("/")),
    }
}

/// The most links that the kernel follows on one way.
const LINKS: usize = 40;

/// The links above the last name of a path. Where they lead decides what the path means, so they must come back too. Those
/// that the runner may not put back, it could not have changed either.
fn links_above(path: &Path, runner: u32) -> io::Result<Vec<PathBuf>> {
    let mut links = Vec::new();
    let mut passed = 0;
    let mut at = PathBuf::from("/");
    let mut rest: Vec<PathBuf> = path
        .parent()
        .into_iter()
        .flat_map(Path::components)
        .rev()
        .map(|part| part.as_os_str().into())
        .collect();
    while let Some(part) = rest.pop() {
        match part.components().next() {
            Some(Component::RootDir) => at = PathBuf::from("/"),
            Some(Component::ParentDir) => {
                at.pop();
            }
            Some(Component::Normal(name)) => at.push(name),
            Some(Component::CurDir | Component::Prefix(_)) | None => {}
        }
        let Ok(seen) = at.symlink_metadata() else { break };
        if !seen.is_symlink() {
            continue;
        }
        passed += 1;
        if passed > LINKS {
            return Err(io::Error::from_raw_os_error(libc::ELOOP));
        }
        if runner == 0 || seen.uid() == runner {
            links.push(at.clone());
        }
        let to = fs::read_link(&at)?;
        at.pop();
        rest.extend(to.components().rev().map(|part| PathBuf::from(part.as_os_str())));
    }
    Ok(links)
}
