//! Plans with mistakes of several kinds: every one is told, once, in its place, and nothing that only follows from another.

use super::tests::{around, load_text, sources};
use super::*;
use proptest::prelude::*;

/// A plan, and the line, code and a part of the message of each complaint that it must get, in order.
type Case = (&'static str, &'static str, &'static [(usize, &'static str, &'static str)]);

const CASES: &[Case] = &[
    (
        "an open bracket in a step, a misspelt field, an unknown check and an unknown need",
        "switchback: 1
name: t
phases:
  - id: one
    layers: [nixos]
    apply:
      - id: a
        run: [ls, -l
      - id: b
        run: [ls]
        tiemout: 3s
    validate:
      - {use: disk-fre, with: {path: /}}
  - id: two
    needs: [oen]
    layers: [nixos]
    apply: [{run: [ls]}]
",
        &[
            (8, "not-yaml", "bracket"),
            (11, "unknown-field", "`tiemout`"),
            (13, "unknown-check", "`disk-fre`"),
            (15, "unknown-phase", "`oen`"),
        ],
    ),
    (
        "an open quote in one phase, a wrong type and a duplicate id in others",
        "switchback: 1
name: t
phases:
  - id: one
    title: \"It never ends
    layers: [nixos]
    apply: [{run: [ls]}]
  - id: two
    risk: loud
    apply: [{run: [ls]}]
  - id: two
    layers: nixos
    settle: soon
    apply: [{run: [ls], changes: nothing}]
",
        &[
            (5, "not-yaml", ""),
            (9, "unknown-word", "`loud`"),
            (10, "no-way-back", "has no way back"),
            (11, "duplicate-id", "`two`"),
            (12, "wrong-type", "`layers` must be a list"),
            (13, "bad-length", "`soon`"),
        ],
    ),
    (
        "a colon too many, a key twice, a step that does nothing, and a variable of no name",
        "switchback: 1
name: t
vars:
  flake: x: y
phases:
  - id: one
    layers: [nixos]
    layers: [nixos]
    apply:
      - {title: nothing}
      - {run: [ls, \"${flake}\", \"${phase.nonsense\"]}
  - id: two
    apply: [{run: [ls]}]
",
        &[
            (4, "not-yaml", ""),
            (4, "not-checked", "the names of variables were not all checked"),
            (8, "not-yaml", "`layers` is there twice"),
            (10, "nothing-to-do", "does nothing"),
            (11, "open-variable", "without its `}`"),
            (13, "no-way-back", "has no way back"),
        ],
    ),
    (
        "a name that is missing, a phase without one, a check of nothing, and a phase that is no map",
        "switchback: 1
phases:
  - title: no id
    apply: [{run: [ls], changes: nothing}]
    validate:
      - {use: disk-fre, severity: loud}
      - {probe: memory}
      - {probe: memory, timeout: soon, expect: {available: {gte: 1}}}
  - just words
  - id: two words
    needs: [nowhere]
    apply: [{run: [], changes: nothing}]
",
        &[
            (1, "missing-field", "the plan lacks `name`"),
            (3, "missing-field", "a phase lacks `id`"),
            (6, "unknown-check", "`disk-fre`"),
            (6, "unknown-word", "`loud`"),
            (7, "empty-expectation", "nothing is expected"),
            (8, "bad-length", "`soon`"),
            (8, "unknown-field", "`gte`"),
            (3, "not-checked", "the phases that others need"),
            (9, "wrong-type", "a phase must be"),
            (10, "bad-id", "`two words`"),
            (12, "empty-command", "no program to run"),
        ],
    ),
    (
        "layers that cannot be read leave the ways back of that phase open, and not of another",
        "switchback: 1
name: t
phases:
  - id: one
    layers: [nixos
    apply: [{run: [ls]}]
    commit: [{run: [ls], timeout: 0s}]
  - id: two
    apply: [{run: [ls]}]
    validate:
      - id: a
        probe: memory
        expect: {: }}
      - {id: b, probe: memory, needs: [c]}
",
        &[
            (5, "not-checked", "the ways back of this phase"),
            (5, "not-yaml", "bracket"),
            (7, "bad-length", "must be more"),
            (9, "no-way-back", "has no way back"),
            (13, "not-yaml", ""),
            (14, "empty-expectation", "nothing is expected of `b`"),
            (14, "unknown-need", "`c`"),
        ],
    ),
    (
        "phases that are no list, a bad day, a variable of a bad name, and another document",
        "switchback: 1
name: [t]
vars: {1x: a}
calendar: {starts: tomorrow}
phases: 7
---
name: u
",
        &[
            (2, "wrong-type", "`name` must be a text"),
            (3, "bad-variable-name", "`1x`"),
            (4, "bad-date", "`tomorrow`"),
            (5, "wrong-type", "`phases` must be a list"),
            (6, "not-yaml", "a second document"),
        ],
    ),
    (
        "an alias, a tag, a reordered word and a name that nobody declared",
        "switchback: 1
name: t
title: *other
revision: !secret 3
phases:
  - id: one
    why: \"\u{202e}backwards\"
    apply: [{run: [ls, \"${nobody}\"], changes: nothing}]
",
        &[
            (3, "not-yaml", ""),
            (4, "not-yaml", "`!secret`"),
            (7, "deceptive-character", "U+202E"),
            (8, "undeclared-variable", "`nobody`"),
        ],
    ),
    (
        "words between the keys, a profile that is not there and what depends on it",
        "switchback: 1
name: t
profile: nowhere.yaml
some words
phases:
  - id: one
    apply:
      - {run: [ls, \"${profile.x}\"], changes: nothing}
      - {run: [ls, \"${y}\"], changes: nothing}
  - id: one
",
        &[
            (4, "not-yaml", ""),
            (4, "not-checked", "the variables of the profile"),
            (9, "undeclared-variable", "`y`"),
            (10, "duplicate-id", "`one`"),
            (10, "no-apply", "`one`"),
        ],
    ),
    (
        "a library that cannot be read takes the blame for its checks once",
        "switchback: 1
name: t
checks: [gone.yaml]
profile: gone-too.yaml
phases:
  - id: one
    apply: [{run: [ls, \"${profile.x}\", \"${z}\"]}]
    validate: [{use: theirs}, {use: theirs-too}, {probe: memory}]
",
        &[
            (3, "not-checked", "the names of checks"),
            (3, "unreadable-file", "gone.yaml"),
            (4, "not-checked", "the variables of the profile"),
            (4, "unreadable-file", "gone-too.yaml"),
            (7, "no-way-back", "has no way back"),
            (7, "undeclared-variable", "`z`"),
            (8, "empty-expectation", "validate-3"),
        ],
    ),
];

#[test]
fn every_mistake_of_a_plan_is_told_once_and_nothing_that_only_follows_from_it() {
    let mut wrong = Vec::new();
    for (name, text, expected) in CASES {
        let told = load_text(text).map(|_| ()).expect_err(name);
        let found: Vec<(usize, String)> = told
            .list
            .iter()
            .map(|one| (one.line, one.code.trim_start_matches("plan::").to_owned()))
            .collect();
        let wanted: Vec<(usize, String)> =
            expected.iter().map(|(line, code, _)| (*line, (*code).to_owned())).collect();
        let mut sorted = (found.clone(), wanted);
        sorted.0.sort();
        sorted.1.sort();
        let words = expected.iter().all(|(line, code, part)| {
            told.list
                .iter()
                .any(|one| one.line == *line && one.code.ends_with(code) && one.message.contains(part))
        });
        if sorted.0 != sorted.1 || !words {
            wrong.push(format!("{name}:\n{}", told.lines()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_place_that_is_told_lies_in_its_file() {
    for (name, text, _) in CASES {
        for one in load_text(text).expect_err(name).list {
            let line = text.lines().nth(one.line - 1).unwrap_or_default();
            assert!(one.column <= line.chars().count() + 1, "{name}: {one:?}");
        }
    }
}

/// The plans that ship and the fixtures that load, with what they read.
fn sound_plans() -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    ["plans/tour.yaml", "plans/shoshin.yaml", "tests/fixtures/plans/good/everything.yaml"]
        .iter()
        .map(|name| std::fs::read_to_string(root.join(name)).expect("a plan"))
        .collect()
}

/// Loads, draws, and holds what is shown to what may be shown.
fn told_soundly(text: &str) -> Result<(), TestCaseError> {
    let began = crate::system::clock::tick();
    let result = load("plan.yaml", text, &sources(&[]), &around(), &[]);
    if let Err(told) = result {
        prop_assert!(!told.is_empty() && told.list.iter().any(|one| one.gravity == Gravity::Error));
        let drawn = told.drawn(Drawing { width: 60, colour: false, unicode: true });
        prop_assert!(!drawn.contains(['\u{202e}', '\u{1b}', '\r', '\0']), "{}", drawn);
    }
    let took = crate::system::clock::since(began);
    prop_assert!(took.0 < 5_000, "took {took}");
    Ok(())
}

fn cases(number: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(number) }
}

#[test]
fn any_bytes_are_refused_without_a_panic_and_soon() {
    proptest!(cases(100), |(bytes in prop::collection::vec(any::<u8>(), 0..400))| {
        told_soundly(&String::from_utf8_lossy(&bytes))?;
    });
    proptest!(cases(50), |(bytes in prop::collection::vec(any::<u8>(), 0..200))| {
        let text = "switchback: 1\nname: t\nprofile: p\nchecks: [c]\nphases: [{id: a, apply: [{install: {from: f, to: /x}, \
                    undo: none, reason: r}], validate: [{use: c}]}]\n";
        let given = sources(&[("p", &bytes), ("c", &bytes), ("f", &bytes)]);
        if let Err(told) = load("plan.yaml", text, &given, &around(), &[]) {
            prop_assert!(!told.is_empty());
        }
    });
}

/// A change to a text.
#[derive(Debug, Clone)]
enum Change {
    Cut(usize, usize),
    Put(usize, &'static str),
    Repeat(usize, usize),
    Move(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = || 0_usize..20_000;
    let words = prop::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        ":",
        ": ",
        "- ",
        "\n",
        "\n\n",
        "\t",
        "#",
        "|",
        ">",
        "&a ",
        "*a",
        "!!x ",
        "---\n",
        "${",
        "}",
        "\u{202e}",
        "\u{0}",
        "\r",
        "  ",
        "? ",
        ",",
        "~",
        "null",
        "ü",
        "%",
        "@",
        "`",
        "id: one\n",
    ]);
    prop_oneof![
        (at(), 1_usize..60).prop_map(|(at, length)| Change::Cut(at, length)),
        (at(), words).prop_map(|(at, word)| Change::Put(at, word)),
        (at(), 1_usize..200).prop_map(|(at, length)| Change::Repeat(at, length)),
        (at(), 1_usize..200, at()).prop_map(|(at, length, to)| Change::Move(at, length, to)),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let all: Vec<char> = text.chars().collect();
    let place = |at: usize| at % (all.len() + 1);
    let part = |at: usize, length: usize| &all[place(at)..(place(at) + length).min(all.len())];
    let text = |parts: &[&[char]]| parts.concat().into_iter().collect::<String>();
    match *change {
        Change::Cut(at, length) => text(&[&all[..place(at)], &all[(place(at) + length).min(all.len())..]]),
        Change::Put(at, word) => {
            let word: Vec<char> = word.chars().collect();
            text(&[&all[..place(at)], &word, &all[place(at)..]])
        }
        Change::Repeat(at, length) => text(&[&all[..place(at)], part(at, length), &all[place(at)..]]),
        Change::Move(at, length, to) => text(&[&all[..place(to)], part(at, length), &all[place(to)..]]),
    }
}

#[test]
fn a_shipped_plan_with_any_slip_in_it_is_read_or_refused_without_a_panic_and_soon() {
    let plans = sound_plans();
    let slips = (0..plans.len(), prop::collection::vec(change(), 1..6));
    proptest!(cases(60), |((which, changes) in slips)| {
        let text = changes.iter().fold(plans[which].clone(), |text, change| changed(&text, change));
        told_soundly(&text)?;
    });
}

/// A mistake that is no YAML costs its own field or phase: what is wrong elsewhere is told all the same.
#[test]
fn one_slip_never_hides_a_mistake_in_another_phase() {
    let slips = [
        "title: [a, b",
        "title: \"open",
        "title: 'open",
        "title: {a: b",
        "why: a: b",
        "title: &a x",
        "%bad",
        "- x",
        "title: ]",
    ];
    for slip in slips {
        let text = format!(
            "switchback: 1\nname: t\nphases:\n  - id: one\n    {slip}\n    apply: [{{run: [ls], changes: nothing}}]\n  - id: two\n    aply: []\n  - id: three\n    apply: [{{run: [ls]}}]\n"
        );
        let told = load_text(&text).expect_err(slip);
        let codes: Vec<&str> = told.list.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(
            codes,
            ["plan::not-yaml", "plan::unknown-field", "plan::no-way-back"],
            "{slip}: {}",
            told.lines()
        );
    }
}

/// Two phases; the second has two mistakes.
const TWO: &str = "switchback: 1
name: t
vars:
  flake: x
phases:
  - id: one
    title: First
    layers: [nixos]
    apply:
      - id: a
        run: [ls, \"${flake}\"]
        timeout: 3s
      - id: b
        shell: |
          echo one
          echo two: three
    validate:
      - use: disk-free
        with: {path: /, at_least: 1GiB}
      - id: c
        probe: memory
        expect: {available: {gt: 1}}
  - id: two
    risk: loud
    layers: [nixos]
    apply: [{run: [ls, \"${nobody}\"]}]
    needs: [one]
";

/// Lines of it with other indentation, and the lines that are complained of.
type Beside = (&'static [(usize, &'static str)], &'static [usize]);

const BESIDE: &[Beside] = &[
    (&[(2, " ")], &[2]),
    (&[(4, "\t")], &[4]),
    (&[(6, "\t")], &[6]),
    (&[(6, " ")], &[6]),
    (&[(6, "   ")], &[6]),
    (&[(7, "\t")], &[7]),
    (&[(7, "  \t")], &[7]),
    (&[(7, "    \t")], &[7]),
    (&[(7, "   ")], &[7]),
    (&[(7, "     ")], &[7]),
    (&[(8, "   ")], &[8]),
    (&[(8, "  ")], &[8]),
    (&[(9, "   ")], &[9]),
    (&[(9, "     ")], &[9]),
    (&[(10, "\t  ")], &[10]),
    (&[(11, "       ")], &[11]),
    (&[(11, "      ")], &[11]),
    (&[(12, "\t\t")], &[12]),
    (&[(12, "      \t")], &[12]),
    (&[(12, "       ")], &[12]),
    (&[(12, "         ")], &[12]),
    (&[(13, "\t  ")], &[13]),
    (&[(13, "     ")], &[13]),
    (&[(13, "       ")], &[13]),
    (&[(16, "         ")], &[16]),
    (&[(16, "        \t")], &[16]),
    (&[(17, "   ")], &[17]),
    (&[(17, "     ")], &[17]),
    (&[(19, "       ")], &[19]),
    (&[(22, "       ")], &[22]),
    (&[(23, " ")], &[23]),
    (&[(23, "   ")], &[23]),
    (&[(23, " "), (24, "   "), (25, "   "), (26, "   "), (27, "   ")], &[23]),
    (&[(23, "\t"), (24, "\t  "), (25, "\t  "), (26, "\t  "), (27, "\t  ")], &[23]),
    (&[(26, "   ")], &[26]),
    (&[(27, "   ")], &[27]),
    (&[(7, "   "), (12, "\t\t"), (27, "     ")], &[7, 12, 27]),
];

#[test]
fn a_line_beside_its_block_costs_one_complaint_hides_none_and_causes_none() {
    let lines: Vec<&str> = TWO.lines().collect();
    let mut wrong = Vec::new();
    for (slips, told_of) in BESIDE {
        let of = |(at, line): (usize, &&str)| match slips.iter().find(|(number, _)| *number == at + 1) {
            Some((_, indent)) => format!("{indent}{}\n", line.trim_start()),
            None => format!("{line}\n"),
        };
        let text: String = lines.iter().enumerate().map(of).collect();
        let told = load_text(&text).expect_err("two mistakes at least");
        let mut expected: Vec<(usize, &str)> = told_of.iter().map(|line| (*line, "plan::not-yaml")).collect();
        expected.extend([(24, "plan::unknown-word"), (26, "plan::undeclared-variable")]);
        expected.sort_unstable();
        let mut found: Vec<(usize, &str)> =
            told.list.iter().map(|one| (one.line, one.code.as_str())).collect();
        found.sort_unstable();
        let places = told.list.iter().all(|one| {
            let line = text.lines().nth(one.line - 1).unwrap_or_default();
            let at = line.get(one.column - 1..).unwrap_or_default();
            match one.code.as_str() {
                "plan::unknown-word" => at.starts_with("loud"),
                "plan::undeclared-variable" => at.starts_with("\"${nobody}"),
                // A field is named, a line of a text is not.
                _ => {
                    at == line.trim_start()
                        && (at.starts_with("echo") || !one.message.starts_with("this line"))
                }
            }
        });
        if found != expected || !places {
            wrong.push(format!("{slips:?}:\n{}", told.lines()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_plan_in_tabs_gets_one_complaint_for_each_run_of_them_and_all_its_others() {
    let text = TWO.replace("  ", "\t");
    let told = load_text(&text).expect_err("tabs");
    let codes: Vec<(usize, &str)> = told.list.iter().map(|one| (one.line, one.code.as_str())).collect();
    let expected = [
        (4, "plan::not-yaml"),
        (6, "plan::not-yaml"),
        (24, "plan::unknown-word"),
        (26, "plan::undeclared-variable"),
    ];
    assert_eq!(codes, expected, "{}", told.lines());
}

#[test]
fn a_text_of_several_lines_is_no_block_and_its_columns_are_its_own() {
    let text =
        TWO.replace("          echo two: three", "            - echo two: three\n          # no: comment");
    let told = load_text(&text.replace("title: First", "title: \"a\n      b: c\n     d: e\"\n   why: x"))
        .expect_err("a slip");
    let codes: Vec<&str> = told.list.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(
        codes,
        ["plan::not-yaml", "plan::unknown-word", "plan::undeclared-variable"],
        "{}",
        told.lines()
    );
    let why = &told.list[0];
    assert_eq!(
        (why.line, why.message.as_str()),
        (10, "`why` is indented with 3 blanks, what it belongs to with 4")
    );
}
