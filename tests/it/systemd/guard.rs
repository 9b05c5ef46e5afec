//! The guard in a real systemd: the deadline, the watchdog's scope, the boot unit, reboots that were asked for, and a word
//! said at another login.

use super::Machine;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const STATE: &str = "/var/lib/switchback";

fn plan(machine: &Machine, phase: &str) {
    let root = machine.root();
    fs::create_dir_all(root.join("srv/p")).expect("made");
    fs::create_dir_all(root.join("var/lib/plans")).expect("made");
    fs::write(root.join("srv/p/file"), "old\n").expect("written");
    let text = format!(
        "switchback: 1
name: p
phases:
  - id: one
    layers: [{{files: {{paths: [/srv/p/]}}}}]
{phase}
    validate:
      - {{id: there, probe: {{file: {{path: /srv/p/file}}}}, expect: {{exists: true}}, timeout: 5s}}
"
    );
    fs::write(root.join("var/lib/plans/p.yaml"), text).expect("written");
}

/// Begins the run in a unit of its own, as a person's shell is in one. A second run of the same machine takes another
/// name: without the kernel's word that a unit is empty (cgroup v1 in a container), the manager may keep the first for
/// minutes.
fn begin(machine: &Machine, unit: &str) {
    let run = format!(
        "systemd-run --quiet --collect --unit={unit} switchback run --unattended /var/lib/plans/p.yaml"
    );
    machine.must(&run.split_whitespace().collect::<Vec<_>>());
}

fn journal(machine: &Machine) -> Vec<Value> {
    let path: PathBuf = machine.root().join("var/lib/switchback/generations/0001/journal");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn fact(facts: &[Value], name: &str) -> Option<Value> {
    facts.iter().find(|fact| fact["fact"] == name).cloned()
}

fn has(machine: &Machine, name: &str) -> bool {
    fact(&journal(machine), name).is_some()
}

/// When a fact was recorded, in milliseconds.
fn at(fact: &Value) -> i64 {
    let text = fact["at"].as_str().expect("a time");
    chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis()
}

fn cause(machine: &Machine) -> String {
    let reverting = fact(&journal(machine), "revert-began").expect("a way back");
    reverting["of"]["cause"].to_string()
}

fn old(machine: &Machine) -> bool {
    fs::read_to_string(machine.root().join("srv/p/file")).is_ok_and(|text| text == "old\n")
}

fn reverted(machine: &Machine) -> bool {
    fact(&journal(machine), "run-finished").is_some_and(|fact| fact["of"]["verdict"] == "rolled-back")
}

const HANGS: &str =
    "    apply:\n      - {id: a, shell: 'echo new > /srv/p/file; exec sleep 3600', timeout: 5s}";

/// The processes whose words are these, among others.
fn pids(machine: &Machine, words: &str) -> Vec<String> {
    let list = "for p in /proc/[0-9]*; do printf '%s ' ${p#/proc/}; tr '\\0' ' ' 2>/dev/null <$p/cmdline; echo; done";
    let said = machine.run(&["sh", "-c", list]);
    let lines = said.out.lines().filter(|line| line.contains(words) && !line.contains("systemd-run"));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn signal(machine: &Machine, signal: &str, words: &str) {
    let pids = pids(machine, words);
    assert!(!pids.is_empty(), "nothing runs as {words}");
    for pid in pids {
        machine.must(&["sh", "-c", &format!("kill -{signal} {pid}")]);
    }
}

/// Throws away what is known of the runs before, when nobody is at work on it any more.
fn forget(machine: &Machine) {
    machine.until("nobody is at work", |machine| pids(machine, "switchback").is_empty());
    machine.must(&["sh", "-c", &format!("rm -rf {STATE}/*")]);
}

/// The runner is ended with all of its unit, as a session's is; the watchdog lives in a scope of its own.
#[test]
fn a_runner_that_is_killed_with_its_whole_unit_is_taken_over_at_once() {
    let Some(machine) = Machine::boot("a_runner_that_is_killed_with_its_whole_unit_is_taken_over_at_once")
    else {
        return;
    };
    plan(&machine, HANGS);
    begin(&machine, "run");
    machine.until("a step acts", |machine| has(machine, "step-started"));
    assert_eq!(fact(&journal(&machine), "guard-armed").expect("armed")["of"]["kind"], "timer");
    // While its main process goes, the kernel may list it as process 0, which systemd takes for a fault (EIO).
    machine.until("its unit is ended", |machine| {
        let kill = ["systemctl", "kill", "--signal=KILL", "--kill-who=all", "run.service"];
        machine.run(&kill).status == Some(0) || pids(machine, "switchback run").is_empty()
    });
    machine.until("it is taken back", reverted);
    assert!(old(&machine));
    assert_eq!(cause(&machine), "\"runner-gone\"");
    assert_eq!(pids(&machine, "sleep 3600"), [""; 0], "its children are gone");
    machine.until("no timer is left of it", |machine| timers(machine).is_empty());
}

/// The deadlines that stand, by the manager's word.
fn timers(machine: &Machine) -> String {
    let words = ["list-timers", "--all", "--no-legend", "switchback-*"];
    machine.must(&[&["systemctl"], &words[..]].concat()).trim().to_owned()
}

/// A way back that a person types, after the runner and its watchdog are gone, leaves nothing that fires later.
#[test]
fn no_deadline_outlives_the_decision_whoever_makes_it() {
    let Some(machine) = Machine::boot("no_deadline_outlives_the_decision_whoever_makes_it") else { return };
    plan(&machine, &HANGS.replace("5s", "1h"));
    begin(&machine, "killed");
    machine.until("a step acts", |machine| has(machine, "step-started"));
    let armed = timers(&machine);
    assert!(armed.contains("switchback-deadline-"), "{armed:?}");
    // What the manager's clock of this timer is: none that anybody can set.
    let unit = armed.split_whitespace().find(|word| word.ends_with(".timer")).expect("a timer");
    let clocks = machine.must(&["systemctl", "show", "-p", "TimersMonotonic", "-p", "TimersCalendar", unit]);
    assert!(clocks.contains("OnBootUSec") && !clocks.contains("TimersCalendar={"), "{clocks}");
    signal(&machine, "KILL", "guard stand");
    signal(&machine, "KILL", "switchback run");
    assert_eq!(timers(&machine).lines().count(), 1, "nobody is left to take it away");
    machine.until("a person takes it back", |machine| {
        matches!(machine.switchback(&["rollback", "--yes"]).status, Some(12))
    });
    assert!(old(&machine));
    assert_eq!(timers(&machine), "", "nothing fires behind a decision");
    forget(&machine);
    plan(&machine, "    apply:\n      - {id: a, shell: 'echo new > /srv/p/file'}");
    begin(&machine, "again");
    machine.until("it is committed", |machine| has(machine, "run-finished"));
    machine.until("no timer is left of it", |machine| timers(machine).is_empty());
}

/// `systemctl stop` of a run is nobody's pause: the phase goes back, and the unit ends.
#[test]
fn a_run_whose_service_is_stopped_goes_back() {
    let Some(machine) = Machine::boot("a_run_whose_service_is_stopped_goes_back") else { return };
    plan(
        &machine,
        "    apply:\n      - {id: a, shell: 'echo new > /srv/p/file'}\n    confirm: {within: 10h}",
    );
    begin(&machine, "run");
    machine.until("the window is open", |machine| has(machine, "confirm-opened"));
    machine.run(&["systemctl", "stop", "run.service"]);
    machine.until("it is taken back", reverted);
    assert!(old(&machine));
    let causes = ["\"interrupted\"", "\"runner-gone\""];
    assert!(causes.contains(&cause(&machine).as_str()), "{}", cause(&machine));
    machine.until("no timer is left of it", |machine| timers(machine).is_empty());
}

/// A machine that is shut down in a window takes nothing back while everything is being stopped: the boot unit does it.
#[test]
fn a_machine_that_is_shut_down_takes_back_when_it_is_up_again() {
    let Some(mut machine) = Machine::boot("a_machine_that_is_shut_down_takes_back_when_it_is_up_again")
    else {
        return;
    };
    install(&machine);
    plan(
        &machine,
        "    apply:\n      - {id: a, shell: 'echo new > /srv/p/file', undo: {run: [systemd-run, --quiet, --wait, \"true\"]}}\n    confirm: {within: 10h}",
    );
    begin(&machine, "run");
    machine.until("the window is open", |machine| has(machine, "confirm-opened"));
    machine.run(&["systemctl", "reboot", "--no-block"]);
    machine.comes_up_again().expect("it reboots");
    machine.until("it is decided", |machine| has(machine, "run-finished"));
    let facts = journal(&machine);
    assert!(reverted(&machine), "{facts:#?}");
    assert_eq!(cause(&machine), "\"rebooted\"", "{facts:#?}");
    assert!(old(&machine));
}

/// From outside only what needs no program goes back; the rest is done by the boot unit when the machine is up.
#[test]
fn what_a_way_back_while_it_is_off_left_is_done_by_the_boot_unit() {
    let Some(mut machine) = Machine::boot("what_a_way_back_while_it_is_off_left_is_done_by_the_boot_unit")
    else {
        return;
    };
    install(&machine);
    plan(
        &machine,
        "    apply:\n      - {id: a, shell: 'echo new > /srv/p/file; echo > /srv/there', undo: {run: [rm, /srv/there]}}",
    );
    begin(&machine, "run");
    machine.until("it is committed", |machine| has(machine, "run-finished"));
    machine.cut_power();
    let there = machine.root().join("srv/there");
    let mut said = machine.while_it_is_off(&["rollback", "--yes"]);
    machine.until("nobody of that machine is alive", |machine| {
        if said.status == Some(15) {
            said = machine.while_it_is_off(&["rollback", "--yes"]);
        }
        said.status != Some(15)
    });
    assert_eq!(said.status, Some(13), "{said:?}");
    assert!(old(&machine) && there.exists(), "files are back, and programs were not run: {said:?}");
    machine.start().expect("it comes up");
    let ends = |machine: &Machine| -> Vec<Value> {
        journal(machine).into_iter().filter(|fact| fact["fact"] == "phase-ended").collect()
    };
    let last = |machine: &Machine| ends(machine).last().map(|fact| fact["of"]["end"].clone());
    machine.until("the rest is back", |machine| last(machine) == Some("reverted".into()));
    assert!(old(&machine) && !there.exists());
    machine.until("the run is over", |machine| {
        let status = machine.switchback(&["status", "--json"]);
        status.status == Some(0) && status.json()["current"]["verdict"] == "rolled-back"
    });
}

/// An ordinary user has a manager too: the watchdog's scope and the timer behind it are there.
#[test]
fn a_users_run_is_guarded_by_the_users_manager() {
    let Some(machine) = Machine::boot("a_users_run_is_guarded_by_the_users_manager") else { return };
    machine.must(&["useradd", "--create-home", "--shell", "/bin/sh", "--uid", "4711", "ann"]);
    machine.must(&["loginctl", "enable-linger", "ann"]);
    machine.until("her manager is up", |machine| {
        machine.run(&["systemctl", "is-active", "user@4711.service"]).out.trim() == "active"
    });
    let home = machine.root().join("home/ann");
    let text = "switchback: 1
name: p
phases:
  - id: one
    layers: [{files: {paths: [/home/ann/p/]}}]
    apply:
      - {id: a, shell: 'echo new > /home/ann/p/file; exec sleep 3600', timeout: 5s}
";
    // Each has a unit of its own, see [`begin`].
    for (killed, unit) in [("the runner with its unit", "first"), ("the runner and its watchdog", "second")] {
        machine.must(&["rm", "-rf", "/home/ann/p", "/home/ann/.local"]);
        fs::create_dir_all(home.join("p")).expect("made");
        fs::write(home.join("p/file"), "old\n").expect("written");
        fs::write(home.join("plan.yaml"), text).expect("written");
        machine.must(&["chown", "-R", "ann:ann", "/home/ann"]);
        let run = format!(
            "systemd-run --quiet --collect --unit={unit} --uid=ann --gid=ann --setenv=HOME=/home/ann \
             --setenv=XDG_RUNTIME_DIR=/run/user/4711 switchback run --unattended /home/ann/plan.yaml"
        );
        let words: Vec<&str> = run.split_whitespace().collect();
        machine.must(&words);
        let facts = || -> Vec<Value> {
            let journal = home.join(".local/state/switchback/generations/0001/journal");
            let text = fs::read_to_string(journal).unwrap_or_default();
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
        };
        machine.until("a step acts", |_| fact(&facts(), "step-started").is_some());
        assert_eq!(fact(&facts(), "guard-armed").expect("armed")["of"]["kind"], "timer", "{killed}");
        let scope = pids(&machine, "guard stand").into_iter().next().expect("a watchdog");
        let scope = machine.must(&["cat", &format!("/proc/{scope}/cgroup")]);
        assert!(scope.contains("user@4711.service") && scope.contains("switchback-watchdog-"), "{scope}");
        if killed.ends_with("watchdog") {
            signal(&machine, "KILL", "guard stand");
            signal(&machine, "KILL", "switchback run");
        } else {
            machine.until("its unit is killed", |machine| {
                machine.run(&["systemctl", "kill", "--signal=KILL", "--kill-who=all", unit]);
                pids(machine, "switchback run").is_empty()
            });
        }
        machine.until("it is taken back", |_| {
            fact(&facts(), "run-finished").is_some_and(|fact| fact["of"]["verdict"] == "rolled-back")
        });
        assert_eq!(fs::read_to_string(home.join("p/file")).expect("there"), "old\n", "{killed}");
        let cause = fact(&facts(), "revert-began").expect("a way back")["of"]["cause"].to_string();
        let expected = if killed.ends_with("watchdog") { "\"deadline-passed\"" } else { "\"runner-gone\"" };
        assert_eq!(cause, expected, "{killed}");
        let timers = "runuser -u ann -- env XDG_RUNTIME_DIR=/run/user/4711 systemctl --user list-timers --all --no-legend switchback-*";
        let timers: Vec<&str> = timers.split_whitespace().collect();
        machine.until("no timer is left of it", |machine| machine.must(&timers).trim().is_empty());
    }
}

/// Without the watchdog the timer is all there is: it holds through whatever the manager is asked to do.
#[test]
fn the_deadline_holds_through_reload_reexec_and_isolate() {
    let Some(machine) = Machine::boot("the_deadline_holds_through_reload_reexec_and_isolate") else { return };
    plan(&machine, HANGS);
    begin(&machine, "run");
    machine.until("a step acts", |machine| has(machine, "step-started"));
    // The watchdog first: it would take over at once.
    signal(&machine, "KILL", "guard stand");
    signal(&machine, "KILL", "switchback run");
    let armed = fact(&journal(&machine), "guard-armed").expect("armed");
    let until = armed["of"]["until"].as_str().map(|_| at(&serde_json::json!({ "at": armed["of"]["until"] })));
    let until = until.or_else(|| armed["of"]["until"].as_i64()).expect("a deadline");
    let verbs: [&[&str]; 3] = [
        &["systemctl", "daemon-reload"],
        &["systemctl", "daemon-reexec"],
        &["systemctl", "isolate", "--no-block", "multi-user.target"],
    ];
    let mut turns = [0; 3];
    let mut next = (0..verbs.len()).cycle();
    machine.until("the timer takes it back", |machine| {
        let turn = next.next().expect("without end");
        turns[turn] += 1;
        machine.run(verbs[turn]);
        reverted(machine)
    });
    assert!(old(&machine));
    let reverting = fact(&journal(&machine), "revert-began").expect("a way back");
    assert_eq!(cause(&machine), "\"deadline-passed\"");
    let late = at(&reverting) - until;
    println!(
        "the way back began {late} ms after the deadline; reloaded, executed anew, isolated: {turns:?} times"
    );
    assert!(turns.iter().all(|times| *times > 0), "{turns:?}");
    // One second is what is promised; the rest is for a machine on which much else is going on.
    assert!((0..=20_000).contains(&late), "{late} ms");
}

#[test]
fn a_runner_that_is_stopped_is_ended_at_its_deadline() {
    let Some(machine) = Machine::boot("a_runner_that_is_stopped_is_ended_at_its_deadline") else { return };
    plan(&machine, HANGS);
    begin(&machine, "run");
    machine.until("a step acts", |machine| has(machine, "step-started"));
    signal(&machine, "STOP", "switchback run");
    machine.until("it is taken back", reverted);
    assert!(old(&machine));
    assert_eq!(cause(&machine), "\"deadline-passed\"");
    assert_eq!(pids(&machine, "switchback run"), [""; 0], "the runner is gone");
}

/// What stands behind the runner is the system manager's and root's.
#[test]
fn a_user_of_the_machine_cannot_stop_its_timer_or_its_watchdog() {
    let Some(machine) = Machine::boot("a_user_of_the_machine_cannot_stop_its_timer_or_its_watchdog") else {
        return;
    };
    plan(&machine, &HANGS.replace("timeout: 5s", "timeout: 1h"));
    begin(&machine, "run");
    machine.until("a step acts", |machine| has(machine, "step-started"));
    let timers = ["systemctl", "list-units", "--no-legend", "--plain", "switchback-*"];
    let units: Vec<String> = machine
        .must(&timers)
        .lines()
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect();
    assert!(units.iter().any(|unit| unit.ends_with(".timer")), "{units:?}");
    assert!(units.iter().any(|unit| unit.ends_with(".scope")), "{units:?}");
    let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    for unit in &units {
        for verb in [&["stop"][..], &["kill", "--signal=KILL"], &["mask", "--runtime"]] {
            let words = [&user, &["systemctl", "--no-ask-password"][..], verb, &[unit.as_str()]].concat();
            let said = machine.run(&words);
            assert_ne!(said.status, Some(0), "{verb:?} {unit}: {said:?}");
        }
    }
    for pid in pids(&machine, "guard stand") {
        let said = machine.run(&[&user[..], &["sh", "-c", &format!("kill -KILL {pid}")]].concat());
        assert_ne!(said.status, Some(0), "{said:?}");
    }
    let after = machine.must(&timers);
    assert!(units.iter().all(|unit| after.contains(unit.as_str())), "{units:?} became {after}");
    signal(&machine, "KILL", "switchback run");
    machine.until("it is taken back", reverted);
    assert!(old(&machine));
}

#[test]
fn a_word_at_another_login_keeps_and_silence_does_not() {
    let Some(machine) = Machine::boot("a_word_at_another_login_keeps_and_silence_does_not") else { return };
    let confirm = |within: &str| {
        format!(
            "    apply:\n      - {{id: a, shell: 'echo new > /srv/p/file'}}\n    confirm: {{within: {within}}}"
        )
    };
    plan(&machine, &confirm("10m"));
    begin(&machine, "kept");
    machine.until("the window is open", |machine| has(machine, "confirm-opened"));
    let said = machine.switchback(&["confirm"]);
    assert!(said.status == Some(0) && said.out.contains("stays") | said.err.contains("stays"), "{said:?}");
    machine.until("it is committed", |machine| has(machine, "phase-committed"));
    machine.until("the run is over", |machine| has(machine, "run-finished"));
    let again = machine.switchback(&["confirm"]);
    assert_eq!(again.status, Some(10), "{again:?}");
    assert!(!old(&machine));
    // The run that is over may not have left the lock yet.
    machine
        .until("it is taken back", |machine| machine.switchback(&["rollback", "--yes"]).status == Some(12));
    forget(&machine);
    plan(&machine, &confirm("1s"));
    begin(&machine, "silent");
    machine.until("silence takes it back", reverted);
    assert!(old(&machine));
    assert_eq!(cause(&machine), "\"not-confirmed\"");
}

fn install(machine: &Machine) {
    machine.must(&["mkdir", "-p", "-m", "0700", STATE]);
    machine.must(&["switchback", "guard", "install"]);
    let status = machine.switchback(&["guard", "status", "--json"]).json();
    assert!(
        status["boot_unit"].as_str().is_some_and(|unit| unit.ends_with("switchback-guard.service")),
        "{status}"
    );
    assert_eq!(status["unit"]["UnitFileState"], "enabled", "{status}");
    let text = machine.switchback(&["guard", "status"]).out;
    assert!(text.contains("Its unit: loaded, enabled, inactive."), "{text}");
    assert!(text.contains("/current/switchback comes with the first generation"), "{text}");
}

/// The power is cut after each fact of a run in turn: after the boot the phase is as before, or it is committed.
#[test]
fn a_machine_that_goes_down_anywhere_comes_up_decided() {
    let Some(mut machine) = Machine::boot("a_machine_that_goes_down_anywhere_comes_up_decided") else {
        return;
    };
    install(&machine);
    let steps = "    apply:\n      - {id: a, shell: 'echo half > /srv/p/file; sleep 0.3'}\n      - {id: b, shell: 'echo new > /srv/p/file; sleep 0.3'}\n    settle: 300ms";
    let points = [
        "phase-began",
        "layer-recorded",
        "guard-armed",
        "step-started",
        "step-finished",
        "settle-began",
        "settle-ended",
        "phase-committed",
    ];
    let mut ends = Vec::new();
    for point in points {
        plan(&machine, steps);
        forget(&machine);
        begin(&machine, "run");
        machine.until(point, |machine| has(machine, point));
        machine.cut_power();
        machine.start().expect("it comes up again");
        let decided = |machine: &Machine| {
            let facts = journal(machine);
            fact(&facts, "run-finished").is_some()
                || fact(&facts, "phase-committed").is_some()
                || facts.is_empty()
        };
        machine.until("it is decided", decided);
        let committed = has(&machine, "phase-committed");
        let text = fs::read_to_string(machine.root().join("srv/p/file")).expect("there");
        assert_eq!(text, if committed { "new\n" } else { "old\n" }, "after {point}");
        ends.push((point, committed));
    }
    println!("planned {} cuts, executed {}: {ends:?}", points.len(), ends.len());
    assert_eq!(ends.len(), points.len());
    machine.must(&["switchback", "guard", "remove"]);
    assert_eq!(machine.run(&["systemctl", "cat", "switchback-guard.service"]).status, Some(1));
}

/// What asked for a reboot goes on after it, in the boot unit's wake, and counts it as no failure.
#[test]
fn a_phase_goes_on_after_the_reboot_that_it_asked_for() {
    let Some(mut machine) = Machine::boot("a_phase_goes_on_after_the_reboot_that_it_asked_for") else {
        return;
    };
    install(&machine);
    let steps = "    apply:\n      - {id: a, shell: 'echo half > /srv/p/file'}\n      - {id: r, reboot: the kernel is new}\n      - {id: b, shell: 'echo new > /srv/p/file'}";
    plan(&machine, steps);
    begin(&machine, "run");
    machine.until("it awaits the reboot", |machine| has(machine, "reboot-awaited"));
    machine.comes_up_again().expect("it reboots by itself");
    machine.until("it is committed", |machine| has(machine, "phase-committed"));
    machine.until("the run is over", |machine| has(machine, "run-finished"));
    let facts = journal(&machine);
    assert!(
        fact(&facts, "machine-rebooted").is_some() && fact(&facts, "revert-began").is_none(),
        "{facts:#?}"
    );
    assert_eq!(fs::read_to_string(machine.root().join("srv/p/file")).expect("there"), "new\n");
    assert_eq!(machine.switchback(&["status"]).status, Some(0));
}
