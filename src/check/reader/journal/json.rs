//! Entries as JSON: one a line, pretty over many lines, in a sequence, as server-sent events, or in a list.

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
}

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "MESSAGE", default)]
    message: Value,
    #[serde(rename = "PRIORITY", default)]
    priority: Value,
    #[serde(rename = "SYSLOG_IDENTIFIER", default)]
    identifier: Value,
}

/// Puts entries together from lines.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    open: Vec<u8>,
    depth: u32,
    in_text: bool,
    escaped: bool,
    cut: bool,
}

impl Assembly {
    /// Takes a line where it is, or may be, a part of an entry. `false`: it is none, and was not taken.
    pub(super) fn take(&mut self, line: &[u8], tell: &mut dyn FnMut(Entry)) -> bool {
        let mut rest = line;
        if self.depth == 0 {
            let bare = rest.trim_ascii_start();
            let bare = bare.strip_prefix(b"\x1e").unwrap_or(bare);
            let bare = bare.strip_prefix(b"data: ").unwrap_or(bare);
            let bare = bare.strip_prefix(b"[").map_or(bare, <[u8]>::trim_ascii_start);
            // An entry holds fields: a lone brace that is set in belongs to somebody's trace.
            let set_in = line.first().is_some_and(u8::is_ascii_whitespace);
            if !bare.starts_with(b"{") || (set_in && bare.trim_ascii() == b"{") {
                return false;
            }
            rest = bare;
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
                return self.give_up();
            }
        }
        true
    }

    /// Whether nothing was cut.
    pub(super) fn is_whole(&self) -> bool {
        !self.cut && self.depth == 0
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

    fn close(&mut self, tell: &mut dyn FnMut(Entry)) {
        let at = memchr::memchr(b'{', &self.open).unwrap_or(0);
        match serde_json::from_slice::<Fields>(self.open.get(at..).unwrap_or_default()) {
            Ok(fields) => tell(Entry {
                message: text_of(fields.message),
                priority: text_of(fields.priority).and_then(|priority| priority.trim().parse().ok()),
                identifier: text_of(fields.identifier),
            }),
            Err(_) => self.cut = true,
        }
        self.open.clear();
    }

    /// The line stays for whoever reads lines.
    fn give_up(&mut self) -> bool {
        *self = Self { cut: true, ..Self::default() };
        false
    }
}
