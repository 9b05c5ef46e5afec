//! One fact as one line of JSON, chained by hashes. `docs/design/0002-journal.md` states it for people.
//!
//! `{"v":1,"seq":1,"at":"…","fact":"…","of":…,"prev":"<64>","hash":"<64>"}`: `hash` is the SHA-256 of the bytes of
//! the line before `,"hash":`, and `prev` is the `hash` of the line before, or 64 zeros. The beginning up to `at` and
//! the end from `prev` are the same in every version; only facts may differ.

use crate::model::{Envelope, Event, Timestamp};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;

/// The version that is written.
pub const VERSION: u32 = 1;
/// No line is longer, its newline counted. Journals are written and read with this limit; tests have smaller ones.
pub(super) const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// JSON in a fact is at most so deep. Readers stop at 128.
const DEEPEST: usize = 100;

const PREV: &[u8] = b",\"prev\":\"";
const HASH: &[u8] = b",\"hash\":\"";

/// A SHA-256 as 64 lower-case hexadecimal characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hex(pub(super) [u8; 64]);

impl Hex {
    /// What the first line follows.
    pub const GENESIS: Self = Self([b'0'; 64]);

    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_digest(&Sha256::digest(bytes))
    }

    fn from_digest(digest: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [b'0'; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(digest) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(hex)
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A line whose bytes are those that were written.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The version that wrote it.
    pub(super) version: u32,
    /// Its place.
    pub(super) seq: u64,
    /// When.
    pub(super) at: Timestamp,
    /// The fact, or why it is not understood.
    pub(super) event: Result<Event, String>,
    /// Its hash.
    pub(super) hash: Hex,
}

/// Adds the line of a fact, newline included, to `out`, where it is no longer than `longest`.
///
/// # Errors
/// Why a reader would refuse the line; `out` is then as long as before.
pub(super) fn encode(
    out: &mut Vec<u8>,
    envelope: &Envelope,
    prev: &Hex,
    longest: usize,
) -> Result<Hex, String> {
    let start = out.len();
    let written = write_line(out, envelope, prev, longest);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn write_line(out: &mut Vec<u8>, envelope: &Envelope, prev: &Hex, longest: usize) -> Result<Hex, String> {
    let start = out.len();
    let Envelope { seq, at, event } = envelope;
    write!(out, "{{\"v\":{VERSION},\"seq\":{seq},\"at\":\"{at}\"").map_err(|why| why.to_string())?;
    let fact = out.len();
    serde_json::to_writer(&mut *out, event).map_err(|why| why.to_string())?;
    let depth = depth(&out[fact..]);
    if depth > DEEPEST {
        return Err(format!("{depth} levels deep, the limit is {DEEPEST}"));
    }
    // The fact's own braces make room for what stands before and behind it.
    out[fact] = b',';
    out.pop();
    out.extend_from_slice(PREV);
    out.extend_from_slice(&prev.0);
    out.push(b'"');
    let hash = Hex::of(&out[start..]);
    out.extend_from_slice(HASH);
    out.extend_from_slice(&hash.0);
    out.extend_from_slice(b"\"}\n");
    let length = out.len() - start;
    if length > longest {
        return Err(format!("{length} bytes, the limit is {longest}"));
    }
    Ok(hash)
}

fn depth(json: &[u8]) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in json {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b'{' | b'[') => {
                now += 1;
                most = most.max(now);
            }
            (false, b'}' | b']') => now = now.saturating_sub(1),
            (true | false, _) => {}
        }
    }
    most
}

/// Reads one line without its newline. Uses the line as working space.
///
/// # Errors
/// Why these are not the bytes that were written at this place.
pub(super) fn decode(line: &mut [u8], expected: u64, prev: &Hex) -> Result<Decoded, String> {
    let body = line.len().checked_sub(HASH.len() + 66).ok_or("it is too short")?;
    let tail = &line[body..];
    let stated = tail
        .strip_prefix(HASH)
        .and_then(|rest| rest.strip_suffix(b"\"}"))
        .ok_or("it does not end with its hash")?;
    let hash = Hex::of(&line[..body]);
    if stated != hash.0 {
        return Err(format!("its hash is {}, stated {}", hash.as_str(), String::from_utf8_lossy(stated)));
    }
    let link = body.checked_sub(PREV.len() + 65).ok_or("it is too short")?;
    let before = line[link..body]
        .strip_prefix(PREV)
        .and_then(|rest| rest.strip_suffix(b"\""))
        .ok_or("it does not name the hash before it")?;
    if before != prev.0 {
        return Err(format!("it follows {}, not {}", String::from_utf8_lossy(before), prev.as_str()));
    }
    let (version, seq, at, fact) = beginning(&line[..link]).ok_or("its beginning is not understood")?;
    if seq != expected {
        return Err(format!("it is fact {seq}, not {expected}"));
    }
    let Ok(at) = Timestamp::try_from(at.to_owned()) else {
        return Err(format!("its time is {at:?}"));
    };
    line[fact] = b'{';
    line[link] = b'}';
    let event = serde_json::from_slice(&line[fact..=link]).map_err(|why| why.to_string());
    Ok(Decoded { version, seq, at, event, hash })
}

/// Version, place, time, and where the comma before the fact stands.
fn beginning(line: &[u8]) -> Option<(u32, u64, &str, usize)> {
    let (version, rest) = number(line.strip_prefix(b"{\"v\":")?)?;
    let (seq, rest) = number(rest.strip_prefix(b",\"seq\":")?)?;
    let rest = rest.strip_prefix(b",\"at\":\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    let at = str::from_utf8(rest.get(..end)?).ok()?;
    let rest = rest.get(end + 1..)?;
    rest.starts_with(b",").then_some((u32::try_from(version).ok()?, seq, at, line.len() - rest.len()))
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit())?;
    let number = str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
    Some((number, &bytes[end..]))
}
