//! What reverts when the runner cannot: a process of its own that watches the runner from outside, and behind it, where
//! systemd runs, a timer. Both run the capsule's own program.
//!
//! The watchdog is forked twice, so that it is no child of the runner; where systemd runs it lies in a scope of its own,
//! so that it does not end with the terminal, the session or the control group that the runner dies with. The runner
//! holds the writing end of its standard input: what is written there moves the deadline or sends it home, and only the
//! end of the runner's process counts as the runner being gone.

mod runner;
mod units;
mod watch;

pub use runner::Runner;
pub use units::{forget_timers, start_later};
pub use watch::{Fired, Post, end_runner, in_a_child, pause, standing, watch};

use super::clock;
use super::service_manager::ManagerError;
use crate::model::{GenerationNumber, GuardKind, Guarded, Span};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use units::Units;

/// How long a watchdog may take to stand.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a watchdog says when it stands.
const STANDS: &[u8] = b"stands\n";
/// What sends it home.
const DOWN: &[u8] = b"down\n";

/// Why no guard stands.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The program cannot be started.
    #[error("cannot start {}: {source}", .program.display())]
    NotStarted {
        /// The capsule's program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It was started and did not stand in time, or ended.
    #[error("the watchdog does not stand{0}")]
    DoesNotStand(String),
    /// The service manager says no.
    #[error(transparent)]
    Manager(#[from] ManagerError),
    /// No service manager runs.
    #[error("there is no service manager to ask")]
    NoManager,
    /// A path cannot be written into a unit.
    #[error("{} cannot be named in a unit", .0.display())]
    NoName(PathBuf),
    /// It is not known how a service manager counts the time.
    #[error("the service manager's clock: {0}")]
    Clock(String),
    /// A pipe or a descriptor cannot be made.
    #[error("cannot talk to a watchdog: {0}")]
    Talk(#[from] std::io::Error),
}

/// A guard that is wanted.
#[derive(Debug, Clone)]
pub struct Order {
    /// The capsule's own program.
    pub program: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// Which generation it guards.
    pub generation: GenerationNumber,
    /// What it takes over after, from a runner that is still there; never, where there is no such time.
    pub length: Option<Span>,
    /// The environment for programs that ask the service manager, and for the guard.
    pub env: BTreeMap<OsString, OsString>,
    /// Where programs are looked for.
    pub path: OsString,
    /// What a watchdog has to say goes there.
    pub log: PathBuf,
}

/// A guard that stands.
#[derive(Debug)]
pub struct Standing {
    order: Order,
    pipe: PipeWriter,
    timer: Option<Units>,
    /// The deadline, as the time since the machine was started.
    until: Option<Span>,
}

impl Standing {
    /// Puts a guard behind this process.
    ///
    /// # Errors
    /// [`GuardError`]; nothing stands then.
    pub fn post(order: Order) -> Result<Self, GuardError> {
        let until = order.length.map(|length| Span(clock::up().0.saturating_add(length.0)));
        let timer = match (Units::find(&order), until) {
            // The way back has no deadline: whoever takes it sees to it that every act of it ends.
            (Some(mut units), Some(until)) => {
                units.set_timer(&order, until)?;
                Some(units)
            }
            (Some(_) | None, _) => None,
        };
        match watchdog(&order, until, timer.as_ref()) {
            Ok(pipe) => Ok(Self { order, pipe, timer, until }),
            Err(why) => {
                if let Some(units) = &timer {
                    units.stop_timer();
                }
                Err(why)
            }
        }
    }

    /// What it is, for the record; `at_boot` is somebody else's to know.
    #[must_use]
    pub fn told(&self) -> Guarded {
        let left = self.until.map(|until| Span(until.0.saturating_sub(clock::up().0)));
        Guarded {
            kind: if self.timer.is_some() { GuardKind::Timer } else { GuardKind::Watchdog },
            until: left.map(|left| clock::now().after(left)),
            at_boot: false,
        }
    }

    /// Whether the watchdog is there: it alone holds the reading end of the pipe.
    #[must_use]
    pub fn stands(&self) -> bool {
        let mut pipe = [PollFd::new(self.pipe.as_fd(), PollFlags::empty())];
        let gone =
            |pipe: &PollFd<'_>| pipe.revents().is_some_and(|events| events.contains(PollFlags::POLLERR));
        poll(&mut pipe, PollTimeout::ZERO).is_err() || !pipe.iter().any(gone)
    }

    /// Puts another watchdog in the place of one that is gone, with the deadline that it had.
    ///
    /// # Errors
    /// [`GuardError`]; the timer behind it stands as before.
    pub fn stand_again(&mut self) -> Result<(), GuardError> {
        self.pipe = watchdog(&self.order, self.until, self.timer.as_ref())?;
        Ok(())
    }

    /// Gives the runner at least this long from now on. A guard that cannot be told keeps the time that it has.
    pub fn give(&mut self, length: Span) {
        let until = Span(clock::up().0.saturating_add(length.0));
        if self.until.is_none_or(|now| now >= until) {
            return;
        }
        if self.pipe.write_all(format!("until {}\n", until.0).as_bytes()).is_err() {
            return;
        }
        self.until = Some(until);
        if let Some(timer) = &mut self.timer {
            // The watchdog has the new time, whatever becomes of the timer behind it: that one would come too early.
            let before = timer.clone();
            let _ = timer.set_timer(&self.order, until);
            before.stop_timer();
        }
    }

    /// Sends it home. One that cannot be told finds the decision on disk and does nothing.
    pub fn stand_down(mut self) {
        let _ = self.pipe.write_all(DOWN);
        if let Some(units) = self.timer.take().or_else(|| Units::find(&self.order)) {
            units.stop_timers();
        }
    }
}

/// Starts the watchdog and waits until it stands.
fn watchdog(order: &Order, until: Option<Span>, units: Option<&Units>) -> Result<PipeWriter, GuardError> {
    let (orders, pipe) = std::io::pipe()?;
    let (mut ready, answer) = std::io::pipe()?;
    let mut argv: Vec<OsString> = units.map(|units| units.scope(order)).unwrap_or_default();
    argv.push(order.program.clone().into());
    argv.extend(["--state".into(), order.state.clone().into_os_string()]);
    argv.extend(["guard", "stand", "--generation"].map(OsString::from));
    argv.push(order.generation.0.to_string().into());
    argv.extend(["--runner".into(), Runner::this().to_string().into()]);
    if let Some(until) = until {
        argv.extend(["--until".into(), until.0.to_string().into()]);
    }
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&order.log);
    let (program, words) = argv.split_first().ok_or_else(|| GuardError::DoesNotStand(String::new()))?;
    #[expect(clippy::disallowed_methods, reason = "a process that outlives us is no child of a crew")]
    let mut command = Command::new(program);
    command
        .args(words)
        .env_clear()
        .envs(&order.env)
        .current_dir("/")
        .stdin(Stdio::from(orders))
        .stdout(Stdio::from(answer))
        .stderr(log.map_or_else(|_| Stdio::null(), Stdio::from));
    // What it leaves behind is to be nobody's child, and not ours: ours are ended before an undo.
    let adopts = prctl::get_child_subreaper().unwrap_or(false);
    let _ = prctl::set_child_subreaper(false);
    let stands = command
        .spawn()
        .map_err(|source| GuardError::NotStarted { program: order.program.clone(), source })
        .and_then(|mut child| {
            drop(command);
            let said = hear(&mut ready);
            if said.is_err() {
                // It may be anywhere on its way; nobody waits for it any more.
                let _ = child.kill();
            }
            let _ = child.wait();
            said
        });
    let _ = prctl::set_child_subreaper(adopts);
    stands.map(|()| pipe)
}

/// Waits for the watchdog's word.
fn hear(ready: &mut PipeReader) -> Result<(), GuardError> {
    let until = clock::tick() + PATIENCE;
    let mut heard = Vec::new();
    loop {
        let left = until.saturating_duration_since(clock::tick());
        if left.is_zero() {
            return Err(GuardError::DoesNotStand(format!(" within {}s", PATIENCE.as_secs())));
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(ready.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => {}
            Err(why) => return Err(GuardError::Talk(why.into())),
        }
        let mut some = [0; 16];
        let length = ready.read(&mut some)?;
        heard.extend_from_slice(some.get(..length).unwrap_or_default());
        if heard == STANDS {
            return Ok(());
        }
        if length == 0 || heard.len() > STANDS.len() {
            return Err(GuardError::DoesNotStand(": it ended".to_owned()));
        }
    }
}

/// The log of a generation's guards, beside its evidence.
#[must_use]
pub fn log_of(capsule: &Path) -> PathBuf {
    capsule.join("guard.log")
}
