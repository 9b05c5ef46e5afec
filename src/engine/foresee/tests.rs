use super::world::Phased;
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

fn for_a_layer_that_is_not_there(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut decision = decide(plan, state, input, heard, now);
    if decision.action == Action::Seal {
        decision.action = Action::Record { layer: 7 };
    }
    decision
}

fn another_end_than_recorded(
    plan: &Plan,
    state: &RunState,
    input: &Input,
    heard: Heard,
    now: Timestamp,
) -> Decision {
    let mut decision = decide(plan, state, input, heard, now);
    if decision.action == Action::Stop(Ended::Finished(Verdict::RolledBack)) {
        decision.action = Action::Stop(Ended::Finished(Verdict::Committed));
    }
    decision
}

type Decide = fn(&Plan, &RunState, &Input, Heard, Timestamp) -> Decision;

#[test]
fn an_ending_without_a_name_is_found_and_its_story_told() {
    let (plan, phases) = plan(|phase| phase.on.fail = Reaction::Pause);
    let decides: [(Decide, &str); 6] = [
        (for_a_layer_that_is_not_there, "nothing can follow on Record { layer: 7 }"),
        (another_end_than_recorded, "it says another end than it recorded"),
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

#[test]
fn a_reboot_that_the_phase_asks_for_is_awaited_and_one_that_nobody_asked_for_leads_back() {
    let (plan, phases) = plan(|phase| {
        let act = Act::Reboot { why: "a new kernel".into() };
        phase.apply.push(Step { act, ..step("reboot", StepUndo::NotNeeded) });
        phase.validate = vec![check("v", Severity::Fail)];
    });
    let found = foresee(&plan, &phases);
    assert!(found.named());
    assert_eq!(ending(&found, Ending::AwaitingReboot).story, []);
    assert_eq!(ending(&found, Ending::Committed).story, [Deed::Booted]);
    let (without, phases) = self::plan(|phase| phase.apply.push(step("b", own())));
    let found = foresee(&without, &phases);
    assert!(!endings(&found).contains(&Ending::AwaitingReboot));
    // Each of them after a kill alone: with a guard behind the runner, without anybody.
    let engine = Engine::REAL;
    let walk = Walk::new(&without, &phases[0], &[], engine, Grain::Coarse).unwrap();
    let budget = Budget { wrong: 0, kills: 1, reboots: 1, retries: 0, asks: 0 };
    let (_, found) = walk.run(Guidance::Unattended, budget, LIMIT).unwrap();
    for deed in [Deed::GuardFired, Deed::GuardFiredAtBoot] {
        let back = found.iter().any(|it| it.ending == Ending::RolledBack && it.story.contains(&deed));
        assert!(back, "{deed:?}");
    }
}

/// Each ending with the ways there, and what happens on the shortest one; and how many places there are.
fn table(change: impl FnOnce(&mut Phase)) -> Vec<String> {
    let (plan, phases) = plan(change);
    let found = foresee(&plan, &phases);
    let phase = &found.phases[0];
    assert!(phase.cut.is_empty());
    let one = |it: &EndingFound| {
        let weight = it.story.iter().map(Deed::weight).sum::<usize>();
        let items = names(&it.items).join(", ");
        format!(
            "{:?}: {} ways, {weight} on the shortest, {} left; {items}",
            it.ending,
            it.ways,
            it.left.len()
        )
    };
    let mut rows: Vec<String> = phase.endings.iter().map(one).collect();
    rows.push(format!("{} places", phase.states));
    rows
}

/// As they were counted when this was written. Whoever changes the engine or the exploration finds other numbers, and says
/// why: a way more or less is an ending that somebody may meet.
#[test]
fn the_ways_to_each_ending_and_the_places_on_them_are_as_they_were_counted() {
    let step_with_undo = [
        "Committed: 376 ways, 0 on the shortest, 0 left; ",
        "NothingChanged: 705 ways, 12 on the shortest, 0 left; ",
        "RolledBack: 1609 ways, 10 on the shortest, 0 left; ",
        "Paused: 133 ways, 12 on the shortest, 0 left; ",
        "Inconsistent: 135 ways, 20 on the shortest, 0 left; phase one, undo of step a",
        "21580 places",
    ];
    assert_eq!(table(|_| ()), step_with_undo);
    let left_by_design_confirmed_and_soaking = [
        "Committed: 413 ways, 0 on the shortest, 0 left; ",
        "NothingChanged: 705 ways, 12 on the shortest, 0 left; ",
        "RolledBack: 67 ways, 11 on the shortest, 0 left; ",
        "RolledBackBut: 2031 ways, 10 on the shortest, 1 left; ",
        "Paused: 171 ways, 12 on the shortest, 0 left; ",
        "Inconsistent: 0 ways, 150 on the shortest, 0 left; phase one",
        "11472 places",
    ];
    let soaking = table(|phase| {
        phase.apply = vec![step("a", StepUndo::None { reason: "nobody misses it".into() })];
        phase.confirm = Some(Span::seconds(60));
        phase.soak = Some(Soak { length: Span::seconds(60), every: None });
    });
    assert_eq!(soaking, left_by_design_confirmed_and_soaking);
    let behind_a_reboot = [
        "Committed: 932 ways, 1 on the shortest, 0 left; ",
        "NothingChanged: 1020 ways, 12 on the shortest, 0 left; ",
        "RolledBack: 3891 ways, 11 on the shortest, 0 left; ",
        "AwaitingReboot: 564 ways, 0 on the shortest, 0 left; ",
        "Paused: 450 ways, 11 on the shortest, 0 left; ",
        "Inconsistent: 237 ways, 21 on the shortest, 0 left; check v, phase one",
        "45774 places",
    ];
    let reboot = table(|phase| {
        let act = Act::Reboot { why: "a kernel".into() };
        phase.apply = vec![Step { act, ..step("b", StepUndo::NotNeeded) }];
        phase.validate = vec![check("v", Severity::Critical)];
    });
    assert_eq!(reboot, behind_a_reboot);
    let soaks = |fail| {
        table(move |phase| {
            phase.apply = vec![step("a", StepUndo::NotNeeded)];
            phase.applies_if = Some(check("here", Severity::Fail));
            phase.soak = Some(Soak { length: Span::seconds(60), every: None });
            phase.validate = vec![check("v", Severity::Critical)];
            phase.on.fail = fail;
        })
    };
    let led_back = [
        "Committed: 915 ways, 0 on the shortest, 0 left; ",
        "NotApplicable: 42 ways, 10 on the shortest, 0 left; ",
        "NothingChanged: 1419 ways, 10 on the shortest, 0 left; ",
        "RolledBack: 5788 ways, 10 on the shortest, 0 left; ",
        "Paused: 391 ways, 10 on the shortest, 0 left; ",
        "Inconsistent: 516 ways, 20 on the shortest, 0 left; check v, phase one",
        "17256 places",
    ];
    assert_eq!(soaks(Reaction::Rollback), led_back);
    let held = [
        "Committed: 1412 ways, 0 on the shortest, 0 left; ",
        "NotApplicable: 42 ways, 10 on the shortest, 0 left; ",
        "NothingChanged: 1419 ways, 10 on the shortest, 0 left; ",
        "RolledBack: 3045 ways, 13 on the shortest, 0 left; ",
        "Paused: 818 ways, 10 on the shortest, 0 left; ",
        "Inconsistent: 186 ways, 23 on the shortest, 0 left; check v, phase one",
        "15618 places",
    ];
    assert_eq!(soaks(Reaction::Pause), held);
}

#[test]
fn a_phase_is_cut_at_one_place_more_than_may_be_and_at_none_less() {
    let (plan, phases) = plan(|_| {});
    let walk = Walk::new(&plan, &phases[0], &[], Engine::REAL, Grain::Coarse).unwrap();
    let budget = Budget { wrong: 0, kills: 2, reboots: 0, retries: 0, asks: 0 };
    let run = |limit| walk.run(Guidance::Unattended, budget, limit);
    let (places, found) = run(LIMIT).unwrap();
    assert!(run(places).is_some() && run(places - 1).is_none() && run(places - 2).is_none());
    let kills: std::collections::BTreeSet<u8> = found.iter().map(|found| found.kills).collect();
    assert_eq!(kills.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

/// The numbers for which the ways of a moment's checks stand.
fn stood_for(phased: &Phased, moment: Moment) -> Vec<(u128, bool)> {
    let ways = world::ways(phased, &Action::Judge { moment }, 0, Grain::Coarse);
    let of = |way: &world::Way| match &way.deed {
        Some(Deed::Check { of, critical, .. }) => Some((way.alike, *critical, *of)),
        _ => None,
    };
    let told: Vec<_> = ways.iter().filter_map(of).collect();
    assert!(told.iter().all(|(alike, _, of)| *alike == *of as u128));
    // Each stands there as a fail, an error, and undecided.
    told.iter().step_by(3).map(|(alike, critical, _)| (*alike, *critical)).collect()
}

#[test]
fn the_first_of_the_checks_that_weigh_the_same_stands_for_all_of_its_moment() {
    use Severity::{Critical, Fail, Warn};
    let (plan, _) = plan(|phase| {
        phase.preflight = vec![check("p", Fail), check("q", Warn), check("r", Critical)];
        phase.validate = [Critical, Fail, Critical, Critical, Fail].map(|of| check("v", of)).to_vec();
        phase.applies_if = Some(check("here", Fail));
    });
    let phased = Phased::new(&plan.phases[0], Grain::Coarse);
    assert_eq!(stood_for(&phased, Moment::Preflight), [(2, false), (1, true)]);
    for moment in [Moment::Validate, Moment::Baseline, Moment::Reprobe] {
        assert_eq!(stood_for(&phased, moment), [(3, true), (2, false)], "{moment:?}");
    }
    assert_eq!(stood_for(&phased, Moment::Applies), [(1, false)]);
    let (plan, _) = self::plan(|phase| {
        phase.preflight = vec![check("p", Fail), check("q", Fail)];
        phase.applies_if = Some(check("here", Fail));
    });
    let phased = Phased::new(&plan.phases[0], Grain::Coarse);
    assert_eq!(stood_for(&phased, Moment::Applies), [(1, false)], "it is one, whatever the others are");
    assert_eq!(phased.phase.preflight.len(), 1);
}

#[test]
fn a_generation_is_the_next_one_and_a_step_that_does_not_apply_is_no_trouble() {
    let (plan, _) = plan(|phase| phase.apply[0].when = Some(Box::new(check("when", Severity::Fail))));
    let phased = Phased::new(&plan.phases[0], Grain::Coarse);
    let open = Action::Open { phase: phased.phase.id.clone() };
    let opened = |way: &world::Way| match &way.input {
        Input::Opened { generation, .. } => Some(generation.0),
        _ => None,
    };
    let ways = world::ways(&phased, &open, 3, Grain::Coarse);
    assert_eq!(ways.iter().filter_map(opened).collect::<Vec<_>>(), [4]);
    let perform = Action::Perform { part: Part::Apply, step: 0 };
    let ways = world::ways(&phased, &perform, 0, Grain::Coarse);
    let of = |way: &world::Way| (way.input.clone(), way.wrong);
    let told: Vec<_> = ways.iter().map(of).collect();
    assert!(told.contains(&(Input::Stepped(StepOutcome::NotApplicable(String::new())), 0)), "{told:?}");
    assert!(told.contains(&(Input::Stepped(StepOutcome::Done), 0)), "{told:?}");
    assert!(told.contains(&(Input::Stepped(StepOutcome::Failed(ProcessEnd::Exited(1))), 1)), "{told:?}");
}

#[test]
fn a_soak_that_fails_holds_or_leads_back_as_the_phase_says_and_is_none_where_it_may_go_on() {
    let of = |fail: Reaction, severity: Severity, soaks: bool| {
        let (plan, _) = plan(|phase| {
            phase.soak = soaks.then_some(Soak { length: Span::seconds(60), every: None });
            phase.validate = vec![check("v", severity)];
            phase.on.fail = fail;
        });
        world::soak_failed(&plan.phases[0]).map(|(input, deed)| {
            assert_eq!(deed, Deed::SoakFailed);
            matches!(input, Input::SoakHeld(_))
        })
    };
    for severity in [Severity::Fail, Severity::Critical] {
        assert_eq!(of(Reaction::Pause, severity, true), Some(true));
        assert_eq!(of(Reaction::Rollback, severity, true), Some(false));
        assert_eq!(of(Reaction::Rollback, severity, false), None, "it does not soak");
    }
    assert_eq!(of(Reaction::Continue, Severity::Fail, true), None);
    assert_eq!(of(Reaction::Continue, Severity::Critical, true), Some(false), "nobody may accept that");
}
