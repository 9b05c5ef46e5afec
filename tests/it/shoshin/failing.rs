//! Every phase, once with a bad change and once with a good one.

use super::lab::{Lab, PHASES};

/// What the way back of a phase runs, in order: the recorded state's own activation.
fn activations(phase: &str) -> Vec<&'static str> {
    match phase {
        "system-libs" => vec!["start switch", "start boot"],
        "home-libs" => vec!["home-start activated for root"],
        "runtimes" => vec!["home-libs activated for root"],
        "electron" => vec!["runtimes activated for root"],
        "plasma" => vec!["kwin reads Backend=OpenGL", "kwin reads Backend=XRender"],
        "video" => vec!["system-libs switch", "system-libs boot"],
        other => panic!("no phase {other}"),
    }
}

/// The check that fails where the change is bad.
fn check(phase: &str) -> &'static str {
    match phase {
        "system-libs" => "basic-commands",
        "home-libs" => "programs-start",
        "runtimes" => "node",
        "electron" => "wrapped",
        "plasma" => "compositing",
        "video" => "vainfo",
        other => panic!("no phase {other}"),
    }
}

/// How many questions its preflight and its validation put to a person.
fn questions_of(phase: &str) -> (usize, usize) {
    match phase {
        "system-libs" => (4, 0),
        "home-libs" | "runtimes" => (0, 0),
        "electron" => (0, 2),
        "plasma" => (0, 1),
        "video" => (3, 2),
        other => panic!("no phase {other}"),
    }
}

#[test]
fn every_phase_with_a_bad_change_comes_back_exactly_and_a_good_change_then_holds() {
    let Some(mut lab) = Lab::new("failing") else { return };
    for (number, phase) in PHASES.iter().enumerate() {
        let before = lab.machine();
        let noted = lab.log().len();
        lab.spoil(phase);
        let ended = lab.run(&["--phase", phase, "--override"]);
        assert_eq!(ended.code, Some(12), "{phase}: {}", ended.text);
        assert!(ended.text.contains(check(phase)), "{phase}: {}", ended.text);

        // Profile, generation, what runs, what boots, the home's programs, and every byte, mode and time of the settings.
        assert_eq!(lab.machine(), before, "{phase}: {}", ended.text);
        let log = lab.log().split_off(noted);
        let mut rest = log.iter().map(String::as_str);
        for line in activations(phase) {
            assert!(rest.any(|seen| seen == line), "{phase}: no `{line}` in {log:#?}");
        }
        assert!(!log.contains(&format!("{phase}-broken boot")), "{phase}: it was the boot default: {log:#?}");

        // Questions are for what a phase did: a baseline asks none, and no way back waits for an answer.
        let unasked = ended.text.matches("a person is asked when the phase has acted").count();
        let questions = ended.text.matches("nobody was there to answer").count();
        let (asked_before, asked_after) = questions_of(phase);
        assert_eq!(
            (questions, unasked),
            (asked_before + asked_after, 2 * asked_after),
            "{phase}: {}",
            ended.text
        );

        // What was rejected, and why, is remembered.
        assert!(lab.rejected().contains(&format!("\"{phase}\"")), "{phase}: {}", lab.rejected());
        let kept_out = lab.run(&["--phase", phase]);
        assert_eq!(kept_out.code, Some(14), "{phase}: {}", kept_out.text);
        assert_eq!(lab.machine(), before, "{phase}");

        lab.mend(phase);
        let ended = lab.run(&["--phase", phase, "--override"]);
        assert_eq!(ended.code, Some(0), "{phase}, number {number}: {}", ended.text);
        assert_ne!(lab.machine(), before, "{phase} changed nothing");
    }
    assert_eq!(lab.machine().boots, lab.path("video"));
}
