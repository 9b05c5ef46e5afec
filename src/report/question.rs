//! The words of questions. `app` hands them to the operator.

use super::line::{Line, Tone, render};
use super::scene::Scene;
use super::style::Style;
use super::{summary, text};
use crate::model::{Cause, Check, Held, Item, Phase, PhaseId, Plan, Span, Step, counted};
use unicode_width::UnicodeWidthStr;

/// A question in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Shown before the question: made safe, wrapped, each line ended.
    pub about: String,
    /// The question in a few words, on one line.
    pub ask: String,
}

/// So many steps are told before the question.
const STEPS: usize = 10;
/// So many columns a prompt needs beside its question.
const BESIDE: usize = 16;

/// Puts a question into the prompt where it fits, else before it.
fn asked(mut lines: Vec<Line>, question: &str, short: &str, style: &Style) -> Asked {
    let clean = style.clean(question).into_owned();
    let room = style.width().unwrap_or(80).saturating_sub(BESIDE);
    let ask = if clean.width() <= room {
        clean
    } else {
        lines.push(Line::plain(question));
        short.to_owned()
    };
    Asked { about: render(&lines, style), ask }
}

/// Whether a phase may begin. Its name, why and risk were shown when it was opened; this says what will be done.
#[must_use]
pub fn gate(phase: &Phase, style: &Style) -> Asked {
    let mut parts = Vec::new();
    let mut tell = |number: usize, noun: &str| {
        if number > 0 {
            parts.push(counted(number, noun));
        }
    };
    tell(phase.layers.len(), "layer");
    tell(phase.apply.len(), "step");
    tell(phase.validate.len(), "check");
    tell(phase.commit.len(), "commit step");
    let what = if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") };
    let mut lines =
        vec![Line::new(Tone::Plain, "ahead", format!("{what}; risk {}", text::risk(phase.risk))).at(1)];
    let steps = || phase.apply.iter().chain(&phase.commit);
    lines.extend(steps().take(STEPS).map(step_ahead));
    let more = steps().count().saturating_sub(STEPS);
    if more > 0 {
        let text = format!("and {}; `switchback explain` shows all", counted(more, "more step"));
        lines.push(Line::plain(text).at(2));
    }
    asked(lines, &format!("Begin phase {}?", phase.id), "Begin?", style)
}

/// What a step will do: a person says yes to the command, and not to its title alone.
fn step_ahead(step: &Step) -> Line {
    let title = step.title.as_ref().map(|title| format!(" {title}:")).unwrap_or_default();
    Line::plain(format!("{}:{title} {}", step.id, text::act_short(&step.act))).at(2)
}

/// What to do in trouble: the failing things with observed value and rule.
#[must_use]
pub fn trouble(scene: &Scene, cause: &Cause, style: &Style) -> String {
    let name = scene.phase_id().map(|id| format!("phase {id}")).unwrap_or_default();
    let mut lines = vec![Line::new(Tone::Bad, "trouble", "does not go on").about(name)];
    let causes = summary::causes(scene, cause).into_iter().enumerate();
    lines.extend(causes.map(|(at, why)| Line::plain(format!("{}: {why}", at + 1)).at(1)));
    render(&lines, style)
}

/// Whether to keep a phase that passed its checks. That silence reverts was said when the window was opened.
#[must_use]
pub fn confirm(phase: &Phase, window: Span, style: &Style) -> Asked {
    let about = if style.live() {
        String::new()
    } else {
        let rule = format!("the checks hold; keep it? Silence for {window} reverts");
        let line = Line::new(Tone::Caution, "confirm", rule).about(format!("phase {}", phase.id));
        render(&[line], style)
    };
    Asked { about, ask: "keep?".to_owned() }
}

/// Whether the machine may go down now.
#[must_use]
pub fn reboot(style: &Style) -> Asked {
    let rule = "the phase goes on when the machine is up again; what is not saved is lost";
    Asked {
        about: render(&[Line::new(Tone::Caution, "rebooting", rule)], style),
        ask: "Reboot now?".to_owned(),
    }
}

/// A step that a person does.
#[must_use]
pub fn ask_step(step: &Step, what: &str, style: &Style) -> Asked {
    let line = Line::new(Tone::Plain, "by hand", what).about(format!("step {}", step.id));
    Asked { about: render(&[line], style), ask: "Done?".to_owned() }
}

/// A check that a person makes.
#[must_use]
pub fn ask_check(check: &Check, what: &str, style: &Style) -> Asked {
    let line = Line::new(Tone::Plain, "look", what).about(format!("check {}", check.id));
    Asked { about: render(&[line], style), ask: "Yes?".to_owned() }
}

/// Whether a rollback that was shown before shall be made.
#[must_use]
pub fn rollback(style: &Style) -> Asked {
    asked(Vec::new(), "Roll back now?", "Roll back?", style)
}

/// Whether old generations shall be removed.
#[must_use]
pub fn prune(about: &str, style: &Style) -> Asked {
    asked(vec![Line::plain(about).at(1)], "Remove them?", "Remove?", style)
}

/// Whether a person put these things right by hand.
#[must_use]
pub fn resolve(items: &[Item], style: &Style) -> Asked {
    let lines =
        items.iter().map(|item| Line::new(Tone::Caution, "item", item.why.clone()).about(&item.name).at(1));
    asked(lines.collect(), "Were these put right by hand?", "Put right?", style)
}

/// Whether the plan shall go on, whatever was found of the phase while it soaked.
#[must_use]
pub fn release(phase: &PhaseId, held: &Held, style: &Style) -> Asked {
    let mut lines =
        vec![Line::new(Tone::Caution, "held", text::cause(&held.cause)).about(phase.as_str()).at(1)];
    let item = |item: &Item| Line::plain(item.why.clone()).about(&item.name).at(2);
    lines.extend(held.found.iter().map(item));
    asked(lines, "Shall the plan go on all the same?", "Go on?", style)
}

/// Whether a whole plan shall be taken, in one line.
#[must_use]
pub fn whole_plan(plan: &Plan, style: &Style) -> Asked {
    let phases = counted(plan.phases.len(), "phase");
    asked(
        Vec::new(),
        &format!("Run plan {} revision {} ({phases})?", plan.name, plan.revision),
        "Run it?",
        style,
    )
}
