//! Five hundred checks of small real programs, beside a shell script that runs the same programs one after the other; and
//! a hundred of them beside `pytest-testinfra` (left out by name where Python lacks it).

mod bench;

use bench::{command, fresh, heading, line, other, place, plan, ratios, timed};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

const CHECKS: usize = 500;
const FEW: usize = 100;
const ROUNDS: usize = 7;
/// Debian's own: its modules are packages.
const PYTHON: &str = "/usr/bin/python3";
/// What the checks run, in turn: a file's text, the libraries that the loader knows, a mount, room on a disk, a limit.
const PROGRAMS: [&[&str]; 5] = [
    &["/bin/grep", "-q", "^root:", "/etc/passwd"],
    &["/sbin/ldconfig", "-p"],
    &["/bin/findmnt", "--noheadings", "/"],
    &["/bin/df", "--output=avail", "/"],
    &["/usr/bin/getconf", "-a"],
];

fn main() -> io::Result<()> {
    let rounds = bench::rounds(ROUNDS);
    let place = place()?;
    beside_a_script(place.path(), rounds)?;
    beside_testinfra(place.path(), rounds)
}

fn beside_a_script(place: &Path, rounds: usize) -> io::Result<()> {
    let plan = checks(place, CHECKS)?;
    let mut script = String::new();
    for words in programs(CHECKS) {
        writeln!(script, "{} >/dev/null || exit 1", words.join(" ")).map_err(io::Error::other)?;
    }
    let path = place.join("checks.sh");
    fs::write(&path, script)?;
    let state = fresh(&place.join("state"))?;
    let (mut ours, mut shell) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        shell.push(timed(&mut other(&["/bin/sh", &path.display().to_string()]), 0)?.as_secs_f64());
        ours.push(timed(&mut command(&["validate", &plan], &state), 0)?.as_secs_f64());
    }
    heading("validate", &format!("{CHECKS} checks of five small programs, {rounds} rounds side by side"));
    line("switchback validate", &ours, "s", None);
    line("a shell script, one by one", &shell, "s", None);
    line("switchback / the script", &ratios(&ours, &shell), "", Some(0.6));
    line("peak memory of switchback", &[bench::peak_of_children()?], "MiB", None);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result of a benchmark")]
fn beside_testinfra(place: &Path, rounds: usize) -> io::Result<()> {
    let there =
        other(&[PYTHON, "-c", "import testinfra, pytest"]).stderr(std::process::Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        println!("\nnot compared with pytest-testinfra: {PYTHON} lacks it (Debian: python3-testinfra)");
        return Ok(());
    }
    let plan = checks(place, FEW)?;
    let mut text = String::new();
    for (number, words) in programs(FEW).enumerate() {
        let words = words.join(" ");
        writeln!(text, "def test_{number}(host):\n    assert host.run(\"{words}\").rc == 0\n")
            .map_err(io::Error::other)?;
    }
    let tests = place.join("test_checks.py");
    fs::write(&tests, text)?;
    let tests = tests.display().to_string();
    let pytest = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", &tests];
    let state = fresh(&place.join("state"))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        theirs.push(timed(&mut other(&pytest), 0)?.as_secs_f64());
        ours.push(timed(&mut command(&["validate", &plan], &state), 0)?.as_secs_f64());
    }
    heading("validate", &format!("{FEW} checks of the same programs, {rounds} rounds side by side"));
    line("switchback validate", &ours, "s", None);
    line("pytest with testinfra, on this machine", &theirs, "s", None);
    line("switchback / testinfra", &ratios(&ours, &theirs), "", Some(0.2));
    Ok(())
}

/// The first so many programs, in turn.
fn programs(count: usize) -> impl Iterator<Item = &'static [&'static str]> {
    PROGRAMS.into_iter().cycle().take(count)
}

/// A plan with so many checks.
fn checks(place: &Path, count: usize) -> io::Result<String> {
    let mut text = "switchback: 1\nname: validate\nrevision: 1\nphases:\n  - id: all\n    apply:\n      \
                    - {run: [/bin/true], changes: nothing}\n    validate:\n"
        .to_owned();
    for (number, words) in programs(count).enumerate() {
        let words = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
        writeln!(text, "      - {{id: c{number}, probe: {{run: [{words}]}}}}").map_err(io::Error::other)?;
    }
    plan(place, &text)
}
