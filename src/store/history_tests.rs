use super::*;
use crate::model::{Event, PhaseEnd, Verdict};
use crate::store::sample::{approved, began, envelopes, phase_id, state, story, told};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Four generations: back, open, never begun, and one that takes the first back for good.
fn lived() -> (tempfile::TempDir, StateFolder) {
    let at = tempfile::tempdir().expect("a folder");
    let state = state(at.path());
    told(&state, story);
    told(&state, |number| story(number)[..6].to_vec());
    state.open_generation(&approved()).expect("opened");
    told(&state, |number| {
        let taken = Event::EarlierTakenBack {
            generation: GenerationNumber(1),
            phase: phase_id("libs"),
            end: PhaseEnd::Inconsistent,
        };
        envelopes(1, [began(number), taken, Event::RunFinished { verdict: Verdict::Inconsistent }])
    });
    (at, state)
}

fn asked(state: &StateFolder) -> History {
    state.history(&HistoryFilter::default()).expect("told")
}

fn index(state: &StateFolder) -> PathBuf {
    state.root().join("history.db")
}

fn asides(state: &StateFolder) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(state.root())
        .expect("listed")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .filter(|name| name.starts_with("history.db") && name != "history.db")
        .collect();
    names.sort();
    names
}

#[test]
fn every_generation_that_began_has_a_line() {
    let (_at, state) = lived();
    let history = asked(&state);
    let ends: Vec<(u32, Option<PhaseEnd>)> =
        history.lines.iter().map(|line| (line.generation.0, line.end)).collect();
    assert_eq!(ends, [(1, Some(PhaseEnd::Inconsistent)), (2, None), (4, None)]);
    assert_eq!(history.damage, []);
}

#[test]
fn history_is_the_same_with_without_and_with_any_damaged_index() {
    let (_at, state) = lived();
    let truth = asked(&state);
    assert!(!index(&state).exists(), "asking makes no index");
    assert_eq!(state.index_history().expect("indexed"), 4);
    assert_eq!(asked(&state), truth);
    assert_eq!(state.index_history().expect("indexed"), 1, "only the one that never began is read again");
    let good = fs::read(index(&state)).expect("read");
    let half = good.len() / 2;
    let mut no_header = good.clone();
    no_header[..100].fill(0);
    let mut newer = good.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    let mut foreign = good.clone();
    foreign[68..72].copy_from_slice(&7_u32.to_be_bytes());
    let damaged: [(&str, &[u8]); 6] = [
        ("cut", &good[..half]),
        ("without header", &no_header),
        ("empty", &[]),
        ("newer", &newer),
        ("foreign", &foreign),
        ("text", b"not a database"),
    ];
    for (number, (what, bytes)) in damaged.into_iter().enumerate() {
        fs::write(index(&state), bytes).expect("written");
        assert_eq!(asked(&state), truth, "{what}");
        assert_eq!(state.index_history().expect("indexed"), 4, "{what}");
        assert_eq!(asked(&state), truth, "{what}, indexed again");
        let aside = format!("history.db.aside-{}", number + 1);
        assert_eq!(fs::read(state.root().join(aside)).expect("kept"), bytes, "{what}");
    }
    fs::remove_file(index(&state)).expect("removed");
    assert_eq!(asked(&state), truth);
    assert_eq!(state.index_history().expect("indexed"), 4);
    assert_eq!(asked(&state), truth);
}

#[test]
fn no_flipped_byte_of_the_index_changes_history() {
    let (_at, state) = lived();
    let truth = asked(&state);
    state.index_history().expect("indexed");
    let good = fs::read(index(&state)).expect("read");
    let mut noticed = 0;
    for at in (0..good.len()).filter(|at| good[*at] != 0).step_by(3) {
        let mut flipped = good.clone();
        flipped[at] ^= 4;
        fs::write(index(&state), &flipped).expect("written");
        assert_eq!(asked(&state), truth, "byte {at}");
        noticed += 1;
    }
    assert!(noticed > 500, "{noticed} bytes tried");
}

#[test]
fn an_index_behind_its_journals_is_not_believed() {
    let (_at, state) = lived();
    state.index_history().expect("indexed");
    let second = state.capsule(GenerationNumber(2)).expect("there");
    let (mut writer, _) = second.writer().expect("a journal");
    writer
        .append(&envelopes(
            7,
            [Event::PhaseEnded { end: PhaseEnd::Committed, items: Vec::new(), left: Vec::new() }],
        ))
        .expect("durable");
    told(&state, story);
    let lines = asked(&state).lines;
    assert_eq!(lines.iter().map(|line| line.generation.0).collect::<Vec<_>>(), [1, 2, 4, 5]);
    assert_eq!(lines[1].end, Some(PhaseEnd::Committed));
    assert_eq!(state.index_history().expect("indexed"), 3, "the two, and the one that never began");
    assert_eq!(asked(&state).lines, lines);
    fs::remove_dir_all(state.generation_folder(GenerationNumber(4))).expect("removed");
    assert_eq!(asked(&state).lines.len(), 3);
    state.index_history().expect("indexed");
    assert_eq!(asked(&state).lines.len(), 3);
}

#[test]
fn a_journal_that_lost_facts_or_is_damaged_is_named() {
    let (_at, state) = lived();
    state.index_history().expect("indexed");
    let path = state.generation_folder(GenerationNumber(1)).join("journal");
    let bytes = fs::read(&path).expect("read");
    let third = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(2).expect("three lines").0 + 1;
    fs::write(&path, &bytes[..third]).expect("written");
    let missing = "line 4: it is missing, and the head of the journal tells of 13 facts";
    assert_eq!(asked(&state).damage, [Item::new("generation 0001 journal", missing)]);
    fs::remove_file(path.with_file_name("journal.head")).expect("removed");
    let damage = asked(&state).damage;
    assert_eq!(damage, [Item::new("generation 0001 journal", "3 facts, once it had 13")]);
    state.index_history().expect("indexed");
    assert_eq!(asked(&state).damage, damage);

    let mut flipped = bytes;
    flipped[third + 30] ^= 1;
    fs::write(&path, &flipped).expect("written");
    let history = asked(&state);
    assert!(history.damage[0].why.starts_with("line 4: its hash is"), "{:?}", history.damage);
    assert_eq!(history.lines.len(), 3, "what stands before the damage is told");
    fs::copy(state.generation_folder(GenerationNumber(2)).join("journal"), &path).expect("copied");
    assert_eq!(asked(&state).damage, [Item::new("generation 0001 journal", "it is that of generation 0002")]);
    fs::remove_file(&path).expect("removed");
    assert_eq!(asked(&state).damage, [Item::new("generation 0001 journal", "it has no journal")]);
}

#[test]
fn stale_sidecars_change_nothing_and_are_gone_afterwards() {
    let (_at, state) = lived();
    let truth = asked(&state);
    state.index_history().expect("indexed");
    let good = fs::read(index(&state)).expect("read");
    for database in [good.as_slice(), b"damaged"] {
        fs::write(index(&state), database).expect("written");
        for end in ["-journal", "-wal", "-shm"] {
            fs::write(state.root().join(format!("history.db{end}")), "stale").expect("written");
        }
        assert_eq!(asked(&state), truth);
        state.index_history().expect("indexed");
        assert_eq!(asked(&state), truth);
        state.rebuild_history().expect("made again");
        assert_eq!(asked(&state), truth);
        let left: Vec<String> = asides(&state).into_iter().filter(|name| !name.contains(".aside-")).collect();
        assert_eq!(left, [""; 0]);
    }
}

#[test]
fn a_filter_leaves_out_what_is_not_asked_for() {
    let (_at, state) = lived();
    let numbers = |filter: HistoryFilter| -> Vec<u32> {
        state.history(&filter).expect("told").lines.iter().map(|line| line.generation.0).collect()
    };
    let all = HistoryFilter::default;
    assert_eq!(numbers(HistoryFilter { limit: Some(2), ..all() }), [2, 4]);
    assert_eq!(numbers(HistoryFilter { limit: Some(9), ..all() }), [1, 2, 4]);
    assert_eq!(numbers(HistoryFilter { phase: Some(phase_id("libs")), ..all() }), [1, 2, 4]);
    assert_eq!(numbers(HistoryFilter { phase: Some(phase_id("other")), ..all() }), [0_u32; 0]);
    assert_eq!(numbers(HistoryFilter { run: RunId::new("r2").ok(), ..all() }), [0_u32; 0]);
    assert_eq!(numbers(HistoryFilter { plan: PlanName::new("tour").ok(), ..all() }), [1, 2, 4]);
}

#[test]
fn the_index_counts_checks_and_measurements() {
    let (_at, state) = lived();
    state.index_history().expect("indexed");
    let connection = rusqlite::Connection::open(index(&state)).expect("opened");
    let count =
        |question: &str| -> i64 { connection.query_row(question, [], |row| row.get(0)).expect("a number") };
    assert_eq!(count("SELECT count(*) FROM checks"), 3);
    assert_eq!(count("SELECT count(*) FROM checks WHERE outcome = 'fail'"), 1);
    assert_eq!(count("SELECT count(*) FROM measurements WHERE field = 'count' AND value = 5"), 3);
    assert_eq!(count("SELECT generations FROM (SELECT max(latest) AS generations FROM runs)"), 4);
}

#[test]
fn a_showing_tells_everything_that_the_capsule_knows() {
    let (_at, state) = lived();
    let capsule = state.capsule(GenerationNumber(1)).expect("there");
    capsule.evidence("out", b"text").expect("kept");
    let showing = state.showing(GenerationNumber(1)).expect("shown");
    assert_eq!((showing.steps.len(), showing.checks.len(), showing.records.len()), (3, 2, 1));
    assert_eq!(showing.evidence, ["evidence/out"]);
    assert_eq!((showing.damage, showing.items), (vec![], vec![]));
    assert!(showing.capsule.ends_with("generations/0001"), "{}", showing.capsule);
    assert!(matches!(state.showing(GenerationNumber(3)), Err(StoreError::Unreadable { .. })));
    assert!(matches!(state.showing(GenerationNumber(9)), Err(StoreError::NoGeneration(_))));
}

#[test]
fn a_folder_that_cannot_be_written_can_be_read() {
    let (_at, state) = lived();
    state.index_history().expect("indexed");
    let truth = asked(&state);
    // Root writes anyway; the mode must at least not stop reading. A read-only mount is in the lab's tests.
    fs::set_permissions(state.root(), fs::Permissions::from_mode(0o500)).expect("mode");
    let reading = StateFolder::open(state.root()).expect("opened");
    assert_eq!(asked(&reading), truth);
    assert_eq!(reading.current(), Some(GenerationNumber(4)));
    if !nix::unistd::geteuid().is_root() {
        assert!(reading.open_generation(&approved()).is_err());
    }
    fs::set_permissions(state.root(), fs::Permissions::from_mode(0o700)).expect("mode");
}
