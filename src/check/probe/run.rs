//! `run`: a program's exit status, output and duration.

use super::{process_end, status, whole};
use crate::check::ProbeError;
use crate::model::{Observation, Parse, ProcessEnd, Value};
use crate::system::process::Ended;
use serde_json::Map;

/// Bytes kept of each stream.
pub(in crate::check) const KEPT: usize = 1 << 20;

/// What the child's end says.
pub(super) fn read(program: &str, parse_as: Parse, ended: &Ended) -> Result<Observation, ProbeError> {
    let end = process_end(program, ended)?;
    let mut seen = Observation::new().with("exit", status(end)).with("duration", seconds(ended));
    if let ProcessEnd::Signaled(signal) = end {
        seen = seen.with("signal", signal);
    }
    let mut cut: Vec<Value> = Vec::new();
    for (name, stream) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
        match whole(stream) {
            // As `$(...)` of a shell gives it: nobody means the newline at the end.
            Some(text) => seen = seen.with(name, text.trim_end_matches('\n')),
            // A part of a stream is no ground for a judgement: the field is left out.
            None => cut.push(Value::from(name)),
        }
    }
    let text = seen.get("stdout").and_then(Value::as_str).map(str::to_owned);
    if let Some(text) = text {
        match (parse(parse_as, &text), end) {
            (Ok(value), _) => seen.0.extend(value.map(|value| ("value".to_owned(), value))),
            (Err(why), ProcessEnd::Exited(0)) => {
                return Err(ProbeError::Malformed { what: format!("the output of `{program}`"), why });
            }
            // It failed and printed something else; its exit status says so.
            (Err(_), ProcessEnd::Exited(_) | ProcessEnd::Signaled(_)) => {}
        }
    }
    Ok(if cut.is_empty() { seen } else { seen.with("truncated", cut) })
}

fn seconds(ended: &Ended) -> f64 {
    ended.took.as_secs_f64()
}

/// The document in a text; nothing where it is to be taken as text only.
fn parse(how: Parse, text: &str) -> Result<Option<Value>, String> {
    match how {
        Parse::Text => Ok(None),
        Parse::Json => serde_json::from_str(text).map(Some).map_err(|why| why.to_string()),
        Parse::Lines => Ok(Some(
            text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(Value::from).collect(),
        )),
        Parse::Keyvalue => Ok(Some(Value::Object(keyvalue(text)))),
    }
}

fn keyvalue(text: &str) -> Map<String, Value> {
    let mut map = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some((key, value)) = line.split_once(['=', ':']) {
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
            map.insert(key.trim().to_owned(), Value::from(bare));
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::Span;
    use crate::system::process::End;
    use serde_json::json;

    #[test]
    fn a_program_that_ended_is_seen_with_status_output_and_duration() {
        let seen = read("x", Parse::Text, &ended(End::Process(ProcessEnd::Exited(3)), "out\n", "err"))
            .expect("seen");
        let expected = Observation::new()
            .with("exit", 3)
            .with("stdout", "out")
            .with("stderr", "err")
            .with("duration", 1.5005);
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_crash_is_a_status_as_shells_count_it() {
        let crash = ended(End::Process(ProcessEnd::Signaled(11)), "", "");
        let seen = read("x", Parse::Json, &crash).expect("seen");
        assert_eq!((seen.get("exit"), seen.get("signal")), (Some(&json!(139)), Some(&json!(11))));
    }

    #[test]
    fn what_did_not_run_to_its_end_was_not_measured() {
        for end in
            [End::TimedOut(Span::seconds(2)), End::Interrupted, End::NotStarted("no such file".to_owned())]
        {
            assert!(read("x", Parse::Text, &ended(end.clone(), "ok", "")).is_err(), "{end:?}");
        }
    }

    #[test]
    fn a_stream_that_was_cut_is_left_out_and_named() {
        let mut cut = ended(End::Process(ProcessEnd::Exited(0)), "abc", "");
        cut.stdout.total = 4;
        let seen = read("x", Parse::Lines, &cut).expect("seen");
        assert_eq!(seen.get("stdout"), None);
        assert_eq!(seen.get("value"), None);
        assert_eq!(seen.get("truncated"), Some(&json!(["stdout"])));
    }

    #[test]
    fn output_is_read_as_the_check_says() {
        let value = |how, text: &str| parse(how, text).expect("parsed").expect("a value");
        assert_eq!(value(Parse::Lines, "a \n\n b\n"), json!(["a", " b"]));
        assert_eq!(value(Parse::Json, "{\"a\": [1]}"), json!({"a": [1]}));
        assert_eq!(
            value(Parse::Keyvalue, "# no=1\nNAME=\"Debian x\"\nPATH=/a:/b\n driver : nvidia \nnothing\n"),
            json!({"NAME": "Debian x", "PATH": "/a:/b", "driver": "nvidia"})
        );
        assert_eq!(parse(Parse::Text, "{}"), Ok(None));
    }

    #[test]
    fn a_broken_document_is_an_error_only_where_the_program_claims_success() {
        let broken =
            |status| read("x", Parse::Json, &ended(End::Process(ProcessEnd::Exited(status)), "{", "no"));
        assert!(matches!(broken(0), Err(ProbeError::Malformed { .. })));
        assert_eq!(broken(1).expect("seen").get("exit"), Some(&json!(1)));
    }
}
