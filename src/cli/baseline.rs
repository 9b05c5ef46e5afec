//! `switchback baseline`: what the checks of a plan see now, kept by name, and compared with later.

use super::args::{Baseline as Args, BaselineVerb};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::out;
use super::validate::{Chosen, choose_phases, named_baseline, quiet_watch};
use crate::app::{Subject, observe_phase};
use crate::check::CheckWatch as _;
use crate::model::{BaselineLine, CheckId, Difference, Observation, PhaseId, Plan, counted};
use crate::report;
use crate::store::Baseline;
use crate::system::clock;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub(crate) fn baseline(context: &Context, args: &Args) -> Result<Exit, CliError> {
    match &args.verb {
        BaselineVerb::Record { plan, set, phase, name, pin, replace } => {
            record(context, plan.as_ref(), set, phase, name.as_deref(), (*pin, *replace))
        }
        BaselineVerb::Show { name } => show(context, name.as_deref()),
        BaselineVerb::Pin { name, off } => pin(context, name, !*off),
        BaselineVerb::Compare { name, plan, set } => compare(context, name.as_deref(), plan.as_ref(), set),
    }
}

/// What the checks of these phases see now.
fn seen(
    context: &Context,
    chosen: &Chosen,
) -> Result<BTreeMap<PhaseId, BTreeMap<CheckId, Observation>>, CliError> {
    let mut watch = quiet_watch(context)?;
    let phases = chosen.plan.phases.iter().filter(|phase| chosen.phases.contains(&phase.id));
    let mut seen = BTreeMap::new();
    for phase in phases {
        let subject = Subject { phase, generation: None, since: None, baseline: BTreeMap::new() };
        seen.insert(phase.id.clone(), observe_phase(&subject, &context.host, Context::cores(), &mut watch));
        if watch.interrupted() {
            return Err(CliError::new(Exit::Paused, "interrupted; nothing was kept"));
        }
    }
    Ok(seen)
}

/// The checks of these phases that saw nothing.
fn unseen(plan: &Plan, seen: &BTreeMap<PhaseId, BTreeMap<CheckId, Observation>>) -> Vec<String> {
    let mut names = Vec::new();
    for phase in plan.phases.iter().filter(|phase| seen.contains_key(&phase.id)) {
        let there = seen.get(&phase.id);
        let missing =
            phase.validate.iter().filter(|check| !there.is_some_and(|it| it.contains_key(&check.id)));
        names.extend(missing.map(|check| format!("{}/{}", phase.id, check.id)));
    }
    names
}

fn record(
    context: &Context,
    file: Option<&PathBuf>,
    set: &[String],
    named: &[String],
    name: Option<&str>,
    (pin, replace): (bool, bool),
) -> Result<Exit, CliError> {
    let now = clock::now();
    // To the second, and a file's name everywhere.
    let by_time = || now.to_string().chars().take(19).map(|c| if c == ':' { '-' } else { c }).collect();
    let name: String = name.map_or_else(by_time, str::to_owned);
    if !Baseline::is_name(&name) {
        return Err(CliError::usage(format!("`{name}` is no name for a baseline"))
            .hint("letters, digits, `-`, `_` and `.`, at most 64, not first a dot"));
    }
    let chosen = choose_phases(context, file, set, named)?;
    let (folder, _lock) = context.act("baseline record")?;
    if !replace && folder.baselines()?.named(&name).is_some() {
        return Err(CliError::usage(format!("there is a baseline `{name}` already"))
            .hint("give this one another name, or say `--replace`"));
    }
    let mut baseline =
        Baseline::new(name, chosen.plan.name.clone(), chosen.plan.revision, chosen.plan.digest.clone(), now);
    baseline.phases = seen(context, &chosen)?;
    baseline.pinned = pin;
    if baseline.phases.values().all(BTreeMap::is_empty) {
        return Err(CliError::new(Exit::Paused, "no check saw anything, so there is nothing to keep"));
    }
    folder.keep_baseline(&baseline)?;
    let missing = unseen(&chosen.plan, &baseline.phases);
    let count: usize = baseline.phases.values().map(BTreeMap::len).sum();
    if context.json {
        out::json(
            context,
            &json!({"name": baseline.name, "checks": count, "unseen": missing, "pinned": pin}),
        );
    } else {
        out::line(
            context,
            &format!(
                "Baseline {} of {}: {} recorded.",
                baseline.name,
                baseline.plan,
                counted(count, "check")
            ),
        );
        if !missing.is_empty() {
            out::line(context, &format!("Nothing was seen by {}.", missing.join(", ")));
        }
    }
    Ok(Exit::Done)
}

fn show(context: &Context, name: Option<&str>) -> Result<Exit, CliError> {
    let found = context.look_if_any()?.map(|folder| folder.baselines()).transpose()?.unwrap_or_default();
    if let Some(name) = name {
        let baseline = found.named(name).ok_or_else(|| {
            CliError::usage(format!("there is no baseline `{name}`"))
                .hint("`switchback baseline show` lists them")
        })?;
        if context.json {
            out::json(context, baseline);
        } else {
            for (phase, checks) in &baseline.phases {
                for (check, observed) in checks {
                    out::line(context, &format!("{phase}/{check}"));
                    out::put(&report::observation(observed, &context.out_style()));
                }
            }
        }
        return Ok(Exit::Done);
    }
    let line = |it: &Baseline| BaselineLine {
        name: it.name.clone(),
        plan: it.plan.clone(),
        revision: it.revision,
        at: it.at,
        pinned: it.pinned,
    };
    let lines: Vec<BaselineLine> = found.all.iter().map(line).collect();
    if context.json {
        out::json(context, &json!({"baselines": lines, "damage": found.damage}));
    } else {
        out::put(&report::baselines(&lines, &found.damage, &context.out_style()));
    }
    Ok(Exit::Done)
}

fn pin(context: &Context, name: &str, on: bool) -> Result<Exit, CliError> {
    let (folder, _lock) = context.act("baseline pin")?;
    let Some(mut baseline) = folder.baselines()?.named(name).cloned() else {
        return Err(CliError::usage(format!("there is no baseline `{name}`"))
            .hint("`switchback baseline show` lists them"));
    };
    baseline.pinned = on;
    folder.keep_baseline(&baseline)?;
    let words = if on {
        "is pinned: kept, and compared with by `switchback validate`"
    } else {
        "is no longer pinned"
    };
    if context.json {
        out::json(context, &json!({"name": name, "pinned": on}));
    } else {
        out::line(context, &format!("Baseline {name} {words}."));
    }
    Ok(Exit::Done)
}

fn compare(
    context: &Context,
    name: Option<&str>,
    file: Option<&PathBuf>,
    set: &[String],
) -> Result<Exit, CliError> {
    let folder = context.look_if_any()?;
    let chosen = choose_phases(context, file, set, &[]);
    let baseline = match (&chosen, name) {
        (Ok(chosen), _) => named_baseline(folder.as_ref(), &chosen.plan.name, name)?,
        (Err(why), _) => return Err(why.clone()),
    };
    let Some(baseline) = baseline else {
        return Err(
            CliError::usage("no baseline is pinned").hint("name one: `switchback baseline show` lists them")
        );
    };
    let chosen = chosen?;
    let now = seen(context, &chosen)?;
    let differences = differences(&baseline.phases, &now);
    if context.json {
        out::json(
            context,
            &json!({"baseline": baseline.name, "at": baseline.at, "differences": differences}),
        );
        return Ok(Exit::Done);
    }
    let style = context.out_style();
    out::put(&report::differences(&differences, &baseline.name, baseline.at, &style));
    Ok(Exit::Done)
}

type Seen = BTreeMap<PhaseId, BTreeMap<CheckId, Observation>>;

/// Field by field, unjudged. How long something took is no difference.
fn differences(before: &Seen, now: &Seen) -> Vec<Difference> {
    let mut found = Vec::new();
    for (phase, checks) in now {
        let nothing = BTreeMap::new();
        let earlier = before.get(phase).unwrap_or(&nothing);
        let ids: BTreeSet<&CheckId> = checks.keys().chain(earlier.keys()).collect();
        for check in ids {
            let fields = |seen: Option<&Observation>| seen.map(|seen| seen.0.clone()).unwrap_or_default();
            let (old, new) = (fields(earlier.get(check)), fields(checks.get(check)));
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for field in names.into_iter().filter(|field| !matches!(field.as_str(), "duration" | "cursor")) {
                if old.get(field) != new.get(field) {
                    found.push(Difference {
                        phase: phase.clone(),
                        check: check.clone(),
                        field: field.clone(),
                        before: old.get(field).cloned(),
                        now: new.get(field).cloned(),
                    });
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_differs_is_told_and_a_duration_is_not() {
        let of = |value: i32, duration: f64| -> Seen {
            let seen = Observation::new().with("value", value).with("duration", duration);
            let check = CheckId::new("c").expect("an id");
            BTreeMap::from([(PhaseId::new("p").expect("an id"), BTreeMap::from([(check, seen)]))])
        };
        assert_eq!(differences(&of(1, 0.1), &of(1, 0.2)), []);
        let found = differences(&of(1, 0.1), &of(2, 0.1));
        assert_eq!((found.len(), found[0].field.as_str()), (1, "value"));
    }
}
