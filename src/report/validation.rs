//! A validation for a person.

use super::line::{Line, Tone, render};
use super::style::Style;
use super::{fact, text};
use crate::model::{Health, Validation};
use unicode_width::UnicodeWidthStr;

/// Each phase with its checks, then how the machine stands.
#[must_use]
pub fn validation(validation: &Validation, style: &Style) -> String {
    let mut lines = Vec::new();
    for judged in &validation.phases {
        lines.push(Line::new(Tone::Heading, judged.phase.as_str(), ""));
        let align = judged.reports.iter().map(|report| report.check.as_str().width()).max().unwrap_or(0);
        for report in &judged.reports {
            lines.extend(fact::check(report, text::outcome_tone(report.outcome), align, 1));
        }
    }
    lines.extend(
        validation.baseline.iter().map(|with| Line::new(Tone::Quiet, "compared", format!("with {with}"))),
    );
    let health = validation.health();
    let tone = match health {
        Health::Healthy => Tone::Good,
        Health::Degraded | Health::Unknown => Tone::Caution,
        Health::Failing => Tone::Bad,
    };
    let counts = text::tallied(validation);
    lines.push(Line::new(tone, health.word(), format!("{counts} ({})", validation.took)));
    render(&lines, style)
}

#[cfg(test)]
mod tests {
    use super::super::formats::sample;
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn the_last_line_says_how_the_machine_stands() {
        let text = validation(&sample(), &Style::piped(|text| Cow::Borrowed(text)));
        let last = text.lines().last().expect("a line");
        assert!(
            last.contains("failing")
                && last.contains("1 fail,")
                && last.contains("1 skipped, 1 that does not count: 1 fail ("),
            "{text}"
        );
        assert!(text.contains("cannot start vainfo"), "{text}");
        assert!(text.contains("works   It <works>: exit 0"), "{text}");
    }
}
