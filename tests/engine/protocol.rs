//! The order that bears the load, in a model checker: record, arm, write the intent, act, judge, commit, disarm. The runner,
//! the guard, the boot guard and a person decide by the engine's own `decide` and remember by its own `evolve`; around
//! them are a lock, a timer, a boot unit, a child that outlives whoever started it, kills, reboots and a hang. Each of
//! eight other orders must break a promise.

mod promises;
mod world;

use promises::promises;
use stateright::{Checker, HasDiscoveries, Model};
use std::collections::BTreeSet;
use world::{Order, Protocol};

/// What a checker says of an order.
struct Checked {
    /// How many states it saw.
    states: usize,
    /// The promises that it breaks, and what it reaches.
    found: BTreeSet<&'static str>,
    /// How one comes to each broken promise.
    ways: String,
}

/// Checks an order. With promises to look for it ends where all of them are broken; without, it sees every state.
fn checked(order: Order, wanted: &[&'static str]) -> Checked {
    let until = match wanted {
        [] => HasDiscoveries::All,
        names => HasDiscoveries::AllOf(names.iter().copied().collect()),
    };
    let checker = Protocol::of(order).checker().threads(1).finish_when(until).spawn_bfs().join();
    let found = checker.discoveries();
    let broken = found.iter().filter(|(name, _)| !promises::REACHED.contains(name));
    let ways = broken.map(|(name, path)| {
        format!("{name}: {:?}\nends with {:?}\n", path.clone().into_actions(), path.last_state())
    });
    Checked { states: checker.unique_state_count(), ways: ways.collect(), found: found.into_keys().collect() }
}

#[test]
fn the_order_that_bears_the_load_breaks_no_promise() {
    let Checked { states, found, ways } = checked(Order::TheRightOne, &[]);
    println!(
        "{states:6} states, all of them: record, arm, intent, act, judge, commit, disarm: nothing broken"
    );
    assert_eq!(found, promises::REACHED.into(), "what happens, and nothing that may not:\n{ways}");
}

#[test]
fn each_of_the_eight_other_orders_breaks_its_promises() {
    let mut missed = Vec::new();
    for (order, name, wanted) in world::OTHERS {
        let Checked { states, found, .. } = checked(order, wanted);
        let broken: Vec<_> = found.iter().filter(|name| !promises::REACHED.contains(name)).collect();
        println!("{states:6} states until {wanted:?} are broken: {name}: {broken:?}");
        if !wanted.iter().all(|promise| found.contains(promise)) {
            missed.push(name);
        }
    }
    println!("orders planned {}, broken {}", world::OTHERS.len(), world::OTHERS.len() - missed.len());
    assert!(missed.is_empty(), "a promise that must be broken is not: {missed:?}");
}

#[test]
fn every_promise_is_broken_by_some_other_order() {
    let broken: BTreeSet<&str> = world::OTHERS.iter().flat_map(|(.., wanted)| *wanted).copied().collect();
    let promises = promises();
    let names = promises.iter().map(|promise| promise.name);
    let kept: Vec<_> =
        names.filter(|name| !promises::REACHED.contains(name) && !broken.contains(name)).collect();
    assert!(kept.is_empty(), "nothing breaks {kept:?}");
}
