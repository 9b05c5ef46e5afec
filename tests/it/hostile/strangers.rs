//! What another user of the machine can try while root's run is under way, and what such a user's own files can say.

use crate::support::pty::{Pty, Streams};
use crate::world::{PROGRAM, World, finished, harmless, is_root, same, tree, until};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A user whom no account has.
const STRANGER: u32 = 64_331;
/// The user `nobody`, who has an account everywhere.
const NOBODY: u32 = 65_534;

/// A shell of that user's, with no other group than the user's own.
#[expect(clippy::disallowed_methods, reason = "what another user types")]
fn stranger(text: &str, words: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", text]).args(words).uid(STRANGER).gid(STRANGER).current_dir("/").env_clear();
    command.env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The watchdogs of this world, by process id.
fn watchdogs(world: &World) -> Vec<String> {
    let state = world.state().display().to_string();
    let entries = fs::read_dir("/proc").expect("proc").flatten();
    let stands = entries.filter(|entry| {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        words.contains(&state) && words.contains("guard stand")
    });
    stands.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn another_user_reads_nothing_of_roots_run_and_stops_nothing_of_it() {
    if !is_root("another_user_reads_nothing_of_roots_run_and_stops_nothing_of_it") {
        return;
    }
    let world = World::new();
    fs::copy(PROGRAM, world.at("switchback")).expect("copied");
    let folder = world.root().display().to_string();
    let plan = "switchback: 1\nname: t\nvars: {db_password: canary-of-the-plan}\nphases:\n  - id: only\n    layers: [{files: {paths: [\"@/data/\"]}}]\n    apply:\n      - id: act\n        timeout: 10m\n        shell: |\n          echo \"$db_password\" > @/data/one\n          touch @/ready\n          while [ ! -e @/go ]; do sleep 0.02; done\n    validate:\n      - {id: fine, probe: {run: [\"true\"]}}\n";
    world.write("plan.yaml", plan.replace('@', &folder));
    fs::set_permissions(world.at("plan.yaml"), fs::Permissions::from_mode(0o600)).expect("mode");
    fs::set_permissions(world.data().join("one"), fs::Permissions::from_mode(0o600)).expect("mode");
    let runner = world.start(&["run", "plan.yaml", "--unattended"]);
    until("the step is under way", || world.at("ready").exists());
    let guards = watchdogs(&world);
    let [guard] = guards.as_slice() else { panic!("one watchdog was to stand: {guards:?}") };
    let (program, runner_id) = (world.at("switchback").display().to_string(), runner.id().to_string());
    let words = ["sh", &runner_id, guard, &world.state().display().to_string(), &program, &folder];
    for what in [
        "ls \"$3\"",
        "cat \"$3/lock\"",
        "cat \"$3/current/journal\"",
        "cat \"$3/current/plan.json\"",
        "cat \"$3/current/guard.log\"",
        "\"$3/current/switchback\" --help",
        "cat \"$5/plan.yaml\" || cat \"$5/data/one\"",
        "kill -KILL \"$1\" || kill -STOP \"$1\" || kill -INT \"$1\"",
        "kill -KILL \"$2\" || kill -STOP \"$2\" || kill -TERM \"$2\"",
        "cat \"/proc/$1/environ\" || cat \"/proc/$2/environ\"",
        "ls \"/proc/$1/fd\" || ls \"/proc/$2/fd\"",
        "for i in 0 1 2 3 4 5 6 7 8 9; do echo down > \"/proc/$2/fd/$i\" && exit 0; done; exit 1",
        "for i in 0 1 2 3 4 5 6 7 8 9; do cat \"/proc/$1/fd/$i\" && exit 0; done; exit 1",
        "\"$4\" --state \"$3\" status",
        "\"$4\" --state \"$3\" show --evidence",
        "\"$4\" --state \"$3\" confirm",
        "\"$4\" --state \"$3\" confirm --revert",
        "\"$4\" --state \"$3\" rollback --yes",
        "\"$4\" --state \"$3\" resume --unattended",
        "\"$4\" --state \"$3\" export /tmp/never.tar",
        "\"$4\" --state \"$3\" rescue export /tmp/never",
        "\"$4\" --state \"$3\" guard fire --generation 1 --runner \"$1:0\"",
        // Of all processes and their environments nothing tells what the plan says in secret.
        "grep -l '[c]anary-of-the-plan' /proc/[0-9]*/cmdline /proc/[0-9]*/environ",
    ] {
        let ran = finished(stranger(what, &words).spawn().expect("started"));
        assert_ne!(ran.code, 0, "another user could: {what}\n{ran:#?}");
        assert!(!ran.said().contains("canary-of-the-plan"), "{what}: {ran:#?}");
    }
    assert_eq!(watchdogs(&world), guards, "the watchdog does not stand any more");
    for (name, told) in tree(&world.state()) {
        let mode = u32::from_str_radix(told.split(' ').next().unwrap_or_default(), 8).expect("a mode");
        let link = mode & libc::S_IFMT == libc::S_IFLNK;
        assert!(link || mode & 0o077 == 0, "{name}: {told}");
    }
    fs::write(world.at("go"), "").expect("written");
    finished(runner).ended(0);
}

#[test]
fn what_another_user_calls_a_watchdog_is_none() {
    if !is_root("what_another_user_calls_a_watchdog_is_none") {
        return;
    }
    let world = World::new();
    world.plan("  - id: only\n    layers: [{files: {paths: [\"@/data/\"]}}]\n    apply:\n      - {id: act, run: [rm, \"@/data/one\"]}\n    validate:\n      - {id: bad, probe: {run: [\"false\"]}}\n    \"on\": {fail: pause}\n");
    world.switchback(&["run", "plan.yaml", "--unattended", "--no-guard"]).ended(11);
    let state = world.state().display().to_string();
    let mut pretender =
        stranger("echo up; read -r line", &["guard", "stand", "--generation", "1", "--state", &state]);
    let mut pretender = pretender.stdin(Stdio::piped()).spawn().expect("started");
    until("somebody calls itself a watchdog", || !watchdogs(&world).is_empty());
    let told = world.switchback(&["guard", "status", "--json"]).ended(0).out;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["open"]["stands"], false, "{told}");
    pretender.kill().expect("killed");
    pretender.wait().expect("gone");
    world.switchback(&["rollback", "--yes"]).ended(12);
}

#[test]
fn names_that_another_user_chose_forge_no_line_and_command_no_terminal() {
    let world = World::new();
    let before = world.data_tree();
    let names: [&[u8]; 6] = [
        b"x\nFORGED: phase only: committed",
        b"y\r\x1b[2K\x1b[1AFORGED",
        "z\u{202e}gpj.\u{9b}31m".as_bytes(),
        b"-rf\n\n",
        b"$(touch pwned)`touch pwned`;touch pwned",
        b"\xff\xfe\nFORGED",
    ];
    for name in names {
        fs::write(world.data().join(OsStr::from_bytes(name)), "old\n").expect("written");
    }
    let all = world.data_tree();
    world.plan(
        r#"  - id: only
    layers: [{files: {paths: ["@/data/"]}}]
    apply:
      - id: act
        shell: |
          cd @/data
          for name in ./*; do echo new > "$name"; done
          mv ./one "$(printf './made\nFORGED')"
    validate:
      - {id: look, probe: {run: [sh, -c, "ls @/data; exit 1"]}, expect: {exit: 0, stdout: {equals: fine}}}
    "on": {fail: pause}
"#,
    );
    let honest = |words: &[&str], code: i32| {
        let ran = world.switchback(words).ended(code);
        let forged =
            ran.out.lines().chain(ran.err.lines()).find(|line| line.trim_start().starts_with("FORGED"));
        assert_eq!(forged, None, "{words:?}: {ran:#?}");
        ran
    };
    honest(&["run", "plan.yaml", "--unattended"], 11);
    for words in [
        &["status"][..],
        &["status", "--json"],
        &["show"],
        &["show", "--json"],
        &["history"],
        &["rollback", "--list"],
        &["rescue", "status"],
        &["rescue", "verify"],
    ] {
        honest(words, 0);
    }
    // What is shown before somebody says yes.
    honest(&["rollback"], 2);
    // A saved file is gone: what cannot come back is named, and it has such a name.
    let originals = world.generation(1, "originals");
    let old = fs::read_dir(&originals).expect("listed").map(|entry| entry.expect("an entry").path());
    let old =
        old.into_iter().find(|path| fs::read(path).is_ok_and(|bytes| bytes == b"old\n")).expect("saved");
    fs::rename(&old, world.at("kept")).expect("moved");
    let failed = honest(&["rollback", "--yes"], 13);
    assert!(failed.said().contains("FORGED"), "it is named all the same: {failed:#?}");
    honest(&["rescue", "verify"], 20);
    for words in [&["status"][..], &["status", "--json"], &["show"], &["history"], &["rescue", "status"]] {
        honest(words, 0);
    }
    honest(&["run", "plan.yaml", "--unattended"], 13);
    fs::rename(world.at("kept"), &old).expect("moved");
    honest(&["rollback", "--yes"], 12);
    same(&all, &world.data_tree());
    assert!(before.len() < all.len() && !world.data().join("pwned").exists());
    let page = fs::read_to_string(world.generation(1, "UNDO")).expect("the page");
    harmless(&page);
}

#[test]
fn what_was_read_of_a_plan_is_what_is_run_whoever_writes_it_meanwhile() {
    let world = World::new();
    let folder = world.root().display().to_string();
    let library = "switchback: 1\nchecks:\n  shared:\n    about: Shared.\n    probe: {run: [test, -e, \"@/data/new\"]}\n";
    let plan = "switchback: 1\nname: t\nprofile: profile.yaml\nchecks: [library.yaml]\nphases:\n  - id: only\n    layers: [{files: {paths: [\"@/data/\"]}}]\n    apply:\n      - id: meddle\n        shell: |\n          for name in plan profile library; do echo \"switchback: 1 # other\" > @/$name.yaml; done\n          echo evil > @/source\n      - {id: put, install: {from: source, to: \"@/data/new\"}}\n      - {id: say, run: [cp, \"@/data/new\", \"@/data/${profile.word}\"]}\n    validate:\n      - {use: shared}\n";
    for (name, text) in [
        ("plan.yaml", plan),
        ("library.yaml", library),
        ("profile.yaml", "word: approved\n"),
        ("source", "approved\n"),
    ] {
        world.write(name, text.replace('@', &folder));
    }
    let approved = fs::read(world.at("plan.yaml")).expect("read");
    world.run().ended(0);
    assert_ne!(fs::read(world.at("plan.yaml")).expect("read"), approved, "the step did not meddle");
    for name in ["new", "approved"] {
        assert_eq!(fs::read_to_string(world.data().join(name)).expect("put"), "approved\n");
    }
    assert_eq!(fs::read(world.generation(1, "plan.yaml")).expect("kept"), approved);
    // And on the way back nothing of it is read.
    world.switchback(&["rollback", "--yes"]).ended(12);
    assert!(!world.data().join("new").exists());
}

#[test]
fn root_begins_nothing_where_another_user_could_put_another_state_in_place_and_goes_back_all_the_same() {
    let name =
        "root_begins_nothing_where_another_user_could_put_another_state_in_place_and_goes_back_all_the_same";
    if !is_root(name) {
        return;
    }
    let world = World::new();
    fs::create_dir(world.at("house")).expect("a folder");
    world.script(&format!("echo new > {}", world.data().join("one").display()));
    let state = world.at("house/state").display().to_string();
    let with = |words: &[&str]| world.switchback(&[words, &["--state", &state]].concat());
    let run = ["run", "plan.yaml", "--unattended"];
    let before = world.data_tree();
    for (owner, mode, code) in [(STRANGER, 0o755, 10), (0, 0o775, 10), (0, 0o757, 10), (0, 0o1777, 0)] {
        chown(world.at("house"), Some(owner), None).expect("owner");
        fs::set_permissions(world.at("house"), fs::Permissions::from_mode(mode)).expect("mode");
        let ran = with(&run).ended(code);
        if code != 0 {
            let ran = ran.with("others could replace").with(&world.at("house").display().to_string());
            ran.hinting("--state");
            assert!(!world.at("house/state").exists(), "{mode:o}");
        }
    }
    chown(world.at("house"), Some(STRANGER), None).expect("owner");
    with(&["status"]).ended(0);
    with(&["rollback", "--yes"]).ended(12);
    same(&before, &world.data_tree());
}

#[test]
fn nothing_that_goes_missing_in_the_state_folder_is_a_word_of_consent() {
    let plan = |missing: &str| {
        format!(
            "  - id: only\n    layers: [{{files: {{paths: [\"@/data/\"]}}}}]\n    apply:\n      - id: act\n        shell: |\n          echo changed > @/data/one\n          {missing}\n    validate:\n      - {{id: fine, probe: {{run: [\"true\"]}}}}\n    confirm: {{within: 1s}}\n"
        )
    };
    let first = World::new();
    let before = first.data_tree();
    first.plan(&plan("find @/state > @/there"));
    first.run().ended(12);
    let listed = fs::read_to_string(first.at("there")).expect("listed");
    let state = first.state();
    let there: Vec<String> = listed
        .lines()
        .filter_map(|line| Path::new(line).strip_prefix(&state).ok())
        .map(|path| path.display().to_string())
        .filter(|name| !name.is_empty() && !name.starts_with("generations/0001/originals/"))
        .collect();
    for wanted in ["lock", "current", "highest", "generations/0001/journal", "generations/0001/UNDO"] {
        assert!(there.iter().any(|name| name == wanted), "{wanted}: {there:?}");
    }
    println!("{} files and folders, one after the other", there.len());
    for missing in &there {
        let world = World::new();
        world.plan(&plan(&format!("rm -rf @/state/{missing}")));
        let ran = world.run();
        harmless(&ran.said());
        assert!([12, 13].contains(&ran.code), "without {missing}: {ran:#?}");
        let journal = fs::read_to_string(world.generation(1, "journal")).unwrap_or_default();
        assert!(!journal.contains("phase-committed"), "without {missing}: {journal}");
        if ran.code == 12 {
            let now = world.data_tree();
            let bytes = |tree: &crate::world::Tree| -> Vec<String> {
                tree.values().filter_map(|told| told.split(' ').nth(4).map(str::to_owned)).collect()
            };
            assert_eq!(bytes(&now), bytes(&before), "without {missing}");
        } else {
            assert!(ran.said().contains("generation") || ran.said().contains("state"), "{missing}: {ran:#?}");
        }
    }
}

#[test]
fn a_step_as_another_user_cannot_type_into_roots_terminal_and_no_pager_waits_for_it() {
    if !is_root("a_step_as_another_user_cannot_type_into_roots_terminal_and_no_pager_waits_for_it") {
        return;
    }
    let world = World::new();
    // The terminal is the user's own, as with sudo; 0x5412 is TIOCSTI.
    world.steps(
        "      - id: lend\n        shell: |\n          tty=$(readlink /proc/$PPID/fd/0)\n          chown nobody \"$tty\"; chmod 666 \"$tty\"; echo \"$tty\" > @/tty\n          test ! -t 0; test ! -t 1; test ! -t 2; test \"$PAGER$SYSTEMD_PAGER$GIT_PAGER\" = catcatcat\n      - id: type\n        as: user\n        shell: |\n          test ! -t 0; test ! -t 1; test ! -t 2; test \"$PAGER$SYSTEMD_PAGER$GIT_PAGER\" = catcatcat\n          ! (: < /dev/tty) 2> /dev/null\n          perl -e 'open(my $tty, \"+<\", $ARGV[0]) or die; exit(ioctl($tty, 0x5412, my $key = \"#\") ? 7 : 0)' \"$(cat @/tty)\"\n          perl -e 'exit(ioctl(STDIN, 0x5412, my $key = \"#\") ? 7 : 0)' < \"$(cat @/tty)\"\n",
    );
    let mut command = world.command();
    command.args(["run", "plan.yaml", "--unattended"]);
    command.env("SUDO_UID", NOBODY.to_string()).env("TERM", "xterm");
    let mut pty = Pty::start(command, 100, Streams::All);
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
    let typed = fs::read_to_string(world.generation(1, "journal")).expect("the journal");
    assert!(typed.contains("phase-committed"), "{typed}");
}

#[test]
fn whatever_it_is_called_the_program_is_itself() {
    let world = World::new();
    world.script("true");
    let mut command = world.command();
    command.args(["run", "plan.yaml", "--unattended"]).arg0("/tmp/evil/other\u{1b}[31m");
    let ran = finished(command.spawn().expect("started")).ended(0);
    assert!(!ran.said().contains("evil"), "{ran:#?}");
    let kept = fs::read(world.generation(1, "switchback")).expect("kept");
    assert!(kept == fs::read(PROGRAM).expect("read"), "the capsule holds another program");
    // No words at all, not even a name: the kernel makes it one that is empty, or none.
    let program = std::ffi::CString::new(PROGRAM).expect("a path");
    let mut command = world.command();
    #[expect(unsafe_code, reason = "nothing else starts a program without a name")]
    // SAFETY: the path lives as long as the command, and both lists are closed by a null pointer.
    unsafe {
        command.pre_exec(move || {
            let none = [std::ptr::null::<libc::c_char>()];
            libc::execve(program.as_ptr(), none.as_ptr(), none.as_ptr());
            Err(std::io::Error::last_os_error())
        });
    }
    let ran = finished(command.spawn().expect("started")).ended(2);
    assert!(ran.said().contains("Usage"), "{ran:#?}");
}

#[test]
fn root_sets_up_nothing_that_another_user_could_replace() {
    if !is_root("root_sets_up_nothing_that_another_user_could_replace") {
        return;
    }
    let world = World::new();
    let house = world.at("house");
    fs::create_dir(&house).expect("a folder");
    fs::copy(PROGRAM, house.join("switchback")).expect("copied");
    chown(&house, Some(NOBODY), Some(NOBODY)).expect("owner");
    let state = house.join("state").display().to_string();
    let ran = |words: &[&str]| {
        let mut command = world.command();
        // The one who calls root may give it a plan, but not a program that root starts by itself ever after.
        command.args(words).env("SUDO_UID", NOBODY.to_string());
        finished(command.spawn().expect("started"))
    };
    ran(&["guard", "install", "--state", &state]).ended(10).with("others could replace").hinting("--state");
    #[expect(clippy::disallowed_methods, reason = "the program under test, in a user's folder")]
    let mut theirs = Command::new(house.join("switchback"));
    theirs.args(["schedule", "install"]).env_clear().env("SUDO_UID", NOBODY.to_string());
    theirs.env("SWITCHBACK_STATE", world.state()).current_dir("/");
    theirs.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = None;
    // Another test's child may hold the copy open for a moment longer.
    until("the copy can be run", || {
        child = theirs.spawn().ok();
        child.is_some()
    });
    finished(child.expect("started")).ended(10).with("root would start by itself what others may replace");
    assert!(!world.state().exists() && !house.join("state").exists());
}

#[test]
fn the_environment_of_who_calls_root_moves_nothing() {
    if !is_root("the_environment_of_who_calls_root_moves_nothing") {
        return;
    }
    let world = World::new();
    let evil = world.at("evil");
    fs::create_dir(&evil).expect("a folder");
    chown(&evil, Some(STRANGER), Some(STRANGER)).expect("owner");
    let trap = format!("#!/bin/sh\ntouch {}\n", world.at("sprung").display());
    for name in ["sh", "true", "systemctl", "wall", "nix-store", "systemd-run", "libevil.so"] {
        fs::write(evil.join(name), &trap).expect("written");
        fs::set_permissions(evil.join(name), fs::Permissions::from_mode(0o755)).expect("mode");
    }
    world.steps("      - {id: act, run: [\"true\"]}\n      - {id: text, shell: \"true\"}\n");
    let mut command = world.command();
    command.args(["run", "plan.yaml", "--unattended"]);
    for name in [
        "HOME",
        "TMPDIR",
        "XDG_STATE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_RUNTIME_DIR",
        "SQLITE_TMPDIR",
        "PATH",
    ] {
        command.env(name, &evil);
    }
    for name in ["LD_PRELOAD", "LD_AUDIT", "BASH_ENV", "ENV"] {
        command.env(name, evil.join("libevil.so"));
    }
    finished(command.spawn().expect("started")).ended(0);
    let mut names: Vec<String> = fs::read_dir(&evil)
        .expect("listed")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["libevil.so", "nix-store", "sh", "systemctl", "systemd-run", "true", "wall"]);
    assert!(!world.at("sprung").exists(), "a program of the caller's path was run");
    // Where root keeps its state unless it is named: not where the caller's home says.
    let mut command = world.command();
    command.args(["status"]).env_remove("SWITCHBACK_STATE").env("XDG_STATE_HOME", &evil).env("HOME", &evil);
    let ran = finished(command.spawn().expect("started"));
    assert!(!ran.said().contains("evil"), "{ran:#?}");
    assert_eq!(fs::metadata(&evil).expect("there").uid(), STRANGER);
}
