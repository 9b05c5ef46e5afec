//! `loginctl`: `list-sessions` as a table or JSON, and `show-session`: who is logged in, where, and on what display.

use super::refusal::Refusal;
use super::systemctl::legend;
use super::{document, observation};
use crate::model::{Observation, Value};
use serde::Serialize;
use serde_json::Map;

/// What was read. `present`, `uid`, `type` and `desktop` are those of the probe `session`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
struct Sessions {
    /// Each with what is told of it, under the headings of the table: `session uid user seat tty type class state ...`.
    /// Nothing where the tool did not do its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<Vec<Map<String, Value>>>,
    /// Whether one of them is a person's on a display; nothing where types are not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    present: Option<bool>,
    /// Of that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<Value>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    desktop: Option<Value>,
    /// Nothing where that cannot be told: properties have no end that could be missed.
    complete: Option<bool>,
    #[serde(flatten)]
    refusal: Option<Refusal>,
}

/// Types of a session on a display.
const GRAPHICAL: [&str; 3] = ["wayland", "x11", "mir"];

pub(super) fn read(text: &str) -> Observation {
    let listed = document(text, &['[']).and_then(|listed| listed.as_array().cloned());
    let (rows, complete) = if let Some(listed) = listed {
        (listed.iter().filter_map(|row| Some(cleaned(row.as_object()?))).collect(), Some(true))
    } else if let Some((columns, rest)) = heading(text) {
        let rows: Vec<Map<String, Value>> = rest.iter().filter_map(|line| row(line, &columns)).collect();
        let listed = rest.iter().filter(|line| row(line, &columns).is_none()).find_map(|line| legend(line));
        let whole = listed == Some(rows.len());
        (rows, Some(whole))
    } else {
        let rows = properties(text);
        let none = text.lines().any(|line| line.trim() == "No sessions.");
        let complete = if rows.is_empty() { Some(none) } else { None };
        (rows, complete)
    };
    let refusal = if rows.is_empty() { Refusal::of(text, &["loginctl"]) } else { None };
    let mut seen = Sessions { complete, ..Sessions::default() };
    if refusal.is_some() {
        return observation(&Sessions { complete: Some(false), refusal, ..seen });
    }
    let is = |row: &Map<String, Value>, field: &str, values: &[&str]| {
        row.get(field).and_then(Value::as_str).is_some_and(|value| values.contains(&value))
    };
    // A login manager's greeter is nobody's.
    let persons = |row: &&Map<String, Value>| is(row, "type", &GRAPHICAL) && !is(row, "class", &["greeter"]);
    let active = |row: &&Map<String, Value>| is(row, "active", &["yes"]) || is(row, "state", &["active"]);
    let found = rows.iter().filter(persons).find(active).or_else(|| rows.iter().find(persons));
    seen.present = rows.iter().any(|row| row.contains_key("type")).then_some(found.is_some());
    if let Some(found) = found {
        seen.uid = found.get("uid").cloned();
        seen.kind = found.get("type").cloned();
        seen.desktop = found.get("desktop").cloned();
    }
    seen.sessions = Some(rows);
    observation(&seen)
}

/// A field under the name that the table has for it, where there is a value.
fn put(into: &mut Map<String, Value>, name: &str, value: &str) {
    let name = match name.to_lowercase().as_str() {
        "id" => "session".to_owned(),
        "name" => "user".to_owned(),
        // The property `User` is a number, the column `USER` a name.
        "user" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => "uid".to_owned(),
        other => other.to_owned(),
    };
    if value.is_empty() || value == "-" {
        return;
    }
    let number = value.parse::<u64>().ok().filter(|_| matches!(name.as_str(), "uid" | "leader"));
    into.insert(name, number.map_or_else(|| Value::from(value), Value::from));
}

fn cleaned(row: &Map<String, Value>) -> Map<String, Value> {
    let mut clean = Map::new();
    for (name, value) in row {
        match value {
            Value::String(text) => put(&mut clean, name, text),
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                clean.insert(name.to_lowercase(), value.clone());
            }
        }
    }
    clean
}

/// A column, and where in the line its heading begins, in characters.
type Column = (String, usize);

/// The columns, and the lines below them.
fn heading(text: &str) -> Option<(Vec<Column>, Vec<&str>)> {
    let mut lines = text.lines();
    let heading = lines.by_ref().find(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("SESSION") && words.next() == Some("UID")
    })?;
    let mut columns: Vec<Column> = Vec::new();
    let mut before = ' ';
    for (at, c) in heading.chars().enumerate() {
        if !c.is_whitespace() {
            if before.is_whitespace() {
                columns.push((String::new(), at));
            }
            if let Some((name, _)) = columns.last_mut() {
                name.extend(c.to_lowercase());
            }
        }
        before = c;
    }
    Some((columns, lines.collect()))
}

/// A row. Session, number and name of the user are always there; of the rest a cell may be blank in older versions, and
/// then only its place tells which.
fn row(line: &str, columns: &[Column]) -> Option<Map<String, Value>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, uid, _, ..] = words[..] else { return None };
    uid.parse::<u64>().ok()?;
    let mut row = Map::new();
    let first = 3.min(columns.len());
    if words.len() >= columns.len() {
        let last = columns.len().saturating_sub(1);
        for (at, (name, _)) in columns.iter().enumerate() {
            let cell = words.get(at..if at == last { words.len() } else { at + 1 }).unwrap_or_default();
            put(&mut row, name, &cell.join(" "));
        }
        return Some(row);
    }
    for ((name, _), word) in columns.iter().zip(&words).take(first) {
        put(&mut row, name, word);
    }
    let characters: Vec<char> = line.chars().collect();
    for (at, (name, begin)) in columns.iter().enumerate().skip(first) {
        let end = columns.get(at + 1).map_or(characters.len(), |(_, next)| *next).min(characters.len());
        let cell: String = characters.get(*begin..end).unwrap_or_default().iter().collect();
        put(&mut row, name, cell.trim());
    }
    Some(row)
}

/// `Name=value` lines, with an empty line between sessions.
fn properties(text: &str) -> Vec<Map<String, Value>> {
    let mut all = Vec::new();
    let mut session = Map::new();
    let mut names: Vec<&str> = Vec::new();
    for line in text.lines() {
        let property = line.trim().split_once('=').filter(|(name, _)| {
            name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if names.contains(&property.map_or("", |(name, _)| name)) || line.trim().is_empty() {
            all.extend(
                Some(std::mem::take(&mut session)).filter(|session: &Map<String, Value>| !session.is_empty()),
            );
            names.clear();
        }
        if let Some((name, value)) = property {
            names.push(name);
            put(&mut session, name, value.trim());
        }
    }
    all.extend(Some(session).filter(|session| !session.is_empty()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_session_on_a_display_is_told_from_its_properties() {
        let greeter = "Id=c1\nUser=42\nName=gdm\nType=wayland\nClass=greeter\nActive=no\nState=online\n";
        let desktop = "Id=2\nUser=1000\nName=mo\nSeat=seat0\nTTY=tty2\nRemote=no\nType=wayland\nClass=user\nDesktop=KDE\nActive=yes\nState=active\n";
        let shell = "Id=5\nUser=1001\nName=jo\nTTY=pts/1\nRemote=yes\nType=tty\nClass=user\nActive=yes\nState=active\n";
        for text in
            [desktop.to_owned(), format!("{greeter}\n{shell}\n{desktop}"), format!("{greeter}{desktop}")]
        {
            let seen = read(&text);
            assert_eq!(
                (seen.get("present"), seen.get("uid")),
                (Some(&json!(true)), Some(&json!(1000))),
                "{text}"
            );
            assert_eq!(
                (seen.get("type"), seen.get("desktop")),
                (Some(&json!("wayland")), Some(&json!("KDE"))),
                "{text}"
            );
            assert_eq!(seen.get("complete"), Some(&json!(null)));
        }
        let seen = read(&format!("{greeter}\n{shell}"));
        assert_eq!((seen.get("present"), seen.get("type")), (Some(&json!(false)), None));
    }

    #[test]
    fn the_table_is_read_by_its_headings_also_where_cells_are_blank() {
        let old = "SESSION  UID USER SEAT  TTY  \n      2 1000 mo   seat0 tty2 \n      5 1001 jo         pts/1\n     c1   42 gdm  seat0      \n\n3 sessions listed.\n";
        let new = "SESSION  UID USER SEAT  LEADER CLASS   TTY   IDLE SINCE\n      2 1000 mo   seat0 1234   user    tty2  no   -\n      5 1001 jo   -     2345   user    pts/1 yes  3min ago\n     c1   42 gdm  seat0 34     greeter -     no   -\n\n3 sessions listed.\n";
        let json = r#"[{"session":"2","uid":1000,"user":"mo","seat":"seat0","tty":"tty2"},{"session":"5","uid":1001,"user":"jo","seat":null,"tty":"pts/1"},{"session":"c1","uid":42,"user":"gdm","seat":"seat0","tty":"-"}]"#;
        for text in [old, new, json] {
            let seen = read(text);
            for (field, value) in [
                ("sessions.0.session", Some(json!("2"))),
                ("sessions.0.uid", Some(json!(1000))),
                ("sessions.0.tty", Some(json!("tty2"))),
                ("sessions.1.seat", None),
                ("sessions.1.tty", Some(json!("pts/1"))),
                ("sessions.2.tty", None),
                ("complete", Some(json!(true))),
                ("present", None),
            ] {
                assert_eq!(seen.get(field), value.as_ref(), "{field}: {text}");
            }
        }
        assert_eq!(read(new).get("sessions.1.since"), Some(&json!("3min ago")));
        let cut = old.split_once("     c1").map_or("", |(begin, _)| begin);
        assert_eq!(read(cut).get("complete"), Some(&json!(false)));
        let none = read("No sessions.\n");
        assert_eq!((none.get("sessions"), none.get("complete")), (Some(&json!([])), Some(&json!(true))));
    }

    #[test]
    fn an_error_of_the_tool_is_no_list_of_nobody() {
        for (text, failure) in [
            ("Failed to list sessions: Connection refused\n", "service_unreachable"),
            ("Failed to get session path: No session '7' known\n", "failed"),
            ("bash: loginctl: command not found\n", "not_started"),
        ] {
            let seen = read(text);
            assert_eq!((seen.get("failure"), seen.get("sessions")), (Some(&json!(failure)), None), "{text}");
            assert_eq!(seen.get("complete"), Some(&json!(false)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(SESSION UID|USER|[A-Z]{1,4}=|[0-9]{1,3}|seat0| |\n|\\[\\{|é|.){0,60}") {
            prop_assert!(read(&text).get("complete").is_some());
        }
    }
}
