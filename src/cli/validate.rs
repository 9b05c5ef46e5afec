//! `switchback validate`: runs the validation checks and touches nothing.

use super::args::{PlanFile, Validate};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::reports::{Format, Report, of_timer, reports, withdraw_all};
use super::{out, plan_file, tools};
use crate::app::{Recall, Subject, Underway, judge_phase};
use crate::check::CheckWatch;
use crate::model::{
    Check, CheckReport, Health, Notice, Occasion, Phase, PhaseEnd, PhaseId, Plan, PlanName, Timestamp,
    Validation,
};
use crate::report::{self, Fanout, Reporter as _};
use crate::store::{Baseline, HistoryFilter, StateFolder};
use crate::system::signal::Signals;
use crate::system::{clock, host};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) fn validate(context: &Context, args: &Validate) -> Result<Exit, CliError> {
    let plan = args.plan.as_deref();
    if args.scheduled {
        let reports =
            of_timer(context, &args.report).inspect_err(|why| withdraw_all(&args.report, plan, why))?;
        return super::scheduled::scheduled(context, &reports);
    }
    let ready = context.acting_for(args.user.as_deref()).and_then(|context| {
        let reports = reports(&context, &args.report, plan)?;
        Ok((context, reports))
    });
    let (context, reports) = ready.inspect_err(|why| withdraw_all(&args.report, plan, why))?;
    let context = &context;
    let (validation, lines) = match found(context, args, &reports) {
        Ok(found) => found,
        Err(why) => {
            // What the last validation said is not what this one found.
            reports.iter().for_each(|report| report.withdraw(&why));
            return Err(why);
        }
    };
    give(context, &reports, &validation, &lines)
}

/// Looks, and keeps what was found for trends; with the lines of JSON that go into files.
fn found(
    context: &Context,
    args: &Validate,
    reports: &[Report],
) -> Result<(Validation, Vec<String>), CliError> {
    let chosen = choose(context, args)?;
    let subjects = subjects(context, args, &chosen)?;
    if !args.tag.is_empty() && !subjects.of.iter().any(|subject| has_tag(subject.phase, &args.tag)) {
        return Err(CliError::usage(format!("no check carries the tag {}", args.tag.join(", "))));
    }
    let signals = tools::signals()?;
    let lines = reports.iter().any(|report| report.is_stdout(Format::Jsonl));
    let files =
        reports.iter().any(|report| report.format == Format::Jsonl && !report.is_stdout(Format::Jsonl));
    let quiet =
        context.json || reports.iter().any(|report| report.into.is_none() && report.format != Format::Human);
    let shown = if quiet { Fanout::new() } else { tools::reporter(context) };
    let mut watch = Watching {
        context,
        shown,
        signals,
        lines,
        phase: None,
        of: 0,
        done: 0,
        underway: Underway::default(),
        kept: files.then(Vec::new),
    };
    let (began, tick) = (clock::now(), clock::tick());
    let mut phases = Vec::new();
    for subject in &subjects.of {
        watch.phase = Some(subject.phase.id.clone());
        (watch.of, watch.done) = (subject.phase.validate.len(), 0);
        phases.push(judge_phase(subject, &args.tag, &context.host, Context::cores(), &mut watch));
        watch.notice(&Notice::Ended);
        if signals.count() > 0 {
            return Err(CliError::new(Exit::Paused, "interrupted; nothing was touched"));
        }
    }
    let mut validation = Validation {
        plan: chosen.plan.name.clone(),
        revision: chosen.plan.revision,
        digest: chosen.plan.digest.clone(),
        machine: host::machine_name(),
        began,
        took: clock::since(tick),
        baseline: subjects.baseline,
        phases,
        kept: false,
    };
    let lines = watch.kept.take().unwrap_or_default();
    // What it shows while it goes on is taken away before a line is said.
    drop(watch);
    validation.kept = super::keep::keep(context, &validation, &chosen.plan, Occasion::Validation);
    Ok((validation, lines))
}

/// Gives every form, also where one of them cannot be written: then that is said, after all others are there. Files come
/// first, so that what a plugin says on standard output is not followed by the opposite.
fn give(
    context: &Context,
    reports: &[Report],
    validation: &Validation,
    lines: &[String],
) -> Result<Exit, CliError> {
    let (files, stdout): (Vec<&Report>, Vec<&Report>) =
        reports.iter().partition(|report| report.into.is_some());
    let mut lost = None;
    for report in files {
        if let Err(why) = report.give(context, validation, lines) {
            lost = lost.or(Some(why));
        }
    }
    let mut exit = exit(validation);
    for report in stdout {
        if lost.is_none() || !report.is_stdout(Format::Nagios) {
            exit = report.give(context, validation, lines)?.unwrap_or(exit);
        }
    }
    lost.map_or(Ok(exit), Err)
}

fn has_tag(phase: &Phase, tags: &[String]) -> bool {
    phase.validate.iter().any(|check| check.tags.iter().any(|tag| tags.contains(tag)))
}

const fn status(health: Health) -> Exit {
    match health {
        Health::Healthy | Health::Degraded => Exit::Done,
        Health::Failing => Exit::Failing,
        Health::Unknown => Exit::Paused,
    }
}

pub(crate) fn exit(validation: &Validation) -> Exit {
    status(validation.health())
}

/// The plan and the phases whose checks are looked at.
pub(crate) struct Chosen {
    pub(crate) plan: Plan,
    pub(crate) phases: Vec<PhaseId>,
}

fn choose(context: &Context, args: &Validate) -> Result<Chosen, CliError> {
    choose_phases(context, args.plan.as_ref(), &args.set, &args.phase)
}

/// With a plan: its phases, or those that are named. Without one: what was committed of the plan that was run last.
pub(crate) fn choose_phases(
    context: &Context,
    file: Option<&PathBuf>,
    set: &[String],
    named: &[String],
) -> Result<Chosen, CliError> {
    let (plan, committed) = match file {
        Some(file) => {
            let file = PlanFile { plan: file.clone(), set: set.to_vec(), user: None };
            (plan_file::valid(context, &file)?.approved.plan, None)
        }
        None => {
            if !set.is_empty() {
                return Err(CliError::usage("`--set` needs a plan"));
            }
            let past = match context.look_if_any()? {
                Some(folder) => Past::current(&folder)?,
                None => None,
            };
            let Some(past) = past else {
                return Err(CliError::usage("nothing was ever run here, so there is nothing that must hold")
                    .hint("name a plan: `switchback validate PLAN`"));
            };
            let committed: Vec<PhaseId> = past
                .done()
                .iter()
                .filter(|(_, end)| *end == PhaseEnd::Committed)
                .map(|(phase, _)| phase.clone())
                .collect();
            (past.plan.clone(), Some(committed))
        }
    };
    for name in named {
        if !plan.phases.iter().any(|phase| phase.id.as_str() == name) {
            let all: Vec<&str> = plan.phases.iter().map(|phase| phase.id.as_str()).collect();
            return Err(CliError::usage(format!("the plan {} has no phase `{name}`", plan.name))
                .hint(format!("it has {}", all.join(", "))));
        }
    }
    let wanted = |phase: &&Phase| match (&committed, named.is_empty()) {
        (_, false) => named.iter().any(|name| name == phase.id.as_str()),
        (Some(committed), true) => committed.contains(&phase.id),
        (None, true) => true,
    };
    let phases: Vec<PhaseId> = plan.phases.iter().filter(wanted).map(|phase| phase.id.clone()).collect();
    if phases.is_empty() {
        return Err(CliError::usage(format!("no phase of {} is committed here", plan.name))
            .hint("name a phase with `--phase`, or the plan's file to look at all of them"));
    }
    Ok(Chosen { plan, phases })
}

struct Subjects<'a> {
    of: Vec<Subject<'a>>,
    baseline: Option<String>,
}

/// The phases with what they are compared with: a baseline that is named, else the newest pinned one, else what was
/// recorded before each phase.
fn subjects<'a>(context: &Context, args: &Validate, chosen: &'a Chosen) -> Result<Subjects<'a>, CliError> {
    let folder = context.look_if_any()?;
    let named = named_baseline(folder.as_ref(), &chosen.plan.name, args.baseline.as_deref())?;
    let mut from_capsules = false;
    let mut of = Vec::new();
    for phase in chosen.plan.phases.iter().filter(|phase| chosen.phases.contains(&phase.id)) {
        let taken = match &folder {
            Some(folder) => taken(folder, &chosen.plan.name, phase)?,
            None => None,
        };
        let generation = taken.as_ref().map(|(number, _)| *number);
        let (baseline, since) = match (&named, taken) {
            (Some(named), _) => (named.phases.get(&phase.id).cloned().unwrap_or_default(), Some(named.at)),
            (None, Some((_, recall))) => {
                from_capsules |= !recall.baseline.is_empty();
                (recall.baseline, recall.acted.or(recall.began))
            }
            (None, None) => (BTreeMap::new(), None::<Timestamp>),
        };
        let since = since.filter(|_| args.since_baseline);
        if args.since_baseline && since.is_none() {
            return Err(CliError::usage(format!("there is no baseline for the phase {}", phase.id))
                .hint("`switchback baseline record` takes one"));
        }
        of.push(Subject { phase, generation, since, baseline });
    }
    let baseline = match named {
        Some(named) => Some(format!("the baseline {} of {}", named.name, report::text::when(named.at))),
        None => from_capsules.then(|| "what was recorded before each phase".to_owned()),
    };
    Ok(Subjects { of, baseline })
}

/// The baseline of that name, or the plan's newest pinned one.
pub(crate) fn named_baseline(
    folder: Option<&StateFolder>,
    plan: &PlanName,
    name: Option<&str>,
) -> Result<Option<Baseline>, CliError> {
    let all = folder.map(StateFolder::baselines).transpose()?.unwrap_or_default();
    let damaged = |name: &str| all.damage.iter().find(|item| item.name == format!("baselines/{name}.json"));
    let Some(name) = name else {
        // One of them may be the pinned one: what would be compared with instead is not what was asked for.
        if let Some(item) = all.damage.first() {
            return Err(CliError::new(Exit::Paused, format!("{} cannot be read", item.name))
                .because(&item.why)
                .hint("remove that file, or name the baseline that is meant with `--baseline NAME`"));
        }
        return Ok(all.pinned(plan).cloned());
    };
    match all.named(name) {
        Some(found) if found.plan == *plan => Ok(Some(found.clone())),
        Some(found) => Err(CliError::usage(format!(
            "the baseline `{name}` is of the plan {}, not of {plan}",
            found.plan
        ))),
        None => match damaged(name) {
            Some(item) => {
                Err(CliError::new(Exit::Paused, format!("{} cannot be read", item.name)).because(&item.why))
            }
            None => Err(CliError::usage(format!("there is no baseline `{name}`"))
                .hint("`switchback baseline show` lists them")),
        },
    }
}

/// The newest generation in which the phase was committed, and what its journal says.
fn taken(
    folder: &StateFolder,
    plan: &PlanName,
    phase: &Phase,
) -> Result<Option<(crate::model::GenerationNumber, Recall)>, CliError> {
    let filter =
        HistoryFilter { plan: Some(plan.clone()), phase: Some(phase.id.clone()), ..HistoryFilter::default() };
    let lines = folder.history(&filter)?.lines;
    let Some(line) = lines.iter().find(|line| line.end == Some(PhaseEnd::Committed)) else { return Ok(None) };
    let past = Past::of(folder, line.generation)?;
    let mut recall = Recall::default();
    past.journal.envelopes.iter().for_each(|envelope| recall.learn(envelope));
    Ok(Some((line.generation, recall)))
}

/// Shows how far it has come; gives each result as it comes where that is asked for.
struct Watching<'a> {
    context: &'a Context,
    shown: Fanout,
    signals: Signals,
    lines: bool,
    phase: Option<PhaseId>,
    of: usize,
    done: usize,
    underway: Underway,
    kept: Option<Vec<String>>,
}

impl Watching<'_> {
    fn notice(&mut self, notice: &Notice) {
        // What cannot be shown does not change what is found.
        let _ = self.shown.notice(notice);
    }
}

/// What was shown while it went on is taken away, however that ended.
impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let _ = self.shown.finish();
    }
}

impl CheckWatch for Watching<'_> {
    fn started(&mut self, check: &Check) {
        let began = self.underway.started(check, clock::tick());
        began.iter().for_each(|notice| self.notice(notice));
    }

    fn judged(&mut self, report: &CheckReport) {
        self.done += 1;
        let next = self.underway.judged(&report.check, clock::tick());
        next.iter().for_each(|notice| self.notice(notice));
        let (done, of) = (self.done, self.of);
        self.notice(&Notice::Progress { done, of });
        let Some(phase) = &self.phase else { return };
        let line = report::validation_line(phase, report);
        if self.lines {
            out::json_line(self.context, &line);
        }
        if let Some(kept) = &mut self.kept {
            kept.push(format!("{}\n", self.context.out_style().clean_json(&line.to_string())));
        }
    }

    fn tick(&mut self) {
        self.notice(&Notice::Tick);
    }

    fn interrupted(&mut self) -> bool {
        self.signals.count() > 0
    }

    fn ask(&mut self, _: &Check, _: &str) -> Option<bool> {
        None
    }
}

/// For the other verb that looks at the checks of a plan.
pub(crate) fn quiet_watch(context: &Context) -> Result<impl CheckWatch + '_, CliError> {
    let shown = if context.json { Fanout::new() } else { tools::reporter(context) };
    let signals = tools::signals()?;
    Ok(Watching {
        context,
        shown,
        signals,
        lines: false,
        phase: None,
        of: 0,
        done: 0,
        underway: Underway::default(),
        kept: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_and_what_could_not_be_end_differently() {
        let ends = [Health::Healthy, Health::Degraded, Health::Unknown, Health::Failing].map(status);
        assert_eq!(ends.map(Exit::status), [0, 0, 11, 20]);
    }
}
