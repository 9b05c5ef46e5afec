//! `process`: who runs, and how much memory that takes. Shared memory is counted by shares (PSS) where the kernel
//! lets us read it, else by what is resident (RSS), and the observation says which.

use crate::check::ProbeError;
use crate::model::{Observation, Value};
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Longest name that the kernel keeps for a process.
const COMM: usize = 15;

/// Processes whose name and command line fit; our own is never one of them.
pub(super) fn read(name: Option<&str>, pattern: Option<&str>) -> Result<Observation, ProbeError> {
    let pattern = pattern.map(Regex::new).transpose().map_err(|why| ProbeError::Malformed {
        what: "the pattern of a process probe".to_owned(),
        why: why.to_string(),
    })?;
    let entries = fs::read_dir("/proc")
        .map_err(|why| ProbeError::Unreadable { what: "/proc".to_owned(), why: why.kind().to_string() })?;
    let own = std::process::id();
    let mut pids: Vec<u32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own)
        .collect();
    pids.sort_unstable();
    let mut found = Found { pss: Some(0), rss: Some(0), ..Found::default() };
    for pid in pids {
        found.add(&Path::new("/proc").join(pid.to_string()), pid, name, pattern.as_ref());
    }
    Ok(found.seen())
}

#[derive(Debug, Default)]
struct Found {
    pids: Vec<u32>,
    names: BTreeSet<String>,
    pss: Option<u64>,
    rss: Option<u64>,
}

impl Found {
    // A process may end while it is read: what cannot be read any more is not there.
    fn add(&mut self, folder: &Path, pid: u32, name: Option<&str>, pattern: Option<&Regex>) {
        let text = |file: &str| {
            fs::read(folder.join(file)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let Some(comm) = text("comm").map(|comm| comm.trim_end_matches('\n').to_owned()) else { return };
        let Some(command) = text("cmdline") else { return };
        if !name.is_none_or(|name| named(&comm, &command, name)) {
            return;
        }
        let shown = command.trim_end_matches('\0').replace('\0', " ");
        if !pattern.is_none_or(|pattern| pattern.is_match(&shown)) {
            return;
        }
        let Some(status) = text("status") else { return };
        self.pids.push(pid);
        self.names.insert(comm);
        let resident = parse_kilobytes(&status, "VmRSS:");
        // Threads of the kernel have no memory of their own and no such line.
        let kernel = command.is_empty();
        let sum = |total: Option<u64>, one: Option<u64>| {
            one.or(kernel.then_some(0)).and_then(|one| total?.checked_add(one))
        };
        self.rss = sum(self.rss, resident);
        let share = text("smaps_rollup").and_then(|rollup| parse_kilobytes(&rollup, "Pss:"));
        self.pss = sum(self.pss, share);
    }

    fn seen(self) -> Observation {
        let seen = Observation::new()
            .with("count", self.pids.len())
            .with("names", self.names.into_iter().collect::<Vec<_>>());
        // Nobody there takes no memory, and that is no measurement: a vanished process is not an improvement.
        let memory = if self.pids.is_empty() { (None, None) } else { (self.pss, self.rss) };
        let seen = seen.with("pids", self.pids);
        let seen = match memory.1 {
            Some(rss) => seen.with("rss", rss),
            None => seen,
        };
        match memory {
            (Some(pss), _) => seen.with("pss", pss).with("pss_from", "pss"),
            (None, Some(rss)) => seen.with("pss", rss).with("pss_from", "rss"),
            (None, None) => seen.with("pss_from", Value::Null),
        }
    }
}

/// The kernel cuts names to 15 bytes; a longer one is compared with the program's file name as well.
pub(super) fn named(comm: &str, command: &str, name: &str) -> bool {
    if comm == name || crate::check::wrapped::unwrapped(comm) == name {
        return true;
    }
    let program = command.split('\0').next().unwrap_or_default();
    let base = program.rsplit('/').next().unwrap_or_default();
    name.len() > COMM && name.get(..COMM) == Some(comm) && base == name
}

/// `Pss:      1234 kB` in bytes.
pub(super) fn parse_kilobytes(text: &str, label: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
    rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn process(root: &Path, pid: u32, comm: &str, command: &str, rollup: Option<&str>) {
        let folder = root.join(pid.to_string());
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("comm"), format!("{comm}\n")).expect("comm");
        fs::write(folder.join("cmdline"), command).expect("cmdline");
        fs::write(folder.join("status"), "Name:\tx\nVmRSS:\t  300 kB\n").expect("status");
        if let Some(rollup) = rollup {
            fs::write(folder.join("smaps_rollup"), rollup).expect("smaps_rollup");
        }
    }

    fn found(root: &Path, pids: &[u32], name: Option<&str>, pattern: Option<&str>) -> Observation {
        let pattern = pattern.map(|pattern| Regex::new(pattern).expect(pattern));
        let mut found = Found { pss: Some(0), rss: Some(0), ..Found::default() };
        for pid in pids {
            found.add(&root.join(pid.to_string()), *pid, name, pattern.as_ref());
        }
        found.seen()
    }

    #[test]
    fn processes_are_found_by_name_and_by_command_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        process(
            root,
            7,
            "plasmashell",
            "/usr/bin/plasmashell\0--no-respawn\0",
            Some("Rss: 9 kB\nPss: 100 kB\n"),
        );
        process(root, 8, "plasmashell", "/usr/bin/plasmashell\0", Some("Pss:      20 kB\n"));
        process(root, 9, "bash", "bash\0", Some("Pss: 1 kB\n"));
        let seen = found(root, &[7, 8, 9, 10], Some("plasmashell"), None);
        let expected = Observation::new()
            .with("count", 2)
            .with("pids", vec![7, 8])
            .with("names", vec!["plasmashell"])
            .with("pss", 120 * 1024)
            .with("pss_from", "pss")
            .with("rss", 600 * 1024);
        assert_eq!(seen, expected);
        assert_eq!(found(root, &[7, 8, 9], None, Some("^/usr/bin/.* --no")).get("pids"), Some(&json!([7])));
        assert_eq!(found(root, &[7, 8, 9], Some("bash"), Some("plasma")).get("count"), Some(&json!(0)));
    }

    #[test]
    fn resident_memory_stands_in_where_shares_cannot_be_read() {
        let folder = tempfile::tempdir().expect("a folder");
        process(folder.path(), 7, "a", "a\0", None);
        let seen = found(folder.path(), &[7], Some("a"), None);
        assert_eq!(seen.get("pss"), Some(&json!(300 * 1024)));
        assert_eq!(seen.get("pss_from"), Some(&json!("rss")));
    }

    #[test]
    fn nobody_there_is_a_count_and_no_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let seen = found(folder.path(), &[7], Some("a"), None);
        assert_eq!(seen.get("count"), Some(&json!(0)));
        assert_eq!((seen.get("pss"), seen.get("rss")), (None, None));
    }

    #[test]
    fn a_name_longer_than_the_kernel_keeps_is_found_by_its_program() {
        assert!(named("kactivitymanage", "/usr/lib/kactivitymanagerd\0start-daemon\0", "kactivitymanagerd"));
        assert!(!named("kactivitymanage", "/usr/lib/kactivitymanagex\0", "kactivitymanagerd"));
        assert!(!named("kactivitymanage", "kactivitymanagerd\0", "kactivity"));
    }

    #[test]
    fn the_first_process_of_this_machine_is_found() {
        let comm = fs::read_to_string("/proc/1/comm").expect("process 1");
        let seen = read(Some(comm.trim()), None).expect("seen");
        assert!(seen.get("pids").is_some_and(|pids| pids.to_string().contains('1')), "{seen:?}");
    }
}
