//! What the walk and mutation found unheld.

use super::*;

pub(super) fn check(id: &str, severity: Severity) -> Check {
    Check {
        id: CheckId::new(id).unwrap(),
        title: None,
        look: Look::Ask("?".into()),
        expect: Vec::new(),
        tolerate: Vec::new(),
        fail_if: Vec::new(),
        severity,
        mode: Mode::Enforce,
        waiver: None,
        on_no_data: TreatAs::Inconclusive,
        on_error: TreatAs::Error,
        applies_if: None,
        needs: Vec::new(),
        who: RunAs::Runner,
        hint: None,
        tags: Vec::new(),
        timeout: Span::seconds(1),
        settle: Span::ZERO,
        within: None,
        every: Span::seconds(1),
        consecutive: 1,
        samples: None,
        floor: None,
        direction: Direction::Lower,
    }
}

pub(super) fn report(id: &str, outcome: Outcome) -> CheckReport {
    CheckReport {
        check: CheckId::new(id).unwrap(),
        title: None,
        outcome,
        weight: Weight::Counts,
        severity: Severity::Fail,
        reasons: Vec::new(),
        observed: None,
        hint: None,
        took: Span::ZERO,
    }
}

fn ids(names: &[&str]) -> Vec<CheckId> {
    names.iter().map(|name| CheckId::new(*name).unwrap()).collect()
}

const PREFLIGHT: Action = Action::Judge { moment: Moment::Preflight };

#[test]
fn a_check_of_which_nothing_is_reported_could_not_be_measured() {
    let mut plan = plan();
    plan.phases[0].preflight = vec![check("a", Severity::Fail), check("b", Severity::Fail)];
    let mut run = Told::new(plan, Guidance::Guided);
    run.succeed_until(Input::Begin, &PREFLIGHT);
    let action = run.tell(Input::Judged(vec![report("a", Outcome::Pass)]));
    assert_eq!(action, Action::Choose { cause: Cause::ChecksBroken(ids(&["b"])), may_accept: true });
}

#[test]
fn what_was_accepted_is_a_question_again_when_it_is_judged_again() {
    let mut plan = plan();
    plan.phases[0].preflight = vec![check("a", Severity::Fail), check("b", Severity::Fail)];
    let mut run = Told::new(plan, Guidance::Guided);
    run.succeed_until(Input::Begin, &PREFLIGHT);
    run.tell(Input::Judged(vec![report("a", Outcome::Fail), report("b", Outcome::Error)]));
    let action = run.tell(Input::Chosen(Choice::Accept { reason: "known".into() }));
    assert_eq!(action, Action::Choose { cause: Cause::ChecksBroken(ids(&["b"])), may_accept: true });
    assert_eq!(run.tell(Input::Chosen(Choice::Retry)), PREFLIGHT);
    let action = run.tell(Input::Judged(vec![report("a", Outcome::Fail), report("b", Outcome::Pass)]));
    assert_eq!(action, Action::Choose { cause: Cause::ChecksFailed(ids(&["a"])), may_accept: true });
}

#[test]
fn a_guard_that_may_stand_is_taken_down_though_nobody_recorded_it() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &Action::Arm);
    // The runner is gone between the arming and its record.
    assert_eq!(run.tell(Input::RollbackAsked { boot: None }), Action::Disarm);
    assert_eq!(run.tell(Input::Disarmed), Action::Stop(Ended::Finished(Verdict::Refused)));
}

#[test]
fn an_untouched_phase_is_refused_even_where_its_guard_never_comes_down() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &Action::Arm);
    run.tell(Input::RollbackAsked { boot: None });
    for _ in 0..Limits::BACK {
        assert_eq!(run.tell(resumed(Guidance::Unattended)), Action::Disarm);
    }
    assert_eq!(run.tell(resumed(Guidance::Unattended)), Action::Stop(Ended::Finished(Verdict::Refused)));
}

#[test]
fn a_way_back_that_never_ends_is_inconsistent_and_says_how_often_it_was_tried() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    run.tell(Input::RollbackAsked { boot: None });
    for _ in 0..Limits::BACK {
        assert_eq!(run.taken_up(resumed(Guidance::Unattended)), Action::EndChildren);
    }
    let action = run.tell(resumed(Guidance::Unattended));
    assert_eq!(action, Action::Stop(Ended::Finished(Verdict::Inconsistent)));
    let why = "the way back was taken up 9 times and did not end";
    assert_eq!(
        run.state.items,
        [
            Item::new("phase one", why),
            Item::new("undo of step b", "it did not end"),
            Item::new("undo of step a", "it did not end"),
            Item::new("layer files", "it was not restored"),
            Item::new("rollback step r", "it did not end"),
        ]
    );
}

fn two_phases() -> Plan {
    let mut plan = plan();
    let mut second = plan.phases[0].clone();
    second.id = PhaseId::new("two").unwrap();
    plan.phases.push(second);
    plan
}

#[test]
fn a_stop_between_two_phases_waits_for_a_person_and_is_taken_up_there() {
    let mut run = Told::new(two_phases(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &Action::Disarm);
    let action = run.hears(&Input::Disarmed, Heard::Once);
    assert_eq!(action, Action::Stop(Ended::Paused(Cause::Interrupted)));
    assert_eq!(run.succeed(resumed(Guidance::Unattended)), Ended::Finished(Verdict::Committed));
}

#[test]
fn a_stop_before_the_first_phase_is_no_success() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    let action = run.hears(&Input::Begin, Heard::Once);
    assert_eq!(action, Action::Stop(Ended::Finished(Verdict::Refused)));
}

#[test]
fn a_step_that_a_person_broke_off_or_declined_rejects_nothing() {
    for outcome in [StepOutcome::Interrupted, StepOutcome::Declined] {
        let (acts, ended) =
            play(&plan(), |action| (*action == SECOND).then(|| Input::Stepped(outcome.clone())));
        assert_eq!(ended, Ended::Finished(Verdict::RolledBack));
        assert!(!acts.iter().any(|act| act.starts_with("Quarantine")), "{acts:#?}");
    }
}

#[test]
fn what_the_plan_says_cannot_be_undone_is_named_with_its_reason_where_it_acted() {
    let mut plan = plan();
    let never = |id: &str| Step { undo: StepUndo::None { reason: format!("{id} is sent") }, ..step(id) };
    plan.phases[0].apply = vec![never("a"), step("b"), never("c")];
    let (mut run, second) = (Told::new(plan, Guidance::Unattended), SECOND);
    run.succeed_until(Input::Begin, &second);
    let failed = Input::Stepped(StepOutcome::Failed(ProcessEnd::Exited(1)));
    assert_eq!(run.succeed(failed), Ended::Finished(Verdict::RolledBack));
    let left = run.facts.iter().find_map(|fact| match fact {
        Event::PhaseEnded { left, .. } => Some(left.clone()),
        _ => None,
    });
    assert_eq!(left, Some(vec![Item::new("step a", "a is sent")]), "c never began");
}

#[test]
fn a_run_paused_in_the_confirm_window_opens_a_fresh_one_when_it_is_taken_up() {
    let mut plan = plan();
    plan.phases[0].confirm = Some(Span(7));
    let mut run = Told::new(plan, Guidance::Guided);
    run.succeed_until(Input::Begin, &Action::Confirm { until: Timestamp(7) });
    let paused = run.hears(&Input::Nothing, Heard::Once);
    assert_eq!(paused, Action::Stop(Ended::Paused(Cause::Interrupted)));
    run.now = Timestamp(1_000);
    assert_eq!(run.taken_up(resumed(Guidance::Guided)), Action::Confirm { until: Timestamp(1_007) });
    // A crash is not a person's pause: the window goes on.
    run.now = Timestamp(1_003);
    assert_eq!(run.taken_up(resumed(Guidance::Guided)), Action::Confirm { until: Timestamp(1_007) });
}

#[test]
fn a_step_that_was_never_begun_is_not_undone_and_rejects_nothing() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    let nobody = StepOutcome::NotStarted("nobody is there".into());
    assert_eq!(run.tell(Input::Stepped(nobody)), Action::EndChildren);
    assert_eq!(undo_owed(&run.plan.phases[0], &run.state), [(Part::Apply, 0)]);
    assert_eq!(
        run.succeed(Input::ChildrenGone { left: Vec::new(), unseen: false }),
        Ended::Finished(Verdict::RolledBack)
    );
    assert!(!run.state.quarantined);
}

#[test]
fn a_step_that_may_have_acted_and_was_not_begun_the_next_time_is_undone_all_the_same() {
    let mut run = Told::new(plan(), Guidance::Guided);
    run.succeed_until(Input::Begin, &SECOND);
    run.tell(Input::Stepped(StepOutcome::TimedOut(Span::seconds(1))));
    assert_eq!(run.tell(Input::Chosen(Choice::Retry)), SECOND);
    run.tell(Input::Stepped(StepOutcome::NotStarted("no such program".into())));
    assert_eq!(undo_owed(&run.plan.phases[0], &run.state), [(Part::Apply, 1), (Part::Apply, 0)]);
}

#[test]
fn a_step_lost_in_a_crash_says_nothing_against_the_change() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    assert_eq!(run.succeed(resumed(Guidance::Unattended)), Ended::Finished(Verdict::RolledBack));
    assert!(
        run.facts.iter().any(|fact| matches!(fact, Event::StepFinished { outcome: StepOutcome::Lost, .. }))
    );
    assert!(!run.state.quarantined);
}

#[test]
fn the_fourth_crash_on_the_way_forward_turns_it_round() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &Action::Seal);
    for _ in 0..Limits::FORWARD {
        assert_eq!(run.tell(resumed(Guidance::Unattended)), Action::Judge { moment: Moment::Preflight });
    }
    assert_eq!(run.tell(resumed(Guidance::Unattended)), Action::Stop(Ended::Finished(Verdict::Refused)));
    assert_eq!(run.state.reverting, Some(Cause::TooManyResumptions(4)));
}

#[test]
fn taking_up_a_paused_run_is_not_counted() {
    let mut run = Told::new(plan(), Guidance::Guided);
    run.succeed_until(Input::Begin, &SECOND);
    for _ in 0..9 {
        run.tell(Input::Stepped(StepOutcome::Failed(ProcessEnd::Exited(1))));
        assert!(matches!(run.tell(Input::Chosen(Choice::Pause)), Action::Stop(Ended::Paused(_))));
        assert!(matches!(run.taken_up(resumed(Guidance::Guided)), Action::Choose { may_accept: false, .. }));
        assert_eq!(run.tell(Input::Chosen(Choice::Retry)), SECOND);
    }
    assert_eq!(run.state.resumptions, 0);
}

#[test]
fn a_lost_record_after_the_decision_changes_nothing() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &Action::Disarm);
    assert_eq!(run.tell(Input::JournalLost("full".into())), Action::Disarm);
    run.succeed(Input::RollbackAsked { boot: None });
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    run.taken_up(Input::RollbackAsked { boot: None });
    assert_eq!(run.tell(Input::JournalLost("full".into())), Action::EndChildren);
}

#[test]
fn where_the_next_phase_cannot_be_recorded_it_is_refused_and_the_one_before_stays() {
    let mut run = Told::new(two_phases(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &Action::Disarm);
    assert!(matches!(run.tell(Input::Disarmed), Action::Open { .. }));
    let action = run.tell(Input::JournalLost("full".into()));
    assert_eq!(action, Action::Stop(Ended::Finished(Verdict::Refused)));
    assert_eq!(run.state.stage, Stage::Ended(PhaseEnd::Committed));
}

#[test]
fn what_the_record_must_hold_before_an_act() {
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    let finished = Event::StepFinished { part: Part::Apply, step: 1, outcome: StepOutcome::Done };
    let turned = Event::RevertBegan { cause: Cause::Asked };
    let over = Event::RunFinished { verdict: Verdict::Refused };
    assert!(record_required(&run.state, std::slice::from_ref(&finished)));
    assert!(!record_required(&run.state, &[finished, turned]));
    assert!(!record_required(&run.state, &[over]));
    run.tell(Input::RollbackAsked { boot: None });
    assert!(!record_required(&run.state, &[Event::ChildrenEnded { left: Vec::new(), unseen: false }]));
    let mut run = Told::new(two_phases(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &Action::Disarm);
    assert!(!record_required(&run.state, &[Event::GuardDisarmed]));
    let header = run.state.header.clone().unwrap();
    assert!(
        record_required(&run.state, &[Event::PhaseBegan(header)]),
        "a phase begins on the record or not at all"
    );
    run.state.finished = Some(Verdict::Committed);
    run.state.stage = Stage::Idle;
    assert!(!record_required(&run.state, &[Event::StopWanted]));
}

#[test]
fn only_a_person_skips_what_the_plan_does_not_and_nobody_skips_what_is_critical() {
    let mut plan = plan();
    let checks = vec![check("a", Severity::Fail), check("b", Severity::Critical)];
    plan.phases[0].preflight = checks;
    let phase = &plan.phases[0];
    let about = |names: &[&str]| Cause::ChecksFailed(ids(names));
    assert!(may_accept(phase, Moment::Preflight, &about(&["a"])));
    assert!(!may_accept(phase, Moment::Preflight, &about(&["a", "b"])));
    assert!(!may_accept(phase, Moment::Preflight, &about(&[])));
    assert!(
        may_accept(phase, Moment::Validate, &about(&["b"])),
        "critical is what is critical at that moment"
    );
    assert!(!may_accept(phase, Moment::Preflight, &Cause::Declined));
}

#[test]
fn nobody_is_there_and_the_plan_decides() {
    let judged = |on: OnOutcome, severity: Severity, outcome: Outcome| {
        let mut plan = plan();
        plan.phases[0].on = on;
        plan.phases[0].validate = vec![check("v", severity)];
        let mut run = Told::new(plan, Guidance::Unattended);
        let validate = Action::Judge { moment: Moment::Validate };
        let mut action = run.tell(Input::Begin);
        while action != validate {
            action = match action {
                Action::Judge { moment: Moment::Baseline } => {
                    run.tell(Input::Judged(vec![report("v", Outcome::Pass)]))
                }
                other => run.tell(usual(&other)),
            };
        }
        run.tell(Input::Judged(vec![report("v", outcome)]))
    };
    let on = |fail, inconclusive, error| OnOutcome { fail, inconclusive, error };
    let (back, wait, go) = (Reaction::Rollback, Reaction::Pause, Reaction::Continue);
    let goes_on = Action::Keep { layer: 0 };
    let goes_back = Action::EndChildren;
    let waits = |cause: fn(Vec<CheckId>) -> Cause| Action::Stop(Ended::Paused(cause(ids(&["v"]))));
    for (on, severity, outcome, expected) in [
        (on(back, wait, wait), Severity::Fail, Outcome::Pass, goes_on.clone()),
        (on(back, wait, wait), Severity::Fail, Outcome::Warn, goes_on.clone()),
        (on(back, wait, wait), Severity::Fail, Outcome::Skipped, goes_on.clone()),
        (on(back, go, go), Severity::Fail, Outcome::Fail, goes_back.clone()),
        (on(wait, go, go), Severity::Fail, Outcome::Fail, waits(Cause::ChecksFailed)),
        (on(go, wait, wait), Severity::Fail, Outcome::Fail, goes_on.clone()),
        (on(go, wait, wait), Severity::Critical, Outcome::Fail, goes_back.clone()),
        (on(go, back, go), Severity::Fail, Outcome::Inconclusive, goes_back.clone()),
        (on(go, wait, go), Severity::Fail, Outcome::Inconclusive, waits(Cause::ChecksUndecided)),
        (on(go, go, wait), Severity::Fail, Outcome::Error, waits(Cause::ChecksBroken)),
        (on(go, go, back), Severity::Fail, Outcome::Error, goes_back),
        (on(back, back, go), Severity::Fail, Outcome::Error, goes_on),
    ] {
        assert_eq!(judged(on, severity, outcome), expected, "{on:?} {severity:?} {outcome:?}");
    }
}

#[test]
fn a_check_that_held_before_and_not_after_the_way_back_is_named() {
    let named = |before: Outcome, after: Option<Outcome>| {
        let mut plan = plan();
        plan.phases[0].validate = vec![check("v", Severity::Fail)];
        let mut run = Told::new(plan, Guidance::Unattended);
        let mut action = run.tell(Input::Begin);
        loop {
            action = match action {
                Action::Judge { moment: Moment::Baseline } => {
                    run.tell(Input::Judged(vec![report("v", before)]))
                }
                Action::Judge { moment: Moment::Reprobe } => {
                    run.tell(Input::Judged(after.map(|after| report("v", after)).into_iter().collect()))
                }
                Action::Perform { part: Part::Apply, .. } => run.tell(Input::Stepped(StepOutcome::Lost)),
                Action::Stop(_) => break,
                other => run.tell(usual(&other)),
            };
        }
        run.state.items.iter().map(|item| item.why.clone()).collect::<Vec<_>>()
    };
    for (before, after) in
        [(Pass, Pass), (Pass, Warn), (Warn, Skipped), (Fail, Fail), (Error, Fail), (Skipped, Fail)]
    {
        assert_eq!(named(before, Some(after)), Vec::<String>::new(), "{before:?} {after:?}");
    }
    assert_eq!(named(Pass, Some(Fail)), ["passed before the phase, fails after the way back"]);
    assert_eq!(named(Warn, Some(Inconclusive)), ["passed before the phase, is undecided after the way back"]);
    let unmeasured = ["passed before the phase, could not be measured after the way back"];
    assert_eq!(named(Pass, Some(Error)), unmeasured);
    assert_eq!(named(Pass, None), unmeasured);
}

#[test]
fn a_lost_step_runs_again_only_where_it_may() {
    for (idempotent, changes, again) in
        [(true, Changes::Machine, true), (false, Changes::Nothing, true), (false, Changes::Machine, false)]
    {
        let mut plan = plan();
        plan.phases[0].apply[1].idempotent = idempotent;
        plan.phases[0].apply[1].changes = changes;
        let mut run = Told::new(plan, Guidance::Unattended);
        run.succeed_until(Input::Begin, &SECOND);
        assert_eq!(run.taken_up(resumed(Guidance::Unattended)) == SECOND, again);
    }
}

#[test]
fn what_went_wrong_on_the_way_back_is_named_with_how() {
    for (outcome, why) in [
        (StepOutcome::Failed(ProcessEnd::Exited(3)), "exit status 3"),
        (StepOutcome::Failed(ProcessEnd::Signaled(9)), "ended by signal 9"),
        (StepOutcome::NotStarted("no such program".into()), "no such program"),
        (StepOutcome::Broken("no such folder".into()), "no such folder"),
        (StepOutcome::TimedOut(Span::seconds(2)), "killed after 2s"),
        (StepOutcome::Declined, "a person said no"),
        (StepOutcome::Interrupted, "broken off by a person"),
    ] {
        let mut run = Told::new(plan(), Guidance::Unattended);
        run.succeed_until(Input::Begin, &SECOND);
        run.succeed_until(Input::RollbackAsked { boot: None }, &Action::Undo { part: Part::Apply, step: 1 });
        run.succeed_until(
            Input::Stepped(outcome.clone()),
            &Action::Perform { part: Part::Rollback, step: 0 },
        );
        assert_eq!(run.succeed(Input::Stepped(outcome)), Ended::Finished(Verdict::Inconsistent));
        assert_eq!(run.state.items, [Item::new("undo of step b", why), Item::new("rollback step r", why)]);
    }
}

#[test]
fn a_phase_whose_question_is_not_even_asked_here_does_not_apply() {
    let found = |outcome: Outcome| {
        let mut plan = plan();
        plan.phases[0].applies_if = Some(check("gpu", Severity::Fail));
        let (acts, ended) = play(&plan, |action| match action {
            Action::Judge { moment: Moment::Applies } => Some(Input::Judged(vec![report("gpu", outcome)])),
            _ => None,
        });
        assert_eq!(ended, Ended::Finished(Verdict::Committed));
        acts.len()
    };
    assert_eq!(found(Skipped), found(Fail), "nothing is done");
    assert!(found(Pass) > found(Skipped));
    // A check of the phase itself that does not apply is no trouble.
    let mut plan = plan();
    plan.phases[0].preflight = vec![check("p", Severity::Fail)];
    let (acts, _) = play(&plan, |action| match action {
        Action::Judge { moment: Moment::Preflight } => Some(Input::Judged(vec![report("p", Skipped)])),
        _ => None,
    });
    assert!(acts.contains(&format!("{SECOND:?}")), "{acts:?}");
}
