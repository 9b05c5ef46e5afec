//! The tree into the types of `raw`, through serde, so that the schema and the reader cannot differ.
//!
//! Serde stops at the first mistake. We want all of them: a mistake is told, the offending part is taken out of the
//! tree, and the rest is read again.

use super::diagnostic::{Complaint, Complaints};
use super::suggest::did_you_mean;
use super::tree::{Entry, Kind, Node, Place};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The name by which a place is asked for.
const AT: &str = "switchback::At";
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
        deserializer.deserialize_any(KindVisitor)
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
        Ok(Kind::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Kind, E> {
        Ok(Kind::Number(number.into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Kind, E> {
        serde_json::Number::from_f64(number).map(Kind::Number).ok_or_else(|| E::custom("numbers are finite"))
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
enum Mistake {
    UnknownField(String, &'static [&'static str]),
    UnknownWord(String, &'static [&'static str]),
    Missing(&'static str),
    Wrong { found: Option<String>, expected: String },
    Said(String),
}

/// A mistake, the place, and the way to it from the root, innermost first.
#[derive(Debug)]
struct ReadError {
    mistake: Mistake,
    place: Option<Place>,
    way: Vec<usize>,
}

impl ReadError {
    fn new(mistake: Mistake) -> Self {
        Self { mistake, place: None, way: Vec::new() }
    }

    fn at(mut self, node: &Node) -> Self {
        self.place.get_or_insert(node.place);
        if let Mistake::Wrong { found, .. } = &mut self.mistake {
            found.get_or_insert_with(|| node.described());
        }
        self
    }

    fn below(mut self, index: usize) -> Self {
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
    // Parts from which something was taken out: what they miss now is our doing.
    let mut wounded: Vec<(Place, Vec<String>)> = Vec::new();
    for _ in 0..MOST {
        let error = match T::deserialize(Reader(&tree)) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        complaints.parts_missing = true;
        let way: Vec<usize> = error.way.iter().rev().copied().collect();
        let names = names_along(&tree, &way, name);
        let place = error.place.unwrap_or(tree.place);
        let ours = match &error.mistake {
            Mistake::Missing(field) => {
                wounded.iter().any(|(at, keys)| *at == place && keys.iter().any(|key| key == field))
            }
            Mistake::UnknownField(..)
            | Mistake::UnknownWord(..)
            | Mistake::Wrong { .. }
            | Mistake::Said(_) => false,
        };
        if !ours {
            complaints.push(told(&error.mistake, place, &names));
        }
        let (parent, key) = take_out(&mut tree, &way)?;
        wounded.push((parent, vec![key]));
    }
    None
}

/// Marks a name that stands for an element of the list of that name.
const ELEMENT: char = '#';

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

fn take_out(node: &mut Node, way: &[usize]) -> Option<(Place, String)> {
    let (first, rest) = way.split_first()?;
    let place = node.place;
    match &mut node.kind {
        Kind::List(elements) if rest.is_empty() => {
            (*first < elements.len()).then(|| elements.remove(*first)).map(|_| (place, String::new()))
        }
        Kind::Map(entries) if rest.is_empty() => {
            (*first < entries.len()).then(|| entries.remove(*first)).map(|entry| (place, entry.key))
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
            Complaint::error("missing-field", place, format!("{} lacks `{field}`", noun(of)))
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
        ("preflight" | "validate", false) => format!("a check of `{key}`"),
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

#[derive(Clone, Copy)]
struct Reader<'a>(&'a Node);

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let node = self.0;
        match &node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(flag) => visitor.visit_bool(*flag),
            Kind::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (None, Some(number), _) => visitor.visit_i64(number),
                (None, None, Some(number)) => visitor.visit_f64(number),
                (None, None, None) => Err(de::Error::custom("this number is too large")),
            },
            Kind::Text(text) => visitor.visit_str(text),
            Kind::List(elements) => visitor.visit_seq(Elements { elements, next: 0 }),
            Kind::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
        }
        .map_err(|error| error.at(node))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0.kind {
            Kind::Null => visitor.visit_none(),
            Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) | Kind::Map(_) => {
                visitor.visit_some(self)
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == AT {
            return visitor.visit_seq(Parts { place: self.0.place, value: self, next: 0 });
        }
        visitor.visit_newtype_struct(self).map_err(|error| error.at(self.0))
    }

    /// Serde would take a list for a struct, field by field. A plan has names.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.0.kind {
            Kind::List(_) => visitor.visit_unit().map_err(|error: ReadError| error.at(self.0)),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => {
                self.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.0.kind {
            Kind::Text(word) => visitor.visit_enum(Word(word)).map_err(|error| error.at(self.0)),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::List(_) | Kind::Map(_) => {
                Err(ReadError::new(Mistake::Wrong { found: None, expected: "a word".to_owned() }).at(self.0))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Word<'a>(&'a str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ReadError> {
        let name: de::value::StrDeserializer<'_, ReadError> = self.0.into_deserializer();
        seed.deserialize(name).map(|value| (value, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, ReadError> {
        Err(de::Error::custom("this word stands alone"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ReadError> {
        Err(de::Error::custom("this word stands alone"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ReadError> {
        Err(de::Error::custom("this word stands alone"))
    }
}

struct Elements<'a> {
    elements: &'a [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let index = self.next;
        let Some(element) = self.elements.get(index) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(Reader(element)).map(Some).map_err(|error| error.at(element).below(index))
    }
}

struct Entries<'a> {
    entries: &'a [Entry],
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ReadError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let Some(entry) = self.entries.get(self.next) else { return Ok(None) };
        let key = Node { place: entry.key_place, kind: Kind::Text(entry.key.clone()) };
        seed.deserialize(Reader(&key)).map(Some).map_err(|error| error.at(&key).below(self.next))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let index = self.next;
        let Some(entry) = self.entries.get(index) else {
            return Err(de::Error::custom("a key without a value"));
        };
        self.next += 1;
        seed.deserialize(Reader(&entry.value)).map_err(|error| error.at(&entry.value).below(index))
    }
}

struct Parts<'a> {
    place: Place,
    value: Reader<'a>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        self.next += 1;
        let part = |number: usize| -> de::value::UsizeDeserializer<ReadError> { number.into_deserializer() };
        match self.next {
            1 => seed.deserialize(part(self.place.file)).map(Some),
            2 => seed.deserialize(part(self.place.start)).map(Some),
            3 => seed.deserialize(part(self.place.end)).map(Some),
            4 => seed.deserialize(self.value).map(Some),
            _ => Ok(None),
        }
    }
}
