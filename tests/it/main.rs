//! One binary for all integration tests.

mod cli;
mod docs;
mod emergency;
mod evidence;
mod fixtures;
mod fuzz;
mod generated;
mod graphics;
mod held;
mod hostile;
mod journal;
mod layers;
mod library;
mod library_live;
mod nix_live;
mod order;
mod program;
mod pty;
mod rehearse;
mod scheduled;
mod security;
mod shoshin;
#[cfg(test)]
#[path = "../support/skipped.rs"]
mod skipped;
mod static_program;
mod support;
mod systemd;
mod validate;
#[path = "support/world.rs"]
mod world;
