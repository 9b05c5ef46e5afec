//! The journal, recorded: as `journalctl` prints it in any of its formats, as a kernel log, or as syslog wrote it.
//! Read as it comes: memory does not grow with its length.

pub(in crate::check) mod export;
pub(in crate::check) mod faults;
mod json;
mod named;
pub(in crate::check) mod speaker;
mod verbose;
mod xid;

use super::refusal::is_missing;
use crate::check::ProbeError;
use crate::model::Observation;
use export::Export;
use faults::Faults;
use json::{Assembly, Entry, Piece};
use regex::bytes::Regex as Bytes;
use serde::Serialize;
use serde_json::Value;
use speaker::{Last, Speaker};
use std::borrow::Cow;
use std::io::BufRead;
use std::sync::LazyLock;
use verbose::Verbose;

/// Read at once, in bytes.
const CHUNK: usize = 256 * 1024;
/// Longest line that is looked at, in bytes; of a longer one the beginning.
const LONGEST: usize = 1 << 20;
/// Most entries whose messages are listed; they are counted and looked at all the same.
const LISTED: usize = 1000;
/// The reader's own name.
pub(super) const NAME: &str = "journal";
/// How much of the beginning tells of what tool it is, in bytes.
const SAMPLE: usize = 16 * 1024;
/// Characters kept of a message that is listed.
const MESSAGE: usize = 4096;

/// How the journal was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// `--output=json` and its kin.
    Json,
    /// `--output=export`.
    Export,
    /// `--output=verbose`.
    Verbose,
}

/// The messages themselves, where the format tells fields apart.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Listed {
    messages: Vec<Option<String>>,
    priorities: Vec<Option<u8>>,
    identifiers: Vec<Option<String>>,
}

/// What a recorded journal says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Recorded {
    format: Format,
    /// Entries; of a text for people, lines that are not a continuation of another.
    entries: u64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    listed: Option<Listed>,
    #[serde(flatten)]
    faults: Faults,
    /// Why there is nothing to read, or not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// The line that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_text: Option<String>,
    /// Whether nothing is cut: no line by a pager, no entry in its middle; nothing was withheld, and nobody says that
    /// messages were lost.
    complete: bool,
    /// Something in it can only be of a journal or of a kernel log.
    #[serde(skip)]
    own: bool,
    /// The boot of the last entry.
    #[serde(skip)]
    boot: Vec<u8>,
}

/// Why the journal could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Failure {
    /// `journalctl` or `dmesg` itself could not be started.
    NotStarted,
    /// Whoever asked may not, or sees a part of it only.
    InsufficientPermissions,
    /// There is no journal.
    NoJournal,
    /// A file of the journal is damaged, and what it holds is passed over.
    Damaged,
    /// The tool says something else.
    Failed,
}

impl Failure {
    /// What a line says that no entry is.
    fn of(line: &[u8]) -> Option<Self> {
        if line.len() > 400 || !COMPLAINING.is_match(line) {
            return None;
        }
        let text = String::from_utf8_lossy(line);
        let bare = text.trim_start_matches(['>', '|', ' ', '\t']);
        let bare = bare.strip_prefix("journalctl: ").unwrap_or(bare);
        if bare.starts_with("No journal files were opened due to insufficient permissions")
            || bare.starts_with("Hint: You are currently not seeing messages from")
            || bare.starts_with("dmesg: read kernel buffer failed: Operation not permitted")
            || bare.starts_with("dmesg: klogctl: Operation not permitted")
        {
            return Some(Self::InsufficientPermissions);
        }
        if bare.starts_with("No journal files were found") || bare.starts_with("No journal boot entry found")
        {
            return Some(Self::NoJournal);
        }
        let passed_over =
            ["ignoring file", "corrupted", "is truncated"].iter().any(|part| bare.contains(part));
        if (bare.starts_with("Journal file ") && passed_over)
            || DAMAGED.iter().any(|start| bare.starts_with(start))
        {
            return Some(Self::Damaged);
        }
        if TROUBLE.iter().any(|start| bare.starts_with(start)) {
            return Some(Self::Failed);
        }
        let missing = ["journalctl", "dmesg"]
            .iter()
            .any(|tool| memchr::memmem::find(line, tool.as_bytes()).is_some() && is_missing(&text, tool));
        missing.then_some(Self::NotStarted)
    }
}

/// Nearly no line has any of this, and is not looked at any further.
#[expect(clippy::expect_used, reason = "a constant, and the tests use it")]
static COMPLAINING: LazyLock<Bytes> = LazyLock::new(|| {
    Bytes::new(
        "journalctl|dmesg|No journal |You are currently not|Failed to |Error w|Journal file |Data from the ",
    )
    .expect("a constant pattern")
});

/// How journalctl and dmesg begin to tell that they give up.
const TROUBLE: [&str; 16] = [
    "Failed to open journal",
    "Failed to open files",
    "Failed to open root directory",
    "Failed to open system journal",
    "Failed to open user journal",
    "Failed to get journal",
    "Failed to seek to",
    "Failed to search journal",
    "Failed to add match",
    "Failed to add filter",
    "Failed to parse timestamp",
    "Failed to look up boot",
    "Error was encountered while opening journal",
    "Data from the specified boot",
    "Failed to get realtime timestamp",
    "dmesg: read kernel buffer failed",
];

/// How journalctl begins to tell of what it cannot read, and then goes on.
const DAMAGED: [&str; 3] = [
    "Journal file corruption detected",
    "Failed to iterate through journal",
    "Error while moving to the next entry",
];

/// What `less` and `more` put below a screen.
#[expect(clippy::expect_used, reason = "a constant, and the tests use it")]
static PAGER: LazyLock<Bytes> = LazyLock::new(|| {
    Bytes::new(r"^(?:lines \d+-\d+(?:/\d+)?(?: \(END\)| \d+%)?|\(END\)|--More--(?:\(\d+%\))?)$")
        .expect("a constant pattern")
});

/// Reads a journal to its end.
pub(super) fn read(from: &mut dyn BufRead) -> Result<Observation, ProbeError> {
    let mut chunk = vec![0; CHUNK];
    let mut filled = fill(from, &mut chunk)?;
    let mut recorded = Recorded { complete: true, ..Recorded::default() };
    let beginning = chunk.get(..filled.min(SAMPLE)).unwrap_or_default().to_vec();
    if is_export(chunk.get(..filled).unwrap_or_default()) {
        recorded.format = Format::Export;
        let mut export = Export::default();
        while filled > 0 {
            export.take(chunk.get(..filled).unwrap_or_default(), &mut |entry| recorded.exported(entry));
            filled = fill(from, &mut chunk)?;
        }
        recorded.complete = export.finish(&mut |entry| recorded.exported(entry));
    } else {
        let mut lines = Lines::default();
        let mut reading = Reading::default();
        while filled > 0 {
            lines
                .take(chunk.get(..filled).unwrap_or_default(), &mut |line| recorded.line(line, &mut reading));
            filled = fill(from, &mut chunk)?;
        }
        let ends = lines.open.is_empty();
        lines.finish(&mut |line| recorded.line(line, &mut reading));
        // Every line of a log ends; of an object its own end tells.
        recorded.complete &= ends || recorded.format == Format::Json;
        let Reading { assembly, verbose, mut last } = reading;
        recorded.complete &= assembly.finish(&mut |piece| recorded.piece(piece, &mut last));
        verbose.finish(&mut |entry| recorded.entry(entry, Format::Verbose));
    }
    if !recorded.is_known() {
        let text = String::from_utf8_lossy(&beginning);
        let is_text = !text
            .contains(|c: char| c == '\u{fffd}' || (c.is_control() && !c.is_whitespace() && c != '\u{1b}'));
        if !is_text || super::another(&text).is_some() {
            return Err(super::foreign(NAME, &text));
        }
        // Messages alone, as `--output=cat` prints them, look like anything else.
        recorded.complete = false;
    }
    recorded.complete &= !recorded.faults.lacks();
    Ok(super::observation(&recorded))
}

/// What is open while lines are read.
#[derive(Debug, Default)]
struct Reading {
    assembly: Assembly,
    verbose: Verbose,
    last: Last,
}

/// Fills the chunk, or as much of it as there is: the format is told by the beginning.
fn fill(from: &mut dyn BufRead, chunk: &mut [u8]) -> Result<usize, ProbeError> {
    let mut filled = 0;
    while let Some(room) = chunk.get_mut(filled..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
            Err(why) => {
                return Err(ProbeError::Unreadable { what: "the journal".to_owned(), why: why.to_string() });
            }
        }
    }
    Ok(filled)
}

/// Whether it begins with a field of an entry, as an export does and no log for people. What journalctl says to the
/// person may stand before.
fn is_export(beginning: &[u8]) -> bool {
    let said = |line: &&[u8]| {
        let bare = line.trim_ascii();
        bare.is_empty()
            || [&b"-- "[..], b"Hint: ", b"Warning: ", b"$ ", b"# "]
                .iter()
                .any(|start| bare.starts_with(start))
            || line.starts_with(b"      ")
    };
    let mut lines = beginning.split(|byte| *byte == b'\n').skip_while(said);
    let text = lines.next().unwrap_or_default();
    let name =
        text.iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b'_').count();
    name > 2 && text.get(name) == Some(&b'=') && (text.starts_with(b"_") || text.starts_with(b"MESSAGE="))
}

/// A field that is there.
fn some(field: &[u8]) -> Option<&[u8]> {
    (!field.is_empty()).then_some(field)
}

impl Recorded {
    /// The entry belongs to this boot.
    fn of_boot(&mut self, boot: &[u8]) {
        if !boot.is_empty() && self.boot != boot {
            if !self.boot.is_empty() {
                self.faults.booted();
            }
            self.boot.clear();
            self.boot.extend_from_slice(boot.get(..64).unwrap_or(boot));
        }
    }

    /// Whether something in it can only be of a journal or of a kernel log.
    fn is_known(&self) -> bool {
        self.own || self.listed.is_some() || self.failure.is_some() || self.faults != Faults::default()
    }

    fn exported(&mut self, entry: &export::Entry) {
        self.of_boot(&entry.boot);
        let speaker = Speaker::of_fields(some(&entry.transport), some(&entry.identifier));
        self.faults.note(speaker, &entry.message);
        let text = |bytes: &[u8]| -> Option<String> {
            some(bytes).map(|bytes| String::from_utf8_lossy(bytes).chars().take(MESSAGE).collect())
        };
        self.entries += 1;
        let listed = self.listed.get_or_insert_default();
        if listed.messages.len() < LISTED {
            listed.messages.push(text(&entry.message));
            listed.priorities.push(entry.priority);
            listed.identifiers.push(text(&entry.identifier));
        }
    }

    fn line(&mut self, line: &[u8], reading: &mut Reading) {
        let line = undressed(line);
        let Reading { assembly, verbose, last } = reading;
        if verbose.take(&line, &mut |entry| self.entry(entry, Format::Verbose))
            || assembly.take(&line, &mut |piece| self.piece(piece, last))
        {
            return;
        }
        self.text(&line, last);
    }

    fn piece(&mut self, piece: Piece<'_>, last: &mut Last) {
        match piece {
            Piece::Entry(entry) => self.entry(entry, Format::Json),
            Piece::Line(line) => self.text(line, last),
        }
    }

    /// A line for people.
    fn text(&mut self, line: &[u8], last: &mut Last) {
        if let Some(message) = in_object(line) {
            self.entries += u64::from(self.format == Format::Text);
            self.own = true;
            return self.faults.note(Speaker::Unknown, message.as_bytes());
        }
        last.keep(line);
        let bare = line.trim_ascii();
        let unquoted = bare.trim_ascii_start().strip_prefix(b"> ").unwrap_or(bare);
        if Faults::may_tell(line) {
            let (speaker, message) = last.speaker(line);
            self.faults.note(speaker, message);
        }
        self.own = self.own || unquoted.starts_with(b"-- ") || speaker::heading(line).is_some();
        if unquoted.starts_with(b"-- Boot ") || unquoted == b"-- Reboot --" {
            self.faults.booted();
        }
        let marks = unquoted.starts_with(b"-- ") || [&b"["[..], b"]", b"{", b"}", b"},{"].contains(&bare);
        let continues = line.first().is_none_or(u8::is_ascii_whitespace);
        if marks || continues || is_pagers(unquoted) {
            // None of these is an entry.
        } else if let Some(failure) = Failure::of(line) {
            self.complete = false;
            self.failure.get_or_insert(failure);
            self.error_text.get_or_insert_with(|| String::from_utf8_lossy(unquoted).into_owned());
        } else if self.format == Format::Text {
            self.entries += 1;
        }
        // A pager marks a line that goes on beyond the screen.
        if bare.len() > 20 && bare.ends_with(b">") && !bare.contains(&b'<') {
            self.complete = false;
        }
    }

    fn entry(&mut self, entry: Entry, format: Format) {
        if self.format != format {
            self.format = format;
            self.entries = 0;
        }
        self.entries += 1;
        self.of_boot(entry.boot.as_deref().unwrap_or_default().as_bytes());
        if let Some(message) = &entry.message {
            let transport = entry.transport.as_deref().map(str::as_bytes);
            let speaker = Speaker::of_fields(transport, entry.identifier.as_deref().map(str::as_bytes));
            self.faults.note(speaker, message.as_bytes());
        }
        let listed = self.listed.get_or_insert_default();
        if listed.messages.len() < LISTED {
            let short = |text: String| text.chars().take(MESSAGE).collect();
            listed.messages.push(entry.message.map(short));
            listed.priorities.push(entry.priority);
            listed.identifiers.push(entry.identifier.map(short));
        }
    }
}

/// `lines 1-2/2 (END)`
fn is_pagers(line: &[u8]) -> bool {
    line.len() < 64
        && [&b"lines "[..], b"(END)", b"--More--"].iter().any(|start| line.starts_with(start))
        && PAGER.is_match(line)
}

/// `"msg": "..."`: a line of `dmesg --json`.
fn in_object(line: &[u8]) -> Option<String> {
    let text = line.trim_ascii().strip_prefix(b"\"msg\":")?.trim_ascii();
    serde_json::from_slice(text.strip_suffix(b",").unwrap_or(text)).ok()
}

/// A line without colours and carriage returns.
fn undressed(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.contains(&b'\x1b') {
        let text = String::from_utf8_lossy(line);
        Cow::Owned(console::strip_ansi_codes(&text).into_owned().into_bytes())
    } else {
        Cow::Borrowed(line)
    }
}

/// Cuts a stream into lines, of which the longest are cut themselves.
#[derive(Debug, Default)]
pub(in crate::check) struct Lines {
    /// The beginning of a line whose end has not been read.
    open: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes, and tells each line that ends in them, without its end.
    pub(in crate::check) fn take(&mut self, chunk: &[u8], tell: &mut dyn FnMut(&[u8])) {
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            if self.open.is_empty() {
                tell(line.get(..LONGEST).unwrap_or(line));
            } else {
                self.extend(line);
                tell(&self.open);
                self.open.clear();
            }
            rest = after.get(1..).unwrap_or_default();
        }
        self.extend(rest);
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LONGEST - self.open.len();
        self.open.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Tells the line that has no end.
    pub(in crate::check) fn finish(self, tell: &mut dyn FnMut(&[u8])) {
        if !self.open.is_empty() {
            tell(&self.open);
        }
    }
}

/// A field as text: journalctl gives bytes that are no UTF-8 as a list of numbers, a repeated field as a list, and a
/// field that it holds to be too long as null.
fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(list) => {
            let bytes: Option<Vec<u8>> =
                list.iter().map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            match bytes {
                Some(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                None => list.into_iter().next().and_then(text_of),
            }
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
