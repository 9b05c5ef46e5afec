//! What a rehearsal found: how a plan can end, and what its way back leaves in a sandbox.

use super::{
    Cause, CheckId, Choice, Item, LayerKind, Moment, Outcome, Part, PhaseEnd, PhaseId, StepId, StepOutcome,
};
use serde::{Deserialize, Serialize};

/// In what way something differs from what was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It was not there.
    Created,
    /// It is not there any more.
    Removed,
    /// It is of another kind: a link where a file was.
    Kind,
    /// Its bytes, or where the link leads.
    Bytes,
    /// Its permission bits.
    Mode,
    /// Its user or group.
    Owner,
    /// Its extended attributes, access lists among them.
    Attributes,
}

/// After what something was first found written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Maker {
    /// The phase.
    pub phase: PhaseId,
    /// The act of that phase, in words: `step add`, `undo of step add`.
    pub act: String,
    /// Where the plan says that it cannot be undone, its reason.
    pub by_design: Option<String>,
}

/// Something that the way back leaves otherwise than it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residue {
    /// The path; what is not UTF-8 in it is shown replaced.
    pub path: String,
    /// What it is now, or was: `file`, `folder`, `link`, `device`, `pipe`, `socket`.
    pub what: String,
    /// In what ways it differs; never empty.
    pub how: Vec<How>,
    /// The act after which it was first found written; nothing where no act can be named.
    pub by: Option<Maker>,
}

/// A step that was taken in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTried {
    /// The list it belongs to.
    pub part: Part,
    /// The step.
    pub step: StepId,
    /// How it ended.
    pub outcome: StepOutcome,
    /// It is a person's, and was taken for done.
    pub by_person: bool,
    /// What it printed last, where it did not end well.
    pub said: Vec<String>,
}

/// A phase that was taken in the sandbox and taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTried {
    /// The phase.
    pub phase: PhaseId,
    /// Its steps, in the order in which they ended.
    pub steps: Vec<StepTried>,
    /// Why it went back by itself.
    pub cause: Option<Cause>,
    /// How it ended going forward; nothing where it stopped.
    pub forward: Option<PhaseEnd>,
    /// How its way back ended; nothing where there was none.
    pub back: Option<PhaseEnd>,
    /// What the way back could not restore, by name.
    pub items: Vec<Item>,
    /// What cannot be undone, as the plan says.
    pub left: Vec<Item>,
}

/// A plan, tried in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandboxed {
    /// The phases that were tried, in order.
    pub phases: Vec<PhaseTried>,
    /// Phases that were not tried, since one before them did not go through.
    pub not_tried: Vec<PhaseId>,
    /// What the way back leaves otherwise than it was, by path.
    pub residue: Vec<Residue>,
    /// Paths that were written to and are as before.
    pub restored: usize,
    /// What is not in the sandbox as it is on the machine.
    pub left_out: Vec<Item>,
    /// What is not looked at, in words.
    pub excluded: Vec<String>,
    /// What went wrong with the rehearsal itself.
    pub trouble: Vec<String>,
}

impl Residue {
    /// Whether the plan says that this is left.
    #[must_use]
    pub fn by_design(&self) -> bool {
        self.by.as_ref().is_some_and(|by| by.by_design.is_some())
    }
}

impl Sandboxed {
    /// Whether something is left of which the plan does not say so.
    #[must_use]
    pub fn leaves(&self) -> bool {
        !self.residue.iter().all(Residue::by_design)
    }

    /// Whether every phase went through, and every way back ended as before.
    #[must_use]
    pub fn whole(&self) -> bool {
        let through = |phase: &PhaseTried| {
            phase.forward == Some(PhaseEnd::Committed) && phase.back == Some(PhaseEnd::Reverted)
        };
        self.trouble.is_empty() && self.not_tried.is_empty() && self.phases.iter().all(through)
    }
}

/// How a run of one phase can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Validated and permanent.
    Committed,
    /// It does not apply to the machine.
    NotApplicable,
    /// It was not begun, or refused: nothing was changed.
    NothingChanged,
    /// It went back, and the machine is as before the phase.
    RolledBack,
    /// It went back, but for what the plan says cannot be undone.
    RolledBackBut,
    /// It stopped and waits for a person.
    Paused,
    /// The way back failed for named items.
    Inconsistent,
    /// Nobody can say where that leaves the machine.
    Nameless,
}

impl Ending {
    /// Every ending, the best first.
    pub const ALL: [Self; 8] = [
        Self::Committed,
        Self::NotApplicable,
        Self::NothingChanged,
        Self::RolledBack,
        Self::RolledBackBut,
        Self::Paused,
        Self::Inconsistent,
        Self::Nameless,
    ];
}

/// Something that happened on the way to an ending, other than that all went well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "deed", content = "of")]
pub enum Deed {
    /// A step, or a rollback step, ended otherwise than well.
    Step {
        /// The list it belongs to.
        part: Part,
        /// The step.
        step: StepId,
        /// How it ended.
        outcome: StepOutcome,
    },
    /// The undo of a step ended otherwise than well.
    Undo {
        /// The list the step belongs to.
        part: Part,
        /// The step.
        step: StepId,
        /// How it ended.
        outcome: StepOutcome,
    },
    /// One check of a moment did not hold; any of so many that are like it.
    Check {
        /// When.
        moment: Moment,
        /// The first of them.
        check: CheckId,
        /// How many of that weight are judged then.
        of: usize,
        /// Whether they are critical.
        critical: bool,
        /// What it found.
        outcome: Outcome,
    },
    /// A layer could not be recorded.
    NotRecorded(LayerKind),
    /// The capsule could not be completed.
    NotSealed,
    /// The guard could not be armed.
    NotArmed,
    /// A layer could not be made permanent.
    NotKept(LayerKind),
    /// A layer could not be restored.
    NotRestored(LayerKind),
    /// No generation can be opened.
    NotOpened,
    /// What happened could not be recorded: the disk is full.
    Unrecorded,
    /// The runner is killed at this stage; what it was doing may have been done.
    Killed {
        /// The stage, as the diagram names it.
        at: String,
    },
    /// The run is taken up where it stood.
    TakenUp,
    /// A person asks for the way back.
    RollbackAsked,
    /// A person asks to stop at the next safe point.
    StopAsked,
    /// A person asks twice to stop.
    StopInsisted,
    /// A person says no at the gate.
    GateClosed,
    /// Nobody says keep.
    Silence,
    /// A person says that it is not to be kept.
    NotKeptByPerson,
    /// In trouble, a person chooses.
    Chosen(Choice),
    /// It does not stay healthy while it soaks.
    SoakFailed,
}

impl Deed {
    /// How much it adds to the length of a story: of two that lead to one end, the one is told that is more likely.
    #[must_use]
    pub const fn weight(&self) -> usize {
        match self {
            Self::Step { outcome: StepOutcome::NotStarted(_), .. }
            | Self::Undo { outcome: StepOutcome::NotStarted(_), .. } => 11,
            Self::Step { .. } | Self::Undo { .. } | Self::Check { .. } => 10,
            Self::NotRecorded(_) | Self::NotKept(_) | Self::NotRestored(_) | Self::Silence => 11,
            Self::Killed { .. } | Self::StopAsked | Self::GateClosed | Self::NotKeptByPerson => 12,
            Self::NotSealed | Self::NotArmed | Self::NotOpened | Self::Unrecorded => 13,
            Self::StopInsisted | Self::SoakFailed => 14,
            Self::TakenUp | Self::RollbackAsked | Self::Chosen(_) => 3,
        }
    }

    /// Whether something goes wrong with it, and it is not what somebody does about that.
    #[must_use]
    pub const fn is_wrong(&self) -> bool {
        match self {
            Self::Step { outcome, .. } => !matches!(outcome, StepOutcome::NotApplicable(_)),
            Self::TakenUp | Self::RollbackAsked | Self::Chosen(_) => false,
            Self::Undo { .. }
            | Self::Check { .. }
            | Self::NotRecorded(_)
            | Self::NotSealed
            | Self::NotArmed
            | Self::NotKept(_)
            | Self::NotRestored(_)
            | Self::NotOpened
            | Self::Unrecorded
            | Self::Killed { .. }
            | Self::StopAsked
            | Self::StopInsisted
            | Self::GateClosed
            | Self::Silence
            | Self::NotKeptByPerson
            | Self::SoakFailed => true,
        }
    }
}

/// One ending of a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndingFound {
    /// Which.
    pub ending: Ending,
    /// So many ways lead there; as many as can be counted, where there are more.
    pub ways: u128,
    /// The shortest of them.
    pub story: Vec<Deed>,
    /// Why, where the end itself says it.
    pub cause: Option<Cause>,
    /// What is neither old nor new, by name, on any of them.
    pub items: Vec<Item>,
    /// What cannot be undone, as the plan says, on any of them.
    pub left: Vec<Item>,
    /// What makes it nameless.
    pub why: Option<String>,
}

/// The endings of one phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseForeseen {
    /// The phase.
    pub phase: PhaseId,
    /// Its endings, the best first.
    pub endings: Vec<EndingFound>,
    /// So many states were seen.
    pub states: usize,
    /// Explorations that were broken off since there were too many states.
    pub cut: Vec<&'static str>,
}

/// All that can become of a plan, as far as it was explored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// By phase, in order.
    pub phases: Vec<PhaseForeseen>,
    /// What was explored, in words.
    pub explored: Vec<&'static str>,
    /// What was taken together, in words.
    pub together: Vec<&'static str>,
}

impl EndingFound {
    /// How many things go wrong on the shortest way there.
    #[must_use]
    pub fn wrongs(&self) -> usize {
        self.story.iter().filter(|deed| deed.is_wrong()).count()
    }
}

impl Foreseen {
    /// Whether every ending has a name.
    #[must_use]
    pub fn named(&self) -> bool {
        self.phases.iter().all(|phase| phase.endings.iter().all(|it| it.ending != Ending::Nameless))
    }
}
