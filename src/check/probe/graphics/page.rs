//! A support page that a person saved to a file. It is of some machine at some time; what speaks against its being of this
//! one, since it was started and since the phase began, is told with it.

use super::understood;
use crate::check::ProbeError;
use crate::check::probe::{booted, read_text};
use crate::model::{Observation, Timestamp};
use crate::system::clock;
use nix::libc::O_NONBLOCK;
use regex::Regex;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read as _, Seek as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Bytes in which a page names its kernel: it begins with that.
const BEGINNING: u64 = 1 << 20;
/// Clocks of machines that share a folder differ, in milliseconds.
const APART: i64 = 60_000;

/// What the page says, how old it is, and why it may be of something else.
pub(super) fn page(
    root: &Path,
    reader: &str,
    file: &Path,
    phase: Option<Timestamp>,
    now: Timestamp,
) -> Result<Observation, ProbeError> {
    let unreadable = |why: std::io::Error| ProbeError::Unreadable {
        what: file.display().to_string(),
        why: why.kind().to_string(),
    };
    // Without waiting: it may be a pipe.
    let mut open = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(file).map_err(unreadable)?;
    let about = open.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(ProbeError::Malformed {
            what: file.display().to_string(),
            why: "it is no ordinary file".to_owned(),
        });
    }
    let saved = Timestamp(about.mtime().saturating_mul(1000));
    let theirs = kernel_of(&mut open).map_err(unreadable)?;
    let seen = understood(reader, &mut BufReader::new(open))?;
    let ours = read_text(&root.join("proc/sys/kernel/osrelease")).ok();
    let booted = Timestamp(now.0.saturating_sub_unsigned(booted::up(root, clock::up()).0));
    let mut outdated = against_time(saved, booted, phase, now);
    if let (Some(theirs), Some(ours)) = (theirs, ours.as_deref().map(str::trim))
        && theirs != ours
    {
        outdated.push(format!("the page tells of the kernel {theirs}, and {ours} runs here"));
    }
    Ok(seen.with("age_seconds", now.since(saved).0 / 1000).with("outdated", outdated))
}

/// Why a page that was saved then says nothing of now.
fn against_time(
    saved: Timestamp,
    booted: Timestamp,
    phase: Option<Timestamp>,
    now: Timestamp,
) -> Vec<String> {
    let ago = |at: Timestamp| format!("{} ago", now.since(at));
    let mut reasons = Vec::new();
    if saved.0.saturating_sub(now.0) > APART {
        reasons.push(format!("the page was saved at {saved}, which is yet to come"));
    }
    if saved < booted {
        reasons.push(format!(
            "the page was saved {}, before the start of the machine {}",
            ago(saved),
            ago(booted)
        ));
    }
    if let Some(phase) = phase.filter(|phase| saved < *phase) {
        reasons.push(format!("the page was saved {}, before the phase began {}", ago(saved), ago(phase)));
    }
    reasons
}

/// The kernel of the machine that the page tells of, where it names one: `Linux 6.12.1-amd64`, in any language.
fn kernel_of(file: &mut File) -> std::io::Result<Option<String>> {
    let mut text = Vec::new();
    file.take(BEGINNING).read_to_end(&mut text)?;
    file.rewind()?;
    let text = String::from_utf8_lossy(&text);
    let named = Regex::new(r#"\bLinux (\d+\.\d+[\w.+-]*)"#).ok();
    Ok(named.and_then(|named| Some(named.captures(&text)?.get(1)?.as_str().to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::library_tests::{judged, shipped};
    use crate::model::Outcome;
    use serde_json::json;

    #[test]
    fn a_page_is_read_with_its_age_and_what_is_no_file_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("support.txt");
        std::fs::write(&file, "H264 SWDEC HWDEC\n").expect("written");
        let saved = std::fs::metadata(&file).expect("there").mtime();
        let page =
            |reader: &str, file: &Path, now: i64| page(folder.path(), reader, file, None, Timestamp(now));
        let seen = page("firefox-support", &file, (saved + 90) * 1000).expect("seen");
        assert_eq!(seen.get("hardware_decodes"), Some(&json!(["H264"])));
        assert_eq!(seen.get("age_seconds"), Some(&json!(90)));
        assert!(page("chrome-gpu", folder.path(), 0).is_err());
        assert!(page("chrome-gpu", &folder.path().join("none"), 0).is_err());
    }

    #[test]
    fn a_page_of_another_time_or_machine_decides_nothing() {
        let now = Timestamp(1_000_000_000);
        let before = |seconds: i64| Timestamp(now.0 - seconds * 1000);
        for (saved, booted, phase, reasons) in [
            (before(60), before(3600), None, 0),
            (before(60), before(3600), Some(before(600)), 0),
            (before(7200), before(3600), None, 1),
            (before(1200), before(3600), Some(before(600)), 1),
            (before(7200), before(3600), Some(before(600)), 2),
            (before(-30), before(3600), None, 0),
            (before(-3600), before(3600), None, 1),
        ] {
            let said = against_time(saved, booted, phase, now);
            assert_eq!(said.len(), reasons, "{said:?}");
        }
        let said = against_time(before(7200), before(3600), None, now);
        assert_eq!(said, ["the page was saved 2h ago, before the start of the machine 1h ago"]);

        let folder = tempfile::tempdir().expect("a folder");
        let kernel = folder.path().join("proc/sys/kernel");
        std::fs::create_dir_all(&kernel).expect("a folder");
        std::fs::write(kernel.join("osrelease"), "6.12.1-amd64\n").expect("a file");
        let file = folder.path().join("support.txt");
        for (line, phase, outcome) in [
            ("OS\tLinux 6.12.1-amd64 #1 SMP\n", None, Outcome::Pass),
            ("", None, Outcome::Pass),
            ("User Agent\tMozilla/5.0 (X11; Linux x86_64)\n", None, Outcome::Pass),
            ("Syst\u{e8}me\tLinux 6.1.0-13-amd64 #1 SMP\n", None, Outcome::Inconclusive),
            ("", Some(90), Outcome::Pass),
            ("", Some(30), Outcome::Inconclusive),
        ] {
            std::fs::write(&file, format!("{line}H264\tSupported\tSupported\n")).expect("written");
            let saved = std::fs::metadata(&file).expect("there").mtime();
            let now = Timestamp((saved + 60) * 1000);
            let phase = phase.map(|ago| Timestamp(now.0 - ago * 1000));
            let seen = page(folder.path(), "firefox-support", &file, phase, now).expect("seen");
            let check = shipped("firefox-decodes-in-hardware", "file: /support.txt");
            assert_eq!(judged(&check, &seen, None), outcome, "{line} {seen:?}");
        }
    }
}
