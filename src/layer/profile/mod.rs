//! Nix profiles, and the two kinds of them that carry their own activation: NixOS systems and home-manager homes.
//!
//! An activation is always run on the way back, even where the profile reads as recorded: a phase may have been killed
//! in the middle of activating something else, and no link tells. Activations are repeatable; what counts as changed is what
//! read differently before.

mod home_manager;
mod link;
mod nixos;
mod pin;

#[cfg(test)]
mod tests;

pub(super) use home_manager::HomeManager;
pub(super) use nixos::Nixos;

use super::capsule::{Manifest, ManifestWriter};
use super::child::{self, Interrupts, call, find};
use super::error::chain;
use super::{Layer, LayerCx, LayerError, Needs, failed};
use crate::model::{Change, CommandLine, Item, LayerRecord, LayerSpec, Restored, RunAs};
use crate::system::host::Host;
use pin::Pinned;
use std::path::{Path, PathBuf};

/// Any Nix profile, with an optional activation.
pub(super) struct NixProfile {
    path: PathBuf,
    activate: Option<Vec<String>>,
}

impl NixProfile {
    pub(super) fn new(path: &Path, activate: Option<&[String]>) -> Self {
        Self { path: path.to_owned(), activate: activate.map(<[String]>::to_vec) }
    }

    /// The activation of a store path; `${profile}` stands for it inside single arguments.
    fn activation(&self, store: &Path) -> Option<CommandLine> {
        let store = store.display().to_string();
        let argv = self.activate.as_ref()?.iter().map(|word| word.replace("${profile}", &store));
        Some(CommandLine::new(argv))
    }

    fn put_back(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Restored, LayerError> {
        let pinned: Pinned = Manifest::open(cx.capsule, record)?.only()?;
        let mut outcome = Restored { changed: 0, failed: Vec::new() };
        set_back(cx, &pinned, RunAs::Runner, &mut outcome);
        if let Some(activation) = pinned.store().and_then(|store| self.activation(store)) {
            // What an activation does cannot be read back here: its word is all there is.
            activate(cx, &activation, RunAs::Runner, &mut outcome);
        }
        if outcome.failed.is_empty()
            && let Some(now) = pinned.difference()?
        {
            outcome.failed.push(Item::new(pinned.profile.to_string(), format!("{now}, after activation")));
        }
        Ok(outcome)
    }
}

impl Layer for NixProfile {
    fn refusals(&self, cx: &mut LayerCx<'_>) -> Vec<Item> {
        let mut refused = nix_refusals(cx.host, &self.path);
        match link::read(&self.path) {
            Ok(Some(_)) => {}
            Ok(None) => refused.extend(no_place(&self.path)),
            Err(why) => refused.push(refusal(&self.path, &why)),
        }
        // A program inside the profile cannot be looked for yet.
        let program = self.activate.iter().flatten().next().filter(|word| !word.contains("${profile}"));
        refused
            .extend(program.and_then(|word| find(cx.host, word).err()).map(|why| refusal(&self.path, &why)));
        refused
    }

    fn record(&self, cx: &mut LayerCx<'_>, place: usize) -> Result<LayerRecord, LayerError> {
        let pinned = Pinned::record(cx, &self.path, &format!("{place:02}-profile"))?;
        let spec = LayerSpec::NixProfile { path: self.path.clone(), activate: self.activate.clone() };
        let mut manifest = ManifestWriter::create(cx.capsule, place, &spec)?;
        manifest.line(&pinned)?;
        let about = [pinned.others_told(), pinned.set.is_none().then(|| beside(&self.path)).flatten()];
        let told: Vec<String> = [Some(pinned.told())].into_iter().chain(about).flatten().collect();
        manifest.finish(told.join("; "))
    }

    fn keep(&self, _: &mut LayerCx<'_>, _: &LayerRecord) -> Result<(), LayerError> {
        Ok(())
    }

    fn preview(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<String>, LayerError> {
        let pinned: Pinned = Manifest::open(cx.capsule, record)?.only()?;
        let mut lines: Vec<String> = intention(&pinned)?.into_iter().collect();
        if !lines.is_empty()
            && let Some(activation) = pinned.store().and_then(|store| self.activation(store))
        {
            lines.push(format!("run {}", child::words(&activation.argv)));
        }
        Ok(lines)
    }

    fn changes(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<Change>, LayerError> {
        let pinned: Pinned = Manifest::open(cx.capsule, record)?.only()?;
        Ok(pinned.change(record.kind)?.into_iter().collect())
    }

    fn restore(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Restored {
        self.put_back(cx, record).unwrap_or_else(|why| failed(self.path.display().to_string(), &why))
    }

    fn needs(&self, capsule: &Path, record: &LayerRecord) -> Result<Needs, LayerError> {
        let pinned: Pinned = Manifest::open(capsule, record)?.only()?;
        Ok(Needs { missing: pinned.missing().into_iter().collect(), ..Needs::default() })
    }

    fn by_hand(&self, capsule: &Path, record: &LayerRecord) -> Result<Vec<String>, LayerError> {
        let pinned: Pinned = Manifest::open(capsule, record)?.only()?;
        let mut lines = pinned.by_hand();
        let activation = pinned.store().and_then(|store| self.activation(store));
        lines.extend(activation.map(|activation| child::words(&activation.argv)));
        Ok(lines)
    }
}

fn refusal(path: &Path, why: &LayerError) -> Item {
    Item::new(path.display().to_string(), chain(why))
}

/// A profile that is not there yet is made by a phase, in a folder that is there; a path without its folder is a slip of
/// the pen, and "absent" would be recorded in its name.
fn no_place(path: &Path) -> Option<Item> {
    let folder = path.parent().filter(|folder| !folder.is_dir())?;
    let why = format!("there is no such profile, and no folder {} to make it in", folder.display());
    Some(Item::new(path.display().to_string(), why))
}

/// The profiles that there are where one is not: whoever meant one of them sees it.
fn beside(path: &Path) -> Option<String> {
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let is_profile = |path: &PathBuf| matches!(link::read(path), Ok(Some(set)) if set.generation.is_some());
    let profiles = entries.filter_map(|entry| Some(entry.ok()?.path())).take(BESIDE).filter(is_profile);
    let mut names: Vec<String> =
        profiles.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    names.sort_unstable();
    (!names.is_empty()).then(|| format!("beside it are {}", names.join(", ")))
}

/// So many names of a folder are looked at.
const BESIDE: usize = 64;

/// Without Nix nothing can be pinned.
fn nix_refusals(host: &Host, path: &Path) -> Vec<Item> {
    find(host, "nix-store").err().map(|why| refusal(path, &why)).into_iter().collect()
}

/// Sets a profile back; a failure becomes an item.
fn set_back(cx: &mut LayerCx<'_>, pinned: &Pinned, who: RunAs, outcome: &mut Restored) {
    let set = match intention(pinned) {
        Ok(None) => return,
        Ok(Some(what)) => pinned.set(cx, who).map(|()| what),
        Err(why) => Err(why),
    };
    match set {
        Ok(what) => {
            outcome.changed += 1;
            cx.watch.changed_back(&what);
        }
        Err(why) => outcome.failed.push(Item::new(pinned.profile.to_string(), chain(&why))),
    }
}

/// Runs an activation; a bad ending becomes an item.
fn activate(cx: &mut LayerCx<'_>, activation: &CommandLine, who: RunAs, outcome: &mut Restored) {
    if let Err(why) = call(cx, activation, who, Interrupts::Ignore) {
        let name = activation.argv.first().cloned().unwrap_or_default();
        outcome.failed.push(Item::new(name, chain(&why)));
    }
}

/// What a restore would do about a profile, in words.
fn intention(pinned: &Pinned) -> Result<Option<String>, LayerError> {
    let difference = pinned.difference()?;
    Ok(difference.map(|now| match pinned.store() {
        Some(_) => format!("set {} to {}: it {now}", pinned.profile, pinned.told()),
        None => format!("remove {}: it {now}, and was not there", pinned.profile),
    }))
}
