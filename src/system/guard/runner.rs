//! The one process that a guard watches, told from any other that gets its number later.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use std::fmt;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::str::FromStr;

/// A process by number and by when it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runner {
    pid: i32,
    /// In ticks since the machine was started; 0 where `/proc` does not tell.
    started: u64,
}

impl Runner {
    /// This process.
    #[must_use]
    pub fn this() -> Self {
        let pid = Pid::this().as_raw();
        Self { pid, started: started(pid).unwrap_or(0) }
    }

    /// Its number.
    #[must_use]
    pub const fn pid(self) -> i32 {
        self.pid
    }

    /// Whether it can be told from another process that has its number later.
    #[must_use]
    pub const fn is_certain(self) -> bool {
        self.started != 0
    }

    /// Something to wait on that becomes readable when it is gone; nothing where it is gone already, or another process
    /// has its number.
    #[must_use]
    pub fn open(self) -> Option<OwnedFd> {
        let open = pidfd_open(rustix::process::Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        // After the descriptor is there the number can no longer change hands.
        (self.started == 0 || started(self.pid) == Some(self.started)).then_some(open)
    }

    /// Whether it is there and has not ended: what ended and was not asked about by its parent is gone too.
    #[must_use]
    pub fn lives(self) -> bool {
        let Some(open) = self.open() else { return false };
        let ended = poll(&mut [PollFd::new(open.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO);
        ended.is_ok_and(|ended| ended == 0)
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn kill(open: &OwnedFd) -> io::Result<()> {
        Ok(pidfd_send_signal(open, rustix::process::Signal::KILL)?)
    }
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.pid, self.started)
    }
}

impl FromStr for Runner {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(pid, started)| {
            Some(Self { pid: pid.parse().ok().filter(|pid| *pid > 0)?, started: started.parse().ok()? })
        });
        parts.ok_or_else(|| format!("`{text}` is no process: write PID:STARTED"))
    }
}

/// When a process was started, in ticks since the machine was: the 22nd field of `/proc/PID/stat`, see proc(5).
fn started(pid: i32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_another_with_its_number() {
        let this = Runner::this();
        assert!(this.started > 0);
        assert_eq!(this.to_string().parse(), Ok(this));
        assert!(this.open().is_some() && this.lives());
        assert!(Runner { started: this.started + 1, ..this }.open().is_none());
        for wrong in ["", "0:5", "-4:5", "12", "12:x"] {
            assert!(wrong.parse::<Runner>().is_err(), "{wrong}");
        }
    }
}
