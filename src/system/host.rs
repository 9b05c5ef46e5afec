//! The machine and its users: boot id, accounts, the environment that children get.
//!
//! Children start from an empty environment. What they get is decided here: a fixed `PATH`, who they are, a plain
//! terminal, no colours, no pager, untranslated texts. Of the runner's own environment only `TZ` is passed on,
//! and the desktop variables named in `is_desktop`, each only where the runner is that very user. `NIX_PATH`,
//! `NIX_REMOTE`, `NIX_SSL_CERT_FILE`, proxies and `LD_*` are not passed on: they decide what code is evaluated and
//! whom it trusts, so a plan that needs one states it under `env`.

use super::accounts::Accounts;
use super::process::{self, End, Ids, Spec, Unwatched};
use crate::model::{CommandLine, ProcessEnd, RunAs, Span};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// An account, read from `/etc/passwd` and `/etc/group` by ourselves: a static binary has no name service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// Ids with every group.
    pub ids: Ids,
    /// Home folder.
    pub home: PathBuf,
    /// Login shell.
    pub shell: PathBuf,
}

/// Who runs, and for whom.
#[derive(Debug, Clone)]
pub struct Host {
    /// Effective user id of the runner.
    pub euid: u32,
    /// The account of the effective user id.
    pub runner: Account,
    /// The invoking user: `SUDO_UID`, `PKEXEC_UID`, `DOAS_USER` where the runner is root, else the runner.
    pub invoker: Account,
    /// Whose files root trusts as its own: who called sudo, doas or pkexec; root itself where nobody did. Naming another
    /// user for the run does not make that one trusted.
    pub caller: u32,
    /// The kernel's boot id, where `/proc` is there.
    pub boot_id: Option<String>,
    /// `PATH` for the runner's own children: fixed system folders, the Nix profiles' included.
    pub path: OsString,
    /// What may be passed on of the runner's own environment.
    pub own: BTreeMap<OsString, OsString>,
    /// Nothing is said on the console, at other terminals and at login: `SWITCHBACK_ANNOUNCE=no`.
    pub quiet: bool,
}

/// Why a child cannot run as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A root step without root.
    #[error("needs root, and this is user {0}")]
    NotRoot(u32),
    /// No desktop session of that user.
    #[error("user {0} has no desktop session")]
    NoSession(String),
    /// No such account.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// No such group.
    #[error("there is no group {0}")]
    NoGroup(String),
}

/// What keeps announcements to the guard's log, where it is `no`.
pub const ANNOUNCE: &str = "SWITCHBACK_ANNOUNCE";

/// How long the user manager may take to tell the session's environment.
const ASK: Span = Span::seconds(5);

/// The machine's name, for reports that are read elsewhere; `localhost` where it has none.
#[must_use]
pub fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

impl Host {
    /// Looks at the machine. `env` is the runner's environment, read once at the front door.
    ///
    /// # Errors
    /// [`IdentityError::NoAccount`] where root was invoked for a user who has no account: such a user's steps must
    /// not silently run as root.
    pub fn discover(env: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, IdentityError> {
        let env: BTreeMap<OsString, OsString> = env.into_iter().collect();
        let accounts = Accounts::read();
        let euid = nix::unistd::geteuid().as_raw();
        let runner = accounts.by_uid(euid).unwrap_or_else(|| nameless(euid, &env));
        let invoker = match invoker(euid, &env) {
            None => runner.clone(),
            Some(Invoker::Uid(uid)) => {
                accounts.by_uid(uid).ok_or_else(|| IdentityError::NoAccount(uid.to_string()))?
            }
            Some(Invoker::Name(name)) => accounts.by_name(&name).ok_or(IdentityError::NoAccount(name))?,
        };
        let quiet = env.get(OsStr::new(ANNOUNCE)).is_some_and(|value| value == "no");
        let own = env.into_iter().filter(|(name, _)| name == "TZ" || is_desktop(name)).collect();
        let caller = invoker.ids.uid;
        Ok(Self { euid, path: path_of(&runner), runner, invoker, caller, boot_id: boot_id(), own, quiet })
    }

    /// The same machine for a run that was begun for that user. An account that is gone keeps its number and has no
    /// home. Only root can be somebody else: any other runner stays who it is.
    #[must_use]
    pub fn invoked_by(&self, uid: u32, name: &str, accounts: &Accounts) -> Self {
        if self.euid != 0 || uid == self.invoker.ids.uid {
            return self.clone();
        }
        let gone = || Account {
            name: name.to_owned(),
            ids: Ids { uid, gid: uid, groups: vec![uid] },
            home: PathBuf::from("/"),
            shell: PathBuf::from("/bin/sh"),
        };
        Self { invoker: accounts.by_uid(uid).unwrap_or_else(gone), ..self.clone() }
    }

    /// Ids and base environment for a child. `Session` asks the user manager for the session's environment, each
    /// time: a session may begin and end while we run.
    ///
    /// # Errors
    /// [`IdentityError`] where the identity is not to be had.
    pub fn identity(&self, who: RunAs) -> Result<(Option<Ids>, BTreeMap<OsString, OsString>), IdentityError> {
        match who {
            RunAs::Runner => Ok((None, self.environment(&self.runner))),
            RunAs::Root if self.euid == 0 => Ok((None, self.environment(&self.runner))),
            RunAs::Root => Err(IdentityError::NotRoot(self.euid)),
            RunAs::User => Ok((self.ids_of(&self.invoker), self.environment(&self.invoker))),
            RunAs::Session => {
                let mut env = self.environment(&self.invoker);
                env.extend(
                    self.session().ok_or_else(|| IdentityError::NoSession(self.invoker.name.clone()))?,
                );
                Ok((self.ids_of(&self.invoker), env))
            }
        }
    }

    /// None where the runner is that user already.
    fn ids_of(&self, account: &Account) -> Option<Ids> {
        (account.ids.uid != self.euid).then(|| account.ids.clone())
    }

    fn environment(&self, account: &Account) -> BTreeMap<OsString, OsString> {
        let mut env: BTreeMap<OsString, OsString> = [
            ("LANG", "C.UTF-8"),
            ("TERM", "dumb"),
            ("PAGER", "cat"),
            ("SYSTEMD_PAGER", "cat"),
            ("GIT_PAGER", "cat"),
            ("SYSTEMD_COLORS", "0"),
            ("NO_COLOR", "1"),
        ]
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
        env.insert("PATH".into(), path_of(account));
        env.insert("HOME".into(), account.home.clone().into());
        env.insert("USER".into(), account.name.clone().into());
        env.insert("LOGNAME".into(), account.name.clone().into());
        env.insert("SHELL".into(), account.shell.clone().into());
        let itself = account.ids.uid == self.euid;
        if let Some(zone) = self.own.get(OsStr::new("TZ")).filter(|_| itself) {
            env.insert("TZ".into(), zone.clone());
        }
        if let Some(folder) = self.runtime_folder(account) {
            env.insert("XDG_RUNTIME_DIR".into(), folder.into());
        }
        env
    }

    /// `/run/user/UID`, or what the runner itself was given; only where it belongs to that user.
    fn runtime_folder(&self, account: &Account) -> Option<PathBuf> {
        let given = self.own.get(OsStr::new("XDG_RUNTIME_DIR")).map(PathBuf::from);
        let standard = PathBuf::from(format!("/run/user/{}", account.ids.uid));
        [given.filter(|_| account.ids.uid == self.euid), Some(standard)].into_iter().flatten().find(
            |folder| {
                std::fs::metadata(folder).is_ok_and(|meta| meta.is_dir() && meta.uid() == account.ids.uid)
            },
        )
    }

    /// The desktop variables of the invoking user's session; none where there is no display.
    fn session(&self) -> Option<BTreeMap<OsString, OsString>> {
        let has_display = |env: &BTreeMap<OsString, OsString>| {
            env.contains_key(OsStr::new("DISPLAY")) || env.contains_key(OsStr::new("WAYLAND_DISPLAY"))
        };
        let of_manager = self
            .ask_manager()
            .map(|text| parse_environment(&text).into_iter().filter(|(name, _)| is_desktop(name)).collect());
        of_manager.filter(has_display).or_else(|| {
            let itself = self.invoker.ids.uid == self.euid;
            let own = self.own.iter().filter(|(name, _)| is_desktop(name));
            Some(own.map(|(name, value)| (name.clone(), value.clone())).collect())
                .filter(|env| itself && has_display(env))
        })
    }

    fn ask_manager(&self) -> Option<String> {
        let folder = self.runtime_folder(&self.invoker)?;
        let mut env = self.environment(&self.invoker);
        let mut bus = OsString::from("unix:path=");
        bus.push(folder.join("bus"));
        env.insert("DBUS_SESSION_BUS_ADDRESS".into(), bus);
        let ended = process::run(
            &Spec {
                command: CommandLine::new(["systemctl", "--user", "show-environment"]),
                env,
                ids: self.ids_of(&self.invoker),
                timeout: ASK,
                keep: 256 * 1024,
                input: None,
            },
            &mut Unwatched,
        );
        match ended.end {
            End::Process(ProcessEnd::Exited(0)) => Some(ended.stdout.text()),
            End::Process(_) | End::TimedOut(_) | End::Interrupted | End::NotStarted(_) => None,
        }
    }
}

/// Variables that a program needs to find the desktop session, and nothing that decides what code it loads
/// (`QT_PLUGIN_PATH`, `QML*_IMPORT_PATH` are left out for that).
fn is_desktop(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    match name {
        "DISPLAY" | "WAYLAND_DISPLAY" | "XAUTHORITY" | "DBUS_SESSION_BUS_ADDRESS" | "DESKTOP_SESSION" => true,
        "QT_PLUGIN_PATH" | "QT_QPA_PLATFORM_PLUGIN_PATH" => false,
        _ => ["XDG_", "KDE_", "QT_"].iter().any(|prefix| name.starts_with(prefix)),
    }
}

/// For whom root was called.
#[derive(Debug, PartialEq, Eq)]
enum Invoker {
    Uid(u32),
    Name(String),
}

/// Believed only where the runner is root: anybody can set these variables, but then they gain nothing by it.
fn invoker(euid: u32, env: &BTreeMap<OsString, OsString>) -> Option<Invoker> {
    if euid != 0 {
        return None;
    }
    let text = |name: &str| env.get(OsStr::new(name)).and_then(|value| value.to_str());
    let uid = ["SUDO_UID", "PKEXEC_UID"].iter().find_map(|name| text(name)?.parse().ok());
    uid.map(Invoker::Uid).or_else(|| text("DOAS_USER").map(|name| Invoker::Name(name.to_owned())))
}

/// An account for an id that `/etc/passwd` does not know, as in a container.
fn nameless(uid: u32, env: &BTreeMap<OsString, OsString>) -> Account {
    let gid = nix::unistd::getegid().as_raw();
    let home = env.get(OsStr::new("HOME")).map(PathBuf::from).filter(|home| home.is_absolute());
    Account {
        name: uid.to_string(),
        ids: Ids { uid, gid, groups: vec![gid] },
        home: home.unwrap_or_else(|| PathBuf::from("/")),
        shell: PathBuf::from("/bin/sh"),
    }
}

/// The fixed search path. The user's own Nix profile stands before the system's, as in a login shell of NixOS.
fn path_of(account: &Account) -> OsString {
    let folders = [
        PathBuf::from("/run/wrappers/bin"),
        account.home.join(".nix-profile/bin"),
        Path::new("/etc/profiles/per-user").join(&account.name).join("bin"),
        "/nix/var/nix/profiles/default/bin".into(),
        "/run/current-system/sw/bin".into(),
        "/usr/local/sbin".into(),
        "/usr/local/bin".into(),
        "/usr/sbin".into(),
        "/usr/bin".into(),
        "/sbin".into(),
        "/bin".into(),
    ];
    // A home with a colon in its name cannot stand in a search path.
    let fit = folders.iter().filter(|folder| !folder.as_os_str().to_string_lossy().contains(':'));
    std::env::join_paths(fit).unwrap_or_default()
}

/// The kernel's boot id, where `/proc` is there.
#[must_use]
pub fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}

/// Reads what `systemctl show-environment` prints: `NAME=value`, or `NAME=$'value'` with escapes.
fn parse_environment(text: &str) -> BTreeMap<OsString, OsString> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .filter_map(|(name, value)| {
            let value = match value.strip_prefix("$'") {
                Some(quoted) => unquote(quoted.strip_suffix('\'')?)?,
                None => value.to_owned(),
            };
            Some((name.into(), value.into()))
        })
        .collect()
}

/// The inside of `$'...'`; none where it holds an escape that systemd does not write.
fn unquote(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            plain @ ('\\' | '\'' | '"' | '$' | '`') => plain,
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
