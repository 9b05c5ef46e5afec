//! The service manager of whoever runs this: told by `systemctl` what to do with units, and given programs to start by
//! `systemd-run`.

use super::host::Host;
use super::process::{self, End, Ended, Spec, Unwatched};
use crate::model::{CommandLine, Manager, ProcessEnd, RunAs, Span};
use nix::unistd::geteuid;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// How long it may take to answer where nobody's deadline waits for it, and to reload all of its units.
const PATIENCE: Span = Span::seconds(90);
/// How much is kept of what it says.
const LONGEST: usize = 65_536;
/// How often it is asked where the one who asks was ended.
const TRIES: usize = 5;

/// The service manager says no, or does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{asked}` {why}")]
pub struct ManagerError {
    /// What it was asked.
    pub asked: String,
    /// What came of it.
    pub why: String,
    /// Whose it is.
    pub whose: Manager,
}

/// A service manager that can be asked.
#[derive(Debug, Clone)]
pub struct ServiceManager {
    whose: Manager,
    env: BTreeMap<OsString, OsString>,
    patience: Span,
}

impl ServiceManager {
    /// The system's or the user's, whether it runs or not.
    #[must_use]
    pub fn of(whose: Manager, host: &Host) -> Self {
        Self { whose, env: environment(host), patience: PATIENCE }
    }

    /// The one that runs for whoever runs this; nothing where no systemd runs, or a user has none. `path` is where programs
    /// are looked for.
    pub(super) fn running(env: &BTreeMap<OsString, OsString>, path: &OsStr) -> Option<Self> {
        let runs = Path::new("/run/systemd/system").is_dir();
        let known = std::env::split_paths(path).any(|folder| folder.join("systemd-run").is_file());
        let whose = if geteuid().is_root() { Manager::System } else { Manager::User };
        let reachable = match whose {
            Manager::System => true,
            Manager::User => env.get(OsStr::new("XDG_RUNTIME_DIR")).is_some_and(|folder| {
                Path::new(folder).join("systemd/private").exists() || Path::new(folder).join("bus").exists()
            }),
        };
        (runs && known && reachable).then(|| Self { whose, env: env.clone(), patience: PATIENCE })
    }

    /// The same, given less time to answer.
    pub(super) fn within(self, patience: Span) -> Self {
        Self { patience, ..self }
    }

    /// Has it do something, or say something, by `systemctl`.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn systemctl(&self, words: &[&str]) -> Result<String, ManagerError> {
        let argv = self.systemctl_words(words);
        let asked = argv.iter().filter(|word| *word != "--no-ask-password").cloned().collect::<Vec<_>>();
        self.ask(argv, &asked.join(" "))
    }

    /// Has it start a program, by `systemd-run` with these properties of the unit. Nobody waits for it.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub(super) fn start(&self, properties: &[String], argv: &[String]) -> Result<(), ManagerError> {
        let mut words = self.systemd_run();
        words.extend(properties.iter().cloned());
        words.push("--".to_owned());
        let (program, rest) =
            argv.split_first().map_or((None, argv), |(program, rest)| (Some(program), rest));
        words.extend(program.cloned());
        // The manager puts variables of the unit in place of what begins with this sign.
        words.extend(rest.iter().map(|word| word.replace('$', "$$")));
        self.ask(words, "systemd-run").map(|_| ())
    }

    /// The words before a program that has it run in a unit of its own.
    pub(super) fn systemd_run(&self) -> Vec<String> {
        let mut words = vec!["systemd-run".to_owned()];
        words.extend(self.user());
        words.extend(["--quiet", "--collect", "--no-ask-password"].map(str::to_owned));
        words
    }

    /// Has it read its units again.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn reload(&self) -> Result<(), ManagerError> {
        self.systemctl(&["daemon-reload"]).map(|_| ())
    }

    /// Has the machine go down and come up again.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn reboot(&self) -> Result<(), ManagerError> {
        self.systemctl(&["reboot"]).map(|_| ())
    }

    /// Has a unit started with the machine, or the session.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn enable(&self, unit: &str) -> Result<(), ManagerError> {
        self.systemctl(&["enable", unit]).map(|_| ())
    }

    /// The opposite of [`ServiceManager::enable`].
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn disable(&self, unit: &str) -> Result<(), ManagerError> {
        self.systemctl(&["disable", unit]).map(|_| ())
    }

    /// What it tells of a unit: `Property=value` lines as a map. Times are in UTC.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn properties(&self, unit: &str, names: &str) -> Result<BTreeMap<String, String>, ManagerError> {
        let said = self.systemctl(&["show", unit, &format!("--property={names}")])?;
        let pairs = said.lines().filter_map(|line| line.split_once('='));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Whether it is stopping everything, to switch the machine off or to start it anew.
    pub(super) fn goes_down(&self) -> bool {
        let words = self.systemctl_words(&["is-system-running"]);
        // Whoever stops a service signals what it has just started as well.
        let mut answers = (0..TRIES).map(|_| self.answer(words.clone()));
        let answer = answers.find(|answer| matches!(answer.end, End::Process(ProcessEnd::Exited(_))));
        answer.is_some_and(|answer| answer.stdout.text().trim() == "stopping")
    }

    fn user(&self) -> Option<String> {
        match self.whose {
            Manager::System => None,
            Manager::User => Some("--user".to_owned()),
        }
    }

    fn systemctl_words(&self, words: &[&str]) -> Vec<String> {
        let mut argv = vec!["systemctl".to_owned(), "--no-ask-password".to_owned()];
        argv.extend(self.user());
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        argv
    }

    fn answer(&self, argv: Vec<String>) -> Ended {
        let mut env = self.env.clone();
        // Times are read back.
        env.insert("TZ".into(), "UTC".into());
        if let Some(folder) = env.get(OsStr::new("XDG_RUNTIME_DIR")).cloned() {
            let mut bus = OsString::from("unix:path=");
            bus.push(Path::new(&folder).join("bus"));
            env.insert("DBUS_SESSION_BUS_ADDRESS".into(), bus);
        }
        let command = CommandLine::new(argv);
        let spec = Spec { command, env, ids: None, timeout: self.patience, keep: LONGEST, input: None };
        process::run(&spec, &mut Unwatched)
    }

    fn ask(&self, argv: Vec<String>, asked: &str) -> Result<String, ManagerError> {
        let ended = self.answer(argv);
        let said = ended.stderr.text();
        let said = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        let failed = |why: String| Err(ManagerError { asked: asked.to_owned(), why, whose: self.whose });
        match ended.end {
            End::Process(ProcessEnd::Exited(0)) => Ok(ended.stdout.text()),
            End::Process(ProcessEnd::Exited(status)) => failed(format!("ends with {status}: {said}")),
            End::Process(ProcessEnd::Signaled(signal)) => failed(format!("is ended by signal {signal}")),
            End::TimedOut(after) => failed(format!("does not end within {after}")),
            End::Interrupted => failed("is interrupted".to_owned()),
            End::NotStarted(why) => failed(format!("cannot be started: {why}")),
        }
    }
}

/// What a program that asks is given.
pub(super) fn environment(host: &Host) -> BTreeMap<OsString, OsString> {
    host.identity(RunAs::Runner).map(|(_, env)| env).unwrap_or_default()
}

/// Whether the service manager of the machine is stopping everything, to switch it off or to start it anew.
#[must_use]
pub fn goes_down(host: &Host) -> bool {
    ServiceManager::running(&environment(host), &host.path).is_some_and(|manager| manager.goes_down())
}
