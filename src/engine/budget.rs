//! How long a phase may take from its first act on: what its plan allows, act by act. Whoever is not through by then is
//! stuck.

use crate::model::{Act, Check, LayerSpec, Phase, Span, Step, StepUndo};

/// For what is not bounded by the plan: ending children, writing the record, keeping or restoring one layer.
const LAYER: Span = Span::seconds(600);
/// The time that a program is given between being asked to end and being ended.
const GRACE: Span = Span::seconds(5);
/// Beyond all that is stated.
const SLACK: Span = Span::seconds(10);

/// How long a phase may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// From the first step to the commit.
    pub forward: Span,
    /// The whole way back.
    pub back: Span,
}

/// What the plan allows a phase.
#[must_use]
pub fn budget(phase: &Phase) -> Budget {
    let checks: u64 = phase.validate.iter().map(looking).fold(0, u64::saturating_add);
    let layers = LAYER.0.saturating_mul(u64::try_from(phase.layers.len()).unwrap_or(u64::MAX));
    let steps = |steps: &[Step]| steps.iter().map(step).fold(0_u64, u64::saturating_add);
    let undo = phase.apply.iter().chain(&phase.commit).map(undo).fold(0_u64, u64::saturating_add);
    let kept = if phase.commit.is_empty() { keeping(&phase.layers) } else { 0 };
    let confirm = phase.confirm.unwrap_or(Span::ZERO).0;
    let all = |parts: &[u64]| Span(parts.iter().fold(SLACK.0, |sum, part| sum.saturating_add(*part)));
    Budget {
        forward: all(&[steps(&phase.apply), phase.settle.0, checks, confirm, steps(&phase.commit), kept]),
        back: all(&[undo, layers, steps(&phase.rollback), checks]),
    }
}

/// Most layers have nothing to do to be kept.
fn keeping(layers: &[LayerSpec]) -> u64 {
    let long = |layer: &&LayerSpec| match layer {
        LayerSpec::Nixos { .. } => true,
        LayerSpec::HomeManager { .. }
        | LayerSpec::NixProfile { .. }
        | LayerSpec::Files { .. }
        | LayerSpec::Command { .. } => false,
    };
    LAYER.0.saturating_mul(u64::try_from(layers.iter().filter(long).count()).unwrap_or(u64::MAX))
}

fn step(step: &Step) -> u64 {
    let when = step.when.as_deref().map_or(0, looking);
    let act = match step.act {
        Act::Run(_) | Act::Shell { .. } | Act::Install { .. } | Act::Set { .. } | Act::Ask { .. } => {
            step.timeout.0.saturating_add(GRACE.0)
        }
        // Nobody waits for it in this process.
        Act::Reboot { .. } => 0,
    };
    act.saturating_add(when)
}

fn undo(step: &Step) -> u64 {
    match step.undo {
        StepUndo::Act(_) => step.undo_timeout.unwrap_or(step.timeout).0.saturating_add(GRACE.0),
        StepUndo::Layer | StepUndo::None { .. } | StepUndo::NotNeeded => 0,
    }
}

/// The longest that judging one check may take, were it alone.
fn looking(check: &Check) -> u64 {
    let samples = check.samples.as_ref();
    let count = u64::from(samples.map_or(1, |samples| samples.count.max(1)));
    let between = samples.map_or(Span::ZERO, |samples| samples.every);
    let one = check.timeout.0.saturating_add(GRACE.0).saturating_mul(count);
    let look = one.saturating_add(between.0.saturating_mul(count));
    let times = u64::from(check.consecutive.max(1));
    let again = check.every.0.saturating_add(look).saturating_mul(times);
    check.settle.0.saturating_add(check.within.unwrap_or(Span::ZERO).0).saturating_add(again)
}

#[cfg(test)]
mod tests {
    use super::super::itinerary::tests::phase;
    use super::*;

    #[test]
    fn a_phase_may_take_what_its_plan_allows_and_some_slack() {
        let empty = phase("a", &[]);
        let slack = Budget { forward: SLACK, back: SLACK };
        assert_eq!(budget(&Phase { apply: Vec::new(), validate: Vec::new(), ..empty.clone() }), slack);
        let longer = Phase { settle: Span(7), confirm: Some(Span(600)), ..empty.clone() };
        let (before, after) = (budget(&empty), budget(&longer));
        assert_eq!((after.forward.0 - before.forward.0, after.back), (607, before.back));
    }

    #[test]
    fn the_longest_times_that_can_be_stated_do_not_overflow() {
        let mut one = phase("a", &[]);
        (one.settle, one.confirm) = (Span(u64::MAX), Some(Span(u64::MAX)));
        assert_eq!(budget(&one).forward, Span(u64::MAX));
    }
}
