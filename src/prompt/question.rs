//! Questions and the ways they end.

use crate::model::Choice;
use std::borrow::Cow;

/// Makes what others printed safe to show: `system::sanitise::sanitise`, handed in by `cli`.
pub type Sanitise = fn(&str) -> Cow<'_, str>;

/// A question that is answered by yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Shown before the question, ready to be shown: made safe, wrapped, each line ended.
    pub about: String,
    /// The question itself, in a few words, fit for one line: `Begin phase vaapi?`
    pub ask: String,
}

/// What is wrong, and what may be done about it.
pub struct Trouble<'a> {
    /// What is wrong, ready to be shown.
    pub about: String,
    /// Whether the failing checks may be accepted.
    pub may_accept: bool,
    /// What the failing steps and checks printed; foreign, made safe by the operator.
    pub evidence: &'a mut dyn FnMut() -> String,
}

/// How a question of yes or no ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Yes.
    Yes,
    /// No.
    No,
    /// A person interrupted.
    Interrupted,
    /// There is nobody who could answer: no terminal, or it is gone.
    Nobody,
}

/// How a question in trouble ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Chosen {
    /// A person chose.
    Choice(Choice),
    /// A person interrupted.
    Interrupted,
    /// There is nobody who could choose.
    Nobody,
}

/// How a confirm window ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// Somebody said keep.
    Keep,
    /// Somebody said no.
    Revert,
    /// The time is over and nobody answered.
    Silence,
    /// A person interrupted.
    Interrupted,
    /// There is nobody who could answer.
    Nobody,
}

/// What is offered in trouble, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Offer {
    Evidence,
    Retry,
    Rollback,
    Pause,
    Accept,
}

impl Offer {
    /// All that may be offered. The first is the default: it only shows.
    pub(super) fn all(may_accept: bool) -> Vec<Self> {
        let mut offers = vec![Self::Evidence, Self::Retry, Self::Rollback, Self::Pause];
        if may_accept {
            offers.push(Self::Accept);
        }
        offers
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Evidence => "show the evidence",
            Self::Retry => "retry",
            Self::Rollback => "roll back",
            Self::Pause => "pause",
            Self::Accept => "accept with a reason",
        }
    }
}

/// The evidence made safe, each line marked as not ours.
pub(super) fn quoted(evidence: &str, sanitise: Sanitise) -> String {
    if evidence.trim().is_empty() {
        return "  (no evidence was kept)\n".to_owned();
    }
    let safe = sanitise(evidence);
    safe.trim_end().split('\n').map(|line| format!("  | {}\n", line.replace('\t', "    "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepting_is_offered_only_where_the_severity_allows_it() {
        let words = |may_accept| Offer::all(may_accept).into_iter().map(Offer::words).collect::<Vec<_>>();
        assert_eq!(words(false), ["show the evidence", "retry", "roll back", "pause"]);
        assert_eq!(words(true), ["show the evidence", "retry", "roll back", "pause", "accept with a reason"]);
    }

    #[test]
    fn evidence_is_marked_line_by_line_and_made_safe() {
        fn bell(text: &str) -> Cow<'_, str> {
            Cow::Owned(text.replace('\u{7}', "\\x07"))
        }
        assert_eq!(quoted("one\u{7}\n\ttwo\n", bell), "  | one\\x07\n  |     two\n");
        assert_eq!(quoted(" \n", bell), "  (no evidence was kept)\n");
    }
}
