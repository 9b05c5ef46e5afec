//! THE FRONT DOOR: one file a verb; exit codes; errors to words. The only place where everything meets.

mod aftermath;
mod args;
mod attach;
mod baseline;
mod changed;
mod checks;
mod confirm;
mod context;
mod detached;
mod elsewhere;
mod error;
mod exit;
mod explain;
mod export;
mod eyes;
mod foresight;
mod generate;
mod guard;
mod hands;
mod keep;
mod lint;
mod looking;
mod out;
mod past;
mod plan_file;
mod plugin;
mod probe;
mod prune;
mod reboot;
mod reference;
mod rehearse;
mod reports;
mod rescue;
mod resolve;
mod resume;
mod rollback;
mod run;
mod salvage;
mod schedule;
mod scheduled;
mod schema;
mod soak;
mod stage;
mod standing;
mod tools;
mod tour;
mod trend;
mod validate;
mod wait;
mod whereabouts;

#[cfg(test)]
pub(crate) use plan_file::fits;

use crate::model::counted;
use crate::report::{Line, Style, Surroundings, render};
use crate::store::StateFolder;
use crate::system::sanitise::{sanitise, sanitise_line};
use crate::system::terminal::QuietKeys;
use args::{Cli, Verb};
use clap::Parser as _;
use context::Context;
use error::CliError;
use exit::Exit;
use std::process::ExitCode;

/// Runs the program and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let typed: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let is_plugin = plugin::is_asked(&typed);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(why) => {
            // clap says itself whether this is help (0) or a mistake (2).
            if why.use_stderr() {
                // It repeats what was typed, and that may have come from anywhere.
                let text = why.to_string();
                out::complain(&sanitise(&text));
                let why = CliError::usage(sanitise_line(plugin::said(&text)));
                reports::withdraw_typed(&typed, &why);
                return if is_plugin { plugin::unknown(why).exit.into() } else { Exit::Usage.into() };
            }
            out::shown(&why.print());
            return out::honest(Exit::Done).into();
        }
    };
    let programs = matches!(&cli.verb, Verb::Rollback(args) if args.activate);
    let context = match at_odds(&cli, programs) {
        Some(why) => Err(why),
        None => Context::new(&cli.common, programs),
    };
    let done = match &context {
        Ok(context) => act(context, &cli),
        Err(why) => {
            reports::withdraw_typed(&typed, why);
            Err(why.clone())
        }
    };
    match done {
        Ok(exit) => out::honest(exit).into(),
        Err(mut why) => {
            if let Ok(context) = &context {
                why.hint = why.hint.map(|hint| context.proposing(&hint));
            }
            if is_plugin {
                why = plugin::unknown(why);
            }
            complain(cli.common.json, &why);
            why.exit.into()
        }
    }
}

/// What clap cannot tell: an option for every verb that this one has no use for.
fn at_odds(cli: &Cli, programs: bool) -> Option<CliError> {
    if cli.common.root.is_some() && !elsewhere::knows(&cli.verb) {
        let known = "`--root` is for `rollback`, `status`, `history`, `show` and `rescue status|verify`";
        return Some(CliError::usage(known));
    }
    if let (Verb::Tour(_), Some(_)) = (&cli.verb, &cli.common.state) {
        let text = "`tour` keeps its state in its playground, and `--state` is for every other verb";
        return Some(CliError::usage(text).hint("`--folder DIR` says where the playground is"));
    }
    (programs && cli.common.root.is_none())
        .then(|| CliError::usage("`--activate` is for `--root`: here the programs are run anyway"))
}

fn act(context: &Context, cli: &Cli) -> Result<Exit, CliError> {
    let _quiet = match &cli.verb {
        // What is typed is not to be shown in the middle of what is drawn.
        Verb::Run(_)
        | Verb::Resume(_)
        | Verb::Rollback(_)
        | Verb::Resolve(_)
        | Verb::Validate(_)
        | Verb::Baseline(_)
        | Verb::Attach(_)
        | Verb::Tour(_) => QuietKeys::hold(),
        Verb::Status(_)
        | Verb::Wait(_)
        | Verb::History(_)
        | Verb::Show(_)
        | Verb::Rescue(_)
        | Verb::Export(_)
        | Verb::Lint(_)
        | Verb::Explain(_)
        | Verb::Rehearse(_)
        | Verb::Probe(_)
        | Verb::Confirm(_)
        | Verb::Guard(_)
        | Verb::Schedule(_)
        | Verb::Trend(_)
        | Verb::Checks(_)
        | Verb::Schema(_)
        | Verb::Generate(_)
        | Verb::Hands
        | Verb::Eyes { .. } => None,
    };
    match &cli.verb {
        Verb::Run(args) => run::run(context, args),
        Verb::Resume(args) => resume::resume(context, args),
        Verb::Rollback(args) => rollback::rollback(context, args),
        Verb::Resolve(args) => resolve::resolve(context, args),
        Verb::Confirm(args) => confirm::confirm(context, args),
        Verb::Guard(args) => guard::guard(context, args),
        Verb::Rescue(args) => rescue::rescue(context, args),
        Verb::Status(args) => looking::status(context, args),
        Verb::Attach(args) => attach::attach(context, args),
        Verb::Wait(args) => wait::wait(context, args),
        Verb::History(args) => looking::history(context, args),
        Verb::Show(args) => looking::show(context, args),
        Verb::Export(args) => export::export(context, args),
        Verb::Lint(file) => lint::lint(context, file),
        Verb::Explain(file) => explain::explain(context, file),
        Verb::Rehearse(args) => rehearse::rehearse(context, args),
        Verb::Validate(args) => validate::validate(context, args),
        Verb::Schedule(args) => schedule::schedule(context, args),
        Verb::Trend(args) => trend::trend(context, args),
        Verb::Checks(args) => checks::checks(context, args),
        Verb::Baseline(args) => baseline::baseline(context, args),
        Verb::Probe(args) => probe::probe(context, args),
        Verb::Schema(args) => Ok(schema::schema(args)),
        Verb::Tour(args) => tour::tour(context, args),
        Verb::Generate(args) => generate::generate(args),
        Verb::Hands => hands::hands(),
        Verb::Eyes { probe } => eyes::eyes(probe),
    }
}

fn complain(json: bool, why: &CliError) {
    if let (Some(first), false) = (&why.first, json) {
        out::complain(&first.text);
    }
    if json {
        let line = serde_json::json!({
            "error": why.text, "causes": why.causes, "hint": why.hint, "exit": why.exit.status(),
        });
        let style = Style::new(&Surroundings::default(), sanitise);
        if let Some(first) = &why.first {
            // What was asked for goes where the document would have gone.
            out::put(&format!("{}\n", style.clean_json(&first.json.to_string())));
        }
        out::complain(&format!("{}\n", style.clean_json(&line.to_string())));
        return;
    }
    // A line break in a name is no line of ours.
    let term = console::Term::stderr();
    let columns = term.size_checked().map(|(_, columns)| columns);
    let around = Surroundings { terminal: term.is_term(), columns, ..Surroundings::default() };
    let style = Style::new(&around, sanitise_line);
    let lines = why.lines().into_iter().map(|line| {
        let depth = usize::from(line.starts_with("  "));
        Line::plain(line.trim_start()).at(depth)
    });
    out::complain(&render(&lines.collect::<Vec<Line>>(), &style));
}

/// Lets go of generations that changed nothing, beyond what is kept. A run does not depend on it.
fn tidy(context: &Context, folder: &StateFolder) {
    let text = match folder.tidy() {
        Ok(gone) if gone.is_empty() => return,
        Ok(gone) => {
            let count = counted(gone.len(), "old generation");
            format!("Removed {count} in which nothing was changed.")
        }
        Err(why) => format!("warning: old generations could not be removed: {why}"),
    };
    out::line(context, &text);
}

/// Brings the index up to date after a run. History is the same without it, so that a failure is no error.
fn index(folder: &StateFolder) {
    if crate::system::below::withheld().is_some() {
        // It is made again when it is asked for; nobody knows who wrote the one that is there.
        return;
    }
    let _ = folder.index_history();
}
