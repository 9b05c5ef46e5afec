//! Baselines that a person recorded: what the checks of a plan saw at one time, by name. They are no part of a capsule:
//! nothing goes back by them.

use super::{StateFolder, StoreError};
use crate::model::{CheckId, Digest, Item, Observation, PhaseId, PlanName, Timestamp};
use crate::system::files::{self, Access};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

const FOLDER: &str = "baselines";
/// Longest file of one baseline, in bytes.
const LONGEST: u64 = 64 << 20;
/// So many that are not pinned are kept.
const KEPT: usize = 32;
const FORMAT: u32 = 1;

/// What the checks of a plan saw at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    format: u32,
    /// Its name: letters, digits, `-`, `_` and `.`, not first a dot.
    pub name: String,
    /// The plan whose checks these are.
    pub plan: PlanName,
    /// Its revision.
    pub revision: u32,
    /// Its digest.
    pub digest: Digest,
    /// When it was recorded.
    pub at: Timestamp,
    /// Kept until it is unpinned, and compared with where no other is named.
    pub pinned: bool,
    /// What each check of each phase saw.
    pub phases: BTreeMap<PhaseId, BTreeMap<CheckId, Observation>>,
}

impl Baseline {
    /// A baseline that was taken now.
    #[must_use]
    pub fn new(name: String, plan: PlanName, revision: u32, digest: Digest, at: Timestamp) -> Self {
        Self { format: FORMAT, name, plan, revision, digest, at, pinned: false, phases: BTreeMap::new() }
    }

    /// Whether a baseline may be called so.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.chars().all(plain)
    }
}

/// Every baseline that can be read, and what cannot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Baselines {
    /// Oldest first.
    pub all: Vec<Baseline>,
    /// Files that are no baseline, by name.
    pub damage: Vec<Item>,
}

impl Baselines {
    /// The one of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Baseline> {
        self.all.iter().find(|baseline| baseline.name == name)
    }

    /// The newest pinned one of a plan.
    #[must_use]
    pub fn pinned(&self, plan: &PlanName) -> Option<&Baseline> {
        self.all.iter().rev().find(|baseline| baseline.pinned && baseline.plan == *plan)
    }
}

impl StateFolder {
    /// Every baseline.
    ///
    /// # Errors
    /// [`StoreError::Io`] where their folder is there and cannot be listed.
    pub fn baselines(&self) -> Result<Baselines, StoreError> {
        let folder = self.root().join(FOLDER);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Baselines::default()),
            Err(why) => return Err(StoreError::io("list", &folder)(why)),
        };
        let mut found = Baselines::default();
        for entry in entries {
            let path = entry.map_err(StoreError::io("list", &folder))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else {
                continue;
            };
            match read(&path, name) {
                Ok(baseline) => found.all.push(baseline),
                Err(why) => found.damage.push(Item::new(format!("{FOLDER}/{name}.json"), why)),
            }
        }
        found.all.sort_by(|one, other| (one.at, &one.name).cmp(&(other.at, &other.name)));
        Ok(found)
    }

    /// Keeps a baseline under its name, in place of one of that name; the oldest that are not pinned go.
    ///
    /// # Errors
    /// [`StoreError::File`]; what was there stays.
    pub fn keep_baseline(&self, baseline: &Baseline) -> Result<(), StoreError> {
        let folder = self.root().join(FOLDER);
        if !folder.is_dir() {
            files::mkdir_private(&folder)?;
        }
        let path = self.baseline_path(&baseline.name);
        let mut text = serde_json::to_vec_pretty(baseline)
            .map_err(|why| StoreError::Unreadable { path: path.clone(), why: why.to_string() })?;
        text.push(b'\n');
        files::write_atomic(&path, &text, Access::PRIVATE)?;
        let all = self.baselines()?.all;
        let loose: Vec<&Baseline> =
            all.iter().filter(|old| !old.pinned && old.name != baseline.name).collect();
        for old in loose.iter().take((loose.len() + 1).saturating_sub(KEPT)) {
            let path = self.baseline_path(&old.name);
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }

    fn baseline_path(&self, name: &str) -> PathBuf {
        self.root().join(FOLDER).join(format!("{name}.json"))
    }
}

fn read(path: &std::path::Path, name: &str) -> Result<Baseline, String> {
    let bytes = files::read_bounded(path, LONGEST).map_err(|why| why.to_string())?;
    let baseline: Baseline = serde_json::from_slice(&bytes).map_err(|why| why.to_string())?;
    if baseline.format != FORMAT {
        return Err(format!("format {} is not known", baseline.format));
    }
    if baseline.name != name {
        return Err(format!("it calls itself `{}`", baseline.name));
    }
    Ok(baseline)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(name: &str, at: i64) -> Baseline {
        let plan = PlanName::new("desk").expect("a name");
        Baseline::new(name.to_owned(), plan, 1, Digest("0".repeat(64)), Timestamp(at))
    }

    fn folder() -> (tempfile::TempDir, StateFolder) {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = StateFolder::create(&temporary.path().join("state")).expect("a state folder");
        (temporary, folder)
    }

    #[test]
    fn what_was_kept_is_read_back_and_a_name_is_replaced() {
        let (_temporary, folder) = folder();
        assert_eq!(folder.baselines().expect("none"), Baselines::default());
        folder.keep_baseline(&taken("a", 1)).expect("kept");
        let newer = Baseline { pinned: true, ..taken("a", 2) };
        folder.keep_baseline(&newer).expect("kept");
        let found = folder.baselines().expect("one");
        assert_eq!(found.pinned(&newer.plan), Some(&newer));
        assert_eq!(found.all, [newer]);
    }

    #[test]
    fn the_oldest_go_and_what_is_pinned_stays() {
        let (_temporary, folder) = folder();
        folder.keep_baseline(&Baseline { pinned: true, ..taken("first", 0) }).expect("kept");
        for number in 0..40 {
            folder.keep_baseline(&taken(&format!("n{number}"), number + 1)).expect("kept");
        }
        let names: Vec<String> =
            folder.baselines().expect("some").all.into_iter().map(|it| it.name).collect();
        assert_eq!(names.len(), KEPT + 1);
        assert_eq!((names[0].as_str(), names[1].as_str()), ("first", "n8"));
    }

    #[test]
    fn a_damaged_file_is_named_and_hides_no_other() {
        let (_temporary, folder) = folder();
        folder.keep_baseline(&taken("good", 1)).expect("kept");
        fs::write(folder.root().join("baselines/bad.json"), "{").expect("written");
        let found = folder.baselines().expect("one");
        assert_eq!((found.all.len(), found.damage.len()), (1, 1));
    }

    #[test]
    fn a_name_is_no_path() {
        for name in ["", ".", "..", "a/b", ".hidden", "a b"] {
            assert!(!Baseline::is_name(name), "{name}");
        }
        assert!(Baseline::is_name("before-2026.11"));
    }
}
