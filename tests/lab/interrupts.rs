//! Random interruption: somebody or something ends a run at any moment of it, and what comes after must hold.
//!
//! Most runs have no guard, and a person recovers. The others have one: where the runner is killed, nobody but the guard
//! brings the machine back; where the guard is, the run goes on without it; where both are, a person comes.

use super::crew::{self, Share};
use super::journal::Journals;
use super::random::Random;
use super::small::bugs;
use super::small::judge::{self, Recovery};
use super::small::plan::{PHASES, Variant};
use super::small::sweep::orphans;
use super::small::world::{Before, World};
use super::{Count, Wish, skipped::skipped, tracer, tree, workers};
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

/// Runs without a guard for each commit, and on demand.
const RUNS: (usize, usize) = (500, 20_000);
/// Of so many runs one more has a guard.
const GUARDED: usize = 3;
/// They come in bundles, so that each process has some of them.
const BUNDLE: usize = 8;
/// In so many microseconds a guard is through with its way back.
const TAKEOVER: usize = 80_000;
/// Unharmed runs whose length is measured.
const MEASURED: usize = 9;

/// The layer.
pub(crate) fn layer(wish: &Wish) -> io::Result<Option<Count>> {
    if workers::alone().is_empty() {
        skipped("lab interrupts", "no namespace of processes may be made here");
        return Ok(None);
    }
    let mut count = planted(wish)?;
    let runs = if wish.full { RUNS.1 } else { RUNS.0 };
    let total = runs + runs / GUARDED;
    let listed: Vec<String> =
        (0..total).map(|nth| if guarded_run(nth) { "guarded" } else { "alone" }.to_owned()).collect();
    let guarded = (0..total).filter(|nth| guarded_run(*nth)).count();
    println!("interrupts: seed {}, {total} runs planned, {guarded} of them with a guard", wish.seed);
    count.add(crew::deal_listed("interrupts", wish, &listed)?);
    Ok(Some(count))
}

const fn guarded_run(nth: usize) -> bool {
    (nth / BUNDLE) % (GUARDED + 1) == GUARDED
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
    /// The watchdog behind the runner; the run goes on.
    Guard,
    /// The runner, and somebody of those who are left while the guard takes over.
    RunnerThenGuard,
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

/// With a guard, most interruptions are those that it is there for.
const WITH_A_GUARD: [Interruption; 16] = [
    Interruption::Runner,
    Interruption::Runner,
    Interruption::Runner,
    Interruption::Runner,
    Interruption::Runner,
    Interruption::Runner,
    Interruption::Runner,
    Interruption::RunnerThenGuard,
    Interruption::RunnerThenGuard,
    Interruption::Guard,
    Interruption::Guard,
    Interruption::Everybody,
    Interruption::Child,
    Interruption::HangUp,
    Interruption::Terminate,
    Interruption::None,
];

/// The runs of one process.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn share(share: &mut Share) -> io::Result<()> {
    let mut world = World::build(&share.root, &share.program, Variant::Good, Before::Nothing, None)?;
    let usual = measured(&world)?;
    let Usual { whole, guarded: speaking } = usual;
    share.tell(&format!(
        "a run takes {} ms; with a guard {} ms from its first word",
        whole.as_millis(),
        speaking.as_millis()
    ))?;
    for number in share.numbers() {
        let mut random = Random::new(share.seed, &format!("interrupt {number}"));
        let mut complaints = Vec::new();
        let words = share.listed[number].clone();
        if let Some(bug) = words.strip_prefix("planted ") {
            let caught = catch(&mut world, bug, usual, &mut random)?;
            share.caught(bug, caught)?;
            continue;
        }
        let run =
            if words == "guarded" { with_a_guard(speaking, &mut random) } else { alone(whole, &mut random) };
        let end = match run.guarded {
            true => guarded(&world, &world.typed(RUN), &run, &mut random, &mut complaints)?,
            false => interrupted(&world, &run, &mut random, &mut complaints)?,
        };
        let complaints =
            complaints.into_iter().map(|wrong| format!("run {number}, {run}: {end}: {wrong}")).collect();
        share.done(&format!("{}: {end}", run.kind()), complaints)?;
    }
    Ok(())
}

/// A guard that does nothing: whoever runs with it has none.
const IDLE_GUARD: &str = "guard-does-nothing";
/// Bugs of the model runner that must be caught where it is killed at any moment.
const PLANTED: [&str; 5] = ["in-flight-not-undone", "gives-up", "process-left", "mode-lost", "run-left-open"];
/// Within so many runs.
const TRIES: usize = 3000;

/// The planted bugs: a harness that misses one proves nothing.
fn planted(wish: &Wish) -> io::Result<Count> {
    let model = [std::env::current_exe()?.display().to_string(), "model".to_owned(), "none".to_owned()];
    let listed: Vec<String> = PLANTED.iter().map(|bug| format!("planted {bug}")).collect();
    let mut count = crew::deal_with("interrupts", wish, &listed, &model)?;
    count.add(crew::deal_listed("interrupts", wish, &[format!("planted {IDLE_GUARD}")])?);
    Ok(count)
}

/// Kills the runner with a bug until the bug is caught.
fn catch(
    world: &mut World,
    bug: &str,
    usual: Usual,
    random: &mut Random,
) -> io::Result<Result<(usize, String), String>> {
    let real = bug == IDLE_GUARD;
    let known = bugs::PLANTED.iter().find(|known| known.name == bug);
    let blame = match known {
        Some(known) => known.blame,
        None if real => "its guard decided nothing",
        None => return Err(io::Error::other(format!("no bug {bug}"))),
    };
    let program = world.program.clone();
    if let (Some(last), false) = (world.program.last_mut(), real) {
        bug.clone_into(last);
    }
    let mut seen = Vec::new();
    for nth in 1..=TRIES {
        crew::alive()?;
        let mut complaints = Vec::new();
        let time = if real { usual.guarded } else { usual.whole };
        let run = chosen_run(real, Interruption::Runner, time, random);
        if real {
            guarded(world, &world.words(RUN), &run, random, &mut complaints)?;
        } else {
            interrupted(world, &run, random, &mut complaints)?;
        }
        if let Some(complaint) = complaints.iter().find(|complaint| complaint.contains(blame)) {
            world.program = program;
            return Ok(Ok((nth, format!("{run}: {complaint}"))));
        }
        seen.append(&mut complaints);
    }
    world.program = program;
    Ok(Err(format!("by {TRIES} runs; looked for {blame:?} in {:?}", seen.first())))
}

/// One run, and what happens to it.
#[derive(Debug, Clone, Copy)]
struct Run {
    guarded: bool,
    interruption: Interruption,
    /// So long after its start, or with a guard after its first word.
    at: Duration,
    recovery: Recovery,
}

impl Run {
    fn kind(&self) -> String {
        let guarded = if self.guarded { "with a guard, " } else { "" };
        format!("{guarded}{:?}, then {:?}", self.interruption, self.recovery)
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let from = if self.guarded { " from its first word" } else { "" };
        write!(out, "{} after {} us{from}", self.kind(), self.at.as_micros())
    }
}

fn alone(usual: Duration, random: &mut Random) -> Run {
    let forced = random.below(100) < 85;
    let chosen = FORCED[random.below(FORCED.len())];
    let interruption = if forced { chosen } else { Interruption::None };
    chosen_run(false, interruption, usual, random)
}

fn with_a_guard(usual: Duration, random: &mut Random) -> Run {
    let interruption = WITH_A_GUARD[random.below(WITH_A_GUARD.len())];
    chosen_run(true, interruption, usual, random)
}

fn chosen_run(guarded: bool, interruption: Interruption, usual: Duration, random: &mut Random) -> Run {
    let whole = usize::try_from(usual.as_micros() * 11 / 10).unwrap_or(1);
    let at = Duration::from_micros(random.below(whole) as u64);
    let recovery = if random.below(2) == 0 { Recovery::Resume } else { Recovery::Rollback };
    Run { guarded, interruption, at, recovery }
}

/// How long unharmed runs take: the middle of some.
#[derive(Debug, Clone, Copy)]
struct Usual {
    /// From its start, without a guard.
    whole: Duration,
    /// With one, from its first word.
    guarded: Duration,
}

fn measured(world: &World) -> io::Result<Usual> {
    let (mut whole, mut guarded) = (Vec::new(), Vec::new());
    for nth in 0..2 * MEASURED {
        world.begin(Before::Nothing)?;
        let with_a_guard = nth % 2 == 1;
        let words = if with_a_guard { world.typed(RUN) } else { world.words(RUN) };
        let mut began = Instant::now();
        let mut runner = Runner::start(world, &words, false)?;
        if with_a_guard {
            runner.speaks()?;
            began = Instant::now();
        }
        let status = runner.ended()?;
        if with_a_guard { &mut guarded } else { &mut whole }.push(began.elapsed());
        orphans()?;
        if status != Some(0) {
            let said = String::from_utf8_lossy(&runner.said).into_owned();
            return Err(io::Error::other(format!("unharmed, it ended with {status:?}:\n{said}")));
        }
        crew::alive()?;
    }
    whole.sort_unstable();
    guarded.sort_unstable();
    Ok(Usual { whole: whole[MEASURED / 2], guarded: guarded[MEASURED / 2] })
}

const RUN: &[&str] = &["run", "PLAN", "--unattended", "--json"];

fn interrupted(
    world: &World,
    run: &Run,
    random: &mut Random,
    complaints: &mut Vec<String>,
) -> io::Result<String> {
    let Run { interruption, recovery, .. } = *run;
    world.begin(Before::Nothing)?;
    let mut runner = Runner::start(world, &world.words(RUN), interruption == Interruption::HangUp)?;
    runner.watch(run.at)?;
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
    if !orphans()?.is_empty() {
        complaints.push("processes were alive after the recovery".to_owned());
    }
    let end = judge::after_recovery(world, &wreck, recovery, &ran, complaints)?;
    Ok(match (landed, under_way) {
        (false, _) => format!("{end} (it had ended, or had nobody to hit)"),
        (true, false) => "nothing had begun".to_owned(),
        (true, true) => end.to_owned(),
    })
}

/// A run with a guard. Nobody but the guard recovers from the death of its runner; a person comes when all is quiet.
fn guarded(
    world: &World,
    words: &[String],
    run: &Run,
    random: &mut Random,
    complaints: &mut Vec<String>,
) -> io::Result<String> {
    let Run { interruption, recovery, .. } = *run;
    world.begin(Before::Nothing)?;
    let mut runner = Runner::start(world, words, interruption == Interruption::HangUp)?;
    runner.speaks()?;
    runner.watch(run.at)?;
    let landed = runner.interrupt(interruption, random)?;
    let status = runner.ended()?;
    let killed = matches!(
        interruption,
        Interruption::Everybody | Interruption::Runner | Interruption::RunnerThenGuard
    );
    let ended_itself = status.is_some();
    if ended_itself {
        complaints.extend(crew::strangers()?.iter().map(|who| format!("alive after the run: {who}")));
    }
    // All that the guard does is done when nobody is left.
    orphans()?;
    fs::write(world.output(), &runner.said)?;
    let wreck = judge::after_kill(world, complaints)?;
    let armed = wreck.journals.last("guard-armed").is_some();
    let early = wreck.journals.generations.is_empty() && status.is_none();
    let due: &[i32] = match interruption {
        Interruption::None => &[0],
        // One that is killed before it stands is missed: then nothing is begun.
        Interruption::Guard => &[0, 10, 12],
        _ => &[0, 10, 11, 12],
    };
    if !killed && !early && !status.is_some_and(|status| due.contains(&status)) {
        complaints.push(format!("it ended with {status:?}"));
    }
    let only_the_guard = interruption == Interruption::Runner && !ended_itself;
    let by_guard = if only_the_guard { taken_over(world, &wreck.journals, complaints)? } else { "" };
    let ran = world.run_whole(&world.typed(recovery.words()))?;
    complaints.extend(crew::strangers()?.iter().map(|who| format!("alive after the recovery: {who}")));
    orphans()?;
    let end = judge::after_recovery(world, &wreck, recovery, &ran, complaints)?;
    // A kill hits also who has ended by itself, and is not waited for yet.
    let landed = landed && !(killed && ended_itself);
    Ok(match (landed, armed) {
        (false, _) => format!("{end} (it had ended, or had nobody to hit)"),
        (true, false) => format!("no guard stood yet, {end}"),
        (true, true) => format!("{by_guard}{end}"),
    })
}

/// What must hold where only the guard was left: what had begun is decided, and the machine is what is decided.
fn taken_over(world: &World, journals: &Journals, complaints: &mut Vec<String>) -> io::Result<&'static str> {
    let facts = journals.generations.last_key_value().map_or(&[][..], |(_, facts)| facts);
    let has = |name: &str| facts.iter().any(|fact| fact.name == name);
    if has("guard-armed") && !has("phase-committed") && !has("phase-ended") {
        let last = facts.last().map_or("nothing", |fact| &fact.name);
        complaints
            .push(format!("the runner is gone, and its guard decided nothing: the last fact is {last}"));
    }
    // A runner that is killed when all is decided may leave the index of its runs half made, for the next command.
    let acted = has("revert-began") || has("run-paused");
    if has("phase-committed") && !has("phase-ended") {
        // It came behind the decision, and before the last word on it: the guard had been sent home.
        let before = PHASES.iter().filter(|phase| journals.end(phase) == Some("committed")).count();
        let wrong = tree::differences(&world.states[before + 1], &tree::read(&world.machine())?);
        complaints.extend((!wrong.is_empty()).then(|| {
            format!(
                "{} phases and one are committed, the machine says otherwise: {}",
                before,
                wrong.join("; ")
            )
        }));
    } else {
        judge::machine_is_named(world, journals, complaints)?;
    }
    if acted {
        judge::nothing_half_written(world, complaints)?;
    }
    Ok(match (has("revert-began"), has("run-paused"), has("run-finished")) {
        (true, _, true) => "taken back by the guard, ",
        (true, _, false) => "taken back, and not called finished, ",
        (false, true, _) => "left to a person by the guard, ",
        (false, false, true) => "finished, ",
        (false, false, false) => "nothing to guard any more, ",
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
    fn start(world: &World, words: &[String], terminal: bool) -> io::Result<Self> {
        let mut command = tracer::command(words, world.root())?;
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

    /// Waits for its first word.
    fn speaks(&mut self) -> io::Result<()> {
        while self.said.is_empty() && self.read(PollTimeout::NONE)? {}
        Ok(())
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
            Interruption::Guard => {
                while !gone(runner)? {
                    let guard = crew::alive_here()?.into_iter().find(|(_, words)| crew::is_guard(words));
                    match guard {
                        Some((guard, _)) => return signal(Pid::from_raw(guard), Signal::SIGKILL),
                        None => {
                            self.read(PollTimeout::ZERO)?;
                        }
                    }
                }
                Ok(false)
            }
            Interruption::RunnerThenGuard => {
                signal(runner, Signal::SIGKILL)?;
                // Where it strikes the guard on its way is left to chance.
                std::thread::sleep(Duration::from_micros(random.below(TAKEOVER) as u64));
                // Itself and no undo of its: an undo that a signal ended did fail, and is rightly named.
                let there = crew::alive_here()?.into_iter();
                let guards: Vec<_> = there.filter(|(_, words)| crew::is_guard(words)).collect();
                match guards.get(random.below(guards.len())) {
                    Some((guard, _)) => signal(Pid::from_raw(*guard), Signal::SIGKILL),
                    None => Ok(false),
                }
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
