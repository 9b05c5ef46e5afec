//! TAP 14 (testanything.org): a line a check, with a YAML block where there is something to say.

use super::{excuse, words};
use crate::model::{CheckReport, Outcome, PhaseId, Validation};
use crate::report::text::{tallied, titled};
use std::fmt::Write as _;

/// A validation as TAP. What decides nothing is a TODO; what does not apply is a SKIP.
#[must_use]
pub fn tap(validation: &Validation) -> String {
    let mut out = format!("TAP version 14\n1..{}\n", validation.reports().count());
    for (number, (phase, report)) in (1..).zip(validation.reports()) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", point(number, phase, report));
        block(&mut out, report);
    }
    let _ = writeln!(out, "# {}: {}", validation.health().word(), plain(&tallied(validation)));
    out
}

/// A validation that could not be made.
#[must_use]
pub fn tap_bail_out(why: &str) -> String {
    format!("TAP version 14\nBail out! {}\n", plain(why))
}

/// There was nothing to judge.
#[must_use]
pub fn tap_nothing(why: &str) -> String {
    format!("TAP version 14\n1..0 # SKIP {}\n", plain(why))
}

fn point(number: usize, phase: &PhaseId, report: &CheckReport) -> String {
    let ok = match report.outcome {
        Outcome::Pass | Outcome::Warn | Outcome::Skipped => "ok",
        Outcome::Fail | Outcome::Error | Outcome::Inconclusive => "not ok",
    };
    let directive = match (report.outcome, excuse(report)) {
        (Outcome::Skipped, _) => {
            format!(" # SKIP {}", plain(report.reasons.first().map_or("", String::as_str)))
        }
        (_, Some(excuse)) => format!(" # TODO {}", plain(&excuse)),
        (_, None) => String::new(),
    };
    format!("{ok} {number} - {}/{}{directive}", plain(phase.as_str()), plain(&titled(report)))
}

/// One line without what begins a directive or ends a line.
fn plain(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.replace('\\', "\\\\").replace('#', "\\#")
}

fn block(out: &mut String, report: &CheckReport) {
    if matches!(report.outcome, Outcome::Pass | Outcome::Skipped) {
        return;
    }
    // JSON strings are YAML strings: nothing in them can end the block.
    let _ =
        writeln!(out, "  ---\n  outcome: {}\n  severity: {}", report.outcome.word(), json(&report.severity));
    let _ = writeln!(out, "  duration_ms: {}\n  said:", report.took.0);
    for line in words(report) {
        let _ = writeln!(out, "    - {}", json(&line));
    }
    out.push_str("  ...\n");
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn each_check_is_a_point_and_the_plan_counts_them() {
        let text = tap(&sample());
        let points: Vec<&str> =
            text.lines().filter(|line| line.starts_with("ok") || line.starts_with("not ok")).collect();
        assert!(text.starts_with("TAP version 14\n1..7\n"), "{text}");
        assert_eq!(
            points,
            [
                "ok 1 - libs/works: It <works>",
                "ok 2 - libs/slow",
                "not ok 3 - libs/broken",
                "not ok 4 - gpu/blind",
                "not ok 5 - gpu/unsure",
                "ok 6 - gpu/absent # SKIP does not apply",
                "not ok 7 - gpu/known # TODO waived: old card, until 2026-12-01",
            ]
        );
    }

    #[test]
    fn no_character_of_a_reason_begins_a_directive_or_a_line() {
        assert_eq!(plain("a # b \\ c\nd"), "a \\# b \\\\ c d");
    }
}
