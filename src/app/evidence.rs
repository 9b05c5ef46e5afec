//! Which of the pieces that were kept are about a trouble.

use crate::engine::checks_in;
use crate::model::{Cause, Moment, Part};
use crate::report;
use crate::store::Capsule;

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
    let rest = capsule.evidence_names().unwrap_or_default().len().saturating_sub(names.len());
    let read = |name: String| {
        let body = capsule.evidence_read(&name).unwrap_or_else(|why| why.to_string());
        (name, body)
    };
    let pieces: Vec<_> = names.into_iter().map(read).collect();
    report::evidence(&pieces, rest, &capsule.evidence_folder())
}

/// How the names of the pieces begin that are about it.
fn stems(cause: &Cause) -> Vec<String> {
    if let Cause::StepFailed { part, step, .. } = cause {
        return vec![format!("{}-{step}", part_word(*part))];
    }
    let moments = [Moment::Applies, Moment::Preflight, Moment::Validate];
    let of_check = |check| moments.map(|moment| format!("{}-{check}", moment_word(moment)));
    checks_in(cause).iter().flat_map(of_check).collect()
}
