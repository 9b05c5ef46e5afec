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
    let recovery = if said("LAB_RECOVERY") == "resume" { Recovery::Resume } else { Recovery::Rollback };
    println!("{MARK}up");
    match said("LAB_DO").as_str() {
        "prepare" => {
            show(&world, scenario.words, &silent)?;
            copy_journals(&world.state(), Path::new("/world/begun"))?;
        }
        // From here on only a cut ends it: what is not durable shall be lost.
        "work" => wait_for_the_cut(show(&world, scenario.words, &silent)?),
        "recover" => wait_for_the_cut(show(&world, recovery.words(), &silent)?),
        "judge" => judged(&world, recovery)?,
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
fn show(world: &World, words: &[&str], silent: &[i64]) -> io::Result<Option<i32>> {
    let mut command = tracer::command(&world.words(words), world.root())?;
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
fn judged(world: &World, recovery: Recovery) -> io::Result<()> {
    fs::copy("/host/acknowledged", world.output())?;
    let mut complaints = Vec::new();
    let wreck = after_cut(world, &mut complaints)?;
    let left = describe(&wreck.journals);
    let ran = world.run(recovery.words())?;
    let end = judge::after_recovery(world, &wreck, recovery, &ran, &mut complaints)?;
    for complaint in complaints {
        println!("{MARK}wrong {}", complaint.replace('\n', "\u{b6}"));
    }
    println!("{MARK}end {left}, then {recovery:?}: {end}");
    io::stdout().flush()
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
