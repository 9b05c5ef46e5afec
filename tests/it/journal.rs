//! Journals that lost something, made by `systemd-journal-remote` and read by the real `journalctl`: what is gone is never
//! taken for what never was.

use crate::skipped::skipped;
use crate::support::bench::{Bench, Ran};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

const WRITER: &str = "/lib/systemd/systemd-journal-remote";

/// Now, in seconds.
#[expect(clippy::disallowed_methods, reason = "the times of the test's own entries")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A file of entries of the kernel, each with its time in seconds.
#[expect(clippy::disallowed_methods, reason = "the writer of the test's own journals")]
fn journal(file: &Path, entries: &[(u64, &str)]) {
    let mut export = String::new();
    for (at, message) in entries {
        export.push_str(&format!(
            "__REALTIME_TIMESTAMP={0}000000\n__MONOTONIC_TIMESTAMP={0}\n_BOOT_ID=0123456789abcdef0123456789abcdef\n\
             _TRANSPORT=kernel\nPRIORITY=6\nSYSLOG_IDENTIFIER=kernel\nMESSAGE={message}\n\n",
            at
        ));
    }
    let mut command = Command::new(WRITER);
    command
        .arg("--output")
        .arg(file)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut writer = command.spawn().expect("the writer starts");
    writer.stdin.take().expect("a pipe").write_all(export.as_bytes()).expect("written");
    assert!(writer.wait().expect("it ends").success(), "{}", file.display());
}

/// Whether the programs are there.
fn there(test: &str) -> bool {
    for program in [WRITER, "/usr/bin/journalctl"] {
        if !Path::new(program).exists() {
            skipped(test, &format!("there is no {program}"));
            return false;
        }
    }
    true
}

const QUIET: &str = "usb 1-2: new high-speed USB device number 5 using xhci_hcd";
const CRASH: &str = "foo[20]: segfault at 0 ip 00005577 sp 00007fb7 error 6 in foo[5577+98a3]";

/// A plan that looks for crashes in a folder of journals, by this rule.
fn planned(entries: &[(u64, &str)], rule: &str) -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("jd")).expect("a folder");
    journal(&bench.path("jd/a.journal"), entries);
    let folder = bench.path("jd");
    bench.plan(&format!(
        "
  - id: libs
    apply: [{{id: nothing, run: [\"true\"], changes: nothing}}]
    validate:
      - id: crashes
        probe: {{journal: {{priority: info, kernel: true, folder: {}, since: 10h}}}}
        expect: {{segfault_processes: {{{rule}: true}}}}
",
        folder.display()
    ));
    bench
}

/// One that looks for new ones, with its baseline.
fn bench(entries: &[(u64, &str)]) -> Bench {
    let bench = planned(entries, "no_new");
    let recorded = bench.run(&["baseline", "record", "plan.yaml", "--name", "before"]);
    assert_eq!(recorded.exit, 0, "{recorded:?}");
    bench
}

fn judged(bench: &Bench) -> Ran {
    bench.run(&["validate", "plan.yaml", "--baseline", "before", "--since-baseline"])
}

#[test]
fn a_crash_is_found_behind_a_cursor_that_is_there_and_behind_one_that_was_removed() {
    let test = "a_crash_is_found_behind_a_cursor_that_is_there_and_behind_one_that_was_removed";
    if !there(test) {
        return;
    }
    let now = now();
    let bench = bench(&[(now - 36_000 - 60, QUIET), (now - 1000, QUIET), (now - 900, QUIET)]);
    let same = judged(&bench);
    assert_eq!(same.exit, 0, "nothing is new: {same:?}");

    // What comes later is in another file.
    journal(&bench.path("jd/b.journal"), &[(now + 600, CRASH), (now + 601, QUIET)]);
    let found = judged(&bench);
    assert_eq!(found.exit, 20, "{found:?}");
    assert!(found.out.contains("foo"), "{found:?}");

    // The file of the cursor is removed, and the crash is the first entry of what is left.
    fs::remove_file(bench.path("jd/a.journal")).expect("removed");
    let found = judged(&bench);
    assert_eq!(found.exit, 20, "{found:?}");

    // The crash is removed as well: that it was there cannot be known, nor that it was not.
    journal(&bench.path("jd/c.journal"), &[(now + 700, QUIET), (now + 701, QUIET)]);
    fs::remove_file(bench.path("jd/b.journal")).expect("removed");
    let open = judged(&bench);
    assert_eq!(open.exit, 11, "{open:?}");
    assert!(open.out.contains("the journal begins at"), "{open:?}");
}

#[test]
fn a_journal_that_begins_after_what_is_asked_for_is_inconclusive_and_what_it_holds_is_found() {
    let test = "a_journal_that_begins_after_what_is_asked_for_is_inconclusive_and_what_it_holds_is_found";
    if !there(test) {
        return;
    }
    let now = now();
    for (entries, exit) in [
        (&[(now - 40_000, QUIET), (now - 60, QUIET)][..], 0),
        (&[(now - 120, QUIET), (now - 60, QUIET)], 11),
        (&[(now - 120, QUIET), (now - 60, CRASH)], 20),
    ] {
        let bench = planned(entries, "empty");
        let ran = bench.run(&["validate", "plan.yaml"]);
        assert_eq!(ran.exit, exit, "{entries:?}: {ran:?}");
    }
}
