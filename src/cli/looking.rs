//! `status`, `history`, `show`, `rollback --list`: what the capsules say. Changes nothing.

use super::args::{History, Show};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::{out, stage};
use crate::engine::Stage;
use crate::model::{CurrentLine, GenerationNumber, PhaseEnd, PhaseId, PhaseLine, Status, Timestamp};
use crate::report;
use crate::store::{HistoryFilter, StateFolder};

pub(crate) fn status(context: &Context) -> Result<Exit, CliError> {
    let status = match context.look() {
        Ok(folder) => gather(context, &folder)?,
        // A machine on which nothing was ever run has a status too.
        Err(_) if matches!(context.state.try_exists(), Ok(false)) => Status {
            state: context.state.display().to_string(),
            current: None,
            phases: Vec::new(),
            quarantine: Vec::new(),
            holder: None,
            damage: Vec::new(),
        },
        Err(why) => return Err(why),
    };
    if context.json {
        out::json(context, &report::status_json(&status));
    } else {
        out::put(&report::status(&status, &context.out_style()));
    }
    Ok(Exit::Done)
}

fn gather(context: &Context, folder: &StateFolder) -> Result<Status, CliError> {
    let quarantine = folder.quarantine()?;
    let mut status = Status {
        state: folder.root().display().to_string(),
        current: None,
        phases: Vec::new(),
        quarantine: quarantine.lines,
        holder: crate::system::lock::holder(folder.root()).map(|holder| holder.to_string()),
        damage: quarantine.damage,
    };
    let Some(past) = Past::current(folder)? else { return Ok(status) };
    let Some(header) = past.state.header.as_deref() else { return Ok(status) };
    let at =
        |envelope: Option<&crate::model::Envelope>| envelope.map_or(Timestamp(0), |envelope| envelope.at);
    let running = status.holder.is_some() && past.state.finished.is_none() && past.state.paused.is_none();
    let waiting =
        if running { None } else { stage::waiting(&past.state).map(|words| context.proposing(&words)) };
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
        began: at(past.journal.envelopes.first()),
        last: at(past.journal.envelopes.last()),
        items: past.state.items.clone(),
    });
    let ends = |id: &PhaseId| past.done().iter().find(|(phase, _)| phase == id).map(|(_, end)| *end);
    let settled = |id: &PhaseId| matches!(ends(id), Some(PhaseEnd::Committed | PhaseEnd::NotApplicable));
    let open = !matches!(past.state.stage, Stage::Ended(_));
    let due = if open {
        Some(header.phase.clone())
    } else {
        past.plan.phases.iter().map(|phase| phase.id.clone()).find(|id| !settled(id))
    };
    status.phases = past
        .plan
        .phases
        .iter()
        .map(|phase| PhaseLine {
            phase: phase.id.clone(),
            title: phase.title.clone(),
            end: ends(&phase.id),
            due: due.as_ref() == Some(&phase.id),
        })
        .collect();
    status.damage.extend(past.capsule.journal_damage(&past.journal));
    Ok(status)
}

pub(crate) fn history(context: &Context, args: &History) -> Result<Exit, CliError> {
    let folder = context.look()?;
    if args.rebuild {
        folder.rebuild_history()?;
    }
    let history = folder.history(&HistoryFilter { limit: Some(args.limit), ..HistoryFilter::default() })?;
    if context.json {
        out::json(context, &report::history_json(&history.lines));
    } else {
        out::put(&report::history(&history.lines, &context.out_style()));
    }
    Ok(Exit::Done)
}

/// The generations that one can go back to.
pub(crate) fn list(context: &Context, folder: &StateFolder) -> Result<Exit, CliError> {
    let history = folder.history(&HistoryFilter::default())?;
    if context.json {
        out::json(context, &report::history_json(&history.lines));
    } else {
        out::put(&report::rollback_list(&history.lines, &context.out_style()));
    }
    Ok(Exit::Done)
}

pub(crate) fn show(context: &Context, args: &Show) -> Result<Exit, CliError> {
    let folder = context.look()?;
    let number = match args.generation {
        Some(number) => GenerationNumber(number),
        None => folder.current().ok_or_else(|| {
            CliError::new(Exit::Internal, format!("no generation in {}", folder.root().display()))
        })?,
    };
    if !folder.generation_folder(number).is_dir() {
        return Err(CliError::usage(format!("there is no generation {number}"))
            .hint("`switchback history` shows those that there are"));
    }
    let showing = folder.showing(number)?;
    if context.json {
        out::json(context, &report::show_json(&showing));
    } else {
        out::put(&report::show(&showing, &context.out_style()));
    }
    if args.evidence && !context.json {
        let capsule = folder.capsule(number)?;
        for name in capsule.evidence_names()? {
            let text = capsule.evidence_read(&name)?;
            out::unbroken(context, &format!("== {name}"));
            for line in text.trim_end().lines() {
                out::unbroken(context, line);
            }
        }
    }
    Ok(Exit::Done)
}
