//! What is said truly: what a way back leaves, for whom root acts, that nothing was done, that words were lost.

use super::{three, unattended};
use crate::skipped::skipped;
use crate::support::bench::Bench;
use crate::support::pty::{CTRL_C, Pty, Streams};
use nix::sys::signal::{Signal, kill};
use std::fs::File;

#[test]
fn what_a_way_back_left_by_design_is_in_status_history_and_show() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/file"]}}]
    apply:
      - {id: send, shell: 'echo sent > "$c/sent"', undo: none, reason: "a letter is not called back"}
"#,
    );
    assert_eq!(unattended(&bench, &[]).exit, 0);
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 12);
    for looking in [&["status"][..], &["history"], &["show", "1"]] {
        let told = bench.run(looking);
        assert!(
            told.out.contains("left by design") && told.out.contains("step send"),
            "{looking:?}: {told:?}"
        );
        assert!(!told.out.contains("as before the phase\n"), "{looking:?}: {told:?}");
    }
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!(status["current"]["left"][0]["why"], "a letter is not called back", "{status:#}");
    let history = bench.run(&["history", "--json"]).json();
    assert_eq!(history["generations"][0]["left"][0]["name"], "step send", "{history:#}");
    assert_eq!(bench.run(&["show", "--json"]).json()["line"]["left"][0]["name"], "step send");
    // The index says the same as the capsules.
    assert_eq!(bench.run(&["history", "--rebuild", "--json"]).json(), history);
}

/// The preflight says that it was judged; the layer's record waits for the test.
const RECORDS: &str = r#"
  - id: one
    layers:
      - command:
          name: slow
          record: [sh, -c, 'exec 3<>"$c/gate"; echo here > "$c/ready"; read -r line <&3; cat "$m/file"']
          restore: ["true"]
    preflight: [{id: ok, probe: {run: [sh, -c, 'echo judged >> "$0"; test ! -e "$1"', "${c}/log", "${c}/bad"]}}]
    apply: [{id: add, shell: 'echo one >> "$m/file"'}]
"#;

fn recording() -> (Bench, Pty) {
    let bench = Bench::new();
    let named = |name: &str| bench.path(name).display().to_string();
    bench.plan(
        &RECORDS
            .replace("$c/gate", &named("c/gate"))
            .replace("$c/ready", &named("c/ready"))
            .replace("cat \"$m/file\"", &format!("cat \"{}\"", named("m/file"))),
    );
    bench.gate("c/gate");
    bench.gate("c/ready");
    let pty = Pty::start(bench.command(&["run", "plan.yaml", "--unattended"]), 80, Streams::All);
    // Nobody writes before the layer is recorded.
    assert_eq!(bench.read("c/ready"), "here\n");
    (bench, pty)
}

/// A second runner records: it waits at the gate as well.
fn taken_up(bench: &Bench) -> i32 {
    let mut pty = Pty::start(bench.command(&["resume", "--unattended"]), 80, Streams::All);
    assert_eq!(bench.read("c/ready"), "here\n");
    bench.open_gate("c/gate");
    pty.exit()
}

#[test]
fn an_interrupt_before_anything_was_touched_waits_and_the_preflight_is_judged_again() {
    let (bench, mut pty) = recording();
    pty.send(CTRL_C);
    pty.wait_for("stopping");
    bench.open_gate("c/gate");
    assert_eq!(pty.exit(), 11, "{}", pty.screen());
    assert_eq!(bench.run(&["status", "--json"]).json()["current"]["stage"], "paused");
    assert_eq!(taken_up(&bench), 0);
    assert_eq!(bench.read("c/log"), "judged\njudged\n");
    assert_eq!(bench.read("m/file"), "old\none\n");
    assert_eq!(bench.run(&["show", "--json"]).json()["records"].as_array().map(Vec::len), Some(1));
    assert_eq!(bench.run(&["history", "--json"]).json()["generations"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_crash_before_anything_was_touched_lets_the_preflight_refuse_later() {
    let (bench, mut pty) = recording();
    kill(pty.pid(), Signal::SIGKILL).expect("it is there");
    assert_eq!(pty.exit(), -1);
    bench.write("c/bad", "");
    let resumed = bench.run(&["resume", "--unattended"]);
    assert_eq!(resumed.exit, 10, "{resumed:?}");
    assert_eq!((bench.read("c/log").as_str(), bench.read("m/file").as_str()), ("judged\njudged\n", "old\n"));
}

#[test]
fn a_rollback_of_what_touched_nothing_promises_to_restore_nothing() {
    let (bench, mut pty) = recording();
    pty.send(CTRL_C);
    pty.wait_for("stopping");
    bench.open_gate("c/gate");
    assert_eq!(pty.exit(), 11, "{}", pty.screen());
    let back = bench.run(&["rollback", "--yes"]);
    assert!(back.exit == 10 && !back.out.contains("restore"), "{back:?}");
    // It is not taken up to go on, and nobody is told so.
    assert!(back.out.contains("to go back and not on") && !back.out.contains("taken up again"), "{back:?}");
}

#[test]
fn every_command_that_is_proposed_names_the_state_folder_that_was_named() {
    let bench = three();
    let state = bench.path("elsewhere");
    let state = state.display().to_string();
    let ran = unattended(&bench, &["--state", &state]);
    assert_eq!(ran.exit, 12, "{ran:?}");
    let again = unattended(&bench, &["--state", &state]);
    assert_eq!(again.exit, 14, "{again:?}");
    for text in [&ran.out, &again.err] {
        let proposed: Vec<&str> =
            text.split("`switchback ").skip(1).filter_map(|rest| rest.split('`').next()).collect();
        assert!(!proposed.is_empty(), "{text}");
        assert!(proposed.iter().all(|command| command.ends_with(&format!(" --state {state}"))), "{text}");
    }
    assert!(!ran.out.contains("these commands need"), "{ran:?}");
}

#[test]
fn a_dry_run_tells_programs_what_later_phases_cannot_save() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/file"]}}]
    apply: [{id: change, shell: 'echo new > "$m/file"'}]
  - id: two
    layers: [{files: {paths: ["/proc"]}}]
    apply: [{id: more, shell: 'echo more > "$m/file"'}]
"#,
    );
    let words = bench.run(&["run", "plan.yaml", "--dry-run"]);
    assert!(words.exit == 0 && words.out.contains("warning: phase `two`, layer files"), "{words:?}");
    let told = bench.run(&["run", "plan.yaml", "--dry-run", "--json"]).json();
    let warning = told["warnings"][0].as_str().unwrap_or_default();
    assert!(
        warning.starts_with("phase `two`, layer files") && warning.contains("would be refused"),
        "{told:#}"
    );
}

#[test]
fn nothing_to_do_is_a_document_for_programs() {
    let bench = three();
    bench.write("c/ok", "");
    for verb in
        [&["resume", "--unattended"][..], &["rollback", "--yes"], &["resolve", "--yes", "--reason", "x"]]
    {
        let ran = bench.run(&[verb, &["--json"]].concat());
        assert_eq!((ran.exit, ran.json()["exit"].as_u64()), (0, Some(0)), "{verb:?}: {ran:?}");
        assert_eq!(ran.json()["ended"], "nothing-done", "{verb:?}: {ran:?}");
    }
    assert_eq!(unattended(&bench, &[]).exit, 0);
    let ran = unattended(&bench, &["--json"]);
    assert_eq!((ran.exit, ran.json()["ended"].as_str()), (0, Some("nothing-done")), "{ran:?}");
    assert!(ran.json()["why"].as_str().is_some_and(|why| why.contains("committed")), "{ran:?}");
}

#[test]
fn words_that_could_not_be_written_are_no_success() {
    let bench = three();
    bench.write("c/ok", "");
    let full = || File::options().write(true).open("/dev/full").expect("it is there");
    for args in [
        &["explain", "plan.yaml"][..],
        &["--help"],
        &["run", "plan.yaml", "--unattended"],
        &["status"],
        &["history", "--json"],
        &["show", "--json"],
    ] {
        let mut command = bench.command(args);
        command.stdin(std::process::Stdio::null()).stdout(full()).stderr(std::process::Stdio::piped());
        let ended = command.spawn().and_then(std::process::Child::wait_with_output).expect("it runs");
        let err = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.contains("standard output cannot be written"), "{args:?}: {err}");
    }
    assert_eq!(bench.read("m/file"), "old\none\ntwo\nthree\n", "the run itself did not notice");
}

#[test]
fn a_line_of_the_quarantine_that_nobody_can_read_stops_what_nobody_watches() {
    let bench = three();
    bench.write("c/ok", "");
    assert_eq!(unattended(&bench, &["--until", "one"]).exit, 0);
    bench.write("state/quarantine", "torn\n");
    for args in [&[][..], &["--dry-run"]] {
        let ran = unattended(&bench, args);
        assert_eq!(ran.exit, 14, "{args:?}: {ran:?}");
        for words in ["state/quarantine", "quarantine line 1", "--override"] {
            assert!(ran.err.contains(words), "{words}: {ran:?}");
        }
    }
    let mut pty = Pty::start(bench.command(&["run", "plan.yaml", "--until", "two"]), 100, Streams::All);
    pty.wait_for("warning");
    pty.wait_for("quarantine line 1");
    pty.answer("Begin phase two?", "n");
    assert_eq!(pty.exit(), 10, "{}", pty.screen());
    assert_eq!(unattended(&bench, &["--override"]).exit, 0);
}

#[test]
fn plain_root_acts_for_nobody_but_who_is_named() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("plain root acts for nobody but who is named", "this is not root");
    }
    let bench = Bench::new();
    bench.open_to_everybody();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/file"]}}]
    apply:
      - {id: theirs, as: user, shell: 'id -u > "$m/did"', undo: {shell: 'id -u > "$m/undid"'}}
      - {id: again, as: user, run: ["true"], changes: nothing}
"#,
    );
    let ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 10, "{ran:?}");
    for words in ["phase `one`, step `theirs`; phase `one`, step `again`", "--user NAME"] {
        assert!(ran.err.contains(words), "{words}: {ran:?}");
    }
    assert_eq!(ran.err.matches("nobody said which user").count(), 1, "{ran:?}");
    assert!(!bench.path("state").exists(), "nothing was begun");
    let unknown = unattended(&bench, &["--user", "no-such-user"]);
    assert!(unknown.exit == 2 && unknown.err.contains("no account no-such-user"), "{unknown:?}");
    assert_eq!(unattended(&bench, &["--user", "nobody"]).exit, 0);
    assert_eq!(bench.read("m/did"), "65534\n");
    assert!(bench.read("state/generations/0001/UNDO").contains("# As user nobody (uid 65534), not as root:"));
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 12);
    assert_eq!(bench.read("m/undid"), "65534\n");
}

/// The second phase's layer needs a program that is not there.
const LATER: &str = r#"
  - id: one
    apply: [{id: add, shell: 'CHANGE', HOW}]
  - id: two
    layers: [{command: {name: label, record: [/no/such/program], restore: ["true"]}}]
    apply: [{id: add, shell: 'echo two >> "$m/file"'}]
"#;

#[test]
fn what_a_later_phase_cannot_record_is_said_before_the_first_begins() {
    let bench = Bench::new();
    bench.plan(&LATER.replace("CHANGE", "true").replace("HOW", "changes: nothing"));
    for args in [&[][..], &["--dry-run"]] {
        let ran = unattended(&bench, args);
        assert_eq!(ran.exit, 10, "{args:?}: {ran:?}");
        assert!(
            ran.err.contains("phase `two`, layer label") && ran.err.contains("/no/such/program"),
            "{ran:?}"
        );
    }
    assert!(!bench.path("state/generations/0001").exists(), "nothing was begun");
    // What the first phase changes may make it possible.
    let change = "echo one >> \"$m/file\"";
    bench.plan(&LATER.replace("CHANGE", change).replace("HOW", "undo: {run: [\"true\"]}"));
    let ran = unattended(&bench, &["--until", "one"]);
    assert!(ran.exit == 0 && !ran.out.contains("warning"), "what is not asked for is not looked at: {ran:?}");
    let fresh = Bench::new();
    fresh.plan(&LATER.replace("CHANGE", change).replace("HOW", "undo: {run: [\"true\"]}"));
    let ran = unattended(&fresh, &[]);
    let warned = ran.out.find("warning: phase `two`, layer label");
    assert!(warned.is_some() && warned < ran.out.find("phase one"), "{ran:?}");
}

#[test]
fn show_tells_what_changed_by_path_and_every_program_as_it_was_executed() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: new, shell: 'rm "$m/gone"; echo new > "$m/new"; echo more >> "$m/file"'}
      - {id: which, changes: nothing, run: [sh, -c, 'test "$0" = 0001', "${generation}"]}
"#,
    );
    bench.write("m/gone", "x");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    let shown = bench.run(&["show", "1", "--json"]).json();
    let changes = shown["changes"].as_array().expect("changes");
    for (change, name) in [("created", "m/new"), ("changed", "m/file"), ("removed", "m/gone")] {
        let path = bench.path(name).display().to_string();
        let found = changes.iter().any(|one| one["change"] == change && one["name"] == path.as_str());
        assert!(found, "{change} {name}: {shown:#}");
    }
    let which = &shown["steps"][1];
    assert_eq!(which["argv"][3], "0001", "{shown:#}");
    assert_eq!((which["exit"].as_i64(), which["took"].is_u64()), (Some(0), true), "{shown:#}");
    let text = bench.run(&["show", "1"]).out;
    for words in ["created", "m/new", "exit status 0", "took", "0001", "/bin/sh -eu"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 12);
    assert!(bench.run(&["show", "1", "--json"]).json()["changes"].is_null(), "all is as before");
}
