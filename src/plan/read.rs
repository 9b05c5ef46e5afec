//! The tree into the types of `raw`, through serde, so that the schema and the reader cannot differ.
//!
//! Serde stops at the first mistake. We want all of them: a mistake is told, the offending part is taken out of the
//! tree, and the rest is read again.

use super::diagnostic::{Complaint, Complaints};
use super::reader::Reader;
use super::suggest::did_you_mean;
use super::tree::{Entry, Kind, Node, Numeral, Place};
use super::unread::{ELEMENT, Loss, MISNAMED};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::Number;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The name by which a place is asked for.
pub(super) const AT: &str = "switchback::At";
/// The name by which a value is asked for as it is written.
pub(super) const KIND: &str = "switchback::Kind";
/// More mistakes than this are not looked for.
const MOST: usize = 200;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<T> {
    pub(super) place: Place,
    pub(super) value: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AT, AtVisitor(PhantomData))
    }
}

struct AtVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
    type Value = At<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<At<T>, A::Error> {
        let missing = || de::Error::custom("a place has four parts");
        let file = parts.next_element()?.ok_or_else(missing)?;
        let start = parts.next_element()?.ok_or_else(missing)?;
        let end = parts.next_element()?.ok_or_else(missing)?;
        let value = parts.next_element()?.ok_or_else(missing)?;
        Ok(At { place: Place { file, start, end }, value })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        At::<Kind>::deserialize(deserializer).map(|at| Self { place: at.place, kind: at.value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(KIND, KindVisitor)
    }
}

impl JsonSchema for Node {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Anything".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::from(true)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Kind, E> {
        Ok(Kind::Number(Number::from(number).into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Kind, E> {
        Ok(Kind::Number(Number::from(number).into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Kind, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("numbers are finite"))?;
        Ok(Kind::Number(number.into()))
    }

    /// A number that is written as we would not write it, in its spelling.
    fn visit_bytes<E: de::Error>(self, written: &[u8]) -> Result<Kind, E> {
        let written = std::str::from_utf8(written).map_err(E::custom)?;
        let number = written.parse().ok().and_then(Number::from_f64);
        Ok(number.map_or_else(
            || Kind::Text(written.to_owned()),
            |number| Kind::Number(Numeral::of(number, written)),
        ))
    }

    fn visit_str<E>(self, text: &str) -> Result<Kind, E> {
        Ok(Kind::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kind, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Kind::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<At<String>, Node>()? {
            entries.push(Entry { key: key.value, key_place: key.place, value });
        }
        Ok(Kind::Map(entries))
    }
}

/// What is wrong with a part.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mistake {
    UnknownField(String, &'static [&'static str]),
    UnknownWord(String, &'static [&'static str]),
    Missing(&'static str),
    Wrong { found: Option<String>, expected: String },
    Said(String),
}

/// A mistake, the place, and the way to it from the root, innermost first.
#[derive(Debug)]
pub(super) struct ReadError {
    mistake: Mistake,
    place: Option<Place>,
    way: Vec<usize>,
}

impl ReadError {
    pub(super) fn new(mistake: Mistake) -> Self {
        Self { mistake, place: None, way: Vec::new() }
    }

    pub(super) fn at(mut self, node: &Node) -> Self {
        self.place.get_or_insert(node.place);
        if let Mistake::Wrong { found, .. } = &mut self.mistake {
            found.get_or_insert_with(|| node.described());
        }
        self
    }

    pub(super) fn below(mut self, index: usize) -> Self {
        self.way.push(index);
        self
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.mistake)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Mistake::Said(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(Mistake::Wrong { found: None, expected: expected.to_string() })
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(Mistake::Wrong { found: None, expected: expected.to_string() })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Mistake::UnknownField(field.to_owned(), expected))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Mistake::UnknownWord(variant.to_owned(), expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Mistake::Missing(field))
    }
}

/// Reads all of a node, and complains about every part that does not fit. `None` where nothing is left.
pub(super) fn read<T: for<'de> Deserialize<'de>>(
    node: &Node,
    name: &str,
    complaints: &mut Complaints,
) -> Option<T> {
    let mut tree = node.clone();
    for _ in 0..MOST {
        let error = match T::deserialize(Reader(&tree)) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let way: Vec<usize> = error.way.iter().rev().copied().collect();
        let names = names_along(&tree, &way, name);
        let place = error.place.unwrap_or(tree.place);
        let ours = match &error.mistake {
            // What was taken out before is missing by our doing.
            Mistake::Missing(field) => complaints.losses.has_field(place, field),
            Mistake::UnknownField(..)
            | Mistake::UnknownWord(..)
            | Mistake::Wrong { .. }
            | Mistake::Said(_) => false,
        };
        if !ours {
            complaints.push(told(&error.mistake, place, &names));
        }
        let loss = |parent, names| Loss { parent, names, place, starts: place.start };
        if let Mistake::Missing(field) = &error.mistake
            && let Some(kind) = stand_in(&names, field, way.last().copied())
        {
            put_in(
                &mut tree,
                &way,
                Entry { key: (*field).to_owned(), key_place: place, value: Node { place, kind } },
            )?;
            let names = names.into_iter().chain(Some((*field).to_owned())).collect();
            complaints.losses.push(loss(place, names));
            continue;
        }
        let parent = take_out(&mut tree, &way)?;
        let names = match &error.mistake {
            Mistake::UnknownField(..) => misnamed(names),
            Mistake::UnknownWord(..) | Mistake::Missing(_) | Mistake::Wrong { .. } | Mistake::Said(_) => {
                names
            }
        };
        complaints.losses.push(loss(parent, names));
    }
    None
}

/// A field of an unknown name may be any of those that are missed beside it.
fn misnamed(mut names: Vec<String>) -> Vec<String> {
    names.pop();
    let parent = names.last().cloned().unwrap_or_default();
    names.push(format!("{MISNAMED}{parent}"));
    names
}

/// What stands for a field that is needed and missing, so that the rest is still looked at. The plan is refused anyway.
fn stand_in(names: &[String], field: &str, index: Option<usize>) -> Option<Kind> {
    let last = names.last()?.as_str();
    match (last, field, index) {
        ("the plan" | "the library", "switchback", _) => Some(Kind::Number(Number::from(1).into())),
        ("the plan", "name", _) => Some(Kind::Text("unnamed".to_owned())),
        ("the plan", "phases", _) => Some(Kind::List(Vec::new())),
        ("the library", "checks", _) => Some(Kind::Map(Vec::new())),
        ("phases#", "id", Some(index)) => Some(Kind::Text(format!("phase-{}", index + 1))),
        _ => None,
    }
}

fn put_in(node: &mut Node, way: &[usize], entry: Entry) -> Option<()> {
    match (&mut node.kind, way.split_first()) {
        (Kind::Map(entries), None) => {
            entries.push(entry);
            Some(())
        }
        (Kind::Map(entries), Some((first, rest))) => put_in(&mut entries.get_mut(*first)?.value, rest, entry),
        (Kind::List(elements), Some((first, rest))) => put_in(elements.get_mut(*first)?, rest, entry),
        (Kind::List(_) | Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_), _) => None,
    }
}

/// The names of the fields on the way, outermost first; elements of a list go by its marked name.
fn names_along(tree: &Node, way: &[usize], root: &str) -> Vec<String> {
    let mut names = vec![root.to_owned()];
    let mut here = tree;
    for index in way {
        if let Some(entry) = here.entries().get(*index) {
            names.push(entry.key.clone());
            here = &entry.value;
        } else if let Some(element) = here.elements().get(*index) {
            if let Some(list) = names.last_mut() {
                list.push(ELEMENT);
            }
            here = element;
        }
    }
    names
}

/// The place of the map or list that lost the part.
fn take_out(node: &mut Node, way: &[usize]) -> Option<Place> {
    let (first, rest) = way.split_first()?;
    let place = node.place;
    match &mut node.kind {
        Kind::List(elements) if rest.is_empty() => {
            (*first < elements.len()).then(|| elements.remove(*first)).map(|_| place)
        }
        Kind::Map(entries) if rest.is_empty() => {
            (*first < entries.len()).then(|| entries.remove(*first)).map(|_| place)
        }
        Kind::List(elements) => take_out(elements.get_mut(*first)?, rest),
        Kind::Map(entries) => take_out(&mut entries.get_mut(*first)?.value, rest),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => None,
    }
}

/// What later versions will read. Ignoring it would be worse than refusing it.
const LATER: [&str; 12] = [
    "reboot",
    "measure",
    "limits",
    "rpm-ostree",
    "flatpak",
    "gpu",
    "glxinfo",
    "session",
    "window",
    "browser",
    "http",
    "tcp",
];

fn told(mistake: &Mistake, place: Place, names: &[String]) -> Complaint {
    let of = names.last().map_or("", String::as_str);
    let word_of = of.trim_end_matches(ELEMENT);
    match mistake {
        Mistake::UnknownField(field, _) if LATER.contains(&field.as_str()) => {
            // The last name on the way is the key itself.
            Complaint::error("not-yet", place, format!("`{field}` is not yet in this version of switchback"))
                .help("take it out, or say it with the fields that are there")
        }
        Mistake::UnknownField(field, expected) => {
            let parent = names.iter().rev().nth(1).map_or("", String::as_str);
            let (code, what) = match parent.trim_end_matches(ELEMENT) {
                "layers" => ("unknown-layer", "layer"),
                "probe" => ("unknown-probe", "probe"),
                _ => ("unknown-field", "field"),
            };
            Complaint::error(code, place, format!("there is no {what} `{field}` in {}", noun(parent)))
                .help(did_you_mean(field, expected.iter().copied()))
        }
        Mistake::UnknownWord(word, expected) => {
            Complaint::error("unknown-word", place, format!("`{word_of}` cannot be `{word}`"))
                .help(did_you_mean(word, expected.iter().copied()))
        }
        Mistake::Missing(field) => {
            let help = match (of, *field) {
                ("the plan", "switchback") => Some("write `switchback: 1`"),
                ("the plan", "name") => Some("give the plan a name"),
                ("the plan", "phases") => Some("a plan is a list of phases"),
                _ => None,
            };
            Complaint::error("missing-field", place, format!("{} lacks `{field}`", noun(of)))
                .help_if_any(help.map(str::to_owned))
        }
        Mistake::Wrong { found, expected } => Complaint::error(
            "wrong-type",
            place,
            format!(
                "{} must be {}, and is {}",
                noun(of),
                in_words(expected),
                found.as_deref().unwrap_or("something else")
            ),
        ),
        Mistake::Said(text) => match text.split_once('|') {
            Some((code, rest)) => match SAID.iter().find(|known| **known == code) {
                Some(code) => {
                    let (message, help) = rest.split_once('|').unwrap_or((rest, ""));
                    Complaint::error(code, place, message)
                        .help_if_any((!help.is_empty()).then(|| help.to_owned()))
                }
                None => Complaint::error("wrong-value", place, text.clone()),
            },
            None => Complaint::error("wrong-value", place, text.clone()),
        },
    }
}

/// What a person calls the thing under a key, or an element of the list there.
fn noun(name: &str) -> String {
    let key = name.trim_end_matches(ELEMENT);
    match (key, key == name) {
        ("the plan" | "the library", _) => key.to_owned(),
        ("phases", false) => "a phase".to_owned(),
        ("apply" | "commit" | "rollback", false) => format!("a step of `{key}`"),
        ("preflight" | "validate" | "measure", false) => format!("a check of `{key}`"),
        (other, _) => format!("`{other}`"),
    }
}

/// What serde expects, in the words of YAML.
fn in_words(expected: &str) -> &str {
    match expected {
        "a string" => "a text",
        "a sequence" => "a list",
        "a boolean" => "`true` or `false`",
        other => other,
    }
}

/// Codes that a type may give its own mistakes: `code|message|help`.
const SAID: [&str; 4] = ["unknown-layer", "unknown-probe", "not-yet", "wrong-value"];

/// Says that a name is none of those known, in the form that keeps its code.
pub(super) fn unknown_name<E: de::Error>(code: &str, what: &str, name: &str, known: &[&str]) -> E {
    if LATER.contains(&name) {
        return E::custom(format!("not-yet|`{name}` is not yet in this version of switchback|"));
    }
    E::custom(format!("{code}|there is no {what} `{name}`|{}", did_you_mean(name, known.iter().copied())))
}
