//! `lspci`, with `-nn`, `-n`, `-k`, `-v` or as `-vmm` records: the GPUs and the drivers that drive them.

use super::elided::elided;
use super::observation;
use crate::model::Observation;
use regex::Regex;
use serde::Serialize;
use std::sync::LazyLock;

/// What was read. The upper fields are those of the fixtures' index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Lspci {
    gpus: Vec<Gpu>,
    /// Drivers in use of the GPUs, each once.
    drivers_in_use: Vec<String>,
    /// The GPUs with what else is said of them.
    devices: Vec<Device>,
    /// GPUs whose driver ought to be told of, since other devices have one, and that have none.
    without_driver: Vec<String>,
    /// Not where something is left out. The list has no end that could be missed, so that it is whole nobody can tell.
    complete: Option<bool>,
}

/// A GPU, as the fixtures' index puts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Gpu {
    slot: String,
    /// `vendor:device` in hexadecimal, where the numbers were asked for.
    ids: Option<String>,
}

/// A device as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Device {
    slot: String,
    #[serde(skip)]
    ids: Option<String>,
    #[serde(skip)]
    gpu: bool,
    name: String,
    driver: Option<String>,
    modules: Vec<String>,
    /// It does not answer: revision `ff`, as of a GPU that is switched off or lost.
    off: bool,
}

/// Classes of GPUs by name and number.
const CLASSES: [(&str, &str); 4] = [
    ("VGA compatible controller", "0300"),
    ("XGA compatible controller", "0301"),
    ("3D controller", "0302"),
    ("Display controller", "0380"),
];

/// What begins a line and stands in the middle of one, where a forum made a paragraph of the list.
#[expect(clippy::expect_used, reason = "a constant, and the tests use it")]
static JOINED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"[ \t]+((?:Subsystem|DeviceName|Flags|Kernel driver in use|Kernel modules|Capabilities|Control): ?|",
        r"(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] (?:[A-Z][A-Za-z]+ |3D |[0-9a-f]{4}: ))"
    ))
    .expect("a constant pattern")
});

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

fn parse(text: &str) -> Lspci {
    let mut all: Vec<Device> = Vec::new();
    let mut gap = false;
    let mut vendor = None;
    let text = JOINED.replace_all(text, "\n$1");
    for line in text.lines().map(str::trim) {
        if elided(line) {
            gap = true;
        } else if let Some(device) = headed(line) {
            all.push(device);
        } else if let Some((key, value)) = line.split_once(':') {
            let value = value.trim();
            // A record begins with its slot; only the first of the two is `Device:` without one.
            if key == "Slot" || (key == "Device" && is_slot(value)) {
                vendor = None;
                all.push(Device { slot: value.to_owned(), ..Device::default() });
            } else if let Some(device) = all.last_mut() {
                detail(key, value, device, &mut vendor);
            }
        }
    }
    concluded(&all, gap)
}

fn detail(key: &str, value: &str, device: &mut Device, vendor: &mut Option<String>) {
    let list = |text: &str| {
        text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    };
    match key {
        "Class" => device.gpu = is_gpu(value),
        "Vendor" => {
            *vendor = last_number(value);
            device.name = value.to_owned();
        }
        "Device" => {
            device.ids = vendor.as_ref().zip(last_number(value)).map(|(vendor, id)| format!("{vendor}:{id}"));
            device.name = format!("{} {value}", device.name).trim().to_owned();
        }
        "Rev" => device.off = value == "ff",
        "Kernel driver in use" | "Driver" => device.driver = Some(value.to_owned()),
        "Kernel modules" => device.modules = list(value),
        "Module" => device.modules.push(value.to_owned()),
        _ => {}
    }
}

/// `01:00.0 VGA compatible controller [0300]: Name [10de:1f06] (rev a1)`, or `01:00.0 0300: 10de:1f06`.
fn headed(line: &str) -> Option<Device> {
    let (slot, rest) = line.split_once(' ')?;
    if !is_slot(slot) {
        return None;
    }
    if rest.trim_start().starts_with('"') {
        return machine_readable(slot, rest);
    }
    let (class, name) = rest.split_once(": ").unwrap_or((rest, ""));
    let off = name.contains("(rev ff)");
    Some(Device {
        slot: slot.to_owned(),
        ids: ids(name),
        gpu: is_gpu(class),
        name: name.to_owned(),
        off,
        ..Device::default()
    })
}

/// `01:00.0` or `0000:01:00.0`.
fn is_slot(word: &str) -> bool {
    let Some((bus, function)) = word.rsplit_once('.') else { return false };
    let parts: Vec<&str> = bus.split(':').collect();
    let hex = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_hexdigit());
    (2..=3).contains(&parts.len())
        && parts.iter().all(hex)
        && parts.iter().rev().take(2).all(|part| part.len() == 2)
        && matches!(function.as_bytes(), [b'0'..=b'7'])
}

fn is_gpu(class: &str) -> bool {
    let class = class.trim();
    CLASSES.iter().any(|(name, number)| {
        class.starts_with(name) || class.starts_with(number) || class.contains(&format!("[{number}]"))
    })
}

/// `01:00.0 "VGA compatible controller [0300]" "Vendor [10de]" "Device [1f06]" -ra1 ...`, as `-mm` prints it.
fn machine_readable(slot: &str, rest: &str) -> Option<Device> {
    let mut quoted = rest.split('"').skip(1).step_by(2);
    let (class, vendor, device) = (quoted.next()?, quoted.next()?, quoted.next()?);
    let ids = last_number(vendor).zip(last_number(device)).map(|(vendor, id)| format!("{vendor}:{id}"));
    // With `-n` the fields are the numbers alone.
    let alone = |text: &str| text.len() == 4 && text.chars().all(|c| c.is_ascii_hexdigit());
    let ids = ids.or_else(|| (alone(vendor) && alone(device)).then(|| format!("{vendor}:{device}")));
    Some(Device {
        slot: slot.to_owned(),
        ids,
        gpu: is_gpu(class),
        name: format!("{vendor} {device}"),
        off: rest.contains("-rff"),
        ..Device::default()
    })
}

/// The last `vvvv:dddd` of a line, in brackets or alone.
fn ids(name: &str) -> Option<String> {
    let number = |text: &str| text.len() == 4 && text.chars().all(|c| c.is_ascii_hexdigit());
    let mut words = name.split(|c: char| !c.is_ascii_hexdigit() && c != ':');
    let pair = |word: &&str| word.split_once(':').is_some_and(|(vendor, id)| number(vendor) && number(id));
    words.rfind(pair).map(str::to_owned)
}

/// The number in the last brackets.
fn last_number(value: &str) -> Option<String> {
    let (_, number) = value.strip_suffix(']')?.rsplit_once('[')?;
    (number.len() == 4 && number.chars().all(|c| c.is_ascii_hexdigit())).then(|| number.to_owned())
}

fn concluded(all: &[Device], gap: bool) -> Lspci {
    let devices: Vec<Device> = all.iter().filter(|device| device.gpu).cloned().collect();
    let mut drivers_in_use: Vec<String> = Vec::new();
    for driver in devices.iter().filter_map(|device| device.driver.as_ref()) {
        if !drivers_in_use.contains(driver) {
            drivers_in_use.push(driver.clone());
        }
    }
    // Without `-k` nothing is said of drivers at all.
    let told = all.iter().any(|device| device.driver.is_some() || !device.modules.is_empty());
    let without = devices.iter().filter(|device| told && device.driver.is_none());
    Lspci {
        gpus: devices
            .iter()
            .map(|device| Gpu { slot: device.slot.clone(), ids: device.ids.clone() })
            .collect(),
        drivers_in_use,
        without_driver: without.map(|device| device.slot.clone()).collect(),
        devices,
        complete: (gap || all.is_empty()).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const LINES: &str = "00:02.0 VGA compatible controller [0300]: Example Graphics [8086:1234] (rev 09)
\tSubsystem: Example [17aa:5678]
\tKernel driver in use: i915
\tKernel modules: i915, other
00:1f.3 Audio device [0403]: Example Audio [8086:9999]
\tKernel driver in use: snd_hda_intel
0000:01:00.0 3D controller [0302]: Example Second [GeForce: 10] [10de:0df4] (rev ff)
\tKernel modules: nouveau
";

    #[test]
    fn gpus_are_told_with_their_drivers() {
        let seen = read(LINES);
        let gpus = json!([
            {"slot": "00:02.0", "ids": "8086:1234"}, {"slot": "0000:01:00.0", "ids": "10de:0df4"},
        ]);
        assert_eq!(seen.get("gpus"), Some(&gpus));
        assert_eq!(seen.get("drivers_in_use"), Some(&json!(["i915"])));
        assert_eq!(seen.get("without_driver"), Some(&json!(["0000:01:00.0"])));
        assert_eq!(seen.get("devices.1.off"), Some(&json!(true)));
        assert_eq!(seen.get("devices.0.modules"), Some(&json!(["i915", "other"])));
    }

    #[test]
    fn lines_without_indent_numbers_alone_and_records_are_read_alike() {
        let joined: String = LINES.lines().map(|line| format!("{} ", line.trim())).collect();
        assert_eq!(parse(&joined), parse(LINES));
        let flat: String = LINES.lines().map(|line| format!("{}\r\n", line.trim())).collect();
        assert_eq!(parse(&flat), parse(LINES));
        let numbers = parse("01:00.0 0300: 10de:1f06 (rev a1)\n");
        assert_eq!(numbers.gpus, [Gpu { slot: "01:00.0".to_owned(), ids: Some("10de:1f06".to_owned()) }]);
        let records = "Slot:\t01:00.0\nClass:\tVGA compatible controller [0300]\nVendor:\tExample [10de]\nDevice:\tThing [1f06]\nSDevice:\tOther [0405]\nDriver:\tnvidia\nModule:\tnvidia\n";
        let seen = parse(records);
        assert_eq!((seen.gpus, seen.drivers_in_use), (numbers.gpus.clone(), vec!["nvidia".to_owned()]));
        for line in [
            "01:00.0 \"VGA compatible controller [0300]\" \"Example [10de]\" \"Thing [1f06]\" -ra1 \"Other [1458]\" \"x [3fff]\"\n",
            "01:00.0 \"0300\" \"10de\" \"1f06\" -ra1 \"1458\" \"3fff\"\n",
        ] {
            assert_eq!(parse(line).gpus, numbers.gpus, "{line}");
        }
        let names = parse("01:00.0 VGA compatible controller: Example Corporation Thing\n");
        assert_eq!(names.gpus.first().map(|gpu| gpu.ids.clone()), Some(None));
    }

    #[test]
    fn where_nothing_is_said_of_drivers_no_gpu_lacks_one() {
        let seen = parse("01:00.0 VGA compatible controller [0300]: Example [10de:1f06]\n");
        assert!(seen.without_driver.is_empty() && seen.complete.is_none());
        assert_eq!(parse("lspci: command not found").complete, Some(false));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(?s).{0,200}", cut in 0usize..600) {
            prop_assert!(parse(&text).gpus.len() <= text.lines().count());
            let cut: String = LINES.chars().take(cut).collect();
            prop_assert!(parse(&cut).gpus.len() <= 2);
        }
    }
}
