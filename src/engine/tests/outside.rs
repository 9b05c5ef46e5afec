//! Who comes from outside: where a guard finds something to do, and where one is to stand before a word is recorded.

use super::corners::{check, report};
use super::*;
use crate::engine::interpret::{arms_first, interpret};

/// Of a state: `guard` where a guard that comes now has something to do; then the words before which one is to stand.
fn found(state: &RunState) -> String {
    let words = [
        ("back", Input::RollbackAsked { boot: None }),
        ("soak", Input::SoakFailed { cause: Cause::Asked, boot: None }),
        ("damage", Input::RollbackAlongDamage { boot: None, unknown: Vec::new() }),
        ("taken up", resumed(Guidance::Unattended)),
        ("fired", Input::GuardFired { cause: Cause::RunnerGone, boot: None }),
    ];
    let guard = needs_a_guard_now(state).then_some("guard");
    let first = words.iter().filter(|(_, input)| arms_first(state, input)).map(|(name, _)| *name);
    guard.into_iter().chain(first).collect::<Vec<_>>().join(" ")
}

/// What is owed in each state of a run on which everything succeeds, and what is found there.
fn on_the_way(run: &mut Told, input: Input) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    let mut action = run.tell(input);
    loop {
        let owed = format!("{action:?}");
        let name = owed.split([' ', '(']).next().unwrap_or_default().to_owned();
        seen.push((name, found(&run.state)));
        if let Action::Stop(_) = action {
            return seen;
        }
        action = run.tell(usual(&action));
    }
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(owed, found)| ((*owed).to_owned(), (*found).to_owned())).collect()
}

fn soaking() -> Plan {
    let mut plan = plan();
    plan.phases[0].soak = Some(Soak { length: Span::seconds(7), every: None });
    plan
}

#[test]
fn a_guard_has_to_do_until_the_decision_and_a_person_finds_one_armed_where_something_was_touched() {
    let mut run = Told::new(soaking(), Guidance::Unattended);
    assert_eq!(found(&run.state), "guard", "nothing began");
    let on = [
        ("Open", "guard"),
        ("Judge", "guard damage"),
        ("Record", "guard damage"),
        ("Seal", "guard damage"),
        ("Arm", "guard damage"),
        ("Perform", "guard back damage"),
        ("Perform", "guard back damage"),
        ("Judge", "guard back damage"),
        ("Keep", "guard back damage"),
        ("Disarm", "guard back damage"),
        ("Stop", "back soak damage"),
    ];
    assert_eq!(on_the_way(&mut run, Input::Begin), pairs(&on));
    // Whoever asks again finds nothing to take back, and is not told so before a guard stands.
    let back = [
        ("EndChildren", "guard damage"),
        ("Undo", "guard damage"),
        ("Undo", "guard damage"),
        ("Restore", "guard damage"),
        ("Perform", "guard damage"),
        ("Disarm", "guard damage"),
        ("Stop", "back damage"),
    ];
    assert_eq!(on_the_way(&mut run, Input::RollbackAsked { boot: None }), pairs(&back));
}

#[test]
fn a_guard_leaves_what_waits_and_what_is_decided_where_more_was_to_come() {
    let mut plan = plan();
    plan.phases[0].apply.insert(1, Step { act: Act::Reboot { why: "a kernel".into() }, ..step("boot") });
    let second = Phase { id: PhaseId::new("two").unwrap(), ..plan.phases[0].clone() };
    plan.phases.push(second);
    let mut run = Told::new(plan, Guidance::Unattended);
    run.tell(Input::Begin);
    let opened = Input::Opened {
        generation: GenerationNumber(1),
        boot: Some("before".into()),
        invoker: None,
        version: "0".into(),
    };
    let seen = on_the_way(&mut run, opened);
    assert_eq!(seen.last(), Some(&("Stop".to_owned(), "back damage".to_owned())), "{seen:#?}");
    let booted = Input::Resumed { boot: Some("another".into()), guidance: Guidance::Unattended };
    let seen = on_the_way(&mut run, booted);
    let decided = seen.iter().find(|(owed, _)| owed == "Disarm");
    assert_eq!(decided.map(|(_, found)| found.as_str()), Some("back damage"), "{seen:#?}");

    let mut paused = Told::new(super::plan(), Guidance::Unattended);
    paused.succeed_until(Input::Begin, &Action::Arm);
    assert_eq!(found(&paused.state), "guard damage");
    paused.hears(&usual(&Action::Arm), Heard::Once);
    assert_eq!(found(&paused.state), "damage");
}

#[test]
fn only_what_soaks_can_fail_to() {
    let failed = Input::SoakFailed { cause: Cause::Asked, boot: None };
    let begins = |state: &RunState| !interpret(&soaking(), state, &failed).is_empty();
    let mut run = Told::new(soaking(), Guidance::Unattended);
    assert_eq!(run.succeed(Input::Begin), Ended::Finished(Verdict::Committed));
    assert!(begins(&run.state));
    let over = run.state;
    assert!(!begins(&RunState { soak_until: None, ..over.clone() }), "nothing said for how long");
    assert!(!begins(&RunState { finished: None, ..over.clone() }), "the run goes on");
    assert!(!begins(&RunState { finished: Some(Verdict::RolledBack), ..over.clone() }), "it went back");
    assert!(!begins(&RunState { stage: Stage::Ended(PhaseEnd::Reverted), ..over }), "the phase went back");
}

#[test]
fn what_a_person_put_right_beside_damage_is_recorded_where_there_is_a_phase() {
    let by = Invoker { uid: 0, name: "root".into() };
    let said =
        Input::ResolvedAlongDamage { unknown: vec![Item::new("step a", "?")], reason: "looked".into(), by };
    let run = Told::new(plan(), Guidance::Unattended);
    assert_eq!(interpret(&run.plan, &run.state, &said), []);
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed(Input::Begin);
    assert_eq!(interpret(&run.plan, &run.state, &said).len(), 2);
}

#[test]
fn a_run_whose_record_is_damaged_turns_back_only_where_something_can_go_back() {
    let turns = |state: &RunState| {
        interpret(&plan(), state, &resumed(Guidance::Unattended))
            .iter()
            .any(|event| matches!(event, Event::RevertBegan { cause: Cause::Asked }))
    };
    let mut run = Told::new(plan(), Guidance::Unattended);
    run.succeed_until(Input::Begin, &SECOND);
    assert!(!turns(&run.state), "nothing is damaged");
    assert!(turns(&RunState { damaged: true, ..run.state.clone() }));
    run.tell(Input::RollbackAsked { boot: None });
    assert!(turns(&RunState { damaged: true, ..run.state.clone() }), "on the way back");
    assert!(!turns(&run.state), "it goes back for its own cause");
    let mut over = Told::new(plan(), Guidance::Unattended);
    over.succeed(Input::Begin);
    let ended = RunState { damaged: true, finished: None, ..over.state };
    assert!(!turns(&ended), "what is decided stays");
}

#[test]
fn a_check_waits_where_the_way_back_says_that_it_does() {
    let judged = |moment, why: &str| {
        let mut plan = plan();
        plan.phases[0].validate = vec![check("room", Severity::Fail)];
        let mut run = Told::new(plan, Guidance::Unattended);
        run.succeed_until(Input::Begin, &SECOND);
        let report = CheckReport { reasons: vec![why.into()], ..report("room", Error) };
        evolve(&run.plan, run.state, &Event::CheckJudged { moment, report }).waiting.len()
    };
    assert_eq!(judged(Moment::Reprobe, WAITS), 1);
    assert_eq!(judged(Moment::Reprobe, "it broke"), 0);
    assert_eq!(judged(Moment::Validate, WAITS), 0);
}
