//! The file systems of the sandbox: overlays of those that the machine has, and new ones for the kernel's own.

use super::{Cover, Ground, Inside, SandboxError};
use crate::model::Item;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// Where the parts are put together: this is there on every machine, and a new one comes in its place.
const SCRATCH: &str = "/proc";
const ROOT: &str = "/proc/root";
/// What the kernel shows of itself; new in the sandbox.
const OWN: [&str; 3] = ["/proc", "/sys", "/dev"];
/// File systems that are a window on the kernel or on a program: what is written there is no file.
const WINDOWS: [&str; 22] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fuse.gvfsd-fuse",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "sysfs",
    "tracefs",
];
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Parts of `/proc` through which the kernel itself is changed.
const KERNEL: [&str; 7] = ["sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi"];

/// A mounted file system of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mounted {
    id: u64,
    at: PathBuf,
    kind: String,
    flags: MsFlags,
    read_only: bool,
}

type Made<T> = Result<T, SandboxError>;

fn failed(what: impl Into<String>) -> impl FnOnce(nix::Error) -> SandboxError {
    let with = SandboxError::refused(what);
    move |why| with(why.into())
}

/// Mounts all of it and makes it this process's root.
pub(super) fn make(ground: &Ground) -> Made<Inside> {
    let none: Option<&str> = None;
    let table = fs::read_to_string("/proc/self/mountinfo")
        .map_err(SandboxError::refused("/proc/self/mountinfo cannot be read"))?;
    let table = visible(parse(&table));
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, private, none).map_err(failed("the mounts cannot be made private"))?;
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("switchback"), SCRATCH, Some("tmpfs"), quiet, Some("mode=0700,size=75%"))
        .map_err(failed("no tmpfs can be mounted"))?;
    folder(Path::new(ROOT))?;
    let (mut covers, mut left_out) = (Vec::new(), Vec::new());
    for (number, found) in table.iter().enumerate() {
        place(number, found, &mut covers, &mut left_out)?;
    }
    if covers.first().is_none_or(|cover| cover.at != Path::new("/")) {
        let why = left_out.iter().find(|left| left.name == "/");
        let why = why.map_or_else(|| "it is not mounted".to_owned(), |left| left.why.clone());
        return Err(SandboxError::Refused { what: "/ cannot be overlaid".to_owned(), why });
    }
    kernel_files()?;
    let mut inside = Inside { covers, left_out, fresh: ground.fresh.clone(), made: BTreeSet::new() };
    for (number, path) in ground.fresh.iter().enumerate() {
        fresh(number, path)?;
    }
    enter()?;
    if !ground.network {
        loopback();
    }
    inside.made = inside.touched().map_err(SandboxError::refused("the overlays cannot be read"))?;
    Ok(inside)
}

/// The overlay of one file system, or what there is instead.
fn place(number: usize, found: &Mounted, covers: &mut Vec<Cover>, left_out: &mut Vec<Item>) -> Made<()> {
    let none: Option<&str> = None;
    let mut leave = |why: String| left_out.push(Item::new(found.at.display().to_string(), why));
    if OWN.iter().any(|own| found.at.starts_with(own)) {
        return Ok(());
    }
    if WINDOWS.contains(&found.kind.as_str()) {
        leave(format!("not there: {} is no file system for files", found.kind));
        return Ok(());
    }
    let target = within(&found.at);
    let [lower, upper, work] =
        ["lower", "upper", "work"].map(|part| PathBuf::from(format!("{SCRATCH}/{part}{number}")));
    let meta = match fs::symlink_metadata(&found.at) {
        Ok(meta) => meta,
        Err(why) => {
            leave(format!("not there: {why}"));
            return Ok(());
        }
    };
    if !meta.is_dir() {
        match bound_for_reading(&found.at, &target, found.flags) {
            Ok(()) => leave("for reading only: a single file is mounted there".to_owned()),
            Err(why) => leave(format!("not there: {why}")),
        }
        return Ok(());
    }
    folder(&lower)?;
    if let Err(why) = mount(Some(&found.at), &lower, none, MsFlags::MS_BIND, none) {
        leave(format!("not there: {why}"));
        return Ok(());
    }
    if found.read_only {
        match bound_for_reading(&lower, &target, found.flags) {
            Ok(()) => leave("for reading only, as on the machine".to_owned()),
            Err(why) => leave(format!("not there: {why}")),
        }
        return Ok(());
    }
    folder(&upper)?;
    folder(&work)?;
    // What an overlay shows of its top folder is what the upper one has.
    let dressed = fs::set_permissions(&upper, Permissions::from_mode(meta.mode() & 0o7777))
        .and_then(|()| chown(&upper, Some(meta.uid()), Some(meta.gid())))
        .and_then(|()| fs::set_permissions(&upper, Permissions::from_mode(meta.mode() & 0o7777)))
        .and_then(|()| attributes(&found.at, &upper));
    dressed.map_err(SandboxError::refused(format!("the top of {} cannot be copied", found.at.display())))?;
    // With `xino` all of it is on one device, as it is on the machine: files are not taken for mount points.
    let options = format!(
        "lowerdir={},upperdir={},workdir={},redirect_dir=off,metacopy=off,index=off,xino=on",
        lower.display(),
        upper.display(),
        work.display()
    );
    let flags = found.flags | MsFlags::MS_NODEV;
    match mount(Some("switchback"), &target, Some("overlay"), flags, Some(options.as_str())) {
        Ok(()) => covers.push(Cover { at: found.at.clone(), lower: held(&lower)?, upper: held(&upper)? }),
        Err(why) => match bound_for_reading(&lower, &target, found.flags) {
            Ok(()) => leave(format!("for reading only: {} cannot be overlaid ({why})", found.kind)),
            Err(_) => leave(format!("not there: {} cannot be overlaid ({why})", found.kind)),
        },
    }
    Ok(())
}

/// A path of the machine, in the root that is being made.
fn within(path: &Path) -> PathBuf {
    let below = path.strip_prefix("/").unwrap_or(path);
    if below.as_os_str().is_empty() { PathBuf::from(ROOT) } else { Path::new(ROOT).join(below) }
}

fn folder(path: &Path) -> Made<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(SandboxError::refused(format!("{} cannot be made", path.display())))
}

/// A descriptor that holds a folder, wherever its file system is moved.
fn held(path: &Path) -> Made<OwnedFd> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_CLOEXEC).open(path);
    opened.map(OwnedFd::from).map_err(SandboxError::refused(format!("{} cannot be opened", path.display())))
}

fn attributes(from: &Path, to: &Path) -> io::Result<()> {
    for name in xattr::list(from)? {
        if super::changed::counts(&name)
            && let Some(value) = xattr::get(from, &name)?
        {
            xattr::set(to, &name, &value)?;
        }
    }
    Ok(())
}

fn bound_for_reading(from: &Path, to: &Path, flags: MsFlags) -> nix::Result<()> {
    let none: Option<&str> = None;
    mount(Some(from), to, none, MsFlags::MS_BIND, none)?;
    let flags = flags | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | MsFlags::MS_NODEV;
    mount(none, to, none, flags, none).inspect_err(|_| {
        // Better nothing than something that can be written.
        let _ = umount2(to, MntFlags::MNT_DETACH);
    })
}

/// New `/proc`, `/sys` and `/dev`, in which there is nothing of the machine to be changed.
fn kernel_files() -> Made<()> {
    let none: Option<&str> = None;
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let proc = within(Path::new("/proc"));
    mount(Some("proc"), &proc, Some("proc"), quiet, none).map_err(failed("no new /proc can be mounted"))?;
    for name in KERNEL {
        let part = proc.join(name);
        if part.symlink_metadata().is_ok() {
            bound_for_reading(&part, &part, quiet)
                .map_err(failed(format!("/proc/{name} cannot be made read-only")))?;
        }
    }
    let sys = within(Path::new("/sys"));
    mount(Some("sysfs"), &sys, Some("sysfs"), quiet | MsFlags::MS_RDONLY, none)
        .map_err(failed("no new /sys can be mounted"))?;
    let dev = within(Path::new("/dev"));
    let made = |what: &str| SandboxError::refused(format!("/dev/{what} cannot be made"));
    mount(Some("dev"), &dev, Some("tmpfs"), MsFlags::MS_NOSUID, Some("mode=0755"))
        .map_err(failed("no new /dev can be mounted"))?;
    for name in DEVICES {
        let node = dev.join(name);
        File::create(&node).map_err(made(name))?;
        // By its own file system: it stays what it is, and nothing else of /dev comes with it.
        mount(Some(&Path::new("/dev").join(name)), &node, none, MsFlags::MS_BIND, none)
            .map_err(failed(format!("/dev/{name} cannot be bound")))?;
    }
    for name in ["pts", "shm"] {
        fs::create_dir(dev.join(name)).map_err(made(name))?;
    }
    let terminals = Some("newinstance,ptmxmode=0666,mode=0620");
    mount(Some("devpts"), &dev.join("pts"), Some("devpts"), MsFlags::MS_NOSUID, terminals)
        .map_err(failed("no new terminals can be mounted"))?;
    mount(Some("shm"), &dev.join("shm"), Some("tmpfs"), quiet, Some("mode=1777"))
        .map_err(failed("no new /dev/shm can be mounted"))?;
    for (name, to) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(to, dev.join(name)).map_err(made(name))?;
    }
    Ok(())
}

/// An empty folder in the place of one of the machine's.
fn fresh(number: usize, path: &Path) -> Made<()> {
    let none: Option<&str> = None;
    let empty = PathBuf::from(format!("{SCRATCH}/fresh{number}"));
    folder(&empty)?;
    let target = within(path);
    folder(&target)?;
    mount(Some(&empty), &target, none, MsFlags::MS_BIND, none)
        .map_err(failed(format!("{} cannot be hidden", path.display())))
}

/// The new root; the old one is gone with all that was mounted there.
fn enter() -> Made<()> {
    chdir(ROOT).map_err(failed("the new root cannot be entered"))?;
    pivot_root(".", ".").map_err(failed("the root cannot be changed"))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(failed("the old root cannot be let go"))?;
    chdir("/").map_err(failed("the new root cannot be entered"))
}

/// Programs that talk to themselves over the network can. Where the kernel refuses, they cannot.
#[expect(unsafe_code, reason = "the flags of a network device have no safe form")]
fn loopback() {
    // SAFETY: the request is made of zeros and a short name; the calls read and write only it.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return;
        }
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw mut request);
        libc::close(socket);
    }
}

/// The lines of a `mountinfo`, each above what is mounted below it.
fn parse(table: &str) -> Vec<Mounted> {
    let mut found: Vec<Mounted> = table.lines().filter_map(line).collect();
    // A stable order: of two mounts at one place the later one is the upper one.
    found.sort_by(|one, other| one.at.cmp(&other.at));
    found
}

fn line(text: &str) -> Option<Mounted> {
    let (before, after) = text.split_once(" - ")?;
    let words: Vec<&str> = before.split(' ').collect();
    let options: Vec<&str> = words.get(5)?.split(',').collect();
    let flags = [
        ("nosuid", MsFlags::MS_NOSUID),
        ("nodev", MsFlags::MS_NODEV),
        ("noexec", MsFlags::MS_NOEXEC),
        ("noatime", MsFlags::MS_NOATIME),
        ("nodiratime", MsFlags::MS_NODIRATIME),
        ("relatime", MsFlags::MS_RELATIME),
    ];
    let flags = flags.iter().filter(|(name, _)| options.contains(name));
    let above: Vec<&str> = after.split(' ').collect();
    let read_only = |words: &str| words.split(',').any(|word| word == "ro");
    Some(Mounted {
        id: words.first()?.parse().ok()?,
        at: unescaped(words.get(4)?),
        kind: (*above.first()?).to_owned(),
        flags: flags.fold(MsFlags::empty(), |all, (_, flag)| all | *flag),
        read_only: options.contains(&"ro") || above.get(2).is_some_and(|words| read_only(words)),
    })
}

/// `\040` and its like, as the kernel writes blanks.
fn unescaped(text: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let code =
            more.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[3..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

/// Those that are not covered by another one. Where the kernel does not number them, the last at a place.
fn visible(table: Vec<Mounted>) -> Vec<Mounted> {
    let mut shown: Vec<Mounted> = Vec::new();
    for found in table {
        let there = rustix::fs::statx(
            rustix::fs::CWD,
            found.at.as_os_str().as_bytes(),
            rustix::fs::AtFlags::SYMLINK_NOFOLLOW | rustix::fs::AtFlags::NO_AUTOMOUNT,
            rustix::fs::StatxFlags::MNT_ID,
        );
        let told = there.ok().filter(|seen| seen.stx_mask & rustix::fs::StatxFlags::MNT_ID.bits() != 0);
        match told {
            Some(seen) if seen.stx_mnt_id != found.id => {}
            Some(_) | None => {
                shown.retain(|other| other.at != found.at);
                shown.push(found);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_table_is_read_with_its_escapes_flags_and_order() {
        let table = "30 1 8:1 / /mnt/a\\040b rw,nosuid,relatime shared:1 - ext4 /dev/x rw\n\
                     25 1 8:1 / / rw - ext4 /dev/x rw\n\
                     31 25 0:5 / /boot ro,noexec master:2 propagate_from:1 - vfat /dev/y rw\n\
                     32 25 0:6 / /nix rw - ext4 /dev/z ro,x=1\n\
                     nonsense\n";
        let found = parse(table);
        let told: Vec<(&str, &str, bool)> = found
            .iter()
            .map(|it| (it.at.to_str().expect("a name"), it.kind.as_str(), it.read_only))
            .collect();
        assert_eq!(
            told,
            [
                ("/", "ext4", false),
                ("/boot", "vfat", true),
                ("/mnt/a b", "ext4", false),
                ("/nix", "ext4", true)
            ]
        );
        assert_eq!(found[2].flags, MsFlags::MS_NOSUID | MsFlags::MS_RELATIME);
    }

    #[test]
    fn what_is_no_escape_is_kept() {
        for (text, path) in [("/a\\", "/a\\"), ("/a\\09x", "/a\\09x"), ("/a\\134", "/a\\"), ("/\\011", "/\t")]
        {
            assert_eq!(unescaped(text), PathBuf::from(path), "{text}");
        }
    }
}
