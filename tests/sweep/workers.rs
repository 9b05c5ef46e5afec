//! Processes of this binary, each in a namespace of its own, that do a share of the work; and the folder in which they do
//! it.

use super::tracer;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;

/// No run takes so long, in milliseconds.
const PATIENCE: i32 = 300_000;
/// A namespace of processes for each worker: what looks through `/proc` then finds the same each time.
const ALONE: [&str; 5] = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
/// Where a worker with its own namespace has its world: every folder above it would be walked through.
const PLACE: &str = "/mnt";

/// A process of this binary that does a share, with the file into which it writes what it found.
pub(crate) struct Worker {
    process: Child,
    results: PathBuf,
}

impl Drop for Worker {
    /// A worker that hangs takes with it whatever it started.
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a worker with these words, its folder, and the words of the program.
///
/// # Errors
/// That it cannot be started.
pub(crate) fn start(words: &[&str], folder: &Path, program: &[String], root: &Path) -> io::Result<Worker> {
    let mut all: Vec<String> = alone().iter().map(|word| (*word).to_owned()).collect();
    all.push(std::env::current_exe()?.display().to_string());
    all.extend(words.iter().map(|word| (*word).to_owned()));
    all.push(folder.display().to_string());
    all.extend(program.iter().cloned());
    let process = tracer::command(&all, root)?.stdout(Stdio::piped()).spawn()?;
    Ok(Worker { process, results: folder.join("results") })
}

/// Waits for all of them, as long as at least one shows signs of life. Returns what they wrote.
///
/// # Errors
/// That one of them failed, or hangs.
pub(crate) fn attend(mut workers: Vec<Worker>) -> io::Result<Vec<String>> {
    let mut pipes: Vec<_> = workers.iter_mut().filter_map(|worker| worker.process.stdout.take()).collect();
    while !pipes.is_empty() {
        let mut waiting: Vec<PollFd> =
            pipes.iter().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
        if poll(&mut waiting, PollTimeout::try_from(PATIENCE).map_err(io::Error::other)?)? == 0 {
            return Err(io::Error::other(format!("no run was begun for {} s", PATIENCE / 1000)));
        }
        let ready: Vec<bool> = waiting.iter().map(|fd| fd.any() == Some(true)).collect();
        let mut open = Vec::new();
        for (mut pipe, ready) in pipes.into_iter().zip(ready) {
            if !ready || pipe.read(&mut [0; 4096])? > 0 {
                open.push(pipe);
            }
        }
        pipes = open;
    }
    let mut found = Vec::new();
    for worker in &mut workers {
        let status = worker.process.wait()?;
        if !status.success() {
            return Err(io::Error::other(format!("a worker ended with {status}")));
        }
        found.push(fs::read_to_string(&worker.results)?);
    }
    Ok(found)
}

/// The words that put a worker into a namespace of its own; none where that is not allowed.
pub(crate) fn alone() -> &'static [&'static str] {
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    let allowed = ALLOWED.get_or_init(|| {
        let words: Vec<String> = ALONE.iter().copied().chain(["true"]).map(str::to_owned).collect();
        tracer::command(&words, Path::new("/"))
            .and_then(|mut command| command.stderr(Stdio::null()).status())
            .is_ok_and(|status| status.success())
    });
    if *allowed { &ALONE } else { &[] }
}

/// As many as `SWEEP_WORKERS` says, or one for each core that may be used.
pub(crate) fn workers() -> usize {
    let asked = std::env::var("SWEEP_WORKERS").ok().and_then(|workers| workers.parse().ok());
    let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get());
    asked.unwrap_or_else(cores).max(1)
}

/// Holds this process, and so all that it starts, to one core: a tracer and its tracee then take turns without waking
/// another one, and two programs do not overtake each other as the machine's load has it.
///
/// # Errors
/// That the kernel does not allow it.
pub(crate) fn hold_to(nth: &str) -> io::Result<()> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let cores: Vec<usize> = (0..CpuSet::count()).filter(|core| allowed.is_set(*core) == Ok(true)).collect();
    let nth: usize = nth.parse().map_err(io::Error::other)?;
    if let Some(core) = cores.get(nth % cores.len().max(1)) {
        let mut one = CpuSet::new();
        one.set(*core)?;
        sched_setaffinity(Pid::from_raw(0), &one)?;
    }
    Ok(())
}

/// The folder that a worker kills in, with a copy of the program beside the state, so that capsules can link it. In
/// memory where the worker has its own namespace: SIGKILL loses nothing that was written, and a disk is slower.
///
/// # Errors
/// That the program cannot be copied there.
pub(crate) fn place(folder: &Path, program: &[String]) -> io::Result<(PathBuf, Vec<String>)> {
    let mut root = folder.join("world");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
    if std::process::id() == 1 && Path::new(PLACE).is_dir() {
        root = PathBuf::from(PLACE);
        let nothing = nix::mount::MsFlags::empty();
        nix::mount::mount(Some("sweep"), &root, Some("tmpfs"), nothing, Some("mode=0700"))?;
    }
    let (binary, rest) = program.split_first().ok_or_else(|| io::Error::other("no program"))?;
    let copy = root.join("program");
    fs::copy(binary, &copy)?;
    // A run hashes its program; names for a debugger are half of it. Where there is no `strip`, it takes longer.
    let strip = ["strip".to_owned(), copy.display().to_string()];
    let _ = tracer::command(&strip, folder).and_then(|mut strip| strip.stderr(Stdio::null()).status());
    let program = std::iter::once(copy.display().to_string()).chain(rest.iter().cloned()).collect();
    Ok((root, program))
}
