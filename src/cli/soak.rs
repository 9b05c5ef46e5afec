//! What is found of a phase while it soaks and left to a person: the fact of it, and how it is released. Nothing of the
//! machine is changed.

use super::context::Context;
use super::error::CliError;
use super::past::Past;
use super::{out, tools};
use crate::engine::{Ended, Heard, Input, RunState, checks_in, decide, soaked};
use crate::model::{Cause, CheckId, CheckReport, Envelope, Event, Held, Item, Phase, Reaction, Timestamp};
use crate::report::{self, Fanout};
use crate::store::StateFolder;
use crate::system::clock;
use std::collections::BTreeSet;

/// What was found, with what was observed.
pub(crate) fn held(since: Timestamp, cause: Cause, reports: &[CheckReport]) -> Held {
    let named = reports.iter().filter(|report| checks_in(&cause).contains(&report.check));
    let item = |report: &CheckReport| {
        let words = format!("{}: {}", report.outcome.word(), report::text::findings(report));
        Item::new(format!("check {}", report.check), words)
    };
    let found = named.map(item).collect();
    Held { since, cause, found }
}

/// What a look amounts to. What a person let pass when the plan was let go on does not hold it again, and hides nothing else.
pub(crate) fn found(
    past: &Past,
    phase: &Phase,
    reports: &[CheckReport],
    accepted: &BTreeSet<CheckId>,
) -> Option<(Cause, Reaction)> {
    let mut accepted = accepted.clone();
    loop {
        let found = soaked(phase, reports, &accepted)?;
        match &found {
            (cause, Reaction::Pause) if is_let_pass(&past.journal.envelopes, cause) => {
                accepted.extend(checks_in(cause).iter().cloned());
            }
            (_, Reaction::Pause | Reaction::Rollback | Reaction::Continue) => return Some(found),
        }
    }
}

/// Whether a person released what was held for each of these checks: for a failure where they fail, for anything where
/// nobody can tell.
fn is_let_pass(facts: &[Envelope], cause: &Cause) -> bool {
    let (mut held, mut passed) = (None, BTreeSet::new());
    for envelope in facts {
        match &envelope.event {
            Event::SoakHeld(found) => held = Some(&found.cause),
            Event::SoakReleased { by: None, .. } => held = None,
            Event::SoakReleased { by: Some(_), .. } => {
                let of = held.take().into_iter();
                passed.extend(of.flat_map(|cause| checks_in(cause).iter().map(|id| (cause.is_open(), id))));
            }
            _ => {}
        }
    }
    let checks = checks_in(cause);
    let is_passed =
        |id: &CheckId| passed.contains(&(false, id)) || cause.is_open() && passed.contains(&(true, id));
    !checks.is_empty() && checks.iter().all(is_passed)
}

/// Whether this is no news to the phase: it is held for it already, or holds nothing.
pub(crate) fn is_known(past: &Past, said: &Input) -> bool {
    decide(&past.plan, &past.state, said, Heard::Nothing, clock::now()).events.is_empty()
}

/// Records it, and shows it. The lock is the caller's.
pub(crate) fn note(
    context: &Context,
    folder: &StateFolder,
    past: Past,
    said: &Input,
) -> Result<(RunState, Ended), CliError> {
    let Past { plan, capsule, .. } = past;
    let ((state, ended), reporter) =
        tools::noted(context, folder, plan, |session| session.note_of_soak(capsule, said))?;
    // No last words: no run ends here.
    Fanout::lost(&reporter).iter().for_each(|lost| out::lost(&lost.why));
    super::index(folder);
    Ok((state, ended))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Invoker;

    #[test]
    fn what_a_person_let_pass_does_not_hold_again_and_what_a_look_released_may() {
        let ids = |names: &[&str]| names.iter().map(|name| CheckId::new(*name).expect("a name")).collect();
        let failed = |names: &[&str]| Cause::ChecksFailed(ids(names));
        let broken = |names: &[&str]| Cause::ChecksBroken(ids(names));
        let undecided = |names: &[&str]| Cause::ChecksUndecided(ids(names));
        let held = |cause| Event::SoakHeld(Held { since: Timestamp(0), cause, found: Vec::new() });
        let released = |by: Option<&str>| Event::SoakReleased {
            reason: "known".to_owned(),
            by: by.map(|name| Invoker { uid: 0, name: name.to_owned() }),
        };
        let after = |facts: &[Event], cause: &Cause| {
            let numbered = (1..).zip(facts.iter().cloned());
            let facts: Vec<Envelope> =
                numbered.map(|(seq, event)| Envelope { seq, at: Timestamp(0), event }).collect();
            is_let_pass(&facts, cause)
        };
        let a_failed = [held(failed(&["a"])), released(Some("ann"))];
        for (cause, passes) in [
            (failed(&["a"]), true),
            (broken(&["a"]), true),
            (undecided(&["a"]), true),
            (failed(&["b"]), false),
            (failed(&["a", "b"]), false),
            (failed(&[]), false),
            (Cause::Asked, false),
        ] {
            assert_eq!(after(&a_failed, &cause), passes, "{cause:?}");
        }
        let a_open = [held(broken(&["a"])), released(Some("ann"))];
        assert!(after(&a_open, &undecided(&["a"])) && !after(&a_open, &failed(&["a"])));
        assert!(!after(&a_failed[..1], &failed(&["a"])), "nobody said so yet");
        assert!(!after(&[held(broken(&["a"])), released(None)], &broken(&["a"])), "a look is nobody's word");
        assert!(!after(&a_failed[1..], &failed(&["a"])), "there was nothing to let pass");
        let both = [&a_failed[..], &[held(failed(&["b"])), released(Some("ann"))]].concat();
        assert!(after(&both, &failed(&["a", "b"])));
    }
}
