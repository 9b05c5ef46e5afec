//! Versions as programs print them (`575.57.08`, `6.12-rc3`, `2.38-8`), and constraints on them.

use std::cmp::Ordering;

/// A version: numbers separated by dots, and how far before the release it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    numbers: Vec<u64>,
    before_release: Option<(usize, u64)>,
}

const BEFORE: [&str; 5] = ["dev", "alpha", "beta", "pre", "rc"];

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

impl Version {
    /// The first version in a text.
    pub(super) fn find(text: &str) -> Option<Self> {
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let (first, mut rest) = leading_number(text.get(start..)?)?;
        let mut numbers = vec![first];
        while let Some((next, after)) = rest.strip_prefix('.').and_then(leading_number) {
            numbers.push(next);
            rest = after;
        }
        let tail = rest.trim_start_matches(['-', '_', '~', '.']).to_ascii_lowercase();
        let before_release = BEFORE.iter().enumerate().find_map(|(rank, word)| {
            let after = tail.strip_prefix(word)?.trim_start_matches(['.', '-']);
            Some((rank, leading_number(after).map_or(0, |(count, _)| count)))
        });
        Some(Self { numbers, before_release })
    }

    /// Compared number by number; a missing number is zero; before the release is less than the release.
    fn compare(&self, other: &Self) -> Ordering {
        for at in 0..self.numbers.len().max(other.numbers.len()) {
            let mine = self.numbers.get(at).unwrap_or(&0);
            let theirs = other.numbers.get(at).unwrap_or(&0);
            match mine.cmp(theirs) {
                Ordering::Equal => {}
                decided => return decided,
            }
        }
        match (self.before_release, other.before_release) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(mine), Some(theirs)) => mine.cmp(&theirs),
        }
    }
}

/// Whether a version satisfies a constraint: `>=1.2, <2`; all parts must hold. `None` where the constraint is not
/// one.
pub(super) fn satisfies(version: &Version, constraint: &str) -> Option<bool> {
    let mut all = true;
    for part in constraint.split(',') {
        let part = part.trim();
        let end = part.find(|c: char| c.is_ascii_digit())?;
        let (operator, text) = part.split_at(end);
        let order = version.compare(&Version::find(text)?);
        let holds = match operator.trim() {
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            "<" => order.is_lt(),
            "" | "=" | "==" => order.is_eq(),
            "!=" => order.is_ne(),
            _ => return None,
        };
        all = all && holds;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_number_by_number() {
        let rising = [
            "1.9",
            "1.10-dev",
            "1.10-alpha",
            "1.10.alpha2",
            "1.10~beta1",
            "1.10-pre",
            "1.10-rc1",
            "1.10_RC.2",
            "1.10rc-10",
            "1.10",
            "1.10.1",
            "2",
            "575.57.08",
        ];
        for (at, low) in rising.iter().enumerate() {
            for (other, high) in rising.iter().enumerate() {
                let left = Version::find(low).expect(low);
                let right = Version::find(high).expect(high);
                assert_eq!(left.compare(&right), at.cmp(&other), "{low} {high}");
            }
        }
        let same = |a: &str, b: &str| Version::find(a).expect(a).compare(&Version::find(b).expect(b)).is_eq();
        assert!(same("1.2", "1.2.0"));
        assert!(same("1.2.0", "1.2"));
        assert!(same("2.38-8", "2.38"));
        assert!(same("glibc 2.38.", "2.38"));
        assert!(same("v6.12.11-zen1", "6.12.11"));
    }

    #[test]
    fn a_text_without_a_number_has_no_version() {
        assert_eq!(Version::find("unknown"), None);
        assert_eq!(Version::find(""), None);
        assert_eq!(Version::find("99999999999999999999999"), None);
    }

    #[test]
    fn a_constraint_holds_where_all_its_parts_hold() {
        let version = Version::find("1.5").expect("1.5");
        for (constraint, holds) in [
            (">=1.5", Some(true)),
            (">=1.6", Some(false)),
            ("<=1.5", Some(true)),
            ("<=1.4", Some(false)),
            (">1.4", Some(true)),
            (">1.5", Some(false)),
            ("<1.6", Some(true)),
            ("<1.5", Some(false)),
            ("1.5", Some(true)),
            ("1.6", Some(false)),
            ("=1.5", Some(true)),
            ("== 1.5.0", Some(true)),
            ("==1.4", Some(false)),
            ("!=1.4", Some(true)),
            ("!=1.5", Some(false)),
            (">=1.2, <2", Some(true)),
            (">=1.2, <1.5", Some(false)),
            (">=1.6, <2", Some(false)),
            ("~1.2", None),
            (">=", None),
            ("", None),
            (">=1.2,", None),
        ] {
            assert_eq!(satisfies(&version, constraint), holds, "{constraint}");
        }
    }
}
