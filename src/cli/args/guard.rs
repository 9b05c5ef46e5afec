//! What can be typed of guards and of a word to a change.

use super::generation;
use clap::{Args, Subcommand};

/// `switchback confirm`
#[derive(Debug, Args)]
pub(in crate::cli) struct Confirm {
    /// It is to go back, now.
    #[arg(long)]
    pub(in crate::cli) revert: bool,
    /// The generation that is meant [default: the current one]; another one is a mistake.
    #[arg(long, value_name = "GENERATION", value_parser = generation)]
    pub(in crate::cli) generation: Option<u32>,
}

/// `switchback guard`
#[derive(Debug, Args)]
pub(in crate::cli) struct Guard {
    /// What to do.
    #[command(subcommand)]
    pub(in crate::cli) verb: GuardVerb,
}

/// What one does with guards.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum GuardVerb {
    /// Set up the unit that acts after a reboot: it takes back what nobody decided, and goes on with what asked for the
    /// reboot.
    ///
    /// For the system as root, for one's own service manager otherwise. On NixOS it prints a module for the configuration.
    Install {
        /// Show what would be set up, and set nothing up.
        #[arg(long)]
        dry_run: bool,
        /// In place of what somebody changed, or put there.
        #[arg(long)]
        force: bool,
    },
    /// Take away exactly what was installed.
    Remove {
        /// Also what somebody changed since.
        #[arg(long)]
        force: bool,
    },
    /// What acts after a reboot, and what guards the phase that is open now.
    Status,
    /// Watch a runner from outside; it starts this itself.
    #[command(hide = true)]
    Stand {
        /// The generation.
        #[arg(long)]
        generation: u32,
        /// The runner: `PID:STARTED`.
        #[arg(long)]
        runner: crate::system::guard::Runner,
        /// The deadline in milliseconds since the machine was started.
        #[arg(long)]
        until: Option<u64>,
    },
    /// Take over from a runner whose time has passed; a timer starts this.
    #[command(hide = true)]
    Fire {
        /// The generation.
        #[arg(long)]
        generation: u32,
        /// The runner: `PID:STARTED`.
        #[arg(long)]
        runner: crate::system::guard::Runner,
    },
    /// After a reboot; the boot unit starts this.
    #[command(hide = true)]
    Boot,
    /// Goes on with the phase that asked for a reboot; the boot unit starts this.
    #[command(hide = true)]
    Continue,
}
