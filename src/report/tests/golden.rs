//! Traces through every reporter, compared with `tests/golden/<case>.<exit>.<format>`. `UPDATE_GOLDEN=1` writes them.

use super::case::{Trace, plan};
use super::{no_controls, style};
use crate::model::{Envelope, Notice, Span, Verdict};
use crate::report::*;
use indicatif::InMemoryTerm;
use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use unicode_width::UnicodeWidthStr;

/// Output that the test can read while the reporter holds it.
#[derive(Debug, Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("text")
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn exit(standing: &Standing) -> u8 {
    match standing {
        Standing::Open => 1,
        Standing::Paused(_) => 11,
        Standing::Finished(Verdict::Committed | Verdict::Resolved) => 0,
        Standing::Finished(Verdict::Refused) => 10,
        Standing::Finished(Verdict::RolledBack) => 12,
        Standing::Finished(Verdict::Inconsistent) => 13,
    }
}

fn tell(mut reporter: impl Reporter, trace: &[Envelope]) {
    for envelope in trace {
        reporter.event(&plan(), envelope).expect("written");
    }
    reporter.finish().expect("written");
}

fn terminal(columns: u16, trace: &[Envelope]) -> String {
    let term = InMemoryTerm::new(300, columns);
    let mut reporter = Terminal::new(term.clone(), style(Some(columns)));
    for envelope in trace {
        reporter
            .notice(&Notice::Began {
                what: "step x: something that takes a very long while".to_owned(),
                ago: Span::default(),
            })
            .expect("shown");
        reporter
            .notice(&Notice::Line {
                text: "a line of output\u{1b}[2J that is longer than forty columns".to_owned(),
            })
            .expect("shown");
        reporter.notice(&Notice::Tick).expect("shown");
        reporter.event(&plan(), envelope).expect("written");
        reporter.notice(&Notice::Ended).expect("shown");
    }
    reporter.finish().expect("written");
    format!("{}\n", term.contents())
}

/// Compares with the golden file, or writes it.
#[expect(
    clippy::disallowed_methods,
    reason = "the switch that writes golden files is for people, not for the program"
)]
pub(super) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("a golden file is written");
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{name}: {why}"));
    assert!(golden == text, "{name} is not current; UPDATE_GOLDEN=1 writes it. Now:\n{text}");
}

#[test]
fn every_reporter_shows_every_end_as_its_golden_file_does() {
    for (name, status, trace) in [
        ("committed", 0, Trace::committed()),
        ("reverted", 12, Trace::reverted()),
        ("inconsistent", 13, Trace::inconsistent()),
        ("refused", 10, Trace::refused()),
        ("paused", 11, Trace::paused()),
        ("odd", 0, Trace::odd()),
    ] {
        let Trace(trace) = trace;
        let out = Shared::default();
        tell(Plain::new(out.clone(), style(None), Stamps::Without), &trace);
        no_controls(&out.text());
        golden(&format!("{name}.{status}.txt"), &out.text());
        assert_eq!(
            story(&plan(), &trace, &style(None)),
            out.text(),
            "{name} is told again in the same words"
        );

        let out = Shared::default();
        tell(Ndjson::new(out.clone(), style(None), exit), &trace);
        no_controls(&out.text());
        let last = out.text().lines().last().map(str::to_owned).expect("a last line");
        let last: serde_json::Value = serde_json::from_str(&last).expect("JSON");
        assert_eq!(last["exit"], status, "{name}");
        golden(&format!("{name}.{status}.ndjson"), &out.text());

        for columns in [40, 80] {
            let shown = terminal(columns, &trace);
            no_controls(&shown);
            let widest = shown.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
            assert!(widest <= usize::from(columns), "{name} at {columns}: {widest}\n{shown}");
            golden(&format!("{name}.{status}.{columns}"), &shown);
        }
    }
}

#[test]
fn each_fact_is_stored_and_shown_unchanged_as_json() {
    let Trace(trace) = Trace::inconsistent();
    let out = Shared::default();
    tell(Ndjson::new(out.clone(), style(None), exit), &trace);
    for (line, envelope) in out.text().lines().zip(&trace) {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(value["envelope"], serde_json::to_value(envelope).expect("JSON"), "{line}");
        assert_eq!((&value["generation"], &value["phase"]), (&7.into(), &"vaapi".into()));
    }
}

#[test]
fn stamps_are_the_times_of_the_facts() {
    let Trace(trace) = Trace::refused();
    let out = Shared::default();
    tell(Plain::new(out.clone(), style(None), Stamps::With), &trace);
    assert!(out.text().starts_with("2026-11-22T16:30:01.000Z phase vaapi"), "{}", out.text());
    assert!(out.text().lines().all(|line| line.starts_with("2026-11-22T16:30:0")));
}

#[test]
fn the_live_line_shows_what_goes_on_its_time_and_the_last_output_and_then_is_gone() {
    let term = InMemoryTerm::new(10, 40);
    let mut reporter = Terminal::new(term.clone(), style(Some(40)));
    reporter.notice(&Notice::Began { what: "validate".to_owned(), ago: Span::default() }).expect("shown");
    reporter.notice(&Notice::Progress { done: 3, of: 12 }).expect("shown");
    reporter
        .notice(&Notice::Line { text: "building '/nix/store/abc'\u{7} and so on and on".to_owned() })
        .expect("shown");
    // Drawing is limited to ten times a second; suspending draws at once what is current.
    reporter.event(&plan(), &Trace::refused().0[0]).expect("shown");
    let shown = term.contents();
    assert!(shown.contains("validate 3 of 12  "), "{shown}");
    assert!(shown.contains("\n  building '/nix/store/abc'\\u{7} and s"), "{shown}");
    assert!(shown.starts_with("\nphase vaapi"), "{shown}");
    reporter.notice(&Notice::Ended).expect("shown");
    assert!(!term.contents().contains("validate"), "{}", term.contents());
}

#[test]
fn facts_of_the_past_are_not_shown_but_names_are_known_from_them() {
    let Trace(trace) = Trace::committed();
    let (past, new) = trace.split_at(trace.len() - 5);
    let out = Shared::default();
    let mut reporter = Plain::new(out.clone(), style(None), Stamps::Without);
    past.iter().for_each(|envelope| reporter.recall(&plan(), envelope));
    assert_eq!(out.text(), "");
    new.iter().for_each(|envelope| reporter.event(&plan(), envelope).expect("written"));
    assert!(out.text().contains("commit step boot"), "{}", out.text());
}

struct Failing(io::ErrorKind);

impl Reporter for Failing {
    fn recall(&mut self, _: &crate::model::Plan, _: &Envelope) {}

    fn event(&mut self, _: &crate::model::Plan, _: &Envelope) -> io::Result<()> {
        Err(io::Error::from(self.0))
    }
}

#[test]
fn a_reporter_that_fails_is_dropped_and_named_once_and_a_closed_pipe_is_quiet() {
    let Trace(trace) = Trace::refused();
    let out = Shared::default();
    let mut all = Fanout::new()
        .with("the log", Failing(io::ErrorKind::StorageFull))
        .with("the pipe", Failing(io::ErrorKind::BrokenPipe))
        .with("plain", Plain::new(out.clone(), style(None), Stamps::Without));
    for envelope in &trace {
        all.event(&plan(), envelope).expect("never fails");
    }
    all.finish().expect("never fails");
    assert_eq!(all.lost().len(), 1);
    let text = out.text();
    assert_eq!(text.matches("the log failed").count(), 1, "{text}");
    assert!(!text.contains("the pipe"), "{text}");
}
