//! The timer in a real systemd: set up, fired, told once, taken back, taken away.

use super::Machine;
use crate::skipped::skipped;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Nothing in a name is read by systemd.
const STATE: &str = "/var/lib/a state 100% $HOME";

fn plan(name: &str, on: &str) -> String {
    format!(
        "switchback: 1
name: {name}
revision: 1
phases:
  - id: one
    layers: [{{files: {{paths: [/srv/{name}/]}}}}]
    apply:
      - {{id: a, shell: 'echo new > /srv/{name}/file'}}
    validate:
      - {{id: good, probe: {{run: [sh, -c, 'grep -q old /srv/{name}/file || test ! -e /srv/{name}.bad']}}}}
      - {{id: room, probe: {{mount: /}}, expect: {{available: {{ge: 1MiB}}}}}}
    soak: {{for: 2d, every: 1d}}
    on: {{fail: {on}}}
"
    )
}

fn begin(machine: &Machine, name: &str, on: &str) {
    let root = machine.root();
    fs::create_dir_all(root.join("srv").join(name)).expect("made");
    fs::write(root.join(format!("srv/{name}/file")), "old\n").expect("written");
    fs::create_dir_all(root.join("var/lib/plans")).expect("made");
    fs::write(root.join(format!("var/lib/plans/{name}.yaml")), plan(name, on)).expect("written");
    let file = format!("/var/lib/plans/{name}.yaml");
    let ran = machine.switchback(&["--state", STATE, "run", &file, "--unattended"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
}

fn status(machine: &Machine) -> Value {
    machine.switchback(&["--state", STATE, "--json", "schedule", "status"]).json()
}

fn looks(machine: &Machine, plan: &str) -> usize {
    let said = machine.switchback(&["--state", STATE, "--json", "trend", "room", "--plan", plan]).json();
    let samples = said["samples"].as_array().expect("samples");
    samples.iter().filter(|sample| sample["occasion"] == "schedule").count()
}

fn told(machine: &Machine) -> Vec<Value> {
    let text = fs::read_to_string(machine.root().join("var/lib/told")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Everything below a folder of the machine whose name speaks of us.
fn ours(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.display().to_string().contains("switchback-validate") {
            found.push(path.display().to_string());
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            ours(&path, found);
        }
    }
}

fn left(machine: &Machine) -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["etc/systemd", "var/lib/systemd", "home"] {
        ours(&machine.root().join(folder), &mut found);
    }
    found
}

#[test]
fn a_timer_of_the_system_fires_tells_once_takes_back_and_is_taken_away() {
    let Some(machine) = Machine::boot("a_timer_of_the_system_fires_tells_once_takes_back_and_is_taken_away")
    else {
        return;
    };
    let root = machine.root();
    begin(&machine, "p", "pause");
    let tell = root.join("usr/local/bin/tell");
    fs::write(&tell, "#!/bin/sh\ncat >> /var/lib/told\n").expect("written");
    fs::set_permissions(&tell, fs::Permissions::from_mode(0o755)).expect("mode");
    let install = [
        "--state",
        STATE,
        "schedule",
        "install",
        "--no-desktop",
        "--report",
        "junit=/srv/100% of \"$HOME\" $$.xml",
        "--notify",
        "/usr/local/bin/tell",
        "--token",
        "s3cret",
    ];
    let said = machine.switchback(&install);
    assert!(said.status == Some(0) && said.out.contains("every 1d by the plan's"), "{said:?}");
    let seen = status(&machine);
    let name = seen["name"].as_str().expect("a name").to_owned();
    assert_eq!((&seen["active"], &seen["exit"]), (&true.into(), &0.into()), "{seen}");
    assert!(
        seen["timer"]["NextElapseUSecRealtime"].as_str().is_some_and(|next| next.contains("UTC")),
        "{seen}"
    );
    let (service, timer) = (format!("{name}.service"), format!("{name}.timer"));
    let unit = |file: &str| root.join("etc/systemd/system").join(file);
    for file in [&service, &timer] {
        let text = fs::read_to_string(unit(file)).expect("installed");
        assert!(!text.contains("s3cret"), "{text}");
    }
    let verified = machine.run(&[
        "systemd-analyze",
        "verify",
        "--man=no",
        &format!("/etc/systemd/system/{service}"),
        &format!("/etc/systemd/system/{timer}"),
    ]);
    assert!(verified.status == Some(0) && !verified.err.contains(name.as_str()), "{verified:?}");

    // Soon instead of tomorrow; the service does what it does by itself.
    let soon = unit(&format!("{timer}.d"));
    fs::create_dir(&soon).expect("made");
    fs::write(soon.join("soon.conf"), "[Timer]\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=100ms\n")
        .expect("written");
    machine.must(&["systemctl", "daemon-reload"]);
    machine.must(&["systemctl", "restart", &timer]);
    machine.until("the timer fired and its result is kept", |machine| looks(machine, "p") >= 1);
    // Whatever is in its name, the report of the timer is the file that was named.
    let report = root.join("srv/100% of \"$HOME\" $$.xml");
    machine.until("its report is there", |_| {
        fs::read_to_string(&report).is_ok_and(|text| text.contains("failures=\"0\" errors=\"0\""))
    });
    assert_eq!(told(&machine), [Value::Null; 0]);
    fs::remove_dir_all(&soon).expect("removed");
    machine.must(&["systemctl", "daemon-reload"]);

    // Two failing validations, one piece of news; verdicts are no failures of the service.
    fs::write(root.join("srv/p.bad"), "").expect("written");
    let before = looks(&machine, "p");
    // The timer may fire by itself meanwhile: then there are more.
    machine.until("two more looks are kept", |machine| {
        machine.must(&["systemctl", "start", &service]);
        looks(machine, "p") >= before + 2
    });
    machine.until("the service has not failed", |machine| {
        machine.run(&["systemctl", "is-failed", &service]).out.trim() == "inactive"
    });
    let news = told(&machine);
    assert_eq!((news.len(), &news[0]["changes"][0]["check"]), (1, &"good".into()), "{news:?}");
    assert_eq!(
        fs::read_to_string(root.join("srv/p/file")).expect("read"),
        "new\n",
        "`pause` takes nothing back"
    );

    // Another plan on top, that says `rollback`.
    begin(&machine, "q", "rollback");
    fs::write(root.join("srv/q.bad"), "").expect("written");
    machine.must(&["systemctl", "start", &service]);
    assert_eq!(
        fs::read_to_string(root.join("srv/q/file")).expect("read"),
        "old\n",
        "{:?}",
        machine.run(&["journalctl", "--unit", &service])
    );
    let news = told(&machine);
    assert_eq!((news.len(), &news[1]["event"]), (2, &"rolled-back".into()), "{news:?}");
    assert_eq!(
        machine.switchback(&["--state", STATE, "run", "/var/lib/plans/q.yaml", "--unattended"]).status,
        Some(14)
    );

    // Somebody edits a unit: said, and not removed by the way.
    let text = fs::read_to_string(unit(&service)).expect("read");
    fs::write(unit(&service), format!("{text}Nice=5\n")).expect("written");
    let seen = status(&machine);
    assert!(seen["exit"] == 11 && seen["drift"].to_string().contains("was changed"), "{seen}");
    let refused = machine.switchback(&["--state", STATE, "schedule", "remove"]);
    assert!(refused.status == Some(10) && unit(&service).exists(), "{refused:?}");
    // Installed anew, otherwise: what is installed is replaced.
    let again = machine.switchback(&["--state", STATE, "schedule", "install", "--every", "1h"]);
    assert_eq!(again.status, Some(10), "not over what somebody changed: {again:?}");
    fs::write(unit(&service), &text).expect("written");
    let again =
        machine.switchback(&["--state", STATE, "schedule", "install", "--every", "1h", "--no-desktop"]);
    assert!(again.status == Some(0) && again.out.contains("every 1h as asked"), "{again:?}");
    // A calendar that systemd does not read leaves nothing behind.
    let removed = machine.switchback(&["--state", STATE, "schedule", "remove"]);
    assert_eq!(removed.status, Some(0), "{removed:?}");
    assert_eq!(left(&machine), [""; 0]);
    assert_eq!(
        machine.run(&["systemctl", "list-units", "--all", "--plain", "--no-legend", &timer]).out.trim(),
        ""
    );
    let bad = machine.switchback(&["--state", STATE, "schedule", "install", "--on-calendar", "Blue 25:61"]);
    assert_eq!(bad.status, Some(10), "{bad:?}");
    assert_eq!(left(&machine), [""; 0]);
    assert!(!root.join(STATE.trim_start_matches('/')).join("schedule.json").exists());

    // NixOS is told what to write, and nothing is written.
    fs::write(root.join("etc/NIXOS"), "").expect("written");
    let module = machine.switchback(&["--state", STATE, "schedule", "install", "--every", "6h"]);
    assert_eq!(module.status, Some(0), "{module:?}");
    assert_eq!(left(&machine), [""; 0]);
    evaluates(&module.out, &name);
}

/// The module is Nix, and says to systemd what the unit says.
#[expect(clippy::disallowed_methods, reason = "the reader of Nix is started here")]
fn evaluates(module: &str, name: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("module.nix");
    fs::write(&file, module).expect("written");
    let wanted = format!("(import {}).systemd.services.\"{name}\".serviceConfig.ExecStart", file.display());
    let output = std::process::Command::new("nix-instantiate")
        .args(["--eval", "--json", "--strict", "--store", "dummy://", "--expr", &wanted])
        .env("NIX_CONF_DIR", folder.path())
        .env("HOME", folder.path())
        .output();
    let Ok(output) = output else {
        skipped(
            "a_timer_of_the_system_fires_tells_once_takes_back_and_is_taken_away",
            "there is no nix-instantiate",
        );
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let exec: String = serde_json::from_slice(&output.stdout).expect("JSON");
    let words = "\"--state\" \"/var/lib/a state 100%% $$HOME\" \"validate\" \"--scheduled\"";
    assert!(exec.ends_with(words), "{exec}");
}

#[test]
fn a_user_has_a_timer_in_a_manager_of_its_own() {
    let Some(machine) = Machine::boot("a_user_has_a_timer_in_a_manager_of_its_own") else { return };
    machine.must(&["useradd", "--create-home", "--uid", "1234", "ann"]);
    let as_ann = |words: &[&str]| {
        let before = [
            "runuser",
            "-u",
            "ann",
            "--",
            "env",
            "XDG_RUNTIME_DIR=/run/user/1234",
            "HOME=/home/ann",
            "switchback",
        ];
        machine.run(&[&before, words].concat())
    };
    // Without a manager it says so, and leaves nothing.
    let refused = as_ann(&["schedule", "install"]);
    assert!(refused.status == Some(10) && refused.err.contains("enable-linger"), "{refused:?}");
    assert_eq!(left(&machine), [""; 0]);
    machine.must(&["loginctl", "enable-linger", "ann"]);
    machine.until("her manager runs", |machine| {
        machine.run(&["systemctl", "is-active", "user@1234.service"]).out.trim() == "active"
    });
    let installed = as_ann(&["schedule", "install", "--every", "30m"]);
    assert_eq!(installed.status, Some(0), "{installed:?}");
    let seen = as_ann(&["--json", "schedule", "status"]).json();
    assert_eq!(
        (&seen["active"], &seen["manager"], &seen["drift"]),
        (&true.into(), &"user".into(), &serde_json::json!([]))
    );
    let unit = machine.root().join("home/ann/.config/systemd/user/switchback-validate.timer");
    assert!(fs::read_to_string(unit).expect("installed").contains("OnCalendar=*-*-* *:00/30:00"));

    // What her validations find is in her own state folder, and she is told on her desktop, as herself, once.
    let home = machine.root().join("home/ann");
    fs::write(home.join("plan.yaml"), HERS).expect("written");
    fs::write(home.join("good"), "").expect("written");
    let ran = as_ann(&["run", "/home/ann/plan.yaml", "--unattended"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let fake = machine.root().join("usr/local/bin/notify-send");
    let script = "#!/bin/sh\nprintf '%s|' \"$(id -un)\" \"$DISPLAY\" \"$@\" | tr '\\n' ' ' >> /home/ann/shown\necho >> /home/ann/shown\n";
    fs::write(&fake, script).expect("written");
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("mode");
    let fires = || {
        let before =
            ["runuser", "-u", "ann", "--", "env", "XDG_RUNTIME_DIR=/run/user/1234", "systemctl", "--user"];
        let ran = machine.run(&[&before[..], &["start", "switchback-validate.service"]].concat());
        assert_eq!(ran.status, Some(0), "{ran:?}");
    };
    fs::remove_file(home.join("good")).expect("removed");
    fires();
    assert!(!home.join("shown").exists(), "without a display nobody is told");
    let environment =
        ["runuser", "-u", "ann", "--", "env", "XDG_RUNTIME_DIR=/run/user/1234", "systemctl", "--user"];
    machine.must(&[&environment[..], &["set-environment", "DISPLAY=:7"]].concat());
    fires();
    fires();
    let shown = fs::read_to_string(home.join("shown")).expect("she was told");
    let expected = "ann|:7|--app-name=switchback|--urgency=critical|--|switchback: hers is failing now|";
    assert!(shown.starts_with(expected) && shown.lines().count() == 1, "{shown}");
    for part in ["no phase of the plan begins until a person says so", "one/good is failing: "] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let seen = as_ann(&["--json", "trend", "good"]).json();
    let scheduled =
        seen["samples"].as_array().expect("samples").iter().filter(|it| it["occasion"] == "schedule");
    assert!(scheduled.count() >= 3, "{seen}");

    let removed = as_ann(&["schedule", "remove"]);
    assert_eq!(removed.status, Some(0), "{removed:?}");
    assert_eq!(left(&machine), [""; 0]);
    assert!(!machine.root().join("home/ann/.config/systemd").exists(), "the folders that were made are gone");
}

const HERS: &str = "switchback: 1
name: hers
revision: 1
phases:
  - id: one
    apply: [{id: a, run: [\"true\"], changes: nothing}]
    validate: [{id: good, probe: {file: /home/ann/good}, expect: {exists: true}}]
    soak: {for: 2d, every: 1h}
    on: {fail: pause}
";
