//! Lines of our own on standard output and standard error. Everything is made safe to show here.

use super::context::Context;
use super::exit::Exit;
use crate::model::Item;
use crate::report::{Line, render};
use crate::system::sanitise::sanitise;
use std::io::{self, Write as _};
use std::sync::OnceLock;

/// A line for a person. Programs that read JSON are not told.
pub(crate) fn line(context: &Context, text: &str) {
    if !context.json {
        let style = context.out_style();
        put(&render(&[Line::plain(text)], &style));
    }
}

/// A warning, to programs too: one document among others.
pub(crate) fn warn(context: &Context, text: &str) {
    if context.json {
        json_line(context, &serde_json::json!({ "warning": text }));
    } else {
        line(context, &format!("warning: {text}"));
    }
}

/// Says that nothing was done, to programs too: one document with the exit status that follows.
pub(crate) fn nothing(context: &Context, text: &str, exit: Exit) -> Exit {
    if context.json {
        json_line(context, &serde_json::json!({"ended": "nothing-done", "why": text, "exit": exit.status()}));
    } else {
        line(context, text);
    }
    exit
}

/// The same with what is to be said of named things, a line each.
pub(crate) fn nothing_but(context: &Context, text: &str, items: &[Item], exit: Exit) -> Exit {
    if context.json {
        let status = exit.status();
        let told = serde_json::json!({"ended": "nothing-done", "why": text, "items": items, "exit": status});
        json_line(context, &told);
    } else {
        line(context, text);
        let named = items.iter().map(|item| Line::plain(&item.why).about(&item.name).at(1));
        put(&render(&named.collect::<Vec<Line>>(), &context.out_style()));
    }
    exit
}

/// A line that somebody may want to copy: it is left in one piece, whatever the width.
pub(crate) fn unbroken(context: &Context, text: &str) {
    if !context.json {
        put(&format!("{}\n", context.out_style().clean(text)));
    }
}

/// Why something that was to be shown was not; asked once, at the end.
static LOST: OnceLock<String> = OnceLock::new();

/// Text that was made safe already. A reader that went away had seen enough.
pub(crate) fn put(text: &str) {
    let mut out = std::io::stdout().lock();
    shown(&out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Remembers that standard output could not be written. A reader that went away had seen enough.
pub(crate) fn shown(written: &io::Result<()>) {
    if let Err(why) = written
        && why.kind() != io::ErrorKind::BrokenPipe
    {
        lost(&why.to_string());
    }
}

/// Remembers that something was not shown, and why.
pub(crate) fn lost(why: &str) {
    let _ = LOST.set(why.to_owned());
}

/// The status to end with: nothing is told as a success of which the words were lost.
pub(crate) fn honest(exit: Exit) -> Exit {
    let Some(why) = LOST.get() else { return exit };
    complain(&format!(
        "error: standard output cannot be written, so not all was shown\n  1: {}\n",
        sanitise(why)
    ));
    match exit {
        Exit::Done => Exit::Internal,
        // Nobody was told how it stands.
        Exit::Plugin(_) => Exit::Plugin(3),
        Exit::Internal
        | Exit::Usage
        | Exit::Refused
        | Exit::Paused
        | Exit::RolledBack
        | Exit::Inconsistent
        | Exit::Quarantined
        | Exit::Locked
        | Exit::Failing
        | Exit::AwaitingReboot
        | Exit::StillGoing => exit,
    }
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
