//! Probes of a real systemd, in a machine of its own.

mod detached;
mod guard;
mod machine;
mod timer;

pub(crate) use machine::Machine;

use serde_json::{Value, json};

/// What a probe sees in the machine.
fn probe(machine: &Machine, words: &[&str]) -> Value {
    let said = machine.switchback(&[&["probe"], words, &["--json"]].concat());
    assert_eq!(said.status, Some(0), "{words:?}: {said:?}");
    said.json()
}

/// A field of what was seen; names of units have dots, so that paths are given as keys.
fn field<'v>(seen: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(seen, |value, key| value.get(key))
}

fn names<'v>(seen: &'v Value, name: &str) -> Vec<&'v str> {
    let list = field(seen, &[name]).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn units_limits_and_the_boot_are_those_of_a_real_manager() {
    let test = "units_limits_and_the_boot_are_those_of_a_real_manager";
    let Some(machine) = Machine::boot(test) else { return };

    // A unit that failed, and one that the manager starts again and again.
    machine.run(&["systemd-run", "--unit=broken", "--wait", "false"]);
    machine.must(&[
        "systemd-run",
        "--unit=flapping",
        "--property=Restart=always",
        "--property=RestartSec=100ms",
        "--property=StartLimitIntervalSec=0",
        "sh",
        "-c",
        "exec sleep 0.2",
    ]);
    machine.until("the service was started again", |machine| {
        let seen = probe(machine, &["units"]);
        names(&seen, "flapping").contains(&"flapping.service")
    });
    let seen = probe(&machine, &["units"]);
    assert!(names(&seen, "failed").contains(&"broken.service"), "{seen}");
    assert_eq!(field(&seen, &["states", "broken.service"]), Some(&json!("failed")));
    assert!(field(&seen, &["restarts", "flapping.service"]).is_some_and(|count| count.as_u64() > Some(0)));
    machine.must(&["systemctl", "stop", "flapping.service"]);

    // Limits of a service, of a scope, and of the slice above both.
    machine.must(&["systemctl", "set-property", "--runtime", "app.slice", "MemoryHigh=48M"]);
    machine.must(&[
        "systemd-run",
        "--unit=app-limited",
        "--slice=app.slice",
        "--property=MemoryMax=64M",
        "--property=CPUQuota=20%",
        "--property=OOMScoreAdjust=300",
        "sleep",
        "1000",
    ]);
    machine.must(&[
        "sh",
        "-c",
        "systemd-run --scope --unit=app-free --slice=app.slice sleep 1000 >/dev/null 2>&1 &",
    ]);
    machine.until("the scope is there", |machine| {
        machine.run(&["systemctl", "is-active", "app-free.scope"]).out.trim() == "active"
    });
    let seen = probe(&machine, &["cgroup", "names=app-*"]);
    assert_eq!(names(&seen, "units"), ["app-free.scope", "app-limited.service"]);
    assert_eq!(field(&seen, &["oom_score_adjust", "app-limited.service"]), Some(&json!(300)));
    // What the kernel here enforces: with control groups of version 2 all of it; a container may see nothing of them.
    let enforces = |file: &str| {
        let path =
            format!("/sys/fs/cgroup$(systemctl show --value --property=ControlGroup app-limited)/{file}");
        machine.run(&["sh", "-c", &format!("cat {path}")]).out.trim().to_owned()
    };
    if enforces("memory.max") == (64_u64 << 20).to_string() {
        assert_eq!(field(&seen, &["memory_max", "app-limited.service"]), Some(&json!(64 << 20)));
        assert_eq!(field(&seen, &["memory_high", "app-free.scope"]), Some(&json!(48 << 20)));
        assert_eq!(names(&seen, "without_memory_max"), ["app-free.scope"]);
        assert_eq!(names(&seen, "unenforced"), Vec::<&str>::new());
    } else {
        assert!(
            field(&seen, &["unseen", "without_memory_max"]).is_some()
                || names(&seen, "unenforced").contains(&"app-limited.service memory_max")
                || field(&seen, &["memory_max", "app-limited.service"]) == Some(&json!(64 << 20)),
            "{seen}"
        );
    }
    if enforces("cpu.max") == "20000 100000" {
        assert_eq!(field(&seen, &["cpu_quota", "app-limited.service"]), Some(&json!(0.2)));
    }

    // How long it took to come up, by systemd's own clock.
    let seen = probe(&machine, &["boot"]);
    assert!(field(&seen, &["total_time"]).and_then(Value::as_f64).is_some_and(|took| took > 0.0), "{seen}");
    let seen = probe(&machine, &["session"]);
    assert_eq!(field(&seen, &["present"]), Some(&json!(false)));
}

#[test]
fn the_journal_is_that_of_a_real_journald() {
    let Some(machine) = Machine::boot("the_journal_is_that_of_a_real_journald") else { return };
    let log = |who: &str, priority: &str, text: &str| {
        machine.must(&["logger", "--tag", who, "--priority", priority, text]);
    };
    let errors = ["journal", "priority=err", "identifiers=app"];
    log("app", "user.err", "worker 17 died at 0xdeadbeef");
    log("app", "user.err", "worker 18 died at 0xcafe0001");
    log("app", "user.info", "all is well");
    log("other", "user.err", "not asked for");
    machine.until("both messages are there", |machine| {
        field(&probe(machine, &errors), &["count"]) == Some(&json!(2))
    });
    let seen = probe(&machine, &errors);
    assert_eq!(names(&seen, "kinds"), ["app: worker # died at #"]);
    assert!(field(&seen, &["cursor"]).is_some_and(Value::is_string), "{seen}");
    // The kernel was started long before this system, and nothing of this system's own boot is missing.
    let long = probe(&machine, &["journal", "priority=err", "since=4w"]);
    assert_eq!(
        (field(&long, &["complete"]), field(&long, &["unseen"])),
        (Some(&json!(true)), None),
        "{long}"
    );

    // What only a message in the words of systemd and of systemd-oomd can tell; who only calls himself the kernel is
    // not believed.
    log("kernel", "user.info", "app[12]: segfault at 0 ip 00005577 sp 00007fb7 error 6 in app[5577+98a3]");
    log("systemd-oomd", "user.info", "Killed /user.slice/app.scope due to memory pressure for /user.slice");
    machine.run(&["systemd-run", "--wait", "--unit=crash", "sh", "-c", "kill -SEGV $$$$"]);
    machine.until("the crash is told", |machine| {
        let seen = probe(machine, &["journal", "priority=debug"]);
        names(&seen, "crashed_units") == ["crash.service"]
    });
    let seen = probe(&machine, &["journal", "priority=debug"]);
    assert_eq!(field(&seen, &["segfaults"]), Some(&json!(0)));
    assert_eq!(names(&seen, "segfault_processes"), Vec::<&str>::new());
    assert_eq!(names(&seen, "oomd_killed_cgroups"), ["/user.slice/app.scope"]);

    // By what journald saw of who spoke, as the shipped checks ask: the manager is heard, and nobody who calls himself so.
    let of_oomd =
        probe(&machine, &["journal", "priority=info", "fields=[_SYSTEMD_UNIT=systemd-oomd.service]"]);
    assert_eq!(names(&of_oomd, "oomd_killed_cgroups"), Vec::<&str>::new());
    let exits = "fields=[MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15, _SYSTEMD_UNIT=init.scope]";
    let of_manager = probe(&machine, &["journal", "priority=info", exits]);
    assert_eq!(names(&of_manager, "crashed_units"), ["crash.service"], "{of_manager}");

    // Of one unit, and behind a cursor by the tool's own way of asking: nothing that was there before.
    let unit = probe(&machine, &["journal", "priority=debug", "units=crash.service"]);
    assert_eq!(names(&unit, "crashed_units"), ["crash.service"]);
    assert_eq!(names(&unit, "oomd_killed_cgroups"), Vec::<&str>::new());
}
