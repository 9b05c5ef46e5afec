//! Power cuts: user-mode Linux on real ext4, killed with everything that it holds in memory.
//!
//! Each cut has a machine of its own. It boots, runs a command, and is killed as soon as a chosen line was printed, or some
//! time after the first one; what was printed until then was acknowledged. It boots again, is judged, recovers, is judged
//! again. Some cuts hit the recovery as well.

use super::guest::{self, MARK};
use super::plan::{self, Variant};
use super::random::Random;
use super::skipped::skipped;
use super::sweep::{SCENARIOS, Scenario};
use super::world::{Before, World};
use super::{Count, Wish, tracer};
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// No machine is silent so long.
const PATIENCE: Duration = Duration::from_secs(300);
/// Cuts for each commit, and on demand.
const CUTS: (usize, usize) = (40, 500);
/// How the machine recovers after the power is back, in turn: by a person, or by what the boot unit runs. Where that is so,
/// the run that is cut has a guard.
const RECOVERIES: [&str; 3] = ["resume", "rollback", guest::BOOT];
/// What has to be installed.
const NEEDED: [&str; 4] = ["/usr/bin/linux.uml", "/usr/sbin/mke2fs", "/bin/busybox", "/usr/bin/gcc"];
/// Where the images lie.
const MEMORY: &str = "/mnt";
/// The programs of the plan, all of them busybox: it syncs nothing.
const PROGRAMS: [&str; 8] = ["sh", "cp", "mv", "rm", "cat", "grep", "sleep", "true"];

/// The layer.
pub(crate) fn layer(wish: &Wish) -> io::Result<Option<Count>> {
    if let Some(missing) = NEEDED.iter().find(|file| !Path::new(file).exists()) {
        skipped("lab power", &format!("{missing} is not there"));
        return Ok(None);
    }
    if !nix::unistd::geteuid().is_root() {
        skipped("lab power", "not root: the images hold root's files");
        return Ok(None);
    }
    let bench = Bench::build(wish)?;
    let mut count = Count::default();
    bench.planted(wish, &mut count)?;
    let cuts = bench.plan(wish);
    let planned = cuts.len();
    println!("power: seed {}, {planned} cuts planned; {}", wish.seed, bench.measured());
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for (cut, verdict) in cuts.iter().zip(bench.all(&cuts)?) {
        count.executed += usize::from(verdict.cut);
        *ends.entry(format!("{}: {}", cut.scenario.name, verdict.end)).or_default() += 1;
        count.complaints.extend(verdict.complaints.iter().map(|wrong| format!("{cut}: {wrong}")));
    }
    count.planned += planned;
    for (end, times) in &ends {
        println!("    {times:4}  {end}");
    }
    Ok(Some(count))
}

/// When the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// As soon as this line was printed, from 1.
    Line(usize),
    /// So long after the first line.
    After(Duration),
}

/// One cut, or two.
#[derive(Debug, Clone)]
struct Cut {
    scenario: &'static Scenario,
    when: When,
    /// The cut that hits the recovery.
    again: Option<When>,
    /// `resume`, `rollback`, or what acts by itself.
    recovery: &'static str,
    /// System calls that do nothing.
    silent: Vec<i64>,
}

impl std::fmt::Display for Cut {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} cut at {:?}", self.scenario.name, self.when)?;
        if let Some(again) = self.again {
            write!(out, ", {} cut at {again:?}", self.recovery)?;
        }
        write!(out, ", then {}", self.recovery)
    }
}

/// What came of it.
#[derive(Debug, Default)]
struct Verdict {
    cut: bool,
    end: String,
    complaints: Vec<String>,
}

/// A command that nobody cut: what it printed, and how long it took from the first line.
#[derive(Debug, Default)]
struct Unharmed {
    lines: Vec<String>,
    took: Duration,
}

impl Unharmed {
    /// The lines that tell of a fact, by their place from 1.
    fn telling(&self, what: &str) -> Vec<usize> {
        let fact = format!("\"fact\":\"{what}\"");
        let places = self.lines.iter().enumerate();
        places.filter(|(_, line)| line.contains(&fact)).map(|(place, _)| place + 1).collect()
    }
}

/// A planted bug: calls that are left out, and the cut that must show it.
struct Planted {
    name: &'static str,
    scenario: &'static str,
    silent: &'static [i64],
    recovery: &'static str,
    /// Cut where this is told.
    told: &'static str,
    /// Words of the complaint.
    blame: &'static str,
}

const PLANTED: [Planted; 5] = [
    Planted {
        name: "boot-unit-does-nothing",
        scenario: "everybody",
        silent: &[],
        recovery: guest::IDLE,
        told: "step-finished",
        blame: "the boot left generation",
    },
    Planted {
        name: "journal-not-synced",
        scenario: "everybody",
        silent: &[libc::SYS_fdatasync],
        recovery: "rollback",
        told: "phase-committed",
        blame: "printed and not recorded",
    },
    Planted {
        name: "files-not-synced",
        scenario: "rollback",
        silent: &[libc::SYS_fsync, libc::SYS_syncfs, libc::SYS_sync_file_range],
        recovery: "rollback",
        told: "run-finished",
        blame: "is recorded as reverted",
    },
    Planted {
        name: "steps-not-synced",
        scenario: "everybody",
        silent: &[libc::SYS_syncfs, libc::SYS_sync],
        recovery: "rollback",
        told: "run-finished",
        blame: "is recorded as committed",
    },
    Planted {
        name: "nothing-synced",
        scenario: "everybody",
        silent: &[libc::SYS_fdatasync, libc::SYS_fsync, libc::SYS_syncfs, libc::SYS_sync],
        recovery: "rollback",
        told: "capsule-sealed",
        blame: "printed and not recorded",
    },
];

/// The images, and what is known of the commands.
struct Bench {
    /// Removed with everything in it when the bench is done.
    _held: tempfile::TempDir,
    folder: PathBuf,
    shim: PathBuf,
    run: Unharmed,
    rollback: Unharmed,
}

/// A file system in memory that nobody else sees.
fn in_memory() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    mount(Some("lab"), MEMORY, Some("tmpfs"), MsFlags::empty(), Some("mode=0700"))
}

impl Bench {
    fn build(wish: &Wish) -> io::Result<Self> {
        // In memory where that is allowed: a power cut in the machine loses nothing of the host's, and a disk is slower.
        let place = if in_memory().is_ok() { MEMORY } else { env!("CARGO_TARGET_TMPDIR") };
        let held = tempfile::Builder::new().prefix("power-").tempdir_in(place)?;
        let folder = held.path().to_owned();
        let mut bench = Self {
            _held: held,
            shim: folder.join("xstate.so"),
            folder,
            run: Unharmed::default(),
            rollback: Unharmed::default(),
        };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/xstate.c");
        bench.tool("gcc", &["-O2", "-shared", "-fPIC", "-o", &bench.at("xstate.so"), source])?;
        bench.images(wish)?;
        bench.run = bench.prepare("fresh", scenario("everybody")?, "done")?;
        bench.rollback = bench.prepare("done", scenario("rollback")?, "back")?;
        Ok(bench)
    }

    fn at(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn tool(&self, name: &str, words: &[&str]) -> io::Result<()> {
        let all: Vec<String> =
            std::iter::once(name).chain(words.iter().copied()).map(str::to_owned).collect();
        let done =
            tracer::command(&all, &self.folder)?.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output()?;
        if done.status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("{all:?}: {}", String::from_utf8_lossy(&done.stderr))))
    }

    /// The system, and a machine on which nothing was run yet.
    fn images(&self, wish: &Wish) -> io::Result<()> {
        let system = self.folder.join("system");
        for folder in ["proc", "sys", "dev", "tmp", "run", "world", "disk", "host", "bin", "etc", "root"] {
            fs::create_dir_all(system.join(folder))?;
        }
        fs::write(system.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
        fs::write(system.join("etc/group"), "root:x:0:\n")?;
        fs::copy("/bin/busybox", system.join("bin/busybox"))?;
        for program in PROGRAMS {
            std::os::unix::fs::symlink("busybox", system.join("bin").join(program))?;
        }
        let lab = system.join("lab");
        fs::copy(std::env::current_exe()?, &lab)?;
        // Names for a debugger are most of it.
        let _ = self.tool("strip", &[&lab.display().to_string()]);
        self.image("system", "system.img", "96M")?;

        let build = self.folder.join("build");
        fs::create_dir(&build)?;
        let program = build.join("program");
        fs::copy(&wish.binary, &program)?;
        let _ = self.tool("strip", &[&program.display().to_string()]);
        let words = [program.display().to_string()];
        let world = World::build(&build, &words, Variant::Good, Before::Nothing, None)?;
        fs::create_dir(self.folder.join("host"))?;
        fs::write(self.folder.join("host/expected"), serde_json::to_vec(&world.states)?)?;

        let inside = self.folder.join("inside");
        fs::create_dir_all(inside.join("plan"))?;
        fs::create_dir(inside.join("machine"))?;
        fs::create_dir(inside.join("begun"))?;
        fs::copy(&program, inside.join("program"))?;
        plan::write_plan(&inside.join("plan"), Path::new("/world/machine"), Variant::Good)?;
        fs::create_dir(self.folder.join("fresh"))?;
        self.image("inside", "fresh/world.img", "160M")?;
        self.image("build/pristine", "fresh/machine.img", "16M")
    }

    fn image(&self, folder: &str, image: &str, size: &str) -> io::Result<()> {
        let (folder, image) = (self.at(folder), self.at(image));
        self.tool("truncate", &["-s", size, &image])?;
        self.tool("mke2fs", &["-q", "-t", "ext4", "-d", &folder, &image])
    }

    /// Runs a command to its end on a machine, and keeps the machine under another name.
    fn prepare(&self, from: &str, scenario: &'static Scenario, to: &str) -> io::Result<Unharmed> {
        self.copy(from, to)?;
        let mut machine = self.boot(to, &[("LAB_DO", "prepare"), ("LAB_SCENARIO", scenario.name)])?;
        let (mut unharmed, mut began) = (Unharmed::default(), None);
        while let Some(line) = machine.line()? {
            if line == format!("{MARK}off") {
                machine.child.wait()?;
                return Ok(unharmed);
            }
            if let Some(line) = line.strip_prefix(MARK) {
                if line != "up" {
                    return Err(io::Error::other(format!("{}: {line}", scenario.name)));
                }
            } else if line.starts_with('{') {
                unharmed.took = began.get_or_insert_with(Instant::now).elapsed();
                unharmed.lines.push(line);
            }
        }
        Err(io::Error::other(format!("{} did not end: {}", scenario.name, machine.tail())))
    }

    fn copy(&self, from: &str, to: &str) -> io::Result<()> {
        fs::create_dir(self.folder.join(to))?;
        for image in ["world.img", "machine.img"] {
            self.tool("cp", &["--sparse=always", &self.at(&format!("{from}/{image}")), &self.at(to)])?;
        }
        fs::create_dir(self.folder.join(to).join("host"))?;
        fs::copy(self.folder.join("host/expected"), self.folder.join(to).join("host/expected"))?;
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the bench starts machines")]
    fn boot(&self, folder: &str, told: &[(&str, &str)]) -> io::Result<Machine> {
        let at = |name: &str| self.at(&format!("{folder}/{name}"));
        let mut command = Command::new("/usr/bin/linux.uml");
        command
            .arg("mem=128M")
            .arg(format!("ubd0r={}", self.at("system.img")))
            .arg(format!("ubd1={}", at("world.img")))
            .arg(format!("ubd2={}", at("machine.img")))
            .args([
                "root=/dev/ubda",
                "ro",
                "rootfstype=ext4",
                "con=null",
                "con0=null,fd:1",
                "quiet",
                "loglevel=1",
            ])
            .arg(format!("uml_dir={}", at("")))
            .arg("init=/lab")
            .args(told.iter().map(|(name, value)| format!("{name}={value}")))
            .arg(format!("LAB_HOST={}", at("host")))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", at(""))
            .env("LD_PRELOAD", &self.shim)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no console"))?;
        Ok(Machine { child, output, seen: Vec::new(), told: 0 })
    }

    /// Bugs that must be caught, or the cuts prove nothing.
    fn planted(&self, wish: &Wish, count: &mut Count) -> io::Result<()> {
        let mut cuts = Vec::new();
        for planted in &PLANTED {
            let scenario = scenario(planted.scenario)?;
            let unharmed = if scenario.name == "rollback" { &self.rollback } else { &self.run };
            let places = unharmed.telling(planted.told);
            let mut random = Random::new(wish.seed, planted.name);
            let when = When::Line(places.get(random.below(places.len())).copied().unwrap_or(1));
            let silent = planted.silent.to_vec();
            cuts.push(Cut { scenario, when, again: None, recovery: planted.recovery, silent });
        }
        for ((planted, cut), verdict) in PLANTED.iter().zip(&cuts).zip(self.all(&cuts)?) {
            let found = verdict.complaints.iter().find(|complaint| complaint.contains(planted.blame));
            match found {
                Some(complaint) => println!(
                    "planted bug {}: caught, {cut}\n    {}",
                    planted.name,
                    complaint.lines().next().unwrap_or_default()
                ),
                None => count.complaints.push(format!(
                    "planted bug {} NOT CAUGHT, {cut}; looked for {:?} in {:?}",
                    planted.name, planted.blame, verdict.complaints
                )),
            }
            count.executed += usize::from(verdict.cut);
        }
        count.planned += PLANTED.len();
        Ok(())
    }

    fn measured(&self) -> String {
        let say = |what, unharmed: &Unharmed| {
            format!("{what} prints {} lines in {} ms", unharmed.lines.len(), unharmed.took.as_millis())
        };
        format!("{}, {}", say("run", &self.run), say("rollback", &self.rollback))
    }

    /// Where to cut: at what is promised, at other lines, at any time, and in the recovery.
    fn plan(&self, wish: &Wish) -> Vec<Cut> {
        let total = if wish.full { CUTS.1 } else { CUTS.0 };
        let mut random = Random::new(wish.seed, "power");
        let mut cuts = Vec::new();
        let [run, back] = [&SCENARIOS[0], &SCENARIOS[5]];
        // What is promised first: the end, and each commit.
        for (scenario, unharmed, told) in [
            (run, &self.run, "phase-committed"),
            (run, &self.run, "run-finished"),
            (back, &self.rollback, "phase-ended"),
        ] {
            cuts.extend(unharmed.telling(told).into_iter().map(|line| (scenario, When::Line(line), None)));
        }
        cuts.push((run, When::Line(self.run.lines.len()), None));
        cuts.push((back, When::Line(self.rollback.lines.len()), None));
        while cuts.len() < total {
            let kind = random.below(10);
            let (scenario, unharmed) =
                if kind.is_multiple_of(2) { (run, &self.run) } else { (back, &self.rollback) };
            let mut when = |timed: bool, lines: usize| {
                if timed {
                    let span = unharmed.took.as_micros() * 11 / 10;
                    When::After(
                        Duration::from_micros(random.below(usize::try_from(span).unwrap_or(1)) as u64),
                    )
                } else {
                    When::Line(1 + random.below(lines))
                }
            };
            let lines = unharmed.lines.len();
            let cut = match kind {
                0..=3 => (scenario, when(false, lines), None),
                4..=6 => (scenario, when(true, lines), None),
                // The recovery prints some dozen lines; where it prints fewer, it is cut at its end.
                _ => {
                    let timed = kind == 9;
                    (scenario, when(false, lines), Some(when(timed, 24)))
                }
            };
            cuts.push(cut);
        }
        let numbered = cuts.into_iter().enumerate();
        numbered
            .map(|(nth, (scenario, when, again))| Cut {
                scenario,
                when,
                again,
                recovery: RECOVERIES[nth % RECOVERIES.len()],
                silent: Vec::new(),
            })
            .collect()
    }

    /// All of them, as many at a time as there are cores.
    fn all(&self, cuts: &[Cut]) -> io::Result<Vec<Verdict>> {
        let next = AtomicUsize::new(0);
        let found = Mutex::new(BTreeMap::new());
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        std::thread::scope(|scope| {
            for _ in 0..cores.min(cuts.len()) {
                scope.spawn(|| {
                    loop {
                        let nth = next.fetch_add(1, Ordering::Relaxed);
                        let Some(cut) = cuts.get(nth) else { return };
                        let name = format!("cut-{nth}");
                        let verdict = self.cut(&name, cut);
                        let _ = fs::remove_dir_all(self.folder.join(&name));
                        if let Ok(mut found) = found.lock() {
                            found.insert(nth, verdict);
                        }
                    }
                });
            }
        });
        let found = found.into_inner().map_err(|_| io::Error::other("a worker panicked"))?;
        if found.len() != cuts.len() {
            return Err(io::Error::other(format!("{} of {} cuts have a verdict", found.len(), cuts.len())));
        }
        found.into_values().collect()
    }

    fn cut(&self, folder: &str, cut: &Cut) -> io::Result<Verdict> {
        let template = if cut.scenario.before == Before::Nothing { "fresh" } else { "done" };
        self.copy(template, folder)?;
        let silent: Vec<String> = cut.silent.iter().map(i64::to_string).collect();
        let silent = silent.join(",");
        let told = |what: &'static str| {
            [
                ("LAB_DO", what),
                ("LAB_SCENARIO", cut.scenario.name),
                ("LAB_RECOVERY", cut.recovery),
                ("LAB_SILENT", &silent),
            ]
        };
        let mut acknowledged = self.boot(folder, &told("work"))?.until(cut.when, is_fact)?;
        if let Some(again) = cut.again {
            // What acts by itself says it in words.
            let counts = if cut.recovery == guest::BOOT { is_said } else { is_fact };
            acknowledged.push_str(&self.boot(folder, &told("recover"))?.until(again, counts)?);
        }
        fs::write(self.folder.join(folder).join("host/acknowledged"), acknowledged)?;
        let mut verdict = Verdict { cut: true, ..Verdict::default() };
        let mut machine = self.boot(folder, &told("judge"))?;
        while let Some(line) = machine.line()? {
            let Some(said) = line.strip_prefix(MARK) else { continue };
            match said.split_once(' ') {
                Some(("wrong", complaint)) => verdict.complaints.push(complaint.replace('\u{b6}', "\n")),
                Some(("end", end)) => end.clone_into(&mut verdict.end),
                Some(("failed", why)) => verdict.complaints.push(format!("the judge failed: {why}")),
                Some(_) | None => {}
            }
        }
        machine.child.wait()?;
        if verdict.end.is_empty() {
            verdict.complaints.push(format!("nobody judged: {}", machine.tail()));
        }
        Ok(verdict)
    }
}

fn scenario(name: &str) -> io::Result<&'static Scenario> {
    let known = SCENARIOS.iter().find(|scenario| scenario.name == name);
    known.ok_or_else(|| io::Error::other(format!("no scenario {name}")))
}

/// A machine that is on.
struct Machine {
    child: Child,
    output: ChildStdout,
    /// What it said, as far as it was read.
    seen: Vec<u8>,
    /// How much of that was given away as lines.
    told: usize,
}

impl Drop for Machine {
    /// Off, whatever it does.
    fn drop(&mut self) {
        self.power_off();
    }
}

impl Machine {
    fn power_off(&mut self) {
        if let Ok(group) = i32::try_from(self.child.id()) {
            // It may be off already.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }

    /// More of what it says; false where it says no more, or for so long.
    fn read(&mut self, patience: Duration) -> io::Result<Option<bool>> {
        let mut waiting = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        let patience = PollTimeout::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut waiting, patience) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => return Ok(Some(true)),
            Err(why) => return Err(why.into()),
        }
        let mut some = [0; 8192];
        let read = self.output.read(&mut some)?;
        self.seen.extend_from_slice(&some[..read]);
        Ok(Some(read > 0))
    }

    /// The next line that was read already.
    fn next_line(&mut self) -> Option<String> {
        let rest = &self.seen[self.told..];
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&rest[..end]).trim_end_matches('\r').to_owned();
        self.told += end + 1;
        Some(line)
    }

    /// The next line; nothing where it is off.
    fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(line) = self.next_line() {
                return Ok(Some(line));
            }
            match self.read(PATIENCE)? {
                Some(true) => {}
                Some(false) => return Ok(None),
                None => return Err(io::Error::other(format!("silent for {PATIENCE:?}: {}", self.tail()))),
            }
        }
    }

    fn tail(&self) -> String {
        let from = self.seen.len().saturating_sub(2000);
        String::from_utf8_lossy(&self.seen[from..]).into_owned()
    }

    /// Cuts the power when it is time, or where the command has ended. Returns what was acknowledged.
    fn until(mut self, when: When, counts: fn(&str) -> bool) -> io::Result<String> {
        let (mut lines, mut began) = (Vec::new(), None::<Instant>);
        loop {
            while let Some(line) = self.next_line() {
                if line.starts_with(&format!("{MARK}failed")) {
                    return Err(io::Error::other(line));
                }
                if line.starts_with(&format!("{MARK}ended")) {
                    self.power_off();
                    return Ok(whole(&lines));
                }
                if counts(&line) {
                    began.get_or_insert_with(Instant::now);
                    lines.push(line);
                    if when == When::Line(lines.len()) {
                        self.power_off();
                        return Ok(whole(&lines));
                    }
                }
            }
            let patience = match (when, began) {
                (When::After(span), Some(began)) => match span.checked_sub(began.elapsed()) {
                    Some(left) => left,
                    None => {
                        self.power_off();
                        return Ok(whole(&lines));
                    }
                },
                (When::Line(_) | When::After(_), _) => PATIENCE,
            };
            match self.read(patience)? {
                Some(true) => {}
                Some(false) => {
                    return Err(io::Error::other(format!("it went off by itself: {}", self.tail())));
                }
                None if patience == PATIENCE => {
                    return Err(io::Error::other(format!("silent for {PATIENCE:?}: {}", self.tail())));
                }
                None => {}
            }
        }
    }
}

fn is_fact(line: &str) -> bool {
    line.starts_with('{')
}

fn is_said(line: &str) -> bool {
    !line.is_empty() && !line.starts_with(MARK)
}

fn whole(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

const _: () = assert!(guest::phases() == 3);
