//! The promises. What happened is folded from the facts here a second time, apart from the engine, and each act and
//! each end is held against it and against the machine.

use crate::kit::checks_of;
use crate::machine::{Content, Machine};
use std::collections::{BTreeMap, BTreeSet};
use switchback::engine::{Action, Ended, Heard, Input, Limits};
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
    armed: bool,
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
            hold(at == Some(next), "phases begin in the plan's order, each once")?;
            let guided = header.guidance == Guidance::Guided;
            *self = Self { phase: at, queue: header.queue.clone(), guided, ..Self::default() };
            return Ok(());
        }
        let phase = self.phase.and_then(|at| plan.phases.get(at));
        match event {
            Event::PhaseBegan(_) | Event::StopWanted | Event::EarlierTakenBack { .. } => {}
            Event::RunResumed { guidance, .. } => {
                self.guided = *guidance == Guidance::Guided;
                self.unknown = self.intent.or(self.unknown);
                self.lose_flight();
                self.undo = None;
                self.begin_anew(phase);
                if self.paused.take().is_none() {
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
            Event::GuardArmed { .. } => {
                hold(self.sealed, "the guard is armed over a sealed capsule")?;
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
            Event::ConfirmOpened { .. } => {
                hold(
                    phase.is_some_and(|phase| self.holds(phase, Moment::Validate)),
                    "no confirm before the validation holds",
                )?;
            }
            Event::Confirmed => self.confirmed = true,
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
            Event::GuardDisarmed => self.disarmed = true,
            Event::RunPaused { cause } => {
                hold(self.back.is_none() || self.ended.is_some(), "the way back does not pause")?;
                self.paused = Some(cause.clone());
            }
            Event::RevertBegan { cause } => {
                let decided = self.committed || self.ended == Some(PhaseEnd::NotApplicable);
                hold(!decided || *cause == Cause::Asked, "what is committed is taken back only when asked")?;
                hold(self.back.is_none() || self.ended.is_some(), "a way back begins once")?;
                self.paused = None;
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
                self.items.clear();
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
                    self.ended == Some(PhaseEnd::Inconsistent),
                    "only what is inconsistent is put right by hand",
                )?;
                hold(self.items == *items, "what was put right is what was named")?;
                self.ended = Some(PhaseEnd::Resolved);
                self.items.clear();
                self.verdicts.clear();
            }
            Event::RunFinished { verdict } => self.verdicts.push(*verdict),
        }
        Ok(())
    }

    /// A step whose end was never told may have taken effect.
    fn lose_flight(&mut self) {
        self.acted.extend(self.intent.take().filter(|(part, _)| *part != Part::Rollback));
    }

    /// What was judged and recorded before a crash or a pause is not believed afterwards, unless something acted since.
    fn begin_anew(&mut self, phase: Option<&Phase>) {
        let keeps =
            |phase: &Phase| phase.commit.is_empty() && !phase.layers.is_empty() && self.validated(phase);
        let acted = self.begun || phase.is_some_and(keeps);
        if acted || self.back.is_some() || self.ended.is_some() || self.committed {
            return;
        }
        self.judged.clear();
        self.moments.clear();
        self.accepted.clear();
        (self.gate, self.sealed, self.armed, self.waited, self.confirmed) =
            (false, false, false, false, false);
        self.recorded = 0;
        self.settled = None;
    }

    /// The promise about who answers.
    pub(crate) fn answered(&self, input: &Input, events: &[Event]) -> Result<(), Broken> {
        let resolved = events.iter().any(|event| matches!(event, Event::ItemsResolved { .. }));
        hold(
            !resolved || matches!(input, Input::Resolved { .. }),
            "only a person says that something was put right by hand",
        )?;
        let gone = events.iter().any(|event| matches!(event, Event::GateAnswered { go: true }));
        hold(
            !self.guided || !gone || *input == Input::Answered(true),
            "the answer at the gate is the person's",
        )
    }

    fn touched(&self) -> bool {
        !self.acted.is_empty() || self.kept > 0
    }

    fn end_is_true(&self, phase: &Phase, end: PhaseEnd) -> Result<(), Broken> {
        match end {
            PhaseEnd::Committed => hold(self.committed, "a phase ends committed only after it was committed"),
            PhaseEnd::NotApplicable => hold(
                self.moments.contains(&Moment::Applies) && self.recorded == 0,
                "not applicable before anything",
            ),
            PhaseEnd::Refused => hold(!self.touched() && self.items.is_empty(), "refused means untouched"),
            PhaseEnd::Reverted => {
                self.way_back_walked(phase)?;
                hold(self.items.is_empty(), "reverted means nothing is named")?;
                self.quarantine_is_true()
            }
            PhaseEnd::Inconsistent => {
                hold(!self.items.is_empty(), "inconsistent names its items")?;
                if self.taken_up > Limits::BACK {
                    return Ok(());
                }
                self.way_back_walked(phase)?;
                self.quarantine_is_true()
            }
            PhaseEnd::Resolved => Err("no way back ends by being put right".into()),
        }
    }

    fn left_is_true(&self, phase: &Phase, end: PhaseEnd, left: &[Item]) -> Result<(), Broken> {
        let went_back = matches!(end, PhaseEnd::Reverted | PhaseEnd::Inconsistent);
        let cannot = |at: &&(Part, usize)| {
            let step = phase.steps(at.0).get(at.1);
            went_back && matches!(step.map(|step| &step.undo), Some(StepUndo::None { .. }))
        };
        let names: BTreeSet<String> = self
            .acted
            .iter()
            .filter(cannot)
            .filter_map(|at| phase.steps(at.0).get(at.1))
            .map(|step| format!("step {}", step.id))
            .collect();
        let said: BTreeSet<String> = left.iter().map(|item| item.name.clone()).collect();
        hold(names == said, "a way back names exactly what acted and cannot be undone")
    }

    fn quarantine_is_true(&self) -> Result<(), Broken> {
        let rejects = self.back.as_ref().is_some_and(Cause::rejects);
        hold(self.quarantined == rejects, "in quarantine exactly where the cause rejects")
    }

    fn way_back_walked(&self, phase: &Phase) -> Result<(), Broken> {
        hold(self.all_undone(phase), "whatever may have taken effect is undone")?;
        hold(self.to_restore == 0, "every recorded layer is restored")?;
        hold(self.rolled == phase.rollback.len(), "every rollback step was taken")?;
        let probed = phase.validate.is_empty() || self.moments.contains(&Moment::Reprobe);
        hold(probed, "the baseline is probed again")?;
        for check in &phase.validate {
            let at = |moment| self.judged.get(&(moment, check.id.clone()));
            let good = |outcome: Option<&Outcome>| {
                matches!(outcome, Some(Outcome::Pass | Outcome::Warn | Outcome::Skipped))
            };
            let before = matches!(at(Moment::Baseline), Some(Outcome::Pass | Outcome::Warn));
            if before && !good(at(Moment::Reprobe)) {
                let name = format!("check {}", check.id);
                let named = self.items.iter().any(|item| item.name == name);
                hold(named, "a check that no longer holds after the way back is named")?;
            }
        }
        Ok(())
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
            && self.all_well(phase, Part::Apply)
            && (phase.confirm.is_none() || self.confirmed)
    }

    /// Whether the phase may be acted on: the order that bears the load.
    fn guarded(&self, phase: &Phase, machine: &Machine) -> Result<(), Broken> {
        hold(
            phase.applies_if.is_none() || self.holds(phase, Moment::Applies),
            "nothing where the phase does not apply",
        )?;
        hold(self.holds(phase, Moment::Preflight), "nothing before the preflight holds")?;
        hold(self.gate, "nothing past an unanswered gate")?;
        hold(self.recorded == phase.layers.len(), "nothing before all is recorded")?;
        let probed = phase.validate.is_empty() || self.moments.contains(&Moment::Baseline);
        hold(probed, "nothing before the baseline is known")?;
        hold(self.sealed, "nothing before the capsule is sealed")?;
        hold(self.armed && machine.guard, "nothing before the guard stands")
    }

    fn backward(&self, machine: &Machine) -> Result<(), Broken> {
        hold(self.back.is_some() && self.ended.is_none(), "nothing is undone before the way back began")?;
        hold(self.children_ended && !machine.child, "nothing is undone while a child is alive")
    }

    /// The promises about the act that is owed now.
    pub(crate) fn allows(
        &self,
        plan: &Plan,
        machine: &Machine,
        action: &Action,
        heard: Heard,
    ) -> Result<(), Broken> {
        let phase = self.phase.and_then(|at| plan.phases.get(at));
        if let Action::Open { phase: next } = action {
            hold(heard == Heard::Nothing, "no phase begins after a stop was asked for")?;
            hold(
                self.soak.is_none_or(|until| machine.clock >= until),
                "no phase begins while the one before soaks",
            )?;
            let ended = matches!(self.ended, None | Some(PhaseEnd::Committed | PhaseEnd::NotApplicable));
            hold(
                ended && (phase.is_none() || self.ended.is_some()),
                "a phase begins after the one before is done",
            )?;
            return hold(
                phase.is_none() || self.queue.first() == Some(next),
                "the next phase is the next in the queue",
            );
        }
        if let Action::Stop(ended) = action {
            return self.stop_is_true(plan, machine, ended);
        }
        let Some(phase) = phase else { return Err(format!("{action:?} between phases")) };
        match action {
            Action::Undo { .. }
            | Action::Restore { .. }
            | Action::Quarantine { .. }
            | Action::EndChildren
            | Action::Disarm
            | Action::Perform { part: Part::Rollback, .. }
            | Action::Judge { moment: Moment::Reprobe } => {
                hold(
                    self.back.is_none() || self.taken_up <= Limits::BACK,
                    "the way back is taken up so often and no more",
                )?;
            }
            Action::Open { .. }
            | Action::Judge { .. }
            | Action::AskGate
            | Action::Record { .. }
            | Action::Seal
            | Action::Arm
            | Action::Perform { .. }
            | Action::Wait { .. }
            | Action::Confirm { .. }
            | Action::Keep { .. }
            | Action::Choose { .. }
            | Action::Stop(_) => {
                hold(self.back.is_none(), "nothing goes forward after the way back began")?;
                hold(!self.committed && self.ended.is_none(), "nothing goes forward after the end")?;
                hold(self.taken_up <= Limits::FORWARD, "a phase is taken up so often and no more")?;
                hold(heard == Heard::Nothing, "nothing goes forward after a stop was asked for")?;
            }
        }
        match action {
            Action::Judge { moment: Moment::Applies | Moment::Preflight } => Ok(()),
            Action::Judge { moment: Moment::Baseline } => {
                hold(self.recorded == phase.layers.len() && self.gate, "the baseline comes after the record")
            }
            Action::Judge { moment: Moment::Validate } => {
                hold(self.all_well(phase, Part::Apply), "judged only after every step ended well")?;
                let over = phase.settle == Span::ZERO || self.waited && self.settled <= Some(machine.clock);
                hold(over, "judged only after it settled")?;
                self.guarded(phase, machine)
            }
            Action::Judge { moment: Moment::Reprobe } => {
                self.backward(machine)?;
                hold(self.rolled == phase.rollback.len(), "probed again only after the rollback steps")
            }
            Action::AskGate => {
                hold(self.guided, "nobody is asked where nobody is")?;
                hold(self.holds(phase, Moment::Preflight), "no gate before the preflight holds")
            }
            Action::Record { layer } => {
                hold(self.holds(phase, Moment::Preflight), "nothing recorded before the preflight holds")?;
                hold(self.gate, "nothing recorded past an unanswered gate")?;
                hold(*layer == self.recorded, "layers are recorded in order")
            }
            Action::Seal => {
                hold(self.gate && self.recorded == phase.layers.len(), "sealed after all is recorded")
            }
            Action::Arm => hold(self.sealed, "armed after the capsule is sealed"),
            Action::Perform { part: Part::Rollback, step } => {
                self.backward(machine)?;
                hold(self.intent == Some((Part::Rollback, *step)), "no act without a durable intent")?;
                hold(self.to_restore == 0 && self.all_undone(phase), "rollback steps come after the layers")?;
                hold(*step == self.rolled, "rollback steps in order, once")
            }
            Action::Perform { part, step } => {
                self.guarded(phase, machine)?;
                hold(self.intent == Some((*part, *step)), "no act without a durable intent")?;
                let repeats = |step: &Step| step.idempotent || step.changes == Changes::Nothing;
                let may_repeat = phase.steps(*part).get(*step).is_some_and(repeats);
                hold(may_repeat || self.unknown != self.intent, "a lost step runs again only where it may")?;
                hold((0..*step).all(|step| self.well.contains(&(*part, step))), "steps in order")?;
                hold(
                    *part == Part::Apply || self.validated(phase),
                    "no commit step before the validation holds",
                )?;
                hold(
                    *part == Part::Commit || !self.moments.contains(&Moment::Validate),
                    "no step after the judging",
                )
            }
            Action::Wait { until } => hold(self.settled == Some(until.0), "the wait ends when the facts say"),
            Action::Confirm { .. } => {
                hold(self.holds(phase, Moment::Validate), "no confirm before the validation holds")
            }
            Action::Keep { layer } => {
                self.guarded(phase, machine)?;
                hold(self.validated(phase), "nothing is kept before the validation holds")?;
                hold(
                    *layer == self.kept && phase.commit.is_empty(),
                    "layers are kept in order, where nothing else commits",
                )
            }
            Action::Disarm => {
                if self.back.is_none() {
                    let anew = !self.begun && self.recorded == 0 && !self.sealed;
                    return hold(self.committed || anew, "the guard comes down after the commit");
                }
                if self.touched() { self.way_back_walked_but_named(phase) } else { Ok(()) }
            }
            Action::Choose { cause, may_accept } => {
                hold(self.guided, "nobody is asked where nobody is")?;
                let (Cause::ChecksFailed(ids) | Cause::ChecksBroken(ids) | Cause::ChecksUndecided(ids)) =
                    cause
                else {
                    return hold(!may_accept, "only checks are accepted");
                };
                let all = phase.applies_if.iter().chain(&phase.preflight).chain(&phase.validate);
                let mut critical = all.filter(|check| check.severity == Severity::Critical);
                let offered = !critical.any(|check| ids.contains(&check.id));
                hold(*may_accept == offered, "what is not critical may be accepted, and nothing else")
            }
            Action::EndChildren => hold(self.back.is_some(), "children are ended on the way back"),
            Action::Undo { part, step } => {
                self.backward(machine)?;
                let at = (*part, *step);
                hold(self.undo == Some(at), "no undo without its intent")?;
                hold(self.acted.contains(&at), "only what may have taken effect is undone")?;
                hold(Self::own_undo(phase, at), "only an own undo is taken")?;
                hold(!self.undone.contains(&at), "what is undone is not undone again")?;
                hold(!self.tried.contains(&at), "an undo is tried once on a way back")?;
                hold(self.last_undo.is_none_or(|last| newer(last, at)), "the newest is undone first")?;
                let left = self.acted.iter().filter(|other| newer(**other, at) && other.0 != Part::Rollback);
                let mut left = left.filter(|other| Self::own_undo(phase, **other));
                hold(
                    left.all(|other| self.undone.contains(other) || self.tried.contains(other)),
                    "the newest is undone first",
                )?;
                hold(self.to_restore == self.recorded, "steps are undone before layers are restored")
            }
            Action::Restore { layer } => {
                self.backward(machine)?;
                hold(self.all_undone(phase), "layers are restored after every undo")?;
                hold(layer + 1 == self.to_restore, "layers come back in reverse")
            }
            Action::Quarantine { cause } => {
                hold(
                    cause.rejects() && self.back.as_ref() == Some(cause),
                    "only what is rejected is in quarantine",
                )?;
                hold(self.to_restore == 0, "first home, then the quarantine")
            }
            Action::Open { .. } | Action::Stop(_) => Ok(()),
        }
    }

    fn way_back_walked_but_named(&self, phase: &Phase) -> Result<(), Broken> {
        hold(self.all_undone(phase) && self.to_restore == 0, "the guard comes down after the way back")?;
        hold(self.rolled == phase.rollback.len(), "the guard comes down after the way back")
    }

    fn stop_is_true(&self, plan: &Plan, machine: &Machine, ended: &Ended) -> Result<(), Broken> {
        let verdict = match ended {
            Ended::Paused(cause) => {
                hold(self.paused.as_ref() == Some(cause), "a paused run says why")?;
                hold(self.verdicts.is_empty(), "a paused run has no verdict")?;
                return hold(self.back.is_none() || self.ended.is_some(), "the way back does not pause");
            }
            Ended::Finished(verdict) => *verdict,
        };
        hold(self.verdicts == [verdict], "every run ends in exactly one verdict")?;
        let Some(at) = self.phase else {
            let untouched = machine.things.iter().all(crate::machine::Things::all_old);
            return hold(untouched, "a run without a phase changed nothing");
        };
        let Some(things) = machine.things.get(at) else { return Err("no such phase".into()) };
        let exhausted = self.taken_up > Limits::BACK;
        hold(!machine.guard || exhausted, "no guard stands behind a run that ended")?;
        match (verdict, self.ended) {
            (Verdict::Committed, Some(PhaseEnd::Committed)) => {
                let soaks = self.soak.is_some_and(|until| until > machine.clock);
                hold(self.queue.is_empty() || soaks, "committed means that all that was due is done")?;
                self.all_new(plan, machine, at)
            }
            (Verdict::Committed, Some(PhaseEnd::NotApplicable)) => {
                hold(self.queue.is_empty() && things.all_old(), "not applicable means untouched")
            }
            (Verdict::Refused, Some(PhaseEnd::Committed)) => {
                hold(!self.queue.is_empty(), "refused after a commit means that the next phase was")?;
                self.all_new(plan, machine, at)
            }
            (Verdict::Refused, Some(PhaseEnd::Refused | PhaseEnd::NotApplicable)) => {
                hold(things.all_old(), "refused means untouched")
            }
            (Verdict::RolledBack, Some(PhaseEnd::Reverted)) => {
                hold(self.items.is_empty(), "rolled back means nothing is named")?;
                hold(things.all_old(), "rolled back means as before")
            }
            (Verdict::Inconsistent, Some(PhaseEnd::Inconsistent)) => {
                let named = |name: &str| self.items.iter().any(|item| item.name == name);
                let Some(phase) = plan.phases.get(at) else { return Err("no such phase".into()) };
                if named(&format!("phase {}", phase.id)) {
                    return Ok(());
                }
                for (part, contents) in [Part::Apply, Part::Commit].into_iter().zip(&things.steps) {
                    for (step, content) in phase.steps(part).iter().zip(contents) {
                        let known = *content == Content::Old || named(&format!("undo of step {}", step.id));
                        hold(known, "inconsistent names every step that is not as before")?;
                    }
                }
                for (layer, content) in things.layers.iter().enumerate() {
                    let known = *content == Content::Old || named(&format!("layer {layer}"));
                    hold(known, "inconsistent names every layer that is not as before")?;
                }
                Ok(())
            }
            (Verdict::Resolved, Some(PhaseEnd::Resolved)) => {
                hold(self.items.is_empty(), "resolved means nothing is named any more")?;
                hold(things.all_old(), "resolved means as before, by hand")
            }
            (
                Verdict::Committed
                | Verdict::Refused
                | Verdict::RolledBack
                | Verdict::Inconsistent
                | Verdict::Resolved,
                end,
            ) => Err(format!("the verdict {verdict:?} does not say that the phase ended {end:?}")),
        }
    }

    fn all_new(&self, plan: &Plan, machine: &Machine, at: usize) -> Result<(), Broken> {
        let (Some(phase), Some(things)) = (plan.phases.get(at), machine.things.get(at)) else {
            return Err("no such phase".into());
        };
        for (part, contents) in [Part::Apply, Part::Commit].into_iter().zip(&things.steps) {
            for (step, content) in contents.iter().enumerate() {
                let there = match content {
                    Content::New => true,
                    Content::Half => false,
                    Content::Old => {
                        self.absent.contains(&(part, step)) || !Self::own_undo(phase, (part, step))
                    }
                };
                hold(there, "committed means that every step took effect")?;
            }
        }
        let kept = !phase.commit.is_empty() || things.layers.iter().all(|layer| *layer == Content::New);
        hold(kept, "committed means that every layer is kept")
    }
}
