//! Temporary files that a runner left when it died between writing and renaming.

use rustix::fs::{AtFlags, Dir, Mode, OFlags, open, unlinkat};
use std::path::Path;

/// Removes the temporary files in a folder whose writer is gone, and says how many. To be called under the lock of the
/// state folder, after the children of earlier runners are ended. A folder that is missing, or is a link, has none.
pub fn remove(folder: &Path) -> usize {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(opened) = open(folder, flags, Mode::empty()) else { return 0 };
    let Ok(entries) = Dir::read_from(&opened) else { return 0 };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_ok_and(|name| writer(name).is_some_and(is_gone)))
        // One that cannot be removed stays, and whoever reads the folder back names it.
        .filter(|entry| unlinkat(&opened, entry.file_name(), AtFlags::empty()).is_ok())
        .count()
}

/// The process that wrote a temporary file, from its name (see `files::temporary_name`). SQLite keeps files of its own
/// beside a database that is being written.
fn writer(name: &str) -> Option<u32> {
    let (file, beside) = name.strip_prefix(".switchback-")?.split_once(".tmp")?;
    if !matches!(beside, "" | "-journal" | "-wal" | "-shm") {
        return None;
    }
    let (pid, number) = file.split_once('-')?;
    number.parse::<u32>().ok()?;
    pid.parse().ok()
}

/// Whether no switchback of that process id runs: the number may belong to another program by now.
fn is_gone(pid: u32) -> bool {
    pid != std::process::id()
        && std::fs::read_to_string(format!("/proc/{pid}/comm"))
            .map_or(true, |name| name.trim() != "switchback")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_a_dead_writer_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mine = format!(".switchback-{}-0.tmp", std::process::id());
        let kept = [
            mine.as_str(),
            ".switchback-1-x.tmp",
            ".switchback-99999999-1.conf",
            "switchback-99999999-1.tmp",
            ".switchback-99999999-1.tmp-other",
        ];
        let left =
            [".switchback-99999999-1.tmp", ".switchback-1-7.tmp", ".switchback-99999999-1.tmp-journal"];
        for name in kept.into_iter().chain(left) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(remove(folder.path()), left.len());
        for name in kept {
            assert!(folder.path().join(name).exists(), "{name}");
        }
        assert_eq!(remove(&folder.path().join("missing")), 0);
    }
}
