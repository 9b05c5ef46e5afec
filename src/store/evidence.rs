//! Evidence: outputs of steps and probes, kept for people. Without secrets, sanitised, bounded, never needed to go back.

use super::{Redactor, StoreError};
use crate::model::counted;
use crate::system::files;
use crate::system::sanitise::sanitise;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// One piece of evidence holds at most so many bytes; its beginning and its end are kept.
const LONGEST: usize = 1024 * 1024;
/// All evidence of a capsule.
const MOST: u64 = 64 * 1024 * 1024;
/// A name is at most so long.
const LONGEST_NAME: usize = 120;

pub(super) fn keep(
    folder: &Path,
    used: &Cell<Option<u64>>,
    redactor: &Redactor,
    name: &str,
    bytes: &[u8],
) -> Result<String, StoreError> {
    // Before it is cut: of a secret that is cut in two, neither half is known.
    let whole = String::from_utf8_lossy(bytes);
    let clean = redactor.clean(&whole);
    let text = bounded(clean.as_bytes());
    let text = sanitise(&text);
    let before = match used.get() {
        Some(bytes) => bytes,
        None => count(folder)?,
    };
    let total = before.saturating_add(text.len() as u64);
    if total > MOST {
        return Err(StoreError::EvidenceFull { name: safe_name(name), bytes: total, limit: MOST });
    }
    let (name, mut file) = create(folder, &safe_name(name))?;
    let path = folder.join(&name);
    file.write_all(text.as_bytes()).map_err(|why| {
        // Half a piece of evidence may say the opposite of the whole.
        let _ = fs::remove_file(&path);
        StoreError::io("write", &path)(why)
    })?;
    used.set(Some(total));
    Ok(name)
}

/// A new file for a piece of evidence that grows, where there is room for so many bytes of it now.
pub(super) fn begin(
    folder: &Path,
    used: &Cell<Option<u64>>,
    name: &str,
    length: usize,
) -> Result<(PathBuf, fs::File), StoreError> {
    let before = match used.get() {
        Some(bytes) => bytes,
        None => count(folder)?,
    };
    // It is not counted: it is small, and gone when the step ends.
    let total = before.saturating_add(length as u64);
    if total > MOST {
        return Err(StoreError::EvidenceFull { name: safe_name(name), bytes: total, limit: MOST });
    }
    let (name, file) = create(folder, &safe_name(name))?;
    Ok((folder.join(name), file))
}

/// The beginning and the end of a file that may be of any length, in whole lines.
pub(super) fn ends(path: &Path) -> Result<String, StoreError> {
    let mut file = files::open_plain(path).map_err(StoreError::io("open", path))?;
    let io = |why| StoreError::io("read", path)(why);
    let length = file.metadata().map_err(io)?.len();
    let half = LONGEST as u64 / 2;
    let mut head = Vec::new();
    if length <= 2 * half {
        file.take(2 * half).read_to_end(&mut head).map_err(io)?;
        return Ok(String::from_utf8_lossy(&head).into_owned());
    }
    (&mut file).take(half).read_to_end(&mut head).map_err(io)?;
    let mut tail = Vec::new();
    file.seek(io::SeekFrom::Start(length - half)).map_err(io)?;
    file.take(half).read_to_end(&mut tail).map_err(io)?;
    let (head, tail) = (String::from_utf8_lossy(&head), String::from_utf8_lossy(&tail));
    // Of a line that is cut, what is left may be half a secret.
    let head = head.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let tail = tail.split_once('\n').map_or("", |(_, whole)| whole);
    Ok(format!("{head}\n[... {} left out ...]\n{tail}", counted(length - 2 * half, "byte")))
}

pub(super) fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

pub(super) fn read(folder: &Path, name: &str) -> Result<String, StoreError> {
    let path = folder.join(name);
    // A name that is its own safe form cannot leave the folder.
    if safe_name(name) != name || !path.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
        return Err(StoreError::NoEvidence(name.to_owned()));
    }
    // Sanitising makes text longer, at most eightfold.
    let bytes = files::read_bounded(&path, 8 * LONGEST as u64 + 1024)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The name without the number that a later attempt has behind it, and that number.
pub(super) fn first_name(name: &str) -> (&str, u32) {
    let numbered = name.rsplit_once('.').and_then(|(first, at)| Some((first, at.parse().ok()?)));
    numbered.unwrap_or((name, 1))
}

/// Of the names that begin with this stem, the newest of each.
pub(super) fn newest(names: &[String], stem: &str) -> Vec<String> {
    let stem = format!("{}.", safe_name(stem));
    let mut newest: BTreeMap<&str, (u32, &String)> = BTreeMap::new();
    for name in names.iter().filter(|name| name.starts_with(&stem)) {
        let (first, attempt) = first_name(name);
        if newest.get(first).is_none_or(|(known, _)| *known < attempt) {
            newest.insert(first, (attempt, name));
        }
    }
    newest.into_values().map(|(_, name)| name.clone()).collect()
}

fn count(folder: &Path) -> Result<u64, StoreError> {
    let mut used = 0_u64;
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let meta = entry.and_then(|entry| entry.metadata()).map_err(StoreError::io("list", folder))?;
        used = used.saturating_add(meta.len());
    }
    Ok(used)
}

fn create(folder: &Path, name: &str) -> Result<(String, fs::File), StoreError> {
    let mut attempt = 1_u32;
    loop {
        let candidate = if attempt == 1 { name.to_owned() } else { format!("{name}.{attempt}") };
        let path = folder.join(&candidate);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((candidate, file)),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists && attempt < 10_000 => attempt += 1,
            Err(why) => return Err(StoreError::io("create", &path)(why)),
        }
    }
}

/// Letters, digits, `-`, `_` and `.` pass, the rest becomes `_`; never empty, never hidden.
pub(super) fn safe_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .take(LONGEST_NAME)
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .collect();
    match safe.chars().next() {
        None => "_".to_owned(),
        Some('.') => format!("_{}", &safe[1..]),
        Some(_) => safe,
    }
}

/// The beginning and the end, with what was left out said between them.
fn bounded(bytes: &[u8]) -> Cow<'_, str> {
    if bytes.len() <= LONGEST {
        return String::from_utf8_lossy(bytes);
    }
    let half = LONGEST / 2;
    let (head, tail) = (&bytes[..half], &bytes[bytes.len() - half..]);
    Cow::Owned(format!(
        "{}\n[... {} left out ...]\n{}",
        String::from_utf8_lossy(head),
        counted(bytes.len() - LONGEST, "byte"),
        String::from_utf8_lossy(tail)
    ))
}
