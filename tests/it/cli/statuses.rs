//! Every exit status of the table, reached.

use super::{three, unattended};
use crate::support::bench::Bench;
use crate::support::pty::{Pty, Streams};

fn one_phase(rest: &str) -> Bench {
    let bench = Bench::new();
    bench.plan(&format!(
        "  - id: one\n    layers: [{{files: {{paths: [\"${{m}}/\"]}}}}]\n    apply: [{{id: add, shell: 'echo new > \"$m/file\"'}}]\n{rest}"
    ));
    bench
}

#[test]
fn each_end_of_a_run_has_its_exit_status() {
    let table = [
        (0, "", "new\n"),
        (10, "    preflight: [{id: no, probe: {run: [\"false\"]}}]\n", "old\n"),
        (11, "    validate: [{id: no, probe: {run: [\"false\"]}}]\n    \"on\": {fail: pause}\n", "new\n"),
        (12, "    validate: [{id: no, probe: {run: [\"false\"]}}]\n", "old\n"),
        (
            13,
            "    validate: [{id: no, probe: {run: [\"false\"]}}]\n    rollback: [{id: bad, run: [\"false\"]}]\n",
            "old\n",
        ),
        (11, "    validate: [{id: no, probe: {run: [/nowhere]}}]\n    \"on\": {error: pause}\n", "new\n"),
        (0, "    applies_if: {probe: {run: [\"false\"]}}\n", "old\n"),
        (12, "    confirm: {within: 1s}\n", "old\n"),
    ];
    for (exit, rest, file) in table {
        let bench = one_phase(rest);
        let ran = unattended(&bench, &[]);
        assert_eq!((ran.exit, bench.read("m/file").as_str()), (exit, file), "{rest}: {ran:?}");
    }
}

#[test]
fn a_rejected_revision_is_taken_again_only_by_override_and_a_new_revision_at_once() {
    let bench = three();
    assert_eq!(unattended(&bench, &[]).exit, 12);
    let again = unattended(&bench, &[]);
    assert_eq!(again.exit, 14, "{again:?}");
    assert!(again.err.contains("--override") && again.err.contains("`holds`"), "{again:?}");
    assert_eq!(unattended(&bench, &["--override"]).exit, 12);
    bench.write("c/ok", "");
    assert_eq!(unattended(&bench, &["--override"]).exit, 0);

    let bench = three();
    assert_eq!(unattended(&bench, &[]).exit, 12);
    bench.write("c/ok", "");
    bench.plan_revision(2, super::THREE);
    let ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 0, "{ran:?}");
}

#[test]
fn a_second_run_is_told_who_holds_the_lock_and_status_sees_the_first() {
    let bench = Bench::new();
    bench.gate("c/gate");
    bench.plan("  - id: one\n    apply: [{id: wait, shell: 'exec 3<>\"$c/gate\"; echo at\" \"work; read -r line <&3', changes: nothing}]\n");
    let mut first = Pty::start(bench.command(&["run", "plan.yaml", "--unattended"]), 80, Streams::All);
    first.wait_for("at work");
    let status = bench.run(&["status"]);
    assert_eq!(status.exit, 0, "{status:?}");
    assert!(status.out.contains("locked") && status.out.contains("applying"), "{status:?}");
    assert!(!status.out.contains("waiting"), "nobody is waited for: {status:?}");
    for args in
        [&["run", "plan.yaml", "--unattended"][..], &["resume", "--unattended"], &["rollback", "--yes"]]
    {
        let second = bench.run(args);
        assert_eq!(second.exit, 15, "{args:?}: {second:?}");
        assert!(second.err.contains("switchback status"), "{second:?}");
    }
    bench.open_gate("c/gate");
    assert_eq!(first.exit(), 0, "{}", first.screen());
}

#[test]
fn without_a_terminal_and_without_unattended_the_flag_is_named() {
    let bench = three();
    for (args, flag) in
        [(&["run", "plan.yaml"][..], "--unattended"), (&["run", "plan.yaml", "--json"], "--unattended")]
    {
        let ran = bench.run(args);
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.err.contains(flag), "{ran:?}");
    }
    assert_eq!(bench.read("m/file"), "old\n");
    assert!(!bench.state().exists(), "nothing was created");
    assert_eq!(unattended(&bench, &["--until", "two"]).exit, 0);
    let ran = bench.run(&["rollback"]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.err.contains("--yes"), "{ran:?}");
    assert_eq!(bench.read("m/file"), "old\none\ntwo\n");
}

#[test]
fn mistakes_of_usage_and_of_the_plan_are_2() {
    let bench = three();
    bench.write(
        "bad.yaml",
        "switchback: 1\nname: bad\nphases:\n  - id: a\n    apply: [{run: [ls]}]\n    colour: red\n",
    );
    for args in [
        &["run"][..],
        &["dance"],
        &["run", "nowhere.yaml", "--unattended"],
        &["run", "bad.yaml", "--unattended"],
        &["lint", "bad.yaml"],
        &["explain", "bad.yaml"],
        &["run", "plan.yaml", "--unattended", "--phase", "four"],
        &["run", "plan.yaml", "--unattended", "--from", "two", "--until", "one"],
        &["run", "plan.yaml", "--unattended", "--set", "word"],
        &["run", "plan.yaml", "--unattended", "--set", "nobody=x"],
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.exit, 2, "{args:?}: {ran:?}");
        assert!(!ran.err.is_empty(), "{args:?}");
    }
    assert_eq!(bench.read("m/file"), "old\n");
}
