//! Puts the recorded set back, one entry after the other, and reads it back.
//!
//! A file's bytes are written under a temporary name in its folder, read back and hashed, dressed with owner, mode,
//! attributes and times, made durable, and renamed over. A helper process shares the writing and hashing. Making durable
//! happens in batches: a few files are synced each, more of them by one `syncfs`; only then are they renamed,
//! so that a power cut leaves old or recorded bytes, never torn ones.
//! Folders get their times after everything in them is done. At the end `syncfs` covers the names, even where nothing had
//! to be changed: an earlier attempt may have changed it and died before it was durable.

use super::attributes::Bearer;
use super::compare::{Depth, Difference, Looker};
use super::dress::{dress, dress_named};
use super::entry::{Entry, Meta, What};
use super::flags;
use super::folder::{descriptors_left, device, just_made, look, same};
use super::intentions;
use super::remove::{open_up, remove_tree, unlock};
use super::save::Help;
use super::scan::open_quietly;
use super::temporary::{put_in_place, temporary_name, unlink_if_there};
use super::write::{Pending, Wanted, Writer};
use crate::layer::LayerError;
use crate::layer::capsule::Manifest;
use crate::layer::error::chain;
use crate::layer::raw::Raw;
use crate::model::{Item, Restored};
use crate::system::process::Watch;
use rustix::fs::{AtFlags, FileType, Mode, linkat, mkdirat, mknodat, symlinkat, syncfs, unlinkat};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A batch is at most so many files,
const BATCH_FILES: usize = 256;
/// or so many bytes: what a restore needs of free space at a time, besides one file.
const BATCH_BYTES: u64 = 64 << 20;
/// Putting one thing back may disturb another (names of one file); so often it is looked at again.
const ROUNDS: u32 = 3;

/// A folder whose metadata waits for what it holds.
struct Open {
    path: PathBuf,
    meta: Meta,
    /// Which folder it is: what is dressed at the end must be what stood there, or what was made.
    seen: Option<(u64, u64)>,
}

/// One restore.
pub(super) struct Restore<'a> {
    pub(super) originals: PathBuf,
    pub(super) watch: &'a mut dyn Watch,
    pub(super) looker: Looker,
    pub(super) writer: Writer,
    pub(super) help: Help,
    pub(super) pending: Vec<Pending>,
    /// Places among those of the files that the helper writes, in the order in which it was asked.
    pub(super) asked: VecDeque<usize>,
    pub(super) pending_bytes: u64,
    /// So many files wait at most.
    batch: usize,
    /// Files and bytes that were to be written so far.
    pub(super) met: (u64, u64),
    open: Vec<Open>,
    left: Vec<Open>,
    ways: Vec<Open>,
    above: Vec<PathBuf>,
    out_of_reach: Option<PathBuf>,
    devices: BTreeMap<u64, (PathBuf, OwnedFd)>,
    noted: PathBuf,
    visited: u64,
    pub(super) changed: u64,
    failed: Vec<Item>,
}

impl<'a> Restore<'a> {
    pub(super) fn new(capsule: &Path, watch: &'a mut dyn Watch) -> Self {
        Self {
            originals: capsule.join("originals"),
            watch,
            looker: Looker::new(),
            writer: Writer::new(),
            help: Help::NotYet,
            pending: Vec::new(),
            asked: VecDeque::new(),
            pending_bytes: 0,
            // Each is a descriptor, and what is done meanwhile takes some too.
            batch: (descriptors_left() / 3).clamp(1, BATCH_FILES),
            met: (0, 0),
            open: Vec::new(),
            left: Vec::new(),
            ways: Vec::new(),
            above: Vec::new(),
            out_of_reach: None,
            devices: BTreeMap::new(),
            noted: PathBuf::new(),
            visited: 0,
            changed: 0,
            failed: Vec::new(),
        }
    }

    /// Restores and reads back until nothing is different, or nothing more can be done.
    pub(super) fn run(mut self, manifest: &Manifest) -> Result<Restored, LayerError> {
        let mut different = Vec::new();
        for _ in 0..ROUNDS {
            let before = self.changed;
            self.failed.clear();
            self.pass(manifest, u64::MAX)?;
            different = self.still_different(manifest)?;
            if different.is_empty() || self.changed == before {
                break;
            }
        }
        self.sync();
        let mut failed: BTreeMap<String, String> = BTreeMap::new();
        for item in self.failed.into_iter().chain(different) {
            failed.entry(item.name).or_insert(item.why);
        }
        let failed = failed.into_iter().map(|(name, why)| Item { name, why }).collect();
        Ok(Restored { changed: self.changed, failed })
    }

    /// Takes the first `limit` entries once.
    pub(super) fn pass(&mut self, manifest: &Manifest, limit: u64) -> Result<(), LayerError> {
        self.out_of_reach = None;
        let mut taken = 0;
        manifest.each(|entry: Entry| {
            if taken < limit {
                taken += 1;
                self.take(entry);
            }
            Ok(())
        })?;
        if taken < limit {
            self.leave(None);
            self.flush();
            self.clear_above();
            for way in std::mem::take(&mut self.ways).into_iter().rev() {
                self.finish_folder(&way);
            }
        }
        Ok(())
    }

    fn still_different(&mut self, manifest: &Manifest) -> Result<Vec<Item>, LayerError> {
        let mut different = Vec::new();
        self.looker.folders.forget();
        manifest.each(|entry: Entry| {
            self.tick();
            let path = entry.path.path().display().to_string();
            match self.looker.differences(&entry, Depth::Metadata) {
                Ok(found) => different.extend(found.iter().map(|one| match one {
                    Difference::Created(path) => Item::new(path.display().to_string(), one.to_string()),
                    other => Item::new(path.clone(), other.to_string()),
                })),
                Err(why) => different.push(Item::new(path, format!("cannot be read back: {why}"))),
            }
            Ok(())
        })?;
        Ok(different)
    }

    pub(super) fn tick(&mut self) {
        self.visited += 1;
        if self.visited.is_multiple_of(64) {
            self.watch.tick();
        }
    }

    pub(super) fn fail(&mut self, path: &Path, why: &io::Error) {
        self.failed.push(Item::new(path.display().to_string(), why.to_string()));
    }

    fn take(&mut self, entry: Entry) {
        self.tick();
        let path = entry.path.to_path();
        self.leave(Some(&path));
        if self.out_of_reach.as_ref().is_some_and(|above| path.starts_with(above)) {
            return;
        }
        if let Err(why) = self.put_back(&path, entry) {
            self.fail(&path, &why);
        }
        self.note_device(&path);
    }

    /// Folders that do not hold `next` are done once what they hold is in place.
    fn leave(&mut self, next: Option<&Path>) {
        while let Some(open) = self.open.pop_if(|open| !next.is_some_and(|path| path.starts_with(&open.path)))
        {
            self.left.push(open);
        }
        if self.pending.is_empty() {
            self.finish_left();
        } else if self.pending.len() >= self.batch || self.pending_bytes >= BATCH_BYTES {
            self.flush();
        }
    }

    fn put_back(&mut self, path: &Path, entry: Entry) -> io::Result<()> {
        let found = self.looker.differences(&entry, Depth::Bytes)?;
        let before = self.changed;
        let done = intentions(path, &entry.what, &found);
        let back = self.put(path, entry, found);
        if self.changed > before {
            done.iter().for_each(|one| self.watch.changed_back(one));
        }
        back
    }

    fn put(&mut self, path: &Path, entry: Entry, found: Vec<Difference>) -> io::Result<()> {
        match &entry.what {
            What::Way { meta, .. } => self.put_way(path, meta, &found),
            What::Folder { meta, .. } => {
                let meta = meta.clone();
                self.put_folder(path, &entry, meta, found)
            }
            What::File { .. } => self.put_file(path, entry, &found),
            What::SameFile { first } => {
                let first = first.clone();
                self.put_same(path, &entry, &first, &found)
            }
            What::Link { meta, to } => self.put_named(path, meta, Some(to), &found),
            What::Pipe { meta } => self.put_named(path, meta, None, &found),
            What::Absent { above } => {
                self.above.extend(above.iter().map(Raw::to_path));
                self.remove_created(&found);
                Ok(())
            }
            What::Glob { above, folders, .. } => {
                self.above.extend(above.iter().map(Raw::to_path));
                // Made to hold what matches: like those above, they go where nothing else is in them.
                self.above.extend(made_for_matches(path, folders.as_deref(), &found));
                self.remove_created(&found);
                Ok(())
            }
        }
    }

    fn remove_created(&mut self, found: &[Difference]) {
        for one in found {
            if let Difference::Created(path) = one {
                match self.remove(path) {
                    Ok(()) => self.changed += 1,
                    Err(why) => self.fail(path, &why),
                }
            }
        }
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        let (folder, name) = self.looker.folders.parent(path)?;
        let removed = remove_tree(folder, name);
        self.looker.folders.forget();
        removed
    }

    fn put_way(&mut self, path: &Path, meta: &Meta, found: &[Difference]) -> io::Result<()> {
        match found.first() {
            None => Ok(()),
            Some(Difference::Missing) => {
                let made = self.make_folder(path, meta)?;
                self.ways.push(Open { path: path.to_owned(), meta: meta.clone(), seen: Some(made) });
                Ok(())
            }
            Some(other) => {
                self.out_of_reach = Some(path.to_owned());
                Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("{other}; nothing below it was touched"),
                ))
            }
        }
    }

    /// Makes a folder and says which one it is: until it is finished, who may write above it can give its name to another.
    fn make_folder(&mut self, path: &Path, meta: &Meta) -> io::Result<(u64, u64)> {
        let (folder, name) = self.looker.folders.parent(path)?;
        mkdirat(folder, name, Mode::RWXU)?;
        self.changed += 1;
        just_made(&open_quietly(folder, name)?, meta.uid)
    }

    fn put_folder(
        &mut self,
        path: &Path,
        entry: &Entry,
        meta: Meta,
        mut found: Vec<Difference>,
    ) -> io::Result<()> {
        let seen = self.looker.seen;
        let ready = self.ready_folder(path, entry, &meta, &mut found);
        if ready.is_err() {
            self.out_of_reach = Some(path.to_owned());
        }
        let made = ready?;
        self.remove_created(&found);
        self.open.push(Open { path: path.to_owned(), meta, seen: made.or(seen) });
        Ok(())
    }

    /// Which folder was made, where one was.
    fn ready_folder(
        &mut self,
        path: &Path,
        entry: &Entry,
        meta: &Meta,
        found: &mut Vec<Difference>,
    ) -> io::Result<Option<(u64, u64)>> {
        match found.first() {
            Some(Difference::Missing) => {
                // What stood above it may be no folder any more; that was put right, or named, before.
                found.clear();
                return self.make_folder(path, meta).map(Some);
            }
            Some(Difference::Kind { .. }) => {
                self.remove(path)?;
                found.clear();
                return self.make_folder(path, meta).map(Some);
            }
            Some(other @ (Difference::MountPoint | Difference::NotMounted)) => {
                let why = format!("{other}; nothing below it was touched");
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
            }
            Some(_) | None => {}
        }
        if found.iter().any(|one| !matches!(one, Difference::Created(_))) {
            self.changed += 1;
        }
        let (folder, name) = self.looker.folders.parent(path)?;
        let Some(seen) = look(folder, name)? else { return Ok(None) };
        if u32::from(seen.stx_mode) & 0o700 != 0o700 {
            open_up(folder, name)?;
            // Only now it can be said what it holds.
            *found = self.looker.differences(entry, Depth::Metadata)?;
        }
        if found.contains(&Difference::Locked) {
            let (folder, name) = self.looker.folders.parent(path)?;
            unlock(&open_quietly(folder, name)?)?;
        }
        Ok(None)
    }

    fn put_file(&mut self, path: &Path, entry: Entry, found: &[Difference]) -> io::Result<()> {
        let Some(wanted) = Wanted::of(&entry) else { return Ok(()) };
        let seen = self.looker.seen;
        // What has several names may be known by one that is nobody's to change: it gets a file of its own, and the names
        // that were recorded follow.
        let several = matches!(entry.what, What::File { links, .. } if links > 1);
        let rewrite = found.iter().any(|one| match one {
            Difference::Missing | Difference::Kind { .. } | Difference::Content => true,
            // Another name of this file that was not recorded.
            Difference::Names { now, recorded } => now > recorded,
            Difference::Owner { .. }
            | Difference::Mode { .. }
            | Difference::Time { .. }
            | Difference::Attributes
            | Difference::Flags { .. }
            | Difference::Locked => several,
            Difference::Target { .. }
            | Difference::NotSame { .. }
            | Difference::MountPoint
            | Difference::NotMounted
            | Difference::Created(_) => false,
        });
        if rewrite {
            self.write_temporary(path, entry, wanted)?;
        } else if found.iter().any(|one| !matches!(one, Difference::Names { .. })) {
            let (folder, name) = self.looker.folders.parent(path)?;
            let file = open_quietly(folder, name)?;
            same(&file, seen)?;
            if found.contains(&Difference::Locked) {
                unlock(&file)?;
            }
            dress(&file, &wanted.meta)?;
            self.changed += 1;
        }
        Ok(())
    }

    fn put_same(&mut self, path: &Path, entry: &Entry, first: &Raw, found: &[Difference]) -> io::Result<()> {
        if found.is_empty() && self.pending.is_empty() {
            return Ok(());
        }
        // The first name may be waiting for its rename.
        self.flush();
        if self.looker.differences(entry, Depth::Metadata)?.is_empty() {
            return Ok(());
        }
        let from = super::folder::open_folder(first.path().parent().unwrap_or_else(|| Path::new("/")))?;
        let from_name = first.path().file_name().unwrap_or_default();
        let (folder, name) = self.looker.folders.parent(path)?;
        let temporary = temporary_name(name);
        unlink_if_there(folder, &temporary)?;
        linkat(&from, from_name, folder, &temporary, AtFlags::empty())?;
        put_in_place(folder, &temporary, name)?;
        self.looker.folders.forget();
        self.changed += 1;
        Ok(())
    }

    /// A symbolic link where `to` says where it leads, else a pipe.
    fn put_named(
        &mut self,
        path: &Path,
        meta: &Meta,
        to: Option<&Raw>,
        found: &[Difference],
    ) -> io::Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let kind = if to.is_some() { FileType::Symlink } else { FileType::Fifo };
        let replace = found.iter().any(|one| {
            matches!(one, Difference::Missing | Difference::Kind { .. } | Difference::Target { .. })
        });
        let (folder, name) = self.looker.folders.parent(path)?;
        // Neither is recorded with a second name.
        let several = look(folder, name)?.is_some_and(|seen| seen.stx_nlink > 1);
        if replace || several {
            let temporary = temporary_name(name);
            unlink_if_there(folder, &temporary)?;
            match to {
                Some(to) => symlinkat(to.os(), folder, &temporary)?,
                None => mknodat(folder, &temporary, FileType::Fifo, Mode::RUSR, 0)?,
            }
            dress_named(folder, &temporary, meta, kind)?;
            put_in_place(folder, &temporary, name)?;
            self.looker.folders.forget();
        } else {
            dress_named(folder, name, meta, kind)?;
        }
        self.changed += 1;
        Ok(())
    }

    /// Makes waiting bytes durable, then puts them in place; then finishes the folders.
    fn flush(&mut self) {
        self.place_pending();
        self.finish_left();
    }

    fn finish_left(&mut self) {
        for open in std::mem::take(&mut self.left) {
            self.finish_folder(&open);
        }
    }

    fn finish_folder(&mut self, open: &Open) {
        let finished = self.looker.folders.parent(&open.path).and_then(|(folder, name)| {
            let file = open_quietly(folder, name)?;
            same(&file, open.seen)?;
            let seen = look(file.as_fd(), OsStr::new("."))?;
            let attributes = Bearer::Open(&file).read()?;
            let same = seen.is_some_and(|seen| {
                let now = Meta::of(&seen, attributes);
                Meta { atime: open.meta.atime, flags: open.meta.flags, ..now } == open.meta
            });
            if same && (open.meta.flags.is_none() || flags::read(&file)? == open.meta.flags) {
                Ok(())
            } else {
                dress(&file, &open.meta)
            }
        });
        if let Err(why) = finished {
            self.fail(&open.path, &why);
        }
    }

    /// Folders that were not there: removed where they are empty. What others put into them is not ours.
    fn clear_above(&mut self) {
        let mut above = std::mem::take(&mut self.above);
        above.sort_unstable();
        above.dedup();
        for path in above.iter().rev() {
            let parent = self.looker.folders.parent(path);
            let removed = parent.and_then(|(folder, name)| Ok(unlinkat(folder, name, AtFlags::REMOVEDIR)?));
            if removed.is_ok() {
                self.changed += 1;
                self.watch.changed_back(&format!("remove {}: it was not there", path.display()));
                self.looker.folders.forget();
            }
        }
    }

    fn note_device(&mut self, path: &Path) {
        let parent = path.parent().unwrap_or(path);
        if self.noted == parent {
            return;
        }
        self.noted = parent.to_owned();
        // What cannot be opened was not changed, or failed by name.
        if let Ok(folder) = self.looker.folders.folder(parent)
            && let Ok(Some(seen)) = look(folder, OsStr::new("."))
            && let std::collections::btree_map::Entry::Vacant(vacant) = self.devices.entry(device(&seen))
            && let Ok(owned) = folder.try_clone_to_owned()
        {
            vacant.insert((parent.to_owned(), owned));
        }
    }

    fn sync(&mut self) {
        for (path, folder) in std::mem::take(&mut self.devices).into_values() {
            if let Err(why) = syncfs(&folder) {
                self.failed.push(Item::new(
                    format!("the file system of {}", path.display()),
                    format!("cannot be made durable: {}", chain(&io::Error::from(why))),
                ));
            }
        }
    }
}

/// The folders between a glob's own and what is there now and matches, that were not there when it was recorded. One that
/// holds nothing of it is somebody else's.
pub(super) fn made_for_matches(
    base: &Path,
    known: Option<&[Raw]>,
    found: &[Difference],
) -> BTreeSet<PathBuf> {
    let Some(known) = known else { return BTreeSet::new() };
    let known: BTreeSet<&Path> = known.iter().map(Raw::path).collect();
    let created = found.iter().filter_map(|one| match one {
        Difference::Created(path) => Some(path),
        _ => None,
    });
    let between = created.flat_map(|path| path.ancestors().skip(1).take_while(|above| *above != base));
    let below = between.filter(|above| above.starts_with(base) && !known.contains(above));
    below.map(Path::to_owned).collect()
}
