//! The plan as written, with every variable replaced, into the model.

mod check;
mod fields;
mod graphics;
mod layer;
mod matcher;
mod phase;
mod probe;
mod step;

use super::Surroundings;
use super::catalog::Catalog;
use super::diagnostic::{Complaint, Complaints};
use super::load::{Sources, Waived, Written};
use super::paths;
use super::raw::{Length, Word};
use super::read::At;
use super::tree::Place;
use crate::model::{CommandLine, Digest, Span};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The longest stated length of time: a leap year.
const LONGEST: Span = Span::seconds(366 * 86_400);

/// What is needed while a plan is lowered.
pub(super) struct Lowering<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) around: &'a Surroundings,
    pub(super) sources: &'a dyn Sources,
    /// Every file that was read, with its digest.
    pub(super) files: &'a mut Vec<(String, Digest)>,
    /// Where the built-in acts write.
    pub(super) written: &'a mut Vec<Written>,
    /// The waivers of its checks.
    pub(super) waived: &'a mut Vec<Waived>,
    pub(super) complaints: &'a mut Complaints,
    /// The plan's variables, for shells.
    pub(super) environment: BTreeMap<String, String>,
    /// Where the check stands that is lowered now, if nothing was measured before it is judged there.
    pub(super) unmeasured: Option<Unmeasured>,
}

/// A part of the plan in which checks are judged without a baseline.
#[derive(Debug, Clone)]
pub(super) struct Unmeasured {
    /// What it is called: `preflight`.
    part: String,
    /// Where the plan names the check, if its rules come from a library.
    named: Option<Place>,
}

impl Lowering<'_> {
    fn error(&mut self, code: &'static str, place: Place, message: impl Into<String>) {
        self.complaints.push(Complaint::error(code, place, message));
    }

    fn error_with_help(
        &mut self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.complaints.push(Complaint::error(code, place, message).help(help));
    }

    fn span(&mut self, written: Option<&At<Length>>, otherwise: Span) -> Span {
        let Some(at) = written else { return otherwise };
        let span = Span::parse(&at.value.0);
        if span.is_some_and(|span| span > LONGEST) {
            self.error_with_help(
                "bad-length",
                at.place,
                format!("`{}` is longer than a year", at.value.0),
                "nobody waits for that: state the time after which somebody shall be told",
            );
        }
        span.unwrap_or_else(|| {
            self.error_with_help(
                "bad-length",
                at.place,
                format!("`{}` is no length of time", at.value.0),
                "write `500ms`, `30s`, `10m`, `8h`, `2d`, `1w`, or a sum such as `1h30m`",
            );
            otherwise
        })
    }

    /// What is repeated without a pause between keeps the machine busy and says nothing more.
    fn pause(&mut self, written: Option<&At<Length>>, otherwise: Span) -> Span {
        let span = self.span(written, otherwise);
        if let Some(at) = written
            && span == Span::ZERO
        {
            self.error("bad-length", at.place, "this length is 0, and must be more");
        }
        span
    }

    fn path(&mut self, written: &At<String>) -> PathBuf {
        self.path_of(&written.value, written.place)
    }

    fn path_of(&mut self, text: &str, place: Place) -> PathBuf {
        match paths::absolute(text, &self.around.home) {
            Some(path) => path.into(),
            None => {
                self.error_with_help(
                    "relative-path",
                    place,
                    format!("`{text}` is not an absolute path"),
                    "begin with `/` or `~/`, and leave out `..`",
                );
                PathBuf::from("/")
            }
        }
    }

    fn pattern(&mut self, written: &At<String>) -> String {
        if let Err(why) = regex::Regex::new(&written.value) {
            let why = why.to_string();
            let reason = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            self.error("bad-pattern", written.place, format!("no regular expression: {reason}"));
        }
        written.value.clone()
    }

    fn words(&mut self, written: &At<Vec<Word>>) -> Vec<String> {
        let words: Vec<String> = written.value.iter().map(|word| word.0.clone()).collect();
        if words.first().is_none_or(|program| program.trim().is_empty()) {
            self.error_with_help(
                "empty-command",
                written.place,
                "no program to run",
                "a list of the program and its arguments: `[ls, -l]`",
            );
        }
        if words.iter().any(|word| word.contains('\0')) {
            self.error("wrong-value", written.place, "an argument holds a NUL");
        }
        words
    }

    fn command(
        &mut self,
        argv: &At<Vec<Word>>,
        env: &BTreeMap<String, Word>,
        folder: Option<&At<String>>,
    ) -> CommandLine {
        CommandLine {
            argv: self.words(argv),
            env: self.env(env, argv.place),
            folder: folder.map(|folder| self.path(folder)),
        }
    }

    fn env(&mut self, env: &BTreeMap<String, Word>, place: Place) -> BTreeMap<String, String> {
        for name in env.keys().filter(|name| name.is_empty() || name.contains(['=', '\0'])) {
            self.error("wrong-value", place, format!("`{name}` is no name for an environment variable"));
        }
        env.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect()
    }
}
