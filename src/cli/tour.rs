//! `switchback tour`: a rollout that reverts, in a playground of its own.

use super::args::Tour;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::plan_file::{self, Outcome};
use super::{out, run};
use crate::engine::{Itinerary, Selection, Waits, itinerary};
use crate::model::{Guidance, PhaseEnd, Setting, SettingsFormat};
use crate::plan::{Misfit, Sources};
use crate::store::StateFolder;
use crate::system::{clock, files};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// The plan and what it installs, as they are shipped.
const FILES: [(&str, &str); 2] = [
    ("tour.yaml", include_str!("../../plans/tour.yaml")),
    ("tour/app.conf", include_str!("../../plans/tour/app.conf")),
];

pub(crate) fn tour(context: &Context, args: &Tour) -> Result<Exit, CliError> {
    let ground = playground(args)?;
    let plans = ground.join("plans");
    for (name, text) in FILES {
        write(&plans.join(name), text)?;
    }
    let context = context.with_state(ground.join("state"));
    let home = ground.join("home");
    make_folder(&home)?;
    let overrides = [("playground".to_owned(), home.join("app").display().to_string())];
    let plan = plans.join("tour.yaml");
    let text = FILES[0].1;
    let read =
        match plan_file::from_text(&context, &plan.display().to_string(), text, &plans, &Shipped, &overrides)
        {
            Outcome::Valid(read) => *read,
            Outcome::Invalid(diagnostics) => {
                return Err(CliError::new(Exit::Internal, "the tour's own plan is not valid")
                    .shown_first(plan_file::told(&context, &diagnostics)));
            }
        };
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !context.json;
    let guidance = if terminal && !args.unattended { Guidance::Guided } else { Guidance::Unattended };
    let queue = itinerary(&read.approved.plan, &[], &Waits::default(), &Selection::default(), clock::now())
        .map_err(|why| CliError::new(Exit::Internal, why.to_string()))?;
    out::line(&context, &format!("The playground is {}. Nothing else is touched.", ground.display()));
    if guidance == Guidance::Guided {
        out::line(
            &context,
            "Three phases follow; the third fails its checks on purpose. Say yes, then roll it back.",
        );
    }
    out::line(&context, "");
    let folder = StateFolder::create(&context.state)?;
    let lock = folder.lock("tour")?;
    // A playground that is gone soon needs nothing behind it.
    let guarding = super::tools::guarding(&context, true);
    let itinerary = Itinerary { run: run::new_run(), queue, done: Vec::new(), guidance };
    let exit = run::take(&context, &folder, read, itinerary, guarding, None)?;
    drop(lock);
    ended_as_told(&context, &folder, exit)
}

/// What the tour's plan names is built in; the copies on disk are for reading.
struct Shipped;

impl Sources for Shipped {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        FILES
            .iter()
            .find(|(name, _)| *name == path)
            .map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| format!("the tour has no file {path}"))
    }

    fn fits(&self, format: SettingsFormat, setting: &Setting) -> Result<(), Misfit> {
        plan_file::fits(format, setting)
    }
}

/// The tour ends well when the first two phases hold and the third came back.
fn ended_as_told(context: &Context, folder: &StateFolder, exit: Exit) -> Result<Exit, CliError> {
    let done = Past::current(folder)?.map(|past| past.done().to_vec()).unwrap_or_default();
    let ends: Vec<PhaseEnd> = done.iter().map(|(_, end)| *end).collect();
    let state = folder.root().display();
    out::line(context, "");
    if exit == Exit::RolledBack && ends == [PhaseEnd::Committed, PhaseEnd::Committed, PhaseEnd::Reverted] {
        out::line(
            context,
            "That is what switchback is for: two phases hold, the third is as if it had never been.",
        );
        out::line(
            context,
            "As a plan this run ends with exit status 12; the tour itself went as told. Look at it:",
        );
        for (verb, what) in [
            ("status", "where we are"),
            ("history", "what was run"),
            ("show 3 --evidence", "what failed, and what came back"),
            ("rollback --list", "where one can go back to"),
            ("rollback --to start", "take the two good phases back as well"),
        ] {
            out::line(context, &format!("  {what}:"));
            out::unbroken(context, &format!("    switchback {verb} --state {state}"));
        }
        return Ok(Exit::Done);
    }
    out::line(context, "The tour did not go to its end as told; that may be your answers. Look at it:");
    out::unbroken(context, &format!("  switchback status --state {state}"));
    // What the tour is to show was not shown, however well the run itself went.
    Ok(if exit == Exit::Done { Exit::Failing } else { exit })
}

fn playground(args: &Tour) -> Result<PathBuf, CliError> {
    match &args.folder {
        Some(folder) => {
            let folder = std::path::absolute(folder)
                .map_err(|why| CliError::usage(format!("{}: {why}", folder.display())))?;
            if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
                return Err(CliError::usage(format!("{} is not empty", folder.display()))
                    .hint("name a folder that is empty or not there yet"));
            }
            make_folder(&folder)?;
            Ok(folder)
        }
        None => tempfile::Builder::new()
            .prefix("switchback-tour-")
            .tempdir()
            .map(tempfile::TempDir::keep)
            .map_err(|why| CliError::new(Exit::Internal, "no playground can be made").because(why)),
    }
}

fn make_folder(path: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(path).map_err(|why| {
        CliError::new(Exit::Internal, format!("{} cannot be made", path.display())).because(why)
    })
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    path.parent().map_or(Ok(()), make_folder)?;
    files::write_new_synced(path, text.as_bytes(), files::Access { mode: 0o644, owner: None })
        .map_err(|why| CliError::new(Exit::Internal, why.to_string()))
}
