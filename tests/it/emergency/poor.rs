//! Machines on which almost nothing works any more: the capsule alone must be enough.

use crate::world::{PROGRAM, Ran, Tree, World, finished, is_root, same, tree};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What the phase of these tests does: files of every kind, by a step that a layer covers.
const ACT: &str = "cd @/data\necho changed > one\nrm two\nrm link pipe\nmkdir link\necho new > new\nrm -r sub\nchmod 0600 kept\n";

/// A world in which one phase has changed things, and what was there before.
fn changed() -> (World, Tree) {
    let world = World::new();
    let data = world.data();
    std::os::unix::fs::symlink("one", data.join("link")).expect("a link");
    nix::unistd::mkfifo(&data.join("pipe"), nix::sys::stat::Mode::from_bits_truncate(0o640)).expect("a pipe");
    fs::create_dir(data.join("sub")).expect("a folder");
    fs::write(data.join("sub/deep"), "deep\n").expect("written");
    fs::write(data.join("kept"), "kept\n").expect("written");
    fs::set_permissions(data.join("sub"), fs::Permissions::from_mode(0o1750)).expect("mode");
    let before = world.data_tree();
    world.script(ACT);
    world.run().ended(0);
    (world, before)
}

/// The program after this was done to the machine around it, in a namespace of mounts of its own.
fn after(world: &World, done: &str, words: &[&str]) -> Ran {
    let mut all: Vec<&OsStr> =
        ["--mount", "--propagation", "private", "/bin/sh", "-eu", "-c"].map(OsStr::new).into();
    let script = format!("{done}\nexec \"$@\"");
    all.push(OsStr::new(&script));
    all.extend(["sh", PROGRAM].map(OsStr::new));
    all.extend(words.iter().map(OsStr::new));
    with(world, "/usr/bin/unshare", &all)
}

/// Another program with the same environment.
#[expect(clippy::disallowed_methods, reason = "what makes the machine poor")]
fn with(world: &World, program: &str, words: &[&OsStr]) -> Ran {
    let mut command = Command::new(program);
    command.args(words).current_dir(world.root()).env_clear();
    command.envs(
        world.command().get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))),
    );
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finished(command.spawn().expect("started"))
}

#[test]
fn a_database_that_is_gone_or_garbage_is_no_obstacle() {
    for damage in ["gone", "garbage", "a folder"] {
        let (world, before) = changed();
        let database = world.state().join("history.db");
        fs::remove_file(&database).expect("removed");
        match damage {
            "garbage" => fs::write(&database, "no database\n".repeat(1000)).expect("written"),
            "a folder" => fs::create_dir(&database).expect("a folder"),
            _ => {}
        }
        world.switchback(&["rollback", "--list"]).ended(0).with("only");
        world.switchback(&["status"]).ended(0);
        world.switchback(&["rollback", "--yes"]).ended(12);
        same(&before, &world.data_tree());
    }
}

#[test]
fn a_journal_that_is_torn_leads_back() {
    let (world, before) = changed();
    let journal = world.generation(1, "journal");
    let bytes = fs::read(&journal).expect("read");
    fs::write(&journal, &bytes[..bytes.len() - 7]).expect("cut");
    world.switchback(&["rollback", "--yes"]).ended(12);
    same(&before, &world.data_tree());
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_is_no_obstacle() {
    if !is_root("a_disk_that_is_full_to_the_last_byte_is_no_obstacle") {
        return;
    }
    for (options, fill) in [
        ("size=150m,mode=755", "cat /dev/zero > disk/fill 2> /dev/null || true; sync"),
        ("size=150m,nr_inodes=200,mode=755", "i=0; while (: > disk/f$i) 2> /dev/null; do i=$((i+1)); done"),
    ] {
        let world = World::new();
        let script = format!(
            "mkdir -p disk; mount -t tmpfs -o {options} none disk\n\
             mkdir disk/data; i=0; while [ $i -lt 20 ]; do head -c 30000 /dev/zero | tr '\\0' $((i % 10)) > disk/data/$i; i=$((i+1)); done\n\
             cp -a disk/data before\n\
             \"$1\" run plan.yaml --unattended --state disk/state > run.out 2>&1\n\
             {fill}\n\
             code=0; \"$@\" --state disk/state || code=$?\n\
             diff -r before disk/data && ls -l --full-time before disk/data | awk '{{print $1,$3,$4,$5,$7,$9}}' > list\n\
             exit $code"
        );
        world.plan(
            "  - id: only\n    layers: [{files: {paths: [\"@/disk/data/\"]}}]\n    apply:\n      - id: act\n        shell: |\n          cd @/disk/data; for f in *; do echo changed > $f; done; rm 3; touch new\n",
        );
        let ran = with(
            &world,
            "/usr/bin/unshare",
            &[
                "--mount",
                "--propagation",
                "private",
                "/bin/sh",
                "-eu",
                "-c",
                &script,
                "sh",
                PROGRAM,
                "rollback",
                "--yes",
            ]
            .map(OsStr::new),
        );
        let run = fs::read_to_string(world.at("run.out")).expect("it ran");
        assert!(run.contains("committed"), "{run}");
        ran.ended(12);
    }
}

#[test]
fn without_shell_and_loader_the_built_in_acts_are_done_and_the_rest_is_named_with_its_command() {
    if !is_root("without_shell_and_loader_the_built_in_acts_are_done_and_the_rest_is_named_with_its_command")
    {
        return;
    }
    let world = World::new();
    let before = world.data_tree();
    world.plan(
        r#"  - id: only
    layers:
      - {files: {paths: ["@/data/"]}}
      - command: {name: level, record: [cat, "@/tmp/level"], restore: [/bin/cp, "@/tmp/it's", "@/tmp/level"]}
    apply:
      - {id: first, run: [/bin/rm, "@/data/one"], undo: {run: [/bin/echo, "back again", "a'b"]}}
      - {id: second, shell: "echo changed > @/data/two; echo 2 > @/tmp/level", undo: {shell: "echo \"$x\" > /dev/null"}, env: {x: "y z"}}
    rollback:
      - {id: restart, run: [/bin/systemctl, restart, "some.service"], timeout: 5s}
    validate:
      - {id: fine, probe: {run: ["/bin/true"]}}
"#,
    );
    fs::write(world.at("tmp/level"), "1\n").expect("written");
    fs::write(world.at("tmp/it's"), "1\n").expect("written");
    world.run().ended(0);
    // The last mount is that of the loader: nothing but a static program can be started after it.
    let ruin = "head -c 200000 /dev/urandom > tmp/random\n\
                : > tmp/nothing\n\
                mount --bind tmp/nothing \"$(readlink -f /bin/sh)\"\n\
                mount --bind tmp/random \"$(readlink -f /lib64/ld-linux-x86-64.so.2)\"";
    let ran = after(&world, ruin, &["rollback", "--yes"]).ended(13);
    same(&before, &world.data_tree());
    let said = ran.said().replace("\n      ", " ").replace("\n    ", " ");
    for command in [
        "/bin/echo 'back again' 'a'\\''b'",
        "x='y z' /bin/sh -eu -c 'echo \"$x\" > /dev/null'",
        "/bin/systemctl restart some.service",
        "/bin/cp '",
    ] {
        assert!(said.contains(command), "nothing is said of {command}: {said}");
    }
    let told = world.switchback(&["status"]).ended(0).said();
    assert!(told.contains("undo of step first"), "{told}");
    // On a machine that is whole again the rest is done.
    world.switchback(&["rollback", "--yes"]);
    assert_eq!(fs::read_to_string(world.at("tmp/level")).expect("read"), "1\n");
}

#[test]
fn without_proc_sys_and_dev_everything_comes_back() {
    if !is_root("without_proc_sys_and_dev_everything_comes_back") {
        return;
    }
    for gone in ["umount -l /proc", "mount -t tmpfs none /dev; umount -l /sys; umount -l /proc"] {
        let (world, before) = changed();
        after(&world, gone, &["rollback", "--list"]).ended(0);
        after(&world, gone, &["status"]).ended(0);
        after(&world, gone, &["rollback", "--yes"]).ended(12);
        same(&before, &world.data_tree());
    }
}

#[test]
fn without_terminal_environment_and_streams_everything_comes_back() {
    let (world, before) = changed();
    let state = world.state().display().to_string();
    // No variable at all, no session's terminal, no open stream.
    let script = format!("exec setsid -w env -i {PROGRAM} rollback --yes --state {state} <&- >&- 2>&-");
    let ran = with(&world, "/bin/sh", &["-c", &script].map(OsStr::new));
    assert_eq!(ran.code, 12, "{ran:?}");
    same(&before, &world.data_tree());
    let (world, before) = changed();
    let state = world.state().display().to_string();
    let script = format!("exec env -i {PROGRAM} rollback --yes --state {state}");
    with(&world, "/bin/sh", &["-c", &script].map(OsStr::new)).ended(12).with("the machine is as before");
    same(&before, &world.data_tree());
    // Who could be asked is not there, and that is said at once.
    let (world, _) = changed();
    let state = world.state().display().to_string();
    let script = format!("exec env -i {PROGRAM} rollback --state {state} < /dev/null");
    with(&world, "/bin/sh", &["-c", &script].map(OsStr::new)).ended(2).hinting("--yes");
}

#[test]
fn with_sixteen_descriptors_and_no_new_process_everything_comes_back() {
    if !is_root("with_sixteen_descriptors_and_no_new_process_everything_comes_back") {
        return;
    }
    // Deep and wide: what is open at a time must not grow with the tree.
    let world = World::new();
    let program = world.at("switchback");
    fs::copy(PROGRAM, &program).expect("copied");
    let mut deep = world.data();
    for level in 0..70 {
        deep.push(format!("d{level}"));
        fs::create_dir(&deep).expect("a folder");
        fs::write(deep.join("file"), format!("{level}\n")).expect("written");
    }
    for number in 0..300 {
        fs::write(world.data().join(format!("w{number}")), format!("{number}\n")).expect("written");
    }
    own(&world.root().to_owned());
    let before = world.data_tree();
    world.script("cd @/data; chmod -R u+w .; rm -r d0 w1*; for f in w*; do echo changed > $f; done; mkdir -p new/a/b/c; : > new/a/b/c/d");
    let state = world.state().display().to_string();
    let as_somebody = |limit: &str, words: &str| {
        let script = format!(
            "exec prlimit {limit} setpriv --reuid {SOMEBODY} --regid {SOMEBODY} --clear-groups {} {words} --state {state}",
            program.display()
        );
        with(&world, "/bin/sh", &["-c", &script].map(OsStr::new))
    };
    as_somebody("--nofile=1024", "run plan.yaml --unattended").ended(0);
    // The shell becomes the program, which is then the one process that this user may have.
    as_somebody("--nofile=16 --nproc=1", "rollback --yes").ended(13).with("fine");
    same(&before, &world.data_tree());
}

/// A user whom no account names.
const SOMEBODY: u32 = 64_325;

fn own(path: &PathBuf) {
    chown(path, Some(SOMEBODY), Some(SOMEBODY)).expect("owner");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("listed") {
            own(&entry.expect("an entry").path());
        }
    }
}

#[test]
fn a_clock_far_from_the_journals_time_is_no_obstacle() {
    // The journal's times cannot be changed without its hashes, so it is written anew, a hundred years on: for it this
    // machine's clock stands before 1970's distance.
    let (world, before) = changed();
    let journal = world.generation(1, "journal");
    let told = switchback::store::Journal::read(&journal).expect("read");
    fs::remove_file(&journal).expect("removed");
    let mut writer = switchback::store::JournalWriter::create(&journal).expect("created");
    let later: Vec<_> = told
        .envelopes
        .into_iter()
        .map(|mut envelope| {
            envelope.at = envelope.at.after(switchback::model::Span::seconds(100 * 365 * 24 * 3600));
            envelope
        })
        .collect();
    writer.append(&later).expect("written");
    world.switchback(&["status"]).ended(0);
    world.switchback(&["rollback", "--list"]).ended(0);
    world.switchback(&["rollback", "--yes"]).ended(12);
    same(&before, &world.data_tree());
}

#[test]
fn where_the_newest_capsule_is_lost_the_older_ones_are_offered_and_the_loss_is_said() {
    for lost in ["generations/0002", "generations/0002/journal", "generations/0002/plan.json", "current"] {
        let world = World::new();
        let before = world.data_tree();
        world.plan(
            "  - {id: first, layers: [{files: {paths: [\"@/data/\"]}}], apply: [{id: a, run: [rm, \"@/data/one\"]}]}\n  - {id: second, layers: [{files: {paths: [\"@/data/\"]}}], apply: [{id: b, run: [rm, \"@/data/two\"]}]}\n",
        );
        world.run().ended(0);
        let gone = world.state().join(lost);
        if gone.is_dir() && !gone.is_symlink() {
            fs::remove_dir_all(&gone).expect("removed");
        } else if lost.ends_with("plan.json") {
            fs::write(&gone, "{}").expect("damaged");
        } else {
            fs::remove_file(&gone).expect("removed");
        }
        let _ = fs::remove_file(world.state().join("history.db"));
        let listed = world.switchback(&["rollback", "--list"]).ended(0);
        assert!(listed.said().contains("first"), "{lost}: {listed:#?}");
        let ran = world.switchback(&["rollback", "--to", "1", "--yes"]);
        same(&before, &world.data_tree());
        if lost == "current" {
            ran.ended(12);
        } else {
            ran.ended(13).with("generation 0002");
        }
    }
}

#[test]
fn the_capsules_own_program_leads_back_from_the_capsules_folder() {
    let (world, before) = changed();
    let folder = world.generation(1, "");
    let script = "cd \"$1\" && exec ./switchback rollback --yes --state ../..";
    let folder = folder.display().to_string();
    with(&world, "/bin/sh", &["-c", script, "sh", &folder].map(OsStr::new)).ended(12);
    same(&before, &world.data_tree());
    assert!(tree(&world.state()).contains_key("current"));
}
