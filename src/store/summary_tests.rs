use super::*;
use crate::model::{Guidance, Held, Invoker, Restored, Toward};
use crate::store::sample::{began, check_id, envelopes, report, story};

fn after(more: Vec<Event>) -> Summary {
    let facts: Vec<Event> = [began(7)].into_iter().chain(more).collect();
    summarise(&envelopes(1, facts), None).expect("a summary")
}

fn end(end: PhaseEnd) -> Event {
    Event::PhaseEnded { end, items: Vec::new(), left: Vec::new() }
}

#[test]
fn a_generation_that_came_back_is_told_whole() {
    let facts = story(7);
    let summary = summarise(&facts, None).expect("a summary");
    assert_eq!(summary.line.generation, GenerationNumber(7));
    assert_eq!((summary.line.began, summary.line.last), (facts[0].at, facts[facts.len() - 1].at));
    assert_eq!(summary.line.end, Some(PhaseEnd::Reverted));
    assert_eq!(summary.line.cause, Some(Cause::ChecksFailed(vec![check_id("memory")])));
    assert_eq!(summary.line.layers, ["files: 3 files, 12 bytes"]);
    assert_eq!(summary.verdict, Some(Verdict::RolledBack));
    assert_eq!(summary.checks.len(), 2);
    let steps: Vec<(&str, &str, bool)> = summary
        .steps
        .iter()
        .map(|line| (line.part.as_str(), line.step.as_str(), line.outcome == Some(StepOutcome::Done)))
        .collect();
    assert_eq!(steps, [("apply", "build", true), ("apply", "apply 2", false), ("undo", "build", true)]);
}

#[test]
fn what_was_found_while_it_soaked_is_told_with_who_released_it_until_the_way_back() {
    let cause = Cause::ChecksFailed(vec![check_id("memory")]);
    let held =
        Held { since: Timestamp(5), cause: cause.clone(), found: vec![Item::new("check memory", "5 > 4")] };
    let by = Invoker { uid: 7, name: "ann".to_owned() };
    let word = || Event::SoakReleased { reason: "known".to_owned(), by: Some(by.clone()) };
    let mut facts = vec![end(PhaseEnd::Committed), word(), Event::SoakHeld(held.clone())];
    let told = after(facts.clone()).line.hold;
    assert_eq!(
        told,
        Some(Hold { held: held.clone(), released: None }),
        "what was never held is not released"
    );
    facts.push(word());
    let summary = after(facts.clone());
    let release = Release { reason: "known".to_owned(), by: Some("ann".to_owned()), at: summary.line.last };
    assert_eq!(summary.line.hold, Some(Hold { held: held.clone(), released: Some(release) }));
    assert_eq!((summary.line.end, summary.line.cause), (Some(PhaseEnd::Committed), None));
    facts.push(Event::SoakHeld(held.clone()));
    assert_eq!(after(facts.clone()).line.hold, Some(Hold { held, released: None }), "the last one counts");
    facts.push(Event::RevertBegan { cause });
    assert_eq!(after(facts).line.hold, None);
}

#[test]
fn facts_that_do_not_begin_with_a_header_are_no_generation() {
    assert_eq!(summarise(&[], None), None);
    assert_eq!(summarise(&envelopes(1, [Event::SettleEnded]), None), None);
}

#[test]
fn the_cause_is_that_of_the_last_stop_and_the_end_that_of_the_last_end() {
    let pause = || Event::RunPaused { cause: Cause::Interrupted };
    let resumed = || Event::RunResumed { boot: None, guidance: Guidance::Unattended, toward: Toward::On };
    let back = || Event::RevertBegan { cause: Cause::Asked };
    let judged = |outcome| Event::CheckJudged { moment: Moment::Preflight, report: report("space", outcome) };
    let space = || vec![check_id("space")];
    let cases = [
        (vec![], None, None),
        (vec![pause()], None, Some(Cause::Interrupted)),
        (vec![pause(), resumed()], None, None),
        (vec![pause(), Event::RetryChosen], None, None),
        (vec![back(), resumed()], None, Some(Cause::Asked)),
        (vec![pause(), end(PhaseEnd::Committed)], Some(PhaseEnd::Committed), None),
        (vec![end(PhaseEnd::Committed), back()], None, Some(Cause::Asked)),
        (
            vec![end(PhaseEnd::Committed), back(), end(PhaseEnd::Reverted)],
            Some(PhaseEnd::Reverted),
            Some(Cause::Asked),
        ),
        (
            vec![Event::GateAnswered { go: false }, end(PhaseEnd::Refused)],
            Some(PhaseEnd::Refused),
            Some(Cause::Declined),
        ),
        (
            vec![judged(Outcome::Fail), end(PhaseEnd::Refused)],
            Some(PhaseEnd::Refused),
            Some(Cause::ChecksFailed(space())),
        ),
        (
            vec![judged(Outcome::Fail), judged(Outcome::Error), end(PhaseEnd::Refused)],
            Some(PhaseEnd::Refused),
            Some(Cause::ChecksBroken(space())),
        ),
        (vec![judged(Outcome::Pass), end(PhaseEnd::Refused)], Some(PhaseEnd::Refused), None),
    ];
    for (at, (facts, end, cause)) in cases.into_iter().enumerate() {
        let line = after(facts).line;
        assert_eq!((line.end, line.cause), (end, cause), "case {at}");
    }
}

#[test]
fn items_are_those_of_the_way_back_that_is_open_and_then_those_of_the_end() {
    let back = || Event::RevertBegan { cause: Cause::Asked };
    let child = || Event::ChildrenEnded { left: vec![Item::new("process 7", "still there")], unseen: false };
    let layer = || Event::LayerRestored {
        layer: 0,
        restored: Restored { changed: 1, failed: vec![Item::new("/etc/x", "read-only")] },
    };
    let ended = Event::PhaseEnded {
        end: PhaseEnd::Inconsistent,
        items: vec![Item::new("/etc/x", "mode 0644")],
        left: Vec::new(),
    };
    for (facts, names) in [
        (vec![back(), child(), layer()], vec!["process 7", "/etc/x"]),
        (vec![back(), child(), layer(), ended.clone()], vec!["/etc/x"]),
        (vec![back(), child(), ended, back()], vec![]),
    ] {
        let items = after(facts).items;
        assert_eq!(items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), names);
    }
}

#[test]
fn a_step_that_ran_twice_has_two_lines() {
    let started =
        || Event::StepStarted { part: Part::Apply, step: 0, id: crate::store::sample::step_id("a") };
    let finished = |outcome| Event::StepFinished { part: Part::Apply, step: 0, outcome };
    let steps = after(vec![
        started(),
        finished(StepOutcome::Lost),
        started(),
        finished(StepOutcome::Done),
        started(),
    ])
    .steps;
    let outcomes: Vec<Option<StepOutcome>> = steps.into_iter().map(|line| line.outcome).collect();
    assert_eq!(outcomes, [Some(StepOutcome::Lost), Some(StepOutcome::Done), None]);
}

#[test]
fn what_was_accepted_is_told_until_it_is_judged_again_or_taken_back() {
    let judged = |outcome| Event::CheckJudged { moment: Moment::Validate, report: report("space", outcome) };
    let accepts = |moment| Event::ChecksAccepted {
        moment,
        checks: vec![check_id("space")],
        reason: "known".to_owned(),
    };
    let named = vec![Item::new("check space", "known")];
    let fails = || judged(Outcome::Fail);
    for (more, accepted) in [
        (vec![fails()], vec![]),
        (vec![fails(), accepts(Moment::Preflight)], vec![Item::new("preflight check space", "known")]),
        (vec![fails(), accepts(Moment::Validate)], named.clone()),
        (vec![fails(), accepts(Moment::Validate), end(PhaseEnd::Committed)], named),
        (vec![fails(), accepts(Moment::Validate), judged(Outcome::Pass)], vec![]),
        (vec![fails(), accepts(Moment::Validate), Event::RevertBegan { cause: Cause::Asked }], vec![]),
    ] {
        assert_eq!(after(more.clone()).line.accepted, accepted, "{more:?}");
    }
}

#[test]
fn a_generation_took_as_long_as_to_its_first_end() {
    let back = Event::RevertBegan { cause: Cause::Asked };
    let facts = envelopes(1, [began(7), end(PhaseEnd::Committed), back, end(PhaseEnd::Reverted)]);
    let line = summarise(&facts, None).expect("a summary").line;
    assert_eq!(line.decided, Some(facts[1].at));
    assert_eq!(line.last, facts[3].at);
}
