//! Sets up and takes away what makes validations come by themselves.

use crate::model::{Digest, Timer};
use crate::report::{service_unit, timer_unit};
use crate::store::{StateFolder, StoreError, Timetable};
use crate::system::files::{self, Access, FileError};
use crate::system::service_manager::{ManagerError, ServiceManager};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
    #[error(transparent)]
    Manager(#[from] ManagerError),
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

/// Puts the units in place and starts the timer. `timetable` is what is remembered of it, before anything is written; the
/// files of an earlier one are replaced. Where it fails, nothing is left.
///
/// # Errors
/// [`TimerError`].
pub fn install(
    folder: &StateFolder,
    mut timetable: Timetable,
    units: &Units,
    manager: &ServiceManager,
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
        manager.systemctl(&["daemon-reload"])?;
        manager.systemctl(&["enable", &timer])?;
        // Also where it ran before, with another time.
        manager.systemctl(&["restart", &timer])?;
        Ok(())
    };
    put().inspect_err(|_| {
        // The error that led here is the one to be told.
        let _ = remove(folder, &timetable, manager, true);
    })
}

/// Takes away what was installed, and nothing else. Says what is left, in words.
///
/// # Errors
/// [`TimerError::Foreign`] where somebody changed it, without `force`; others where the timer cannot be stopped.
pub fn remove(
    folder: &StateFolder,
    timetable: &Timetable,
    manager: &ServiceManager,
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
        let stopped = manager.systemctl(&["disable", "--now", &timer]).map(|_| ());
        // When it last ran is kept by the manager, for as long as the unit is known.
        let _ = manager.systemctl(&["clean", "--what=state", &timer]);
        for (path, _) in &timetable.files {
            gone(path, fs::remove_file(path))?;
        }
        for made in timetable.folders.iter().rev() {
            // One that somebody else uses by now stays.
            let _ = fs::remove_dir(made);
        }
        // A manager that does not answer has no timer that runs; what it was to be told is gone from the disk.
        if let Err(why) = stopped.and_then(|()| manager.systemctl(&["daemon-reload"]).map(|_| ())) {
            left.push(why.to_string());
        }
        let _ = manager.systemctl(&["reset-failed", &format!("{}.service", timetable.name)]);
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
