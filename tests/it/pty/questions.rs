//! Every question, and every answer to it.

use super::{HOLDS_IF_OK, at_terminal, begun};
use crate::support::bench::Bench;

const ASK_STEP: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: change, shell: 'echo "$word" > "$m/file"'}
      - {id: plug, ask: "Plug the display in", undo: none, reason: "a display may stay plugged in"}
"#;

const ASK_CHECK: &str = r#"
  - id: one
    preflight:
      - {id: stick, ask: "Is a live USB within reach?"}
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: change, shell: 'echo "$word" > "$m/file"'}
"#;

fn confirm_within(window: &str) -> String {
    format!("{HOLDS_IF_OK}    confirm: {{within: {window}}}\n")
}

#[test]
fn a_yes_at_the_gate_begins_the_phase_and_no_live_line_is_left_behind() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    bench.write("c/ok", "");
    let mut pty = begun(&bench);
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\n");
    assert!(pty.screen().contains("committed phase one"), "{}", pty.screen());
    let wheel = |row: &String| row.chars().next().is_some_and(|first| "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏".contains(first));
    assert!(!pty.rows().iter().any(wheel), "{}", pty.screen());
}

#[test]
fn a_no_at_the_gate_is_the_default_and_changes_nothing() {
    for answer in ["n", ""] {
        let bench = Bench::new();
        bench.plan(HOLDS_IF_OK);
        let mut pty = at_terminal(&bench, &["run", "plan.yaml"]);
        pty.answer("Begin phase one?", answer);
        assert_eq!(pty.exit(), 10, "{}", pty.screen());
        assert!(pty.screen().contains("a person said no"), "{}", pty.screen());
        assert_eq!(bench.read("m/file"), "old\n");
    }
}

#[test]
fn a_step_by_hand_that_is_done_lets_the_phase_go_on() {
    let bench = Bench::new();
    bench.plan(ASK_STEP);
    let mut pty = begun(&bench);
    pty.wait_for("Plug the display in");
    pty.answer("Done?", "y");
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
}

#[test]
fn a_step_by_hand_that_is_declined_is_trouble_that_cannot_be_accepted() {
    let bench = Bench::new();
    bench.plan(ASK_STEP);
    let mut pty = begun(&bench);
    pty.answer("Done?", "n");
    let offers = pty.choose("roll back");
    assert_eq!(offers, ["show the evidence", "retry", "roll back", "pause"]);
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn a_check_by_eye_passes_by_yes() {
    let bench = Bench::new();
    bench.plan(ASK_CHECK);
    let mut pty = at_terminal(&bench, &["run", "plan.yaml"]);
    pty.wait_for("Is a live USB within reach?");
    pty.answer("Yes?", "y");
    pty.answer("Begin phase one?", "y");
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
}

#[test]
fn a_check_by_eye_fails_by_no_and_can_be_made_again() {
    let bench = Bench::new();
    bench.plan(ASK_CHECK);
    let mut pty = at_terminal(&bench, &["run", "plan.yaml"]);
    pty.answer("Yes?", "n");
    pty.choose("retry");
    pty.answer("Yes?", "n");
    pty.choose("roll back");
    assert_eq!(pty.exit(), 10, "nothing was touched\n{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn a_keep_within_the_confirm_window_commits() {
    let bench = Bench::new();
    bench.plan(&confirm_within("10m"));
    bench.write("c/ok", "");
    let mut pty = begun(&bench);
    pty.wait_for("keep? [y/N]");
    pty.send("y\r");
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\n");
}

#[test]
fn a_no_within_the_confirm_window_reverts() {
    let bench = Bench::new();
    bench.plan(&confirm_within("10m"));
    bench.write("c/ok", "");
    let mut pty = begun(&bench);
    pty.wait_for("keep? [y/N]");
    pty.send("n\r");
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn silence_within_the_confirm_window_reverts() {
    let bench = Bench::new();
    bench.plan(&confirm_within("2s"));
    bench.write("c/ok", "");
    let mut pty = begun(&bench);
    pty.wait_for("keep? [y/N]");
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
    assert!(pty.screen().contains("nobody said keep within the confirm window"), "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn a_rollback_shows_what_it_will_do_and_asks() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    bench.write("c/ok", "");
    assert_eq!(bench.run(&["run", "plan.yaml", "--unattended"]).exit, 0);
    let mut pty = at_terminal(&bench, &["rollback"]);
    pty.wait_for("restore layer files");
    pty.answer("Roll back now?", "n");
    assert_eq!(pty.exit(), 10, "{}", pty.screen());
    assert!(pty.screen().contains("Nothing was changed."), "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "new\n");

    let mut pty = at_terminal(&bench, &["rollback"]);
    pty.answer("Roll back now?", "y");
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn an_undo_by_hand_is_asked_of_the_person_at_the_terminal_also_with_yes() {
    const BY_HAND: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: change, shell: 'echo "$word" > "$m/file"'}
      - {id: plug, ask: "Plug the display in", undo: {ask: "Unplug the display"}}
"#;
    for yes in [true, false] {
        let bench = Bench::new();
        bench.plan(BY_HAND);
        let mut pty = begun(&bench);
        pty.answer("Done?", "y");
        assert_eq!(pty.exit(), 0, "{}", pty.screen());
        let mut pty = at_terminal(&bench, if yes { &["rollback", "--yes"] } else { &["rollback"] });
        if !yes {
            pty.answer("Roll back", "y");
        }
        pty.wait_for("Unplug the display");
        pty.answer("Done?", "y");
        assert_eq!(pty.exit(), 12, "{}", pty.screen());
        assert_eq!(bench.read("m/file"), "old\n");
    }
}
