//! Phases, in the order in which every phase comes after what it needs.

use super::Lowering;
use crate::model::{
    Calendar, Check, Look, OnOutcome, Part, Phase, PhaseId, Probe, Risk, Soak, Span, days_of_week,
};
use crate::plan::calendar;
use crate::plan::diagnostic::Complaint;
use crate::plan::order::ordered;
use crate::plan::raw::{CalendarForm, PhaseForm};
use crate::plan::read::At;
use crate::plan::suggest::did_you_mean;
use crate::plan::tree::Place;
use std::collections::BTreeMap;

impl Lowering<'_> {
    pub(in crate::plan) fn phases(&mut self, written: &At<Vec<PhaseForm>>) -> Vec<Phase> {
        if written.value.is_empty() {
            self.error("no-phases", written.place, "the plan has no phase");
        }
        let mut seen: BTreeMap<String, Place> = BTreeMap::new();
        let mut phases = Vec::new();
        for form in &written.value {
            if let Some(first) = seen.insert(form.id.value.clone(), form.id.place) {
                self.complaints.push(
                    Complaint::error(
                        "duplicate-id",
                        form.id.place,
                        format!("two phases are called `{}`", form.id.value),
                    )
                    .also(first, "the first"),
                );
            }
            phases.extend(self.phase(form));
        }
        for need in written.value.iter().flat_map(|form| &form.needs) {
            if !seen.contains_key(&need.value) {
                self.error_with_help(
                    "unknown-phase",
                    need.place,
                    format!("there is no phase `{}`", need.value),
                    did_you_mean(&need.value, seen.keys().map(String::as_str)),
                );
            }
        }
        self.in_order(written, phases)
    }

    fn in_order(&mut self, written: &At<Vec<PhaseForm>>, phases: Vec<Phase>) -> Vec<Phase> {
        let edges: Vec<(String, Vec<String>)> = phases
            .iter()
            .map(|phase| (phase.id.to_string(), phase.needs.iter().map(ToString::to_string).collect()))
            .collect();
        match ordered(&edges) {
            Ok(order) => {
                let mut phases: Vec<Option<Phase>> = phases.into_iter().map(Some).collect();
                order.into_iter().filter_map(|at| phases.get_mut(at).and_then(Option::take)).collect()
            }
            Err(cycles) => {
                for cycle in cycles {
                    let [first, second, ..] = cycle.as_slice() else { continue };
                    let place = written
                        .value
                        .iter()
                        .filter(|form| form.id.value == *first)
                        .flat_map(|form| &form.needs)
                        .find(|need| need.value == *second)
                        .map_or(written.place, |need| need.place);
                    if first == second {
                        self.error("cycle", place, format!("the phase `{first}` needs itself"));
                        continue;
                    }
                    self.error_with_help(
                        "cycle",
                        place,
                        format!("phases need each other: {}", cycle.join(" -> ")),
                        "take one of these `needs` out",
                    );
                }
                phases
            }
        }
    }

    fn phase(&mut self, form: &PhaseForm) -> Option<Phase> {
        let id = PhaseId::new(form.id.value.clone());
        if let Err(why) = &id {
            self.error("bad-id", form.id.place, why.to_string());
        }
        // The rest of a phase with a bad name is looked at all the same.
        let id = id.or_else(|_| PhaseId::new("unnamed")).ok()?;
        if form.apply.is_empty() {
            self.error("no-apply", form.id.place, format!("the phase `{id}` applies nothing"));
        }
        if let Some(week) = form.week.as_ref().filter(|week| week.value.0 == 0) {
            self.error("wrong-value", week.place, "weeks count from 1");
        }
        if let Some(days) = form.days.as_ref().filter(|days| days_of_week(&days.value.0).is_none()) {
            self.error_with_help(
                "bad-days",
                days.place,
                format!("`{}` are no days of a week", days.value.0),
                "write `1-4`, or `5`",
            );
        }
        let layers = self.layers(&form.layers);
        let mut ids = BTreeMap::new();
        let default = OnOutcome::default();
        let on = form.on.as_ref().map_or(default, |on| OnOutcome {
            fail: on.fail.unwrap_or(default.fail),
            inconclusive: on.inconclusive.unwrap_or(default.inconclusive),
            error: on.error.unwrap_or(default.error),
        });
        Some(Phase {
            title: form.title.clone(),
            why: form.why.as_ref().map(|why| why.trim_end().to_owned()),
            week: form.week.as_ref().map(|week| week.value.0),
            days: form.days.as_ref().map(|days| days.value.0.clone()),
            risk: form.risk.unwrap_or(Risk::Medium),
            needs: form.needs.iter().filter_map(|need| PhaseId::new(need.value.clone()).ok()).collect(),
            preflight: self.checks("preflight", &form.preflight),
            apply: self.steps(Part::Apply, &form.apply, &layers, &mut ids),
            settle: self.span(form.settle.as_ref(), Span::ZERO),
            validate: self.validation(form),
            commit: self.steps(Part::Commit, &form.commit, &layers, &mut ids),
            rollback: self.steps(Part::Rollback, &form.rollback, &layers, &mut ids),
            soak: form.soak.as_ref().map(|soak| Soak {
                length: self.span(Some(&soak.length), Span::ZERO),
                every: soak.every.as_ref().map(|every| self.pause(Some(every), Span::seconds(3_600))),
            }),
            confirm: form.confirm.as_ref().map(|confirm| self.timeout(Some(&confirm.within), Span::ZERO)),
            reboot: form.reboot.unwrap_or_default(),
            on,
            applies_if: form.applies_if.as_ref().and_then(|node| self.lone_check("applies-if", node)),
            layers,
            id,
        })
    }

    /// What must hold afterwards, and what is to be gained: both need to know what was before.
    fn validation(&mut self, form: &PhaseForm) -> Vec<Check> {
        let mut validate = self.checks("validate", &form.validate);
        for (check, node) in self.checks("measure", &form.measure).into_iter().zip(&form.measure) {
            if !matches!(check.look, Look::Probe(Probe::Measure { .. })) {
                self.error_with_help(
                    "wrong-value",
                    node.place,
                    format!("`{}` under `measure` measures nothing", check.id),
                    "its probe is a `measure`; other checks stand under `validate`",
                );
            } else if validate.iter().any(|known| known.id == check.id) {
                self.error_with_help(
                    "duplicate-id",
                    node.place,
                    format!("`{}` is a check of `validate` as well", check.id),
                    "give one of them another `id`",
                );
            } else {
                validate.push(check);
            }
        }
        validate
    }

    pub(in crate::plan) fn calendar(&mut self, form: &CalendarForm) -> Option<Calendar> {
        let starts = calendar::date(&form.starts.value);
        if starts.is_none() {
            self.error_with_help(
                "bad-date",
                form.starts.place,
                format!("`{}` is no day", form.starts.value),
                "write `YYYY-MM-DD`",
            );
        }
        let days = form.days.as_ref().map_or(Some(calendar::EVERY_DAY.to_vec()), |days| {
            let known = calendar::weekdays(&days.value);
            if known.is_none() {
                self.error_with_help(
                    "bad-days",
                    days.place,
                    format!("`{}` are no days of the week", days.value),
                    "write `Mon..Fri`, or `Mon,Wed`",
                );
            }
            known
        });
        let mut holidays = Vec::new();
        for day in form.holidays.iter().flatten() {
            match calendar::date(&day.value) {
                Some(day) => holidays.push(day),
                None => self.error_with_help(
                    "bad-date",
                    day.place,
                    format!("`{}` is no day", day.value),
                    "write `YYYY-MM-DD`",
                ),
            }
        }
        Some(Calendar { starts: starts?, days: days?, holidays })
    }
}
