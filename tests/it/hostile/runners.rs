//! Two runners, and those who look while one is at work.

use crate::world::{Ran, World, finished, same, tree, until};
use std::fs;
use std::time::Duration;

/// A plan whose step waits until it may go on.
fn waiting() -> World {
    let world = World::new();
    let folder = world.root().display();
    world.script(&format!(
        "echo x >> {folder}/count\ntouch {folder}/ready\nwhile [ ! -e {folder}/go ]; do sleep 0.02; done"
    ));
    world
}

fn at_work(child: Option<&std::process::Child>) -> bool {
    child.is_some_and(|child| crate::world::lives(&child.id().to_string()))
}

#[test]
fn of_eight_runners_one_works_and_seven_name_it() {
    let world = waiting();
    let mut runners: Vec<Option<std::process::Child>> =
        (0..8).map(|_| Some(world.start(&["run", "plan.yaml", "--unattended"]))).collect();
    until("one is at work and seven are gone", || {
        world.at("ready").exists() && runners.iter().filter(|child| at_work(child.as_ref())).count() == 1
    });
    let winner = runners.iter().position(|child| at_work(child.as_ref()));
    let winner = runners[winner.expect("one")].take().expect("one");
    let name = format!("process {}", winner.id());
    for runner in runners.into_iter().flatten() {
        finished(runner).ended(15).with("is held by `run`").with(&name).hinting("switchback status");
    }
    for verb in [vec!["resume", "--unattended"], vec!["rollback", "--yes"]] {
        world.switchback(&verb).ended(15).with(&name);
    }
    fs::write(world.at("go"), "").expect("written");
    finished(winner).ended(0);
    assert_eq!(fs::read_to_string(world.at("count")).expect("counted"), "x\n");
    assert_eq!(fs::read_dir(world.state().join("generations")).expect("listed").count(), 1);
}

#[test]
fn looking_while_a_run_is_at_work_is_quick_and_changes_nothing() {
    let world = waiting();
    let runner = world.start(&["run", "plan.yaml", "--unattended"]);
    until("the step is under way", || world.at("ready").exists());
    let before = tree(&world.state());
    for words in [
        vec!["status"],
        vec!["status", "--json"],
        vec!["history"],
        vec!["show"],
        vec!["rollback", "--list"],
        vec!["run", "plan.yaml", "--dry-run"],
    ] {
        let ran: Ran = world.switchback(&words);
        assert!(ran.took < Duration::from_secs(60), "{words:?}: {ran:?}");
        assert!([0, 11].contains(&ran.code), "{words:?}: {ran:?}");
    }
    world.switchback(&["status"]).ended(0).with(&format!("process {}", runner.id())).with("applying");
    same(&before, &tree(&world.state()));
    fs::write(world.at("go"), "").expect("written");
    finished(runner).ended(0);
}

#[test]
fn a_lock_that_a_killed_runner_left_is_free() {
    let world = waiting();
    let mut runner = world.start(&["run", "plan.yaml", "--unattended", "--no-guard"]);
    until("the step is under way", || world.at("ready").exists());
    runner.kill().expect("killed");
    runner.wait().expect("gone");
    assert!(world.state().join("lock").exists());
    world.switchback(&["rollback", "--yes"]).ended(12);
}
