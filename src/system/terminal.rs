//! The terminal of the process, as far as keys are echoed.

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, tcgetpgrp};
use std::io;

/// While it lives, Ctrl-C is not echoed as `^C`: the echo would move the cursor away from a line that is drawn over.
#[derive(Debug)]
pub struct QuietKeys(Termios);

impl QuietKeys {
    /// Nothing where standard input is no terminal, or where it is somebody else's turn at it.
    #[must_use]
    pub fn hold() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHOCTL);
        set(&quiet).then_some(Self(before))
    }
}

impl Drop for QuietKeys {
    fn drop(&mut self) {
        set(&self.0);
    }
}

/// A process in the background that sets the terminal would be stopped.
fn set(settings: &Termios) -> bool {
    let ours = tcgetpgrp(io::stdin()).is_ok_and(|foreground| foreground == getpgrp());
    ours && tcsetattr(io::stdin(), SetArg::TCSANOW, settings).is_ok()
}
