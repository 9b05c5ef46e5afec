//! System calls that fail: every call that the program itself makes, with each error, once or from then on. What it says
//! then must be true, and whoever recovers afterwards must find a machine that has a name.

use super::crew::{self, Share};
use super::journal::{self, Journals};
use super::points::{Point, name_of};
use super::random::Random;
use super::small::judge::{self, Recovery};
use super::small::plan::{PHASES, Variant};
use super::small::sweep::orphans;
use super::small::world::{Before, Ran, World};
use super::{Count, Wish, skipped::skipped, tracer, tree, workers};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

/// The errors.
const ERRORS: [(i32, &str); 5] = [
    (libc::EIO, "EIO"),
    (libc::ENOSPC, "ENOSPC"),
    (libc::EROFS, "EROFS"),
    (libc::EMFILE, "EMFILE"),
    (libc::EINTR, "EINTR"),
];

/// Calls that cannot fail so: they ask for memory, or tell what the kernel knows, or end the process.
const CANNOT: [&str; 34] = [
    "arch_prctl",
    "brk",
    "clock_gettime",
    "clock_nanosleep",
    "exit",
    "exit_group",
    "futex",
    "geteuid",
    "getegid",
    "getgid",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getresuid",
    "getresgid",
    "gettid",
    "getuid",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "prlimit64",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "umask",
];

/// Calls that are only ever interrupted: waits, chance, and the closing of what was synced before.
const INTERRUPTED: [&str; 7] = ["close", "epoll_wait", "getrandom", "poll", "ppoll", "wait4", "waitid"];

/// The errors that a call can have, by their places.
fn possible(call: u64) -> Vec<usize> {
    let only = INTERRUPTED.contains(&name_of(call).as_str());
    (0..ERRORS.len()).filter(|error| !only || ERRORS[*error].0 == libc::EINTR).collect()
}

/// Calls whose every error is tried for each commit: what makes a record, an act and a way back.
const DECISIVE: [&str; 12] = [
    "write",
    "fdatasync",
    "fsync",
    "syncfs",
    "openat",
    "renameat",
    "linkat",
    "unlinkat",
    "execve",
    "clone3",
    "fork",
    "vfork",
];

/// What is run while calls fail.
struct Scene {
    name: &'static str,
    variant: Variant,
    before: Before,
    words: &'static [&'static str],
}

const TO_START: &[&str] = &["rollback", "--to", "start", "--yes", "--json"];
const RUN: &[&str] = &["run", "PLAN", "--unattended", "--json"];

const SCENES: [Scene; 3] = [
    Scene { name: "run", variant: Variant::Good, before: Before::Nothing, words: RUN },
    Scene { name: "run-failing", variant: Variant::Failing, before: Before::Nothing, words: RUN },
    Scene { name: "rollback", variant: Variant::Good, before: Before::WholePlan, words: TO_START },
];

/// A program that passes over the error of a call: the call is not made, and says that it was.
struct Planted {
    name: &'static str,
    scene: &'static str,
    call: &'static str,
    blame: &'static str,
}

const PLANTED: [Planted; 2] = [
    Planted {
        name: "lost-write-passed-over",
        scene: "run",
        call: "write",
        blame: "printed and not recorded",
    },
    Planted { name: "failed-sync-passed-over", scene: "run", call: "fdatasync", blame: "was passed over" },
];
/// At so many calls it must be caught.
const PLACES: usize = 150;

/// The layer.
pub(crate) fn layer(wish: &Wish) -> io::Result<Option<Count>> {
    if workers::alone().is_empty() {
        skipped("lab errors", "no namespace of processes may be made here");
        return Ok(None);
    }
    let points: Vec<(String, Point)> = crew::ask("errors-count", wish)?
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(scene, point)| Ok((scene.to_owned(), Point::read(point)?)))
        .collect::<io::Result<_>>()?;
    let pieces = if wish.full { every(&points) } else { sample(&points, wish.seed) };
    let names: BTreeSet<u64> = points.iter().map(|(_, point)| point.call).collect();
    println!(
        "errors: seed {}, {} calls of {} names, {} failures planned{}",
        wish.seed,
        points.len(),
        names.len(),
        pieces.len(),
        if wish.full { "" } else { "; LAB=full lets every call fail with every error" }
    );
    let mut count = crew::deal_listed("errors", wish, &planted(&points, wish.seed))?;
    count.add(crew::deal_listed("errors", wish, &pieces)?);
    Ok(Some(count))
}

/// A line for each planted bug, with the calls at which it is looked for.
fn planted(points: &[(String, Point)], seed: u64) -> Vec<String> {
    let lines = PLANTED.iter().map(|planted| {
        let mut places: Vec<String> = points
            .iter()
            .filter(|(scene, point)| scene == planted.scene && name_of(point.call) == planted.call)
            .map(|(_, point)| point.word())
            .collect();
        let mut random = Random::new(seed, planted.name);
        for last in (1..places.len()).rev() {
            places.swap(last, random.below(last + 1));
        }
        places.truncate(PLACES);
        format!("planted {} {}", planted.name, places.join(","))
    });
    lines.collect()
}

/// Passes over errors until that is caught.
fn catch(worlds: &[World], bug: &str, places: &str) -> io::Result<Result<(usize, String), String>> {
    let planted = PLANTED.iter().find(|planted| planted.name == bug);
    let planted = planted.ok_or_else(|| io::Error::other(format!("no bug {bug}")))?;
    let at = SCENES.iter().position(|scene| scene.name == planted.scene);
    let at = at.ok_or_else(|| io::Error::other("no such scene"))?;
    let mut seen = Vec::new();
    for (nth, place) in places.split(',').enumerate() {
        let mut complaints = Vec::new();
        failed(&worlds[at], &SCENES[at], &Point::read(place)?, (0, false), &mut complaints)?;
        if let Some(wrong) = complaints.iter().find(|wrong| wrong.contains(planted.blame)) {
            return Ok(Ok((nth + 1, wrong.clone())));
        }
        seen.append(&mut complaints);
    }
    Ok(Err(format!("looked for {:?} in {:?}", planted.blame, seen.first())))
}

fn piece(scene: &str, point: &Point, error: usize, onwards: bool) -> String {
    format!("{scene} {} {error} {onwards}", point.word())
}

/// Every call with every error, once; and from each tenth one on. First each call with one error, then the rest.
fn every(points: &[(String, Point)]) -> Vec<String> {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for (nth, (scene, point)) in points.iter().enumerate() {
        let errors = possible(point.call);
        for (place, error) in errors.iter().enumerate() {
            let once = piece(scene, point, *error, false);
            if place == nth % errors.len() { &mut first } else { &mut rest }.push(once);
            if (nth + error).is_multiple_of(10) && ERRORS[*error].0 != libc::EINTR {
                rest.push(piece(scene, point, *error, true));
            }
        }
    }
    first.append(&mut rest);
    first
}

/// Each name of a call in each scene with an error; those that decide with all of them.
fn sample(points: &[(String, Point)], seed: u64) -> Vec<String> {
    let mut named: BTreeMap<(&str, u64), Vec<&Point>> = BTreeMap::new();
    for (scene, point) in points {
        named.entry((scene, point.call)).or_default().push(point);
    }
    let mut pieces = Vec::new();
    for ((scene, call), points) in named {
        let mut random = Random::new(seed, &format!("{scene} {call}"));
        let errors: Vec<usize> = if DECISIVE.contains(&name_of(call).as_str()) {
            possible(call)
        } else {
            let errors = possible(call);
            vec![errors[random.below(errors.len())]]
        };
        for error in errors {
            let point = points[random.below(points.len())];
            // Who is interrupted tries again: for ever, where it always is.
            let onwards = ERRORS[error].0 != libc::EINTR && random.below(3) == 0;
            pieces.push(piece(scene, point, error, onwards));
        }
    }
    pieces
}

fn world(share: &Share, scene: &Scene) -> io::Result<World> {
    let root = share.root.join(scene.name);
    fs::create_dir(&root)?;
    World::build(&root, &share.program, scene.variant, scene.before, None)
}

/// Tells which calls the program makes, in each scene.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn count(share: &mut Share) -> io::Result<()> {
    for scene in &SCENES {
        let world = world(share, scene)?;
        let mut common: Option<BTreeSet<Point>> = None;
        let mut order = Vec::new();
        // Calls that not every run makes are left out: a failure that nobody meets proves nothing.
        for _ in 0..3 {
            world.begin(scene.before)?;
            let seen = tracer::fail(&world.words(scene.words), &world.root, &world.output(), None)?;
            orphans()?;
            let made: BTreeSet<Point> = seen.made.iter().cloned().collect();
            common = Some(match common {
                Some(common) => common.intersection(&made).cloned().collect(),
                None => made,
            });
            order = seen.made;
            crew::alive()?;
        }
        let common = common.unwrap_or_default();
        for point in order.iter().filter(|point| common.contains(*point)) {
            if !CANNOT.contains(&name_of(point.call).as_str()) {
                share.tell(&format!("{} {}", scene.name, point.word()))?;
            }
        }
    }
    Ok(())
}

/// The failures of one process.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn share(share: &mut Share) -> io::Result<()> {
    let mut worlds = Vec::new();
    for scene in &SCENES {
        worlds.push(world(share, scene)?);
    }
    for number in share.numbers() {
        let line = share.listed[number].clone();
        let words: Vec<&str> = line.split(' ').collect();
        if let ["planted", bug, places] = words.as_slice() {
            let caught = catch(&worlds, bug, places)?;
            share.caught(bug, caught)?;
            continue;
        }
        let [scene, point, error, onwards] = words.as_slice() else {
            return Err(io::Error::other(format!("no piece: {line:?}")));
        };
        let at = SCENES.iter().position(|known| known.name == *scene);
        let at = at.ok_or_else(|| io::Error::other("no such scene"))?;
        let point = Point::read(point)?;
        let (errno, error) = ERRORS[error.parse::<usize>().map_err(io::Error::other)?];
        let onwards = *onwards == "true";
        let mut complaints = Vec::new();
        let end = failed(&worlds[at], &SCENES[at], &point, (errno, onwards), &mut complaints)?;
        let often = if onwards { " from then on" } else { "" };
        let head = format!("{scene}, {error} at {point}{often}");
        let complaints = complaints.into_iter().map(|wrong| format!("{head}: {wrong}")).collect();
        share.done(&format!("{scene}: {end}"), complaints)?;
    }
    Ok(())
}

/// How often a call is looked for that the counted runs made.
const TRIES: u32 = 20;

fn failed(
    world: &World,
    scene: &Scene,
    point: &Point,
    (errno, onwards): (i32, bool),
    complaints: &mut Vec<String>,
) -> io::Result<String> {
    let recovery = Recovery::after(point);
    for _ in 0..TRIES {
        world.begin(scene.before)?;
        let words = world.words(scene.words);
        let seen = tracer::fail(&words, &world.root, &world.output(), Some((point, errno, onwards)))?;
        orphans()?;
        crew::alive()?;
        if !seen.killed {
            continue;
        }
        let mut wrong = Vec::new();
        let wreck = judge::after_kill(world, &mut wrong)?;
        let printed = fs::read_to_string(world.output())?;
        // Then the command said that its record is not whole, and that a rollback once more is what to do.
        // Whoever can write nothing any more can say nothing either.
        let mute = onwards && name_of(point.call) == "write";
        let not_whole = mute || printed.contains("the record of this run is not whole");
        if not_whole || printed.contains("no generation can be recorded") {
            // It did what it says, on the way back or behind a commit, or gave up before it touched anything; and it said
            // that nobody will read it anywhere.
            let excused = ["printed and not recorded", "no way back began"];
            wrong.retain(|wrong| !excused.iter().any(|words| wrong.contains(words)));
        }
        let closing = journal::closing(&printed);
        if printed.contains("panicked") {
            wrong.push(format!("it panicked: {printed}"));
        }
        // The record is what is synced so: an error of that must not be passed over, nor be mended by syncing again.
        if seen.status == Some(0) && !not_whole && errno != libc::EINTR && name_of(point.call) == "fdatasync"
        {
            wrong.push("the error of a sync was passed over, and it ended with 0".to_owned());
        }
        match seen.status {
            Some(0 | 10 | 12) => {
                ended_well(world, scene, seen.status, &wreck.journals, not_whole, &mut wrong)?
            }
            // A capsule that cannot be read, or is gone, is named in the error.
            Some(13) if closing.items.is_empty() && !mute && !printed.contains("\"error\":\"") => {
                wrong.push(format!("exit status 13, and no item is named: {printed}"));
            }
            // Whoever cannot read the plan, and whoever cannot lock.
            Some(1 | 2 | 11 | 13 | 15) => {}
            None if seen.failed >= tracer::ENOUGH => wrong.push("it tries again for ever".to_owned()),
            other => wrong.push(format!("it ended with {other:?}: {printed}")),
        }
        let stuck = not_whole || PHASES.iter().any(|phase| wreck.journals.end(phase) == Some("inconsistent"));
        // What is inconsistent is named, and a rollback tries again.
        let recovery = if stuck { Recovery::Rollback } else { recovery };
        let words = if stuck { TO_START } else { recovery.words() };
        let ran = world.run(words)?;
        let left = orphans()?;
        if !left.is_empty() {
            wrong.push(format!("alive after the recovery: {}", left.join("; ")));
        }
        let end = if stuck {
            again(world, &ran, &mut wrong)?
        } else {
            judge::after_recovery(world, &wreck, recovery, &ran, &mut wrong)?
        };
        if !wrong.is_empty() {
            wrong.push(format!("{:?} it had printed: {printed}\nthe recovery: {}", seen.status, ran.output));
        }
        complaints.append(&mut wrong);
        let status = seen.status.map_or("a signal".to_owned(), |status| status.to_string());
        return Ok(format!("ended with {status}, then {recovery:?}: {end}"));
    }
    Ok("never met again".to_owned())
}

/// A command that says that all is well is held to it: the machine has the state that its record names, and where the
/// record is not whole, one of those that there are.
fn ended_well(
    world: &World,
    scene: &Scene,
    status: Option<i32>,
    journals: &Journals,
    not_whole: bool,
    wrong: &mut Vec<String>,
) -> io::Result<()> {
    if !not_whole {
        return judge::machine_is_named(world, journals, wrong);
    }
    let found = tree::read(&world.machine())?;
    let whole = status == Some(0) && scene.words == RUN;
    let states = if whole { &world.states[PHASES.len()..] } else { &world.states[..] };
    if !states.contains(&found) {
        let nearest = states.iter().map(|state| tree::differences(state, &found)).min_by_key(Vec::len);
        let differs = nearest.unwrap_or_default().join("; ");
        wrong.push(format!(
            "it ended with {status:?}, its record is not whole, and the machine has no name: {differs}"
        ));
    }
    Ok(())
}

/// Judges a rollback of all after what did not hold, or was not recorded: nothing fails any more, and so it arrives.
fn again(world: &World, ran: &Ran, wrong: &mut Vec<String>) -> io::Result<&'static str> {
    let journals = Journals::read(&world.state());
    wrong.extend(journals.faults.iter().cloned());
    let differs = tree::differences(&world.states[0], &tree::read(&world.machine())?);
    if !differs.is_empty() {
        wrong.push(format!("rolled back once more, the machine is not as before: {}", differs.join("; ")));
    }
    judge::nothing_half_written(world, wrong)?;
    // Where nothing was begun there was nothing to take back.
    if !matches!(ran.status, Some(0 | 10 | 12)) {
        wrong.push(format!("rolled back once more, it ended with {:?}: {}", ran.status, ran.output));
    }
    Ok("rolled back once more")
}
