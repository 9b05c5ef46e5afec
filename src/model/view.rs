//! What the looking verbs show: plain data, made by `cli` from the capsules, put into words by `report`.

use super::{
    Act, Cause, CheckId, CheckReport, Digest, GenerationNumber, Held, Invoker, Item, LayerKind, LayerRecord,
    Moment, PhaseEnd, PhaseId, PlanName, RunAs, RunId, Span, StepId, Timestamp, Value, Verdict,
};
use chrono::NaiveDate;
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
    /// When it is due.
    #[serde(flatten)]
    pub time: PhaseTime,
}

/// When a phase is due.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseTime {
    /// The first day on which it is due; absent where the plan says no week.
    #[serde(serialize_with = "day")]
    pub first: Option<NaiveDate>,
    /// The last.
    #[serde(serialize_with = "day")]
    pub last: Option<NaiveDate>,
    /// Whether that is now, or what it waits for.
    pub timing: Timing,
}

/// Whether a phase is due, or what it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// It is committed, or does not apply.
    Settled,
    /// It may be taken now.
    Due,
    /// Its last day was so many days ago.
    Late(i64),
    /// Its first day is still to come.
    Early,
    /// Today is no day of the calendar.
    DayOff,
    /// The phase before it soaks until then.
    Soaks(Timestamp),
    /// What was found of this one while it soaked is left to a person.
    Held(PhaseId),
    /// This one comes first.
    After(PhaseId),
}

#[expect(clippy::ref_option, reason = "serde hands it over so")]
fn day<S: serde::Serializer>(day: &Option<NaiveDate>, to: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => to.collect_str(day),
        None => to.serialize_none(),
    }
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
    /// Where today is in the plan's calendar, where it has one.
    pub today: Option<super::Today>,
    /// Plan revisions rejected on this machine.
    pub quarantine: Vec<QuarantineLine>,
    /// Who holds the lock, where somebody does.
    pub holder: Option<String>,
    /// What is damaged, by name.
    pub damage: Vec<Item>,
    /// Which generations are kept.
    pub kept: Kept,
}

/// Which generations are kept: all that changed something, and of those that changed nothing the newest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Kept {
    /// How many there are.
    pub generations: usize,
    /// The oldest.
    pub oldest: Option<GenerationNumber>,
    /// So many of those that changed nothing are kept at most,
    pub spent_at_most: usize,
    /// and so many bytes of what they saved.
    pub spent_bytes_at_most: u64,
}

/// Who judges a phase while it soaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoakWatch {
    /// A timer that was set up, so often or at these times, in words.
    Timer(String),
    /// Nobody; the plan wants it that often, in words, where it says so.
    Nobody(Option<String>),
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
    /// Who judges it while it soaks; absent where it soaks no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak_watch: Option<SoakWatch>,
    /// When the generation began.
    pub began: Timestamp,
    /// When its last fact was recorded.
    pub last: Timestamp,
    /// What is neither old nor new.
    pub items: Vec<Item>,
    /// After a way back: what acted and cannot be undone, as the plan says.
    pub left: Vec<Item>,
    /// Checks that did not pass and were accepted all the same, with the reason; nothing after a way back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Item>,
    /// What a person says was put right by hand.
    pub resolved: Option<Resolution>,
    /// What was found of it last while it soaked, where that was left to a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}

/// That a phase was held while it soaked, and how that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Hold {
    /// What was found.
    #[serde(flatten)]
    pub held: Held,
    /// How it was released; absent where it still holds the next phase.
    pub released: Option<Release>,
}

/// That a phase holds the next one no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Release {
    /// Why.
    pub reason: String,
    /// The login name of who says so; absent where a later look found it well.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What a person says was put right by hand after a way back that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Resolution {
    /// What was neither old nor new until then.
    pub items: Vec<Item>,
    /// What was done.
    pub reason: String,
    /// The login name of who says so.
    pub by: String,
    /// When.
    pub at: Timestamp,
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
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
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
    /// After a way back: what acted and cannot be undone, as the plan says.
    pub left: Vec<Item>,
    /// Checks that did not pass and were accepted all the same, with the reason; nothing after a way back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Item>,
    /// What was found of it last while it soaked, where that was left to a person; nothing after a way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// When the phase ended first; a way back that was asked for later is not counted to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Timestamp>,
    /// What a person says was put right by hand.
    pub resolved: Option<Resolution>,
    /// Where it stands, in the word that `status` says; only of a phase that has not ended, and only where somebody looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// When a person gave it up; absent while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Timestamp>,
}

/// One generation in `show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Showing {
    /// The line that `history` shows.
    pub line: HistoryLine,
    /// What was recorded.
    pub records: Vec<LayerRecord>,
    /// Where the phase is in effect: what is not as it was recorded, as it is now.
    pub changes: Option<Vec<Change>>,
    /// What the way back changed, as it was done: each with its path and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed_back: Vec<String>,
    /// Steps in the order in which they ran: list, name, how they ended in words.
    pub steps: Vec<StepLine>,
    /// Every check result.
    pub checks: Vec<CheckLine>,
    /// What is neither old nor new.
    pub items: Vec<Item>,
    /// Who said keep within the confirm window, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmation>,
    /// Evidence files, relative to the capsule.
    pub evidence: Vec<String>,
    /// What is damaged in the capsule.
    pub damage: Vec<Item>,
    /// The capsule's folder.
    pub capsule: String,
}

/// That somebody said keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// Who; absent where the record does not say.
    pub by: Option<Invoker>,
    /// When the run heard it.
    pub at: Timestamp,
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
    /// What was done, with what only the run knew filled in; absent where the plan cannot be read.
    #[serde(skip)]
    pub act: Option<Act>,
    /// The program with its arguments as it was executed, where it was one.
    pub argv: Option<Vec<String>>,
    /// Its exit status, where it ended with one.
    pub exit: Option<i32>,
    /// Where it ended badly: the last line that its program printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// When it began, where that was recorded.
    pub began: Option<Timestamp>,
    /// How long it took, where it ended.
    pub took: Option<Span>,
}

/// One thing that is not as a layer recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which layer recorded it.
    pub layer: LayerKind,
    /// How it differs.
    pub change: Changed,
    /// A path, a profile, the name of a layer.
    pub name: String,
    /// What was recorded: a store path.
    pub from: Option<String>,
    /// What is there now.
    pub to: Option<String>,
    /// In which ways it differs, in words.
    pub how: Vec<String>,
}

/// How a thing differs from its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Changed {
    /// It was not there.
    Created,
    /// It was otherwise.
    Changed,
    /// It is not there any more.
    Removed,
    /// Nobody can tell without running a program.
    Unknown,
}

/// One check result in `show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckLine {
    /// When it was judged, by the clock.
    pub at: Timestamp,
    /// When it was judged, in the life of the phase.
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
    /// What is not as it was recorded after that either: put right by hand, or left by design.
    pub stays: Vec<Item>,
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
    pub layers: Vec<PreviewLayer>,
    /// The phase's own rollback steps.
    pub rollback: Vec<PreviewStep>,
    /// Checks that are probed again and compared with the baseline.
    pub checks: Vec<CheckId>,
}

/// A layer of a way back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PreviewLayer {
    /// What was recorded.
    #[serde(flatten)]
    pub record: LayerRecord,
    /// What restoring it changes now, a line each, the first twenty; empty where all is as recorded.
    pub differences: Vec<String>,
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

/// A named check, for listings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedCheck {
    /// Its name.
    pub name: String,
    /// The library that holds it.
    pub library: String,
    /// What it is good for.
    pub about: String,
    /// The shipped library whose check of that name it goes before, where there is one.
    pub shadows: Option<String>,
    /// Its parameters: name, type in words, default as JSON where there is one, meaning.
    pub parameters: Vec<NamedParameter>,
    /// What it stands for, as it is written.
    pub check: Value,
}

/// A parameter of a named check, for listings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedParameter {
    /// Its name.
    pub name: String,
    /// What its value must be, in words.
    pub expects: String,
    /// The value where none is stated; the parameter is required where this is absent.
    pub default: Option<String>,
    /// What it means.
    pub about: String,
}

/// One baseline, in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaselineLine {
    /// Its name.
    pub name: String,
    /// The plan whose checks these are.
    pub plan: PlanName,
    /// Its revision.
    pub revision: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// Whether it is kept until it is unpinned.
    pub pinned: bool,
}

/// One field of one check that differs from a baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The phase.
    pub phase: PhaseId,
    /// Its check.
    pub check: CheckId,
    /// The field of what it saw.
    pub field: String,
    /// What it was; absent where it was not there.
    pub before: Option<Value>,
    /// What it is; absent where it is not there.
    pub now: Option<Value>,
}
