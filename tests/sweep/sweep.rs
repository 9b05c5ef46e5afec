//! Kills at every point of a run, recovers each time, and judges. Workers are processes of their own: a tracer waits
//! for all its children, and a subreaper sees every orphan.

use super::judge::{self, Recovery};
use super::plan::Variant;
use super::tracer::{self, Scope, Traced};
use super::world::{Before, World};
use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::collections::BTreeMap;
use std::fs::File;
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
const RESUME: &[&str] = &["resume", "--unattended", "--json"];

/// The runner was killed when the steps of the second phase were done and not yet judged: a resumed run goes on.
const HALF: Before = Before::Killed { phase: "steps", fact: "step-finished", step: 1 };
/// The runner was killed in a step that is not repeatable: a resumed run goes back.
const LOST: Before = Before::Killed { phase: "settings", fact: "step-started", step: 1 };

/// All that is swept.
pub(crate) const SCENARIOS: [Scenario; 9] = [
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
        name: "in-words",
        variant: Variant::Good,
        scope: Scope::Everybody,
        before: Before::Nothing,
        words: &["run", "PLAN", "--unattended"],
    },
    Scenario {
        name: "rollback",
        variant: Variant::Good,
        scope: Scope::Everybody,
        before: Before::WholePlan,
        words: &["rollback", "--to", "start", "--yes", "--json"],
    },
    Scenario {
        name: "rollback-half",
        variant: Variant::Good,
        scope: Scope::Everybody,
        before: HALF,
        words: &["rollback", "--yes", "--json"],
    },
    Scenario { name: "resume", variant: Variant::Good, scope: Scope::Everybody, before: HALF, words: RESUME },
    Scenario {
        name: "resume-back",
        variant: Variant::Good,
        scope: Scope::Everybody,
        before: LOST,
        words: RESUME,
    },
];

/// Which points one worker takes, and in which order: from the first in equal steps, round and round.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    /// The first, from 0.
    pub(crate) first: u64,
    /// From one to the next.
    pub(crate) stride: u64,
    /// How many.
    pub(crate) points: u64,
    /// How many points the run has.
    pub(crate) length: u64,
    /// Whether to go on behind the end of the counted run until a run ends there.
    pub(crate) beyond: bool,
    /// The complaint after which no more points are needed.
    pub(crate) until: Option<String>,
}

/// What a sweep came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Points that were to be killed at.
    pub(crate) planned: u64,
    /// Points that were killed at.
    pub(crate) executed: u64,
    /// Kills behind the end of the counted run: this one was longer.
    pub(crate) beyond: u64,
    /// Runs that ended before their point and were made again.
    pub(crate) again: u64,
    /// Recoveries by how they ended.
    pub(crate) ends: BTreeMap<String, u64>,
    /// The system calls at which was killed.
    pub(crate) calls: BTreeMap<u64, u64>,
    /// What did not hold, with the point.
    pub(crate) complaints: Vec<String>,
}

/// A run that ends before its point is made again: its length differs by a few calls from time to time. The counted
/// length is a median, so half of all runs reach the last point.
const TRIES: u32 = 40;
/// As often may a run end before a point behind the counted end, until it is believed that none is there.
const TRIES_BEYOND: u32 = 3;

/// An unharmed run.
///
/// # Errors
/// That it could not be traced.
pub(crate) fn count(world: &World, scenario: &Scenario) -> io::Result<Traced> {
    world.begin(scenario.before)?;
    let words = world.words(scenario.words);
    tracer::run(&words, world.root(), &world.output(), scenario.scope, None)
}

/// Kills at each point of a share and writes a line for each into `results`.
///
/// # Errors
/// That the machinery failed, and not the program under test.
pub(crate) fn work(world: &World, scenario: &Scenario, share: &Share, results: &Path) -> io::Result<()> {
    nix::sys::prctl::set_child_subreaper(true)?;
    // Point by point, so that whoever waits can see how far it is.
    let mut lines = File::create(results)?;
    let within = (0..share.points).map(|nth| (1 + (share.first + nth * share.stride) % share.length, TRIES));
    let behind = (share.length + 1..).skip(usize::try_from(share.first).unwrap_or(0));
    let behind =
        behind.step_by(usize::try_from(share.stride).unwrap_or(1)).map(|point| (point, TRIES_BEYOND));
    for (point, tries) in within.chain(behind.take(if share.beyond { usize::MAX } else { 0 })) {
        let mut complaints = Vec::new();
        let recovery =
            if point.count_ones().is_multiple_of(2) { Recovery::Resume } else { Recovery::Rollback };
        let killed = kill_and_recover(world, scenario, point, tries, recovery, &mut complaints)?;
        let Some(Killed { end, call, again }) = killed else {
            if point > share.length {
                break;
            }
            writeln!(lines, "missed\t{point}")?;
            continue;
        };
        let kind = if point > share.length { "beyond" } else { "killed" };
        writeln!(lines, "{kind}\t{call}\t{again}\t{recovery:?}: {end}")?;
        let caught = |until: &String| complaints.iter().any(|complaint| complaint.contains(until));
        let enough = share.until.as_ref().is_some_and(caught);
        for complaint in complaints {
            let complaint = complaint.replace('\n', "\n\t\t");
            let name = super::name_of(call);
            let line = format!("point {point}, {name}, then {recovery:?}: {complaint}");
            writeln!(lines, "wrong\t{}", line.replace('\n', "\u{b6}"))?;
        }
        // A sign of life: whoever waits for it can tell a long sweep from one that hangs.
        io::stdout().write_all(b".")?;
        io::stdout().flush()?;
        if enough {
            break;
        }
    }
    Ok(())
}

/// A kill that was executed, and its recovery.
struct Killed {
    end: &'static str,
    /// The number of the system call that was not made any more.
    call: u64,
    /// How many runs ended before the point.
    again: u32,
}

fn kill_and_recover(
    world: &World,
    scenario: &Scenario,
    point: u64,
    tries: u32,
    recovery: Recovery,
    complaints: &mut Vec<String>,
) -> io::Result<Option<Killed>> {
    for again in 0..tries {
        world.begin(scenario.before)?;
        let words = world.words(scenario.words);
        let traced = tracer::run(&words, world.root(), &world.output(), scenario.scope, Some(point))?;
        if !traced.killed {
            orphans()?;
            continue;
        }
        let wreck = judge::after_kill(world, complaints)?;
        let ran = world.run(recovery.words())?;
        let left = orphans()?;
        if left > 0 {
            complaints.push(format!("{left} processes were alive after the recovery"));
        }
        let end = judge::after_recovery(world, &wreck, recovery, &ran, complaints)?;
        return Ok(Some(Killed { end, call: traced.call.unwrap_or(u64::MAX), again }));
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
            let words: Vec<&str> = line.splitn(4, '\t').collect();
            let number =
                |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok()).unwrap_or(u64::MAX);
            match words.as_slice() {
                [kind @ ("killed" | "beyond"), _, _, end] => {
                    self.executed += 1;
                    self.beyond += u64::from(*kind == "beyond");
                    self.again += number(2);
                    *self.calls.entry(number(1)).or_default() += 1;
                    *self.ends.entry((*end).to_owned()).or_default() += 1;
                }
                ["wrong", complaint @ ..] => {
                    self.complaints.push(complaint.join("\t").replace('\u{b6}', "\n"));
                }
                // It is planned, and missing among the executed.
                ["missed", _] => {}
                _ => self.complaints.push(format!("a worker wrote {line:?}")),
            }
        }
        self.planned += lines.lines().filter(|line| line.starts_with("beyond")).count() as u64;
    }
}
