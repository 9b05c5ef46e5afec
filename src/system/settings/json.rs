//! JSON, edited in place: a scanner that knows where every value stands. Comments and a comma behind the last member
//! are taken as they are found, since editors keep settings in such files.

use super::SettingsError;
use crate::model::{Setting, Value};
use std::ops::Range;

/// Deepest nesting.
const DEPTH: usize = 128;

/// A value and where it stands.
#[derive(Debug)]
struct Node {
    span: Range<usize>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Object(Vec<Member>),
    Array(Vec<Node>),
    Scalar(Value),
}

/// A member of an object.
#[derive(Debug)]
struct Member {
    name: String,
    start: usize,
    value: Node,
    /// The comma behind it.
    comma: Option<usize>,
}

pub(super) fn edit(text: &str, setting: &Setting) -> Result<String, SettingsError> {
    if text.trim().is_empty() {
        return if setting.value.is_null() { Ok(text.to_owned()) } else { edit("{}\n", setting) };
    }
    let root = scan(text)?;
    let mut edits = Vec::new();
    plan(text, &root, setting, &setting.path, &mut edits)?;
    // From the back, so that the places before stay where they are.
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut out = text.to_owned();
    for (range, new) in edits {
        out.replace_range(range, &new);
    }
    Ok(out)
}

pub(super) fn read(text: &str, path: &[String]) -> Result<Option<Value>, SettingsError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let root = scan(text)?;
    let mut node = &root;
    for name in path {
        match child(node, name) {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value_of(node)))
}

/// Of a name that stands twice the last counts, as for every common reader.
fn child<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    match &node.kind {
        Kind::Object(members) => {
            members.iter().rfind(|member| member.name == name).map(|member| &member.value)
        }
        Kind::Array(list) => list.get(name.parse::<usize>().ok()?),
        Kind::Scalar(_) => None,
    }
}

fn value_of(node: &Node) -> Value {
    match &node.kind {
        Kind::Object(members) => Value::Object(
            members.iter().map(|member| (member.name.clone(), value_of(&member.value))).collect(),
        ),
        Kind::Array(list) => Value::Array(list.iter().map(value_of).collect()),
        Kind::Scalar(value) => value.clone(),
    }
}

type Edits = Vec<(Range<usize>, String)>;

fn plan(
    text: &str,
    node: &Node,
    setting: &Setting,
    path: &[String],
    edits: &mut Edits,
) -> Result<(), SettingsError> {
    let Some((name, rest)) = path.split_first() else {
        let shift = indent_of(text, node.span.start);
        edits.push((node.span.clone(), layout(text, &setting.value, shift)));
        return Ok(());
    };
    match &node.kind {
        Kind::Object(members) => {
            if rest.is_empty() && setting.value.is_null() {
                remove(text, node, members, name, edits);
                return Ok(());
            }
            match child(node, name) {
                Some(next) => plan(text, next, setting, rest, edits),
                None if setting.value.is_null() => Ok(()),
                None => {
                    let value = rest.iter().rev().fold(setting.value.clone(), |value, name| {
                        Value::Object([(name.clone(), value)].into_iter().collect())
                    });
                    insert(text, node, members, name, &value, edits);
                    Ok(())
                }
            }
        }
        Kind::Array(_) if rest.is_empty() && setting.value.is_null() => Err(SettingsError::BadPath {
            path: setting.path.clone(),
            why: "an element of a list cannot be removed: its followers would move; set the list",
        }),
        Kind::Array(_) => match child(node, name) {
            Some(next) => plan(text, next, setting, rest, edits),
            None => Err(SettingsError::BadPath {
                path: setting.path.clone(),
                why: "a list on the way has no element of that number",
            }),
        },
        Kind::Scalar(_) if setting.value.is_null() => Ok(()),
        Kind::Scalar(_) => {
            let led_here = setting.path.len().checked_sub(path.len() + 1);
            Err(match led_here.and_then(|at| setting.path.get(at)) {
                Some(at) => SettingsError::NotATable { path: setting.path.clone(), at: at.clone() },
                None => SettingsError::BadPath {
                    path: setting.path.clone(),
                    why: "the document is a single value and has no keys",
                },
            })
        }
    }
}

fn insert(text: &str, node: &Node, members: &[Member], name: &str, value: &Value, edits: &mut Edits) {
    let end = line_end(text);
    let Some(last) = members.last() else {
        let outer = indent_of(text, node.span.start);
        let inside = node.span.start + 1..node.span.end - 1;
        let empty = text.get(inside.clone()).is_some_and(|inside| inside.trim().is_empty());
        let inner = format!("{outer}{}", unit(text));
        let member = format!("{}: {}", quoted(name), layout(text, value, &inner));
        if empty && !text.trim().contains('\n') && node.span.len() < text.trim().len() {
            edits.push((inside, member));
        } else if empty {
            edits.push((inside, format!("{end}{inner}{member}{end}{outer}")));
        } else {
            // Only comments stand in it: they keep their place before the first member.
            edits.push((inside.end..inside.end, format!("{end}{inner}{member}{end}{outer}")));
        }
        return;
    };
    let own_line = starts_line(text, last.start);
    let shift = indent_of(text, last.start);
    let colon = text.get(last.start..last.value.span.start).unwrap_or_default();
    let colon = if colon.ends_with(char::is_whitespace) { ": " } else { ":" };
    let member = format!("{}{colon}{}", quoted(name), layout(text, value, shift));
    let gap = if own_line { format!("{end}{shift}") } else { gap(text, members).to_owned() };
    match last.comma {
        Some(comma) => edits.push((comma + 1..comma + 1, format!("{gap}{member},"))),
        None => edits.push((last.value.span.end..last.value.span.end, format!(",{gap}{member}"))),
    }
}

/// What stands between a comma and the next member on the same line.
fn gap<'a>(text: &'a str, members: &[Member]) -> &'a str {
    let between = members.iter().zip(members.iter().skip(1)).find_map(|(one, next)| {
        let space = text.get(one.comma? + 1..next.start)?;
        space.trim().is_empty().then_some(space)
    });
    between.unwrap_or(" ")
}

fn remove(text: &str, node: &Node, members: &[Member], name: &str, edits: &mut Edits) {
    let gone = |member: &&Member| member.name == name;
    let kept: Vec<&Member> = members.iter().filter(|member| member.name != name).collect();
    for member in members.iter().filter(gone) {
        let end = member.comma.map_or(member.value.span.end, |comma| comma + 1);
        edits.push((whole_line(text, member.start..end), String::new()));
    }
    // Without a comma behind the last of the list, the one that is now last must not have one either.
    let (Some(last), Some(now_last)) = (members.last(), kept.last()) else {
        let inside = node.span.start + 1..node.span.end - 1;
        let only = members.iter().all(|member| {
            let end = member.comma.map_or(member.value.span.end, |comma| comma + 1);
            let before = text.get(inside.start..member.start).unwrap_or_default();
            let after = text.get(end..inside.end).unwrap_or_default();
            before.trim().is_empty() && after.trim().is_empty()
        });
        if only && !members.is_empty() {
            edits.clear();
            edits.push((inside, String::new()));
        }
        return;
    };
    if last.name == name && last.comma.is_none() {
        edits.extend(now_last.comma.map(|comma| (comma..comma + 1, String::new())));
    }
}

/// The range with its whole line where nothing else stands on it, else with the space behind it, or before it where
/// nothing follows.
fn whole_line(text: &str, range: Range<usize>) -> Range<usize> {
    let behind = text.get(range.end..).unwrap_or_default();
    let space = behind.len() - behind.trim_start_matches([' ', '\t']).len();
    let rest = behind.get(space..).unwrap_or_default();
    let line_end = ["\r\n", "\n"].into_iter().find(|end| rest.starts_with(end));
    match line_end {
        Some(end) if starts_line(text, range.start) => {
            range.start - indent_of(text, range.start).len()..range.end + space + end.len()
        }
        Some(_) | None if rest.starts_with('}') => {
            let before = text.get(..range.start).unwrap_or_default();
            before.trim_end_matches([' ', '\t']).len()..range.end
        }
        Some(_) | None => range.start..range.end + space,
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// Whether only space stands before it on its line.
fn starts_line(text: &str, at: usize) -> bool {
    text.get(line_start(text, at)..at).is_some_and(|before| before.trim().is_empty())
        && line_start(text, at) > 0
}

/// The space that the line begins with.
fn indent_of(text: &str, at: usize) -> &str {
    let line = text.get(line_start(text, at)..at).unwrap_or_default();
    let content = line.trim_start_matches([' ', '\t']);
    line.get(..line.len() - content.len()).unwrap_or_default()
}

/// One step of indentation: that of the first line that is indented.
fn unit(text: &str) -> &str {
    text.lines()
        .map(|line| line.get(..line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or_default())
        .find(|indent| !indent.is_empty())
        .unwrap_or("  ")
}

fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn quoted(name: &str) -> String {
    Value::String(name.to_owned()).to_string()
}

/// A value as text: lists and maps over several lines where the document is written so.
fn layout(text: &str, value: &Value, shift: &str) -> String {
    let (end, inner) = (line_end(text), format!("{shift}{}", unit(text)));
    let several = |parts: Vec<String>, open: &str, close: &str| {
        format!("{open}{end}{inner}{}{end}{shift}{close}", parts.join(&format!(",{end}{inner}")))
    };
    match value {
        Value::Array(list) if !list.is_empty() && text.trim().contains('\n') => {
            several(list.iter().map(|value| layout(text, value, &inner)).collect(), "[", "]")
        }
        Value::Object(map) if !map.is_empty() && text.trim().contains('\n') => several(
            map.iter()
                .map(|(name, value)| format!("{}: {}", quoted(name), layout(text, value, &inner)))
                .collect(),
            "{",
            "}",
        ),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => value.to_string(),
    }
}

fn scan(text: &str) -> Result<Node, SettingsError> {
    let mut scanner = Scanner { text, at: 0 };
    let root = scanner.value(0)?;
    scanner.space()?;
    if scanner.at < text.len() { Err(scanner.bad("something follows the document")) } else { Ok(root) }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn bad(&self, why: &str) -> SettingsError {
        let line = self.text.get(..self.at).unwrap_or_default().matches('\n').count() + 1;
        SettingsError::Malformed { line, why: why.to_owned() }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Skips space and comments.
    fn space(&mut self) -> Result<(), SettingsError> {
        loop {
            let rest = self.rest();
            let skipped = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            let rest = rest.get(skipped..).unwrap_or_default();
            let comment = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map(|end| end + 2).ok_or_else(|| self.bad("a comment does not end"))?
            } else {
                0
            };
            self.at += skipped + comment;
            if comment == 0 {
                return Ok(());
            }
        }
    }

    fn takes(&mut self, sign: char) -> bool {
        let there = self.rest().starts_with(sign);
        self.at += if there { sign.len_utf8() } else { 0 };
        there
    }

    fn value(&mut self, depth: usize) -> Result<Node, SettingsError> {
        self.space()?;
        if depth > DEPTH {
            return Err(self.bad("nested too deeply"));
        }
        let start = self.at;
        let kind = match self.rest().chars().next() {
            Some('{') => Kind::Object(self.members(depth)?),
            Some('[') => Kind::Array(self.elements(depth)?),
            Some(_) => Kind::Scalar(self.scalar()?),
            None => return Err(self.bad("the document ends too early")),
        };
        Ok(Node { span: start..self.at, kind })
    }

    fn members(&mut self, depth: usize) -> Result<Vec<Member>, SettingsError> {
        self.takes('{');
        let mut members: Vec<Member> = Vec::new();
        loop {
            self.space()?;
            if self.takes('}') {
                return Ok(members);
            }
            if members.last().is_some_and(|last| last.comma.is_none()) {
                return Err(self.bad("a comma or } is missing"));
            }
            let start = self.at;
            let Value::String(name) = self.scalar()? else {
                return Err(self.bad("a name in quotes is missing"));
            };
            self.space()?;
            if !self.takes(':') {
                return Err(self.bad("a colon is missing"));
            }
            let value = self.value(depth + 1)?;
            self.space()?;
            let comma = Some(self.at).filter(|_| self.takes(','));
            members.push(Member { name, start, value, comma });
        }
    }

    fn elements(&mut self, depth: usize) -> Result<Vec<Node>, SettingsError> {
        self.takes('[');
        let mut list = Vec::new();
        let mut open = true;
        loop {
            self.space()?;
            if self.takes(']') {
                return Ok(list);
            }
            if !open {
                return Err(self.bad("a comma or ] is missing"));
            }
            list.push(self.value(depth + 1)?);
            self.space()?;
            open = self.takes(',');
        }
    }

    /// A string, number or word, judged by `serde_json`.
    fn scalar(&mut self) -> Result<Value, SettingsError> {
        let rest = self.rest();
        let len = if rest.starts_with('"') {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |(at, _)| at + 1)
        } else {
            rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(rest.len())
        };
        let token = rest.get(..len).unwrap_or(rest);
        let value = serde_json::from_str(token).map_err(|_| self.bad("not a value of JSON"))?;
        self.at += len;
        Ok(value)
    }
}
