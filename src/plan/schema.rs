//! The JSON Schemas, made from the types that read the files.

use super::raw::{LibraryForm, PlanForm};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// The JSON Schema of plans, pretty-printed with a newline at the end.
#[must_use]
pub fn plan_schema() -> String {
    written(schema_of::<PlanForm>())
}

/// The JSON Schema of check libraries.
#[must_use]
pub fn library_schema() -> String {
    written(schema_of::<LibraryForm>())
}

fn schema_of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<T>()
}

fn written(schema: Schema) -> String {
    // A schema is made of maps with text keys, so it can always be written.
    let mut text = serde_json::to_string_pretty(schema.as_value()).unwrap_or_default();
    text.push('\n');
    text
}
