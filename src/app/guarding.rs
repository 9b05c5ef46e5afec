//! Who stands behind the runner: put there before its first act, given more time while a person is waited for, sent home
//! after the decision.

use super::post::{Behind, Post};
use super::session::{Session, in_full};
use crate::engine::budget;
use crate::model::{GuardKind, Guarded, Phase, RunAs, Toward};
use crate::system::below;
use crate::system::guard::{self, Order, Standing};
use crate::system::host::ANNOUNCE;
use std::ffi::OsStr;
use std::path::Path;

impl Session<'_> {
    /// Puts a guard behind this process.
    pub(super) fn arm(&mut self, phase: &Phase, toward: Toward) -> Result<Guarded, String> {
        if below::withheld().is_some() {
            // Nothing of that machine is started here; what is left waits for it to boot.
            return Ok(Guarded::BY_THE_RUNNER);
        }
        let at_boot = self.guarding.at_boot(self.folder.root());
        match self.guarding.behind {
            Behind::Nobody => return Ok(Guarded { at_boot, ..Guarded::BY_THE_RUNNER }),
            Behind::Starter => return Ok(Guarded { kind: GuardKind::Watchdog, until: None, at_boot }),
            Behind::Watchdog => {}
        }
        let capsule = self.capsule.as_ref().ok_or("no capsule is open")?;
        let (_, mut env) = self.host.identity(RunAs::Runner).map_err(|why| why.to_string())?;
        if let Some(folder) = env.get(OsStr::new("XDG_RUNTIME_DIR")).cloned() {
            let mut bus = std::ffi::OsString::from("unix:path=");
            bus.push(Path::new(&folder).join("bus"));
            env.insert("DBUS_SESSION_BUS_ADDRESS".into(), bus);
        }
        if self.host.quiet {
            env.insert(ANNOUNCE.into(), "no".into());
        }
        let budget = budget(phase);
        let order = Order {
            program: capsule.program(),
            state: self.folder.root().to_owned(),
            generation: capsule.number(),
            // Every act of the way back is bounded, and one that is broken off is passed over.
            length: match toward {
                Toward::On => Some(budget.forward),
                Toward::Back => None,
            },
            env,
            path: self.host.path.clone(),
            log: guard::log_of(capsule.folder()),
        };
        let standing = Standing::post(order).map_err(|why| in_full(&why))?;
        let told = Guarded { at_boot, ..standing.told() };
        self.front.guard = Some(Post::new(standing, budget.forward));
        Ok(told)
    }

    /// Sends the guard home.
    pub(super) fn disarm(&mut self) {
        if let Some(post) = self.front.guard.take() {
            post.stand_down();
        }
    }

    /// The way back begins: it has its own time.
    pub(super) fn turn_around(&mut self, phase: &Phase) {
        if let Some(post) = &mut self.front.guard {
            post.turn_around(budget(phase).back);
        }
    }
}
