//! History over all generations. The capsules are the truth; `history.db` spares reading them again, and nothing else.
//! Every row carries its own hash and the size and time of the journal it was made from: a row that does not fit is as
//! good as none, and its capsule is read.

use super::database::{self, Index, Row};
use super::summary::{header, summarise};
use super::{Journal, StateFolder, StoreError, capsule};
use crate::model::{
    GenerationNumber, HistoryLine, Item, PhaseEnd, PhaseId, PlanName, RunId, Showing, StepOutcome, counted,
};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Which lines are wanted; all where nothing is stated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryFilter {
    /// Of this plan.
    pub plan: Option<PlanName>,
    /// Of this run.
    pub run: Option<RunId>,
    /// Of this phase.
    pub phase: Option<PhaseId>,
    /// The newest so many.
    pub limit: Option<usize>,
}

impl HistoryFilter {
    fn wants(&self, line: &HistoryLine) -> bool {
        self.plan.as_ref().is_none_or(|plan| *plan == line.plan)
            && self.run.as_ref().is_none_or(|run| *run == line.run)
            && self.phase.as_ref().is_none_or(|phase| *phase == line.phase)
    }
}

/// What history says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// One line for each generation that began, oldest first.
    pub lines: Vec<HistoryLine>,
    /// Journals that cannot be read whole, and journals that hold less than they once did, by name.
    pub damage: Vec<Item>,
}

/// What a journal's file looks like from outside; a row made from it is good as long as this is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: i64,
    pub(super) changed: i64,
}

impl StateFolder {
    /// The history. Writes nothing; the same with and without an index.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the generations cannot be listed.
    pub fn history(&self, filter: &HistoryFilter) -> Result<History, StoreError> {
        let known = match crate::system::below::withheld() {
            // Nobody knows who wrote the one of a machine that does not run; the capsules say it all.
            Some(_) => Default::default(),
            None => {
                Index::open_to_read(&self.index_path()).and_then(|index| index.rows()).unwrap_or_default()
            }
        };
        let (rows, _) = self.gather(known)?;
        Ok(told(rows, filter))
    }

    /// Brings the index up to date, and makes it again where it is missing, damaged, foreign or newer; what was there
    /// is moved aside. Says how many generations were read. The history is the same without it.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Io`], [`StoreError::File`]; a run goes on without it.
    pub fn index_history(&self) -> Result<usize, StoreError> {
        let path = self.index_path();
        if path.symlink_metadata().is_err() {
            return self.rebuild_history();
        }
        let opened = Index::open_to_write(&path).and_then(|index| index.rows().map(|rows| (index, rows)));
        let (mut index, known) = match opened {
            Ok(opened) => opened,
            // Somebody writes it: it is no worse for that, and a later run brings it up to date.
            Err(why) if why.is_busy() => return Err(why),
            Err(_) => return self.make_index(&database::move_aside(&path)?),
        };
        let (rows, read) = self.gather(known)?;
        match index.replace(rows.iter().filter(|row| row.fresh), &rows) {
            Ok(()) => Ok(read),
            Err(why) if why.is_busy() => Err(why),
            Err(_) => {
                drop(index);
                self.make_index(&database::move_aside(&path)?)
            }
        }
    }

    /// Makes the index again from the capsules, in a file of its own, and puts it in place in one step.
    ///
    /// # Errors
    /// As [`StateFolder::index_history`]; the old index is then still there.
    pub fn rebuild_history(&self) -> Result<usize, StoreError> {
        self.make_index(&self.index_path())
    }

    /// Makes it again, with what only the old one knows.
    fn make_index(&self, old: &Path) -> Result<usize, StoreError> {
        let (rows, read) = self.gather(BTreeMap::new())?;
        database::write_whole(&self.index_path(), &rows, old)?;
        Ok(read)
    }

    /// One generation with everything that its capsule tells.
    ///
    /// # Errors
    /// [`StoreError::NoGeneration`]; [`StoreError::Unreadable`] where the journal does not even begin.
    pub fn showing(&self, number: GenerationNumber) -> Result<Showing, StoreError> {
        let capsule = self.capsule(number)?;
        let journal = capsule.journal()?;
        let plan = capsule.plan_given(&journal).ok();
        let phase = header(&journal.envelopes).and_then(|header| plan.as_ref()?.phase(&header.phase));
        let Some(summary) = summarise(&journal.envelopes, phase) else {
            return Err(StoreError::Unreadable {
                path: capsule.journal_path(),
                why: "it does not begin with a phase".to_owned(),
            });
        };
        let mut steps = summary.steps;
        for line in &mut steps {
            let badly = line.outcome.as_ref().is_some_and(StepOutcome::ended_badly);
            line.said = badly.then(|| capsule.last_words(&format!("{}-{}", line.part, line.step))).flatten();
        }
        Ok(Showing {
            line: summary.line,
            records: summary.records,
            changes: None,
            changed_back: capsule.changed_back(),
            steps,
            checks: summary.checks,
            items: summary.items,
            confirmed: summary.confirmed,
            evidence: capsule
                .evidence_names()
                .unwrap_or_default()
                .into_iter()
                .map(|name| format!("evidence/{name}"))
                .collect(),
            damage: capsule.damage(&journal),
            capsule: capsule.folder().display().to_string(),
        })
    }

    pub(super) fn index_path(&self) -> PathBuf {
        self.root().join("history.db")
    }

    /// A row for each generation: the known one where it still fits, else from the capsule. Says how many were read.
    fn gather(&self, mut known: BTreeMap<u32, Row>) -> Result<(Vec<Row>, usize), StoreError> {
        let mut rows = Vec::new();
        let mut read = 0;
        for number in self.generations()? {
            let path = self.generation_folder(number).join(capsule::JOURNAL);
            let stamp = path.metadata().ok().map(|meta| Stamp {
                size: i64::try_from(meta.len()).unwrap_or(i64::MAX),
                changed: meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec()),
            });
            let old = known.remove(&number.0);
            match (old, stamp) {
                (Some(row), Some(stamp)) if row.stamp == stamp => rows.push(row),
                (old, Some(stamp)) => {
                    read += 1;
                    rows.extend(read_row(number, &path, stamp, old.as_ref()));
                }
                (_, None) => rows.push(Row::lost(number, "it has no journal".to_owned())),
            }
        }
        Ok((rows, read))
    }
}

fn read_row(number: GenerationNumber, path: &Path, stamp: Stamp, old: Option<&Row>) -> Option<Row> {
    let journal = match Journal::read(path) {
        Ok(journal) => journal,
        Err(why) => return Some(Row::lost(number, why.to_string())),
    };
    if journal.last_seq == 0 && journal.damage.is_none() {
        // It never began.
        return None;
    }
    let mut damage = journal.damage.as_ref().map(|damage| format!("line {}: {}", damage.line, damage.why));
    // The longer chain wins; here it is the one that is gone.
    if let Some(old) = old
        && old.facts > journal.last_seq
    {
        damage.get_or_insert_with(|| {
            format!("{}, once it had {}", counted(journal.last_seq, "fact"), old.facts)
        });
    }
    match summarise(&journal.envelopes, None) {
        Some(summary) if summary.line.generation != number => {
            Some(Row::lost(number, format!("it is that of generation {}", summary.line.generation)))
        }
        Some(summary) => Some(Row::of(summary, &journal, stamp, damage)),
        None => {
            Some(Row::lost(number, damage.unwrap_or_else(|| "it does not begin with a phase".to_owned())))
        }
    }
}

fn told(rows: Vec<Row>, filter: &HistoryFilter) -> History {
    let mut history = History::default();
    let mut back: BTreeMap<GenerationNumber, PhaseEnd> = BTreeMap::new();
    for row in &rows {
        // Later generations come later, and so does what they say of earlier ones.
        back.extend(row.taken_back.iter().copied());
    }
    for row in rows {
        if let Some(why) = row.damage {
            history.damage.push(Item::new(format!("generation {} journal", row.generation), why));
        }
        let Some(mut line) = row.line else { continue };
        if let Some(end) = back.get(&line.generation) {
            line.end = Some(*end);
        }
        if filter.wants(&line) {
            history.lines.push(line);
        }
    }
    if let Some(limit) = filter.limit {
        let surplus = history.lines.len().saturating_sub(limit);
        history.lines.drain(..surplus);
    }
    history
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
