//! A plan, resolved and valid: nothing optional that is required, every variable replaced.

use super::{Check, Digest, LayerSpec, Part, PhaseId, PlanName, Span, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A staged change to a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name.
    pub name: PlanName,
    /// Raised by its author with every change of meaning.
    pub revision: u32,
    /// What a person reads.
    pub title: Option<String>,
    /// Over the canonical content of the plan and of every file that it reads; line endings and comments do not count.
    pub digest: Digest,
    /// The phases in an order in which every phase comes after what it needs.
    pub phases: Vec<Phase>,
    /// When the phases are due. Shown, never enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<super::Calendar>,
}

/// How dangerous a phase is, in its author's judgement.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Little can go wrong.
    Low,
    /// Something can go wrong.
    #[default]
    Medium,
    /// Much can go wrong.
    High,
}

/// What to do in a case of trouble where nobody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reaction {
    /// Go back.
    Rollback,
    /// Stop and wait for a person.
    Pause,
    /// Go on.
    Continue,
}

/// Reactions to the three kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OnOutcome {
    /// A check or step failed.
    pub fail: Reaction,
    /// A check is undecided.
    pub inconclusive: Reaction,
    /// A check could not be measured.
    pub error: Reaction,
}

impl Default for OnOutcome {
    fn default() -> Self {
        Self { fail: Reaction::Rollback, inconclusive: Reaction::Pause, error: Reaction::Pause }
    }
}

/// The time a phase must stay healthy before the next may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Soak {
    /// How long.
    pub length: Span,
    /// How often its checks are judged meanwhile.
    pub every: Option<Span>,
}

/// An ordered group of steps with its own preflight, validation and way back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Unique within the plan.
    pub id: PhaseId,
    /// What a person reads.
    pub title: Option<String>,
    /// Why it is done.
    pub why: Option<String>,
    /// The week of the calendar.
    pub week: Option<u32>,
    /// The days of that week, as written: `1-4`.
    pub days: Option<String>,
    /// How dangerous it is.
    pub risk: Risk,
    /// Phases that must be committed before.
    pub needs: Vec<PhaseId>,
    /// Recorded before, restored on the way back in reverse order.
    pub layers: Vec<LayerSpec>,
    /// Must pass before anything is recorded.
    pub preflight: Vec<Check>,
    /// What is done.
    pub apply: Vec<Step>,
    /// Wait before judging starts.
    pub settle: Span,
    /// Must hold afterwards.
    pub validate: Vec<Check>,
    /// Makes it permanent; where empty, the layers' own keep.
    pub commit: Vec<Step>,
    /// Taken on the way back after the layers are restored.
    pub rollback: Vec<Step>,
    /// Time to stay healthy before the next phase.
    pub soak: Option<Soak>,
    /// The time in which somebody must say keep.
    pub confirm: Option<Span>,
    /// What a reboot in the middle of it means.
    #[serde(default)]
    pub reboot: Reboot,
    /// Reactions where nobody is asked.
    pub on: OnOutcome,
    /// Left out where this check does not pass.
    pub applies_if: Option<Check>,
}

/// What a reboot between the first act of a phase and its commit means.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reboot {
    /// It was not planned: the phase goes back.
    #[default]
    Never,
    /// It may happen: the phase goes on where it stood.
    Expected,
    /// The phase needs one, after its last step and before it settles.
    Required,
}

impl Phase {
    /// Whether the machine goes down at this place of `apply`: for a step, or after the last one.
    #[must_use]
    pub fn reboots_at(&self, step: usize) -> bool {
        match self.apply.get(step) {
            Some(step) => matches!(step.act, super::Act::Reboot { .. }),
            None => step == self.apply.len() && self.reboot == Reboot::Required,
        }
    }

    /// The steps of one of its lists.
    #[must_use]
    pub fn steps(&self, part: Part) -> &[Step] {
        match part {
            Part::Apply => &self.apply,
            Part::Commit => &self.commit,
            Part::Rollback => &self.rollback,
        }
    }
}

impl Plan {
    /// The phase of that name.
    #[must_use]
    pub fn phase(&self, id: &PhaseId) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.id == *id)
    }
}
