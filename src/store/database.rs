//! `history.db`: SQLite as an index. Nobody outside `history` knows that it is there.

use super::history::Stamp;
use super::{Journal, StoreError, Summary, findings, free_name};
use crate::model::{CheckLine, GenerationNumber, HistoryLine, PhaseEnd, PhaseId, PlanName, RunId, Timestamp};
use crate::system::files::{self, Access};
use rusqlite::{Connection, OpenFlags, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `swbk`: what `file` shows of a database that is ours.
const APPLICATION: i32 = 0x7377_626b;
/// Raised with every change of the schema; another one is moved aside and the index made again.
const SCHEMA: i32 = 5;
/// Rollback journal and directory sync: the only settings that lost nothing in power cuts and can be read on a full
/// disk. Trusted schema off and cell checks on: the file may be damaged or not ours.
const SETTINGS: &str = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA foreign_keys=ON;";
const WRITING: &str = "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;";
/// For a new file, which is synced once, before it gets its name: until then a crash leaves nothing that anybody reads.
const WRITING_NEW: &str = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;";

/// One generation in the index.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) generation: GenerationNumber,
    pub(super) stamp: Stamp,
    /// How many facts its journal holds.
    pub(super) facts: u64,
    pub(super) line: Option<HistoryLine>,
    pub(super) taken_back: Vec<(GenerationNumber, PhaseEnd)>,
    pub(super) damage: Option<String>,
    /// Made from the capsule just now, and not yet in the index.
    pub(super) fresh: bool,
    head: String,
    digest: String,
    verdict: Option<String>,
    checks: Vec<CheckLine>,
}

impl Row {
    pub(super) fn of(summary: Summary, journal: &Journal, stamp: Stamp, damage: Option<String>) -> Self {
        Self {
            generation: summary.line.generation,
            stamp,
            facts: journal.last_seq,
            line: Some(summary.line),
            taken_back: summary.taken_back,
            damage,
            fresh: true,
            head: journal.head.as_str().to_owned(),
            digest: summary.digest.0,
            verdict: summary.verdict.map(|verdict| word(&verdict)),
            checks: summary.checks,
        }
    }

    /// A generation whose journal tells nothing; it is not put into the index.
    pub(super) fn lost(generation: GenerationNumber, why: String) -> Self {
        Self {
            generation,
            stamp: Stamp { size: -1, changed: 0 },
            facts: 0,
            line: None,
            taken_back: Vec::new(),
            damage: Some(why),
            fresh: false,
            head: String::new(),
            digest: String::new(),
            verdict: None,
            checks: Vec::new(),
        }
    }

    /// SQLite does not notice most flipped bits; this does.
    fn sum(&self) -> String {
        let all = (
            (self.generation, self.stamp.size, self.stamp.changed, self.facts),
            (&self.line, &self.taken_back, &self.damage),
            (&self.head, &self.digest, &self.verdict),
        );
        files::sha256_bytes(json(&all).as_bytes()).0
    }
}

/// An open index.
pub(super) struct Index {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

impl Index {
    /// Opens an index for reading. Never creates one.
    pub(super) fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, SETTINGS)
    }

    /// Opens an index that is there for writing.
    pub(super) fn open_to_write(path: &Path) -> Result<Self, StoreError> {
        let index = Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, &format!("{SETTINGS}{WRITING}"))?;
        let sound: String = index.ask("PRAGMA quick_check(1)")?;
        if sound == "ok" { Ok(index) } else { Err(index.foreign(sound)) }
    }

    fn open(path: &Path, mode: OpenFlags, settings: &str) -> Result<Self, StoreError> {
        let index = Self::connect(path, mode, settings)?;
        let application: i32 = index.ask("PRAGMA application_id")?;
        let schema: i32 = index.ask("PRAGMA user_version")?;
        if (application, schema) != (APPLICATION, SCHEMA) {
            return Err(index.foreign(format!("application {application:#x}, schema {schema}")));
        }
        Ok(index)
    }

    fn connect(path: &Path, mode: OpenFlags, settings: &str) -> Result<Self, StoreError> {
        if path.symlink_metadata().is_ok_and(|seen| !seen.is_file()) {
            // A pipe would keep whoever reads it waiting.
            return Err(StoreError::io("open", path)(std::io::ErrorKind::InvalidInput.into()));
        }
        let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(path, flags).map_err(failed(path))?;
        connection.busy_timeout(Duration::from_millis(500)).map_err(failed(path))?;
        connection.execute_batch(settings).map_err(failed(path))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    fn ask<T: rusqlite::types::FromSql>(&self, question: &str) -> Result<T, StoreError> {
        self.connection.query_row(question, [], |row| row.get(0)).map_err(failed(&self.path))
    }

    fn foreign(&self, why: String) -> StoreError {
        StoreError::Unreadable { path: self.path.clone(), why }
    }

    /// Every row that is what was written, by its number.
    pub(super) fn rows(&self) -> Result<BTreeMap<u32, Row>, StoreError> {
        let mut statement = self
            .connection
            .prepare(
                "SELECT generation, run, plan, revision, phase, began, last, phase_end, cause, layers, taken_back,
                 damage, facts, size, changed, head, digest, verdict, sum, left_over, resolved, accepted, decided,
                 hold FROM generations",
            )
            .map_err(failed(&self.path))?;
        let mut rows = BTreeMap::new();
        let mut found = statement.query([]).map_err(failed(&self.path))?;
        while let Some(row) = found.next().map_err(failed(&self.path))? {
            // A row that cannot be read, or is not what was written, is as good as none.
            if let Ok(Some((row, sum))) = read(row)
                && row.sum() == sum
            {
                rows.insert(row.generation.0, row);
            }
        }
        Ok(rows)
    }

    /// Puts these rows in, and takes out those that are not among `all`; in one transaction.
    pub(super) fn replace<'a>(
        &mut self,
        fresh: impl Iterator<Item = &'a Row>,
        all: &[Row],
    ) -> Result<(), StoreError> {
        let keep: BTreeSet<u32> =
            all.iter().filter(|row| row.line.is_some()).map(|row| row.generation.0).collect();
        let work = |transaction: &Transaction<'_>| -> rusqlite::Result<()> {
            let gone: Vec<u32> = transaction
                .prepare("SELECT generation FROM generations")?
                .query_map([], |row| row.get::<_, u32>(0))?
                .filter(|number| number.as_ref().is_ok_and(|number| !keep.contains(number)))
                .collect::<rusqlite::Result<_>>()?;
            for number in gone {
                transaction.execute("DELETE FROM generations WHERE generation = ?1", [number])?;
            }
            for row in fresh {
                write(transaction, row)?;
            }
            Ok(())
        };
        let transaction = self.connection.transaction().map_err(failed(&self.path))?;
        work(&transaction).map_err(failed(&self.path))?;
        transaction.commit().map_err(failed(&self.path))
    }
}

/// Writes a new index beside the old one and puts it in its place. What the old one alone knows is taken over.
pub(super) fn write_whole(path: &Path, rows: &[Row], old: &Path) -> Result<(), StoreError> {
    let temporary = path.with_file_name(files::temporary_name());
    // SQLite would give it the mode that the umask leaves.
    files::write_new_synced(&temporary, b"", Access::PRIVATE)?;
    let made = || -> Result<(), StoreError> {
        let settings = format!("{SETTINGS}{WRITING_NEW}");
        let mut index = Index::connect(&temporary, OpenFlags::SQLITE_OPEN_READ_WRITE, &settings)?;
        let begin = format!(
            "PRAGMA application_id={APPLICATION}; PRAGMA user_version={SCHEMA};{}",
            include_str!("schema.sql")
        );
        index.connection.execute_batch(&begin).map_err(failed(&temporary))?;
        index.replace(rows.iter().filter(|row| row.fresh), rows)?;
        // Of a damaged one, what can be read.
        let held = Index::open_to_read(old).map(|old| findings::Held::of(&old)).unwrap_or_default();
        index.take_over(&held)?;
        index.connection.close().map_err(|(_, why)| failed(&temporary)(why))?;
        files::sync_file(&temporary)?;
        // A journal of the old file would be played back into the new one.
        move_sidecars_aside(path)?;
        fs::rename(&temporary, path).map_err(StoreError::io("replace", path))?;
        Ok(files::sync_folder(path.parent().unwrap_or(path))?)
    };
    made().inspect_err(|_| {
        // The error that led here is the one to be told.
        let _ = fs::remove_file(&temporary);
    })
}

/// Keeps a database that is not ours to use as `history.db.aside-N`, its sidecars with it. Says where it is now.
pub(super) fn move_aside(path: &Path) -> Result<PathBuf, StoreError> {
    move_sidecars_aside(path)?;
    let aside = free_name(path, "aside");
    fs::rename(path, &aside).map_err(StoreError::io("move aside", path))?;
    Ok(aside)
}

fn move_sidecars_aside(path: &Path) -> Result<(), StoreError> {
    for end in ["-journal", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        let sidecar = PathBuf::from(name);
        if sidecar.symlink_metadata().is_ok() {
            fs::rename(&sidecar, free_name(&sidecar, "aside"))
                .map_err(StoreError::io("move aside", &sidecar))?;
        }
    }
    Ok(())
}

pub(super) fn failed(path: &Path) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { path: path.to_owned(), source }
}

/// What is stored has no maps with other keys than text, so that this cannot fail; empty text would not be read back.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The one word of an enum without content.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    json(value).trim_matches('"').to_owned()
}

pub(super) fn unword<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

fn write(transaction: &Transaction<'_>, row: &Row) -> rusqlite::Result<()> {
    let Some(line) = &row.line else { return Ok(()) };
    let number = row.generation.0;
    transaction.execute("DELETE FROM generations WHERE generation = ?1", [number])?;
    transaction
        .prepare_cached(
            "INSERT INTO generations (generation, run, plan, revision, phase, began, last, phase_end, cause, layers,
             taken_back, damage, facts, size, changed, head, digest, verdict, sum, left_over, resolved, accepted,
             decided, hold)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
             ?22, ?23, ?24)",
        )?
        .execute(params![
            number,
            line.run.as_str(),
            line.plan.as_str(),
            line.revision,
            line.phase.as_str(),
            line.began.0,
            line.last.0,
            line.end.map(|end| word(&end)),
            line.cause.as_ref().map(json),
            json(&line.layers),
            json(&row.taken_back),
            row.damage,
            i64::try_from(row.facts).unwrap_or(i64::MAX),
            row.stamp.size,
            row.stamp.changed,
            row.head,
            row.digest,
            row.verdict,
            row.sum(),
            json(&line.left),
            line.resolved.as_ref().map(json),
            json(&line.accepted),
            line.decided.map(|at| at.0),
            line.hold.as_ref().map(json),
        ])?;
    for (place, CheckLine { at, moment, report, .. }) in row.checks.iter().enumerate() {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        transaction
            .prepare_cached("INSERT INTO checks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
            .execute(params![
                number,
                place,
                at.0,
                word(moment),
                report.check.as_str(),
                report.outcome.word(),
                report.counted().word(),
                word(&report.severity),
                i64::try_from(report.took.0).unwrap_or(i64::MAX),
                json(&report.reasons),
            ])?;
        let observed = report.observed.iter().flat_map(|seen| &seen.0);
        for (field, value) in observed.filter_map(|(field, value)| Some((field, value.as_f64()?))) {
            transaction
                .prepare_cached("INSERT INTO measurements VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![number, place, field, value])?;
        }
    }
    Ok(())
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<(Row, String)>> {
    let text = |at: usize| row.get::<_, String>(at);
    let maybe = |at: usize| row.get::<_, Option<String>>(at);
    let (run, plan, phase, sum) = (text(1)?, text(2)?, text(4)?, text(18)?);
    let (Ok(run), Ok(plan), Ok(phase)) = (RunId::new(run), PlanName::new(plan), PhaseId::new(phase)) else {
        return Ok(None);
    };
    let generation = GenerationNumber(row.get(0)?);
    let parsed = (
        maybe(7)?.map(|end| unword(&end)),
        maybe(8)?.map(|cause| serde_json::from_str(&cause).ok()),
        serde_json::from_str(&text(9)?),
        serde_json::from_str(&text(10)?),
    );
    let (end @ (None | Some(Some(_))), cause @ (None | Some(Some(_))), Ok(layers), Ok(taken_back)) = parsed
    else {
        return Ok(None);
    };
    let resolved = maybe(20)?.map(|resolved| serde_json::from_str(&resolved).ok());
    let hold = maybe(23)?.map(|hold| serde_json::from_str(&hold).ok());
    let (Ok(left), Ok(accepted), resolved @ (None | Some(Some(_))), hold @ (None | Some(Some(_)))) =
        (serde_json::from_str(&text(19)?), serde_json::from_str(&text(21)?), resolved, hold)
    else {
        return Ok(None);
    };
    let line = HistoryLine {
        removed: None,
        stage: None,
        generation,
        run,
        plan,
        revision: row.get(3)?,
        phase,
        began: Timestamp(row.get(5)?),
        last: Timestamp(row.get(6)?),
        end: end.flatten(),
        cause: cause.flatten(),
        layers,
        left,
        accepted,
        hold: hold.flatten(),
        decided: row.get::<_, Option<i64>>(22)?.map(Timestamp),
        resolved: resolved.flatten(),
    };
    let read = Row {
        generation,
        stamp: Stamp { size: row.get(13)?, changed: row.get(14)? },
        facts: u64::try_from(row.get::<_, i64>(12)?).unwrap_or(0),
        line: Some(line),
        taken_back,
        damage: maybe(11)?,
        fresh: false,
        head: text(15)?,
        digest: text(16)?,
        verdict: maybe(17)?,
        checks: Vec::new(),
    };
    Ok(Some((read, sum)))
}
