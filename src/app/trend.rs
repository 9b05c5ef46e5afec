//! A check over time, gathered: what the validations found is in the database, what the runs found in their journals.

use super::findings::of_report;
use crate::model::{
    About, CheckId, Envelope, Event, Finding, GenerationNumber, Mark, Moment, Occasion, PhaseEnd, PhaseId,
    PlanName, Sample, Timestamp, Trend, Turn,
};
use crate::store::{FindingFilter, HistoryFilter, StateFolder, StoreError};
use std::collections::BTreeSet;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrendAsked {
    /// Which check.
    pub check: CheckId,
    /// Of which plan; that of the newest result where none is named.
    pub plan: Option<PlanName>,
    /// Of which phase; that of the newest result where none is named.
    pub phase: Option<PhaseId>,
    /// Which field; the first that a rule of the check is about where none is named.
    pub field: Option<String>,
    /// From when on.
    pub since: Option<Timestamp>,
}

/// What there is.
#[derive(Debug, Clone, PartialEq)]
pub enum TrendFound {
    /// The trend.
    Trend(Trend),
    /// The check has no such field; these it has.
    NoField(Vec<String>),
    /// No result of such a check is known; these checks are known, and this could not be read.
    Nothing {
        /// Checks of which something is known.
        known: Vec<CheckId>,
        /// What could not be read, in words.
        missing: Vec<String>,
    },
}

/// Gathers a trend.
///
/// # Errors
/// [`StoreError`] where the generations cannot be listed. What cannot be read of them is named in the trend.
pub fn trend_of(folder: &StateFolder, asked: &TrendAsked) -> Result<TrendFound, StoreError> {
    let mut gathered = Gathered::default();
    gathered.read_validations(folder, asked);
    gathered.read_runs(folder, asked)?;
    Ok(gathered.trend(asked))
}

#[derive(Default)]
struct Gathered {
    findings: Vec<Finding>,
    marks: Vec<(PlanName, Mark)>,
    known: BTreeSet<CheckId>,
    missing: Vec<String>,
}

impl Gathered {
    fn read_validations(&mut self, folder: &StateFolder, asked: &TrendAsked) {
        let filter =
            FindingFilter { check: Some(asked.check.clone()), plan: asked.plan.clone(), since: asked.since };
        match folder.findings(&filter) {
            Ok(found) => self.findings.extend(found),
            Err(why) => {
                self.missing.push(format!("what validations found: {}", super::session::in_full(&why)))
            }
        }
        if self.findings.is_empty()
            && let Ok(all) = folder.findings(&FindingFilter::default())
        {
            self.known.extend(all.into_iter().map(|finding| finding.check));
        }
    }

    fn read_runs(&mut self, folder: &StateFolder, asked: &TrendAsked) -> Result<(), StoreError> {
        let filter = HistoryFilter { plan: asked.plan.clone(), ..HistoryFilter::default() };
        let history = folder.history(&filter)?;
        self.missing.extend(history.damage.iter().map(|item| format!("{}: {}", item.name, item.why)));
        for line in history.lines {
            if asked.since.is_none_or(|since| line.last >= since)
                && let Err(why) = self.read_run(folder, line.generation, asked)
            {
                self.missing.push(format!(
                    "generation {}: {}",
                    line.generation,
                    super::session::in_full(&why)
                ));
            }
        }
        Ok(())
    }

    fn read_run(
        &mut self,
        folder: &StateFolder,
        number: GenerationNumber,
        asked: &TrendAsked,
    ) -> Result<(), StoreError> {
        let capsule = folder.capsule(number)?;
        let journal = capsule.journal()?;
        let Some(Event::PhaseBegan(header)) = journal.envelopes.first().map(|first| &first.event) else {
            return Ok(());
        };
        let turns = turns(&journal.envelopes, &header.phase, number).into_iter();
        self.marks.extend(turns.map(|mark| (header.plan.clone(), mark)));
        let judged = journal.envelopes.iter().filter_map(|envelope| match &envelope.event {
            Event::CheckJudged { moment, report } => Some((envelope.at, *moment, report)),
            _ => None,
        });
        let judged: Vec<_> = judged.collect();
        self.known.extend(judged.iter().map(|(_, _, report)| report.check.clone()));
        if !judged.iter().any(|(_, _, report)| report.check == asked.check) {
            return Ok(());
        }
        let plan = capsule.plan_given(&journal)?;
        let phase = plan.phase(&header.phase);
        for (at, moment, report) in judged {
            if report.check != asked.check
                || moment == Moment::Applies
                || asked.since.is_some_and(|since| at < since)
            {
                continue;
            }
            let list = match moment {
                Moment::Preflight => phase.map(|phase| phase.preflight.as_slice()),
                Moment::Applies | Moment::Baseline | Moment::Validate | Moment::Reprobe => {
                    phase.map(|phase| phase.validate.as_slice())
                }
            };
            let check = list.unwrap_or_default().iter().find(|check| check.id == report.check);
            let about = About {
                at,
                occasion: Occasion::Run(moment),
                plan: &header.plan,
                revision: header.revision,
                phase: &header.phase,
                generation: Some(number),
                tags: check.map_or(&[], |check| check.tags.as_slice()),
            };
            self.findings.push(of_report(report, check, &about));
        }
        Ok(())
    }

    fn trend(mut self, asked: &TrendAsked) -> TrendFound {
        self.findings.sort_by_key(|finding| finding.at);
        let wanted = |finding: &&Finding| asked.phase.as_ref().is_none_or(|phase| *phase == finding.phase);
        let Some(newest) = self.findings.iter().rev().find(wanted) else {
            return TrendFound::Nothing { known: self.known.into_iter().collect(), missing: self.missing };
        };
        let (plan, phase) = (newest.plan.clone(), newest.phase.clone());
        let also: BTreeSet<PhaseId> = self
            .findings
            .iter()
            .filter(|finding| finding.plan == plan && finding.phase != phase)
            .map(|finding| finding.phase.clone())
            .collect();
        self.findings.retain(|finding| finding.plan == plan && finding.phase == phase);
        // A check of the same name may stand before the phase and after it: the one after it is the one that stays.
        let before = Occasion::Run(Moment::Preflight);
        if self.findings.iter().any(|finding| finding.occasion != before) {
            self.findings.retain(|finding| finding.occasion != before);
        }
        let ruled = |finding: &Finding| finding.values.iter().find(|measure| measure.ruled).cloned();
        let measures = || self.findings.iter().flat_map(|finding| &finding.values);
        let drawn = match &asked.field {
            Some(field) => match measures().find(|measure| measure.field == *field) {
                Some(measure) => Some(measure.clone()),
                None => {
                    let names: BTreeSet<String> = measures().map(|measure| measure.field.clone()).collect();
                    return TrendFound::NoField(names.into_iter().collect());
                }
            },
            None => self.findings.iter().rev().find_map(ruled),
        };
        let samples: Vec<Sample> =
            self.findings.iter().map(|finding| sample(finding, drawn.as_ref())).collect();
        // The turns before the first look tell nothing of it, but for the beginning of its own phase.
        let of_these: BTreeSet<GenerationNumber> =
            self.findings.iter().filter_map(|finding| finding.generation).collect();
        let first = samples.first().map(|sample| sample.at);
        let within = |mark: &Mark| {
            asked.since.is_none_or(|since| mark.at >= since)
                && (of_these.contains(&mark.generation) || first.is_some_and(|first| mark.at >= first))
        };
        let of_plan = self.marks.into_iter().filter(|(of, mark)| *of == plan && within(mark));
        let mut marks: Vec<Mark> = of_plan.map(|(_, mark)| mark).collect();
        marks.sort_by_key(|mark| (mark.at, mark.turn));
        TrendFound::Trend(Trend {
            plan,
            phase,
            check: asked.check.clone(),
            field: drawn.as_ref().map(|measure| measure.field.clone()),
            unit: drawn.and_then(|measure| measure.unit),
            samples,
            marks,
            also: also.into_iter().collect(),
            missing: self.missing,
        })
    }
}

fn sample(finding: &Finding, drawn: Option<&crate::model::Measure>) -> Sample {
    let value = drawn.and_then(|drawn| finding.values.iter().find(|measure| measure.field == drawn.field));
    let judged = finding.occasion != Occasion::Run(Moment::Baseline);
    Sample {
        at: finding.at,
        occasion: finding.occasion,
        outcome: judged.then_some(finding.outcome),
        value: value.map(|measure| measure.value),
    }
}

/// What became of the phase of a journal; nothing where it was refused before it changed anything.
fn turns(envelopes: &[Envelope], phase: &PhaseId, generation: GenerationNumber) -> Vec<Mark> {
    let mark = |at: Timestamp, turn: Turn| Mark { at, turn, phase: phase.clone(), generation };
    let acted = envelopes
        .iter()
        .any(|envelope| matches!(envelope.event, Event::StepStarted { .. } | Event::PhaseCommitted { .. }));
    let turned = envelopes.iter().filter_map(|envelope| match &envelope.event {
        Event::PhaseBegan(_) => Some(mark(envelope.at, Turn::Begun)),
        Event::PhaseCommitted { .. } => Some(mark(envelope.at, Turn::Committed)),
        Event::PhaseEnded { end: PhaseEnd::Reverted | PhaseEnd::Inconsistent, .. } => {
            Some(mark(envelope.at, Turn::Reverted))
        }
        _ => None,
    });
    if acted { turned.collect() } else { Vec::new() }
}
