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
    // A generation that is asked for and is not there is a mistake of who asks, wherever it is asked for.
    for args in [
        &["show"][..],
        &["show", "1"],
        &["resolve", "1", "--reason", "x", "--yes"],
        &["rollback", "--to", "1", "--yes"],
        &["rollback", "--to", "start", "--yes"],
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.exit, 2, "{args:?}: {ran:?}");
        assert!(
            ran.err.contains("there is no generation") && ran.err.contains("nothing was ever run"),
            "{ran:?}"
        );
        assert!(ran.err.contains("`--state DIR`"), "{args:?}: {ran:?}");
    }
    assert!(!bench.state().exists());
}

#[test]
fn a_word_that_is_no_generation_is_told_what_one_is() {
    let bench = three();
    for args in [&["show", "x"][..], &["resolve", "one", "--reason", "x"], &["show", "-1"]] {
        let ran = bench.run(args);
        assert_eq!(ran.exit, 2, "{args:?}: {ran:?}");
        assert!(!ran.err.contains("digit"), "{args:?}: {ran:?}");
    }
    let ran = bench.run(&["show", "x"]);
    assert!(
        ran.err.contains("a generation is a number") && ran.err.contains("switchback history"),
        "{ran:?}"
    );
}

#[test]
fn the_newest_generation_stands_first_for_a_person_and_in_a_pipe() {
    let bench = three();
    assert_eq!(unattended(&bench, &[]).exit, 12);
    for args in [&["history"][..], &["rollback", "--list"]] {
        let words = bench.run(args).out;
        let numbers: Vec<&str> =
            words.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(numbers, ["0003", "0002", "0001"], "{words}");
        let json = bench.run(&[args, &["--json"]].concat()).json();
        let numbers: Vec<u64> = json["generations"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|line| line["generation"].as_u64())
            .collect();
        assert_eq!(numbers, [3, 2, 1], "{json:#}");
    }
    assert!(bench.run(&["history", "-n", "1"]).out.contains("0003"));
}

#[test]
fn a_plan_that_is_committed_is_not_shown_as_one_of_no_phases() {
    let bench = Bench::new();
    bench.plan("\n  - {id: one, apply: [{run: [\"true\"], changes: nothing}]}\n");
    assert_eq!(bench.run(&["run", "plan.yaml", "--unattended"]).exit, 0);
    let dry = bench.run(&["run", "plan.yaml", "--dry-run"]);
    assert_eq!(
        (dry.exit, dry.out.contains("phases:"), dry.out.contains("0 phase")),
        (0, false, false),
        "{dry:?}"
    );
    assert!(format!("{}{}", dry.out, dry.err).contains("Nothing to do: every phase"), "{dry:?}");
    assert!(bench.run(&["run", "plan.yaml", "--dry-run", "--json"]).json()["phases"].is_array());
}

#[test]
fn history_and_show_say_where_a_phase_stands_in_the_word_of_status() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    on: {fail: pause}
    apply: [{run: ["false"], changes: nothing}]
"#,
    );
    assert_eq!(bench.run(&["run", "plan.yaml", "--unattended"]).exit, 11);
    for verb in ["status", "history", "show"] {
        let ran = bench.run(&[verb]);
        assert!(
            ran.exit == 0 && ran.out.contains("paused") && !ran.out.contains(" open "),
            "{verb}: {ran:?}"
        );
    }
    let history = bench.run(&["history", "--json"]).json();
    assert_eq!(history["generations"][0]["stage"], "paused", "{history:#}");
}

#[test]
fn the_complaints_about_a_plan_are_json_wherever_json_is_asked_for() {
    let bench = three();
    bench.write("bad.yaml", "switchback: 1\nname: bad\nphases:\n  - id: a\n    colour: red\n");
    let linted = bench.run(&["lint", "bad.yaml", "--json"]).json();
    for args in [
        &["run", "bad.yaml", "--unattended", "--json"][..],
        &["run", "bad.yaml", "--dry-run", "--json"],
        &["explain", "bad.yaml", "--json"],
        &["validate", "bad.yaml", "--json"],
    ] {
        let ran = bench.run(args);
        assert_eq!((ran.exit, ran.json()), (2, linted.clone()), "{args:?}: {ran:?}");
        let error: serde_json::Value =
            serde_json::from_str(&ran.err).expect("one document and no other text");
        assert_eq!(error["exit"], 2, "{args:?}: {ran:?}");
    }
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

#[test]
fn status_says_which_day_it_is_what_is_due_and_what_the_others_wait_for() {
    let bench = Bench::new();
    let phases = r#"
  - id: one
    title: The first
    week: 1
    soak: {for: 1d}
    apply: [{run: ["true"], changes: nothing}]
  - id: two
    week: 1
    days: 2-3
    apply: [{run: ["true"], changes: nothing}]
"#;
    bench.plan(phases);
    let text = bench.read("plan.yaml");
    let (head, body) = text.split_once("phases:").expect("phases");
    bench.write(
        "plan.yaml",
        &format!("{head}calendar: {{starts: 2020-01-06, days: Mon..Fri}}\nphases:{body}"),
    );
    assert_eq!(unattended(&bench, &["--until", "one"]).exit, 0);
    let status = bench.run(&["status"]).out;
    assert!(status.contains(", week ") && status.contains("soaks"), "{status}");
    let soaks = "next      two  Tue 2020-01-07 to Wed 2020-01-08; not before ";
    assert!(status.contains(soaks) && status.contains("what was committed soaks"), "{status}");
    let json = bench.run(&["status", "--json"]).json();
    assert!(json["today"]["week"].as_u64().is_some_and(|week| week > 300), "{json:#}");
    assert_eq!(
        (&json["phases"][0]["timing"], &json["phases"][1]["first"]),
        (&"settled".into(), &"2020-01-07".into())
    );
    assert!(json["phases"][1]["timing"]["soaks"].is_string(), "{json:#}");
    let late = Bench::new();
    late.plan(&phases.replace("    soak: {for: 1d}\n", ""));
    let text = late.read("plan.yaml");
    late.write(
        "plan.yaml",
        &text.replace("phases:", "calendar: {starts: 2020-01-06, days: Mon..Fri}\nphases:"),
    );
    assert_eq!(unattended(&late, &["--phase", "one"]).exit, 0);
    let status = late.run(&["status"]).out;
    assert!(status.contains("due       two") && status.contains(" days late"), "{status}");
}

#[test]
fn that_nobody_will_confirm_is_said_before_an_unattended_run_begins() {
    let bench = Bench::new();
    bench.plan("  - {id: one, confirm: {within: 10ms}, apply: [{run: [\"true\"], changes: nothing}]}\n");
    let said = "silence takes it back";
    let ran = unattended(&bench, &[]);
    let (warned, began) = (ran.out.find(said), ran.out.find("phase one"));
    assert!(ran.exit == 12 && warned.is_some() && warned < began, "{ran:?}");
    let json = unattended(&bench, &["--override", "--json"]).json_lines();
    assert!(json[0]["warning"].as_str().is_some_and(|text| text.contains(said)), "{json:?}");
    let lint = bench.run(&["lint", "plan.yaml"]);
    assert!(lint.exit == 0 && lint.out.contains("plan::confirm"), "{lint:?}");
    assert!(bench.run(&["explain", "plan.yaml"]).out.contains("unattended: `switchback confirm`"));
}

#[test]
fn status_of_a_committed_plan_reads_the_current_generation_and_no_other() {
    let bench = three();
    bench.write("c/ok", "");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    let before = bench.run(&["status", "--json"]).json();
    for older in ["0001", "0002"] {
        bench.write(
            &format!("state/generations/{older}/journal"),
            "whoever reads this says that it is damaged\n",
        );
    }
    assert_eq!(bench.run(&["status", "--json"]).json(), before);
}
