//! What can be typed. The doc comments here are the manual.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Staged rollouts for a Linux machine that come back by themselves.
///
/// A plan encodes phases with preflight checks, apply steps, validation and a way back. The runner records a
/// generation before each phase and reverts on its own when the phase does not hold.
#[derive(Debug, Parser)]
#[command(name = "switchback", version, about, long_about, arg_required_else_help = true)]
#[command(after_help = "Start with `switchback tour`. At 2 a.m.: `switchback rollback`.")]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) verb: Verb,
    /// What holds for every verb.
    #[command(flatten)]
    pub(super) common: Common,
}

/// What holds for every verb.
#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env:
    /// SWITCHBACK_STATE].
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Take a machine through a plan, phase by phase.
    Run(Run),
    /// Take up an interrupted or paused run where it stood.
    Resume(Resume),
    /// Go back to a recorded generation. Needs no plan, no network and no database.
    Rollback(Rollback),
    /// Say that what a way back could not restore was put right by hand.
    Resolve(Resolve),
    /// Where we are: the phase that is due, what is waiting for whom.
    Status,
    /// What was run on this machine, newest first.
    History(History),
    /// One generation: what changed, every result, the evidence.
    Show(Show),
    /// Check a plan for errors and unwise places. Changes nothing.
    Lint(PlanFile),
    /// Say what a plan will do, with every command as it will be executed. Changes nothing.
    Explain(PlanFile),
    /// Print the JSON Schema of plans, for editors.
    Schema(Schema),
    /// See a rollout that reverts, in a playground of its own.
    Tour(Tour),
    /// Write shell completions, man pages and reference pages.
    #[command(hide = true)]
    Generate(Generate),
    /// A built-in act in a process with another user's ids; the act comes on standard input.
    #[command(hide = true)]
    Hands,
    /// A probe in a process of its own; it is given as JSON, and what it saw is said as JSON.
    #[command(hide = true)]
    Eyes {
        /// The probe.
        probe: String,
    },
}

/// A plan and the values of its variables.
#[derive(Debug, Clone, Args)]
pub(super) struct PlanFile {
    /// The plan, a YAML file.
    pub(super) plan: PathBuf,
    /// Set a variable of the plan; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// For whom root acts: who `as: user`, `as: session` and `${user}` are [default: who called sudo, doas or pkexec].
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
}

/// `switchback run`
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The plan and its variables.
    #[command(flatten)]
    pub(super) file: PlanFile,
    /// Ask nothing; the plan's `on` decides, and the exit status says how it ended.
    #[arg(long)]
    pub(super) unattended: bool,
    /// Take only this phase, even if it was taken before.
    #[arg(long, value_name = "PHASE", conflicts_with_all = ["from", "until"])]
    pub(super) phase: Option<String>,
    /// Begin with this phase.
    #[arg(long, value_name = "PHASE")]
    pub(super) from: Option<String>,
    /// End with this phase.
    #[arg(long, value_name = "PHASE")]
    pub(super) until: Option<String>,
    /// Show what would be done and do nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Take a revision that was rejected on this machine all the same.
    #[arg(long = "override")]
    pub(super) take_rejected: bool,
}

/// `switchback resume`
#[derive(Debug, Args)]
pub(super) struct Resume {
    /// Ask nothing; the plan's `on` decides.
    #[arg(long)]
    pub(super) unattended: bool,
}

/// `switchback rollback`
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// Where to: a generation's number, a phase's name (the state before it), or `start` (before the plan's first
    /// phase) [default: the state before the current phase].
    #[arg(long, value_name = "GENERATION|PHASE|start")]
    pub(super) to: Option<String>,
    /// Do not ask.
    #[arg(long, short)]
    pub(super) yes: bool,
    /// List the generations that one can go back to.
    #[arg(long, conflicts_with_all = ["to", "yes"])]
    pub(super) list: bool,
}

/// `switchback resolve`
#[derive(Debug, Args)]
pub(super) struct Resolve {
    /// The generation's number [default: the newest whose way back did not hold].
    pub(super) generation: Option<u32>,
    /// What was done, for whoever reads the history.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// Do not ask.
    #[arg(long, short)]
    pub(super) yes: bool,
}

/// `switchback history`
#[derive(Debug, Args)]
pub(super) struct History {
    /// At most so many, newest first.
    #[arg(long, short = 'n', default_value_t = 20)]
    pub(super) limit: usize,
    /// Read every capsule again and rebuild the index.
    #[arg(long)]
    pub(super) rebuild: bool,
}

/// `switchback show`
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The generation's number [default: the current one].
    pub(super) generation: Option<u32>,
    /// Print what the steps and probes printed.
    #[arg(long)]
    pub(super) evidence: bool,
}

/// `switchback schema`
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of what: plans, or libraries of named checks.
    #[arg(value_enum, default_value_t = SchemaOf::Plan)]
    pub(super) of: SchemaOf,
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum SchemaOf {
    /// A plan.
    Plan,
    /// A library of named checks.
    Checks,
}

/// `switchback tour`
#[derive(Debug, Args)]
pub(super) struct Tour {
    /// The playground [default: a new folder below the temporary folder].
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    /// Ask nothing, even on a terminal.
    #[arg(long)]
    pub(super) unattended: bool,
}

/// `switchback generate`
#[derive(Debug, Args)]
pub(super) struct Generate {
    /// The root of the source tree, or of a package.
    pub(super) into: PathBuf,
    /// Write nothing; fail where a file differs from what would be written.
    #[arg(long)]
    pub(super) check: bool,
}
