//! Says something to whoever is there, and to whoever logs in next: on the console, at every terminal that is logged in,
//! and in the message of the day.

use super::clock;
use super::host::Host;
use super::process::{self, Spec, Unwatched};
use super::sanitise::sanitise_line;
use crate::model::{CommandLine, RunAs, Span};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Read by pam_motd(8) at login; gone after the next boot.
const MOTD: &str = "/run/motd.d/50-switchback";
const PATIENCE: Span = Span::seconds(5);

/// Says it. Nothing depends on anybody hearing it.
pub fn announce(host: &Host, text: &str) {
    let line = format!("{}: {}\n", clock::now(), sanitise_line(text));
    eprint_line(&line);
    if host.euid != 0 {
        return;
    }
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
    if let Ok(mut console) = OpenOptions::new().write(true).custom_flags(flags).open("/dev/console") {
        let _ = console.write_all(format!("\r\n{}\r\n", line.trim_end()).as_bytes());
    }
    if let Ok((ids, env)) = host.identity(RunAs::Runner) {
        let command = CommandLine::new(["wall", "--", line.trim_end()]);
        let spec = Spec { command, env, ids, timeout: PATIENCE, keep: 0, input: None };
        // Nobody may be logged in, or nobody has the program.
        let _ = process::run(&spec, &mut Unwatched);
    }
    let _ = write_motd(&line);
}

fn eprint_line(line: &str) {
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

fn write_motd(line: &str) -> std::io::Result<()> {
    let folder = Path::new(MOTD).parent().unwrap_or(Path::new("/run"));
    fs::create_dir_all(folder)?;
    let options =
        OpenOptions::new().append(true).create(true).mode(0o644).custom_flags(libc::O_NOFOLLOW).open(MOTD);
    options?.write_all(line.as_bytes())
}

/// What was said is no longer so.
pub fn unsay(host: &Host) {
    if host.euid == 0 {
        let _ = fs::remove_file(MOTD);
    }
}
