//! A check over time: a chart of its number, or a strip of its verdicts, with what happened to the phases below.

use super::line::{Line, Tone, render};
use super::style::Style;
use super::text;
use crate::model::{Mark, Outcome, Sample, Timestamp, Trend, Turn, Value, counted};
use unicode_width::UnicodeWidthStr as _;

/// Where there is no terminal to fit into.
const COLUMNS: usize = 80;
/// So many changes and turns are listed, the newest.
const LISTED: usize = 6;
/// The room for the names of rows.
const NAMES: [&str; 2] = ["verdict", "phases"];

/// The trend for a person.
#[must_use]
pub fn trend(trend: &Trend, style: &Style) -> String {
    let (drawn, unit) = (Drawn::of(trend, style), trend.unit.as_deref());
    let about = format!("{} of phase {}, plan {}", trend.check, trend.phase, trend.plan);
    let field = trend.field.as_ref().map(|field| match unit_name(unit) {
        "" => format!(": {field}"),
        name => format!(": {field}, in {name}"),
    });
    let title = Line::new(Tone::Heading, format!("{about}{}", field.unwrap_or_default()), "");
    let mut out = render(&[title], style);
    let mut lines = Vec::new();
    match trend.samples.as_slice() {
        [] => lines.push(Line::plain("Nothing was found yet: it was not looked at in this time.")),
        [only] => lines.push(Line::plain(one(only, unit))),
        [_, .., last] => {
            out.push_str(&drawn.picture(trend, style));
            lines.push(Line::plain(legend(trend, last)));
            lines.push(Line::plain(drawn.letters(trend)));
            lines.extend(changes(trend, style));
        }
    }
    lines.extend(turns(trend));
    if !trend.also.is_empty() {
        let names: Vec<String> = trend.also.iter().map(|phase| format!("`--phase {phase}`")).collect();
        lines.push(Line::plain(format!("A check of this name is also in: {}.", names.join(", "))));
    }
    lines.extend(trend.missing.iter().map(|why| Line::new(Tone::Caution, "missing", why.clone())));
    out.push_str(&render(&lines, style));
    out
}

/// The trend for programs: every look, every turn, and the figures of the legend.
#[must_use]
pub fn trend_json(trend: &Trend) -> Value {
    let values = values(trend);
    let number = |value: Option<f64>| value.map_or(Value::Null, Value::from);
    let mut document = serde_json::to_value(trend).unwrap_or_default();
    if let Value::Object(fields) = &mut document {
        let summary = serde_json::json!({
            "looks": trend.samples.len(),
            "numbers": values.len(),
            "min": number(values.first().copied()),
            "median": number(median(&values)),
            "max": number(values.last().copied()),
            "last": number(trend.samples.iter().rev().find_map(|sample| sample.value)),
        });
        fields.insert("summary".to_owned(), summary);
    }
    document
}

/// The numbers, smallest first.
fn values(trend: &Trend) -> Vec<f64> {
    let mut values: Vec<f64> = trend.samples.iter().filter_map(|sample| sample.value).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(*upper);
    }
    sorted.get((sorted.len() / 2).checked_sub(1)?).map(|lower| f64::midpoint(*lower, *upper))
}

fn unit_name(unit: Option<&str>) -> &str {
    match unit {
        Some("B") => "bytes",
        Some("s") => "seconds",
        Some("%") => "percent",
        Some(other) => other,
        None => "",
    }
}

/// A number with its unit, in few digits.
fn number(unit: Option<&str>, value: f64) -> String {
    let plain = |value: f64| {
        let text = match value.abs() {
            huge if huge >= 1e9 => format!("{value:.2e}"),
            large if large >= 1000.0 => format!("{value:.0}"),
            middle if middle >= 1.0 => format!("{value:.2}"),
            _ => format!("{value:.4}"),
        };
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    match unit {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "three digits are shown")]
        Some("B") if value >= 0.0 => text::bytes(value as u64),
        Some(unit) => format!("{} {unit}", plain(value)),
        None => plain(value),
    }
}

const fn word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(outcome) => outcome.word(),
        None => "seen before the phase acted",
    }
}

const fn letter(outcome: Option<Outcome>) -> char {
    match outcome {
        None => 'o',
        Some(Outcome::Pass) => 'P',
        Some(Outcome::Warn) => 'W',
        Some(Outcome::Fail) => 'F',
        Some(Outcome::Error) => 'E',
        Some(Outcome::Inconclusive) => '?',
        Some(Outcome::Skipped) => 's',
    }
}

/// Of several verdicts in one place the worst is shown.
const fn weight(outcome: Option<Outcome>) -> u8 {
    match outcome {
        None => 0,
        Some(Outcome::Skipped) => 1,
        Some(Outcome::Pass) => 2,
        Some(Outcome::Warn) => 3,
        Some(Outcome::Inconclusive) => 4,
        Some(Outcome::Error) => 5,
        Some(Outcome::Fail) => 6,
    }
}

fn one(sample: &Sample, unit: Option<&str>) -> String {
    let value = sample.value.map_or_else(String::new, |value| format!("{}, ", number(unit, value)));
    let (verdict, when) = (word(sample.outcome), text::when(sample.at));
    format!("One look so far: {value}{verdict}, {when}. A trend needs a second one.")
}

fn legend(trend: &Trend, last: &Sample) -> String {
    let unit = trend.unit.as_deref();
    let sorted = values(trend);
    let looks = counted(trend.samples.len(), "look");
    let (Some(min), Some(max), Some(middle)) = (sorted.first(), sorted.last(), median(&sorted)) else {
        let mut kinds: Vec<(Option<Outcome>, usize)> = Vec::new();
        for sample in &trend.samples {
            match kinds.iter_mut().find(|(outcome, _)| *outcome == sample.outcome) {
                Some((_, count)) => *count += 1,
                None => kinds.push((sample.outcome, 1)),
            }
        }
        let kinds: Vec<String> =
            kinds.iter().map(|(outcome, count)| format!("{count} {}", word(*outcome))).collect();
        return format!("{looks}: {}; last {}", kinds.join(", "), word(last.outcome));
    };
    let newest = trend.samples.iter().rev().find_map(|sample| sample.value).unwrap_or(middle);
    let without = trend.samples.len() - sorted.len();
    let gaps = if without > 0 { format!(" ({without} without a number)") } else { String::new() };
    let [min, middle, max, newest] = [*min, middle, *max, newest].map(|value| number(unit, value));
    format!("min {min}, median {middle}, max {max}, last {newest}; {looks}{gaps}")
}

fn changes(trend: &Trend, style: &Style) -> Vec<Line> {
    let arrow = if style.unicode() && style.live() { "→" } else { "->" };
    let mut judged = trend.samples.iter().filter(|sample| sample.outcome.is_some());
    let mut before = judged.next();
    let mut lines = Vec::new();
    for sample in judged {
        if let Some(earlier) = before.filter(|earlier| earlier.outcome != sample.outcome) {
            let turned = format!("{} {arrow} {}", word(earlier.outcome), word(sample.outcome));
            let tone = sample.outcome.map_or(Tone::Plain, text::outcome_tone);
            lines.push(Line::new(tone, turned, text::when(sample.at)).at(1));
        }
        before = Some(sample);
    }
    newest(lines, "verdict change")
}

fn turns(trend: &Trend) -> Vec<Line> {
    let line = |mark: &Mark| {
        let (tone, word) = match mark.turn {
            Turn::Begun => (Tone::Quiet, "begun"),
            Turn::Committed => (Tone::Good, "committed"),
            Turn::Reverted => (Tone::Caution, "reverted"),
        };
        let text = format!("{}, generation {}", text::when(mark.at), mark.generation);
        Line::new(tone, word, text).about(mark.phase.as_str()).at(1)
    };
    newest(trend.marks.iter().map(line).collect(), "turn of a phase")
}

fn newest(mut lines: Vec<Line>, what: &str) -> Vec<Line> {
    let more = lines.len().saturating_sub(LISTED);
    let mut shown = lines.split_off(more);
    if more > 0 {
        let what = if more == 1 {
            what.to_owned()
        } else {
            what.replacen("change", "changes", 1).replacen("turn ", "turns ", 1)
        };
        shown.insert(0, Line::new(Tone::Quiet, "", format!("{more} earlier {what}")).at(1));
    }
    shown
}

/// What one column of the picture stands for.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    value: Option<f64>,
    /// The worst verdict; nothing where there was no look.
    verdict: Option<Option<Outcome>>,
    turn: Option<Turn>,
}

struct Drawn {
    columns: Vec<Column>,
    low: String,
    high: String,
    names: usize,
    bounds: Option<(f64, f64)>,
    from: Timestamp,
    to: Timestamp,
    able: bool,
}

impl Drawn {
    fn of(trend: &Trend, style: &Style) -> Self {
        let able = style.unicode() && style.live();
        let sorted = values(trend);
        let bounds = sorted.first().copied().zip(sorted.last().copied());
        let label =
            |value: Option<f64>| value.map_or_else(String::new, |it| number(trend.unit.as_deref(), it));
        let (low, high) = (label(bounds.map(|it| it.0)), label(bounds.map(|it| it.1)));
        // What no label tells apart is no difference to draw.
        let bounds = bounds.map(|(least, most)| if low == high { (least, least) } else { (least, most) });
        let names =
            NAMES.iter().map(|name| name.width()).chain([low.width(), high.width()]).max().unwrap_or(0);
        let room = style.width().unwrap_or(COLUMNS).saturating_sub(names + 2).max(8);
        let (from, to) = match (trend.samples.first(), trend.samples.last()) {
            (Some(first), Some(last)) => (first.at, last.at),
            (Some(_) | None, None) | (None, Some(_)) => (Timestamp(0), Timestamp(0)),
        };
        let mut columns = vec![Column::default(); room];
        let mut values = vec![Vec::new(); room];
        for sample in &trend.samples {
            let place = place(sample.at, from, to, room);
            if let (Some(column), Some(values)) = (columns.get_mut(place), values.get_mut(place)) {
                values.extend(sample.value);
                let worse = column.verdict.is_none_or(|seen| weight(seen) < weight(sample.outcome));
                column.verdict = if worse { Some(sample.outcome) } else { column.verdict };
            }
        }
        for (column, values) in columns.iter_mut().zip(&mut values) {
            values.sort_by(f64::total_cmp);
            column.value = median(values);
        }
        for mark in &trend.marks {
            if let Some(column) = columns.get_mut(place(mark.at, from, to, room)) {
                column.turn = column.turn.max(Some(mark.turn));
            }
        }
        Self { columns, low, high, names, bounds, from, to, able }
    }

    fn picture(&self, trend: &Trend, style: &Style) -> String {
        let wall = if self.able { "│" } else { "|" };
        let mut out = String::new();
        let mut row = |name: &str, cells: String| {
            let pad = " ".repeat(self.names.saturating_sub(name.width()));
            let line = format!("{pad}{name} {wall}{cells}");
            out.push_str(line.trim_end());
            out.push('\n');
        };
        let rows = match style.width().unwrap_or(COLUMNS) {
            ..60 => 5,
            60..100 => 7,
            100.. => 9,
        };
        if let Some(bounds) = self.bounds {
            for at in 0..rows {
                let name = match at {
                    _ if self.low == self.high => [self.high.as_str(), ""][usize::from(at != rows / 2)],
                    0 => self.high.as_str(),
                    _ if at + 1 == rows => self.low.as_str(),
                    _ => "",
                };
                row(name, self.cells(style, |column| self.block(column, bounds, rows, at)));
            }
        }
        row(NAMES[0], self.verdicts(trend, style));
        if self.columns.iter().any(|column| column.turn.is_some()) {
            row(
                NAMES[1],
                self.cells(style, |column| match column.turn {
                    None => ' ',
                    Some(Turn::Begun) => 'B',
                    Some(Turn::Committed) => 'C',
                    Some(Turn::Reverted) => 'R',
                }),
            );
        }
        let (corner, floor) = if self.able { ("└", "─") } else { ("+", "-") };
        out.push_str(&format!(
            "{}{corner}{}\n",
            " ".repeat(self.names + 1),
            floor.repeat(self.columns.len())
        ));
        let (from, to) = (self.time(self.from), self.time(self.to));
        let gap = self.columns.len().saturating_sub(from.width() + to.width());
        let indent = " ".repeat(self.names + 2);
        if gap > 0 {
            out.push_str(&format!("{indent}{from}{}{to}\n", " ".repeat(gap)));
        } else {
            out.push_str(&format!("{indent}{from}\n{indent}{to}\n"));
        }
        out
    }

    /// The eighths of a row that a column fills.
    fn block(&self, column: &Column, (low, high): (f64, f64), rows: usize, at: usize) -> char {
        let Some(value) = column.value else { return ' ' };
        let steps = rows * 8;
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of fewer than a hundred steps"
        )]
        let level = 1 + (share.clamp(0.0, 1.0) * (steps - 1) as f64).round() as usize;
        let full = level.saturating_sub((rows - 1 - at) * 8).min(8);
        if self.able {
            [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'].get(full).copied().unwrap_or(' ')
        } else {
            match full {
                0 => ' ',
                1..=4 => '.',
                5..=7 => ':',
                _ => '#',
            }
        }
    }

    /// A letter where the verdict is another than before, and a line where it stays; letters throughout where that is
    /// all there is to see.
    fn verdicts(&self, trend: &Trend, style: &Style) -> String {
        let line = if self.able { '─' } else { '-' };
        let (mut before, strip) = (None, trend.field.is_none() || self.bounds.is_none());
        self.cells(style, |column| match column.verdict {
            None if before.is_some() && !strip => line,
            None => ' ',
            Some(verdict) if before == Some(verdict) && !strip => line,
            Some(verdict) => {
                before = Some(verdict);
                letter(verdict)
            }
        })
    }

    /// One row, in the tones of its columns' verdicts.
    fn cells(&self, style: &Style, mut cell: impl FnMut(&Column) -> char) -> String {
        let mut out = String::new();
        let mut run = (Tone::Plain, String::new());
        for column in &self.columns {
            let tone = match column.verdict.flatten() {
                Some(outcome @ (Outcome::Warn | Outcome::Fail | Outcome::Error | Outcome::Inconclusive)) => {
                    text::outcome_tone(outcome)
                }
                Some(Outcome::Pass | Outcome::Skipped) | None => Tone::Plain,
            };
            if tone != run.0 {
                out.push_str(&style.paint(run.0, &run.1));
                run = (tone, String::new());
            }
            run.1.push(cell(column));
        }
        out.push_str(&style.paint(run.0, &run.1));
        out
    }

    /// What the letters mean; only those that are there.
    fn letters(&self, trend: &Trend) -> String {
        let mut kinds: Vec<Option<Outcome>> =
            self.columns.iter().filter_map(|column| column.verdict).collect();
        kinds.sort_by_key(|kind| weight(*kind));
        kinds.dedup();
        let mut words: Vec<String> =
            kinds.into_iter().map(|kind| format!("{} {}", letter(kind), word(kind))).collect();
        let turned = |turn: Turn| self.columns.iter().any(|column| column.turn == Some(turn));
        for (turn, text) in
            [(Turn::Begun, "B phase begun"), (Turn::Committed, "C committed"), (Turn::Reverted, "R reverted")]
        {
            if turned(turn) {
                words.push(text.to_owned());
            }
        }
        let per =
            if trend.samples.len() > self.columns.len() { "; of several in a column the worst" } else { "" };
        format!("{}{per}; times are UTC", words.join(", "))
    }

    /// A point in time at the axis, as short as the whole allows.
    fn time(&self, at: Timestamp) -> String {
        let text = at.to_string().replace('T', " ");
        let day = 24 * 60 * 60 * 1_000;
        let part = match (self.to.since(self.from).0, self.columns.len()) {
            (..60_000, _) => text.get(11..19),
            (..=86_400_000, ..40) => text.get(11..16),
            (span, ..40) if span > 300 * day => text.get(..10),
            (_, ..40) => text.get(5..16),
            (_, _) => text.get(..16),
        };
        part.unwrap_or(&text).to_owned()
    }
}

/// The column for a point in time. What lies outside is drawn at the edge.
fn place(at: Timestamp, from: Timestamp, to: Timestamp, room: usize) -> usize {
    let (part, whole) = (u128::from(at.since(from).0), u128::from(to.since(from).0).max(1));
    let last = room.saturating_sub(1);
    let place = part * u128::try_from(last).unwrap_or(0) / whole;
    usize::try_from(place).unwrap_or(last).min(last)
}
