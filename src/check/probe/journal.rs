//! `journal`: what was logged, grouped by kind. A kind is a message without what differs from time to time:
//! addresses, process numbers, times, counts. So "nothing new" can be said of messages.
//!
//! journald selects (cursor, priority, units, identifiers, fields) and `journalctl` prints the cheapest of its formats
//! that names who spoke: `short-unix` takes three quarters of the time of `export` and a quarter of `json`. It is read
//! as it comes, in constant memory.

mod kinds;
mod lost;
mod reach;
mod short;
mod tally;

use super::{Circumstances, Given, Looking, Need, booted, last_line, process_end, status, tool, whole};
use crate::check::ProbeError;
use crate::check::reader::journal::speaker::Speaker;
use crate::model::{CRASH_FIELDS, CommandLine, Ignored, Manager, Observation, Probe, Span, Timestamp, Value};
use crate::system::clock;
use crate::system::process::Ended;
use lost::Asked;
use reach::{Reach, reach};
use regex::bytes::{Regex, RegexSet};
use short::Short;
use std::path::{Path, PathBuf};
use tally::Tally;

/// Most that is kept of what the first questions are answered with, in bytes: journald allows a hundred files.
const KEPT: usize = 1 << 20;
/// How far the first entry of a boot may lie from its beginning, in milliseconds.
const BOOTING: i64 = 120_000;
/// What is asked of the journal, and what is left out of the answer.
#[derive(Debug)]
pub(super) struct Filter {
    /// The journal of whom, and where it lies.
    place: Vec<String>,
    /// What is selected.
    select: Vec<String>,
    begin: Begin,
    matches: Option<Regex>,
    ignore: RegexSet,
    asked: Asked,
    /// Whether messages of all users belong to the answer.
    whole: bool,
    /// Nothing older is asked for; nothing where all is.
    from: Option<Timestamp>,
    /// Where the phase has begun: what came before this boot is asked for as well.
    in_phase: bool,
    /// What tells whether the kernel speaks of faults of programs at all; nothing where it is not asked.
    exception_trace: Option<PathBuf>,
}

/// Where a reading begins.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Begin {
    /// After the entry that the baseline ended with, if it is still there.
    Cursor(String),
    /// At a time.
    Since(Timestamp),
    /// With this boot.
    Boot,
    /// With the first entry that there is.
    All,
}

impl Begin {
    /// As journalctl takes it. It skips an entry behind `--after-cursor` whether or not that is the one meant; so it is
    /// asked for only where it is known to be there.
    fn flag(&self, after: bool) -> Option<String> {
        match self {
            Self::Cursor(cursor) if after => Some(format!("--after-cursor={cursor}")),
            Self::Cursor(cursor) => Some(format!("--cursor={cursor}")),
            Self::Since(at) => Some(format!("--since={}", epoch(*at))),
            Self::Boot => Some("--boot".to_owned()),
            Self::All => None,
        }
    }
}

impl Filter {
    /// The filter of a journal probe. Where the phase has begun, only what came after the baseline counts: after its
    /// cursor, else after the phase's beginning. Before that, `since`, else this boot, else all of a folder.
    pub(super) fn of(probe: &Probe, around: Circumstances<'_>) -> Result<Self, ProbeError> {
        let Probe::Journal {
            priority,
            units,
            identifiers,
            fields,
            matches,
            ignore,
            since,
            manager,
            kernel,
            folder,
        } = probe
        else {
            return Err(malformed("a journal probe", "this is another probe"));
        };
        let user = *manager == Manager::User;
        let mut place = Vec::new();
        if user {
            place.push("--user".to_owned());
        }
        if let Some(folder) = folder {
            place.push(format!("--directory={}", folder.display()));
        }
        let mut select = vec![format!("--priority={priority}")];
        let flag = if user { "--user-unit" } else { "--unit" };
        select.extend(units.iter().map(|unit| format!("{flag}={unit}")));
        select.extend(identifiers.iter().map(|name| format!("--identifier={name}")));
        // Not `--dmesg`: that asks for this boot only, and a phase may go on behind a reboot.
        select.extend(kernel.then(|| "_TRANSPORT=kernel".to_owned()));
        select.extend(fields.iter().cloned());
        let back = |span: Span| Timestamp(around.now.0.saturating_sub_unsigned(span.0));
        let cursor = around.baseline.and_then(|seen| seen.get("cursor")).and_then(Value::as_str);
        let begin = match (around.phase_started, cursor, since) {
            (Some(_), Some(cursor), _) => Begin::Cursor(cursor.to_owned()),
            (Some(started), None, _) => Begin::Since(started),
            (None, _, Some(span)) => Begin::Since(back(*span)),
            (None, _, None) if folder.is_none() => Begin::Boot,
            (None, _, None) => Begin::All,
        };
        let this_boot = || folder.is_none().then(|| back(booted::up(Path::new("/"), clock::up())));
        let from = around.phase_started.or(since.map(back)).or_else(this_boot);
        let unclear = |why: regex::Error| malformed("a pattern of a journal probe", &why.to_string());
        let asked = Asked {
            units: units.clone(),
            identifiers: identifiers.clone(),
            fields: fields.clone(),
            kernel: *kernel,
            user,
        };
        Ok(Self {
            place,
            select,
            begin,
            matches: matches.as_deref().map(Regex::new).transpose().map_err(unclear)?,
            ignore: RegexSet::new(ignore.iter().map(|Ignored { matches, .. }| matches)).map_err(unclear)?,
            whole: !user && folder.is_none(),
            from,
            in_phase: around.phase_started.is_some(),
            exception_trace: (asked.may_be_kernel() && folder.is_none())
                .then(|| PathBuf::from("/proc/sys/debug/exception-trace")),
            asked,
        })
    }

    /// The same, whatever the kernel beneath is told to say.
    #[cfg(test)]
    fn on_any_kernel(self) -> Self {
        Self { exception_trace: None, ..self }
    }

    /// A question of journalctl: of this place, and with these words.
    fn question(&self, words: impl IntoIterator<Item = String>) -> CommandLine {
        let mut argv = vec!["journalctl".to_owned(), "--no-pager".to_owned()];
        argv.extend(self.place.iter().cloned());
        argv.extend(words);
        let mut command = tool(argv);
        // Times are told in it where they are not asked for as numbers.
        command.env.insert("TZ".to_owned(), "UTC".to_owned());
        command
    }

    /// What is read, from there on.
    fn reading(&self, begin: &Begin) -> CommandLine {
        let how = ["--output=short-unix", "--no-hostname", "--all", "--show-cursor"].map(str::to_owned);
        self.question(how.into_iter().chain(self.select.iter().cloned()).chain(begin.flag(true)))
    }

    /// Whether the entry of this cursor is there: it is the first that is found at its place.
    fn finding(&self, cursor: &Begin) -> CommandLine {
        let how = ["--output=cat", "--lines=1", "--show-cursor"].map(str::to_owned);
        self.question(how.into_iter().chain(self.select.iter().cloned()).chain(cursor.flag(false)))
    }

    /// What journald says that it lost, from there on. It says so to the system, whoever lost.
    fn losses(&self, begin: &Begin) -> CommandLine {
        let said = lost::SAID.map(str::to_owned).into_iter();
        let mut words: Vec<String> = vec!["--output=cat".to_owned(), "--quiet".to_owned()];
        words.extend(begin.flag(false));
        let mut command = self.question(words.into_iter().chain(said));
        command.argv.retain(|word| word != "--user");
        command
    }

    /// What is unseen where the journal reaches back so far.
    fn beyond(&self, reach: Reach, now: Timestamp, up: Span) -> Option<String> {
        let oldest = reach.oldest?;
        let from = self.from.filter(|from| oldest > *from)?;
        if self.asked.user && !reach.is_archived {
            return None;
        }
        // A journal that is kept in memory, or on a new machine, begins with this boot; nothing of the boot is missing.
        let booted = now.0.saturating_sub_unsigned(up.0);
        let of_this_machine = self.whole || self.asked.user;
        if !self.in_phase && of_this_machine && oldest.0.abs_diff(booted) <= BOOTING.unsigned_abs() {
            return None;
        }
        Some(format!("the journal begins at {oldest}, and it is asked for from {from} on"))
    }

    fn counts(&self, message: &[u8]) -> bool {
        self.matches.as_ref().is_none_or(|matches| matches.is_match(message))
            && (self.ignore.is_empty() || !self.ignore.is_match(message))
    }
}

fn malformed(what: &str, why: &str) -> ProbeError {
    ProbeError::Malformed { what: what.to_owned(), why: why.to_owned() }
}

/// Seconds since 1970 as journalctl takes them.
fn epoch(at: Timestamp) -> String {
    let ms = at.0.max(0);
    format!("@{}.{:03}", ms / 1000, ms % 1000)
}

/// What is asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Is the entry still there where the baseline ended?
    Find,
    /// How far does the journal reach back?
    Reach,
    /// What does it say that it lost?
    Losses,
    /// What does it hold?
    Read,
}

/// One reading of the journal.
#[derive(Debug)]
pub(super) struct Reading {
    filter: Filter,
    step: Step,
    begin: Begin,
    /// Why the answer is not all of it.
    unseen: Vec<String>,
    lost: u64,
    /// Crashes that the kernel kept to itself.
    suppressed: u64,
    short: Short,
    tally: Tally,
}

impl Reading {
    pub(super) fn new(filter: Filter) -> Self {
        let begin = filter.begin.clone();
        Self {
            filter,
            step: Step::Read,
            begin,
            unseen: Vec::new(),
            lost: 0,
            suppressed: 0,
            short: Short::default(),
            tally: Tally::default(),
        }
    }

    fn ask(&mut self, step: Step) -> Need {
        self.step = step;
        match step {
            Step::Find => Need::Child(self.filter.finding(&self.begin), KEPT),
            Step::Reach => Need::Child(self.filter.question(["--header".to_owned()]), KEPT),
            Step::Losses => Need::Child(self.filter.losses(&self.begin), KEPT),
            Step::Read => Need::Stream(self.filter.reading(&self.begin)),
        }
    }

    /// The first question of a look.
    fn first(&mut self) -> Need {
        self.begin = self.filter.begin.clone();
        self.unseen.clear();
        self.lost = 0;
        self.suppressed = 0;
        self.ask(match self.begin {
            Begin::Cursor(_) => Step::Find,
            Begin::Since(_) | Begin::Boot => Step::Reach,
            Begin::All => Step::Losses,
        })
    }

    /// The next question, now that this one is answered. Whether the journal can be read is told by the last.
    fn answered(&mut self, ended: &Ended) -> Result<Need, ProbeError> {
        process_end("journalctl", ended)?;
        let said = whole(&ended.stdout);
        match self.step {
            Step::Find => {
                let found = said.as_deref().and_then(|said| said.lines().rev().find_map(cursor_of));
                if let (Begin::Cursor(cursor), Some(found)) = (&self.begin, found)
                    && *cursor == found
                {
                    // Of those that came later, in other files, some may be gone all the same.
                    return Ok(self.ask(Step::Reach));
                }
                // It was removed with its file. What came after it may be there.
                self.begin = self.filter.from.map_or(Begin::All, Begin::Since);
                Ok(self.ask(Step::Reach))
            }
            Step::Reach => {
                let reach = said.as_deref().map(reach).unwrap_or_default();
                let up = booted::up(Path::new("/"), clock::up());
                self.unseen.extend(self.filter.beyond(reach, clock::now(), up));
                Ok(self.ask(Step::Losses))
            }
            Step::Losses => {
                let (count, words) = self.filter.asked.lost(&String::from_utf8_lossy(&ended.stdout.head));
                self.lost = count;
                self.unseen.extend(words);
                Ok(self.ask(Step::Read))
            }
            Step::Read => Ok(Need::Seen(self.observed(ended))),
        }
    }

    fn heard(filter: &Filter, tally: &mut Tally, suppressed: &mut u64, entry: &short::Entry) {
        if entry.is_first_of_boot {
            tally.booted();
        }
        if entry.speaker() == Speaker::Kernel
            && let Some(count) = lost::crashes(&entry.message)
        {
            *suppressed = suppressed.saturating_add(count);
        }
        if filter.counts(&entry.message) {
            tally.note(entry);
        }
    }

    fn observed(&mut self, ended: &Ended) -> Result<Observation, ProbeError> {
        let Self { filter, short, tally, suppressed, .. } = self;
        let cursor = short.finish(&mut |entry| Self::heard(filter, tally, suppressed, entry));
        readable(filter, ended)?;
        let mut seen = std::mem::take(tally).observed()?;
        let lost = self.lost.saturating_add(self.suppressed);
        seen = seen.with("lost", lost).with("complete", self.unseen.is_empty() && self.suppressed == 0);
        seen = seen.unseen(&["*"], &self.unseen);
        let trace = self.filter.exception_trace.as_ref();
        // An arm64 kernel is set so from the beginning.
        if trace.and_then(|file| std::fs::read_to_string(file).ok()).is_some_and(|text| text.trim() == "0") {
            let why = "the kernel tells of no program's fault: debug.exception-trace is 0".to_owned();
            seen = seen.unseen(&CRASH_FIELDS, &[why]);
        }
        if self.suppressed > 0 {
            let why = format!("the kernel kept {} faults of programs to itself", self.suppressed);
            seen = seen.unseen(&CRASH_FIELDS, std::slice::from_ref(&why));
            if self.filter.asked.may_be_kernel() {
                seen = seen.unseen(&["desktop_crashes", "kinds", "count"], &[why]);
            }
        }
        // Where nothing was said, the entry before is the last one still.
        let before = match &self.begin {
            Begin::Cursor(cursor) => Some(cursor.clone()),
            Begin::Since(_) | Begin::Boot | Begin::All => None,
        };
        Ok(match cursor.or(before) {
            Some(cursor) => seen.with("cursor", cursor),
            None => seen,
        })
    }
}

/// The cursor in a line that tells it.
fn cursor_of(line: &str) -> Option<&str> {
    line.strip_prefix("-- cursor: ").map(str::trim)
}

impl Looking for Reading {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => match self.answered(&ended) {
                Ok(need) => need,
                Err(why) => Need::Seen(Err(why)),
            },
            Given::Nothing | Given::Answered(_) => self.first(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let Self { filter, short, tally, suppressed, .. } = self;
        short.take(bytes, &mut |entry| Self::heard(filter, tally, suppressed, entry));
    }
}

/// Whether journalctl read all that was asked for.
fn readable(filter: &Filter, ended: &Ended) -> Result<(), ProbeError> {
    let name = "journalctl";
    let code = status(process_end(name, ended)?);
    let said = String::from_utf8_lossy(&ended.stderr.head);
    let unreachable = |what: String, hint| Err(ProbeError::Unreachable { what, hint });
    let hidden = said.contains("not seeing messages from other users") && filter.whole;
    if hidden || said.contains("insufficient permissions") {
        let what = if hidden { "of other users and the system " } else { "" };
        return unreachable(
            format!("the journal {what}may not be read"),
            "run as root, or join the group systemd-journal",
        );
    }
    if said.contains("No journal files were found") {
        return unreachable("there is no journal here".to_owned(), "systemd-journald must be running");
    }
    // It goes on without them, and ends well.
    let passed_over = |line: &&str| {
        ["ignoring file", "corrupted", "is truncated"].iter().any(|part| line.contains(part))
            && !is_older(line, filter.from)
    };
    if let Some(line) = said.lines().find(passed_over) {
        return unreachable(
            format!("a part of the journal cannot be read: {}", line.trim()),
            "move that file away, and what it held is known to be gone; `journalctl --verify` looks at all of them",
        );
    }
    if code != 0 && !said.is_empty() {
        return unreachable(
            format!("the journal gives nothing: {}", last_line(&ended.stderr)),
            "run the same journalctl command by hand",
        );
    }
    if code > 1 {
        return unreachable(
            format!("journalctl failed with {code} and said nothing"),
            "run the same journalctl command by hand",
        );
    }
    Ok(())
}

/// Whether a file that is named here was last written before what is asked for: what a power cut of last year left says
/// nothing of today.
fn is_older(line: &str, from: Option<Timestamp>) -> bool {
    let file = line.split_whitespace().find(|word| word.starts_with('/'));
    let written = file.and_then(|file| std::fs::metadata(file).ok()?.modified().ok());
    match (written.map(chrono::DateTime::<chrono::Utc>::from), from) {
        (Some(written), Some(from)) => written.timestamp_millis() < from.0,
        (_, _) => false,
    }
}

/// A look of this probe, whatever the kernel beneath is told to say.
#[cfg(test)]
pub(in crate::check) fn look_at(probe: &Probe, around: Circumstances<'_>) -> Box<dyn Looking> {
    Box::new(Reading::new(Filter::of(probe, around).unwrap_or_else(|why| panic!("{why}")).on_any_kernel()))
}

#[cfg(test)]
#[path = "journal/probe_tests.rs"]
mod tests;
