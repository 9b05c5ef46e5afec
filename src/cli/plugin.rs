//! A monitoring plugin's words and status, also where a validation could not be begun.

use super::error::CliError;
use super::exit::Exit;
use super::out;
use crate::report;
use std::ffi::OsStr;

/// Whether a plugin's words were asked for on standard output, by the words as they were typed: those that cannot be
/// understood too end with a status that whoever runs plugins understands.
pub(crate) fn is_asked<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> bool {
    let words: Vec<W> = words.into_iter().collect();
    let is = |at: usize, known: &[&str]| {
        words.get(at).is_some_and(|word| known.iter().any(|known| word.as_ref() == OsStr::new(known)))
    };
    let form = |at: usize| {
        is(at, &["--report=nagios", "--report=nagios=-"])
            || (is(at, &["--report"]) && is(at + 1, &["nagios", "nagios=-"]))
    };
    let all = || 0..words.len();
    all().any(|at| is(at, &["validate"])) && all().any(form)
}

/// To whoever runs plugins every status means something, and 2 that things are bad: what could not be begun is 3, with
/// the reason in a line.
pub(crate) fn unknown(why: CliError) -> CliError {
    out::put(&report::nagios_unknown(&in_a_line(&why)));
    CliError { exit: Exit::Plugin(3), ..why }
}

/// What happened, why, and what to do, in one line.
pub(crate) fn in_a_line(why: &CliError) -> String {
    let causes: String = why.causes.iter().map(|cause| format!(": {cause}")).collect();
    let hint = why.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{}{causes}{hint}", why.text)
}

/// What clap says, in its first line and without its own word for it.
pub(crate) fn said(text: &str) -> &str {
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_told_without_a_second_word_for_error() {
        for (text, expected) in [
            ("error: unexpected argument '--x' found\n\nUsage: y\n", "unexpected argument '--x' found"),
            ("invalid value", "invalid value"),
            ("", ""),
        ] {
            assert_eq!(said(text), expected);
        }
    }

    #[test]
    fn a_plugin_is_asked_for_in_any_of_its_spellings_and_only_of_standard_output() {
        for (words, asked) in [
            (&["switchback", "validate", "--report", "nagios", "--bogus"][..], true),
            (&["switchback", "--report=nagios=-", "--state", "/s", "validate"], true),
            (&["switchback", "validate", "--report", "nagios=out", "--bogus"], false),
            (&["switchback", "validate", "--report"], false),
            (&["switchback", "run", "--report", "nagios"], false),
        ] {
            assert_eq!(is_asked(words), asked, "{words:?}");
        }
    }
}
