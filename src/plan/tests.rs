//! Whole plans: good ones load, bad ones are refused with exactly the complaint that lies beside them.

use super::*;
use crate::model::{Act, Look, Matcher, Plan, Probe, Setting, SettingsFormat, StepUndo, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/plans");

/// Files of a test: those given, then those in a folder.
pub(super) struct TestSources {
    given: BTreeMap<String, Vec<u8>>,
    folder: PathBuf,
}

impl Sources for TestSources {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match self.given.get(path) {
            Some(bytes) => Ok(bytes.clone()),
            None => fs::read(self.folder.join(path)).map_err(|_| "there is no such file".to_owned()),
        }
    }

    fn fits(&self, format: SettingsFormat, setting: &Setting) -> Result<(), Misfit> {
        crate::cli::fits(format, setting)
    }
}

pub(super) fn sources(given: &[(&str, &[u8])]) -> TestSources {
    let given = given.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
    TestSources { given, folder: Path::new(FIXTURES).join("files") }
}

pub(super) fn around() -> Surroundings {
    Surroundings {
        home: "/home/mo".to_owned(),
        user: "mo".to_owned(),
        is_root: false,
        folder: "/plans".to_owned(),
    }
}

pub(super) fn load_text(text: &str) -> Result<Loaded, Diagnostics> {
    load("plan.yaml", text, &sources(&[]), &around(), &[])
}

/// A plan of one phase with these lines in it, each indented by four.
fn one_phase(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "switchback: 1\nname: t\nvars: {{word: hello, number: 7, names: [a, b]}}\nphases:\n  - id: one\n{lines}"
    )
}

fn loaded(lines: &str) -> Plan {
    match load_text(&one_phase(lines)) {
        Ok(loaded) => loaded.plan,
        Err(diagnostics) => panic!("{}", diagnostics.lines()),
    }
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder of plans")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    files
}

fn load_file(path: &Path) -> Result<Loaded, Diagnostics> {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
    let text = fs::read_to_string(path).expect("a plan");
    load(name, &text, &sources(&[]), &around(), &[])
}

/// `SWITCHBACK_WRITE=1 cargo test --lib plan::` writes the complaints anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be told to write its expectations")]
fn every_bad_plan_is_refused_with_the_complaint_beside_it() {
    let write = std::env::var_os("SWITCHBACK_WRITE").is_some();
    let files = yaml_files(&Path::new(FIXTURES).join("bad"));
    assert!(files.len() >= 40, "{} bad plans", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let said = match load_file(&path) {
            Ok(_) => "(it was loaded)\n".to_owned(),
            Err(diagnostics) => diagnostics.lines(),
        };
        let beside = path.with_extension("complaint");
        if write {
            fs::write(&beside, &said).expect("written");
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if said != expected || said.starts_with("(it was") {
            wrong.push(format!("{}:\n{said}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_good_plan_loads_with_no_complaint_but_the_warnings_beside_it() {
    let files = yaml_files(&Path::new(FIXTURES).join("good"));
    assert!(files.len() >= 3, "{} good plans", files.len());
    for path in files {
        match load_file(&path) {
            Ok(loaded) => {
                let beside = std::fs::read_to_string(path.with_extension("warnings")).unwrap_or_default();
                assert_eq!(loaded.warnings.lines(), beside, "{}", path.display());
            }
            Err(diagnostics) => panic!("{}", diagnostics.lines()),
        }
    }
}

#[test]
fn every_shipped_check_has_a_meaning_for_itself_and_its_parameters() {
    let checks = shipped_checks().unwrap_or_else(|wrong| panic!("{}", wrong.lines()));
    assert!(checks.len() >= 40, "{}", checks.len());
    for check in checks {
        assert!(!check.about.is_empty() && check.library.starts_with("built in: checks/"), "{check:?}");
        assert!(check.parameters.iter().all(|parameter| !parameter.about.is_empty()), "{check:?}");
    }
}

#[test]
fn every_shipped_check_can_be_used() {
    let value = |expects: &str| match expects {
        "a text" => "some",
        "an absolute path, or one from `~/`" => "~/some",
        "a number or an amount such as `20GiB`, `30%` or `5s`" => "1MiB",
        "a whole number from 0" => "2",
        "a length of time such as `30s`" => "5m",
        "`true` or `false`" => "true",
        "a list of texts" | "a list of texts, at least one" => "[some, other]",
        "a share from 0 to 1, or from `0%` to `100%`" => "30%",
        "a percentage up to 100, such as `30` or `30%`" => "30",
        other => panic!("{other}"),
    };
    for check in shipped_checks().unwrap_or_else(|wrong| panic!("{}", wrong.lines())) {
        let with: Vec<String> = check
            .parameters
            .iter()
            .map(|parameter| {
                // A text with a default may be one of a few words.
                let default = parameter.default.as_deref().filter(|_| parameter.expects == "a text");
                format!("{}: {}", parameter.name, default.unwrap_or_else(|| value(&parameter.expects)))
            })
            .collect();
        let plan = loaded(&format!(
            "apply: [{{run: [ls], changes: nothing}}]\nvalidate: [{{use: {}, with: {{{}}}}}]\n",
            check.name,
            with.join(", ")
        ));
        let used = &plan.phases[0].validate[0];
        assert_eq!(used.id.as_str(), check.name);
        assert!(!used.expect.is_empty() || matches!(used.look, Look::Ask(_)), "{used:?}");
        assert!(!format!("{used:?}").contains("${"), "{used:?}");
    }
}

#[test]
fn variables_are_single_arguments_and_keep_their_type_where_they_stand_alone() {
    let plan = loaded(
        "apply:\n  - run: [echo, \"${word}; rm -rf /\", \"${names}\", \"${number}\", \"$${word}\", \"${phase.id}\", \"g${generation}\", \"$${generation}\"]\n    env: {A: \"${word}\"}\n    changes: nothing\n",
    );
    let Act::Run(command) = &plan.phases[0].apply[0].act else { panic!("a run") };
    assert_eq!(
        command.argv,
        ["echo", "hello; rm -rf /", "a", "b", "7", "${word}", "one", "g${generation}", "$${generation}"]
    );
    assert_eq!(command.env.get("A").map(String::as_str), Some("hello"));
}

#[test]
fn a_shell_gets_its_text_as_it_is_and_variables_as_environment() {
    let plan = loaded("apply: [{shell: 'echo ${word} ${HOME}', env: {B: '${number}'}, changes: nothing}]\n");
    let Act::Shell { text, env } = &plan.phases[0].apply[0].act else { panic!("a shell") };
    assert_eq!(text, "echo ${word} ${HOME}");
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(env, [("B", "7"), ("number", "7"), ("word", "hello")]);
}

#[test]
fn a_number_reaches_a_shell_and_a_text_as_it_is_written() {
    let number = |written: &str| {
        let text = one_phase(
            "apply: [{shell: 'true', env: {B: 'v${number}'}, changes: nothing}]\nvalidate: [{probe: {run: [ls]}}]\n",
        );
        let text = text.replace("number: 7", &format!("number: {written}"));
        load_text(&text).unwrap_or_else(|wrong| panic!("{}", wrong.lines())).plan
    };
    for written in ["1.10", "1e3", "12345678901234567890123", "0.5", "7", "-3", "+1.5", ".5"] {
        let plan = number(written);
        let Act::Shell { env, .. } = &plan.phases[0].apply[0].act else { panic!("a shell") };
        assert_eq!(env.get("number").map(String::as_str), Some(written));
        assert_eq!(env.get("B"), Some(&format!("v{written}")));
    }
    assert_ne!(number("1.10").digest, number("1.1").digest, "a shell is given another text");
}

#[test]
fn a_variable_that_would_steer_the_programs_of_a_shell_step_is_refused_by_its_name() {
    let declared = |name: &str| {
        let text = one_phase("apply: [{shell: 'true', changes: nothing}]\n");
        load_text(&text.replacen("word:", &format!("{name}: x, word:"), 1))
    };
    for name in
        ["PATH", "IFS", "ENV", "BASH_ENV", "LD_PRELOAD", "LD_LIBRARY_PATH", "HOME", "SHELLOPTS", "LC_ALL"]
    {
        let complaints = declared(name).expect_err(name).lines();
        assert!(
            complaints.contains(&format!("error[plan::bad-variable-name]: `{name}` steers")),
            "{complaints}"
        );
    }
    for name in ["path", "HOMES", "LDX", "environment", "MY_PATH"] {
        declared(name).expect(name);
    }
}

#[test]
fn a_length_of_time_is_bounded_and_nothing_is_repeated_without_a_pause() {
    let check = |fields: &str| {
        load_text(&one_phase(&format!(
            "apply: [{{run: [ls], changes: nothing}}]\nvalidate: [{{probe: {{run: ['true']}}, {fields}}}]\n"
        )))
    };
    for (fields, why) in [
        ("settle: 9999999w", "`9999999w` is longer than a year"),
        ("timeout: 367d", "`367d` is longer than a year"),
        ("within: 1m, every: 0s", "this length is 0, and must be more"),
    ] {
        let complaints = check(fields).expect_err(fields).lines();
        assert!(complaints.contains(&format!("error[plan::bad-length]: {why}")), "{complaints}");
    }
    check("settle: 366d").expect("a year");
    check("within: 1m, every: 1ms").expect("a pause");
}

#[test]
fn the_command_line_overrides_declared_variables_only() {
    let text = one_phase("apply: [{run: [echo, '${word}', '${number}'], changes: nothing}]\n");
    let with = |overrides: &[(&str, &str)]| {
        let overrides: Vec<(String, String)> =
            overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        load("plan.yaml", &text, &sources(&[]), &around(), &overrides)
    };
    let plan = with(&[("word", "other"), ("number", "8")]).expect("loads");
    let Act::Run(command) = &plan.plan.phases[0].apply[0].act else { panic!("a run") };
    assert_eq!(command.argv, ["echo", "other", "8"]);
    assert_eq!(plan.variables.get("number"), Some(&Value::from(8)));
    assert_ne!(plan.plan.digest, with(&[]).expect("loads").plan.digest);
    let wrong = with(&[("wrod", "x")]).expect_err("not declared");
    assert_eq!(wrong.lines().lines().last(), Some("  help: did you mean `word`?"), "{}", wrong.lines());
    assert!(wrong.lines().contains("--set:1:1: error[plan::undeclared-variable]"), "{}", wrong.lines());
}

#[test]
fn the_digest_is_over_what_is_said_and_not_how_it_is_written() {
    let digest = |text: &str| load_text(text).expect("loads").plan.digest;
    let plan = one_phase("apply: [{run: [ls], changes: nothing}]\n");
    let same = format!("# a comment\n{plan}");
    assert_eq!(digest(&plan), digest(&same));
    assert_eq!(digest(&plan), digest(&plan.replace('\n', "\r\n")));
    assert_ne!(digest(&plan), digest(&plan.replace("[ls]", "[ls, -l]")));
    let install =
        one_phase("layers: [{files: {paths: [/etc/x]}}]\napply: [{install: {from: f, to: /etc/x}}]\n");
    let with = |bytes: &[u8]| load("p", &install, &sources(&[("f", bytes)]), &around(), &[]).expect("loads");
    assert_ne!(with(b"one").plan.digest, with(b"two").plan.digest);
    assert_eq!(with(b"abc").files[0].1.0, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn an_installed_file_travels_with_the_plan_up_to_a_limit() {
    let text = one_phase("apply: [{install: {from: f, to: ~/x, mode: 755}, undo: {run: [rm, x]}}]\n");
    let with = |bytes: &[u8]| load("p", &text, &sources(&[("f", bytes)]), &around(), &[]);
    let plan = with(b"abc").expect("loads").plan;
    let Act::Install { content, to, mode, .. } = &plan.phases[0].apply[0].act else { panic!("an install") };
    assert_eq!((content.as_str(), to.to_str(), *mode), ("YWJj", Some("/home/mo/x"), 0o755));
    assert!(matches!(plan.phases[0].apply[0].undo, StepUndo::Act(_)));
    let wrong = with(&vec![0; 16 * 1024 * 1024 + 1]).expect_err("too large");
    assert!(wrong.lines().contains("16777217 bytes; at most 16777216"), "{}", wrong.lines());
}

#[test]
fn phases_come_after_what_they_need() {
    let text = fs::read_to_string(Path::new(FIXTURES).join("good/shoshin-like.yaml")).expect("a plan");
    let loaded = load("p", &text, &sources(&[]), &around(), &[]).expect("loads");
    let order: Vec<&str> = loaded.plan.phases.iter().map(|phase| phase.id.as_str()).collect();
    assert_eq!(order, ["system-libs", "desktop"]);
}

#[test]
fn amounts_become_numbers_and_shorthands_matchers() {
    let plan = loaded(
        "apply: [{run: [ls], changes: nothing}]\nvalidate:\n  - {id: a, probe: {mount: ~/}, expect: {available: {ge: 20GiB}, type: ext4, available_ratio: {gt: 30%}}}\n  - {id: b, probe: journal, expect: {no_new: true}}\n  - {id: c, probe: {run: [ls]}}\n",
    );
    let checks = &plan.phases[0].validate;
    assert_eq!(checks[0].look, Look::Probe(Probe::Mount { path: "/home/mo/".into() }));
    let rules: Vec<_> =
        checks[0].expect.iter().map(|rule| (rule.field.as_str(), rule.matchers.clone())).collect();
    assert_eq!(
        rules,
        [
            ("available", vec![Matcher::Ge(21_474_836_480.0)]),
            ("type", vec![Matcher::Equals(Value::from("ext4"))]),
            ("available_ratio", vec![Matcher::Gt(0.3)]),
        ]
    );
    assert_eq!(
        (checks[1].expect[0].field.as_str(), &checks[1].expect[0].matchers[..]),
        ("kinds", &[Matcher::NoNew][..])
    );
    assert_eq!(
        (checks[2].expect[0].field.as_str(), &checks[2].expect[0].matchers[..]),
        ("exit", &[Matcher::Equals(Value::from(0))][..])
    );
}

#[test]
fn warnings_name_what_is_legal_and_unwise() {
    let text = one_phase(
        "risk: high\napply:\n  - {shell: ls, changes: nothing}\n  - {run: [ls], as: root, undo: none, reason: It is a download.}\n",
    );
    let warnings = load_text(&text).expect("loads").warnings;
    let codes: Vec<&str> = warnings.list.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(
        codes,
        ["plan::no-preflight", "plan::no-validate", "plan::shell", "plan::no-timeout", "plan::irreversible"]
    );
    assert!(warnings.list.iter().all(|one| one.gravity == Gravity::Warning));
}

#[test]
fn a_waiver_that_ended_and_braces_in_a_path_are_told_of() {
    let text = one_phase(
        "layers: [{files: {paths: [\"/etc/${word}/{a,b}\", \"/etc/{a}\", \"/etc/{1..3}\"]}}]\napply: [{run: [ls]}]\nvalidate: [{id: v, \
         probe: {run: [ls]}, waiver: {reason: old, until: 2026-02-28}}]\n",
    );
    let told = |today: &str| {
        let mut loaded = load_text(&text).unwrap_or_else(|wrong| panic!("{}", wrong.lines()));
        loaded.warn_of_ended_waivers(today);
        loaded.warnings.lines()
    };
    let (before, after) = (told("2026-02-28"), told("2026-03-01"));
    assert!(!before.contains("waiver-ended"), "{before}");
    assert!(after.contains("warning[plan::waiver-ended]: the waiver of `v` ended on 2026-02-28"), "{after}");
    assert_eq!(after.matches("plan::braces").count(), 2, "{after}");
    assert!(after.contains("`/etc/hello/{a,b}` is recorded as one path of that name"), "{after}");
}

#[test]
fn a_phase_whose_days_no_week_counts_is_told_of() {
    for (calendar, lines, told) in [
        (
            "calendar: {starts: 2026-01-05, days: Mon..Fri}\n",
            "week: 1\ndays: 5-6\n",
            Some("a week of the calendar counts 5"),
        ),
        ("calendar: {starts: 2026-01-05, days: Mon..Fri}\n", "week: 1\ndays: 1-5\n", None),
        ("calendar: {starts: 2026-01-05}\n", "week: 1\ndays: 6-7\n", None),
        ("", "week: 1\ndays: 6-7\n", None),
        ("", "days: 6-7\n", Some("`days` of no week")),
    ] {
        let text = one_phase(&format!("{lines}apply:\n  - {{run: [ls], changes: nothing}}\n"));
        let text = text.replacen("phases:", &format!("{calendar}phases:"), 1);
        let warnings = load_text(&text).expect("loads").warnings;
        let days = warnings.list.iter().find(|one| one.code.as_str() == "plan::days");
        assert_eq!(days.is_some(), told.is_some(), "{text}{:?}", warnings.list);
        assert!(days.iter().all(|one| told.is_some_and(|told| one.message.contains(told))), "{days:?}");
    }
}

#[test]
fn a_bomb_is_refused_at_once() {
    let nested = |open: &str, times: usize| open.repeat(times);
    let laughs: String = std::iter::once("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned())
        .chain((1..9).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","))))
        .collect();
    let bombs = [
        ("laughs", laughs),
        ("large", format!("a: \"{}\"\n", "x".repeat(10_000_000))),
        ("brackets", nested("[", 100_000)),
        ("braces", nested("{a: ", 100_000)),
        ("dashes", nested("- ", 60_000)),
        ("indents", (0..600).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("nodes", format!("a: [{}]\n", "1,".repeat(400_000))),
        ("documents", nested("---\na: 1\n", 50_000)),
        ("merge", "a: &a {x: 1}\n".to_owned() + &nested("- {<<: *a}\n", 20_000)),
        ("self", "a: &a [*a]\n".to_owned()),
        ("quotes", format!("a: {}", nested("\"", 200_001))),
        ("question", nested("? ", 50_000)),
        ("comments", nested("#\n", 400_000)),
        ("keys", (0..40_000).map(|n| format!("k{n}: 1\n")).collect()),
    ];
    for (name, bomb) in bombs {
        let began = crate::system::clock::tick();
        let refused = load_text(&bomb).expect_err(name);
        let took = crate::system::clock::since(began);
        assert!(!refused.is_empty(), "{name}");
        assert!(refused.lines().len() < 100_000, "{name}");
        // 100 ms on a quiet machine with an optimised build; here there is room for a debug build under load.
        assert!(took.0 < 3_000, "{name} took {took}");
    }
}

#[test]
fn a_plan_of_two_thousand_steps_and_a_thousand_checks_is_read() {
    let steps: String = (0..2_000)
        .map(|n| format!("      - id: step-{n}\n        title: Step {n}\n        run: [/bin/true, \"{n}\"]\n        changes: nothing\n"))
        .collect();
    let checks: String = (0..1_000)
        .map(|n| format!("      - {{id: check-{n}, probe: {{run: [/bin/true]}}, expect: {{exit: 0}}}}\n"))
        .collect();
    let text = format!(
        "switchback: 1\nname: long\nphases:\n  - id: one\n    apply:\n{steps}    validate:\n{checks}"
    );
    let plan = load_text(&text).unwrap_or_else(|wrong| panic!("{}", wrong.lines())).plan;
    assert_eq!((plan.phases[0].apply.len(), plan.phases[0].validate.len()), (2_000, 1_000));
}

#[test]
fn a_drawn_complaint_shows_the_line_and_no_character_that_could_deceive() {
    let wrong = load_text("switchback: 1\nname: a\nphases:\n  - id: a # \u{202e}\n    aply: []\n")
        .expect_err("refused");
    for (unicode, colour) in [(true, false), (false, false), (true, true), (false, true)] {
        let drawn = wrong.drawn(Drawing { width: 40, colour, unicode });
        assert!(drawn.contains("aply: []") && drawn.contains("plan.yaml:5:5"), "{drawn}");
        assert!(!drawn.contains('\u{202e}'), "{drawn}");
        assert_eq!(drawn.contains('\u{1b}'), colour, "{drawn}");
        assert!(unicode || drawn.is_ascii(), "{drawn}");
    }
    let json = serde_json::to_value(&wrong).expect("plain data");
    assert_eq!(json["list"][1]["code"], "plan::unknown-field");
    assert_eq!((json["list"][1]["line"].as_u64(), json["list"][1]["column"].as_u64()), (Some(5), Some(5)));
}

#[test]
fn at_forty_columns_no_word_is_broken_and_no_line_is_too_wide() {
    let title = "a long line with many words in it ".repeat(6);
    let text = format!(
        "switchback: 1\nname: a\nphases:\n  - {{id: a, title: {title}, apply: [{{run: [ls], changes: nothing}}], aply: 1}}\n"
    );
    let wrong = load_text(&text).expect_err("refused");
    for unicode in [true, false] {
        let drawn = wrong.drawn(Drawing { width: 40, colour: false, unicode });
        assert!(drawn.lines().all(|line| line.chars().count() <= 40), "{drawn}");
        let lines: Vec<&str> = drawn.lines().collect();
        let at = lines.iter().position(|line| line.contains("aply: 1")).unwrap_or_else(|| panic!("{drawn}"));
        let column =
            lines[at].chars().collect::<String>().find("aply").map(|byte| lines[at][..byte].chars().count());
        let mark = lines[at + 1].chars().position(|c| !" :|·│".contains(c));
        assert_eq!(column, mark, "{drawn}");
        assert!(drawn.contains("plan.yaml:4:"), "{drawn}");
    }
}

#[test]
fn no_text_makes_loading_panic() {
    use proptest::prelude::*;
    let words = prop::collection::vec(
        prop_oneof![
            Just("switchback: 1\n"),
            Just("name: a\n"),
            Just("phases:\n"),
            Just("  - id: a\n"),
            Just("    apply:\n"),
            Just("      - run: [ls]\n"),
            Just("${"),
            Just("}"),
            Just("["),
            Just("]"),
            Just("{"),
            Just("\""),
            Just("- "),
            Just(": "),
            Just("&a "),
            Just("*a "),
            Just("\u{202e}"),
            Just("\u{1b}"),
            Just("\r"),
            Just("\t"),
            Just("|\n"),
            Just("~"),
            Just("ü"),
            Just("    validate: [{use: disk-free}]\n"),
            Just("vars: {a: 1}\n"),
            Just("? "),
            Just("!!"),
        ],
        0..24,
    );
    proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) }, |(parts in words)| {
        match load_text(&parts.concat()) {
            Ok(_) => {}
            Err(diagnostics) => {
                prop_assert!(!diagnostics.is_empty());
                let drawn = diagnostics.drawn(Drawing { width: 60, colour: false, unicode: true });
                prop_assert!(!drawn.contains(['\u{202e}', '\u{1b}', '\r']), "{}", drawn);
            }
        }
    });
}

#[test]
fn the_schemas_name_every_field_with_its_meaning() {
    for (schema, required) in [
        (plan_schema(), &["name", "phases", "switchback"][..]),
        (library_schema(), &["checks", "switchback"][..]),
    ] {
        let schema: Value = serde_json::from_str(&schema).expect("JSON");
        let mut stated: Vec<&str> =
            schema["required"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        stated.sort_unstable();
        assert_eq!(stated, required);
        assert_eq!(schema["additionalProperties"], Value::from(false), "unknown fields are refused");
        for (name, form) in schema["definitions"].as_object().expect("definitions") {
            for (field, property) in form["properties"].as_object().into_iter().flatten() {
                assert!(property["description"].is_string(), "{name}.{field} has no description");
            }
        }
        assert!(!schema.to_string().contains("Form\""), "names are those of the plan, not of the code");
    }
}

#[test]
fn a_variable_in_the_home_folder_is_a_path_everywhere_and_a_tilde_elsewhere_is_a_tilde() {
    let text = "switchback: 1\nname: p\nrevision: 1\nvars: {here: ~/x, there: \"a~/b\"}\nphases:\n  - id: one\n    \
                layers: [{files: {paths: [\"${here}\"]}}]\n    apply: [{run: [cp, \"${here}/a\", \"${there}\"]}]\n";
    let plan = load("p", text, &sources(&[]), &around(), &[]).expect("loads").plan;
    let Act::Run(command) = &plan.phases[0].apply[0].act else { panic!("a program") };
    assert_eq!(command.argv, ["cp", "/home/mo/x/a", "a~/b"]);
}
