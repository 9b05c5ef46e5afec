//! The guard at work: it takes the lock, reads what is decided, and takes back what is not.

use crate::app::{Behind, Guarding, Session, Tools};
use crate::cli::context::{Context, GUARD};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::past::{self, Past};
use crate::cli::rollback::{WayBack, Why, half_taken_back, take_all_back};
use crate::cli::stage::waits_for_boot;
use crate::cli::tools;
use crate::engine::{Stage, budget, needs_a_guard_now};
use crate::model::{Cause, GenerationNumber, Guidance, Span};
use crate::prompt;
use crate::store::{Approved, StateFolder};
use crate::system::announce::announce;
use crate::system::guard::{Runner, end_runner, forget_timers, in_a_child, pause, start_later};
use crate::system::lock::{Lock, LockError, holder};
use crate::system::service_manager::goes_down;
use std::time::Duration;

/// How often a way back is begun that did not come to an end.
const TRIES: u32 = 5;
/// How long a way back may take of which nobody knows the plan.
const LONGEST: Span = Span::seconds(3600);
/// How soon it is looked again whether the lock is free.
const AGAIN: Duration = Duration::from_millis(50);

/// Ends a runner whose time has passed.
pub(super) fn relieve(runner: Runner) -> Result<(), CliError> {
    end_runner(runner)
        .map(|_| ())
        .map_err(|why| CliError::new(Exit::Internal, "the runner cannot be ended").because(why))
}

/// Whether that generation is undecided, and nobody but that runner is at work on it. Where nobody can tell, it counts as
/// undecided: who takes it back looks again.
pub(super) fn is_undecided(context: &Context, generation: GenerationNumber, runner: Runner) -> bool {
    let Ok(folder) = StateFolder::open(&context.state) else { return true };
    // What the lock says of one who is gone was not said by whoever holds it now.
    let theirs = holder(folder.root())
        .is_some_and(|holder| holder.lives() && i32::try_from(holder.pid) != Ok(runner.pid()));
    !theirs && !Past::of(&folder, generation).is_ok_and(|past| !needs_a_guard_now(&past.state))
}

/// Takes back what nobody decided, each try in a process of its own: what ends that one does not end the guard. After so
/// many tries it stops and says so; the machine stays up.
pub(super) fn see_to_it(
    context: &Context,
    generation: GenerationNumber,
    cause: &Cause,
) -> Result<Exit, CliError> {
    if guarding(context).at_boot(&context.state) && goes_down(&context.host) {
        // Programs of a way back that begins now would find a machine that is being taken apart.
        return Ok(Exit::AwaitingReboot);
    }
    let mut wait = Duration::from_secs(1);
    let limit = limit(context, generation);
    for left in (0..TRIES).rev() {
        // Others may take as long as they like; only our own way back is bounded.
        if nothing_left(context, generation) {
            return Ok(Exit::Done);
        }
        let done = in_a_child(limit, || {
            let done = fire(context, generation, cause).unwrap_or_else(|why| {
                crate::cli::complain(context.json, &why);
                if why.exit == Exit::Inconsistent {
                    let text = format!(
                        "switchback cannot tell how generation {generation} stands: {}. Log in and type `switchback status`",
                        why.text
                    );
                    announce(&context.host, &context.state, &context.proposing(&text));
                }
                why.exit
            });
            done.status()
        });
        if let Some(exit) = done.and_then(ended) {
            // What stood behind the runner has nothing to do any more.
            forget_timers(&context.state, generation, &context.host);
            return Ok(exit);
        }
        if left > 0 {
            pause(wait);
            wait *= 2;
        }
    }
    let text = format!(
        "switchback could not take generation {generation} back in {TRIES} tries. \
         Log in and type `switchback rollback`"
    );
    announce(&context.host, &context.state, &context.proposing(&text));
    Err(CliError::new(Exit::Inconsistent, text))
}

/// Waits until nobody else is at work on it; whether all is decided then.
fn nothing_left(context: &Context, generation: GenerationNumber) -> bool {
    StateFolder::open(&context.state).is_ok_and(|folder| matches!(lock(&folder, generation), Ok(None)))
}

/// How long one try may take: what the plan allows the way back, and as long again for a lock that another gives up.
fn limit(context: &Context, generation: GenerationNumber) -> Span {
    let past = StateFolder::open(&context.state).ok().and_then(|folder| Past::of(&folder, generation).ok());
    let phase = past.as_ref().and_then(|past| past.plan.phase(past.state.phase()?));
    Span(phase.map_or(LONGEST, |phase| budget(phase).back).0.saturating_mul(2))
}

/// How a try ended, where nothing more can be done by trying again.
fn ended(status: u8) -> Option<Exit> {
    Exit::of_status(status).filter(|exit| match exit {
        Exit::Done
        | Exit::Refused
        | Exit::Paused
        | Exit::RolledBack
        | Exit::Inconsistent
        | Exit::AwaitingReboot => true,
        Exit::Internal
        | Exit::Usage
        | Exit::Quarantined
        | Exit::Locked
        | Exit::Failing
        | Exit::StillGoing
        | Exit::Plugin(_) => false,
    })
}

fn fire(context: &Context, generation: GenerationNumber, cause: &Cause) -> Result<Exit, CliError> {
    let folder = StateFolder::open(&context.state)?;
    if !folder.generation_folder(generation).is_dir() {
        // Where somebody gave it up there is nothing to take back; where it is lost nobody can tell, and that is said.
        let lost = folder.lost().filter(|lost| *lost == generation);
        return lost.map_or(Ok(Exit::Done), |lost| Err(past::gone(&folder, lost)));
    }
    let Some(_lock) = lock(&folder, generation)? else { return Ok(Exit::Done) };
    let past = Past::of(&folder, generation)?;
    if !needs_a_guard_now(&past.state) {
        return Ok(Exit::Done);
    }
    take_back(context, &folder, past, cause)
}

/// Waits for the lock as long as its holder leaves the generation undecided; nothing where it is decided meanwhile.
fn lock(folder: &StateFolder, generation: GenerationNumber) -> Result<Option<Lock>, CliError> {
    loop {
        match folder.lock(GUARD) {
            Ok(lock) => return Ok(Some(lock)),
            Err(LockError::Held { .. }) => {}
            Err(why @ (LockError::Failed { .. } | LockError::Unstable(_))) => return Err(why.into()),
        }
        if Past::of(folder, generation).is_ok_and(|past| !needs_a_guard_now(&past.state)) {
            return Ok(None);
        }
        pause(AGAIN);
    }
}

fn take_back(context: &Context, folder: &StateFolder, past: Past, cause: &Cause) -> Result<Exit, CliError> {
    let number = past.number();
    let phase = past.state.phase().map(ToString::to_string).unwrap_or_default();
    let way = WayBack { why: Why::Guard(cause), guidance: Guidance::Unattended, guarding: guarding(context) };
    let exit = take_all_back(context, folder, vec![past], &way)?;
    let why = crate::report::text::cause(cause);
    match exit {
        Exit::RolledBack => {
            let text = format!("switchback took phase {phase} back (generation {number}): {why}.");
            announce(&context.host, &context.state, &context.proposing(&text));
        }
        Exit::Inconsistent => {
            let text = format!(
                "switchback could not take all of phase {phase} back (generation {number}): {why}. \
                 Log in and type `switchback status`"
            );
            announce(&context.host, &context.state, &context.proposing(&text));
        }
        Exit::Done
        | Exit::Internal
        | Exit::Usage
        | Exit::Refused
        | Exit::Paused
        | Exit::Quarantined
        | Exit::Locked
        | Exit::Failing
        | Exit::AwaitingReboot
        | Exit::StillGoing
        | Exit::Plugin(_) => {}
    }
    Ok(exit)
}

/// The guard is started again by whoever started it.
fn guarding(context: &Context) -> Guarding {
    Guarding { behind: Behind::Starter, units: context.units() }
}

/// After a reboot: what asked for it goes on, what was undecided goes back, what waits for a person is told of.
pub(super) fn after_boot(context: &Context) -> Result<Exit, CliError> {
    let Some(folder) = context.look_if_any()? else { return Ok(Exit::Done) };
    let Some(past) = Past::current(&folder)? else { return Ok(Exit::Done) };
    let another = match (&past.state.boot, &context.host.boot_id) {
        (Some(before), Some(now)) => before != now,
        (None, _) | (_, None) => true,
    };
    let (number, phase) = (past.number(), past.state.phase().map(ToString::to_string).unwrap_or_default());
    if past.state.paused.is_some() {
        let text = format!("switchback: phase {phase} (generation {number}) is paused and waits for you.");
        announce(&context.host, &context.state, &context.proposing(&text));
        return Ok(Exit::Paused);
    }
    if let Stage::AwaitingReboot(_) = past.state.stage {
        if !another {
            return Ok(Exit::AwaitingReboot);
        }
        let words = ["guard", "continue"];
        let later = start_later(&past.capsule.program(), folder.root(), &words, number, &context.host);
        // Whoever starts units does not: then it is done here, and the boot waits for it.
        return if later.is_ok() { Ok(Exit::Done) } else { go_on(context) };
    }
    if needs_a_guard_now(&past.state) {
        let cause = if another { Cause::Rebooted } else { Cause::RunnerGone };
        return see_to_it(context, number, &cause);
    }
    let _lock = folder.lock(GUARD)?;
    if waits_for_boot(&past.state) {
        // What a way back from outside could not do without a machine that runs.
        let way = WayBack { why: Why::Asked, guidance: Guidance::Unattended, guarding: guarding(context) };
        return take_all_back(context, &folder, vec![past], &way);
    }
    let half = half_taken_back(context, &folder, &past)?.half;
    let broken_off: Vec<Past> = half.into_iter().filter(|past| past.state.going_back()).collect();
    if broken_off.is_empty() {
        return Ok(Exit::Done);
    }
    let way = WayBack { why: Why::Asked, guidance: Guidance::Unattended, guarding: guarding(context) };
    take_all_back(context, &folder, broken_off, &way)
}

/// Goes on after the reboot that a phase asked for. Nobody is here to be asked: a run that was guided pauses where a person
/// is needed, and says so.
pub(super) fn go_on(context: &Context) -> Result<Exit, CliError> {
    let (folder, _lock) = context.act("resume")?;
    let Some(past) = Past::current(&folder)? else { return Ok(Exit::Done) };
    let Stage::AwaitingReboot(_) = past.state.stage else { return Ok(Exit::Done) };
    let (number, guidance) = (past.number(), past.state.guidance());
    let phase = past.state.phase().map(ToString::to_string).unwrap_or_default();
    let mut reporter = tools::reporter(context);
    let tools = Tools {
        host: &context.host,
        signals: tools::signals()?,
        reporter: &mut reporter,
        operator: &mut prompt::Absent,
        style: context.err_style(),
        cores: Context::cores(),
        version: env!("CARGO_PKG_VERSION"),
        guarding: tools::guarding(context, false),
    };
    let approved = Approved { plan_yaml: past.capsule.plan_yaml()?, plan: past.plan };
    let mut session = Session::new(&folder, approved, tools);
    let (_, ended) = session.take_up(past.capsule, guidance)?;
    drop(session);
    crate::cli::index(&folder);
    let exit = tools::finish(&mut reporter, &ended);
    crate::cli::reboot::order(context, &ended, Guidance::Unattended)?;
    let what = match exit {
        Exit::Done => return Ok(exit),
        Exit::RolledBack => "took it back",
        Exit::Inconsistent => "could not take all of it back",
        Exit::Refused => "did not begin what came next",
        Exit::Paused => "waits for you",
        Exit::AwaitingReboot => "awaits another reboot",
        Exit::Internal
        | Exit::Usage
        | Exit::Quarantined
        | Exit::Locked
        | Exit::Failing
        | Exit::StillGoing
        | Exit::Plugin(_) => "stopped",
    };
    let cause = Past::of(&folder, number).ok().and_then(|past| past.state.reverting.or(past.state.paused));
    let why = cause.map_or_else(String::new, |cause| format!(": {}", crate::report::text::cause(&cause)));
    let text = format!(
        "switchback went on with phase {phase} (generation {number}) after the reboot and {what}{why}. \
         Log in and type `switchback status`"
    );
    announce(&context.host, &context.state, &context.proposing(&text));
    Ok(exit)
}
