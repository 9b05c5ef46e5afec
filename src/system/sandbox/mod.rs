//! A throw-away copy of the machine: what is written in it stays in memory and is gone when it ends.
//!
//! A process of its own is the first of new mount, process, IPC and host name namespaces, and of an empty network unless
//! that is asked for. Over every mounted file system lies an overlay whose upper part is a tmpfs that nobody else sees;
//! what cannot be overlaid is there for reading only. `/proc`, `/sys` and `/dev` are new: no process of the machine can be
//! seen or ended, no disk can be opened, no setting of the kernel written. Programs started in it have lost the
//! capabilities that reach around an overlay (mounting, device nodes, kernel modules, the clock, reboot, tracing).
//!
//! Sockets in the file system lead nowhere through an overlay, so that no service of the machine can be asked to act.
//! With the network, those that have no file can be reached, and other machines.

mod changed;
mod mounts;

pub use changed::Difference;

use crate::model::Item;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, geteuid};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What the sandbox shall be like.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// Keep the machine's network.
    pub network: bool,
    /// Folders that are empty in it, whatever the machine has there, and that do not count as changed.
    pub fresh: Vec<PathBuf>,
}

/// Why there is no sandbox, or what became of it.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Only root may make the namespaces and overlays.
    #[error("a sandbox of the machine takes root, and this is user {0}")]
    NotRoot(u32),
    /// A process of several threads cannot be split.
    #[error("this process has {0} threads")]
    Threads(usize),
    /// The kernel or what contains us does not let it be made.
    #[error("{what}: {why}")]
    Refused {
        /// What was tried.
        what: String,
        /// What the kernel said.
        why: String,
    },
    /// It ended before it said what came of it.
    #[error("the sandbox ended before it was done: {0}")]
    Lost(String),
}

impl SandboxError {
    fn refused(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |why| Self::Refused { what, why: why.to_string() }
    }
}

/// One overlaid file system.
#[derive(Debug)]
struct Cover {
    /// Where it is mounted.
    at: PathBuf,
    /// The machine's own files.
    lower: OwnedFd,
    /// What was written over them.
    upper: OwnedFd,
}

/// The sandbox, seen by the process in it.
#[derive(Debug)]
pub struct Inside {
    covers: Vec<Cover>,
    left_out: Vec<Item>,
    /// Folders that do not count.
    fresh: Vec<PathBuf>,
    /// What making the sandbox changed itself.
    made: BTreeSet<PathBuf>,
}

impl Inside {
    /// Mounted file systems that are there for reading only, or not at all, with the reason.
    #[must_use]
    pub fn left_out(&self) -> &[Item] {
        &self.left_out
    }
}

/// First byte of what the sandbox says: it worked, or it could not be made.
const DONE: u8 = 1;
const REFUSED: u8 = 0;

/// Does something in a sandbox and returns the bytes that it gives. The machine is left as it is: nothing outlives the
/// call, whoever is killed.
///
/// # Errors
/// [`SandboxError`]: it cannot be made here, or it ended before `act` did.
pub fn run(ground: &Ground, act: impl FnOnce(&Inside) -> Vec<u8>) -> Result<Vec<u8>, SandboxError> {
    if !geteuid().is_root() {
        return Err(SandboxError::NotRoot(geteuid().as_raw()));
    }
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(SandboxError::Threads(threads));
    }
    let (read, write) = io::pipe().map_err(SandboxError::refused("no pipe to the sandbox can be made"))?;
    let (mut read, mut write) = (File::from(OwnedFd::from(read)), File::from(OwnedFd::from(write)));
    let outer = split().map_err(|why| SandboxError::refused("no process can be started")(why.into()))?;
    let Some(outer) = outer else {
        drop(read);
        // It ends with whoever waits for it; unwinding must not carry it back into the caller.
        let _ = catch_unwind(AssertUnwindSafe(|| keep_apart(ground, act, &mut write)));
        end(0)
    };
    drop(write);
    let mut said = Vec::new();
    let heard = read.read_to_end(&mut said);
    let ended = wait_for(outer);
    heard.map_err(|why| SandboxError::Lost(why.to_string()))?;
    match said.split_first() {
        Some((&DONE, bytes)) => Ok(bytes.to_vec()),
        Some((_, bytes)) => {
            let text = String::from_utf8_lossy(bytes);
            let (what, why) = text.split_once('\0').unwrap_or(("the sandbox could not be made", &text));
            Err(SandboxError::Refused { what: what.to_owned(), why: why.to_owned() })
        }
        None => Err(SandboxError::Lost(ended)),
    }
}

/// The process between: it enters the namespaces, and the first process in them is its child.
fn keep_apart(ground: &Ground, act: impl FnOnce(&Inside) -> Vec<u8>, write: &mut File) {
    let apart = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let apart = if ground.network { apart } else { apart | CloneFlags::CLONE_NEWNET };
    if die_with_parent().and_then(|()| unshare(apart)).is_err() {
        let why = SandboxError::refused("new namespaces cannot be made")(io::Error::last_os_error());
        return refuse(write, &why);
    }
    match split() {
        Ok(Some(inner)) => {
            wait_for(inner);
        }
        Ok(None) => {
            let _ = catch_unwind(AssertUnwindSafe(|| inside(ground, act, write)));
            end(0)
        }
        Err(why) => refuse(write, &SandboxError::refused("no process can be started")(why.into())),
    }
}

fn inside(ground: &Ground, act: impl FnOnce(&Inside) -> Vec<u8>, write: &mut File) {
    // Of the process between, which is outside: it is there, or we are ended.
    if die_with_parent().is_err() {
        return;
    }
    let made = mounts::make(ground).and_then(|inside| {
        lose_capabilities(ground.network).map_err(SandboxError::refused("capabilities cannot be dropped"))?;
        Ok(inside)
    });
    match made {
        Ok(inside) => {
            let mut said = vec![DONE];
            said.extend(act(&inside));
            // Who would read it is gone where this fails.
            let _ = write.write_all(&said);
        }
        Err(why) => refuse(write, &why),
    }
}

fn refuse(write: &mut File, error: &SandboxError) {
    let (what, why) = match error {
        SandboxError::Refused { what, why } => (what.clone(), why.clone()),
        SandboxError::NotRoot(_) | SandboxError::Threads(_) | SandboxError::Lost(_) => {
            (String::from("the sandbox could not be made"), error.to_string())
        }
    };
    let mut said = vec![REFUSED];
    said.extend(format!("{what}\0{why}").into_bytes());
    let _ = write.write_all(&said);
}

/// A second process like this one; nothing for that one.
#[expect(unsafe_code, reason = "fork has no safe form")]
fn split() -> Result<Option<Pid>, Errno> {
    // SAFETY: this process has one thread, so that the copy finds no lock taken for ever.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Ends a process that was split off, without anything that the first one wants to do at its end.
#[expect(unsafe_code, reason = "_exit has no safe form")]
fn end(status: i32) -> ! {
    // SAFETY: it does not return, and runs nothing.
    unsafe { libc::_exit(status) }
}

fn die_with_parent() -> Result<(), Errno> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)
}

fn wait_for(child: Pid) -> String {
    loop {
        match waitpid(child, None) {
            Err(Errno::EINTR) => {}
            Ok(WaitStatus::Signaled(_, signal, _)) => return format!("by signal {}", signal as i32),
            Ok(WaitStatus::Exited(_, status)) => return format!("with status {status}"),
            Ok(_) | Err(_) => return "nobody knows how".to_owned(),
        }
    }
}

/// What programs in the sandbox may still do as root: what concerns files and their owners, their own processes, and
/// their own network.
const KEPT: [i32; 16] = [
    0,  // chown
    1,  // dac_override
    3,  // fowner
    4,  // fsetid
    5,  // kill
    6,  // setgid
    7,  // setuid
    8,  // setpcap
    9,  // linux_immutable
    10, // net_bind_service
    13, // net_raw
    14, // ipc_lock
    15, // ipc_owner
    18, // sys_chroot
    23, // sys_nice
    31, // setfcap
];
/// In a network of their own.
const KEPT_WITHOUT_NETWORK: [i32; 2] = [
    11, // net_broadcast
    12, // net_admin
];

/// Takes from every program that will be started what could reach the machine; this process keeps what it has.
#[expect(unsafe_code, reason = "prctl of the bounding set has no safe form")]
fn lose_capabilities(network: bool) -> io::Result<()> {
    for capability in 0..64 {
        let kept = KEPT.contains(&capability) || (!network && KEPT_WITHOUT_NETWORK.contains(&capability));
        // SAFETY: both calls take numbers only.
        let (known, dropped) = unsafe {
            let known = libc::prctl(libc::PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
            (known, kept || !known || libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
        };
        if !known {
            break;
        }
        if !dropped {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Whether a path is one of these or below one.
fn is_below(path: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}
