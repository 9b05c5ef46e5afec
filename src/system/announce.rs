//! Says something to whoever is there, and to whoever logs in next: on the console, at every terminal that is logged in,
//! and in the message of the day.

use super::clock;
use super::files::{self, Access};
use super::host::Host;
use super::process::{self, Spec, Unwatched};
use super::sanitise::sanitise_line;
use crate::model::{CommandLine, RunAs, Span};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Read by pam_motd(8) at login; gone after the next boot.
const MOTD: &str = "/run/motd.d";
const PATIENCE: Span = Span::seconds(5);

/// Says it of what that state folder stands for. Nothing depends on anybody hearing it.
pub fn announce(host: &Host, state: &Path, text: &str) {
    let line = format!("{}: {}\n", clock::now(), sanitise_line(text));
    eprint_line(&line);
    if host.euid != 0 || host.quiet {
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
    // The last word stands for those before it.
    let _ = fs::create_dir_all(MOTD);
    let _ = files::write_atomic(&motd_of(state), line.as_bytes(), Access { mode: 0o644, owner: None });
}

fn eprint_line(line: &str) {
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// One file for one state folder.
fn motd_of(state: &Path) -> PathBuf {
    let name = files::sha256_bytes(state.as_os_str().as_encoded_bytes());
    Path::new(MOTD).join(format!("50-switchback-{}", name.short()))
}

/// What was said of that state folder was heard.
pub fn unsay(host: &Host, state: &Path) {
    if host.euid == 0 && !host.quiet {
        let _ = fs::remove_file(motd_of(state));
    }
}
