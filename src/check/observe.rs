//! One look with one probe, unjudged.

use super::schedule::{LookCx, look};
use crate::model::{
    Check, CheckId, Direction, Look, Mode, Observation, Outcome, RunAs, Severity, Span, TreatAs,
};

/// Looks once, and gives what was seen, with long texts cut as they are kept.
///
/// # Errors
/// Why it could not look, the most important first, and what a person may do about it.
pub fn observe(
    look_at: Look,
    who: RunAs,
    timeout: Span,
    cx: &mut LookCx<'_>,
) -> Result<Observation, Vec<String>> {
    let once = Check {
        id: CheckId::new("probe").map_err(|why| vec![why.to_string()])?,
        title: None,
        look: look_at,
        expect: Vec::new(),
        tolerate: Vec::new(),
        fail_if: Vec::new(),
        severity: Severity::Info,
        mode: Mode::Shadow,
        waiver: None,
        on_no_data: TreatAs::Inconclusive,
        on_error: TreatAs::Error,
        applies_if: None,
        needs: Vec::new(),
        who,
        hint: None,
        tags: Vec::new(),
        timeout,
        settle: Span::ZERO,
        within: None,
        every: Span::seconds(1),
        consecutive: 1,
        samples: None,
        floor: None,
        direction: Direction::Lower,
    };
    let report = look(std::slice::from_ref(&once), cx).into_iter().next();
    match report {
        Some(report) if report.outcome == Outcome::Error => Err(report.reasons),
        Some(report) => report.observed.ok_or(report.reasons),
        None => Err(vec!["nothing was looked at".to_owned()]),
    }
}
