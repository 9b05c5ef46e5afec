//! Steps: one act each, and how it is undone.

use super::{Check, Span, StepId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A program and its arguments, as they will be executed. Never interpreted by a shell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CommandLine {
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// Variables added to the fixed environment of children.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Working folder; `/` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

impl CommandLine {
    /// A command of these words, with no further settings.
    #[must_use]
    pub fn new<T: Into<String>>(argv: impl IntoIterator<Item = T>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), env: BTreeMap::new(), folder: None }
    }
}

/// As whom a child runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunAs {
    /// As whoever runs switchback.
    #[default]
    Runner,
    /// As root; a plan with such steps is run by root.
    Root,
    /// As the invoking user, with all ids and groups set.
    User,
    /// As the invoking user with the environment of the logged-in desktop session.
    Session,
}

/// Whether a step alters the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Changes {
    /// It does; a way back is owed.
    #[default]
    Machine,
    /// It does not (a build, a download into a cache); nothing is owed.
    Nothing,
}

/// The formats that a `set` step can edit while it keeps the rest byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SettingsFormat {
    /// `[section]` and `key=value`.
    Ini,
    /// JSON.
    Json,
    /// TOML.
    Toml,
    /// KDE's dialect of INI: nested groups `[a][b]`, `key[$e]=value`.
    Kde,
}

/// One setting: where it is and what it shall be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The way to the key, outermost first: `["Compositing", "Backend"]`.
    pub path: Vec<String>,
    /// The value; null removes the key.
    pub value: super::Value,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Runs a program.
    Run(CommandLine),
    /// Gives a text to `/bin/sh -eu`. Variables reach it as environment only.
    Shell {
        /// The text, never interpolated.
        text: String,
        /// Environment for it.
        env: BTreeMap<String, String>,
    },
    /// Puts a file in place.
    Install {
        /// Where the plan takes it from; for messages only.
        from: PathBuf,
        /// The bytes as they were read when the plan was loaded, in base64.
        content: String,
        /// Where it goes.
        to: PathBuf,
        /// Permission bits; 0644 where the plan states none.
        mode: u32,
        /// `user`, `user:group`, or numbers; the runner's own where absent.
        owner: Option<String>,
    },
    /// Sets keys in a settings file and keeps the rest byte for byte.
    Set {
        /// The file; created where it is missing.
        file: PathBuf,
        /// How it is written.
        format: SettingsFormat,
        /// What to set.
        settings: Vec<Setting>,
    },
    /// A person does it and says so.
    Ask {
        /// What to do, as a sentence.
        text: String,
    },
    /// The machine goes down and comes up again; the phase goes on after it.
    Reboot {
        /// Why, as a sentence.
        why: String,
    },
}

/// How a step is undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepUndo {
    /// A layer of the phase restores what it touched.
    Layer,
    /// An act of its own. It must be repeatable: after a crash it may run twice.
    Act(Act),
    /// It cannot be undone, and the plan says why that is acceptable.
    None {
        /// The stated reason.
        reason: String,
    },
    /// It changes nothing.
    NotNeeded,
}

/// One act inside a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique within its phase.
    pub id: StepId,
    /// What a person reads.
    pub title: Option<String>,
    /// What it does.
    pub act: Act,
    /// As whom.
    pub who: RunAs,
    /// When its whole process group is killed.
    pub timeout: Span,
    /// When its undo is killed, where that is not as the step itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_timeout: Option<Span>,
    /// How it is undone.
    pub undo: StepUndo,
    /// Whether it may simply run again after a crash in the middle of it.
    pub idempotent: bool,
    /// Whether it alters the machine.
    pub changes: Changes,
    /// Taken only where this check passes; otherwise the step is skipped.
    pub when: Option<Box<Check>>,
}
