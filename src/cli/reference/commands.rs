//! Commands with every flag, from clap: a page for the web and a page for `man`.

use super::super::error::CliError;
use super::super::exit::{Exit, TABLE};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::fmt::Write as _;

/// The commands that people type.
fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
}

/// The page of commands.
pub(in crate::cli) fn commands_page(command: &Command) -> String {
    let mut page = String::from(
        "# Commands\n\nWhat `switchback help` says, on one page. What the exit statuses mean is told in \
         [exit-codes.md](exit-codes.md); the same text is in the manual pages under `man/`.\n",
    );
    let mut command = command.clone();
    command.build();
    let _ = write!(page, "\n```text\n{}\n```\n", help(&command));
    for verb in verbs(&command) {
        let _ = write!(page, "\n## switchback {}\n\n```text\n{}\n```\n", verb.get_name(), help(verb));
    }
    page
}

fn help(command: &Command) -> String {
    let text = command.clone().term_width(100).render_long_help().to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// A manual page for the program and for each verb: file name and text.
pub(in crate::cli) fn man_pages(command: &Command) -> Result<Vec<(String, String)>, CliError> {
    let mut command = command.clone();
    command.build();
    let mut pages = vec![("switchback.1".to_owned(), man_page(&command)?)];
    for verb in verbs(&command) {
        let name = format!("switchback-{}", verb.get_name());
        let others = format!("switchback {}", verb.get_name());
        let page = man_page(&verb.clone().name(name.clone()).bin_name(others).version(version(&command)))?;
        pages.push((format!("{name}.1"), page));
    }
    Ok(pages)
}

fn version(command: &Command) -> String {
    command.get_version().unwrap_or_default().to_owned()
}

fn man_page(command: &Command) -> Result<String, CliError> {
    // No date: the same source gives the same page.
    let man = Man::new(command.clone()).date("").manual("switchback").section("1");
    let mut text = Vec::new();
    let made = man
        .render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| man.render_synopsis_section(&mut text))
        .and_then(|()| man.render_description_section(&mut text))
        .and_then(|()| man.render_options_section(&mut text))
        .and_then(|()| match command.has_subcommands() {
            true => man.render_subcommands_section(&mut text),
            false => Ok(()),
        })
        .and_then(|()| closing(command).to_writer(&mut text));
    made.map_err(|why| CliError::new(Exit::Internal, "a manual page cannot be made").because(why))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// What every page ends with.
fn closing(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (exit, meaning) in TABLE {
        roff.control("TP", []);
        roff.text([bold(exit.status().to_string())]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in [
        ("SWITCHBACK_STATE", "The state folder where --state is not given."),
        ("NO_COLOR", "Where it is set, nothing is coloured. Colour never carries a meaning of its own."),
    ] {
        roff.control("TP", []);
        roff.text([bold(name)]);
        roff.text([roman(meaning)]);
    }
    if command.get_name() != "switchback" {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold("switchback"), roman("(1)")]);
    }
    roff
}
