//! What a recovery claims, by its exit status and its last line, and what `status` claims: all of it must be what the
//! journals say.

use super::journal::{Closing, Journals};
use super::judge::{Recovery, Wreck};
use super::plan::PHASES;
use super::world::{Ran, World};
use serde_json::Value;
use std::io;

/// The exit status says what the facts say that the recovery itself recorded. It is 0 without a fact only where none was
/// called for.
pub(crate) fn exit_status(
    recovery: Recovery,
    ran: &Ran,
    closing: &Closing,
    wreck: &Wreck,
    journals: &Journals,
    complaints: &mut Vec<String>,
) {
    let verdict = journals.last("run-finished").and_then(|fact| fact.word("verdict"));
    let added = journals.beyond(&wreck.journals).unwrap_or_default();
    let acted = acted(wreck, journals);
    let due = if acted {
        let finished = added.iter().any(|fact| fact.name == "run-finished");
        match verdict {
            Some("committed") if finished => Some(0),
            Some("refused") if finished => Some(10),
            Some("rolled-back") if finished => Some(12),
            Some("inconsistent") if finished => Some(13),
            Some(_) | None => None,
        }
    } else {
        nothing_was_due(recovery, wreck).then_some(0)
    };
    if due.is_none() || ran.status != due {
        complaints.push(format!(
            "{recovery:?} ended with {:?} and added {} facts, the journal says {}; it printed:\n{}",
            ran.status,
            added.len(),
            verdict.unwrap_or("no verdict"),
            ran.output
        ));
    }
    // Several generations may have been taken back, each with a line of its own; the last one counts.
    if acted && (closing.exit != ran.status || closing.ended.as_deref() != verdict) {
        complaints.push(format!(
            "{recovery:?} printed that it {:?}, exit {:?}, and ended with {:?}, {verdict:?}",
            closing.ended, closing.exit, ran.status
        ));
    }
    let said_so = closing.ended.as_deref() == Some("nothing-done") && closing.exit == ran.status;
    if !acted && closing.ended.is_some() && !said_so {
        complaints.push(format!("{recovery:?} recorded nothing and printed that it {:?}", closing.ended));
    }
    for (number, facts) in &journals.generations {
        if !facts.iter().any(|fact| fact.name == "phase-ended") {
            complaints
                .push(format!("generation {number} is left open; {recovery:?} printed:\n{}", ran.output));
        }
    }
    if !journals.generations.is_empty() && verdict.is_none() {
        complaints.push(format!("the run is left open after {recovery:?}; it printed:\n{}", ran.output));
    }
}

/// Whether the recovery recorded more than that one generation was told of another: that is not an act, and what it
/// tells is compared with the machine.
pub(crate) fn acted(wreck: &Wreck, journals: &Journals) -> bool {
    let added = journals.beyond(&wreck.journals).unwrap_or_default();
    added.iter().any(|fact| fact.name != "earlier-taken-back")
}

/// Whether the recovery had nothing to do: nothing had begun, or no phase stands open and the run has its verdict. What
/// a finished run committed, a rollback has to take back.
fn nothing_was_due(recovery: Recovery, wreck: &Wreck) -> bool {
    let journals = &wreck.journals;
    let Some((_, newest)) = journals.generations.last_key_value() else { return true };
    let finished = newest.iter().rposition(|fact| fact.name == "run-finished");
    let reopened = newest.iter().rposition(|fact| fact.name == "revert-began" || fact.name == "run-resumed");
    let phase = newest.first().and_then(|fact| fact.word("phase")).unwrap_or_default();
    let in_effect = recovery == Recovery::Rollback && journals.end(phase) == Some("committed");
    // The way back of several generations may have been broken off in an older one.
    let half_back = journals.generations.values().any(|facts| {
        let last = |name| facts.iter().rposition(|fact| fact.name == name);
        last("revert-began") > last("run-finished")
    });
    finished.is_some() && finished > reopened && !in_effect && !half_back
}

/// `status --json` says the same as the journal, names every phase, and finds nothing damaged or held. Where nothing had
/// begun it knows of nothing.
pub(crate) fn status_agrees(
    world: &World,
    journals: &Journals,
    complaints: &mut Vec<String>,
) -> io::Result<()> {
    let ran = world.run(&["status", "--json"])?;
    let Ok(status) = serde_json::from_str::<Value>(&ran.output) else {
        complaints.push(format!("status ended with {:?} and printed no JSON:\n{}", ran.status, ran.output));
        return Ok(());
    };
    if !status["holder"].is_null() {
        complaints.push(format!("status says held: {}", status["holder"]));
    }
    if status["damage"].as_array().is_none_or(|damage| !damage.is_empty()) {
        complaints.push(format!("status says damaged: {}", status["damage"]));
    }
    let listed: Vec<&Value> = status["phases"].as_array().into_iter().flatten().collect();
    if journals.generations.is_empty() {
        if !status["current"].is_null() || !listed.is_empty() {
            complaints.push(format!("status knows a run, and none had begun: {}", status["current"]));
        }
        return Ok(());
    }
    let verdict = journals.last("run-finished").and_then(|fact| fact.word("verdict"));
    if status["current"]["verdict"].as_str() != verdict {
        complaints.push(format!("status says {}, the journal {verdict:?}", status["current"]["verdict"]));
    }
    for (place, phase) in PHASES.iter().enumerate() {
        let said = listed.get(place).map(|line| (line["phase"].as_str(), line["end"].as_str()));
        let due = (Some(*phase), journals.end(phase));
        if said != Some(due) {
            complaints.push(format!("status says {said:?} of phase {phase}, its journal {due:?}"));
        }
    }
    Ok(())
}
