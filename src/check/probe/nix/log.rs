//! The log of a build, as the store keeps it: what it says of flags and processors, and whether a pattern is in it. It is
//! read as it comes; memory does not grow with it.

use super::super::{Given, Looking, Need, last_line, process_end, status, tool};
use crate::check::ProbeError;
use crate::check::reader::journal::Lines;
use crate::model::{CommandLine, Observation};
use crate::system::process::Ended;
use regex::bytes::Regex;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

/// Matching lines that are told, and how much of each, in characters.
const TOLD: usize = 20;
const CHARACTERS: usize = 300;
/// Most values of `-march` that are told apart.
const MOST: usize = 32;

#[expect(clippy::expect_used, reason = "a constant, and the tests use it")]
static MARCH: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"-march=([A-Za-z0-9._+-]+)").expect("a constant pattern"));
#[expect(clippy::expect_used, reason = "a constant, and the tests use it")]
static JOBS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|\s)(?:-j ?|--parallel |--jobs[ =])(\d{1,4})(?:\s|$)").expect("a constant pattern")
});

/// What has been read so far.
#[derive(Debug, Default)]
struct Found {
    lines: u64,
    bytes: u64,
    matched: u64,
    matching: Vec<String>,
    march: BTreeSet<String>,
    jobs: Option<u64>,
}

/// One reading of a log.
pub(super) struct Log {
    command: CommandLine,
    /// Nothing where the pattern is none.
    pattern: Result<Option<Regex>, String>,
    open: Lines,
    found: Found,
}

impl Log {
    pub(super) fn new(path: &Path, matches: Option<&str>) -> Self {
        let pattern = matches.map(Regex::new).transpose().map_err(|why| why.to_string());
        let path = path.to_string_lossy();
        let command = tool(["nix-store", "--read-log", path.as_ref()]);
        Self { command, pattern, open: Lines::default(), found: Found::default() }
    }

    fn observed(&mut self, ended: &Ended) -> Result<Observation, ProbeError> {
        let pattern = self.pattern.as_ref().ok().and_then(Option::as_ref);
        let found = &mut self.found;
        std::mem::take(&mut self.open).finish(&mut |line| found.line(line, pattern));
        let found = std::mem::take(&mut self.found);
        let code = status(process_end("nix-store", ended)?);
        let said = last_line(&ended.stderr);
        if code != 0 && said.contains("is not available") {
            // It came from a cache, or logs are not kept: what it would say is not known.
            return Ok(Observation::new().with("exists", false));
        }
        if code != 0 {
            return Err(ProbeError::Unreachable {
                what: format!("nix-store failed: {said}"),
                hint: "is this a path of the store, and may this user ask the Nix daemon?",
            });
        }
        let mut seen = Observation::new()
            .with("exists", true)
            .with("lines", found.lines)
            .with("size", found.bytes)
            .with("march", found.march.into_iter().collect::<Vec<_>>());
        if let Some(jobs) = found.jobs {
            seen = seen.with("jobs", jobs);
        }
        if pattern.is_some() {
            seen = seen
                .with("matched", found.matched > 0)
                .with("matches", found.matched)
                .with("matching", found.matching);
        }
        Ok(seen)
    }
}

impl Found {
    fn line(&mut self, line: &[u8], pattern: Option<&Regex>) {
        self.lines += 1;
        if pattern.is_some_and(|pattern| pattern.is_match(line)) {
            self.matched += 1;
            if self.matching.len() < TOLD {
                let text = String::from_utf8_lossy(line);
                let text = console::strip_ansi_codes(&text);
                self.matching.push(text.trim().chars().take(CHARACTERS).collect());
            }
        }
        let text = |found: Option<regex::bytes::Match<'_>>| {
            found.map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned()).unwrap_or_default()
        };
        for found in MARCH.captures_iter(line) {
            if self.march.len() < MOST {
                self.march.insert(text(found.get(1)));
            }
        }
        for found in JOBS.captures_iter(line) {
            self.jobs = self.jobs.max(text(found.get(1)).parse().ok());
        }
    }
}

impl Looking for Log {
    fn next(&mut self, given: Given) -> Need {
        if let Err(why) = &self.pattern {
            let what = "the pattern of a build log".to_owned();
            return Need::Seen(Err(ProbeError::Malformed { what, why: why.clone() }));
        }
        match given {
            Given::Ended(ended) => Need::Seen(self.observed(&ended)),
            Given::Nothing | Given::Answered(_) => Need::Stream(self.command.clone()),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let pattern = self.pattern.as_ref().ok().and_then(Option::as_ref);
        let found = &mut self.found;
        found.bytes += u64::try_from(bytes.len()).unwrap_or_default();
        self.open.take(bytes, &mut |line| found.line(line, pattern));
    }

    /// The store keeps it.
    fn has_evidence(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ended;
    use super::*;
    use crate::model::ProcessEnd;
    use crate::system::process::End;
    use serde_json::json;

    fn read(pattern: Option<&str>, text: &str, code: i32, said: &str) -> Result<Observation, ProbeError> {
        let mut log = Log::new(Path::new("/nix/store/x"), pattern);
        assert!(matches!(log.next(Given::Nothing), Need::Stream(_)));
        for piece in text.as_bytes().chunks(7) {
            log.take(piece);
        }
        match log.next(Given::Ended(Box::new(ended(End::Process(ProcessEnd::Exited(code)), "", said)))) {
            Need::Seen(seen) => seen,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_log_tells_of_flags_processors_and_what_is_asked_for() {
        let text = "unpacking\nbuild flags: -j8 SHELL=/bin/sh\ngcc -march=skylake -O3 a.c\ngcc -march=x86-64 b.c\n100% tests passed, 3 tests\nlast";
        let seen = read(Some("tests? passed"), text, 0, "").expect("seen");
        for (field, value) in [
            ("exists", json!(true)),
            ("lines", json!(6)),
            ("size", json!(text.len())),
            ("march", json!(["skylake", "x86-64"])),
            ("jobs", json!(8)),
            ("matched", json!(true)),
            ("matches", json!(1)),
            ("matching", json!(["100% tests passed, 3 tests"])),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
        assert_eq!(read(None, text, 0, "").expect("seen").get("matched"), None);
    }

    #[test]
    fn a_log_that_nobody_kept_says_nothing_and_what_is_no_path_is_an_error() {
        let gone = read(Some("x"), "", 1, "error: build log of derivation '/x.drv' is not available\n");
        assert_eq!(gone.expect("seen"), Observation::new().with("exists", false));
        assert!(
            read(Some("x"), "", 1, "error: path '/x' is not in the Nix store\n")
                .expect_err("no path")
                .hint()
                .is_some()
        );
        let mut bad = Log::new(Path::new("/x"), Some("("));
        assert!(matches!(bad.next(Given::Nothing), Need::Seen(Err(ProbeError::Malformed { .. }))));
    }
}
