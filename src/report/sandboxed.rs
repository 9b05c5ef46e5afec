//! What a rehearsal in a sandbox found: which steps went how, and what the way back leaves, by the act that made it.

use super::explain_json::FORMAT;
use super::line::{Line, Tone, render};
use super::style::Style;
use super::{summary, text};
use crate::model::{How, Maker, Part, PhaseEnd, PhaseTried, Plan, Residue, Sandboxed, StepTried, counted};
use serde_json::{Value, json};

/// So many paths of one act are named; how many more there are is said.
const NAMED: usize = 50;

/// In what way something differs, in a word.
const fn how(how: How) -> &'static str {
    match how {
        How::Created => "created",
        How::Removed => "removed",
        How::Kind => "of another kind",
        How::Bytes => "other bytes",
        How::Mode => "other mode",
        How::Owner => "other owner",
        How::Attributes => "other attributes",
    }
}

/// As text.
#[must_use]
pub fn sandboxed(plan: &Plan, found: &Sandboxed, style: &Style) -> String {
    let heading = format!("plan {} revision {}", plan.name, plan.revision);
    let mut lines =
        vec![Line::new(Tone::Heading, heading, "tried in a sandbox; the machine was not touched")];
    lines.extend(found.phases.iter().flat_map(|tried| phase(plan, tried)));
    lines.extend(found.not_tried.iter().map(|id| {
        Line::new(Tone::Caution, "not tried", "a phase before it did not go through").about(id.as_str())
    }));
    lines.push(Line::empty());
    lines.extend(residue(found));
    lines.extend(found.trouble.iter().map(|why| Line::new(Tone::Bad, "trouble", why)));
    lines.push(Line::new(Tone::Heading, "not looked at", ""));
    lines.extend(found.excluded.iter().map(|what| Line::plain(what).at(1)));
    if !found.left_out.is_empty() {
        lines.push(Line::new(Tone::Heading, "not as on the machine", ""));
        lines.extend(found.left_out.iter().map(|left| Line::plain(&left.why).about(&left.name).at(1)));
    }
    render(&lines, style)
}

fn phase(plan: &Plan, tried: &PhaseTried) -> Vec<Line> {
    let (tone, words) = match (tried.forward, tried.back) {
        (Some(PhaseEnd::Committed), Some(PhaseEnd::Reverted)) => (Tone::Good, "forward, and back"),
        (Some(PhaseEnd::Committed), Some(PhaseEnd::Inconsistent)) => {
            (Tone::Bad, "forward; the way back failed for named items")
        }
        (_, Some(PhaseEnd::Inconsistent)) => {
            (Tone::Bad, "it did not go through, and the way back failed for named items")
        }
        (_, Some(PhaseEnd::Reverted)) => (Tone::Caution, "it did not go through, and went back"),
        (_, Some(PhaseEnd::Refused)) => (Tone::Caution, "it could not be begun"),
        (Some(_) | None, _) => (Tone::Caution, "it stopped on its way"),
    };
    let mut lines = vec![Line::new(Tone::Heading, format!("phase {}", tried.phase), "")];
    let named = plan.phase(&tried.phase);
    for step in &tried.steps {
        let place = named.and_then(|phase| phase.steps(step.part).iter().position(|it| it.id == step.step));
        let name = text::step_name(named, step.part, place.unwrap_or_default());
        lines.extend(one_step(step, &name));
    }
    lines.push(Line::new(tone, "ended", words).at(1));
    lines.extend(tried.cause.iter().map(|why| Line::new(Tone::Caution, "because", text::cause(why)).at(1)));
    lines.extend(summary::items(&tried.items, 1));
    lines.extend(summary::left(&tried.left, 1));
    lines
}

fn one_step(step: &StepTried, name: &str) -> Vec<Line> {
    let (tone, word, words) = text::step_outcome(&step.outcome);
    let words = if step.by_person { "a person does it: taken for done".to_owned() } else { words };
    let mut lines = vec![Line::new(tone, word, words).about(name).at(1)];
    lines.extend(step.said.iter().map(|line| Line::plain(format!("| {line}")).at(2)));
    lines
}

fn residue(found: &Sandboxed) -> Vec<Line> {
    if found.residue.is_empty() {
        let restored = counted(found.restored, "path");
        let (tone, words) = if found.whole() {
            (Tone::Good, format!("comes back exactly: {restored} written to and as before"))
        } else {
            (Tone::Caution, format!("nothing is left, but not all of it was tried: {restored} as before"))
        };
        return vec![Line::new(tone, "residue", words)];
    }
    let count = counted(found.residue.len(), "path");
    let (tone, words) = if found.leaves() {
        (Tone::Bad, format!("{count} not as before after the way back"))
    } else {
        (Tone::Caution, format!("{count} left, as the plan says; all else comes back exactly"))
    };
    let mut lines = vec![Line::new(tone, "residue", words)];
    let mut makers: Vec<Option<&Maker>> = found.residue.iter().map(|it| it.by.as_ref()).collect();
    makers.sort_unstable();
    makers.dedup();
    for maker in makers {
        let of: Vec<&Residue> = found.residue.iter().filter(|it| it.by.as_ref() == maker).collect();
        let (name, words) = match maker {
            None => ("by nobody knows what".to_owned(), String::new()),
            Some(Maker { phase, act, by_design: None }) => {
                (format!("by {act} of phase {phase}"), String::new())
            }
            Some(Maker { phase, act, by_design: Some(reason) }) => {
                (format!("by {act} of phase {phase}"), format!("as the plan says: {reason}"))
            }
        };
        lines.push(Line::new(Tone::Heading, name, words).at(1));
        lines.extend(of.iter().take(NAMED).map(|it| {
            let ways: Vec<&str> = it.how.iter().map(|it| how(*it)).collect();
            Line::plain(format!("{} {}", it.what, ways.join(", "))).about(&it.path).at(2)
        }));
        if of.len() > NAMED {
            let more = format!("and {} more; `--json` names all of them", of.len() - NAMED);
            lines.push(Line::plain(more).at(2));
        }
    }
    lines
}

/// For programs; `exit` is the status that follows.
#[must_use]
pub fn sandboxed_json(plan: &Plan, found: &Sandboxed, exit: u8) -> Value {
    let list = |part: Part| text::part(part);
    let phases = found.phases.iter().map(|tried| {
        let steps = tried.steps.iter().map(|step| {
            let (_, word, _) = text::step_outcome(&step.outcome);
            json!({
                "list": list(step.part), "step": step.step, "ended": word, "outcome": step.outcome,
                "by_person": step.by_person, "said": step.said,
            })
        });
        json!({
            "phase": tried.phase,
            "steps": steps.collect::<Vec<_>>(),
            "because": tried.cause.as_ref().map(text::cause),
            "forward": tried.forward,
            "back": tried.back,
            "items": tried.items,
            "left": tried.left,
        })
    });
    json!({
        "format": FORMAT,
        "rehearsal": "sandbox",
        "plan": plan.name,
        "revision": plan.revision,
        "digest": plan.digest,
        "phases": phases.collect::<Vec<_>>(),
        "not_tried": found.not_tried,
        "residue": found.residue,
        "restored": found.restored,
        "exactly_back": found.residue.is_empty() && found.whole(),
        "left_out": found.left_out,
        "excluded": found.excluded,
        "trouble": found.trouble,
        "exit": exit,
    })
}
