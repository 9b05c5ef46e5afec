//! A monitoring plugin's output (Monitoring Plugins Development Guidelines): a status line with perfdata, then one line
//! for each check that is not good.

use super::seconds;
use crate::model::{CheckReport, Health, Measure, Outcome, Range, Validation, counted};
use crate::report::text::{findings, tallied, titled};
use std::fmt::Write as _;

/// Longest perfdata, in bytes: plugins' readers cut at 8 KiB.
const PERFDATA: usize = 4096;
/// How many numbers of a check are told that no rule is about: those of a probe that sees many are not.
const FEW: usize = 3;

/// The text, and the exit status that belongs to it: 0 to 3.
#[must_use]
pub fn nagios(validation: &Validation) -> (String, u8) {
    let (word, status) = match validation.health() {
        Health::Healthy => ("OK", 0),
        Health::Degraded => ("WARNING", 1),
        Health::Failing => ("CRITICAL", 2),
        Health::Unknown => ("UNKNOWN", 3),
    };
    let (perfdata, left) = perfdata(validation);
    let mut out = format!(
        "SWITCHBACK {word} - {}: {} | {perfdata}\n",
        clean(validation.plan.as_str()),
        tallied(validation),
    );
    let bad = |outcome| !matches!(outcome, Outcome::Pass | Outcome::Skipped);
    for (phase, report) in validation.reports().filter(|(_, report)| bad(report.counted())) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "[{}] {}/{}: {}",
            report.outcome.word(),
            phase,
            clean(&titled(report)),
            clean(&findings(report))
        );
    }
    if left > 0 {
        let _ = writeln!(out, "[note] there was no room for {}", counted(left, "more number"));
    }
    (out, status)
}

/// The line of a validation that could not be begun; its exit status is 3.
#[must_use]
pub fn nagios_unknown(why: &str) -> String {
    format!("SWITCHBACK UNKNOWN - {}\n", clean(why))
}

/// The line where there was nothing to judge; its exit status is 0.
#[must_use]
pub fn nagios_nothing(why: &str) -> String {
    format!("SWITCHBACK OK - {}\n", clean(why))
}

/// A pipe begins perfdata wherever it stands.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect()
}

/// The numbers with their units, those that the checks' rules are about first and with the thresholds that these make; and
/// how many there was no room for.
fn perfdata(validation: &Validation) -> (String, usize) {
    let mut out = format!("time={}s", seconds(validation.took.0));
    let all = || {
        validation.phases.iter().flat_map(|judged| {
            let of = |report: &'_ CheckReport| judged.measures.get(&report.check);
            judged.reports.iter().filter_map(move |report| Some((&judged.phase, report, of(report)?)))
        })
    };
    let mut left = 0;
    for ruled in [true, false] {
        for (phase, report, measures) in all() {
            let of = measures.iter().filter(|measure| measure.ruled == ruled);
            if !ruled && of.clone().count() > FEW {
                continue;
            }
            for measure in of {
                let datum = datum(&format!("{phase}/{}.{}", report.check, measure.field), measure);
                if left > 0 || out.len() + datum.len() > PERFDATA {
                    left += 1;
                } else {
                    out.push_str(&datum);
                }
            }
        }
    }
    (out, left)
}

fn datum(label: &str, measure: &Measure) -> String {
    let label: String = clean(label).chars().filter(|c| !matches!(c, '\'' | '=')).collect();
    let unit = measure.unit.as_deref().unwrap_or_default();
    let range = |range: Option<Range>| range.map(threshold).unwrap_or_default();
    let thresholds = format!(";{};{}", range(measure.thresholds.warn), range(measure.thresholds.crit));
    format!(" '{label}'={}{unit}{}", measure.value, thresholds.trim_end_matches(';'))
}

/// A range as the guidelines write it: `1:10`, `~:10`, `1:`, `@1:10`.
fn threshold(range: Range) -> String {
    let end = |end: Option<f64>, none: &str| end.map_or_else(|| none.to_owned(), |end| end.to_string());
    let at = if range.inside { "@" } else { "" };
    format!("{at}{}:{}", end(range.low, "~"), end(range.high, ""))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::{Thresholds, Weight};

    #[test]
    fn one_line_says_how_it_stands_and_the_status_says_it_again() {
        let (text, status) = nagios(&sample());
        let first = text.lines().next().expect("a line");
        assert!(first.starts_with("SWITCHBACK CRITICAL - desk: 1 pass, 1 warn, 1 fail, 1 error, 1 inconclusive, 1 skipped, 1 that does not count: 1 fail | time=7.500s 'libs/works.used ratio'=0.25 'libs/slow.du ration'=0.25s"), "{first}");
        assert_eq!(status, 2);
    }

    #[test]
    fn numbers_that_there_is_no_room_for_are_counted_and_those_of_rules_come_first() {
        let mut validation = sample();
        let of = |ruled, name: &str| Measure {
            field: name.to_owned(),
            value: 1.0,
            unit: None,
            ruled,
            thresholds: Thresholds::default(),
        };
        let many = (0..300).map(|at| of(true, &format!("field-{at}"))).chain([of(false, "beside")]).collect();
        let works = validation.phases[0].reports[0].check.clone();
        validation.phases[0].measures.insert(works, many);
        let (text, _) = nagios(&validation);
        assert!(text.contains("s 'libs/works.field-0'=1 'libs/works.field-1'=1 "), "{text}");
        assert!(text.lines().next().expect("a line").len() < 8192 / 2 + 200, "{text}");
        let note = text.lines().last().expect("a line");
        assert!(
            note.starts_with("[note] there was no room for ") && note.ends_with(" more numbers"),
            "{note}"
        );
    }

    #[test]
    fn thresholds_are_told_and_of_many_numbers_only_those_of_rules() {
        let mut validation = sample();
        let range = |low, high, inside| Some(Range { low, high, inside });
        let of = |name: &str, value, unit: Option<&str>, warn, crit| Measure {
            field: name.to_owned(),
            value,
            unit: unit.map(str::to_owned),
            ruled: warn != crit,
            thresholds: Thresholds { warn, crit },
        };
        let ruled = [
            of("load", 5.0, None, None, range(Some(1.0), Some(10.0), false)),
            of("free", 2048.0, Some("B"), range(Some(4096.0), None, false), range(Some(1024.5), None, false)),
            of("used", 0.9, None, range(None, Some(0.85), false), range(Some(0.95), None, true)),
            of("slow", 3.0, Some("s"), range(None, Some(-1.0), true), None),
        ];
        let beside = ["a", "b", "c", "d"].map(|name| of(name, 1.0, None, None, None));
        let works = validation.phases[0].reports[0].check.clone();
        for (count, told) in [(3, true), (4, false)] {
            let measures = ruled.iter().chain(&beside[..count]).cloned().collect();
            validation.phases[0].measures.insert(works.clone(), measures);
            let (text, _) = nagios(&validation);
            let words = "s 'libs/works.load'=5;;1:10 'libs/works.free'=2048B;4096:;1024.5: \
                         'libs/works.used'=0.9;~:0.85;@0.95: 'libs/works.slow'=3s;@~:-1 ";
            assert!(text.contains(words), "{text}");
            assert_eq!(text.contains("'libs/works.a'=1"), told, "{text}");
        }
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
