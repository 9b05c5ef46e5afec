//! `session`: the compositor and the shell of a desktop: which they are, whether they live, since when, how often the
//! service manager had to start them again, and what memory they take. Only those of the session's user count: a login
//! manager has a compositor too, and often the same one.

mod whose;

use super::{Circumstances, Given, Looking, Need, process_end, status, tool, whole};
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
/// Shells that run under a compositor of their own desktop.
const OWN: &[&str] = &["plasmashell", "gnome-shell", "cinnamon", "cosmic-panel"];
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
pub(super) struct Session {
    /// For whom; 0 where nobody knows.
    user: u32,
    before: Option<Before>,
}

/// What the baseline says of the processes: the boot that they belonged to, and their numbers.
#[derive(Debug, Clone, PartialEq, Default)]
struct Before {
    boot: Option<Value>,
    pids: [Option<Value>; 2],
    parts: Vec<Value>,
    /// Whether the desktop had a shell; nothing where that is not known.
    has_shell: Option<bool>,
    /// Nobody was logged in: it knows of no desktop that could be kept.
    at_greeter: bool,
}

/// The two, as the fields of the observation name them.
const PARTS: [&str; 2] = ["compositor", "shell"];

impl Session {
    pub(super) fn new(around: Circumstances<'_>) -> Self {
        let before = around.baseline.map(|seen| Before {
            boot: seen.get("boot_id").cloned(),
            pids: PARTS.map(|what| seen.get(&format!("{what}_pid")).cloned()),
            parts: seen.get("parts").and_then(Value::as_array).cloned().unwrap_or_default(),
            has_shell: seen.get("has_shell").and_then(Value::as_bool),
            at_greeter: seen.get("at_greeter") == Some(&Value::Bool(true)),
        });
        Self { user: around.user, before }
    }
}

impl Looking for Session {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => Need::Seen(observed(Path::new("/"), &ended, self)),
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
    uid: u32,
    /// The program's file, where that may be seen.
    exe: Option<String>,
    folder: PathBuf,
    /// Clock ticks between the start of the machine and its own.
    began: u64,
}

fn observed(root: &Path, ended: &Ended, session: &Session) -> Result<Observation, ProbeError> {
    let whose = whose::Whose::of(root, session.user);
    let processes = scan(root, &whose)?;
    // The longest at work is the session's own: another may be nested in it.
    let first = |names: &dyn Fn(&str) -> bool| {
        processes.iter().filter(|found| names(&found.name)).min_by_key(|found| found.began)
    };
    let compositor = first(&|name| COMPOSITORS.iter().any(|(known, _)| *known == name));
    let shell = first(&|name| SHELLS.contains(&name));
    let found = compositor.is_some() || shell.is_some();
    // A session that is logged in and drawn by nobody is a desktop that died.
    let mut seen = Observation::new().with("present", found || whose.is_logged_in());
    if let Some(alive) = is_alive(compositor, shell, &whose, session) {
        seen = seen.with("compositor_alive", alive);
    }
    let at_greeter = !found && whose.is_at_greeter();
    if at_greeter {
        seen = seen.with("at_greeter", true);
    }
    // There, nobody's desktop is looked at.
    let user = whose.user().filter(|_| !at_greeter);
    if let Some(uid) = compositor.or(shell).map(|found| found.uid).or(user) {
        seen = seen.with("uid", uid);
    }
    let boot = std::fs::read_to_string(root.join("proc/sys/kernel/random/boot_id")).ok();
    let boot = boot.map(|boot| Value::from(boot.trim()));
    let parts: Vec<Value> =
        [compositor, shell].into_iter().flatten().map(|found| Value::from(found.name.as_str())).collect();
    if let Some(before) = &session.before {
        let missing: Vec<Value> = before.parts.iter().filter(|part| !parts.contains(part)).cloned().collect();
        seen = seen.with("missing", missing);
    }
    seen = seen.with("parts", parts);
    let uptime: Option<f64> = std::fs::read_to_string(root.join("proc/uptime"))
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok());
    let mut replaced = Vec::new();
    for (at, (what, found)) in PARTS.into_iter().zip([compositor, shell]).enumerate() {
        let Some(found) = found else { continue };
        let before = session.before.as_ref().and_then(|before| before.pids.get(at)?.as_ref());
        if before.is_some_and(|before| before.as_u64() != Some(u64::from(found.pid))) {
            replaced.push(Value::from(found.name.as_str()));
        }
        if let Some(exe) = &found.exe {
            seen = seen.with(&format!("{what}_exe"), exe.as_str());
        }
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
    if let Some(before) = &session.before {
        // With the machine all processes begin anew.
        let same = before.boot.is_some() && before.boot == boot;
        seen = seen.with("replaced", if same { replaced } else { Vec::new() });
        if before.at_greeter {
            let why = "the baseline was recorded at the greeter, where nobody had a desktop".to_owned();
            seen = seen.unseen(&["missing", "replaced"], std::slice::from_ref(&why));
            // One that is here now is here.
            if !found && !whose.is_logged_in() {
                seen = seen.unseen(&["present"], &[why]);
            }
        }
    }
    if let Some(boot) = boot {
        seen = seen.with("boot_id", boot);
    }
    if !found {
        seen = seen.with("has_shell", false).with("shell_alive", false);
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
    if let Some(due) = shell_due(&seen, found, session) {
        seen = seen.with("shell_due", due);
    }
    match process_end("systemctl", ended) {
        Ok(end) if status(end) == 0 => Ok(with_restarts(seen, &whole(&ended.stdout).unwrap_or_default())),
        // Another's session, or a desktop without systemd: how often they were started is not known.
        Ok(_) | Err(ProbeError::NotStarted { .. }) => Ok(seen),
        Err(why) => Err(why),
    }
}

/// Whether there is a compositor. Not all that there are go by a name known here: where somebody is logged in or a panel
/// runs that goes with many of them, none is missed but one that was seen before.
fn is_alive(
    compositor: Option<&Found>,
    shell: Option<&Found>,
    whose: &whose::Whose,
    session: &Session,
) -> Option<bool> {
    let was_there =
        session.before.as_ref().is_some_and(|before| before.pids.first().is_some_and(Option::is_some));
    let is_known = match shell {
        Some(shell) => OWN.contains(&shell.name.as_str()),
        None => !whose.is_logged_in(),
    };
    match compositor {
        Some(_) => Some(true),
        None => (was_there || is_known).then_some(false),
    }
}

/// Whether a shell must run: there is one to be had now, or there was one before. Nothing where no desktop runs and nobody
/// knows of one.
fn shell_due(seen: &Observation, stands: bool, session: &Session) -> Option<bool> {
    let now = seen.get("has_shell").and_then(Value::as_bool).filter(|has| *has || stands);
    let before = session.before.as_ref().filter(|before| !before.at_greeter);
    match (now, before.and_then(|before| before.has_shell)) {
        (Some(now), Some(before)) => Some(now || before),
        (now, before) => now.or(before),
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

/// The processes that the desktop of this user stands on. One that ends while it is read is not there.
fn scan(root: &Path, whose: &whose::Whose) -> Result<Vec<Found>, ProbeError> {
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
        let uid = owner(&std::fs::read_to_string(folder.join("status")).ok()?)?;
        let exe = std::fs::read_link(folder.join("exe")).ok().map(|exe| exe.to_string_lossy().into_owned());
        if !whose.is(uid) || exe.as_deref().is_some_and(|exe| !runs(exe, &name)) {
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
        Some(Found { name, pid, uid, exe, folder, began })
    };
    Ok(entries.filter_map(|entry| found(entry.ok()?)).collect())
}

/// `Uid: 1000 1000 1000 1000`: real, effective, saved, of files.
fn owner(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Whether this file is the program of that name; a process may call itself anything. One that was replaced on disk is
/// the same, and what is interpreted goes by its interpreter.
fn runs(exe: &str, name: &str) -> bool {
    let path = exe.strip_suffix(" (deleted)").unwrap_or(exe);
    let base = path.rsplit('/').next().unwrap_or_default();
    let bare = unwrapped(base);
    bare == name
        || bare.get(..15).is_some_and(|cut| cut == name)
        || ["python", "gjs", "ld-", "ld."].iter().any(|start| bare.starts_with(start))
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
#[path = "session/probe_tests.rs"]
mod tests;
