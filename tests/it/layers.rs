//! The arrows between the rooms, held.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Room, and the rooms it may import.
const ARROWS: [(&str, &[&str]); 11] = [
    ("model", &[]),
    ("engine", &["model"]),
    ("plan", &["model"]),
    ("system", &["model"]),
    ("check", &["model", "system"]),
    ("layer", &["model", "system"]),
    ("store", &["model", "system"]),
    ("report", &["model"]),
    ("prompt", &["model"]),
    ("app", &["model", "engine", "system", "check", "layer", "store", "report", "prompt"]),
    ("cli", &["model", "engine", "plan", "system", "check", "layer", "store", "report", "prompt", "app"]),
];

/// What a pure room may not even mention.
const IMPURE: [&str; 11] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::net",
    "std::io::std",
    "SystemTime",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "println!",
];

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).expect("it can be read")));
        }
    }
}

/// The text without comments and without what only tests see.
fn code(path: &str, text: &str) -> String {
    if path.ends_with("tests.rs") || path.contains("/tests/") {
        return String::new();
    }
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The rooms named after `crate::`, also in a brace list.
fn imported(code: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut first = true;
            for (place, c) in list.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => first = true,
                    c if depth == 0 && first && !c.is_whitespace() => {
                        rooms.insert(word(&list[place..]));
                        first = false;
                    }
                    _ => {}
                }
            }
        } else {
            rooms.insert(word(rest));
        }
    }
    rooms
}

fn complaints(room: &str, allowed: &[&str], path: &str, text: &str) -> Vec<String> {
    let code = code(path, text);
    let known: Vec<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut found: Vec<String> = imported(&code)
        .into_iter()
        .filter(|name| name != room && known.contains(&name.as_str()) && !allowed.contains(&name.as_str()))
        .map(|name| format!("{path}: `{room}` may not import `{name}`"))
        .collect();
    if ["model", "engine", "plan"].contains(&room) {
        let named = IMPURE.iter().filter(|word| code.contains(**word));
        found.extend(named.map(|word| format!("{path}: `{room}` is pure and mentions `{word}`")));
    }
    found
}

#[test]
fn rooms_import_along_the_arrows_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut read = 0;
    for (room, allowed) in ARROWS {
        let mut files = Vec::new();
        sources(&root.join(room), &mut files);
        for (path, text) in files {
            read += 1;
            found.extend(complaints(room, allowed, &path, &text));
        }
    }
    assert!(read > 30, "only {read} files were read");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The files of one room that a file of it imports.
fn beside(text: &str) -> Vec<String> {
    let own = text.split("#[cfg(test)]").next().unwrap_or_default();
    let named =
        own.split("super::").skip(1).map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')));
    named.filter_map(|mut words| words.next().map(str::to_owned)).collect()
}

#[test]
fn no_two_files_of_the_loop_import_each_other() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app"), &mut files);
    let mut left: Vec<(String, Vec<String>)> = files
        .iter()
        .map(|(path, text)| {
            let name = Path::new(path).file_stem().map(|name| name.to_string_lossy().into_owned());
            (name.unwrap_or_default(), beside(text))
        })
        .collect();
    assert!(left.len() > 8 && left.iter().any(|(_, names)| names.contains(&"front".to_owned())), "{left:?}");
    // What imports nothing that is left is taken away, again and again; a cycle stays.
    loop {
        let names: Vec<String> = left.iter().map(|(name, _)| name.clone()).collect();
        let before = left.len();
        left.retain(|(name, imports)| imports.iter().any(|import| import != name && names.contains(import)));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "these import each other: {left:?}");
}

#[test]
fn the_test_sees_a_plain_import_one_in_a_list_and_a_clock_in_a_pure_room() {
    let plain = complaints("engine", &["model"], "x.rs", "use crate::system::clock;");
    assert_eq!(plain, ["x.rs: `engine` may not import `system`"]);
    let listed = complaints("report", &["model"], "x.rs", "use crate::{model::{A, B}, store};");
    assert_eq!(listed, ["x.rs: `report` may not import `store`"]);
    let clock = complaints("engine", &["model"], "x.rs", "let now = SystemTime::now();");
    assert_eq!(clock, ["x.rs: `engine` is pure and mentions `SystemTime`"]);
}

#[test]
fn the_table_for_contributors_is_this_one() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/contributing.md");
    let page = fs::read_to_string(page).expect("it can be read");
    let rows: Vec<(String, Vec<String>)> = page
        .lines()
        .skip_while(|line| *line != "| room | for | may import |")
        .skip(2)
        .map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| {
            let cells: Vec<&str> = row.split(" | ").collect();
            let names = cells.last().map_or("", |names| *names).split(", ");
            let names = names.map(|name| name.trim_matches('`').to_owned()).filter(|name| name != "nothing");
            (cells[0].trim_matches('`').to_owned(), names.collect())
        })
        .collect();
    let here: Vec<(String, Vec<String>)> = ARROWS
        .iter()
        .map(|(room, allowed)| ((*room).to_owned(), allowed.iter().map(|name| (*name).to_owned()).collect()))
        .collect();
    assert_eq!(rows, here);
}

#[test]
fn no_file_of_the_source_has_more_than_600_lines() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let long: Vec<String> = files
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 600)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
