//! Probes: each reads a value from the machine and judges nothing. Reading and understanding are two functions:
//! every `parse` is pure.

pub(super) mod applications;
mod boot;
mod booted;
mod cgroup;
pub(super) mod cpu;
mod cpu_use;
mod desktop_setting;
mod disk;
pub(super) mod file;
mod generations;
pub(super) mod gpu;
pub(super) mod graphics;
pub(super) mod journal;
pub(super) mod kernel_parameter;
pub(super) mod measure;
pub(super) mod memory;
pub(super) mod mount;
pub(super) mod nix;
pub(super) mod process;
pub(super) mod run;
mod session;
pub(super) mod units;

use super::ProbeError;
use crate::model::{CommandLine, Observation, Probe, ProcessEnd, Span, Timestamp};
use crate::system::process::{Captured, End, Ended};
use std::path::Path;

/// What a look needs next.
#[derive(Debug)]
pub(super) enum Need {
    /// A child, and how many bytes of each of its streams are kept.
    Child(CommandLine, usize),
    /// A child whose whole standard output is handed to [`Looking::take`] as it comes.
    Stream(CommandLine),
    /// An answer to this question.
    Answer(String),
    /// To be called again after this long.
    Pause(Span),
    /// Nothing more.
    Seen(Result<Observation, ProbeError>),
}

/// What a look got.
#[derive(Debug)]
pub(super) enum Given {
    /// Nothing yet: it begins.
    Nothing,
    /// The child it asked for is gone.
    Ended(Box<Ended>),
    /// The answer; nothing where nobody is there.
    Answered(Option<bool>),
}

/// One look at the machine, a step at a time.
pub(super) trait Looking {
    /// What it needs next, now that it has this.
    fn next(&mut self, given: Given) -> Need;
    /// The next bytes of the stream that it asked for; before the child is told to have ended.
    fn take(&mut self, _: &[u8]) {}

    /// Whether what its children say is kept as evidence.
    fn has_evidence(&self) -> bool {
        true
    }
}

/// What a probe may know besides its own settings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) phase_started: Option<Timestamp>,
    pub(super) now: Timestamp,
    pub(super) baseline: Option<&'a Observation>,
    /// For whom: the user id of whoever called, 0 where that is root or nobody knows.
    pub(super) user: u32,
}

/// A probe that reads files and needs no child.
struct AtOnce<F>(F);

impl<F: FnMut() -> Result<Observation, ProbeError>> Looking for AtOnce<F> {
    fn next(&mut self, _: Given) -> Need {
        Need::Seen((self.0)())
    }
}

/// A probe that needs one child.
pub(super) struct OneChild<F> {
    pub(super) command: CommandLine,
    pub(super) keep: usize,
    pub(super) read: F,
}

impl<F: FnMut(&Ended) -> Result<Observation, ProbeError>> Looking for OneChild<F> {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => Need::Seen((self.read)(&ended)),
            Given::Nothing | Given::Answered(_) => Need::Child(self.command.clone(), self.keep),
        }
    }
}

/// The probe as a look that can be taken.
pub(super) fn begin<'a>(probe: &'a Probe, around: Circumstances<'_>) -> Box<dyn Looking + 'a> {
    match probe {
        Probe::Run { command, parse } => Box::new(OneChild {
            command: command.clone(),
            keep: run::KEPT,
            read: |ended: &Ended| run::read(program(command), *parse, ended),
        }),
        Probe::File { path } => Box::new(AtOnce(|| file::read(path))),
        Probe::Mount { path } => Box::new(AtOnce(|| mount::read(path))),
        Probe::Applications => Box::new(AtOnce(|| applications::read(Path::new("/")))),
        Probe::Cpu => Box::new(AtOnce(|| cpu::read(Path::new("/")))),
        Probe::CpuUse { name, pattern, over } => {
            Box::new(cpu_use::CpuUse::new(name.as_deref(), pattern.as_deref(), *over))
        }
        Probe::Gpu { process } => Box::new(gpu::Gpu::new(process.as_deref())),
        Probe::Measure { what, times, warmup, every } => {
            Box::new(measure::Measuring::new(what, *times, *warmup, *every, around))
        }
        Probe::Memory => Box::new(AtOnce(|| memory::read(Path::new("/")))),
        Probe::Process { name, pattern } => {
            Box::new(AtOnce(|| process::read(name.as_deref(), pattern.as_deref())))
        }
        Probe::Units { manager, names } => Box::new(units::Units::new(*manager, names)),
        Probe::Journal { .. } => match journal::Filter::of(probe, around) {
            Ok(filter) => Box::new(journal::Reading::new(filter)),
            Err(why) => Box::new(AtOnce(move || Err(why.clone()))),
        },
        Probe::Boot => Box::new(boot::Boot::default()),
        Probe::Cgroup { manager, names } => Box::new(cgroup::Cgroup::new(*manager, names)),
        Probe::Disk => Box::new(AtOnce(disk::read)),
        Probe::Generations { of, profiles } => Box::new(generations::Generations { of: *of, profiles }),
        Probe::DesktopSetting(setting) => Box::new(desktop_setting::Reading::new(setting)),
        Probe::Session => Box::new(session::Session::new(around)),
        Probe::KernelParameter { name } => Box::new(AtOnce(|| kernel_parameter::read(name))),
        Probe::Nix(question) => nix::begin(question),
        Probe::Graphics(what) => graphics::begin(what, around),
    }
}

/// A tool whose words are read: it speaks English.
pub(super) fn tool<T: Into<String>>(argv: impl IntoIterator<Item = T>) -> CommandLine {
    let mut command = CommandLine::new(argv);
    command.env.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
    command
}

/// The program of a command line, for messages.
pub(super) fn program(command: &CommandLine) -> &str {
    command.argv.first().map_or("nothing", String::as_str)
}

/// How a child ended by itself.
///
/// # Errors
/// Where it was not started, was killed because its time was up, or was interrupted.
pub(super) fn process_end(program: &str, ended: &Ended) -> Result<ProcessEnd, ProbeError> {
    match &ended.end {
        End::Process(end) => Ok(*end),
        End::TimedOut(after) => Err(ProbeError::TimedOut { what: format!("`{program}`"), after: *after }),
        End::Interrupted => Err(ProbeError::Interrupted),
        End::NotStarted(why) => {
            // The program is named once.
            let why = why.strip_prefix(program).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(why);
            Err(ProbeError::NotStarted { program: format!("`{program}`"), why: why.to_owned() })
        }
    }
}

/// The exit status as shells count it: 128 and the signal where a signal ended it.
pub(super) const fn status(end: ProcessEnd) -> i32 {
    match end {
        ProcessEnd::Exited(status) => status,
        ProcessEnd::Signaled(signal) => 128 + signal,
    }
}

/// A stream as text; nothing where only a part of it was kept.
pub(super) fn whole(stream: &Captured) -> Option<String> {
    let kept = stream.head.len() + stream.tail.len();
    (u64::try_from(kept).ok()? >= stream.total).then(|| {
        let mut bytes = stream.head.clone();
        bytes.extend_from_slice(&stream.tail);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The last line of a stream that says something.
pub(super) fn last_line(stream: &Captured) -> String {
    let end = if stream.tail.is_empty() { &stream.head } else { &stream.tail };
    let text = String::from_utf8_lossy(end);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

/// A small text file of the kernel.
pub(super) fn read_text(path: &Path) -> Result<String, ProbeError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(why) => {
            Err(ProbeError::Unreadable { what: path.display().to_string(), why: why.kind().to_string() })
        }
    }
}

#[cfg(test)]
pub(super) fn ended(end: End, stdout: &str, stderr: &str) -> Ended {
    let stream = |text: &str| Captured {
        head: text.as_bytes().to_vec(),
        tail: Vec::new(),
        total: u64::try_from(text.len()).expect("a length"),
    };
    Ended {
        end,
        stdout: stream(stdout),
        stderr: stream(stderr),
        took: std::time::Duration::from_micros(1_500_500),
        left: Vec::new(),
    }
}
