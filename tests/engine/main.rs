//! The pure core, with no process and no clock: every state of the real `decide` and `evolve` is visited, and the
//! promises are asked of each.

mod explore;
mod kills;
mod kit;
mod machine;
mod mutants;
mod picture;
mod plans;
mod promises;
mod protocol;
mod replay;
mod walks;
