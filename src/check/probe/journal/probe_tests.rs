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
        identifiers: vec!["app".to_owned()],
        fields: vec!["MESSAGE_ID=0".to_owned()],
        matches: matches.map(str::to_owned),
        ignore: ignore.iter().map(ignored).collect(),
        since,
        manager: Manager::System,
        kernel: true,
        folder: None,
    }
}

fn around(phase_started: Option<Timestamp>, baseline: Option<&Observation>) -> Circumstances<'_> {
    Circumstances { phase_started, now: Timestamp(10_000), baseline, user: 0 }
}

fn reading(ignore: &[&str], matches: Option<&str>) -> Reading {
    let filter = Filter::of(&probe(ignore, matches, None), around(None, None)).expect("a filter");
    Reading::new(filter.on_any_kernel())
}

/// What journalctl answers to the questions before the reading.
#[derive(Debug, Clone, Copy, Default)]
struct Answers<'a> {
    found: &'a str,
    header: &'a str,
    losses: &'a str,
}

/// The reading with these answers: what was asked, and what was seen.
fn asked(reading: &mut Reading, answers: Answers<'_>, text: &str) -> (Vec<String>, Observation) {
    let mut questions = Vec::new();
    let mut need = reading.next(Given::Nothing);
    loop {
        let answer = match need {
            Need::Child(command, _) => {
                let line = command.argv.join(" ");
                let answer = if line.contains("--header") {
                    answers.header
                } else if line.contains("--lines=1") {
                    answers.found
                } else {
                    answers.losses
                };
                questions.push(line);
                ended(End::Process(ProcessEnd::Exited(0)), answer, "")
            }
            Need::Stream(command) => {
                questions.push(command.argv.join(" "));
                reading.take(text.as_bytes());
                ended(End::Process(ProcessEnd::Exited(0)), "", "")
            }
            Need::Seen(seen) => return (questions, seen.expect("seen")),
            other => panic!("{other:?}"),
        };
        need = reading.next(Given::Ended(Box::new(answer)));
    }
}

fn read(reading: &mut Reading, text: &str, code: i32, said: &str) -> Result<Observation, ProbeError> {
    let mut need = reading.next(Given::Nothing);
    while matches!(need, Need::Child(..)) {
        need = reading.next(Given::Ended(Box::new(ended(End::Process(ProcessEnd::Exited(0)), "", ""))));
    }
    assert!(matches!(need, Need::Stream(_)), "{need:?}");
    reading.take(text.as_bytes());
    let child = ended(End::Process(ProcessEnd::Exited(code)), "", said);
    match reading.next(Given::Ended(Box::new(child))) {
        Need::Seen(seen) => seen,
        other => panic!("{other:?}"),
    }
}

#[test]
fn journald_is_asked_for_what_counts_and_for_nothing_else() {
    let baseline = Observation::new().with("cursor", "s=1;i=2");
    let started = Some(Timestamp(5_250));
    for (since, phase_started, seen, flag) in [
        (None, None, None, "--boot"),
        (Some(Span::seconds(4)), None, Some(&baseline), "--since=@6.000"),
        (Some(Span::seconds(4)), started, None, "--since=@5.250"),
        (None, started, Some(&baseline), "--after-cursor=s=1;i=2"),
    ] {
        let filter = Filter::of(&probe(&[], None, since), around(phase_started, seen)).expect("a filter");
        for word in [
            flag,
            "--unit=a.service",
            "--identifier=app",
            "_TRANSPORT=kernel",
            "MESSAGE_ID=0",
            "--priority=3",
        ] {
            assert!(filter.reading(&filter.begin).argv.iter().any(|given| given == word), "{word}");
        }
    }
}

#[test]
fn entries_are_grouped_by_kind() {
    let text = "1.000000 app[1]: worker 17 died at 0xdeadbeef\n1.000001 app[2]: worker 18 died at 0xcafe0001\n\
                1.000002 raw: hi\n1.000003 app[3]: harmless\n-- cursor: c4\n";
    let seen = read(&mut reading(&["^harm"], None), text, 0, "").expect("seen");
    assert_eq!(seen.get("count"), Some(&json!(3)));
    assert_eq!(seen.get("kinds"), Some(&json!(["app: worker # died at #", "raw: hi"])));
    assert_eq!(seen.get("counts.app: worker # died at #"), Some(&json!(2)));
    assert_eq!(seen.get("samples.app: worker # died at #"), Some(&json!("worker 17 died at 0xdeadbeef")));
    assert_eq!(seen.get("cursor"), Some(&json!("c4")));
    let some = read(&mut reading(&[], Some("^worker 17")), text, 0, "").expect("seen");
    assert_eq!(some.get("count"), Some(&json!(1)));
}

#[test]
fn each_look_counts_from_the_beginning() {
    let mut reading = reading(&[], None);
    for _ in 0..2 {
        let seen = read(
            &mut reading,
            "1.000000 kernel: x[1]: segfault at 0 ip\n1.000001 kernel[7]: y[2]: segfault at 0 ip\n",
            0,
            "",
        )
        .expect("seen");
        assert_eq!(seen.get("count"), Some(&json!(2)));
        assert_eq!(seen.get("segfault_processes"), Some(&json!(["x"])));
    }
}

#[test]
fn a_journal_that_cannot_be_read_is_an_error_with_a_hint() {
    for (status, said) in [
        (1, "No journal files were opened due to insufficient permissions.\n"),
        (0, "Hint: You are currently not seeing messages from other users and the system.\n"),
        (0, "No journal files were found.\n"),
        (1, "Failed to connect: no\n"),
        (2, ""),
    ] {
        let why = read(&mut reading(&[], None), "", status, said).expect_err(said);
        assert!(why.hint().is_some(), "{why}");
    }
    assert!(read(&mut reading(&[], None), "-- No entries --\n", 0, "").is_ok());
}

#[test]
fn a_file_that_journalctl_passes_over_is_an_error_unless_it_is_older_than_what_is_asked_for() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let there = file.path().display();
    for (line, began, is_read) in [
        (format!("Journal file {there} is truncated, ignoring file.\n"), 5, false),
        (format!("Journal file {there} is truncated, ignoring file.\n"), i64::MAX, true),
        ("Journal file /nowhere/a.journal corrupted, ignoring file.\n".to_owned(), i64::MAX, false),
    ] {
        let began = around(Some(Timestamp(began)), None);
        let filter = Filter::of(&probe(&[], None, None), began).expect("a filter");
        let seen = read(&mut Reading::new(filter), "-- No entries --\n", 0, &line);
        assert_eq!(seen.is_ok(), is_read, "{line}: {seen:?}");
    }
}

#[test]
fn more_kinds_than_can_be_told_apart_are_no_measurement() {
    let name = |number: u32| -> String {
        let digit =
            |place: u32| char::from(b'g' + u8::try_from(number / 16_u32.pow(place) % 16).unwrap_or(0));
        (0..4).map(digit).collect()
    };
    let text: String = (0..5000).map(|n| format!("1.000000 app: {}\n", name(n))).collect();
    let why = read(&mut reading(&[], None), &text, 0, "").expect_err("too many");
    assert!(matches!(why, ProbeError::TooMany { .. }), "{why}");
}

#[test]
fn a_bad_pattern_is_an_error() {
    assert!(Filter::of(&probe(&["("], None, None), around(None, None)).is_err());
    assert!(Filter::of(&probe(&[], Some("["), None), around(None, None)).is_err());
}

#[test]
fn a_process_of_another_boot_is_another_even_where_the_first_entry_does_not_count() {
    let killed = "kernel: Out of memory: Killed process 7 (app) total-vm:1kB";
    let text = format!(
        "1.000000 {killed}\n-- Boot 0123 --\n2.000000 kernel: hello\n2.000001 {killed}\n-- cursor: c\n"
    );
    let seen = read(&mut reading(&[], Some("Killed process")), &text, 0, "").expect("seen");
    assert_eq!(seen.get("oom_victims"), Some(&json!(["app", "app"])));
    assert_eq!(seen.get("count"), Some(&json!(2)));
}

const CRASH: &str =
    "1.000000 kernel: app[20]: segfault at 0 ip 00005577 sp 00007fb7 error 6\n-- cursor: c9\n";

#[test]
fn an_entry_is_skipped_only_where_it_is_the_one_that_the_baseline_ended_with() {
    let baseline = Observation::new().with("cursor", "s=1;i=2");
    let of = || {
        Filter::of(&probe(&[], None, None), around(Some(Timestamp(1_767_000_000_000)), Some(&baseline)))
            .expect("a filter")
            .on_any_kernel()
    };
    let head = |at: u64| format!("File path: /j/system.journal\nHead realtime timestamp: x ({at:x})\n");
    let (before, after) = (head(1_766_000_000_000_000), head(1_767_000_100_000_000));
    for (found, header, flag, complete) in [
        ("hello\n-- cursor: s=1;i=2\n", "", "--after-cursor=s=1;i=2", true),
        ("hello\n-- cursor: s=1;i=2\n", before.as_str(), "--after-cursor=s=1;i=2", true),
        // It is in a user's file, which is not full yet; those of the system that came later were removed.
        ("hello\n-- cursor: s=1;i=2\n", after.as_str(), "--after-cursor=s=1;i=2", false),
        ("hello\n-- cursor: s=1;i=9\n", before.as_str(), "--since=@1767000000.000", true),
        ("hello\n-- cursor: s=1;i=9\n", after.as_str(), "--since=@1767000000.000", false),
        ("-- No entries --\n", after.as_str(), "--since=@1767000000.000", false),
    ] {
        let answers = Answers { found, header, losses: "" };
        let (questions, seen) = asked(&mut Reading::new(of()), answers, CRASH);
        let last = questions.last().expect("a question");
        assert!(last.contains(flag), "{found}: {last}");
        assert_eq!(seen.get("complete"), Some(&json!(complete)), "{found} {header}");
        assert_eq!(seen.why_unseen("kinds").is_none(), complete, "{seen:?}");
        assert_eq!(seen.get("segfault_processes"), Some(&json!(["app"])), "{found}");
    }
}

#[test]
fn a_journal_that_begins_later_than_is_asked_for_is_not_all_of_it() {
    let of = |since: Option<Span>, phase: Option<Timestamp>, folder: Option<&str>| {
        let mut asked = probe(&[], None, since);
        let Probe::Journal { folder: place, .. } = &mut asked else { panic!() };
        *place = folder.map(Into::into);
        let around =
            Circumstances { phase_started: phase, now: Timestamp(1_000_000), baseline: None, user: 0 };
        Filter::of(&asked, around).expect("a filter")
    };
    let ago = Some(Span::seconds(600));
    let now = Timestamp(1_000_000);
    for (filter, oldest, up, told) in [
        (of(ago, None, None), 399_000, 900, false),
        (of(ago, None, None), 401_000, 900, true),
        // It begins with this boot.
        (of(ago, None, None), 810_000, 200, false),
        (of(ago, None, None), 990_000, 200, true),
        // What came before the reboot belongs to the phase.
        (of(ago, Some(Timestamp(500_000)), None), 810_000, 200, true),
        (of(ago, Some(Timestamp(500_000)), None), 499_000, 200, false),
        // Of another machine this boot says nothing.
        (of(ago, None, Some("/j")), 810_000, 200, true),
        (of(None, None, Some("/j")), 810_000, 200, false),
    ] {
        let reach = Reach { oldest: Some(Timestamp(oldest)), is_archived: false };
        let said = filter.beyond(reach, now, Span::seconds(up));
        assert_eq!(said.is_some(), told, "{filter:?} {oldest} {said:?}");
    }
    // A user's begins when he first comes: something is missing only where a part of it was full.
    let mut users = probe(&[], None, ago);
    let Probe::Journal { manager, .. } = &mut users else { panic!() };
    *manager = Manager::User;
    for (is_archived, up, told) in [(false, 900, false), (true, 900, true), (true, 200, false)] {
        let filter = Filter::of(&users, around(None, None)).expect("a filter");
        let filter = Filter { from: Some(Timestamp(400_000)), ..filter };
        let reach = Reach { oldest: Some(Timestamp(810_000)), is_archived };
        let said = filter.beyond(reach, now, Span::seconds(up));
        assert_eq!(said.is_some(), told, "{is_archived} {up} {said:?}");
    }
}

#[test]
fn what_journald_and_the_kernel_say_that_they_lost_is_told() {
    let mut kernel = probe(&[], Some("segfault"), None);
    let Probe::Journal { units, identifiers, fields, .. } = &mut kernel else { panic!() };
    for list in [units, identifiers, fields] {
        list.clear();
    }
    let of = || Filter::of(&kernel, around(None, None)).expect("a filter").on_any_kernel();
    let suppressed = "1.000000 kernel: show_signal_msg: 28 callbacks suppressed\n-- cursor: c\n";
    for (losses, text, lost, field, other) in [
        ("", "-- cursor: c\n", 0, false, false),
        ("Missed 12 kernel messages\n", "-- cursor: c\n", 12, true, true),
        ("Suppressed 7 messages from app.service\n", "-- cursor: c\n", 0, false, false),
        ("", suppressed, 28, true, false),
    ] {
        let answers = Answers { losses, ..Answers::default() };
        let (questions, seen) = asked(&mut Reading::new(of()), answers, text);
        assert!(questions.iter().any(|line| line.contains("SYSLOG_IDENTIFIER=systemd-journald")));
        assert_eq!(seen.get("lost"), Some(&json!(lost)), "{losses}{text}");
        assert_eq!(seen.get("complete"), Some(&json!(lost == 0)), "{losses}{text}");
        assert_eq!(seen.why_unseen("segfault_processes").is_some(), field, "{losses}{text}");
        assert_eq!(seen.why_unseen("oom_victims").is_some(), other, "{losses}{text}");
    }
}

#[test]
fn a_kernel_that_tells_of_no_fault_leaves_open_whether_there_was_one() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    for (text, told) in [("0\n", false), ("1\n", true)] {
        std::fs::write(file.path(), text).expect("write");
        let mut filter = Filter::of(&probe(&[], None, None), around(None, None)).expect("a filter");
        filter.exception_trace = Some(file.path().to_owned());
        let (_, seen) = asked(&mut Reading::new(filter), Answers::default(), "-- cursor: c\n");
        assert_eq!(seen.why_unseen("segfault_processes").is_none(), told, "{text}");
        assert_eq!(seen.why_unseen("oom_victims"), None, "{text}");
    }
}

#[test]
fn whatever_is_said_to_be_of_crashes_is_a_field_of_what_is_seen() {
    let mut reading =
        Reading::new(Filter::of(&probe(&[], None, None), around(None, None)).expect("a filter"));
    reading.take(b"1767000000.000001 kernel: hello\n");
    let child = ended(End::Process(ProcessEnd::Exited(0)), "", "");
    let seen = reading.observed(&child).expect("seen");
    for field in CRASH_FIELDS {
        assert!(seen.get(field).is_some(), "{field}: {seen:?}");
    }
}
