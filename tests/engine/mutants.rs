//! Engines with a planted fault each. A walk that lets one of them pass proves too little.

use crate::explore::Engine;
use crate::walks::{Width, walks};
use switchback::engine::{
    Action, Back, Decision, Ended, Heard, Input, RunState, Stage, decide, evolve, replay,
};
use switchback::model::*;

pub(crate) type Decide = fn(&Plan, &RunState, &Input, Heard, Timestamp) -> Decision;
type Evolve = fn(&Plan, RunState, &Event) -> RunState;

fn next(plan: &Plan, state: &RunState, input: &Input, now: Timestamp) -> Decision {
    decide(plan, state, input, Heard::Nothing, now)
}

/// Skips an act: the world is taken to have answered already.
fn skip(plan: &Plan, state: &RunState, mut done: Decision, answer: &Input, now: Timestamp) -> Decision {
    let state = replay(plan, state.clone(), &done.events);
    let more = next(plan, &state, answer, now);
    done.events.extend(more.events);
    Decision { events: done.events, action: more.action }
}

fn act_without_intent(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    made.events.retain(|event| !matches!(event, Event::StepStarted { .. }));
    made
}

fn undo_without_intent(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    made.events.retain(|event| !matches!(event, Event::UndoStarted { .. }));
    made
}

fn disarm_before_commit(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    if made.action == Action::Disarm {
        made.events.retain(|event| !matches!(event, Event::PhaseCommitted { .. }));
    }
    made
}

fn commit_without_validation(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let made = decide(plan, state, input, heard, now);
    if (made.action == Action::Judge { moment: Moment::Validate }) && !plan.phases[0].validate.is_empty() {
        let mut events = made.events;
        events.push(Event::PhaseCommitted { soak_until: None });
        return Decision { events, action: Action::Disarm };
    }
    made
}

fn gate_ignored(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let yes = Input::Answered(true);
    let input = if *input == Input::Answered(false) { &yes } else { input };
    let made = decide(plan, state, input, heard, now);
    if made.action == Action::AskGate { skip(plan, state, made, &Input::Answered(true), now) } else { made }
}

fn preflight_ignored(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    if state.stage == Stage::Preflight && matches!(input, Input::Judged(_)) && made.action != Action::AskGate
    {
        made.events.retain(|event| matches!(event, Event::CheckJudged { .. } | Event::MomentJudged { .. }));
        made.events.push(Event::GateAnswered { go: true });
        made.action = Action::Seal;
    }
    made
}

fn children_left_alive(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let made = decide(plan, state, input, heard, now);
    if made.action == Action::EndChildren {
        skip(plan, state, made, &Input::ChildrenGone { left: Vec::new(), unseen: false }, now)
    } else {
        made
    }
}

fn restore_skipped(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let made = decide(plan, state, input, heard, now);
    let as_it_is = Input::Restored(Restored { changed: 0, failed: Vec::new() });
    if matches!(made.action, Action::Restore { .. }) { skip(plan, state, made, &as_it_is, now) } else { made }
}

fn undo_skipped(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let made = decide(plan, state, input, heard, now);
    if matches!(made.action, Action::Undo { .. }) {
        return skip(plan, state, made, &Input::Stepped(StepOutcome::Done), now);
    }
    made
}

fn oldest_undone_first(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    let after = replay(plan, state.clone(), &made.events);
    let owed =
        plan.phases.first().map(|phase| switchback::engine::undo_owed(phase, &after)).unwrap_or_default();
    if let (Action::Undo { .. }, Some((part, step))) = (&made.action, owed.last()) {
        made.events.pop();
        made.events.push(Event::UndoStarted { part: *part, step: *step });
        made.action = Action::Undo { part: *part, step: *step };
    }
    made
}

fn undo_repeated(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let again =
        matches!((input, &state.stage), (Input::Stepped(StepOutcome::Done), Stage::Reverting(Back::Undoing)));
    if again && state.undone.is_empty() {
        let made = decide(plan, state, input, heard, now);
        if let Some(Event::UndoFinished { part, step, .. }) = made.events.first() {
            let mut events = made.events[..1].to_vec();
            events.push(Event::UndoStarted { part: *part, step: *step });
            return Decision { action: Action::Undo { part: *part, step: *step }, events };
        }
    }
    decide(plan, state, input, heard, now)
}

fn lost_record_ignored(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    if matches!(input, Input::JournalLost(_)) && matches!(state.stage, Stage::Applying(_)) {
        return Decision { events: Vec::new(), action: Action::Stop(Ended::Paused(Cause::Interrupted)) };
    }
    decide(plan, state, input, heard, now)
}

fn second_interrupt_ignored(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    decide(plan, state, input, if heard == Heard::Twice { Heard::Nothing } else { heard }, now)
}

fn first_interrupt_ignored(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    decide(plan, state, input, if heard == Heard::Once { Heard::Nothing } else { heard }, now)
}

fn crash_forgotten(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    made.events.retain(|event| !matches!(event, Event::StepFinished { outcome: StepOutcome::Lost, .. }));
    made
}

fn armed_late(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let made = decide(plan, state, input, heard, now);
    if made.action == Action::Arm {
        return skip(plan, state, made, &Input::Armed(Ok(Guarded::BY_THE_RUNNER)), now);
    }
    made
}

fn unsealed(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    if made.action == Action::Seal {
        made.events.push(Event::GuardArmed(Guarded::BY_THE_RUNNER));
        made.action = Action::Perform { part: Part::Apply, step: 0 };
    }
    made
}

fn silent_end(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    made.events.retain(|event| !matches!(event, Event::RunFinished { .. }));
    made
}

fn always_committed(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    for event in &mut made.events {
        if let Event::RunFinished { verdict } = event {
            *verdict = Verdict::Committed;
            made.action = Action::Stop(Ended::Finished(Verdict::Committed));
        }
    }
    made
}

fn items_unnamed(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    for event in &mut made.events {
        if let Event::PhaseEnded { items, .. } = event {
            items.truncate(0);
        }
    }
    made
}

fn left_unnamed(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    for event in &mut made.events {
        if let Event::PhaseEnded { left, .. } = event {
            left.clear();
        }
    }
    made
}

fn never_rejected(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let made = decide(plan, state, input, heard, now);
    let Action::Quarantine { .. } = made.action else { return made };
    let mut made = skip(plan, state, made, &Input::Quarantined, now);
    made.events.retain(|event| !matches!(event, Event::Quarantined { .. }));
    made
}

fn soak_cut_short(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let later = if state.stage == Stage::Disarming { Timestamp(now.0 + 1_000) } else { now };
    decide(plan, state, input, heard, later)
}

fn settle_cut_short(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let made = decide(plan, state, input, heard, now);
    if matches!(made.action, Action::Wait { .. }) {
        skip(plan, state, made, &Input::TimeReached, now)
    } else {
        made
    }
}

fn silence_is_consent(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let made = decide(plan, state, input, heard, now);
    if matches!(made.action, Action::Confirm { .. }) {
        let mut events = made.events;
        events.push(Event::PhaseCommitted { soak_until: None });
        return Decision { events, action: Action::Disarm };
    }
    made
}

fn silence_confirms(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let yes = Input::Answered(true);
    let silent = matches!(state.stage, Stage::Confirming(Some(_))) && *input == Input::TimeReached;
    decide(plan, state, if silent { &yes } else { input }, heard, now)
}

fn window_stretched(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    if let Action::Confirm { until } = &mut made.action {
        until.0 += 1;
    }
    made
}

fn anything_may_be_accepted(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    if let Action::Choose { may_accept, .. } = &mut made.action {
        *may_accept = true;
    }
    made
}

fn taken_up_without_a_new_look(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let made = decide(plan, state, input, heard, now);
    let fresh = !state.touched && matches!(state.stage, Stage::Baseline | Stage::Sealing | Stage::Arming);
    match input {
        Input::Resumed { boot, guidance } if fresh => {
            let resumed = Event::RunResumed { boot: boot.clone(), guidance: *guidance, toward: Toward::On };
            Decision { events: vec![resumed], action: Action::Seal }
        }
        _ => made,
    }
}

fn put_right_by_nobody(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    let failed = |event: &Event| match event {
        Event::PhaseEnded { end: PhaseEnd::Inconsistent, items, .. } => Some(items.clone()),
        _ => None,
    };
    if let Some(items) = made.events.iter().find_map(failed) {
        let by = Invoker { uid: 0, name: "nobody".into() };
        made.events.pop();
        made.events.push(Event::ItemsResolved { items, reason: "it looks well".into(), by });
        made.events.push(Event::RunFinished { verdict: Verdict::Resolved });
        made.action = Action::Stop(Ended::Finished(Verdict::Resolved));
    }
    made
}

fn taken_up_for_ever(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut state = state.clone();
    state.resumptions = 0;
    decide(plan, &state, input, heard, now)
}

/// Whether this is a guard that fires on such a state.
fn fires(state: &RunState, input: &Input, on: fn(&RunState) -> bool) -> bool {
    matches!(input, Input::GuardFired { .. }) && on(state)
}

fn boot_of(input: &Input) -> Option<String> {
    match input {
        Input::GuardFired { boot, .. } | Input::Resumed { boot, .. } | Input::SoakFailed { boot, .. } => {
            boot.clone()
        }
        _ => None,
    }
}

const fn decided(state: &RunState) -> bool {
    state.committed() && state.finished.is_none() && state.paused.is_none()
}

const fn undecided(state: &RunState) -> bool {
    state.finished.is_none() && state.paused.is_none() && !state.committed() && !state.going_back()
}

const fn awaiting(state: &RunState) -> bool {
    matches!(state.stage, Stage::AwaitingReboot(_)) && state.paused.is_none()
}

fn guard_reverts_committed(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let asked = Input::RollbackAsked { boot: boot_of(input) };
    decide(plan, state, if fires(state, input, decided) { &asked } else { input }, heard, now)
}

fn guard_begins_the_next(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let on = Input::Resumed { boot: boot_of(input), guidance: state.guidance() };
    decide(plan, state, if fires(state, input, decided) { &on } else { input }, heard, now)
}

fn guard_resumes_forward(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let on = Input::Resumed { boot: boot_of(input), guidance: state.guidance() };
    decide(plan, state, if fires(state, input, undecided) { &on } else { input }, heard, now)
}

fn guard_takes_back_paused(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let asked = Input::RollbackAsked { boot: boot_of(input) };
    let paused = fires(state, input, |state| state.paused.is_some());
    decide(plan, state, if paused { &asked } else { input }, heard, now)
}

fn guard_takes_back_resolved(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let asked = Input::RollbackAsked { boot: boot_of(input) };
    let over = fires(state, input, |state| state.finished == Some(Verdict::Resolved));
    decide(plan, state, if over { &asked } else { input }, heard, now)
}

fn guard_takes_back_awaited(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let asked = Input::RollbackAsked { boot: boot_of(input) };
    decide(plan, state, if fires(state, input, awaiting) { &asked } else { input }, heard, now)
}

fn guard_leaves_the_way_back(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    if fires(state, input, RunState::going_back) {
        return Decision { events: Vec::new(), action: Action::Stop(Ended::Paused(Cause::RunnerGone)) };
    }
    decide(plan, state, input, heard, now)
}

fn guard_not_armed_again(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let made = decide(plan, state, input, heard, now);
    let taken_up = matches!(
        input,
        Input::Resumed { .. }
            | Input::RollbackAsked { .. }
            | Input::GuardFired { .. }
            | Input::SoakFailed { .. }
    );
    if made.action != Action::Arm || !taken_up {
        return made;
    }
    let mut made = skip(plan, state, made, &Input::Armed(Ok(Guarded::BY_THE_RUNNER)), now);
    made.events.retain(|event| !matches!(event, Event::GuardArmed(_)));
    made
}

fn turned_before_the_guard(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let made = decide(plan, state, input, heard, now);
    let Action::ArmFirst { asked } = &made.action else { return made };
    let guarded = Err("later".to_owned());
    decide(plan, state, &Input::ArmedFirst { guarded, asked: asked.clone() }, heard, now)
}

fn forward_without_a_guard(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let armed = Input::Armed(Ok(Guarded::BY_THE_RUNNER));
    let not = matches!(input, Input::Armed(Err(_))) && !state.going_back();
    decide(plan, state, if not { &armed } else { input }, heard, now)
}

/// The same decision as if it were that boot; what is recorded is the boot that it is.
fn as_in_boot(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    boot: Option<String>,
    now: Timestamp,
) -> Decision {
    let taken_up = Input::Resumed { boot, guidance: state.guidance() };
    let mut made = next(plan, state, &taken_up, now);
    for event in &mut made.events {
        if let Event::RunResumed { boot, .. } = event {
            *boot = boot_of(input);
        }
    }
    made
}

fn unplanned_reboot_goes_on(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    if matches!(input, Input::Resumed { .. }) && !awaiting(state) && heard == Heard::Nothing {
        return as_in_boot(plan, state, input, state.boot.clone(), now);
    }
    decide(plan, state, input, heard, now)
}

fn goes_on_before_the_reboot(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    if matches!(input, Input::Resumed { .. }) && awaiting(state) && heard == Heard::Nothing {
        return as_in_boot(plan, state, input, Some("any other".into()), now);
    }
    decide(plan, state, input, heard, now)
}

fn awaits_for_ever(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    if matches!(input, Input::Resumed { .. }) && awaiting(state) && heard == Heard::Nothing {
        return as_in_boot(plan, state, input, state.boot.clone(), now);
    }
    decide(plan, state, input, heard, now)
}

fn boot_not_compared(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let made = decide(plan, state, input, heard, now);
    if made.action != Action::CompareBoot {
        return made;
    }
    let mut made = skip(plan, state, made, &Input::BootCompared(Vec::new()), now);
    made.events.retain(|event| !matches!(event, Event::BootCompared { .. }));
    made
}

fn wrong_boot_ignored(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let right = Input::BootCompared(Vec::new());
    decide(plan, state, if matches!(input, Input::BootCompared(_)) { &right } else { input }, heard, now)
}

fn soak_failed_where_nothing_soaks(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let Input::SoakFailed { cause: found, boot } = input else {
        return decide(plan, state, input, heard, now);
    };
    let mut made = decide(plan, state, &Input::RollbackAsked { boot: boot.clone() }, heard, now);
    for event in &mut made.events {
        if let Event::RevertBegan { cause } = event {
            *cause = found.clone();
        }
    }
    made
}

fn held_by(input: &Input) -> Option<Event> {
    match input {
        Input::SoakHeld(held) => Some(Event::SoakHeld(held.clone())),
        _ => None,
    }
}

/// Says so in place of what is decided.
fn said(event: Event) -> Decision {
    Decision { events: vec![event], action: Action::Stop(Ended::Finished(Verdict::Committed)) }
}

fn held_where_nothing_soaks(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    match held_by(input).filter(|_| state.soak_until.is_none()) {
        Some(event) => said(event),
        None => decide(plan, state, input, heard, now),
    }
}

fn held_twice(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    match held_by(input).filter(|_| state.held.is_some()) {
        Some(event) => said(event),
        None => decide(plan, state, input, heard, now),
    }
}

fn not_held_at_all(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    made.events.retain(|event| !matches!(event, Event::SoakHeld(_)));
    made
}

fn a_failure_is_hidden_by_what_could_not_be_told(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let held = state.held.is_some() && matches!(input, Input::SoakHeld(_));
    decide(plan, state, if held { &Input::Nothing } else { input }, heard, now)
}

fn released_by_a_look_whatever_it_was(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    if *input == Input::SoakMeasured && state.held.is_some() {
        return said(Event::SoakReleased { reason: "it is well".into(), by: None });
    }
    decide(plan, state, input, heard, now)
}

fn never_released(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    made.events.retain(|event| !matches!(event, Event::SoakReleased { .. }));
    made
}

fn released_by_nobody(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    for event in &mut made.events {
        if let Event::SoakReleased { by, .. } = event {
            *by = None;
        }
    }
    made
}

fn released_by_whoever_takes_it_up(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    if matches!(input, Input::Resumed { .. }) && state.held.is_some() {
        return said(Event::SoakReleased { reason: "it goes on".into(), by: None });
    }
    decide(plan, state, input, heard, now)
}

/// Whoever takes it up begins the next phase.
fn held_and_yet_it_goes_on(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let Input::Resumed { .. } = input else { return decide(plan, state, input, heard, now) };
    match (&state.held, state.itinerary.queue.first()) {
        (Some(_), Some(phase)) => {
            Decision { events: Vec::new(), action: Action::Open { phase: phase.clone() } }
        }
        (Some(_) | None, _) => decide(plan, state, input, heard, now),
    }
}

fn facts_lost_forgotten(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut made = decide(plan, state, input, heard, now);
    made.events.retain(|event| !matches!(event, Event::FactsLost { .. }));
    made
}

fn awaited_reboot_is_a_crash(plan: &Plan, state: RunState, event: &Event) -> RunState {
    let waited = awaiting(&state);
    let mut state = evolve(plan, state, event);
    state.resumptions += u32::from(waited && matches!(event, Event::RunResumed { .. }));
    state
}

fn reboot_seen_and_forgotten(plan: &Plan, state: RunState, event: &Event) -> RunState {
    let mut state = evolve(plan, state, event);
    state.rebooted &= !matches!(event, Event::RunResumed { .. });
    state
}

fn damage_seen_and_forgotten(plan: &Plan, state: RunState, event: &Event) -> RunState {
    let mut state = evolve(plan, state, event);
    state.damaged &= !matches!(event, Event::FactsLost { .. });
    state
}

fn what_is_lost_is_unnamed(plan: &Plan, state: RunState, event: &Event) -> RunState {
    let mut state = evolve(plan, state, event);
    state.unknown.truncate(0);
    state
}

fn hold_forgotten(plan: &Plan, state: RunState, event: &Event) -> RunState {
    let mut state = evolve(plan, state, event);
    state.held = state.held.filter(|_| !matches!(event, Event::SoakHeld(_)));
    state
}

fn release_forgotten(plan: &Plan, state: RunState, event: &Event) -> RunState {
    let held = state.held.clone();
    let mut state = evolve(plan, state, event);
    if let Event::SoakReleased { .. } = event {
        state.held = held;
    }
    state
}

fn hold_outlives_the_way_back(plan: &Plan, state: RunState, event: &Event) -> RunState {
    let held = state.held.clone();
    let mut state = evolve(plan, state, event);
    if let Event::RevertBegan { .. } = event {
        state.held = held;
    }
    state
}

fn nothing_required(_: &RunState, _: &[Event]) -> bool {
    false
}

fn everything_required(_: &RunState, _: &[Event]) -> bool {
    true
}

pub(crate) const FAULTS: &[(&str, Decide)] = &[
    ("act without intent", act_without_intent),
    ("undo without intent", undo_without_intent),
    ("disarm before commit", disarm_before_commit),
    ("commit without validation", commit_without_validation),
    ("gate ignored", gate_ignored),
    ("preflight ignored", preflight_ignored),
    ("children left alive", children_left_alive),
    ("restore skipped", restore_skipped),
    ("undo skipped", undo_skipped),
    ("oldest undone first", oldest_undone_first),
    ("undo repeated", undo_repeated),
    ("lost record ignored", lost_record_ignored),
    ("second interrupt ignored", second_interrupt_ignored),
    ("first interrupt ignored", first_interrupt_ignored),
    ("crash forgotten", crash_forgotten),
    ("guard not armed", armed_late),
    ("capsule not sealed", unsealed),
    ("no verdict", silent_end),
    ("always committed", always_committed),
    ("items not named", items_unnamed),
    ("what cannot be undone not named", left_unnamed),
    ("never rejected", never_rejected),
    ("soak cut short", soak_cut_short),
    ("settle cut short", settle_cut_short),
    ("silence is consent", silence_is_consent),
    ("silence confirms", silence_confirms),
    ("confirm window stretched", window_stretched),
    ("anything may be accepted", anything_may_be_accepted),
    ("taken up without a new look", taken_up_without_a_new_look),
    ("put right by nobody", put_right_by_nobody),
    ("taken up for ever", taken_up_for_ever),
    ("a guard reverts what is committed", guard_reverts_committed),
    ("a guard begins the next phase", guard_begins_the_next),
    ("a guard resumes forward", guard_resumes_forward),
    ("a guard takes back what is paused", guard_takes_back_paused),
    ("a guard takes back what was put right", guard_takes_back_resolved),
    ("a guard takes back what awaits a reboot", guard_takes_back_awaited),
    ("a guard leaves a way back as it is", guard_leaves_the_way_back),
    ("no guard armed again when taken up", guard_not_armed_again),
    ("forward although no guard could be armed", forward_without_a_guard),
    ("an unplanned reboot goes on", unplanned_reboot_goes_on),
    ("an awaited reboot goes on in the same boot", goes_on_before_the_reboot),
    ("an awaited reboot is awaited for ever", awaits_for_ever),
    ("what booted is not compared", boot_not_compared),
    ("a wrong boot ignored", wrong_boot_ignored),
    ("a soak fails where nothing soaks", soak_failed_where_nothing_soaks),
    ("lost facts forgotten", facts_lost_forgotten),
    ("held where nothing soaks", held_where_nothing_soaks),
    ("held twice", held_twice),
    ("what is left to a person is not recorded", not_held_at_all),
    ("a failure hidden by what could not be told", a_failure_is_hidden_by_what_could_not_be_told),
    ("a failure released by a look", released_by_a_look_whatever_it_was),
    ("what is held is never released", never_released),
    ("released, and nobody said so", released_by_nobody),
    ("released by whoever takes it up", released_by_whoever_takes_it_up),
    ("the next phase begins although one is held", held_and_yet_it_goes_on),
    ("a way back recorded before its guard stands", turned_before_the_guard),
];

/// The same, in how a fact is remembered.
const FORGETFUL: &[(&str, Evolve)] = &[
    ("an awaited reboot counted as a crash", awaited_reboot_is_a_crash),
    ("a reboot seen and forgotten in a crash", reboot_seen_and_forgotten),
    ("damage seen and forgotten in a crash", damage_seen_and_forgotten),
    ("what nobody can know not named", what_is_lost_is_unnamed),
    ("that a phase is held is forgotten", hold_forgotten),
    ("that a phase is released is forgotten", release_forgotten),
    ("a phase that went back is still held", hold_outlives_the_way_back),
];

fn caught_by(engine: Engine) -> Option<String> {
    walks(engine, Width::Narrow).iter().find_map(|walk| walk.run().err())
}

#[test]
fn every_planted_fault_is_caught_by_a_broken_promise() {
    let mut missed = Vec::new();
    let decides = FAULTS.iter().map(|(name, decide)| (name, Engine { decide: *decide, ..Engine::REAL }));
    let evolves = FORGETFUL.iter().map(|(name, evolve)| (name, Engine { evolve: *evolve, ..Engine::REAL }));
    for (name, engine) in decides.chain(evolves) {
        match caught_by(engine) {
            Some(why) => println!("{name}: {}", why.lines().next().unwrap_or_default()),
            None => missed.push(*name),
        }
    }
    let late = Engine { required: nothing_required, ..Engine::REAL };
    match caught_by(late) {
        Some(why) => println!("no record required: {}", why.lines().next().unwrap_or_default()),
        None => missed.push("no record required"),
    }
    let stuck = Engine { required: everything_required, ..Engine::REAL };
    match caught_by(stuck) {
        Some(why) => println!("always a record required: {}", why.lines().next().unwrap_or_default()),
        None => missed.push("always a record required"),
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
