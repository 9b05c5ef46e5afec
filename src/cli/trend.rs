//! `switchback trend`: what a check found over time.

use super::args::Trend;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::{keep, out};
use crate::app::{TrendAsked, TrendFound, trend_of};
use crate::model::{CheckId, PhaseId, PlanName, Span, Timestamp};
use crate::report;
use crate::system::clock;

/// So many names are proposed.
const PROPOSED: usize = 12;

pub(crate) fn trend(context: &Context, args: &Trend) -> Result<Exit, CliError> {
    let name = |why: crate::model::BadId| CliError::usage(why.to_string());
    let asked = TrendAsked {
        check: CheckId::new(&args.check).map_err(name)?,
        plan: args.plan.as_ref().map(PlanName::new).transpose().map_err(name)?,
        phase: args.phase.as_ref().map(PhaseId::new).transpose().map_err(name)?,
        field: args.field.clone(),
        since: args.since.as_deref().map(since).transpose()?,
    };
    let Some(folder) = context.look_if_any()? else {
        let text = format!(
            "Nothing is known of any check: there is no state folder {}, and without one `validate` keeps nothing.",
            context.state.display()
        );
        return Ok(out::nothing(context, &text, Exit::Done));
    };
    match trend_of(&folder, &asked)? {
        TrendFound::Trend(trend) if context.json => out::json(context, &report::trend_json(&trend)),
        TrendFound::Trend(trend) => out::put(&report::trend(&trend, &context.out_style())),
        TrendFound::NoField(names) if names.is_empty() => {
            return Err(CliError::usage(format!("the check {} saw no number", asked.check)));
        }
        TrendFound::NoField(names) => {
            let field = asked.field.unwrap_or_default();
            return Err(CliError::usage(format!("the check {} has no number `{field}`", asked.check))
                .hint(format!("it has {}", names.join(", "))));
        }
        TrendFound::Nothing { known, missing } => {
            missing.iter().for_each(|why| keep::said(&format!("missing: {why}")));
            return nothing(context, &asked, &known);
        }
    }
    Ok(Exit::Done)
}

fn nothing(context: &Context, asked: &TrendAsked, known: &[CheckId]) -> Result<Exit, CliError> {
    let check = &asked.check;
    if known.is_empty() || known.contains(check) {
        let narrowed = asked.since.is_some() || asked.plan.is_some() || asked.phase.is_some();
        let within = if narrowed { " in what was asked for" } else { "" };
        let text = format!("Nothing is known of the check {check}{within}: it was not looked at yet.");
        return Ok(out::nothing(context, &text, Exit::Done));
    }
    let mut names: Vec<&str> = known.iter().map(CheckId::as_str).collect();
    let more = names.len().saturating_sub(PROPOSED);
    names.truncate(PROPOSED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(CliError::usage(format!("nothing is known of a check `{check}`"))
        .hint(format!("there are {}{more}", names.join(", "))))
}

/// So long ago, a day, or a point in time.
fn since(text: &str) -> Result<Timestamp, CliError> {
    if let Some(span) = Span::parse(text) {
        let ago = i64::try_from(span.0).unwrap_or(i64::MAX);
        return Ok(Timestamp(clock::now().0.saturating_sub(ago)));
    }
    let day = format!("{text}T00:00:00Z");
    Timestamp::try_from(text.to_owned()).or_else(|_| Timestamp::try_from(day)).map_err(|_| {
        CliError::usage(format!("`--since {text}` is no time"))
            .hint("write 2d, 2026-11-20 or 2026-11-20T08:00:00Z")
    })
}
