//! Tests of control groups. Where this process may make none, those that need one have nothing to look at.

use super::*;
use crate::system::process::crew::tests::sh;
use crate::system::process::spawn::{self, Started};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::io::Read as _;
use std::time::Duration;

/// A child that waits in a group, and somebody whom it started.
pub(in crate::system::process) struct Away {
    child: Pid,
    other: i32,
}

impl Away {
    /// Whether both are dead. The child is reaped.
    pub(in crate::system::process) fn is_dead(&self) -> bool {
        waitpid(self.child, None).is_ok() && !runs(self.other)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        for pid in [self.child, Pid::from_raw(self.other)].into_iter().filter(|pid| pid.as_raw() > 1) {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        let _ = waitpid(self.child, None);
    }
}

fn runs(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z')))
}

/// Starts `command` in a group, away from the shell that is its parent.
pub(in crate::system::process) fn away(group: &Group, command: &str) -> Away {
    let script = format!("{command} & echo $!; wait");
    let started = spawn::start(&sh(&script), "-/0/0", Some(group)).expect("started");
    let Started { pid, stdout, .. } = started;
    let (mut file, mut said, mut byte) = (File::from(stdout), Vec::new(), [0]);
    while file.read(&mut byte).expect("read") == 1 && byte != *b"\n" {
        said.extend(byte);
    }
    Away { child: pid, other: String::from_utf8(said).expect("text").parse().expect("a number") }
}

fn later() -> Instant {
    clock::tick() + Duration::from_secs(60)
}

#[test]
fn a_group_may_lie_below_the_own_one_where_that_is_mounted_and_can_be_written() {
    const LINE: &str = "31 23 0:28 ROOT POINT rw,relatime - KIND cgroup2 rw";
    let table = |mounts: &[(&str, &str, &str)]| -> String {
        let line = |(root, point, kind): &(&str, &str, &str)| {
            LINE.replace("ROOT", root).replace("POINT", point).replace("KIND", kind) + "\n"
        };
        mounts.iter().map(line).collect()
    };
    let whole = ("/", "/sys/fs/cgroup", "cgroup2");
    for (own, mounts, expected) in [
        ("/user.slice/a.scope", vec![whole], vec![("/sys/fs/cgroup", "user.slice/a.scope")]),
        ("/", vec![("/", "/sys/fs/cgroup/unified", "cgroup2")], vec![("/sys/fs/cgroup/unified", "")]),
        ("/", vec![("/", "/sys/fs/cgroup", "cgroup"), ("/", "/sys/fs/cgroup", "tmpfs")], vec![]),
        // A container whose own part alone is mounted, and one that sees another part.
        ("/box/a", vec![("/box", "/sys/fs/cgroup", "cgroup2")], vec![("/sys/fs/cgroup", "a")]),
        ("/box/a", vec![("/other", "/sys/fs/cgroup", "cgroup2")], vec![]),
        ("/../a", vec![whole], vec![]),
        ("/../a", vec![("/..", "/sys/fs/cgroup", "cgroup2")], vec![("/sys/fs/cgroup", "a")]),
        (
            "/a",
            vec![("/", "/mnt/old\\040one", "cgroup2"), whole],
            vec![("/mnt/old one", "a"), ("/sys/fs/cgroup", "a")],
        ),
    ] {
        let expected: Vec<(PathBuf, PathBuf)> =
            expected.into_iter().map(|(mount, path)| (mount.into(), path.into())).collect();
        assert_eq!(candidates(own, &table(&mounts)), expected, "{own} {mounts:?}");
    }
    assert!(candidates("/a", &table(&[whole]).replace("rw,relatime", "ro,relatime")).is_empty());
}

#[test]
fn a_place_is_found_only_where_the_same_hierarchy_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = inode(folder.path()).expect("there");
    let place = Place { mount: folder.path().to_owned(), root, path: "a".into(), id: 1 };
    assert_eq!(place.find(), Found::Unseen, "it is no control group");
    let Some(group) = Group::make("switchback-place-test") else { return };
    let Found::Here(at) = group.place.find() else { panic!("{:?}", group.place) };
    assert_eq!(at, group.folder);
    assert_eq!(Place { root: group.place.root + 1, ..group.place.clone() }.find(), Found::Unseen);
    assert_eq!(Place { id: group.place.id + 1, ..group.place.clone() }.find(), Found::Gone);
    assert!(group.remove());
    assert_eq!(group.place.find(), Found::Gone);
}

#[test]
fn nobody_gets_out_of_a_group_by_a_session_or_an_environment_of_its_own() {
    for way in ["env -i sleep 1000", "setsid sleep 1000", "env -i setsid sh -c 'setsid sleep 1000; :'"] {
        let Some(group) = Group::make("switchback-ways-test") else { return };
        let away = away(&group, way);
        assert!(members(&group.folder).contains(&away.other), "{way}");
        assert!(!group.remove(), "it is not empty");
        assert!(end(&group.folder, later()).is_ok_and(|ended| ended >= 2), "{way}");
        assert!(away.is_dead() && !group.is_there(), "{way}");
    }
}

#[test]
fn groups_below_are_ended_too_and_one_by_one_where_the_kernel_cannot_end_all() {
    let Some(group) = Group::make("switchback-nested-test") else { return };
    let below = group.folder.join("below");
    fs::create_dir(&below).expect("made");
    let away = away(&group, "sleep 1000");
    fs::write(below.join(PROCESSES), away.other.to_string()).expect("moved");
    let inside = members(&group.folder);
    assert!(inside.contains(&away.other) && inside.contains(&away.child.as_raw()), "{inside:?}");
    kill_each(&below, &inside);
    assert!(runs(away.child.as_raw()), "it is not in that one");
    kill_each(&group.folder, &inside);
    assert!(end(&group.folder, later()).is_ok());
    assert!(away.is_dead() && !group.is_there());
}

#[test]
fn a_child_that_is_not_born_into_the_group_goes_in_and_one_that_cannot_runs_all_the_same() {
    let Some(mut group) = Group::make("switchback-entrance-test") else { return };
    // No control group: nothing can be born into it.
    group.opened = File::open("/dev/null").expect("opened");
    let inside = away(&group, "sleep 1000");
    assert!(members(&group.folder).contains(&inside.other));
    assert!(end(&group.folder, later()).is_ok());
    assert!(inside.is_dead());
    group.entrance = OpenOptions::new().write(true).open("/dev/full").expect("opened");
    let outside = away(&group, "sleep 1000");
    assert!(runs(outside.other));
    assert!(members(&group.folder).is_empty());
}

#[test]
fn the_kernel_lets_a_child_be_born_into_a_group_or_it_goes_in_by_itself() {
    let Some(mut group) = Group::make("switchback-born-test") else { return };
    // Nobody gets in that way.
    group.entrance = OpenOptions::new().write(true).open("/dev/full").expect("opened");
    let away = away(&group, "sleep 1000");
    let born = members(&group.folder).contains(&away.other);
    let release = nix::sys::utsname::uname().expect("a kernel");
    let release = release.release().to_string_lossy();
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(number);
    let new = (parts.next(), parts.next()) >= (Some(5), Some(7));
    assert!(born || !new || !cfg!(target_arch = "x86_64"), "{release}");
    assert!(end(&group.folder, later()).is_ok());
}
