//! Days and days of the week as a calendar writes them.

use chrono::{NaiveDate, Weekday};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_week_are_lists_and_ranges() {
        assert_eq!(weekdays("Sat..Mon"), Some(vec![Weekday::Sat, Weekday::Sun, Weekday::Mon]));
        assert_eq!(weekdays("Mon, Wed"), Some(vec![Weekday::Mon, Weekday::Wed]));
        assert_eq!(weekdays("Mo-Fr"), None);
    }
}
