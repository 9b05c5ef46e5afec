use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::io::BufReader;

fn seen(text: &[u8]) -> Observation {
    read(&mut &*text).expect("read")
}

const PAIRS: &str = "__CURSOR=s=1;i=1
__REALTIME_TIMESTAMP=1
PRIORITY=3
SYSLOG_IDENTIFIER=app
MESSAGE=it fails

__CURSOR=s=1;i=2
MESSAGE
\u{5}\0\0\0\0\0\0\0a
bc\n
_COMM=raw

";

#[test]
fn an_export_is_read_entry_by_entry() {
    let seen = seen(PAIRS.as_bytes());
    assert_eq!(seen.get("format"), Some(&json!("export")));
    assert_eq!(seen.get("entries"), Some(&json!(2)));
    assert_eq!(seen.get("messages"), Some(&json!(["it fails", "a\nbc\n"])));
    assert_eq!(seen.get("priorities"), Some(&json!([3, null])));
    assert_eq!(seen.get("identifiers"), Some(&json!(["app", null])));
    assert_eq!(seen.get("complete"), Some(&json!(true)));
}

#[test]
fn every_kind_of_json_is_read_alike() {
    let lines = "{\"MESSAGE\":\"a } b\",\"PRIORITY\":\"6\"}\n{\"MESSAGE\":[104,105],\"PRIORITY\":4}\n";
    let pretty = "{\n\t\"MESSAGE\" : \"a } b\",\n\t\"PRIORITY\" : \"6\"\n}\n{\n\t\"MESSAGE\" : [\n104,\n105\n],\n\"PRIORITY\" : 4\n}\n";
    let sequence =
        "\u{1e}{\"MESSAGE\":\"a } b\",\"PRIORITY\":\"6\"}\n\u{1e}{\"MESSAGE\":\"hi\",\"PRIORITY\":\"4\"}\n";
    let events = "data: {\"MESSAGE\":\"a } b\",\"PRIORITY\":\"6\"}\n\ndata: {\"MESSAGE\":\"hi\",\"PRIORITY\":\"4\"}\n\n";
    let list =
        "[{\"MESSAGE\":\"a } b\",\"PRIORITY\":\"6\"},\n{\"MESSAGE\":[\"hi\",\"ho\"],\"PRIORITY\":\"4\"}]\n";
    let crlf = lines.replace('\n', "\r\n");
    for text in [lines, pretty, sequence, events, list, &crlf] {
        let seen = seen(text.as_bytes());
        assert_eq!(seen.get("format"), Some(&json!("json")), "{text}");
        assert_eq!(seen.get("messages"), Some(&json!(["a } b", "hi"])), "{text}");
        assert_eq!(seen.get("priorities"), Some(&json!([6, 4])), "{text}");
        assert_eq!(seen.get("complete"), Some(&json!(true)), "{text}");
    }
}

#[test]
fn what_breaks_off_is_told() {
    for text in [
        "{\"MESSAGE\":\"a\"}\n{\"MESSAGE\":\"b",
        "__CURSOR=1\nMESSAGE=a",
        "__CURSOR=1\nMESSAGE\n\u{9}\0\0\0\0\0\0\0abc",
        "Jan 01 00:00:00 host app[1]: a long line that a pager has cut at the edge of the scr>\n",
    ] {
        assert_eq!(seen(text.as_bytes()).get("complete"), Some(&json!(false)), "{text}");
    }
}

#[test]
fn lines_for_people_are_searched_for_faults_whatever_was_done_to_them() {
    let line = "Jun 15 20:14:25 host kernel: [ 2113.7] app[20]: segfault at 0 ip 0 sp 0 error 6 in app[1+2]";
    for text in [
        format!("{line}\n"),
        format!("{line}\r\n"),
        format!("\u{1b}[1;31m{line}\u{1b}[0m\n"),
        format!("> {line}"),
        format!("{{\"MESSAGE\":\"cut\n{line}\n"),
        line.replace("app[20]", "\u{1b}[1mapp[20]\u{1b}[0m"),
    ] {
        let seen = seen(text.as_bytes());
        assert_eq!(seen.get("segfault_processes"), Some(&json!(["app"])), "{text}");
    }
    let two = seen(b"-- Boot 1 --\nJan 1 a: b\n    continued\n\nJan 1 a: c\n");
    assert_eq!(two.get("entries"), Some(&json!(2)));
}

#[test]
fn faults_are_found_in_every_format() {
    for text in [
        "{\"MESSAGE\":\"app[20]: segfault at 0 ip 0\",\"SYSLOG_IDENTIFIER\":\"kernel\"}\n",
        "__CURSOR=1\nMESSAGE=app[20]: segfault at 0 ip 0\n\n",
        "app[20]: segfault at 0 ip 0\n",
    ] {
        assert_eq!(seen(text.as_bytes()).get("segfaults"), Some(&json!(1)), "{text}");
    }
}

/// Bytes that look like a journal here and there.
fn journal_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"{\"MESSAGE\":\"app[20]: segfault at 0\"}".to_vec()),
        Just(b"{".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"__CURSOR=1\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        Just(b"MESSAGE\n\x03\0\0\0\0\0\0\0abc\n\n".to_vec()),
        Just(b"NVRM: Xid (PCI:0000:01:00): 99999999999, x".to_vec()),
        Just(b"Killed process 1 (((((a".to_vec()),
        Just(b"Process 1 (a) of user 1 dumped core.".to_vec()),
        Just(b"traps: a[1] trap \xc3\xa4 ip:".to_vec()),
        Just("ä[1]: segfault at 0 ".as_bytes().to_vec()),
        Just(b"\x1b[31m".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..30),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_input_makes_it_panic(bytes in journal_like()) {
        let _ = read(&mut bytes.as_slice());
    }

    #[test]
    fn how_the_stream_is_cut_changes_nothing(bytes in journal_like(), size in 1_usize..20) {
        let whole = read(&mut bytes.as_slice());
        let slow = Trickle { bytes: &bytes, size };
        prop_assert_eq!(read(&mut BufReader::with_capacity(1, slow)), whole);
    }
}

/// Gives a few bytes a read, but enough of the first to tell the format.
struct Trickle<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl std::io::Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.size.max(1).min(into.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        into.get_mut(..count).expect("room").copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}

const SEGFAULT: &str = "app[20]: segfault at 0 ip 00005577 sp 00007fb7 error 6 in app[5577+98a3]";

#[test]
fn a_message_that_quotes_the_kernel_is_none_of_its_facts_in_any_format() {
    let killed = "Out of memory: Killed process 1669 (sh) total-vm:105068kB";
    for text in [
        format!("Jun 15 20:14:25 host sudo[12]:       mo : TTY=pts/0 ; COMMAND=/usr/bin/grep {killed}\n"),
        format!("Jun 15 20:14:25 host sudo:       mo : COMMAND=/usr/bin/grep {killed}\n"),
        format!("2026-01-05T12:00:00+0100 host My App[12]: {killed}\n"),
        format!("2026-01-05T12:00:00.123456+01:00 host app[12]: it said {killed}\n"),
        format!("Mon 2026-01-05 12:00:00 CET host app.service[12]: {killed}\n"),
        format!("1767000000.123456 host app[12]: {killed}\n"),
        format!("[   12.345678] host app[12]: {killed}\n"),
        format!("app[12]: {killed}\n"),
        format!("Jun 15 20:14:25 host app[12]: a report\n                             {killed}\n"),
        format!("Jun 15 20:14:25 host kernel[12]: {SEGFAULT}\n"),
        format!("{{\"MESSAGE\":\"{killed}\",\"SYSLOG_IDENTIFIER\":\"app\"}}\n"),
        format!("{{\"MESSAGE\":\"{killed}\",\"SYSLOG_IDENTIFIER\":\"kernel\",\"_TRANSPORT\":\"syslog\"}}\n"),
        format!("__CURSOR=1\n_TRANSPORT=journal\nMESSAGE={killed}\n\n"),
        format!(
            "Mon 2026-01-05 12:00:00.1 CET [s=1;i=2;b=3;m=4;t=5;x=6]\n    _TRANSPORT=stdout\n    MESSAGE={killed}\n"
        ),
    ] {
        let seen = seen(text.as_bytes());
        assert_eq!(
            (seen.get("oom_kills"), seen.get("segfaults")),
            (Some(&json!(0)), Some(&json!(0))),
            "{text}"
        );
    }
}

#[test]
fn what_the_kernel_says_itself_is_a_fact_in_any_format() {
    for text in [
        format!("Jun 15 20:14:25 host kernel: {SEGFAULT}\n"),
        format!("giu 15 20:14:25 host kernel: [ 2113.7] {SEGFAULT}\n"),
        format!("Jun 15 20:14:25 kernel: {SEGFAULT}\n"),
        format!("Jun 15 20:14:25 host kern.info kernel: {SEGFAULT}\n"),
        format!("Jun 15 20:14:25 host {SEGFAULT}\n"),
        format!("2026-01-05T12:00:00+0100 host kernel: {SEGFAULT}\n"),
        format!("2026-01-05T12:00:00,123456+01:00 {SEGFAULT}\n"),
        format!("Mon 2026-01-05 12:00:00 CET host kernel: {SEGFAULT}\n"),
        format!("[Mon Jan  5 12:00:00 2026] {SEGFAULT}\n"),
        format!("Mon Jan  5 12:00:00 2026 kern.info kernel: [ 12.3] {SEGFAULT}\n"),
        format!("1767000000.123456 host kernel: {SEGFAULT}\n"),
        format!("[   12.345678] host kernel: {SEGFAULT}\n"),
        format!("[   12.345678 <    0.000012>] {SEGFAULT}\n"),
        format!("[   12.345678] [  T123] {SEGFAULT}\n"),
        format!("<6>{SEGFAULT}\n"),
        format!("{SEGFAULT}\n"),
        format!(
            "{{\"MESSAGE\":\"{SEGFAULT}\",\"SYSLOG_IDENTIFIER\":\"kernel\",\"_TRANSPORT\":\"kernel\"}}\n"
        ),
        format!("{{\"MESSAGE\":\"{SEGFAULT}\",\"_TRANSPORT\":\"kernel\"}}\n"),
        format!("__CURSOR=1\n_TRANSPORT=kernel\nSYSLOG_IDENTIFIER=kernel\nMESSAGE={SEGFAULT}\n\n"),
        format!("-- No cursor --\n__CURSOR=1\n_TRANSPORT=kernel\nMESSAGE={SEGFAULT}\n\n"),
    ] {
        let seen = seen(text.as_bytes());
        assert_eq!(seen.get("segfault_processes"), Some(&json!(["app"])), "{text}");
    }
}

#[test]
fn every_field_set_in_under_a_cursor_is_an_entry() {
    let text = format!(
        "Mon 2026-01-05 12:00:00.123456 CET [s=1;i=2;b=3;m=4;t=5;x=6]\n    _TRANSPORT=kernel\n    PRIORITY=6\n    \
         SYSLOG_IDENTIFIER=kernel\n    MESSAGE={SEGFAULT}\n    _SOURCE_MONOTONIC_TIMESTAMP=1\n\
         Mon 2026-01-05 12:00:01.123456 CET [s=1;i=3;b=3;m=4;t=5;x=7]\n    PRIORITY=3\n    MESSAGE=one\n            two\n    _PID=1\n"
    );
    let seen = seen(text.as_bytes());
    assert_eq!((seen.get("format"), seen.get("entries")), (Some(&json!("verbose")), Some(&json!(2))));
    assert_eq!(seen.get("messages"), Some(&json!([SEGFAULT, "one\ntwo"])));
    assert_eq!(seen.get("priorities"), Some(&json!([6, 3])));
    assert_eq!(seen.get("identifiers"), Some(&json!(["kernel", null])));
    assert_eq!(seen.get("segfault_processes"), Some(&json!(["app"])));
    assert_eq!(seen.get("complete"), Some(&json!(true)));
}

#[test]
fn an_object_of_somebodys_trace_is_no_entry() {
    let line = format!("Jun 15 20:14:25 host kernel: {SEGFAULT}");
    for object in [
        "{ at: main.js }",
        "{\"level\":\"error\",\"msg\":\"x\"}",
        "{",
        "{}",
        "{\n  code: 'ENOENT',\n  path: '/x'\n}",
        "{\n  \"errno\": 2,\n  \"list\": [1, 2]\n}",
        "{\n",
        "{\"ERRNO\": 2}",
    ] {
        let text = format!(
            "Jun 15 20:14:24 host app[1]: it fails\n{object}\n{line}\nJun 15 20:14:26 host app[1]: x\n"
        );
        let seen = seen(text.as_bytes());
        assert_eq!(seen.get("format"), Some(&json!("text")), "{text}");
        assert_eq!(seen.get("segfaults"), Some(&json!(1)), "{text}");
        assert_eq!(seen.get("complete"), Some(&json!(true)), "{text}");
    }
}

#[test]
fn where_messages_are_missing_it_is_not_complete() {
    for (line, lost) in [
        ("systemd-journald[300]: Suppressed 1234 messages from plasma-kwin.service", 1234),
        ("systemd-journald[300]: Missed 12 kernel messages", 12),
        ("kernel: show_signal_msg: 7 callbacks suppressed", 7),
    ] {
        let seen = seen(format!("Mar 12 09:00:00 host {line}\nMar 12 09:00:01 host a[1]: b\n").as_bytes());
        assert_eq!(
            (seen.get("lost"), seen.get("complete")),
            (Some(&json!(lost)), Some(&json!(false))),
            "{line}"
        );
    }
    for line in [
        "Journal file /var/log/journal/abc/system@0005.journal~ is truncated, ignoring file.",
        "Journal file /var/log/journal/abc/system.journal uses an unsupported feature, ignoring file.",
        "Journal file /x/system.journal corrupted, ignoring file.",
        "Error while moving to the next entry, ignoring: Bad message",
        "Failed to iterate through journal: Bad message",
    ] {
        let seen = seen(format!("{line}\nMar 12 09:00:00 host kernel: hello\n").as_bytes());
        assert_eq!(
            (seen.get("entries"), seen.get("complete")),
            (Some(&json!(1)), Some(&json!(false))),
            "{line}"
        );
        assert_eq!(
            (seen.get("failure"), seen.get("error_text")),
            (Some(&json!("damaged")), Some(&json!(line)))
        );
    }
}

#[test]
fn what_a_pager_shows_is_no_entry_and_what_it_cuts_is_read_as_far_as_it_goes() {
    let heading = "mar 12 09:00:00 host systemd-coredump[24]: [🡕] Process 2311 (Xorg) of user 0";
    for (line, dumps) in [
        (format!("{heading} dum>"), json!(["Xorg"])),
        (format!("{heading} dumped core>"), json!(["Xorg"])),
        (format!("{heading} >"), json!([])),
        (format!("{heading} term>"), json!([])),
        ("mar 12 09:00:00 host app[24]: Process 2311 (Xorg) of user 0 dum>".to_owned(), json!([])),
    ] {
        for pager in ["lines 1-2/2 (END)", "lines 1-50", "lines 51-100 33%", "(END)", "--More--(12%)"] {
            let seen = seen(format!("{line}\n{pager}\n").as_bytes());
            assert_eq!(seen.get("core_dumps"), Some(&dumps), "{line}");
            assert_eq!(
                (seen.get("entries"), seen.get("complete")),
                (Some(&json!(1)), Some(&json!(false))),
                "{line}"
            );
        }
    }
}

#[test]
fn what_the_audit_says_of_a_crash_counts_once() {
    let kernel = "audit: type=1701 audit(1710.1:2): auid=1000 uid=1000 gid=1000 ses=1 pid=99 comm=\"plasmashell\" exe=\"/usr/bin/plasmashell\" sig=11 res=1";
    let own = "audit[99]: ANOM_ABEND auid=1000 uid=1000 gid=1000 ses=1 pid=99 comm=\"plasmashell\" exe=\"/usr/bin/plasmashell\" sig=11 res=1";
    for text in [
        format!("Mar 12 09:20:02 host kernel: {kernel}\n"),
        format!("Mar 12 09:20:02 host {own}\nMar 12 09:20:02 host kernel: {kernel}\n"),
        format!("[   42.123456] {kernel}\n"),
        format!("{kernel}\n"),
        format!(
            "{{\"MESSAGE\":{},\"SYSLOG_IDENTIFIER\":\"audit\",\"_TRANSPORT\":\"audit\"}}\n",
            json!(own.get(11..))
        ),
    ] {
        let seen = seen(text.as_bytes());
        assert_eq!(seen.get("audit_crashes"), Some(&json!(["plasmashell"])), "{text}");
        assert_eq!(seen.get("desktop_crashes"), Some(&json!(["plasmashell"])), "{text}");
        assert_eq!(seen.get("segfaults"), Some(&json!(0)), "{text}");
    }
    for text in [
        format!("Mar 12 09:20:02 host sudo[1]: {kernel}\n"),
        format!("Mar 12 09:20:02 host kernel: {}\n", kernel.replace("sig=11", "sig=3")),
    ] {
        assert_eq!(seen(text.as_bytes()).get("audit_crashes"), Some(&json!([])), "{text}");
    }
    let spaced = kernel.replace("comm=\"plasmashell\"", "comm=57656220436F6E74656E74");
    let both = format!(
        "Mar 12 09:20:02 host kernel: Web Content[99]: segfault at 0 ip 0 sp 0 error 4\nMar 12 09:20:02 host kernel: {spaced}\n"
    );
    let seen = seen(both.as_bytes());
    assert_eq!(seen.get("audit_crashes"), Some(&json!(["Web Content"])));
}

#[test]
fn what_is_of_another_tool_is_no_journal_and_messages_alone_may_be_one() {
    for text in [
        &b"vainfo: VA-API version: 1.20 (libva 2.20.1)\n"[..],
        b"Trying display: wayland\nlibva info: VA-API version 1.20.0\n",
        b"\x00\x01\x02\xff\xfe\n\x07",
    ] {
        let why = read(&mut &*text).expect_err("an error");
        assert!(why.hint().is_some(), "{why}");
    }
    for (text, complete) in [
        ("Started Session 3 of User mo.\nReached target\n", false),
        ("-- No entries --\n", true),
        ("Mar 12 09:00:00 host app[1]: x\n", true),
        ("Mar 12 09:00:00 host app[1]: vainfo: VA-API version: 1.20\n", true),
        ("plasmashell[2311]: segfault at 0 ip 00 sp 00 error 4 in x[1+2]\n", true),
    ] {
        assert_eq!(seen(text.as_bytes()).get("complete"), Some(&json!(complete)), "{text}");
    }
}

/// A message of the kernel in every way in which it is written down.
fn written(message: &str) -> Vec<String> {
    let json = serde_json::to_string(message).expect("JSON");
    vec![
        format!("Jun 15 20:14:25 host kernel: {message}\n"),
        format!("Jun 15 20:14:25 host kernel: [ 2113.7] {message}\n"),
        format!("2026-01-05T12:00:00+0100 host kernel: {message}\n"),
        format!("2026-01-05T12:00:00.123456+01:00 host kernel: {message}\n"),
        format!("Mon 2026-01-05 12:00:00 CET host kernel: {message}\n"),
        format!("1767000000.123456 host kernel: {message}\n"),
        format!("1767000000.123456 kernel: {message}\n"),
        format!("[   12.345678] host kernel: {message}\n"),
        format!("[   12.345678] {message}\n"),
        format!("[Mon Jan  5 12:00:00 2026] {message}\n"),
        format!("2026-01-05T12:00:00,123456+01:00 {message}\n"),
        format!("<6>[   12.345678] {message}\n"),
        format!("<6>{message}\n"),
        format!("{message}\n"),
        format!("> {message}\n"),
        format!("* {message}\n"),
        format!("6,1234,5678901,-;{message}\n SUBSYSTEM=x\n"),
        format!("<6>1 2026-01-05T12:00:00.123456+01:00 host kernel - - - {message}\n"),
        format!("<6>1 2026-01-05T12:00:00Z host kernel - - [meta x=\"1\"] {message}\n"),
        format!(
            "{{\n   \"dmesg\": [\n      {{\n         \"pri\": 6,\n         \"time\":     0.1,\n         \"msg\": {json}\n      }}\n   ]\n}}\n"
        ),
        format!("{{\"MESSAGE\":{json},\"SYSLOG_IDENTIFIER\":\"kernel\",\"_TRANSPORT\":\"kernel\"}}\n"),
        format!("{{\n\t\"MESSAGE\" : {json},\n\t\"_TRANSPORT\" : \"kernel\"\n}}\n"),
        format!("__CURSOR=1\n_TRANSPORT=kernel\nSYSLOG_IDENTIFIER=kernel\nMESSAGE={message}\n\n"),
        format!(
            "Mon 2026-01-05 12:00:00.1 CET [s=1;i=2;b=3;m=4;t=5;x=6]\n    _TRANSPORT=kernel\n    MESSAGE={message}\n"
        ),
    ]
}

#[test]
fn every_kind_of_fault_is_found_in_whatever_way_it_is_written_down() {
    for (message, field, value) in [
        (SEGFAULT, "segfault_processes", json!(["app"])),
        (
            "traps: sim[12] trap invalid opcode ip:4004 sp:7ff error:0 in sim[400000+1]",
            "invalid_opcode",
            json!(["sim"]),
        ),
        (
            "traps: sim[12] general protection fault ip:7f sp:7f error:0 in x",
            "general_protection",
            json!(["sim"]),
        ),
        (
            "mkfs.ext4[2167]: undefined instruction: pc=0000007f939a0700",
            "undefined_instruction",
            json!(["mkfs.ext4"]),
        ),
        ("Out of memory: Killed process 1669 (sh) total-vm:105068kB", "oom_victims", json!(["sh"])),
        ("NVRM: Xid (PCI:0000:01:00): 79, pid=8828, GPU has fallen off the bus.", "xid_codes", json!([79])),
        (
            "general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP",
            "kernel_oopses",
            json!(1),
        ),
        ("general protection fault: 0000 [#1] SMP", "kernel_oopses", json!(1)),
        ("divide error: 0000 [#1] SMP", "kernel_oopses", json!(1)),
        ("BUG: kernel NULL pointer dereference, address: 0000000000000008", "kernel_oopses", json!(1)),
        ("Kernel panic - not syncing: VFS: Unable to mount root fs", "kernel_oopses", json!(1)),
        ("watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [app:12]", "kernel_oopses", json!(1)),
        (
            "INFO: task kworker/u8:1:33 blocked for more than 120 seconds.",
            "hung_tasks",
            json!(["kworker/u8:1"]),
        ),
        ("xe 0000:00:02.0: [drm] GT0: Engine reset: engine_class=rcs", "gpu_hangs", json!(1)),
        ("nouveau 0000:01:00.0: [drm] *ERROR* flip_done timed out", "gpu_hangs", json!(1)),
    ] {
        for text in written(message) {
            let seen = seen(text.as_bytes());
            assert_eq!(seen.get(field), Some(&value), "{text}");
            assert_eq!(seen.get("entries"), Some(&json!(1)), "{text}");
            assert_eq!(seen.get("complete"), Some(&json!(true)), "{text}");
        }
    }
}

#[test]
fn a_program_that_is_no_kernel_is_believed_in_no_way_of_writing() {
    for text in [
        format!("12,1234,5678901,-;app[7]: {SEGFAULT}\n"),
        format!("<14>1 2026-01-05T12:00:00Z host app 7 - - {SEGFAULT}\n"),
    ] {
        assert_eq!(seen(text.as_bytes()).get("segfaults"), Some(&json!(0)), "{text}");
    }
}

#[test]
fn the_same_number_and_name_in_another_boot_is_another_process() {
    let killed = "Out of memory: Killed process 700 (app) total-vm:1kB";
    let crashed = "plasmashell[800]: segfault at 0 ip 0 sp 0 error 4 in x[1+2]";
    let short = |message: &str| format!("Jun 15 20:14:25 host kernel: {message}\n");
    let json = |boot: &str, message: &str| {
        format!("{{\"MESSAGE\":\"{message}\",\"_TRANSPORT\":\"kernel\",\"_BOOT_ID\":\"{boot}\"}}\n")
    };
    let pairs = |boot: &str, message: &str| {
        format!("__CURSOR=1\n_BOOT_ID={boot}\n_TRANSPORT=kernel\nMESSAGE={message}\n\n")
    };
    let both = |write: &dyn Fn(&str) -> String| write(killed) + &write(crashed);
    for (text, times) in [
        ([both(&short), "-- Boot 0123 --\n".to_owned(), both(&short)].concat(), 2),
        ([both(&short), "-- Reboot --\n".to_owned(), both(&short)].concat(), 2),
        ([both(&short), short("Linux version 6.1.0"), both(&short)].concat(), 2),
        ([both(&short), both(&short)].concat(), 1),
        ([both(&|m| json("a", m)), both(&|m| json("b", m))].concat(), 2),
        ([both(&|m| json("a", m)), both(&|m| json("a", m))].concat(), 1),
        ([both(&|m| pairs("a", m)), both(&|m| pairs("b", m))].concat(), 2),
    ] {
        let seen = seen(text.as_bytes());
        let lengths = ["oom_victims", "desktop_crashes"]
            .map(|field| seen.get(field).and_then(Value::as_array).map(Vec::len));
        assert_eq!((lengths, seen.get("oom_kills")), ([Some(times); 2], Some(&json!(times))), "{text}");
    }
}

#[test]
fn a_journal_that_was_not_read_is_not_one_without_faults() {
    for (text, failure) in [
        ("No journal files were opened due to insufficient permissions.\n", "insufficient_permissions"),
        (
            "Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm' can see all messages.\n      Pass -q to turn off this notice.\nJun 15 20:14:25 host app[1]: a\n",
            "insufficient_permissions",
        ),
        ("No journal files were found.\n-- No entries --\n", "no_journal"),
        ("bash: journalctl: command not found\n", "not_started"),
        ("bash: Zeile 1: journalctl: Kommando nicht gefunden.\n", "not_started"),
        ("dmesg: read kernel buffer failed: Operation not permitted\n", "insufficient_permissions"),
        ("Failed to add match 'x': Invalid argument\n", "failed"),
    ] {
        let seen = seen(text.as_bytes());
        assert_eq!(seen.get("failure"), Some(&json!(failure)), "{text}");
        assert_eq!(seen.get("complete"), Some(&json!(false)), "{text}");
        let entries = usize::from(text.contains("Jun 15"));
        assert_eq!(seen.get("entries"), Some(&json!(entries)), "{text}");
    }
}

#[test]
fn a_line_without_its_end_breaks_off() {
    let line = format!("Jun 15 20:14:25 host kernel: {SEGFAULT}");
    assert_eq!(seen(line.as_bytes()).get("complete"), Some(&json!(false)));
    assert_eq!(seen(format!("{line}\n").as_bytes()).get("complete"), Some(&json!(true)));
}
