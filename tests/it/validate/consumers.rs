//! Programs that other people wrote read our reports, and find in them what was found.

use super::bench;
use crate::skipped::skipped;
use crate::support::bench::{Bench, Ran};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Debian's own: its modules are packages.
const PYTHON: &str = "/usr/bin/python3";

#[expect(clippy::disallowed_methods, reason = "the tests' own programs")]
fn python() -> Command {
    Command::new(PYTHON)
}

#[expect(clippy::disallowed_methods, reason = "the tests' own programs")]
fn xmllint() -> Command {
    Command::new("xmllint")
}

/// What a Python program makes of a text; nothing where it lacks its modules, which is told by name.
fn read_by(test: &str, modules: &str, program: &str, text: &str) -> Option<Value> {
    let there = python().args(["-c", &format!("import {modules}")]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        skipped(test, &format!("{PYTHON} lacks {modules}"));
        return None;
    }
    let mut child = python()
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is there");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the reader refused\n{text}");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn report(bench: &Bench, format: &str) -> Ran {
    bench.run(&["validate", "plan.yaml", "--report", format])
}

#[test]
fn junit_is_read_by_junitparser() {
    let bench = bench("bad & <worse>\u{1b}[31m\n");
    let ran = report(&bench, "junit");
    assert_eq!(ran.exit, 20);
    let program = r#"
import json, sys, junitparser
suites = junitparser.JUnitXml.fromstring(sys.stdin.buffer.read())
print(json.dumps({suite.name: {
    "counts": [suite.tests, suite.failures, suite.errors, suite.skipped],
    "cases": {case.name: [type(result).__name__ for result in case.result] for case in suite},
} for suite in suites}))
"#;
    let Some(read) = read_by("junit_is_read_by_junitparser", "junitparser", program, &ran.out) else {
        return;
    };
    let expected = json!({
        "libs": {"counts": [5, 1, 0, 2], "cases": {
            "works": [], "slow": [], "label": ["Failure"], "eyes": ["Skipped"], "known": ["Skipped"]}},
        "gpu": {"counts": [2, 0, 1, 0], "cases": {"blind": ["Error"], "memory": []}},
    });
    assert_eq!(read, expected);
}

/// The schema that `tests/all.sh` puts there.
const JUNIT_SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/consumers/junit-10.xsd");

#[test]
fn junit_holds_against_the_schema_that_jenkins_publishes() {
    let name = "junit_holds_against_the_schema_that_jenkins_publishes";
    let schema = Path::new(JUNIT_SCHEMA);
    if !schema.is_file() {
        return skipped(name, &format!("{JUNIT_SCHEMA} is not there: `bash tests/all.sh` puts it there"));
    }
    let bench = bench("bad & <worse>\u{1b}[31m\n");
    let valid = |text: &str| {
        bench.write("c/report.xml", text);
        xmllint()
            .args(["--noout", "--nonet", "--schema"])
            .args([schema, &bench.path("c/report.xml")])
            .output()
    };
    let text = report(&bench, "junit").out;
    let Ok(ended) = valid(&text) else { return skipped(name, "there is no xmllint") };
    assert!(ended.status.success(), "{}\n{text}", String::from_utf8_lossy(&ended.stderr));
    let wrong = text.replacen("<testcase ", "<case ", 1).replacen("</testcase>", "</case>", 1);
    assert!(!valid(&wrong).expect("it was there").status.success(), "the schema refuses what is none");
}

#[test]
fn tap_is_read_by_tappy() {
    let ran = report(&bench("bad # TODO\n"), "tap");
    let program = r#"
import json, sys, tap.parser
points = {}
for line in tap.parser.Parser().parse_text(sys.stdin.read()):
    if line.category == "test":
        points[line.description.lstrip("- ").strip()] = [line.ok, line.skip, line.todo, (line.yaml_block or {}).get("outcome")]
    elif line.category == "plan":
        points["plan"] = line.expected_tests
    elif line.category == "unknown":
        points["unknown"] = str(line)
print(json.dumps(points))
"#;
    let modules = "tap.parser, yaml, more_itertools";
    let Some(read) = read_by("tap_is_read_by_tappy", modules, program, &ran.out) else { return };
    let expected = json!({
        "plan": 7,
        "libs/works": [true, false, false, null],
        "libs/slow": [true, false, false, "warn"],
        "libs/label": [false, false, false, "fail"],
        "libs/eyes": [true, true, false, null],
        "libs/known": [false, false, true, "fail"],
        "gpu/blind": [false, false, false, "error"],
        "gpu/memory": [true, false, false, null],
    });
    assert_eq!(read, expected, "{}", ran.out);
}

#[test]
fn json_is_what_its_schema_says_to_a_validator_of_others() {
    let bench = bench("bad & <worse>\n");
    let (whole, lines) = (report(&bench, "json").out, report(&bench, "jsonl").out);
    let schema = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/validation.schema.json"))
        .expect("the schema");
    let documents: Vec<&str> = std::iter::once(whole.as_str()).chain(lines.lines()).collect();
    let given = json!({
        "schema": serde_json::from_str::<Value>(&schema).expect("JSON"),
        "documents": documents.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect::<Vec<Value>>(),
    });
    // Each is taken as it is, and refused without any one of its fields and with a health or an outcome of no meaning.
    let program = r#"
import copy, json, sys, jsonschema
given = json.load(sys.stdin)
jsonschema.Draft7Validator.check_schema(given["schema"])
validator = jsonschema.Draft7Validator(given["schema"])
wrong = []
for document in given["documents"]:
    if not validator.is_valid(document):
        wrong.append(["refused", document])
    # Without its phases, a document is the last of the lines.
    for field in document.keys() - {"phases"}:
        lesser = {key: value for key, value in document.items() if key != field}
        if validator.is_valid(lesser):
            wrong.append(["needs no " + field, document])
    other = copy.deepcopy(document)
    if "report" in other:
        other["report"]["outcome"] = "splendid"
    else:
        other["health"] = "splendid"
    if validator.is_valid(other):
        wrong.append(["splendid", document])
print(json.dumps({"documents": len(given["documents"]), "wrong": wrong}))
"#;
    let test = "json_is_what_its_schema_says_to_a_validator_of_others";
    let Some(read) = read_by(test, "jsonschema", program, &given.to_string()) else { return };
    assert_eq!(read, json!({"documents": 9, "wrong": []}));
}

#[test]
fn metrics_are_read_by_the_prometheus_client() {
    let ran = report(&bench("good\n"), "prometheus");
    let program = r#"
import json, sys
from prometheus_client.parser import text_string_to_metric_families as families
found = {}
for family in families(sys.stdin.read()):
    for sample in family.samples:
        if sample.name == "switchback_check_outcome" and sample.value == 1:
            found[sample.labels["phase"] + "/" + sample.labels["check"]] = \
                sample.labels["outcome"] + {"yes": "", "waived": ", waived"}[sample.labels["counts"]]
        if sample.name == "switchback_validation_health" and sample.value == 1:
            found["health"] = sample.labels["health"]
print(json.dumps(found))
"#;
    let test = "metrics_are_read_by_the_prometheus_client";
    let Some(read) = read_by(test, "prometheus_client.parser", program, &ran.out) else { return };
    let expected = json!({
        "health": "unknown", "libs/works": "pass", "libs/slow": "warn", "libs/label": "pass",
        "libs/eyes": "skipped", "libs/known": "fail, waived", "gpu/blind": "error", "gpu/memory": "pass",
    });
    assert_eq!(read, expected);
}

#[test]
fn a_plugin_check_of_ours_reads_the_plugin_output() {
    let bench = bench("good\n");
    let ran = bench.run(&["validate", "plan.yaml", "--phase", "libs", "--report", "nagios"]);
    assert_eq!(ran.exit, 1, "a warning is 1 for who reads plugins: {ran:?}");
    assert!(ran.out.starts_with("SWITCHBACK WARNING - p: "), "{ran:?}");
    assert_eq!(ran.out.lines().next().map(|line| line.matches('|').count()), Some(1), "{ran:?}");
}

#[test]
fn several_reports_go_to_files_at_once_and_others_may_read_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = bench("bad\n");
    let ran = bench.run(&[
        "validate",
        "plan.yaml",
        "--report",
        "junit=o.xml",
        "--report",
        "jsonl=o.jsonl",
        "--report",
        "human=o.txt",
        "--report",
        "json=o.json",
    ]);
    assert_eq!(ran.exit, 20);
    let lines: Vec<Value> =
        bench.read("o.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 8, "a line a check, and one at the end");
    assert_eq!(lines.last().and_then(|last| last.pointer("/health")), Some(&json!("failing")));
    let whole: Value = serde_json::from_str(&bench.read("o.json")).expect("JSON");
    assert_eq!(whole.pointer("/tally/fail"), Some(&json!(1)));
    assert!(bench.read("o.txt").contains("failing") && bench.read("o.xml").contains("<testsuites"));
    let mode = std::fs::metadata(bench.path("o.xml")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}
