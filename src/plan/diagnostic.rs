//! Complaints about a plan: what is wrong, where, and what to do about it.

use super::characters::{printable, source_shown};
use super::excerpt::CutText;
use super::tree::{Node, Place};
use super::unread::{Doubt, Losses};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceSpan};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// Complaints beyond this many are counted only.
const MOST: usize = 100;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gravity {
    /// The plan is refused.
    Error,
    /// The plan is legal, and this is unwise.
    Warning,
}

impl Gravity {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A further place that belongs to a complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is there.
    pub text: String,
}

/// One complaint, in its place. All texts are free of control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub gravity: Gravity,
    /// Its name: `plan::unknown-check`.
    pub code: String,
    /// What is wrong: the thing and what was found.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The file, as the plan names it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Further places.
    pub also: Vec<Label>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    labels: Vec<(Place, String)>,
}

/// A file that was read, for excerpts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceText {
    pub(super) name: String,
    pub(super) text: String,
}

/// All complaints of one load, sorted by file and place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diagnostics {
    /// The complaints.
    pub list: Vec<Diagnostic>,
    /// How many more there were than are listed.
    pub left_out: usize,
    #[serde(skip)]
    sources: Vec<SourceText>,
}

/// How diagnostics are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawing {
    /// Columns.
    pub width: usize,
    /// Colours by escape sequences.
    pub colour: bool,
    /// Lines and marks beyond ASCII.
    pub unicode: bool,
}

/// A complaint while a plan is read.
#[derive(Debug, Clone)]
pub(super) struct Complaint {
    gravity: Gravity,
    code: &'static str,
    message: String,
    help: Option<String>,
    place: Place,
    labels: Vec<(Place, String)>,
}

impl Complaint {
    pub(super) fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Error, code, message: message.into(), help: None, place, labels: Vec::new() }
    }

    pub(super) fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Warning, ..Self::error(code, place, message) }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn help_if_any(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    pub(super) fn also(mut self, place: Place, text: impl Into<String>) -> Self {
        self.labels.push((place, text.into()));
        self
    }
}

/// Codes of complaints about variables: what else is wrong with such a value only follows from them.
const UNRESOLVED: [&str; 3] = ["undeclared-variable", "variable-type", "open-variable"];

/// Complaints as they are found.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    list: Vec<Complaint>,
    /// Where a variable stands alone: its name, and where its value is written.
    values: BTreeMap<Place, (String, Place)>,
    /// What could not be read and was left out.
    pub(super) losses: Losses,
}

impl Complaints {
    pub(super) fn push(&mut self, complaint: Complaint) {
        self.list.push(complaint);
    }

    /// Learns that a variable stands alone at a place, so that what is wrong there is wrong with its value.
    pub(super) fn stands(&mut self, place: Place, name: &str, value: Place) {
        self.values.insert(place, (name.to_owned(), value));
    }

    /// Learns where the parts of the plan are.
    pub(super) fn survey(&mut self, plan: &Node) {
        self.losses.survey(plan);
    }

    pub(super) fn has_errors(&self) -> bool {
        self.list.iter().any(|complaint| complaint.gravity == Gravity::Error)
    }

    /// Sorts, leaves out what only follows from unread parts, and takes out every character that could deceive.
    pub(super) fn finish(self, sources: Vec<SourceText>) -> Diagnostics {
        let losses = self.losses;
        let mut complaints: Vec<Complaint> = self
            .list
            .into_iter()
            .filter(|one| losses.is_empty() || one.gravity == Gravity::Error)
            .filter_map(|one| match losses.doubt(one.code, one.place, &one.message) {
                Doubt::None => Some(one),
                Doubt::Follows => None,
                Doubt::NotChecked(place, text) => Some(Complaint::warning("not-checked", place, text)),
            })
            .collect();
        let unresolved: Vec<Place> =
            complaints.iter().filter(|one| UNRESOLVED.contains(&one.code)).map(|one| one.place).collect();
        complaints.retain(|one| UNRESOLVED.contains(&one.code) || !unresolved.contains(&one.place));
        for complaint in &mut complaints {
            let value = self.values.get(&complaint.place).filter(|_| complaint.labels.is_empty());
            complaint.labels.extend(value.map(|(name, place)| (*place, format!("the value of `{name}`"))));
        }
        complaints.sort_by(|a, b| (a.place, a.code, &a.message).cmp(&(b.place, b.code, &b.message)));
        complaints.dedup_by(|a, b| a.place == b.place && a.code == b.code && a.message == b.message);
        let left_out = complaints.len().saturating_sub(MOST);
        let list = complaints.into_iter().take(MOST).map(|one| placed(one, &sources)).collect();
        Diagnostics { list, left_out, sources }
    }
}

fn placed(complaint: Complaint, sources: &[SourceText]) -> Diagnostic {
    let (file, line, column) = position(complaint.place, sources);
    let also = complaint
        .labels
        .iter()
        .map(|(place, text)| {
            let (file, line, column) = position(*place, sources);
            Label { file, line, column, text: printable(text) }
        })
        .collect();
    Diagnostic {
        gravity: complaint.gravity,
        code: format!("plan::{}", complaint.code),
        message: printable(&complaint.message),
        help: complaint.help.as_deref().map(printable),
        file,
        line,
        column,
        also,
        place: complaint.place,
        labels: complaint.labels,
    }
}

fn position(place: Place, sources: &[SourceText]) -> (String, usize, usize) {
    let Some(source) = sources.get(place.file) else { return (String::new(), 1, 1) };
    let before = source.text.get(..place.start).unwrap_or_default();
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (printable(&source.name), line, column)
}

impl Diagnostics {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Nothing to say any more.
    pub fn clear(&mut self) {
        self.list.clear();
        self.left_out = 0;
    }

    /// One more, in its order.
    pub(super) fn add(&mut self, complaint: Complaint) {
        let one = placed(complaint, &self.sources);
        let at = self.list.partition_point(|other| other.place <= one.place);
        self.list.insert(at, one);
    }

    /// How many there are, those left out included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len() + self.left_out
    }

    /// One line each, for pipes and editors: `file:line:column: error[plan::code]: message`.
    #[must_use]
    pub fn lines(&self) -> String {
        let mut out = String::new();
        for one in &self.list {
            let word = one.gravity.word();
            line(
                &mut out,
                format_args!(
                    "{}:{}:{}: {word}[{}]: {}",
                    one.file, one.line, one.column, one.code, one.message
                ),
            );
            for label in &one.also {
                line(
                    &mut out,
                    format_args!("  {}:{}:{}: {}", label.file, label.line, label.column, label.text),
                );
            }
            if let Some(help) = &one.help {
                line(&mut out, format_args!("  help: {help}"));
            }
        }
        if self.left_out > 0 {
            line(&mut out, format_args!("and {} more", self.left_out));
        }
        out
    }

    /// Each with an excerpt of its file.
    #[must_use]
    pub fn drawn(&self, drawing: Drawing) -> String {
        let theme = match (drawing.unicode, drawing.colour) {
            (true, true) => GraphicalTheme::unicode(),
            (true, false) => GraphicalTheme::unicode_nocolor(),
            (false, true) => GraphicalTheme {
                characters: miette::ThemeCharacters::ascii(),
                styles: miette::ThemeStyles::ansi(),
            },
            (false, false) => GraphicalTheme::none(),
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(drawing.width.max(20))
            .with_break_words(false)
            .with_links(false)
            .with_context_lines(1)
            .without_cause_chain();
        let mut out = String::new();
        for one in &self.list {
            let mut text = String::new();
            match handler.render_report(&mut text, &Excerpt::of(one, &self.sources, drawing)) {
                Ok(()) => out.push_str(text.trim_start_matches('\n')),
                // A report that cannot be drawn is still told.
                Err(fmt::Error) => line(&mut out, format_args!("{}: {}", one.code, one.message)),
            }
            if !out.ends_with("\n\n") {
                out.push('\n');
            }
        }
        if self.left_out > 0 {
            line(&mut out, format_args!("and {} more", self.left_out));
        }
        out
    }
}

/// Writing to a string does not fail.
fn line(out: &mut String, text: fmt::Arguments<'_>) {
    if out.write_fmt(text).is_ok() {
        out.push('\n');
    }
}

#[derive(Debug)]
struct Excerpt {
    message: String,
    code: String,
    help: Option<String>,
    severity: miette::Severity,
    source: CutText,
    labels: Vec<LabeledSpan>,
}

impl Excerpt {
    fn of(one: &Diagnostic, sources: &[SourceText], drawing: Drawing) -> Self {
        let source = sources.get(one.place.file);
        let (name, text) = source.map_or(("", ""), |source| (source.name.as_str(), source.text.as_str()));
        let (shown, moved) = source_shown(text);
        let span = |place: &Place| {
            let start = moved(place.start);
            SourceSpan::new(start.into(), moved(place.end.max(place.start)).saturating_sub(start))
        };
        let mut labels = vec![LabeledSpan::new_primary_with_span(Some("here".to_owned()), span(&one.place))];
        labels.extend(
            one.labels
                .iter()
                .filter(|(place, _)| place.file == one.place.file)
                .map(|(place, text)| LabeledSpan::new_with_span(Some(printable(text)), span(place))),
        );
        // An empty file has no line to show, and one that was made to be long would fill the screen.
        let shows =
            !shown.is_empty() && labels.iter().all(|label| is_short(&shown, label.offset(), label.len()));
        let mut places = if shows { labels } else { Vec::new() };
        let source = CutText::around(&mut places, printable(name), shown, one.column, drawing);
        let elsewhere: Vec<String> = one
            .also
            .iter()
            .filter(|label| label.file != one.file)
            .map(|label| format!("{}:{}:{}: {}", label.file, label.line, label.column, label.text))
            .collect();
        let help = one.help.iter().cloned().chain(elsewhere).collect::<Vec<_>>().join("\n");
        Self {
            message: if places.is_empty() {
                format!("{}:{}:{}: {}", one.file, one.line, one.column, one.message)
            } else {
                one.message.clone()
            },
            code: one.code.clone(),
            help: (!help.is_empty()).then_some(help),
            severity: match one.gravity {
                Gravity::Error => miette::Severity::Error,
                Gravity::Warning => miette::Severity::Warning,
            },
            source,
            labels: places,
        }
    }
}

/// Whether the lines of a span, with one before and one behind it, are such as people write.
fn is_short(text: &str, start: usize, length: usize) -> bool {
    const LONGEST: usize = 1000;
    let begin = text.get(..start).map_or(0, |before| before.len() - tail(before, 2).len());
    let behind = text.get(start.saturating_add(length)..).unwrap_or_default();
    let end = text.len() - behind.len() + behind.split_inclusive('\n').take(2).map(str::len).sum::<usize>();
    let excerpt = text.get(begin..end).unwrap_or(text);
    excerpt.lines().all(|line| line.len() <= LONGEST) && excerpt.len() <= 8 * LONGEST
}

/// The last lines of a text, the one that is not complete included.
fn tail(text: &str, lines: usize) -> &str {
    let start = text.rmatch_indices('\n').nth(lines - 1).map_or(0, |(at, _)| at + 1);
    text.get(start..).unwrap_or_default()
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Excerpt {}

impl miette::Diagnostic for Excerpt {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
