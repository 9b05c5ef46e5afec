//! A file for the textfile collector of `node_exporter` (Prometheus exposition format 0.0.4).

use super::numbers;
use crate::model::{CheckReport, Health, Outcome, PhaseId, Severity, Validation, Weight};
use std::fmt::Write as _;

const HEALTHS: [Health; 4] = [Health::Healthy, Health::Degraded, Health::Unknown, Health::Failing];

/// A validation as metrics. The label `outcome` is a state set: one of its lines is 1, the others are 0.
#[must_use]
pub fn prometheus(validation: &Validation) -> String {
    let plan = [("plan", validation.plan.as_str())];
    let mut out = String::new();
    family(&mut out, "switchback_validation_health", "How the machine stands against the plan's checks.");
    for health in HEALTHS {
        let labels = [plan[0], ("health", health.word())];
        sample(&mut out, "switchback_validation_health", &labels, f64::from(health == validation.health()));
    }
    family(&mut out, "switchback_validation_start_time_seconds", "When the validation began, since 1970.");
    sample(&mut out, "switchback_validation_start_time_seconds", &plan, signed(validation.began.0) / 1000.0);
    family(&mut out, "switchback_validation_duration_seconds", "How long the validation took.");
    sample(&mut out, "switchback_validation_duration_seconds", &plan, unsigned(validation.took.0) / 1000.0);
    family(&mut out, "switchback_check_outcome", "The outcome of each check, and whether it counts.");
    for (phase, report) in validation.reports() {
        for outcome in Outcome::ALL {
            let mut labels = names(validation, phase, report).to_vec();
            labels.push(("severity", severity(report.severity)));
            labels.push(("counts", counts(&report.weight)));
            labels.push(("outcome", outcome.word()));
            sample(&mut out, "switchback_check_outcome", &labels, f64::from(outcome == report.outcome));
        }
    }
    family(&mut out, "switchback_check_duration_seconds", "How long each check took.");
    for (phase, report) in validation.reports() {
        let labels = names(validation, phase, report);
        sample(&mut out, "switchback_check_duration_seconds", &labels, unsigned(report.took.0) / 1000.0);
    }
    family(&mut out, "switchback_check_value", "The numbers that each check's probe saw.");
    for (phase, report) in validation.reports() {
        for (field, value) in numbers(report.observed.as_ref()) {
            let mut labels = names(validation, phase, report).to_vec();
            labels.push(("field", field));
            sample(&mut out, "switchback_check_value", &labels, value);
        }
    }
    out
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Fail => "fail",
        Severity::Critical => "critical",
    }
}

const fn counts(weight: &Weight) -> &'static str {
    match weight {
        Weight::Counts => "yes",
        Weight::Shadow => "shown",
        Weight::Waived(_) => "waived",
    }
}

fn names<'a>(
    validation: &'a Validation,
    phase: &'a PhaseId,
    report: &'a CheckReport,
) -> [(&'static str, &'a str); 3] {
    [("plan", validation.plan.as_str()), ("phase", phase.as_str()), ("check", report.check.as_str())]
}

fn family(out: &mut String, name: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
}

fn sample(out: &mut String, name: &str, labels: &[(&str, &str)], value: f64) {
    let labels: Vec<String> =
        labels.iter().map(|(key, text)| format!("{key}=\"{}\"", escaped(text))).collect();
    let _ = writeln!(out, "{name}{{{}}} {value}", labels.join(","));
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[expect(clippy::cast_precision_loss, reason = "a time or a length has fewer than 52 bits")]
const fn signed(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "a time or a length has fewer than 52 bits")]
const fn unsigned(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::super::sample as validation;
    use super::*;

    #[test]
    fn one_outcome_of_each_check_is_one() {
        let text = prometheus(&validation());
        let of = |check: &str| -> Vec<&str> {
            let label = format!("check=\"{check}\"");
            let outcome = |line: &&str| line.starts_with("switchback_check_outcome") && line.contains(&label);
            text.lines().filter(outcome).filter(|line| line.ends_with(" 1")).collect()
        };
        let expected = r#"switchback_check_outcome{plan="desk",phase="libs",check="broken",severity="fail",counts="yes",outcome="fail"} 1"#;
        assert_eq!(of("broken"), [expected]);
        // What is waived is not hidden: it can be seen, and need not be alarmed about.
        assert!(of("known")[0].ends_with("counts=\"waived\",outcome=\"fail\"} 1"), "{text}");
        assert!(text.contains("field=\"used ratio\"} 0.25\n"), "{text}");
    }
}
