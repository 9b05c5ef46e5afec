//! INI and KDE's dialect of it, line by line.
//!
//! The rest of a line after `=` is the value, as GLib, systemd, Qt and KDE read it: there are no comments behind a
//! value. A key that stands several times is set, or removed, everywhere, since some readers take the first and some
//! the last.

use super::SettingsError;
use crate::model::{Setting, Value};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `[section]`, `key = value`.
    Ini,
    /// `[group][group within]`, `key[$e]=value`, escapes in values.
    Kde,
}

/// What one line is.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    /// A header, with the names of its groups.
    Group(Vec<String>),
    /// A key, what stands before its value, and the value.
    Entry { key: &'a str, before: &'a str, value: &'a str },
    /// A comment, nothing, or what we do not understand.
    Other,
}

/// A value as text; none where the key shall go.
pub(super) fn plain(path: &[String], value: &Value) -> Result<Option<String>, SettingsError> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(value.to_string())),
        Value::Number(value) => Ok(Some(value.to_string())),
        Value::String(value) => Ok(Some(value.clone())),
        Value::Array(_) | Value::Object(_) => {
            Err(SettingsError::BadValue { path: path.to_owned(), why: "lists and maps have no form here" })
        }
    }
}

pub(super) fn edit(dialect: Dialect, text: &str, setting: &Setting) -> Result<String, SettingsError> {
    let (group, key) = split_path(dialect, &setting.path)?;
    let value = plain(&setting.path, &setting.value)?;
    if let Some(value) = &value {
        fits(dialect, &setting.path, value)?;
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut place = Place::default();
    let mut here: Vec<String> = Vec::new();
    let mut found = false;
    place.group_known = group.is_empty();
    for line in text.split_inclusive('\n') {
        match parse(dialect, line) {
            Line::Group(names) => {
                here = names;
                out.push_str(line);
                if here == group {
                    place.after(&out, line);
                }
            }
            Line::Entry { key: seen, before, value: old }
                if here == group && same_key(dialect, seen, key) =>
            {
                found = true;
                if let Some(value) = &value {
                    // `[$d]` marks a key as deleted, which it no longer is.
                    let ours = match base(seen) {
                        (name, options) if name != seen && options.contains('d') => name,
                        _ if key.ends_with(']') => key,
                        _ => seen,
                    };
                    out.push_str(&before.replacen(seen, ours, 1));
                    out.push_str(&encode(dialect, value, !key.ends_with(']') && expands(ours)));
                    out.push_str(line.get(before.len() + old.len()..).unwrap_or_default());
                    place.after(&out, line);
                }
            }
            Line::Entry { before, .. } => {
                out.push_str(line);
                if here == group {
                    place.after(&out, line);
                    place.spaced = before.ends_with("= ");
                }
            }
            Line::Other => {
                out.push_str(line);
                // Before the first group, the comments at the head of the file stay at its head. Elsewhere a comment
                // behind the last key may belong to the next group.
                if here == group && group.is_empty() && !line.trim_ascii().is_empty() {
                    place.after(&out, line);
                }
            }
        }
    }
    if let (false, Some(value)) = (found, value) {
        let sign = if place.spaced { " = " } else { "=" };
        let entry = format!("{key}{sign}{}", encode(dialect, &value, false));
        insert(dialect, &mut out, &place, &group, &entry, text);
    }
    Ok(out)
}

/// Where a new key of the group goes: behind the last line of it that says something.
#[derive(Debug, Default)]
struct Place {
    group_known: bool,
    at: usize,
    /// Whether the line before has its line end.
    ended: bool,
    spaced: bool,
}

impl Place {
    fn after(&mut self, out: &str, line: &str) {
        self.group_known = true;
        self.at = out.len();
        self.ended = line.ends_with('\n');
    }
}

fn insert(dialect: Dialect, out: &mut String, place: &Place, group: &[String], entry: &str, text: &str) {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let open = !text.is_empty() && !text.ends_with('\n');
    if place.group_known {
        if place.at > 0 && !place.ended {
            out.insert_str(place.at, &format!("{end}{entry}"));
        } else {
            out.insert_str(place.at, &format!("{entry}{end}"));
        }
        return;
    }
    if !out.is_empty() {
        let blank = out.lines().last().is_none_or(|line| line.trim_ascii().is_empty());
        out.push_str(if open { end } else { "" });
        out.push_str(if blank { "" } else { end });
    }
    let header = match dialect {
        Dialect::Ini => format!("[{}]", group.concat()),
        Dialect::Kde => group.iter().map(|name| format!("[{}]", encode_name(name))).collect(),
    };
    out.push_str(&format!("{header}{end}{entry}"));
    out.push_str(if open { "" } else { end });
}

pub(super) fn read(dialect: Dialect, text: &str, path: &[String]) -> Result<Option<Value>, SettingsError> {
    let (group, key) = split_path(dialect, path)?;
    let mut here: Vec<String> = Vec::new();
    let mut seen = None;
    for line in text.split_inclusive('\n') {
        match parse(dialect, line) {
            Line::Group(names) => here = names,
            Line::Entry { key: name, value, .. } if here == group && same_key(dialect, name, key) => {
                let (plain, options) = base(name);
                let deleted = dialect == Dialect::Kde && plain != name && options.contains('d');
                let text = decode(dialect, value, !key.ends_with(']') && expands(name));
                seen = Some(text).filter(|_| !deleted);
            }
            Line::Entry { .. } | Line::Other => {}
        }
    }
    Ok(seen.map(Value::String))
}

fn split_path(dialect: Dialect, path: &[String]) -> Result<(Vec<String>, &str), SettingsError> {
    let bad = |why| SettingsError::BadPath { path: path.to_owned(), why };
    let Some((key, group)) = path.split_last() else { return Err(SettingsError::EmptyPath(path.to_owned())) };
    if dialect == Dialect::Ini && group.len() > 1 {
        return Err(bad("one section and a key"));
    }
    let control = |text: &String| text.contains(char::is_control);
    if path.iter().any(control) {
        return Err(bad("no control characters"));
    }
    if dialect == Dialect::Ini && group.iter().any(|name| name.contains(']') || name.trim_ascii() != name) {
        return Err(bad("no ] in a section's name, and no space around it"));
    }
    if key.contains('=') || key.trim_ascii() != key || key.starts_with(['#', ';', '[']) {
        return Err(bad("no = in a key, no space around it, and no #, ; or [ before it"));
    }
    if dialect == Dialect::Kde && group.iter().any(|name| name.starts_with('$')) {
        return Err(bad("no $ before a group's name"));
    }
    if dialect == Dialect::Kde && key.contains(['[', ']']) && base(key).1.is_empty() {
        return Err(bad("brackets in a key only for its options, at its end"));
    }
    Ok((group.to_vec(), key))
}

fn fits(dialect: Dialect, path: &[String], value: &str) -> Result<(), SettingsError> {
    let bad = |why| Err(SettingsError::BadValue { path: path.to_owned(), why });
    match dialect {
        Dialect::Ini if value.contains(char::is_control) => bad("no line ends or control characters"),
        Dialect::Ini if value.trim_ascii() != value => bad("no space at its ends"),
        Dialect::Kde if value.contains(|c: char| c.is_control() && !"\n\r\t".contains(c)) => {
            bad("no control characters but newline, return and tab")
        }
        Dialect::Ini | Dialect::Kde => Ok(()),
    }
}

fn parse(dialect: Dialect, line: &str) -> Line<'_> {
    let body = line.strip_suffix('\n').unwrap_or(line);
    let body = body.strip_suffix('\r').unwrap_or(body);
    let text = body.trim_ascii();
    if text.is_empty() || text.starts_with('#') || (dialect == Dialect::Ini && text.starts_with(';')) {
        return Line::Other;
    }
    if let Some(rest) = text.strip_prefix('[') {
        // What follows a header that we cannot read belongs to no group that has a name.
        return Line::Group(parse_group(dialect, rest).unwrap_or_else(|| vec!["\0".to_owned()]));
    }
    let Some((left, right)) = body.split_once('=') else { return Line::Other };
    let key = left.trim_ascii();
    let value = right.trim_ascii();
    let lead = right.len() - right.trim_ascii_start().len();
    let before = body.get(..left.len() + 1 + lead).unwrap_or(body);
    if key.is_empty() { Line::Other } else { Line::Entry { key, before, value } }
}

/// The inside of a header, behind its first bracket.
fn parse_group(dialect: Dialect, rest: &str) -> Option<Vec<String>> {
    if dialect == Dialect::Ini {
        return rest.split_once(']').map(|(name, _)| vec![name.trim_ascii().to_owned()]);
    }
    let inside = rest.strip_suffix(']')?;
    let names = inside.split("][").filter(|name| !name.starts_with('$'));
    Some(names.map(|name| decode(Dialect::Kde, name, false)).collect())
}

/// The key without its options, and the options: `key[$e]` is `key` and `$e`. A language (`Name[de]`) is no option.
fn base(key: &str) -> (&str, &str) {
    match key.strip_suffix(']').and_then(|open| open.rsplit_once('[')) {
        Some((name, options)) if options.starts_with('$') && !name.is_empty() => (name, options),
        Some((name, language)) if !name.is_empty() && !language.is_empty() => (key, language),
        Some(_) | None => (key, ""),
    }
}

fn same_key(dialect: Dialect, seen: &str, wanted: &str) -> bool {
    match dialect {
        Dialect::Ini => seen == wanted,
        Dialect::Kde => base(seen).0 == base(wanted).0,
    }
}

/// Whether `$` in the value stands for something else.
fn expands(key: &str) -> bool {
    let (name, options) = base(key);
    name != key && options.contains('e')
}

fn encode(dialect: Dialect, value: &str, expanded: bool) -> String {
    if dialect == Dialect::Ini {
        return value.to_owned();
    }
    let last = value.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(value.len());
    for (at, c) in value.chars().enumerate() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' if at == 0 || at == last => out.push_str("\\s"),
            '$' if expanded => out.push_str("$$"),
            c => out.push(c),
        }
    }
    out
}

/// A group's name in its header: brackets would end it.
fn encode_name(name: &str) -> String {
    encode(Dialect::Kde, name, false).replace('[', "\\x5b").replace(']', "\\x5d")
}

fn decode(dialect: Dialect, text: &str, expanded: bool) -> String {
    if dialect == Dialect::Ini {
        return text.to_owned();
    }
    let text = if expanded { text.replace("$$", "$") } else { text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at).unwrap_or_default());
        let escape = rest.get(at + 1..).unwrap_or_default();
        let hex = escape.strip_prefix('x').and_then(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok());
        let (c, len) = match (escape.chars().next(), hex) {
            (Some('x'), Some(byte)) if byte.is_ascii() => (char::from(byte), 3),
            (Some('n'), _) => ('\n', 1),
            (Some('r'), _) => ('\r', 1),
            (Some('t'), _) => ('\t', 1),
            (Some('s'), _) => (' ', 1),
            (Some('\\'), _) => ('\\', 1),
            (Some(';'), _) => (';', 1),
            (Some(','), _) => (',', 1),
            // Not an escape: the backslash stands for itself.
            (Some(_) | None, _) => ('\\', 0),
        };
        out.push(c);
        rest = escape.get(len..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}
