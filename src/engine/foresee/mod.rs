//! Every ending of a plan, found before it is run: the same [`decide`](super::decide()) is told all that the world may
//! say, and each way is followed to its end. Pure, and bounded: phase by phase, with so many things going wrong on one way
//! as each exploration states, and no more states than its limit.

mod walk;
mod world;

use super::act::{Decision, Heard, Input};
use super::state::RunState;
use crate::model::{
    Deed, Ending, EndingFound, Event, Foreseen, Guidance, Item, PhaseEnd, PhaseForeseen, PhaseId, Plan,
    Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use walk::{Found, Walk};
use world::Grain;

/// The two functions that decide; a test puts others in their place.
#[derive(Clone, Copy)]
pub(super) struct Engine {
    pub(super) decide: fn(&Plan, &RunState, &Input, Heard, Timestamp) -> Decision,
    pub(super) required: fn(&RunState, &[Event]) -> bool,
}

impl Engine {
    const REAL: Self = Self { decide: super::decide, required: super::record_required };
}

/// What may happen on one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Something goes wrong, a person interrupts, or the journal cannot be written.
    pub(super) wrong: u8,
    /// The runner dies.
    pub(super) kills: u8,
    /// A person tries again, in trouble.
    pub(super) retries: u8,
    /// A person takes up or takes back a run that stopped; a soak fails.
    pub(super) asks: u8,
}

/// One exploration of a phase.
#[derive(Clone, Copy)]
struct Tour {
    words: &'static str,
    guidance: Guidance,
    budget: Budget,
    /// Ways with another number of kills are counted by another exploration.
    counts: fn(u8) -> bool,
}

const TOURS: [Tour; 4] = [
    Tour {
        words: "unattended: any two things go wrong on one way",
        guidance: Guidance::Unattended,
        budget: Budget { wrong: 2, kills: 0, retries: 0, asks: 1 },
        counts: |_| true,
    },
    Tour {
        words: "unattended: the runner is killed before or after any fact or act, and one more thing goes wrong",
        guidance: Guidance::Unattended,
        budget: Budget { wrong: 1, kills: 1, retries: 0, asks: 1 },
        counts: |kills| kills == 1,
    },
    Tour {
        words: "unattended: the runner is killed up to ten times (these ways are not counted)",
        guidance: Guidance::Unattended,
        budget: Budget { wrong: 0, kills: 10, retries: 0, asks: 0 },
        counts: |_| false,
    },
    Tour {
        words: "guided: one thing goes wrong, and a person answers whatever can be answered, trying again once",
        guidance: Guidance::Guided,
        budget: Budget { wrong: 1, kills: 0, retries: 1, asks: 1 },
        counts: |_| true,
    },
];

/// What is taken for one, for whoever reads the endings.
const TOGETHER: [&str; 4] = [
    "phases: what becomes of one does not depend on how those before it came to be committed",
    "checks of one moment that weigh the same: one stands for all, and its ways are counted for each",
    "a program that fails and one that is killed when its time is up",
    "a kill and a loss of power or a reboot that nobody asked for: what is durable is the same",
];

/// No exploration of one phase takes more states than this.
const LIMIT: usize = 150_000;

/// Every ending of these phases of a plan.
#[must_use]
pub fn foresee(plan: &Plan, phases: &[PhaseId]) -> Foreseen {
    with(plan, phases, Engine::REAL, Grain::Coarse, LIMIT)
}

fn with(plan: &Plan, phases: &[PhaseId], engine: Engine, grain: Grain, limit: usize) -> Foreseen {
    let mut before = Vec::new();
    let mut found = Vec::new();
    for phase in &plan.phases {
        if phases.contains(&phase.id) {
            found.push(one(plan, &phase.id, &before, engine, grain, limit));
        }
        before.push((phase.id.clone(), PhaseEnd::Committed));
    }
    let explored = TOURS.iter().map(|tour| tour.words).collect();
    Foreseen { phases: found, explored, together: TOGETHER.to_vec() }
}

fn one(
    plan: &Plan,
    phase: &PhaseId,
    before: &[(PhaseId, PhaseEnd)],
    engine: Engine,
    grain: Grain,
    limit: usize,
) -> PhaseForeseen {
    let mut all: BTreeMap<Ending, EndingFound> = BTreeMap::new();
    let (mut states, mut cut) = (0, Vec::new());
    for tour in TOURS {
        let Some(walk) = Walk::new(plan, phase, before, engine, grain) else { continue };
        let Some((seen, found)) = walk.run(tour.guidance, tour.budget, limit) else {
            cut.push(tour.words);
            continue;
        };
        states += seen;
        for found in found {
            merge(&mut all, found, tour.counts);
        }
    }
    PhaseForeseen { phase: phase.clone(), endings: all.into_values().collect(), states, cut }
}

/// Adds the ways of one end of an exploration to those of its ending.
fn merge(all: &mut BTreeMap<Ending, EndingFound>, found: Found, counts: fn(u8) -> bool) {
    let ways = if counts(found.kills) { found.ways } else { 0 };
    let known = all.entry(found.ending).or_insert_with(|| EndingFound {
        ending: found.ending,
        ways: 0,
        story: found.story.clone(),
        cause: found.cause.clone(),
        items: Vec::new(),
        left: Vec::new(),
        why: found.why.clone(),
    });
    known.ways = known.ways.saturating_add(ways);
    let weight = |story: &[Deed]| story.iter().map(Deed::weight).sum::<usize>();
    if weight(&found.story) < weight(&known.story) {
        known.story = found.story;
        known.cause = found.cause;
        known.why = found.why;
    }
    add(&mut known.items, found.items);
    add(&mut known.left, found.left);
}

/// Named things, each name once.
fn add(known: &mut Vec<Item>, more: Vec<Item>) {
    let names: BTreeSet<String> = known.iter().map(|item| item.name.clone()).collect();
    known.extend(more.into_iter().filter(|item| !names.contains(&item.name)));
    known.sort_unstable();
}

#[cfg(test)]
mod tests;
