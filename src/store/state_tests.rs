use super::*;
use crate::store::sample::{approved, state, story, told};
use std::os::unix::fs::symlink;

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Every path below a folder with its mode.
fn everything(below: &Path) -> Vec<(PathBuf, u32)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(below).expect("a folder") {
        let path = entry.expect("an entry").path();
        let meta = path.symlink_metadata().expect("there");
        all.push((path.clone(), meta.mode() & 0o7777));
        if meta.is_dir() {
            all.extend(everything(&path));
        }
    }
    all.sort();
    all
}

#[test]
fn what_is_not_there_is_not_made_by_looking() {
    let at = temporary();
    let root = at.path().join("state");
    assert!(matches!(StateFolder::open(&root), Err(StoreError::NoState(path)) if path == root));
    assert!(!root.exists());
    fs::create_dir(&root).expect("made");
    fs::set_permissions(&root, Permissions::from_mode(0o700)).expect("mode");
    assert!(matches!(StateFolder::open(&root), Err(StoreError::NoState(_))));
    assert!(everything(&root).is_empty());
}

#[test]
fn looking_changes_nothing() {
    let at = temporary();
    let made = state(at.path());
    told(&made, story);
    let before = everything(made.root());
    let looking = StateFolder::open(made.root()).expect("opened");
    assert_eq!(looking.current(), Some(GenerationNumber(1)));
    looking.showing(GenerationNumber(1)).expect("shown");
    looking.history(&Default::default()).expect("told");
    looking.quarantine().expect("read");
    assert_eq!(everything(made.root()), before);
}

#[test]
fn only_its_owner_may_use_a_state_folder() {
    for mode in [0o701, 0o710, 0o720, 0o750, 0o755, 0o770, 0o777] {
        let at = temporary();
        let made = state(at.path());
        fs::set_permissions(made.root(), Permissions::from_mode(mode)).expect("mode");
        for opened in [StateFolder::open(made.root()), StateFolder::create(made.root())] {
            assert!(
                matches!(opened, Err(StoreError::Loose { mode: found, .. }) if found == mode),
                "{mode:o}"
            );
        }
    }
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let at = temporary();
    let made = state(at.path());
    std::os::unix::fs::chown(made.root(), Some(1234), None).expect("owner");
    for opened in [StateFolder::open(made.root()), StateFolder::create(made.root())] {
        assert!(matches!(opened, Err(StoreError::Foreign { owner: 1234, euid: 0, .. })));
    }
}

#[test]
fn folders_are_0700_and_files_0600() {
    let at = temporary();
    let made = state(at.path());
    let capsule = told(&made, story);
    capsule.seal("by hand\n").expect("sealed");
    capsule.evidence("out", b"text").expect("kept");
    made.index_history().expect("indexed");
    for (path, mode) in everything(made.root()) {
        let program = path.ends_with("switchback") || path.parent().is_some_and(|p| p.ends_with("bin"));
        let expected = match (path.is_symlink(), path.is_dir() || program) {
            (true, _) => 0o777,
            (false, true) => 0o700,
            (false, false) => 0o600,
        };
        assert_eq!(mode, expected, "{}", path.display());
    }
    assert_eq!(fs::metadata(made.root()).expect("meta").mode() & 0o7777, 0o700);
}

#[test]
fn the_current_generation_is_found_without_its_link() {
    let at = temporary();
    let made = state(at.path());
    assert_eq!(made.current(), None);
    for _ in 0..3 {
        told(&made, story);
    }
    let link = made.root().join("current");
    for target in [None, Some("generations/0009"), Some("generations/2"), Some("elsewhere/0001"), Some("..")]
    {
        fs::remove_file(&link).expect("removed");
        if let Some(target) = target {
            symlink(target, &link).expect("linked");
        } else {
            assert_eq!(made.current(), Some(GenerationNumber(3)));
            symlink("x", &link).expect("linked");
        }
        assert_eq!(made.current(), Some(GenerationNumber(3)), "{target:?}");
    }
    made.make_current(GenerationNumber(2)).expect("made");
    assert_eq!(made.current(), Some(GenerationNumber(2)), "the link wins where it leads somewhere");
    assert!(matches!(made.make_current(GenerationNumber(9)), Err(StoreError::NoGeneration(_))));
    fs::write(made.generation_folder(GenerationNumber(2)).join("journal"), "damaged\n").expect("written");
    assert_eq!(made.current(), Some(GenerationNumber(2)), "damage does not make another one current");
}

#[test]
fn a_generation_without_a_first_fact_is_not_the_current_one() {
    let at = temporary();
    let made = state(at.path());
    told(&made, story);
    let opened = made.open_generation(&approved()).expect("opened");
    assert_eq!(fs::read_link(made.root().join("current")).expect("a link"), Path::new("generations/0002"));
    assert_eq!(made.current(), Some(GenerationNumber(1)));
    let (mut writer, _) = opened.writer().expect("a journal");
    writer.append(&story(2)).expect("durable");
    assert_eq!(made.current(), Some(GenerationNumber(2)));
}

#[test]
fn a_number_is_never_used_again() {
    let at = temporary();
    let made = state(at.path());
    let gone =
        |number| fs::remove_dir_all(made.generation_folder(GenerationNumber(number))).expect("removed");
    assert_eq!(made.next_number().expect("a number"), GenerationNumber(1));
    for expected in 1..=3 {
        assert_eq!(told(&made, story).number(), GenerationNumber(expected));
    }
    gone(3);
    assert_eq!(told(&made, story).number(), GenerationNumber(4));
    // Without the marker the folders and the link still count.
    fs::write(made.root().join("highest"), "damaged").expect("written");
    gone(4);
    assert_eq!(made.next_number().expect("a number"), GenerationNumber(5));
    fs::write(made.root().join("highest"), "9999\n").expect("written");
    assert_eq!(told(&made, story).number(), GenerationNumber(10_000));
    assert_eq!(made.current(), Some(GenerationNumber(10_000)));
    fs::write(made.root().join("highest"), format!("{}\n", u32::MAX)).expect("written");
    assert!(matches!(made.next_number(), Err(StoreError::NumbersUsedUp(_))));
}

#[test]
fn other_names_are_no_generations() {
    for (name, number) in [
        ("0001", Some(1)),
        ("12345", Some(12345)),
        ("1", None),
        ("00001", None),
        ("0000", None),
        ("+001", None),
        ("0001.new", None),
        ("99999999999", None),
    ] {
        assert_eq!(number_of(name), number.map(GenerationNumber), "{name}");
    }
}

#[test]
fn one_run_holds_the_lock() {
    let at = temporary();
    let made = state(at.path());
    let held = made.lock("run").expect("free");
    assert!(matches!(made.lock("rollback"), Err(LockError::Held { .. })));
    drop(held);
    made.lock("rollback").expect("free again");
}

#[test]
fn whoever_locks_removes_what_a_killed_runner_was_writing() {
    let at = temporary();
    let made = state(at.path());
    told(&made, story);
    let folders =
        [made.root().to_owned(), made.root().join("bin"), made.generation_folder(GenerationNumber(1))];
    let left = folders.map(|folder| folder.join(".switchback-99999999-0-0.tmp"));
    left.iter().for_each(|file| fs::write(file, "half").expect("written"));
    assert!(made.current().is_some() && left.iter().all(|file| file.exists()), "looking removes nothing");
    drop(made.lock("resume").expect("free"));
    assert!(!left.iter().any(|file| file.exists()));
}
