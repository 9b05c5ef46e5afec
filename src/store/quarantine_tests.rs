use super::*;
use crate::model::{Cause, GenerationNumber, Timestamp};
use crate::store::sample::{digest, phase_id, state};
use std::fs;

fn line(fill: char, phase: &str, revision: u32) -> QuarantineLine {
    QuarantineLine {
        plan: PlanName::new("tour").expect("an identifier"),
        revision,
        digest: digest(fill),
        phase: phase_id(phase),
        generation: GenerationNumber(3),
        cause: Cause::NotKept("a \"quoted\"\nline".to_owned()),
        at: Timestamp(1_795_365_118_042),
    }
}

#[test]
fn what_was_rejected_is_found_by_digest_or_by_revision_until_it_is_lifted() {
    let at = tempfile::tempdir().expect("a folder");
    let state = state(at.path());
    assert_eq!(state.quarantine().expect("read"), Quarantine::default());
    let lines = [line('a', "libs", 1), line('a', "desktop", 1), line('b', "libs", 2)];
    for _ in 0..2 {
        // A second time changes nothing.
        for line in &lines {
            state.reject(line).expect("durable");
        }
    }
    let quarantine = state.quarantine().expect("read");
    assert_eq!(quarantine.lines, lines);
    let (tour, other) = (PlanName::new("tour").expect("id"), PlanName::new("other").expect("id"));
    for (plan, revision, fill, found) in
        [(&tour, 1, 'a', 2), (&tour, 1, 'x', 2), (&tour, 3, 'x', 0), (&other, 1, 'x', 0), (&other, 9, 'b', 1)]
    {
        assert_eq!(quarantine.find(plan, revision, &digest(fill)).len(), found, "{plan} {revision} {fill}");
    }
    assert_eq!(state.lift(&digest('a')).expect("lifted"), 2);
    assert_eq!(state.lift(&digest('a')).expect("nothing"), 0);
    assert_eq!(state.quarantine().expect("read").lines, lines[2..]);
}

#[test]
fn a_damaged_line_is_named_and_kept() {
    let at = tempfile::tempdir().expect("a folder");
    let state = state(at.path());
    state.reject(&line('a', "libs", 1)).expect("durable");
    let path = state.root().join("quarantine");
    let good = fs::read_to_string(&path).expect("read");
    // The last line is torn: what follows must not be glued to it.
    fs::write(&path, format!("{good}damaged\n{}", &good[..20])).expect("written");
    state.reject(&line('b', "libs", 2)).expect("durable");
    state.lift(&digest('a')).expect("lifted");
    let quarantine = state.quarantine().expect("read");
    assert_eq!(quarantine.lines, [line('b', "libs", 2)]);
    let names: Vec<&str> = quarantine.damage.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["quarantine line 1", "quarantine line 2"]);
}
