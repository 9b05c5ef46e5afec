//! Entries as JSON: one a line, pretty over many lines, in a sequence, as server-sent events, or in a list. Programs
//! print objects as well, in traces and logs of their own; the fields of an entry have names in capitals.

use super::text_of;
use serde::Deserialize;
use serde_json::Value;

/// Longest entry, in bytes. A longer one is told as cut.
const LONGEST: usize = 4 << 20;

/// What is read of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Entry {
    pub(super) message: Option<String>,
    pub(super) priority: Option<u8>,
    pub(super) identifier: Option<String>,
    pub(super) transport: Option<String>,
    pub(super) boot: Option<String>,
}

/// What was put together.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// An entry.
    Entry(Entry),
    /// A line that looked like a part of one and is none.
    Line(&'a [u8]),
}

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "MESSAGE")]
    message: Option<Value>,
    #[serde(rename = "PRIORITY")]
    priority: Option<Value>,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<Value>,
    #[serde(rename = "_TRANSPORT")]
    transport: Option<Value>,
    #[serde(rename = "__CURSOR")]
    cursor: Option<Value>,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    at: Option<Value>,
    #[serde(rename = "_BOOT_ID")]
    boot: Option<Value>,
}

impl Fields {
    /// What journald wrote has at least one of these.
    fn is_entry(&self) -> bool {
        [&self.message, &self.priority, &self.identifier, &self.transport, &self.cursor, &self.at, &self.boot]
            .iter()
            .any(|field| field.is_some())
    }
}

/// Puts entries together from lines.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    open: Vec<u8>,
    depth: u32,
    in_text: bool,
    escaped: bool,
    /// Only the opening brace was there so far.
    begun: bool,
    cut: bool,
}

impl Assembly {
    /// Takes a line where it is, or may be, a part of an entry. `false`: it is none, and was not taken.
    pub(super) fn take(&mut self, line: &[u8], tell: &mut dyn FnMut(Piece<'_>)) -> bool {
        let mut rest = line;
        if self.depth == 0 {
            let bare = rest.trim_ascii_start();
            let bare = bare.strip_prefix(b"\x1e").unwrap_or(bare);
            let bare = bare.strip_prefix(b"data: ").unwrap_or(bare);
            let bare = bare.strip_prefix(b"[").map_or(bare, <[u8]>::trim_ascii_start);
            let Some(first) = bare.strip_prefix(b"{").map(<[u8]>::trim_ascii) else { return false };
            // An entry holds fields: a lone brace that is set in belongs to somebody's trace.
            let set_in = line.first().is_some_and(u8::is_ascii_whitespace);
            if if first.is_empty() { set_in } else { !begins_field(first) } {
                return false;
            }
            self.begun = first.is_empty();
            rest = bare;
        } else if self.begun {
            let first = line.trim_ascii();
            if !first.is_empty() && !begins_field(first) {
                self.give_back(tell);
                return false;
            }
            self.begun = first.is_empty();
        } else if !goes_on(line) {
            self.cut = true;
            self.give_back(tell);
            return false;
        }
        let pretty = self.depth > 0 || rest.trim_ascii() == b"{";
        let mut taken = 0;
        for (at, byte) in rest.iter().enumerate() {
            if self.step(*byte) {
                self.extend(rest.get(taken..=at).unwrap_or_default());
                taken = at + 1;
                self.close(tell);
            }
        }
        let left = rest.get(taken..).unwrap_or_default();
        if self.depth > 0 {
            self.extend(left);
            self.extend(b"\n");
            // Where entries stand on a line each, one that is not closed there was cut.
            if !pretty || self.in_text {
                self.cut = true;
                self.give_back(tell);
            }
        }
        true
    }

    /// The end of the stream. Whether nothing was cut.
    pub(super) fn finish(mut self, tell: &mut dyn FnMut(Piece<'_>)) -> bool {
        let whole = !self.cut && (self.depth == 0 || self.begun);
        self.give_back(tell);
        whole
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.open.len());
        self.cut |= bytes.len() > room;
        self.open.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Whether an entry ends with this byte.
    fn step(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' if self.depth > 0 => self.in_text = true,
            b'{' => self.depth += 1,
            b'}' if self.depth > 0 => {
                self.depth -= 1;
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    fn close(&mut self, tell: &mut dyn FnMut(Piece<'_>)) {
        let at = memchr::memchr(b'{', &self.open).unwrap_or(0);
        match serde_json::from_slice::<Fields>(self.open.get(at..).unwrap_or_default()) {
            Ok(fields) if fields.is_entry() => {
                tell(Piece::Entry(Entry {
                    message: fields.message.and_then(text_of),
                    priority: fields
                        .priority
                        .and_then(text_of)
                        .and_then(|priority| priority.trim().parse().ok()),
                    identifier: fields.identifier.and_then(text_of),
                    transport: fields.transport.and_then(text_of),
                    boot: fields.boot.and_then(text_of),
                }));
                self.open.clear();
            }
            Ok(_) => self.give_back(tell),
            Err(_) => {
                self.cut = true;
                self.give_back(tell);
            }
        }
    }

    /// What was taken stays for whoever reads lines.
    fn give_back(&mut self, tell: &mut dyn FnMut(Piece<'_>)) {
        let open = std::mem::take(self);
        self.cut = open.cut;
        for line in open.open.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            tell(Piece::Line(line));
        }
    }
}

/// `"MESSAGE" :`, `"_PID`, and the end of an object that has none.
fn begins_field(text: &[u8]) -> bool {
    let Some(name) = text.strip_prefix(b"\"") else { return false };
    let end = name.iter().position(|b| *b == b'"').unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default();
    !name.is_empty() && name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
}

/// Whether a pretty entry may go on with this line: a field, a value, or the end of one.
fn goes_on(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.first().is_none_or(|b| b.is_ascii_digit() || b"\"{}[],-tfn".contains(b))
}
