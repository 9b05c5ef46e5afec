use super::super::ended;
use super::*;
use crate::model::ProcessEnd;
use crate::system::process::End;
use serde_json::json;
use std::fs;

fn process(root: &Path, pid: u32, name: &str, state: char, began: u64, environment: &str) {
    process_of(root, 1000, pid, name, state, began, environment);
}

fn process_of(root: &Path, uid: u32, pid: u32, name: &str, state: char, began: u64, environment: &str) {
    let folder = root.join("proc").join(pid.to_string());
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("comm"), format!("{name}\n")).expect("comm");
    fs::write(folder.join("status"), format!("Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"))
        .expect("status");
    let fields = "0 ".repeat(18);
    fs::write(folder.join("stat"), format!("{pid} ({name}) x) {state} {fields}{began} 0 0\n")).expect("stat");
    fs::write(folder.join("smaps_rollup"), "Pss:  100 kB\n").expect("smaps_rollup");
    fs::write(folder.join("environ"), environment).expect("environ");
}

fn machine() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(root.path().join("proc")).expect("a folder");
    fs::write(root.path().join("proc/uptime"), "100.00 1.00\n").expect("uptime");
    booted(root.path(), "b1");
    root
}

fn booted(root: &Path, id: &str) {
    let folder = root.join("proc/sys/kernel/random");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("boot_id"), format!("{id}\n")).expect("boot_id");
}

/// As logind keeps it.
fn login(root: &Path, id: &str, uid: u32, class: &str, kind: &str, active: bool) {
    let folder = root.join("run/systemd/sessions");
    fs::create_dir_all(&folder).expect("a folder");
    let text = format!(
        "# This is private data. Do not parse.\nUID={uid}\nUSER=x\nACTIVE={}\nSTATE=online\nTYPE={kind}\n\
         CLASS={class}\nSEAT=seat0\n",
        u8::from(active)
    );
    fs::write(folder.join(id), text).expect("a session");
}

fn seen_by(root: &Path, ended: &Ended, user: u32, before: Option<&Observation>) -> Observation {
    let around =
        Circumstances { phase_started: None, now: crate::model::Timestamp(0), baseline: before, user };
    super::observed(root, ended, &Session::new(around)).expect("seen")
}

fn observed(root: &Path, ended: &Ended) -> Result<Observation, ProbeError> {
    super::observed(root, ended, &Session::default())
}

fn none() -> Ended {
    ended(End::Process(ProcessEnd::Exited(1)), "", "Failed to connect to bus\n")
}

#[test]
fn who_is_looked_for_is_among_those_whose_crash_the_journal_tells() {
    use crate::check::reader::journal::faults::DESKTOP;
    for name in COMPOSITORS.iter().map(|(name, _)| name).chain(SHELLS) {
        assert!(DESKTOP.contains(name), "{name}");
    }
}

#[test]
fn a_plasma_session_is_told_with_its_memory_and_its_age() {
    let root = machine();
    let environment = "A=b\0XDG_CURRENT_DESKTOP=KDE\0";
    process(root.path(), 7, "kwin_wayland", 'S', 5000, environment);
    process(root.path(), 8, "kwin_wayland", 'S', 9000, "");
    process(root.path(), 9, "plasmashell", 'S', 6000, "");
    process(root.path(), 10, "bash", 'S', 1, "");
    let shown = "Id=plasma-kwin_wayland.service\nNRestarts=2\nActiveState=active\n\n\
                 Id=plasma-plasmashell.service\nNRestarts=1\nActiveState=failed\n\n\
                 Id=org.gnome.Shell@x11.service\nNRestarts=0\nActiveState=inactive\n";
    let child = ended(End::Process(ProcessEnd::Exited(0)), shown, "");
    let seen = observed(root.path(), &child).expect("seen");
    for (field, value) in [
        ("present", json!(true)),
        ("compositor", json!("kwin_wayland")),
        ("compositor_pid", json!(7)),
        ("compositor_age", json!(50.0)),
        ("shell_pss", json!(102_400)),
        ("type", json!("wayland")),
        ("desktop", json!("KDE")),
        ("restarts", json!(3)),
        ("failed_units", json!(["plasma-plasmashell.service"])),
    ] {
        assert_eq!(seen.get(field), Some(&value), "{field}");
    }
}

#[test]
fn a_dead_compositor_is_not_alive() {
    let root = machine();
    process(root.path(), 7, "kwin_x11", 'Z', 5000, "");
    process(root.path(), 9, "plasmashell", 'S', 6000, "XDG_SESSION_TYPE=x11\0");
    let seen = observed(root.path(), &none()).expect("seen");
    assert_eq!(seen.get("compositor_alive"), Some(&json!(false)));
    assert_eq!(seen.get("shell_alive"), Some(&json!(true)));
    assert_eq!(seen.get("type"), Some(&json!("x11")));
    assert_eq!(seen.get("restarts"), None);
}

#[test]
fn a_desktop_that_comes_without_a_shell_has_no_dead_one() {
    for (name, environment, has_shell, alive) in [
        ("sway", "XDG_CURRENT_DESKTOP=sway\0", false, json!(null)),
        ("kwin_wayland", "", true, json!(false)),
        ("kwin_wayland", "XDG_CURRENT_DESKTOP=gamescope\0", false, json!(null)),
        ("mutter", "XDG_CURRENT_DESKTOP=ubuntu:GNOME\0", true, json!(false)),
        ("i3", "", false, json!(null)),
    ] {
        let root = machine();
        process(root.path(), 7, name, 'S', 5000, environment);
        let seen = observed(root.path(), &none()).expect("seen");
        assert_eq!(seen.get("has_shell"), Some(&json!(has_shell)), "{name} {environment}");
        assert_eq!(seen.get("shell_alive").cloned().unwrap_or_default(), alive, "{name} {environment}");
    }
    let root = machine();
    process(root.path(), 7, "sway", 'S', 5000, "");
    process(root.path(), 8, "waybar", 'S', 5001, "");
    let seen = observed(root.path(), &none()).expect("seen");
    assert_eq!(seen.get("shell_alive"), Some(&json!(true)));
    assert_eq!(seen.get("parts"), Some(&json!(["sway", "waybar"])));
    // Its bar was its shell, and is gone.
    fs::remove_dir_all(root.path().join("proc/8")).expect("gone");
    let due = |before| seen_by(root.path(), &none(), 0, before).get("shell_due").cloned();
    assert_eq!((due(None), due(Some(&seen))), (Some(json!(false)), Some(json!(true))));
}

#[test]
fn a_desktop_of_somebody_else_is_none() {
    const GDM: u32 = 42;
    const DYNAMIC: u32 = 60_600;
    for (user, processes, logins, present, alive) in [
        // The user's own, beside the greeter.
        (1000, &[(GDM, "gnome-shell"), (1000, "gnome-shell")][..], &[(1000, "user")][..], true, json!(true)),
        // It died, and the greeter came back.
        (1000, &[(GDM, "gnome-shell")], &[(GDM, "greeter")], false, json!(false)),
        (0, &[(GDM, "gnome-shell")], &[(GDM, "greeter")], false, json!(false)),
        (0, &[(DYNAMIC, "gnome-shell")], &[(DYNAMIC, "greeter")], false, json!(false)),
        (0, &[(65_533, "kwin_wayland"), (65_533, "plasmashell")], &[], false, json!(false)),
        // Logged in, and nobody draws, or a compositor that is not known here.
        (1000, &[], &[(1000, "user")], true, json!(null)),
        (0, &[(GDM, "gnome-shell")], &[(1000, "user")], true, json!(null)),
        // Another's.
        (1000, &[(1001, "gnome-shell")], &[(1000, "user"), (1001, "user")], true, json!(null)),
        // Who is at the screen, and not who called `sudo` from elsewhere.
        (1002, &[(1001, "gnome-shell")], &[(1001, "user")], true, json!(true)),
        (1002, &[(1001, "gnome-shell")], &[], false, json!(false)),
        // Nobody knows for whom.
        (0, &[(1001, "gnome-shell")], &[], true, json!(true)),
    ] {
        let root = machine();
        for (pid, (uid, name)) in (7..).zip(processes) {
            process_of(root.path(), *uid, pid, name, 'S', 5000, "");
        }
        for (uid, class) in logins {
            login(root.path(), &format!("c{uid}"), *uid, class, "wayland", true);
        }
        let seen = seen_by(root.path(), &none(), user, None);
        let told = (seen.get("present"), seen.get("compositor_alive").cloned().unwrap_or_default());
        assert_eq!(told, (Some(&json!(present)), alive), "{user} {processes:?} {logins:?}");
    }
}

#[test]
fn a_compositor_that_is_not_known_here_is_missed_only_where_one_was_there() {
    let known = Observation::new().with("compositor_pid", 7);
    let panel = Observation::new().with("shell_pid", 8);
    for (shell, before, alive) in [
        ("waybar", None, json!(null)),
        ("waybar", Some(&known), json!(false)),
        ("waybar", Some(&panel), json!(null)),
        ("plasmashell", None, json!(false)),
    ] {
        let root = machine();
        process(root.path(), 8, shell, 'S', 5000, "");
        let seen = seen_by(root.path(), &none(), 0, before);
        let told = seen.get("compositor_alive").cloned().unwrap_or_default();
        assert_eq!(told, alive, "{shell} {before:?}");
    }
    let root = machine();
    login(root.path(), "c1", 1000, "user", "wayland", true);
    let seen = seen_by(root.path(), &none(), 1000, Some(&known));
    assert_eq!(seen.get("compositor_alive"), Some(&json!(false)));
}

#[test]
fn what_only_calls_itself_so_is_no_compositor() {
    for (exe, alive) in [
        ("/usr/bin/kwin_wayland", true),
        ("/nix/store/x-kwin/bin/.kwin_wayland-wrapped", true),
        ("/usr/bin/kwin_wayland (deleted)", true),
        ("/usr/bin/sleep", false),
    ] {
        let root = machine();
        process(root.path(), 7, "kwin_wayland", 'S', 5000, "");
        std::os::unix::fs::symlink(exe, root.path().join("proc/7/exe")).expect("a link");
        let seen = observed(root.path(), &none()).expect("seen");
        assert_eq!(seen.get("compositor_alive"), Some(&json!(alive)), "{exe}");
    }
}

#[test]
fn a_process_that_took_the_place_of_another_is_told_within_one_boot() {
    let root = machine();
    process(root.path(), 7, "kwin_wayland", 'S', 5000, "");
    process(root.path(), 8, "plasmashell", 'S', 5000, "");
    let before = observed(root.path(), &none()).expect("seen");
    assert_eq!(before.get("replaced"), None);
    let told = |before: &Observation| seen_by(root.path(), &none(), 0, Some(before)).get("replaced").cloned();
    assert_eq!(told(&before), Some(json!([])));
    fs::remove_dir_all(root.path().join("proc/7")).expect("gone");
    process(root.path(), 9, "kwin_wayland", 'S', 9000, "");
    assert_eq!(told(&before), Some(json!(["kwin_wayland"])));
    booted(root.path(), "b2");
    assert_eq!(told(&before), Some(json!([])));
}

#[test]
fn without_a_desktop_nothing_is_told_of_one() {
    let root = machine();
    let seen = observed(root.path(), &none()).expect("seen");
    assert_eq!(seen.get("present"), Some(&json!(false)));
    assert_eq!(seen.get("type"), None);
}

#[test]
fn the_shipped_checks_judge_what_the_probe_finds_among_the_processes() {
    use crate::check::library_tests::{judged, shipped};
    use crate::model::Outcome::{Fail, Inconclusive, Pass, Skipped};
    let units = |restarts: u8, state: &str| {
        format!("Id=plasma-plasmashell.service\nNRestarts={restarts}\nActiveState={state}\n")
    };
    let told_from = |first: u32, processes: &[(&str, char)], shown: &str, before: Option<&Observation>| {
        let root = machine();
        for (pid, (name, state)) in (first..).zip(processes) {
            process(
                root.path(),
                pid,
                name,
                *state,
                5000,
                "XDG_CURRENT_DESKTOP=KDE\0XDG_SESSION_TYPE=wayland\0",
            );
        }
        let child = ended(End::Process(ProcessEnd::Exited(0)), shown, "");
        seen_by(root.path(), &child, 0, before)
    };
    let whole = [("kwin_wayland", 'S'), ("plasmashell", 'S')];
    let first = told_from(7, &whole, &units(0, "active"), None);
    let told = |processes: &[(&str, char)], shown: &str| told_from(7, processes, shown, Some(&first));
    let good = told(&whole, &units(0, "active"));
    let replaced = told_from(70, &whole, &units(0, "active"), Some(&first));
    let nothing = told(&[], &units(0, "inactive"));
    let no_shell = told(&[("kwin_wayland", 'S'), ("plasmashell", 'Z')], &units(0, "active"));
    let no_compositor = told(&[("kwin_wayland", 'Z'), ("plasmashell", 'S')], &units(0, "active"));
    let restarted = told(&whole, &units(2, "active"));
    let failed = told(&whole, &units(0, "failed"));
    for (name, with, cases) in [
        ("compositor-alive", "", [(&good, Pass), (&no_compositor, Fail), (&nothing, Fail)]),
        ("shell-alive", "", [(&good, Pass), (&no_shell, Fail), (&nothing, Fail)]),
        ("desktop-present", "", [(&good, Pass), (&no_shell, Pass), (&nothing, Fail)]),
        ("desktop-kept", "", [(&good, Pass), (&no_shell, Fail), (&nothing, Fail)]),
        ("desktop-not-restarting", "", [(&good, Pass), (&restarted, Fail), (&failed, Fail)]),
        ("desktop-not-restarting", "", [(&replaced, Fail), (&no_shell, Fail), (&nothing, Fail)]),
        ("session-type", "", [(&good, Pass), (&good, Pass), (&nothing, Skipped)]),
        ("shell-memory", "", [(&good, Pass), (&no_shell, Skipped), (&nothing, Skipped)]),
        ("compositor-memory", "", [(&good, Pass), (&no_compositor, Skipped), (&nothing, Skipped)]),
    ] {
        let check = shipped(name, with);
        for (seen, outcome) in cases {
            assert_eq!(judged(&check, seen, Some(&good)), outcome, "{name} {seen:?}");
        }
    }
    // Where there never was one, as far as anybody knows.
    let bare = told_from(7, &[], &units(0, "inactive"), None);
    let still = told_from(7, &[], &units(0, "inactive"), Some(&bare));
    let tiling = told_from(7, &[("sway", 'S')], "", None);
    for name in ["compositor-alive", "shell-alive", "desktop-not-restarting"] {
        assert_eq!(judged(&shipped(name, ""), &bare, None), Inconclusive, "it may have died: {name}");
        assert_eq!(judged(&shipped(name, ""), &still, Some(&bare)), Skipped, "{name}");
    }
    assert_eq!(judged(&shipped("compositor-alive", ""), &tiling, None), Pass);
    assert_ne!(judged(&shipped("session-type", "type: x11"), &good, None), Pass);
}

#[test]
fn a_baseline_that_was_recorded_at_the_greeter_decides_nothing_of_a_desktop() {
    use crate::check::library_tests::{judged, shipped};
    use crate::model::Outcome;
    let kept = shipped("desktop-kept", "");
    for user in [0, 1000] {
        let root = machine();
        login(root.path(), "c1", 112, "greeter", "wayland", true);
        process_of(root.path(), 112, 5, "kwin_wayland", 'S', 1000, "");
        let before = seen_by(root.path(), &none(), user, None);
        assert_eq!(before.get("at_greeter"), Some(&json!(true)), "{before:?}");
        assert_eq!((before.get("uid"), before.get("parts")), (None, Some(&json!([]))), "{before:?}");
        // Nobody came.
        let still = seen_by(root.path(), &none(), user, Some(&before));
        assert_eq!(judged(&kept, &still, Some(&before)), Outcome::Inconclusive, "{still:?}");
        for name in ["compositor-alive", "shell-alive", "desktop-not-restarting"] {
            let told = judged(&shipped(name, ""), &still, Some(&before));
            assert_eq!(told, Outcome::Inconclusive, "{name} {still:?}");
        }
        // Somebody did, and has half a desktop.
        login(root.path(), "2", 1000, "user", "wayland", true);
        process(root.path(), 7, "kwin_wayland", 'S', 5000, "");
        let now = seen_by(root.path(), &none(), user, Some(&before));
        assert_eq!(now.get("at_greeter"), None, "{now:?}");
        assert_eq!(judged(&kept, &now, Some(&before)), Outcome::Inconclusive, "{now:?}");
        let why = now.why_unseen("missing").unwrap_or_default();
        assert!(why.contains("recorded at the greeter"), "{why}");
        // From a baseline of that desktop on, its end is seen.
        let desktop = seen_by(root.path(), &none(), user, None);
        fs::remove_dir_all(root.path().join("proc/7")).expect("it ends");
        let gone = seen_by(root.path(), &none(), user, Some(&desktop));
        assert_eq!(judged(&kept, &gone, Some(&desktop)), Outcome::Fail, "{gone:?}");
        assert_eq!(gone.get("missing"), Some(&json!(["kwin_wayland"])));
    }
    // A machine without a desktop has none to lose.
    let root = machine();
    let bare = seen_by(root.path(), &none(), 0, None);
    let later = seen_by(root.path(), &none(), 0, Some(&bare));
    assert_eq!(judged(&kept, &later, Some(&bare)), Outcome::Pass, "{later:?}");
}
