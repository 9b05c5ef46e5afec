//! How long generations are kept. One whose phase changed the machine stays until a person gives it up: somebody may go back to it, its
//! originals may be the only copy of a file, and where an earlier way back was not told to the newest generation it alone
//! says that its phase is no longer in effect. Of those that changed nothing a bounded number is kept.

use super::{History, HistoryFilter, StateFolder, StoreError};
use crate::model::{GenerationNumber, HistoryLine, PhaseEnd, PlanName};
use crate::system::files;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Generations that changed nothing: so many of the newest are kept,
pub const SPENT_KEPT: usize = 100;
/// and of these as many as have together saved at most so many bytes.
pub const SPENT_BYTES: u64 = 1024 * 1024 * 1024;

/// Half removed: what a crash in between leaves, and the next tidying takes away.
const GONE: &str = ".gone-";

impl StateFolder {
    /// Removes the oldest generations that changed nothing, whole, beyond what is kept, and says which. Never the current
    /// one, the newest of a plan, one that the quarantine speaks of, or one that is damaged.
    ///
    /// # Errors
    /// [`StoreError`] where the history or the quarantine cannot be read, or a folder not be removed; the rest is as it
    /// was.
    pub fn tidy(&self) -> Result<Vec<GenerationNumber>, StoreError> {
        self.tidy_beyond(SPENT_KEPT, SPENT_BYTES)
    }

    fn tidy_beyond(&self, most: usize, bytes: u64) -> Result<Vec<GenerationNumber>, StoreError> {
        self.sweep_leftovers()?;
        let history = self.history(&HistoryFilter::default())?;
        let pinned = self.not_to_be_removed(&history)?;
        let lines = history.lines;
        let mut removed = Vec::new();
        let (mut count, mut size) = (0, 0_u64);
        for line in lines.iter().rev().filter(|line| is_spent(line) && !pinned.contains(&line.generation)) {
            count += 1;
            size = size.saturating_add(saved(&self.generation_folder(line.generation)));
            if count > most || size > bytes {
                self.remove(line.generation)?;
                removed.push(line.generation);
            }
        }
        Ok(removed)
    }

    /// Generations that something still speaks of, and those that are damaged.
    pub(super) fn not_to_be_removed(
        &self,
        history: &History,
    ) -> Result<BTreeSet<GenerationNumber>, StoreError> {
        let lines = &history.lines;
        let mut pinned: BTreeSet<GenerationNumber> = self.current().into_iter().collect();
        let mut plans: BTreeSet<&PlanName> = BTreeSet::new();
        // The newest generation of a plan says how its phases stand.
        let newest = lines.iter().rev().filter(|line| plans.insert(&line.plan));
        pinned.extend(newest.map(|line| line.generation));
        pinned.extend(self.quarantine()?.lines.iter().map(|line| line.generation));
        let damaged = |line: &&HistoryLine| {
            let begins = format!("generation {}", line.generation);
            history.damage.iter().any(|item| item.name.starts_with(&begins))
        };
        pinned.extend(lines.iter().filter(damaged).map(|line| line.generation));
        Ok(pinned)
    }

    /// First the name, then the rest: what is half removed is no generation any more.
    pub(super) fn remove(&self, number: GenerationNumber) -> Result<(), StoreError> {
        let folder = self.generation_folder(number);
        let gone = folder.with_file_name(format!("{GONE}{number}"));
        fs::rename(&folder, &gone).map_err(StoreError::io("remove", &folder))?;
        if let Some(generations) = folder.parent() {
            files::sync_folder(generations)?;
        }
        fs::remove_dir_all(&gone).map_err(StoreError::io("remove", &gone))
    }

    fn sweep_leftovers(&self) -> Result<(), StoreError> {
        let folder = self.generation_folder(GenerationNumber(1));
        let Some(generations) = folder.parent() else { return Ok(()) };
        let entries = fs::read_dir(generations).map_err(StoreError::io("list", generations))?;
        for entry in entries {
            let entry = entry.map_err(StoreError::io("list", generations))?;
            if entry.file_name().to_string_lossy().starts_with(GONE) {
                let path = entry.path();
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    // None of ours: it is left, and keeps nobody from tidying.
                    continue;
                }
                fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

const fn is_spent(line: &HistoryLine) -> bool {
    match line.end {
        Some(PhaseEnd::Refused | PhaseEnd::NotApplicable) => true,
        Some(PhaseEnd::Committed | PhaseEnd::Inconsistent | PhaseEnd::Reverted | PhaseEnd::Resolved)
        | None => false,
    }
}

/// Bytes of saved files and of evidence: the rest of a capsule is small or shared.
pub(super) fn saved(capsule: &Path) -> u64 {
    let of = |name: &str| -> io::Result<u64> {
        fs::read_dir(capsule.join(name))?.map(|entry| Ok(entry?.metadata()?.len())).sum()
    };
    ["originals", "evidence"].iter().map(|name| of(name).unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cause, Envelope, Event, QuarantineLine, Timestamp, Verdict};
    use crate::store::sample::{began, digest, envelopes, phase_id, state, story, told};

    fn ended(number: u32, end: PhaseEnd) -> Vec<Envelope> {
        let end = Event::PhaseEnded { end, items: Vec::new(), left: Vec::new() };
        envelopes(1, [began(number), end, Event::RunFinished { verdict: Verdict::Committed }])
    }

    fn numbers(state: &StateFolder) -> Vec<u32> {
        state.generations().expect("listed").iter().map(|number| number.0).collect()
    }

    #[test]
    fn the_oldest_that_are_only_history_go_and_what_is_in_effect_open_or_spoken_of_stays() {
        let at = tempfile::tempdir().expect("a folder");
        let state = state(at.path());
        told(&state, |number| ended(number, PhaseEnd::Committed));
        told(&state, |number| ended(number, PhaseEnd::Refused));
        told(&state, |number| ended(number, PhaseEnd::Inconsistent));
        told(&state, |number| ended(number, PhaseEnd::Refused));
        told(&state, |number| envelopes(1, [began(number)]));
        told(&state, |number| ended(number, PhaseEnd::NotApplicable));
        told(&state, |number| ended(number, PhaseEnd::Refused));
        told(&state, |number| ended(number, PhaseEnd::Resolved));
        told(&state, story);
        told(&state, story);
        let line = QuarantineLine {
            plan: PlanName::new("tour").expect("an identifier"),
            revision: 1,
            digest: digest('d'),
            phase: phase_id("libs"),
            generation: GenerationNumber(4),
            cause: Cause::NotConfirmed,
            at: Timestamp(0),
        };
        state.reject(&line).expect("durable");
        assert_eq!(state.tidy().expect("tidied"), [], "there are few");
        assert_eq!(
            state.tidy_beyond(1, u64::MAX).expect("tidied"),
            [GenerationNumber(6), GenerationNumber(2)]
        );
        assert_eq!(numbers(&state), [1, 3, 4, 5, 7, 8, 9, 10]);
        assert_eq!(state.next_number().expect("a number"), GenerationNumber(11));
        assert_eq!(state.tidy_beyond(0, u64::MAX).expect("tidied"), [GenerationNumber(7)]);
        assert_eq!(state.tidy_beyond(0, u64::MAX).expect("nothing more"), []);
    }

    #[test]
    fn saved_bytes_are_bounded_too_and_a_half_removed_generation_is_removed_whole() {
        let at = tempfile::tempdir().expect("a folder");
        let state = state(at.path());
        for _ in 0..4 {
            let capsule = told(&state, |number| ended(number, PhaseEnd::Refused));
            fs::write(capsule.originals_folder().join("aa"), [0; 1000]).expect("written");
        }
        let half = at.path().join("state/generations/.gone-0009");
        fs::create_dir(&half).expect("made");
        fs::write(at.path().join("state/generations/.gone-x"), "").expect("written");
        assert_eq!(state.tidy_beyond(9, 2_000).expect("tidied"), [GenerationNumber(1)]);
        assert_eq!(numbers(&state), [2, 3, 4]);
        assert!(!half.exists());
    }
}
