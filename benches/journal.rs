//! The journal probe on a journal of a million entries, and the reader on an export of 100 MB, beside `journalctl` alone.
//! The journal is made once, by `systemd-journal-remote` from an export of our own, and kept under `target/`.

#[expect(dead_code, reason = "each benchmark uses a part")]
mod bench;

use bench::{heading, line, other, place, ratios, switchback, timed};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

const ENTRIES: u64 = 1_000_000;
const ROUNDS: usize = 5;
/// What follows each other in the journal: who speaks, and what; `#` is another number each time.
const SAID: [(&str, &str); 4] = [
    ("kernel", "foo[#]: segfault at # ip 00007f00000# sp 00007ffc0000# error 4 in libfoo.so[7f0000000+1000]"),
    ("plasmashell", "qml: error #: Could not load thing # at 0xdead# near line #"),
    ("systemd", "app-#.service: Main process # exited, code=exited, status=#/FAILURE"),
    ("nginx", "worker # of pid # lost its upstream at address 0xbeef# and carries on after # tries"),
];

fn main() -> io::Result<()> {
    let rounds = bench::rounds(ROUNDS);
    let place = place()?;
    let journal = journal()?;
    let folder = format!("--directory={}", journal.display());
    let program = switchback();
    let setting = format!("folder={}", journal.display());
    let ask = ["probe", "journal", "priority=err", &setting, "--json", "--timeout", "10m"];
    let probe: Vec<&str> = std::iter::once(program.as_str()).chain(ask).collect();
    let same = [
        "journalctl",
        "--no-pager",
        "--output=short-unix",
        "--no-hostname",
        "--all",
        "--show-cursor",
        "--priority=3",
        &folder,
    ];
    let usual = ["journalctl", "--no-pager", "--priority=3", &folder];
    let (mut ours, mut alone, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        plain.push(timed(&mut other(&usual), 0)?.as_secs_f64());
        alone.push(timed(&mut other(&same), 0)?.as_secs_f64());
        ours.push(timed(&mut other(&probe), 0)?.as_secs_f64());
    }
    heading("journal", &format!("{ENTRIES} entries, half of them errors, {rounds} rounds side by side"));
    line("switchback probe journal priority=err", &ours, "s", None);
    line("journalctl with the same matches and output", &alone, "s", None);
    line("journalctl with the same matches", &plain, "s", None);
    line("probe / journalctl with the same output", &ratios(&ours, &alone), "", Some(1.2));
    line("probe / journalctl", &ratios(&ours, &plain), "", Some(1.2));
    line("peak memory of switchback on a million entries", &[peak(&probe)?], "MiB", None);
    exported(&journal, place.path(), rounds)
}

/// The reader on what `journalctl` exports, 100 MB of it.
fn exported(journal: &Path, place: &Path, rounds: usize) -> io::Result<()> {
    let lines = "400000";
    let folder = format!("--directory={}", journal.display());
    let export = ["journalctl", "--no-pager", "--output=export", "--lines", lines, &folder];
    let file = place.join("export");
    let done = other(&export).stdout(File::create(&file)?).status()?;
    if !done.success() {
        return Err(io::Error::other("journalctl exported nothing"));
    }
    #[expect(clippy::cast_precision_loss, reason = "megabytes, far below 2^52")]
    let megabytes = fs::metadata(&file)?.len() as f64 / 1e6;
    let program = switchback();
    let piped = format!("{} | {program} probe journal --from - --json", export.join(" "));
    let path = file.display().to_string();
    let read = [program.as_str(), "probe", "journal", "--from", &path, "--json"];
    let (mut alone, mut both, mut reading) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(timed(&mut other(&export), 0)?.as_secs_f64());
        both.push(timed(&mut other(&["sh", "-c", &piped]), 0)?.as_secs_f64());
        reading.push(timed(&mut other(&read), 0)?.as_secs_f64());
    }
    heading("journal", &format!("an export of {megabytes:.0} MB, {rounds} rounds side by side"));
    line("journalctl --output=export", &alone, "s", None);
    line("journalctl --output=export | switchback probe journal", &both, "s", None);
    line("with the reader / without", &ratios(&both, &alone), "", Some(1.1));
    let speed: Vec<f64> = reading.iter().map(|seconds| megabytes / seconds).collect();
    line("the reader alone, from a file", &speed, "MB/s", None);
    line("peak memory of the reader", &[peak(&read)?], "MiB", None);
    Ok(())
}

/// The largest memory that switchback itself had, in MiB: its own `VmHWM`, asked while it runs. `journalctl` maps its
/// files, and the count of all children would hide it.
fn peak(words: &[&str]) -> io::Result<f64> {
    let mut child = other(words).spawn()?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0.0_f64;
    while child.try_wait()?.is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = kib.and_then(|kib| kib.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        peak = peak.max(kib.unwrap_or(0.0) / 1024.0);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(peak)
}

/// The folder with the journal; made where it is not there yet.
fn journal() -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("journal-of-a-million");
    if folder.join("whole").exists() {
        return Ok(folder);
    }
    let fresh = bench::fresh(&folder)?;
    let export = fresh.join("export");
    let mut file = BufWriter::new(File::create(&export)?);
    for number in 0..ENTRIES {
        entry(&mut file, number)?;
    }
    file.flush()?;
    drop(file);
    let remote = "/lib/systemd/systemd-journal-remote";
    let output = format!("--output={}", fresh.join("million.journal").display());
    let done = other(&[remote, &output, &export.display().to_string()])
        .stderr(Stdio::null())
        .status()
        .map_err(|why| io::Error::other(format!("{remote}: {why} (Debian: systemd-journal-remote)")))?;
    if !done.success() {
        return Err(io::Error::other(format!("{remote} ended with {done}")));
    }
    fs::remove_file(&export)?;
    File::create(fresh.join("whole"))?;
    Ok(fresh)
}

fn entry(file: &mut impl Write, number: u64) -> io::Result<()> {
    let at = usize::try_from(number % 1000).unwrap_or(0);
    let (who, said) = if at == 0 { SAID[0] } else { SAID[1 + at % 3] };
    let transport = if who == "kernel" { "kernel" } else { "syslog" };
    let priority = if number.is_multiple_of(2) { 3 } else { 6 };
    let said = said.split('#').enumerate().fold(String::new(), |mut text, (nth, part)| {
        if nth > 0 {
            text.push_str(&(number * 7 + nth as u64 * 7919).to_string());
        }
        text.push_str(part);
        text
    });
    let time = 1_767_000_000_000_000 + number * 1000;
    write!(
        file,
        "__REALTIME_TIMESTAMP={time}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID=0123456789abcdef0123456789abcdef\n\
         PRIORITY={priority}\nSYSLOG_IDENTIFIER={who}\n_TRANSPORT={transport}\n_PID={}\n_COMM={who}\n_HOSTNAME=host\n\
         MESSAGE={said}\n\n",
        1_000_000 + number * 1000,
        number % 30_000
    )
}
