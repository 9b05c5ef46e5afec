//! One binary for all integration tests.

mod layers;
#[path = "../support/skipped.rs"]
mod skipped;
