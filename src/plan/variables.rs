//! `${name}`: declared in `vars`, in the profile, by a named check, or by switchback. There is no template language.

use super::diagnostic::{Complaint, Complaints};
use super::suggest::did_you_mean;
use super::tree::{Entry, Kind, Node, Numeral, Place};
use crate::model::{RUN_TIME_NAMES, Value};
use std::collections::BTreeMap;

/// What the names stand for in one part of a plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    names: BTreeMap<String, Node>,
    profile: Option<Node>,
    /// Names that stay as they are written: they get their values when the plan runs.
    later: Vec<&'static str>,
}

impl Scope {
    fn find(&self, name: &str) -> Option<&Node> {
        if let Some(node) = self.names.get(name) {
            return Some(node);
        }
        name.strip_prefix("profile.")?.split('.').try_fold(self.profile.as_ref()?, |node, key| {
            match &node.kind {
                Kind::Map(_) => node.get(key),
                Kind::List(elements) => elements.get(key.parse::<usize>().ok()?),
                Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => None,
            }
        })
    }

    fn known(&self) -> Vec<String> {
        let mut known: Vec<String> = self.names.keys().cloned().collect();
        known.extend(self.later.iter().map(|name| (*name).to_owned()));
        if let Some(profile) = &self.profile {
            leaves(profile, "profile", &mut known);
        }
        known
    }

    /// The declared variables that a shell can be given: scalars that are no part of the profile.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        self.names
            .iter()
            .filter(|(name, _)| !name.contains('.'))
            .filter_map(|(name, node)| written(node).map(|text| (name.clone(), text)))
            .collect()
    }

    /// The declared variables with their values.
    pub(super) fn values(&self) -> BTreeMap<String, Value> {
        self.names.iter().map(|(name, node)| (name.clone(), node.value())).collect()
    }

    /// The scope inside a named check: its parameters only.
    pub(super) fn of_parameters(names: BTreeMap<String, Node>) -> Self {
        Self { names, profile: None, later: RUN_TIME_NAMES.to_vec() }
    }

    fn with(&self, name: &str, node: Node) -> Self {
        let mut scope = self.clone();
        scope.names.insert(name.to_owned(), node);
        scope
    }

    fn allowing(&self, later: &[&'static str]) -> Self {
        Self { later: later.to_vec(), ..self.clone() }
    }
}

fn leaves(node: &Node, name: &str, known: &mut Vec<String>) {
    if node.entries().is_empty() {
        known.push(name.to_owned());
    }
    for entry in node.entries() {
        leaves(&entry.value, &format!("{name}.{}", entry.key), known);
    }
}

/// A scalar as text.
pub(super) fn written(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Bool(flag) => Some(flag.to_string()),
        Kind::Number(numeral) => Some(numeral.spelling()),
        Kind::Text(text) => Some(text.clone()),
        Kind::Null | Kind::List(_) | Kind::Map(_) => None,
    }
}

/// The scope of a plan: its `vars`, its profile, and what the command line overrides.
pub(super) fn scope_of_plan(
    plan: &Node,
    profile: Option<Node>,
    overrides: &[(String, String, Place)],
    home: &str,
    complaints: &mut Complaints,
) -> Scope {
    let mut scope = Scope { profile, ..Scope::default() };
    let declared = plan.get("vars").map_or(&[] as &[Entry], Node::entries);
    for entry in declared {
        if !is_variable_name(&entry.key) {
            complaints.push(
                Complaint::error(
                    "bad-variable-name",
                    entry.key_place,
                    format!("`{}` is not a name for a variable", entry.key),
                )
                .help("letters, digits and `_`, beginning with a letter or `_`"),
            );
            continue;
        }
        if steers_programs(&entry.key) {
            complaints.push(
                Complaint::error(
                    "bad-variable-name",
                    entry.key_place,
                    format!(
                        "`{}` steers every program that a `shell` step starts, and variables reach its environment",
                        entry.key
                    ),
                )
                .help("give it another name, or state it in the `env` of the steps that need it"),
            );
        }
        let value = match overrides.iter().rev().find(|(name, ..)| *name == entry.key) {
            Some((_, text, place)) => Node { place: *place, kind: like(&entry.value.kind, text) },
            None => replaced(&entry.value, &scope, complaints),
        };
        scope.names.insert(entry.key.clone(), at_home(value, home));
    }
    for (name, _, place) in overrides {
        if !declared.iter().any(|entry| entry.key == *name) {
            complaints.push(
                Complaint::error(
                    "undeclared-variable",
                    *place,
                    format!("the plan declares no variable `{name}`"),
                )
                .help(did_you_mean(name, declared.iter().map(|entry| entry.key.as_str()))),
            );
        }
    }
    scope
}

/// Whether a shell, the loader or the C library is steered by an environment variable of this name.
fn steers_programs(name: &str) -> bool {
    const NAMES: [&str; 22] = [
        "BASHOPTS",
        "BASH_ENV",
        "CDPATH",
        "ENV",
        "GCONV_PATH",
        "GLIBC_TUNABLES",
        "HOME",
        "IFS",
        "LANG",
        "LANGUAGE",
        "LOCPATH",
        "LOGNAME",
        "NLSPATH",
        "PATH",
        "PS1",
        "PS2",
        "PS4",
        "PWD",
        "SHELL",
        "SHELLOPTS",
        "TMPDIR",
        "USER",
    ];
    NAMES.contains(&name)
        || ["LD_", "LC_", "MALLOC_", "BASH_FUNC_"].iter().any(|start| name.starts_with(start))
}

/// A variable that begins with `~/` stands for a path in the invoking user's home wherever it is used: no shell will
/// expand it later.
fn at_home(value: Node, home: &str) -> Node {
    let Kind::Text(text) = &value.kind else { return value };
    let rest = match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        Some(_) | None => return value,
    };
    Node { kind: Kind::Text(format!("{}{rest}", home.trim_end_matches('/'))), ..value }
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A text from the command line, in the type of the value that it overrides where it fits.
fn like(kind: &Kind, text: &str) -> Kind {
    match kind {
        Kind::Number(_) => text
            .parse()
            .map_or_else(|_| Kind::Text(text.to_owned()), |number| Kind::Number(Numeral::of(number, text))),
        Kind::Bool(_) => text.parse().map_or_else(|_| Kind::Text(text.to_owned()), Kind::Bool),
        Kind::Null | Kind::Text(_) | Kind::List(_) | Kind::Map(_) => Kind::Text(text.to_owned()),
    }
}

/// The plan with every variable replaced, where variables may stand.
pub(super) fn replace_in_plan(plan: &Node, scope: &Scope, complaints: &mut Complaints) -> Node {
    let entries = plan
        .entries()
        .iter()
        .map(|entry| {
            let value = match entry.key.as_str() {
                "title" => replaced(&entry.value, scope, complaints),
                "phases" => list_of(&entry.value, |phase| replace_in_phase(phase, scope, complaints)),
                _ => entry.value.clone(),
            };
            Entry { value, ..entry.clone() }
        })
        .collect();
    match &plan.kind {
        Kind::Map(_) => Node { place: plan.place, kind: Kind::Map(entries) },
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => plan.clone(),
    }
}

fn list_of(node: &Node, each: impl FnMut(&Node) -> Node) -> Node {
    match &node.kind {
        Kind::List(elements) => {
            Node { place: node.place, kind: Kind::List(elements.iter().map(each).collect()) }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => node.clone(),
    }
}

fn replace_in_phase(phase: &Node, scope: &Scope, complaints: &mut Complaints) -> Node {
    let scope = match phase.get("id") {
        Some(id) => scope.with("phase.id", id.clone()),
        None => scope.clone(),
    };
    let steps = scope.allowing(&RUN_TIME_NAMES);
    let layers = scope.allowing(&["recorded", "profile"]);
    let Kind::Map(entries) = &phase.kind else { return phase.clone() };
    let entries = entries
        .iter()
        .map(|entry| {
            let value = match entry.key.as_str() {
                "id" | "needs" => entry.value.clone(),
                "layers" => replaced(&entry.value, &layers, complaints),
                _ => replace_in_part(&entry.value, &steps, complaints),
            };
            Entry { value, ..entry.clone() }
        })
        .collect();
    Node { place: phase.place, kind: Kind::Map(entries) }
}

/// Steps and checks: everything but names and the text for a shell.
fn replace_in_part(node: &Node, scope: &Scope, complaints: &mut Complaints) -> Node {
    match &node.kind {
        Kind::List(_) => match replaced_shallow(node, scope, complaints) {
            Some(elements) => Node { place: node.place, kind: Kind::List(elements) },
            None => list_of(node, |element| replace_in_part(element, scope, complaints)),
        },
        Kind::Map(entries) => {
            let entries = entries
                .iter()
                .map(|entry| {
                    let value = match entry.key.as_str() {
                        "id" | "use" | "needs" | "shell" => entry.value.clone(),
                        "with" | "env" | "keys" => replaced(&entry.value, scope, complaints),
                        _ => replace_in_part(&entry.value, scope, complaints),
                    };
                    Entry { value, ..entry.clone() }
                })
                .collect();
            Node { place: node.place, kind: Kind::Map(entries) }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => replaced(node, scope, complaints),
    }
}

/// A list of scalars, replaced; `None` where it holds more than scalars.
fn replaced_shallow(node: &Node, scope: &Scope, complaints: &mut Complaints) -> Option<Vec<Node>> {
    let scalar = |node: &Node| !matches!(node.kind, Kind::List(_) | Kind::Map(_));
    node.elements().iter().all(scalar).then(|| elements_replaced(node.elements(), scope, complaints))
}

/// A variable that is a list and stands alone in a list gives its elements to that list.
fn elements_replaced(elements: &[Node], scope: &Scope, complaints: &mut Complaints) -> Vec<Node> {
    let mut all = Vec::with_capacity(elements.len());
    for element in elements {
        let value = replaced(element, scope, complaints);
        match value.kind {
            Kind::List(inner) if element.text().is_some() => all.extend(inner),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) | Kind::Map(_) => {
                all.push(value);
            }
        }
    }
    all
}

/// The node with every `${name}` replaced, wherever it stands below.
pub(super) fn replaced(node: &Node, scope: &Scope, complaints: &mut Complaints) -> Node {
    let kind = match &node.kind {
        Kind::Text(text) if text.contains("${") => return replaced_text(node, text, scope, complaints),
        Kind::List(elements) => Kind::List(elements_replaced(elements, scope, complaints)),
        Kind::Map(entries) => Kind::Map(
            entries
                .iter()
                .map(|entry| Entry { value: replaced(&entry.value, scope, complaints), ..entry.clone() })
                .collect(),
        ),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => return node.clone(),
    };
    Node { place: node.place, kind }
}

fn replaced_text(node: &Node, text: &str, scope: &Scope, complaints: &mut Complaints) -> Node {
    // The whole value is one variable: it keeps its type.
    if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
        && let Some(value) = scope.find(name)
    {
        complaints.stands(node.place, name, value.place);
        return value.moved_to(node.place);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        let Some(end) = reference.find('}') else {
            complaints.push(
                Complaint::error("open-variable", node.place, "a `${` without its `}`")
                    .help("write `$${` for the two characters themselves"),
            );
            break;
        };
        let (reference, after) = reference.split_at(end + 1);
        let name = reference.trim_start_matches("${").trim_end_matches('}');
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            // Names of the run time are replaced once more, so their escape stays.
            out.push_str(if scope.later.contains(&name) { "$" } else { "" });
            out.push_str(reference);
        } else {
            out.push_str(before);
            out.push_str(&looked_up(node, reference, name, scope, complaints));
        }
        rest = after;
    }
    out.push_str(rest);
    Node { place: node.place, kind: Kind::Text(out) }
}

fn looked_up(node: &Node, reference: &str, name: &str, scope: &Scope, complaints: &mut Complaints) -> String {
    if scope.later.contains(&name) {
        return reference.to_owned();
    }
    let found = scope.find(name);
    if let Some(text) = found.and_then(written) {
        return text;
    }
    complaints.push(match found {
        Some(value) => Complaint::error(
            "variable-type",
            node.place,
            format!("`{reference}` is {} and cannot be part of a text", value.described()),
        )
        .help("let it stand alone, or use one of its leaves"),
        None => {
            let known = scope.known();
            Complaint::error("undeclared-variable", node.place, format!("there is no variable `{name}`"))
                .help(did_you_mean(name, known.iter().map(String::as_str)))
        }
    });
    reference.to_owned()
}
