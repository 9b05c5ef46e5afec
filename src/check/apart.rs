//! Probes that start no program, looked at in a child all the same: as another user, and where a file system may never
//! answer. Everything else is read in the runner itself, which costs no child.

use super::ProbeError;
use super::probe::{self, Circumstances, Given, Looking, Need, last_line, process_end, read_text, whole};
use crate::model::{
    Check, CommandLine, GenerationsOf, Graphics, Look, NixQuestion, Observation, Probe, RunAs,
};
use crate::system::host::Host;
use crate::system::process::{End, Ended, OwnProgram};
use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

/// The hidden verb that looks.
const VERB: &str = "eyes";
/// File systems that answer only while another machine or program does; besides those, all of FUSE.
const FOREIGN: [&str; 14] = [
    "9p",
    "afs",
    "autofs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "glusterfs",
    "lustre",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
    "virtiofs",
];
/// What is no look of ours.
const STARTS: &str = "it starts programs";
/// More links than this are a circle; the probe itself will say so.
const MOST_LINKS: usize = 40;
/// The content of a file, its bytes written as JSON, has room in it.
const KEPT: usize = 16 << 20;
/// For how long the list of mounts is believed: looks that are repeated outlive it, a thousand looks at once do not.
const BELIEVED: Duration = Duration::from_secs(1);

/// What decides where a probe looks. It is found out once for many checks.
#[derive(Debug)]
pub(super) struct Apart {
    /// The user who runs switchback, and the one for whom.
    runner: u32,
    user: u32,
    /// Where foreign file systems are mounted, and when that was read.
    foreign: RefCell<Option<(Instant, Vec<PathBuf>)>>,
    /// What a child executes; nothing where it could not be had.
    own: OnceCell<Option<OwnProgram>>,
}

impl Apart {
    pub(super) fn new(host: &Host) -> Self {
        let (foreign, own) = (RefCell::default(), OnceCell::new());
        Self { runner: host.euid, user: host.invoker.ids.uid, foreign, own }
    }

    /// For whom switchback runs.
    pub(super) const fn user(&self) -> u32 {
        self.user
    }

    /// The look of a child, where the runner itself shall not look.
    pub(super) fn begin(&self, check: &Check, now: Instant) -> Option<Elsewhere> {
        let Look::Probe(probe) = &check.look else { return None };
        let reads = reads(probe)?;
        let another = match check.who {
            RunAs::Runner => false,
            // Refused with its reason where the child is to be started.
            RunAs::Root => self.runner != 0,
            RunAs::User | RunAs::Session => self.user != self.runner,
        };
        let what = match reads {
            Reads::Path(path) if another || self.may_hang(path, now) => {
                format!("looking at {}", path.display())
            }
            Reads::Kernel if another => "looking".to_owned(),
            Reads::Path(_) | Reads::Kernel => return None,
        };
        let own = self.own.get_or_init(|| OwnProgram::for_any_user().ok());
        // Where there is none the child cannot be started as that user, and says so.
        let program = own.as_ref().map_or_else(|| "/proc/self/exe".to_owned(), OwnProgram::name);
        let words = serde_json::to_string(probe).unwrap_or_default();
        Some(Elsewhere { command: CommandLine::new([program.as_str(), VERB, words.as_str()]), what })
    }

    fn may_hang(&self, path: &Path, now: Instant) -> bool {
        let mut known = self.foreign.borrow_mut();
        let (_, foreign) = match known.take() {
            Some((read, foreign)) if now.saturating_duration_since(read) < BELIEVED => {
                known.insert((read, foreign))
            }
            Some(_) | None => known.insert((now, foreign())),
        };
        may_hang(path, foreign)
    }
}

/// What a probe reads in the process that looks.
enum Reads<'a> {
    /// A path and what lies there.
    Path(&'a Path),
    /// What the kernel knows, which answers at once.
    Kernel,
}

/// What a probe reads by itself; nothing where it starts programs, which run as they are told and in their time.
fn reads(probe: &Probe) -> Option<Reads<'_>> {
    match probe {
        Probe::File { path } | Probe::Mount { path } | Probe::Nix(NixQuestion::Profile(path)) => {
            Some(Reads::Path(path))
        }
        // The store may be another machine's, root and EFI system partition hardly are.
        Probe::Disk => Some(Reads::Path(Path::new("/nix/store"))),
        Probe::Generations {
            of: GenerationsOf::Nixos | GenerationsOf::HomeManager | GenerationsOf::NixEnv,
            profiles,
        } => Some(profiles.first().map_or(Reads::Kernel, |profile| Reads::Path(profile))),
        Probe::Graphics(Graphics::Firefox { file } | Graphics::Chromium { file }) => Some(Reads::Path(file)),
        Probe::Applications
        | Probe::Cpu
        | Probe::Memory
        | Probe::Process { .. }
        | Probe::KernelParameter { .. } => Some(Reads::Kernel),
        Probe::Graphics(
            Graphics::Vainfo { .. } | Graphics::Vdpauinfo { .. } | Graphics::Opengl { .. } | Graphics::Lspci,
        )
        | Probe::Boot
        | Probe::Cgroup { .. }
        // It looks twice, and what it reads is the same for everybody.
        | Probe::CpuUse { .. }
        | Probe::DesktopSetting(_)
        | Probe::Gpu { .. }
        | Probe::Session
        | Probe::Measure { .. }
        | Probe::Run { .. }
        | Probe::Units { .. }
        | Probe::Journal { .. }
        | Probe::Generations { of: GenerationsOf::RpmOstree | GenerationsOf::Bootc, .. }
        | Probe::Nix(
            NixQuestion::Path(_)
            | NixQuestion::Derivation(_)
            | NixQuestion::Closures { .. }
            | NixQuestion::Log { .. },
        ) => None,
    }
}

/// Where foreign file systems are mounted. Those of the kernel's own folders are no places of files.
fn foreign() -> Vec<PathBuf> {
    let mounts = read_text(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    foreign_of(&mounts)
}

fn foreign_of(mounts: &str) -> Vec<PathBuf> {
    let mounts = probe::mount::parse(mounts).into_iter();
    let is_foreign = |kind: &str| FOREIGN.contains(&kind) || kind == "fuseblk" || kind.starts_with("fuse");
    let points = mounts.filter(|mount| is_foreign(&mount.kind)).map(|mount| mount.point);
    points.filter(|point| !point.starts_with("/proc") && !point.starts_with("/sys")).collect()
}

/// Whether the way to a path enters a foreign file system. Nothing in one is touched to find out.
fn may_hang(path: &Path, foreign: &[PathBuf]) -> bool {
    if foreign.is_empty() {
        return false;
    }
    let names = |path: &Path| -> VecDeque<OsString> {
        path.components()
            .filter(|part| *part != Component::RootDir)
            .map(|part| part.as_os_str().to_owned())
            .collect()
    };
    let (mut at, mut ahead, mut links) = (PathBuf::from("/"), names(path), 0);
    while let Some(name) = ahead.pop_front() {
        if name == OsStr::new("..") {
            at.pop();
            continue;
        }
        let here = at.join(&name);
        if foreign.contains(&here) {
            return true;
        }
        match here.read_link() {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                let mut further = names(&target);
                further.append(&mut ahead);
                ahead = further;
            }
            Ok(_) => return false,
            // No link, or nothing there.
            Err(_) => at = here,
        }
    }
    false
}

/// A look that a child takes for us.
pub(super) struct Elsewhere {
    command: CommandLine,
    /// For messages.
    what: String,
}

impl Looking for Elsewhere {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => Need::Seen(seen(&self.what, &ended)),
            Given::Nothing | Given::Answered(_) => Need::Child(self.command.clone(), KEPT),
        }
    }

    /// What was seen is in the report, as it is where no child looks.
    fn has_evidence(&self) -> bool {
        false
    }
}

fn seen(what: &str, ended: &Ended) -> Result<Observation, ProbeError> {
    const LOOKER: &str = "switchback eyes";
    if let End::TimedOut(after) = ended.end {
        return Err(ProbeError::TimedOut { what: what.to_owned(), after });
    }
    process_end(LOOKER, ended)?;
    let malformed = |why: String| ProbeError::Malformed { what: format!("what `{LOOKER}` says"), why };
    let text = whole(&ended.stdout).ok_or_else(|| malformed("it is too long".to_owned()))?;
    match serde_json::from_str(&text) {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(why)) => Err(ProbeError::Elsewhere(why)),
        Err(why) => Err(malformed(format!("{why}; {}", last_line(&ended.stderr)))),
    }
}

/// In the child: looks, and says what was seen as JSON for the runner.
///
/// # Errors
/// What was asked for is no probe that looks by itself.
pub fn look_here(probe: &str) -> Result<String, String> {
    let probe: Probe = serde_json::from_str(probe).map_err(|why| why.to_string())?;
    reads(&probe).ok_or(STARTS)?;
    let seen: Result<Observation, String> = at_once(&probe)?.map_err(|why| why.to_string());
    serde_json::to_string(&seen).map_err(|why| why.to_string())
}

/// What a probe sees that looks by itself.
fn at_once(probe: &Probe) -> Result<Result<Observation, ProbeError>, String> {
    // None of those that look here asks for whom.
    let now = crate::system::clock::now();
    let around = Circumstances { phase_started: None, now, baseline: None, user: 0 };
    match probe::begin(probe, around).next(Given::Nothing) {
        Need::Seen(seen) => Ok(seen),
        Need::Child(..) | Need::Stream(_) | Need::Answer(_) | Need::Pause(_) => Err(STARTS.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::probe::ended;
    use crate::model::{ProcessEnd, Span};
    use crate::system::process::End;

    const MOUNTS: &str = "\
21 1 8:1 / / rw - ext4 /dev/vda rw
22 21 0:5 / /proc rw - proc proc rw
23 22 0:6 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw
24 21 0:7 / /mnt/far rw - nfs4 far:/x rw
25 21 0:8 / /run/user/1000/doc rw - fuse.portal portal rw
26 21 0:9 / /tmp rw - tmpfs tmpfs rw
";

    #[test]
    fn what_lies_on_a_foreign_file_system_or_behind_a_link_into_one_may_hang() {
        let mut foreign = foreign_of(MOUNTS);
        assert_eq!(foreign, [PathBuf::from("/mnt/far"), PathBuf::from("/run/user/1000/doc")]);
        let folder = tempfile::tempdir().expect("a folder");
        let top = folder.path().canonicalize().expect("its path");
        std::fs::create_dir(top.join("far")).expect("a folder");
        std::os::unix::fs::symlink("far/x", top.join("link")).expect("a link");
        std::os::unix::fs::symlink("circle", top.join("circle")).expect("a link");
        foreign.push(top.join("far"));
        for (path, hangs) in [
            ("far", true),
            ("far/deep/er", true),
            ("link", true),
            ("link/below", true),
            ("near", false),
            ("circle", false),
            ("", false),
        ] {
            assert_eq!(may_hang(&top.join(path), &foreign), hangs, "{path}");
            assert!(!may_hang(&top.join(path), &[]), "{path}");
        }
    }

    #[test]
    fn what_the_child_saw_is_what_is_seen_and_its_reason_is_told() {
        let said = |probe: &Probe| look_here(&serde_json::to_string(probe).expect("JSON"));
        let here = |probe: &Probe| at_once(probe).expect("no child");
        let told = |end: End, out: &str, err: &str| seen("looking at /x", &ended(end, out, err));
        let exited = |status| End::Process(ProcessEnd::Exited(status));
        let folder = said(&Probe::File { path: "/".into() }).expect("looked");
        let there = told(exited(0), &folder, "").expect("seen");
        assert_eq!(there, here(&Probe::File { path: "/".into() }).expect("read"));
        let bad = Probe::Process { name: None, pattern: Some("(".to_owned()) };
        let why = here(&bad).expect_err("no pattern").to_string();
        let away = told(exited(0), &said(&bad).expect("looked"), "").expect_err("no pattern");
        assert_eq!(away.to_string(), why);
        let late = told(End::TimedOut(Span::seconds(1)), "", "").expect_err("too late").to_string();
        assert_eq!(late, "looking at /x did not end within 1s");
        let broken = told(exited(1), "", "error: why").expect_err("broken").to_string();
        assert!(broken.ends_with("; error: why"), "{broken}");
        assert!(look_here("{}").is_err());
        let asks_nix = Probe::Nix(NixQuestion::Path("/nix/store/x".into()));
        assert_eq!(said(&asks_nix), Err(STARTS.to_owned()));
    }
}
