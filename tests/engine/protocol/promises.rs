//! The invariants of the research note that speak of who may act when; numbered as there.

use super::world::{ALL, Protocol, Thing, Who, World, is_decided};
use stateright::Property;
use switchback::engine::{Back, Stage};
use switchback::model::{Cause, PhaseEnd};

/// What must be seen to happen: a model in which nothing happens keeps every promise.
pub(super) const REACHED: [&str; 5] = [
    "both phases are committed",
    "a guard takes a phase back",
    "the boot guard takes a phase back",
    "a person takes back what was committed",
    "a run rests undone before anything was touched",
];

/// The promises, and what must be reached.
pub(super) fn promises() -> Vec<Property<Protocol>> {
    vec![
        Property::<Protocol>::always("I1", at_rest_it_has_a_name),
        Property::<Protocol>::always("I2", said_stays_true),
        Property::<Protocol>::always("I3", nothing_changes_unrecorded),
        Property::<Protocol>::always("I4", reverted_stays_reverted),
        Property::<Protocol>::always("I5", somebody_stands_behind_it),
        Property::<Protocol>::always("I7", |_, world| {
            ALL.iter().filter(|who| world.at_work(**who)).count() <= 1
        }),
        Property::<Protocol>::always("I8", |_, world| !world.undone_beside_a_child),
        Property::<Protocol>::sometimes(REACHED[0], |_, world| world.said == [true, true]),
        Property::<Protocol>::sometimes(REACHED[1], |_, world| back(world) && world.at_work(Who::Guard)),
        Property::<Protocol>::sometimes(REACHED[2], |_, world| back(world) && world.at_work(Who::BootGuard)),
        Property::<Protocol>::sometimes(REACHED[3], |_, world| {
            back(world) && world.disk.reverting == Some(Cause::Asked) && world.at_work(Who::Person)
        }),
        Property::<Protocol>::sometimes(REACHED[4], |model, world| {
            model.rests(world)
                && world.disk.header.is_some()
                && !world.disk.touched
                && !is_decided(&world.disk)
        }),
    ]
}

/// The way back is behind the phase.
fn back(world: &World) -> bool {
    matches!(world.disk.stage, Stage::Reverting(Back::Disarming | Back::Ending))
}

/// I1: where nothing happens by itself any more, the machine is what the record says.
fn at_rest_it_has_a_name(model: &Protocol, world: &World) -> bool {
    if !model.rests(world) {
        return true;
    }
    let Some(open) = world.open() else { return world.things == [Thing::Old; 2] };
    let others = match open {
        0 => world.things[1] == Thing::Old,
        _ => world.things[0] == Thing::New,
    };
    let state = &world.disk;
    let named = match state.stage {
        Stage::Disarming | Stage::Ended(PhaseEnd::Committed) => world.things[open] == Thing::New,
        Stage::Ended(PhaseEnd::Inconsistent) => !state.items.is_empty(),
        Stage::Ended(_) | Stage::Reverting(Back::Disarming | Back::Ending) => {
            world.things[open] == Thing::Old
        }
        _ => !state.touched && world.things[open] == Thing::Old,
    };
    others && named && !world.child_lives()
}

/// I2: what was said to be committed is committed from then on.
fn said_stays_true(_: &Protocol, world: &World) -> bool {
    (0..2).all(|at| {
        let open = world.open();
        !world.said[at] || open > Some(at) || open == Some(at) && world.disk.committed()
    })
}

/// I3: what is not as before is recorded, and its capsule is complete.
fn nothing_changes_unrecorded(_: &Protocol, world: &World) -> bool {
    (0..2).all(|at| {
        let recorded = world.open() > Some(at) || world.open() == Some(at) && world.disk.touched;
        world.things[at] == Thing::Old || recorded && world.sealed[at]
    })
}

/// I4: what is said to be as before stays so.
fn reverted_stays_reverted(_: &Protocol, world: &World) -> bool {
    let reverted = world.disk.stage == Stage::Ended(PhaseEnd::Reverted);
    !reverted || world.open().is_some_and(|at| world.things[at] == Thing::Old)
}

/// I5: from the intent on, and until the decision, somebody stands behind it who is not the runner.
fn somebody_stands_behind_it(_: &Protocol, world: &World) -> bool {
    let open = world.disk.touched && !is_decided(&world.disk) && world.disk.paused.is_none();
    !open || world.timer.is_some() || world.unit
}
