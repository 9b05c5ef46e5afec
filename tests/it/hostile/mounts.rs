//! File systems that are not where they were: what lies beneath them is not what was recorded.

use crate::world::{World, is_root};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::fs;
use std::path::Path;

fn tmpfs(at: &Path) {
    fs::create_dir_all(at).expect("a folder");
    mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some("size=1m,mode=755")).expect("mounted");
}

/// A phase that records these paths, and ends with a step that fails.
fn phase(world: &World, paths: &str, act: &str) {
    world.plan(&format!(
        "  - id: only\n    layers: [{{files: {{paths: [{paths}]}}}}]\n    apply: [{{id: act, shell: '{act}; exit 1'}}]\n"
    ));
}

#[test]
fn a_file_system_that_a_phase_takes_away_is_named_and_nothing_is_written_beneath_it() {
    if !is_root("a_file_system_that_a_phase_takes_away_is_named_and_nothing_is_written_beneath_it") {
        return;
    }
    for paths in ["\"@/m/\"", "\"@/m/file\"", "\"@/m/d/\"", "\"@/m/none\""] {
        let world = World::new();
        let at = world.at("m");
        tmpfs(&at);
        fs::create_dir(at.join("d")).expect("a folder");
        for file in ["file", "d/file"] {
            fs::write(at.join(file), "old\n").expect("written");
        }
        phase(&world, paths, "echo new > @/m/file; echo new > @/m/d/file; echo > @/m/none; umount @/m");
        let at_text = at.display().to_string();
        world
            .switchback(&["run", "plan.yaml", "--unattended"])
            .ended(13)
            .with(&at_text)
            .with("is no mount point now, and was one: mount what belongs there");
        assert_eq!(fs::read_dir(&at).expect("there").count(), 0, "{paths}: something was written beneath");
    }
}

#[test]
fn what_a_phase_hides_below_a_new_file_system_is_named_and_comes_back_when_that_is_gone() {
    if !is_root("what_a_phase_hides_below_a_new_file_system_is_named_and_comes_back_when_that_is_gone") {
        return;
    }
    for paths in ["\"@/a/b/\"", "\"@/a/b/file\""] {
        let world = World::new();
        let (above, file) = (world.at("a"), world.at("a/b/file"));
        fs::create_dir_all(world.at("a/b")).expect("folders");
        fs::write(&file, "old\n").expect("written");
        phase(&world, paths, "echo new > @/a/b/file; mount -t tmpfs -o size=1m none @/a");
        let ran = world.switchback(&["run", "plan.yaml", "--unattended"]);
        let beneath = fs::read_dir(&above).expect("there").count();
        umount2(&above, MntFlags::empty()).expect("unmounted");
        ran.ended(13).with("is a mount point now, and was none; nothing below it was touched");
        assert_eq!(beneath, 0, "{paths}: something was written over it");
        assert_eq!(fs::read_to_string(&file).expect("there"), "new\n");
        world.switchback(&["rollback", "--yes"]).ended(12);
        assert_eq!(fs::read_to_string(&file).expect("there"), "old\n");
    }
}
