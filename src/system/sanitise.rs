//! What others print, made safe to show: printable text, newline and tab pass; the rest becomes visible escapes.
//!
//! An allow-list: a character passes where Unicode says that it is printable. Escapes are `\e` for ESC, `\r` for CR,
//! `\u{..}` for other characters, `\xNN` for bytes that are not UTF-8. A backslash of the text itself passes: the
//! result is to be read by people, not to be taken back.

use regex_syntax::hir::{Class, HirKind};
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::OnceLock;

/// Controls, formats (bidi, zero width, tags), unassigned, private use, line and paragraph separators, and whatever
/// else is shown as nothing. The two presentation selectors pass: ordinary emoji carry them.
const HIDDEN: &str =
    r"[[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\n\t\x{FE0E}\x{FE0F}]]";

/// Ranges of characters that are escaped, in rising order.
fn hidden() -> &'static [(char, char)] {
    static RANGES: OnceLock<Vec<(char, char)>> = OnceLock::new();
    RANGES.get_or_init(|| {
        let class = regex_syntax::parse(HIDDEN).map(regex_syntax::hir::Hir::into_kind);
        match class {
            Ok(HirKind::Class(Class::Unicode(class))) => {
                class.ranges().iter().map(|range| (range.start(), range.end())).collect()
            }
            // Not reached, and a test holds that; if it were, only ASCII would pass.
            Ok(_) | Err(_) => vec![('\0', '\u{8}'), ('\u{b}', '\u{1f}'), ('\u{7f}', char::MAX)],
        }
    })
}

fn passes(c: char) -> bool {
    match c {
        '\n' | '\t' | ' '..='~' => true,
        c if c.is_ascii() => false,
        c => {
            let ranges = hidden();
            let next = ranges.partition_point(|(_, end)| *end < c);
            ranges.get(next).is_none_or(|(start, _)| c < *start)
        }
    }
}

fn push(out: &mut String, c: char) {
    match c {
        c if passes(c) => out.push(c),
        '\r' => out.push_str("\\r"),
        '\u{1b}' => out.push_str("\\e"),
        c => {
            // Writing into a string does not fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
    }
}

/// The text with everything that is not printable, newline or tab shown as a visible escape (C0, C1, DEL, bidi
/// controls, zero-width and other format characters, private use, unassigned).
#[must_use]
pub fn sanitise(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(|c| !passes(c)) else { return Cow::Borrowed(text) };
    let (clean, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(clean);
    rest.chars().for_each(|c| push(&mut out, c));
    Cow::Owned(out)
}

/// The same for a text that is shown in one line: newline and tab become `\n` and `\t`.
#[must_use]
pub fn sanitise_line(text: &str) -> Cow<'_, str> {
    match sanitise(text) {
        clean if clean.contains(['\n', '\t']) => Cow::Owned(clean.replace('\n', "\\n").replace('\t', "\\t")),
        clean => clean,
    }
}

/// The same for bytes; those that are not UTF-8 become `\xNN`.
#[must_use]
pub fn sanitise_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return sanitise(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push(&mut out, c));
        for byte in chunk.invalid() {
            // Writing into a string does not fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_printable_becomes_visible() {
        for (text, shown) in [
            ("plain\n\ttext ~", "plain\n\ttext ~"),
            ("\u{1b}[31mred\u{1b}]0;title\u{7}", "\\e[31mred\\e]0;title\\u{7}"),
            ("50%\r100%\r\n", "50%\\r100%\\r\n"),
            ("a\u{202e}b\u{2066}c\u{200f}d\u{61c}e", "a\\u{202e}b\\u{2066}c\\u{200f}d\\u{61c}e"),
            ("\u{9b}31m\u{7f}\u{85}", "\\u{9b}31m\\u{7f}\\u{85}"),
            ("\u{200b}\u{feff}\u{2028}\u{2029}", "\\u{200b}\\u{feff}\\u{2028}\\u{2029}"),
            ("\u{e0041}\u{e000}\u{378}\u{10ffff}", "\\u{e0041}\\u{e000}\\u{378}\\u{10ffff}"),
            ("\u{3164}\u{115f}\u{ad}", "\\u{3164}\\u{115f}\\u{ad}"),
            ("grün ✔ 漢字 ⠋ │ e\u{301} ⚠\u{fe0f}", "grün ✔ 漢字 ⠋ │ e\u{301} ⚠\u{fe0f}"),
        ] {
            assert_eq!(sanitise(text), shown);
        }
        assert_eq!(sanitise_bytes(b"a\xff\xc3(\x1b"), "a\\xff\\xc3(\\e");
        assert_eq!(sanitise_line("a\nb\tc\u{1b}"), "a\\nb\\tc\\e");
    }

    #[test]
    fn clean_text_is_not_copied() {
        assert!(matches!(sanitise("clean ünïcode\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_table_is_read() {
        assert!(hidden().len() > 100, "{}", hidden().len());
    }

    /// Written out again, from the threat and not from the table.
    fn forbidden(c: char) -> bool {
        matches!(c, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..)
    }

    #[test]
    fn no_forbidden_character_passes_alone() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| forbidden(*c)) {
            assert!(!passes(c), "{:x}", u32::from(c));
        }
    }

    proptest! {
        #[test]
        fn nothing_forbidden_remains_and_a_second_time_changes_nothing(text in any::<String>()) {
            let once = sanitise(&text).into_owned();
            prop_assert!(!once.contains(forbidden));
            prop_assert_eq!(sanitise(&once), once.as_str());
        }

        #[test]
        fn no_bytes_get_through(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let once = sanitise_bytes(&bytes).into_owned();
            prop_assert!(!once.contains(forbidden));
            prop_assert_eq!(sanitise(&once), once.as_str());
        }
    }
}
