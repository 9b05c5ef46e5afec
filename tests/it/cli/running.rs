//! What is taken, with which values, where the state is kept.

use super::{THREE, three, unattended};
use crate::support::bench::Bench;
use std::fs;

#[test]
fn phases_are_chosen_by_phase_from_and_until_and_what_is_committed_is_not_taken_again() {
    let bench = three();
    bench.write("c/ok", "");
    assert_eq!(unattended(&bench, &["--until", "one"]).exit, 0);
    assert_eq!(bench.read("m/file"), "old\none\n");
    assert_eq!(unattended(&bench, &["--until", "one"]).exit, 0, "nothing to do");
    assert_eq!(bench.read("m/file"), "old\none\n");
    assert_eq!(unattended(&bench, &["--from", "three"]).exit, 0);
    assert_eq!(bench.read("m/file"), "old\none\nthree\n");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    assert_eq!(bench.read("m/file"), "old\none\nthree\ntwo\n");
    assert_eq!(unattended(&bench, &["--phase", "one"]).exit, 0, "once more, since it was asked for");
    assert_eq!(bench.read("m/file"), "old\none\nthree\ntwo\none\n");
    let done = unattended(&bench, &[]);
    assert_eq!(done.exit, 0);
    assert!(done.out.contains("Nothing to do"), "{done:?}");
}

#[test]
fn a_phase_whose_need_is_not_committed_is_refused() {
    let bench = three();
    let ran = unattended(&bench, &["--phase", "two"]);
    assert_eq!(ran.exit, 10, "{ran:?}");
    assert!(ran.err.contains("--phase one"), "{ran:?}");
}

#[test]
fn a_dry_run_shows_the_commands_and_touches_nothing() {
    let bench = three();
    let ran = bench.run(&["run", "plan.yaml", "--dry-run", "--until", "two"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.out.contains("echo one >>") && !ran.out.contains("echo three"), "{ran:?}");
    assert_eq!(bench.read("m/file"), "old\n");
    assert!(!bench.state().exists());
    let json = bench.run(&["run", "plan.yaml", "--dry-run", "--json"]).json();
    assert!(json.to_string().contains("echo three"), "{json:#}");
}

#[test]
fn a_variable_is_set_from_the_command_line() {
    let bench = Bench::new();
    bench.plan("  - id: one\n    layers: [{files: {paths: [\"${m}/\"]}}]\n    apply: [{id: add, shell: 'echo \"$word\" > \"$m/file\"'}]\n");
    assert_eq!(unattended(&bench, &["--set", "word=$(id) = it's"]).exit, 0);
    assert_eq!(bench.read("m/file"), "$(id) = it's\n");
}

#[test]
fn the_state_folder_is_the_option_before_the_environment() {
    let bench = three();
    let other = bench.path("other");
    let other = other.to_str().expect("plain");
    let ran = unattended(&bench, &["--until", "one", "--state", other]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.out.contains(&format!("--state {other}")), "what is proposed names the folder: {ran:?}");
    assert!(!bench.state().exists());
    assert_eq!(bench.run(&["status", "--state", other, "--json"]).json()["current"]["phase"], "one");
    assert_eq!(bench.run(&["status", "--json"]).json()["current"], serde_json::Value::Null);
    let ran = unattended(&bench, &["--until", "one"]);
    assert!(!ran.out.contains("--state"), "{ran:?}");
    let none = bench.run(&["resume", "--unattended", "--state", "/nowhere/at/all"]);
    // As `status` there: nothing was run, so that nothing is to be taken up, and the folder is named.
    assert_eq!(none.exit, 0, "{none:?}");
    assert!(none.out.contains("/nowhere/at/all"), "{none:?}");
}

/// An attempt that went back by itself brought nothing; what is in effect of its phase is older.
#[test]
fn rollback_to_a_phase_takes_its_newest_attempt_that_is_in_effect() {
    let bench = three();
    bench.write("c/ok", "");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    fs::remove_file(bench.path("c/ok")).expect("removed");
    assert_eq!(unattended(&bench, &["--phase", "three"]).exit, 12);
    let nothing = bench.run(&["rollback", "--yes"]);
    assert_eq!(nothing.exit, 0, "{nothing:?}");
    for words in [
        "neither generation 0004 nor a later one is in effect",
        "`switchback rollback --to 0003` takes it back",
    ] {
        assert!(nothing.out.contains(words), "{words}: {nothing:?}");
    }
    bench.write("c/ok", "");
    assert_eq!(bench.run(&["rollback", "--to", "three", "--yes"]).exit, 12);
    assert_eq!(bench.read("m/file"), "old\none\ntwo\n");
    assert_eq!(bench.run(&["rollback", "--to", "one", "--yes"]).exit, 12);
    assert_eq!(bench.read("m/file"), "old\n");
    let all = bench.run(&["rollback", "--to", "3", "--yes"]);
    assert!(all.exit == 0 && all.out.ends_with("nor a later one is in effect.\n"), "{all:?}");
}

#[test]
fn a_run_as_json_is_one_fact_a_line_and_its_last_line_says_how_it_ended() {
    let bench = three();
    let ran = unattended(&bench, &["--json"]);
    assert_eq!(ran.exit, 12, "{ran:?}");
    let lines = ran.json_lines();
    let text = lines.last().map(ToString::to_string).unwrap_or_default();
    assert!(text.contains("12"), "{text}");
    assert!(lines.iter().any(|line| line.to_string().contains("check-judged")), "{ran:?}");
    let back = bench.run(&["rollback", "--to", "start", "--yes", "--json"]);
    assert_eq!(back.exit, 12, "{back:?}");
    assert!(back.json_lines().len() > 3);
}

#[test]
fn rollback_goes_to_a_number_a_phase_or_the_start_and_twice_changes_nothing() {
    for (to, file, left) in [
        (&[][..], "old\none\ntwo\n", 2),
        (&["--to", "3"], "old\none\ntwo\n", 2),
        (&["--to", "two"], "old\none\n", 1),
        (&["--to", "2"], "old\none\n", 1),
        (&["--to", "start"], "old\n", 0),
    ] {
        let bench = three();
        bench.write("c/ok", "");
        assert_eq!(unattended(&bench, &[]).exit, 0);
        let args = [&["rollback", "--yes"], to].concat();
        let ran = bench.run(&args);
        assert_eq!((ran.exit, bench.read("m/file").as_str()), (12, file), "{to:?}: {ran:?}");
        let again = bench.run(&args);
        assert_eq!((again.exit, bench.read("m/file").as_str()), (0, file), "{to:?}: {again:?}");
        assert!(again.out.contains("Nothing to take back"), "{again:?}");
        let status = bench.run(&["status", "--json"]).json();
        let committed = status["phases"].as_array().expect("phases").iter();
        assert_eq!(committed.filter(|phase| phase["end"] == "committed").count(), left, "{status:#}");
        assert_eq!(unattended(&bench, &[]).exit, 0, "what was taken back is taken again");
        assert_eq!(bench.read("m/file"), "old\none\ntwo\nthree\n");
    }
}

#[test]
fn rollback_needs_no_plan_and_no_database() {
    let bench = three();
    bench.write("c/ok", "");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    std::fs::remove_file(bench.path("plan.yaml")).expect("removed");
    std::fs::remove_file(bench.path("state/history.db")).expect("removed");
    let ran = bench.run(&["rollback", "--to", "start", "--yes"]);
    assert_eq!(ran.exit, 12, "{ran:?}");
    assert_eq!(bench.read("m/file"), "old\n");
    let none = bench.run(&["rollback", "--to", "nobody", "--yes"]);
    assert_eq!(none.exit, 2, "{none:?}");
    assert!(THREE.contains("three"));
}

#[test]
fn what_a_step_leaves_running_is_ended_and_named_on_the_line_and_in_the_evidence() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: quiet, run: [touch, "${m}/a"]}
      - id: leaves
        shell: |
          is_asleep() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = sleep ]; }
          sleep 98765 &
          until is_asleep $!; do :; done
          setsid -f sh -c 'echo $$ > "$1"; exec sleep 98764' sh "$c/pid" >/dev/null 2>&1
          until [ -s "$c/pid" ] && is_asleep "$(cat "$c/pid")"; do :; done
"#,
    );
    let ran = bench.run(&["run", "plan.yaml", "--unattended"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let words = format!("{}{}", ran.out, ran.err).split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = bench.run(&["show", "--evidence"]).out;
    for stray in ["sleep 98765", "sleep 98764"] {
        assert!(words.contains(&format!("{stray}; the step is over and had left it running")), "{ran:?}");
        assert!(shown.contains(stray), "{shown}");
    }
    assert!(!words.contains("step quiet ended") && !shown.contains("quiet.left"), "{words}");
}
