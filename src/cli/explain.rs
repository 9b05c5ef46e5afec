//! `switchback explain`: says what a plan will do. Changes nothing.

use super::args::PlanFile;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::{out, plan_file};
use crate::model::Plan;
use crate::report;

pub(crate) fn explain(context: &Context, file: &PlanFile) -> Result<Exit, CliError> {
    let context = &context.acting_for(file.user.as_deref())?;
    let mut read = plan_file::valid(context, file)?;
    // Style is for `lint`; a link is news of this machine.
    read.loaded.warnings.clear();
    plan_file::warn_of_links(&mut read);
    show(context, &read.approved.plan);
    if !read.loaded.warnings.is_empty() {
        out::complain(&plan_file::complaints(context, &read.loaded.warnings));
    }
    Ok(Exit::Done)
}

pub(crate) fn show(context: &Context, plan: &Plan) {
    if context.json {
        out::json(context, &report::explain_json(plan));
    } else {
        out::put(&report::explain(plan, &context.out_style()));
    }
}
