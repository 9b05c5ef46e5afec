//! What a way back will do is said before it is begun: what is said is what is done, wherever the run was broken off.

use super::*;

/// What is done from here on where everything succeeds: undos, layers and steps of `rollback`, each in its order.
fn done(plan: &Plan, state: &RunState) -> (Vec<(Part, usize)>, Vec<usize>, Vec<usize>) {
    let mut run = Told::new(plan.clone(), Guidance::Unattended);
    run.state = state.clone();
    let (mut undo, mut layers, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    let mut action = run.tell(Input::RollbackAsked { boot: None });
    while !matches!(action, Action::Stop(_)) {
        match &action {
            Action::Undo { part, step } => undo.push((*part, *step)),
            Action::Restore { layer } => layers.push(*layer),
            Action::Perform { part: Part::Rollback, step } => steps.push(*step),
            _ => {}
        }
        action = run.tell(usual(&action));
    }
    (undo, layers, steps)
}

/// The facts of a run and of the way back that is asked for behind it, where these acts go wrong.
fn facts(plan: &Plan, wrong: &[Action]) -> Vec<Event> {
    let mut run = Told::new(plan.clone(), Guidance::Unattended);
    for first in [Input::Begin, Input::RollbackAsked { boot: None }] {
        let mut action = run.tell(first);
        while !matches!(action, Action::Stop(_)) {
            let input = match &action {
                Action::Undo { .. } | Action::Perform { .. } if wrong.contains(&action) => {
                    Input::Stepped(StepOutcome::Failed(ProcessEnd::Exited(1)))
                }
                Action::Restore { .. } if wrong.contains(&action) => {
                    Input::Restored(Restored { changed: 0, failed: vec![Item::new("/x", "gone")] })
                }
                other => usual(other),
            };
            action = run.tell(input);
        }
    }
    run.facts
}

#[test]
fn a_way_back_does_what_was_said_of_it_after_every_fact_of_every_run() {
    let mut plan = plan();
    let phase = &mut plan.phases[0];
    phase.layers.push(LayerSpec::Files { paths: vec!["/y".into()] });
    phase.rollback.push(step("s"));
    phase.commit = vec![step("c")];
    phase.apply.push(Step { undo: StepUndo::NotNeeded, ..step("looks") });
    let (commit, apply) = (Part::Commit, Part::Apply);
    let undo = |part, step| Action::Undo { part, step };
    let runs = [
        vec![],
        vec![SECOND],
        vec![SECOND, undo(apply, 0)],
        vec![undo(commit, 0), Action::Restore { layer: 1 }],
        vec![Action::Perform { part: Part::Rollback, step: 0 }, SECOND],
    ];
    let (mut cuts, mut most) = (0, 0);
    for wrong in runs {
        let facts = facts(&plan, &wrong);
        for cut in 0..=facts.len() {
            let state = replay(&plan, RunState::default(), &facts[..cut]);
            if state.header.is_none() {
                continue;
            }
            let asked = Input::RollbackAsked { boot: None };
            let said = way_back(&plan, &plan.phases[0], &state, &asked, Timestamp(0));
            let layers = (0..said.layers).rev().collect();
            let steps = (said.steps..plan.phases[0].rollback.len()).collect();
            most = most.max(said.undo.len());
            cuts += 1;
            assert_eq!(
                (said.undo, layers, steps),
                done(&plan, &state),
                "{wrong:?}, after {:?}",
                &facts[..cut]
            );
        }
    }
    assert!(cuts > 100 && most == 3, "{cuts} {most}");
}
