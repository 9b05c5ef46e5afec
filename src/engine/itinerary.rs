//! Which phases a run takes, and what stands in the way of one.

use crate::model::{Guidance, PhaseEnd, PhaseId, Plan, RunId, Timestamp};

/// What a run has to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Itinerary {
    /// The run's name.
    pub run: RunId,
    /// Phases to take, in order.
    pub queue: Vec<PhaseId>,
    /// Phases that ended in earlier generations of this plan.
    pub done: Vec<(PhaseId, PhaseEnd)>,
    /// Whether somebody is asked.
    pub guidance: Guidance,
}

impl Default for Itinerary {
    fn default() -> Self {
        Self {
            run: RunId::new("none").expect("a fixed, valid name"),
            queue: Vec::new(),
            done: Vec::new(),
            guidance: Guidance::Unattended,
        }
    }
}

/// Which phases were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Only this one, even where it was committed before.
    pub only: Option<PhaseId>,
    /// From this one on.
    pub from: Option<PhaseId>,
    /// Up to and with this one.
    pub until: Option<PhaseId>,
}

/// Why a phase cannot be taken now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// No such phase.
    #[error("the plan has no phase `{0}`")]
    Unknown(PhaseId),
    /// `--from` comes after `--until`.
    #[error("phase `{from}` comes after phase `{until}`")]
    Backwards {
        /// The first asked for.
        from: PhaseId,
        /// The last asked for.
        until: PhaseId,
    },
    /// A phase that it needs is not committed.
    #[error("phase `{phase}` needs phase `{needs}`, which is not committed")]
    Needs {
        /// The phase.
        phase: PhaseId,
        /// What it needs.
        needs: PhaseId,
    },
    /// The phase before it soaks.
    #[error("phase `{phase}` may not begin before {until}: the phase before it soaks until then")]
    Soaks {
        /// The phase.
        phase: PhaseId,
        /// The end of the soak.
        until: Timestamp,
    },
}

const fn is_settled(end: PhaseEnd) -> bool {
    match end {
        PhaseEnd::Committed | PhaseEnd::NotApplicable => true,
        PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::Inconsistent => false,
    }
}

/// The phases to take, in order: those asked for that are not settled yet.
///
/// # Errors
/// The first [`Obstacle`] in the way of a phase that was asked for.
pub fn itinerary(
    plan: &Plan,
    done: &[(PhaseId, PhaseEnd)],
    soak_until: Option<Timestamp>,
    asked: &Selection,
    now: Timestamp,
) -> Result<Vec<PhaseId>, Obstacle> {
    let place = |id: &PhaseId| {
        plan.phases.iter().position(|phase| phase.id == *id).ok_or_else(|| Obstacle::Unknown(id.clone()))
    };
    let last = plan.phases.len().saturating_sub(1);
    let (first, last) = match (&asked.only, &asked.from, &asked.until) {
        (Some(only), _, _) => (place(only)?, place(only)?),
        (None, from, until) => (
            from.as_ref().map(place).transpose()?.unwrap_or(0),
            until.as_ref().map(place).transpose()?.unwrap_or(last),
        ),
    };
    if let (true, Some(from), Some(until)) = (first > last, &asked.from, &asked.until) {
        return Err(Obstacle::Backwards { from: from.clone(), until: until.clone() });
    }
    let settled = |id: &PhaseId| done.iter().any(|(phase, end)| phase == id && is_settled(*end));
    let chosen: Vec<&PhaseId> = plan
        .phases
        .iter()
        .enumerate()
        .filter(|(at, phase)| *at >= first && *at <= last && (asked.only.is_some() || !settled(&phase.id)))
        .map(|(_, phase)| &phase.id)
        .collect();
    for id in &chosen {
        for needs in plan.phase(id).map_or(&[][..], |phase| &phase.needs) {
            if !settled(needs) && !chosen.contains(&needs) {
                return Err(Obstacle::Needs { phase: (*id).clone(), needs: needs.clone() });
            }
        }
    }
    match (chosen.first(), soak_until) {
        (Some(phase), Some(until)) if until > now => Err(Obstacle::Soaks { phase: (*phase).clone(), until }),
        (Some(_) | None, Some(_) | None) => Ok(chosen.into_iter().cloned().collect()),
    }
}
