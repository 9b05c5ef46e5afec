//! What a plan says of a phase now, against what it said when the phase was taken.

use crate::model::{Check, Phase, Step, StepUndo};

/// The parts of a phase that mean something else now, by the names that they have in a plan. Words for people (titles,
/// reasons, hints) and dates are no part of the meaning.
pub(crate) fn changed_parts(taken: &Phase, now: &Phase) -> Vec<&'static str> {
    let now = meaning(now);
    // Taken apart, so that whoever adds a part of a phase has to say whether it counts.
    let Phase {
        id: _,
        title: _,
        why: _,
        week: _,
        days: _,
        risk: _,
        needs,
        layers,
        preflight,
        apply,
        settle,
        validate,
        commit,
        rollback,
        soak,
        confirm,
        reboot,
        on,
        applies_if,
    } = meaning(taken);
    let same = [
        ("needs", needs == now.needs),
        ("layers", layers == now.layers),
        ("applies_if", applies_if == now.applies_if),
        ("preflight", preflight == now.preflight),
        ("apply", apply == now.apply),
        ("settle", settle == now.settle),
        ("validate", validate == now.validate),
        ("commit", commit == now.commit),
        ("rollback", rollback == now.rollback),
        ("soak", soak == now.soak),
        ("confirm", confirm == now.confirm),
        ("reboot", reboot == now.reboot),
        ("on", on == now.on),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}

fn meaning(phase: &Phase) -> Phase {
    let checks = |checks: &[Check]| checks.iter().map(check).collect();
    let steps = |steps: &[Step]| steps.iter().map(step).collect();
    Phase {
        preflight: checks(&phase.preflight),
        validate: checks(&phase.validate),
        apply: steps(&phase.apply),
        commit: steps(&phase.commit),
        rollback: steps(&phase.rollback),
        applies_if: phase.applies_if.as_ref().map(check),
        ..phase.clone()
    }
}

fn step(step: &Step) -> Step {
    let undo = match &step.undo {
        StepUndo::None { .. } => StepUndo::None { reason: String::new() },
        other @ (StepUndo::Layer | StepUndo::NotNeeded | StepUndo::Act(_)) => other.clone(),
    };
    let when = step.when.as_deref().map(check).map(Box::new);
    Step { title: None, undo, when, ..step.clone() }
}

fn check(one: &Check) -> Check {
    let applies_if = one.applies_if.as_deref().map(check).map(Box::new);
    Check { title: None, hint: None, tags: Vec::new(), applies_if, ..one.clone() }
}
