//! `nvidia-smi --query-...=... --format=csv`: a heading and a row for each GPU, process or point in time.

use super::whole;
use serde::Serialize;
use serde_json::{Map, Value};

/// Single columns that are known by name alone; others have a dot, an underscore or a unit.
const LONE: [&str; 9] =
    ["name", "index", "uuid", "serial", "pstate", "timestamp", "count", "pid", "gpu_name"];

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(in crate::check) struct Csv {
    /// For each row its `index` and `name` as text, and its shares (`[%]`) and sizes (`[MiB]`) as numbers, under the
    /// headings as printed.
    rows: Vec<Map<String, Value>>,
    /// The headings.
    headings: Vec<String>,
    /// Every cell of each row, as printed.
    cells: Vec<Vec<String>>,
    /// Rows that have fewer cells than there are headings.
    short_rows: usize,
    /// Whether there is a row and the last one is whole. Of processes there may be none.
    complete: bool,
}

impl Csv {
    /// The rows in a text, where there is a heading.
    pub(in crate::check) fn of(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let Some(heading) = lines.find(|line| is_heading(line)) else { return Self::unheaded(text) };
        let headings: Vec<String> = split(heading).map(str::to_owned).collect();
        // A heading without a row: it breaks off there, for there is always a GPU to tell of. A process or a page of memory
        // that was retired there need not be.
        let may_be_none = |heading: &String| asked(heading) == "pid" || heading.starts_with("retired_pages.");
        let complete = headings.iter().any(may_be_none);
        let mut csv = Self { headings, complete, ..Self::default() };
        // `--loop` prints the heading once; whoever joins logs has it again.
        for line in lines.filter(|line| !is_heading(line)) {
            // Whoever copied a terminal copied the next prompt as well.
            if is_prompt(line) {
                break;
            }
            let cells: Vec<String> = split(line).map(str::to_owned).collect();
            // What a person wrote below it.
            if !csv.cells.is_empty() && is_prose(line, &cells, &csv.headings) {
                break;
            }
            csv.complete = cells.len() >= csv.headings.len();
            if !csv.complete {
                csv.short_rows += 1;
                continue;
            }
            let row = csv
                .headings
                .iter()
                .zip(&cells)
                .filter_map(|(heading, cell)| Some((heading.clone(), understood(heading, cell)?)));
            csv.rows.push(row.collect());
            csv.cells.push(cells);
        }
        Some(csv)
    }

    /// `--format=csv,noheader`: rows of as many cells each, of which some can only be the tool's. Nobody knows their names.
    fn unheaded(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_prompt(line));
        let cells: Vec<Vec<String>> = lines.map(|line| split(line).map(str::to_owned).collect()).collect();
        let width = cells.first().map(Vec::len).filter(|width| *width <= 200)?;
        let numbers = |row: &[String]| {
            row.len() > 1 && row.iter().all(|cell| cell.parse::<f64>().is_ok() || cell.starts_with('['))
        };
        let own = |row: &[String]| row.iter().any(|cell| is_the_tools(cell)) || numbers(row);
        let fits = |row: &Vec<String>| row.len() == width && own(row);
        let all = cells.iter().all(fits);
        all.then(|| Self { complete: true, cells, ..Self::default() })
    }

    /// How many rows there are.
    pub(in crate::check) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether each row has all that its headings name, and nothing else: a name with a comma in it moves what stands
    /// behind it.
    pub(in crate::check) fn is_complete(&self) -> bool {
        self.complete && self.short_rows == 0 && self.cells.iter().all(|row| row.len() == self.headings.len())
    }

    /// A cell by the name that was asked for, units left out; nothing where the driver does not know.
    pub(in crate::check) fn cell(&self, row: usize, name: &str) -> Option<&str> {
        let at = self.headings.iter().position(|heading| asked(heading) == name)?;
        self.cells.get(row)?.get(at).map(String::as_str).filter(|cell| is_known(cell))
    }

    /// The names whose values the driver does not know, for any row.
    pub(in crate::check) fn unknown(&self) -> impl Iterator<Item = &str> {
        self.headings.iter().enumerate().filter_map(|(at, heading)| {
            let known = self.cells.iter().all(|row| row.get(at).is_none_or(|cell| is_known(cell)));
            (!known).then(|| asked(heading))
        })
    }

    /// What the driver said instead of a value, in brackets: `[Unknown Error]`, `[GPU is lost]`.
    pub(in crate::check) fn refusals(&self) -> impl Iterator<Item = &str> {
        self.cells
            .iter()
            .flatten()
            .map(String::as_str)
            .filter(|cell| cell.starts_with('[') || *cell == "ERR!")
    }
}

fn split(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(str::trim)
}

/// `user@host:~$ `, `[user@host ~]# ls`, `$`, `C:\>`, `PS C:\>`; what a shell shows before a command.
fn is_prompt(line: &str) -> bool {
    let marks = ['$', '#', '%', '>', '❯', '➜', 'λ'];
    let mut words = line.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    let is_mark = |word: &str| word.chars().count() == 1 && word.starts_with(marks);
    let is_place = |word: &str| word.contains('@') && (word.contains(':') || word.starts_with('['));
    let is_folder = |word: &str| word.contains(['@', ':', '~', ']', '/', '\\']);
    // `(base) user@host:~$`: what is in parentheses before a prompt names an environment.
    let environment =
        first.starts_with('(') && first.ends_with(')') && second.is_some_and(|word| word.contains('@'));
    let windows = line.strip_prefix("PS ").unwrap_or(line);
    let windows = windows.get(1..3) == Some(":\\") && windows.contains('>');
    is_mark(first)
        || is_place(first)
        || environment
        || windows
        || (is_folder(first) && first.ends_with(marks))
        || (first.starts_with(['~', '/']) && line.split_whitespace().next_back().is_some_and(is_mark))
        || first.starts_with("sh-")
        || first.starts_with("bash-")
}

/// `612 MiB`, `30 %`, `55.20 W`, `GPU-...`, `00000000:01:00.0`, `NVIDIA GeForce RTX 3080`, `535.161.07`.
fn is_the_tools(cell: &str) -> bool {
    let unit = cell.split_once(' ').filter(|(number, _)| number.parse::<f64>().is_ok()).map(|(_, unit)| unit);
    matches!(unit, Some("MiB" | "%" | "W" | "MHz" | "KB/s" | "mV"))
        || cell.starts_with("GPU-")
        || MAKES.iter().any(|make| cell.starts_with(make))
        || is_driver_version(cell)
        || super::is_bus_id(cell)
}

/// How the tool begins the name of a card.
const MAKES: [&str; 6] = ["NVIDIA ", "GeForce ", "Tesla ", "Quadro ", "GRID ", "TITAN "];

/// `535.161.07`, `470.42.01`. Two parts alone could be any number.
fn is_driver_version(cell: &str) -> bool {
    let parts: Vec<&str> = cell.split('.').collect();
    matches!(parts[..], [major, minor, patch] if major.len() == 3 && (2..=3).contains(&minor.len()) && patch.len() == 2)
        && cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Words below the rows: too few cells and a sentence, or nothing that could stand under a single heading.
fn is_prose(line: &str, cells: &[String], headings: &[String]) -> bool {
    let word = |word: &&str| {
        word.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '\'' | ',' | '.' | '?' | '!'))
    };
    let sentence = line.split_whitespace().filter(word).count() >= 3;
    if let [heading] = headings {
        let number = cells.first().is_some_and(|cell| number(cell).is_some() || !is_known(cell));
        return sentence || (heading.ends_with(']') && !number);
    }
    cells.len() < headings.len() && sentence
}

/// The name that was asked for, in a heading.
fn asked(heading: &str) -> &str {
    heading.split(" [").next().unwrap_or(heading)
}

fn is_heading(line: &str) -> bool {
    let fits = |cell: &str| {
        let name = asked(cell);
        let units = cell.get(name.len()..).unwrap_or_default();
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_'))
            && (units.is_empty() || units.ends_with(']'))
    };
    let known = |cell: &str| cell.contains(['.', '_', '[']) || LONE.contains(&cell);
    split(line).all(fits) && split(line).any(known)
}

fn is_known(cell: &str) -> bool {
    !(cell.is_empty() || cell.starts_with('[') || matches!(cell, "N/A" | "ERR!" | "Not Supported"))
}

/// The value of a cell that the rows keep.
fn understood(heading: &str, cell: &str) -> Option<Value> {
    if matches!(heading, "index" | "name") {
        return Some(Value::from(cell));
    }
    let measured = heading.ends_with("[%]") || heading.ends_with("[MiB]");
    measured.then(|| is_known(cell).then(|| number(cell)).flatten().unwrap_or(Value::Null))
}

fn number(cell: &str) -> Option<Value> {
    let word = cell.split_whitespace().next()?;
    match word.parse::<f64>() {
        Ok(fraction) if word.contains('.') && fraction.is_finite() => Some(Value::from(fraction)),
        Ok(_) | Err(_) => whole(word).map(Value::from),
    }
}
