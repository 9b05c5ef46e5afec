//! TOML, through `toml_edit`. Lines outside the edited place are taken from the original text, since the crate writes
//! its own line ends.

use super::SettingsError;
use crate::model::{Setting, Value};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike};

pub(super) fn edit(text: &str, setting: &Setting) -> Result<String, SettingsError> {
    let plain = text.replace("\r\n", "\n");
    let mut document = parse(&plain)?;
    apply(document.as_table_mut(), setting, &setting.path)?;
    Ok(graft(text, &plain, &document.to_string()))
}

pub(super) fn read(text: &str, path: &[String]) -> Result<Option<Value>, SettingsError> {
    let document = parse(&text.replace("\r\n", "\n"))?;
    let mut item = document.as_item();
    for name in path {
        match item.as_table_like().and_then(|table| table.get(name)) {
            Some(next) => item = next,
            None => return Ok(None),
        }
    }
    Ok(value_of(item))
}

fn parse(text: &str) -> Result<DocumentMut, SettingsError> {
    text.parse().map_err(|why: toml_edit::TomlError| {
        let at = why.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        SettingsError::Malformed { line, why: why.message().to_owned() }
    })
}

fn apply(table: &mut dyn TableLike, setting: &Setting, path: &[String]) -> Result<(), SettingsError> {
    let Some((name, rest)) = path.split_first() else { return Ok(()) };
    if rest.is_empty() {
        if setting.value.is_null() {
            table.remove(name);
            return Ok(());
        }
        let mut new = to_toml(setting)?;
        match table.get_mut(name) {
            Some(Item::Value(old)) => {
                *new.decor_mut() = old.decor().clone();
                *old = new;
            }
            Some(item) => *item = Item::Value(new),
            None => drop(table.insert(name, Item::Value(new))),
        }
        return Ok(());
    }
    if table.get(name).is_none_or(Item::is_none) {
        if setting.value.is_null() {
            return Ok(());
        }
        let mut new = Table::new();
        // A table with only tables in it needs no header of its own.
        new.set_implicit(rest.len() > 1);
        table.insert(name, Item::Table(new));
    }
    match table.get_mut(name).and_then(Item::as_table_like_mut) {
        Some(inner) => apply(inner, setting, rest),
        None => Err(SettingsError::NotATable { path: setting.path.clone(), at: name.clone() }),
    }
}

fn to_toml(setting: &Setting) -> Result<toml_edit::Value, SettingsError> {
    let bad = |why| SettingsError::BadValue { path: setting.path.clone(), why };
    convert(&setting.value).map_err(bad)
}

fn convert(value: &Value) -> Result<toml_edit::Value, &'static str> {
    match value {
        Value::Null => Err("null stands only for the whole value"),
        Value::Bool(value) => Ok((*value).into()),
        Value::Number(value) => match (value.as_i64(), value.as_f64()) {
            (Some(whole), _) => Ok(whole.into()),
            (None, Some(_)) if value.is_u64() => Err("whole numbers end at 9223372036854775807"),
            (None, Some(real)) => Ok(real.into()),
            (None, None) => Err("not a number of TOML"),
        },
        Value::String(value) => Ok(value.as_str().into()),
        Value::Array(list) => {
            Ok(list.iter().map(convert).collect::<Result<Array, _>>().map(toml_edit::Value::from)?)
        }
        Value::Object(map) => {
            let mut table = InlineTable::new();
            for (name, value) in map {
                table.insert(name, convert(value)?);
            }
            Ok(table.into())
        }
    }
}

fn value_of(item: &Item) -> Option<Value> {
    match item {
        Item::None => None,
        Item::Value(value) => Some(plain_value(value)),
        Item::Table(table) => Some(plain_table(table)),
        Item::ArrayOfTables(list) => {
            Some(Value::Array(list.iter().map(|table| plain_table(table)).collect()))
        }
    }
}

fn plain_table(table: &dyn TableLike) -> Value {
    Value::Object(table.iter().filter_map(|(name, item)| Some((name.to_owned(), value_of(item)?))).collect())
}

fn plain_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => Value::String(text.value().clone()),
        toml_edit::Value::Integer(whole) => Value::from(*whole.value()),
        toml_edit::Value::Float(real) => Value::from(*real.value()),
        toml_edit::Value::Boolean(truth) => Value::Bool(*truth.value()),
        toml_edit::Value::Datetime(at) => Value::String(at.value().to_string()),
        toml_edit::Value::Array(list) => Value::Array(list.iter().map(plain_value).collect()),
        toml_edit::Value::InlineTable(table) => plain_table(table),
    }
}

/// The edited text with the original's bytes where both have the same lines, at the beginning and at the end.
fn graft(original: &str, plain: &str, edited: &str) -> String {
    let edited = match (plain.ends_with('\n') || plain.is_empty(), edited.strip_suffix('\n')) {
        (false, Some(open)) => open,
        (true, _) | (false, None) => edited,
    };
    let line_end = if original.contains("\r\n") { "\r\n" } else { "\n" };
    let theirs: Vec<&str> = original.split('\n').collect();
    let old: Vec<&str> = plain.split('\n').collect();
    let new: Vec<&str> = edited.split('\n').collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let mut out: Vec<String> = Vec::with_capacity(new.len());
    let carriage = line_end.strip_suffix('\n').unwrap_or_default();
    out.extend(theirs.iter().take(head).map(|line| (*line).to_owned()));
    // The original's last line had no end; in the middle of the new text it needs one.
    if let (true, Some(last)) = (head == theirs.len() && new.len() > head, out.last_mut()) {
        last.push_str(carriage);
    }
    out.extend(new.iter().take(new.len() - tail).skip(head).map(|line| format!("{line}{carriage}")));
    out.extend(theirs.iter().skip(theirs.len() - tail).map(|line| (*line).to_owned()));
    let text = out.join("\n");
    // The last line has no end, so it has no carriage return either.
    match text.strip_suffix('\r') {
        Some(open) if !original.ends_with('\r') => open.to_owned(),
        Some(_) | None => text,
    }
}
