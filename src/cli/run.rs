//! `switchback run`: takes a machine through a plan.

use super::args::Run;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::plan_file::{self, Read};
use super::{explain, out, tools};
use crate::app::{Session, Tools};
use crate::engine::{Itinerary, Obstacle, Selection, itinerary};
use crate::model::{Guidance, PhaseEnd, PhaseId, Plan, RunAs, RunId, Timestamp, Verdict};
use crate::store::StateFolder;
use crate::system::clock;

/// A word of the command line as a phase's name.
fn phase_named(word: Option<&String>) -> Result<Option<PhaseId>, CliError> {
    word.map(|word| PhaseId::new(word).map_err(|why| CliError::usage(why.to_string()))).transpose()
}

pub(crate) fn run(context: &Context, args: &Run) -> Result<Exit, CliError> {
    let read = plan_file::valid(context, &args.file)?;
    let asked = Selection {
        only: phase_named(args.phase.as_ref())?,
        from: phase_named(args.from.as_ref())?,
        until: phase_named(args.until.as_ref())?,
    };
    if args.dry_run {
        return dry_run(context, &read, &asked);
    }
    let guidance = tools::guidance(context, args.unattended)?;
    can_act_as_asked(context, &read.approved.plan)?;
    let (folder, _lock) = context.act("run")?;
    if !args.take_rejected {
        not_rejected(&folder, &read.approved.plan)?;
    }
    let past = settled_past(&folder, &read.approved.plan)?;
    let queue = due(&read.approved.plan, &past, &asked)?;
    if queue.is_empty() {
        out::line(context, "Nothing to do: every phase that was asked for is committed.");
        return Ok(Exit::Done);
    }
    take(context, &folder, read, queue, past.done, guidance)
}

/// Takes these phases, and says how it ended.
pub(crate) fn take(
    context: &Context,
    folder: &StateFolder,
    read: Read,
    queue: Vec<PhaseId>,
    done: Vec<(PhaseId, PhaseEnd)>,
    guidance: Guidance,
) -> Result<Exit, CliError> {
    let itinerary = Itinerary { run: new_run(), queue, done, guidance };
    let mut reporter = tools::reporter(context);
    let mut operator = tools::operator(context, guidance);
    let tools = Tools {
        host: &context.host,
        signals: tools::signals()?,
        reporter: &mut reporter,
        operator: operator.as_mut(),
        style: context.err_style(),
        cores: Context::cores(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let mut session = Session::new(folder, read.approved, tools);
    let (_, ended) = session.begin(itinerary)?;
    let unrecorded = session.unrecorded().map(str::to_owned);
    drop(session);
    super::index(folder);
    let exit = tools::finish(&mut reporter, &ended);
    tools::say_unrecorded(context, unrecorded, &ended);
    Ok(exit)
}

/// A run is named after the moment in which it began; the process id tells two of one moment apart.
fn new_run() -> RunId {
    let name = format!("{}-{}", clock::now().0, std::process::id());
    RunId::new(name).unwrap_or_else(|_| Itinerary::default().run)
}

fn dry_run(context: &Context, read: &Read, asked: &Selection) -> Result<Exit, CliError> {
    let none = SettledPast::default();
    let past = match context.look() {
        Ok(folder) => settled_past(&folder, &read.approved.plan).unwrap_or(none),
        Err(_) => none,
    };
    let queue = due(&read.approved.plan, &past, asked)?;
    let mut plan = read.approved.plan.clone();
    plan.phases.retain(|phase| queue.contains(&phase.id));
    explain::show(context, &plan);
    Ok(Exit::Done)
}

/// What an earlier run left: how the phases stand, and until when the last one soaks.
#[derive(Default)]
pub(crate) struct SettledPast {
    pub(crate) done: Vec<(PhaseId, PhaseEnd)>,
    soak_until: Option<Timestamp>,
}

/// Nothing goes forward while an earlier run is open or the machine is inconsistent.
pub(crate) fn settled_past(folder: &StateFolder, plan: &Plan) -> Result<SettledPast, CliError> {
    let Some(current) = Past::current(folder)? else { return Ok(SettledPast::default()) };
    current.journal.sound(&current.capsule.journal_path())?;
    let phase = current.state.phase().map(ToString::to_string).unwrap_or_default();
    match current.state.finished {
        None => {
            let text = format!("the run of generation {} (phase `{phase}`) has not ended", current.number());
            return Err(CliError::new(Exit::Paused, text)
                .hint("`switchback resume` takes it up, `switchback rollback` takes it back"));
        }
        Some(Verdict::Inconsistent) => {
            let text =
                format!("the way back of generation {} (phase `{phase}`) did not hold", current.number());
            let error = CliError::new(Exit::Inconsistent, text)
                .hint("mend what is named, then `switchback rollback` once more");
            return Err(current
                .state
                .items
                .iter()
                .fold(error, |error, item| error.because(format!("{}: {}", item.name, item.why))));
        }
        Some(Verdict::Committed | Verdict::Refused | Verdict::RolledBack) => {}
    }
    let newest = Past::newest_of(folder, &plan.name)?;
    Ok(newest.map_or_else(SettledPast::default, |past| SettledPast {
        done: past.done().to_vec(),
        soak_until: past.state.soak_until,
    }))
}

fn due(plan: &Plan, past: &SettledPast, asked: &Selection) -> Result<Vec<PhaseId>, CliError> {
    itinerary(plan, &past.done, past.soak_until, asked, clock::now()).map_err(|why| {
        let text = why.to_string();
        match why {
            Obstacle::Unknown(_) => {
                let names: Vec<&str> = plan.phases.iter().map(|phase| phase.id.as_str()).collect();
                CliError::usage(text).hint(format!("its phases are {}", names.join(", ")))
            }
            Obstacle::Backwards { .. } => CliError::usage(text),
            Obstacle::Needs { needs, .. } => {
                CliError::new(Exit::Refused, text).hint(format!("take it first: `--phase {needs}`"))
            }
            Obstacle::Soaks { .. } => {
                CliError::new(Exit::Refused, text).hint("`switchback status` says what is due when")
            }
        }
    })
}

fn not_rejected(folder: &StateFolder, plan: &Plan) -> Result<(), CliError> {
    let Some(line) = super::quarantined(folder, plan) else { return Ok(()) };
    Err(CliError::new(
        Exit::Quarantined,
        format!("revision {} of plan `{}` was rejected on this machine", line.revision, line.plan),
    )
    .because(format!(
        "phase `{}`, generation {}, {}: {}",
        line.phase,
        line.generation,
        line.at,
        crate::report::text::cause(&line.cause)
    ))
    .hint(format!("`switchback show {}` tells why; mend the plan, or add `--override`", line.generation)))
}

/// What is missing is said before anything changes: root for root steps, a session for session steps.
fn can_act_as_asked(context: &Context, plan: &Plan) -> Result<(), CliError> {
    use crate::model::Part;
    let mut missing = Vec::new();
    for phase in &plan.phases {
        let steps =
            [Part::Apply, Part::Commit, Part::Rollback].into_iter().flat_map(|part| phase.steps(part));
        let steps = steps.map(|step| (format!("step `{}`", step.id), step.who));
        let checks = phase.preflight.iter().chain(&phase.validate);
        let checks = checks.map(|check| (format!("check `{}`", check.id), check.who));
        for (name, who) in steps.chain(checks) {
            if who == RunAs::Runner {
                continue;
            }
            if let Err(why) = context.host.identity(who) {
                missing.push(format!("phase `{}`, {name}: {why}", phase.id));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let root = context.host.euid != 0;
    let error = CliError::new(Exit::Refused, "this plan cannot be run as it asks; nothing was changed");
    let error = missing.into_iter().fold(error, CliError::because);
    Err(if root { error.hint("run it with sudo, or leave those phases out") } else { error })
}
