//! VERBS, PURE: what follows from what. [`decide`] turns what the world said into facts and the one act that is owed
//! next; [`evolve`] folds a fact into the state. Nothing here knows a clock, a disk, a terminal or a process, and
//! there is no other state than the fold of the facts.

mod act;
mod ahead;
mod budget;
mod choose;
mod decide;
mod diagram;
mod evolve;
mod foresee;
mod interpret;
mod itinerary;
mod owed;
mod state;
#[cfg(test)]
mod tests;
mod timetable;
mod undo;

pub use act::{Action, Decision, Ended, Heard, Input};
pub use ahead::{Ahead, way_back};
pub use budget::{Budget, budget};
pub use choose::{checks_in, found_well_now, may_accept, soaked};
pub use decide::{decide, record_required};
pub use diagram::{ASIDE, Arrow, BACK, FORWARD, SKIPPED, diagram, stage_name};
pub use evolve::{evolve, replay};
pub use foresee::foresee;
pub use interpret::needs_a_guard_now;
pub use itinerary::{HeldPhase, Itinerary, Obstacle, Selection, Waits, itinerary};
pub use state::{Back, Limits, Mark, RunState, Stage};
pub use timetable::{timetable, today};
pub use undo::undo_owed;
