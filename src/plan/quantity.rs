//! Amounts as people write them, into numbers: bytes, shares, seconds.

use crate::model::Span;

const UNITS: [(&str, f64); 10] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1_024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

/// `20GiB` in bytes, `30%` as 0.3, `5s` in seconds, `1.25` as it is; `None` where the text is no amount.
pub(super) fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(number) = plain(text) {
        return Some(number);
    }
    if let Some(share) = percent(text) {
        return Some(share / 100.0);
    }
    let letters = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(letters);
    if let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) {
        return plain(number.trim_end()).map(|number| number * size);
    }
    Span::parse(text).map(|span| span.duration().as_secs_f64())
}

/// The number before a percent sign: `30%` is 30.
pub(super) fn percent(text: &str) -> Option<f64> {
    plain(text.trim().strip_suffix('%')?.trim_end())
}

/// A decimal number without words: `inf` and `nan` are none.
fn plain(text: &str) -> Option<f64> {
    let decimal = text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    decimal.then(|| text.parse().ok()).flatten()
}

/// Whether a text is a version constraint: `>=1.2, <2`.
pub(super) fn is_constraint(text: &str) -> bool {
    !text.trim().is_empty()
        && text.split(',').all(|part| {
            let part = part.trim();
            let version = ["==", ">=", "<=", "!=", "=", ">", "<"]
                .iter()
                .find_map(|mark| part.strip_prefix(mark))
                .unwrap_or(part)
                .trim_start();
            version.starts_with(|c: char| c.is_ascii_digit())
                && version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_bytes_shares_and_seconds() {
        for (text, expected) in [
            ("0", Some(0.0)),
            ("1.25", Some(1.25)),
            ("-3", Some(-3.0)),
            ("1KiB", Some(1_024.0)),
            ("20GiB", Some(21_474_836_480.0)),
            ("500MB", Some(500_000_000.0)),
            ("1.5 GiB", Some(1_610_612_736.0)),
            ("30%", Some(0.3)),
            ("5s", Some(5.0)),
            ("2m", Some(120.0)),
            ("250ms", Some(0.25)),
            ("", None),
            ("GiB", None),
            ("20gib", None),
            ("inf", None),
            ("1e3", None),
            ("1.5s", None),
            ("ten", None),
        ] {
            assert_eq!(amount(text), expected, "{text}");
        }
    }

    #[test]
    fn a_version_constraint_is_a_list_of_bounds() {
        for good in ["1", ">=1.2, <2", "=2.38", "!=1.0.0-rc1"] {
            assert!(is_constraint(good), "{good}");
        }
        for bad in ["", ">=", "about 2", ">=1.2,", ">>1", "^1", "latest"] {
            assert!(!is_constraint(bad), "{bad}");
        }
    }
}
