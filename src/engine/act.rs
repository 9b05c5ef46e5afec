//! The two sides of the border: what the world said, and what the shell shall do.

use crate::model::{
    Cause, CheckReport, Choice, Event, GenerationNumber, Guarded, Guidance, Held, Invoker, Item, LayerRecord,
    Moment, Part, PhaseId, Restored, SealedFile, StepOutcome, Timestamp, Verdict,
};

/// What the world said. One for each way in which an [`Action`] can end, and the few that come by themselves.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A run begins; its itinerary is in the state.
    Begin,
    /// A run is taken up again.
    Resumed {
        /// The kernel's boot id.
        boot: Option<String>,
        /// Whether somebody is asked from here on.
        guidance: Guidance,
    },
    /// A person asks for the way back to the state before this generation's phase.
    RollbackAsked {
        /// The kernel's boot id.
        boot: Option<String>,
    },
    /// The same, along a record of which the end is lost.
    RollbackAlongDamage {
        /// The kernel's boot id.
        boot: Option<String>,
        /// What nobody can know, by name.
        unknown: Vec<Item>,
    },
    /// The committed phase did not stay healthy while it soaked, and its plan says what then: the way back.
    SoakFailed {
        /// What was found.
        cause: Cause,
        /// The kernel's boot id.
        boot: Option<String>,
    },
    /// The committed phase was not found healthy while it soaked, and its plan leaves that to a person.
    SoakHeld(Held),
    /// What could not be measured or decided then is found good by a later look.
    SoakMeasured,
    /// A person says that the plan goes on all the same.
    SoakReleased {
        /// Why.
        reason: String,
        /// Who says so.
        by: Invoker,
    },
    /// The guard found the phase undecided and nobody at work on it.
    GuardFired {
        /// What it saw: the runner gone, its time passed, another boot.
        cause: Cause,
        /// The kernel's boot id.
        boot: Option<String>,
    },
    /// A capsule was opened.
    Opened {
        /// Its number.
        generation: GenerationNumber,
        /// The kernel's boot id.
        boot: Option<String>,
        /// For whom the run was begun.
        invoker: Option<Invoker>,
        /// The version of switchback.
        version: String,
    },
    /// The checks of the moment asked for were judged.
    Judged(Vec<CheckReport>),
    /// A person answered the gate or the confirm question.
    Answered(bool),
    /// Somebody said keep within the confirm window, and who.
    KeptBy(Invoker),
    /// A layer was recorded, or could not be.
    Recorded(Result<LayerRecord, String>),
    /// The capsule is complete and durable, or is not.
    Sealed(Result<Vec<SealedFile>, String>),
    /// The guard stands, or could not be armed.
    Armed(Result<Guarded, String>),
    /// The same, before a way back begins that was asked for.
    ArmedFirst {
        /// The guard.
        guarded: Result<Guarded, String>,
        /// What was asked for.
        asked: Box<Self>,
    },
    /// The guard is down. A guard that could not be taken down finds the decision and does nothing.
    Disarmed,
    /// A step or an undo ended.
    Stepped(StepOutcome),
    /// What booted was compared with what the layers had prepared; what is otherwise, by name.
    BootCompared(Vec<Item>),
    /// A layer was made permanent, or could not be.
    Kept(Result<(), String>),
    /// The children were ended.
    ChildrenGone {
        /// Those that would not end, by name.
        left: Vec<Item>,
        /// Whether there may be others that nobody sees.
        unseen: bool,
    },
    /// A layer was restored and read back.
    Restored(Restored),
    /// A person says that what the way back could not restore was put right by hand.
    Resolved {
        /// What was done.
        reason: String,
        /// Who says so.
        by: Invoker,
    },
    /// A person says the same of a phase whose record is damaged: whatever it did was looked at.
    ResolvedAlongDamage {
        /// What nobody can know, by name.
        unknown: Vec<Item>,
        /// What was done.
        reason: String,
        /// Who says so.
        by: Invoker,
    },
    /// The quarantine holds the plan revision.
    Quarantined,
    /// The point in time that was waited for.
    TimeReached,
    /// A person chose, in trouble.
    Chosen(Choice),
    /// The act was broken off by an interrupt before it had an end.
    Nothing,
    /// The facts of the last decision could not be made durable.
    JournalLost(String),
}

/// How often a person has asked to stop, since the run began or was taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Heard {
    /// Not at all.
    #[default]
    Nothing,
    /// Once: stop at the next safe point.
    Once,
    /// Twice: roll the phase back.
    Twice,
}

/// What the shell shall do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Open a new generation for this phase.
    Open {
        /// The phase.
        phase: PhaseId,
    },
    /// Judge the checks of this moment.
    Judge {
        /// Which.
        moment: Moment,
    },
    /// Ask whether the phase may begin.
    AskGate,
    /// Record a layer.
    Record {
        /// Its place in the phase's list.
        layer: usize,
    },
    /// Complete the capsule.
    Seal,
    /// Arm the guard.
    Arm,
    /// Arm the guard, before anything is recorded of a way back that is asked for: of what is decided, or waits for a person,
    /// no other guard would take it up.
    ArmFirst {
        /// What is asked for.
        asked: Box<Input>,
    },
    /// Take a step.
    Perform {
        /// The list it belongs to.
        part: Part,
        /// Its place.
        step: usize,
    },
    /// Wait.
    Wait {
        /// Until then.
        until: Timestamp,
    },
    /// Ask somebody to say keep.
    Confirm {
        /// Until then; silence reverts.
        until: Timestamp,
    },
    /// Compare what booted with what the layers had prepared.
    CompareBoot,
    /// Make a layer permanent.
    Keep {
        /// Its place.
        layer: usize,
    },
    /// Take the guard down.
    Disarm,
    /// Ask a person what to do in trouble.
    Choose {
        /// What is wrong.
        cause: Cause,
        /// Whether the failing checks may be accepted.
        may_accept: bool,
    },
    /// End every child of the phase.
    EndChildren,
    /// Undo a step by its own undo.
    Undo {
        /// The list it belongs to.
        part: Part,
        /// Its place.
        step: usize,
    },
    /// Restore a layer and read it back.
    Restore {
        /// Its place.
        layer: usize,
    },
    /// Put the plan revision into quarantine.
    Quarantine {
        /// Why.
        cause: Cause,
    },
    /// Nothing more is owed by this process.
    Stop(Ended),
}

/// Why this process stops now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The run is over.
    Finished(Verdict),
    /// A person is waited for.
    Paused(Cause),
    /// The machine is to go down, and the run goes on when it is up again.
    AwaitingReboot,
}

/// The facts that follow, and the act that is owed after they are durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// To be recorded before the act.
    pub events: Vec<Event>,
    /// The act.
    pub action: Action,
}
