//! The kind of a message: what stays the same when it is logged again.

/// Characters of a kind.
const LONGEST: usize = 300;
/// An address may have no digit by chance: so many letters that could be hexadecimal are one. The few words among them
/// (`facade`, `decade`) tell kinds apart seldom enough.
const LETTERS: usize = 6;
/// Bytes beyond it that are put down first.
const SLACK: usize = 64;

/// Puts down who said it, and the message with `#` for everything that differs from time to time: numbers, addresses,
/// process numbers, times, UUIDs and other hexadecimal.
pub(super) fn fingerprint(who: &[u8], message: &[u8], out: &mut String) {
    out.clear();
    if !who.is_empty() {
        out.push_str(&String::from_utf8_lossy(who));
        out.push_str(": ");
    }
    let end = memchr::memchr(b'\n', message).unwrap_or(message.len());
    let first = String::from_utf8_lossy(message.get(..end).unwrap_or(message));
    let mut rest = first.trim();
    // A mark may swallow what stands before it, so a little more is put down than is kept.
    while !rest.is_empty() && out.len() < 4 * LONGEST + SLACK {
        let other = rest.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (between, after) = rest.split_at(other);
        out.push_str(between);
        if let Some(after) = after_uuid(after) {
            put_mark(out);
            rest = after;
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
            let (word, after) = after.split_at(end);
            put_word(out, word);
            rest = after;
        }
    }
    if let Some((at, _)) = out.char_indices().nth(LONGEST) {
        out.truncate(at);
    }
}

/// A mark; joined with one before it where only punctuation of times and versions lies between: `12:34:56` is `#`.
fn put_mark(out: &mut String) {
    for between in [":", ".", "-", ","] {
        if let Some(joined) = out.strip_suffix(between)
            && joined.ends_with('#')
        {
            out.truncate(joined.len());
            return;
        }
    }
    out.push('#');
}

fn put_word(out: &mut String, word: &str) {
    let digits = word.chars().any(|c| c.is_ascii_digit());
    let hex = word.strip_prefix("0x").unwrap_or(word).chars().all(|c| c.is_ascii_hexdigit());
    if hex && (digits || word.len() >= LETTERS) {
        put_mark(out);
    } else if digits {
        let mut in_number = false;
        for c in word.chars() {
            match (c.is_ascii_digit(), in_number) {
                (true, true) => {}
                (true, false) => put_mark(out),
                (false, _) => out.push(c),
            }
            in_number = c.is_ascii_digit();
        }
    } else {
        out.push_str(word);
    }
}

/// What follows a UUID, where the text begins with one.
fn after_uuid(text: &str) -> Option<&str> {
    if text.as_bytes().get(8) != Some(&b'-') {
        return None;
    }
    let (uuid, after) = (text.get(..36)?, text.get(36..)?);
    let shaped = uuid.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric());
    (shaped && ends).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(who: &str, message: &str) -> String {
        let mut out = "left from before".to_owned();
        fingerprint(who.as_bytes(), message.as_bytes(), &mut out);
        out
    }

    #[test]
    fn a_kind_forgets_what_differs_from_time_to_time() {
        for (message, expected) in [
            (
                "GpuWatchdog[2091]: segfault at 0 ip 00005577f1e87d09 sp 00007fb7dccd06b0 error 6",
                "GpuWatchdog[#]: segfault at # ip # sp # error #",
            ),
            ("at 12:34:56.789 on 2026-01-05", "at # on #"),
            ("pid 1 took 1.5s", "pid # took #s"),
            ("device 550e8400-e29b-41d4-abcd-446655440000 gone", "device # gone"),
            ("address deadbeef", "address #"),
            ("near aabaef", "near #"),
            ("a bad face", "a bad face"),
            ("i915: usb3 failed", "i#: usb# failed"),
            ("libc-2.31.so", "libc-#.so"),
            ("ä 0xff ü", "ä # ü"),
            ("first line\nsecond 1", "first line"),
            ("", ""),
        ] {
            assert_eq!(kind("", message), expected);
        }
        assert_eq!(kind("kernel", "x"), "kernel: x");
    }

    #[test]
    fn a_kind_is_bounded() {
        assert_eq!(kind("a", &"xy ".repeat(1000)).chars().count(), LONGEST);
    }
}
