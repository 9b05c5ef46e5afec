//! What an earlier way back left below the current generation, and how phases stand after it.

use super::unattended;
use crate::support::bench::Bench;
use crate::support::pty::{Pty, Streams};
use nix::sys::signal::{Signal, kill};

/// The undo of the second phase waits for the test unless `c/free` is there, and fails where `c/bad` is.
const BACK: &str = r#"
  - id: one
    apply: [{id: add, shell: 'echo one >> "$m/file"', undo: {shell: 'echo back one >> "$c/log"'}}]
  - id: two
    apply:
      - id: add
        shell: 'echo two >> "$m/file"'
        undo: {shell: 'test ! -e "$c/bad" || exit 3; test -e "$c/free" || { exec 3<>"$c/gate"; echo "at"" work"; read -r line <&3; }; echo back two >> "$c/log"'}
  - id: three
    apply: [{id: add, shell: 'echo three >> "$m/file"', undo: {shell: 'echo back three >> "$c/log"'}}]
"#;

fn committed() -> Bench {
    let bench = Bench::new();
    bench.gate("c/gate");
    bench.plan(BACK);
    let ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    bench
}

/// All three are committed, and the way back to the start was killed within the second one's.
fn half_back() -> Bench {
    let bench = committed();
    let mut back =
        Pty::start(bench.command(&["rollback", "--to", "start", "--yes", "--no-guard"]), 80, Streams::All);
    back.wait_for("at work");
    kill(back.pid(), Signal::SIGKILL).expect("it is there");
    assert_eq!(back.exit(), -1);
    bench.write("c/free", "");
    bench
}

fn ends(bench: &Bench) -> Vec<String> {
    let status = bench.run(&["status", "--json"]).json();
    let phases = status["phases"].as_array().expect("phases").iter();
    phases.map(|phase| phase["end"].as_str().unwrap_or("none").to_owned()).collect()
}

#[test]
fn nothing_goes_forward_over_an_older_generation_that_is_half_back() {
    let bench = half_back();
    let status = bench.run(&["status"]);
    assert!(status.out.contains("generation 0002") && status.out.contains("switchback resume"), "{status:?}");
    assert_eq!(ends(&bench), ["committed", "none", "reverted"]);
    for args in [&[][..], &["--phase", "three"], &["--dry-run"]] {
        let ran = unattended(&bench, args);
        assert_eq!(ran.exit, 11, "{args:?}: {ran:?}");
        assert!(ran.err.contains("generation 0002") && ran.err.contains("switchback rollback"), "{ran:?}");
    }
    assert_eq!(bench.read("m/file"), "old\none\ntwo\nthree\n", "nothing was taken");
    let resumed = bench.run(&["resume", "--unattended"]);
    assert_eq!(resumed.exit, 12, "{resumed:?}");
    assert_eq!(bench.read("c/log"), "back three\nback two\n");
    assert_eq!(ends(&bench), ["committed", "reverted", "reverted"]);
    assert_eq!(unattended(&bench, &[]).exit, 0);
    assert_eq!(bench.read("m/file"), "old\none\ntwo\nthree\ntwo\nthree\n");
}

#[test]
fn an_older_generation_whose_way_back_failed_is_not_forgotten() {
    let bench = committed();
    bench.write("c/bad", "");
    assert_eq!(bench.run(&["rollback", "--to", "start", "--yes"]).exit, 13);
    let status = bench.run(&["status"]);
    assert!(status.out.contains("undo of step add") && status.out.contains("generation 0002"), "{status:?}");
    let run = unattended(&bench, &[]);
    assert_eq!(run.exit, 13, "{run:?}");
    assert!(run.err.contains("undo of step add"), "the item is named: {run:?}");
    assert_eq!(bench.run(&["resume", "--unattended"]).exit, 13);
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 13, "it is tried again, and fails again");
    std::fs::remove_file(bench.path("c/bad")).expect("removed");
    bench.write("c/free", "");
    let back = bench.run(&["rollback", "--yes"]);
    assert_eq!(back.exit, 12, "{back:?}");
    assert_eq!(ends(&bench), ["committed", "reverted", "reverted"]);
    assert_eq!(unattended(&bench, &[]).exit, 0);
    assert_eq!(bench.read("m/file"), "old\none\ntwo\nthree\ntwo\nthree\n");
}

/// Two phases of `p`, then one of another plan, which has a phase of the same name.
fn two_plans() -> Bench {
    let bench = Bench::new();
    let phase = |id: &str| {
        format!(
            "  - id: {id}\n    apply: [{{id: add, shell: 'echo {id} >> \"$m/file\"', undo: {{run: [\"true\"]}}}}]\n"
        )
    };
    bench.plan(&[phase("a"), phase("b")].concat());
    let other = bench.read("plan.yaml").replace("name: p\n", "name: q\n");
    bench.write("other.yaml", &other[..other.find("  - id: b").expect("it is there")]);
    assert_eq!(unattended(&bench, &[]).exit, 0);
    assert_eq!(bench.run(&["run", "other.yaml", "--unattended"]).exit, 0);
    assert_eq!(bench.read("m/file"), "old\na\nb\na\n");
    bench
}

#[test]
fn what_was_taken_back_is_taken_again_although_another_plan_ran_since() {
    let bench = two_plans();
    assert_eq!(bench.run(&["rollback", "--to", "1", "--yes"]).exit, 12);
    assert!(!bench.facts(3).contains(&"earlier-taken-back".to_owned()), "it is of another plan");
    assert!(bench.facts(2).contains(&"earlier-taken-back".to_owned()), "{:?}", bench.facts(2));
    let ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert_eq!(bench.read("m/file"), "old\na\nb\na\na\nb\n");
}

#[test]
fn a_generation_of_the_plan_that_cannot_be_read_is_an_error_and_not_skipped() {
    let bench = two_plans();
    let journal = bench.path("state/generations/0002/journal");
    let text = std::fs::read_to_string(&journal).expect("read");
    std::fs::write(&journal, format!("x{text}")).expect("written");
    let ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 13, "{ran:?}");
    assert!(ran.err.contains("generation 0002"), "{ran:?}");
    assert_eq!(bench.read("m/file"), "old\na\nb\na\n");
}

#[test]
fn a_committed_phase_that_is_taken_once_more_and_refused_or_taken_back_stays_committed() {
    let bench = Bench::new();
    bench.plan("  - id: one\n    layers: [{files: {paths: [\"${m}/\"]}}]\n    preflight: [{id: may, probe: {run: [sh, -c, 'test ! -e \"${c}/no\"']}}]\n    apply: [{id: add, shell: 'echo one >> \"$m/file\"'}]\n");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    bench.write("c/no", "");
    let refused = unattended(&bench, &["--phase", "one"]);
    assert_eq!(refused.exit, 10, "{refused:?}");
    assert_eq!(ends(&bench), ["committed"]);
    std::fs::remove_file(bench.path("c/no")).expect("removed");
    assert!(unattended(&bench, &[]).out.contains("Nothing to do"));
    assert_eq!(unattended(&bench, &["--phase", "one"]).exit, 0);
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 12);
    assert_eq!(bench.read("m/file"), "old\none\n", "as the first time left it");
    assert_eq!(ends(&bench), ["committed"]);
    assert!(unattended(&bench, &[]).out.contains("Nothing to do"));
    assert_eq!(bench.run(&["rollback", "--to", "start", "--yes"]).exit, 12);
    assert_eq!(ends(&bench), ["reverted"]);
    assert_eq!(unattended(&bench, &[]).exit, 0);
    assert_eq!(bench.read("m/file"), "old\none\n");
}

#[test]
fn a_phase_that_another_revision_committed_is_named() {
    let bench = Bench::new();
    let phase =
        "  - id: one\n    apply: [{id: add, shell: 'echo one >> \"$m/file\"', undo: {run: [\"true\"]}}]\n";
    bench.plan(phase);
    assert_eq!(unattended(&bench, &[]).exit, 0);
    let same = unattended(&bench, &[]);
    assert!(!same.out.contains("changed since"), "{same:?}");
    bench.plan_revision(2, &phase.replace("echo one", "echo uno"));
    let ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(
        ran.out.contains("committed it (apply; between revisions 1 and 2)")
            && ran.out.contains("Nothing to do"),
        "{ran:?}"
    );
    bench.plan_revision(1, &phase.replace("echo one", "echo uno"));
    assert!(unattended(&bench, &[]).out.contains("(apply; in revision 1 itself)"));
}

#[test]
fn a_quarantine_that_cannot_be_read_lets_no_plan_through() {
    let bench = Bench::new();
    bench.plan(
        "  - id: one\n    apply: [{id: add, shell: 'echo one >> \"$m/file\"', undo: {run: [\"true\"]}}]\n",
    );
    assert_eq!(unattended(&bench, &[]).exit, 0);
    std::fs::create_dir(bench.path("state/quarantine")).expect("made");
    let ran = unattended(&bench, &["--phase", "one"]);
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(ran.err.contains("rejected") && ran.err.contains("--override"), "{ran:?}");
    assert_eq!(bench.read("m/file"), "old\none\n");
    assert_eq!(unattended(&bench, &["--phase", "one", "--override"]).exit, 0);
}

#[test]
fn only_what_is_to_be_taken_must_be_possible() {
    let bench = Bench::new();
    // Without a session on this machine, which the test's environment makes sure of.
    let step = "apply: [{id: add, shell: 'echo x >> \"$m/file\"', undo: {run: [\"true\"]}}]";
    let when = "apply: [{id: add, shell: 'echo x >> \"$m/file\"', undo: {run: [\"true\"]}, when: {probe: {run: [\"true\"]}, as: session}}]";
    let applies = format!("applies_if: {{probe: {{run: [\"true\"]}}, as: session}}\n    {step}");
    bench.plan(&format!("  - id: one\n    {step}\n  - id: two\n    {when}\n  - id: three\n    {applies}\n"));
    assert_eq!(unattended(&bench, &["--phase", "one"]).exit, 0);
    for phase in ["two", "three"] {
        let ran = unattended(&bench, &["--phase", phase]);
        assert_eq!(ran.exit, 10, "{ran:?}");
        assert!(ran.err.contains("cannot be run as it asks") && ran.err.contains(phase), "{ran:?}");
    }
    assert_eq!(bench.read("m/file"), "old\nx\n");
}

#[test]
fn a_dry_run_shows_the_plan_before_it_says_what_stands_in_the_way() {
    let bench = half_back();
    let ran = bench.run(&["run", "plan.yaml", "--dry-run", "--phase", "two"]);
    assert_eq!(ran.exit, 11, "{ran:?}");
    assert!(ran.out.contains("echo two >>"), "{ran:?}");
    let bench = Bench::new();
    bench.plan("  - id: one\n    soak: {for: 1h}\n    apply: [{id: add, shell: 'echo one >> \"$m/file\"', undo: {run: [\"true\"]}}]\n  - id: two\n    apply: [{id: add, shell: 'echo two >> \"$m/file\"', undo: {run: [\"true\"]}}]\n");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    let ran = bench.run(&["run", "plan.yaml", "--dry-run"]);
    assert_eq!(ran.exit, 10, "{ran:?}");
    assert!(ran.out.contains("echo two >>") && ran.err.contains("soaks"), "{ran:?}");
}

#[test]
fn an_undo_that_failed_is_told_again_before_it_is_tried_again() {
    let bench = Bench::new();
    bench.plan(
        r#"  - id: one
    layers: [{files: {paths: ["${m}/other"]}}]
    apply:
      - {id: add, shell: 'echo one >> "$m/file"', undo: {shell: 'test -e "$c/free" && echo old > "$m/file"'}}
    rollback: [{id: tidy, shell: 'echo tidy >> "$c/log"'}]
    validate: [{id: no, probe: {run: ['false']}}]
"#,
    );
    assert_eq!(unattended(&bench, &[]).exit, 13, "the undo fails");
    bench.write("c/free", "");
    let said = bench.run(&["rollback", "--yes", "--json"]);
    let lines: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let told = &lines[0]["generations"][0];
    let named = |list: &str| told[list].as_array().map_or(0, Vec::len);
    assert_eq!((named("undo"), named("layers"), named("rollback")), (1, 1, 1), "{told}");
    assert_eq!(told["undo"][0]["step"], "add", "{told}");
    assert_eq!((said.exit, bench.read("m/file").as_str()), (12, "old\n"), "{said:?}");
    let again = bench.run(&["rollback", "--yes"]);
    assert!(!again.out.contains("undo step"), "nothing is left to be undone: {again:?}");
}
