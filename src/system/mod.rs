//! THE EDGE: processes, clock, signals, locks, files. No other room starts a process or reads a clock.

pub mod clock;
pub mod host;
pub mod process;
pub mod sanitise;
