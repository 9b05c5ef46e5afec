//! Trees that are hard to take back: deeper than a walk may go, with our own records in them, or changed meanwhile.

use super::attributes::Bearer;
use super::dress::dress_named;
use super::entry::Meta;
use super::folder::{hold, look, open_folder};
use super::remove::{open_up, remove_tree};
use super::temporary::temporary_name;
use super::*;
use crate::layer::layer_for;
use crate::layer::testbed::{Bench, snapshot};
use crate::system::process::{JobId, Watch};
use rustix::fs::{FileType, Mode, OFlags, mkdirat, mknodat, openat};
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

fn files(paths: &[&Path]) -> Box<dyn Layer> {
    let paths = paths.iter().map(|path| path.display().to_string()).collect();
    layer_for(&LayerSpec::Files { paths })
}

fn folder_in(bench: &Bench, name: &str) -> PathBuf {
    let path = bench.root().join(name);
    fs::create_dir_all(&path).expect("made");
    path
}

/// Folders in each other, deeper than any path may be long.
fn deep(top: &Path, levels: usize) {
    let mut at: OwnedFd = open_folder(top).expect("top");
    for _ in 0..levels {
        mkdirat(&at, "d", Mode::RWXU).expect("made");
        at = openat(&at, "d", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("opened");
    }
    mknodat(&at, "end", FileType::RegularFile, Mode::RUSR, 0).expect("a file");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

#[test]
fn a_set_that_holds_the_records_themselves_or_lies_among_them_is_refused() {
    let mut bench = Bench::new();
    let (all, state) = (bench.root(), bench.root().join("state"));
    for path in [all, state.clone(), state.join("generations"), state.join("none/yet")] {
        let refused = files(&[&path]).refusals(&mut bench.cx());
        let named: Vec<&str> = refused.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(named, [state.display().to_string()], "{}", path.display());
        assert!(refused[0].why.contains("switchback's own state folder"), "{refused:?}");
    }
    let beside = folder_in(&bench, "home");
    assert_eq!(files(&[&beside]).refusals(&mut bench.cx()), []);
}

#[test]
fn links_on_the_way_to_what_is_named_come_back_too() {
    let mut bench = Bench::new();
    let root = folder_in(&bench, "releases");
    for (release, text) in [("1", "first"), ("2", "second")] {
        fs::create_dir(root.join(release)).expect("made");
        fs::write(root.join(release).join("f"), text).expect("written");
    }
    symlink("1", root.join("live")).expect("link");
    symlink("live/.", root.join("current")).expect("link");
    let named = root.join("current/f");
    let layer = files(&[&named]);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    let before = snapshot(&root);
    fs::remove_file(root.join("live")).expect("removed");
    symlink("2", root.join("live")).expect("link");
    fs::write(root.join("1/f"), "changed").expect("written");
    assert_eq!(fs::read_to_string(&named).expect("there"), "second");
    let restored = layer.restore(&mut bench.cx(), &record);
    assert_eq!(restored.failed, []);
    assert_eq!(fs::read_to_string(&named).expect("there"), "first");
    // A link gets its time back; the folder that holds it was only passed.
    let after = snapshot(&root);
    let different: Vec<&PathBuf> =
        before.keys().filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(different.iter().all(|path| [&root, &root.join("1")].contains(path)), "{different:?}");
}

#[test]
fn folders_in_each_other_without_end_are_removed_and_not_recorded() {
    let mut bench = Bench::new();
    let root = folder_in(&bench, "t");
    let layer = files(&[&root]);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    deep(&root, 3000);
    let refused = layer.refusals(&mut bench.cx());
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].why.contains("256 folders below"), "{refused:?}");
    let restored = layer.restore(&mut bench.cx(), &record);
    assert_eq!(restored.failed, []);
    assert_eq!(fs::read_dir(&root).expect("there").count(), 0);
}

#[test]
fn a_name_of_our_own_that_somebody_took_is_no_obstacle() {
    let bench = Bench::new();
    let root = folder_in(&bench, "t/gone");
    for number in 0..3 {
        fs::create_dir(root.join(format!(".switchback-below-{number}"))).expect("made");
    }
    deep(&root, 200);
    let above = open_folder(&bench.root().join("t")).expect("opened");
    remove_tree(above.as_fd(), OsStr::new("gone")).expect("removed");
    assert!(!root.exists());
}

#[test]
fn a_name_that_became_a_link_meanwhile_changes_nothing_of_what_it_leads_to() {
    let bench = Bench::new();
    let root = folder_in(&bench, "t");
    let (victim, others) = (bench.root().join("victim"), folder_in(&bench, "others"));
    fs::write(&victim, "secret").expect("written");
    for (path, mode) in [(&victim, 0o600), (&others, 0o500)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
    }
    symlink(&victim, root.join("pipe")).expect("link");
    symlink(&others, root.join("folder")).expect("link");
    let folder = open_folder(&root).expect("opened");
    let seen = look(folder.as_fd(), OsStr::new("pipe")).expect("seen").expect("there");
    let meta = Meta { mode: 0o4777, ..Meta::of(&seen, BTreeMap::new()) };
    let dressed = dress_named(folder.as_fd(), OsStr::new("pipe"), &meta, FileType::Fifo);
    assert_eq!(dressed.expect_err("it is a link").to_string(), "is a symbolic link now");
    let opened = open_up(folder.as_fd(), OsStr::new("folder"));
    assert_eq!(opened.expect_err("it is a link").to_string(), "is a symbolic link now");
    assert_eq!((mode(&victim), mode(&others)), (0o600, 0o500));
}

/// What somebody else does while a layer works: once, as soon as it can be done.
struct Meanwhile<'a>(Option<Box<dyn Fn() -> bool + 'a>>);

impl Watch for Meanwhile<'_> {
    fn line(&mut self, _: JobId, _: &str) {}
    fn tick(&mut self) {
        if self.0.as_ref().is_some_and(|act| act()) {
            self.0 = None;
        }
    }
    fn interrupted(&mut self) -> bool {
        false
    }
}

#[test]
fn a_folder_whose_name_was_given_to_another_after_it_was_made_gives_nothing_of_that_one_away() {
    let mut bench = Bench::new();
    let root = folder_in(&bench, "t");
    let (made, away) = (folder_in(&bench, "t/made"), bench.root().join("away"));
    for name in 0..200 {
        fs::write(made.join(name.to_string()), "x").expect("written");
    }
    fs::set_permissions(&made, fs::Permissions::from_mode(0o777)).expect("mode");
    let secret = folder_in(&bench, "secret");
    fs::write(secret.join("inner"), "of root").expect("written");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o700)).expect("mode");
    let before = snapshot(&root);
    let layer = files(&[&root]);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    fs::remove_dir_all(&made).expect("removed");
    let leaked = AtomicBool::new(false);
    let mut watch = Meanwhile(Some(Box::new(|| {
        if made.is_dir() && !away.exists() {
            fs::rename(&made, &away).expect("given away");
            fs::rename(&secret, &made).expect("given");
        } else if made.join("inner").exists() && mode(&made) != 0o700 {
            // Everybody may look into it now.
            leaked.store(true, Ordering::Relaxed);
        }
        false
    })));
    let mut cx = LayerCx { host: &bench.host, capsule: &bench.capsule, watch: &mut watch };
    let restored = layer.restore(&mut cx, &record);
    drop(watch);
    assert!(away.exists(), "the name was never given away: {restored:?}");
    assert!(!leaked.load(Ordering::Relaxed), "what stands in the folder's place was opened to all");
    // What was not recorded is gone from it before it is dressed.
    assert_eq!(layer.restore(&mut bench.cx(), &record).failed, []);
    assert_eq!(snapshot(&root), before);
}

#[test]
fn a_file_with_several_names_is_never_changed_in_place() {
    let mut bench = Bench::new();
    let root = folder_in(&bench, "t");
    fs::write(root.join("a"), "known to all").expect("written");
    fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o666)).expect("mode");
    fs::hard_link(root.join("a"), root.join("b")).expect("link");
    let secret = bench.root().join("secret");
    fs::write(&secret, "known to all").expect("written");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("mode");
    let before = (snapshot(&root), snapshot(&secret));
    let layer = files(&[&root]);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    // As many names as recorded, the same bytes, and one of the names is elsewhere.
    fs::remove_file(root.join("a")).expect("removed");
    fs::hard_link(&secret, root.join("a")).expect("link");
    assert_eq!(layer.restore(&mut bench.cx(), &record).failed, []);
    assert_eq!((snapshot(&root), snapshot(&secret)), before);
}

#[test]
fn a_temporary_name_that_somebody_took_leads_nowhere() {
    let mut bench = Bench::new();
    let root = folder_in(&bench, "t");
    let others = folder_in(&bench, "others");
    fs::write(others.join("secret"), "of root").expect("written");
    fs::set_permissions(others.join("secret"), fs::Permissions::from_mode(0o600)).expect("mode");
    let (file, temporary) = (root.join("f"), root.join(temporary_name(OsStr::new("f"))));
    fs::write(&file, "old").expect("written");
    let layer = files(&[&file]);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    for taken in ["link to a file", "link to a folder", "hard link", "folder", "pipe"] {
        fs::write(&file, "new").expect("written");
        match taken {
            "link to a file" => symlink(others.join("secret"), &temporary).expect("link"),
            "link to a folder" => symlink(&others, &temporary).expect("link"),
            "hard link" => fs::hard_link(others.join("secret"), &temporary).expect("link"),
            "folder" => {
                fs::create_dir(&temporary).expect("made");
                symlink(&others, temporary.join("out")).expect("link");
                fs::hard_link(others.join("secret"), temporary.join("in")).expect("link");
            }
            _ => nix::unistd::mkfifo(&temporary, nix::sys::stat::Mode::S_IRWXU).expect("pipe"),
        }
        let before = fs::read(others.join("secret")).expect("read");
        assert_eq!(layer.restore(&mut bench.cx(), &record).failed, [], "{taken}");
        assert_eq!(fs::read_to_string(&file).expect("read"), "old", "{taken}");
        assert!(temporary.symlink_metadata().is_err(), "{taken}");
        assert_eq!(fs::read(others.join("secret")).expect("read"), before, "{taken}");
        assert_eq!(mode(&others.join("secret")), 0o600, "{taken}");
        assert_eq!(fs::read_dir(&others).expect("listed").count(), 1, "{taken}");
    }
}

#[test]
fn attributes_are_set_on_what_is_held_and_not_on_what_has_its_name_by_now() {
    let bench = Bench::new();
    let root = folder_in(&bench, "t");
    let (pipe, away) = (root.join("pipe"), root.join("away"));
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("pipe");
    let name = "security.switchback";
    if xattr::set(&pipe, name, b"x").is_err() {
        return crate::skipped::skipped(
            "attributes_are_set_on_what_is_held_and_not_on_what_has_its_name_by_now",
            "only root may set attributes of a pipe, and not on every file system",
        );
    }
    let wanted = Bearer::named(open_folder(&root).expect("opened").as_fd(), OsStr::new("pipe")).read();
    let wanted = wanted.expect("read");
    assert_eq!(wanted.len(), 1);
    xattr::remove(&pipe, name).expect("removed");
    symlink("nowhere", root.join("link")).expect("link");
    let folder = open_folder(&root).expect("opened");
    for held in ["pipe", "link"] {
        let (path, held) = (root.join(held), hold(folder.as_fd(), OsStr::new(held)).expect("held"));
        fs::rename(&path, &away).expect("moved");
        fs::write(&path, "of root").expect("written");
        let file_name = path.file_name().expect("a name");
        let bearer = Bearer::held(held.as_fd(), folder.as_fd(), file_name);
        bearer.set(&wanted).expect("set");
        assert_eq!(xattr::get(&path, name).expect("read"), None, "{}", path.display());
        assert!(xattr::get(&away, name).expect("read").is_some(), "{}", path.display());
        bearer.strip(&BTreeMap::new()).expect("stripped");
        assert_eq!(xattr::get(&away, name).expect("read"), None);
        fs::remove_file(&away).expect("removed");
    }
    // One that has a second name by now is nobody's to dress.
    nix::unistd::mkfifo(&away, nix::sys::stat::Mode::S_IRWXU).expect("pipe");
    fs::hard_link(&away, root.join("second")).expect("link");
    let seen = look(folder.as_fd(), OsStr::new("away")).expect("seen").expect("there");
    let dressed = dress_named(folder.as_fd(), OsStr::new("away"), &Meta::of(&seen, wanted), FileType::Fifo);
    assert_eq!(dressed.expect_err("two names").to_string(), "has 2 names (hard links) now");
}

#[test]
fn whatever_is_swapped_while_root_records_and_restores_nothing_outside_is_touched_or_saved() {
    let mut bench = Bench::in_memory();
    let root = folder_in(&bench, "t");
    let others = folder_in(&bench, "others");
    fs::write(others.join("f"), "a secret of somebody else").expect("written");
    for (path, mode) in [(others.join("f"), 0o600), (others.clone(), 0o700)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
    }
    let before = snapshot(&others);
    fs::create_dir(root.join("d")).expect("made");
    fs::write(root.join("d/f"), "mine").expect("written");
    fs::write(root.join("f"), "mine").expect("written");
    for path in ["d", "d/f", "f"] {
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o777)).expect("mode");
    }
    let layer = files(&[&root]);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    let stop = AtomicBool::new(false);
    let (mut tries, mut whole) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let spare = bench.folder.path().join("spare");
            // What cannot be done now is done next time: the other side moves things as well.
            let swap = |name: &str, make: &dyn Fn(&Path) -> std::io::Result<()>| {
                let _ = make(&spare);
                let _ = fs::rename(root.join(name), bench.folder.path().join("gone"));
                let _ = fs::rename(&spare, root.join(name));
                for left in [&spare, &bench.folder.path().join("gone")] {
                    let _ = fs::remove_dir_all(left);
                    let _ = fs::remove_file(left);
                }
            };
            while !stop.load(Ordering::Relaxed) {
                swap("d", &|at| symlink(&others, at));
                swap("f", &|at| symlink(others.join("f"), at));
                swap("d", &|at| fs::create_dir(at));
                swap("f", &|at| fs::write(at, "other"));
            }
        });
        while tries < 150 || whole == 0 && tries < 20_000 {
            tries += 1;
            let mut watch = Meanwhile(None);
            let mut cx = LayerCx { host: &bench.host, capsule: &bench.capsule, watch: &mut watch };
            whole += usize::from(layer.restore(&mut cx, &record).failed.is_empty());
            let again = bench.capsule.join(format!("again-{tries}"));
            if tries < 60 {
                fs::create_dir(&again).expect("made");
                let mut cx = LayerCx { host: &bench.host, capsule: &again, watch: &mut watch };
                // A set that moves may be refused.
                let _ = layer.record(&mut cx, 0);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(whole > 0, "the other side won each of {tries} times");
    assert_eq!(snapshot(&others), before);
    for (path, told) in snapshot(&bench.capsule) {
        assert!(!told.contains("a secret of"), "{} holds it", path.display());
    }
    assert_eq!(layer.restore(&mut bench.cx(), &record).failed, []);
}

#[test]
fn no_word_of_a_name_is_typed_by_who_follows_the_lines() {
    let mut bench = Bench::new();
    let root = folder_in(&bench, "g/d");
    for name in ["n\n", "n;touch $PWNED;'", "n$(touch $PWNED)\n\n", "n\ntouch $PWNED\n", "n\u{1b}[2J\u{202e}"]
    {
        fs::write(root.join(name), name).expect("written");
    }
    let before = snapshot(&root);
    let globs: Vec<String> =
        ["g/*/n*", "g/d/*"].map(|glob| bench.root().join(glob).display().to_string()).into();
    let layer = layer_for(&LayerSpec::Files { paths: globs });
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    for entry in fs::read_dir(&root).expect("listed") {
        fs::write(entry.expect("an entry").path(), "changed").expect("written");
    }
    let lines = layer.by_hand(&bench.capsule, &record).expect("lines");
    for line in &lines {
        assert!(!line.starts_with('#') || !line.contains('\n'), "{line:?}");
        assert!(line.chars().all(|c| !c.is_control() || c == '\n'), "{line:?}");
    }
    let (script, pwned) = (lines.join("\n"), bench.root().join("pwned"));
    #[expect(clippy::disallowed_methods, reason = "the shell of whoever follows the lines")]
    let mut shell = std::process::Command::new("/bin/sh");
    let ended = shell.args(["-u", "-c", &script]).env("PWNED", &pwned).output().expect("a shell");
    assert!(ended.status.success(), "{}{script}", String::from_utf8_lossy(&ended.stderr));
    assert!(!pwned.exists(), "a name was typed: {script}");
    let contents = |all: &BTreeMap<PathBuf, String>| -> Vec<String> {
        all.values().map(|told| told.split(' ').take(3).collect()).collect()
    };
    assert_eq!(contents(&snapshot(&root)), contents(&before));
}

/// What a phase made to hold what matches goes with it; what was there before, or holds something else, stays. By switchback
/// and by whoever follows the lines.
#[test]
fn folders_that_were_made_to_hold_what_a_glob_matches_go_and_all_others_stay() {
    for by_hand in [false, true] {
        let mut bench = Bench::new();
        for folder in ["fg1/sub", "fg0/sub", "fg*odd/sub"] {
            folder_in(&bench, folder);
        }
        let root = bench.root();
        let put = |name: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, name).expect("written");
        };
        ["fg1/sub/x1.conf", "fg1/sub/y.conf", "fg*odd/sub/x2.conf"].into_iter().for_each(put);
        let layer =
            layer_for(&LayerSpec::Files { paths: vec![root.join("fg*/*/x?.conf").display().to_string()] });
        let record = layer.record(&mut bench.cx(), 0).expect("recorded");
        let names = || -> Vec<String> {
            let there = snapshot(&root).into_keys().filter(|path| path.to_string_lossy().contains("/fg"));
            there.map(|path| path.strip_prefix(&root).expect("below").display().to_string()).collect()
        };
        let mut wanted = names();
        fs::remove_file(root.join("fg1/sub/x1.conf")).expect("removed");
        for name in ["fg2/sub/x1.conf", "fg2/other/x1.conf", "fg0/new/x9.conf", "fg1/sub/x7.conf"] {
            put(name);
        }
        // Nothing of the phase was ever in these.
        for folder in ["persons", "fg5/sub", "fg1/empty"] {
            fs::create_dir_all(root.join(folder)).expect("folders");
            let path = Path::new(folder).ancestors().filter(|path| !path.as_os_str().is_empty());
            wanted.extend(path.map(|path| path.display().to_string()).filter(|name| name.starts_with("fg")));
        }
        // Neither matches: the one by its dot, the other by its name.
        for name in ["fg3/.sub/x1.conf", "fg4/sub/mine"] {
            put(name);
            let path = Path::new(name).ancestors().filter(|path| !path.as_os_str().is_empty());
            wanted.extend(path.map(|path| path.display().to_string()));
        }
        if by_hand {
            // A line cannot tell whose folders they are.
            wanted.extend(["fg2", "fg2/sub", "fg2/other", "fg0/new"].map(str::to_owned));
        }
        wanted.sort_unstable();
        wanted.dedup();
        if by_hand {
            let lines = layer.by_hand(&bench.capsule, &record).expect("lines");
            assert!(!lines.iter().any(|line| line.starts_with("# Remove")), "{lines:#?}");
            #[expect(clippy::disallowed_methods, reason = "the shell of whoever follows the lines")]
            let mut shell = std::process::Command::new("/bin/sh");
            let ended = shell.args(["-eu", "-c", &lines.join("\n")]).output().expect("a shell");
            assert!(ended.status.success(), "{}{lines:#?}", String::from_utf8_lossy(&ended.stderr));
        } else {
            assert_eq!(layer.restore(&mut bench.cx(), &record).failed, []);
        }
        let mut now = names();
        now.sort_unstable();
        assert_eq!(now, wanted, "by hand: {by_hand}");
        assert_eq!(layer.restore(&mut bench.cx(), &record).changed, 0, "by hand: {by_hand}");
    }
}

#[test]
fn a_link_that_was_put_on_the_way_is_put_aside_by_who_follows_the_lines() {
    let mut bench = Bench::new();
    let house = folder_in(&bench, "house/conf");
    let house = house.parent().expect("a parent").to_owned();
    if bench.host.euid == 0 {
        std::os::unix::fs::chown(&house, Some(4321), Some(4321)).expect("owner");
    }
    fs::write(house.join("conf/f"), "old").expect("written");
    let others = folder_in(&bench, "others");
    fs::write(others.join("f"), "of root").expect("written");
    let layer = files(&[&house.join("conf/f")]);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    fs::rename(house.join("conf"), house.join("mine")).expect("moved");
    symlink(&others, house.join("conf")).expect("link");
    let before = snapshot(&others);
    let lines = layer.by_hand(&bench.capsule, &record).expect("lines").join("\n");
    #[expect(clippy::disallowed_methods, reason = "the shell of whoever follows the lines")]
    let mut shell = std::process::Command::new("/bin/sh");
    let ended = shell.args(["-eu", "-c", &lines]).output().expect("a shell");
    assert!(ended.status.success(), "{}{lines}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(snapshot(&others), before, "{lines}");
    assert_eq!(fs::read_to_string(house.join("conf/f")).expect("read"), "old");
    assert!(house.join("conf.before-undo").is_symlink());
    // Of a folder that root alone writes nobody can make a link.
    assert_eq!(lines.matches("test ! -L").count() > 1, bench.host.euid != 0, "{lines}");
}

#[test]
fn what_the_kernel_makes_up_is_refused_as_that_and_many_refusals_are_few_words() {
    let mut bench = Bench::new();
    for (path, name) in
        [("/proc/", "proc"), ("/proc/sys/vm/swappiness", "proc"), ("/proc/sys/vm/swap*", "proc")]
    {
        let layer = layer_for(&LayerSpec::Files { paths: vec![path.to_owned()] });
        let refused = layer.refusals(&mut bench.cx());
        let [one] = refused.as_slice() else { panic!("{refused:?}") };
        assert_eq!(one.name, path);
        assert!(one.why.starts_with(&format!("is on a file system of the kernel ({name})")), "{one:?}");
    }
    let many = |number: usize| few((0..number).map(|n| Item::new(format!("/p/{n}"), "is a pipe")).collect());
    assert_eq!(many(6).len(), 6);
    assert_eq!(many(200).last().map(|item| item.name.clone()), Some("and 195 more".to_owned()));
}
