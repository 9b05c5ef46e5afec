//! One exploration of one phase: every place once, each with the shortest way there and how many ways there are.

use super::world::{self, Grain, Phased, Way};
use super::{Budget, Engine};
use crate::engine::act::{Action, Decision, Ended, Heard, Input};
use crate::engine::diagram::stage_name;
use crate::engine::evolve::{evolve, replay};
use crate::engine::itinerary::Itinerary;
use crate::engine::state::RunState;
use crate::model::{
    Cause, Deed, Ending, Event, Guidance, Item, PhaseEnd, PhaseId, Plan, RunId, Timestamp, Verdict,
};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// One end of an exploration, with all ways there.
pub(super) struct Found {
    pub(super) ending: Ending,
    pub(super) ways: u128,
    pub(super) kills: u8,
    pub(super) story: Vec<Deed>,
    pub(super) cause: Option<Cause>,
    pub(super) items: Vec<Item>,
    pub(super) left: Vec<Item>,
    pub(super) why: Option<String>,
}

/// A state, hashed once.
#[derive(Debug)]
struct Known {
    state: RunState,
    print: u64,
}

impl Known {
    fn new(state: RunState) -> Rc<Self> {
        let print = print_of(&state);
        Rc::new(Self { state, print })
    }
}

/// Two of so few states do not share one by chance.
fn print_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

#[derive(Debug, Clone)]
enum At {
    /// An act is owed.
    Owed(Action),
    /// The runner is gone.
    Down,
    /// The process stopped.
    Stopped(Ended),
}

#[derive(Debug, Clone)]
struct Node {
    known: Rc<Known>,
    /// What a new process would read; absent where nothing was ever recorded.
    durable: Option<Rc<Known>>,
    /// Facts of the way back could not be recorded.
    lag: bool,
    clock: i64,
    /// How often the machine has gone down.
    boot: u32,
    heard: Heard,
    budget: Budget,
    at: At,
}

impl Node {
    fn print(&self) -> u64 {
        let at = match self.at {
            At::Owed(_) => 0_u8,
            At::Down => 1,
            At::Stopped(_) => 2,
        };
        // Of a runner that is gone, only what is durable remains.
        let known = if at == 1 { 0 } else { self.known.print };
        let durable = self.durable.as_ref().map(|durable| durable.print);
        print_of(&(known, durable, self.lag, self.clock, self.boot, self.heard, self.budget, at))
    }
}

/// A node, what happened on the way from the one before, and how many ways are like it.
struct Next {
    node: Node,
    deeds: Vec<Deed>,
    alike: u128,
}

/// The phase to be explored.
pub(super) struct Walk {
    plan: Plan,
    phased: Phased,
    before: Vec<(PhaseId, PhaseEnd)>,
    engine: Engine,
    grain: Grain,
}

/// From where a place was come to, and what happened on the way.
#[derive(Default)]
struct Step {
    from: Option<usize>,
    deeds: Vec<Deed>,
}

/// Places and the ways between them.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    /// For each place: the last step of the shortest way there.
    reached: Vec<Step>,
    ways: Vec<Vec<(usize, u128)>>,
    starts: Vec<(usize, u128)>,
}

impl Walk {
    pub(super) fn new(
        plan: &Plan,
        phase: &PhaseId,
        before: &[(PhaseId, PhaseEnd)],
        engine: Engine,
        grain: Grain,
    ) -> Option<Self> {
        let phased = Phased::new(plan.phase(phase)?, grain);
        let mut plan = plan.clone();
        // The one that is explored, as it is explored: with one check for many.
        plan.phases = vec![phased.phase.clone()];
        Some(Self { plan, phased, before: before.to_vec(), engine, grain })
    }

    /// Follows every way. Nothing where there are more states than the limit.
    pub(super) fn run(
        &self,
        guidance: Guidance,
        budget: Budget,
        limit: usize,
    ) -> Option<(usize, Vec<Found>)> {
        let mut graph = Graph::default();
        let mut places: HashMap<u64, usize> = HashMap::new();
        // Ways to places by what they weigh: the first that comes to a place is the shortest there.
        let mut queues: BTreeMap<usize, VecDeque<(usize, Step)>> = BTreeMap::new();
        let mut done: Vec<bool> = Vec::new();
        let (mut from, mut so_far) = (None, 0);
        let mut fresh = self.starts(guidance, budget);
        loop {
            for Next { node, deeds, alike } in fresh.drain(..) {
                let length = so_far + deeds.iter().map(Deed::weight).sum::<usize>();
                let place = *places.entry(node.print()).or_insert(graph.nodes.len());
                if place == graph.nodes.len() {
                    graph.nodes.push(node);
                    graph.reached.push(Step::default());
                    graph.ways.push(Vec::new());
                    done.push(false);
                }
                match from.and_then(|from: usize| graph.ways.get_mut(from)) {
                    Some(ways) => ways.push((place, alike)),
                    None => graph.starts.push((place, alike)),
                }
                queues.entry(length).or_default().push_back((place, Step { from, deeds }));
            }
            if graph.nodes.len() > limit {
                return None;
            }
            let Some(mut shortest) = queues.first_entry() else { break };
            let length = *shortest.key();
            let Some((place, step)) = shortest.get_mut().pop_front() else {
                shortest.remove();
                continue;
            };
            // One that is found again is followed once.
            let Some(seen) = done.get_mut(place).filter(|seen| !**seen) else { continue };
            *seen = true;
            (from, so_far) = (Some(place), length);
            fresh = graph.nodes.get(place).map(|node| self.follow(node)).unwrap_or_default();
            if let Some(reached) = graph.reached.get_mut(place) {
                *reached = step;
            }
        }
        Some((graph.nodes.len(), self.ends(&graph, budget)))
    }

    fn starts(&self, guidance: Guidance, budget: Budget) -> Vec<Next> {
        let Ok(run) = RunId::new("rehearsal") else { return Vec::new() };
        let queue = vec![self.phased.phase.id.clone()];
        let itinerary = Itinerary { run, queue, done: self.before.clone(), guidance };
        let start = Node {
            known: Known::new(RunState::new(itinerary)),
            durable: None,
            lag: false,
            clock: 0,
            boot: 0,
            heard: Heard::Nothing,
            budget,
            at: At::Down,
        };
        self.tell(&start, &Input::Begin, &[], 1)
    }

    fn follow(&self, node: &Node) -> Vec<Next> {
        match &node.at {
            At::Owed(action) => {
                let mut next = Vec::new();
                let ways = world::ways(&self.phased, action, 0, self.grain);
                for Way { input, deed, wrong, retry, alike, until } in ways {
                    let budget = node.budget;
                    let Some(wrong) = budget.wrong.checked_sub(wrong) else { continue };
                    let Some(retries) = budget.retries.checked_sub(retry) else { continue };
                    let mut after = node.clone();
                    after.budget = Budget { wrong, retries, ..budget };
                    after.clock = until.map_or(after.clock, |until| until.0);
                    next.extend(self.tell(&after, &input, deed.as_slice(), alike));
                }
                next
            }
            At::Down => self.taken_up(node),
            At::Stopped(ended) => self.after_stop(node, ended),
        }
    }

    /// What may follow when a process has stopped by itself.
    fn after_stop(&self, node: &Node, ended: &Ended) -> Vec<Next> {
        if *ended == Ended::AwaitingReboot {
            return self.booted(node);
        }
        let Some(asks) = node.budget.asks.checked_sub(1) else { return Vec::new() };
        let mut again = node.clone();
        again.budget.asks = asks;
        match ended {
            Ended::Paused(_) => self.taken_up(&again),
            // Handled before: nobody needs to ask for that.
            Ended::AwaitingReboot => Vec::new(),
            Ended::Finished(Verdict::Committed) => match world::soak_failed(&self.phased.phase) {
                Some((input, deed)) if again.known.state.soak_until.is_some() => {
                    self.tell(&again, &input, &[deed], 1)
                }
                Some(_) | None => Vec::new(),
            },
            Ended::Finished(
                Verdict::Refused | Verdict::RolledBack | Verdict::Inconsistent | Verdict::Resolved,
            ) => Vec::new(),
        }
    }

    /// A new process reads what is durable, and goes on or goes back.
    fn taken_up(&self, node: &Node) -> Vec<Next> {
        let Some(durable) = &node.durable else { return Vec::new() };
        let mut up = node.clone();
        up.known = Rc::clone(durable);
        up.heard = Heard::Nothing;
        let boot = Some(world::boot(up.boot));
        let mut inputs = vec![(Input::RollbackAsked { boot: boot.clone() }, Deed::RollbackAsked)];
        let down = matches!(node.at, At::Down);
        if down && durable.state.armed {
            let cause = Cause::RunnerGone;
            inputs.push((Input::GuardFired { cause, boot: boot.clone() }, Deed::GuardFired));
        }
        // A way back of which nothing could be recorded is only ever taken up by asking for it again.
        if !(node.lag && node.known.state.going_back()) {
            let guidance = durable.state.guidance();
            inputs.push((Input::Resumed { boot, guidance }, Deed::TakenUp));
        }
        up.lag = false;
        let mut next: Vec<Next> =
            inputs.into_iter().flat_map(|(input, deed)| self.tell(&up, &input, &[deed], 1)).collect();
        if let (true, Some(reboots)) = (down, node.budget.reboots.checked_sub(1)) {
            up.budget.reboots = reboots;
            up.boot += 1;
            let boot = Some(world::boot(up.boot));
            if durable.state.armed {
                let input = Input::GuardFired { cause: Cause::Rebooted, boot: boot.clone() };
                next.extend(self.tell(&up, &input, &[Deed::GuardFiredAtBoot], 1));
            }
            if !(node.lag && node.known.state.going_back()) {
                let input = Input::Resumed { boot, guidance: durable.state.guidance() };
                next.extend(self.tell(&up, &input, &[Deed::Rebooted], 1));
            }
        }
        next
    }

    /// The machine comes up again, as the phase asked for.
    fn booted(&self, node: &Node) -> Vec<Next> {
        let Some(durable) = &node.durable else { return Vec::new() };
        let mut up = node.clone();
        up.known = Rc::clone(durable);
        up.boot += 1;
        let input = Input::Resumed { boot: Some(world::boot(up.boot)), guidance: durable.state.guidance() };
        self.tell(&up, &input, &[Deed::Booted], 1)
    }

    fn tell(&self, node: &Node, input: &Input, deeds: &[Deed], alike: u128) -> Vec<Next> {
        let mut next = Vec::new();
        self.decided(node, input, deeds, alike, &mut next);
        if node.budget.wrong > 0 && node.heard == Heard::Nothing && !matches!(node.at, At::Down) {
            for (heard, deed) in [(Heard::Once, Deed::StopAsked), (Heard::Twice, Deed::StopInsisted)] {
                let mut stopped = node.clone();
                stopped.heard = heard;
                stopped.budget.wrong -= 1;
                let deeds: Vec<Deed> = deeds.iter().cloned().chain([deed]).collect();
                self.decided(&stopped, input, &deeds, alike, &mut next);
            }
        }
        next
    }

    fn decided(&self, node: &Node, input: &Input, deeds: &[Deed], alike: u128, next: &mut Vec<Next>) {
        let state = &node.known.state;
        let now = Timestamp(node.clock);
        let Decision { events, action } = (self.engine.decide)(&self.plan, state, input, node.heard, now);
        let with = |deed: Option<Deed>| deeds.iter().cloned().chain(deed).collect::<Vec<Deed>>();
        let recorded = self.recorded(node, &events);
        if node.budget.kills > 0 {
            // A kill leaves any part of the facts, oldest first.
            for durable in &recorded {
                let mut down = node.clone();
                down.budget.kills -= 1;
                down.at = At::Down;
                down.durable.clone_from(durable);
                let at = durable.as_ref().map_or("idle", |durable| stage_name(&durable.state.stage));
                next.push(Next { node: down, deeds: with(Some(Deed::Killed { at: at.to_owned() })), alike });
            }
        }
        let durable = recorded.last().cloned().flatten();
        let known = self.fold(&node.known, &events);
        let required = (self.engine.required)(state, &events);
        if node.budget.wrong > 0 && !events.is_empty() && !matches!(input, Input::JournalLost(_)) {
            let mut without = node.clone();
            without.budget.wrong -= 1;
            if required {
                let lost = Input::JournalLost("the disk is full".to_owned());
                self.decided(&without, &lost, &with(Some(Deed::Unrecorded)), alike, next);
            } else {
                without.known = Rc::clone(&known);
                without.lag = true;
                next.push(arrived(without, &action, with(Some(Deed::Unrecorded)), alike));
            }
        }
        let lag = node.lag && events.is_empty();
        next.push(arrived(Node { known, durable, lag, ..node.clone() }, &action, with(None), alike));
    }

    fn fold(&self, known: &Rc<Known>, events: &[Event]) -> Rc<Known> {
        if events.is_empty() {
            return Rc::clone(known);
        }
        Known::new(replay(&self.plan, known.state.clone(), events))
    }

    /// What a new process would read after each part of these facts, from none of them on; nothing before there is a
    /// generation.
    fn recorded(&self, node: &Node, events: &[Event]) -> Vec<Option<Rc<Known>>> {
        let mut all = vec![node.durable.clone()];
        // What is known is durable too, or was lost on the way back: such facts come first with the next.
        let mut state = node.durable.as_ref().map_or_else(RunState::default, |_| node.known.state.clone());
        let mut begun = node.durable.is_some();
        for event in events {
            state = evolve(&self.plan, state, event);
            begun |= matches!(event, Event::PhaseBegan(_));
            all.push(begun.then(|| Known::new(state.clone())));
        }
        all
    }

    /// Every place where a way ends, or goes round for ever.
    fn ends(&self, graph: &Graph, budget: Budget) -> Vec<Found> {
        let (ways, endless) = count(graph);
        let mut found = Vec::new();
        for (place, node) in graph.nodes.iter().enumerate() {
            let round = endless.get(place).copied().unwrap_or(false);
            let stuck = graph.ways.get(place).is_none_or(Vec::is_empty);
            let named = match (round, &node.at) {
                (true, At::Owed(_) | At::Down | At::Stopped(_)) => {
                    Some((Ending::Nameless, Some("it goes round for ever".to_owned())))
                }
                (false, At::Stopped(ended)) => Some(name(ended, &node.known.state)),
                (false, At::Down) if node.durable.is_none() => Some((Ending::NothingChanged, None)),
                (false, At::Owed(action)) if stuck => {
                    Some((Ending::Nameless, Some(format!("nothing can follow on {action:?}"))))
                }
                (false, At::Owed(_) | At::Down) => None,
            };
            let Some((ending, why)) = named else { continue };
            let state = &node.known.state;
            found.push(Found {
                ending,
                ways: ways.get(place).copied().unwrap_or(1),
                kills: budget.kills - node.budget.kills,
                story: story(graph, place),
                cause: state.paused.clone().or_else(|| state.reverting.clone()),
                items: if ending == Ending::Inconsistent { state.items.clone() } else { Vec::new() },
                left: if ending == Ending::RolledBackBut { state.left.clone() } else { Vec::new() },
                why,
            });
            if round {
                break;
            }
        }
        found
    }
}

fn arrived(mut node: Node, action: &Action, deeds: Vec<Deed>, alike: u128) -> Next {
    node.at = match action {
        Action::Stop(ended) => At::Stopped(ended.clone()),
        other => At::Owed(other.clone()),
    };
    Next { node, deeds, alike }
}

/// Where a process that stopped leaves the machine, or why nobody can say.
fn name(ended: &Ended, state: &RunState) -> (Ending, Option<String>) {
    let nameless = |why: &str| (Ending::Nameless, Some(why.to_owned()));
    match (ended, state.stage.end()) {
        (Ended::AwaitingReboot, _) => (Ending::AwaitingReboot, None),
        (Ended::Paused(_), _) if state.paused.is_none() => nameless("it stops, and nothing says why"),
        (Ended::Paused(_), _) => (Ending::Paused, None),
        (Ended::Finished(verdict), _) if state.finished != Some(*verdict) => {
            nameless("it says another end than it recorded")
        }
        (Ended::Finished(Verdict::Committed), Some(PhaseEnd::Committed)) => (Ending::Committed, None),
        (Ended::Finished(Verdict::Committed), Some(PhaseEnd::NotApplicable)) => (Ending::NotApplicable, None),
        (Ended::Finished(Verdict::Refused), _) if state.touched => {
            nameless("it says that nothing was changed, and something may have been")
        }
        (Ended::Finished(Verdict::Refused), _) => (Ending::NothingChanged, None),
        (Ended::Finished(Verdict::RolledBack), Some(PhaseEnd::Reverted)) if state.left.is_empty() => {
            (Ending::RolledBack, None)
        }
        (Ended::Finished(Verdict::RolledBack), Some(PhaseEnd::Reverted)) => (Ending::RolledBackBut, None),
        (Ended::Finished(Verdict::Inconsistent), Some(PhaseEnd::Inconsistent)) if state.items.is_empty() => {
            nameless("it is inconsistent, and no item is named")
        }
        (Ended::Finished(Verdict::Inconsistent), Some(PhaseEnd::Inconsistent)) => {
            (Ending::Inconsistent, None)
        }
        (
            Ended::Finished(
                Verdict::Committed | Verdict::RolledBack | Verdict::Inconsistent | Verdict::Resolved,
            ),
            _,
        ) => nameless("the run says one end and the phase another"),
    }
}

/// What happened on the shortest way to a place.
fn story(graph: &Graph, place: usize) -> Vec<Deed> {
    let mut parts = Vec::new();
    let mut at = Some(place);
    while let Some(Step { from, deeds }) = at.and_then(|at| graph.reached.get(at)) {
        parts.push(deeds.clone());
        at = *from;
    }
    parts.into_iter().rev().flatten().collect()
}

/// How many ways lead to each place, and which places are on a way that never ends.
fn count(graph: &Graph) -> (Vec<u128>, Vec<bool>) {
    let mut into = vec![0_usize; graph.nodes.len()];
    let mut ways = vec![0_u128; graph.nodes.len()];
    for (to, _) in graph.ways.iter().flatten() {
        into.iter_mut().skip(*to).take(1).for_each(|into| *into += 1);
    }
    for (place, alike) in &graph.starts {
        ways.iter_mut().skip(*place).take(1).for_each(|ways| *ways = ways.saturating_add(*alike));
    }
    let mut free: Vec<usize> = (0..graph.nodes.len()).filter(|at| into.get(*at) == Some(&0)).collect();
    while let Some(at) = free.pop() {
        let so_many = ways.get(at).copied().unwrap_or(0);
        for (to, alike) in graph.ways.get(at).map(Vec::as_slice).unwrap_or_default() {
            if let (Some(ways), Some(into)) = (ways.get_mut(*to), into.get_mut(*to)) {
                *ways = ways.saturating_add(so_many.saturating_mul(*alike));
                *into -= 1;
                if *into == 0 {
                    free.push(*to);
                }
            }
        }
    }
    let endless = into.into_iter().map(|left| left > 0).collect();
    (ways, endless)
}
