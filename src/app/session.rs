//! One run in one process: the state folder, the open capsule, the people and the machine around it.

use super::damaged::{doubted, unknown};
use super::deadline::Deadline;
use super::drive::{GoesDown, Ports, drive};
use super::front::Front;
use super::post::Guarding;
use super::recall::Recall;
use super::watch::Desk as _;
use crate::engine::{Action, Ended, Heard, Input, Itinerary, RunState, Stage, decide, replay};
use crate::model::{
    Cause, Envelope, Event, GenerationNumber, Guidance, Invoker, LayerSpec, Notice, PhaseEnd, Plan, Reboot,
    Span, Timestamp,
};
use crate::prompt::Operator;
use crate::report::{Reporter, Scene, Style};
use crate::store::{self, Approved, Capsule, JournalWriter, StateFolder, StoreError};
use crate::system::accounts::Accounts;
use crate::system::host::Host;
use crate::system::signal::Signals;
use crate::system::{clock, durable, leftovers, process, service_manager};
use std::borrow::Cow;
use std::path::PathBuf;

/// A run that cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The state folder or a capsule cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Children of an earlier runner do not end.
    #[error("children of an earlier run do not end: {0}")]
    Children(String),
    /// No way back of this generation failed, so that there is nothing to put right.
    #[error("generation {0} is not inconsistent")]
    NotInconsistent(GenerationNumber),
    /// What a person says could not be made durable.
    #[error("the journal cannot be written: {0}")]
    Unrecorded(String),
    /// The machine goes down, and the boot unit decides what is open.
    #[error("the machine goes down: what is undecided is taken back when it is up again")]
    GoesDown,
    /// Only of a phase whose run is over something is found while it soaks.
    #[error("the run of generation {0} is not over")]
    NotOver(GenerationNumber),
    /// There is nothing in the journal.
    #[error("the journal of generation {0} holds no fact")]
    Empty(GenerationNumber),
}

impl From<GoesDown> for SessionError {
    fn from(_: GoesDown) -> Self {
        Self::GoesDown
    }
}

/// The people and the machine around a run.
pub struct Tools<'a> {
    /// The machine and its users.
    pub host: &'a Host,
    /// How often a person has asked to stop.
    pub signals: Signals,
    /// Who is shown the facts.
    pub reporter: &'a mut dyn Reporter,
    /// Who is asked.
    pub operator: &'a mut dyn Operator,
    /// How questions are shown.
    pub style: Style,
    /// How many children checks may have at a time.
    pub cores: usize,
    /// The version of switchback, for the record.
    pub version: &'a str,
    /// What stands behind the run.
    pub guarding: Guarding,
}

/// One run in one process.
pub struct Session<'a> {
    pub(super) folder: &'a StateFolder,
    pub(super) approved: Approved,
    pub(super) host: Cow<'a, Host>,
    pub(super) front: Front<'a>,
    pub(super) operator: &'a mut dyn Operator,
    pub(super) style: Style,
    /// What is known of the run, for the words of questions.
    pub(super) scene: Scene,
    pub(super) cores: usize,
    pub(super) version: String,
    pub(super) guarding: Guarding,
    pub(super) capsule: Option<Capsule>,
    journal: Option<JournalWriter>,
    pub(super) recall: Recall,
    /// Ballast is released only on the way back.
    going_back: bool,
    /// Why facts are not durable.
    unrecorded: Option<String>,
    /// Whether those who are shown the facts know that they are not durable.
    trouble_said: bool,
    /// Why facts that were shown and acted upon will never be durable: those behind a commit do not wait for the record.
    not_whole: Option<String>,
    /// Why the next phase was not begun.
    pub(super) not_begun: Option<String>,
    /// Facts of the way back that could not be written; they come first with the next.
    unwritten: Vec<Envelope>,
    /// The wait that was recorded last, by its end, and when that was on the clock that nobody can set.
    pub(super) wait_began: Option<(Timestamp, Span)>,
    /// The wait that goes on.
    pub(super) deadline: Option<Deadline>,
    /// Where the journal that was opened is damaged.
    damage: Option<store::Damage>,
    /// Whether the machine goes down and somebody acts when it is up again; not known before this process is dismissed.
    goes_down: Option<bool>,
    /// Whether what a person does is taken for done, though nobody is asked: in a rehearsal.
    pub(super) taken_for_done: bool,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        process::leave();
    }
}

impl<'a> Session<'a> {
    /// A run that begins.
    #[must_use]
    pub fn new(folder: &'a StateFolder, approved: Approved, tools: Tools<'a>) -> Self {
        Self {
            folder,
            approved,
            host: Cow::Borrowed(tools.host),
            front: Front::new(tools.reporter, tools.signals),
            operator: tools.operator,
            style: tools.style,
            scene: Scene::default(),
            cores: tools.cores,
            version: tools.version.to_owned(),
            guarding: tools.guarding,
            capsule: None,
            journal: None,
            recall: Recall::default(),
            going_back: false,
            unrecorded: None,
            trouble_said: false,
            not_whole: None,
            not_begun: None,
            unwritten: Vec::new(),
            wait_began: None,
            deadline: None,
            damage: None,
            goes_down: None,
            taken_for_done: false,
        }
    }

    /// Drives a run from its beginning.
    ///
    /// # Errors
    /// [`SessionError::Children`] where an earlier runner's children do not end.
    pub fn begin(&mut self, itinerary: Itinerary) -> Result<(RunState, Ended), SessionError> {
        self.claim_children()?;
        let plan = self.approved.plan.clone();
        Ok(drive(&plan, RunState::new(itinerary), Input::Begin, self)?)
    }

    /// Places on the file systems that must hold what the phases do: where they record files, and where programs write.
    fn what_matters(&self) -> Vec<PathBuf> {
        let layers = self.approved.plan.phases.iter().flat_map(|phase| &phase.layers);
        let paths = layers.flat_map(|layer| match layer {
            LayerSpec::Files { paths, .. } => paths.as_slice(),
            LayerSpec::NixProfile { .. }
            | LayerSpec::Nixos { .. }
            | LayerSpec::HomeManager { .. }
            | LayerSpec::Command { .. } => &[],
        });
        let mut places: Vec<PathBuf> = paths.map(PathBuf::from).collect();
        places.extend(["/nix", "/usr", "/etc", "/boot", "/var"].map(PathBuf::from));
        places.extend([&self.host.runner.home, &self.host.invoker.home].map(Clone::clone));
        places.push(self.folder.root().to_owned());
        places
    }

    /// Why facts could not be made durable, where that happened: forward, nothing was done without its record; on the
    /// way back it was done all the same.
    #[must_use]
    pub fn unrecorded(&self) -> Option<&str> {
        self.not_begun.as_deref().or(self.not_whole.as_deref()).or(self.unrecorded.as_deref())
    }

    /// Whether the machine goes down with this process, and a boot unit takes over.
    fn goes_down(&mut self) -> bool {
        let (guarding, folder, host) = (&self.guarding, self.folder, &self.host);
        let looks = || guarding.at_boot(folder.root()) && service_manager::goes_down(host);
        self.front.dismissed() && *self.goes_down.get_or_insert_with(looks)
    }

    /// Nothing that an earlier runner of this state folder started may go on, and what this one starts can be told
    /// by its mark.
    fn claim_children(&self) -> Result<(), SessionError> {
        let claimed = process::claim(&self.folder.scope(), &self.folder.ledger());
        claimed.map(|_| ()).map_err(|why| SessionError::Children(why.to_string()))
    }

    /// Takes up the run of a capsule.
    ///
    /// # Errors
    /// [`SessionError`] where the capsule cannot be read, or an earlier runner's children do not end.
    pub fn take_up(
        &mut self,
        capsule: Capsule,
        guidance: Guidance,
    ) -> Result<(RunState, Ended), SessionError> {
        let (plan, state) = self.open(capsule, Damage::Refuse)?;
        let boot = self.host.boot_id.clone();
        Ok(drive(&plan, state, Input::Resumed { boot, guidance }, self)?)
    }

    /// Goes back to the state before the phase of a capsule.
    ///
    /// # Errors
    /// [`SessionError`] where the capsule cannot be read, or an earlier runner's children do not end.
    pub fn roll_back(&mut self, capsule: Capsule) -> Result<(RunState, Ended), SessionError> {
        let (plan, state) = self.open(capsule, Damage::UseWhatIsGood)?;
        let boot = self.host.boot_id.clone();
        let asked = match self.damage.take() {
            Some(damage) => Input::RollbackAlongDamage { boot, unknown: unknown(&plan, &state, &damage) },
            None => Input::RollbackAsked { boot },
        };
        Ok(drive(&plan, state, asked, self)?)
    }

    /// Goes back to the state before the phase of a capsule, since it did not stay healthy while it soaked.
    ///
    /// # Errors
    /// [`SessionError`] where the capsule cannot be read whole, or an earlier runner's children do not end.
    pub fn soak_failed(&mut self, capsule: Capsule, cause: Cause) -> Result<(RunState, Ended), SessionError> {
        let (plan, state) = self.open(capsule, Damage::Refuse)?;
        let boot = self.host.boot_id.clone();
        Ok(drive(&plan, state, Input::SoakFailed { cause, boot }, self)?)
    }

    /// Takes back what nobody decided: this is the guard. What is decided stays.
    ///
    /// # Errors
    /// [`SessionError`] where the capsule cannot be read, or an earlier runner's children do not end.
    pub fn guard_fired(&mut self, capsule: Capsule, cause: Cause) -> Result<(RunState, Ended), SessionError> {
        // Along a damaged record nobody can tell what is decided: that is for a person.
        let (plan, state) = self.open(capsule, Damage::Refuse)?;
        let boot = self.host.boot_id.clone();
        Ok(drive(&plan, state, Input::GuardFired { cause, boot }, self)?)
    }

    /// Records that a person put right by hand what the way back of a capsule's phase could not restore, or looked at all
    /// that a phase may have done whose record is damaged.
    ///
    /// # Errors
    /// [`SessionError::NotInconsistent`] where nothing is to be put right; [`SessionError::Unrecorded`] where it could
    /// not be made durable: then nothing was said.
    pub fn resolve(
        &mut self,
        capsule: Capsule,
        reason: String,
        by: Invoker,
    ) -> Result<(RunState, Ended), SessionError> {
        let number = capsule.number();
        let along = if capsule.journal()?.damage.is_some() { Damage::UseWhatIsGood } else { Damage::Refuse };
        let (plan, state) = self.open(capsule, along)?;
        let said = match self.damage.take() {
            Some(damage) => {
                Input::ResolvedAlongDamage { unknown: doubted(&plan, &state, &damage), reason, by }
            }
            None if state.stage == Stage::Ended(PhaseEnd::Inconsistent) => Input::Resolved { reason, by },
            None => return Err(SessionError::NotInconsistent(number)),
        };
        let decision = decide(&plan, &state, &said, Heard::Nothing, self.now());
        self.record(&decision.events).map_err(SessionError::Unrecorded)?;
        self.show(&decision.events);
        match decision.action {
            Action::Stop(ended) => Ok((replay(&plan, state, &decision.events), ended)),
            _ => Err(SessionError::NotInconsistent(number)),
        }
    }

    /// Records what was found of a committed phase while it soaks, or what follows from that: `said` is one of
    /// [`Input::SoakHeld`], [`Input::SoakMeasured`] and [`Input::SoakReleased`]. Nothing is done to the machine.
    ///
    /// # Errors
    /// [`SessionError::NotOver`] where the run goes on; [`SessionError::Unrecorded`] where it could not be made durable:
    /// then nothing was said.
    pub fn note_of_soak(
        &mut self,
        capsule: Capsule,
        said: &Input,
    ) -> Result<(RunState, Ended), SessionError> {
        let number = capsule.number();
        let (plan, state) = self.open(capsule, Damage::Refuse)?;
        let decision = decide(&plan, &state, said, Heard::Nothing, self.now());
        let Action::Stop(ended) = decision.action else { return Err(SessionError::NotOver(number)) };
        self.record(&decision.events).map_err(SessionError::Unrecorded)?;
        self.show(&decision.events);
        Ok((replay(&plan, state, &decision.events), ended))
    }

    fn open(&mut self, capsule: Capsule, damage: Damage) -> Result<(Plan, RunState), SessionError> {
        self.claim_children()?;
        let (writer, journal) = match damage {
            Damage::Refuse => {
                let (writer, journal) = capsule.writer()?;
                (Some(writer), journal)
            }
            // On the way back a journal that cannot be written does not stop anything.
            Damage::UseWhatIsGood => match capsule.rescue_writer() {
                Ok((writer, journal)) => (Some(writer), journal),
                Err(why) => {
                    self.unrecorded = Some(in_full(&why));
                    (None, capsule.journal()?)
                }
            },
        };
        if journal.envelopes.is_empty() {
            return Err(SessionError::Empty(capsule.number()));
        }
        self.damage.clone_from(&journal.damage);
        let plan = capsule.plan_given(&journal)?;
        self.recall = Recall::default();
        for envelope in &journal.envelopes {
            self.recall.learn(envelope);
            self.scene.note(envelope);
            self.front.reporter.recall(&plan, envelope);
        }
        let facts = journal.envelopes.iter().map(|envelope| &envelope.event);
        let state = replay(&plan, RunState::default(), facts);
        if let Some(phase) = state.phase().and_then(|id| plan.phase(id)) {
            // A runner that died between writing a file and renaming it left the file's new bytes beside it.
            super::acts::targets(phase).filter_map(|file| file.parent()).for_each(|folder| {
                leftovers::remove(folder);
            });
        }
        if let Some(invoker) = state.header.as_deref().and_then(|header| header.invoker.as_ref()) {
            // Whoever takes the run up: what belongs to its user is done, and undone, as that user.
            self.host = Cow::Owned(self.host.invoked_by(invoker.uid, &invoker.name, &Accounts::read()));
        }
        self.approved.plan.clone_from(&plan);
        self.journal = writer;
        self.capsule = Some(capsule);
        Ok((plan, state))
    }

    pub(super) fn opened(&mut self, capsule: Capsule) -> Result<(), StoreError> {
        self.journal = Some(capsule.writer()?.0);
        self.recall = Recall::default();
        self.capsule = Some(capsule);
        Ok(())
    }

    /// Whoever is shown the facts of a way back does not take them for recorded where they are not.
    fn say_whether_recorded(&mut self) {
        if self.going_back && self.trouble_said != self.unrecorded.is_some() {
            self.trouble_said = self.unrecorded.is_some();
            self.front.notice(&Notice::Record { trouble: self.unrecorded.clone() });
        }
    }

    fn write(&mut self, envelopes: &[Envelope]) -> Result<(), String> {
        let journal = self.journal.as_mut().ok_or("no journal can be written")?;
        let Err(why) = journal.append(envelopes) else { return Ok(()) };
        let full = matches!(why, StoreError::Full { .. });
        // A full disk must not keep the way home off the record: that is what the ballast is for.
        let released = self.going_back
            && full
            && self.capsule.as_ref().is_some_and(|capsule| capsule.release_ballast().is_ok());
        if !released {
            return Err(in_full(&why));
        }
        journal.append(envelopes).map_err(|why| in_full(&why))
    }
}

/// Whether a fact says that the machine was changed, and whoever reads it after a power cut does not do the act again: what
/// programs wrote has to be durable before it. After a step of a phase that goes back when the machine went down, that is
/// nobody; after a pause, a person may go on.
const fn tells_of_an_act(event: &Event, goes_on_after_a_reboot: bool) -> bool {
    match event {
        Event::StepFinished { .. } => goes_on_after_a_reboot,
        Event::RunPaused { .. }
        | Event::RebootAwaited
        | Event::LayerKept { .. }
        | Event::PhaseCommitted { .. }
        | Event::UndoFinished { .. }
        | Event::LayerRestored { .. } => true,
        _ => false,
    }
}

/// An error with its causes, in one line; one that says its cause itself does not have it said twice.
pub(super) fn in_full(why: &dyn std::error::Error) -> String {
    let mut text = why.to_string();
    let mut cause = why.source();
    while let Some(why) = cause {
        let words = why.to_string();
        if !text.ends_with(&words) {
            text.push_str(&format!(": {words}"));
        }
        cause = why.source();
    }
    text
}

/// What is done about a damaged line in a journal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Damage {
    Refuse,
    UseWhatIsGood,
}

impl Ports for Session<'_> {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn record(&mut self, events: &[Event]) -> Result<(), String> {
        if events.is_empty() {
            return Ok(());
        }
        self.going_back |= events.iter().any(|event| matches!(event, Event::RevertBegan { .. }));
        // Where nobody can tell one boot from another, every phase goes on.
        let goes_on = self.host.boot_id.is_none()
            || self.approved.plan.phases.iter().any(|phase| phase.reboot == Reboot::Expected);
        let flushed = if events.iter().any(|event| tells_of_an_act(event, goes_on)) {
            durable::flush(&self.what_matters())
        } else {
            Ok(())
        };
        if let (Err(why), false) = (&flushed, self.going_back) {
            self.unrecorded.get_or_insert_with(|| why.clone());
            return flushed;
        }
        let at = clock::now();
        let envelopes: Vec<Envelope> = (self.recall.seq + 1..)
            .zip(events)
            .map(|(seq, event)| Envelope { seq, at, event: event.clone() })
            .collect();
        self.unwritten.extend(envelopes.iter().cloned());
        let batch = std::mem::take(&mut self.unwritten);
        let written = self.write(&batch);
        match &written {
            Ok(()) => self.unrecorded = None,
            Err(why) => {
                self.unrecorded.get_or_insert_with(|| why.clone());
                if self.going_back {
                    self.unwritten = batch;
                }
            }
        }
        self.say_whether_recorded();
        if written.is_ok() || self.going_back {
            for envelope in &envelopes {
                self.recall.learn(envelope);
            }
        }
        for event in events {
            if let Event::SettleBegan { until } | Event::ConfirmOpened { until } = event {
                self.wait_began = Some((*until, clock::up()));
            }
        }
        if let Err(why) = &flushed {
            self.unrecorded.get_or_insert_with(|| why.clone());
        }
        written
    }

    fn show(&mut self, events: &[Event]) {
        if !self.going_back {
            // What could not be recorded forward is not tried again: the next write may be to another journal.
            self.not_whole = self.not_whole.take().or_else(|| self.unrecorded.take());
        }
        let at = clock::now();
        let first = (self.recall.seq + 1).saturating_sub(u64::try_from(events.len()).unwrap_or(0));
        for (seq, event) in (first..).zip(events) {
            let envelope = Envelope { seq, at, event: event.clone() };
            self.scene.note(&envelope);
            // A reporter can fail, and the run does not notice.
            let _ = self.front.reporter.event(&self.approved.plan, &envelope);
        }
    }

    fn perform(&mut self, plan: &Plan, state: &RunState, action: &Action) -> Input {
        let input = self.carry_out(plan, state, action);
        self.attended(state.phase().and_then(|id| plan.phase(id)), state, action, input)
    }

    fn heard(&mut self) -> Heard {
        // A way back that begins while everything else is being stopped fails for that.
        if self.goes_down() { Heard::Nothing } else { self.front.heard() }
    }

    fn leaves(&mut self, state: &RunState) -> bool {
        !state.going_back() && !state.committed() && state.finished.is_none() && self.goes_down()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::files::FileError;

    #[test]
    fn a_cause_that_an_error_says_itself_is_said_once() {
        let read_only = || std::io::Error::from_raw_os_error(30);
        let path = std::path::PathBuf::from("/x");
        let told = FileError::Failed { act: "rename", path: path.clone(), source: read_only() };
        assert_eq!(in_full(&told), format!("cannot rename /x: {}", read_only()));
        let untold = StoreError::Io { what: "sync", path, source: read_only() };
        assert_eq!(in_full(&untold), format!("cannot sync /x: {}", read_only()));
    }
}
