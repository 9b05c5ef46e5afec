//! Engines with a planted fault each. A walk that lets one of them pass proves too little.

use crate::explore::Engine;
use crate::walks::{Width, walks};
use switchback::engine::{
    Action, Back, Decision, Ended, Heard, Input, RunState, Stage, decide, record_required, replay,
};
use switchback::model::*;

type Decide = fn(&Plan, &RunState, &Input, Heard, Timestamp) -> Decision;

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
        skip(plan, state, made, &Input::ChildrenGone { left: Vec::new() }, now)
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

fn nothing_required(_: &RunState, _: &[Event]) -> bool {
    false
}

fn everything_required(_: &RunState, _: &[Event]) -> bool {
    true
}

const FAULTS: &[(&str, Decide)] = &[
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
];

fn caught_by(engine: Engine) -> Option<String> {
    walks(engine, Width::Narrow).iter().find_map(|walk| walk.run().err())
}

#[test]
fn every_planted_fault_is_caught_by_a_broken_promise() {
    let mut missed = Vec::new();
    for (name, decide) in FAULTS {
        match caught_by(Engine { decide: *decide, required: record_required }) {
            Some(why) => println!("{name}: {}", why.lines().next().unwrap_or_default()),
            None => missed.push(*name),
        }
    }
    let late = Engine { decide, required: nothing_required };
    match caught_by(late) {
        Some(why) => println!("no record required: {}", why.lines().next().unwrap_or_default()),
        None => missed.push("no record required"),
    }
    let stuck = Engine { decide, required: everything_required };
    match caught_by(stuck) {
        Some(why) => println!("always a record required: {}", why.lines().next().unwrap_or_default()),
        None => missed.push("always a record required"),
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
