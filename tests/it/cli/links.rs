//! Links where the built-in acts write.

use super::unattended;
use crate::support::bench::Bench;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const INSTALLS: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: put, install: {from: new, to: "${m}/dir/rc"}}]
  - id: two
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: change, set: {file: "${m}/rc.ini", keys: {A: {b: c}}}}]
"#;

#[test]
fn install_over_a_link_replaces_the_link_and_the_way_back_puts_that_link_back() {
    let bench = Bench::new();
    bench.write("new", "new\n");
    fs::create_dir(bench.path("m/dir")).expect("a folder");
    symlink("../file", bench.path("m/dir/rc")).expect("a link");
    bench.plan(INSTALLS.split("  - id: two").next().expect("one phase"));
    let lint = bench.run(&["lint", "plan.yaml"]);
    assert!(lint.exit == 0 && !lint.out.contains("barred-place"), "{lint:?}");
    assert_eq!(unattended(&bench, &[]).exit, 0);
    assert!(!bench.path("m/dir/rc").is_symlink());
    assert_eq!((bench.read("m/dir/rc").as_str(), bench.read("m/file").as_str()), ("new\n", "old\n"));
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 12);
    assert_eq!(fs::read_link(bench.path("m/dir/rc")).expect("a link again"), Path::new("../file"));
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn a_link_that_bars_a_built_in_act_is_told_by_lint_and_explain_and_refused_before_anything_is_touched() {
    let bench = Bench::new();
    bench.write("new", "new\n");
    fs::create_dir(bench.path("m/real")).expect("a folder");
    symlink("real", bench.path("m/dir")).expect("a link");
    fs::write(bench.path("m/real.ini"), "").expect("a file");
    symlink("real.ini", bench.path("m/rc.ini")).expect("a link");
    bench.plan(INSTALLS);
    for verb in ["lint", "explain"] {
        let told = bench.run(&[verb, "plan.yaml"]);
        let said = format!("{}{}", told.out, told.err);
        assert_eq!(told.exit, 0, "{told:?}");
        assert_eq!(said.matches("plan::barred-place").count(), 2, "{told:?}");
        assert!(said.contains("plan.yaml:9:") && said.contains("plan.yaml:12:"), "{told:?}");
    }
    for args in [&[][..], &["--dry-run"]] {
        let ran = unattended(&bench, args);
        assert_eq!(ran.exit, 10, "{ran:?}");
        let words = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains("phase `one`, step `put`:") && words.contains("phase `two`, step `change`:"),
            "{ran:?}"
        );
    }
    for args in [&["explain", "plan.yaml", "--json"][..], &["run", "plan.yaml", "--dry-run", "--json"]] {
        let told = bench.run(args).json();
        let warnings: Vec<&str> =
            told["warnings"].as_array().expect("a list").iter().filter_map(|it| it.as_str()).collect();
        assert!(warnings.len() == 2 && warnings[1].starts_with("plan.yaml:12: "), "{told:#}");
    }
    assert!(!bench.state().exists(), "nothing was created");
    let first = unattended(&bench, &["--phase", "one"]);
    assert!(first.exit == 10 && !first.err.contains("phase `two`"), "{first:?}");
}

#[test]
fn a_link_that_an_earlier_step_takes_away_bars_nothing() {
    let bench = Bench::new();
    bench.write("new", "new\n");
    fs::create_dir(bench.path("m/real")).expect("a folder");
    symlink("real", bench.path("m/dir")).expect("a link");
    bench.plan(
        "  - id: one\n    layers: [{files: {paths: [\"${m}/\"]}}]\n    apply:\n      - {run: [rm, \"${m}/dir\"]}\n      \
         - {run: [mkdir, \"${m}/dir\"]}\n      - {install: {from: new, to: \"${m}/dir/rc\"}}\n",
    );
    let ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert_eq!(bench.read("m/dir/rc"), "new\n");
    assert_eq!(bench.run(&["rollback", "--yes"]).exit, 12);
    assert!(bench.path("m/dir").is_symlink());
}

#[test]
fn a_link_that_an_install_replaces_or_a_condition_passes_over_bars_nothing() {
    let bench = Bench::new();
    bench.write("new", "[A]\nb=a\n");
    fs::write(bench.path("m/real.ini"), "[A]\nb=mine\n").expect("a file");
    for link in ["m/rc.ini", "m/other.ini"] {
        symlink("real.ini", bench.path(link)).expect("a link");
    }
    let never = "{probe: {file: \"${m}/none\"}, expect: {exists: true}}";
    bench.plan(&format!(
        "  - id: one\n    layers: [{{files: {{paths: [\"${{m}}/\"]}}}}]\n    apply:\n      \
         - {{install: {{from: new, to: \"${{m}}/rc.ini\"}}}}\n      \
         - {{set: {{file: \"${{m}}/rc.ini\", keys: {{A: {{b: c}}}}}}}}\n      \
         - {{set: {{file: \"${{m}}/other.ini\", keys: {{A: {{b: c}}}}}}, when: {never}}}\n"
    ));
    let ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert_eq!(
        (bench.read("m/rc.ini").as_str(), bench.read("m/real.ini").as_str()),
        ("[A]\nb=c\n", "[A]\nb=mine\n")
    );
    assert!(bench.path("m/other.ini").is_symlink() && !bench.path("m/rc.ini").is_symlink());
}

#[test]
fn a_folder_where_a_file_is_to_be_put_is_refused_by_name_before_anything_is_touched() {
    let bench = Bench::new();
    bench.write("new", "new\n");
    for folder in ["m/dir/rc", "m/rc.ini"] {
        fs::create_dir_all(bench.path(folder)).expect("a folder");
    }
    bench.plan(INSTALLS);
    let lint = bench.run(&["lint", "plan.yaml"]);
    assert_eq!(format!("{}{}", lint.out, lint.err).matches("plan::barred-place").count(), 2, "{lint:?}");
    let ran = unattended(&bench, &[]);
    assert_eq!(ran.exit, 10, "{ran:?}");
    let words = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("step `put`:") && words.contains("m/dir/rc is not a regular file"), "{ran:?}");
    assert!(words.contains("step `change`:") && words.contains("m/rc.ini is not a regular file"), "{ran:?}");
    assert!(!bench.state().exists(), "nothing was created");
}
