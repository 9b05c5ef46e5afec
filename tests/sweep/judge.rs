//! What must hold after a kill, and after the recovery from it.

use super::journal::{self, Closing, Fact, Journals};
use super::plan::{EFFECTS, Effect, PHASES};
use super::points::Point;
use super::tree::{self, Tree};
use super::world::{Ran, World};
use super::{claims, words};
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
    /// Which of the two follows the kill at a point: half of the points each, and always the same.
    pub(crate) fn after(point: &Point) -> Self {
        let process: u64 = point.process.bytes().map(u64::from).sum();
        let sum = process + point.call + point.nth;
        if sum.count_ones().is_multiple_of(2) { Self::Resume } else { Self::Rollback }
    }

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
    pub(crate) journals: Journals,
}

/// Judges the machine as the kill left it.
///
/// # Errors
/// That it could not be read.
pub(crate) fn after_kill(world: &World, complaints: &mut Vec<String>) -> io::Result<Wreck> {
    // The machine first: a child that lives on may act, and its intent is older than its act.
    let contents: Vec<Option<String>> =
        EFFECTS.iter().map(|effect| fs::read_to_string(world.machine().join(effect.path)).ok()).collect();
    let found = tree::read(&world.machine())?;
    let journals = Journals::read(&world.state());
    let printed = fs::read_to_string(world.output())?;
    complaints.extend(journals.faults.iter().map(|fault| format!("after the kill: {fault}")));
    acknowledged_is_recorded(&printed, &journals, complaints);
    words::are_recorded(&printed, &journals, complaints);
    if let Err(number) = journals.beyond(&world.begun) {
        complaints.push(format!("the killed command changed facts of generation {number}"));
    }
    for (effect, content) in EFFECTS.iter().zip(&contents) {
        acts_follow_intents(effect, content.as_deref(), &journals, complaints);
    }
    nothing_else_is_touched(world, &found, complaints);
    for (number, facts) in &journals.generations {
        order_of_facts(*number, facts, complaints);
    }
    Ok(Wreck { journals })
}

/// Judges a run that nobody killed: it ends as every other one, and the machine is what its journal says.
///
/// # Errors
/// That it could not be read.
pub(crate) fn unharmed(
    world: &World,
    due: Option<i32>,
    status: Option<i32>,
    complaints: &mut Vec<String>,
) -> io::Result<()> {
    let journals = Journals::read(&world.state());
    complaints.extend(journals.faults.iter().map(|fault| format!("unharmed: {fault}")));
    if status != due {
        complaints.push(format!("an unharmed run ended with {status:?}, and the counted ones with {due:?}"));
    }
    machine_is_named(world, &journals, complaints)
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
    if let Err(number) = journals.beyond(&wreck.journals) {
        complaints.push(format!("the recovery changed facts of generation {number}"));
    }
    for (number, facts) in &journals.generations {
        order_of_facts(*number, facts, complaints);
    }
    let closing = journal::closing(&ran.output);
    machine_is_named(world, &journals, complaints)?;
    nothing_is_inconsistent(&journals, ran, &closing, complaints);
    if recovery == Recovery::Resume {
        committed_stays(&wreck.journals, &journals, complaints);
    }
    claims::exit_status(recovery, ran, &closing, wreck, &journals, complaints);
    claims::status_agrees(world, &journals, complaints)?;
    nothing_half_written(world, complaints)?;
    Ok(match (ran.status, journals.generations.is_empty()) {
        (_, true) => "nothing had begun",
        (Some(0), false) if journals == wreck.journals => "nothing to do",
        (Some(0), false) if !claims::acted(wreck, &journals) => {
            "nothing to do but to tell the newest generation"
        }
        (Some(0), false) => "committed",
        (Some(10), false) => "refused",
        (Some(12), false) => "rolled back",
        (Some(13), false) => "inconsistent",
        (Some(_) | None, false) => "no name",
    })
}

/// What was printed as a fact is in a journal, at its place, to the letter.
pub(crate) fn acknowledged_is_recorded(printed: &str, journals: &Journals, complaints: &mut Vec<String>) {
    for said in journal::acknowledged(printed) {
        let place = usize::try_from(said.seq).ok().and_then(|seq| seq.checked_sub(1));
        let facts = journals.generations.get(&said.generation);
        let recorded = facts.and_then(|facts| facts.get(place?));
        let (name, seq, generation) = (&said.fact.name, said.seq, said.generation);
        match recorded {
            // The moment of the record and the moment in which it is shown are two.
            Some(fact) if fact.name == *name && fact.of == said.fact.of => {}
            Some(fact) if fact.name == *name => complaints.push(format!(
                "printed other than recorded: {name}, fact {seq} of generation {generation}: {} became {}",
                fact.of, said.fact.of
            )),
            Some(_) | None => complaints.push(format!(
                "printed and not recorded: {name}, fact {seq} of generation {generation} (recorded there: {})",
                recorded.map_or("nothing", |fact| &fact.name)
            )),
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
    let goes_back = facts.iter().any(|fact| fact.name == "revert-began");
    // What was lost, or failed, goes back once a guard stands: until then nobody says that it was done.
    let done = |fact: &Fact| {
        fact.is_step("step-finished", effect.part, effect.step) && fact.word("outcome") == Some("done")
    };
    if facts.iter().any(done) && !goes_back && content != effect.after {
        complaints
            .push(format!("{path} is not as {part} {step} of phase {phase} left it, and no way back began"));
    }
}

/// What no step is about is as it was at all times, but for files that are being written beside their targets.
pub(crate) fn nothing_else_is_touched(world: &World, found: &Tree, complaints: &mut Vec<String>) {
    let ours = |name: &String| {
        EFFECTS.iter().any(|effect| effect.path == name)
            || is_temporary(name)
            || tree::TIMED.contains(&name.as_str())
    };
    let others = |tree: &Tree| {
        tree.iter().filter(|(name, _)| !ours(name)).map(|(a, b)| (a.clone(), b.clone())).collect()
    };
    let wrong = tree::differences(&others(&world.states[0]), &others(found));
    if !wrong.is_empty() {
        complaints.push(format!("touched, though no step is about it: {}", wrong.join("; ")));
    }
}

fn is_temporary(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|name| name.starts_with(".switchback-"))
}

/// The order that bears the load, within one generation: save, seal, arm, intent, act, judge, commit.
pub(crate) fn order_of_facts(number: u32, facts: &[Fact], complaints: &mut Vec<String>) {
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
        ("a phase is reverted", reverted(facts), "the way back began", first("revert-began")),
        ("the run is finished", first("run-finished"), "the phase ended", first("phase-ended")),
    ];
    for (later, at, earlier, before) in rules {
        if at.is_some() && before.is_none_or(|before| Some(before) > at) {
            complaints.push(format!("generation {number}: {later} before {earlier}"));
        }
    }
}

fn reverted(facts: &[Fact]) -> Option<usize> {
    facts.iter().position(|fact| fact.name == "phase-ended" && fact.word("end") == Some("reverted"))
}

/// The whole machine, byte for byte, is what it was with exactly those phases that the journals call committed; and
/// where they tell of nothing, it is what it was before.
pub(crate) fn machine_is_named(
    world: &World,
    journals: &Journals,
    complaints: &mut Vec<String>,
) -> io::Result<()> {
    let taken = PHASES.iter().take_while(|phase| journals.end(phase) == Some("committed")).count();
    if let Some(phase) = PHASES[taken..].iter().find(|phase| journals.end(phase) == Some("committed")) {
        complaints.push(format!("phase {phase} is committed, and one before it is not"));
    }
    let wrong = tree::differences(&world.states[taken], &tree::read(&world.machine())?);
    if !wrong.is_empty() {
        let named = if journals.generations.is_empty() {
            "nothing had begun".to_owned()
        } else {
            format!("the journal says {taken} phases are committed")
        };
        complaints.push(format!("{named}, the machine says otherwise: {}", wrong.join("; ")));
    }
    Ok(())
}

/// Everything in this plan has a way back.
fn nothing_is_inconsistent(journals: &Journals, ran: &Ran, closing: &Closing, complaints: &mut Vec<String>) {
    if ran.status == Some(13) && closing.items.is_empty() {
        complaints.push("exit status 13 and no item is named".to_owned());
    }
    let phase = PHASES.iter().find(|phase| journals.end(phase) == Some("inconsistent"));
    if phase.is_some() || !closing.items.is_empty() {
        let named = closing.items.join(", ");
        complaints.push(format!("inconsistent, though all had a way back: {}{named}", phase.unwrap_or(&"")));
    }
}

/// A resumed run keeps what was committed, unless its way back had begun already.
pub(crate) fn committed_stays(before: &Journals, after: &Journals, complaints: &mut Vec<String>) {
    for phase in PHASES {
        let own = before.newest(phase).map_or(&[][..], |(_, facts)| facts);
        let has = |name: &str| own.iter().any(|fact| fact.name == name);
        let going_back = has("revert-began") || before.end(phase) == Some("reverted");
        if has("phase-committed") && !going_back && after.end(phase) != Some("committed") {
            complaints.push(format!("phase {phase} was committed before the kill and is not any more"));
        }
    }
}

/// No file that was being written lies about in the state folder.
pub(crate) fn nothing_half_written(world: &World, complaints: &mut Vec<String>) -> io::Result<()> {
    let mut folders = vec![world.state()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if is_temporary(&entry.file_name().to_string_lossy()) {
                let folder = folder.strip_prefix(world.state()).unwrap_or(&folder).display();
                complaints.push(format!("a half-written file is left in the state folder, below `{folder}`"));
            }
        }
    }
    Ok(())
}
