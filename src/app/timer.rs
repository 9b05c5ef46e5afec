//! Sets up and takes away what makes validations come by themselves.

use crate::model::{CommandLine, Digest, Manager, ProcessEnd, RunAs, Span, Timer};
use crate::report::{service_unit, timer_unit};
use crate::store::{StateFolder, StoreError, Timetable};
use crate::system::files::{self, Access, FileError};
use crate::system::host::Host;
use crate::system::process::{self, End, Spec, Unwatched};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How long the service manager may take to answer.
const PATIENCE: Span = Span::seconds(90);
/// Longest unit that is compared.
const LONGEST: u64 = 1 << 16;

/// Why a timer cannot be set up or taken away.
#[derive(Debug, thiserror::Error)]
pub enum TimerError {
    /// There is something else in the way, or somebody changed what was installed.
    #[error("{} is not as it was installed", .0.display())]
    Foreign(PathBuf),
    /// A unit cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file or folder cannot be made or removed.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The service manager says no, or does not answer.
    #[error("`systemctl {words}` {why}")]
    Manager {
        /// What it was asked.
        words: String,
        /// What came of it.
        why: String,
    },
    /// The state folder cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The units of a timer and where they belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    /// Path and text of each.
    pub files: Vec<(PathBuf, String)>,
}

impl Units {
    /// The units in this folder.
    #[must_use]
    pub fn of(timer: &Timer, folder: &Path) -> Self {
        let service = (folder.join(format!("{}.service", timer.name)), service_unit(timer));
        Self { files: vec![service, (folder.join(format!("{}.timer", timer.name)), timer_unit(timer))] }
    }
}

/// What became of an installed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is as it was written.
    Same,
    /// Somebody changed it.
    Changed,
    /// It is gone.
    Gone,
}

/// How a file stands against what was written.
#[must_use]
pub fn kept(path: &Path, written: &Digest) -> Kept {
    match files::read_bounded(path, LONGEST) {
        Ok(bytes) if files::sha256_bytes(&bytes) == *written => Kept::Same,
        Err(_) if path.symlink_metadata().is_err() => Kept::Gone,
        Ok(_) | Err(_) => Kept::Changed,
    }
}

/// A service manager that is asked by `systemctl`.
#[derive(Debug, Clone, Copy)]
pub struct Systemctl<'a> {
    /// The machine.
    pub host: &'a Host,
    /// The system's or the user's.
    pub manager: Manager,
}

impl Systemctl<'_> {
    fn ask(&self, words: &[&str]) -> Result<String, TimerError> {
        let whole: Vec<&str> = match self.manager {
            Manager::System => words.to_vec(),
            Manager::User => [&["--user"], words].concat(),
        };
        let failed = |why: String| TimerError::Manager { words: whole.join(" "), why };
        let (ids, mut env) = self.host.identity(RunAs::Runner).map_err(|why| failed(why.to_string()))?;
        // Times are read back.
        env.insert("TZ".into(), "UTC".into());
        if let Some(folder) = env.get(std::ffi::OsStr::new("XDG_RUNTIME_DIR")).cloned() {
            let mut bus = std::ffi::OsString::from("unix:path=");
            bus.push(Path::new(&folder).join("bus"));
            env.insert("DBUS_SESSION_BUS_ADDRESS".into(), bus);
        }
        let command = CommandLine::new([&["systemctl", "--no-ask-password"][..], &whole].concat());
        let spec = Spec { command, env, ids, timeout: PATIENCE, keep: 65_536, input: None };
        let ended = process::run(&spec, &mut Unwatched);
        let said = ended.stderr.text();
        let said = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        match ended.end {
            End::Process(ProcessEnd::Exited(0)) => Ok(ended.stdout.text()),
            End::Process(ProcessEnd::Exited(status)) => Err(failed(format!("ends with {status}: {said}"))),
            End::Process(ProcessEnd::Signaled(signal)) => Err(failed(format!("is ended by signal {signal}"))),
            End::TimedOut(after) => Err(failed(format!("does not end within {after}"))),
            End::Interrupted => Err(failed("is interrupted".to_owned())),
            End::NotStarted(why) => Err(failed(format!("cannot be started: {why}"))),
        }
    }

    /// Has it read its units again.
    ///
    /// # Errors
    /// [`TimerError::Manager`].
    pub fn reload(&self) -> Result<(), TimerError> {
        self.ask(&["daemon-reload"]).map(|_| ())
    }

    /// Has the machine go down and come up again.
    ///
    /// # Errors
    /// [`TimerError::Manager`].
    pub fn reboot(&self) -> Result<(), TimerError> {
        self.ask(&["reboot"]).map(|_| ())
    }

    /// Has a unit started with the machine, or the session.
    ///
    /// # Errors
    /// [`TimerError::Manager`].
    pub fn enable(&self, unit: &str) -> Result<(), TimerError> {
        self.ask(&["enable", unit]).map(|_| ())
    }

    /// The opposite of [`Systemctl::enable`].
    ///
    /// # Errors
    /// [`TimerError::Manager`].
    pub fn disable(&self, unit: &str) -> Result<(), TimerError> {
        self.ask(&["disable", unit]).map(|_| ())
    }

    /// What it tells of a unit: `Property=value` lines as a map.
    ///
    /// # Errors
    /// [`TimerError::Manager`].
    pub fn properties(&self, unit: &str, names: &str) -> Result<BTreeMap<String, String>, TimerError> {
        let said = self.ask(&["show", unit, &format!("--property={names}")])?;
        let pairs = said.lines().filter_map(|line| line.split_once('='));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// Puts the units in place and starts the timer. `timetable` is what is remembered of it, before anything is written; the
/// files of an earlier one are replaced. Where it fails, nothing is left.
///
/// # Errors
/// [`TimerError`].
pub fn install(
    folder: &StateFolder,
    mut timetable: Timetable,
    units: &Units,
    systemctl: &Systemctl<'_>,
    force: bool,
) -> Result<(), TimerError> {
    let earlier = folder.timetable()?;
    let known = |path: &Path| {
        let files = earlier.iter().flat_map(|earlier| &earlier.files);
        files.into_iter().find(|(file, _)| file == path).map(|(_, digest)| digest.clone())
    };
    for (path, text) in &units.files {
        let ours = files::sha256_bytes(text.as_bytes());
        let as_known = |digest: &Digest| kept(path, digest) != Kept::Changed;
        if !force && !as_known(&ours) && !known(path).is_some_and(|digest| as_known(&digest)) {
            return Err(TimerError::Foreign(path.clone()));
        }
        timetable.files.push((path.clone(), ours));
    }
    timetable.folders = earlier.map(|earlier| earlier.folders).unwrap_or_default();
    let parent = units.files.first().and_then(|(path, _)| path.parent()).unwrap_or(Path::new("/"));
    for missing in
        parent.ancestors().take_while(|folder| !folder.exists()).collect::<Vec<_>>().into_iter().rev()
    {
        if !timetable.folders.iter().any(|known| known == missing) {
            timetable.folders.push(missing.to_owned());
        }
    }
    // Remembered first: what is interrupted here can be taken away.
    folder.keep_timetable(&timetable)?;
    let put = || -> Result<(), TimerError> {
        let made = |source| TimerError::Io { what: "make", path: parent.to_owned(), source };
        fs::create_dir_all(parent).map_err(made)?;
        for (path, text) in &units.files {
            files::write_atomic(path, text.as_bytes(), Access { mode: 0o644, owner: None })?;
        }
        let timer = format!("{}.timer", timetable.name);
        systemctl.ask(&["daemon-reload"])?;
        systemctl.ask(&["enable", &timer])?;
        // Also where it ran before, with another time.
        systemctl.ask(&["restart", &timer]).map(|_| ())
    };
    put().inspect_err(|_| {
        // The error that led here is the one to be told.
        let _ = remove(folder, &timetable, systemctl, true);
    })
}

/// Takes away what was installed, and nothing else. Says what is left, in words.
///
/// # Errors
/// [`TimerError::Foreign`] where somebody changed it, without `force`; others where the timer cannot be stopped.
pub fn remove(
    folder: &StateFolder,
    timetable: &Timetable,
    systemctl: &Systemctl<'_>,
    force: bool,
) -> Result<Vec<String>, TimerError> {
    if let Some((changed, _)) =
        timetable.files.iter().find(|(path, digest)| !force && kept(path, digest) == Kept::Changed)
    {
        return Err(TimerError::Foreign(changed.clone()));
    }
    let mut left = Vec::new();
    if !timetable.by_hand && !timetable.files.is_empty() {
        let timer = format!("{}.timer", timetable.name);
        let stopped = systemctl.ask(&["disable", "--now", &timer]).map(|_| ());
        // When it last ran is kept by the manager, for as long as the unit is known.
        let _ = systemctl.ask(&["clean", "--what=state", &timer]);
        for (path, _) in &timetable.files {
            gone(path, fs::remove_file(path))?;
        }
        for made in timetable.folders.iter().rev() {
            // One that somebody else uses by now stays.
            let _ = fs::remove_dir(made);
        }
        // A manager that does not answer has no timer that runs; what it was to be told is gone from the disk.
        if let Err(why) = stopped.and_then(|()| systemctl.ask(&["daemon-reload"]).map(|_| ())) {
            left.push(why.to_string());
        }
        let _ = systemctl.ask(&["reset-failed", &format!("{}.service", timetable.name)]);
    }
    folder.forget_timetable()?;
    Ok(left)
}

fn gone(path: &Path, removed: io::Result<()>) -> Result<(), TimerError> {
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(TimerError::Io { what: "remove", path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
