//! Disks that are full, run full, or are read-only.

use crate::world::{World, finished, is_root, same, tree, until};
use nix::mount::{MsFlags, mount, umount};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

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

impl Drop for Mounted {
    fn drop(&mut self) {
        umount(&self.0).expect("unmounted");
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
        world.script("rm \"$0\"; exit 1");
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
    ] {
        let world = World::new();
        let disk = Mounted::small(&world.at("disk"), options);
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
