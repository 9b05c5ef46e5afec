//! `journal`: what was logged, grouped by kind. A kind is a message without what differs from time to time:
//! addresses, process numbers, times, counts. So "nothing new" can be said of messages.

mod crashes;
mod kinds;

use super::{Circumstances, last_line, process_end, program, status, tool, whole};
use crate::check::ProbeError;
use crate::model::{CommandLine, Ignored, Manager, Observation, Probe, Timestamp, Value};
use crate::system::process::Ended;
use crashes::Crashes;
use kinds::fingerprint;
use regex::Regex;
use serde_json::Map;

/// Bytes of journal that are read. More is no measurement but an error: a part would be judged for the whole.
pub(super) const KEPT: usize = 16 << 20;
/// Characters kept of one message.
const SAMPLE: usize = 300;

/// What is asked of the journal, and what is left out of the answer.
pub(super) struct Filter {
    pub(super) command: CommandLine,
    matches: Option<Regex>,
    ignore: Vec<Regex>,
}

impl Filter {
    /// The filter of a journal probe. Where the phase has begun, only what came after the baseline counts: after its
    /// cursor, else after the phase's beginning. Before that, `since`, else this boot.
    pub(super) fn of(probe: &Probe, around: Circumstances<'_>) -> Result<Self, ProbeError> {
        let Probe::Journal { priority, units, matches, ignore, since, manager, kernel } = probe else {
            return Err(malformed("a journal probe", "this is another probe"));
        };
        let mut argv: Vec<String> =
            ["journalctl", "--no-pager", "--quiet", "--output=json", "--all"].map(str::to_owned).to_vec();
        argv.push(format!("--output-fields={FIELDS}"));
        argv.push(format!("--priority={priority}"));
        if *manager == Manager::User {
            argv.push("--user".to_owned());
        }
        if *kernel {
            argv.push("--dmesg".to_owned());
        }
        let flag = if *manager == Manager::User { "--user-unit" } else { "--unit" };
        argv.extend(units.iter().map(|unit| format!("{flag}={unit}")));
        let cursor = around.baseline.and_then(|seen| seen.get("cursor")).and_then(Value::as_str);
        argv.push(match (around.phase_started, cursor, since) {
            (Some(_), Some(cursor), _) => format!("--after-cursor={cursor}"),
            (Some(started), None, _) => format!("--since={}", epoch(started)),
            (None, _, Some(span)) => {
                let back = i64::try_from(span.0).unwrap_or(i64::MAX);
                format!("--since={}", epoch(Timestamp(around.now.0.saturating_sub(back))))
            }
            (None, _, None) => "--boot".to_owned(),
        });
        let regex = |pattern: &str| {
            Regex::new(pattern).map_err(|why| malformed("a pattern of a journal probe", &why.to_string()))
        };
        Ok(Self {
            command: tool(argv),
            matches: matches.as_deref().map(regex).transpose()?,
            ignore: ignore.iter().map(|Ignored { matches, .. }| regex(matches)).collect::<Result<_, _>>()?,
        })
    }

    fn counts(&self, text: &str) -> bool {
        self.matches.as_ref().is_none_or(|matches| matches.is_match(text))
            && !self.ignore.iter().any(|ignored| ignored.is_match(text))
    }
}

const FIELDS: &str = "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_COMM,COREDUMP_COMM";

fn malformed(what: &str, why: &str) -> ProbeError {
    ProbeError::Malformed { what: what.to_owned(), why: why.to_owned() }
}

/// Seconds since 1970 as journalctl takes them.
fn epoch(at: Timestamp) -> String {
    let ms = at.0.max(0);
    format!("@{}.{:03}", ms / 1000, ms % 1000)
}

/// What journalctl printed.
pub(super) fn read(filter: &Filter, ended: &Ended) -> Result<Observation, ProbeError> {
    let name = program(&filter.command);
    let code = status(process_end(name, ended)?);
    let said = String::from_utf8_lossy(&ended.stderr.head);
    let unreachable = |what: &str, hint| Err(ProbeError::Unreachable { what: what.to_owned(), hint });
    if said.contains("No journal files were opened due to insufficient permissions") {
        return unreachable("the journal may not be read", "run as root, or join the group systemd-journal");
    }
    if said.contains("No journal files were found") || !said.is_empty() && code != 0 {
        let last = last_line(&ended.stderr);
        return unreachable(&format!("there is no journal here: {last}"), "systemd-journald must be running");
    }
    if code > 1 {
        return unreachable("journalctl failed and said nothing", "run the same journalctl command by hand");
    }
    let text = whole(&ended.stdout).ok_or(ProbeError::TooMuch {
        what: format!("`{name}`"),
        bytes: ended.stdout.total,
        kept: KEPT,
    })?;
    if code == 0 && text.is_empty() && !journal_exists() {
        return unreachable("there is no journal here", "systemd-journald must be running");
    }
    parse(&text, filter)
}

// With `--quiet` journalctl says nothing where it found no journal at all, and that is not an empty journal.
fn journal_exists() -> bool {
    ["/var/log/journal", "/run/log/journal"]
        .iter()
        .any(|folder| std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()))
}

/// Entries as `journalctl --output=json` prints them, one a line.
fn parse(text: &str, filter: &Filter) -> Result<Observation, ProbeError> {
    let mut counts: Map<String, Value> = Map::new();
    let mut samples: Map<String, Value> = Map::new();
    let mut crashes = Crashes::default();
    let mut cursor = None;
    let mut count = 0_u64;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let entry: Map<String, Value> = serde_json::from_str(line)
            .map_err(|why| malformed("an entry of the journal", &why.to_string()))?;
        if let Some(Value::String(at)) = entry.get("__CURSOR") {
            cursor = Some(at.clone());
        }
        let message = field(&entry, "MESSAGE");
        if !filter.counts(&message) {
            continue;
        }
        let who = match field(&entry, "SYSLOG_IDENTIFIER") {
            empty if empty.is_empty() => field(&entry, "_COMM"),
            who => who,
        };
        let kind = fingerprint(&who, &message);
        count += 1;
        crashes.note(&message);
        let before = counts.get(&kind).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(kind.clone(), Value::from(before + 1));
        samples.entry(kind).or_insert_with(|| Value::from(message.chars().take(SAMPLE).collect::<String>()));
    }
    let kinds: Vec<Value> = counts.keys().map(|kind| Value::from(kind.as_str())).collect();
    let seen = Observation::new()
        .with("count", count)
        .with("kinds", kinds)
        .with("counts", counts)
        .with("samples", samples);
    let seen = crashes.into_fields(seen);
    Ok(match cursor {
        Some(cursor) => seen.with("cursor", cursor),
        None => seen,
    })
}

/// A field as text: journalctl gives bytes that are no UTF-8 as a list of numbers, and a repeated field as a list.
fn field(entry: &Map<String, Value>, name: &str) -> String {
    match entry.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => {
            let bytes: Option<Vec<u8>> =
                list.iter().map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            match bytes {
                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                None => list.first().and_then(Value::as_str).unwrap_or_default().to_owned(),
            }
        }
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Object(_)) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::{ProcessEnd, Span};
    use crate::system::process::End;
    use serde_json::json;

    fn probe(ignore: &[&str], matches: Option<&str>, since: Option<Span>) -> Probe {
        let ignored = |pattern: &&str| Ignored { matches: (*pattern).to_owned(), reason: "noise".to_owned() };
        Probe::Journal {
            priority: 3,
            units: vec!["a.service".to_owned()],
            matches: matches.map(str::to_owned),
            ignore: ignore.iter().map(ignored).collect(),
            since,
            manager: Manager::System,
            kernel: false,
        }
    }

    fn around(phase_started: Option<Timestamp>, baseline: Option<&Observation>) -> Circumstances<'_> {
        Circumstances { phase_started, now: Timestamp(10_000), baseline }
    }

    fn filter(ignore: &[&str], matches: Option<&str>) -> Filter {
        Filter::of(&probe(ignore, matches, None), around(None, None)).expect("a filter")
    }

    #[test]
    fn only_what_came_after_the_baseline_is_asked_for() {
        let baseline = Observation::new().with("cursor", "s=1;i=2");
        let started = Some(Timestamp(5_250));
        for (since, phase_started, seen, flag) in [
            (None, None, None, "--boot"),
            (Some(Span::seconds(4)), None, Some(&baseline), "--since=@6.000"),
            (Some(Span::seconds(4)), started, None, "--since=@5.250"),
            (None, started, Some(&baseline), "--after-cursor=s=1;i=2"),
        ] {
            let filter = Filter::of(&probe(&[], None, since), around(phase_started, seen)).expect("a filter");
            assert_eq!(filter.command.argv.last().map(String::as_str), Some(flag));
            assert!(filter.command.argv.contains(&"--unit=a.service".to_owned()));
        }
    }

    #[test]
    fn entries_are_grouped_by_kind() {
        let text = r#"{"__CURSOR":"c1","MESSAGE":"worker 17 died at 0xdeadbeef","SYSLOG_IDENTIFIER":"app"}
{"__CURSOR":"c2","MESSAGE":"worker 18 died at 0xcafe0001","SYSLOG_IDENTIFIER":"app"}
{"__CURSOR":"c3","MESSAGE":[104,105,255],"_COMM":"raw"}
{"__CURSOR":"c4","MESSAGE":"harmless","SYSLOG_IDENTIFIER":"app"}
"#;
        let seen = parse(text, &filter(&["^harm"], None)).expect("seen");
        assert_eq!(seen.get("count"), Some(&json!(3)));
        assert_eq!(seen.get("kinds"), Some(&json!(["app: worker # died at #", "raw: hi\u{fffd}"])));
        assert_eq!(seen.get("counts.app: worker # died at #"), Some(&json!(2)));
        assert_eq!(seen.get("samples.app: worker # died at #"), Some(&json!("worker 17 died at 0xdeadbeef")));
        assert_eq!(seen.get("cursor"), Some(&json!("c4")));
        let some = parse(text, &filter(&[], Some("^worker 17"))).expect("seen");
        assert_eq!(some.get("count"), Some(&json!(1)));
    }

    #[test]
    fn a_journal_that_cannot_be_read_is_an_error_with_a_hint() {
        for (status, said) in [
            (1, "No journal files were opened due to insufficient permissions.\n"),
            (0, "No journal files were found.\n"),
            (1, "Failed to connect: no\n"),
            (2, ""),
        ] {
            let end = End::Process(ProcessEnd::Exited(status));
            let why = read(&filter(&[], None), &ended(end, "", said)).expect_err(said);
            assert!(why.hint().is_some(), "{why}");
        }
        let end = End::Process(ProcessEnd::Exited(0));
        assert!(read(&filter(&[], None), &ended(end, "{\"half\n", "")).is_err());
    }

    #[test]
    fn a_bad_pattern_is_an_error() {
        assert!(Filter::of(&probe(&["("], None, None), around(None, None)).is_err());
        assert!(Filter::of(&probe(&[], Some("["), None), around(None, None)).is_err());
    }
}
