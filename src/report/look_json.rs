//! The looking verbs for programs: the views as they are, with the version of their shape.

use super::explain_json::FORMAT;
use crate::model::{HistoryLine, RollbackPreview, Showing, Status};
use serde::Serialize;
use serde_json::{Value, json};

fn with_format(view: impl Serialize) -> Value {
    let mut value = serde_json::to_value(view).expect("the keys of a view are names of fields");
    if let Value::Object(fields) = &mut value {
        fields.insert("format".to_owned(), json!(FORMAT));
    }
    value
}

/// `status --json`.
#[must_use]
pub fn status_json(status: &Status) -> Value {
    with_format(status)
}

/// `history --json` and `rollback --list --json`.
#[must_use]
pub fn history_json(lines: &[HistoryLine]) -> Value {
    json!({"format": FORMAT, "generations": lines})
}

/// `show --json`.
#[must_use]
pub fn show_json(showing: &Showing) -> Value {
    with_format(showing)
}

/// What a rollback will do.
#[must_use]
pub fn rollback_preview_json(preview: &RollbackPreview) -> Value {
    with_format(preview)
}
