//! What is shown: traces through every reporter, views in every width, hostile texts everywhere.

mod case;
mod golden;
mod looking;
mod trends;

use super::{Line, Style, Surroundings, Tone};
use proptest::prelude::*;
use std::borrow::Cow;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

/// Stands for the real sanitiser, which is of another room: everything that a terminal could obey becomes visible.
fn sanitise(text: &str) -> Cow<'_, str> {
    let unsafe_ = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if !text.chars().any(unsafe_) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for c in text.chars() {
        if unsafe_(c) {
            write!(out, "\\u{{{:x}}}", u32::from(c)).expect("a string takes everything");
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A pipe, or a terminal without colour of that width.
fn style(columns: Option<u16>) -> Style {
    let around = Surroundings {
        terminal: columns.is_some(),
        columns,
        no_color: true,
        unicode: true,
        ..Surroundings::default()
    };
    Style::new(&around, sanitise)
}

#[track_caller]
fn no_controls(text: &str) {
    let bad = |c: char| (c.is_control() && c != '\n') || sanitise(&c.to_string()) != c.to_string();
    let found: Vec<char> = text.chars().filter(|c| *c != '\n' && bad(*c)).collect();
    assert!(found.is_empty(), "{found:?} in\n{text}");
}

proptest! {
    #[test]
    fn whatever_is_said_has_no_control_characters_and_fits(
        subject in any::<String>(), text in any::<String>(), depth in 0_usize..4, align in 0_usize..30,
        columns in 40_u16..100
    ) {
        let line = Line::new(Tone::Bad, "fail", text).about(subject).aligned(align).at(depth);
        for part in line.render(&style(Some(columns))) {
            no_controls(&part);
            prop_assert!(!part.contains('\n'));
            prop_assert!(part.width() <= usize::from(columns), "{:?} is {}", part, part.width());
        }
        prop_assert_eq!(line.render(&style(None)).len(), 1);
    }
}
