//! `boot`: what was booted, and how long that took.

use super::{Given, Looking, Need, process_end, read_text, status, tool, whole};
use crate::check::ProbeError;
use crate::check::reader::boot::times;
use crate::model::{Observation, Value};
use crate::system::process::Ended;
use std::path::Path;

const KEPT: usize = 64 * 1024;

/// Reads what the kernel and NixOS keep, then asks systemd for the times.
#[derive(Debug, Default)]
pub(super) struct Boot {}

impl Looking for Boot {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => Need::Seen(observed(Path::new("/"), &ended)),
            Given::Nothing | Given::Answered(_) => Need::Child(tool(["systemd-analyze", "time"]), KEPT),
        }
    }
}

fn observed(root: &Path, ended: &Ended) -> Result<Observation, ProbeError> {
    let proc = |file: &str| read_text(&root.join("proc").join(file)).map(|text| text.trim().to_owned());
    let command_line = proc("cmdline")?;
    let parameters: Vec<Value> = command_line.split_whitespace().map(Value::from).collect();
    let mut seen = Observation::new()
        .with("id", proc("sys/kernel/random/boot_id")?.replace('-', ""))
        .with("kernel", proc("sys/kernel/osrelease")?)
        .with("command_line", command_line)
        .with("parameters", parameters)
        .with("ostree", root.join("run/ostree-booted").exists())
        .with("tainted", proc("sys/kernel/tainted").is_ok_and(|taint| taint != "0"));
    if let Some(seconds) = proc("uptime").ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok()) {
        seen = seen.with("uptime", seconds);
    }
    seen = nixos(root, seen);
    match process_end("systemd-analyze", ended) {
        Ok(end) if status(end) == 0 => {
            let times = times(&whole(&ended.stdout).unwrap_or_default());
            Ok(times.into_iter().fold(seen, |seen, (part, seconds)| seen.with(part, seconds)))
        }
        // Still booting, or another init: there are no times, and everything else stands.
        Ok(_) | Err(ProbeError::NotStarted { .. }) => Ok(seen),
        Err(why) => Err(why),
    }
}

/// Which system was booted, which is current, and whether the two need another kernel.
fn nixos(root: &Path, mut seen: Observation) -> Observation {
    let target = |path: &str| std::fs::read_link(root.join(path)).ok();
    let Some(booted) = target("run/booted-system") else { return seen };
    seen = seen.with("booted_system", booted.display().to_string());
    if let Some(generation) = generation(&root.join("nix/var/nix/profiles"), &booted) {
        seen = seen.with("generation", generation);
    }
    let Some(current) = target("run/current-system") else { return seen };
    seen = seen
        .with("current_system", current.display().to_string())
        .with("current_is_booted", current == booted);
    let part = |system: &str, name: &str| std::fs::read_link(root.join(system).join(name)).ok();
    let parts = ["kernel", "initrd", "kernel-modules"];
    let other = |name: &&str| part("run/booted-system", name) != part("run/current-system", name);
    seen.with("reboot_needed", parts.iter().any(other))
}

/// The newest generation of the system profile that leads there.
fn generation(profiles: &Path, system: &Path) -> Option<u64> {
    let entries = std::fs::read_dir(profiles).ok()?;
    let number = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let number = name.strip_prefix("system-")?.strip_suffix("-link")?.parse().ok()?;
        (std::fs::read_link(entry.path()).ok()? == *system).then_some(number)
    };
    entries.filter_map(|entry| number(entry.ok()?)).max()
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::ProcessEnd;
    use crate::system::process::End;
    use serde_json::json;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn machine(nixos: bool) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        put("proc/cmdline", "init=/nix/store/a/init quiet\n");
        put("proc/uptime", "12.50 3.00\n");
        put("proc/sys/kernel/random/boot_id", "01-23\n");
        put("proc/sys/kernel/osrelease", "6.12.0\n");
        put("proc/sys/kernel/tainted", "4097\n");
        if nixos {
            for folder in ["run", "nix/var/nix/profiles", "store/a", "store/b"] {
                fs::create_dir_all(root.path().join(folder)).expect("a folder");
            }
            let store = |name: &str| root.path().join("store").join(name);
            symlink("k1", store("a").join("kernel")).expect("a link");
            symlink("k2", store("b").join("kernel")).expect("a link");
            for (link, name) in [
                ("run/booted-system", "a"),
                ("run/current-system", "b"),
                ("nix/var/nix/profiles/system-6-link", "a"),
                ("nix/var/nix/profiles/system-7-link", "a"),
                ("nix/var/nix/profiles/system-8-link", "b"),
            ] {
                symlink(store(name), root.path().join(link)).expect("a link");
            }
        }
        root
    }

    fn analyzed(text: &str) -> Ended {
        ended(End::Process(ProcessEnd::Exited(0)), text, "")
    }

    #[test]
    fn what_was_booted_is_told() {
        let root = machine(true);
        let said = "Startup finished in 5.000s (firmware) + 500ms (loader) + 1min 2.500s (kernel) + 2s (userspace) = 1min 10s\n";
        let seen = observed(root.path(), &analyzed(said)).expect("seen");
        for (field, value) in [
            ("id", json!("0123")),
            ("kernel", json!("6.12.0")),
            ("parameters.1", json!("quiet")),
            ("generation", json!(7)),
            ("current_is_booted", json!(false)),
            ("reboot_needed", json!(true)),
            ("tainted", json!(true)),
            ("loader_time", json!(0.5)),
            ("kernel_time", json!(62.5)),
            ("total_time", json!(70.0)),
            ("uptime", json!(12.5)),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let root = machine(false);
        let absent = ended(End::NotStarted("not found".to_owned()), "", "");
        for child in [absent, analyzed("Bootup is not yet finished.\n")] {
            let seen = observed(root.path(), &child).expect("seen");
            for field in ["total_time", "generation", "reboot_needed"] {
                assert_eq!(seen.get(field), None, "{field}");
            }
            assert_eq!(seen.get("kernel"), Some(&json!("6.12.0")));
        }
    }

    #[test]
    fn without_a_total_the_parts_are_added_up() {
        assert_eq!(
            times("Startup finished in 746ms (userspace) \n"),
            [("userspace_time", 0.746), ("total_time", 0.746)]
        );
        assert_eq!(times("Startup finished in x\n"), []);
    }
}
