//! What is offered when something fails, and what becomes of it.

use super::{HOLDS_IF_OK, at_terminal, begun};
use crate::support::bench::Bench;

const ALL: [&str; 5] = ["show the evidence", "retry", "roll back", "pause", "accept with a reason"];

const CRITICAL: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: change, shell: 'echo "$word" > "$m/file"'}
    validate:
      - {id: holds, probe: {run: [test, -e, "${c}/ok"]}, severity: critical}
"#;

const STEP_FAILS: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: change, shell: 'echo "$word" > "$m/file"; echo it broke >&2; test -e "$c/ok"'}
"#;

#[test]
fn a_failed_check_offers_exactly_evidence_retry_roll_back_pause_and_accept() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    let mut pty = begun(&bench);
    assert_eq!(pty.choose("roll back"), ALL);
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn nothing_that_goes_on_stands_above_the_choice() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    let mut pty = begun(&bench);
    pty.offers();
    let wheel = |row: &String| row.chars().next().is_some_and(|first| "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏".contains(first));
    assert!(!pty.rows().iter().any(wheel), "{}", pty.screen());
    pty.choose_again("roll back");
    assert_eq!(pty.exit(), 12);
}

#[test]
fn a_critical_check_cannot_be_accepted() {
    let bench = Bench::new();
    bench.plan(CRITICAL);
    let mut pty = begun(&bench);
    assert_eq!(pty.choose("roll back"), ALL[..4]);
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
}

#[test]
fn a_failed_step_cannot_be_accepted_and_runs_again_by_retry() {
    let bench = Bench::new();
    bench.plan(STEP_FAILS);
    let mut pty = begun(&bench);
    assert_eq!(pty.offers(), ALL[..4]);
    bench.write("c/ok", "");
    pty.choose_again("retry");
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\n");
}

#[test]
fn the_evidence_is_shown_and_the_question_comes_again() {
    let bench = Bench::new();
    bench.plan(STEP_FAILS);
    let mut pty = begun(&bench);
    pty.choose("show the evidence");
    pty.wait_for("| it broke");
    pty.choose("show the evidence");
    pty.wait_for("| it broke");
    pty.choose("roll back");
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
}

/// What printed much before it has nothing to say about it.
#[test]
fn the_evidence_is_of_what_failed_and_its_end_is_shown() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: z-noisy, shell: 'seq 5000 | sed "s/^/noise /"', undo: none, reason: it only talks}
      - {id: a-fails, shell: 'seq 90 >&2; echo THE REASON >&2; exit 4'}
"#,
    );
    let mut pty = begun(&bench);
    pty.choose("show the evidence");
    pty.wait_for("kept besides");
    pty.choose("roll back");
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
    let screen = pty.screen();
    for part in ["| == apply-a-fails.err, the last 40 of 91 lines", "| 52\n", "| THE REASON"] {
        assert!(screen.contains(part), "{part} is not in\n{screen}");
    }
    assert!(!screen.contains("noise 7") && !screen.contains("| 51\n"), "{screen}");
}

#[test]
fn a_retry_judges_again_and_commits_what_holds_now() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    let mut pty = begun(&bench);
    pty.offers();
    bench.write("c/ok", "");
    pty.choose_again("retry");
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\n");
}

#[test]
fn what_is_accepted_is_committed_with_its_reason_in_the_journal_and_in_show() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    let mut pty = begun(&bench);
    pty.choose("accept with a reason");
    pty.wait_for_prompt("The reason (empty: back)");
    pty.send("\r");
    pty.choose("accept with a reason");
    pty.wait_for_prompt("The reason (empty: back)");
    pty.send("known since May\r");
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\n");
    assert!(bench.journal(1).contains("known since May"));
    let shown = bench.run(&["show"]);
    assert!(shown.out.contains("accepted: known since May"), "{shown:?}");
}

#[test]
fn a_pause_waits_for_resume_which_judges_again() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    let mut pty = begun(&bench);
    pty.choose("pause");
    assert_eq!(pty.exit(), 11, "{}", pty.screen());
    assert!(pty.screen().contains("`switchback resume` goes on"), "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\n", "a pause leaves things as they are");
    let status = bench.run(&["status"]);
    assert!(status.out.contains("paused") && status.out.contains("waiting"), "{status:?}");

    bench.write("c/ok", "");
    let mut pty = at_terminal(&bench, &["resume"]);
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
    assert_eq!(bench.facts(1).iter().filter(|fact| *fact == "step-started").count(), 1);
}
