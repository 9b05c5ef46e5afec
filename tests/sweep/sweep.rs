//! Kills at every point of a run, recovers each time, and judges. Workers are processes of their own: a tracer waits
//! for all its children, and a subreaper sees every orphan.

use super::judge::{self, Recovery};
use super::plan::Variant;
use super::points::{Plan, Point};
use super::tracer::{self, Scope, Stops, Traced};
use super::world::{Before, World};
use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::Signal;
use nix::sys::time::{TimeVal, TimeValLike as _};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
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

/// What counting comes to, and what a worker is told of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted {
    /// The points: all of them, or a worker's share.
    pub(crate) plan: Plan,
    /// How an unharmed run ends.
    pub(crate) status: Option<i32>,
    /// Where the run is killed from whose wreck the scenario begins.
    pub(crate) wreck_at: Option<Point>,
    /// How many calls each unharmed run made.
    pub(crate) lengths: Vec<usize>,
}

impl Counted {
    /// Counts so many unharmed runs.
    ///
    /// # Errors
    /// That one could not be traced, or that two end differently.
    pub(crate) fn of(world: &World, scenario: &Scenario, runs: u32) -> io::Result<Self> {
        let runs: Vec<Traced> =
            (0..runs).map(|_| unharmed(world, scenario)).collect::<io::Result<Vec<_>>>()?;
        let status = runs.first().and_then(|run| run.status);
        if status.is_none() || runs.iter().any(|run| run.status != status) {
            return Err(io::Error::other("unharmed runs do not end alike"));
        }
        let made: Vec<Vec<Point>> = runs.into_iter().map(|run| run.made).collect();
        let mut lengths: Vec<usize> = made.iter().map(Vec::len).collect();
        lengths.sort_unstable();
        Ok(Self { plan: Plan::of(&made), status, wreck_at: world.wrecked_at.clone(), lengths })
    }

    /// The same with other points.
    pub(crate) fn with(&self, plan: Plan) -> Self {
        Self { plan, ..self.clone() }
    }

    /// As lines.
    pub(crate) fn lines(&self) -> String {
        let lengths: Vec<String> = self.lengths.iter().map(usize::to_string).collect();
        let status = self.status.map_or_else(String::new, |status| status.to_string());
        let wreck = self.wreck_at.as_ref().map_or_else(String::new, Point::word);
        format!("{}\n{status}\n{wreck}\n{}", lengths.join(" "), self.plan.lines())
    }

    /// What [`Counted::lines`] wrote.
    ///
    /// # Errors
    /// That it is something else.
    pub(crate) fn read(lines: &str) -> io::Result<Self> {
        let parts: Vec<&str> = lines.splitn(4, '\n').collect();
        let [lengths, status, wreck, plan] = parts.as_slice() else {
            return Err(io::Error::other("nothing was counted"));
        };
        let wreck_at = if wreck.is_empty() { None } else { Some(Point::read(wreck)?) };
        Ok(Self {
            plan: Plan::read(plan)?,
            status: status.parse().ok(),
            wreck_at,
            lengths: lengths.split(' ').filter_map(|length| length.parse().ok()).collect(),
        })
    }
}

/// What a sweep came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The points that were dealt out.
    pub(crate) plan: Plan,
    /// Those that were killed at.
    pub(crate) killed: Vec<Point>,
    /// Those before which every run ended that was to be killed there.
    pub(crate) unmet: BTreeSet<Point>,
    /// Runs that ended before their point and were made again.
    pub(crate) again: u64,
    /// Recoveries by how they ended.
    pub(crate) ends: BTreeMap<String, u64>,
    /// CPU time by what it went into, in microseconds.
    pub(crate) spent: BTreeMap<String, u64>,
    /// What did not hold, with the point.
    pub(crate) complaints: Vec<String>,
}

/// A run that ends before its point is made again so often: a counted run made the call, and this one did not.
pub(crate) const TRIES: u32 = 40;
/// The same for a point that not every counted run had.
const TRIES_AT_TIMES: u32 = 5;
/// So many tries are stopped at the calls of the point's name alone; then a run is slowed down as the counted ones were.
const QUICK: u32 = 2;

/// An unharmed run.
fn unharmed(world: &World, scenario: &Scenario) -> io::Result<Traced> {
    world.begin(scenario.before)?;
    let words = world.words(scenario.words);
    let seen = tracer::run(&words, world.root(), &world.output(), scenario.scope, None, Stops::All)?;
    orphans()?;
    Ok(seen)
}

/// How a worker goes about its share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manner {
    /// The complaint after which no more points are needed.
    pub(crate) until: Option<String>,
    /// A planted bug of the harness: one point is passed over in silence.
    pub(crate) leaves_one_out: bool,
}

/// Kills at each point of a share and writes a line for each into `results`.
///
/// # Errors
/// That the machinery failed, and not the program under test.
pub(crate) fn work(
    world: &World,
    scenario: &Scenario,
    share: &Counted,
    manner: &Manner,
    results: &Path,
) -> io::Result<()> {
    nix::sys::prctl::set_child_subreaper(true)?;
    // Point by point, so that whoever waits can see how far it is.
    let mut lines = File::create(results)?;
    let mut spent = Spent::begin()?;
    let always = share.plan.always.iter().map(|point| (point, TRIES));
    let at_times = share.plan.at_times.iter().map(|point| (point, TRIES_AT_TIMES));
    for (nth, (point, tries)) in always.chain(at_times).enumerate() {
        if manner.leaves_one_out && nth == share.plan.always.len() / 2 {
            continue;
        }
        let mut complaints = Vec::new();
        let recovery = Recovery::after(point);
        let aim = Aim { point, tries, recovery, due: share.status };
        match kill_and_recover(world, scenario, &aim, &mut spent, &mut complaints)? {
            Some((end, again)) => writeln!(lines, "killed\t{}\t{again}\t{recovery:?}: {end}", point.word())?,
            None => writeln!(lines, "unmet\t{}", point.word())?,
        }
        let caught = |until: &String| complaints.iter().any(|complaint| complaint.contains(until));
        let enough = manner.until.as_ref().is_some_and(caught);
        for complaint in complaints {
            let line = format!("{point}, then {recovery:?}: {}", complaint.replace('\n', "\n\t\t"));
            writeln!(lines, "wrong\t{}", line.replace('\n', "\u{b6}"))?;
        }
        if enough {
            break;
        }
    }
    for (what, time) in spent.on {
        writeln!(lines, "spent\t{what}\t{time}")?;
    }
    Ok(())
}

/// A point to kill at.
struct Aim<'a> {
    point: &'a Point,
    /// How many runs may end before it.
    tries: u32,
    recovery: Recovery,
    /// How an unharmed run ends.
    due: Option<i32>,
}

/// Says how the recovery ended, and how many runs ended before the point; nothing where all of them did.
fn kill_and_recover(
    world: &World,
    scenario: &Scenario,
    aim: &Aim<'_>,
    spent: &mut Spent,
    complaints: &mut Vec<String>,
) -> io::Result<Option<(&'static str, u32)>> {
    for again in 0..aim.tries {
        // A sign of life: whoever waits for it can tell a long sweep from one that hangs.
        io::stdout().write_all(b".")?;
        io::stdout().flush()?;
        let stops = if again < QUICK { Stops::Named } else { Stops::All };
        world.begin(scenario.before)?;
        spent.went_into("the machine made new")?;
        let words = world.words(scenario.words);
        let traced =
            tracer::run(&words, world.root(), &world.output(), scenario.scope, Some(aim.point), stops)?;
        if !traced.killed {
            orphans()?;
            spent.went_into("runs that ended before their point")?;
            judge::unharmed(world, aim.due, traced.status, complaints)?;
            spent.went_into("judging")?;
            continue;
        }
        spent.went_into("the killed run")?;
        let wreck = judge::after_kill(world, complaints)?;
        spent.went_into("judging")?;
        let ran = world.run(aim.recovery.words())?;
        let left = orphans()?;
        spent.went_into("the recovery")?;
        if !left.is_empty() {
            complaints.push(format!("alive after the recovery: {}", left.join("; ")));
        }
        let end = judge::after_recovery(world, &wreck, aim.recovery, &ran, complaints)?;
        spent.went_into("judging")?;
        return Ok(Some((end, again)));
    }
    Ok(None)
}

/// CPU time of this process and of its children, by what it went into.
struct Spent {
    on: BTreeMap<&'static str, u64>,
    before: u64,
}

impl Spent {
    fn begin() -> io::Result<Self> {
        Ok(Self { on: BTreeMap::new(), before: cpu_time()? })
    }

    /// What was used since the last time.
    fn went_into(&mut self, what: &'static str) -> io::Result<()> {
        let now = cpu_time()?;
        *self.on.entry(what).or_default() += now - self.before;
        self.before = now;
        Ok(())
    }
}

/// CPU time of this process and of all its children that have ended, in microseconds.
pub(crate) fn cpu_time() -> io::Result<u64> {
    let micros = |time: TimeVal| time.num_microseconds().unsigned_abs();
    let of = |who| getrusage(who).map(|used| micros(used.user_time()) + micros(used.system_time()));
    Ok(of(UsageWho::RUSAGE_SELF)? + of(UsageWho::RUSAGE_CHILDREN)?)
}

/// The descendants that live on, by what they are called. They are waited for, so that they do not disturb the next point.
///
/// # Errors
/// That the kernel does not say.
pub(crate) fn orphans() -> io::Result<Vec<String>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => break,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(Vec::new()),
            Err(why) => return Err(why.into()),
        }
    }
    let children = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let called: Vec<(String, String)> = children
        .split_whitespace()
        .map(|pid| {
            let text = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let state =
                text("stat").rsplit_once(") ").map(|(_, rest)| rest.chars().take(1).collect::<String>());
            let argv = text("cmdline").replace('\0', " ");
            (
                pid.to_owned(),
                format!("{} ({}), {}", argv.trim(), text("comm").trim(), state.unwrap_or_default()),
            )
        })
        .collect();
    let mut alive = Vec::new();
    loop {
        match waitpid(None, None) {
            // Nobody kills here: it was killed before, and only not gone yet.
            Ok(WaitStatus::Signaled(_, Signal::SIGKILL, _)) => {}
            Ok(ended) => {
                let pid = ended.pid().map(|pid| pid.to_string()).unwrap_or_default();
                let known = called.iter().find(|(known, _)| *known == pid).map(|(_, called)| called.clone());
                alive.push(known.unwrap_or_else(|| format!("process {pid}, which came later")));
            }
            Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(alive),
            Err(why) => return Err(why.into()),
        }
    }
}

impl Tally {
    /// A tally of these points, none of which was killed at so far.
    pub(crate) fn begin(plan: Plan) -> Self {
        Self { plan, ..Self::default() }
    }

    /// Adds what a worker wrote.
    ///
    /// # Errors
    /// That it is no such line.
    pub(crate) fn add(&mut self, lines: &str) -> io::Result<()> {
        for line in lines.lines() {
            let words: Vec<&str> = line.splitn(4, '\t').collect();
            let number = |word: &str| word.parse::<u64>().map_err(io::Error::other);
            match words.as_slice() {
                ["killed", point, again, end] => {
                    self.killed.push(Point::read(point)?);
                    self.again += number(again)?;
                    *self.ends.entry((*end).to_owned()).or_default() += 1;
                }
                ["unmet", point] => {
                    self.unmet.insert(Point::read(point)?);
                }
                ["spent", what, micros] => {
                    *self.spent.entry((*what).to_owned()).or_default() += number(micros)?;
                }
                ["wrong", complaint @ ..] => {
                    self.complaints.push(complaint.join("\t").replace('\u{b6}', "\n"));
                }
                _ => return Err(io::Error::other(format!("a worker wrote {line:?}"))),
            }
        }
        Ok(())
    }

    /// How many kills were planned: every point that each counted run had, and those of some that were met again. No
    /// kill was planned where every run ended that was to be killed there.
    pub(crate) fn planned(&self) -> usize {
        let all = self.plan.always.iter().chain(&self.plan.at_times);
        all.filter(|point| !self.unmet.contains(*point)).count()
    }

    /// The points that every counted run had, and that no run met any more.
    pub(crate) fn faded(&self) -> Vec<&Point> {
        self.plan.always.iter().filter(|point| self.unmet.contains(*point)).collect()
    }

    /// What is wrong with the sweep itself: points that nobody killed at, kills that nobody planned, and too many points
    /// that are not met any more for runs that differ by chance.
    pub(crate) fn holes(&self) -> Vec<String> {
        let killed: BTreeSet<&Point> = self.killed.iter().collect();
        let planned: BTreeSet<&Point> = self.plan.always.iter().chain(&self.plan.at_times).collect();
        let said = |head: &str, points: Vec<&&Point>| {
            let names: Vec<String> = points.iter().take(5).map(|point| point.to_string()).collect();
            (!points.is_empty()).then(|| format!("{} {head}: {}", points.len(), names.join(", ")))
        };
        let left_out =
            planned.iter().filter(|point| !killed.contains(**point) && !self.unmet.contains(**point));
        let strange = killed.iter().filter(|point| !planned.contains(**point));
        let faded = self.faded();
        let too_many =
            if faded.len() > 1 + self.plan.always.len() / 100 { faded.iter().collect() } else { vec![] };
        let mut holes: Vec<String> = [
            said("points were planned and not killed at", left_out.collect()),
            said("kills were not planned", strange.collect()),
            said("points of every counted run were not met any more", too_many),
        ]
        .into_iter()
        .flatten()
        .collect();
        if self.killed.len() != killed.len() || self.plan.always.is_empty() {
            holes.push(format!("{} kills at {} points", self.killed.len(), killed.len()));
        }
        holes
    }
}
