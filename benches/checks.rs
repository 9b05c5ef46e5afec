//! A thousand `run` checks, beside a shell that runs the same programs one after the other.

mod bench;

use bench::{command, fresh, heading, line, other, place, plan, ratios, timed};
use std::fmt::Write as _;
use std::io;

const CHECKS: usize = 1000;
const ROUNDS: usize = 7;

fn main() -> io::Result<()> {
    let rounds = bench::rounds(ROUNDS);
    let place = place()?;
    let mut text =
        "switchback: 1\nname: checks\nrevision: 1\nphases:\n  - id: all\n    preflight:\n".to_owned();
    for number in 0..CHECKS {
        writeln!(text, "      - {{id: c{number}, probe: {{run: [/bin/true]}}}}").map_err(io::Error::other)?;
    }
    text.push_str("    apply:\n      - {run: [/bin/true], changes: nothing}\n");
    let plan = plan(place.path(), &text)?;
    let state = place.path().join("state");
    let script = "/bin/true\n".repeat(CHECKS);
    let (mut ours, mut shell) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        shell.push(timed(&mut other(&["sh", "-c", &script]), 0)?.as_secs_f64());
        let run = timed(&mut command(&["run", &plan, "--unattended"], &fresh(&state)?), 0)?;
        ours.push(run.as_secs_f64());
    }
    heading("checks", &format!("{CHECKS} checks of /bin/true, {rounds} rounds side by side"));
    line("switchback run --unattended", &ours, "s", None);
    line("sh -c", &shell, "s", None);
    line("switchback / sh", &ratios(&ours, &shell), "", Some(0.7));
    line("peak memory of the runner", &[bench::peak_of_children()?], "MiB", None);
    Ok(())
}
