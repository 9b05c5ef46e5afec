//! Runs a program under ptrace, counts the system calls that it and its descendants enter with one counter, and kills
//! at the one that was asked for.
//!
//! strace counts each name for itself and so ends a sweep early and green; this counts all of them together.

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whom the kill hits, and whose system calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The runner and all that descends from it.
    Everybody,
    /// The runner alone; what descends from it goes on, traced by nobody.
    RunnerOnly,
}

/// What a traced run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traced {
    /// System calls entered, by those whom the scope counts.
    pub(crate) entered: u64,
    /// Whether the kill was executed.
    pub(crate) killed: bool,
    /// The runner's exit status; absent where a signal ended it.
    pub(crate) status: Option<i32>,
    /// The number of the system call at which it was killed.
    pub(crate) call: Option<u64>,
}

/// Where a tracee stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    /// In a program.
    #[default]
    Outside,
    /// In a system call.
    Inside,
}

struct Tracer {
    runner: Pid,
    scope: Scope,
    kill_at: Option<u64>,
    tracees: BTreeMap<Pid, Standing>,
    seen: Traced,
}

/// Runs `words` with this fixed environment, standard output into a file, and kills at the `kill_at`-th system call.
///
/// # Errors
/// That the program could not be started or traced.
pub(crate) fn run(
    words: &[String],
    folder: &Path,
    output: &Path,
    scope: Scope,
    kill_at: Option<u64>,
) -> io::Result<Traced> {
    let mut command = command(words, folder)?;
    command.stdout(File::create(output)?).stderr(File::options().append(true).open(output)?);
    traceable(&mut command);
    let runner = Pid::from_raw(command.spawn()?.id().cast_signed());
    let mut tracer = Tracer {
        runner,
        scope,
        kill_at,
        tracees: BTreeMap::from([(runner, Standing::Outside)]),
        seen: Traced { entered: 0, killed: false, status: None, call: None },
    };
    tracer.begin()?;
    tracer.follow()?;
    Ok(tracer.seen)
}

/// A command whose environment, folder and input are the same each time.
///
/// # Errors
/// That `words` is empty.
#[expect(clippy::disallowed_methods, reason = "the harness starts the program under test")]
pub(crate) fn command(words: &[String], folder: &Path) -> io::Result<Command> {
    let (program, rest) = words.split_first().ok_or_else(|| io::Error::other("no program"))?;
    let mut command = Command::new(program);
    command
        .args(rest)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder)
        .env("LANG", "C.UTF-8")
        .env("TERM", "dumb")
        .stdin(Stdio::null());
    Ok(command)
}

#[expect(unsafe_code, reason = "the tracee must ask to be traced between fork and exec")]
fn traceable(command: &mut Command) {
    // SAFETY: one system call, which allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| ptrace::traceme().map_err(io::Error::from));
    }
}

impl Tracer {
    /// The runner stands at its exec.
    fn begin(&mut self) -> io::Result<()> {
        match waitpid(self.runner, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
            other => return Err(io::Error::other(format!("not at its exec: {other:?}"))),
        }
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_EXITKILL;
        ptrace::setoptions(self.runner, options)?;
        go_on(self.runner, None)
    }

    fn follow(&mut self) -> io::Result<()> {
        loop {
            match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(pid, status)) => self.gone(pid, Some(status)),
                Ok(WaitStatus::Signaled(pid, _, _)) => self.gone(pid, None),
                Ok(WaitStatus::PtraceSyscall(pid)) => {
                    if self.crossed(pid) {
                        return self.kill();
                    }
                    go_on(pid, None)?;
                }
                Ok(WaitStatus::PtraceEvent(pid, _, _)) => {
                    self.tracees.entry(pid).or_default();
                    go_on(pid, None)?;
                }
                // A new tracee begins with this stop, which may come before its parent tells of it.
                Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)) if !self.tracees.contains_key(&pid) => {
                    self.tracees.insert(pid, Standing::Outside);
                    go_on(pid, None)?;
                }
                Ok(WaitStatus::Stopped(pid, signal)) => go_on(pid, Some(signal))?,
                Ok(WaitStatus::Continued(_) | WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) => return Ok(()),
                Err(why) => return Err(why.into()),
            }
            if self.tracees.is_empty() {
                return Ok(());
            }
        }
    }

    fn gone(&mut self, pid: Pid, status: Option<i32>) {
        self.tracees.remove(&pid);
        if pid == self.runner {
            self.seen.status = status;
        }
    }

    /// Counts an entry; says whether it is the one to kill at.
    fn crossed(&mut self, pid: Pid) -> bool {
        let standing = self.tracees.entry(pid).or_default();
        *standing = match *standing {
            Standing::Inside => {
                *standing = Standing::Outside;
                return false;
            }
            Standing::Outside => Standing::Inside,
        };
        if self.scope == Scope::RunnerOnly && pid != self.runner {
            return false;
        }
        self.seen.entered += 1;
        if self.kill_at != Some(self.seen.entered) {
            return false;
        }
        // The call itself is not made: a tracee killed at the entry of a system call skips it.
        self.seen.call = ptrace::getregs(pid).ok().map(|registers| registers.orig_rax);
        true
    }

    fn kill(&mut self) -> io::Result<()> {
        self.seen.killed = true;
        match self.scope {
            Scope::Everybody => self.kill_everybody(),
            Scope::RunnerOnly => self.kill_runner(),
        }
    }

    fn kill_everybody(&mut self) -> io::Result<()> {
        for pid in self.tracees.keys() {
            ignore_gone(signal::kill(*pid, Signal::SIGKILL))?;
        }
        loop {
            match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(_, _) | WaitStatus::Signaled(_, _, _)) | Err(Errno::EINTR) => {}
                // Born while we killed: it dies as well.
                Ok(status) => {
                    if let Some(pid) = status.pid() {
                        ignore_gone(signal::kill(pid, Signal::SIGKILL))?;
                    }
                }
                Err(Errno::ECHILD) => return Ok(()),
                Err(why) => return Err(why.into()),
            }
        }
    }

    /// Kills the runner and lets go of the others, each at its next stop.
    fn kill_runner(&mut self) -> io::Result<()> {
        ignore_gone(signal::kill(self.runner, Signal::SIGKILL))?;
        for pid in self.tracees.keys().filter(|pid| **pid != self.runner) {
            ignore_gone(signal::kill(*pid, Signal::SIGSTOP))?;
        }
        while !self.tracees.is_empty() || self.newborn()? {
            match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(pid, status)) => self.gone(pid, Some(status)),
                Ok(WaitStatus::Signaled(pid, _, _)) => self.gone(pid, None),
                Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)) => {
                    ignore_gone(ptrace::detach(pid, None))?;
                    self.tracees.remove(&pid);
                }
                Ok(WaitStatus::PtraceSyscall(pid) | WaitStatus::PtraceEvent(pid, _, _)) => {
                    self.tracees.entry(pid).or_default();
                    go_on(pid, None)?;
                }
                Ok(WaitStatus::Stopped(pid, signal)) => go_on(pid, Some(signal))?,
                Ok(WaitStatus::Continued(_) | WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) => return Ok(()),
                Err(why) => return Err(why.into()),
            }
        }
        Ok(())
    }

    /// Whether a child was born in the moment in which its parent was killed: nobody told of it, and it stands still
    /// until it is let go.
    fn newborn(&mut self) -> io::Result<bool> {
        self.tracees.extend(traced_by_us()?.into_iter().map(|pid| (pid, Standing::Outside)));
        Ok(!self.tracees.is_empty())
    }
}

/// Every process that this one traces.
fn traced_by_us() -> io::Result<Vec<Pid>> {
    let mark = format!("TracerPid:\t{}\n", std::process::id());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        // One that has ended meanwhile has no status.
        if fs::read_to_string(entry.path().join("status")).is_ok_and(|status| status.contains(&mark)) {
            found.push(Pid::from_raw(pid));
        }
    }
    Ok(found)
}

/// To the next system call. A tracee that was killed meanwhile is no error: its end will be told.
fn go_on(pid: Pid, signal: Option<Signal>) -> io::Result<()> {
    ignore_gone(ptrace::syscall(pid, signal))
}

fn ignore_gone(done: nix::Result<()>) -> io::Result<()> {
    match done {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(why) => Err(why.into()),
    }
}
