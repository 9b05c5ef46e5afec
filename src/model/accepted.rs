//! What was accepted although it did not pass. A fold over the facts, shared by all that tell of it.

use super::{CheckId, Event, Item, Moment};

/// Checks of a phase that did not pass and were accepted all the same, in the order in which they were, each with the
/// moment and the reason that was given. What is judged again is accepted again, or not; a way back ends it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted {
    checks: Vec<(Moment, CheckId, String)>,
}

impl Accepted {
    /// Takes in one fact.
    pub fn note(&mut self, event: &Event) {
        // Nearly all facts say nothing of it.
        if let Event::CheckJudged { moment, report } = event {
            self.checks.retain(|(when, check, _)| when != moment || *check != report.check);
        } else if let Event::ChecksAccepted { moment, checks, reason } = event {
            self.checks.retain(|(when, check, _)| when != moment || !checks.contains(check));
            self.checks.extend(checks.iter().map(|check| (*moment, check.clone(), reason.clone())));
        } else if let Event::RevertBegan { .. } = event {
            self.checks.clear();
        }
    }

    /// What is told: the check and the reason.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let one = |(moment, check, reason): &(Moment, CheckId, String)| {
            let name = match moment {
                Moment::Preflight => format!("preflight check {check}"),
                Moment::Applies | Moment::Baseline | Moment::Validate | Moment::Reprobe => {
                    format!("check {check}")
                }
            };
            Item::new(name, reason.clone())
        };
        self.checks.iter().map(one).collect()
    }
}
