//! Which week and day it is, which phase is due, and what the others wait for. Shown, never enforced but for soaks and
//! needs, which [`super::itinerary`] enforces.

use super::itinerary::{Waits, is_settled};
use crate::model::{PhaseEnd, PhaseId, PhaseTime, Plan, Timestamp, Timing, Today, days_of_week};
use chrono::NaiveDate;

/// Where today is in the plan's calendar, where it has one.
#[must_use]
pub fn today(plan: &Plan, date: NaiveDate) -> Option<Today> {
    plan.calendar.as_ref().map(|calendar| calendar.place(date))
}

/// When each phase is due, in the plan's order.
#[must_use]
pub fn timetable(
    plan: &Plan,
    done: &[(PhaseId, PhaseEnd)],
    waits: &Waits,
    now: Timestamp,
    date: NaiveDate,
) -> Vec<PhaseTime> {
    let settled = |id: &PhaseId| done.iter().any(|(phase, end)| phase == id && is_settled(*end));
    let next = plan.phases.iter().map(|phase| &phase.id).find(|id| !settled(id));
    let place = today(plan, date);
    let of = |phase: &crate::model::Phase| {
        let days = phase.days.as_deref().and_then(days_of_week);
        let calendar = plan.calendar.as_ref();
        let due = calendar.zip(phase.week).and_then(|(calendar, week)| calendar.due(week, days));
        let (first, last) = due.unzip();
        let needed = phase.needs.iter().find(|need| !settled(need));
        let before = needed.or(next.filter(|next| **next != phase.id));
        let timing = match (settled(&phase.id), before, &waits.held, waits.soak_until) {
            (true, _, _, _) => Timing::Settled,
            (false, Some(before), _, _) => Timing::After(before.clone()),
            (false, None, Some(by), _) => Timing::Held(by.phase.clone()),
            (false, None, None, Some(until)) if until > now => Timing::Soaks(until),
            (false, None, None, Some(_) | None) => match due {
                Some((first, _)) if date < first => Timing::Early,
                Some((_, last)) if date > last => Timing::Late(date.signed_duration_since(last).num_days()),
                Some(_) if place.is_some_and(|place| place.day.is_none()) => Timing::DayOff,
                Some(_) | None => Timing::Due,
            },
        };
        PhaseTime { first, last, timing }
    };
    plan.phases.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::super::itinerary::tests::{held, phase};
    use super::*;
    use crate::model::{Calendar, Digest, PlanName};

    fn plan() -> Plan {
        let mut phases = vec![phase("a", &[]), phase("b", &["a"]), phase("c", &[])];
        for (at, (week, days)) in [(1, Some("1-2")), (2, Some("1")), (2, None)].into_iter().enumerate() {
            (phases[at].week, phases[at].days) = (Some(week), days.map(str::to_owned));
        }
        let calendar = Calendar {
            starts: "2026-01-05".parse().expect("a Monday"),
            days: ["Mon", "Tue", "Wed", "Thu", "Fri"].map(|day| day.parse().expect("a day")).to_vec(),
            holidays: vec!["2026-01-13".parse().expect("a Tuesday")],
        };
        Plan {
            name: PlanName::new("p").expect("a valid name"),
            revision: 1,
            title: None,
            digest: Digest("0".repeat(64)),
            phases,
            calendar: Some(calendar),
        }
    }

    fn timings(done: &[(&str, PhaseEnd)], soak: Option<i64>, date: &str) -> Vec<Timing> {
        let id = |name: &str| PhaseId::new(name).expect("an id");
        let done: Vec<_> = done.iter().map(|(name, end)| (id(name), *end)).collect();
        let date = date.parse().expect("a day");
        let waits = Waits { soak_until: soak.map(Timestamp), held: None };
        let times = timetable(&plan(), &done, &waits, Timestamp(10), date);
        times.into_iter().map(|time| time.timing).collect()
    }

    #[test]
    fn one_phase_is_due_and_what_the_others_wait_for_is_said() {
        let after = |name: &str| Timing::After(PhaseId::new(name).expect("an id"));
        let a = ("a", PhaseEnd::Committed);
        let b = ("b", PhaseEnd::NotApplicable);
        let settled = || Timing::Settled;
        for (done, soak, date, expected) in [
            (&[][..], None, "2026-01-04", vec![Timing::Early, after("a"), after("a")]),
            (&[], None, "2026-01-05", vec![Timing::Due, after("a"), after("a")]),
            (&[("a", PhaseEnd::Reverted)], None, "2026-01-09", vec![Timing::Late(3), after("a"), after("a")]),
            (&[a], None, "2026-01-08", vec![settled(), Timing::Early, after("b")]),
            (&[a], Some(11), "2026-01-12", vec![settled(), Timing::Soaks(Timestamp(11)), after("b")]),
            (&[a], Some(10), "2026-01-12", vec![settled(), Timing::Due, after("b")]),
            (&[a, b], None, "2026-01-13", vec![settled(), settled(), Timing::DayOff]),
            (&[a, b], None, "2026-01-14", vec![settled(), settled(), Timing::Due]),
            (&[a, b], None, "2026-01-17", vec![settled(), settled(), Timing::Late(1)]),
        ] {
            assert_eq!(timings(done, soak, date), expected, "{done:?} {date}");
        }
    }

    #[test]
    fn a_phase_that_is_held_keeps_the_next_one_waiting_for_a_person_and_for_no_day() {
        let a = PhaseId::new("a").expect("an id");
        let done = [(a.clone(), PhaseEnd::Committed)];
        for until in [None, Some(Timestamp(11))] {
            let waits = Waits { soak_until: until, held: Some(held("a")) };
            let date = "2026-01-04".parse().expect("a day");
            let times = timetable(&plan(), &done, &waits, Timestamp(10), date);
            let timings: Vec<Timing> = times.into_iter().map(|time| time.timing).collect();
            let b = PhaseId::new("b").expect("an id");
            assert_eq!(timings, [Timing::Settled, Timing::Held(a.clone()), Timing::After(b)]);
        }
    }

    #[test]
    fn without_a_calendar_the_next_phase_is_due_on_every_day() {
        let plan = Plan { calendar: None, ..plan() };
        let times =
            timetable(&plan, &[], &Waits::default(), Timestamp(0), "2026-01-04".parse().expect("a day"));
        assert_eq!((times[0].timing.clone(), times[0].first), (Timing::Due, None));
        assert_eq!(today(&plan, "2026-01-04".parse().expect("a day")), None);
    }
}
