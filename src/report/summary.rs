//! The end of a run, or its pause: the verdict, both failures apart (what failed; whether the way back held), and one
//! hint.

use super::line::{Line, Tone};
use super::scene::Scene;
use super::text::But;
use super::{refused, text};
use crate::model::{
    Cause, CheckId, GenerationNumber, Item, Moment, NOT_ON_PATH, Outcome, Plan, StepOutcome, Verdict, counted,
};

/// Named things that are neither old nor new.
#[must_use]
pub(super) fn items(items: &[Item], depth: usize) -> Vec<Line> {
    items
        .iter()
        .map(|item| Line::new(Tone::Bad, "item", item.why.clone()).about(&item.name).at(depth))
        .collect()
}

/// Checks of the validation that did not pass and were accepted: what is permanent is so all the same.
#[must_use]
pub(super) fn accepted(items: &[Item], depth: usize) -> Vec<Line> {
    let one =
        |item: &Item| Line::new(Tone::Caution, "accepted", item.why.clone()).about(&item.name).at(depth);
    items.iter().map(one).collect()
}

/// What acted and cannot be undone, as the plan says, with its reasons.
#[must_use]
pub(super) fn left(items: &[Item], depth: usize) -> Vec<Line> {
    if items.is_empty() {
        return Vec::new();
    }
    let one =
        |item: &Item| Line::new(Tone::Caution, "left", item.why.clone()).about(&item.name).at(depth + 1);
    let mut lines = vec![Line::plain("left by design").at(depth)];
    lines.extend(items.iter().map(one));
    lines
}

/// The causes, numbered; each failing check with the observed value and the rule.
#[must_use]
pub fn causes(scene: &Scene, cause: &Cause) -> Vec<String> {
    match cause {
        Cause::ChecksFailed(ids) => each(scene, ids, Cause::ChecksFailed),
        Cause::ChecksBroken(ids) => each(scene, ids, Cause::ChecksBroken),
        Cause::ChecksUndecided(ids) => each(scene, ids, Cause::ChecksUndecided),
        Cause::StepFailed { .. }
        | Cause::NotRecorded(_)
        | Cause::NotKept(_)
        | Cause::NotArmed(_)
        | Cause::JournalLost(_)
        | Cause::NotConfirmed
        | Cause::Declined
        | Cause::Interrupted
        | Cause::Asked
        | Cause::TooManyResumptions(_)
        | Cause::RunnerGone
        | Cause::DeadlinePassed
        | Cause::Rebooted
        | Cause::WrongBoot(_) => refused::reasons(cause),
    }
}

fn each(scene: &Scene, ids: &[CheckId], kind: fn(Vec<CheckId>) -> Cause) -> Vec<String> {
    let one = |id: &CheckId| {
        let words = text::cause(&kind(vec![id.clone()]));
        match scene.fault(id).map(|fault| text::findings(&fault.report)) {
            Some(why) if !why.is_empty() => format!("{words}: {why}"),
            Some(_) | None => words,
        }
    };
    ids.iter().map(one).collect()
}

fn numbered(causes: Vec<String>) -> impl Iterator<Item = Line> {
    causes.into_iter().enumerate().map(|(at, why)| Line::plain(format!("{}: {why}", at + 1)).at(1))
}

fn hint(text: impl Into<String>) -> Line {
    Line::plain(format!("hint: {}", text.into())).at(1)
}

fn show(generation: Option<GenerationNumber>) -> String {
    match generation {
        Some(number) => format!("see `switchback show {number}`"),
        None => "see `switchback history`".to_owned(),
    }
}

/// The same; before it what mends the plan, where that is known.
fn advice(scene: &Scene) -> String {
    let see = show(scene.generation());
    match &scene.reverting {
        Some(Cause::StepFailed { outcome: StepOutcome::NotStarted(why), .. })
            if why.ends_with(NOT_ON_PATH) =>
        {
            format!(
                "PATH is not that of a shell: the system's folders and those of the Nix profiles; write the program's \
                 whole path, or set `PATH` with `env`; {see}"
            )
        }
        Some(_) | None => see,
    }
}

fn place(scene: &Scene) -> String {
    match (scene.phase_id(), scene.generation()) {
        (Some(id), Some(number)) => format!("phase {id}, generation {number}"),
        (Some(_) | None, Some(_) | None) => "the run".to_owned(),
    }
}

/// A run that stopped and waits for a person.
#[must_use]
pub(super) fn paused(scene: &Scene) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Caution, "paused", "waits for a person").about(place(scene))];
    if let super::scene::Standing::Paused(cause) = scene.standing() {
        lines.extend(numbered(causes(scene, cause)));
    }
    lines.push(hint("`switchback resume` goes on, `switchback rollback` goes back"));
    lines
}

/// A run that is over.
#[must_use]
pub(super) fn finished(plan: &Plan, scene: &Scene, verdict: Verdict) -> Vec<Line> {
    let (tone, word, meaning) = text::verdict(verdict, But::of(&scene.left, &scene.all_accepted()));
    match verdict {
        Verdict::Committed => committed(plan, scene, tone, word),
        Verdict::Refused => {
            let mut lines = vec![Line::new(tone, word, meaning).about(place(scene))];
            lines.extend(scene.reverting.iter().flat_map(|cause| numbered(causes(scene, cause))));
            lines.push(hint(advice(scene)));
            lines
        }
        Verdict::Resolved => {
            let mut lines = vec![Line::new(tone, word, meaning).about(place(scene))];
            let told = scene.resolved.iter();
            lines.extend(told.map(|(reason, by)| Line::plain(format!("{by}: {reason}")).at(1)));
            lines.push(hint(show(scene.generation())));
            lines
        }
        Verdict::RolledBack | Verdict::Inconsistent => {
            let mut lines = vec![Line::new(tone, word, meaning).about(place(scene))];
            if let Some(cause) = &scene.reverting {
                lines.push(Line::plain(if cause.rejects() { "what failed" } else { "why" }).at(1));
                lines.extend(numbered(causes(scene, cause)).map(|line| line.at(2)));
            }
            lines.extend(way_back(scene, verdict));
            lines.push(hint(match verdict {
                Verdict::Inconsistent => {
                    format!(
                        "mend the cause, then `switchback rollback` once more, or put the items right by hand and say \
                         so with `switchback resolve`; {}",
                        show(scene.generation())
                    )
                }
                Verdict::Committed | Verdict::Refused | Verdict::RolledBack | Verdict::Resolved => advice(scene),
            }));
            lines
        }
    }
}

fn committed(plan: &Plan, scene: &Scene, tone: Tone, word: &'static str) -> Vec<Line> {
    let next = scene.header.as_ref().and_then(|header| header.queue.first());
    let names: Vec<&str> = scene.committed.iter().map(|id| id.as_str()).collect();
    let what = match names.as_slice() {
        [] => "nothing was to be done".to_owned(),
        [one] => format!("phase {one}"),
        several => format!("phases {}", several.join(", ")),
    };
    let last = scene.generation().map(|number| format!("; generation {number}")).unwrap_or_default();
    let mut lines = vec![Line::new(tone, word, format!("{what}{last}")).about(format!("plan {}", plan.name))];
    lines.extend(accepted(&scene.all_accepted(), 1));
    lines.push(match (next, scene.soak_until) {
        (Some(next), Some(until)) => hint(format!(
            "phase {next} is due after {}; `switchback status` tells what is due",
            text::when(until)
        )),
        (Some(next), None) => hint(format!("phase {next} is next; `switchback status` tells what is due")),
        (None, _) => hint("`switchback rollback --list` tells how far back the machine can go"),
    });
    lines
}

fn way_back(scene: &Scene, verdict: Verdict) -> Vec<Line> {
    let back = &scene.back;
    let mut done = Vec::new();
    let mut tell = |number: usize, noun: &str, what: &str| {
        if number > 0 {
            done.push(format!("{} {what}", counted(number, noun)));
        }
    };
    tell(back.undone, "step", "undone");
    tell(back.not_undone, "step", "not undone");
    tell(back.restored, "layer", "restored and read back");
    tell(back.not_restored, "layer", "not as recorded");
    tell(usize::try_from(back.changed).unwrap_or(usize::MAX), "thing", "changed back");
    tell(back.steps, "rollback step", "taken");
    tell(back.steps_failed, "rollback step", "failed");
    tell(back.probed, "check", "probed again");
    let held = match verdict {
        Verdict::Committed | Verdict::Refused | Verdict::RolledBack | Verdict::Resolved => {
            "the way back held".to_owned()
        }
        Verdict::Inconsistent => {
            format!("the way back did not hold: {} neither old nor new", counted(scene.items.len(), "item"))
        }
    };
    let mut lines = vec![Line::plain(held).at(1)];
    if !done.is_empty() {
        lines.push(Line::plain(done.join(", ")).at(2));
    }
    lines.extend(items(&scene.items, 2));
    lines.extend(left(&scene.left, 1));
    // Not good before, not good now: nobody's fault, but somebody should know.
    let still = scene.faults.iter().filter(|fault| {
        fault.moment == Moment::Reprobe && matches!(fault.report.outcome, Outcome::Fail | Outcome::Error)
    });
    let still = still
        .filter(|fault| !scene.items.iter().any(|item| item.name.ends_with(fault.report.check.as_str())));
    lines.extend(still.map(|fault| {
        let why = text::findings(&fault.report);
        Line::plain(format!("as before the phase, check `{}` does not pass: {why}", fault.report.check)).at(2)
    }));
    lines
}
