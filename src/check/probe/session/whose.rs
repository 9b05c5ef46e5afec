//! Whose desktop it is: the user for whom switchback runs, or who is logged in at the screen. logind keeps a file for
//! each session; its library reads the same ones. A greeter's session is nobody's desktop.

use std::path::Path;

/// Accounts of people, and root's.
const PEOPLE: std::ops::Range<u32> = 1000..60_000;

/// A session as logind has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Login {
    uid: u32,
    is_user: bool,
    is_greeter: bool,
    is_graphical: bool,
    is_active: bool,
    at_seat: bool,
}

/// Whose processes count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whose {
    /// The session's user; nothing where nobody knows.
    user: Option<u32>,
    /// Whether a graphical session of that user is logged in.
    logged_in: bool,
    /// Who has a session that is no user's.
    greeters: Vec<u32>,
    /// Whether a login manager asks who it is.
    greets: bool,
}

impl Whose {
    /// The user whose desktop is meant: for whom switchback runs, where he has a session at the screen; else who is
    /// active there; else for whom switchback runs.
    pub(super) fn of(root: &Path, user: u32) -> Self {
        let logins = logins(&root.join("run/systemd/sessions"));
        let desktops =
            || logins.iter().filter(|login| login.is_user && (login.is_graphical || login.at_seat));
        let own = desktops().find(|login| user != 0 && login.uid == user);
        let active = || {
            let all: Vec<&Login> = desktops().collect();
            let mut best = all.iter().filter(|login| login.is_active && login.is_graphical);
            best.next()
                .or_else(|| all.iter().find(|login| login.is_graphical))
                .or_else(|| all.iter().find(|login| login.is_active))
                .copied()
        };
        let found = own.or_else(active).map(|login| login.uid).or((user != 0).then_some(user));
        let logged_in = desktops().any(|login| login.is_graphical && Some(login.uid) == found);
        let others = logins.iter().filter(|login| !login.is_user).map(|login| login.uid);
        let greeters = others.filter(|uid| !logins.iter().any(|login| login.is_user && login.uid == *uid));
        let greets = logins.iter().any(|login| login.is_greeter);
        Self { user: found, logged_in, greeters: greeters.collect(), greets }
    }

    /// Whether a process of this user belongs to the desktop.
    pub(super) fn is(&self, uid: u32) -> bool {
        match self.user {
            Some(user) => uid == user,
            None => (uid == 0 || PEOPLE.contains(&uid)) && !self.greeters.contains(&uid),
        }
    }

    pub(super) const fn user(&self) -> Option<u32> {
        self.user
    }

    pub(super) const fn is_logged_in(&self) -> bool {
        self.logged_in
    }

    /// Whether the screen waits for somebody to log in.
    pub(super) const fn is_at_greeter(&self) -> bool {
        !self.logged_in && self.greets
    }
}

/// The sessions in this folder. Beside each lies a pipe, which nobody must open.
fn logins(folder: &Path) -> Vec<Login> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let read = |entry: std::fs::DirEntry| {
        if !entry.file_type().ok()?.is_file() {
            return None;
        }
        parse(&std::fs::read_to_string(entry.path()).ok()?)
    };
    let mut logins: Vec<(std::ffi::OsString, Login)> =
        entries.flatten().filter_map(|entry| Some((entry.file_name(), read(entry)?))).collect();
    logins.sort_by(|one, other| one.0.cmp(&other.0));
    logins.into_iter().map(|(_, login)| login).collect()
}

fn parse(text: &str) -> Option<Login> {
    let value = |key: &str| {
        let lines = text.lines().filter_map(|line| line.split_once('='));
        lines.filter(|(name, _)| *name == key).map(|(_, value)| value.trim_matches('"')).next()
    };
    let state = value("STATE").unwrap_or_default();
    if state == "closing" {
        return None;
    }
    Some(Login {
        uid: value("UID")?.parse().ok()?,
        is_user: value("CLASS")?.starts_with("user"),
        is_greeter: value("CLASS") == Some("greeter"),
        is_graphical: matches!(value("TYPE"), Some("x11" | "wayland" | "mir")),
        is_active: value("ACTIVE") == Some("1"),
        at_seat: value("SEAT").is_some_and(|seat| !seat.is_empty()),
    })
}
