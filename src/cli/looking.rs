//! `status`, `history`, `show`, `rollback --list`: what the capsules say. Changes nothing.

use super::args::{self, History, HistoryVerb, Show};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::{self, Past};
use super::standing::{held_by, unsettled};
use super::whereabouts::meant;
use super::{aftermath, out, rollback, stage, wait};
use crate::engine::{self, Stage, Waits};
use crate::layer::{LayerCx, recorded_layer};
use crate::model::{
    Change, Changed, CurrentLine, GenerationNumber, HistoryLine, Item, Kept, PhaseEnd, PhaseId, PhaseLine,
    Showing, SoakWatch, Span, Status, Timestamp,
};
use crate::report;
use crate::store::{self, HistoryFilter, StateFolder};
use crate::system::clock;
use crate::system::process::Unwatched;

pub(crate) fn status(context: &Context, args: &args::Status) -> Result<Exit, CliError> {
    if let Some(run) = &args.run_id {
        return status_of_run(context, run);
    }
    let status = match context.look_if_any()? {
        Some(folder) => gather(context, &folder)?,
        // A machine on which nothing was ever run has a status too.
        None => Status {
            state: context.state.display().to_string(),
            current: None,
            phases: Vec::new(),
            today: None,
            quarantine: Vec::new(),
            holder: None,
            damage: Vec::new(),
            kept: kept(&[]),
        },
    };
    // Nobody can tell from what is left how the machine stands.
    let exit =
        if status.current.is_none() && !status.damage.is_empty() { Exit::Inconsistent } else { Exit::Done };
    let drill = super::rescue::last_drill(context, status.current.as_ref().map(|current| current.generation));
    if context.json {
        let mut told = report::status_json(&status);
        if let (Some(fields), Some(drill)) = (told.as_object_mut(), &drill) {
            fields.insert("drill".to_owned(), serde_json::json!(drill));
        }
        out::json(context, &told);
    } else {
        out::put(&report::status(&status, &context.out_style()));
        if let Some(drill) = drill {
            out::line(context, &drill.words(clock::now()));
        }
    }
    Ok(exit)
}

fn status_of_run(context: &Context, named: &str) -> Result<Exit, CliError> {
    let Some(folder) = context.look_if_any()? else { return wait::nothing(context, Some(named)) };
    let run = meant(context, &folder, Some(named))?;
    let found = wait::known(context, &folder, &run)?;
    found.show(context);
    Ok(found.exit())
}

fn kept(generations: &[GenerationNumber]) -> Kept {
    Kept {
        generations: generations.len(),
        oldest: generations.first().copied(),
        spent_at_most: store::SPENT_KEPT,
        spent_bytes_at_most: store::SPENT_BYTES,
    }
}

/// Who judges the phase while it soaks, where it still does.
fn soak_watch(folder: &StateFolder, past: &Past) -> Option<SoakWatch> {
    past.state.soak_until.filter(|until| *until > clock::now())?;
    let every = |every: Span| format!("every {every}");
    let wanted = past.state.phase().and_then(|phase| past.plan.phase(phase)?.soak?.every);
    Some(match folder.timetable() {
        Ok(Some(timetable)) => SoakWatch::Timer(match (timetable.wishes.every, timetable.wishes.calendar) {
            (Some(span), _) => every(span),
            (None, Some(calendar)) => format!("at `{calendar}`"),
            (None, None) => wanted.map_or_else(|| "every hour".to_owned(), every),
        }),
        Ok(None) | Err(_) => SoakWatch::Nobody(wanted.map(every)),
    })
}

fn gather(context: &Context, folder: &StateFolder) -> Result<Status, CliError> {
    let quarantine = folder.quarantine()?;
    let mut status = Status {
        state: folder.root().display().to_string(),
        current: None,
        phases: Vec::new(),
        today: None,
        quarantine: quarantine.lines,
        holder: crate::system::lock::holder(folder.root()).map(|holder| holder.to_string()),
        damage: quarantine.damage,
        kept: kept(&folder.generations()?),
    };
    let lost = folder.lost().map(|number| past::gone(folder, number));
    if let Some(why) = &lost {
        status.damage.push(Item::new("current", why.text.clone()));
    }
    let Some(past) = folder.current().map(|number| Past::newest(folder, number)).transpose()? else {
        return Ok(status);
    };
    let Some(header) = past.state.header.as_deref() else { return Ok(status) };
    let at =
        |envelope: Option<&crate::model::Envelope>| envelope.map_or(Timestamp(0), |envelope| envelope.at);
    let running = status.holder.is_some() && past.state.finished.is_none() && past.state.paused.is_none();
    let waiting = match lost {
        Some(why) => why.hint.map(|hint| format!("you: {hint}")),
        None if running => stage::word_awaited(&past.state),
        None => stage::waiting(&past.state, past.journal.damage.is_some()),
    };
    let waiting = waiting.map(|words| context.proposing(&words));
    let told = store::summarise(&past.journal.envelopes, None);
    status.current = Some(CurrentLine {
        generation: past.number(),
        run: header.run.clone(),
        plan: header.plan.clone(),
        revision: header.revision,
        phase: header.phase.clone(),
        stage: stage::word(&past.state).to_owned(),
        verdict: past.state.finished,
        cause: past.state.paused.clone().or(past.state.trouble.clone()).or(past.state.reverting.clone()),
        waiting,
        soak_until: past.state.soak_until,
        soak_watch: soak_watch(folder, &past),
        began: at(past.journal.envelopes.first()),
        last: at(past.journal.envelopes.last()),
        items: past.state.items.clone(),
        left: past.state.left.clone(),
        accepted: told.as_ref().map(|summary| summary.line.accepted.clone()).unwrap_or_default(),
        resolved: past.resolved(),
        hold: told.and_then(|summary| summary.line.hold),
    });
    // Committed, and the facts that end the phase are owed: whoever takes the run up writes them.
    let decided = past.state.stage == Stage::Disarming;
    let open = !decided && !matches!(past.state.stage, Stage::Ended(_));
    let mut done = past.done().to_vec();
    if decided {
        done.retain(|(phase, _)| *phase != header.phase);
        done.push((header.phase.clone(), PhaseEnd::Committed));
    } else if !open {
        below(context, folder, &past, &mut status, &mut done)?;
    }
    let ends = |id: &PhaseId| done.iter().find(|(phase, _)| phase == id).map(|(_, end)| *end);
    let settled = |id: &PhaseId| matches!(ends(id), Some(PhaseEnd::Committed | PhaseEnd::NotApplicable));
    let due = if open {
        Some(header.phase.clone())
    } else {
        past.plan.phases.iter().map(|phase| phase.id.clone()).find(|id| !settled(id))
    };
    let now = clock::now();
    let waits = Waits { soak_until: past.state.soak_until, held: held_by(&past) };
    let times = engine::timetable(&past.plan, &done, &waits, now, now.date());
    status.today = engine::today(&past.plan, now.date());
    status.phases = past
        .plan
        .phases
        .iter()
        .zip(times)
        .map(|(phase, time)| PhaseLine {
            phase: phase.id.clone(),
            title: phase.title.clone(),
            end: ends(&phase.id),
            due: due.as_ref() == Some(&phase.id),
            time,
        })
        .collect();
    status.damage.extend(past.capsule.journal_damage(&past.journal));
    Ok(status)
}

/// What an earlier way back left below the current generation, and what came back without having been told of.
fn below(
    context: &Context,
    folder: &StateFolder,
    past: &Past,
    status: &mut Status,
    done: &mut Vec<(PhaseId, PhaseEnd)>,
) -> Result<(), CliError> {
    let found = unsettled(folder, past)?;
    let plan = |past: &Past| past.state.header.as_ref().map(|header| header.plan.clone());
    for other in found.back.iter().chain(&found.half).filter(|other| plan(other) == plan(past)) {
        let Some(phase) = other.state.phase() else { continue };
        let stands = other.done().iter().find(|(done, _)| done == phase).map(|(_, end)| *end);
        // What is half back stands nowhere.
        let stands = stands.filter(|_| matches!(other.state.stage, Stage::Ended(_)));
        let told = done.iter().position(|(done, end)| done == phase && *end == PhaseEnd::Committed);
        match (told.and_then(|at| done.get_mut(at)), stands) {
            (Some(told), Some(stands)) => told.1 = stands,
            (Some(_), None) => done.retain(|(done, _)| done != phase),
            (None, _) => {}
        }
    }
    if let (Some(current), Some(words)) = (&mut status.current, found.words()) {
        let who = stage::below(&words, found.failed());
        current.waiting = Some(context.proposing(&who));
        current.items.extend(found.items());
    }
    let unreadable = found.unreadable.into_iter();
    status.damage.extend(unreadable.map(|(number, why)| Item::new(format!("generation {number}"), why.text)));
    Ok(())
}

pub(crate) fn history(context: &Context, args: &History) -> Result<Exit, CliError> {
    if let Some(HistoryVerb::Prune { keep, yes }) = &args.verb {
        return super::prune::prune(context, *keep, *yes);
    }
    let mut unread = Vec::new();
    let history = match context.look_if_any()? {
        Some(folder) => {
            if args.rebuild {
                folder.rebuild_history()?;
            }
            let mut lines = newest_first(folder.history(&HistoryFilter::default())?);
            unread = cannot_be_read(&folder, &lines)?;
            lines.iter_mut().for_each(|line| stand(&folder, line));
            let gone = folder.removed()?.into_iter();
            lines.extend(gone.map(|gone| HistoryLine { removed: Some(gone.at), ..gone.line }));
            lines.sort_by_key(|line| std::cmp::Reverse(line.generation));
            lines.truncate(args.limit);
            lines
        }
        None => Vec::new(),
    };
    if context.json {
        let mut told = report::history_json(&history);
        if let (Some(fields), false) = (told.as_object_mut(), unread.is_empty()) {
            fields.insert("damage".to_owned(), serde_json::json!(unread));
        }
        out::json(context, &told);
        return Ok(Exit::Done);
    }
    if !history.is_empty() || unread.is_empty() {
        out::put(&report::history(&history, &context.out_style()));
    }
    for item in unread {
        let words = format!(
            "{} is not told of: {}; `switchback status` says what there is to do",
            item.name, item.why
        );
        out::warn(context, &words);
    }
    Ok(Exit::Done)
}

/// Generations that acted, or may have, and have no line: why not.
fn cannot_be_read(folder: &StateFolder, lines: &[HistoryLine]) -> Result<Vec<Item>, CliError> {
    let numbers = folder.generations()?.into_iter().rev();
    let untold = numbers.filter(|number| !lines.iter().any(|line| line.generation == *number));
    let one =
        |number| Some(Item::new(format!("generation {number}"), Past::begun(folder, number).err()?.text));
    Ok(untold.filter_map(one).collect())
}

/// Where a phase stands that has not ended, as `status` says it.
fn stand(folder: &StateFolder, line: &mut HistoryLine) {
    if line.end.is_none()
        && let Ok(past) = Past::of(folder, line.generation)
    {
        line.stage = Some(stage::word(&past.state).to_owned());
    }
}

/// What is not as it was recorded, as it is now; nothing where the phase is not in effect or cannot be read.
fn changes(context: &Context, folder: &StateFolder, number: GenerationNumber) -> Option<Vec<Change>> {
    let past = Past::of(folder, number).ok()?;
    if !past.state.touched || !rollback::in_effect(&past.state) {
        return None;
    }
    let host = past::host_of(context, &past.journal);
    let mut found = Vec::new();
    for record in past.records() {
        let mut unwatched = Unwatched;
        let mut cx = LayerCx { host: &host, capsule: past.capsule.folder(), watch: &mut unwatched };
        let told =
            recorded_layer(past.capsule.folder(), record).and_then(|layer| layer.changes(&mut cx, record));
        match told {
            Ok(changes) => found.extend(changes),
            Err(why) => found.push(Change {
                layer: record.kind,
                change: Changed::Unknown,
                name: record.manifest.clone(),
                from: Some(record.target.clone()),
                to: None,
                how: vec![why.to_string()],
            }),
        }
    }
    Some(found)
}

/// What is asked for most stands first, also where only the first lines of a pipe are read.
fn newest_first(history: store::History) -> Vec<HistoryLine> {
    history.lines.into_iter().rev().collect()
}

/// The generations that one can go back to, newest first.
pub(crate) fn list(context: &Context, folder: Option<&StateFolder>) -> Result<Exit, CliError> {
    let history = match folder {
        Some(folder) => newest_first(folder.history(&HistoryFilter::default())?),
        None => Vec::new(),
    };
    if context.json {
        out::json(context, &report::history_json(&history));
    } else {
        out::put(&report::rollback_list(&history, &context.out_style()));
    }
    Ok(Exit::Done)
}

/// A generation that somebody asked for.
pub(crate) struct Shown {
    pub(crate) folder: StateFolder,
    pub(crate) number: GenerationNumber,
    pub(crate) showing: Showing,
}

/// The generation of this number, or the current one.
pub(crate) fn shown(context: &Context, generation: Option<u32>) -> Result<Shown, CliError> {
    let named = generation.map(GenerationNumber);
    let folder = context.look_for(&named.map_or_else(String::new, |number| format!(" {number}")))?;
    let number = match named {
        Some(number) => number,
        None => folder.current().ok_or_else(|| context.nothing_run(""))?,
    };
    if !folder.generation_folder(number).is_dir() {
        return Err(
            rollback::not_there(&folder, number).hint("`switchback history` shows those that there are")
        );
    }
    // Where its journal tells nothing, what there is to do all the same is said.
    let told = folder.showing(number);
    let mut showing =
        told.map_err(|why| Past::newest(&folder, number).err().unwrap_or_else(|| why.into()))?;
    stand(&folder, &mut showing.line);
    showing.changes = changes(context, &folder, number);
    Ok(Shown { folder, number, showing })
}

pub(crate) fn show(context: &Context, args: &Show) -> Result<Exit, CliError> {
    let Shown { folder, number, showing } = shown(context, args.generation)?;
    let capsule = folder.capsule(number)?;
    let mut kept = Vec::new();
    if args.evidence {
        for name in capsule.evidence_names()? {
            let text = capsule.evidence_read(&name)?;
            kept.push((name, text));
        }
        kept.extend(capsule.guard_log()?.map(|said| (aftermath::GUARD_LOG.to_owned(), said)));
    }
    if context.json {
        let mut document = report::show_json(&showing);
        if let (Some(fields), true) = (document.as_object_mut(), args.evidence) {
            let texts = kept.into_iter().map(|(name, text)| (name, text.into())).collect();
            fields.insert("evidence_text".to_owned(), serde_json::Value::Object(texts));
        }
        out::json(context, &document);
        return Ok(Exit::Done);
    }
    let length = if args.all { report::Length::Whole } else { report::Length::Short };
    out::put(&report::show(&showing, length, &context.out_style()));
    for (name, text) in kept {
        out::unbroken(context, &format!("== {name}"));
        for line in text.trim_end().lines() {
            out::unbroken(context, line);
        }
    }
    Ok(Exit::Done)
}
