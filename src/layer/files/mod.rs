//! Files: bytes, kind, owner, mode, times, attributes, links and absence, recorded and put back exactly.

mod attributes;
mod batch;
mod by_hand;
mod compare;
mod dress;
mod entry;
mod flags;
mod folder;
mod keep;
mod pattern;
mod remove;
mod restore;
mod save;
mod scan;
mod targets;
mod temporary;
mod write;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;

pub(super) use by_hand::quoted;
pub(super) use folder::open_folder;

use super::capsule::{Manifest, ManifestWriter};
use super::{Layer, LayerCx, LayerError, Needs, failed};
use crate::model::{Change, Changed, Item, LayerKind, LayerRecord, LayerSpec, Restored, counted};
use compare::{Depth, Difference, Looker};
use entry::{Entry, What};
use folder::{identity, look};
use scan::{Found, Powers, Scan, Visitor};
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use targets::Targets;

/// A set of files. A path that names a folder stands for the whole tree, with or without a final `/`.
pub(super) struct Files {
    paths: Vec<String>,
}

/// Asks only: saves nothing.
struct Ask<'w> {
    watch: &'w mut dyn crate::system::process::Watch,
    visited: u64,
}

impl Visitor for Ask<'_> {
    fn file(&mut self, _: Found) -> Result<(), LayerError> {
        Ok(())
    }

    fn entry(&mut self, _: Entry) -> Result<(), LayerError> {
        Ok(())
    }

    fn tick(&mut self) -> Result<(), LayerError> {
        self.visited += 1;
        if self.visited.is_multiple_of(64) {
            self.watch.tick();
            if self.watch.interrupted() {
                return Err(LayerError::Interrupted);
            }
        }
        Ok(())
    }
}

impl Files {
    pub(super) fn new(paths: &[String]) -> Self {
        Self { paths: paths.to_vec() }
    }
}

fn powers(cx: &LayerCx<'_>) -> Powers {
    // Where it is not there yet, nothing can hold it.
    let state = File::open(cx.state()).and_then(|folder| look(folder.as_fd(), OsStr::new(".")));
    let state = state.ok().flatten().map(|seen| identity(&seen));
    let mut groups = vec![nix::unistd::getegid().as_raw()];
    // Where the groups cannot be read, the effective one is what is left; too few groups refuse, too many would fail.
    groups.extend(nix::unistd::getgroups().unwrap_or_default().into_iter().map(nix::unistd::Gid::as_raw));
    Powers { uid: cx.host.euid, groups, state }
}

impl Layer for Files {
    fn refusals(&self, cx: &mut LayerCx<'_>) -> Vec<Item> {
        let powers = powers(cx);
        let mut ask = Ask { watch: &mut *cx.watch, visited: 0 };
        match Scan::run(&Targets::of(&self.paths, powers.uid), &powers, &mut ask) {
            Ok(refused) => few(refused),
            Err(why) => vec![Item::new("files", super::error::chain(&why))],
        }
    }

    fn record(&self, cx: &mut LayerCx<'_>, place: usize) -> Result<LayerRecord, LayerError> {
        let spec = LayerSpec::Files { paths: self.paths.clone() };
        let manifest = ManifestWriter::create(cx.capsule, place, &spec)?;
        let powers = powers(cx);
        let mut save = save::Save::new(cx.capsule, manifest, &mut *cx.watch)?;
        let refused = Scan::run(&Targets::of(&self.paths, powers.uid), &powers, &mut save)?;
        if !refused.is_empty() {
            return Err(LayerError::CannotSave(refused));
        }
        let (manifest, saved) = save.finish()?;
        let target = [(saved.files, "file"), (saved.bytes, "byte"), (saved.entries, "entry")];
        manifest.finish(target.map(|(number, noun)| counted(number, noun)).join(", "))
    }

    fn keep(&self, _: &mut LayerCx<'_>, _: &LayerRecord) -> Result<(), LayerError> {
        Ok(())
    }

    fn preview(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<String>, LayerError> {
        let manifest = Manifest::open(cx.capsule, record)?;
        let mut looker = Looker::new();
        let mut lines = Vec::new();
        manifest.each(|entry: Entry| {
            let path = entry.path.path();
            match looker.differences(&entry, Depth::Bytes) {
                Ok(found) => lines.extend(intentions(path, &entry.what, &found)),
                Err(why) => lines.push(format!("{}: cannot be read: {why}", path.display())),
            }
            Ok(())
        })?;
        Ok(lines)
    }

    fn changes(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<Change>, LayerError> {
        let manifest = Manifest::open(cx.capsule, record)?;
        let mut looker = Looker::new();
        let mut found = Vec::new();
        manifest.each(|entry: Entry| {
            match looker.differences(&entry, Depth::Bytes) {
                Ok(differences) => found.extend(changes_of(entry.path.path(), &differences)),
                Err(why) => {
                    let how = vec![format!("cannot be read: {why}")];
                    found.push(change(entry.path.path(), Changed::Unknown, how));
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn restore(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Restored {
        let restored = Manifest::open(cx.capsule, record)
            .and_then(|manifest| restore::Restore::new(cx.capsule, &mut *cx.watch).run(&manifest));
        restored.unwrap_or_else(|why| failed("files", &why))
    }

    fn needs(&self, capsule: &Path, record: &LayerRecord) -> Result<Needs, LayerError> {
        let mut needs = Needs::default();
        Manifest::open(capsule, record)?.each(|entry: Entry| {
            if let What::File { size, sha256, .. } = &entry.what {
                needs.bytes = needs.bytes.saturating_add(*size);
                needs.largest = needs.largest.max(*size);
                match capsule.join("originals").join(&sha256.0).symlink_metadata() {
                    Ok(seen) if seen.is_file() && seen.len() == *size => needs.saved.push(sha256.clone()),
                    Ok(seen) => needs.missing.push(Item::new(
                        format!("originals/{sha256}"),
                        format!("has {} bytes, recorded {size}, of {}", seen.len(), entry.path),
                    )),
                    Err(why) => {
                        let why = format!("the saved bytes of {}: {why}", entry.path);
                        needs.missing.push(Item::new(format!("originals/{sha256}"), why));
                    }
                }
            }
            Ok(())
        })?;
        Ok(needs)
    }

    fn by_hand(&self, capsule: &Path, record: &LayerRecord) -> Result<Vec<String>, LayerError> {
        by_hand::lines(capsule, &Manifest::open(capsule, record)?)
    }
}

/// So many things that cannot be saved are named.
const NAMED: usize = 5;

/// The first few by name, and how many more there are.
fn few(mut refused: Vec<Item>) -> Vec<Item> {
    let more = refused.len().saturating_sub(NAMED);
    if more > 1 {
        refused.truncate(NAMED);
        refused.push(Item::new(format!("and {more} more"), "they are not named here"));
    }
    refused
}

fn change(path: &Path, change: Changed, how: Vec<String>) -> Change {
    let name = path.display().to_string();
    Change { layer: LayerKind::Files, change, name, from: None, to: None, how }
}

/// The differences of one entry: what was created stands for itself, the rest is one change.
fn changes_of(path: &Path, differences: &[Difference]) -> Vec<Change> {
    let mut found = Vec::new();
    let mut how = Vec::new();
    for difference in differences {
        match difference {
            Difference::Created(created) => found.push(change(created, Changed::Created, Vec::new())),
            Difference::Missing => found.push(change(path, Changed::Removed, Vec::new())),
            Difference::Kind { .. }
            | Difference::Content
            | Difference::Target { .. }
            | Difference::Owner { .. }
            | Difference::Mode { .. }
            | Difference::Time { .. }
            | Difference::Attributes
            | Difference::Flags { .. }
            | Difference::Locked
            | Difference::Names { .. }
            | Difference::NotSame { .. }
            | Difference::MountPoint
            | Difference::NotMounted => how.push(difference.to_string()),
        }
    }
    if !how.is_empty() {
        found.push(change(path, Changed::Changed, how));
    }
    found
}

/// What a restore does about differences, in words. Where more than its time is different, the time goes without saying.
fn intentions(path: &Path, what: &What, found: &[Difference]) -> Vec<String> {
    let alone = found.iter().all(|one| matches!(one, Difference::Time { .. }));
    let told = found.iter().filter(|one| alone || !matches!(one, Difference::Time { .. }));
    let mut told: Vec<String> = told.filter_map(|one| intention(path, what, one)).collect();
    if let What::Glob { folders, .. } = what {
        let made = restore::made_for_matches(path, folders.as_deref(), found);
        let words = |folder: &PathBuf| format!("remove {} where nothing else is in it", folder.display());
        told.extend(made.iter().rev().map(words));
    }
    told
}

/// What a restore does about a difference, in words.
fn intention(path: &Path, what: &What, difference: &Difference) -> Option<String> {
    let path = path.display();
    match difference {
        Difference::Created(created) => Some(format!("remove {}: it {difference}", created.display())),
        Difference::Missing => Some(format!("put back {path}: it {difference}")),
        // A link count that is too low is put right by the other names.
        Difference::Names { now, recorded } if now < recorded => None,
        Difference::Kind { .. } if matches!(what, What::Way { .. }) => {
            Some(format!("leave alone what is below {path}: it {difference}"))
        }
        Difference::MountPoint | Difference::NotMounted => {
            Some(format!("leave alone what is below {path}: it {difference}"))
        }
        Difference::Kind { .. }
        | Difference::Content
        | Difference::Target { .. }
        | Difference::Owner { .. }
        | Difference::Mode { .. }
        | Difference::Time { .. }
        | Difference::Attributes
        | Difference::Flags { .. }
        | Difference::Locked
        | Difference::Names { .. }
        | Difference::NotSame { .. } => Some(format!("restore {path}: it {difference}")),
    }
}
