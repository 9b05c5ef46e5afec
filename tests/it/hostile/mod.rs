//! Bad input, each with a clear error and nothing lost; proven through the real program.

mod damage;
mod disk;
mod looking;
mod mounts;
mod ordinary;
mod plans;
mod probes;
mod programs;
mod runners;
mod strangers;
mod trust;
mod variables;
