//! `switchback rollback`: goes back to a recorded generation. Reads capsules only: no plan file, no network, no
//! database.

use super::args::Rollback;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::{self, Past, host_of};
use super::stage;
use super::standing::{self, Unsettled};
use super::{elsewhere, out, tools};
use crate::app::{Guarding, Session, Tools, doubted};
use crate::engine::{Ahead, Ended, Input, RunState, Stage, way_back};
use crate::layer::{LayerCx, layer_for};
use crate::model::{
    Cause, Event, GenerationNumber, Guidance, Item, Phase, PhaseEnd, PhaseId, PlanName, PreviewLayer,
    PreviewStep, RollbackPreview, Step, StepUndo, Verdict, WayBackPreview,
};
use crate::report;
use crate::store::{Approved, StateFolder};
use crate::system::clock;
use crate::system::process::Unwatched;

pub(crate) fn rollback(context: &Context, args: &Rollback) -> Result<Exit, CliError> {
    elsewhere::foreword(context, args.activate);
    let exit = go_back(context, args);
    let status = match &exit {
        Ok(exit) => *exit,
        Err(why) => why.exit,
    };
    elsewhere::afterword(context, status);
    exit
}

fn go_back(context: &Context, args: &Rollback) -> Result<Exit, CliError> {
    let folder = context.look_if_any()?;
    if args.list {
        return super::looking::list(context, folder.as_ref());
    }
    let Some(folder) = folder else {
        if let Some(to) = &args.to {
            // A generation that is named, and is not there, is a mistake.
            return Err(context.nothing_run(&format!(" `{to}`")));
        }
        let text = format!("Nothing to take back: nothing was ever run in {}.", context.state.display());
        return Ok(out::nothing(context, &text, Exit::Done));
    };
    let _lock = context.lock(&folder, "rollback")?;
    if let (Some(lost), None) = (folder.lost(), &args.to) {
        // What is left is older than what was asked for.
        return Err(past::gone(&folder, lost));
    }
    let Some(current) = folder.current() else {
        // A runner that was killed before its first fact leaves a folder and no generation: the machine is as it was.
        let text = format!("Nothing to take back: nothing was begun in {}.", folder.root().display());
        return Ok(out::nothing(context, &text, Exit::Done));
    };
    let target = target(&folder, current, args.to.as_deref())?;
    let to_start = args.to.as_deref() == Some("start");
    let route = match route(context, &folder, current, target, to_start) {
        Ok(route) => route,
        Err(why) if target == current => {
            let why = if current.0 > 1 { why.hint(older(&folder, current)?) } else { why };
            return super::salvage::without_plan(context, &folder, current, args.yes, why);
        }
        Err(why) => return Err(why),
    };
    let Route { owed: route, stays, lost } = route;
    if route.is_empty() && lost.is_empty() {
        return Ok(nothing_owed(context, &folder, target, &stays));
    }
    preview(context, &folder, &route, stays);
    for lost in &lost {
        out::warn(
            context,
            &format!("{}: what it changed beyond the layers of the others stays", lost.why.text),
        );
    }
    if !args.yes && !agreed(context)? {
        return Ok(out::nothing(context, "Nothing was changed.", Exit::Refused));
    }
    // The undo of a step by hand is for a person, also where the way back itself was agreed to with `--yes`.
    let guidance = tools::guidance(context, false).unwrap_or(Guidance::Unattended);
    let failed = salvage_all(context, &folder, &lost);
    let way = WayBack { why: Why::Asked, guidance, guarding: tools::guarding(context, args.no_guard) };
    let exit = take_all_back(context, &folder, route, &way)?;
    if lost.is_empty() {
        return Ok(exit);
    }
    let text = format!("the way back to generation {target} is not whole");
    let error = CliError::new(Exit::Inconsistent, text).hint(
        "look at what these generations changed with `switchback show`, and put right by hand what is not as it was",
    );
    Err(failed.into_iter().fold(error, CliError::because))
}

/// A generation on the way that nobody can read whole.
struct Lost {
    number: GenerationNumber,
    why: CliError,
}

/// Brings back what the lost generations' own layers still tell, newest first, and names what that is not.
fn salvage_all(context: &Context, folder: &StateFolder, lost: &[Lost]) -> Vec<String> {
    lost.iter()
        .flat_map(|one| {
            let mut said = vec![format!("generation {}: {}", one.number, one.why.text)];
            said.extend(one.why.causes.iter().cloned());
            if folder.generation_folder(one.number).is_dir() {
                said.extend(super::salvage::layers_of(context, folder, one.number));
            }
            said
        })
        .collect()
}

/// What is still possible where the current generation cannot be read.
fn older(folder: &StateFolder, current: GenerationNumber) -> Result<String, CliError> {
    let older = folder.generations()?.into_iter().rev().find(|number| *number < current);
    let by_hand =
        format!("the way back by hand is in {}", folder.generation_folder(current).join("UNDO").display());
    Ok(older.map_or_else(
        || by_hand.clone(),
        |older| {
            format!("{by_hand}; `switchback rollback --to {older}` goes back further, to the state before generation {older}")
        },
    ))
}

/// Who wants the way back.
#[derive(Clone, Copy)]
pub(crate) enum Why<'a> {
    /// A person.
    Asked,
    /// The phase did not stay healthy while it soaked; what was found.
    Soak(&'a Cause),
    /// The guard; what it saw.
    Guard(&'a Cause),
}

/// How generations are taken back.
pub(crate) struct WayBack<'a> {
    pub(crate) why: Why<'a>,
    /// Whether somebody is there to do what only a person can; whether to go back is not asked any more.
    pub(crate) guidance: Guidance,
    pub(crate) guarding: Guarding,
}

/// Takes back generations, newest first, and tells the newest one of their plan of each.
pub(crate) fn take_all_back(
    context: &Context,
    folder: &StateFolder,
    route: Vec<Past>,
    way: &WayBack<'_>,
) -> Result<Exit, CliError> {
    // Where no phase had touched anything, nothing was rolled back.
    let mut worst = Exit::Refused;
    for past in route {
        let number = past.number();
        let (state, ended) = take_back(context, folder, past, way)?;
        tell_newest(context, folder, number, &state);
        match ended {
            Ended::Finished(Verdict::RolledBack) if worst == Exit::Inconsistent => {}
            Ended::Finished(Verdict::RolledBack) => worst = Exit::RolledBack,
            Ended::Finished(Verdict::Refused) => {}
            // What waits for the booted machine does not keep older generations from going back as far as they can.
            Ended::Finished(Verdict::Inconsistent) if stage::waits_for_boot(&state) => {
                worst = Exit::Inconsistent;
            }
            Ended::Finished(Verdict::Committed | Verdict::Inconsistent | Verdict::Resolved)
            | Ended::Paused(_)
            | Ended::AwaitingReboot => {
                worst = Exit::from(&ended);
                break;
            }
        }
    }
    super::aftermath::keep(context, folder);
    super::index(folder);
    Ok(worst)
}

/// What an earlier way back left below the current generation. One that came back and was not yet told of, since the
/// runner was killed before, is told of here.
pub(crate) fn half_taken_back(
    context: &Context,
    folder: &StateFolder,
    current: &Past,
) -> Result<Unsettled, CliError> {
    let found = standing::unsettled(folder, current)?;
    for past in &found.back {
        tell_newest(context, folder, past.number(), &past.state);
    }
    Ok(found)
}

/// Which generation's beginning is asked for.
fn target(
    folder: &StateFolder,
    current: GenerationNumber,
    to: Option<&str>,
) -> Result<GenerationNumber, CliError> {
    let Some(to) = to else { return Ok(current) };
    if let Ok(number) = to.parse::<u32>() {
        let number = GenerationNumber(number);
        if number > current || !folder.generation_folder(number).is_dir() {
            return Err(
                not_there(folder, number).hint("`switchback rollback --list` shows those that there are")
            );
        }
        return Ok(number);
    }
    let newest = Past::of(folder, current)?;
    let plan = newest.state.header.as_ref().map(|header| header.plan.clone());
    let numbers = folder.generations()?.into_iter().filter(|number| *number <= current);
    let of_plan: Vec<(GenerationNumber, PhaseId, bool)> = numbers
        .filter_map(|number| {
            let past = Past::of(folder, number).ok()?;
            let effective = in_effect(&past.state);
            let header = past.state.header?;
            (Some(&header.plan) == plan.as_ref()).then_some((number, header.phase, effective))
        })
        .collect();
    if let Some(gone) = gone(folder, plan.as_ref(), to)? {
        return Err(gone.hint("`switchback rollback --list` shows how far back the machine can go"));
    }
    let found = if to == "start" {
        of_plan.first().map(|(number, ..)| unreadable_before(folder, *number))
    } else {
        // An attempt that went back by itself left in effect what the one before had brought.
        let attempts = || of_plan.iter().rev().filter(|(_, phase, _)| phase.as_str() == to);
        attempts()
            .find(|(.., effective)| *effective)
            .or_else(|| attempts().next())
            .map(|(number, ..)| *number)
    };
    found.ok_or_else(|| {
        CliError::usage(format!("no generation was recorded before a phase `{to}` of the current plan"))
            .hint("`switchback rollback --list` shows the generations and their phases")
    })
}

/// The oldest of the generations right before this one that were sealed and of which nobody can read the beginning: whoever
/// goes back to a plan's start goes past them, and they are named. Without any, the generation itself.
fn unreadable_before(folder: &StateFolder, number: GenerationNumber) -> GenerationNumber {
    let unreadable = |number: &GenerationNumber| {
        let sealed = folder.generation_folder(*number).join("UNDO").exists();
        sealed && !Past::of(folder, *number).is_ok_and(|past| past.state.header.is_some())
    };
    let numbers = folder.generations().unwrap_or_default();
    let before = numbers.into_iter().rev().filter(|other| *other < number);
    before.take_while(unreadable).last().unwrap_or(number)
}

/// Why a generation that is named is not there.
pub(crate) fn not_there(folder: &StateFolder, number: GenerationNumber) -> CliError {
    let gone = folder.removed().unwrap_or_default().into_iter().find(|gone| gone.line.generation == number);
    match gone {
        Some(gone) => CliError::usage(format!(
            "generation {number} (phase `{}`) was removed by `history prune`, {}",
            gone.line.phase,
            report::text::when(gone.at)
        )),
        None => CliError::usage(format!("there is no generation {number}")),
    }
}

/// Why nobody can go back to before the plan's first phase, or this one: its generation was removed.
fn gone(folder: &StateFolder, plan: Option<&PlanName>, to: &str) -> Result<Option<CliError>, CliError> {
    let of_plan =
        folder.removed()?.into_iter().filter(|gone| Some(&gone.line.plan) == plan && gone.is_in_effect());
    let mut asked = of_plan.filter(|gone| to == "start" || gone.line.phase.as_str() == to);
    Ok(asked.next().map(|gone| not_there(folder, gone.line.generation)))
}

/// What is to be taken back, and what an earlier way back did not bring back.
#[derive(Default)]
struct Route {
    /// The generations whose phase may still be in effect, newest first.
    owed: Vec<Past>,
    /// What stays otherwise than recorded.
    stays: Vec<Item>,
    /// Those that nobody can read, newest first.
    lost: Vec<Lost>,
}

/// Nothing of these is in effect; whether the machine is in the recorded state is another matter, and so is what came before.
fn nothing_owed(context: &Context, folder: &StateFolder, target: GenerationNumber, stays: &[Item]) -> Exit {
    if stays.is_empty() {
        let numbers = folder.generations().unwrap_or_default().into_iter().rev();
        let before = numbers
            .filter(|number| *number < target)
            .find(|number| Past::of(folder, *number).is_ok_and(|past| in_effect(&past.state)));
        let before = before.map_or_else(String::new, |number| {
            format!(" Generation {number} is: `switchback rollback --to {number}` takes it back.")
        });
        let text = format!(
            "Nothing to take back: neither generation {target} nor a later one is in effect.{before}"
        );
        return out::nothing(context, &text, Exit::Done);
    }
    let text =
        format!("Nothing to take back from generation {target} on, but not all is as it was recorded:");
    out::nothing_but(context, &text, stays, Exit::Done)
}

/// What a generation that is over left otherwise than it was recorded: what a person settled, and what the plan says
/// cannot be undone.
fn stays(past: &Past) -> Vec<Item> {
    let named =
        |item: &Item, why: String| Item::new(format!("generation {}, {}", past.number(), item.name), why);
    let settled = past.resolved().into_iter().flat_map(|told| {
        let why = format!("put right by hand, by {}: {}", told.by, told.reason);
        told.items.iter().map(|item| named(item, why.clone())).collect::<Vec<Item>>()
    });
    let left = past.state.left.iter().map(|item| named(item, format!("left by design: {}", item.why)));
    settled.chain(left).collect()
}

fn route(
    context: &Context,
    folder: &StateFolder,
    current: GenerationNumber,
    target: GenerationNumber,
    to_start: bool,
) -> Result<Route, CliError> {
    if current == target && folder.lost().is_none() {
        // The common case reads one capsule, however many there are.
        let past = Past::of(folder, current)?;
        if stage::waits_for_boot(&past.state) {
            // The same way back went on below it.
            let below = half_taken_back(context, folder, &past)?.half.into_iter();
            let waiting = below.filter(|past| stage::waits_for_boot(&past.state));
            let waiting: Vec<Past> = waiting.collect();
            let owed = std::iter::once(past).chain(waiting).collect();
            return Ok(Route { owed, ..Route::default() });
        }
        if in_effect(&past.state) {
            return Ok(Route { owed: vec![past], ..Route::default() });
        }
        let mut left = half_taken_back(context, folder, &past)?;
        return match (left.half.is_empty(), left.unreadable.pop()) {
            (true, Some((_, why))) => Err(why),
            (false, _) | (true, None) => Ok(Route { owed: left.half, stays: stays(&past), lost: Vec::new() }),
        };
    }
    if let Some(gone) =
        folder.removed()?.iter().rev().find(|gone| gone.line.generation >= target && gone.is_in_effect())
    {
        let text =
            format!("nobody can go back to generation {target} past generation {}", gone.line.generation);
        return Err(CliError::usage(text).because(not_there(folder, gone.line.generation).text));
    }
    let mut route = Route::default();
    if let Some(number) = folder.lost() {
        let why = CliError::new(Exit::Inconsistent, format!("generation {number} is gone"));
        route.lost.push(Lost { number, why });
    }
    for number in
        folder.generations()?.into_iter().rev().filter(|number| *number <= current && *number >= target)
    {
        match Past::of(folder, number) {
            Ok(past) if in_effect(&past.state) => route.owed.push(past),
            Ok(past) => route.stays.extend(stays(&past)),
            // A capsule that was opened and never began changed nothing.
            Err(_) if !folder.generation_folder(number).join("UNDO").exists() => {}
            // The one that is asked for by its number or its phase must be whole.
            Err(why) if number == target && !to_start => return Err(why),
            Err(why) => route.lost.push(Lost { number, why }),
        }
    }
    let settled = folder.losses()?.into_iter().filter(|loss| loss.generation >= target);
    route.stays.extend(settled.map(|loss| {
        let why = format!("gone, and put right by hand, by {}: {}", loss.by, loss.reason);
        Item::new(format!("generation {}", loss.generation), why)
    }));
    Ok(route)
}

/// Whether the phase of a generation may have changed the machine and was not taken back.
pub(crate) fn in_effect(state: &RunState) -> bool {
    match state.stage.end() {
        Some(PhaseEnd::Committed | PhaseEnd::Inconsistent) => true,
        Some(PhaseEnd::NotApplicable | PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::Resolved) => false,
        None => state.stage != Stage::Idle,
    }
}

/// What will be done, said before it is done.
fn preview(context: &Context, folder: &StateFolder, route: &[Past], stays: Vec<Item>) {
    // What nobody can know is not undone on a guess.
    let unknown = route.iter().filter_map(|past| Some((past, past.journal.damage.as_ref()?)));
    let unknown = unknown.flat_map(|(past, damage)| doubted(&past.plan, &past.state, damage));
    let preview = RollbackPreview {
        state: folder.root().display().to_string(),
        generations: route.iter().filter_map(|past| previewed(context, past)).collect(),
        stays: stays.into_iter().chain(unknown).collect(),
    };
    if context.json {
        out::json_line(context, &report::rollback_preview_json(&preview));
    } else {
        out::put(&report::rollback_preview(&preview, &context.out_style()));
    }
}

fn previewed(context: &Context, past: &Past) -> Option<WayBackPreview> {
    let header = past.state.header.as_deref()?;
    let phase = past.plan.phase(&header.phase)?;
    let ahead = ahead_of(past, phase);
    let records = past.records();
    let records = records.get(..ahead.layers.min(records.len()))?;
    let host = host_of(context, &past.journal);
    let undo = ahead
        .undo
        .into_iter()
        .filter_map(|(part, step)| {
            let step = phase.steps(part).get(step)?;
            let StepUndo::Act(act) = &step.undo else { return None };
            Some(PreviewStep { step: step.id.clone(), act: act.clone(), who: step.who })
        })
        .collect();
    let probes_again = past.state.touched || past.journal.damage.is_some();
    let preview_step =
        |step: &Step| PreviewStep { step: step.id.clone(), act: step.act.clone(), who: step.who };
    let mut layers = Vec::new();
    for (spec, record) in phase.layers.iter().zip(records).rev() {
        let mut unwatched = Unwatched;
        let mut cx = LayerCx { host: &host, capsule: past.capsule.folder(), watch: &mut unwatched };
        let told = layer_for(spec).preview(&mut cx, record);
        let differences = told.unwrap_or_else(|why| vec![format!("cannot tell what this changes: {why}")]);
        layers.push(PreviewLayer { record: (*record).clone(), differences: shorten(differences) });
    }
    Some(WayBackPreview {
        generation: past.number(),
        plan: header.plan.clone(),
        revision: header.revision,
        phase: header.phase.clone(),
        begun: past.state.going_back(),
        undo,
        layers,
        rollback: phase.rollback.iter().skip(ahead.steps).map(preview_step).collect(),
        checks: if probes_again {
            phase.validate.iter().map(|check| check.id.clone()).collect()
        } else {
            Vec::new()
        },
    })
}

/// What is still to come of the way back, as it will be told to begin, or to go on.
fn ahead_of(past: &Past, phase: &Phase) -> Ahead {
    let asked = match past.journal.damage {
        Some(_) => Input::RollbackAlongDamage { boot: None, unknown: Vec::new() },
        None => Input::RollbackAsked { boot: None },
    };
    way_back(&past.plan, phase, &past.state, &asked, clock::now())
}

/// A preview is read by a person: the first lines, and how many more there are.
fn shorten(mut lines: Vec<String>) -> Vec<String> {
    const SHOWN: usize = 20;
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

pub(crate) fn agreed(context: &Context) -> Result<bool, CliError> {
    let words = report::question::rollback(&context.err_style());
    tools::agreed(context, "add `--yes` to go back without being asked", words)
}

fn take_back(
    context: &Context,
    folder: &StateFolder,
    past: Past,
    way: &WayBack<'_>,
) -> Result<(RunState, Ended), CliError> {
    let mut reporter = tools::reporter(context);
    let mut operator = tools::operator(context, way.guidance);
    let approved = Approved { plan_yaml: Vec::new(), plan: past.plan };
    let tools = Tools {
        host: &context.host,
        signals: tools::signals()?,
        reporter: &mut reporter,
        operator: operator.as_mut(),
        style: context.err_style(),
        cores: Context::cores(),
        version: env!("CARGO_PKG_VERSION"),
        guarding: way.guarding.clone(),
    };
    let mut session = Session::new(folder, approved, tools);
    let (state, ended) = match way.why {
        Why::Asked => session.roll_back(past.capsule)?,
        Why::Soak(cause) => session.soak_failed(past.capsule, cause.clone())?,
        Why::Guard(cause) => session.guard_fired(past.capsule, cause.clone())?,
    };
    let unrecorded = session.unrecorded().map(str::to_owned);
    drop(session);
    tools::finish(&mut reporter, &ended);
    tools::say_unrecorded(context, unrecorded, &ended);
    Ok((state, ended))
}

/// The journal of a plan's newest generation says how every phase of that plan stands; so it is told of an older one
/// that was taken back, once.
pub(crate) fn tell_newest(
    context: &Context,
    folder: &StateFolder,
    taken_back: GenerationNumber,
    state: &RunState,
) {
    let (Stage::Ended(end), Some(header)) = (&state.stage, state.header.as_deref()) else { return };
    // The phase was settled before that generation took it once more, and is again.
    let stands = state.itinerary.done.iter().find(|(phase, _)| *phase == header.phase);
    if stands.is_some_and(|(_, stands)| matches!(stands, PhaseEnd::Committed | PhaseEnd::NotApplicable)) {
        return;
    }
    let newest = match standing::newest_of(folder, &header.plan) {
        Ok(Some(newest)) if newest != taken_back => newest,
        Ok(Some(_) | None) => return,
        Err(why) => {
            out::line(context, &format!("warning: no generation could be told of this: {}", why.text));
            return;
        }
    };
    let event = Event::EarlierTakenBack { generation: taken_back, phase: header.phase.clone(), end: *end };
    if let Err(why) = tell(folder, newest, event) {
        out::line(context, &format!("warning: generation {newest} could not be told of this: {why}"));
    }
}

fn tell(folder: &StateFolder, newest: GenerationNumber, event: Event) -> Result<(), String> {
    let capsule = folder.capsule(newest).map_err(|why| why.to_string())?;
    let told = capsule.journal().map_err(|why| why.to_string())?;
    // Looked at before it is opened to be written: what does not begin with its phase would be read as another's.
    if !matches!(told.envelopes.first().map(|first| &first.event), Some(Event::PhaseBegan(_))) {
        return Err("its journal does not begin with a phase".to_owned());
    }
    if told.envelopes.iter().any(|envelope| envelope.event == event) {
        return Ok(());
    }
    // A fact behind what is lost would hide the loss.
    let (mut writer, journal) = capsule.writer().map_err(|why| why.to_string())?;
    let seq = journal.envelopes.last().map_or(0, |envelope| envelope.seq) + 1;
    let envelope = crate::model::Envelope { seq, at: crate::system::clock::now(), event };
    writer.append(&[envelope]).map_err(|why| why.to_string())
}
