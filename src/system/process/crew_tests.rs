//! Real children.

use super::*;
use crate::model::CommandLine;
use crate::system::process::{Ids, Unwatched, end_all_children, run};
use std::collections::BTreeMap;
use std::ffi::OsString;

pub(in crate::system::process) fn sh(text: &str) -> Spec {
    spec(CommandLine::new(["/bin/sh", "-c", text]))
}

fn spec(command: CommandLine) -> Spec {
    Spec {
        command,
        env: BTreeMap::from([(OsString::from("PATH"), OsString::from("/usr/bin:/bin"))]),
        ids: None,
        timeout: Span::seconds(60),
        keep: 4096,
        input: None,
    }
}

fn out(text: &str) -> String {
    let ended = run(&sh(text), &mut Unwatched);
    assert_eq!(ended.end, End::Process(ProcessEnd::Exited(0)), "{ended:?}");
    ended.stdout.text()
}

fn alive(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid.trim()).exists()
}

#[test]
fn a_child_ends_with_its_status_and_its_output() {
    for (text, end, stdout, stderr) in [
        ("echo out; echo err >&2", ProcessEnd::Exited(0), "out\n", "err\n"),
        ("exit 7", ProcessEnd::Exited(7), "", ""),
        ("printf unended; kill -9 $$", ProcessEnd::Signaled(9), "unended", ""),
        ("exec >&- 2>&-; exit 3", ProcessEnd::Exited(3), "", ""),
    ] {
        let ended = run(&sh(text), &mut Unwatched);
        assert_eq!(ended.end, End::Process(end), "{text}");
        assert_eq!((ended.stdout.text().as_str(), ended.stderr.text().as_str()), (stdout, stderr), "{text}");
    }
}

#[test]
fn a_child_over_its_time_is_terminated_with_its_group() {
    let mut slow = sh("sleep 1000 & echo $!; sleep 1000");
    slow.timeout = Span(100);
    let ended = run(&slow, &mut Unwatched);
    assert_eq!(ended.end, End::TimedOut(Span(100)));
    assert!(ended.took.as_secs() < 4, "{:?}", ended.took);
    assert!(!alive(&ended.stdout.text()));
}

#[test]
fn a_child_that_ignores_term_is_killed_after_the_grace() {
    let mut deaf = sh("trap '' TERM HUP; while :; do sleep 1; done");
    deaf.timeout = Span(50);
    let ended = run(&deaf, &mut Unwatched);
    assert_eq!(ended.end, End::TimedOut(Span(50)));
    assert!(ended.took.as_secs() >= 5 && ended.took.as_secs() < 9, "{:?}", ended.took);
}

#[test]
fn a_flood_of_output_is_counted_and_bounded() {
    let ended = run(&sh("yes | head -c 100000000"), &mut Unwatched);
    assert_eq!(ended.stdout.total, 100_000_000);
    assert_eq!((ended.stdout.head.len(), ended.stdout.tail.len()), (2048, 2048));
    assert!(ended.stdout.text().contains("99995904 bytes left out"));
}

/// Adds up what is handed on.
#[derive(Default)]
struct Sum(u64, Vec<u8>);

impl Watch for Sum {
    fn line(&mut self, _: JobId, text: &str) {
        assert_eq!(text, "err", "the lines of a stream are not told");
    }
    fn chunk(&mut self, _: JobId, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
        self.1.extend_from_slice(bytes.get(bytes.len().saturating_sub(4)..).expect("an end"));
        self.1.drain(..self.1.len().saturating_sub(4));
    }
    fn tick(&mut self) {}
    fn interrupted(&mut self) -> bool {
        false
    }
}

#[test]
fn a_stream_is_handed_on_whole_before_its_child_is_told_to_have_ended() {
    let mut crew = Crew::new();
    crew.start_streamed(&sh("echo err >&2; yes | head -c 10000000; echo end"));
    let mut sum = Sum::default();
    match crew.wait(None, &mut sum) {
        News::Ended(_, ended) => {
            assert_eq!((sum.0, sum.1.as_slice()), (10_000_004, &b"end\n"[..]));
            assert_eq!(ended.stdout.total, sum.0);
            assert_eq!(ended.stdout.head.len() + ended.stdout.tail.len(), 4096);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_grandchild_in_the_background_does_not_hold_the_reader() {
    let ended = run(&sh("sleep 1000 & echo $!"), &mut Unwatched);
    assert_eq!(ended.end, End::Process(ProcessEnd::Exited(0)));
    assert!(ended.took.as_secs() < 5, "{:?}", ended.took);
    assert!(!alive(&ended.stdout.text()));
}

#[test]
fn a_daemon_that_left_the_session_is_gone_afterwards() {
    let pid = out("setsid sh -c 'sleep 1000 & echo $!; wait' & sleep 0.3");
    assert!(!pid.is_empty());
    assert!(!alive(&pid), "{pid}");
    let pid = out("setsid sh -c 'setsid sleep 1000 & echo $!'; sleep 0.1");
    assert!(!alive(&pid), "{pid}");
}

#[test]
fn three_hundred_orphans_are_reaped() {
    let pids = out("i=0; while [ $i -lt 300 ]; do (setsid sleep 1000 & echo $!); i=$((i+1)); done");
    assert_eq!(pids.lines().count(), 300);
    assert!(pids.lines().all(|pid| !alive(pid)));
}

#[test]
fn input_larger_than_a_pipe_reaches_the_child() {
    let mut cat = sh("cat | wc -c; cat");
    cat.input = Some(vec![b'x'; 3_000_000]);
    assert_eq!(run(&cat, &mut Unwatched).stdout.text().trim(), "3000000");
    let mut echo = sh("cat");
    echo.input = Some(vec![b'y'; 1_000_000]);
    assert_eq!(run(&echo, &mut Unwatched).stdout.total, 1_000_000);
}

#[test]
fn input_that_nobody_reads_is_dropped() {
    let mut deaf = sh("exec <&-; exit 4");
    deaf.input = Some(vec![b'x'; 3_000_000]);
    assert_eq!(run(&deaf, &mut Unwatched).end, End::Process(ProcessEnd::Exited(4)));
}

#[test]
fn without_input_the_child_reads_nothing() {
    assert_eq!(out("cat; readlink /proc/self/fd/0"), "/dev/null\n");
}

#[test]
fn what_cannot_be_started_is_said_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, content: &str, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("mode");
        path.display().to_string()
    };
    let plain = put("plain", "#!/bin/sh\n", 0o644);
    let lost = put("lost", "#!/no/such/interpreter -x\n", 0o755);
    let text = put("text", "echo hello\n", 0o755);
    for (argv, reason) in [
        (vec!["/no/such/program"], "/no/such/program is not there"),
        (vec!["no-such-program"], "no-such-program: not found in PATH"),
        (vec![plain.as_str()], "may not be executed"),
        (vec![lost.as_str()], "needs /no/such/interpreter, which is not there"),
        (vec![text.as_str()], "is not a program: no known format and no #! line"),
        (vec!["/"], "/ is a folder"),
        (vec![""], "the program's name is empty"),
        (vec!["/bin/sh", "a\0b"], "a word contains a zero byte"),
        (vec![], "the command has no words"),
    ] {
        match run(&spec(CommandLine::new(argv.clone())), &mut Unwatched).end {
            End::NotStarted(why) => assert!(why.ends_with(reason), "{argv:?}: {why}"),
            other => panic!("{argv:?}: {other:?}"),
        }
    }
    let mut nowhere = sh("true");
    nowhere.command.folder = Some("/no/such/folder".into());
    match run(&nowhere, &mut Unwatched).end {
        End::NotStarted(why) => assert!(why.contains("cannot enter /no/such/folder"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    let mut env = spec(CommandLine::new(["/usr/bin/env"]));
    env.command.env.insert("ADDED".to_owned(), "x y".to_owned());
    let seen = run(&env, &mut Unwatched).stdout.text();
    let mut names: Vec<&str> = seen.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["ADDED", "PATH", "SWITCHBACK_JOB"], "{seen}");
}

#[test]
fn a_child_has_three_descriptors_its_own_session_and_no_terminal() {
    assert_eq!(out("ls -1 /proc/$$/fd"), "0\n1\n2\n");
    let stat = out("cat /proc/$$/stat");
    let fields: Vec<&str> = stat.split_whitespace().collect();
    let (pid, group, session, terminal) = (fields[0], fields[4], fields[5], fields[6]);
    assert_eq!((group, session, terminal), (pid, pid, "0"));
    assert_eq!(out("umask; pwd"), "0022\n/\n");
    assert_eq!(
        out("grep -E '^Sig(Blk|Ign):' /proc/self/status | tr -d '\\t'").replace('0', ""),
        "SigBlk:\nSigIgn:\n"
    );
}

#[test]
fn ids_and_groups_are_all_set_and_no_capability_is_left() {
    let mut who = spec(CommandLine::new([
        "/usr/bin/grep",
        "-E",
        "^(Uid|Gid|Groups|CapPrm|CapEff|CapAmb):",
        "/proc/self/status",
    ]));
    who.ids = Some(Ids { uid: 65534, gid: 65533, groups: vec![65532, 65533] });
    let ended = run(&who, &mut Unwatched);
    if nix::unistd::geteuid().is_root() {
        let text = ended.stdout.text().split_whitespace().collect::<Vec<_>>().join(" ");
        let none = "CapPrm: 0000000000000000 CapEff: 0000000000000000 CapAmb: 0000000000000000";
        let ids = "Uid: 65534 65534 65534 65534 Gid: 65533 65533 65533 65533 Groups: 65532 65533";
        assert_eq!(text, format!("{ids} {none}"));
    } else {
        assert!(
            matches!(&ended.end, End::NotStarted(why) if why.contains("as user 65534")),
            "{:?}",
            ended.end
        );
    }
}

/// Counts, and interrupts after so many ticks.
#[derive(Default)]
struct Witness {
    lines: Vec<String>,
    ticks: usize,
    interrupt_at: Option<usize>,
}

impl Watch for Witness {
    fn line(&mut self, _: JobId, text: &str) {
        self.lines.push(text.to_owned());
    }
    fn tick(&mut self) {
        self.ticks += 1;
    }
    fn interrupted(&mut self) -> bool {
        self.interrupt_at.is_some_and(|at| self.ticks >= at)
    }
}

#[test]
fn the_watch_hears_lines_and_ticks() {
    let mut watch = Witness::default();
    run(&sh("echo one; echo two >&2; sleep 0.55; printf three"), &mut watch);
    watch.lines.sort_unstable();
    assert_eq!(watch.lines, ["one", "three", "two"]);
    assert!(watch.ticks >= 5, "{}", watch.ticks);
}

#[test]
fn an_interrupt_ends_every_child_and_each_is_reported() {
    let mut watch = Witness { interrupt_at: Some(2), ..Witness::default() };
    let mut crew = Crew::new();
    let jobs = [crew.start(&sh("sleep 1000")), crew.start(&sh("sleep 1000"))];
    assert!(matches!(crew.wait(None, &mut watch), News::Interrupted));
    let mut seen = Vec::new();
    for _ in 0..2 {
        match crew.wait(None, &mut watch) {
            News::Ended(id, ended) => {
                assert_eq!(ended.end, End::Interrupted);
                seen.push(id);
            }
            other => panic!("{other:?}"),
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, jobs);
    assert_eq!(crew.running(), 0);
}

#[test]
fn children_run_side_by_side_and_a_point_in_time_is_reached() {
    let mut crew = Crew::new();
    let started = clock::tick();
    for _ in 0..8 {
        crew.start(&sh("sleep 0.4"));
    }
    assert!(matches!(crew.wait(Some(started + Duration::from_millis(50)), &mut Unwatched), News::Reached));
    for _ in 0..8 {
        assert!(matches!(crew.wait(None, &mut Unwatched), News::Ended(..)));
    }
    assert!(clock::since(started) < Span(2_800), "{}", clock::since(started));
    assert!(matches!(crew.wait(None, &mut Unwatched), News::Reached));
}

#[test]
fn a_dropped_crew_leaves_nobody() {
    let mut crew = Crew::new();
    crew.start(&sh("sleep 1000"));
    let pid = crew.jobs[0].pid.to_string();
    assert!(alive(&pid));
    drop(crew);
    assert!(!alive(&pid));
}

#[test]
fn what_an_earlier_runner_left_running_is_ended_and_other_scopes_are_not() {
    let mut watch = Witness::default();
    let mut crew = Crew::new();
    let left = crew.start(&sh("exec env SWITCHBACK_JOB=scope-a/1/0 sh -c 'echo ready; sleep 1000'"));
    let other = crew.start(&sh("exec env SWITCHBACK_JOB=scope-ab/1/0 sh -c 'echo ready; sleep 1000'"));
    while watch.lines.len() < 2 {
        crew.wait(Some(clock::tick() + Duration::from_millis(50)), &mut watch);
    }
    let until = clock::tick() + Duration::from_secs(60);
    assert!(descent::end_marked("scope-a", until).expect("ended") >= 1);
    match crew.wait(None, &mut watch) {
        News::Ended(id, ended) => {
            assert_eq!((id, ended.end), (left, End::Process(ProcessEnd::Signaled(9))));
        }
        news => panic!("{news:?}"),
    }
    assert_eq!(crew.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [other]);
}

/// In a process of its own: it ends every child of the process, those of other tests too.
#[test]
fn before_an_undo_every_descendant_is_gone() {
    const ALONE: &str = "system::process::crew::tests::every_descendant_is_gone_alone";
    let me = std::env::current_exe().expect("own path").display().to_string();
    let mut own = spec(CommandLine::new([&me, "--exact", ALONE, "--ignored", "--nocapture"]));
    own.keep = 1 << 16;
    let ended = run(&own, &mut Unwatched);
    assert_eq!(
        ended.end,
        End::Process(ProcessEnd::Exited(0)),
        "{}{}",
        ended.stdout.text(),
        ended.stderr.text()
    );
    assert!(ended.stdout.text().contains("1 passed"), "{}", ended.stdout.text());
}

#[test]
#[ignore = "run by before_an_undo_every_descendant_is_gone, in a process of its own"]
fn every_descendant_is_gone_alone() {
    let mut crew = Crew::new();
    crew.start(&sh("setsid env -i setsid sleep 1000 & sleep 1000"));
    crew.start(&sh("trap '' TERM; sleep 1000"));
    assert!(matches!(
        crew.wait(Some(clock::tick() + Duration::from_millis(300)), &mut Unwatched),
        News::Reached
    ));
    assert_eq!(end_all_children(), Ok(()));
    assert_eq!(nix::sys::wait::waitpid(None, Some(WaitPidFlag::WNOHANG)), Err(Errno::ECHILD));
    assert!(matches!(crew.wait(None, &mut Unwatched), News::Ended(..)));
    assert!(matches!(crew.wait(None, &mut Unwatched), News::Ended(..)));
}
