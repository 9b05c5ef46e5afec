//! SIGKILL at every system call of a small three-phase plan, then `resume` or `rollback`, each time judged.
//!
//! `cargo test --test sweep` takes a sample, whose seed it prints and `SWEEP_SEED` gives again; `SWEEP=full cargo test
//! --release --test sweep` takes every point, and with `SWEEP_LOG=FILE` what that file says of the same binary is not
//! done again. A word behind `--` chooses scenarios (`rollback`) or planted bugs (`planted`, `planted-mode`).
//! `SWITCHBACK_BIN` names another binary to sweep, `SWEEP_WORKERS` how many kill at the same time.
//! `docs/benchmarks.md` has the numbers.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command that shows what it did")]
#![expect(clippy::disallowed_methods, reason = "a command of its own: reads its environment and the clock")]

mod bugs;
mod claims;
mod journal;
mod judge;
mod log;
mod model;
mod plan;
mod points;
mod sweep;
#[expect(dead_code, reason = "the lab lets calls fail")]
mod tracer;
mod tree;
mod words;
mod workers;
mod world;

use log::{Entry, Log};
use points::Plan;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use sweep::{Counted, Manner, SCENARIOS, Scenario, Tally};
use workers::{alone, attend, hold_to, place, start, workers};
use world::World;

/// Points of each scenario in a sample.
const SAMPLE: usize = 24;
/// Points of each scenario in a sample of the model runner that is correct.
const MODEL_SAMPLE: usize = 16;
/// Unharmed runs that are counted before every point is taken, and before a sample is.
const COUNTED: (u32, u32) = (20, 5);

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
    seed: usize,
}

impl Wish {
    /// What it means for the program.
    const fn real(self) -> Wanted {
        self.of(SAMPLE)
    }

    /// What it means for the model runner.
    const fn model(self) -> Wanted {
        self.of(MODEL_SAMPLE)
    }

    const fn of(self, points: usize) -> Wanted {
        Wanted { sample: if self.full { None } else { Some(points) }, seed: self.seed, leaves_one_out: false }
    }
}

/// What is to be done with one scenario.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// About so many points, or all of them.
    sample: Option<usize>,
    /// Where the sample begins.
    seed: usize,
    /// Whether each worker passes over a point.
    leaves_one_out: bool,
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
        seed: seed.unwrap_or(now as usize / 1000),
    };
    let log = Log::at(std::env::var_os("SWEEP_LOG").filter(|_| wish.full).map(PathBuf::from))?;
    println!("{} workers, SWEEP_SEED={}", workers(), wish.seed);
    if alone().is_empty() {
        println!("no namespaces here: runs differ in length by what else is alive");
    }
    let planted: Vec<bugs::Planted> =
        bugs::PLANTED.into_iter().filter(|planted| wanted(&format!("planted-{}", planted.name))).collect();
    if !all_caught(&planted, wish, &log)? {
        println!("the harness misses planted bugs; the real sweep would prove nothing");
        return Ok(false);
    }
    let mut good = true;
    if wanted("planted-leaves-one-out") {
        good &= holes_are_seen(wish)?;
    }
    let myself = std::env::current_exe()?;
    for scenario in SCENARIOS.iter().filter(|scenario| wanted(&format!("planted-none-{}", scenario.name))) {
        let name = format!("planted-none-{}", scenario.name);
        good &= swept(&name, scenario, &myself, &model("none")?, wish.model(), &log)?;
    }
    let binary =
        std::env::var("SWITCHBACK_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_switchback").to_owned());
    let binary = fs::canonicalize(binary)?;
    for scenario in SCENARIOS.iter().filter(|scenario| wanted(scenario.name)) {
        let program = [binary.display().to_string()];
        good &= swept(scenario.name, scenario, &binary, &program, wish.real(), &log)?;
    }
    Ok(good)
}

/// The words that start the model runner with a bug.
fn model(bug: &str) -> io::Result<[String; 3]> {
    Ok([std::env::current_exe()?.display().to_string(), "model".to_owned(), bug.to_owned()])
}

/// The harness itself with a bug: a point that it passes over makes a hole in the sweep.
fn holes_are_seen(wish: Wish) -> io::Result<bool> {
    let wanted = Wanted { leaves_one_out: true, ..Wish { full: false, ..wish }.model() };
    let tally = sweep_with(&SCENARIOS[0], &model("none")?, wanted)?;
    let left_out = workers();
    let seen = tally.planned() == tally.killed.len() + left_out && !tally.holes().is_empty();
    println!(
        "planted bug of the harness, {left_out} points passed over: {} ({} kills planned, {} executed)",
        if seen { "seen" } else { "NOT SEEN" },
        tally.planned(),
        tally.killed.len()
    );
    Ok(seen)
}

/// Sweeps the model runner with each bug until it is caught by the rule that it breaks.
fn all_caught(planted: &[bugs::Planted], wish: Wish, log: &Log) -> io::Result<bool> {
    let myself = std::env::current_exe()?;
    let whole = planted.len() == bugs::PLANTED.len();
    if whole && let Some(line) = log.done("planted", &myself)? {
        println!("done already: {line}");
        return Ok(true);
    }
    let (mut good, used) = (true, sweep::cpu_time()?);
    let seed = wish.seed.to_string();
    for some in planted.chunks(workers()) {
        let root = tempfile::Builder::new().prefix("sweep-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let mut started = Vec::new();
        for (cpu, planted) in some.iter().enumerate() {
            let program = model(planted.name)?;
            let words = ["planted", planted.scenario, &cpu.to_string(), &seed, planted.blame];
            started.push(start(&words, &root.path().join(cpu.to_string()), &program, root.path())?);
        }
        for (planted, lines) in some.iter().zip(attend(started)?) {
            let mut tally = Tally::default();
            tally.add(&lines)?;
            let caught = tally.complaints.iter().find(|complaint| complaint.contains(planted.blame));
            match caught {
                Some(complaint) => {
                    let first = complaint.lines().next().unwrap_or_default();
                    println!(
                        "planted bug {}: caught by kill {} of its sweep\n    {first}",
                        planted.name,
                        tally.killed.len()
                    );
                }
                None => println!(
                    "planted bug {}, {}: NOT CAUGHT by {} kills; looked for {:?} in\n    {}",
                    planted.name,
                    planted.scenario,
                    tally.killed.len(),
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
    if whole && good {
        let entry = Entry {
            name: "planted".to_owned(),
            planned: planted.len(),
            executed: planted.len(),
            wrong: 0,
            seconds: seconds_since(used)?,
        };
        log.add(&entry, &myself)?;
    }
    Ok(good)
}

/// CPU time in seconds since it was `used`.
fn seconds_since(used: u64) -> io::Result<f64> {
    Ok((sweep::cpu_time()? - used) as f64 / 1e6)
}

/// Sweeps one scenario and says what came of it.
fn swept(
    name: &str,
    scenario: &Scenario,
    file: &Path,
    program: &[String],
    wanted: Wanted,
    log: &Log,
) -> io::Result<bool> {
    if let Some(line) = log.done(name, file)? {
        println!("\ndone already: {line}");
        return Ok(true);
    }
    let (began, used) = (Instant::now(), sweep::cpu_time()?);
    let tally = sweep_with(scenario, program, wanted)?;
    let seconds = seconds_since(used)?;
    println!(
        "\n{name}: {} ({} kills planned, {} executed; {} runs ended before their point), {:.0} s, {seconds:.0} s of CPU",
        if wanted.sample.is_none() { "every point" } else { "a sample; SWEEP=full takes every point" },
        tally.planned(),
        tally.killed.len(),
        tally.again,
        began.elapsed().as_secs_f64(),
    );
    if wanted.sample.is_none() {
        show_points(&tally);
    }
    for (end, times) in &tally.ends {
        println!("    {times:6}  {end}");
    }
    for (times, example) in by_kind(&tally.complaints).values() {
        println!("  WRONG, {times} times; for example {}", example.replace('\n', "\n         "));
    }
    let holes = tally.holes();
    holes.iter().for_each(|hole| println!("  NOT WHOLE: {hole}"));
    let entry = Entry {
        name: name.to_owned(),
        planned: tally.planned(),
        executed: tally.killed.len(),
        wrong: tally.complaints.len() + holes.len(),
        seconds,
    };
    log.add(&entry, file)?;
    Ok(entry.wrong == 0 && entry.planned == entry.executed)
}

/// Which calls were killed at, which could not be, and where the time went.
fn show_points(tally: &Tally) {
    let processes: BTreeSet<&String> = tally.killed.iter().map(|point| &point.process).collect();
    println!("  killed at, of {} processes: {}", processes.len(), points::by_name(tally.killed.iter()));
    let at_times = |met: bool| {
        tally.plan.at_times.iter().filter(move |point| met != tally.unmet.contains(*point)).count()
    };
    println!(
        "  {} calls were made by each counted run; of {} more that some of them made, {} were met again",
        tally.plan.always.len(),
        tally.plan.at_times.len(),
        at_times(true),
    );
    let faded: Vec<String> = tally.faded().iter().map(|point| point.to_string()).collect();
    if !faded.is_empty() {
        println!("  made by each counted run and by none of {} others: {}", sweep::TRIES, faded.join(", "));
    }
    let kills = tally.killed.len().max(1) as f64;
    let spent: Vec<String> = tally
        .spent
        .iter()
        .map(|(what, micros)| format!("{what} {:.1}", *micros as f64 / 1000.0 / kills))
        .collect();
    println!("  ms of CPU for each kill: {}", spent.join(", "));
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

/// Runs the workers and adds up what they say.
fn sweep_with(scenario: &Scenario, program: &[String], wanted: Wanted) -> io::Result<Tally> {
    // Not below a folder that everybody may write: a plan from there is refused.
    let root = tempfile::Builder::new().prefix("sweep-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let runs = if wanted.sample.is_none() { COUNTED.0 } else { COUNTED.1 }.to_string();
    let counted = start(&["count", scenario.name, &runs], &root.path().join("count"), program, root.path())?;
    let counted = Counted::read(&attend(vec![counted])?.concat())?;
    let plan = match wanted.sample {
        None => {
            println!("\n{}: unharmed runs made {:?} calls", scenario.name, counted.lengths);
            counted.plan.clone()
        }
        Some(points) => counted.plan.sample(wanted.seed, counted.plan.always.len() / points),
    };
    let mut started = Vec::new();
    for (number, share) in plan.dealt(workers()).into_iter().enumerate() {
        let file = root.path().join(format!("share-{number}"));
        fs::write(&file, counted.with(share).lines())?;
        let (cpu, file) = (number.to_string(), file.display().to_string());
        let manner = if wanted.leaves_one_out { "leaves-one-out" } else { "whole" };
        let words = ["worker", scenario.name, &cpu, &file, manner];
        started.push(start(&words, &root.path().join(format!("worker-{number}")), program, root.path())?);
    }
    let mut tally = Tally::begin(plan);
    for lines in attend(started)? {
        tally.add(&lines)?;
    }
    Ok(tally)
}

fn scenario(name: &str) -> io::Result<&'static Scenario> {
    let known = SCENARIOS.iter().find(|scenario| scenario.name == name);
    known.ok_or_else(|| io::Error::other(format!("no scenario {name}")))
}

fn worker(words: &[String]) -> io::Result<()> {
    let [name, cpu, share, manner, folder, program @ ..] = words else {
        return Err(io::Error::other("a worker needs its share"));
    };
    hold_to(cpu)?;
    let scenario = scenario(name)?;
    let share = Counted::read(&fs::read_to_string(share)?)?;
    let manner = Manner { until: None, leaves_one_out: manner == "leaves-one-out" };
    let (root, program) = place(Path::new(folder), program)?;
    let world = World::build(&root, &program, scenario.variant, scenario.before, share.wreck_at.as_ref())?;
    sweep::work(&world, scenario, &share, &manner, &Path::new(folder).join("results"))
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
    let mut world = World::build(&root, &program, scenario.variant, scenario.before, None)?;
    program.pop();
    program.push(bug);
    world.program = program;
    let counted = Counted::of(&world, scenario, 1)?;
    // Steps of the golden ratio come near to every point soon, and to each of them in the end.
    let points = &counted.plan.always;
    let golden = points.len() * 382 / 1000;
    let stride = (golden.max(1)..).find(|stride| coprime(*stride, points.len())).unwrap_or(1);
    let first = seed.parse::<usize>().map_err(io::Error::other)? % points.len();
    let order = (0..points.len()).map(|nth| points[(first + nth * stride) % points.len()].clone());
    let share = counted.with(Plan { always: order.collect(), at_times: Vec::new() });
    let manner = Manner { until: Some(blame.clone()), leaves_one_out: false };
    sweep::work(&world, scenario, &share, &manner, &Path::new(folder).join("results"))
}

const fn coprime(a: usize, b: usize) -> bool {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

/// Counts the calls of so many unharmed runs.
fn count(words: &[String]) -> io::Result<()> {
    let [name, runs, folder, program @ ..] = words else {
        return Err(io::Error::other("what shall be counted?"));
    };
    hold_to("0")?;
    let scenario = scenario(name)?;
    let (root, program) = place(Path::new(folder), program)?;
    let world = World::build(&root, &program, scenario.variant, scenario.before, None)?;
    let counted = Counted::of(&world, scenario, runs.parse().map_err(io::Error::other)?)?;
    fs::write(Path::new(folder).join("results"), counted.lines())
}
