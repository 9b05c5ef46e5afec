//! What a person's interrupt, a soak, and a plan's `on` lead to, at their boundaries.

use super::*;
use crate::engine::interpret::hear;

fn failing_preflight(severity: Severity) -> Plan {
    let mut plan = plan();
    plan.phases[0].preflight = vec![corners::check("a", severity)];
    plan
}

/// A run of which the preflight just failed.
fn refused(plan: Plan, guidance: Guidance, heard: Heard) -> (Told, Action) {
    let mut run = Told::new(plan, guidance);
    run.succeed_until(Input::Begin, &Action::Judge { moment: Moment::Preflight });
    let action = run.hears(&Input::Judged(vec![corners::report("a", Fail)]), heard);
    (run, action)
}

#[test]
fn an_interrupt_asks_for_a_stop_once_and_where_something_may_still_stop() {
    let mut run = Told::new(plan(), Guidance::Guided);
    run.succeed_until(Input::Begin, &SECOND);
    let stop = || vec![Event::StopWanted];
    let forward = run.state.clone();
    let after = |change: fn(&mut RunState)| {
        let mut state = forward.clone();
        change(&mut state);
        state
    };
    let back = vec![Event::RevertBegan { cause: Cause::Interrupted }];
    for (state, once, twice) in [
        (forward.clone(), stop(), back.clone()),
        (after(|state| state.stop_wanted = true), vec![], back.clone()),
        (after(|state| state.finished = Some(Verdict::Committed)), vec![], back),
        (after(|state| state.stage = Stage::Reverting(Back::Undoing)), vec![], vec![]),
        (after(|state| state.stage = Stage::Disarming), stop(), stop()),
    ] {
        assert_eq!(hear(&state, Heard::Nothing), []);
        assert_eq!(hear(&state, Heard::Once), once, "once in {:?}", state.stage);
        assert_eq!(hear(&state, Heard::Twice), twice, "twice in {:?}", state.stage);
    }
}

#[test]
fn a_stop_asked_for_after_the_commit_waits_until_the_guard_is_down() {
    let mut run = Told::new(plan(), Guidance::Guided);
    run.succeed_until(Input::Begin, &Action::Disarm);
    assert_eq!(run.hears(&Input::Nothing, Heard::Once), Action::Disarm);
    assert_eq!(run.tell(Input::Disarmed), Action::Stop(Ended::Finished(Verdict::Committed)));
}

#[test]
fn trouble_and_a_stop_at_once_pause_what_was_touched() {
    let mut run = Told::new(plan(), Guidance::Guided);
    run.succeed_until(Input::Begin, &SECOND);
    let failed = StepOutcome::Failed(ProcessEnd::Exited(1));
    let action = run.hears(&Input::Stepped(failed.clone()), Heard::Once);
    let cause = Cause::StepFailed { part: Part::Apply, step: StepId::new("b").unwrap(), outcome: failed };
    assert_eq!(action, Action::Stop(Ended::Paused(cause)));
}

#[test]
fn what_is_not_on_offer_is_not_accepted() {
    let (mut run, question) =
        refused(failing_preflight(Severity::Critical), Guidance::Guided, Heard::Nothing);
    assert!(matches!(question, Action::Choose { may_accept: false, .. }), "{question:?}");
    assert_eq!(run.tell(Input::Chosen(Choice::Accept { reason: "so what".into() })), question);
    assert!(run.state.accepted.is_empty());
}

#[test]
fn where_nothing_was_touched_there_is_nothing_to_pause() {
    let mut plan = failing_preflight(Severity::Fail);
    plan.phases[0].on.fail = Reaction::Pause;
    let (_, action) = refused(plan, Guidance::Unattended, Heard::Nothing);
    assert_eq!(action, Action::Stop(Ended::Finished(Verdict::Refused)));
}

#[test]
fn the_next_phase_begins_with_the_last_moment_of_the_soak_and_not_before() {
    let mut plan = plan();
    plan.phases[0].soak = Some(Soak { length: Span(9), every: None });
    plan.phases.push(Phase { id: PhaseId::new("two").unwrap(), ..plan.phases[0].clone() });
    for (now, action) in [
        (8, Action::Stop(Ended::Finished(Verdict::Committed))),
        (9, Action::Open { phase: PhaseId::new("two").unwrap() }),
        (10, Action::Open { phase: PhaseId::new("two").unwrap() }),
    ] {
        let mut run = Told::new(plan.clone(), Guidance::Unattended);
        run.succeed_until(Input::Begin, &Action::Disarm);
        run.now = Timestamp(now);
        assert_eq!(run.tell(Input::Disarmed), action, "at {now}");
    }
}

#[test]
fn what_was_undone_is_not_undone_again_when_the_way_back_is_asked_for_again() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    let asked = || Input::RollbackAsked { boot: None };
    assert_eq!(run.succeed(asked()), Ended::Finished(Verdict::RolledBack));
    run.taken_up(asked());
    assert_eq!(undo_owed(&run.plan.phases[0], &run.state), []);
    let restores = Action::Restore { layer: 0 };
    assert_eq!(
        run.tell(Input::ChildrenGone { left: Vec::new(), unseen: false }),
        restores,
        "layers are read back again"
    );
}
