//! The plan reference, from the schemas of plans and of libraries of checks.

use super::super::error::CliError;
use super::super::exit::Exit;
use super::cell;
use crate::plan;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::fmt::Write as _;

const HEAD: &str = "# Plan reference\n\n\
    Every field of a plan, made from the schema (`switchback schema`). How a plan is written is told in \
    [writing-plans.md](writing-plans.md).\n\n\
    A *text* may stand without quotes where YAML takes it for one; what YAML takes for a number (`12`, `1.10`) is quoted. A \
    *word* is a text too, and a whole number there is taken for the text that it spells. `${name}` may stand for any value. A field that is not named here is refused.\n";

/// A definition and the name that people read.
struct Section<'a> {
    name: String,
    schema: &'a Value,
}

/// The page of plans and of libraries.
pub(in crate::cli) fn plan_page() -> Result<String, CliError> {
    let plan = parsed(&plan::plan_schema())?;
    let library = parsed(&plan::library_schema())?;
    let mut sections = sections("Plan", &plan);
    let of_plan = sections.len();
    let known = |name: &str| definitions(&plan).is_some_and(|all| all.contains_key(name));
    let (mut root, rest): (Vec<_>, Vec<_>) =
        self::sections("Library", &library).into_iter().partition(|section| section.name == "Library");
    sections.append(&mut root);
    sections.extend(rest.into_iter().filter(|section| !known(&section.name)));
    let mut page = HEAD.to_owned();
    page.push_str("\nOf a plan: ");
    page.push_str(&links(&sections[..of_plan]));
    page.push_str(".\n\nOf a library of named checks: ");
    page.push_str(&links(&sections[of_plan..]));
    page.push_str(".\n");
    let check = definitions(&plan).and_then(|all| all.get("Check")?.get("properties")?.as_object());
    for section in &sections {
        write_section(&mut page, section, check);
    }
    Ok(page)
}

fn parsed(schema: &str) -> Result<Value, CliError> {
    serde_json::from_str(schema)
        .map_err(|why| CliError::new(Exit::Internal, "the schema is not JSON").because(why))
}

fn definitions(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("definitions").and_then(Value::as_object)
}

/// The schema and what it mentions, in the order in which a reader meets it.
fn sections<'a>(name: &str, schema: &'a Value) -> Vec<Section<'a>> {
    let mut met = vec![name.to_owned()];
    let mut found = Vec::new();
    let mut waiting = VecDeque::from([Section { name: name.to_owned(), schema }]);
    while let Some(section) = waiting.pop_front() {
        let mut mentioned = Vec::new();
        mentions(section.schema, &mut mentioned);
        found.push(section);
        for name in mentioned {
            let definition = definitions(schema).and_then(|all| all.get(&name));
            if let Some(schema) = definition.filter(|_| !met.contains(&name)) {
                met.push(name.clone());
                waiting.push_back(Section { name, schema });
            }
        }
    }
    found
}

/// Names of definitions that a schema refers to.
fn mentions(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("definitions", _) => {}
                    ("$ref", Value::String(link)) => found.push(last(link).to_owned()),
                    (_, value) => mentions(value, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| mentions(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn last(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}

fn links(sections: &[Section<'_>]) -> String {
    sections.iter().map(|section| link(&section.name)).collect::<Vec<_>>().join(", ")
}

/// `NixProfileLayer` is read as `nix profile layer`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

fn link(name: &str) -> String {
    let words = words(name);
    format!("[{words}](#{})", words.replace(' ', "-"))
}

fn write_section(page: &mut String, section: &Section<'_>, check: Option<&Map<String, Value>>) {
    let Section { name, schema } = section;
    let title = words(name);
    let (first, rest) = title.split_at(1);
    let _ = write!(page, "\n## {}{rest}\n\n", first.to_uppercase());
    if let Some(about) = text(schema, "description") {
        let _ = writeln!(page, "{}", about.trim());
    }
    if let Some(fields) = schema.get("properties").and_then(Value::as_object).filter(|all| !all.is_empty()) {
        let (required, rest): (Vec<_>, Vec<_>) =
            fields.iter().partition(|(field, _)| is_required(schema, field));
        let is_check = |name: &String| check.is_some_and(|check| check.contains_key(name));
        let holds_check =
            name != "Check" && check.is_some_and(|all| all.keys().all(|key| fields.contains_key(key)));
        page.push_str("\n| field | value | meaning |\n|---|---|---|\n");
        let shown = required.into_iter().chain(rest);
        for (field, of) in shown.filter(|(field, _)| !(holds_check && is_check(field))) {
            let must = if is_required(schema, field) { " (required)" } else { "" };
            let about = text(of, "description").map(cell).unwrap_or_default();
            let _ = writeln!(page, "| `{field}`{must} | {} | {about} |", kind(of));
        }
        if holds_check {
            let _ = writeln!(page, "\nBeside these, every field of a {}.", link("Check"));
        }
    }
    if let Some(all) = variants(schema) {
        page.push_str("\n| word | meaning |\n|---|---|\n");
        for (word, about) in all {
            let _ = writeln!(page, "| `{word}` | {} |", cell(about));
        }
    }
}

fn is_required(schema: &Value, field: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|all| all.iter().any(|name| name == field))
}

/// The words of a choice, each with its meaning.
fn variants(schema: &Value) -> Option<Vec<(&str, &str)>> {
    let words = schema.get("oneOf")?.as_array()?.iter().filter(|one| !is_variable(one));
    words.map(|one| Some((one.get("const")?.as_str()?, text(one, "description").unwrap_or("")))).collect()
}

/// What a value may be, in a few words; links lead to their section.
fn kind(schema: &Value) -> String {
    if let Some(to) = schema.get("$ref").and_then(Value::as_str) {
        return link(last(to));
    }
    if let Some(word) = schema.get("const") {
        return spelled(word);
    }
    if let Some(all) = schema.get("enum").and_then(Value::as_array) {
        return one_of(all.iter().filter(|word| !word.is_null()).map(spelled));
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(all) = schema.get(choice).and_then(Value::as_array)
            && schema.get("properties").is_none()
        {
            return one_of(all.iter().filter(|one| !is_variable(one)).map(kind));
        }
    }
    match schema.get("type") {
        Some(Value::String(name)) => named(name, schema),
        Some(Value::Array(names)) => {
            let names: Vec<&str> =
                names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect();
            // A number is taken for the text that it spells.
            if names == ["string", "integer"] {
                return "word".to_owned();
            }
            if names.len() > 3 {
                return "any value".to_owned();
            }
            one_of(names.into_iter().map(|name| named(name, schema)))
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            "any value".to_owned()
        }
    }
}

fn spelled(word: &Value) -> String {
    format!("`{}`", word.as_str().map_or_else(|| word.to_string(), str::to_owned))
}

/// What stands for a value that is a variable as a whole; said once, at the top of the page.
fn is_variable(schema: &Value) -> bool {
    text(schema, "pattern").is_some_and(|pattern| pattern.starts_with("^\\$\\{"))
}

fn one_of(kinds: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for kind in kinds {
        if kind != "nothing" && !all.contains(&kind) {
            all.push(kind);
        }
    }
    all.join(" or ")
}

fn named(name: &str, schema: &Value) -> String {
    match name {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "number" => "number".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "null" => "nothing".to_owned(),
        "array" => match schema.get("items").map(kind) {
            Some(item) if item != "any value" => format!("list of {}", many(&item)),
            Some(_) | None => "list".to_owned(),
        },
        "object" => match schema.get("additionalProperties").map(kind) {
            Some(value) if value != "any value" => format!("map of names to {}", many(&value)),
            Some(_) | None => "map".to_owned(),
        },
        other => other.to_owned(),
    }
}

/// `text` in a list: `texts`, and words; links stay as they are.
fn many(kind: &str) -> String {
    if matches!(kind, "text" | "word") { format!("{kind}s") } else { kind.to_owned() }
}

fn text<'a>(schema: &'a Value, name: &str) -> Option<&'a str> {
    schema.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_kind_is_said_in_words_and_leads_to_its_section() {
        for (schema, said) in [
            (json!({"type": ["string", "null"]}), "text"),
            (json!({"type": ["string", "integer"]}), "word"),
            (json!({"type": "array", "items": {"type": ["string", "integer"]}}), "list of words"),
            (
                json!({"anyOf": [{"$ref": "#/definitions/NixProbe"}, {"type": "null"}]}),
                "[nix probe](#nix-probe)",
            ),
            (
                json!({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^\\$\\{x"}]}),
                "whole number",
            ),
            (json!({"type": "object", "additionalProperties": true}), "map"),
            (json!({"type": ["string", "integer", "null"]}), "word"),
            (json!({"enum": [true, null]}), "`true`"),
            (json!({"const": true}), "`true`"),
            (json!({"const": "a"}), "`a`"),
            (json!({"description": "any"}), "any value"),
        ] {
            assert_eq!(kind(&schema), said, "{schema}");
        }
    }

    #[test]
    fn the_page_has_a_section_for_every_definition_and_no_link_to_nowhere() {
        let page = plan_page().expect("a page");
        let schema = parsed(&plan::plan_schema()).expect("a schema");
        let headings: Vec<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .map(|title| title.to_lowercase().replace(' ', "-"))
            .collect();
        for name in definitions(&schema).expect("definitions").keys() {
            assert!(headings.contains(&words(name).replace(' ', "-")), "{name} has no section");
        }
        assert!(page.contains("\n| `critical` | "), "the words of a choice are told");
        for (at, _) in page.match_indices("](#") {
            let target: String = page[at + 3..].chars().take_while(|c| *c != ')').collect();
            assert!(headings.contains(&target), "a link leads to #{target}");
        }
    }
}
