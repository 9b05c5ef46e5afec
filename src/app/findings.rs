//! What is kept of a validation.

use crate::check;
use crate::model::{About, Check, CheckReport, Finding, Occasion, Plan, Validation};

/// What is kept of a report; with its numbers where the check is known.
pub(super) fn of_report(report: &CheckReport, check: Option<&Check>, about: &About<'_>) -> Finding {
    let values = match (check, &report.observed) {
        (Some(check), Some(seen)) => check::measures(check, seen),
        (Some(_) | None, Some(_) | None) => Vec::new(),
    };
    Finding::of(report, values, about)
}

/// What is kept of each result of a validation.
#[must_use]
pub fn findings_of(validation: &Validation, plan: &Plan, occasion: Occasion) -> Vec<Finding> {
    let of = validation.reports().map(|(phase, report)| {
        let known =
            plan.phase(phase).and_then(|phase| phase.validate.iter().find(|it| it.id == report.check));
        let about = About {
            at: validation.began,
            occasion,
            plan: &validation.plan,
            revision: validation.revision,
            phase,
            generation: None,
            tags: known.map_or(&[], |check| check.tags.as_slice()),
        };
        of_report(report, known, &about)
    });
    of.collect()
}
