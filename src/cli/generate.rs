//! `switchback generate`: what is derived from the code, written or compared. Hidden; for packagers and the tests.

use super::args::{Cli, Generate, SchemaOf};
use super::error::CliError;
use super::exit::{Exit, TABLE};
use super::{out, schema};
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::path::PathBuf;

/// Every generated file: path below the root, and text.
fn files() -> Result<Vec<(PathBuf, String)>, CliError> {
    let failed = |why: std::io::Error| CliError::new(Exit::Internal, "a page cannot be made").because(why);
    let mut files = vec![
        ("docs/plan.schema.json".into(), schema::text(SchemaOf::Plan)),
        ("docs/checks.schema.json".into(), schema::text(SchemaOf::Checks)),
        ("docs/plan-reference.md".into(), super::reference::plan_reference()?),
        ("docs/checks.md".into(), super::reference::checks_page()?),
        ("docs/exit-codes.md".into(), exit_codes()),
        ("docs/cli.md".into(), super::reference::commands_page(&Cli::command())),
    ];
    for (shell, name) in
        [(Shell::Bash, "switchback.bash"), (Shell::Zsh, "_switchback"), (Shell::Fish, "switchback.fish")]
    {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "switchback", &mut text);
        files.push((format!("docs/completions/{name}").into(), String::from_utf8_lossy(&text).into_owned()));
    }
    let mut command = Cli::command();
    command.build();
    let mut pages = vec![("switchback".to_owned(), command.clone())];
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        let name = format!("switchback-{}", verb.get_name());
        pages.push((name.clone(), verb.clone().name(name)));
    }
    for (name, command) in pages {
        let mut text = Vec::new();
        // No date: the same source gives the same page.
        clap_mangen::Man::new(command).date("").render(&mut text).map_err(failed)?;
        files.push((format!("docs/man/{name}.1").into(), String::from_utf8_lossy(&text).into_owned()));
    }
    Ok(files)
}

fn exit_codes() -> String {
    let mut page = String::from(
        "# Exit statuses\n\nThe status says where the machine was left. Generated from `src/cli/exit.rs`.\n\n\
         | status | meaning |\n|---|---|\n",
    );
    for (exit, meaning) in TABLE {
        page.push_str(&format!("| {} | {meaning} |\n", exit.status()));
    }
    page.push_str(
        "\nA rollback that a person asked for ends with 12 as well: a revert is never 0. Statuses 20, 30 and 75 are kept \
         for validation, reboots and detached runs.\n",
    );
    page
}

pub(crate) fn generate(args: &Generate) -> Result<Exit, CliError> {
    let mut stale = Vec::new();
    for (name, text) in files()? {
        let path = args.into.join(&name);
        let text = format!("{}\n", text.trim_end());
        if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if args.check {
            stale.push(name.display().to_string());
            continue;
        }
        let folder = path.parent().unwrap_or(&args.into);
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text)).map_err(|why| {
            CliError::new(Exit::Internal, format!("{} cannot be written", path.display())).because(why)
        })?;
        out::put(&format!("wrote {}\n", name.display()));
    }
    if stale.is_empty() {
        return Ok(Exit::Done);
    }
    let error = CliError::new(Exit::Internal, "generated files are stale");
    Err(stale.into_iter().fold(error, CliError::because).hint("cargo run -- generate ."))
}
