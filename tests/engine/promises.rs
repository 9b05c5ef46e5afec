//! The promises. What happened is folded from the facts here a second time, apart from the engine, and each act and
//! each end is held against it and against the machine.

mod acts;
mod ends;
mod guards;

pub(crate) use guards::Found;

use crate::kit::checks_of;
use std::collections::{BTreeMap, BTreeSet};
use switchback::engine::{Input, Limits, RunState};
use switchback::model::*;

/// What the facts say so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Story {
    /// The place of the phase that began last.
    pub(crate) phase: Option<usize>,
    queue: Vec<PhaseId>,
    guided: bool,
    judged: BTreeMap<(Moment, CheckId), Outcome>,
    /// A step may have acted: what was judged and recorded before it stays as it was.
    begun: bool,
    /// Moments judged since it last mattered.
    moments: BTreeSet<Moment>,
    accepted: BTreeSet<(Moment, CheckId)>,
    gate: bool,
    recorded: usize,
    sealed: bool,
    /// A guard was armed since the phase was begun or taken up.
    armed: bool,
    /// On the way back none could be.
    unguarded: bool,
    /// The boot in which it was begun or taken up last.
    boot: Option<String>,
    /// At this place of `apply` the machine is to go down, and whether it did.
    awaits: Option<(usize, bool)>,
    /// It went down there; what booted is not compared yet.
    compares: Option<usize>,
    /// Places at which it went down and booted as it should.
    rebooted: BTreeSet<usize>,
    /// It was another boot, and it was taken up since.
    another: bool,
    /// It went down in the middle of the phase, and nobody had asked for that.
    unplanned: bool,
    /// The record is damaged, and no way back began since.
    damaged: bool,
    /// Facts were lost at some time: nobody knows what it did.
    lost: bool,
    /// What nobody can know since then, by name.
    unknowable: Vec<Item>,
    /// The intent that is durable and has no end.
    intent: Option<(Part, usize)>,
    /// The step of which a crash left nobody knowing what it did.
    unknown: Option<(Part, usize)>,
    /// Steps that ended well.
    well: BTreeSet<(Part, usize)>,
    /// Steps that did not apply the last time.
    absent: BTreeSet<(Part, usize)>,
    /// Steps that may have taken effect.
    pub(crate) acted: BTreeSet<(Part, usize)>,
    kept: usize,
    confirmed: bool,
    /// When the confirm window closes.
    window: Option<i64>,
    settled: Option<i64>,
    waited: bool,
    /// The way back began.
    pub(crate) back: Option<Cause>,
    children_ended: bool,
    undo: Option<(Part, usize)>,
    undone: BTreeSet<(Part, usize)>,
    tried: BTreeSet<(Part, usize)>,
    last_undo: Option<(Part, usize)>,
    to_restore: usize,
    rolled: usize,
    quarantined: bool,
    committed: bool,
    soak: Option<i64>,
    /// What a person is to say about whether the plan goes on.
    held: Option<Cause>,
    disarmed: bool,
    /// How the phase ended.
    pub(crate) ended: Option<PhaseEnd>,
    items: Vec<Item>,
    paused: Option<Cause>,
    /// Verdicts since the phase began, or since its way back did.
    verdicts: Vec<Verdict>,
    taken_up: u32,
}

/// A broken promise.
pub(crate) type Broken = String;

/// Whether another look may tell.
const fn is_open(cause: &Cause) -> bool {
    matches!(cause, Cause::ChecksBroken(_) | Cause::ChecksUndecided(_))
}

fn hold(holds: bool, promise: &str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(promise.to_owned()) }
}

/// Later undone first: `commit` before `apply`, and the last before the first.
fn newer(one: (Part, usize), other: (Part, usize)) -> bool {
    one > other
}

impl Story {
    /// The promises about facts; then what they say.
    pub(crate) fn learn(&mut self, plan: &Plan, event: &Event) -> Result<(), Broken> {
        if let Event::PhaseBegan(header) = event {
            let at = plan.phases.iter().position(|phase| phase.id == header.phase);
            let next = self.phase.map_or(0, |phase| phase + 1);
            hold(self.held.is_none(), "no phase begins while one is held")?;
            hold(at == Some(next), "phases begin in the plan's order, each once")?;
            let guided = header.guidance == Guidance::Guided;
            let (queue, boot) = (header.queue.clone(), header.boot.clone());
            *self = Self { phase: at, queue, guided, boot, ..Self::default() };
            return Ok(());
        }
        let phase = self.phase.and_then(|at| plan.phases.get(at));
        match event {
            Event::PhaseBegan(_) | Event::StopWanted | Event::EarlierTakenBack { .. } => {}
            Event::GuardMissing { .. } => {
                hold(self.back.is_some(), "only on the way back one goes on without a guard")?;
                self.unguarded = true;
            }
            Event::RebootAwaited => {
                let next = phase.and_then(|phase| self.next_reboot(phase));
                hold(next.is_some() && self.back.is_none(), "a reboot is awaited where the plan says")?;
                hold(self.armed && self.awaits.is_none(), "a reboot is awaited once, behind a guard")?;
                self.awaits = next.map(|place| (place, false));
                (self.begun, self.another) = (true, false);
            }
            Event::MachineRebooted => {
                let went = self.awaits.take().filter(|(_, went)| *went);
                hold(went.is_some(), "an awaited reboot is over when it is another boot")?;
                self.compares = went.map(|(place, _)| place);
                self.another = false;
            }
            Event::BootCompared { wrong } => {
                let Some(place) = self.compares else { return Err("nothing booted".into()) };
                if wrong.is_empty() {
                    self.compares = None;
                    self.rebooted.insert(place);
                    self.well.insert((Part::Apply, place));
                }
            }
            Event::RunResumed { guidance, boot, .. } => {
                self.sees(phase, boot.as_ref());
                (self.armed, self.unguarded) = (false, false);
                self.guided = *guidance == Guidance::Guided;
                self.unknown = self.intent.or(self.unknown);
                self.lose_flight();
                self.undo = None;
                self.begin_anew(phase);
                if self.paused.take().is_none() && self.awaits.is_none() {
                    self.taken_up += 1;
                }
            }
            Event::CheckJudged { moment, report } => {
                self.judged.insert((*moment, report.check.clone()), report.counted());
                self.accepted.remove(&(*moment, report.check.clone()));
            }
            Event::MomentJudged { moment } => {
                self.moments.insert(*moment);
            }
            Event::GateAnswered { go } => {
                hold(
                    phase.is_some_and(|phase| self.holds(phase, Moment::Preflight)),
                    "no gate before the preflight holds",
                )?;
                self.gate = *go;
            }
            Event::LayerRecorded { layer, .. } => {
                hold(*layer == self.recorded, "layers are recorded in order")?;
                self.recorded += 1;
            }
            Event::CapsuleSealed { .. } => self.sealed = true,
            Event::GuardArmed(_) => {
                hold(
                    self.sealed || self.lost || self.back.is_some() && self.begun,
                    "the guard is armed over a sealed capsule",
                )?;
                self.armed = true;
            }
            Event::StepStarted { part, step, .. } => {
                self.lose_flight();
                self.intent = Some((*part, *step));
                self.begun |= *part != Part::Rollback;
            }
            Event::StepFinished { part, step, outcome } => {
                let at = (*part, *step);
                self.intent = None;
                if *outcome != StepOutcome::Lost {
                    self.unknown = None;
                }
                match outcome {
                    StepOutcome::Done => {
                        self.intent = Some(at);
                        self.well.insert(at);
                        self.absent.remove(&at);
                    }
                    StepOutcome::NotApplicable(_) => {
                        self.well.insert(at);
                        self.absent.insert(at);
                    }
                    StepOutcome::Declined | StepOutcome::NotStarted(_) => {}
                    StepOutcome::Failed(_)
                    | StepOutcome::Broken(_)
                    | StepOutcome::TimedOut(_)
                    | StepOutcome::Interrupted
                    | StepOutcome::Lost => {
                        self.intent = Some(at);
                    }
                }
                self.lose_flight();
                self.rolled += usize::from(*part == Part::Rollback && *outcome != StepOutcome::Lost);
            }
            Event::SettleBegan { until } => self.settled = Some(until.0),
            Event::SettleEnded => self.waited = true,
            Event::ChecksAccepted { moment, checks, .. } => {
                let Some(phase) = phase else { return Err("nothing to accept between phases".into()) };
                let critical = checks_of(phase, *moment)
                    .iter()
                    .any(|check| check.severity == Severity::Critical && checks.contains(&check.id));
                hold(!critical, "a critical check is never accepted")?;
                let allowed =
                    [phase.on.fail, phase.on.error, phase.on.inconclusive].contains(&Reaction::Continue);
                hold(self.guided || allowed, "checks are accepted by a person or by the plan")?;
                self.accepted.extend(checks.iter().map(|id| (*moment, id.clone())));
            }
            Event::RetryChosen => {
                hold(self.guided, "only a person retries")?;
                self.unknown = None;
            }
            Event::ConfirmOpened { until } => {
                hold(
                    phase.is_some_and(|phase| self.holds(phase, Moment::Validate)),
                    "no confirm before the validation holds",
                )?;
                self.window = Some(until.0);
            }
            Event::Confirmed(_) => self.confirmed = true,
            Event::LayerKept { layer } => {
                hold(*layer == self.kept, "layers are kept in order")?;
                self.kept += 1;
            }
            Event::PhaseCommitted { soak_until } => {
                let Some(phase) = phase else { return Err("nothing to commit between phases".into()) };
                hold(self.validated(phase), "no commit before the validation holds")?;
                hold(self.all_well(phase, Part::Commit), "committed means every commit step ended well")?;
                hold(
                    !phase.commit.is_empty() || self.kept == phase.layers.len(),
                    "committed means every layer is kept",
                )?;
                hold(self.back.is_none(), "no commit on the way back")?;
                self.committed = true;
                self.taken_up = 0;
                self.soak = soak_until.map(|until| until.0);
            }
            Event::SoakHeld(found) => {
                hold(self.may_hold(&found.cause), "only a phase that soaks holds the next one, and once")?;
                self.held = Some(found.cause.clone());
            }
            Event::SoakReleased { by, .. } => {
                let open = self.held.as_ref().is_some_and(is_open);
                hold(self.held.is_some(), "only what is held is released")?;
                hold(by.is_some() || open, "what failed is released by a person alone")?;
                self.held = None;
            }
            Event::GuardDisarmed => (self.disarmed, self.armed) = (true, false),
            Event::RunPaused { cause } => {
                hold(self.back.is_none() || self.ended.is_some(), "the way back does not pause")?;
                self.paused = Some(cause.clone());
            }
            Event::FactsLost { unknown } => {
                (self.damaged, self.begun, self.lost) = (true, true, true);
                self.unknowable.extend(unknown.iter().cloned());
            }
            Event::RevertBegan { cause } => {
                let decided = self.committed || self.ended == Some(PhaseEnd::NotApplicable);
                let checks = matches!(
                    cause,
                    Cause::ChecksFailed(_) | Cause::ChecksBroken(_) | Cause::ChecksUndecided(_)
                );
                let soaks = self.committed && self.soak.is_some() && checks;
                hold(
                    !decided || *cause == Cause::Asked || soaks,
                    "what is committed is taken back only when asked, or by its checks where it soaks",
                )?;
                let open = self.back.is_some() && self.ended.is_none() && !self.damaged;
                hold(!open, "a way back begins once")?;
                if let Cause::TooManyResumptions(times) = cause {
                    let often = *times == self.taken_up && *times > Limits::FORWARD;
                    hold(often, "it is turned round for crashes when there were so many")?;
                }
                hold(*cause != Cause::Rebooted || self.another, "rebooted means that it is another boot")?;
                (self.awaits, self.compares, self.unplanned) = (None, None, false);
                (self.another, self.damaged) = (false, false);
                (self.paused, self.held) = (None, None);
                self.back = Some(cause.clone());
                self.ended = None;
                self.verdicts.clear();
                self.lose_flight();
                self.children_ended = false;
                self.tried.clear();
                self.last_undo = None;
                self.to_restore = self.recorded;
                self.rolled = 0;
                self.quarantined = false;
                self.items.clone_from(&self.unknowable);
                self.taken_up = 0;
                self.moments.remove(&Moment::Reprobe);
            }
            Event::ChildrenEnded { .. } => self.children_ended = true,
            Event::UndoStarted { part, step } => self.undo = Some((*part, *step)),
            Event::UndoFinished { part, step, outcome } => {
                let at = (*part, *step);
                self.undo = None;
                self.tried.insert(at);
                self.last_undo = Some(at);
                if *outcome == StepOutcome::Done {
                    self.undone.insert(at);
                }
            }
            Event::LayerRestored { layer, .. } => {
                hold(layer + 1 == self.to_restore, "layers come back in reverse")?;
                self.to_restore = *layer;
            }
            Event::Quarantined { .. } => self.quarantined = true,
            Event::PhaseEnded { end, items, left } => {
                hold(self.ended.is_none(), "a phase ends once")?;
                self.ended = Some(*end);
                self.items.clone_from(items);
                if let Some(phase) = phase {
                    self.end_is_true(phase, *end)?;
                    self.left_is_true(phase, *end, left)?;
                }
            }
            Event::ItemsResolved { items, .. } => {
                hold(
                    self.ended == Some(PhaseEnd::Inconsistent) || self.damaged,
                    "only what is inconsistent, or of which nobody can know, is put right by hand",
                )?;
                let named = |item: &Item| items.contains(item);
                hold(
                    self.items == *items || self.damaged && self.unknowable.iter().all(named),
                    "what was put right is what was named",
                )?;
                (self.damaged, self.held) = (false, None);
                self.ended = Some(PhaseEnd::Resolved);
                self.unknowable.clear();
                self.items.clear();
                self.verdicts.clear();
            }
            Event::RunFinished { verdict } => self.verdicts.push(*verdict),
        }
        Ok(())
    }

    /// Whether this may be left to a person: the run is over, the phase soaks, and nothing as grave is left already.
    fn may_hold(&self, cause: &Cause) -> bool {
        let over = self.ended == Some(PhaseEnd::Committed) && !self.verdicts.is_empty();
        let anew = self.held.as_ref().is_none_or(|before| is_open(before) && !is_open(cause));
        over && self.soak.is_some() && anew
    }

    /// The promise that the engine knows what is held.
    pub(crate) fn is_held_as(&self, state: &RunState) -> Result<(), Broken> {
        let known = state.held.as_ref().map(|held| &held.cause);
        hold(self.held.as_ref() == known, "what is held is what the facts say is held")
    }

    /// The promises about what is held: it is recorded, and released by nothing but a look or a person.
    pub(crate) fn holds_by(&self, input: &Input, events: &[Event]) -> Result<(), Broken> {
        let said: Vec<&Event> = events
            .iter()
            .filter(|event| matches!(event, Event::SoakHeld(_) | Event::SoakReleased { .. }))
            .collect();
        match input {
            Input::SoakHeld(held) if self.may_hold(&held.cause) => {
                hold(said == [&Event::SoakHeld(held.clone())], "what is left to a person is recorded")
            }
            Input::SoakReleased { reason, by } if self.held.is_some() => {
                let word = Event::SoakReleased { reason: reason.clone(), by: Some(by.clone()) };
                hold(said == [&word], "what a person says is recorded, with who it was")
            }
            Input::SoakMeasured if self.held.as_ref().is_some_and(is_open) => hold(
                matches!(said.as_slice(), [Event::SoakReleased { by: None, .. }]),
                "what could not be told then and is well now holds nothing",
            ),
            _ => hold(said.is_empty(), "nothing else holds a phase or releases it"),
        }
    }

    /// A step whose end was never told may have taken effect.
    fn lose_flight(&mut self) {
        self.acted.extend(self.intent.take().filter(|(part, _)| *part != Part::Rollback));
    }

    /// What was judged and recorded before a crash or a pause is not believed afterwards, unless something acted since.
    fn begin_anew(&mut self, phase: Option<&Phase>) {
        if self.has_begun(phase) || self.back.is_some() || self.ended.is_some() || self.committed {
            return;
        }
        self.judged.clear();
        self.moments.clear();
        self.accepted.clear();
        (self.gate, self.sealed, self.armed, self.waited, self.confirmed) =
            (false, false, false, false, false);
        self.recorded = 0;
        (self.settled, self.window) = (None, None);
    }

    /// Whether something may have changed, or will have by what is owed next.
    fn has_begun(&self, phase: Option<&Phase>) -> bool {
        let keeps =
            |phase: &Phase| phase.commit.is_empty() && !phase.layers.is_empty() && self.validated(phase);
        self.begun || phase.is_some_and(keeps)
    }

    /// A boot in which it is taken up.
    fn sees(&mut self, phase: Option<&Phase>, boot: Option<&String>) {
        let another = matches!((&self.boot, boot), (Some(before), Some(now)) if before != now);
        self.boot = boot.cloned().or(self.boot.take());
        self.another |= another && self.paused.is_none();
        if let Some((_, went)) = &mut self.awaits {
            *went |= another;
            return;
        }
        let open = self.back.is_none() && self.ended.is_none() && !self.committed && self.paused.is_none();
        let expected = phase.is_some_and(|phase| phase.reboot == Reboot::Expected);
        self.unplanned |= another && open && !expected && self.has_begun(phase);
    }

    /// The next place at which the machine goes down, where all before it is behind the phase.
    fn next_reboot(&self, phase: &Phase) -> Option<usize> {
        let next = (0..=phase.apply.len())
            .find(|place| phase.reboots_at(*place) && !self.rebooted.contains(place))?;
        (0..next).all(|step| self.well.contains(&(Part::Apply, step))).then_some(next)
    }

    /// Whether every step of `apply` ended well and the machine went down wherever it had to.
    fn applied(&self, phase: &Phase) -> bool {
        let reboots = (0..=phase.apply.len()).filter(|place| phase.reboots_at(*place));
        self.all_well(phase, Part::Apply) && reboots.into_iter().all(|place| self.rebooted.contains(&place))
    }

    /// The promises about who answers.
    pub(crate) fn answered(&self, input: &Input, events: &[Event]) -> Result<(), Broken> {
        let resolved = events.iter().any(|event| matches!(event, Event::ItemsResolved { .. }));
        hold(
            !resolved || matches!(input, Input::Resolved { .. } | Input::ResolvedAlongDamage { .. }),
            "only a person says that something was put right by hand",
        )?;
        let yes = *input == Input::Answered(true);
        let gone = events.iter().any(|event| matches!(event, Event::GateAnswered { go: true }));
        hold(!self.guided || !gone || yes, "the answer at the gate is the person's")?;
        let confirmed = events.iter().find_map(|event| match event {
            Event::Confirmed(who) => Some(who.as_ref()),
            _ => None,
        });
        let said = match input {
            Input::KeptBy(who) => Some(Some(who)),
            Input::Answered(true) => Some(None),
            _ => None,
        };
        hold(confirmed.is_none() || confirmed == said, "silence confirms nothing, and who said keep is told")
    }

    fn touched(&self) -> bool {
        !self.acted.is_empty() || self.kept > 0
    }

    fn own_undo(phase: &Phase, at: (Part, usize)) -> bool {
        matches!(phase.steps(at.0).get(at.1).map(|step| &step.undo), Some(StepUndo::Act(_)))
    }

    fn all_undone(&self, phase: &Phase) -> bool {
        let owed = |at: &&(Part, usize)| at.0 != Part::Rollback && Self::own_undo(phase, **at);
        self.acted.iter().filter(owed).all(|at| self.undone.contains(at) || self.tried.contains(at))
    }

    fn all_well(&self, phase: &Phase, part: Part) -> bool {
        (0..phase.steps(part).len()).all(|step| self.well.contains(&(part, step)))
    }

    /// Whether a moment was judged and every check of it passed or was accepted.
    fn holds(&self, phase: &Phase, moment: Moment) -> bool {
        self.moments.contains(&moment)
            && checks_of(phase, moment).iter().all(|check| {
                let at = (moment, check.id.clone());
                self.accepted.contains(&at)
                    || matches!(self.judged.get(&at), Some(Outcome::Pass | Outcome::Warn | Outcome::Skipped))
            })
    }

    fn validated(&self, phase: &Phase) -> bool {
        self.holds(phase, Moment::Validate)
            && self.applied(phase)
            && (phase.confirm.is_none() || self.confirmed)
    }
}
