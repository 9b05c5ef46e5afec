//! Children: started in their own session with an allow-listed environment, watched from one thread, killed as a
//! group when their time is up.

use crate::model::{CommandLine, ProcessEnd, Span};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Instant;

/// The ids a child runs with. All of them are set: user, group and every supplementary group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// What shall be started.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Program, arguments, added environment, folder.
    pub command: CommandLine,
    /// The base environment; built by `host::environment`.
    pub env: BTreeMap<OsString, OsString>,
    /// Whose ids; the runner's own where absent.
    pub ids: Option<Ids>,
    /// The whole process group is killed after this: TERM, a grace of 5 s, KILL.
    pub timeout: Span,
    /// Bytes kept of each stream: the first and the last half of it.
    pub keep: usize,
    /// Given to the child on its standard input; `/dev/null` where absent.
    pub input: Option<Vec<u8>>,
}

/// One stream of a child, bounded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Captured {
    /// The first bytes.
    pub head: Vec<u8>,
    /// The last bytes, where the stream was longer than what is kept.
    pub tail: Vec<u8>,
    /// Length of the whole stream.
    pub total: u64,
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Process(ProcessEnd),
    /// It was killed after this long.
    TimedOut(Span),
    /// A person interrupted it.
    Interrupted,
    /// It could not be started: program and reason.
    NotStarted(String),
}

/// A child that is gone, together with all of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub end: End,
    /// Its standard output.
    pub stdout: Captured,
    /// Its standard error.
    pub stderr: Captured,
    /// How long it ran.
    pub took: Span,
}

/// Told of what happens while children run.
pub trait Watch {
    /// A child printed a line (raw bytes as lossy text, not sanitised, bounded).
    fn line(&mut self, job: JobId, text: &str);
    /// Called at least ten times a second while children run.
    fn tick(&mut self);
    /// Whether every running child shall be ended now.
    fn interrupted(&mut self) -> bool;
}

/// One child of a crew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub usize);

/// What a crew has to report.
#[derive(Debug)]
pub enum News {
    /// A child is gone.
    Ended(JobId, Ended),
    /// The given point in time is reached.
    Reached,
    /// `Watch::interrupted` said yes; every child has been ended and is reported by the following calls.
    Interrupted,
}

/// Several children, watched from this one thread.
#[derive(Default)]
pub struct Crew {}

impl Crew {
    /// A crew without children.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a child. A child that cannot be started is reported by `wait` like any other.
    pub fn start(&mut self, spec: &Spec) -> JobId {
        let _ = spec;
        JobId(0)
    }

    /// How many are running.
    #[must_use]
    pub fn running(&self) -> usize {
        0
    }

    /// Waits until a child ends, the point in time is reached, or a person interrupts.
    pub fn wait(&mut self, until: Option<Instant>, watch: &mut dyn Watch) -> News {
        let _ = (until, watch);
        News::Reached
    }
}

/// Runs one child to its end.
pub fn run(spec: &Spec, watch: &mut dyn Watch) -> Ended {
    let mut crew = Crew::new();
    crew.start(spec);
    loop {
        match crew.wait(None, watch) {
            News::Ended(_, ended) => return ended,
            News::Reached | News::Interrupted => {}
        }
    }
}
