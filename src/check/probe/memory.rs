//! `memory`: what the kernel says of the machine's memory, of what it swaps to, and of the pressure on it.

use super::read_text;
use crate::check::ProbeError;
use crate::model::{Observation, Value};
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Memory below this root.
pub(super) fn read(root: &Path) -> Result<Observation, ProbeError> {
    let mut seen = parse(&read_text(&root.join("proc/meminfo"))?)?;
    // Kernels without pressure accounting lack the files: the fields are left out.
    for (field, resource, kind) in [
        ("pressure_some_avg10", "memory", "some"),
        ("pressure_full_avg10", "memory", "full"),
        ("cpu_pressure_some_avg10", "cpu", "some"),
        ("io_pressure_some_avg10", "io", "some"),
        ("io_pressure_full_avg10", "io", "full"),
    ] {
        if let Some(share) = pressure(root, resource, kind) {
            seen = seen.with(field, share);
        }
    }
    if let Ok(text) = read_text(&root.join("proc/swaps")) {
        seen = seen.with("swaps", swaps(&text));
    }
    let zram = zram(&root.join("sys/block"));
    let sum = |field: &str| {
        zram.values().filter_map(|device| device.get(field)?.as_u64()).fold(0, u64::saturating_add)
    };
    let (original, used) = (sum("original"), sum("used"));
    if original > 0 && used > 0 {
        seen = seen.with("zram_ratio", ratio(original, used));
    }
    Ok(seen.with("zram", zram))
}

/// `/proc/meminfo` in bytes.
fn parse(text: &str) -> Result<Observation, ProbeError> {
    let sizes: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(':')?;
            let mut words = rest.split_whitespace();
            let count: u64 = words.next()?.parse().ok()?;
            let scale = if words.next() == Some("kB") { 1024 } else { 1 };
            Some((name.trim(), count.checked_mul(scale)?))
        })
        .collect();
    let size = |name: &str| {
        sizes.get(name).copied().ok_or_else(|| ProbeError::Malformed {
            what: "/proc/meminfo".to_owned(),
            why: format!("there is no line `{name}`"),
        })
    };
    let (total, available) = (size("MemTotal")?, size("MemAvailable")?);
    let (swap_total, swap_free) = (size("SwapTotal")?, size("SwapFree")?);
    let used = total.saturating_sub(available);
    let seen = Observation::new()
        .with("total", total)
        .with("available", available)
        .with("used", used)
        .with("swap_total", swap_total)
        .with("swap_used", swap_total.saturating_sub(swap_free));
    let swap_used = swap_total.saturating_sub(swap_free);
    let seen =
        if swap_total == 0 { seen } else { seen.with("swap_used_ratio", ratio(swap_used, swap_total)) };
    Ok(if total == 0 { seen } else { seen.with("used_ratio", ratio(used, total)) })
}

/// A part of a whole, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a ratio needs no more than 52 bits")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// The share of the last ten seconds in which some task (or every one) waited for `memory`, `cpu` or `io`, in percent.
pub(super) fn pressure(root: &Path, resource: &str, kind: &str) -> Option<f64> {
    parse_pressure(&read_text(&root.join("proc/pressure").join(resource)).ok()?, kind)
}

fn parse_pressure(text: &str, kind: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))?;
    line.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok()
}

/// `/proc/swaps`: `Filename Type Size Used Priority`, sizes in KiB, by file name. Spaces in names are written as `\040`.
fn swaps(text: &str) -> Map<String, Value> {
    let device = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, kind) = (words.next()?.replace("\\040", " "), words.next()?);
        let mut size = || words.next()?.parse::<u64>().ok()?.checked_mul(1024);
        let (size, used) = (size()?, size()?);
        let priority: i64 = words.next()?.parse().ok()?;
        Some((name, json!({"type": kind, "size": size, "used": used, "priority": priority})))
    };
    text.lines().skip(1).filter_map(device).collect()
}

/// Compressed memory devices that are set up, by name: `algorithm`, and in bytes `size`, `original` (what is stored),
/// `compressed`, `used` (what that takes), `limit`.
fn zram(block: &Path) -> Map<String, Value> {
    let mut devices = Map::new();
    for entry in fs::read_dir(block).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with("zram") {
            continue;
        }
        let text = |file: &str| read_text(&entry.path().join(file)).ok();
        let size: u64 = text("disksize").and_then(|size| size.trim().parse().ok()).unwrap_or(0);
        if size == 0 {
            continue;
        }
        // The chosen one of `lzo [zstd] lz4` is in brackets.
        let algorithm = text("comp_algorithm").and_then(|all| {
            all.split(['[', ']']).nth(1).or(all.split_whitespace().next()).map(str::to_owned)
        });
        let stat: Vec<u64> = text("mm_stat")
            .map(|stat| stat.split_whitespace().map_while(|word| word.parse().ok()).collect())
            .unwrap_or_default();
        let of = |place: usize| stat.get(place).copied();
        let device = json!({
            "algorithm": algorithm, "size": size,
            "original": of(0), "compressed": of(1), "used": of(2), "limit": of(3),
        });
        devices.insert(name, device);
    }
    devices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_read_in_bytes() {
        let text = "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\nSwapTotal: 8 kB\nSwapFree: 6 kB\nHugePages_Total: 3\n";
        let seen = parse(text).expect("seen");
        let expected = Observation::new()
            .with("total", 1_024_000)
            .with("available", 256_000)
            .with("used", 768_000)
            .with("used_ratio", 0.75)
            .with("swap_total", 8192)
            .with("swap_used", 2048)
            .with("swap_used_ratio", 0.25);
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_line_that_is_missing_is_named() {
        let why = parse("emTotal: 1000 kB\n").expect_err("no total").to_string();
        assert!(why.contains("MemTotal"), "{why}");
    }

    #[test]
    fn pressure_is_the_average_over_ten_seconds() {
        let text = "some avg10=1.25 avg60=0.00 total=5\nfull avg10=9.00\n";
        assert_eq!(parse_pressure(text, "some"), Some(1.25));
        assert_eq!(parse_pressure(text, "full"), Some(9.0));
        assert_eq!(parse_pressure("full avg10=9.00\n", "some"), None);
    }

    #[test]
    fn swap_devices_are_told_by_name() {
        let text = "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 8 4 100\n/my\\040swap file 2 0 -2\nx\n";
        let expected = json!({
            "/dev/zram0": {"type": "partition", "size": 8192, "used": 4096, "priority": 100},
            "/my swap": {"type": "file", "size": 2048, "used": 0, "priority": -2},
        });
        assert_eq!(Value::Object(swaps(text)), expected);
    }

    #[test]
    fn compressed_memory_tells_how_well_it_compresses() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for (path, text) in [
            ("proc/meminfo", "MemTotal: 8 kB\nMemAvailable: 4 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"),
            ("proc/pressure/io", "some avg10=2.00 total=1\nfull avg10=1.00 total=1\n"),
            ("sys/block/zram0/disksize", "4096\n"),
            ("sys/block/zram0/comp_algorithm", "lzo lzo-rle [zstd] \n"),
            ("sys/block/zram0/mm_stat", "3000 900 1000 0 1000 0 0 0 0\n"),
            ("sys/block/zram1/disksize", "0\n"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let seen = read(root).expect("seen");
        let device = json!({"algorithm": "zstd", "size": 4096, "original": 3000, "compressed": 900, "used": 1000, "limit": 0});
        assert_eq!(seen.get("zram"), Some(&json!({"zram0": device})));
        assert_eq!((seen.get("zram_ratio"), seen.get("swaps")), (Some(&json!(3.0)), None));
        assert_eq!(seen.get("io_pressure_full_avg10"), Some(&json!(1.0)));
        assert_eq!(seen.get("pressure_some_avg10"), None);
    }

    #[test]
    fn this_machine_has_memory() {
        let seen = read(Path::new("/")).expect("seen");
        assert!(
            seen.get("used_ratio").and_then(serde_json::Value::as_f64).is_some_and(|x| x > 0.0 && x < 1.0)
        );
        assert_ne!(seen.get("total"), Some(&json!(0)));
    }
}
