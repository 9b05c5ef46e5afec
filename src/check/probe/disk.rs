//! `disk`: the file systems that a machine cannot do without: the root, the Nix store, and the EFI system partition, which
//! is found by where it is mounted or by its type in the partition table.

use super::memory::ratio;
use super::mount::{Mount, holding, parse};
use super::read_text;
use crate::check::ProbeError;
use crate::model::{Observation, Value};
use nix::sys::statvfs::{FsFlags, statvfs};
use serde_json::Map;
use std::path::{Path, PathBuf};

/// The types of an EFI system partition in a partition table: GPT, then the older kind.
const ESP: [&str; 2] = ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef"];
/// Where it is mounted by custom, the surest first.
const CUSTOMARY: [&str; 5] = ["/efi", "/boot/efi", "/boot", "/boot/EFI", "/esp"];

pub(super) fn read() -> Result<Observation, ProbeError> {
    let mounts = parse(&read_text(Path::new("/proc/self/mountinfo"))?);
    let mut seen = Observation::new();
    let (mut read_only, mut fullest) = (Vec::new(), None);
    let esp = esp(&mounts, &esp_devices(Path::new("/")));
    let places = [
        ("root", Some(PathBuf::from("/"))),
        ("store", Some(PathBuf::from("/nix/store")).filter(|store| store.exists())),
        ("esp", esp.as_ref().and_then(|esp| esp.point.clone())),
    ];
    for (name, place) in places {
        let Some(place) = place else { continue };
        let told = told(&mounts, &place)?;
        if told.get("read_only") == Some(&Value::Bool(true)) {
            read_only.push(Value::from(name));
        }
        let used = told.get("used_ratio").and_then(Value::as_f64);
        if used > fullest {
            fullest = used;
            seen = seen.with("fullest", name);
        }
        seen = seen.with(name, told);
    }
    if let Some(esp) = esp {
        seen = seen.with("esp_mounted", esp.point.is_some());
        if let Some(device) = esp.device {
            seen = seen.with("esp_device", device);
        }
    }
    seen = seen.with("read_only", read_only);
    Ok(match fullest {
        Some(ratio) => seen.with("fullest_ratio", ratio),
        None => seen,
    })
}

/// The file system that holds a path.
fn told(mounts: &[Mount], path: &Path) -> Result<Map<String, Value>, ProbeError> {
    let unreadable = |why: String| ProbeError::Unreadable { what: path.display().to_string(), why };
    let real = path.canonicalize().map_err(|why| unreadable(why.kind().to_string()))?;
    let mount = holding(mounts, &real).ok_or_else(|| unreadable("no mount holds it".to_owned()))?;
    let sizes = statvfs(&real).map_err(|why| unreadable(why.desc().to_owned()))?;
    let bytes = |blocks: u64| blocks.saturating_mul(sizes.fragment_size());
    let (size, available) = (bytes(sizes.blocks()), bytes(sizes.blocks_available()));
    let used = bytes(sizes.blocks().saturating_sub(sizes.blocks_free()));
    let (inodes, inodes_free) = (sizes.files(), sizes.files_available());
    // A store is mounted read-only on purpose; a file system that turned read-only has met an error.
    let read_only = mount.super_read_only
        || (mount.point == Path::new("/") && sizes.flags().contains(FsFlags::ST_RDONLY));
    let mut told = Map::new();
    let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
    put("path", path.to_string_lossy().into());
    put("mount_point", mount.point.to_string_lossy().into());
    put("source", mount.source.as_str().into());
    put("type", mount.kind.as_str().into());
    put("size", size.into());
    put("used", used.into());
    put("available", available.into());
    put("inodes", inodes.into());
    put("inodes_free", inodes_free.into());
    put("read_only", read_only.into());
    put("mounted_read_only", mount.options.iter().any(|option| option == "ro").into());
    // What a user may not take is no room: used of used and available, as `df` counts.
    let counted = used.saturating_add(available);
    if counted > 0 {
        put("used_ratio", ratio(used, counted).into());
        put("available_ratio", ratio(available, counted).into());
    }
    // Some file systems (FAT, btrfs) make inodes as they need them.
    if inodes > 0 {
        put("inodes_free_ratio", ratio(inodes_free, inodes).into());
    }
    Ok(told)
}

/// An EFI system partition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Esp {
    /// Its device, where that is known.
    device: Option<String>,
    /// Where it is mounted, where it is.
    point: Option<PathBuf>,
}

/// A partition that is one by its type: its numbers as the kernel writes them, and its device.
type ByType = (String, Option<String>);

fn esp(mounts: &[Mount], by_type: &[ByType]) -> Option<Esp> {
    let typed = mounts.iter().find_map(|mount| {
        let (_, device) = by_type.iter().find(|(numbers, _)| *numbers == mount.device)?;
        let device = device.clone().or_else(|| Some(mount.source.clone()));
        Some(Esp { device, point: Some(mount.point.clone()) })
    });
    // Without udev's knowledge it is a FAT where one is by custom. What only an automounter holds is not touched.
    let customary = || {
        CUSTOMARY.iter().find_map(|place| {
            let mount = mounts.iter().rfind(|mount| mount.point == Path::new(place))?;
            let fat = matches!(mount.kind.as_str(), "vfat" | "msdos" | "exfat");
            fat.then(|| Esp { device: Some(mount.source.clone()), point: Some(mount.point.clone()) })
        })
    };
    let unmounted = || by_type.first().map(|(_, device)| Esp { device: device.clone(), point: None });
    typed.or_else(customary).or_else(unmounted)
}

/// What udev knows of partitions.
fn esp_devices(root: &Path) -> Vec<ByType> {
    let Ok(entries) = std::fs::read_dir(root.join("run/udev/data")) else { return Vec::new() };
    let mut found: Vec<ByType> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let numbers = name.strip_prefix('b')?.to_owned();
            let about = std::fs::read_to_string(entry.path()).ok()?;
            let kind = about.lines().find_map(|line| line.strip_prefix("E:ID_PART_ENTRY_TYPE="))?;
            ESP.contains(&kind.trim().to_ascii_lowercase().as_str()).then(|| {
                let uevent = root.join("sys/dev/block").join(&numbers).join("uevent");
                let device = std::fs::read_to_string(uevent).ok();
                let device = device
                    .as_deref()
                    .and_then(|text| text.lines().find_map(|line| line.strip_prefix("DEVNAME=")));
                (numbers.clone(), device.map(|name| format!("/dev/{name}")))
            })
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    const TABLE: &str = "21 1 8:2 / / rw,relatime - ext4 /dev/sda2 rw
22 21 8:1 / /boot rw - vfat /dev/sda1 rw
23 21 8:3 / /efi rw - ext4 /dev/sda3 rw
24 21 8:2 /nix/store /nix/store ro,relatime - ext4 /dev/sda2 rw
25 21 8:9 / /broken rw - ext4 /dev/sdb1 ro
";

    #[test]
    fn the_efi_partition_is_found_by_its_type_else_by_its_place() {
        let mounts = parse(TABLE);
        let found = |by_type: &[(&str, Option<&str>)]| {
            let by_type: Vec<ByType> = by_type
                .iter()
                .map(|(numbers, device)| ((*numbers).to_owned(), device.map(str::to_owned)))
                .collect();
            esp(&mounts, &by_type).map(|esp| (esp.device, esp.point))
        };
        let told =
            |device: &str, point: Option<&str>| Some((Some(device.to_owned()), point.map(PathBuf::from)));
        assert_eq!(found(&[]), told("/dev/sda1", Some("/boot")));
        assert_eq!(found(&[("8:3", Some("/dev/sda3"))]), told("/dev/sda3", Some("/efi")));
        // A FAT by custom, though another one is of the type and not mounted.
        assert_eq!(found(&[("8:7", Some("/dev/sdc1"))]), told("/dev/sda1", Some("/boot")));
        let bare = parse("21 1 8:2 / / rw - ext4 /dev/sda2 rw\n23 21 0:9 / /efi rw - autofs systemd-1 rw\n");
        assert_eq!(esp(&bare, &[]), None);
        let known = esp(&bare, &[("8:1".to_owned(), Some("/dev/sda1".to_owned()))]);
        assert_eq!(known.map(|esp| esp.point), Some(None));
    }

    #[test]
    fn udev_tells_the_type_of_a_partition() {
        let root = tempfile::tempdir().expect("a folder");
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        put("run/udev/data/b8:1", "S:disk/x\nE:ID_PART_ENTRY_TYPE=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n");
        put("run/udev/data/b8:2", "E:ID_PART_ENTRY_TYPE=0fc63daf-8483-4772-8e79-3d69d8477de4\n");
        put("run/udev/data/c1:3", "E:ID_PART_ENTRY_TYPE=0xef\n");
        put("sys/dev/block/8:1/uevent", "MAJOR=8\nDEVNAME=nvme0n1p1\n");
        assert_eq!(esp_devices(root.path()), [("8:1".to_owned(), Some("/dev/nvme0n1p1".to_owned()))]);
        assert_eq!(esp_devices(&root.path().join("none")), []);
    }

    #[test]
    fn a_store_that_is_mounted_read_only_is_no_file_system_that_turned_so() {
        let mounts = parse(TABLE);
        assert!(!mounts[3].super_read_only && mounts[4].super_read_only);
    }

    #[test]
    fn the_root_of_this_machine_has_a_size_and_its_shares_add_up() {
        let seen = read().expect("seen");
        let share = |name: &str| seen.get(name).and_then(Value::as_f64).expect("a share");
        assert!((share("root.used_ratio") + share("root.available_ratio") - 1.0).abs() < 1e-6, "{seen:?}");
        assert_eq!(seen.get("root.path"), Some(&json!("/")));
        assert!(seen.get("root.size").and_then(Value::as_u64).is_some_and(|size| size > 0));
    }
}
