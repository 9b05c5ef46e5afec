//! Descendants that outlive their parent: found, attributed to a job, killed and reaped.

use super::spawn::MARKER;
use super::{Stray, ledger, mark};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpid};
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::system::clock;

/// How long killed processes may take to be gone: one that is stuck in the kernel cannot be killed at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many are told of.
const STRAYS: usize = 32;
/// And so much of the words of each.
const WORDS: u64 = 512;

/// Main processes of running jobs, in every crew of this process.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// What sets our children apart from those of a runner with another state folder.
static SCOPE: OnceLock<String> = OnceLock::new();

/// Whether an earlier runner may have left children that nobody sees.
static UNSEEN: AtomicBool = AtomicBool::new(false);

/// Processes that were killed and are still there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("still alive {}s after SIGKILL: {}", PATIENCE.as_secs(), list(.0))]
pub struct StillAlive(pub Vec<i32>);

fn list(pids: &[i32]) -> String {
    pids.iter().map(|pid| format!("process {pid}")).collect::<Vec<_>>().join(", ")
}

fn running() -> MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn register(pid: Pid) {
    running().insert(pid.as_raw());
}

pub(super) fn unregister(pid: Pid) {
    running().remove(&pid.as_raw());
}

/// A job whose main process is gone: what may still be there of it.
#[derive(Debug)]
pub(super) struct Gone {
    /// The main process; the session of its descendants, unless they left it.
    pub(super) pid: Pid,
    /// The value of the marker variable in its environment.
    pub(super) marker: String,
}

/// The marker of the n-th job of this process.
pub(super) fn marker(number: usize) -> String {
    format!("{}/{}/{number}", SCOPE.get().map_or("-", String::as_str), getpid())
}

/// Makes orphans our children, so that they can be found and reaped.
pub(super) fn adopt_orphans() {
    // Where the kernel refuses, orphans of the same session are still killed with their group.
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// Whether this process has no child at all. One system call.
fn childless() -> bool {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::All, peek) == Err(Errno::ECHILD)
}

/// Kills and reaps what the given jobs left behind. `alone`: no other job is running, so that in a process of one
/// thread every unknown child is theirs, even with another session and an emptied environment.
pub(super) fn sweep(gone: &[Gone], alone: bool) {
    let until = clock::tick() + PATIENCE;
    while !childless() && clock::tick() < until {
        let known = running().clone();
        let sole = alone && known.is_empty() && tasks() == 1;
        let mine = |kin: &Kin| {
            sole || gone.iter().any(|job| kin.session == job.pid.as_raw() || carries(kin.pid, &job.marker))
        };
        let found: Vec<Pid> = kindred(getpid())
            .into_iter()
            .filter(|kin| !known.contains(&kin.pid) && mine(kin))
            .map(|kin| Pid::from_raw(kin.pid))
            .collect();
        if found.is_empty() {
            return;
        }
        // Their children become ours when they die: looked for once more.
        end(&found, until);
    }
}

/// What the job whose main process is dead and not yet reaped left running: children of ours that are its descendants, by
/// its session or its mark, or because no other job runs. What is dead already was ended by nobody. A program that leaves
/// nothing costs one short file; a kernel without it tells of nobody.
pub(super) fn left_by(main: Pid, marker: &str, alone: bool) -> Vec<Stray> {
    let Ok(children) = std::fs::read_to_string("/proc/thread-self/children") else { return Vec::new() };
    let known = running().clone();
    let sole = alone && known.len() <= 1 && tasks() == 1;
    let stray = |pid: i32| {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat).into_owned();
        let (_, session) = parse_stat(&stat)?;
        let dead = stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']));
        let its = sole || session == main.as_raw() || carries(pid, marker);
        (its && !dead).then(|| Stray { pid, words: words_of(pid, &stat) })
    };
    let pids = children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter(|pid| *pid != main.as_raw() && !known.contains(pid)).filter_map(stray).take(STRAYS).collect()
}

/// A process as it shows itself, in at most so many bytes.
fn words_of(pid: i32, stat: &str) -> String {
    let mut shown = Vec::new();
    if let Ok(file) = std::fs::File::open(format!("/proc/{pid}/cmdline")) {
        // What could not be read is not shown.
        let _ = std::io::Read::read_to_end(&mut std::io::Read::take(file, WORDS), &mut shown);
    }
    let words: Vec<_> =
        shown.split(|byte| *byte == 0).filter(|word| !word.is_empty()).map(String::from_utf8_lossy).collect();
    let name =
        || stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map(|(name, _)| name.to_owned());
    if words.is_empty() { name().unwrap_or_default() } else { words.join(" ") }
}

/// Kills and reaps every descendant of this process, running jobs included, and returns when none is left. To be
/// called before any undo begins; crews that still have children report them as killed.
///
/// # Errors
/// [`StillAlive`] where the kernel does not end a process within 5 s.
pub fn end_all_children() -> Result<(), StillAlive> {
    adopt_orphans();
    let until = clock::tick() + PATIENCE;
    // All at once where that can be: then nothing forks faster than we look.
    ledger::kill();
    while !childless() {
        let mut found: Vec<Pid> = kindred(getpid()).into_iter().map(|kin| Pid::from_raw(kin.pid)).collect();
        if found.is_empty() {
            // Without /proc only the jobs themselves are known.
            found = running().iter().copied().map(Pid::from_raw).collect();
        }
        for pid in &found {
            // Its group as well: against a program that forks faster than we look. Gone already is fine.
            let _ = kill(Pid::from_raw(-pid.as_raw()), Signal::SIGKILL);
        }
        if found.is_empty() {
            // Nobody to be seen: reap whatever is dead, one at a time.
            if matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive)) {
                nap();
            }
        }
        end(&found, until);
        if clock::tick() >= until && !childless() {
            return Err(StillAlive(kindred(getpid()).into_iter().map(|kin| kin.pid).collect()));
        }
    }
    running().clear();
    Ok(())
}

/// Ends what an earlier runner of the same scope left running: what is in the control groups that `ledger` names, and what
/// carries the scope's mark. Children of this process get that mark from now on, and a group that the ledger names where
/// there can be one. To be called under the lock of the state folder that the scope names. Returns how many were ended.
///
/// # Errors
/// [`StillAlive`] where the kernel does not end a process within 5 s.
pub fn claim(scope: &str, ledger: &Path) -> Result<usize, StillAlive> {
    // A second claim in one process keeps the first scope: children may carry it already.
    let scope = SCOPE.get_or_init(|| scope.to_owned());
    if crate::system::below::withheld().is_some() {
        // What runs here is not of the machine that is mounted there.
        return Ok(0);
    }
    let until = clock::tick() + PATIENCE;
    let settled = ledger::settle(ledger, until);
    UNSEEN.fetch_or(settled.unseen, Ordering::Relaxed);
    if !settled.alive.is_empty() {
        return Err(StillAlive(settled.alive));
    }
    let marked = end_marked(scope, until)?;
    ledger::claim(scope, ledger);
    Ok(settled.ended + marked)
}

/// Ends what carries the mark of another runner of this scope, and says how many were ended.
pub(super) fn end_marked(scope: &str, until: Instant) -> Result<usize, StillAlive> {
    let mut ended = BTreeSet::new();
    loop {
        let strays = strays(scope);
        if strays.is_empty() {
            return Ok(ended.len());
        }
        if clock::tick() >= until {
            return Err(StillAlive(strays.iter().map(Opened::pid).collect()));
        }
        for stray in strays {
            stray.kill();
            ended.insert(stray.pid());
        }
        nap();
    }
}

/// What [`claim`] began is over, and no child of this process changes anything any more: what tells where they are is
/// removed.
pub fn leave() {
    ledger::leave();
}

/// Whether a runner before this one may have left children that nobody sees: it was killed, had no control group for them,
/// and their mark is lost with their environment.
#[must_use]
pub fn unseen() -> bool {
    UNSEEN.load(Ordering::Relaxed)
}

/// A process that cannot become another one between a look and a signal.
#[derive(Debug)]
enum Opened {
    /// By a descriptor.
    Held(Pid, OwnedFd),
    /// The kernel has no descriptors of processes: by number.
    Bare(Pid),
}

impl Opened {
    /// `None` where it is gone.
    fn of(pid: i32) -> Option<Self> {
        match pidfd_open(rustix::process::Pid::from_raw(pid)?, PidfdFlags::empty()) {
            Ok(open) => Some(Self::Held(Pid::from_raw(pid), open)),
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => Some(Self::Bare(Pid::from_raw(pid))),
            Err(_) => None,
        }
    }

    fn pid(&self) -> i32 {
        match self {
            Self::Held(pid, _) | Self::Bare(pid) => pid.as_raw(),
        }
    }

    /// It may be dead already.
    fn kill(&self) {
        match self {
            Self::Held(_, open) => {
                let _ = pidfd_send_signal(open, rustix::process::Signal::KILL);
            }
            Self::Bare(pid) => {
                let _ = kill(*pid, Signal::SIGKILL);
            }
        }
    }
}

/// Processes whose marker names this scope and another runner than us.
fn strays(scope: &str) -> Vec<Opened> {
    let me = getpid().as_raw();
    let marked = |pid: i32| mark::carries(pid, |pair| is_of_another_runner(pair, scope, me));
    processes()
        .filter(|pid| *pid != me && *pid != 1 && marked(*pid))
        // Looked at once more: only then the number is sure to be that of the one that is held.
        .filter_map(|pid| Opened::of(pid).filter(|_| marked(pid)))
        .collect()
}

/// Whether a variable marks a process of this very scope, and not one of a folder below it, and of another runner.
fn is_of_another_runner(pair: &[u8], scope: &str, me: i32) -> bool {
    let Ok(pair) = std::str::from_utf8(pair) else { return false };
    let marker = pair.strip_prefix(MARKER).and_then(|rest| rest.strip_prefix('='));
    let mut parts = marker.unwrap_or_default().rsplitn(3, '/');
    let (_, pid, of) = (parts.next(), parts.next(), parts.next());
    of == Some(scope) && pid.is_some_and(|pid| pid != me.to_string())
}

/// Kills these children and reaps them.
fn end(pids: &[Pid], until: Instant) {
    for pid in pids {
        // It may be dead already.
        let _ = kill(*pid, Signal::SIGKILL);
    }
    for pid in pids {
        while matches!(waitpid(*pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive)) {
            if clock::tick() >= until {
                return;
            }
            nap();
        }
    }
}

pub(super) fn nap() {
    std::thread::sleep(Duration::from_millis(1));
}

fn tasks() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn carries(pid: i32, marker: &str) -> bool {
    let pair = format!("{MARKER}={marker}");
    mark::carries(pid, |found| found == pair.as_bytes())
}

fn processes() -> impl Iterator<Item = i32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A child of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kin {
    pid: i32,
    session: i32,
}

/// The children of a process. The kernel's own list (`/proc/self/task/*/children`) is an option of its build.
fn kindred(parent: Pid) -> Vec<Kin> {
    processes()
        .filter_map(|pid| {
            let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
            let (its_parent, session) = parse_stat(&String::from_utf8_lossy(&stat))?;
            (its_parent == parent.as_raw()).then_some(Kin { pid, session })
        })
        .collect()
}

/// Parent and session from `/proc/PID/stat`. The name in it may contain anything, so it is skipped from the right.
fn parse_stat(stat: &str) -> Option<(i32, i32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some((parent, session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_and_session_are_read_whatever_the_name() {
        for (stat, seen) in [
            ("12 (sh) S 7 12 11 0 -1 4194304", Some((7, 11))),
            ("12 (a) S 1 2 3) Z 7 12 11 0", Some((7, 11))),
            ("12 (no end", None),
            ("12 (sh) S 7", None),
            ("", None),
        ] {
            assert_eq!(parse_stat(stat), seen, "{stat}");
        }
    }

    #[test]
    fn only_children_of_another_runner_of_this_very_scope_are_strays() {
        for (pair, stray) in [
            ("SWITCHBACK_JOB=/s/7/0", true),
            ("SWITCHBACK_JOB=/s/8/0", false),
            ("SWITCHBACK_JOB=/s/below/7/0", false),
            ("SWITCHBACK_JOB=/t/7/0", false),
            ("SWITCHBACK_JOB=7/0", false),
            ("OTHER=/s/7/0", false),
        ] {
            assert_eq!(is_of_another_runner(pair.as_bytes(), "/s", 8), stray, "{pair}");
        }
    }

    #[test]
    fn a_process_finds_its_own_child() {
        let mut crew = super::super::Crew::new();
        crew.start(&super::super::crew::tests::sh("sleep 60"));
        let known = running().clone();
        let found = kindred(getpid());
        assert!(found.iter().any(|kin| known.contains(&kin.pid) && kin.session == kin.pid), "{found:?}");
    }
}
