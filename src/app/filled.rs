//! Checks and questions with what only a run knows filled in: `${generation}`, `${phase.started}`.

use super::acts::RunTime;
use crate::model::{Act, Check, CommandLine, Look, Probe, with_run_time};
use std::borrow::Cow;

/// The check with the values in the words of its program, its question or its path.
pub(super) fn filled_check(check: &Check, values: &RunTime) -> Check {
    let look = match &check.look {
        Look::Probe(Probe::Run { command, parse }) => {
            Look::Probe(Probe::Run { command: filled_command(command, values), parse: *parse })
        }
        Look::Plugin(command) => Look::Plugin(filled_command(command, values)),
        Look::Ask(question) => Look::Ask(fill(question, values)),
        Look::Probe(_) | Look::Scripts(_) => check.look.clone(),
    };
    Check { look, ..check.clone() }
}

/// The act with the values in what a person is asked to do; programs are filled where they are started.
pub(super) fn filled_question<'a>(act: &'a Act, values: &RunTime) -> Cow<'a, Act> {
    match act {
        Act::Ask { text } => Cow::Owned(Act::Ask { text: fill(text, values) }),
        Act::Run(_) | Act::Shell { .. } | Act::Install { .. } | Act::Set { .. } | Act::Reboot { .. } => {
            Cow::Borrowed(act)
        }
    }
}

fn filled_command(command: &CommandLine, values: &RunTime) -> CommandLine {
    CommandLine {
        argv: command.argv.iter().map(|word| fill(word, values)).collect(),
        env: command.env.iter().map(|(name, value)| (name.clone(), fill(value, values))).collect(),
        folder: command.folder.clone(),
    }
}

fn fill(text: &str, values: &RunTime) -> String {
    with_run_time(text, &values.generation, &values.phase_started)
}
