//! Globs: one pattern a name, over a folder without wildcards. Links are not followed; `*` and `?` do not stand for a
//! leading dot; `**` stands for any number of folders. A byte that is not UTF-8 counts as one character.

use super::folder::{Folders, kind, look, names};
use glob::{MatchOptions, Pattern, PatternError};
use rustix::fs::{FileType, Statx};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Whether a path is a glob.
pub(super) fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The folder above the first wildcard, and the patterns below it.
pub(super) fn split(path: &str) -> Result<(PathBuf, Vec<String>), PatternError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let plain = parts.iter().position(|part| is_glob(part)).unwrap_or(parts.len());
    let (base, patterns) = parts.split_at(plain);
    for pattern in patterns {
        Pattern::new(pattern)?;
    }
    Ok((Path::new("/").join(base.join("/")), patterns.iter().map(|part| (*part).to_owned()).collect()))
}

/// What a glob stands for now.
#[derive(Default)]
pub(super) struct Expanded {
    /// What matches, in order.
    pub(super) matches: Vec<PathBuf>,
    /// Folders in which the pattern goes on.
    pub(super) folders: Vec<PathBuf>,
    /// Links to folders where the pattern goes on: not followed.
    pub(super) links: Vec<PathBuf>,
}

/// Finds what matches below `base`.
pub(super) fn expand(base: &Path, patterns: &[String]) -> io::Result<Expanded> {
    let patterns = patterns
        .iter()
        .map(|part| if part == "**" { Ok(None) } else { Pattern::new(part).map(Some) })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why.to_string()))?;
    let mut found = Expanded::default();
    descend(&mut Folders::default(), base, &patterns, &mut found)?;
    found.matches.sort_unstable();
    found.matches.dedup();
    Ok(found)
}

fn descend(
    folders: &mut Folders,
    at: &Path,
    patterns: &[Option<Pattern>],
    found: &mut Expanded,
) -> io::Result<()> {
    let Some((first, rest)) = patterns.split_first() else { return Ok(()) };
    for (name, seen) in listing(folders, at)? {
        let path = at.join(&name);
        let text = name.to_string_lossy();
        match first {
            Some(pattern) if !pattern.matches_with(&text, OPTIONS) => {}
            Some(_) if rest.is_empty() => found.matches.push(path),
            Some(_) => match kind(&seen) {
                FileType::Directory => {
                    descend(folders, &path, rest, found)?;
                    found.folders.push(path);
                }
                FileType::Symlink if path.is_dir() => found.links.push(path),
                FileType::RegularFile
                | FileType::Symlink
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => {}
            },
            None if kind(&seen) == FileType::Directory && !text.starts_with('.') => {
                descend(folders, &path, patterns, found)?;
            }
            None => {}
        }
    }
    // No folder at all is one way to read `**`; a final `**` stands for all that is here.
    if first.is_none() {
        if rest.is_empty() {
            let all = [Some(Pattern::new("*").map_err(|why| io::Error::other(why.to_string()))?)];
            descend(folders, at, &all, found)?;
        } else {
            descend(folders, at, rest, found)?;
        }
    }
    Ok(())
}

fn listing(folders: &mut Folders, at: &Path) -> io::Result<Vec<(OsString, Statx)>> {
    let folder = match folders.folder(at) {
        Ok(folder) => folder,
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(why) => return Err(why),
    };
    let mut listed = Vec::new();
    for name in names(folder)? {
        if let Some(seen) = look(folder, OsStr::new(&name))? {
            listed.push((name, seen));
        }
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_glob_finds_what_a_person_means() {
        let at = tempfile::tempdir().expect("folder");
        let root = at.path().canonicalize().expect("path");
        for folder in ["a", "a/deep", "b", ".hidden"] {
            std::fs::create_dir(root.join(folder)).expect("folder");
        }
        for file in ["one.conf", ".two.conf", "a/x.conf", "a/deep/y.conf", "b/x.conf", ".hidden/x.conf"] {
            std::fs::write(root.join(file), "").expect("file");
        }
        std::fs::write(root.join(OsStr::from_bytes(b"\xff.conf")), "").expect("file");
        std::os::unix::fs::symlink("a", root.join("c")).expect("link");
        for (asked, wanted) in [
            ("*.conf", vec!["one.conf", "\u{fffd}.conf"]),
            (".*.conf", vec![".two.conf"]),
            ("*/x.conf", vec!["a/x.conf", "b/x.conf"]),
            ("[ab]/?.conf", vec!["a/x.conf", "b/x.conf"]),
            ("**/?.conf", vec!["a/deep/y.conf", "a/x.conf", "b/x.conf", "\u{fffd}.conf"]),
            ("*/none", vec![]),
            ("none/*", vec![]),
        ] {
            let (base, patterns) = split(root.join(asked).to_str().expect("text")).expect("pattern");
            let found = expand(&base, &patterns).expect(asked);
            let names: Vec<String> = found
                .matches
                .iter()
                .map(|path| path.strip_prefix(&root).expect("below").to_string_lossy().into_owned())
                .collect();
            assert_eq!(names, wanted, "{asked}");
        }
        let (base, patterns) = split(root.join("*/x.conf").to_str().expect("text")).expect("pattern");
        assert_eq!(expand(&base, &patterns).expect("expanded").links, [root.join("c")]);
    }
}
