//! The way home: how soon a rollback acts, how soon `status` answers, and what saving and restoring a tree costs beside
//! `cp -a`.

mod bench;

use bench::{command, fresh, heading, line, other, place, plan, ratios, timed};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Generations before a rollback, and before `status`.
const FOR_ROLLBACK: u32 = 1_000;
const FOR_STATUS: u32 = 10_000;
const ROUNDS: usize = 9;
/// Files of the tree, and bytes of each: 1 GiB together.
const FILES: usize = 10_000;
const BYTES: usize = (1 << 30) / FILES;
const TREE_ROUNDS: usize = 3;

fn main() -> io::Result<()> {
    let rounds = bench::rounds(ROUNDS);
    let place = place()?;
    let (first_act, status) = generations(place.path(), rounds)?;
    heading("home", &format!("going home, {rounds} rounds"));
    let what = format!("rollback, from start to first act, {FOR_ROLLBACK} generations");
    line(&what, &first_act, "ms", Some(10.0));
    line(&format!("status, {FOR_STATUS} generations"), &status, "ms", Some(10.0));
    trees(place.path())
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

fn generations(place: &Path, rounds: usize) -> io::Result<(Vec<f64>, Vec<f64>)> {
    let state = fresh(&place.join("state"))?;
    let tree = fresh(&place.join("small"))?;
    fs::write(tree.join("conf"), "old\n")?;
    let plan = plan(
        place,
        &format!(
            r#"switchback: 1
name: home
revision: 1
phases:
  - id: only
    layers: [{{files: {{paths: ["{0}/"]}}}}]
    apply:
      - shell: echo new > "{0}/conf"
"#,
            tree.display()
        ),
    )?;
    let run = || timed(&mut command(&["run", &plan, "--unattended", "--phase", "only"], &state), 0);
    run()?;
    fill(&state, FOR_ROLLBACK)?;
    let mut first_act = Vec::new();
    for _ in 0..rounds {
        run()?;
        fs::write(tree.join("conf"), "newer\n")?;
        first_act.push(milliseconds(until_first_act(&state, &tree)?));
    }
    fill(&state, FOR_STATUS)?;
    run()?;
    let mut status = Vec::new();
    for _ in 0..rounds {
        status.push(milliseconds(timed(&mut command(&["status"], &state), 0)?));
    }
    Ok((first_act, status))
}

/// Generations up to this number: the first one's files under other numbers. Only the newest are real; going home and
/// looking read those, and must not read the others.
fn fill(state: &Path, up_to: u32) -> io::Result<()> {
    let first = state.join("generations/0001");
    for number in 2..=up_to {
        let folder = state.join(format!("generations/{number:04}"));
        if folder.exists() {
            continue;
        }
        fs::create_dir(&folder)?;
        for entry in fs::read_dir(&first)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::hard_link(entry.path(), folder.join(entry.file_name()))?;
            }
        }
    }
    Ok(())
}

/// From the start of the process to the first thing that happens in the tree that it restores.
fn until_first_act(state: &Path, tree: &Path) -> io::Result<Duration> {
    let watch = Inotify::init(InitFlags::IN_CLOEXEC)?;
    let acts = AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_MODIFY
        | AddWatchFlags::IN_MOVED_TO
        | AddWatchFlags::IN_MOVED_FROM
        | AddWatchFlags::IN_DELETE;
    watch.add_watch(tree, acts)?;
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    let began = Instant::now();
    let mut process = command(&["rollback", "--yes"], state).spawn()?;
    watch.read_events()?;
    let took = began.elapsed();
    let ended = process.wait()?;
    let restored = fs::read_to_string(tree.join("conf"))?;
    if ended.code() != Some(12) || restored.starts_with("newer") {
        return Err(io::Error::other(format!("rollback ended with {ended} and left {restored:?}")));
    }
    Ok(took)
}

fn trees(place: &Path) -> io::Result<()> {
    let rounds = bench::rounds(TREE_ROUNDS);
    let tree = place.join("tree");
    make_tree(&tree)?;
    let place_word = place.display().to_string();
    let tree_word = tree.display().to_string();
    let plan = plan(
        place,
        &format!(
            r#"switchback: 1
name: tree
revision: 1
phases:
  - id: only
    layers: [{{files: {{paths: ["{tree_word}/"]}}}}]
    apply:
      - {{run: [/bin/true], changes: nothing}}
"#
        ),
    )?;
    let copying = |from: &str, to: &str| -> io::Result<f64> {
        let took = timed(&mut other(&["cp", "-a", "--reflink=auto", from, to]), 0)?;
        Ok(took.as_secs_f64())
    };
    let flushing =
        || -> io::Result<f64> { Ok(timed(&mut other(&["sync", "-f", &place_word]), 0)?.as_secs_f64()) };

    let (mut save, mut restore) = (Vec::new(), Vec::new());
    let (mut copy_there, mut copy_back) = (Vec::new(), Vec::new());
    let (mut durable_there, mut durable_back) = (Vec::new(), Vec::new());
    // Nothing is deleted before the end: for minutes ext4 looks at the inodes that were freed, one by one, before it makes a
    // new file, and that would be measured instead.
    for round in 0..rounds {
        let copy = fresh(&place.join(format!("copy-{round}")))?;
        let copy_word = copy.join("tree").display().to_string();
        let state = fresh(&place.join(format!("state-{round}")))?;
        flushing()?;
        let there = copying(&tree_word, &copy.display().to_string())?;
        copy_there.push(there);
        durable_there.push(there + flushing()?);

        save.push(timed(&mut command(&["run", &plan, "--unattended"], &state), 0)?.as_secs_f64());

        fs::rename(&tree, place.join(format!("gone-{round}")))?;
        flushing()?;
        restore.push(timed(&mut command(&["rollback", "--yes"], &state), 12)?.as_secs_f64());
        timed(&mut other(&["diff", "-rq", &tree_word, &copy_word]), 0)?;

        fs::rename(&tree, place.join(format!("restored-{round}")))?;
        flushing()?;
        let back = copying(&copy_word, &tree_word)?;
        copy_back.push(back);
        durable_back.push(back + flushing()?);
    }
    heading("home", &format!("{FILES} files, 1 GiB, {rounds} rounds side by side"));
    line("record: the whole `run`, durable", &save, "s", None);
    line("cp -a --reflink=auto", &copy_there, "s", None);
    line("cp -a --reflink=auto; sync -f", &durable_there, "s", None);
    line("record / cp", &ratios(&save, &copy_there), "", Some(1.2));
    line("record / (cp; sync)", &ratios(&save, &durable_there), "", None);
    line("restore: the whole `rollback` of a tree that is gone", &restore, "s", None);
    line("cp -a --reflink=auto", &copy_back, "s", None);
    line("cp -a --reflink=auto; sync -f", &durable_back, "s", None);
    line("restore / cp", &ratios(&restore, &copy_back), "", Some(1.2));
    line("restore / (cp; sync)", &ratios(&restore, &durable_back), "", None);
    line("peak memory", &[bench::peak_of_children()?], "MiB", None);
    Ok(())
}

/// Each file with bytes of its own: equal ones would be stored once.
fn make_tree(tree: &Path) -> io::Result<()> {
    for number in 0..FILES {
        let folder = tree.join((number / 100).to_string());
        fs::create_dir_all(&folder)?;
        let seed = u64::try_from(number).map_err(io::Error::other)?;
        fs::write(folder.join(number.to_string()), noise(seed))?;
    }
    Ok(())
}

/// Bytes without a pattern, the same in each run (splitmix64).
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed << 32;
    let mut bytes = Vec::with_capacity(BYTES + 8);
    while bytes.len() < BYTES {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 27)).to_le_bytes());
    }
    bytes.truncate(BYTES);
    bytes
}
