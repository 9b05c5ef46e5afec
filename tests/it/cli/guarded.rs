//! What takes a phase back when its runner cannot: without a service manager, a watchdog.

use super::unattended;
use crate::support::bench::{Bench, Ran};
use crate::support::pty::{Pty, Streams};
use crate::world::{is_root, lives, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::process::Child;

const AT_WORK: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: first, timeout: LIMIT, shell: 'echo first >> "$m/file"'}
      - {id: second, timeout: LIMIT, shell: 'setsid sh -c "echo \$\$ > $c/away; exec sleep 1000" & exec 3<>"$c/gate"; echo at work > "$c/there"; read -r line <&3'}
"#;

/// A run whose second step waits, with a child that got away.
fn at_work(limit: &str) -> (Bench, Child) {
    let bench = Bench::new();
    bench.plan(&AT_WORK.replace("LIMIT", limit));
    bench.gate("c/gate");
    let runner = bench.command(&["run", "plan.yaml", "--unattended"]).spawn().expect("started");
    until("the step is at work", || bench.path("c/there").exists() && !bench.read("c/away").is_empty());
    (bench, runner)
}

fn status(bench: &Bench) -> Value {
    bench.run(&["status", "--json"]).json()["current"].clone()
}

fn back(bench: &Bench) -> Value {
    until("it is taken back", || status(bench)["stage"] == "reverted");
    status(bench)
}

fn pid(runner: &Child) -> Pid {
    Pid::from_raw(i32::try_from(runner.id()).expect("a number"))
}

#[test]
fn a_runner_that_is_killed_is_taken_over_at_once_and_its_children_are_gone_first() {
    let (bench, mut runner) = at_work("1h");
    let away = bench.read("c/away");
    assert!(lives(&away));
    runner.kill().expect("there");
    runner.wait().expect("ended");
    let status = back(&bench);
    assert_eq!(status["cause"], "runner-gone", "{status:#}");
    assert_eq!(bench.read("m/file"), "old\n");
    assert!(!lives(&away), "its child goes on");
    let facts = bench.facts(1);
    let at = |name: &str| {
        facts.iter().position(|fact| fact == name).unwrap_or_else(|| panic!("{name}: {facts:?}"))
    };
    assert!(at("children-ended") < at("layer-restored"), "{facts:?}");
}

/// A plan whose step starts a child in this way and waits.
fn away_by(way: &str) -> Bench {
    let bench = Bench::new();
    bench.write("c/away.sh", &format!("echo $$ > {}\nexec sleep 1000\n", bench.path("c/away").display()));
    let step = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: only, timeout: 1h, shell: 'WAY </dev/null & exec 3<>"$c/gate"; echo new > "$m/file"; echo at work > "$c/there"; read -r line <&3'}
"#;
    bench.plan(&step.replace("WAY", way));
    bench.gate("c/gate");
    bench
}

/// Kills the runner when its step's child got away, waits for the guard, and says who that child is and whether there was a
/// control group for it.
fn killed_with_a_child_away(bench: &Bench, runner: &mut Child) -> (String, bool) {
    until("the step is at work", || bench.path("c/there").exists() && !bench.read("c/away").is_empty());
    let away = bench.read("c/away");
    let ledger = bench.read("state/children");
    assert!(lives(&away) && ledger.contains("\"runner\""), "{ledger}");
    runner.kill().expect("there");
    runner.wait().expect("ended");
    assert_eq!(back(bench)["cause"], "runner-gone");
    assert_eq!(bench.read("m/file"), "old\n");
    until("no watchdog is left", || watchdogs(bench).is_empty());
    (away, !ledger.contains("\"group\":null"))
}

#[test]
fn a_child_of_a_killed_runner_that_shed_its_environment_is_gone_or_it_is_said_that_nobody_can_tell() {
    let mut ways = vec!["env -i sh \"$c/away.sh\"", "env -i setsid -f sh \"$c/away.sh\""];
    if nix::unistd::geteuid().is_root() {
        ways.push("su - root -c \"sh $c/away.sh\"");
    }
    for way in ways {
        let bench = away_by(way);
        let mut runner = bench.command(&["run", "plan.yaml", "--unattended"]).spawn().expect("started");
        let (away, grouped) = killed_with_a_child_away(&bench, &mut runner);
        let said = bench.journal(1).contains("\"unseen\":true");
        if grouped {
            assert!(!lives(&away), "{way}: its child goes on");
            assert!(!said, "{way}: {}", bench.journal(1));
            assert!(!bench.path("state/children").exists(), "{way}: {}", bench.read("state/children"));
        } else {
            let _ = kill(Pid::from_raw(away.trim().parse().expect("a number")), Signal::SIGKILL);
            assert!(said, "{way}: {}", bench.journal(1));
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the program under test is started here")]
fn without_control_groups_marked_children_are_gone_and_it_is_said_that_there_may_be_others() {
    if !is_root("without_control_groups_marked_children_are_gone_and_it_is_said_that_there_may_be_others") {
        return;
    }
    let bench = away_by("setsid -f sh \"$c/away.sh\"");
    let plain = bench.command(&["run", "plan.yaml", "--unattended"]);
    let mut hidden = std::process::Command::new("unshare");
    hidden.args(["--mount", "sh", "-ec", "mount -t tmpfs none /sys/fs/cgroup; exec \"$0\" \"$@\""]);
    hidden.arg(plain.get_program()).args(plain.get_args()).current_dir(bench.path("")).env_clear();
    hidden.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut runner = hidden.spawn().expect("started");
    let (away, grouped) = killed_with_a_child_away(&bench, &mut runner);
    assert!(!grouped && !lives(&away));
    assert!(bench.journal(1).contains("\"unseen\":true"), "{}", bench.journal(1));
    let log = bench.read("state/generations/0001/guard.log");
    assert!(log.contains("no marked child of the phase is left") && !log.contains("no child of"), "{log}");
}

#[test]
fn a_run_that_ends_leaves_no_control_group_and_no_ledger() {
    let bench = Bench::new();
    bench.plan("  - id: one\n    apply: [{id: see, changes: nothing, shell: 'cat \"$c/../state/children\" > \"$c/seen\"'}]\n");
    let ran: Ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(bench.read("c/seen").contains("\"group\":"), "{}", bench.read("c/seen"));
    assert!(!bench.path("state/children").exists());
    let entry: Value = serde_json::from_str(&bench.read("c/seen")).expect("one line");
    if let (Some(mount), Some(path)) = (entry["group"]["mount"].as_str(), entry["group"]["path"].as_str()) {
        assert!(!std::path::Path::new(mount).join(path).exists(), "{entry}");
    }
}

#[test]
fn a_runner_that_is_stuck_is_ended_at_its_deadline() {
    let (bench, mut runner) = at_work("20s");
    kill(pid(&runner), Signal::SIGSTOP).expect("there");
    let status = back(&bench);
    assert_eq!(status["cause"], "deadline-passed", "{status:#}");
    assert_eq!(bench.read("m/file"), "old\n");
    assert!(!runner.wait().expect("ended").success(), "nobody ended it");
}

/// Nobody can set that clock: a step of the wall clock moves timers on the clocks 0 and 8 alone. That it is none of these
/// is read from the kernel, since a wall clock cannot be set here without setting everybody's.
#[test]
fn the_deadline_stands_on_a_clock_that_nobody_can_set() {
    let (bench, mut runner) = at_work("1h");
    let watchdogs =
        switchback::system::guard::standing(&bench.state(), switchback::model::GenerationNumber(1));
    let [watchdog] = watchdogs[..] else { panic!("{watchdogs:?}") };
    let entries = std::fs::read_dir(format!("/proc/{watchdog}/fdinfo")).expect("there");
    let texts =
        entries.map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).unwrap_or_default());
    let timers: Vec<String> = texts.filter(|text| text.contains("clockid:")).collect();
    let [timer] = &timers[..] else { panic!("{timers:?}") };
    let field = |name: &str| {
        let line = timer.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().to_owned()
    };
    assert_eq!(field("clockid:"), libc::CLOCK_BOOTTIME.to_string(), "{timer}");
    assert_eq!(field("settime flags:"), "01", "absolute: {timer}");
    assert!(!field("it_value:").starts_with("(0,"), "it is set: {timer}");
    runner.kill().expect("there");
    runner.wait().expect("ended");
    back(&bench);
}

#[test]
fn a_service_that_is_stopped_in_its_window_goes_back_and_waits_for_nobody() {
    for guard in [&[][..], &["--no-guard"]] {
        let bench = Bench::new();
        bench.plan(
            "  - {id: one, layers: [{files: {paths: ['${m}/']}}], apply: [{shell: 'echo new > \"$m/file\"'}], confirm: {within: 1h}}\n",
        );
        let mut command = bench.command(&[&["run", "plan.yaml", "--unattended"], guard].concat());
        let mut runner = command.spawn().expect("started");
        until("the window is open", || {
            bench.path("state/generations/0001/journal").exists() && status(&bench)["stage"] == "confirming"
        });
        kill(pid(&runner), Signal::SIGTERM).expect("there");
        assert_eq!(runner.wait().expect("ended").code(), Some(12), "{guard:?}");
        assert_eq!(bench.read("m/file"), "old\n");
        assert_eq!(status(&bench)["cause"], "interrupted", "{guard:?}");
    }
}

#[test]
fn who_types_rollback_while_the_guard_is_at_work_waits_for_it() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    apply:
      - id: slow
        shell: 'echo new > "$m/file"; exec 3<>"$c/gate"; echo > "$c/there"; read -r line <&3'
        undo: {shell: 'exec 3<>"$c/gate"; echo > "$c/undoing"; read -r line <&3; echo old > "$m/file"'}
"#,
    );
    bench.gate("c/gate");
    let mut runner = bench.command(&["run", "plan.yaml", "--unattended"]).spawn().expect("started");
    until("the step is at work", || bench.path("c/there").exists());
    runner.kill().expect("there");
    runner.wait().expect("ended");
    until("the guard is at work", || bench.path("c/undoing").exists());
    let mut person = Pty::start(bench.command(&["rollback", "--yes"]), 80, Streams::All);
    person.wait_for("is taking a phase");
    bench.open_gate("c/gate");
    assert_eq!(person.exit(), 0, "{}", person.screen());
    assert!(person.screen().contains("Nothing to take back"), "{}", person.screen());
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn what_is_decided_or_waits_for_a_person_is_left_alone_when_the_runner_ends() {
    let bench = Bench::new();
    bench.plan(
        "  - id: one\n    layers: [{files: {paths: ['${m}/']}}]\n    apply: [{id: add, shell: 'echo new > \"$m/file\"'}]\n    validate: [{id: sure, probe: {run: ['true'], parse: lines}, expect: {value: {contains: x}}, fail_if: {exit: 9}}]\n",
    );
    let ran: Ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 11, "{ran:?}");
    let facts = bench.facts(1);
    until("no watchdog is left", || watchdogs(&bench).is_empty());
    assert_eq!(bench.facts(1), facts, "a guard wrote something");
    assert_eq!(bench.read("m/file"), "new\n");
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 12);
    until("no watchdog is left", || watchdogs(&bench).is_empty());
}

/// The watchdogs that name this bench's state folder, by process.
fn watchdogs(bench: &Bench) -> Vec<i32> {
    let state = bench.state().display().to_string();
    let entries = std::fs::read_dir("/proc").expect("proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        words.contains("guard stand") && words.contains(&state)
    })
    .collect()
}

#[test]
fn a_word_at_another_login_keeps_the_change_and_another_one_does_not() {
    for (words, exit, file, said) in [
        (&["confirm"][..], 0, "new\n", "phase one stays"),
        (&["confirm", "--revert"][..], 12, "old\n", "phase one goes back"),
    ] {
        let bench = Bench::new();
        bench.plan(
            "  - {id: one, layers: [{files: {paths: ['${m}/']}}], apply: [{shell: 'echo new > \"$m/file\"'}], confirm: {within: 1h}}\n",
        );
        let none = bench.run(&["confirm"]);
        assert_eq!(none.exit, 2, "{none:?}");
        let mut run = bench.command(&["run", "plan.yaml", "--unattended"]).spawn().expect("started");
        until("the window is open", || {
            bench.path("state/current").exists() && bench.facts(1).iter().any(|fact| fact == "confirm-opened")
        });
        let other = bench.run(&["confirm", "--generation", "7"]);
        assert_eq!(other.exit, 2, "{other:?}");
        let ran = bench.run(words);
        assert!(ran.exit == 0 && (ran.out + &ran.err).contains(said));
        assert_eq!(run.wait().expect("ended").code(), Some(exit));
        assert_eq!(bench.read("m/file"), file);
        if exit == 0 {
            assert_eq!(kept_by(&bench), me());
        }
        let late = bench.run(words);
        assert_eq!(late.exit, 10, "{late:?}");
    }
}

#[test]
fn a_word_at_another_login_ends_the_question_at_this_one() {
    let bench = Bench::new();
    bench.plan(
        "  - {id: one, layers: [{files: {paths: ['${m}/']}}], apply: [{shell: 'echo new > \"$m/file\"'}], confirm: {within: 1h}}\n",
    );
    let mut run = Pty::start(bench.command(&["run", "plan.yaml"]), 80, Streams::All);
    run.answer("Begin phase one?", "y");
    run.wait_for("keep?");
    assert_eq!(bench.run(&["confirm"]).exit, 0);
    assert_eq!(run.exit(), 0, "{}", run.screen());
    assert_eq!(bench.read("m/file"), "new\n");
}

#[test]
fn who_said_keep_at_the_prompt_is_told() {
    let bench = Bench::new();
    bench.plan(
        "  - {id: one, layers: [{files: {paths: ['${m}/']}}], apply: [{shell: 'echo new > \"$m/file\"'}], confirm: {within: 1h}}\n",
    );
    let mut run = Pty::start(bench.command(&["run", "plan.yaml"]), 80, Streams::All);
    run.answer("Begin phase one?", "y");
    run.wait_for("keep? [y/N]");
    run.send("y\r");
    assert_eq!(run.exit(), 0, "{}", run.screen());
    assert_eq!(kept_by(&bench), me());
}

/// `NAME (user NUMBER)`, as `show` says that this person said keep.
fn kept_by(bench: &Bench) -> String {
    let shown = bench.run(&["show"]).out;
    let said =
        shown.lines().find_map(|line| line.trim().strip_prefix("confirmed")?.split_once(" said keep, "));
    said.unwrap_or_else(|| panic!("nobody said keep: {shown}")).0.trim().to_owned()
}

fn me() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).expect("read").expect("an account");
    format!("{} (user {})", user.name, user.uid)
}

#[test]
fn without_a_guard_nothing_goes_back_by_itself() {
    let bench = Bench::new();
    bench.plan(&AT_WORK.replace("LIMIT", "1h"));
    bench.gate("c/gate");
    let words = ["run", "plan.yaml", "--unattended", "--no-guard"];
    let mut runner = bench.command(&words).spawn().expect("started");
    until("the step is at work", || bench.path("c/there").exists());
    assert_eq!(watchdogs(&bench), Vec::<i32>::new());
    runner.kill().expect("there");
    runner.wait().expect("ended");
    assert_eq!(status(&bench)["stage"], "applying");
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 12);
}

#[test]
fn guard_status_says_what_stands_and_what_does_not() {
    let (bench, mut runner) = at_work("1h");
    let seen = bench.run(&["guard", "status", "--json"]).json();
    assert_eq!(seen["open"]["stands"], true, "{seen:#}");
    assert_eq!(seen["open"]["phase"], "one", "{seen:#}");
    let text = bench.run(&["guard", "status"]).out;
    assert!(text.contains("phase one: a watchdog takes it back"), "{text}");
    runner.kill().expect("there");
    runner.wait().expect("ended");
    back(&bench);
    let text = bench.run(&["guard", "status"]).out;
    assert!(text.contains("no phase is open"), "{text}");
}

#[test]
fn a_phase_awaits_its_reboot_and_the_same_boot_is_not_it() {
    let bench = Bench::new();
    bench.plan(
        "  - id: one\n    layers: [{files: {paths: ['${m}/']}}]\n    reboot: required\n    apply: [{shell: 'echo new > \"$m/file\"'}]\n    validate: [{id: v, probe: {run: ['true']}}]\n",
    );
    let ran = unattended(&bench, &[]);
    if std::path::Path::new("/run/systemd/system").exists() {
        // There it would have gone down.
        return crate::skipped::skipped(
            "a_phase_awaits_its_reboot_and_the_same_boot_is_not_it",
            "systemd runs here",
        );
    }
    assert_eq!(ran.exit, 30, "{ran:?}");
    assert!(ran.out.contains("Reboot the machine"), "{ran:?}");
    assert_eq!(status(&bench)["stage"], "awaiting reboot");
    // The watchdog may not have seen yet that there is nothing to do.
    until("no watchdog is left", || watchdogs(&bench).is_empty());
    let text = bench.run(&["guard", "status"]).out;
    assert!(text.contains("phase one awaits a reboot") && !text.contains("any more"), "{text}");
    assert_eq!(bench.run(&["guard", "status", "--json"]).json()["open"]["waits"], "reboot");
    assert_eq!(bench.run(&["resume", "--unattended"]).exit, 30);
    assert_eq!(bench.read("m/file"), "new\n", "nobody takes it back");
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 12);
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn what_would_be_installed_is_shown_whatever_runs_here_and_to_programs_as_a_document() {
    let bench = Bench::new();
    let text = bench.run(&["guard", "install", "--dry-run"]);
    assert_eq!(text.exit, 0, "{text:?}");
    assert!(text.out.contains("ExecStart=") || text.out.contains("ExecStart ="), "{text:?}");
    let told = bench.run(&["guard", "install", "--dry-run", "--json"]);
    assert_eq!(told.exit, 0, "{told:?}");
    let told = told.json();
    assert_eq!(told["installed"], false, "{told:#}");
    match told["ground"].as_str().expect("a ground") {
        "systemd" => assert!(told["files"][0]["text"].as_str().is_some_and(|it| it.contains("ExecStart="))),
        "nixos" => assert!(told["nix_module"].as_str().is_some_and(|it| it.contains("ExecStart ="))),
        _ => {
            let ran = bench.run(&["guard", "install", "--json"]);
            assert_eq!(ran.exit, 10, "nothing can be set up: {ran:?}");
        }
    }
    assert!(!bench.state().exists(), "it was only to be shown");
}

#[test]
fn a_watchdog_that_is_killed_is_replaced_by_another() {
    let (bench, mut runner) = at_work("1h");
    let first = watchdogs(&bench);
    assert_eq!(first.len(), 1);
    kill(Pid::from_raw(first[0]), Signal::SIGKILL).expect("there");
    until("another stands", || watchdogs(&bench).iter().any(|pid| *pid != first[0]));
    runner.kill().expect("there");
    runner.wait().expect("ended");
    assert_eq!(back(&bench)["cause"], "runner-gone");
    assert_eq!(bench.read("m/file"), "old\n");
}

const TWO: &str = r#"
  - {id: one, layers: [{files: {paths: ["${m}/"]}}], apply: [{shell: 'echo one > "$m/file"'}]}
  - id: two
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{timeout: 1h, shell: 'exec 3<>"$c/gate"; echo two > "$m/file"; echo > "$c/there"; read -r line <&3'}]
"#;

#[test]
fn a_timer_that_comes_when_its_phase_is_decided_ends_nobody() {
    let bench = Bench::new();
    bench.plan(TWO);
    bench.gate("c/gate");
    let mut runner = bench.command(&["run", "plan.yaml", "--unattended"]).spawn().expect("started");
    until("the second phase is at work", || bench.path("c/there").exists());
    let pid = pid(&runner);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("there");
    let started = stat.rsplit_once(") ").expect("a state").1.split_whitespace().nth(19).expect("a time");
    let facts = bench.facts(1);
    let fired = bench.run(&["guard", "fire", "--generation", "1", "--runner", &format!("{pid}:{started}")]);
    assert_eq!(fired.exit, 0, "{fired:?}");
    assert_eq!(bench.facts(1), facts);
    // Nor is a process taken for the runner of which only the number is known.
    let fired = bench.run(&["guard", "fire", "--generation", "1", "--runner", &format!("{pid}:0")]);
    assert_eq!(fired.exit, 0, "{fired:?}");
    assert!(runner.try_wait().expect("ours").is_none(), "the runner was ended");
    bench.open_gate("c/gate");
    assert!(runner.wait().expect("ended").success());
    assert_eq!(bench.read("m/file"), "two\n");
}

/// As if the runner had ended when this fact was its last.
fn ended_behind(bench: &Bench, fact: &str) {
    let text = bench.journal(1);
    let end = text.find(&format!("\"fact\":\"{fact}\"")).expect("there");
    let end = end + text[end..].find('\n').expect("a line") + 1;
    std::fs::write(bench.path("state/generations/0001/journal"), &text[..end]).expect("written");
    std::fs::remove_file(bench.path("state/generations/0001/journal.head")).expect("removed");
}

#[test]
fn what_is_committed_stays_where_the_runner_ended_before_the_next_phase() {
    for last in ["phase-committed", "phase-ended"] {
        let bench = Bench::new();
        bench.plan("  - {id: one, layers: [{files: {paths: ['${m}/']}}], apply: [{shell: 'echo one > \"$m/file\"'}]}\n  - {id: two, preflight: [{probe: {run: ['false']}}], layers: [{files: {paths: ['${m}/']}}], apply: [{shell: 'true'}]}\n");
        assert_eq!(unattended(&bench, &["--no-guard"]).exit, 10);
        ended_behind(&bench, last);
        std::fs::remove_dir_all(bench.path("state/generations/0002")).expect("removed");
        std::fs::remove_file(bench.state().join("current")).expect("removed");
        std::os::unix::fs::symlink("generations/0001", bench.state().join("current")).expect("made");
        let facts = bench.facts(1);
        let fired = bench.run(&["guard", "fire", "--generation", "1", "--runner", "99999:1"]);
        assert_eq!(fired.exit, 0, "{last}: {fired:?}");
        assert_eq!(bench.facts(1), facts, "{last}");
        assert_eq!(bench.read("m/file"), "one\n", "{last}");
        let phases = bench.run(&["status", "--json"]).json()["phases"].clone();
        let told = |at: usize| (phases[at]["end"].clone(), phases[at]["timing"].clone());
        assert_eq!(told(0), ("committed".into(), "settled".into()), "{last}: {phases}");
        assert_eq!((told(1).1, &phases[1]["due"]), ("due".into(), &true.into()), "{last}: {phases}");
    }
}

#[test]
fn a_run_whose_last_phase_is_committed_is_brought_to_its_end() {
    let bench = Bench::new();
    bench.plan(
        "  - {id: one, layers: [{files: {paths: ['${m}/']}}], apply: [{shell: 'echo one > \"$m/file\"'}]}\n",
    );
    assert_eq!(unattended(&bench, &["--no-guard"]).exit, 0);
    ended_behind(&bench, "phase-committed");
    let fired = bench.run(&["guard", "fire", "--generation", "1", "--runner", "99999:1"]);
    assert_eq!(fired.exit, 0, "{fired:?}");
    let facts = bench.facts(1);
    assert!(facts.iter().any(|fact| fact == "phase-ended"), "{facts:?}");
    assert_eq!(bench.read("m/file"), "one\n");
    let status = status(&bench);
    assert_eq!(status["verdict"], "committed", "{status}");
}

#[test]
fn a_word_after_the_window_says_nothing() {
    let bench = Bench::new();
    bench.plan(
        "  - {id: one, layers: [{files: {paths: ['${m}/']}}], apply: [{shell: 'echo new > \"$m/file\"'}], confirm: {within: 3s}}\n",
    );
    let mut runner =
        bench.command(&["run", "plan.yaml", "--unattended", "--no-guard"]).spawn().expect("started");
    until("the window is open", || status(&bench)["stage"] == "confirming");
    let told = status(&bench)["waiting"].as_str().unwrap_or_default().to_owned();
    assert!(told.contains("switchback confirm"), "{told}");
    runner.kill().expect("there");
    runner.wait().expect("ended");
    let facts: Vec<Value> =
        bench.journal(1).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let opened = facts.iter().find(|fact| fact["fact"] == "confirm-opened").expect("a window");
    let until_when = opened["of"]["until"].as_str().expect("its end");
    let end = chrono::DateTime::parse_from_rfc3339(until_when).expect("a time");
    let end = std::time::SystemTime::from(end);
    until("the window is closed", || end.elapsed().is_ok_and(|since| !since.is_zero()));
    let said = bench.run(&["confirm"]);
    assert!(said.exit == 10 && said.err.contains("silence takes it back"), "{said:?}");
    let resumed = bench.run(&["resume", "--unattended", "--no-guard"]);
    assert_eq!(resumed.exit, 12, "{resumed:?}");
    assert_eq!(bench.read("m/file"), "old\n");
}
