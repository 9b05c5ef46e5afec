//! The names of processes, as the kernel and systemd put them into messages.

use regex::Regex;
use std::sync::LazyLock;

/// Longest name of a process that the kernel keeps, in bytes.
const LONGEST: usize = 15;

/// A process that is named in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) pid: String,
}

/// What the kernel, a log's own heading, or a quoting mail puts before a name.
#[expect(clippy::expect_used, reason = "a constant, and the tests use it")]
static HEADING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\[\s*\+?\d+\.\d+(?:\s*<\s*\d+\.\d+\s*>)?\](?:\s*\[\s*[TC]\d+\])?|\[[A-Z][a-z]{2}\s?\d+ \d\d:\d\d\]|\bkernel(?:\[\d+\])?:|\btraps:|<\d+>|\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d:]+\]|\d\d:\d\d:\d\d(?:[.,]\d+)?(?:[+-]\d\d:?\d\d|Z)? \S+ |\]:|^[>|\s]*[-*•·]\s|^[>|\s]+)\s*")
        .expect("a constant pattern")
});

#[expect(clippy::expect_used, reason = "a constant, and the tests use it")]
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^.*\d\d:\d\d:\d\d(?:[.,]\d+)?(?:[+-]\d\d:?\d\d|Z)? ").expect("a constant pattern")
});

/// The name that ends where its process number begins. It may hold blanks and colons: `Web Content`, `src:pipe`.
pub(super) fn before(text: &str) -> String {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let after = HEADING.find_iter(line).last().map_or(0, |heading| heading.end());
    let mut name = line.get(after..).unwrap_or_default().trim();
    // A time of day without a host behind it.
    if let Some(time) = TIME.find(name) {
        name = name.get(time.end()..).unwrap_or_default();
    }
    // Whoever quotes the kernel puts words and a colon before it; a colon within a name has no blank behind it.
    if let Some((_, behind)) = name.rsplit_once(": ") {
        name = behind.trim_start();
    }
    while name.len() > LONGEST {
        match name.split_once(char::is_whitespace) {
            Some((_, rest)) => name = rest.trim_start(),
            None => break,
        }
    }
    name.chars().take(4 * LONGEST).collect()
}

/// The name in the parentheses that this text begins with; it may hold parentheses itself, as `(sd-pam)` does.
pub(super) fn in_parentheses(text: &str) -> Option<&str> {
    let mut depth = 0_u32;
    for (at, c) in text.char_indices().take(4 * LONGEST) {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return text.get(1..at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_from_the_headings_before_it() {
        for (text, name) in [
            ("Jun 15 20:14:25 host kernel: [ 2113.735880] GpuWatchdog", "GpuWatchdog"),
            ("[  139.904620] video_source:sr", "video_source:sr"),
            ("Mar 24 14:02:49 user-htpc kernel: Web Content", "Web Content"),
            ("[ 12.5][ T1234] foo", "foo"),
            ("[   12.5] [T1234] traps: foo", "foo"),
            ("[Mon Jan  5 12:00:00 2026] foo", "foo"),
            ("> foo", "foo"),
            ("Jun 15 20:14:25 host foo", "foo"),
            ("Jun 15 20:14:25 host kernel: a b", "a b"),
            ("<6>foo", "foo"),
            ("2026-01-05T12:00:00+0100 host kernel: Isolated Web Co", "Isolated Web Co"),
            ("compiz.real", "compiz.real"),
            ("* foo", "foo"),
            ("> - foo", "foo"),
            ("and then it said: chrome", "chrome"),
            ("a\nb", "b"),
            ("", ""),
        ] {
            assert_eq!(before(text), name, "{text}");
        }
        assert!(before("words without any heading before a name").len() <= LONGEST);
    }

    #[test]
    fn parentheses_may_be_part_of_a_name() {
        assert_eq!(in_parentheses("(perl) score 1"), Some("perl"));
        assert_eq!(in_parentheses("((sd-pam)) total-vm"), Some("(sd-pam)"));
        assert_eq!(in_parentheses("(cut of"), None);
        assert_eq!(in_parentheses(""), None);
    }
}
