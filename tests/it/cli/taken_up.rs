//! A runner that is killed, and what takes up its run.

use super::unattended;
use crate::support::bench::Bench;
use crate::support::pty::{Pty, Streams};
use nix::sys::signal::{Signal, kill};

/// The second step waits for the test; each says that it was there.
const KILLED: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: first, shell: 'echo first >> "$m/file"; echo first >> "$c/log"'}
      - {id: second, idempotent: true, shell: 'echo second >> "$c/log"; exec 3<>"$c/gate"; echo at" "work; read -r line <&3; echo second > "$m/second"'}
      - {id: third, shell: 'echo third >> "$m/file"; echo third >> "$c/log"'}
"#;

/// A run whose runner was killed while its second step was at work.
fn killed() -> Bench {
    let bench = Bench::new();
    bench.plan(KILLED);
    bench.gate("c/gate");
    let mut run =
        Pty::start(bench.command(&["run", "plan.yaml", "--unattended", "--no-guard"]), 80, Streams::All);
    run.wait_for("at work");
    kill(run.pid(), Signal::SIGKILL).expect("it is there");
    assert_eq!(run.exit(), -1);
    bench
}

#[test]
fn a_run_that_was_killed_is_waiting_for_somebody() {
    let bench = killed();
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!(status["current"]["stage"], "applying", "{status:#}");
    assert!(
        status["current"]["waiting"].as_str().is_some_and(|who| who.contains("switchback resume")),
        "{status:#}"
    );
    let run = unattended(&bench, &[]);
    assert_eq!(run.exit, 11, "a new run does not begin over an open one: {run:?}");
    assert!(run.err.contains("switchback resume"), "{run:?}");
}

#[test]
fn resume_goes_on_where_the_killed_run_stood() {
    let bench = killed();
    let mut resume = Pty::start(bench.command(&["resume", "--unattended"]), 80, Streams::All);
    resume.wait_for("at work");
    bench.open_gate("c/gate");
    assert_eq!(resume.exit(), 0, "{}", resume.screen());
    assert_eq!(bench.read("m/file"), "old\nfirst\nthird\n");
    assert_eq!(bench.read("c/log"), "first\nsecond\nsecond\nthird\n", "the first step did not run again");
    let again = bench.run(&["resume", "--unattended"]);
    assert_eq!(again.exit, 0, "{again:?}");
    assert!(again.out.contains("Nothing to resume"), "{again:?}");
}

#[test]
fn rollback_takes_back_what_the_killed_run_did() {
    let bench = killed();
    let ran = bench.run(&["rollback", "--yes"]);
    assert_eq!(ran.exit, 12, "{ran:?}");
    assert_eq!(bench.read("m/file"), "old\n");
    assert!(!bench.path("m/second").exists());
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 0, "nothing is left to take back");
    let run = bench.run(&["resume", "--unattended"]);
    assert_eq!(run.exit, 0, "{run:?}");
}
