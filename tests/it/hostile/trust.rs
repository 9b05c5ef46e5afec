//! What root reads must be nobody else's to write.

use crate::world::{World, is_root, same, tree};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const RULE: &str = "neither group nor others may write it";
const NOBODY: u32 = 65534;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("mode");
}

/// Messages that are drawn beside an excerpt are wrapped.
pub(super) fn unwrapped(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(|line| line.trim_start_matches("  │ ")).collect();
    let joined = lines.join("\n");
    let mut text = String::new();
    for (at, line) in joined.lines().enumerate() {
        let wrapped = said.lines().nth(at).is_some_and(|line| line.starts_with("  │ "));
        if wrapped && !text.ends_with('/') && !text.ends_with('-') {
            text.push(' ');
        } else if !wrapped {
            text.push('\n');
        }
        text.push_str(line);
    }
    text
}

/// A world whose plan uses a profile, a library and a file to install, all in `plans/`.
fn with_sources() -> World {
    let world = World::new();
    let folder = world.root().display();
    world.write(
        "plans/plan.yaml",
        format!(
            "switchback: 1\nname: good\nprofile: profile.yaml\nchecks: [library.yaml]\nphases:\n  - id: a\n    layers: [{{files: {{paths: [\"{folder}/data/\"]}}}}]\n    apply:\n      - {{id: put, install: {{from: source, to: \"{folder}/data/new\"}}}}\n    validate:\n      - {{use: shared}}\n"
        ),
    );
    world.write("plans/profile.yaml", "cpu: {march: x}\n");
    world.write(
        "plans/library.yaml",
        "switchback: 1\nchecks:\n  shared:\n    about: Shared.\n    probe: {run: [\"true\"]}\n",
    );
    world.write("plans/source", "new\n");
    mode(&world.at("plans"), 0o755);
    world
}

#[test]
fn root_refuses_what_others_may_write_and_names_path_mode_and_rule() {
    if !is_root("root_refuses_what_others_may_write_and_names_path_mode_and_rule") {
        return;
    }
    let world = with_sources();
    let words = ["run", "plans/plan.yaml", "--unattended"];
    for name in ["plans/plan.yaml", "plans/profile.yaml", "plans/library.yaml", "plans/source", "plans"] {
        let path = world.at(name);
        let good = if name == "plans" { 0o755 } else { 0o644 };
        for loose in [good | 0o020, good | 0o002] {
            mode(&path, loose);
            let before = tree(world.root());
            let said = unwrapped(&world.switchback(&words).ended(2).said());
            for part in [&path.display().to_string(), &format!("mode {loose:04o}"), RULE] {
                assert!(said.contains(part), "{part} is not in {said}");
            }
            same(&before, &tree(world.root()));
        }
        mode(&path, good);
        chown(&path, Some(NOBODY), Some(NOBODY)).expect("owner");
        let before = tree(world.root());
        let said = unwrapped(&world.switchback(&words).ended(2).said());
        for part in [&path.display().to_string(), "belongs to user 65534; it must belong to root"] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
        // Whom a run is for is not who may give root its plan.
        let named = [&words[..], &["--user", "nobody"]].concat();
        let said = unwrapped(&world.switchback(&named).ended(2).said());
        assert!(said.contains("belongs to user 65534"), "{said}");
        same(&before, &tree(world.root()));
        chown(&path, Some(0), Some(0)).expect("owner");
    }
    world.switchback(&words).ended(0);
}

#[test]
fn root_follows_no_link_through_a_folder_of_others() {
    if !is_root("root_follows_no_link_through_a_folder_of_others") {
        return;
    }
    let world = with_sources();
    let open = world.at("open");
    fs::create_dir(&open).expect("a folder");
    mode(&open, 0o1777);
    symlink(world.at("plans/plan.yaml"), open.join("plan.yaml")).expect("a link");
    symlink(open.join("plan.yaml"), world.at("plans/link.yaml")).expect("a link");
    for plan in ["open/plan.yaml", "plans/link.yaml"] {
        world
            .switchback(&["run", plan, "--unattended"])
            .ended(2)
            .with(&open.display().to_string())
            .with("mode 1777");
    }
    assert!(!world.state().exists());
}

#[test]
fn a_link_that_is_swapped_under_root_never_leads_to_the_plan_of_another() {
    if !is_root("a_link_that_is_swapped_under_root_never_leads_to_the_plan_of_another") {
        return;
    }
    let world = with_sources();
    let (good, evil) = (world.at("plans/plan.yaml"), world.at("evil.yaml"));
    fs::write(&evil, fs::read_to_string(&good).expect("read").replace("name: good", "name: evil"))
        .expect("written");
    for source in ["profile.yaml", "library.yaml", "source"] {
        fs::copy(world.at("plans").join(source), world.at(source)).expect("copied");
    }
    chown(&evil, Some(NOBODY), Some(NOBODY)).expect("owner");
    let link = world.at("link.yaml");
    symlink(&good, &link).expect("a link");
    let over = AtomicBool::new(false);
    let (mut taken, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let spare = world.at("spare.yaml");
            while !over.load(Ordering::Relaxed) {
                for target in [&evil, &good] {
                    symlink(target, &spare).expect("a link");
                    fs::rename(&spare, &link).expect("swapped");
                }
            }
        });
        for _ in 0..400 {
            let ran = world.switchback(&["explain", "link.yaml"]);
            assert!(!ran.out.contains("evil"), "{ran:?}");
            match ran.code {
                0 => taken += 1,
                2 => refused += 1,
                other => panic!("{other}: {ran:?}"),
            }
            if taken > 2 && refused > 2 {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(taken > 0 && refused > 0, "the race was never on: {taken} taken, {refused} refused");
}

#[test]
fn root_runs_no_health_script_that_others_may_write() {
    if !is_root("root_runs_no_health_script_that_others_may_write") {
        return;
    }
    let world = World::new();
    let ran = world.at("ran").display().to_string();
    let script = world.write("scripts/required.d/10-open", format!("#!/bin/sh\ntouch {ran}\n"));
    mode(&script, 0o777);
    world.plan(
        "  - id: a\n    layers: [{files: {paths: [\"@/data/\"]}}]\n    apply:\n      - {id: put, run: [touch, \"@/data/new\"]}\n    validate:\n      - {id: health, scripts: \"@/scripts\"}\n    \"on\": {error: rollback}\n",
    );
    let before = world.data_tree();
    world.run().ended(12).with("10-open has mode 0777; neither group nor others may write it");
    assert!(!world.at("ran").exists(), "the script ran");
    same(&before, &world.data_tree());
}

#[test]
fn a_state_folder_that_others_may_use_is_refused() {
    let world = World::new();
    world.script("true");
    world.run().ended(0);
    for verb in [
        vec!["status"],
        vec!["history"],
        vec!["show"],
        vec!["rollback", "--yes"],
        vec!["run", "plan.yaml", "--unattended"],
    ] {
        mode(&world.state(), 0o755);
        world.switchback(&verb).ended(1).with("has mode 0755, and others may use it").hinting("chmod 700");
    }
    if is_root("a_state_folder_that_others_may_use_is_refused: owned by another") {
        mode(&world.state(), 0o700);
        chown(world.state(), Some(NOBODY), Some(NOBODY)).expect("owner");
        world.switchback(&["rollback", "--yes"]).ended(1).with("belongs to user 65534");
    }
}

#[test]
fn a_built_in_act_reaches_no_file_through_a_link_and_the_way_back_tells_the_truth() {
    for (act, link) in [("set", "mine.ini"), ("set", "dir/secret.ini"), ("install", "dir/secret.ini")] {
        let world = World::new();
        world.write("secrets/secret.ini", "[G]\nK=old\n");
        world.write("source", "new\n");
        fs::create_dir(world.at("house")).expect("a folder");
        symlink(world.at("secrets/secret.ini"), world.at("house/mine.ini")).expect("a link");
        symlink(world.at("secrets"), world.at("house/dir")).expect("a link");
        let to = world.at("house").join(link).display().to_string();
        let step = match act {
            "set" => format!("{{set: {{file: \"{to}\", format: ini, keys: {{G: {{K: new}}}}}}}}"),
            _ => format!("{{install: {{from: source, to: \"{to}\"}}}}"),
        };
        let plan = |first: &str| {
            format!(
                "switchback: 1\nname: t\nphases:\n  - id: a\n    layers: [{{files: {{paths: [\"{to}\"]}}}}]\n    apply:\n{first}      - {step}\n    validate:\n      - {{id: ok, probe: {{run: [\"true\"]}}}}\n"
            )
        };
        let before = (tree(&world.at("secrets")), tree(&world.at("house")));
        // Seen before the phase where nothing can have changed it since, and at the step otherwise.
        for (first, status) in [("", 10), ("      - {run: [\"true\"]}\n", 12)] {
            world.write("plan.yaml", plan(first));
            let said = unwrapped(&world.run().ended(status).said());
            assert!(said.contains(" is a link to "), "{act} {link}: {said}");
            same(&before.0, &tree(&world.at("secrets")));
            same(&before.1, &tree(&world.at("house")));
        }
    }
}
