//! A run that goes on by itself: handed over, followed, waited for, asked after by its name.

use crate::support::bench::{Bench, Ran};
use crate::support::pty::{CTRL_C, Pty, Streams};
use crate::world::{lives, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Stdio;

/// The step says something and waits until the test lets it go on.
const GATED: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: add, shell: 'echo new > "$m/file"; echo from the step; exec 3<>"$c/gate"; echo > "$c/there"; read -r line <&3'}
    validate:
      - {id: holds, probe: {run: [test, -e, "${c}/ok"]}}
"#;

/// A bench on which the run `r` was handed over, and its step waits.
fn handed_over() -> Bench {
    let bench = Bench::new();
    bench.plan(GATED);
    bench.gate("c/gate");
    let ran = bench.run(&["run", "plan.yaml", "--detach", "--run-id", "r"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    until("the step is at work", || bench.path("c/there").exists());
    bench
}

fn carrier(bench: &Bench) -> Pid {
    let carrier: serde_json::Value =
        serde_json::from_str(&bench.read("state/runs/r/carrier.json")).expect("somebody carries it");
    let process = carrier["process"].as_str().expect("a process");
    Pid::from_raw(process.split_once(':').expect("a number").0.parse().expect("a number"))
}

fn place(bench: &Bench) -> (i32, serde_json::Value) {
    let ran = bench.run(&["status", "--run-id", "r", "--json"]);
    (ran.exit, ran.json())
}

#[test]
fn a_run_that_was_handed_over_goes_on_and_its_end_is_waited_for() {
    let bench = handed_over();
    let (exit, told) = place(&bench);
    assert_eq!(exit, 75, "{told:#}");
    assert_eq!(
        (&told["is"], &told["stage"], &told["phase"]),
        (&"going on".into(), &"applying".into(), &"one".into())
    );
    let early = bench.run(&["wait", "--timeout", "1ms"]);
    assert_eq!(early.exit, 75, "{early:?}");
    bench.write("c/ok", "");
    bench.open_gate("c/gate");
    let ended = bench.run(&["wait", "r", "--json"]);
    assert_eq!((ended.exit, &ended.json()["end"]), (0, &"committed".into()), "{ended:?}");
    assert_eq!(bench.read("m/file"), "new\n");
    let (exit, told) = place(&bench);
    assert_eq!(
        (exit, &told["is"], &told["process"]),
        (0, &"ended".into(), &serde_json::Value::Null),
        "{told:#}"
    );
}

#[test]
fn it_belongs_to_no_terminal_and_no_caller_waits_for_it() {
    let bench = Bench::new();
    bench.plan(GATED);
    bench.gate("c/gate");
    let mut person =
        Pty::start(bench.command(&["run", "plan.yaml", "--detach", "--run-id", "r"]), 80, Streams::All);
    assert_eq!(person.exit(), 0, "{}", person.screen());
    assert!(person.screen().contains("Run r goes on by itself."), "{}", person.screen());
    until("the step is at work", || bench.path("c/there").exists());
    drop(person);
    let pid = carrier(&bench);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is there");
    let fields: Vec<&str> = stat.rsplit_once(") ").expect("a state").1.split_whitespace().collect();
    assert_eq!(fields[3], pid.to_string(), "a session of its own: {stat}");
    assert_eq!(fields[4], "0", "no terminal: {stat}");
    bench.open_gate("c/gate");
    assert_eq!(bench.run(&["wait", "r"]).exit, 12);
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn who_attaches_sees_it_from_its_first_fact_to_its_end_and_ends_as_it_does() {
    let bench = handed_over();
    let mut person = Pty::start(bench.command(&["attach"]), 80, Streams::All);
    person.wait_for("phase one");
    person.wait_for("from the step");
    bench.open_gate("c/gate");
    assert_eq!(person.exit(), 12, "{}", person.screen());
    let screen = person.screen();
    for words in ["guarded", "reverting phase one", "rolled back phase one", "the way back held"] {
        assert!(screen.contains(words), "{words} in {screen}");
    }
    let after = bench.run(&["attach", "r", "--json"]);
    assert_eq!(after.exit, 12, "{after:?}");
    let lines = after.json_lines();
    assert_eq!(lines.first().expect("a fact")["envelope"]["event"]["fact"], "phase-began");
    assert_eq!(lines.last().expect("an end")["exit"], 12);
    assert_eq!(lines.len(), bench.facts(1).len() + 1, "each fact is told once");
}

#[test]
fn neither_ctrl_c_nor_a_closed_terminal_of_who_attaches_ends_the_run() {
    let bench = handed_over();
    let mut person = Pty::start(bench.command(&["attach"]), 80, Streams::All);
    person.wait_for("from the step");
    person.send(CTRL_C);
    person.wait_for("The run goes on without you");
    assert_eq!(person.exit(), 75, "{}", person.screen());
    let mut other = Pty::start(bench.command(&["attach"]), 80, Streams::All);
    other.wait_for("from the step");
    drop(other);
    assert_eq!(place(&bench).0, 75);
    bench.write("c/ok", "");
    bench.open_gate("c/gate");
    assert_eq!(bench.run(&["wait"]).exit, 0);
}

#[test]
fn a_second_start_under_its_name_does_nothing_and_says_where_the_first_one_is() {
    let bench = handed_over();
    let again = |more: &[&str]| bench.run(&[&["run", "plan.yaml", "--run-id", "r"], more].concat());
    let ran = again(&["--detach"]);
    assert!(ran.exit == 0 && ran.out.contains("going on"), "{ran:?}");
    let ran = again(&["--unattended"]);
    assert!(ran.exit == 75 && ran.out.contains("Run r was begun before; nothing is begun."), "{ran:?}");
    bench.open_gate("c/gate");
    assert_eq!(bench.run(&["wait", "r"]).exit, 12);
    let facts = bench.facts(1);
    assert_eq!(again(&["--detach"]).exit, 0);
    assert_eq!(again(&["--unattended"]).exit, 12);
    assert_eq!(bench.facts(1), facts);
    assert!(!bench.path("state/generations/0002").exists(), "nothing was begun");
    bench.plan(&GATED.replace("from the step", "from another"));
    let ran = again(&["--unattended"]);
    assert!(ran.exit == 2 && ran.err.contains("was begun with another plan"), "{ran:?}");
}

#[test]
fn of_eight_starts_under_one_name_one_begins() {
    let bench = Bench::new();
    bench.plan(GATED);
    bench.gate("c/gate");
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let mut command = bench.command(&["run", "plan.yaml", "--detach", "--run-id", "r"]);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("started")
        })
        .collect();
    for start in starts {
        let output = start.wait_with_output().expect("ended");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // Who came while the first was being handed over may be told that it is.
        assert!(matches!(output.status.code(), Some(0 | 15)), "{output:?} {said}");
    }
    until("the step is at work", || bench.path("c/there").exists());
    bench.open_gate("c/gate");
    assert_eq!(bench.run(&["wait", "r"]).exit, 12);
    assert!(!bench.path("state/generations/0002").exists(), "one run began");
}

#[test]
fn a_run_that_is_killed_is_taken_back_by_its_guard_and_that_is_its_end() {
    let bench = handed_over();
    let pid = carrier(&bench);
    kill(pid, Signal::SIGKILL).expect("there");
    until("it is gone", || !lives(&pid.to_string()));
    let ended = bench.run(&["wait", "r", "--json"]);
    assert_eq!((ended.exit, &ended.json()["end"]), (12, &"rolled back".into()), "{ended:?}");
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn without_a_guard_it_is_left_undecided_and_taken_up_by_itself_again() {
    let bench = Bench::new();
    bench.plan(GATED);
    bench.gate("c/gate");
    let ran = bench.run(&["run", "plan.yaml", "--detach", "--run-id", "r", "--no-guard"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    until("the step is at work", || bench.path("c/there").exists());
    let pid = carrier(&bench);
    kill(pid, Signal::SIGKILL).expect("there");
    until("it is gone", || !lives(&pid.to_string()));
    let (exit, told) = place(&bench);
    assert_eq!((exit, &told["is"]), (11, &"left undecided".into()), "{told:#}");
    let attached = bench.run(&["attach"]);
    assert!(attached.exit == 11 && attached.out.contains("switchback resume"), "{attached:?}");
    let resumed = bench.run(&["resume", "--detach", "--no-guard"]);
    assert_eq!(resumed.exit, 0, "{resumed:?}");
    let ended = bench.run(&["wait", "r"]);
    assert_eq!(ended.exit, 12, "{ended:?}");
    assert_eq!(bench.read("m/file"), "old\n");
}

fn says(ran: &Ran, exit: i32, words: &str) {
    assert!(ran.exit == exit && format!("{}{}", ran.out, ran.err).contains(words), "{words}: {ran:?}");
}

#[test]
fn what_keeps_a_run_from_beginning_is_said_where_it_was_asked_for() {
    let bench = Bench::new();
    says(&bench.run(&["wait"]), 0, "Nothing was ever run in");
    says(&bench.run(&["attach", "r"]), 2, "no run `r` is known: nothing was ever run in");
    says(&bench.run(&["run", "none.yaml", "--detach"]), 2, "none.yaml");
    bench.plan("  - {id: one, apply: [{shell: 'true'}]}\n");
    says(&bench.run(&["run", "plan.yaml", "--detach"]), 2, "no way back");
    bench.plan("  - {id: one, preflight: [{id: no, probe: {run: ['false']}}], apply: [{shell: 'true', undo: none, reason: nothing}]}\n");
    let ran = bench.run(&["run", "plan.yaml", "--detach", "--run-id", "r"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    says(&bench.run(&["wait", "r"]), 10, "refused");
    says(&bench.run(&["status", "--run-id", "s"]), 2, "no run `s` is known in");
    says(&bench.run(&["run", "plan.yaml", "--detach", "--run-id", "a/b"]), 2, "is not an identifier");
}
