//! `journal`: what was logged, grouped by kind. A kind is a message without what differs from time to time:
//! addresses, process numbers, times, counts. So "nothing new" can be said of messages.
//!
//! journald selects (cursor, priority, units, identifiers, fields) and `journalctl` prints the cheapest of its formats
//! that names who spoke: `short-unix` takes three quarters of the time of `export` and a quarter of `json`. It is read
//! as it comes, in constant memory.

mod kinds;
mod short;
mod tally;

use super::{Circumstances, Given, Looking, Need, last_line, process_end, program, status, tool};
use crate::check::ProbeError;
use crate::model::{CommandLine, Ignored, Manager, Observation, Probe, Span, Timestamp, Value};
use crate::system::clock;
use crate::system::process::Ended;
use regex::bytes::{Regex, RegexSet};
use short::Short;
use tally::Tally;

/// What is asked of the journal, and what is left out of the answer.
#[derive(Debug)]
pub(super) struct Filter {
    command: CommandLine,
    matches: Option<Regex>,
    ignore: RegexSet,
    /// Whether messages of all users belong to the answer.
    whole: bool,
    /// Nothing older is asked for; nothing where all is.
    from: Option<Timestamp>,
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
        let mut argv: Vec<String> =
            ["journalctl", "--no-pager", "--output=short-unix", "--no-hostname", "--all", "--show-cursor"]
                .map(str::to_owned)
                .to_vec();
        argv.push(format!("--priority={priority}"));
        let user = *manager == Manager::User;
        if user {
            argv.push("--user".to_owned());
        }
        if let Some(folder) = folder {
            argv.push(format!("--directory={}", folder.display()));
        }
        let flag = if user { "--user-unit" } else { "--unit" };
        argv.extend(units.iter().map(|unit| format!("{flag}={unit}")));
        argv.extend(identifiers.iter().map(|name| format!("--identifier={name}")));
        let cursor = around.baseline.and_then(|seen| seen.get("cursor")).and_then(Value::as_str);
        argv.extend(match (around.phase_started, cursor, since) {
            (Some(_), Some(cursor), _) => Some(format!("--after-cursor={cursor}")),
            (Some(started), None, _) => Some(format!("--since={}", epoch(started))),
            (None, _, Some(span)) => {
                let back = i64::try_from(span.0).unwrap_or(i64::MAX);
                Some(format!("--since={}", epoch(Timestamp(around.now.0.saturating_sub(back)))))
            }
            (None, _, None) => folder.is_none().then(|| "--boot".to_owned()),
        });
        let back = |span: Span| Timestamp(around.now.0.saturating_sub_unsigned(span.0));
        let from =
            around.phase_started.or(since.map(back)).or_else(|| folder.is_none().then(|| back(clock::up())));
        // Not `--dmesg`: that asks for this boot only, and a phase may go on behind a reboot.
        argv.extend(kernel.then(|| "_TRANSPORT=kernel".to_owned()));
        argv.extend(fields.iter().cloned());
        let unclear = |why: regex::Error| malformed("a pattern of a journal probe", &why.to_string());
        Ok(Self {
            command: tool(argv),
            matches: matches.as_deref().map(Regex::new).transpose().map_err(unclear)?,
            ignore: RegexSet::new(ignore.iter().map(|Ignored { matches, .. }| matches)).map_err(unclear)?,
            whole: !user && folder.is_none(),
            from,
        })
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

/// One reading of the journal.
#[derive(Debug)]
pub(super) struct Reading {
    filter: Filter,
    short: Short,
    tally: Tally,
}

impl Reading {
    pub(super) fn new(filter: Filter) -> Self {
        Self { filter, short: Short::default(), tally: Tally::default() }
    }

    fn heard(filter: &Filter, tally: &mut Tally, entry: &short::Entry) {
        if entry.is_first_of_boot {
            tally.booted();
        }
        if filter.counts(&entry.message) {
            tally.note(entry);
        }
    }

    fn observed(&mut self, ended: &Ended) -> Result<Observation, ProbeError> {
        let Self { filter, short, tally } = self;
        let cursor = short.finish(&mut |entry| Self::heard(filter, tally, entry));
        readable(filter, ended)?;
        let seen = std::mem::take(tally).observed()?;
        Ok(match cursor {
            Some(cursor) => seen.with("cursor", cursor),
            None => seen,
        })
    }
}

impl Looking for Reading {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => Need::Seen(self.observed(&ended)),
            Given::Nothing | Given::Answered(_) => Need::Stream(self.filter.command.clone()),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let Self { filter, short, tally } = self;
        short.take(bytes, &mut |entry| Self::heard(filter, tally, entry));
    }
}

/// Whether journalctl read all that was asked for.
fn readable(filter: &Filter, ended: &Ended) -> Result<(), ProbeError> {
    let name = program(&filter.command);
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

#[cfg(test)]
#[path = "journal/probe_tests.rs"]
mod tests;
