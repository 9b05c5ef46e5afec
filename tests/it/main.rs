//! One binary for all integration tests.

mod cli;
mod layers;
mod order;
mod pty;
mod support;
