//! What differs between two closures, by comparing what the store says that each needs. `nix store diff-closures` says
//! less (not what was only rebuilt) and needs an experimental feature.

use super::super::{Given, Looking, Need, last_line, process_end, status, tool, whole};
use super::derivation::package;
use crate::check::ProbeError;
use crate::model::{Observation, Value};
use crate::system::process::Ended;
use serde_json::{Map, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A closure of a hundred thousand paths fits.
const KEPT: usize = 16 << 20;
/// Most paths whose sizes are asked for; their names must fit on a command line.
const SIZED: usize = 8192;
/// Further outputs of one package.
const OUTPUTS: [&str; 14] = [
    "bin", "data", "debug", "dev", "devdoc", "dist", "doc", "info", "lib", "man", "out", "py", "static",
    "tools",
];

/// Asks for both closures, then for the sizes of what differs.
pub(super) struct Closures<'a> {
    before: &'a Path,
    after: &'a Path,
    read: Vec<BTreeSet<String>>,
}

impl<'a> Closures<'a> {
    pub(super) fn new(before: &'a Path, after: &'a Path) -> Self {
        Self { before, after, read: Vec::new() }
    }

    /// The next child, or what was seen.
    fn step(&mut self, ended: &Ended) -> Result<Need, ProbeError> {
        let code = status(process_end("nix-store", ended)?);
        let failed = || ProbeError::Unreachable {
            what: format!("nix-store failed: {}", last_line(&ended.stderr)),
            hint: "are both paths of the store, and may this user ask the Nix daemon?",
        };
        let too_much =
            || ProbeError::TooMuch { what: "nix-store".to_owned(), bytes: ended.stdout.total, kept: KEPT };
        if let [before, after] = self.read.as_slice() {
            // Without sizes everything else stands.
            let sizes = whole(&ended.stdout).filter(|_| code == 0);
            let sizes: Vec<i64> = sizes
                .iter()
                .flat_map(|text| text.lines())
                .filter_map(|line| line.trim().parse().ok())
                .collect();
            return Ok(Need::Seen(Ok(compared(before, after, &sizes))));
        }
        if code != 0 {
            return Err(failed());
        }
        let text = whole(&ended.stdout).ok_or_else(too_much)?;
        self.read.push(text.lines().map(str::to_owned).collect());
        let [before, after] = self.read.as_slice() else {
            return Ok(asked(&["--query", "--requisites"], [self.after.to_string_lossy().as_ref()]));
        };
        let differing = || before.symmetric_difference(after).map(String::as_str);
        let count = differing().count();
        if count == 0 || count > SIZED {
            return Ok(Need::Seen(Ok(compared(before, after, &[]))));
        }
        Ok(asked(&["--query", "--size"], differing()))
    }
}

fn asked<'p>(words: &[&'static str], paths: impl IntoIterator<Item = &'p str>) -> Need {
    Need::Child(tool(["nix-store"].iter().chain(words).copied().chain(paths)), KEPT)
}

impl Looking for Closures<'_> {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => self.step(&ended).unwrap_or_else(|why| Need::Seen(Err(why))),
            Given::Nothing | Given::Answered(_) => {
                self.read.clear();
                asked(&["--query", "--requisites"], [self.before.to_string_lossy().as_ref()])
            }
        }
    }
}

/// The versions and paths of a package on one side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Side {
    versions: BTreeSet<String>,
    paths: BTreeSet<String>,
}

fn compared(before: &BTreeSet<String>, after: &BTreeSet<String>, sizes: &[i64]) -> Observation {
    let (old, new) = (sides(before), sides(after));
    let mut lists: BTreeMap<&str, Vec<Value>> =
        ["added", "removed", "changed", "rebuilt"].map(|kind| (kind, Vec::new())).into_iter().collect();
    let mut versions = Map::new();
    let nothing = Side::default();
    for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let (from, to) = (old.get(name).unwrap_or(&nothing), new.get(name).unwrap_or(&nothing));
        let kind = if from.paths == to.paths {
            continue;
        } else if from.paths.is_empty() {
            "added"
        } else if to.paths.is_empty() {
            "removed"
        } else if from.versions == to.versions {
            "rebuilt"
        } else {
            "changed"
        };
        lists.entry(kind).or_default().push(Value::from(name.as_str()));
        if kind != "rebuilt" {
            versions.insert(name.clone(), json!({"from": from.versions, "to": to.versions}));
        }
    }
    let mut seen = Observation::new()
        .with("same", before == after)
        .with("versions", versions)
        .with("paths_before", before.len())
        .with("paths_after", after.len())
        .with("paths_added", after.difference(before).count())
        .with("paths_removed", before.difference(after).count());
    for (kind, names) in lists {
        seen = seen.with(kind, names);
    }
    let differing: Vec<bool> = before.symmetric_difference(after).map(|path| after.contains(path)).collect();
    if differing.len() == sizes.len() {
        let signed =
            differing.iter().zip(sizes).map(|(new, size)| if *new { *size } else { size.saturating_neg() });
        seen = seen.with("size_delta", signed.fold(0, i64::saturating_add));
    }
    seen
}

fn sides(paths: &BTreeSet<String>) -> BTreeMap<String, Side> {
    let mut sides: BTreeMap<String, Side> = BTreeMap::new();
    for path in paths {
        let (name, version) = parts(&package(path));
        let side = sides.entry(name).or_default();
        side.paths.insert(path.clone());
        if !version.is_empty() {
            side.versions.insert(version);
        }
    }
    sides
}

/// `openssl` and `3.0.1` of `openssl-3.0.1-dev`: a version begins behind the first dash that no letter follows.
fn parts(full: &str) -> (String, String) {
    let mut full = full;
    if let Some((rest, output)) = full.rsplit_once('-')
        && OUTPUTS.contains(&output)
    {
        full = rest;
    }
    let at = full.char_indices().find(|(at, c)| {
        *c == '-' && full.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| !c.is_alphabetic()))
    });
    match at {
        Some((at, _)) => {
            (full.get(..at).unwrap_or(full).to_owned(), full.get(at + 1..).unwrap_or_default().to_owned())
        }
        None => (full.to_owned(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ended;
    use super::*;
    use crate::model::ProcessEnd;
    use crate::system::process::End;

    fn path(hash: u8, name: &str) -> String {
        format!("/nix/store/{hash:032}-{name}")
    }

    fn said(code: i32, text: &str) -> Given {
        Given::Ended(Box::new(ended(End::Process(ProcessEnd::Exited(code)), text, "error: no\n")))
    }

    #[test]
    fn packages_are_added_removed_changed_or_only_rebuilt() {
        let before = [
            path(1, "glibc-2.40"),
            path(2, "zlib-1.3"),
            path(3, "zlib-1.3-dev"),
            path(4, "old-1"),
            path(5, "etc"),
        ];
        let after = [
            path(1, "glibc-2.40"),
            path(7, "zlib-1.3"),
            path(3, "zlib-1.3-dev"),
            path(8, "new-2"),
            path(9, "etc"),
            path(6, "vim-9.1"),
        ];
        let before = [before.as_slice(), &[path(10, "vim-9.0")]].concat().join("\n") + "\n";
        let mut look = Closures::new(Path::new("/a"), Path::new("/b"));
        let Need::Child(first, _) = look.next(Given::Nothing) else { panic!("a child") };
        assert_eq!(first.argv, ["nix-store", "--query", "--requisites", "/a"]);
        assert!(matches!(look.next(said(0, &before)), Need::Child(..)));
        let Need::Child(sizes, _) = look.next(said(0, &(after.join("\n") + "\n"))) else { panic!("a child") };
        assert_eq!(sizes.argv.len(), 3 + 8);
        let Need::Seen(Ok(seen)) = look.next(said(0, "1\n2\n3\n4\n5\n6\n7\n8\n")) else { panic!("seen") };
        for (field, value) in [
            ("same", json!(false)),
            ("added", json!(["new"])),
            ("removed", json!(["old"])),
            ("changed", json!(["vim"])),
            ("rebuilt", json!(["etc", "zlib"])),
            ("versions.vim", json!({"from": ["9.0"], "to": ["9.1"]})),
            ("paths_before", json!(6)),
            ("paths_added", json!(4)),
            ("paths_removed", json!(4)),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
        assert!(seen.get("size_delta").is_some());
    }

    #[test]
    fn equal_closures_differ_in_nothing_and_a_store_that_refuses_is_an_error() {
        let mut look = Closures::new(Path::new("/a"), Path::new("/a"));
        look.next(Given::Nothing);
        look.next(said(0, "/nix/store/x\n"));
        let Need::Seen(Ok(seen)) = look.next(said(0, "/nix/store/x\n")) else { panic!("seen") };
        assert_eq!((seen.get("same"), seen.get("changed")), (Some(&json!(true)), Some(&json!([]))));
        look.next(Given::Nothing);
        let Need::Seen(Err(why)) = look.next(said(1, "")) else { panic!("an error") };
        assert!(why.hint().is_some(), "{why}");
    }

    #[test]
    fn a_version_begins_where_no_letter_follows_a_dash() {
        for (full, name, version) in [
            ("openssl-3.0.1-dev", "openssl", "3.0.1"),
            ("python3.12-awscrt-0.25.7", "python3.12-awscrt", "0.25.7"),
            ("nixos-system-host-25.05", "nixos-system-host", "25.05"),
            ("etc", "etc", ""),
            ("unit-x.service", "unit-x.service", ""),
        ] {
            assert_eq!(parts(full), (name.to_owned(), version.to_owned()), "{full}");
        }
    }
}
