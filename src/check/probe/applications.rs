//! `applications`: how much memory each application takes, with all its processes. Desktops start each application in a
//! control group of its own (`app-*.scope`); what is in none counts under the name of its process.

use super::process::parse_kilobytes;
use crate::check::ProbeError;
use crate::model::Observation;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Most applications that are listed; those with the most memory.
const LISTED: usize = 200;

/// The applications below this root.
pub(super) fn read(root: &Path) -> Result<Observation, ProbeError> {
    let folder = root.join("proc");
    let entries = fs::read_dir(&folder).map_err(|why| ProbeError::Unreadable {
        what: folder.display().to_string(),
        why: why.kind().to_string(),
    })?;
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    let mut shared_out = true;
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_none_or(|name| name.parse::<u32>().is_err()) {
            continue;
        }
        let text = |file: &str| {
            let bytes = fs::read(entry.path().join(file)).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        // A thread of the kernel has no memory of its own; a process may end while it is read.
        let Some(resident) = text("status").and_then(|status| parse_kilobytes(&status, "VmRSS:")) else {
            continue;
        };
        let share = text("smaps_rollup").and_then(|rollup| parse_kilobytes(&rollup, "Pss:"));
        shared_out &= share.is_some();
        let group = text("cgroup").and_then(|group| application(&group));
        let Some(name) = group.or_else(|| text("comm").map(|comm| comm.trim_end().to_owned())) else {
            continue;
        };
        let sum = sizes.entry(name).or_insert(0);
        *sum = sum.saturating_add(share.unwrap_or(resident));
    }
    let total = sizes.values().fold(0_u64, |sum, size| sum.saturating_add(*size));
    let count = sizes.len();
    let mut order: Vec<(String, u64)> = sizes.into_iter().collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    order.truncate(LISTED);
    let names: Vec<String> = order.iter().map(|(name, _)| name.clone()).collect();
    let sizes: BTreeMap<String, u64> = order.into_iter().collect();
    Ok(Observation::new()
        .with("count", count)
        .with("names", names)
        .with("pss", json!(sizes))
        .with("total", total)
        .with("pss_from", if shared_out { "pss" } else { "rss" }))
}

/// The application of a process by its control group: `app[-LAUNCHER]-ID-RANDOM.scope`, or
/// `app[-LAUNCHER]-ID[@RANDOM].service`, in which ids hold no plain `-`.
fn application(cgroup: &str) -> Option<String> {
    let unit = cgroup.lines().flat_map(|line| line.rsplit('/')).find(|part| part.starts_with("app-"));
    let unit = unit.filter(|unit| unit.ends_with(".scope") || unit.ends_with(".service"))?;
    let id = match unit.strip_suffix(".scope") {
        Some(scope) => scope.rsplit_once('-').map_or(scope, |(id, _)| id),
        None => unit.strip_suffix(".service")?.split('@').next()?,
    };
    let id = id.strip_prefix("app-").and_then(|id| id.rsplit('-').next()).filter(|id| !id.is_empty())?;
    Some(unescaped(id))
}

/// `foo\x2dbar` as `foo-bar`.
fn unescaped(id: &str) -> String {
    let mut parts = id.split("\\x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        match (byte, part.get(2..)) {
            (Some(byte), Some(rest)) => {
                out.push(char::from(byte));
                out.push_str(rest);
            }
            _ => {
                out.push_str("\\x");
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_names_its_application() {
        let of = |unit: &str| application(&format!("0::/user.slice/user@1000.service/app.slice/{unit}\n"));
        for (unit, name) in [
            ("app-org.kde.konsole-1234.scope", Some("org.kde.konsole")),
            ("app-gnome-firefox-4242.scope", Some("firefox")),
            ("app-firefox@0abc.service", Some("firefox")),
            ("app-org.kde.kded6.service", Some("org.kde.kded6")),
            (r"app-flatpak-com.foo\x2dbar-99.scope", Some("com.foo-bar")),
            ("plasma-plasmashell.service", None),
            ("app-", None),
            ("app.slice", None),
        ] {
            assert_eq!(of(unit).as_deref(), name, "{unit}");
        }
    }

    #[test]
    fn processes_of_one_application_are_added() {
        let folder = tempfile::tempdir().expect("a folder");
        let process = |pid: u32, comm: &str, group: &str, pss: Option<u64>| {
            let own = folder.path().join("proc").join(pid.to_string());
            fs::create_dir_all(&own).expect("a folder");
            fs::write(own.join("comm"), format!("{comm}\n")).expect("comm");
            fs::write(own.join("cgroup"), format!("0::/{group}\n")).expect("cgroup");
            fs::write(own.join("status"), "VmRSS:\t  300 kB\n").expect("status");
            if let Some(pss) = pss {
                fs::write(own.join("smaps_rollup"), format!("Pss: {pss} kB\n")).expect("smaps_rollup");
            }
        };
        process(7, "firefox", "app.slice/app-firefox-1.scope", Some(100));
        process(8, "Web Content", "app.slice/app-firefox-1.scope", Some(20));
        process(9, "sshd", "system.slice/sshd.service", Some(5));
        let seen = read(folder.path()).expect("seen");
        let expected = Observation::new()
            .with("count", 2)
            .with("names", vec!["firefox", "sshd"])
            .with("pss", json!({"firefox": 120 * 1024, "sshd": 5 * 1024}))
            .with("total", 125 * 1024)
            .with("pss_from", "pss");
        assert_eq!(seen, expected);
        process(10, "x", "", None);
        assert_eq!(read(folder.path()).expect("seen").get("pss_from"), Some(&json!("rss")));
    }
}
