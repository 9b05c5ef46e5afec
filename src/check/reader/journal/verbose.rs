//! Entries as `journalctl --output=verbose` prints them: a line with the time and the cursor, then every field, set in.

use super::json::Entry;

/// Longest value that is kept, in bytes.
const LONGEST: usize = 64 * 1024;
/// How far fields are set in.
const INDENT: &[u8] = b"    ";

/// Puts entries together from lines.
#[derive(Debug, Default)]
pub(super) struct Verbose {
    entry: Option<Entry>,
    /// Where the message's further lines begin, while the last field was the message.
    message: bool,
}

impl Verbose {
    /// Takes a line where it is a part of an entry. `false`: it is none, and was not taken.
    pub(super) fn take(&mut self, line: &[u8], tell: &mut dyn FnMut(Entry)) -> bool {
        if begins(line) {
            if let Some(entry) = self.entry.replace(Entry::default()) {
                tell(entry);
            }
            self.message = false;
            return true;
        }
        let Some(entry) = &mut self.entry else { return false };
        let Some(inner) = line.strip_prefix(INDENT) else {
            // A mark between entries, or what somebody wrote: this entry is over.
            if let Some(entry) = self.entry.take().filter(|_| !line.is_empty()) {
                tell(entry);
            }
            return false;
        };
        let name =
            inner.iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b'_').count();
        let field = inner.get(..name).filter(|name| !name.is_empty() && inner.get(name.len()) == Some(&b'='));
        if let Some(field) = field {
            let value = String::from_utf8_lossy(inner.get(name + 1..).unwrap_or_default());
            let value: String = value.chars().take(LONGEST).collect();
            self.message = field == b"MESSAGE";
            match field {
                b"MESSAGE" => entry.message = Some(value),
                b"PRIORITY" => entry.priority = value.trim().parse().ok(),
                b"SYSLOG_IDENTIFIER" => entry.identifier = Some(value),
                b"_BOOT_ID" => entry.boot = Some(value),
                b"_TRANSPORT" => entry.transport = Some(value),
                _ => {}
            }
        } else if let Some(message) = entry.message.as_mut().filter(|_| self.message)
            && message.len() < LONGEST
        {
            message.push('\n');
            let more = String::from_utf8_lossy(inner);
            message.extend(more.trim_start().chars().take(LONGEST));
        }
        true
    }

    /// The end of the stream.
    pub(super) fn finish(self, tell: &mut dyn FnMut(Entry)) {
        if let Some(entry) = self.entry {
            tell(entry);
        }
    }
}

/// `Mon 2026-01-05 12:00:00.123456 CET [s=...;i=1;b=...;m=...;t=...;x=...]`
fn begins(line: &[u8]) -> bool {
    let Some(line) = line.trim_ascii_end().strip_suffix(b"]") else { return false };
    let Some(at) = memchr::memmem::rfind(line, b" [s=") else { return false };
    let cursor = line.get(at..).unwrap_or_default();
    [&b";i="[..], b";b=", b";m=", b";t="].iter().all(|mark| memchr::memmem::find(cursor, mark).is_some())
}
