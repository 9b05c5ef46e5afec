//! What the benchmarks share: a place, the binary, commands, and a table of ratios.

#![expect(clippy::disallowed_methods, reason = "a benchmark starts programs and reads the clock")]

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A folder that is gone afterwards, on the file system of the target folder.
///
/// # Errors
/// That it could not be made.
pub(crate) fn place() -> io::Result<tempfile::TempDir> {
    // Not below a folder that everybody may write: a plan from there is refused.
    tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))
}

/// The program that is measured: `SWITCHBACK_BIN`, or the one of this build.
pub(crate) fn switchback() -> String {
    std::env::var("SWITCHBACK_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_switchback").to_owned())
}

/// How many rounds: the first number on the command line (`cargo bench --bench NAME -- 3`), or this many.
pub(crate) fn rounds(usual: usize) -> usize {
    std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(usual)
}

/// A switchback command with this state folder.
pub(crate) fn command(words: &[&str], state: &Path) -> Command {
    let mut command = Command::new(switchback());
    command.args(words).arg("--state").arg(state).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Any other command, silent.
pub(crate) fn other(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Runs to the end and says how long it took.
///
/// # Errors
/// That it could not be started, or ended with another status.
pub(crate) fn timed(command: &mut Command, status: i32) -> io::Result<Duration> {
    let began = Instant::now();
    let ended = command.status()?;
    let took = began.elapsed();
    if ended.code() == Some(status) {
        Ok(took)
    } else {
        Err(io::Error::other(format!("{command:?} ended with {ended}, expected {status}")))
    }
}

/// A new, empty, private folder at this path.
///
/// # Errors
/// That it could not be made.
pub(crate) fn fresh(path: &Path) -> io::Result<PathBuf> {
    if path.exists() {
        fs::remove_dir_all(path)?;
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    Ok(path.to_owned())
}

/// Puts a plan into the folder.
///
/// # Errors
/// That it could not be written.
pub(crate) fn plan(folder: &Path, text: &str) -> io::Result<String> {
    let path = folder.join("plan.yaml");
    fs::write(&path, text)?;
    File::open(&path)?.sync_all()?;
    Ok(path.display().to_string())
}

/// The largest memory that any child had at once, in MiB. Of those here, switchback is the largest.
///
/// # Errors
/// That the kernel does not say.
pub(crate) fn peak_of_children() -> io::Result<f64> {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)?;
    #[expect(clippy::cast_precision_loss, reason = "kibibytes, far below 2^52")]
    Ok(usage.max_rss() as f64 / 1024.0)
}

/// Median, smallest and largest.
pub(crate) fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
    let ends = |end: Option<&f64>| end.copied().unwrap_or(f64::NAN);
    (median, ends(sorted.first()), ends(sorted.last()))
}

/// The ratio of each pair; pairs were measured side by side.
pub(crate) fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect()
}

/// Says what one runs to see this again.
#[expect(clippy::print_stdout, reason = "the result of a benchmark")]
pub(crate) fn heading(bench: &str, what: &str) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("\n{what}\ncargo bench --bench {bench}    ({cores} cores; {})\n", switchback());
    println!("{:<58} {:>9} {:>19}  {:>9}", "", "median", "min - max", "goal");
}

/// One line of the table.
#[expect(clippy::print_stdout, reason = "the result of a benchmark")]
pub(crate) fn line(what: &str, values: &[f64], unit: &str, goal: Option<f64>) {
    let (median, least, most) = spread(values);
    let goal = goal.map_or_else(String::new, |goal| {
        format!("{goal} {unit} {}", if median <= goal { "met" } else { "MISSED" })
    });
    println!("{what:<58} {median:>9.2} {least:>9.2} - {most:<7.2}  {unit:<4} {goal}");
}
