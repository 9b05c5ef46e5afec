//! JUnit XML as Jenkins and GitLab read it: a suite a phase, a case a check; what failed apart from what could not be
//! measured.

use super::{excuse, seconds, words};
use crate::model::{CheckReport, JudgedPhase, Outcome, PhaseId, Validation};
use crate::report::text::titled;
use std::fmt::Write as _;

/// A validation as JUnit XML.
#[must_use]
pub fn junit(validation: &Validation) -> String {
    let all: Vec<&CheckReport> = validation.reports().map(|(_, report)| report).collect();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<testsuites name=\"{}\" {} time=\"{}\">",
        escaped(validation.plan.as_str()),
        // Jenkins' schema knows the skipped ones of a suite only.
        counts(&all),
        seconds(validation.took.0)
    );
    for judged in &validation.phases {
        suite(&mut out, validation, judged);
    }
    out.push_str("</testsuites>\n");
    out
}

/// A validation that could not be made: one case, which is an error.
#[must_use]
pub fn junit_error(why: &str) -> String {
    let why = escaped(why);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"switchback\" tests=\"1\" failures=\"0\" errors=\"1\">\n  \
         <testsuite name=\"validate\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n    \
         <testcase name=\"validate\" classname=\"switchback\"><error message=\"{why}\" type=\"error\"/></testcase>\n  \
         </testsuite>\n</testsuites>\n"
    )
}

/// There was nothing to judge.
#[must_use]
pub fn junit_nothing() -> String {
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
     <testsuites name=\"switchback\" tests=\"0\" failures=\"0\" errors=\"0\"></testsuites>\n"
        .to_owned()
}

fn suite(out: &mut String, validation: &Validation, judged: &JudgedPhase) {
    let reports: Vec<&CheckReport> = judged.reports.iter().collect();
    let took = reports.iter().map(|report| report.took.0).sum();
    let began: String = validation.began.to_string().chars().take(19).collect();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{}\" {} skipped=\"{}\" time=\"{}\" timestamp=\"{began}\" hostname=\"{}\">",
        escaped(judged.phase.as_str()),
        counts(&reports),
        count(&reports, Place::Skipped),
        seconds(took),
        escaped(&validation.machine)
    );
    for report in reports {
        case(out, validation, &judged.phase, report);
    }
    out.push_str("  </testsuite>\n");
}

fn case(out: &mut String, validation: &Validation, phase: &PhaseId, report: &CheckReport) {
    let _ = write!(
        out,
        "    <testcase name=\"{}\" classname=\"{}.{}\" time=\"{}\"",
        escaped(&titled(report)),
        escaped(validation.plan.as_str()),
        escaped(phase.as_str()),
        seconds(report.took.0)
    );
    let words = words(report);
    let message = escaped(words.first().map_or("", String::as_str));
    let text = escaped(&words.join("\n"));
    let kind = report.outcome.word();
    let inner = match (Place::of(report), excuse(report)) {
        (Place::Skipped, Some(excuse)) => format!("<skipped message=\"{}\"/>", escaped(&excuse)),
        (Place::Skipped, None) => format!("<skipped message=\"{message}\"/>"),
        (Place::Failure, _) => format!("<failure message=\"{message}\" type=\"{kind}\">{text}</failure>"),
        (Place::Error, _) => format!("<error message=\"{message}\" type=\"{kind}\">{text}</error>"),
        (Place::Passed, _) if report.outcome == Outcome::Warn => {
            format!("<system-out>warning: {text}</system-out>")
        }
        (Place::Passed, _) => String::new(),
    };
    if inner.is_empty() {
        out.push_str("/>\n");
    } else {
        let _ = writeln!(out, ">{inner}</testcase>");
    }
}

/// Where JUnit has a place for a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Passed,
    Failure,
    Error,
    Skipped,
}

impl Place {
    fn of(report: &CheckReport) -> Self {
        match (report.outcome, excuse(report)) {
            (Outcome::Skipped, _) | (_, Some(_)) => Self::Skipped,
            (Outcome::Pass | Outcome::Warn, None) => Self::Passed,
            (Outcome::Fail, None) => Self::Failure,
            (Outcome::Error | Outcome::Inconclusive, None) => Self::Error,
        }
    }
}

fn counts(reports: &[&CheckReport]) -> String {
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        reports.len(),
        count(reports, Place::Failure),
        count(reports, Place::Error)
    )
}

fn count(reports: &[&CheckReport], place: Place) -> usize {
    reports.iter().filter(|report| Place::of(report) == place).count()
}

/// Text for content and attributes. Characters that XML 1.0 cannot hold are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn what_failed_stands_apart_from_what_could_not_be_measured() {
        let text = junit(&sample());
        assert!(
            text.contains(
                "<testsuites name=\"desk\" tests=\"7\" failures=\"1\" errors=\"2\" time=\"7.500\">"
            ),
            "{text}"
        );
        assert!(
            text.contains("<failure message=\"a # and a \\ and \u{fffd}\u{202e} |\" type=\"fail\">"),
            "{text}"
        );
        assert!(text.contains("<error message=\"no data\" type=\"inconclusive\">"), "{text}");
        assert!(text.contains("<skipped message=\"waived: old card, until 2026-12-01\"/>"), "{text}");
    }

    #[test]
    fn the_sentence_of_a_check_stands_beside_its_name() {
        let text = junit(&sample());
        assert!(
            text.contains("<testcase name=\"works: It &lt;works&gt;\" classname=\"desk.libs\""),
            "{text}"
        );
    }

    #[test]
    fn no_character_of_a_hint_is_markup() {
        let text = junit(&sample());
        assert!(text.contains("look at &lt;it&gt; &amp; &quot;mend&quot; it"), "{text}");
        assert!(!text.contains('\u{7}'));
    }
}
