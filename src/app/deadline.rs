//! How long a stated wait still lasts. Its end is recorded as a point on the wall clock, which anybody can set; what is
//! waited for is a length of time.

use crate::model::{Span, Timestamp};

/// A wait that this process has begun or taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline {
    /// Its end, as recorded: which wait it is.
    until: Timestamp,
    /// What was left of it then,
    left: Span,
    /// on the clock that nobody can set.
    up: Span,
}

impl Deadline {
    /// A wait of which the fact is recorded now.
    pub(super) const fn begun(until: Timestamp, length: Span, up: Span) -> Self {
        Self { until, left: length, up }
    }

    /// A wait that an earlier process began. What passed since then only the wall clock tells; whatever it says, no more
    /// is left than the plan states.
    pub(super) fn taken_up(until: Timestamp, length: Span, now: Timestamp, up: Span) -> Self {
        Self { until, left: until.since(now).min(length), up }
    }

    /// Whether it is this one.
    pub(super) fn is(&self, until: Timestamp) -> bool {
        self.until == until
    }

    /// What is left of it.
    pub(super) fn left(&self, up: Span) -> Span {
        Span(self.left.0.saturating_sub(up.0.saturating_sub(self.up.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNTIL: Timestamp = Timestamp(1_000_000);
    const LENGTH: Span = Span(600);

    #[test]
    fn a_wait_lasts_as_long_as_stated_whatever_becomes_of_the_wall_clock() {
        // Which says nothing here: it is not asked.
        let begun = Deadline::begun(UNTIL, LENGTH, Span(5_000));
        for (up, left) in [(5_000, 600), (5_001, 599), (5_599, 1), (5_600, 0), (99_000, 0), (4_000, 600)] {
            assert_eq!(begun.left(Span(up)), Span(left), "up for {up}");
        }
    }

    #[test]
    fn a_wait_that_is_taken_up_lasts_for_what_was_left_and_never_longer_than_stated() {
        for (what, now, left) in [
            ("in the middle of it", UNTIL.0 - 200, 200),
            ("at its end", UNTIL.0, 0),
            ("the clock was set forward, or the machine was off for long", UNTIL.0 + 7_200_000, 0),
            ("the clock was set back", UNTIL.0 - 7_200_000, 600),
        ] {
            let taken_up = Deadline::taken_up(UNTIL, LENGTH, Timestamp(now), Span(40));
            assert_eq!(taken_up.left(Span(40)), Span(left), "{what}");
            assert_eq!(taken_up.left(Span(140)), Span(left.saturating_sub(100)), "{what}, a little later");
        }
    }
}
