//! How a plan stands on this machine, and what an earlier way back left neither old nor new. The journal of each
//! generation tells of its own phase; what a later one carried on is believed only where that one is gone.

use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::stage;
use crate::engine::{HeldPhase, RunState, Stage, Waits};
use crate::model::{Event, GenerationNumber, Item, Phase, PhaseEnd, PhaseHeader, PhaseId, PlanName};
use crate::store::{HistoryFilter, Journal, Removed, StateFolder};
use std::collections::BTreeSet;

/// How the phases of a plan stand.
#[derive(Default)]
pub(crate) struct Standing {
    pub(crate) done: Vec<(PhaseId, PhaseEnd)>,
    /// What the phases that are committed keep the next one waiting for.
    pub(crate) waits: Waits,
    /// What committed the phases that are committed, where that can still be read.
    pub(crate) by: Vec<CommittedBy>,
}

/// What committed a phase.
pub(crate) struct CommittedBy {
    pub(crate) generation: GenerationNumber,
    pub(crate) header: PhaseHeader,
    /// The phase as it was taken.
    pub(crate) taken: Option<Phase>,
}

const fn is_settled(end: PhaseEnd) -> bool {
    match end {
        PhaseEnd::Committed | PhaseEnd::NotApplicable => true,
        PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::Inconsistent | PhaseEnd::Resolved => false,
    }
}

/// How the phases of this plan stand. What the newest generation of the plan carries on as settled is looked up where
/// it was settled: a way back over several generations may have ended before it told the newest one.
///
/// # Errors
/// A generation of this plan, or one of which nobody knows the plan, that cannot be read.
pub(crate) fn standing(folder: &StateFolder, plan: &PlanName) -> Result<Standing, CliError> {
    let mut standing = Standing::default();
    let mut doubted: Option<Vec<PhaseId>> = None;
    let mut gone = folder.removed()?;
    gone.retain(|gone| gone.line.plan == *plan);
    for number in up_to_current(folder)? {
        if doubted.as_ref().is_some_and(Vec::is_empty) {
            break;
        }
        // What was removed says by its line how its phase stood; the newest of a plan is never removed.
        while let Some(newer) = gone.pop_if(|gone| gone.line.generation > number) {
            believe(&mut standing, doubted.as_mut(), &newer);
        }
        let Some(past) = of_plan(folder, number, plan)? else { continue };
        past.journal.sound(&past.capsule.journal_path())?;
        if standing.waits.held.is_none() {
            standing.waits.held = held_by(&past);
        }
        let doubted = doubted.get_or_insert_with(|| {
            standing.done = past.done().to_vec();
            standing.waits.soak_until = past.state.soak_until;
            let settled = past.done().iter().filter(|(_, end)| is_settled(*end));
            settled.map(|(phase, _)| phase.clone()).collect()
        });
        let (Stage::Ended(end), Some(header)) = (&past.state.stage, past.state.header.as_deref()) else {
            continue;
        };
        let stands = stands_by(&past.state, &header.phase);
        if settle(&mut standing, doubted, &header.phase, *end, stands) && *end == PhaseEnd::Committed {
            let taken = past.plan.phase(&header.phase).cloned();
            standing.by.push(CommittedBy { generation: number, header: header.clone(), taken });
        }
    }
    while let Some(oldest) = gone.pop() {
        believe(&mut standing, doubted.as_mut(), &oldest);
    }
    Ok(standing)
}

/// What holds the next phase of the plan, where this generation does.
pub(crate) fn held_by(past: &Past) -> Option<HeldPhase> {
    let (phase, held) = (past.state.phase()?.clone(), past.state.held.clone()?);
    Some(HeldPhase { phase, generation: past.number(), held })
}

/// The newest generation that holds the next phase of its plan. Of each plan only what was committed last can.
pub(crate) fn newest_held(folder: &StateFolder) -> Result<Option<Past>, CliError> {
    let mut seen = BTreeSet::new();
    for line in folder.history(&HistoryFilter::default())?.lines.into_iter().rev() {
        if line.end != Some(PhaseEnd::Committed) || !seen.insert(line.plan) {
            continue;
        }
        let past = Past::of(folder, line.generation)?;
        if past.state.held.is_some() {
            return Ok(Some(past));
        }
    }
    Ok(None)
}

fn believe(standing: &mut Standing, doubted: Option<&mut Vec<PhaseId>>, gone: &Removed) {
    if let (Some(doubted), Some(end)) = (doubted, gone.line.end) {
        settle(standing, doubted, &gone.line.phase, end, gone.stands);
    }
}

/// Takes in how a generation left its phase; false where a newer one said that already.
fn settle(
    standing: &mut Standing,
    doubted: &mut Vec<PhaseId>,
    phase: &PhaseId,
    end: PhaseEnd,
    stands: Option<PhaseEnd>,
) -> bool {
    if !doubted.contains(phase) {
        return false;
    }
    let stands = stands.unwrap_or(end);
    if let Some(entry) = standing.done.iter_mut().find(|(known, _)| known == phase) {
        entry.1 = stands;
    }
    // One that went back and says that the phase is settled has that from before it.
    if is_settled(end) || !is_settled(stands) {
        doubted.retain(|known| known != phase);
    }
    true
}

fn stands_by(state: &RunState, phase: &PhaseId) -> Option<PhaseEnd> {
    state.itinerary.done.iter().find(|(done, _)| done == phase).map(|(_, end)| *end)
}

/// The numbers up to the current one, newest first.
fn up_to_current(folder: &StateFolder) -> Result<Vec<GenerationNumber>, CliError> {
    let current = folder.current();
    let mut numbers = folder.generations()?;
    numbers.retain(|number| current.is_some_and(|current| *number <= current));
    numbers.reverse();
    Ok(numbers)
}

/// This generation, where it is one of this plan. Of another plan's only the first line is read.
fn of_plan(
    folder: &StateFolder,
    number: GenerationNumber,
    plan: &PlanName,
) -> Result<Option<Past>, CliError> {
    let journal = folder.capsule(number)?.journal_path();
    if let Ok(Some(first)) = Journal::read_first(&journal)
        && let Event::PhaseBegan(header) = &first.event
        && header.plan != *plan
    {
        return Ok(None);
    }
    let past = Past::begun(folder, number)?;
    Ok(past.filter(|past| past.state.header.as_ref().is_some_and(|header| header.plan == *plan)))
}

/// The newest generation of this plan.
pub(crate) fn newest_of(folder: &StateFolder, plan: &PlanName) -> Result<Option<GenerationNumber>, CliError> {
    for number in up_to_current(folder)? {
        let first = Journal::read_first(&folder.capsule(number)?.journal_path());
        if let Ok(Some(first)) = first
            && let Event::PhaseBegan(header) = &first.event
            && header.plan == *plan
        {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// What lies below the current generation and did not come back whole.
#[derive(Default)]
pub(crate) struct Unsettled {
    /// Generations on whose way back the runner was killed, and those whose way back failed, newest first.
    pub(crate) half: Vec<Past>,
    /// Generations that came back, newest first.
    pub(crate) back: Vec<Past>,
    /// Why others cannot be read.
    pub(crate) unreadable: Vec<(GenerationNumber, CliError)>,
}

/// A rollback over several generations goes newest first, so that only those above the newest that holds are looked
/// at: where the current one is committed, it is the only one.
pub(crate) fn unsettled(folder: &StateFolder, current: &Past) -> Result<Unsettled, CliError> {
    let mut found = Unsettled::default();
    if !may_hide_more(&current.state.stage) {
        return Ok(found);
    }
    for number in up_to_current(folder)?.into_iter().filter(|number| *number < current.number()) {
        let past = match Past::begun(folder, number) {
            Ok(Some(past)) => past,
            Ok(None) => continue,
            Err(why) => {
                found.unreadable.push((number, why));
                continue;
            }
        };
        match past.state.stage.end() {
            Some(PhaseEnd::Committed) => break,
            Some(PhaseEnd::Reverted | PhaseEnd::Resolved) => found.back.push(past),
            Some(PhaseEnd::NotApplicable | PhaseEnd::Refused) => {}
            None if past.state.stage == Stage::Idle => {}
            Some(PhaseEnd::Inconsistent) | None => found.half.push(past),
        }
    }
    Ok(found)
}

fn may_hide_more(stage: &Stage) -> bool {
    *stage != Stage::Ended(PhaseEnd::Committed)
}

impl Unsettled {
    /// Why nothing may go forward over this; `None` where nothing speaks against it.
    pub(crate) fn obstacle(&self) -> Option<CliError> {
        if let Some((_, why)) = self.unreadable.first() {
            return Some(why.clone());
        }
        if self.failed() {
            let error = CliError::new(Exit::Inconsistent, self.words()?).hint(stage::MEND);
            let items = self.items().into_iter();
            return Some(
                items.fold(error, |error, item| error.because(format!("{}: {}", item.name, item.why))),
            );
        }
        let error = CliError::new(Exit::Paused, self.words()?);
        Some(error.hint("`switchback resume` or `switchback rollback` finishes the way back"))
    }

    /// Whether a way back did not hold, and a person must mend something first.
    pub(crate) fn failed(&self) -> bool {
        self.half.iter().any(|past| past.state.stage == Stage::Ended(PhaseEnd::Inconsistent))
    }

    /// What is not whole, in words.
    pub(crate) fn words(&self) -> Option<String> {
        let first = self.half.first()?;
        let phase = first.state.phase().map(ToString::to_string).unwrap_or_default();
        let how = if first.state.stage == Stage::Ended(PhaseEnd::Inconsistent) {
            "did not hold"
        } else {
            "has not ended"
        };
        Some(format!("the way back of generation {} (phase `{phase}`) {how}", first.number()))
    }

    /// What is neither old nor new, by name.
    pub(crate) fn items(&self) -> Vec<Item> {
        let one = |past: &Past| {
            let number = past.number();
            let named =
                move |item: &Item| Item::new(format!("generation {number}: {}", item.name), item.why.clone());
            past.state.items.iter().map(named).collect::<Vec<Item>>()
        };
        self.half.iter().flat_map(one).collect()
    }
}
