//! The guided mode at a real pseudo-terminal.

mod interrupts;
mod looks;
mod questions;
mod trouble;

use crate::support::bench::Bench;
use crate::support::pty::{Pty, Streams};

/// One phase that changes the machine and holds where `c/ok` is there.
const HOLDS_IF_OK: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply:
      - {id: change, shell: 'echo "$word" > "$m/file"'}
    validate:
      - {id: holds, probe: {run: [test, -e, "${c}/ok"]}}
"#;

/// The program at a terminal of 80 columns.
fn at_terminal(bench: &Bench, args: &[&str]) -> Pty {
    Pty::start(bench.command(args), 80, Streams::All)
}

/// `switchback run` at a terminal, its first gate passed.
fn begun(bench: &Bench) -> Pty {
    let mut pty = at_terminal(bench, &["run", "plan.yaml"]);
    pty.answer("Begin phase one?", "y");
    pty
}
