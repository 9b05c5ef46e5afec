//! Where a run is: whether somebody is at work on it, or how it ended. The journals and the lock say so; of a run that was
//! handed over and has not begun, what was remembered of that.

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::{out, stage};
use crate::engine::Stage;
use crate::model::{Event, GenerationNumber, RunId, Span};
use crate::report::{self, Line, Tone};
use crate::store::{Carrier, HandedOver, Journal, StateFolder};
use crate::system::guard::{Runner, standing};
use crate::system::lock::{Holder, holder};
use crate::system::{clock, host};
use serde_json::{Value, json};

/// How long a run that was handed over may take until somebody carries it.
const ON_ITS_WAY: Span = Span::seconds(60);
/// How long after its deadline a guard is still expected to come.
const GUARD_COMES: Span = Span::seconds(30);

/// How it stands with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    /// It was handed over and has recorded nothing yet.
    Beginning,
    /// Somebody is at work on it.
    Going,
    /// It was begun, is not decided, and nobody is at work on it.
    Left,
    /// It was handed over, and its process is gone before it recorded anything.
    NeverBegan,
    /// It ended, or waits for a person or a reboot.
    Ended(Exit),
}

/// A run that is known here.
pub(crate) struct Whereabouts {
    pub(crate) run: RunId,
    pub(crate) is: Is,
    /// Its newest generation.
    pub(crate) newest: Option<Past>,
    /// Who is at work.
    holder: Option<Holder>,
    handed: Option<HandedOver>,
}

/// The generations of a run, oldest first. They follow each other: one run at a time has the lock.
pub(crate) fn generations_of(folder: &StateFolder, run: &RunId) -> Result<Vec<GenerationNumber>, CliError> {
    let current = folder.current();
    let mut found = Vec::new();
    for number in folder.generations()?.into_iter().rev() {
        if current.is_none_or(|current| number > current) {
            continue;
        }
        let first = Journal::read_first(&folder.capsule(number)?.journal_path());
        let of_run = matches!(
            first.ok().flatten().map(|first| first.event),
            Some(Event::PhaseBegan(header)) if header.run == *run
        );
        if of_run {
            found.push(number);
        } else if !found.is_empty() {
            break;
        }
    }
    found.reverse();
    Ok(found)
}

/// A run that is meant: the one that was named, or else the newest that is known.
pub(crate) fn meant(context: &Context, folder: &StateFolder, named: Option<&str>) -> Result<RunId, CliError> {
    if let Some(named) = named {
        return RunId::new(named).map_err(|why| CliError::usage(why.to_string()));
    }
    let handed = folder.newest_handed_over();
    // What was handed over and has no generation yet is newer than all that has.
    if let Some(handed) = &handed
        && handed.end().is_none()
        && generations_of(folder, &handed.run)?.is_empty()
    {
        return Ok(handed.run.clone());
    }
    let current = Past::current(folder)?.and_then(|past| past.state.header.map(|header| header.run));
    current.or(handed.map(|handed| handed.run)).ok_or_else(|| context.nothing_run(""))
}

/// Where that run is; nothing where it is not known here.
pub(crate) fn find(folder: &StateFolder, run: &RunId) -> Result<Option<Whereabouts>, CliError> {
    let handed = folder.handed_over(run);
    // Asked before the facts are read: what is recorded by a process that is gone then is found.
    let carried = handed.as_ref().map_or(Carried::Gone, carried);
    // Who asks may hold the lock itself.
    let holder = holder(folder.root()).filter(|holder| holder.pid != std::process::id());
    let newest = generations_of(folder, run)?.pop();
    let past = newest.map(|number| Past::of(folder, number)).transpose()?;
    let is = match (carried, &past) {
        (Carried::OnItsWay, _) | (Carried::Alive, None) => Is::Beginning,
        (Carried::Alive, Some(_)) => Is::Going,
        // Whoever holds the lock while the current generation is open is at work on that.
        (Carried::Gone, Some(past)) if holder.is_some() && is_current_and_open(folder, past) => Is::Going,
        (Carried::Gone, Some(past)) => decided(folder, past, handed.as_ref()),
        (Carried::Gone, None) => {
            let Some(handed) = &handed else { return Ok(None) };
            let exit = handed.end().and_then(|end| Exit::of_status(end.exit));
            exit.map_or(Is::NeverBegan, Is::Ended)
        }
    };
    Ok(Some(Whereabouts { run: run.clone(), is, newest: past, holder, handed }))
}

fn is_current_and_open(folder: &StateFolder, past: &Past) -> bool {
    past.state.finished.is_none() && folder.current() == Some(past.number())
}

/// How it stands with the process that is to carry a run.
#[derive(Debug, Clone, Copy)]
enum Carried {
    /// It was handed over a moment ago.
    OnItsWay,
    Alive,
    Gone,
}

fn carried(handed: &HandedOver) -> Carried {
    if handed.end().is_some() {
        return Carried::Gone;
    }
    match handed.carrier() {
        Some(carrier) if lives(&carrier) => Carried::Alive,
        Some(_) => Carried::Gone,
        None if handed.order().is_some_and(|order| clock::now().since(order.at) < ON_ITS_WAY) => {
            Carried::OnItsWay
        }
        None => Carried::Gone,
    }
}

/// Whether the process that carries a run is still that process.
fn lives(carrier: &Carrier) -> bool {
    let runner: Option<Runner> = carrier.process.parse().ok();
    carrier.boot == host::boot_id() && runner.is_some_and(Runner::lives)
}

/// How a run stands on which nobody is at work.
fn decided(folder: &StateFolder, past: &Past, handed: Option<&HandedOver>) -> Is {
    let last = past.journal.envelopes.last().map(|last| last.at);
    // What its process said at its end holds as long as nothing was recorded since.
    if let Some(end) = handed.and_then(HandedOver::end)
        && last.is_some_and(|last| last <= end.at)
        && let Some(exit) = Exit::of_status(end.exit)
    {
        return Is::Ended(exit);
    }
    if past.state.paused.is_some() {
        return Is::Ended(Exit::Paused);
    }
    if let Stage::AwaitingReboot(_) = past.state.stage {
        return Is::Ended(Exit::AwaitingReboot);
    }
    if let Some(verdict) = past.state.finished {
        return Is::Ended(verdict.into());
    }
    let deadline = past.journal.envelopes.iter().rev().find_map(|envelope| match &envelope.event {
        Event::GuardArmed(guarded) => guarded.until,
        _ => None,
    });
    let comes = deadline.is_some_and(|until| past.state.armed && clock::now() < until.after(GUARD_COMES));
    if comes || !standing(folder.root(), past.number()).is_empty() { Is::Going } else { Is::Left }
}

impl Whereabouts {
    /// Whether something may still come.
    pub(crate) const fn goes_on(&self) -> bool {
        match self.is {
            Is::Beginning | Is::Going => true,
            Is::Left | Is::NeverBegan | Is::Ended(_) => false,
        }
    }

    /// Whether this name was used for a run that began: a second start of it does nothing.
    pub(crate) const fn is_used(&self) -> bool {
        match self.is {
            Is::Beginning | Is::Going | Is::Left => true,
            Is::NeverBegan => false,
            Is::Ended(_) => self.newest.is_some(),
        }
    }

    /// The digest of the plan that was begun under this name.
    pub(crate) fn digest(&self) -> Option<crate::model::Digest> {
        let header = self.newest.as_ref().and_then(|past| past.state.header.as_ref());
        let digest = header.map(|header| header.digest.clone());
        digest.or_else(|| self.handed.as_ref()?.order().map(|order| order.digest))
    }

    /// The exit status: how it ended, or that it goes on.
    pub(crate) const fn exit(&self) -> Exit {
        match self.is {
            Is::Beginning | Is::Going => Exit::StillGoing,
            Is::Left => Exit::Paused,
            Is::NeverBegan => Exit::Internal,
            Is::Ended(exit) => exit,
        }
    }

    /// What it does right now, where its process says so.
    pub(crate) fn handed(&self) -> Option<&HandedOver> {
        self.handed.as_ref()
    }

    const fn word(&self) -> &'static str {
        match self.is {
            Is::Beginning => "beginning",
            Is::Going => "going on",
            Is::Left => "left undecided",
            Is::NeverBegan => "never began",
            Is::Ended(_) => "ended",
        }
    }

    /// How it ended, in a word.
    fn end(&self) -> Option<&'static str> {
        let Is::Ended(exit) = self.is else { return None };
        Some(match exit {
            Exit::Done => "committed",
            Exit::Refused => "refused",
            Exit::Paused => "paused",
            Exit::RolledBack => "rolled back",
            Exit::Inconsistent => "inconsistent",
            Exit::AwaitingReboot => "awaiting reboot",
            Exit::Internal
            | Exit::Usage
            | Exit::Quarantined
            | Exit::Locked
            | Exit::Failing
            | Exit::StillGoing
            | Exit::Plugin(_) => "an error",
        })
    }

    fn json(&self, context: &Context) -> Value {
        let header = self.newest.as_ref().and_then(|past| past.state.header.as_ref());
        let carrier = self.handed.as_ref().and_then(HandedOver::carrier);
        json!({
            "run": self.run,
            "is": self.word(),
            "end": self.end(),
            "exit": self.exit().status(),
            "plan": header.map(|header| &header.plan),
            "generation": self.newest.as_ref().map(Past::number),
            "phase": header.map(|header| &header.phase),
            "stage": self.newest.as_ref().map(|past| stage::word(&past.state)),
            "unit": carrier.as_ref().and_then(|carrier| carrier.unit.as_ref()),
            "process": self.holder.as_ref().filter(|_| self.goes_on()).map(|holder| holder.pid),
            "said": self.handed.as_ref().map(HandedOver::said),
            "waiting": self.waits().map(|words| context.proposing(&words)),
        })
    }

    /// What a person can do about it.
    fn waits(&self) -> Option<String> {
        let run = &self.run;
        match self.is {
            Is::Beginning => Some(format!("`switchback attach {run}` follows it")),
            Is::Going => {
                let asked = self.newest.as_ref().and_then(|past| stage::word_awaited(&past.state));
                asked.or_else(|| Some(format!("`switchback attach {run}` follows it")))
            }
            Is::NeverBegan => Some("nothing was changed; it can be begun again under this name".to_owned()),
            Is::Left | Is::Ended(_) => {
                let past = self.newest.as_ref()?;
                stage::waiting(&past.state, past.journal.damage.is_some())
            }
        }
    }

    fn lines(&self, context: &Context) -> Vec<Line> {
        let tone = match self.is {
            Is::Beginning | Is::Going | Is::Ended(Exit::Done) => Tone::Plain,
            Is::Left | Is::NeverBegan | Is::Ended(_) => Tone::Caution,
        };
        let how = self.end().map_or_else(|| self.word().to_owned(), |end| format!("ended: {end}"));
        let mut lines = vec![Line::new(tone, "run", format!("{}: {how}", self.run))];
        if let Some(past) = &self.newest {
            let phase = past.state.phase().map(ToString::to_string).unwrap_or_default();
            let words = format!("{phase}, generation {}: {}", past.number(), stage::word(&past.state));
            lines.push(Line::new(Tone::Plain, "phase", words));
        }
        if let (Some(holder), true) = (&self.holder, self.goes_on()) {
            lines.push(Line::new(Tone::Plain, "by", holder.to_string()));
        }
        let unit = self.handed.as_ref().and_then(HandedOver::carrier).and_then(|carrier| carrier.unit);
        lines.extend(unit.map(|unit| Line::new(Tone::Quiet, "unit", unit)));
        let waits = self.waits().map(|words| context.proposing(&words));
        lines.extend(waits.map(|words| Line::new(Tone::Plain, "waiting", words)));
        lines
    }

    /// Says where it is.
    pub(crate) fn show(&self, context: &Context) {
        if context.json {
            out::json_line(context, &self.json(context));
            return;
        }
        out::put(&report::render(&self.lines(context), &context.out_style()));
    }
}
