//! What failed first, and apart from it what failed on the way back.

use super::explain_json::FORMAT;
use super::text;
use crate::model::{Act, StepOutcome, StepUndo};
use crate::model::{CheckLine, CommandLine, Look, Moment, Part, Phase, PhaseEnd, Probe, Showing, StepLine};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Both for programs: `first` is why the phase did not go on, `recovery` what its way back could not do.
#[must_use]
pub fn failures_json(showing: &Showing) -> Value {
    let back = |line: &&StepLine| matches!(line.part.as_str(), "undo" | "rollback");
    let ill = |line: &&StepLine| {
        line.outcome
            .as_ref()
            .is_some_and(|outcome| !matches!(outcome, StepOutcome::Done | StepOutcome::NotApplicable(_)))
    };
    let step = |line: &StepLine| json!({"list": line.part, "step": line.step, "outcome": line.outcome, "exit": line.exit, "said": line.said});
    let check = |line: &CheckLine| {
        let report = &line.report;
        json!({"check": report.check, "moment": line.moment, "outcome": report.outcome, "reasons": report.reasons})
    };
    let bad = |line: &&CheckLine| text::bad(line.report.outcome) && line.accepted.is_none();
    let steps = |back_only: bool| {
        let of = showing.steps.iter().filter(move |line| back(line) == back_only).filter(ill);
        of.map(step).collect::<Vec<_>>()
    };
    let checks = |after: bool| {
        let of = showing.checks.iter().filter(move |line| match line.moment {
            Moment::Reprobe => after,
            Moment::Applies | Moment::Preflight | Moment::Validate => !after,
            Moment::Baseline => false,
        });
        of.filter(bad).map(check).collect::<Vec<_>>()
    };
    json!({
        "format": FORMAT,
        "generation": showing.line.generation,
        "ended": showing.line.end,
        "first": {
            "because": showing.line.cause.as_ref().map(text::cause),
            "steps": steps(false),
            "checks": checks(false),
        },
        "recovery": {
            "held": match showing.line.end {
                Some(PhaseEnd::Reverted) => Some(true),
                Some(PhaseEnd::Inconsistent | PhaseEnd::Resolved) => Some(false),
                Some(PhaseEnd::Committed | PhaseEnd::NotApplicable | PhaseEnd::Refused) | None => None,
            },
            "items": showing.items,
            "left_by_design": showing.line.left,
            "steps": steps(true),
            "checks": checks(true),
        },
    })
}

/// The programs that the steps and checks of a phase name, each once.
#[must_use]
pub fn programs_of(phase: &Phase) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut add = |command: &CommandLine| found.extend(command.argv.first().cloned());
    for step in [Part::Apply, Part::Commit, Part::Rollback].into_iter().flat_map(|part| phase.steps(part)) {
        let undo = if let StepUndo::Act(act) = &step.undo { Some(act) } else { None };
        for act in std::iter::once(&step.act).chain(undo) {
            if let Act::Run(command) = act {
                add(command);
            }
        }
    }
    for check in phase.applies_if.iter().chain(&phase.preflight).chain(&phase.validate) {
        if let Look::Probe(Probe::Run { command, .. }) | Look::Plugin(command) = &check.look {
            add(command);
        }
    }
    found
}
