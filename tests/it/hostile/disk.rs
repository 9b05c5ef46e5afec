//! Disks that are full, run full, or are read-only.

use crate::skipped::skipped;
use crate::world::{World, finished, is_root, same, tree, until};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A mount that goes with the test.
struct Mounted(PathBuf);

impl Mounted {
    fn small(path: &Path, options: &str) -> Self {
        fs::create_dir_all(path).expect("a folder");
        mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::empty(), Some(options)).expect("mounted");
        Self(path.to_owned())
    }

    /// The folder as it is, read-only.
    fn frozen(path: &Path) -> Self {
        let none = None::<&str>;
        mount(Some(path), path, none, MsFlags::MS_BIND, none).expect("mounted");
        let read_only = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(none, path, none, read_only, none).expect("read-only");
        Self(path.to_owned())
    }
}

impl Mounted {
    /// A real ext4 in a file, with so many files at most; nothing where no file can be made a disk.
    fn ext4(path: &Path, image: &Path, inodes: u32) -> Option<Self> {
        fs::create_dir_all(path).expect("a folder");
        fs::File::create(image).and_then(|file| file.set_len(800 << 20)).expect("an image");
        let (image, inodes, at) =
            (image.display().to_string(), inodes.to_string(), path.display().to_string());
        let made = done("mke2fs", &["-q", "-t", "ext4", "-O", "^has_journal", "-N", &inodes, &image])
            && done("mount", &["-o", "loop,errors=continue", &image, &at]);
        made.then(|| Self(path.to_owned()))
    }

    /// What is on that disk, as after a reboot that found it damaged.
    fn again(path: &Path, image: &Path) -> Self {
        let (image, at) = (image.display().to_string(), path.display().to_string());
        // It says with its status that there was something to mend.
        let _ = done("e2fsck", &["-f", "-y", &image]);
        crate::world::until("nobody uses the disk any more", || {
            done("mount", &["-o", "loop,errors=continue", &image, &at])
        });
        Self(path.to_owned())
    }
}

/// Runs one of root's own programs; whether it was content.
#[expect(clippy::disallowed_methods, reason = "root's own programs")]
fn done(program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(words).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Drop for Mounted {
    fn drop(&mut self) {
        crate::world::until("nobody uses the mount", || match umount2(&self.0, MntFlags::empty()) {
            Err(nix::errno::Errno::EBUSY) => false,
            done => {
                done.expect("unmounted");
                true
            }
        });
    }
}

/// `{"verdict": ..}` of `status --json`.
fn told(world: &World) -> String {
    world.switchback(&["status", "--json"]).ended(0).out
}

#[test]
fn a_disk_that_is_full_before_the_start_refuses_the_run_and_says_why() {
    if !is_root("a_disk_that_is_full_before_the_start_refuses_the_run_and_says_why") {
        return;
    }
    for options in ["size=1m,mode=755", "size=300m,nr_inodes=10,mode=755"] {
        let world = World::new();
        world.script("exit 1");
        let disk = Mounted::small(&world.at("disk"), options);
        let state = world.at("disk/state").display().to_string();
        let before = world.data_tree();
        world
            .switchback(&["run", "plan.yaml", "--unattended", "--state", &state])
            .ended(10)
            .with("no generation can be recorded, so its phase was not begun")
            .with("No space left on device")
            .with(&state)
            .hinting("give it room");
        same(&before, &world.data_tree());
        let half = fs::read_dir(world.at("disk/state/generations")).expect("listed").count();
        assert_eq!(half, 0, "half a generation is left");
        world.switchback(&["status", "--state", &state]).ended(0);
        drop(disk);
    }
}

#[test]
fn a_disk_that_runs_full_while_a_step_acts_is_no_obstacle_on_the_way_back() {
    if !is_root("a_disk_that_runs_full_while_a_step_acts_is_no_obstacle_on_the_way_back") {
        return;
    }
    let full = "cat /dev/zero > @/disk/fill";
    let many = "i=0; while : > @/disk/f$i; do i=$((i+1)); done";
    for (options, fill, fails) in [
        ("size=150m,mode=755", full, true),
        // The step says that all is well: then it is the record of its end that finds no space.
        ("size=150m,mode=755", full, false),
        ("size=300m,nr_inodes=200,mode=755", many, true),
        ("size=300m,nr_inodes=200,mode=755", many, false),
        ("ext4", many, true),
        ("ext4", many, false),
    ] {
        let world = World::new();
        let disk = if options == "ext4" {
            let Some(disk) = Mounted::ext4(&world.at("disk"), &world.at("image"), 100) else {
                skipped(
                    "a_disk_that_runs_full_while_a_step_acts_is_no_obstacle_on_the_way_back: ext4",
                    "no file can be made a disk here",
                );
                continue;
            };
            disk
        } else {
            Mounted::small(&world.at("disk"), options)
        };
        fs::create_dir(world.at("disk/data")).expect("a folder");
        fs::write(world.at("disk/data/one"), "one\n".repeat(1000)).expect("written");
        let before = tree(&world.at("disk/data"));
        let folder = world.root().display().to_string();
        let end = if fails { "exit 1" } else { "exit 0" };
        world.plan(&format!(
            "  - id: only\n    layers: [{{files: {{paths: [\"@/disk/data/\"]}}}}]\n    apply:\n      - id: act\n        shell: |\n          mv @/disk/data/one @/disk/data/two\n          ({}) 2> /dev/null || true\n          {end}\n      - {{id: next, run: [\"false\"]}}\n    validate:\n      - {{id: fine, probe: {{run: [\"true\"]}}}}\n",
            fill
        ));
        let state = world.at("disk/state").display().to_string();
        world.switchback(&["run", "plan.yaml", "--unattended", "--state", &state]).ended(12);
        same(&before, &tree(&world.at("disk/data")));
        assert!(Path::new(&folder).join("disk/data/one").exists());
        // It was recorded to its end: that is what the ballast was for.
        world
            .switchback(&["status", "--state", &state])
            .ended(0)
            .with("rolled back: the machine is as before");
        world.switchback(&["rollback", "--yes", "--state", &state]).ended(0).with("Nothing to take back");
        drop(disk);
    }
}

#[test]
fn on_a_full_disk_a_word_about_a_good_change_is_heard() {
    if !is_root("on_a_full_disk_a_word_about_a_good_change_is_heard") {
        return;
    }
    let world = World::new();
    let disk = Mounted::small(&world.at("disk"), "size=150m,mode=755");
    let folder = world.root().display().to_string();
    world.plan("  - id: only\n    layers: [{files: {paths: [\"@/data/\"]}}]\n    apply: [{id: act, shell: \"echo new > @/data/one\"}]\n    confirm: {within: 1h}\n");
    let state = format!("{folder}/disk/state");
    let run = world.start(&["run", "plan.yaml", "--unattended", "--state", &state]);
    let journal = world.at("disk/state/generations/0001/journal");
    until("the window is open", || {
        fs::read_to_string(&journal).is_ok_and(|it| it.contains("confirm-opened"))
    });
    assert!(world.at("disk/state/generations/0001/ballast").exists(), "there is nothing to give back");
    fill(&world.at("disk/fill"));
    world.switchback(&["confirm", "--state", &state]).ended(0).with("phase only stays");
    finished(run).ended(0);
    assert_eq!(fs::read_to_string(world.data().join("one")).expect("read"), "new\n");
    drop(disk);
}

/// Takes every byte that is left.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).expect("created");
    let mut piece = 1 << 20;
    while piece > 0 {
        match file.write_all(&vec![b'x'; piece]) {
            Ok(()) => {}
            Err(why) => {
                assert_eq!(why.kind(), std::io::ErrorKind::StorageFull, "{why}");
                piece /= 2;
            }
        }
    }
}

#[test]
fn a_read_only_state_folder_can_be_looked_at_and_led_back_from() {
    if !is_root("a_read_only_state_folder_can_be_looked_at_and_led_back_from") {
        return;
    }
    for without_lock in [false, true] {
        let world = World::new();
        let folder = world.root().display().to_string();
        let before = world.data_tree();
        world.script(&format!("rm {folder}/data/one; echo new > {folder}/data/new"));
        world.run().ended(0);
        if without_lock {
            fs::remove_file(world.state().join("lock")).expect("removed");
        }
        let frozen = Mounted::frozen(&world.state());
        let state = tree(&world.state());
        for verb in [
            vec!["status"],
            vec!["history"],
            vec!["show"],
            vec!["show", "--evidence"],
            vec!["rollback", "--list"],
        ] {
            world.switchback(&verb).ended(0);
        }
        world.run().ended(0).with("Nothing to do");
        world
            .switchback(&["rollback", "--yes"])
            .ended(12)
            .with("unrecorded the way back goes on all the same: ")
            .with("unguarded the way back is taken, and the decision is not on disk")
            .with("the record of this run is not whole")
            .with("Read-only file system");
        same(&before, &world.data_tree());
        same(&state, &tree(&world.state()));
        drop(frozen);
        assert!(told(&world).contains("\"committed\""), "{}", told(&world));
        // Once it can be written the record is made good, and nothing more changes.
        world.switchback(&["rollback", "--yes"]).ended(12).with("all was as recorded");
        same(&before, &world.data_tree());
    }
}

#[test]
fn a_read_only_target_is_named_and_the_run_is_inconsistent_until_it_is_mended() {
    if !is_root("a_read_only_target_is_named_and_the_run_is_inconsistent_until_it_is_mended") {
        return;
    }
    let world = World::new();
    let folder = world.root().display().to_string();
    let before = world.data_tree();
    world.script(&format!("rm {folder}/data/one"));
    world.run().ended(0);
    let frozen = Mounted::frozen(&world.data());
    world.switchback(&["rollback", "--yes"]).ended(13).with("data/one").hinting("rollback");
    world.run().ended(13).with("data/one").hinting("rollback");
    drop(frozen);
    world.switchback(&["rollback", "--yes"]).ended(12);
    same(&before, &world.data_tree());
}

#[test]
fn ballast_is_kept_for_the_current_generation_alone() {
    let world = World::new();
    world.script("true");
    for _ in 0..3 {
        world.switchback(&["run", "plan.yaml", "--unattended", "--phase", "only"]).ended(0);
    }
    let there: Vec<bool> = (1..=3).map(|number| world.generation(number, "ballast").exists()).collect();
    assert_eq!(there, [false, false, true]);
}

/// A disk that takes what is written and fails when it is to be made durable: an ext4 in a file for which there is no
/// room. `back` is what it lies on; a step fills that, and a test gives it room again.
///
/// Whoever makes file systems durable asks all of them: no other test, and nobody else on this machine, is to see this one.
fn failing(world: &World, name: &str) -> Option<(Mounted, Mounted)> {
    unshare(CloneFlags::CLONE_NEWNS).expect("mounts of this test's own");
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .expect("mounts that nobody else sees");
    let back = Mounted::small(&world.at("back"), "size=400m,mode=755");
    let Some(disk) = Mounted::ext4(&world.at("disk"), &world.at("back/image"), 1000) else {
        skipped(name, "no file can be made a disk here");
        return None;
    };
    Some((disk, back))
}

#[test]
fn what_a_failing_disk_did_not_take_is_never_committed_and_comes_back_when_it_is_mended() {
    let name = "what_a_failing_disk_did_not_take_is_never_committed_and_comes_back_when_it_is_mended";
    if !is_root(name) {
        return;
    }
    let world = World::new();
    let Some((disk, back)) = failing(&world, name) else { return };
    fs::create_dir(world.at("disk/data")).expect("a folder");
    for file in ["one", "two"] {
        fs::write(world.at("disk/data").join(file), format!("{file}\n").repeat(2_000_000)).expect("written");
    }
    nix::unistd::sync();
    let before = tree(&world.at("disk/data"));
    world.plan(
        r#"  - id: only
    layers: [{files: {paths: ["@/disk/data/"]}}]
    apply:
      - id: act
        shell: |
          cat /dev/zero > @/back/fill 2> /dev/null || true
          head -c 9000000 /dev/urandom > @/disk/data/new
          for name in one two; do head -c 4000000 /dev/urandom > @/disk/data/other; mv @/disk/data/other @/disk/data/$name; done
    validate:
      - {id: fine, probe: {run: ["true"]}}
"#,
    );
    let ran = world.run();
    println!("exit status {}", ran.code);
    crate::world::harmless(&ran.said());
    // Where the way back finds room that the disk had given before, it may hold.
    assert!([12, 13].contains(&ran.code), "{ran:#?}");
    assert!(
        ran.said().contains("is not durable: No space left on device"),
        "the disk did not fail: {ran:#?}"
    );
    let journal = fs::read_to_string(world.generation(1, "journal")).expect("the journal");
    assert!(!journal.contains("\"phase-committed\""), "{journal}");
    // What is in memory is not on the disk: only what comes back from it counts.
    drop(disk);
    fs::remove_file(world.at("back/fill")).expect("room");
    let disk = Mounted::again(&world.at("disk"), &world.at("back/image"));
    if ran.code == 13 {
        world.switchback(&["rollback", "--yes"]).ended(12);
        same(&before, &tree(&world.at("disk/data")));
    }
    drop((disk, back));
}

#[test]
fn a_record_that_cannot_be_made_durable_stops_what_goes_forward_and_not_the_way_back() {
    let name = "a_record_that_cannot_be_made_durable_stops_what_goes_forward_and_not_the_way_back";
    if !is_root(name) {
        return;
    }
    let world = World::new();
    let Some((disk, back)) = failing(&world, name) else { return };
    let before = world.data_tree();
    world.plan(
        r#"  - id: only
    layers: [{files: {paths: ["@/data/"]}}]
    apply:
      - id: act
        shell: |
          rm @/data/one
          cat /dev/zero > @/back/fill 2> /dev/null || true
          yes 'much to be kept as evidence' | head -c 3000000
      - {id: next, run: [touch, "@/data/next"]}
    validate:
      - {id: fine, probe: {run: ["true"]}}
"#,
    );
    let state = world.at("disk/state").display().to_string();
    let ran = world.switchback(&["run", "plan.yaml", "--unattended", "--no-guard", "--state", &state]);
    println!("exit status {}", ran.code);
    crate::world::harmless(&ran.said());
    assert!([12, 13].contains(&ran.code), "{ran:#?}");
    assert!(ran.said().contains("No space left on device"), "the disk did not fail: {ran:#?}");
    same(&before, &world.data_tree());
    // What is on the disk of the record is a beginning of it, or damage that is named: never another story.
    drop(disk);
    let disk = Mounted::again(&world.at("disk"), &world.at("back/image"));
    fs::remove_file(world.at("back/fill")).expect("room");
    let told = world.switchback(&["status", "--state", &state]);
    crate::world::harmless(&told.said());
    assert!(!told.said().contains("committed"), "{told:#?}");
    let again = world.switchback(&["rollback", "--yes", "--state", &state]);
    println!("afterwards {}", again.code);
    assert!([0, 12, 13].contains(&again.code), "{again:#?}");
    assert!(again.code != 13 || again.said().contains("disk/state"), "{again:#?}");
    same(&before, &world.data_tree());
    drop((disk, back));
}
