//! The document as a tree of values that know where they stand.

use crate::model::Value;
use serde_json::{Map, Number};

/// Where something stands: a file (its place in the list of sources) and a range of bytes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    /// Index into the list of sources.
    pub(super) file: usize,
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
}

impl Place {
    /// The place of the same bytes in another text.
    pub(super) fn mapped(self, to: &impl Fn(usize) -> usize) -> Self {
        Self { start: to(self.start), end: to(self.end), ..self }
    }
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Numeral),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A number, and how it is written where we would write it otherwise: `1.10`, `1e3`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numeral {
    pub(super) number: Number,
    written: Option<String>,
}

impl From<Number> for Numeral {
    fn from(number: Number) -> Self {
        Self { number, written: None }
    }
}

impl Numeral {
    /// The number that this text is written for.
    pub(super) fn of(number: Number, written: &str) -> Self {
        let other = written.parse::<f64>().is_ok() && number.to_string() != written;
        let written = other.then(|| written.to_owned());
        Self { number, written }
    }

    /// How it is written.
    pub(super) fn spelling(&self) -> String {
        self.written.clone().unwrap_or_else(|| self.number.to_string())
    }

    /// How it is written, where we would write it otherwise.
    pub(super) fn respelled(&self) -> Option<&str> {
        self.written.as_deref()
    }
}

/// A key with its value, in the order of the document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) value: Node,
}

impl Node {
    /// The value under a key, where this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries, none where this is no map.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => &[],
        }
    }

    /// The elements, none where this is no list.
    pub(super) fn elements(&self) -> &[Self] {
        match &self.kind {
            Kind::List(elements) => elements,
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => &[],
        }
    }

    /// The text, where this is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Gives this and all below it the places that their bytes have in another text.
    pub(super) fn map_places(&mut self, to: &impl Fn(usize) -> usize) {
        self.place = self.place.mapped(to);
        match &mut self.kind {
            Kind::List(elements) => elements.iter_mut().for_each(|element| element.map_places(to)),
            Kind::Map(entries) => {
                for entry in entries {
                    entry.key_place = entry.key_place.mapped(to);
                    entry.value.map_places(to);
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => {}
        }
    }

    /// The same value as if all of it stood at another place.
    pub(super) fn moved_to(&self, place: Place) -> Self {
        let kind = match &self.kind {
            Kind::List(elements) => Kind::List(elements.iter().map(|node| node.moved_to(place)).collect()),
            Kind::Map(entries) => Kind::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        key: entry.key.clone(),
                        key_place: place,
                        value: entry.value.moved_to(place),
                    })
                    .collect(),
            ),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => self.kind.clone(),
        };
        Self { place, kind }
    }

    /// The value without its places. Keys are sorted, so equal content gives equal text.
    pub(super) fn value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => Value::Bool(*flag),
            Kind::Number(numeral) => Value::Number(numeral.number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(elements) => Value::Array(elements.iter().map(Self::value).collect()),
            Kind::Map(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The numbers in it that we would write otherwise, as they are written.
    pub(super) fn respelled(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::Number(numeral) => numeral.respelled().map(|_| self).into_iter().collect(),
            Kind::List(elements) => elements.iter().flat_map(Self::respelled).collect(),
            Kind::Map(entries) => entries.iter().flat_map(|entry| entry.value.respelled()).collect(),
            Kind::Null | Kind::Bool(_) | Kind::Text(_) => Vec::new(),
        }
    }

    /// What a person calls it: `the number 5`.
    pub(super) fn described(&self) -> String {
        match &self.kind {
            Kind::Null => "empty".to_owned(),
            Kind::Bool(flag) => format!("`{flag}`"),
            Kind::Number(numeral) => format!("the number {}", numeral.spelling()),
            Kind::Text(text) => format!("the text `{}`", short(text)),
            Kind::List(elements) => format!("a list of {}", elements.len()),
            Kind::Map(_) => "a map".to_owned(),
        }
    }
}

/// The first forty characters of a text, for messages.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or(text)),
        None => text.to_owned(),
    }
}
