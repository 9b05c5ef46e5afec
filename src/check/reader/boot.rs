//! `systemd-analyze` (`time` and `blame`) and `/proc/cmdline`: how long a start took, and with which parameters.

use super::observation;
use super::systemctl::is_unit;
use crate::model::Observation;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was read, under the names of the probe `boot`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
struct Boot {
    /// The parts of the start, in seconds.
    #[serde(flatten)]
    times: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_line: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Vec<String>>,
    /// How long each unit took, in seconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unit_times: BTreeMap<String, f64>,
    /// Why there are no times.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// Nothing where only units are listed: the list has no end that could be missed.
    complete: Option<bool>,
}

/// Why there are no times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Failure {
    /// It had not ended when it was asked.
    NotFinished,
    /// Another init, or a manager that does not answer.
    NotBooted,
}

/// What only a kernel's command line has.
const PARAMETERS: [&str; 6] = ["BOOT_IMAGE=", "root=", "init=", "initrd=", "ostree=", "systemd."];
/// Words of one that stand alone.
const LONE: [&str; 4] = ["ro", "rw", "quiet", "splash"];

pub(super) fn read(text: &str) -> Observation {
    let mut seen = Boot { times: times(text).into_iter().collect(), ..Boot::default() };
    for line in text.lines().map(str::trim) {
        if let Some((unit, seconds)) = blamed(line) {
            seen.unit_times.entry(unit.to_owned()).or_insert(seconds);
        } else if line.starts_with("Bootup is not yet finished") {
            seen.failure = Some(Failure::NotFinished);
        } else if line.contains("not been booted with systemd") || line.starts_with("Failed to ") {
            seen.failure.get_or_insert(Failure::NotBooted);
        } else if seen.command_line.is_none()
            && let Some(said) = command_line(line)
        {
            seen.parameters = Some(said.split_whitespace().map(str::to_owned).collect());
            seen.command_line = Some(said.to_owned());
        }
    }
    let whole = !seen.times.is_empty() || seen.command_line.is_some();
    seen.complete = match (seen.failure, whole) {
        (None, true) => Some(true),
        (None, false) if !seen.unit_times.is_empty() => None,
        (None | Some(_), _) => Some(false),
    };
    observation(&seen)
}

/// `1min 2.345s NetworkManager-wait-online.service`
fn blamed(line: &str) -> Option<(&str, f64)> {
    let (span, unit) = line.rsplit_once(' ')?;
    Some((unit, seconds(span)?)).filter(|(unit, _)| is_unit(unit))
}

/// The command line in a line, be it one of the kernel's log.
fn command_line(line: &str) -> Option<&str> {
    let said = line.split_once("ommand line: ").map_or(line, |(_, said)| said).trim();
    // Behind two dashes stands what the first program is given.
    let words = || said.split_whitespace().take_while(|word| *word != "--");
    let own = words().any(|word| PARAMETERS.iter().any(|start| word.starts_with(start)));
    // Any other line has fewer settings than words.
    let settings = words().filter(|word| LONE.contains(word) || setting(word)).count();
    let lone =
        words().count() > 1 && words().any(setting) && settings * 2 > words().count() && words().all(plain);
    let is_prompt = said.contains(['$', '#']) || said.starts_with('[');
    ((own || lone) && !is_prompt).then_some(said)
}

/// `panic=1`
fn setting(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// A word as it stands on a command line, and not in a sentence.
fn plain(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_graphic()) && !word.ends_with(['.', ',', ':', ';', '?', '!'])
}

/// The parts of a start as `systemd-analyze` tells them, in seconds.
pub(in crate::check) fn times(text: &str) -> Vec<(&'static str, f64)> {
    let Some(line) =
        text.lines().find_map(|line| line.split_once("Startup finished in ").map(|(_, rest)| rest))
    else {
        return Vec::new();
    };
    let (parts, total) = line.split_once(" = ").map_or((line, None), |(parts, total)| (parts, Some(total)));
    let named = |part: &str| {
        let (span, name) = part.trim().rsplit_once(" (")?;
        let field = match name.trim_end_matches(')') {
            "firmware" => "firmware_time",
            "loader" => "loader_time",
            "kernel" => "kernel_time",
            "initrd" => "initrd_time",
            "userspace" => "userspace_time",
            _ => return None,
        };
        Some((field, seconds(span)?))
    };
    let mut times: Vec<(&'static str, f64)> = parts.split(" + ").filter_map(named).collect();
    let sum = times.iter().map(|(_, seconds)| seconds).sum();
    if !times.is_empty() {
        times.push(("total_time", total.and_then(seconds).unwrap_or(sum)));
    }
    times
}

/// `1min 2.345s` in seconds.
fn seconds(span: &str) -> Option<f64> {
    let mut sum = 0.0;
    for word in span.split_whitespace() {
        let split = word.find(|c: char| c.is_ascii_alphabetic() || c == 'µ')?;
        let (number, unit) = word.split_at(split);
        let factor = match unit {
            "d" | "day" | "days" => 86_400.0,
            "h" => 3600.0,
            "min" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            "us" | "µs" => 0.000_001,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * factor;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn times_units_and_parameters_are_told_under_the_names_of_the_probe() {
        let time = "Startup finished in 5s (firmware) + 500ms (loader) + 1min 2.500s (kernel) + 2s (userspace) = 1min 10s\n\
                    graphical.target reached after 1.9s in userspace.\n";
        let seen = read(time);
        assert_eq!(
            (seen.get("kernel_time"), seen.get("total_time")),
            (Some(&json!(62.5)), Some(&json!(70.0)))
        );
        assert_eq!(seen.get("complete"), Some(&json!(true)));
        let blame = "$ systemd-analyze blame\n1min 1.500s NetworkManager-wait-online.service\n      12ms dev-sda1.device\n";
        let seen = read(blame);
        let units = json!({"NetworkManager-wait-online.service": 61.5, "dev-sda1.device": 0.012});
        assert_eq!((seen.get("unit_times"), seen.get("complete")), (Some(&units), Some(&json!(null))));
        for line in [
            "BOOT_IMAGE=/vmlinuz-6.12 root=UUID=1 ro quiet",
            "console=ttyS0 reboot=k panic=1 pci=off nomodule",
            "reboot=k panic=1 -- --addr 0.0.0.0:1 --size 3 --block",
            "initrd=\\initrd init=/nix/store/x/init loglevel=4",
            "[    0.000000] Command line: root=/dev/sda1 ro",
            "Jan 01 00:00:00 host kernel: Kernel command line: root=/dev/sda1 ro",
        ] {
            let seen = read(&format!("{line}\n"));
            let said = seen.get("command_line").and_then(|said| said.as_str()).expect("a command line");
            assert!(line.ends_with(said), "{line}");
            assert_eq!(seen.get("complete"), Some(&json!(true)), "{line}");
        }
        for line in ["It took 5s for me, x=1 or so", "Id=a", "SESSION UID USER", "$ cat /proc/cmdline root=1"]
        {
            let seen = read(&format!("{line}\n"));
            assert_eq!(seen.get("command_line"), None, "{line}");
        }
        assert_eq!(read("root=/dev/sda1 ro\n").get("parameters"), Some(&json!(["root=/dev/sda1", "ro"])));
    }

    #[test]
    fn a_start_that_has_not_ended_has_no_times() {
        for (text, failure) in [
            (
                "Bootup is not yet finished (org.freedesktop.systemd1.Manager.FinishTimestampMonotonic=0).\n",
                "not_finished",
            ),
            (
                "System has not been booted with systemd as init system (PID 1). Can't operate.\n",
                "not_booted",
            ),
            ("Failed to connect to bus: Host is down\n", "not_booted"),
        ] {
            let seen = read(text);
            assert_eq!(
                (seen.get("failure"), seen.get("complete")),
                (Some(&json!(failure)), Some(&json!(false))),
                "{text}"
            );
            assert_eq!(seen.get("total_time"), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(Startup finished in |[0-9.]{1,4}|s |min |\\(kernel\\)| = |root=|\\.service|\n|.){0,60}") {
            prop_assert!(read(&text).get("complete").is_some());
        }
    }
}
