//! `switchback rescue`: the way home checked, copied and rehearsed.

use crate::world::{World, is_root, same, tree};
use std::fs;
use std::os::unix::fs::symlink;

fn ready() -> World {
    let world = World::new();
    symlink("one", world.data().join("link")).expect("a link");
    fs::create_dir(world.data().join("sub")).expect("a folder");
    fs::write(world.data().join("sub/deep"), "deep\n").expect("written");
    world.plan("  - id: only\n    layers: [{files: {paths: [\"@/data/\"]}}]\n    apply:\n      - {id: act, shell: \"cd @/data; echo changed > one; rm -r sub link; echo n > new\"}\n      - {id: told, run: [\"true\"], undo: {run: [touch, \"@/tmp/undone\"]}}\n");
    world
}

#[test]
fn a_capsule_that_is_whole_verifies_and_each_damage_is_named() {
    for (damaged, named) in [
        ("", ""),
        ("journal", "journal line"),
        ("plan.json", "plan.json"),
        ("switchback", "switchback"),
        ("UNDO", "UNDO"),
        ("originals/*", "originals/"),
        ("layers/00-files.jsonl", "00-files.jsonl"),
    ] {
        let world = ready();
        world.run().ended(0);
        world.switchback(&["rescue", "status"]).ended(0).with("phase only, in effect");
        let path = world.generation(1, damaged.trim_end_matches("/*"));
        let path = match damaged.ends_with("/*") {
            true => fs::read_dir(&path).expect("listed").next().expect("one").expect("an entry").path(),
            false => path,
        };
        if damaged.is_empty() {
            world
                .switchback(&["rescue", "verify"])
                .ended(0)
                .with("Whole: 1 capsule read to the last byte: generation 0001");
            continue;
        }
        let mut bytes = fs::read(&path).expect("read");
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::remove_file(&path).expect("removed");
        fs::write(&path, bytes).expect("damaged");
        world.switchback(&["rescue", "verify"]).ended(20).with(named);
        let json = world.switchback(&["rescue", "verify", "1", "--json"]).ended(20).out;
        let told: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert!(told["damage"].to_string().contains(named), "{damaged}: {told}");
    }
}

#[test]
fn an_exported_capsule_leads_back_when_the_state_folder_is_gone() {
    let world = ready();
    let before = world.data_tree();
    world.run().ended(0);
    let stick = world.at("stick").display().to_string();
    world.switchback(&["rescue", "export", &stick]).ended(0).with("read back to the last byte");
    world.switchback(&["rescue", "export", &stick]).ended(2).with("not empty");
    fs::remove_dir_all(world.state()).expect("removed");
    world.switchback(&["rescue", "verify", "--state", &stick]).ended(0);
    world.switchback(&["rollback", "--yes", "--state", &stick]).ended(12);
    same(&before, &world.data_tree());
    assert!(world.at("tmp/undone").exists());
    let world = ready();
    world.run().ended(0);
    let original = fs::read_dir(world.generation(1, "originals")).expect("listed").next().expect("one");
    fs::write(original.expect("an entry").path(), "damaged").expect("damaged");
    let stick = world.at("stick").display().to_string();
    world.switchback(&["rescue", "export", &stick]).ended(20).with("not whole").with("originals/");
}

#[test]
fn a_drill_goes_the_way_home_in_a_copy_and_changes_nothing_here() {
    if !is_root("a_drill_goes_the_way_home_in_a_copy_and_changes_nothing_here") {
        return;
    }
    let world = ready();
    world.run().ended(0);
    let (data, state) = (tree(world.root()), world.generation(1, "journal"));
    let journal = fs::read(&state).expect("read");
    let ran = world.switchback(&["rescue", "drill"]).ended(0).with("it worked in").with("undo of step told");
    assert!(ran.said().contains("touch"), "{ran:#?}");
    let mut after = tree(world.root());
    let mut before = data;
    for tree in [&mut before, &mut after] {
        // What is remembered of the drill, and who held the lock.
        tree.retain(|name, _| !name.ends_with("generations/0001/drill") && name != "state/lock");
        tree.retain(|name, _| name != "state" && name != "state/generations/0001");
    }
    same(&before, &after);
    assert_eq!(journal, fs::read(&state).expect("read"));
    assert!(!ran.said().contains("no time"), "{ran:#?}");
    world.switchback(&["status"]).ended(0).with("way home rehearsed");
    let told = world.switchback(&["status", "--json"]).ended(0).out;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["drill"]["worked"], true, "{told}");
    // With programs: in the copy alone.
    world.switchback(&["rescue", "drill", "--activate", "--json"]).ended(0);
    assert!(!world.at("tmp/undone").exists(), "it was run here");
    // One that fails says so, and is remembered too.
    let original = fs::read_dir(world.generation(1, "originals")).expect("listed").next().expect("one");
    fs::write(original.expect("an entry").path(), "damaged").expect("damaged");
    world.switchback(&["rescue", "drill"]).ended(20).with("FAILED").with("damaged");
    world.switchback(&["rescue", "status"]).ended(0).with("FAILED");
}
