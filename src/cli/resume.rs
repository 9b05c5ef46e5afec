//! `switchback resume`: takes up an interrupted or paused run where it stood.

use super::args::Resume;
use super::context::Context;
use super::detached::{self, Handing};
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::rollback::{WayBack, Why, take_all_back};
use super::whereabouts::meant;
use super::{out, tools};
use crate::app::{Session, Tools};
use crate::store::{Approved, HandedOver};

pub(crate) fn resume(context: &Context, args: &Resume) -> Result<Exit, CliError> {
    let how = match &args.by_itself.handed_over {
        Some(how) => how,
        None => return take_up(context, args, None),
    };
    let folder = context.look_for("")?;
    let run = meant(context, &folder, None)?;
    detached::carry(context, &run, how, |handed| take_up(context, args, Some(handed)))
}

fn take_up(context: &Context, args: &Resume, handed: Option<&HandedOver>) -> Result<Exit, CliError> {
    let detach = args.by_itself.detach;
    let guidance = tools::guidance(context, args.unattended || detach)?;
    // Nothing is created: where nothing was run, there is nothing to take up.
    if context.look_if_any()?.is_none() {
        let text = format!("Nothing to resume: nothing was ever run in {}.", context.state.display());
        return Ok(out::nothing(context, &text, Exit::Done));
    }
    let guarding = tools::guarding(context, args.no_guard);
    let (folder, lock) = context.act("resume")?;
    let Some(past) = Past::current(&folder)? else {
        // A runner that was killed before its first fact leaves a folder and no generation: the machine is as it was.
        let text = format!("Nothing to resume: nothing was begun in {}.", folder.root().display());
        return Ok(out::nothing(context, &text, Exit::Done));
    };
    if let Some(verdict) = past.state.finished {
        if super::stage::waits_for_boot(&past.state) {
            let way = WayBack { why: Why::Asked, guidance, guarding };
            return take_all_back(context, &folder, vec![past], &way);
        }
        let mut left = super::rollback::half_taken_back(context, &folder, &past)?;
        let failed = left.obstacle().filter(|why| why.exit == Exit::Inconsistent);
        left.half.retain(|past| past.state.going_back());
        if !left.half.is_empty() {
            let way = WayBack { why: Why::Asked, guidance, guarding };
            return take_all_back(context, &folder, left.half, &way);
        }
        // What failed is mended by a person first: it is taken up by a rollback alone.
        if let Some(why) = failed {
            return Err(why);
        }
        let exit = match verdict {
            crate::model::Verdict::Inconsistent => Exit::Inconsistent,
            crate::model::Verdict::Committed
            | crate::model::Verdict::Refused
            | crate::model::Verdict::RolledBack
            | crate::model::Verdict::Resolved => Exit::Done,
        };
        if past.state.held.is_some() {
            let text = format!(
                "Nothing to resume: the run of generation {} has ended, and its phase holds the next one: {}.",
                past.number(),
                super::stage::let_go(&past.state)
            );
            return Ok(out::nothing(context, &context.proposing(&text), Exit::Paused));
        }
        let text = format!("Nothing to resume: the run of generation {} has ended.", past.number());
        return Ok(out::nothing(context, &text, exit));
    }
    if detach && let Some(header) = &past.state.header {
        let mut words = context.state_words();
        words.extend(["resume", "--unattended"].map(str::to_owned));
        words.extend(args.no_guard.then(|| "--no-guard".to_owned()));
        let handing = Handing { run: header.run.clone(), plan: &past.plan, words };
        return detached::begin(context, &folder, lock, &handing);
    }
    let mut reporter = tools::reporter_of(context, handed);
    let mut operator = tools::operator(context, guidance);
    let approved = Approved { plan_yaml: past.capsule.plan_yaml()?, plan: past.plan };
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
    let mut session = Session::new(&folder, approved, tools);
    let (_, ended) = session.take_up(past.capsule, guidance)?;
    let unrecorded = session.unrecorded().map(str::to_owned);
    drop(session);
    super::tidy(context, &folder);
    super::aftermath::keep(context, &folder);
    super::index(&folder);
    let exit = tools::finish(&mut reporter, &ended);
    tools::say_unrecorded(context, unrecorded, &ended);
    super::reboot::order(context, &ended, guidance)?;
    Ok(exit)
}
