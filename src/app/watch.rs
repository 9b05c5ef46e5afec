//! Between the children and the reporters: lines become notices, signals become interrupts.

use crate::engine::Heard;
use crate::model::{Notice, Stopping, counted};
use crate::store::SoFar;
use crate::system::clock;
use crate::system::process::{JobId, Watch};

/// Where notices go, and where interrupts come from. Shared by everything that waits for children.
pub trait Desk {
    /// Shows something that is forgotten afterwards.
    fn notice(&mut self, notice: &Notice);
    /// How often a person has asked to stop so far, as a number.
    fn wishes(&mut self) -> usize;
    /// Whether this process was told to end by the service manager, the session or the machine.
    fn dismissed(&self) -> bool;
    /// The same, as the engine hears it: who is dismissed waits for nobody, so that the phase goes back.
    fn heard(&mut self) -> Heard {
        match self.wishes() {
            _ if self.dismissed() => Heard::Twice,
            0 => Heard::Nothing,
            1 => Heard::Once,
            2.. => Heard::Twice,
        }
    }
    /// Says that a wish to stop was heard, while what goes on still goes on; each thing once.
    fn say_that_it_was_heard(&mut self, heard: Stopping);
}

/// When what goes on is broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BreakOff {
    /// When a person has asked twice, or this process is dismissed: the phase then goes back.
    AskedTwice,
    /// On the way back: when a person asked twice since it began, which was after so many wishes. Those that led to the
    /// way back do not count against it.
    AskedTwiceSince(usize),
    /// Not at all.
    Never,
}

impl BreakOff {
    /// Whether it is to be broken off now; else it is said what becomes of a wish to stop.
    pub(super) fn now(self, desk: &mut dyn Desk) -> bool {
        let wishes = desk.wishes();
        let (since, heard) = match self {
            Self::AskedTwice => (wishes, Stopping::AfterThis),
            Self::AskedTwiceSince(before) => (wishes.saturating_sub(before), Stopping::WayBack),
            Self::Never => (wishes, Stopping::Permanent),
        };
        let broken_off = match self {
            Self::AskedTwice => since >= 2 || desk.dismissed(),
            Self::AskedTwiceSince(_) => since >= 2,
            Self::Never => false,
        };
        if since > 0 && !(broken_off && heard == Stopping::WayBack) {
            desk.say_that_it_was_heard(heard);
        }
        broken_off
    }
}

/// Watches one child of a step: its lines are shown; it is ended when a person has asked twice.
pub(super) struct StepWatch<'a> {
    pub(super) desk: &'a mut dyn Desk,
    pub(super) ends: BreakOff,
}

impl Watch for StepWatch<'_> {
    fn line(&mut self, _: JobId, text: &str) {
        self.desk.notice(&Notice::Line { text: text.to_owned() });
    }

    fn tick(&mut self) {
        self.desk.notice(&Notice::Tick);
    }

    fn interrupted(&mut self) -> bool {
        self.ends.now(self.desk)
    }
}

/// The same, and what it prints is kept while it runs.
pub(super) struct KeptWatch<'a, 'c> {
    pub(super) step: StepWatch<'a>,
    pub(super) so_far: Option<&'a mut SoFar<'c>>,
}

impl Watch for KeptWatch<'_, '_> {
    fn line(&mut self, job: JobId, text: &str) {
        if let Some(so_far) = &mut self.so_far {
            so_far.line(text, clock::tick());
        }
        self.step.line(job, text);
    }

    fn tick(&mut self) {
        if let Some(so_far) = &mut self.so_far {
            so_far.tick(clock::tick());
        }
        self.step.tick();
    }

    fn interrupted(&mut self) -> bool {
        self.step.interrupted()
    }
}

/// So much is remembered of what a layer changed back: on a full disk, what the journal of the way back needs comes first.
const MOST_CHANGED: usize = 64 << 10;

/// Watches a layer that goes back, and remembers what it changed.
pub(super) struct BackWatch<'a> {
    pub(super) step: StepWatch<'a>,
    /// A line for each thing.
    pub(super) changed: String,
    /// So many more things.
    pub(super) more: u64,
}

impl BackWatch<'_> {
    /// What the layer changed, a line for each thing, as much as is kept of it.
    pub(super) fn told(self) -> String {
        let Self { mut changed, more, .. } = self;
        if more > 0 {
            changed.push_str(&format!("and {}, not named here\n", counted(more, "more thing")));
        }
        changed
    }
}

impl Watch for BackWatch<'_> {
    fn line(&mut self, job: JobId, text: &str) {
        self.step.line(job, text);
    }

    fn changed_back(&mut self, what: &str) {
        if self.changed.len() < MOST_CHANGED {
            self.changed.push_str(&what.replace('\n', "\\n"));
            self.changed.push('\n');
        } else {
            self.more += 1;
        }
    }

    fn tick(&mut self) {
        self.step.tick();
    }

    fn interrupted(&mut self) -> bool {
        self.step.interrupted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told {
        wishes: usize,
        dismissed: bool,
        said: Vec<Stopping>,
    }

    impl Desk for Told {
        fn notice(&mut self, _: &Notice) {}

        fn wishes(&mut self) -> usize {
            self.wishes
        }

        fn dismissed(&self) -> bool {
            self.dismissed
        }

        fn say_that_it_was_heard(&mut self, heard: Stopping) {
            self.said.push(heard);
        }
    }

    #[test]
    fn a_second_wish_ends_an_act_and_on_the_way_back_only_those_count_that_came_during_it() {
        use BreakOff::{AskedTwice, AskedTwiceSince, Never};
        use Stopping::{AfterThis, Permanent, WayBack};
        for (ends, wishes, broken_off, said) in [
            (AskedTwice, 0, false, None),
            (AskedTwice, 1, false, Some(AfterThis)),
            (AskedTwice, 2, true, Some(AfterThis)),
            (AskedTwiceSince(0), 1, false, Some(WayBack)),
            (AskedTwiceSince(0), 2, true, None),
            (AskedTwiceSince(2), 2, false, None),
            (AskedTwiceSince(2), 3, false, Some(WayBack)),
            (AskedTwiceSince(2), 4, true, None),
            (Never, 0, false, None),
            (Never, 9, false, Some(Permanent)),
        ] {
            let mut desk = Told { wishes, ..Told::default() };
            assert_eq!(ends.now(&mut desk), broken_off, "{ends:?} after {wishes}");
            assert_eq!(desk.said, said.into_iter().collect::<Vec<_>>(), "{ends:?} after {wishes}");
        }
    }

    #[test]
    fn who_is_dismissed_goes_back_at_once_and_what_goes_back_already_goes_on() {
        use BreakOff::{AskedTwice, AskedTwiceSince, Never};
        for (ends, broken_off) in [(AskedTwice, true), (AskedTwiceSince(0), false), (Never, false)] {
            let mut desk = Told { dismissed: true, ..Told::default() };
            assert_eq!(ends.now(&mut desk), broken_off, "{ends:?}");
            assert_eq!(desk.heard(), Heard::Twice, "{ends:?}");
            assert_eq!(desk.said, [], "{ends:?}");
        }
    }
}
