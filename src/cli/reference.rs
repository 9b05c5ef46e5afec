//! Reference pages made from the code: plans from their schema, checks from their libraries, commands from clap.

use super::error::CliError;
use super::exit::Exit;
use crate::plan;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// The plan reference, from the schema's descriptions.
pub(super) fn plan_reference() -> Result<String, CliError> {
    let schema: Value = serde_json::from_str(&plan::plan_schema())
        .map_err(|why| CliError::new(Exit::Internal, "the schema is not JSON").because(why))?;
    let mut page = String::from(
        "# Plan reference\n\nEvery field of a plan. Generated from the schema (`switchback schema`); how plans are written \
         is told in [writing-plans.md](writing-plans.md).\n",
    );
    section(&mut page, "The plan", &schema);
    for (name, definition) in schema.get("$defs").and_then(Value::as_object).into_iter().flatten() {
        section(&mut page, name, definition);
    }
    Ok(page)
}

fn section(page: &mut String, name: &str, definition: &Value) {
    let _ = write!(page, "\n## {name}\n\n");
    if let Some(about) = text(definition, "description") {
        let _ = write!(page, "{about}\n\n");
    }
    if let Some(properties) = definition.get("properties").and_then(Value::as_object) {
        table(page, properties, definition);
    }
    for kind in ["oneOf", "anyOf"] {
        for one in definition.get(kind).and_then(Value::as_array).into_iter().flatten() {
            let about = text(one, "description").unwrap_or_default().replace('\n', " ");
            let _ = writeln!(
                page,
                "- {}{}",
                kind_of(one),
                if about.is_empty() { about } else { format!(": {about}") }
            );
        }
    }
    if let Some(words) = definition.get("enum") {
        let _ = writeln!(page, "One of {}.", words_of(words));
    }
}

fn table(page: &mut String, properties: &Map<String, Value>, definition: &Value) {
    let required: Vec<&str> = definition
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    page.push_str("| field | kind | meaning |\n|---|---|---|\n");
    for (name, property) in properties {
        let must = if required.contains(&name.as_str()) { " (required)" } else { "" };
        let about = text(property, "description").unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        let default = property
            .get("default")
            .filter(|value| !value.is_null())
            .map(|value| format!(" Default: `{value}`."))
            .unwrap_or_default();
        let _ = writeln!(page, "| `{name}`{must} | {} | {about}{default} |", kind_of(property));
    }
}

/// The kind of a value in a few words; links lead to their section.
fn kind_of(schema: &Value) -> String {
    if let Some(link) = schema.get("$ref").and_then(Value::as_str) {
        let name = link.rsplit('/').next().unwrap_or(link);
        return format!("[{name}](#{})", name.to_ascii_lowercase());
    }
    if let Some(word) = schema.get("const") {
        return format!("`{word}`").replace('"', "");
    }
    if let Some(words) = schema.get("enum") {
        return words_of(words);
    }
    for kind in ["anyOf", "oneOf", "allOf"] {
        if let Some(all) = schema.get(kind).and_then(Value::as_array) {
            let all: Vec<String> = all.iter().map(kind_of).filter(|one| one != "null").collect();
            return all.join(" or ");
        }
    }
    match schema.get("type") {
        Some(Value::String(name)) if name == "array" => {
            let item = schema.get("items").map_or_else(|| "any".to_owned(), kind_of);
            format!("list of {item}")
        }
        Some(Value::String(name)) if name == "object" => {
            match schema.get("properties").and_then(Value::as_object) {
                Some(fields) => {
                    let fields: Vec<String> =
                        fields.iter().map(|(name, of)| format!("`{name}`: {}", kind_of(of))).collect();
                    format!("map {{{}}}", fields.join(", "))
                }
                None => "map".to_owned(),
            }
        }
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            let names: Vec<&str> =
                names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect();
            names.join(" or ")
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => "any".to_owned(),
    }
}

fn words_of(words: &Value) -> String {
    let words = words.as_array().into_iter().flatten().filter(|word| !word.is_null());
    words.map(|word| format!("`{word}`").replace('"', "")).collect::<Vec<_>>().join(", ")
}

fn text(schema: &Value, name: &str) -> Option<String> {
    schema.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// The library of named checks.
pub(super) fn checks_page() -> Result<String, CliError> {
    let checks = plan::shipped_checks().map_err(|why| {
        CliError::new(Exit::Internal, "a shipped library is not valid").because(why.lines())
    })?;
    let mut page = String::from(
        "# Named checks\n\nThe library that is built in, by `use:`. Generated from `checks/`; how checks are judged is told \
         in [judging.md](judging.md).\n",
    );
    let mut library = String::new();
    for check in checks {
        if check.library != library {
            library.clone_from(&check.library);
            let _ = write!(page, "\n## {}\n", library.trim_start_matches("built in: "));
        }
        let _ = write!(page, "\n### {}\n\n{}\n", check.name, check.about.trim());
        if !check.parameters.is_empty() {
            page.push_str("\n| parameter | value | default | meaning |\n|---|---|---|---|\n");
        }
        for parameter in &check.parameters {
            let default =
                parameter.default.as_ref().map_or_else(|| "required".to_owned(), |text| format!("`{text}`"));
            let about = parameter.about.replace('\n', " ").replace('|', "\\|");
            let _ = writeln!(page, "| `{}` | {} | {default} | {about} |", parameter.name, parameter.expects);
        }
    }
    Ok(page)
}

/// The commands with every flag, from clap.
pub(super) fn commands_page(command: &clap::Command) -> String {
    let mut page = String::from("# Commands\n\nGenerated from the program's own help.\n");
    let mut command = command.clone();
    command.build();
    let _ = write!(page, "\n```\n{}\n```\n", help(&command));
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        let _ = write!(page, "\n## switchback {}\n\n```\n{}\n```\n", verb.get_name(), help(verb));
    }
    page
}

fn help(command: &clap::Command) -> String {
    let text = command.clone().term_width(100).render_long_help().to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
