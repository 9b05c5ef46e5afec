//! What is found of a phase while it soaks and left to a person: the fact of it, and how it is released. Nothing of the
//! machine is changed.

use super::context::Context;
use super::error::CliError;
use super::past::Past;
use super::{out, tools};
use crate::app::{Session, Tools};
use crate::engine::{Ended, Heard, Input, RunState, checks_in, decide};
use crate::model::{CheckReport, Guidance, Held, Item, Timestamp};
use crate::report::{self, Fanout};
use crate::store::{Approved, StateFolder};
use crate::system::clock;

/// What was found, with what was observed.
pub(crate) fn held(since: Timestamp, cause: crate::model::Cause, reports: &[CheckReport]) -> Held {
    let named = reports.iter().filter(|report| checks_in(&cause).contains(&report.check));
    let item = |report: &CheckReport| {
        let words = format!("{}: {}", report.outcome.word(), report::text::findings(report));
        Item::new(format!("check {}", report.check), words)
    };
    let found = named.map(item).collect();
    Held { since, cause, found }
}

/// Whether this is no news to the phase: it is held for it already, or holds nothing.
pub(crate) fn is_known(past: &Past, said: &Input) -> bool {
    decide(&past.plan, &past.state, said, Heard::Nothing, clock::now()).events.is_empty()
}

/// Records it, and shows it. The lock is the caller's.
pub(crate) fn note(
    context: &Context,
    folder: &StateFolder,
    past: Past,
    said: &Input,
) -> Result<(RunState, Ended), CliError> {
    let mut reporter = tools::reporter(context);
    let mut operator = tools::operator(context, Guidance::Unattended);
    let approved = Approved { plan_yaml: Vec::new(), plan: past.plan };
    let tools = Tools {
        host: &context.host,
        signals: tools::signals()?,
        reporter: &mut reporter,
        operator: operator.as_mut(),
        style: context.err_style(),
        cores: Context::cores(),
        version: env!("CARGO_PKG_VERSION"),
        // Nothing is done to the machine.
        guarding: tools::guarding(context, true),
    };
    let mut session = Session::new(folder, approved, tools);
    let (state, ended) = session.note_of_soak(past.capsule, said)?;
    drop(session);
    // No last words: no run ends here.
    Fanout::lost(&reporter).iter().for_each(|lost| out::lost(&lost.why));
    super::index(folder);
    Ok((state, ended))
}
