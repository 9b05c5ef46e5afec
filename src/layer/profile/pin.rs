//! One profile: recorded by absolute store path, pinned, set back to exactly that path.

use super::link::{self, Set};
use crate::layer::child::{Interrupts, call, find};
use crate::layer::files::quoted;
use crate::layer::raw::Raw;
use crate::layer::{LayerCx, LayerError, capsule};
use crate::model::{Change, Changed, CommandLine, Item, LayerKind, RunAs, counted};
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
    /// What the newest of the others led to: pinned as well, and made again where they are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<Other>,
}

/// A generation that the profile was not set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Other {
    generation: u64,
    store: Raw,
}

/// So many other generations are pinned and come back, the newest first: each keeps what it needs on the disk.
const OTHERS: usize = 32;

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
            let others = others(cx, profile, &generations, None, root)?;
            return Ok(Self { profile: profile.into(), set: None, generations, others });
        };
        pin(cx, &store, root)?;
        let generations = link::generations(&profile)?;
        let others = others(cx, &profile, &generations, generation, root)?;
        let set = Some(Recorded { store: store.as_path().into(), generation });
        Ok(Self { profile: profile.as_path().into(), set, generations, others })
    }

    /// How many other generations come back, and which ones do not; nothing where there is no other.
    pub(super) fn others_told(&self) -> Option<String> {
        let set = self.set.as_ref().and_then(|set| set.generation);
        let is_kept = |number: &u64| self.others.iter().any(|other| other.generation == *number);
        let not_kept = |number: &&u64| Some(**number) != set && !is_kept(number);
        let left: Vec<String> = self.generations.iter().filter(not_kept).map(u64::to_string).collect();
        let kept = match self.others.len() {
            0 if left.is_empty() => return None,
            0 => "no other generation is kept".to_owned(),
            several => format!("{} kept", counted(several, "other generation")),
        };
        Some(if left.is_empty() { kept } else { format!("{kept}, not {}", left.join(", ")) })
    }

    /// The generations that are not as they were.
    fn lost(&self) -> Vec<&Other> {
        let profile = self.profile.path();
        let intact = |other: &&Other| {
            fs::read_link(link::generation_link(profile, other.generation))
                .is_ok_and(|to| to == other.store.path())
        };
        self.others.iter().filter(|other| !intact(other)).collect()
    }

    /// The same in words; nothing where all are.
    fn lost_told(&self) -> Option<String> {
        let lost: Vec<String> = self.lost().iter().rev().map(|other| other.generation.to_string()).collect();
        let noun = if lost.len() == 1 { "generation" } else { "generations" };
        (!lost.is_empty()).then(|| format!("lacks {noun} {}", lost.join(", ")))
    }

    /// Makes the links of the others again. A number that was given to another generation meanwhile is given back.
    fn set_others(&self) -> Result<(), LayerError> {
        for Other { generation, store } in self.lost() {
            let link = link::generation_link(self.profile.path(), *generation);
            let missing = |name: String, why: &str| LayerError::Missing { name, why: why.to_owned() };
            if store.path().symlink_metadata().is_err() {
                return Err(missing(store.to_string(), "is gone"));
            }
            if link.symlink_metadata().is_ok_and(|seen| !seen.is_symlink()) {
                return Err(missing(link.display().to_string(), "is no symbolic link"));
            }
            link::switch(&link, store.path())?;
        }
        Ok(())
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
        let lost = self.lost_told();
        let change = match (&now, self.store()) {
            (Some(now), Some(recorded)) if now == recorded && lost.is_none() => return Ok(None),
            (None, None) if lost.is_none() => return Ok(None),
            (None, None) => Changed::Changed,
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
            how: lost.into_iter().collect(),
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
            (Some(now), Some(recorded)) if now.store == recorded => self.lost_told(),
            (Some(now), _) => Some(format!("is set to {}", now.store.display())),
            (None, Some(_)) => Some("is not there".to_owned()),
            (None, None) => self.lost_told(),
        })
    }

    /// Sets the profile to exactly the recorded store path, or removes it where there was none; reads it back.
    pub(super) fn set(&self, cx: &mut LayerCx<'_>, who: RunAs) -> Result<(), LayerError> {
        let now = link::read(self.profile.path()).ok().flatten().map(|set| set.store);
        match &self.set {
            // Only other generations are gone.
            Some(recorded) if now.as_deref() == Some(recorded.store.path()) => {}
            Some(recorded) => self.set_to(cx, recorded, who)?,
            None => self.clear()?,
        }
        self.set_others()?;
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
        let free = generation.symlink_metadata().is_err();
        if free {
            // With its link, Nix switches to that generation instead of making another one. Where it cannot be made, the
            // profile counts.
            let _ = link::switch(&generation, store);
        }
        let intact = fs::read_link(&generation).is_ok_and(|to| to == store);
        let told = if intact {
            nix_env(cx, profile, &["--switch-generation", &number.to_string()], who)
        } else {
            nix_env(cx, profile, &["--set", &recorded.store.to_string()], who)
        };
        if told.is_ok() && self.difference()?.is_none() {
            return Ok(());
        }
        // Without a working Nix: what it would have done.
        match generation.file_name() {
            Some(name) if intact => link::switch(profile, Path::new(name)),
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
        let other = |other: &Other| {
            let link = link::generation_link(self.profile.path(), other.generation);
            format!("ln -s -f -n -- {} {}", quoted(&other.store), quoted(&Raw::from(link.as_path())))
        };
        let others = self.others.iter().map(other);
        let set = match &self.set {
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
        };
        others.chain(set).collect()
    }
}

/// The newest generations besides the one that is set, pinned. One whose store path is gone leads nowhere already.
fn others(
    cx: &mut LayerCx<'_>,
    profile: &Path,
    generations: &[u64],
    set: Option<u64>,
    root: &str,
) -> Result<Vec<Other>, LayerError> {
    let mut others = Vec::new();
    for number in generations.iter().rev().filter(|number| Some(**number) != set) {
        let to = fs::read_link(link::generation_link(profile, *number)).ok();
        // Every generation link of Nix's own is absolute.
        let store = to.filter(|to| link::is_store_path(to) && to.symlink_metadata().is_ok());
        others.extend(store.map(|store| Other { generation: *number, store: store.as_path().into() }));
        if others.len() == OTHERS {
            break;
        }
    }
    let mut stores: Vec<&Path> = others.iter().map(|other| other.store.path()).collect();
    stores.sort_unstable();
    stores.dedup();
    pin_all(cx, &stores, &format!("{root}-other"))?;
    Ok(others)
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
    pin_all(cx, &[store], name)
}

/// Registers links in the capsule, which Nix calls `NAME`, `NAME-2` and so on.
fn pin_all(cx: &mut LayerCx<'_>, stores: &[&Path], name: &str) -> Result<(), LayerError> {
    if stores.is_empty() {
        return Ok(());
    }
    let program = find(cx.host, "nix-store")?;
    let roots = capsule::folder(cx.capsule, "roots")?;
    let roots = roots.canonicalize().map_err(|why| LayerError::io("read", &roots, why))?;
    let root = roots.join(name);
    let (program, root_name) = (program.display().to_string(), root.display().to_string());
    // The path is here already; where it is not, a network must not be asked for it.
    let options = ["--option", "substitute", "false", "--add-root", &root_name, "--indirect", "--realise"];
    let mut argv: Vec<String> = [program.as_str()].into_iter().chain(options).map(str::to_owned).collect();
    argv.extend(stores.iter().map(|store| store.display().to_string()));
    call(cx, &CommandLine::new(argv), RunAs::Runner, Interrupts::Heed)?;
    for (at, store) in stores.iter().enumerate() {
        let root = if at == 0 { root.clone() } else { roots.join(format!("{name}-{}", at + 1)) };
        match fs::read_link(&root) {
            Ok(to) if to == *store => {}
            Ok(to) => {
                let (now, wanted) = (to.display().to_string(), store.display().to_string());
                return Err(LayerError::NotSo { name: root.display().to_string(), now, wanted });
            }
            Err(why) => return Err(LayerError::io("read", &root, why)),
        }
    }
    capsule::sync_folder(&roots)?;
    // Nix notes the root in its own folder, which it does not sync. Where that is elsewhere, nothing is lost but time.
    let noted = Path::new("/nix/var/nix/gcroots/auto");
    if noted.exists() { capsule::sync_folder(noted) } else { Ok(()) }
}
