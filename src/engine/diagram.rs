//! The stages of a phase as a picture, from one table. The walk in `tests/engine/` holds the table against what the
//! engine does.

use super::state::{Back, Stage};
use crate::model::PhaseEnd;
use std::fmt::Write as _;

/// One way from a stage to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrow {
    /// The stage that is left.
    pub from: &'static str,
    /// The stage that is entered.
    pub to: &'static str,
    /// What leads there, in words; empty where the stage being over is all.
    pub when: &'static str,
}

const fn arrow(from: &'static str, to: &'static str, when: &'static str) -> Arrow {
    Arrow { from, to, when }
}

/// Forward, in order.
pub const FORWARD: [&str; 17] = [
    "applies",
    "preflight",
    "gate",
    "recording",
    "baseline",
    "sealing",
    "arming",
    "applying",
    "awaiting",
    "booted",
    "settling",
    "validating",
    "confirming",
    "committing",
    "keeping",
    "sealed",
    "disarming",
];

/// The way back, in order.
pub const BACK: [&str; 8] =
    ["children", "undoing", "restoring", "rollback", "reprobing", "rejecting", "lowering", "ending"];

/// Stages that are left out where the phase has nothing for them.
pub const SKIPPED: [&str; 16] = [
    "applies",
    "recording",
    "baseline",
    "applying",
    "awaiting",
    "booted",
    "settling",
    "confirming",
    "committing",
    "keeping",
    "undoing",
    "restoring",
    "rollback",
    "reprobing",
    "rejecting",
    "lowering",
];

/// Ways that do not follow the order.
pub const ASIDE: [Arrow; 19] = [
    arrow("booted", "applying", "the next step"),
    arrow("applies", "NotApplicable", "does not apply"),
    arrow("disarming", "Committed", ""),
    arrow("forward", "children", "something may have changed"),
    arrow("forward", "lowering", "nothing changed, the guard may stand"),
    arrow("forward", "ending", "nothing changed"),
    arrow("ending", "Refused", "nothing was touched"),
    arrow("ending", "Reverted", "all is as before, but for what cannot be undone by design"),
    arrow("ending", "Inconsistent", "something is not, by name"),
    arrow("Committed", "children", "a person asks for the way back"),
    arrow("Reverted", "children", "asked for again"),
    arrow("Inconsistent", "children", "asked for again"),
    arrow("back", "Inconsistent", "taken up too often"),
    arrow("back", "children", "begun anew along a damaged record"),
    arrow("Refused", "children", "taken back along a damaged record"),
    arrow("Inconsistent", "Resolved", "a person put it right by hand"),
    arrow("Resolved", "children", "asked for again"),
    arrow("forward", "applies", "taken up before anything was touched"),
    arrow("forward", "preflight", "taken up before anything was touched"),
];

/// A stage as the picture names it.
#[must_use]
pub const fn stage_name(stage: &Stage) -> &'static str {
    match stage {
        Stage::Idle => "idle",
        Stage::Applies => "applies",
        Stage::Preflight => "preflight",
        Stage::Gate => "gate",
        Stage::Recording(_) => "recording",
        Stage::Baseline => "baseline",
        Stage::Sealing => "sealing",
        Stage::Arming => "arming",
        Stage::Applying(_) => "applying",
        Stage::AwaitingReboot(_) => "awaiting",
        Stage::Booted(_) => "booted",
        Stage::Settling(_) => "settling",
        Stage::Validating => "validating",
        Stage::Confirming(_) => "confirming",
        Stage::Committing(_) => "committing",
        Stage::Keeping(_) => "keeping",
        Stage::Sealed => "sealed",
        Stage::Disarming => "disarming",
        Stage::Reverting(back) => match back {
            Back::Children => "children",
            Back::Undoing => "undoing",
            Back::Restoring(_) => "restoring",
            Back::Steps(_) => "rollback",
            Back::Reprobing => "reprobing",
            Back::Rejecting => "rejecting",
            Back::Disarming => "lowering",
            Back::Ending => "ending",
        },
        Stage::Ended(end) => match end {
            PhaseEnd::Committed => "Committed",
            PhaseEnd::NotApplicable => "NotApplicable",
            PhaseEnd::Refused => "Refused",
            PhaseEnd::Reverted => "Reverted",
            PhaseEnd::Inconsistent => "Inconsistent",
            PhaseEnd::Resolved => "Resolved",
        },
    }
}

/// The stages of a phase as Mermaid text.
#[must_use]
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> forward\n");
    for (name, stages) in [("forward", &FORWARD[..]), ("back", &BACK[..])] {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "    state {name} {{");
        for (from, to) in stages.iter().zip(stages.iter().skip(1)) {
            let _ = writeln!(text, "        {from} --> {to}");
        }
        text.push_str("    }\n");
    }
    for Arrow { from, to, when } in ASIDE {
        let words = if when.is_empty() { String::new() } else { format!(": {when}") };
        let _ = writeln!(text, "    {from} --> {to}{words}");
    }
    for end in ["Committed", "NotApplicable", "Refused", "Reverted", "Inconsistent", "Resolved"] {
        let _ = writeln!(text, "    {end} --> [*]");
    }
    text
}
