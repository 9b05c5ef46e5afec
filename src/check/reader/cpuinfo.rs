//! `/proc/cpuinfo`, which every architecture writes in its own way.

use super::elided::elided;
use super::observation;
use crate::model::Observation;
use serde::Serialize;
use std::collections::BTreeSet;

/// Where an architecture keeps the name of its processors, the best source first: the first that is there is taken.
const NAMES: [&str; 7] = ["model name", "Model Name", "Processor", "cpu model", "cpu", "uarch", "Model"];
/// How many distinct names are kept; no machine has more.
const KEPT: usize = 64;

/// The processors.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(in crate::check) struct Cpuinfo {
    /// How many are listed.
    pub(in crate::check) processors: u64,
    /// The vendor of the first.
    pub(in crate::check) vendor_id: Option<String>,
    /// Their names, each once, in the order in which they come.
    pub(in crate::check) model_names: Vec<String>,
    /// The implementer of the first, where it is ARM.
    pub(in crate::check) cpu_implementer: Option<String>,
    /// The revision of the first one's microcode, as printed.
    pub(in crate::check) microcode: Option<String>,
    /// Distinct pairs of package and core, where the kernel tells them.
    pub(in crate::check) cores: Option<u64>,
    /// Features of the first.
    pub(in crate::check) flags: Vec<String>,
    /// Known flaws of the first.
    pub(in crate::check) bugs: Vec<String>,
    /// There is a processor, nothing is left out, and the last one's lines end as they do: with an empty line, with the
    /// last line of x86, or with as many as the first one's.
    pub(in crate::check) complete: bool,
}

/// The lines of the processor that is read.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    lines: usize,
    /// How many lines the first processor has, where another follows it.
    first: Option<usize>,
    ended: bool,
}

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

/// What is listed.
pub(in crate::check) fn parse(text: &str) -> Cpuinfo {
    let mut seen = Cpuinfo::default();
    let mut names: [Vec<String>; NAMES.len()] = Default::default();
    let mut cores: BTreeSet<(String, String)> = BTreeSet::new();
    let mut package = String::new();
    let mut last = Record::default();
    let mut announced = None;
    for line in text.lines() {
        last.ended |= line.trim().is_empty() && last.lines > 0;
        let Some((key, value)) = line.split_once(':') else { continue };
        let (key, value) = (key.trim(), value.trim());
        if key == "# processors" {
            announced = value.parse::<u64>().ok();
        }
        // s390 has the number in the key: `processor 0: version = FF, ...`.
        let number = if key == "processor" { value } else { key.strip_prefix("processor ").unwrap_or("") };
        if !number.is_empty() && number.trim().bytes().all(|byte| byte.is_ascii_digit()) {
            if seen.processors > 0 {
                last.first = last.first.or(Some(last.lines));
            }
            last = Record { lines: 1, ended: false, ..last };
            seen.processors += 1;
            continue;
        }
        last.lines += usize::from(!last.ended);
        last.ended |= key == "power management";
        if let Some((_, found)) = NAMES.iter().zip(&mut names).find(|(name, _)| **name == key)
            && !value.is_empty()
            && found.len() < KEPT
            && !found.iter().any(|known| known == value)
        {
            found.push(value.to_owned());
        }
        let words = || value.split_whitespace().map(str::to_owned).collect();
        match key {
            "vendor_id" => keep(&mut seen.vendor_id, value),
            "CPU implementer" => keep(&mut seen.cpu_implementer, value),
            "microcode" => keep(&mut seen.microcode, value),
            "flags" | "Features" | "isa" if seen.flags.is_empty() => seen.flags = words(),
            "bugs" if seen.bugs.is_empty() => seen.bugs = words(),
            "physical id" => value.clone_into(&mut package),
            "core id" => {
                cores.insert((package.clone(), value.to_owned()));
            }
            _ => {}
        }
    }
    let whole = last.ended
        || last.first.is_some_and(|first| last.lines >= first)
        || announced.is_some_and(|announced| announced == seen.processors);
    seen.complete = seen.processors > 0 && whole && !text.lines().any(elided);
    seen.model_names = names.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    seen.cores = u64::try_from(cores.len()).ok().filter(|count| *count > 0);
    seen
}

fn keep(first: &mut Option<String>, value: &str) {
    if first.is_none() && !value.is_empty() {
        *first = Some(value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_that_breaks_off_within_a_processor_is_not_whole() {
        let one = "processor\t: 0\nvendor_id\t: V\nmodel name\t: A\nflags\t\t: a b\n";
        let x86 = format!("{one}power management:\n");
        for (text, complete) in [
            (format!("{x86}\n"), true),
            (x86.clone(), true),
            (format!("{x86}{x86}"), true),
            (format!("{one}\n"), true),
            (one.to_owned(), false),
            (format!("{x86}\n{one}"), false),
            (format!("{x86}\nprocessor\t: 1\n"), false),
            // Without the empty lines, as a forum leaves them.
            (format!("{one}{one}"), true),
            (format!("{one}processor\t: 1\nvendor_id\t: V\n"), false),
            ("model name\t: A\n".to_owned(), false),
            ("vendor_id : IBM/S390\n# processors : 2\nprocessor 0: version = FF\nprocessor 1: version = FF\n".to_owned(), true),
            ("processor : 0\nmodel name : ARMv7 rev 3\n\nHardware : B\nModel : Board\n".to_owned(), true),
        ] {
            assert_eq!(parse(&text).complete, complete, "{text}");
        }
    }

    #[test]
    fn each_architecture_names_its_processors_in_its_own_way() {
        for (text, processors, vendor, names) in [
            (
                "processor\t: 0\nvendor_id\t: V\nmodel\t\t: 94\nmodel name\t: A\n\nprocessor\t: 1\nmodel name\t: A\n",
                2,
                Some("V"),
                vec!["A"],
            ),
            ("model name\t: A\n", 0, None, vec!["A"]),
            (
                "processor : 0\nmodel name : ARMv7 rev 3\nHardware : B\nModel : Board\n",
                1,
                None,
                vec!["ARMv7 rev 3"],
            ),
            ("processor : 0\nBogoMIPS : 1\nModel : Board\n", 1, None, vec!["Board"]),
            ("Processor : ARMv6 rev 7\nBogoMIPS : 1\n", 0, None, vec!["ARMv6 rev 7"]),
            ("processor\t: 0\ncpu\t\t: POWER9, altivec\nmodel\t\t: 8335\n", 1, None, vec!["POWER9, altivec"]),
            (
                "vendor_id       : IBM/S390\n# processors    : 2\nprocessor 0: version = FF\nprocessor 1: version = FF\n",
                2,
                Some("IBM/S390"),
                vec![],
            ),
            (
                "processor : 0\nCPU Family : Loongson-64bit\nModel Name : Loongson-3A6000-HV\n",
                1,
                None,
                vec!["Loongson-3A6000-HV"],
            ),
            ("no such file\n", 0, None, vec![]),
        ] {
            let seen = parse(text);
            assert_eq!(
                (
                    seen.processors,
                    seen.vendor_id.as_deref(),
                    seen.model_names.iter().map(String::as_str).collect()
                ),
                (processors, vendor, names),
                "{text}"
            );
        }
    }

    #[test]
    fn cores_are_counted_once_for_each_package() {
        let one =
            |package: u8, core: u8| format!("processor : 0\nphysical id : {package}\ncore id : {core}\n\n");
        let text = [one(0, 0), one(0, 1), one(0, 0), one(1, 0)].concat();
        assert_eq!(parse(&text).cores, Some(3));
        assert_eq!(parse("processor : 0\n").cores, None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(processor|model name|core id|:|\t| |[0-9]|\n|.){0,80}") {
            prop_assert!(parse(&text).processors as usize <= text.lines().count());
        }
    }
}
