//! Real outputs that people posted, and what a correct reader must conclude from each. They lie beside the checkout;
//! `SWITCHBACK_FIXTURES` names another folder.

use crate::skipped::skipped;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use switchback::check::Reader;

#[expect(clippy::disallowed_methods, reason = "the tests' own environment")]
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("SWITCHBACK_FIXTURES").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let folder = named.unwrap_or_else(beside);
    folder.join("INDEX.yaml").is_file().then_some(folder)
}

/// What a reader says of one recorded output, as `probe NAME --from FILE --json` would.
fn read(tool: &str, path: &PathBuf) -> Result<Value, String> {
    let reader = Reader::named(tool).ok_or_else(|| format!("nothing reads `{tool}`"))?;
    let file = File::open(path).map_err(|why| why.to_string())?;
    let seen = reader.read(&mut BufReader::new(file)).map_err(|why| why.to_string())?;
    serde_json::to_value(seen).map_err(|why| why.to_string())
}

/// The facts that do not agree.
fn disagreements(expected: &Map<String, Value>, seen: &Value) -> Vec<String> {
    let differs = |(field, value): (&String, &Value)| {
        let got = seen.get(field);
        (got != Some(value)).then(|| match got {
            Some(got) => format!("{field}: expected {value}, got {got}"),
            None => format!("{field}: expected {value}, and there is no such field"),
        })
    };
    expected.iter().filter_map(differs).collect()
}

#[test]
fn every_reader_agrees_with_every_fact_of_the_index() {
    let name = "every_reader_agrees_with_every_fact_of_the_index";
    let Some(folder) = folder() else {
        return skipped(name, "there is no ../shared/fixtures/INDEX.yaml");
    };
    let text = std::fs::read_to_string(folder.join("INDEX.yaml")).expect("the index can be read");
    let index: Value = serde_saphyr::from_str(&text).expect("the index is YAML");
    let fixtures = index.get("fixtures").and_then(Value::as_array).expect("a list of fixtures");
    assert!(!fixtures.is_empty(), "an empty index proves nothing");
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for fixture in fixtures {
        let text = |field: &str| fixture.get(field).and_then(Value::as_str).expect("a text");
        let (tool, path) = (text("tool"), text("path"));
        let expected = fixture.get("expect").and_then(Value::as_object).expect("facts");
        let missed = match read(tool, &folder.join(path)) {
            Ok(seen) => disagreements(expected, &seen),
            Err(why) => expected.keys().map(|field| format!("{field}: {why}")).collect(),
        };
        let count = counts.entry(tool).or_default();
        count.0 += expected.len() - missed.len();
        count.1 += expected.len();
        wrong.extend(missed.into_iter().map(|fact| format!("{path}: {fact}")));
    }
    for (tool, (agreed, all)) in &counts {
        println!("{tool}: {agreed} of {all} facts");
    }
    let (agreed, all) = counts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    println!("in all: {agreed} of {all} facts of {} outputs", fixtures.len());
    assert!(wrong.is_empty(), "{} facts do not agree:\n{}", wrong.len(), wrong.join("\n"));
}
