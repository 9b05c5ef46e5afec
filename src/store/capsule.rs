//! A capsule: the folder that holds one generation, with everything that is needed to go back to it.

use super::{Journal, JournalWriter, Redactor, SoFar, StoreError, evidence};
use crate::model::{Digest, Event, GenerationNumber, Item, Plan, SealedFile};
use crate::system::files::{self, Access};
use crate::system::guard::log_of;
use crate::system::sanitise::sanitise;
use nix::fcntl::{FallocateFlags, fallocate};
use std::cell::{Cell, OnceCell};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub(super) const JOURNAL: &str = "journal";
const PLAN_YAML: &str = "plan.yaml";
const PLAN_JSON: &str = "plan.json";
const PLAN_SUMS: &str = "plan.sha256";
const PROGRAM: &str = "switchback";
pub(super) const UNDO: &str = "UNDO";
const BALLAST: &str = "ballast";
const FOLDERS: [&str; 4] = ["layers", "originals", "evidence", "roots"];

/// Enough for the journal of a long way back: some three thousand facts.
const BALLAST_BYTES: u64 = 1024 * 1024;
/// A plan is at most 1 MiB of YAML; resolved, with the files that it installs, it may be much longer.
const LONGEST_PLAN: u64 = 256 * 1024 * 1024;
const LONGEST_SUMS: u64 = 4096;
/// How the names of the evidence begin that says what layers changed back.
const RESTORED: &str = "restored-layer";
/// So many characters of a program's last line are told.
const LAST_WORDS: usize = 300;
/// A log of the guards that is longer is cut to its beginning and its end.
const LONGEST_LOG: u64 = 2 * 1024 * 1024;

/// A plan as somebody approved it.
#[derive(Debug, Clone, PartialEq)]
pub struct Approved {
    /// The file's bytes as they were read.
    pub plan_yaml: Vec<u8>,
    /// What they mean, with every variable replaced.
    pub plan: Plan,
}

/// The folder of one generation.
#[derive(Debug)]
pub struct Capsule {
    folder: PathBuf,
    number: GenerationNumber,
    /// The program's hash, where this process has just computed it.
    program: Option<Digest>,
    /// Bytes of evidence, once they were counted.
    evidence: Cell<Option<u64>>,
    /// What is taken out of evidence, once it was asked for.
    redactor: OnceCell<Redactor>,
}

impl Capsule {
    pub(super) const fn at(folder: PathBuf, number: GenerationNumber, program: Option<Digest>) -> Self {
        Self { folder, number, program, evidence: Cell::new(None), redactor: OnceCell::new() }
    }

    /// Makes the folder and all that is known before the phase begins; durable but for its own entry above.
    pub(super) fn make(
        folder: PathBuf,
        number: GenerationNumber,
        approved: &Approved,
        program: &Digest,
        pinned: &Path,
    ) -> Result<Self, StoreError> {
        let json =
            serde_json::to_vec(&approved.plan).map_err(|why| StoreError::UnstorablePlan(why.to_string()))?;
        // What is executed on the way back is what is read from here: it must be what was approved.
        match serde_json::from_slice::<Plan>(&json) {
            Ok(plan) if plan == approved.plan => {}
            Ok(_) => return Err(StoreError::UnstorablePlan("it is read back as another plan".to_owned())),
            Err(why) => return Err(StoreError::UnstorablePlan(why.to_string())),
        }
        let make_folder =
            |path: &Path| DirBuilder::new().mode(0o700).create(path).map_err(StoreError::io("create", path));
        make_folder(&folder)?;
        for name in FOLDERS {
            make_folder(&folder.join(name))?;
        }
        let sums = format!(
            "{}  {PLAN_YAML}\n{}  {PLAN_JSON}\n",
            files::sha256_bytes(&approved.plan_yaml),
            files::sha256_bytes(&json)
        );
        for (name, bytes) in
            [(PLAN_YAML, approved.plan_yaml.as_slice()), (PLAN_JSON, &json), (PLAN_SUMS, sums.as_bytes())]
        {
            files::write_new(&folder.join(name), bytes, Access::PRIVATE)?;
        }
        let program_here = folder.join(PROGRAM);
        if fs::hard_link(pinned, &program_here).is_err() {
            // No hard links here, or too many of them: a copy does as well.
            copy_program(pinned, &program_here)?;
        }
        make_ballast(&folder.join(BALLAST))?;
        // The last name: all of them are durable with it.
        JournalWriter::create(&folder.join(JOURNAL))?;
        Ok(Self::at(folder, number, Some(program.clone())))
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> GenerationNumber {
        self.number
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where layers keep their manifests.
    #[must_use]
    pub fn layers_folder(&self) -> PathBuf {
        self.folder.join("layers")
    }

    /// Where saved bytes are kept, named by their SHA-256.
    #[must_use]
    pub fn originals_folder(&self) -> PathBuf {
        self.folder.join("originals")
    }

    /// Where roots of the Nix garbage collector are kept.
    #[must_use]
    pub fn roots_folder(&self) -> PathBuf {
        self.folder.join("roots")
    }

    /// Where outputs of steps and probes are kept.
    #[must_use]
    pub fn evidence_folder(&self) -> PathBuf {
        self.folder.join("evidence")
    }

    /// The program that was kept, for whoever must run it later.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.folder.join(PROGRAM)
    }

    /// Its journal's file.
    #[must_use]
    pub fn journal_path(&self) -> PathBuf {
        self.folder.join(JOURNAL)
    }

    /// Reads its journal.
    ///
    /// # Errors
    /// As [`Journal::read`].
    pub fn journal(&self) -> Result<Journal, StoreError> {
        Journal::read(&self.journal_path())
    }

    /// Opens its journal to go on.
    ///
    /// # Errors
    /// As [`JournalWriter::open`].
    pub fn writer(&self) -> Result<(JournalWriter, Journal), StoreError> {
        JournalWriter::open(&self.journal_path())
    }

    /// Opens its journal on the way back, after damage too.
    ///
    /// # Errors
    /// As [`JournalWriter::rescue`].
    pub fn rescue_writer(&self) -> Result<(JournalWriter, Journal), StoreError> {
        JournalWriter::rescue(&self.journal_path())
    }

    /// Completes the capsule: what to do by hand, and the hashes of what must not change. May be done again.
    ///
    /// # Errors
    /// [`StoreError::File`], [`StoreError::Changed`] where the plan is not the one that was approved.
    pub fn seal(&self, undo: &str) -> Result<Vec<SealedFile>, StoreError> {
        files::write_atomic(&self.folder.join(UNDO), undo.as_bytes(), Access::PRIVATE)?;
        let mut sealed = Vec::new();
        for name in [PLAN_YAML, PLAN_JSON, PROGRAM, UNDO] {
            let path = self.folder.join(name);
            let sha256 = match (&self.program, name) {
                (Some(digest), PROGRAM) => digest.clone(),
                (Some(_) | None, _) => files::sha256_file(&path)?,
            };
            self.agrees_with_sums(name, &sha256)?;
            sealed.push(SealedFile { name: name.to_owned(), sha256 });
        }
        Ok(sealed)
    }

    /// The resolved plan, checked against `plan.sha256` and, where the journal says that the capsule was sealed,
    /// against the hash that was sealed.
    ///
    /// # Errors
    /// [`StoreError::Changed`] and [`StoreError::Unreadable`], with the file.
    pub fn plan(&self) -> Result<Plan, StoreError> {
        self.plan_given(&self.journal()?)
    }

    /// As [`Capsule::plan`], for a journal that was read already.
    ///
    /// # Errors
    /// As [`Capsule::plan`].
    pub fn plan_given(&self, journal: &Journal) -> Result<Plan, StoreError> {
        let path = self.folder.join(PLAN_JSON);
        let bytes = files::read_bounded(&path, LONGEST_PLAN)?;
        let now = files::sha256_bytes(&bytes);
        self.agrees_with_sums(PLAN_JSON, &now)?;
        if let Some(file) = sealed(journal).iter().find(|file| file.name == PLAN_JSON)
            && file.sha256 != now
        {
            return Err(StoreError::Changed { path, now, recorded: file.sha256.clone() });
        }
        serde_json::from_slice(&bytes).map_err(|why| StoreError::Unreadable { path, why: why.to_string() })
    }

    /// The approved bytes.
    ///
    /// # Errors
    /// As [`Capsule::plan`].
    pub fn plan_yaml(&self) -> Result<Vec<u8>, StoreError> {
        let bytes = files::read_bounded(&self.folder.join(PLAN_YAML), LONGEST_PLAN)?;
        self.agrees_with_sums(PLAN_YAML, &files::sha256_bytes(&bytes))?;
        Ok(bytes)
    }

    /// What to do by hand; absent where the capsule was never sealed.
    #[must_use]
    pub fn undo_text(&self) -> Option<String> {
        let bytes = files::read_bounded(&self.folder.join(UNDO), LONGEST_PLAN).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Compares with `plan.sha256`, for the files that it names.
    fn agrees_with_sums(&self, name: &str, now: &Digest) -> Result<(), StoreError> {
        let path = self.folder.join(PLAN_SUMS);
        let sums = files::read_bounded(&path, LONGEST_SUMS)?;
        let sums = String::from_utf8_lossy(&sums);
        let stated = sums.lines().filter_map(|line| line.split_once("  ")).find(|(_, of)| *of == name);
        match stated {
            Some((hex, _)) if hex == now.0 => Ok(()),
            Some((hex, _)) => Err(StoreError::Changed {
                path: self.folder.join(name),
                now: now.clone(),
                recorded: Digest(hex.to_owned()),
            }),
            None if matches!(name, PLAN_YAML | PLAN_JSON) => {
                Err(StoreError::Unreadable { path, why: format!("it does not name {name}") })
            }
            None => Ok(()),
        }
    }

    /// Everything in the capsule that is not as it was written, by name. Reads all sealed files.
    #[must_use]
    pub fn damage(&self, journal: &Journal) -> Vec<Item> {
        let mut items = self.journal_damage(journal);
        for file in sealed(journal) {
            match files::sha256_file(&self.folder.join(&file.name)) {
                Ok(now) if now == file.sha256 => {}
                Ok(now) => items.push(Item::new(
                    file.name.clone(),
                    format!("sha256 is {}, sealed {}", now.short(), file.sha256.short()),
                )),
                Err(why) => items.push(Item::new(file.name.clone(), why.to_string())),
            }
        }
        if sealed(journal).is_empty()
            && let Err(why) = self.plan_given(journal)
        {
            items.push(Item::new(PLAN_JSON, why.to_string()));
        }
        items
    }

    /// What is not as it was written in the journal alone: cheap, since nothing else is read.
    #[must_use]
    pub fn journal_damage(&self, journal: &Journal) -> Vec<Item> {
        let mut items = Vec::new();
        if let Some(damage) = &journal.damage {
            items.push(Item::new(format!("{JOURNAL} line {}", damage.line), damage.why.clone()));
        }
        items.extend(
            journal
                .skipped
                .iter()
                .map(|fact| Item::new(format!("{JOURNAL} fact {}", fact.seq), fact.why.clone())),
        );
        for number in 1.. {
            let name = format!("{JOURNAL}.damaged-{number}");
            if self.folder.join(&name).symlink_metadata().is_err() {
                break;
            }
            items.push(Item::new(name, "the journal was damaged, and a way back went on without its end"));
        }
        items
    }

    /// Gives the preallocated bytes back, so that the way back can be recorded on a full disk. Says how many.
    ///
    /// # Errors
    /// [`StoreError::Io`] where it is there and cannot be removed.
    pub fn release_ballast(&self) -> Result<u64, StoreError> {
        let path = self.folder.join(BALLAST);
        let bytes = match path.symlink_metadata() {
            Ok(meta) => meta.len(),
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(why) => return Err(StoreError::io("read", &path)(why)),
        };
        // Cutting first: a file system that cannot change a folder when it is full can still free blocks.
        let cut = OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(0));
        let removed = fs::remove_file(&path);
        if cut.is_err() {
            removed.map_err(StoreError::io("remove", &path))?;
        }
        Ok(bytes)
    }

    /// Where the disk has hardly any room left: gives the preallocated bytes back before they are needed.
    pub fn make_room(&self) {
        let Ok(seen) = rustix::fs::statvfs(&self.folder) else { return };
        let free = seen.f_bavail.saturating_mul(seen.f_frsize);
        if free < 2 * BALLAST_BYTES || (seen.f_files > 0 && seen.f_favail < 16) {
            // What cannot be given back cannot help.
            let _ = self.release_ballast();
        }
    }

    /// Takes out of text what this plan says is secret, and what looks like it. Where the plan cannot be read, the latter
    /// alone.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        self.redactor.get_or_init(|| match (self.plan(), self.plan_yaml()) {
            (Ok(plan), Ok(text)) => Redactor::of(&plan, &String::from_utf8_lossy(&text)),
            (Ok(plan), Err(_)) => Redactor::of(&plan, ""),
            (Err(_), Ok(_) | Err(_)) => Redactor::default(),
        })
    }

    /// Keeps an output of a step or probe, without secrets, sanitised and bounded, under a safe name that is not taken. Not synced: it
    /// explains a decision and is no ground for one. Gives the name that it got.
    ///
    /// # Errors
    /// [`StoreError::EvidenceFull`], [`StoreError::Io`]; a run goes on without it.
    pub fn evidence(&self, name: &str, bytes: &[u8]) -> Result<String, StoreError> {
        evidence::keep(&self.evidence_folder(), &self.evidence, self.redactor(), name, bytes)
    }

    /// Begins to keep what a step prints while it runs.
    #[must_use]
    pub fn so_far(&self, name: &str) -> SoFar<'_> {
        SoFar::of(self, name.to_owned())
    }

    pub(super) fn evidence_file(&self, name: &str, length: usize) -> Result<(PathBuf, File), StoreError> {
        evidence::begin(&self.evidence_folder(), &self.evidence, name, length)
    }

    /// What its guards had to say, without secrets, sanitised and bounded; nothing where they said nothing.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn guard_log(&self) -> Result<Option<String>, StoreError> {
        let path = log_of(&self.folder);
        if path.symlink_metadata().is_ok_and(|seen| seen.len() > 0) {
            let said = evidence::ends(&path)?;
            Ok(Some(sanitise(&self.redactor().clean_apart(&said)).into_owned()))
        } else {
            Ok(None)
        }
    }

    /// Of a guard's log that has become long, keeps the beginning and the end.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the log is as long as it was then, or longer than it says.
    pub fn bound_guard_log(&self) -> Result<(), StoreError> {
        let path = log_of(&self.folder);
        if path.symlink_metadata().map_or(0, |seen| seen.len()) <= LONGEST_LOG {
            return Ok(());
        }
        let kept = evidence::ends(&path)?;
        // In its place: a guard that is at work goes on at its end.
        let io = |why| StoreError::io("write", &path)(why);
        let mut file = OpenOptions::new().write(true).open(&path).map_err(io)?;
        file.write_all(kept.as_bytes()).map_err(io)?;
        file.set_len(kept.len() as u64).map_err(io)
    }

    /// The names of what was kept, sorted.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn evidence_names(&self) -> Result<Vec<String>, StoreError> {
        evidence::names(&self.evidence_folder())
    }

    /// The newest pieces whose names begin so: of what was tried several times, the last.
    #[must_use]
    pub fn evidence_of(&self, stem: &str) -> Vec<String> {
        evidence::newest(&self.evidence_names().unwrap_or_default(), stem)
    }

    /// The last line that the program of this step printed, of its errors where it printed any.
    #[must_use]
    pub fn last_words(&self, stem: &str) -> Option<String> {
        let names = self.evidence_of(stem);
        let of = |end: &str| {
            let name = names.iter().find(|name| evidence::first_name(name).0.ends_with(end))?;
            let text = self.evidence_read(name).ok()?;
            let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
            last.map(|line| line.chars().take(LAST_WORDS).collect())
        };
        of(".err").or_else(|| of(".out"))
    }

    /// Keeps what a layer changed back, a line for each thing. It decides nothing, and may find no room.
    pub fn keep_changed_back(&self, layer: usize, lines: &str) {
        if !lines.is_empty() {
            let _ = self.evidence(&format!("{RESTORED}-{layer}"), lines.as_bytes());
        }
    }

    /// What its layers changed back, in the order in which they did.
    #[must_use]
    pub fn changed_back(&self) -> Vec<String> {
        let names = self.evidence_names().unwrap_or_default();
        let kept = names.iter().filter(|name| name.starts_with(RESTORED));
        let texts = kept.filter_map(|name| self.evidence_read(name).ok());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// What was kept under this name.
    ///
    /// # Errors
    /// [`StoreError::NoEvidence`], [`StoreError::Io`].
    pub fn evidence_read(&self, name: &str) -> Result<String, StoreError> {
        evidence::read(&self.evidence_folder(), name)
    }
}

/// The files that the journal says were sealed last.
fn sealed(journal: &Journal) -> &[SealedFile] {
    journal
        .envelopes
        .iter()
        .rev()
        .find_map(|envelope| match &envelope.event {
            Event::CapsuleSealed { files } => Some(files.as_slice()),
            _ => None,
        })
        .unwrap_or_default()
}

fn make_ballast(path: &Path) -> Result<(), StoreError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::io("create", path))?;
    let length = i64::try_from(BALLAST_BYTES).unwrap_or(i64::MAX);
    match fallocate(&file, FallocateFlags::empty(), 0, length) {
        Ok(()) => {}
        Err(nix::errno::Errno::EOPNOTSUPP) => {
            let block = vec![0xa5; 64 * 1024];
            for _ in 0..BALLAST_BYTES / block.len() as u64 {
                file.write_all(&block).map_err(StoreError::io("write", path))?;
            }
        }
        Err(why) => return Err(StoreError::io("reserve space for", path)(why.into())),
    }
    file.sync_all().map_err(StoreError::io("sync", path))
}

/// Copies a program, durable and executable for its owner alone, in one step.
pub(super) fn copy_program(from: &Path, to: &Path) -> Result<(), StoreError> {
    let folder = to.parent().unwrap_or(to);
    let temporary = folder.join(files::temporary_name());
    let copy = || -> Result<(), StoreError> {
        let mut source = File::open(from).map_err(StoreError::io("open", from))?;
        let mut target = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o700)
            .open(&temporary)
            .map_err(StoreError::io("create", &temporary))?;
        io::copy(&mut source, &mut target).map_err(StoreError::io("copy to", &temporary))?;
        target
            .set_permissions(fs::Permissions::from_mode(0o700))
            .map_err(StoreError::io("change the mode of", &temporary))?;
        target.sync_all().map_err(StoreError::io("sync", &temporary))?;
        fs::rename(&temporary, to).map_err(StoreError::io("replace", to))
    };
    copy().inspect_err(|_| {
        // The error that led here is the one to be told.
        let _ = fs::remove_file(&temporary);
    })?;
    Ok(files::sync_folder(folder)?)
}

#[cfg(test)]
#[path = "capsule_tests.rs"]
mod tests;
