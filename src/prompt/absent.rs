//! Nobody is there.

use super::{Chosen, Kept, Operator, Question, Reply, Trouble};
use crate::model::Span;

/// Answers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Absent;

impl Operator for Absent {
    fn yes(&mut self, _: &Question) -> Reply {
        Reply::Nobody
    }

    fn choose(&mut self, _: &mut Trouble<'_>) -> Chosen {
        Chosen::Nobody
    }

    fn confirm(&mut self, _: &Question, _: &mut dyn FnMut() -> Option<Span>) -> Kept {
        Kept::Nobody
    }
}
