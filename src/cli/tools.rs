//! The people and the machine around a run: who is shown the facts, who is asked, what interrupts.

use super::context::Context;
use super::detached::Scribe;
use super::error::CliError;
use super::exit::Exit;
use super::out;
use crate::app::{Behind, Guarding, Session, SessionError, Tools};
use crate::engine::Ended;
use crate::model::{Guidance, Plan};
use crate::prompt::{self, Question, Reply};
use crate::report::{Fanout, Ndjson, Plain, Reporter as _, Stamps, Standing, Terminal};
use crate::store::{Approved, HandedOver, StateFolder};
use crate::system::sanitise::sanitise;
use crate::system::signal::Signals;
use std::io::{self, IsTerminal as _};

/// Whether a person can be asked: both the question and the answer need a terminal.
pub(crate) fn guidance(context: &Context, unattended: bool) -> Result<Guidance, CliError> {
    if unattended {
        return Ok(Guidance::Unattended);
    }
    if io::stdin().is_terminal() && io::stderr().is_terminal() && !context.json {
        return Ok(Guidance::Guided);
    }
    let why = if context.json { "`--json` is for programs" } else { "this is not a terminal" };
    Err(CliError::usage(format!("nobody can be asked: {why}"))
        .hint("add `--unattended`: the plan's `on` decides, and the exit status says how it ended"))
}

fn exit_of(standing: &Standing) -> u8 {
    match standing {
        Standing::Open => Exit::Internal,
        Standing::Paused(_) => Exit::Paused,
        Standing::Finished(verdict) => (*verdict).into(),
    }
    .status()
}

/// Who is shown the facts.
pub(crate) fn reporter(context: &Context) -> Fanout {
    let style = context.out_style();
    if context.json {
        Fanout::new().with("the JSON lines", Ndjson::new(io::stdout(), style, exit_of))
    } else if style.live() {
        Fanout::new().with(
            "the terminal",
            Terminal::new(console::Term::stdout(), style).proposing(context.state_option()),
        )
    } else {
        Fanout::new().with(
            "the output",
            Plain::new(io::stdout(), style, Stamps::Without).proposing(context.state_option()),
        )
    }
}

/// The same, for a run that may have been handed over: it writes a log then, and what goes on is written down too.
pub(crate) fn reporter_of(context: &Context, handed: Option<&HandedOver>) -> Fanout {
    let Some(handed) = handed else { return reporter(context) };
    let log = Plain::new(io::stdout(), context.out_style(), Stamps::With).proposing(context.state_option());
    Fanout::new().with("the log", log).with("what goes on", Scribe::new(handed.clone()))
}

/// Who is asked.
pub(crate) fn operator(context: &Context, guidance: Guidance) -> Box<dyn prompt::Operator> {
    match guidance {
        Guidance::Guided => match prompt::Keyboard::open() {
            Ok(keyboard) => {
                let term = console::Term::stderr();
                let style = context.err_style();
                if style.live() && style.colour() {
                    Box::new(prompt::Dialog::coloured(term, keyboard, sanitise))
                } else if style.live() {
                    Box::new(prompt::Dialog::plain(term, keyboard, sanitise))
                } else {
                    Box::new(prompt::Typed::new(keyboard, io::stderr(), sanitise))
                }
            }
            Err(_) => Box::new(prompt::Absent),
        },
        Guidance::Unattended => Box::new(prompt::Absent),
    }
}

/// Asks whether it shall be done; `hint` names what answers that without a terminal. An interrupt is a no, and not the
/// end of the process: the cursor comes back, and what becomes of it is said.
pub(crate) fn agreed(
    context: &Context,
    hint: &str,
    words: crate::report::question::Asked,
) -> Result<bool, CliError> {
    let guidance = guidance(context, false).map_err(|why| CliError { hint: Some(hint.to_owned()), ..why })?;
    let question = Question { about: words.about, ask: words.ask };
    let signals = signals()?;
    let awake = signals.awake();
    // A signal that came before the prompt waits for keys is a no too.
    let reply = match signals.count() {
        0 => operator(context, guidance).yes(&question),
        _ => Reply::Interrupted,
    };
    drop(awake);
    match reply {
        Reply::Yes => Ok(true),
        Reply::No | Reply::Interrupted | Reply::Nobody => Ok(false),
    }
}

/// What stands behind a run of this process.
pub(crate) fn guarding(context: &Context, nobody: bool) -> Guarding {
    Guarding { behind: if nobody { Behind::Nobody } else { Behind::Watchdog }, units: context.units() }
}

/// Records and shows a fact of a generation that is over; nothing is done to the machine. The lock is the caller's, and so
/// are the reporters' last words.
pub(crate) fn noted<T>(
    context: &Context,
    folder: &StateFolder,
    plan: Plan,
    note: impl FnOnce(&mut Session<'_>) -> Result<T, SessionError>,
) -> Result<(T, Fanout), CliError> {
    let mut reporter = reporter(context);
    let mut operator = operator(context, Guidance::Unattended);
    let tools = Tools {
        host: &context.host,
        signals: signals()?,
        reporter: &mut reporter,
        operator: operator.as_mut(),
        style: context.err_style(),
        cores: Context::cores(),
        version: env!("CARGO_PKG_VERSION"),
        guarding: guarding(context, true),
    };
    let approved = Approved { plan_yaml: Vec::new(), plan };
    let found = note(&mut Session::new(folder, approved, tools))?;
    Ok((found, reporter))
}

pub(crate) fn signals() -> Result<Signals, CliError> {
    Signals::install().map_err(|why| CliError::new(Exit::Internal, "signals cannot be handled").because(why))
}

/// The end of a run: the reporters' last words, and the exit status.
pub(crate) fn finish(reporter: &mut Fanout, ended: &Ended) -> Exit {
    // A reporter that cannot say its last words does not change how the run ended.
    let _ = reporter.finish();
    Fanout::lost(reporter).iter().for_each(|lost| out::lost(&lost.why));
    ended.into()
}

/// Says that the record is not whole, and what that means.
pub(crate) fn say_unrecorded(context: &Context, why: Option<String>, ended: &Ended) {
    let Some(why) = why else { return };
    let (text, hint) = match ended {
        Ended::Finished(crate::model::Verdict::Refused) => (
            "no generation can be recorded, so its phase was not begun",
            "make the state folder writable and give it room, or name another one with `--state DIR`",
        ),
        Ended::Finished(_) | Ended::Paused(_) | Ended::AwaitingReboot => (
            "the record of this run is not whole; what is said above was done all the same",
            "`switchback status` knows only what was recorded; a second `switchback rollback` changes nothing more",
        ),
    };
    super::complain(context.json, &CliError::new(ended.into(), text).because(why).hint(hint));
}
