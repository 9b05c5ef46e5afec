//! Facts: past tense, closed, the only thing that is stored about a run.

use super::{
    Cause, CheckId, CheckReport, Digest, GenerationNumber, Item, LayerRecord, Moment, Part, PhaseEnd,
    PhaseId, PlanName, RunId, Span, StepId, StepOutcome, Timestamp, Verdict,
};
use serde::{Deserialize, Serialize};

/// Whether somebody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guidance {
    /// A person at a terminal is asked before each phase and in trouble.
    Guided,
    /// Nobody is asked; the plan's `on` decides.
    Unattended,
}

/// Which way a run goes that is taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Toward {
    /// On from where it stood.
    #[default]
    On,
    /// Back: a rollback was asked for.
    Back,
}

impl Toward {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
    const fn is_on(&self) -> bool {
        match self {
            Self::On => true,
            Self::Back => false,
        }
    }
}

/// What a person may answer in trouble.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Judge or do it once more.
    Retry,
    /// Go back.
    Rollback,
    /// Stop here and wait.
    Pause,
    /// Accept the failing checks, with a reason.
    Accept {
        /// The stated reason.
        reason: String,
    },
}

/// What kind of guard stands behind the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardKind {
    /// The runner's own supervision only: nothing acts when the runner is gone.
    Runner,
    /// A process of its own that sees the runner's end, and its time pass.
    Watchdog,
    /// The same in a unit of its own, and a timer of the service manager behind it.
    Timer,
}

/// What reverts when the runner cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Guarded {
    /// Which kind.
    pub kind: GuardKind,
    /// When it takes over from a runner that is still there; never, where the runner alone supervises itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Whether a boot unit takes over after a reboot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_boot: bool,
}

impl Guarded {
    /// By the runner's own supervision.
    pub const BY_THE_RUNNER: Self = Self { kind: GuardKind::Runner, until: None, at_boot: false };
}

/// How a layer came back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Restored {
    /// How many things had to be changed; 0 where all was as recorded.
    pub changed: u64,
    /// What is still not as recorded, by reading back.
    pub failed: Vec<Item>,
}

/// A file of a sealed capsule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SealedFile {
    /// Its name in the capsule.
    pub name: String,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// For whom a run was begun: `as: user` is this user, on the way back too, whoever asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Invoker {
    /// The user id.
    pub uid: u32,
    /// The login name then.
    pub name: String,
}

/// What was found of a committed phase while it soaks, where that is left to a person: no phase of its plan begins until it
/// is released.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Held {
    /// When that was looked at.
    pub since: Timestamp,
    /// What it amounts to.
    pub cause: Cause,
    /// Each check that it speaks of, with what was observed, in words.
    pub found: Vec<Item>,
}

/// The header of a generation: all that its journal needs to be read alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PhaseHeader {
    /// The run this generation belongs to.
    pub run: RunId,
    /// The number of the generation.
    pub generation: GenerationNumber,
    /// The plan's name.
    pub plan: PlanName,
    /// The plan's revision.
    pub revision: u32,
    /// The plan's digest.
    pub digest: Digest,
    /// The phase that begins.
    pub phase: PhaseId,
    /// Phases of this run still to come, after this one.
    pub queue: Vec<PhaseId>,
    /// Phases of the plan already ended, with how, and when the last soak is over.
    pub done: Vec<(PhaseId, PhaseEnd)>,
    /// Whether somebody is asked.
    pub guidance: Guidance,
    /// The kernel's boot id, where there is one.
    pub boot: Option<String>,
    /// For whom the run was begun; journals of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoker: Option<Invoker>,
    /// The version of switchback.
    pub version: String,
}

/// A fact. Stored in the journal before anything follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "fact", content = "of")]
pub enum Event {
    /// A generation was opened for a phase.
    PhaseBegan(Box<PhaseHeader>),
    /// The run was taken up again after its runner had gone.
    RunResumed {
        /// The kernel's boot id now.
        boot: Option<String>,
        /// Whether somebody is asked from here on.
        guidance: Guidance,
        /// Which way it goes.
        #[serde(default, skip_serializing_if = "Toward::is_on")]
        toward: Toward,
    },
    /// One check was judged.
    CheckJudged {
        /// When.
        moment: Moment,
        /// What it found.
        report: CheckReport,
    },
    /// All checks of a moment were judged.
    MomentJudged {
        /// Which moment.
        moment: Moment,
    },
    /// A person was asked whether the phase may begin, or nobody had to be.
    GateAnswered {
        /// Whether it may.
        go: bool,
    },
    /// A layer was recorded; what is needed to go back to it is durable.
    LayerRecorded {
        /// Its place in the phase's list.
        layer: usize,
        /// What was recorded.
        record: LayerRecord,
    },
    /// The capsule is complete and durable.
    CapsuleSealed {
        /// Its files with their hashes: the plan, the binary, `UNDO`.
        files: Vec<SealedFile>,
    },
    /// What reverts when the runner cannot, is in place.
    GuardArmed(Guarded),
    /// On the way back no guard could be armed: it goes on without one.
    GuardMissing {
        /// Why.
        why: String,
    },
    /// A step is about to act. From here on it may have taken effect.
    StepStarted {
        /// The list it belongs to.
        part: Part,
        /// Its place in that list.
        step: usize,
        /// Its name.
        id: StepId,
    },
    /// A step ended.
    StepFinished {
        /// The list it belongs to.
        part: Part,
        /// Its place in that list.
        step: usize,
        /// How.
        outcome: StepOutcome,
    },
    /// Judging waits until then.
    SettleBegan {
        /// The end of the wait.
        until: Timestamp,
    },
    /// The wait is over.
    SettleEnded,
    /// A person accepted failing checks.
    ChecksAccepted {
        /// When they were judged.
        moment: Moment,
        /// Which.
        checks: Vec<CheckId>,
        /// Why.
        reason: String,
    },
    /// A person, or the plan's `on`, chose to try again.
    RetryChosen,
    /// The machine is to go down now; the phase goes on when it is up again.
    RebootAwaited,
    /// It came up again, as another boot.
    MachineRebooted,
    /// What booted was compared with what was to boot.
    BootCompared {
        /// What booted otherwise, by name.
        wrong: Vec<Item>,
    },
    /// Somebody must say keep until then.
    ConfirmOpened {
        /// The end of the window.
        until: Timestamp,
    },
    /// Somebody said keep; who, where that is known: journals of earlier versions do not say.
    Confirmed(Option<Invoker>),
    /// A layer was made permanent.
    LayerKept {
        /// Its place in the phase's list.
        layer: usize,
    },
    /// The phase is validated and permanent. Nothing said "committed" before this was durable.
    PhaseCommitted {
        /// The soak is over then.
        soak_until: Option<Timestamp>,
    },
    /// The committed phase was not found healthy while it soaked, and its plan leaves that to a person: no phase of the
    /// plan begins until it is released.
    SoakHeld(Held),
    /// The plan goes on.
    SoakReleased {
        /// Why.
        reason: String,
        /// Who says so; absent where what could not be measured or decided could be at a later look.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Invoker>,
    },
    /// The guard was taken down after the decision was durable.
    GuardDisarmed,
    /// A polite stop was asked for.
    StopWanted,
    /// The run stopped and waits for a person.
    RunPaused {
        /// Why.
        cause: Cause,
    },
    /// The way back began. From here on acts do not wait for the record.
    RevertBegan {
        /// Why.
        cause: Cause,
    },
    /// The record is damaged: what was recorded behind this point is lost. From here on anything may have been done.
    FactsLost {
        /// What nobody can know, by name; empty where all that may have been done can go back.
        unknown: Vec<Item>,
    },
    /// The children of the phase were ended.
    ChildrenEnded {
        /// Those that would not end, by name.
        left: Vec<Item>,
        /// Whether there may be others: a runner that was killed had no control group for them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unseen: bool,
    },
    /// A step's undo is about to act.
    UndoStarted {
        /// The list the step belongs to.
        part: Part,
        /// Its place in that list.
        step: usize,
    },
    /// A step's undo ended.
    UndoFinished {
        /// The list the step belongs to.
        part: Part,
        /// Its place in that list.
        step: usize,
        /// How.
        outcome: StepOutcome,
    },
    /// A layer was restored and read back.
    LayerRestored {
        /// Its place in the phase's list.
        layer: usize,
        /// How it came back.
        restored: Restored,
    },
    /// The change was rejected on this machine.
    Quarantined {
        /// Why.
        cause: Cause,
    },
    /// The phase ended.
    PhaseEnded {
        /// How.
        end: PhaseEnd,
        /// What is neither old nor new, by name; empty unless inconsistent.
        items: Vec<Item>,
        /// After a way back: steps that may have acted and that the plan says cannot be undone, with its reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<Item>,
    },
    /// An earlier generation was taken back, on the way to a state before this one.
    EarlierTakenBack {
        /// Which.
        generation: GenerationNumber,
        /// Its phase.
        phase: PhaseId,
        /// How that phase stands now.
        end: PhaseEnd,
    },
    /// A person put right by hand what the way back could not, and said so.
    ItemsResolved {
        /// What was neither old nor new until then, by name.
        items: Vec<Item>,
        /// What the person says was done.
        reason: String,
        /// Who says so.
        by: Invoker,
    },
    /// The run ended.
    RunFinished {
        /// How.
        verdict: Verdict,
    },
}

/// A fact in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Counts from 1 in each generation's journal.
    pub seq: u64,
    /// When it was recorded; order comes from `seq`, never from this.
    pub at: Timestamp,
    /// The fact.
    pub event: Event,
}

/// What becomes of a wish to stop while something goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stopping {
    /// It is heard when this is done; a second one ends this and takes the phase back.
    AfterThis,
    /// The way back goes on; a second one breaks off what it is doing now, and it goes on with the next.
    WayBack,
    /// It is heard when this is done: what is validated is made permanent.
    Permanent,
}

/// Shown, then forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Something began that may take a while.
    Began {
        /// What, in words.
        what: String,
        /// How long ago.
        ago: Span,
    },
    /// A child printed a line. Not yet sanitised.
    Line {
        /// The line.
        text: String,
    },
    /// A person asked to stop while something goes on.
    Stopping {
        /// What becomes of that.
        heard: Stopping,
    },
    /// A step is over, and what it had left running was ended with it.
    LeftBehind {
        /// The step.
        step: StepId,
        /// Each process, by its number and its words. Not yet sanitised.
        left: Vec<String>,
    },
    /// A step ended badly, and these were the last words of its program.
    Said {
        /// The step.
        step: StepId,
        /// One line, without secrets.
        said: String,
    },
    /// Facts of the way back cannot be written, which does not stop it; or they can be written again.
    Record {
        /// Why not; nothing where they are written.
        trouble: Option<String>,
    },
    /// Time passed.
    Tick,
    /// What began is over.
    Ended,
    /// How far a group has come.
    Progress {
        /// So many done.
        done: usize,
        /// Of so many.
        of: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_said_keep_is_recorded_and_journals_that_do_not_say_so_are_still_read() {
        let old: Event = serde_json::from_str(r#"{"fact":"confirmed"}"#).expect("an older journal");
        assert_eq!(old, Event::Confirmed(None));
        let new = Event::Confirmed(Some(Invoker { uid: 1000, name: "ann".to_owned() }));
        let text = serde_json::to_string(&new).expect("text");
        assert_eq!(text, r#"{"fact":"confirmed","of":{"uid":1000,"name":"ann"}}"#);
        assert_eq!(serde_json::from_str::<Event>(&text).expect("read"), new);
    }
}
