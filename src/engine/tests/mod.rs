//! One phase through each of its ends, read as sentences. The exhaustive walk is in `tests/engine/`.

use super::*;

mod budgets;
mod corners;
mod foretold;
mod guarded;
mod outside;
mod reboots;
mod standing;
mod stops;
mod taken_up;
mod ways;
use crate::model::Outcome::{Error, Fail, Inconclusive, Pass, Skipped, Warn};
use crate::model::*;

fn step(id: &str) -> Step {
    Step {
        id: StepId::new(id).unwrap(),
        title: None,
        act: Act::Run(CommandLine::new(["/bin/true"])),
        who: RunAs::Runner,
        timeout: Span::seconds(60),
        undo_timeout: None,
        undo: StepUndo::Act(Act::Run(CommandLine::new(["/bin/true"]))),
        idempotent: false,
        changes: Changes::Machine,
        when: None,
    }
}

fn plan() -> Plan {
    Plan {
        calendar: None,
        name: PlanName::new("p").unwrap(),
        revision: 1,
        title: None,
        digest: Digest("0".repeat(64)),
        phases: vec![Phase {
            id: PhaseId::new("one").unwrap(),
            title: None,
            why: None,
            week: None,
            days: None,
            risk: Risk::Low,
            needs: Vec::new(),
            layers: vec![LayerSpec::Files { paths: vec!["/x".into()] }],
            preflight: Vec::new(),
            apply: vec![step("a"), step("b")],
            settle: Span::ZERO,
            validate: Vec::new(),
            commit: Vec::new(),
            rollback: vec![step("r")],
            soak: None,
            confirm: None,
            reboot: Reboot::default(),
            on: OnOutcome::default(),
            applies_if: None,
        }],
    }
}

/// Plays a machine on which everything succeeds, but for what `says` changes; returns the acts and the end.
fn play(plan: &Plan, says: impl Fn(&Action) -> Option<Input>) -> (Vec<String>, Ended) {
    let itinerary = Itinerary {
        run: RunId::new("r").unwrap(),
        queue: plan.phases.iter().map(|phase| phase.id.clone()).collect(),
        done: Vec::new(),
        guidance: Guidance::Unattended,
    };
    let mut state = RunState::new(itinerary);
    let mut input = Input::Begin;
    let mut acts = Vec::new();
    loop {
        let decision = decide(plan, &state, &input, Heard::Nothing, Timestamp(0));
        state = replay(plan, state, &decision.events);
        let action = decision.action;
        if let Action::Stop(ended) = action {
            return (acts, ended);
        }
        acts.push(format!("{action:?}"));
        assert!(acts.len() < 100, "the run does not end: {acts:#?}");
        input = says(&action).unwrap_or_else(|| usual(&action));
    }
}

/// A run told one thing after another.
struct Told {
    plan: Plan,
    state: RunState,
    facts: Vec<Event>,
    acts: usize,
    now: Timestamp,
}

impl Told {
    fn new(plan: Plan, guidance: Guidance) -> Self {
        let queue = plan.phases.iter().map(|phase| phase.id.clone()).collect();
        let state =
            RunState::new(Itinerary { run: RunId::new("r").unwrap(), queue, done: Vec::new(), guidance });
        Self { plan, state, facts: Vec::new(), acts: 0, now: Timestamp(0) }
    }

    fn hears(&mut self, input: &Input, heard: Heard) -> Action {
        self.acts += 1;
        assert!(self.acts < 500, "the run does not end");
        let decision = decide(&self.plan, &self.state, input, heard, self.now);
        self.state = replay(&self.plan, self.state.clone(), &decision.events);
        self.facts.extend(decision.events);
        match decision.action {
            // Of a way back that is asked for nothing is said before.
            asked @ Action::ArmFirst { .. } => self.hears(&usual(&asked), heard),
            action => action,
        }
    }

    fn tell(&mut self, input: Input) -> Action {
        self.hears(&input, Heard::Nothing)
    }

    /// Tells that another runner takes it up; nothing is done before a guard stands behind that one.
    fn taken_up(&mut self, input: Input) -> Action {
        match self.tell(input) {
            Action::Arm => self.tell(usual(&Action::Arm)),
            action => {
                assert!(self.state.guarded, "{action:?} without a guard");
                action
            }
        }
    }

    /// Tells of success until an act is owed.
    fn succeed_until(&mut self, input: Input, stop: &Action) {
        let mut action = self.tell(input);
        while action != *stop {
            assert!(!matches!(action, Action::Stop(_)), "{stop:?} is never owed");
            action = self.tell(usual(&action));
        }
    }

    /// Tells of success until the process stops.
    fn succeed(&mut self, input: Input) -> Ended {
        let action = self.tell(input);
        self.succeed_with(action)
    }

    /// The same, from an act that is owed.
    fn succeed_with(&mut self, mut action: Action) -> Ended {
        loop {
            if let Action::Stop(ended) = action {
                return ended;
            }
            action = self.tell(usual(&action));
        }
    }
}

fn usual(action: &Action) -> Input {
    match action {
        Action::Open { .. } => {
            Input::Opened { generation: GenerationNumber(1), boot: None, invoker: None, version: "0".into() }
        }
        Action::Judge { .. } => Input::Judged(Vec::new()),
        Action::AskGate | Action::Confirm { .. } => Input::Answered(true),
        Action::Record { .. } => Input::Recorded(Ok(LayerRecord {
            kind: LayerKind::Files,
            target: "t".into(),
            manifest: "m".into(),
            sha256: Digest("0".repeat(64)),
        })),
        Action::Seal => Input::Sealed(Ok(Vec::new())),
        Action::Arm => Input::Armed(Ok(Guarded::BY_THE_RUNNER)),
        Action::ArmFirst { asked } => {
            Input::ArmedFirst { guarded: Ok(Guarded::BY_THE_RUNNER), asked: asked.clone() }
        }
        Action::Perform { .. } | Action::Undo { .. } => Input::Stepped(StepOutcome::Done),
        Action::Wait { .. } => Input::TimeReached,
        Action::CompareBoot => Input::BootCompared(Vec::new()),
        Action::Keep { .. } => Input::Kept(Ok(())),
        Action::Disarm => Input::Disarmed,
        Action::Choose { .. } => Input::Chosen(Choice::Rollback),
        Action::EndChildren => Input::ChildrenGone { left: Vec::new(), unseen: false },
        Action::Restore { .. } => Input::Restored(Restored { changed: 1, failed: Vec::new() }),
        Action::Quarantine { .. } => Input::Quarantined,
        Action::Stop(_) => Input::Nothing,
    }
}

fn resumed(guidance: Guidance) -> Input {
    Input::Resumed { boot: None, guidance }
}

const SECOND: Action = Action::Perform { part: Part::Apply, step: 1 };
