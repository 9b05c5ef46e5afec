//! The explanation for programs: the plan's own words, and the way back as a list in its order.

use crate::model::{Act, Part, Phase, Plan, Step, StepUndo};
use serde_json::{Value, json};

/// The version of this document's shape.
pub(super) const FORMAT: u32 = 1;

/// The whole plan: phases in their order, each with its steps, layers, checks and `way_back`; and what is to be warned of
/// on this machine.
#[must_use]
pub fn explain_json(plan: &Plan, warnings: &[String]) -> Value {
    json!({
        "format": FORMAT,
        "plan": plan.name,
        "revision": plan.revision,
        "digest": plan.digest,
        "title": plan.title,
        "phases": plan.phases.iter().map(phase).collect::<Vec<_>>(),
        "warnings": warnings,
    })
}

fn phase(phase: &Phase) -> Value {
    let steps = |part| phase.steps(part).iter().map(step).collect::<Vec<_>>();
    json!({
        "phase": phase.id,
        "title": phase.title,
        "why": phase.why,
        "week": phase.week,
        "days": phase.days,
        "risk": phase.risk,
        "needs": phase.needs,
        "applies_if": phase.applies_if,
        "preflight": phase.preflight,
        "layers": phase.layers,
        "apply": steps(Part::Apply),
        "settle_ms": phase.settle,
        "validate": phase.validate,
        "confirm_ms": phase.confirm,
        "reboot": phase.reboot,
        "commit": steps(Part::Commit),
        "soak": phase.soak.map(|soak| json!({"length_ms": soak.length, "every_ms": soak.every})),
        "rollback": steps(Part::Rollback),
        "on": phase.on,
        "way_back": way_back(phase),
    })
}

fn step(step: &Step) -> Value {
    json!({
        "step": step.id,
        "title": step.title,
        "argv": argv(&step.act),
        "act": step.act,
        "user": step.who,
        "timeout_ms": step.timeout,
        "changes": step.changes,
        "idempotent": step.idempotent,
        "undo": step.undo,
        "when": step.when,
    })
}

/// The argv as it will be executed, where the act is a program.
fn argv(act: &Act) -> Option<Vec<&str>> {
    match act {
        Act::Run(command) => Some(command.argv.iter().map(String::as_str).collect()),
        Act::Shell { text, .. } => Some(vec!["/bin/sh", "-eu", "-c", text]),
        Act::Install { .. } | Act::Set { .. } | Act::Ask { .. } | Act::Reboot { .. } => None,
    }
}

fn way_back(phase: &Phase) -> Vec<Value> {
    let mut back = Vec::new();
    for part in [Part::Commit, Part::Apply] {
        for step in phase.steps(part).iter().rev() {
            match &step.undo {
                StepUndo::Act(act) => back.push(json!({
                    "do": "undo", "part": part, "step": step.id, "argv": argv(act), "act": act, "user": step.who,
                })),
                StepUndo::Layer | StepUndo::None { .. } | StepUndo::NotNeeded => {}
            }
        }
    }
    back.extend(phase.layers.iter().rev().map(|layer| json!({"do": "restore", "layer": layer})));
    back.extend(phase.rollback.iter().map(|step| {
        json!({"do": "rollback-step", "step": step.id, "argv": argv(&step.act), "act": step.act, "user": step.who})
    }));
    if !phase.validate.is_empty() {
        let checks: Vec<_> = phase.validate.iter().map(|check| &check.id).collect();
        back.push(json!({"do": "probe-again", "checks": checks}));
    }
    back
}
