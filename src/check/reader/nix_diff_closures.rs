//! `nix store diff-closures`: what changed between two closures, by package.
//! Format: `src/nix/diff-closures.cc` of Nix; `∅` stands for no version, `ε` for an empty one.

use super::refusal::Refusal;
use super::{is_elision, observation};
use crate::model::Observation;
use serde::Serialize;

/// How a package differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Changed,
    SizeOnly,
    Added,
    Removed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Entry {
    name: String,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// The difference in size as printed; nothing where it is too small to be told.
    size: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Counts {
    changed: usize,
    size_only: usize,
    added: usize,
    removed: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Closures {
    entries: usize,
    counts: Counts,
    list: Vec<Entry>,
    /// Nothing was left out, and nix did its work.
    complete: bool,
    /// What nix said instead.
    #[serde(flatten)]
    refusal: Option<Refusal>,
}

pub(super) fn read(text: &str) -> Observation {
    let list: Vec<Entry> = text.lines().filter_map(entry).collect();
    let refusal = Refusal::of(text, &["nix"]);
    // Nothing between two closures that are the same; what is no list at all is somebody else's words.
    let is_list = !list.is_empty() || text.trim().is_empty();
    let count = |kind| list.iter().filter(|entry| entry.kind == kind).count();
    observation(&Closures {
        entries: list.len(),
        counts: Counts {
            changed: count(Kind::Changed),
            size_only: count(Kind::SizeOnly),
            added: count(Kind::Added),
            removed: count(Kind::Removed),
        },
        complete: is_list && refusal.is_none() && !text.lines().any(is_elision),
        list,
        refusal,
    })
}

fn entry(line: &str) -> Option<Entry> {
    let (name, rest) = line.trim().split_once(": ")?;
    // Messages of nix itself begin so as well; no package is called like that and then changes a version.
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    let (versions, size) = match rest.rsplit_once(", ") {
        Some((versions, size)) if is_size(size) => (versions, Some(size)),
        Some(_) | None if is_size(rest) => ("", Some(rest)),
        Some(_) | None => (rest, None),
    };
    let size = size.map(|size| size.trim().to_owned());
    let name = name.to_owned();
    if versions.is_empty() {
        return Some(Entry { name, kind: Kind::SizeOnly, from: None, to: None, size });
    }
    let (from, to) = versions.split_once('→').or_else(|| versions.split_once("->"))?;
    let (from, to) = (from.trim().to_owned(), to.trim().to_owned());
    let kind = match (from.as_str(), to.as_str()) {
        ("∅", _) => Kind::Added,
        (_, "∅") => Kind::Removed,
        (_, _) => Kind::Changed,
    };
    Some(Entry { name, kind, from: Some(from), to: Some(to), size })
}

/// `+8.2 KiB`, `-1.5 MiB`.
fn is_size(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let (Some(number), Some(unit), None) = (words.next(), words.next(), words.next()) else { return false };
    number.starts_with(['+', '-'])
        && number.parse::<f64>().is_ok()
        && matches!(unit, "B" | "KiB" | "MiB" | "GiB" | "TiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_is_changed_added_removed_or_of_another_size() {
        for (line, kind, from, to, size) in [
            ("a: 1 → 2", "changed", json!("1"), json!("2"), json!(null)),
            ("a: 1 → 2, 3, +1.5 KiB", "changed", json!("1"), json!("2, 3"), json!("+1.5 KiB")),
            ("a: ∅ → ε", "added", json!("∅"), json!("ε"), json!(null)),
            ("a: 1 → ∅, -2.0 MiB", "removed", json!("1"), json!("∅"), json!("-2.0 MiB")),
        ] {
            let expected = json!({"name": "a", "kind": kind, "from": from, "to": to, "size": size});
            assert_eq!(read(line).get("list.0"), Some(&expected), "{line}");
        }
        let size = json!({"name": "a", "kind": "size_only", "size": "+1.0 KiB"});
        assert_eq!(read("a: +1.0 KiB").get("list.0"), Some(&size));
    }

    #[test]
    fn what_is_no_entry_is_passed_over() {
        let seen = read("error: path '/nix/store/x' is not valid\nwarning: unknown setting\n…\n");
        assert_eq!((seen.get("entries"), seen.get("complete")), (Some(&json!(0)), Some(&json!(false))));
    }
}
