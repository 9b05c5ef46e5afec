//! A machine with a real systemd: a Debian root, booted by `systemd-nspawn`, with our program in it. The root is made
//! once by `mmdebstrap` and kept under `target/`; each machine writes into a layer of its own above it, which stays
//! when the machine is started again.

#![expect(clippy::disallowed_methods, reason = "the tests' own processes and clock")]

use crate::program::PROGRAM;
use crate::skipped::skipped;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What is in the root besides Debian's smallest. A change here makes another root.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,libpam-systemd,dbus-user-session";
const SUITE: &str = "bookworm";
/// How long a machine may take to come up, on a busy computer, and for what it is waited for: a manager that goes down
/// waits 90 s for each unit that it does not see end.
const PATIENCE: Duration = Duration::from_secs(300);

/// One machine; gone when dropped.
pub(crate) struct Machine {
    /// The lower layer's copy on write: `upper`, `work`, `root`.
    folder: tempfile::TempDir,
    nspawn: Option<Child>,
    leader: Option<i32>,
}

/// What a program in the machine did.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The document that was printed.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {}{}", self.out, self.err))
    }
}

impl Machine {
    /// A machine that is up; nothing where none can be had here, which is then said under the test's name.
    pub(crate) fn boot(test: &str) -> Option<Self> {
        let made = root().and_then(Self::new).and_then(|mut machine| {
            machine.start()?;
            Ok(machine)
        });
        match made {
            Ok(machine) => Some(machine),
            Err(why) => {
                skipped(test, &format!("no machine with systemd: {why}"));
                None
            }
        }
    }

    fn new(lower: PathBuf) -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("switchback-test-machine-")
            .tempdir_in("/var/lib")
            .map_err(|why| why.to_string())?;
        let path = |name: &str| folder.path().join(name);
        for name in ["upper", "work", "root"] {
            fs::create_dir(path(name)).map_err(|why| why.to_string())?;
        }
        let layers = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.display(),
            path("upper").display(),
            path("work").display()
        );
        mount(Some("overlay"), &path("root"), Some("overlay"), MsFlags::empty(), Some(layers.as_str()))
            .map_err(|why| format!("cannot lay a folder over the root: {why}"))?;
        Ok(Self { folder, nspawn: None, leader: None })
    }

    /// The machine's root folder, as seen from outside.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Switches it on and waits until it is up. What was written before is still there.
    pub(crate) fn start(&mut self) -> Result<(), String> {
        let name = self.folder.path().file_name().and_then(|name| name.to_str()).unwrap_or("switchback");
        let log = fs::File::create(self.folder.path().join("console")).map_err(|why| why.to_string())?;
        let both = log.try_clone().map_err(|why| why.to_string())?;
        let mut child = Command::new("systemd-nspawn")
            .args([
                "--quiet",
                "--boot",
                "--register=no",
                "--keep-unit",
                "--private-network",
                "--console=pipe",
            ])
            .arg(format!("--machine={}", name.to_lowercase().replace("switchback-test-machine-", "sb-")))
            .arg(format!("--bind-ro={PROGRAM}:/usr/local/bin/switchback"))
            .arg(format!("--directory={}", self.root().display()))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(both)
            .spawn()
            .map_err(|why| format!("systemd-nspawn: {why}"))?;
        let pid = child.id();
        let until = Instant::now() + PATIENCE;
        let mut up = Err("it did not come up".to_owned());
        while Instant::now() < until {
            if let Ok(Some(status)) = child.try_wait() {
                let said = fs::read_to_string(self.folder.path().join("console")).unwrap_or_default();
                up = Err(format!("systemd-nspawn ended with {status}: {}", said.trim()));
                break;
            }
            self.leader = leader(pid);
            if self.leader.is_some() {
                let state = self.run(&["systemctl", "is-system-running"]);
                if matches!(state.out.trim(), "running" | "degraded") {
                    up = Ok(());
                    break;
                }
            }
            // Nothing tells of a machine that is up but the machine itself.
            nix::poll::poll(&mut [], nix::poll::PollTimeout::from(100_u8)).map_err(|why| why.to_string())?;
        }
        self.nspawn = Some(child);
        if up.is_err() {
            self.cut_power();
        }
        up
    }

    /// Waits until it went down by itself and is up again.
    pub(crate) fn comes_up_again(&mut self) -> Result<(), String> {
        let before = self.leader.take();
        let pid = self.nspawn.as_ref().map(Child::id).ok_or("the machine is off")?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let ended = self.nspawn.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_))));
            if ended {
                // It was left to us to switch it on again.
                self.nspawn = None;
                return self.start();
            }
            self.leader = leader(pid).filter(|leader| Some(*leader) != before);
            if self.leader.is_some() {
                let state = self.run(&["systemctl", "is-system-running"]);
                if matches!(state.out.trim(), "running" | "degraded") {
                    return Ok(());
                }
            }
            nix::poll::poll(&mut [], nix::poll::PollTimeout::from(100_u8)).map_err(|why| why.to_string())?;
        }
        Err("it did not come up again".to_owned())
    }

    /// Ends it as a power cut does: at once, with nothing written out by anybody.
    pub(crate) fn cut_power(&mut self) {
        if let Some(leader) = self.leader.take() {
            // It may be gone already.
            let _ = kill(Pid::from_raw(leader), Signal::SIGKILL);
        }
        if let Some(mut child) = self.nspawn.take() {
            if self.leader.is_none() {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
    }

    /// Runs a program in the machine, as its root.
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        let leader = self.leader.expect("the machine is on");
        let output = Command::new("nsenter")
            .args([
                &format!("--target={leader}"),
                "--mount",
                "--uts",
                "--ipc",
                "--net",
                "--pid",
                "--cgroup",
                "--root",
                "--wd=/",
                "--",
            ])
            .args(words)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/root")
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|why| panic!("nsenter: {why}"));
        said(&output)
    }

    /// The same; it must succeed.
    pub(crate) fn must(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!(said.status, Some(0), "{words:?}: {said:?}");
        said.out
    }

    /// Runs our program.
    pub(crate) fn switchback(&self, words: &[&str]) -> Said {
        self.run(&[&["switchback"], words].concat())
    }

    /// Runs our program from outside, on the machine's disk: while it is off, as from a live system.
    pub(crate) fn while_it_is_off(&self, words: &[&str]) -> Said {
        let output = Command::new(PROGRAM)
            .arg("--root")
            .arg(self.root())
            .args(words)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|why| panic!("{PROGRAM}: {why}"));
        said(&output)
    }

    /// Asks again until it is so, or the patience is over.
    pub(crate) fn until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
            let _ = nix::poll::poll(&mut [], nix::poll::PollTimeout::from(50_u8));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.cut_power();
        let _ = umount2(&self.root(), MntFlags::MNT_DETACH);
    }
}

fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// The machine's first process: the child of `systemd-nspawn` that is process 1 of its own namespace.
fn leader(nspawn: u32) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(|pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let first = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        first.and_then(|pids| pids.split_whitespace().last()) == Some("1")
            && fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "systemd")
    })
}

/// The root that machines are made from; made where it is not there yet.
fn root() -> Result<PathBuf, String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().map_err(|why| why.to_string())?;
    if !nix::unistd::geteuid().is_root() {
        return Err("only root can boot one".to_owned());
    }
    for tool in ["systemd-nspawn", "nsenter"] {
        if !on_path(tool) {
            return Err(format!("there is no {tool}"));
        }
    }
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new("/var/cache"));
    let kept = place.join("systemd-root");
    let mark = kept.join("etc/switchback-test-root");
    let made_of = format!("{SUITE} {PACKAGES}\n");
    if fs::read_to_string(&mark).is_ok_and(|text| text == made_of) {
        return Ok(kept);
    }
    if !on_path("mmdebstrap") {
        return Err("there is no mmdebstrap to make a root with".to_owned());
    }
    let fresh = place.join(format!("systemd-root-{}", std::process::id()));
    let made = make(&fresh).and_then(|()| {
        let told = |why: io::Error| why.to_string();
        fs::write(fresh.join("etc/switchback-test-root"), &made_of).map_err(told)?;
        // One identity for all would make their journals look like one machine's.
        fs::write(fresh.join("etc/machine-id"), "").map_err(told)?;
        if kept.exists() {
            fs::remove_dir_all(&kept).map_err(told)?;
        }
        fs::rename(&fresh, &kept).map_err(told)
    });
    if made.is_err() {
        // What is left of it is of no use, and the reason is told already.
        let _ = fs::remove_dir_all(&fresh);
    }
    made.map(|()| kept)
}

fn make(folder: &Path) -> Result<(), String> {
    let output = Command::new("mmdebstrap")
        .args(["--variant=minbase", "--mode=root", "--quiet", &format!("--include={PACKAGES}"), SUITE])
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|why| format!("mmdebstrap: {why}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("mmdebstrap: {}", said.lines().last().unwrap_or("it failed")))
}

fn on_path(tool: &str) -> bool {
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].iter().any(|folder| Path::new(folder).join(tool).exists())
}
