//! An operator for tests and for the tour: answers from a queue, and remembers what was asked.

use super::{Chosen, Kept, Operator, Question, Reply, Trouble};
use crate::model::Span;
use std::collections::VecDeque;

/// An answer given beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// To a question of yes or no.
    Reply(Reply),
    /// In trouble.
    Chosen(Chosen),
    /// To the confirm question.
    Kept(Kept),
}

/// Answers in order. An answer of the wrong kind, or none left, is nobody.
#[derive(Debug, Clone, Default)]
pub struct Scripted {
    answers: VecDeque<Told>,
    asked: Vec<String>,
}

impl Scripted {
    /// These answers, in this order.
    pub fn new(answers: impl IntoIterator<Item = Told>) -> Self {
        Self { answers: answers.into_iter().collect(), asked: Vec::new() }
    }

    /// What was asked so far.
    #[must_use]
    pub fn asked(&self) -> &[String] {
        &self.asked
    }

    /// How many answers were not needed.
    #[must_use]
    pub fn left(&self) -> usize {
        self.answers.len()
    }
}

impl Operator for Scripted {
    fn yes(&mut self, question: &Question) -> Reply {
        self.asked.push(question.ask.clone());
        match self.answers.pop_front() {
            Some(Told::Reply(reply)) => reply,
            Some(Told::Chosen(_) | Told::Kept(_)) | None => Reply::Nobody,
        }
    }

    fn choose(&mut self, trouble: &mut Trouble<'_>) -> Chosen {
        self.asked.push(trouble.about.clone());
        match self.answers.pop_front() {
            Some(Told::Chosen(chosen)) => chosen,
            Some(Told::Reply(_) | Told::Kept(_)) | None => Chosen::Nobody,
        }
    }

    fn confirm(&mut self, question: &Question, _: &mut dyn FnMut() -> Option<Span>) -> Kept {
        self.asked.push(question.ask.clone());
        match self.answers.pop_front() {
            Some(Told::Kept(kept)) => kept,
            Some(Told::Reply(_) | Told::Chosen(_)) | None => Kept::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_order_and_a_wrong_kind_is_nobody() {
        let question = |ask: &str| Question { about: String::new(), ask: ask.to_owned() };
        let mut operator = Scripted::new([Told::Reply(Reply::Yes), Told::Kept(Kept::Keep)]);
        assert_eq!(operator.gate(&question("begin?")), Reply::Yes);
        assert_eq!(operator.yes(&question("done?")), Reply::Nobody);
        assert_eq!(operator.confirm(&question("keep?"), &mut || Some(Span::ZERO)), Kept::Nobody);
        assert_eq!((operator.asked().len(), operator.left()), (3, 0));
    }
}
