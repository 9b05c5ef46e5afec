//! Who is shown what happens, and who interrupts.

use super::post::Post;
use super::watch::Desk;
use crate::model::{Notice, Stopping};
use crate::report::Reporter;
use crate::system::signal::Signals;
use std::collections::BTreeSet;

/// What is shown, and who interrupts: apart from the session, so that both can be borrowed.
pub(super) struct Front<'a> {
    pub(super) reporter: &'a mut dyn Reporter,
    pub(super) signals: Signals,
    /// Interrupts at prompts that came as a key and no signal.
    keys: usize,
    /// Wishes to stop that were answered with a line on what becomes of them; on the way back each anew.
    said: BTreeSet<(Stopping, usize)>,
    /// Signals that a prompt raised on top of the one that it was told of.
    echoes: usize,
    /// The signals that were counted when it was last asked what was heard.
    known: usize,
    /// What stands behind this process: whoever is asked something is given time to answer.
    pub(super) guard: Option<Post>,
}

impl<'a> Front<'a> {
    pub(super) fn new(reporter: &'a mut dyn Reporter, signals: Signals) -> Self {
        Self {
            reporter,
            signals,
            keys: 0,
            said: BTreeSet::new(),
            echoes: 0,
            known: signals.count(),
            guard: None,
        }
    }
}

impl Front<'_> {
    /// Takes one interrupt at a prompt for one wish to stop, however many signals were counted for it. Where the
    /// terminal went away meanwhile it is no wish at all: false.
    pub(super) fn interrupted_at_prompt(&mut self, signals_before: usize) -> bool {
        let counted = self.signals.count() - signals_before;
        if self.hung_up() {
            self.echoes += counted;
            return false;
        }
        match counted {
            0 => self.keys += 1,
            counted => self.echoes += counted - 1,
        }
        true
    }

    /// Whether a signal came that nobody asked about yet: a question would only be in its way.
    pub(super) fn unheard(&self) -> bool {
        self.signals.count() > self.known
    }

    /// Nobody is there to say that the next phase may begin: that is the safe point to stop at.
    pub(super) fn stop_for_lack_of_anybody(&mut self) {
        self.keys += 1;
    }

    /// Somebody is about to be asked: the guard is not to take that for a runner that is stuck.
    pub(super) fn be_patient(&mut self) {
        if let Some(guard) = &mut self.guard {
            guard.be_patient();
        }
    }

    /// The terminal is gone: that is not a wish to stop, but nobody can be asked any more.
    pub(super) fn hung_up(&self) -> bool {
        self.signals.hung_up()
    }
}

impl Desk for Front<'_> {
    fn notice(&mut self, notice: &Notice) {
        if let (Notice::Tick, Some(guard)) = (notice, &mut self.guard) {
            guard.look();
        }
        // A reporter can fail, and the run does not notice.
        let _ = self.reporter.notice(notice);
    }

    fn wishes(&mut self) -> usize {
        self.known = self.signals.count();
        (self.known + self.keys).saturating_sub(self.echoes + self.signals.dismissals())
    }

    fn dismissed(&self) -> bool {
        self.signals.dismissals() > 0
    }

    fn say_that_it_was_heard(&mut self, heard: Stopping) {
        let which = match heard {
            Stopping::WayBack => self.wishes(),
            Stopping::AfterThis | Stopping::Permanent => 0,
        };
        if self.said.insert((heard, which)) {
            self.notice(&Notice::Stopping { heard });
        }
    }
}
