//! Identities without and with the machine.

use super::*;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn account(name: &str, uid: u32) -> Account {
    Account {
        name: name.to_owned(),
        ids: Ids { uid, gid: uid, groups: vec![uid, 27] },
        home: format!("/home/{name}").into(),
        shell: "/bin/sh".into(),
    }
}

/// A host of which nothing is read.
fn host(euid: u32, runner: Account, invoker: Account, own: &[(&str, &str)]) -> Host {
    let caller = invoker.ids.uid;
    Host { euid, path: path_of(&runner), runner, invoker, caller, boot_id: None, own: map(own), quiet: true }
}

/// An id that no test machine has a runtime folder for.
const NOBODY_HERE: u32 = 54_321;

#[test]
fn the_invoker_is_believed_only_of_root() {
    for (euid, env, seen) in [
        (0, vec![("SUDO_UID", "1000")], Some(Invoker::Uid(1000))),
        (0, vec![("PKEXEC_UID", "1001")], Some(Invoker::Uid(1001))),
        (0, vec![("DOAS_USER", "ann")], Some(Invoker::Name("ann".to_owned()))),
        (0, vec![("SUDO_UID", "x"), ("PKEXEC_UID", "7")], Some(Invoker::Uid(7))),
        (0, vec![], None),
        (1000, vec![("SUDO_UID", "0")], None),
    ] {
        assert_eq!(invoker(euid, &map(&env)), seen, "{euid} {env:?}");
    }
}

#[test]
fn a_run_taken_up_by_plain_root_is_for_the_user_for_whom_it_was_begun() {
    let accounts = Accounts::parse("ann:x:54321:100:::/bin/sh\n", "video:x:26:ann\n");
    let root = host(0, account("root", 0), account("root", 0), &[]);
    let (ids, _) = root.invoked_by(54_321, "ann", &accounts).identity(RunAs::User).expect("an identity");
    assert_eq!(ids, Some(Ids { uid: 54_321, gid: 100, groups: vec![26, 100] }));
    let (ids, env) = root.invoked_by(54_322, "bea", &accounts).identity(RunAs::User).expect("an identity");
    assert_eq!(ids.map(|ids| ids.uid), Some(54_322), "an account that is gone is still not root");
    assert_eq!(env.get(OsStr::new("USER")), Some(&OsString::from("bea")));
    let plain = host(54_321, account("ann", 54_321), account("ann", 54_321), &[]);
    assert_eq!(
        plain.invoked_by(0, "root", &accounts).invoker,
        plain.invoker,
        "only root can be somebody else"
    );
}

#[test]
fn a_user_step_of_root_gets_the_users_ids_and_only_the_listed_variables() {
    let own = [("TZ", "Europe/Berlin"), ("DISPLAY", ":0"), ("XDG_RUNTIME_DIR", "/tmp")];
    let host = host(0, account("root", 0), account("ann", NOBODY_HERE), &own);
    let (ids, env) = host.identity(RunAs::User).expect("an identity");
    assert_eq!(ids, Some(host.invoker.ids.clone()));
    let names: Vec<&str> = env.keys().filter_map(|name| name.to_str()).collect();
    assert_eq!(
        names,
        [
            "GIT_PAGER",
            "HOME",
            "LANG",
            "LOGNAME",
            "NO_COLOR",
            "PAGER",
            "PATH",
            "SHELL",
            "SYSTEMD_COLORS",
            "SYSTEMD_PAGER",
            "TERM",
            "USER"
        ]
    );
    let path = env.get(OsStr::new("PATH")).and_then(|path| path.to_str()).expect("a path");
    assert!(path.starts_with("/run/wrappers/bin:/home/ann/.nix-profile/bin:/etc/profiles/per-user/ann/bin:"));
    assert!(path.ends_with(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), "{path}");
}

#[test]
fn root_is_not_to_be_had_without_root() {
    let me = host(NOBODY_HERE, account("ann", NOBODY_HERE), account("ann", NOBODY_HERE), &[("TZ", "UTC")]);
    assert_eq!(me.identity(RunAs::Root), Err(IdentityError::NotRoot(NOBODY_HERE)));
    let (ids, env) = me.identity(RunAs::User).expect("oneself");
    assert_eq!(ids, None);
    assert_eq!(env.get(OsStr::new("TZ")), Some(&OsString::from("UTC")));
}

#[test]
fn without_a_user_manager_the_runners_own_session_counts_and_no_other() {
    let own =
        [("WAYLAND_DISPLAY", "wayland-0"), ("QT_PLUGIN_PATH", "/tmp/evil"), ("KDE_FULL_SESSION", "true")];
    let me = host(NOBODY_HERE, account("ann", NOBODY_HERE), account("ann", NOBODY_HERE), &own);
    let (_, env) = me.identity(RunAs::Session).expect("a session");
    assert_eq!(env.get(OsStr::new("WAYLAND_DISPLAY")), Some(&OsString::from("wayland-0")));
    assert_eq!(env.get(OsStr::new("KDE_FULL_SESSION")), Some(&OsString::from("true")));
    assert_eq!(env.get(OsStr::new("QT_PLUGIN_PATH")), None);
    let root = host(0, account("root", 0), account("ann", NOBODY_HERE), &own);
    assert_eq!(root.identity(RunAs::Session), Err(IdentityError::NoSession("ann".to_owned())));
    let bare = host(NOBODY_HERE, account("ann", NOBODY_HERE), account("ann", NOBODY_HERE), &[]);
    assert_eq!(bare.identity(RunAs::Session), Err(IdentityError::NoSession("ann".to_owned())));
}

#[test]
fn the_environment_of_the_user_manager_is_read() {
    let text = "DISPLAY=:0\nXDG_DATA_DIRS=/a:/b\nODD=$'a b\\'c\\n\\\\'\nBAD=$'\\q'\nnonsense\nEMPTY=\n";
    let seen = map(&[("DISPLAY", ":0"), ("XDG_DATA_DIRS", "/a:/b"), ("ODD", "a b'c\n\\"), ("EMPTY", "")]);
    assert_eq!(parse_environment(text), seen);
}

#[test]
fn this_machine_is_discovered() {
    let host = Host::discover([(OsString::from("LD_PRELOAD"), OsString::from("x"))]).expect("a host");
    assert_eq!(host.euid, nix::unistd::geteuid().as_raw());
    assert_eq!(host.invoker, host.runner);
    assert!(host.own.is_empty());
    assert_eq!(host.boot_id.as_deref().map(str::len), Some(36));
}

#[test]
fn root_for_a_user_without_account_is_refused() {
    if nix::unistd::geteuid().is_root() {
        let env = [(OsString::from("SUDO_UID"), OsString::from(NOBODY_HERE.to_string()))];
        assert_eq!(Host::discover(env).map(|_| ()), Err(IdentityError::NoAccount(NOBODY_HERE.to_string())));
    }
}
