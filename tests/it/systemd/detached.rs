//! Runs that were handed over to a real service manager.

use super::Machine;
use std::fs;

const USER: [&str; 5] = ["runuser", "-u", "ann", "--", "env"];

/// A plan whose step waits until `go` is there.
fn plan(machine: &Machine, folder: &str) -> String {
    let root = machine.root();
    let inside = root.join(folder.trim_start_matches('/'));
    fs::create_dir_all(inside.join("m")).expect("made");
    fs::write(inside.join("m/file"), "old\n").expect("written");
    let text = format!(
        "switchback: 1
name: p
phases:
  - id: one
    layers: [{{files: {{paths: [{folder}/m/]}}}}]
    apply:
      - {{id: a, timeout: 10m, shell: 'echo new > {folder}/m/file; until [ -e {folder}/go ]; do sleep 0.1; done'}}
    validate:
      - {{probe: {{file: {{path: {folder}/m/file}}}}, expect: {{exists: true}}}}
"
    );
    fs::write(inside.join("p.yaml"), text).expect("written");
    format!("{folder}/p.yaml")
}

/// The login that began it ends with all that is in it, the manager is executed anew and goes to another target: the run
/// goes on in a unit of its own, and a stop of that unit asks it to stop.
#[test]
fn a_run_that_was_handed_over_outlives_its_login_and_the_display_manager() {
    let Some(machine) =
        Machine::boot("a_run_that_was_handed_over_outlives_its_login_and_the_display_manager")
    else {
        return;
    };
    let plan = plan(&machine, "/var/lib/plans");
    let begin = format!("switchback run {plan} --detach --run-id r && exec sleep 1000");
    let login = ["systemd-run", "--quiet", "--unit=login", "--collect", "sh", "-c", &begin];
    machine.must(&login);
    let at_work = |machine: &Machine| {
        let said = machine.switchback(&["status", "--run-id", "r", "--json"]);
        said.status == Some(75) && said.json()["stage"] == "applying"
    };
    machine.until("it is at work", at_work);
    let told = machine.switchback(&["status", "--run-id", "r", "--json"]).json();
    let unit = told["unit"].as_str().expect("a unit").to_owned();
    let active = |machine: &Machine, unit: &str| machine.run(&["systemctl", "is-active", unit]).out;
    assert_eq!(active(&machine, &format!("{unit}.service")).trim(), "active");
    machine.run(&["systemctl", "kill", "--signal=KILL", "--kill-who=all", "login.service"]);
    machine.until("the login is gone", |machine| active(machine, "login.service").trim() != "active");
    // What a display manager that starts anew, or is left for the console, does to the units.
    for words in
        [["daemon-reload", "--quiet"], ["daemon-reexec", "--quiet"], ["isolate", "multi-user.target"]]
    {
        machine.run(&[&["systemctl"], &words[..]].concat());
        machine.until("the manager is there again", at_work);
    }
    let early = machine.switchback(&["wait", "--timeout", "10ms"]);
    assert_eq!(early.status, Some(75), "{early:?}");
    machine.must(&["touch", "/var/lib/plans/go"]);
    let ended = machine.switchback(&["wait", "r"]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let attached = machine.switchback(&["attach", "r"]);
    assert!(attached.status == Some(0) && attached.out.contains("committed phase one"), "{attached:?}");
    assert_eq!(fs::read_to_string(machine.root().join("var/lib/plans/m/file")).expect("there"), "new\n");
}

#[test]
fn a_run_in_a_unit_that_is_killed_is_taken_back_and_that_is_waited_for() {
    let Some(machine) = Machine::boot("a_run_in_a_unit_that_is_killed_is_taken_back_and_that_is_waited_for")
    else {
        return;
    };
    let plan = plan(&machine, "/var/lib/plans");
    machine.must(&["switchback", "run", &plan, "--detach", "--run-id", "r"]);
    let told = machine.switchback(&["status", "--run-id", "r", "--json"]).json();
    let unit = format!("{}.service", told["unit"].as_str().expect("a unit"));
    machine.until("a step acts", |machine| {
        machine.switchback(&["status", "--run-id", "r", "--json"]).json()["stage"] == "applying"
    });
    // While its main process goes, the kernel may list it as process 0, which systemd takes for a fault (EIO).
    machine.until("its unit is ended", |machine| {
        machine.run(&["systemctl", "kill", "--signal=KILL", "--kill-who=all", &unit]);
        machine.run(&["systemctl", "is-active", &unit]).out.trim() != "active"
    });
    let ended = machine.switchback(&["wait", "r", "--json"]);
    assert_eq!((ended.status, &ended.json()["end"]), (Some(12), &"rolled back".into()), "{ended:?}");
    assert_eq!(fs::read_to_string(machine.root().join("var/lib/plans/m/file")).expect("there"), "old\n");
}

#[test]
fn a_users_run_goes_on_in_the_users_own_manager() {
    let Some(machine) = Machine::boot("a_users_run_goes_on_in_the_users_own_manager") else { return };
    machine.must(&["useradd", "--create-home", "--uid", "1234", "ann"]);
    machine.must(&["loginctl", "enable-linger", "ann"]);
    machine.until("the user's manager runs", |machine| {
        machine.run(&["systemctl", "is-active", "user@1234.service"]).out.trim() == "active"
    });
    let plan = plan(&machine, "/home/ann/p");
    machine.must(&["chown", "-R", "ann:ann", "/home/ann/p"]);
    let ann = |words: &[&str]| {
        let own = [&USER[..], &["HOME=/home/ann", "XDG_RUNTIME_DIR=/run/user/1234", "switchback"], words];
        machine.run(&own.concat())
    };
    let begun = ann(&["run", &plan, "--detach", "--run-id", "r"]);
    assert_eq!(begun.status, Some(0), "{begun:?}");
    let told = ann(&["status", "--run-id", "r", "--json"]).json();
    let unit = format!("{}.service", told["unit"].as_str().expect("a unit of the user's manager"));
    let active = machine.run(
        &[&USER[..], &["XDG_RUNTIME_DIR=/run/user/1234", "systemctl", "--user", "is-active", &unit]].concat(),
    );
    assert_eq!(active.out.trim(), "active", "{active:?}");
    machine.must(&["touch", "/home/ann/p/go"]);
    let ended = ann(&["wait"]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
}
