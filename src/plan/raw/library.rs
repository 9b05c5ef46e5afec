//! Libraries of named checks, as written.

use super::{CheckForm, One};
use crate::plan::read::At;
use crate::plan::tree::Node;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Named checks with declared parameters.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `switchback` and `checks`")]
#[schemars(rename = "Library", title = "switchback library of checks")]
pub(in crate::plan) struct LibraryForm {
    /// The version of this format. There is only 1.
    #[schemars(with = "One")]
    pub(in crate::plan) switchback: At<super::Count>,
    /// What the library is about.
    pub(in crate::plan) about: Option<String>,
    /// The checks by name.
    #[schemars(with = "BTreeMap<String, DefinitionSchema>")]
    pub(in crate::plan) checks: Node,
}

/// The head of a named check; the rest of the map is the check itself.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `about` and `params`")]
#[schemars(rename = "DefinitionHead")]
pub(in crate::plan) struct DefinitionHead {
    /// What the check is good for, in a sentence or two.
    pub(in crate::plan) about: String,
    /// Its parameters by name.
    #[serde(default)]
    pub(in crate::plan) params: BTreeMap<String, ParameterForm>,
}

/// A parameter of a named check.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `type`, `default` and `about`")]
#[schemars(rename = "Parameter")]
pub(in crate::plan) struct ParameterForm {
    /// What its value must be.
    #[serde(rename = "type")]
    pub(in crate::plan) kind: ParameterKind,
    /// Its value where the plan states none. Without one the parameter must be stated.
    pub(in crate::plan) default: Option<Node>,
    /// What it means.
    pub(in crate::plan) about: String,
}

/// What the value of a parameter must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::plan) enum ParameterKind {
    /// Any text.
    Text,
    /// An absolute path or one from `~/`.
    Path,
    /// A number, a size, a share or a time.
    Amount,
    /// A share of a whole: a number from 0 to 1, or `30%`.
    Share,
    /// A percentage: a number from 1 to 100, or 0, or `30%`. 0.3 is none: it may mean a share.
    Percent,
    /// A whole number from 0.
    Count,
    /// A length of time.
    Length,
    /// `true` or `false`.
    Flag,
    /// A list of texts.
    List,
    /// A list of texts, at least one.
    NonEmptyList,
}

impl ParameterKind {
    /// In words.
    pub(in crate::plan) const fn described(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Path => "an absolute path, or one from `~/`",
            Self::Amount => "a number or an amount such as `20GiB`, `30%` or `5s`",
            Self::Share => "a share from 0 to 1, or from `0%` to `100%`",
            Self::Percent => "a percentage up to 100, such as `30` or `30%`",
            Self::Count => "a whole number from 0",
            Self::Length => "a length of time such as `30s`",
            Self::Flag => "`true` or `false`",
            Self::List => "a list of texts",
            Self::NonEmptyList => "a list of texts, at least one",
        }
    }
}

/// A named check: its head and the check itself in one map.
#[derive(JsonSchema)]
#[schemars(rename = "NamedCheck")]
#[expect(dead_code, reason = "exists for the schema alone")]
struct DefinitionSchema {
    /// What the check is good for, in a sentence or two.
    about: String,
    /// Its parameters by name.
    #[serde(default)]
    params: BTreeMap<String, ParameterForm>,
    #[serde(flatten)]
    check: CheckForm,
}
