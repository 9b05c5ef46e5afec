//! What must hold after a kill, and after the recovery from it.

use super::journal::{self, Fact, Journals};
use super::plan::{EFFECTS, Effect, PHASES};
use super::tree;
use super::world::{Ran, World};
use serde_json::Value;
use std::fs;
use std::io;

/// How one recovers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// `switchback resume --unattended`
    Resume,
    /// `switchback rollback --yes`
    Rollback,
}

impl Recovery {
    /// The words that are typed.
    pub(crate) const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Resume => &["resume", "--unattended", "--json"],
            Self::Rollback => &["rollback", "--yes", "--json"],
        }
    }
}

/// What was there between the kill and the recovery.
#[derive(Debug)]
pub(crate) struct Wreck {
    journals: Journals,
}

/// Judges the machine as the kill left it.
///
/// # Errors
/// That it could not be read.
pub(crate) fn after_kill(world: &World, complaints: &mut Vec<String>) -> io::Result<Wreck> {
    // The machine first: a child that lives on may act, and its intent is older than its act.
    let contents: Vec<Option<String>> =
        EFFECTS.iter().map(|effect| fs::read_to_string(world.machine().join(effect.path)).ok()).collect();
    let journals = Journals::read(&world.state());
    let printed = fs::read_to_string(world.output())?;
    complaints.extend(journals.faults.iter().map(|fault| format!("after the kill: {fault}")));
    acknowledged_is_recorded(&printed, &journals, complaints);
    for (effect, content) in EFFECTS.iter().zip(&contents) {
        acts_follow_intents(effect, content.as_deref(), &journals, complaints);
    }
    for (number, facts) in &journals.generations {
        order_of_facts(*number, facts, complaints);
    }
    Ok(Wreck { journals })
}

/// Judges the machine as the recovery left it. Says how it ended, in a word.
///
/// # Errors
/// That it could not be read.
pub(crate) fn after_recovery(
    world: &World,
    wreck: &Wreck,
    recovery: Recovery,
    ran: &Ran,
    complaints: &mut Vec<String>,
) -> io::Result<&'static str> {
    let journals = Journals::read(&world.state());
    complaints.extend(journals.faults.iter().map(|fault| format!("after the recovery: {fault}")));
    acknowledged_is_recorded(&ran.output, &journals, complaints);
    nothing_rewritten(&wreck.journals, &journals, complaints);
    for (number, facts) in &journals.generations {
        order_of_facts(*number, facts, complaints);
    }

    let named = items(&ran.output);
    let taken = PHASES.iter().take_while(|phase| journals.end(phase) == Some("committed")).count();
    let found = tree::read(&world.machine())?;
    let wrong = tree::differences(&world.states[taken], &found);
    match ran.status {
        Some(13) if !named.is_empty() => {
            complaints.push(format!("inconsistent, though all had a way back: {named}"))
        }
        Some(13) => complaints.push("exit status 13 and no item is named".to_owned()),
        Some(_) | None if wrong.is_empty() => {}
        Some(_) | None => complaints.push(format!(
            "the journal says {taken} phases are committed, the machine says otherwise: {}",
            wrong.join("; ")
        )),
    }
    if recovery == Recovery::Resume {
        for phase in PHASES.iter().filter(|phase| committed_in(&wreck.journals, phase)) {
            if journals.end(phase) != Some("committed") && !going_back(&wreck.journals, phase) {
                complaints.push(format!("phase {phase} was committed before the kill and is not any more"));
            }
        }
    }
    exit_status(recovery, ran, wreck, &journals, complaints);
    status_agrees(world, &journals, complaints)?;
    Ok(match (ran.status, journals.generations.is_empty()) {
        (_, true) => "nothing had begun",
        (Some(0), false) => "committed, or nothing to do",
        (Some(10), false) => "refused",
        (Some(12), false) => "rolled back",
        (Some(13), false) => "inconsistent",
        (Some(_) | None, false) => "no name",
    })
}

/// What was printed as a fact is in a journal, at its place.
fn acknowledged_is_recorded(printed: &str, journals: &Journals, complaints: &mut Vec<String>) {
    for (generation, seq, name) in journal::acknowledged(printed) {
        let recorded = journals
            .generations
            .get(&generation)
            .and_then(|facts| facts.get(usize::try_from(seq).ok()?.checked_sub(1)?));
        if recorded.map(|fact| fact.name.as_str()) != Some(name.as_str()) {
            complaints.push(format!(
                "printed and not recorded: {name}, fact {seq} of generation {generation} (recorded there: {})",
                recorded.map_or("nothing", |fact| &fact.name)
            ));
        }
    }
}

/// No effect without its intent before it; no effect undone without the fact that the way back began.
fn acts_follow_intents(
    effect: &Effect,
    content: Option<&str>,
    journals: &Journals,
    complaints: &mut Vec<String>,
) {
    let facts = journals.newest(effect.phase).map_or(&[][..], |(_, facts)| facts);
    let has = |name: &str| facts.iter().any(|fact| fact.is_step(name, effect.part, effect.step));
    let Effect { phase, path, part, step, .. } = effect;
    if content != effect.before && !has("step-started") {
        complaints.push(format!("{path} was touched before {part} {step} of phase {phase} was recorded"));
    }
    let goes_back = journals.generations.values().flatten().any(|fact| fact.name == "revert-began");
    if has("step-finished") && !goes_back && content != effect.after {
        complaints
            .push(format!("{path} is not as {part} {step} of phase {phase} left it, and no way back began"));
    }
}

/// The order that bears the load, within one generation: save, seal, arm, intent, act, judge, commit.
fn order_of_facts(number: u32, facts: &[Fact], complaints: &mut Vec<String>) {
    let place = |wanted: &dyn Fn(&Fact) -> bool| facts.iter().position(wanted);
    let first = |name: &'static str| place(&|fact: &Fact| fact.name == name);
    let step = |part: &'static str| {
        place(&|fact: &Fact| fact.name == "step-started" && fact.word("part") == Some(part))
    };
    let validated =
        place(&|fact: &Fact| fact.name == "moment-judged" && fact.word("moment") == Some("validate"));
    let rules = [
        ("a step acts", step("apply"), "the capsule is sealed", first("capsule-sealed")),
        ("a step acts", step("apply"), "the guard is armed", first("guard-armed")),
        ("a commit step acts", step("commit"), "the checks were judged", validated),
        ("the phase is committed", first("phase-committed"), "the checks were judged", validated),
        ("an undo acts", first("undo-started"), "the children were ended", first("children-ended")),
        ("a layer is restored", first("layer-restored"), "the children were ended", first("children-ended")),
        ("the way back ends children", first("children-ended"), "it began", first("revert-began")),
    ];
    for (later, at, earlier, before) in rules {
        if at.is_some() && before.is_none_or(|before| Some(before) > at) {
            complaints.push(format!("generation {number}: {later} before {earlier}"));
        }
    }
}

fn nothing_rewritten(before: &Journals, after: &Journals, complaints: &mut Vec<String>) {
    for (number, facts) in &before.generations {
        if !after.generations.get(number).is_some_and(|now| now.starts_with(facts)) {
            complaints.push(format!("the recovery changed facts of generation {number}"));
        }
    }
}

fn committed_in(journals: &Journals, phase: &str) -> bool {
    journals.newest(phase).is_some_and(|(_, facts)| facts.iter().any(|fact| fact.name == "phase-committed"))
}

fn going_back(journals: &Journals, phase: &str) -> bool {
    let own = journals.newest(phase).map_or(&[][..], |(_, facts)| facts);
    own.iter().any(|fact| fact.name == "revert-began") || journals.end(phase) == Some("reverted")
}

/// The exit status says what the last fact says.
fn exit_status(
    recovery: Recovery,
    ran: &Ran,
    wreck: &Wreck,
    journals: &Journals,
    complaints: &mut Vec<String>,
) {
    let verdict = journals.last("run-finished").and_then(|fact| fact.word("verdict"));
    let stated = match verdict {
        Some("committed") => Some(0),
        Some("refused") => Some(10),
        Some("rolled-back") => Some(12),
        Some("inconsistent") => Some(13),
        Some(_) | None => None,
    };
    let was_over = wreck.journals.generations.is_empty()
        || wreck.journals.last("run-finished").is_some() && recovery == Recovery::Resume
        || wreck.journals.without_notes() == journals.without_notes();
    // Killed before the state folder was whole: what is not there cannot be opened, and that is said.
    let unknown = journals.generations.is_empty() && ran.output.contains("no state");
    let fits = ran.status.is_some() && (ran.status == stated || was_over && ran.status == Some(0)) || unknown;
    if !fits {
        complaints.push(format!(
            "{recovery:?} ended with {:?}, the journal says {}; it printed:\n{}",
            ran.status,
            verdict.unwrap_or("no verdict"),
            ran.output
        ));
    }
    let printed = journal::exit_printed(&ran.output);
    if printed.is_some() && printed != ran.status {
        complaints.push(format!("{recovery:?} printed exit {printed:?} and ended with {:?}", ran.status));
    }
    if !journals.generations.is_empty() && verdict.is_none() {
        complaints.push(format!("the run is left open after {recovery:?}; it printed:\n{}", ran.output));
    }
}

/// The items that the last line names.
fn items(output: &str) -> String {
    let last = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).next_back();
    let items = last.as_ref().and_then(|line| line.get("items")).and_then(Value::as_array);
    items.into_iter().flatten().map(Value::to_string).collect::<Vec<_>>().join(", ")
}

/// `status --json` says the same as the journal, and that nothing is damaged or held.
fn status_agrees(world: &World, journals: &Journals, complaints: &mut Vec<String>) -> io::Result<()> {
    if journals.generations.is_empty() {
        return Ok(());
    }
    let ran = world.run(&["status", "--json"])?;
    let Ok(status) = serde_json::from_str::<Value>(&ran.output) else {
        complaints.push(format!("status ended with {:?} and printed no JSON:\n{}", ran.status, ran.output));
        return Ok(());
    };
    let verdict = journals.last("run-finished").and_then(|fact| fact.word("verdict"));
    if status["current"]["verdict"].as_str() != verdict {
        complaints.push(format!("status says {}, the journal {verdict:?}", status["current"]["verdict"]));
    }
    for phase in status["phases"].as_array().into_iter().flatten() {
        let name = phase["phase"].as_str().unwrap_or_default();
        if phase["end"].as_str() != journals.end(name) {
            complaints.push(format!(
                "status says phase {name} ended {}, its journal {:?}",
                phase["end"],
                journals.end(name)
            ));
        }
    }
    if !status["holder"].is_null() || status["damage"].as_array().is_none_or(|damage| !damage.is_empty()) {
        complaints.push(format!("status says held or damaged: {} {}", status["holder"], status["damage"]));
    }
    Ok(())
}
