//! FROM TEXT: YAML into the model, with good complaints.
//!
//! ```text
//! text -> parse -> tree -> variables -> read -> raw -> lower -> model::Plan
//!                                         ^              ^
//!                                      complaints     catalog of named checks
//! ```
//!
//! Nothing here reads a file: a [`Sources`] is given in.

mod calendar;
mod catalog;
mod characters;
mod command_line;
mod diagnostic;
mod digest;
mod excerpt;
mod indent;
mod lint;
mod load;
mod lower;
mod order;
mod parse;
mod paths;
mod quantity;
mod raw;
mod read;
mod reader;
mod recover;
mod schema;
mod suggest;
mod tree;
mod unread;
mod variables;

#[cfg(test)]
mod mangled_tests;
#[cfg(test)]
mod tests;

pub use command_line::probe;
pub use diagnostic::{Diagnostic, Diagnostics, Drawing, Gravity, Label};
pub use load::{Loaded, Misfit, Sources, Surroundings, load, named_checks, shipped_checks};
pub use schema::{library_schema, plan_schema};
