//! Lines that stand in a column of no block: indented with a tab, or a column or two beside the fields or elements that
//! they belong to. They are moved to where they were meant to stand, so that such a slip costs one complaint and not the
//! rest of the plan.

use super::parse::{NotYaml, parse};
use super::recover::{colon_of, is_key};
use super::tree::Place;
use crate::model::counted;
use std::collections::{BTreeMap, BTreeSet};

/// A field further beside every block than this is left to be complained of as it stands.
const REACH: usize = 2;
/// An element; a column more would as well be one of another list.
const ELEMENT_REACH: usize = 1;
/// So many first lines of blocks are suspected, and so many found to be beside them, at most.
const TRIES: usize = 4;
/// So many columns a tab may have been meant for.
const TABS: [usize; 4] = [2, 4, 8, 1];

/// A text whose lines stand where they were meant to, and how to find their places in what was written.
#[derive(Debug)]
pub(super) struct Mended {
    pub(super) text: String,
    pub(super) slips: Vec<NotYaml>,
    lines: Vec<Moved>,
}

/// Where a line begins in both texts, and how far it is indented there, in bytes.
#[derive(Debug, Clone, Copy)]
struct Moved {
    written: (usize, usize),
    mended: (usize, usize),
}

impl Mended {
    /// The byte of the written text that stands at a byte of the mended one.
    pub(super) fn written(&self, at: usize) -> usize {
        let number = self.lines.partition_point(|line| line.mended.0 <= at);
        let Some(line) = number.checked_sub(1).and_then(|number| self.lines.get(number)) else { return at };
        let column = at - line.mended.0;
        match column.checked_sub(line.mended.1) {
            Some(behind) => line.written.0 + line.written.1 + behind,
            None => line.written.0 + column.min(line.written.1),
        }
    }
}

/// The text with its slips mended; `None` where there are none. Of the widths that a tab may have, the one is taken with
/// which the text can be read, or with which least is beside its block.
pub(super) fn mended(file: usize, text: &str) -> Option<Mended> {
    let has_tab = text.lines().any(|line| indentation(line).contains('\t'));
    let widths = if has_tab { &TABS[..] } else { &TABS[..1] };
    let mut best: Option<Found> = None;
    for width in widths {
        let found = likeliest(file, text, *width);
        if has_tab && parse(file, &found.mended.text).is_ok() {
            return Some(found.mended);
        }
        if best.as_ref().is_none_or(|best| found.beside < best.beside) {
            best = Some(found);
        }
    }
    best.map(|found| found.mended).filter(|mended| !mended.slips.is_empty())
}

/// Where much is beside a block, its first line may be what is: then that one is moved.
fn likeliest(file: usize, text: &str, tab: usize) -> Found {
    let mut moved = BTreeMap::new();
    let mut best = Mending::of(file, text, tab, &moved);
    for _ in 0..TRIES {
        let mut better = None;
        for (line, by) in best.suspects.iter().take(if best.beside > 1 { TRIES } else { 0 }) {
            let tried: BTreeMap<usize, isize> =
                moved.iter().map(|(at, by)| (*at, *by)).chain([(*line, *by)]).collect();
            let found = Mending::of(file, text, tab, &tried);
            if found.beside < better.as_ref().map_or(best.beside, |(_, found): &(_, Found)| found.beside) {
                better = Some((tried, found));
            }
        }
        let Some((tried, found)) = better else { break };
        (moved, best) = (tried, found);
    }
    best
}

/// A mended text, how many lines were beside their blocks, and which first lines of blocks may have been instead, by how
/// much.
struct Found {
    mended: Mended,
    beside: usize,
    suspects: BTreeSet<(usize, isize)>,
}

fn indentation(line: &str) -> &str {
    let content = line.trim_start_matches([' ', '\t']);
    line.get(..line.len() - content.len()).unwrap_or_default()
}

/// A block that is open: its column, and the column in which its newest line was written.
#[derive(Debug, Clone, Copy)]
struct Block {
    column: usize,
    /// The column in which its first line was written, and which line that is.
    opened: (usize, usize),
    written: usize,
    is_list: bool,
    /// Its newest entry has no value yet.
    is_open: bool,
}

/// What goes on over several lines and is not looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    /// A text after `|` or `>`: the column of its first line, once that is known.
    Text(Option<usize>),
    /// Brackets, so many of them open.
    Brackets(usize),
    /// A quoted text.
    Quote(char),
}

/// Where a line is to stand: by itself, or with the first line of its block.
#[derive(Debug, Clone, Copy)]
enum Stand {
    At(usize),
    With(usize),
}

struct Mending {
    blocks: Vec<Block>,
    /// The line at hand.
    line: usize,
    suspects: BTreeSet<(usize, isize)>,
    within: Within,
    /// The column in which the line was written on which that began.
    since: usize,
}

impl Mending {
    fn of(file: usize, text: &str, tab: usize, moved: &BTreeMap<usize, isize>) -> Found {
        let top = Block { column: 0, opened: (0, 0), written: 0, is_list: false, is_open: false };
        let mut mending =
            Self { blocks: vec![top], line: 0, suspects: BTreeSet::new(), within: Within::Nothing, since: 0 };
        let mut mended = Mended { text: String::new(), slips: Vec::new(), lines: Vec::new() };
        let (mut at, mut beside, mut tabbed) = (0, 0, false);
        for (number, line) in text.split_inclusive('\n').enumerate() {
            mending.line = number;
            let written = indentation(line);
            let content = line.get(written.len()..).unwrap_or_default();
            let there = expanded(written, tab);
            let by = moved.get(&number).copied().unwrap_or(0);
            let column = there.saturating_add_signed(by);
            let stand = mending.stand(column, written, content);
            let silent = content.trim().is_empty() || content.starts_with('#');
            let (meant, follows) = match stand {
                Some(Stand::At(meant)) => (meant, false),
                // A first line that is moved is told of.
                Some(Stand::With(meant)) => (meant, by == 0),
                None => (there, true),
            };
            let is_tab = written.contains('\t') && stand.is_some();
            let moves = !silent && (is_tab || meant != there);
            beside += usize::from(moves && !follows && meant != there);
            if by != 0 && meant == there {
                // It opens no block, and belongs where it is.
                beside = usize::MAX / 2;
            }
            if moves && !(is_tab && tabbed) && (is_tab || !follows) {
                let place = Place { file, start: at + written.len(), end: at + line.trim_end().len() };
                mended.slips.push(slip(place, content, there, meant, is_tab));
            }
            if !silent {
                tabbed = is_tab;
            }
            let indent = if moves { " ".repeat(meant) } else { written.to_owned() };
            mended
                .lines
                .push(Moved { written: (at, written.len()), mended: (mended.text.len(), indent.len()) });
            mended.text.push_str(&indent);
            mended.text.push_str(content);
            at += line.len();
        }
        Found { mended, beside, suspects: mending.suspects }
    }

    /// The column in which a line is to stand; `None` where its indentation is part of a text.
    fn stand(&mut self, column: usize, written: &str, content: &str) -> Option<Stand> {
        let content = content.trim_end();
        if content.is_empty() || content.starts_with('#') && !matches!(self.within, Within::Text(_)) {
            return None;
        }
        match self.within {
            Within::Nothing => {}
            Within::Text(first) if column > self.since => {
                // Tabs behind the blanks of a text are part of it.
                let blanks = written.len() - written.trim_start_matches(' ').len();
                let is_text = first.map_or(blanks > self.since, |first| blanks >= first);
                let first = first.unwrap_or(if is_text { blanks } else { column });
                self.within = Within::Text(Some(first));
                return (!is_text).then(|| Stand::At(column.max(first)));
            }
            Within::Brackets(_) | Within::Quote(_) if column > self.since => {
                self.within = goes_on(self.within, content);
                return None;
            }
            Within::Text(_) | Within::Brackets(_) | Within::Quote(_) => self.within = Within::Nothing,
        }
        if column == 0 && (content == "---" || content == "...") {
            return Some(Stand::At(0));
        }
        let is_element = content == "-" || content.starts_with("- ") || content.starts_with("-\t");
        if !is_element && !is_key(content) {
            return Some(Stand::At(column));
        }
        let Some(stand) = self.block(column, is_element) else { return Some(Stand::At(column)) };
        let (Stand::At(meant) | Stand::With(meant)) = stand;
        self.enter(meant, column, content);
        Some(stand)
    }

    /// The column of the block that a line belongs to; blocks that it ends are closed, and one that it begins is opened.
    fn block(&mut self, column: usize, is_list: bool) -> Option<Stand> {
        let exact =
            |block: &Block| block.is_list == is_list && (block.column == column || block.opened.0 == column);
        let newest = *self.blocks.last()?;
        let deeper = column > newest.written || (is_list && !newest.is_list && column >= newest.column);
        if newest.is_open && deeper && !(is_list && newest.is_list && column <= newest.column) {
            let meant = column.max(newest.column + usize::from(!is_list || newest.is_list));
            self.blocks.push(Block {
                column: meant,
                opened: (column, self.line),
                written: column,
                is_list,
                is_open: false,
            });
            return Some(Stand::With(meant));
        }
        let away = |block: &Block| column.abs_diff(block.column).min(column.abs_diff(block.opened.0));
        let found = self.blocks.iter().rposition(exact).or_else(|| {
            let reach = if is_list { ELEMENT_REACH } else { REACH };
            let near = self.blocks.iter().enumerate().filter(|(_, block)| block.is_list == is_list);
            // Of two that are equally near the inner one.
            let (at, block) = near.rev().min_by_key(|(_, block)| away(block))?;
            (away(block) <= reach).then_some(at)
        })?;
        self.blocks.truncate(found + 1);
        let block = self.blocks.last()?;
        if block.column != column && block.opened.0 == column {
            return Some(Stand::With(block.column));
        }
        if block.column != column {
            let by = isize::try_from(column).ok()? - isize::try_from(block.column).ok()?;
            self.suspects.insert((block.opened.1, by));
        }
        Some(Stand::At(block.column))
    }

    /// Learns what a line begins that stands in its block now.
    fn enter(&mut self, meant: usize, written: usize, content: &str) {
        let mut rest = content;
        let (mut meant, mut at) = (meant, written);
        loop {
            if let Some(block) = self.blocks.last_mut() {
                (block.written, block.is_open) = (at, false);
            }
            let dash = rest.strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
            let Some(behind) = dash else { break };
            let next = behind.trim_start();
            if next.is_empty() || next.starts_with('#') {
                self.open();
                return;
            }
            let offset = rest.len() - next.len();
            (meant, at, rest) = (meant + offset, at + offset, next);
            let is_list = rest == "-" || rest.starts_with("- ");
            if !is_list && !is_key(rest) {
                self.value(rest, written);
                return;
            }
            self.blocks.push(Block {
                column: meant,
                opened: (at, self.line),
                written: at,
                is_list,
                is_open: false,
            });
        }
        let value = colon_of(rest).and_then(|colon| rest.get(colon + 1..)).unwrap_or_default().trim_start();
        if value.is_empty() || value.starts_with('#') {
            self.open();
        } else {
            self.value(value, at);
        }
    }

    fn open(&mut self) {
        if let Some(block) = self.blocks.last_mut() {
            block.is_open = true;
        }
    }

    fn value(&mut self, value: &str, column: usize) {
        self.since = column;
        self.within = match value.chars().next() {
            // Where its indentation is stated, none of its lines is beside it.
            Some('|' | '>') if value.contains(|letter: char| letter.is_ascii_digit()) => {
                Within::Text(Some(column + 1))
            }
            Some('|' | '>') => Within::Text(None),
            Some('[' | '{') => goes_on(Within::Brackets(0), value),
            Some(quote @ ('"' | '\'')) => goes_on(Within::Quote(quote), value.get(1..).unwrap_or_default()),
            Some(_) | None => Within::Nothing,
        };
    }
}

/// What is still open behind a part of what goes on over several lines.
fn goes_on(within: Within, part: &str) -> Within {
    let mut within = within;
    let mut depth = if let Within::Brackets(depth) = within { depth } else { 0 };
    let in_brackets = matches!(within, Within::Brackets(_));
    let mut letters = part.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        match (within, letter) {
            (Within::Quote('"'), '\\') => drop(letters.next()),
            (Within::Quote('\''), '\'') if letters.peek() == Some(&'\'') => drop(letters.next()),
            (Within::Quote(quote), letter) if letter == quote => {
                if !in_brackets {
                    return Within::Nothing;
                }
                within = Within::Brackets(depth);
            }
            (Within::Brackets(_), '#') if before.is_whitespace() => break,
            (Within::Brackets(_), '"' | '\'') => within = Within::Quote(letter),
            (Within::Brackets(_), '[' | '{') => depth += 1,
            (Within::Brackets(_), ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Within::Nothing;
                }
            }
            (Within::Nothing | Within::Text(_) | Within::Brackets(_) | Within::Quote(_), _) => {}
        }
        before = letter;
    }
    // A quoted text in brackets that does not end on its line is taken to end with it.
    if in_brackets { Within::Brackets(depth) } else { within }
}

/// The column behind an indentation.
fn expanded(indentation: &str, tab: usize) -> usize {
    indentation.chars().fold(0, |column, letter| match letter {
        '\t' => (column / tab + 1) * tab,
        _ => column + 1,
    })
}

fn slip(place: Place, content: &str, column: usize, meant: usize, is_tab: bool) -> NotYaml {
    let blanks = |number| counted(number, "blank");
    if is_tab {
        let help = match meant {
            0 => "YAML takes no tab there: begin the line without it".to_owned(),
            _ => format!("YAML takes no tab there: indent it with {}", blanks(meant)),
        };
        return NotYaml::beside(place, "a tab indents this line".to_owned(), help);
    }
    let content = content.trim_end();
    let what = match colon_of(content) {
        _ if content.starts_with('-') => "this element is".to_owned(),
        Some(colon) => format!("`{}` is", content.get(..colon).unwrap_or_default().trim_end()),
        None => "this line is".to_owned(),
    };
    let others = if content.starts_with('-') { "the others of its list" } else { "what it belongs to" };
    let message = format!("{what} indented with {}, {others} with {meant}", blanks(column));
    NotYaml::beside(place, message, format!("indent it with {}", blanks(meant)))
}
