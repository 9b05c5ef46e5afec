//! Evidence: what is kept of an attempt, what is given away of it, and what is not.

use crate::support::bench::Bench;
use crate::world::until;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A step and a check that say every secret that they were given, in both streams, and fail.
const TELLTALE: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    preflight:
      - {id: before, probe: {run: [sh, -c, "echo seen 7"]}, expect: {stdout: {contains: seen}}}
    apply:
      - id: tell
        run: [sh, -c, 'printenv; echo "$@"; echo "$@" >&2; echo git clone https://me:canary-four-4@host/x; exit 3', sh, --password, canary-three-3]
        env: {API_TOKEN: canary-two-2, HARMLESS: plain-value}
        undo: {shell: 'echo undone with "$db_password"; exit "$(cat "$c/undo" || echo 0)"'}
    validate:
      - {id: after, probe: {run: [sh, -c, "echo ${db_password}"]}}
"#;

fn told() -> Bench {
    let bench = Bench::new();
    bench.plan(TELLTALE);
    let plan = bench.read("plan.yaml").replace("word: new", "word: new, db_password: canary-one-1");
    bench.write("plan.yaml", &plan);
    bench
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).expect("read")));
        }
    }
}

fn canary(bytes: &[u8]) -> Option<String> {
    let at = bytes.windows(7).position(|window| window == b"canary-")?;
    let from = at.saturating_sub(80);
    Some(String::from_utf8_lossy(&bytes[from..(at + 40).min(bytes.len())]).into_owned())
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("read")).expect("JSON")
}

/// Where a step or its undo fails, its program's last words say why: in the run, in `show` and in what is given away.
#[test]
fn the_last_words_of_what_failed_are_told() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - id: talks
        shell: 'echo to nobody; echo no such file >&2; echo; exit 3'
        undo: {shell: 'echo and no way back; exit 5'}
"#,
    );
    let ran = bench.run(&["run", "plan.yaml", "--unattended"]);
    assert_eq!(ran.exit, 13, "{ran:?}");
    let shown = bench.run(&["show"]);
    for said in ["no such file", "and no way back"] {
        assert!(ran.out.contains(said), "{said}: {ran:?}");
        assert!(shown.out.contains(said), "{said}: {shown:?}");
    }
    let steps = bench.run(&["show", "--json"]).json()["steps"].clone();
    let said: Vec<&Value> = steps.as_array().expect("steps").iter().map(|step| &step["said"]).collect();
    assert_eq!(said, ["no such file", "and no way back"], "{steps:#}");
}

/// What a way back takes from the machine is named: somebody may miss it.
#[test]
fn what_the_way_back_changed_is_named_thing_by_thing() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: fails, shell: 'echo new > "$m/file"; mkdir "$m/mine"; echo > "$m/mine/letter"; exit 1'}]
"#,
    );
    let ran = bench.run(&["run", "plan.yaml", "--unattended"]);
    assert_eq!(ran.exit, 12, "{ran:?}");
    let at = bench.path("m").display().to_string();
    let shown = bench.run(&["show", "1", "--json"]).json();
    assert_eq!(
        shown["changed_back"],
        serde_json::json!([
            format!("remove {at}/mine: it was created since"),
            format!("restore {at}/file: it has other bytes than recorded"),
        ]),
        "{shown:#}"
    );
    let text = bench.run(&["show", "1"]).out;
    assert!(text.contains("changed back (what the layers did on the way back)"), "{text}");
}

/// A command layer and a failed rollback step: the one is told of by what was run, the other is not told of as taken.
#[test]
fn what_commands_changed_back_is_named_and_a_failed_rollback_step_is_not_counted_as_taken() {
    let bench = Bench::new();
    bench.write("m/knob", "3\n");
    bench.plan(
        r#"
  - id: one
    layers:
      - command:
          name: knob
          record: [cat, "${m}/knob"]
          restore: [sh, -c, 'echo "$2" > "$1"', sh, "${m}/knob", "${recorded}"]
    apply: [{id: fails, shell: 'echo 9 > "$m/knob"; exit 1'}]
    rollback: [{id: well, run: ["true"]}, {id: ill, run: ["false"]}]
"#,
    );
    let ran = bench.run(&["run", "plan.yaml", "--unattended"]);
    assert_eq!(ran.exit, 13, "{ran:?}");
    assert!(ran.out.contains("1 rollback step taken, 1 rollback step failed"), "{ran:?}");
    let told = bench.run(&["show", "1", "--json"]).json()["changed_back"].clone();
    let told = told.as_array().and_then(|lines| lines.first()?.as_str()).unwrap_or_default().to_owned();
    assert!(told.starts_with("run sh -c ") && told.ends_with(": knob is \"9\", recorded \"3\""), "{told}");
}

/// What was not good before need not become good on the way back: one look says so, however long the plan would wait.
#[test]
fn a_check_that_failed_before_the_phase_is_looked_at_once_on_the_way_back() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: fails, shell: 'echo new > "$m/file"; exit 1'}]
    validate:
      - {id: never, probe: {run: [sh, -c, "echo look >> ${c}/looks; exit 1"]}, within: 1h, every: 1ms}
"#,
    );
    assert_eq!(bench.run(&["run", "plan.yaml", "--unattended"]).exit, 12);
    assert_eq!(bench.read("c/looks"), "look\nlook\n");
}

#[test]
fn no_byte_of_a_secret_is_in_what_is_kept_as_evidence_or_given_away() {
    let bench = told();
    let ran = bench.run(&["run", "plan.yaml", "--unattended"]);
    assert_eq!(ran.exit, 12, "{ran:?}");
    let mut kept = Vec::new();
    files(&bench.path("state/generations/0001/evidence"), &mut kept);
    assert!(kept.len() >= 3, "{kept:?}");
    assert!(!kept.iter().any(|(name, _)| name.ends_with(".so-far")), "it gives way to the whole output");
    for (name, bytes) in &kept {
        assert_eq!(canary(bytes), None, "{name}");
    }
    let all: Vec<u8> = kept.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    let text = String::from_utf8_lossy(&all);
    assert!(text.contains("plain-value") && text.contains("[redacted: API_TOKEN]"), "{text}");
    for (to, words) in [("out", &["export", "1", "out"][..]), ("out.tar", &["export", "out.tar"])] {
        let ran = bench.run(words);
        assert_eq!(ran.exit, 0, "{to}: {ran:?}");
    }
    let mut given = Vec::new();
    files(&bench.path("out"), &mut given);
    given.push(("out.tar".to_owned(), fs::read(bench.path("out.tar")).expect("read")));
    for (name, bytes) in &given {
        assert_eq!(canary(bytes), None, "{name}");
    }
    let names: Vec<&str> = given.iter().filter_map(|(name, _)| Some(name.split_once("/out/")?.1)).collect();
    for name in
        ["README", "manifest.json", "failures.json", "show.json", "baseline.json", "journal", "plan.yaml"]
    {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("evidence/apply-tell.out")), "{names:?}");
    let manifest = json(&bench.path("out/manifest.json"));
    assert_eq!(manifest["phase"], "one");
    assert!(
        manifest["exported_on"]["kernel"].as_str().is_some_and(|kernel| !kernel.is_empty()),
        "{manifest}"
    );
    assert!(manifest["programs"]["sh"].as_str().is_some_and(|path| path.starts_with('/')), "{manifest}");
    let taken: Vec<&str> =
        manifest["taken_out"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
    assert_eq!(taken, ["API_TOKEN", "db_password", "password"]);
    for file in manifest["files"].as_array().expect("files") {
        let bytes = fs::read(bench.path("out").join(file["name"].as_str().expect("a name"))).expect("read");
        assert_eq!(file["bytes"], bytes.len());
    }
    let shown = bench.run(&["show", "--evidence", "--json", "1"]);
    assert_eq!(canary(shown.json()["evidence_text"].to_string().as_bytes()), None);
    assert!(
        shown.json()["evidence_text"]["apply-tell.out"].as_str().is_some_and(|text| text.contains("plain"))
    );
}

#[test]
fn the_same_generation_gives_the_same_archive_and_nothing_is_written_over() {
    let bench = told();
    assert_eq!(bench.run(&["run", "plan.yaml", "--unattended"]).exit, 12);
    for to in ["one.tar", "two.tar"] {
        let ran = bench.run(&["export", "1", to, "--json"]);
        assert_eq!(ran.exit, 0, "{ran:?}");
        assert!(ran.json()["files"].as_array().is_some_and(|files| files.len() > 6), "{ran:?}");
    }
    let read = |name: &str| fs::read(bench.path(name)).expect("read");
    assert_eq!(read("one.tar"), read("two.tar"));
    let again = bench.run(&["export", "1", "one.tar"]);
    assert_eq!(again.exit, 2, "{again:?}");
    assert!(again.err.contains("is there already"), "{again:?}");
    let none = bench.run(&["export", "7", "seven.tar"]);
    assert_eq!(none.exit, 2, "{none:?}");
    assert!(!bench.path("seven.tar").exists());
    // A mistake in the name is one of usage, as it is for a copy of the capsule.
    for words in [
        &["export", "1", "no/where/e.tar"][..],
        &["export", "1", "no/where"],
        &["rescue", "export", "/dev/null/x"],
    ] {
        let ran = bench.run(words);
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.err.contains("hint: name a place in a folder that is there"), "{ran:?}");
    }
}

#[test]
fn the_first_failure_and_that_of_the_way_back_are_told_apart() {
    let bench = told();
    bench.write("c/undo", "5\n");
    let ran = bench.run(&["run", "plan.yaml", "--unattended"]);
    assert_eq!(ran.exit, 13, "{ran:?}");
    assert_eq!(bench.run(&["export", "out"]).exit, 0);
    let told = json(&bench.path("out/failures.json"));
    assert_eq!(told["first"]["steps"][0]["step"], "tell", "{told:#}");
    assert_eq!(told["first"]["steps"][0]["exit"], 3);
    assert_eq!(told["recovery"]["held"], false);
    assert_eq!(told["recovery"]["steps"][0]["list"], "undo");
    assert_eq!(told["recovery"]["steps"][0]["exit"], 5);
    assert_eq!(told["recovery"]["items"][0]["name"], "undo of step tell");
    let baseline = json(&bench.path("out/baseline.json"));
    assert_eq!(baseline["after"]["outcome"], "pass", "{baseline:#}");
    let machine = bench.read("state/generations/0001/evidence/machine.json");
    assert!(machine.contains("\"kernel\""), "what the machine was is kept over the way back: {machine}");
}

/// A step that has said something, and a secret, and goes on.
const AT_WORK: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - id: tell
        env: {API_TOKEN: canary-two-2}
        shell: 'echo IMPORTANT-OUTPUT; echo "$API_TOKEN canary-one-1"; echo > "$c/there"; exec 3<>"$c/gate"; read -r line <&3'
    validate:
      - {id: after, probe: {run: [sh, -c, "echo ${db_password}"]}}
"#;

#[test]
fn what_a_lost_step_printed_is_kept_and_so_is_what_its_guard_said() {
    let bench = Bench::new();
    bench.plan(AT_WORK);
    let plan = bench.read("plan.yaml").replace("word: new", "word: new, db_password: canary-one-1");
    bench.write("plan.yaml", &plan);
    bench.gate("c/gate");
    let mut runner = bench.command(&["run", "plan.yaml", "--unattended"]).spawn().expect("started");
    let so_far = bench.path("state/generations/0001/evidence/apply-tell.so-far");
    until("what it printed is kept", || {
        fs::read_to_string(&so_far)
            .is_ok_and(|text| text.contains("[redacted: API_TOKEN] [redacted: db_password]"))
    });
    runner.kill().expect("there");
    runner.wait().expect("ended");
    until("it is taken back", || bench.run(&["status", "--json"]).json()["current"]["stage"] == "reverted");
    // What a guard says may be long and tell secrets.
    let log = bench.path("state/generations/0001/guard.log");
    until("the guard has ended", || {
        bench.run(&["guard", "status", "--json"]).json()["open"].is_null() && log.exists()
    });
    let mut said = fs::read_to_string(&log).expect("read");
    said.push_str(&format!("first canary-one-1\n{}last canary-two-2\n", "a line of many\n".repeat(200_000)));
    fs::write(&log, &said).expect("written");
    let shown = bench.run(&["show", "--evidence"]);
    let all = shown.out.as_str();
    assert!(all.contains("== apply-tell.so-far") && all.contains("IMPORTANT-OUTPUT"), "{:.2000}", all);
    for part in
        ["== guard.log", "first [redacted: db_password]", "bytes left out", "last [redacted: API_TOKEN]"]
    {
        assert!(all.contains(part), "{part}");
    }
    assert_eq!(bench.run(&["export", "1", "out"]).exit, 0);
    let mut given = Vec::new();
    files(&bench.path("out"), &mut given);
    for (name, bytes) in &given {
        assert_eq!(canary(bytes), None, "{name}");
    }
    let guard = bench.read("out/guard.log");
    assert!(guard.len() < 1_100_000 && guard.contains("last [redacted: API_TOKEN]"), "{}", guard.len());
    assert!(bench.read("out/evidence/apply-tell.so-far").contains("IMPORTANT-OUTPUT"));
}
