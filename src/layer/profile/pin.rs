//! One profile: recorded by absolute store path, pinned, set back to exactly that path.

use super::link::{self, Set};
use crate::layer::child::{Interrupts, call, find};
use crate::layer::files::quoted;
use crate::layer::raw::Raw;
use crate::layer::{LayerCx, LayerError, capsule};
use crate::model::{Change, Changed, CommandLine, Item, LayerKind, RunAs};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a profile was set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pinned {
    /// The link that is switched.
    pub(super) profile: Raw,
    /// What it was set to; nothing where there was no such profile.
    pub(super) set: Option<Recorded>,
    /// The generation links that were there.
    generations: Vec<u64>,
}

/// A recorded setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recorded {
    /// The absolute store path.
    pub(super) store: Raw,
    /// The number of its generation link.
    pub(super) generation: Option<u64>,
}

impl Pinned {
    /// Reads a profile and pins its store path.
    pub(super) fn record(cx: &mut LayerCx<'_>, profile: &Path, root: &str) -> Result<Self, LayerError> {
        let Some(Set { profile, store, generation }) = link::read(profile)? else {
            let generations = link::generations(profile)?;
            return Ok(Self { profile: profile.into(), set: None, generations });
        };
        pin(cx, &store, root)?;
        let generations = link::generations(&profile)?;
        let set = Some(Recorded { store: store.as_path().into(), generation });
        Ok(Self { profile: profile.as_path().into(), set, generations })
    }

    /// The store path that was recorded.
    pub(super) fn store(&self) -> Option<&Path> {
        self.set.as_ref().map(|set| set.store.path())
    }

    /// The store path that it was set to, where that is gone.
    pub(super) fn missing(&self) -> Option<Item> {
        let store = self.store().filter(|store| store.symlink_metadata().is_err())?;
        Some(Item::new(store.display().to_string(), format!("is gone, and {} was set to it", self.profile)))
    }

    /// The recorded state in one line.
    pub(super) fn told(&self) -> String {
        match &self.set {
            Some(Recorded { store, generation: Some(number) }) => format!("{store} (generation {number})"),
            Some(Recorded { store, generation: None }) => store.to_string(),
            None => format!("no profile {}", self.profile),
        }
    }

    /// How it differs from what was recorded, for looking.
    pub(super) fn change(&self, layer: LayerKind) -> Result<Option<Change>, LayerError> {
        let now = match link::read(self.profile.path()) {
            Err(LayerError::Missing { .. }) => None,
            read => read?.map(|set| set.store),
        };
        let change = match (&now, self.store()) {
            (Some(now), Some(recorded)) if now == recorded => return Ok(None),
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => Changed::Changed,
            (Some(_), None) => Changed::Created,
            (None, Some(_)) => Changed::Removed,
        };
        Ok(Some(Change {
            layer,
            change,
            name: self.profile.to_string(),
            from: self.store().map(|store| store.display().to_string()),
            to: now.map(|store| store.display().to_string()),
            how: Vec::new(),
        }))
    }

    /// What it is set to now, in words, where that is not what was recorded.
    pub(super) fn difference(&self) -> Result<Option<String>, LayerError> {
        // A link that leads nowhere is a difference like any other.
        let now = match link::read(self.profile.path()) {
            Err(LayerError::Missing { why, .. }) => return Ok(Some(why)),
            read => read?,
        };
        Ok(match (&now, self.store()) {
            (Some(now), Some(recorded)) if now.store == recorded => None,
            (Some(now), _) => Some(format!("is set to {}", now.store.display())),
            (None, Some(_)) => Some("is not there".to_owned()),
            (None, None) => None,
        })
    }

    /// Sets the profile to exactly the recorded store path, or removes it where there was none; reads it back.
    pub(super) fn set(&self, cx: &mut LayerCx<'_>, who: RunAs) -> Result<(), LayerError> {
        match &self.set {
            Some(recorded) => self.set_to(cx, recorded, who)?,
            None => self.clear()?,
        }
        match self.difference()? {
            None => Ok(()),
            Some(now) => Err(LayerError::NotSo { name: self.profile.to_string(), now, wanted: self.told() }),
        }
    }

    fn set_to(&self, cx: &mut LayerCx<'_>, recorded: &Recorded, who: RunAs) -> Result<(), LayerError> {
        let (profile, store) = (self.profile.path(), recorded.store.path());
        if store.symlink_metadata().is_err() {
            return Err(LayerError::Missing { name: recorded.store.to_string(), why: "is gone".to_owned() });
        }
        let Some(number) = recorded.generation else { return link::switch(profile, store) };
        let generation = link::generation_link(profile, number);
        let intact = fs::read_link(&generation).is_ok_and(|to| to == store);
        let free = generation.symlink_metadata().is_err();
        let told = if intact {
            nix_env(cx, profile, &["--switch-generation", &number.to_string()], who)
        } else {
            nix_env(cx, profile, &["--set", &recorded.store.to_string()], who)
        };
        if told.is_ok() && self.difference()?.is_none() {
            return Ok(());
        }
        // Without a working Nix: what it would have done.
        if free {
            link::switch(&generation, store)?;
        }
        match generation.file_name() {
            Some(name) if free || intact => link::switch(profile, Path::new(name)),
            Some(_) | None => link::switch(profile, store),
        }
    }

    /// Removes the profile link and the generation links that were not there.
    fn clear(&self) -> Result<(), LayerError> {
        let profile = self.profile.path();
        let mut gone: Vec<PathBuf> = link::generations(profile)?
            .into_iter()
            .filter(|number| !self.generations.contains(number))
            .map(|number| link::generation_link(profile, number))
            .collect();
        gone.push(profile.to_owned());
        for link in gone {
            match link.symlink_metadata() {
                Ok(seen) if seen.is_symlink() => {
                    fs::remove_file(&link).map_err(|why| LayerError::io("remove", &link, why))?;
                }
                Ok(_) => {
                    let why = "is no symbolic link".to_owned();
                    return Err(LayerError::Missing { name: link.display().to_string(), why });
                }
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                Err(why) => return Err(LayerError::io("read", &link, why)),
            }
        }
        match profile.parent() {
            Some(folder) if folder.exists() => capsule::sync_folder(folder),
            Some(_) | None => Ok(()),
        }
    }

    /// What to type by hand to set it.
    pub(super) fn by_hand(&self) -> Vec<String> {
        let profile = quoted(&self.profile);
        match &self.set {
            None => vec![format!("rm -f -- {profile}")],
            Some(Recorded { store, generation: None }) => {
                vec![format!("ln -s -f -n -- {} {profile}", quoted(store))]
            }
            Some(Recorded { store, generation: Some(number) }) => {
                let generation = link::generation_link(self.profile.path(), *number);
                let name = generation.file_name().map(Raw::from).unwrap_or_default();
                vec![
                    format!("ln -s -f -n -- {} {}", quoted(store), quoted(&Raw::from(generation.as_path()))),
                    format!("ln -s -f -n -- {} {profile}", quoted(&name)),
                ]
            }
        }
    }
}

/// Asks Nix to switch a profile.
pub(super) fn nix_env(
    cx: &mut LayerCx<'_>,
    profile: &Path,
    words: &[&str],
    who: RunAs,
) -> Result<(), LayerError> {
    let program = find(cx.host, "nix-env")?;
    let mut argv = vec![program.display().to_string(), "--profile".to_owned(), profile.display().to_string()];
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    call(cx, &CommandLine::new(argv), who, Interrupts::Ignore).map(|_| ())
}

/// Registers a link in the capsule as a root of Nix's garbage collector.
pub(super) fn pin(cx: &mut LayerCx<'_>, store: &Path, name: &str) -> Result<(), LayerError> {
    let program = find(cx.host, "nix-store")?;
    let roots = capsule::folder(cx.capsule, "roots")?;
    let roots = roots.canonicalize().map_err(|why| LayerError::io("read", &roots, why))?;
    let root = roots.join(name);
    let (program, root_name, store_name) =
        (program.display().to_string(), root.display().to_string(), store.display().to_string());
    // The path is here already; where it is not, a network must not be asked for it.
    let options = ["--option", "substitute", "false", "--add-root", &root_name, "--indirect", "--realise"];
    let argv = [program.as_str()].into_iter().chain(options).chain([store_name.as_str()]);
    call(cx, &CommandLine::new(argv), RunAs::Runner, Interrupts::Heed)?;
    match fs::read_link(&root) {
        Ok(to) if to == store => {}
        Ok(to) => {
            let (now, wanted) = (to.display().to_string(), store.display().to_string());
            return Err(LayerError::NotSo { name: root.display().to_string(), now, wanted });
        }
        Err(why) => return Err(LayerError::io("read", &root, why)),
    }
    capsule::sync_folder(&roots)?;
    // Nix notes the root in its own folder, which it does not sync. Where that is elsewhere, nothing is lost but time.
    let noted = Path::new("/nix/var/nix/gcroots/auto");
    if noted.exists() { capsule::sync_folder(noted) } else { Ok(()) }
}
