//! Of several reasons why a phase was refused, each by itself.

use super::text;
use crate::model::Cause;

/// Why a phase does not go on, each of several reasons by itself.
#[must_use]
pub(super) fn reasons(of: &Cause) -> Vec<String> {
    match of {
        Cause::NotRecorded(why) if refusals(why).len() > 1 => refusals(why),
        Cause::NotRecorded(_)
        | Cause::ChecksFailed(_)
        | Cause::ChecksBroken(_)
        | Cause::ChecksUndecided(_)
        | Cause::StepFailed { .. }
        | Cause::NotKept(_)
        | Cause::NotArmed(_)
        | Cause::JournalLost(_)
        | Cause::NotConfirmed
        | Cause::Declined
        | Cause::Interrupted
        | Cause::Asked
        | Cause::TooManyResumptions(_)
        | Cause::RunnerGone
        | Cause::DeadlinePassed
        | Cause::Rebooted
        | Cause::WrongBoot(_) => vec![text::cause(of)],
    }
}

/// What a layer refused, each with its name: they begin with a path, and the last may count those that are not named.
pub(super) fn refusals(why: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for part in why.split("; ") {
        match all.last_mut() {
            Some(last) if !part.starts_with(['/', '~']) && !part.starts_with("and ") => {
                last.push_str("; ");
                last.push_str(part);
            }
            Some(_) | None => all.push(part.to_owned()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_a_reason_of_its_own_and_its_words_stay_together() {
        let several = Cause::NotRecorded("/a: x; or so; /b: y; and 3 more: z".to_owned());
        assert_eq!(reasons(&several), ["/a: x; or so", "/b: y", "and 3 more: z"]);
        assert_eq!(reasons(&Cause::Declined), ["a person said no"]);
    }
}
