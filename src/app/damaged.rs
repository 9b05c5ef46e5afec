//! What nobody can know of a phase whose journal is damaged.

use crate::engine::{RunState, Stage};
use crate::model::{Item, Part, PhaseEnd, Plan, StepUndo};
use crate::store::Damage;

/// The same, and the damage where nothing else is unknown: for a person who says that it was looked at.
#[must_use]
pub fn doubted(plan: &Plan, state: &RunState, damage: &Damage) -> Vec<Item> {
    let unknown = unknown(plan, state, damage);
    if unknown.is_empty() { vec![line(damage)] } else { unknown }
}

fn line(damage: &Damage) -> Item {
    Item::new(format!("journal line {}", damage.line), damage.why.clone())
}

/// What may have been done behind the damage and does not go back by itself, by name, the damage first; nothing where
/// all goes back whatever was done.
pub(super) fn unknown(plan: &Plan, state: &RunState, damage: &Damage) -> Vec<Item> {
    let Some(phase) = state.phase().and_then(|id| plan.phase(id)) else { return Vec::new() };
    // From the commit on, and on the way back, no step begins of which nothing was said before.
    let all_told = state.reverting.is_some()
        || matches!(state.stage, Stage::Disarming | Stage::Ended(PhaseEnd::Committed));
    if all_told {
        return Vec::new();
    }
    let layers = phase.layers.iter().skip(state.recorded).map(|layer| {
        Item::new(
            format!("layer {}", layer.kind()),
            "its record stands behind the damage: it was not restored",
        )
    });
    let mut unknown: Vec<Item> = layers.collect();
    for part in [Part::Commit, Part::Apply] {
        let begun = state.marks_of(part).len();
        let steps = phase.steps(part).iter().skip(begun).rev();
        let own = steps.filter(|step| matches!(step.undo, StepUndo::Act(_)));
        unknown.extend(own.map(|step| {
            let why = "it was not undone, since nobody knows whether it was taken";
            Item::new(format!("step {}", step.id), why)
        }));
    }
    if !unknown.is_empty() {
        unknown.insert(0, line(damage));
    }
    unknown
}
