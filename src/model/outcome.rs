//! How acts, phases and runs end.

use super::{CheckId, Span, StepId};
use serde::{Deserialize, Serialize};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessEnd {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
}

/// How the reason ends for which a program was not begun that no folder of the search path has.
pub const NOT_ON_PATH: &str = "not found in PATH";

/// How a step, an undo or a rollback step ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It did what it says.
    Done,
    /// Its `when` did not hold.
    NotApplicable(String),
    /// Its program ended badly.
    Failed(ProcessEnd),
    /// It was never begun, so it changed nothing: the program could not be started, nobody was there to do it.
    NotStarted(String),
    /// A built-in act failed, and may have done part of its work.
    Broken(String),
    /// It was killed after this long.
    TimedOut(Span),
    /// A person said no.
    Declined,
    /// A person interrupted it.
    Interrupted,
    /// The runner was gone before the end was recorded: nobody knows.
    Lost,
}

impl StepOutcome {
    /// Whether its program ran and ended otherwise than it should: its last words may say why.
    #[must_use]
    pub const fn ended_badly(&self) -> bool {
        match self {
            Self::Failed(_) | Self::TimedOut(_) => true,
            Self::Done
            | Self::NotApplicable(_)
            | Self::NotStarted(_)
            | Self::Broken(_)
            | Self::Declined
            | Self::Interrupted
            | Self::Lost => false,
        }
    }
}

/// Which list of a phase a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// `apply`.
    Apply,
    /// `commit`.
    Commit,
    /// `rollback`.
    Rollback,
}

/// When checks are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The phase's `applies_if`.
    Applies,
    /// Before anything is recorded.
    Preflight,
    /// The validation checks, before the phase acts: the values to compare with.
    Baseline,
    /// After the phase acted.
    Validate,
    /// The validation checks, after the way back.
    Reprobe,
}

/// Why a phase does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// These checks failed.
    ChecksFailed(Vec<CheckId>),
    /// These checks could not be measured.
    ChecksBroken(Vec<CheckId>),
    /// These checks were measured and are undecided.
    ChecksUndecided(Vec<CheckId>),
    /// This step did not succeed.
    StepFailed {
        /// The list it belongs to.
        part: Part,
        /// The step.
        step: StepId,
        /// How it ended.
        outcome: StepOutcome,
    },
    /// A layer could not be recorded.
    NotRecorded(String),
    /// A layer could not be made permanent.
    NotKept(String),
    /// The guard could not be armed.
    NotArmed(String),
    /// The journal could not be written.
    JournalLost(String),
    /// Nobody said keep within the confirm window.
    NotConfirmed,
    /// A person said no.
    Declined,
    /// A person interrupted the run.
    Interrupted,
    /// A person asked for the way back.
    Asked,
    /// The run was taken up again too often.
    TooManyResumptions(u32),
    /// The runner was gone before the phase was decided.
    RunnerGone,
    /// The runner did not decide the phase within the time that its guard gave it.
    DeadlinePassed,
    /// The machine went down before the phase was decided, and nobody had asked for that.
    Rebooted,
    /// Something else booted than what the phase had prepared.
    WrongBoot(Vec<Item>),
}

impl Cause {
    /// Whether the change itself is to blame, so that it is not taken again without `--override`.
    #[must_use]
    pub const fn rejects(&self) -> bool {
        match self {
            Self::ChecksFailed(_)
            | Self::ChecksBroken(_)
            | Self::ChecksUndecided(_)
            | Self::NotKept(_)
            | Self::NotConfirmed
            | Self::TooManyResumptions(_) => true,
            Self::StepFailed { outcome, .. } => match outcome {
                StepOutcome::Failed(_) | StepOutcome::Broken(_) | StepOutcome::TimedOut(_) => true,
                // The change was not tried, or nobody knows how it ended: a crash says nothing against it.
                StepOutcome::NotStarted(_) | StepOutcome::Lost => false,
                // A person's doing, not the change's.
                StepOutcome::Declined | StepOutcome::Interrupted => false,
                StepOutcome::Done | StepOutcome::NotApplicable(_) => false,
            },
            Self::NotRecorded(_)
            | Self::NotArmed(_)
            | Self::JournalLost(_)
            | Self::Declined
            | Self::Interrupted
            | Self::Asked => false,
            Self::WrongBoot(_) => true,
            // Whose doing that was, nobody knows.
            Self::RunnerGone | Self::DeadlinePassed | Self::Rebooted => false,
        }
    }

    /// Whether nobody knows yet how it stands: what could not be measured, or is undecided, may be at another look.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        match self {
            Self::ChecksBroken(_) | Self::ChecksUndecided(_) => true,
            Self::ChecksFailed(_)
            | Self::StepFailed { .. }
            | Self::NotRecorded(_)
            | Self::NotKept(_)
            | Self::NotArmed(_)
            | Self::JournalLost(_)
            | Self::NotConfirmed
            | Self::Declined
            | Self::Interrupted
            | Self::Asked
            | Self::TooManyResumptions(_)
            | Self::RunnerGone
            | Self::DeadlinePassed
            | Self::Rebooted
            | Self::WrongBoot(_) => false,
        }
    }
}

/// How a phase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseEnd {
    /// Validated and permanent.
    Committed,
    /// Its `applies_if` did not hold.
    NotApplicable,
    /// Refused before anything changed.
    Refused,
    /// The machine is as before, but for steps that the plan says cannot be undone.
    Reverted,
    /// The way back failed for named items.
    Inconsistent,
    /// The way back failed for named items, and a person says that they were put right by hand.
    Resolved,
}

/// How a run ended. Every run that is not paused ends in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every phase that it took is committed, or there was nothing to do.
    Committed,
    /// A phase was refused; it changed nothing.
    Refused,
    /// A phase was rolled back; the machine is as before that phase, but for steps that the plan says cannot be undone.
    RolledBack,
    /// A rollback failed; the items are named.
    Inconsistent,
    /// A rollback failed, and a person says that the named items were put right by hand.
    Resolved,
}

/// A named thing that is neither in the recorded nor in the new state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Item {
    /// What: a path, a profile, a step, a check.
    pub name: String,
    /// Observed value and rule, or what went wrong.
    pub why: String,
}

/// What is said of what takes a program, where the machine that it belongs to does not run.
pub const WAITS: &str = "waits for the booted machine";

impl Item {
    /// A named item.
    pub fn new(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), why: why.into() }
    }

    /// Whether nothing but the booted machine is missing for it.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.why.contains(WAITS)
    }
}
