//! One binary for all integration tests.

mod docs;
mod generated;
mod layers;
mod program;
mod shoshin;
#[cfg(test)]
#[path = "../support/skipped.rs"]
mod skipped;
mod static_program;
