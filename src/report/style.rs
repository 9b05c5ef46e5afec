//! What the output can do. Decided once by `cli` from facts that it hands in; nothing here reads the environment.

use super::line::Tone;
use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Makes what others printed safe to show: `system::sanitise::sanitise`, handed in by `cli`.
pub type Sanitise = fn(&str) -> Cow<'_, str>;

/// The narrowest width that is honoured; below it words would fall apart.
const NARROWEST: usize = 20;

/// From this width on there is room for columns.
const ROOMY: usize = 60;

/// What is known about the place where output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The stream is a terminal.
    pub terminal: bool,
    /// Its width in columns, where it could be asked.
    pub columns: Option<u16>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set and not `0`.
    pub force_color: bool,
    /// `TERM` is `dumb` or missing.
    pub dumb: bool,
    /// The locale's encoding is UTF-8.
    pub unicode: bool,
}

/// How output is shaped: width, colour, symbols, and what makes foreign text safe.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    width: Option<usize>,
    colour: bool,
    symbols: bool,
    unicode: bool,
    live: bool,
    sanitise: Sanitise,
}

impl Style {
    /// The style that suits the surroundings. `NO_COLOR` wins over `CLICOLOR_FORCE`; a pipe is never wrapped.
    #[must_use]
    pub fn new(around: &Surroundings, sanitise: Sanitise) -> Self {
        let able = around.terminal && !around.dumb;
        let columns = usize::from(around.columns.unwrap_or(80)).max(NARROWEST);
        Self {
            width: around.terminal.then_some(columns),
            colour: !around.no_color && (able || around.force_color),
            symbols: able,
            unicode: around.unicode,
            live: able,
            sanitise,
        }
    }

    /// For a pipe or a file: no width, no colour, no symbols.
    #[must_use]
    pub fn piped(sanitise: Sanitise) -> Self {
        Self::new(&Surroundings::default(), sanitise)
    }

    /// The width that no line exceeds; `None` where lines are not wrapped.
    #[must_use]
    pub const fn width(&self) -> Option<usize> {
        self.width
    }

    /// The same style for another width: the terminal was resized.
    #[must_use]
    pub fn resized(mut self, columns: usize) -> Self {
        self.width = Some(columns.max(NARROWEST));
        self
    }

    /// Whether lines may be redrawn: progress is shown.
    #[must_use]
    pub const fn live(&self) -> bool {
        self.live
    }

    /// Whether text is coloured.
    #[must_use]
    pub const fn colour(&self) -> bool {
        self.colour
    }

    /// Whether more than ASCII may be drawn.
    #[must_use]
    pub const fn unicode(&self) -> bool {
        self.unicode
    }

    /// Whether there is room for columns side by side.
    #[must_use]
    pub fn roomy(&self) -> bool {
        self.width.is_none_or(|width| width >= ROOMY)
    }

    /// Foreign text made safe and kept on one line: a line break in it is shown as `\n`, so that nobody can write a
    /// line of ours.
    #[must_use]
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let safe = (self.sanitise)(text);
        if safe.contains(['\n', '\t']) {
            Cow::Owned(safe.replace('\n', "\\n").replace('\t', " "))
        } else {
            safe
        }
    }

    /// The text as a JSON document in which every character that a terminal could obey is written as an escape; its
    /// meaning stays the same.
    #[must_use]
    pub fn clean_json(&self, json: &str) -> String {
        let mut out = String::with_capacity(json.len());
        let mut buffer = [0_u8; 4];
        let mut units = [0_u16; 2];
        for c in json.chars() {
            let one: &str = c.encode_utf8(&mut buffer);
            if c.is_ascii() || *(self.sanitise)(one) == *one {
                out.push(c);
            } else {
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        out
    }

    /// The text in the colour of its tone, or as it is.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = console::Style::new().force_styling(true);
        let style = match tone {
            Tone::Heading => style.bold(),
            Tone::Good => style.green(),
            Tone::Caution => style.yellow(),
            Tone::Bad => style.red().bold(),
            Tone::Quiet => style.dim(),
            Tone::Plain => return text.to_owned(),
        };
        style.apply_to(text).to_string()
    }

    /// One column that says the tone again before the word; empty where there are no symbols.
    #[must_use]
    pub const fn symbol(&self, tone: Tone) -> &'static str {
        match (self.symbols, self.unicode, tone) {
            (false, _, _) => "",
            (true, _, Tone::Heading) => "",
            (true, true, Tone::Good) => "✓ ",
            (true, false, Tone::Good) => "+ ",
            (true, _, Tone::Caution) => "! ",
            (true, true, Tone::Bad) => "✗ ",
            (true, false, Tone::Bad) => "x ",
            (true, true, Tone::Quiet | Tone::Plain) => "· ",
            (true, false, Tone::Quiet | Tone::Plain) => "- ",
        }
    }

    /// The pictures of a turning wheel, the last one for standing still.
    #[must_use]
    pub const fn wheel(&self) -> &'static str {
        if self.unicode { "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ " } else { "|/-\\ " }
    }

    /// The text cut to so many columns, with a mark where something is missing.
    #[must_use]
    pub fn cut(&self, text: &str, columns: usize) -> String {
        if text.width() <= columns {
            return text.to_owned();
        }
        let mark = if self.unicode { "…" } else { "..." };
        let room = columns.saturating_sub(mark.width());
        let mut out = head(text, room).to_owned();
        if columns >= mark.width() {
            out.push_str(mark);
        }
        out
    }

    /// The text in lines no wider than the width: the first after `first` columns of something else, all others after
    /// `hang`. One line where there is no width. The indents themselves are not part of the result.
    #[must_use]
    pub fn wrap(&self, text: &str, first: usize, hang: usize) -> Vec<String> {
        match self.width {
            None => vec![text.to_owned()],
            Some(width) => {
                wrapped(text, width.saturating_sub(first).max(1), width.saturating_sub(hang).max(1))
            }
        }
    }
}

/// The longest beginning of the text that fits into so many columns.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// The beginning of a word that is broken: as much as fits, up to where a part of it ends, unless that leaves most of the
/// room empty.
fn broken(word: &str, columns: usize) -> &str {
    let most = head(word, columns);
    if most.len() == word.len() {
        return most;
    }
    let ends = most.rfind(['/', '-', '.', ',', ':', '=']).and_then(|at| most.get(..=at));
    ends.filter(|part| part.width() * 2 > columns).unwrap_or(most)
}

fn wrapped(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut room = first;
    for word in text.split(' ') {
        let gap = usize::from(!line.is_empty());
        if line.width() + gap + word.width() <= room {
            if gap == 1 {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        // A word that fits on no line is broken, a path behind one of its folders; one that fits on the next goes there.
        let mut word = word;
        if line.is_empty() || word.width() > rest {
            if gap == 1 && line.width() + 1 < room {
                line.push(' ');
            }
            let part = broken(word, room.saturating_sub(line.width()));
            line.push_str(part);
            word = word.get(part.len()..).unwrap_or_default();
        }
        while !word.is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            room = rest;
            let mut part = broken(word, rest);
            if part.is_empty() {
                // One character wider than the whole line: shown all the same.
                part = word.get(..word.chars().next().map_or(0, char::len_utf8)).unwrap_or_default();
            }
            line.push_str(part);
            word = word.get(part.len()..).unwrap_or_default();
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(text: &str) -> Cow<'_, str> {
        Cow::Borrowed(text)
    }

    fn terminal(columns: u16) -> Surroundings {
        Surroundings { terminal: true, columns: Some(columns), unicode: true, ..Surroundings::default() }
    }

    #[test]
    fn colour_needs_an_able_terminal_or_force_and_no_color_wins() {
        let able = terminal(80);
        for (around, coloured) in [
            (able, true),
            (Surroundings { no_color: true, ..able }, false),
            (Surroundings { dumb: true, ..able }, false),
            (Surroundings::default(), false),
            (Surroundings { force_color: true, ..Surroundings::default() }, true),
            (Surroundings { force_color: true, no_color: true, ..able }, false),
        ] {
            let painted = Style::new(&around, same).paint(Tone::Good, "pass");
            assert_eq!(painted.contains('\u{1b}'), coloured, "{around:?}: {painted:?}");
        }
    }

    #[test]
    fn a_pipe_is_not_wrapped_and_a_terminal_is() {
        let text = "one two three four five six seven eight nine ten";
        assert_eq!(Style::piped(same).wrap(text, 0, 0), [text]);
        let lines = Style::new(&terminal(20), same).wrap(text, 4, 2);
        assert_eq!(lines, ["one two three", "four five six", "seven eight nine", "ten"]);
    }

    #[test]
    fn a_path_that_fits_on_no_line_is_broken_between_its_parts() {
        let style = Style::new(&terminal(20), same);
        let lines = style.wrap("evidence/0-validate-units-active.stdout", 0, 0);
        assert_eq!(lines, ["evidence/0-validate-", "units-active.stdout"]);
        // Where no part ends in the second half of the line, the line is filled.
        assert_eq!(style.wrap("a/bcdefghijklmnopqrstuvwxyz", 0, 0), ["a/bcdefghijklmnopqrs", "tuvwxyz"]);
    }

    #[test]
    fn a_line_break_in_foreign_text_stays_visible_on_one_line() {
        assert_eq!(Style::piped(same).clean("a\nphase b: committed\tx"), "a\\nphase b: committed x");
    }

    #[test]
    fn json_keeps_its_meaning_when_it_is_made_safe() {
        fn no_letters(text: &str) -> Cow<'_, str> {
            Cow::Owned(text.replace(['\u{202e}', '\u{9b}', '𝕏'], "?"))
        }
        let value = serde_json::json!({"a": "x\u{202e}\u{9b}𝕏ä\u{7}"});
        let safe = Style::piped(no_letters).clean_json(&value.to_string());
        assert_eq!(safe, "{\"a\":\"x\\u202e\\u009b\\ud835\\udd4fä\\u0007\"}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).expect("still JSON"), value);
    }

    proptest! {
        #[test]
        fn no_wrapped_line_is_wider_than_the_width_and_no_word_is_lost(
            text in "[a-zä漢🙂 /=.-]{0,200}", first in 0_usize..12, hang in 0_usize..12
        ) {
            let style = Style::new(&terminal(40), same);
            let lines = style.wrap(&text, first, hang);
            for (at, line) in lines.iter().enumerate() {
                let indent = if at == 0 { first } else { hang };
                prop_assert!(line.width() + indent <= 40, "{line:?}");
            }
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }

        #[test]
        fn what_is_cut_fits(text in "\\PC{0,80}", columns in 0_usize..60) {
            prop_assert!(Style::new(&terminal(40), same).cut(&text, columns).width() <= columns);
        }
    }
}
