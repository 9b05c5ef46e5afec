//! `nvidia-smi pmon` and `dmon`: a line for each process or device at each point in time, under two lines of heading.

use serde::Serialize;
use std::collections::BTreeMap;

/// The rows, each cell as printed under its heading: `-` is what was not measured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(in crate::check) struct Monitor {
    /// The rows.
    pub(in crate::check) rows: Vec<BTreeMap<String, String>>,
    /// The headings, in their order.
    columns: Vec<String>,
    /// Whether there is a row and the last one is whole. The command of a process may be empty.
    complete: bool,
}

impl Monitor {
    /// The rows in a text, where there is a heading.
    pub(in crate::check) fn of(text: &str) -> Option<Self> {
        let mut monitor = Self::default();
        for line in text.lines() {
            let line = line.trim();
            if let Some(heading) = line.strip_prefix('#') {
                let words: Vec<String> = heading.split_whitespace().map(str::to_owned).collect();
                if words.iter().any(|word| word == "gpu") {
                    monitor.columns = words;
                }
                continue;
            }
            if monitor.columns.is_empty() || !line.starts_with(|c: char| c.is_ascii_digit()) {
                continue;
            }
            let row = monitor.row(line);
            monitor.complete = row.len() + usize::from(monitor.has("command")) >= monitor.columns.len();
            monitor.rows.push(row);
        }
        (!monitor.columns.is_empty()).then_some(monitor)
    }

    /// Whether processes are listed, and not devices.
    pub(super) fn of_processes(&self) -> bool {
        self.has("pid")
    }

    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known == column)
    }

    /// The last column takes the rest of the line: a command may have spaces.
    fn row(&self, line: &str) -> BTreeMap<String, String> {
        let mut row = BTreeMap::new();
        let mut rest = line;
        for (number, column) in self.columns.iter().enumerate() {
            rest = rest.trim_start();
            if rest.is_empty() {
                break;
            }
            let last = number + 1 == self.columns.len();
            let end = if last { None } else { rest.find(char::is_whitespace) };
            let (cell, left) = rest.split_at(end.unwrap_or(rest.len()));
            row.insert(column.clone(), cell.to_owned());
            rest = left;
        }
        row
    }
}
