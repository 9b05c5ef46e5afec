//! SIGKILL at every system call of a small three-phase plan, then `resume` or `rollback`, each time judged.
//!
//! `cargo test --test sweep` takes a sample, whose seed it prints and `SWEEP_SEED` gives again; `SWEEP=full cargo test
//! --release --test sweep` takes every point. A word behind `--` chooses scenarios (`rollback`) or planted bugs
//! (`planted`, `planted-mode`). `SWITCHBACK_BIN` names another binary to sweep, `SWEEP_WORKERS` how many kill at the
//! same time. `docs/benchmarks.md` has the numbers.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command that shows what it did")]
#![expect(clippy::disallowed_methods, reason = "a command of its own: reads its environment and the clock")]

mod bugs;
mod claims;
mod journal;
mod judge;
mod model;
mod plan;
mod sweep;
mod tracer;
mod tree;
mod words;
mod world;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use sweep::{SCENARIOS, Scenario, Share, Tally};
use world::World;

/// Points of each scenario in a sample.
const SAMPLE: u64 = 24;
/// Points of each scenario in a sample of the model runner that is correct.
const MODEL_SAMPLE: u64 = 16;
/// No point takes so long, in milliseconds.
const PATIENCE: u16 = 60_000;
/// A namespace of processes for each worker: what looks through `/proc` then finds the same each time.
const ALONE: [&str; 5] = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
/// Where a worker with its own namespace has its world: every folder above it would be walked through.
const PLACE: &str = "/mnt";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.first().map(String::as_str) {
        Some("model") => return model::main(&words[1..]).map_or(ExitCode::FAILURE, ExitCode::from),
        Some("worker") => worker(&words[1..]).map(|()| true),
        Some("planted") if words.len() > 4 => planted_worker(&words[1..]).map(|()| true),
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

/// What is to be done, as it was asked for.
#[derive(Debug, Clone, Copy)]
struct Wish {
    /// Every point, and not a sample.
    full: bool,
    /// Where a sample begins.
    seed: u64,
}

/// The planted bugs first: a harness that misses one proves nothing.
fn everything(words: &[String]) -> io::Result<bool> {
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let exact = words.iter().any(|word| word == "--exact");
    let fits = |name: &str, filter: &str| if exact { name == filter } else { name.contains(filter) };
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|filter| fits(name, filter));
    let seed = std::env::var("SWEEP_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let wish = Wish {
        full: std::env::var("SWEEP").is_ok_and(|mode| mode == "full"),
        seed: seed.unwrap_or_else(|| u64::from(now / 1000)),
    };
    println!("{} workers, SWEEP_SEED={}", workers(), wish.seed);
    if alone().is_empty() {
        println!("no namespaces here: runs differ in length by what else is alive");
    }
    let planted: Vec<bugs::Planted> =
        bugs::PLANTED.into_iter().filter(|planted| wanted(&format!("planted-{}", planted.name))).collect();
    if !all_caught(&planted, wish)? {
        println!("the harness misses planted bugs; the real sweep would prove nothing");
        return Ok(false);
    }
    let mut good = true;
    for scenario in SCENARIOS.iter().filter(|scenario| wanted(&format!("planted-none-{}", scenario.name))) {
        let program = [std::env::current_exe()?.display().to_string(), "model".to_owned(), "none".to_owned()];
        let tally = sweep_with(scenario, &program, (!wish.full).then_some(MODEL_SAMPLE), wish.seed)?;
        let held = tally.complaints.is_empty() && tally.executed == tally.planned;
        println!(
            "the model without a bug, {}: {} kills planned, {} executed, blamed {} times",
            scenario.name,
            tally.planned,
            tally.executed,
            tally.complaints.len()
        );
        tally.complaints.iter().take(3).for_each(|complaint| println!("    {complaint}"));
        good &= held;
    }
    for scenario in SCENARIOS.iter().filter(|scenario| wanted(scenario.name)) {
        good &= real(scenario, wish)?;
    }
    Ok(good)
}

/// Sweeps the model runner with each bug until it is caught by the rule that it breaks.
fn all_caught(planted: &[bugs::Planted], wish: Wish) -> io::Result<bool> {
    let mut good = true;
    let seed = wish.seed.to_string();
    for some in planted.chunks(usize::try_from(workers()).unwrap_or(1)) {
        let root = tempfile::Builder::new().prefix("sweep-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let myself = std::env::current_exe()?.display().to_string();
        let mut started = Vec::new();
        for (cpu, planted) in some.iter().enumerate() {
            let program = [myself.clone(), "model".to_owned(), planted.name.to_owned()];
            let words = ["planted", planted.scenario, &cpu.to_string(), &seed, planted.blame];
            started.push(start(&words, &root.path().join(cpu.to_string()), &program, root.path())?);
        }
        for (planted, lines) in some.iter().zip(attend(started)?) {
            let mut tally = Tally::default();
            tally.add(&lines);
            let caught = tally.complaints.iter().find(|complaint| complaint.contains(planted.blame));
            match caught {
                Some(complaint) => {
                    let first = complaint.lines().next().unwrap_or_default();
                    println!(
                        "planted bug {}: caught by kill {} of its sweep\n    {first}",
                        planted.name, tally.executed
                    );
                }
                None => println!(
                    "planted bug {}, {}: NOT CAUGHT by {} kills; looked for {:?} in\n    {}",
                    planted.name,
                    planted.scenario,
                    tally.executed,
                    planted.blame,
                    by_kind(&tally.complaints)
                        .values()
                        .map(|(_, one)| *one)
                        .collect::<Vec<_>>()
                        .join("\n    ")
                ),
            }
            good &= caught.is_some();
        }
    }
    Ok(good)
}

fn real(scenario: &Scenario, wish: Wish) -> io::Result<bool> {
    let binary =
        std::env::var("SWITCHBACK_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_switchback").to_owned());
    let binary = fs::canonicalize(binary)?.display().to_string();
    let (began, used) = (Instant::now(), cpu_seconds()?);
    let tally = sweep_with(scenario, &[binary], (!wish.full).then_some(SAMPLE), wish.seed)?;
    println!(
        "\n{}: {} ({} kills planned, {} executed, of them {} behind the counted end; {} runs ended early and were made again), {:.0} s, {:.0} s of CPU",
        scenario.name,
        if wish.full { "every point" } else { "a sample; SWEEP=full takes every point" },
        tally.planned,
        tally.executed,
        tally.beyond,
        tally.again,
        began.elapsed().as_secs_f64(),
        cpu_seconds()? - used,
    );
    for (end, times) in &tally.ends {
        println!("    {times:6}  {end}");
    }
    for (times, example) in by_kind(&tally.complaints).values() {
        println!("  WRONG, {times} times; for example {}", example.replace('\n', "\n         "));
    }
    let whole = tally.planned == tally.executed;
    if !whole {
        println!("  NOT WHOLE: {} kills planned, {} executed", tally.planned, tally.executed);
    }
    Ok(whole && tally.complaints.is_empty())
}

/// What all children that have ended took: on a machine that does other things as well it tells more than the clock.
fn cpu_seconds() -> io::Result<f64> {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: TimeVal| Duration::from_micros(time.num_microseconds().unsigned_abs()).as_secs_f64();
    Ok(seconds(used.user_time()) + seconds(used.system_time()))
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

/// The name of a system call.
fn name_of(call: u64) -> String {
    let known = usize::try_from(call).ok().and_then(syscalls::Sysno::new);
    known.map_or_else(|| format!("system call {call}"), |known| known.name().to_owned())
}

/// Runs the workers and adds up what they say.
fn sweep_with(scenario: &Scenario, program: &[String], sample: Option<u64>, seed: u64) -> io::Result<Tally> {
    // Not below a folder that everybody may write: a plan from there is refused.
    let root = tempfile::Builder::new().prefix("sweep-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let counted = start(&["count", scenario.name], &root.path().join("count"), program, root.path())?;
    let counted = attend(vec![counted])?.concat();
    let (lengths, calls) = counted.split_once('\n').unwrap_or_default();
    let lengths: Vec<u64> = lengths.split(' ').filter_map(|length| length.parse().ok()).collect();
    let length = *lengths.get(lengths.len() / 2).ok_or_else(|| io::Error::other("nothing was counted"))?;
    let mut tally = Tally::default();
    let mut started = Vec::new();
    for number in 0..workers() {
        let every = sample.map_or(1, |points| (length / points).max(1));
        let stride = workers() * every;
        let offset = seed % every + number * every;
        let points = length.saturating_sub(offset).div_ceil(stride);
        tally.planned += points;
        let share =
            [offset, stride, points, length, u64::from(sample.is_none())].map(|number| number.to_string());
        let cpu = number.to_string();
        let words: Vec<&str> =
            ["worker", scenario.name, &cpu].into_iter().chain(share.iter().map(String::as_str)).collect();
        started.push(start(&words, &root.path().join(format!("worker-{number}")), program, root.path())?);
    }
    for lines in attend(started)? {
        tally.add(&lines);
    }
    if sample.is_none() {
        show_calls(&lengths, calls, &tally);
    }
    Ok(tally)
}

/// The system calls of an unharmed run, and those at which was killed: by name they must be the same, but for the few
/// in which runs differ.
fn show_calls(lengths: &[u64], calls: &str, tally: &Tally) {
    let mut names: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for (call, times) in calls.lines().filter_map(|line| line.split_once(' ')) {
        names.entry(call.parse().unwrap_or(u64::MAX)).or_default().0 = times.parse().unwrap_or(0);
    }
    for (call, times) in &tally.calls {
        names.entry(*call).or_default().1 = *times;
    }
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(_, (made, _))| std::cmp::Reverse(*made));
    let moved: u64 = names.iter().map(|(_, (made, killed))| made.abs_diff(*killed)).sum();
    let shown: Vec<String> = names
        .iter()
        .take(16)
        .map(|(call, (made, killed))| format!("{} {made}/{killed}", name_of(*call)))
        .collect();
    println!(
        "\nunharmed runs made {lengths:?} calls, of which the middle one counts; made/killed at by name, the {} \
         most frequent of {}: {}; sum of all differences: {moved}",
        shown.len(),
        names.len(),
        shown.join(", ")
    );
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

/// As many as `SWEEP_WORKERS` says, or one for each core that may be used.
fn workers() -> u64 {
    let asked = std::env::var("SWEEP_WORKERS").ok().and_then(|workers| workers.parse().ok());
    let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    asked.unwrap_or_else(cores).max(1)
}

/// Holds this process, and so all that it starts, to one core: a tracer and its tracee then take turns without waking
/// another one, and two programs do not overtake each other as the machine's load has it.
fn hold_to(nth: &str) -> io::Result<()> {
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

fn worker(words: &[String]) -> io::Result<()> {
    let [name, cpu, first, stride, points, length, beyond, folder, program @ ..] = words else {
        return Err(io::Error::other("a worker needs its share"));
    };
    hold_to(cpu)?;
    let scenario = scenario(name)?;
    let number = |word: &String| word.parse::<u64>().map_err(io::Error::other);
    let share = Share {
        first: number(first)?,
        stride: number(stride)?,
        points: number(points)?,
        length: number(length)?,
        beyond: number(beyond)? == 1,
        until: None,
    };
    let (root, program) = place(Path::new(folder), program)?;
    let world = World::build(&root, &program, scenario.variant, scenario.before)?;
    sweep::work(&world, scenario, &share, &Path::new(folder).join("results"))
}

/// Kills the model with a bug all over its run until the bug is caught.
fn planted_worker(words: &[String]) -> io::Result<()> {
    let [name, cpu, seed, blame, folder, program @ ..] = words else {
        return Err(io::Error::other("which bug?"));
    };
    hold_to(cpu)?;
    let scenario = scenario(name)?;
    let (root, mut program) = place(Path::new(folder), program)?;
    // The world is built, and what stands before is made, by the model without the bug.
    let bug = program.last().cloned().unwrap_or_default();
    program.pop();
    program.push("none".to_owned());
    let mut world = World::build(&root, &program, scenario.variant, scenario.before)?;
    program.pop();
    program.push(bug);
    world.program = program;
    let length = sweep::count(&world, scenario)?.entered;
    // Steps of the golden ratio come near to every point soon, and to each of them in the end.
    let golden = length * 382 / 1000;
    let stride = (golden.max(1)..).find(|stride| coprime(*stride, length)).unwrap_or(1);
    let first = seed.parse::<u64>().map_err(io::Error::other)? % length;
    let share = Share { first, stride, points: length, length, beyond: false, until: Some(blame.clone()) };
    sweep::work(&world, scenario, &share, &Path::new(folder).join("results"))
}

const fn coprime(a: u64, b: u64) -> bool {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

/// The length of a run: that of five, sorted, and the calls of the one in the middle.
fn count(words: &[String]) -> io::Result<()> {
    let [name, folder, program @ ..] = words else {
        return Err(io::Error::other("what shall be counted?"));
    };
    hold_to("0")?;
    let scenario = scenario(name)?;
    let (root, program) = place(Path::new(folder), program)?;
    let world = World::build(&root, &program, scenario.variant, scenario.before)?;
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(sweep::count(&world, scenario)?);
    }
    runs.sort_by_key(|run| run.entered);
    let lengths: Vec<String> = runs.iter().map(|run| run.entered.to_string()).collect();
    let calls: Vec<String> = runs[2].calls.iter().map(|(call, times)| format!("{call} {times}")).collect();
    fs::write(Path::new(folder).join("results"), format!("{}\n{}", lengths.join(" "), calls.join("\n")))
}

/// The folder that a worker kills in, with a copy of the program beside the state, so that capsules can link it. In
/// memory where the worker has its own namespace: SIGKILL loses nothing that was written, and a disk is slower.
fn place(folder: &Path, program: &[String]) -> io::Result<(PathBuf, Vec<String>)> {
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
