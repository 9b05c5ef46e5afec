//! One binary for all integration tests.

mod hostile;
mod layers;
#[path = "../support/skipped.rs"]
mod skipped;
#[path = "support/world.rs"]
mod world;
