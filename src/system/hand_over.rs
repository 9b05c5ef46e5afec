//! A process that goes on when whoever started it is gone, and the terminal and the session with it: in a unit of the
//! service manager, or where there is none in a session of its own.

use super::guard::GuardError;
use super::host::Host;
use super::service_manager::{ServiceManager, environment};
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is to be done by a process that goes on.
#[derive(Debug)]
pub struct Errand {
    /// The program.
    pub program: PathBuf,
    /// Its words.
    pub words: Vec<String>,
    /// Its environment.
    pub env: BTreeMap<OsString, OsString>,
    /// The name of the unit, where there is a service manager.
    pub unit: String,
}

/// Starts it and does not wait for it. `from_unit` and `from_session` are one word more, which tells it how it was started.
///
/// # Errors
/// [`GuardError`]; nothing was started then.
pub fn hand_over(
    errand: &Errand,
    host: &Host,
    from_unit: &str,
    from_session: &str,
) -> Result<(), GuardError> {
    let mut argv = vec![errand.program.display().to_string()];
    argv.extend(errand.words.iter().cloned());
    argv.push(from_unit.to_owned());
    if let Some(manager) = ServiceManager::running(&environment(host), &host.path) {
        return Ok(manager.start(&unit(errand), &argv)?);
    }
    #[expect(clippy::disallowed_methods, reason = "a process that outlives us is no child of a crew")]
    let mut command = Command::new(&errand.program);
    command
        .args(&errand.words)
        .arg(from_session)
        .env_clear()
        .envs(&errand.env)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let failed = |source| GuardError::NotStarted { program: errand.program.clone(), source };
    // It forks and ends at once: what goes on is nobody's child.
    let ended = command.status().map_err(failed)?;
    if ended.success() {
        return Ok(());
    }
    Err(failed(io::Error::other(format!("it {ended}"))))
}

/// What the unit is. A stop of it asks the program alone, and not what it started: that is for the program to end.
fn unit(errand: &Errand) -> Vec<String> {
    let mut properties = vec![
        format!("--unit={}", errand.unit),
        "--description=switchback: a run that was handed over".to_owned(),
        "--property=KillMode=mixed".to_owned(),
        "--property=IgnoreOnIsolate=yes".to_owned(),
    ];
    let set = errand.env.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
    properties.extend(set.map(|(name, value)| format!("--setenv={name}={value}")));
    properties
}

/// Goes on in a session of its own, which no terminal belongs to, as nobody's child; the process that was started ends
/// here. Nothing that was inherited is kept open, so that nobody waits for its end.
///
/// # Errors
/// The kernel's.
#[expect(unsafe_code, reason = "fork has no safe form")]
pub fn leave() -> io::Result<()> {
    // SAFETY: the program has one thread here.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => {
            // SAFETY: ends the process without running what the other is to run at its end.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Child => {}
    }
    setsid()?;
    // SAFETY: nothing is open yet but the three standard descriptors; what is closed was inherited.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
    Ok(())
}

/// From here on everything that is said goes to that file.
///
/// # Errors
/// The file cannot be made.
pub fn say_into(file: &Path) -> io::Result<()> {
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    dup2_stdout(&log)?;
    dup2_stderr(&log)?;
    if let Ok(nothing) = std::fs::File::open("/dev/null") {
        dup2_stdin(nothing)?;
    }
    Ok(())
}
