//! `switchback resolve`: a person says that what a way back could not restore was put right by hand, or that the plan goes
//! on whatever was found of a phase while it soaked. Nothing of the machine is changed; from then on the way forward is free.

use super::args::Resolve;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::{Past, gone};
use super::standing::{held_by, newest_held, unsettled};
use super::{out, rollback, soak, stage, tools};
use crate::app::doubted;
use crate::engine::{Input, Stage};
use crate::model::{GenerationNumber, Invoker, Item, PhaseEnd};
use crate::report;
use crate::store::{Loss, StateFolder};
use crate::system::clock;

const UNASKED: &str = "add `--yes` to record it without being asked";

pub(crate) fn resolve(context: &Context, args: &Resolve) -> Result<Exit, CliError> {
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(CliError::usage("`--reason` says nothing")
            .hint("say what was done, for whoever reads the history"));
    }
    let Some(folder) = context.look_if_any()? else {
        if let Some(number) = args.generation.map(GenerationNumber) {
            // A generation that is named, and is not there, is a mistake.
            return Err(context.nothing_run(&format!(" {number}")));
        }
        let text = format!("Nothing to resolve: nothing was ever run in {}.", context.state.display());
        return Ok(out::nothing(context, &text, Exit::Done));
    };
    let _lock = folder.lock("resolve")?;
    if let Some((number, items)) = unreadable(&folder, args.generation) {
        if !args.yes && !agreed(context, &items)? {
            return Ok(out::nothing(context, "Nothing was recorded.", Exit::Refused));
        }
        return settle(context, &folder, number, reason);
    }
    let Some(past) = chosen(&folder, args.generation)? else {
        let text = "Nothing to resolve: no way back failed, and no phase holds the next one.";
        return Ok(out::nothing(context, text, Exit::Done));
    };
    if let (false, Some(by)) = (is_inconsistent(&past), held_by(&past)) {
        let words = report::question::release(&by.phase, &by.held, &context.err_style());
        if !args.yes && !tools::agreed(context, UNASKED, words)? {
            return Ok(out::nothing(context, "Nothing was recorded.", Exit::Refused));
        }
        return release(context, &folder, past, reason);
    }
    if !args.yes && !agreed(context, &named(&past))? {
        return Ok(out::nothing(context, "Nothing was recorded.", Exit::Refused));
    }
    record(context, &folder, past, reason)
}

/// The current generation, where it is gone or nobody can read what it did, and why.
fn unreadable(folder: &StateFolder, named: Option<u32>) -> Option<(GenerationNumber, Vec<Item>)> {
    let (number, why) = match folder.lost() {
        Some(lost) => (lost, gone(folder, lost)),
        None => {
            let current = folder.current()?;
            (current, Past::of(folder, current).err()?)
        }
    };
    let causes = why.causes.into_iter().map(|cause| Item::new(format!("generation {number}"), cause));
    let first = Item::new(format!("generation {number}"), why.text);
    let items = std::iter::once(first).chain(causes).collect();
    named.is_none_or(|named| named == number.0).then_some((number, items))
}

/// A person says that the plan goes on, whatever was found of the phase while it soaked.
fn release(context: &Context, folder: &StateFolder, past: Past, reason: &str) -> Result<Exit, CliError> {
    let (number, until) = (past.number(), past.state.soak_until);
    let said = Input::SoakReleased { reason: reason.to_owned(), by: by(context) };
    let (state, ended) = soak::note(context, folder, past, &said)?;
    if context.json {
        let told = serde_json::json!({
            "ended": "hold-released", "generation": number, "soak_until": state.soak_until, "exit": Exit::Done.status(),
        });
        out::json_line(context, &told);
    } else {
        let when = match until.filter(|until| *until > clock::now()) {
            Some(until) => format!("when its soak is over, {}", report::text::when(until)),
            None => "now".to_owned(),
        };
        out::line(context, &format!("Recorded: the next phase may begin {when}."));
    }
    Ok(Exit::from(&ended))
}

fn by(context: &Context) -> Invoker {
    let who = &context.host.invoker;
    Invoker { uid: who.ids.uid, name: who.name.clone() }
}

/// A person looked at what a generation may have changed that tells of nothing any more.
fn settle(
    context: &Context,
    folder: &StateFolder,
    number: GenerationNumber,
    reason: &str,
) -> Result<Exit, CliError> {
    let by = context.host.invoker.name.clone();
    let loss = Loss { generation: number, reason: reason.to_owned(), by, at: clock::now() };
    folder.settle_loss(loss)?;
    super::index(folder);
    if context.json {
        let told =
            serde_json::json!({"ended": "loss-settled", "generation": number, "exit": Exit::Done.status()});
        out::json_line(context, &told);
    } else {
        let text =
            format!("Recorded: nothing tells of generation {number} any more, and it was put right by hand.");
        out::line(context, &text);
    }
    Ok(Exit::Done)
}

/// Whether a way back did not hold, or nobody can tell how the phase stands.
fn is_inconsistent(past: &Past) -> bool {
    past.state.stage == Stage::Ended(PhaseEnd::Inconsistent) || past.journal.damage.is_some()
}

/// What is to be put right, or looked at.
fn named(past: &Past) -> Vec<Item> {
    match &past.journal.damage {
        Some(damage) => doubted(&past.plan, &past.state, damage),
        None => past.state.items.clone(),
    }
}

/// The generation that is named, or the newest that stands in the way.
fn chosen(folder: &StateFolder, named: Option<u32>) -> Result<Option<Past>, CliError> {
    if let Some(number) = named {
        let number = GenerationNumber(number);
        if !folder.generation_folder(number).is_dir() {
            return Err(CliError::usage(format!("there is no generation {number}"))
                .hint("`switchback history` shows those that there are"));
        }
        let past = Past::of(folder, number)?;
        if !is_inconsistent(&past) && past.state.held.is_none() {
            let text = format!(
                "generation {number} is not inconsistent, and holds no phase: it is {}",
                stage::word(&past.state)
            );
            return Err(CliError::usage(text).hint("`switchback status` names what waits for a person"));
        }
        return Ok(Some(past));
    }
    let Some(current) = Past::current(folder)? else { return Ok(None) };
    if is_inconsistent(&current) {
        return Ok(Some(current));
    }
    let half = unsettled(folder, &current)?.half.into_iter().find(is_inconsistent);
    half.map_or_else(|| newest_held(folder), |past| Ok(Some(past)))
}

/// The items are shown and a person is asked.
fn agreed(context: &Context, items: &[Item]) -> Result<bool, CliError> {
    let words = report::question::resolve(items, &context.err_style());
    tools::agreed(context, UNASKED, words)
}

fn record(context: &Context, folder: &StateFolder, past: Past, reason: &str) -> Result<Exit, CliError> {
    let number = past.number();
    let by = by(context);
    let Past { plan, capsule, .. } = past;
    let ((state, ended), mut reporter) =
        tools::noted(context, folder, plan, |session| session.resolve(capsule, reason.to_owned(), by))?;
    rollback::tell_newest(context, folder, number, &state);
    super::index(folder);
    Ok(tools::finish(&mut reporter, &ended))
}
