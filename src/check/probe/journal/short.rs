//! Entries as `journalctl --output=short-unix --no-hostname --all --show-cursor` prints them: `1767.123456 name[pid]:
//! message`, the further lines of a message indented, and `-- ` before what is no entry.

use crate::check::reader::journal::Lines;
use crate::check::reader::journal::speaker::{Speaker, parts as without_pid};

/// Most that is kept of one message, in bytes.
const LONGEST: usize = 64 * 1024;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Entry {
    /// Who said it, without a process number.
    pub(super) who: Vec<u8>,
    /// Whether a process number was there.
    with_pid: bool,
    pub(super) message: Vec<u8>,
    /// Whether the machine was started since the entry before it.
    pub(super) is_first_of_boot: bool,
}

impl Entry {
    /// Who said it, as far as that can be believed.
    pub(super) fn speaker(&self) -> Speaker<'_> {
        Speaker::of_name(&self.who, self.with_pid)
    }
}

/// Takes the entries as they come. Nothing is allocated for one of them.
#[derive(Debug, Default)]
pub(super) struct Short {
    lines: Lines,
    entries: Entries,
}

#[derive(Debug, Default)]
struct Entries {
    entry: Entry,
    /// Whether an entry is begun, and more of its lines may follow.
    begun: bool,
    cursor: Option<String>,
}

impl Short {
    /// Takes the next bytes, and tells each entry that is known to have ended.
    pub(super) fn take(&mut self, bytes: &[u8], tell: &mut dyn FnMut(&Entry)) {
        let Self { lines, entries } = self;
        lines.take(bytes, &mut |line| entries.line(line, tell));
    }

    /// The end of the stream, and where in the journal it was. Ready for another.
    pub(super) fn finish(&mut self, tell: &mut dyn FnMut(&Entry)) -> Option<String> {
        let Self { lines, mut entries } = std::mem::take(self);
        lines.finish(&mut |line| entries.line(line, tell));
        entries.end(tell);
        entries.cursor
    }
}

impl Entries {
    fn line(&mut self, line: &[u8], tell: &mut dyn FnMut(&Entry)) {
        if let Some(said) = said(line) {
            self.end(tell);
            let (who, message) = parts(said);
            let (who, pid) = without_pid(who);
            self.entry.who.extend_from_slice(who);
            self.entry.with_pid = pid.is_some();
            self.entry.message.extend_from_slice(message.get(..LONGEST).unwrap_or(message));
            self.begun = true;
        } else if let Some(mark) = line.strip_prefix(b"-- ") {
            self.end(tell);
            self.entry.is_first_of_boot |= mark.starts_with(b"Boot ") || mark.starts_with(b"Reboot");
            if let Some(cursor) = mark.strip_prefix(b"cursor: ") {
                self.cursor = Some(String::from_utf8_lossy(cursor).trim().to_owned());
            }
        } else if self.begun {
            let room = LONGEST.saturating_sub(self.entry.message.len() + 1);
            let more = line.trim_ascii_start();
            self.entry.message.push(b'\n');
            self.entry.message.extend_from_slice(more.get(..room).unwrap_or(more));
        }
    }

    fn end(&mut self, tell: &mut dyn FnMut(&Entry)) {
        if self.begun {
            tell(&self.entry);
            self.entry.is_first_of_boot = false;
        }
        self.entry.who.clear();
        self.entry.message.clear();
        self.begun = false;
    }
}

/// What stands behind the time, where a line begins with one.
fn said(line: &[u8]) -> Option<&[u8]> {
    let seconds = line.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = line.get(seconds..)?.strip_prefix(b".")?;
    let (fraction, said) = rest.split_at_checked(6)?;
    let whole = seconds > 0 && fraction.iter().all(u8::is_ascii_digit);
    said.strip_prefix(b" ").filter(|_| whole)
}

/// Who speaks, and the message.
fn parts(said: &[u8]) -> (&[u8], &[u8]) {
    let Some(at) = memchr::memmem::find(said, b": ") else {
        let who = said.strip_suffix(b":");
        return who.map_or((&[], said), |who| (who, &[]));
    };
    let (who, message) = said.split_at(at);
    (who, message.get(2..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(pieces: &[&[u8]]) -> (Vec<(String, String)>, Option<String>) {
        let mut seen = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut tell = |entry: &Entry| seen.push((text(&entry.who), text(&entry.message)));
        let mut short = Short::default();
        for piece in pieces {
            short.take(piece, &mut tell);
        }
        let cursor = short.finish(&mut tell);
        (seen, cursor)
    }

    #[test]
    fn entries_are_told_with_all_their_lines_and_the_cursor_at_the_end() {
        let text =
            b"-- Boot 0123 --\n1767000000.000001 app[12]: one: two\n                          more 1.5 x\n\
                     1767000000.000002 kernel: app[3]: segfault at 0\n1767000000.000003 odd[x]: \n\
                     1767000000.000004 no heading\n1767000000.000005 empty:\n-- cursor: s=1;i=2\n";
        let (seen, cursor) = entries(&[text]);
        let expected = [
            ("app", "one: two\nmore 1.5 x"),
            ("kernel", "app[3]: segfault at 0"),
            ("odd[x]", ""),
            ("", "no heading"),
            ("empty", ""),
        ];
        let expected: Vec<(String, String)> =
            expected.map(|(who, what)| (who.to_owned(), what.to_owned())).to_vec();
        assert_eq!(seen, expected);
        assert_eq!(cursor.as_deref(), Some("s=1;i=2"));
    }

    proptest! {
        #[test]
        fn how_the_stream_is_cut_changes_nothing(
            text in "(1\\.000001 |-- cursor: |app\\[1\\]: |\\n|  x|é|\\]|\\[){0,40}", size in 1_usize..9,
        ) {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            prop_assert_eq!(entries(&pieces), entries(&[text.as_bytes()]));
        }
    }
}
