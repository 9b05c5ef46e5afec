//! `memory`: what the kernel says of the machine's memory and of the pressure on it.

use super::read_text;
use crate::check::ProbeError;
use crate::model::Observation;
use std::collections::BTreeMap;
use std::path::Path;

/// Memory now.
pub(super) fn read() -> Result<Observation, ProbeError> {
    let seen = parse(&read_text(Path::new("/proc/meminfo"))?)?;
    // Kernels without pressure accounting lack the file: the field is left out.
    let pressure = read_text(Path::new("/proc/pressure/memory")).ok().and_then(|text| parse_pressure(&text));
    Ok(match pressure {
        Some(some_avg10) => seen.with("pressure_some_avg10", some_avg10),
        None => seen,
    })
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
    Ok(if total == 0 { seen } else { seen.with("used_ratio", ratio(used, total)) })
}

/// A part of a whole, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a ratio needs no more than 52 bits")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// The share of the last ten seconds in which some task waited for memory, in percent.
fn parse_pressure(text: &str) -> Option<f64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            .with("swap_used", 2048);
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_line_that_is_missing_is_named() {
        let why = parse("emTotal: 1000 kB\n").expect_err("no total").to_string();
        assert!(why.contains("MemTotal"), "{why}");
    }

    #[test]
    fn pressure_is_the_average_over_ten_seconds() {
        assert_eq!(parse_pressure("some avg10=1.25 avg60=0.00 total=5\nfull avg10=9.00\n"), Some(1.25));
        assert_eq!(parse_pressure("full avg10=9.00\n"), None);
    }

    #[test]
    fn this_machine_has_memory() {
        let seen = read().expect("seen");
        assert!(
            seen.get("used_ratio").and_then(serde_json::Value::as_f64).is_some_and(|x| x > 0.0 && x < 1.0)
        );
        assert_ne!(seen.get("total"), Some(&json!(0)));
    }
}
