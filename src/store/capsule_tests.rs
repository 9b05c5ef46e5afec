use super::*;
use crate::store::StateFolder;
use crate::store::sample::{approved, envelopes, state, story, told};
use std::os::unix::fs::MetadataExt;

fn opened() -> (tempfile::TempDir, StateFolder, Capsule) {
    let at = tempfile::tempdir().expect("a folder");
    let state = state(at.path());
    let capsule = state.open_generation(&approved()).expect("opened");
    (at, state, capsule)
}

fn begin(capsule: &Capsule, more: Vec<Event>) -> Journal {
    let (mut writer, _) = capsule.writer().expect("a journal");
    writer.append(&story(1)[..1]).expect("durable");
    writer.append(&envelopes(2, more)).expect("durable");
    capsule.journal().expect("read")
}

#[test]
fn a_capsule_holds_all_that_is_needed_to_go_back() {
    let (at, state, capsule) = opened();
    assert_eq!(capsule.plan().expect("the plan"), approved().plan);
    assert_eq!(capsule.plan_yaml().expect("the bytes"), approved().plan_yaml);
    for folder in [
        capsule.layers_folder(),
        capsule.originals_folder(),
        capsule.roots_folder(),
        capsule.evidence_folder(),
    ] {
        assert!(folder.is_dir(), "{}", folder.display());
    }
    let ballast = capsule.folder().join("ballast").metadata().expect("a ballast");
    assert!(ballast.blocks() * 512 >= BALLAST_BYTES, "{} blocks", ballast.blocks());
    let program = capsule.program().metadata().expect("a program");
    let pinned =
        state.root().join("bin").join(files::sha256_file(&at.path().join("program")).expect("read").0);
    assert_eq!((program.ino(), program.nlink()), (pinned.metadata().expect("pinned").ino(), 2));
}

#[test]
fn sums_are_read_by_sha256sum() {
    let (_at, _state, capsule) = opened();
    let sums = fs::read_to_string(capsule.folder().join("plan.sha256")).expect("read");
    let expected: String = ["plan.yaml", "plan.json"]
        .map(|name| format!("{}  {name}\n", files::sha256_file(&capsule.folder().join(name)).expect("read")))
        .concat();
    assert_eq!(sums, expected);
}

#[test]
fn a_seal_names_every_file_with_its_hash_and_can_be_set_again() {
    let (_at, _state, capsule) = opened();
    for undo in ["first\n", "second\n"] {
        let sealed = capsule.seal(undo).expect("sealed");
        let names: Vec<&str> = sealed.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["plan.yaml", "plan.json", "switchback", "UNDO"]);
        for file in &sealed {
            let now = files::sha256_file(&capsule.folder().join(&file.name)).expect("read");
            assert_eq!(file.sha256, now, "{}", file.name);
        }
        assert_eq!(capsule.undo_text().as_deref(), Some(undo));
    }
}

#[test]
fn a_changed_plan_is_not_executed() {
    let (_at, _state, capsule) = opened();
    let sealed = capsule.seal("by hand\n").expect("sealed");
    let journal = begin(&capsule, vec![Event::CapsuleSealed { files: sealed }]);
    assert!(capsule.damage(&journal).is_empty());
    let json = capsule.folder().join("plan.json");
    let changed = fs::read_to_string(&json).expect("read").replace("Tour", "Turn");
    fs::write(&json, &changed).expect("written");
    assert!(matches!(capsule.plan(), Err(StoreError::Changed { .. })));
    assert!(matches!(capsule.seal("x"), Err(StoreError::Changed { .. })));
    // Whoever changes the sums as well still meets the journal.
    let sums = format!(
        "{}  plan.yaml\n{}  plan.json\n",
        files::sha256_bytes(&approved().plan_yaml),
        files::sha256_bytes(changed.as_bytes())
    );
    fs::write(capsule.folder().join("plan.sha256"), sums).expect("written");
    assert!(matches!(capsule.plan(), Err(StoreError::Changed { .. })));
    fs::remove_file(capsule.folder().join("UNDO")).expect("removed");
    fs::write(capsule.folder().join("journal.damaged-1"), "").expect("written");
    let names: Vec<String> = capsule.damage(&journal).into_iter().map(|item| item.name).collect();
    assert_eq!(names, ["journal.damaged-1", "plan.json", "UNDO"]);
}

#[test]
fn a_damaged_plan_of_a_capsule_that_was_not_sealed_is_named() {
    let (_at, _state, capsule) = opened();
    let journal = begin(&capsule, Vec::new());
    assert!(capsule.damage(&journal).is_empty());
    fs::write(capsule.folder().join("plan.json"), "{").expect("written");
    let names: Vec<String> = capsule.damage(&journal).into_iter().map(|item| item.name).collect();
    assert_eq!(names, ["plan.json"]);
    fs::write(capsule.folder().join("plan.sha256"), "").expect("written");
    let why = capsule.plan().expect_err("no sums").to_string();
    assert!(why.ends_with("cannot be read: it does not name plan.json"), "{why}");
}

#[test]
fn a_damaged_copy_of_the_program_is_replaced_for_the_next_capsule() {
    let (at, first_state, first) = opened();
    fs::write(first.program(), "damaged").expect("written");
    let state =
        StateFolder::open(first_state.root()).expect("opened").with_program(&at.path().join("program"));
    let second = state.open_generation(&approved()).expect("opened");
    assert_eq!(fs::read(second.program()).expect("read"), b"#!small");
}

#[test]
fn the_ballast_moves_with_the_current_generation_and_is_released_once() {
    let (_at, state, _unbegun) = opened();
    let first = told(&state, story);
    let second = told(&state, story);
    assert!(!first.folder().join("ballast").exists());
    assert_eq!(second.release_ballast().expect("released"), BALLAST_BYTES);
    assert_eq!(second.release_ballast().expect("nothing"), 0);
    assert!(!second.folder().join("ballast").exists());
}

#[test]
fn a_plan_that_would_be_read_back_as_another_is_refused() {
    let (_at, state, _capsule) = opened();
    let mut odd = approved();
    let check = serde_json::json!({
        "id": "c", "title": null, "look": {"ask": "?"}, "expect": [{"field": "x", "matchers": [{"lt": 1.0}]}],
        "tolerate": [], "fail_if": [], "severity": "fail", "mode": "enforce", "waiver": null, "on_no_data": "fail",
        "on_error": "error", "applies_if": null, "needs": [], "who": "runner", "hint": null, "tags": [],
        "timeout": 1, "settle": 0, "within": null, "every": 1, "consecutive": 1, "samples": null, "floor": null,
        "direction": "lower"
    });
    let mut check: crate::model::Check = serde_json::from_value(check).expect("a check");
    check.expect[0].matchers = vec![crate::model::Matcher::Lt(f64::INFINITY)];
    let phase = serde_json::json!({
        "id": "p", "title": null, "why": null, "week": null, "days": null, "risk": "low", "needs": [], "layers": [],
        "preflight": [], "apply": [], "settle": 0, "validate": [], "commit": [], "rollback": [], "soak": null,
        "confirm": null, "on": {"fail": "rollback", "inconclusive": "pause", "error": "pause"}, "applies_if": null
    });
    let mut phase: crate::model::Phase = serde_json::from_value(phase).expect("a phase");
    phase.validate = vec![check];
    odd.plan.phases = vec![phase];
    let why = state.open_generation(&odd).expect_err("JSON has no infinity");
    assert!(matches!(why, StoreError::UnstorablePlan(_)), "{why}");
}

#[test]
fn evidence_is_sanitised_bounded_and_named_safely() {
    let (_at, _state, capsule) = opened();
    let cases: [(&str, &str); 6] = [
        ("apply-build.out", "apply-build.out"),
        ("apply-build.out", "apply-build.out.2"),
        ("../../etc/passwd", "_._.._etc_passwd"),
        ("", "_"),
        ("a b\u{202e}", "a_b_"),
        (".hidden", "_hidden"),
    ];
    for (name, expected) in cases {
        let kept = capsule.evidence(name, b"red \x1b[31m text\n").expect("kept");
        if name.starts_with("..") {
            assert!(!kept.contains('/') && !kept.starts_with('.'), "{kept}");
        } else {
            assert_eq!(kept, expected);
        }
        let text = capsule.evidence_read(&kept).expect("read");
        assert!(!text.contains('\x1b') && text.starts_with("red "), "{text:?}");
    }
    assert_eq!(capsule.evidence_names().expect("names").len(), cases.len());
    let long = capsule.evidence("long", &vec![b'x'; 3 * 1024 * 1024]).expect("kept");
    let text = capsule.evidence_read(&long).expect("read");
    assert!(text.contains("\n[... 2097152 bytes left out ...]\n"));
    assert!(text.len() < 1024 * 1024 + 100);
}

#[test]
fn evidence_has_an_end_and_says_so() {
    let (_at, _state, capsule) = opened();
    let earlier = File::create(capsule.evidence_folder().join("earlier")).expect("created");
    earlier.set_len(64 * 1024 * 1024 - 3).expect("grown");
    capsule.evidence("piece", b"abc").expect("kept");
    assert!(matches!(capsule.evidence("piece", b"x"), Err(StoreError::EvidenceFull { .. })));
    // The same for a process that has not counted yet.
    let again = Capsule::at(capsule.folder().to_owned(), capsule.number(), None);
    assert!(matches!(again.evidence("piece", b"x"), Err(StoreError::EvidenceFull { .. })));
}

#[test]
fn evidence_is_read_from_its_folder_only() {
    let (_at, _state, capsule) = opened();
    std::os::unix::fs::symlink("/etc/passwd", capsule.evidence_folder().join("link")).expect("linked");
    for name in ["../plan.yaml", "/etc/passwd", "link", "missing", "", "."] {
        assert!(matches!(capsule.evidence_read(name), Err(StoreError::NoEvidence(_))), "{name:?}");
    }
}

#[test]
fn a_log_of_the_guards_is_bounded_while_one_of_them_writes_it() {
    let (_at, _state, capsule) = opened();
    assert_eq!(capsule.guard_log().expect("read"), None);
    let path = capsule.folder().join("guard.log");
    let mut guard = File::options().create(true).append(true).open(&path).expect("opened");
    let line = "it was taken back and this is said at length\n";
    guard.write_all(format!("first\n{}", line.repeat(60_000)).as_bytes()).expect("written");
    capsule.bound_guard_log().expect("bounded");
    guard.write_all(b"last\n").expect("written");
    let kept = std::fs::read_to_string(&path).expect("read");
    assert!(kept.len() < 1024 * 1024 + 100, "{}", kept.len());
    assert!(kept.starts_with("first\n") && kept.ends_with(&format!("{line}last\n")), "{:.200}", kept);
    assert!(kept.contains(" bytes left out ...]\nit was"), "a line was cut");
    assert_eq!(capsule.guard_log().expect("read").expect("there"), kept, "what is short is given as it is");
    // Once it is short it is left alone.
    capsule.bound_guard_log().expect("short");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), kept);
}
