//! What can be typed of runs that go on by themselves.

use crate::model::Span;
use clap::Args;

/// A run that goes on by itself, and its name.
#[derive(Debug, Args)]
pub(in crate::cli) struct Detach {
    /// Hand the run over to the service manager, or to a session of its own, and return at once.
    ///
    /// Nobody is asked then, as with `--unattended`. `attach` follows it, `wait` waits for its end, `confirm` answers it.
    #[arg(long)]
    pub(in crate::cli) detach: bool,
    /// How this process was started, to carry a run: `session`, or the unit that it is in.
    #[arg(long, hide = true, value_name = "UNIT|session", conflicts_with = "detach")]
    pub(in crate::cli) handed_over: Option<String>,
}

/// Which run is meant.
#[derive(Debug, Args)]
pub(in crate::cli) struct Attach {
    /// The run's name [default: the newest].
    #[arg(value_name = "RUN")]
    pub(in crate::cli) run: Option<String>,
}

/// `switchback wait`
#[derive(Debug, Args)]
pub(in crate::cli) struct Wait {
    /// The run's name [default: the newest].
    #[arg(value_name = "RUN")]
    pub(in crate::cli) run: Option<String>,
    /// Wait no longer than this, such as `90s`, `10m`, `2h` [default: for ever].
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub(in crate::cli) timeout: Option<Span>,
}

/// `switchback status`
#[derive(Debug, Args)]
pub(in crate::cli) struct Status {
    /// Only that run: its place and, as the exit status, how it ended; 75 while it goes on.
    #[arg(long, value_name = "RUN")]
    pub(in crate::cli) run_id: Option<String>,
}

/// A length of time, as it is typed.
fn length(word: &str) -> Result<Span, String> {
    Span::parse(word).ok_or_else(|| "a length of time is written as 90s, 10m or 2h".to_owned())
}
