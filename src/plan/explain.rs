//! What a plan will do, phase by phase, before it does it.

use super::Calendar;
use crate::model::{
    Act, ActExplanation, BackExplanation, Check, CheckExplanation, Explanation, FieldRule, LayerSpec, Look,
    Matcher, NixQuestion, Phase, PhaseExplanation, Plan, Probe, RunAs, Severity, Step, StepExplanation,
    StepUndo, Value,
};
use std::path::PathBuf;

/// Explains a plan. With a calendar it says when each phase is due.
#[must_use]
pub fn explain(plan: &Plan, calendar: Option<&Calendar>) -> Explanation {
    let phases: Vec<PhaseExplanation> =
        plan.phases.iter().map(|phase| phase_explained(phase, calendar)).collect();
    Explanation {
        name: plan.name.clone(),
        revision: plan.revision,
        title: plan.title.clone(),
        digest: plan.digest.clone(),
        needs_root: phases.iter().any(|phase| phase.needs_root),
        phases,
    }
}

fn phase_explained(phase: &Phase, calendar: Option<&Calendar>) -> PhaseExplanation {
    let steps = |steps: &[Step]| steps.iter().map(step_explained).collect::<Vec<_>>();
    let checks = |checks: &[Check]| checks.iter().map(check_explained).collect::<Vec<_>>();
    let root_steps = phase.apply.iter().chain(&phase.commit).chain(&phase.rollback).any(step_needs_root);
    let root_checks =
        phase.preflight.iter().chain(&phase.validate).chain(&phase.applies_if).any(check_needs_root);
    let due = calendar.zip(phase.week).and_then(|(calendar, week)| calendar.due(week, phase.days.as_deref()));
    PhaseExplanation {
        id: phase.id.clone(),
        title: phase.title.clone(),
        why: phase.why.clone(),
        risk: phase.risk,
        week: phase.week,
        days: phase.days.clone(),
        due: due.map(|(first, last)| (first.to_string(), last.to_string())),
        needs: phase.needs.clone(),
        needs_root: root_steps || root_checks || phase.layers.iter().any(layer_needs_root),
        applies_if: phase.applies_if.as_ref().map(check_explained),
        preflight: checks(&phase.preflight),
        recorded: phase.layers.iter().map(recorded).collect(),
        apply: steps(&phase.apply),
        settle: phase.settle,
        validate: checks(&phase.validate),
        confirm: phase.confirm,
        commit: steps(&phase.commit),
        kept: if phase.commit.is_empty() { phase.layers.iter().map(kept).collect() } else { Vec::new() },
        soak: phase.soak,
        on: phase.on,
        back: way_back(phase),
    }
}

/// Undo of every step newest first, layers in reverse, rollback steps, the baseline again.
fn way_back(phase: &Phase) -> Vec<BackExplanation> {
    let mut back: Vec<BackExplanation> =
        phase.commit.iter().rev().chain(phase.apply.iter().rev()).filter_map(undone).collect();
    back.extend(phase.layers.iter().rev().map(|layer| BackExplanation::Layer { how: restored(layer) }));
    back.extend(
        phase.rollback.iter().map(|step| BackExplanation::Rollback { step: Box::new(step_explained(step)) }),
    );
    if !phase.validate.is_empty() {
        let checks = phase.validate.iter().map(|check| check.id.clone()).collect();
        back.push(BackExplanation::ProbeAgain { checks });
    }
    back
}

fn undone(step: &Step) -> Option<BackExplanation> {
    match &step.undo {
        StepUndo::Act(act) => {
            Some(BackExplanation::Undo { step: step.id.clone(), act: act_explained(act), who: step.who })
        }
        StepUndo::None { reason } => {
            Some(BackExplanation::Stays { step: step.id.clone(), reason: reason.clone() })
        }
        StepUndo::Layer | StepUndo::NotNeeded => None,
    }
}

fn step_explained(step: &Step) -> StepExplanation {
    StepExplanation {
        id: step.id.clone(),
        title: step.title.clone(),
        act: act_explained(&step.act),
        who: step.who,
        needs_root: step_needs_root(step),
        timeout: step.timeout,
        undone: match &step.undo {
            StepUndo::Layer => "by the layers".to_owned(),
            StepUndo::Act(_) => "by its own undo".to_owned(),
            StepUndo::None { reason } => format!("never: {reason}"),
            StepUndo::NotNeeded => "nothing to undo".to_owned(),
        },
        when: step.when.as_deref().map(check_explained),
    }
}

fn step_needs_root(step: &Step) -> bool {
    step.who == RunAs::Root || step.when.as_deref().is_some_and(check_needs_root)
}

fn check_needs_root(check: &Check) -> bool {
    check.who == RunAs::Root || check.applies_if.as_deref().is_some_and(check_needs_root)
}

fn layer_needs_root(layer: &LayerSpec) -> bool {
    match layer {
        LayerSpec::Nixos { .. } => true,
        LayerSpec::HomeManager { .. }
        | LayerSpec::NixProfile { .. }
        | LayerSpec::Files { .. }
        | LayerSpec::Command { .. } => false,
    }
}

fn act_explained(act: &Act) -> ActExplanation {
    match act {
        Act::Run(command) => ActExplanation::Run {
            argv: command.argv.clone(),
            env: command.env.clone(),
            folder: command.folder.clone().unwrap_or_else(|| PathBuf::from("/")),
        },
        Act::Shell { text, env } => ActExplanation::Shell {
            argv: ["/bin/sh", "-eu", "-c", text].map(str::to_owned).to_vec(),
            env: env.clone(),
        },
        Act::Install { from, content, to, mode, owner } => ActExplanation::Install {
            from: from.clone(),
            to: to.clone(),
            mode: format!("{mode:04o}"),
            owner: owner.clone(),
            bytes: decoded_length(content),
        },
        Act::Set { file, format, settings } => {
            ActExplanation::Set { file: file.clone(), format: *format, settings: settings.clone() }
        }
        Act::Ask { text } => ActExplanation::Ask { text: text.clone() },
    }
}

/// How many bytes a text in base64 stands for.
fn decoded_length(base64: &str) -> usize {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding)
}

fn recorded(layer: &LayerSpec) -> String {
    match layer {
        LayerSpec::Nixos { profile, running } => format!(
            "nixos: the store paths of {} and {}, and what boots next",
            profile.display(),
            running.display()
        ),
        LayerSpec::HomeManager { user, profile } => format!(
            "home-manager: the store path of {}",
            profile.as_ref().map_or_else(
                || format!("the profile of {}", user.as_deref().unwrap_or("the invoking user")),
                |path| path.display().to_string()
            )
        ),
        LayerSpec::NixProfile { path, .. } => format!("nix-profile: the store path of {}", path.display()),
        LayerSpec::Files { paths } => format!("files: {}", paths.join(", ")),
        LayerSpec::Command { name, record, .. } => format!("{name}: what {} prints", shown(&record.argv)),
    }
}

fn restored(layer: &LayerSpec) -> String {
    match layer {
        LayerSpec::Nixos { .. } => {
            "nixos: the recorded system activates itself and becomes the profile again".to_owned()
        }
        LayerSpec::HomeManager { .. } => {
            "home-manager: the recorded generation activates itself and becomes the profile again".to_owned()
        }
        LayerSpec::NixProfile { path, activate } => match activate {
            Some(argv) => {
                format!("nix-profile: {} is set to the recorded path, then {}", path.display(), shown(argv))
            }
            None => format!("nix-profile: {} is set to the recorded path", path.display()),
        },
        LayerSpec::Files { paths } => {
            format!("files: bytes and metadata as recorded, what is new is removed: {}", paths.join(", "))
        }
        LayerSpec::Command { name, restore, verify, record } => {
            let verify = verify.as_ref().unwrap_or(record);
            format!(
                "{name}: {}, then {} must print what was recorded",
                shown(&restore.argv),
                shown(&verify.argv)
            )
        }
    }
}

fn kept(layer: &LayerSpec) -> String {
    match layer {
        LayerSpec::Nixos { profile, .. } => {
            format!("nixos: the running system becomes {} and boots next", profile.display())
        }
        LayerSpec::HomeManager { .. } => "home-manager: the profile stays as it is".to_owned(),
        LayerSpec::NixProfile { path, .. } => format!("nix-profile: {} stays as it is", path.display()),
        LayerSpec::Files { .. } => "files: they stay as they are".to_owned(),
        LayerSpec::Command { name, .. } => format!("{name}: stays as it is"),
    }
}

fn shown(argv: &[String]) -> String {
    format!("`{}`", argv.join(" "))
}

fn check_explained(check: &Check) -> CheckExplanation {
    CheckExplanation {
        id: check.id.clone(),
        title: check.title.clone(),
        looks_at: looks_at(&check.look),
        argv: match &check.look {
            Look::Probe(Probe::Run { command, .. }) | Look::Plugin(command) => Some(command.argv.clone()),
            Look::Probe(_) | Look::Scripts(_) | Look::Ask(_) => None,
        },
        who: check.who,
        needs_root: check_needs_root(check),
        expects: check.expect.iter().map(rule_in_words).collect(),
        severity: check.severity,
        mode: check.mode,
        waived: check
            .waiver
            .as_ref()
            .filter(|_| check.severity != Severity::Critical)
            .map(|waiver| format!("until {}: {}", waiver.until, waiver.reason)),
        hint: check.hint.clone(),
    }
}

fn looks_at(look: &Look) -> String {
    match look {
        Look::Probe(probe) => match probe {
            Probe::Run { command, .. } => format!("runs {}", shown(&command.argv)),
            Probe::File { path } => format!("the file {}", path.display()),
            Probe::Mount { path } => format!("the file system at {}", path.display()),
            Probe::Memory => "the memory of the machine".to_owned(),
            Probe::Process { name, pattern } => match (name, pattern) {
                (Some(name), Some(pattern)) => format!("processes `{name}` with `{pattern}`"),
                (Some(name), None) => format!("processes `{name}`"),
                (None, Some(pattern)) => format!("processes with `{pattern}`"),
                (None, None) => "processes".to_owned(),
            },
            Probe::Units { names, .. } if names.is_empty() => "all units".to_owned(),
            Probe::Units { names, .. } => format!("the units {}", names.join(", ")),
            Probe::Journal { .. } => "the journal".to_owned(),
            Probe::KernelParameter { name } => format!("the kernel parameter {name}"),
            Probe::Nix(NixQuestion::Profile(path)) => format!("the Nix profile {}", path.display()),
            Probe::Nix(NixQuestion::Path(path)) => format!("the store path {}", path.display()),
        },
        Look::Plugin(command) => format!("the plugin {}", shown(&command.argv)),
        Look::Scripts(folder) => format!("the scripts in {}", folder.display()),
        Look::Ask(text) => format!("asks: {text}"),
    }
}

fn rule_in_words(rule: &FieldRule) -> String {
    let all: Vec<String> = rule.matchers.iter().map(matcher_in_words).collect();
    format!("{} {}", rule.field, all.join(" and "))
}

fn groups(groups: &[Vec<Matcher>], between: &str) -> String {
    let groups: Vec<String> = groups
        .iter()
        .map(|group| group.iter().map(matcher_in_words).collect::<Vec<_>>().join(" and "))
        .collect();
    format!("({})", groups.join(between))
}

fn values(values: &[Value]) -> String {
    values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
}

fn matcher_in_words(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Equals(value) => format!("= {value}"),
        Matcher::Not(inner) => {
            format!("not ({})", inner.iter().map(matcher_in_words).collect::<Vec<_>>().join(" or "))
        }
        Matcher::AllOf(inner) => groups(inner, " and "),
        Matcher::AnyOf(inner) => groups(inner, " or "),
        Matcher::Lt(bound) => format!("< {bound}"),
        Matcher::Le(bound) => format!("<= {bound}"),
        Matcher::Gt(bound) => format!("> {bound}"),
        Matcher::Ge(bound) => format!(">= {bound}"),
        Matcher::Between(low, high) => format!("from {low} to {high}"),
        Matcher::Matches(pattern) => format!("matches /{pattern}/"),
        Matcher::Prefix(text) => format!("begins with `{text}`"),
        Matcher::Suffix(text) => format!("ends with `{text}`"),
        Matcher::Contains(value) => format!("contains {value}"),
        Matcher::ContainsAll(all) => format!("contains all of {}", values(all)),
        Matcher::Exactly(all) => format!("is exactly {}", values(all)),
        Matcher::Len(inner) => {
            format!("has a length {}", inner.iter().map(matcher_in_words).collect::<Vec<_>>().join(" and "))
        }
        Matcher::HasKey(key) => format!("has `{key}`"),
        Matcher::Version(constraint) => format!("is a version {constraint}"),
        Matcher::Exists(true) => "is there".to_owned(),
        Matcher::Exists(false) => "is not there".to_owned(),
        Matcher::Empty(true) => "is empty".to_owned(),
        Matcher::Empty(false) => "is not empty".to_owned(),
        Matcher::NoNew => "has nothing new".to_owned(),
        Matcher::NoneMissing => "lacks nothing that was there".to_owned(),
        Matcher::Unchanged => "is as before".to_owned(),
        Matcher::DeltaMax(bound) => format!("differs from before by at most {bound}"),
        Matcher::RatioMax(bound) => format!("is at most {bound} times what it was"),
    }
}
