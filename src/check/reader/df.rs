//! `df` in any of its forms, and `findmnt --df`: how full file systems are. The columns are known by what is in them, since
//! headings differ by language: a share in percent, and behind it the place where the file system is mounted.

use super::observation;
use crate::model::{Observation, Value};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where the EFI system partition is mounted and nothing else is.
const ESP: [&str; 4] = ["/efi", "/boot/efi", "/boot/EFI", "/esp"];

/// What was read. `root`, `store` and `esp` are named as by the probe `disk`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
struct Df {
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<FileSystem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<FileSystem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    esp: Option<FileSystem>,
    /// The one of these three that is fullest.
    #[serde(skip_serializing_if = "Option::is_none")]
    fullest: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fullest_ratio: Option<f64>,
    /// All that are listed.
    file_systems: Vec<FileSystem>,
    /// There is one, and every line was understood.
    complete: bool,
}

/// One line, or two where inodes were asked for as well.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
struct FileSystem {
    mount_point: String,
    source: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(flatten)]
    numbers: BTreeMap<&'static str, Value>,
}

/// What the numbers below a heading are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heading {
    /// Bytes in one.
    unit: u64,
    inodes: bool,
}

/// A row, as it is understood.
#[derive(Debug, PartialEq)]
struct Row<'a> {
    source: String,
    kind: Option<&'a str>,
    mount_point: String,
    size: Option<f64>,
    used: Option<f64>,
    available: Option<f64>,
}

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

fn parse(text: &str) -> Df {
    let mut df = Df { complete: true, ..Df::default() };
    let mut heading = None;
    // A long name stands on a line of its own.
    let mut name = "";
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let joined = format!("{name} {line}");
        if let Some(row) = heading.and_then(|heading| row(&joined, heading)) {
            let inodes = heading.is_some_and(|heading| heading.inodes);
            put(&mut df.file_systems, row, inodes);
            name = "";
        } else if let Some(found) = heading_of(line) {
            heading = Some(found);
            name = "";
        } else {
            df.complete &= name.is_empty() && line.split_whitespace().count() == 1;
            name = line;
        }
    }
    df.complete &= name.is_empty() && !df.file_systems.is_empty();
    let at = |point: &str| df.file_systems.iter().find(|one| one.mount_point == point).cloned();
    let root = at("/");
    let store = at("/nix/store").or_else(|| at("/nix"));
    let fat = |one: &FileSystem| matches!(one.kind.as_deref(), Some("vfat" | "msdos" | "exfat"));
    let esp = ESP.iter().find_map(|point| at(point)).or_else(|| at("/boot").filter(fat));
    for (name, one) in [("root", &root), ("store", &store), ("esp", &esp)] {
        let ratio = one.as_ref().and_then(|one| one.numbers.get("used_ratio")?.as_f64());
        if ratio > df.fullest_ratio {
            (df.fullest, df.fullest_ratio) = (Some(name), ratio);
        }
    }
    Df { root, store, esp, ..df }
}

/// The words above the numbers: no number stands alone in them, and one tells of a share.
fn heading_of(line: &str) -> Option<Heading> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_number = |word: &&str| word.chars().all(|c| c.is_ascii_digit());
    let share = words.iter().any(|word| word.ends_with('%') || *word == "Capacity");
    if words.len() < 6
        || !share
        || words.iter().any(is_number)
        || words.iter().any(|word| word.starts_with('/'))
    {
        return None;
    }
    let unit = words.iter().find_map(|word| unit_of(word)).unwrap_or(1);
    let lower = line.to_lowercase();
    let inodes = ["inode", "inœud", "nodos-i", "i-node"].iter().any(|name| lower.contains(name));
    Some(Heading { unit, inodes })
}

/// `1K-blocks`, `1024-blocks`, `1B-Blöcke`, `512-blocks`.
fn unit_of(word: &str) -> Option<u64> {
    let (size, _) = word.split_once('-')?;
    let end = size.find(|c: char| !c.is_ascii_digit()).unwrap_or(size.len());
    let (count, unit) = (size.get(..end)?, size.get(end..)?);
    let scale: u64 = match unit {
        "" | "B" => 1,
        "K" | "k" => 1 << 10,
        "kB" | "KB" => 1000,
        "M" => 1 << 20,
        "MB" => 1_000_000,
        "G" => 1 << 30,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(scale)
}

fn row(line: &str, heading: Heading) -> Option<Row<'_>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_share = |word: &str| {
        word == "-"
            || word.strip_suffix('%').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let at = (4..words.len().saturating_sub(1)).find(|at| {
        words.get(*at).is_some_and(|word| is_share(word))
            && words.get(at + 1).is_some_and(|word| word.starts_with('/'))
    })?;
    let cells = words.get(at - 3..at)?;
    let [size, used, available] = cells else { return None };
    let cell = |word: &str| if word == "-" { Some(None) } else { number(word, heading).map(Some) };
    let (size, used, available) = (cell(size)?, cell(used)?, cell(available)?);
    let (source, kind) = match words.get(..at - 3)? {
        [source, kind] => ((*source).to_owned(), Some(*kind)),
        // Of a share on the network the name may have blanks.
        source => (source.join(" "), None),
    };
    let mount_point = words.get(at + 1..)?.join(" ");
    Some(Row { source, kind, mount_point, size, used, available })
}

/// `1234`, `58G`, `1.5T`, in French `1,5T`; in bytes, or inodes.
fn number(word: &str, heading: Heading) -> Option<f64> {
    let end = word.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(word.len());
    let (digits, suffix) = (word.get(..end)?, word.get(end..)?);
    let number: f64 = digits.replace(',', ".").parse().ok()?;
    let scale: f64 = match suffix.trim_end_matches('B').trim_end_matches('i') {
        #[expect(clippy::cast_precision_loss, reason = "the size of a block")]
        "" if suffix.is_empty() => heading.unit as f64,
        "" => 1.0,
        "K" | "k" => 1024.0,
        "M" => 1024.0_f64.powi(2),
        "G" => 1024.0_f64.powi(3),
        "T" => 1024.0_f64.powi(4),
        "P" => 1024.0_f64.powi(5),
        "E" => 1024.0_f64.powi(6),
        _ => return None,
    };
    Some(number * scale)
}

fn put(all: &mut Vec<FileSystem>, row: Row<'_>, inodes: bool) {
    let known = all.iter_mut().position(|one| one.mount_point == row.mount_point);
    let known = known.unwrap_or_else(|| {
        all.push(FileSystem { mount_point: row.mount_point.clone(), ..FileSystem::default() });
        all.len() - 1
    });
    let Some(one) = all.get_mut(known) else { return };
    one.source = row.source;
    one.kind = row.kind.map(str::to_owned).or_else(|| one.kind.take());
    let mut put = |name: &'static str, value: Option<f64>| {
        if let Some(value) = value.and_then(whole) {
            one.numbers.insert(name, Value::from(value));
        }
    };
    let share =
        |part: Option<f64>, of: Option<f64>| Some(part? / of?).filter(|share| (0.0..=1.0).contains(share));
    if inodes {
        put("inodes", row.size);
        put("inodes_free", row.available);
        let free = share(row.available, row.size);
        one.numbers.extend(free.map(|free| ("inodes_free_ratio", Value::from(free))));
        return;
    }
    put("size", row.size);
    put("used", row.used);
    put("available", row.available);
    // What a user may not take is no room: used of used and available, as `df` counts.
    let counted = row.used.zip(row.available).map(|(used, available)| used + available);
    for (name, part) in [("used_ratio", row.used), ("available_ratio", row.available)] {
        one.numbers.extend(share(part, counted).map(|share| (name, Value::from(share))));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size that was printed")]
fn whole(number: f64) -> Option<u64> {
    (0.0..1.8e19).contains(&number).then_some(number.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_form_of_df_is_read_in_bytes() {
        for (text, size, kind) in [
            (
                "Filesystem     1K-blocks     Used Available Use% Mounted on\n/dev/sda2  1000  600 200  75% /\n",
                1_024_000,
                None,
            ),
            (
                "Filesystem     1024-blocks Used Available Capacity Mounted on\n/dev/sda2  1000  600 200  75% /\n",
                1_024_000,
                None,
            ),
            (
                "Filesystem     Type   1B-blocks Used Available Use% Mounted on\n/dev/sda2 ext4 1000 600 200 75% /\n",
                1000,
                Some("ext4"),
            ),
            (
                "Filesystem     Type  Size  Used Avail Use% Mounted on\n/dev/sda2 ext4 100G 60G 20G 75% /\n",
                100_u64 << 30,
                Some("ext4"),
            ),
            (
                "SOURCE   FSTYPE  SIZE USED AVAIL USE% TARGET\n/dev/sda2 btrfs 1.5T 60G 20G 75% /\n",
                3_u64 << 39,
                Some("btrfs"),
            ),
            (
                "Dateisystem Gr\u{f6}\u{df}e Benutzt Verf. Verw% Eingeh\u{e4}ngt auf\n/dev/sda2 1,5T 60G 20G 75% /\n",
                3_u64 << 39,
                None,
            ),
            (
                "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/mapper/a-name-that-is-long\n     1000  600 200  75% /\n",
                1_024_000,
                None,
            ),
        ] {
            let seen = read(text);
            assert_eq!(seen.get("root.size"), Some(&json!(size)), "{text}");
            assert_eq!(seen.get("root.used_ratio"), Some(&json!(0.75)), "{text}");
            assert_eq!(seen.get("root.type"), kind.map(|kind| json!(kind)).as_ref(), "{text}");
            assert_eq!(
                (seen.get("fullest"), seen.get("complete")),
                (Some(&json!("root")), Some(&json!(true))),
                "{text}"
            );
        }
    }

    #[test]
    fn the_three_that_a_machine_cannot_do_without_are_named_and_inodes_join_them() {
        let text = "Filesystem     Type  Size  Used Avail Use% Mounted on\n\
                    /dev/sda2 ext4 100G 60G 20G 75% /\n/dev/sda1 vfat 500M 475M 25M 95% /boot\n\
                    tmpfs tmpfs 1G 0 1G 0% /run\nzroot zfs 1G 0 1G 0% /nix\n//nas/my share cifs 1G 0 1G 0% /mnt/a b\n\
                    proc proc 0 0 0 - /proc\n\n\
                    Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/sda2 1000 900 100 90% /\n";
        let seen = read(text);
        for (field, value) in [
            ("root.inodes_free", json!(100)),
            ("root.inodes_free_ratio", json!(0.1)),
            ("root.size", json!(100_u64 << 30)),
            ("esp.mount_point", json!("/boot")),
            ("store.source", json!("zroot")),
            ("fullest", json!("esp")),
            ("fullest_ratio", json!(0.95)),
            ("file_systems.4.mount_point", json!("/mnt/a b")),
            ("complete", json!(true)),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
        // A `/boot` of its own is no EFI partition.
        let seen =
            read("Filesystem Type Size Used Avail Use% Mounted on\n/dev/sda1 ext4 500M 475M 25M 95% /boot\n");
        assert_eq!(seen.get("esp"), None);
    }

    #[test]
    fn what_is_not_understood_is_not_whole() {
        let head = "Filesystem     1K-blocks     Used Available Use% Mounted on\n";
        for text in [
            "what is this\n".to_owned(),
            head.to_owned(),
            format!("{head}df: /mnt/x: Transport endpoint is not connected\n/dev/sda2 1000 600 200 75% /\n"),
            format!("{head}/dev/sda2 1000 600 200 75% /\n/dev/sda1 1000 60\n"),
            format!("{head}/dev/sda2 1000 600 200 75% /\n/dev/sda1\n"),
        ] {
            assert_eq!(read(&text).get("complete"), Some(&json!(false)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_table_is_read_without_a_panic_and_its_shares_are_shares(
            rows in proptest::collection::vec("(/dev/[a-z]{1,9}|//nas/a b|-)( ext4| vfat)? ([0-9]{1,20}[KMGTPE]?|-) ([0-9]{1,20}|9,9T|-) ([0-9]{1,20}|-) ([0-9]{1,3}%|-) /[a-z /]{0,9}", 0..9),
            heading in "(Filesystem|Dateisystem) (Type )?(1K-blocks|Size|Inodes|99999999999999999999-blocks) Used Avail (Use%|Capacity) Mounted on",
            cut in 0_usize..400,
        ) {
            let text = format!("{heading}\n{}\n", rows.join("\n"));
            let whole = read(&text);
            for one in whole.get("file_systems").and_then(Value::as_array).into_iter().flatten() {
                for share in ["used_ratio", "available_ratio", "inodes_free_ratio"] {
                    let share = one.get(share).and_then(Value::as_f64).unwrap_or(0.0);
                    prop_assert!((0.0..=1.0).contains(&share), "{one}");
                }
            }
            read(text.get(..cut).unwrap_or(&text));
        }
    }
}
