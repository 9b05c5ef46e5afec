//! INT, TERM and HUP as values. The handlers only count; whoever waits in a system call is woken by the signal itself.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static STOPS: AtomicUsize = AtomicUsize::new(0);
static DISMISSALS: AtomicUsize = AtomicUsize::new(0);
static HUNG_UP: AtomicBool = AtomicBool::new(false);
static AWAKE: AtomicBool = AtomicBool::new(false);

/// How soon a wait is broken off that was begun just after a signal, in microseconds.
const NUDGE: libc::suseconds_t = 50_000;

extern "C" fn stop(_: libc::c_int) {
    STOPS.fetch_add(1, Ordering::Relaxed);
    nudge();
}

extern "C" fn dismiss(_: libc::c_int) {
    DISMISSALS.fetch_add(1, Ordering::Relaxed);
    STOPS.fetch_add(1, Ordering::Relaxed);
    nudge();
}

extern "C" fn hang_up(_: libc::c_int) {
    HUNG_UP.store(true, Ordering::Relaxed);
    nudge();
}

/// Does nothing: that it came ends the wait.
extern "C" fn nudged(_: libc::c_int) {}

fn nudge() {
    if AWAKE.load(Ordering::Relaxed) {
        nudge_every(NUDGE);
    }
}

const PLANS: [(Signal, SigHandler); 6] = [
    (Signal::SIGINT, SigHandler::Handler(stop)),
    (Signal::SIGTERM, SigHandler::Handler(dismiss)),
    (Signal::SIGHUP, SigHandler::Handler(hang_up)),
    (Signal::SIGALRM, SigHandler::Handler(nudged)),
    (Signal::SIGPIPE, SigHandler::SigIgn),
    (Signal::SIGXFSZ, SigHandler::SigIgn),
];

/// The signals that lose their default action where they are handled.
pub(super) fn taken() -> impl Iterator<Item = Signal> {
    PLANS.into_iter().map(|(signal, _)| signal)
}

#[expect(unsafe_code, reason = "setitimer has no safe form")]
fn nudge_every(micros: libc::suseconds_t) {
    let pause = libc::timeval { tv_sec: 0, tv_usec: micros };
    let timer = libc::itimerval { it_interval: pause, it_value: pause };
    // SAFETY: the timer outlives the call, and the old one is not asked for. It is one system call that cannot fail
    // with these values, so a handler may make it: errno stays as it is.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
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
        for (signal, handler) in PLANS {
            let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
            // SAFETY: the handlers touch nothing but atomics and the timer.
            unsafe { sigaction(signal, &action) }?;
        }
        Ok(Self(()))
    }

    /// How many INT and TERM have arrived so far: whoever waits for a person stops waiting.
    #[must_use]
    pub fn count(self) -> usize {
        STOPS.load(Ordering::Relaxed)
    }

    /// How many of them were TERM: no person's wish, but the end of a service, a session or the machine.
    #[must_use]
    pub fn dismissals(self) -> usize {
        DISMISSALS.load(Ordering::Relaxed)
    }

    /// Whether the terminal is gone. That is not a wish to stop.
    #[must_use]
    pub fn hung_up(self) -> bool {
        HUNG_UP.load(Ordering::Relaxed)
    }

    /// From here on a signal breaks off the wait that it came just before, too. For waits of others' making (a prompt),
    /// which look at no count before they begin.
    #[must_use]
    pub fn awake(self) -> Awake {
        AWAKE.store(true, Ordering::Relaxed);
        Awake(())
    }
}

/// While this is there, a signal that came is followed by others until it is dropped.
#[derive(Debug)]
pub struct Awake(());

impl Drop for Awake {
    fn drop(&mut self) {
        AWAKE.store(false, Ordering::Relaxed);
        nudge_every(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::raise;

    #[test]
    fn stops_are_counted_and_a_lost_terminal_is_not_a_stop() {
        let signals = Signals::install().expect("installed");
        let (before, dismissed) = (signals.count(), signals.dismissals());
        raise(Signal::SIGINT).expect("raised");
        assert_eq!(signals.dismissals(), dismissed);
        raise(Signal::SIGTERM).expect("raised");
        assert_eq!((signals.count(), signals.dismissals()), (before + 2, dismissed + 1));
        raise(Signal::SIGHUP).expect("raised");
        raise(Signal::SIGPIPE).expect("raised");
        raise(Signal::SIGXFSZ).expect("raised");
        assert!(signals.hung_up());
        assert_eq!(signals.count(), before + 2);
    }

    /// How long until the next nudge, in microseconds; zero where none is due.
    #[expect(unsafe_code, reason = "getitimer has no safe form")]
    fn next_nudge() -> libc::suseconds_t {
        let none = libc::timeval { tv_sec: 0, tv_usec: 0 };
        let mut timer = libc::itimerval { it_interval: none, it_value: none };
        // SAFETY: the timer outlives the call.
        unsafe { libc::getitimer(libc::ITIMER_REAL, &raw mut timer) };
        timer.it_interval.tv_usec
    }

    #[test]
    fn a_signal_is_followed_by_others_only_while_a_prompt_stays_awake() {
        let signals = Signals::install().expect("installed");
        raise(Signal::SIGTERM).expect("raised");
        assert_eq!(next_nudge(), 0);
        let awake = signals.awake();
        assert_eq!(next_nudge(), 0);
        raise(Signal::SIGTERM).expect("raised");
        assert_eq!(next_nudge(), NUDGE);
        drop(awake);
        assert_eq!(next_nudge(), 0);
    }
}
