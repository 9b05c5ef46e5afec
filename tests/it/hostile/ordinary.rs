//! The files layer as a user who is not root.

use crate::world::{PROGRAM, Ran, World, finished, is_root, same, tree, until};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// A user and a group that no account has.
const SOMEBODY: u32 = 64_321;
/// A group that the user is not in.
const OTHERS: u32 = 64_322;
/// An access list with an entry for user 4242, as the kernel keeps it: `u::rw- u:4242:rw- g::r-- m::rw- o::r--`.
const LIST: [u8; 44] = [
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 6, 0, 146, 16, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255,
    16, 0, 6, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
];
const ACL: &str = "system.posix_acl_access";

/// A world that belongs to somebody else than root, and the program where that user may run it.
fn theirs() -> World {
    let world = World::new();
    fs::copy(PROGRAM, world.at("switchback")).expect("copied");
    for name in ["", "data", "data/one", "data/two", "home", "tmp"] {
        chown(world.at(name), Some(SOMEBODY), Some(SOMEBODY)).expect("owner");
    }
    world
}

#[expect(clippy::disallowed_methods, reason = "the program under test, as another user")]
fn as_somebody(world: &World, words: &[&str]) -> Ran {
    let mut command = Command::new(world.at("switchback"));
    command.args(words).uid(SOMEBODY).gid(SOMEBODY).current_dir(world.root()).env_clear();
    command.envs(
        world.command().get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))),
    );
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Another test's child may hold the copy open for a moment longer.
    let mut child = None;
    until("the copy can be run", || match command.spawn() {
        Ok(started) => child.replace(started).is_none(),
        Err(why) => {
            assert_eq!(why.raw_os_error(), Some(libc::ETXTBSY), "{why}");
            false
        }
    });
    finished(child.expect("started"))
}

#[test]
fn a_users_attributes_lists_modes_and_links_come_back_without_root() {
    if !is_root("a_users_attributes_lists_modes_and_links_come_back_without_root") {
        return;
    }
    let world = theirs();
    let one = world.data().join("one");
    let marked = xattr::set(&one, "user.colour", b"blue").is_ok();
    let listed = xattr::set(&one, ACL, &LIST).is_ok();
    if !(marked && listed) {
        return crate::skipped::skipped(
            "a_users_attributes_lists_modes_and_links_come_back_without_root",
            "no attributes and access lists on this file system",
        );
    }
    fs::set_permissions(world.data().join("two"), fs::Permissions::from_mode(0o4750)).expect("mode");
    std::os::unix::fs::symlink("one", world.data().join("link")).expect("a link");
    std::os::unix::fs::lchown(world.data().join("link"), Some(SOMEBODY), Some(SOMEBODY)).expect("owner");
    let before = world.data_tree();
    world.plan(
        "  - id: only
    layers: [{files: {paths: [\"@/data/\"]}}]
    apply:
      - shell: |
          cd @/data
          rm one link two
          echo other > one
          mkdir link
          echo made > two
    validate: [{id: no, probe: {run: [\"false\"]}}]
",
    );
    as_somebody(&world, &["run", "plan.yaml", "--unattended"]).ended(12);
    same(&before, &world.data_tree());
    assert_eq!(xattr::get(&one, "user.colour").expect("read").as_deref(), Some(&b"blue"[..]));
    assert_eq!(xattr::get(&one, ACL).expect("read").as_deref(), Some(&LIST[..]));
    assert_eq!(fs::metadata(&one).expect("there").uid(), SOMEBODY);
}

#[test]
fn what_a_user_could_not_put_back_is_refused_by_name_before_the_phase() {
    if !is_root("what_a_user_could_not_put_back_is_refused_by_name_before_the_phase") {
        return;
    }
    let world = theirs();
    world.script("rm -f one");
    let one = world.data().join("one");
    let refused = |why: &str| {
        let before = world.data_tree();
        as_somebody(&world, &["run", "plan.yaml", "--unattended"])
            .ended(10)
            .with(&one.display().to_string())
            .with(why);
        same(&before, &world.data_tree());
    };
    chown(&one, Some(0), None).expect("owner");
    refused("is owned by user 0");
    chown(&one, Some(SOMEBODY), Some(OTHERS)).expect("owner");
    refused("is owned by group 64322");
    chown(&one, None, Some(SOMEBODY)).expect("owner");
    // The capability of ping, `cap_net_raw=ep`, which only root can give.
    let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    if xattr::set(&one, "security.capability", &capability).is_ok() {
        refused("security.capability");
        xattr::remove(&one, "security.capability").expect("removed");
    }
    fs::set_permissions(&one, fs::Permissions::from_mode(0o000)).expect("mode");
    refused("cannot be read");
    fs::set_permissions(&one, fs::Permissions::from_mode(0o644)).expect("mode");
    if immutable(&one, true) {
        refused("is immutable or append-only");
        assert!(immutable(&one, false));
    } else {
        crate::skipped::skipped(
            "what_a_user_could_not_put_back_is_refused_by_name_before_the_phase: an immutable file",
            "this file system has none",
        );
    }
    as_somebody(&world, &["run", "plan.yaml", "--unattended"]).ended(0);
}

/// Gives a folder and all in it so many permission bits less, or more.
fn modes(folder: &std::path::Path, change: fn(u32) -> u32) {
    let mode = fs::metadata(folder).expect("there").permissions().mode();
    if folder.is_dir() {
        let below = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("entry").path());
        below.filter(|path| !path.is_symlink()).for_each(|path| modes(&path, change));
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(change(mode))).expect("mode");
}

#[test]
fn a_state_that_its_user_may_not_write_is_led_back_from_and_one_that_cannot_be_read_is_told() {
    if !is_root("a_state_that_its_user_may_not_write_is_led_back_from_and_one_that_cannot_be_read_is_told") {
        return;
    }
    for without_lock in [false, true] {
        let world = theirs();
        let before = world.data_tree();
        world.script("cd @/data; rm one; echo new > new");
        as_somebody(&world, &["run", "plan.yaml", "--unattended"]).ended(0);
        if without_lock {
            fs::remove_file(world.state().join("lock")).expect("removed");
        }

        fs::set_permissions(world.state(), fs::Permissions::from_mode(0o000)).expect("mode");
        for verb in
            [&["status"][..], &["history"], &["show"], &["resume", "--unattended"], &["rollback", "--yes"]]
        {
            let ran = as_somebody(&world, verb)
                .ended(1)
                .with("has mode 0000, and its owner may not look into it")
                .hinting("chmod 700 ");
            assert!(!ran.said().contains("nothing was ever run"), "{ran:#?}");
        }
        fs::set_permissions(world.state(), fs::Permissions::from_mode(0o700)).expect("mode");

        modes(&world.state(), |mode| mode & !0o222);
        let kept = tree(&world.state());
        as_somebody(&world, &["status"]).ended(0);
        as_somebody(&world, &["rollback", "--yes"])
            .ended(12)
            .with("unrecorded the way back goes on all the same: ")
            .with("the record of this run is not whole")
            .with("Permission denied");
        same(&before, &world.data_tree());
        same(&kept, &tree(&world.state()));
        modes(&world.state(), |mode| mode | 0o200);
        as_somebody(&world, &["rollback", "--yes"]).ended(12).with("all was as recorded");
        same(&before, &world.data_tree());
    }
}

#[expect(clippy::disallowed_methods, reason = "root's own program")]
fn immutable(path: &std::path::Path, set: bool) -> bool {
    let done =
        Command::new("chattr").arg(if set { "+i" } else { "-i" }).arg(path).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}
