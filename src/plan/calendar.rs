//! When phases are due: the first day, and the days of the week that count. Shown, never enforced.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};

/// The calendar of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The first day of week 1.
    pub starts: NaiveDate,
    /// The days of the week that count.
    pub days: Vec<Weekday>,
}

/// The week without exceptions.
pub(super) const EVERY_DAY: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// `Mon..Fri`, `Mon,Wed`, or both: `Mon..Wed,Sat`.
pub(super) fn weekdays(text: &str) -> Option<Vec<Weekday>> {
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.trim().split_once("..") {
            None => days.push(part.trim().parse().ok()?),
            Some((first, last)) => {
                let (first, last): (Weekday, Weekday) = (first.parse().ok()?, last.parse().ok()?);
                let mut day = first;
                while day != last {
                    days.push(day);
                    day = day.succ();
                }
                days.push(last);
            }
        }
    }
    Some(days)
}

/// `1-4` or `5`: days within a week, counted from 1.
pub(super) fn days_of_week(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (1 <= first && first <= last && last <= 7).then_some((first, last))
}

impl Calendar {
    /// The first and last day on which a phase is due: the counted days of that week, all of them where `days` is absent.
    #[must_use]
    pub fn due(&self, week: u32, days: Option<&str>) -> Option<(NaiveDate, NaiveDate)> {
        let start = self.starts.checked_add_days(Days::new(u64::from(week.checked_sub(1)?) * 7))?;
        let counted: Vec<NaiveDate> =
            start.iter_days().take(7).filter(|day| self.days.contains(&day.weekday())).collect();
        let (first, last) = match days {
            Some(text) => days_of_week(text)?,
            None => (1, counted.len()),
        };
        Some((*counted.get(first.checked_sub(1)?)?, *counted.get(last.checked_sub(1)?)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_due_on_the_counted_days_of_its_week() {
        let starts = date("2026-01-05").expect("a Monday");
        let calendar = Calendar { starts, days: weekdays("Mon..Fri").expect("days") };
        let due = |week, days| calendar.due(week, days).map(|(a, b)| (a.to_string(), b.to_string()));
        let expected = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(due(1, Some("1-4")), expected("2026-01-05", "2026-01-08"));
        assert_eq!(due(2, Some("5")), expected("2026-01-16", "2026-01-16"));
        assert_eq!(due(3, None), expected("2026-01-19", "2026-01-23"));
        assert_eq!(due(1, Some("6")), None, "there are five counted days");
        assert_eq!(due(0, None), None);
    }

    #[test]
    fn days_of_the_week_are_lists_and_ranges() {
        assert_eq!(weekdays("Sat..Mon"), Some(vec![Weekday::Sat, Weekday::Sun, Weekday::Mon]));
        assert_eq!(weekdays("Mon, Wed"), Some(vec![Weekday::Mon, Weekday::Wed]));
        assert_eq!(weekdays("Mo-Fr"), None);
    }
}
