//! What was kept of a trouble, for the person who decides: the end of each piece, and where the rest is.

use crate::model::counted;
use std::fmt::Write as _;
use std::path::Path;

/// So many lines of each piece: what matters stands at the end, and the question is to stay in sight.
const LINES: usize = 40;

/// The end of each piece under its name; `rest` more pieces are in the folder.
#[must_use]
pub fn evidence(pieces: &[(String, String)], rest: usize, folder: &Path) -> String {
    let mut text = String::new();
    for (name, body) in pieces {
        let lines: Vec<&str> = body.trim_end().lines().collect();
        let cut = lines.len().saturating_sub(LINES);
        let ends = lines.get(cut..).unwrap_or_default().join("\n");
        let title = if cut == 0 {
            name.clone()
        } else {
            format!("{name}, the last {LINES} of {}", counted(lines.len() as u64, "line"))
        };
        // Writing into a string cannot fail.
        let _ = write!(text, "== {title}\n{ends}\n");
    }
    if pieces.is_empty() {
        text.push_str("nothing that was printed is about it\n");
    }
    if rest > 0 {
        let more = counted(rest as u64, "file");
        let _ = writeln!(text, "== {more} kept besides, in {}", folder.display());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_piece_the_end_is_shown_and_what_is_about_something_else_is_counted() {
        let long: String = (1..=50).map(|line| format!("line {line}\n")).collect();
        let pieces = [("apply-1.out".to_owned(), long), ("apply-1.err".to_owned(), "no room\n".to_owned())];
        let text = evidence(&pieces, 2, Path::new("/capsule/evidence"));
        assert!(text.starts_with("== apply-1.out, the last 40 of 50 lines\nline 11\n"), "{text}");
        let end = "line 50\n== apply-1.err\nno room\n== 2 files kept besides, in /capsule/evidence\n";
        assert!(text.ends_with(end), "{text}");
        assert_eq!(evidence(&[], 0, Path::new("/")), "nothing that was printed is about it\n");
    }
}
