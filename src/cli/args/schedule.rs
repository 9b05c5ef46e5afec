//! What can be typed of the timer that validates.

use clap::{Args, Subcommand};

/// `switchback schedule`
#[derive(Debug, Args)]
pub(in crate::cli) struct Schedule {
    /// What to do with it.
    #[command(subcommand)]
    pub(in crate::cli) verb: ScheduleVerb,
}

/// What one does with the timer.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ScheduleVerb {
    /// Set up a systemd timer, for the system manager as root and for one's own manager otherwise.
    ///
    /// On NixOS it prints a module for the configuration, without systemd a line for cron.
    Install(ScheduleInstall),
    /// Take away exactly what was installed.
    Remove {
        /// Also what somebody changed since.
        #[arg(long)]
        force: bool,
    },
    /// What is installed, whether it is as it would be installed now, and when it runs.
    Status,
}

/// `switchback schedule install`
#[derive(Debug, Args)]
pub(in crate::cli) struct ScheduleInstall {
    /// The time between two validations [default: the shortest `soak.every` of the plan that was run last, else 1h].
    #[arg(long, value_name = "LENGTH", conflicts_with = "on_calendar")]
    pub(in crate::cli) every: Option<String>,
    /// When, as systemd writes it: `Mon..Fri 03:00`.
    #[arg(long, value_name = "CALENDAR")]
    pub(in crate::cli) on_calendar: Option<String>,
    /// One's own service manager [default: unless root].
    #[arg(long)]
    pub(in crate::cli) user: bool,
    /// Only checks with this tag; may be repeated.
    #[arg(long, value_name = "TAG")]
    pub(in crate::cli) tag: Vec<String>,
    /// Judge what is committed also where nothing soaks; nothing is taken back then.
    #[arg(long)]
    pub(in crate::cli) always: bool,
    /// A report that each validation writes into a file; may be repeated: human, json, jsonl, junit, tap, nagios, prometheus.
    #[arg(long, value_name = "FORM=FILE")]
    pub(in crate::cli) report: Vec<String>,
    /// No notification on the desktop.
    #[arg(long)]
    pub(in crate::cli) no_desktop: bool,
    /// Show what would be set up, and set nothing up.
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// In place of what somebody changed, or put there.
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// A command that is told of a change of verdict, as JSON on its standard input; it takes the rest of the line. No
    /// shell reads it.
    #[arg(long, value_name = "COMMAND", num_args = 1.., allow_hyphen_values = true)]
    pub(in crate::cli) notify: Vec<String>,
}
