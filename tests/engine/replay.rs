//! The facts are all there is: what was written and read again is the same state, and every beginning of a journal
//! can be taken up.

use crate::machine::Machine;
use crate::plans::{Told, guidances, plans};
use proptest::collection::vec;
use proptest::prelude::*;
use switchback::engine::{Action, Ended, Heard, Input, RunState, decide, replay};
use switchback::model::*;

/// Drives a state to its end on a machine on which everything succeeds.
fn succeed(plan: &Plan, mut state: RunState, first: Input) -> Ended {
    let mut input = first;
    for _ in 0..500 {
        let made = decide(plan, &state, &input, Heard::Nothing, Timestamp(0));
        state = replay(plan, state, &made.events);
        if let Action::Stop(ended) = made.action {
            return ended;
        }
        let at = state.phase().and_then(|id| plan.phases.iter().position(|phase| phase.id == *id));
        let mut ways = Machine::new(plan).ways(plan, at.unwrap_or(0), &made.action);
        // In trouble it goes back.
        let way = usize::from(matches!(made.action, Action::Choose { .. }));
        input = ways.swap_remove(way).input;
    }
    panic!("it does not end: {state:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_read_again_is_the_state_and_every_beginning_of_it_ends(
        plan in plans(),
        guidance in guidances(),
        script in vec(any::<u8>(), 0..60),
    ) {
        let mut run = Told::new(plan, guidance);
        run.drive_on(Input::Begin, &mut script.into_iter());
        let text = serde_json::to_string(&run.journal).unwrap();
        let read: Vec<Event> = serde_json::from_str(&text).unwrap();
        if !read.is_empty() {
            prop_assert_eq!(&replay(&run.plan, RunState::default(), &read), &run.state);
        }
        run.journals.push(read);
        for journal in &run.journals {
            for some in 1..=journal.len() {
                let state = replay(&run.plan, RunState::default(), &journal[..some]);
                let resumed = succeed(&run.plan, state.clone(), Input::Resumed { boot: None, guidance });
                let paused = matches!(resumed, Ended::Paused(_));
                prop_assert!(!paused || guidance == Guidance::Unattended, "{:?}", resumed);
                let boot = Some("another".to_owned());
                succeed(&run.plan, state.clone(), Input::Resumed { boot: boot.clone(), guidance });
                let fired = Input::GuardFired { cause: Cause::Rebooted, boot };
                let guarded = succeed(&run.plan, state.clone(), fired);
                let decided = state.paused.is_some() || state.committed() || state.stage.end().is_some();
                let home = |ended: &Ended| match ended {
                    Ended::Finished(verdict) => *verdict != Verdict::Committed,
                    Ended::Paused(_) | Ended::AwaitingReboot => false,
                };
                let waits = [Ended::AwaitingReboot, Ended::Paused(Cause::Rebooted)];
                prop_assert!(decided || home(&guarded) || waits.contains(&guarded), "{:?}", guarded);
                let back = succeed(&run.plan, state, Input::RollbackAsked { boot: None });
                let home = [Verdict::Refused, Verdict::RolledBack, Verdict::Inconsistent];
                prop_assert!(home.map(Ended::Finished).contains(&back), "{:?}", back);
            }
        }
    }
}
