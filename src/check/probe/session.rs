//! `session`: the compositor and the shell of a desktop: which they are, whether they live, since when, how often the
//! service manager had to start them again, and what memory they take.

use super::{Given, Looking, Need, process_end, status, tool, whole};
use crate::check::ProbeError;
use crate::check::wrapped::unwrapped;
use crate::model::{Observation, Value};
use crate::system::process::Ended;
use serde_json::Map;
use std::path::{Path, PathBuf};

const KEPT: usize = 256 * 1024;
/// Clock ticks a second in `/proc`; fixed by the kernel's interface on Linux.
const TICKS: f64 = 100.0;

/// What a compositor or a window manager is called by the kernel, and what display it makes where it makes one only.
const COMPOSITORS: &[(&str, &str)] = &[
    ("kwin_wayland", "wayland"),
    ("kwin_x11", "x11"),
    ("gnome-shell", ""),
    ("mutter", ""),
    ("sway", "wayland"),
    ("Hyprland", "wayland"),
    ("cosmic-comp", "wayland"),
    ("labwc", "wayland"),
    ("wayfire", "wayland"),
    ("weston", "wayland"),
    ("river", "wayland"),
    ("niri", "wayland"),
    ("xfwm4", "x11"),
    ("openbox", "x11"),
    ("marco", "x11"),
    ("muffin", "x11"),
    ("cinnamon", "x11"),
    ("i3", "x11"),
];
/// Shells by name. GNOME's and Cinnamon's are their compositors as well.
const SHELLS: &[&str] = &[
    "plasmashell",
    "gnome-shell",
    "cinnamon",
    "xfce4-panel",
    "mate-panel",
    "lxqt-panel",
    "budgie-panel",
    "cosmic-panel",
    "waybar",
];
/// Desktops that come with a shell, as `XDG_CURRENT_DESKTOP` names them.
const DESKTOPS: &[&str] = &[
    "KDE",
    "GNOME",
    "X-Cinnamon",
    "Cinnamon",
    "XFCE",
    "MATE",
    "LXQt",
    "Budgie",
    "COSMIC",
    "Unity",
    "Pantheon",
    "Deepin",
];
/// The units that desktops start them by.
const UNITS: &[&str] = &[
    "plasma-kwin_wayland.service",
    "plasma-kwin_x11.service",
    "plasma-plasmashell.service",
    "org.gnome.Shell@wayland.service",
    "org.gnome.Shell@x11.service",
];

/// Looks for the two among the processes, then asks the user's manager about its units.
#[derive(Debug, Default)]
pub(super) struct Session {}

impl Looking for Session {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => Need::Seen(observed(Path::new("/"), &ended)),
            Given::Nothing | Given::Answered(_) => {
                let words = [
                    "systemctl",
                    "--user",
                    "--no-pager",
                    "show",
                    "--property=Id,NRestarts,ActiveState",
                    "--",
                ];
                Need::Child(tool(words.iter().chain(UNITS).copied()), KEPT)
            }
        }
    }
}

/// A process of a desktop.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    name: String,
    pid: u32,
    folder: PathBuf,
    /// Clock ticks between the start of the machine and its own.
    began: u64,
}

fn observed(root: &Path, ended: &Ended) -> Result<Observation, ProbeError> {
    let processes = scan(root)?;
    // The longest at work is the session's own: another may be nested in it.
    let first = |names: &dyn Fn(&str) -> bool| {
        processes.iter().filter(|found| names(&found.name)).min_by_key(|found| found.began)
    };
    let compositor = first(&|name| COMPOSITORS.iter().any(|(known, _)| *known == name));
    let shell = first(&|name| SHELLS.contains(&name));
    let mut seen = Observation::new()
        .with("present", compositor.is_some() || shell.is_some())
        .with("compositor_alive", compositor.is_some());
    let parts: Vec<Value> =
        [compositor, shell].into_iter().flatten().map(|found| Value::from(found.name.as_str())).collect();
    seen = seen.with("parts", parts);
    let uptime: Option<f64> = std::fs::read_to_string(root.join("proc/uptime"))
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok());
    for (what, found) in [("compositor", compositor), ("shell", shell)] {
        let Some(found) = found else { continue };
        seen = seen.with(what, found.name.as_str()).with(&format!("{what}_pid"), found.pid);
        #[expect(
            clippy::cast_precision_loss,
            reason = "ticks since the start of the machine, far below 2^53"
        )]
        let age = uptime.map(|uptime| (uptime - found.began as f64 / TICKS).max(0.0));
        if let Some(age) = age {
            seen = seen.with(&format!("{what}_age"), age);
        }
        let rollup = std::fs::read_to_string(found.folder.join("smaps_rollup")).ok();
        if let Some(pss) = rollup.and_then(|text| super::process::parse_kilobytes(&text, "Pss:")) {
            seen = seen.with(&format!("{what}_pss"), pss);
        }
    }
    if let Some(main) = compositor.or(shell) {
        let environment = environment(&main.folder);
        if let Some(kind) = kind(root, &main.name, &environment) {
            seen = seen.with("type", kind);
        }
        let desktop = value(&environment, "XDG_CURRENT_DESKTOP");
        let has_shell = shell.is_some() || comes_with_shell(&main.name, desktop.as_deref());
        seen = seen.with("has_shell", has_shell);
        // Where there is none to be had, none is dead.
        if has_shell {
            seen = seen.with("shell_alive", shell.is_some());
        }
        if let Some(desktop) = desktop {
            seen = seen.with("desktop", desktop);
        }
    }
    match process_end("systemctl", ended) {
        Ok(end) if status(end) == 0 => Ok(with_restarts(seen, &whole(&ended.stdout).unwrap_or_default())),
        // Another's session, or a desktop without systemd: how often they were started is not known.
        Ok(_) | Err(ProbeError::NotStarted { .. }) => Ok(seen),
        Err(why) => Err(why),
    }
}

/// Whether a desktop has a shell of its own: by its name, else by its compositor. A tiling compositor has none, and
/// whoever wants a bar starts one.
fn comes_with_shell(compositor: &str, desktop: Option<&str>) -> bool {
    match desktop {
        Some(desktop) => desktop.split(':').any(|name| DESKTOPS.contains(&name)),
        None => ["kwin_wayland", "kwin_x11", "gnome-shell", "cinnamon", "xfwm4", "marco", "cosmic-comp"]
            .contains(&compositor),
    }
}

/// The processes that a desktop stands on. One that ends while it is read is not there.
fn scan(root: &Path) -> Result<Vec<Found>, ProbeError> {
    let entries = std::fs::read_dir(root.join("proc"))
        .map_err(|why| ProbeError::Unreadable { what: "/proc".to_owned(), why: why.kind().to_string() })?;
    let found = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path();
        let comm = std::fs::read_to_string(folder.join("comm")).ok()?;
        let name = unwrapped(comm.trim_end()).to_owned();
        let known = COMPOSITORS.iter().any(|(known, _)| *known == name) || SHELLS.contains(&name.as_str());
        if !known {
            return None;
        }
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        // Behind the name, which may hold anything: the state, and the start as the twentieth.
        let (_, rest) = stat.rsplit_once(") ")?;
        let mut words = rest.split(' ');
        // A zombie holds its number and nothing else.
        if words.next()? == "Z" {
            return None;
        }
        let began = words.nth(18)?.parse().ok()?;
        Some(Found { name, pid, folder, began })
    };
    Ok(entries.filter_map(|entry| found(entry.ok()?)).collect())
}

fn environment(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("environ")).unwrap_or_default()
}

fn value(environment: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(environment);
    let found = text.split('\0').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name));
    found.map(|(_, value)| value.to_owned()).filter(|value| !value.is_empty())
}

/// Wayland or X11: what the compositor can only be, what its environment says, or what runs beside it.
fn kind(root: &Path, name: &str, environment: &[u8]) -> Option<String> {
    let only = COMPOSITORS.iter().find(|(known, _)| *known == name).map_or("", |(_, kind)| *kind);
    if !only.is_empty() {
        return Some(only.to_owned());
    }
    value(environment, "XDG_SESSION_TYPE").or_else(|| {
        let runs = |wanted: &str| {
            std::fs::read_dir(root.join("proc")).ok().is_some_and(|mut entries| {
                entries.any(|entry| {
                    entry.is_ok_and(|entry| {
                        std::fs::read_to_string(entry.path().join("comm"))
                            .is_ok_and(|comm| unwrapped(comm.trim_end()) == wanted)
                    })
                })
            })
        };
        if runs("Xwayland") { Some("wayland".to_owned()) } else { runs("Xorg").then(|| "x11".to_owned()) }
    })
}

/// Adds how often the manager started the desktop's units again. A unit that it does not have is inactive.
fn with_restarts(seen: Observation, text: &str) -> Observation {
    let mut restarts = Map::new();
    let mut failed = Vec::new();
    for block in text.split("\n\n") {
        let value = |key: &str| block.lines().find_map(|line| line.strip_prefix(key));
        let Some(id) = value("Id=") else { continue };
        let state = value("ActiveState=").unwrap_or_default();
        if state == "failed" {
            failed.push(Value::from(id));
        }
        if state != "inactive"
            && let Some(count) = value("NRestarts=").and_then(|count| count.parse::<u64>().ok())
        {
            restarts.insert(id.to_owned(), Value::from(count));
        }
    }
    let total: u64 = restarts.values().filter_map(Value::as_u64).sum();
    let seen = seen.with("failed_units", failed);
    if restarts.is_empty() { seen } else { seen.with("restarts", total).with("restarts_by_unit", restarts) }
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::ProcessEnd;
    use crate::system::process::End;
    use serde_json::json;
    use std::fs;

    fn process(root: &Path, pid: u32, name: &str, state: char, began: u64, environment: &str) {
        let folder = root.join("proc").join(pid.to_string());
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("comm"), format!("{name}\n")).expect("comm");
        let fields = "0 ".repeat(18);
        fs::write(folder.join("stat"), format!("{pid} ({name}) x) {state} {fields}{began} 0 0\n"))
            .expect("stat");
        fs::write(folder.join("smaps_rollup"), "Pss:  100 kB\n").expect("smaps_rollup");
        fs::write(folder.join("environ"), environment).expect("environ");
    }

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("proc")).expect("a folder");
        fs::write(root.path().join("proc/uptime"), "100.00 1.00\n").expect("uptime");
        root
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
        use crate::model::Outcome::{Fail, Pass, Skipped};
        let units = |restarts: u8, state: &str| {
            format!("Id=plasma-plasmashell.service\nNRestarts={restarts}\nActiveState={state}\n")
        };
        let told = |processes: &[(&str, char)], shown: &str| {
            let root = machine();
            for (pid, (name, state)) in (7..).zip(processes) {
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
            observed(root.path(), &child).expect("seen")
        };
        let whole = [("kwin_wayland", 'S'), ("plasmashell", 'S')];
        let good = told(&whole, &units(0, "active"));
        let nothing = told(&[], &units(0, "inactive"));
        let no_shell = told(&[("kwin_wayland", 'S'), ("plasmashell", 'Z')], &units(0, "active"));
        let no_compositor = told(&[("kwin_wayland", 'Z'), ("plasmashell", 'S')], &units(0, "active"));
        let restarted = told(&whole, &units(2, "active"));
        let failed = told(&whole, &units(0, "failed"));
        for (name, with, cases) in [
            ("compositor-alive", "", [(&good, Pass), (&no_compositor, Fail), (&nothing, Skipped)]),
            ("shell-alive", "", [(&good, Pass), (&no_shell, Fail), (&nothing, Skipped)]),
            ("desktop-kept", "", [(&good, Pass), (&no_shell, Fail), (&nothing, Fail)]),
            ("desktop-not-restarting", "", [(&good, Pass), (&restarted, Fail), (&failed, Fail)]),
            ("session-type", "", [(&good, Pass), (&good, Pass), (&nothing, Skipped)]),
            ("shell-memory", "", [(&good, Pass), (&no_shell, Skipped), (&nothing, Skipped)]),
            ("compositor-memory", "", [(&good, Pass), (&no_compositor, Skipped), (&nothing, Skipped)]),
        ] {
            let check = shipped(name, with);
            for (seen, outcome) in cases {
                assert_eq!(judged(&check, seen, Some(&good)), outcome, "{name} {seen:?}");
            }
        }
        assert_ne!(judged(&shipped("session-type", "type: x11"), &good, None), Pass);
    }
}
