//! `nixos-rebuild list-generations`: the table of the shell version and of the newer one, and `--json`.

use super::{Generations, date};
use crate::check::reader::{document, is_elision, observation};
use crate::model::Observation;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Generation {
    id: u64,
    date: Option<String>,
    nixos_version: Option<String>,
    kernel: Option<String>,
    current: bool,
}

/// One element of `--json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    generation: u64,
    date: Option<String>,
    nixos_version: Option<String>,
    kernel_version: Option<String>,
    #[serde(default)]
    current: bool,
}

pub(in crate::check::reader) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

fn parse(text: &str) -> Generations<Generation> {
    let mut seen = Generations::new();
    let listed =
        document(text, &['[']).and_then(|document| serde_json::from_value::<Vec<Listed>>(document).ok());
    if let Some(listed) = listed {
        seen.generations = listed.into_iter().map(Generation::from).collect();
    } else {
        // The newer tool has a last column `Current` with True and False in place of a mark behind the number.
        let column = text.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some("Generation") && words.next_back() == Some("Current")
        });
        for line in text.lines() {
            seen.elided |= is_elision(line);
            seen.generations.extend(row(line, column));
        }
    }
    seen.current = seen.generations.iter().find(|generation| generation.current).map(|found| found.id);
    seen.concluded(text, &["nixos-rebuild", "nixos-rebuild-ng"])
}

fn row(line: &str, column: bool) -> Option<Generation> {
    let mut words = line.split_whitespace().peekable();
    let id = words.next()?.parse().ok()?;
    let mut marked = words.next_if(|word| word.trim_matches(['(', ')']) == "current").is_some();
    let date = date(words.next(), words.next())?;
    // What lists a profile and not a system puts the mark behind, and knows no versions.
    marked |= words.next_if_eq(&"(current)").is_some();
    let (nixos_version, kernel) = (words.next().map(str::to_owned), words.next().map(str::to_owned));
    let last = words.last();
    Some(Generation {
        id,
        date: Some(date),
        nixos_version,
        kernel,
        current: marked || (column && last == Some("True")),
    })
}

impl From<Listed> for Generation {
    fn from(listed: Listed) -> Self {
        Self {
            id: listed.generation,
            date: listed.date,
            nixos_version: listed.nixos_version,
            kernel: listed.kernel_version,
            current: listed.current,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current(text: &str) -> (usize, Option<u64>, bool) {
        let seen = parse(text);
        (seen.generations.len(), seen.current, seen.elided)
    }

    #[test]
    fn the_mark_stands_behind_the_number_or_in_the_last_column() {
        let older = "Generation  Build-date  NixOS version  Kernel\n8 current 2026-01-02 03:04:05 26.05.1 6.12.1\n7 2026-01-01 03:04:05 26.05.0 6.12.0\n";
        assert_eq!(current(older), (2, Some(8), false));
        let newer = "Generation  Build-date  NixOS version  Kernel  Configuration Revision  Specialisation  Current\n8 2026-01-02 03:04:05 26.05.1 6.12.1 Unknown [] False\n7 2026-01-01 03:04:05 26.05.0 6.12.0 Unknown [] True\n";
        assert_eq!(current(newer), (2, Some(7), false));
    }

    #[test]
    fn a_list_without_versions_has_none() {
        let seen = parse("  41   2026-01-01 03:04:05   \n  42   2026-01-02 03:04:05   (current)\n");
        assert_eq!(seen.current, Some(42));
        assert!(seen.generations.iter().all(|generation| generation.nixos_version.is_none()));
    }

    #[test]
    fn json_says_the_same() {
        let text = r#"[{"generation":8,"date":"2026-01-02T03:04:05","nixosVersion":"26.05.1","kernelVersion":"6.12.1","configurationRevision":"","specialisations":[],"current":true}]"#;
        assert_eq!(current(text), (1, Some(8), false));
        let prompted = format!("[mo@host:~]$ nixos-rebuild list-generations --json\n{text}\n[mo@host:~]$ ");
        assert_eq!(current(&prompted), (1, Some(8), false));
    }

    #[test]
    fn what_was_left_out_is_told() {
        assert_eq!(current("3 2026-01-01 00:00:00 26.05 6.12\n...\n"), (1, None, true));
        assert_eq!(current("error: no such file\n"), (0, None, false));
    }
}
