//! What the tests of this room share: a host, a watch that says nothing, snapshots that do not use this room's code.

use super::LayerCx;
use crate::system::host::{Account, Host};
use crate::system::process::{Ids, JobId, Watch};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

#[derive(Default)]
pub(super) struct Silent {
    pub(super) lines: Vec<String>,
    /// What was changed back, as a person is told.
    pub(super) changed_back: Vec<String>,
}

impl Watch for Silent {
    fn line(&mut self, _: JobId, text: &str) {
        self.lines.push(text.to_owned());
    }
    fn changed_back(&mut self, what: &str) {
        self.changed_back.push(what.to_owned());
    }
    fn tick(&mut self) {}
    fn interrupted(&mut self) -> bool {
        false
    }
}

/// A machine with a home folder.
pub(super) struct Bench {
    pub(super) folder: tempfile::TempDir,
    pub(super) host: Host,
    pub(super) watch: Silent,
    pub(super) capsule: PathBuf,
}

impl Bench {
    /// On the disk.
    pub(super) fn new() -> Self {
        Self::within(tempfile::tempdir().expect("folder"))
    }

    /// In memory where there is such a place: the property tests sync often.
    pub(super) fn in_memory() -> Self {
        let shm = Path::new("/dev/shm");
        let folder = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
        Self::within(folder.expect("folder"))
    }

    fn within(folder: tempfile::TempDir) -> Self {
        let euid = ::nix::unistd::geteuid().as_raw();
        let gid = ::nix::unistd::getegid().as_raw();
        let home = folder.path().join("home");
        fs::create_dir(&home).expect("home");
        let name = if euid == 0 { "root" } else { "tester" }.to_owned();
        let ids = Ids { uid: euid, gid, groups: vec![gid] };
        let invoker = Account { name, ids, home, shell: "/bin/sh".into() };
        let host = Host {
            euid,
            runner: invoker.clone(),
            invoker,
            caller: euid,
            boot_id: None,
            path: "/run/current-system/sw/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".into(),
            own: BTreeMap::new(),
            quiet: true,
        };
        let capsule = folder.path().join("state/generations/0001");
        fs::create_dir_all(&capsule).expect("capsule");
        fs::set_permissions(&capsule, fs::Permissions::from_mode(0o700)).expect("mode");
        Self { folder, host, watch: Silent::default(), capsule }
    }

    /// Canonical, so that tests can compare paths.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("path")
    }

    pub(super) fn cx(&mut self) -> LayerCx<'_> {
        LayerCx { host: &self.host, capsule: &self.capsule, watch: &mut self.watch }
    }
}

/// Everything about a tree that must come back, by path.
pub(super) fn snapshot(path: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut inodes = BTreeMap::new();
    visit(path, &mut all, &mut inodes);
    all
}

fn visit(path: &Path, all: &mut BTreeMap<PathBuf, String>, inodes: &mut BTreeMap<u64, PathBuf>) {
    let Ok(seen) = fs::symlink_metadata(path) else { return };
    let kind = seen.file_type();
    let body = if kind.is_symlink() {
        format!("link {:?}", fs::read_link(path).expect("link"))
    } else if kind.is_dir() {
        "folder".to_owned()
    } else if kind.is_fifo() {
        "pipe".to_owned()
    } else {
        let bytes = fs::read(path).expect("file");
        let first = inodes.entry(seen.ino()).or_insert_with(|| path.to_owned());
        format!("file {} {:?} {first:?} {}", bytes.len(), bytes.escape_ascii().to_string(), seen.nlink())
    };
    let mut attributes: Vec<_> = xattr::list(path)
        .map(|names| names.map(|name| (name.clone(), xattr::get(path, &name).expect("value"))).collect())
        .unwrap_or_default();
    attributes.sort();
    let mode = if kind.is_symlink() { 0 } else { seen.mode() & 0o7777 };
    let (uid, gid, time, nanos) = (seen.uid(), seen.gid(), seen.mtime(), seen.mtime_nsec());
    all.insert(path.to_owned(), format!("{body} {mode:o} {uid}:{gid} {time}.{nanos} {attributes:?}"));
    if kind.is_dir() {
        let mut below: Vec<_> =
            fs::read_dir(path).expect("folder").map(|entry| entry.expect("entry").path()).collect();
        below.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
        for path in below {
            visit(&path, all, inodes);
        }
    }
}
