//! `/proc/meminfo`: the machine's memory, as the kernel prints it.

use super::observation;
use crate::model::Observation;
use serde::Serialize;
use std::collections::BTreeMap;

/// The lines that everyone asks for, and all others under their own names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[expect(non_snake_case, reason = "the kernel's names are the fields' names")]
struct Meminfo {
    /// How many lines state a size.
    lines_with_kb: u64,
    MemTotal_kb: Option<u64>,
    MemFree_kb: Option<u64>,
    MemAvailable_kb: Option<u64>,
    SwapTotal_kb: Option<u64>,
    SwapFree_kb: Option<u64>,
    /// Every line with a size, in kB. A line that is there twice counts as it was printed first.
    sizes_kb: BTreeMap<String, u64>,
    /// Every line with a number alone: huge pages.
    counts: BTreeMap<String, u64>,
    /// Whether the first line that the kernel prints and the last ones are there: those of direct maps, which some
    /// architectures have. Nothing where it ends behind the last common line: others end there.
    complete: Option<bool>,
}

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

fn parse(text: &str) -> Meminfo {
    let mut seen = Meminfo::default();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let mut words = rest.split_whitespace();
        let (count, unit) = (words.next().and_then(|word| word.parse().ok()), words.next());
        let Some(count) = count else { continue };
        let name = name.trim().to_owned();
        if unit == Some("kB") {
            seen.lines_with_kb += 1;
            seen.sizes_kb.entry(name).or_insert(count);
        } else if unit.is_none() {
            seen.counts.entry(name).or_insert(count);
        }
    }
    let size = |name: &str| seen.sizes_kb.get(name).copied();
    seen.MemTotal_kb = size("MemTotal");
    seen.MemFree_kb = size("MemFree");
    seen.MemAvailable_kb = size("MemAvailable");
    seen.SwapTotal_kb = size("SwapTotal");
    seen.SwapFree_kb = size("SwapFree");
    let common = size("MemTotal").is_some() && size("VmallocChunk").or(size("Percpu")).is_some();
    let maps = seen.sizes_kb.keys().filter(|name| name.starts_with("DirectMap")).count();
    // The smallest pages come first, and at least one larger kind follows.
    seen.complete = match (common, maps) {
        (false, _) | (true, 1) => Some(false),
        (true, 0) => None,
        (true, _) => Some(true),
    };
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_that_is_not_there_has_no_value_and_sizes_are_counted() {
        let seen = parse("emTotal:  14 kB\nMemFree:  9 kB\nHugePages_Total:   3\nnoise\n\nSwapTotal: x kB\n");
        assert_eq!((seen.lines_with_kb, seen.MemTotal_kb, seen.MemFree_kb), (2, None, Some(9)));
        assert_eq!((seen.SwapTotal_kb, seen.counts.get("HugePages_Total")), (None, Some(&3)));
        assert_eq!(seen.complete, Some(false));
    }

    #[test]
    fn what_the_kernel_prints_now_is_complete() {
        let text = std::fs::read_to_string("/proc/meminfo").expect("this machine's memory");
        let seen = parse(&text);
        assert!(seen.complete != Some(false) && seen.MemTotal_kb.is_some_and(|total| total > 0), "{seen:?}");
    }

    #[test]
    fn a_list_that_breaks_off_is_told_where_its_end_is_known() {
        let common = "MemTotal: 9 kB\nCommitted_AS: 1 kB\nVmallocChunk: 0 kB\n";
        for (text, complete) in [
            ("MemTotal: 9 kB\nCommitted_AS: 1 kB\n".to_owned(), Some(false)),
            (common.to_owned(), None),
            (format!("{common}Hugepagesize: 2048 kB\n"), None),
            (format!("{common}DirectMap4k: 1 kB\n"), Some(false)),
            (format!("{common}DirectMap4k: 1 kB\nDirectMap2M: 1 kB\n"), Some(true)),
        ] {
            assert_eq!(parse(&text).complete, complete, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(Mem|:| |kB|[0-9]{0,25}|\n|.){0,60}") {
            let seen = parse(&text);
            prop_assert!(seen.lines_with_kb as usize <= text.lines().count());
        }
    }
}
