//! RECORD AND RESTORE: the parts of a machine that can be saved and brought back, behind one small trait.
//!
//! A layer is recorded in absolute terms (bytes, store paths) before a phase acts, and read back after it was
//! restored. Everything that a restore needs lies in the capsule: the manifest repeats the layer's settings, so
//! that [`recorded_layer`] needs no plan.

mod capsule;
mod child;
mod command;
mod error;
mod files;
mod profile;
mod raw;
#[cfg(test)]
mod testbed;

pub use error::LayerError;

use crate::model::{Change, Digest, Item, LayerRecord, LayerSpec, Restored};
use crate::system::host::Host;
use crate::system::process::Watch;
use std::path::Path;

/// What a layer is given to work with.
pub struct LayerCx<'a> {
    /// The machine and its users.
    pub host: &'a Host,
    /// The generation's folder: `generations/0007`; the state folder itself, where only questions are asked.
    pub capsule: &'a Path,
    /// Told of what happens; asked whether to stop.
    pub watch: &'a mut dyn Watch,
}

impl LayerCx<'_> {
    /// The state folder.
    fn state(&self) -> &Path {
        let generations = self.capsule.parent().filter(|above| above.ends_with("generations"));
        generations.and_then(Path::parent).unwrap_or(self.capsule)
    }
}

/// One part of the machine that can be recorded and restored.
pub trait Layer {
    /// What cannot be saved, by name; asked before the phase starts.
    fn refusals(&self, cx: &mut LayerCx<'_>) -> Vec<Item>;

    /// Records into the capsule: a manifest below `layers/`, saved bytes in `originals/`, pins in `roots/`. All of it
    /// is durable when this returns. `place` is the layer's place in its phase.
    ///
    /// # Errors
    /// [`LayerError`] where something cannot be recorded; nothing outside the capsule was changed.
    fn record(&self, cx: &mut LayerCx<'_>, place: usize) -> Result<LayerRecord, LayerError>;

    /// Makes what is active now permanent (boot default). Nothing to do for files, profiles and commands.
    ///
    /// # Errors
    /// [`LayerError`] where it could not be made permanent, or does not read back so.
    fn keep(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<(), LayerError>;

    /// After a reboot that the phase asked for: what booted instead of what was to boot. Layers that nothing boots from
    /// have nothing to say.
    ///
    /// # Errors
    /// [`LayerError`] where that cannot be told.
    fn booted_otherwise(&self, _: &mut LayerCx<'_>, _: &LayerRecord) -> Result<Option<Item>, LayerError> {
        Ok(None)
    }

    /// What a restore would do now, a line each, in words; empty where all is as recorded. Changes nothing.
    ///
    /// # Errors
    /// [`LayerError`] where the record cannot be read.
    fn preview(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<String>, LayerError>;

    /// What is not as recorded now, by name, for looking. Changes nothing and runs no program of the plan.
    ///
    /// # Errors
    /// [`LayerError`] where the record cannot be read.
    fn changes(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<Change>, LayerError>;

    /// Restores exactly, then reads back; what is still different is named. Goes on after a failed item. Where
    /// all is as recorded already, it changes nothing. Durable when it returns.
    fn restore(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Restored;

    /// What going back takes of what the capsule, or a store beside it, holds: what of that is not there is named. Reads the
    /// record alone.
    ///
    /// # Errors
    /// [`LayerError`] where the record cannot be read.
    fn needs(&self, capsule: &Path, record: &LayerRecord) -> Result<Needs, LayerError>;

    /// What to type to go back by hand, a shell line each.
    ///
    /// # Errors
    /// [`LayerError`] where the record cannot be read.
    fn by_hand(&self, capsule: &Path, record: &LayerRecord) -> Result<Vec<String>, LayerError>;
}

/// What going back takes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Saved bytes, by their hash.
    pub saved: Vec<Digest>,
    /// All of them together, in bytes.
    pub bytes: u64,
    /// The largest file: so much room it takes at the least while it is put back.
    pub largest: u64,
    /// What is not there, by name.
    pub missing: Vec<Item>,
}

/// The layer that a plan states.
#[must_use]
pub fn layer_for(spec: &LayerSpec) -> Box<dyn Layer> {
    match spec {
        LayerSpec::Files { paths } => Box::new(files::Files::new(paths)),
        LayerSpec::Command { name, record, restore, verify } => {
            Box::new(command::Command::new(name, record, restore, verify.as_ref()))
        }
        LayerSpec::NixProfile { path, activate } => {
            Box::new(profile::NixProfile::new(path, activate.as_deref()))
        }
        LayerSpec::Nixos { profile, running } => Box::new(profile::Nixos::new(profile, running)),
        LayerSpec::HomeManager { user, profile } => {
            Box::new(profile::HomeManager::new(user.as_deref(), profile.as_deref()))
        }
    }
}

/// The layer that a capsule holds: the way home needs no plan.
///
/// # Errors
/// [`LayerError`] where the manifest is missing, damaged or not the recorded one.
pub fn recorded_layer(capsule: &Path, record: &LayerRecord) -> Result<Box<dyn Layer>, LayerError> {
    Ok(layer_for(&capsule::recorded_spec(capsule, record)?))
}

/// An outcome in which nothing was changed and this one thing failed.
fn failed(name: impl Into<String>, why: &LayerError) -> Restored {
    Restored { changed: 0, failed: vec![Item::new(name, error::chain(why))] }
}
