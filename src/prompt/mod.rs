//! ASK: questions to the operator, and every way in which they can end. The words of a question come from `report`.
//!
//! Prompts go to stderr, so that stdout can be piped. Nothing destructive is ever the default answer.

mod absent;
mod dialog;
mod keyboard;
mod question;
mod scripted;
mod typed;

pub use absent::Absent;
pub use dialog::Dialog;
pub use keyboard::Keyboard;
pub use question::{Chosen, Kept, Question, Reply, Sanitise, Trouble};
pub use scripted::{Scripted, Told};
pub use typed::Typed;

use crate::model::Span;

/// Somebody who can be asked, or nobody.
///
/// `Interrupted` means that a signal came while somebody was asked. Ctrl-C at a [`Dialog`] prompt is read as a key and
/// then raised as one SIGINT, so that the process has counted it. A signal from elsewhere (TERM, HUP) makes the
/// console crate raise one SIGINT *in addition*: a caller that counts signals takes one `Interrupted` for one wish to
/// stop, however many were counted meanwhile, and a lost terminal for [`Reply::Nobody`].
pub trait Operator {
    /// Whether the phase may begin.
    fn gate(&mut self, question: &Question) -> Reply {
        self.yes(question)
    }

    /// A question that is answered by yes or no; no is the default.
    fn yes(&mut self, question: &Question) -> Reply;

    /// What to do in trouble.
    fn choose(&mut self, trouble: &mut Trouble<'_>) -> Chosen;

    /// Whether to keep what was done. `left` gives the time that is left; at zero the answer is
    /// [`Kept::Silence`]. It gives nothing where a person interrupted: a signal may come between two waits.
    fn confirm(&mut self, question: &Question, left: &mut dyn FnMut() -> Option<Span>) -> Kept;
}
