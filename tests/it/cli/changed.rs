//! A plan that is edited between two runs.

use super::{three, unattended};

#[test]
fn a_committed_phase_that_says_something_else_now_is_named_with_its_parts_and_its_generation() {
    let bench = three();
    assert_eq!(unattended(&bench, &["--until", "two"]).exit, 0);
    // A comment, a title and a change to a phase that is not committed say nothing of the committed ones.
    bench.plan(
        &super::THREE
            .replace("  - id: one", "  # text\n  - id: one\n    title: One")
            .replace("echo from", "echo now from"),
    );
    let ran = unattended(&bench, &["--dry-run"]);
    assert!(ran.exit == 0 && !ran.out.contains("changed since"), "{ran:?}");
    bench.plan(
        &super::THREE
            .replace("echo two", "echo twice")
            .replace("  - id: two\n", "  - id: two\n    settle: 1ms\n"),
    );
    for (args, exit) in [(&["--dry-run"][..], 0), (&[], 12)] {
        let ran = unattended(&bench, args);
        assert_eq!(ran.exit, exit, "{ran:?}");
        let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        let named = "Phase two changed since generation 0002 committed it (apply, settle; in revision 1 itself). \
                     What is committed stays; `--phase two` takes it once more.";
        assert!(words.contains(named) && !words.contains("Phase one changed"), "{ran:?}");
    }
    assert_eq!(bench.read("m/file"), "old\none\ntwo\n");
    let again = unattended(&bench, &["--phase", "two", "--override"]);
    assert_eq!((again.exit, bench.read("m/file").as_str()), (0, "old\none\ntwo\ntwice\n"), "{again:?}");
    let quiet = unattended(&bench, &["--phase", "two", "--override", "--dry-run"]);
    assert!(!quiet.out.contains("changed since"), "{quiet:?}");
}

#[test]
fn an_open_phase_goes_on_by_the_text_that_was_approved_whatever_became_of_the_file() {
    let bench = three();
    let pausing = super::THREE.replace("      - {id: holds", "      - {id: holds, severity: fail");
    bench.plan(&format!("{pausing}    \"on\": {{fail: pause}}\n"));
    assert_eq!(unattended(&bench, &[]).exit, 11);
    bench.plan(&super::THREE.replace("echo three", "echo other"));
    let new = unattended(&bench, &[]);
    assert_eq!(new.exit, 11, "a changed plan does not begin over an open phase: {new:?}");
    assert!(new.err.contains("switchback resume"), "{new:?}");
    bench.write("c/ok", "");
    let resumed = bench.run(&["resume", "--unattended"]);
    assert_eq!(resumed.exit, 0, "{resumed:?}");
    assert_eq!(bench.read("m/file"), "old\none\ntwo\nthree\n");
    let said = unattended(&bench, &[]);
    assert!(said.exit == 0 && said.out.contains("Phase three changed since generation"), "{said:?}");
}
