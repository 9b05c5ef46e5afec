//! THE LOOP: decide, record, show, act. [`drive`] is the heart; [`Session`] is its hands.

mod acts;
mod asking;
mod damaged;
mod deadline;
mod drive;
mod executor;
mod filled;
mod findings;
mod front;
mod guarding;
mod post;
mod questions;
mod recall;
mod rehearse;
mod session;
mod silence;
mod tell;
mod timer;
mod trend;
mod undo_page;
mod validate;
mod watch;

pub use acts::{barred, barred_by_link, do_by_hand};
pub use damaged::doubted;
pub use drive::{GoesDown, Ports, drive};
pub use findings::findings_of;
pub use post::{Behind, Guarding};
pub use recall::Recall;
pub use rehearse::{Rehearsal, bare, rehearse};
pub use session::{Session, SessionError, Tools};
pub use tell::{Delivered, Message, News, Ways, deliver, news};
pub use timer::{Kept, Systemctl, TimerError, Units, install, kept, remove};
pub use trend::{TrendAsked, TrendFound, trend_of};
pub use validate::{Subject, judge_phase, observe_phase};
pub use watch::Desk;
