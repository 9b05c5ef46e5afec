//! A thousand steps, every one durable, beside a loop that spawns the same programs and writes and syncs the same
//! bytes, and beside a shell that records nothing.

mod bench;

use bench::{command, fresh, heading, line, other, place, plan, ratios, timed};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

const STEPS: usize = 1000;
const ROUNDS: usize = 7;

fn main() -> io::Result<()> {
    let rounds = bench::rounds(ROUNDS);
    let place = place()?;
    let mut text = "switchback: 1\nname: steps\nrevision: 1\nphases:\n  - id: all\n    apply:\n".to_owned();
    for _ in 0..STEPS {
        text.push_str("      - {run: [/bin/true], changes: nothing}\n");
    }
    let plan = plan(place.path(), &text)?;
    let script = "/bin/true\n".repeat(STEPS);
    let state = place.path().join("state");
    let run = |state: &Path| timed(&mut command(&["run", &plan, "--unattended"], &fresh(state)?), 0);

    run(&state)?;
    let journal = fs::read_to_string(state.join("generations/0001/journal"))?;
    let acts: Vec<&str> = journal.lines().filter(|line| line.contains("\"fact\":\"step-")).collect();
    if acts.len() != 2 * STEPS {
        return Err(io::Error::other(format!("{} facts of {STEPS} steps in the journal", acts.len())));
    }

    let (mut ours, mut recording, mut shell) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        recording.push(timed_here(|| record_and_spawn(&place.path().join("facts"), &acts))?.as_secs_f64());
        ours.push(run(&state)?.as_secs_f64());
        shell.push(timed(&mut other(&["sh", "-c", &script]), 0)?.as_secs_f64());
    }

    let mut words = String::new();
    write!(words, "{STEPS} steps of /bin/true, {rounds} rounds side by side").map_err(io::Error::other)?;
    heading("steps", &words);
    line("switchback run --unattended", &ours, "s", None);
    line("A: spawns the same, writes and syncs the same bytes", &recording, "s", None);
    line("B: sh -c, no record", &shell, "s", None);
    line("switchback / A", &ratios(&ours, &recording), "", Some(1.25));
    line("switchback / B", &ratios(&ours, &shell), "", Some(2.0));
    line("peak memory of the runner", &[bench::peak_of_children()?], "MiB", Some(16.0));
    Ok(())
}

/// Runs something of our own and says how long it took.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed_here(work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}

/// The intent durable before the act; the end with the next intent in one sync, as the runner does.
fn record_and_spawn(path: &Path, acts: &[&str]) -> io::Result<()> {
    let mut facts = File::create(path)?;
    let mut bytes = Vec::new();
    for pair in acts.chunks(2) {
        for (place, act) in pair.iter().enumerate() {
            bytes.extend_from_slice(act.as_bytes());
            bytes.push(b'\n');
            if place == 0 {
                facts.write_all(&bytes)?;
                facts.sync_data()?;
                bytes.clear();
                timed(&mut other(&["/bin/true"]), 0)?;
            }
        }
    }
    facts.write_all(&bytes)?;
    facts.sync_data()
}
