//! Where the children of a runner are, on disk before the first of them starts: whoever comes after a runner that was
//! killed finds them there. Not synced: after a power cut there is no process to be found.

use super::group::{Found, Group, Place, end};
use crate::system::files::{self, temporary_name};
use crate::system::guard::Runner;
use crate::system::host::boot_id;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One runner that has or had children. Removed by itself at its end, and otherwise by whoever finds its group empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// The boot in which it ran.
    boot: Option<String>,
    /// Which process it is.
    runner: String,
    /// Its children's group; absent where some of them are in none.
    group: Option<Place>,
}

/// What this process does with its children.
#[derive(Debug, Default)]
enum Custom {
    /// It has not claimed a state folder, or has left it: its children change nothing of a phase.
    #[default]
    Free,
    /// The next child gets a group of this name.
    Claimed { ledger: PathBuf, name: String },
    /// They are in this group.
    Grouped { ledger: PathBuf, name: String, group: Arc<Group> },
    /// There is no group for them.
    Apart { ledger: PathBuf },
}

static CUSTOM: Mutex<Custom> = Mutex::new(Custom::Free);

fn custom() -> MutexGuard<'static, Custom> {
    CUSTOM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What became of the children of earlier runners.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// How many were ended.
    pub(super) ended: usize,
    /// Those that would not end.
    pub(super) alive: Vec<i32>,
    /// Whether there may be some that are in no group that is seen from here.
    pub(super) unseen: bool,
}

/// Ends what is in the groups that a ledger names, those of this process excepted.
pub(super) fn settle(ledger: &Path, until: Instant) -> Settled {
    let own = match &*custom() {
        Custom::Grouped { group, .. } => Some(group.place.clone()),
        Custom::Free | Custom::Claimed { .. } | Custom::Apart { .. } => None,
    };
    let mut settled = Settled::default();
    let text = match std::fs::read_to_string(ledger) {
        Ok(text) => text,
        Err(why) => return Settled { unseen: why.kind() != io::ErrorKind::NotFound, ..settled },
    };
    let (boot, me) = (boot_id(), Runner::this().to_string());
    let mut kept = Vec::new();
    for line in text.lines() {
        let Ok(entry) = serde_json::from_str::<Entry>(line) else {
            settled.unseen = true;
            continue;
        };
        if entry.boot != boot {
            continue;
        }
        let stays = match &entry.group {
            Some(place) if own.as_ref() == Some(place) => true,
            Some(place) => match place.find() {
                Found::Gone => false,
                Found::Unseen => {
                    settled.unseen = true;
                    true
                }
                Found::Here(folder) => match end(&folder, until) {
                    Ok(ended) => {
                        settled.ended += ended;
                        false
                    }
                    Err(alive) => {
                        settled.alive.extend(alive);
                        true
                    }
                },
            },
            None => {
                // This process is told of every child of its own that is orphaned.
                settled.unseen |= entry.runner != me;
                true
            }
        };
        if stays {
            kept.push(line);
        }
    }
    rewrite(ledger, &kept);
    settled
}

/// Replaces what a ledger says. Where that fails it says too much, which costs a look at what is not there.
fn rewrite(ledger: &Path, lines: &[&str]) {
    if lines.is_empty() {
        let _ = std::fs::remove_file(ledger);
        return;
    }
    let temporary = ledger.with_file_name(temporary_name());
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let written = create(&temporary).and_then(|mut file| file.write_all(text.as_bytes()));
    if written.and_then(|()| std::fs::rename(&temporary, ledger)).is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
}

fn create(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Says where children of this process are. Whether it is said: on a full disk it may not be.
fn enter(ledger: &Path, group: Option<&Place>) -> bool {
    let entry = Entry { boot: boot_id(), runner: Runner::this().to_string(), group: group.cloned() };
    let Ok(line) = serde_json::to_string(&entry) else { return false };
    create(ledger).and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())).is_ok()
}

/// From now on children of this process get a group of their own, which the ledger names.
pub(super) fn claim(scope: &str, ledger: &Path) {
    if matches!(&*custom(), Custom::Grouped { ledger: known, .. } if known == ledger) {
        return;
    }
    leave();
    let of = files::sha256_bytes(scope.as_bytes()).0;
    let name = format!("switchback-{}-{}", of.get(..8).unwrap_or_default(), std::process::id());
    *custom() = Custom::Claimed { ledger: ledger.to_owned(), name };
}

/// The group for the next child; made for the first one, and again where somebody removed it.
pub(super) fn group() -> Option<Arc<Group>> {
    let mut custom = custom();
    let (ledger, name) = match &*custom {
        Custom::Free | Custom::Apart { .. } => return None,
        Custom::Grouped { group, .. } if group.is_there() => return Some(Arc::clone(group)),
        Custom::Grouped { ledger, name, .. } | Custom::Claimed { ledger, name } => {
            (ledger.clone(), name.clone())
        }
    };
    match Group::make(&name) {
        Some(group) => {
            enter(&ledger, Some(&group.place));
            let group = Arc::new(group);
            *custom = Custom::Grouped { ledger, name, group: Arc::clone(&group) };
            Some(group)
        }
        None => {
            enter(&ledger, None);
            *custom = Custom::Apart { ledger };
            None
        }
    }
}

/// A child did not come into the group: from now on children are in none.
pub(super) fn not_entered() {
    let mut custom = custom();
    if let Custom::Grouped { ledger, .. } = &*custom {
        let ledger = ledger.clone();
        enter(&ledger, None);
        *custom = Custom::Apart { ledger };
    }
}

/// Kills what is in the group of this process.
pub(super) fn kill() {
    if let Custom::Grouped { group, .. } = &*custom() {
        group.kill();
    }
}

/// This process has no children any more that change anything: its group is removed, and its entries. A group that is not
/// empty stays, with its entry.
pub(super) fn leave() {
    let mut custom = custom();
    let (ledger, left) = match std::mem::take(&mut *custom) {
        Custom::Free | Custom::Claimed { .. } => return,
        Custom::Grouped { ledger, group, .. } => (ledger, (!group.remove()).then(|| group.place.clone())),
        Custom::Apart { ledger } => (ledger, None),
    };
    let Ok(text) = std::fs::read_to_string(&ledger) else { return };
    let me = Runner::this().to_string();
    let mine = |line: &&str| {
        serde_json::from_str::<Entry>(line)
            .is_ok_and(|entry| entry.runner == me && (left.is_none() || entry.group != left))
    };
    let kept: Vec<&str> = text.lines().filter(|line| !mine(line)).collect();
    rewrite(&ledger, &kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn line(boot: Option<&str>, runner: &str, group: &str) -> String {
        let boot = boot.map_or_else(|| "null".to_owned(), |boot| format!("\"{boot}\""));
        format!(r#"{{"boot":{boot},"runner":"{runner}","group":{group}}}"#)
    }

    #[test]
    fn a_ledger_is_read_for_this_boot_and_what_it_cannot_tell_is_said() {
        let boot = boot_id().expect("a boot");
        let (now, me) = (Some(boot.as_str()), Runner::this().to_string());
        let elsewhere = r#"{"mount":"/nowhere","root":1,"path":"switchback-0-1","id":7}"#;
        for (text, unseen, stays) in [
            (line(Some("another"), "1:1", elsewhere), false, false),
            (line(Some("another"), "1:1", "null"), false, false),
            (line(now, "1:1", elsewhere), true, true),
            (line(now, "1:1", "null"), true, true),
            (line(now, &me, "null"), false, true),
            ("half a li".to_owned(), true, false),
            (String::new(), false, false),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let ledger = folder.path().join("children");
            std::fs::write(&ledger, format!("{text}\n").trim_start()).expect("written");
            let settled = settle(&ledger, crate::system::clock::tick() + Duration::from_secs(60));
            assert_eq!(settled, Settled { unseen, ..Settled::default() }, "{text}");
            let left = std::fs::read_to_string(&ledger).ok();
            assert_eq!(left, stays.then(|| format!("{text}\n")), "{text}");
            assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), usize::from(stays));
        }
    }

    #[test]
    fn without_a_ledger_nobody_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let until = crate::system::clock::tick() + Duration::from_secs(60);
        assert_eq!(settle(&folder.path().join("children"), until), Settled::default());
        assert!(settle(folder.path(), until).unseen, "what cannot be read says nothing");
    }

    #[test]
    fn what_is_in_a_group_that_a_ledger_names_is_ended_and_the_group_is_removed() {
        let Some(group) = Group::make("switchback-ledger-test") else { return };
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = folder.path().join("children");
        assert!(enter(&ledger, Some(&group.place)));
        let away = super::super::group::tests::away(&group, "env -i setsid sleep 1000");
        let settled = settle(&ledger, crate::system::clock::tick() + Duration::from_secs(60));
        assert_eq!(settled, Settled { ended: settled.ended, ..Settled::default() });
        assert!(settled.ended >= 1);
        assert!(away.is_dead() && !group.is_there() && !ledger.exists());
        assert_eq!(group.place.find(), Found::Gone);
    }
}
