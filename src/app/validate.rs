//! Judging without acting: the validation checks of phases, looked at now. Nothing is recorded in a capsule and nothing
//! is touched.

use super::acts::RunTime;
use super::filled::filled_check;
use super::questions;
use crate::check::{self, CheckWatch, LookCx};
use crate::model::{Check, CheckId, GenerationNumber, JudgedPhase, Observation, Phase, Timestamp};
use crate::system::clock;
use crate::system::host::Host;
use std::collections::BTreeMap;

/// A phase whose checks are looked at, and what is known of it.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The phase.
    pub phase: &'a Phase,
    /// The generation that was recorded before it, where it was taken here.
    pub generation: Option<GenerationNumber>,
    /// From when on what happened counts.
    pub since: Option<Timestamp>,
    /// What its checks saw before.
    pub baseline: BTreeMap<CheckId, Observation>,
}

/// Looks at the checks that carry one of the tags (all where none is asked for), each as often as it says.
pub fn judge_phase(
    subject: &Subject<'_>,
    tags: &[String],
    host: &Host,
    cores: usize,
    watch: &mut dyn CheckWatch,
) -> JudgedPhase {
    let chosen = chosen(&subject.phase.validate, tags);
    let (checks, unasked) = questions::put_aside(&chosen);
    let mut reports = look(subject, &checks, host, cores, watch);
    for (at, mut report) in unasked {
        report.reasons = vec!["only a person can see it; nobody is asked here".to_owned()];
        watch.judged(&report);
        reports.insert(at.min(reports.len()), report);
    }
    let measured = |report: &crate::model::CheckReport| {
        let check = subject.phase.validate.iter().find(|check| check.id == report.check)?;
        Some((report.check.clone(), check::measures(check, report.observed.as_ref()?)))
    };
    let measures = reports.iter().filter_map(measured).collect();
    JudgedPhase { phase: subject.phase.id.clone(), reports, measures }
}

/// What the checks see now, one look each: a baseline for later. What could not be measured is left out.
pub fn observe_phase(
    subject: &Subject<'_>,
    host: &Host,
    cores: usize,
    watch: &mut dyn CheckWatch,
) -> BTreeMap<CheckId, Observation> {
    let (checks, _) = questions::put_aside(&subject.phase.validate);
    let checks: Vec<Check> = checks.iter().map(Check::once).collect();
    let reports = look(subject, &checks, host, cores, watch);
    reports.into_iter().filter_map(|report| Some((report.check, report.observed?))).collect()
}

fn look(
    subject: &Subject<'_>,
    checks: &[Check],
    host: &Host,
    cores: usize,
    watch: &mut dyn CheckWatch,
) -> Vec<crate::model::CheckReport> {
    let values = RunTime {
        generation: subject.generation.map(|number| number.to_string()).unwrap_or_default(),
        phase_started: subject.since.map(|since| since.to_string()).unwrap_or_default(),
    };
    let checks: Vec<Check> = checks.iter().map(|check| filled_check(check, &values)).collect();
    let mut evidence = |_: &CheckId, _: &str, _: &[u8]| {};
    let mut cx = LookCx {
        host,
        today: clock::today(),
        phase_started: subject.since,
        baseline: &subject.baseline,
        cores,
        watch,
        evidence: &mut evidence,
    };
    check::look(&checks, &mut cx)
}

/// The checks with one of the tags; what one of them needs and was not chosen is not waited for.
fn chosen(checks: &[Check], tags: &[String]) -> Vec<Check> {
    let wanted = |check: &Check| tags.is_empty() || check.tags.iter().any(|tag| tags.contains(tag));
    let ids: Vec<&CheckId> = checks.iter().filter(|check| wanted(check)).map(|check| &check.id).collect();
    let alone = |check: &Check| {
        let mut check = check.clone();
        check.needs.retain(|need| ids.contains(&need));
        check
    };
    checks.iter().filter(|check| wanted(check)).map(alone).collect()
}
