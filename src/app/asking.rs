//! A question put to a person, unless the terminal is gone.

use super::front::Front;
use super::watch::Desk as _;
use crate::model::Notice;
use crate::prompt::{Operator, Question, Reply};
use crate::report;

/// The words of a question, as the operator takes them.
pub(super) fn asked(words: report::question::Asked) -> Question {
    Question { about: words.about, ask: words.ask }
}

/// Asks, unless the terminal is gone.
pub(super) fn ask(
    front: &mut Front<'_>,
    question: impl FnOnce(&mut dyn Operator) -> Reply,
    operator: &mut dyn Operator,
) -> Reply {
    if front.hung_up() {
        return Reply::Nobody;
    }
    front.be_patient();
    // No live line may be in the way of a question.
    front.notice(&Notice::Ended);
    let awake = front.signals.awake();
    if front.unheard() {
        return Reply::Interrupted;
    }
    let before = front.signals.count();
    let reply = question(operator);
    drop(awake);
    if reply == Reply::Interrupted && !front.interrupted_at_prompt(before) {
        return Reply::Nobody;
    }
    reply
}
