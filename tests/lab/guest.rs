//! What runs inside the machine whose power is cut: this same program, as its first process.
//!
//! The kernel's command line says what to do (`LAB_DO`), of which scenario (`LAB_SCENARIO`), how to recover
//! (`LAB_RECOVERY`), and which calls do nothing, as if a bug left them out (`LAB_SILENT`). Everything is said on the
//! console; lines of the lab begin with `LAB `.

use super::journal::Journals;
use super::judge::{self, Recovery, Wreck};
use super::plan::{EFFECTS, Effect, PHASES};
use super::sweep::SCENARIOS;
use super::tree::Tree;
use super::world::World;
use super::{tracer, tree};
use nix::mount::{MsFlags, mount, umount};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ExitCode, Stdio};

/// By this name it knows that it is the first process of a machine.
pub(crate) const NAME: &str = "/lab";
/// The folder of the world in the machine: a file system of its own, so that nothing is durable by another's sync.
pub(crate) const WORLD: &str = "/world";
/// Before every line of the lab's own.
pub(crate) const MARK: &str = "LAB ";

/// The recovery by what the boot unit runs.
pub(crate) const BOOT: &str = "boot";
/// The same with a unit that does nothing: a planted bug.
pub(crate) const IDLE: &str = "idle-boot";

/// Who recovers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Person(Recovery),
    /// The boot unit, or one that does nothing.
    Unit {
        idle: bool,
    },
}

impl Who {
    fn named(name: &str) -> io::Result<Self> {
        match name {
            "resume" => Ok(Self::Person(Recovery::Resume)),
            "rollback" => Ok(Self::Person(Recovery::Rollback)),
            BOOT => Ok(Self::Unit { idle: false }),
            IDLE => Ok(Self::Unit { idle: true }),
            other => Err(io::Error::other(format!("who is {other:?}?"))),
        }
    }

    /// The words that are run; none where nobody runs any. The unit's own, under its own condition.
    fn words(self, world: &World) -> Option<Vec<String>> {
        let current = world.state().join("current");
        match self {
            Self::Person(recovery) => Some(world.words(recovery.words())),
            Self::Unit { idle } if idle || !current.exists() => None,
            Self::Unit { .. } => {
                let program = current.join("switchback").display().to_string();
                let state = world.state().display().to_string();
                Some([program, "--state".to_owned(), state, "guard".to_owned(), "boot".to_owned()].to_vec())
            }
        }
    }
}

/// Does what it was booted for, and turns the machine off.
pub(crate) fn main() -> ExitCode {
    if let Err(why) = stage() {
        println!("{MARK}failed {why}");
    }
    power_off();
    ExitCode::FAILURE
}

#[expect(unsafe_code, reason = "there is no other way to turn a machine off")]
fn power_off() {
    // SAFETY: it takes no memory.
    unsafe { libc::reboot(libc::RB_POWER_OFF) };
}

fn stage() -> io::Result<()> {
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    let world = mounted(&said("LAB_HOST"))?;
    let silent: Vec<i64> = said("LAB_SILENT").split(',').filter_map(|call| call.parse().ok()).collect();
    let scenario = SCENARIOS
        .iter()
        .find(|scenario| scenario.name == said("LAB_SCENARIO"))
        .ok_or_else(|| io::Error::other("no such scenario"))?;
    println!("{MARK}up");
    let who = || Who::named(&said("LAB_RECOVERY"));
    match said("LAB_DO").as_str() {
        "prepare" => {
            show(&world, &world.words(scenario.words), &silent)?;
            copy_journals(&world.state(), Path::new("/world/begun"))?;
        }
        // From here on only a cut ends it: what is not durable shall be lost.
        "work" => {
            let words = match who()? {
                Who::Person(_) => world.words(scenario.words),
                Who::Unit { .. } => world.typed(scenario.words),
            };
            wait_for_the_cut(show(&world, &words, &silent)?)
        }
        "recover" => {
            let status = who()?.words(&world).map(|words| show(&world, &words, &silent)).transpose()?;
            wait_for_the_cut(status.flatten())
        }
        "judge" => judged(&world, who()?)?,
        other => return Err(io::Error::other(format!("what is {other:?}?"))),
    }
    nix::unistd::sync();
    for place in ["/world/machine", "/disk", WORLD] {
        umount(place)?;
    }
    println!("{MARK}off");
    Ok(())
}

fn wait_for_the_cut(status: Option<i32>) -> ! {
    println!("{MARK}ended {status:?}");
    loop {
        nix::unistd::pause();
    }
}

/// The file systems. The world and what the plan changes are two, and neither helps a program that forgets to sync.
fn mounted(host: &str) -> io::Result<World> {
    let none = MsFlags::empty();
    let on = |what: &str, at: &str, kind: &str, flags, data: Option<&str>| {
        mount(Some(what), at, Some(kind), flags, data)
            .map_err(|why| io::Error::other(format!("mount {what} at {at}: {why}")))
    };
    on("proc", "/proc", "proc", none, None)?;
    on("sysfs", "/sys", "sysfs", none, None)?;
    for folder in ["/tmp", "/run"] {
        on("tmpfs", folder, "tmpfs", none, Some("mode=0755"))?;
    }
    on("host", "/host", "hostfs", MsFlags::MS_RDONLY, Some(host))?;
    on("/dev/ubdb", WORLD, "ext4", none, Some("noauto_da_alloc"))?;
    on("/dev/ubdc", "/disk", "ext4", none, Some("noauto_da_alloc"))?;
    on("/disk/machine", "/world/machine", "", MsFlags::MS_BIND, None)?;
    let states: Vec<Tree> = serde_json::from_slice(&fs::read("/host/expected")?)?;
    Ok(World {
        root: WORLD.into(),
        program: vec!["/world/program".to_owned()],
        states,
        begun: Journals::read(Path::new("/world/begun")),
        wrecked_at: None,
    })
}

/// Runs a command, its output on the console.
#[expect(unsafe_code, reason = "calls are silenced between fork and exec")]
fn show(world: &World, words: &[String], silent: &[i64]) -> io::Result<Option<i32>> {
    let mut command = tracer::command(words, world.root())?;
    command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
    if !silent.is_empty() {
        let calls = silent.to_vec();
        // SAFETY: it makes one system call on memory that was made before the fork.
        unsafe { command.pre_exec(move || silence(&calls)) };
    }
    Ok(command.status()?.code())
}

/// From here on these calls do nothing and say that they did it.
///
/// # Errors
/// That no filter can be installed.
#[expect(unsafe_code, reason = "there is no other way to install a filter")]
pub(crate) fn silence(calls: &[i64]) -> io::Result<()> {
    let line = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = vec![line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)];
    for call in calls {
        let call = u32::try_from(*call).map_err(io::Error::other)?;
        filter.push(line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call));
        filter.push(line(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO));
    }
    filter.push(line(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the filter lives until the call is done.
    if unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) } == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Judges what the cut left, recovers, judges again.
fn judged(world: &World, who: Who) -> io::Result<()> {
    fs::copy("/host/acknowledged", world.output())?;
    let mut complaints = Vec::new();
    let wreck = after_cut(world, &mut complaints)?;
    let left = describe(&wreck.journals);
    let end = match who {
        Who::Person(recovery) => {
            let ran = world.run(recovery.words())?;
            let journals = Journals::read(&world.state());
            if names_what_was_cut_twice(ran.status, &ran.output, &journals) {
                let wreck = Wreck { journals };
                let ran = world.run(Recovery::Rollback.words())?;
                let end = judge::after_recovery(world, &wreck, Recovery::Rollback, &ran, &mut complaints)?;
                format!("{recovery:?}: names an undo that was cut twice, then Rollback: {end}")
            } else {
                let end = judge::after_recovery(world, &wreck, recovery, &ran, &mut complaints)?;
                format!("{recovery:?}: {end}")
            }
        }
        Who::Unit { .. } => after_boot(world, &wreck, who, &mut complaints)?,
    };
    for complaint in complaints {
        println!("{MARK}wrong {}", complaint.replace('\n', "\u{b6}"));
    }
    println!("{MARK}end {left}, then {end}");
    io::stdout().flush()
}

/// Lets the boot unit act, judges what it decided, lets it act once more, and then a person.
fn after_boot(world: &World, wreck: &Wreck, who: Who, complaints: &mut Vec<String>) -> io::Result<String> {
    let acts = |complaints: &mut Vec<String>| -> io::Result<(Option<i32>, Journals, bool)> {
        let Some(words) = who.words(world) else { return Ok((None, Journals::read(&world.state()), false)) };
        let ran = world.run_whole(&words)?;
        let journals = Journals::read(&world.state());
        let named = names_what_was_cut_twice(ran.status, &ran.output, &journals);
        // With these the unit has not failed.
        if !named && !matches!(ran.status, Some(0 | 10 | 11 | 12)) {
            complaints.push(format!("the boot unit ended with {:?}: {}", ran.status, ran.output));
        }
        Ok((ran.status, journals, named))
    };
    let (status, journals, named) = acts(complaints)?;
    complaints.extend(journals.faults.iter().map(|fault| format!("after the boot: {fault}")));
    if let Err(number) = journals.beyond(&wreck.journals) {
        complaints.push(format!("the boot changed facts of generation {number}"));
    }
    let mut committed_last = false;
    for (number, facts) in &journals.generations {
        judge::order_of_facts(*number, facts, complaints);
        let last = |name: &str| facts.iter().rposition(|fact| fact.name == name);
        let decided = last("phase-committed").max(last("phase-ended"));
        if last("guard-armed").is_some() && (decided.is_none() || way_back_goes_on(facts)) {
            let newest = facts.last().map_or("nothing", |fact| &fact.name);
            complaints.push(format!("the boot left generation {number} open, its last fact is {newest}"));
        }
        committed_last = last("phase-committed").is_some() && last("phase-ended").is_none();
    }
    if committed_last {
        // What is left to say of it waits for a person, with what comes after it.
        let before = PHASES.iter().filter(|phase| journals.end(phase) == Some("committed")).count();
        let differs = tree::differences(&world.states[before + 1], &tree::read(&world.machine())?);
        complaints.extend((!differs.is_empty()).then(|| {
            format!(
                "{before} phases and one are committed, the machine says otherwise: {}",
                differs.join("; ")
            )
        }));
    } else if !named {
        judge::machine_is_named(world, &journals, complaints)?;
    }
    let (_, again, _) = acts(complaints)?;
    if again != journals {
        complaints.push("a second boot recorded something more".to_owned());
    }
    let ran = world.run(Recovery::Rollback.words())?;
    let wreck = Wreck { journals: again };
    let end = judge::after_recovery(world, &wreck, Recovery::Rollback, &ran, complaints)?;
    let status = status.map_or("nothing to start".to_owned(), |status| status.to_string());
    let cut_twice = if named { ", which names an undo that was cut twice" } else { "" };
    Ok(format!("the boot unit: {status}{cut_twice}, then Rollback: {end}"))
}

/// An undo in whose midst the runner was gone twice is not taken a third time by itself: it is named, and a person's next
/// way back takes it. Two cuts may both hit the same undo.
fn names_what_was_cut_twice(status: Option<i32>, said: &str, journals: &Journals) -> bool {
    let lost =
        |fact: &super::journal::Fact| fact.name == "undo-finished" && fact.word("outcome") == Some("lost");
    status == Some(13) && said.contains("undo of step") && journals.generations.values().flatten().any(lost)
}

/// The newest fact that was found.
fn describe(journals: &Journals) -> String {
    let newest = journals.generations.last_key_value();
    newest.map_or("nothing".to_owned(), |(number, facts)| {
        format!("generation {number} up to {}", facts.last().map_or("nothing", |fact| &fact.name))
    })
}

/// What must hold when the power comes back. What a program wrote and nobody made durable may be lost before its phase is
/// committed, and never after.
fn after_cut(world: &World, complaints: &mut Vec<String>) -> io::Result<Wreck> {
    let contents: Vec<Option<String>> =
        EFFECTS.iter().map(|effect| fs::read_to_string(world.machine().join(effect.path)).ok()).collect();
    let found = tree::read(&world.machine())?;
    let journals = Journals::read(&world.state());
    let printed = fs::read_to_string(world.output())?;
    complaints.extend(journals.faults.iter().map(|fault| format!("after the cut: {fault}")));
    judge::acknowledged_is_recorded(&printed, &journals, complaints);
    if let Err(number) = journals.beyond(&world.begun) {
        complaints.push(format!("the cut changed facts of generation {number}"));
    }
    for (effect, content) in EFFECTS.iter().zip(&contents) {
        holds(effect, content.as_deref(), &journals, complaints);
    }
    judge::nothing_else_is_touched(world, &found, complaints);
    for (number, facts) in &journals.generations {
        judge::order_of_facts(*number, facts, complaints);
    }
    Ok(Wreck { journals })
}

/// No effect without its durable intent; what is committed is there; what is reverted is gone.
fn holds(effect: &Effect, content: Option<&str>, journals: &Journals, complaints: &mut Vec<String>) {
    let facts = journals.newest(effect.phase).map_or(&[][..], |(_, facts)| facts);
    let Effect { phase, path, part, step, .. } = effect;
    let started = facts.iter().any(|fact| fact.is_step("step-started", part, *step));
    if content != effect.before && !started {
        complaints.push(format!("{path} was touched before {part} {step} of phase {phase} was recorded"));
    }
    let due = match journals.end(phase) {
        Some("committed") if !way_back_goes_on(facts) => effect.after,
        Some("reverted") => effect.before,
        Some(_) | None => return,
    };
    if content != due {
        let end = journals.end(phase).unwrap_or_default();
        complaints.push(format!(
            "phase {phase} is recorded as {end}, and after the cut {path} holds {content:?} and not {due:?}"
        ));
    }
}

fn way_back_goes_on(facts: &[super::journal::Fact]) -> bool {
    let last = |name: &str| facts.iter().rposition(|fact| fact.name == name);
    last("revert-began") > last("phase-ended")
}

/// Copies the journals alone, to compare with later.
fn copy_journals(state: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(state.join("generations"))? {
        let entry = entry?;
        let folder = to.join("generations").join(entry.file_name());
        fs::create_dir_all(&folder)?;
        if entry.path().join("journal").exists() {
            fs::copy(entry.path().join("journal"), folder.join("journal"))?;
        }
    }
    Ok(())
}

/// The phases, so that whoever plans cuts knows the names of what is acknowledged.
pub(crate) const fn phases() -> usize {
    PHASES.len()
}
