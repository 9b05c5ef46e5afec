//! The table of threats names tests that exist, and what is built comes from where it is said to come from.

use crate::support::bench::sources;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The threats are numbered from 1.
const THREATS: usize = 32;

/// The names of all functions below a folder that are tests.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("read");
            let mut lines = text.lines();
            // Between the mark and the name stand other attributes at most.
            while lines.any(|line| line.trim() == "#[test]") {
                let name = lines.by_ref().find_map(|line| line.trim().strip_prefix("fn "));
                found.extend(name.and_then(|rest| Some(rest.split_once('(')?.0.to_owned())));
            }
        }
    }
}

/// The cells of each row that begins with a threat's number.
fn rows() -> Vec<Vec<String>> {
    let page = fs::read_to_string(sources().join("docs/security.md")).expect("the page");
    let rows = page.lines().filter(|line| {
        let number = line.strip_prefix("| S").and_then(|rest| rest.split_once(' '));
        number.is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
    });
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_threat_is_held_by_tests_that_exist_or_says_why_not() {
    let mut known = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests(&sources().join(folder), &mut known);
    }
    assert!(known.len() > 800, "only {} tests are known", known.len());
    let rows = rows();
    let numbers: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(numbers, (1..=THREATS).map(|number| format!("S{number}")).collect::<Vec<_>>());
    for row in &rows {
        let [number, threat, holds, proof] = row.as_slice() else { panic!("not four cells: {row:?}") };
        assert!(threat.len() > 20 && holds.len() > 20, "{number} says too little");
        let named: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        let gone: Vec<&&str> = named.iter().filter(|name| !known.contains(**name)).collect();
        assert!(gone.is_empty(), "{number} names tests that are not there: {gone:?}");
        assert!(!named.is_empty() || proof.starts_with("none: "), "{number}: no test, and no reason");
    }
}

#[test]
fn every_crate_comes_from_the_registry_with_its_checksum() {
    let lock = fs::read_to_string(sources().join("Cargo.lock")).expect("read");
    let mut crates = 0;
    for package in lock.split("[[package]]").skip(1) {
        let says = |key: &str| package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        let name = says("name").expect("a name");
        if name == "\"switchback\"" {
            continue;
        }
        crates += 1;
        let from = says("source");
        assert_eq!(from, Some("\"registry+https://github.com/rust-lang/crates.io-index\""), "{name}");
        assert!(says("checksum").is_some_and(|sum| sum.len() == 66), "{name}");
    }
    assert!(crates > 20, "only {crates}");
}
