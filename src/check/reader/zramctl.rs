//! `zramctl`: the table of compressed memory devices.

use super::observation;
use crate::model::Observation;
use serde::Serialize;
use std::collections::BTreeMap;

/// The columns of the table where the heading was left out (`--noheadings`).
const USUAL: [&str; 8] = ["NAME", "ALGORITHM", "DISKSIZE", "DATA", "COMPR", "TOTAL", "STREAMS", "MOUNTPOINT"];

/// One device. Sizes stay as printed: `32G`, or bytes where that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Device {
    name: String,
    algorithm: Option<String>,
    disksize: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Zramctl {
    devices: Vec<Device>,
    /// Every column of each device under its lower-case heading, by device.
    columns: BTreeMap<String, BTreeMap<String, String>>,
    /// Not without a heading or a device, nor where a device lacks its algorithm or size. The list has no end that could
    /// be missed, so that it is whole nobody can tell.
    complete: Option<bool>,
}

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

fn parse(text: &str) -> Zramctl {
    let mut seen = Zramctl::default();
    let mut headings: Vec<&str> = USUAL.to_vec();
    let mut headed = false;
    for line in text.lines() {
        // Markup makes code of each line, a reply quotes it, a comment marks it.
        let line = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '`' | '>' | '#' | '|'));
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.contains(&"NAME") {
            headings = words;
            headed = true;
            continue;
        }
        // The algorithm may be a list with the chosen one in brackets; then it is printed alone.
        let row: BTreeMap<&str, &str> = headings.iter().copied().zip(words).collect();
        let Some(name) = row.get("NAME").filter(|name| is_device(name)) else { continue };
        let cell = |heading: &str| row.get(heading).map(|word| (*word).to_owned());
        seen.devices.push(Device {
            name: (*name).to_owned(),
            algorithm: cell("ALGORITHM"),
            disksize: cell("DISKSIZE"),
        });
        let rest = row.iter().filter(|(heading, _)| **heading != "NAME");
        let rest = rest.map(|(heading, word)| (heading.to_lowercase(), (*word).to_owned())).collect();
        seen.columns.insert((*name).to_owned(), rest);
    }
    let whole = |device: &Device| {
        !headed || seen.columns.get(&device.name).is_some_and(|row| row.len() + 2 >= headings.len())
    };
    let well = (headed || !seen.devices.is_empty()) && seen.devices.iter().all(whole);
    seen.complete = (!well).then_some(false);
    seen
}

/// `/dev/zram0`, or `zram0`.
fn is_device(name: &str) -> bool {
    let number = name.strip_prefix("/dev/").unwrap_or(name).strip_prefix("zram");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_device_is_read_by_the_heading_whatever_the_order_of_the_columns() {
        for text in [
            "NAME ALGORITHM DISKSIZE DATA COMPR TOTAL STREAMS MOUNTPOINT\n/dev/zram0 zstd 32G 1G 2M 3M 16 [SWAP]\n",
            "warning\nNAME DISKSIZE ALGORITHM\n/dev/zram0 32G zstd\n$ \n",
            "/dev/zram0 zstd 32G 1G\n",
        ] {
            let expected = json!([{"name": "/dev/zram0", "algorithm": "zstd", "disksize": "32G"}]);
            assert_eq!(read(text).get("devices"), Some(&expected), "{text}");
        }
    }

    #[test]
    fn no_device_is_an_empty_list_and_what_is_no_device_is_none() {
        for text in
            ["", "zramctl: no free zram device found\n", "NAME ALGORITHM\n/dev/sda lzo\n/dev/zram x\n"]
        {
            assert_eq!(read(text).get("devices"), Some(&json!([])), "{text}");
        }
    }

    #[test]
    fn a_row_that_breaks_off_is_told_and_that_no_row_is_missing_is_not() {
        let heading = "NAME ALGORITHM DISKSIZE DATA COMPR TOTAL STREAMS MOUNTPOINT\n";
        for (row, complete) in [
            ("/dev/zram0 zstd 32G 1G 2M 3M 16 [SWAP]\n", json!(null)),
            ("/dev/zram0 zstd 32G\n", json!(false)),
        ] {
            assert_eq!(read(&format!("{heading}{row}")).get("complete"), Some(&complete), "{row}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(/dev/zram|NAME|[0-9]|[A-Z]| |\n|.){0,80}") {
            prop_assert!(parse(&text).devices.len() <= text.lines().count());
        }
    }
}
