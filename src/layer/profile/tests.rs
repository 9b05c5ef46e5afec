//! Against a real Nix: real store paths, real profiles with real generations, in a folder of their own.

use super::*;
use crate::layer::testbed::Bench;
use crate::layer::{layer_for, recorded_layer};
use std::fs;
use std::os::unix::fs::symlink;

/// Builds a store path without a network; a line with the reason where this machine cannot.
fn build(bench: &mut Bench, name: &str, script: &str) -> Option<PathBuf> {
    let Ok(program) = find(&bench.host, "nix-build") else {
        crate::skipped::skipped(
            "layer::profile (real Nix profiles)",
            "there is no nix-build on this machine",
        );
        return None;
    };
    let at = bench.root().join("build.nix");
    let text = format!(
        "derivation {{ name = {name:?}; system = builtins.currentSystem; builder = \"/bin/sh\"; \
         args = [ \"-c\" ''{script}'' ]; PATH = \"/usr/bin:/bin\"; }}"
    );
    fs::write(&at, text).expect("expression");
    let mut command = CommandLine::new([program.display().to_string()]);
    for word in ["--no-out-link", "--option", "sandbox", "false", "--option", "substitute", "false"] {
        command.argv.push(word.to_owned());
    }
    command.argv.extend(["--option".to_owned(), "build-users-group".to_owned(), String::new()]);
    command.argv.push(at.display().to_string());
    match call(&mut bench.cx(), &command, RunAs::Runner, Interrupts::Heed) {
        Ok(printed) => Some(PathBuf::from(String::from_utf8(printed).expect("path").trim())),
        Err(why) => {
            crate::skipped::skipped(
                "layer::profile (real Nix profiles)",
                &format!("Nix cannot build here: {why}"),
            );
            None
        }
    }
}

/// A store path whose programs write into `log` what they were asked, and switch `running`.
fn closure(bench: &mut Bench, name: &str) -> Option<PathBuf> {
    let (log, running) = (bench.root().join("log"), bench.root().join("running"));
    let script = format!(
        "mkdir -p $out/bin\n\
         printf '#!/bin/sh\\necho {name} $1 >> {log}\\n[ $1 = boot ] || ln -s -f -n %s {running}\\n' $out \
           > $out/bin/switch-to-configuration\n\
         printf '#!/bin/sh\\necho {name} activated for $USER >> {log}\\n' > $out/activate\n\
         chmod +x $out/activate $out/bin/switch-to-configuration",
        log = log.display(),
        running = running.display(),
    );
    build(bench, name, &script)
}

fn set(bench: &mut Bench, profile: &Path, store: &Path) {
    pin::nix_env(&mut bench.cx(), profile, &["--set", &store.display().to_string()], RunAs::Runner)
        .expect("set");
}

fn log(bench: &Bench) -> Vec<String> {
    let text = fs::read_to_string(bench.root().join("log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// What the layers said they changed back since the last look.
fn changed_back(bench: &mut Bench) -> Vec<String> {
    std::mem::take(&mut bench.watch.changed_back)
}

const NOTHING: Restored = Restored { changed: 0, failed: Vec::new() };

#[test]
fn a_profile_comes_back_to_exactly_its_generation() {
    let mut bench = Bench::new();
    let Some(one) = closure(&mut bench, "one") else { return };
    let Some(two) = closure(&mut bench, "two") else { return };
    let profile = bench.root().join("tools");
    set(&mut bench, &profile, &one);
    let activate = Some(vec!["${profile}/activate".to_owned()]);
    let layer = layer_for(&LayerSpec::NixProfile { path: profile.clone(), activate });
    assert_eq!(layer.refusals(&mut bench.cx()), []);
    let record = layer.record(&mut bench.cx(), 2).expect("recorded");
    assert_eq!(record.target, format!("{} (generation 1)", one.display()));
    assert_eq!(fs::read_link(bench.capsule.join("roots/02-profile")).expect("root"), one);
    let layer = recorded_layer(&bench.capsule, &record).expect("recorded");
    assert_eq!(layer.preview(&mut bench.cx(), &record).expect("preview"), Vec::<String>::new());

    set(&mut bench, &profile, &two);
    assert_eq!(fs::read_link(&profile).expect("link"), Path::new("tools-2-link"));
    let preview = layer.preview(&mut bench.cx(), &record).expect("preview");
    assert_eq!(preview.len(), 2, "{preview:?}");
    assert_eq!(layer.restore(&mut bench.cx(), &record), Restored { changed: 1, failed: Vec::new() });
    assert_eq!(fs::read_link(&profile).expect("link"), Path::new("tools-1-link"));
    assert_eq!(log(&bench), [format!("one activated for {}", bench.host.invoker.name)]);
    let told = format!("set {} to {} (generation 1): it is ", profile.display(), one.display());
    assert!(changed_back(&mut bench).iter().all(|line| line.starts_with(&told)), "{told}");
    assert_eq!(layer.restore(&mut bench.cx(), &record), NOTHING);
    assert_eq!(changed_back(&mut bench), Vec::<String>::new());

    // Without Nix on the path, and with the generation's link gone.
    for lost in [false, true] {
        set(&mut bench, &profile, &two);
        if lost {
            fs::remove_file(bench.root().join("tools-1-link")).expect("removed");
        }
        let path = std::mem::replace(&mut bench.host.path, "/nowhere".into());
        assert_eq!(layer.restore(&mut bench.cx(), &record).failed, [], "lost: {lost}");
        bench.host.path = path;
        assert_eq!(fs::read_link(&profile).expect("link"), Path::new("tools-1-link"));
        assert_eq!(link::store_path(&profile).expect("read"), Some(one.clone()));
    }

    // With Nix and without the link: the same generation all the same.
    set(&mut bench, &profile, &two);
    fs::remove_file(bench.root().join("tools-1-link")).expect("removed");
    assert_eq!(layer.restore(&mut bench.cx(), &record).failed, []);
    assert_eq!(link::store_path(&profile).expect("read"), Some(one.clone()));
    assert_eq!(fs::read_link(&profile).expect("link"), Path::new("tools-1-link"));

    // By hand.
    set(&mut bench, &profile, &two);
    let script = layer.by_hand(&bench.capsule, &record).expect("lines").join("\n");
    let command = CommandLine::new(["sh", "-eu", "-c", &script]);
    call(&mut bench.cx(), &command, RunAs::Runner, Interrupts::Heed).expect(&script);
    assert_eq!(link::store_path(&profile).expect("read"), Some(one));
}

#[test]
fn a_profile_that_was_not_there_is_removed() {
    let mut bench = Bench::new();
    let Some(one) = closure(&mut bench, "one") else { return };
    let profile = bench.root().join("new");
    let layer = layer_for(&LayerSpec::NixProfile { path: profile.clone(), activate: None });
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    set(&mut bench, &profile, &one);
    assert_eq!(layer.restore(&mut bench.cx(), &record), Restored { changed: 1, failed: Vec::new() });
    assert!(!profile.is_symlink() && !bench.root().join("new-1-link").is_symlink());
    assert_eq!(layer.restore(&mut bench.cx(), &record), NOTHING);
}

#[test]
fn without_nix_a_profile_is_refused_by_name() {
    let mut bench = Bench::new();
    bench.host.path = "/nowhere".into();
    let profile = bench.root().join("tools");
    let store = Path::new("/nix/store/0c9a8hdg2l5w3q7r1x4v6z0ybnmkjpsf-tools-1.0");
    symlink(store, &profile).expect("link");
    let layer = layer_for(&LayerSpec::NixProfile { path: profile, activate: None });
    assert_eq!(layer.refusals(&mut bench.cx())[0].why, "nix-store is not on this machine's path");
    let why = layer.record(&mut bench.cx(), 0).expect_err("refused");
    assert!(matches!(why, LayerError::NoProgram { .. }), "{why}");
}

#[test]
fn a_system_is_tried_kept_and_brought_back() {
    let mut bench = Bench::new();
    let Some(old) = closure(&mut bench, "old") else { return };
    let Some(new) = closure(&mut bench, "new") else { return };
    let (profile, running) = (bench.root().join("system"), bench.root().join("running"));
    set(&mut bench, &profile, &old);
    symlink(&old, &running).expect("link");
    let layer = layer_for(&LayerSpec::Nixos { profile: profile.clone(), running: running.clone() });
    assert_eq!(layer.refusals(&mut bench.cx()), []);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");

    // Tried out: it runs, and what boots is still the old one.
    let test =
        CommandLine::new([new.join("bin/switch-to-configuration").display().to_string(), "test".to_owned()]);
    call(&mut bench.cx(), &test, RunAs::Runner, Interrupts::Heed).expect("tried");
    let layer = recorded_layer(&bench.capsule, &record).expect("recorded");
    assert_eq!(layer.preview(&mut bench.cx(), &record).expect("preview").len(), 1);
    layer.keep(&mut bench.cx(), &record).expect("kept");
    assert_eq!(link::store_path(&profile).expect("read"), Some(new.clone()));
    assert_eq!(log(&bench), ["new test", "new boot"]);

    assert_eq!(layer.restore(&mut bench.cx(), &record), Restored { changed: 2, failed: Vec::new() });
    assert_eq!(link::store_path(&profile).expect("read"), Some(old.clone()));
    assert_eq!(link::store_path(&running).expect("read"), Some(old.clone()));
    assert_eq!(log(&bench).get(2..).expect("more"), ["old switch", "old boot"]);
    let told = changed_back(&mut bench);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with(&format!("set {} to {}", profile.display(), old.display())), "{told:?}");
    let runs = format!(": what runs is {}, recorded {}", new.display(), old.display());
    assert!(told[1].starts_with("run ") && told[1].ends_with(&runs), "{told:?}");
    assert_eq!(layer.restore(&mut bench.cx(), &record), NOTHING);
    assert_eq!(layer.preview(&mut bench.cx(), &record).expect("preview"), Vec::<String>::new());
}

#[test]
fn a_system_that_runs_another_than_it_boots_comes_back_to_both() {
    let mut bench = Bench::new();
    let Some(boots) = closure(&mut bench, "boots") else { return };
    let Some(runs) = closure(&mut bench, "runs") else { return };
    let (profile, running) = (bench.root().join("system"), bench.root().join("running"));
    set(&mut bench, &profile, &boots);
    symlink(&runs, &running).expect("link");
    let layer = layer_for(&LayerSpec::Nixos { profile: profile.clone(), running: running.clone() });
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    set(&mut bench, &profile, &runs);
    fs::remove_file(&running).expect("removed");
    symlink(&boots, &running).expect("link");
    assert_eq!(layer.restore(&mut bench.cx(), &record), Restored { changed: 2, failed: Vec::new() });
    assert_eq!(link::store_path(&profile).expect("read"), Some(boots));
    assert_eq!(link::store_path(&running).expect("read"), Some(runs));
    assert_eq!(log(&bench), ["runs test", "boots boot"]);
}

#[test]
fn a_home_comes_back_in_both_places_by_its_own_program() {
    let mut bench = Bench::new();
    let Some(old) = closure(&mut bench, "old-home") else { return };
    let Some(new) = closure(&mut bench, "new-home") else { return };
    let profile = bench.root().join("home/.local/state/nix/profiles/home-manager");
    fs::create_dir_all(profile.parent().expect("parent")).expect("folder");
    set(&mut bench, &profile, &old);
    let layer = layer_for(&LayerSpec::HomeManager { user: None, profile: None });
    assert_eq!(layer.refusals(&mut bench.cx()), []);
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    assert_eq!(record.target, format!("{} (generation 1)", old.display()));
    set(&mut bench, &profile, &new);
    let layer = recorded_layer(&bench.capsule, &record).expect("recorded");
    assert_eq!(layer.preview(&mut bench.cx(), &record).expect("preview").len(), 2);
    assert_eq!(layer.restore(&mut bench.cx(), &record), Restored { changed: 1, failed: Vec::new() });
    assert_eq!(link::store_path(&profile).expect("read"), Some(old));
    assert_eq!(log(&bench), [format!("old-home activated for {}", bench.host.invoker.name)]);
    assert_eq!(changed_back(&mut bench).len(), 1);
    assert_eq!(layer.restore(&mut bench.cx(), &record), NOTHING);
    assert_eq!(changed_back(&mut bench), Vec::<String>::new());
}

#[test]
fn generations_that_a_phase_deletes_are_pinned_and_come_back() {
    let mut bench = Bench::new();
    let mut stores = Vec::new();
    for name in ["first", "second", "third", "fourth"] {
        let Some(store) = closure(&mut bench, name) else { return };
        stores.push(store);
    }
    let profile = bench.root().join("tools");
    stores.iter().take(3).for_each(|store| set(&mut bench, &profile, store));
    let layer = layer_for(&LayerSpec::NixProfile { path: profile.clone(), activate: None });
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    assert!(record.target.ends_with("(generation 3); 2 other generations kept"), "{}", record.target);
    let rooted: Vec<PathBuf> = ["00-profile-other", "00-profile-other-2"]
        .map(|name| fs::read_link(bench.capsule.join("roots").join(name)).expect("a root"))
        .into_iter()
        .collect();
    assert!(rooted.contains(&stores[0]) && rooted.contains(&stores[1]), "{rooted:?}");
    let layer = recorded_layer(&bench.capsule, &record).expect("recorded");
    let root = bench.root().to_path_buf();
    let links = |number: usize| fs::read_link(root.join(format!("tools-{number}-link"))).ok();

    // Deleted, and their numbers given away: the profile itself stays, or becomes another.
    for another in [false, true] {
        pin::nix_env(&mut bench.cx(), &profile, &["--delete-generations", "old"], RunAs::Runner)
            .expect("deleted");
        assert_eq!((links(1), links(2)), (None, None));
        if another {
            symlink(&stores[3], bench.root().join("tools-2-link")).expect("another second");
            set(&mut bench, &profile, &stores[3]);
        }
        let changes = layer.changes(&mut bench.cx(), &record).expect("changes");
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!(changes[0].how, ["lacks generations 1, 2"]);
        let preview = layer.preview(&mut bench.cx(), &record).expect("preview");
        assert_eq!(preview.len(), 1, "{preview:?}");
        assert_eq!(layer.restore(&mut bench.cx(), &record), Restored { changed: 1, failed: Vec::new() });
        for (at, store) in stores.iter().take(3).enumerate() {
            assert_eq!(links(at + 1).as_ref(), Some(store));
        }
        assert_eq!(fs::read_link(&profile).expect("link"), Path::new("tools-3-link"));
        assert_eq!(layer.restore(&mut bench.cx(), &record), NOTHING);
    }

    // By hand.
    pin::nix_env(&mut bench.cx(), &profile, &["--delete-generations", "old"], RunAs::Runner)
        .expect("deleted");
    let script = layer.by_hand(&bench.capsule, &record).expect("lines").join("\n");
    let command = CommandLine::new(["sh", "-eu", "-c", &script]);
    call(&mut bench.cx(), &command, RunAs::Runner, Interrupts::Heed).expect(&script);
    assert_eq!(layer.restore(&mut bench.cx(), &record), NOTHING);
}

#[test]
fn a_profile_in_no_folder_is_refused_by_name_and_one_that_is_not_there_yet_names_those_beside_it() {
    let mut bench = Bench::new();
    let typo = bench.root().join("profils/tools");
    let layer = layer_for(&LayerSpec::NixProfile { path: typo.clone(), activate: None });
    let refused = layer.refusals(&mut bench.cx());
    let named = refused.iter().find(|item| item.why.contains("no folder"));
    assert_eq!(named.map(|item| item.name.as_str()), typo.to_str(), "{refused:?}");

    let at = |name: &str| bench.root().join(name);
    symlink("/nix/store/0c9a8hdg2l5w3q7r1x4v6z0ybnmkjpsf-tools-1.0", at("tools-7-link")).expect("link");
    symlink("tools-7-link", at("tools")).expect("link");
    let yet = at("tolls");
    let layer = layer_for(&LayerSpec::NixProfile { path: yet.clone(), activate: None });
    assert!(layer.refusals(&mut bench.cx()).iter().all(|item| !item.why.contains("no folder")));
    let record = layer.record(&mut bench.cx(), 0).expect("recorded");
    assert_eq!(record.target, format!("no profile {}; beside it are tools", yet.display()));
}
