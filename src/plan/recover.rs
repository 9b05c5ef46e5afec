//! What can still be read of a document that is not YAML from end to end.
//!
//! The text is cut at its indentation into the entries of a map or the elements of a list, and each is read for itself,
//! so that a bracket that is never closed costs its own field and not the rest of the plan. Only what is read
//! beyond doubt is kept; what is left out is named, so that nobody complains of what follows from it.

use super::indent::mended;
use super::parse::{NotYaml, parse, parse_from};
use super::tree::{Entry, Kind, Node, Place};
use super::unread::{ELEMENT, Loss};

/// More mistakes of this kind are not looked for.
const MOST: usize = 100;
/// Parts are cut into parts no deeper than this.
const DEEPEST: usize = 16;

/// What was read, what was wrong, and what was left out for it.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub(super) tree: Option<Node>,
    pub(super) mistakes: Vec<NotYaml>,
    pub(super) losses: Vec<Loss>,
}

/// Reads what can be read of a text that [`super::parse::parse`] refused with `why`.
pub(super) fn recovered(file: usize, text: &str, why: NotYaml, root: &[&str]) -> Recovered {
    if why.is_limit {
        return Recovered { mistakes: vec![why], ..Recovered::default() };
    }
    let first = if why.is_next_document { text.get(..why.place.start).unwrap_or(text) } else { text };
    let Some(mended) = mended(file, first) else { return cut_open(file, text, why, root) };
    let mut found = match parse(file, &mended.text) {
        Ok(tree) => Recovered { tree: Some(tree), ..Recovered::default() },
        Err(why) => cut_open(file, &mended.text, why, root),
    };
    let written = |at| mended.written(at);
    if let Some(tree) = &mut found.tree {
        tree.map_places(&written);
    }
    for why in &mut found.mistakes {
        why.place = why.place.mapped(&written);
    }
    for loss in &mut found.losses {
        (loss.parent, loss.place) = (loss.parent.mapped(&written), loss.place.mapped(&written));
        loss.starts = written(loss.starts);
    }
    found.tree = found.tree.filter(|tree| matches!(tree.kind, Kind::Map(_)));
    found.mistakes.extend(mended.slips);
    found.mistakes.extend(why.is_next_document.then_some(why));
    found
}

/// Cuts a text open at its indentation as it stands.
fn cut_open(file: usize, text: &str, why: NotYaml, root: &[&str]) -> Recovered {
    // Of several documents the first is looked at.
    let end = if why.is_next_document { why.place.start.min(text.len()) } else { text.len() };
    let mut recovery =
        Recovery { file, text: text.to_owned(), mistakes: Vec::new(), losses: Vec::new(), depth: 0 };
    let second = why.is_next_document.then(|| why.clone());
    let tree = recovery
        .part(
            0,
            end,
            &root.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
            if why.is_next_document { None } else { Some(why) },
        )
        .filter(|tree| matches!(tree.kind, Kind::Map(_)));
    recovery.mistakes.extend(second);
    Recovered { tree, mistakes: recovery.mistakes, losses: recovery.losses }
}

struct Recovery {
    file: usize,
    /// The text; dashes of elements that were cut open are blanks, so that every byte keeps its place.
    text: String,
    mistakes: Vec<NotYaml>,
    losses: Vec<Loss>,
    /// How many parts the one at hand is in.
    depth: usize,
}

/// How a block of lines is cut.
struct Cut {
    is_list: bool,
    /// Where the pieces begin; each ends where the next begins.
    starts: Vec<usize>,
}

impl Recovery {
    /// The value in a range of whole lines, or what is left of it. `known` is why it cannot be read as it is.
    fn part(&mut self, start: usize, end: usize, names: &[String], known: Option<NotYaml>) -> Option<Node> {
        let why = match known {
            Some(why) => why,
            None => match parse_from(self.file, self.text.get(start..end)?, start) {
                Ok(node) => return Some(node),
                Err(why) => why,
            },
        };
        let before = self.mistakes.len();
        let cut = cut(self.text.get(start..end)?, start).filter(|_| self.depth < DEEPEST && before < MOST);
        let Some(cut) = cut else {
            self.mistakes.push(why);
            return None;
        };
        self.depth += 1;
        let node = if cut.is_list { self.elements(&cut, end, names) } else { self.entries(&cut, end, names) };
        self.depth -= 1;
        if self.mistakes.len() == before {
            // Every piece is sound and the whole is not: nobody knows what was meant.
            self.mistakes.push(why);
            return None;
        }
        node
    }

    fn elements(&mut self, cut: &Cut, end: usize, names: &[String]) -> Option<Node> {
        let mut elements = Vec::new();
        let (name, above) = names.split_last()?;
        let element: Vec<String> = above.iter().cloned().chain(Some(format!("{name}{ELEMENT}"))).collect();
        let place = self.first_place(*cut.starts.first()?);
        for (from, to) in cut.ranges(end) {
            let mistakes = self.mistakes.len();
            match parse_from(self.file, self.text.get(from..to)?, from) {
                Ok(Node { kind: Kind::List(found), .. }) => elements.extend(found),
                Ok(_) => return None,
                Err(why) => {
                    self.blank_dash(from);
                    match self.part(from, to, &element, None) {
                        // A dash alone is an element without a value.
                        Some(Node { kind: Kind::Null, .. }) => self.mistakes.push(why),
                        Some(node) => {
                            if self.mistakes.len() == mistakes {
                                self.mistakes.push(why);
                            }
                            elements.push(node);
                            continue;
                        }
                        None => {}
                    }
                    self.lose(place, element.clone(), from, mistakes);
                }
            }
        }
        Some(Node { place, kind: Kind::List(elements) })
    }

    fn entries(&mut self, cut: &Cut, end: usize, names: &[String]) -> Option<Node> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lost: Vec<(Vec<String>, usize, usize)> = Vec::new();
        for (from, to) in cut.ranges(end) {
            let mistakes = self.mistakes.len();
            match parse_from(self.file, self.text.get(from..to)?, from) {
                Ok(Node { kind: Kind::Map(found), .. }) => {
                    for entry in found {
                        self.enter(&mut entries, entry);
                    }
                }
                Ok(_) => return None,
                Err(why) => {
                    let Some((key, key_place, value_from)) = self.key(from, to) else {
                        self.mistakes.push(why);
                        continue;
                    };
                    let below: Vec<String> = names.iter().cloned().chain(Some(key.clone())).collect();
                    let value = match value_from {
                        Some(value_from) => self.part(value_from, to, &below, None),
                        None => {
                            self.mistakes.push(why);
                            None
                        }
                    };
                    match value {
                        Some(value) => self.enter(&mut entries, Entry { key, key_place, value }),
                        None => lost.push((below, from, mistakes)),
                    }
                }
            }
        }
        // A map is known by the place of its first key.
        let place = entries.first().map(|entry| entry.key_place);
        for (names, from, mistakes) in lost {
            self.lose(place.unwrap_or_else(|| self.first_place(from)), names, from, mistakes);
        }
        Some(Node { place: place?, kind: Kind::Map(entries) })
    }

    /// The first of two entries of one name is kept.
    fn enter(&mut self, entries: &mut Vec<Entry>, entry: Entry) {
        if entries.iter().any(|known| known.key == entry.key) {
            self.mistakes.push(NotYaml::repeated(entry.key_place, &entry.key));
        } else {
            entries.push(entry);
        }
    }

    fn lose(&mut self, parent: Place, names: Vec<String>, from: usize, mistakes: usize) {
        let place = self.mistakes.get(mistakes).map_or_else(|| self.first_place(from), |why| why.place);
        // A field that stood first is lost from the map that now begins below it.
        self.losses.push(Loss { parent, names, place, starts: from.max(parent.start) });
    }

    /// The key of an entry, its place, and where its value begins if that is on the lines below.
    fn key(&self, from: usize, to: usize) -> Option<(String, Place, Option<usize>)> {
        let piece = self.text.get(from..to)?;
        let line = piece.split('\n').next().unwrap_or_default();
        let content = line.trim_start();
        let indent = line.len() - content.len();
        let colon = colon_of(content)?;
        let written = content.get(..colon)?.trim_end();
        let key = written.trim_matches(|c| c == '"' || c == '\'').to_owned();
        let start = from + indent;
        let place = Place { file: self.file, start, end: start + written.len() };
        let rest = content.get(colon + 1..).unwrap_or_default().trim();
        let below = rest.is_empty() || rest.starts_with('#');
        let next = from + line.len() + 1;
        Some((key, place, (below && next < to).then_some(next)))
    }

    /// The first character of a line that is no blank.
    fn first_place(&self, from: usize) -> Place {
        let line = self.text.get(from..).unwrap_or_default().split('\n').next().unwrap_or_default();
        let start = from + (line.len() - line.trim_start().len());
        Place { file: self.file, start, end: (from + line.trim_end().len()).max(start) }
    }

    fn blank_dash(&mut self, from: usize) {
        if let Some(dash) = self.text.get(from..).and_then(|rest| rest.find('-')) {
            self.text.replace_range(from + dash..=from + dash, " ");
        }
    }
}

impl Cut {
    fn ranges(&self, end: usize) -> Vec<(usize, usize)> {
        let ends = self.starts.iter().skip(1).copied().chain(Some(end));
        self.starts.iter().copied().zip(ends).collect()
    }
}

/// Where the entries or elements of a block begin; `None` where it is neither a block map nor a block list.
fn cut(block: &str, base: usize) -> Option<Cut> {
    let mut starts = Vec::new();
    let mut shape: Option<(usize, bool)> = None;
    let mut at = base;
    for line in block.split_inclusive('\n') {
        let content = line.trim_end().trim_start_matches(' ');
        let indent = line.trim_end().len() - content.len();
        let silent = content.is_empty() || content.starts_with('#') || (indent == 0 && content == "---");
        if !silent {
            let is_element = content == "-" || content.starts_with("- ");
            let (wanted, is_list) = *shape.get_or_insert((indent, is_element));
            let begins = if is_list { is_element } else { !is_element && is_key(content) };
            if indent == wanted && begins {
                starts.push(at);
            } else if starts.is_empty() {
                return None;
            }
        }
        at += line.len();
    }
    let (_, is_list) = shape?;
    Some(Cut { is_list, starts })
}

/// Whether a line looks like the beginning of an entry: what closes or goes on does not.
pub(super) fn is_key(content: &str) -> bool {
    !content.starts_with(['}', ']', ',', '{', '[', '#', '|', '>']) && colon_of(content).is_some()
}

/// The colon behind a key.
pub(super) fn colon_of(content: &str) -> Option<usize> {
    let quoted = match content.chars().next() {
        Some(quote @ ('"' | '\'')) => content.get(1..)?.find(quote)? + 2,
        Some(_) | None => 0,
    };
    let rest = content.get(quoted..)?;
    rest.match_indices(':').map(|(at, _)| quoted + at).find(|at| {
        content.get(at + 1..).is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t']))
    })
}
