//! The shipped checks on what the tools print: through their own probes, with their own patterns, settings and guards.

use super::judge::judge;
use super::probe::{Circumstances, Given, Need, ended, journal};
use crate::model::{
    Check, CommandLine, Look, NixQuestion, Observation, Outcome, Probe, ProcessEnd, Timestamp,
};
use crate::plan::{Sources, Surroundings, load, shipped_checks};
use crate::system::process::End;

struct NoFiles;

impl Sources for NoFiles {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("there is none".to_owned())
    }
}

/// The shipped check of that name, with these arguments.
pub(in crate::check) fn shipped(name: &str, with: &str) -> Check {
    let text = format!(
        "switchback: 1\nname: cases\nphases:\n  - id: one\n    apply: [{{run: [\"true\"], changes: nothing}}]\n    \
         validate:\n      - {{use: {name}, with: {{{with}}}}}\n"
    );
    let around = Surroundings {
        home: "/home/mo".to_owned(),
        user: "mo".to_owned(),
        is_root: false,
        folder: "/plans".to_owned(),
    };
    let loaded = load("cases.yaml", &text, &NoFiles, &around, &[]);
    let loaded = loaded.unwrap_or_else(|why| panic!("{name}: {}", why.lines()));
    loaded.plan.phases[0].validate[0].clone()
}

/// What a check makes of what its probe saw: its guard first.
pub(in crate::check) fn judged(check: &Check, seen: &Observation, before: Option<&Observation>) -> Outcome {
    if let Some(guard) = &check.applies_if {
        let outcome = judged(guard, seen, before);
        if outcome != Outcome::Pass {
            return match outcome {
                Outcome::Error | Outcome::Inconclusive => outcome,
                Outcome::Pass | Outcome::Warn | Outcome::Fail | Outcome::Skipped => Outcome::Skipped,
            };
        }
    }
    judge(check, &Ok(seen.clone()), before, "2026-01-05").outcome
}

/// An entry of a journal.
#[derive(Debug, Clone, Copy)]
struct Entry {
    transport: &'static str,
    who: &'static str,
    priority: u8,
    message_id: &'static str,
    /// What journald saw of the sender: `_SYSTEMD_UNIT`, `_SYSTEMD_USER_UNIT` and `_SYSTEMD_SLICE`.
    sender: [&'static str; 3],
    message: &'static str,
}

/// A program of a user's session.
const SESSION: [&str; 3] = ["user@1000.service", "app-x.scope", "user-1000.slice"];

const COREDUMP: &str = "fc2e22bc6ee647b6b90729ab34a250b1";

const fn kernel(message: &'static str) -> Entry {
    Entry { transport: "kernel", who: "kernel", priority: 6, message_id: "", sender: ["", "", ""], message }
}

const fn dumped(message: &'static str) -> Entry {
    let sender = ["systemd-coredump@3-9-0.service", "", r"system-systemd\x2dcoredump.slice"];
    Entry {
        transport: "journal",
        who: "systemd-coredump[9]",
        priority: 2,
        message_id: COREDUMP,
        sender,
        message,
    }
}

/// The manager tells how the process of a service ended.
const fn exited(message: &'static str) -> Entry {
    let message_id = "98e322203f7a4ed290d09fe03c09fe15";
    let sender = ["user@1000.service", "init.scope", "user-1000.slice"];
    Entry { transport: "journal", who: "systemd[812]", priority: 5, message_id, sender, message }
}

const fn oomd(message: &'static str) -> Entry {
    let sender = ["systemd-oomd.service", "", "system.slice"];
    Entry { transport: "journal", who: "systemd-oomd[7]", priority: 6, message_id: "", sender, message }
}

/// The same, sent by a program of a session.
const fn forged(entry: Entry) -> Entry {
    Entry { sender: SESSION, ..entry }
}

const fn said(priority: u8, message: &'static str) -> Entry {
    Entry { transport: "syslog", who: "app[5]", priority, message_id: "", sender: SESSION, message }
}

/// What journald gives for these words: matches of the same field are alternatives, of others must hold together, and
/// `+` stands between alternatives.
fn selected(argv: &[String], entries: &[Entry]) -> String {
    let flag = |name: &str| argv.iter().filter_map(move |word| word.strip_prefix(name)).collect::<Vec<_>>();
    let fields: Vec<&str> = argv
        .iter()
        .map(String::as_str)
        .filter(|word| *word == "+" || word.starts_with(|c: char| c.is_ascii_uppercase() || c == '_'))
        .collect();
    let field = |entry: &Entry, word: &str| match word.split_once('=') {
        Some(("_TRANSPORT", value)) => entry.transport == value,
        Some(("MESSAGE_ID", value)) => entry.message_id == value,
        Some(("_SYSTEMD_UNIT", value)) => entry.sender[0] == value,
        Some(("_SYSTEMD_USER_UNIT", value)) => entry.sender[1] == value,
        Some(("_SYSTEMD_SLICE", value)) => entry.sender[2] == value,
        other => panic!("{other:?}"),
    };
    let fits = |entry: &&Entry| {
        let most: u8 = flag("--priority=").first().map_or(7, |word| match *word {
            "crit" | "2" => 2,
            "err" | "3" => 3,
            "warning" | "4" => 4,
            "info" | "6" => 6,
            other => panic!("priority {other}"),
        });
        let names = flag("--identifier=");
        let name = entry.who.split('[').next().unwrap_or_default();
        let alternatives = fields.split(|word| *word == "+");
        entry.priority <= most
            && (names.is_empty() || names.contains(&name))
            && (fields.is_empty()
                || alternatives.into_iter().any(|all| {
                    // Of one field any may fit, of several each must.
                    let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
                    let fits = |word: &&str| {
                        all.iter().any(|other| name(other) == name(word) && field(entry, other))
                    };
                    all.iter().all(fits)
                }))
    };
    let line =
        |(at, entry): (usize, &Entry)| format!("1767000000.{at:06} {}: {}\n", entry.who, entry.message);
    entries.iter().filter(fits).enumerate().map(line).collect::<String>() + "-- cursor: s=1\n"
}

/// What the check's own probe makes of a journal with these entries.
fn journal(check: &Check, entries: &[Entry]) -> Observation {
    let Look::Probe(probe @ Probe::Journal { .. }) = &check.look else { panic!("{check:?}") };
    let around =
        Circumstances { phase_started: None, now: Timestamp(1_767_000_100_000), baseline: None, user: 0 };
    let mut looking = journal::look_at(probe, around);
    let mut need = looking.next(Given::Nothing);
    while matches!(need, Need::Child(..)) {
        let child = ended(End::Process(ProcessEnd::Exited(0)), "", "");
        need = looking.next(Given::Ended(Box::new(child)));
    }
    let Need::Stream(CommandLine { argv, .. }) = need else { panic!("{check:?}") };
    looking.take(selected(&argv, entries).as_bytes());
    let child = ended(End::Process(ProcessEnd::Exited(0)), "", "");
    match looking.next(Given::Ended(Box::new(child))) {
        Need::Seen(seen) => seen.expect("seen"),
        other => panic!("{other:?}"),
    }
}

/// What goes on all the time, and what somebody quotes.
const QUIET: [Entry; 12] = [
    forged(exited("plasma-kwin_wayland.service: Main process exited, code=killed, status=6/ABRT")),
    forged(oomd("Killed /user.slice/b.scope due to memory pressure for /user.slice being 60%")),
    exited("plasma-plasmashell.service: Main process exited, code=killed, status=15/TERM"),
    kernel("usb 1-2: new high-speed USB device number 5 using xhci_hcd"),
    kernel("[drm] Initialized i915 1.6.0 for 0000:00:02.0 on minor 0"),
    kernel("amdgpu 0000:03:00.0: amdgpu: SMU is initialized successfully!"),
    kernel("Linux version 6.12.0 (gcc 14) #1 SMP"),
    said(6, "traps: app[1] trap invalid opcode ip:1 sp:2 error:0"),
    said(6, "Out of memory: Killed process 7 (sh) total-vm:1kB"),
    said(6, "Process 8987 (kwin_wayland) of user 1000 dumped core."),
    oomd("Swap is currently not enabled"),
    Entry { priority: 6, ..forged(dumped("Process 7 (plasmashell) of user 1000 dumped core.")) },
];

#[test]
fn every_journal_check_finds_its_faults_with_its_own_pattern_and_nothing_else() {
    let cases: &[(&str, Outcome, &[&[Entry]])] = &[
        ("journal-errors", Outcome::Fail, &[&[said(3, "it broke")], &[kernel_at(3, "ata1: it broke")]]),
        ("journal-errors-user", Outcome::Fail, &[&[said(3, "it broke")]]),
        ("journal-warnings", Outcome::Warn, &[&[said(4, "it may break")]]),
        (
            "no-new-segfaults",
            Outcome::Fail,
            &[
                &[kernel("app[20]: segfault at 0 ip 00005577 sp 00007fb7 error 6 in app[5577+98a3]")],
                &[kernel("traps: sim[12] trap invalid opcode ip:4004 sp:7ff error:0 in sim[400000+1000]")],
                &[kernel("traps: sim[12] general protection fault ip:7f sp:7f error:0 in x")],
                &[kernel("traps: sim[12] trap divide error ip:4004 sp:7ff error:0")],
                &[kernel(
                    "udevd[1673]: unhandled level 2 translation fault (11) at 0x00000018, esr 0x92000006",
                )],
                &[kernel("mkfs.ext4[2167]: undefined instruction: pc=0000007f939a0700")],
                &[kernel("x[3]: unhandled signal 11 code 0x1 at 0x0000000000000000")],
            ],
        ),
        (
            "no-invalid-opcodes",
            Outcome::Fail,
            &[
                &[kernel("traps: sim[12] trap invalid opcode ip:4004 sp:7ff error:0 in sim[400000+1000]")],
                &[kernel("mkfs.ext4[2167]: undefined instruction: pc=0000007f939a0700")],
            ],
        ),
        ("no-core-dumps", Outcome::Fail, &[&[dumped("Process 7 (app) of user 1000 dumped core.")]]),
        (
            "no-oom-kills",
            Outcome::Fail,
            &[
                &[kernel("Out of memory: Killed process 1669 (app) total-vm:105068kB")],
                &[
                    kernel("Memory cgroup out of memory: Kill process 7 (app) score 3 or sacrifice child"),
                    kernel("Killed process 8 (child) total-vm:1kB"),
                ],
                &[kernel("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),task=app,pid=8,uid=0")],
            ],
        ),
        (
            "no-oomd-kills",
            Outcome::Fail,
            &[&[oomd("Killed /user.slice/a.scope due to memory pressure for /user.slice being 60%")]],
        ),
        (
            "no-gpu-faults",
            Outcome::Fail,
            &[
                &[kernel("NVRM: Xid (PCI:0000:01:00): 79, pid=8828, GPU has fallen off the bus.")],
                &[kernel("i915 0000:00:02.0: [drm] GPU HANG: ecode 9:1:85dffffb, in app [12]")],
                &[kernel(
                    "[drm:amdgpu_job_timedout [amdgpu]] *ERROR* amdgpu: ring gfx timeout, signaled seq=1",
                )],
                &[kernel("xe 0000:00:02.0: [drm] GT0: Engine reset: engine_class=rcs")],
                &[kernel("xe 0000:03:00.0: [drm] Tile0: GT0: Timedout job: seqno=1, lrc_seqno=1, guc_id=8")],
                &[kernel("nouveau 0000:01:00.0: [drm] *ERROR* [CRTC:47:head-0] flip_done timed out")],
                &[kernel("nouveau 0000:01:00.0: fifo: SCHED_ERROR 0a [CTXSW_TIMEOUT]")],
                &[kernel("radeon 0000:01:00.0: GPU lockup (current fence id 0x01 last fence id 0x02)")],
            ],
        ),
        (
            "no-kernel-faults",
            Outcome::Fail,
            &[
                &[kernel("BUG: unable to handle page fault for address: 0000000000001000")],
                &[kernel("Oops: 0000 [#1] PREEMPT SMP")],
                &[kernel(
                    "general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP",
                )],
                &[kernel("general protection fault: 0000 [#1] SMP")],
                &[kernel("divide error: 0000 [#1] SMP")],
                &[kernel("Internal error: Oops: 96000004 [#1] SMP")],
                &[kernel("Unable to handle kernel paging request at virtual address ffff000012345678")],
                &[kernel("Kernel panic - not syncing: VFS: Unable to mount root fs")],
                &[kernel("watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [app:12]")],
                &[kernel("NMI watchdog: Watchdog detected hard LOCKUP on cpu 1")],
                &[kernel("rcu: INFO: rcu_preempt self-detected stall on CPU")],
                &[kernel("INFO: task kworker/u8:1:33 blocked for more than 120 seconds.")],
            ],
        ),
        (
            "no-desktop-crashes",
            Outcome::Fail,
            &[
                &[kernel("kwin_wayland[7]: segfault at 0 ip 0 sp 0 error 4 in x[1+2]")],
                &[kernel("traps: plasmashell[7] trap invalid opcode ip:1 sp:2 error:0 in x[1+2]")],
                &[kernel("traps: gnome-shell[7] general protection fault ip:1 sp:2 error:0 in x[1+2]")],
                &[kernel("sway[7]: unhandled level 2 translation fault (11) at 0x00000018, esr 0x92000006")],
                &[kernel("sway[7]: undefined instruction: pc=0000007f939a0700")],
                &[dumped("Process 7 (kwin_wayland) of user 1000 dumped core.")],
                &[dumped(
                    "Process 7 (kwin_wayland) of user 1000 terminated abnormally without generating a coredump.",
                )],
                &[exited("plasma-kwin_wayland.service: Main process exited, code=killed, status=6/ABRT")],
                &[Entry {
                    sender: ["init.scope", "", ""],
                    ..exited("plasma-kwin_wayland.service: Main process exited, code=dumped, status=6/ABRT")
                }],
            ],
        ),
    ];
    for (name, outcome, faults) in cases {
        let check = shipped(name, "");
        let before = journal(&check, &QUIET);
        assert_eq!(judged(&check, &before, Some(&before)), Outcome::Pass, "{name}: {before:?}");
        for fault in *faults {
            let seen = journal(&check, &[&QUIET[..], fault, &QUIET[..]].concat());
            assert_eq!(judged(&check, &seen, Some(&before)), *outcome, "{name}: {fault:?} {seen:?}");
        }
    }
    let tested: Vec<&str> = cases.iter().map(|(name, ..)| *name).collect();
    let all = shipped_checks().unwrap_or_else(|why| panic!("{}", why.lines()));
    for check in &all {
        if check.library.ends_with("checks/journal.yaml") {
            assert!(tested.contains(&check.name.as_str()), "no case of {}", check.name);
        }
    }
}

const fn kernel_at(priority: u8, message: &'static str) -> Entry {
    Entry { priority, ..kernel(message) }
}

#[test]
fn what_only_a_session_can_see_is_asked_of_the_session_also_by_the_guard() {
    for name in ["app-memory-limited", "app-memory-throttled", "app-cpu-limited", "app-memory-in-use"] {
        let check = shipped(name, "");
        let guard = check.applies_if.as_ref().expect("a guard");
        assert_eq!((&guard.look, guard.who), (&check.look, check.who), "{name}");
    }
}

#[test]
fn tests_ran_where_some_ran_and_not_where_they_began_or_none_was_there_or_one_failed() {
    let check = shipped("tests-ran", "path: /nix/store/x");
    let Look::Probe(Probe::Nix(NixQuestion::Log { matches: Some(pattern), .. })) = &check.look else {
        panic!("{check:?}")
    };
    let pattern = regex::Regex::new(pattern).expect("a pattern");
    for (line, ran) in [
        ("100% tests passed, 0 tests failed out of 12", true),
        ("# PASS:  37", true),
        ("test result: ok. 5 passed; 0 failed; 0 ignored", true),
        ("Ran 3 tests in 0.01s", true),
        ("============ 4 passed, 1 warning in 0.12s ============", true),
        ("4 passed in 0.12s", true),
        ("Tests:       3 passed, 3 total", true),
        ("ok  \tgithub.com/a/b\t0.003s", true),
        ("ok  \tgithub.com/a/b\t0.003s\tcoverage: 81.0% of statements", true),
        ("Tests:       1 skipped, 3 passed, 4 total", true),
        ("Tests:       1 failed, 3 passed, 4 total", false),
        ("     Summary [   0.012s] 12 tests run: 12 passed, 0 skipped", true),
        ("     Summary [   0.012s] 12 tests run: 11 passed, 1 failed, 0 skipped", false),
        ("Ok:                 12", true),
        ("All tests successful.", true),
        ("All 12 tests passed", true),
        ("[==========] All 12 tests were successful", true),
        ("running tests", false),
        ("no Makefile or custom checkPhase, doing nothing", false),
        ("100% tests passed, 0 tests failed out of 0", false),
        ("# PASS:  0", false),
        ("test result: ok. 0 passed; 0 failed; 0 ignored", false),
        ("Ran 0 tests in 0.00s", false),
        ("============ 3 failed, 4 passed in 0.12s ============", false),
        ("3 failed, 4 passed", false),
        ("Tests:       1 failed, 3 passed, 4 total", false),
        ("ok  \tgithub.com/a/b\t0.003s [no tests to run]", false),
        ("ok  \tgithub.com/a/b\t0.003s [no test files]", false),
        ("All 0 tests passed", false),
        ("Ok:                 0", false),
    ] {
        assert_eq!(pattern.is_match(line), ran, "{line}");
    }
}

fn reasons(name: &str, with: &str, seen: Observation) -> (Outcome, Vec<String>) {
    let told = judge(&shipped(name, with), &Ok(seen), None, "2026-01-05");
    (told.outcome, told.reasons)
}

#[test]
fn a_driver_that_fails_is_told_with_the_class_of_its_failure_first() {
    let wrong = || {
        let empty: [&str; 0] = [];
        Observation::new()
            .with("ok", false)
            .with("failure", "wrong_driver_name")
            .with("pairs", empty.to_vec())
            .with("decodes", empty.to_vec())
    };
    let (outcome, told) = reasons("va-driver-loads", "", wrong());
    assert_eq!(outcome, Outcome::Fail);
    assert_eq!(told[0], "`failure` is there: \"wrong_driver_name\"");
    for (name, with) in
        [("va-codecs-decode", "codecs: [H264]"), ("va-driver-named", "name: NVDEC"), ("va-on-gpu", "")]
    {
        let (outcome, told) = reasons(name, with, wrong());
        assert_eq!(
            (outcome, told[0].as_str()),
            (Outcome::Fail, "`failure` is \"wrong_driver_name\""),
            "{name}"
        );
    }
    let none =
        Observation::new().with("device_created", false).with("error_class", "backend_library_unusable");
    let (_, told) = reasons("vdpau-decoders", "", none);
    assert_eq!(told[0], "`error_class` is \"backend_library_unusable\"");
}

#[test]
fn a_pass_names_what_was_asked_for() {
    let good = Observation::new().with("ok", true).with("decodes", vec!["H264", "VP9"]);
    let (outcome, told) = reasons("va-codecs-decode", "codecs: [H264, VP9]", good);
    assert_eq!((outcome, told[0].as_str()), (Outcome::Pass, "`decodes` contains H264, VP9"));
    let good = Observation::new().with("ok", true).with("encodes", vec!["H264"]);
    assert_eq!(reasons("va-codecs-encode", "", good).1[0], "`encodes` contains H264");
}
