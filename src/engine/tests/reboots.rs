//! What a reboot means: one that was asked for, one that was expected, one that nobody knows of.

use super::*;

fn boot(id: &str) -> Option<String> {
    Some(id.to_owned())
}

fn up(id: &str) -> Input {
    Input::Resumed { boot: boot(id), guidance: Guidance::Unattended }
}

fn reboots() -> Step {
    Step { act: Act::Reboot { why: "a kernel".into() }, undo: StepUndo::NotNeeded, ..step("reboot") }
}

/// One that began in boot `one` and came as far as this.
fn begun(plan: Plan, stop: &Action) -> Told {
    let mut run = Told::new(plan, Guidance::Unattended);
    run.tell(Input::Begin);
    let opened = Input::Opened {
        generation: GenerationNumber(1),
        boot: boot("one"),
        invoker: None,
        version: "0".into(),
    };
    run.succeed_until(opened, stop);
    run
}

const AWAITS: Action = Action::Stop(Ended::AwaitingReboot);
const FIRST: Action = Action::Perform { part: Part::Apply, step: 0 };

/// A plan with a reboot between its two steps; with one after them where the phase requires it.
fn rebooting(between: bool, reboot: Reboot) -> Plan {
    let mut plan = plan();
    plan.phases[0].reboot = reboot;
    if between {
        plan.phases[0].apply.insert(1, reboots());
    }
    plan
}

fn awaiting(plan: Plan, last: &Action) -> Told {
    let mut run = begun(plan, last);
    assert_eq!(run.tell(Input::Stepped(StepOutcome::Done)), AWAITS);
    run
}

#[test]
fn a_reboot_that_was_asked_for_is_gone_on_from_exactly_there() {
    let last = Action::Perform { part: Part::Apply, step: 2 };
    let mut run = awaiting(rebooting(true, Reboot::Never), &FIRST);
    assert_eq!(run.taken_up(up("two")), Action::CompareBoot);
    assert_eq!(run.tell(Input::BootCompared(Vec::new())), last);
    assert_eq!(run.state.marks_of(Part::Apply)[1], state::Mark::Done);
    assert_eq!(run.succeed(usual(&last)), Ended::Finished(Verdict::Committed));

    let mut run = awaiting(rebooting(false, Reboot::Required), &SECOND);
    run.plan.phases[0].settle = Span(7);
    assert_eq!(run.taken_up(up("two")), Action::CompareBoot);
    assert_eq!(run.tell(Input::BootCompared(Vec::new())), Action::Wait { until: Timestamp(7) });
    assert_eq!(run.state.marks_of(Part::Apply).len(), 2, "this reboot is no step");
    assert_eq!(run.succeed(Input::TimeReached), Ended::Finished(Verdict::Committed));
}

#[test]
fn in_the_same_boot_it_is_still_awaited_and_that_counts_as_no_crash() {
    let mut run = awaiting(rebooting(true, Reboot::Never), &FIRST);
    for _ in 0..2 * Limits::FORWARD {
        assert_eq!(run.tell(up("one")), AWAITS);
    }
    // Where no boot can be told from another nobody says that it was another.
    assert_eq!(run.tell(resumed(Guidance::Unattended)), AWAITS);
    assert_eq!(run.state.resumptions, 0);
    assert_eq!(run.taken_up(up("two")), Action::CompareBoot);
    assert_eq!(run.state.resumptions, 0);
}

#[test]
fn a_runner_that_is_gone_as_soon_as_it_saw_the_other_boot_does_not_hide_it() {
    let mut run = awaiting(rebooting(true, Reboot::Never), &FIRST);
    let first = Event::RunResumed { boot: boot("two"), guidance: Guidance::Unattended, toward: Toward::On };
    run.state = evolve(&run.plan, run.state.clone(), &first);
    assert_eq!(run.taken_up(up("two")), Action::CompareBoot);

    let mut run = begun(plan(), &SECOND);
    run.state = evolve(&run.plan, run.state.clone(), &first);
    assert_eq!(run.taken_up(up("two")), Action::EndChildren);
    assert_eq!(run.state.reverting, Some(Cause::Rebooted));
}

#[test]
fn a_reboot_seen_before_another_one_is_asked_for_is_not_that_one() {
    let mut plan = rebooting(true, Reboot::Expected);
    plan.phases[0].apply[0].idempotent = true;
    let mut run = begun(plan, &FIRST);
    assert_eq!(run.taken_up(up("two")), FIRST);
    assert_eq!(run.tell(Input::Stepped(StepOutcome::Done)), AWAITS);
    assert_eq!(run.tell(up("two")), AWAITS);
    assert_eq!(run.taken_up(up("three")), Action::CompareBoot);
}

#[test]
fn a_reboot_that_nobody_asked_for_turns_a_touched_phase_round_and_says_nothing_against_it() {
    let mut run = begun(plan(), &SECOND);
    assert_eq!(run.taken_up(up("two")), Action::EndChildren);
    assert_eq!(run.state.reverting, Some(Cause::Rebooted));
    assert_eq!(
        run.succeed(Input::ChildrenGone { left: Vec::new(), unseen: false }),
        Ended::Finished(Verdict::RolledBack)
    );
    assert!(!run.state.quarantined);
}

#[test]
fn a_second_reboot_that_nobody_asked_for_turns_round_what_went_on_after_the_first() {
    for compared in [false, true] {
        let mut run = awaiting(rebooting(true, Reboot::Never), &FIRST);
        assert_eq!(run.taken_up(up("two")), Action::CompareBoot);
        if compared {
            run.tell(Input::BootCompared(Vec::new()));
        }
        assert_eq!(run.taken_up(up("three")), Action::EndChildren);
        assert_eq!(run.state.reverting, Some(Cause::Rebooted));
    }
}

#[test]
fn where_a_reboot_is_expected_the_phase_goes_on_where_it_stood() {
    let mut plan = rebooting(false, Reboot::Expected);
    plan.phases[0].apply[1].idempotent = true;
    let mut run = begun(plan, &SECOND);
    assert_eq!(run.taken_up(up("two")), SECOND);
    assert_eq!(run.succeed(usual(&SECOND)), Ended::Finished(Verdict::Committed));
}

#[test]
fn what_nothing_touched_begins_anew_after_a_reboot_and_what_a_person_stopped_goes_on() {
    let mut run = begun(plan(), &Action::Seal);
    assert_eq!(run.tell(up("two")), Action::Judge { moment: Moment::Preflight });
    assert!(!run.state.rebooted);

    let mut run = begun(plan(), &FIRST);
    run.hears(&Input::Stepped(StepOutcome::Done), Heard::Once);
    assert_eq!(run.taken_up(up("two")), SECOND);
    // A crash after that is a crash, and no reboot.
    assert_eq!(run.taken_up(up("two")), Action::EndChildren);
    let lost = StepOutcome::Lost;
    let step = StepId::new("b").unwrap();
    assert_eq!(run.state.reverting, Some(Cause::StepFailed { part: Part::Apply, step, outcome: lost }));
}

#[test]
fn what_booted_otherwise_than_prepared_is_trouble_and_rejects_the_change() {
    let wrong = vec![Item::new("system", "the one before booted")];
    let mut run = awaiting(rebooting(false, Reboot::Required), &SECOND);
    run.taken_up(up("two"));
    assert_eq!(run.tell(Input::BootCompared(wrong.clone())), Action::EndChildren);
    assert_eq!(run.state.reverting, Some(Cause::WrongBoot(wrong.clone())));
    assert_eq!(
        run.succeed(Input::ChildrenGone { left: Vec::new(), unseen: false }),
        Ended::Finished(Verdict::RolledBack)
    );
    assert!(run.state.quarantined);

    let mut run = awaiting(rebooting(false, Reboot::Required), &SECOND);
    run.taken_up(Input::Resumed { boot: boot("two"), guidance: Guidance::Guided });
    let asks = Action::Choose { cause: Cause::WrongBoot(wrong.clone()), may_accept: false };
    assert_eq!(run.tell(Input::BootCompared(wrong)), asks);
    assert_eq!(run.tell(Input::Chosen(Choice::Retry)), Action::CompareBoot);
}

#[test]
fn an_awaited_reboot_is_left_alone_by_a_guard_and_taken_back_when_a_person_asks() {
    let mut run = awaiting(rebooting(true, Reboot::Never), &FIRST);
    let facts = run.facts.len();
    assert_eq!(run.tell(Input::GuardFired { cause: Cause::DeadlinePassed, boot: boot("one") }), AWAITS);
    assert_eq!(run.facts.len(), facts);
    let ended = run.succeed(Input::RollbackAsked { boot: boot("one") });
    assert_eq!(ended, Ended::Finished(Verdict::RolledBack));
    assert!(matches!(run.state.reverting, Some(Cause::Asked)));
}

#[test]
fn who_stops_in_the_face_of_a_reboot_still_goes_on_after_it() {
    let mut run = awaiting(rebooting(true, Reboot::Never), &FIRST);
    let stopped = run.hears(&up("one"), Heard::Once);
    assert_eq!(stopped, Action::Stop(Ended::Paused(Cause::Interrupted)));
    assert_eq!(run.taken_up(up("two")), Action::CompareBoot);
}
