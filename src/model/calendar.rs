//! When the phases of a plan are due: the first day, and the days that count. Shown, never enforced.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

/// The calendar of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// The first day of week 1.
    #[serde(with = "word")]
    pub starts: NaiveDate,
    /// The days of the week that count.
    #[serde(with = "words")]
    pub days: Vec<Weekday>,
    /// Days that do not count all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "words")]
    pub holidays: Vec<NaiveDate>,
}

/// Where a day is in a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Today {
    /// The day.
    #[serde(with = "word")]
    pub date: NaiveDate,
    /// Its week, from 1; absent before the first day.
    pub week: Option<u64>,
    /// Which of the days that count in that week it is, from 1; absent on a day that does not count.
    pub day: Option<usize>,
}

impl Calendar {
    /// The first and last day on which a phase is due: the days of that week that count, all of them where none is
    /// named. A holiday among them keeps its number, so that it moves no other day.
    #[must_use]
    pub fn due(&self, week: u32, days: Option<(usize, usize)>) -> Option<(NaiveDate, NaiveDate)> {
        let start = self.starts.checked_add_days(Days::new(u64::from(week.checked_sub(1)?) * 7))?;
        let counted = self.counted(start);
        let (first, last) = days.unwrap_or((1, counted.len()));
        Some((*counted.get(first.checked_sub(1)?)?, *counted.get(last.checked_sub(1)?)?))
    }

    /// Where a day is in this calendar.
    #[must_use]
    pub fn place(&self, date: NaiveDate) -> Today {
        let since = u64::try_from(date.signed_duration_since(self.starts).num_days()).ok();
        let start = since.and_then(|days| self.starts.checked_add_days(Days::new(days / 7 * 7)));
        let counted = start.map(|start| self.counted(start)).unwrap_or_default();
        let day = counted.iter().position(|day| *day == date && !self.holidays.contains(day));
        Today { date, week: since.map(|days| days / 7 + 1), day: day.map(|at| at + 1) }
    }

    fn counted(&self, start: NaiveDate) -> Vec<NaiveDate> {
        start.iter_days().take(7).filter(|day| self.days.contains(&day.weekday())).collect()
    }
}

/// `1-4` or `5`: days within a week, counted from 1.
#[must_use]
pub fn days_of_week(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (1 <= first && first <= last && last <= 7).then_some((first, last))
}

/// A day or a day of the week as the word that it is written as.
pub(super) mod word {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in crate::model) fn serialize<S: Serializer>(
        value: &impl std::fmt::Display,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(in crate::model) fn deserialize<'de, T: std::str::FromStr, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| D::Error::custom(format!("`{text}` is no day")))
    }
}

/// The same for several.
mod words {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in crate::model) fn serialize<T: std::fmt::Display, S: Serializer>(
        values: &[T],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(in crate::model) fn deserialize<'de, T: std::str::FromStr, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<T>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let one = |text: &String| text.parse().map_err(|_| D::Error::custom(format!("`{text}` is no day")));
        texts.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        Calendar {
            starts: "2026-01-05".parse().expect("a Monday"),
            days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
            holidays: vec!["2026-01-06".parse().expect("a day")],
        }
    }

    #[test]
    fn a_phase_is_due_on_the_counted_days_of_its_week() {
        let due = |week, days| calendar().due(week, days).map(|(a, b)| (a.to_string(), b.to_string()));
        let expected = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(due(1, Some((1, 4))), expected("2026-01-05", "2026-01-08"));
        assert_eq!(due(2, Some((5, 5))), expected("2026-01-16", "2026-01-16"));
        assert_eq!(due(3, None), expected("2026-01-19", "2026-01-23"));
        assert_eq!(due(1, Some((6, 6))), None, "there are five counted days");
        assert_eq!(due(0, None), None);
    }

    #[test]
    fn a_day_has_a_week_and_only_a_day_that_counts_has_a_number() {
        let place = |date: &str| {
            let today = calendar().place(date.parse().expect("a day"));
            (today.week, today.day)
        };
        assert_eq!(place("2026-01-04"), (None, None), "before the first day");
        assert_eq!(place("2026-01-05"), (Some(1), Some(1)));
        assert_eq!(place("2026-01-06"), (Some(1), None), "a holiday");
        assert_eq!(place("2026-01-07"), (Some(1), Some(3)), "it moves no other day");
        assert_eq!(place("2026-01-10"), (Some(1), None), "a Saturday");
        assert_eq!(place("2026-01-12"), (Some(2), Some(1)));
    }

    #[test]
    fn a_calendar_is_kept_with_its_plan_and_read_again() {
        let text = serde_json::to_string(&calendar()).expect("JSON");
        assert!(text.contains(r#""starts":"2026-01-05","days":["Mon","Tue""#), "{text}");
        assert_eq!(serde_json::from_str::<Calendar>(&text).expect("a calendar"), calendar());
        assert!(serde_json::from_str::<Calendar>(&text.replace("Tue", "Mo")).is_err());
    }
}
