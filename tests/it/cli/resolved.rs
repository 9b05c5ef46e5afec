//! A way back that did not hold, and a person who puts right by hand what it named.

use super::unattended;
use crate::support::bench::Bench;
use crate::support::pty::{Pty, Streams};

/// The undo fails where `c/bad` is.
const UNDO: &str = r#"
  - id: one
    apply: [{id: add, shell: 'echo one >> "$m/file"', undo: {shell: 'test ! -e "$c/bad"'}}]
  - id: two
    apply: [{id: add, shell: 'echo two >> "$m/file"', undo: {shell: 'true'}}]
"#;

fn inconsistent(to: &[&str]) -> Bench {
    let bench = Bench::new();
    bench.plan(UNDO);
    let until: &[&str] = if to.is_empty() { &["--until", "one"] } else { &[] };
    assert_eq!(unattended(&bench, until).exit, 0);
    bench.write("c/bad", "");
    let back = bench.run(&[&["rollback", "--yes"], to].concat());
    assert_eq!(back.exit, 13, "{back:?}");
    assert!(back.out.contains("switchback resolve"), "{back:?}");
    bench
}

#[test]
fn what_was_put_right_by_hand_is_said_recorded_and_the_way_forward_is_free() {
    let bench = inconsistent(&[]);
    let run = unattended(&bench, &[]);
    assert!(run.exit == 13 && run.err.contains("switchback resolve"), "{run:?}");
    let said = ["resolve", "--reason", "took the line out with an editor"];
    let nobody = bench.run(&said);
    assert!(nobody.exit == 2 && nobody.err.contains("--yes"), "{nobody:?}");
    let ran = bench.run(&[&said[..], &["--yes"]].concat());
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.out.contains("undo of step add") && ran.out.contains("took the line out"), "{ran:?}");
    assert_eq!(bench.facts(1).split_off(bench.facts(1).len() - 2), ["items-resolved", "run-finished"]);
    for looking in [&["status"][..], &["history"], &["show", "1"]] {
        let told = bench.run(looking);
        assert!(told.exit == 0 && told.out.contains("took the line out"), "{looking:?}: {told:?}");
    }
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!(status["current"]["verdict"], "resolved", "{status:#}");
    assert_eq!(status["current"]["waiting"], serde_json::Value::Null, "{status:#}");
    assert_eq!(status["current"]["resolved"]["items"][0]["name"], "undo of step add", "{status:#}");
    assert_eq!(status["phases"][0]["due"], true, "{status:#}");
    assert_eq!(bench.run(&["show", "--json"]).json()["line"]["end"], "resolved");
    let again = bench.run(&[&said[..], &["--yes"]].concat());
    assert!(again.exit == 0 && again.out.contains("Nothing to resolve"), "{again:?}");
    assert_eq!(bench.run(&["resume", "--unattended"]).exit, 0);
    assert_eq!(unattended(&bench, &[]).exit, 0);
}

#[test]
fn what_a_person_settled_is_named_by_every_later_way_back_and_never_called_the_state_before() {
    let bench = inconsistent(&[]);
    assert_eq!(bench.run(&["resolve", "--reason", "took the line out", "--yes"]).exit, 0);
    for back in
        [&["rollback", "--yes"][..], &["rollback", "--to", "1", "--yes"], &["rollback", "--to", "start"]]
    {
        let ran = bench.run(back);
        assert!(ran.exit == 0 && ran.out.contains("Nothing to take back"), "{back:?}: {ran:?}");
        assert!(!ran.out.contains("in the state before"), "{back:?}: {ran:?}");
        let settled = "generation 0001, undo of step add: put right by hand, by";
        assert!(ran.out.contains(settled) && ran.out.contains("took the line out"), "{back:?}: {ran:?}");
    }
    let told = bench.run(&["rollback", "--yes", "--json"]).json();
    assert_eq!(told["items"][0]["name"], "generation 0001, undo of step add", "{told:#}");
    std::fs::remove_file(bench.path("c/bad")).expect("removed");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    let over = bench.run(&["rollback", "--to", "1", "--yes"]);
    assert!(over.exit == 12 && over.out.contains("generation 0001, undo of step add: put right"), "{over:?}");
}

#[test]
fn an_older_generation_is_put_right_too_and_the_plan_takes_its_phases_again() {
    let bench = inconsistent(&["--to", "start"]);
    let ran = bench.run(&["resolve", "--reason", "by hand", "--yes", "--json"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert_eq!(ran.json_lines().pop().expect("lines")["ended"], "resolved");
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!(status["phases"][0]["end"], "resolved", "{status:#}");
    std::fs::remove_file(bench.path("c/bad")).expect("removed");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    assert_eq!(bench.run(&["history", "--json"]).json()["generations"][3]["end"], "resolved");
}

#[test]
fn only_what_is_inconsistent_is_put_right() {
    let bench = Bench::new();
    let none = bench.run(&["resolve", "--reason", "x", "--yes"]);
    assert!(none.exit == 0 && none.out.contains("nothing was ever run"), "{none:?}");
    bench.plan(UNDO);
    assert_eq!(unattended(&bench, &[]).exit, 0);
    for (args, exit, words) in [
        (&["resolve", "1", "--reason", "x", "--yes"][..], 2, "it is committed"),
        (&["resolve", "9", "--reason", "x", "--yes"], 2, "there is no generation 0009"),
        (&["resolve", "--reason", " ", "--yes"], 2, "says nothing"),
        (&["resolve", "--yes"], 2, "--reason"),
        (&["resolve", "--reason", "x", "--yes"], 0, "Nothing to resolve"),
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.exit, exit, "{args:?}: {ran:?}");
        assert!(format!("{}{}", ran.out, ran.err).contains(words), "{args:?}: {ran:?}");
    }
    assert!(!bench.journal(1).contains("items-resolved") && !bench.journal(2).contains("items-resolved"));
}

#[test]
fn a_person_is_shown_the_items_and_may_say_no() {
    let bench = inconsistent(&[]);
    for (answer, exit, ended) in [("n", 10, "inconsistent"), ("y", 0, "resolved")] {
        let mut pty = Pty::start(bench.command(&["resolve", "--reason", "by hand"]), 80, Streams::All);
        pty.wait_for("undo of step add");
        pty.answer("Were these put right by hand?", answer);
        assert_eq!(pty.exit(), exit, "{}", pty.screen());
        assert_eq!(bench.run(&["status", "--json"]).json()["current"]["stage"], ended);
    }
}

/// Two phases, both committed.
const GOOD: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: add, shell: 'echo one >> "$m/file"'}]
  - id: two
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: add, shell: 'echo two >> "$m/file"'}]
"#;

#[test]
fn a_newest_generation_that_is_gone_or_tells_of_nothing_stops_everything_until_a_person_looked() {
    for gone in ["generations/0002", "generations/0002/journal"] {
        let bench = Bench::new();
        bench.plan(GOOD);
        assert_eq!(unattended(&bench, &[]).exit, 0);
        let path = bench.state().join(gone);
        if path.is_dir() {
            std::fs::remove_dir_all(&path).expect("removed");
        } else {
            std::fs::write(&path, "").expect("emptied");
        }
        for words in [&["resume", "--unattended"][..], &["rollback", "--yes"], &["confirm"]] {
            let ran = bench.run(words);
            assert!(ran.exit == 13 && ran.err.contains("0002"), "{gone}: {words:?}: {ran:?}");
        }
        let run = unattended(&bench, &[]);
        assert!(run.exit == 13 && run.err.contains("0002"), "{gone}: {run:?}");
        assert!(run.err.contains("switchback resolve"), "{gone}: {run:?}");
        if gone.ends_with("journal") {
            let status = bench.run(&["status"]);
            assert!(status.exit == 13 && status.err.contains("`switchback resolve"), "{status:?}");
            let show = bench.run(&["show", "2"]);
            assert!(show.exit == 13 && show.err.contains("`switchback resolve"), "{show:?}");
            let history = bench.run(&["history"]);
            let told = format!("{}{}", history.out, history.err);
            assert!(
                told.contains("generation 0002 is not told of: ") && !told.contains("ever recorded"),
                "{told}"
            );
            assert_eq!(bench.run(&["history", "--json"]).json()["damage"][0]["name"], "generation 0002");
        }
        if gone == "generations/0002" {
            let status = bench.run(&["status"]);
            assert!(status.exit == 0 && status.out.contains("0002"), "{status:?}");
            assert!(status.out.contains("switchback resolve"), "{status:?}");
        }
        let other = bench.run(&["resolve", "1", "--reason", "looked", "--yes"]);
        assert_eq!(other.exit, 2, "{gone}: {other:?}");
        let ran = bench.run(&["resolve", "--reason", "compared with the backup", "--yes"]);
        assert!(ran.exit == 0 && ran.out.contains("0002"), "{gone}: {ran:?}");
        let status = bench.run(&["status", "--json"]).json();
        assert_eq!(status["current"]["generation"], 1, "{gone}: {status:#}");
        assert_eq!(bench.run(&["resume", "--unattended"]).exit, 0, "{gone}");
        // The phase of which nothing tells is due again, under a number of its own.
        let run = unattended(&bench, &[]);
        assert!(run.exit == 0 && bench.state().join("generations/0003/journal").exists(), "{gone}: {run:?}");
        let back = bench.run(&["rollback", "--to", "start", "--yes"]);
        assert!(back.exit == 12 && back.out.contains("compared with the backup"), "{gone}: {back:?}");
    }
}
