//! `mount`: the file system at a path. Nothing is written to find out whether something could be: `writable` is what
//! the kernel answers to "may I write here", which knows read-only mounts, also those after an error.

use super::memory::ratio;
use super::read_text;
use crate::check::ProbeError;
use crate::model::Observation;
use crate::system::mounts::unescaped;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};
use std::path::{Path, PathBuf};

/// One line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::check) struct Mount {
    pub(in crate::check) point: PathBuf,
    pub(in crate::check) kind: String,
    /// The numbers of its device, `8:1`.
    pub(super) device: String,
    pub(super) source: String,
    pub(super) options: Vec<String>,
    /// The file system itself is read-only, and not only seen so here.
    pub(super) super_read_only: bool,
}

/// The file system at the path.
pub(super) fn read(path: &Path) -> Result<Observation, ProbeError> {
    let unreadable = |why: String| ProbeError::Unreadable { what: path.display().to_string(), why };
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Observation::new().with("mounted", false));
        }
        Err(why) => return Err(unreadable(why.kind().to_string())),
    };
    let mounts = parse(&read_text(Path::new("/proc/self/mountinfo"))?);
    let Some(mount) = holding(&mounts, &real) else {
        return Err(unreadable("no mount holds it".to_owned()));
    };
    let sizes = statvfs(&real).map_err(|why| unreadable(why.desc().to_owned()))?;
    let unit = sizes.fragment_size();
    let bytes = |blocks: u64| blocks.saturating_mul(unit);
    let size = bytes(sizes.blocks());
    let available = bytes(sizes.blocks_available());
    let seen = Observation::new()
        .with("mounted", mount.point == real)
        .with("source", mount.source.clone())
        .with("type", mount.kind.clone())
        .with("options", mount.options.clone())
        .with("size", size)
        .with("used", bytes(sizes.blocks().saturating_sub(sizes.blocks_free())))
        .with("available", available)
        .with("inodes_free", sizes.files_available())
        .with("writable", access(&real, AccessFlags::W_OK).is_ok());
    Ok(if size == 0 { seen } else { seen.with("available_ratio", ratio(available, size)) })
}

/// The mount that holds the path: the longest mount point above it, the last one where several are stacked.
pub(super) fn holding<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let depth = |mount: &&Mount| mount.point.components().count();
    mounts.iter().filter(|mount| path.starts_with(&mount.point)).max_by_key(depth)
}

/// `/proc/self/mountinfo`. Lines of another shape are left out.
pub(in crate::check) fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let device = left.next()?.to_owned();
    let mut left = left.skip(1);
    let point = PathBuf::from(unescaped(left.next()?));
    let own = left.next()?;
    let mut right = right.split(' ');
    let kind = right.next()?.to_owned();
    let source = unescaped(right.next()?).to_string_lossy().into_owned();
    let mut options: Vec<String> = Vec::new();
    let of_super = right.next().unwrap_or_default();
    let super_read_only = of_super.split(',').any(|option| option == "ro");
    for option in own.split(',').chain(of_super.split(',')) {
        // The mount may be read-only on a file system that is not: the mount's own word comes first.
        let contradicted = match option {
            "rw" => options.iter().any(|known| known == "ro"),
            "ro" => options.iter().any(|known| known == "rw"),
            _ => false,
        };
        if option == "ro" && contradicted {
            options.retain(|known| known != "rw");
            options.insert(0, "ro".to_owned());
        } else if !contradicted && !option.is_empty() && !options.iter().any(|known| known == option) {
            options.push(option.to_owned());
        }
    }
    Some(Mount { point, kind, device, source, options, super_read_only })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TABLE: &str = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw,errors=remount-ro
22 21 8:2 / /nix rw,noatime shared:2 master:3 - btrfs /dev/nvme0n1p2 rw,ssd
23 22 8:2 / /nix/store ro,noatime - btrfs /dev/nvme0n1p2 rw,ssd
24 21 0:5 / /mnt/my\\040disk rw - ext4 /dev/sdb1 ro
25 21 0:6 / /nix rw - tmpfs over\\134lay rw
nonsense
";

    #[test]
    fn the_innermost_and_last_mount_holds_a_path() {
        let mounts = parse(TABLE);
        assert_eq!(mounts.len(), 5);
        for (path, kind) in [
            ("/etc", "ext4"),
            ("/nix/var", "tmpfs"),
            ("/nix/store/x", "btrfs"),
            ("/nixos", "ext4"),
            ("/mnt/my disk", "ext4"),
        ] {
            assert_eq!(
                holding(&mounts, Path::new(path)).map(|mount| mount.kind.as_str()),
                Some(kind),
                "{path}"
            );
        }
        assert_eq!(mounts[4].source, "over\\lay");
    }

    #[test]
    fn read_only_wins_wherever_it_is_said() {
        let mounts = parse(TABLE);
        assert_eq!(mounts[0].options, ["rw", "relatime", "errors=remount-ro"]);
        assert_eq!(mounts[2].options, ["ro", "noatime", "ssd"]);
        assert_eq!(mounts[3].options, ["ro"]);
    }

    #[test]
    fn the_root_of_this_machine_is_mounted_and_an_absent_path_is_not() {
        let seen = read(Path::new("/")).expect("seen");
        assert_eq!(seen.get("mounted"), Some(&json!(true)));
        assert!(seen.get("available_ratio").is_some());
        let absent = read(Path::new("/no/such/folder")).expect("seen");
        assert_eq!(absent, Observation::new().with("mounted", false));
    }
}
