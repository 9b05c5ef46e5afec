//! Where people left something out of what they posted.

/// Whether the line stands for lines that were left out: `...`, `[…]`, `... etc.`, `<snip>`.
pub(super) fn elided(line: &str) -> bool {
    let bare = line.trim_matches(|c: char| c.is_whitespace() || "[](){}<>#*-/\"`".contains(c));
    let dots = |text: &str| text.chars().all(|c| matches!(c, '.' | '…' | ' '));
    let word = bare.trim_end_matches('.').to_lowercase();
    (!bare.is_empty() && dots(bare))
        || bare.starts_with("...")
        || bare.starts_with('…')
        || matches!(
            word.as_str(),
            "snip" | "snipped" | "cut" | "etc" | "truncated" | "output truncated" | "omitted" | "and so on"
        )
}

/// Whether the line breaks off in dots.
pub(super) fn trails_off(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with("...") || line.ends_with('…')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_dots_or_a_word_for_it_stands_for_what_was_left_out() {
        for line in
            ["...", "  …", "[...]", ".", "... etc.", "etc.", "<snip>", "--- snip ---", "(truncated)", ". . ."]
        {
            assert!(elided(line), "{line}");
        }
        for line in ["", "   ", "---", "VAProfileNone : VAEntrypointVLD", "<unknown profile>", "ends well."] {
            assert!(!elided(line), "{line}");
        }
        assert!(trails_off("VAProfileNone ... ") && !trails_off("ends well."));
    }
}
