//! What the checks of validations found, over time: kept in `history.db` beside the index, and nowhere else. Nothing
//! depends on it but trends and what somebody is told.

use super::database::{Index, failed, json, unword, word};
use super::{StateFolder, StoreError};
use crate::model::{
    CheckId, Finding, Health, Measure, Occasion, PhaseId, PlanName, Span, Thresholds, Timestamp, Told,
};
use rusqlite::{Transaction, params};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So many results of one check of one phase.
    pub of_a_check: u32,
    /// So many results of all checks together.
    pub of_all: u32,
    /// So long.
    pub age: Span,
}

/// What is kept: an hourly check for a year, or thirty of them for nine months.
pub const FINDINGS: Limits =
    Limits { of_a_check: 10_000, of_all: 200_000, age: Span::seconds(400 * 24 * 60 * 60) };

/// Which results are wanted; all where nothing is stated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FindingFilter {
    /// Of this check.
    pub check: Option<CheckId>,
    /// Of this plan.
    pub plan: Option<PlanName>,
    /// From then on.
    pub since: Option<Timestamp>,
}

/// What was told, by plan, phase and check.
pub type ToldOf = BTreeMap<(PhaseId, CheckId), Told>;

impl StateFolder {
    /// Keeps what was found, in one transaction, and lets go of what is beyond the limits. A database that is missing,
    /// damaged or of an older version is made again first, where nobody else holds the state; what was there is moved
    /// aside, and `true` says so.
    ///
    /// # Errors
    /// [`StoreError::Database`] where it is in use or cannot be written. Nothing depends on what was to be kept.
    pub fn keep_findings(&self, findings: &[Finding], limits: Limits) -> Result<bool, StoreError> {
        self.in_index(|index| index.keep(findings, limits))
    }

    /// Results of validations, oldest first. Those of runs are in the journals.
    ///
    /// # Errors
    /// [`StoreError`] where there is a database, and it cannot be read.
    pub fn findings(&self, filter: &FindingFilter) -> Result<Vec<Finding>, StoreError> {
        let path = self.index_path();
        if path.symlink_metadata().is_err() {
            return Ok(Vec::new());
        }
        Index::open_to_read(&path)?.findings(filter)
    }

    /// What somebody was told last of the checks of a plan.
    ///
    /// # Errors
    /// [`StoreError`] where there is a database, and it cannot be read.
    pub fn told(&self, plan: &PlanName) -> Result<ToldOf, StoreError> {
        let path = self.index_path();
        if path.symlink_metadata().is_err() {
            return Ok(ToldOf::new());
        }
        let mut all = Index::open_to_read(&path)?.told()?;
        Ok(all.remove(plan).unwrap_or_default())
    }

    /// Remembers what somebody was told of these checks of a plan.
    ///
    /// # Errors
    /// As [`StateFolder::keep_findings`].
    pub fn keep_told(&self, plan: &PlanName, told: &ToldOf) -> Result<bool, StoreError> {
        self.in_index(|index| index.keep_told(plan, told))
    }

    /// Does something in the database, which is made where there is none. Where it was replaced meanwhile, it is done
    /// again in the one that took its place.
    fn in_index(
        &self,
        mut work: impl FnMut(&mut Index) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        let path = self.index_path();
        let number = || path.symlink_metadata().ok().map(|meta| meta.ino());
        let mut mended = false;
        if number().is_none() {
            self.rebuild_history()?;
        }
        for _ in 0..3 {
            let before = number();
            let done = Index::open_to_write(&path).and_then(|mut index| work(&mut index));
            match done {
                Ok(()) if number() == before => return Ok(mended),
                Ok(()) => {}
                Err(why) if why.is_busy() || mended => return Err(why),
                Err(why) => {
                    // A run that goes on makes it again itself when it ends.
                    let Ok(_lock) = self.lock("mending history.db") else { return Err(why) };
                    self.index_history()?;
                    mended = true;
                }
            }
        }
        Ok(mended)
    }
}

/// What only the database knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Held {
    findings: Vec<Finding>,
    told: BTreeMap<PlanName, ToldOf>,
}

impl Held {
    /// As much as can be read.
    pub(super) fn of(index: &Index) -> Self {
        let findings = index.findings(&FindingFilter::default()).unwrap_or_default();
        Self { findings, told: index.told().unwrap_or_default() }
    }
}

impl Index {
    fn write(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let path = self.path.clone();
        // The right to write is asked for at once: one that is asked for halfway is refused without waiting.
        let immediate = rusqlite::TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(immediate).map_err(failed(&path))?;
        work(&transaction).map_err(failed(&path))?;
        transaction.commit().map_err(failed(&path))
    }

    /// Puts what another one knew into this one.
    pub(super) fn take_over(&mut self, held: &Held) -> Result<(), StoreError> {
        self.write(|transaction| {
            held.findings.iter().try_for_each(|finding| insert(transaction, finding))?;
            held.told.iter().try_for_each(|(plan, told)| tell(transaction, plan, told))
        })
    }

    fn keep(&mut self, findings: &[Finding], limits: Limits) -> Result<(), StoreError> {
        self.write(|transaction| {
            let newest: Option<i64> =
                transaction.query_row("SELECT max(at) FROM findings", [], |row| row.get(0))?;
            findings.iter().try_for_each(|finding| insert(transaction, finding))?;
            forget(transaction, findings, newest, limits)
        })
    }

    fn keep_told(&mut self, plan: &PlanName, told: &ToldOf) -> Result<(), StoreError> {
        self.write(|transaction| tell(transaction, plan, told))
    }

    fn findings(&self, filter: &FindingFilter) -> Result<Vec<Finding>, StoreError> {
        let mut values = self
            .connection
            .prepare("SELECT field, value, unit, ruled FROM finding_values WHERE finding = ?1 ORDER BY place")
            .map_err(failed(&self.path))?;
        let mut statement = self
            .connection
            .prepare(
                "SELECT finding, at, occasion, plan, revision, phase, check_id, tags, outcome, counted, reason
                 FROM findings WHERE (?1 IS NULL OR check_id = ?1) AND (?2 IS NULL OR plan = ?2)
                 AND (?3 IS NULL OR at >= ?3) ORDER BY at, finding",
            )
            .map_err(failed(&self.path))?;
        let wanted = params![
            filter.check.as_ref().map(CheckId::as_str),
            filter.plan.as_ref().map(PlanName::as_str),
            filter.since.map(|since| since.0)
        ];
        let mut rows = statement.query(wanted).map_err(failed(&self.path))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed(&self.path))? {
            // What is not what was written is as good as none.
            let Ok(Some((number, mut finding))) = read(row) else { continue };
            let measures = values.query_map([number], |row| {
                let (field, value, unit) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Measure {
                    field,
                    value,
                    unit,
                    ruled: row.get::<_, i64>(3)? == 1,
                    thresholds: Thresholds::default(),
                })
            });
            finding.values = measures.map_err(failed(&self.path))?.filter_map(Result::ok).collect();
            found.push(finding);
        }
        Ok(found)
    }

    fn told(&self) -> Result<BTreeMap<PlanName, ToldOf>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT plan, phase, check_id, health, at, unknown FROM told")
            .map_err(failed(&self.path))?;
        let mut rows = statement.query([]).map_err(failed(&self.path))?;
        let mut told: BTreeMap<PlanName, ToldOf> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(failed(&self.path))? {
            if let Ok(Some((plan, phase, check, one))) = read_told(row) {
                told.entry(plan).or_default().insert((phase, check), one);
            }
        }
        Ok(told)
    }
}

fn insert(transaction: &Transaction<'_>, finding: &Finding) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO findings (at, occasion, plan, revision, phase, check_id, tags, outcome, counted, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            finding.at.0,
            word(&finding.occasion),
            finding.plan.as_str(),
            finding.revision,
            finding.phase.as_str(),
            finding.check.as_str(),
            json(&finding.tags),
            finding.outcome.word(),
            finding.counted.word(),
            finding.reason,
        ])?;
    let number = transaction.last_insert_rowid();
    for (place, measure) in (0_i64..).zip(&finding.values) {
        transaction.prepare_cached("INSERT INTO finding_values VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
            params![number, place, measure.field, measure.value, measure.unit, i64::from(measure.ruled)],
        )?;
    }
    Ok(())
}

/// Lets go of what is too old, and of the oldest where there is too much. A clock that is ahead for a while must not cost
/// all that was kept: the age is that before what was newest until now.
fn forget(
    transaction: &Transaction<'_>,
    fresh: &[Finding],
    newest: Option<i64>,
    limits: Limits,
) -> rusqlite::Result<()> {
    let now = fresh.iter().map(|finding| finding.at.0).max();
    if let (Some(now), Some(newest)) = (now, newest) {
        let age = i64::try_from(limits.age.0).unwrap_or(i64::MAX);
        transaction.execute("DELETE FROM findings WHERE at < ?1", [now.min(newest).saturating_sub(age)])?;
    }
    let mut checks: Vec<(&str, &str, &str)> = fresh
        .iter()
        .map(|finding| (finding.check.as_str(), finding.plan.as_str(), finding.phase.as_str()))
        .collect();
    checks.sort_unstable();
    checks.dedup();
    for (check, plan, phase) in checks {
        transaction
            .prepare_cached(
                "DELETE FROM findings WHERE finding IN (SELECT finding FROM findings
                 WHERE check_id = ?1 AND plan = ?2 AND phase = ?3 ORDER BY at DESC, finding DESC LIMIT -1 OFFSET ?4)",
            )?
            .execute(params![check, plan, phase, limits.of_a_check])?;
    }
    transaction.execute(
        "DELETE FROM findings WHERE finding IN
         (SELECT finding FROM findings ORDER BY at DESC, finding DESC LIMIT -1 OFFSET ?1)",
        [limits.of_all],
    )?;
    Ok(())
}

fn tell(transaction: &Transaction<'_>, plan: &PlanName, told: &ToldOf) -> rusqlite::Result<()> {
    for ((phase, check), one) in told {
        transaction.prepare_cached("INSERT OR REPLACE INTO told VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
            params![plan.as_str(), phase.as_str(), check.as_str(), one.health.word(), one.at.0, one.unknown],
        )?;
    }
    Ok(())
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<(i64, Finding)>> {
    let text = |at: usize| row.get::<_, String>(at);
    let occasion: Option<Occasion> = unword(&text(2)?);
    let names = (PlanName::new(text(3)?), PhaseId::new(text(5)?), CheckId::new(text(6)?));
    let (Some(occasion), (Ok(plan), Ok(phase), Ok(check))) = (occasion, names) else { return Ok(None) };
    let judged = (unword(&text(8)?), unword(&text(9)?), serde_json::from_str(&text(7)?));
    let (Some(outcome), Some(counted), Ok(tags)) = judged else { return Ok(None) };
    let finding = Finding {
        at: Timestamp(row.get(1)?),
        occasion,
        plan,
        revision: row.get(4)?,
        phase,
        generation: None,
        check,
        tags,
        outcome,
        counted,
        reason: row.get(10)?,
        values: Vec::new(),
    };
    Ok(Some((row.get(0)?, finding)))
}

type ReadTold = (PlanName, PhaseId, CheckId, Told);

fn read_told(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<ReadTold>> {
    let text = |at: usize| row.get::<_, String>(at);
    let names = (PlanName::new(text(0)?), PhaseId::new(text(1)?), CheckId::new(text(2)?));
    let health: Option<Health> = unword(&text(3)?);
    let (Ok(plan), Ok(phase), Ok(check)) = names else { return Ok(None) };
    let told = health.map(|health| (health, row.get(4), row.get(5)));
    let Some((health, at, unknown)) = told else { return Ok(None) };
    Ok(Some((plan, phase, check, Told { health, at: Timestamp(at?), unknown: unknown? })))
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
