//! The file as written. The doc comments become the descriptions in the JSON Schema and the plan reference.

mod check;
mod graphics;
mod layer;
mod library;
mod phase;
mod probe;
mod scalar;
mod step;

pub(super) use check::*;
pub(super) use graphics::*;
pub(super) use layer::*;
pub(super) use library::*;
pub(super) use phase::*;
pub(super) use probe::*;
pub(super) use scalar::*;
pub(super) use step::*;
