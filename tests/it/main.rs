//! One binary for all integration tests.

mod docs;
mod generated;
mod layers;
mod program;
mod shoshin;
#[path = "../support/skipped.rs"]
mod skipped;
mod static_program;
