//! What the looking verbs show: plain data, made by `cli` from the capsules, put into words by `report`.

use super::{
    Act, Cause, CheckId, CheckReport, Digest, GenerationNumber, Item, LayerRecord, Moment, PhaseEnd, PhaseId,
    PlanName, RunAs, RunId, StepId, Timestamp, Verdict,
};
use serde::Serialize;

/// One phase of the plan in `status`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseLine {
    /// Which.
    pub phase: PhaseId,
    /// What a person reads.
    pub title: Option<String>,
    /// How it ended last, where it was taken.
    pub end: Option<PhaseEnd>,
    /// Whether it is the one that is open or due.
    pub due: bool,
}

/// Where we are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The state folder.
    pub state: String,
    /// The current generation; absent where nothing was ever run.
    pub current: Option<CurrentLine>,
    /// The phases of its plan.
    pub phases: Vec<PhaseLine>,
    /// Plan revisions rejected on this machine.
    pub quarantine: Vec<QuarantineLine>,
    /// Who holds the lock, where somebody does.
    pub holder: Option<String>,
    /// What is damaged, by name.
    pub damage: Vec<Item>,
}

/// The current generation in `status`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurrentLine {
    /// Its number.
    pub generation: GenerationNumber,
    /// The run it belongs to.
    pub run: RunId,
    /// The plan.
    pub plan: PlanName,
    /// Its revision.
    pub revision: u32,
    /// The phase.
    pub phase: PhaseId,
    /// The stage in one word: `validating`, `paused`, `committed`.
    pub stage: String,
    /// The end of the run, where it ended.
    pub verdict: Option<Verdict>,
    /// What is wrong or waited for.
    pub cause: Option<Cause>,
    /// Who must do what now, as a sentence with a command; absent where nobody must.
    pub waiting: Option<String>,
    /// The phase soaks until then.
    pub soak_until: Option<Timestamp>,
    /// When the generation began.
    pub began: Timestamp,
    /// When its last fact was recorded.
    pub last: Timestamp,
    /// What is neither old nor new.
    pub items: Vec<Item>,
}

/// A rejected plan revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct QuarantineLine {
    /// The plan.
    pub plan: PlanName,
    /// Its revision.
    pub revision: u32,
    /// Its digest.
    pub digest: Digest,
    /// The phase that was rejected.
    pub phase: PhaseId,
    /// The generation that tells the story.
    pub generation: GenerationNumber,
    /// Why.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
}

/// One generation in `history` and `rollback --list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryLine {
    /// Its number.
    pub generation: GenerationNumber,
    /// The run.
    pub run: RunId,
    /// The plan.
    pub plan: PlanName,
    /// Its revision.
    pub revision: u32,
    /// The phase.
    pub phase: PhaseId,
    /// When it began.
    pub began: Timestamp,
    /// When its last fact was recorded.
    pub last: Timestamp,
    /// How the phase ended; absent while it is open.
    pub end: Option<PhaseEnd>,
    /// Why it went back or stopped.
    pub cause: Option<Cause>,
    /// What was recorded, a line for each layer.
    pub layers: Vec<String>,
}

/// One generation in `show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Showing {
    /// The line that `history` shows.
    pub line: HistoryLine,
    /// What was recorded.
    pub records: Vec<LayerRecord>,
    /// Steps in the order in which they ran: list, name, how they ended in words.
    pub steps: Vec<StepLine>,
    /// Every check result.
    pub checks: Vec<CheckLine>,
    /// What is neither old nor new.
    pub items: Vec<Item>,
    /// Evidence files, relative to the capsule.
    pub evidence: Vec<String>,
    /// What is damaged in the capsule.
    pub damage: Vec<Item>,
    /// The capsule's folder.
    pub capsule: String,
}

/// One step in `show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepLine {
    /// `apply`, `commit`, `rollback` or `undo`.
    pub part: String,
    /// Its name.
    pub step: String,
    /// How it ended; absent where it did not.
    pub outcome: Option<super::StepOutcome>,
}

/// One check result in `show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckLine {
    /// When it was judged.
    pub moment: Moment,
    /// The result.
    pub report: CheckReport,
    /// The reason for which it was accepted all the same.
    pub accepted: Option<String>,
}

/// What a rollback will do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RollbackPreview {
    /// The state folder.
    pub state: String,
    /// The generations that are gone back, newest first; empty where there is nothing to go back to.
    pub generations: Vec<WayBackPreview>,
}

/// How one generation is gone back, each list in the order in which it is done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WayBackPreview {
    /// Its number.
    pub generation: GenerationNumber,
    /// The plan.
    pub plan: PlanName,
    /// Its revision.
    pub revision: u32,
    /// The phase before which the machine will be.
    pub phase: PhaseId,
    /// A way back was begun before and did not end; it is finished.
    pub begun: bool,
    /// Undos that are owed.
    pub undo: Vec<PreviewStep>,
    /// Layers that are restored and read back.
    pub layers: Vec<LayerRecord>,
    /// What restoring the layers changes now, a line each, the first twenty; empty where all is as recorded.
    pub differences: Vec<String>,
    /// The phase's own rollback steps.
    pub rollback: Vec<PreviewStep>,
    /// Checks that are probed again and compared with the baseline.
    pub checks: Vec<CheckId>,
}

/// A step of a way back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PreviewStep {
    /// The step that is undone, or the rollback step.
    pub step: StepId,
    /// What is done.
    pub act: Act,
    /// As whom.
    pub who: RunAs,
}
