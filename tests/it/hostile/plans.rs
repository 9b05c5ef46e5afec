//! Plans that mean harm, or nothing at all.

use crate::world::{PROGRAM, Ran, World, finished, is_root, same, tree};
use serde_json::{Value, json};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::Duration;

const READERS: [&[&str]; 4] = [
    &["lint", "plan.yaml"],
    &["explain", "plan.yaml"],
    &["run", "plan.yaml", "--unattended"],
    &["run", "plan.yaml", "--dry-run"],
];

/// Refused by every verb that reads plans, soon, and without a trace.
#[track_caller]
fn refused(world: &World, name: &str, part: &str, place: Option<&str>) {
    let before = tree(world.root());
    for words in READERS {
        let ran: Ran = world.switchback(words).ended(2);
        assert!(ran.took < Duration::from_secs(60), "{name}: {:?}", ran.took);
        assert!(ran.said().len() < 64 << 10, "{name}: {} bytes are said", ran.said().len());
        assert!(ran.said().contains(part), "{name}: {part:?} is not in {}", ran.said());
        if let Some(place) = place {
            assert!(ran.said().contains(place), "{name}: {place:?} is not in {}", ran.said());
        }
    }
    same(&before, &tree(world.root()));
}

#[test]
fn a_plan_that_cannot_be_one_is_refused_with_its_place_and_nothing_is_created() {
    let mut bomb = String::from("switchback: 1\na: &a [x, x, x, x, x, x, x, x, x]\n");
    for (last, next) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        bomb.push_str(&format!("{next}: &{next} [*{last}, *{last}, *{last}, *{last}, *{last}, *{last}]\n"));
    }
    let head = "switchback: 1\nname: t\n";
    let phase = format!("{head}phases:\n  - id: a\n    apply:\n");
    let cases: [(&str, Vec<u8>, &str, Option<&str>); 13] = [
        ("a bomb of aliases", bomb.into(), "plan.yaml", Some("plan.yaml:2:")),
        (
            "nesting without end",
            format!("a: {}", "[".repeat(100_000)).into(),
            "plan.yaml",
            Some("plan.yaml:1:"),
        ),
        ("ten megabytes", vec![b'#'; 10 << 20], "longer than 1048576 bytes", None),
        ("no bytes at all", Vec::new(), "plan.yaml", Some("plan.yaml:1:")),
        ("only a comment", b"# nothing\n".to_vec(), "plan.yaml", Some("plan.yaml:2:")),
        ("not UTF-8", b"name: \xff\xfe\n".to_vec(), "is not UTF-8", None),
        ("a binary", vec![0; 4096], "plan.yaml", None),
        ("a key twice", format!("{head}name: u\nphases: []\n").into(), "name", Some("plan.yaml:3:")),
        ("a number for a list", format!("{head}phases: 7\n").into(), "phases", Some("plan.yaml:3:")),
        (
            "a list for a name",
            b"switchback: 1\nname: [t]\nphases: []\n".to_vec(),
            "name",
            Some("plan.yaml:2:"),
        ),
        (
            "a map for a command",
            format!("{phase}      - {{id: s, run: {{a: b}}}}\n").into(),
            "run",
            Some("plan.yaml:6:"),
        ),
        (
            "an unknown field",
            format!("{phase}      - {{id: s, run: [\"true\"], rum: x}}\n").into(),
            "rum",
            Some("plan.yaml:6:"),
        ),
        (
            "two documents",
            format!("{head}phases: []\n---\nname: u\n").into(),
            "plan.yaml",
            Some("plan.yaml:"),
        ),
    ];
    for (name, bytes, part, place) in cases {
        let world = World::new();
        world.write("plan.yaml", bytes);
        refused(&world, name, part, place);
    }
}

#[test]
fn a_plan_that_is_no_file_is_refused() {
    let world = World::new();
    std::fs::create_dir(world.at("plan.yaml")).expect("a folder");
    refused(&world, "a folder", "plan.yaml", None);
    std::fs::remove_dir(world.at("plan.yaml")).expect("removed");
    refused(&world, "nothing", "plan.yaml", None);
}

#[test]
fn a_plan_from_a_pipe_that_never_ends_is_refused() {
    let world = World::new();
    let copy = world.at("switchback");
    std::fs::copy(PROGRAM, &copy).expect("copied");
    for nobody in [false, true] {
        if nobody && !is_root("a_plan_from_a_pipe_that_never_ends_is_refused as another user") {
            continue;
        }
        let endless = std::fs::File::open("/dev/zero").expect("opened");
        let mut command = world.command();
        command.args(["lint", "/dev/stdin"]).stdin(Stdio::from(endless));
        if nobody {
            let env: Vec<_> =
                command.get_envs().map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned))).collect();
            #[expect(clippy::disallowed_methods, reason = "the program under test, as another user")]
            let mut other = std::process::Command::new(&copy);
            other.args(["lint", "/dev/zero"]).env_clear().uid(65534).gid(65534);
            other.envs(env.into_iter().filter_map(|(k, v)| Some((k, v?))));
            other.stdout(Stdio::piped()).stderr(Stdio::piped());
            command = other;
        }
        let ran = finished(command.spawn().expect("started")).ended(2);
        assert!(ran.took < Duration::from_secs(60), "{ran:?}");
        assert!(ran.peak < 64 << 10, "{ran:?}");
    }
    assert!(!world.state().exists());
}

/// A plan with as many kinds of text as one plan can have. JSON is YAML too.
fn full(folder: &str) -> Value {
    let run = json!(["echo", "word"]);
    json!({
        "switchback": 1, "name": "full", "revision": 1, "title": "A title",
        "profile": "profile.yaml", "checks": ["library.yaml"],
        "vars": {"word": "a value"},
        "calendar": {"starts": "2026-01-05", "days": "Mon..Fri"},
        "phases": [{
            "id": "first", "title": "The first", "why": "Because", "days": "1-4", "risk": "low",
            "layers": [
                {"files": {"paths": [format!("{folder}/data/")]}},
                {"command": {"name": "thing", "record": run, "restore": run, "verify": run}},
                {"nix-profile": {"path": format!("{folder}/profile"), "activate": ["act"]}}
            ],
            "applies_if": {"id": "applies", "probe": {"run": run}},
            "preflight": [{"id": "ready", "ask": "Is it ready?"}],
            "apply": [
                {"id": "one", "title": "A step", "run": run, "timeout": "5s", "env": {"NAME": "value"},
                 "undo": {"run": run}},
                {"id": "two", "shell": "echo two", "undo": {"shell": "echo undo"}},
                {"id": "three", "ask": "Do it, please", "undo": "none", "reason": "it stays"},
                {"id": "four", "set": {"file": format!("{folder}/data/ini"), "format": "ini",
                 "keys": {"section": {"key": "value"}}}},
                {"id": "five", "install": {"from": "source", "to": format!("{folder}/data/there"),
                 "mode": "0644"}},
            ],
            "settle": "1s",
            "validate": [
                {"id": "check", "title": "A check", "probe": {"run": run}, "hint": "look",
                 "expect": {"stdout": {"contains": "word"}}, "tags": ["tag"],
                 "waiver": {"reason": "known", "until": "2099-01-01"}},
                {"id": "file", "probe": {"file": {"path": format!("{folder}/data/one")}}, "expect": {"exists": true}},
                {"use": "shared", "with": {"argument": "text"}},
                {"id": "plugin", "plugin": ["check_x", "-w", "1"]},
                {"id": "scripts", "scripts": format!("{folder}/scripts")}
            ],
            "commit": [{"id": "keep", "run": run, "undo": {"run": run}}],
            "rollback": [{"id": "back", "run": run}]
        }]
    })
}

/// Every text in a document, keys included, each with the poison at its end.
fn poisoned(value: &Value, poison: &str, rebuild: &mut dyn FnMut(Value)) {
    match value {
        Value::String(text) => rebuild(Value::from(format!("{text}{poison}"))),
        Value::Array(items) => {
            for at in 0..items.len() {
                poisoned(&items[at], poison, &mut |item| {
                    let mut items = items.clone();
                    items[at] = item;
                    rebuild(Value::from(items));
                });
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                poisoned(field, poison, &mut |field| {
                    let mut fields = fields.clone();
                    fields.insert(key.clone(), field);
                    rebuild(Value::from(fields));
                });
                let mut fields = fields.clone();
                let field = fields.remove(key).unwrap_or_default();
                fields.insert(format!("{key}{poison}"), field);
                rebuild(Value::from(fields));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_character_that_deceives_is_refused_in_every_text_of_a_plan_and_never_shown() {
    let world = World::new();
    world.write("profile.yaml", "cpu: {march: znver3}\n");
    world.write("source", "installed\n");
    world.write(
        "library.yaml",
        "switchback: 1\nchecks:\n  shared:\n    about: Shared.\n    params: {argument: {type: text, about: Said.}}\n    probe: {run: [echo, \"${argument}\"]}\n",
    );
    let plan = full(&world.root().display().to_string());
    let write = |plan: &Value| {
        world.write("plan.yaml", serde_json::to_string_pretty(plan).expect("JSON"));
    };
    let mut texts = 0;
    for poison in ["\u{202e}", "\u{1b}[31m"] {
        poisoned(&plan, poison, &mut |plan| {
            texts += 1;
            write(&plan);
            let ran = world.switchback(&["lint", "plan.yaml"]).ended(2);
            assert!(ran.said().contains("plan.yaml:"), "{}", ran.said());
        });
    }
    assert!(texts > 250, "only {texts}");
    assert!(!world.state().exists());
    write(&plan);
    let ran = world.switchback(&["lint", "plan.yaml"]);
    assert!(ran.code == 0, "the plan without poison is good: {}", ran.said());
}

#[test]
fn a_name_on_the_command_line_is_shown_harmlessly() {
    let world = World::new();
    for words in [
        vec!["\u{1b}[31m\u{202e}"],
        vec!["run", "\u{1b}[31m\u{202e}.yaml", "--unattended"],
        vec!["--json", "run", "\u{1b}[31m\u{202e}.yaml", "--unattended"],
        vec!["status", "--\u{1b}[31m\u{202e}"],
        vec!["run", "plan.yaml", "--set", "\u{1b}[31m\u{202e}", "--unattended"],
        vec!["rollback", "--to", "\u{1b}[31m\u{202e}"],
    ] {
        let ran = world.switchback(&words);
        assert!([1, 2].contains(&ran.code), "{ran:?}");
        crate::world::harmless(&ran.said());
    }
    assert!(!world.state().exists());
}
