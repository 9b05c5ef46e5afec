//! The poll loop: several children, one thread.

use super::capture::{Capture, Lines};
use super::descent::{self, Gone};
use super::spawn::{self, Started};
use super::{Captured, End, Ended, JobId, News, Spec, Watch, ledger};
use crate::model::{ProcessEnd, Span};
use crate::system::clock;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Between TERM and KILL.
const GRACE: Duration = Duration::from_secs(5);
/// Between two calls of `Watch::tick`, at most.
const TICK: Duration = Duration::from_millis(90);
/// How often a child is looked after where the kernel has no pidfd.
const LOOK: Duration = Duration::from_millis(10);
/// Between two searches for orphans while other children run.
const SEARCH: Duration = Duration::from_millis(250);
/// A child that closed a stream is most likely about to end: so long its other stream is not looked at, which saves a
/// wake-up for each.
const CLOSING: Duration = Duration::from_millis(1);
/// So long after its start only the end of a child is waited for, and its pipes hold what it prints: one that ends
/// sooner costs one wake-up, not one for each stream that it closes.
const YOUNG: Duration = Duration::from_millis(5);
/// Read at once.
const CHUNK: usize = 64 * 1024;
/// What the pipe of a stream holds, so that reader and writer seldom wait for each other.
const PIPE: i32 = 1024 * 1024;
/// Most that is read after the main process is gone: more than any pipe holds.
const LAST_WORDS: usize = 4 * 1024 * 1024;

/// Several children, watched from this one thread. Dropping a crew kills what still runs of it.
#[derive(Debug, Default)]
pub struct Crew {
    jobs: Vec<Job>,
    ended: VecDeque<(JobId, Ended)>,
    started: usize,
    buffer: Vec<u8>,
    last_tick: Option<Instant>,
    /// Jobs that are gone and whose orphans have not been looked for.
    gone: Vec<Gone>,
    last_search: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    TimedOut,
    Interrupted,
}

/// A child that was told to end.
#[derive(Debug, Clone, Copy)]
struct Stopping {
    why: Why,
    kill_at: Option<Instant>,
}

#[derive(Debug)]
struct Job {
    id: JobId,
    pid: Pid,
    pidfd: Option<OwnedFd>,
    marker: String,
    stdout: Stream,
    stderr: Stream,
    input: Option<Feed>,
    started: Instant,
    timeout: Span,
    /// Absent where the timeout lies beyond what the clock can express.
    deadline: Option<Instant>,
    stopping: Option<Stopping>,
    /// It closed a stream just now.
    closing: bool,
}

/// What a child prints, on its way in.
#[derive(Debug)]
struct Stream {
    pipe: Option<File>,
    capture: Capture,
    lines: Lines,
    /// Whether every byte of it is handed on, besides what is kept.
    streamed: bool,
}

/// What a child is given, on its way out.
#[derive(Debug)]
struct Feed {
    pipe: File,
    bytes: Vec<u8>,
    done: usize,
}

impl Crew {
    /// A crew without children.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a child. A child that cannot be started is reported by `wait` like any other.
    pub fn start(&mut self, spec: &Spec) -> JobId {
        self.begin(spec, false)
    }

    /// Starts a child whose whole standard output is handed to [`Watch::chunk`] as it comes, in order and before the
    /// child is reported as ended. What is kept of it is bounded all the same; its lines are not told.
    pub fn start_streamed(&mut self, spec: &Spec) -> JobId {
        self.begin(spec, true)
    }

    fn begin(&mut self, spec: &Spec, streamed: bool) -> JobId {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        descent::adopt_orphans();
        let id = JobId(self.started);
        self.started += 1;
        let marker = descent::marker(NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let began = clock::tick();
        match spawn::start(spec, &marker, ledger::group().as_deref()) {
            Ok(started) => {
                let mut job = Job::new(id, started, marker, spec, began);
                descent::register(job.pid);
                if streamed {
                    job.stdout.hand_on();
                }
                job.feed();
                self.jobs.push(job);
            }
            Err(why) => {
                let ended = Ended {
                    end: End::NotStarted(why),
                    stdout: Captured::default(),
                    stderr: Captured::default(),
                    took: clock::tick().saturating_duration_since(began),
                    left: Vec::new(),
                };
                self.ended.push_back((id, ended));
            }
        }
        id
    }

    /// How many have not been reported as ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.jobs.len() + self.ended.len()
    }

    /// Waits until a child ends, the point in time is reached, or a person interrupts. Without a child and without a
    /// point in time it returns [`News::Reached`] at once.
    pub fn wait(&mut self, until: Option<Instant>, watch: &mut dyn Watch) -> News {
        loop {
            if let Some((id, ended)) = self.ended.pop_front() {
                return News::Ended(id, ended);
            }
            if watch.interrupted() {
                self.end_all(watch);
                return News::Interrupted;
            }
            match until {
                Some(at) if at <= clock::tick() => return News::Reached,
                None if self.jobs.is_empty() => return News::Reached,
                Some(_) | None => self.turn(until, watch),
            }
        }
    }

    fn end_all(&mut self, watch: &mut dyn Watch) {
        for job in &mut self.jobs {
            job.stop(Why::Interrupted);
        }
        while !self.jobs.is_empty() {
            self.turn(None, watch);
        }
    }

    /// Waits for one thing to happen, and deals with it.
    fn turn(&mut self, until: Option<Instant>, watch: &mut dyn Watch) {
        let now = clock::tick();
        let mut wake = self.last_tick.get_or_insert(now).checked_add(TICK);
        wake = sooner(wake, until);
        for job in &mut self.jobs {
            job.keep_time(now);
            wake = sooner(wake, job.next_deadline());
            if job.pidfd.is_none() {
                wake = sooner(wake, now.checked_add(LOOK));
            } else if job.is_young(now) {
                wake = sooner(wake, job.started.checked_add(YOUNG));
            } else if job.closing {
                wake = sooner(wake, now.checked_add(CLOSING));
            }
        }
        wait_for(&self.jobs, now, wake.map_or(TICK, |at| at.saturating_duration_since(now)));
        self.buffer.resize(CHUNK, 0);
        let mut at = 0;
        while let Some(job) = self.jobs.get_mut(at) {
            job.feed();
            // Asked before the pipes are read: what it wrote before its end is then sure to be seen.
            let over = job.is_over();
            if over || !job.is_young(now) {
                job.read(&mut self.buffer, watch);
            }
            if over {
                let job = self.jobs.swap_remove(at);
                self.conclude(job, watch);
            } else {
                at += 1;
            }
        }
        if self.last_tick.is_none_or(|last| clock::tick().saturating_duration_since(last) >= TICK) {
            self.last_tick = Some(clock::tick());
            watch.tick();
        }
    }

    /// The main process is dead and not yet reaped: so its group cannot have become somebody else's.
    fn conclude(&mut self, mut job: Job, watch: &mut dyn Watch) {
        // What is broken off is broken off with all that it began.
        let left = match job.stopping {
            None => descent::left_by(job.pid, &job.marker, self.jobs.is_empty()),
            Some(_) => Vec::new(),
        };
        job.signal(Signal::SIGKILL);
        let status = reaped(job.pid);
        descent::unregister(job.pid);
        let took = clock::tick().saturating_duration_since(job.started);
        self.gone.push(Gone { pid: job.pid, marker: std::mem::take(&mut job.marker) });
        self.search();
        job.drain(&mut self.buffer, watch);
        let end = match job.stopping {
            Some(Stopping { why: Why::TimedOut, .. }) => End::TimedOut(job.timeout),
            Some(Stopping { why: Why::Interrupted, .. }) => End::Interrupted,
            // Reaped by `end_all_children`, which kills.
            None => End::Process(status.unwrap_or(ProcessEnd::Signaled(libc::SIGKILL))),
        };
        let ended = Ended {
            end,
            stdout: job.stdout.capture.finish(),
            stderr: job.stderr.capture.finish(),
            took,
            left,
        };
        self.ended.push_back((job.id, ended));
    }

    /// Looks for what ended jobs left behind: at once where nothing else runs, now and then where something does.
    fn search(&mut self) {
        let alone = self.jobs.is_empty();
        let now = clock::tick();
        if alone || self.last_search.is_none_or(|last| now.saturating_duration_since(last) >= SEARCH) {
            self.last_search = Some(now);
            descent::sweep(&self.gone, alone);
            self.gone.clear();
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for mut job in std::mem::take(&mut self.jobs) {
            job.signal(Signal::SIGKILL);
            // It was killed; where it was reaped elsewhere, so much the better.
            let _ = reaped(job.pid);
            descent::unregister(job.pid);
            self.gone.push(Gone { pid: job.pid, marker: std::mem::take(&mut job.marker) });
        }
        if !self.gone.is_empty() {
            descent::sweep(&self.gone, true);
        }
    }
}

/// Reaps a child that is dead or about to be; `None` where it was reaped elsewhere.
#[expect(unsafe_code, reason = "the safe form knows no real-time signals")]
fn reaped(pid: Pid) -> Option<ProcessEnd> {
    loop {
        let mut status = 0;
        // SAFETY: a plain system call that writes one integer.
        let which = unsafe { libc::waitpid(pid.as_raw(), &raw mut status, 0) };
        if which < 0 && Errno::last() != Errno::EINTR {
            return None;
        }
        if which > 0 && libc::WIFEXITED(status) {
            return Some(ProcessEnd::Exited(libc::WEXITSTATUS(status)));
        }
        if which > 0 && libc::WIFSIGNALED(status) {
            return Some(ProcessEnd::Signaled(libc::WTERMSIG(status)));
        }
    }
}

impl Job {
    fn new(id: JobId, started: Started, marker: String, spec: &Spec, began: Instant) -> Self {
        let Started { pid, pidfd, stdin: input, stdout, stderr } = started;
        let stdout = Stream::new(Some(stdout), spec.keep);
        let stderr = Stream::new(Some(stderr), spec.keep);
        Self {
            id,
            pid,
            pidfd,
            marker,
            stdout,
            stderr,
            input: input.map(|pipe| Feed {
                pipe: never_blocking(pipe),
                bytes: spec.input.clone().unwrap_or_default(),
                done: 0,
            }),
            started: began,
            timeout: spec.timeout,
            deadline: began.checked_add(spec.timeout.duration()),
            stopping: None,
            closing: false,
        }
    }

    /// Signals the whole process group.
    fn signal(&self, signal: Signal) {
        // It can only be gone, and then there is nothing to signal.
        let _ = kill(Pid::from_raw(-self.pid.as_raw()), signal);
    }

    fn stop(&mut self, why: Why) {
        if self.stopping.is_none() {
            self.signal(Signal::SIGTERM);
            // One that is stopped would not see it.
            self.signal(Signal::SIGCONT);
            self.stopping = Some(Stopping { why, kill_at: clock::tick().checked_add(GRACE) });
        }
    }

    fn keep_time(&mut self, now: Instant) {
        match &mut self.stopping {
            None if self.deadline.is_some_and(|at| at <= now) => self.stop(Why::TimedOut),
            None => {}
            Some(stopping) if stopping.kill_at.is_some_and(|at| at <= now) => {
                stopping.kill_at = None;
                self.signal(Signal::SIGKILL);
            }
            Some(_) => {}
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.stopping.map_or(self.deadline, |stopping| stopping.kill_at)
    }

    /// Whether it has just begun, and its end will wake us.
    fn is_young(&self, now: Instant) -> bool {
        self.pidfd.is_some() && now.saturating_duration_since(self.started) < YOUNG
    }

    /// Whether the main process is dead; it stays unreaped.
    fn is_over(&self) -> bool {
        if let Some(pidfd) = &self.pidfd {
            let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
            return poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
        }
        let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        match waitid(Id::Pid(self.pid), peek) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => false,
            Ok(_) | Err(_) => true,
        }
    }

    /// Writes as much input as the pipe takes; closes it when all is written or nobody reads.
    fn feed(&mut self) {
        let Some(feed) = &mut self.input else { return };
        loop {
            let rest = feed.bytes.get(feed.done..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            match feed.pipe.write(rest) {
                Ok(written) => feed.done += written,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        self.input = None;
    }

    fn read(&mut self, buffer: &mut [u8], watch: &mut dyn Watch) {
        let id = self.id;
        let open = self.open_streams();
        self.stdout.read(buffer, id, watch);
        self.stderr.read(buffer, id, watch);
        self.closing = self.open_streams() < open;
    }

    fn open_streams(&self) -> usize {
        usize::from(self.stdout.pipe.is_some()) + usize::from(self.stderr.pipe.is_some())
    }

    /// Reads what is in the pipes, not until their end: a process that got away may hold them open.
    fn drain(&mut self, buffer: &mut [u8], watch: &mut dyn Watch) {
        let id = self.id;
        for stream in [&mut self.stdout, &mut self.stderr] {
            let mut left = LAST_WORDS;
            while left > 0 {
                match stream.read(buffer, id, watch) {
                    0 => break,
                    read => left = left.saturating_sub(read),
                }
            }
            stream.lines.flush(|line| watch.line(id, line));
        }
    }
}

impl Stream {
    fn new(pipe: Option<OwnedFd>, keep: usize) -> Self {
        Self {
            pipe: pipe.map(never_blocking),
            capture: Capture::new(keep),
            lines: Lines::default(),
            streamed: false,
        }
    }

    fn hand_on(&mut self) {
        self.streamed = true;
        if let Some(pipe) = &self.pipe {
            // Where the kernel allows no more, the pipe stays as it is and is only emptied more often.
            let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE));
        }
    }

    /// One read. 0 where there is nothing now, or nothing more.
    fn read(&mut self, buffer: &mut [u8], id: JobId, watch: &mut dyn Watch) -> usize {
        let Some(pipe) = &mut self.pipe else { return 0 };
        match pipe.read(buffer) {
            Ok(read) if read > 0 => {
                let bytes = buffer.get(..read).unwrap_or_default();
                self.capture.take(bytes);
                if self.streamed {
                    watch.chunk(id, bytes);
                } else {
                    self.lines.take(bytes, |line| watch.line(id, line));
                }
                read
            }
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            Ok(_) | Err(_) => {
                self.pipe = None;
                0
            }
        }
    }
}

fn never_blocking(pipe: OwnedFd) -> File {
    // Refused by no kernel for a pipe; a blocking pipe would still be read only after poll said so.
    let _ = fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
    File::from(pipe)
}

fn sooner(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (at, None) | (None, at) => at,
    }
}

/// Sleeps until a child prints, reads or ends, a signal arrives, or the time is over.
fn wait_for(jobs: &[Job], now: Instant, at_most: Duration) {
    let mut fds = Vec::with_capacity(jobs.len() * 4);
    for job in jobs {
        let streams = [&job.stdout.pipe, &job.stderr.pipe].into_iter().flatten();
        let streams = streams.filter(|_| !(job.closing || job.is_young(now)) || job.pidfd.is_none());
        fds.extend(streams.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        fds.extend(job.input.iter().map(|feed| PollFd::new(feed.pipe.as_fd(), PollFlags::POLLOUT)));
        fds.extend(job.pidfd.iter().map(|pidfd| PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)));
    }
    // Rounded up: otherwise the last millisecond is spent turning in circles.
    let millis = at_most.as_nanos().div_ceil(1_000_000);
    let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
    // EINTR: a signal arrived, and the caller looks at it. Anything else shows itself on the pipes.
    let _ = poll(&mut fds, timeout);
}

#[cfg(test)]
#[path = "crew_tests.rs"]
pub(super) mod tests;
