//! `validate` and `baseline`: what is found and how it ends; every form of the report read by a program that is not
//! ours.

mod consumers;

use crate::support::bench::Bench;
use serde_json::json;
use std::process::Stdio;

/// A phase with each outcome, and one that always holds.
const PHASES: &str = r#"
  - id: libs
    apply: [{id: nothing, run: ["true"], changes: nothing}]
    validate:
      - {id: works, probe: {run: ["true"]}, tags: [quick]}
      - {id: slow, probe: {run: ["false"]}, severity: warn}
      - {id: label, probe: {run: [cat, "${c}/label"]}, expect: {stdout: {matches: '^good'}}, tags: [quick]}
      - {id: eyes, ask: 'Does it look well? <&>'}
      - {id: known, probe: {run: ["false"]}, waiver: {reason: 'an old card | # 1', until: 2999-01-01}}
  - id: gpu
    apply: [{id: nothing, run: ["true"], changes: nothing}]
    validate:
      - {id: blind, probe: {run: [no-such-program]}}
      - {id: memory, probe: memory, expect: {used_ratio: {le: 1}}}
"#;

pub(crate) fn bench(label: &str) -> Bench {
    let bench = Bench::new();
    bench.plan(PHASES);
    bench.write("c/label", label);
    bench
}

#[test]
fn what_holds_what_fails_and_what_cannot_be_measured_end_differently() {
    let bench = bench("good\n");
    for (args, exit) in
        [(&["--phase", "libs"][..], 0), (&["--phase", "gpu"], 11), (&[], 11), (&["--tag", "quick"], 0)]
    {
        let ran = bench.run(&[&["validate", "plan.yaml"], args].concat());
        assert_eq!(ran.exit, exit, "{args:?}: {ran:?}");
    }
    bench.write("c/label", "bad\n");
    for args in [&["--phase", "libs"][..], &[], &["--tag", "quick"]] {
        let ran = bench.run(&[&["validate", "plan.yaml"], args].concat());
        assert_eq!(ran.exit, 20, "{args:?}: {ran:?}");
    }
    assert!(!bench.state().exists(), "a validation leaves nothing");
}

#[test]
fn what_was_found_is_kept_also_where_the_state_folder_was_empty() {
    use std::os::unix::fs::DirBuilderExt as _;
    let bench = bench("good\n");
    std::fs::DirBuilder::new().mode(0o700).create(bench.state()).expect("an empty folder");
    for _ in 0..2 {
        assert_eq!(bench.run(&["validate", "plan.yaml", "--phase", "libs"]).exit, 0);
    }
    let trend = bench.run(&["trend", "works", "--json"]);
    assert_eq!(trend.exit, 0, "{trend:?}");
    assert!(bench.path("state/history.db").is_file(), "{trend:?}");
}

#[test]
fn without_a_plan_what_was_committed_is_looked_at() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: add, shell: 'echo one >> "$m/file"'}]
    validate: [{id: file, probe: {run: [cat, "${m}/file"]}, expect: {stdout: {contains: one}}}]
  - id: two
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: add, shell: 'echo two >> "$m/file"'}]
    validate: [{id: never, probe: {run: ["false"]}}]
"#,
    );
    let nothing = bench.run(&["validate"]);
    assert_eq!(nothing.exit, 2, "{nothing:?}");
    assert_eq!(bench.run(&["run", "plan.yaml", "--unattended"]).exit, 12);
    let held = bench.run(&["validate", "--json"]);
    assert_eq!(held.exit, 0, "{held:?}");
    assert_eq!(held.json().pointer("/phases/0/phase"), Some(&json!("one")));
    assert_eq!(held.json().pointer("/baseline"), Some(&json!("what was recorded before each phase")));
    bench.write("m/file", "lost\n");
    assert_eq!(bench.run(&["validate"]).exit, 20);
}

#[test]
fn a_pinned_baseline_is_compared_with_and_a_difference_is_told() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    apply: [{id: nothing, run: ["true"], changes: nothing}]
    validate: [{id: label, probe: {run: [cat, "${c}/label"]}, expect: {stdout: {unchanged: true}}}]
"#,
    );
    bench.write("c/label", "first\n");
    assert_eq!(bench.run(&["validate", "plan.yaml"]).exit, 11, "there is nothing to compare with");
    let recorded = bench.run(&["baseline", "record", "plan.yaml", "--name", "b1", "--json"]);
    assert_eq!((recorded.exit, recorded.json().pointer("/checks")), (0, Some(&json!(1))), "{recorded:?}");
    assert_eq!(bench.run(&["validate", "plan.yaml"]).exit, 11, "it is neither named nor pinned");
    assert_eq!(bench.run(&["validate", "plan.yaml", "--baseline", "b1"]).exit, 0);
    assert_eq!(bench.run(&["baseline", "pin", "b1"]).exit, 0);
    assert_eq!(bench.run(&["validate", "plan.yaml", "--since-baseline"]).exit, 0);
    bench.write("c/label", "second\n");
    assert_eq!(bench.run(&["validate", "plan.yaml"]).exit, 20);
    let compared = bench.run(&["baseline", "compare", "plan.yaml", "--json"]);
    let difference =
        json!({"phase": "one", "check": "label", "field": "stdout", "before": "first", "now": "second"});
    assert_eq!(compared.json().pointer("/differences/0"), Some(&difference), "{compared:?}");
    let shown = bench.run(&["baseline", "show", "b1", "--json"]);
    assert_eq!(shown.json().pointer("/phases/one/label/stdout"), Some(&json!("first")));
}

#[test]
fn a_baseline_is_replaced_only_where_that_is_said_and_serves_its_own_plan() {
    let bench = bench("good\n");
    let record = &["baseline", "record", "plan.yaml", "--phase", "libs", "--name", "a"][..];
    assert_eq!(bench.run(record).exit, 0);
    assert_eq!(bench.run(record).exit, 2, "the name is taken");
    assert_eq!(bench.run(&[record, &["--replace"]].concat()).exit, 0);
    let other =
        std::fs::read_to_string(bench.path("plan.yaml")).expect("a plan").replace("name: p\n", "name: q\n");
    bench.write("other.yaml", &other);
    let foreign = bench.run(&["validate", "other.yaml", "--baseline", "a"]);
    assert!(foreign.exit == 2 && foreign.err.contains("is of the plan p, not of q"), "{foreign:?}");
    bench.write("state/baselines/a.json", "{");
    let damaged = bench.run(&["validate", "plan.yaml", "--phase", "libs"]);
    assert!(damaged.exit == 11 && damaged.err.contains("baselines/a.json"), "{damaged:?}");
}

#[test]
fn a_report_writes_into_a_pipe_and_follows_no_link() {
    let bench = bench("good\n");
    bench.gate("pipe");
    let path = bench.path("pipe");
    let reader = std::thread::spawn(move || std::fs::read_to_string(path).expect("it is read"));
    let ran = bench.run(&["validate", "plan.yaml", "--phase", "libs", "--report", "junit=pipe"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(reader.join().expect("it ends").contains("<testsuites"));
    bench.write("target", "mine\n");
    std::os::unix::fs::symlink(bench.path("target"), bench.path("link")).expect("a link");
    let refused = bench.run(&["validate", "plan.yaml", "--phase", "libs", "--report", "junit=link"]);
    assert!(refused.exit == 1 && refused.err.contains("link cannot be written"), "{refused:?}");
    assert_eq!(bench.read("target"), "mine\n");
}

#[test]
fn a_report_that_cannot_be_written_takes_no_other_with_it() {
    let bench = bench("good\n");
    bench.write("target", "mine\n");
    std::os::unix::fs::symlink(bench.path("target"), bench.path("link")).expect("a link");
    let words =
        ["validate", "plan.yaml", "--phase", "libs", "--report", "junit=link", "--report", "tap=y.tap"];
    let ran = bench.run(&words);
    assert!(ran.exit == 1 && ran.err.contains("link cannot be written"), "{ran:?}");
    assert!(
        ran.out.contains("degraded  2 pass, 1 warn, 1 skipped, 1 that does not count: 1 fail ("),
        "{ran:?}"
    );
    assert!(bench.read("y.tap").starts_with("TAP version 14"));
    let ran = bench.run(&[&words[..], &["--report", "nagios"]].concat());
    assert_eq!(ran.exit, 3, "{ran:?}");
    assert!(ran.out.lines().count() == 1 && ran.out.starts_with("SWITCHBACK UNKNOWN"), "{ran:?}");
}

#[test]
fn a_mistake_on_the_command_line_is_told_before_anything_is_looked_at() {
    let bench = bench("good\n");
    for (args, part) in [
        (&["--report", "xml"][..], "there is no report `xml`"),
        (&["--report", "tap", "--report", "junit"], "two reports on standard output"),
        (&["--report", "tap", "--json"], "two reports on standard output"),
        (&["--report", "tap=a", "--report", "junit=a"], "two reports into a"),
        (&["--report", "tap=a", "--report", "junit=./a"], "two reports into ./a"),
        (&["--report", "tap=./plan.yaml"], "is the plan, and no place for a report"),
        (&["--report", "tap=nowhere/a"], "no folder for the report nowhere/a"),
        (&["--phase", "nope"], "has no phase `nope`"),
        (&["--baseline", "nope"], "there is no baseline `nope`"),
        (&["--since-baseline"], "there is no baseline"),
        (&["--tag", "nope"], "no check carries the tag nope"),
    ] {
        let ran = bench.run(&[&["validate", "plan.yaml"], args].concat());
        assert_eq!(ran.exit, 2, "{args:?}: {ran:?}");
        assert!(ran.err.contains(part) && ran.out.is_empty(), "{args:?}: {ran:?}");
    }
    let name = bench.run(&["baseline", "record", "plan.yaml", "--name", "../b"]);
    assert_eq!(name.exit, 2, "{name:?}");
}

#[test]
fn a_plugin_that_cannot_begin_is_unknown_and_says_so_in_a_line() {
    let bench = bench("good\n");
    bench.write("bad.yaml", "switchback: 1\nname: [\n");
    let nowhere = Bench::new();
    for (bench, args, part) in [
        (&bench, &["plan.yaml", "--phase", "nope"][..], "no phase `nope`"),
        (&bench, &["plan.yaml", "--tag", "nope"], "no check carries the tag nope"),
        (&bench, &["plan.yaml", "--baseline", "nope"], "there is no baseline `nope`"),
        (&bench, &["plan.yaml", "--report", "junit=nowhere/a"], "no folder for the report"),
        (&bench, &["bad.yaml"], "bad.yaml"),
        (&bench, &["none.yaml"], "none.yaml"),
        (&nowhere, &[], "nothing was ever run here"),
    ] {
        let ran = bench.run(&[&["validate", "--report", "nagios"], args].concat());
        assert_eq!(ran.exit, 3, "{args:?}: {ran:?}");
        assert_eq!(ran.out.lines().count(), 1, "{args:?}: {ran:?}");
        assert!(ran.out.starts_with("SWITCHBACK UNKNOWN - ") && ran.out.contains(part), "{args:?}: {ran:?}");
    }
    let nope = bench.run(&["validate", "--report", "nagios", "plan.yaml", "--phase", "nope"]);
    assert_eq!(nope.out, "SWITCHBACK UNKNOWN - the plan p has no phase `nope` (it has libs, gpu)\n");
}

#[test]
fn a_plugin_whose_words_are_not_understood_or_not_written_is_unknown() {
    let bench = bench("good\n");
    for args in [
        &["validate", "--report", "nagios", "--bogus"][..],
        &["--bogus", "validate", "--report=nagios"],
        &["validate", "--report", "nagios", "--root", "/nowhere"],
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.exit, 3, "{args:?}: {ran:?}");
        assert!(ran.out.starts_with("SWITCHBACK UNKNOWN - ") && ran.out.lines().count() == 1, "{ran:?}");
        assert!(!ran.out.contains("error:") && ran.err.contains("error:"), "{ran:?}");
    }
    assert_eq!(bench.run(&["validate", "--report", "junit", "--bogus"]).exit, 2);
    for (form, exit) in [("nagios", 3), ("human", 1), ("json", 1), ("jsonl", 1), ("junit", 1), ("tap", 1)] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
        let mut command = bench.command(&["validate", "plan.yaml", "--phase", "libs", "--report", form]);
        let ran = Bench::end(command.stdin(Stdio::null()).stdout(full));
        assert_eq!(ran.exit, exit, "{form}: {ran:?}");
        assert!(ran.err.contains("standard output cannot be written"), "{form}: {ran:?}");
    }
}

#[test]
fn named_checks_are_listed_and_explained_and_ones_own_go_before_the_shipped() {
    let bench = Bench::new();
    let listed = bench.run(&["checks"]);
    assert!(
        listed.exit == 0 && listed.out.contains("disk-free") && listed.out.contains("checks/system.yaml")
    );
    let own = "switchback: 1\nabout: Mine.\nchecks:\n  disk-free:\n    about: Always enough.\n    probe: {run: [\"true\"]}\n";
    bench.write("own.yaml", own);
    let shown = bench.run(&["checks", "show", "disk-free", "--library", "own.yaml", "--json"]);
    assert_eq!(shown.json().pointer("/about"), Some(&json!("Always enough.")), "{shown:?}");
    assert_eq!(shown.json().pointer("/shadows"), Some(&json!("built in: checks/system.yaml")));
    let listed = bench.run(&["checks", "--library", "own.yaml"]);
    assert!(listed.out.contains("in place of built in: checks/system.yaml"), "{listed:?}");
    let wrong = bench.run(&["checks", "show", "disk"]);
    assert!(wrong.exit == 2 && wrong.err.contains("did you mean disk-free"), "{wrong:?}");
}

#[test]
fn what_does_not_count_passed_in_no_form() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: a
    apply: [{id: nothing, run: ["true"], changes: nothing}]
    validate:
      - {id: ok, probe: {run: ["true"]}}
      - {id: told, probe: {run: ["false"]}, severity: info}
      - {id: blind, probe: {run: [no-such-program]}, mode: shadow}
"#,
    );
    let words = "1 pass, 2 that do not count: 1 fail, 1 error";
    for (form, part) in [
        ("human", format!("healthy   {words} (")),
        ("nagios", format!("SWITCHBACK OK - p: {words} | ")),
        ("tap", format!("\n# healthy: {words}\n")),
        ("junit", "tests=\"3\" failures=\"0\" errors=\"0\" skipped=\"2\"".to_owned()),
        ("prometheus", r#"check="blind",severity="fail",counts="shown",outcome="error"} 1"#.to_owned()),
    ] {
        let ran = bench.run(&["validate", "plan.yaml", "--report", form]);
        assert!(ran.exit == 0 && ran.out.contains(&part), "{form}: {ran:?}");
    }
    let ran = bench.run(&["validate", "plan.yaml", "--json"]).json();
    let of = |pointer| ran.pointer(pointer).and_then(serde_json::Value::as_u64);
    assert_eq!(["/tally/pass", "/not_counted/fail", "/not_counted/error"].map(of), [Some(1); 3], "{ran}");
    // What is kept for trends is what was found.
    std::fs::create_dir(bench.state()).expect("a folder");
    std::fs::set_permissions(bench.state(), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .expect("ours");
    assert_eq!(bench.run(&["validate", "plan.yaml"]).exit, 0);
    for (check, outcome) in [("ok", "pass"), ("told", "fail"), ("blind", "error")] {
        let trend = bench.run(&["trend", check, "--json"]).json();
        assert_eq!(trend["samples"][0]["outcome"], outcome, "{trend}");
    }
}

#[test]
fn where_nothing_is_measured_the_machine_is_not_healthy() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: a
    apply: [{id: nothing, run: ["true"], changes: nothing}]
    validate:
      - {id: eyes, ask: Does it look well?}
      - {id: absent, probe: {run: ["true"]}, applies_if: {probe: {run: ["false"]}}}
"#,
    );
    let ran = bench.run(&["validate", "plan.yaml"]);
    assert!(ran.exit == 11 && ran.out.contains("unknown   nothing was measured: 2 skipped ("), "{ran:?}");
    let ran = bench.run(&["validate", "plan.yaml", "--report", "nagios"]);
    assert!(ran.exit == 3 && ran.out.starts_with("SWITCHBACK UNKNOWN - p: nothing was measured"), "{ran:?}");
}

#[test]
fn no_report_of_an_earlier_validation_stays_where_a_later_one_could_not_be_made() {
    let bench = bench("good\n");
    let words = ["junit=a.xml", "tap=b.tap", "nagios=c.txt", "json=d.json", "prometheus=e.prom"];
    let reports: Vec<&str> = words.iter().flat_map(|word| ["--report", word]).collect();
    let ran = bench.run(&[&["validate", "plan.yaml", "--phase", "libs"], &reports[..]].concat());
    assert!(ran.exit == 0 && bench.path("e.prom").is_file(), "{ran:?}");
    let ran = bench.run(&[&["validate", "plan.yaml", "--phase", "nope"], &reports[..]].concat());
    assert_eq!(ran.exit, 2, "{ran:?}");
    let part = "the plan p has no phase `nope` (it has libs, gpu)";
    let xml = bench.read("a.xml");
    assert!(xml.contains("errors=\"1\"") && xml.contains(&format!("<error message=\"{part}\"")), "{xml}");
    assert_eq!(bench.read("b.tap"), format!("TAP version 14\nBail out! {part}\n"));
    assert_eq!(bench.read("c.txt"), format!("SWITCHBACK UNKNOWN - {part}\n"));
    assert!(!bench.path("d.json").exists() && !bench.path("e.prom").exists());

    // Nor where it was not begun for what was typed.
    let good = [&["validate", "plan.yaml", "--phase", "libs"], &reports[..]].concat();
    for (bad, part) in [
        (&["--bogus"][..], "unexpected argument '--bogus' found"),
        (&["--report", "xml=x"], "there is no report `xml`"),
        (&["--report", "human=./a.xml"], "two reports into ./a.xml"),
        (&["--user", "nobody-of-this-name"], "nobody-of-this-name"),
    ] {
        assert_eq!(bench.run(&good).exit, 0);
        let ran = bench.run(&[&good, bad].concat());
        assert_eq!(ran.exit, 2, "{bad:?}: {ran:?}");
        for (file, form) in [("a.xml", "<error "), ("b.tap", "Bail out!"), ("c.txt", "UNKNOWN - ")] {
            let text = bench.read(file);
            assert!(text.contains(form) || text.is_empty(), "{bad:?}: {text}");
            assert!(text.contains(part), "{bad:?}: {text}");
        }
        assert!(!bench.path("d.json").exists() && !bench.path("e.prom").exists(), "{bad:?}");
    }
    // What may be the plan is no report.
    let ran = bench.run(&["validate", "plan.yaml", "--report", "json=./plan.yaml", "--bogus"]);
    assert!(ran.exit == 2 && bench.read("plan.yaml").contains("phases:"), "{ran:?}");
    let ran = bench.run(&["validate", "plan.yaml", "--report", "json=./plan.yaml"]);
    assert!(ran.exit == 2 && bench.read("plan.yaml").contains("phases:"), "{ran:?}");
}

#[test]
fn who_asks_for_a_probe_that_is_none_is_told_what_there_is_instead() {
    let bench = Bench::new();
    let ran = bench.run(&["probe", "nope"]);
    assert!(ran.exit == 2 && ran.err.contains("`vdpauinfo`") && ran.err.contains("`boot`"), "{ran:?}");
    let ran = bench.run(&["probe", "meminfo"]);
    assert!(ran.exit == 2 && ran.err.contains("`switchback probe meminfo --from FILE`"), "{ran:?}");
    let ran = bench.run(&["probe", "gpu", "proces=x"]);
    assert!(ran.exit == 2 && ran.err.contains("did you mean `process`?"), "{ran:?}");
    assert!(!ran.err.contains("priority=err"), "{ran:?}");
}

#[test]
fn where_there_is_no_state_folder_it_says_that_nothing_is_kept() {
    let bench = bench("good\n");
    std::fs::remove_dir_all(bench.state()).unwrap_or_default();
    let words = ["validate", "plan.yaml", "--phase", "libs"];
    let ran = bench.run(&[&words[..], &["--json"]].concat());
    assert_eq!((&ran.json()["kept"], ran.err.lines().count()), (&serde_json::json!(false), 1), "{ran:?}");
    let make = format!("mkdir -p -m 700 {}", bench.state().display());
    let line = format!(
        "note: what was found is not kept for `switchback trend`: there is no state folder {}; `{make}` makes one\n",
        bench.state().display()
    );
    assert_eq!(ran.err, line);
    assert!(!bench.state().exists());
    let trend = bench.run(&["trend", "works"]);
    assert!(trend.out.contains("without one `validate` keeps nothing"), "{trend:?}");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::create_dir(bench.state())
        .and_then(|()| std::fs::set_permissions(bench.state(), mode))
        .expect("made");
    let ran = bench.run(&[&words[..], &["--json"]].concat());
    assert_eq!((&ran.json()["kept"], ran.err.as_str()), (&serde_json::json!(true), ""), "{ran:?}");
    assert_eq!(bench.run(&["trend", "works"]).exit, 0);
}

#[test]
fn what_a_command_that_failed_printed_is_no_ground_for_a_pass() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: a
    apply: [{id: nothing, run: ["true"], changes: nothing}]
    validate:
      - {id: list, probe: {run: [cat, "${c}/list"], parse: lines}, expect: {value: {no_new: true}}}
      - {id: log, probe: {run: [grep, ERR, "${c}/nosuch.log"]}, expect: {stdout: {not: {contains: ERR}}}}
      - {id: killed, probe: {run: [sh, -c, "kill -9 $$"], parse: lines}, expect: {value: {empty: true}}}
      - {id: told, probe: {run: [grep, ERR, /dev/null]}, expect: {exit: 1, stdout: {empty: true}}}
"#,
    );
    bench.write("c/list", "one\n");
    assert_eq!(bench.run(&["baseline", "record", "plan.yaml", "--name", "before"]).exit, 0);
    let outcomes = |bench: &Bench| {
        let ran = bench.run(&["validate", "plan.yaml", "--baseline", "before", "--json"]);
        let found = ran.json();
        let reports = found["phases"][0]["reports"].as_array().expect("reports").clone();
        let of = |report: &serde_json::Value| report["outcome"].as_str().expect("a word").to_owned();
        (reports.iter().map(of).collect::<Vec<_>>(), reports[0]["reasons"][0].clone())
    };
    assert_eq!(outcomes(&bench).0, ["pass", "error", "error", "pass"]);
    std::fs::remove_file(bench.path("c/list")).expect("gone");
    let (found, why) = outcomes(&bench);
    assert_eq!(found, ["error", "error", "error", "pass"]);
    assert_eq!(why, "it ended with 1, and no rule says what that means");
    // A baseline of a look that failed is none.
    assert_eq!(bench.run(&["baseline", "record", "plan.yaml", "--name", "after"]).exit, 0);
    bench.write("c/list", "one\n");
    let ran = bench.run(&["validate", "plan.yaml", "--baseline", "after", "--json"]).json();
    assert_eq!(ran["phases"][0]["reports"][0]["outcome"], "inconclusive", "{ran}");
}

/// The perfdata of a plugin's first line: label, value, and the ranges that are told.
fn perfdata(line: &str) -> Vec<(String, f64, [String; 2])> {
    let (_, data) = line.split_once(" | ").expect("perfdata");
    let one = |datum: &str| {
        let (label, rest) = datum.rsplit_once('=').expect("a value");
        let mut parts = rest.split(';');
        let value = parts.next().expect("a value").trim_end_matches(|c: char| !c.is_ascii_digit());
        let mut range = || parts.next().unwrap_or_default().to_owned();
        (label.trim_matches('\'').to_owned(), value.parse().expect("a number"), [range(), range()])
    };
    data.split(' ').map(one).collect()
}

#[test]
fn a_plugin_tells_the_thresholds_of_the_rules() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: a
    apply: [{id: nothing, run: ["true"], changes: nothing}]
    validate:
      - id: load
        probe: {run: [echo, '{"x": 7, "y": 3}'], parse: json}
        expect: {exit: 0, value.x: {between: [1, 10]}, value.y: {lt: 3}}
        tolerate: {exit: 0, value.x: {le: 20}, value.y: {le: 5}}
      - {id: memory, probe: memory, expect: {total: {ge: 1MiB}}}
"#,
    );
    let ran = bench.run(&["validate", "plan.yaml", "--report", "nagios"]);
    assert_eq!(ran.exit, 1, "{ran:?}");
    let told = perfdata(ran.out.lines().next().expect("a line"));
    let of = |name: &str| {
        told.iter().find(|(label, _, _)| label == name).map(|(_, value, ranges)| (*value, ranges.clone()))
    };
    let ranges = |warn: &str, crit: &str| [warn.to_owned(), crit.to_owned()];
    assert_eq!(of("a/load.value.x"), Some((7.0, ranges("1:10", "~:20"))), "{told:?}");
    assert_eq!(of("a/load.value.y"), Some((3.0, ranges("@3:", "~:5"))), "{told:?}");
    assert_eq!(of("a/memory.total").map(|(_, ranges)| ranges), Some(ranges("", "1048576:")), "{told:?}");
    assert!(of("a/memory.available").is_none(), "of many numbers those of rules: {told:?}");
}
