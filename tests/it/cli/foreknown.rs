//! What would stop a run on its way is said before its first act.

use super::unattended;
use crate::support::bench::{Bench, Ran};
use std::fs;

/// The words of the error, whatever the width broke.
fn words(ran: &Ran) -> String {
    ran.err.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_owner_and_a_folder_that_are_not_there_are_named_before_anything_is_touched() {
    let bench = Bench::new();
    bench.write("new", "new\n");
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: add, set: {file: "${m}/rc.ini", keys: {A: {b: c}}}}
      - {id: owned, install: {from: new, to: "${m}/rc", owner: no-such-user}}
      - {id: deep, install: {from: new, to: "${m}/no/such/rc"}}
      - {id: back, set: {file: "${m}/other.ini", keys: {A: {b: c}}}, undo: {install: {from: new, to: "${m}/x", owner: "0:no-such-group"}}}
"#,
    );
    for args in [&[][..], &["--dry-run"]] {
        let ran = unattended(&bench, args);
        let (said, missing) = (words(&ran), bench.path("m/no"));
        assert_eq!(ran.exit, 10, "{ran:?}");
        assert!(said.contains("step `owned`: the owner of") && said.contains("no-such-user"), "{said}");
        assert!(
            said.contains(&format!("step `deep`: {}/such/rc has no place", missing.display()))
                && said.contains(&format!("there is no folder {}", missing.display())),
            "{said}"
        );
        assert!(said.contains("step `back`:") && said.contains("no-such-group"), "{said}");
        assert!(!bench.path("m/rc.ini").exists() && !bench.state().exists());
    }
    // A step before may make the folder: nobody can know.
    bench.plan(
        "  - id: one\n    layers: [{files: {paths: [\"${m}/\"]}}]\n    apply:\n      - {run: [mkdir, \"${m}/no\"]}\n      - \
         {install: {from: new, to: \"${m}/no/rc\"}}\n",
    );
    assert_eq!(unattended(&bench, &[]).exit, 0);
    assert_eq!(bench.read("m/no/rc"), "new\n");
}

const ASKS: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: add, shell: 'echo one >> "$m/file"'}]
  - id: two
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: more, shell: 'echo two >> "$m/file"'}
      - {id: plug, ask: Plug it in.}
"#;

#[test]
fn an_unattended_run_refuses_a_step_that_a_person_does_before_anything_changes() {
    let bench = Bench::new();
    bench.plan(ASKS);
    for args in [&[][..], &["--dry-run"]] {
        let ran = unattended(&bench, args);
        assert_eq!(ran.exit, 10, "{ran:?}");
        assert!(words(&ran).contains("phase `two`, step `plug` asks a person"), "{ran:?}");
    }
    assert!(!bench.state().exists() && bench.read("m/file") == "old\n");
    let lint = bench.run(&["lint", "plan.yaml"]);
    assert!(
        lint.exit == 0 && lint.out.contains("an unattended run refuses a step that a person does"),
        "{lint:?}"
    );
    let only = unattended(&bench, &["--until", "one"]);
    assert_eq!((only.exit, bench.read("m/file").as_str()), (0, "old\none\n"), "{only:?}");
}

#[test]
fn a_step_of_a_person_behind_a_condition_is_refused_in_its_phases_preflight_where_it_may_be_reached() {
    let at = |condition: &str| ASKS.replace("ask: Plug it in.", &format!("ask: Plug it in., {condition}"));
    let quiet = |text: String| {
        text.replace("{id: more, shell: 'echo two >> \"$m/file\"'}", "{run: [ls], changes: nothing}")
    };
    let exists = "when: {probe: {file: \"${m}/file\"}, expect: {exists: true}}";
    let missing = "when: {probe: {file: \"${m}/none\"}, expect: {exists: true}}";
    let whole = |text: &str| {
        let guard = "\n    applies_if: {probe: {file: \"${m}/file\"}, expect: {exists: true}}\n    apply:\n      - {id: more";
        text.replace("\n    apply:\n      - {id: more", guard)
    };
    for (name, plan, exit) in [
        ("it holds", quiet(at(exists)), 10),
        ("it does not hold, and nothing changes that", quiet(at(missing)), 0),
        ("the step before may change it", at(missing), 10),
        ("the phase applies", whole(ASKS), 10),
    ] {
        let bench = Bench::new();
        bench.plan(&plan);
        let ran = unattended(&bench, &[]);
        assert_eq!(ran.exit, exit, "{name}: {ran:?}");
        // The phase before it was taken, and nothing of its own.
        assert_eq!(bench.read("m/file"), "old\none\n", "{name}: {ran:?}");
        if exit == 10 {
            let said = format!("{}{}", ran.out, ran.err).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains("step `plug` asks a person, and this run asks nobody"), "{name}: {said}");
        }
    }
}

#[test]
fn a_phase_that_is_not_in_the_plan_is_a_mistake_of_the_call_also_where_the_plan_was_rejected() {
    let bench = Bench::new();
    bench.plan(
        "  - id: one\n    layers: [{files: {paths: [\"${m}/\"]}}]\n    apply: [{id: add, shell: 'echo one >> \"$m/file\"'}]\n    \
         validate: [{probe: {run: ['false']}}]\n",
    );
    assert_eq!(unattended(&bench, &[]).exit, 12);
    let again = unattended(&bench, &[]);
    assert!(again.exit == 14 && words(&again).contains("raise its `revision`"), "{again:?}");
    let slip = unattended(&bench, &["--phase", "zz"]);
    assert!(slip.exit == 2 && words(&slip).contains("no phase `zz`"), "{slip:?}");
}

#[test]
fn what_a_layer_cannot_save_is_named_in_a_few_words_and_once() {
    let bench = Bench::new();
    for n in 0..40 {
        bench.write(&format!("c/t{n}"), "");
        fs::hard_link(bench.path(&format!("c/t{n}")), bench.path(&format!("m/t{n}"))).expect("a second name");
    }
    bench.plan(
        "  - id: one\n    layers: [{files: {paths: [\"${m}/\"]}}]\n    apply: [{id: add, shell: 'true'}]\n",
    );
    let ran = unattended(&bench, &[]);
    let said = format!("{}{}", ran.out, ran.err).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(ran.exit, 10, "{ran:?}");
    assert!(said.contains("35 more"), "{said}");
    assert_eq!(said.matches("/m/t").count(), 5, "{said}");
}
