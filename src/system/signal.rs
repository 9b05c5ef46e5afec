//! INT, TERM and HUP as values. The handlers only count; whoever waits in a system call is woken by the signal itself.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static STOPS: AtomicUsize = AtomicUsize::new(0);
static HUNG_UP: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_: libc::c_int) {
    STOPS.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn hang_up(_: libc::c_int) {
    HUNG_UP.store(true, Ordering::Relaxed);
}

/// The signals of this process, once they are handled.
#[derive(Debug, Clone, Copy)]
pub struct Signals(());

impl Signals {
    /// Handles INT, TERM and HUP from here on; ignores PIPE (a closed output is an error of that write) and XFSZ (a
    /// file limit is a failed write). Waiting system calls return with EINTR, so that a signal is seen at once.
    ///
    /// # Errors
    /// The error of the system call.
    #[expect(unsafe_code, reason = "sigaction has no safe form")]
    pub fn install() -> std::io::Result<Self> {
        let plans = [
            (Signal::SIGINT, SigHandler::Handler(stop)),
            (Signal::SIGTERM, SigHandler::Handler(stop)),
            (Signal::SIGHUP, SigHandler::Handler(hang_up)),
            (Signal::SIGPIPE, SigHandler::SigIgn),
            (Signal::SIGXFSZ, SigHandler::SigIgn),
        ];
        for (signal, handler) in plans {
            let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
            // SAFETY: the handlers touch nothing but an atomic.
            unsafe { sigaction(signal, &action) }?;
        }
        Ok(Self(()))
    }

    /// How many INT and TERM have arrived so far: one asks for a stop at the next safe point, two for the way back.
    #[must_use]
    pub fn count(self) -> usize {
        STOPS.load(Ordering::Relaxed)
    }

    /// Whether the terminal is gone. That is not a wish to stop.
    #[must_use]
    pub fn hung_up(self) -> bool {
        HUNG_UP.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::raise;

    #[test]
    fn stops_are_counted_and_a_lost_terminal_is_not_a_stop() {
        let signals = Signals::install().expect("installed");
        let before = signals.count();
        raise(Signal::SIGINT).expect("raised");
        raise(Signal::SIGTERM).expect("raised");
        assert_eq!(signals.count(), before + 2);
        raise(Signal::SIGHUP).expect("raised");
        raise(Signal::SIGPIPE).expect("raised");
        raise(Signal::SIGXFSZ).expect("raised");
        assert!(signals.hung_up());
        assert_eq!(signals.count(), before + 2);
    }
}
