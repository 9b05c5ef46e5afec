//! Monitoring plugins: exit status, first line, performance data.

use super::ProbeError;
use super::judge::SILENT;
use super::perfdata::with_perfdata;
use super::probe::run::KEPT;
use super::probe::{Looking, OneChild, process_end, program, status, whole};
use crate::model::{CommandLine, Observation};
use crate::system::process::Ended;

pub(super) fn begin(command: &CommandLine) -> Box<dyn Looking + '_> {
    let read = |ended: &Ended| read(program(command), ended);
    Box::new(OneChild { command: command.clone(), keep: KEPT, read })
}

fn read(program: &str, ended: &Ended) -> Result<Observation, ProbeError> {
    let exit = status(process_end(program, ended)?);
    let text = whole(&ended.stdout).ok_or_else(|| ProbeError::TooMuch {
        what: format!("`{program}`"),
        bytes: ended.stdout.total,
        kept: KEPT,
    })?;
    Ok(parse(exit, &text).with("duration", ended.took.as_secs_f64()))
}

/// `text | perfdata`, then long text, in which a second bar begins more performance data.
fn parse(exit: i32, text: &str) -> Observation {
    let status = match exit {
        0 => "ok",
        1 => "warning",
        2 => "critical",
        _ => "unknown",
    };
    let (first, long) = text.split_once('\n').unwrap_or((text, ""));
    let (message, perfdata) = first.split_once('|').unwrap_or((first, ""));
    let (long, more) = long.split_once('|').unwrap_or((long, ""));
    let message = match message.trim() {
        "" => SILENT,
        message => message,
    };
    let seen = Observation::new()
        .with("exit", exit)
        .with("status", status)
        .with("message", message)
        .with("long", long.trim());
    let seen = with_perfdata(seen, perfdata);
    more.lines().fold(seen, with_perfdata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_exit_status_says_what_the_plugin_found() {
        for (exit, status) in
            [(0, "ok"), (1, "warning"), (2, "critical"), (3, "unknown"), (4, "unknown"), (139, "unknown")]
        {
            assert_eq!(parse(exit, "x").get("status"), Some(&json!(status)), "{exit}");
        }
    }

    #[test]
    fn message_long_text_and_performance_data_are_told_apart() {
        let text = "DISK OK - free | /=1B;2\nmore words\nand more | a=1\nb=2 c=3\n";
        let seen = parse(0, text);
        assert_eq!(seen.get("message"), Some(&json!("DISK OK - free")));
        assert_eq!(seen.get("long"), Some(&json!("more words\nand more")));
        for (field, value) in
            [("perf./", 1.0), ("warn./", 2.0), ("perf.a", 1.0), ("perf.b", 2.0), ("perf.c", 3.0)]
        {
            assert_eq!(seen.get(field), Some(&json!(value)), "{field}");
        }
        assert_eq!(parse(2, "\n").get("message"), Some(&json!("it said nothing")));
    }
}
