//! Looking writes nothing, acting writes only where it should, and the exit status says how it ended.

use crate::world::{Tree, World, same, tree};
use std::fs;

const FAILING: &str = "  - id: only\n    layers: [{files: {paths: [\"@/data/\"]}}]\n    apply:\n      - {id: act, run: [rm, \"@/data/one\"]}\n    validate:\n      - {id: bad, probe: {run: [\"false\"]}}\n";

#[test]
fn looking_writes_nothing() {
    let world = World::new();
    world.plan(FAILING);
    let untouched = tree(world.root());
    let looks: [&[&str]; 14] = [
        &["lint", "plan.yaml"],
        &["lint", "plan.yaml", "--json"],
        &["explain", "plan.yaml"],
        &["explain", "plan.yaml", "--json"],
        &["run", "plan.yaml", "--dry-run"],
        &["status"],
        &["status", "--json"],
        &["history"],
        &["history", "--json"],
        &["show"],
        &["show", "--evidence"],
        &["show", "--json"],
        &["rollback", "--list"],
        &["schema"],
    ];
    for words in looks {
        world.switchback(words);
        same(&untouched, &tree(world.root()));
    }
    world.run().ended(12);
    // The index is older than the journals: looking must not put that right.
    let journal = world.generation(1, "journal");
    let text = fs::read(&journal).expect("read");
    fs::write(&journal, text).expect("written again");
    let after = tree(world.root());
    for words in looks {
        // A dry run of a plan that was rejected shows it, and then says that the run would not take it.
        let rejected = words.contains(&"--dry-run");
        world.switchback(words).ended(if rejected { 14 } else { 0 });
        same(&after, &tree(world.root()));
    }
}

#[test]
fn acting_writes_to_the_state_and_what_the_plan_changes_and_nowhere_else() {
    let world = World::new();
    world.plan(FAILING);
    let others = |world: &World| -> Tree {
        tree(world.root()).into_iter().filter(|(name, _)| !name.starts_with("state")).collect()
    };
    let before = others(&world);
    world.run().ended(12);
    world.switchback(&["rollback", "--yes"]).ended(0);
    same(&before, &others(&world));
}

#[test]
fn the_exit_status_says_how_it_ended_and_every_refusal_says_what_to_do() {
    let world = World::new();
    let before = world.data_tree();
    // Where nothing was ever run there is nothing to take back or up: no mistake, as for `status`.
    world.switchback(&["rollback", "--yes"]).ended(0).with("nothing was ever run");
    world.switchback(&["resume", "--unattended"]).ended(0).with("nothing was ever run");
    world.switchback(&["rollback", "--to", "start", "--yes"]).ended(2).hinting("--state DIR");
    world.switchback(&["show"]).ended(2).hinting("--state DIR");
    world.plan(FAILING);
    world.switchback(&["run", "plan.yaml"]).ended(2).hinting("--unattended");
    assert!(!world.state().exists());
    world.run().ended(12).hinting("switchback show");
    world.run().ended(14).hinting("--override");
    world.switchback(&["rollback", "--yes"]).ended(0).with("Nothing to take back");
    world.switchback(&["resume", "--unattended"]).ended(0);
    world.switchback(&["rollback", "--to", "99"]).ended(2).hinting("--list");
    world.switchback(&["rollback", "--to", "nowhere"]).ended(2).hinting("--list");
    world.switchback(&["show", "99"]).ended(2).hinting("history");
    same(&before, &world.data_tree());

    let refusing = FAILING
        .replace("    apply:", "    preflight:\n      - {id: no, probe: {run: [\"false\"]}}\n    apply:");
    world.plan(&refusing);
    world
        .switchback(&["run", "plan.yaml", "--unattended", "--override"])
        .ended(10)
        .with("nothing was changed");

    let pausing = format!("{FAILING}    \"on\": {{fail: pause}}\n");
    world.plan(&pausing);
    world.switchback(&["run", "plan.yaml", "--unattended", "--override"]).ended(11);
    world.switchback(&["rollback"]).ended(2).hinting("--yes");
    world
        .switchback(&["run", "plan.yaml", "--unattended", "--override"])
        .ended(11)
        .hinting("switchback resume");
    world.switchback(&["rollback", "--yes"]).ended(12);
    same(&before, &world.data_tree());

    world.script("true");
    world.switchback(&["run", "plan.yaml", "--unattended", "--override"]).ended(0);
    world.switchback(&["run", "plan.yaml", "--unattended", "--override"]).ended(0).with("Nothing to do");
    world.switchback(&["rollback", "--yes"]).ended(12);
}

#[test]
fn a_reader_that_goes_away_or_a_full_output_does_not_change_how_it_ends() {
    for out in ["/dev/full", "pipe"] {
        let world = World::new();
        let before = world.data_tree();
        world.plan(FAILING);
        let mut command = world.command();
        command.args(["run", "plan.yaml", "--unattended"]);
        if out != "pipe" {
            let full = fs::OpenOptions::new().write(true).open(out).expect("opened");
            command.stdout(full.try_clone().expect("twice")).stderr(full);
        }
        let mut child = command.spawn().expect("started");
        drop(child.stdout.take());
        drop(child.stderr.take());
        assert_eq!(child.wait().expect("ended").code(), Some(12), "{out}");
        same(&before, &world.data_tree());
    }
}
