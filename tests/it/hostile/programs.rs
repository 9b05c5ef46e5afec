//! Programs that misbehave.

use crate::world::{World, lives, same, until};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

#[test]
fn a_program_that_is_missing_or_cannot_be_executed_is_named_and_reverts() {
    let world = World::new();
    let plain = world.write("plain", "#!/bin/sh\n").display().to_string();
    let script = world.write("lost", "#!/no/such/interpreter\n");
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("mode");
    let before = world.data_tree();
    let look = "see `switchback show";
    for (program, why, hint) in [
        ("no-such-program", "no-such-program: not found in PATH\n", "write the program's whole path"),
        ("/no/such/program", "/no/such/program is not there", look),
        (plain.as_str(), "plain may not be executed", look),
        (&script.display().to_string(), "needs /no/such/interpreter, which is not there", look),
        ("/etc", "/etc is a folder", look),
    ] {
        world.steps(&format!(
            "      - {{id: first, run: [rm, \"@/data/one\"]}}\n      - {{id: second, run: [\"{program}\"]}}\n"
        ));
        world
            .switchback(&["run", "plan.yaml", "--unattended", "--override"])
            .ended(12)
            .with(why)
            .hinting(hint)
            .hinting("switchback show");
        same(&before, &world.data_tree());
    }
}

#[test]
fn a_program_that_prints_200_megabytes_leaves_bounded_evidence_and_a_small_runner() {
    let world = World::new();
    world.script("yes 'a line of output that goes on and on' | head -c 200000000\necho the end >&2");
    let ran = world.run().ended(0);
    assert!(ran.peak < 32 << 10, "the runner took {} KiB", ran.peak);
    assert!(ran.said().len() < 64 << 10);
    let kept = fs::metadata(world.generation(1, "evidence/apply-act.out")).expect("evidence").len();
    assert!((1 << 10..2 << 20).contains(&kept), "{kept}");
    world.switchback(&["show", "--evidence"]).ended(0).with("bytes left out").with("the end");
}

#[test]
fn a_program_that_never_ends_is_killed_with_its_group_and_the_phase_reverts() {
    let world = World::new();
    let before = world.data_tree();
    world.steps(
        "      - id: act\n        timeout: 1s\n        shell: |\n          trap '' TERM HUP\n          rm \"@/data/one\"\n          sleep 1000 & echo $! > \"@/child\"\n          sleep 1000 & wait; wait; sleep 1000\n",
    );
    let ran = world.run().ended(12).with("was killed after 1s");
    assert!(ran.took < Duration::from_secs(60), "{ran:?}");
    assert!(!lives(&fs::read_to_string(world.at("child")).expect("a child")), "its child lives on");
    same(&before, &world.data_tree());
}

#[test]
fn a_program_that_forks_away_is_gone_before_anything_is_undone() {
    let world = World::new();
    let before = world.data_tree();
    let shell = "          setsid sh -c 'setsid env -i sh -c \"echo \\$\\$ > @/away; while :; do echo spoilt > @/data/one; done\" & exit' &\n          while [ ! -s \"@/away\" ]; do :; done\n          exit 1\n";
    world.steps(&format!(
        "      - id: act\n        shell: |\n{shell}        undo: {{run: [sh, -c, \"kill -0 $(cat @/away) && touch @/still-there; true\"]}}\n"
    ));
    world.run().ended(12);
    assert!(!world.at("still-there").exists(), "it was alive when the undo ran");
    assert!(!lives(&fs::read_to_string(world.at("away")).expect("it ran")));
    same(&before, &world.data_tree());
}

#[test]
fn a_program_that_closes_its_output_or_asks_for_input_neither_hangs_nor_fails() {
    let world = World::new();
    world.script("test -z \"$(cat)\"\n! (: < /dev/tty) 2> /dev/null\n! read -r line\nexec >&- 2>&-\nexit 0");
    let ran = world.run().ended(0);
    assert!(ran.took < Duration::from_secs(60), "{ran:?}");
}

#[test]
fn a_program_that_dies_by_a_signal_is_a_failure_with_the_signal_named() {
    let world = World::new();
    let before = world.data_tree();
    for (signal, word) in [("KILL", "9"), ("SEGV", "11")] {
        world.script(&format!("rm '{}'\nkill -{signal} $$", world.data().join("one").display()));
        world
            .switchback(&["run", "plan.yaml", "--unattended", "--override"])
            .ended(12)
            .with(&format!("signal {word}"));
        same(&before, &world.data_tree());
    }
}

#[test]
fn what_a_program_prints_never_commands_the_terminal() {
    let world = World::new();
    let nasty =
        "printf '\\033]0;title\\007\\033[2J\\033[31mred\\r\\342\\200\\256bidi\\302\\233C1\\177\\377\\b\\n'";
    world.plan(&format!(
        "  - id: only\n    layers: [{{files: {{paths: [\"@/data/\"]}}}}]\n    apply:\n      - id: act\n        shell: |\n          {nasty}\n          {nasty} >&2\n          echo x > \"@/data/$(printf '\\033[31m\\342\\200\\256\\n\\377name')\"\n    validate:\n      - id: look\n        probe: {{run: [sh, -c, \"printf '\\\\033[31m\\\\342\\\\200\\\\256'; exit 3\"]}}\n        expect: {{exit: 0, stdout: {{equals: fine}}}}\n    \"on\": {{fail: pause}}\n"
    ));
    world.run().ended(11);
    for verb in [
        vec!["show", "--evidence"],
        vec!["show", "--json"],
        vec!["status"],
        vec!["status", "--json"],
        vec!["history"],
        vec!["history", "--json"],
        vec!["rollback", "--list"],
    ] {
        world.switchback(&verb).ended(0);
    }
    world.switchback(&["show", "--evidence"]).ended(0).with("\\e[31mred");
    // The preview and the way back speak of the file whose name is the worst of it.
    world.switchback(&["rollback", "--yes"]).ended(12);
    assert_eq!(fs::read_dir(world.data()).expect("data").count(), 2);
    world.switchback(&["--json", "history"]).ended(0);
}

#[test]
fn an_error_about_a_nasty_name_is_shown_harmlessly() {
    let world = World::new();
    world.script("rm -rf \"$(dirname \"$PWD\")/nothing\"; exit 0");
    let odd = world.at("odd\u{202e}\u{1b}[31m");
    fs::create_dir(&odd).expect("a folder");
    let state = odd.join("state").display().to_string();
    world.switchback(&["status", "--state", &state]).ended(0);
    world.switchback(&["run", "plan.yaml", "--unattended", "--state", &state]).ended(0);
    for verb in ["status", "history", "show"] {
        world.switchback(&[verb, "--state", &state]).ended(0);
        world.switchback(&[verb, "--json", "--state", &state]).ended(0);
    }
    let journal = odd.join("state/generations/0001/journal");
    fs::write(&journal, "{}\n").expect("damaged");
    for verb in [vec!["status"], vec!["show"], vec!["rollback", "--yes"], vec!["resume", "--unattended"]] {
        let words: Vec<&str> = verb.iter().copied().chain(["--state", &state]).collect();
        let ran = world.switchback(&words);
        crate::world::harmless(&ran.said());
    }
}

#[test]
fn a_program_gets_the_environment_of_the_list_and_no_other() {
    let world = World::new();
    world.script("tr '\\0' '\\n' < /proc/$$/environ");
    let mut command = world.command();
    for name in [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "BASH_ENV",
        "ENV",
        "IFS",
        "PYTHONPATH",
        "PERL5LIB",
        "GIT_DIR",
        "GIT_SSH_COMMAND",
        "SYSTEMD_LOG_LEVEL",
        "LESSOPEN",
        "NIX_PATH",
        "http_proxy",
        "SUDO_COMMAND",
        "CANARY",
    ] {
        command.env(name, "sentinel");
    }
    command.args(["run", "plan.yaml", "--unattended"]);
    crate::world::finished(command.spawn().expect("started")).ended(0);
    let seen = fs::read_to_string(world.generation(1, "evidence/apply-act.out")).expect("evidence");
    assert!(!seen.contains("sentinel"), "{seen}");
    let allowed = [
        "LANG",
        "TERM",
        "PAGER",
        "SYSTEMD_PAGER",
        "GIT_PAGER",
        "SYSTEMD_COLORS",
        "NO_COLOR",
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "XDG_RUNTIME_DIR",
        "SWITCHBACK_JOB",
    ];
    let names: Vec<&str> = seen.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert!(names.contains(&"PATH"), "{seen}");
    let strange: Vec<&&str> = names.iter().filter(|name| !allowed.contains(*name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn a_program_has_descriptors_0_1_and_2_whatever_the_runner_inherited() {
    let world = World::new();
    world.script("ls -m /proc/$$/fd");
    let mut inner = world.command();
    inner.args(["run", "plan.yaml", "--unattended"]);
    #[expect(clippy::disallowed_methods, reason = "a shell that leaves descriptors open")]
    let mut outer = std::process::Command::new("/bin/sh");
    outer.args(["-c", "exec 7</etc/passwd 9>/dev/null; exec \"$@\"", "sh"]).arg(inner.get_program());
    outer.args(inner.get_args()).current_dir(world.root()).env_clear();
    outer.envs(inner.get_envs().filter_map(|(k, v)| Some((k, v?))));
    outer
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    crate::world::finished(outer.spawn().expect("started")).ended(0);
    let seen = fs::read_to_string(world.generation(1, "evidence/apply-act.out")).expect("evidence");
    assert_eq!(seen.trim(), "0, 1, 2");
}

#[test]
fn children_of_a_killed_runner_are_ended_before_anything_goes_back() {
    let world = World::new();
    let before = world.data_tree();
    world.script(&format!(
        "setsid sh -c 'echo $$ > {0}/away; while :; do echo spoilt > {0}/data/one; done' &\nwhile [ ! -s {0}/away ]; do :; done\ntouch {0}/ready\nsleep 1000",
        world.root().display()
    ));
    let mut runner = world.start(&["run", "plan.yaml", "--unattended", "--no-guard"]);
    until("the step is under way", || world.at("ready").exists());
    let away = fs::read_to_string(world.at("away")).expect("it ran");
    runner.kill().expect("killed");
    runner.wait().expect("gone");
    assert!(lives(&away), "the test needs one that got away");
    world.switchback(&["status"]).ended(0).with("switchback resume");
    world.run().ended(11).hinting("switchback rollback");
    world.switchback(&["rollback", "--yes"]).ended(12);
    assert!(!lives(&away), "it goes on writing");
    same(&before, &world.data_tree());
    assert!(fs::metadata(world.data()).expect("data").uid() == nix::unistd::geteuid().as_raw());
}
