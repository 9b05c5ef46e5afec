//! What can be typed. The doc comments here are the manual.

mod detached;
mod guard;
mod schedule;

pub(super) use detached::{Attach, Detach, Status, Wait};
pub(super) use guard::{Confirm, Guard, GuardVerb};
pub(super) use schedule::{Schedule, ScheduleInstall, ScheduleVerb};

use crate::model::RunAs;
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
    /// The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and
    /// `rescue`. Its state folder is looked for below it.
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
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
    /// Say that a failed way back was put right by hand, or let a held plan go on.
    ///
    /// A plan is held where a look at a phase that soaks did not find it healthy and its `on` says `pause`: no phase begins
    /// until this is said.
    Resolve(Resolve),
    /// Say at any login that a change is to stay.
    ///
    /// For a phase with `confirm: {within}`. Silence takes it back.
    Confirm(Confirm),
    /// Guard phases over reboots, or look at what guards one now.
    Guard(Guard),
    /// The way home itself: whether it is whole, a copy of it elsewhere, and a rehearsal.
    Rescue(Rescue),
    /// Where we are: the phase that is due, what is waiting for whom.
    Status(Status),
    /// Follow a run that goes on by itself, from its first fact on.
    ///
    /// Ctrl-C ends the following and not the run. Ends with the status that the run ends with.
    Attach(Attach),
    /// Wait for the end of a run, and end with its exit status; with 75 where it goes on still.
    Wait(Wait),
    /// What was run on this machine, newest first.
    History(History),
    /// One generation: what changed, every result, the evidence.
    Show(Show),
    /// Put all that explains one generation into one file, to be attached to a report.
    ///
    /// Values that the plan names as secret, and what looks like one, are taken out.
    Export(Export),
    /// Check a plan for errors and unwise places. Changes nothing.
    Lint(PlanFile),
    /// Say what a plan will do, with every command as it will be executed. Changes nothing.
    Explain(PlanFile),
    /// Say every way in which a plan can end, before it is run. Changes nothing.
    ///
    /// With `--sandbox` its steps are taken for real in a throw-away copy of the machine, then taken back, and every file
    /// that is not as before is listed. Ends with 0 where every ending has a name and nothing is left, with 20 where not.
    Rehearse(Rehearse),
    /// Run the validation checks and touch nothing.
    ///
    /// Ends with 0 where all that counts holds, with 20 where something does not, with 11 where something could not be
    /// measured or is undecided, or nothing was measured at all.
    Validate(Validate),
    /// Set up a timer that validates while a phase soaks.
    ///
    /// The timer takes the phase back where its `on` says so, and tells of a verdict that changed, once.
    Schedule(Schedule),
    /// Draw what a check found over time.
    ///
    /// The plan's phases are marked below: begun, committed, reverted.
    Trend(Trend),
    /// List the named checks that a plan may use, or explain one.
    Checks(Checks),
    /// Keep what the checks see now, to compare with later.
    Baseline(Baseline),
    /// Read one value from the machine, as checks do. Judges nothing, changes nothing.
    Probe(Probe),
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
    /// Put nothing behind the runner: should it be killed, nothing goes back before somebody says so.
    #[arg(long)]
    pub(super) no_guard: bool,
    /// Name this run. A second start under this name does nothing, and says where the first one is.
    #[arg(long, value_name = "NAME", conflicts_with = "dry_run")]
    pub(super) run_id: Option<String>,
    /// Whether it goes on by itself.
    #[command(flatten)]
    pub(super) by_itself: Detach,
}

/// `switchback rehearse`
#[derive(Debug, Args)]
pub(super) struct Rehearse {
    /// The plan and its variables.
    #[command(flatten)]
    pub(super) file: PlanFile,
    /// Only this phase.
    #[arg(long, value_name = "PHASE", conflicts_with_all = ["from", "until"])]
    pub(super) phase: Option<String>,
    /// Begin with this phase.
    #[arg(long, value_name = "PHASE")]
    pub(super) from: Option<String>,
    /// End with this phase.
    #[arg(long, value_name = "PHASE")]
    pub(super) until: Option<String>,
    /// Take the steps for real in a throw-away copy of the machine, and list what the way back leaves. Needs root.
    #[arg(long)]
    pub(super) sandbox: bool,
    /// Let the sandbox have the machine's network; without it, it has none.
    #[arg(long, requires = "sandbox")]
    pub(super) network: bool,
}

/// `switchback resume`
#[derive(Debug, Args)]
pub(super) struct Resume {
    /// Ask nothing; the plan's `on` decides.
    #[arg(long)]
    pub(super) unattended: bool,
    /// Put nothing behind the runner.
    #[arg(long)]
    pub(super) no_guard: bool,
    /// Whether it goes on by itself.
    #[command(flatten)]
    pub(super) by_itself: Detach,
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
    /// With `--root`: run the programs of that machine too, with DIR as their root.
    #[arg(long, conflicts_with = "list")]
    pub(super) activate: bool,
    /// List the generations that one can go back to.
    #[arg(long, conflicts_with_all = ["to", "yes"])]
    pub(super) list: bool,
    /// Put nothing behind the runner.
    #[arg(long)]
    pub(super) no_guard: bool,
}

/// `switchback resolve`
#[derive(Debug, Args)]
pub(super) struct Resolve {
    /// The generation's number [default: the newest whose way back did not hold, or that is held].
    #[arg(value_parser = generation)]
    pub(super) generation: Option<u32>,
    /// What was done, for whoever reads the history.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// Do not ask.
    #[arg(long, short)]
    pub(super) yes: bool,
}

/// `switchback rescue`
#[derive(Debug, Args)]
pub(super) struct Rescue {
    /// What to do with it.
    #[command(subcommand)]
    pub(super) verb: RescueVerb,
}

/// `switchback rescue ...`
#[derive(Debug, Subcommand)]
pub(super) enum RescueVerb {
    /// Every generation: whether its capsule is there, what it holds, when its way home was rehearsed.
    Status,
    /// Read everything that a way home needs, and compare it with what was recorded.
    ///
    /// The journal's chain, the plan, the pinned program, every saved file by its hash, store paths, and the room that going
    /// back takes. Ends with 0 where all of it is whole, with 20 where something named is not.
    Verify {
        /// The generation's number [default: all].
        #[arg(value_parser = generation)]
        generation: Option<u32>,
    },
    /// Copy a capsule, verified, to another folder, from which `rollback --state DIR` works.
    Export {
        /// A folder that is not there yet, or empty.
        folder: PathBuf,
        /// The generation's number [default: the current one].
        #[arg(value_parser = generation)]
        generation: Option<u32>,
    },
    /// Rehearse the way home in a throw-away copy of this machine. Nothing of the machine changes.
    ///
    /// Built-in acts only; what takes a program is named as not rehearsed.
    Drill {
        /// The generation's number [default: the current one].
        #[arg(value_parser = generation)]
        generation: Option<u32>,
        /// Run the programs too, in the copy.
        #[arg(long)]
        activate: bool,
    },
}

/// A generation's number, as it is typed.
fn generation(word: &str) -> Result<u32, String> {
    let why =
        || "a generation is a number, such as 7; `switchback history` lists those that there are".to_owned();
    word.parse().map_err(|_| why())
}

/// `switchback history`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct History {
    /// What else, than to list them.
    #[command(subcommand)]
    pub(super) verb: Option<HistoryVerb>,
    /// The newest so many.
    #[arg(long, short = 'n', default_value_t = 20)]
    pub(super) limit: usize,
    /// Read every capsule again and rebuild the index.
    #[arg(long)]
    pub(super) rebuild: bool,
}

/// `switchback history ...`
#[derive(Debug, Subcommand)]
pub(super) enum HistoryVerb {
    /// Give up old generations, for the room that they take. Nobody can go back past them any more.
    ///
    /// Only generations before the newest that is committed; never one that did not end or is inconsistent. Their lines stay
    /// in the history.
    Prune {
        /// Keep the newest so many, whatever they are.
        #[arg(long, value_name = "N")]
        keep: usize,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
}

/// `switchback show`
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The generation's number [default: the current one].
    #[arg(value_parser = generation)]
    pub(super) generation: Option<u32>,
    /// Print what the steps and probes printed, and what was kept of the machine.
    #[arg(long)]
    pub(super) evidence: bool,
    /// Print all that changed, however much it is; without it, the first hundred things.
    #[arg(long)]
    pub(super) all: bool,
}

/// `switchback export`
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(super) struct Export {
    /// The generation's number [default: the current one].
    #[arg(value_parser = generation)]
    pub(super) generation: Option<u32>,
    /// Where to: a name that ends with `.tar` is an archive, any other a folder. Nothing is written over.
    #[arg(value_name = "FILE.tar|DIR")]
    pub(super) to: PathBuf,
}

/// `switchback validate`
#[derive(Debug, Args)]
pub(super) struct Validate {
    /// The plan [default: what was committed of the plan that was run last].
    pub(super) plan: Option<PathBuf>,
    /// Set a variable of the plan; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// For whom root looks: who `as: user` and `as: session` are [default: who called sudo, doas or pkexec].
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// Only the checks of this phase; may be repeated.
    #[arg(long, value_name = "PHASE")]
    pub(super) phase: Vec<String>,
    /// Only checks with this tag; may be repeated.
    #[arg(long, value_name = "TAG")]
    pub(super) tag: Vec<String>,
    /// Compare with this baseline [default: the newest pinned one, else what was recorded before each phase].
    #[arg(long, value_name = "NAME")]
    pub(super) baseline: Option<String>,
    /// Look at what happened since the baseline, not at the time before.
    #[arg(long)]
    pub(super) since_baseline: bool,
    /// A report, to a file or to standard output; may be repeated: human, json, jsonl, junit, tap, nagios, prometheus.
    /// `nagios` on standard output ends with a plugin's status, 0 to 3.
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub(super) report: Vec<String>,
    /// As the timer of `switchback schedule` does it: judge what soaks, tell who is to be told of a change, and take the
    /// phase back where its `on` says so. Reports go to files.
    #[arg(long, conflicts_with_all = ["plan", "set", "user", "phase", "tag", "baseline", "since_baseline"])]
    pub(super) scheduled: bool,
}

/// `switchback trend`
#[derive(Debug, Args)]
pub(super) struct Trend {
    /// The check's name in its plan.
    pub(super) check: String,
    /// Which number; `--field ?` names them [default: the first that a rule of the check is about].
    #[arg(long, value_name = "NAME")]
    pub(super) field: Option<String>,
    /// From when on: `2d` (so long ago), `2026-11-20`, `2026-11-20T08:00:00Z`.
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Of this plan [default: that of the newest result].
    #[arg(long, value_name = "PLAN")]
    pub(super) plan: Option<String>,
    /// Of this phase [default: that of the newest result].
    #[arg(long, value_name = "PHASE")]
    pub(super) phase: Option<String>,
}

/// `switchback checks`
#[derive(Debug, Args)]
pub(super) struct Checks {
    /// What to do; lists them where nothing is said.
    #[command(subcommand)]
    pub(super) verb: Option<ChecksVerb>,
    /// A library of your own, beside those that ship; may be repeated.
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) library: Vec<PathBuf>,
}

/// What one does with named checks.
#[derive(Debug, Subcommand)]
pub(super) enum ChecksVerb {
    /// List them, by library.
    List,
    /// Explain one: what it tells, its parameters, what it looks at.
    Show {
        /// Its name.
        name: String,
    },
}

/// `switchback baseline`
#[derive(Debug, Args)]
pub(super) struct Baseline {
    /// What to do with it.
    #[command(subcommand)]
    pub(super) verb: BaselineVerb,
}

/// What one does with baselines.
#[derive(Debug, Subcommand)]
pub(super) enum BaselineVerb {
    /// Look at the checks of a plan now, and keep what they saw.
    Record {
        /// The plan [default: what was committed of the plan that was run last].
        plan: Option<PathBuf>,
        /// Set a variable of the plan; may be repeated.
        #[arg(long = "set", value_name = "NAME=VALUE")]
        set: Vec<String>,
        /// Only this phase; may be repeated.
        #[arg(long, value_name = "PHASE")]
        phase: Vec<String>,
        /// Its name [default: the time].
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Keep it until it is unpinned, and compare with it where no other is named.
        #[arg(long)]
        pin: bool,
        /// In place of the one of that name.
        #[arg(long)]
        replace: bool,
    },
    /// List the baselines, or show one.
    Show {
        /// Which one.
        name: Option<String>,
    },
    /// Keep a baseline until it is unpinned, and compare with it where no other is named.
    Pin {
        /// Which one.
        name: String,
        /// Unpin it.
        #[arg(long)]
        off: bool,
    },
    /// Say what differs now, field by field. Judges nothing.
    Compare {
        /// With which one [default: the newest pinned one].
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The plan [default: what was committed of the plan that was run last].
        plan: Option<PathBuf>,
        /// Set a variable of the plan; may be repeated.
        #[arg(long = "set", value_name = "NAME=VALUE")]
        set: Vec<String>,
    },
}

/// `switchback probe`
#[derive(Debug, Args)]
pub(super) struct Probe {
    /// Which probe (`switchback schema plan` has them all); with `--from`, the tool whose output it is.
    pub(super) name: String,
    /// Its settings: `setting=value` as in a plan, or the one word that it takes; for `run`, a command after `--`.
    #[arg(value_name = "SETTING")]
    pub(super) settings: Vec<String>,
    /// Read what the tool printed from a file, `-` for standard input, and start nothing.
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<String>,
    /// As whom the tool runs.
    #[arg(long = "as", value_name = "WHO")]
    pub(super) who: Option<Who>,
    /// When the tool is killed [default: 30s].
    #[arg(long, value_name = "LENGTH")]
    pub(super) timeout: Option<String>,
}

/// As whom a tool runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Who {
    /// As root.
    Root,
    /// As the invoking user.
    User,
    /// As the invoking user, in the desktop session.
    Session,
}

impl From<Who> for RunAs {
    fn from(who: Who) -> Self {
        match who {
            Who::Root => Self::Root,
            Who::User => Self::User,
            Who::Session => Self::Session,
        }
    }
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
    /// What `validate --json` and `--report json` print, and a line of `--report jsonl`.
    Validation,
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
