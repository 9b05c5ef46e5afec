//! JSON: one document, or a line a check as it goes and one at the end.

use crate::model::{CheckReport, PhaseId, Validation, Value};
use crate::report::explain_json::FORMAT;
use serde_json::json;

/// The whole validation.
#[must_use]
pub fn validation_json(validation: &Validation) -> Value {
    let mut value = serde_json::to_value(validation).expect("the keys of a validation are names of fields");
    if let Value::Object(fields) = &mut value {
        let tally: serde_json::Map<String, Value> = validation
            .tally()
            .iter()
            .map(|(outcome, count)| (outcome.word().to_owned(), json!(count)))
            .collect();
        fields.insert("format".to_owned(), json!(FORMAT));
        fields.insert("health".to_owned(), json!(validation.health()));
        fields.insert("tally".to_owned(), Value::Object(tally));
    }
    value
}

/// One check, for JSON lines.
#[must_use]
pub fn validation_line(phase: &PhaseId, report: &CheckReport) -> Value {
    json!({"phase": phase, "report": report})
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_document_counts_what_it_holds() {
        let document = validation_json(&sample());
        assert_eq!(document.pointer("/health"), Some(&json!("failing")));
        let expected = json!({"pass": 2, "warn": 1, "fail": 1, "error": 1, "inconclusive": 1, "skipped": 1});
        assert_eq!(document.pointer("/tally"), Some(&expected));
        assert_eq!(document.pointer("/phases/0/reports/2/check"), Some(&json!("broken")));
    }
}
