//! What was saved is what is restored: for arbitrary trees and arbitrary damage, and for each hard case by name.

use super::restore::Restore;
use super::*;
use crate::layer::testbed::{Bench, snapshot};
use crate::layer::{layer_for, recorded_layer};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::PathBuf;

#[derive(Debug, Clone)]
enum Op {
    Write(String, Vec<u8>),
    Sparse(String, u64),
    Folder(String),
    Link(String, String),
    Same(String, String),
    Pipe(String),
    Mode(String, u32),
    Owner(String, u32, u32),
    Time(String, i64, u32),
    Attribute(String, u8),
    Strip(String),
    Remove(String),
    Rename(String, String),
}

const NAMES: [&str; 6] = ["a", "b", "c", ".hidden", "with space'\n", "ü\\x41"];

fn below(top: &'static [&'static str]) -> impl Strategy<Value = String> {
    (prop::sample::select(top), prop::collection::vec(prop::sample::select(&NAMES[..]), 1..4))
        .prop_map(|(top, names)| format!("{top}/{}", names.join("/")))
}

fn op(tops: &'static [&'static str], tree: &'static [&'static str]) -> impl Strategy<Value = Op> {
    let path = move || below(tops);
    let mode =
        prop::sample::select(&[0o644_u32, 0o600, 0o755, 0o4755, 0o2775, 0o1777, 0o000, 0o400, 0o500][..]);
    prop_oneof![
        4 => (path(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(at, bytes)| Op::Write(at, bytes)),
        1 => (path(), 1_u64..200_000).prop_map(|(at, length)| Op::Sparse(at, length)),
        3 => path().prop_map(Op::Folder),
        2 => (path(), prop_oneof![below(tops), Just("/etc".to_owned()), Just("none".to_owned())])
            .prop_map(|(at, to)| Op::Link(at, to)),
        2 => (below(tree), below(tree)).prop_map(|(at, of)| Op::Same(at, of)),
        1 => path().prop_map(Op::Pipe),
        2 => (path(), mode).prop_map(|(at, mode)| Op::Mode(at, mode)),
        1 => (path(), 0_u32..3, 0_u32..3).prop_map(|(at, uid, gid)| Op::Owner(at, uid, gid)),
        2 => (path(), 0_i64..2_000_000_000, 0_u32..1_000_000_000).prop_map(|(at, s, n)| Op::Time(at, s, n)),
        2 => (path(), any::<u8>()).prop_map(|(at, value)| Op::Attribute(at, value)),
        1 => path().prop_map(Op::Strip),
        2 => path().prop_map(Op::Remove),
        2 => (path(), path()).prop_map(|(from, to)| Op::Rename(from, to)),
    ]
}

fn apply(root: &Path, op: &Op) {
    // Arbitrary acts may be impossible; then they are no acts.
    let remove = |path: &Path| match path.symlink_metadata() {
        Ok(seen) if seen.is_dir() => drop(fs::remove_dir_all(path)),
        Ok(_) => drop(fs::remove_file(path)),
        Err(_) => {}
    };
    let free = |at: &str| {
        let path = root.join(at);
        if let Some(parent) = path.parent() {
            drop(fs::create_dir_all(parent));
        }
        remove(&path);
        path
    };
    match op {
        Op::Write(at, bytes) => {
            let path = root.join(at);
            // Nobody reads a pipe here: opening it would wait for ever.
            if path.symlink_metadata().is_ok_and(|seen| !seen.is_file() && !seen.is_dir()) {
                remove(&path);
            }
            if let Some(parent) = path.parent() {
                drop(fs::create_dir_all(parent));
            }
            drop(fs::write(path, bytes));
        }
        Op::Sparse(at, length) => drop(File::create(free(at)).map(|file| {
            drop(file.set_len(*length));
            drop(file.write_at(b"x", length / 2));
        })),
        Op::Folder(at) => drop(fs::create_dir_all(root.join(at))),
        Op::Link(at, to) => drop(symlink(to, free(at))),
        Op::Same(at, of) if at != of && root.join(of).symlink_metadata().is_ok_and(|seen| seen.is_file()) => {
            drop(fs::hard_link(root.join(of), free(at)));
        }
        Op::Same(..) => {}
        Op::Pipe(at) => drop(::nix::unistd::mkfifo(&free(at), ::nix::sys::stat::Mode::S_IRUSR)),
        Op::Mode(at, mode) if !root.join(at).is_symlink() => {
            drop(fs::set_permissions(root.join(at), fs::Permissions::from_mode(*mode)));
        }
        Op::Mode(..) => {}
        Op::Owner(at, uid, gid) => drop(std::os::unix::fs::lchown(root.join(at), Some(*uid), Some(*gid))),
        Op::Time(at, seconds, nanos) => {
            let at_time = rustix::fs::Timespec { tv_sec: *seconds, tv_nsec: i64::from(*nanos) };
            let times = rustix::fs::Timestamps { last_access: at_time, last_modification: at_time };
            let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            drop(
                rustix::fs::utimensat(rustix::fs::CWD, root.join(at), &times, flags)
                    .map_err(std::io::Error::from),
            );
        }
        Op::Attribute(at, value) => drop(xattr::set(root.join(at), "user.test", &[*value])),
        Op::Strip(at) => drop(xattr::remove(root.join(at), "user.test")),
        Op::Remove(at) => remove(&root.join(at)),
        Op::Rename(from, to) => drop(fs::rename(root.join(from), root.join(to))),
    }
}

/// The recorded set: a tree, two single paths, and a glob.
fn recorded_set(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = snapshot(&root.join("t"));
    all.extend(snapshot(&root.join("s/a")));
    all.extend(snapshot(&root.join("s/b")));
    if let Ok(entries) = fs::read_dir(root.join("g")) {
        for entry in entries {
            let path = entry.expect("entry").path();
            if !path.file_name().is_some_and(|name| name.as_bytes().starts_with(b".")) {
                all.extend(snapshot(&path));
            }
        }
    }
    all
}

fn layer_of(root: &Path, paths: &[&str]) -> LayerSpec {
    LayerSpec::Files { paths: paths.iter().map(|path| format!("{}/{path}", root.display())).collect() }
}

fn tested(build: &[Op], damage: &[Op], prefix: Option<u64>) -> Result<(), TestCaseError> {
    let mut bench = Bench::in_memory();
    let root = bench.root().join("root");
    for folder in ["t", "s", "g"] {
        fs::create_dir_all(root.join(folder)).expect("folder");
    }
    build.iter().for_each(|op| apply(&root, op));
    let layer = layer_for(&layer_of(&root, &["t/", "s/a", "s/b", "g/*"]));
    let refused = layer.refusals(&mut bench.cx());
    let record = match layer.record(&mut bench.cx(), 0) {
        Ok(record) => record,
        Err(LayerError::CannotSave(items)) => {
            prop_assert_eq!(few(items), refused);
            return Ok(());
        }
        Err(why) => return Err(TestCaseError::fail(format!("{why}"))),
    };
    prop_assert!(refused.is_empty(), "{refused:?}");
    let before = recorded_set(&root);
    prop_assert_eq!(layer.preview(&mut bench.cx(), &record).expect("preview"), Vec::<String>::new());
    damage.iter().for_each(|op| apply(&root, op));
    let damaged = recorded_set(&root) != before;
    let layer = recorded_layer(&bench.capsule, &record).expect("recorded");
    let preview = layer.preview(&mut bench.cx(), &record).expect("preview");
    prop_assert!(!damaged || !preview.is_empty());
    if let Some(limit) = prefix {
        let manifest = Manifest::open(&bench.capsule, &record).expect("manifest");
        let mut killed = Restore::new(&bench.capsule, &mut bench.watch);
        killed.pass(&manifest, limit).expect("pass");
    }
    let restored = layer.restore(&mut bench.cx(), &record);
    prop_assert_eq!(&restored.failed, &Vec::new());
    prop_assert!(!damaged || prefix.is_some() || restored.changed > 0);
    let after = recorded_set(&root);
    prop_assert_eq!(&after, &before, "preview was {:#?}", preview);
    let again = layer.restore(&mut bench.cx(), &record);
    prop_assert_eq!(again, Restored { changed: 0, failed: Vec::new() });
    prop_assert_eq!(layer.preview(&mut bench.cx(), &record).expect("preview"), Vec::<String>::new());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_was_saved_is_what_is_restored(
        build in prop::collection::vec(op(&["t", "s", "g"], &["t"]), 0..30),
        damage in prop::collection::vec(op(&["t", "s", "g"], &["t", "s", "g"]), 0..20),
    ) {
        tested(&build, &damage, None)?;
    }

    #[test]
    fn any_part_of_a_restore_and_then_a_restore_is_a_restore(
        build in prop::collection::vec(op(&["t", "s", "g"], &["t"]), 5..25),
        damage in prop::collection::vec(op(&["t", "s", "g"], &["t", "s", "g"]), 1..15),
        limit in 0_u64..40,
    ) {
        tested(&build, &damage, Some(limit))?;
    }
}

/// A layer over `paths` below a fresh folder, after `build`.
fn recorded(paths: &[&str], build: impl FnOnce(&Path)) -> (Bench, PathBuf, Box<dyn Layer>, LayerRecord) {
    let mut bench = Bench::new();
    let root = bench.root().join("root");
    fs::create_dir(&root).expect("root");
    build(&root);
    let layer = layer_for(&layer_of(&root, paths));
    let record = layer.record(&mut bench.cx(), 3).expect("recorded");
    (bench, root, layer, record)
}

fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.as_ref().parent().expect("parent")).expect("folder");
    fs::write(path, bytes).expect("file");
}

fn runs(program: &str, words: &[&str]) -> bool {
    let mut argv = vec![program.to_owned()];
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    let mut bench = Bench::new();
    let command = crate::model::CommandLine::new(argv);
    let ended = crate::layer::child::call(
        &mut bench.cx(),
        &command,
        crate::model::RunAs::Runner,
        crate::layer::child::Interrupts::Heed,
    );
    if let Err(why) = &ended {
        eprintln!("{why}");
    }
    ended.is_ok()
}

#[test]
fn what_cannot_be_saved_is_refused_by_name() {
    let mut bench = Bench::new();
    let root = bench.root().join("root");
    write(root.join("t/inside"), "x");
    fs::hard_link(root.join("t/inside"), root.join("outside")).expect("link");
    let _socket = std::os::unix::net::UnixListener::bind(root.join("t/socket")).expect("socket");
    symlink("t", root.join("to-t")).expect("link");
    write(root.join("t/conf/x"), "x");
    let layer = layer_for(&LayerSpec::Files {
        paths: vec![
            format!("{}/t/", root.display()),
            format!("{}/*/conf/x", root.display()),
            "relative".to_owned(),
            format!("{}/../up", root.display()),
            format!("{}/[x", root.display()),
        ],
    });
    let refused: BTreeMap<String, String> =
        layer.refusals(&mut bench.cx()).into_iter().map(|item| (item.name, item.why)).collect();
    let names = |path: &str| root.join(path).display().to_string();
    for (name, why) in [
        (names("t/inside"), "has 2 names (hard links), and only 1 of them are recorded"),
        (names("t/socket"), "is a socket"),
        (names("to-t"), "is a symbolic link to a folder"),
        ("relative".to_owned(), "is not an absolute path"),
        (names("../up"), "is not an absolute path without `..`"),
        (names("[x"), "is no pattern"),
    ] {
        let told = refused.get(&name).unwrap_or_else(|| panic!("{name} is not among {refused:?}"));
        assert!(told.contains(why), "{name}: {told}");
    }
    assert_eq!(refused.len(), 6, "{refused:?}");
    match layer.record(&mut bench.cx(), 0) {
        Err(LayerError::CannotSave(items)) => assert_eq!(items.len(), 6),
        other => panic!("{other:?}"),
    }
    assert!(!bench.capsule.join("layers/00-files.jsonl").exists(), "a refused record leaves no manifest");
}

#[test]
fn what_is_locked_is_refused_and_what_a_phase_locked_is_unlocked() {
    let (mut bench, root, layer, record) = recorded(&["t/", "f"], |root| {
        write(root.join("t/a"), "a");
        write(root.join("f"), "f");
    });
    let before = snapshot(&root);
    write(root.join("t/a"), "other");
    write(root.join("t/new"), "new");
    let locked = ["t/a", "t/new", "t", "f"].map(|name| root.join(name).display().to_string());
    for path in &locked {
        if !runs("chattr", &["+i", path]) {
            crate::skipped::skipped(
                "what_is_locked_is_refused_and_what_a_phase_locked_is_unlocked",
                "chattr +i does not work here",
            );
            return;
        }
    }
    let refused = layer.refusals(&mut bench.cx());
    assert!(refused.iter().any(|item| item.why == "is immutable or append-only"), "{refused:?}");
    assert_eq!(layer.restore(&mut bench.cx(), &record).failed, []);
    assert_eq!(snapshot(&root), before);
    assert_eq!(layer.restore(&mut bench.cx(), &record).changed, 0);
}

#[test]
fn acls_capabilities_and_holes_come_back() {
    let (mut bench, root, layer, record) = recorded(&["t/"], |root| {
        write(root.join("t/acl"), "acl");
        write(root.join("t/cap"), "cap");
        let holes = File::create(root.join("t/holes")).expect("file");
        holes.set_len(32 << 20).expect("length");
        holes.write_at(b"end", (32 << 20) - 3).expect("bytes");
        let path = |name: &str| root.join(name).display().to_string();
        if !runs("setfacl", &["-m", "u:1:rw", &path("t/acl")])
            || !runs("setfacl", &["-d", "-m", "u:1:rwx", &path("t")])
            || !runs("setcap", &["cap_net_raw+ep", &path("t/cap")])
        {
            crate::skipped::skipped(
                "acls_capabilities_and_holes_come_back",
                "setfacl or setcap does not work here",
            );
        }
    });
    let before = snapshot(&root);
    for name in ["acl", "cap", "holes"] {
        fs::remove_file(root.join("t").join(name)).expect("removed");
        write(root.join("t").join(name), "other");
    }
    assert!(
        runs("setfacl", &["-b", &root.join("t").display().to_string()]) || !runs("setfacl", &["--version"])
    );
    assert_eq!(layer.restore(&mut bench.cx(), &record).failed, []);
    assert_eq!(snapshot(&root), before);
    let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(root.join("t/holes")).expect("holes"));
    assert!(blocks < 1024, "32 MiB of holes take {blocks} blocks");
}

#[test]
fn names_that_are_not_text_come_back() {
    let (mut bench, root, layer, record) = recorded(&["t/"], |root| {
        fs::create_dir(root.join("t")).expect("folder");
        write(root.join("t").join(OsStr::from_bytes(b"\xff\n\\")), b"\0\xff");
        symlink(OsStr::from_bytes(b"\xfe"), root.join("t").join(OsStr::from_bytes(b"\x80"))).expect("link");
    });
    let before = snapshot(&root.join("t"));
    fs::remove_dir_all(root.join("t")).expect("removed");
    assert_eq!(layer.restore(&mut bench.cx(), &record).failed, []);
    assert_eq!(snapshot(&root.join("t")), before);
}

#[test]
fn absence_is_recorded_with_the_folders_above_it() {
    let (mut bench, root, layer, record) = recorded(&["new/deep/file", "kept/deep/file", "tree/"], |_| {});
    write(root.join("new/deep/file"), "x");
    write(root.join("kept/deep/file"), "x");
    write(root.join("kept/theirs"), "x");
    write(root.join("tree/a/b"), "x");
    let restored = layer.restore(&mut bench.cx(), &record);
    assert_eq!(restored.failed, []);
    let left: Vec<PathBuf> = snapshot(&root).into_keys().collect();
    assert_eq!(left, [root.clone(), root.join("kept"), root.join("kept/theirs")]);
    assert_eq!(layer.restore(&mut bench.cx(), &record).changed, 0);
}

#[test]
fn a_folder_above_that_became_a_link_is_not_followed() {
    let (mut bench, root, layer, record) =
        recorded(&["way/file"], |root| write(root.join("way/file"), "mine"));
    write(root.join("elsewhere/file"), "theirs");
    fs::rename(root.join("way"), root.join("old")).expect("renamed");
    symlink("elsewhere", root.join("way")).expect("link");
    let restored = layer.restore(&mut bench.cx(), &record);
    assert_eq!(fs::read(root.join("elsewhere/file")).expect("theirs"), b"theirs");
    let names: Vec<&str> = restored.failed.iter().map(|item| item.name.as_str()).collect();
    let wanted = [root.join("way").display().to_string(), root.join("way/file").display().to_string()];
    assert_eq!(names, wanted, "{restored:?}");
    let preview = layer.preview(&mut bench.cx(), &record).expect("preview");
    assert!(preview.iter().any(|line| line.contains("is a symbolic link, recorded a folder")), "{preview:?}");
}

#[test]
fn damaged_saved_bytes_fail_their_item_and_no_other() {
    let (mut bench, root, layer, record) = recorded(&["t/"], |root| {
        write(root.join("t/a"), "aaaa");
        write(root.join("t/b"), "bbbb");
        write(root.join("t/c"), "cccc");
    });
    let sha = |text: &str| {
        let mut hasher = sha2::Sha256::default();
        sha2::Digest::update(&mut hasher, text);
        crate::layer::capsule::digest(hasher).0
    };
    fs::write(bench.capsule.join("originals").join(sha("aaaa")), "AAAA").expect("damaged");
    fs::remove_file(bench.capsule.join("originals").join(sha("bbbb"))).expect("removed");
    for name in ["a", "b", "c"] {
        write(root.join("t").join(name), "new");
    }
    let restored = layer.restore(&mut bench.cx(), &record);
    let told: Vec<String> =
        restored.failed.iter().map(|item| format!("{} {}", item.name, item.why)).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("t/a saved bytes are damaged: sha256"), "{told:?}");
    assert!(told[1].contains("t/b saved bytes"), "{told:?}");
    assert_eq!(fs::read(root.join("t/a")).expect("a"), b"new", "nothing bad was put in place");
    assert_eq!(fs::read(root.join("t/c")).expect("c"), b"cccc");
}

#[test]
fn so_many_files_that_a_helper_shares_the_work_come_back_exactly_and_damage_is_named() {
    let content = |number: usize| vec![u8::try_from(number % 251).expect("small"); number * 1_500];
    let (mut bench, root, layer, record) = recorded(&["t/"], |root| {
        for number in 0..200 {
            let path = root.join(format!("t/{}/{number}", number % 7));
            write(&path, content(number));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600 + u32::from(number % 2 == 0) * 0o44))
                .expect("mode");
        }
        fs::hard_link(root.join("t/3/150"), root.join("t/3/again")).expect("a second name");
    });
    let before = snapshot(&root.join("t"));
    fs::remove_dir_all(root.join("t/2")).expect("removed");
    fs::write(root.join("t/5/5"), "other").expect("changed");
    let restored = layer.restore(&mut bench.cx(), &record);
    assert_eq!(restored.failed, [], "{restored:?}");
    assert_eq!(snapshot(&root.join("t")), before);

    fs::remove_dir_all(root.join("t")).expect("removed");
    let originals = bench.capsule.join("originals");
    let damaged = fs::read_dir(&originals).expect("list").map(|entry| entry.expect("entry").path());
    let damaged = damaged.filter(|path| fs::read(path).is_ok_and(|bytes| bytes == content(190))).last();
    fs::write(damaged.expect("saved"), "other").expect("damaged");
    let restored = layer.restore(&mut bench.cx(), &record);
    let told: Vec<String> =
        restored.failed.iter().map(|item| format!("{} {}", item.name, item.why)).collect();
    assert!(told.iter().any(|line| line.contains("t/1/190 saved bytes are damaged: sha256")), "{told:?}");
    assert!(!root.join("t/1/190").exists(), "nothing bad was put in place");
    assert_eq!(fs::read(root.join("t/3/199")).expect("another"), content(199));
    let left = fs::read_dir(root.join("t/1")).expect("list").map(|entry| entry.expect("entry").file_name());
    assert!(!left.into_iter().any(|name| name.as_bytes().starts_with(b".switchback")), "a temporary file");
}

#[test]
fn what_a_killed_record_left_half_written_is_replaced() {
    let (mut bench, _, layer, _) = recorded(&["t/"], |root| {
        for number in 0..30 {
            write(root.join(format!("t/{number}")), format!("content {number}"));
        }
    });
    let originals = bench.capsule.join("originals");
    let saved = |at: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(at).expect("list").map(|entry| entry.expect("entry").path());
        entries.map(|path| (path.clone(), fs::read(path).expect("read"))).collect()
    };
    let whole = saved(&originals);
    for (number, path) in whole.keys().enumerate() {
        match number % 3 {
            0 => fs::write(path, "con").expect("cut"),
            1 => fs::remove_file(path).expect("removed"),
            _ => {}
        }
    }
    layer.record(&mut bench.cx(), 3).expect("recorded again");
    assert_eq!(whole.len(), 30);
    assert_eq!(saved(&originals), whole);
}

#[test]
fn another_manifest_is_refused() {
    let (mut bench, root, layer, record) = recorded(&["f"], |root| write(root.join("f"), "mine"));
    write(root.join("f"), "other");
    let path = bench.capsule.join("layers").join(&record.manifest);
    let text = fs::read_to_string(&path).expect("manifest");
    fs::write(&path, text.replace("\"uid\":", "\"uid\": ")).expect("changed");
    let restored = layer.restore(&mut bench.cx(), &record);
    assert!(restored.failed[0].why.contains("recorded"), "{restored:?}");
    assert_eq!(fs::read(root.join("f")).expect("f"), b"other");
    assert!(matches!(recorded_layer(&bench.capsule, &record), Err(LayerError::WrongManifest { .. })));
}

#[test]
fn one_content_is_saved_once() {
    let (bench, _, _, record) = recorded(&["t/"], |root| {
        for name in 0..40 {
            write(root.join("t").join(name.to_string()), if name % 2 == 0 { "even" } else { "odd" });
        }
    });
    assert_eq!(record.target, "40 files, 140 bytes, 41 entries");
    assert_eq!(record.manifest, "03-files.jsonl");
    assert_eq!(fs::read_dir(bench.capsule.join("originals")).expect("originals").count(), 2);
}

#[test]
fn by_hand_arrives_at_the_same_tree() {
    let (bench, root, layer, record) = recorded(&["t/", "s/a b", "s/none", "s/l"], |root| {
        write(root.join("t/deep/x"), "x");
        write(root.join("t/it's"), "quote");
        write(root.join("t").join(OsStr::from_bytes(b"\xffbytes\n")), "bytes");
        fs::set_permissions(root.join("t/deep/x"), fs::Permissions::from_mode(0o4750)).expect("mode");
        fs::hard_link(root.join("t/deep/x"), root.join("t/same")).expect("link");
        fs::create_dir(root.join("t/empty")).expect("folder");
        fs::set_permissions(root.join("t/empty"), fs::Permissions::from_mode(0o1770)).expect("mode");
        write(root.join("s/a b"), "");
        symlink("a b", root.join("s/l")).expect("link");
    });
    let recorded = |root: &Path| {
        let mut all = snapshot(&root.join("t"));
        all.extend(snapshot(&root.join("s")).into_iter().filter(|(path, _)| *path != root.join("s")));
        all
    };
    let before = recorded(&root);
    write(root.join("t/deep/x"), "other");
    write(root.join("t/created/y"), "created");
    fs::remove_file(root.join("t/it's")).expect("removed");
    fs::remove_file(root.join("s/a b")).expect("removed");
    write(root.join("s/a b/now/a/folder"), "");
    write(root.join("s/none"), "created");
    fs::remove_file(root.join("s/l")).expect("removed");
    let lines = layer.by_hand(&bench.capsule, &record).expect("lines");
    let script = lines.join("\n");
    assert!(runs("sh", &["-eu", "-c", &script]), "{script}");
    assert_eq!(recorded(&root), before, "{script}");
}

#[test]
fn files_stay_as_they_are_while_bytes_wait() {
    // More than a batch, with folders in between and a name of a waiting file.
    let (mut bench, root, layer, record) = recorded(&["t/"], |root| {
        for name in 0..700 {
            write(root.join(format!("t/{}/{name}", name % 7)), format!("old {name}"));
        }
        fs::hard_link(root.join("t/6/699"), root.join("t/z")).expect("link");
    });
    let before = snapshot(&root);
    for name in 0..700 {
        write(root.join(format!("t/{}/{name}", name % 7)), format!("new {name}"));
    }
    let restored = layer.restore(&mut bench.cx(), &record);
    assert_eq!(restored.failed, []);
    assert_eq!(snapshot(&root), before);
    assert_eq!(layer.restore(&mut bench.cx(), &record), Restored { changed: 0, failed: Vec::new() });
}

#[test]
fn inode_flags_come_back_with_a_file_that_is_changed_replaced_or_gone_and_with_its_folder() {
    let mut able = true;
    let (mut bench, root, layer, record) = recorded(&["t/"], |root| {
        write(root.join("t/a"), "a");
        write(root.join("t/b"), "b");
        write(root.join("t/plain"), "plain");
        able = runs("chattr", &["+Ad", &root.join("t/a").display().to_string()])
            && runs("chattr", &["+d", &root.join("t/b").display().to_string()])
            && runs("chattr", &["+A", &root.join("t").display().to_string()]);
    });
    if !able {
        crate::skipped::skipped(
            "inode_flags_come_back_with_a_file_that_is_changed_replaced_or_gone_and_with_its_folder",
            "chattr +A or +d does not work here",
        );
        return;
    }
    let flags_of = |name: &str| {
        let flags = flags::read(&std::fs::File::open(root.join(name)).expect("open")).expect("read");
        flags::letters(flags.expect("flags"))
    };
    let all = || ["t/a", "t/b", "t/plain", "t"].map(&flags_of);
    let before = all();
    assert_eq!((before[0].as_str(), before[1].as_str(), before[3].as_str()), ("Ad", "d", "A"));
    let in_words = root.join("t/b").display().to_string();
    let takings: [&dyn Fn(); 3] = [
        // Nothing but the flags.
        &|| assert!(runs("chattr", &["-d", &in_words])),
        // Another file in its place, as editors do.
        &|| {
            write(root.join("t/a.new"), "other");
            std::fs::rename(root.join("t/a.new"), root.join("t/a")).expect("renamed");
            assert!(runs("chattr", &["+d", &root.join("t/plain").display().to_string()]));
        },
        // All of it gone.
        &|| std::fs::remove_dir_all(root.join("t")).expect("removed"),
    ];
    for take in takings {
        take();
        assert!(!layer.changes(&mut bench.cx(), &record).expect("changes").is_empty());
        let back = layer.restore(&mut bench.cx(), &record);
        assert!(back.failed.is_empty() && back.changed > 0, "{back:?}");
        assert_eq!(all(), before);
        assert_eq!(layer.restore(&mut bench.cx(), &record).changed, 0);
    }
}
