//! One check, from the first look to its report: settle, samples, within, consecutive, as a machine that says what it
//! needs next. It knows the time only as it is told.

use super::apart::Apart;
use super::bound::kept;
use super::combine::combined;
use super::judge::ended::unruled;
use super::judge::is_shadow;
use super::probe::{Circumstances, Given, Looking, Need, begin};
use super::scripts::Scripts;
use super::{Judgement, ProbeError, judge, plugin};
use crate::model::{Check, CheckReport, CommandLine, Look, Observation, Outcome, Timestamp, Weight};
use std::time::Instant;

/// What a check needs next.
#[derive(Debug)]
pub(super) enum Wanted {
    /// A child, and how many bytes of its streams are kept.
    Child(CommandLine, usize),
    /// A child whose whole output is handed to it as it comes.
    Stream(CommandLine),
    /// To be called again at this point in time.
    Until(Instant),
    /// An answer.
    Answer(String),
    /// Nothing more.
    Done(Box<CheckReport>),
}

/// What does not change while checks are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) today: &'a str,
    pub(super) phase_started: Option<Timestamp>,
    pub(super) baseline: Option<&'a Observation>,
    /// Where root looks: who else may own a program that is found in a folder.
    pub(super) trusting: Option<u32>,
    /// Which looks a child takes for us.
    pub(super) apart: &'a Apart,
    /// Both clocks now.
    pub(super) tick: Instant,
    pub(super) now: Timestamp,
}

/// A look that asks a person.
struct Asking<'a>(&'a str);

impl Looking for Asking<'_> {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Answered(Some(answer)) => Need::Seen(Ok(Observation::new().with("answer", answer))),
            Given::Answered(None) => Need::Seen(Ok(Observation::new())),
            Given::Nothing | Given::Ended(_) => Need::Answer(self.0.to_owned()),
        }
    }
}

/// A check under way.
pub(super) struct Course<'a> {
    check: &'a Check,
    /// Judged first; what it applies to is looked at only where it passes.
    guard: Option<Box<Course<'a>>>,
    looking: Option<Box<dyn Looking + 'a>>,
    began: Option<Instant>,
    settled: bool,
    first_look: Option<Instant>,
    samples: Vec<Observation>,
    streak: u32,
    /// The last look that did not pass.
    trouble: Option<(Judgement, Option<Observation>)>,
}

impl<'a> Course<'a> {
    pub(super) fn new(check: &'a Check) -> Self {
        Self {
            check,
            guard: check.applies_if.as_deref().map(|guard| Box::new(Self::new(guard))),
            looking: None,
            began: None,
            settled: false,
            first_look: None,
            samples: Vec::new(),
            streak: 0,
            trouble: None,
        }
    }

    pub(super) fn check(&self) -> &'a Check {
        self.check
    }

    /// As whom, and how long, the child that was asked for may run.
    pub(super) fn acting(&self) -> &'a Check {
        self.guard.as_ref().map_or(self.check, |guard| guard.acting())
    }

    /// The next bytes of the stream that it asked for.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        match (&mut self.guard, &mut self.looking) {
            (Some(guard), _) => guard.take(bytes),
            (None, Some(looking)) => looking.take(bytes),
            (None, None) => {}
        }
    }

    /// Whether what its child says is kept as evidence.
    pub(super) fn has_evidence(&self) -> bool {
        match (&self.guard, &self.looking) {
            (Some(guard), _) => guard.has_evidence(),
            (None, Some(looking)) => looking.has_evidence(),
            (None, None) => true,
        }
    }

    /// Goes on as far as it can.
    ///
    /// What it asked for may have been refused: then it could not look.
    pub(super) fn next(&mut self, given: Result<Given, ProbeError>, ground: Ground<'_>) -> Wanted {
        self.began.get_or_insert(ground.tick);
        let mut given = given;
        if let Some(guard) = &mut self.guard {
            match guard.next(given, ground) {
                Wanted::Done(report) => {
                    self.guard = None;
                    given = Ok(Given::Nothing);
                    if report.outcome != Outcome::Pass {
                        return self.not_applicable(&report, ground);
                    }
                }
                other @ (Wanted::Child(..) | Wanted::Stream(_) | Wanted::Until(_) | Wanted::Answer(_)) => {
                    return other;
                }
            }
        }
        if !self.settled {
            self.settled = true;
            if self.check.settle.0 > 0 {
                return Wanted::Until(later(ground.tick, self.check.settle.duration()));
            }
        }
        self.look(given, ground)
    }

    /// One step of one look.
    fn look(&mut self, given: Result<Given, ProbeError>, ground: Ground<'_>) -> Wanted {
        self.first_look.get_or_insert(ground.tick);
        let check = self.check;
        let looking = self.looking.get_or_insert_with(|| taken(check, ground));
        match given.map_or_else(|why| Need::Seen(Err(why)), |given| looking.next(given)) {
            Need::Child(command, keep) => Wanted::Child(command, keep),
            Need::Stream(command) => Wanted::Stream(command),
            Need::Answer(question) => Wanted::Answer(question),
            Need::Pause(span) => Wanted::Until(later(ground.tick, span.duration())),
            Need::Seen(seen) => {
                self.looking = None;
                match (seen, &check.samples) {
                    // What stands for all would hide the one whose command failed.
                    (Ok(seen), Some(samples)) if unruled(check, &seen).is_none() => {
                        self.samples.push(seen);
                        let taken = u32::try_from(self.samples.len()).unwrap_or(u32::MAX);
                        if taken < samples.count {
                            return Wanted::Until(later(ground.tick, samples.every.duration()));
                        }
                        let all = std::mem::take(&mut self.samples);
                        self.judged(Ok(combined(all, samples.take).unwrap_or_default()), ground)
                    }
                    (seen @ (Ok(_) | Err(_)), _) => {
                        self.samples.clear();
                        self.judged(seen, ground)
                    }
                }
            }
        }
    }

    /// A look is judged: is that the end, or shall it look again?
    fn judged(&mut self, seen: Result<Observation, ProbeError>, ground: Ground<'_>) -> Wanted {
        let interrupted = matches!(seen, Err(ProbeError::Interrupted));
        let mut judgement = judge(self.check, &seen, ground.baseline, ground.today);
        if interrupted {
            judgement.outcome = Outcome::Error;
        }
        let observed = seen.ok();
        let passed = judgement.outcome == Outcome::Pass;
        if passed {
            self.streak += 1;
        } else {
            self.streak = 0;
        }
        let enough = passed && self.streak >= self.check.consecutive;
        // A question is put once: asking again until the answer fits is no measurement.
        let once = matches!(self.check.look, Look::Ask(_));
        if interrupted || enough || once {
            return self.report(judgement, observed.as_ref(), ground);
        }
        let pause = later(ground.tick, self.check.every.duration());
        let end =
            self.first_look.zip(self.check.within).map(|(first, within)| later(first, within.duration()));
        match end {
            Some(end) if ground.tick < end => {
                if !passed {
                    self.trouble = Some((judgement, observed));
                }
                Wanted::Until(pause.min(end))
            }
            Some(_) if passed => self.too_short(judgement, observed, ground),
            // Without `within` the first look that does not pass decides.
            None if passed => Wanted::Until(pause),
            Some(_) | None => self.report(judgement, observed.as_ref(), ground),
        }
    }

    /// The time is up in the middle of a streak: what went wrong within the time stands, else it is undecided.
    fn too_short(&mut self, last: Judgement, observed: Option<Observation>, ground: Ground<'_>) -> Wanted {
        let short = format!(
            "passed {} of {} times in a row when the time was up",
            self.streak, self.check.consecutive
        );
        let (mut judgement, observed) = match self.trouble.take() {
            Some((judgement, seen)) => (judgement, seen),
            None => (Judgement { outcome: Outcome::Inconclusive, ..last }, observed),
        };
        judgement.reasons.insert(0, short);
        self.report(judgement, observed.as_ref(), ground)
    }

    fn report(&self, judgement: Judgement, observed: Option<&Observation>, ground: Ground<'_>) -> Wanted {
        let Judgement { outcome, weight, reasons } = judgement;
        // It says what to do where what was measured does not hold, or lies between two rules; who could not measure is
        // told so by the probe, and would be sent the wrong way.
        let has_use = match outcome {
            Outcome::Warn | Outcome::Fail => true,
            Outcome::Inconclusive => !self.check.fail_if.is_empty() && observed.is_some(),
            Outcome::Pass | Outcome::Error | Outcome::Skipped => false,
        };
        Wanted::Done(Box::new(CheckReport {
            check: self.check.id.clone(),
            title: self.check.title.clone(),
            outcome,
            weight,
            severity: self.check.severity,
            reasons,
            observed: observed.map(kept),
            hint: self.check.hint.clone().filter(|_| has_use),
            took: self
                .began
                .map_or_else(Default::default, |began| ground.tick.saturating_duration_since(began).into()),
        }))
    }

    fn not_applicable(&self, guard: &CheckReport, ground: Ground<'_>) -> Wanted {
        if guard.reasons.iter().any(|reason| *reason == ProbeError::Interrupted.to_string()) {
            return self.ended(Outcome::Error, ProbeError::Interrupted.to_string(), ground);
        }
        let why = guard.reasons.first().map_or_else(String::new, |reason| format!(": {reason}"));
        match guard.outcome {
            // What nobody could look at, and what settled nothing, is no sign that there is nothing to look at.
            outcome @ (Outcome::Error | Outcome::Inconclusive) => {
                self.ended(outcome, format!("whether it applies cannot be told{why}"), ground)
            }
            outcome @ (Outcome::Pass | Outcome::Warn | Outcome::Fail | Outcome::Skipped) => {
                self.ended(Outcome::Skipped, format!("does not apply ({}{why})", outcome.word()), ground)
            }
        }
    }

    /// The report of a check that was not looked at to its end.
    pub(super) fn ended(&self, outcome: Outcome, reason: String, ground: Ground<'_>) -> Wanted {
        let weight = if is_shadow(self.check) { Weight::Shadow } else { Weight::Counts };
        let judgement = Judgement { outcome, weight, reasons: vec![reason] };
        self.report(judgement, None, ground)
    }
}

fn later(at: Instant, span: std::time::Duration) -> Instant {
    // A span beyond what the clock can express is a day that never comes; a year is as good.
    const YEAR: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);
    at.checked_add(span).or_else(|| at.checked_add(YEAR)).unwrap_or(at)
}

fn taken<'a>(check: &'a Check, ground: Ground<'_>) -> Box<dyn Looking + 'a> {
    let around = Circumstances {
        phase_started: ground.phase_started,
        now: ground.now,
        baseline: ground.baseline,
        user: ground.apart.user(),
    };
    match &check.look {
        Look::Probe(probe) => match ground.apart.begin(check, ground.tick) {
            Some(elsewhere) => Box::new(elsewhere),
            None => begin(probe, around),
        },
        Look::Plugin(command) => plugin::begin(command),
        Look::Scripts(folder) => Box::new(Scripts::new(folder, ground.trusting)),
        Look::Ask(question) => Box::new(Asking(question)),
    }
}
