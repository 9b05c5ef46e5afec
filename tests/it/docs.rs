//! What the pages show is true: plans load, recorded commands give what is shown, links lead somewhere.
//!
//! A `yaml` block is a whole plan, a library of checks, or a part of a plan, which is put into one. A library whose
//! first line is `# NAME.yaml` can be used by later blocks of the page. A `console tested` block is run line by line;
//! `/tmp/tour` and `/tmp/greeting` stand for new folders, and a line `…` for lines that are left out.

use crate::program::{shell, switchback};
use crate::skipped::skipped;
use std::path::{Path, PathBuf};

/// A fenced block.
struct Block {
    kind: String,
    text: String,
    place: String,
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    for folder in ["docs", "docs/design"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

fn read(page: &Path) -> String {
    std::fs::read_to_string(page).expect("a page")
}

fn blocks(page: &Path) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in read(page).lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(kind) => {
                open = true;
                let place = format!("{}:{}", page.display(), number + 1);
                found.push(Block { kind: kind.trim().to_owned(), text: String::new(), place });
            }
            None if open => {
                let block = found.last_mut().expect("an open block");
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open, "{}: a block is not closed", page.display());
    found
}

fn has_key(text: &str, keys: &[&str]) -> bool {
    text.lines().any(|line| keys.iter().any(|key| line.starts_with(&format!("{key}:"))))
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{:by$}{line}\n", "")).collect()
}

/// A whole plan around what a page shows.
fn plan_around(kind: &str, text: &str) -> String {
    const STEP: &str = "apply: [{run: [\"true\"], changes: nothing}]\n";
    let is_list = text.lines().find(|line| !line.starts_with('#')).is_some_and(|line| line.starts_with("- "));
    let phase = if has_key(text, &["switchback"]) {
        return text.to_owned();
    } else if has_key(text, &["vars", "profile", "checks", "calendar", "phases"]) {
        let phases = if has_key(text, &["phases"]) {
            String::new()
        } else {
            format!("phases:\n  - id: one\n    {STEP}")
        };
        return format!("switchback: 1\nname: page\n{text}{phases}");
    } else if is_list
        && (kind == "yaml steps"
            || !["probe:", "use:", "plugin:", "scripts:", "ask:"].iter().any(|key| text.contains(key)))
    {
        format!("apply:\n{}", indented(text, 2))
    } else if is_list {
        format!("{STEP}validate:\n{}", indented(text, 2))
    } else if has_key(
        text,
        &[
            "apply",
            "validate",
            "measure",
            "preflight",
            "layers",
            "commit",
            "rollback",
            "soak",
            "confirm",
            "on",
            "why",
        ],
    ) {
        format!("{text}{}", if has_key(text, &["apply"]) { "" } else { STEP })
    } else {
        let probe = if has_key(text, &["probe", "use"]) { "" } else { "    probe: memory\n" };
        format!("{STEP}validate:\n  - id: shown\n{probe}{}", indented(text, 4))
    };
    let id = if has_key(&phase, &["id"]) { "" } else { "id: one\n" };
    let body = indented(&format!("{id}{phase}"), 4);
    format!("switchback: 1\nname: page\nphases:\n  -{}", &body[3..])
}

/// A new folder from which a plan is read: root reads none that lies below `/tmp` or in somebody else's folder.
fn trusted_folder() -> Option<tempfile::TempDir> {
    let plan = plan_around("yaml", "why: It is tried whether this can be read.\n");
    [env!("CARGO_TARGET_TMPDIR"), "/var/lib", "/root"].iter().find_map(|base| {
        let folder = tempfile::tempdir_in(base).ok()?;
        let path = folder.path().join("tried.yaml");
        std::fs::write(&path, &plan).ok()?;
        (switchback(&["lint", path.to_str()?]).status == 0).then_some(folder)
    })
}

/// What the examples name beside the plan.
fn files_beside(folder: &Path) {
    for (name, text) in [
        ("files/app.conf", "[cache]\nsize = 64\n"),
        ("profiles/machine.yaml", "build: {jobs: 4, limits: 8G}\ngpu: {name: none}\n"),
    ] {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
}

#[test]
fn every_plan_and_part_of_a_plan_on_a_page_loads() {
    const TEST: &str = "every_plan_and_part_of_a_plan_on_a_page_loads";
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let Some(folder) = trusted_folder() else { return skipped(TEST, "root trusts no folder here") };
        files_beside(folder.path());
        for (nth, block) in blocks(&page).into_iter().enumerate() {
            if block.kind != "yaml" && block.kind != "yaml steps" {
                continue;
            }
            seen += 1;
            let is_library = has_key(&block.text, &["switchback"]) && !has_key(&block.text, &["phases"]);
            let plan = if is_library {
                let named = block.text.lines().next().and_then(|line| line.strip_prefix("# "));
                let name = named.filter(|name| name.ends_with(".yaml")).unwrap_or("library.yaml").to_owned();
                std::fs::write(folder.path().join(&name), &block.text).expect("written");
                plan_around("yaml", &format!("checks: [{name}]\n"))
            } else {
                plan_around(&block.kind, &block.text)
            };
            let path = folder.path().join(format!("block-{nth}.yaml"));
            std::fs::write(&path, &plan).expect("written");
            let said = switchback(&["lint", path.to_str().expect("a plain path")]);
            if said.status != 0 {
                wrong.push(format!("{}:\n{plan}\n{}", block.place, said.all));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 15, "only {seen} blocks were tried");
}

/// Folders that are new for each page, with names as long as those on it: long values are shown in part.
struct Grounds(Vec<(&'static str, tempfile::TempDir, String)>);

impl Grounds {
    fn new() -> Self {
        let new = |shown: &'static str| {
            let folder = tempfile::Builder::new().prefix("s").rand_bytes(6).tempdir().expect("a folder");
            let root = folder.path().display().to_string();
            let real = format!("{root}/{}", "g".repeat((shown.len() - 1).saturating_sub(root.len()).max(1)));
            (shown, folder, real)
        };
        Self(["/tmp/tour", "/tmp/greeting"].map(new).into())
    }

    fn real(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (shown, _, real)| text.replace(shown, real))
    }

    fn shown(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (shown, _, real)| text.replace(real.as_str(), shown))
    }
}

#[test]
fn recorded_commands_give_what_is_shown() {
    const TEST: &str = "recorded_commands_give_what_is_shown";
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let Some(folder) = trusted_folder() else { return skipped(TEST, "root trusts no folder here") };
        files_beside(folder.path());
        let grounds = Grounds::new();
        for block in blocks(&page) {
            if let Some(name) = block.text.lines().next().and_then(|line| line.strip_prefix("# "))
                && block.kind == "yaml"
                && name.ends_with(".yaml")
            {
                std::fs::write(folder.path().join(name), grounds.real(&block.text)).expect("written");
            }
            if block.kind != "console tested" {
                continue;
            }
            seen += 1;
            let mut said: Vec<String> = Vec::new();
            let mut elided = false;
            for line in block.text.lines() {
                if let Some(command) = line.strip_prefix("$ ") {
                    if !said.is_empty() && !elided {
                        wrong.push(format!("{}: not shown: {}", block.place, said.join("\n")));
                    }
                    let all = grounds.shown(&shell(&grounds.real(command), folder.path()).all);
                    said = all.lines().map(|line| line.trim_end().to_owned()).collect();
                    elided = false;
                    continue;
                }
                if line == "…" {
                    elided = true;
                    continue;
                }
                let found = if elided { said.iter().position(|real| real == line) } else { Some(0) };
                match found {
                    Some(at) if said.get(at).is_some_and(|real| real == line) => {
                        said.drain(..=at);
                    }
                    Some(_) | None => {
                        wrong.push(format!(
                            "{}: `{line}` is not what comes:\n{}",
                            block.place,
                            said.join("\n")
                        ));
                        break;
                    }
                }
                elided = false;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 2, "only {seen} recordings were tried");
}

#[test]
fn every_link_leads_to_a_file() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = read(&page);
        for (at, _) in text.match_indices("](") {
            let target: String = text[at + 2..].chars().take_while(|c| *c != ')').collect();
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            if !page.parent().expect("a folder").join(file).exists() {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_part_of_a_plan_is_put_where_it_belongs() {
    let plan = plan_around("yaml", "- {id: a, probe: memory, expect: {used: {gt: 0}}}\n");
    assert!(plan.contains("    validate:\n      - {id: a"), "{plan}");
    let steps = plan_around("yaml", "- run: [ls]\n  changes: nothing\n");
    assert!(
        steps.contains("  - id: one\n    apply:\n      - run: [ls]\n        changes: nothing\n"),
        "{steps}"
    );
    let check = plan_around("yaml", "expect: {used: {gt: 0}}\n");
    assert!(check.contains("- id: shown\n        probe: memory\n        expect:"), "{check}");
}
