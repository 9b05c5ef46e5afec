//! Modes and owners, on the file and above it. Test folders lie below `/tmp`, which is refused by itself; so the
//! trees stand in a folder of the root user's home where there is one, and the tests are for root.

use super::*;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

/// A tree that is trusted from the root down, or nothing where this machine has no place for one.
fn trusted_tree() -> Option<tempfile::TempDir> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    ["/root", "/var/lib", "/etc"].iter().find_map(|place| {
        let tree = tempfile::Builder::new().prefix("switchback-trust").tempdir_in(place).ok()?;
        std::fs::create_dir(tree.path().join("folder")).ok()?;
        put(&tree.path().join("folder/plan"), "bytes");
        read_trusted(&tree.path().join("folder/plan"), 100, 0).ok().map(|_| tree)
    })
}

fn put(path: &Path, content: &str) {
    std::fs::write(path, content).expect("written");
    mode(path, 0o644);
}

fn mode(path: &Path, bits: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(bits)).expect("mode");
}

#[test]
fn modes_and_owners_decide_on_the_file_and_above_it() {
    let Some(tree) = trusted_tree() else { return };
    let (folder, plan) = (tree.path().join("folder"), tree.path().join("folder/plan"));
    let cases = [
        (&plan, 0o644, 0, 0, true),
        (&plan, 0o600, 0, 0, true),
        (&plan, 0o664, 0, 0, false),
        (&plan, 0o646, 0, 0, false),
        (&plan, 0o644, 1000, 0, false),
        (&plan, 0o644, 1000, 1000, true),
        (&plan, 0o644, 1000, 1001, false),
        (&folder, 0o755, 0, 0, true),
        (&folder, 0o775, 0, 0, false),
        (&folder, 0o1775, 0, 0, true),
        (&folder, 0o1777, 0, 0, false),
        (&folder, 0o757, 0, 0, false),
        (&folder, 0o755, 1000, 0, false),
        (&folder, 0o755, 1000, 1000, true),
    ];
    for (path, bits, owner, user, trusted) in cases {
        mode(path, bits);
        chown(path, Some(owner), None).expect("owner");
        let seen = read_trusted(&plan, 100, user);
        assert_eq!(seen.is_ok(), trusted, "{} {bits:o} {owner} for {user}: {seen:?}", path.display());
        if let Err(why) = seen {
            assert!(why.to_string().contains(&path.display().to_string()), "{why}");
        }
        chown(path, Some(0), None).expect("owner");
        mode(path, if path == &plan { 0o644 } else { 0o755 });
    }
}

#[test]
fn a_link_is_followed_only_through_trusted_folders() {
    let Some(tree) = trusted_tree() else { return };
    let plan = tree.path().join("folder/plan");
    let link = tree.path().join("link");
    symlink("folder/../folder/plan", &link).expect("link");
    assert_eq!(read_trusted(&link, 100, 0).expect("trusted"), b"bytes");
    let loose = tree.path().join("loose");
    std::fs::create_dir(&loose).expect("folder");
    mode(&loose, 0o777);
    symlink(&plan, loose.join("plan")).expect("link");
    let way_out = tree.path().join("way-out");
    symlink("loose/plan", &way_out).expect("link");
    assert!(matches!(read_trusted(&way_out, 100, 0), Err(TrustError::Writable { mode: 0o777, .. })));
    let ring = tree.path().join("ring");
    symlink("ring", &ring).expect("link");
    assert!(matches!(read_trusted(&ring, 100, 0), Err(TrustError::Links(_))));
}

#[test]
fn what_is_not_a_file_or_too_long_is_refused() {
    let Some(tree) = trusted_tree() else { return };
    let folder = tree.path().join("folder");
    assert!(matches!(read_trusted(&folder, 100, 0), Err(TrustError::Kind { .. })));
    nix::unistd::mkfifo(&folder.join("fifo"), Mode::S_IRUSR).expect("fifo");
    assert!(matches!(read_trusted(&folder.join("fifo"), 100, 0), Err(TrustError::Kind { .. })));
    assert!(matches!(read_trusted(&folder.join("plan/below"), 100, 0), Err(TrustError::Kind { .. })));
    let why = read_trusted(&folder.join("plan"), 4, 0).expect_err("too long");
    assert!(why.to_string().ends_with("plan is longer than 4 bytes"), "{why}");
    assert!(matches!(read_trusted(&folder.join("none"), 4, 0), Err(TrustError::File(_))));
}

#[test]
fn the_shared_folder_for_temporary_files_is_refused() {
    let folder = tempfile::tempdir_in("/tmp").expect("a folder");
    put(&folder.path().join("plan"), "bytes");
    let user = nix::unistd::geteuid().as_raw();
    let why = read_trusted(&folder.path().join("plan"), 100, user).expect_err("/tmp");
    assert_eq!(why.to_string(), "/tmp has mode 1777; neither group nor others may write it");
}

#[test]
fn a_folder_is_judged_with_those_above_it_and_may_lie_in_a_sticky_one() {
    let Some(tree) = trusted_tree() else { return };
    let (folder, inner) = (tree.path().join("folder"), tree.path().join("folder/inner"));
    std::fs::create_dir(&inner).expect("folder");
    mode(&inner, 0o700);
    let cases = [
        (&folder, 0o755, 0, 0, true),
        (&folder, 0o775, 0, 0, false),
        (&folder, 0o757, 0, 0, false),
        (&folder, 0o1777, 0, 0, true),
        (&folder, 0o755, 1000, 0, false),
        (&folder, 0o755, 1000, 1000, true),
        (&inner, 0o700, 1000, 0, false),
        (&inner, 0o770, 0, 0, false),
    ];
    for (path, bits, owner, user, trusted) in cases {
        mode(path, bits);
        chown(path, Some(owner), None).expect("owner");
        let seen = judge_folder(&inner, user);
        assert_eq!(seen.is_ok(), trusted, "{} {bits:o} {owner} for {user}: {seen:?}", path.display());
        chown(path, Some(0), None).expect("owner");
        mode(path, if path == &inner { 0o700 } else { 0o755 });
    }
    assert!(matches!(judge_folder(&folder.join("plan"), 0), Err(TrustError::Kind { .. })));
    judge_folder(std::env::temp_dir().as_path(), 0).expect("sticky and root's");
}

#[test]
fn a_relative_path_is_refused() {
    assert!(matches!(read_trusted(Path::new("plan"), 1, 0), Err(TrustError::Relative(_))));
}
