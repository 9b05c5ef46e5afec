//! `switchback run`: takes a machine through a plan.

use super::args::Run;
use super::changed::changed_parts;
use super::context::Context;
use super::detached::{self, Handing};
use super::error::CliError;
use super::exit::Exit;
use super::foresight::foresee;
use super::past::Past;
use super::plan_file::{self, Read};
use super::standing::{Standing, standing, unsettled};
use super::whereabouts::{self, Whereabouts};
use super::{explain, out, stage, tools};
use crate::app::{Guarding, Session, Tools, asks_a_person, barred};
use crate::engine::{Itinerary, Obstacle, RunState, Selection, Waits, itinerary};
use crate::model::{Guidance, Item, LayerSpec, Part, PhaseId, Plan, RunAs, RunId, Span, Verdict};
use crate::store::{HandedOver, StateFolder};
use crate::system::clock;

/// A word of the command line as a phase's name.
fn phase_named(word: Option<&String>) -> Result<Option<PhaseId>, CliError> {
    word.map(|word| PhaseId::new(word).map_err(|why| CliError::usage(why.to_string()))).transpose()
}

/// The phases that were asked for.
pub(crate) fn selection(
    only: Option<&String>,
    from: Option<&String>,
    until: Option<&String>,
) -> Result<Selection, CliError> {
    Ok(Selection { only: phase_named(only)?, from: phase_named(from)?, until: phase_named(until)? })
}

pub(crate) fn run(context: &Context, args: &Run) -> Result<Exit, CliError> {
    let named = |name: &String| RunId::new(name).map_err(|why| CliError::usage(why.to_string()));
    let named = args.run_id.as_ref().map(named).transpose()?;
    match (&args.by_itself.handed_over, &named) {
        (Some(how), Some(run)) => {
            detached::carry(context, run, how, |handed| begin(context, args, named.as_ref(), Some(handed)))
        }
        (Some(_), None) => Err(CliError::usage("a run that is handed over has a name")),
        (None, _) => begin(context, args, named.as_ref(), None),
    }
}

fn begin(
    context: &Context,
    args: &Run,
    named: Option<&RunId>,
    handed: Option<&HandedOver>,
) -> Result<Exit, CliError> {
    let context = &context.acting_for(args.file.user.as_deref())?;
    let mut read = plan_file::valid(context, &args.file)?;
    let asked = selection(args.phase.as_ref(), args.from.as_ref(), args.until.as_ref())?;
    // A phase that the plan does not have is a slip of the hand, whatever else is in the way.
    if let Err(why @ (Obstacle::Unknown(_) | Obstacle::Backwards { .. })) =
        itinerary(&read.approved.plan, &[], &Waits::default(), &asked, clock::now())
    {
        return Err(in_the_way(&read.approved.plan, why));
    }
    if args.dry_run {
        let unattended = args.unattended || args.by_itself.detach;
        return dry_run(context, &mut read, &asked, args.take_rejected, unattended);
    }
    let detach = args.by_itself.detach;
    let guidance = tools::guidance(context, args.unattended || detach)?;
    if context.host.euid == 0 {
        context.judge_way(context.host.caller)?;
    }
    let plan = &read.approved.plan;
    if let Some(found) = used(context, named, handed)? {
        return detached::second_start(context, &found, plan, detach);
    }
    if context.look_if_any().is_ok_and(|folder| folder.is_none()) {
        // Where nothing was ever run, a plan that cannot be run leaves not even a folder.
        let queue = due(plan, &Standing::default(), &asked)?;
        can_act_as_asked(context, plan, &queue)?;
        somebody_is_there(plan, &queue, guidance)?;
    }
    let (folder, lock) = match context.act("run") {
        // Somebody else may have begun it under this name meanwhile.
        Err(why) if why.exit == Exit::Locked => {
            let Some(found) = used(context, named, handed)? else { return Err(why) };
            return detached::second_start(context, &found, plan, detach);
        }
        taken => taken?,
    };
    if let Some(found) = used(context, named, handed)? {
        return detached::second_start(context, &found, plan, detach);
    }
    if let Some(order) = handed.and_then(HandedOver::order)
        && order.digest != plan.digest
    {
        return Err(CliError::usage("the plan changed since the run was handed over"));
    }
    if !args.take_rejected {
        not_rejected(context, &folder, plan, guidance)?;
    }
    nothing_is_open(&folder)?;
    let past = standing(&folder, &plan.name)?;
    let queue = due(plan, &past, &asked)?;
    can_act_as_asked(context, plan, &queue)?;
    name_changed_phases(context, plan, &past, &queue);
    if queue.is_empty() {
        return Ok(out::nothing(context, ALL_COMMITTED, Exit::Done));
    }
    let foreseen = foresee(context, plan, &queue);
    foreseen.warn(context);
    foreseen.refuse()?;
    somebody_is_there(plan, &queue, guidance)?;
    warn_of_silence(context, plan, &queue, guidance);
    let run = named.cloned().unwrap_or_else(new_run);
    if detach {
        let words = words_of(context, args, &run)?;
        return detached::begin(context, &folder, lock, &Handing { run, plan, words });
    }
    let itinerary = Itinerary { run, queue, done: past.done, guidance };
    take(context, &folder, read, itinerary, tools::guarding(context, args.no_guard), handed)
}

/// The run that was begun under this name; nothing where there is none, or it is the one that this process carries.
fn used(
    context: &Context,
    named: Option<&RunId>,
    handed: Option<&HandedOver>,
) -> Result<Option<Whereabouts>, CliError> {
    let (Some(run), None) = (named, handed) else { return Ok(None) };
    let Some(folder) = context.look_if_any()? else { return Ok(None) };
    Ok(whereabouts::find(&folder, run)?.filter(Whereabouts::is_used))
}

/// The command line for the process that carries the run.
fn words_of(context: &Context, args: &Run, run: &RunId) -> Result<Vec<String>, CliError> {
    let file = std::path::absolute(&args.file.plan)
        .ok()
        .and_then(|path| path.to_str().map(str::to_owned))
        .ok_or_else(|| CliError::usage("the plan's path is not text, so that it cannot be handed over"))?;
    let mut words = context.state_words();
    words.extend(["run".to_owned(), file, format!("--run-id={run}"), "--unattended".to_owned()]);
    words.extend(args.file.set.iter().map(|pair| format!("--set={pair}")));
    for (option, value) in
        [("user", &args.file.user), ("phase", &args.phase), ("from", &args.from), ("until", &args.until)]
    {
        words.extend(value.iter().map(|value| format!("--{option}={value}")));
    }
    words.extend(args.take_rejected.then(|| "--override".to_owned()));
    words.extend(args.no_guard.then(|| "--no-guard".to_owned()));
    Ok(words)
}

/// Takes these phases, and says how it ended.
pub(crate) fn take(
    context: &Context,
    folder: &StateFolder,
    read: Read,
    itinerary: Itinerary,
    guarding: Guarding,
    handed: Option<&HandedOver>,
) -> Result<Exit, CliError> {
    let guidance = itinerary.guidance;
    let mut reporter = tools::reporter_of(context, handed);
    let mut operator = tools::operator(context, guidance);
    let tools = Tools {
        host: &context.host,
        signals: tools::signals()?,
        reporter: &mut reporter,
        operator: operator.as_mut(),
        style: context.err_style(),
        cores: Context::cores(),
        version: env!("CARGO_PKG_VERSION"),
        guarding,
    };
    let mut session = Session::new(folder, read.approved, tools);
    let (state, ended) = session.begin(itinerary)?;
    let unrecorded = session.unrecorded().map(str::to_owned);
    drop(session);
    super::tidy(context, folder);
    super::aftermath::keep(context, folder);
    super::index(folder);
    let exit = tools::finish(&mut reporter, &ended);
    tools::say_unrecorded(context, unrecorded, &ended);
    super::reboot::order(context, &ended, guidance)?;
    if let Some(every) = soaks_unseen(folder, &state) {
        let text = format!(
            "The plan wants it looked at every {every} while it soaks: `switchback schedule install` sets up a timer."
        );
        out::line(context, &context.proposing(&text));
    }
    Ok(exit)
}

/// How often the plan wants a phase looked at that soaks from now on, where nobody set up a timer for it.
fn soaks_unseen(folder: &StateFolder, state: &RunState) -> Option<Span> {
    state.soak_until.filter(|_| state.finished == Some(Verdict::Committed))?;
    let past = Past::current(folder).ok()??;
    let every = past.plan.phase(state.phase()?)?.soak?.every?;
    folder.timetable().ok()?.is_none().then_some(every)
}

/// A run is named after the moment in which it began; the process id tells two of one moment apart.
pub(crate) fn new_run() -> RunId {
    let name = format!("{}-{}", clock::now().0, std::process::id());
    RunId::new(name).unwrap_or_else(|_| Itinerary::default().run)
}

/// Said where no phase is left to be taken.
const ALL_COMMITTED: &str = "Nothing to do: every phase that was asked for is committed.";

/// One reason with the names of all that it holds for.
fn told_once(why: &str, names: &[String]) -> String {
    match names {
        [one] => format!("{one}: {why}"),
        several => format!("{why}: {}", several.join("; ")),
    }
}

/// The plan as it would be taken, and then whatever would keep it from being taken.
fn dry_run(
    context: &Context,
    read: &mut Read,
    asked: &Selection,
    take_rejected: bool,
    unattended: bool,
) -> Result<Exit, CliError> {
    // Style is for `lint`; a link is news of this machine.
    read.loaded.warnings.clear();
    plan_file::warn_of_today(context, read);
    let (whole, links) = (&read.approved.plan, &read.loaded.warnings);
    let (past, obstacle) = match context.look_if_any() {
        Ok(None) => (Standing::default(), None),
        Ok(Some(folder)) => {
            let rejected = if take_rejected {
                None
            } else {
                not_rejected(context, &folder, whole, Guidance::Unattended).err()
            };
            let obstacle = rejected.or_else(|| nothing_is_open(&folder).err());
            match standing(&folder, &whole.name) {
                Ok(past) => (past, obstacle),
                Err(why) => (Standing::default(), obstacle.or(Some(why))),
            }
        }
        Err(why) => (Standing::default(), Some(why)),
    };
    let soaks = due(whole, &past, asked).err();
    let past = Standing { waits: Waits::default(), ..past };
    let queue = due(whole, &past, asked)?;
    name_changed_phases(context, whole, &past, &queue);
    if queue.is_empty() && !context.json {
        // A plan of no phases tells nobody anything.
        return obstacle.map_or_else(|| Ok(out::nothing(context, ALL_COMMITTED, Exit::Done)), Err);
    }
    let mut plan = whole.clone();
    plan.phases.retain(|phase| queue.contains(&phase.id));
    let foreseen = foresee(context, whole, &queue);
    explain::show(context, &plan, links, &foreseen.warnings());
    let obstacle = obstacle.or_else(|| can_act_as_asked(context, whole, &queue).err());
    let obstacle = obstacle.or_else(|| foreseen.refuse().err());
    let guidance = if unattended { Guidance::Unattended } else { Guidance::Guided };
    let obstacle = obstacle.or_else(|| somebody_is_there(whole, &queue, guidance).err());
    obstacle.or(soaks).map_or(Ok(Exit::Done), Err)
}

/// Nothing goes forward while an earlier run is open or the machine is inconsistent.
fn nothing_is_open(folder: &StateFolder) -> Result<(), CliError> {
    let Some(current) = Past::current(folder)? else { return Ok(()) };
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
            let error = CliError::new(Exit::Inconsistent, text).hint(stage::MEND);
            return Err(current
                .state
                .items
                .iter()
                .fold(error, |error, item| error.because(format!("{}: {}", item.name, item.why))));
        }
        Some(Verdict::Committed | Verdict::Refused | Verdict::RolledBack | Verdict::Resolved) => {}
    }
    unsettled(folder, &current)?.obstacle().map_or(Ok(()), Err)
}

/// A committed phase is not taken again by itself. Where this plan says something else of it than what was taken, that
/// is said: its parts are compared, so that a change elsewhere in the plan says nothing of it.
fn name_changed_phases(context: &Context, plan: &Plan, past: &Standing, queue: &[PhaseId]) {
    for by in &past.by {
        let phase = &by.header.phase;
        let (Some(now), false) = (plan.phase(phase), queue.contains(phase)) else { continue };
        let parts = by.taken.as_ref().map_or_else(|| vec!["all of it"], |taken| changed_parts(taken, now));
        if parts.is_empty() {
            continue;
        }
        let (generation, parts) = (by.generation, parts.join(", "));
        let revision = if by.header.revision == plan.revision {
            format!("in revision {} itself", plan.revision)
        } else {
            format!("between revisions {} and {}", by.header.revision, plan.revision)
        };
        out::line(
            context,
            &format!(
                "Phase {phase} changed since generation {generation} committed it ({parts}; {revision}). \
                 What is committed stays; `--phase {phase}` takes it once more."
            ),
        );
    }
}

/// An unattended run has nobody who could confirm at this terminal, so that a phase that waits for it always goes back.
fn warn_of_silence(context: &Context, plan: &Plan, queue: &[PhaseId], guidance: Guidance) {
    let Guidance::Unattended = guidance else { return };
    let phases = plan.phases.iter().filter(|phase| queue.contains(&phase.id));
    for (phase, window) in phases.filter_map(|phase| Some((&phase.id, phase.confirm?))) {
        let text = format!(
            "phase `{phase}` must be confirmed within {window}, at any login with `switchback confirm`: silence takes it \
             back"
        );
        out::warn(context, &text);
    }
}

/// A run that asks nobody would stop at a step that a person does, with the steps before it taken.
fn somebody_is_there(plan: &Plan, queue: &[PhaseId], guidance: Guidance) -> Result<(), CliError> {
    let Guidance::Unattended = guidance else { return Ok(()) };
    let asking = asks_a_person(plan.phases.iter().filter(|phase| queue.contains(&phase.id)));
    if asking.is_empty() {
        return Ok(());
    }
    let text = "an unattended run asks nobody, and this plan needs a person; nothing was changed";
    let error = asking.into_iter().fold(CliError::new(Exit::Refused, text), CliError::because);
    Err(error.hint("run it at a terminal, or leave those phases out with `--until` or `--phase`"))
}

fn due(plan: &Plan, past: &Standing, asked: &Selection) -> Result<Vec<PhaseId>, CliError> {
    itinerary(plan, &past.done, &past.waits, asked, clock::now()).map_err(|why| in_the_way(plan, why))
}

/// Why what was asked for cannot be taken, with what can be done.
pub(crate) fn in_the_way(plan: &Plan, why: Obstacle) -> CliError {
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
        Obstacle::Held { by, .. } => {
            let (number, held) = (by.generation, &by.held);
            let found = held.found.iter().map(|item| format!("{}: {}", item.name, item.why));
            let error = found.fold(CliError::new(Exit::Paused, text), CliError::because);
            error.hint(format!(
                "look with `switchback validate`; `switchback resolve {number} --reason TEXT` lets the plan go on, \
                 `switchback rollback --to {number}` takes phase `{}` back",
                by.phase
            ))
        }
        Obstacle::Soaks { .. } => {
            CliError::new(Exit::Refused, text).hint("`switchback status` says what is due when")
        }
    }
}

/// Whether this plan may be taken. A line of the quarantine that nobody can read may speak of any plan: where nobody is
/// there to judge that, nothing is taken; a person is told.
fn not_rejected(
    context: &Context,
    folder: &StateFolder,
    plan: &Plan,
    guidance: Guidance,
) -> Result<(), CliError> {
    let quarantine = folder.quarantine().map_err(|why| {
        let error = CliError::from(why);
        let text = format!("nobody can tell whether this plan was rejected here: {}", error.text);
        let hint = error.hint.clone().unwrap_or_else(|| "mend the file, or add `--override`".to_owned());
        CliError { text, ..error }.hint(hint)
    })?;
    let found = quarantine.find(&plan.name, plan.revision, &plan.digest);
    let Some(line) = found.first() else {
        return unreadable(context, folder, &quarantine.damage, guidance);
    };
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
    .hint(format!(
        "`switchback show {}` tells why; mend the plan and raise its `revision`, or add `--override`",
        line.generation
    )))
}

fn unreadable(
    context: &Context,
    folder: &StateFolder,
    damage: &[Item],
    guidance: Guidance,
) -> Result<(), CliError> {
    if damage.is_empty() {
        return Ok(());
    }
    let file = folder.root().join("quarantine");
    let text = format!("{} cannot be read whole: it may reject this plan", file.display());
    let error = damage.iter().fold(CliError::new(Exit::Quarantined, text), |error, item| {
        error.because(format!("{}: {}", item.name, item.why))
    });
    let error = error.hint("mend or take out these lines, or add `--override`");
    match guidance {
        Guidance::Unattended => Err(error),
        Guidance::Guided => {
            error.lines().iter().for_each(|line| out::line(context, &line.replacen("error:", "warning:", 1)));
            Ok(())
        }
    }
}

/// What is missing is said before anything changes: root for root steps, a session for session steps.
pub(crate) fn can_act_as_asked(context: &Context, plan: &Plan, queue: &[PhaseId]) -> Result<(), CliError> {
    // Many steps lack one and the same: it is told once, with their names.
    let mut missing: Vec<(String, Vec<String>)> = Vec::new();
    let mut lacks = |why: String, name: String| match missing.iter_mut().find(|(known, _)| *known == why) {
        Some((_, names)) => names.push(name),
        None => missing.push((why, vec![name])),
    };
    let nobody = || "nobody said which user that is, and it is not to be root by accident".to_owned();
    for phase in plan.phases.iter().filter(|phase| queue.contains(&phase.id)) {
        let steps =
            [Part::Apply, Part::Commit, Part::Rollback].into_iter().flat_map(|part| phase.steps(part));
        let whens = steps.clone().filter_map(|step| step.when.as_deref());
        let checks = phase.applies_if.iter().chain(&phase.preflight).chain(&phase.validate).chain(whens);
        let steps = steps.map(|step| (format!("step `{}`", step.id), step.who));
        let checks = checks.map(|check| (format!("check `{}`", check.id), check.who));
        for (name, who) in steps.chain(checks) {
            if who == RunAs::Runner {
                continue;
            }
            if matches!(who, RunAs::User | RunAs::Session) && !context.knows_the_user() {
                lacks(nobody(), format!("phase `{}`, {name}", phase.id));
            } else if let Err(why) = context.host.identity(who) {
                lacks(why.to_string(), format!("phase `{}`, {name}", phase.id));
            }
        }
        let of_nobody = |layer: &&LayerSpec| matches!(layer, LayerSpec::HomeManager { user: None, .. });
        if phase.layers.iter().any(|layer| of_nobody(&layer)) && !context.knows_the_user() {
            lacks(nobody(), format!("phase `{}`, layer home-manager", phase.id));
        }
    }
    let who_is_missing = !missing.is_empty();
    let mut missing: Vec<String> = missing.into_iter().map(|(why, names)| told_once(&why, &names)).collect();
    missing.extend(barred(&context.host, plan.phases.iter().filter(|phase| queue.contains(&phase.id))));
    if missing.is_empty() {
        return Ok(());
    }
    let error = CliError::new(Exit::Refused, "this plan cannot be run as it asks; nothing was changed");
    let error = missing.into_iter().fold(error, CliError::because);
    Err(if !who_is_missing {
        error
    } else if context.host.euid != 0 {
        error.hint("run it with sudo, or leave those phases out")
    } else if context.knows_the_user() {
        error
    } else {
        error.hint("say whose it is with `--user NAME`, or let that user run it with sudo")
    })
}
