//! Numbers with their nouns.

use std::fmt::Display;

/// A number with its noun: `1 step`, `3 steps`, `1 entry`, `2 entries`.
#[must_use]
pub fn counted(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    match (number.as_str(), noun.strip_suffix('y')) {
        ("1", _) => format!("1 {noun}"),
        (_, Some(stem)) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        (_, _) => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn only_one_is_one() {
        let of = |noun| [0, 1, 2].map(|number| counted(number, noun));
        assert_eq!(of("file"), ["0 files", "1 file", "2 files"]);
        assert_eq!(of("entry"), ["0 entries", "1 entry", "2 entries"]);
        assert_eq!(counted(11, "day"), "11 days");
    }
}
