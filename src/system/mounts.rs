//! What is mounted, as the kernel lists it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// One line of `/proc/self/mountinfo`, as far as it says where something can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Which folder of the file system is mounted.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// The kind of file system.
    pub kind: String,
    /// The numbers of its device, `8:1`.
    pub device: String,
    /// What is mounted there, in the kind's own words.
    pub source: String,
    /// Neither this mount nor the file system is read-only.
    pub writable: bool,
}

/// Reads the lines; those of another shape are left out.
pub fn parse(text: &str) -> impl Iterator<Item = Mount> {
    text.lines().filter_map(line)
}

fn line(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let device = left.next()?.to_owned();
    let root = PathBuf::from(unescaped(left.next()?));
    let point = PathBuf::from(unescaped(left.next()?));
    let own = left.next()?;
    let mut right = right.split(' ');
    let kind = right.next()?.to_owned();
    let source = unescaped(right.next()?).to_string_lossy().into_owned();
    let of_super = right.next().unwrap_or_default();
    let writable = !own.split(',').chain(of_super.split(',')).any(|option| option == "ro");
    Some(Mount { root, point, kind, device, source, writable })
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
#[must_use]
pub fn unescaped(text: &str) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 8).ok()
        });
        match octal {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes)
}
