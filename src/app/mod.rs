//! THE LOOP: decide, record, show, act. [`drive`] is the heart.

mod drive;
mod recall;

pub use drive::{Ports, drive};
pub use recall::Recall;
