//! What was found unheld by mutation where only the walk looked: commit steps, waits, and how phases stand.

use super::*;
use crate::engine::{BACK, FORWARD, diagram, stage_name};

fn id(name: &str) -> PhaseId {
    PhaseId::new(name).unwrap()
}

fn with_commit() -> Plan {
    let mut plan = plan();
    plan.phases[0].commit = vec![step("c"), step("d")];
    plan
}

#[test]
fn where_a_phase_states_commit_steps_they_are_taken_in_order_and_no_layer_is_kept() {
    let (acts, ended) = play(&with_commit(), |_| None);
    assert_eq!(ended, Ended::Finished(Verdict::Committed));
    let end = [
        "Judge { moment: Validate }",
        "Perform { part: Commit, step: 0 }",
        "Perform { part: Commit, step: 1 }",
    ];
    assert_eq!(acts[7..10], end);
    assert_eq!(acts[10..], ["Disarm"]);
}

#[test]
fn a_failed_commit_step_takes_the_phase_back_commit_before_apply() {
    let (acts, ended) = play(&with_commit(), |action| match action {
        Action::Perform { part: Part::Commit, step: 1 } => {
            Some(Input::Stepped(StepOutcome::Failed(ProcessEnd::Exited(1))))
        }
        _ => None,
    });
    assert_eq!(ended, Ended::Finished(Verdict::RolledBack));
    let undos: Vec<_> = acts.iter().filter(|act| act.starts_with("Undo")).collect();
    assert_eq!(
        undos,
        [
            "Undo { part: Commit, step: 1 }",
            "Undo { part: Commit, step: 0 }",
            "Undo { part: Apply, step: 1 }",
            "Undo { part: Apply, step: 0 }",
        ]
    );
}

#[test]
fn a_lost_commit_step_runs_again_only_where_it_may() {
    let last = Action::Perform { part: Part::Commit, step: 1 };
    for idempotent in [true, false] {
        let mut plan = with_commit();
        plan.phases[0].commit[1].idempotent = idempotent;
        let mut run = Told::new(plan, Guidance::Unattended);
        run.succeed_until(Input::Begin, &last);
        assert_eq!(run.taken_up(resumed(Guidance::Unattended)) == last, idempotent);
    }
}

#[test]
fn a_phase_settles_as_long_as_the_plan_says_before_it_is_judged() {
    let mut plan = plan();
    plan.phases[0].settle = Span(7);
    let mut run = Told::new(plan, Guidance::Unattended);
    run.now = Timestamp(100);
    run.succeed_until(Input::Begin, &Action::Wait { until: Timestamp(107) });
    run.now = Timestamp(107);
    assert_eq!(run.tell(Input::TimeReached), Action::Judge { moment: Moment::Validate });
}

#[test]
fn how_a_phase_stands_is_what_was_said_of_it_last() {
    let mut plan = plan();
    plan.phases.push(Phase { id: id("two"), ..plan.phases[0].clone() });
    let mut run = Told::new(plan, Guidance::Unattended);
    run.succeed(Input::Begin);
    let committed = PhaseEnd::Committed;
    assert_eq!(run.state.itinerary.done, [(id("one"), committed), (id("two"), committed)]);
    let taken = Event::EarlierTakenBack {
        generation: GenerationNumber(1),
        phase: id("one"),
        end: PhaseEnd::Reverted,
    };
    let state = replay(&run.plan, run.state.clone(), [&taken]);
    assert_eq!(state.itinerary.done, [(id("two"), committed), (id("one"), PhaseEnd::Reverted)]);
}

#[test]
fn a_phase_taken_once_more_that_went_back_stands_as_it_stood_before() {
    use PhaseEnd::{Committed, Inconsistent, NotApplicable, Refused, Reverted};
    for (before, after) in [
        (Some(("one", Committed)), vec![("one", Committed)]),
        (Some(("one", NotApplicable)), vec![("one", NotApplicable)]),
        (Some(("one", Inconsistent)), vec![("one", Reverted)]),
        (Some(("one", Refused)), vec![("one", Reverted)]),
        (Some(("other", Committed)), vec![("other", Committed), ("one", Reverted)]),
        (None, vec![("one", Reverted)]),
    ] {
        let mut run = Told::new(plan(), Guidance::Unattended);
        run.state.itinerary.done = before.iter().map(|(name, end)| (id(name), *end)).collect();
        run.succeed_until(Input::Begin, &SECOND);
        assert_eq!(run.succeed(Input::RollbackAsked { boot: None }), Ended::Finished(Verdict::RolledBack));
        let after: Vec<_> = after.iter().map(|(name, end)| (id(name), *end)).collect();
        assert_eq!(run.state.itinerary.done, after, "{before:?}");
    }
}

#[test]
fn the_picture_names_every_stage_that_a_phase_goes_through() {
    let picture = diagram();
    let mut run = Told::new(with_commit(), Guidance::Guided);
    let mut names = vec![stage_name(&run.state.stage)];
    let mut action = run.tell(Input::Begin);
    while !matches!(action, Action::Stop(_)) {
        names.push(stage_name(&run.state.stage));
        action = run.tell(usual(&action));
    }
    names.push(stage_name(&run.state.stage));
    names.dedup();
    let whole = [
        "idle",
        "preflight",
        "gate",
        "recording",
        "sealing",
        "arming",
        "applying",
        "validating",
        "committing",
        "disarming",
        "Committed",
    ];
    assert_eq!(names, whole);
    assert!(FORWARD.iter().chain(&BACK).all(|name| picture.contains(name)), "{picture}");
}
