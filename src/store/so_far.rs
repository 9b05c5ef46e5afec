//! What a step has printed so far, kept while it runs: a runner that is killed leaves it to whoever takes over. Lines as
//! they were told, without secrets, bounded, never synced; it gives way to the whole output when the step ends.

use super::Capsule;
use crate::model::counted;
use crate::system::sanitise::sanitise;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Bytes of lines that are kept of the beginning, and as many of the end.
const HALF: usize = 32 * 1024;
/// Between two writes, at least.
const PAUSE: Duration = Duration::from_millis(100);
/// And so many times as long as a write took: a flood of lines does not slow the step down.
const REST: u32 = 10;
/// A line that is this long was cut, and may end in half a secret.
const CUT: usize = 4000;
/// So much of its end is left out then.
const UNSURE: usize = 1024;

/// The lines of one step that runs.
#[derive(Debug)]
pub struct SoFar<'a> {
    capsule: &'a Capsule,
    name: String,
    head: String,
    tail: VecDeque<String>,
    /// Bytes in `tail`.
    length: usize,
    /// Bytes of lines that were in `tail` once.
    dropped: usize,
    /// What is in the file.
    written: String,
    file: Option<(PathBuf, File)>,
    /// There are lines that are not in the file.
    behind: bool,
    not_before: Option<Instant>,
    /// It cannot be kept, which decides nothing.
    given_up: bool,
}

impl<'a> SoFar<'a> {
    pub(super) const fn of(capsule: &'a Capsule, name: String) -> Self {
        Self {
            capsule,
            name,
            head: String::new(),
            tail: VecDeque::new(),
            length: 0,
            dropped: 0,
            written: String::new(),
            file: None,
            behind: false,
            not_before: None,
            given_up: false,
        }
    }

    /// A line was printed, now.
    pub fn line(&mut self, line: &str, now: Instant) {
        let line = if line.len() < CUT {
            format!("{line}\n")
        } else {
            let sure = line.floor_char_boundary(line.len().saturating_sub(UNSURE));
            format!("{}[...]\n", line.get(..sure).unwrap_or_default())
        };
        if self.tail.is_empty() && self.head.len() + line.len() <= HALF {
            self.head.push_str(&line);
        } else {
            self.length += line.len();
            self.tail.push_back(line);
            while self.length > HALF {
                let Some(gone) = self.tail.pop_front() else { break };
                self.length -= gone.len();
                self.dropped += gone.len();
            }
        }
        self.behind = true;
        self.tick(now);
    }

    /// Time has passed: what is due is written.
    pub fn tick(&mut self, now: Instant) {
        if !self.behind || self.given_up || self.not_before.is_some_and(|then| now < then) {
            return;
        }
        let text = self.text();
        self.given_up = self.write(&text).is_err();
        self.behind = false;
        let took = crate::system::clock::tick().saturating_duration_since(now);
        self.not_before = now.checked_add(PAUSE.max(took.saturating_mul(REST)));
    }

    /// The step has ended and its whole output is kept elsewhere.
    pub fn give_way(self) {
        if let Some((path, _)) = self.file {
            // It says nothing that is not said elsewhere.
            let _ = fs::remove_file(path);
        }
    }

    fn text(&self) -> String {
        let mut raw = self.head.clone();
        if self.dropped > 0 {
            raw.push_str(&format!("[... {} left out ...]\n", counted(self.dropped, "byte")));
        }
        raw.extend(self.tail.iter().map(String::as_str));
        sanitise(&self.capsule.redactor().clean_apart(&raw)).into_owned()
    }

    /// Changes what is in the file from where it differs.
    fn write(&mut self, text: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some((_, file)) => file,
            None => {
                let made = self.capsule.evidence_file(&self.name, text.len()).map_err(io::Error::other)?;
                &mut self.file.insert(made).1
            }
        };
        let same = self.written.bytes().zip(text.bytes()).take_while(|(old, new)| old == new).count();
        file.seek(SeekFrom::Start(same as u64))?;
        file.write_all(text.as_bytes().get(same..).unwrap_or_default())?;
        file.set_len(text.len() as u64)?;
        text.clone_into(&mut self.written);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn with(lines: &[&str], then: impl FnOnce(&mut SoFar<'_>, Instant)) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let state = sample::state(folder.path());
        let capsule = state.open_generation(&sample::approved()).expect("a generation");
        let mut so_far = capsule.so_far("apply-a.so-far");
        let now = crate::system::clock::tick();
        for line in lines {
            so_far.line(line, now);
        }
        then(&mut so_far, now);
        capsule.evidence_read("apply-a.so-far").unwrap_or_default()
    }

    fn later(so_far: &mut SoFar<'_>, now: Instant) {
        so_far.tick(now + Duration::from_secs(3600));
    }

    #[test]
    fn the_first_line_is_kept_at_once_and_the_others_when_they_are_due() {
        assert_eq!(with(&["one", "two"], |_, _| {}), "one\n");
        assert_eq!(with(&["one", "two"], later), "one\ntwo\n");
        assert_eq!(with(&[], later), "", "a silent step leaves nothing");
    }

    #[test]
    fn of_many_lines_the_beginning_and_the_end_are_kept() {
        let lines: Vec<String> = (0..20_000).map(|n| format!("line {n}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let text = with(&lines, later);
        assert!(text.starts_with("line 0\nline 1\n") && text.ends_with("line 19998\nline 19999\n"));
        assert!(text.contains(" bytes left out ...]\nline "), "{}", text.len());
        assert!(text.len() < 2 * HALF + 100, "{}", text.len());
    }

    #[test]
    fn no_secret_is_in_it_nor_half_of_one() {
        let long = format!("{} canary-one", "x ".repeat(2042));
        let body = "canaryMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ";
        let key = ["-----BEGIN PRIVATE KEY-----", body, "canaryQ==", "-----END PRIVATE KEY-----"];
        let apart = [body, "canaryQ==", "after"];
        for lines in [&["API_TOKEN=canary-one"][..], &[&long], &key, &apart, &key[..2]] {
            let text = with(lines, later);
            assert!(!text.is_empty() && !text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn what_changes_behind_is_written_anew_and_nothing_is_left_of_it_in_the_end() {
        let key = ["before", "-----BEGIN PRIVATE KEY-----"];
        let text = with(&key, |so_far, now| {
            later(so_far, now);
            so_far.line("x", now + Duration::from_secs(7200));
            so_far.line("-----END PRIVATE KEY-----", now + Duration::from_secs(10_800));
            so_far.line("after", now + Duration::from_secs(14_400));
        });
        assert_eq!(text, "before\n[redacted: private key]\nafter\n");
    }
}
