//! `--root`: a machine that is mounted at a folder, led back from a live system that must not change.

use crate::world::{PROGRAM, Ran, Tree, finished, is_root, same, tree};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A machine below `mnt`, with a shell and a few tools of its own, and what is beside it.
struct Machine {
    folder: tempfile::TempDir,
}

const STORE: [&str; 2] = [
    "/nix/store/0c9a8hdg2l5w3q7r1x4v6z0ybnmkjpsf-tools-1.0",
    "/nix/store/1c9a8hdg2l5w3q7r1x4v6z0ybnmkjpsf-tools-2.0",
];

impl Machine {
    fn new() -> Self {
        let folder =
            tempfile::Builder::new().prefix("switchback-test-").tempdir_in("/var/lib").expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("mode");
        let machine = Self { folder };
        for name in
            ["bin", "etc", "var/lib", "dev", "proc", "tmp", "data/sub", "nix/store", "nix/var/nix/profiles"]
        {
            fs::create_dir_all(machine.at(name)).expect("a folder");
        }
        fs::create_dir(machine.beside("outside")).expect("a folder");
        fs::write(machine.beside("outside/victim"), "of the live system\n").expect("written");
        fs::copy("/usr/bin/busybox", machine.at("bin/busybox")).expect("busybox");
        for tool in ["sh", "echo", "rm", "ln", "cat", "chmod", "chown", "mkdir", "touch", "true", "cp"] {
            symlink("busybox", machine.at("bin").join(tool)).expect("a link");
        }
        // Its Nix: what pins does it by a link, and what switches is for the booted machine.
        let pin = "#!/bin/sh\nfor word; do [ \"$last\" = --add-root ] && root=$word; last=$word; done; ln -sfn \"$last\" \"$root\"\n";
        for (name, text) in [
            ("nix-store", pin),
            ("nix-env", "#!/bin/sh\nexit 1\n"),
            ("activate", "#!/bin/sh\necho \"$1\" >> /data/activated\n"),
        ] {
            fs::write(machine.at("bin").join(name), text).expect("written");
            fs::set_permissions(machine.at("bin").join(name), fs::Permissions::from_mode(0o755))
                .expect("mode");
        }
        for (number, store) in (1..).zip(STORE) {
            fs::create_dir(machine.at(&store[1..])).expect("a store path");
            symlink(store, machine.at(&format!("nix/var/nix/profiles/tools-{number}-link"))).expect("a link");
        }
        symlink("tools-1-link", machine.at("nix/var/nix/profiles/tools")).expect("a link");
        fs::copy(PROGRAM, machine.at("switchback")).expect("copied");
        // Other names for the same numbers.
        fs::write(machine.at("etc/passwd"), "root:x:0:0::/root:/bin/sh\nann:x:4711:4711::/:/bin/sh\n")
            .expect("written");
        fs::write(machine.at("data/one"), "one\n").expect("written");
        fs::write(machine.at("data/sub/two"), "two\n").expect("written");
        symlink("one", machine.at("data/link")).expect("a link");
        chown(machine.at("data/one"), Some(4711), Some(4712)).expect("owner");
        machine
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join("mnt").join(name)
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What happens while the machine runs: in it, with its own programs.
    fn booted(&self, words: &[&str]) -> Ran {
        // Processes of its own: it ends what an earlier runner of its state folder left, and that has the usual name.
        let script = "mount -t proc proc \"$0/proc\" && exec chroot \"$0\" /switchback \"$@\"";
        let words_of_unshare =
            ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"];
        let mut all: Vec<String> = words_of_unshare.map(str::to_owned).into();
        all.extend(["/bin/sh", "-c", script].map(str::to_owned));
        all.push(self.at("").display().to_string());
        all.extend(words.iter().map(|word| (*word).to_owned()));
        Self::end(&all)
    }

    /// From the live system.
    fn live(&self, words: &[&str]) -> Ran {
        let mut all = vec![PROGRAM.to_owned(), "--root".to_owned(), self.at("").display().to_string()];
        all.extend(words.iter().map(|word| (*word).to_owned()));
        Self::end(&all)
    }

    #[expect(clippy::disallowed_methods, reason = "the program under test, in its machine and beside it")]
    fn end(words: &[String]) -> Ran {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finished(command.spawn().expect("started"))
    }

    fn run(&self, phases: &str) {
        let text = format!("switchback: 1\nname: below\nrevision: 1\nphases:\n{phases}");
        fs::write(self.at("etc/plan.yaml"), text).expect("written");
        self.booted(&["run", "/etc/plan.yaml", "--unattended"]).ended(0);
    }

    fn data(&self) -> Tree {
        tree(&self.at("data"))
    }

    fn profile(&self) -> (PathBuf, PathBuf) {
        let link = |name: &str| fs::read_link(self.at("nix/var/nix/profiles").join(name)).expect("a link");
        (link("tools"), link("tools-1-link"))
    }
}

const FILES: &str = "  - id: files\n    layers: [{files: {paths: [/data/]}}]\n    apply:\n      - id: act\n        shell: |\n          cd /data; echo changed > one; chown 0:0 one; rm -r sub; rm link; mkdir link; echo new > new\n";

const MIXED: &str = "  - id: mixed
    layers:
      - {files: {paths: [/data/]}}
      - {nix-profile: {path: /nix/var/nix/profiles/tools, activate: [/bin/activate, \"${profile}\"]}}
      - {command: {name: level, record: [/bin/cat, /tmp/level], restore: [/bin/cp, /tmp/first, /tmp/level]}}
    apply:
      - {id: first, run: [/bin/rm, /data/one], undo: {run: [/bin/echo, \"back again\"]}}
      - {id: second, shell: \"ln -sfn tools-2-link /nix/var/nix/profiles/tools; echo 2 > /tmp/level\"}
    rollback:
      - {id: again, run: [/bin/touch, /tmp/again]}
    validate:
      - {id: fine, probe: {run: [/bin/true]}}
";

fn ready(test: &str) -> Option<Machine> {
    if !is_root(test) {
        return None;
    }
    if !Path::new("/usr/bin/busybox").exists() {
        crate::skipped::skipped(test, "there is no static busybox");
        return None;
    }
    Some(Machine::new())
}

#[test]
fn files_come_back_below_the_root_and_the_live_system_stays_as_it_is() {
    let Some(machine) = ready("files_come_back_below_the_root_and_the_live_system_stays_as_it_is") else {
        return;
    };
    let before = machine.data();
    machine.run(FILES);
    let outside = tree(&machine.beside("outside"));
    machine.live(&["rollback", "--list"]).ended(0).with("files");
    machine.live(&["status"]).ended(0).with("committed");
    machine.live(&["history"]).ended(0);
    machine.live(&["show"]).ended(0);
    let ran = machine.live(&["rollback"]);
    assert_eq!(ran.code, 2, "nobody can be asked: {ran:#?}");
    machine.live(&["rollback", "--yes"]).ended(12).with("Below ").with("the machine is as before");
    same(&before, &machine.data());
    same(&outside, &tree(&machine.beside("outside")));
    let one = machine.at("data/one").metadata().expect("there");
    assert_eq!((one.uid(), one.gid()), (4711, 4712));
    // A second time there is nothing to do; and the machine knows it when it runs.
    machine.live(&["rollback", "--yes"]).ended(0).with("Nothing to take back");
    machine.booted(&["rollback", "--yes"]).ended(0).with("Nothing to take back");
    let json = machine.live(&["rollback", "--to", "files", "--yes", "--json"]).ended(0);
    assert!(json.out.lines().all(|line| line.starts_with('{')), "{json:#?}");
}

#[test]
fn what_takes_a_program_is_not_run_named_with_its_command_and_finished_once_the_machine_is_booted() {
    let name =
        "what_takes_a_program_is_not_run_named_with_its_command_and_finished_once_the_machine_is_booted";
    for finisher in ["rollback", "resume"] {
        let Some(machine) = ready(name) else { return };
        fs::write(machine.at("tmp/level"), "1\n").expect("written");
        fs::write(machine.at("tmp/first"), "1\n").expect("written");
        let (before, profile) = (machine.data(), machine.profile());
        machine.run(MIXED);
        assert_ne!(profile, machine.profile());
        let ran = machine.live(&["rollback", "--yes"]).ended(13).with("What waits for the booted machine");
        let said = ran.said().split_whitespace().collect::<Vec<_>>().join(" ");
        for command in [
            "/bin/echo 'back again'",
            &format!("/bin/activate {}", STORE[0]),
            "/bin/cp /tmp/first /tmp/level",
            "/bin/touch /tmp/again",
        ] {
            assert!(said.contains(command), "nothing is said of {command}: {said}");
        }
        assert!(said.contains("check fine: waits for the booted machine"), "{said}");
        // All that needs no program is done, and nothing was executed.
        same(&before, &machine.data());
        assert_eq!(profile, machine.profile());
        assert_eq!(fs::read_to_string(machine.at("tmp/level")).expect("read"), "2\n");
        assert!(!machine.at("tmp/again").exists() && !machine.at("data/activated").exists());
        // Once more from outside: the same.
        machine.live(&["rollback", "--yes"]).ended(13);
        // Booted: it says so, and finishes.
        machine.booted(&["status"]).ended(0).with("finishes it");
        let words: &[&str] =
            if finisher == "rollback" { &["rollback", "--yes"] } else { &["resume", "--unattended"] };
        machine.booted(words).ended(12);
        assert_eq!(fs::read_to_string(machine.at("tmp/level")).expect("read"), "1\n");
        assert!(machine.at("tmp/again").exists());
        machine.booted(&["rollback", "--yes"]).ended(0).with("Nothing to take back");
    }
}

#[test]
fn a_proc_that_is_mounted_below_the_root_is_not_read() {
    use nix::mount::{MsFlags, mount, umount};
    let Some(machine) = ready("a_proc_that_is_mounted_below_the_root_is_not_read") else { return };
    let before = machine.data();
    machine.run(FILES);
    let proc = machine.at("proc");
    mount(Some("proc"), &proc, Some("proc"), MsFlags::empty(), None::<&str>).expect("mounted");
    let ran = machine.live(&["rollback", "--yes"]);
    let still = proc.join("version").exists();
    umount(&proc).expect("unmounted");
    ran.ended(12);
    assert!(still, "it was taken away from the live system as well");
    same(&before, &machine.data());
    // Who reads /proc knows the boot and the kernel, and records both.
    let capsule = machine.at("var/lib/switchback/generations/0001");
    let text = fs::read_to_string(capsule.join("evidence/machine.json")).expect("read");
    let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&told["kernel"], &told["boot"]), (&"".into(), &serde_json::Value::Null), "{told}");
}

#[test]
fn with_activate_its_programs_are_run_below_the_root() {
    let Some(machine) = ready("with_activate_its_programs_are_run_below_the_root") else { return };
    fs::write(machine.at("tmp/level"), "1\n").expect("written");
    fs::write(machine.at("tmp/first"), "1\n").expect("written");
    machine.run(MIXED);
    machine
        .live(&["rollback", "--yes", "--activate"])
        .ended(12)
        .with("programs of that machine are run")
        .with("/bin/cp /tmp/first /tmp/level");
    assert_eq!(fs::read_to_string(machine.at("tmp/level")).expect("read"), "1\n");
    assert!(machine.at("tmp/again").exists());
    assert!(!Path::new("/tmp/again").exists(), "it ran beside the machine");
}

#[test]
fn a_hostile_root_leads_nowhere_and_nothing_of_it_is_read_but_the_capsule() {
    let name = "a_hostile_root_leads_nowhere_and_nothing_of_it_is_read_but_the_capsule";
    for absolute in [true, false] {
        let Some(machine) = ready(name) else { return };
        machine.run(FILES);
        let outside = machine.beside("outside");
        let live = tree(&outside);
        // Links that lead out where the recorded paths are; names, devices and pipes that wait.
        fs::remove_dir_all(machine.at("data")).expect("removed");
        let relative =
            Path::new("../../../../../../../../../../..").join(outside.strip_prefix("/").expect("absolute"));
        symlink(if absolute { &outside } else { &relative }, machine.at("data")).expect("a link");
        for name in ["etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/localtime", "dev/tty", "dev/null"] {
            let _ = fs::remove_file(machine.at(name));
            pipe(&machine.at(name));
        }
        let state = machine.at("var/lib/switchback");
        let _ = fs::remove_file(state.join("history.db"));
        pipe(&state.join("history.db"));
        machine.live(&["status"]).ended(0);
        machine.live(&["rollback", "--list"]).ended(0);
        machine.live(&["rollback", "--yes"]).ended(12);
        same(&live, &tree(&outside));
        assert!(machine.at("data/sub/two").exists());
        assert!(!machine.at("data").is_symlink());
    }
}

fn pipe(path: &Path) {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o600)).expect("a pipe");
}

#[test]
fn a_capsule_of_pipes_keeps_nobody_waiting_and_is_named() {
    for ruined in ["originals", "journal", "plan.json", "layers"] {
        let Some(machine) = ready("a_capsule_of_pipes_keeps_nobody_waiting_and_is_named") else { return };
        machine.run(FILES);
        let ruined = machine.at("var/lib/switchback/generations/0001").join(ruined);
        let files = if ruined.is_dir() {
            fs::read_dir(&ruined).expect("listed").map(|entry| entry.expect("an entry").path()).collect()
        } else {
            vec![ruined]
        };
        for file in files {
            fs::remove_file(&file).expect("removed");
            pipe(&file);
        }
        let _ = machine.live(&["status"]);
        let _ = machine.live(&["show", "1"]);
        let ran = machine.live(&["rollback", "--yes"]);
        assert_eq!(ran.code, 13, "{ran:#?}");
        assert!(ran.said().contains("is no file"), "{ran:#?}");
    }
}

#[test]
fn a_state_folder_that_is_or_leads_outside_is_refused() {
    let Some(machine) = ready("a_state_folder_that_is_or_leads_outside_is_refused") else { return };
    machine.run(FILES);
    let elsewhere = machine.beside("state").display().to_string();
    machine.live(&["rollback", "--yes", "--state", &elsewhere]).ended(2).with("is not below");
    let named = machine.at("var/lib/switchback").display().to_string();
    machine.live(&["status", "--state", &named]).ended(0).with("committed");
    let around = format!("{}/../outside", machine.at("").display());
    machine.live(&["rollback", "--yes", "--state", &around]).ended(2).with("is not below");
    // Which of two names is to blame, and what is not there at all.
    let words =
        ["env".to_owned(), format!("SWITCHBACK_STATE={elsewhere}"), PROGRAM.to_owned(), "--root".to_owned()];
    let with = |root: &str| [&words[..], &[root, "status"].map(str::to_owned)].concat();
    Machine::end(&with(&machine.at("").display().to_string())).ended(2).hinting("SWITCHBACK_STATE");
    Machine::end(&with("/nonexist")).ended(2).with("below /nonexist").with("No such file or directory");
    // A link that means the live system's own folder means another one below the root.
    fs::rename(machine.at("var/lib/switchback"), machine.beside("state")).expect("moved");
    symlink(machine.beside("state"), machine.at("var/lib/switchback")).expect("a link");
    let before = tree(&machine.beside("state"));
    let ran = machine.live(&["rollback", "--yes"]);
    assert_ne!(ran.code, 12, "{ran:#?}");
    same(&before, &tree(&machine.beside("state")));
    machine.live(&["run", "/etc/plan.yaml", "--unattended"]).ended(2).with("`--root` is for");
    Machine::end(&[PROGRAM, "--root", "/", "rollback", "--list"].map(str::to_owned))
        .ended(2)
        .with("is the root of the machine that runs");
}

#[test]
fn from_a_root_that_is_read_only_one_can_look_and_is_told_what_that_means() {
    let Some(machine) = ready("from_a_root_that_is_read_only_one_can_look_and_is_told_what_that_means")
    else {
        return;
    };
    machine.run(FILES);
    let changed = machine.data();
    let at = machine.at("");
    let none = None::<&str>;
    use nix::mount::{MsFlags, mount, umount};
    mount(Some(&at), &at, none, MsFlags::MS_BIND, none).expect("mounted");
    mount(none, &at, none, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, none)
        .expect("read-only");
    let told = [
        machine.live(&["rollback", "--list"]),
        machine.live(&["status"]),
        machine.live(&["rollback", "--yes"]),
    ];
    umount(&at).expect("unmounted");
    let [listed, status, ran] = told;
    listed.ended(0).with("files");
    status.ended(0).with("committed");
    ran.ended(13).with("mounted read-only").with("in memory alone").with("data/one");
    same(&changed, &machine.data());
}
