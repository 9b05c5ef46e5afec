//! Lines of our own on standard output and standard error. Everything is made safe to show here.

use super::context::Context;
use crate::report::{Line, render};
use std::io::Write as _;

/// A line for a person. Programs that read JSON are not told.
pub(crate) fn line(context: &Context, text: &str) {
    if !context.json {
        let style = context.out_style();
        put(&render(&[Line::plain(text)], &style));
    }
}

/// A line that somebody may want to copy: it is left in one piece, whatever the width.
pub(crate) fn unbroken(context: &Context, text: &str) {
    if !context.json {
        put(&format!("{}\n", context.out_style().clean(text)));
    }
}

/// Text that was made safe already. A reader that went away had seen enough.
pub(crate) fn put(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Text for standard error, made safe already.
pub(crate) fn complain(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}

/// One JSON document on one line, among others.
pub(crate) fn json_line(context: &Context, value: &serde_json::Value) {
    put(&format!("{}\n", context.out_style().clean_json(&value.to_string())));
}

/// One JSON document.
pub(crate) fn json(context: &Context, value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => put(&format!("{}\n", context.out_style().clean_json(&text))),
        Err(why) => complain(&format!("error: cannot be written as JSON: {why}\n")),
    }
}
