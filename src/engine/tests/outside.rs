//! Who comes from outside: where a guard finds something to do, and where one is to stand before a word is recorded.

use super::*;
use crate::engine::interpret::arms_first;

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
