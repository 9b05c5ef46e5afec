//! The JSON Schemas, made from the types that read the files.

use super::raw::{LibraryForm, PlanForm, VARIABLE};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

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
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    let definitions = schema.get_mut("definitions").and_then(Value::as_object_mut);
    definitions.into_iter().flat_map(|all| all.values_mut()).for_each(or_variable);
    schema
}

/// A choice of words: a variable may stand for the word.
fn or_variable(definition: &mut Value) {
    let Some(words) = definition.get_mut("oneOf").and_then(Value::as_array_mut) else { return };
    if words.iter().all(|word| word.get("const").is_some()) {
        words.push(json!({"type": "string", "pattern": VARIABLE}));
    }
}

fn written(schema: Schema) -> String {
    // A schema is made of maps with text keys, so it can always be written.
    let mut text = serde_json::to_string_pretty(schema.as_value()).unwrap_or_default();
    text.push('\n');
    text
}
