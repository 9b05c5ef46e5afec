//! `switchback wait`: until a run has ended.

use super::args::Wait;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::out;
use super::whereabouts::{Whereabouts, find, meant};
use crate::model::RunId;
use crate::store::StateFolder;
use crate::system::clock;
use crate::system::guard::pause;
use std::time::Duration;

/// How soon it is looked again.
const AGAIN: Duration = Duration::from_millis(100);

pub(crate) fn wait(context: &Context, args: &Wait) -> Result<Exit, CliError> {
    let Some(folder) = context.look_if_any()? else {
        return nothing(context, args.run.as_deref());
    };
    let run = meant(context, &folder, args.run.as_deref())?;
    let began = clock::tick();
    loop {
        let found = known(context, &folder, &run)?;
        let over = args.timeout.is_some_and(|timeout| began.elapsed() >= timeout.duration());
        if !found.goes_on() || over {
            found.show(context);
            return Ok(found.exit());
        }
        pause(AGAIN);
    }
}

/// Where a run is; it must be known here.
pub(crate) fn known(context: &Context, folder: &StateFolder, run: &RunId) -> Result<Whereabouts, CliError> {
    find(folder, run)?.ok_or_else(|| {
        let text = format!("no run `{run}` is known in {}", context.state.display());
        CliError::usage(text)
            .hint("`switchback history` lists what was run; `--state DIR` names another state folder")
    })
}

/// Nothing was ever run: that is no error for who asks for no run by name.
pub(crate) fn nothing(context: &Context, named: Option<&str>) -> Result<Exit, CliError> {
    if let Some(run) = named {
        let text = format!("no run `{run}` is known: nothing was ever run in {}", context.state.display());
        return Err(CliError::usage(text).hint("`--state DIR` names another state folder"));
    }
    let text = format!("Nothing was ever run in {}.", context.state.display());
    Ok(out::nothing(context, &text, Exit::Done))
}
