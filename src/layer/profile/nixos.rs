//! The NixOS system: what runs and what boots, each by its absolute store path, each brought back by its own program.

use super::pin::{self, Pinned};
use super::{activate, intention, link, nix_refusals, refusal, set_back};
use crate::layer::capsule::{Manifest, ManifestWriter};
use crate::layer::child::{self, Interrupts, call};
use crate::layer::error::chain;
use crate::layer::raw::Raw;
use crate::layer::{Layer, LayerCx, LayerError, Needs, failed};
use crate::model::{Change, Changed, CommandLine, Item, LayerRecord, LayerSpec, Restored, RunAs};
use crate::system::process::JobId;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The system profile and the running system.
pub(in crate::layer) struct Nixos {
    profile: PathBuf,
    running: PathBuf,
}

/// The manifest's one line.
#[derive(Debug, Serialize, Deserialize)]
struct System {
    /// What the profile was set to: the boot default.
    profile: Pinned,
    /// What ran.
    running: Raw,
}

impl System {
    fn boots(&self) -> Option<&Path> {
        self.profile.store()
    }

    /// The programs that bring it back, with what each is for.
    fn programs(&self) -> Vec<CommandLine> {
        match self.boots() {
            Some(boots) if boots == self.running.path() => {
                vec![switcher(boots, "switch"), switcher(boots, "boot")]
            }
            Some(boots) => vec![switcher(self.running.path(), "test"), switcher(boots, "boot")],
            None => vec![switcher(self.running.path(), "test")],
        }
    }
}

/// A system's own program to switch to it.
fn switcher(system: &Path, how: &str) -> CommandLine {
    CommandLine::new([system.join("bin/switch-to-configuration").display().to_string(), how.to_owned()])
}

/// That its programs are run.
fn run(system: &System) -> String {
    let programs: Vec<String> = system.programs().iter().map(|program| child::words(&program.argv)).collect();
    format!("run {}", programs.join(", then "))
}

impl Nixos {
    pub(in crate::layer) fn new(profile: &Path, running: &Path) -> Self {
        Self { profile: profile.to_owned(), running: running.to_owned() }
    }

    fn runs(&self) -> Result<PathBuf, LayerError> {
        link::store_path(&self.running)?.ok_or_else(|| LayerError::Missing {
            name: self.running.display().to_string(),
            why: "is not there: no NixOS runs here".to_owned(),
        })
    }

    /// What runs instead of what was recorded, in words.
    fn running_difference(&self, system: &System) -> Option<String> {
        match self.runs() {
            Ok(now) if now == system.running.path() => None,
            Ok(now) => Some(format!("is {}", now.display())),
            Err(why) => Some(chain(&why)),
        }
    }

    /// What a restore would do about what runs, in words; nothing where it runs as recorded.
    fn intention(&self, system: &System) -> Option<String> {
        let now = self.running_difference(system)?;
        Some(format!("{}: what runs {now}, recorded {}", run(system), system.running))
    }

    fn put_back(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Restored, LayerError> {
        let system: System = Manifest::open(cx.capsule, record)?.only()?;
        let mut outcome = Restored { changed: 0, failed: Vec::new() };
        let other = self.intention(&system);
        set_back(cx, &system.profile, RunAs::Runner, &mut outcome);
        for program in system.programs() {
            let boots = program.argv.iter().any(|word| word == "boot");
            if boots {
                // The boot loader cannot be read back: the program's word is all there is.
                activate(cx, &program, RunAs::Runner, &mut outcome);
            } else if let Err(why) = call(cx, &program, RunAs::Runner, Interrupts::Ignore) {
                // A unit that does not start gives a bad ending to a system that runs: reading back decides.
                cx.watch.line(JobId(0), &chain(&why));
                if let Some(now) = self.running_difference(&system) {
                    let why = format!("{now}, recorded {}; {}", system.running, chain(&why));
                    outcome.failed.push(Item::new(self.running.display().to_string(), why));
                }
            }
        }
        if let Some(what) = other {
            outcome.changed += 1;
            cx.watch.changed_back(&what);
        }
        if outcome.failed.is_empty() {
            if let Some(now) = self.running_difference(&system) {
                let why = format!("{now}, recorded {}", system.running);
                outcome.failed.push(Item::new(self.running.display().to_string(), why));
            }
            if let Some(now) = system.profile.difference()? {
                outcome.failed.push(Item::new(system.profile.profile.to_string(), now));
            }
        }
        Ok(outcome)
    }
}

impl Layer for Nixos {
    fn refusals(&self, cx: &mut LayerCx<'_>) -> Vec<Item> {
        let mut refused = nix_refusals(cx.host, &self.profile);
        refused.extend(link::read(&self.profile).err().map(|why| refusal(&self.profile, &why)));
        match self.runs() {
            Ok(running) => {
                let program = switcher(&running, "test").argv;
                let missing = program.first().and_then(|program| child::find(cx.host, program).err());
                refused.extend(missing.map(|why| refusal(&self.running, &why)));
            }
            Err(why) => refused.push(refusal(&self.running, &why)),
        }
        refused
    }

    fn record(&self, cx: &mut LayerCx<'_>, place: usize) -> Result<LayerRecord, LayerError> {
        let running = self.runs()?;
        pin::pin(cx, &running, &format!("{place:02}-running"))?;
        let profile = Pinned::record(cx, &self.profile, &format!("{place:02}-profile"))?;
        let system = System { profile, running: running.as_path().into() };
        let spec = LayerSpec::Nixos { profile: self.profile.clone(), running: self.running.clone() };
        let mut manifest = ManifestWriter::create(cx.capsule, place, &spec)?;
        manifest.line(&system)?;
        manifest.finish(format!("runs {}, boots {}", system.running, system.profile.told()))
    }

    fn keep(&self, cx: &mut LayerCx<'_>, _: &LayerRecord) -> Result<(), LayerError> {
        let running = self.runs()?;
        let boots = link::read(&self.profile)?.map(|set| set.store);
        if boots.as_ref() != Some(&running) {
            pin::nix_env(cx, &self.profile, &["--set", &running.display().to_string()], RunAs::Runner)?;
        }
        call(cx, &switcher(&running, "boot"), RunAs::Runner, Interrupts::Heed)?;
        match link::read(&self.profile)? {
            Some(set) if set.store == running => Ok(()),
            now => Err(LayerError::NotSo {
                name: self.profile.display().to_string(),
                now: now.map_or_else(|| "not there".to_owned(), |set| set.store.display().to_string()),
                wanted: running.display().to_string(),
            }),
        }
    }

    fn booted_otherwise(
        &self,
        cx: &mut LayerCx<'_>,
        record: &LayerRecord,
    ) -> Result<Option<Item>, LayerError> {
        let system: System = Manifest::open(cx.capsule, record)?.only()?;
        let (runs, boots) = (self.runs()?, link::read(&self.profile)?.map(|set| set.store));
        // What boots once only, beside the default, is neither: that is no mistake.
        let fell_back = runs == system.running.path() && boots.as_ref().is_some_and(|boots| *boots != runs);
        Ok(fell_back.then(|| {
            let boots = boots.unwrap_or_default();
            let why = format!(
                "{} was to boot, and the system from before did: {}",
                boots.display(),
                runs.display()
            );
            Item::new(self.running.display().to_string(), why)
        }))
    }

    fn preview(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<String>, LayerError> {
        let system: System = Manifest::open(cx.capsule, record)?.only()?;
        let mut lines: Vec<String> = intention(&system.profile)?.into_iter().collect();
        let other = self.intention(&system);
        if other.is_none() && !lines.is_empty() {
            lines.push(run(&system));
        }
        lines.extend(other);
        Ok(lines)
    }

    fn changes(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<Change>, LayerError> {
        let system: System = Manifest::open(cx.capsule, record)?.only()?;
        let mut found: Vec<Change> = system.profile.change(record.kind)?.into_iter().collect();
        let now = self.runs().ok();
        if now.as_deref() != Some(system.running.path()) {
            found.push(Change {
                layer: record.kind,
                change: if now.is_some() { Changed::Changed } else { Changed::Removed },
                name: self.running.display().to_string(),
                from: Some(system.running.to_string()),
                to: now.map(|store| store.display().to_string()),
                how: Vec::new(),
            });
        }
        Ok(found)
    }

    fn restore(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Restored {
        self.put_back(cx, record).unwrap_or_else(|why| failed(self.profile.display().to_string(), &why))
    }

    fn needs(&self, capsule: &Path, record: &LayerRecord) -> Result<Needs, LayerError> {
        let system: System = Manifest::open(capsule, record)?.only()?;
        let mut missing: Vec<Item> = system.profile.missing().into_iter().collect();
        if system.running.path().symlink_metadata().is_err() {
            missing.push(Item::new(system.running.to_string(), "is gone, and it ran".to_owned()));
        }
        Ok(Needs { missing, ..Needs::default() })
    }

    fn by_hand(&self, capsule: &Path, record: &LayerRecord) -> Result<Vec<String>, LayerError> {
        let system: System = Manifest::open(capsule, record)?.only()?;
        let mut lines = system.profile.by_hand();
        lines.extend(system.programs().iter().map(|program| child::words(&program.argv)));
        Ok(lines)
    }
}
