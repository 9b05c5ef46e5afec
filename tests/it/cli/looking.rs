//! The looking verbs, in words and as JSON.

use super::{three, unattended};
use crate::support::bench::{Bench, sources};

#[test]
fn where_nothing_was_run_every_verb_that_asks_says_so_and_makes_nothing() {
    let bench = Bench::new();
    // An empty list, or nothing to take up or back, is an answer and no error, as it is for `status`.
    for (args, words) in [
        (&["status"][..], "was ever run here"),
        (&["history"], "no generation was ever recorded"),
        (&["history", "--rebuild"], "no generation was ever recorded"),
        (&["rollback", "--list"], "no generation was ever recorded"),
        (&["rollback", "--yes"], "Nothing to take back"),
        (&["resume", "--unattended"], "Nothing to resume"),
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.exit, 0, "{args:?}: {ran:?}");
        assert!(ran.out.contains(words), "{args:?}: {ran:?}");
    }
    for args in [&["history", "--json"][..], &["rollback", "--list", "--json"]] {
        let list = bench.run(args).json();
        assert_eq!(list["generations"].as_array().map(Vec::len), Some(0), "{list:#}");
    }
    // There is no generation to show: that is the one question without an answer.
    let show = bench.run(&["show"]);
    assert_eq!(show.exit, 1, "{show:?}");
    assert!(show.err.contains("state") && show.err.contains("hint"), "{show:?}");
    assert!(!bench.state().exists());
}

#[test]
fn a_state_folder_that_is_named_with_nothing_is_not_named() {
    let bench = Bench::new();
    let ran = Bench::end(bench.command(&["status", "--json"]).env("SWITCHBACK_STATE", ""));
    assert_eq!(ran.exit, 0, "{ran:?}");
    let here = bench.path("").display().to_string();
    let state = ran.json()["state"].as_str().unwrap_or_default().to_owned();
    assert!(!state.is_empty() && Some(state.as_str()) != here.strip_suffix('/'), "{state}");
    assert!(state.ends_with("switchback"), "{state}");
}

#[test]
fn every_looking_verb_speaks_json_and_words() {
    let bench = three();
    assert_eq!(unattended(&bench, &[]).exit, 12);
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!(status["current"]["phase"], "three");
    assert_eq!(status["quarantine"][0]["plan"], "p");
    let history = bench.run(&["history", "--json"]).json();
    let ends: Vec<_> =
        history["generations"].as_array().expect("a list").iter().map(|line| line["end"].clone()).collect();
    assert_eq!(ends.len(), 3, "{history:#}");
    assert!(ends.contains(&"reverted".into()), "{history:#}");
    let show = bench.run(&["show", "3", "--json"]).json();
    assert_eq!(show["line"]["phase"], "three");
    assert!(show["checks"].as_array().is_some_and(|checks| checks.len() >= 2), "{show:#}");
    let list = bench.run(&["rollback", "--list", "--json"]).json();
    assert_eq!(list["generations"].as_array().map(Vec::len), Some(3));
    for (args, words) in [
        (&["status"][..], "rejected here"),
        (&["history"], "reverted"),
        (&["show", "3"], "holds"),
        (&["show", "3", "--evidence"], "from the step"),
        (&["rollback", "--list"], "two"),
        (&["history", "--rebuild", "-n", "1"], "three"),
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.exit, 0, "{args:?}: {ran:?}");
        assert!(ran.out.contains(words), "{args:?}: {ran:?}");
    }
    let none = bench.run(&["show", "9"]);
    assert_eq!(none.exit, 2, "{none:?}");
}

#[test]
fn history_is_the_same_without_its_index() {
    let bench = three();
    assert_eq!(unattended(&bench, &[]).exit, 12);
    let before = bench.run(&["history", "--json"]).out;
    std::fs::remove_file(bench.path("state/history.db")).expect("removed");
    assert_eq!(bench.run(&["history", "--json"]).out, before);
}

#[test]
fn lint_and_explain_speak_json_and_touch_nothing() {
    let bench = three();
    bench.write("bad.yaml", "switchback: 1\nname: bad\nphases:\n  - id: a\n    colour: red\n");
    let good = bench.run(&["lint", "plan.yaml", "--json"]);
    assert_eq!(good.exit, 0, "{good:?}");
    good.json();
    let bad = bench.run(&["lint", "bad.yaml", "--json"]);
    assert_eq!(bad.exit, 2, "{bad:?}");
    assert!(bad.json().to_string().contains("colour"), "{bad:?}");
    let words = bench.run(&["lint", "bad.yaml"]);
    assert!(words.err.contains("bad.yaml:"), "a place in the file: {words:?}");
    let explained = bench.run(&["explain", "plan.yaml", "--json"]);
    assert_eq!(explained.exit, 0, "{explained:?}");
    assert!(explained.json().to_string().contains("echo two"));
    assert!(bench.run(&["explain", "plan.yaml"]).out.contains("echo two"));
    assert!(!bench.state().exists());
}

#[test]
fn the_schema_is_json_and_the_shipped_plans_are_valid() {
    let bench = Bench::new();
    for of in ["plan", "checks"] {
        let ran = bench.run(&["schema", of]);
        assert_eq!(ran.exit, 0, "{ran:?}");
        assert!(ran.json().is_object());
    }
    let tour = sources().join("plans/tour.yaml");
    let ran = bench.run(&["lint", tour.to_str().expect("plain"), "--json"]);
    // As root a plan is taken only from folders that nobody else may write.
    assert!(ran.exit == 0 || ran.err.contains("belongs to") || ran.err.contains("may write"), "{ran:?}");
}

#[test]
fn the_tour_ends_as_told() {
    let bench = Bench::new();
    let ground = bench.path("ground");
    let ran = bench.run(&["tour", "--folder", ground.to_str().expect("plain")]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.out.contains("went as told"), "{ran:?}");
}
