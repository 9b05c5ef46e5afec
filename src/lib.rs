//! Staged rollouts for a Linux machine that come back by themselves.
//!
//! One package, library plus thin binary. The rooms import along these arrows only; `tests/it/layers.rs` holds
//! them:
//!
//! ```text
//! main -> cli -> app -> engine -> model
//!          |      +---> check ---> system -> model
//!          |      +---> layer ---> system
//!          |      +---> store ---> system
//!          |      +---> report --> model
//!          |      +---> prompt --> model
//!          +---> plan -----------> model
//! ```
//!
//! `model`, `engine` and `plan` know no clock, terminal, file, process, environment or thread.

pub mod app;
pub mod check;
pub mod cli;
pub mod engine;
pub mod layer;
pub mod model;
pub mod plan;
pub mod prompt;
pub mod report;
pub mod store;
pub mod system;

#[cfg(test)]
#[path = "../tests/support/skipped.rs"]
mod skipped;
