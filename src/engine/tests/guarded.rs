//! What stands behind whoever acts, and what it does when it fires.

use super::*;

fn fired() -> Input {
    Input::GuardFired { cause: Cause::RunnerGone, boot: None }
}

fn no_guard() -> Input {
    Input::Armed(Err("no service manager".into()))
}

const FIRST: Action = Action::Perform { part: Part::Apply, step: 0 };

#[test]
fn nothing_goes_forward_where_no_guard_can_be_armed_for_the_runner_that_takes_it_up() {
    let mut run = Told::new(plan(), Guidance::Guided);
    run.succeed_until(Input::Begin, &FIRST);
    run.hears(&Input::Stepped(StepOutcome::Done), Heard::Once);
    assert_eq!(run.tell(resumed(Guidance::Guided)), Action::Arm);
    // The way back arms its own.
    assert_eq!(run.tell(no_guard()), Action::Arm);
    assert_eq!(run.state.reverting, Some(Cause::NotArmed("no service manager".into())));
    assert_eq!(run.tell(no_guard()), Action::EndChildren);
    assert!(run.facts.contains(&Event::GuardMissing { why: "no service manager".into() }));
    assert_eq!(
        run.succeed(Input::ChildrenGone { left: Vec::new(), unseen: false }),
        Ended::Finished(Verdict::RolledBack)
    );
    assert!(!run.state.quarantined, "the change was not tried");
}

#[test]
fn each_runner_on_the_way_back_tries_to_arm_a_guard_of_its_own() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    assert_eq!(run.tell(fired()), Action::Arm);
    assert_eq!(run.tell(no_guard()), Action::EndChildren);
    assert_eq!(run.taken_up(resumed(Guidance::Unattended)), Action::EndChildren);
    assert!(run.state.guarded && !run.state.unguarded);
}

#[test]
fn a_runner_that_cannot_record_that_it_took_the_phase_up_arms_its_own_guard_before_it_goes_back() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    // The record still says that the guard of the runner before stands.
    assert!(run.state.guarded);
    assert_eq!(run.taken_up(Input::JournalLost("full".into())), Action::EndChildren);
}

#[test]
fn a_guard_takes_back_what_nobody_decided_wherever_it_stood() {
    for (stage, untouched) in [
        (Action::Seal, true),
        (Action::Arm, true),
        (FIRST, false),
        (SECOND, false),
        (Action::Keep { layer: 0 }, false),
    ] {
        let mut run = Told::new(plan(), Guidance::Guided);
        run.succeed_until(Input::Begin, &stage);
        let verdict = if untouched { Verdict::Refused } else { Verdict::RolledBack };
        assert_eq!(run.succeed(fired()), Ended::Finished(verdict), "{stage:?}");
        assert_eq!(run.state.reverting, Some(Cause::RunnerGone), "{stage:?}");
    }
}

#[test]
fn a_guard_finishes_a_way_back_that_was_broken_off_and_its_cause_stays_the_first() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    run.succeed_until(Input::RollbackAsked { boot: None }, &Action::Restore { layer: 0 });
    assert_eq!(run.taken_up(fired()), Action::Restore { layer: 0 });
    assert_eq!(run.succeed(fired()), Ended::Finished(Verdict::RolledBack));
    assert_eq!(run.state.reverting, Some(Cause::Asked));
}

#[test]
fn a_guard_says_the_verdict_that_the_runner_did_not_come_to_say() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    run.succeed(Input::RollbackAsked { boot: None });
    run.state.finished = None;
    assert_eq!(run.tell(fired()), Action::Stop(Ended::Finished(Verdict::RolledBack)));
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &Action::Disarm);
    assert_eq!(run.tell(fired()), Action::Disarm, "it is committed: only the guard has to come down");
    assert_eq!(run.tell(Input::Disarmed), Action::Stop(Ended::Finished(Verdict::Committed)));
}

#[test]
fn a_guard_begins_no_phase_after_a_committed_one() {
    let mut plan = plan();
    plan.phases.push(Phase { id: PhaseId::new("two").unwrap(), ..plan.phases[0].clone() });
    for committed in [false, true] {
        let mut run = Told::new(plan.clone(), Guidance::Unattended);
        run.succeed_until(Input::Begin, &Action::Disarm);
        if committed {
            assert!(matches!(run.tell(Input::Disarmed), Action::Open { .. }));
        }
        assert_eq!(run.tell(fired()), Action::Stop(Ended::Paused(Cause::RunnerGone)));
        assert!(run.state.committed());
        assert_eq!(run.succeed(resumed(Guidance::Unattended)), Ended::Finished(Verdict::Committed));
    }
}

#[test]
fn a_guard_leaves_what_a_person_decides_and_what_is_over() {
    let mut run = Told::new(plan(), Guidance::Guided);
    run.succeed_until(Input::Begin, &FIRST);
    let paused = run.hears(&Input::Stepped(StepOutcome::Done), Heard::Once);
    let facts = run.facts.len();
    assert_eq!(run.tell(fired()), paused);
    run.succeed(Input::RollbackAsked { boot: None });
    let after = run.facts.len();
    assert_eq!(run.tell(fired()), Action::Stop(Ended::Finished(Verdict::RolledBack)));
    assert!(facts < after && run.facts.len() == after);
    let mut run = Told::new(plan(), Guidance::Guided);
    assert_eq!(run.tell(fired()), Action::Stop(Ended::Finished(Verdict::Refused)), "nothing was begun");
}
