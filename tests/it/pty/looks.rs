//! Narrow and dumb terminals, no colour, and output that goes elsewhere.

use super::{HOLDS_IF_OK, at_terminal};
use crate::support::bench::Bench;
use crate::support::pty::{Pty, Streams};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

const WORDY: &str = r#"
  - id: one
    title: A title that is a good deal longer than a narrow terminal is wide
    why: There is a reason, and it takes more words than one would think at first.
    layers: [{files: {paths: ["${m}/"]}}]
    preflight:
      - {id: stick, ask: "Is a live USB stick within reach, and has somebody tried to boot from it lately?"}
    apply:
      - {id: change, title: "Change what has to be changed, thoroughly", shell: 'echo "$word" > "$m/file"'}
      - {id: plug, ask: "Plug the display in", undo: none, reason: "it may stay plugged in"}
    validate:
      - {id: holds, probe: {run: [test, -e, "${c}/ok"]}, hint: "make the file that this check looks for"}
    confirm: {within: 10m}
"#;

fn walk(pty: &mut Pty, bench: &Bench) {
    pty.answer("Yes?", "y");
    pty.answer("Begin phase one?", "y");
    pty.answer("Done?", "y");
    pty.choose("show the evidence");
    bench.write("c/ok", "");
    pty.choose("retry");
    pty.wait_for("keep? [y/N]");
    pty.send("n\r");
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
}

#[test]
fn no_line_is_wider_than_a_terminal_of_40_columns() {
    let bench = Bench::new();
    bench.plan(WORDY);
    let mut pty = Pty::start(bench.command(&["run", "plan.yaml"]), 40, Streams::All);
    walk(&mut pty, &bench);
    assert_eq!(pty.too_wide(), [""; 0], "of\n{}", pty.screen());
    assert_eq!(bench.run(&["baseline", "record", "plan.yaml", "--name", "before-all-of-it-began"]).exit, 0);
    let looking = [
        &["status"][..],
        &["history"],
        &["show"],
        &["rollback", "--list"],
        &["explain", "plan.yaml"],
        &["checks"],
        &["checks", "show", "disk-free"],
        &["baseline", "show"],
        &["baseline", "show", "before-all-of-it-began"],
        &["baseline", "compare", "--name", "before-all-of-it-began", "plan.yaml"],
    ];
    for args in looking {
        let mut pty = Pty::start(bench.command(args), 40, Streams::All);
        assert_eq!(pty.exit(), 0, "{args:?}\n{}", pty.screen());
        assert_eq!(pty.too_wide(), [""; 0], "{args:?}: of\n{}", pty.screen());
    }
}

#[test]
fn errors_and_complaints_are_broken_between_words_at_40_columns() {
    let bench = Bench::new();
    bench.plan(WORDY);
    bench.write(
        "bad.yaml",
        &format!("switchback: 1\nname: a\ntitle: {}\nphases: [{{id: a, aply: []}}]\n", "word ".repeat(40)),
    );
    for (args, exit, said) in [
        (&["run", "plan.yaml", "--unattended"][..], 10, "this plan needs a person; nothing was changed"),
        (&["run", "plan.yaml", "--phase", "zz"], 2, "the plan has no phase `zz`"),
        (&["lint", "bad.yaml"], 2, "did you mean `apply`?"),
    ] {
        let mut pty = Pty::start(bench.command(args), 40, Streams::All);
        assert_eq!(pty.exit(), exit, "{args:?}\n{}", pty.screen());
        assert_eq!(pty.too_wide(), [""; 0], "{args:?}: of\n{}", pty.screen());
        let words = pty.screen().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(said), "{args:?}: {words}");
    }
}

#[test]
fn without_colour_there_is_none_and_everything_is_said_all_the_same() {
    let bench = Bench::new();
    bench.plan(WORDY);
    let mut command = bench.command(&["run", "plan.yaml"]);
    command.env("NO_COLOR", "1");
    let mut pty = Pty::start(command, 80, Streams::All);
    walk(&mut pty, &bench);
    let raw = pty.raw();
    let coloured = raw.split("\u{1b}[").skip(1).filter(|rest| {
        let parameters: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ';').collect();
        rest[parameters.len()..].starts_with('m') && !parameters.is_empty() && parameters != "0"
    });
    assert_eq!(coloured.count(), 0, "{raw:?}");
}

#[test]
fn a_dumb_terminal_is_sent_no_escape_and_answers_in_lines() {
    let bench = Bench::new();
    bench.plan(WORDY);
    let mut command = bench.command(&["run", "plan.yaml"]);
    command.env("TERM", "dumb");
    let mut pty = Pty::start(command, 80, Streams::All);
    pty.wait_for("Yes? [y/N]: ");
    pty.send("y\r");
    pty.wait_for("Begin phase one? [y/N]: ");
    pty.send("perhaps\r");
    pty.wait_for("please answer y or n");
    pty.send("y\r");
    pty.wait_for("Done? [y/N]: ");
    pty.send("y\r");
    pty.wait_for("5 accept with a reason");
    pty.wait_for("choose by number: ");
    pty.send("3\r");
    assert_eq!(pty.exit(), 12, "{}", pty.screen());
    assert!(!pty.raw().contains('\u{1b}'), "{:?}", pty.raw());
    assert_eq!(bench.read("m/file"), "old\n");
}

#[test]
fn questions_stay_on_the_terminal_when_the_output_goes_to_a_file() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    bench.write("c/ok", "");
    let mut command = bench.command(&["run", "plan.yaml"]);
    command.stdout(File::create(bench.path("out")).expect("a file"));
    let mut pty = Pty::start(command, 40, Streams::NotOutput);
    pty.answer("Begin phase one?", "y");
    assert_eq!(pty.exit(), 0, "{}", pty.screen());
    let out = bench.read("out");
    assert!(out.contains("committed phase one"), "{out}");
    assert!(!out.contains('\u{1b}'), "{out:?}");
    assert!(!pty.screen().contains("committed phase one"), "{}", pty.screen());
    assert_eq!(pty.too_wide(), [""; 0], "{}", pty.screen());
}

#[test]
fn a_reader_that_goes_away_after_a_line_does_not_stop_the_run() {
    let bench = Bench::new();
    bench.plan(HOLDS_IF_OK);
    bench.write("c/ok", "");
    let mut command = bench.command(&["run", "plan.yaml", "--unattended"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it can be started");
    let mut first = String::new();
    let out = child.stdout.take().expect("a pipe");
    BufReader::with_capacity(1, out).read_line(&mut first).expect("a line");
    assert!(first.contains("phase one"), "{first}");
    assert_eq!(child.wait().expect("our own child").code(), Some(0));
    assert_eq!(bench.read("m/file"), "new\n");
}

#[test]
fn a_question_asked_before_typing_ahead_is_not_answered_by_it() {
    let bench = Bench::new();
    bench.plan(WORDY);
    let mut pty = at_terminal(&bench, &["run", "plan.yaml"]);
    pty.send("y\ry\ry\r");
    pty.wait_for_prompt("Yes?");
    pty.send("y\r");
    pty.wait_for_prompt("Begin phase one?");
    pty.send("\r");
    assert_eq!(pty.exit(), 10, "{}", pty.screen());
}
