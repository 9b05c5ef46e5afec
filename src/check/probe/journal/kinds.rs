//! The kind of a message: what stays the same when it is logged again.

/// Characters of a kind.
const LONGEST: usize = 300;

/// Who said it, and the message with `#` for everything that differs from time to time: numbers, addresses, process
/// numbers, times, UUIDs and other hexadecimal.
pub(super) fn fingerprint(who: &str, message: &str) -> String {
    let first = message.lines().next().unwrap_or_default().trim();
    let mut out = if who.is_empty() { String::new() } else { format!("{who}: ") };
    let mut rest = first;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = after_uuid(rest) {
            put_mark(&mut out);
            rest = after;
        } else if c.is_ascii_alphanumeric() {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            put_word(&mut out, word);
            rest = after;
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    out.chars().take(LONGEST).collect()
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
    if hex && (digits || word.len() >= 8) {
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

    #[test]
    fn a_kind_forgets_what_differs_from_time_to_time() {
        for (message, kind) in [
            (
                "GpuWatchdog[2091]: segfault at 0 ip 00005577f1e87d09 sp 00007fb7dccd06b0 error 6",
                "GpuWatchdog[#]: segfault at # ip # sp # error #",
            ),
            ("at 12:34:56.789 on 2026-01-05", "at # on #"),
            ("pid 1 took 1.5s", "pid # took #s"),
            ("device 550e8400-e29b-41d4-abcd-446655440000 gone", "device # gone"),
            ("address deadbeef", "address #"),
            ("a bad face", "a bad face"),
            ("i915: usb3 failed", "i#: usb# failed"),
            ("libc-2.31.so", "libc-#.so"),
            ("ä 0xff ü", "ä # ü"),
            ("first line\nsecond 1", "first line"),
            ("", ""),
        ] {
            assert_eq!(fingerprint("", message), kind);
        }
        assert_eq!(fingerprint("kernel", "x"), "kernel: x");
    }

    #[test]
    fn a_kind_is_bounded() {
        assert_eq!(fingerprint("a", &"xy ".repeat(1000)).chars().count(), LONGEST);
    }
}
