//! `switchback rescue`: the way home itself. Whether it is whole, a copy of it elsewhere, and a rehearsal.

mod drill;
mod export;
mod verify;

use super::args::{Rescue, RescueVerb};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::{elsewhere, out, rollback};
use crate::model::{GenerationNumber, Item, counted};
use crate::report::{self, Line, render};
use crate::store::StateFolder;
pub(crate) use drill::last_drill;
use serde::Serialize;

pub(crate) fn rescue(context: &Context, args: &Rescue) -> Result<Exit, CliError> {
    elsewhere::foreword(context, false);
    match &args.verb {
        RescueVerb::Status => status(context),
        RescueVerb::Verify { generation } => verify(context, generation.map(GenerationNumber)),
        RescueVerb::Export { folder, generation } => {
            export::export(context, folder, generation.map(GenerationNumber))
        }
        RescueVerb::Drill { generation, activate } => {
            drill::drill(context, generation.map(GenerationNumber), *activate)
        }
    }
}

/// The generation that is named, or the current one.
fn chosen(
    context: &Context,
    folder: &StateFolder,
    named: Option<GenerationNumber>,
) -> Result<GenerationNumber, CliError> {
    let number = match named {
        Some(number) => number,
        None => folder.current().ok_or_else(|| context.nothing_run(""))?,
    };
    if folder.generation_folder(number).is_dir() {
        Ok(number)
    } else {
        Err(rollback::not_there(folder, number).hint("`switchback rescue status` shows those that there are"))
    }
}

/// One capsule in `rescue status`.
#[derive(Serialize)]
struct Standing {
    generation: GenerationNumber,
    phase: Option<String>,
    /// In effect: going back to before it changes something.
    in_effect: bool,
    /// Bytes that a way back writes at most.
    restores: u64,
    /// What a cheap look found wrong.
    damage: Vec<Item>,
    drill: Option<drill::Drill>,
}

fn status(context: &Context) -> Result<Exit, CliError> {
    let Some(folder) = context.look_if_any()? else {
        let text = format!("No capsule: nothing was ever run in {}.", context.state.display());
        return Ok(out::nothing(context, &text, Exit::Done));
    };
    let mut all = Vec::new();
    for number in folder.generations()?.into_iter().rev() {
        let past = match Past::begun(&folder, number) {
            Ok(Some(past)) => past,
            Ok(None) => continue,
            Err(why) => {
                let damage = vec![Item::new(format!("generation {number}"), why.text)];
                all.push(Standing {
                    generation: number,
                    phase: None,
                    in_effect: true,
                    restores: 0,
                    damage,
                    drill: None,
                });
                continue;
            }
        };
        let (needs, mut damage) = verify::needs(&past);
        damage.extend(past.capsule.journal_damage(&past.journal));
        all.push(Standing {
            generation: number,
            phase: past.state.phase().map(ToString::to_string),
            in_effect: rollback::in_effect(&past.state),
            restores: needs.bytes,
            damage,
            drill: drill::read(past.capsule.folder()),
        });
    }
    if context.json {
        out::json(
            context,
            &serde_json::json!({ "state": context.state.display().to_string(), "capsules": all }),
        );
        return Ok(Exit::Done);
    }
    for one in &all {
        let effect = if one.in_effect { "in effect" } else { "over" };
        let drilled = one
            .drill
            .as_ref()
            .map_or_else(|| "never rehearsed".to_owned(), |drill| drill.words(crate::system::clock::now()));
        let phase = one.phase.as_deref().unwrap_or("unknown");
        let text =
            format!("phase {phase}, {effect}, restores {}; {drilled}", report::text::bytes(one.restores));
        out::line(context, &format!("generation {}: {text}", one.generation));
        told(context, &one.damage);
    }
    Ok(Exit::Done)
}

fn verify(context: &Context, named: Option<GenerationNumber>) -> Result<Exit, CliError> {
    let folder = context.look_for("")?;
    let numbers = match named {
        Some(_) => vec![chosen(context, &folder, named)?],
        None => folder.generations()?,
    };
    let mut damage: Vec<Item> = Vec::new();
    if let Some(lost) = folder.lost() {
        damage.push(Item::new(format!("generation {lost}"), "is gone"));
    }
    let mut read = 0;
    for number in numbers {
        let Some(found) = verify::whole(&folder, number) else { continue };
        read += 1;
        let named = |item: Item| Item::new(format!("generation {number}, {}", item.name), item.why);
        damage.extend(found.into_iter().map(named));
    }
    let exit = if damage.is_empty() { Exit::Done } else { Exit::Failing };
    if context.json {
        let told = serde_json::json!({ "capsules": read, "damage": damage, "exit": exit.status() });
        out::json(context, &told);
        return Ok(exit);
    }
    if damage.is_empty() {
        out::line(context, &format!("Whole: {} read to the last byte.", counted(read, "capsule")));
    } else {
        out::line(context, &format!("Not whole, of {} that were read:", counted(read, "capsule")));
        told(context, &damage);
    }
    Ok(exit)
}

fn told(context: &Context, items: &[Item]) {
    let lines: Vec<Line> = items.iter().map(|item| Line::plain(&item.why).about(&item.name).at(1)).collect();
    out::put(&render(&lines, &context.out_style()));
}
