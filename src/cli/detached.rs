//! `--detach`: a run that goes on by itself. The front hands it over and waits until it has begun; the process that
//! carries it says who it is, what it does and how it ended.

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::out;
use super::whereabouts::{Is, Whereabouts, find};
use crate::model::{Envelope, Invoker, Notice, Plan, RunId, Span};
use crate::report::{Line, Reporter, render};
use crate::store::{Carrier, Doing, End, HandedOver, Order, StateFolder};
use crate::system::guard::{Runner, pause};
use crate::system::hand_over::{self, Errand};
use crate::system::lock::Lock;
use crate::system::{clock, files, program};
use std::io;
use std::time::{Duration, Instant};

/// How soon it is looked whether it has begun.
const AGAIN: Duration = Duration::from_millis(20);
/// How long the front waits for that. It says where the run is then.
const PATIENCE: Span = Span::seconds(60);
/// How often the last line of output is written down, at most.
const LINES: Duration = Duration::from_millis(200);
/// So much is shown of what a run said that ended before it began.
const SHOWN: u64 = 16 * 1024;
/// How a process is told that it has no unit.
const SESSION: &str = "session";

/// What is handed over: a run of this name, by this command line.
pub(crate) struct Handing<'a> {
    pub(crate) run: RunId,
    pub(crate) plan: &'a Plan,
    pub(crate) words: Vec<String>,
}

/// Hands it over and says where it is. The lock is given back: whoever carries the run takes it.
pub(crate) fn begin(
    context: &Context,
    folder: &StateFolder,
    lock: Lock,
    handing: &Handing<'_>,
) -> Result<Exit, CliError> {
    let run = &handing.run;
    let who = &context.host.invoker;
    let order = Order {
        plan: handing.plan.name.clone(),
        digest: handing.plan.digest.clone(),
        at: clock::now(),
        by: Invoker { uid: who.ids.uid, name: who.name.clone() },
    };
    let lost = |why: &dyn std::fmt::Display| {
        CliError::new(Exit::Internal, "the run cannot be handed over; nothing was changed").because(why)
    };
    let program = program::lasting_path(&context.host.path).map_err(|why| lost(&why))?;
    let handed = folder.hand_over(run, &order)?;
    drop(lock);
    let unit = format!("switchback-run-{run}-{}", order.at.0);
    let errand = Errand { program, words: handing.words.clone(), env: context.handed_env(), unit };
    let from = |how: &str| format!("--handed-over={how}");
    let carried = hand_over::hand_over(&errand, &context.host, &from(&errand.unit), &from(SESSION));
    if let Err(why) = carried {
        // What is remembered of it says that it ended, so that it can be begun again under this name.
        handed.ended(End { exit: Exit::Internal.status(), at: clock::now() })?;
        return Err(lost(&why));
    }
    begun(context, folder, &handed, &order)
}

/// Waits until the run recorded something, or ended.
fn begun(
    context: &Context,
    folder: &StateFolder,
    handed: &HandedOver,
    order: &Order,
) -> Result<Exit, CliError> {
    let began = clock::tick();
    while began.elapsed() < PATIENCE.duration() {
        let Some(found) = find(folder, &handed.run)? else { break };
        let last = found.newest.as_ref().and_then(|past| past.journal.envelopes.last());
        let recorded = last.is_some_and(|last| last.at >= order.at);
        match found.is {
            Is::Beginning | Is::Going if !recorded => pause(AGAIN),
            Is::Ended(exit) if !recorded => return said_and_ended(context, handed, exit),
            Is::NeverBegan => return said_and_ended(context, handed, Exit::Internal),
            Is::Beginning | Is::Going | Is::Left | Is::Ended(_) => break,
        }
    }
    let Some(found) = find(folder, &handed.run)? else {
        return Err(CliError::new(Exit::Internal, format!("what was known of run {} is gone", handed.run)));
    };
    if context.json {
        found.show(context);
        return Ok(Exit::Done);
    }
    let run = &handed.run;
    out::line(context, &format!("Run {run} goes on by itself."));
    for (verb, what) in
        [("attach", "follows it"), ("wait", "waits for its end"), ("status --run-id", "says where it is")]
    {
        let text = context.proposing(&format!("`switchback {verb} {run}` {what}"));
        out::put(&render(&[Line::plain(text).at(1)], &context.out_style()));
    }
    Ok(Exit::Done)
}

/// A run that ended before it recorded anything: what it said is all that there is.
fn said_and_ended(context: &Context, handed: &HandedOver, exit: Exit) -> Result<Exit, CliError> {
    let said = files::read_bounded(&handed.said(), SHOWN).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    if exit == Exit::Done {
        let text = lines.join(" ");
        return Ok(out::nothing(context, &text, exit));
    }
    let text = format!("run `{}` ended before it began; nothing was changed", handed.run);
    let error = lines.iter().fold(CliError::new(exit, text), |error, line| error.because(line.trim()));
    Err(error.hint(format!("what it said is in {}", handed.said().display())))
}

/// A second start under a name that is used: says where the first one is, and nothing else is done.
pub(crate) fn second_start(
    context: &Context,
    found: &Whereabouts,
    plan: &Plan,
    detach: bool,
) -> Result<Exit, CliError> {
    if let Some(first) = found.digest()
        && first != plan.digest
    {
        let text = format!(
            "run `{}` was begun with another plan: its digest is {}, and that of `{}` is {}",
            found.run,
            first.short(),
            plan.name,
            plan.digest.short()
        );
        return Err(CliError::usage(text).hint("another run takes another `--run-id`"));
    }
    out::line(context, &format!("Run {} was begun before; nothing is begun.", found.run));
    found.show(context);
    // Who hands it over wants it begun, and it is.
    Ok(if detach { Exit::Done } else { found.exit() })
}

/// Carries a run that was handed over: from here on this process belongs to no terminal, and says where it is.
pub(crate) fn carry(
    context: &Context,
    run: &RunId,
    how: &str,
    work: impl FnOnce(&HandedOver) -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    let lost = |why: &dyn std::fmt::Display| {
        CliError::new(Exit::Internal, "this process cannot carry the run").because(why)
    };
    let unit = (how != SESSION).then(|| how.to_owned());
    if unit.is_none() {
        hand_over::leave().map_err(|why| lost(&why))?;
    }
    let folder = StateFolder::open(&context.state)?;
    let handed =
        folder.handed_over(run).ok_or_else(|| CliError::usage(format!("run `{run}` was not handed over")))?;
    hand_over::say_into(&handed.said()).map_err(|why| lost(&why))?;
    let carrier = Carrier { process: Runner::this().to_string(), boot: context.host.boot_id.clone(), unit };
    handed.carried_by(&carrier)?;
    let exit = work(&handed).unwrap_or_else(|mut why| {
        why.hint = why.hint.map(|hint| context.proposing(&hint));
        super::complain(false, &why);
        why.exit
    });
    // Said after the last fact: it holds as long as nothing is recorded behind it.
    handed.ended(End { exit: exit.status(), at: clock::now() })?;
    Ok(exit)
}

/// Writes down what goes on, for whoever follows the run.
pub(crate) struct Scribe {
    handed: HandedOver,
    doing: Doing,
    written: Option<Instant>,
    /// A line came too soon after another to be written down.
    behind: bool,
}

impl Scribe {
    pub(crate) fn new(handed: HandedOver) -> Self {
        Self { handed, doing: Doing::default(), written: None, behind: false }
    }

    fn write(&mut self) -> io::Result<()> {
        self.written = Some(clock::tick());
        self.behind = false;
        self.handed.does(&self.doing)
    }

    fn catch_up(&mut self) -> io::Result<()> {
        let soon = self.written.is_some_and(|written| written.elapsed() < LINES);
        if self.behind && !soon { self.write() } else { Ok(()) }
    }
}

impl Reporter for Scribe {
    fn recall(&mut self, _: &Plan, _: &Envelope) {}

    fn event(&mut self, _: &Plan, _: &Envelope) -> io::Result<()> {
        Ok(())
    }

    fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        match notice {
            Notice::Began { what, .. } => {
                self.doing = Doing { what: Some(what.clone()), ..Doing::default() };
                self.write()
            }
            Notice::Ended => {
                self.doing = Doing::default();
                self.write()
            }
            Notice::Line { text } => {
                self.doing.line = Some(text.clone());
                self.behind = true;
                self.catch_up()
            }
            Notice::Progress { done, of } => {
                self.doing.progress = Some((*done, *of));
                self.write()
            }
            Notice::Tick => self.catch_up(),
            Notice::Stopping { .. }
            | Notice::LeftBehind { .. }
            | Notice::Said { .. }
            | Notice::Record { .. } => Ok(()),
        }
    }
}
