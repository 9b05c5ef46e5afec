//! The state of a run: the fold of the facts of its current generation, and nothing else.

use super::Itinerary;
use crate::model::{
    Cause, CheckId, Guidance, Held, Item, Moment, Outcome, Part, PhaseEnd, PhaseHeader, PhaseId, StepOutcome,
    Timestamp, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// How often a run may be taken up after its runner was gone.
pub struct Limits;

impl Limits {
    /// Going forward: after that many crashes the way back begins.
    pub const FORWARD: u32 = 3;
    /// On the way back: after that many more, it stops and says so.
    pub const BACK: u32 = 8;
}

/// Where a phase is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Stage {
    /// No phase is open.
    #[default]
    Idle,
    /// Its `applies_if` is judged.
    Applies,
    /// Its preflight is judged.
    Preflight,
    /// A person is asked whether it may begin.
    Gate,
    /// Its layers are recorded; this one is next.
    Recording(usize),
    /// The validation checks are judged before the phase acts.
    Baseline,
    /// The capsule is completed.
    Sealing,
    /// The guard is armed.
    Arming,
    /// Its steps are taken; this one is next.
    Applying(usize),
    /// The machine is to go down; then this place of `apply` is behind it.
    AwaitingReboot(usize),
    /// It came up again: what booted is compared. This place of `apply` is behind it then.
    Booted(usize),
    /// Judging waits; `None` until the wait has begun.
    Settling(Option<Timestamp>),
    /// The validation checks are judged.
    Validating,
    /// Somebody must say keep; `None` until the window is open.
    Confirming(Option<Timestamp>),
    /// Its commit steps are taken; this one is next.
    Committing(usize),
    /// Its layers are made permanent; this one is next.
    Keeping(usize),
    /// Everything is permanent; the fact that says so is owed.
    Sealed,
    /// Committed; the guard comes down.
    Disarming,
    /// On the way back.
    Reverting(Back),
    /// Ended.
    Ended(PhaseEnd),
}

impl Stage {
    /// How the phase ended, where it did.
    #[must_use]
    pub const fn end(&self) -> Option<PhaseEnd> {
        match self {
            Self::Ended(end) => Some(*end),
            Self::Idle
            | Self::Applies
            | Self::Preflight
            | Self::Gate
            | Self::Recording(_)
            | Self::Baseline
            | Self::Sealing
            | Self::Arming
            | Self::Applying(_)
            | Self::AwaitingReboot(_)
            | Self::Booted(_)
            | Self::Settling(_)
            | Self::Validating
            | Self::Confirming(_)
            | Self::Committing(_)
            | Self::Keeping(_)
            | Self::Sealed
            | Self::Disarming
            | Self::Reverting(_) => None,
        }
    }
}

/// Where the way back is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Back {
    /// Children are ended before anything is undone.
    Children,
    /// Steps are undone, newest first.
    Undoing,
    /// Layers are restored, last first; so many are still to come.
    Restoring(usize),
    /// The phase's own rollback steps; this one is next.
    Steps(usize),
    /// The validation checks are judged again.
    Reprobing,
    /// The revision is put into quarantine.
    Rejecting,
    /// The guard comes down.
    Disarming,
    /// The end is owed.
    Ending,
}

/// What is known of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// It began and may have taken effect.
    Begun,
    /// It began again after it may have taken effect: that it did nothing this time does not undo the first time.
    Again,
    /// It ended well.
    Done,
    /// It never acted.
    Skipped,
    /// It ended badly and may have taken effect.
    Bad,
}

impl Mark {
    /// What is known when a step begins of which this was known.
    pub(super) const fn begun(self) -> Self {
        match self {
            Self::Skipped => Self::Begun,
            Self::Begun | Self::Again | Self::Done | Self::Bad => Self::Again,
        }
    }

    /// What is known when a step ended of which this was known.
    pub(super) const fn ended(self, outcome: &StepOutcome) -> Self {
        match (self, Self::of(outcome)) {
            (Self::Again, Self::Skipped) => Self::Bad,
            (_, mark) => mark,
        }
    }

    /// What is known when a step's end will never be told.
    pub(super) const fn lost(self) -> Self {
        match self {
            Self::Begun | Self::Again => Self::Bad,
            Self::Done | Self::Skipped | Self::Bad => self,
        }
    }

    const fn in_flight(self) -> bool {
        match self {
            Self::Begun | Self::Again => true,
            Self::Done | Self::Skipped | Self::Bad => false,
        }
    }

    const fn of(outcome: &StepOutcome) -> Self {
        match outcome {
            StepOutcome::Done => Self::Done,
            StepOutcome::NotApplicable(_) | StepOutcome::NotStarted(_) | StepOutcome::Declined => {
                Self::Skipped
            }
            StepOutcome::Failed(_)
            | StepOutcome::Broken(_)
            | StepOutcome::TimedOut(_)
            | StepOutcome::Interrupted
            | StepOutcome::Lost => Self::Bad,
        }
    }
}

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RunState {
    /// What the run still has to do; each generation's header repeats it.
    pub itinerary: Itinerary,
    /// The header of the current generation.
    pub header: Option<Box<PhaseHeader>>,
    /// Where the current phase is.
    pub stage: Stage,
    /// What is known of the steps of apply, commit and rollback, by place.
    pub marks: [Vec<Mark>; 3],
    /// Outcomes as they count, of the latest judging of each moment.
    pub judged: BTreeMap<(Moment, CheckId), Outcome>,
    /// Checks that were to be judged after the way back and wait for the booted machine.
    pub waiting: BTreeSet<CheckId>,
    /// What the phase may have done and nobody can know, since its record is damaged.
    pub unknown: Vec<Item>,
    /// Whether its record was found damaged and no way back began since.
    pub damaged: bool,
    /// Whether a step or a layer of the phase may have changed the machine.
    pub touched: bool,
    /// Checks of the current moment that a person accepted.
    pub accepted: BTreeSet<CheckId>,
    /// How many layers are recorded, from the first.
    pub recorded: usize,
    /// Whether the guard may stand.
    pub armed: bool,
    /// Whether it stands behind the runner that acts now.
    pub guarded: bool,
    /// Whether the way back goes on without one, since none could be armed.
    pub unguarded: bool,
    /// Steps whose undo ended well.
    pub undone: BTreeSet<(Part, usize)>,
    /// Steps whose undo was tried on this way back.
    pub undo_tried: BTreeSet<(Part, usize)>,
    /// The step whose undo began on this way back and has no end.
    pub undoing: Option<(Part, usize)>,
    /// Steps of which the runner was gone once before their undo ended.
    pub undo_lost: BTreeSet<(Part, usize)>,
    /// The kernel's boot id when the phase was begun or taken up last.
    pub boot: Option<String>,
    /// Whether that is another boot than the one before, and nothing has followed from it yet.
    pub rebooted: bool,
    /// What keeps the phase from going on.
    pub trouble: Option<Cause>,
    /// Why the way back was taken.
    pub reverting: Option<Cause>,
    /// What is neither old nor new.
    pub items: Vec<Item>,
    /// After a way back: what acted and cannot be undone, as the plan says.
    pub left: Vec<Item>,
    /// Whether the revision is in quarantine for this.
    pub quarantined: bool,
    /// The run waits for a person.
    pub paused: Option<Cause>,
    /// A polite stop is wanted.
    pub stop_wanted: bool,
    /// How often the run was taken up after a crash, since it last changed direction.
    pub resumptions: u32,
    /// The committed phase soaks until then.
    pub soak_until: Option<Timestamp>,
    /// What was found of the committed phase while it soaked, where that is left to a person and was not released.
    pub held: Option<Held>,
    /// The end of the run.
    pub finished: Option<Verdict>,
}

impl RunState {
    /// A run that has not begun.
    #[must_use]
    pub fn new(itinerary: Itinerary) -> Self {
        Self { itinerary, ..Self::default() }
    }

    /// The phase that is open or ended last.
    #[must_use]
    pub fn phase(&self) -> Option<&PhaseId> {
        self.header.as_deref().map(|header| &header.phase)
    }

    /// Whether somebody is asked.
    #[must_use]
    pub const fn guidance(&self) -> Guidance {
        self.itinerary.guidance
    }

    /// Whether the phase is committed: from then on a lost record no longer takes it back.
    #[must_use]
    pub const fn committed(&self) -> bool {
        matches!(self.stage, Stage::Disarming | Stage::Ended(PhaseEnd::Committed))
    }

    /// Whether what is done next must not be left half done, and nothing stands behind this runner yet: it took the phase
    /// up from another one.
    #[must_use]
    pub(super) const fn needs_guard(&self) -> bool {
        // Who may not go on has nothing to guard.
        if self.guarded || self.unguarded || self.exhausted() {
            return false;
        }
        match &self.stage {
            Stage::Applying(_)
            | Stage::Booted(_)
            | Stage::Settling(_)
            | Stage::Validating
            | Stage::Confirming(_)
            | Stage::Committing(_)
            | Stage::Keeping(_)
            | Stage::Sealed => true,
            Stage::Reverting(back) => match back {
                Back::Children
                | Back::Undoing
                | Back::Restoring(_)
                | Back::Steps(_)
                | Back::Reprobing
                | Back::Rejecting => true,
                Back::Disarming | Back::Ending => false,
            },
            Stage::Idle
            | Stage::Applies
            | Stage::Preflight
            | Stage::Gate
            | Stage::Recording(_)
            | Stage::Baseline
            | Stage::Sealing
            | Stage::Arming
            | Stage::AwaitingReboot(_)
            | Stage::Disarming
            | Stage::Ended(_) => false,
        }
    }

    /// Whether this is another boot than the one in which the run was begun or taken up last, as far as anybody can tell.
    pub(super) fn is_another_boot(&self, boot: Option<&String>) -> bool {
        matches!((&self.boot, boot), (Some(before), Some(now)) if before != now)
    }

    /// Whether the machine went down since somebody was last at work on it. That it was taken up after that and the runner
    /// was gone once more, before anything followed, changes nothing.
    pub(super) fn went_down(&self, boot: Option<&String>) -> bool {
        self.rebooted || self.is_another_boot(boot)
    }

    /// Whether the way back was taken up so often that it stops and says so.
    pub(super) const fn exhausted(&self) -> bool {
        self.going_back() && self.resumptions > Limits::BACK
    }

    /// Whether the way back has begun and is not over.
    #[must_use]
    pub const fn going_back(&self) -> bool {
        matches!(self.stage, Stage::Reverting(_))
    }

    /// What is known of the steps of a list.
    #[must_use]
    pub fn marks_of(&self, part: Part) -> &[Mark] {
        &self.marks[part as usize]
    }

    pub(super) fn mark(&mut self, part: Part, step: usize, next: impl FnOnce(Mark) -> Mark) {
        let marks = &mut self.marks[part as usize];
        if marks.len() <= step {
            marks.resize(step + 1, Mark::Skipped);
        }
        if let Some(mark) = marks.get_mut(step) {
            *mark = next(*mark);
        }
    }

    /// The step that began and has no end: after a crash nobody knows what it did.
    #[must_use]
    pub fn in_flight(&self) -> Option<(Part, usize)> {
        [Part::Apply, Part::Commit, Part::Rollback].into_iter().find_map(|part| {
            let step = self.marks_of(part).iter().position(|mark| mark.in_flight())?;
            Some((part, step))
        })
    }
}
