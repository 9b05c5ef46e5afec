//! Walks the recorded set once, folders before what they hold, and refuses what cannot be saved.

use super::attributes::Bearer;
use super::entry::{Entry, Meta, What};
use super::flags;
use super::folder::{Folders, device, identity, is_locked, is_mount, kind, kind_name, look, names};
use super::targets::{Targets, missing_above};
use crate::layer::LayerError;
use crate::layer::raw::Raw;
use crate::model::Item;
use rustix::fs::{FileType, Mode, OFlags, Statx, openat, readlinkat};
use rustix::io::Errno;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// What is done with what the walk finds.
pub(super) trait Visitor {
    /// A file with new bytes.
    fn file(&mut self, found: Found) -> Result<(), LayerError>;
    /// A complete entry.
    fn entry(&mut self, entry: Entry) -> Result<(), LayerError>;
    /// Called often.
    fn tick(&mut self) -> Result<(), LayerError>;
}

/// A file whose bytes are still to be saved.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// How it was seen before it was opened.
    pub(super) seen: Statx,
    pub(super) meta: Meta,
}

impl Found {
    /// The file at this path as it is now; `None` where something else stands there.
    pub(super) fn again(path: &Path) -> io::Result<Option<Self>> {
        let mut folders = Folders::default();
        let (folder, name) = folders.parent(path)?;
        let Some(seen) = look(folder, name)?.filter(|seen| kind(seen) == FileType::RegularFile) else {
            return Ok(None);
        };
        let file = open_quietly(folder, name)?;
        let meta = Meta::of(&seen, Bearer::Open(&file).read()?);
        Ok(Some(Self { path: path.to_owned(), file, seen, meta }))
    }
}

/// Who may put back what.
#[derive(Debug, Clone)]
pub(super) struct Powers {
    pub(super) uid: u32,
    pub(super) groups: Vec<u32>,
    /// Which folder holds the records: what would go back with the machine is no record.
    pub(super) state: Option<(u64, u64)>,
}

/// So deep below its target a folder may lie: each level is a descriptor and a call.
const DEEPEST: usize = 256;

struct Names {
    first: PathBuf,
    found: u32,
    all: u32,
}

/// One walk over the recorded set.
pub(super) struct Scan<'a> {
    powers: &'a Powers,
    visitor: &'a mut dyn Visitor,
    refused: Vec<Item>,
    /// Files with several names, by device and inode: the only thing that grows with the set.
    linked: HashMap<(u64, u64), Names>,
    /// Folders between the target and where the walk stands.
    depth: usize,
}

/// Why switchback's own folder is no part of what is recorded.
const STATE: &str = "is switchback's own state folder, and its records would go back too: name what lies beside it, or \
                     put the state elsewhere with `--state`";

/// Opens a file or folder without following links, without waiting, and where possible without touching its times.
pub(super) fn open_quietly(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(folder, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => Ok(openat(folder, name, flags, Mode::empty())?.into()),
        opened => Ok(opened?.into()),
    }
}

impl<'a> Scan<'a> {
    /// Walks everything; what comes back cannot be saved.
    pub(super) fn run(
        targets: &Targets,
        powers: &'a Powers,
        visitor: &'a mut dyn Visitor,
    ) -> Result<Vec<Item>, LayerError> {
        let refused = targets.refused.clone();
        let mut scan = Self { powers, visitor, refused, linked: HashMap::new(), depth: 0 };
        for way in targets.ways() {
            scan.way(&way)?;
        }
        for path in &targets.paths {
            scan.target(path)?;
        }
        for glob in &targets.globs {
            let what = What::Glob {
                pattern: glob.patterns.clone(),
                matched: glob.matches.iter().map(|path| Raw::from(path.as_path())).collect(),
                above: missing_above(&glob.base.join("*")),
                folders: glob
                    .folders
                    .as_ref()
                    .filter(|_| glob.patterns.len() > 1)
                    .map(|folders| folders.iter().map(|path| Raw::from(path.as_path())).collect()),
            };
            scan.visitor.entry(Entry { path: glob.base.as_path().into(), what })?;
        }
        for names in scan.linked.into_values().filter(|names| names.found < names.all) {
            scan.refused.push(Item::new(
                names.first.display().to_string(),
                format!(
                    "has {} names (hard links), and only {} of them are recorded",
                    names.all, names.found
                ),
            ));
        }
        Ok(scan.refused)
    }

    fn refuse(&mut self, path: &Path, why: impl Into<String>) {
        self.refused.push(Item::new(path.display().to_string(), why));
    }

    fn way(&mut self, path: &Path) -> Result<(), LayerError> {
        let read = |why| LayerError::io("read", path, why);
        let mut folders = Folders::default();
        let (folder, name) = folders.parent(path).map_err(read)?;
        let Some(seen) = look(folder, name).map_err(read)? else { return Ok(()) };
        let attributes = match open_quietly(folder, name) {
            Ok(open) => Bearer::Open(&open).read().map_err(read)?,
            // A folder that may be passed but not read has no attributes for us to keep.
            Err(why) if why.kind() == io::ErrorKind::PermissionDenied => BTreeMap::new(),
            Err(why) => return Err(read(why)),
        };
        if self.is_state(&seen) {
            self.refuse(path, STATE);
        }
        let meta = Meta::of(&seen, attributes);
        self.visitor
            .entry(Entry { path: path.into(), what: What::Way { meta, mount: Some(is_mount(&seen)) } })
    }

    fn target(&mut self, path: &Path) -> Result<(), LayerError> {
        let mut folders = Folders::default();
        let parent = match folders.parent(path) {
            Ok(parent) => Ok(Some(parent)),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(why),
        };
        let seen = match parent {
            Ok(Some((folder, name))) => look(folder, name).map(|seen| seen.map(|seen| (folder, name, seen))),
            Ok(None) => Ok(None),
            Err(why) => Err(why),
        };
        match seen {
            Ok(Some((folder, name, seen))) => {
                if is_mount(&seen) && kind(&seen) != FileType::Directory {
                    self.refuse(path, "is a mount point");
                    return Ok(());
                }
                self.thing(folder, name, path, &seen, device(&seen))
            }
            Ok(None) => {
                let what = What::Absent { above: missing_above(path) };
                self.visitor.entry(Entry { path: path.into(), what })
            }
            Err(why) => {
                self.refuse(path, format!("cannot be read: {why}"));
                Ok(())
            }
        }
    }

    fn thing(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        path: &Path,
        seen: &Statx,
        home: u64,
    ) -> Result<(), LayerError> {
        self.visitor.tick()?;
        if self.is_state(seen) {
            self.refuse(path, STATE);
            return Ok(());
        }
        if let Some(why) = self.not_ours(seen) {
            self.refuse(path, why);
            return Ok(());
        }
        let recorded = match kind(seen) {
            FileType::Directory => self.folder(folder, name, path, seen, home),
            FileType::RegularFile => self.file(folder, name, path, seen),
            FileType::Symlink => self.link(folder, name, path, seen),
            FileType::Fifo => self.pipe(folder, name, path, seen),
            other @ (FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown) => {
                self.refuse(path, format!("is {}", kind_name(other)));
                Ok(())
            }
        };
        match recorded {
            // Not being able to read one thing is a reason to refuse it by name, not to hide the others.
            Err(LayerError::Io { why, path: at, .. }) if at == path => {
                self.refuse(path, format!("cannot be read: {why}"));
                Ok(())
            }
            other => other,
        }
    }

    fn is_state(&self, seen: &Statx) -> bool {
        kind(seen) == FileType::Directory && self.powers.state == Some(identity(seen))
    }

    fn not_ours(&self, seen: &Statx) -> Option<String> {
        let Powers { uid, groups, state: _ } = self.powers;
        if is_locked(seen) {
            Some("is immutable or append-only".to_owned())
        } else if *uid == 0 {
            None
        } else if seen.stx_uid != *uid {
            Some(format!("is owned by user {}, and the runner is user {uid}", seen.stx_uid))
        } else if !groups.contains(&seen.stx_gid) {
            Some(format!("is owned by group {}, and the runner is not in it", seen.stx_gid))
        } else {
            None
        }
    }

    fn attributes(&mut self, path: &Path, bearer: &Bearer<'_>) -> Result<BTreeMap<Raw, Raw>, LayerError> {
        let attributes = bearer.read().map_err(|why| LayerError::io("read", path, why))?;
        let needs_root = |name: &&Raw| self.powers.uid != 0 && name.0.as_slice() == b"security.capability";
        if let Some(name) = attributes.keys().find(needs_root) {
            let why = format!("has the attribute {name}, which only root can put back");
            self.refuse(path, why);
        }
        Ok(attributes)
    }

    fn folder(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        path: &Path,
        seen: &Statx,
        home: u64,
    ) -> Result<(), LayerError> {
        let read = |why| LayerError::io("read", path, why);
        let open = open_quietly(folder, name).map_err(read)?;
        let at = std::os::fd::AsFd::as_fd(&open);
        if self.depth == DEEPEST {
            self.refuse(path, format!("lies more than {DEEPEST} folders below what is named"));
            return Ok(());
        }
        let holds = names(at).map_err(read)?;
        let flags = flags::read(&open).map_err(read)?;
        let meta = Meta { flags, ..Meta::of(seen, self.attributes(path, &Bearer::Open(&open))?) };
        let what = What::Folder {
            meta,
            holds: holds.iter().map(|name| Raw::from(name.as_os_str())).collect(),
            mount: is_mount(seen),
        };
        self.visitor.entry(Entry { path: path.into(), what })?;
        self.depth += 1;
        for name in &holds {
            let below = path.join(name);
            match look(at, name) {
                Ok(Some(seen)) if device(&seen) != home || is_mount(&seen) => {
                    self.refuse(&below, "is a mount point");
                }
                Ok(Some(seen)) => self.thing(at, name, &below, &seen, home)?,
                Ok(None) => self.refuse(&below, "went away while its folder was read"),
                Err(why) => self.refuse(&below, format!("cannot be read: {why}")),
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn file(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        path: &Path,
        seen: &Statx,
    ) -> Result<(), LayerError> {
        if seen.stx_nlink > 1 {
            let key = identity(seen);
            if let Some(names) = self.linked.get_mut(&key) {
                names.found += 1;
                let what = What::SameFile { first: names.first.as_path().into() };
                return self.visitor.entry(Entry { path: path.into(), what });
            }
            self.linked.insert(key, Names { first: path.to_owned(), found: 1, all: seen.stx_nlink });
        }
        let file = open_quietly(folder, name).map_err(|why| LayerError::io("read", path, why))?;
        // Before the bytes are read: where one of them is changed meanwhile, the file is not as it was seen.
        let flags = flags::read(&file).map_err(|why| LayerError::io("read the flags of", path, why))?;
        let meta = Meta { flags, ..Meta::of(seen, self.attributes(path, &Bearer::Open(&file))?) };
        self.visitor.file(Found { path: path.to_owned(), file, seen: *seen, meta })
    }

    fn link(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        path: &Path,
        seen: &Statx,
    ) -> Result<(), LayerError> {
        self.refuse_other_names(path, seen);
        let to = readlinkat(folder, name, Vec::new()).map_err(|why| LayerError::io("read", path, why))?;
        let meta = Meta::of(seen, self.attributes(path, &Bearer::named(folder, name))?);
        let what = What::Link { meta, to: Raw(to.into_bytes()) };
        self.visitor.entry(Entry { path: path.into(), what })
    }

    fn pipe(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        path: &Path,
        seen: &Statx,
    ) -> Result<(), LayerError> {
        self.refuse_other_names(path, seen);
        let meta = Meta::of(seen, self.attributes(path, &Bearer::named(folder, name))?);
        self.visitor.entry(Entry { path: path.into(), what: What::Pipe { meta } })
    }

    fn refuse_other_names(&mut self, path: &Path, seen: &Statx) {
        if seen.stx_nlink > 1 {
            self.refuse(path, format!("has {} names (hard links) and is no file", seen.stx_nlink));
        }
    }
}
