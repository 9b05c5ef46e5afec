//! `switchback validate --scheduled`: what the timer does. It looks at the phases that soak, keeps what it finds, takes a
//! phase back or holds the next one where its `on` says so, and tells of verdicts that changed. It never waits for a run and never stands in the
//! way of one: it looks without the lock, and takes it only to go back or to write down.

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::{Past, gone, host_of};
use super::reports::Report;
use super::rollback::{WayBack, Why, take_all_back};
use super::standing::held_by;
use super::{keep, out, soak, stage, validate};
use crate::app::{Message, Recall, Subject, Ways, deliver, judge_phase, news};
use crate::check::CheckWatch as _;
use crate::engine::{HeldPhase, Input, Stage, found_well_now};
use crate::model::{
    Cause, CheckId, CheckReport, Event, GenerationNumber, Guidance, JudgedPhase, Moment, Occasion, PhaseEnd,
    Reaction, Span, Timestamp, Validation, Verdict,
};
use crate::report;
use crate::store::{HistoryFilter, StateFolder, StoreError, Timetable, Wishes};
use crate::system::lock::{self, LockError};
use crate::system::{clock, host};
use std::collections::BTreeSet;

pub(crate) fn scheduled(context: &Context, reports: &[Report]) -> Result<Exit, CliError> {
    let mut seen = Vec::new();
    let ended = looked(context, &mut seen);
    let lost = match (whole(seen), &ended) {
        (Some(validation), _) => give(context, reports, &validation),
        (None, Err(why)) => {
            reports.iter().for_each(|report| report.withdraw(why));
            false
        }
        (None, Ok((Exit::Done, why))) => {
            reports.iter().for_each(|report| report.rest(why));
            false
        }
        (None, Ok((exit, why))) => {
            let why = CliError::new(*exit, why.clone());
            reports.iter().for_each(|report| report.withdraw(&why));
            false
        }
    };
    ended.map(|(exit, _)| if lost && exit == Exit::Done { Exit::Internal } else { exit })
}

/// Writes every report; whether one could not be written, which is said.
fn give(context: &Context, reports: &[Report], validation: &Validation) -> bool {
    let mut lost = false;
    for report in reports {
        if let Err(why) = report.give_whole(context, validation) {
            keep::said(&super::plugin::in_a_line(&why));
            lost = true;
        }
    }
    lost
}

/// All that was judged, the newest plan's name over it.
fn whole(seen: Vec<Validation>) -> Option<Validation> {
    seen.into_iter().reduce(|mut whole, next| {
        whole.took = Span(whole.took.0.saturating_add(next.took.0));
        whole.phases.extend(next.phases);
        whole
    })
}

/// Says why nothing is judged.
fn nothing(context: &Context, why: &str, exit: Exit) -> (Exit, String) {
    (out::nothing(context, why, exit), why.to_owned())
}

/// Judges what is due, each into `seen`; how it ended, and why where nothing was judged.
fn looked(context: &Context, seen: &mut Vec<Validation>) -> Result<(Exit, String), CliError> {
    let Some(folder) = context.look_if_any()? else {
        let text = format!("Nothing to judge: nothing was ever run in {}.", context.state.display());
        return Ok(nothing(context, &text, Exit::Done));
    };
    if let Some(holder) = lock::holder(folder.root()) {
        let text = format!("Nothing was looked at: {holder} goes on.");
        return Ok(nothing(context, &text, Exit::Locked));
    }
    if let Some(lost) = folder.lost() {
        // What soaks by the word of older ones may have been changed or taken back by it.
        return Err(gone(&folder, lost));
    }
    let wishes = wishes(&folder);
    let current = folder.current();
    let (due, open) = due(&folder, wishes.always)?;
    if let Some(why) = open {
        return Ok(nothing(context, &why, Exit::Paused));
    }
    if due.is_empty() {
        return Ok(nothing(context, "Nothing to judge: no phase soaks.", Exit::Done));
    }
    let mut worst = Exit::Done;
    for one in due {
        let exit = judge(context, &folder, &wishes, one, current, seen)?;
        if rank(exit) > rank(worst) {
            worst = exit;
        }
    }
    Ok((worst, "A run began meanwhile.".to_owned()))
}

/// What was asked for when the timer was set up.
fn wishes(folder: &StateFolder) -> Wishes {
    match folder.timetable() {
        Ok(timetable) => timetable.map(|Timetable { wishes, .. }| wishes).unwrap_or_default(),
        Err(why) => {
            keep::lost("nobody knows what the timer was set up for", &why);
            Wishes::default()
        }
    }
}

const fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Done | Exit::Plugin(_) => 0,
        Exit::Locked | Exit::StillGoing => 1,
        Exit::Paused | Exit::Refused | Exit::AwaitingReboot => 2,
        Exit::Failing => 3,
        Exit::RolledBack | Exit::Quarantined => 4,
        Exit::Internal | Exit::Usage => 5,
        Exit::Inconsistent => 6,
    }
}

/// A phase that is looked at.
struct Due {
    past: Past,
    recall: Recall,
    soaks: bool,
    /// Nothing that came later is in effect, so that it can be taken back alone.
    newest: bool,
}

/// The phases that soak, and with `always` every committed one of the current plan; or why nothing is judged now.
fn due(folder: &StateFolder, always: bool) -> Result<(Vec<Due>, Option<String>), CliError> {
    let (mut due, mut seen, mut newest) = (Vec::new(), BTreeSet::new(), true);
    let lines = folder.history(&HistoryFilter::default())?.lines;
    let plan = lines.last().map(|line| line.plan.clone());
    for line in lines.into_iter().rev() {
        let waits = |why: &str| {
            let (number, phase) = (line.generation, &line.phase);
            Some(format!(
                "Nothing was looked at: generation {number} (phase {phase}) {why}, and waits for a person."
            ))
        };
        match line.end {
            None if newest => return Ok((Vec::new(), waits("has not ended"))),
            Some(PhaseEnd::Inconsistent) if newest => {
                return Ok((Vec::new(), waits("did not come back whole")));
            }
            None
            | Some(
                PhaseEnd::Inconsistent
                | PhaseEnd::NotApplicable
                | PhaseEnd::Refused
                | PhaseEnd::Reverted
                | PhaseEnd::Resolved,
            ) => continue,
            Some(PhaseEnd::Committed) => {}
        }
        let of_plan = seen.insert((line.plan.clone(), None));
        let of_phase = seen.insert((line.plan.clone(), Some(line.phase.clone())));
        let asked = always && of_phase && Some(&line.plan) == plan.as_ref();
        if of_plan || asked {
            let past = Past::of(folder, line.generation)?;
            past.journal.sound(&past.capsule.journal_path())?;
            let soaks = of_plan && soaks(&past, clock::now());
            if soaks || asked {
                let mut recall = Recall::default();
                past.journal.envelopes.iter().for_each(|envelope| recall.learn(envelope));
                due.push(Due { past, recall, soaks, newest });
            }
        }
        newest = false;
    }
    Ok((due, None))
}

fn soaks(past: &Past, now: Timestamp) -> bool {
    past.state.finished == Some(Verdict::Committed)
        && past.state.stage == Stage::Ended(PhaseEnd::Committed)
        && past.state.soak_until.is_some_and(|until| until > now)
}

fn judge(
    context: &Context,
    folder: &StateFolder,
    wishes: &Wishes,
    due: Due,
    current: Option<GenerationNumber>,
    seen: &mut Vec<Validation>,
) -> Result<Exit, CliError> {
    let host = host_of(context, &due.past.journal).into_owned();
    let id = due.past.state.phase().cloned();
    let Some(phase) = id.as_ref().and_then(|id| due.past.plan.phase(id)).cloned() else {
        return Ok(Exit::Done);
    };
    let subject = Subject {
        phase: &phase,
        generation: Some(due.past.number()),
        since: due.recall.acted.or(due.recall.began),
        baseline: due.recall.baseline.clone(),
    };
    let mut watch = validate::quiet_watch(context)?;
    let (began, tick) = (clock::now(), clock::tick());
    let judged = judge_phase(&subject, &wishes.tags, &host, Context::cores(), &mut watch);
    if watch.interrupted() {
        return Err(CliError::new(Exit::Paused, "interrupted; nothing was touched"));
    }
    if folder.current() != current || lock::holder(folder.root()).is_some() {
        let text = "A run began meanwhile: what was seen is not kept, and nothing was touched.";
        return Ok(out::nothing(context, text, Exit::Locked));
    }
    let plan = due.past.plan.clone();
    let mut validation = Validation {
        plan: plan.name.clone(),
        revision: plan.revision,
        digest: plan.digest.clone(),
        machine: host::machine_name(),
        began,
        took: clock::since(tick),
        baseline: Some("what was recorded before the phase".to_owned()),
        phases: vec![judged],
        kept: false,
    };
    validation.kept = keep::keep(context, &validation, &plan, Occasion::Schedule);
    if context.json {
        out::json_line(context, &report::validation_json(&validation));
    } else {
        out::put(&report::validation(&validation, &context.out_style()));
    }
    seen.push(validation.clone());
    let reports = validation.phases.first().map(|JudgedPhase { reports, .. }| reports.as_slice());
    let reports = reports.unwrap_or_default();
    let found = due.soaks.then(|| soak::found(&due.past, &phase, reports, &accepted(&due.past))).flatten();
    let (mut exit, mut turned) = (validate::exit(&validation), None);
    let number = due.past.number();
    let said = said_of(&due, found.as_ref(), reports, began);
    let mut holds = Holding { holds: held_by(&due.past), anew: false };
    if let Some(said) = said {
        match write_down(context, folder, &due.past, &said, &validation) {
            Ok(after) => holds = after,
            Err(why) => {
                let why = super::plugin::in_a_line(&why);
                keep::said(&format!("what follows from this for the next phase is not recorded: {why}"));
                exit = Exit::Internal;
            }
        }
    }
    if let (Some(by), None | Some((_, Reaction::Pause | Reaction::Continue))) = (&holds.holds, &found) {
        let text = format!(
            "Phase {} is held since {}: {}.",
            by.phase,
            report::text::when(by.held.since),
            stage::let_go(&due.past.state)
        );
        out::line(context, &context.proposing(&text));
    }
    match found {
        Some((cause, Reaction::Rollback)) if due.newest => {
            exit = go_back(context, folder, due.past, &cause, &validation)?;
            turned = Some((number, cause, exit));
        }
        Some((_, Reaction::Rollback)) => {
            let text = format!(
                "Phase {} is not taken back: what came after generation {number} is in effect. \
                 `switchback rollback --to {number}` takes back all of it.",
                phase.id
            );
            out::line(context, &context.proposing(&text));
        }
        Some((_, Reaction::Pause | Reaction::Continue)) | None => {}
    }
    let turned = turned.filter(|(_, _, exit)| matches!(exit, Exit::RolledBack | Exit::Inconsistent));
    if turned.is_some() {
        holds = Holding::default();
    }
    tell(context, folder, wishes, &host, &validation, turned.as_ref(), &holds);
    Ok(exit)
}

/// What holds the next phase after a look.
#[derive(Default)]
struct Holding {
    holds: Option<HeldPhase>,
    /// Whether that began with this look.
    anew: bool,
}

/// What is to be recorded of a look at a phase that soaks; nothing where it goes back, or there is no news.
fn said_of(
    due: &Due,
    found: Option<&(Cause, Reaction)>,
    reports: &[CheckReport],
    began: Timestamp,
) -> Option<Input> {
    let before = due.past.state.held.as_ref();
    let said = match found {
        _ if !due.soaks => None,
        Some((cause, Reaction::Pause)) => Some(Input::SoakHeld(soak::held(began, cause.clone(), reports))),
        Some((_, Reaction::Rollback)) => None,
        Some((_, Reaction::Continue)) | None => {
            before.filter(|held| found_well_now(&held.cause, reports)).map(|_| Input::SoakMeasured)
        }
    };
    said.filter(|said| !soak::is_known(&due.past, said))
}

/// Records it where nothing happened to the phase meanwhile; what holds the next phase then.
fn write_down(
    context: &Context,
    folder: &StateFolder,
    seen: &Past,
    said: &Input,
    validation: &Validation,
) -> Result<Holding, CliError> {
    let before = Holding { holds: held_by(seen), anew: false };
    let _lock = match folder.lock("validate --scheduled") {
        Ok(lock) => lock,
        Err(why @ LockError::Held { .. }) => {
            out::line(context, &format!("That the phase is not found healthy is not recorded now: {why}."));
            return Ok(before);
        }
        Err(why) => return Err(why.into()),
    };
    let past = Past::of(folder, seen.number())?;
    if past.journal.last_seq != seen.journal.last_seq {
        out::line(context, "Nothing is recorded of this look: the phase was taken up meanwhile.");
        return Ok(before);
    }
    // For whoever asks later what was seen; nothing depends on it.
    let text = report::validation_json(validation).to_string();
    let _ = past.capsule.evidence(&format!("soak-{}", validation.began.0), text.as_bytes());
    let phase = past.state.phase().cloned();
    let (number, anew) = (past.number(), matches!(said, Input::SoakHeld(_)));
    let (state, _) = soak::note(context, folder, past, said)?;
    let holds = state.held.zip(phase).map(|(held, phase)| HeldPhase { phase, generation: number, held });
    Ok(Holding { holds, anew })
}

/// What a person accepted when the phase was validated.
fn accepted(past: &Past) -> BTreeSet<CheckId> {
    let accepted = past.journal.envelopes.iter().filter_map(|envelope| match &envelope.event {
        Event::ChecksAccepted { moment: Moment::Validate, checks, .. } => Some(checks.iter().cloned()),
        _ => None,
    });
    accepted.flatten().collect()
}

/// Takes the phase back, where nothing happened to it meanwhile.
fn go_back(
    context: &Context,
    folder: &StateFolder,
    seen: Past,
    cause: &Cause,
    validation: &Validation,
) -> Result<Exit, CliError> {
    let _lock = match folder.lock("validate --scheduled") {
        Ok(lock) => lock,
        Err(why @ LockError::Held { .. }) => {
            let text = format!("The phase is not taken back now: {why}.");
            return Ok(out::nothing(context, &text, Exit::Locked));
        }
        Err(why) => return Err(why.into()),
    };
    let (number, facts) = (seen.number(), seen.journal.last_seq);
    let past = Past::of(folder, number)?;
    if past.journal.last_seq != facts || !soaks(&past, clock::now()) {
        let text = "The phase is not taken back: it soaks no longer, or was taken up meanwhile.";
        return Ok(out::nothing(context, text, Exit::Locked));
    }
    // For whoever asks later why; the way back does not depend on it.
    let text = report::validation_json(validation).to_string();
    let _ = past.capsule.evidence(&format!("soak-{}", validation.began.0), text.as_bytes());
    let way = WayBack {
        why: Why::Soak(cause),
        guidance: Guidance::Unattended,
        guarding: super::tools::guarding(context, false),
    };
    take_all_back(context, folder, vec![past], &way)
}

/// Tells of what changed, once.
fn tell(
    context: &Context,
    folder: &StateFolder,
    wishes: &Wishes,
    host: &host::Host,
    validation: &Validation,
    turned: Option<&(GenerationNumber, Cause, Exit)>,
    holding: &Holding,
) {
    // What could not be measured is news when it goes on, as the verdict of a check is.
    let fails_anew = holding.anew && holding.holds.as_ref().is_some_and(|by| !by.held.cause.is_open());
    let told = match folder.told(&validation.plan) {
        Ok(told) => told,
        Err(why) => {
            // Without it every hour would bring the same news. That a phase went back happens once.
            keep::lost("nobody is told of changes", &why);
            if turned.is_none() && !fails_anew {
                return;
            }
            crate::store::ToldOf::new()
        }
    };
    let news = news(validation, &told);
    let back = turned.map(|(number, cause, exit)| report::WentBack {
        generation: *number,
        cause: cause.clone(),
        whole: *exit == Exit::RolledBack,
    });
    let holds =
        holding.holds.as_ref().map(|by| report::Holds { generation: by.generation, held: by.held.clone() });
    let mut remembered = news.heard;
    if !news.changes.is_empty() || back.is_some() || fails_anew {
        let (title, text, urgent) =
            report::news_words(validation, &news.changes, back.as_ref(), holds.as_ref());
        let document = report::news_json(validation, &news.changes, back.as_ref(), holds.as_ref());
        let message = Message { title, text, urgent, document };
        let ways = Ways { host, command: &wishes.notify, desktop: !wishes.quiet };
        let delivered = deliver(&message, &ways);
        delivered.problems.iter().for_each(|why| keep::said(why));
        if delivered.reached {
            out::line(context, &format!("Told: {}.", message.title));
        } else {
            remembered = news.unheard;
        }
    }
    remembered.retain(|key, now| told.get(key) != Some(now));
    let kept: Result<bool, StoreError> =
        if remembered.is_empty() { Ok(false) } else { folder.keep_told(&validation.plan, &remembered) };
    if let Err(why) = kept {
        keep::lost("what was told is not remembered", &why);
    }
}
