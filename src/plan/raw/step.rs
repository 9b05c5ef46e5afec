//! Steps, as written.

use super::{CheckForm, FromWord, Length, Short, Word};
use crate::model::{Changes, RunAs, SettingsFormat};
use crate::plan::read::At;
use crate::plan::tree::Node;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One act inside a phase: exactly one of `run`, `shell`, `install`, `set` and `ask`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with the fields of a step")]
#[schemars(rename = "Step", extend("oneOf" = [
    {"required": ["run"]}, {"required": ["shell"]}, {"required": ["install"]}, {"required": ["set"]},
    {"required": ["ask"]}
]))]
pub(in crate::plan) struct StepForm {
    /// Its name, unique within the phase. Made from the list and the place where it is not stated: `apply-1`.
    pub(in crate::plan) id: Option<At<String>>,
    /// One line for people.
    pub(in crate::plan) title: Option<String>,
    /// A program and its arguments. Never a shell.
    #[schemars(length(min = 1))]
    pub(in crate::plan) run: Option<At<Vec<Word>>>,
    /// A text for `/bin/sh -eu`. Never interpolated: `vars` reach it as environment variables.
    pub(in crate::plan) shell: Option<At<String>>,
    /// Puts a file in place.
    pub(in crate::plan) install: Option<At<InstallForm>>,
    /// Sets keys in a settings file and keeps the rest byte for byte.
    pub(in crate::plan) set: Option<At<SetForm>>,
    /// Something that a person does and says so.
    pub(in crate::plan) ask: Option<At<String>>,
    /// The machine goes down and comes up again, and the phase goes on with the next step: a sentence that says why.
    pub(in crate::plan) reboot: Option<At<String>>,
    /// As whom it runs. As whoever runs switchback where it is not stated.
    #[serde(rename = "as")]
    pub(in crate::plan) who: Option<At<RunAs>>,
    /// When its whole process group is killed, and that of its undo. Where it is not stated: `1h`, and `10m` for its undo
    /// and for the steps of a phase's `rollback`.
    pub(in crate::plan) timeout: Option<At<Length>>,
    /// Variables added to the fixed environment of children.
    #[serde(default)]
    pub(in crate::plan) env: BTreeMap<String, Word>,
    /// The working folder. `/` where it is not stated.
    pub(in crate::plan) folder: Option<At<String>>,
    /// How it is undone where no layer restores what it touched: an act, or `none` with a `reason`. The act must be
    /// repeatable.
    pub(in crate::plan) undo: Option<At<Short<UndoForm>>>,
    /// With `undo: none`: why that is acceptable.
    pub(in crate::plan) reason: Option<At<String>>,
    /// Whether it may simply run again after a crash in the middle of it. `false` where it is not stated.
    pub(in crate::plan) idempotent: Option<bool>,
    /// `nothing` where it leaves the machine as it is (a build, a download into a cache).
    pub(in crate::plan) changes: Option<At<Changes>>,
    /// The step is skipped where this check does not pass.
    #[schemars(with = "Option<CheckForm>")]
    pub(in crate::plan) when: Option<Node>,
}

/// Puts a file in place.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `from`, `to`, `mode` and `owner`")]
#[schemars(rename = "Install")]
pub(in crate::plan) struct InstallForm {
    /// The file to put in place, relative to the plan. Read when the plan is loaded, at most 16 MiB.
    pub(in crate::plan) from: At<String>,
    /// Where it goes: an absolute path or one from `~/`.
    pub(in crate::plan) to: At<String>,
    /// Permission bits in octal. `0644` where it is not stated.
    pub(in crate::plan) mode: Option<At<Word>>,
    /// `user`, `user:group`, or numbers. The runner's own where it is not stated.
    pub(in crate::plan) owner: Option<At<Word>>,
}

/// Sets keys in a settings file.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `file`, `format` and `keys`")]
#[schemars(rename = "Set")]
pub(in crate::plan) struct SetForm {
    /// The file: an absolute path or one from `~/`. Created where it is missing.
    pub(in crate::plan) file: At<String>,
    /// How it is written. Told by the name where that ends in `.ini`, `.json` or `.toml`.
    pub(in crate::plan) format: Option<SettingsFormat>,
    /// What to set: groups as maps within maps, the innermost with the keys and their values. `null` removes the key;
    /// an empty text does not.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub(in crate::plan) keys: Node,
}

/// How a step is undone: `none`, or one act. It runs as the step did, with its environment, and with its timeout where
/// one is stated; else with `10m`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "`none` or a map with one act")]
#[schemars(rename = "Undo", extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::plan) struct UndoForm {
    /// It cannot be undone; the step states a `reason`.
    #[serde(skip)]
    pub(in crate::plan) none: bool,
    /// A program and its arguments.
    pub(in crate::plan) run: Option<At<Vec<Word>>>,
    /// A text for `/bin/sh -eu`.
    pub(in crate::plan) shell: Option<At<String>>,
    /// Puts a file in place.
    pub(in crate::plan) install: Option<At<InstallForm>>,
    /// Sets keys in a settings file.
    pub(in crate::plan) set: Option<At<SetForm>>,
    /// Something that a person does and says so.
    pub(in crate::plan) ask: Option<At<String>>,
}

impl FromWord for UndoForm {
    const EXPECTED: &'static str = "`none` or a map with one act";
    const WORDS: &'static [&'static str] = &["none"];

    fn from_word<E: serde::de::Error>(word: &str) -> Result<Self, E> {
        match word {
            "none" => Ok(Self { none: true, ..Self::default() }),
            other => Err(E::custom(format!(
                "wrong-value|`undo` cannot be `{other}`|`none`, or a map such as `{{run: [...]}}`"
            ))),
        }
    }
}
