//! What a plan will do, phase by phase: every argv as it will be executed, what is recorded, how each phase goes back.

use super::line::{Line, Tone, render};
use super::shell_words::shell_words;
use super::style::Style;
use super::{rules, text};
use crate::model::{
    Act, Changes, Check, CommandLine, LayerSpec, Part, Phase, Plan, Reaction, Reboot, SettingsFormat, Span,
    Step, StepUndo, counted,
};

/// The whole plan as text.
#[must_use]
pub fn explain(plan: &Plan, style: &Style) -> String {
    let mut lines = Vec::new();
    let title = plan.title.as_ref().map(|title| format!("- {title}")).unwrap_or_default();
    lines.push(Line::new(Tone::Heading, format!("plan {} revision {}", plan.name, plan.revision), title));
    let phases: Vec<&str> = plan.phases.iter().map(|phase| phase.id.as_str()).collect();
    lines.push(Line::plain(format!("digest {}", plan.digest.short())).at(1));
    lines.push(Line::plain(format!("{}: {}", counted(phases.len(), "phase"), phases.join(", "))).at(1));
    for (at, phase) in plan.phases.iter().enumerate() {
        lines.push(Line::empty());
        lines.extend(explain_phase(phase, at + 1, plan.phases.len()));
    }
    render(&lines, style)
}

fn section(name: &str, note: &str) -> Line {
    Line::new(Tone::Heading, name, note).at(1)
}

fn explain_phase(phase: &Phase, number: usize, of: usize) -> Vec<Line> {
    let title = phase.title.as_ref().map(|title| format!("- {title}")).unwrap_or_default();
    let mut lines = vec![Line::new(Tone::Heading, format!("phase {number} of {of}: {}", phase.id), title)];
    lines.extend(phase.why.iter().map(|why| Line::plain(format!("why: {why}")).at(1)));
    lines.push(Line::plain(circumstances(phase)).at(1));
    if let Some(check) = &phase.applies_if {
        lines.push(section("taken only where", ""));
        lines.extend(explain_check(check));
    }
    if !phase.preflight.is_empty() {
        lines.push(section("preflight", "(must hold before anything is recorded)"));
        lines.extend(phase.preflight.iter().flat_map(explain_check));
    }
    let recorded = if phase.layers.is_empty() { "(no layer)" } else { "" };
    lines.push(section("recorded before the first act", recorded));
    for layer in &phase.layers {
        lines.push(Line::plain(text::layer_spec(layer)).at(2));
        lines.extend(recording_commands(layer));
    }
    if !phase.validate.is_empty() {
        let note = "the validation checks are probed once, as the values to compare with";
        lines.push(Line::plain(note).at(2));
    }
    lines.extend(explain_steps(phase, Part::Apply, ""));
    if let Some(what) = reboot(phase.reboot) {
        lines.push(section("reboot", ""));
        lines.push(Line::plain(what).at(2));
    }
    if phase.settle > Span::ZERO {
        lines.push(section("settle", "").at(1));
        lines.push(Line::plain(format!("wait {} before judging", phase.settle)).at(2));
    }
    if !phase.validate.is_empty() {
        lines.push(section("validate", "(must hold afterwards)"));
        lines.extend(phase.validate.iter().flat_map(explain_check));
    }
    if let Some(window) = phase.confirm {
        lines.push(section("confirm", ""));
        lines.push(Line::plain(format!("somebody must say keep within {window}; silence reverts")).at(2));
        lines.push(Line::plain("unattended: `switchback confirm` at a login says keep").at(2));
    }
    if phase.commit.is_empty() {
        lines.push(section("commit", ""));
        let keep =
            if phase.layers.is_empty() { "nothing more to do" } else { "each layer keeps its new state" };
        lines.push(Line::plain(keep).at(2));
    } else {
        lines.extend(explain_steps(phase, Part::Commit, "(makes it permanent)"));
    }
    if let Some(soak) = &phase.soak {
        lines.push(section("soak", ""));
        lines.push(Line::plain(format!("{} before the next phase", soak.length)).at(2));
        let every = soak.every.map_or_else(|| "every hour".to_owned(), |every| format!("every {every}"));
        let looks =
            format!("judged {every} by the timer of `switchback schedule install`; without it by nobody");
        lines.push(Line::plain(looks).at(2));
        let fails = match phase.on.fail {
            Reaction::Rollback => "a look that fails takes it back",
            Reaction::Pause => "a look that fails holds the next phase until a person says so",
            Reaction::Continue => "a look that fails is told, and takes it back where the check is critical",
        };
        lines.push(Line::plain(fails).at(2));
    }
    lines.extend(way_back(phase));
    lines
}

fn circumstances(phase: &Phase) -> String {
    let mut parts = vec![format!("risk {}", text::risk(phase.risk))];
    match (phase.week, &phase.days) {
        (Some(week), Some(days)) => parts.push(format!("week {week}, days {days}")),
        (Some(week), None) => parts.push(format!("week {week}")),
        (None, Some(days)) => parts.push(format!("days {days}")),
        (None, None) => {}
    }
    if !phase.needs.is_empty() {
        let needs: Vec<&str> = phase.needs.iter().map(|id| id.as_str()).collect();
        parts.push(format!("needs {}", needs.join(", ")));
    }
    parts.join("; ")
}

fn explain_check(check: &Check) -> Vec<Line> {
    let mut what = rules::look(&check.look);
    if !check.expect.is_empty() {
        what.push_str(&format!(": {}", rules::expectation(check, &check.expect)));
    }
    let mut lines = vec![Line::plain(what).about(format!("check {}", check.id)).at(2)];
    lines.extend(check.title.iter().map(|title| Line::plain(title).at(3)));
    lines.extend(rules::terms(check).into_iter().map(|term| Line::plain(term).at(3)));
    lines
}

/// What is run to record a layer, where the plan says what.
fn recording_commands(layer: &LayerSpec) -> Vec<Line> {
    match layer {
        LayerSpec::Command { record, .. } => command(record, 3),
        LayerSpec::Nixos { .. }
        | LayerSpec::HomeManager { .. }
        | LayerSpec::NixProfile { .. }
        | LayerSpec::Files { .. } => Vec::new(),
    }
}

/// What is run to restore a layer. `RECORDED` stands for what is known only when the layer was recorded.
fn restoring_commands(layer: &LayerSpec) -> Vec<Line> {
    let run = |text: &str| vec![Line::plain(format!("$ {text}")).at(3)];
    match layer {
        LayerSpec::Command { restore, verify, record, .. } => {
            let mut lines = command(restore, 3);
            lines.push(Line::plain("then compares what this prints with what was recorded").at(3));
            lines.extend(command(verify.as_ref().unwrap_or(record), 3));
            lines
        }
        LayerSpec::Nixos { .. } => {
            let mut lines = run("RECORDED/bin/switch-to-configuration test");
            lines.push(
                Line::plain("`switch` instead of `test` where the running system was the boot default").at(4),
            );
            lines.extend(run("RECORDED/bin/switch-to-configuration boot"));
            lines
        }
        LayerSpec::HomeManager { .. } => run("RECORDED/activate"),
        LayerSpec::NixProfile { activate: Some(argv), .. } => run(&shell_words(argv)),
        LayerSpec::NixProfile { activate: None, .. } | LayerSpec::Files { .. } => Vec::new(),
    }
}

fn explain_steps(phase: &Phase, part: Part, note: &str) -> Vec<Line> {
    if phase.steps(part).is_empty() {
        return Vec::new();
    }
    let mut lines = vec![section(text::part(part), note)];
    for (at, step) in phase.steps(part).iter().enumerate() {
        lines.extend(explain_step(step, at + 1, part));
    }
    lines
}

fn explain_step(step: &Step, number: usize, part: Part) -> Vec<Line> {
    let title = step.title.as_ref().map(|title| format!(" - {title}")).unwrap_or_default();
    let mut lines = vec![Line::plain(format!("{number}. {}{title}", step.id)).at(2)];
    lines.extend(explain_act(&step.act, 3));
    if let Act::Reboot { .. } = step.act {
        return lines;
    }
    let mut terms = match step.act {
        // A person is no program: nobody is started, and nobody killed.
        Act::Ask { .. } => vec!["done by a person, who says so".to_owned()],
        Act::Run(_) | Act::Shell { .. } | Act::Install { .. } | Act::Set { .. } | Act::Reboot { .. } => {
            vec![text::run_as(step.who).to_owned(), format!("killed after {}", step.timeout)]
        }
    };
    if step.changes == Changes::Nothing {
        terms.push("changes nothing".to_owned());
    }
    if step.idempotent {
        terms.push("may run again after a crash".to_owned());
    }
    lines.push(Line::plain(terms.join(", ")).at(3));
    if let Some(when) = &step.when {
        let rule = rules::expectation(when, &when.expect);
        lines.push(Line::plain(format!("only where {}: {rule}", rules::look(&when.look))).at(3));
    }
    match (part, &step.undo) {
        (Part::Rollback, _) | (_, StepUndo::NotNeeded) => {}
        (Part::Apply | Part::Commit, StepUndo::Layer) => {
            lines.push(Line::plain("undone by a layer").at(3));
        }
        (Part::Apply | Part::Commit, StepUndo::None { reason }) => {
            lines.push(Line::plain(format!("cannot be undone: {reason}")).at(3));
        }
        (Part::Apply | Part::Commit, StepUndo::Act(act)) => {
            lines.push(Line::plain("undone by").at(3));
            lines.extend(explain_act(act, 4));
        }
    }
    lines
}

fn command(command: &CommandLine, depth: usize) -> Vec<Line> {
    let mut lines = vec![Line::plain(format!("$ {}", shell_words(&command.argv))).at(depth)];
    lines.extend(command.env.iter().map(|(key, value)| {
        let value = shell_words(std::slice::from_ref(value));
        Line::plain(format!("with {key}={value}")).at(depth + 1)
    }));
    lines.extend(
        command.folder.iter().map(|folder| Line::plain(format!("in {}", folder.display())).at(depth + 1)),
    );
    lines
}

/// What an act does, one line for each thing.
pub(super) fn explain_act(act: &Act, depth: usize) -> Vec<Line> {
    match act {
        Act::Run(of) => command(of, depth),
        Act::Shell { text, env } => {
            let mut lines = vec![Line::plain("$ /bin/sh -eu, given this text:").at(depth)];
            lines.extend(text.trim_end().lines().map(|line| Line::plain(format!("| {line}")).at(depth + 1)));
            lines.extend(env.iter().map(|(key, value)| {
                let value = shell_words(std::slice::from_ref(value));
                Line::plain(format!("with {key}={value}")).at(depth + 1)
            }));
            lines
        }
        Act::Install { from, content, to, mode, owner } => {
            let owner = owner.as_ref().map(|owner| format!(", owner {owner}")).unwrap_or_default();
            let size = text::bytes(decoded_length(content));
            let what =
                format!("install {} ({size} from {}), mode {mode:04o}{owner}", to.display(), from.display());
            vec![Line::plain(what).at(depth)]
        }
        Act::Set { file, format, settings } => {
            let format = match format {
                SettingsFormat::Ini => "INI",
                SettingsFormat::Json => "JSON",
                SettingsFormat::Toml => "TOML",
                SettingsFormat::Kde => "KDE",
            };
            let mut lines = vec![Line::plain(format!("set in {} ({format})", file.display())).at(depth)];
            lines.extend(settings.iter().map(|setting| {
                let path = setting.path.join(" / ");
                let what = if setting.value.is_null() {
                    format!("{path}: removed")
                } else {
                    format!("{path} = {}", setting.value)
                };
                Line::plain(what).at(depth + 1)
            }));
            lines
        }
        Act::Ask { text } => vec![Line::plain(format!("a person does: {text}")).at(depth)],
        Act::Reboot { why } => vec![Line::plain(format!("the machine reboots: {why}")).at(depth)],
    }
}

/// How many bytes a base64 text stands for.
fn decoded_length(base64: &str) -> u64 {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding) as u64
}

/// What a reboot in the middle of the phase means; what nobody planned takes it back, and is not told of.
const fn reboot(reboot: Reboot) -> Option<&'static str> {
    match reboot {
        Reboot::Never => None,
        Reboot::Expected => Some("one that happens before the commit does not take the phase back"),
        Reboot::Required => Some("the machine reboots, and the phase goes on in the next boot"),
    }
}

/// How the phase goes back, in the order in which it does.
fn way_back(phase: &Phase) -> Vec<Line> {
    let on = format!(
        "(on fail: {}; on inconclusive: {}; on error: {})",
        text::reaction(phase.on.fail),
        text::reaction(phase.on.inconclusive),
        text::reaction(phase.on.error)
    );
    let mut lines = vec![section("way back", &on)];
    let mut number = 0;
    let mut next = |text: String| {
        number += 1;
        Line::plain(format!("{number}. {text}")).at(2)
    };
    for part in [Part::Commit, Part::Apply] {
        for step in phase.steps(part).iter().rev() {
            match &step.undo {
                StepUndo::Act(act) => {
                    lines.push(next(format!("undo {} {}, if it was taken", text::part(part), step.id)));
                    lines.extend(explain_act(act, 3));
                }
                StepUndo::Layer | StepUndo::None { .. } | StepUndo::NotNeeded => {}
            }
        }
    }
    for layer in phase.layers.iter().rev() {
        lines.push(next(format!("restore {}, and read it back", text::layer_spec(layer))));
        lines.extend(restoring_commands(layer));
    }
    for step in &phase.rollback {
        lines.push(next(format!("rollback step {}", step.id)));
        lines.extend(explain_act(&step.act, 3));
    }
    if !phase.validate.is_empty() {
        let checks = counted(phase.validate.len(), "validation check");
        lines.push(next(format!("probe the {checks} again and compare with the baseline")));
    }
    if number == 0 {
        lines.push(Line::plain("nothing: the phase changes nothing").at(2));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_an_installed_file_is_that_of_its_bytes() {
        for (base64, size) in [("", 0), ("YQ==", 1), ("YWI=", 2), ("YWJj", 3), ("YWJjZA==", 4)] {
            assert_eq!(decoded_length(base64), size, "{base64}");
        }
    }
}
