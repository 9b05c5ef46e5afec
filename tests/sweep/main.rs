//! SIGKILL at every system call of a small three-phase plan, then `resume` or `rollback`, each time judged.
//!
//! `cargo test --test sweep` takes a sample; `SWEEP=full cargo test --release --test sweep` takes every point.
//! `SWITCHBACK_BIN` names another binary to sweep. `docs/benchmarks.md` has the numbers.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command that shows what it did")]
#![expect(clippy::disallowed_methods, reason = "a command of its own: reads its environment and the clock")]

mod journal;
mod judge;
mod model;
mod plan;
mod sweep;
mod tracer;
mod tree;
mod world;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, Stdio};
use std::sync::OnceLock;
use std::time::Instant;
use sweep::{SCENARIOS, Scenario, Share, Tally};
use world::World;

/// Points of each scenario in a sample.
const SAMPLE: u64 = 48;
/// Points of each scenario in a sample, for a model with a planted bug.
const PLANTED_SAMPLE: u64 = 80;
/// Two cores, two workers: more would only make the runs differ in length.
const WORKERS: u64 = 2;
/// No point takes so long, in milliseconds.
const PATIENCE: u16 = 60_000;
/// A namespace of processes for each worker: what looks through `/proc` then finds the same each time.
const ALONE: [&str; 5] = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.first().map(String::as_str) {
        Some("model") => return model::main(&words[1..]).map_or(ExitCode::FAILURE, ExitCode::from),
        Some("worker") => worker(&words[1..]).map(|()| true),
        Some("count") => count(&words[1..]).map(|()| true),
        Some("--list") => {
            println!("sweep: test");
            Ok(true)
        }
        Some(_) | None => everything(&words),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("the harness failed: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The planted bugs first: a harness that misses one proves nothing.
fn everything(words: &[String]) -> io::Result<bool> {
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let wanted =
        |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let full = std::env::var("SWEEP").is_ok_and(|mode| mode == "full");
    let mut good = true;
    if alone().is_empty() {
        println!(
            "no namespaces here: runs differ in length by what else is alive, and some points lie behind the end"
        );
    }
    for (bug, name, scenarios) in model::Bug::ALL {
        if wanted(&format!("planted-{name}")) {
            good &= planted(bug, name, scenarios, full)?;
        }
    }
    if !good {
        println!("the harness misses planted bugs; the real sweep would prove nothing");
        return Ok(false);
    }
    for scenario in SCENARIOS.iter().filter(|scenario| wanted(scenario.name)) {
        good &= real(scenario, full)?;
    }
    Ok(good)
}

/// Sweeps the model runner with a bug: it must be caught, and the correct one must pass.
fn planted(bug: model::Bug, name: &str, scenarios: &[&str], full: bool) -> io::Result<bool> {
    let myself = std::env::current_exe()?.display().to_string();
    let program = [myself, "model".to_owned(), name.to_owned()];
    let mut good = true;
    for scenario in SCENARIOS.iter().filter(|scenario| scenarios.contains(&scenario.name)) {
        let tally = sweep_with(scenario, &program, (!full).then_some(PLANTED_SAMPLE))?;
        let caught = tally.complaints.len();
        let (held, verdict) = match (bug, caught) {
            (model::Bug::None, 0) => (true, "passes, as it must".to_owned()),
            (model::Bug::None, _) => (false, format!("blamed {caught} times, though it is correct")),
            (_, 0) => (false, "NOT CAUGHT".to_owned()),
            (_, _) => (true, format!("caught {caught} times")),
        };
        println!("planted bug {name}, {}: {} kills; {verdict}", scenario.name, tally.executed);
        if let Some(first) = tally.complaints.first() {
            println!("    {}", first.lines().next().unwrap_or_default());
        }
        if let Some(why) = shortfall(&tally) {
            println!("    {why}");
        }
        good &= held && shortfall(&tally).is_none();
    }
    Ok(good)
}

fn real(scenario: &Scenario, full: bool) -> io::Result<bool> {
    let binary =
        std::env::var("SWITCHBACK_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_switchback").to_owned());
    let began = Instant::now();
    let tally = sweep_with(scenario, &[binary], (!full).then_some(SAMPLE))?;
    println!(
        "\n{}: {} ({} kills planned, {} executed, {} behind the end), {:.0} s",
        scenario.name,
        if full { "every point" } else { "a sample; SWEEP=full takes every point" },
        tally.planned,
        tally.executed,
        tally.beyond.len(),
        began.elapsed().as_secs_f64(),
    );
    for (end, times) in &tally.ends {
        println!("    {times:6}  {end}");
    }
    for (times, example) in by_kind(&tally.complaints).values() {
        println!("  WRONG, {times} times; for example {}", example.replace('\n', "\n         "));
    }
    if let Some(why) = shortfall(&tally) {
        println!("  {why}");
        return Ok(false);
    }
    Ok(tally.complaints.is_empty())
}

/// Complaints that differ only in numbers are one kind; one example of each is enough to read.
fn by_kind(complaints: &[String]) -> BTreeMap<String, (u32, &str)> {
    let mut kinds = BTreeMap::new();
    for complaint in complaints {
        let told = complaint.split_once(", then ").map_or(complaint.as_str(), |(_, told)| told);
        let kind: String = told.chars().filter(|letter| !letter.is_ascii_digit()).take(160).collect();
        kinds.entry(kind).or_insert((0, complaint.as_str())).0 += 1;
    }
    kinds
}

/// Why a sweep may not be believed: a green one that ended early is worse than a red one.
fn shortfall(tally: &Tally) -> Option<String> {
    let beyond = tally.beyond.len() as u64;
    if tally.executed + beyond != tally.planned {
        return Some(format!("{} kills planned, {} executed", tally.planned, tally.executed));
    }
    // Runs differ in length by the few calls of a wait that was woken once more.
    let allowed = 2 + tally.planned / 20;
    (beyond > allowed).then(|| format!("{beyond} points lay behind the end, at most {allowed} may"))
}

/// Runs the workers and adds up what they say.
fn sweep_with(scenario: &Scenario, program: &[String], sample: Option<u64>) -> io::Result<Tally> {
    // Not below a folder that everybody may write: a plan from there is refused.
    let root = tempfile::Builder::new().prefix("sweep-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let counted = start(&["count", scenario.name], &root.path().join("count"), program, root.path())?;
    let length: u64 = attend(vec![counted])?.concat().trim().parse().map_err(io::Error::other)?;
    // Odd, so that both ways to recover are taken.
    let every = sample.map_or(1, |points| (length / points) | 1);
    let mut tally = Tally::default();
    let mut workers = Vec::new();
    for number in 0..WORKERS {
        let share = Share { first: 1 + number * every, stride: WORKERS * every, last: length };
        tally.planned += (length + share.stride).saturating_sub(share.first) / share.stride;
        let points = [share.first, share.stride, share.last].map(|number| number.to_string());
        let words = ["worker", scenario.name, &points[0], &points[1], &points[2]];
        workers.push(start(&words, &root.path().join(format!("worker-{number}")), program, root.path())?);
    }
    for lines in attend(workers)? {
        tally.add(&lines);
    }
    Ok(tally)
}

/// A process of this binary that does a share, with the file into which it writes what it found.
struct Worker {
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

fn start(words: &[&str], folder: &Path, program: &[String], root: &Path) -> io::Result<Worker> {
    let mut all: Vec<String> = alone().iter().map(|word| (*word).to_owned()).collect();
    all.push(std::env::current_exe()?.display().to_string());
    all.extend(words.iter().map(|word| (*word).to_owned()));
    all.push(folder.display().to_string());
    all.extend(program.iter().cloned());
    let process = tracer::command(&all, root)?.stdout(Stdio::piped()).spawn()?;
    Ok(Worker { process, results: folder.join("results") })
}

/// Waits for all of them, as long as at least one shows signs of life. Returns what they wrote.
fn attend(mut workers: Vec<Worker>) -> io::Result<Vec<String>> {
    let mut pipes: Vec<_> = workers.iter_mut().filter_map(|worker| worker.process.stdout.take()).collect();
    while !pipes.is_empty() {
        let mut waiting: Vec<PollFd> =
            pipes.iter().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
        if poll(&mut waiting, PollTimeout::from(PATIENCE))? == 0 {
            return Err(io::Error::other(format!("no point was finished for {} s", PATIENCE / 1000)));
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
fn alone() -> &'static [&'static str] {
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    let allowed = ALLOWED.get_or_init(|| {
        let words: Vec<String> = ALONE.iter().copied().chain(["true"]).map(str::to_owned).collect();
        tracer::command(&words, Path::new("/"))
            .and_then(|mut command| command.stderr(Stdio::null()).status())
            .is_ok_and(|status| status.success())
    });
    if *allowed { &ALONE } else { &[] }
}

fn scenario(name: &str) -> io::Result<&'static Scenario> {
    let known = SCENARIOS.iter().find(|scenario| scenario.name == name);
    known.ok_or_else(|| io::Error::other(format!("no scenario {name}")))
}

fn worker(words: &[String]) -> io::Result<()> {
    let [name, first, stride, last, folder, program @ ..] = words else {
        return Err(io::Error::other("a worker needs its share"));
    };
    let scenario = scenario(name)?;
    let number = |word: &String| word.parse::<u64>().map_err(io::Error::other);
    let share = Share { first: number(first)?, stride: number(stride)?, last: number(last)? };
    let (root, program) = place(Path::new(folder), program)?;
    let world = World::build(&root, &program, scenario.variant, scenario.before)?;
    sweep::work(&world, scenario, share, &Path::new(folder).join("results"))
}

/// The length of a run: the longest of three.
fn count(words: &[String]) -> io::Result<()> {
    let [name, folder, program @ ..] = words else {
        return Err(io::Error::other("what shall be counted?"));
    };
    let scenario = scenario(name)?;
    let (root, program) = place(Path::new(folder), program)?;
    let world = World::build(&root, &program, scenario.variant, scenario.before)?;
    let mut longest = 0;
    for _ in 0..3 {
        longest = longest.max(sweep::count(&world, scenario)?);
    }
    fs::write(Path::new(folder).join("results"), longest.to_string())
}

/// The folder that a worker kills in, with a copy of the program beside the state, so that capsules can link it. In
/// memory where the worker has its own namespace: SIGKILL loses nothing that was written, and a disk is slower.
fn place(folder: &Path, program: &[String]) -> io::Result<(PathBuf, Vec<String>)> {
    let root = folder.join("world");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
    if std::process::id() == 1 {
        let nothing = nix::mount::MsFlags::empty();
        nix::mount::mount(Some("sweep"), &root, Some("tmpfs"), nothing, Some("mode=0700"))?;
    }
    let (binary, rest) = program.split_first().ok_or_else(|| io::Error::other("no program"))?;
    let copy = root.join("program");
    fs::copy(binary, &copy)?;
    let program = std::iter::once(copy.display().to_string()).chain(rest.iter().cloned()).collect();
    Ok((root, program))
}
