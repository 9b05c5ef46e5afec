//! THE LOOP: decide, record, show, act. [`drive`] is the heart; [`Session`] is its hands.

mod acts;
mod asking;
mod drive;
mod executor;
mod filled;
mod front;
mod questions;
mod recall;
mod session;
mod silence;
mod undo_page;
mod validate;
mod watch;

pub use acts::{barred, barred_by_link, do_by_hand};
pub use drive::{Ports, drive};
pub use recall::Recall;
pub use session::{Session, SessionError, Tools};
pub use validate::{Subject, judge_phase, observe_phase};
pub use watch::Desk;
