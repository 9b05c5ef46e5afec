//! One binary for all integration tests.

mod layers;
mod shoshin;
#[path = "../support/skipped.rs"]
mod skipped;
