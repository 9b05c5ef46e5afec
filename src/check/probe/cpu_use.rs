//! `cpu_use`: how much of the processors an application takes over a while, with every process that it started: a
//! browser decodes its video in another process than the one that bears its name.

use super::gpu::decoding::{Decoded, Decoding, told};
use super::memory::ratio;
use super::process::named;
use super::{Given, Looking, Need, read_text};
use crate::check::ProbeError;
use crate::model::{Observation, Span};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Bytes kept of what NVIDIA's tool lists.
const KEPT: usize = 1 << 20;
/// Clock ticks a second in `/proc`; fixed by the kernel's interface on Linux.
const TICKS: u64 = 100;

/// Looks twice, with a while between.
pub(super) struct CpuUse<'a> {
    root: PathBuf,
    name: Option<&'a str>,
    pattern: Option<&'a str>,
    over: Span,
    before: Option<Look>,
    /// Whether a GPU decodes for it.
    decoding: Decoding,
    /// What was counted, while NVIDIA's tool is asked.
    counted: Option<(Observation, BTreeSet<u32>)>,
}

/// What has been counted until one moment.
#[derive(Debug, Clone, PartialEq)]
struct Look {
    /// Seconds since the machine was started.
    at: f64,
    /// Processors that work.
    processors: u64,
    /// Ticks by process, known by number and start; of the machine as a whole under 0.
    ticks: BTreeMap<(u32, u64), u64>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    parent: u32,
    began: u64,
    ticks: u64,
    fits: bool,
}

impl<'a> CpuUse<'a> {
    pub(super) fn new(name: Option<&'a str>, pattern: Option<&'a str>, over: Span) -> Self {
        let root = PathBuf::from("/");
        Self { root, name, pattern, over, before: None, decoding: Decoding::default(), counted: None }
    }

    fn look(&self) -> Result<Look, ProbeError> {
        let proc = self.root.join("proc");
        let malformed = |what: &str| ProbeError::Malformed {
            what: what.to_owned(),
            why: "it is not as the kernel writes it".to_owned(),
        };
        let at = read_text(&proc.join("uptime"))?;
        let at = at
            .split_whitespace()
            .next()
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| malformed("/proc/uptime"))?;
        let stat = read_text(&proc.join("stat"))?;
        let processors =
            stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count();
        let processors = u64::try_from(processors.max(1)).unwrap_or(1);
        let ticks = if self.name.is_none() && self.pattern.is_none() {
            BTreeMap::from([((0, 0), machine(&stat).ok_or_else(|| malformed("/proc/stat"))?)])
        } else {
            let pattern = self.pattern.map(Regex::new).transpose().map_err(|why| ProbeError::Malformed {
                what: "the pattern of a cpu_use probe".to_owned(),
                why: why.to_string(),
            })?;
            family(&processes(&proc, self.name, pattern.as_ref())?)
        };
        Ok(Look { at, processors, ticks })
    }
}

impl Looking for CpuUse<'_> {
    fn next(&mut self, given: Given) -> Need {
        if let (Some((seen, pids)), Given::Ended(ended)) = (self.counted.take(), &given) {
            return Need::Seen(Ok(with_decoding(seen, told(ended, &pids))));
        }
        let of_machine = self.name.is_none() && self.pattern.is_none();
        let now = match self.look() {
            Ok(now) => now,
            Err(why) => return Need::Seen(Err(why)),
        };
        match self.before.take() {
            None => {
                self.before = Some(now);
                if !of_machine {
                    self.decoding = Decoding::begin(&self.root);
                }
                Need::Pause(self.over)
            }
            Some(before) if of_machine => Need::Seen(Ok(compared(&before, &now))),
            Some(before) => {
                let pids: BTreeSet<u32> = now.ticks.keys().map(|(pid, _)| *pid).collect();
                let seen = compared(&before, &now);
                match self.decoding.end(&self.root, &pids) {
                    Decoded::Known(known) => Need::Seen(Ok(with_decoding(seen, known))),
                    Decoded::Ask(command) => {
                        self.counted = Some((seen, pids));
                        Need::Child(command, KEPT)
                    }
                }
            }
        }
    }
}

fn with_decoding(seen: Observation, decodes: Option<bool>) -> Observation {
    match decodes {
        Some(decodes) => seen.with("decodes", decodes),
        None => seen,
    }
}

fn compared(before: &Look, now: &Look) -> Observation {
    // Who began in between began at nothing; who ended in between took its count along.
    let spent =
        now.ticks.iter().map(|(of, ticks)| ticks.saturating_sub(before.ticks.get(of).copied().unwrap_or(0)));
    let spent = ratio(spent.sum(), TICKS);
    let passed = now.at - before.at;
    let pids: Vec<u32> = now.ticks.keys().map(|(pid, _)| *pid).filter(|pid| *pid != 0).collect();
    let whole_machine = now.ticks.contains_key(&(0, 0));
    let mut seen = Observation::new().with("over_seconds", passed).with("processors", now.processors);
    if !whole_machine {
        seen = seen.with("count", pids.len()).with("pids", pids.clone());
    }
    // Nobody there takes nothing, and that is no measurement.
    if passed > 0.0 && (whole_machine || !pids.is_empty()) {
        let percent = 100.0 * spent / passed;
        seen = seen.with("percent", percent).with("machine_percent", percent / ratio(now.processors, 1));
    }
    seen
}

/// Ticks in which the machine worked: all but those in which it was idle or waited for a disk.
fn machine(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [user, nice, system, _idle, _wait, interrupts, soft, ..] = ticks[..] else { return None };
    Some(user + nice + system + interrupts + soft)
}

fn processes(
    proc: &Path,
    name: Option<&str>,
    pattern: Option<&Regex>,
) -> Result<BTreeMap<u32, Process>, ProbeError> {
    let entries = std::fs::read_dir(proc)
        .map_err(|why| ProbeError::Unreadable { what: "/proc".to_owned(), why: why.kind().to_string() })?;
    let own = std::process::id();
    let process = |entry: std::fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let text = |file: &str| {
            let bytes = std::fs::read(entry.path().join(file)).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let (comm, command, stat) = (text("comm")?, text("cmdline")?, text("stat")?);
        let shown = command.trim_end_matches('\0').replace('\0', " ");
        let fits = pid != own
            && name.is_none_or(|name| named(comm.trim_end_matches('\n'), &command, name))
            && pattern.is_none_or(|pattern| pattern.is_match(&shown));
        // Behind the name, which may hold anything: state, parent, ... user and system time, ... start.
        let (_, rest) = stat.rsplit_once(") ")?;
        let words: Vec<&str> = rest.split(' ').collect();
        let number = |at: usize| words.get(at)?.parse::<u64>().ok();
        let parent = u32::try_from(number(1)?).ok()?;
        Some((
            pid,
            Process { parent, began: number(19)?, ticks: number(11)?.saturating_add(number(12)?), fits },
        ))
    };
    Ok(entries.filter_map(|entry| process(entry.ok()?)).collect())
}

/// Those that fit, and all that they started.
fn family(all: &BTreeMap<u32, Process>) -> BTreeMap<(u32, u64), u64> {
    let mut inside: BTreeSet<u32> =
        all.iter().filter(|(_, process)| process.fits).map(|(pid, _)| *pid).collect();
    loop {
        let more: Vec<u32> = all
            .iter()
            .filter(|(pid, process)| !inside.contains(pid) && inside.contains(&process.parent))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            break;
        }
        inside.extend(more);
    }
    all.iter()
        .filter(|(pid, _)| inside.contains(pid))
        .map(|(pid, process)| ((*pid, process.began), process.ticks))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    fn put(root: &Path, pid: u32, comm: &str, parent: u32, ticks: u64) {
        let folder = root.join("proc").join(pid.to_string());
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("comm"), format!("{comm}\n")).expect("comm");
        fs::write(folder.join("cmdline"), format!("/usr/bin/{comm}\0")).expect("cmdline");
        let stat = format!("{pid} ({comm}) x) S {parent} 0 0 0 0 0 0 0 0 0 {ticks} 0 0 0 0 0 0 0 {pid} 0\n");
        fs::write(folder.join("stat"), stat).expect("stat");
    }

    fn at(root: &Path, seconds: f64, busy: u64) {
        fs::create_dir_all(root.join("proc")).expect("a folder");
        fs::write(root.join("proc/uptime"), format!("{seconds} 1.0\n")).expect("uptime");
        fs::write(root.join("proc/stat"), format!("cpu  {busy} 0 0 900 5 0 0 0\ncpu0 1\ncpu1 1\nintr 1\n"))
            .expect("stat");
    }

    fn seen(look: &mut CpuUse<'_>) -> Observation {
        match look.next(Given::Nothing) {
            Need::Seen(seen) => seen.expect("seen"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_application_is_counted_with_all_that_it_started() {
        let root = tempfile::tempdir().expect("a folder");
        at(root.path(), 100.0, 0);
        for (pid, comm, parent, ticks) in [
            (10, "firefox", 1, 1000),
            (11, "RDD Process", 10, 50),
            (12, "Web Content", 11, 0),
            (20, "bash", 1, 500),
        ] {
            put(root.path(), pid, comm, parent, ticks);
        }
        let mut look = CpuUse::new(Some("firefox"), None, Span::seconds(10));
        look.root = root.path().to_path_buf();
        assert!(matches!(look.next(Given::Nothing), Need::Pause(span) if span == Span::seconds(10)));
        at(root.path(), 110.0, 0);
        put(root.path(), 10, "firefox", 1, 1100);
        put(root.path(), 11, "RDD Process", 10, 100);
        put(root.path(), 13, "Web Content", 11, 50);
        put(root.path(), 20, "bash", 1, 900);
        let seen = seen(&mut look);
        for (field, value) in [
            ("count", json!(4)),
            ("percent", json!(20.0)),
            ("machine_percent", json!(10.0)),
            ("processors", json!(2)),
            ("over_seconds", json!(10.0)),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
    }

    /// The player has this device open, and its driver tells so of it.
    fn open(root: &Path, pid: u32, device: &str, told: &str) {
        let folder = root.join("proc").join(pid.to_string());
        for part in ["fd", "fdinfo"] {
            fs::create_dir_all(folder.join(part)).expect("a folder");
        }
        let link = folder.join("fd/9");
        if link.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(device, link).expect("a link");
        }
        fs::write(folder.join("fdinfo/9"), told).expect("fdinfo");
    }

    #[test]
    fn whether_a_gpu_decodes_for_it_tells_a_player_that_plays_from_one_that_stands_idle() {
        use crate::check::library_tests::{judged, shipped};
        use crate::model::Outcome;
        let client = |decoded: u64| {
            format!(
                "drm-driver:\tamdgpu\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t1\ndrm-engine-gfx:\t{decoded} ns\n\
                 drm-engine-dec:\t{decoded} ns\n"
            )
        };
        // AMD's driver lists no engine that never worked, and others list none at all.
        let never =
            "drm-driver:\tamdgpu\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t1\ndrm-engine-gfx:\t500 ns\n";
        let silent = "drm-driver:\tnouveau\ndrm-client-id:\t1\n";
        let text = str::to_owned;
        for (before, after, percent, decodes, outcome) in [
            (Some(client(500)), Some(client(900)), 10, Some(json!(true)), Outcome::Pass),
            (Some(client(500)), Some(client(500)), 10, Some(json!(false)), Outcome::Inconclusive),
            (Some(client(500)), Some(client(500)), 90, Some(json!(false)), Outcome::Fail),
            (Some(client(500)), Some(client(900)), 90, Some(json!(true)), Outcome::Fail),
            (Some(text(never)), Some(text(never)), 10, Some(json!(false)), Outcome::Inconclusive),
            (Some(text(never)), Some(client(900)), 10, Some(json!(true)), Outcome::Pass),
            (Some(text(silent)), Some(text(silent)), 10, None, Outcome::Inconclusive),
            (Some(text("pos:\t0\n")), Some(text("pos:\t0\n")), 10, None, Outcome::Inconclusive),
            (None, None, 10, None, Outcome::Inconclusive),
        ] {
            let root = tempfile::tempdir().expect("a folder");
            at(root.path(), 100.0, 0);
            put(root.path(), 10, "firefox", 1, 1000);
            put(root.path(), 11, "RDD Process", 10, 0);
            let mut look = CpuUse::new(Some("firefox"), None, Span::seconds(10));
            look.root = root.path().to_path_buf();
            if let Some(before) = &before {
                open(root.path(), 11, "/dev/dri/renderD128", before);
            }
            look.next(Given::Nothing);
            at(root.path(), 110.0, 0);
            put(root.path(), 10, "firefox", 1, 1000 + 10 * percent);
            if let Some(after) = &after {
                open(root.path(), 11, "/dev/dri/renderD128", after);
            }
            let seen = seen(&mut look);
            assert_eq!(seen.get("decodes"), decodes.as_ref(), "{after:?}");
            assert_eq!(judged(&shipped("playback-cpu", ""), &seen, None), outcome, "{seen:?}");
        }
    }

    #[test]
    fn of_nvidia_its_tool_is_asked_who_decodes() {
        use super::super::ended;
        use crate::model::ProcessEnd;
        use crate::system::process::End;
        let list = |pid: u32, load: &str| {
            format!(
                "# gpu         pid   type     sm    mem    enc    dec     fb   command\n\
                 \x20   0         {pid}      G      4      1      -     {load}    200   RDD Process\n"
            )
        };
        for (status, answer, decodes) in [
            (0, list(11, "12"), Some(json!(true))),
            (0, list(11, "-"), Some(json!(false))),
            (0, list(99, "12"), None),
            (1, list(11, "12"), None),
            (0, "nonsense".to_owned(), None),
        ] {
            let root = tempfile::tempdir().expect("a folder");
            at(root.path(), 100.0, 0);
            put(root.path(), 10, "firefox", 1, 1000);
            put(root.path(), 11, "RDD Process", 10, 0);
            open(root.path(), 11, "/dev/nvidia0", "");
            let mut look = CpuUse::new(Some("firefox"), None, Span::seconds(10));
            look.root = root.path().to_path_buf();
            look.next(Given::Nothing);
            at(root.path(), 110.0, 0);
            put(root.path(), 10, "firefox", 1, 1100);
            let need = look.next(Given::Nothing);
            let Need::Child(command, _) = need else { panic!("{need:?}") };
            assert_eq!(command.argv.get(1).map(String::as_str), Some("pmon"));
            let child = ended(End::Process(ProcessEnd::Exited(status)), &answer, "");
            let Need::Seen(Ok(seen)) = look.next(Given::Ended(Box::new(child))) else { panic!("{answer}") };
            assert_eq!(seen.get("decodes"), decodes.as_ref(), "{answer}");
            assert_eq!(seen.get("percent"), Some(&json!(10.0)), "{answer}");
        }
    }

    #[test]
    fn where_nobody_is_there_is_nothing_to_measure_and_the_machine_is_always_there() {
        let root = tempfile::tempdir().expect("a folder");
        at(root.path(), 100.0, 0);
        put(root.path(), 20, "bash", 1, 500);
        let mut look = CpuUse::new(Some("firefox"), None, Span::seconds(10));
        look.root = root.path().to_path_buf();
        look.next(Given::Nothing);
        at(root.path(), 110.0, 1000);
        let nobody = seen(&mut look);
        assert_eq!((nobody.get("count"), nobody.get("percent")), (Some(&json!(0)), None));
        let mut machine = CpuUse::new(None, None, Span::seconds(10));
        machine.root = root.path().to_path_buf();
        machine.next(Given::Nothing);
        at(root.path(), 120.0, 2000);
        let all = seen(&mut machine);
        assert_eq!(
            (all.get("percent"), all.get("machine_percent")),
            (Some(&json!(100.0)), Some(&json!(50.0)))
        );
    }
}
