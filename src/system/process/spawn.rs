//! From a specification to a running program: everything is prepared before the fork, and the child makes only calls
//! that are safe after it.

use super::group::Group;
use super::{Ids, Spec, clone, ledger};
use crate::model::NOT_ON_PATH;
use crate::system::signal::taken;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The variable that tells which runner and which job a process descends from.
pub(super) const MARKER: &str = "SWITCHBACK_JOB";

/// Descriptors are closed by the next exec.
const CLOSE_RANGE_CLOEXEC: libc::c_uint = libc::CLOSE_RANGE_CLOEXEC;

/// Signals whose action may be another than the default: those that we were started with, and those that we take.
static SIGNALS: OnceLock<u64> = OnceLock::new();

/// Where the child failed between fork and program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Session = 1,
    Streams,
    Groups,
    User,
    Parent,
    Folder,
    Exec,
}

const STAGES: [Stage; 7] =
    [Stage::Session, Stage::Streams, Stage::Groups, Stage::User, Stage::Parent, Stage::Folder, Stage::Exec];

/// Error numbers end below this; the stage is added in multiples of it, so that one integer carries both.
const STAGE_UNIT: i32 = 4096;

impl Stage {
    fn failed(self) -> i32 {
        self as i32 * STAGE_UNIT + Errno::last_raw()
    }
}

/// All that the child needs, allocated before the fork.
struct Image {
    program: CString,
    /// Addresses of `words`, closed by zero; plain numbers because raw pointers are not `Send`.
    argv: Vec<usize>,
    /// Addresses of `pairs`, closed by zero.
    envp: Vec<usize>,
    folder: CString,
    ids: Option<Ids>,
    parent: libc::pid_t,
    /// Those that get their default action back, one bit each.
    signals: u64,
    /// What becomes standard input, output and error; numbers above those.
    streams: [libc::c_int; 3],
    /// Where it writes that it goes into a group.
    entrance: Option<RawFd>,
    _words: Vec<CString>,
    _pairs: Vec<CString>,
}

/// A started child.
pub(super) struct Started {
    pub(super) pid: Pid,
    pub(super) pidfd: Option<OwnedFd>,
    /// Where its standard input is written, if it was given any.
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// Starts the program, or says in words why it cannot be: program and reason.
pub(super) fn start(spec: &Spec, marker: &str, group: Option<&Group>) -> Result<Started, String> {
    let name = spec.command.argv.first().ok_or_else(|| "the command has no words".to_owned())?;
    if crate::system::below::withheld().is_some() {
        return Err(crate::model::WAITS.to_owned());
    }
    let mut env = spec.env.clone();
    env.extend(spec.command.env.iter().map(|(key, value)| (key.into(), value.into())));
    env.insert(MARKER.into(), marker.into());
    let program = find(name, env.get(OsStr::new("PATH")).map(OsString::as_os_str))?;
    let folder = spec.command.folder.clone().unwrap_or_else(|| PathBuf::from("/"));
    let image = Image::new(&program, &folder, spec, env).map_err(|why| format!("{name}: {why}"))?;
    with_streams(image, spec.input.is_some(), group)
        .map_err(|why| explain(name, &program, &folder, spec.ids.as_ref(), &why))
}

fn with_streams(mut image: Image, with_input: bool, group: Option<&Group>) -> io::Result<Started> {
    let (stdout, out) = pipe()?;
    let (stderr, err) = pipe()?;
    let (stdin, input) = if with_input {
        let (input, stdin) = pipe()?;
        (Some(stdin), input)
    } else {
        (None, nothing()?)
    };
    image.streams = [input.as_raw_fd(), out.as_raw_fd(), err.as_raw_fd()];
    let (pid, pidfd) = launch(image, group)?;
    Ok(Started { pid, pidfd, stdin, stdout, stderr })
}

impl Image {
    fn new(
        program: &Path,
        folder: &Path,
        spec: &Spec,
        env: BTreeMap<OsString, OsString>,
    ) -> Result<Self, &'static str> {
        let text = |bytes: Vec<u8>| CString::new(bytes).map_err(|_| "a word contains a zero byte");
        let words: Vec<CString> =
            spec.command.argv.iter().map(|word| text(word.clone().into_bytes())).collect::<Result<_, _>>()?;
        let pairs: Vec<CString> = env
            .into_iter()
            .map(|(key, value)| text([key.as_bytes(), b"=", value.as_bytes()].concat()))
            .collect::<Result<_, _>>()?;
        let addresses = |list: &[CString]| -> Vec<usize> {
            list.iter().map(|word| word.as_ptr() as usize).chain([0]).collect()
        };
        Ok(Self {
            program: text(program.as_os_str().to_owned().into_vec())?,
            argv: addresses(&words),
            envp: addresses(&pairs),
            folder: text(folder.as_os_str().to_owned().into_vec())?,
            // Not root, and already that user: setgroups would be refused and nothing would change.
            ids: spec
                .ids
                .clone()
                .filter(|ids| nix::unistd::geteuid().is_root() || ids.uid != nix::unistd::geteuid().as_raw()),
            parent: nix::unistd::getpid().as_raw(),
            signals: *SIGNALS.get_or_init(|| not_default(std::fs::read_to_string("/proc/self/status").ok())),
            streams: [-1; 3],
            entrance: None,
            _words: words,
            _pairs: pairs,
        })
    }

    /// Goes into the group that it was not born into; whether that is done. Before the ids change: the group is ours.
    #[expect(unsafe_code, reason = "runs between clone and exec")]
    fn goes_in(&self) -> bool {
        // SAFETY: a plain call with a constant.
        self.entrance.is_none_or(|entrance| unsafe { libc::write(entrance, c"0".as_ptr().cast(), 1) == 1 })
    }

    /// Becomes the program, or leaves why it could not. Runs in the child on memory that it shares with the parent,
    /// which is suspended meanwhile: raw calls only, no allocation, no lock.
    #[expect(unsafe_code, reason = "the only way to run code between clone and exec")]
    fn become_program(&self) -> i32 {
        // SAFETY: every pointer is to memory owned by `self`, which outlives the suspended parent's wait, and the
        // address lists end in a null pointer. Ids are set by raw calls: libc's own would reach for the parent's
        // threads.
        unsafe {
            if libc::setsid() < 0 {
                return Stage::Session.failed();
            }
            for (descriptor, stream) in self.streams.iter().enumerate() {
                if libc::dup2(*stream, descriptor as libc::c_int) < 0 {
                    return Stage::Streams.failed();
                }
            }
            // By the raw call: libc keeps two signals to itself, and they are inherited like the others. All zero is
            // the default action, no flags, an empty mask.
            let none = [0_u64; 4];
            for signal in (1..=64).filter(|signal| self.signals >> (signal - 1) & 1 == 1) {
                libc::syscall(libc::SYS_rt_sigaction, signal, none.as_ptr(), std::ptr::null::<u64>(), 8);
            }
            libc::syscall(
                libc::SYS_rt_sigprocmask,
                libc::SIG_SETMASK,
                none.as_ptr(),
                std::ptr::null::<u64>(),
                8,
            );
            libc::umask(0o022);
            if let Some(ids) = &self.ids {
                if libc::syscall(libc::SYS_setgroups, ids.groups.len(), ids.groups.as_ptr()) < 0
                    || libc::syscall(libc::SYS_setresgid, ids.gid, ids.gid, ids.gid) < 0
                {
                    return Stage::Groups.failed();
                }
                if libc::syscall(libc::SYS_setresuid, ids.uid, ids.uid, ids.uid) < 0 {
                    return Stage::User.failed();
                }
            }
            // After the ids, since changing them clears it. A runner that is killed takes its child with it.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() != self.parent {
                return Stage::Parent.failed();
            }
            if libc::chdir(self.folder.as_ptr()) < 0 {
                return Stage::Folder.failed();
            }
            // Closed by the exec and not before it: the program itself may be one of them.
            if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC) < 0 {
                for descriptor in 3..4096 {
                    libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
                }
            }
            libc::execve(self.program.as_ptr(), self.argv.as_ptr().cast(), self.envp.as_ptr().cast());
        }
        Stage::Exec.failed()
    }
}

/// The ignored and the caught signals of a process's `status`, with those that this process may take later; all of them
/// where it is not known.
fn not_default(status: Option<String>) -> u64 {
    let status = status.unwrap_or_default();
    let mask = |name: &str| {
        let word = status.lines().find_map(|line| line.strip_prefix(name))?;
        u64::from_str_radix(word.trim(), 16).ok()
    };
    let (Some(ignored), Some(caught)) = (mask("SigIgn:"), mask("SigCgt:")) else { return u64::MAX };
    taken().fold(ignored | caught, |all, signal| all | 1 << (signal as u32 - 1))
}

/// What the child is given and what it leaves behind.
struct Birth {
    image: Image,
    /// The stage and error number at which it failed; 0 where it became the program.
    failed: i32,
    /// Whether it could not go into the group.
    outside: bool,
}

/// The child's first and only function.
#[expect(unsafe_code, reason = "called by the kernel's clone with the pointer that `launch` gives")]
extern "C" fn be_born(birth: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the pointer is to the `Birth` of the parent, which is suspended until this process is another program
    // or gone.
    let birth = unsafe { &mut *birth.cast::<Birth>() };
    birth.outside = !birth.image.goes_in();
    birth.failed = birth.image.become_program();
    127
}

/// Starts the child, in this group where there is one, and waits until it is another program.
#[expect(unsafe_code, reason = "a process on our memory has no safe form")]
fn launch(image: Image, group: Option<&Group>) -> io::Result<(Pid, Option<OwnedFd>)> {
    let mut birth = Birth { image, failed: 0, outside: false };
    let mut start = |entrance: Option<RawFd>, born_into: Option<BorrowedFd<'_>>| {
        birth.image.entrance = entrance;
        // SAFETY: `birth` lives until it returns, and the child makes raw calls only.
        let started = unsafe { clone::start(be_born, (&raw mut birth).cast(), born_into) };
        // SAFETY: the child wrote them through a pointer that the compiler does not see.
        let (failed, outside) = unsafe {
            (
                std::ptr::read_volatile(&raw const birth.failed),
                std::ptr::read_volatile(&raw const birth.outside),
            )
        };
        started.map(|(pid, pidfd)| (pid, pidfd, failed, outside))
    };
    // A process that goes into a group by itself waits until every processor has been idle once: so it is born there
    // where the kernel can do that.
    let born = group.and_then(|group| start(None, Some(group.opened.as_fd())).ok());
    let started = match born {
        Some(born) => Ok(born),
        None => start(group.map(|group| group.entrance.as_raw_fd()), None),
    };
    let (pid, pidfd, failed, outside) = started?;
    if outside {
        ledger::not_entered();
    }
    if failed != 0 {
        reap(pid);
        return Err(io::Error::from_raw_os_error(failed));
    }
    Ok((pid, pidfd))
}

/// Waits for a child that is dead or dying.
fn reap(pid: Pid) {
    while matches!(waitpid(pid, None), Err(Errno::EINTR)) {}
}

/// Both ends of a new pipe, none of them among the three standard streams.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    Ok((above_standard(read)?, above_standard(write)?))
}

/// What is empty when it is read: a pipe that nobody writes to, where there is no `/dev/null`.
fn nothing() -> io::Result<OwnedFd> {
    match std::fs::File::open("/dev/null") {
        Ok(file) => above_standard(file.into()),
        Err(_) => Ok(pipe()?.0),
    }
}

/// The descriptor, moved where `dup2` onto a standard stream cannot hit it.
#[expect(unsafe_code, reason = "takes ownership of a descriptor that was just made")]
fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    let moved = nix::fcntl::fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: the kernel made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(moved) })
}

/// The program's path: names without a slash are looked up in the child's `PATH`.
fn find(name: &str, path: Option<&OsStr>) -> Result<PathBuf, String> {
    if name.is_empty() {
        return Err("the program's name is empty".to_owned());
    }
    if name.contains('/') {
        return Ok(PathBuf::from(name));
    }
    let path = path.unwrap_or_default();
    let mut refused = None;
    for folder in std::env::split_paths(path).filter(|folder| folder.is_absolute()) {
        let candidate = folder.join(name);
        match std::fs::metadata(&candidate) {
            Ok(meta) if meta.is_file() && meta.permissions().mode() & 0o111 != 0 => return Ok(candidate),
            Ok(meta) if meta.is_file() => refused = Some(candidate),
            Ok(_) | Err(_) => {}
        }
    }
    Err(match refused {
        Some(candidate) => format!("{name}: {} is not executable", candidate.display()),
        // The path is fixed, and documented: its many folders hide what is said.
        None => format!("{name}: {NOT_ON_PATH}"),
    })
}

/// The failure in words, with the cases told apart that share an error number.
fn explain(name: &str, program: &Path, folder: &Path, ids: Option<&Ids>, why: &io::Error) -> String {
    let raw = why.raw_os_error().unwrap_or(0);
    let errno = Errno::from_raw(raw % STAGE_UNIT);
    let stage = STAGES.into_iter().find(|stage| *stage as i32 == raw / STAGE_UNIT);
    let Some(stage) = stage else {
        return format!("{name}: cannot start a process: {why}");
    };
    let user = ids.map_or_else(String::new, |ids| format!(" as user {}", ids.uid));
    match stage {
        Stage::Session => format!("{name}: no session of its own: {}", errno.desc()),
        Stage::Streams => format!("{name}: cannot set its streams: {}", errno.desc()),
        Stage::Groups => format!("{name}: cannot set its groups{user}: {}", errno.desc()),
        Stage::User => format!("{name}: cannot run{user}: {}", errno.desc()),
        Stage::Parent => format!("{name}: the runner is gone"),
        Stage::Folder => format!("{name}: cannot enter {}{user}: {}", folder.display(), errno.desc()),
        Stage::Exec => format!("{name}: {}", explain_exec(&folder.join(program), &user, errno)),
    }
}

fn explain_exec(program: &Path, user: &str, errno: Errno) -> String {
    let shown = program.display();
    match errno {
        Errno::ENOENT if program.exists() => match interpreter(program) {
            Some(interpreter) => format!("{shown} needs {interpreter}, which is not there"),
            None => format!("{shown} needs a program loader that is not there"),
        },
        Errno::ENOENT => format!("{shown} is not there"),
        Errno::EACCES if program.is_dir() => format!("{shown} is a folder"),
        Errno::EACCES => format!("{shown} may not be executed{user}"),
        Errno::ENOEXEC => format!("{shown} is not a program: no known format and no #! line"),
        Errno::ETXTBSY => format!("{shown} is being written"),
        Errno::E2BIG => format!("arguments and environment of {shown} are too long"),
        other => format!("{shown}: {}", other.desc()),
    }
}

/// The interpreter that the `#!` line names.
fn interpreter(program: &Path) -> Option<String> {
    use std::io::Read;
    let mut start = Vec::new();
    std::fs::File::open(program).ok()?.take(256).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
    let text = String::from_utf8_lossy(line);
    text.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_are_not_known_to_have_their_default_action_get_it() {
        let ours = taken().fold(0, |all, signal| all | 1_u64 << (signal as u32 - 1));
        let status =
            "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t8000000000000001\nSigCgt:\t0000000000000440\n";
        for (status, expected) in [
            (Some(status), ours | 0x8000_0000_0000_0441),
            (Some("SigIgn:\t0\nSigCgt:\t0\n"), ours),
            (Some("SigIgn:\t0000000000000001\n"), u64::MAX),
            (Some("SigIgn:\tzero\nSigCgt:\t0\n"), u64::MAX),
            (None, u64::MAX),
        ] {
            assert_eq!(not_default(status.map(str::to_owned)), expected, "{status:?}");
        }
    }
}
