//! The watchdog's side: it waits for the runner's end, for its time to pass, or to be sent home.

use super::runner::Runner;
use super::{DOWN, STANDS};
use crate::model::{GenerationNumber, Span};
use crate::system::clock;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stdin, dup2_stdout, fork, setsid};
use rustix::process::{PidfdFlags, pidfd_open};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// Why the watchdog takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// The runner is gone.
    RunnerGone,
    /// Its time passed; it is gone now as well.
    DeadlinePassed,
    /// It does not: it was sent home.
    Down,
}

/// Which process this is after [`watch`] was called.
#[derive(Debug, PartialEq, Eq)]
pub enum Post {
    /// The one that was started: it ends, and leaves the other to nobody.
    Starter,
    /// The watchdog, and what it saw.
    Watchdog(Fired),
}

/// Becomes a watchdog: forks once more, so that this process is nobody's child, says that it stands, and waits.
/// `until` is the deadline as the time since the machine was started; when it passes, the runner is ended only where that
/// is still `undecided` which it guards.
///
/// # Errors
/// What keeps it from standing: then nobody was told that it does.
#[expect(unsafe_code, reason = "fork has no safe form")]
pub fn watch(runner: Runner, until: Option<Span>, undecided: impl Fn() -> bool) -> io::Result<Post> {
    // Opened before the fork: the runner waits for the word, so that it is there, or is gone and nobody will hear it.
    let runner = runner.open();
    let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
    set(&timer, until)?;
    // SAFETY: the program has one thread here, so no lock is held by anybody else.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => return Ok(Post::Starter),
        ForkResult::Child => {}
    }
    setsid()?;
    // A machine that is short of memory is to end others first. Only root may ask for that.
    let _ = std::fs::write("/proc/self/oom_score_adj", "-900");
    let mut orders = take_stdin()?;
    let Some(runner) = runner else { return Ok(Post::Watchdog(Fired::RunnerGone)) };
    let mut stdout = io::stdout().lock();
    stdout.write_all(STANDS)?;
    stdout.flush()?;
    drop(stdout);
    // From here on what is said goes to the log.
    dup2_stdout(io::stderr())?;
    let mut talk = Some(&mut orders);
    let mut heard = Vec::new();
    loop {
        let mut waits = vec![
            PollFd::new(runner.as_fd(), PollFlags::POLLIN),
            PollFd::new(timer.as_fd(), PollFlags::POLLIN),
        ];
        if let Some(orders) = &talk {
            waits.push(PollFd::new(orders.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut waits, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(why) => return Err(why.into()),
        }
        let ready: Vec<bool> = waits.iter().map(|wait| wait.any().unwrap_or(false)).collect();
        // What the runner said last counts, also where it is gone since.
        if ready.get(2) == Some(&true)
            && let Some(orders) = talk.take()
        {
            match listen(orders, &mut heard)? {
                Heard::Down => return Ok(Post::Watchdog(Fired::Down)),
                Heard::Until(until) => {
                    set(&timer, Some(until))?;
                    talk = Some(orders);
                    continue;
                }
                Heard::More => {
                    talk = Some(orders);
                    continue;
                }
                // It is at its end, or another closed its pipe: the end of its process decides.
                Heard::Nobody => continue,
            }
        }
        if ready.first() == Some(&true) {
            return Ok(Post::Watchdog(Fired::RunnerGone));
        }
        if ready.get(1) == Some(&true) {
            if !undecided() {
                return Ok(Post::Watchdog(Fired::Down));
            }
            end(&runner)?;
            return Ok(Post::Watchdog(Fired::DeadlinePassed));
        }
    }
}

/// Ends a runner that is stuck, and waits until it is gone.
pub(super) fn end(runner: &OwnedFd) -> io::Result<()> {
    Runner::kill(runner)?;
    loop {
        match poll(&mut [PollFd::new(runner.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(why) => return Err(why.into()),
        }
    }
}

/// Whether that runner is still there; it is ended then. One that cannot be told from another process is left alone.
///
/// # Errors
/// It cannot be ended.
pub fn end_runner(runner: Runner) -> io::Result<bool> {
    let Some(open) = runner.open().filter(|_| runner.is_certain()) else { return Ok(false) };
    end(&open)?;
    Ok(true)
}

/// The orders, out of the way of whatever reads standard input later.
fn take_stdin() -> io::Result<File> {
    let orders = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    match File::open("/dev/null") {
        Ok(nothing) => dup2_stdin(nothing)?,
        // A pipe that nobody writes to does as well where there are no devices.
        Err(_) => dup2_stdin(io::pipe()?.0)?,
    }
    Ok(orders)
}

enum Heard {
    Down,
    Until(Span),
    More,
    Nobody,
}

fn listen(orders: &mut File, heard: &mut Vec<u8>) -> io::Result<Heard> {
    let mut some = [0; 256];
    let length = match orders.read(&mut some) {
        Ok(length) => length,
        Err(why) if why.kind() == io::ErrorKind::Interrupted => return Ok(Heard::More),
        Err(why) => return Err(why),
    };
    heard.extend_from_slice(some.get(..length).unwrap_or_default());
    let said = said(heard);
    Ok(match said {
        Heard::More if length == 0 => Heard::Nobody,
        said => said,
    })
}

/// What was said up to the last whole line, which is taken out: being sent home, or else the last deadline.
fn said(heard: &mut Vec<u8>) -> Heard {
    let Some(end) = heard.iter().rposition(|byte| *byte == b'\n') else { return Heard::More };
    let lines: Vec<u8> = heard.drain(..=end).collect();
    let mut said = Heard::More;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        if line == DOWN {
            return Heard::Down;
        }
        let until = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("until "));
        if let Some(until) = until.and_then(|until| until.trim_end().parse().ok()) {
            said = Heard::Until(Span(until));
        }
    }
    said
}

fn set(timer: &TimerFd, until: Option<Span>) -> io::Result<()> {
    match until {
        // A time of zero would switch it off.
        Some(until) => {
            let at = TimeSpec::from_duration(until.duration().max(Duration::from_nanos(1)));
            timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        }
        None => timer.unset()?,
    }
    Ok(())
}

/// Does work in a process of its own and gives its exit status; nothing where it crashed, or took longer than `limit` and was
/// ended. So what goes wrong in it does not end the one who sees to it that it is done.
#[expect(unsafe_code, reason = "fork has no safe form")]
pub fn in_a_child(limit: Span, work: impl FnOnce() -> u8) -> Option<u8> {
    // SAFETY: the program has one thread here, and the child does not return.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(u8::MAX);
            // SAFETY: ends the process without running what its parent wants to run at its own end.
            unsafe { libc::_exit(i32::from(status)) }
        }
        Ok(ForkResult::Parent { child }) => loop {
            end_after(child, limit);
            match waitpid(child, None) {
                Ok(WaitStatus::Exited(_, status)) => return u8::try_from(status).ok(),
                Ok(WaitStatus::Signaled(..)) => return None,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return None,
            }
        },
        Err(_) => None,
    }
}

/// Waits until a child has ended; after that long it is ended.
fn end_after(child: Pid, limit: Span) {
    let Some(open) = rustix::process::Pid::from_raw(child.as_raw())
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
    else {
        return;
    };
    let began = clock::tick();
    loop {
        let left = limit.duration().saturating_sub(began.elapsed());
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(open.as_fd(), PollFlags::POLLIN)], left) {
            Ok(0) if began.elapsed() < limit.duration() => {}
            Ok(0) => {
                // It is there until it is waited for, so that this is still its number.
                let _ = Runner::kill(&open);
                return;
            }
            Err(Errno::EINTR) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// The watchdogs that stand behind a generation of this state folder now, by process id. What another user's process
/// calls itself says nothing.
#[must_use]
pub fn standing(state: &Path, generation: GenerationNumber) -> Vec<i32> {
    let number = generation.0.to_string();
    let words = ["guard", "stand", "--generation", &number];
    let mine = |pid: &i32| {
        let owner = std::fs::metadata(format!("/proc/{pid}")).map(|meta| meta.uid());
        owner.is_ok_and(|owner| owner == 0 || owner == nix::unistd::geteuid().as_raw())
    };
    let is_one = |pid: &i32| {
        let Ok(argv) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
        let argv: Vec<&[u8]> = argv.split(|byte| *byte == 0).collect();
        let says = |words: &[&[u8]]| argv.windows(words.len()).any(|some| some == words);
        says(&words.map(str::as_bytes)) && says(&[b"--state", state.as_os_str().as_bytes()])
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(mine).filter(is_one).collect()
}

/// Waits a while.
pub fn pause(length: Duration) {
    std::thread::sleep(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_word_of_the_runner_counts_and_being_sent_home_counts_most() {
        for (text, down, until, rest) in [
            ("", false, None, ""),
            ("unt", false, None, "unt"),
            ("until 5\n", false, Some(5), ""),
            ("until 5\nuntil 7\nunt", false, Some(7), "unt"),
            ("until 5\ndown\n", true, None, ""),
            ("down", false, None, "down"),
            ("noise\nuntil x\n", false, None, ""),
        ] {
            let mut heard = text.as_bytes().to_vec();
            let said = said(&mut heard);
            assert_eq!(matches!(said, Heard::Down), down, "{text}");
            assert_eq!(if let Heard::Until(until) = said { Some(until.0) } else { None }, until, "{text}");
            assert_eq!(heard, rest.as_bytes(), "{text}");
        }
    }

    #[test]
    fn work_in_a_child_gives_its_status_and_a_crash_gives_none() {
        let long = Span::seconds(600);
        assert_eq!(in_a_child(long, || 12), Some(12));
        assert_eq!(in_a_child(long, || std::process::abort()), None);
    }

    #[test]
    fn work_in_a_child_that_takes_too_long_is_ended() {
        let stuck = || loop {
            pause(Duration::from_secs(600));
        };
        assert_eq!(in_a_child(Span(50), stuck), None);
    }
}
