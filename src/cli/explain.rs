//! `switchback explain`: says what a plan will do. Changes nothing.

use super::args::PlanFile;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::{out, plan_file};
use crate::model::Plan;
use crate::plan::Diagnostics;
use crate::report;

pub(crate) fn explain(context: &Context, file: &PlanFile) -> Result<Exit, CliError> {
    let context = &context.acting_for(file.user.as_deref())?;
    let mut read = plan_file::valid(context, file)?;
    // Style is for `lint`; a link is news of this machine.
    read.loaded.warnings.clear();
    plan_file::warn_of_today(context, &mut read);
    show(context, &read.approved.plan, &read.loaded.warnings, &[]);
    Ok(Exit::Done)
}

/// What the plan will do, what is known now to bar its acts, and what else is to be warned of.
pub(crate) fn show(context: &Context, plan: &Plan, links: &Diagnostics, more: &[String]) {
    if context.json {
        let links = links.list.iter().map(|link| format!("{}:{}: {}", link.file, link.line, link.message));
        let warnings: Vec<String> = links.chain(more.iter().cloned()).collect();
        out::json(context, &report::explain_json(plan, &warnings));
        return;
    }
    out::put(&report::explain(plan, &context.out_style()));
    if !links.is_empty() {
        out::complain(&plan_file::complaints(context, links));
    }
    more.iter().for_each(|warning| out::line(context, &format!("warning: {warning}")));
}
