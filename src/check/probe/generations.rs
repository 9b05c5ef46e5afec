//! `generations`: which states a machine can go back to, which of them is current and which was booted. Profiles are read
//! by their links, as the tools that list them do; deployments are asked of `rpm-ostree` and `bootc`.

use super::{Given, Looking, Need, last_line, process_end, status, tool, whole};
use crate::check::{ProbeError, Reader};
use crate::model::{GenerationsOf, Observation, Timestamp, Value};
use crate::system::process::Ended;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const KEPT: usize = 4 << 20;
/// More links than this are a circle.
const LINKS: usize = 32;
/// Most generations that are listed; the newest.
const LISTED: usize = 500;

/// Reads links, or asks a tool.
pub(super) struct Generations<'a> {
    pub(super) of: GenerationsOf,
    /// Where the profile may be; the first that is there counts.
    pub(super) profiles: &'a [PathBuf],
}

impl Looking for Generations<'_> {
    fn next(&mut self, given: Given) -> Need {
        let argv: &[&str] = match self.of {
            GenerationsOf::Nixos | GenerationsOf::HomeManager | GenerationsOf::NixEnv => {
                return Need::Seen(of_profile(Path::new("/"), self.of, self.profiles));
            }
            GenerationsOf::RpmOstree => &["rpm-ostree", "status", "--json"],
            GenerationsOf::Bootc => &["bootc", "status", "--json"],
        };
        match given {
            Given::Ended(ended) => Need::Seen(of_tool(self.of, &ended)),
            Given::Nothing | Given::Answered(_) => Need::Child(tool(argv.iter().copied()), KEPT),
        }
    }
}

/// One generation of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    number: u64,
    link: PathBuf,
    target: PathBuf,
    made: Timestamp,
}

/// The generations of the first profile that is there. `root` is where the machine's own folders lie.
fn of_profile(root: &Path, of: GenerationsOf, profiles: &[PathBuf]) -> Result<Observation, ProbeError> {
    let found = profiles.iter().find_map(|profile| resolved(profile).map(|link| (profile, link)));
    let Some((profile, (folder, name, current))) = found else {
        let names: Vec<String> = profiles.iter().map(|profile| profile.display().to_string()).collect();
        return Err(ProbeError::Unreachable {
            what: format!("there is no profile at {}", names.join(" or ")),
            hint: "is this machine of that kind, and is it the right user? `profile` names another place",
        });
    };
    let mut kept = generations(&folder, &name)?;
    kept.sort_by_key(|kept| kept.number);
    let leads = |link: &str| std::fs::canonicalize(root.join(link)).ok();
    let booted = leads("run/booted-system").and_then(|system| newest(&kept, &system));
    let active = leads("run/current-system").and_then(|system| newest(&kept, &system));
    let is_system = of == GenerationsOf::Nixos;
    let ids: Vec<u64> = kept.iter().map(|kept| kept.number).collect();
    let newest: Vec<Value> = kept
        .iter()
        .rev()
        .take(LISTED)
        .map(|kept| {
            let mut about = Map::new();
            about.insert("id".to_owned(), kept.number.into());
            about.insert("date".to_owned(), kept.made.to_string().into());
            about.insert("path".to_owned(), kept.target.to_string_lossy().into());
            about.insert("current".to_owned(), (Some(kept.number) == current).into());
            if is_system {
                about.insert("booted".to_owned(), (Some(kept.number) == booted).into());
                about.extend(version(&kept.link).map(|version| ("version".to_owned(), version.into())));
                about.extend(kernel(&kept.link).map(|version| ("kernel".to_owned(), version.into())));
            }
            Value::Object(about)
        })
        .collect();
    let mut seen = Observation::new()
        .with("kind", of.word())
        .with("profile", profile.to_string_lossy())
        .with("count", ids.len())
        .with("ids", ids)
        .with("list", newest);
    for (field, number) in [("current", current), ("booted", booted), ("active", active)] {
        if let Some(number) = number.filter(|_| is_system || field == "current") {
            seen = seen.with(field, number);
        }
    }
    Ok(seen)
}

/// The profile that a link leads to in the end: its folder, its name, and its number now.
fn resolved(profile: &Path) -> Option<(PathBuf, String, Option<u64>)> {
    let mut at = profile.to_path_buf();
    for _ in 0..LINKS {
        let target = std::fs::read_link(&at).ok()?;
        let folder = at.parent().unwrap_or(Path::new("/")).to_path_buf();
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned())?;
        if let Some((of, number)) = super::nix::parse_generation(&name) {
            let folder = folder.join(target.parent().unwrap_or(Path::new("")));
            return Some((folder, of.to_owned(), Some(number)));
        }
        at = folder.join(target);
    }
    None
}

fn generations(folder: &Path, name: &str) -> Result<Vec<Kept>, ProbeError> {
    let unreadable = |why: std::io::Error| ProbeError::Unreadable {
        what: folder.display().to_string(),
        why: why.kind().to_string(),
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let kept = |entry: std::fs::DirEntry| {
        let file = entry.file_name();
        let (of, number) = super::nix::parse_generation(file.to_str()?)?;
        let about = entry.path().symlink_metadata().ok()?;
        // Removed while we look, or no link: no generation.
        let target = std::fs::read_link(entry.path()).ok().filter(|_| of == name)?;
        let made = Timestamp(about.mtime().saturating_mul(1000));
        Some(Kept { number, link: entry.path(), target, made })
    };
    Ok(entries.filter_map(|entry| kept(entry.ok()?)).collect())
}

/// The newest generation that leads to a system, or has it as one of its specialisations.
fn newest(kept: &[Kept], system: &Path) -> Option<u64> {
    let leads = |path: &Path| std::fs::canonicalize(path).is_ok_and(|target| target == system);
    let special = |kept: &&Kept| {
        std::fs::read_dir(kept.link.join("specialisation"))
            .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| leads(&entry.path()))))
    };
    let direct = kept.iter().rev().find(|kept| leads(&kept.link));
    direct.or_else(|| kept.iter().rev().find(special)).map(|kept| kept.number)
}

fn version(system: &Path) -> Option<String> {
    let text = std::fs::read_to_string(system.join("nixos-version")).ok()?;
    Some(text.trim().chars().take(100).collect())
}

/// The version of a system's kernel, by the folder of its modules.
fn kernel(system: &Path) -> Option<String> {
    let mut entries = std::fs::read_dir(system.join("kernel-modules/lib/modules")).ok()?;
    entries.find_map(|entry| entry.ok()?.file_name().into_string().ok())
}

/// Deployments as a tool tells of them, understood by the reader of its recorded outputs.
fn of_tool(of: GenerationsOf, ended: &Ended) -> Result<Observation, ProbeError> {
    let name = of.word();
    let code = status(process_end(name, ended)?);
    let unreachable = |why: &str| ProbeError::Unreachable {
        what: format!("{name} tells of no deployment: {why}"),
        hint: "is this machine of that kind, and may this user ask? `bootc` answers to root only",
    };
    if code != 0 {
        return Err(unreachable(&last_line(&ended.stderr)));
    }
    let text = whole(&ended.stdout).ok_or_else(|| unreachable("it says too much"))?;
    let reader = Reader::named(name).ok_or_else(|| unreachable("nothing reads it"))?;
    let read = reader.heard(&mut text.as_bytes())?;
    if read.get("complete") != Some(&Value::Bool(true)) {
        return Err(unreachable(text.lines().next().unwrap_or_default()));
    }
    let list = match of {
        GenerationsOf::Bootc => of_bootc(&read),
        GenerationsOf::Nixos
        | GenerationsOf::HomeManager
        | GenerationsOf::NixEnv
        | GenerationsOf::RpmOstree => of_rpm_ostree(&read),
    };
    if list.is_empty() {
        return Err(unreachable("the list is empty"));
    }
    let marked = |mark: &str| {
        list.iter()
            .find(|one| one.get(mark) == Some(&Value::Bool(true)))
            .and_then(|one| one.get("id"))
            .cloned()
    };
    let ids: Vec<Value> = list.iter().filter_map(|one| one.get("id")).cloned().collect();
    let pinned = list.iter().filter(|one| one.get("pinned") == Some(&Value::Bool(true))).count();
    let mut seen = Observation::new().with("kind", name).with("count", list.len()).with("pinned", pinned);
    for mark in ["current", "booted", "staged"] {
        if let Some(id) = marked(mark) {
            seen = seen.with(mark, id);
        }
    }
    Ok(seen.with("ids", ids).with("list", list))
}

/// The first deployment is what boots next.
fn of_rpm_ostree(read: &Observation) -> Vec<Value> {
    let at = |field: &str, at: usize| read.get(&format!("{field}.{at}")).cloned().unwrap_or_default();
    let deployments = read.get("deployments").and_then(Value::as_array);
    deployments
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(number, deployment)| {
            let of = |name: &str| deployment.get(name).cloned().unwrap_or_default();
            json!({
                "id": at("checksums", number), "ref": of("ref"), "version": of("version"), "booted": of("booted"),
                "pinned": of("pinned"), "staged": at("staged", number), "current": number == 0,
            })
        })
        .collect()
}

/// What is staged boots next, else what is booted.
fn of_bootc(read: &Observation) -> Vec<Value> {
    let slots: BTreeMap<&str, &Value> = ["staged", "booted", "rollback"]
        .into_iter()
        .filter_map(|slot| Some((slot, read.get(slot).filter(|entry| entry.is_object())?)))
        .collect();
    let next = if slots.contains_key("staged") { "staged" } else { "booted" };
    ["staged", "booted", "rollback"]
        .into_iter()
        .filter_map(|slot| {
            let entry = slots.get(slot)?;
            let of = |name: &str| entry.get(name).cloned().unwrap_or_default();
            Some(json!({
                "id": of("digest"), "ref": of("image"), "version": of("version"), "booted": slot == "booted",
                "staged": slot == "staged", "current": slot == next,
            }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::ProcessEnd;
    use crate::system::process::End;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for folder in [
            "profiles",
            "run",
            "store/a/specialisation",
            "store/b/kernel-modules/lib/modules/6.12.1",
            "store/s",
        ] {
            fs::create_dir_all(root.path().join(folder)).expect("a folder");
        }
        let store = |name: &str| root.path().join("store").join(name);
        fs::write(store("b").join("nixos-version"), "25.05.1\n").expect("a version");
        symlink(store("s"), store("a").join("specialisation/quiet")).expect("a link");
        for (link, target) in [
            ("profiles/system-9-link", "a"),
            ("profiles/system-10-link", "b"),
            ("profiles/other-3-link", "a"),
            ("run/booted-system", "s"),
            ("run/current-system", "b"),
        ] {
            symlink(store(target), root.path().join(link)).expect("a link");
        }
        symlink("system-10-link", root.path().join("profiles/system")).expect("a link");
        symlink("profiles/system", root.path().join("home")).expect("a link");
        root
    }

    #[test]
    fn generations_of_a_profile_are_told_with_what_is_current_and_what_was_booted() {
        let root = machine();
        let places = [root.path().join("none"), root.path().join("home")];
        let seen = of_profile(root.path(), GenerationsOf::Nixos, &places).expect("seen");
        for (field, value) in [
            ("kind", json!("nixos")),
            ("count", json!(2)),
            ("ids", json!([9, 10])),
            ("current", json!(10)),
            ("active", json!(10)),
            ("booted", json!(9)),
            ("list.0.id", json!(10)),
            ("list.0.version", json!("25.05.1")),
            ("list.0.kernel", json!("6.12.1")),
            ("list.1.booted", json!(true)),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
        let home = of_profile(root.path(), GenerationsOf::HomeManager, &places).expect("seen");
        assert_eq!((home.get("booted"), home.get("current")), (None, Some(&json!(10))));
        let none = of_profile(root.path(), GenerationsOf::NixEnv, &places[..1]).expect_err("no profile");
        assert!(none.hint().is_some(), "{none}");
    }

    #[test]
    fn deployments_are_told_by_checksum_or_digest() {
        let said = |code: i32, text: &str| ended(End::Process(ProcessEnd::Exited(code)), text, "error: no\n");
        let text = json!({"deployments": [
            {"checksum": "b", "origin": "f:x", "booted": false, "staged": true, "version": "2"},
            {"checksum": "a", "origin": "f:x", "booted": true, "pinned": true, "version": "1"},
        ]});
        let seen = of_tool(GenerationsOf::RpmOstree, &said(0, &text.to_string())).expect("seen");
        for (field, value) in [
            ("ids", json!(["b", "a"])),
            ("current", json!("b")),
            ("staged", json!("b")),
            ("booted", json!("a")),
            ("pinned", json!(1)),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
        let text =
            json!({"status": {"booted": {"image": {"image": {"image": "q/a"}, "imageDigest": "sha256:1"}}}});
        let seen = of_tool(GenerationsOf::Bootc, &said(0, &text.to_string())).expect("seen");
        assert_eq!(
            (seen.get("current"), seen.get("booted")),
            (Some(&json!("sha256:1")), Some(&json!("sha256:1")))
        );
        for (code, text) in
            [(1, ""), (0, "error: This system was not booted via libostree.\n"), (0, "{\"deployments\": []}")]
        {
            let why = of_tool(GenerationsOf::RpmOstree, &said(code, text)).expect_err(text);
            assert!(why.hint().is_some(), "{why}");
        }
        assert!(of_tool(GenerationsOf::Bootc, &said(0, "{\"status\": {}}")).is_err());
    }
}
