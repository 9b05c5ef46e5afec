//! Temporary files that a runner left when it died between writing and renaming.

use super::files::own_number;
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

/// Who wrote a temporary file: the process id, and the number that this process alone has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Writer {
    pid: u32,
    own: u32,
}

/// The process that wrote a temporary file, from its name (see `files::temporary_name`). SQLite keeps files of its own
/// beside a database that is being written.
fn writer(name: &str) -> Option<Writer> {
    let (file, beside) = name.strip_prefix(".switchback-")?.split_once(".tmp")?;
    if !matches!(beside, "" | "-journal" | "-wal" | "-shm") {
        return None;
    }
    let mut parts = file.split('-');
    let (pid, own, number) = (parts.next()?, parts.next()?, parts.next()?);
    number.parse::<u32>().ok()?;
    let own = u32::from_str_radix(own, 16).ok()?;
    parts.next().is_none().then_some(Writer { pid: pid.parse().ok()?, own })
}

/// Whether the writer runs no more. Its process id may be that of another program by now, and after a reboot that of this
/// very process.
fn is_gone(writer: Writer) -> bool {
    if writer.pid == std::process::id() {
        return writer.own != own_number();
    }
    std::fs::read_to_string(format!("/proc/{}/comm", writer.pid))
        .map_or(true, |name| name.trim() != "switchback")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_a_dead_writer_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mine = super::super::files::temporary_name();
        let before_the_reboot = format!(".switchback-{}-{:08x}-0.tmp", std::process::id(), !own_number());
        let kept = [
            mine.as_str(),
            ".switchback-1-0-x.tmp",
            ".switchback-1-0-1-1.tmp",
            ".switchback-99999999-0-1.conf",
            "switchback-99999999-0-1.tmp",
            ".switchback-99999999-0-1.tmp-other",
        ];
        let left = [
            ".switchback-99999999-00c0ffee-1.tmp",
            ".switchback-1-0-7.tmp",
            ".switchback-99999999-0-1.tmp-journal",
            before_the_reboot.as_str(),
        ];
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
