//! `on: {fail: pause}` while a phase soaks: what a look finds holds the next phase, in every process, until a person says
//! so, or, where it could not be told, until a later look finds it well.

use crate::scheduled::{fires, tells, told};
use crate::support::bench::{Bench, Ran};
use crate::world::until;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// Two phases, of which the first soaks for so long. One of its checks reads a number, another asks a program.
fn plan(bench: &Bench, soak: &str) {
    bench.write("c/n", "3\n");
    answers(bench);
    bench.plan(&format!(
        "  - id: one
    layers: [{{files: {{paths: ['${{m}}/']}}}}]
    apply:
      - {{id: a, shell: 'echo new > \"$m/file\"'}}
    validate:
      - {{id: number, probe: {{run: [cat, '${{c}}/n']}}, expect: {{stdout: {{not: {{matches: bad}}}}}}}}
      - {{id: asked, probe: {{run: ['${{c}}/ask']}}, expect: {{exit: 0}}}}
    soak: {{for: {soak}, every: 1h}}
    on: {{fail: pause, error: pause}}
  - id: two
    apply:
      - {{id: b, shell: 'echo two > \"$m/two\"', undo: none, reason: it is a test}}
"
    ));
}

/// The program answers; without it nobody can tell.
fn answers(bench: &Bench) {
    let path = bench.path("c/ask");
    fs::write(&path, "#!/bin/sh\nexit 0\n").expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
}

fn silent(bench: &Bench) {
    fs::remove_file(bench.path("c/ask")).expect("removed");
}

fn takes(bench: &Bench) -> Ran {
    bench.run(&["run", "plan.yaml", "--unattended"])
}

fn soaking(bench: &Bench) {
    plan(bench, "2d");
    let ran = takes(bench);
    assert_eq!(ran.exit, 0, "{ran:?}");
}

/// How often a fact is in the first generation's journal.
fn times(bench: &Bench, fact: &str) -> usize {
    bench.facts(1).iter().filter(|it| it.as_str() == fact).count()
}

fn hold(bench: &Bench) -> Value {
    let ran = bench.run(&["status", "--json"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    ran.json()["current"]["hold"].clone()
}

/// Whether a run is refused for the hold, with all that a person has to know.
fn is_refused(ran: &Ran, found: &str) {
    assert_eq!(ran.exit, 11, "{ran:?}");
    for said in ["phase `two` may not begin: phase `one` is held since 20", found, "switchback resolve 0001"]
    {
        assert!(ran.err.contains(said), "{said} in {ran:?}");
    }
}

#[test]
fn a_look_that_fails_holds_the_next_phase_until_a_person_says_so_and_then_the_plan_goes_on() {
    // The look has to come while it soaks, and the soak is waited for: longer where the machine is slow.
    for seconds in [3, 20, 60] {
        let bench = Bench::new();
        plan(&bench, &format!("{seconds}s"));
        let ran = takes(&bench);
        assert_eq!(ran.exit, 0, "{ran:?}");
        bench.write("c/n", "bad\n");
        let look = fires(&bench);
        if look.exit == 0 && look.out.contains("no phase soaks") {
            continue;
        }
        assert_eq!(look.exit, 20, "{look:?}");
        assert!(look.out.contains("held") && look.out.contains("no phase of the plan begins until a person"));
        is_refused(&takes(&bench), "check number: fail: `stdout` \"bad\"");
        let said = bench.run(&["resolve", "--reason", "the number is known to be bad", "--yes"]);
        assert!(said.exit == 0 && said.out.contains("released"), "{said:?}");
        until("the soak is over, and the plan goes on", || {
            let ran = takes(&bench);
            assert!(ran.exit == 0 || ran.exit == 10 && ran.err.contains("soaks until then"), "{ran:?}");
            ran.exit == 0
        });
        assert_eq!(bench.read("m/two"), "two\n");
        return;
    }
    panic!("no look came within a minute");
}

#[test]
fn what_holds_is_recorded_once_told_once_and_said_wherever_one_looks() {
    let bench = Bench::new();
    soaking(&bench);
    tells(&bench);
    assert_eq!(fires(&bench).exit, 0);
    assert_eq!((times(&bench, "soak-held"), hold(&bench)), (0, Value::Null));
    bench.write("c/n", "bad\n");
    for _ in 0..3 {
        let ran = fires(&bench);
        assert_eq!(ran.exit, 20, "{ran:?}");
        assert!(ran.out.contains("Phase one is held since 20"), "{ran:?}");
    }
    assert_eq!(times(&bench, "soak-held"), 1);
    let news = told(&bench);
    assert_eq!((news.len(), &news[0]["held"]["generation"]), (1, &1.into()), "{news:?}");
    assert!(
        news[0]["text"].as_str().is_some_and(|text| text.contains("`switchback resolve 0001")),
        "{news:?}"
    );
    assert_eq!(bench.read("m/file"), "new\n", "`pause` takes nothing back");

    // That it is well again changes nothing: a person is to say so.
    bench.write("c/n", "3\n");
    assert_eq!(fires(&bench).exit, 0);
    assert_eq!(times(&bench, "soak-released"), 0);
    for words in [
        &["run", "plan.yaml", "--unattended"][..],
        &["run", "plan.yaml", "--unattended", "--phase", "two"],
        &["run", "plan.yaml", "--dry-run"],
    ] {
        is_refused(&bench.run(words), "check number: fail: `stdout` \"bad\"");
    }
    let again = bench.run(&["run", "plan.yaml", "--unattended", "--phase", "one"]);
    assert_eq!(again.exit, 11, "{again:?}");
    let ran = bench.run(&["resume", "--unattended"]);
    assert!(ran.exit == 11 && ran.out.contains("switchback resolve 0001 --reason"), "{ran:?}");

    let held = hold(&bench);
    assert_eq!((&held["released"], &held["found"][0]["name"]), (&Value::Null, &"check number".into()));
    assert_eq!(held["cause"], serde_json::json!({"checks-failed": ["number"]}));
    let status = bench.run(&["status"]);
    for said in ["held", "until a person says so", "check number", "waiting", "one is held", "resolve 0001"] {
        assert!(status.out.contains(said), "{said} in {status:?}");
    }
    let json = bench.run(&["status", "--json"]).json();
    assert_eq!(json["phases"][1]["timing"], serde_json::json!({"held": "one"}), "{json}");
    assert!(bench.run(&["show"]).out.contains("no phase of the plan begins until a person says so"));
    let evidence = bench.run(&["show", "--evidence"]);
    assert!(evidence.out.contains("== evidence/soak-") || evidence.out.contains("== soak-"), "{evidence:?}");
}

#[test]
fn a_persons_word_releases_it_whatever_was_run_since_and_is_kept() {
    let bench = Bench::new();
    soaking(&bench);
    bench.write("c/n", "bad\n");
    assert_eq!(fires(&bench).exit, 20);
    // Another plan is not held by it.
    bench.write(
        "other.yaml",
        "switchback: 1\nname: q\nrevision: 1\nphases:\n  - id: other\n    apply: [{run: [\"true\"], changes: nothing}]\n",
    );
    let other = bench.run(&["run", "other.yaml", "--unattended"]);
    assert_eq!(other.exit, 0, "{other:?}");
    is_refused(&takes(&bench), "check number: fail: `stdout` \"bad\"");
    for (words, exit, said) in [
        (&["resolve", "--reason", " ", "--yes"][..], 2, "says nothing"),
        (&["resolve", "2", "--reason", "x", "--yes"], 2, "holds no phase"),
        (&["resolve", "--reason", "x"], 2, "--yes"),
    ] {
        let ran = bench.run(words);
        assert!(ran.exit == exit && ran.err.contains(said), "{words:?}: {ran:?}");
    }
    assert_eq!(times(&bench, "soak-released"), 0);
    let ran = bench.run(&["resolve", "--reason", "the number is known", "--yes", "--json"]);
    let last = ran.json_lines().pop().expect("a line");
    assert_eq!((ran.exit, &last["ended"], &last["generation"]), (0, &"hold-released".into(), &1.into()));
    let ran = takes(&bench);
    assert!(ran.exit == 10 && ran.err.contains("soaks until then"), "the soak goes on: {ran:?}");
    // What a person let pass does not hold it again; something else does.
    for _ in 0..2 {
        assert_eq!(fires(&bench).exit, 20);
    }
    assert_eq!((times(&bench, "soak-held"), takes(&bench).exit), (1, 10));
    let shown = bench.run(&["show", "1"]);
    assert!(shown.out.contains("released") && shown.out.contains("the number is known"), "{shown:?}");
    let lines = bench.run(&["history"]);
    assert!(lines.out.contains("held, and released: "), "{lines:?}");
    let json = bench.run(&["show", "1", "--json"]).json();
    assert_eq!(json["line"]["hold"]["released"]["reason"], "the number is known", "{json}");
    let none = bench.run(&["resolve", "--reason", "x", "--yes"]);
    assert!(none.exit == 0 && none.out.contains("Nothing to resolve"), "{none:?}");
    silent(&bench);
    assert_eq!((fires(&bench).exit, times(&bench, "soak-held")), (20, 2));
    is_refused(&takes(&bench), "check asked: error: ");
}

#[test]
fn what_is_taken_back_holds_nothing_any_more() {
    let bench = Bench::new();
    soaking(&bench);
    bench.write("c/n", "bad\n");
    assert_eq!(fires(&bench).exit, 20);
    bench.write("c/n", "3\n");
    let ran = bench.run(&["rollback", "--to", "1", "--yes"]);
    assert_eq!(ran.exit, 12, "{ran:?}");
    assert_eq!(hold(&bench), Value::Null);
    let none = bench.run(&["resolve", "1", "--reason", "x", "--yes"]);
    assert_eq!(none.exit, 2, "{none:?}");
    let ran = takes(&bench);
    assert_eq!(ran.exit, 0, "{ran:?}");
}

#[test]
fn what_could_not_be_told_is_released_by_the_look_that_can_and_a_failure_is_not() {
    let bench = Bench::new();
    soaking(&bench);
    silent(&bench);
    let ran = fires(&bench);
    assert!(ran.exit == 11 && ran.out.contains("begins until a later look finds it well"), "{ran:?}");
    assert_eq!(fires(&bench).exit, 11);
    assert_eq!(times(&bench, "soak-held"), 1);
    is_refused(&takes(&bench), "check asked: error: ");
    assert!(bench.run(&["status"]).out.contains("or a later look that finds it well"));
    answers(&bench);
    let ran = fires(&bench);
    assert!(ran.exit == 0 && ran.out.contains("released"), "{ran:?}");
    assert_eq!((times(&bench, "soak-released"), takes(&bench).exit), (1, 10), "only the soak is left");
    // That it fails is more than that nobody could tell.
    silent(&bench);
    assert_eq!(fires(&bench).exit, 11);
    bench.write("c/n", "bad\n");
    assert_eq!(fires(&bench).exit, 20);
    answers(&bench);
    bench.write("c/n", "3\n");
    assert_eq!(fires(&bench).exit, 0);
    assert_eq!((times(&bench, "soak-held"), times(&bench, "soak-released")), (3, 1));
    is_refused(&takes(&bench), "check number: fail: `stdout` \"bad\"");
}
