//! How often a validation comes by itself, as a calendar tells it.

use super::Span;
use serde::{Deserialize, Serialize};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How often a validation comes by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rhythm {
    /// `OnCalendar=` of systemd.
    pub calendar: String,
    /// The five fields of a crontab; absent where they cannot say it.
    pub cron: Option<String>,
    /// The time between two; absent where somebody wrote the calendar.
    pub every: Option<Span>,
    /// Up to so much later by chance, so that many machines do not do it at once.
    pub delay: Span,
}

impl Rhythm {
    /// The slowest that a calendar can say and that is not slower than asked: 90 minutes become an hour. Not faster
    /// than every ten seconds.
    #[must_use]
    pub fn every(asked: Span) -> Self {
        let largest = |unit: u64, parts: &[u64]| {
            parts.iter().rev().copied().find(|part| part * unit <= asked.0).unwrap_or(1)
        };
        let (calendar, cron, every) = match asked.0 {
            ..MINUTE => {
                let part = largest(SECOND, &[10, 12, 15, 20, 30]).max(10);
                (format!("*-*-* *:*:00/{part}"), "* * * * *".to_owned(), part * SECOND)
            }
            MINUTE..HOUR => match largest(MINUTE, &[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30]) {
                1 => ("*-*-* *:*:00".to_owned(), "* * * * *".to_owned(), MINUTE),
                part => (format!("*-*-* *:00/{part}:00"), format!("*/{part} * * * *"), part * MINUTE),
            },
            HOUR..DAY => match largest(HOUR, &[1, 2, 3, 4, 6, 8, 12]) {
                1 => ("*-*-* *:00:00".to_owned(), "0 * * * *".to_owned(), HOUR),
                part => (format!("*-*-* 00/{part}:00:00"), format!("0 */{part} * * *"), part * HOUR),
            },
            DAY.. if asked.0 < 7 * DAY => ("*-*-* 00:00:00".to_owned(), "0 0 * * *".to_owned(), DAY),
            DAY.. => ("Mon *-*-* 00:00:00".to_owned(), "0 0 * * 1".to_owned(), 7 * DAY),
        };
        let delay = Span((every / 10).min(5 * MINUTE) / SECOND * SECOND);
        Self { calendar, cron: Some(cron), every: Some(Span(every)), delay }
    }

    /// As somebody wrote it.
    #[must_use]
    pub fn calendar(text: &str) -> Self {
        Self { calendar: text.to_owned(), cron: None, every: None, delay: Span(MINUTE) }
    }
}

/// What is set up so that validations come by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// The units' name, without what follows the dot.
    pub name: String,
    /// The program and its words.
    pub argv: Vec<String>,
    /// How often.
    pub rhythm: Rhythm,
    /// Whether it belongs to a user's own service manager.
    pub user: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_says_what_is_asked_or_a_little_more_often() {
        for (asked, calendar, cron, every) in [
            ("1s", "*-*-* *:*:00/10", "* * * * *", "10s"),
            ("30s", "*-*-* *:*:00/30", "* * * * *", "30s"),
            ("45s", "*-*-* *:*:00/30", "* * * * *", "30s"),
            ("1m", "*-*-* *:*:00", "* * * * *", "1m"),
            ("10m", "*-*-* *:00/10:00", "*/10 * * * *", "10m"),
            ("59m", "*-*-* *:00/30:00", "*/30 * * * *", "30m"),
            ("1h", "*-*-* *:00:00", "0 * * * *", "1h"),
            ("90m", "*-*-* *:00:00", "0 * * * *", "1h"),
            ("5h", "*-*-* 00/4:00:00", "0 */4 * * *", "4h"),
            ("1d", "*-*-* 00:00:00", "0 0 * * *", "1d"),
            ("3d", "*-*-* 00:00:00", "0 0 * * *", "1d"),
            ("2w", "Mon *-*-* 00:00:00", "0 0 * * 1", "1w"),
        ] {
            let rhythm = Rhythm::every(Span::parse(asked).expect("a span"));
            assert_eq!((rhythm.calendar.as_str(), rhythm.cron.as_deref()), (calendar, Some(cron)), "{asked}");
            assert_eq!(rhythm.every, Span::parse(every), "{asked}");
            assert!(
                rhythm.delay <= Span(5 * MINUTE) && rhythm.delay.0 * 10 <= rhythm.every.map_or(0, |it| it.0)
            );
        }
    }
}
