//! A machine with two phases to take, everybody who may act on it, and everything that may happen to them.

use crate::kit::{own, phase, plan, step};
use stateright::{Model, Property};
use std::hash::{Hash, Hasher};
use switchback::engine::{Action, Decision, Heard, Input, Itinerary, RunState, Stage, decide, replay};
use switchback::model::*;

/// In which order things are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Order {
    TheRightOne,
    IntentBeforeArm,
    DisarmBeforeCommit,
    NoBootGuard,
    NoTimer,
    NoLock,
    LookButNoLock,
    OrphansLeft,
    ActBeforeIntent,
}

/// The eight, and the promises that each must break.
pub(super) const OTHERS: [(Order, &str, &[&str]); 8] = [
    (Order::IntentBeforeArm, "intent before arm", &["I1", "I5"]),
    (Order::DisarmBeforeCommit, "disarm before commit", &["I1", "I5"]),
    (Order::NoBootGuard, "no boot guard", &["I1", "I5"]),
    (Order::NoTimer, "no deadline timer", &["I1", "I5"]),
    (Order::NoLock, "rollback without lock", &["I1", "I2", "I4", "I7"]),
    (Order::LookButNoLock, "rollback looks again but takes no lock", &["I1", "I2", "I4", "I7"]),
    (Order::OrphansLeft, "orphans not ended before undo", &["I1", "I4", "I8"]),
    (Order::ActBeforeIntent, "apply before intent", &["I1", "I3"]),
];

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Runner,
    Guard,
    BootGuard,
    Person,
}

pub(super) const ALL: [Who; 4] = [Who::Runner, Who::Guard, Who::BootGuard, Who::Person];

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Happens {
    /// A process does its next thing.
    Step(Who),
    /// The child of a step writes, and ends.
    Child,
    /// It hangs.
    Hang,
    /// The watched process is gone, or its time is over: the guard takes over.
    Fires,
    /// The boot unit is started.
    Boots,
    /// A person asks for the way back.
    Rollback,
    /// A person takes the run up.
    Resume,
    Kill(Who),
    /// The machine goes down and comes up.
    Reboot,
}

/// Something the engine takes or gives, hashed by how it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word<T>(T);

impl<T: std::fmt::Debug> Hash for Word<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{:?}", self.0).hash(state);
    }
}

/// What a process does next.
#[derive(Debug, Clone, PartialEq, Hash)]
enum Next {
    /// Decide and record.
    Decide(Word<Input>),
    /// Act.
    Act(Word<Action>),
    /// Wait for the child.
    Wait,
    /// Finish an undo.
    Undo,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Hash)]
struct Process {
    state: RunState,
    next: Next,
    /// Done ahead of its order.
    early: bool,
    /// It has just looked whether somebody else decided.
    looked: bool,
}

/// What a phase changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    Old,
    Half,
    New,
}

/// The child of a step: it lives on when whoever started it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Child {
    writes: usize,
    hangs: bool,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Hash)]
pub(super) struct World {
    /// The fold of what is durable.
    pub(super) disk: RunState,
    /// Which capsules are complete.
    pub(super) sealed: [bool; 2],
    pub(super) things: [Thing; 2],
    child: Option<Child>,
    processes: [Option<Process>; 4],
    lock: Option<Who>,
    /// The guard stands, and behind whom.
    pub(super) timer: Option<Who>,
    /// The boot unit is to be started, or is at work.
    pub(super) unit: bool,
    /// Which phases were said to be committed, and were not taken back by a person since.
    pub(super) said: [bool; 2],
    /// An undo began while a child was alive.
    pub(super) undone_beside_a_child: bool,
    kills: u8,
    boots: u8,
    hangs: u8,
    asks: u8,
}

impl World {
    /// The place of the phase that is open or ended last.
    pub(super) fn open(&self) -> Option<usize> {
        self.disk.phase().map(|id| usize::from(id.as_str() == "two"))
    }

    pub(super) fn at_work(&self, who: Who) -> bool {
        self.processes[who as usize].is_some()
    }

    pub(super) fn child_lives(&self) -> bool {
        self.child.is_some()
    }

    fn gone(&mut self, who: Who) {
        self.processes[who as usize] = None;
        if self.lock == Some(who) {
            self.lock = None;
        }
    }

    /// A process is started; it reads what is durable once it has the lock.
    fn started(&mut self, who: Who, input: Input, locks: bool) {
        let next = Next::Decide(Word(input));
        let state = self.disk.clone();
        self.processes[who as usize] = Some(Process { state, next, early: false, looked: false });
        if locks {
            self.lock = Some(who);
        }
    }

    fn boot(&self) -> Option<String> {
        Some(format!("boot {}", self.boots))
    }
}

/// The model.
#[derive(Debug, Clone)]
pub(super) struct Protocol {
    order: Order,
    plan: Plan,
}

impl Protocol {
    pub(super) fn of(order: Order) -> Self {
        let phases = ["one", "two"].map(|name| {
            let mut made = phase(name);
            made.apply = vec![step("a", own())];
            made
        });
        Self { order, plan: plan(phases.into()) }
    }

    /// Whether nothing happens any more but what a person or a failure does.
    pub(super) fn rests(&self, world: &World) -> bool {
        let mut all = Vec::new();
        self.actions(world, &mut all);
        let by_itself = |it: &Happens| match it {
            Happens::Step(_) | Happens::Child | Happens::Fires | Happens::Boots => true,
            Happens::Hang | Happens::Rollback | Happens::Resume | Happens::Kill(_) | Happens::Reboot => false,
        };
        !all.iter().any(by_itself)
    }

    fn can_step(world: &World, who: Who) -> bool {
        match &world.processes[who as usize] {
            Some(process) => process.next != Next::Wait || world.child.is_none(),
            None => false,
        }
    }

    /// Records and remembers, and knows the next act.
    fn decided(&self, world: &mut World, who: Who, mut process: Process, input: &Input) {
        let now = Timestamp(0);
        let Decision { events, action } = decide(&self.plan, &process.state, input, Heard::Nothing, now);
        let commits = events.iter().any(|event| matches!(event, Event::PhaseCommitted { .. }));
        let acts = matches!(action, Action::Perform { .. });
        let forward = who == Who::Runner && !process.early;
        if forward && commits && self.order == Order::DisarmBeforeCommit {
            (world.timer, process.early) = (None, true);
            world.processes[who as usize] = Some(process);
            return;
        }
        if forward && acts && self.order == Order::ActBeforeIntent {
            world.child = world.open().map(|writes| Child { writes, hangs: false });
            process.early = true;
            world.processes[who as usize] = Some(process);
            return;
        }
        world.disk = replay(&self.plan, world.disk.clone(), &events);
        process.state = replay(&self.plan, process.state, &events);
        if let (true, Some(at)) = (commits, world.open()) {
            world.said[at] = true;
        }
        process.next = match action {
            Action::Perform { .. } if process.early && self.order == Order::ActBeforeIntent => Next::Wait,
            Action::Stop(_) => {
                world.gone(who);
                match who {
                    // Who was started to guard is started again unless it ended well.
                    Who::Guard => world.timer = None,
                    Who::BootGuard => world.unit = false,
                    Who::Runner | Who::Person => {}
                }
                return;
            }
            other => Next::Act(Word(other)),
        };
        process.early &= self.order == Order::IntentBeforeArm;
        world.processes[who as usize] = Some(process);
    }

    /// Acts, and hears what became of it.
    fn acted(&self, world: &mut World, who: Who, mut process: Process, action: &Action) {
        let at = world.open().unwrap_or(0);
        let guards = matches!(who, Who::Guard | Who::BootGuard);
        let arms = |world: &mut World| {
            // Behind a guard stands whoever started it.
            if !guards && self.order != Order::NoTimer {
                world.timer = Some(who);
            }
        };
        let says = |input: Input| Next::Decide(Word(input));
        process.next = match action {
            Action::Open { .. } => {
                let generation = GenerationNumber(1 + world.itinerary_done());
                says(Input::Opened { generation, boot: world.boot(), invoker: None, version: "0".into() })
            }
            Action::Judge { .. } => says(Input::Judged(Vec::new())),
            Action::Seal => {
                world.sealed[at] = true;
                says(Input::Sealed(Ok(Vec::new())))
            }
            Action::Arm => {
                let late = who == Who::Runner && self.order == Order::IntentBeforeArm;
                if late {
                    process.early = true;
                } else {
                    arms(world);
                }
                says(Input::Armed(Ok(Guarded::BY_THE_RUNNER)))
            }
            Action::ArmFirst { asked } => {
                arms(world);
                says(Input::ArmedFirst { guarded: Ok(Guarded::BY_THE_RUNNER), asked: asked.clone() })
            }
            Action::Perform { .. } if process.early => {
                arms(world);
                process.early = false;
                Next::Act(Word(action.clone()))
            }
            Action::Perform { .. } => {
                world.child = Some(Child { writes: at, hangs: false });
                Next::Wait
            }
            Action::Disarm => {
                if !guards {
                    world.timer = None;
                }
                says(Input::Disarmed)
            }
            Action::EndChildren => {
                if self.order != Order::OrphansLeft {
                    world.child = None;
                }
                says(Input::ChildrenGone { left: Vec::new(), unseen: false })
            }
            Action::Undo { .. } => {
                world.undone_beside_a_child |= world.child.is_some();
                world.things[at] = Thing::Half;
                Next::Undo
            }
            Action::Quarantine { .. } => says(Input::Quarantined),
            Action::AskGate
            | Action::Record { .. }
            | Action::Wait { .. }
            | Action::Confirm { .. }
            | Action::CompareBoot
            | Action::Keep { .. }
            | Action::Choose { .. }
            | Action::Restore { .. }
            | Action::Stop(_) => unreachable!("no such act is owed in these phases: {action:?}"),
        };
        world.processes[who as usize] = Some(process);
    }

    fn stepped(&self, world: &mut World, who: Who) {
        let Some(mut process) = world.processes[who as usize].take() else { return };
        if who == Who::Person && self.order == Order::LookButNoLock {
            let decided = !world.disk.going_back() && process.state.going_back();
            if !process.looked && decided {
                world.gone(who);
                return;
            }
            process.looked = !process.looked;
            if process.looked {
                world.processes[who as usize] = Some(process);
                return;
            }
        }
        match process.next.clone() {
            Next::Decide(Word(input)) => self.decided(world, who, process, &input),
            Next::Act(Word(action)) => self.acted(world, who, process, &action),
            Next::Wait => {
                process.next = Next::Decide(Word(Input::Stepped(StepOutcome::Done)));
                world.processes[who as usize] = Some(process);
            }
            Next::Undo => {
                if let Some(at) = world.open() {
                    world.things[at] = Thing::Old;
                }
                process.next = Next::Decide(Word(Input::Stepped(StepOutcome::Done)));
                world.processes[who as usize] = Some(process);
            }
        }
    }

    fn goes_down(&self, world: &mut World) {
        for who in ALL {
            world.gone(who);
        }
        (world.child, world.timer) = (None, None);
        world.unit = self.order != Order::NoBootGuard && world.disk.header.is_some();
        world.boots += 1;
    }
}

impl World {
    fn itinerary_done(&self) -> u32 {
        u32::try_from(self.disk.itinerary.done.len()).expect("two phases")
    }
}

/// So often each may happen.
const KILLS: u8 = 2;
const BOOTS: u8 = 2;
const HANGS: u8 = 1;
const ASKS: u8 = 1;

impl Model for Protocol {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        let queue = self.plan.phases.iter().map(|phase| phase.id.clone()).collect();
        let run = RunId::new("r").expect("a valid name");
        let guidance = Guidance::Unattended;
        let mut world = World {
            disk: RunState::new(Itinerary { run, queue, done: Vec::new(), guidance }),
            sealed: [false; 2],
            things: [Thing::Old; 2],
            child: None,
            processes: [const { None }; 4],
            lock: None,
            timer: None,
            unit: false,
            said: [false; 2],
            undone_beside_a_child: false,
            kills: 0,
            boots: 0,
            hangs: 0,
            asks: 0,
        };
        world.started(Who::Runner, Input::Begin, true);
        vec![world]
    }

    fn actions(&self, world: &World, all: &mut Vec<Happens>) {
        for who in ALL {
            if Self::can_step(world, who) {
                all.push(Happens::Step(who));
            }
            if world.at_work(who) && world.kills < KILLS {
                all.push(Happens::Kill(who));
            }
        }
        if let Some(child) = world.child {
            if !child.hangs {
                all.push(Happens::Child);
            }
            if !child.hangs && world.hangs < HANGS {
                all.push(Happens::Hang);
            }
        }
        let watched = world.timer.is_some() && (world.lock.is_none() || world.lock == world.timer);
        if watched && !world.at_work(Who::Guard) {
            all.push(Happens::Fires);
        }
        if world.unit && world.lock.is_none() && !world.at_work(Who::BootGuard) {
            all.push(Happens::Boots);
        }
        let unlocked = matches!(self.order, Order::NoLock | Order::LookButNoLock);
        if world.asks < ASKS && world.disk.header.is_some() && !world.at_work(Who::Person) {
            if unlocked || world.lock.is_none() {
                all.push(Happens::Rollback);
            }
            if world.lock.is_none() {
                all.push(Happens::Resume);
            }
        }
        if world.boots < BOOTS {
            all.push(Happens::Reboot);
        }
    }

    fn next_state(&self, last: &World, happens: Happens) -> Option<World> {
        let mut world = last.clone();
        let boot = world.boot();
        match happens {
            Happens::Step(who) => self.stepped(&mut world, who),
            Happens::Child => {
                let at = world.child?.writes;
                match world.things[at] {
                    Thing::Old => world.things[at] = Thing::Half,
                    Thing::Half => world.things[at] = Thing::New,
                    Thing::New => world.child = None,
                }
            }
            Happens::Hang => {
                world.child.as_mut()?.hangs = true;
                world.hangs += 1;
            }
            Happens::Fires => {
                if let Some(watched) = world.timer {
                    world.gone(watched);
                }
                world.timer = Some(Who::Guard);
                world.started(Who::Guard, Input::GuardFired { cause: Cause::RunnerGone, boot }, true);
            }
            Happens::Boots => {
                let fired = Input::GuardFired { cause: Cause::Rebooted, boot };
                world.started(Who::BootGuard, fired, true);
            }
            Happens::Rollback => {
                world.asks += 1;
                if let Some(at) = world.open() {
                    world.said[at] = false;
                }
                let locks = !matches!(self.order, Order::NoLock | Order::LookButNoLock);
                world.started(Who::Person, Input::RollbackAsked { boot }, locks);
            }
            Happens::Resume => {
                world.asks += 1;
                let guidance = Guidance::Unattended;
                world.started(Who::Person, Input::Resumed { boot, guidance }, true);
            }
            Happens::Kill(who) => {
                world.gone(who);
                world.kills += 1;
            }
            Happens::Reboot => self.goes_down(&mut world),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        super::promises()
    }
}

/// Whether the phase that is open is decided, as far as the record says.
pub(super) fn is_decided(state: &RunState) -> bool {
    use switchback::engine::Back;
    let walked = matches!(state.stage, Stage::Reverting(Back::Disarming | Back::Ending));
    state.committed() || state.stage.end().is_some() || walked
}
