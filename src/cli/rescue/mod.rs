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
    let mut read = Vec::new();
    for number in numbers {
        let Some(found) = verify::whole(&folder, number) else { continue };
        read.push(number);
        let named = |item: Item| Item::new(format!("generation {number}, {}", item.name), item.why);
        damage.extend(found.into_iter().map(named));
    }
    let exit = if damage.is_empty() { Exit::Done } else { Exit::Failing };
    if context.json {
        let told = serde_json::json!({ "capsules": read.len(), "generations": read, "damage": damage, "exit": exit.status() });
        out::json(context, &told);
        return Ok(exit);
    }
    let count = counted(read.len(), "capsule");
    if read.is_empty() {
        out::line(context, "No capsule is here that could be read.");
        told(context, &damage);
    } else if damage.is_empty() {
        out::line(context, &format!("Whole: {count} read to the last byte: {}.", by_number(&read)));
    } else {
        out::line(context, &format!("Not whole, of {count} that were read ({}):", by_number(&read)));
        told(context, &damage);
    }
    Ok(exit)
}

/// `generation 0003`, `generations 0001 to 0003, 0005`; the numbers rise.
fn by_number(numbers: &[GenerationNumber]) -> String {
    let mut rows: Vec<(GenerationNumber, GenerationNumber)> = Vec::new();
    for number in numbers {
        match rows.last_mut() {
            Some((_, last)) if last.0 + 1 == number.0 => *last = *number,
            Some(_) | None => rows.push((*number, *number)),
        }
    }
    let rows = rows.iter().map(|(first, last)| match last.0 - first.0 {
        0 => first.to_string(),
        _ => format!("{first} to {last}"),
    });
    let noun = if numbers.len() == 1 { "generation" } else { "generations" };
    format!("{noun} {}", rows.collect::<Vec<_>>().join(", "))
}

fn told(context: &Context, items: &[Item]) {
    let lines: Vec<Line> = items.iter().map(|item| Line::plain(&item.why).about(&item.name).at(1)).collect();
    out::put(&render(&lines, &context.out_style()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_named_by_rows() {
        for (numbers, words) in [
            (&[3][..], "generation 0003"),
            (&[1, 2], "generations 0001 to 0002"),
            (&[1, 2, 3, 5, 7, 8], "generations 0001 to 0003, 0005, 0007 to 0008"),
        ] {
            let numbers: Vec<GenerationNumber> = numbers.iter().copied().map(GenerationNumber).collect();
            assert_eq!(by_number(&numbers), words);
        }
    }
}
