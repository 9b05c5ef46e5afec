//! Old generations that a person gives up.

use super::{three, unattended};
use crate::support::bench::Bench;

fn folders(bench: &Bench) -> Vec<String> {
    let all = std::fs::read_dir(bench.path("state/generations")).expect("a folder");
    let mut names: Vec<String> =
        all.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_was_given_up_stays_in_the_history_and_nobody_goes_back_past_it() {
    let bench = three();
    bench.write("c/ok", "");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    let nobody = bench.run(&["history", "prune", "--keep", "1"]);
    assert!(nobody.exit == 2 && nobody.err.contains("--yes"), "{nobody:?}");
    assert_eq!(folders(&bench), ["0001", "0002", "0003"]);
    let ran = bench.run(&["history", "prune", "--keep", "1", "--yes"]);
    assert!(ran.exit == 0 && ran.out.contains("Removed 2 generations"), "{ran:?}");
    assert_eq!(folders(&bench), ["0003"]);
    let again = bench.run(&["history", "prune", "--keep", "0", "--yes"]);
    assert!(again.exit == 0 && again.out.contains("Nothing to remove"), "{again:?}");

    let history = bench.run(&["history"]).out;
    assert_eq!(history.matches("committed, removed").count(), 2, "{history}");
    assert_eq!(bench.run(&["history", "--json"]).json()["generations"].as_array().map(Vec::len), Some(3));
    assert!(!bench.run(&["rollback", "--list"]).out.contains("0001"));
    for args in [
        &["show", "1"][..],
        &["rollback", "--yes", "--to", "1"],
        &["rollback", "--yes", "--to", "start"],
        &["rollback", "--yes", "--to", "two"],
    ] {
        let ran = bench.run(args);
        assert!(ran.exit == 2 && ran.err.contains("was removed by `history prune`"), "{args:?}: {ran:?}");
    }
    let ran = unattended(&bench, &[]);
    assert!(ran.exit == 0 && ran.out.contains("Nothing to do"), "its phases are committed: {ran:?}");
    assert_eq!(bench.run(&["rollback", "--to", "three", "--yes"]).exit, 12);
    assert_eq!(bench.read("m/file"), "old\none\ntwo\n");
}

const UNDOES: &str = r#"
  - id: one
    apply: [{id: add, shell: 'echo one >> "$m/file"', undo: {shell: 'true'}}]
  - id: two
    apply: [{id: add, shell: 'echo two >> "$m/file"', undo: {shell: 'true'}}]
"#;

#[test]
fn a_phase_that_was_undone_does_not_count_as_committed_because_its_generation_is_gone() {
    let bench = Bench::new();
    bench.plan(UNDOES);
    assert_eq!(unattended(&bench, &[]).exit, 0);
    assert_eq!(bench.run(&["rollback", "--to", "start", "--yes"]).exit, 12);
    // As if whoever took both back had been killed before the newest was told of the older.
    let told = bench.journal(2);
    let (before, last) = told.trim_end().rsplit_once('\n').expect("lines");
    assert!(last.contains("earlier-taken-back"), "{last}");
    bench.write("state/generations/0002/journal", &format!("{before}\n"));
    std::fs::remove_file(bench.path("state/generations/0002/journal.head")).expect("removed");
    let plan = bench.read("plan.yaml");
    bench.write("other.yaml", &plan.replace("name: p", "name: other"));
    assert_eq!(bench.run(&["run", "other.yaml", "--unattended", "--phase", "one"]).exit, 0);
    let due = || {
        let told = bench.run(&["run", "plan.yaml", "--dry-run", "--json"]).json();
        let phases = told["phases"].as_array().expect("phases").iter();
        phases.map(|phase| phase["phase"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(due(), ["one", "two"]);
    assert_eq!(bench.run(&["history", "prune", "--keep", "1", "--yes"]).exit, 0);
    assert_eq!(folders(&bench), ["0002", "0003"], "the newest of each plan stays");
    assert_eq!(due(), ["one", "two"], "the line that is left says that it was undone");
}
