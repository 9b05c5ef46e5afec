//! What a guard that fires may do, and what follows from a record that is damaged.

use super::{Broken, Story, hold};
use switchback::engine::{Action, Ended, Input};
use switchback::model::*;

/// What a guard found when it fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Found {
    /// A phase that nobody decided.
    Open,
    /// A person, or a reboot, is waited for; or the run is over.
    Waits,
    /// A phase is decided, the run is not over, and another phase is to come.
    Between,
    /// The same, and nothing is to come.
    Last,
}

impl Found {
    /// The promises about an act of a guard.
    pub(crate) fn allows(self, action: &Action) -> Result<(), Broken> {
        match action {
            Action::Open { .. }
            | Action::AskGate
            | Action::Record { .. }
            | Action::Seal
            | Action::CompareBoot
            | Action::Wait { .. }
            | Action::Confirm { .. }
            | Action::Keep { .. }
            | Action::Choose { .. }
            | Action::Perform { part: Part::Apply | Part::Commit, .. }
            | Action::Judge {
                moment: Moment::Applies | Moment::Preflight | Moment::Baseline | Moment::Validate,
            } => Err("a guard takes nothing forward".into()),
            Action::ArmFirst { .. } => Err("a guard turns nothing round that is decided".into()),
            Action::Arm
            | Action::EndChildren
            | Action::Undo { .. }
            | Action::Restore { .. }
            | Action::Quarantine { .. }
            | Action::Perform { part: Part::Rollback, .. }
            | Action::Judge { moment: Moment::Reprobe } => {
                hold(self == Self::Open, "a guard takes back only what nobody decided")
            }
            Action::Disarm => hold(self != Self::Waits, "a guard does nothing where somebody decides"),
            Action::Stop(Ended::Paused(_)) => {
                hold(matches!(self, Self::Waits | Self::Between), "a guard leaves nothing undecided")
            }
            Action::Stop(Ended::AwaitingReboot) => {
                hold(self == Self::Waits, "a guard leaves nothing undecided")
            }
            Action::Stop(Ended::Finished(verdict)) => {
                let back = matches!(verdict, Verdict::RolledBack | Verdict::Refused | Verdict::Inconsistent);
                hold(self != Self::Open || back, "a guard takes what nobody decided back to its end")
            }
        }
    }
}

impl Story {
    /// Whether the record was found damaged and the way back from there has yet to begin.
    pub(super) fn must_begin_anew(&self) -> bool {
        let over = self.ended.is_some() || self.committed && self.back.is_none();
        self.damaged && !over
    }

    /// Whether the machine is to go down now.
    pub(crate) fn awaits(&self) -> bool {
        self.awaits.is_some() && self.paused.is_none()
    }

    /// What a guard finds here.
    pub(crate) fn found(&self) -> Found {
        let goes_on = matches!(self.ended, None | Some(PhaseEnd::Committed | PhaseEnd::NotApplicable));
        if !self.verdicts.is_empty() || self.paused.is_some() || self.awaits.is_some() {
            Found::Waits
        } else if self.ended.is_none() && (self.back.is_some() || !self.committed) {
            Found::Open
        } else if goes_on && !self.queue.is_empty() {
            Found::Between
        } else {
            Found::Last
        }
    }

    /// The promises about what follows from what the world said.
    pub(crate) fn follows(&self, plan: &Plan, input: &Input, events: &[Event]) -> Result<(), Broken> {
        self.holds_by(input, events)?;
        let turns = events.iter().any(|event| matches!(event, Event::RevertBegan { .. }));
        if let Input::RollbackAsked { .. } | Input::SoakFailed { .. } | Input::RollbackAlongDamage { .. } =
            input
        {
            // One that is broken off, and begins anew along its damage, is said already.
            let goes_back = self.back.is_some() && self.ended.is_none();
            hold(
                !turns || goes_back || !self.has_begun(self.phase.and_then(|at| plan.phases.get(at))),
                "not a word of a way back that is asked for before a guard stands behind it",
            )?;
        }
        match input {
            Input::GuardFired { .. } => match self.found() {
                // A stop that was heard before is still one.
                Found::Waits => hold(
                    matches!(events, [] | [Event::RunPaused { cause: Cause::Interrupted }]),
                    "a guard changes nothing where somebody decides",
                ),
                Found::Between | Found::Last => hold(!turns, "a guard decides nothing that is decided"),
                Found::Open => Ok(()),
            },
            Input::ArmedFirst { guarded, asked } => {
                let armed = |event: &Event| match guarded {
                    Ok(_) => matches!(event, Event::GuardArmed(_)),
                    Err(_) => matches!(event, Event::GuardMissing { .. }),
                };
                hold(
                    turns && events.iter().any(armed),
                    "a way back that was asked for begins behind its guard",
                )?;
                let Input::RollbackAlongDamage { unknown, .. } = &**asked else { return Ok(()) };
                let lost = Event::FactsLost { unknown: unknown.clone() };
                hold(events.first() == Some(&lost), "that facts are lost is a fact before all others")
            }
            Input::ResolvedAlongDamage { unknown, .. } if self.phase.is_some() => {
                let lost = Event::FactsLost { unknown: unknown.clone() };
                hold(events.first() == Some(&lost), "that facts are lost is a fact before all others")
            }
            Input::Resumed { boot, .. } => {
                let phase = self.phase.and_then(|at| plan.phases.get(at));
                let expected = phase.is_some_and(|phase| phase.reboot == Reboot::Expected);
                let rebooted = Event::RevertBegan { cause: Cause::Rebooted };
                hold(
                    !self.must_begin_anew() || turns,
                    "along a damaged record one goes back, from the beginning",
                )?;
                if let (Some((_, went)), false) = (self.awaits, self.damaged) {
                    let another = matches!((&self.boot, boot), (Some(before), Some(now)) if before != now);
                    hold(
                        events.contains(&Event::MachineRebooted) == (went || another),
                        "a reboot is over in another boot, and not before",
                    )?;
                }
                hold(
                    !(expected || self.awaits.is_some()) || !events.contains(&rebooted),
                    "a reboot that was planned turns nothing round",
                )
            }
            Input::BootCompared(wrong) => hold(
                events.first() == Some(&Event::BootCompared { wrong: wrong.clone() }),
                "what booted is recorded as it was found",
            ),
            Input::Begin
            | Input::RollbackAsked { .. }
            | Input::RollbackAlongDamage { .. }
            | Input::SoakFailed { .. }
            | Input::SoakHeld(_)
            | Input::SoakMeasured
            | Input::SoakReleased { .. }
            | Input::Opened { .. }
            | Input::Judged(_)
            | Input::Answered(_)
            | Input::KeptBy(_)
            | Input::Recorded(_)
            | Input::Sealed(_)
            | Input::Armed(_)
            | Input::Disarmed
            | Input::Stepped(_)
            | Input::Kept(_)
            | Input::ChildrenGone { .. }
            | Input::Restored(_)
            | Input::Resolved { .. }
            | Input::ResolvedAlongDamage { .. }
            | Input::Quarantined
            | Input::TimeReached
            | Input::Chosen(_)
            | Input::Nothing
            | Input::JournalLost(_) => Ok(()),
        }
    }
}
