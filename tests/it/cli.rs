//! The verbs without a terminal: exit statuses, JSON, selection, the way back, a runner that is killed.

mod changed;
mod detached;
mod foreknown;
mod guarded;
mod left;
mod links;
mod looking;
mod prune;
mod resolved;
mod running;
mod said;
mod statuses;
mod taken_up;

use crate::support::bench::{Bench, Ran};

/// Three phases, each adding a line to the machine's file. The third holds only where `c/ok` is there.
const THREE: &str = r#"
  - id: one
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: add, shell: 'echo one >> "$m/file"'}]
  - id: two
    needs: [one]
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: add, shell: 'echo two >> "$m/file"'}]
  - id: three
    layers: [{files: {paths: ["${m}/"]}}]
    apply: [{id: add, shell: 'echo three >> "$m/file"; echo from the step'}]
    validate:
      - {id: holds, probe: {run: [test, -e, "${c}/ok"]}}
"#;

fn three() -> Bench {
    let bench = Bench::new();
    bench.plan(THREE);
    bench
}

fn unattended(bench: &Bench, more: &[&str]) -> Ran {
    bench.run(&[&["run", "plan.yaml", "--unattended"], more].concat())
}
