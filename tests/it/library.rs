//! The shipped checks, each on recorded observations: good, degraded, broken, and a machine where nothing can be seen.
//!
//! `tests/fixtures/checks/LIBRARY.yaml` lists cases. `output` is what a tool printed, read by `reader`, with `and` added;
//! `seen` are fields as a probe gives them; `unseen` is why a probe could not look. `before` is the baseline.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use switchback::check::{ProbeError, Reader, judge};
use switchback::model::{Check, NamedCheck, Observation, Outcome};
use switchback::plan::{Sources, Surroundings, load, shipped_checks};

/// One check on one observation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    check: String,
    #[serde(default)]
    with: Map<String, Value>,
    case: Kind,
    reader: Option<String>,
    output: Option<String>,
    #[serde(default)]
    and: BTreeMap<String, Value>,
    seen: Option<BTreeMap<String, Value>>,
    unseen: Option<String>,
    before: Option<BTreeMap<String, Value>>,
    outcome: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Good,
    Degraded,
    Broken,
    DoesNotApply,
}

const EVERY: [Kind; 4] = [Kind::Good, Kind::Degraded, Kind::Broken, Kind::DoesNotApply];

/// The plan reads no file.
struct NoFiles;

impl Sources for NoFiles {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("there is none".to_owned())
    }
}

/// The checks of all cases, in their order: one plan, since each load reads every library.
fn used(cases: &[Case]) -> Vec<Check> {
    let entry = |(number, case): (usize, &Case)| {
        let with = serde_json::to_string(&case.with).expect("JSON");
        format!("      - {{id: case-{number}, use: {}, with: {with}}}\n", case.check)
    };
    let entries: String = cases.iter().enumerate().map(entry).collect();
    let text = format!(
        "switchback: 1\nname: cases\nphases:\n  - id: one\n    apply: [{{run: [\"true\"], changes: nothing}}]\n    \
         validate:\n{entries}"
    );
    let around = Surroundings {
        home: "/home/mo".to_owned(),
        user: "mo".to_owned(),
        is_root: false,
        folder: "/plans".to_owned(),
    };
    let loaded =
        load("cases.yaml", &text, &NoFiles, &around, &[]).unwrap_or_else(|why| panic!("{}", why.lines()));
    loaded.plan.phases[0].validate.clone()
}

/// The shipped check of that name with these arguments.
pub(crate) fn shipped(name: &str, with: &Value) -> Check {
    let text = format!(
        "switchback: 1\nname: one\nphases:\n  - id: one\n    apply: [{{run: [\"true\"], changes: nothing}}]\n    \
         validate: [{{use: {name}, with: {with}}}]\n"
    );
    let around = Surroundings {
        home: "/home/mo".to_owned(),
        user: "mo".to_owned(),
        is_root: true,
        folder: "/plans".to_owned(),
    };
    let loaded = load("one.yaml", &text, &NoFiles, &around, &[]);
    loaded.unwrap_or_else(|why| panic!("{name}: {}", why.lines())).plan.phases[0].validate[0].clone()
}

/// As a live probe gives it: fields that are not known are left out.
fn observed(case: &Case) -> Result<Observation, ProbeError> {
    if let Some(why) = &case.unseen {
        return Err(ProbeError::Unreachable { what: why.clone(), hint: "look again" });
    }
    let mut seen = match (&case.reader, &case.output) {
        (Some(reader), Some(output)) => {
            let reader = Reader::named(reader).unwrap_or_else(|| panic!("no reader {reader}"));
            reader.read(&mut output.as_bytes()).expect("read")
        }
        (None, None) => Observation(case.seen.clone().expect("`output` or `seen` or `unseen`")),
        (Some(_), None) | (None, Some(_)) => panic!("`reader` and `output` belong together: {case:?}"),
    };
    seen.0.extend(case.and.clone());
    seen.0.retain(|_, value| !value.is_null());
    Ok(seen)
}

fn libraries() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checks");
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect()
}

#[test]
fn every_shipped_check_judges_its_recorded_observations_as_stated() {
    let mut wrong = Vec::new();
    for path in libraries() {
        let text = std::fs::read_to_string(&path).expect("the cases");
        let cases: Vec<Case> =
            serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        assert!(!cases.is_empty(), "{}", path.display());
        for (case, check) in cases.iter().zip(used(&cases)) {
            let before = case.before.clone().map(Observation);
            let seen = observed(case);
            if case.outcome == "skipped" {
                // What it applies to is told by the same observation.
                let guard = check.applies_if.as_ref().expect("a check that can be skipped");
                let told = judge(guard, &seen, before.as_ref(), "2026-01-05");
                assert_eq!(told.outcome, Outcome::Fail, "no clear no: {case:?} {told:?}");
                continue;
            }
            // A guard that looks at something else is not told by it.
            let guard = check.applies_if.as_ref().filter(|guard| guard.look == check.look);
            let told = guard.map(|guard| judge(guard, &seen, before.as_ref(), "2026-01-05"));
            let judged = match told {
                Some(told) if told.outcome != Outcome::Pass => told,
                Some(_) | None => judge(&check, &seen, before.as_ref(), "2026-01-05"),
            };
            if judged.outcome.word() != case.outcome {
                wrong.push(format!(
                    "{} ({:?}): {} and not {}: {}",
                    case.check,
                    case.case,
                    judged.outcome.word(),
                    case.outcome,
                    judged.reasons.join(" | ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_shipped_check_has_a_good_a_degraded_a_broken_case_and_one_where_it_does_not_apply() {
    let mut has: BTreeMap<String, BTreeSet<Kind>> = BTreeMap::new();
    let mut elsewhere = Vec::new();
    let shipped = shipped_checks().unwrap_or_else(|why| panic!("{}", why.lines()));
    for path in libraries() {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("the cases");
        let cases: Vec<Case> = serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{file}: {why}"));
        for case in cases {
            let library = format!("built in: checks/{file}");
            let known = shipped.iter().any(|check| check.name == case.check && check.library == library);
            if !known {
                elsewhere.push(format!("{file}: {}", case.check));
            }
            has.entry(case.check).or_default().insert(case.case);
        }
    }
    assert!(elsewhere.is_empty(), "cases of checks that their library does not have: {elsewhere:?}");
    let lacking = |check: &NamedCheck| {
        let kinds = has.get(&check.name).cloned().unwrap_or_default();
        let lacks: Vec<Kind> = EVERY.into_iter().filter(|kind| !kinds.contains(kind)).collect();
        (!lacks.is_empty()).then(|| format!("{} of {}: no case {lacks:?}", check.name, check.library))
    };
    let lacking: Vec<String> = shipped.iter().filter_map(lacking).collect();
    assert!(shipped.len() > 100, "{} shipped checks", shipped.len());
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

/// The page that says which check answers which item of the checklists.
#[test]
fn every_check_that_the_page_of_checklists_names_is_shipped_and_no_item_stands_alone() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checklists.md"))
        .expect("the page");
    let shipped = shipped_checks().unwrap_or_else(|why| panic!("{}", why.lines()));
    let mut rows = 0;
    for line in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| item")) {
        rows += 1;
        let answer = line.split('|').nth(2).expect("a second cell");
        let names: Vec<&str> = answer.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "nothing answers: {line}");
        for name in names {
            assert!(shipped.iter().any(|check| check.name == name), "there is no check `{name}`: {line}");
        }
    }
    assert!(rows > 25, "{rows} items");
}
