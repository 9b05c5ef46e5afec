//! A new process on the memory of this one, which is suspended until the new one is another program or gone: a copy of the
//! page tables would cost more than all the rest.

use nix::sys::signal::{SigSet, SigmaskHow};
use nix::unistd::Pid;
use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The child's only function: what it returns is its exit status.
pub(super) type Life = extern "C" fn(*mut c_void) -> libc::c_int;

/// Room for the child's few calls; it must not grow into memory of the parent.
const STACK: usize = 64 * 1024;
/// In `clone_args`: the child is born into the group that the last field holds. Linux 5.7.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Starts a process with `life`, born into this group where one is given, and returns when it is another program or gone.
///
/// # Errors
/// The kernel's. One that is older than 5.7, or forbids the call, cannot let a child be born into a group.
///
/// # Safety
/// `life` must make only calls that are safe on memory that another process uses, and `with` must be what it expects.
#[expect(unsafe_code, reason = "clone and pidfds have no safe form")]
pub(super) unsafe fn start(
    life: Life,
    with: *mut c_void,
    group: Option<BorrowedFd<'_>>,
) -> io::Result<(Pid, Option<OwnedFd>)> {
    let mut stack = vec![0_u8; STACK];
    let base = stack.as_mut_ptr();
    let room = STACK - (base as usize + STACK) % 16;
    // A handler of ours must not run in the child while it has our memory.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    // SAFETY: the child alone runs on the stack, whose end is aligned, and it lives until both return.
    let started = unsafe {
        match group {
            Some(group) => into_group(life, with, base, room, group),
            None => plainly(life, with, base, room),
        }
    };
    before.thread_set_mask()?;
    let (pid, pidfd) = started?;
    // SAFETY: the kernel made this descriptor for us alone.
    let pidfd = (pidfd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(pidfd) });
    Ok((Pid::from_raw(pid), pidfd))
}

#[expect(unsafe_code, reason = "clone has no safe form")]
unsafe fn plainly(life: Life, with: *mut c_void, base: *mut u8, room: usize) -> io::Result<(i32, i32)> {
    let mut pidfd: libc::c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    // SAFETY: the stack's end is aligned and the child alone runs on it; `pidfd` lives until it returns.
    let pid = unsafe { libc::clone(life, base.add(room).cast(), flags, with, &raw mut pidfd) };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok((pid, pidfd)) }
}

/// What `clone3` is given, see clone(2).
#[cfg(target_arch = "x86_64")]
#[repr(C, align(8))]
#[derive(Debug, Default)]
struct Wanted {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the child returns from the call on another stack, which no function can")]
unsafe fn into_group(
    life: Life,
    with: *mut c_void,
    base: *mut u8,
    room: usize,
    group: BorrowedFd<'_>,
) -> io::Result<(i32, i32)> {
    let mut pidfd: libc::c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD;
    let wanted = Wanted {
        flags: u64::from(flags.cast_unsigned()) | CLONE_INTO_CGROUP,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        stack: base as u64,
        stack_size: room as u64,
        cgroup: u64::from(group.as_raw_fd().cast_unsigned()),
        ..Wanted::default()
    };
    let result: i64;
    // SAFETY: the parent goes on behind the block with its own stack. The child has another one, whose end is aligned for
    // a call; it calls `life`, which does not return to anything of the parent's, and exits.
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r8",
            "call r9",
            "mov edi, eax",
            "mov eax, {exit}",
            "syscall",
            "ud2",
            "2:",
            exit = const libc::SYS_exit,
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") &raw const wanted,
            in("rsi") size_of::<Wanted>(),
            in("r8") with,
            in("r9") life,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    // SAFETY: the kernel wrote it through a pointer that the compiler does not see.
    let pidfd = unsafe { std::ptr::read_volatile(&raw const pidfd) };
    match i32::try_from(result) {
        Ok(pid) if pid > 0 => Ok((pid, pidfd)),
        Ok(failed) => Err(io::Error::from_raw_os_error(-failed)),
        Err(_) => Err(io::ErrorKind::Other.into()),
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[expect(unsafe_code, reason = "it stands for a function that is")]
unsafe fn into_group(
    _: Life,
    _: *mut c_void,
    _: *mut u8,
    _: usize,
    _: BorrowedFd<'_>,
) -> io::Result<(i32, i32)> {
    Err(io::ErrorKind::Unsupported.into())
}
