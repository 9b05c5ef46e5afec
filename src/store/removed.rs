//! Generations that a person gave up. Each leaves a line that says how its phase stands: a phase is not taken for committed
//! because the generation that was taken back is gone, and nobody goes back past one whose change is still there.

use super::{HistoryFilter, StateFolder, StoreError, record};
use crate::model::{GenerationNumber, HistoryLine, PhaseEnd, Timestamp};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const NAME: &str = "removed";

/// A generation that was removed, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Removed {
    /// What `history` says of it.
    pub line: HistoryLine,
    /// How its phase stood after it: one that was taken once more and went back is committed from before.
    pub stands: Option<PhaseEnd>,
    /// When it was removed.
    pub at: Timestamp,
}

impl Removed {
    /// Whether its change is still there, so that nobody can go back past it.
    #[must_use]
    pub const fn is_in_effect(&self) -> bool {
        match self.line.end {
            Some(PhaseEnd::Committed | PhaseEnd::Inconsistent) | None => true,
            Some(PhaseEnd::Reverted | PhaseEnd::Refused | PhaseEnd::NotApplicable | PhaseEnd::Resolved) => {
                false
            }
        }
    }
}

impl StateFolder {
    /// What was removed and is gone, oldest first.
    ///
    /// # Errors
    /// [`StoreError::File`] where the file is there and cannot be read, [`StoreError::Damaged`] where a line of it cannot:
    /// nobody knows then what is in effect.
    pub fn removed(&self) -> Result<Vec<Removed>, StoreError> {
        let mut all: Vec<Removed> = record::read(&self.removed_path())?;
        // Whoever was killed between the line and the removal has removed nothing.
        all.retain(|one| !self.generation_folder(one.line.generation).is_dir());
        all.sort_by_key(|one| one.line.generation);
        Ok(all)
    }

    /// Generations that can be given up, oldest first: those before the newest so many, and before the newest that is
    /// committed. Never one that did not end or is inconsistent, the newest of a plan, one that the quarantine speaks of, or
    /// one that is damaged.
    ///
    /// # Errors
    /// [`StoreError`] where the history or the quarantine cannot be read.
    pub fn prunable(&self, keep: usize) -> Result<Vec<HistoryLine>, StoreError> {
        let history = self.history(&HistoryFilter::default())?;
        let pinned = self.not_to_be_removed(&history)?;
        let committed = history.lines.iter().rposition(|line| line.end == Some(PhaseEnd::Committed));
        let before = committed.unwrap_or(0).min(history.lines.len().saturating_sub(keep));
        let may_go = |line: &HistoryLine| match line.end {
            Some(PhaseEnd::Inconsistent) | None => false,
            Some(
                PhaseEnd::Committed
                | PhaseEnd::Reverted
                | PhaseEnd::Refused
                | PhaseEnd::NotApplicable
                | PhaseEnd::Resolved,
            ) => !pinned.contains(&line.generation),
        };
        Ok(history.lines.into_iter().take(before).filter(may_go).collect())
    }

    /// Removes generations, whole. First their lines are durable, then they go, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]; what is still there is whole.
    pub fn prune(&self, gone: &[Removed]) -> Result<(), StoreError> {
        let mut all = self.removed()?;
        all.extend(gone.iter().cloned());
        record::write(&self.removed_path(), &all)?;
        gone.iter().try_for_each(|one| self.remove(one.line.generation))
    }

    /// The bytes that removing these gives back, at most: files may be shared with generations that stay.
    #[must_use]
    pub fn saved(&self, numbers: impl IntoIterator<Item = GenerationNumber>) -> u64 {
        numbers.into_iter().map(|number| super::retention::saved(&self.generation_folder(number))).sum()
    }

    fn removed_path(&self) -> PathBuf {
        self.root().join(NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Envelope, Event, Verdict};
    use crate::store::sample::{began, envelopes, state, told};

    fn ended(number: u32, end: PhaseEnd) -> Vec<Envelope> {
        let end = Event::PhaseEnded { end, items: Vec::new(), left: Vec::new() };
        envelopes(1, [began(number), end, Event::RunFinished { verdict: Verdict::Committed }])
    }

    fn folder(ends: &[PhaseEnd]) -> (tempfile::TempDir, StateFolder) {
        let at = tempfile::tempdir().expect("a folder");
        let state = state(at.path());
        for end in ends {
            told(&state, |number| ended(number, *end));
        }
        (at, state)
    }

    fn numbers(lines: &[HistoryLine]) -> Vec<u32> {
        lines.iter().map(|line| line.generation.0).collect()
    }

    fn removed(line: HistoryLine) -> Removed {
        Removed { stands: line.end, line, at: Timestamp(7) }
    }

    #[test]
    fn nothing_goes_that_is_open_inconsistent_newest_or_not_followed_by_a_commit() {
        use PhaseEnd::{Committed, Inconsistent, NotApplicable, Refused, Reverted};
        for (ends, keep, expected) in [
            (&[Committed, Reverted, Committed, Committed][..], 1, &[1, 2, 3][..]),
            (&[Committed, Reverted, Committed, Committed], 3, &[1]),
            (&[Committed, Reverted, Committed, Reverted], 0, &[1, 2]),
            (&[Reverted, Reverted], 0, &[]),
            (&[Inconsistent, Refused, NotApplicable, Committed], 0, &[2, 3]),
            (&[Committed], 0, &[]),
        ] {
            let (_at, state) = folder(ends);
            assert_eq!(numbers(&state.prunable(keep).expect("lines")), expected, "{ends:?} {keep}");
        }
    }

    #[test]
    fn what_is_removed_leaves_its_line_and_its_number() {
        let (_at, state) = folder(&[PhaseEnd::Committed, PhaseEnd::Reverted, PhaseEnd::Committed]);
        let gone: Vec<Removed> = state.prunable(0).expect("lines").into_iter().map(removed).collect();
        state.prune(&gone).expect("removed");
        assert_eq!(state.generations().expect("listed"), [GenerationNumber(3)]);
        assert_eq!(state.removed().expect("lines"), gone);
        assert_eq!(gone.iter().map(Removed::is_in_effect).collect::<Vec<_>>(), [true, false]);
        assert_eq!(state.next_number().expect("a number"), GenerationNumber(4));
    }

    #[test]
    fn a_line_whose_generation_is_still_there_says_nothing_and_a_damaged_one_is_an_error() {
        let (at, state) = folder(&[PhaseEnd::Committed, PhaseEnd::Committed]);
        let line = state.prunable(0).expect("lines").remove(0);
        let path = at.path().join("state/removed");
        std::fs::write(&path, serde_json::to_string(&removed(line)).expect("JSON")).expect("written");
        assert_eq!(state.removed().expect("lines"), [], "whoever wrote it was killed before it was removed");
        std::fs::write(&path, "torn\n").expect("written");
        assert!(matches!(state.removed(), Err(StoreError::Damaged { line: 1, .. })));
    }
}
