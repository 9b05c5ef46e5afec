//! Runs a program under ptrace, tells its processes and their system calls by name, and kills at the one that was asked
//! for.
//!
//! A process is named by who started it and as which of its children, so that it has the same name in each run. Where
//! all are killed, a seccomp filter stops them at the entry of each call and not at its end, and where the call to kill
//! at is known, at no other one.

use super::points::{Point, RUNNER};
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
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whom the kill hits, and whose system calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The runner and all that descends from it.
    Everybody,
    /// The runner alone; what descends from it goes on, traced by nobody.
    RunnerOnly,
}

/// Where a run that is to be killed is stopped on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stops {
    /// At the calls of the point's name.
    Named,
    /// At every call, as where runs are counted: that is slower, and some waits are woken more often.
    All,
}

/// What is done at the call that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Whoever is in scope is killed; the call is not made.
    Kill,
    /// The call is not made and says that it failed so. Only calls of the program under test are met, not those of other
    /// programs that it starts.
    Fail {
        /// The error's number.
        errno: i32,
        /// All later calls of that name fail as well, whoever of the program makes them.
        onwards: bool,
    },
}

/// What a traced run came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Traced {
    /// Whether the kill was executed, or the call failed.
    pub(crate) killed: bool,
    /// How many calls failed.
    pub(crate) failed: u32,
    /// The runner's exit status; absent where a signal ended it.
    pub(crate) status: Option<i32>,
    /// The system calls entered by those whom the scope counts, in their order; only where nobody is to be killed.
    pub(crate) made: Vec<Point>,
}

/// The kernel's number of the stop that a filter asks for.
const SECCOMP_STOP: i32 = libc::PTRACE_EVENT_SECCOMP;

/// So many failures of one call are as good as endless.
pub(crate) const ENOUGH: u32 = 5000;

struct Tracer {
    runner: Pid,
    kill_at: Option<Point>,
    act: Act,
    /// The program under test, where calls of others do not count.
    only: Option<PathBuf>,
    tracees: BTreeMap<Pid, Process>,
    /// Of the stop at its birth and of its parent's word, only one has come.
    newborn: BTreeSet<Pid>,
    seen: Traced,
}

/// A process that is traced.
struct Process {
    name: String,
    /// Whether its calls matter: all do where runs are counted, otherwise those of the process to kill at.
    counted: bool,
    /// How many it started.
    children: u64,
    /// The calls that it entered, by number.
    made: BTreeMap<u64, u64>,
}

/// Runs `words` with a fixed environment, output into a file, and kills at the system call `kill_at`.
///
/// # Errors
/// That the program could not be started or traced.
pub(crate) fn run(
    words: &[String],
    folder: &Path,
    output: &Path,
    scope: Scope,
    kill_at: Option<&Point>,
    stops: Stops,
) -> io::Result<Traced> {
    run_and(words, folder, output, scope, kill_at, stops, (Act::Kill, None))
}

/// Runs `words` and lets the system call `fail_at` fail; without one, says which calls the program itself makes.
///
/// # Errors
/// That the program could not be started or traced.
pub(crate) fn fail(
    words: &[String],
    folder: &Path,
    output: &Path,
    fail_at: Option<(&Point, i32, bool)>,
) -> io::Result<Traced> {
    let program = words.first().map(|word| Path::new(word).canonicalize()).transpose()?;
    let (point, act) = match fail_at {
        Some((point, errno, onwards)) => (Some(point), Act::Fail { errno, onwards }),
        None => (None, Act::Kill),
    };
    let stops = if point.is_some() { Stops::Named } else { Stops::All };
    run_and(words, folder, output, Scope::Everybody, point, stops, (act, program))
}

fn run_and(
    words: &[String],
    folder: &Path,
    output: &Path,
    scope: Scope,
    kill_at: Option<&Point>,
    stops: Stops,
    (act, program): (Act, Option<PathBuf>),
) -> io::Result<Traced> {
    let only = kill_at.filter(|_| stops == Stops::Named).map(|point| point.call);
    let runner = Image::new(words, folder, output, scope, only)?.start()?;
    let mut tracer = Tracer {
        runner,
        kill_at: kill_at.cloned(),
        act,
        only: program,
        tracees: BTreeMap::new(),
        newborn: BTreeSet::new(),
        seen: Traced::default(),
    };
    tracer.named(runner, RUNNER.to_owned());
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
    /// The only call at which it is stopped; at each where there is none.
    only: Option<u32>,
}

impl Image {
    fn new(
        words: &[String],
        folder: &Path,
        output: &Path,
        scope: Scope,
        only: Option<u64>,
    ) -> io::Result<Self> {
        let text = |word: String| CString::new(word).map_err(io::Error::other);
        let pairs = environment(folder).into_iter().map(|(name, value)| text(format!("{name}={value}")));
        Ok(Self {
            folder: text(folder.display().to_string())?,
            words: words.iter().cloned().map(text).collect::<io::Result<_>>()?,
            pairs: pairs.collect::<io::Result<_>>()?,
            input: File::open("/dev/null")?,
            output: File::create(output)?,
            scope,
            only: only.map(u32::try_from).transpose().map_err(io::Error::other)?,
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
        let mut filter = filter(self.only);
        let filter = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
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

/// Asks for a stop at the entry of one call, by its number, or of each.
fn filter(only: Option<u32>) -> Vec<libc::sock_filter> {
    let (load, compare, answer) = (
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
        libc::BPF_RET | libc::BPF_K,
    );
    let line = |code: u32, jf, k| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    match only {
        None => vec![line(answer, 0, libc::SECCOMP_RET_TRACE)],
        // The number of the call is the first thing that a filter is shown.
        Some(call) => vec![
            line(load, 0, 0),
            line(compare, 1, call),
            line(answer, 0, libc::SECCOMP_RET_TRACE),
            line(answer, 0, libc::SECCOMP_RET_ALLOW),
        ],
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
        while !(self.tracees.is_empty() && self.newborn.is_empty()) {
            match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Ok(ended @ (WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _))) => {
                    self.ended(ended);
                    self.tracees.remove(&pid);
                    self.newborn.remove(&pid);
                }
                Ok(WaitStatus::PtraceEvent(pid, _, SECCOMP_STOP)) => {
                    if self.is_the_one(pid) {
                        match self.act {
                            Act::Kill => return self.kill_everybody(),
                            // Whoever tries again for ever would do so for ever.
                            Act::Fail { .. } if self.seen.failed >= ENOUGH => return self.kill_everybody(),
                            Act::Fail { errno, .. } => self.let_fail(pid, errno)?,
                        }
                    }
                    go_on(pid, None)?;
                }
                Ok(WaitStatus::PtraceEvent(pid, _, libc::PTRACE_EVENT_EXEC)) => {
                    self.became_a_program(pid);
                    go_on(pid, None)?;
                }
                Ok(WaitStatus::PtraceEvent(
                    pid,
                    _,
                    libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE,
                )) => {
                    self.started(pid)?;
                    go_on(pid, None)?;
                }
                Ok(WaitStatus::PtraceEvent(pid, _, _)) => go_on(pid, None)?,
                // A new tracee begins with this stop, which may come before its parent tells of it.
                Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)) if !self.tracees.contains_key(&pid) => {
                    self.newborn.insert(pid);
                }
                Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)) if self.newborn.remove(&pid) => {
                    go_on(pid, None)?;
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

    /// A process tells that it started another one, which may stand at its first stop already.
    fn started(&mut self, parent: Pid) -> io::Result<()> {
        let Some(process) = self.tracees.get_mut(&parent) else {
            return Err(io::Error::other("a process that nobody named starts another one"));
        };
        process.children += 1;
        let name = format!("{}.{}", process.name, process.children);
        // It was killed meanwhile: then nothing comes of its child either.
        let Ok(child) = ptrace::getevent(parent) else { return Ok(()) };
        let child = Pid::from_raw(i32::try_from(child).map_err(io::Error::other)?);
        self.named(child, name);
        if self.newborn.remove(&child) {
            go_on(child, None)?;
        } else {
            self.newborn.insert(child);
        }
        Ok(())
    }

    fn named(&mut self, pid: Pid, name: String) {
        let everybody = matches!(self.act, Act::Fail { onwards: true, .. });
        let counted = everybody || self.kill_at.as_ref().is_none_or(|point| point.process == name);
        self.tracees.insert(pid, Process { name, counted, children: 0, made: BTreeMap::new() });
    }

    fn ended(&mut self, how: WaitStatus) {
        if let WaitStatus::Exited(pid, status) = how
            && pid == self.runner
        {
            self.seen.status = Some(status);
        }
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
                Ok(ended @ (WaitStatus::Exited(_, _) | WaitStatus::Signaled(_, _, _))) => {
                    self.ended(ended);
                    return Ok(());
                }
                Ok(WaitStatus::PtraceSyscall(_)) => {
                    inside = !inside;
                    if inside && self.is_the_one(runner) {
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

    /// Counts an entry; says whether it is the one to kill at. The call itself is not made then: a tracee killed at the
    /// entry of a system call skips it.
    fn is_the_one(&mut self, pid: Pid) -> bool {
        let Some(process) = self.tracees.get_mut(&pid).filter(|process| process.counted) else {
            return false;
        };
        // It was killed meanwhile, and enters nothing any more.
        let Ok(registers) = ptrace::getregs(pid) else { return false };
        let nth = process.made.entry(registers.orig_rax).or_default();
        *nth += 1;
        match &self.kill_at {
            None => {
                let process = process.name.clone();
                self.seen.made.push(Point { process, call: registers.orig_rax, nth: *nth });
                false
            }
            Some(point) if point.call != registers.orig_rax => false,
            Some(_) if self.seen.killed => matches!(self.act, Act::Fail { onwards: true, .. }),
            Some(point) => point.nth == *nth && point.process == process.name,
        }
    }

    /// Another program than the one under test is left alone from here on.
    fn became_a_program(&mut self, pid: Pid) {
        let Some(only) = &self.only else { return };
        let ours = std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == *only);
        if let (false, Some(process)) = (ours, self.tracees.get_mut(&pid)) {
            process.counted = false;
        }
    }

    /// The call at whose entry it stands is not made, and fails. With no error it is not made either, and says that it
    /// was: so goes on who passes over an error.
    fn let_fail(&mut self, pid: Pid, errno: i32) -> io::Result<()> {
        let Ok(mut registers) = ptrace::getregs(pid) else { return Ok(()) };
        let all_of_it = if registers.orig_rax == libc::SYS_write.unsigned_abs() { registers.rdx } else { 0 };
        registers.orig_rax = u64::MAX;
        registers.rax = if errno == 0 { all_of_it } else { i64::from(-errno).cast_unsigned() };
        self.seen.killed = true;
        self.seen.failed += 1;
        ignore_gone(ptrace::setregs(pid, registers))
    }

    fn kill_everybody(&mut self) -> io::Result<()> {
        self.seen.killed = true;
        for pid in self.tracees.keys().chain(&self.newborn) {
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
