//! Several runners at once: of eight that start exactly one runs, the others name it; whoever goes forward and whoever goes
//! back at the same time leave a machine that has a name.

use super::crew::Share;
use super::journal::Journals;
use super::random::Random;
use super::small::judge;
use super::small::plan::{self, Variant};
use super::small::sweep::orphans;
use super::small::world::{Before, World};
use super::{Count, Wish, crew, skipped::skipped, tracer, workers};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, mkfifo};
use nix::{errno::Errno, sys::stat::Mode};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Rounds of eight starts, and of two runners against each other, for each commit and on demand.
const ROUNDS: (usize, usize) = (200, 5000);
/// Starts at once.
const STARTS: usize = 8;

/// The layer.
pub(crate) fn layer(wish: &Wish) -> io::Result<Option<Count>> {
    if workers::alone().is_empty() {
        skipped("lab races", "no namespace of processes may be made here");
        return Ok(None);
    }
    let rounds = if wish.full { ROUNDS.1 } else { ROUNDS.0 };
    println!(
        "races: seed {}, {rounds} rounds of {STARTS} starts, {rounds} of two against each other",
        wish.seed
    );
    crew::deal("races", wish, 2 * rounds).map(Some)
}

const RUN: &[&str] = &["run", "PLAN", "--unattended", "--json"];
const RESUME: &[&str] = &["resume", "--unattended", "--json"];
const ROLLBACK: &[&str] = &["rollback", "--yes", "--json"];
const TO_START: &[&str] = &["rollback", "--to", "start", "--yes", "--json"];

/// Two against each other.
const PAIRS: [(&[&str], &[&str]); 7] = [
    (RUN, ROLLBACK),
    (RESUME, ROLLBACK),
    (RESUME, RESUME),
    (ROLLBACK, ROLLBACK),
    (RUN, RESUME),
    (TO_START, RESUME),
    (RUN, TO_START),
];

/// The rounds of one process.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn share(share: &mut Share) -> io::Result<()> {
    let mut bench = Bench::build(share)?;
    for number in share.numbers() {
        let mut random = Random::new(share.seed, &format!("race {number}"));
        let mut complaints = Vec::new();
        // Half of them each, dealt to every process alike.
        let end = if (number / share.of).is_multiple_of(2) {
            bench.starts(&mut random, &mut complaints)?
        } else {
            bench.pair(&mut random, &mut complaints)?
        };
        let complaints = complaints.into_iter().map(|wrong| format!("round {number}, {end}: {wrong}"));
        let complaints = complaints.collect();
        share.done(&end, complaints)?;
    }
    Ok(())
}

/// Stands before its exec until it is given a line.
const STAND: [&str; 3] = ["/bin/sh", "-c", "read go < \"$GATE\"; exec \"$0\" \"$@\""];

struct Bench {
    world: World,
    /// Whoever reads a byte from it may go on. Held open on both sides, so that nobody waits for somebody to open it.
    hold: File,
    /// The same for those that stand before their exec.
    gate: File,
}

/// Something that was started together with others.
struct Starter {
    child: Child,
    output: PathBuf,
    what: &'static str,
    status: Option<i32>,
}

impl Bench {
    /// A machine on which nothing was run, one that went through the plan, and one whose runner was killed in a step.
    fn build(share: &Share) -> io::Result<Self> {
        let world = World::build(&share.root, &share.program, Variant::Good, Before::Nothing, None)?;
        let open = |name: &str| {
            let path = share.root.join(name);
            mkfifo(&path, Mode::S_IRWXU)?;
            File::options().read(true).write(true).open(&path)
        };
        let bench = Self { world, hold: open("hold")?, gate: open("gate")? };
        bench.keep("whole")?;
        bench.plan(Variant::Holding)?;
        bench.world.begin(Before::Nothing)?;
        bench.killed_in_a_step()?;
        bench.keep("half")?;
        Ok(bench)
    }

    fn keep(&self, name: &str) -> io::Result<()> {
        fs::create_dir(self.world.root.join(name))?;
        self.world.copy_from("", name)
    }

    fn plan(&self, variant: Variant) -> io::Result<()> {
        plan::write_plan(&self.world.root.join("plan"), &self.world.machine(), variant)
    }

    fn begin(&self, name: &str) -> io::Result<()> {
        for folder in [self.world.machine(), self.world.state()] {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        self.world.copy_from(name, "")
    }

    /// Runs until the step that holds has begun, and kills everybody.
    fn killed_in_a_step(&self) -> io::Result<()> {
        let mut command = tracer::command(&self.world.words(RUN), self.world.root())?;
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line.contains("step-started") && line.contains("\"hold\"") {
                kill(Pid::from_raw(-1), Signal::SIGKILL)?;
                child.wait()?;
                orphans()?;
                return Ok(());
            }
        }
        Err(io::Error::other("the step that holds was never begun"))
    }

    /// Starts one that stands before its exec.
    fn stand(&self, nth: usize, words: &[&'static str]) -> io::Result<Starter> {
        let all: Vec<String> =
            STAND.iter().map(|word| (*word).to_owned()).chain(self.world.words(words)).collect();
        let output = self.world.root.join(format!("output-{nth}"));
        let file = File::create(&output)?;
        let mut command = tracer::command(&all, self.world.root())?;
        command.env("GATE", self.world.root.join("gate")).stdout(file.try_clone()?).stderr(file);
        Ok(Starter { child: command.process_group(0).spawn()?, output, what: words[0], status: None })
    }

    /// Eight starts: one runs until the seven others have ended.
    fn starts(&mut self, random: &mut Random, complaints: &mut Vec<String>) -> io::Result<String> {
        self.plan(Variant::Holding)?;
        let (fresh, looked_at) = (random.below(2) == 0, random.below(2) == 0);
        self.begin("pristine")?;
        if !fresh {
            // The folder and the lock are there already.
            self.world.run(&["rollback", "--yes"])?;
        }
        let mut starters: Vec<Starter> =
            (0..STARTS).map(|nth| self.stand(nth, RUN)).collect::<io::Result<_>>()?;
        if looked_at {
            starters.push(self.stand(STARTS, &["status", "--json"])?);
            starters.push(self.stand(STARTS + 1, &["status", "--json"])?);
        }
        self.gate.write_all(&vec![b'\n'; starters.len()])?;
        let of = starters.len();
        wait_until(&mut starters, of - 1)?;
        self.hold.write_all(b"x")?;
        wait_until(&mut starters, of)?;
        let count =
            |status| starters.iter().filter(|one| one.what == "run" && one.status == Some(status)).count();
        let (won, held) = (count(0), count(15));
        if won != 1 || held != STARTS - 1 {
            let told: Vec<String> = starters.iter().map(Starter::told).collect::<io::Result<_>>()?;
            complaints.push(format!("{won} won and {held} were held up: {}", told.join("\n")));
            // A byte that nobody took would let a later step pass.
            self.begin("pristine")?;
        }
        if let Some(winner) = starters.iter().find(|one| one.status == Some(0) && one.what == "run") {
            let name = format!("process {}", winner.child.id());
            for loser in starters.iter().filter(|one| one.status == Some(15)) {
                let said = fs::read_to_string(&loser.output)?;
                if !said.contains(&name) {
                    complaints.push(format!("held up by {name}, one says: {said}"));
                }
            }
        }
        self.judged(&starters, complaints)?;
        let journals = Journals::read(&self.world.state());
        if won == 1 && journals.generations.len() != plan::PHASES.len() {
            complaints.push(format!("{} generations of one run", journals.generations.len()));
        }
        let before = if fresh { "nothing there" } else { "a state folder there" };
        let looked = if looked_at { ", two looking" } else { "" };
        Ok(format!("{STARTS} starts, {before}{looked}: {won} ran, {held} were held up"))
    }

    /// Two that want different things of the same machine.
    fn pair(&mut self, random: &mut Random, complaints: &mut Vec<String>) -> io::Result<String> {
        self.plan(Variant::Good)?;
        let (one, other) = PAIRS[random.below(PAIRS.len())];
        let before = ["half", "whole"][random.below(2)];
        self.begin(before)?;
        let mut starters = vec![self.stand(0, one)?, self.stand(1, other)?];
        self.gate.write_all(b"\n")?;
        // Where they meet is left to chance; most of them meet in the first milliseconds.
        let apart = [0, 500, 3_000, 20_000, 60_000][random.below(5)];
        std::thread::sleep(Duration::from_micros(random.below(1 + apart) as u64));
        self.gate.write_all(b"\n")?;
        // The step that holds is in the plan of the machine whose runner was killed: nobody is to wait for a byte.
        self.hold.write_all(b"x")?;
        wait_until(&mut starters, 2)?;
        self.drained()?;
        for starter in &starters {
            if !starter.status.is_some_and(|status| [0, 10, 12, 15].contains(&status)) {
                complaints.push(starter.told()?);
            }
        }
        if starters.iter().all(|one| one.status == Some(15)) {
            complaints.push("both were held up".to_owned());
        }
        self.judged(&starters, complaints)?;
        let status = |nth: usize| starters[nth].status.map_or("none".to_owned(), |status| status.to_string());
        Ok(format!("{before}: {} {}, {} {}", one[0], status(0), other[0], status(1)))
    }

    /// Takes back the byte that nobody took.
    fn drained(&mut self) -> io::Result<()> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::io::Read as _;
        use std::os::fd::AsFd as _;
        loop {
            let mut waiting = [PollFd::new(self.hold.as_fd(), PollFlags::POLLIN)];
            if poll(&mut waiting, PollTimeout::ZERO)? == 0 {
                return Ok(());
            }
            self.hold.read_exact(&mut [0])?;
        }
    }

    /// The machine has a name, the journals are whole, what was printed is in them, and nobody is left.
    fn judged(&self, starters: &[Starter], complaints: &mut Vec<String>) -> io::Result<()> {
        let left = orphans()?;
        if left > 0 {
            complaints.push(format!("{left} processes were alive afterwards"));
        }
        let journals = Journals::read(&self.world.state());
        complaints.extend(journals.faults.iter().cloned());
        for starter in starters {
            let said = fs::read_to_string(&starter.output)?;
            judge::acknowledged_is_recorded(&said, &journals, complaints);
        }
        for (number, facts) in &journals.generations {
            judge::order_of_facts(*number, facts, complaints);
        }
        if journals.last("run-finished").is_none() {
            complaints.push("the run is left open".to_owned());
        }
        judge::machine_is_named(&self.world, &journals, complaints)?;
        judge::nothing_half_written(&self.world, complaints)?;
        super::small::claims::status_agrees(&self.world, &journals, complaints)
    }
}

impl Starter {
    fn told(&self) -> io::Result<String> {
        let said = fs::read_to_string(&self.output)?;
        let from = said.char_indices().rev().nth(400).map_or(0, |(at, _)| at);
        Ok(format!(
            "{} (process {}) ended with {:?}: {}",
            self.what,
            self.child.id(),
            self.status,
            &said[from..]
        ))
    }
}

/// Waits until so many of them have ended.
fn wait_until(starters: &mut [Starter], wanted: usize) -> io::Result<()> {
    let mut ended = starters.iter().filter(|one| one.status.is_some()).count();
    while ended < wanted {
        let pid = match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _)) => pid,
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(why) => return Err(why.into()),
        };
        let known = starters.iter_mut().find(|one| i64::from(one.child.id()) == i64::from(pid.as_raw()));
        match known {
            Some(starter) => {
                starter.status = Some(starter.child.wait()?.code().unwrap_or(-1));
                ended += 1;
            }
            // An orphan: it is nobody's.
            None => {
                nix::sys::wait::waitpid(pid, None)?;
            }
        }
    }
    Ok(())
}
