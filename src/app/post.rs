//! What stands behind a run: who that is to be, and the guard of this process with the time that it is given while somebody
//! is waited for.

use super::boot_unit::boot_unit;
use crate::model::Span;
use crate::system::clock;
use crate::system::guard::Standing;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Who stands behind this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// A watchdog of its own, and where systemd runs a timer.
    Watchdog,
    /// Whoever started it: this is the guard itself, which is started again when it does not end well.
    Starter,
    /// Nobody.
    Nobody,
}

/// What stands behind a run.
#[derive(Debug, Clone)]
pub struct Guarding {
    /// Who.
    pub behind: Behind,
    /// Where the units of the service manager are configured: the boot unit is looked for there.
    pub units: PathBuf,
}

impl Guarding {
    /// Whether something acts after a reboot.
    #[must_use]
    pub fn at_boot(&self, state: &Path) -> bool {
        boot_unit(&self.units, state).is_some()
    }
}

/// How often it is looked whether the watchdog is there, at most.
const LOOKS: Duration = Duration::from_secs(1);
/// How long a person may take to answer before nobody is taken to be there.
const PATIENCE: Span = Span::seconds(3600);

/// The guard of this process, with what it may be given.
#[derive(Debug)]
pub(super) struct Post {
    standing: Standing,
    /// What the plan allows from here on.
    rest: Span,
    /// When it was looked whether the watchdog is there.
    looked: Instant,
}

impl Post {
    /// One that stands; `rest` is what the plan allows.
    pub(super) fn new(standing: Standing, rest: Span) -> Self {
        Self { standing, rest, looked: clock::tick() }
    }

    /// Looks now and then whether the watchdog is there, and puts another in its place where it is not. Where that cannot
    /// be, it is tried again.
    pub(super) fn look(&mut self) {
        if self.looked.elapsed() < LOOKS {
            return;
        }
        self.looked = clock::tick();
        if !self.standing.stands() {
            let _ = self.standing.stand_again();
        }
    }

    /// Somebody is asked now, or the way back begins: from here on there is that much, and what the plan allows after it.
    fn give(&mut self, length: Span) {
        self.standing.give(Span(length.0.saturating_add(self.rest.0)));
    }

    /// A person is waited for.
    pub(super) fn be_patient(&mut self) {
        self.give(PATIENCE);
    }

    /// The way back begins: it has its own time.
    pub(super) fn turn_around(&mut self, back: Span) {
        self.rest = Span::ZERO;
        self.give(back);
    }

    /// Nothing is left to guard.
    pub(super) fn stand_down(self) {
        self.standing.stand_down();
    }
}
