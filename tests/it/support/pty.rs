//! A terminal that we hold the other end of: what a person would type, and what the screen shows.

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{LocalFlags, tcgetattr};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing that a test waits for takes so long, even on a machine with other work to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// So many rows that nothing scrolls away.
const ROWS: u16 = 400;

/// What Ctrl-C sends.
pub(crate) const CTRL_C: &str = "\u{3}";

/// The program at a terminal.
pub(crate) struct Pty {
    child: Child,
    /// The end that the person has; absent where the terminal was closed.
    master: Option<File>,
    columns: u16,
    raw: Vec<u8>,
    /// What was shown, without escapes, up to what was waited for last.
    seen: usize,
}

/// Which streams of the program are the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streams {
    All,
    /// Standard output was set already, to something else.
    NotOutput,
}

impl Pty {
    /// Starts the program at a terminal of so many columns, as its session leader.
    #[expect(unsafe_code, reason = "a controlling terminal is taken between fork and exec")]
    pub(crate) fn start(mut command: Command, columns: u16, streams: Streams) -> Self {
        // Closed on exec: a program that another test starts meanwhile must not keep this terminal open.
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("our own terminal");
        let name = ptsname_r(&master).expect("its name");
        let mut open = File::options();
        open.read(true).write(true).custom_flags(libc::O_NOCTTY);
        let slave = open.open(name).expect("its other end");
        let size = Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the size outlives the call.
        let sized = unsafe { libc::ioctl(slave.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(sized, 0, "the size can be set");
        let end = || Stdio::from(slave.try_clone().expect("another handle"));
        command.stdin(end()).stderr(end());
        if streams == Streams::All {
            command.stdout(end());
        }
        // SAFETY: setsid and ioctl are plain system calls; nothing is allocated.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                if libc::ioctl(0, libc::TIOCSCTTY, 0) == -1 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().expect("it can be started");
        drop(command);
        // SAFETY: the descriptor was just given up by its owner.
        Self {
            child,
            master: Some(File::from(unsafe { OwnedFd::from_raw_fd(master.into_raw_fd()) })),
            columns,
            raw: Vec::new(),
            seen: 0,
        }
    }

    /// Takes what there is to read, waiting for it as long as that. False where nothing more will come.
    fn take(&mut self, wait: Duration) -> bool {
        let Some(master) = &mut self.master else { return false };
        let mut fds = [PollFd::new(master.as_fd(), PollFlags::POLLIN)];
        let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        if poll(&mut fds, wait).is_ok_and(|ready| ready == 0) {
            return true;
        }
        let mut bytes = [0_u8; 4096];
        match master.read(&mut bytes) {
            Ok(count) if count > 0 => {
                self.raw.extend_from_slice(bytes.get(..count).unwrap_or_default());
                true
            }
            // EIO: the program's end of the terminal is closed.
            Ok(_) | Err(_) => false,
        }
    }

    /// All that was shown so far, without escapes.
    fn shown(&self) -> String {
        console::strip_ansi_codes(&String::from_utf8_lossy(&self.raw)).into_owned()
    }

    /// Waits until this is shown, after what was waited for before.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_for_any(&[text]);
    }

    #[expect(clippy::disallowed_methods, reason = "a test may look at the clock")]
    fn wait_for_any(&mut self, texts: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.shown();
            let rest = shown.get(self.seen..).unwrap_or_default();
            if let Some(end) = texts.iter().filter_map(|text| Some(rest.find(text)? + text.len())).min() {
                self.seen += end;
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let more = !left.is_zero() && self.take(left);
            assert!(more, "{texts:?} was not shown. The screen:\n{}", self.screen());
        }
    }

    /// Waits until this is shown by a prompt that reads keys.
    #[expect(clippy::disallowed_methods, reason = "a test may look at the clock")]
    pub(crate) fn wait_for_prompt(&mut self, text: &str) {
        self.wait_for(text);
        let deadline = Instant::now() + PATIENCE;
        // A key typed before the prompt reads keys would be a line, and Ctrl-C a signal.
        while self.cooked() {
            assert!(Instant::now() < deadline, "`{text}` reads no keys. The screen:\n{}", self.screen());
            self.take(Duration::from_millis(1));
        }
        while self.more() && self.take(Duration::ZERO) {}
    }

    /// Whether the terminal collects lines.
    fn cooked(&self) -> bool {
        let settings = self.master.as_ref().and_then(|master| tcgetattr(master).ok());
        settings.is_some_and(|settings| settings.local_flags.contains(LocalFlags::ICANON))
    }

    /// Types.
    pub(crate) fn send(&mut self, text: &str) {
        let master = self.master.as_mut().expect("the terminal is open");
        master.write_all(text.as_bytes()).expect("typed");
    }

    /// Waits for a question of yes or no and answers it.
    pub(crate) fn answer(&mut self, question: &str, answer: &str) {
        self.wait_for_prompt(question);
        self.send(answer);
        self.send("\r");
        let word = if answer == "y" { "yes" } else { "no" };
        // In colour, and without.
        self.wait_for_any(&[&format!("· {word}"), &format!("? {word}")]);
    }

    /// Waits for the choice in trouble, gives the offers, and takes the one with this name.
    pub(crate) fn choose(&mut self, offer: &str) -> Vec<String> {
        let offers = self.offers();
        self.take_offer(&offers, offer);
        offers
    }

    /// Takes an offer of a choice that was waited for already.
    pub(crate) fn choose_again(&mut self, offer: &str) {
        let offers = self.offered();
        self.take_offer(&offers, offer);
    }

    fn take_offer(&mut self, offers: &[String], offer: &str) {
        let at = offers.iter().position(|words| words == offer).expect("it is offered");
        for _ in 0..at {
            self.send("\u{1b}[B");
        }
        self.send("\r");
        // In colour, and without.
        self.wait_for_any(&[&format!("· {offer}"), &format!(": {offer}")]);
    }

    /// Waits for the choice in trouble and gives the offers.
    pub(crate) fn offers(&mut self) -> Vec<String> {
        self.wait_for_prompt("What now");
        // The last offer is on the screen before keys are read.
        self.offered()
    }

    fn offered(&self) -> Vec<String> {
        let rows = self.rows();
        let at = rows.iter().rposition(|row| row.contains("What now")).expect("it is on the screen");
        let offers = rows.iter().skip(at + 1).map(|row| row.trim_start_matches(['❯', '>', ' ']).to_owned());
        offers.take_while(|row| !row.is_empty()).collect()
    }

    /// Closes the terminal, as a lost connection does.
    pub(crate) fn hang_up(&mut self) {
        self.master = None;
    }

    /// The process.
    pub(crate) fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.child.id().try_into().expect("a process id"))
    }

    /// Waits until the program ends; its exit status, -1 where a signal ended it.
    #[expect(clippy::disallowed_methods, reason = "a test may look at the clock")]
    pub(crate) fn exit(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                while self.more() && self.take(Duration::ZERO) {}
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < deadline, "it does not end. The screen:\n{}", self.screen());
            if !self.take(Duration::from_millis(20)) {
                // Closed: there is nothing to wait on but the time.
                let _ = poll(&mut [], PollTimeout::from(5_u8));
            }
        }
    }

    /// Whether there is something to read now.
    fn more(&self) -> bool {
        let Some(master) = &self.master else { return false };
        let mut fds = [PollFd::new(master.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// What was written, escapes and all.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    fn parsed(&self) -> vt100::Parser {
        let mut parser = vt100::Parser::new(ROWS, self.columns, 0);
        parser.process(&self.raw);
        parser
    }

    /// The rows that the screen shows now, without the blanks at their ends.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.parsed().screen().rows(0, self.columns).map(|row| row.trim_end().to_owned()).collect()
    }

    /// The rows of the screen that went on in the next one, because the line was too wide for the terminal.
    pub(crate) fn too_wide(&self) -> Vec<String> {
        let parser = self.parsed();
        let rows = (0..ROWS).zip(parser.screen().rows(0, self.columns));
        rows.filter(|(at, _)| parser.screen().row_wrapped(*at)).map(|(_, row)| row).collect()
    }

    /// What the screen shows now.
    pub(crate) fn screen(&self) -> String {
        self.rows().join("\n").trim_end().to_owned()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Only where a test failed is it still there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
