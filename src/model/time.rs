//! Points and lengths of time. There is no clock here: time comes in as an argument.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A point in time, in milliseconds since 1970-01-01 UTC. Stored as RFC 3339 text.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Its day in UTC.
    #[must_use]
    pub fn date(self) -> chrono::NaiveDate {
        let at = chrono::DateTime::from_timestamp_millis(self.0);
        at.map_or_else(chrono::NaiveDate::default, |at| at.date_naive())
    }

    /// For people: to the second, in UTC, and said to be.
    #[must_use]
    pub fn in_words(self) -> String {
        match chrono::DateTime::from_timestamp_millis(self.0) {
            Some(at) => at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            None => self.to_string(),
        }
    }

    /// This point moved forward by a span.
    #[must_use]
    pub fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }

    /// The span from `earlier` to this point; zero where the clock ran backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp_millis(self.0) {
            Some(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S%.3fZ")),
            None => write!(f, "{}ms", self.0),
        }
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> String {
        at.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        chrono::DateTime::parse_from_rfc3339(&text)
            .map(|at| Self(at.timestamp_millis()))
            .map_err(|why| format!("`{text}` is not an RFC 3339 time: {why}"))
    }
}

/// A length of time in milliseconds. Written `500ms`, `30s`, `10m`, `8h`, `2d`, `1w`, or sums such as `1h30m`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Span(pub u64);

const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of whole seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1_000)
    }

    /// The span for the standard library.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Parses `8h`, `1h30m`, `500ms`; `None` where the text is not a span.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut total: u64 = 0;
        if rest.is_empty() {
            return None;
        }
        if rest == "0" {
            return Some(Self::ZERO);
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let count: u64 = rest.get(..digits)?.parse().ok()?;
            rest = rest.get(digits..)?;
            let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let unit = rest.get(..letters)?;
            let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
            total = total.checked_add(count.checked_mul(*size)?)?;
            rest = rest.get(letters..)?;
        }
        Some(Self(total))
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Span {
    /// The two largest units that are not zero: `2d`, `1h30m`, `1.4s`, `12ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0s"),
            ms @ 1..1_000 => write!(f, "{ms}ms"),
            ms @ 1_000..60_000 if ms % 1_000 == 0 => write!(f, "{}s", ms / 1_000),
            ms @ 1_000..60_000 => write!(f, "{}.{}s", ms / 1_000, ms % 1_000 / 100),
            ms => {
                let (at, (name, size)) = UNITS
                    .iter()
                    .enumerate()
                    .skip(1)
                    .find(|(_, (_, size))| ms >= *size)
                    .unwrap_or((5, &UNITS[5]));
                write!(f, "{}{name}", ms / size)?;
                match UNITS.get(at + 1) {
                    Some((next, next_size)) if ms % size / next_size > 0 => {
                        write!(f, "{}{next}", ms % size / next_size)
                    }
                    Some(_) | None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_alike() {
        for text in ["0s", "5ms", "30s", "10m", "1h30m", "8h", "2d", "2d4h"] {
            assert_eq!(Span::parse(text).expect(text).to_string(), text);
        }
        for bad in ["", "5", "h", "5x", "-1s", "1.5h", "5 m", "99999999999999999999w"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_timestamp_survives_its_text() {
        let at = Timestamp(1_795_365_118_042);
        assert_eq!(Timestamp::try_from(at.to_string()), Ok(at));
    }
}
