//! A second process of ours, for work on bytes: copying and hashing keep one core busy, and there are more. It is forked
//! and not a thread: it shares nothing with us but a socket, and when it is gone its work is simply done by the one who
//! asked.

use super::descent;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, send, sendmsg, socketpair,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Longest question, and longest answer, in bytes.
const LONGEST: usize = 64 * 1024;
/// Most files that go with a question.
const FILES: usize = 2;

/// A helper process that answers questions in the order in which they were asked. Dropping it kills it.
#[derive(Debug)]
pub struct Helper {
    pid: Pid,
    socket: OwnedFd,
    waiting: usize,
}

/// The helper is gone, and the questions that it has not answered with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the helper process is gone")]
pub struct HelperGone;

impl Helper {
    /// Starts one that answers with `work`, which is given the bytes and the files of each question. It holds no other
    /// descriptor of ours, and dies with us. `None` where there is one core only, or no process can be made: it would be
    /// of no use.
    #[expect(unsafe_code, reason = "fork has no safe form")]
    pub fn start(work: impl FnMut(&[u8], &[OwnedFd]) -> Vec<u8>) -> Option<Self> {
        if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
            return None;
        }
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).ok()?;
        let parent = getpid();
        // SAFETY: the program has one thread, so no lock is held by anybody else; and the child never returns from here.
        match unsafe { fork() }.ok()? {
            ForkResult::Child => {
                let served = std::panic::AssertUnwindSafe(|| serve(&theirs, parent, work));
                // Nothing of ours may run in it: what panicked is done by the one who asked.
                let _ = std::panic::catch_unwind(served);
                // SAFETY: ends the process without running what its parent wants to run at its own end.
                unsafe { libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                descent::register(child);
                Some(Self { pid: child, socket: ours, waiting: 0 })
            }
        }
    }

    /// How many questions are not answered yet.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Asks, without waiting. Whether it was taken: a question may be too long, and a helper may be gone.
    pub fn ask(&mut self, question: &[u8], files: &[BorrowedFd<'_>]) -> bool {
        if question.is_empty() || question.len() > LONGEST || files.len() > FILES {
            return false;
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let taken = control.push(SendAncillaryMessage::ScmRights(files))
            && sendmsg(
                &self.socket,
                &[IoSlice::new(question)],
                &mut control,
                SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
            )
            .is_ok();
        self.waiting += usize::from(taken);
        taken
    }

    /// The next answer; `None` where it does not come within this time, or nothing was asked.
    ///
    /// # Errors
    /// [`HelperGone`].
    pub fn answer(&mut self, within: Duration) -> Result<Option<Vec<u8>>, HelperGone> {
        if self.waiting == 0 {
            return Ok(None);
        }
        if !within.is_zero() {
            let timeout = PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX);
            // A signal ends the waiting early, and the caller waits again.
            let _ = poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], timeout);
        }
        let mut answer = vec![0; 512];
        let (_, mut length) = match recv(
            &self.socket,
            &mut answer[..],
            RecvFlags::DONTWAIT | RecvFlags::PEEK | RecvFlags::TRUNC,
        ) {
            Ok(seen) => seen,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(None),
            Err(_) => return Err(HelperGone),
        };
        answer.resize(length.max(1), 0);
        (_, length) = recv(&self.socket, &mut answer[..], RecvFlags::DONTWAIT).map_err(|_| HelperGone)?;
        if length == 0 {
            return Err(HelperGone);
        }
        answer.truncate(length);
        self.waiting -= 1;
        Ok(Some(answer))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It can only be gone already.
        let _ = kill(self.pid, Signal::SIGKILL);
        while matches!(waitpid(self.pid, None), Err(Errno::EINTR)) {}
        descent::unregister(self.pid);
    }
}

/// The life of a helper: until nobody asks any more.
fn serve(socket: &OwnedFd, parent: Pid, mut work: impl FnMut(&[u8], &[OwnedFd]) -> Vec<u8>) {
    let dies_with_us = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    if dies_with_us.is_err() || getppid() != parent {
        return;
    }
    close_all_but(socket.as_raw_fd());
    let mut question = vec![0; LONGEST];
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received =
            recvmsg(socket, &mut [IoSliceMut::new(&mut question)], &mut control, RecvFlags::CMSG_CLOEXEC);
        let length = match received {
            Ok(received) if received.bytes > 0 => received.bytes,
            Err(rustix::io::Errno::INTR) => continue,
            Ok(_) | Err(_) => return,
        };
        let files: Vec<OwnedFd> = control
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(files) => Some(files),
                _ => None,
            })
            .flatten()
            .collect();
        let answer = work(question.get(..length).unwrap_or_default(), &files);
        if send(socket, &answer, SendFlags::NOSIGNAL).is_err() {
            return;
        }
    }
}

/// Locks, pipes and the terminal are the runner's: nobody shall wait for this process because of one of them.
#[expect(
    unsafe_code,
    reason = "descriptors are closed whoever owns them: this process never runs the owners' ends"
)]
fn close_all_but(socket: i32) {
    let close = |from: i32, to: u32| {
        let Ok(from) = u32::try_from(from) else { return };
        if from <= to {
            // SAFETY: a plain system call; nothing in this process uses those descriptors any more.
            unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) };
        }
    };
    close(3, u32::try_from(socket - 1).unwrap_or(0));
    close(socket + 1, u32::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};

    const LONG: Duration = Duration::from_secs(60);

    fn counting() -> Option<Helper> {
        Helper::start(|question, files| {
            let mut bytes = question.to_vec();
            for file in files {
                File::from(file.try_clone().expect("a descriptor")).read_to_end(&mut bytes).expect("read");
            }
            if bytes == b"die" {
                std::process::abort();
            }
            bytes
        })
    }

    #[test]
    fn questions_are_answered_in_their_order_with_what_the_files_hold() {
        let Some(mut helper) = counting() else { return };
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"held").expect("written");
        for number in 0..5_u8 {
            std::io::Seek::rewind(&mut file).expect("rewound");
            assert!(helper.ask(&[b'0' + number, b' '], &[file.as_fd()]));
            assert_eq!(helper.waiting(), 1);
            let answer = helper.answer(LONG).expect("there").expect("an answer");
            assert_eq!(answer, [&[b'0' + number][..], b" held"].concat());
        }
        assert!(helper.ask(b"a", &[]) && helper.ask(&[b'b'; 10_000], &[]));
        assert_eq!(helper.answer(LONG), Ok(Some(b"a".to_vec())));
        assert_eq!(helper.answer(LONG), Ok(Some(vec![b'b'; 10_000])));
        assert_eq!(helper.answer(LONG), Ok(None));
    }

    #[test]
    fn a_helper_that_died_is_noticed_and_one_that_is_dropped_is_gone() {
        let Some(mut helper) = counting() else { return };
        let pid = helper.pid;
        assert!(helper.ask(b"die", &[]));
        assert_eq!(helper.answer(LONG), Err(HelperGone));
        drop(helper);
        assert_eq!(kill(pid, None), Err(Errno::ESRCH));
    }

    #[test]
    fn what_is_too_long_is_not_taken() {
        let Some(mut helper) = counting() else { return };
        assert!(!helper.ask(&vec![b'x'; LONGEST + 1], &[]));
        assert!(!helper.ask(b"", &[]));
        assert_eq!((helper.waiting(), helper.answer(LONG)), (0, Ok(None)));
    }

    #[test]
    fn a_helper_holds_no_descriptor_of_ours() {
        let (read, write) = nix::unistd::pipe().expect("a pipe");
        let Some(mut helper) = counting() else { return };
        assert!(helper.ask(b"ready", &[]));
        assert_eq!(helper.answer(LONG), Ok(Some(b"ready".to_vec())));
        drop(write);
        // It would wait for ever for a writer that lives on in the helper.
        assert_eq!(File::from(read).read(&mut [0]).expect("read"), 0);
    }
}
