//! What one journal says, put together for looking at. Pure.

use crate::model::{
    Accepted, Act, Cause, CheckId, CheckLine, CommandLine, Confirmation, Digest, Envelope, Event,
    GenerationNumber, HistoryLine, Hold, Item, LayerRecord, Moment, Outcome, Part, Phase, PhaseEnd,
    PhaseHeader, ProcessEnd, Release, Resolution, StepLine, StepOutcome, StepUndo, Timestamp, Verdict,
    with_run_time,
};
use std::collections::BTreeMap;

/// One generation, from its journal alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The line that `history` shows.
    pub line: HistoryLine,
    /// The plan's digest.
    pub digest: Digest,
    /// How the run ended, where it ended in this generation.
    pub verdict: Option<Verdict>,
    /// What was recorded.
    pub records: Vec<LayerRecord>,
    /// Steps in the order in which they ran.
    pub steps: Vec<StepLine>,
    /// Every check result.
    pub checks: Vec<CheckLine>,
    /// What is neither old nor new.
    pub items: Vec<Item>,
    /// Who said keep, and when.
    pub confirmed: Option<Confirmation>,
    /// Earlier generations that were taken back from here, and how their phases stand now.
    pub taken_back: Vec<(GenerationNumber, PhaseEnd)>,
}

/// Puts the facts of a generation together; `None` where they do not begin with its header. Names of steps come from
/// the facts, and from the phase where one is given.
#[must_use]
pub fn summarise(envelopes: &[Envelope], phase: Option<&Phase>) -> Option<Summary> {
    let (first, rest) = envelopes.split_first()?;
    let mut telling = Telling::new(header(envelopes)?, first.at, phase);
    for envelope in rest {
        telling.summary.line.last = envelope.at;
        telling.tell(&envelope.event, envelope.at);
    }
    let mut accepted = Accepted::default();
    rest.iter().for_each(|envelope| accepted.note(&envelope.event));
    telling.summary.line.accepted = accepted.items();
    Some(telling.summary)
}

/// The header that a journal begins with.
pub(super) fn header(envelopes: &[Envelope]) -> Option<&PhaseHeader> {
    match &envelopes.first()?.event {
        Event::PhaseBegan(header) => Some(header),
        _ => None,
    }
}

struct Telling<'a> {
    summary: Summary,
    phase: Option<&'a Phase>,
    /// Which step each line of `summary.steps` is about.
    places: Vec<(Part, usize, Doing)>,
    /// Whether the cause is that of a pause, which ends.
    waiting: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Step,
    Undo,
}

impl<'a> Telling<'a> {
    fn new(header: &PhaseHeader, began: Timestamp, phase: Option<&'a Phase>) -> Self {
        let line = HistoryLine {
            removed: None,
            stage: None,
            generation: header.generation,
            run: header.run.clone(),
            plan: header.plan.clone(),
            revision: header.revision,
            phase: header.phase.clone(),
            began,
            last: began,
            end: None,
            cause: None,
            layers: Vec::new(),
            left: Vec::new(),
            accepted: Vec::new(),
            hold: None,
            decided: None,
            resolved: None,
        };
        let summary = Summary {
            line,
            digest: header.digest.clone(),
            verdict: None,
            records: Vec::new(),
            steps: Vec::new(),
            checks: Vec::new(),
            items: Vec::new(),
            confirmed: None,
            taken_back: Vec::new(),
        };
        Self { summary, phase, places: Vec::new(), waiting: false }
    }

    fn tell(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Confirmed(by) => self.summary.confirmed = Some(Confirmation { by: by.clone(), at }),
            Event::CheckJudged { moment, report } => {
                self.summary.checks.push(CheckLine {
                    at,
                    moment: *moment,
                    report: report.clone(),
                    accepted: None,
                });
            }
            Event::ChecksAccepted { moment, checks, reason } => {
                for id in checks {
                    let judged = |line: &&mut CheckLine| line.moment == *moment && line.report.check == *id;
                    if let Some(line) = self.summary.checks.iter_mut().rev().find(judged) {
                        line.accepted = Some(reason.clone());
                    }
                }
            }
            Event::GateAnswered { go: false } => self.because(Cause::Declined, false),
            Event::LayerRecorded { layer, record } => {
                // A phase that was taken up before it touched anything records its layers anew.
                self.summary.line.layers.truncate(*layer);
                self.summary.records.truncate(*layer);
                self.summary.line.layers.push(format!("{}: {}", record.kind, record.target));
                self.summary.records.push(record.clone());
            }
            Event::StepStarted { part, step, id } => {
                self.begin(*part, *step, Doing::Step, Some(id.as_str()), Some(at));
            }
            Event::StepFinished { part, step, outcome } => self.end(*part, *step, Doing::Step, outcome, at),
            Event::UndoStarted { part, step } => self.begin(*part, *step, Doing::Undo, None, Some(at)),
            Event::UndoFinished { part, step, outcome } => self.end(*part, *step, Doing::Undo, outcome, at),
            Event::RunResumed { .. } | Event::RetryChosen => {
                if self.waiting {
                    self.summary.line.cause = None;
                    self.waiting = false;
                }
            }
            Event::RunPaused { cause } => self.because(cause.clone(), true),
            Event::RevertBegan { cause } => {
                self.summary.line.end = None;
                self.summary.line.left.clear();
                self.summary.line.resolved = None;
                self.summary.items.clear();
                self.summary.line.hold = None;
                self.because(cause.clone(), false);
            }
            Event::ChildrenEnded { left, .. } => self.summary.items.extend(left.iter().cloned()),
            Event::LayerRestored { restored, .. } => {
                self.summary.items.extend(restored.failed.iter().cloned());
            }
            Event::PhaseEnded { end, items, left } => {
                self.summary.line.left.clone_from(left);
                self.summary.line.decided.get_or_insert(at);
                self.ended(*end, items);
            }
            Event::ItemsResolved { items, reason, by } => {
                self.summary.line.end = Some(PhaseEnd::Resolved);
                self.summary.items.clear();
                self.summary.line.resolved = Some(Resolution {
                    items: items.clone(),
                    reason: reason.clone(),
                    by: by.name.clone(),
                    at,
                });
            }
            Event::EarlierTakenBack { generation, end, .. } => {
                self.summary.taken_back.push((*generation, *end));
            }
            Event::SoakHeld(held) => {
                self.summary.line.hold = Some(Hold { held: held.clone(), released: None })
            }
            Event::SoakReleased { reason, by } => {
                if let Some(hold) = &mut self.summary.line.hold {
                    let by = by.as_ref().map(|by| by.name.clone());
                    hold.released = Some(Release { reason: reason.clone(), by, at });
                }
            }
            Event::RunFinished { verdict } => self.summary.verdict = Some(*verdict),
            Event::PhaseBegan(_)
            | Event::MomentJudged { .. }
            | Event::GateAnswered { go: true }
            | Event::CapsuleSealed { .. }
            | Event::GuardArmed(_)
            | Event::GuardMissing { .. }
            | Event::SettleBegan { .. }
            | Event::SettleEnded
            | Event::RebootAwaited
            | Event::MachineRebooted
            | Event::BootCompared { .. }
            | Event::ConfirmOpened { .. }
            | Event::LayerKept { .. }
            | Event::PhaseCommitted { .. }
            | Event::GuardDisarmed
            | Event::StopWanted
            | Event::FactsLost { .. }
            | Event::Quarantined { .. } => {}
        }
    }

    fn because(&mut self, cause: Cause, waiting: bool) {
        self.summary.line.cause = Some(cause);
        self.waiting = waiting;
    }

    fn ended(&mut self, end: PhaseEnd, items: &[Item]) {
        self.summary.line.end = Some(end);
        self.summary.items = items.to_vec();
        match end {
            PhaseEnd::Committed | PhaseEnd::NotApplicable => self.summary.line.cause = None,
            PhaseEnd::Refused if self.summary.line.cause.is_none() => {
                self.summary.line.cause = refusal(&self.summary.checks);
            }
            PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::Inconsistent | PhaseEnd::Resolved => {}
        }
        self.waiting = false;
    }

    fn begin(&mut self, part: Part, step: usize, doing: Doing, name: Option<&str>, began: Option<Timestamp>) {
        let name = name.map_or_else(|| self.name(part, step), str::to_owned);
        let act = self.act(part, step, doing);
        self.places.push((part, step, doing));
        self.summary.steps.push(StepLine {
            part: word(part, doing).to_owned(),
            step: name,
            outcome: None,
            argv: act.as_ref().and_then(argv_of),
            act,
            exit: None,
            said: None,
            began,
            took: None,
        });
    }

    /// What was done, with what only the run knew filled in.
    fn act(&self, part: Part, step: usize, doing: Doing) -> Option<Act> {
        let step = self.phase?.steps(part).get(step)?;
        let act = match (doing, &step.undo) {
            (Doing::Step, _) => &step.act,
            (Doing::Undo, StepUndo::Act(act)) => act,
            (Doing::Undo, StepUndo::Layer | StepUndo::None { .. } | StepUndo::NotNeeded) => return None,
        };
        let (generation, began) =
            (self.summary.line.generation.to_string(), self.summary.line.began.to_string());
        let fill = |text: &String| with_run_time(text, &generation, &began);
        let filled = |env: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            env.iter().map(|(name, value)| (name.clone(), fill(value))).collect()
        };
        Some(match act {
            Act::Run(command) => Act::Run(CommandLine {
                argv: command.argv.iter().map(fill).collect(),
                env: filled(&command.env),
                folder: command.folder.clone(),
            }),
            Act::Shell { text, env } => Act::Shell { text: text.clone(), env: filled(env) },
            Act::Ask { text } => Act::Ask { text: fill(text) },
            Act::Install { .. } | Act::Set { .. } | Act::Reboot { .. } => act.clone(),
        })
    }

    fn end(&mut self, part: Part, step: usize, doing: Doing, outcome: &StepOutcome, at: Timestamp) {
        let place = self.places.iter().rposition(|place| *place == (part, step, doing));
        // A step that is not applicable ends without having begun.
        let open = place.filter(|at| self.summary.steps.get(*at).is_some_and(|line| line.outcome.is_none()));
        if open.is_none() {
            self.begin(part, step, doing, None, None);
        }
        let place = open.unwrap_or(self.summary.steps.len() - 1);
        if let Some(line) = self.summary.steps.get_mut(place) {
            line.outcome = Some(outcome.clone());
            line.took = line.began.map(|began| at.since(began));
            line.exit = match outcome {
                StepOutcome::Done => line.argv.as_ref().map(|_| 0),
                StepOutcome::Failed(ProcessEnd::Exited(status)) => Some(*status),
                StepOutcome::Failed(ProcessEnd::Signaled(_))
                | StepOutcome::NotApplicable(_)
                | StepOutcome::NotStarted(_)
                | StepOutcome::Broken(_)
                | StepOutcome::TimedOut(_)
                | StepOutcome::Declined
                | StepOutcome::Interrupted
                | StepOutcome::Lost => None,
            };
        }
    }

    fn name(&self, part: Part, step: usize) -> String {
        let from_plan =
            || self.phase.and_then(|phase| phase.steps(part).get(step)).map(|step| step.id.to_string());
        let known = self.places.iter().position(|(of, at, _)| (*of, *at) == (part, step));
        known
            .and_then(|at| self.summary.steps.get(at))
            .map(|line| line.step.clone())
            .or_else(from_plan)
            .unwrap_or_else(|| format!("{} {}", word(part, Doing::Step), step + 1))
    }
}

/// The program with its arguments; nothing where the act is no program.
fn argv_of(act: &Act) -> Option<Vec<String>> {
    match act {
        Act::Run(command) => Some(command.argv.clone()),
        Act::Shell { text, .. } => Some(["/bin/sh", "-eu", "-c", text].map(str::to_owned).to_vec()),
        Act::Install { .. } | Act::Set { .. } | Act::Ask { .. } | Act::Reboot { .. } => None,
    }
}

const fn word(part: Part, doing: Doing) -> &'static str {
    match (doing, part) {
        (Doing::Undo, _) => "undo",
        (Doing::Step, Part::Apply) => "apply",
        (Doing::Step, Part::Commit) => "commit",
        (Doing::Step, Part::Rollback) => "rollback",
    }
}

/// Why a phase was refused, from the last result of each of its preflight checks: the worst kind counts.
fn refusal(checks: &[CheckLine]) -> Option<Cause> {
    let named = |wanted: Outcome| -> Vec<CheckId> {
        let mut names: Vec<CheckId> = Vec::new();
        for (at, line) in checks.iter().enumerate() {
            let id = &line.report.check;
            let judged_again = checks
                .get(at + 1..)
                .is_some_and(|later| later.iter().any(|l| l.moment == line.moment && l.report.check == *id));
            if line.moment == Moment::Preflight && !judged_again && line.report.counted() == wanted {
                names.push(id.clone());
            }
        }
        names
    };
    let some = |names: Vec<CheckId>| (!names.is_empty()).then_some(names);
    some(named(Outcome::Fail))
        .map(Cause::ChecksFailed)
        .or_else(|| some(named(Outcome::Error)).map(Cause::ChecksBroken))
        .or_else(|| some(named(Outcome::Inconclusive)).map(Cause::ChecksUndecided))
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
