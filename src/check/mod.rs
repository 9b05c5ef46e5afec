//! LOOK: probes read the machine and judge nothing; [`judge()`] compares, pure; [`look()`] runs many checks in parallel
//! in one thread. Nothing here decides what follows from an outcome.

mod apart;
mod bound;
mod combine;
mod error;
pub mod judge;
#[cfg(test)]
mod library_tests;
mod look;
mod observe;
mod perfdata;
mod plugin;
pub mod probe;
mod reader;
mod schedule;
mod scripts;
mod wrapped;

pub use apart::look_here;
pub use bound::bounded;
pub use error::ProbeError;
pub use judge::{Judgement, judge, measures};
pub use observe::observe;
pub use reader::{READERS, Reader};
pub use schedule::{CheckWatch, LookCx, look};
