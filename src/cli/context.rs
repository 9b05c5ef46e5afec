//! What every verb needs of the world around it. The environment is read here, once.

use super::args::Common;
use super::error::CliError;
use super::exit::Exit;
use super::out;
use super::past::Past;
use crate::engine::budget;
use crate::model::Span;
use crate::report::{self, Style, Surroundings};
use crate::store::{StateFolder, StoreError};
use crate::system::accounts::Accounts;
use crate::system::announce::unsay;
use crate::system::clock;
use crate::system::guard;
use crate::system::host::{self, Host};
use crate::system::lock::{Lock, LockError};
use crate::system::sanitise;
use crate::system::trust;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// As what the guard holds the lock.
pub(crate) const GUARD: &str = "guard";

#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) host: Host,
    pub(crate) json: bool,
    pub(crate) state: PathBuf,
    /// Where the state is unless somebody says otherwise.
    pub(crate) usual_state: PathBuf,
    /// The state folder was named on the command line, so that every command that is proposed must name it too.
    state_named: bool,
    /// The folder at which the machine is mounted, where it is not the one that runs.
    pub(crate) root: Option<PathBuf>,
    /// Somebody said for whom root acts, with `--user`.
    user_named: bool,
    env: BTreeMap<OsString, OsString>,
}

impl Context {
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub(crate) fn new(common: &Common, programs: bool) -> Result<Self, CliError> {
        let mut env: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        let inside = common.root.as_ref().map(|root| super::elsewhere::enter(root, common, &env, programs));
        let inside = inside.transpose()?;
        if inside.is_some() {
            // Numbers of this machine's users mean others there.
            env.retain(|name, _| !["SUDO_UID", "PKEXEC_UID", "DOAS_USER"].iter().any(|own| name == own));
        }
        let host = Host::discover(env.clone())
            .map_err(|why| CliError::new(Exit::Internal, "cannot tell who runs this").because(why))?;
        let usual_state = if host.euid == 0 {
            usual_state_of_root()
        } else {
            state_home(env.get(OsStr::new("XDG_STATE_HOME")), &host.invoker.home).join("switchback")
        };
        // Set to nothing is not set.
        let named = || env.get(OsStr::new("SWITCHBACK_STATE")).filter(|named| !named.is_empty());
        let state = common.state.clone().or_else(|| named().map(PathBuf::from));
        let state = inside.clone().or(state).unwrap_or_else(|| usual_state.clone());
        let state = std::path::absolute(&state)
            .map_err(|why| CliError::usage(format!("{}: {why}", state.display())))?;
        Ok(Self {
            host,
            json: common.json,
            state,
            usual_state,
            state_named: inside.map_or(common.state.is_some(), |inside| inside != usual_state_of_root()),
            root: common.root.clone(),
            user_named: false,
            env,
        })
    }

    /// The same world with another state folder.
    pub(crate) fn with_state(&self, state: PathBuf) -> Self {
        Self { state, state_named: true, ..self.clone() }
    }

    /// The same world, in which root acts for that user.
    pub(crate) fn acting_for(&self, user: Option<&str>) -> Result<Self, CliError> {
        let Some(user) = user else { return Ok(self.clone()) };
        let accounts = Accounts::read();
        let account = match user.parse::<u32>() {
            Ok(uid) => accounts.by_uid(uid),
            Err(_) => accounts.by_name(user),
        };
        let account = account.ok_or_else(|| CliError::usage(format!("there is no account {user}")))?;
        if self.host.euid != 0 && account.ids.uid != self.host.euid {
            let text = format!("`--user {user}` is for root, and this is user {}", self.host.euid);
            return Err(CliError::usage(text).hint("run it with sudo, or leave `--user` out"));
        }
        let host = self.host.invoked_by(account.ids.uid, &account.name, &accounts);
        Ok(Self { host, user_named: true, ..self.clone() })
    }

    /// Whether it is known who the user is for whom steps and checks run `as: user`: root itself only where somebody
    /// said so.
    pub(crate) fn knows_the_user(&self) -> bool {
        self.user_named || self.host.euid != 0 || self.host.invoker.ids.uid != 0
    }

    /// Words of ours in which every proposed command names the state folder, where that is needed.
    pub(crate) fn proposing(&self, words: &str) -> String {
        self.state_option().map_or_else(|| words.to_owned(), |option| report::with_option(words, &option))
    }

    /// The option that every proposed command needs; none where the state folder is found without it.
    pub(crate) fn state_option(&self) -> Option<String> {
        let words = |path: &Path| report::shell_words(&[path.display().to_string()]);
        let Some(root) = &self.root else {
            return self.state_named.then(|| format!("--state {}", words(&self.state)));
        };
        let below = root.join(self.state.strip_prefix("/").unwrap_or(&self.state));
        let state = if self.state_named { format!(" --state {}", words(&below)) } else { String::new() };
        Some(format!("--root {}{state}", words(root)))
    }

    /// The words of a command line of ours that name the state folder, where that was named.
    pub(crate) fn state_words(&self) -> Vec<String> {
        let named = self.state_named.then(|| self.state.display().to_string());
        named.map_or_else(Vec::new, |state| vec![format!("--state={state}")])
    }

    /// Where the user's own configuration lies.
    pub(crate) fn config_home(&self) -> PathBuf {
        let stated = self.env.get(OsStr::new("XDG_CONFIG_HOME")).map(PathBuf::from);
        stated.filter(|home| home.is_absolute()).unwrap_or_else(|| self.host.runner.home.join(".config"))
    }

    /// What a process of ours is given that goes on without us: who called, which state is meant, and the desktop.
    pub(crate) fn handed_env(&self) -> BTreeMap<OsString, OsString> {
        const NAMES: [&str; 12] = [
            host::ANNOUNCE,
            "HOME",
            "USER",
            "LOGNAME",
            "LANG",
            "LC_ALL",
            "LC_CTYPE",
            "SUDO_UID",
            "SUDO_GID",
            "SUDO_USER",
            "PKEXEC_UID",
            "DOAS_USER",
        ];
        let named = self.env.iter().filter(|(name, _)| NAMES.iter().any(|known| name == known));
        let mut env: BTreeMap<OsString, OsString> =
            named.chain(&self.host.own).map(|(name, value)| (name.clone(), value.clone())).collect();
        env.insert("SWITCHBACK_STATE".into(), self.state.clone().into());
        env
    }

    /// Where the units of one's own service manager are configured: the system's for root.
    pub(crate) fn units(&self) -> PathBuf {
        if self.host.euid == 0 {
            PathBuf::from("/etc/systemd/system")
        } else {
            self.config_home().join("systemd/user")
        }
    }

    fn set(&self, name: &str) -> bool {
        self.env.get(OsStr::new(name)).is_some_and(|value| !value.is_empty())
    }

    /// How text is shown on standard output or standard error.
    fn style(&self, terminal: bool, size: Option<(u16, u16)>) -> Style {
        let term = self.env.get(OsStr::new("TERM")).and_then(|term| term.to_str()).unwrap_or("dumb");
        let language = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(|name| self.env.get(OsStr::new(name)).and_then(|value| value.to_str()))
            .find(|value| !value.is_empty())
            .unwrap_or("");
        let columns = self.env.get(OsStr::new("COLUMNS")).and_then(|columns| columns.to_str()?.parse().ok());
        let width = size.map(|(_, columns)| columns);
        let around = Surroundings {
            terminal,
            columns: width.or(columns),
            no_color: self.set("NO_COLOR"),
            force_color: self.set("CLICOLOR_FORCE"),
            dumb: term == "dumb",
            unicode: language.to_ascii_uppercase().replace('-', "").contains("UTF8"),
        };
        Style::new(&around, sanitise::sanitise)
    }

    pub(crate) fn out_style(&self) -> Style {
        self.style(std::io::stdout().is_terminal(), console::Term::stdout().size_checked())
    }

    pub(crate) fn err_style(&self) -> Style {
        self.style(std::io::stderr().is_terminal(), console::Term::stderr().size_checked())
    }

    /// The state folder for looking at a generation; its name begins with a blank. Nothing is created.
    pub(crate) fn look_for(&self, generation: &str) -> Result<StateFolder, CliError> {
        self.look_if_any()?.ok_or_else(|| self.nothing_run(generation))
    }

    /// That generation is asked for and nothing was ever run.
    pub(crate) fn nothing_run(&self, generation: &str) -> CliError {
        let state = self.state.display();
        CliError::usage(format!("there is no generation{generation}: nothing was ever run in {state}"))
            .hint("`--state DIR` names another state folder")
    }

    /// The same; nothing where nothing was ever run: that is no error for who asks what there is.
    pub(crate) fn look_if_any(&self) -> Result<Option<StateFolder>, CliError> {
        match StateFolder::open(&self.state) {
            Ok(folder) => Ok(Some(folder)),
            Err(StoreError::NoState(_)) if is_missing_or_empty(&self.state) => Ok(None),
            // Somebody may have made it between the two looks, and what is made first in it is what makes it one.
            Err(StoreError::NoState(_)) => Ok(Some(StateFolder::open(&self.state)?)),
            Err(why) => Err(why.into()),
        }
    }

    /// The state folder for acting: created where it is missing, and locked.
    pub(crate) fn act(&self, what: &str) -> Result<(StateFolder, Lock), CliError> {
        let folder = StateFolder::create(&self.state)?;
        let lock = self.lock(&folder, what)?;
        Ok((folder, lock))
    }

    /// Judges the folders above the state, as far as they are there: who may write in one of them can put another state in
    /// its place, and what a state says is executed. They belong to root or to this user.
    pub(crate) fn judge_way(&self, user: u32) -> Result<(), CliError> {
        let there = self.state.ancestors().find(|folder| folder.symlink_metadata().is_ok());
        let judged = there.map_or(Ok(()), |folder| trust::judge_folder(folder, user));
        judged.map_err(|why| {
            CliError::new(Exit::Refused, format!("others could replace {}", self.state.display()))
                .because(why)
                .hint("name a state folder where only root writes, with `--state`")
        })
    }

    /// Locks a state folder. A guard that takes a phase back is waited for, as long as that may take by its plan: it does
    /// what a person would come to do.
    pub(crate) fn lock(&self, folder: &StateFolder, what: &str) -> Result<Lock, CliError> {
        let began = clock::tick();
        let mut patience = None;
        loop {
            let held = match folder.lock(what) {
                Err(held @ LockError::Held { .. }) => held,
                taken => {
                    let taken = taken?;
                    // Whoever acts here has heard what was said at login.
                    unsay(&self.host, folder.root());
                    return Ok(taken);
                }
            };
            let LockError::Held { holder: Some(holder), .. } = &held else { return Err(held.into()) };
            if holder.what != GUARD {
                return Err(held.into());
            }
            let patience = *patience.get_or_insert_with(|| {
                let text = format!(
                    "The guard (process {}, since {}) is taking a phase back; waiting for it.",
                    holder.pid,
                    holder.since.in_words()
                );
                if self.json {
                    // Not among what the verb itself says: that may be one document.
                    let told = serde_json::json!({ "waiting": text, "process": holder.pid });
                    out::complain(&format!("{}\n", self.err_style().clean_json(&told.to_string())));
                } else {
                    out::line(self, &text);
                }
                way_back_of(folder)
            });
            if began.elapsed() > patience.duration() {
                let hint =
                    format!("should it hang, `kill -KILL {}` ends it; then type this again", holder.pid);
                return Err(CliError::from(held).hint(hint));
            }
            guard::pause(std::time::Duration::from_millis(50));
        }
    }

    pub(crate) fn cores() -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }
}

/// How long the way back of the current phase may take by its plan.
fn way_back_of(folder: &StateFolder) -> Span {
    const UNKNOWN: Span = Span::seconds(3600);
    let past = Past::current(folder).ok().flatten();
    let phase = past.as_ref().and_then(|past| past.plan.phase(past.state.phase()?));
    phase.map_or(UNKNOWN, |phase| budget(phase).back)
}

/// Whether there is no such folder, or nothing in it: a runner that was killed while it made its state folder leaves it
/// empty.
fn is_missing_or_empty(folder: &Path) -> bool {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(why) => why.kind() == std::io::ErrorKind::NotFound,
    }
}

/// A user's folder for state. The XDG base directory specification: what is no absolute path is not set.
fn state_home(named: Option<&OsString>, home: &Path) -> PathBuf {
    let named = named.map(Path::new).filter(|named| named.is_absolute());
    named.map_or_else(|| home.join(".local/state"), Path::to_path_buf)
}

/// Where root keeps the state.
pub(super) fn usual_state_of_root() -> PathBuf {
    PathBuf::from("/var/lib/switchback")
}

/// The folder that a file is in, absolute.
pub(crate) fn folder_of(file: &Path) -> PathBuf {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
    file.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_home_that_is_no_absolute_path_is_not_set() {
        let home = Path::new("/home/ada");
        for (named, wanted) in [
            (Some("/srv/state"), "/srv/state"),
            (None, "/home/ada/.local/state"),
            (Some(""), "/home/ada/.local/state"),
            (Some("state"), "/home/ada/.local/state"),
            (Some("./state"), "/home/ada/.local/state"),
        ] {
            let named = named.map(OsString::from);
            assert_eq!(state_home(named.as_ref(), home), Path::new(wanted), "{named:?}");
        }
    }
}
