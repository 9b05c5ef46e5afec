//! What a person finds after the run was left: before anything was touched, and after a way back that did not hold.

use super::*;

fn judged() -> Plan {
    let mut plan = plan();
    let check = Check {
        id: CheckId::new("room").unwrap(),
        title: None,
        look: Look::Probe(Probe::Memory),
        expect: Vec::new(),
        tolerate: Vec::new(),
        fail_if: Vec::new(),
        severity: Severity::Fail,
        mode: Mode::Enforce,
        waiver: None,
        on_no_data: TreatAs::Inconclusive,
        on_error: TreatAs::Error,
        applies_if: None,
        needs: Vec::new(),
        who: RunAs::Runner,
        hint: None,
        tags: Vec::new(),
        timeout: Span::ZERO,
        settle: Span::ZERO,
        within: None,
        every: Span::ZERO,
        consecutive: 1,
        samples: None,
        floor: None,
        direction: Direction::Lower,
    };
    plan.phases[0].preflight = vec![check];
    plan
}

fn found(outcome: Outcome) -> Input {
    Input::Judged(vec![CheckReport {
        check: CheckId::new("room").unwrap(),
        title: None,
        outcome,
        weight: Weight::Counts,
        severity: Severity::Fail,
        reasons: Vec::new(),
        observed: None,
        hint: None,
        took: Span::ZERO,
    }])
}

const PREFLIGHT: Action = Action::Judge { moment: Moment::Preflight };
const FIRST: Action = Action::Perform { part: Part::Apply, step: 0 };

#[test]
fn an_interrupt_before_anything_was_touched_pauses_and_the_phase_begins_anew_when_it_is_taken_up() {
    for (owed, said) in [
        (Action::Record { layer: 0 }, usual(&Action::Record { layer: 0 })),
        (Action::Seal, Input::Sealed(Ok(Vec::new()))),
        (Action::Arm, usual(&Action::Arm)),
    ] {
        let mut run = Told::new(judged(), Guidance::Unattended);
        assert_eq!(run.tell(Input::Begin), Action::Open { phase: PhaseId::new("one").unwrap() });
        assert_eq!(run.tell(usual(&Action::Open { phase: PhaseId::new("one").unwrap() })), PREFLIGHT);
        run.succeed_until(found(Pass), &owed);
        let paused = run.hears(&said, Heard::Once);
        assert_eq!(paused, Action::Stop(Ended::Paused(Cause::Interrupted)), "{owed:?}");
        assert!(!run.state.touched, "{owed:?}");
        if run.state.armed {
            assert_eq!(run.tell(resumed(Guidance::Unattended)), Action::Disarm, "{owed:?}");
            assert_eq!(run.tell(Input::Disarmed), PREFLIGHT, "{owed:?}");
        } else {
            assert_eq!(run.tell(resumed(Guidance::Unattended)), PREFLIGHT, "{owed:?}");
        }
        assert_eq!(run.tell(found(Pass)), Action::Record { layer: 0 }, "{owed:?}");
        let ended = run.succeed(usual(&Action::Record { layer: 0 }));
        assert_eq!(ended, Ended::Finished(Verdict::Committed), "{owed:?}");
    }
}

#[test]
fn a_crash_before_anything_was_touched_lets_the_preflight_refuse_when_it_is_taken_up() {
    let mut run = Told::new(judged(), Guidance::Unattended);
    run.tell(Input::Begin);
    run.tell(usual(&Action::Open { phase: PhaseId::new("one").unwrap() }));
    run.succeed_until(found(Pass), &Action::Arm);
    assert_eq!(run.tell(resumed(Guidance::Unattended)), Action::Disarm, "the guard may stand");
    assert_eq!(run.tell(Input::Disarmed), PREFLIGHT);
    assert_eq!(run.tell(found(Fail)), Action::Stop(Ended::Finished(Verdict::Refused)));
}

#[test]
fn a_phase_that_touched_something_goes_on_where_it_stood() {
    let mut run = Told::new(judged(), Guidance::Unattended);
    run.tell(Input::Begin);
    run.tell(usual(&Action::Open { phase: PhaseId::new("one").unwrap() }));
    run.succeed_until(found(Pass), &FIRST);
    let paused = run.hears(&Input::Stepped(StepOutcome::Done), Heard::Once);
    assert_eq!(paused, Action::Stop(Ended::Paused(Cause::Interrupted)));
    assert_eq!(run.taken_up(resumed(Guidance::Unattended)), SECOND);
}

#[test]
fn trouble_in_the_preflight_waits_where_a_stop_was_asked_for_too() {
    let mut run = Told::new(judged(), Guidance::Guided);
    run.tell(Input::Begin);
    run.tell(usual(&Action::Open { phase: PhaseId::new("one").unwrap() }));
    let paused = run.hears(&found(Fail), Heard::Once);
    let cause = Cause::ChecksFailed(vec![CheckId::new("room").unwrap()]);
    assert_eq!(paused, Action::Stop(Ended::Paused(cause)));
    assert_eq!(run.tell(resumed(Guidance::Guided)), PREFLIGHT);
}

fn failed_way_back() -> Told {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed(Input::Begin);
    run.succeed_until(Input::RollbackAsked { boot: None }, &Action::Restore { layer: 0 });
    let failed = vec![Item::new("/x", "read-only")];
    let ended = run.succeed(Input::Restored(Restored { changed: 0, failed }));
    assert_eq!(ended, Ended::Finished(Verdict::Inconsistent));
    run
}

fn said() -> Input {
    Input::Resolved { reason: "copied".into(), by: Invoker { uid: 7, name: "ada".into() } }
}

#[test]
fn what_a_person_put_right_is_recorded_with_its_items_and_the_phase_may_be_taken_again() {
    let mut run = failed_way_back();
    let begin = run.facts.len();
    assert!(record_required(
        &run.state,
        &decide(&run.plan, &run.state, &said(), Heard::Nothing, run.now).events
    ));
    assert_eq!(run.tell(said()), Action::Stop(Ended::Finished(Verdict::Resolved)));
    let by = Invoker { uid: 7, name: "ada".into() };
    let items = vec![Item::new("/x", "read-only")];
    assert_eq!(
        run.facts[begin..],
        [
            Event::ItemsResolved { items, reason: "copied".into(), by },
            Event::RunFinished { verdict: Verdict::Resolved }
        ]
    );
    assert_eq!(run.state.items, []);
    let one = PhaseId::new("one").unwrap();
    assert_eq!(run.state.itinerary.done, [(one.clone(), PhaseEnd::Resolved)]);
    let due =
        itinerary(&run.plan, &run.state.itinerary.done, &Waits::default(), &Selection::default(), run.now);
    assert_eq!(due, Ok(vec![one]));
    // A second time there is nothing to say.
    assert_eq!(run.tell(said()), Action::Stop(Ended::Finished(Verdict::Resolved)));
    assert_eq!(run.facts.len(), begin + 2);
}

#[test]
fn a_record_torn_after_the_word_of_a_person_finds_its_end_when_it_is_taken_up() {
    let mut run = failed_way_back();
    let first = decide(&run.plan, &run.state, &said(), Heard::Nothing, run.now).events.swap_remove(0);
    run.state = evolve(&run.plan, run.state.clone(), &first);
    assert_eq!(run.tell(resumed(Guidance::Unattended)), Action::Stop(Ended::Finished(Verdict::Resolved)));
}

#[test]
fn a_phase_committed_before_and_put_right_by_hand_stands_as_it_stood() {
    let mut run = failed_way_back();
    let mut header = run.state.header.clone().unwrap();
    header.done = vec![(PhaseId::new("one").unwrap(), PhaseEnd::Committed)];
    run.state.header = Some(header);
    run.tell(said());
    assert_eq!(run.state.itinerary.done, [(PhaseId::new("one").unwrap(), PhaseEnd::Committed)]);
}

#[test]
fn what_cannot_be_undone_stays_known_until_another_way_back_begins() {
    let mut plan = plan();
    plan.phases[0].apply[0].undo = StepUndo::None { reason: "it is sent".into() };
    let mut run = Told::new(plan, Guidance::Unattended);
    run.succeed(Input::Begin);
    assert_eq!(run.succeed(Input::RollbackAsked { boot: None }), Ended::Finished(Verdict::RolledBack));
    assert_eq!(run.state.left, [Item::new("step a", "it is sent")]);
    run.tell(Input::RollbackAsked { boot: None });
    assert_eq!(run.state.left, []);
}

fn along_damage(unknown: &[Item]) -> Input {
    Input::RollbackAlongDamage { boot: None, unknown: unknown.to_vec() }
}

#[test]
fn where_facts_are_lost_the_whole_way_back_is_taken_though_nothing_says_that_anything_was_touched() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &Action::Seal);
    assert!(!run.state.touched);
    assert_eq!(run.taken_up(along_damage(&[])), Action::EndChildren);
    let acts = [Action::Restore { layer: 0 }, Action::Perform { part: Part::Rollback, step: 0 }];
    assert_eq!(run.tell(usual(&Action::EndChildren)), acts[0]);
    assert_eq!(run.tell(usual(&acts[0])), acts[1]);
    assert_eq!(run.succeed(usual(&acts[1])), Ended::Finished(Verdict::RolledBack));
}

#[test]
fn what_nobody_can_know_is_named_by_every_way_back_until_a_person_put_it_right() {
    let unknown = [Item::new("journal line 6", "its hash is another"), Item::new("step a", "nobody knows")];
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &Action::Seal);
    assert_eq!(run.succeed(along_damage(&unknown)), Ended::Finished(Verdict::Inconsistent));
    assert_eq!(run.state.items, unknown);
    let again = run.succeed(Input::RollbackAsked { boot: None });
    assert_eq!(again, Ended::Finished(Verdict::Inconsistent));
    assert_eq!(run.state.items, unknown);
    assert_eq!(run.tell(said()), Action::Stop(Ended::Finished(Verdict::Resolved)));
    let after = run.succeed(Input::RollbackAsked { boot: None });
    assert_eq!(after, Ended::Finished(Verdict::RolledBack));
}

#[test]
fn a_way_back_of_which_the_end_is_lost_is_taken_anew() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    run.succeed_until(Input::RollbackAsked { boot: None }, &Action::Restore { layer: 0 });
    assert_eq!(run.taken_up(along_damage(&[])), Action::EndChildren);
}

#[test]
fn along_a_record_that_never_began_nothing_is_taken_back() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    assert_eq!(run.tell(along_damage(&[])), Action::Stop(Ended::Finished(Verdict::Refused)));
}

#[test]
fn an_undo_that_was_lost_twice_is_passed_over_by_name_and_the_layers_go_back() {
    for taken_up in [resumed(Guidance::Unattended), Input::RollbackAsked { boot: None }] {
        let mut run = Told::new(plan(), Guidance::Unattended);
        run.succeed_until(Input::Begin, &SECOND);
        let first = Action::Undo { part: Part::Apply, step: 1 };
        run.succeed_until(Input::RollbackAsked { boot: None }, &first);
        assert_eq!(run.taken_up(taken_up.clone()), first, "it is tried once more");
        let second = run.taken_up(taken_up);
        assert_ne!(second, first);
        let ended = run.succeed_with(second);
        assert_eq!(ended, Ended::Finished(Verdict::Inconsistent));
        let lost = "nobody knows: the runner was gone before it ended";
        assert_eq!(run.state.items, [Item::new("undo of step b", lost)]);
        assert!(run.facts.iter().any(|fact| matches!(fact, Event::LayerRestored { .. })));
    }
}

#[test]
fn an_undo_that_a_person_broke_off_is_named_and_the_way_back_goes_on_with_the_next() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    run.succeed_until(Input::RollbackAsked { boot: None }, &Action::Undo { part: Part::Apply, step: 1 });
    let next = run.hears(&Input::Stepped(StepOutcome::Interrupted), Heard::Twice);
    assert_eq!(next, Action::Undo { part: Part::Apply, step: 0 });
    assert_eq!(run.succeed(usual(&next)), Ended::Finished(Verdict::Inconsistent));
    assert_eq!(run.state.items, [Item::new("undo of step b", "broken off by a person")]);
}

#[test]
fn a_way_back_that_came_to_its_limit_names_what_it_did_not_come_to() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    let restores = Action::Restore { layer: 0 };
    run.succeed_until(Input::RollbackAsked { boot: None }, &restores);
    for _ in 0..Limits::BACK {
        assert_eq!(run.taken_up(resumed(Guidance::Unattended)), restores);
    }
    // Who only says that it stops arms nothing.
    let action = run.tell(resumed(Guidance::Unattended));
    assert_eq!(action, Action::Stop(Ended::Finished(Verdict::Inconsistent)));
    let names: Vec<&str> = run.state.items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["phase one", "layer files", "rollback step r"]);
}
