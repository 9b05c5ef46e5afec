//! `gpu`: what GPUs there are, whether their drivers answer, how full and how busy they are, and who uses them.
//! NVIDIA's driver is asked by `nvidia-smi`, all others tell the kernel.

pub(super) mod decoding;
mod fdinfo;
mod nvidia;
mod seen;
mod sysfs;

#[cfg(test)]
mod tests;

use super::process::named;
use super::{Given, Looking, Need, process_end, tool};
use crate::check::ProbeError;
use crate::check::wrapped::unwrapped;
use crate::model::Span;
use crate::system::clock;
use crate::system::process::Ended;
use nvidia::{Answers, Question};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Bytes kept of each answer.
const KEPT: usize = 1 << 20;
/// How long the load of engines is watched where nothing else takes its time.
const WATCHED: Span = Span(500);

/// One look at all GPUs.
#[derive(Debug)]
pub(super) struct Gpu<'a> {
    root: PathBuf,
    process: Option<&'a str>,
    began: Option<Instant>,
    cards: Vec<sysfs::Card>,
    before: fdinfo::Users,
    answers: Answers,
    asked: Option<Question>,
}

impl<'a> Gpu<'a> {
    /// The GPUs of the machine, and whether the processes of this name are among their clients.
    pub(super) fn new(process: Option<&'a str>) -> Self {
        Self::below(Path::new("/"), process)
    }

    fn below(root: &Path, process: Option<&'a str>) -> Self {
        Self {
            root: root.to_owned(),
            process,
            began: None,
            cards: Vec::new(),
            before: fdinfo::Users::default(),
            answers: Answers::default(),
            asked: None,
        }
    }

    fn begin(&mut self) -> Need {
        self.cards = sysfs::cards(&self.root);
        self.before = fdinfo::users(&self.root);
        self.began = Some(clock::tick());
        if self.nvidia_is_here() { self.ask(Question::Full) } else { self.watch() }
    }

    /// Whether NVIDIA's own driver is loaded, here or (in WSL) on the host.
    fn nvidia_is_here(&self) -> bool {
        let bound = self.cards.iter().any(|card| card.driver.as_deref() == Some("nvidia"));
        let traces = ["proc/driver/nvidia/version", "dev/nvidiactl", "dev/dxg"];
        bound || traces.iter().any(|trace| self.root.join(trace).exists())
    }

    fn ask(&mut self, question: Question) -> Need {
        self.asked = Some(question);
        Need::Child(tool(question.words()), KEPT)
    }

    /// Engines tell how long they were busy: their load is what is added in a while.
    fn watch(&mut self) -> Need {
        self.asked = None;
        let engines =
            self.before.users.iter().flat_map(|user| &user.clients).any(|one| !one.engines.is_empty());
        if engines { Need::Pause(WATCHED) } else { self.finish() }
    }

    fn answered(&mut self, question: Question, ended: &Ended) -> Need {
        if let Err(why) = process_end("nvidia-smi", ended) {
            // A list of processes that cannot be had takes nothing from what is known already.
            return match (question, why) {
                (_, ProbeError::Interrupted) => Need::Seen(Err(ProbeError::Interrupted)),
                (Question::Processes, _) => self.watch(),
                (Question::Full | Question::Short | Question::Table, why) => Need::Seen(Err(why)),
            };
        }
        let understood = self.answers.take(question, ended);
        if !understood && let Some(simpler) = question.simpler() {
            return self.ask(simpler);
        }
        if !understood && question == Question::Table {
            return Need::Seen(Err(ProbeError::Malformed {
                what: "the output of `nvidia-smi`".to_owned(),
                why: format!("it is {:?}", super::last_line(&ended.stdout)),
            }));
        }
        let answers = !self.answers.cards.is_empty();
        if answers && question != Question::Processes { self.ask(Question::Processes) } else { self.watch() }
    }

    fn finish(&mut self) -> Need {
        let elapsed =
            self.began.map_or_else(Default::default, |began| clock::tick().saturating_duration_since(began));
        let reading = seen::Reading {
            cards: std::mem::take(&mut self.cards),
            nvidia: std::mem::take(&mut self.answers),
            before: std::mem::take(&mut self.before),
            after: fdinfo::users(&self.root),
            elapsed,
            wanted: self.process.map(|name| processes(&self.root, name)),
        };
        Need::Seen(Ok(reading.observation()))
    }
}

impl Looking for Gpu<'_> {
    fn next(&mut self, given: Given) -> Need {
        match (given, self.asked, self.began) {
            (Given::Ended(ended), Some(question), _) => self.answered(question, &ended),
            (Given::Nothing | Given::Answered(_) | Given::Ended(_), _, None) => self.begin(),
            (Given::Nothing | Given::Answered(_) | Given::Ended(_), _, Some(_)) => self.finish(),
        }
    }
}

/// The processes of that name: what the kernel calls them, or the program that they run. Browsers run their helpers
/// under other names and the same program.
fn processes(root: &Path, name: &str) -> BTreeSet<u32> {
    let entries = fs::read_dir(root.join("proc")).into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let folder = root.join("proc").join(pid.to_string());
        let text = |file: &str| {
            fs::read(folder.join(file))
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .unwrap_or_default()
        };
        let command = text("cmdline");
        named(text("comm").trim_end_matches('\n'), &command, name) || runs(&command, name)
    })
    .collect()
}

/// Whether a command line begins with that program. Some rewrite theirs with spaces, and NixOS wraps programs.
fn runs(command: &str, name: &str) -> bool {
    let program = command.split(['\0', ' ']).next().unwrap_or_default();
    let base = program.rsplit('/').next().unwrap_or_default();
    base == name || unwrapped(base) == name
}
