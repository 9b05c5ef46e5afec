//! Makes durable what programs wrote: a step that writes a file and ends has not written it to the disk.

use super::mounts::{self, Mount};
use rustix::fs::{Mode, OFlags, fstat, major, minor, open, stat, syncfs};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Kinds without a block device of their own that keep what is written to them.
const KEPT: [&str; 5] = ["bcachefs", "btrfs", "overlay", "virtiofs", "zfs"];

/// Waits until everything that was written to this machine's own file systems is on disk. Those of other machines are
/// left out: a server that does not answer must not hold up a decision. One that fails counts only where a path of `matter`
/// is on it: a stick that is full says nothing of what was done elsewhere.
///
/// # Errors
/// Which file system could not write what was given to it.
pub fn flush(matter: &[PathBuf]) -> Result<(), String> {
    let Ok(text) = std::fs::read_to_string("/proc/self/mountinfo") else {
        // Without /proc nobody can say which there are. This cannot fail, and cannot say so either.
        nix::unistd::sync();
        return Ok(());
    };
    let mut done = BTreeSet::new();
    let matters = devices_of(matter);
    for mount in mounts::parse(&text).filter(keeps) {
        if done.contains(&mount.device) {
            continue;
        }
        match flush_one(&mount) {
            Ok(true) => {
                done.insert(mount.device);
            }
            Err(why) if matters.contains(&mount.device) || mount.point == Path::new("/") => return Err(why),
            Ok(false) | Err(_) => {}
        }
    }
    Ok(())
}

/// The devices that these paths are on, or would be: what is not there is where the nearest folder above it is.
fn devices_of(paths: &[PathBuf]) -> BTreeSet<String> {
    let device =
        |path: &PathBuf| path.ancestors().find_map(|above| stat(above).ok()).map(|stat| number(stat.st_dev));
    paths.iter().filter_map(device).collect()
}

fn number(device: u64) -> String {
    format!("{}:{}", major(device), minor(device))
}

/// Whether what is written there by a program is on a disk of this machine, later on.
fn keeps(mount: &Mount) -> bool {
    let kind = mount.kind.as_str();
    let served = kind == "fuse" || kind.starts_with("fuse.");
    mount.writable && !served && (mount.source.starts_with("/dev/") || KEPT.contains(&kind))
}

/// Says whether it was done: another file system may be mounted over this one, and be found at its place.
fn flush_one(mount: &Mount) -> Result<bool, String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(point) = open(&mount.point, flags, Mode::empty()) else { return Ok(false) };
    let found = fstat(&point).map(|stat| number(stat.st_dev));
    // Of a subvolume the number differs from that of its mount; then it is the file system all the same.
    let same = found.is_ok_and(|found| found == mount.device) || KEPT.contains(&mount.kind.as_str());
    if !same {
        return Ok(false);
    }
    match syncfs(&point) {
        Ok(()) => Ok(true),
        Err(why) => Err(format!("what was written to {} is not durable: {why}", mount.point.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_keeps_is_flushed_and_nothing_else() {
        let text = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n\
            22 27 0:21 / /proc rw,relatime - proc proc rw\n\
            29 26 0:26 / /run rw - tmpfs tmpfs rw\n\
            30 26 8:1 / /media/a\\040b rw - vfat /dev/sda1 rw\n\
            31 26 0:40 / /srv rw - nfs4 host:/srv rw\n\
            32 26 0:41 /@home /home rw - btrfs /dev/dm-0 rw\n\
            33 26 7:0 / /snap ro - squashfs /dev/loop0 ro\n\
            34 26 8:2 / /ro ro - ext4 /dev/sda2 rw\n\
            35 26 8:3 / /dead rw - ext4 /dev/sda3 ro\n\
            37 26 0:51 / /wedged rw - fuse.x /dev/fuse rw\n\
            36 26 0:50 / /merged rw - overlay overlay rw\n";
        let kept: Vec<_> = mounts::parse(text).filter(keeps).map(|mount| mount.point).collect();
        assert_eq!(kept, ["/", "/media/a b", "/home", "/merged"].map(std::path::PathBuf::from));
    }

    #[test]
    fn a_flush_of_this_machine_succeeds() {
        assert_eq!(flush(&[PathBuf::from("/tmp/none/there")]), Ok(()));
    }
}
