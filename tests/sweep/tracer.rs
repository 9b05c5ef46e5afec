//! Runs a program under ptrace, counts the system calls that it and its descendants enter with one counter, and kills
//! at the one that was asked for.
//!
//! strace counts each name for itself and so ends a sweep early and green; this counts all of them together. Where all
//! are killed, a seccomp filter stops them at the entry of each call and not at its end, which is half the work.

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Traced {
    /// System calls entered, by those whom the scope counts.
    pub(crate) entered: u64,
    /// Whether the kill was executed.
    pub(crate) killed: bool,
    /// The number of the system call at which it was killed.
    pub(crate) call: Option<u64>,
    /// How often each system call was entered; only where nobody is killed.
    pub(crate) calls: BTreeMap<u64, u64>,
}

/// The kernel's number of the stop that a filter asks for.
const SECCOMP_STOP: i32 = libc::PTRACE_EVENT_SECCOMP;

struct Tracer {
    runner: Pid,
    kill_at: Option<u64>,
    tracees: BTreeSet<Pid>,
    seen: Traced,
}

/// Runs `words` with a fixed environment, output into a file, and kills at the `kill_at`-th system call.
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
    let runner = Image::new(words, folder, output, scope)?.start()?;
    let mut tracer = Tracer { runner, kill_at, tracees: BTreeSet::from([runner]), seen: Traced::default() };
    match scope {
        Scope::Everybody => tracer.follow_everybody()?,
        Scope::RunnerOnly => tracer.follow_runner()?,
    }
    Ok(tracer.seen)
}

/// The environment of everything that is run: the same each time, and none whose language makes programs read tables.
fn environment(folder: &Path) -> [(&'static str, String); 5] {
    [
        ("PATH", "/usr/bin:/bin".to_owned()),
        ("HOME", folder.display().to_string()),
        ("LANG", "C".to_owned()),
        ("TERM", "dumb".to_owned()),
        ("LC_ALL", "C".to_owned()),
    ]
}

/// A command whose environment, folder and input are the same each time.
///
/// # Errors
/// That `words` is empty.
#[expect(clippy::disallowed_methods, reason = "the harness starts the program under test")]
pub(crate) fn command(words: &[String], folder: &Path) -> io::Result<Command> {
    let (program, rest) = words.split_first().ok_or_else(|| io::Error::other("no program"))?;
    let mut command = Command::new(program);
    command.args(rest).current_dir(folder).env_clear().envs(environment(folder)).stdin(Stdio::null());
    Ok(command)
}

/// A program that is about to be traced, with everything that it needs between fork and exec.
struct Image {
    folder: CString,
    words: Vec<CString>,
    pairs: Vec<CString>,
    input: File,
    output: File,
    scope: Scope,
}

impl Image {
    fn new(words: &[String], folder: &Path, output: &Path, scope: Scope) -> io::Result<Self> {
        let text = |word: String| CString::new(word).map_err(io::Error::other);
        let pairs = environment(folder).into_iter().map(|(name, value)| text(format!("{name}={value}")));
        Ok(Self {
            folder: text(folder.display().to_string())?,
            words: words.iter().cloned().map(text).collect::<io::Result<_>>()?,
            pairs: pairs.collect::<io::Result<_>>()?,
            input: File::open("/dev/null")?,
            output: File::create(output)?,
            scope,
        })
    }

    /// Starts it. It stops itself before it installs the filter, so that its tracer can say what shall stop it.
    #[expect(
        unsafe_code,
        reason = "a tracee must ask to be traced, and to be filtered, between fork and exec"
    )]
    fn start(&self) -> io::Result<Pid> {
        let addresses =
            |list: &[CString]| list.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect();
        let (argv, envp): (Vec<_>, Vec<_>) = (addresses(&self.words), addresses(&self.pairs));
        let mut filter = [libc::sock_filter {
            code: (libc::BPF_RET | libc::BPF_K) as u16,
            jt: 0,
            jf: 0,
            k: libc::SECCOMP_RET_TRACE,
        }];
        let filter = libc::sock_fprog { len: 1, filter: filter.as_mut_ptr() };
        // SAFETY: this process has one thread; the child makes system calls on memory made before the fork, and ends.
        unsafe {
            let child = match nix::unistd::fork()? {
                ForkResult::Parent { child } => return Ok(child),
                ForkResult::Child => Pid::this(),
            };
            libc::dup2(self.input.as_raw_fd(), 0);
            libc::dup2(self.output.as_raw_fd(), 1);
            libc::dup2(self.output.as_raw_fd(), 2);
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            let ready = libc::chdir(self.folder.as_ptr()) == 0 && ptrace::traceme().is_ok();
            if ready && libc::kill(child.as_raw(), libc::SIGSTOP) == 0 {
                let filtered = match self.scope {
                    Scope::RunnerOnly => 0,
                    Scope::Everybody => {
                        let filter = &raw const filter;
                        let set = || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, filter);
                        // Whoever is not root may filter only what gains no rights.
                        if set() == 0 {
                            0
                        } else {
                            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) + set()
                        }
                    }
                };
                if filtered == 0 {
                    libc::execve(self.words[0].as_ptr(), argv.as_ptr(), envp.as_ptr());
                }
            }
            libc::_exit(127)
        }
    }
}

impl Tracer {
    /// From its stop before the exec to the one within it.
    fn begin(&self, options: Options) -> io::Result<()> {
        match waitpid(self.runner, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
            other => return Err(io::Error::other(format!("not at its stop: {other:?}"))),
        }
        let always = Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL;
        ptrace::setoptions(self.runner, options | always)?;
        loop {
            ptrace::cont(self.runner, None)?;
            match waitpid(self.runner, Some(WaitPidFlag::__WALL))? {
                WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => return Ok(()),
                WaitStatus::PtraceEvent(_, _, SECCOMP_STOP) => {}
                other => return Err(io::Error::other(format!("not at its exec: {other:?}"))),
            }
        }
    }

    fn follow_everybody(&mut self) -> io::Result<()> {
        self.begin(
            Options::PTRACE_O_TRACESECCOMP
                | Options::PTRACE_O_TRACEFORK
                | Options::PTRACE_O_TRACEVFORK
                | Options::PTRACE_O_TRACECLONE,
        )?;
        ptrace::cont(self.runner, None)?;
        while !self.tracees.is_empty() {
            match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _)) => {
                    self.tracees.remove(&pid);
                }
                Ok(WaitStatus::PtraceEvent(pid, _, SECCOMP_STOP)) => {
                    if self.counted(pid) {
                        return self.kill_everybody();
                    }
                    go_on(pid, None)?;
                }
                Ok(WaitStatus::PtraceEvent(pid, _, _)) => {
                    self.tracees.insert(pid);
                    go_on(pid, None)?;
                }
                // A new tracee begins with this stop, which may come before its parent tells of it.
                Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)) if self.tracees.insert(pid) => {
                    go_on(pid, None)?
                }
                Ok(WaitStatus::Stopped(pid, signal)) => go_on(pid, Some(signal))?,
                Ok(WaitStatus::PtraceSyscall(_) | WaitStatus::Continued(_) | WaitStatus::StillAlive)
                | Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) => return Ok(()),
                Err(why) => return Err(why.into()),
            }
        }
        Ok(())
    }

    /// Follows the runner alone, from the entry of each call to its end: a filter would bind what it starts as well.
    fn follow_runner(&mut self) -> io::Result<()> {
        self.begin(Options::PTRACE_O_TRACESYSGOOD)?;
        let runner = self.runner;
        let onwards = |signal| ignore_gone(ptrace::syscall(runner, signal));
        onwards(None)?;
        // It stands within its exec.
        let mut inside = true;
        loop {
            match waitpid(runner, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(_, _) | WaitStatus::Signaled(_, _, _)) => return Ok(()),
                Ok(WaitStatus::PtraceSyscall(_)) => {
                    inside = !inside;
                    if inside && self.counted(runner) {
                        signal::kill(runner, Signal::SIGKILL)?;
                        self.seen.killed = true;
                        while waitpid(runner, Some(WaitPidFlag::__WALL)) == Err(Errno::EINTR) {}
                        return Ok(());
                    }
                    onwards(None)?;
                }
                Ok(WaitStatus::Stopped(_, signal)) => onwards(Some(signal))?,
                Ok(WaitStatus::PtraceEvent(_, _, _)) => onwards(None)?,
                Ok(WaitStatus::Continued(_) | WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                Err(why) => return Err(why.into()),
            }
        }
    }

    /// Counts an entry; says whether it is the one to kill at.
    fn counted(&mut self, pid: Pid) -> bool {
        self.seen.entered += 1;
        // The call itself is not made: a tracee killed at the entry of a system call skips it.
        let call = || ptrace::getregs(pid).ok().map(|registers| registers.orig_rax);
        match self.kill_at {
            None => {
                *self.seen.calls.entry(call().unwrap_or(u64::MAX)).or_default() += 1;
                false
            }
            Some(point) if point == self.seen.entered => {
                self.seen.call = call();
                true
            }
            Some(_) => false,
        }
    }

    fn kill_everybody(&mut self) -> io::Result<()> {
        self.seen.killed = true;
        for pid in &self.tracees {
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
}

/// To the next stop. A tracee that was killed meanwhile is no error: its end will be told.
fn go_on(pid: Pid, signal: Option<Signal>) -> io::Result<()> {
    ignore_gone(ptrace::cont(pid, signal))
}

fn ignore_gone(done: nix::Result<()>) -> io::Result<()> {
    match done {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(why) => Err(why.into()),
    }
}
