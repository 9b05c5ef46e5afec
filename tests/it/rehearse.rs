//! `switchback rehearse`: endings without a run, and steps in a throw-away copy of the machine.

use crate::support::bench::{Bench, Ran};
use crate::world::{Tree, is_root, lives, same, tree};
use serde_json::Value;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

/// The machine of a bench, with all that can be told of it, and what lies beside.
fn before(bench: &Bench) -> (Tree, Tree) {
    (tree(&bench.path("m")), tree(&bench.path("c")))
}

#[track_caller]
fn untouched(bench: &Bench, before: &(Tree, Tree)) {
    same(&before.0, &tree(&bench.path("m")));
    same(&before.1, &tree(&bench.path("c")));
    assert!(!bench.state().exists(), "a rehearsal leaves no state");
}

fn in_sandbox(bench: &Bench) -> Ran {
    bench.run(&["rehearse", "plan.yaml", "--sandbox", "--json"])
}

/// Path below the bench, ways in which it differs, and the act that made it.
fn residue(bench: &Bench, found: &Value) -> Vec<(String, String, String)> {
    let root = bench.path("").display().to_string();
    let list = found["residue"].as_array().expect("a list");
    let one = |it: &Value| {
        let path = it["path"].as_str().expect("a path").replace(root.trim_end_matches('/'), "");
        let how: Vec<&str> = it["how"].as_array().expect("ways").iter().filter_map(Value::as_str).collect();
        let by = format!("{}/{}", it["by"]["phase"], it["by"]["act"]).replace('"', "");
        (path, how.join(" "), by)
    };
    list.iter().map(one).collect()
}

fn said(found: &Value) -> String {
    let steps = found["phases"].as_array().expect("phases").iter();
    let steps = steps.flat_map(|phase| phase["steps"].as_array().expect("steps").clone());
    steps.map(|step| format!("{}: {} {}\n", step["step"], step["ended"], step["said"])).collect()
}

#[test]
fn what_the_layers_cover_comes_back_exactly_and_the_machine_is_not_touched() {
    if !is_root("what_the_layers_cover_comes_back_exactly_and_the_machine_is_not_touched") {
        return;
    }
    let bench = Bench::new();
    bench.write("m/gone", "gone\n");
    std::fs::create_dir_all(bench.path("m/deep/er")).expect("made");
    bench.write("m/deep/er/one", "one\n");
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - id: all
        shell: |
          echo new > "$m/file"; chmod 600 "$m/file"; rm "$m/gone"; ln -s file "$m/link"
          rm -r "$m/deep"; mkdir "$m/deep"; echo other > "$m/deep/two"
    validate: [{id: never, probe: {run: ["false"]}}]
  - id: two
    needs: [one]
    apply: [{id: add, shell: 'echo added > "$c/added"', undo: {shell: 'rm "$c/added"'}}]
"#,
    );
    let machine = before(&bench);
    let ran = in_sandbox(&bench);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let found = ran.json();
    assert_eq!(residue(&bench, &found), []);
    assert_eq!(found["exactly_back"], true, "{found}");
    assert!(found["restored"].as_u64().expect("a number") >= 5, "{found}");
    untouched(&bench, &machine);
    let words = bench.run(&["rehearse", "plan.yaml", "--sandbox"]);
    assert_eq!(words.exit, 0, "{words:?}");
    assert!(words.out.contains("comes back exactly"), "{words:?}");
}

#[test]
fn what_a_step_writes_outside_its_layer_is_left_and_named_with_the_step() {
    if !is_root("what_a_step_writes_outside_its_layer_is_left_and_named_with_the_step") {
        return;
    }
    let bench = Bench::new();
    for name in ["mode", "attribute", "gone", "bytes", "kind"] {
        bench.write(&format!("c/{name}"), "old\n");
    }
    std::fs::create_dir_all(bench.path("c/folder/sub")).expect("made");
    bench.write("c/folder/hidden", "old\n");
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: inside, shell: 'echo new > "$m/file"'}
      - id: outside
        shell: |
          echo new > "$c/created"; rm "$c/gone"; chmod 600 "$c/mode"; echo other > "$c/bytes"
          rm "$c/kind"; ln -s mode "$c/kind"; setfattr -n user.colour -v blue "$c/attribute"
      - {id: again, shell: 'rm -r "$c/folder"; mkdir "$c/folder"'}
      - {id: touched, shell: 'echo new > "$c/back"', undo: {shell: 'rm "$c/back"; echo more > "$c/more"'}}
"#,
    );
    let machine = before(&bench);
    let ran = in_sandbox(&bench);
    assert_eq!(ran.exit, 20, "{ran:?}");
    let found = ran.json();
    let left = residue(&bench, &found);
    let of = |path: &str, how: &str, by: &str| (path.to_owned(), how.to_owned(), format!("one/{by}"));
    assert_eq!(
        left,
        [
            of("/c/attribute", "attributes", "step outside"),
            of("/c/bytes", "bytes", "step outside"),
            of("/c/created", "created", "step outside"),
            of("/c/folder/hidden", "removed", "step again"),
            of("/c/folder/sub", "removed", "step again"),
            of("/c/gone", "removed", "step outside"),
            of("/c/kind", "kind mode", "step outside"),
            of("/c/mode", "mode", "step outside"),
            of("/c/more", "created", "undo of step touched"),
        ]
    );
    untouched(&bench, &machine);
}

#[test]
fn what_the_plan_says_it_leaves_is_told_apart() {
    if !is_root("what_the_plan_says_it_leaves_is_told_apart") {
        return;
    }
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    apply:
      - {id: add, shell: 'echo new > "$c/new"', undo: none, reason: nobody misses it}
      - {id: person, ask: Press the button., changes: nothing}
"#,
    );
    let ran = in_sandbox(&bench);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let found = ran.json();
    assert_eq!(found["residue"][0]["by"]["by_design"], "nobody misses it", "{found}");
    assert_eq!(found["exactly_back"], false);
    assert_eq!(found["phases"][0]["steps"][1]["by_person"], true);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a process outside the sandbox")]
fn a_step_in_the_sandbox_reaches_neither_processes_nor_mounts_nor_settings_nor_services() {
    if !is_root("a_step_in_the_sandbox_reaches_neither_processes_nor_mounts_nor_settings_nor_services") {
        return;
    }
    let bench = Bench::new();
    let mut outside =
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("started");
    let service = UnixListener::bind(bench.path("c/socket")).expect("a socket");
    service.set_nonblocking(true).expect("set");
    let setting = "/proc/sys/kernel/printk_ratelimit";
    let value = std::fs::read_to_string(setting).expect("read");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("read");
    let tries = [
        format!("kill -9 {} && echo HIT", outside.id()),
        "kill -9 -1; kill -9 1 && :".to_owned(),
        "mount -t tmpfs none /mnt && echo HIT".to_owned(),
        "umount /proc/sys && echo HIT".to_owned(),
        "mknod \"$c/disk\" b 8 0 && echo HIT".to_owned(),
        format!("echo 77 > {setting} && echo HIT"),
        format!("unshare -Urmpf sh -c 'mount -t proc p /proc && echo 77 > {setting} && echo HIT'"),
        "perl -MIO::Socket::UNIX -e 'exit !IO::Socket::UNIX->new(Peer => $ENV{c} . q(/socket))' && echo HIT"
            .to_owned(),
        "ls /sys/fs/cgroup/* /dev/sd* /dev/vd* /dev/nvme* 2>/dev/null && echo HIT".to_owned(),
        "test \"$(ls /proc | grep -c '^[0-9]')\" -gt 20 && echo HIT".to_owned(),
        "grep -v '^Inter\\|face\\| lo:' /proc/net/dev && echo HIT".to_owned(),
        "echo written > /etc/switchback-was-here; echo ALL DONE".to_owned(),
    ];
    let text: String =
        tries.iter().map(|line| format!("          {{ {line}; }} 2>/dev/null || :\n")).collect();
    bench.plan(&format!(
        "  - id: one\n    apply:\n      - id: escape\n        undo: none\n        reason: it is a test\n        shell: |\n{text}          exit 3\n"
    ));
    let machine = tree(&bench.path("m"));
    let ran = in_sandbox(&bench);
    let found = ran.json();
    let told = said(&found);
    assert!(told.contains("ALL DONE") && !told.contains("HIT"), "{told}\n{ran:?}");
    assert_eq!(found["phases"][0]["steps"][0]["ended"], "failed", "{found}");
    assert!(lives(&outside.id().to_string()), "a process outside was ended");
    drop(outside.stdin.take());
    assert!(outside.wait().expect("ended").success());
    assert_eq!(std::fs::read_to_string(setting).expect("read"), value);
    assert_eq!(std::fs::read_to_string("/proc/self/mountinfo").expect("read"), mounts);
    assert!(service.accept().is_err(), "a service outside was reached");
    assert!(!std::path::Path::new("/etc/switchback-was-here").exists());
    same(&machine, &tree(&bench.path("m")));
}

#[test]
fn a_phase_that_does_not_go_through_is_told_with_what_its_step_printed() {
    if !is_root("a_phase_that_does_not_go_through_is_told_with_what_its_step_printed") {
        return;
    }
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: first, shell: 'echo new > "$m/file"'}
      - {id: second, shell: 'echo it cannot be; exit 7'}
  - id: two
    apply: [{id: never, run: ["true"], changes: nothing}]
"#,
    );
    let machine = before(&bench);
    let ran = in_sandbox(&bench);
    assert_eq!(ran.exit, 11, "{ran:?}");
    let found = ran.json();
    assert!(said(&found).contains("it cannot be"), "{found}");
    assert_eq!(found["not_tried"], serde_json::json!(["two"]));
    assert_eq!(residue(&bench, &found), []);
    untouched(&bench, &machine);
}

#[test]
fn whoever_is_not_root_gets_no_sandbox_and_the_reason() {
    if !is_root("whoever_is_not_root_gets_no_sandbox_and_the_reason") {
        return;
    }
    use std::os::unix::process::CommandExt as _;
    let bench = Bench::new();
    bench.open_to_everybody();
    bench.plan("  - id: one\n    apply: [{id: a, run: [\"true\"], changes: nothing}]\n");
    std::fs::copy(crate::program::PROGRAM, bench.path("switchback")).expect("copied");
    let somebody = |words: &[&str]| {
        #[expect(clippy::disallowed_methods, reason = "the program under test, as another user")]
        let mut command = Command::new(bench.path("switchback"));
        command.args(words).uid(65534).gid(65534).env_clear().current_dir(bench.path(""));
        command.env("PATH", "/usr/bin:/bin").env("HOME", bench.path("m")).stdin(Stdio::null());
        let mut ran = None;
        // Another test's child may hold the copy open for a moment longer.
        crate::world::until("the copy can be run", || match command.output() {
            Ok(output) => ran.replace(output).is_none(),
            Err(why) => {
                assert_eq!(why.raw_os_error(), Some(libc::ETXTBSY), "{why}");
                false
            }
        });
        let output = ran.expect("it ran");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, why) = somebody(&["rehearse", "plan.yaml", "--sandbox"]);
    assert_eq!(status, Some(10), "{why}");
    assert!(why.contains("takes root, and this is user 65534"), "{why}");
    let (status, why) = somebody(&["rehearse", "plan.yaml"]);
    assert_eq!(status, Some(0), "{why}");
}

#[test]
fn every_ending_is_told_and_nothing_is_done() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: add, shell: 'echo new > "$m/file"'}]
    validate: [{id: holds, probe: {run: ["true"]}}]
  - id: two
    needs: [one]
    apply: [{id: mail, shell: 'echo sent > "$c/sent"', undo: none, reason: a letter cannot be called back}]
"#,
    );
    let machine = before(&bench);
    let ran = bench.run(&["rehearse", "plan.yaml", "--phase", "two", "--json"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let found = ran.json();
    assert_eq!(found["named"], true);
    let phases = found["phases"].as_array().expect("phases");
    assert_eq!(phases.len(), 1);
    let endings = phases[0]["endings"].as_array().expect("endings");
    let of = |name: &str| {
        endings.iter().find(|it| it["ending"] == name).unwrap_or_else(|| panic!("{name}: {found}"))
    };
    assert_eq!(of("committed")["story_words"], "nothing goes wrong");
    assert_eq!(of("rolled-back-but")["story_words"], "step `mail` fails");
    assert_eq!(of("rolled-back-but")["left"][0]["why"], "a letter cannot be called back");
    assert_eq!(phases[0]["worst"], "inconsistent");
    let words = bench.run(&["rehearse", "plan.yaml"]);
    assert_eq!(words.exit, 0, "{words:?}");
    for part in
        ["committed", "rolled back", "2 of 2", "may name  layer files", "by design step mail", "states"]
    {
        assert!(words.out.contains(part), "{part}: {words:?}");
    }
    let wrong = bench.run(&["rehearse", "plan.yaml", "--network"]);
    assert_eq!(wrong.exit, 2, "{wrong:?}");
    untouched(&bench, &machine);
}
