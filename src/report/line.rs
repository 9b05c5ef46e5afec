//! One thing to say: a word, a subject, a text. Rendering is the one place where foreign text is made safe, so that no
//! caller can forget it.

use super::style::Style;
use crate::model::Outcome;
use unicode_width::UnicodeWidthStr;

/// How a line is meant. The word says it; colour and symbol say it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Something larger begins.
    Heading,
    /// It went as it should.
    Good,
    /// Somebody should know.
    Caution,
    /// It went wrong.
    Bad,
    /// Of little weight.
    Quiet,
    /// Neither good nor bad.
    Plain,
}

/// The column to which words are filled up where there is room,
const WORD: usize = 9;
/// and that of the outcomes of checks, which stand below each other.
const OUTCOME: usize = 12;

/// The room that a text needs beside its word.
const ROOM: usize = 8;

/// One thing to say. Its texts may be foreign and unsafe; [`Line::render`] makes them safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How it is meant.
    pub tone: Tone,
    /// How far it is set in.
    pub depth: usize,
    /// What kind of thing is said, in one or two words; empty in a line that continues another.
    pub word: String,
    /// The named thing; empty where the text says it all.
    pub subject: String,
    /// The subject is filled up to so many columns where there is room.
    pub align: usize,
    /// Observed value and rule, or whatever else is to be said.
    pub text: String,
    /// The column to which the word is filled up where there is room.
    column: usize,
}

impl Line {
    /// A line with a word and a text.
    pub fn new(tone: Tone, word: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            tone,
            depth: 0,
            word: word.into(),
            subject: String::new(),
            align: 0,
            text: text.into(),
            column: WORD,
        }
    }

    /// The outcome of a check.
    pub fn outcome(tone: Tone, outcome: Outcome, text: impl Into<String>) -> Self {
        Self { column: OUTCOME, ..Self::new(tone, outcome.word(), text) }
    }

    /// A line without a word.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, "", text)
    }

    /// An empty line.
    #[must_use]
    pub fn empty() -> Self {
        Self::plain("")
    }

    /// This line, set in.
    #[must_use]
    pub fn at(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// This line, about a named thing.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// This line, its subject filled up to a column.
    #[must_use]
    pub fn aligned(mut self, align: usize) -> Self {
        self.align = align;
        self
    }

    /// This line, where it is a hint with an option in every command that it proposes.
    #[must_use]
    pub(super) fn proposing(mut self, option: Option<&str>) -> Self {
        if let (Some(option), true) = (option, self.text.starts_with("hint: ")) {
            self.text = with_option(&self.text, option);
        }
        self
    }

    /// The line as it is shown: no control characters, no line wider than the style's width.
    #[must_use]
    pub fn render(&self, style: &Style) -> Vec<String> {
        let indent = " ".repeat(self.depth * 2);
        let symbol = if self.word.is_empty() { "" } else { style.symbol(self.tone) };
        let head = format!("{symbol}{}", style.clean(&self.word));
        let gap = match (self.word.is_empty(), self.subject.is_empty() && self.text.is_empty()) {
            (true, _) | (_, true) => 0,
            (false, false) if self.tone == Tone::Heading => 1,
            (false, false) if style.roomy() => {
                (symbol.width() + self.column).saturating_sub(head.width()) + 1
            }
            (false, false) => 2,
        };
        let body = style.clean(&self.body(style.roomy())).into_owned();
        // A word so long that its text has no room beside it is wrapped like text.
        let crowded = style.width().is_some_and(|width| indent.width() + head.width() + gap + ROOM > width);
        let (head, gap, body) = if crowded && !body.is_empty() {
            (String::new(), 0, if head.is_empty() { body } else { format!("{head} {body}") })
        } else if crowded {
            (String::new(), 0, head)
        } else {
            (head, gap, body)
        };
        let first = indent.width() + head.width() + gap;
        let hang = if style.roomy() && !self.word.is_empty() && self.tone != Tone::Heading {
            indent.width() + symbol.width() + self.column + 1
        } else {
            indent.width() + 2
        };
        let mut lines = Vec::new();
        for (at, part) in style.wrap(&body, first, hang).into_iter().enumerate() {
            lines.push(if at == 0 {
                let word = style.paint(self.tone, &head);
                let part = if self.tone == Tone::Heading { style.paint(self.tone, &part) } else { part };
                format!("{indent}{word}{}{part}", " ".repeat(gap)).trim_end().to_owned()
            } else {
                format!("{}{part}", " ".repeat(hang)).trim_end().to_owned()
            });
        }
        lines
    }

    fn body(&self, roomy: bool) -> String {
        match (self.subject.is_empty(), self.text.is_empty()) {
            (true, _) => self.text.clone(),
            (false, true) => self.subject.clone(),
            (false, false) if roomy && self.align > 0 => {
                let fill = self.align.saturating_sub(self.subject.width());
                format!("{}{}  {}", self.subject, " ".repeat(fill), self.text)
            }
            (false, false) => format!("{}: {}", self.subject, self.text),
        }
    }
}

/// Words of ours in which every command that reads the state folder has one more option.
#[must_use]
pub fn with_option(words: &str, option: &str) -> String {
    let mut parts = words.split('`').enumerate();
    let first = parts.next().map(|(_, part)| part.to_owned()).unwrap_or_default();
    parts.fold(first, |text, (at, part)| {
        let is_command = at % 2 == 1 && part.starts_with("switchback ") && !part.contains(" lint ");
        let option = if is_command { format!(" {option}") } else { String::new() };
        format!("{text}`{part}{option}")
    })
}

/// Lines as one text, each ended by a line break.
#[must_use]
pub fn render(lines: &[Line], style: &Style) -> String {
    let mut out = String::new();
    for line in lines.iter().flat_map(|line| line.render(style)) {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::style::Surroundings;
    use super::*;
    use std::borrow::Cow;

    fn same(text: &str) -> Cow<'_, str> {
        Cow::Borrowed(text)
    }

    #[test]
    fn no_outcome_moves_the_names_of_checks_out_of_their_column() {
        let named = |outcome| {
            let line = Line::outcome(Tone::Plain, outcome, "").about("disk-free").render(&Style::piped(same));
            line.concat().find("disk-free")
        };
        let all = [
            Outcome::Pass,
            Outcome::Warn,
            Outcome::Fail,
            Outcome::Error,
            Outcome::Inconclusive,
            Outcome::Skipped,
        ];
        assert_eq!(all.map(named), [Some(13); 6]);
    }

    #[test]
    fn every_command_of_a_hint_gets_the_option_and_no_other_text_does() {
        let hint = Line::plain("hint: see `switchback show 7`, not `--yes`").proposing(Some("--state /s"));
        assert_eq!(hint.text, "hint: see `switchback show 7 --state /s`, not `--yes`");
        let foreign = Line::plain("it says `switchback show`").proposing(Some("--state /s"));
        assert_eq!(foreign.text, "it says `switchback show`");
        assert_eq!(
            Line::plain("hint: `switchback status`").proposing(None).text,
            "hint: `switchback status`"
        );
    }

    #[test]
    fn a_line_is_word_subject_and_text_in_columns_where_there_is_room() {
        let line = Line::new(Tone::Good, "done", "61 GiB >= 20 GiB").about("disk-free").aligned(12).at(1);
        assert_eq!(line.render(&Style::piped(same)), ["  done      disk-free     61 GiB >= 20 GiB"]);
        let line =
            Line::outcome(Tone::Good, Outcome::Pass, "61 GiB >= 20 GiB").about("disk-free").aligned(12).at(1);
        assert_eq!(line.render(&Style::piped(same)), ["  pass         disk-free     61 GiB >= 20 GiB"]);
        let narrow = Surroundings { terminal: true, columns: Some(30), ..Surroundings::default() };
        let narrow = Surroundings { no_color: true, ..narrow };
        assert_eq!(line.render(&Style::new(&narrow, same)), ["  + pass  disk-free: 61 GiB >=", "    20 GiB"]);
    }
}
