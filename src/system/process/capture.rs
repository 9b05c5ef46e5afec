//! The bounded memory of a stream: its first and last bytes, and its lines as they come.

use super::Captured;

/// Longest line that is told, in bytes.
const LINE: usize = 4096;
/// Most lines told of one read.
const FLOOD: usize = 64;

/// Keeps the first and the last half of `keep` bytes, whatever the length of the stream.
#[derive(Debug, Default)]
pub(super) struct Capture {
    head: Vec<u8>,
    /// The last bytes, up to twice as many as are kept: they are cut back only when they have doubled.
    tail: Vec<u8>,
    head_limit: usize,
    tail_limit: usize,
    total: u64,
}

impl Capture {
    pub(super) fn new(keep: usize) -> Self {
        let head_limit = keep / 2;
        Self { head_limit, tail_limit: keep - head_limit, ..Self::default() }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let room = self.head_limit - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        // Of one read, no more than what is kept can matter.
        let rest = rest.get(rest.len().saturating_sub(self.tail_limit)..).unwrap_or_default();
        self.tail.extend_from_slice(rest);
        if self.tail.len() >= self.tail_limit.saturating_mul(2) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let surplus = self.tail.len().saturating_sub(self.tail_limit);
        self.tail.drain(..surplus);
    }

    pub(super) fn finish(mut self) -> Captured {
        self.cut();
        let kept = u64::try_from(self.head.len() + self.tail.len()).unwrap_or(u64::MAX);
        if kept == self.total {
            self.head.append(&mut self.tail);
        }
        self.head.shrink_to_fit();
        self.tail.shrink_to_fit();
        Captured { head: self.head, tail: self.tail, total: self.total }
    }
}

/// Cuts a stream into lines. `\r` ends a line as well: progress bars use it.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not been read.
    open: Vec<u8>,
}

impl Lines {
    pub(super) fn take(&mut self, bytes: &[u8], mut tell: impl FnMut(&str)) {
        let ends = |b: &u8| matches!(b, b'\n' | b'\r');
        let Some(last) = bytes.iter().rposition(ends) else {
            self.extend(bytes);
            return;
        };
        let (whole, rest) = bytes.split_at(last);
        let first = whole.iter().position(ends).unwrap_or(last);
        let (line, between) = whole.split_at(first);
        self.extend(line);
        self.flush(&mut tell);
        // From the back, so that a flood of short lines is not even looked at.
        let mut latest = [&[][..]; FLOOD];
        for (place, line) in latest.iter_mut().rev().zip(between.rsplit(ends)) {
            *place = line;
        }
        for line in latest.into_iter().filter(|line| !line.is_empty()) {
            tell(&String::from_utf8_lossy(line.get(..LINE).unwrap_or(line)));
        }
        self.extend(rest.get(1..).unwrap_or_default());
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE - self.open.len();
        self.open.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Tells the line that has no end yet.
    pub(super) fn flush(&mut self, mut tell: impl FnMut(&str)) {
        if !self.open.is_empty() {
            tell(&String::from_utf8_lossy(&self.open));
            self.open.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines_of(pieces: &[&[u8]]) -> Vec<String> {
        let mut told = Vec::new();
        let mut lines = Lines::default();
        for piece in pieces {
            lines.take(piece, |line| told.push(line.to_owned()));
        }
        lines.flush(|line| told.push(line.to_owned()));
        told
    }

    #[test]
    fn lines_are_the_same_however_the_stream_is_cut() {
        for pieces in [
            vec![&b"one\ntwo\r\nthree"[..]],
            vec![b"on", b"e\ntwo\r", b"\nth", b"ree"],
            vec![b"one", b"\n", b"two", b"\r", b"\n", b"three"],
        ] {
            assert_eq!(lines_of(&pieces), ["one", "two", "three"]);
        }
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let long = vec![b'x'; 10_000];
        for told in [lines_of(&[&long, &long, b"\nnext\n"]), lines_of(&[&[&long[..], b"\nnext\n"].concat()])]
        {
            assert_eq!(told.iter().map(String::len).collect::<Vec<_>>(), [LINE, 4]);
        }
    }

    #[test]
    fn of_a_flood_the_last_lines_are_told() {
        let flood: Vec<u8> = (0..1000).flat_map(|n| format!("{n}\n").into_bytes()).collect();
        let told = lines_of(&[&flood]);
        assert!(told.len() <= FLOOD + 2, "{}", told.len());
        assert_eq!(told.last().map(String::as_str), Some("999"));
    }

    proptest! {
        #[test]
        fn a_capture_keeps_both_ends_and_counts_all(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
            keep in 0_usize..60,
        ) {
            let mut capture = Capture::new(keep);
            for piece in &pieces {
                capture.take(piece);
                prop_assert!(capture.tail.len() <= 2 * keep.max(1) + 1);
            }
            let whole = pieces.concat();
            let seen = capture.finish();
            prop_assert_eq!(seen.total, whole.len() as u64);
            if whole.len() <= keep {
                prop_assert_eq!(&seen.head, &whole);
                prop_assert!(seen.tail.is_empty() && !seen.is_cut());
            } else {
                prop_assert_eq!(seen.head.len() + seen.tail.len(), keep);
                prop_assert!(whole.starts_with(&seen.head) && whole.ends_with(&seen.tail));
                prop_assert_eq!(seen.missing(), (whole.len() - keep) as u64);
            }
        }
    }
}
