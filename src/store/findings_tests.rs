use super::*;
use crate::model::Outcome;
use crate::store::sample::{check_id, phase_id, state, story, told};
use std::fs;

const HOUR: i64 = 3_600_000;
const WIDE: Limits = Limits { of_a_check: 1000, of_all: 1000, age: Span(u64::MAX) };

fn plan() -> PlanName {
    PlanName::new("desk").expect("a name")
}

fn found(check: &str, at: i64, outcome: Outcome, value: f64) -> Finding {
    Finding {
        at: Timestamp(at),
        occasion: Occasion::Schedule,
        plan: plan(),
        revision: 2,
        phase: phase_id("libs"),
        generation: None,
        check: check_id(check),
        tags: vec!["quick".to_owned()],
        outcome,
        counted: outcome,
        reason: Some("5 > 4".to_owned()),
        values: vec![
            Measure {
                field: "free".to_owned(),
                value,
                unit: Some("B".to_owned()),
                ruled: true,
                thresholds: Thresholds::default(),
            },
            Measure {
                field: "count".to_owned(),
                value: 1.5,
                unit: None,
                ruled: false,
                thresholds: Thresholds::default(),
            },
        ],
    }
}

fn folder() -> (tempfile::TempDir, StateFolder) {
    let at = tempfile::tempdir().expect("a folder");
    let state = state(at.path());
    (at, state)
}

fn times(state: &StateFolder, check: &str) -> Vec<i64> {
    let filter = FindingFilter { check: Some(check_id(check)), ..FindingFilter::default() };
    state.findings(&filter).expect("read").iter().map(|finding| finding.at.0).collect()
}

#[test]
fn what_was_kept_is_read_back_by_check_plan_and_time() {
    let (_at, state) = folder();
    assert_eq!(state.findings(&FindingFilter::default()).expect("none"), []);
    let all = [found("a", 1, Outcome::Pass, 7.0), found("b", 1, Outcome::Fail, 0.1 + 0.2)];
    assert!(!state.keep_findings(&all, WIDE).expect("kept"));
    let later = found("a", 5, Outcome::Inconclusive, -1.0);
    state.keep_findings(std::slice::from_ref(&later), WIDE).expect("kept");
    let everything = state.findings(&FindingFilter::default()).expect("read");
    assert_eq!(everything, [&all[..], std::slice::from_ref(&later)].concat());
    assert_eq!(times(&state, "a"), [1, 5]);
    let since = FindingFilter { since: Some(Timestamp(2)), plan: Some(plan()), ..FindingFilter::default() };
    assert_eq!(state.findings(&since).expect("read"), [later]);
    let other = FindingFilter { plan: PlanName::new("other").ok(), ..FindingFilter::default() };
    assert_eq!(state.findings(&other).expect("read"), []);
}

#[test]
fn the_oldest_go_by_count_and_by_age_and_each_check_has_its_share() {
    let (_at, state) = folder();
    let few = Limits { of_a_check: 3, ..WIDE };
    for at in 0..5 {
        state.keep_findings(&[found("a", at, Outcome::Pass, 0.0)], few).expect("kept");
    }
    state.keep_findings(&[found("b", 0, Outcome::Pass, 0.0)], few).expect("kept");
    assert_eq!((times(&state, "a"), times(&state, "b")), (vec![2, 3, 4], vec![0]));
    let one = Limits { of_all: 2, ..WIDE };
    state.keep_findings(&[found("b", 9, Outcome::Pass, 0.0)], one).expect("kept");
    assert_eq!((times(&state, "a"), times(&state, "b")), (vec![4], vec![9]), "the oldest of all go");
    let hour = Limits { age: Span(3_600_000), ..WIDE };
    state.keep_findings(&[found("b", 5 + HOUR, Outcome::Pass, 0.0)], hour).expect("kept");
    state.keep_findings(&[found("b", 9 + 2 * HOUR, Outcome::Pass, 0.0)], hour).expect("kept");
    assert_eq!((times(&state, "a"), times(&state, "b")), (vec![], vec![9, 5 + HOUR, 9 + 2 * HOUR]));
    let connection = rusqlite::Connection::open(state.index_path()).expect("opened");
    let orphans: i64 = connection
        .query_row(
            "SELECT count(*) FROM finding_values WHERE finding NOT IN (SELECT finding FROM findings)",
            [],
            |row| row.get(0),
        )
        .expect("a number");
    assert_eq!(orphans, 0);
}

#[test]
fn a_clock_that_is_ahead_for_a_while_costs_nothing() {
    let (_at, state) = folder();
    let day = Limits { age: Span(24 * 3_600_000), ..WIDE };
    for at in [0, HOUR, 2 * HOUR, 900_000 * HOUR, 3 * HOUR, 4 * HOUR] {
        state.keep_findings(&[found("a", at, Outcome::Pass, 0.0)], day).expect("kept");
    }
    assert_eq!(times(&state, "a"), [0, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 900_000 * HOUR]);
}

#[test]
fn what_was_told_is_remembered_by_plan() {
    let (_at, state) = folder();
    assert_eq!(state.told(&plan()).expect("nothing"), ToldOf::new());
    let one =
        |health, at| ToldOf::from([((phase_id("libs"), check_id("a")), Told { health, at, unknown: 2 })]);
    state.keep_told(&plan(), &one(Health::Failing, Timestamp(1))).expect("kept");
    state.keep_told(&plan(), &one(Health::Degraded, Timestamp(2))).expect("kept");
    assert_eq!(state.told(&plan()).expect("read"), one(Health::Degraded, Timestamp(2)));
    assert_eq!(state.told(&PlanName::new("other").expect("a name")).expect("read"), ToldOf::new());
}

#[test]
fn an_index_that_is_made_again_keeps_what_only_it_knew() {
    let (_at, state) = folder();
    told(&state, story);
    state.keep_findings(&[found("a", 1, Outcome::Fail, 2.0)], WIDE).expect("kept");
    let health = Told { health: Health::Failing, at: Timestamp(1), unknown: 0 };
    state.keep_told(&plan(), &ToldOf::from([((phase_id("libs"), check_id("a")), health)])).expect("kept");
    let before = (state.findings(&FindingFilter::default()), state.told(&plan()));
    let now = || (state.findings(&FindingFilter::default()), state.told(&plan()));
    let same = |now: (Result<_, StoreError>, Result<_, StoreError>)| {
        assert_eq!(now.0.expect("read"), *before.0.as_ref().expect("read"));
        assert_eq!(now.1.expect("read"), *before.1.as_ref().expect("read"));
    };
    state.rebuild_history().expect("made again");
    same(now());
    told(&state, story);
    state.index_history().expect("indexed");
    same(now());
}

#[test]
fn a_damaged_database_is_moved_aside_and_the_next_results_are_kept() {
    let (_at, state) = folder();
    state.keep_findings(&[found("a", 1, Outcome::Pass, 2.0)], WIDE).expect("kept");
    fs::write(state.index_path(), "no database").expect("written");
    assert!(state.findings(&FindingFilter::default()).is_err());
    assert!(state.keep_findings(&[found("a", 2, Outcome::Pass, 2.0)], WIDE).expect("kept"), "it is said");
    assert_eq!(times(&state, "a"), [2]);
    let aside = state.root().join("history.db.aside-1");
    assert_eq!(fs::read_to_string(aside).expect("kept"), "no database");
}

#[test]
fn a_database_in_use_is_an_error_and_is_not_moved_aside() {
    let (_at, state) = folder();
    state.keep_findings(&[found("a", 1, Outcome::Pass, 2.0)], WIDE).expect("kept");
    let other = rusqlite::Connection::open(state.index_path()).expect("opened");
    other.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    let why = state.keep_findings(&[found("a", 2, Outcome::Pass, 2.0)], WIDE).expect_err("in use");
    assert!(why.is_busy(), "{why}");
    assert!(state.index_history().expect_err("in use").is_busy());
    other.execute_batch("COMMIT").expect("free again");
    state.keep_findings(&[found("a", 3, Outcome::Pass, 2.0)], WIDE).expect("kept");
    assert_eq!(times(&state, "a"), [1, 3]);
}

#[test]
fn a_run_that_goes_on_keeps_its_database_to_itself_where_that_is_damaged() {
    let (_at, state) = folder();
    fs::write(state.index_path(), "no database").expect("written");
    let lock = state.lock("run").expect("free");
    assert!(state.keep_findings(&[found("a", 1, Outcome::Pass, 2.0)], WIDE).is_err());
    drop(lock);
    state.keep_findings(&[found("a", 1, Outcome::Pass, 2.0)], WIDE).expect("kept");
}

#[test]
fn no_flipped_byte_makes_reading_panic_or_writing_lose_the_way() {
    let (_at, state) = folder();
    for at in 0..20 {
        state.keep_findings(&[found("a", at, Outcome::Pass, 2.0)], WIDE).expect("kept");
    }
    let good = fs::read(state.index_path()).expect("read");
    let mut tried = 0;
    for at in (0..good.len()).filter(|at| good[*at] != 0).step_by(7) {
        let mut flipped = good.clone();
        flipped[at] ^= 4;
        fs::write(state.index_path(), &flipped).expect("written");
        // An error or fewer results: whichever, it ends.
        let read = state.findings(&FindingFilter::default()).map_or(0, |found| found.len());
        assert!(read <= 20, "byte {at}: {read}");
        tried += 1;
    }
    assert!(tried > 200, "{tried} bytes tried");
}
