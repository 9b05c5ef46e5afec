//! Generated plans and generated fates: any plan, any failure, any crash.

use crate::kit::{check, layer, own, phase, plan, reboot, step};
use crate::machine::Machine;
use crate::promises::{Found, Story};
use proptest::collection::vec;
use proptest::prelude::*;
use switchback::engine::{Action, Ended, Heard, Input, Itinerary, RunState, decide, record_required, replay};
use switchback::model::*;

/// One run as it went.
pub(crate) struct Told {
    pub(crate) plan: Plan,
    pub(crate) state: RunState,
    pub(crate) story: Story,
    pub(crate) machine: Machine,
    /// The facts of the open generation, as they are on disk.
    pub(crate) journal: Vec<Event>,
    /// Every finished journal before it.
    pub(crate) journals: Vec<Vec<Event>>,
    pub(crate) acts: Vec<Action>,
    pub(crate) crashed: bool,
    heard: Heard,
    /// Who acts is the guard, and this is what it found.
    guard: Option<Found>,
}

impl Told {
    pub(crate) fn new(plan: Plan, guidance: Guidance) -> Self {
        let queue = plan.phases.iter().map(|phase| phase.id.clone()).collect();
        let itinerary =
            Itinerary { run: RunId::new("r").expect("a valid name"), queue, done: Vec::new(), guidance };
        Self {
            machine: Machine::new(&plan),
            plan,
            state: RunState::new(itinerary),
            story: Story::default(),
            journal: Vec::new(),
            journals: Vec::new(),
            acts: Vec::new(),
            crashed: false,
            heard: Heard::Nothing,
            guard: None,
        }
    }

    pub(crate) fn learn(&mut self, events: &[Event]) {
        for event in events {
            if matches!(event, Event::PhaseBegan(_)) {
                self.journals.push(std::mem::take(&mut self.journal));
            }
            self.story.learn(&self.plan, event).unwrap_or_else(|why| panic!("{why}: {event:?}"));
            if self.state.header.is_some() || matches!(event, Event::PhaseBegan(_)) {
                self.journal.push(event.clone());
            }
            self.state = replay(&self.plan, std::mem::take(&mut self.state), [event]);
        }
    }

    /// The runner is gone: only the journal remains.
    pub(crate) fn crash(&mut self) {
        self.crashed = true;
        self.heard = Heard::Nothing;
        self.machine.handed_over();
        self.state = replay(&self.plan, RunState::default(), &self.journal);
        // One of which nothing is recorded is nobody's to take down: it ends when it finds nothing to do.
        self.machine.guard &= self.state.armed;
    }

    /// The same, through every reboot that it asks for.
    pub(crate) fn drive_on(&mut self, first: Input, script: &mut impl Iterator<Item = u8>) -> Ended {
        let mut ended = self.drive(first, script);
        while ended == Ended::AwaitingReboot {
            self.machine.reboot();
            let (boot, guidance) = (self.machine.boot(), self.state.guidance());
            ended = self.drive(Input::Resumed { boot, guidance }, script);
        }
        ended
    }

    /// Drives on from an input with the fate that the script says; then with success.
    pub(crate) fn drive(&mut self, first: Input, script: &mut impl Iterator<Item = u8>) -> Ended {
        let mut input = first;
        for _ in 0..2_000 {
            let fate = script.next().unwrap_or(0);
            if fate == 255 {
                self.heard = if self.heard == Heard::Nothing { Heard::Once } else { Heard::Twice };
            }
            let now = Timestamp(self.machine.clock);
            if matches!(input, Input::Resumed { .. } | Input::RollbackAsked { .. }) {
                (self.guard, self.machine.behind) = (None, false);
            }
            if let Input::GuardFired { .. } = input {
                self.guard = Some(self.story.found());
            }
            let made = decide(&self.plan, &self.state, &input, self.heard, now);
            if (230..250).contains(&fate) && !self.journal.is_empty() {
                let some = usize::from(fate - 230) % (made.events.len() + 1);
                self.learn(&made.events[..some]);
                self.crash();
                if fate.is_multiple_of(2) {
                    self.machine.reboot();
                }
                let boot = self.machine.boot();
                input = match fate % 3 {
                    0 => Input::RollbackAsked { boot },
                    1 => Input::GuardFired { cause: Cause::RunnerGone, boot },
                    _ => Input::Resumed { boot, guidance: self.state.guidance() },
                };
                continue;
            }
            if (250..255).contains(&fate)
                && !made.events.is_empty()
                && record_required(&self.state, &made.events)
            {
                input = Input::JournalLost("full".into());
                continue;
            }
            self.story
                .follows(&self.plan, &input, &made.events)
                .unwrap_or_else(|why| panic!("{why}: {input:?} after {:#?}", self.journal));
            self.learn(&made.events);
            self.story.is_held_as(&self.state).unwrap_or_else(|why| panic!("{why}: {:#?}", self.journal));
            let guarded = self.guard.map_or(Ok(()), |found| found.allows(&made.action));
            guarded.unwrap_or_else(|why| panic!("{why}: {:?} after {:#?}", made.action, self.journal));
            self.story
                .allows(&self.plan, &self.machine, &made.action, self.heard)
                .unwrap_or_else(|why| panic!("{why}: {:?} after {:#?}", made.action, self.journal));
            if let Action::Stop(ended) = made.action {
                self.heard = Heard::Nothing;
                return ended;
            }
            let at = self.story.phase.unwrap_or(0);
            let mut ways = self.machine.ways(&self.plan, at, &made.action);
            let asked = matches!(made.action, Action::Choose { .. });
            // A person who is asked again and again goes back in the end.
            let way = if fate >= 150 { usize::from(fate) % ways.len() } else { usize::from(asked) };
            let way = ways.swap_remove(way);
            self.machine = way.machine;
            input = way.input;
            self.acts.push(made.action);
        }
        panic!("it does not end: {:#?}", self.journal);
    }
}

fn undos() -> impl Strategy<Value = StepUndo> {
    prop_oneof![
        3 => Just(own()),
        1 => Just(StepUndo::Layer),
        1 => Just(StepUndo::NotNeeded),
        1 => Just(StepUndo::None { reason: "it is sent".into() }),
    ]
}

fn steps(name: &'static str, most: usize) -> impl Strategy<Value = Vec<Step>> {
    vec((undos(), any::<bool>()), 0..=most).prop_map(move |made| {
        made.into_iter()
            .enumerate()
            .map(|(at, (undo, idempotent))| Step { idempotent, ..step(&format!("{name}{at}"), undo) })
            .collect()
    })
}

fn checks(name: &'static str) -> impl Strategy<Value = Vec<Check>> {
    vec(any::<bool>(), 0..=2).prop_map(move |made| {
        let severity = |critical| if critical { Severity::Critical } else { Severity::Fail };
        made.into_iter().enumerate().map(|(at, bad)| check(&format!("{name}{at}"), severity(bad))).collect()
    })
}

fn reactions() -> impl Strategy<Value = OnOutcome> {
    let one = || prop_oneof![Just(Reaction::Rollback), Just(Reaction::Pause), Just(Reaction::Continue)];
    (one(), one(), one()).prop_map(|(fail, inconclusive, error)| OnOutcome { fail, inconclusive, error })
}

fn phases() -> impl Strategy<Value = Phase> {
    let lists = (steps("a", 3), steps("c", 2), steps("r", 2), checks("p"), checks("v"));
    let reboots = prop_oneof![Just(Reboot::Never), Just(Reboot::Expected), Just(Reboot::Required)];
    let rest = (0_usize..=2, any::<[bool; 4]>(), reactions(), (reboots, proptest::option::of(0_usize..4)));
    (lists, rest).prop_map(
        |((apply, commit, rollback, preflight, validate), (layers, has, on, (goes_down, at)))| {
            let layered = apply.iter().chain(&commit).any(|step| step.undo == StepUndo::Layer);
            let mut made = phase("none");
            made.layers = vec![layer(); layers.max(usize::from(layered))];
            (made.apply, made.commit, made.rollback) = (apply, commit, rollback);
            (made.preflight, made.validate, made.on) = (preflight, validate, on);
            made.reboot = goes_down;
            if let Some(at) = at {
                made.apply.insert(at.min(made.apply.len()), reboot("now"));
            }
            made.applies_if = has[0].then(|| check("when", Severity::Fail));
            made.settle = if has[1] { Span(3) } else { Span::ZERO };
            made.confirm = has[2].then_some(Span(5));
            made.soak = has[3].then_some(Soak { length: Span(7), every: None });
            made
        },
    )
}

pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    vec(phases(), 1..=4).prop_map(|mut phases| {
        for (at, phase) in phases.iter_mut().enumerate() {
            phase.id = PhaseId::new(format!("phase{at}")).expect("a valid name");
        }
        plan(phases)
    })
}

pub(crate) fn guidances() -> impl Strategy<Value = Guidance> {
    prop_oneof![Just(Guidance::Guided), Just(Guidance::Unattended)]
}

/// What was undone, in the order in which it was.
fn undone(acts: &[Action]) -> Vec<(Part, usize)> {
    let undo = |act: &Action| match act {
        Action::Undo { part, step } => Some((*part, *step)),
        _ => None,
    };
    acts.iter().filter_map(undo).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_plan_with_any_fate_keeps_the_promises(
        plan in plans(),
        guidance in guidances(),
        script in vec(any::<u8>(), 0..60),
    ) {
        let mut run = Told::new(plan, guidance);
        let mut script = script.into_iter();
        let mut ended = run.drive_on(Input::Begin, &mut script);
        for _ in 0..4 {
            let Ended::Paused(_) = ended else { break };
            prop_assert!(run.state.header.is_some());
            ended = run.drive_on(Input::Resumed { boot: run.machine.boot(), guidance }, &mut script);
        }
        // The timer looks at it, and a person says something of it, in any order.
        for _ in 0..5 {
            let Ended::Finished(Verdict::Committed) = ended else { break };
            let found = |cause| Input::SoakHeld(Held { since: Timestamp(0), cause, found: Vec::new() });
            let said = match script.next().unwrap_or(0) % 5 {
                0 => found(Cause::ChecksFailed(Vec::new())),
                1 => found(Cause::ChecksBroken(Vec::new())),
                2 => Input::SoakMeasured,
                3 => {
                    let by = Invoker { uid: 0, name: "somebody".into() };
                    Input::SoakReleased { reason: "it is well".into(), by }
                }
                _ => Input::RollbackAsked { boot: run.machine.boot() },
            };
            if run.state.header.is_some() {
                ended = run.drive_on(said, &mut script);
            }
        }
    }

    #[test]
    fn exactly_what_was_applied_is_undone_in_reverse_and_once(
        plan in plans(),
        script in vec(prop_oneof![3 => Just(0_u8), 1 => 150_u8..230], 0..40),
    ) {
        let mut run = Told::new(plan, Guidance::Unattended);
        let ended = run.drive_on(Input::Begin, &mut script.into_iter());
        let began = run.acts.iter().rposition(|act| matches!(act, Action::Open { .. })).unwrap_or(0);
        let acts = run.acts.split_off(began);
        if let Ended::Finished(Verdict::RolledBack | Verdict::Inconsistent) = ended {
            let phase = &run.plan.phases[run.story.phase.unwrap()];
            let own = |at: &&(Part, usize)| matches!(phase.steps(at.0)[at.1].undo, StepUndo::Act(_));
            let acted: Vec<(Part, usize)> = run.story.acted.iter().rev().filter(own).copied().collect();
            prop_assert_eq!(undone(&acts), acted);
        } else {
            prop_assert_eq!(undone(&acts), []);
        }
    }

    #[test]
    fn going_back_twice_is_going_back_once(
        plan in plans(),
        script in vec(prop_oneof![5 => Just(0_u8), 1 => 150_u8..230], 0..40),
    ) {
        let mut run = Told::new(plan, Guidance::Unattended);
        run.drive_on(Input::Begin, &mut script.into_iter());
        prop_assume!(run.state.header.is_some());
        let asked = || Input::RollbackAsked { boot: None };
        let nothing = || std::iter::empty::<u8>();
        let first = run.drive(asked(), &mut nothing());
        let (machine, acts) = (run.machine.clone(), run.acts.len());
        let second = run.drive(asked(), &mut nothing());
        prop_assert_eq!(first, second);
        prop_assert_eq!(undone(&run.acts[acts..]), []);
        prop_assert_eq!(machine.things, run.machine.things);
    }
}
