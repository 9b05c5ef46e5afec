//! SHOW: facts in words, on terminals and for programs. Consumers only; they never influence a decision.
//!
//! Facts reach a [`Reporter`] after they are durable. All words are made here; what is foreign in them passes the
//! sanitiser of [`Style`] where a [`Line`] is rendered.

mod baseline;
mod evidence;
mod explain;
mod explain_json;
mod fact;
mod failures;
mod fanout;
mod foreseen;
mod formats;
mod guard_unit;
mod line;
mod look;
mod look_json;
mod named;
mod ndjson;
mod news;
mod observation;
mod plain;
pub mod question;
mod refused;
mod rules;
mod sandboxed;
mod scene;
mod shell_words;
mod story;
mod style;
mod summary;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
pub mod text;
mod trend;
mod units;
mod validation;

pub use baseline::{baselines, differences};
pub use evidence::evidence;
pub use explain::explain;
pub use explain_json::explain_json;
pub use fact::words;
pub use failures::{failures_json, programs_of};
pub use fanout::{Fanout, Lost};
pub use foreseen::{foreseen, foreseen_json};
pub use formats::{
    junit, junit_error, junit_nothing, nagios, nagios_nothing, nagios_unknown, prometheus, tap, tap_bail_out,
    tap_nothing, validation_end, validation_json, validation_line, validation_schema,
};
pub use guard_unit::BootUnit;
pub use line::{Line, Tone, render, with_option};
pub use look::{Length, history, rollback_list, rollback_preview, show, status};
pub use look_json::{history_json, rollback_preview_json, show_json, status_json};
pub use named::{elsewhere, named_check, named_checks};
pub use ndjson::{ExitOf, Ndjson};
pub use news::{Holds, WentBack, news_json, news_words};
pub use observation::observation;
pub use plain::{Plain, Stamps};
pub use sandboxed::{sandboxed, sandboxed_json};
pub use scene::{Fault, Scene, Standing, WayBack};
pub use shell_words::shell_words;
pub use story::story;
pub use style::{Sanitise, Style, Surroundings};
pub use summary::causes;
pub use terminal::Terminal;
pub use trend::{trend, trend_json};
pub use units::{cron_line, nix_module, service_unit, timer_unit};
pub use validation::validation;

use crate::model::{Envelope, Notice, Plan};
use std::io;

/// Shows what happens. It is told facts in their order, after they are durable.
pub trait Reporter {
    /// A fact of the past: it was shown when it happened, and is told for context where a run is taken up again.
    fn recall(&mut self, plan: &Plan, envelope: &Envelope);

    /// A new fact.
    ///
    /// # Errors
    /// The output's own; the run does not care.
    fn event(&mut self, plan: &Plan, envelope: &Envelope) -> io::Result<()>;

    /// Something to show and forget. A question to a person comes after [`Notice::Ended`] only, so that no live line
    /// is in its way.
    ///
    /// # Errors
    /// The output's own.
    fn notice(&mut self, _: &Notice) -> io::Result<()> {
        Ok(())
    }

    /// Another reporter was lost on the way; said once, before [`Reporter::finish`].
    ///
    /// # Errors
    /// The output's own.
    fn lost(&mut self, _: &Lost) -> io::Result<()> {
        Ok(())
    }

    /// The process stops now.
    ///
    /// # Errors
    /// The output's own.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
