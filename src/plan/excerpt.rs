//! The text of an excerpt, its long lines cut: a line that wraps would leave its marks under other words.

use super::diagnostic::Drawing;
use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// Columns that stand before the text of a line: its number and a bar.
const GUTTER: usize = 8;
/// Columns that a line is shown in at least.
const LEAST: usize = 12;

/// A text with its long lines cut, which still tells in which column of the whole the complaint is.
#[derive(Debug)]
pub(super) struct CutText {
    name: String,
    text: String,
    /// Where the complaint is in the cut text, and its column in the whole one, from 0.
    at: usize,
    column: usize,
}

impl CutText {
    /// Cuts the text to a width, around the marks in it; moves these along. `column` is that of the first, from 1.
    pub(super) fn around(
        marks: &mut Vec<LabeledSpan>,
        name: String,
        text: String,
        column: usize,
        drawing: Drawing,
    ) -> Self {
        let dots = if drawing.unicode { "…" } else { "..." };
        let columns = drawing.width.saturating_sub(GUTTER).max(LEAST);
        let text = if text.lines().all(|line| line.chars().count() <= columns) {
            text
        } else {
            let (cut, moved) = cut(&text, marks, columns, dots);
            *marks = moved;
            cut
        };
        let at = marks.first().map_or(0, LabeledSpan::offset);
        Self { name, text, at, column: column.saturating_sub(1) }
    }
}

/// The text with its long lines cut, and the marks where they are in it.
fn cut(text: &str, marks: &[LabeledSpan], columns: usize, dots: &str) -> (String, Vec<LabeledSpan>) {
    let mut out = String::with_capacity(text.len());
    let mut places: Vec<(Option<usize>, Option<usize>)> = vec![(None, None); marks.len()];
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let within = |offset: usize| (start..=start + body.len()).contains(&offset);
        let first = marks.iter().map(LabeledSpan::offset).find(|offset| within(*offset));
        let window = window(body, first.map(|offset| offset - start), columns);
        let new = out.len();
        let lead = if window.start > 0 { dots } else { "" };
        let trail = if window.end < body.len() { dots } else { "" };
        let moved = |offset: usize| {
            let inside = (offset - start).clamp(window.start, window.end) - window.start;
            new + lead.len() + inside
        };
        for (mark, place) in marks.iter().zip(&mut places) {
            let (from, to) = (mark.offset(), mark.offset() + mark.len());
            place.0 = place.0.or_else(|| within(from).then(|| moved(from)));
            place.1 = place.1.or_else(|| within(to).then(|| moved(to)));
        }
        out.push_str(lead);
        out.push_str(body.get(window).unwrap_or(body));
        out.push_str(trail);
        out.push_str(line.get(body.len()..).unwrap_or_default());
        start += line.len();
    }
    let end = out.len();
    let moved = marks.iter().zip(places).map(|(mark, (from, to))| {
        let from = from.unwrap_or(end);
        let span = SourceSpan::new(from.into(), to.unwrap_or(end).saturating_sub(from));
        let label = mark.label().map(str::to_owned);
        if mark.primary() {
            LabeledSpan::new_primary_with_span(label, span)
        } else {
            LabeledSpan::new_with_span(label, span)
        }
    });
    (out, moved.collect())
}

/// The bytes of a line that are shown: all of it where it fits, else so much that the mark has some of it on both sides.
fn window(line: &str, mark: Option<usize>, columns: usize) -> std::ops::Range<usize> {
    let length = line.chars().count();
    if length <= columns {
        return 0..line.len();
    }
    let before = mark.map_or(0, |mark| line.get(..mark).unwrap_or(line).chars().count());
    // What stands at the left shall be seen together with its beginning, and a mark has words behind it.
    let from = if before < columns / 2 { 0 } else { before - columns / 3 };
    let byte = |at: usize| line.char_indices().nth(at).map_or(line.len(), |(byte, _)| byte);
    byte(from)..byte((from + columns).saturating_sub(2 * DOTS).max(from + 1))
}

/// Columns of the dots at one end, at most.
const DOTS: usize = 3;

impl SourceCode for CutText {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.read_span(span, before, after)?;
        let asks_where = before == 0 && after == 0 && span.offset() == self.at;
        let column = if asks_where { self.column } else { found.column() };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            found.data(),
            *found.span(),
            found.line(),
            column,
            found.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_its_mark_and_the_mark_stays_under_its_word() {
        let line = format!("{}MARK{}", "x".repeat(200), "y".repeat(200));
        let text = format!("{}\n{line}\nshort\n", "a".repeat(99));
        let marks = vec![LabeledSpan::new_primary_with_span(None, SourceSpan::new(300.into(), 4))];
        let (out, moved) = cut(&text, &marks, 32, "...");
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= 32), "{out}");
        assert_eq!((lines.len(), lines[2]), (3, "short"));
        assert!(
            lines[0].ends_with("a...") && lines[1].starts_with("...x") && lines[1].ends_with("y..."),
            "{out}"
        );
        let (from, length) = (moved[0].offset(), moved[0].len());
        assert_eq!(out.get(from..from + length), Some("MARK"));
    }

    #[test]
    fn the_left_of_a_line_is_shown_from_its_beginning_and_letters_are_never_halved() {
        let text = format!("key: {}", "ü".repeat(100));
        let marks = vec![LabeledSpan::new_primary_with_span(None, SourceSpan::new(5.into(), 200))];
        let (out, moved) = cut(&text, &marks, 20, "…");
        assert!(out.starts_with("key: ü") && out.ends_with('…') && out.chars().count() <= 20, "{out}");
        assert_eq!(moved[0].offset(), 5);
        assert!(out.is_char_boundary(moved[0].offset() + moved[0].len()));
    }
}
