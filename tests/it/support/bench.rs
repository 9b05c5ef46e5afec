//! A machine in a folder, a plan beside it, and the program run on both.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// A folder with a machine `m`, what steers the steps `c`, a state folder and plans.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit status; -1 where a signal ended it.
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }

    /// One JSON document a line.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let parsed = |line: &str| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        self.out.lines().map(parsed).collect()
    }
}

impl Bench {
    /// Not in /tmp: root takes no plan from a folder in which everybody may write. Nor below the checkout, which may lie
    /// where no other user gets.
    pub(crate) fn new() -> Self {
        let base = if nix::unistd::geteuid().is_root() { "/var/lib" } else { env!("CARGO_TARGET_TMPDIR") };
        let folder = tempfile::Builder::new().prefix("switchback-test-").tempdir_in(base).expect("a folder");
        let bench = Self { folder };
        for name in ["m", "c", "home"] {
            fs::create_dir(bench.path(name)).expect("made");
        }
        fs::write(bench.path("m/file"), "old\n").expect("written");
        bench
    }

    /// A path in this folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// What a file of this folder says; empty where it is not there.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Writes a file of this folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    /// A pipe with a name, on which a step waits until the test lets it go on.
    pub(crate) fn gate(&self, name: &str) {
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
        nix::unistd::mkfifo(&self.path(name), mode).expect("a pipe");
    }

    /// Lets a step go on that waits on the pipe.
    pub(crate) fn open_gate(&self, name: &str) {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let pipe = fs::OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(self.path(name));
        pipe.and_then(|mut pipe| pipe.write_all(b"go\n")).expect("somebody waits");
    }

    /// Writes `plan.yaml` with these phases. `${m}` is the machine, `${c}` what steers the steps.
    pub(crate) fn plan(&self, phases: &str) {
        self.plan_revision(1, phases);
    }

    /// The same with a revision.
    pub(crate) fn plan_revision(&self, revision: u32, phases: &str) {
        let (m, c) = (self.path("m"), self.path("c"));
        let head = format!(
            "switchback: 1\nname: p\nrevision: {revision}\nvars: {{m: '{}', c: '{}', word: new}}\nphases:\n",
            m.display(),
            c.display()
        );
        self.write("plan.yaml", &format!("{head}{phases}"));
    }

    /// The program with this environment and these words, nothing else.
    #[expect(clippy::disallowed_methods, reason = "the program under test is started here")]
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).env_clear().current_dir(self.folder.path());
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", self.path("home")).env("LANG", "C.UTF-8").env("TERM", "xterm-256color");
        command.env("SWITCHBACK_STATE", self.state()).env("SWITCHBACK_ANNOUNCE", "no");
        command
    }

    /// Runs the program without a terminal until it ends.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Self::end(self.command(args).stdin(Stdio::null()))
    }

    /// Runs a command until it ends.
    pub(crate) fn end(command: &mut Command) -> Ran {
        let output = command.output().expect("it can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { exit: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The journal of a generation.
    pub(crate) fn journal(&self, generation: u32) -> String {
        let name = format!("state/generations/{generation:04}/journal");
        fs::read_to_string(self.path(&name)).unwrap_or_else(|why| panic!("{name}: {why}"))
    }

    /// Lets every user into the folder, and write into the machine's.
    pub(crate) fn open_to_everybody(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        for (name, mode) in [("", 0o755), ("m", 0o777)] {
            let open = fs::Permissions::from_mode(mode);
            fs::set_permissions(self.path(name), open).expect("the folder is ours");
        }
    }

    /// The names of the facts of a generation, in order.
    pub(crate) fn facts(&self, generation: u32) -> Vec<String> {
        let journal = self.journal(generation);
        journal
            .split("\"fact\":\"")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
            .collect()
    }
}

/// The folder of the sources.
pub(crate) fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
