//! A breadth-first walk of everything that can happen: every answer of the world, crashes before and after each fact
//! and each act, interrupts, lost records. Bounded: a walk that does not end fails.

use crate::machine::Machine;
use crate::promises::{Found, Story};
use std::cell::{Cell, RefCell};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use switchback::engine::{
    Action, Decision, Heard, Input, Itinerary, RunState, Stage, decide, evolve, needs_a_guard_now,
    record_required, stage_name,
};
use switchback::model::*;

/// The engine under test; the mutants replace one of the three.
#[derive(Clone, Copy)]
pub(crate) struct Engine {
    pub(crate) decide: fn(&Plan, &RunState, &Input, Heard, Timestamp) -> Decision,
    pub(crate) evolve: fn(&Plan, RunState, &Event) -> RunState,
    pub(crate) required: fn(&RunState, &[Event]) -> bool,
}

impl Engine {
    pub(crate) const REAL: Self = Self { decide, evolve, required: record_required };
}

/// What may still happen on one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// The runner dies.
    pub(crate) crashes: u8,
    /// A person interrupts.
    pub(crate) interrupts: u8,
    /// The journal cannot be written.
    pub(crate) lost: u8,
    /// An act ends otherwise than well.
    pub(crate) faults: u8,
    /// A person tries again.
    pub(crate) retries: u8,
    /// A person takes up or takes back a run that stopped.
    pub(crate) asks: u8,
    /// The machine goes down and comes up again.
    pub(crate) boots: u8,
    /// The record is found damaged.
    pub(crate) damaged: u8,
}

impl Budget {
    /// Nothing happens but success.
    pub(crate) const NONE: Self =
        Self { crashes: 0, interrupts: 0, lost: 0, faults: 0, retries: 0, asks: 0, boots: 0, damaged: 0 };
}

/// One walk.
pub(crate) struct Walk {
    pub(crate) name: &'static str,
    pub(crate) plan: Plan,
    pub(crate) guidance: &'static [Guidance],
    pub(crate) budget: Budget,
    pub(crate) engine: Engine,
    /// Whether guards fire: where they do not, somebody takes it up or back before.
    pub(crate) guards: bool,
    /// More states than this mean that it does not end.
    pub(crate) limit: usize,
    /// Whether what happens is put into words: only when a way is told again.
    pub(crate) aloud: Cell<bool>,
    /// From which stage to which.
    pub(crate) moved: Moves,
}

/// Stages left and entered.
pub(crate) type Moves = RefCell<BTreeSet<(&'static str, &'static str)>>;

/// What a walk saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) states: usize,
    pub(crate) edges: usize,
    pub(crate) crashes: usize,
    pub(crate) acts: BTreeSet<String>,
    pub(crate) stages: BTreeSet<&'static str>,
    pub(crate) verdicts: BTreeSet<Verdict>,
}

impl Seen {
    fn note(&mut self, node: &Node) {
        if let At::Owed(action) = &node.at {
            self.acts.insert(word(&format!("{action:?}")));
        }
        self.stages.insert(stage_name(&node.known.state.stage));
        self.verdicts.extend(node.known.state.finished);
    }
}

/// The fold of facts: the engine's and ours, hashed once.
#[derive(Debug)]
struct Known {
    state: RunState,
    story: Story,
    print: u128,
}

fn print_of(what: &impl Hash) -> u128 {
    let one = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        what.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    one(0) << 64 | one(1)
}

impl Known {
    fn new(state: RunState, story: Story) -> Rc<Self> {
        let print = print_of(&(&state, &story));
        Rc::new(Self { state, story, print })
    }

    fn after(&self, walk: &Walk, events: &[Event]) -> Result<Rc<Self>, String> {
        let Walk { plan, moved, engine, .. } = walk;
        let mut state = self.state.clone();
        let mut story = self.story.clone();
        for event in events {
            let before = stage_name(&state.stage);
            state = (engine.evolve)(plan, state, event);
            moved.borrow_mut().insert((before, stage_name(&state.stage)));
            story.learn(plan, event).map_err(|why| format!("{why}; broken by {event:?}"))?;
        }
        Ok(Self::new(state, story))
    }
}

#[derive(Debug, Clone)]
enum At {
    /// An act is owed.
    Owed(Action),
    /// The runner is gone.
    Down,
    /// The process stopped.
    Stopped,
}

#[derive(Debug, Clone)]
struct Node {
    known: Rc<Known>,
    /// What a new process would read; absent where nothing was ever recorded.
    durable: Option<Rc<Known>>,
    /// Facts of the way back could not be recorded.
    lag: bool,
    machine: Machine,
    heard: Heard,
    budget: Budget,
    /// Who acts is the guard, and this is what it found.
    guard: Option<Found>,
    at: At,
}

impl Node {
    fn print(&self) -> u128 {
        let at = match self.at {
            At::Owed(_) => 0_u8,
            At::Down => 1,
            At::Stopped => 2,
        };
        // Of a runner that is gone, only what is durable remains.
        let known = if at == 1 { 0 } else { self.known.print };
        let durable = self.durable.as_ref().map(|durable| durable.print);
        // All other acts follow from what is known; this one from what was asked for, of which nothing is recorded yet.
        let asked = match &self.at {
            At::Owed(Action::ArmFirst { asked }) => Some(format!("{asked:?}")),
            At::Owed(_) | At::Down | At::Stopped => None,
        };
        print_of(&(known, durable, self.lag, &self.machine, self.heard, self.budget, self.guard, at, asked))
    }
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}

impl Walk {
    fn starts(&self, crashes: &mut usize) -> Result<Vec<(String, Node)>, (String, String)> {
        let mut fresh = Vec::new();
        for guidance in self.guidance {
            let queue = self.plan.phases.iter().map(|phase| phase.id.clone()).collect();
            let run = RunId::new("r").expect("a valid name");
            let state = RunState::new(Itinerary { run, queue, done: Vec::new(), guidance: *guidance });
            let start = Node {
                known: Known::new(state, Story::default()),
                durable: None,
                lag: false,
                machine: Machine::new(&self.plan),
                heard: Heard::Nothing,
                budget: self.budget,
                guard: None,
                at: At::Down,
            };
            fresh.extend(self.tell(&start, &Input::Begin, crashes)?);
        }
        Ok(fresh)
    }

    /// Walks all of it.
    ///
    /// # Errors
    /// The first broken promise with the way that leads there.
    pub(crate) fn run(&self) -> Result<Seen, String> {
        let mut seen = Seen::default();
        let mut places: HashMap<u128, u32> = HashMap::new();
        // Where each place was reached from first, and as the how-manieth of what may follow there.
        let mut parents: Vec<(u32, usize)> = Vec::new();
        let mut graph: Vec<Vec<u32>> = Vec::new();
        let mut queue: VecDeque<(u32, Node)> = VecDeque::new();
        let mut fresh =
            self.starts(&mut seen.crashes).map_err(|(why, what)| format!("{}: {why}\n{what}", self.name))?;
        let mut from = u32::MAX;
        loop {
            for (branch, (_, node)) in fresh.drain(..).enumerate() {
                seen.edges += 1;
                let next = u32::try_from(graph.len()).expect("few states");
                let place = *places.entry(node.print()).or_insert(next);
                if place == next {
                    graph.push(Vec::new());
                    parents.push((from, branch));
                    seen.note(&node);
                    queue.push_back((place, node));
                }
                if let Some(ways) = graph.get_mut(from as usize) {
                    ways.push(place);
                }
            }
            if graph.len() > self.limit {
                let trail = self.trail(&parents, parents.len() - 1);
                return Err(format!("{}: more than {} states:\n{trail}", self.name, self.limit));
            }
            let Some((place, node)) = queue.pop_front() else { break };
            from = place;
            fresh = self.follow(&node, &mut seen.crashes).map_err(|(why, what)| {
                format!("{}: {why}\n{}{what}", self.name, self.trail(&parents, place as usize))
            })?;
        }
        seen.states = graph.len();
        match find_cycle(&graph) {
            Some(place) => {
                Err(format!("{}: goes round for ever:\n{}", self.name, self.trail(&parents, place)))
            }
            None => Ok(seen),
        }
    }

    /// How one comes to a place, in words: the way is gone once more.
    fn trail(&self, parents: &[(u32, usize)], end: usize) -> String {
        let mut branches = Vec::new();
        let mut at = u32::try_from(end).expect("few states");
        while let Some((parent, branch)) = parents.get(at as usize) {
            branches.push(*branch);
            at = *parent;
        }
        self.aloud.set(true);
        let mut words = String::new();
        let mut fresh = self.starts(&mut 0);
        while let (Some(branch), Ok(ways)) = (branches.pop(), &fresh) {
            let Some((what, node)) = ways.get(branch) else { break };
            words += &format!("  {what}\n");
            fresh = self.follow(node, &mut 0);
        }
        self.aloud.set(false);
        words
    }

    fn follow(&self, node: &Node, crashes: &mut usize) -> Result<Vec<(String, Node)>, (String, String)> {
        let mut next = Vec::new();
        match &node.at {
            At::Owed(action) => {
                let at = node.known.story.phase.unwrap_or(0);
                for way in node.machine.ways(&self.plan, at, action) {
                    let mut after = node.clone();
                    let spent = &mut after.budget;
                    let Some(faults) = spent.faults.checked_sub(way.fault) else { continue };
                    let Some(retries) = spent.retries.checked_sub(way.retry) else { continue };
                    (spent.faults, spent.retries) = (faults, retries);
                    after.machine = way.machine;
                    next.extend(self.tell(&after, &way.input, crashes)?);
                }
            }
            At::Down => {
                next.extend(self.take_up(node, false, crashes)?);
                if let Some(up) = rebooted(node) {
                    next.extend(self.take_up(&up, true, crashes)?);
                }
            }
            At::Stopped => {
                let asks = node.budget.asks.checked_sub(1);
                let asked = asks.map(|asks| Node { budget: Budget { asks, ..node.budget }, ..node.clone() });
                if let Some(again) = &asked {
                    next.extend(self.take_up(again, false, crashes)?);
                }
                // Who asked for a reboot gets one; who stopped for another reason may see one.
                let goes_down = if node.known.story.awaits() { Some(node) } else { asked.as_ref() };
                if let Some(up) = goes_down.and_then(rebooted) {
                    next.extend(self.take_up(&up, true, crashes)?);
                }
            }
        }
        Ok(next)
    }

    /// A new process reads what is durable, ends children of the one before it, and goes on or goes back.
    fn take_up(
        &self,
        node: &Node,
        rebooted: bool,
        crashes: &mut usize,
    ) -> Result<Vec<(String, Node)>, (String, String)> {
        let mut next = Vec::new();
        let Some(durable) = &node.durable else {
            let untouched = node.machine.things.iter().all(crate::machine::Things::all_old);
            let broken = || ("no record, and yet something changed".to_owned(), String::new());
            return if untouched { Ok(next) } else { Err(broken()) };
        };
        let mut up = node.clone();
        up.known = Rc::clone(durable);
        up.heard = Heard::Nothing;
        up.guard = None;
        up.machine.handed_over();
        // The guard of a runner that is gone fires, or finds what was decided and is gone as well.
        let fires = self.guards && (node.machine.guard || rebooted || matches!(node.at, At::Stopped));
        // One of which nothing is recorded is nobody's to take down: it ends when it finds nothing to do.
        up.machine.guard &= up.known.state.finished.is_none() && up.known.state.armed;
        let boot = up.machine.boot();
        let mut inputs = vec![Input::RollbackAsked { boot: boot.clone() }];
        if fires {
            let cause = if rebooted { Cause::Rebooted } else { Cause::RunnerGone };
            inputs.push(Input::GuardFired { cause, boot: boot.clone() });
        }
        // A way back of which nothing could be recorded is only ever taken up by asking for it again.
        if !(node.lag && node.known.story.back.is_some()) {
            let resumed = |g: &Guidance| Input::Resumed { boot: boot.clone(), guidance: *g };
            inputs.extend(self.guidance.iter().map(resumed));
        }
        if up.known.state.finished == Some(Verdict::Committed) {
            // The timer finds, at any time after the run ended, that the phase does not stay healthy.
            inputs.push(Input::SoakFailed { cause: Cause::ChecksFailed(Vec::new()), boot: boot.clone() });
            for cause in [Cause::ChecksFailed(Vec::new()), Cause::ChecksUndecided(Vec::new())] {
                inputs.push(Input::SoakHeld(Held { since: Timestamp(0), cause, found: Vec::new() }));
            }
            inputs.push(Input::SoakMeasured);
            let by = Invoker { uid: 0, name: "somebody".into() };
            inputs.push(Input::SoakReleased { reason: "it is well".into(), by });
        }
        if let Some(damaged) = node.budget.damaged.checked_sub(1) {
            let mut torn = up.clone();
            (torn.budget.damaged, torn.lag) = (damaged, false);
            for unknown in [Vec::new(), vec![Item::new("journal line 6", "its hash is another")]] {
                let input = Input::RollbackAlongDamage { boot: boot.clone(), unknown: unknown.clone() };
                next.extend(self.tell(&torn, &input, crashes)?);
                let by = Invoker { uid: 0, name: "somebody".into() };
                let mut looked = torn.clone();
                // Along a damaged record a guard decides nothing, and ends; until this is recorded it stays damaged.
                looked.machine.guard = false;
                (looked.budget.crashes, looked.budget.lost) = (0, 0);
                looked.machine.put_right(&self.plan, torn.known.story.phase.unwrap_or(0));
                let reason = "by hand".to_owned();
                let input = Input::ResolvedAlongDamage { unknown, reason, by };
                next.extend(self.tell(&looked, &input, crashes)?);
            }
        }
        up.lag = false;
        for input in inputs {
            next.extend(self.tell(&up, &input, crashes)?);
        }
        if up.known.state.stage == Stage::Ended(PhaseEnd::Inconsistent) {
            let by = Invoker { uid: 0, name: "somebody".into() };
            up.machine.put_right(&self.plan, up.known.story.phase.unwrap_or(0));
            next.extend(self.tell(&up, &Input::Resolved { reason: "by hand".into(), by }, crashes)?);
        }
        Ok(next)
    }

    fn tell(
        &self,
        node: &Node,
        input: &Input,
        crashes: &mut usize,
    ) -> Result<Vec<(String, Node)>, (String, String)> {
        let louder: &[Heard] = match (node.heard, node.budget.interrupts) {
            // Nobody talks to a guard that just fired.
            (Heard::Nothing, _) if matches!(input, Input::GuardFired { .. }) => &[Heard::Nothing],
            (Heard::Nothing, 1..) => &[Heard::Nothing, Heard::Once, Heard::Twice],
            (Heard::Once, 1..) => &[Heard::Once, Heard::Twice],
            (Heard::Nothing, 0) => &[Heard::Nothing],
            (Heard::Once, 0) => &[Heard::Once],
            (Heard::Twice, _) => &[Heard::Twice],
        };
        let mut next = Vec::new();
        for heard in louder {
            let mut node = node.clone();
            node.budget.interrupts -= u8::from(*heard != node.heard);
            node.heard = *heard;
            self.decided(&node, input, crashes, &mut next)?;
        }
        Ok(next)
    }

    fn decided(
        &self,
        node: &Node,
        input: &Input,
        crashes: &mut usize,
        next: &mut Vec<(String, Node)>,
    ) -> Result<(), (String, String)> {
        let now = Timestamp(node.machine.clock);
        let state = &node.known.state;
        let Decision { events, action } = (self.engine.decide)(&self.plan, state, input, node.heard, now);
        let tale = || format!("{input:?} ({:?}) -> {events:?} then {action:?}", node.heard);
        let told = if self.aloud.get() { tale() } else { String::new() };
        let broken = |why: String| (why, format!("  {}\n", tale()));
        let mut node = node.clone();
        node.known.story.follows(&self.plan, input, &events).map_err(&broken)?;
        if let Input::GuardFired { .. } = input {
            let found = node.known.story.found();
            // What asks first whether a guard is needed leaves out what a guard would do nothing about, and nothing else.
            if needs_a_guard_now(state) != matches!(found, Found::Open | Found::Last) {
                return Err(broken(
                    "a guard is needed where somebody's phase is open or the run has no end".to_owned(),
                ));
            }
            node.guard = Some(found);
        }
        let node = &node;
        // A run taken up with nobody there answers for itself.
        if !matches!(input, Input::Resumed { .. }) {
            node.known.story.answered(input, &events).map_err(&broken)?;
        }
        if node.budget.crashes > 0 {
            // A crash leaves any part of the facts, oldest first.
            for some in 0..=events.len() {
                let mut down = node.clone();
                down.budget.crashes -= 1;
                down.at = At::Down;
                let part = &events[..some];
                let begins = part.iter().any(|event| matches!(event, Event::PhaseBegan(_)));
                // Without a generation there is nowhere to record.
                if some > 0 && !node.lag && (node.durable.is_some() || begins) {
                    let base = node
                        .durable
                        .as_ref()
                        .map_or_else(|| Known::new(RunState::default(), Story::default()), Rc::clone);
                    down.durable = Some(base.after(self, part).map_err(&broken)?);
                }
                *crashes += 1;
                let what = if self.aloud.get() {
                    format!("crash after {some} facts of: {told}")
                } else {
                    String::new()
                };
                next.push((what, down));
            }
        }
        let required = (self.engine.required)(state, &events);
        if node.budget.lost > 0 && !events.is_empty() {
            let mut without = node.clone();
            without.budget.lost -= 1;
            if required {
                self.decided(&without, &Input::JournalLost("full".into()), crashes, next)?;
            } else {
                without.known = node.known.after(self, &events).map_err(&broken)?;
                without.lag = true;
                self.arrive(without, &action, &told, next).map_err(&broken)?;
            }
        }
        let mut after = node.clone();
        after.known = node.known.after(self, &events).map_err(&broken)?;
        if !events.is_empty() && after.known.state.header.is_some() {
            // Facts that could not be recorded before are recorded with these.
            after.durable = Some(Rc::clone(&after.known));
            after.lag = false;
        }
        self.arrive(after, &action, &told, next).map_err(&broken)
    }

    fn arrive(
        &self,
        mut node: Node,
        action: &Action,
        told: &str,
        next: &mut Vec<(String, Node)>,
    ) -> Result<(), String> {
        node.known.story.is_held_as(&node.known.state)?;
        node.known.story.allows(&self.plan, &node.machine, action, node.heard)?;
        if let Some(found) = node.guard {
            found.allows(action)?;
        }
        node.at = match action {
            Action::Stop(_) => At::Stopped,
            other => At::Owed(other.clone()),
        };
        next.push((told.to_owned(), node));
        Ok(())
    }
}

/// The same place on a machine that went down and came up again, where it may.
fn rebooted(node: &Node) -> Option<Node> {
    let boots = node.budget.boots.checked_sub(1)?;
    let mut up = Node { budget: Budget { boots, ..node.budget }, ..node.clone() };
    up.machine.reboot();
    Some(up)
}

/// A place from which the walk comes back to where it was: what is left when ends are taken away again and again.
fn find_cycle(graph: &[Vec<u32>]) -> Option<usize> {
    let mut into = vec![0_u32; graph.len()];
    for next in graph.iter().flatten() {
        into[*next as usize] += 1;
    }
    let mut free: Vec<usize> = (0..graph.len()).filter(|at| into[*at] == 0).collect();
    while let Some(at) = free.pop() {
        for next in &graph[at] {
            into[*next as usize] -= 1;
            if into[*next as usize] == 0 {
                free.push(*next as usize);
            }
        }
    }
    into.iter().position(|left| *left > 0)
}
