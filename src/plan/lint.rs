//! Legal but unwise.

use super::diagnostic::{Complaint, Complaints};
use super::raw::{PhaseForm, PlanForm, StepForm};
use super::read::At;
use crate::model::{Risk, RunAs};

/// Warns about what a careful person would ask the author.
pub(super) fn lint(plan: &PlanForm, complaints: &mut Complaints) {
    for phase in &plan.phases.value {
        lint_phase(phase, complaints);
        for step in phase.apply.iter().chain(&phase.commit).chain(&phase.rollback) {
            lint_step(step, complaints);
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
