//! Which phases a run takes, and what stands in the way of one.

use crate::model::{GenerationNumber, Guidance, Held, PhaseEnd, PhaseId, Plan, RunId, Timestamp};

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

/// What was taken before keeps the next phase waiting for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waits {
    /// The end of a soak.
    pub soak_until: Option<Timestamp>,
    /// A person.
    pub held: Option<HeldPhase>,
}

/// A phase that holds those after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPhase {
    /// Which.
    pub phase: PhaseId,
    /// The generation that committed it.
    pub generation: GenerationNumber,
    /// What was found of it.
    pub held: Held,
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
    /// What was found of the phase before it while it soaked is left to a person.
    #[error("phase `{phase}` may not begin: phase `{}` is held since {}", .by.phase, .by.held.since.in_words())]
    Held {
        /// The phase.
        phase: PhaseId,
        /// What holds it.
        by: Box<HeldPhase>,
    },
    /// The phase before it soaks.
    #[error("phase `{phase}` may not begin before {}: the phase before it soaks until then", .until.in_words())]
    Soaks {
        /// The phase.
        phase: PhaseId,
        /// The end of the soak.
        until: Timestamp,
    },
}

pub(super) const fn is_settled(end: PhaseEnd) -> bool {
    match end {
        PhaseEnd::Committed | PhaseEnd::NotApplicable => true,
        PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::Inconsistent | PhaseEnd::Resolved => false,
    }
}

/// The phases to take, in order: those asked for that are not settled yet.
///
/// # Errors
/// The first [`Obstacle`] in the way of a phase that was asked for.
pub fn itinerary(
    plan: &Plan,
    done: &[(PhaseId, PhaseEnd)],
    waits: &Waits,
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
    match (chosen.first(), &waits.held, waits.soak_until) {
        (Some(phase), Some(held), _) => {
            Err(Obstacle::Held { phase: (*phase).clone(), by: Box::new(held.clone()) })
        }
        (Some(phase), None, Some(until)) if until > now => {
            Err(Obstacle::Soaks { phase: (*phase).clone(), until })
        }
        (Some(_) | None, _, _) => Ok(chosen.into_iter().cloned().collect()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Cause, CheckId, Digest, Item, OnOutcome, Phase, PlanName, Reboot, Risk, Span};

    fn id(name: &str) -> PhaseId {
        PhaseId::new(name).expect("a valid name")
    }

    pub(in crate::engine) fn phase(name: &str, needs: &[&str]) -> Phase {
        Phase {
            id: id(name),
            title: None,
            why: None,
            week: None,
            days: None,
            risk: Risk::Low,
            needs: needs.iter().map(|name| id(name)).collect(),
            layers: Vec::new(),
            preflight: Vec::new(),
            apply: Vec::new(),
            settle: Span::ZERO,
            validate: Vec::new(),
            commit: Vec::new(),
            rollback: Vec::new(),
            soak: None,
            confirm: None,
            reboot: Reboot::default(),
            on: OnOutcome::default(),
            applies_if: None,
        }
    }

    fn asked(only: &str, from: &str, until: &str) -> Selection {
        let some = |name: &str| (!name.is_empty()).then(|| id(name));
        Selection { only: some(only), from: some(from), until: some(until) }
    }

    fn plan() -> Plan {
        Plan {
            name: PlanName::new("p").expect("a valid name"),
            revision: 1,
            title: None,
            digest: Digest("0".repeat(64)),
            phases: vec![phase("a", &[]), phase("b", &["a"]), phase("c", &[])],
            calendar: None,
        }
    }

    pub(in crate::engine) fn held(name: &str) -> HeldPhase {
        let cause = Cause::ChecksFailed(vec![CheckId::new("c").expect("a valid name")]);
        let held = Held { since: Timestamp(7), cause, found: vec![Item::new("c", "5 > 4")] };
        HeldPhase { phase: id(name), generation: GenerationNumber(1), held }
    }

    fn chosen(done: &[(&str, PhaseEnd)], asked: &Selection, soaks: i64) -> Result<Vec<String>, String> {
        let plan = plan();
        let done: Vec<_> = done.iter().map(|(name, end)| (id(name), *end)).collect();
        let waits = Waits { soak_until: (soaks > 0).then_some(Timestamp(soaks)), held: None };
        under(&plan, &done, &waits, asked)
    }

    fn under(
        plan: &Plan,
        done: &[(PhaseId, PhaseEnd)],
        waits: &Waits,
        asked: &Selection,
    ) -> Result<Vec<String>, String> {
        itinerary(plan, done, waits, asked, Timestamp(10))
            .map(|phases| phases.iter().map(ToString::to_string).collect())
            .map_err(|why| why.to_string())
    }

    fn ok(names: &[&str]) -> Result<Vec<String>, String> {
        Ok(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn what_is_not_settled_is_taken_in_order_within_what_was_asked_for() {
        let none = &[];
        assert_eq!(chosen(none, &asked("", "", ""), 0), ok(&["a", "b", "c"]));
        assert_eq!(chosen(none, &asked("", "", "b"), 0), ok(&["a", "b"]));
        assert_eq!(chosen(none, &asked("", "c", ""), 0), ok(&["c"]));
        assert_eq!(chosen(none, &asked("", "a", "a"), 0), ok(&["a"]));
        let done = [("a", PhaseEnd::Committed), ("b", PhaseEnd::Reverted), ("c", PhaseEnd::NotApplicable)];
        assert_eq!(chosen(&done, &asked("", "", ""), 0), ok(&["b"]));
        assert_eq!(chosen(&done, &asked("a", "", ""), 0), ok(&["a"]), "only: even where it is settled");
        let bad = [("a", PhaseEnd::Committed), ("b", PhaseEnd::Inconsistent), ("c", PhaseEnd::Refused)];
        assert_eq!(chosen(&bad, &asked("", "", ""), 0), ok(&["b", "c"]));
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let why = |text: &str| Err(text.to_owned());
        let none = &[];
        assert_eq!(chosen(none, &asked("x", "", ""), 0), why("the plan has no phase `x`"));
        assert_eq!(chosen(none, &asked("", "c", "a"), 0), why("phase `c` comes after phase `a`"));
        let needs = why("phase `b` needs phase `a`, which is not committed");
        assert_eq!(chosen(none, &asked("b", "", ""), 0), needs);
        assert_eq!(chosen(&[("a", PhaseEnd::Reverted)], &asked("", "b", ""), 0), needs);
        assert_eq!(chosen(&[("a", PhaseEnd::Committed)], &asked("b", "", ""), 0), ok(&["b"]));
        assert_eq!(
            chosen(none, &asked("", "", ""), 10),
            ok(&["a", "b", "c"]),
            "a soak ends with its last moment"
        );
        let soaks =
            "phase `a` may not begin before 1970-01-01 00:00:00 UTC: the phase before it soaks until then";
        assert_eq!(chosen(none, &asked("", "", ""), 11), why(soaks));
    }

    #[test]
    fn no_phase_begins_while_one_is_held_whenever_its_soak_is_over() {
        let done = [(id("a"), PhaseEnd::Committed)];
        let why = "phase `b` may not begin: phase `a` is held since 1970-01-01 00:00:00 UTC";
        for until in [None, Some(Timestamp(1)), Some(Timestamp(99))] {
            let waits = Waits { soak_until: until, held: Some(held("a")) };
            assert_eq!(under(&plan(), &done, &waits, &asked("", "", "")), Err(why.to_owned()), "{until:?}");
            assert!(
                under(&plan(), &done, &waits, &asked("a", "", "")).is_err(),
                "nor the phase itself again"
            );
            let all = ["a", "b", "c"].map(|name| (id(name), PhaseEnd::Committed));
            assert_eq!(under(&plan(), &all, &waits, &asked("", "", "")), ok(&[]), "nothing is left to hold");
        }
    }
}
