//! THE EDGE: processes, clock, signals, locks, files. No other room starts a process or reads a clock.

pub mod accounts;
pub mod announce;
pub mod below;
pub mod clock;
pub mod durable;
pub mod files;
pub mod ground;
pub mod guard;
pub mod hand_over;
pub mod host;
pub mod leftovers;
pub mod lock;
pub mod mounts;
pub mod place;
pub mod process;
pub mod program;
pub mod release;
pub mod sandbox;
pub mod sanitise;
pub mod service_manager;
pub mod settings;
pub mod signal;
pub mod terminal;
pub mod trust;
