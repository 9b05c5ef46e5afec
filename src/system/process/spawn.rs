//! From a specification to a running program: everything is prepared before the fork, and the child makes only calls
//! that are safe after it.

use super::{Ids, Spec};
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The variable that tells which runner and which job a process descends from.
pub(super) const MARKER: &str = "SWITCHBACK_JOB";

/// Where the child failed between fork and program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Session = 1,
    Groups,
    User,
    Parent,
    Folder,
    Exec,
}

const STAGES: [Stage; 6] =
    [Stage::Session, Stage::Groups, Stage::User, Stage::Parent, Stage::Folder, Stage::Exec];

/// Error numbers end below this; the stage is added in multiples of it and so survives the pipe between child and
/// parent, which carries one integer.
const STAGE_UNIT: i32 = 4096;

impl Stage {
    fn failed(self) -> io::Error {
        io::Error::from_raw_os_error(self as i32 * STAGE_UNIT + Errno::last_raw())
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
    _words: Vec<CString>,
    _pairs: Vec<CString>,
}

/// A started child.
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) pidfd: Option<OwnedFd>,
}

/// Starts the program, or says in words why it cannot be: program and reason.
pub(super) fn start(spec: &Spec, marker: &str) -> Result<Started, String> {
    let name = spec.command.argv.first().ok_or_else(|| "the command has no words".to_owned())?;
    let mut env = spec.env.clone();
    env.extend(spec.command.env.iter().map(|(key, value)| (key.into(), value.into())));
    env.insert(MARKER.into(), marker.into());
    let program = find(name, env.get(OsStr::new("PATH")).map(OsString::as_os_str))?;
    let folder = spec.command.folder.clone().unwrap_or_else(|| PathBuf::from("/"));
    let image = Image::new(&program, &folder, spec, env).map_err(|why| format!("{name}: {why}"))?;
    launch(image, spec.input.is_some())
        .map_err(|why| explain(name, &program, &folder, spec.ids.as_ref(), &why))
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
            _words: words,
            _pairs: pairs,
        })
    }

    /// Becomes the program. Runs between fork and exec: raw calls only, no allocation, no lock.
    #[expect(unsafe_code, reason = "the only way to run code between fork and exec")]
    fn become_program(&self) -> io::Error {
        // SAFETY: every call is async-signal-safe; every pointer is to memory owned by `self`, which the child has a
        // copy of, and the address lists end in a null pointer.
        unsafe {
            if libc::setsid() < 0 {
                return Stage::Session.failed();
            }
            // By the raw call: libc keeps two signals to itself, and they are inherited like the others. All zero is
            // the default action, no flags, an empty mask.
            let default = [0_u64; 4];
            for signal in 1..=64 {
                libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null::<u64>(), 8);
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
            libc::umask(0o022);
            if let Some(ids) = &self.ids {
                if libc::setgroups(ids.groups.len(), ids.groups.as_ptr()) < 0
                    || libc::setresgid(ids.gid, ids.gid, ids.gid) < 0
                {
                    return Stage::Groups.failed();
                }
                if libc::setresuid(ids.uid, ids.uid, ids.uid) < 0 {
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
            // Closed by exec and not here: the pipe that reports a failed exec must live until then.
            const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
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

#[expect(unsafe_code, reason = "pre_exec and pidfd_open have no safe form")]
#[expect(clippy::disallowed_methods, reason = "this is where children are started")]
fn launch(image: Image, with_input: bool) -> io::Result<Started> {
    // The name is never executed: `become_program` replaces the process before the standard library would.
    let mut command = Command::new("/proc/self/exe");
    command
        .stdin(if with_input { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // SAFETY: `become_program` allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(move || Err(image.become_program()));
    }
    let child = command.spawn()?;
    // SAFETY: a plain system call; the descriptor it returns is new and owned by nobody else.
    let pidfd = unsafe {
        let raw = libc::syscall(libc::SYS_pidfd_open, child.id(), 0);
        i32::try_from(raw).ok().filter(|fd| *fd >= 0).map(|fd| OwnedFd::from_raw_fd(fd))
    };
    Ok(Started { child, pidfd })
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
        None => format!("{name}: not found in PATH ({})", path.to_string_lossy()),
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
