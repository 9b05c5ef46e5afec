//! `cpu`: the processors, how they are clocked, and how much waits for them.

use super::memory::pressure;
use super::read_text;
use crate::check::ProbeError;
use crate::check::reader::{Identity, cpuinfo};
use crate::model::Observation;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The processors below this root.
pub(super) fn read(root: &Path) -> Result<Observation, ProbeError> {
    let listing = read_text(&root.join("proc/cpuinfo"))?;
    let told = cpuinfo::parse(&listing);
    let march = Identity::first(&listing, &told.flags).march();
    let folder = root.join("sys/devices/system/cpu");
    let count = text(&folder.join("online")).and_then(|online| listed(&online)).unwrap_or(told.processors);
    let mut seen = Observation::new().with("count", count).with("flags", told.flags).with("bugs", told.bugs);
    let mut put = |field: &str, value: Option<crate::model::Value>| {
        if let Some(value) = value {
            seen.0.insert(field.to_owned(), value);
        }
    };
    put("march", march.map(Into::into));
    put("model", told.model_names.into_iter().next().map(Into::into));
    put("vendor", told.vendor_id.or(told.cpu_implementer).map(Into::into));
    put("cores", told.cores.map(Into::into));
    put("microcode", told.microcode.map(Into::into));
    let vulnerable = vulnerable(&folder.join("vulnerabilities"));
    put("vulnerable", vulnerable.map(Into::into));

    let policies = policies(&folder);
    let of = |policy: &Path, file: &str| text(&policy.join(file));
    let governors: BTreeSet<String> =
        policies.iter().filter_map(|policy| of(policy, "scaling_governor")).collect();
    let first = |file: &str| policies.iter().find_map(|policy| of(policy, file));
    put("governor", first("scaling_governor").map(Into::into));
    if !governors.is_empty() {
        put("governors", Some(governors.into_iter().collect::<Vec<_>>().into()));
    }
    put("driver", first("scaling_driver").map(Into::into));
    put("energy_preference", first("energy_performance_preference").map(Into::into));
    let megahertz = |file: &str| {
        let all = policies.iter().filter_map(|policy| of(policy, file)?.parse::<u64>().ok());
        all.max().map(|kilohertz| kilohertz / 1000)
    };
    put("frequency_mhz", megahertz("scaling_cur_freq").map(Into::into));
    put("frequency_max_mhz", megahertz("scaling_max_freq").map(Into::into));
    let boost = text(&folder.join("cpufreq/boost")).map(|flag| flag == "1");
    let turbo = || text(&folder.join("intel_pstate/no_turbo")).map(|flag| flag == "0");
    put("boost", boost.or_else(turbo).map(Into::into));

    if let Some(loads) = text(&root.join("proc/loadavg")) {
        for (field, load) in ["load1", "load5", "load15"].iter().zip(loads.split_whitespace()) {
            put(field, load.parse::<f64>().ok().map(Into::into));
        }
    }
    put("pressure_some_avg10", pressure(root, "cpu", "some").map(Into::into));
    Ok(seen)
}

fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// How many numbers `0-3,5` names.
fn listed(ranges: &str) -> Option<u64> {
    ranges.split(',').try_fold(0_u64, |sum, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// One folder for each group of processors that is clocked together.
fn policies(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder.join("cpufreq")).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("policy"));
    let mut all: Vec<_> = named.map(|entry| entry.path()).collect();
    all.sort();
    all
}

/// The flaws that nothing is done about; nothing where the kernel does not tell.
fn vulnerable(folder: &Path) -> Option<Vec<String>> {
    let mut all: Vec<String> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter(|entry| text(&entry.path()).is_some_and(|state| state.starts_with("Vulnerable")))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    all.sort();
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, format!("{text}\n")).expect("a file");
    }

    #[test]
    fn processors_tell_model_governor_frequency_and_load() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let cpuinfo = "processor : 0\nvendor_id : V\nmodel name : M\nmicrocode : 0x33\nflags : fpu avx2\n";
        for (path, text) in [
            ("proc/cpuinfo", cpuinfo),
            ("proc/loadavg", "0.50 1.25 2.00 1/100 7"),
            ("proc/pressure/cpu", "some avg10=3.50 avg60=0 avg300=0 total=1"),
            ("sys/devices/system/cpu/online", "0-3,6"),
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "powersave"),
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_driver", "amd-pstate-epp"),
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "2400000"),
            ("sys/devices/system/cpu/cpufreq/policy1/scaling_governor", "performance"),
            ("sys/devices/system/cpu/cpufreq/policy1/scaling_cur_freq", "4100000"),
            ("sys/devices/system/cpu/cpufreq/boost", "1"),
            ("sys/devices/system/cpu/vulnerabilities/mds", "Not affected"),
            ("sys/devices/system/cpu/vulnerabilities/spectre_v2", "Vulnerable, IBPB: disabled"),
        ] {
            file(root, path, text);
        }
        let seen = read(root).expect("seen");
        for (field, value) in [
            ("count", json!(5)),
            ("model", json!("M")),
            ("vendor", json!("V")),
            ("microcode", json!("0x33")),
            ("flags", json!(["fpu", "avx2"])),
            ("governor", json!("powersave")),
            ("governors", json!(["performance", "powersave"])),
            ("driver", json!("amd-pstate-epp")),
            ("frequency_mhz", json!(4100)),
            ("boost", json!(true)),
            ("vulnerable", json!(["spectre_v2"])),
            ("load5", json!(1.25)),
            ("pressure_some_avg10", json!(3.5)),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
        assert_eq!((seen.get("cores"), seen.get("energy_preference")), (None, None));
    }

    #[test]
    fn a_processor_that_gcc_knows_has_its_name_and_another_has_none() {
        for (model, march) in [(94, Some(json!("skylake"))), (254, None)] {
            let folder = tempfile::tempdir().expect("a folder");
            let text = format!("processor : 0\nvendor_id : GenuineIntel\ncpu family : 6\nmodel : {model}\n");
            file(folder.path(), "proc/cpuinfo", &text);
            assert_eq!(read(folder.path()).expect("seen").get("march"), march.as_ref(), "{model}");
        }
    }

    #[test]
    fn this_machine_has_a_processor() {
        let seen = read(Path::new("/")).expect("seen");
        assert!(
            seen.get("count").and_then(serde_json::Value::as_u64).is_some_and(|count| count > 0),
            "{seen:?}"
        );
    }

    #[test]
    fn a_list_of_ranges_is_counted() {
        for (text, count) in [("0", Some(1)), ("0-7", Some(8)), ("0,2-3", Some(3)), ("", None), ("3-1", None)]
        {
            assert_eq!(listed(text), count, "{text}");
        }
    }
}
