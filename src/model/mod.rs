//! NOUNS: what a plan, a check, a fact and a verdict are. Knows nothing of text, time of day, files or processes.

mod calendar;
mod check;
mod counted;
mod event;
mod graphics;
mod id;
mod layer;
mod outcome;
mod plan;
mod probe;
mod report;
mod run_time;
mod step;
mod time;
mod validation;
mod value;
mod view;

pub use calendar::{Calendar, Today, days_of_week};
pub use check::*;
pub use counted::*;
pub use event::*;
pub use graphics::*;
pub use id::*;
pub use layer::*;
pub use outcome::*;
pub use plan::*;
pub use probe::*;
pub use report::*;
pub use run_time::*;
pub use step::*;
pub use time::*;
pub use validation::*;
pub use value::*;
pub use view::*;
