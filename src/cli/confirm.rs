//! `switchback confirm`: what a person says about a change that waits for it, at any login. What is said is not yet heard:
//! the window may close at that moment, another may say the opposite, the runner may be gone. So it is waited for what
//! becomes of it.

use super::args::Confirm;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::{out, stage};
use crate::engine::Stage;
use crate::model::{Cause, Event, GenerationNumber, Invoker, Span, Timestamp};
use crate::report;
use crate::store::{StateFolder, Word};
use crate::system::lock::holder;
use crate::system::{clock, guard};
use std::time::Duration;

/// So long after the end of a window a runner that is there may take to decide.
const PATIENCE: Span = Span::seconds(60);
/// How soon it is looked again.
const AGAIN: Duration = Duration::from_millis(20);

pub(crate) fn confirm(context: &Context, args: &Confirm) -> Result<Exit, CliError> {
    let folder = context.look_for("")?;
    let past = Past::current(&folder)?
        .ok_or_else(|| CliError::usage(format!("nothing was begun in {}", folder.root().display())))?;
    if let Some(meant) = args.generation
        && meant != past.number().0
    {
        let text = format!("generation {meant} is not the current one: that is {}", past.number());
        return Err(CliError::usage(text).hint("`switchback status` shows what waits for whom"));
    }
    let number = past.number();
    let phase = past.state.phase().map(ToString::to_string).unwrap_or_default();
    let window = match past.state.stage {
        Stage::Confirming(Some(window)) if past.state.paused.is_none() => window,
        Stage::Confirming(None)
        | Stage::Confirming(Some(_))
        | Stage::Idle
        | Stage::Applies
        | Stage::Preflight
        | Stage::Gate
        | Stage::Recording(_)
        | Stage::Baseline
        | Stage::Sealing
        | Stage::Arming
        | Stage::Applying(_)
        | Stage::AwaitingReboot(_)
        | Stage::Booted(_)
        | Stage::Settling(_)
        | Stage::Validating
        | Stage::Committing(_)
        | Stage::Keeping(_)
        | Stage::Sealed
        | Stage::Disarming
        | Stage::Reverting(_)
        | Stage::Ended(_) => {
            let word = stage::word(&past.state);
            let text =
                format!("phase `{phase}` of generation {number} does not wait for a word: it is {word}");
            return Err(
                CliError::new(Exit::Refused, text).hint("`switchback status` shows what waits for whom")
            );
        }
    };
    let who = &context.host.invoker;
    let by = Invoker { uid: who.ids.uid, name: who.name.clone() };
    let keep = !args.revert;
    if clock::now() > window {
        let text = format!(
            "the window of phase `{phase}` (generation {number}) closed at {}: silence takes it back",
            report::text::when(window)
        );
        return Err(CliError::new(Exit::Refused, text).hint("`switchback status` shows what became of it"));
    }
    // The first word stands: who comes second is told, and does not overwrite it.
    if let Some(first) = past.capsule.word(window).filter(|first| first.keep != keep) {
        let word = if first.keep { "it stays" } else { "it goes back" };
        let text = format!("{} said of phase `{phase}` (generation {number}) that {word}", first.by.name);
        return Err(CliError::new(Exit::Refused, text).hint("`switchback status` shows what became of it"));
    }
    past.capsule.say(&Word { window, keep, by, at: clock::now() })?;
    let said = Said { phase, window, keep };
    match heard(&folder, number, &said)? {
        Heard::Kept if keep => said.counts(context),
        // Whoever took it back, that is what was wanted.
        Heard::Back(_) if !keep => said.counts(context),
        Heard::Kept => Err(said.too_late("somebody said that it stays")),
        Heard::Back(cause) => Err(said.too_late(&report::text::cause(&cause))),
        Heard::Nobody => Err(said
            .does_not_count("nobody runs it any more")
            .hint("`switchback resume` takes it up and asks again; `switchback rollback` takes it back")),
        Heard::NotYet => Err(CliError {
            exit: Exit::StillGoing,
            ..said
                .does_not_count("the run does not answer")
                .hint("`switchback status` shows what became of it")
        }),
    }
}

/// What was said.
struct Said {
    phase: String,
    window: Timestamp,
    keep: bool,
}

impl Said {
    fn counts(&self, context: &Context) -> Result<Exit, CliError> {
        let Self { phase, window, keep } = self;
        if context.json {
            out::json(context, &serde_json::json!({ "phase": phase, "keep": keep, "window": window }));
        } else {
            let word = if *keep { "stays" } else { "goes back" };
            out::line(context, &format!("Heard: phase {phase} {word}."));
        }
        Ok(Exit::Done)
    }

    fn does_not_count(&self, why: &str) -> CliError {
        let word = if self.keep { "stays" } else { "goes back" };
        let text = format!("that phase `{}` {word} was said, and not heard: {why}", self.phase);
        CliError::new(Exit::Refused, text)
    }

    fn too_late(&self, why: &str) -> CliError {
        self.does_not_count(why).hint("`switchback status` shows how it stands")
    }
}

/// What became of a word.
enum Heard {
    Kept,
    Back(Cause),
    /// The runner is gone, and no guard takes the phase back.
    Nobody,
    /// The runner is there, and its window is long over.
    NotYet,
}

/// Waits for the first fact that decides about the window, as long as there is somebody who will record one.
fn heard(folder: &StateFolder, number: GenerationNumber, said: &Said) -> Result<Heard, CliError> {
    let began = clock::tick();
    let patience = Span(said.window.since(clock::now()).0.saturating_add(PATIENCE.0));
    loop {
        // Asked before it is read: what is recorded by somebody who is gone then is found.
        let nobody = holder(folder.root()).is_none() && guard::standing(folder.root(), number).is_empty();
        let late = clock::since(began) > patience;
        if let Some(heard) = decided(&Past::of(folder, number)?, said.window) {
            return Ok(heard);
        }
        if nobody {
            return Ok(Heard::Nobody);
        }
        if late {
            return Ok(Heard::NotYet);
        }
        guard::pause(AGAIN);
    }
}

/// The first fact behind the opening of the window that decides about it.
fn decided(past: &Past, window: Timestamp) -> Option<Heard> {
    let facts = past.journal.envelopes.iter().map(|envelope| &envelope.event);
    let behind = facts.skip_while(|event| **event != Event::ConfirmOpened { until: window }).skip(1);
    behind.into_iter().find_map(|event| match event {
        Event::Confirmed => Some(Heard::Kept),
        Event::RevertBegan { cause } => Some(Heard::Back(cause.clone())),
        _ => None,
    })
}
