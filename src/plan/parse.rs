//! YAML into a tree. The only file that knows the YAML crate.

use super::tree::{Entry, Kind, Node, Numeral, Place};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::{Location, Spanned};
use std::fmt;

/// The largest document that is read, in bytes.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
/// The deepest nesting of lists and maps.
const MAX_DEPTH: usize = 16;
/// A plan of 2,000 steps with a handful of fields each stays below this.
const MAX_NODES: usize = 40_000;

/// A text that is not the YAML that we read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotYaml {
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// It is too large: no part of it is looked at.
    pub(super) is_limit: bool,
    /// The first document is sound as far as it was read, and another begins.
    pub(super) is_next_document: bool,
}

impl NotYaml {
    fn new(place: Place, message: String, help: Option<&str>) -> Self {
        let help = help.map(str::to_owned);
        Self { place, message, help, is_limit: false, is_next_document: false }
    }

    /// A line that does not stand where its block does.
    pub(super) fn beside(place: Place, message: String, help: String) -> Self {
        Self { help: Some(help), ..Self::new(place, message, None) }
    }

    /// A key that is in its map already.
    pub(super) fn repeated(place: Place, key: &str) -> Self {
        Self::new(place, format!("the key `{key}` is there twice"), Some(KEEP_ONE))
    }
}

const KEEP_ONE: &str = "keep one of the two";

/// Reads a part of a document that begins at a byte of its file.
pub(super) fn parse_from(file: usize, part: &str, start: usize) -> Result<Node, NotYaml> {
    let behind = |at| at + start;
    match parse(file, part) {
        Ok(mut node) => {
            node.map_places(&behind);
            Ok(node)
        }
        Err(why) => Err(NotYaml { place: why.place.mapped(&behind), ..why }),
    }
}

/// Reads one document.
///
/// # Errors
/// [`NotYaml`] where it is no YAML, is too large or too deep, repeats a key, or uses anchors, aliases, merge keys,
/// tags or several documents.
pub(super) fn parse(file: usize, text: &str) -> Result<Node, NotYaml> {
    let whole = Place { file, start: 0, end: 0 };
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", text.len());
        return Err(NotYaml { is_limit: true, ..NotYaml::new(whole, message, None) });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_documents: 1,
            max_total_scalar_bytes: MAX_BYTES,
        },
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let tree: Spanned<Yaml> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| complaint(file, text, error.without_snippet()))?;
    Ok(node(file, text, tree))
}

enum Yaml {
    Scalar(Kind),
    List(Vec<Spanned<Yaml>>),
    Map(Vec<(Spanned<String>, Spanned<Yaml>)>),
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Kind::Null))
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Kind::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
        Yaml::deserialize(deserializer)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Kind::Bool(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Kind::Number(Number::from(number).into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Kind::Number(Number::from(number).into())))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Yaml, E> {
        Number::from_f64(number)
            .map(|number| Yaml::Scalar(Kind::Number(number.into())))
            .ok_or_else(|| E::custom("numbers are finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Kind::Text(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Yaml, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Yaml::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Yaml, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Yaml::Map(entries))
    }
}

fn node(file: usize, text: &str, yaml: Spanned<Yaml>) -> Node {
    let place = place(file, text, yaml.defined);
    let (place, kind) = match yaml.value {
        Yaml::Scalar(kind) => (place, as_written(kind, text.get(place.start..place.end).unwrap_or_default())),
        Yaml::List(elements) => {
            (place, Kind::List(elements.into_iter().map(|element| node(file, text, element)).collect()))
        }
        Yaml::Map(pairs) => {
            let entries: Vec<Entry> = pairs
                .into_iter()
                .map(|(key, value)| Entry {
                    key_place: self::place(file, text, key.defined),
                    key: key.value,
                    value: node(file, text, value),
                })
                .collect();
            // A map is pointed at by its first key: the whole of it would fill the screen.
            (entries.first().map_or(place, |first| first.key_place), Kind::Map(entries))
        }
    };
    Node { place, kind }
}

/// Whole numbers in any but the plain spelling (`0x1f`, `0644`) stay text: what is meant is decided by the field. Others
/// keep how they are written.
fn as_written(kind: Kind, source: &str) -> Kind {
    match kind {
        Kind::Number(Numeral { number, .. }) if number.is_f64() => Kind::Number(Numeral::of(number, source)),
        Kind::Number(numeral) if numeral.spelling() != source => Kind::Text(source.to_owned()),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) | Kind::Map(_) => kind,
    }
}

fn place(file: usize, text: &str, location: Location) -> Place {
    let span = location.span();
    let start = span
        .byte_offset()
        .and_then(|at| usize::try_from(at).ok())
        .unwrap_or_else(|| offset_of(text, location.line(), location.column()));
    let length = span.byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let end = start.saturating_add(length).min(text.len());
    let slice = text.get(start..end).unwrap_or_default();
    // Block collections reach to the next token; what is shown ends with the line.
    let shown = slice.split('\n').next().unwrap_or_default().trim_end().len();
    Place { file, start: start.min(text.len()), end: start.saturating_add(shown).min(text.len()) }
}

fn offset_of(text: &str, line: u64, column: u64) -> usize {
    let mut start = 0;
    for (number, content) in (1_u64..).zip(text.split_inclusive('\n')) {
        if number == line {
            let characters = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
            return start + content.char_indices().nth(characters).map_or(content.len(), |(at, _)| at);
        }
        start += content.len();
    }
    text.len()
}

fn complaint(file: usize, text: &str, error: &serde_saphyr::Error) -> NotYaml {
    use serde_saphyr::Error;
    let place = error.location().map_or(Place { file, start: 0, end: 0 }, |at| place(file, text, at));
    let (message, help) = match error {
        Error::MultipleDocuments { .. } => second_document(),
        Error::MergeKeyNotAllowed { .. } => {
            ("merge keys (`<<`) are not read".to_owned(), Some("write the fields out"))
        }
        Error::UnknownAnchor { .. } => (
            "anchors and aliases are not read".to_owned(),
            Some("write the value out, or declare it in `vars`"),
        ),
        Error::DuplicateMappingKey { key, .. } => match key {
            Some(key) => return NotYaml::repeated(place, key),
            None => ("a key is there twice".to_owned(), Some(KEEP_ONE)),
        },
        Error::Eof { .. } => ("the file is empty".to_owned(), Some("a plan begins with `switchback: 1`")),
        Error::Budget { breach, .. } => over_budget(breach),
        other => match said(other) {
            words if words.contains("recursion limit") => too_deep(),
            words => (words, None),
        },
    };
    let is_limit = match error {
        Error::Budget { breach, .. } => matches!(
            breach,
            serde_saphyr::budget::BudgetBreach::Nodes { .. }
                | serde_saphyr::budget::BudgetBreach::Events { .. }
        ),
        _ => false,
    };
    let is_next_document = message == second_document().0;
    NotYaml { is_limit, is_next_document, ..NotYaml::new(place, message, help) }
}

fn second_document() -> (String, Option<&'static str>) {
    ("a second document begins here".to_owned(), Some("a plan is one document: remove the `---`"))
}

fn too_deep() -> (String, Option<&'static str>) {
    (format!("nested deeper than {MAX_DEPTH} levels"), None)
}

fn over_budget(breach: &serde_saphyr::budget::BudgetBreach) -> (String, Option<&'static str>) {
    use serde_saphyr::budget::BudgetBreach;
    match breach {
        BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. } => (
            "anchors and aliases are not read".to_owned(),
            Some("write the value out, or declare it in `vars`"),
        ),
        BudgetBreach::Depth { .. } => too_deep(),
        BudgetBreach::Documents { .. } => second_document(),
        BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => {
            (format!("more than {MAX_NODES} values"), Some("split the plan"))
        }
        other => (format!("beyond the limits of a plan: {other:?}"), None),
    }
}

/// The crate's own words without the place, which is shown apart.
fn said(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let cut = first.find(" at line ").or_else(|| first.find(" (line ")).unwrap_or(first.len());
    first.get(..cut).unwrap_or(first).trim_end_matches(':').to_owned()
}
