//! What the runner says in words, without `--json`, is as binding as what it says in facts.

use super::journal::{Fact, Journals};
use super::plan::PHASES;

/// The steps of the plan by the names that are printed.
const STEPS: [(&str, &str, &str, u64); 7] = [
    ("write", "files", "apply", 0),
    ("settings", "files", "apply", 1),
    ("copy", "steps", "apply", 0),
    ("move", "steps", "apply", 1),
    ("default", "steps", "commit", 0),
    ("size", "settings", "apply", 0),
    ("late", "settings", "apply", 1),
];

/// Every whole line that tells of a fact is in the newest journal of the phase that it is about.
pub(crate) fn are_recorded(printed: &str, journals: &Journals, complaints: &mut Vec<String>) {
    let complete = printed.rfind('\n').map_or("", |end| &printed[..end]);
    let mut phase = None;
    for line in complete.lines() {
        if let Some(heading) = line.strip_prefix("phase ") {
            phase = PHASES.into_iter().find(|phase| *phase == heading);
            continue;
        }
        let facts = phase.and_then(|phase| journals.newest(phase)).map_or(&[][..], |(_, facts)| facts);
        if let Some(wanted) = meant(line)
            && !facts.iter().any(|fact| wanted.is(fact))
        {
            complaints.push(format!("said and not recorded in phase {phase:?}: {}", line.trim()));
        }
    }
}

/// The fact that a line tells of.
enum Meant {
    Named(&'static str),
    Judged(&'static str),
    Ended(&'static str),
    Step(&'static str, &'static str, u64),
}

impl Meant {
    fn is(&self, fact: &Fact) -> bool {
        match self {
            Self::Named(name) => fact.name == *name,
            Self::Judged(moment) => fact.name == "moment-judged" && fact.word("moment") == Some(moment),
            Self::Ended(end) => fact.name == "phase-ended" && fact.word("end") == Some(end),
            Self::Step(name, part, step) => fact.is_step(name, part, *step),
        }
    }
}

fn meant(line: &str) -> Option<Meant> {
    let step = |fact: &'static str, rest: &str| {
        let name = rest.split(':').next()?;
        let (_, _, part, step) = STEPS.into_iter().find(|(known, ..)| *known == name)?;
        Some(Meant::Step(fact, part, step))
    };
    let begins = |head: &str| line.starts_with(head);
    if let Some(rest) = line.strip_prefix("  begins    step ") {
        return step("step-started", rest);
    }
    if let Some(rest) = line.strip_prefix("  done      step ") {
        return step("step-finished", rest);
    }
    let told = [
        ("  recorded  layer ", Meant::Named("layer-recorded")),
        ("  sealed    ", Meant::Named("capsule-sealed")),
        ("  guarded   ", Meant::Named("guard-armed")),
        ("  judged    baseline", Meant::Judged("baseline")),
        ("  judged    validate", Meant::Judged("validate")),
        ("  judged    reprobe", Meant::Judged("reprobe")),
        ("committed phase ", Meant::Named("phase-committed")),
        ("reverting phase ", Meant::Named("revert-began")),
        ("  ended     ", Meant::Named("children-ended")),
        ("  restored  layer ", Meant::Named("layer-restored")),
        ("rolled back phase ", Meant::Ended("reverted")),
        ("committed plan ", Meant::Named("run-finished")),
    ];
    told.into_iter().find(|(head, _)| begins(head)).map(|(_, meant)| meant)
}
