//! Random interruption: somebody or something ends a run at any moment of it, and what comes after must hold.

use super::crew::{self, Share};
use super::random::Random;
use super::small::judge::{self, Recovery};
use super::small::plan::Variant;
use super::small::sweep::orphans;
use super::small::world::{Before, World};
use super::{Count, Wish, skipped::skipped, tracer, workers};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Runs for each commit, and on demand.
const RUNS: (usize, usize) = (500, 20_000);
/// Unharmed runs whose length is measured.
const MEASURED: usize = 9;

/// The layer.
pub(crate) fn layer(wish: &Wish) -> io::Result<Option<Count>> {
    if workers::alone().is_empty() {
        skipped("lab interrupts", "no namespace of processes may be made here");
        return Ok(None);
    }
    let runs = if wish.full { RUNS.1 } else { RUNS.0 };
    println!("interrupts: seed {}, {runs} runs planned", wish.seed);
    crew::deal("interrupts", wish, runs).map(Some)
}

/// Who or what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interruption {
    /// The runner and all that descends from it.
    Everybody,
    /// The runner alone.
    Runner,
    /// Something that the runner started.
    Child,
    /// The terminal is closed.
    HangUp,
    /// Ctrl-C.
    Interrupt,
    /// `kill`, as a service manager stops it.
    Terminate,
    /// Nobody.
    None,
}

const FORCED: [Interruption; 6] = [
    Interruption::Everybody,
    Interruption::Runner,
    Interruption::Child,
    Interruption::HangUp,
    Interruption::Interrupt,
    Interruption::Terminate,
];

/// The runs of one process.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn share(share: &mut Share) -> io::Result<()> {
    let world = World::build(&share.root, &share.program, Variant::Good, Before::Nothing, None)?;
    let usual = measured(&world)?;
    share.tell(&format!("a run takes {} ms", usual.as_millis()))?;
    for number in share.numbers() {
        let mut random = Random::new(share.seed, &format!("interrupt {number}"));
        let forced = random.below(100) < 85;
        let chosen = FORCED[random.below(FORCED.len())];
        let interruption = if forced { chosen } else { Interruption::None };
        let whole = usize::try_from(usual.as_micros() * 11 / 10).unwrap_or(1);
        let at = Duration::from_micros(random.below(whole) as u64);
        let recovery = if random.below(2) == 0 { Recovery::Resume } else { Recovery::Rollback };
        let mut complaints = Vec::new();
        let end = interrupted(&world, interruption, at, recovery, &mut random, &mut complaints)?;
        let head = format!("run {number}, {interruption:?} after {} us, then {recovery:?}", at.as_micros());
        let complaints = complaints.into_iter().map(|complaint| format!("{head}: {complaint}")).collect();
        share.done(&format!("{interruption:?}, then {recovery:?}: {end}"), complaints)?;
    }
    Ok(())
}

/// How long an unharmed run takes: the middle of some.
fn measured(world: &World) -> io::Result<Duration> {
    let mut took = Vec::new();
    for _ in 0..MEASURED {
        world.begin(Before::Nothing)?;
        let began = Instant::now();
        let ran = world.run(RUN)?;
        took.push(began.elapsed());
        if ran.status != Some(0) {
            return Err(io::Error::other(format!(
                "unharmed, it ended with {:?}:\n{}",
                ran.status, ran.output
            )));
        }
        crew::alive()?;
    }
    took.sort_unstable();
    Ok(took[MEASURED / 2])
}

const RUN: &[&str] = &["run", "PLAN", "--unattended", "--json"];

fn interrupted(
    world: &World,
    interruption: Interruption,
    at: Duration,
    recovery: Recovery,
    random: &mut Random,
    complaints: &mut Vec<String>,
) -> io::Result<String> {
    world.begin(Before::Nothing)?;
    let mut runner = Runner::start(world, interruption == Interruption::HangUp)?;
    runner.watch(at)?;
    let landed = runner.interrupt(interruption, random)?;
    let status = runner.ended()?;
    fs::write(world.output(), &runner.said)?;
    let wreck = judge::after_kill(world, complaints)?;
    if interruption == Interruption::None && status != Some(0) {
        complaints.push(format!("nobody interrupted it, and it ended with {status:?}"));
    }
    let killed = matches!(interruption, Interruption::Everybody | Interruption::Runner);
    // A signal that comes before anything began ends it as it ends every program.
    let early = wreck.journals.generations.is_empty() && status.is_none();
    if !killed && !early && !status.is_some_and(|status| [0, 10, 11, 12].contains(&status)) {
        complaints.push(format!("it ended with {status:?}"));
    }
    let under_way = !wreck.journals.generations.is_empty();
    let ran = world.run(recovery.words())?;
    if orphans()? > 0 {
        complaints.push("processes were alive after the recovery".to_owned());
    }
    let end = judge::after_recovery(world, &wreck, recovery, &ran, complaints)?;
    Ok(match (landed, under_way) {
        (false, _) => format!("{end} (it had ended, or had nobody to hit)"),
        (true, false) => "nothing had begun".to_owned(),
        (true, true) => end.to_owned(),
    })
}

/// A run that is under way.
struct Runner {
    child: Child,
    /// The terminal's other end, where it has a terminal; otherwise the pipe into which it prints.
    output: Option<File>,
    said: Vec<u8>,
}

impl Runner {
    #[expect(unsafe_code, reason = "a session with a terminal of its own is made between fork and exec")]
    fn start(world: &World, terminal: bool) -> io::Result<Self> {
        let mut command = tracer::command(&world.words(RUN), world.root())?;
        if !terminal {
            let (read, write) = io::pipe()?;
            command.stdout(write.try_clone()?).stderr(write);
            let child = command.process_group(0).spawn()?;
            let output = Some(File::from(std::os::fd::OwnedFd::from(read)));
            return Ok(Self { child, output, said: Vec::new() });
        }
        let pty = openpty(None, None)?;
        let slave = |file: &std::os::fd::OwnedFd| file.try_clone().map(Stdio::from);
        command.stdin(slave(&pty.slave)?).stdout(slave(&pty.slave)?).stderr(slave(&pty.slave)?);
        // SAFETY: two system calls that take no memory.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                if libc::ioctl(0, libc::TIOCSCTTY, 0) == -1 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn()?;
        drop(command);
        drop(pty.slave);
        Ok(Self { child, output: Some(File::from(pty.master)), said: Vec::new() })
    }

    fn pid(&self) -> io::Result<Pid> {
        i32::try_from(self.child.id()).map(Pid::from_raw).map_err(io::Error::other)
    }

    /// Reads what it prints until it is time, or until it prints no more.
    fn watch(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            // A poll counts in milliseconds; the last part of one is slept, for chance is what is wanted here.
            if left < Duration::from_millis(1) {
                std::thread::sleep(left);
                return Ok(());
            }
            if !self.read(PollTimeout::try_from(left).map_err(io::Error::other)?)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads some; false where there is nobody any more who could print.
    fn read(&mut self, patience: PollTimeout) -> io::Result<bool> {
        let Some(output) = &mut self.output else { return Ok(false) };
        let mut waiting = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waiting, patience) {
            Ok(0) | Err(Errno::EINTR) => return Ok(true),
            Ok(_) => {}
            Err(why) => return Err(why.into()),
        }
        let mut some = [0; 8192];
        match output.read(&mut some) {
            Ok(0) => Ok(false),
            Ok(read) => {
                self.said.extend(some[..read].iter().filter(|byte| **byte != b'\r'));
                Ok(true)
            }
            // A terminal whose other end nobody has any more.
            Err(why) if why.raw_os_error() == Some(libc::EIO) => Ok(false),
            Err(why) => Err(why),
        }
    }

    /// Says whether there was somebody to hit.
    fn interrupt(&mut self, interruption: Interruption, random: &mut Random) -> io::Result<bool> {
        let runner = self.pid()?;
        let signal = |pid, signal| match kill(pid, signal) {
            Ok(()) => Ok(true),
            Err(Errno::ESRCH) => Ok(false),
            Err(why) => Err(io::Error::from(why)),
        };
        match interruption {
            // In a namespace of its own this is everybody but ourselves.
            Interruption::Everybody => signal(Pid::from_raw(-1), Signal::SIGKILL),
            Interruption::Runner => signal(runner, Signal::SIGKILL),
            // The first one that there is from now on: they live for a millisecond or two.
            Interruption::Child => {
                while !gone(runner)? {
                    let children = others(runner)?;
                    match children.get(random.below(children.len())) {
                        Some(child) => return signal(*child, Signal::SIGKILL),
                        None => {
                            self.read(PollTimeout::ZERO)?;
                        }
                    }
                }
                Ok(false)
            }
            Interruption::HangUp => {
                self.output = None;
                Ok(true)
            }
            Interruption::Interrupt => signal(runner, Signal::SIGINT),
            Interruption::Terminate => signal(runner, Signal::SIGTERM),
            Interruption::None => Ok(true),
        }
    }

    /// Waits for its end, and reads what it says until then.
    fn ended(&mut self) -> io::Result<Option<i32>> {
        // The runner alone is waited for: what it started may live on, and hold the pipe.
        let pid = self.pid()?;
        loop {
            if self.output.is_some() && !gone(pid)? {
                self.read(PollTimeout::from(10_u8))?;
                continue;
            }
            let status = self.child.wait()?;
            while self.output.is_some() && self.pending()? {}
            return Ok(status.code());
        }
    }

    /// Reads what is there already; false where there is nothing.
    fn pending(&mut self) -> io::Result<bool> {
        let before = self.said.len();
        self.read(PollTimeout::ZERO)?;
        Ok(self.said.len() > before)
    }
}

/// Whether it has ended; it is not waited for.
fn gone(pid: Pid) -> io::Result<bool> {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::Pid(pid), flags) {
        Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => Ok(false),
        Ok(_) => Ok(true),
        Err(why) => Err(why.into()),
    }
}

/// Everything that is alive in this namespace but for us and the runner.
fn others(runner: Pid) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i32>() else { continue };
        if pid != 1 && pid != runner.as_raw() {
            found.push(Pid::from_raw(pid));
        }
    }
    found.sort_unstable();
    Ok(found)
}
