//! Trees that are hard to take back: deeper than a walk may go, with our own records in them, or changed meanwhile.

use super::dress::dress_named;
use super::entry::Meta;
use super::folder::{look, open_folder};
use super::remove::{open_up, remove_tree};
use super::*;
use crate::layer::layer_for;
use crate::layer::testbed::{Bench, snapshot};
use rustix::fs::{FileType, Mode, OFlags, mkdirat, mknodat, openat};
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

fn files(paths: &[&Path]) -> Box<dyn Layer> {
    let paths = paths.iter().map(|path| path.display().to_string()).collect();
    layer_for(&LayerSpec::Files { paths })
}

fn folder_in(bench: &Bench, name: &str) -> PathBuf {
    let path = bench.root().join(name);
    fs::create_dir_all(&path).expect("made");
    path
}

/// Folders in each other, deeper than any path may be long.
fn deep(top: &Path, levels: usize) {
    let mut at: OwnedFd = open_folder(top).expect("top");
    for _ in 0..levels {
        mkdirat(&at, "d", Mode::RWXU).expect("made");
        at = openat(&at, "d", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("opened");
    }
    mknodat(&at, "end", FileType::RegularFile, Mode::RUSR, 0).expect("a file");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

#[test]
fn a_set_that_holds_the_records_themselves_or_lies_among_them_is_refused() {
    let mut bench = Bench::new();
    let (all, state) = (bench.root(), bench.root().join("state"));
    for path in [all, state.clone(), state.join("generations"), state.join("none/yet")] {
        let refused = files(&[&path]).refusals(&mut bench.cx());
        let named: Vec<&str> = refused.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(named, [state.display().to_string()], "{}", path.display());
        assert!(refused[0].why.contains("switchback's own state folder"), "{refused:?}");
    }
    let beside = folder_in(&bench, "home");
    assert_eq!(files(&[&beside]).refusals(&mut bench.cx()), []);
}

#[test]
fn links_on_the_way_to_what_is_named_come_back_too() {
    let mut bench = Bench::new();
    let root = folder_in(&bench, "releases");
    for (release, text) in [("1", "first"), ("2", "second")] {
        fs::create_dir(root.join(release)).expect("made");
        fs::write(root.join(release).join("f"), text).expect("written");
    }
    symlink("1", root.join("live")).expect("link");
    symlink("live/.", root.join("current")).expect("link");
    let named = root.join("current/f");
    let layer = files(&[&named]);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    let before = snapshot(&root);
    fs::remove_file(root.join("live")).expect("removed");
    symlink("2", root.join("live")).expect("link");
    fs::write(root.join("1/f"), "changed").expect("written");
    assert_eq!(fs::read_to_string(&named).expect("there"), "second");
    let restored = layer.restore(&mut bench.cx(), &record);
    assert_eq!(restored.failed, []);
    assert_eq!(fs::read_to_string(&named).expect("there"), "first");
    // A link gets its time back; the folder that holds it was only passed.
    let after = snapshot(&root);
    let different: Vec<&PathBuf> =
        before.keys().filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(different.iter().all(|path| [&root, &root.join("1")].contains(path)), "{different:?}");
}

#[test]
fn folders_in_each_other_without_end_are_removed_and_not_recorded() {
    let mut bench = Bench::new();
    let root = folder_in(&bench, "t");
    let layer = files(&[&root]);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    deep(&root, 3000);
    let refused = layer.refusals(&mut bench.cx());
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].why.contains("256 folders below"), "{refused:?}");
    let restored = layer.restore(&mut bench.cx(), &record);
    assert_eq!(restored.failed, []);
    assert_eq!(fs::read_dir(&root).expect("there").count(), 0);
}

#[test]
fn a_name_of_our_own_that_somebody_took_is_no_obstacle() {
    let bench = Bench::new();
    let root = folder_in(&bench, "t/gone");
    for number in 0..3 {
        fs::create_dir(root.join(format!(".switchback-below-{number}"))).expect("made");
    }
    deep(&root, 200);
    let above = open_folder(&bench.root().join("t")).expect("opened");
    remove_tree(above.as_fd(), OsStr::new("gone")).expect("removed");
    assert!(!root.exists());
}

#[test]
fn a_name_that_became_a_link_meanwhile_changes_nothing_of_what_it_leads_to() {
    let bench = Bench::new();
    let root = folder_in(&bench, "t");
    let (victim, others) = (bench.root().join("victim"), folder_in(&bench, "others"));
    fs::write(&victim, "secret").expect("written");
    for (path, mode) in [(&victim, 0o600), (&others, 0o500)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
    }
    symlink(&victim, root.join("pipe")).expect("link");
    symlink(&others, root.join("folder")).expect("link");
    let folder = open_folder(&root).expect("opened");
    let seen = look(folder.as_fd(), OsStr::new("pipe")).expect("seen").expect("there");
    let meta = Meta { mode: 0o4777, ..Meta::of(&seen, BTreeMap::new()) };
    let dressed = dress_named(folder.as_fd(), OsStr::new("pipe"), &meta, FileType::Fifo);
    assert_eq!(dressed.expect_err("it is a link").to_string(), "is a symbolic link now");
    let opened = open_up(folder.as_fd(), OsStr::new("folder"));
    assert_eq!(opened.expect_err("it is a link").to_string(), "is a symbolic link now");
    assert_eq!((mode(&victim), mode(&others)), (0o600, 0o500));
}
