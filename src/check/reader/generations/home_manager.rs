//! `home-manager generations`: one line each, with the store path.

use super::{Generations, date};
use crate::check::reader::{is_elision, observation};
use crate::model::Observation;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Generation {
    id: u64,
    date: Option<String>,
    /// Older versions mark none.
    current_marker: bool,
}

pub(in crate::check::reader) fn read(text: &str) -> Observation {
    let mut seen = Generations::new();
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines() {
        seen.elided |= is_elision(line);
        if let Some((generation, path)) = row(line) {
            paths.insert(generation.id.to_string(), path.to_owned());
            seen.generations.push(generation);
        }
    }
    seen.current = seen.generations.iter().find(|generation| generation.current_marker).map(|found| found.id);
    observation(&seen.concluded(text, &["home-manager"])).with("paths", serde_json::json!(paths))
}

/// `2026-01-01 03:04 : id 7 -> /nix/store/... (current)`
fn row(line: &str) -> Option<(Generation, &str)> {
    let (before, rest) = line.split_once(": id ")?;
    let (id, target) = rest.split_once("->")?;
    let mut when = before.split_whitespace();
    let mut words = target.split_whitespace();
    let path = words.next()?;
    let generation = Generation {
        id: id.trim().parse().ok()?,
        date: date(when.next(), when.next()),
        current_marker: words.any(|word| word == "(current)"),
    };
    Some((generation, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_gives_number_time_and_path() {
        let seen = read("2026-01-01 03:04 : id 7 -> /nix/store/x-home (current)\n…\n");
        assert_eq!(
            seen.get("generations"),
            Some(&json!([{"id": 7, "date": "2026-01-01 03:04", "current_marker": true}]))
        );
        assert_eq!((seen.get("current"), seen.get("elided")), (Some(&json!(7)), Some(&json!(true))));
        assert_eq!(seen.get("paths.7"), Some(&json!("/nix/store/x-home")));
    }

    #[test]
    fn without_a_mark_nobody_knows_which_is_current() {
        assert_eq!(read("2026-01-01 03:04 : id 7 -> /nix/store/x\n").get("current"), Some(&json!(null)));
    }
}
