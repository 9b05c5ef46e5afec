//! The journal of a generation: every fact durable before anything follows from it. Knows nothing of plans.

use super::format::{self, Hex, LONGEST_LINE, VERSION};
use super::head::{Head, HeadFile};
use super::{StoreError, free_name};
use crate::model::{Digest, Envelope, counted};
use crate::system::files::{self, Access};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A line that is not what was written, with more behind it, or that was there once and is not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Counts from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// A fact of a newer version that this program does not understand. Its bytes are those that were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its place.
    pub seq: u64,
    /// Why it is not understood.
    pub why: String,
}

/// What a journal says.
#[derive(Debug, Clone, PartialEq)]
pub struct Journal {
    /// The facts up to the first damage, oldest first.
    pub envelopes: Vec<Envelope>,
    /// The hash of the last good line; 64 zeros where there is none.
    pub head: Hex,
    /// The number of the last good line; 0 where there is none.
    pub last_seq: u64,
    /// Where it is damaged. What stands behind the damage is not used; nothing may go forward on it.
    pub damage: Option<Damage>,
    /// Whether the last line was cut off or never completed. It was never acknowledged and is no damage.
    pub torn: bool,
    /// The newest format found.
    pub version: u32,
    /// Facts of a newer version that were left out; nothing may go forward on them.
    pub skipped: Vec<Skipped>,
    /// Bytes up to the end of the last good line.
    pub length: u64,
}

impl Journal {
    /// Reads a journal. Damage is a value and not an error: what stands before it is used.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the file cannot be read at all.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        // First: what is durable while it is read may be more, and is never less.
        let head = Head::read(path);
        let file = files::open_plain(path).map_err(StoreError::io("open", path))?;
        scan(file, head, u64::MAX, LONGEST_LINE).map_err(StoreError::io("read", path))
    }

    /// Reads the first fact only; `None` where there is no good first line.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the file cannot be read at all.
    pub fn read_first(path: &Path) -> Result<Option<Envelope>, StoreError> {
        let file = files::open_plain(path).map_err(StoreError::io("open", path))?;
        let journal = scan(file, None, 1, LONGEST_LINE).map_err(StoreError::io("read", path))?;
        Ok(journal.envelopes.into_iter().next())
    }

    /// Whether there is a good first line. Says no where the file cannot be read.
    #[must_use]
    pub fn has_begun(path: &Path) -> bool {
        files::open_plain(path)
            .and_then(|file| scan(file, None, 1, LONGEST_LINE))
            .is_ok_and(|journal| journal.last_seq == 1)
    }

    /// Whether it is there and holds no acknowledged line: its generation was opened and never began.
    #[must_use]
    pub fn never_began(path: &Path) -> bool {
        let head = Head::read(path);
        files::open_plain(path)
            .and_then(|file| scan(file, head, 1, LONGEST_LINE))
            .is_ok_and(|journal| journal.last_seq == 0 && journal.damage.is_none())
    }

    /// Whether a run may go forward on it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] or [`StoreError::Newer`], with the path that was read.
    pub fn sound(&self, path: &Path) -> Result<(), StoreError> {
        if let Some(Damage { line, why }) = &self.damage {
            return Err(StoreError::Damaged { path: path.to_owned(), line: *line, why: why.clone() });
        }
        if self.version > VERSION {
            return Err(StoreError::Newer { path: path.to_owned(), found: self.version, known: VERSION });
        }
        Ok(())
    }

    const fn told(&self) -> Head {
        Head { seq: self.last_seq, hash: if self.last_seq == 0 { None } else { Some(self.head) } }
    }

    /// The hash of the last good line.
    #[must_use]
    pub fn head_digest(&self) -> Digest {
        Digest(self.head.as_str().to_owned())
    }
}

/// How a line ended.
enum Ending {
    Newline,
    File,
    Limit,
}

/// Reads at most so many facts, from lines that are no longer than `longest`, and compares them with the head.
fn scan(source: impl io::Read, head: Option<Head>, most: u64, longest: usize) -> io::Result<Journal> {
    let mut reader = BufReader::with_capacity(64 * 1024, source);
    let mut line = Vec::with_capacity(1024);
    let mut journal = Journal {
        envelopes: Vec::new(),
        head: Hex::GENESIS,
        last_seq: 0,
        damage: None,
        torn: false,
        version: 0,
        skipped: Vec::new(),
        length: 0,
    };
    let mut other = None;
    while journal.last_seq < most {
        line.clear();
        let fault = match next_line(&mut reader, &mut line, longest)? {
            Ending::File => {
                journal.torn = !line.is_empty();
                lost_end(&mut journal, head, other);
                break;
            }
            Ending::Limit => format!("it is longer than {longest} bytes"),
            Ending::Newline => {
                let length = line.len() as u64;
                line.pop();
                match accept(&mut journal, &mut line) {
                    Ok(()) => {
                        journal.length += length;
                        other = other.or_else(|| head.filter(|head| is_another(&journal, head)));
                        continue;
                    }
                    Err(why) => why,
                }
            }
        };
        // A power cut may leave blocks of the last batch that were never written. Any other whole line that is bad was
        // acknowledged once, the last one too.
        if line.contains(&0) && reader.fill_buf()?.is_empty() {
            journal.torn = true;
            lost_end(&mut journal, head, other);
        } else {
            journal.damage = Some(Damage { line: journal.last_seq + 1, why: fault });
        }
        break;
    }
    Ok(journal)
}

/// Whether the line that was just read is not the one that the head tells of.
fn is_another(journal: &Journal, head: &Head) -> bool {
    head.seq == journal.last_seq && head.hash.is_some_and(|hash| hash != journal.head)
}

/// The file is at its end: whether it was longer once. All that is there holds together and is used.
fn lost_end(journal: &mut Journal, head: Option<Head>, other: Option<Head>) {
    let why = match (head, other) {
        (Some(head), _) if head.seq > journal.last_seq => {
            format!("it is missing, and the head of the journal tells of {}", counted(head.seq, "fact"))
        }
        (_, Some(other)) => {
            format!("it is missing, and the head of the journal tells of another fact {}", other.seq)
        }
        (Some(_) | None, None) => return,
    };
    // What is torn then was acknowledged, or nobody knows whether it was.
    journal.torn = false;
    journal.damage = Some(Damage { line: journal.last_seq + 1, why });
}

fn accept(journal: &mut Journal, line: &mut [u8]) -> Result<(), String> {
    let decoded = format::decode(line, journal.last_seq + 1, &journal.head)?;
    match decoded.event {
        Ok(event) => journal.envelopes.push(Envelope { seq: decoded.seq, at: decoded.at, event }),
        Err(why) if decoded.version > VERSION => journal.skipped.push(Skipped { seq: decoded.seq, why }),
        Err(why) => return Err(format!("its fact is not understood: {why}")),
    }
    journal.version = journal.version.max(decoded.version);
    journal.last_seq = decoded.seq;
    journal.head = decoded.hash;
    Ok(())
}

fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>, longest: usize) -> io::Result<Ending> {
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
            Err(why) => return Err(why),
        };
        if available.is_empty() {
            return Ok(Ending::File);
        }
        let (taken, complete) = match available.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (available.len(), false),
        };
        line.extend_from_slice(&available[..taken]);
        reader.consume(taken);
        if line.len() > longest {
            return Ok(Ending::Limit);
        }
        if complete {
            return Ok(Ending::Newline);
        }
    }
}

/// Where the bytes of a journal go: a file, or in tests one that fails.
trait Sink: Write {
    fn sync(&mut self) -> io::Result<()>;
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Sink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Appends facts.
#[derive(Debug)]
pub struct JournalWriter<S = File> {
    path: PathBuf,
    sink: S,
    head: Hex,
    last_seq: u64,
    length: u64,
    longest: usize,
    failed: Option<String>,
    buffer: Vec<u8>,
    /// Where it is told how far the journal came.
    told: Option<HeadFile>,
}

impl JournalWriter {
    /// Creates an empty journal, durable in its folder.
    ///
    /// # Errors
    /// [`StoreError::Io`]; also where there is one already.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let told = HeadFile::create(path);
        files::write_new_synced(path, b"", Access::PRIVATE)?;
        Ok(Self { told, ..Self::at(path, Self::handle(path)?, Hex::GENESIS, 0, 0) })
    }

    /// Opens a journal to go on. A torn last line, which was never acknowledged, is cut off; nothing else is.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] and [`StoreError::Newer`]: it is not written, see [`JournalWriter::rescue`].
    pub fn open(path: &Path) -> Result<(Self, Journal), StoreError> {
        let journal = Journal::read(path)?;
        journal.sound(path)?;
        let file = Self::handle(path)?;
        if journal.torn {
            file.set_len(journal.length).map_err(StoreError::io("cut the torn line off", path))?;
        }
        // What was read may never have been synced by the runner that is gone, and we are about to act on it.
        file.sync_all().map_err(StoreError::io("sync", path))?;
        let told = HeadFile::open(path, journal.told());
        Ok((Self { told, ..Self::at(path, file, journal.head, journal.last_seq, journal.length) }, journal))
    }

    /// For the way back only: goes on after damage, or after facts of a newer version. The journal as it was found is
    /// kept beside it as `journal.damaged-N`; the facts before the damage begin the new one. Until the first fact is
    /// appended it is still damaged.
    ///
    /// # Errors
    /// [`StoreError::Io`]; then nothing is changed.
    pub fn rescue(path: &Path) -> Result<(Self, Journal), StoreError> {
        let journal = Journal::read(path)?;
        if journal.sound(path).is_ok() {
            return Self::open(path);
        }
        let aside = free_name(path, "damaged");
        std::fs::hard_link(path, &aside).map_err(StoreError::io("keep the damaged journal as", &aside))?;
        if journal.damage.is_some() {
            // Until something stands behind what is kept, it has lost its end.
            HeadFile::replace(path, Head { seq: journal.last_seq + 1, hash: None })?;
        }
        let mut bytes = Vec::new();
        let good = File::open(path).map_err(StoreError::io("open", path))?;
        io::Read::read_to_end(&mut io::Read::take(good, journal.length), &mut bytes)
            .map_err(StoreError::io("read", path))?;
        files::write_atomic(path, &bytes, Access::PRIVATE)?;
        let writer = Self::at(path, Self::handle(path)?, journal.head, journal.last_seq, journal.length);
        Ok((Self { told: HeadFile::open(path, journal.told()), ..writer }, journal))
    }

    fn handle(path: &Path) -> Result<File, StoreError> {
        OpenOptions::new()
            .append(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)
            .map_err(StoreError::io("open", path))
    }
}

impl<S> JournalWriter<S> {
    fn at(path: &Path, sink: S, head: Hex, last_seq: u64, length: u64) -> Self {
        Self {
            path: path.to_owned(),
            sink,
            head,
            last_seq,
            length,
            longest: LONGEST_LINE,
            failed: None,
            buffer: Vec::new(),
            told: None,
        }
    }

    /// The number that the next fact must have.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.last_seq + 1
    }

    /// The hash of the last durable line.
    #[must_use]
    pub fn head(&self) -> Digest {
        Digest(self.head.as_str().to_owned())
    }

    /// The journal's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[expect(private_bounds, reason = "only files and the tests' failing sinks are written to")]
impl<S: Sink> JournalWriter<S> {
    /// Appends facts with one write and one sync. They are durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::Full`]: nothing was appended and the same batch may be tried again once there is space (see
    /// `Capsule::release_ballast`). [`StoreError::OutOfOrder`], [`StoreError::Unstorable`]: nothing was appended.
    /// [`StoreError::Io`], and from then on [`StoreError::Poisoned`]: it is not known what is durable.
    pub fn append(&mut self, batch: &[Envelope]) -> Result<(), StoreError> {
        if let Some(why) = &self.failed {
            return Err(StoreError::Poisoned { path: self.path.clone(), why: why.clone() });
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.buffer.clear();
        let (mut head, mut seq) = (self.head, self.last_seq);
        for envelope in batch {
            seq += 1;
            if envelope.seq != seq {
                return Err(StoreError::OutOfOrder { expected: seq, got: envelope.seq });
            }
            head = format::encode(&mut self.buffer, envelope, &head, self.longest)
                .map_err(|why| StoreError::Unstorable { seq, why })?;
        }
        // `write_all` goes on after short writes and interruptions.
        if let Err(source) = self.sink.write_all(&self.buffer) {
            return Err(self.not_written(source));
        }
        if let Err(source) = self.sink.sync() {
            // The kernel marks pages clean after a failed sync: a second one would succeed and prove nothing.
            return Err(self.poison("sync", source));
        }
        (self.head, self.last_seq) = (head, seq);
        self.length += self.buffer.len() as u64;
        if let Some(told) = &mut self.told {
            told.note(Head { seq, hash: Some(head) });
        }
        Ok(())
    }

    fn not_written(&mut self, source: io::Error) -> StoreError {
        let full = matches!(source.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG));
        if !full {
            return self.poison("write", source);
        }
        match self.sink.cut(self.length) {
            Ok(()) => StoreError::Full { path: self.path.clone(), bytes: self.buffer.len(), source },
            Err(cut) => self.poison("cut the torn line off", cut),
        }
    }

    fn poison(&mut self, what: &'static str, source: io::Error) -> StoreError {
        // What was not acknowledged must not be believed later; where even this fails, the error stands.
        let _ = self.sink.cut(self.length);
        self.failed = Some(format!("{what}: {source}"));
        StoreError::Io { what, path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests;
