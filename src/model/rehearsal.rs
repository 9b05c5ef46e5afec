//! What a rehearsal in a sandbox found.

use super::{Cause, Item, Part, PhaseEnd, PhaseId, StepId, StepOutcome};
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
