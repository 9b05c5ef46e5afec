//! What validations find is kept and drawn; what the timer does: it looks, tells once, and takes back.

use crate::support::bench::{Bench, Ran};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;

/// A phase that soaks; its check reads what the phase changed, and a number that the test steers.
fn soaking(bench: &Bench, on: &str) {
    bench.write("c/n", "3\n");
    bench.plan(&format!(
        "  - id: one
    layers: [{{files: {{paths: ['${{m}}/']}}}}]
    apply:
      - {{id: a, shell: 'echo new > \"$m/file\"'}}
    validate:
      - {{id: number, probe: {{run: [cat, '${{m}}/file', '${{c}}/n']}}, expect: {{stdout: {{not: {{matches: \"new\\nbad\"}}}}}}}}
      - {{id: room, probe: {{mount: /}}, expect: {{available: {{ge: 1MiB}}}}, tags: [quick]}}
    soak: {{for: 2d, every: 1h}}
{on}"
    ));
    let ran = bench.run(&["run", "plan.yaml", "--unattended"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
}

/// A command that is told of news: it writes a line a piece.
fn teller(bench: &Bench) -> String {
    let path = bench.path("tell");
    fs::write(&path, format!("#!/bin/sh\ncat >> '{}'\n", bench.path("told").display())).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    path.display().to_string()
}

/// The timer's settings, without a timer.
pub(crate) fn tells(bench: &Bench) {
    let teller = teller(bench);
    let wishes = serde_json::json!({
        "format": 1, "at": "2026-11-22T00:00:00.000Z", "name": "x", "manager": "system", "by_hand": true,
        "wishes": {"every": null, "calendar": null, "tags": [], "always": false, "quiet": true, "notify": [teller]},
        "files": [], "folders": [],
    });
    bench.write("state/schedule.json", &wishes.to_string());
}

pub(crate) fn told(bench: &Bench) -> Vec<Value> {
    let text = bench.read("told");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

pub(crate) fn fires(bench: &Bench) -> Ran {
    bench.run(&["validate", "--scheduled"])
}

fn trend(bench: &Bench, check: &str) -> Value {
    let ran = bench.run(&["trend", check, "--json"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    ran.json()
}

fn occasions(trend: &Value) -> Vec<String> {
    let samples = trend["samples"].as_array().expect("samples");
    samples.iter().map(|sample| sample["occasion"].as_str().expect("a word").to_owned()).collect()
}

#[test]
fn what_runs_and_validations_find_is_drawn_over_time() {
    let bench = Bench::new();
    let nothing = bench.run(&["trend", "room"]);
    assert!(nothing.exit == 0 && nothing.out.contains("there is no state folder"), "{nothing:?}");
    soaking(&bench, "");
    assert_eq!(bench.run(&["validate"]).exit, 0);
    assert_eq!(bench.run(&["validate", "--tag", "quick"]).exit, 0);
    assert_eq!(fires(&bench).exit, 0);
    let room = trend(&bench, "room");
    let expected = ["run-baseline", "run-validate", "validation", "validation", "schedule"];
    assert_eq!(occasions(&room), expected);
    assert_eq!((&room["field"], &room["unit"]), (&"available".into(), &"B".into()));
    assert_eq!(room["summary"]["numbers"], 5);
    assert_eq!(room["marks"][1]["turn"], "committed");
    assert_eq!(occasions(&trend(&bench, "number")).len(), 4, "the one with a tag looked at the other");
    let drawn = bench.run(&["trend", "room", "--field", "available_ratio", "--since", "1h"]);
    assert!(drawn.out.contains("available_ratio") && drawn.out.contains("phases |B"), "{drawn:?}");
    assert!(drawn.out.is_ascii(), "a pipe gets plain characters: {drawn:?}");
    let strip = bench.run(&["trend", "number"]);
    assert!(strip.out.contains("verdict |") && strip.out.contains("4 looks: 1 seen before"), "{strip:?}");
    // A later time in which nothing was found, and names that are not there.
    let later = bench.run(&["trend", "room", "--since", "2199-01-01"]);
    assert!(later.exit == 0 && later.out.contains("was not looked at yet"), "{later:?}");
    for (words, said) in [
        (&["trend", "rom"][..], "number, room"),
        (&["trend", "room", "--field", "x"], "available"),
        (&["trend", "room", "--since", "soon"], "2026-11-20"),
        (&["trend", "a b"], "is not an identifier"),
    ] {
        let ran = bench.run(words);
        assert!(ran.exit == 2 && ran.err.contains(said), "{words:?}: {ran:?}");
    }
    // Made again, the database still knows what only it knew.
    assert_eq!(bench.run(&["history", "--rebuild"]).exit, 0);
    assert_eq!(trend(&bench, "room")["samples"], room["samples"]);
}

#[test]
fn a_database_that_is_damaged_or_in_use_is_said_and_changes_no_verdict() {
    let bench = Bench::new();
    soaking(&bench, "");
    let database = bench.path("state/history.db");
    let connection = rusqlite::Connection::open(&database).expect("opened");
    connection.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    let ran = bench.run(&["validate"]);
    assert!(ran.exit == 0 && ran.err.contains("history.db is in use"), "{ran:?}");
    let drawn = bench.run(&["trend", "room"]);
    assert!(drawn.exit == 0 && drawn.out.contains("missing"), "the journals tell all the same: {drawn:?}");
    drop(connection);
    fs::write(&database, "no database at all").expect("written");
    let ran = bench.run(&["validate", "--json"]);
    assert!(ran.exit == 0 && ran.err.contains("made again"), "{ran:?}");
    assert_eq!(ran.json()["health"], "healthy", "the report is whole");
    let ran = bench.run(&["validate"]);
    assert!(ran.exit == 0 && ran.err.is_empty(), "{ran:?}");
    assert_eq!(occasions(&trend(&bench, "room")).len(), 4);
    // Read by us and not written, as on a full or read-only disk: root writes anyway, so that a link stands for it.
    fs::remove_file(&database).expect("removed");
    std::os::unix::fs::symlink("/nowhere/at/all", &database).expect("made");
    let ran = bench.run(&["validate"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
}

#[test]
fn a_verdict_that_changes_is_told_once_and_one_that_stays_is_not() {
    let bench = Bench::new();
    soaking(&bench, "    on: {fail: pause}\n");
    tells(&bench);
    assert_eq!(fires(&bench).exit, 0);
    assert_eq!(told(&bench), [Value::Null; 0], "all is well, as before");
    bench.write("c/n", "bad\n");
    for _ in 0..2 {
        let ran = fires(&bench);
        assert_eq!(ran.exit, 20, "{ran:?}");
    }
    bench.write("c/n", "3\n");
    assert_eq!((fires(&bench).exit, fires(&bench).exit), (0, 0));
    let told = told(&bench);
    let words: Vec<(&str, &str, &str)> = told
        .iter()
        .map(|news| {
            let change = &news["changes"][0];
            let word = |value: &'_ Value| -> &'static str {
                match value.as_str() {
                    Some("healthy") => "healthy",
                    Some("failing") => "failing",
                    _ => "?",
                }
            };
            assert_eq!((&change["check"], &news["event"]), (&"number".into(), &"verdict-changed".into()));
            (
                word(&change["before"]),
                word(&change["now"]),
                if news["urgent"] == true { "urgent" } else { "" },
            )
        })
        .collect();
    assert_eq!(words, [("healthy", "failing", "urgent"), ("failing", "healthy", "")]);
    assert_eq!(bench.read("m/file"), "new\n", "`pause` takes nothing back");
}

#[test]
fn news_that_nobody_heard_comes_again() {
    let bench = Bench::new();
    soaking(&bench, "    on: {fail: pause}\n");
    tells(&bench);
    let good = bench.read("tell");
    bench.write("tell", "#!/bin/sh\necho no connection >&2\nexit 3\n");
    bench.write("c/n", "bad\n");
    let ran = fires(&bench);
    assert!(ran.exit == 20 && ran.err.contains("it ended with 3: no connection"), "{ran:?}");
    bench.write("tell", &good);
    assert_eq!(fires(&bench).exit, 20);
    assert_eq!(fires(&bench).exit, 20);
    assert_eq!(told(&bench).len(), 1);
}

#[test]
fn a_phase_that_fails_while_it_soaks_is_taken_back_and_rejected() {
    let bench = Bench::new();
    soaking(&bench, "");
    tells(&bench);
    bench.write("c/n", "bad\n");
    let ran = fires(&bench);
    assert_eq!(ran.exit, 12, "{ran:?}");
    assert_eq!(bench.read("m/file"), "old\n");
    let facts = bench.facts(1);
    assert!(
        facts.contains(&"quarantined".to_owned()) && facts.contains(&"run-resumed".to_owned()),
        "{facts:?}"
    );
    assert!(bench.journal(1).contains("checks-failed"), "the cause is what was found");
    let told = told(&bench);
    assert_eq!((told.len(), &told[0]["event"]), (1, &"rolled-back".into()), "{told:?}");
    assert_eq!(told[0]["rolled_back"]["whole"], true);
    assert_eq!(bench.run(&["run", "plan.yaml", "--unattended"]).exit, 14);
    // Once is enough.
    let again = fires(&bench);
    assert!(again.exit == 0 && again.out.contains("no phase soaks"), "{again:?}");
    let marks = trend(&bench, "number")["marks"].clone();
    let turns: Vec<&str> =
        marks.as_array().expect("marks").iter().filter_map(|it| it["turn"].as_str()).collect();
    assert_eq!(turns, ["begun", "committed", "reverted"]);
    let evidence = fs::read_dir(bench.path("state/generations/0001/evidence")).expect("listed");
    let names: Vec<String> =
        evidence.map(|it| it.expect("one").file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().any(|name| name.starts_with("soak-")), "{names:?}");
}

#[test]
fn the_timer_never_fights_a_run() {
    let bench = Bench::new();
    soaking(&bench, "");
    bench.write("c/n", "bad\n");
    // Another plan, in the middle of a step.
    bench.gate("c/gate");
    let other = format!(
        "switchback: 1\nname: q\nrevision: 1\nphases:\n  - id: slow\n    apply:\n      - {{id: w, shell: \"read word < '{}'\", undo: none, reason: it only waits}}\n",
        bench.path("c/gate").display()
    );
    bench.write("other.yaml", &other);
    let mut command = bench.command(&["run", "other.yaml", "--unattended"]);
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert!(lines.any(|line| line.expect("read").contains("begins")), "the step waits");
    let ran = fires(&bench);
    assert!(ran.exit == 15 && ran.out.contains("Nothing was looked at"), "{ran:?}");
    bench.open_gate("c/gate");
    lines.for_each(drop);
    assert!(child.wait().expect("ended").success());
    // What came later is in effect: a person decides.
    let ran = fires(&bench);
    assert!(ran.exit == 20 && ran.out.contains("rollback --to 0001"), "{ran:?}");
    assert_eq!(bench.read("m/file"), "new\n");
}

#[test]
fn what_would_be_set_up_is_shown_and_nothing_is_done() {
    let bench = Bench::new();
    soaking(&bench, "");
    let shown = bench.run(&["schedule", "install", "--dry-run", "--json"]).json();
    assert_eq!((&shown["every_ms"], &shown["installed"]), (&3_600_000.into(), &false.into()), "{shown}");
    assert!(shown["name"].as_str().is_some_and(|name| name.starts_with("switchback-validate-")), "{shown}");
    assert!(!bench.path("state/schedule.json").exists());
    for (words, said) in [
        (&["--every", "soon"][..], "is no length of time"),
        (&["--every", "0"], "is no length of time"),
        (&["--on-calendar", "a\nb"], "is no calendar"),
        (&["--notify", "no-such-program-here", "x"], "there is no program"),
        (&["--notify", "./tell"], "there is no program"),
        (&["--report", "junit"], "needs a file"),
        (&["--report", "xml=a"], "there is no report `xml`"),
        (&["--report", "junit=nowhere/a"], "no folder for the report"),
        (&["--report", "junit=a", "--report", "tap=./a"], "two reports into"),
        (&["--report", "junit=a\u{1}"], "cannot be named in a unit"),
    ] {
        let ran = bench.run(&[&["schedule", "install"], words].concat());
        assert!(ran.exit == 2 && ran.err.contains(said), "{words:?}: {ran:?}");
    }
    // A unit is begun anywhere: it has the whole path.
    let words = ["schedule", "install", "--dry-run", "--report", "junit=a.xml", "--report=tap=b.tap"];
    let shown = bench.run(&words).out;
    for report in ["junit=", "tap="] {
        let whole = format!("{report}{}/", bench.path("").display()).replace("//", "/");
        assert!(shown.contains(&whole), "{whole}: {shown}");
    }
    let none = bench.run(&["schedule", "status"]);
    assert!(none.exit == 0 && none.out.contains("No timer is set up"), "{none:?}");
    let none = bench.run(&["schedule", "remove"]);
    assert!(none.exit == 0 && none.out.contains("Nothing to remove"), "{none:?}");
}

#[test]
fn the_timers_validation_writes_reports_and_none_is_older_than_it() {
    let bench = Bench::new();
    let reports = [
        "--report",
        "junit=a.xml",
        "--report",
        "tap=b.tap",
        "--report",
        "nagios=c.txt",
        "--report",
        "json=d.json",
    ];
    let words = [&["validate", "--scheduled"][..], &reports].concat();
    let ran = bench.run(&words);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(bench.read("a.xml").contains("tests=\"0\""), "nothing was ever run");
    soaking(&bench, "    on: {fail: rollback}\n");
    let ran = bench.run(&words);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(
        bench.read("a.xml").contains("tests=\"2\" failures=\"0\" errors=\"0\""),
        "{}",
        bench.read("a.xml")
    );
    assert!(bench.read("b.tap").contains("\nok 2 - one/room\n"), "{}", bench.read("b.tap"));
    assert!(bench.read("c.txt").starts_with("SWITCHBACK OK - p: 2 pass | "), "{}", bench.read("c.txt"));
    let json: Value = serde_json::from_str(&bench.read("d.json")).expect("JSON");
    assert_eq!(json["tally"]["pass"], 2);
    // It goes back for what it found, and the report says what that was.
    bench.write("c/n", "bad\n");
    let ran = bench.run(&words);
    assert_eq!(ran.exit, 12, "{ran:?}");
    assert!(bench.read("a.xml").contains("tests=\"2\" failures=\"1\""), "{}", bench.read("a.xml"));
    assert!(bench.read("c.txt").starts_with("SWITCHBACK CRITICAL - p: 1 pass, 1 fail | "));
    // Nothing soaks any more: what was found an hour ago is not told again.
    let ran = bench.run(&words);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(bench.read("b.tap").starts_with("TAP version 14\n1..0 # SKIP Nothing to judge"));
    assert!(!bench.path("d.json").exists());
    let refused = bench.run(&["validate", "--scheduled", "--report", "tap"]);
    assert!(refused.exit == 2 && refused.err.contains("needs a file"), "{refused:?}");
}

#[test]
fn status_says_who_judges_a_phase_while_it_soaks() {
    let bench = Bench::new();
    soaking(&bench, "");
    let ran = bench.run(&["status"]);
    assert!(
        ran.out.contains("; it is to be judged every 1h, and nobody does: `switchback schedule"),
        "{ran:?}"
    );
    tells(&bench);
    let ran = bench.run(&["status"]);
    assert!(ran.out.contains("; a timer judges it every 1h"), "{ran:?}");
    let json = bench.run(&["status", "--json"]).json();
    assert_eq!(json["current"]["soak_watch"]["timer"], "every 1h", "{json}");
}
