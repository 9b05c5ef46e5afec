//! One phase through each of its ends.

use super::corners::{check, report};
use super::*;
use std::collections::BTreeSet;

#[test]
fn a_phase_on_which_everything_succeeds_is_committed_in_the_order_that_bears_the_load() {
    let (acts, ended) = play(&plan(), |_| None);
    assert_eq!(ended, Ended::Finished(Verdict::Committed));
    assert_eq!(
        acts,
        [
            "Open { phase: PhaseId(\"one\") }",
            "Judge { moment: Preflight }",
            "Record { layer: 0 }",
            "Seal",
            "Arm",
            "Perform { part: Apply, step: 0 }",
            "Perform { part: Apply, step: 1 }",
            "Judge { moment: Validate }",
            "Keep { layer: 0 }",
            "Disarm",
        ]
    );
}

#[test]
fn a_failed_step_takes_the_whole_phase_back_newest_first() {
    let (acts, ended) = play(&plan(), |action| match action {
        Action::Perform { part: Part::Apply, step: 1 } => {
            Some(Input::Stepped(StepOutcome::Failed(ProcessEnd::Exited(1))))
        }
        _ => None,
    });
    assert_eq!(ended, Ended::Finished(Verdict::RolledBack));
    assert_eq!(
        acts[7..],
        [
            "EndChildren",
            "Undo { part: Apply, step: 1 }",
            "Undo { part: Apply, step: 0 }",
            "Restore { layer: 0 }",
            "Perform { part: Rollback, step: 0 }",
            "Quarantine { cause: StepFailed { part: Apply, step: StepId(\"b\"), outcome: Failed(Exited(1)) } }",
            "Disarm",
        ]
    );
}

#[test]
fn a_guard_that_cannot_be_armed_refuses_before_anything_changed() {
    let (acts, ended) =
        play(&plan(), |action| (*action == Action::Arm).then(|| Input::Armed(Err("no".into()))));
    assert_eq!(ended, Ended::Finished(Verdict::Refused));
    assert_eq!(acts[acts.len() - 2..], ["Arm", "Disarm"], "it may stand all the same");
}

#[test]
fn a_record_that_cannot_be_written_before_the_first_act_refuses() {
    let (acts, ended) =
        play(&plan(), |action| (*action == Action::Arm).then(|| Input::JournalLost("full".into())));
    assert_eq!(ended, Ended::Finished(Verdict::Refused));
    assert_eq!(acts[acts.len() - 2..], ["Arm", "Disarm"]);
}

#[test]
fn a_layer_that_does_not_come_back_is_inconsistent_and_named() {
    let (_, ended) = play(&plan(), |action| match action {
        Action::Perform { part: Part::Apply, .. } => Some(Input::Stepped(StepOutcome::Lost)),
        Action::Restore { .. } => {
            Some(Input::Restored(Restored { changed: 0, failed: vec![Item::new("/x", "gone")] }))
        }
        _ => None,
    });
    assert_eq!(ended, Ended::Finished(Verdict::Inconsistent));
}

#[test]
fn a_step_that_acted_and_then_had_nothing_to_do_is_undone_all_the_same() {
    let mut run = Told::new(plan(), Guidance::Guided);
    run.succeed_until(Input::Begin, &SECOND);
    run.tell(Input::Stepped(StepOutcome::Failed(ProcessEnd::Exited(1))));
    assert_eq!(run.tell(Input::Chosen(Choice::Retry)), SECOND);
    run.tell(Input::Stepped(StepOutcome::Declined));
    assert_eq!(undo_owed(&run.plan.phases[0], &run.state), [(Part::Apply, 1), (Part::Apply, 0)]);
}

#[test]
fn a_step_whose_end_was_not_recorded_asks_nothing_when_the_way_back_is_taken_up_again() {
    let mut run = Told::new(plan(), Guidance::Guided);
    run.succeed_until(Input::Begin, &SECOND);
    assert_eq!(run.taken_up(Input::JournalLost("full".into())), Action::EndChildren);
    assert_eq!(run.taken_up(resumed(Guidance::Guided)), Action::EndChildren);
    assert_eq!(run.state.trouble, None);
    assert_eq!(
        run.succeed(Input::ChildrenGone { left: Vec::new(), unseen: false }),
        Ended::Finished(Verdict::RolledBack)
    );
}

#[test]
fn what_is_over_stays_over_however_often_it_is_taken_up() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    let over = Ended::Finished(Verdict::RolledBack);
    assert_eq!(run.succeed(Input::Stepped(StepOutcome::Failed(ProcessEnd::Signaled(9)))), over);
    let facts = run.facts.len();
    for _ in 0..9 {
        assert_eq!(run.tell(resumed(Guidance::Unattended)), Action::Stop(over.clone()));
    }
    assert_eq!(run.facts.len(), facts);
}

#[test]
fn an_ended_phase_is_not_taken_back_for_having_been_taken_up_too_often() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    run.succeed(Input::Stepped(StepOutcome::Failed(ProcessEnd::Exited(1))));
    // The last fact is torn off by a crash, after the way back was taken up often.
    run.state.finished = None;
    run.state.resumptions = Limits::FORWARD;
    assert_eq!(run.succeed(resumed(Guidance::Unattended)), Ended::Finished(Verdict::RolledBack));
}

#[test]
fn asking_for_the_way_back_before_a_phase_began_begins_none() {
    let mut run = Told::new(plan(), Guidance::Guided);
    let action = run.tell(Input::RollbackAsked { boot: None });
    assert_eq!(action, Action::Stop(Ended::Finished(Verdict::Refused)));
}

#[test]
fn a_phase_that_does_not_stay_healthy_while_it_soaks_goes_back_and_is_rejected() {
    let mut plan = plan();
    plan.phases[0].soak = Some(Soak { length: Span::seconds(9), every: None });
    let mut run = Told::new(plan, Guidance::Unattended);
    assert_eq!(run.succeed(Input::Begin), Ended::Finished(Verdict::Committed));
    let cause = Cause::ChecksFailed(vec![CheckId::new("c").expect("an id")]);
    let failed = || Input::SoakFailed { cause: cause.clone(), boot: None };
    assert_eq!(run.succeed(failed()), Ended::Finished(Verdict::RolledBack));
    assert_eq!(run.state.soak_until, None);
    let rejected = |event: &&Event| matches!(event, Event::Quarantined { cause: why } if *why == cause);
    assert_eq!(run.facts.iter().filter(rejected).count(), 1, "{:#?}", run.facts);
}

#[test]
fn what_a_soak_comes_to_is_what_the_plan_says_of_the_worst_that_counts() {
    let of = |name: &str, outcome, weight: Weight| CheckReport { weight, ..report(name, outcome) };
    let (id, counts) = (|name: &str| CheckId::new(name).expect("an id"), || Weight::Counts);
    let on = OnOutcome { fail: Reaction::Rollback, inconclusive: Reaction::Continue, error: Reaction::Pause };
    let phase = Phase { on, ..plan().phases[0].clone() };
    let none = BTreeSet::new();
    let good = [
        of("a", Outcome::Pass, counts()),
        of("b", Outcome::Warn, counts()),
        of("c", Outcome::Skipped, counts()),
    ];
    assert_eq!(soaked(&phase, &good, &none), None);
    assert_eq!(soaked(&phase, &[of("a", Outcome::Fail, Weight::Shadow)], &none), None);
    let waived = of("a", Outcome::Fail, Weight::Waived("known".to_owned()));
    assert_eq!(soaked(&phase, &[waived], &none), None);
    let both = [of("a", Outcome::Error, counts()), of("b", Outcome::Fail, counts())];
    let failed = Cause::ChecksFailed(vec![id("b")]);
    assert_eq!(soaked(&phase, &both, &none), Some((failed, Reaction::Rollback)));
    let accepted = BTreeSet::from([id("b")]);
    assert_eq!(soaked(&phase, &both, &accepted), Some((Cause::ChecksBroken(vec![id("a")]), Reaction::Pause)));
    let undecided = || [of("c", Outcome::Inconclusive, counts())];
    let cause = Cause::ChecksUndecided(vec![id("c")]);
    assert_eq!(soaked(&phase, &undecided(), &none), Some((cause.clone(), Reaction::Continue)));
    let mut critical = phase;
    critical.validate = vec![check("c", Severity::Critical)];
    assert_eq!(soaked(&critical, &undecided(), &none), Some((cause, Reaction::Rollback)));
}

#[test]
fn what_is_left_to_a_person_holds_until_the_person_or_for_what_was_open_a_look_releases_it() {
    let mut plan = plan();
    plan.phases[0].soak = Some(Soak { length: Span::seconds(9), every: None });
    let id = || vec![CheckId::new("c").expect("an id")];
    let of = |cause: Cause| Held { since: Timestamp(3), cause, found: vec![Item::new("check c", "5 > 4")] };
    let failed = || of(Cause::ChecksFailed(id()));
    let open = [of(Cause::ChecksBroken(id())), of(Cause::ChecksUndecided(id()))];
    let by = || Invoker { uid: 7, name: "ann".to_owned() };
    let word = || Input::SoakReleased { reason: "known".to_owned(), by: by() };
    let over = Ended::Finished(Verdict::Committed);
    let soaking = || {
        let mut run = Told::new(plan.clone(), Guidance::Unattended);
        assert_eq!(run.succeed(Input::Begin), over);
        run.facts.clear();
        run
    };
    for held in [&failed(), &open[0], &open[1]] {
        let mut run = soaking();
        for said in [Input::SoakMeasured, word()] {
            assert_eq!(run.succeed(said), over, "there is nothing to release");
        }
        for _ in 0..2 {
            assert_eq!(run.succeed(Input::SoakHeld(held.clone())), over);
        }
        assert_eq!((run.state.held.as_ref(), run.facts.len()), (Some(held), 1), "{:?}", run.facts);
        let resumed = Input::Resumed { boot: None, guidance: Guidance::Unattended };
        assert_eq!(run.succeed(resumed), over, "what is over stays over");
        assert_eq!(run.succeed(word()), over);
        let said = Event::SoakReleased { reason: "known".to_owned(), by: Some(by()) };
        assert_eq!((run.state.held.as_ref(), run.facts.last()), (None, Some(&said)));
        assert_eq!(run.succeed(Input::SoakHeld(held.clone())), over);
        assert_eq!(run.state.held.as_ref(), Some(held), "it may fail again");
        assert_eq!(run.succeed(Input::RollbackAsked { boot: None }), Ended::Finished(Verdict::RolledBack));
        assert_eq!(run.state.held, None);
    }
    for held in open {
        let mut run = soaking();
        run.succeed(Input::SoakHeld(held.clone()));
        run.succeed(Input::SoakMeasured);
        assert_eq!((run.state.held.as_ref(), run.facts.len()), (None, 2), "{:?}", run.facts);
        assert!(matches!(run.facts.last(), Some(Event::SoakReleased { by: None, .. })), "{:?}", run.facts);
        run.succeed(Input::SoakHeld(held.clone()));
        run.succeed(Input::SoakHeld(failed()));
        assert_eq!(run.state.held, Some(failed()), "that it fails is more than that nobody could tell");
        run.succeed(Input::SoakHeld(held));
        run.succeed(Input::SoakMeasured);
        assert_eq!(run.state.held, Some(failed()), "a person is to say so");
        let back = Input::SoakFailed { cause: failed().cause, boot: None };
        assert_eq!(run.succeed(back), Ended::Finished(Verdict::RolledBack));
        assert_eq!(run.state.held, None);
    }
}

#[test]
fn what_holds_or_releases_a_phase_is_nothing_where_it_is_not_recorded() {
    let mut plan = plan();
    plan.phases[0].soak = Some(Soak { length: Span::seconds(9), every: None });
    let mut run = Told::new(plan, Guidance::Unattended);
    run.succeed(Input::Begin);
    let held = Held { since: Timestamp(3), cause: Cause::ChecksFailed(Vec::new()), found: Vec::new() };
    let released = Event::SoakReleased { reason: "known".to_owned(), by: None };
    for event in [Event::SoakHeld(held), released] {
        assert!(record_required(&run.state, &[event]));
    }
    let facts = run.facts.len();
    let lost = run.succeed(Input::JournalLost("full".to_owned()));
    assert_eq!((lost, run.facts.len()), (Ended::Finished(Verdict::Committed), facts));
}

#[test]
fn what_was_open_is_found_well_when_each_of_its_checks_is() {
    let id = |name: &str| CheckId::new(name).expect("an id");
    let both = || vec![id("a"), id("b")];
    let seen = |a, b| [report("c", Fail), report("a", a), report("b", b)];
    for cause in [Cause::ChecksBroken(both()), Cause::ChecksUndecided(both())] {
        for (a, b, well) in
            [(Pass, Warn, true), (Pass, Fail, false), (Skipped, Pass, false), (Error, Inconclusive, false)]
        {
            assert_eq!(found_well_now(&cause, &seen(a, b)), well, "{a:?} {b:?}");
        }
        assert!(!found_well_now(&cause, &seen(Pass, Pass)[..2]), "one was not looked at");
    }
    assert!(!found_well_now(&Cause::ChecksFailed(both()), &seen(Pass, Pass)));
    assert!(!found_well_now(&Cause::Asked, &seen(Pass, Pass)));
}

#[test]
fn a_phase_that_is_taken_back_soaks_no_longer() {
    let mut plan = plan();
    plan.phases[0].soak = Some(Soak { length: Span::seconds(9), every: None });
    let mut run = Told::new(plan, Guidance::Unattended);
    assert_eq!(run.succeed(Input::Begin), Ended::Finished(Verdict::Committed));
    assert_eq!(run.state.soak_until, Some(Timestamp(9_000)));
    let asked = Input::RollbackAsked { boot: None };
    assert_eq!(run.succeed(asked), Ended::Finished(Verdict::RolledBack));
    assert_eq!(run.state.soak_until, None);
}

#[test]
fn a_rejected_revision_stays_rejected_when_the_way_back_is_asked_for_again() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    run.succeed(Input::Stepped(StepOutcome::TimedOut(Span::seconds(1))));
    assert!(run.state.quarantined);
    run.succeed(Input::RollbackAsked { boot: None });
    assert!(run.state.quarantined);
}
