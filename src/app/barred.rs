//! What will keep acts of a plan from being taken, as far as that can be known before anything is changed.

use super::silence::silent;
use crate::model::{Act, Changes, Part, Phase, Step, StepUndo};
use crate::system::accounts::Accounts;
use crate::system::files::FileError;
use crate::system::host::Host;
use crate::system::place::Place;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// The link or the folder that now bars an `install` or `set` act from its place, or that nobody can tell.
#[must_use]
pub fn barred_from(host: &Host, to: &Path, replaces: bool) -> Option<String> {
    if let Some(why) = silent(host, to.parent().unwrap_or(to)) {
        return Some(why);
    }
    match opened(to, replaces) {
        Err(why @ (FileError::Linked { .. } | FileError::NotAFile(_))) => Some(why.to_string()),
        // What is missing now may be made by a step before.
        Ok(()) | Err(_) => None,
    }
}

fn opened(to: &Path, replaces: bool) -> Result<(), FileError> {
    let place = if replaces { Place::open_to_replace(to) } else { Place::open(to) };
    place?.is_no_folder()
}

/// The first folder on the way that is not there, where nothing before could have made it.
fn missing_folder(to: &Path, replaces: bool) -> Option<String> {
    let Err(FileError::Failed { path, source, .. }) = opened(to, replaces) else { return None };
    let gone = source.kind() == io::ErrorKind::NotFound && path != to;
    gone.then(|| format!("{} has no place: there is no folder {}", to.display(), path.display()))
}

/// The owners that an act and its undo name and that this machine does not know.
fn unknown_owners(step: &Step, accounts: &Accounts) -> Vec<String> {
    let undo = if let StepUndo::Act(act) = &step.undo { Some(act) } else { None };
    let unknown = |act: &Act| match act {
        Act::Install { to, owner: Some(owner), .. } => {
            accounts.owner(owner).err().map(|why| format!("the owner of {}: {why}", to.display()))
        }
        Act::Install { owner: None, .. }
        | Act::Set { .. }
        | Act::Run(_)
        | Act::Shell { .. }
        | Act::Ask { .. }
        | Act::Reboot { .. } => None,
    };
    [Some(&step.act), undo].into_iter().flatten().filter_map(unknown).collect()
}

/// What will bar built-in acts of these phases, each with its phase and step: links and folders at their places, folders
/// and owners that are missing. Only what nothing that the plan does before could have changed, in steps that will be
/// taken whatever a condition says.
#[must_use]
pub fn barred<'a>(host: &Host, phases: impl IntoIterator<Item = &'a Phase>) -> Vec<String> {
    let (mut found, mut installed) = (Vec::new(), BTreeSet::new());
    let accounts = Accounts::read();
    for phase in phases {
        for step in [Part::Apply, Part::Commit].into_iter().flat_map(|part| phase.steps(part)) {
            let why = match &step.act {
                Act::Install { to, .. } => {
                    installed.insert(to);
                    barred_from(host, to, true).or_else(|| missing_folder(to, true))
                }
                // An `install` before it puts a file in the place of the link.
                Act::Set { file, .. } if installed.contains(file) => None,
                Act::Set { file, .. } => {
                    barred_from(host, file, false).or_else(|| missing_folder(file, false))
                }
                Act::Run(_) | Act::Shell { .. } | Act::Ask { .. } if step.changes == Changes::Nothing => None,
                // From here on the machine may be another.
                Act::Run(_) | Act::Shell { .. } | Act::Ask { .. } | Act::Reboot { .. } => return found,
            };
            if phase.applies_if.is_none() && step.when.is_none() {
                let all = why.into_iter().chain(unknown_owners(step, &accounts));
                found.extend(all.map(|why| format!("phase `{}`, step `{}`: {why}", phase.id, step.id)));
            }
        }
    }
    found
}

/// The steps of these phases that a person does and that will be reached whatever a condition says, in words.
#[must_use]
pub fn asks_a_person<'a>(phases: impl IntoIterator<Item = &'a Phase>) -> Vec<String> {
    let reached = phases.into_iter().filter(|phase| phase.applies_if.is_none());
    let one = |phase: &'a Phase| {
        let certain = asking_steps(phase).filter(|step| step.when.is_none());
        certain.map(|step| format!("phase `{}`, step `{}` asks a person", phase.id, step.id))
    };
    reached.flat_map(one).collect()
}

/// The steps of a phase that a person does, where it goes forward.
pub(super) fn asking_steps(phase: &Phase) -> impl Iterator<Item = &Step> {
    [Part::Apply, Part::Commit]
        .into_iter()
        .flat_map(|part| phase.steps(part))
        .filter(|step| matches!(step.act, Act::Ask { .. }))
}
