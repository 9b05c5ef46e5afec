//! `switchback validate`: runs the validation checks and touches nothing.

use super::args::{PlanFile, Validate};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::{out, plan_file, tools};
use crate::app::{Recall, Subject, Underway, judge_phase};
use crate::check::CheckWatch;
use crate::model::{
    Check, CheckReport, Health, Notice, Occasion, Phase, PhaseEnd, PhaseId, Plan, PlanName, Timestamp,
    Validation, Value,
};
use crate::report::{self, Fanout, Reporter as _};
use crate::store::{Baseline, HistoryFilter, StateFolder};
use crate::system::files::{self, Access};
use crate::system::signal::Signals;
use crate::system::{clock, host};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

pub(crate) fn validate(context: &Context, args: &Validate) -> Result<Exit, CliError> {
    if args.scheduled {
        let mut reports = reports(context, &args.report, None)?;
        if args.report.iter().any(|word| Report::parse(word).is_ok_and(|report| report.into.is_none())) {
            return Err(CliError::usage("with `--scheduled` a report needs a file")
                .hint("standard output tells what is done: `--report junit=out.xml`"));
        }
        reports.retain(|report| report.into.is_some());
        return super::scheduled::scheduled(context, &reports);
    }
    let context = &context.acting_for(args.user.as_deref())?;
    let reports = reports(context, &args.report, args.plan.as_deref())?;
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
    let validation = Validation {
        plan: chosen.plan.name.clone(),
        revision: chosen.plan.revision,
        digest: chosen.plan.digest.clone(),
        machine: host::machine_name(),
        began,
        took: clock::since(tick),
        baseline: subjects.baseline,
        phases,
    };
    let kept = watch.kept.take().unwrap_or_default();
    super::keep::keep(context, &validation, &chosen.plan, Occasion::Validation);
    Ok((validation, kept))
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

/// A form that a validation is given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Human,
    Json,
    Jsonl,
    Junit,
    Tap,
    Nagios,
    Prometheus,
}

const FORMATS: [(&str, Format); 7] = [
    ("human", Format::Human),
    ("json", Format::Json),
    ("jsonl", Format::Jsonl),
    ("junit", Format::Junit),
    ("tap", Format::Tap),
    ("nagios", Format::Nagios),
    ("prometheus", Format::Prometheus),
];

/// One form, and the file it goes to; standard output where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    format: Format,
    into: Option<PathBuf>,
}

fn reports(context: &Context, asked: &[String], plan: Option<&Path>) -> Result<Vec<Report>, CliError> {
    let mut reports = asked.iter().map(|word| Report::parse(word)).collect::<Result<Vec<_>, _>>()?;
    let files: Vec<&PathBuf> = reports.iter().filter_map(|report| report.into.as_ref()).collect();
    for (at, file) in files.iter().enumerate() {
        if files.iter().take(at).any(|earlier| is_same(earlier, file)) {
            return Err(CliError::usage(format!("two reports into {}", file.display())));
        }
        if plan.is_some_and(|plan| is_same(plan, file)) {
            return Err(CliError::usage(format!(
                "{} is the plan, and no place for a report",
                file.display()
            )));
        }
        if !super::context::folder_of(file).is_dir() {
            return Err(CliError::usage(format!("there is no folder for the report {}", file.display())));
        }
    }
    let on_stdout = reports.iter().filter(|report| report.into.is_none()).count();
    if on_stdout > 1 || (on_stdout == 1 && context.json) {
        return Err(CliError::usage("two reports on standard output")
            .hint("give all but one a file: `--report junit=out.xml`"));
    }
    if on_stdout == 0 {
        let format = if context.json { Format::Json } else { Format::Human };
        reports.push(Report { format, into: None });
    }
    Ok(reports)
}

/// Whether two names are of one file, however they are written, whether or not it is there.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let folder = super::context::folder_of(path).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

impl Report {
    fn parse(word: &str) -> Result<Self, CliError> {
        let (name, into) = word.split_once('=').map_or((word, None), |(name, file)| (name, Some(file)));
        let known = FORMATS.iter().find(|(known, _)| *known == name);
        let Some((_, format)) = known else {
            let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
            return Err(CliError::usage(format!("there is no report `{name}`"))
                .hint(format!("there are {}", names.join(", "))));
        };
        let into = match into {
            Some("") => return Err(CliError::usage(format!("`--report {word}` names no file"))),
            Some("-") | None => None,
            Some(file) => Some(PathBuf::from(file)),
        };
        Ok(Self { format: *format, into })
    }

    fn is_stdout(&self, format: Format) -> bool {
        self.format == format && self.into.is_none()
    }

    /// Writes it into its file; the lines of a validation that is over are those of its checks.
    pub(crate) fn give_whole(&self, context: &Context, validation: &Validation) -> Result<(), CliError> {
        let line = |(phase, report)| report::validation_line(phase, report).to_string();
        let lines = validation.reports().map(line);
        let lines: Vec<String> =
            lines.map(|line| format!("{}\n", context.out_style().clean_json(&line))).collect();
        self.give(context, validation, &lines).map(|_| ())
    }

    /// In its file, that there was nothing to judge, which is no mistake; nothing where the form has no word for it.
    pub(crate) fn rest(&self, why: &str) {
        let text = match self.format {
            Format::Junit => Some(report::junit_nothing()),
            Format::Tap => Some(report::tap_nothing(why)),
            Format::Nagios => Some(report::nagios_nothing(why)),
            Format::Human | Format::Json | Format::Jsonl | Format::Prometheus => None,
        };
        self.replace(text.as_deref());
    }

    /// In the place of what was not found, in a file that may hold the report of an earlier validation: why, where the
    /// form has a word for it; nothing where it has none.
    pub(crate) fn withdraw(&self, why: &CliError) {
        let why = super::plugin::in_a_line(why);
        let text = match self.format {
            Format::Junit => Some(report::junit_error(&why)),
            Format::Tap => Some(report::tap_bail_out(&why)),
            Format::Nagios => Some(report::nagios_unknown(&why)),
            Format::Human | Format::Json | Format::Jsonl | Format::Prometheus => None,
        };
        self.replace(text.as_deref());
    }

    /// Takes an earlier report away, with or without another text in its place. The reason is the one to be told, and not
    /// that this failed too.
    fn replace(&self, text: Option<&str>) {
        let Some(path) = &self.into else { return };
        let there = path.symlink_metadata().is_ok_and(|there| there.is_file());
        let _ = match text {
            // CI looks for this one, and takes its absence for good.
            Some(text) if there || self.format == Format::Junit => written(path, text),
            None if there => std::fs::remove_file(path).map_err(|why| why.to_string()),
            Some(_) | None => Ok(()),
        };
    }

    /// Writes it, and says with which status to end where the form has its own.
    fn give(
        &self,
        context: &Context,
        validation: &Validation,
        lines: &[String],
    ) -> Result<Option<Exit>, CliError> {
        let json = |value: &Value| context.out_style().clean_json(&value.to_string());
        let mut own = None;
        let text = match self.format {
            Format::Human => match &self.into {
                None => report::validation(validation, &context.out_style()),
                Some(_) => {
                    let style = report::Style::piped(crate::system::sanitise::sanitise);
                    report::validation(validation, &style)
                }
            },
            Format::Json => match serde_json::to_string_pretty(&report::validation_json(validation)) {
                Ok(text) => format!("{}\n", context.out_style().clean_json(&text)),
                Err(why) => return Err(CliError::new(Exit::Internal, "no JSON can be written").because(why)),
            },
            Format::Jsonl => {
                let last = report::validation_end(validation);
                let before: String = if self.into.is_some() { lines.concat() } else { String::new() };
                format!("{before}{}\n", json(&last))
            }
            Format::Junit => report::junit(validation),
            Format::Tap => report::tap(validation),
            Format::Nagios => {
                let (text, status) = report::nagios(validation);
                own = self.into.is_none().then_some(Exit::Plugin(status));
                text
            }
            Format::Prometheus => report::prometheus(validation),
        };
        match &self.into {
            None => out::put(&text),
            Some(path) => written(path, &text).map_err(|why| {
                CliError::new(Exit::Internal, format!("the report {} cannot be written", path.display()))
                    .because(why)
            })?,
        }
        Ok(own)
    }
}

/// A report is a file that is put in place whole. What is there and is no file stays what it is: a pipe or a terminal
/// is written into, anything else is refused.
fn written(path: &Path, text: &str) -> Result<(), String> {
    match path.symlink_metadata() {
        Ok(there) if there.file_type().is_file() => {}
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {}
        Err(why) => return Err(why.to_string()),
        Ok(_) => {
            let kind = path.metadata().map_err(|why| why.to_string())?.file_type();
            if !kind.is_fifo() && !kind.is_char_device() {
                return Err("it is there, and neither a file nor a pipe; links are not followed".to_owned());
            }
            let pipe = std::fs::OpenOptions::new().write(true).open(path);
            return pipe.and_then(|mut pipe| pipe.write_all(text.as_bytes())).map_err(|why| why.to_string());
        }
    }
    // Collectors and CI run as other users.
    files::write_atomic(path, text.as_bytes(), Access { mode: 0o644, owner: None })
        .map_err(|why| why.to_string())
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
    fn a_report_has_a_form_and_may_have_a_file() {
        let parsed = |word| Report::parse(word).map_err(|why| why.text);
        assert_eq!(parsed("tap"), Ok(Report { format: Format::Tap, into: None }));
        assert_eq!(parsed("tap=-"), Ok(Report { format: Format::Tap, into: None }));
        assert_eq!(
            parsed("junit=a=b.xml"),
            Ok(Report { format: Format::Junit, into: Some("a=b.xml".into()) })
        );
        assert!(parsed("xml").is_err() && parsed("junit=").is_err());
    }

    #[test]
    fn what_was_measured_and_what_could_not_be_end_differently() {
        let ends = [Health::Healthy, Health::Degraded, Health::Unknown, Health::Failing].map(status);
        assert_eq!(ends.map(Exit::status), [0, 0, 11, 20]);
    }
}
