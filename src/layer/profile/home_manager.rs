//! A user's home: the profile in either or both of the places where home-manager keeps it, and its own `activate`.

use super::pin::Pinned;
use super::{activate, intention, link, nix_refusals, refusal, set_back};
use crate::layer::capsule::{Manifest, ManifestWriter};
use crate::layer::child;
use crate::layer::{Layer, LayerCx, LayerError, Needs, failed};
use crate::model::{Change, CommandLine, Item, LayerRecord, LayerSpec, Restored, RunAs};
use crate::system::accounts::Accounts;
use crate::system::below;
use crate::system::host::{Host, IdentityError};
use std::path::{Path, PathBuf};

/// A home-manager home.
pub(in crate::layer) struct HomeManager {
    user: Option<String>,
    profile: Option<PathBuf>,
}

impl HomeManager {
    pub(in crate::layer) fn new(user: Option<&str>, profile: Option<&Path>) -> Self {
        Self { user: user.map(str::to_owned), profile: profile.map(Path::to_owned) }
    }

    /// The machine as its user sees it.
    fn host(&self, host: &Host) -> Result<Host, LayerError> {
        let mut own = host.clone();
        if let Some(user) = &self.user
            && *user != host.invoker.name
        {
            own.invoker =
                Accounts::read().by_name(user).ok_or_else(|| IdentityError::NoAccount(user.clone()))?;
        }
        if own.euid == 0 || own.euid == own.invoker.ids.uid {
            Ok(own)
        } else {
            Err(IdentityError::NotRoot(own.euid).into())
        }
    }

    /// Both places, the one that home-manager prefers first.
    fn places(&self, host: &Host) -> Vec<PathBuf> {
        match &self.profile {
            Some(profile) => vec![profile.clone()],
            None => vec![
                host.invoker.home.join(".local/state/nix/profiles/home-manager"),
                Path::new("/nix/var/nix/profiles/per-user").join(&host.invoker.name).join("home-manager"),
            ],
        }
    }

    fn put_back(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Restored, LayerError> {
        let homes = recorded(cx.capsule, record)?;
        // Whose names nobody may ask for runs nothing either.
        let own = if below::withheld().is_some() { cx.host.clone() } else { self.host(cx.host)? };
        let cx = &mut LayerCx { host: &own, capsule: cx.capsule, watch: &mut *cx.watch };
        let mut outcome = Restored { changed: 0, failed: Vec::new() };
        for home in &homes {
            set_back(cx, home, RunAs::User, &mut outcome);
        }
        if let Some(activation) = activation(&homes) {
            activate(cx, &activation, RunAs::User, &mut outcome);
        }
        // An activation switches profiles by itself.
        for home in &homes {
            if let Some(now) = home.difference()? {
                let name = home.profile.to_string();
                if !outcome.failed.iter().any(|item| item.name == name) {
                    outcome.failed.push(Item::new(name, format!("{now}, after activation")));
                }
            }
        }
        Ok(outcome)
    }
}

fn recorded(capsule: &Path, record: &LayerRecord) -> Result<Vec<Pinned>, LayerError> {
    let mut homes = Vec::new();
    Manifest::open(capsule, record)?.each(|home| {
        homes.push(home);
        Ok(())
    })?;
    Ok(homes)
}

/// The recorded generation's own program.
fn activation(homes: &[Pinned]) -> Option<CommandLine> {
    let home = homes.iter().find_map(Pinned::store)?;
    Some(CommandLine::new([home.join("activate").display().to_string()]))
}

impl Layer for HomeManager {
    fn refusals(&self, cx: &mut LayerCx<'_>) -> Vec<Item> {
        let name = PathBuf::from("home-manager");
        let mut refused = nix_refusals(cx.host, &name);
        let own = match self.host(cx.host) {
            Ok(own) => own,
            Err(why) => {
                refused.push(refusal(&name, &why));
                return refused;
            }
        };
        for place in self.places(&own) {
            match link::read(&place) {
                Ok(None) => {}
                Ok(Some(set)) => {
                    let program = set.store.join("activate").display().to_string();
                    refused.extend(child::find(cx.host, &program).err().map(|why| refusal(&place, &why)));
                }
                Err(why) => refused.push(refusal(&place, &why)),
            }
        }
        refused
    }

    fn record(&self, cx: &mut LayerCx<'_>, place: usize) -> Result<LayerRecord, LayerError> {
        let own = self.host(cx.host)?;
        let spec = LayerSpec::HomeManager { user: self.user.clone(), profile: self.profile.clone() };
        let mut homes: Vec<Pinned> = Vec::new();
        for (at, path) in self.places(&own).iter().enumerate() {
            let home = Pinned::record(cx, path, &format!("{place:02}-home-{at}"))?;
            // Both places may be the same profile by a link.
            if !homes.iter().any(|known| known.profile == home.profile) {
                homes.push(home);
            }
        }
        let mut manifest = ManifestWriter::create(cx.capsule, place, &spec)?;
        homes.iter().try_for_each(|home| manifest.line(home))?;
        let there: Vec<String> = homes.iter().filter(|home| home.set.is_some()).map(Pinned::told).collect();
        let none = || "no home-manager profile".to_owned();
        manifest.finish(if there.is_empty() { none() } else { there.join(", ") })
    }

    fn keep(&self, _: &mut LayerCx<'_>, _: &LayerRecord) -> Result<(), LayerError> {
        Ok(())
    }

    fn preview(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<String>, LayerError> {
        let homes = recorded(cx.capsule, record)?;
        let mut lines = Vec::new();
        for home in &homes {
            lines.extend(intention(home)?);
        }
        if !lines.is_empty()
            && let Some(activation) = activation(&homes)
        {
            let user = self.user.as_ref().unwrap_or(&cx.host.invoker.name);
            lines.push(format!("run {} as {user}", child::words(&activation.argv)));
        }
        Ok(lines)
    }

    fn changes(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<Change>, LayerError> {
        let mut found = Vec::new();
        for home in recorded(cx.capsule, record)? {
            found.extend(home.change(record.kind)?);
        }
        Ok(found)
    }

    fn restore(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Restored {
        self.put_back(cx, record).unwrap_or_else(|why| failed("home-manager", &why))
    }

    fn needs(&self, capsule: &Path, record: &LayerRecord) -> Result<Needs, LayerError> {
        let missing = recorded(capsule, record)?.iter().filter_map(Pinned::missing).collect();
        Ok(Needs { missing, ..Needs::default() })
    }

    fn by_hand(&self, capsule: &Path, record: &LayerRecord) -> Result<Vec<String>, LayerError> {
        let homes = recorded(capsule, record)?;
        let mut lines: Vec<String> = homes.iter().flat_map(Pinned::by_hand).collect();
        if let Some(activation) = activation(&homes) {
            lines.push("# as the user whose home it is:".to_owned());
            lines.push(child::words(&activation.argv));
        }
        Ok(lines)
    }
}
