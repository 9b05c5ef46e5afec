//! Rows under a heading. On a narrow terminal columns are left out, then rows are stacked; in a pipe nothing is
//! wrapped.

use super::style::Style;
use unicode_width::UnicodeWidthStr;

/// The last column needs so much room, or others give way.
const LAST: usize = 24;

/// A column: its name, and whether it may be left out.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) keep: Keep,
}

/// Whether a column may be left out where room is short.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Always,
    WhereRoom,
}

/// The table as text. The last column is wrapped, all others are as wide as their widest cell.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>], style: &Style) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| style.clean(cell).into_owned()).collect()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width());
            cells.max().unwrap_or(0).max(column.name.width())
        })
        .collect();
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    while !fits(&shown, &widths, style) {
        let spare =
            shown.iter().rposition(|at| columns.get(*at).is_some_and(|it| it.keep == Keep::WhereRoom));
        match spare {
            Some(at) => {
                shown.remove(at);
            }
            None => return stacked(columns, &rows, style),
        }
    }
    let mut out = String::new();
    let heading: Vec<String> = columns.iter().map(|column| column.name.to_uppercase()).collect();
    for row in std::iter::once(&heading).chain(&rows) {
        out.push_str(&one(row, &shown, &widths, style));
    }
    out
}

/// Whether the shown columns leave room for the last.
fn fits(shown: &[usize], widths: &[usize], style: &Style) -> bool {
    let Some((last, others)) = shown.split_last() else { return true };
    let before: usize = others.iter().filter_map(|at| widths.get(*at)).map(|width| width + 2).sum();
    let wanted = widths.get(*last).copied().unwrap_or(0).min(LAST);
    style.width().is_none_or(|width| before + wanted <= width)
}

fn one(row: &[String], shown: &[usize], widths: &[usize], style: &Style) -> String {
    let Some((last, others)) = shown.split_last() else { return String::new() };
    let cell = |at: &usize| row.get(*at).map_or("", String::as_str);
    let mut head = String::new();
    for at in others {
        let text = cell(at);
        head.push_str(text);
        let width = widths.get(*at).copied().unwrap_or(0);
        head.push_str(&" ".repeat(width.saturating_sub(text.width()) + 2));
    }
    let indent = head.width();
    let mut out = String::new();
    for (at, part) in style.wrap(cell(last), indent, indent).into_iter().enumerate() {
        let before = if at == 0 { head.clone() } else { " ".repeat(indent) };
        out.push_str(format!("{before}{part}").trim_end());
        out.push('\n');
    }
    out
}

/// One block for each row: the columns that are always kept on the first line, the others below with their names.
fn stacked(columns: &[Column], rows: &[Vec<String>], style: &Style) -> String {
    let mut out = String::new();
    for row in rows {
        let named = || columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let first: Vec<&str> = named()
            .filter(|(column, _)| column.keep == Keep::Always)
            .map(|(_, cell)| cell.as_str())
            .collect();
        put(&mut out, &first.join("  "), 0, style);
        for (column, cell) in named().filter(|(column, _)| column.keep == Keep::WhereRoom) {
            put(&mut out, &format!("{} {cell}", column.name), 2, style);
        }
    }
    out
}

fn put(out: &mut String, text: &str, indent: usize, style: &Style) {
    for (at, part) in style.wrap(text, indent, indent + 2).into_iter().enumerate() {
        let by = if at == 0 { indent } else { indent + 2 };
        out.push_str(format!("{}{part}", " ".repeat(by)).trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::style::Surroundings;
    use super::*;
    use std::borrow::Cow;

    fn same(text: &str) -> Cow<'_, str> {
        Cow::Borrowed(text)
    }

    fn shown(columns: Option<u16>) -> String {
        let around = Surroundings { terminal: columns.is_some(), columns, ..Surroundings::default() };
        let rows = [vec![
            "0007".to_owned(),
            "2026-11-22 16:31:58 UTC".to_owned(),
            "desktop-applications".to_owned(),
            "check `va-profiles` failed and more".to_owned(),
        ]];
        let columns = [
            Column { name: "number", keep: Keep::Always },
            Column { name: "began", keep: Keep::WhereRoom },
            Column { name: "phase", keep: Keep::Always },
            Column { name: "why", keep: Keep::Always },
        ];
        table(&columns, &rows, &Style::new(&around, same))
    }

    #[test]
    fn a_pipe_gets_every_column_unwrapped() {
        let text = shown(None);
        assert_eq!(
            text,
            "NUMBER  BEGAN                    PHASE                 WHY\n\
             0007    2026-11-22 16:31:58 UTC  desktop-applications  check `va-profiles` failed and more\n"
        );
    }

    #[test]
    fn a_narrow_terminal_loses_columns_and_then_stacks_rows() {
        let text = shown(Some(60));
        assert!(!text.contains("16:31") && text.starts_with("NUMBER  PHASE "), "{text}");
        assert!(text.lines().all(|line| line.width() <= 60), "{text}");
        let text = shown(Some(40));
        assert!(text.contains("  began 2026-11-22 16:31:58 UTC\n"), "{text}");
        assert!(text.lines().all(|line| line.width() <= 40), "{text}");
    }
}
