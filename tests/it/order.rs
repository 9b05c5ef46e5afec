//! The order of acts: every hook writes its name into one file, and the file is compared.

use crate::support::bench::Bench;

/// Every hook that a phase has, each saying that it was there. `c/bad` makes the second phase fail its check.
const HOOKS: &str = r#"
  - id: one
    layers:
      - command:
          name: outer
          record: [sh, -c, "echo record outer >> '${c}/log'; cat '${c}/outer'"]
          restore: [sh, -c, "echo restore outer >> '${c}/log'; echo old > '${c}/outer'"]
          verify: [sh, -c, "echo verify outer >> '${c}/log'; cat '${c}/outer'"]
      - command:
          name: inner
          record: [sh, -c, "echo record inner >> '${c}/log'; cat '${c}/inner'"]
          restore: [sh, -c, "echo restore inner >> '${c}/log'; echo old > '${c}/inner'"]
          verify: [sh, -c, "echo verify inner >> '${c}/log'; cat '${c}/inner'"]
    preflight:
      - {id: before, probe: {run: [sh, -c, "echo preflight >> '${c}/log'"]}}
    apply:
      - {id: first, shell: 'echo apply first >> "$c/log"; echo new | tee "$c/outer" > "$c/inner"', undo: {shell: 'echo undo first >> "$c/log"'}}
      - {id: second, shell: 'echo apply second >> "$c/log"', undo: {shell: 'echo undo second >> "$c/log"'}}
    validate:
      - {id: holds, probe: {run: [sh, -c, "echo check >> '${c}/log'; test ! -e '${c}/bad'"]}}
    commit:
      - {id: keep, shell: 'echo commit >> "$c/log"', undo: {shell: 'echo undo commit >> "$c/log"'}}
    rollback:
      - {id: tidy, shell: 'echo rollback step >> "$c/log"'}
"#;

fn hooked(phases: &str) -> Bench {
    let bench = Bench::new();
    bench.write("c/outer", "old\n");
    bench.write("c/inner", "old\n");
    bench.plan(phases);
    bench
}

/// A layer looks before it restores, and reads back afterwards.
const LAYERS: [&str; 6] =
    ["verify inner", "restore inner", "verify inner", "verify outer", "restore outer", "verify outer"];

fn lines(bench: &Bench) -> Vec<String> {
    bench.read("c/log").lines().map(str::to_owned).collect()
}

const FORWARD: [&str; 6] =
    ["preflight", "record outer", "record inner", "check", "apply first", "apply second"];

#[test]
fn forward_is_preflight_record_baseline_apply_validate_commit() {
    let bench = hooked(HOOKS);
    let ran = bench.run(&["run", "plan.yaml", "--unattended"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert_eq!(lines(&bench), [&FORWARD[..], &["check", "commit"]].concat());
}

#[test]
fn back_is_undo_in_reverse_then_layers_in_reverse_then_rollback_steps_then_the_baseline_again() {
    let spoilt =
        HOOKS.replace("apply second >> \"$c/log\"'", "apply second >> \"$c/log\"; touch \"$c/bad\"'");
    let bench = hooked(&spoilt);
    let ran = bench.run(&["run", "plan.yaml", "--unattended"]);
    let said = lines(&bench);
    let undone = ["check", "undo second", "undo first"];
    let rest = ["rollback step", "check"];
    assert_eq!(said, [&FORWARD[..], &undone, &LAYERS, &rest].concat(), "{ran:?}");
    // The check was good before and is not good again: `bad` is still there.
    assert_eq!(ran.exit, 13, "{ran:?}");
    assert!(ran.out.contains("check holds"), "the item is named: {ran:?}");
}

#[test]
fn a_committed_phase_that_is_rolled_back_undoes_its_commit_first() {
    let bench = hooked(HOOKS);
    assert_eq!(bench.run(&["run", "plan.yaml", "--unattended"]).exit, 0);
    bench.write("c/log", "");
    let ran = bench.run(&["rollback", "--yes"]);
    assert_eq!(ran.exit, 12, "{ran:?}");
    let preview = ["verify inner", "verify outer"];
    let undone = ["undo commit", "undo second", "undo first"];
    let rest = ["rollback step", "check"];
    assert_eq!(lines(&bench), [&preview[..], &undone, &LAYERS, &rest].concat());
}

#[test]
fn checks_and_their_questions_know_the_generation_as_steps_do() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    preflight:
      - {id: numbered, probe: {run: [test, "${generation}", "=", "0001"]}}
      - {id: escaped, probe: {run: [test, "$${generation}", "!=", "0001"]}}
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: change, shell: 'echo "$word" > "$m/file"'}
"#,
    );
    let ran = bench.run(&["run", "plan.yaml", "--unattended"]);
    assert_eq!(ran.exit, 0, "{}", ran.out);
}

#[test]
fn an_undo_as_the_user_is_that_users_also_where_plain_root_goes_back() {
    if !crate::world::is_root("an_undo_as_the_user_is_that_users_also_where_plain_root_goes_back") {
        return;
    }
    let bench = Bench::new();
    bench.open_to_everybody();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/file"]}}]
    apply:
      - {id: theirs, as: user, shell: 'id -u > "$m/did"', undo: {shell: 'id -u > "$m/undid"'}}
"#,
    );
    let ran = Bench::end(bench.command(&["run", "plan.yaml", "--unattended"]).env("SUDO_UID", "65534"));
    assert_eq!((ran.exit, bench.read("m/did").as_str()), (0, "65534\n"), "{}", ran.out);
    let ran = bench.run(&["rollback", "--yes"]);
    assert_eq!((ran.exit, bench.read("m/undid").as_str()), (12, "65534\n"), "{}", ran.out);
}

#[test]
fn what_cannot_be_undone_is_named_in_the_last_words_of_a_rollback() {
    let bench = Bench::new();
    bench.plan(
        r#"
  - id: one
    layers: [{files: {paths: ["${m}/file"]}}]
    apply:
      - {id: send, shell: 'echo sent > "$c/sent"', undo: none, reason: "a letter is not called back"}
"#,
    );
    assert_eq!(bench.run(&["run", "plan.yaml", "--unattended"]).exit, 0);
    let ran = bench.run(&["rollback", "--yes"]);
    assert_eq!(ran.exit, 12, "{}", ran.out);
    for words in
        ["but for what the plan says cannot be undone", "left by design", "a letter is not called back"]
    {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
}
