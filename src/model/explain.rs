//! What a plan will do, as plain data for people and programs.

use super::{
    CheckId, Digest, Mode, OnOutcome, PhaseId, PlanName, Risk, RunAs, Setting, SettingsFormat, Severity,
    Soak, Span, StepId,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A plan, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The plan's name.
    pub name: PlanName,
    /// Its revision.
    pub revision: u32,
    /// What a person reads.
    pub title: Option<String>,
    /// The digest that is approved and run.
    pub digest: Digest,
    /// Whether it must be run by root.
    pub needs_root: bool,
    /// Its phases in the order in which they are taken.
    pub phases: Vec<PhaseExplanation>,
}

/// A phase, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseExplanation {
    /// Its name.
    pub id: PhaseId,
    /// What a person reads.
    pub title: Option<String>,
    /// Why it is done.
    pub why: Option<String>,
    /// How dangerous it is.
    pub risk: Risk,
    /// The week of the calendar.
    pub week: Option<u32>,
    /// The days of that week.
    pub days: Option<String>,
    /// The first and last day on which it is due, `YYYY-MM-DD`.
    pub due: Option<(String, String)>,
    /// Phases that must be committed before.
    pub needs: Vec<PhaseId>,
    /// Whether any of its acts needs root.
    pub needs_root: bool,
    /// It is left out where this does not pass.
    pub applies_if: Option<CheckExplanation>,
    /// What must pass before anything is recorded.
    pub preflight: Vec<CheckExplanation>,
    /// What is recorded before it begins, one line a layer.
    pub recorded: Vec<String>,
    /// What is done.
    pub apply: Vec<StepExplanation>,
    /// Wait before judging starts.
    pub settle: Span,
    /// What must hold afterwards.
    pub validate: Vec<CheckExplanation>,
    /// The time in which somebody must say keep.
    pub confirm: Option<Span>,
    /// What makes it permanent.
    pub commit: Vec<StepExplanation>,
    /// Where there are no commit steps: what the layers do to keep it, one line each.
    pub kept: Vec<String>,
    /// The time to stay healthy before the next phase.
    pub soak: Option<Soak>,
    /// Reactions where nobody is asked.
    pub on: OnOutcome,
    /// The way back, in the order in which it is taken after everything was applied.
    pub back: Vec<BackExplanation>,
}

/// A step, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepExplanation {
    /// Its name.
    pub id: StepId,
    /// What a person reads.
    pub title: Option<String>,
    /// What it does.
    pub act: ActExplanation,
    /// As whom.
    pub who: RunAs,
    /// Whether it needs root.
    pub needs_root: bool,
    /// When its process group is killed.
    pub timeout: Span,
    /// How it is undone, in words.
    pub undone: String,
    /// It is skipped where this does not pass.
    pub when: Option<CheckExplanation>,
}

/// What an act does, as it will be executed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ActExplanation {
    /// Executes a program.
    Run {
        /// Program and arguments.
        argv: Vec<String>,
        /// Variables added to the fixed environment.
        env: BTreeMap<String, String>,
        /// The working folder.
        folder: PathBuf,
    },
    /// Executes a shell with a text.
    Shell {
        /// Program and arguments, the text being the last.
        argv: Vec<String>,
        /// Variables added to the fixed environment.
        env: BTreeMap<String, String>,
    },
    /// Puts a file in place.
    Install {
        /// Where the plan takes it from.
        from: PathBuf,
        /// Where it goes.
        to: PathBuf,
        /// Permission bits in octal.
        mode: String,
        /// Its owner.
        owner: Option<String>,
        /// How many bytes.
        bytes: usize,
    },
    /// Sets keys in a settings file.
    Set {
        /// The file.
        file: PathBuf,
        /// How it is written.
        format: SettingsFormat,
        /// What is set.
        settings: Vec<Setting>,
    },
    /// A person does it.
    Ask {
        /// What to do.
        text: String,
    },
}

/// A check, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckExplanation {
    /// Its name.
    pub id: CheckId,
    /// What a person reads.
    pub title: Option<String>,
    /// What it looks at, in words.
    pub looks_at: String,
    /// The program that it executes, where it does.
    pub argv: Option<Vec<String>>,
    /// As whom.
    pub who: RunAs,
    /// Whether it needs root.
    pub needs_root: bool,
    /// What must hold, one line a field.
    pub expects: Vec<String>,
    /// How much a failure weighs.
    pub severity: Severity,
    /// Whether it counts.
    pub mode: Mode,
    /// Accepted beforehand until this day, with the reason.
    pub waived: Option<String>,
    /// What a person can do where it fails.
    pub hint: Option<String>,
}

/// One act of the way back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum BackExplanation {
    /// The undo of a step.
    Undo {
        /// Which step.
        step: StepId,
        /// What is done.
        act: ActExplanation,
        /// As whom.
        who: RunAs,
    },
    /// A step that cannot be undone.
    Stays {
        /// Which step.
        step: StepId,
        /// The stated reason.
        reason: String,
    },
    /// A layer is restored and read back.
    Layer {
        /// How, in words.
        how: String,
    },
    /// A rollback step.
    Rollback {
        /// The step.
        step: Box<StepExplanation>,
    },
    /// The baseline is probed again.
    ProbeAgain {
        /// Which checks.
        checks: Vec<CheckId>,
    },
}
