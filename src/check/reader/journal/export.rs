//! Entries as `journalctl --output=export` writes them and `systemd-journal-remote` reads them: `NAME=text` lines, or
//! `NAME`, a length and that many bytes, and an empty line after each entry. Nothing is allocated for an entry.

/// Most that is kept of one field, in bytes.
const LONGEST: usize = 64 * 1024;

/// One entry. A field that it does not have is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::check) struct Entry {
    pub(in crate::check) message: Vec<u8>,
    pub(in crate::check) identifier: Vec<u8>,
    pub(in crate::check) transport: Vec<u8>,
    pub(in crate::check) boot: Vec<u8>,
    pub(in crate::check) priority: Option<u8>,
    any: bool,
}

/// Where in an entry the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// In a line.
    #[default]
    Line,
    /// In the length of a field's bytes.
    Length { field: Field, have: u32, length: u64 },
    /// In a field's bytes.
    Bytes { field: Field, left: u64 },
    /// In the line end after them.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Message,
    Identifier,
    Transport,
    Priority,
    Boot,
    Other,
}

impl Field {
    fn named(name: &[u8]) -> Self {
        match name {
            b"MESSAGE" => Self::Message,
            b"SYSLOG_IDENTIFIER" => Self::Identifier,
            b"_TRANSPORT" => Self::Transport,
            b"PRIORITY" => Self::Priority,
            b"_BOOT_ID" => Self::Boot,
            _ => Self::Other,
        }
    }
}

/// Takes an export as it comes.
#[derive(Debug, Default)]
pub(in crate::check) struct Export {
    entry: Entry,
    state: State,
    /// The beginning of a line whose end has not been read.
    open: Vec<u8>,
}

impl Export {
    /// Takes the next bytes, and tells each entry that ends in them.
    pub(in crate::check) fn take(&mut self, chunk: &[u8], tell: &mut dyn FnMut(&Entry)) {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = match self.state {
                State::Line => self.line(rest, tell),
                State::Length { field, have, length } => self.length(rest, field, have, length),
                State::Bytes { field, left } => self.bytes(rest, field, left),
                State::End => {
                    self.state = State::Line;
                    rest.strip_prefix(b"\n").unwrap_or(rest)
                }
            };
        }
    }

    /// The end of the stream. Whether it did not break off in the middle of a field.
    pub(in crate::check) fn finish(mut self, tell: &mut dyn FnMut(&Entry)) -> bool {
        let whole = self.open.is_empty() && matches!(self.state, State::Line | State::End);
        if !self.open.is_empty() {
            let open = std::mem::take(&mut self.open);
            self.whole_line(&open, tell);
        }
        self.entry_ends(tell);
        whole
    }

    fn line<'c>(&mut self, rest: &'c [u8], tell: &mut dyn FnMut(&Entry)) -> &'c [u8] {
        let Some(end) = memchr::memchr(b'\n', rest) else {
            self.extend(rest);
            return &[];
        };
        let (line, after) = rest.split_at(end);
        if self.open.is_empty() {
            self.whole_line(line, tell);
        } else {
            self.extend(line);
            let mut open = std::mem::take(&mut self.open);
            self.whole_line(&open, tell);
            open.clear();
            self.open = open;
        }
        after.get(1..).unwrap_or_default()
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.open.len());
        self.open.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn whole_line(&mut self, line: &[u8], tell: &mut dyn FnMut(&Entry)) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            self.entry_ends(tell);
        } else if let Some(at) = memchr::memchr(b'=', line) {
            let (name, value) = line.split_at(at);
            self.entry.any = true;
            self.put(Field::named(name), value.get(1..).unwrap_or_default());
        } else if line.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_') {
            self.entry.any = true;
            self.state = State::Length { field: Field::named(line), have: 0, length: 0 };
        }
    }

    fn entry_ends(&mut self, tell: &mut dyn FnMut(&Entry)) {
        if self.entry.any {
            tell(&self.entry);
        }
        self.entry.message.clear();
        self.entry.identifier.clear();
        self.entry.transport.clear();
        self.entry.boot.clear();
        self.entry.priority = None;
        self.entry.any = false;
    }

    fn put(&mut self, field: Field, bytes: &[u8]) {
        let into = match field {
            Field::Message => &mut self.entry.message,
            Field::Identifier => &mut self.entry.identifier,
            Field::Transport => &mut self.entry.transport,
            Field::Boot => &mut self.entry.boot,
            Field::Priority => {
                self.entry.priority =
                    std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse().ok());
                return;
            }
            Field::Other => return,
        };
        let room = LONGEST.saturating_sub(into.len());
        into.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn length<'c>(&mut self, rest: &'c [u8], field: Field, have: u32, length: u64) -> &'c [u8] {
        let Some((byte, after)) = rest.split_first() else { return rest };
        let length = length | u64::from(*byte) << (8 * have);
        self.state = match have {
            7 if length == 0 => State::End,
            7 => State::Bytes { field, left: length },
            _ => State::Length { field, have: have + 1, length },
        };
        after
    }

    fn bytes<'c>(&mut self, rest: &'c [u8], field: Field, left: u64) -> &'c [u8] {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let (bytes, after) = rest.split_at(here);
        self.put(field, bytes);
        let left = left - u64::try_from(here).unwrap_or(left);
        self.state = if left == 0 { State::End } else { State::Bytes { field, left } };
        after
    }
}
