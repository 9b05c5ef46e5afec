//! Lines that became one: forums and markup put an output that was no block of code into one paragraph.

use std::borrow::Cow;

/// The text with a line for each of these beginnings, where several of them stand in one line. An escape that markup puts
/// before an underscore is undone.
pub(super) fn unfolded<'t>(text: &'t str, beginnings: &[&str]) -> Cow<'t, str> {
    let folded = |line: &str| places(line, beginnings).len() > 1;
    if !text.contains("\\_") && !text.lines().any(folded) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\\_", "_");
    let mut out = String::with_capacity(text.len() + 64);
    for line in text.lines() {
        let places = places(line, beginnings);
        let mut from = 0;
        for at in places.iter().copied().filter(|_| places.len() > 1) {
            if at > from {
                out.push_str(line.get(from..at).unwrap_or_default().trim_end());
                out.push('\n');
            }
            from = at;
        }
        out.push_str(line.get(from..).unwrap_or_default());
        out.push('\n');
    }
    Cow::Owned(out)
}

/// Where beginnings stand, at the start of the line or behind a blank, in their order.
fn places(line: &str, beginnings: &[&str]) -> Vec<usize> {
    let mut places: Vec<usize> = beginnings
        .iter()
        .flat_map(|beginning| line.match_indices(beginning).map(|(at, _)| at))
        .filter(|at| line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t'])))
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_became_one_are_lines_again_and_others_stay() {
        let marks = ["one: ", "two: "];
        assert_eq!(unfolded("$ x one: a two: b one: c\nz\n", &marks), "$ x\none: a\ntwo: b\none: c\nz\n");
        assert_eq!(unfolded("a one: b\ntwo: c\n", &marks), "a one: b\ntwo: c\n");
        assert_eq!(unfolded("a\\_b", &marks), "a_b\n");
        assert_eq!(unfolded("xone: xtwo: one: ", &marks), "xone: xtwo: one: ");
    }
}
