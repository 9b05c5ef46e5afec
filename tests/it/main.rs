//! One binary for all integration tests.

mod docs;
mod generated;
mod hostile;
mod layers;
mod program;
#[path = "../support/skipped.rs"]
mod skipped;
mod static_program;
#[path = "support/world.rs"]
mod world;
