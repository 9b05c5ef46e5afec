//! Several runners at once: of eight that start exactly one runs, the others name it; whoever goes forward and whoever goes
//! back at the same time leave a machine that has a name. What meets a guard, or the end of a window, is in `meetings`.

use super::crew::Share;
use super::journal::Journals;
use super::random::Random;
use super::small::judge;
use super::small::plan::{self, Variant};
use super::small::sweep::orphans;
use super::small::world::{Before, World};
use super::{Count, Wish, crew, guest, skipped::skipped, tracer, workers};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use rustix::process::{PidfdFlags, pidfd_open};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Rounds of each kind for each commit and on demand.
const ROUNDS: [(&str, usize, usize); 4] =
    [("starts", 200, 5000), ("pair", 200, 5000), ("takeover", 80, 2000), ("word", 80, 2000)];
/// Starts at once.
pub(super) const STARTS: usize = 8;
/// Rounds in which a planted bug must be caught.
const TRIES: usize = 200;

/// A bug of the program, and what must be said of it.
struct Planted {
    name: &'static str,
    /// The rounds that must catch it.
    kind: &'static str,
    /// Calls that do nothing and say that they did.
    silent: &'static [i64],
    /// Words of the complaint; one of them is enough.
    blame: &'static [&'static str],
}

const PLANTED: [Planted; 2] = [
    Planted { name: "no-lock", kind: "starts", silent: &[libc::SYS_flock], blame: &["at once"] },
    Planted {
        name: "guard-without-lock",
        kind: "takeover",
        silent: &[libc::SYS_flock],
        blame: &["taken back twice", "does not follow in the chain"],
    },
];

/// The layer.
pub(crate) fn layer(wish: &Wish) -> io::Result<Option<Count>> {
    if workers::alone().is_empty() {
        skipped("lab races", "no namespace of processes may be made here");
        return Ok(None);
    }
    let planted: Vec<String> = PLANTED.iter().map(|planted| format!("planted {}", planted.name)).collect();
    let mut count = crew::deal_listed("races", wish, &planted)?;
    let rounds = ROUNDS.map(|(kind, few, many)| (kind, if wish.full { many } else { few }));
    let told = rounds.map(|(kind, rounds)| format!("{rounds} of {kind}")).join(", ");
    println!("races: seed {}, rounds: {told}", wish.seed);
    count.add(crew::deal_listed("races", wish, &mixed(&rounds))?);
    Ok(Some(count))
}

/// Of all kinds at all times, so that each process has some of each.
fn mixed(rounds: &[(&str, usize)]) -> Vec<String> {
    let cores = workers::workers();
    let longest = rounds.iter().map(|(_, rounds)| *rounds).max().unwrap_or(0);
    let mut listed = Vec::new();
    for nth in 0..longest {
        for (kind, rounds) in rounds {
            // As many as this kind is due by now.
            let due = |nth: usize| nth * rounds / longest;
            if nth % cores == 0 {
                let until = (nth + cores).min(longest);
                listed.extend((due(nth)..due(until)).map(|_| (*kind).to_owned()));
            }
        }
    }
    listed
}

pub(super) const RUN: &[&str] = &["run", "PLAN", "--unattended", "--json"];
pub(super) const RESUME: &[&str] = &["resume", "--unattended", "--json"];
pub(super) const ROLLBACK: &[&str] = &["rollback", "--yes", "--json"];
pub(super) const TO_START: &[&str] = &["rollback", "--to", "start", "--yes", "--json"];

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
        let kind = share.listed[number].clone();
        if let Some(bug) = kind.strip_prefix("planted ") {
            let caught = bench.catch(bug, &mut random)?;
            share.caught(bug, caught)?;
            continue;
        }
        let mut complaints = Vec::new();
        let end = bench.round(&kind, &mut random, &mut complaints)?;
        let complaints = complaints.into_iter().map(|wrong| format!("round {number}, {end}: {wrong}"));
        let complaints = complaints.collect();
        share.done(&end, complaints)?;
    }
    Ok(())
}

/// Stands before its exec until it is given a line.
const STAND: [&str; 3] = ["/bin/sh", "-c", "read go < \"$GATE\"; exec \"$0\" \"$@\""];

pub(super) struct Bench {
    pub(super) world: World,
    /// Whoever reads a byte from it may go on. Held open on both sides, so that nobody waits for somebody to open it.
    hold: File,
    /// Whoever comes to the step that holds writes a line there.
    there: File,
    /// The same as `hold` for those that stand before their exec.
    gate: File,
    /// Calls that do nothing: a planted bug.
    silent: Vec<i64>,
}

/// Something that was started together with others.
pub(super) struct Starter {
    pub(super) child: Child,
    /// To wait for its end among others.
    alive: OwnedFd,
    pub(super) output: PathBuf,
    pub(super) what: &'static str,
    pub(super) status: Option<i32>,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Somebody ended.
    Ended,
    /// Somebody came to the step that holds.
    There,
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
        let (hold, there, gate) = (open("hold")?, open("there")?, open("gate")?);
        let mut bench = Self { world, hold, there, gate, silent: Vec::new() };
        bench.keep("whole")?;
        bench.plan(Variant::Holding)?;
        bench.world.begin(Before::Nothing)?;
        bench.killed_in_a_step()?;
        bench.drained()?;
        bench.keep("half")?;
        Ok(bench)
    }

    /// One round. Says how it ended.
    fn round(&mut self, kind: &str, random: &mut Random, complaints: &mut Vec<String>) -> io::Result<String> {
        let end = match kind {
            "starts" => self.starts(random, complaints),
            "pair" => self.pair(random, complaints),
            "takeover" => self.takeover(random, complaints),
            "word" => self.word(random, complaints),
            _ => Err(io::Error::other(format!("no round {kind:?}"))),
        };
        self.drained()?;
        end
    }

    /// Goes round with a bug until it is caught.
    fn catch(&mut self, bug: &str, random: &mut Random) -> io::Result<Result<(usize, String), String>> {
        let planted = PLANTED.iter().find(|planted| planted.name == bug);
        let planted = planted.ok_or_else(|| io::Error::other(format!("no bug {bug}")))?;
        self.silent = planted.silent.to_vec();
        let mut seen = Vec::new();
        for nth in 1..=TRIES {
            crew::alive()?;
            let mut complaints = Vec::new();
            self.round(planted.kind, random, &mut complaints)?;
            let meant = |complaint: &&String| planted.blame.iter().any(|words| complaint.contains(words));
            if let Some(complaint) = complaints.iter().find(meant) {
                self.silent.clear();
                return Ok(Ok((nth, complaint.clone())));
            }
            seen.append(&mut complaints);
        }
        self.silent.clear();
        Ok(Err(format!("by {TRIES} rounds; looked for {:?} in {:?}", planted.blame, seen.first())))
    }

    fn keep(&self, name: &str) -> io::Result<()> {
        fs::create_dir(self.world.root.join(name))?;
        self.world.copy_from("", name)
    }

    pub(super) fn plan(&self, variant: Variant) -> io::Result<()> {
        plan::write_plan(&self.world.root.join("plan"), &self.world.machine(), variant)
    }

    pub(super) fn begin(&self, name: &str) -> io::Result<()> {
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
    #[expect(unsafe_code, reason = "calls are silenced between fork and exec")]
    pub(super) fn stand(&self, nth: usize, words: &[&'static str], guarded: bool) -> io::Result<Starter> {
        let command = if guarded { self.world.typed(words) } else { self.world.words(words) };
        let all: Vec<String> = STAND.iter().map(|word| (*word).to_owned()).chain(command).collect();
        let output = self.world.root.join(format!("output-{nth}"));
        let file = File::create(&output)?;
        let mut command = tracer::command(&all, self.world.root())?;
        command.env("GATE", self.world.root.join("gate")).stdout(file.try_clone()?).stderr(file);
        if !self.silent.is_empty() {
            let calls = self.silent.clone();
            // SAFETY: it makes one system call on memory that is made before, and this process has one thread.
            unsafe { command.pre_exec(move || guest::silence(&calls)) };
        }
        let child = command.process_group(0).spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("no process"))?;
        let alive = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Starter { child, alive, output, what: words[0], status: None })
    }

    /// Lets so many of those who stand go.
    pub(super) fn go(&mut self, many: usize) -> io::Result<()> {
        self.gate.write_all(&vec![b'\n'; many])
    }

    /// Waits until somebody ends, or comes to the step that holds.
    pub(super) fn next(&mut self, starters: &mut [Starter]) -> io::Result<News> {
        loop {
            let mut waiting = vec![PollFd::new(self.there.as_fd(), PollFlags::POLLIN)];
            let left: Vec<usize> =
                (0..starters.len()).filter(|nth| starters[*nth].status.is_none()).collect();
            waiting
                .extend(left.iter().map(|nth| PollFd::new(starters[*nth].alive.as_fd(), PollFlags::POLLIN)));
            match poll(&mut waiting, PollTimeout::NONE) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(why) => return Err(why.into()),
            }
            let ready: Vec<bool> = waiting.iter().map(|fd| fd.any() == Some(true)).collect();
            drop(waiting);
            if ready[0] {
                self.there.read_exact(&mut [0])?;
                return Ok(News::There);
            }
            if let Some(nth) = left.iter().zip(&ready[1..]).find(|(_, ready)| **ready).map(|(nth, _)| *nth) {
                let starter = &mut starters[nth];
                starter.status = Some(starter.child.wait()?.code().unwrap_or(-1));
                return Ok(News::Ended);
            }
        }
    }

    /// Waits until all have ended; whoever comes to the step that holds may go on, as those may who are there already.
    pub(super) fn finish(&mut self, starters: &mut [Starter], there: usize) -> io::Result<()> {
        self.hold.write_all(&vec![b'x'; there])?;
        while starters.iter().any(|one| one.status.is_none()) {
            if self.next(starters)? == News::There {
                self.hold.write_all(b"x")?;
            }
        }
        Ok(())
    }

    /// Eight starts: one runs until the seven others have ended.
    fn starts(&mut self, random: &mut Random, complaints: &mut Vec<String>) -> io::Result<String> {
        self.plan(Variant::Holding)?;
        let (fresh, looked_at, guarded) = (random.below(2) == 0, random.below(2) == 0, random.below(2) == 0);
        self.begin("pristine")?;
        if !fresh {
            // The folder and the lock are there already.
            self.world.run(&["rollback", "--yes"])?;
        }
        let mut starters: Vec<Starter> =
            (0..STARTS).map(|nth| self.stand(nth, RUN, guarded)).collect::<io::Result<_>>()?;
        if looked_at {
            starters.push(self.stand(STARTS, &["status", "--json"], false)?);
            starters.push(self.stand(STARTS + 1, &["status", "--json"], false)?);
        }
        let of = starters.len();
        self.go(of)?;
        let (mut ended, mut there) = (0, 0);
        while ended < of - 1 && there < 2 {
            match self.next(&mut starters)? {
                News::Ended => ended += 1,
                News::There => there += 1,
            }
        }
        if there > 1 {
            complaints.push(format!("{there} of {STARTS} that were started run at once"));
        }
        self.finish(&mut starters, there)?;
        let count =
            |status| starters.iter().filter(|one| one.what == "run" && one.status == Some(status)).count();
        let (won, held) = (count(0), count(15));
        if won != 1 || held != STARTS - 1 {
            let told: Vec<String> = starters.iter().map(Starter::told).collect::<io::Result<_>>()?;
            complaints.push(format!("{won} won and {held} were held up: {}", told.join("\n")));
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
        self.nobody_is_left(complaints)?;
        self.judged(&starters, complaints)?;
        self.nothing_half_written(complaints)?;
        let journals = Journals::read(&self.world.state());
        if won == 1 && journals.generations.len() != plan::PHASES.len() {
            complaints.push(format!("{} generations of one run", journals.generations.len()));
        }
        let before = if fresh { "nothing there" } else { "a state folder there" };
        let looked = if looked_at { ", two looking" } else { "" };
        let guards = if guarded { ", with guards" } else { "" };
        Ok(format!("{STARTS} starts{guards}, {before}{looked}: {won} ran, {held} were held up"))
    }

    /// Two that want different things of the same machine.
    fn pair(&mut self, random: &mut Random, complaints: &mut Vec<String>) -> io::Result<String> {
        self.plan(Variant::Good)?;
        let (one, other) = PAIRS[random.below(PAIRS.len())];
        let (before, guarded) = (["half", "whole"][random.below(2)], random.below(2) == 0);
        self.begin(before)?;
        let mut starters = vec![self.stand(0, one, guarded)?, self.stand(1, other, guarded)?];
        self.go(1)?;
        // Where they meet is left to chance; most of them meet in the first milliseconds.
        apart(random);
        self.go(1)?;
        self.finish(&mut starters, 0)?;
        for (starter, words) in starters.iter().zip([one, other]) {
            let done = starter.status.is_some_and(|status| [0, 10, 12, 15].contains(&status));
            // A run that comes first finds one that has not ended, and leaves it to who takes it up or back.
            let finds_open = before == "half" && words == RUN && starter.status == Some(11);
            if !done && !finds_open {
                complaints.push(starter.told()?);
            }
        }
        if starters.iter().all(|one| one.status == Some(15)) {
            complaints.push("both were held up".to_owned());
        }
        self.nobody_is_left(complaints)?;
        self.judged(&starters, complaints)?;
        self.nothing_half_written(complaints)?;
        let status = |nth: usize| starters[nth].status.map_or("none".to_owned(), |status| status.to_string());
        let guards = if guarded { ", with guards" } else { "" };
        Ok(format!("{before}: {} {}, {} {}{guards}", one[0], status(0), other[0], status(1)))
    }

    /// Takes back what nobody took.
    fn drained(&mut self) -> io::Result<()> {
        for pipe in [&mut self.hold, &mut self.there, &mut self.gate] {
            loop {
                let mut waiting = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
                if poll(&mut waiting, PollTimeout::ZERO)? == 0 {
                    break;
                }
                pipe.read_exact(&mut [0])?;
            }
        }
        Ok(())
    }

    /// All commands have ended: nobody is left but guards on their way home, and they arrive.
    fn nobody_is_left(&self, complaints: &mut Vec<String>) -> io::Result<()> {
        complaints.extend(crew::strangers()?.iter().map(|who| format!("alive afterwards: {who}")));
        orphans()?;
        Ok(())
    }

    pub(super) fn nothing_half_written(&self, complaints: &mut Vec<String>) -> io::Result<()> {
        judge::nothing_half_written(&self.world, complaints)
    }

    /// The machine has a name, the journals are whole, and what was printed is in them.
    pub(super) fn judged(&self, starters: &[Starter], complaints: &mut Vec<String>) -> io::Result<()> {
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
        super::small::claims::status_agrees(&self.world, &journals, complaints)
    }
}

impl Starter {
    pub(super) fn told(&self) -> io::Result<String> {
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

/// Lets a little time pass, as chance has it.
pub(super) fn apart(random: &mut Random) {
    let most = [0, 500, 3_000, 20_000, 60_000][random.below(5)];
    std::thread::sleep(Duration::from_micros(random.below(1 + most) as u64));
}
