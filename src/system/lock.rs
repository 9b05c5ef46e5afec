//! One run at a time: a lock that the kernel gives back when its holder dies.

use super::clock;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::model::Timestamp;

/// The lock's name in the state folder.
const NAME: &str = "lock";
/// How often a lock file may be swapped under us before we give up.
const TRIES: usize = 100;
/// For so many milliseconds somebody may look who holds it: a process that is put aside at that moment takes its time.
const LOOKED: usize = 5000;
/// For so many milliseconds a holder may leave it unsaid who it is: what is written may be of one who is gone.
const UNSAID: usize = 500;

/// Who holds the lock, as the file says. For messages; whether it is held, only the kernel knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// What it does: the verb.
    pub what: String,
    /// Since when.
    pub since: Timestamp,
}

impl Holder {
    /// Whether there is a process with its number that has not ended: whoever holds the lock now may not have said so yet,
    /// and then what is written is of one who held it before.
    #[must_use]
    pub fn lives(&self) -> bool {
        use nix::{errno::Errno, sys::signal::kill, unistd::Pid};
        // The state stands behind the name, which is in brackets, see proc(5). One that nobody waited for has ended too.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let ended = stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']));
        !ended && i32::try_from(self.pid).is_ok_and(|pid| kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, process {}, since {}", self.what, self.pid, self.since.in_words())
    }
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("{} is held by {}", .path.display(), holder_words(.holder.as_ref()))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who, where the file says so.
        holder: Option<Holder>,
    },
    /// The lock file cannot be opened or locked.
    #[error("cannot lock {}: {source}", .path.display())]
    Failed {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The lock file is replaced again and again.
    #[error("{} was replaced {TRIES} times while it was being locked", .0.display())]
    Unstable(PathBuf),
}

fn holder_words(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another run".to_owned(), Holder::to_string)
}

/// The right to change what the state folder stands for. Given back when it is dropped, or when its process dies;
/// children do not inherit it.
#[derive(Debug)]
pub struct Lock {
    /// Kept open: its end gives the lock back.
    file: File,
}

impl Drop for Lock {
    /// At once, also where a child that is just being started has the file open until it becomes another program.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Takes the lock of a state folder, or says who holds it. Does not wait.
    ///
    /// # Errors
    /// [`LockError::Held`] where another run holds it; [`LockError::Failed`] where the file cannot be locked at all.
    pub fn take(state: &Path, what: &str) -> Result<Self, LockError> {
        let path = state.join(NAME);
        let failed = |source| LockError::Failed { path: path.clone(), source };
        let (mut swapped, mut looked, mut unsaid) = (0, 0, 0);
        while swapped < TRIES {
            let (mut file, place) = open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock)
                    if looked < LOOKED && only_looked_at(&file).map_err(failed)? =>
                {
                    looked += 1;
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    continue;
                }
                Err(TryLockError::WouldBlock) => {
                    let holder = read_holder(&mut file).filter(Holder::lives);
                    if holder.is_some() || unsaid == UNSAID {
                        return Err(LockError::Held { holder, path });
                    }
                    unsaid += 1;
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    continue;
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            // Somebody may have removed the file between open and lock: then ours guards nothing.
            if !is_still(place, &file).map_err(failed)? {
                swapped += 1;
                continue;
            }
            // For messages only, so that a full disk does not stop a rollback here.
            let _ = write_holder(&mut file, what);
            return Ok(Self { file });
        }
        Err(LockError::Unstable(path))
    }
}

/// Whether those who have the lock share it: they look who holds it ([`holder`]), and are done in a moment.
fn only_looked_at(file: &File) -> std::io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(source),
    }
}

/// Who holds the lock of a state folder now; nobody where it is free. Takes nothing and creates nothing.
#[must_use]
pub fn holder(state: &Path) -> Option<Holder> {
    let mut file =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(state.join(NAME)).ok()?;
    // A shared lock is to be had as long as nobody holds it alone; it goes with the descriptor.
    match file.try_lock_shared() {
        Ok(()) | Err(TryLockError::Error(_)) => None,
        Err(TryLockError::WouldBlock) => read_holder(&mut file),
    }
}

/// Opens what is locked: the lock file, made where it is missing. Where it may not be written, since the file system is
/// read-only or the mode says so, it is the file as it is there, or else the folder itself: the way back must not end
/// here, and it is the same lock, however its file was opened.
fn open(path: &Path) -> std::io::Result<(File, &Path)> {
    let made = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path);
    let why = match made {
        Ok(file) => return Ok((file, path)),
        Err(why) => why,
    };
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    if !matches!(why.kind(), ReadOnlyFilesystem | PermissionDenied) {
        return Err(why);
    }
    let read = |path| OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path);
    match (read(path), path.parent()) {
        (Ok(file), _) => Ok((file, path)),
        (Err(missing), Some(folder)) if missing.kind() == std::io::ErrorKind::NotFound => {
            Ok((read(folder)?, folder))
        }
        (Err(_), _) => Err(why),
    }
}

fn is_still(path: &Path, file: &File) -> std::io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok(there.ino() == ours.ino() && there.dev() == ours.dev()),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(why),
    }
}

fn write_holder(file: &mut File, what: &str) -> std::io::Result<()> {
    let holder = Holder { pid: std::process::id(), what: what.to_owned(), since: clock::now() };
    let text = serde_json::to_vec(&holder)?;
    file.set_len(0)?;
    file.write_all(&text)
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = Vec::new();
    file.rewind().ok()?;
    file.take(4096).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_who_holds_the_lock() {
        let state = tempfile::tempdir().expect("a folder");
        let first = Lock::take(state.path(), "run").expect("free");
        match Lock::take(state.path(), "rollback") {
            Err(LockError::Held { holder: Some(holder), .. }) => {
                assert_eq!((holder.pid, holder.what.as_str()), (std::process::id(), "run"));
            }
            other => panic!("{other:?}"),
        }
        drop(first);
        let _second = Lock::take(state.path(), "rollback").expect("given back");
    }

    #[test]
    fn whoever_looks_holds_nobody_up() {
        let state = tempfile::tempdir().expect("a folder");
        drop(Lock::take(state.path(), "run").expect("free"));
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = holder(state.path());
                }
            });
            let taken = (0..200).map(|_| Lock::take(state.path(), "run").map(drop));
            let held_up: Vec<LockError> = taken.filter_map(Result::err).collect();
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(held_up.is_empty(), "{held_up:?}");
        });
    }

    /// As a child has it that was forked a moment ago and did not become its program yet.
    #[test]
    fn a_lock_is_given_back_though_a_child_has_its_file_open() {
        let state = tempfile::tempdir().expect("a folder");
        let first = Lock::take(state.path(), "run").expect("free");
        let childs = first.file.try_clone().expect("a second descriptor");
        drop(first);
        let _second = Lock::take(state.path(), "rollback").expect("given back");
        drop(childs);
    }

    #[test]
    fn a_held_lock_without_readable_holder_is_still_held() {
        let state = tempfile::tempdir().expect("a folder");
        let _first = Lock::take(state.path(), "run").expect("free");
        std::fs::write(state.path().join(NAME), "damaged").expect("written");
        let why = Lock::take(state.path(), "run").expect_err("held");
        assert!(matches!(why, LockError::Held { holder: None, .. }), "{why}");
        assert!(why.to_string().ends_with("is held by another run"), "{why}");
    }

    #[test]
    fn whoever_is_gone_does_not_hold_it() {
        let state = tempfile::tempdir().expect("a folder");
        let _first = Lock::take(state.path(), "guard").expect("free");
        // No process has this number: it is beyond what the kernel gives.
        let gone = Holder { pid: 1 << 23, what: "run".to_owned(), since: clock::now() };
        let text = serde_json::to_vec(&gone).expect("text");
        std::fs::write(state.path().join(NAME), text).expect("written");
        let why = Lock::take(state.path(), "rollback").expect_err("held");
        assert!(matches!(why, LockError::Held { holder: None, .. }), "{why}");
    }

    #[test]
    fn a_lock_file_that_was_replaced_is_not_ours() {
        let state = tempfile::tempdir().expect("a folder");
        let path = state.path().join(NAME);
        let file = File::create(&path).expect("created");
        assert!(is_still(&path, &file).expect("read"));
        std::fs::remove_file(&path).expect("removed");
        assert!(!is_still(&path, &file).expect("read"));
        File::create(&path).expect("created");
        assert!(!is_still(&path, &file).expect("read"));
    }

    /// Root may write what its mode forbids, and takes it as ever.
    #[test]
    fn what_may_not_be_written_is_locked_all_the_same() {
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir().expect("a folder");
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
        };
        drop(Lock::take(state.path(), "run").expect("free"));
        for there in [true, false] {
            if there {
                mode(&state.path().join(NAME), 0o400);
            } else {
                std::fs::remove_file(state.path().join(NAME)).expect("removed");
            }
            mode(state.path(), 0o500);
            let first = Lock::take(state.path(), "rollback").expect("free");
            assert!(matches!(Lock::take(state.path(), "run"), Err(LockError::Held { .. })), "there: {there}");
            drop(first);
            drop(Lock::take(state.path(), "run").expect("given back"));
            mode(state.path(), 0o700);
        }
    }

    #[test]
    fn a_missing_state_folder_is_named() {
        let why = Lock::take(Path::new("/no/such/state"), "run").expect_err("no folder");
        assert!(why.to_string().starts_with("cannot lock /no/such/state/lock: "), "{why}");
    }
}
