use super::*;
use crate::engine::{Action, Ended, decide, record_required};
use crate::model::*;

fn step(id: &str, undo: StepUndo) -> Step {
    Step {
        id: StepId::new(id).unwrap(),
        title: None,
        act: Act::Run(CommandLine::new(["/bin/true"])),
        who: RunAs::Runner,
        timeout: Span::seconds(60),
        undo_timeout: None,
        undo,
        idempotent: false,
        changes: Changes::Machine,
        when: None,
    }
}

fn own() -> StepUndo {
    StepUndo::Act(Act::Run(CommandLine::new(["/bin/true"])))
}

fn check(id: &str, severity: Severity) -> Check {
    Check {
        id: CheckId::new(id).unwrap(),
        title: None,
        look: Look::Ask("well?".into()),
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

fn plan(change: impl FnOnce(&mut Phase)) -> (Plan, Vec<PhaseId>) {
    let mut phase = crate::engine::itinerary::tests::phase("one", &[]);
    phase.apply = vec![step("a", own())];
    change(&mut phase);
    let phases = vec![phase.id.clone()];
    let plan = Plan {
        name: PlanName::new("p").unwrap(),
        revision: 1,
        title: None,
        digest: Digest("0".repeat(64)),
        phases: vec![phase],
        calendar: None,
    };
    (plan, phases)
}

fn endings(found: &Foreseen) -> Vec<Ending> {
    found.phases[0].endings.iter().map(|it| it.ending).collect()
}

fn ending(found: &Foreseen, which: Ending) -> &EndingFound {
    found.phases[0].endings.iter().find(|it| it.ending == which).unwrap()
}

fn names(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.name.as_str()).collect()
}

#[test]
fn every_ending_of_a_phase_is_found_with_its_shortest_story() {
    let (plan, phases) = plan(|phase| {
        phase.layers = vec![LayerSpec::Files { paths: vec!["/x".into()] }];
        phase.validate = vec![check("v", Severity::Critical)];
        phase.confirm = Some(Span::seconds(60));
    });
    let found = foresee(&plan, &phases);
    assert!(found.named());
    assert_eq!(
        endings(&found),
        [Ending::Committed, Ending::NothingChanged, Ending::RolledBack, Ending::Paused, Ending::Inconsistent]
    );
    assert_eq!(ending(&found, Ending::Committed).story, []);
    assert_eq!(ending(&found, Ending::Committed).wrongs(), 0);
    let (a, outcome) = (StepId::new("a").unwrap(), StepOutcome::Failed(ProcessEnd::Exited(1)));
    let fails = Deed::Step { part: Part::Apply, step: a.clone(), outcome: outcome.clone() };
    assert_eq!(ending(&found, Ending::RolledBack).story, std::slice::from_ref(&fails));
    let worst = ending(&found, Ending::Inconsistent);
    let undo = Deed::Undo { part: Part::Apply, step: a, outcome };
    assert!(worst.story.contains(&fails) && worst.wrongs() == 2, "{:?}", worst.story);
    assert!(worst.story.contains(&undo) || worst.story.len() == 2, "{:?}", worst.story);
    assert_eq!(names(&worst.items), ["check v", "layer files", "phase one", "undo of step a"]);
    assert!(found.phases[0].cut.is_empty() && found.phases[0].states > 1000);
}

#[test]
fn what_cannot_be_undone_by_design_is_an_ending_of_its_own() {
    let none = || StepUndo::None { reason: "nobody misses it".into() };
    let (plan, phases) = plan(|phase| phase.apply = vec![step("a", none())]);
    let found = foresee(&plan, &phases);
    let left = &ending(&found, Ending::RolledBackBut).left;
    assert_eq!(left, &[Item::new("step a", "nobody misses it")]);
    let exactly = ending(&found, Ending::RolledBack);
    assert!(
        exactly.story.iter().all(|deed| !matches!(
            deed,
            Deed::Step { outcome: StepOutcome::Failed(_), .. } | Deed::NotKept(_)
        ))
    );
}

#[test]
fn silence_a_soak_that_fails_and_a_phase_that_does_not_apply_are_followed() {
    let (plan, phases) = plan(|phase| {
        phase.apply = vec![step("a", StepUndo::NotNeeded)];
        phase.confirm = Some(Span::seconds(60));
        phase.soak = Some(Soak { length: Span::seconds(60), every: None });
        phase.validate = vec![check("v", Severity::Fail)];
        phase.applies_if = Some(check("here", Severity::Fail));
    });
    let found = foresee(&plan, &phases);
    assert!(endings(&found).contains(&Ending::NotApplicable));
    // One check of each moment fails, nobody says keep, the soak fails: each alone leads back.
    assert!(ending(&found, Ending::RolledBack).ways > 3);
    assert_eq!(ending(&found, Ending::RolledBack).wrongs(), 1);
}

#[test]
fn what_is_taken_for_one_leads_to_the_same_endings_as_each_for_itself() {
    for severity in [Severity::Fail, Severity::Critical] {
        let (plan, phases) = plan(|phase| {
            phase.layers = vec![LayerSpec::Files { paths: vec!["/x".into()] }];
            phase.preflight = vec![check("p", Severity::Fail), check("q", Severity::Fail)];
            phase.validate = vec![check("v", Severity::Fail), check("w", severity)];
            phase.rollback = vec![step("r", StepUndo::NotNeeded)];
        });
        let told = |grain| {
            let found = with(&plan, &phases, Engine::REAL, grain, LIMIT);
            assert!(found.phases[0].cut.is_empty());
            let of = |it: &EndingFound| (it.ending, it.wrongs(), it.ways, names(&it.left).len());
            let ends: Vec<_> = found.phases[0].endings.iter().map(of).collect();
            (ends, found.phases[0].states)
        };
        let ((coarse, few), (fine, many)) = (told(Grain::Coarse), told(Grain::Fine));
        let kinds = |ends: &[(Ending, usize, u128, usize)]| {
            ends.iter().map(|(ending, wrongs, _, left)| (*ending, *wrongs, *left)).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&coarse), kinds(&fine));
        assert!(few < many, "{few} states are not fewer than {many}");
    }
}

#[test]
fn an_exploration_with_too_many_states_is_cut_and_says_so() {
    let (plan, phases) = plan(|_| {});
    let found = with(&plan, &phases, Engine::REAL, Grain::Coarse, 20);
    assert_eq!(found.phases[0].cut.len(), TOURS.len());
    assert!(found.phases[0].endings.is_empty());
}

fn without_the_reason(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut decision = decide(plan, state, input, heard, now);
    decision.events.retain(|event| !matches!(event, Event::RunPaused { .. }));
    decision
}

fn without_the_items(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut decision = decide(plan, state, input, heard, now);
    for event in &mut decision.events {
        if let Event::PhaseEnded { items, .. } = event {
            items.clear();
        }
    }
    decision
}

fn never_over(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let decision = decide(plan, state, input, heard, now);
    match (&decision.action, input) {
        (Action::EndChildren, _) | (_, Input::ChildrenGone { .. }) => {
            Decision { events: Vec::new(), action: Action::EndChildren }
        }
        _ => decision,
    }
}

fn as_if_refused(plan: &Plan, state: &RunState, input: &Input, heard: Heard, now: Timestamp) -> Decision {
    let mut decision = decide(plan, state, input, heard, now);
    for event in &mut decision.events {
        if let Event::RunFinished { verdict } = event {
            *verdict = Verdict::Refused;
        }
    }
    if let Action::Stop(Ended::Finished(verdict)) = &mut decision.action {
        *verdict = Verdict::Refused;
    }
    decision
}

type Decide = fn(&Plan, &RunState, &Input, Heard, Timestamp) -> Decision;

#[test]
fn an_ending_without_a_name_is_found_and_its_story_told() {
    let (plan, phases) = plan(|phase| phase.on.fail = Reaction::Pause);
    let decides: [(Decide, &str); 4] = [
        (without_the_reason, "it stops, and nothing says why"),
        (without_the_items, "it is inconsistent, and no item is named"),
        (never_over, "it goes round for ever"),
        (as_if_refused, "it says that nothing was changed, and something may have been"),
    ];
    for (decide, why) in decides {
        let engine = Engine { decide, required: record_required };
        let found = with(&plan, &phases, engine, Grain::Coarse, LIMIT);
        assert!(!found.named(), "{why}");
        assert_eq!(ending(&found, Ending::Nameless).why.as_deref(), Some(why));
    }
}

#[test]
fn a_phase_that_needs_another_is_explored_alone() {
    let (mut plan, _) = plan(|_| {});
    let mut two = crate::engine::itinerary::tests::phase("two", &["one"]);
    two.apply = vec![step("b", own())];
    plan.phases.push(two);
    let found = foresee(&plan, &[PhaseId::new("two").unwrap()]);
    assert_eq!(found.phases.len(), 1);
    assert!(found.named() && endings(&found).contains(&Ending::Committed));
}
