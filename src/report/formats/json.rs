//! JSON: one document, or a line a check as it goes and one at the end.

use crate::model::{
    CheckReport, Digest, Health, JudgedPhase, Outcome, PhaseId, PlanName, Span, Tally, Timestamp, Validation,
    Value,
};
use crate::report::explain_json::FORMAT;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use std::collections::BTreeMap;

/// A validation: the whole of it, or one line of it as it goes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "switchback validation")]
enum Document<'a> {
    /// The whole validation: `--json` and `--report json`.
    Whole(Whole<'a>),
    /// One check: every line of `--report jsonl` but the last.
    Line(Line<'a>),
    /// How it ended: the last line of `--report jsonl`.
    End(Summary<'a>),
}

#[derive(Debug, Serialize, JsonSchema)]
struct Whole<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    /// The phases whose checks were looked at.
    phases: &'a [JudgedPhase],
}

#[derive(Debug, Serialize, JsonSchema)]
struct Summary<'a> {
    /// The format of this document. A field that is added does not change it.
    format: u32,
    /// The worst of what counts.
    health: Health,
    /// How many checks ended with each outcome; without those that are not good and do not count.
    tally: BTreeMap<&'static str, usize>,
    /// How many checks that are not good and do not count (shown only, or waived) ended with each outcome.
    not_counted: BTreeMap<&'static str, usize>,
    /// The plan.
    plan: &'a PlanName,
    /// Its revision.
    revision: u32,
    /// Its digest.
    digest: &'a Digest,
    /// The machine's name, for reports that are read elsewhere.
    machine: &'a str,
    /// When it began.
    began: Timestamp,
    /// How long it took.
    took: Span,
    /// What was compared with, in words; nothing where there is no baseline.
    baseline: Option<&'a str>,
    /// Whether it is kept for `switchback trend`; it is where there is a state folder.
    kept: bool,
}

impl<'a> Summary<'a> {
    fn of(validation: &'a Validation) -> Self {
        let Validation { plan, revision, digest, machine, began, took, baseline, kept, phases: _ } =
            validation;
        let Tally { counted, excused } = validation.tally();
        let by_word = |(outcome, number): (Outcome, usize)| (outcome.word(), number);
        Self {
            format: FORMAT,
            health: validation.health(),
            tally: counted.map(by_word).into(),
            not_counted: excused.map(by_word).into(),
            plan,
            revision: *revision,
            digest,
            machine,
            began: *began,
            took: *took,
            baseline: baseline.as_deref(),
            kept: *kept,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Line<'a> {
    /// Whose check it is.
    phase: &'a PhaseId,
    /// What was found.
    report: &'a CheckReport,
}

/// The whole validation.
#[must_use]
pub fn validation_json(validation: &Validation) -> Value {
    written(&Document::Whole(Whole { summary: Summary::of(validation), phases: &validation.phases }))
}

/// How a validation ended, after the lines of its checks.
#[must_use]
pub fn validation_end(validation: &Validation) -> Value {
    written(&Document::End(Summary::of(validation)))
}

/// One check, for JSON lines.
#[must_use]
pub fn validation_line(phase: &PhaseId, report: &CheckReport) -> Value {
    written(&Document::Line(Line { phase, report }))
}

/// The JSON Schema of both, pretty-printed with a newline at the end.
#[must_use]
pub fn validation_schema() -> String {
    let schema =
        SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<Document<'_>>();
    // A schema is made of maps with text keys, so it can always be written.
    let mut text = serde_json::to_string_pretty(schema.as_value()).unwrap_or_default();
    text.push('\n');
    text
}

fn written(document: &Document<'_>) -> Value {
    serde_json::to_value(document).expect("the keys of a validation are names of fields")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use serde_json::json;

    #[test]
    fn the_document_counts_what_it_holds() {
        let document = validation_json(&sample());
        assert_eq!(document.pointer("/health"), Some(&json!("failing")));
        let expected = json!({"pass": 1, "warn": 1, "fail": 1, "error": 1, "inconclusive": 1, "skipped": 1});
        assert_eq!(document.pointer("/tally"), Some(&expected));
        let apart = json!({"warn": 0, "fail": 1, "error": 0, "inconclusive": 0});
        assert_eq!(document.pointer("/not_counted"), Some(&apart), "what is waived did not pass");
        assert_eq!(document.pointer("/phases/0/reports/2/check"), Some(&json!("broken")));
    }
}
