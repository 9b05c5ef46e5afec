//! Ctrl-C once and twice, at prompts and on the way back; signals; a terminal that goes away.

use super::{HOLDS_IF_OK, at_terminal, begun};
use crate::support::bench::Bench;
use crate::support::pty::{CTRL_C, Pty};
use nix::sys::signal::{Signal, kill};

/// The first step waits for the test; the second only says that it was there.
const TWO_STEPS: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: long, shell: 'exec 3<>"$c/gate"; echo "$word" > "$m/file"; echo at" "work; read -r line <&3'}
      - {id: after, shell: 'echo after >> "$m/file"'}
  - id: two
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: more, shell: 'echo two >> "$m/file"'}
"#;

/// The way back waits for the test.
const LONG_WAY_BACK: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: change, shell: 'echo "$word" > "$m/file"'}
    validate:
      - {id: holds, probe: {run: [test, -e, "${c}/ok"]}}
    rollback:
      - {id: clean, shell: 'exec 3<>"$c/gate"; echo going back; read -r line <&3; echo done > "$c/clean"'}
"#;

fn at_work(plan: &str) -> (Bench, Pty) {
    let bench = Bench::new();
    bench.plan(plan);
    bench.gate("c/gate");
    let mut pty = begun(&bench);
    pty.wait_for("at work");
    (bench, pty)
}

#[test]
fn ctrl_c_once_lets_the_step_end_and_pauses_and_resume_goes_on_with_the_next() {
    let (bench, mut pty) = at_work(TWO_STEPS);
    pty.send(CTRL_C);
    pty.wait_for("stopping");
    bench.open_gate("c/gate");
    assert_eq!(pty.exit(), 11, "{}", pty.screen());
    assert_eq!(pty.screen().matches("stopping").count(), 1, "said once\n{}", pty.screen());
    assert!(!pty.screen().contains("at work"), "the live line is gone\n{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\n", "the step ended, the next did not begin");

    let mut pty = at_terminal(&bench, &["resume"]);
    pty.answer("Begin phase two?", "y");
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\nafter\ntwo\n");
    assert_eq!(bench.facts(1).iter().filter(|fact| *fact == "step-started").count(), 2);
}

#[test]
fn ctrl_c_twice_ends_the_step_and_rolls_the_phase_back() {
    let (bench, mut pty) = at_work(TWO_STEPS);
    pty.send(CTRL_C);
    pty.wait_for("a second Ctrl-C ends it and rolls the phase back");
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n");
    assert!(pty.screen().contains("the run was interrupted"), "{}", pty.screen());
    let again = bench.run(&["run", "plan.yaml", "--unattended", "--dry-run"]);
    assert_eq!(again.exit, 0, "an interrupt is no reason for quarantine: {again:?}");
    assert!(!bench.facts(1).contains(&"quarantined".to_owned()));
}

#[test]
fn ctrl_c_at_the_gate_leaves_everything_as_it_is() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    let mut pty = at_terminal(&bench, &["run", "plan.yaml"]);
    pty.wait_for_prompt("Begin phase one?");
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), 11, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n");
    assert!(pty.raw().ends_with_cursor_shown(), "{:?}", pty.raw());
    // Taken up, it is asked again.
    let mut pty = at_terminal(&bench, &["resume"]);
    pty.answer("Begin phase one?", "n");
    assert_eq!(pty.exit(), 10, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn ctrl_c_in_trouble_pauses() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    let mut pty = begun(&bench);
    pty.offers();
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), 11, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\n");
    assert!(pty.raw().ends_with_cursor_shown(), "{:?}", pty.raw());
}

#[test]
fn a_signal_at_a_prompt_is_one_wish_to_stop_and_not_two_and_who_is_dismissed_waits_for_nobody() {
    for (signal, exit, left) in [(Signal::SIGTERM, 12, "old\n"), (Signal::SIGINT, 11, "new\n")] {
        let bench = Bench::new();
        bench.plan(HOLDS_IF_OK);
        let mut pty = begun(&bench);
        // At the first word of it: the prompt may not be waiting for keys yet.
        pty.wait_for("What now");
        kill(pty.pid(), signal).expect("it is there");
        assert_eq!(pty.exit(), exit, "{signal}\n{}", pty.screen());
        assert_eq!(bench.read("m/file"), left, "{signal}");
    }
}

#[test]
fn ctrl_c_in_the_confirm_window_pauses() {
    let bench = Bench::new();
    bench.plan(&format!("{HOLDS_IF_OK}    confirm: {{within: 10m}}\n"));
    bench.write("c/ok", "");
    let mut pty = begun(&bench);
    pty.wait_for("keep? [y/N]");
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), 11, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\n");
}

#[test]
fn ctrl_c_does_not_stop_the_way_back() {
    let bench = Bench::new();
    bench.plan(LONG_WAY_BACK);
    bench.gate("c/gate");
    let mut pty = begun(&bench);
    pty.choose("roll back");
    pty.wait_for("going back");
    pty.send(CTRL_C);
    pty.wait_for("the way back goes on");
    bench.open_gate("c/gate");
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n");
    assert_eq!(bench.read("c/clean"), "done\n");
}

#[test]
fn ctrl_c_and_a_signal_where_a_way_back_is_to_be_agreed_to_change_nothing_and_say_so() {
    for signal in [None, Some(Signal::SIGINT), Some(Signal::SIGTERM)] {
        let bench = Bench::new();
        bench.plan(HOLDS_IF_OK);
        bench.write("c/ok", "");
        let mut pty = begun(&bench);
        assert_eq!(pty.exit(), 0, "{}", pty.screen());
        let mut pty = at_terminal(&bench, &["rollback"]);
        match signal {
            None => {
                pty.wait_for_prompt("Roll back now?");
                pty.send(CTRL_C);
            }
            Some(signal) => {
                pty.wait_for("Roll back now?");
                kill(pty.pid(), signal).expect("it is there");
            }
        }
        assert_eq!(pty.exit(), 10, "{signal:?}: {}", pty.screen());
        assert!(pty.screen().contains("Nothing was changed."), "{signal:?}: {}", pty.screen());
        assert!(pty.raw().ends_with_cursor_shown(), "{signal:?}: {:?}", pty.raw());
        assert_eq!(bench.read("m/file"), "new\n");
    }
}

#[test]
fn ctrl_c_where_something_is_to_be_resolved_records_nothing_and_says_so() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: act, shell: 'echo "$word" > "$m/file"', undo: {run: ["false"]}}
"#,
    );
    assert_eq!(bench.run(&["run", "plan.yaml", "--unattended"]).exit, 0);
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 13);
    let facts = bench.facts(1).len();
    let mut pty = at_terminal(&bench, &["resolve", "--reason", "done by hand"]);
    pty.wait_for_prompt("Were these put right by hand?");
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), 10, "{}", pty.screen());
    assert!(pty.screen().contains("Nothing was recorded."), "{}", pty.screen());
    assert!(pty.raw().ends_with_cursor_shown(), "{:?}", pty.raw());
    assert_eq!(bench.facts(1).len(), facts);
}

#[test]
fn a_second_ctrl_c_ends_an_undo_that_hangs_and_everything_behind_it_goes_back() {
    let bench = Bench::new();
    // Nobody ever opens the gate.
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: first, shell: 'echo first > "$c/first"', undo: {run: [rm, "${c}/first"]}}
      - {id: hangs, shell: 'echo "$word" > "$m/file"', undo: {shell: 'exec 3<>"$c/gate"; echo going back; read -r line <&3'}}
    validate:
      - {id: holds, probe: {run: [test, -e, "${c}/ok"]}}
"#,
    );
    bench.gate("c/gate");
    let mut pty = begun(&bench);
    pty.choose("roll back");
    pty.wait_for("going back");
    pty.send(CTRL_C);
    pty.wait_for("a second Ctrl-C breaks off");
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), 13, "{}", pty.screen());
    assert!(pty.screen().contains("undo of step hangs"), "{}", pty.screen());
    assert!(pty.screen().contains("broken off by a person"), "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n", "the layer behind it");
    assert!(!bench.path("c/first").exists(), "the undo behind it");
}

#[test]
fn a_closed_terminal_lets_the_phase_end_and_the_next_is_not_begun() {
    let (bench, mut pty) = at_work(TWO_STEPS);
    pty.hang_up();
    bench.open_gate("c/gate");
    assert_eq!(pty.exit(), 11);
    assert_eq!(bench.read("m/file"), "new\nafter\n");
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!(status["phases"][0]["end"], "committed", "{status:#}");
    assert_eq!(status["phases"][1]["due"], true, "{status:#}");
    assert_eq!(bench.run(&["resume", "--unattended"]).exit, 0);
    assert_eq!(bench.read("m/file"), "new\nafter\ntwo\n");
}

#[test]
fn a_terminal_that_is_closed_in_trouble_pauses_the_run() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    let mut pty = begun(&bench);
    pty.offers();
    pty.hang_up();
    assert_eq!(pty.exit(), 11);
    assert_eq!(bench.read("m/file"), "new\n");
}

#[test]
fn a_terminal_that_is_closed_in_the_confirm_window_is_silence() {
    let bench = Bench::new();
    bench.plan(&format!("{HOLDS_IF_OK}    confirm: {{within: 3s}}\n"));
    bench.write("c/ok", "");
    let mut pty = begun(&bench);
    pty.wait_for("keep? [y/N]");
    pty.hang_up();
    assert_eq!(pty.exit(), 12);
    assert_eq!(bench.read("m/file"), "old\n");
}

trait Cursor {
    /// Whether the cursor was shown after it was hidden last.
    fn ends_with_cursor_shown(&self) -> bool;
}

impl Cursor for String {
    fn ends_with_cursor_shown(&self) -> bool {
        self.rfind("\u{1b}[?25l").is_none_or(|hidden| self[hidden..].contains("\u{1b}[?25h"))
    }
}

#[test]
fn ctrl_c_in_a_validation_leaves_nothing_of_what_went_on() {
    for verb in [&["validate", "plan.yaml"][..], &["baseline", "record", "plan.yaml"]] {
        let bench = Bench::new();
        bench.gate("c/gate");
        bench.plan(
            r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: change, shell: 'echo new > "$m/file"'}]
    validate:
      - {id: slow, title: A slow look, probe: {run: [sh, -c, 'read -r line < "$0"', "${c}/gate"]}, timeout: 10m}
"#,
        );
        let mut pty = at_terminal(&bench, verb);
        pty.wait_for("A slow look");
        pty.send(CTRL_C);
        assert_eq!(pty.exit(), 11, "{verb:?}: {}", pty.screen());
        assert!(pty.screen().contains("interrupted"), "{verb:?}: {}", pty.screen());
        assert!(!pty.screen().contains("A slow look"), "{verb:?}: {}", pty.screen());
    }
}
