//! `switchback probe`: reads one value from the machine, or from a recorded output, and judges nothing.

use super::args::Probe;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::{out, plan_file};
use crate::check::{CheckWatch, LookCx, READERS, Reader, observe};
use crate::model::{Check, CheckReport, Look, Observation, RunAs, Span};
use crate::plan;
use crate::report;
use crate::system::clock;
use crate::system::signal::Signals;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// When the child of a probe is killed where nobody says otherwise.
const TIMEOUT: Span = Span::seconds(30);

/// Nobody watches one probe, and nobody is asked.
struct Alone(Signals);

impl CheckWatch for Alone {
    fn started(&mut self, _: &Check) {}
    fn judged(&mut self, _: &CheckReport) {}
    fn tick(&mut self) {}
    fn interrupted(&mut self) -> bool {
        self.0.count() > 0
    }
    fn ask(&mut self, _: &Check, _: &str) -> Option<bool> {
        None
    }
}

pub(crate) fn probe(context: &Context, args: &Probe) -> Result<Exit, CliError> {
    let seen = match &args.from {
        Some(from) => recorded(args, from)?,
        None => live(context, args)?,
    };
    if context.json {
        out::json(context, &seen);
    } else {
        out::put(&report::observation(&seen, &context.out_style()));
    }
    Ok(Exit::Done)
}

/// What a tool printed elsewhere, or earlier.
fn recorded(args: &Probe, from: &str) -> Result<Observation, CliError> {
    if let Some(word) = args.settings.first() {
        return Err(CliError::usage(format!("`{word}` has no meaning for a recorded output")));
    }
    let reader = Reader::named(&args.name).ok_or_else(|| {
        let names: Vec<&str> = READERS.iter().map(|reader| reader.name).collect();
        CliError::usage(format!("nothing reads the output of `{}`", args.name))
            .hint(format!("there are {}", names.join(", ")))
    })?;
    let mut input: Box<dyn BufRead> = if from == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file =
            File::open(from).map_err(|why| CliError::usage(format!("cannot read {from}")).because(why))?;
        Box::new(BufReader::new(file))
    };
    reader.read(&mut input).map_err(|why| {
        let error = CliError::new(Exit::Paused, why.to_string());
        why.hint().into_iter().fold(error, CliError::hint)
    })
}

fn live(context: &Context, args: &Probe) -> Result<Observation, CliError> {
    let probe = plan::probe(&args.name, &args.settings, &plan_file::surroundings(context, Path::new("/")))
        .map_err(|why| {
            CliError::usage("nothing was looked at").shown_first(plan_file::told(context, &why)).hint(
                match READERS.iter().find(|reader| reader.name == args.name) {
                    Some(Reader { name, .. }) if why.lines().contains("unknown-probe") => format!(
                        "`{name}` is read from what a tool printed: `switchback probe {name} --from FILE`"
                    ),
                    Some(_) | None => {
                        "`switchback schema plan` prints every probe with its settings and fields".to_owned()
                    }
                },
            )
        })?;
    let timeout = match &args.timeout {
        None => TIMEOUT,
        Some(text) => Span::parse(text).ok_or_else(|| {
            CliError::usage(format!("`{text}` is no length of time")).hint("write `500ms`, `30s` or `10m`")
        })?,
    };
    let signals = Signals::install()
        .map_err(|why| CliError::new(Exit::Internal, "cannot watch for signals").because(why))?;
    let mut watch = Alone(signals);
    let nothing = BTreeMap::new();
    let mut evidence = |_: &crate::model::CheckId, _: &str, _: &[u8]| {};
    let mut cx = LookCx {
        host: &context.host,
        today: clock::today(),
        phase_started: None,
        baseline: &nothing,
        cores: 1,
        watch: &mut watch,
        evidence: &mut evidence,
    };
    observe(Look::Probe(probe), args.who.map(RunAs::from).unwrap_or_default(), timeout, &mut cx).map_err(
        |mut reasons| {
            let first = if reasons.is_empty() { String::new() } else { reasons.remove(0) };
            let error = CliError::new(Exit::Paused, first);
            reasons.into_iter().fold(error, CliError::hint)
        },
    )
}
