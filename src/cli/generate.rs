//! `switchback generate`: what is derived from the code, written or compared. Hidden; for packagers and the tests.

use super::args::{Cli, Generate, SchemaOf};
use super::error::CliError;
use super::exit::{Exit, TABLE};
use super::{out, reference, schema};
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::path::PathBuf;

/// Every generated file: path below the root, and text.
fn files() -> Result<Vec<(PathBuf, String)>, CliError> {
    let mut files = vec![
        ("docs/plan.schema.json".into(), schema::text(SchemaOf::Plan)),
        ("docs/checks.schema.json".into(), schema::text(SchemaOf::Checks)),
        ("docs/validation.schema.json".into(), schema::text(SchemaOf::Validation)),
        ("docs/plan-reference.md".into(), reference::plan_page()?),
        ("docs/checks.md".into(), reference::checks_page()?),
        ("docs/exit-codes.md".into(), exit_codes()),
        ("docs/cli.md".into(), reference::commands_page(&Cli::command())),
    ];
    for (shell, name) in
        [(Shell::Bash, "switchback.bash"), (Shell::Zsh, "_switchback"), (Shell::Fish, "switchback.fish")]
    {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "switchback", &mut text);
        files.push((format!("docs/completions/{name}").into(), String::from_utf8_lossy(&text).into_owned()));
    }
    for (name, text) in reference::man_pages(&Cli::command())? {
        files.push((format!("docs/man/{name}").into(), text));
    }
    Ok(files)
}

fn exit_codes() -> String {
    let mut page = String::from(
        "# Exit statuses\n\nThe status says where the machine was left.\n\n| status | meaning |\n|---|---|\n",
    );
    for (exit, meaning) in TABLE {
        page.push_str(&format!("| {} | {meaning} |\n", exit.status()));
    }
    page.push_str(
        "\nA way back never ends with 0, also where a person asked for it and all went well: `switchback rollback` ends \
         with 12 when the machine is as before, and with 0 only where there was nothing to take back. So a script that \
         goes on after `0` goes on only with what was kept.\n\n\
         `switchback status` ends with 13 where something was run and nothing of it can be read any more.\n\n\
         `switchback resolve` ends with 0 when a person's word is recorded. Where standard output cannot be written (a \
         full disk), nothing ends with 0: what would have, ends with 1 and says so. A reader that went away (`| head`) had \
         seen enough and changes nothing.\n\n\
         `switchback tour` ends with 0 when everything came as the tour says, the revert included, and with 20 where the run ended well in another way (a failure that was accepted). `switchback lint` ends \
         with 2 where a plan has errors; warnings alone end with 0. Not used: 4 and 255 (they mean something to Ansible \
         and ssh), and 126 and above (shells use them).\n",
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
