//! The plan goes through, and all of it can be taken back.

use super::lab::{Lab, Machine, PHASES};
use std::fs;

/// Where this line stands in the log; each is there once.
fn at(log: &[String], line: &str) -> usize {
    let found: Vec<usize> =
        (0..log.len()).filter(|at| log.get(*at).is_some_and(|seen| seen == line)).collect();
    assert_eq!(found.len(), 1, "`{line}` in {log:#?}");
    found.into_iter().next().unwrap_or_default()
}

/// The numbers of a profile's generations.
fn generations(lab: &Lab, profile: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(lab.root.join("profiles"))
        .expect("folder")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(&format!("{profile}-")))
        .collect();
    names.sort();
    names
}

#[test]
fn every_phase_is_committed_pinned_and_can_be_taken_back() {
    let Some(lab) = Lab::new("through") else { return };
    let before = lab.machine();
    let ended = lab.run(&[]);
    assert_eq!(ended.code, Some(0), "{}", ended.text);

    // Each profile has one new generation for each phase that changed it, and the last one is what runs and boots.
    let after = lab.machine();
    let video = lab.path("video");
    assert_eq!(generations(&lab, "system"), ["system-1-link", "system-2-link", "system-3-link"]);
    assert_eq!(after.system, ("system-3-link".into(), video.clone()));
    assert_eq!((&after.runs, &after.boots), (&video, &video));
    assert_eq!(generations(&lab, "home-manager").len(), 4);
    assert_eq!(after.home, ("home-manager-4-link".into(), lab.path("electron")));
    let kwinrc = &after.settings[&lab.root.join("home/.config/kwinrc")];
    assert!(kwinrc.0.contains("Backend=OpenGL") && kwinrc.0.contains("# by hand"), "{}", kwinrc.0);
    assert_eq!(kwinrc.1 & 0o777, 0o600);

    // Unproven is never the default: what boots moved after the new system had been looked at.
    let log = lab.log();
    for (new, old) in [("system-libs", "start"), ("video", "system-libs")] {
        let (tried, kept) = (at(&log, &format!("{new} test")), at(&log, &format!("{new} boot")));
        let looked = at(&log, &format!("ls of {new}, boots {old}"));
        assert!(tried < looked && looked < kept, "{log:#?}");
    }

    everything_recorded_is_pinned(&lab);
    rolled_back_to_the_start(&lab, &before);
    only_the_capsules_keep_what_was_recorded(&lab);
}

/// Which store path each generation of switchback recorded, by the links that pin it.
fn recorded(lab: &Lab) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for number in 1..=PHASES.len() {
        let roots = lab.root.join(format!("state/generations/{number:04}/roots"));
        let Ok(entries) = fs::read_dir(roots) else { continue };
        for entry in entries {
            let path = entry.expect("entry").path();
            let to = fs::read_link(&path).expect("link");
            found.push((path.display().to_string(), to.display().to_string()));
        }
    }
    found
}

fn everything_recorded_is_pinned(lab: &Lab) {
    let recorded = recorded(lab);
    // Two for each nixos phase (what runs, what boots), one for each home-manager phase; and the generations of the same
    // profile that there were besides.
    let (others, set): (Vec<_>, Vec<_>) = recorded.iter().partition(|(root, _)| root.contains("-other"));
    assert_eq!((set.len(), others.len()), (7, 4), "{recorded:?}");
    for (root, path) in recorded {
        let roots = lab.store(&["--query", "--roots", &path]);
        assert!(roots.lines().any(|line| line.starts_with(&root)), "{root} does not pin {path}: {roots}");
    }
}

fn rolled_back_to_the_start(lab: &Lab, before: &Machine) {
    let ended = lab.switchback(&["rollback", "--to", "start", "--yes"]);
    assert_eq!(ended.code, Some(12), "{}", ended.text);
    assert_eq!(&lab.machine(), before);
    let again = lab.switchback(&["rollback", "--to", "start", "--yes"]);
    assert_eq!(again.code, Some(0), "{}", again.text);
    assert!(again.text.contains("Nothing to take back"), "{}", again.text);
}

/// The profiles are gone, and the collector still leaves every recorded path; without the capsules' links it would not.
fn only_the_capsules_keep_what_was_recorded(lab: &Lab) {
    let recorded = recorded(lab);
    fs::remove_dir_all(lab.root.join("profiles")).expect("removed");
    let dead = |path: &str| lab.store(&["--gc", "--print-dead"]).lines().any(|line| line == path);
    let list = lab.store(&["--gc", "--print-dead"]);
    for (root, path) in &recorded {
        assert!(!list.lines().any(|line| line == path), "{root} did not keep {path}");
    }
    let (_, path) = recorded.first().expect("one is recorded");
    for (root, to) in &recorded {
        if to == path {
            fs::remove_file(root).expect("removed");
        }
    }
    assert!(dead(path), "something else than the capsules kept {path}");
}
