//! The engine's stages in one word each, as `status` shows them.

use crate::engine::{Back, RunState, Stage};
use crate::model::{Item, PhaseEnd, Verdict};
use crate::report;

/// What is to be done about a way back that did not hold.
pub(crate) const MEND: &str = "mend the cause and try again with `switchback rollback`, or put the named items right by \
                               hand and say so with `switchback resolve --reason TEXT`";

pub(crate) fn word(state: &RunState) -> &'static str {
    if state.paused.is_some() {
        return "paused";
    }
    match &state.stage {
        Stage::Idle => "idle",
        Stage::Applies => "judging whether it applies",
        Stage::Preflight => "preflight",
        Stage::Gate => "waiting for a go",
        Stage::Recording(_) => "recording",
        Stage::Baseline => "taking the baseline",
        Stage::Sealing => "sealing",
        Stage::Arming => "arming",
        Stage::Applying(_) => "applying",
        Stage::AwaitingReboot(_) => "awaiting reboot",
        Stage::Booted(_) => "comparing what booted",
        Stage::Settling(_) => "settling",
        Stage::Validating => "validating",
        Stage::Confirming(_) => "confirming",
        Stage::Committing(_) | Stage::Keeping(_) | Stage::Sealed => "committing",
        Stage::Disarming => "committed",
        Stage::Reverting(back) => match back {
            Back::Children
            | Back::Undoing
            | Back::Restoring(_)
            | Back::Steps(_)
            | Back::Reprobing
            | Back::Rejecting
            | Back::Disarming
            | Back::Ending => "reverting",
        },
        Stage::Ended(end) => ended(*end),
    }
}

pub(crate) const fn ended(end: PhaseEnd) -> &'static str {
    match end {
        PhaseEnd::Committed => "committed",
        PhaseEnd::NotApplicable => "not applicable",
        PhaseEnd::Refused => "refused",
        PhaseEnd::Reverted => "reverted",
        PhaseEnd::Inconsistent => "inconsistent",
        PhaseEnd::Resolved => "resolved",
    }
}

/// What somebody must do now, as a sentence with a command; nothing where the run ended well.
pub(crate) fn waiting(state: &RunState, damaged: bool) -> Option<String> {
    if damaged {
        let back = if super::rollback::in_effect(state) {
            "`switchback rollback` takes back what it can; "
        } else {
            ""
        };
        return Some(format!(
            "you: the journal is damaged, so that nothing goes forward on it; {back}`switchback resolve --reason TEXT` says \
             that you looked at all that it may have told of"
        ));
    }
    if state.paused.is_some() {
        return Some(
            "you: look with `switchback show`, then `switchback resume` or `switchback rollback`".to_owned(),
        );
    }
    if let Stage::AwaitingReboot(_) = state.stage {
        return Some(
            "the reboot: it goes on by itself where the boot unit is installed (`switchback guard status`), or with \
             `switchback resume`"
                .to_owned(),
        );
    }
    match state.finished {
        None => Some(
            "you, unless a run is going on: `switchback resume` takes it up, `switchback rollback` takes it back"
                .to_owned(),
        ),
        Some(Verdict::Inconsistent) if waits_for_boot(state) => Some(
            "you: the way back is gone as far as it could be from outside; here `switchback rollback` or `switchback resume` \
             finishes it"
                .to_owned(),
        ),
        Some(Verdict::Inconsistent) => {
            Some(format!("you: {MEND}"))
        }
        Some(Verdict::Committed | Verdict::Refused | Verdict::RolledBack | Verdict::Resolved) => {
            state.held.as_ref().map(|held| {
                let look = if held.cause.is_open() { ", or a later look that finds it well" } else { "" };
                format!("you{look}: {}", let_go(state))
            })
        }
    }
}

/// What a person may say of a phase that holds the next one.
pub(crate) fn let_go(state: &RunState) -> String {
    let number = state.header.as_deref().map(|header| header.generation.to_string()).unwrap_or_default();
    format!(
        "`switchback resolve {number} --reason TEXT` lets the plan go on, `switchback rollback --to {number}` takes the \
         phase back"
    )
}

/// What a person is asked while the run goes on; nothing where nobody is.
pub(crate) fn word_awaited(state: &RunState) -> Option<String> {
    let Stage::Confirming(Some(until)) = &state.stage else { return None };
    Some(format!(
        "you, until {}: `switchback confirm` keeps the change, silence takes it back",
        report::text::when(*until)
    ))
}

/// Whether a way back from outside is over but for what takes the booted machine.
pub(crate) fn waits_for_boot(state: &RunState) -> bool {
    state.stage == Stage::Ended(PhaseEnd::Inconsistent)
        && !state.items.is_empty()
        && state.items.iter().all(Item::waits)
}

/// The same where the current run ended and an earlier generation, told in these words, is not back whole.
pub(crate) fn below(words: &str, failed: bool) -> String {
    if failed {
        format!("you: {words}; {MEND}")
    } else {
        format!("you: {words}; `switchback resume` or `switchback rollback` finishes it")
    }
}
