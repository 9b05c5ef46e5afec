//! What was kept of a trouble, for the person who decides: the end of what is named in it, and the names of the rest.

use crate::model::{Cause, Moment, Part, counted};
use crate::store::Capsule;
use std::fmt::Write as _;

/// So many lines of each piece: what matters stands at the end, and the question is to stay in sight.
const LINES: usize = 40;

/// The pieces of a moment's checks begin with this.
pub(super) const fn moment_word(moment: Moment) -> &'static str {
    match moment {
        Moment::Applies => "applies",
        Moment::Preflight => "preflight",
        Moment::Baseline => "baseline",
        Moment::Validate => "validate",
        Moment::Reprobe => "reprobe",
    }
}

/// The pieces of a list's steps begin with this.
pub(super) const fn part_word(part: Part) -> &'static str {
    match part {
        Part::Apply => "apply",
        Part::Commit => "commit",
        Part::Rollback => "rollback",
    }
}

/// What is shown of a trouble.
pub(super) fn of_trouble(capsule: &Capsule, cause: &Cause) -> String {
    let names: Vec<String> = stems(cause).iter().flat_map(|stem| capsule.evidence_of(stem)).collect();
    let mut text = String::new();
    for name in &names {
        let body = capsule.evidence_read(name).unwrap_or_else(|why| why.to_string());
        let lines: Vec<&str> = body.trim_end().lines().collect();
        let cut = lines.len().saturating_sub(LINES);
        let ends = lines.get(cut..).unwrap_or_default().join("\n");
        let title = if cut == 0 {
            name.clone()
        } else {
            format!("{name}, the last {LINES} of {}", counted(lines.len() as u64, "line"))
        };
        // Writing into a string cannot fail.
        let _ = write!(text, "== {title}\n{ends}\n");
    }
    if names.is_empty() {
        text.push_str("nothing that was printed is about it\n");
    }
    let rest = capsule.evidence_names().unwrap_or_default().len().saturating_sub(names.len());
    if rest > 0 {
        let folder = capsule.evidence_folder();
        let _ = writeln!(
            text,
            "== all that was kept: {} more in {}",
            counted(rest as u64, "file"),
            folder.display()
        );
    }
    text
}

/// How the names of the pieces begin that are about it.
fn stems(cause: &Cause) -> Vec<String> {
    match cause {
        Cause::StepFailed { part, step, .. } => vec![format!("{}-{step}", part_word(*part))],
        Cause::ChecksFailed(checks) | Cause::ChecksBroken(checks) | Cause::ChecksUndecided(checks) => checks
            .iter()
            .flat_map(|check| {
                let moments = [Moment::Applies, Moment::Preflight, Moment::Validate];
                moments.map(|moment| format!("{}-{check}", moment_word(moment)))
            })
            .collect(),
        Cause::NotRecorded(_)
        | Cause::NotKept(_)
        | Cause::NotArmed(_)
        | Cause::JournalLost(_)
        | Cause::NotConfirmed
        | Cause::Declined
        | Cause::Interrupted
        | Cause::Asked
        | Cause::TooManyResumptions(_)
        | Cause::RunnerGone
        | Cause::DeadlinePassed
        | Cause::Rebooted
        | Cause::WrongBoot(_) => Vec::new(),
    }
}
