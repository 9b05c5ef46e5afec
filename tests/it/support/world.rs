//! A place of its own for a test that drives the real program: a plan, a folder that it changes, a state folder.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
/// A program that takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
    /// Most memory that it had at a time, in KiB.
    pub(crate) peak: i64,
}

impl Ran {
    /// Both streams.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// Ended with this status, and said nothing that a terminal could take for an order.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        harmless(&self.said());
        self
    }

    /// Said this somewhere.
    #[track_caller]
    pub(crate) fn with(self, part: &str) -> Self {
        assert!(self.said().contains(part), "nothing was said of {part:?}: {self:#?}");
        self
    }

    /// Said what to do next.
    #[track_caller]
    pub(crate) fn hinting(self, part: &str) -> Self {
        let said = self.said();
        let hint = said.lines().find(|line| line.trim_start().starts_with("hint: ") && line.contains(part));
        assert!(hint.is_some(), "no hint speaks of {part:?}: {self:#?}");
        self
    }
}

/// Printable text, newlines and tabs, and nothing else.
#[track_caller]
pub(crate) fn harmless(text: &str) {
    let bad = text.char_indices().find(|(_, c)| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    });
    if let Some((at, c)) = bad {
        panic!("{c:?} at byte {at} reaches the terminal: {text:?}");
    }
}

/// Whether the tests are run by root. Those that are not say so.
pub(crate) fn is_root(test: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        crate::skipped::skipped(test, "this is not root");
    }
    root
}

/// A folder with `data/` (what plans change), `plan.yaml` and `state/`.
#[derive(Debug)]
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// As root it lies where nobody else may write on the way, as every plan of root must.
    pub(crate) fn new() -> Self {
        let base = if nix::unistd::geteuid().is_root() { "/var/lib" } else { env!("CARGO_TARGET_TMPDIR") };
        let folder = tempfile::Builder::new().prefix("switchback-test-").tempdir_in(base).expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("mode");
        let world = Self { folder };
        fs::create_dir(world.data()).expect("data");
        fs::create_dir(world.at("home")).expect("home");
        fs::create_dir(world.at("tmp")).expect("tmp");
        fs::write(world.data().join("one"), "one\n").expect("written");
        fs::write(world.data().join("two"), "two\n").expect("written");
        world
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.at("data")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.at("state")
    }

    /// A file of the newest generations: `generations/0001/journal`.
    pub(crate) fn generation(&self, number: u32, name: &str) -> PathBuf {
        self.state().join(format!("generations/{number:04}")).join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(&path, bytes).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("mode");
        path
    }

    /// A plan with phases as they are given; `@` stands for the world's folder.
    pub(crate) fn plan(&self, phases: &str) -> PathBuf {
        let folder = self.root().display().to_string();
        let text = format!("switchback: 1\nname: hostile\nrevision: 1\nphases:\n{phases}");
        self.write("plan.yaml", text.replace('@', &folder))
    }

    /// A plan of one phase over `data/` that takes these steps and passes.
    pub(crate) fn steps(&self, steps: &str) -> PathBuf {
        self.plan(&format!(
            "  - id: only\n    layers: [{{files: {{paths: [\"@/data/\"]}}}}]\n    apply:\n{steps}    validate:\n      - {{id: fine, probe: {{run: [\"true\"]}}}}\n"
        ))
    }

    /// A plan of one phase over `data/` with one step: this text for `sh`.
    pub(crate) fn script(&self, text: &str) -> PathBuf {
        let text: String = text.lines().map(|line| format!("          {line}\n")).collect();
        self.steps(&format!("      - id: act\n        timeout: 60s\n        shell: |\n{text}"))
    }

    /// The program with an environment of the test's own.
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(self.root())
            .env_clear()
            .env("HOME", self.at("home"))
            .env("TMPDIR", self.at("tmp"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("SWITCHBACK_STATE", self.state())
            .env("SWITCHBACK_ANNOUNCE", "no")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn switchback<S: AsRef<OsStr>>(&self, words: &[S]) -> Ran {
        finished(self.command().args(words).spawn().expect("started"))
    }

    /// `switchback run plan.yaml --unattended`
    pub(crate) fn run(&self) -> Ran {
        self.switchback(&["run", "plan.yaml", "--unattended"])
    }

    /// Starts the program and leaves it running.
    pub(crate) fn start(&self, words: &[&str]) -> Child {
        self.command().args(words).spawn().expect("started")
    }

    /// What `data/` holds, to be compared.
    pub(crate) fn data_tree(&self) -> Tree {
        tree(&self.data())
    }
}

/// Waits for a program that was started, reading what it says.
#[expect(unsafe_code, reason = "wait4 alone tells the memory of one child")]
#[expect(clippy::disallowed_methods, reason = "a test has its own clock")]
pub(crate) fn finished(mut child: Child) -> Ran {
    let began = Instant::now();
    let read = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                stream.read_to_end(&mut bytes).expect("read");
            }
            String::from_utf8(bytes).expect("what is said is UTF-8")
        })
    };
    let out = read(child.stdout.take().map(|stream| Box::new(stream) as _));
    let err = read(child.stderr.take().map(|stream| Box::new(stream) as _));
    let pid = i32::try_from(child.id()).expect("a process id");
    let (mut status, mut usage) = (0, None);
    until("the program ends", || {
        // SAFETY: both point to memory of this frame, and the child is waited for here alone.
        let ended = unsafe {
            let mut found: libc::rusage = std::mem::zeroed();
            let ended = libc::wait4(pid, &raw mut status, libc::WNOHANG, &raw mut found);
            usage = Some(found);
            ended
        };
        ended == pid
    });
    let status = std::process::ExitStatus::from_raw(status);
    Ran {
        code: status.code().unwrap_or_else(|| -status.signal().unwrap_or(0)),
        out: out.join().expect("read"),
        err: err.join().expect("read"),
        took: began.elapsed(),
        peak: usage.map_or(0, |usage| usage.ru_maxrss),
    }
}

/// Looks again and again until it is so.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a test has its own clock")]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process is there and no zombie.
pub(crate) fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Path below a folder, and all that can be told of it.
pub(crate) type Tree = BTreeMap<String, String>;

/// Everything below a folder: kind, mode, owner, size, times, content.
pub(crate) fn tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    visit(folder, "", &mut tree);
    tree
}

fn visit(folder: &Path, below: &str, tree: &mut Tree) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let entry = entry.expect("an entry");
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let meta = entry.metadata().expect("metadata");
        let content = if meta.is_dir() {
            visit(&entry.path(), &format!("{name}/"), tree);
            String::new()
        } else if meta.is_symlink() {
            format!("{:?}", fs::read_link(entry.path()).expect("a link"))
        } else if meta.is_file() && meta.len() < 1 << 20 {
            format!("{:?}", String::from_utf8_lossy(&fs::read(entry.path()).expect("read")))
        } else {
            String::new()
        };
        let (mode, user, group, size) = (meta.mode(), meta.uid(), meta.gid(), meta.len());
        let size = if meta.is_dir() { 0 } else { size };
        let times = format!("{}.{:09}", meta.mtime(), meta.mtime_nsec());
        tree.insert(name, format!("{mode:o} {user}:{group} {size} {times} {content}"));
    }
}

/// The same trees; only the names that differ are told.
#[track_caller]
pub(crate) fn same(before: &Tree, after: &Tree) {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ: Vec<String> = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| format!("{name}: {:?} became {:?}", before.get(name), after.get(name)))
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
}
