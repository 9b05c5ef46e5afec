//! Kills at every point of a run, recovers each time, and judges. Workers are processes of their own: a tracer waits
//! for all its children, and a subreaper sees every orphan.

use super::judge::{self, Recovery};
use super::plan::Variant;
use super::tracer::{self, Scope};
use super::world::{Before, World};
use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// What is killed, where, and how one recovers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// Its name on the command line and in the closing table.
    pub(crate) name: &'static str,
    /// How the plan ends.
    pub(crate) variant: Variant,
    /// Who is killed.
    pub(crate) scope: Scope,
    /// What stands before.
    pub(crate) before: Before,
    /// The command that is killed.
    pub(crate) words: &'static [&'static str],
}

const RUN: &[&str] = &["run", "PLAN", "--unattended", "--json"];

/// All that is swept.
pub(crate) const SCENARIOS: [Scenario; 5] = [
    Scenario {
        name: "everybody",
        variant: Variant::Good,
        scope: Scope::Everybody,
        before: Before::Nothing,
        words: RUN,
    },
    Scenario {
        name: "everybody-failing",
        variant: Variant::Failing,
        scope: Scope::Everybody,
        before: Before::Nothing,
        words: RUN,
    },
    Scenario {
        name: "runner-only",
        variant: Variant::Good,
        scope: Scope::RunnerOnly,
        before: Before::Nothing,
        words: RUN,
    },
    Scenario {
        name: "runner-only-failing",
        variant: Variant::Failing,
        scope: Scope::RunnerOnly,
        before: Before::Nothing,
        words: RUN,
    },
    Scenario {
        name: "rollback",
        variant: Variant::Good,
        scope: Scope::Everybody,
        before: Before::WholePlan,
        words: &["rollback", "--to", "start", "--yes", "--json"],
    },
];

/// Which points one worker takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// The first.
    pub(crate) first: u64,
    /// From one to the next.
    pub(crate) stride: u64,
    /// The last.
    pub(crate) last: u64,
}

/// What a sweep came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Points that were to be killed at.
    pub(crate) planned: u64,
    /// Points that were killed at.
    pub(crate) executed: u64,
    /// Points behind the end of the run, which is not equally long each time.
    pub(crate) beyond: Vec<u64>,
    /// Recoveries by how they ended.
    pub(crate) ends: BTreeMap<String, u64>,
    /// What did not hold, with the point.
    pub(crate) complaints: Vec<String>,
}

/// A run that ends before its point is repeated: its length differs by a few calls from time to time.
const TRIES: u32 = 4;

/// Counts the system calls of one unharmed run.
///
/// # Errors
/// That it could not be traced.
pub(crate) fn count(world: &World, scenario: &Scenario) -> io::Result<u64> {
    world.begin(scenario.before)?;
    let words = world.words(scenario.words);
    Ok(tracer::run(&words, world.root(), &world.output(), scenario.scope, None)?.entered)
}

/// Kills at each point of a share and writes a line for each into `results`.
///
/// # Errors
/// That the machinery failed, and not the program under test.
pub(crate) fn work(world: &World, scenario: &Scenario, share: Share, results: &Path) -> io::Result<()> {
    nix::sys::prctl::set_child_subreaper(true)?;
    let mut lines = String::new();
    let mut point = share.first;
    while point <= share.last {
        let recovery = if point.is_multiple_of(2) { Recovery::Rollback } else { Recovery::Resume };
        let mut complaints = Vec::new();
        match kill_and_recover(world, scenario, point, recovery, &mut complaints)? {
            Some((end, call)) => {
                writeln!(lines, "killed\t{point}\t{recovery:?}: {end}").map_err(io::Error::other)?;
                for complaint in complaints {
                    let complaint = complaint.replace('\n', "\n\t\t");
                    let line = format!("point {point}, system call {call:?}, then {recovery:?}: {complaint}");
                    writeln!(lines, "wrong\t{point}\t{}", line.replace('\n', "\u{b6}"))
                        .map_err(io::Error::other)?;
                }
            }
            None => writeln!(lines, "beyond\t{point}\t").map_err(io::Error::other)?,
        }
        point += share.stride;
        // A sign of life: whoever waits for it can tell a long sweep from one that hangs.
        io::stdout().write_all(b".")?;
        io::stdout().flush()?;
    }
    fs::write(results, lines)
}

fn kill_and_recover(
    world: &World,
    scenario: &Scenario,
    point: u64,
    recovery: Recovery,
    complaints: &mut Vec<String>,
) -> io::Result<Option<(&'static str, Option<u64>)>> {
    for _ in 0..TRIES {
        world.begin(scenario.before)?;
        let words = world.words(scenario.words);
        let traced = tracer::run(&words, world.root(), &world.output(), scenario.scope, Some(point))?;
        if !traced.killed {
            continue;
        }
        let wreck = judge::after_kill(world, complaints)?;
        let ran = world.run(recovery.words())?;
        let left = orphans()?;
        if left > 0 {
            complaints.push(format!("{left} processes were alive after the recovery"));
        }
        let end = judge::after_recovery(world, &wreck, recovery, &ran, complaints)?;
        return Ok(Some((end, traced.call)));
    }
    Ok(None)
}

/// How many descendants live on. They are waited for, so that they do not disturb the next point.
fn orphans() -> io::Result<u32> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => break,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(0),
            Err(why) => return Err(why.into()),
        }
    }
    let mut alive = 0;
    loop {
        match waitpid(None, None) {
            Ok(_) => alive += 1,
            Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(alive),
            Err(why) => return Err(why.into()),
        }
    }
}

impl Tally {
    /// Adds what a worker wrote.
    pub(crate) fn add(&mut self, lines: &str) {
        for line in lines.lines() {
            let mut words = line.splitn(3, '\t');
            let (kind, point, text) = (words.next(), words.next(), words.next().unwrap_or_default());
            let point = point.and_then(|point| point.parse().ok()).unwrap_or(0);
            match kind {
                Some("killed") => {
                    self.executed += 1;
                    *self.ends.entry(text.to_owned()).or_default() += 1;
                }
                Some("wrong") => self.complaints.push(text.replace('\u{b6}', "\n")),
                Some("beyond") => self.beyond.push(point),
                Some(_) | None => self.complaints.push(format!("a worker wrote {line:?}")),
            }
        }
    }
}
