//! Lines typed at a terminal, with a time limit where one is needed. A poll loop on the terminal; no thread.

use super::{Kept, Question, Reply};
use crate::model::Span;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{FlushArg, tcflush};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The longest line that is taken; more is cut off.
const LONGEST_LINE: usize = 4096;

/// How waiting for a line ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// A line, without its end.
    Line(String),
    /// The time is over.
    Silence,
    /// A signal arrived.
    Interrupted,
    /// The terminal is gone, or its end was typed.
    Nobody,
}

/// Whether lines may be drawn over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redraw {
    /// They may: the countdown stands in one place.
    InPlace,
    /// A dumb terminal: the question is said again every minute.
    Never,
}

/// Where a person types.
#[derive(Debug)]
pub struct Keyboard {
    input: OwnedFd,
    pending: Vec<u8>,
}

/// The controlling terminal, opened before it was needed; nothing where there was none.
static HELD: std::sync::OnceLock<Option<OwnedFd>> = std::sync::OnceLock::new();

impl Keyboard {
    /// The terminal on stdin, or else the controlling terminal.
    ///
    /// # Errors
    /// Where there is neither.
    pub fn open() -> io::Result<Self> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Ok(Self::on(stdin.as_fd().try_clone_to_owned()?));
        }
        if let Some(held) = HELD.get() {
            let held = held.as_ref().ok_or(io::ErrorKind::NotFound)?;
            return Ok(Self::on(held.try_clone()?));
        }
        Ok(Self::on(std::fs::File::open("/dev/tty")?.into()))
    }

    /// Opens the controlling terminal now, for later: before another machine's `/dev` takes the place of this one's.
    pub fn hold() {
        let _ = HELD.set(std::fs::File::open("/dev/tty").ok().map(OwnedFd::from));
    }

    /// This terminal.
    #[must_use]
    pub const fn on(input: OwnedFd) -> Self {
        Self { input, pending: Vec::new() }
    }

    /// Throws away what was typed before anything was asked: it was no answer to this question.
    pub(super) fn forget_typed_ahead(&mut self) {
        self.pending.clear();
        // Fails where the input is no terminal (in tests, a pipe): nothing is typed ahead there.
        let _ = tcflush(&self.input, FlushArg::TCIFLUSH);
    }

    /// Waits for a line. `wait` is asked before every wait; it says how long to wait at most, and `None` ends it.
    pub(super) fn line(&mut self, wait: &mut dyn FnMut() -> Option<PollTimeout>) -> Typed {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let rest = self.pending.split_off(end + 1);
                let line = std::mem::replace(&mut self.pending, rest);
                return Typed::Line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            let Some(timeout) = wait() else { return Typed::Silence };
            match ready(self.input.as_fd(), timeout) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(Errno::EINTR) => return Typed::Interrupted,
                Err(_) => return Typed::Nobody,
            }
            let mut bytes = [0_u8; 256];
            match nix::unistd::read(&self.input, &mut bytes) {
                Ok(0) => return Typed::Nobody,
                Ok(count) => {
                    self.pending.extend_from_slice(bytes.get(..count).unwrap_or_default());
                    if self.pending.len() > LONGEST_LINE {
                        self.pending.truncate(LONGEST_LINE - 1);
                        self.pending.push(b'\n');
                    }
                }
                Err(Errno::EINTR) => return Typed::Interrupted,
                Err(_) => return Typed::Nobody,
            }
        }
    }

    /// Asks until the answer is yes or no; an empty line is no.
    pub(super) fn yes(&mut self, out: &mut dyn Write, ask: &str) -> io::Result<Reply> {
        self.forget_typed_ahead();
        loop {
            write!(out, "{ask} [y/N]: ")?;
            out.flush()?;
            match self.line(&mut || Some(PollTimeout::NONE)) {
                Typed::Line(line) => match answer(&line) {
                    Some(true) => return Ok(Reply::Yes),
                    Some(false) => return Ok(Reply::No),
                    None => writeln!(out, "please answer y or n")?,
                },
                Typed::Interrupted => return Ok(Reply::Interrupted),
                Typed::Silence | Typed::Nobody => return Ok(Reply::Nobody),
            }
        }
    }

    /// Asks until the answer is yes or no or the time is over, and shows the time that is left.
    pub(super) fn keep(
        &mut self,
        out: &mut dyn Write,
        question: &Question,
        left: &mut dyn FnMut() -> Option<Span>,
        redraw: Redraw,
    ) -> io::Result<Kept> {
        self.forget_typed_ahead();
        loop {
            let mut shown = None;
            let mut failed = None;
            let mut interrupted = false;
            let typed = self.line(&mut || {
                let Some(left) = left() else {
                    interrupted = true;
                    return None;
                };
                if left == Span::ZERO {
                    return None;
                }
                if let Err(why) = count_down(out, &question.ask, left, &mut shown, redraw) {
                    failed = Some(why);
                    return None;
                }
                let pause = u16::try_from(left.0).unwrap_or(1_000).clamp(1, 1_000);
                Some(PollTimeout::from(pause))
            });
            if let Some(why) = failed {
                return Err(why);
            }
            let typed = if interrupted { Typed::Interrupted } else { typed };
            match typed {
                Typed::Line(line) => match answer(&line) {
                    Some(true) => return Ok(Kept::Keep),
                    Some(false) => return Ok(Kept::Revert),
                    None => writeln!(out, "please answer y or n")?,
                },
                Typed::Silence => {
                    writeln!(out)?;
                    return Ok(Kept::Silence);
                }
                Typed::Interrupted => {
                    writeln!(out)?;
                    return Ok(Kept::Interrupted);
                }
                Typed::Nobody => return Ok(Kept::Nobody),
            }
        }
    }
}

fn ready(input: BorrowedFd<'_>, timeout: PollTimeout) -> Result<bool, Errno> {
    let mut fds = [PollFd::new(input, PollFlags::POLLIN)];
    // A hang-up is ready too: the read then says so.
    Ok(poll(&mut fds, timeout)? > 0)
}

fn answer(line: &str) -> Option<bool> {
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// Shows the question with the time that is left, at most once for every second. What is being typed stays where it is:
/// the part before it always has the same width, and is drawn over with the cursor saved.
fn count_down(
    out: &mut dyn Write,
    ask: &str,
    left: Span,
    shown: &mut Option<u64>,
    redraw: Redraw,
) -> io::Result<()> {
    let seconds = left.0.div_ceil(1_000);
    let text = format!("{ask} [y/N] {:>6} left: ", Span::seconds(seconds).to_string());
    match (*shown, redraw) {
        (Some(before), _) if before == seconds => return Ok(()),
        (Some(_), Redraw::InPlace) => write!(out, "\u{1b}7\r{text}\u{1b}8")?,
        (Some(before), Redraw::Never) if before.saturating_sub(seconds) < 60 => return Ok(()),
        (Some(_), Redraw::Never) => write!(out, "\n{text}")?,
        (None, Redraw::InPlace | Redraw::Never) => write!(out, "{text}")?,
    }
    *shown = Some(seconds);
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question { about: String::new(), ask: "keep?".to_owned() }
    }

    /// A keyboard on which this was typed, and then nothing more came while the other end stays open.
    fn typed(text: &str) -> (Keyboard, OwnedFd) {
        let (read, write) = nix::unistd::pipe().expect("a pipe");
        nix::unistd::write(&write, text.as_bytes()).expect("typed");
        (Keyboard::on(read), write)
    }

    /// Time that runs by these milliseconds at every look.
    fn running(mut left: u64, step: u64) -> impl FnMut() -> Option<Span> {
        move || {
            let now = left;
            left = left.saturating_sub(step);
            Some(Span(now))
        }
    }

    #[test]
    fn keep_is_said_by_yes_and_everything_else_reverts_or_is_asked_again() {
        for (text, kept) in [
            ("y\n", Kept::Keep),
            ("YES\r\n", Kept::Keep),
            ("\n", Kept::Revert),
            ("no\n", Kept::Revert),
            ("what\ny\n", Kept::Keep),
            ("yn\n\n", Kept::Revert),
        ] {
            let (mut keyboard, _open) = typed(text);
            let mut out = Vec::new();
            let got = keyboard.keep(&mut out, &question(), &mut || Some(Span::seconds(60)), Redraw::InPlace);
            assert_eq!(got.expect("written"), kept, "{text:?}");
        }
    }

    #[test]
    fn a_signal_between_two_waits_is_not_missed() {
        let (mut keyboard, _open) = typed("");
        let mut looks = [Some(Span(1)), None].into_iter();
        let kept = keyboard.keep(&mut Vec::new(), &question(), &mut || looks.next().flatten(), Redraw::Never);
        assert_eq!(kept.expect("written"), Kept::Interrupted);
    }

    #[test]
    fn silence_is_no_answer_and_the_countdown_is_drawn_once_a_second_in_one_place() {
        let (mut keyboard, _open) = typed("y");
        let mut out = Vec::new();
        let kept =
            keyboard.keep(&mut out, &question(), &mut running(3, 1), Redraw::InPlace).expect("written");
        assert_eq!(kept, Kept::Silence);
        assert_eq!(String::from_utf8_lossy(&out), "keep? [y/N]     1s left: \n");

        let mut out = Vec::new();
        let mut shown = None;
        for left in [600_000, 599_900, 599_000, 598_001] {
            count_down(&mut out, "keep?", Span(left), &mut shown, Redraw::InPlace).expect("written");
        }
        let drawn = String::from_utf8_lossy(&out).replace('\u{1b}', "^");
        assert_eq!(drawn, "keep? [y/N]    10m left: ^7\rkeep? [y/N]  9m59s left: ^8");
    }

    #[test]
    fn a_dumb_terminal_is_told_once_a_minute_without_escapes() {
        let mut out = Vec::new();
        let mut shown = None;
        for left in (1..=600).rev() {
            count_down(&mut out, "keep?", Span::seconds(left), &mut shown, Redraw::Never).expect("written");
        }
        let text = String::from_utf8_lossy(&out);
        assert_eq!(text.lines().count(), 10);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn an_end_of_input_is_nobody() {
        let (mut keyboard, write) = typed("y");
        drop(write);
        let mut out = Vec::new();
        assert_eq!(keyboard.yes(&mut out, "begin?").expect("written"), Reply::Nobody);
        let (mut keyboard, write) = typed("");
        drop(write);
        let kept = keyboard.keep(&mut out, &question(), &mut || Some(Span::seconds(5)), Redraw::Never);
        assert_eq!(kept.expect("written"), Kept::Nobody);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let (mut keyboard, write) = typed("");
        let mut fed = 0;
        let line = keyboard.line(&mut || {
            fed += nix::unistd::write(&write, &[b'x'; 256]).expect("typed");
            Some(PollTimeout::from(1_000_u16))
        });
        assert_eq!(line, Typed::Line("x".repeat(LONGEST_LINE - 1)));
        assert!(fed <= LONGEST_LINE + 512, "{fed}");
    }
}
