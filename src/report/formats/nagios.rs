//! A monitoring plugin's output (Monitoring Plugins Development Guidelines): a status line with perfdata, then one line
//! for each check that is not good.

use super::{numbers, seconds};
use crate::model::{Health, Outcome, Validation};
use crate::report::text::{findings, tallied};
use std::fmt::Write as _;

/// Longest perfdata, in bytes: plugins' readers cut at 8 KiB.
const PERFDATA: usize = 4096;

/// The text, and the exit status that belongs to it: 0 to 3.
#[must_use]
pub fn nagios(validation: &Validation) -> (String, u8) {
    let (word, status) = match validation.health() {
        Health::Healthy => ("OK", 0),
        Health::Degraded => ("WARNING", 1),
        Health::Failing => ("CRITICAL", 2),
        Health::Unknown => ("UNKNOWN", 3),
    };
    let mut out = format!(
        "SWITCHBACK {word} - {}: {} | {}\n",
        clean(validation.plan.as_str()),
        tallied(validation),
        perfdata(validation)
    );
    let bad = |outcome| !matches!(outcome, Outcome::Pass | Outcome::Skipped);
    for (phase, report) in validation.reports().filter(|(_, report)| bad(report.counted())) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "[{}] {}/{}: {}",
            report.outcome.word(),
            phase,
            report.check,
            clean(&findings(report))
        );
    }
    (out, status)
}

/// The line of a validation that could not be begun; its exit status is 3.
#[must_use]
pub fn nagios_unknown(why: &str) -> String {
    format!("SWITCHBACK UNKNOWN - {}\n", clean(why))
}

/// A pipe begins perfdata wherever it stands.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect()
}

fn perfdata(validation: &Validation) -> String {
    let mut out = format!("time={}s", seconds(validation.took.0));
    for (phase, report) in validation.reports() {
        for (field, value) in numbers(report.observed.as_ref()) {
            let label = format!("{phase}/{}.{field}", report.check);
            let label: String = clean(&label).chars().filter(|c| !matches!(c, '\'' | '=')).collect();
            let datum = format!(" '{label}'={value}");
            if out.len() + datum.len() > PERFDATA {
                return out;
            }
            out.push_str(&datum);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::Weight;

    #[test]
    fn one_line_says_how_it_stands_and_the_status_says_it_again() {
        let (text, status) = nagios(&sample());
        let first = text.lines().next().expect("a line");
        assert!(first.starts_with("SWITCHBACK CRITICAL - desk: 1 pass, 1 warn, 1 fail, 1 error, 1 inconclusive, 1 skipped, 1 that does not count: 1 fail | time=7.500s 'libs/works.used ratio'=0.25"), "{first}");
        assert_eq!(status, 2);
    }

    #[test]
    fn where_nothing_was_measured_nothing_is_ok() {
        let mut validation = sample();
        validation.phases.iter_mut().for_each(|judged| {
            judged.reports.retain(|report| report.outcome == Outcome::Skipped);
        });
        let (text, status) = nagios(&validation);
        assert!(text.starts_with("SWITCHBACK UNKNOWN - desk: nothing was measured: 1 skipped | "), "{text}");
        assert_eq!((validation.health(), status), (Health::Unknown, 3));
        // To look at what is only shown, and not to be able to, is no measurement.
        validation.phases[1].reports[0].outcome = Outcome::Error;
        validation.phases[1].reports[0].weight = Weight::Shadow;
        assert_eq!(validation.health(), Health::Unknown);
        validation.phases[1].reports[0].outcome = Outcome::Fail;
        assert_eq!(validation.health(), Health::Healthy, "it was measured, and does not count");
    }

    #[test]
    fn no_pipe_of_a_reason_begins_perfdata() {
        let (text, _) = nagios(&sample());
        assert_eq!(text.matches('|').count(), 1, "{text}");
    }
}
