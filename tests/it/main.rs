//! One binary for all integration tests.

mod cli;
mod docs;
mod generated;
mod layers;
mod order;
mod program;
mod pty;
#[path = "../support/skipped.rs"]
mod skipped;
mod static_program;
mod support;
