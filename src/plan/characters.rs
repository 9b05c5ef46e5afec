//! Characters that could deceive a reader: controls, direction overrides, invisible marks.

use super::diagnostic::{Complaint, Complaints};
use super::tree::{Kind, Node, Place};

/// Whether a character may stand in a plan. Newline and tab may.
fn is_deceptive(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(character,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// The text on one line, with every character that could deceive as an escape.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            other if is_deceptive(other) => out.extend(other.escape_unicode()),
            other => out.push(other),
        }
    }
    out
}

/// The text with something harmless of the same length for every character that could deceive.
pub(super) fn without_deceptive(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if is_deceptive(character) && !ends_line(text, at, character) {
            out.extend(std::iter::repeat_n('_', character.len_utf8()));
        } else {
            out.push(character);
        }
    }
    out
}

/// A file's text for an excerpt, and where each of its bytes is in it.
pub(super) fn source_shown(text: &str) -> (String, impl Fn(usize) -> usize) {
    let mut shown = String::with_capacity(text.len());
    let mut shifts: Vec<(usize, usize)> = Vec::new();
    let mut grown = 0;
    for (at, character) in text.char_indices() {
        if is_deceptive(character) && !ends_line(text, at, character) {
            let escape: String = character.escape_unicode().collect();
            grown += escape.len().saturating_sub(character.len_utf8());
            shifts.push((at + character.len_utf8(), grown));
            shown.push_str(&escape);
        } else {
            shown.push(character);
        }
    }
    let moved = move |offset: usize| {
        let before = shifts.partition_point(|(at, _)| *at <= offset);
        offset + before.checked_sub(1).and_then(|last| shifts.get(last)).map_or(0, |(_, grown)| *grown)
    };
    (shown, moved)
}

/// A carriage return before a newline is a line ending.
fn ends_line(text: &str, at: usize, character: char) -> bool {
    character == '\r' && text.as_bytes().get(at + 1) == Some(&b'\n')
}

/// Complains about every deceptive character of a file as it is written, comments included.
pub(super) fn check_source(file: usize, text: &str, complaints: &mut Complaints) -> bool {
    let mut found = false;
    let mut rest = 0;
    // Nearly all of a plan is printable ASCII: only what is not is looked at as characters.
    while let Some(at) = text.as_bytes().get(rest..).and_then(|bytes| bytes.iter().position(unusual)) {
        let at = rest + at;
        let Some(character) = text.get(at..).and_then(|tail| tail.chars().next()) else { break };
        rest = at + character.len_utf8();
        let mark = at == 0 && character == '\u{feff}';
        if is_deceptive(character) && !ends_line(text, at, character) && !mark {
            complaints.push(refusal(Place { file, start: at, end: rest }, character));
            found = true;
        }
    }
    found
}

/// A byte that is no printable ASCII, newline or tab.
fn unusual(byte: &u8) -> bool {
    !matches!(byte, b' '..=b'~' | b'\n' | b'\t')
}

/// Complains about deceptive characters that were written as escapes (`"\e"`).
pub(super) fn check_values(node: &Node, source: &str, complaints: &mut Complaints) {
    match &node.kind {
        Kind::Text(text) => check_value(text, node.place, source, complaints),
        Kind::List(elements) => {
            for element in elements {
                check_values(element, source, complaints);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                check_value(&entry.key, entry.key_place, source, complaints);
                check_values(&entry.value, source, complaints);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
    }
}

fn check_value(text: &str, place: Place, source: &str, complaints: &mut Complaints) {
    let written = source.get(place.start..).unwrap_or_default();
    for character in text.chars().filter(|character| is_deceptive(*character)) {
        // One that stands in the file as itself was named already.
        if !written.contains(character) {
            complaints.push(refusal(place, character));
        }
    }
}

fn refusal(place: Place, character: char) -> Complaint {
    Complaint::error(
        "deceptive-character",
        place,
        format!("the character U+{:04X} can hide or reorder text", u32::from(character)),
    )
    .help("remove it; a program that needs it can make it itself, as `printf '\\033'` does")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_character_that_could_deceive() {
        for (text, expected) in [
            ("plain ü 初心", "plain ü 初心"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("x\u{202e}y\u{9b}", "x\\u{202e}y\\u{9b}"),
            ("two\nlines\tand\r", "two\\nlines\\tand\\u{d}"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }

    #[test]
    fn offsets_follow_the_escapes() {
        let text = "a\u{202e}b\u{7}c";
        let (shown, moved) = source_shown(text);
        assert_eq!(shown, "a\\u{202e}b\\u{7}c");
        for wanted in ['a', 'b', 'c'] {
            let (before, after) = (text.find(wanted), shown.find(wanted));
            assert_eq!(before.map(&moved), after, "{wanted}");
        }
    }
}
