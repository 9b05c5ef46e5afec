//! `nix-env --list-generations`, which other tools' lists of profiles look like as well.

use super::{Generations, date};
use crate::check::reader::{is_elision, observation};
use crate::model::Observation;
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Generation {
    id: u64,
    date: String,
    current: bool,
}

pub(in crate::check::reader) fn read(text: &str) -> Observation {
    let mut seen = Generations::new();
    for line in text.lines() {
        seen.elided |= is_elision(line);
        seen.generations.extend(row(line));
    }
    seen.current = seen.generations.iter().find(|generation| generation.current).map(|found| found.id);
    observation(&seen.concluded(text, &["nix-env", "nix"]))
}

fn row(line: &str) -> Option<Generation> {
    let mut words = line.split_whitespace();
    let id = words.next()?.parse().ok()?;
    let date = date(words.next(), words.next())?;
    Some(Generation { id, date, current: words.any(|word| word == "(current)") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_marked_generation_is_the_current_one() {
        let seen =
            read("   1   2026-01-01 03:04:05   (current)\n  2   2026-01-02 03:04:05\nwarning: 3 of them\n");
        let first = json!({"id": 1, "date": "2026-01-01 03:04:05", "current": true});
        assert_eq!(seen.get("generations.0"), Some(&first));
        assert_eq!((seen.get("current"), seen.get("generations.2")), (Some(&json!(1)), None));
    }
}
