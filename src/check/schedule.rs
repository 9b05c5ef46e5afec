//! Many checks in parallel, in one thread: children run, we do not.

use super::ProbeError;
use super::apart::Apart;
use super::look::{Course, Ground, Wanted};
use super::probe::Given;
use crate::model::{
    Check, CheckId, CheckReport, CommandLine, Observation, Outcome, RunAs, Timestamp, counted,
};
use crate::system::clock;
use crate::system::host::Host;
use crate::system::process::{Captured, Crew, Ended, Ids, JobId, News, Spec, Watch};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::ffi::OsString;
use std::time::Instant;

/// Told of what happens while checks are looked at.
pub trait CheckWatch {
    /// A check is looked at for the first time.
    fn started(&mut self, check: &Check);
    /// A check is judged for good.
    fn judged(&mut self, report: &CheckReport);
    /// Called several times a second while something is waited for.
    fn tick(&mut self);
    /// Whether the looking shall end now.
    fn interrupted(&mut self) -> bool;
    /// Asks a person. `None`: nobody is there, which decides nothing.
    fn ask(&mut self, check: &Check, question: &str) -> Option<bool>;
}

/// What a look at the machine needs to know.
pub struct LookCx<'a> {
    /// The machine and its users.
    pub host: &'a Host,
    /// The day, `YYYY-MM-DD`, for waivers.
    pub today: String,
    /// When the phase began; nothing before it has, as for its baseline.
    pub phase_started: Option<Timestamp>,
    /// What the probes gave before the phase.
    pub baseline: &'a BTreeMap<CheckId, Observation>,
    /// How many children run at the same time; at least one does.
    pub cores: usize,
    /// Told of what happens.
    pub watch: &'a mut dyn CheckWatch,
    /// Takes the whole output of children: the check, `stdout` or `stderr`, the bytes. A later look replaces an
    /// earlier one.
    pub evidence: &'a mut dyn FnMut(&CheckId, &str, &[u8]),
}

/// Looks at the machine with every check, each as soon as what it needs has passed or warned, and reports in the order
/// of `checks`.
pub fn look(checks: &[Check], cx: &mut LookCx<'_>) -> Vec<CheckReport> {
    Schedule::new(checks, cx).run()
}

/// The edge watches through us, and what a child streams goes to the look that asked for it.
struct Ticking<'w, 'a> {
    watch: &'w mut dyn CheckWatch,
    courses: &'w mut [Course<'a>],
    running: &'w HashMap<JobId, usize>,
    /// The decision to end is made: a second question might be answered otherwise.
    ending: bool,
}

impl Watch for Ticking<'_, '_> {
    fn line(&mut self, _: JobId, _: &str) {}
    fn chunk(&mut self, job: JobId, bytes: &[u8]) {
        if let Some(course) = self.running.get(&job).and_then(|at| self.courses.get_mut(*at)) {
            course.take(bytes);
        }
    }
    fn tick(&mut self) {
        self.watch.tick();
    }
    fn interrupted(&mut self) -> bool {
        self.ending || self.watch.interrupted()
    }
}

/// What of a streamed output is kept as evidence, in bytes.
const STREAM_KEPT: usize = 64 * 1024;

/// Why a check waits for its turn.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// It has not begun.
    First,
    /// It slept, and goes on.
    Again,
}

type Identity = (Option<Ids>, BTreeMap<OsString, OsString>);

struct Schedule<'a, 'c, 'x> {
    courses: Vec<Course<'a>>,
    reports: Vec<Option<CheckReport>>,
    places: HashMap<&'a CheckId, usize>,
    /// For each check, those that need it.
    dependents: Vec<Vec<usize>>,
    /// For each check, how many of its needs are not judged yet.
    missing: Vec<usize>,
    ready: VecDeque<(usize, Turn)>,
    asking: VecDeque<(usize, String)>,
    sleeping: BinaryHeap<Reverse<(Instant, usize)>>,
    running: HashMap<JobId, usize>,
    crew: Crew,
    identities: HashMap<RunAs, Identity>,
    apart: Apart,
    interrupted: bool,
    cx: &'c mut LookCx<'x>,
}

impl<'a, 'c, 'x> Schedule<'a, 'c, 'x> {
    fn new(checks: &'a [Check], cx: &'c mut LookCx<'x>) -> Self {
        let places: HashMap<&CheckId, usize> =
            checks.iter().enumerate().map(|(at, check)| (&check.id, at)).collect();
        let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); checks.len()];
        let mut missing = vec![0; checks.len()];
        for (at, check) in checks.iter().enumerate() {
            for place in check.needs.iter().filter_map(|need| places.get(need)) {
                if let (Some(list), Some(count)) = (dependents.get_mut(*place), missing.get_mut(at)) {
                    list.push(at);
                    *count += 1;
                }
            }
        }
        let ready = missing.iter().enumerate().filter(|(_, count)| **count == 0);
        let ready = ready.map(|(at, _)| (at, Turn::First)).collect();
        Self {
            courses: checks.iter().map(Course::new).collect(),
            reports: vec![None; checks.len()],
            places,
            dependents,
            missing,
            ready,
            asking: VecDeque::new(),
            sleeping: BinaryHeap::new(),
            running: HashMap::new(),
            crew: Crew::new(),
            identities: HashMap::new(),
            apart: Apart::new(cx.host),
            interrupted: false,
            cx,
        }
    }

    fn run(mut self) -> Vec<CheckReport> {
        loop {
            if self.interrupted || self.cx.watch.interrupted() {
                self.stop();
                break;
            }
            if self.running.len() < self.cx.cores.max(1)
                && let Some((at, turn)) = self.ready.pop_front()
            {
                match turn {
                    Turn::First => self.begin(at),
                    Turn::Again => self.go_on(at, Ok(Given::Nothing)),
                }
            } else if !self.running.is_empty() {
                self.wait();
            } else if let Some((at, question)) = self.asking.pop_front() {
                // Nothing runs now: whoever is asked may take their time.
                self.ask(at, &question);
            } else if !self.sleeping.is_empty() {
                self.wait();
            } else {
                break;
            }
        }
        self.close("needs itself in a circle", Outcome::Skipped);
        self.reports.into_iter().flatten().collect()
    }

    /// A check whose needs are judged: it is looked at, or blocked by one of them.
    fn begin(&mut self, at: usize) {
        let Some(check) = self.courses.get(at).map(Course::check) else { return };
        if let Some(reason) = self.blocked(check) {
            self.end(at, Outcome::Skipped, reason);
            return;
        }
        self.cx.watch.started(check);
        self.go_on(at, Ok(Given::Nothing));
    }

    fn blocked(&self, check: &Check) -> Option<String> {
        check.needs.iter().find_map(|need| {
            let report = self.places.get(need).and_then(|at| self.reports.get(*at)?.as_ref());
            match report.map(|report| report.outcome) {
                Some(Outcome::Pass | Outcome::Warn) => None,
                Some(other) => Some(format!("blocked by `{need}` ({})", other.word())),
                None => Some(format!("blocked by `{need}`, which is not among these checks")),
            }
        })
    }

    fn go_on(&mut self, at: usize, given: Result<Given, ProbeError>) {
        let Some(course) = self.courses.get_mut(at) else { return };
        let ground = ground(self.cx, &self.apart, course.check());
        match course.next(given, ground) {
            Wanted::Child(command, keep) => self.start(at, command, keep, false),
            Wanted::Stream(command) => self.start(at, command, STREAM_KEPT, true),
            Wanted::Until(then) => self.sleeping.push(Reverse((then, at))),
            Wanted::Answer(question) => self.asking.push_back((at, question)),
            Wanted::Done(report) => self.done(at, *report),
        }
    }

    fn start(&mut self, at: usize, command: CommandLine, keep: usize, streamed: bool) {
        let Some(check) = self.courses.get(at).map(Course::acting) else { return };
        // Asked once a look: a session's environment costs children of its own. Asked again where there was none.
        let identity = match self.identities.get(&check.who) {
            Some(known) => Ok(known.clone()),
            None => self.cx.host.identity(check.who),
        };
        match identity {
            Err(why) => self.go_on(at, Err(why.into())),
            Ok((ids, env)) => {
                self.identities.entry(check.who).or_insert_with(|| (ids.clone(), env.clone()));
                let spec = Spec { command, env, ids, timeout: check.timeout, keep, input: None };
                let job = if streamed { self.crew.start_streamed(&spec) } else { self.crew.start(&spec) };
                self.running.insert(job, at);
            }
        }
    }

    fn ask(&mut self, at: usize, question: &str) {
        let Some(check) = self.courses.get(at).map(Course::acting) else { return };
        let answer = self.cx.watch.ask(check, question);
        self.go_on(at, Ok(Given::Answered(answer)));
    }

    /// Until a child is gone, or a check has slept enough.
    fn wait(&mut self) {
        let until = self.sleeping.peek().map(|Reverse((then, _))| *then);
        match self.crew_waits(until, false) {
            News::Ended(job, ended) => self.ended(job, ended),
            News::Interrupted => self.interrupted = true,
            News::Reached => {
                let now = clock::tick();
                while let Some(Reverse((then, at))) = self.sleeping.peek().copied()
                    && then <= now
                {
                    self.sleeping.pop();
                    self.ready.push_back((at, Turn::Again));
                }
            }
        }
    }

    fn crew_waits(&mut self, until: Option<Instant>, ending: bool) -> News {
        let Self { crew, courses, running, cx, .. } = self;
        crew.wait(until, &mut Ticking { watch: &mut *cx.watch, courses, running, ending })
    }

    fn ended(&mut self, job: JobId, ended: Ended) {
        let Some(at) = self.running.remove(&job) else { return };
        if let Some(check) = self.courses.get(at).filter(|course| course.has_evidence()).map(Course::check) {
            for (name, stream) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
                if stream.total > 0 {
                    (self.cx.evidence)(&check.id, name, &evidence(stream));
                }
            }
        }
        self.go_on(at, Ok(Given::Ended(Box::new(ended))));
    }

    fn done(&mut self, at: usize, report: CheckReport) {
        self.cx.watch.judged(&report);
        if let Some(place) = self.reports.get_mut(at) {
            *place = Some(report);
        }
        for next in self.dependents.get(at).cloned().unwrap_or_default() {
            if let Some(count) = self.missing.get_mut(next) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.ready.push_back((next, Turn::First));
                }
            }
        }
    }

    fn end(&mut self, at: usize, outcome: Outcome, reason: String) {
        let Some(course) = self.courses.get(at) else { return };
        let ground = ground(self.cx, &self.apart, course.check());
        if let Wanted::Done(report) = course.ended(outcome, reason, ground) {
            self.done(at, *report);
        }
    }

    /// A person interrupted: every child is ended, and what is not judged could not be measured.
    fn stop(&mut self) {
        while !self.running.is_empty() {
            match self.crew_waits(None, true) {
                // What ended by itself before it was told to is judged as ever.
                News::Ended(job, ended) => self.ended(job, ended),
                News::Interrupted | News::Reached => {}
            }
        }
        self.close(&ProbeError::Interrupted.to_string(), Outcome::Error);
    }

    /// Reports everything that has no report yet.
    fn close(&mut self, reason: &str, outcome: Outcome) {
        for at in 0..self.reports.len() {
            if self.reports.get(at).is_some_and(Option::is_none) {
                self.end(at, outcome, reason.to_owned());
            }
        }
    }
}

fn ground<'g>(cx: &'g LookCx<'_>, apart: &'g Apart, check: &Check) -> Ground<'g> {
    Ground {
        today: &cx.today,
        phase_started: cx.phase_started,
        baseline: cx.baseline.get(&check.id),
        trusting: (cx.host.euid == 0).then_some(cx.host.caller),
        apart,
        tick: clock::tick(),
        now: clock::now(),
    }
}

/// What is kept of a stream, with a line where bytes are missing.
fn evidence(stream: &Captured) -> Vec<u8> {
    let mut bytes = stream.head.clone();
    let kept = u64::try_from(stream.head.len() + stream.tail.len()).unwrap_or(u64::MAX);
    if kept < stream.total {
        bytes.extend_from_slice(
            format!("\n[... {} left out ...]\n", counted(stream.total - kept, "byte")).as_bytes(),
        );
    }
    bytes.extend_from_slice(&stream.tail);
    bytes
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
