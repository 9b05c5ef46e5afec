//! Programs that a layer runs: found before they are needed, told as they were executed.

use super::files::quoted;
use super::raw::Raw;
use super::{LayerCx, LayerError};
use crate::model::{CommandLine, ProcessEnd, RunAs, Span};
use crate::system::host::Host;
use crate::system::process::{self, Captured, End, JobId, Spec, Watch};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The longest that one program of a layer may run.
const PATIENCE: Span = Span::seconds(30 * 60);
/// The most that is kept of what it prints.
const KEPT: usize = 1 << 20;

/// Whether a person's interrupt ends the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupts {
    /// While recording, and on the way forward.
    Heed,
    /// On the way back: half of a way back helps nobody.
    Ignore,
}

/// Passes everything on but interrupts.
struct Steadfast<'a>(&'a mut dyn Watch);

impl Watch for Steadfast<'_> {
    fn line(&mut self, job: JobId, text: &str) {
        self.0.line(job, text);
    }

    fn tick(&mut self) {
        self.0.tick();
    }

    fn interrupted(&mut self) -> bool {
        false
    }
}

/// Runs a program to its end and gives back what it printed; an error where it did not exit with 0.
pub(super) fn call(
    cx: &mut LayerCx<'_>,
    command: &CommandLine,
    who: RunAs,
    interrupts: Interrupts,
) -> Result<Vec<u8>, LayerError> {
    let (ids, env) = cx.host.identity(who)?;
    let spec = Spec { command: command.clone(), env, ids, timeout: PATIENCE, keep: KEPT, input: None };
    let ended = match interrupts {
        Interrupts::Heed => process::run(&spec, &mut *cx.watch),
        Interrupts::Ignore => process::run(&spec, &mut Steadfast(&mut *cx.watch)),
    };
    let how = match ended.end {
        End::Process(ProcessEnd::Exited(0)) => return whole(command, ended.stdout),
        End::Interrupted => return Err(LayerError::Interrupted),
        End::Process(ProcessEnd::Exited(status)) => format!("exited with status {status}"),
        End::Process(ProcessEnd::Signaled(signal)) => format!("was ended by signal {signal}"),
        End::TimedOut(after) => format!("was killed after {after}"),
        End::NotStarted(why) => format!("could not be started: {why}"),
    };
    Err(LayerError::Program { what: words(&command.argv), how: how + &last_line(&ended.stderr) })
}

fn whole(command: &CommandLine, printed: Captured) -> Result<Vec<u8>, LayerError> {
    let kept = printed.head.len() + printed.tail.len();
    if printed.total > kept as u64 {
        let how = format!("printed {} bytes, and at most {kept} are kept", printed.total);
        return Err(LayerError::Program { what: words(&command.argv), how });
    }
    Ok([printed.head, printed.tail].concat())
}

fn last_line(stderr: &Captured) -> String {
    let end = if stderr.tail.is_empty() { &stderr.head } else { &stderr.tail };
    let text = String::from_utf8_lossy(end);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map(|line| format!(": {}", line.trim())).unwrap_or_default()
}

/// The words of a command as a person would type them.
pub(super) fn words(argv: &[String]) -> String {
    argv.iter().map(|word| quoted(&Raw(word.clone().into_bytes()))).collect::<Vec<_>>().join(" ")
}

/// Where a program is on the path of children; a name with a `/` stands for itself.
pub(super) fn find(host: &Host, program: &str) -> Result<PathBuf, LayerError> {
    let runs = |path: &Path| {
        path.metadata().is_ok_and(|seen| seen.is_file() && seen.permissions().mode() & 0o111 != 0)
    };
    let found = if program.contains('/') {
        Some(PathBuf::from(program)).filter(|path| runs(path))
    } else {
        std::env::split_paths(&host.path).map(|folder| folder.join(program)).find(|path| runs(path))
    };
    found.ok_or_else(|| LayerError::NoProgram { program: program.to_owned() })
}
