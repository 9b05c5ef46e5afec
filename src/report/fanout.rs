//! One stream, many reporters. One that fails is dropped, and the others go on.

use super::{Line, Reporter, Tone};
use crate::model::{Envelope, Notice, Plan};
use std::io;

/// A reporter that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Which.
    pub name: String,
    /// Its error.
    pub why: String,
}

impl Lost {
    pub(super) fn words(&self) -> Line {
        Line::new(
            Tone::Caution,
            "unshown",
            format!("{} failed and was left out from then on: {}", self.name, self.why),
        )
    }
}

struct Member {
    name: String,
    reporter: Box<dyn Reporter>,
}

/// Tells several reporters the same. It never fails.
#[derive(Default)]
pub struct Fanout {
    members: Vec<Member>,
    lost: Vec<Lost>,
}

impl Fanout {
    /// Nobody is told yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more reporter, under the name that is said if it is lost.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, reporter: impl Reporter + 'static) -> Self {
        self.members.push(Member { name: name.into(), reporter: Box::new(reporter) });
        self
    }

    /// The reporters lost so far. A reader that went away (a broken pipe) is none: it had seen enough.
    #[must_use]
    pub fn lost(&self) -> &[Lost] {
        &self.lost
    }

    fn tell(&mut self, mut what: impl FnMut(&mut dyn Reporter) -> io::Result<()>) {
        let lost = &mut self.lost;
        self.members.retain_mut(|member| match what(member.reporter.as_mut()) {
            Ok(()) => true,
            Err(why) => {
                if why.kind() != io::ErrorKind::BrokenPipe {
                    lost.push(Lost { name: member.name.clone(), why: why.to_string() });
                }
                false
            }
        });
    }
}

impl Reporter for Fanout {
    fn recall(&mut self, plan: &Plan, envelope: &Envelope) {
        for member in &mut self.members {
            member.reporter.recall(plan, envelope);
        }
    }

    fn event(&mut self, plan: &Plan, envelope: &Envelope) -> io::Result<()> {
        self.tell(|reporter| reporter.event(plan, envelope));
        Ok(())
    }

    fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        self.tell(|reporter| reporter.notice(notice));
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        for lost in self.lost.clone() {
            self.tell(|reporter| reporter.lost(&lost));
        }
        self.tell(|reporter| reporter.finish());
        Ok(())
    }
}
