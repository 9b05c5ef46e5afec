//! Named checks: the shipped libraries and the plan's own, and how a `use` becomes a check.

use super::diagnostic::{Complaint, Complaints};
use super::paths;
use super::quantity::{amount, percent};
use super::raw::{DefinitionHead, LibraryForm, ParameterForm, ParameterKind};
use super::read::read;
use super::suggest::{did_you_mean, did_you_mean_of_listed};
use super::tree::{Entry, Kind, Node, Place};
use super::unread::Loss;
use super::variables::{self, Scope, replaced};
use crate::model::{NamedCheck, NamedParameter, Span, Value};
use std::collections::BTreeMap;

/// The libraries that are built in, by name.
pub(super) const SHIPPED: [(&str, &str); 10] = [
    ("checks/boot.yaml", include_str!("../../checks/boot.yaml")),
    ("checks/builds.yaml", include_str!("../../checks/builds.yaml")),
    ("checks/electron.yaml", include_str!("../../checks/electron.yaml")),
    ("checks/gpu.yaml", include_str!("../../checks/gpu.yaml")),
    ("checks/journal.yaml", include_str!("../../checks/journal.yaml")),
    ("checks/memory.yaml", include_str!("../../checks/memory.yaml")),
    ("checks/nix.yaml", include_str!("../../checks/nix.yaml")),
    ("checks/session.yaml", include_str!("../../checks/session.yaml")),
    ("checks/system.yaml", include_str!("../../checks/system.yaml")),
    ("checks/video.yaml", include_str!("../../checks/video.yaml")),
];

/// Fields of a check that say what is looked at.
const LOOKS: [&str; 4] = ["probe", "plugin", "scripts", "ask"];

#[derive(Debug)]
struct Definition {
    place: Place,
    shipped: bool,
    /// The shipped check of that name.
    shadows: Option<Place>,
    head: DefinitionHead,
    body: Vec<Entry>,
}

/// All named checks that a plan may use.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    definitions: BTreeMap<String, Definition>,
}

impl Catalog {
    /// Adds a library that was parsed. A plan's own check goes before a shipped one of the same name, with a warning.
    pub(super) fn add(&mut self, library: &Node, shipped: bool, complaints: &mut Complaints) {
        let Some(form) = read::<LibraryForm>(library, "the library", complaints) else { return };
        if form.switchback.value.0 != 1 {
            complaints.push(Complaint::error(
                "unknown-format",
                form.switchback.place,
                format!("format {} is not known; there is only 1", form.switchback.value.0),
            ));
        }
        for entry in form.checks.entries() {
            self.define(library, entry, shipped, complaints);
        }
    }

    fn define(&mut self, library: &Node, entry: &Entry, shipped: bool, complaints: &mut Complaints) {
        let (head, body): (Vec<Entry>, Vec<Entry>) = entry
            .value
            .entries()
            .iter()
            .cloned()
            .partition(|field| field.key == "about" || field.key == "params");
        let head = Node { place: entry.key_place, kind: Kind::Map(head) };
        let Some(head) = read::<DefinitionHead>(&head, &entry.key, complaints) else {
            let names = ["the library", "checks", &entry.key].map(str::to_owned).to_vec();
            let place = entry.key_place;
            complaints.losses.push(Loss { parent: library.place, names, place, starts: place.start });
            return;
        };
        if let Some(field) = body.iter().find(|field| matches!(field.key.as_str(), "id" | "use" | "with")) {
            complaints.push(Complaint::error(
                "unknown-field",
                field.key_place,
                format!("a named check states no `{}`", field.key),
            ));
            return;
        }
        if let Some(known) = self.definitions.get(&entry.key) {
            let text = format!("the check `{}` is defined already", entry.key);
            complaints.push(if known.shipped {
                Complaint::warning("shadowed-check", entry.key_place, text)
                    .help("this one goes before the shipped one; give it a name of its own")
            } else {
                Complaint::error("duplicate-id", entry.key_place, text).also(known.place, "here")
            });
        }
        let shadows = self.definitions.get(&entry.key).filter(|known| known.shipped).map(|known| known.place);
        let definition = Definition { place: entry.key_place, shipped, shadows, head, body };
        self.definitions.insert(entry.key.clone(), definition);
    }

    /// The check that a `use` stands for: the definition with its parameters in place, and over it what the plan states
    /// beside the `use`. Any other check is left as it is.
    pub(super) fn expanded(&self, check: &Node, home: &str, complaints: &mut Complaints) -> Option<Node> {
        let Some(named) = check.get("use") else {
            if let Some(with) = check.entries().iter().find(|entry| entry.key == "with") {
                complaints.push(
                    Complaint::error("with-without-use", with.key_place, "`with` without `use`")
                        .help("parameters belong to a named check"),
                );
            }
            return Some(check.clone());
        };
        let Some(name) = named.text() else { return Some(check.clone()) };
        let Some(definition) = self.definitions.get(name) else {
            complaints.push(
                Complaint::error("unknown-check", named.place, format!("there is no check `{name}`")).help(
                    did_you_mean_of_listed(
                        name,
                        self.definitions.keys().map(String::as_str),
                        "switchback checks",
                    ),
                ),
            );
            return None;
        };
        if let Some(look) = check.entries().iter().find(|entry| LOOKS.contains(&entry.key.as_str())) {
            complaints.push(
                Complaint::error("two-looks", look.key_place, format!("both `use` and `{}`", look.key))
                    .also(named.place, "the named check says what is looked at")
                    .help("keep one of the two"),
            );
            return None;
        }
        let parameters = parameters_of(name, definition, check, named.place, home, complaints)?;
        let scope = Scope::of_parameters(parameters);
        let mut entries: Vec<Entry> = definition
            .body
            .iter()
            .filter(|field| check.get(&field.key).is_none())
            .map(|field| Entry { value: replaced(&field.value, &scope, complaints), ..field.clone() })
            .collect();
        entries.extend(check.entries().iter().cloned());
        Some(Node { place: check.place, kind: Kind::Map(entries) })
    }

    /// Every named check, by name.
    pub(super) fn listed(&self, library_of: impl Fn(Place) -> String) -> Vec<NamedCheck> {
        self.definitions
            .iter()
            .map(|(name, definition)| NamedCheck {
                name: name.clone(),
                library: library_of(definition.place),
                about: definition.head.about.trim().to_owned(),
                shadows: definition.shadows.map(&library_of),
                check: Value::Object(
                    definition.body.iter().map(|field| (field.key.clone(), field.value.value())).collect(),
                ),
                parameters: definition
                    .head
                    .params
                    .iter()
                    .map(|(name, parameter)| NamedParameter {
                        name: name.clone(),
                        expects: parameter.kind.described().to_owned(),
                        default: parameter.default.as_ref().map(|node| node.value().to_string()),
                        about: parameter.about.trim().to_owned(),
                    })
                    .collect(),
            })
            .collect()
    }
}

fn parameters_of(
    name: &str,
    definition: &Definition,
    check: &Node,
    place: Place,
    home: &str,
    complaints: &mut Complaints,
) -> Option<BTreeMap<String, Node>> {
    let declared = &definition.head.params;
    let stated = check.get("with").map_or(&[] as &[Entry], Node::entries);
    let mut all_fit = true;
    for entry in stated.iter().filter(|entry| !declared.contains_key(&entry.key)) {
        all_fit = false;
        complaints.push(
            Complaint::error(
                "unknown-parameter",
                entry.key_place,
                format!("the check `{name}` has no parameter `{}`", entry.key),
            )
            .help(did_you_mean(&entry.key, declared.keys().map(String::as_str))),
        );
    }
    let mut values = BTreeMap::new();
    for (key, parameter) in declared {
        let given = stated.iter().find(|entry| entry.key == *key).map(|entry| &entry.value);
        let value = match (given, &parameter.default) {
            (Some(value), _) => value.clone(),
            (None, Some(default)) => default.moved_to(place),
            (None, None) => {
                all_fit = false;
                complaints.push(
                    Complaint::error(
                        "missing-parameter",
                        place,
                        format!("the check `{name}` needs the parameter `{key}`"),
                    )
                    .help(format!(
                        "`{key}`: {}; {}",
                        parameter.kind.described(),
                        parameter.about.trim()
                    )),
                );
                continue;
            }
        };
        match fitted(&value, parameter, home) {
            Some(value) => {
                values.insert(key.clone(), value);
            }
            None => {
                all_fit = false;
                complaints.push(Complaint::error(
                    "parameter-type",
                    value.place,
                    format!(
                        "`{key}` of the check `{name}` must be {}, and is {}",
                        parameter.kind.described(),
                        value.described()
                    ),
                ));
            }
        }
    }
    all_fit.then_some(values)
}

/// The value as the definition takes it, where it is of the right type.
fn fitted(value: &Node, parameter: &ParameterForm, home: &str) -> Option<Node> {
    let fits = match parameter.kind {
        ParameterKind::Text => {
            let text = variables::written(value)?;
            return Some(Node { place: value.place, kind: Kind::Text(text) });
        }
        ParameterKind::Path => {
            let path = paths::absolute(value.text()?, home)?;
            return Some(Node { place: value.place, kind: Kind::Text(path) });
        }
        ParameterKind::Amount => match &value.kind {
            Kind::Number(_) => true,
            Kind::Text(text) => amount(text).is_some(),
            Kind::Null | Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => false,
        },
        ParameterKind::Share => match &value.kind {
            Kind::Number(numeral) => {
                numeral.number.as_f64().is_some_and(|share| (0.0..=1.0).contains(&share))
            }
            Kind::Text(text) => match percent(text) {
                Some(percent) => (0.0..=100.0).contains(&percent),
                None => amount(text).is_some_and(|share| (0.0..=1.0).contains(&share)),
            },
            Kind::Null | Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => false,
        },
        ParameterKind::Percent => {
            let percent = match &value.kind {
                // What lies between nothing and one was meant as a share.
                Kind::Number(numeral) => {
                    numeral.number.as_f64().filter(|percent| *percent == 0.0 || *percent >= 1.0)
                }
                Kind::Text(text) => percent(text),
                Kind::Null | Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => None,
            };
            let percent = percent.filter(|percent| (0.0..=100.0).contains(percent))?;
            let number = serde_json::Number::from_f64(percent)?;
            return Some(Node { place: value.place, kind: Kind::Number(number.into()) });
        }
        ParameterKind::Count => matches!(&value.kind, Kind::Number(numeral) if numeral.number.is_u64()),
        ParameterKind::Length => value.text().is_some_and(|text| Span::parse(text).is_some()),
        ParameterKind::Flag => matches!(value.kind, Kind::Bool(_)),
        ParameterKind::List | ParameterKind::NonEmptyList => match &value.kind {
            Kind::List(elements) => {
                let may_be_empty = parameter.kind == ParameterKind::List;
                (may_be_empty || !elements.is_empty()) && elements.iter().all(|it| it.text().is_some())
            }
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => false,
        },
    };
    fits.then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn node(value: &Json) -> Node {
        let place = Place { file: 0, start: 0, end: 0 };
        let kind = match value {
            Json::Number(number) => Kind::Number(number.clone().into()),
            Json::Array(elements) => Kind::List(elements.iter().map(node).collect()),
            other => Kind::Text(other.as_str().unwrap_or_default().to_owned()),
        };
        Node { place, kind }
    }

    fn taken(kind: ParameterKind, value: &Json) -> Option<Json> {
        let parameter = ParameterForm { kind, default: None, about: String::new() };
        Some(fitted(&node(value), &parameter, "/home/mo")?.value())
    }

    #[test]
    fn a_share_is_no_more_than_the_whole_however_it_is_written() {
        for (value, fits) in [
            (json!(0), true),
            (json!(0.9), true),
            (json!(1), true),
            (json!("90%"), true),
            (json!("100 %"), true),
            (json!("0.5"), true),
            (json!(90), false),
            (json!(1.5), false),
            (json!("90"), false),
            (json!("101%"), false),
            (json!("-1%"), false),
            (json!("2GiB"), false),
            (json!("much"), false),
        ] {
            assert_eq!(taken(ParameterKind::Share, &value), fits.then(|| value.clone()), "{value}");
        }
    }

    #[test]
    fn percent_are_the_same_number_with_and_without_their_sign_and_no_share() {
        for (value, is) in [
            (json!(90), Some(json!(90.0))),
            (json!("90%"), Some(json!(90.0))),
            (json!("0.5%"), Some(json!(0.5))),
            (json!(0), Some(json!(0.0))),
            (json!(0.9), None),
            (json!(101), None),
            (json!("101%"), None),
            (json!("90"), None),
            (json!("5s"), None),
        ] {
            assert_eq!(taken(ParameterKind::Percent, &value), is, "{value}");
        }
    }

    #[test]
    fn a_list_may_be_empty_only_where_that_means_something() {
        for (kind, empty, one) in
            [(ParameterKind::List, true, true), (ParameterKind::NonEmptyList, false, true)]
        {
            assert_eq!(taken(kind, &json!([])).is_some(), empty);
            assert_eq!(taken(kind, &json!(["a"])).is_some(), one);
            assert_eq!(taken(kind, &json!("a")), None);
        }
    }
}
