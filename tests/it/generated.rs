//! What is generated is checked in, and is current.

use crate::program::switchback;

#[test]
fn what_is_generated_is_what_is_checked_in() {
    let said = switchback(&["generate", "--check", env!("CARGO_MANIFEST_DIR")]);
    assert_eq!(said.status, 0, "{}", said.all);
}

#[test]
fn a_changed_page_is_noticed_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_str().expect("a plain path");
    assert_eq!(switchback(&["generate", root]).status, 0);
    assert_eq!(switchback(&["generate", "--check", root]).status, 0);
    std::fs::write(folder.path().join("docs/cli.md"), "another text").expect("written");
    let said = switchback(&["generate", "--check", root]);
    assert_eq!(said.status, 1, "{}", said.all);
    assert!(said.all.contains("docs/cli.md") && said.all.contains("cargo run -- generate ."), "{}", said.all);
    assert!(!said.all.contains("docs/checks.md"), "{}", said.all);
}

#[test]
fn the_schema_that_is_printed_is_the_one_under_docs() {
    for (of, file) in [
        ("plan", "plan.schema.json"),
        ("checks", "checks.schema.json"),
        ("validation", "validation.schema.json"),
    ] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
        let there = std::fs::read_to_string(path).expect("a schema");
        assert_eq!(switchback(&["schema", of]).out, there);
    }
}

#[test]
fn every_verb_has_a_manual_page_with_the_exit_statuses() {
    let help = switchback(&["--help"]).out;
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.len() >= 10, "{verbs:?}");
    for verb in verbs {
        let path = format!("{}/docs/man/switchback-{verb}.1", env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"));
        assert!(page.contains(".SH \"EXIT STATUS\""), "{path}");
    }
}
