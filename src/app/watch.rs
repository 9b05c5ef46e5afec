//! Between the children and the reporters: lines become notices, signals become interrupts.

use crate::engine::Heard;
use crate::model::Notice;
use crate::system::process::{JobId, Watch};

/// Where notices go, and where interrupts come from. Shared by everything that waits for children.
pub trait Desk {
    /// Shows something that is forgotten afterwards.
    fn notice(&mut self, notice: &Notice);
    /// How often a person has asked to stop so far.
    fn heard(&mut self) -> Heard;
    /// Says once that a wish to stop was heard, while what goes on still goes on.
    fn say_that_it_was_heard(&mut self, going_back: bool);
}

/// Watches one child of a step: its lines are shown; it is ended when a person has asked twice.
pub(super) struct StepWatch<'a> {
    pub(super) desk: &'a mut dyn Desk,
    /// On the way back nothing is broken off.
    pub(super) may_end: bool,
}

impl Watch for StepWatch<'_> {
    fn line(&mut self, _: JobId, text: &str) {
        self.desk.notice(&Notice::Line { text: text.to_owned() });
    }

    fn tick(&mut self) {
        self.desk.notice(&Notice::Tick);
    }

    fn interrupted(&mut self) -> bool {
        let heard = self.desk.heard();
        if heard != Heard::Nothing {
            self.desk.say_that_it_was_heard(!self.may_end);
        }
        heard == Heard::Twice && self.may_end
    }
}
