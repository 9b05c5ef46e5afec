//! The programs that shipped checks start, started for real: what they print is what the checks judge.

use crate::library::shipped;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use switchback::model::{Check, Look, Outcome, Probe};

/// The program of a check in this search path, to its end.
#[expect(clippy::disallowed_methods, reason = "the check's own program")]
fn ended(check: &Check, path: &str) -> Output {
    let Look::Probe(Probe::Run { command, .. }) = &check.look else { panic!("{check:?}") };
    let (program, words) = command.argv.split_first().expect("a program");
    let mut command = Command::new(program);
    command.args(words).env_clear().env("PATH", path).stdin(Stdio::null());
    command.output().expect("it can be started")
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn program(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("written");
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).expect("ours");
}

#[test]
fn a_command_works_only_where_its_program_is_on_the_path_and_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    program(folder.path(), "good", "#!/bin/sh\n[ \"$1\" = --version ]\n");
    program(folder.path(), "broken", "#!/bin/sh\nexit 139\n");
    fs::write(folder.path().join("dead"), "#!/bin/sh\n").expect("written");
    let path = folder.path().to_str().expect("text");
    let good = format!("{path}/good");
    let check =
        shipped("commands-work", &json!({"commands": ["good", "broken", "dead", "export", "echo", good]}));
    let ended = ended(&check, path);
    let missing = |name: &str| format!("{name}: not in {path}");
    assert_eq!(
        lines(&ended),
        ["broken: exit 139".to_owned(), missing("dead"), missing("export"), missing("echo")],
        "{ended:?}"
    );
}

#[test]
fn a_command_exists_only_as_a_program_and_the_path_is_named_where_it_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    program(folder.path(), "mold", "");
    let path = folder.path().to_str().expect("text");
    for (name, with, there) in [
        ("command-exists", json!({"command": "mold"}), true),
        ("command-exists", json!({"command": "export"}), false),
        ("linker-in-path", json!({}), true),
        ("linker-in-path", json!({"linker": "lld"}), false),
    ] {
        let ended = ended(&shipped(name, &with), path);
        assert_eq!(ended.status.success(), there, "{name} {with}: {ended:?}");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(said.contains(&format!("is not in {path}")), !there, "{name} {with}: {said}");
    }
}

/// What the check makes of a configuration, and of the environment beside it.
fn grub(config: &str, env: Option<&str>, at_least: u32) -> (Value, Outcome) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("grub.cfg");
    fs::write(&path, config).expect("written");
    if let Some(env) = env {
        fs::write(folder.path().join("grubenv"), env).expect("written");
    }
    let absent = folder.path().join("none.cfg");
    let with = json!({"at_least": at_least, "configs": [absent, path]});
    let check = shipped("grub-menu-shown", &with);
    let ended = ended(&check, "/usr/bin:/bin");
    let value: Value = serde_json::from_slice(&ended.stdout).unwrap_or_else(|why| panic!("{why}: {ended:?}"));
    let mut seen = switchback::model::Observation::new().with("exit", ended.status.code().unwrap_or(-1));
    seen.0.insert("value".to_owned(), value.clone());
    (value, switchback::check::judge(&check, &Ok(seen), None, "2026-01-05").outcome)
}

#[test]
fn grubs_menu_is_shown_where_its_configuration_neither_hides_it_nor_hurries() {
    let fedora = "\
if [ x$feature_timeout_style = xy ] ; then\n  set timeout_style=menu\n  set timeout=5\nelse\n  set timeout=5\nfi\n\
### BEGIN /etc/grub.d/12_menu_auto_hide ###\nif [ \"${menu_auto_hide}\" = 1 ]; then\n  set timeout_style=hidden\n  set timeout=1\nfi\n\
### END /etc/grub.d/12_menu_auto_hide ###\n### BEGIN /etc/grub.d/14_menu_show_once ###\n  set timeout=\"${menu_show_once_timeout}\"\n\
### END /etc/grub.d/14_menu_show_once ###\nmenuentry 'Fedora' --class fedora {\n  set timeout=0\n  if true; then\n    x\n  fi\n}\n";
    let ubuntu = "if [ \"${recordfail}\" = 1 ] ; then\n  set timeout=30\nelse\n  if [ x$feature_timeout_style = xy ] ; then\n    \
set timeout_style=hidden\n    set timeout=0\n  elif sleep --interruptible 0 ; then\n    set timeout=0\n  fi\nfi\n";
    let nixos = "if [ \"${next_entry}\" ]; then\n  set default=\"${next_entry}\"\n  set next_entry=\n  save_env next_entry\n  set timeout=1\n  \
set boot_once=true\nelse\n  set default=0\n  set timeout=10\nfi\n";
    for (config, env, seen, outcome) in [
        (nixos, None, json!({"hidden": false, "timeout": 10}), Outcome::Pass),
        ("set timeout=5\n", None, json!({"hidden": false, "timeout": 5}), Outcome::Pass),
        ("timeout='3' # quick\n", None, json!({"hidden": false, "timeout": 3}), Outcome::Pass),
        ("set timeout=1\n", None, json!({"hidden": false, "timeout": 1}), Outcome::Fail),
        ("set timeout=-1\n", None, json!({"hidden": false, "timeout": 86400}), Outcome::Pass),
        ("set default=0\n", None, json!({"hidden": false, "timeout": 86400}), Outcome::Pass),
        ("set timeout=5\nset timeout=\"${tt}\"\n", None, json!({"hidden": false}), Outcome::Inconclusive),
        ("timeout=5\nhiddenmenu\n", None, json!({"hidden": true, "timeout": 5}), Outcome::Fail),
        (
            "set timeout_style=countdown; set timeout=9\n",
            None,
            json!({"hidden": true, "timeout": 9}),
            Outcome::Fail,
        ),
        (
            "menuentry 'a' {\n  set timeout=5\n}\nset timeout=0\n",
            None,
            json!({"hidden": false, "timeout": 0}),
            Outcome::Fail,
        ),
        (
            "# set timeout=0\nset timeout=\"5\"\r\n",
            None,
            json!({"hidden": false, "timeout": 5}),
            Outcome::Pass,
        ),
        (ubuntu, None, json!({"hidden": true, "timeout": 0}), Outcome::Fail),
        (fedora, None, json!({"hidden": false, "timeout": 5}), Outcome::Pass),
        (
            fedora,
            Some("# GRUB Environment Block\nboot_success=1\n"),
            json!({"hidden": false, "timeout": 5}),
            Outcome::Pass,
        ),
        (fedora, Some("menu_auto_hide=1\n"), json!({"hidden": true, "timeout": 5}), Outcome::Fail),
    ] {
        assert_eq!(grub(config, env, 3), (seen, outcome), "{config}");
    }
    assert_eq!(grub("set timeout=5\n", None, 10).1, Outcome::Fail);
}
