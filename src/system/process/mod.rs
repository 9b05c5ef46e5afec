//! Children: started in their own session with an allow-listed environment, watched from one thread, killed as a
//! group when their time is up.
//!
//! A child is reported as ended only when its main process is reaped, its process group is killed, and what left the
//! group or the session (`setsid`, double fork) is killed too. The runner is a child subreaper for that. Where other
//! children still run, what has left its session is looked for at most four times a second, so that a thousand short
//! children do not cost a thousand walks through `/proc`; before the last child is reported, all of it is gone.
//!
//! Where there is a cgroup v2 that may be changed, the children of a runner are in a control group of their own, and a
//! ledger in the state folder says where it is: whoever comes after a runner that was killed ends what is in it. What
//! carries the mark of such a runner in its environment is ended everywhere.
//!
//! What asks another service to start work (`systemd-run`, a container engine) is not a descendant and not contained.

mod capture;
mod clone;
mod crew;
mod descent;
mod group;
mod helper;
mod ledger;
mod mark;
mod own;
mod spawn;

pub use crew::Crew;
pub use descent::{StillAlive, claim, end_all_children, leave, unseen};
pub use helper::{Helper, HelperGone};
pub use own::OwnProgram;

use crate::model::{CommandLine, ProcessEnd, Span, counted};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

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
    /// The base environment; built by `Host::identity`. Nothing else of the runner's own environment is passed on.
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
    /// The first bytes; the whole stream where it was not longer than what is kept.
    pub head: Vec<u8>,
    /// The last bytes, where the stream was longer than what is kept.
    pub tail: Vec<u8>,
    /// Length of the whole stream.
    pub total: u64,
}

impl Captured {
    /// Whether bytes between head and tail were left out.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.missing() > 0
    }

    /// How many bytes between head and tail were left out.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let kept = u64::try_from(self.head.len() + self.tail.len()).unwrap_or(u64::MAX);
        self.total.saturating_sub(kept)
    }

    /// The stream as lossy text, with one line in the middle that says how much was left out. Not sanitised.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        if self.is_cut() {
            text.push_str(&format!("\n[... {} left out ...]\n", counted(self.missing(), "byte")));
        }
        text.push_str(&String::from_utf8_lossy(&self.tail));
        text
    }
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
    pub took: std::time::Duration,
    /// What it left running when it ended by itself, and what was ended with it.
    pub left: Vec<Stray>,
}

/// A process that outlived the child which began it, and was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Its number.
    pub pid: i32,
    /// Its words, as it showed them; the name of its program where it showed none.
    pub words: String,
}

impl fmt::Display for Stray {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "process {}: {}", self.pid, self.words)
    }
}

/// Told of what happens while children run.
pub trait Watch {
    /// A child printed a line (raw bytes as lossy text, not sanitised, at most 4 KiB). Empty lines are left out, and
    /// of a flood only the last lines of each read are told; what is captured is not affected.
    fn line(&mut self, job: JobId, text: &str);
    /// A child that was started with [`Crew::start_streamed`] printed these bytes on its standard output.
    fn chunk(&mut self, _: JobId, _: &[u8]) {}
    /// Something that was not as recorded was changed back: what was done, and why.
    fn changed_back(&mut self, _: &str) {}
    /// Called at least ten times a second while children run.
    fn tick(&mut self);
    /// Whether every running child shall be ended now.
    fn interrupted(&mut self) -> bool;
}

/// Watches nothing and is never interrupted: for short children whose output only is of interest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn line(&mut self, _: JobId, _: &str) {}
    fn tick(&mut self) {}
    fn interrupted(&mut self) -> bool {
        false
    }
}

/// One child of a crew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub usize);

/// What a crew has to report.
#[derive(Debug)]
pub enum News {
    /// A child is gone.
    Ended(JobId, Ended),
    /// The given point in time is reached, or there is neither a child nor a point in time to wait for.
    Reached,
    /// `Watch::interrupted` said yes; every child has been ended and is reported by the following calls.
    Interrupted,
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
