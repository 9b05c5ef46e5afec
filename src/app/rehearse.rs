//! A plan tried in a sandbox: every phase forward by the engine itself, then every phase back, and what that leaves.

use super::post::{Behind, Guarding};
use super::session::{Session, SessionError, Tools, in_full};
use crate::engine::Itinerary;
use crate::model::{
    Act, Envelope, Event, GenerationNumber, Guidance, Maker, OnOutcome, PhaseEnd, PhaseId, PhaseTried, Plan,
    Reboot, Residue, RunId, Sandboxed, Span, StepOutcome, StepTried, StepUndo,
};
use crate::prompt::{Chosen, Kept, Operator, Question, Reply, Trouble};
use crate::report::{Reporter, Style, text};
use crate::store::{Approved, Capsule, StateFolder};
use crate::system::host::Host;
use crate::system::sandbox::Inside;
use crate::system::signal::Signals;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

/// So many lines of what a step printed are told where it did not end well.
const LINES: usize = 12;

/// What is not compared, for whoever reads a residue.
const EXCLUDED: [&str; 4] = [
    "/proc, /sys, /dev: new in the sandbox, and gone with it",
    "times of files and folders, and which names are one file (hard links)",
    "what services, the kernel and other machines keep in memory: nothing in the sandbox can reach them",
    "checks: none is judged, no question asked, no wait waited, no reboot made; a step that a person does is taken for done",
];

/// What a rehearsal in a sandbox needs.
pub struct Rehearsal<'a> {
    /// The sandbox.
    pub inside: &'a Inside,
    /// The state folder in it, of which nothing is kept.
    pub folder: &'a StateFolder,
    /// The plan as somebody approved it, made [`bare`].
    pub approved: Approved,
    /// The phases to try, in order.
    pub queue: Vec<PhaseId>,
    /// The machine and its users.
    pub host: &'a Host,
    /// How often a person has asked to stop.
    pub signals: Signals,
    /// How questions would be shown.
    pub style: Style,
    /// The version of switchback.
    pub version: &'a str,
    /// Told what begins.
    pub told: &'a mut dyn FnMut(&str),
}

/// The plan without all that judges, waits or asks whether to go on: what is left acts.
#[must_use]
pub fn bare(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for phase in &mut plan.phases {
        phase.needs.clear();
        phase.preflight.clear();
        phase.validate.clear();
        phase.applies_if = None;
        phase.settle = Span::ZERO;
        phase.soak = None;
        phase.confirm = None;
        phase.reboot = Reboot::Never;
        phase.apply.retain(|step| !matches!(step.act, Act::Reboot { .. }));
        phase.on = OnOutcome::default();
    }
    plan
}

/// Tries the phases forward, takes them back, and compares. It cannot fail: what goes wrong is told in what it gives.
#[must_use]
pub fn rehearse(asked: Rehearsal<'_>) -> Sandboxed {
    let Rehearsal { inside, folder, approved, queue, host, signals, style, version, told } = asked;
    let mut steps = Footsteps {
        inside,
        told,
        phase: None,
        tried: BTreeMap::new(),
        first: BTreeMap::new(),
        trouble: Vec::new(),
    };
    let mut nobody = Willing;
    let around = Around { host, signals, style, version };
    let run = RunId::new("rehearsal").unwrap_or_else(|_| Itinerary::default().run);
    let (done, guidance) = (Vec::new(), Guidance::Unattended);
    let itinerary = Itinerary { run, queue: queue.clone(), done, guidance };
    let began = {
        let mut session = Session::new(folder, approved.clone(), around.tools(&mut steps, &mut nobody));
        session.taken_for_done = true;
        session.begin(itinerary).map(|_| session.unrecorded().map(str::to_owned))
    };
    steps.note(began);
    let open: Vec<GenerationNumber> =
        steps.tried.iter().rev().filter(|(_, phase)| phase.back.is_none()).map(|(at, _)| *at).collect();
    for number in open {
        let again = folder.capsule(number).map_err(SessionError::from).and_then(|capsule| {
            let mut session = Session::new(folder, approved.clone(), around.tools(&mut steps, &mut nobody));
            session.taken_for_done = true;
            session.roll_back(capsule).map(|_| session.unrecorded().map(str::to_owned))
        });
        steps.note(again);
    }
    for (number, phase) in &mut steps.tried {
        if let Ok(capsule) = folder.capsule(*number) {
            phase.steps.iter_mut().for_each(|step| step.said = last_words(&capsule, step));
        }
    }
    found(inside, steps, &queue, folder)
}

/// What is the same for every session of a rehearsal.
struct Around<'a> {
    host: &'a Host,
    signals: Signals,
    style: Style,
    version: &'a str,
}

impl Around<'_> {
    fn tools<'b>(&'b self, reporter: &'b mut dyn Reporter, operator: &'b mut dyn Operator) -> Tools<'b> {
        let Self { host, signals, style, version } = self;
        // When this process is gone, so is the sandbox.
        let guarding = Guarding { behind: Behind::Nobody, units: PathBuf::from("/dev/null") };
        Tools { host, signals: *signals, reporter, operator, style: *style, cores: 1, guarding, version }
    }
}

/// What a step printed last, where it did not end well.
fn last_words(capsule: &Capsule, step: &StepTried) -> Vec<String> {
    match step.outcome {
        StepOutcome::Done | StepOutcome::NotApplicable(_) => return Vec::new(),
        StepOutcome::Failed(_)
        | StepOutcome::NotStarted(_)
        | StepOutcome::Broken(_)
        | StepOutcome::TimedOut(_)
        | StepOutcome::Declined
        | StepOutcome::Interrupted
        | StepOutcome::Lost => {}
    }
    let said = ["out", "err"].iter().filter_map(|stream| {
        let name = format!("{}-{}.{stream}", text::part(step.part), step.step);
        capsule.evidence_read(&name).ok()
    });
    let lines: Vec<String> =
        said.flat_map(|said| said.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.into_iter().rev().take(LINES).rev().collect()
}

fn found(inside: &Inside, steps: Footsteps<'_>, queue: &[PhaseId], folder: &StateFolder) -> Sandboxed {
    let mut trouble = steps.trouble;
    let mut residue = Vec::new();
    let mut paths = BTreeSet::new();
    match inside.differences() {
        Ok(differences) => {
            for difference in differences {
                residue.push(Residue {
                    path: difference.path.display().to_string(),
                    what: difference.what.to_owned(),
                    how: difference.how,
                    by: steps.first.get(&difference.path).cloned(),
                });
                paths.insert(difference.path);
            }
        }
        Err(why) => trouble.push(format!("what differs cannot be read: {why}")),
    }
    let restored =
        steps.first.keys().filter(|path| !paths.contains(*path) && !is_above(path, &paths)).count();
    let phases: Vec<PhaseTried> = steps.tried.into_values().collect();
    let tried = |id: &&PhaseId| phases.iter().any(|phase| phase.phase == **id);
    let not_tried = queue.iter().filter(|id| !tried(id)).cloned().collect();
    let own = format!("{}: switchback's own state, empty in the sandbox", folder.root().display());
    let excluded = EXCLUDED.iter().map(|what| (*what).to_owned()).chain([own]).collect();
    Sandboxed {
        phases,
        not_tried,
        residue,
        restored,
        left_out: inside.left_out().to_vec(),
        excluded,
        trouble,
    }
}

/// A folder in which something is left was written to for that.
fn is_above(path: &PathBuf, left: &BTreeSet<PathBuf>) -> bool {
    left.range(path.clone()..).next().is_some_and(|next| next.starts_with(path))
}

/// Follows a run, and looks after each act at what was written.
struct Footsteps<'a> {
    inside: &'a Inside,
    told: &'a mut dyn FnMut(&str),
    phase: Option<(GenerationNumber, PhaseId)>,
    tried: BTreeMap<GenerationNumber, PhaseTried>,
    /// Each path with the act after which it was first found.
    first: BTreeMap<PathBuf, Maker>,
    trouble: Vec<String>,
}

impl Footsteps<'_> {
    fn note(&mut self, ended: Result<Option<String>, SessionError>) {
        match ended {
            Ok(unrecorded) => self.trouble.extend(unrecorded),
            Err(why) => self.trouble.push(in_full(&why)),
        }
    }

    /// Everything that was written since it was last looked is this act's.
    fn after(&mut self, act: String, by_design: Option<String>) {
        let Some((_, phase)) = &self.phase else { return };
        let maker = Maker { phase: phase.clone(), act, by_design };
        match self.inside.touched() {
            Ok(touched) => {
                for path in touched {
                    self.first.entry(path).or_insert_with(|| maker.clone());
                }
            }
            Err(why) => self.trouble.push(format!("what was written cannot be read: {why}")),
        }
    }

    fn now(&mut self) -> Option<&mut PhaseTried> {
        let (number, _) = self.phase.as_ref()?;
        self.tried.get_mut(number)
    }

    fn begins(&mut self, what: &str) {
        if let Some((_, phase)) = &self.phase {
            (self.told)(&format!("{phase}: {what}"));
        }
    }
}

impl Reporter for Footsteps<'_> {
    fn recall(&mut self, _: &Plan, envelope: &Envelope) {
        if let Event::PhaseBegan(header) = &envelope.event {
            self.phase = Some((header.generation, header.phase.clone()));
        }
    }

    fn event(&mut self, plan: &Plan, envelope: &Envelope) -> io::Result<()> {
        let phase = self.phase.as_ref().and_then(|(_, id)| plan.phase(id));
        match &envelope.event {
            Event::PhaseBegan(header) => {
                self.phase = Some((header.generation, header.phase.clone()));
                let tried = PhaseTried {
                    phase: header.phase.clone(),
                    steps: Vec::new(),
                    cause: None,
                    forward: None,
                    back: None,
                    items: Vec::new(),
                    left: Vec::new(),
                };
                self.tried.insert(header.generation, tried);
            }
            Event::StepStarted { part, step, .. } => {
                let name = text::step_name(phase, *part, *step);
                self.begins(&name);
            }
            Event::StepFinished { part, step, outcome } => {
                let name = text::step_name(phase, *part, *step);
                let step = phase.and_then(|phase| phase.steps(*part).get(*step));
                let by_design = step.and_then(|step| match &step.undo {
                    StepUndo::None { reason } => Some(reason.clone()),
                    StepUndo::Act(_) | StepUndo::Layer | StepUndo::NotNeeded => None,
                });
                let tried = step.map(|step| StepTried {
                    part: *part,
                    step: step.id.clone(),
                    outcome: outcome.clone(),
                    by_person: matches!(step.act, Act::Ask { .. }),
                    said: Vec::new(),
                });
                if let Some(now) = self.now() {
                    now.steps.extend(tried);
                }
                self.after(name, by_design);
            }
            Event::UndoStarted { part, step } => {
                let name = format!("undo of {}", text::step_name(phase, *part, *step));
                self.begins(&name);
            }
            Event::UndoFinished { part, step, .. } => {
                let name = format!("undo of {}", text::step_name(phase, *part, *step));
                self.after(name, None);
            }
            Event::LayerRecorded { layer, .. } => {
                let name = format!("recording {}", text::layer_name(phase, *layer));
                self.after(name, None);
            }
            Event::LayerKept { layer } => {
                let name = format!("keeping {}", text::layer_name(phase, *layer));
                self.after(name, None);
            }
            Event::LayerRestored { layer, .. } => {
                let name = format!("restoring {}", text::layer_name(phase, *layer));
                self.after(name, None);
            }
            Event::RevertBegan { cause } => {
                self.begins("the way back");
                if let Some(now) = self.now().filter(|now| now.forward.is_none()) {
                    now.cause = Some(cause.clone());
                }
            }
            Event::PhaseEnded { end, items, left } => {
                if let Some(now) = self.now() {
                    match end {
                        PhaseEnd::Committed | PhaseEnd::NotApplicable => now.forward = Some(*end),
                        PhaseEnd::Refused
                        | PhaseEnd::Reverted
                        | PhaseEnd::Inconsistent
                        | PhaseEnd::Resolved => {
                            now.back = Some(*end);
                            now.items.clone_from(items);
                            now.left.clone_from(left);
                        }
                    }
                }
            }
            Event::RunResumed { .. }
            | Event::CheckJudged { .. }
            | Event::MomentJudged { .. }
            | Event::GateAnswered { .. }
            | Event::CapsuleSealed { .. }
            | Event::GuardArmed(_)
            | Event::GuardMissing { .. }
            | Event::RebootAwaited
            | Event::MachineRebooted
            | Event::BootCompared { .. }
            | Event::SettleBegan { .. }
            | Event::SettleEnded
            | Event::ChecksAccepted { .. }
            | Event::RetryChosen
            | Event::ConfirmOpened { .. }
            | Event::Confirmed(_)
            | Event::PhaseCommitted { .. }
            | Event::SoakHeld(_)
            | Event::SoakReleased { .. }
            | Event::GuardDisarmed
            | Event::StopWanted
            | Event::RunPaused { .. }
            | Event::FactsLost { .. }
            | Event::ChildrenEnded { .. }
            | Event::Quarantined { .. }
            | Event::EarlierTakenBack { .. }
            | Event::ItemsResolved { .. }
            | Event::RunFinished { .. } => {}
        }
        Ok(())
    }
}

/// Says yes to every step that a person does: in the sandbox it is taken for done.
struct Willing;

impl Operator for Willing {
    fn yes(&mut self, _: &Question) -> Reply {
        Reply::Yes
    }

    fn choose(&mut self, _: &mut Trouble<'_>) -> Chosen {
        Chosen::Nobody
    }

    fn confirm(&mut self, _: &Question, _: &mut dyn FnMut() -> Option<Span>) -> Kept {
        Kept::Keep
    }
}
