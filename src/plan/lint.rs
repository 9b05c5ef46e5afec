//! Legal but unwise.

use super::calendar;
use super::diagnostic::{Complaint, Complaints};
use super::raw::{PhaseForm, PlanForm, StepForm};
use super::read::At;
use crate::model::{Risk, RunAs, days_of_week};

/// Warns about what a careful person would ask the author.
pub(super) fn lint(plan: &PlanForm, complaints: &mut Complaints) {
    for phase in &plan.phases.value {
        lint_phase(phase, complaints);
        lint_days(plan, phase, complaints);
        for step in phase.apply.iter().chain(&phase.commit).chain(&phase.rollback) {
            lint_step(step, complaints);
        }
        for ask in phase.apply.iter().chain(&phase.commit).filter_map(|step| step.value.ask.as_ref()) {
            complaints.push(
                Complaint::warning("ask", ask.place, "an unattended run refuses a step that a person does")
                    .help("put it into a phase of its own, which `--until` can leave out, or let a program do it"),
            );
        }
    }
}

fn lint_phase(phase: &PhaseForm, complaints: &mut Complaints) {
    let name = &phase.id.value;
    if phase.validate.is_empty() {
        complaints.push(
            Complaint::warning(
                "no-validate",
                phase.id.place,
                format!("the phase `{name}` is never validated"),
            )
            .help("add `validate:` with a check that fails where the change went wrong"),
        );
    }
    if let Some(confirm) = &phase.confirm {
        complaints.push(
            Complaint::warning(
                "confirm",
                confirm.within.place,
                format!(
                    "an unattended run takes the phase `{name}` back unless somebody confirms it at a login"
                ),
            )
            .help("`switchback confirm` says keep; leave `confirm` out where nobody will be there"),
        );
    }
    if phase.risk == Some(Risk::High) && phase.preflight.is_empty() {
        complaints.push(
            Complaint::warning(
                "no-preflight",
                phase.id.place,
                format!("the phase `{name}` has a high risk and no preflight"),
            )
            .help("add `preflight:`: free space, a way to boot without the change"),
        );
    }
}

/// Days that no week of the calendar has, and days of no week: such a phase is never due.
fn lint_days(plan: &PlanForm, phase: &PhaseForm, complaints: &mut Complaints) {
    let Some(days) = &phase.days else { return };
    if phase.week.is_none() {
        let what = format!("`days` of no week: when `{}` is due is not known", phase.id.value);
        complaints.push(Complaint::warning("days", days.place, what).help("add `week:`"));
        return;
    }
    let counted = plan.calendar.as_ref().and_then(|calendar| {
        calendar.days.as_ref().map_or(Some(calendar::EVERY_DAY.len()), |days| {
            calendar::weekdays(&days.value).map(|days| days.len())
        })
    });
    if let (Some(counted), Some((_, last))) = (counted, days_of_week(&days.value.0))
        && last > counted
    {
        let what = format!(
            "day {last}, and a week of the calendar counts {counted}: `{}` is never due",
            phase.id.value
        );
        let help = format!("write `1-{counted}`, or let more `days` of the calendar count");
        complaints.push(Complaint::warning("days", days.place, what).help(help));
    }
}

fn lint_step(step: &At<StepForm>, complaints: &mut Complaints) {
    let form = &step.value;
    if let Some(text) = &form.shell {
        complaints.push(
            Complaint::warning("shell", text.place, "a text for a shell")
                .help("`run` takes the program and its arguments as they are"),
        );
    }
    if let Some(undo) = form.undo.as_ref().filter(|undo| undo.value.0.none) {
        complaints.push(Complaint::warning("irreversible", undo.place, "a step that cannot be undone"));
    }
    if let (Some(who), None, None) = (&form.who, &form.timeout, &form.ask)
        && who.value == RunAs::Root
    {
        complaints.push(
            Complaint::warning("no-timeout", who.place, "a step of root without a `timeout`")
                .help("it is killed after 1h; say how long it may take"),
        );
    }
}
