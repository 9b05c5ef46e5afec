//! The plan of two phases, the machine it changes, and what each of its steps does there.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// The phases in order.
pub(crate) const PHASES: [&str; 2] = ["files", "steps"];

/// So long the plan that asks waits for a word.
pub(crate) const WINDOW: Duration = Duration::from_millis(250);

/// How the last phase ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Every check passes.
    Good,
    /// The last phase fails its check and goes back.
    Failing,
    /// The last phase says that it is there, and waits until it is given a byte.
    Holding,
    /// The last phase says that it is there, and waits for a word, for a moment.
    Asking,
}

/// What one step does to one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effect {
    /// The phase.
    pub(crate) phase: &'static str,
    /// `apply` or `commit`.
    pub(crate) part: &'static str,
    /// The step's place in that list.
    pub(crate) step: u64,
    /// The file, below the machine's folder.
    pub(crate) path: &'static str,
    /// Its content before; absent where there is no such file.
    pub(crate) before: Option<&'static str>,
    /// Its content after.
    pub(crate) after: Option<&'static str>,
}

const fn effect(
    phase: &'static str,
    part: &'static str,
    step: u64,
    path: &'static str,
    before: Option<&'static str>,
    after: Option<&'static str>,
) -> Effect {
    Effect { phase, part, step, path, before, after }
}

/// Everything that the plan does, in the order in which it does it.
pub(crate) const EFFECTS: [Effect; 4] = [
    effect("files", "apply", 0, "app/settings", None, Some("level = 3\n")),
    effect("files", "apply", 1, "app/conf", Some("old\n"), Some("seed\n")),
    effect("steps", "apply", 0, "marks/copied", None, Some("seed\n")),
    effect("steps", "commit", 0, "boot/default", Some("old\n"), Some("seed\n")),
];

/// The machine before the plan.
const MACHINE: [(&str, &str, u32); 4] = [
    ("app/conf", "old\n", 0o640),
    ("marks/kept", "kept\n", 0o600),
    ("boot/default", "old\n", 0o644),
    ("seed", "seed\n", 0o644),
];

/// Makes the machine as it is before the plan.
///
/// # Errors
/// That a file or folder could not be made.
pub(crate) fn make_machine(machine: &Path) -> io::Result<()> {
    for (path, content, mode) in MACHINE {
        let file = machine.join(path);
        fs::create_dir_all(file.parent().unwrap_or(machine))?;
        fs::write(&file, content)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Writes the plan and what it installs.
///
/// # Errors
/// That a file could not be written.
pub(crate) fn write_plan(folder: &Path, machine: &Path, variant: Variant) -> io::Result<()> {
    fs::write(folder.join("settings"), "level = 3\n")?;
    let hold = "\n      - {id: hold, shell: 'echo > \"$machine/../there\"; head -c1 \"$machine/../hold\"', \
                changes: nothing, timeout: 1h}";
    let ask = format!("\n    confirm: {{within: {}ms}}", WINDOW.as_millis());
    let tell = "\n      - {id: tell, shell: 'echo > \"$machine/../there\"', changes: nothing, timeout: 1h}";
    let (wanted, hold, ask) = match variant {
        Variant::Good => ("seed", "", ""),
        Variant::Failing => ("other", "", ""),
        Variant::Holding => ("seed", hold, ""),
        Variant::Asking => ("seed", tell, ask.as_str()),
    };
    let machine = machine.display();
    fs::write(
        folder.join("plan.yaml"),
        format!(
            r#"switchback: 1
name: small
revision: 1
vars: {{machine: "{machine}"}}
phases:
  - id: files
    layers: [{{files: {{paths: ["${{machine}}/app/"]}}}}]
    apply:
      - {{id: settings, install: {{from: settings, to: "${{machine}}/app/settings", mode: "0640"}}}}
      - {{id: conf, run: [cp, "${{machine}}/seed", "${{machine}}/app/conf"]}}
    validate:
      - {{id: settings, probe: {{file: "${{machine}}/app/settings"}}, expect: {{mode: {{equals: "0640"}}}}}}
  - id: steps
    layers: [{{files: {{paths: ["${{machine}}/boot/default"]}}}}]
    apply:
      - id: copy
        run: [cp, "${{machine}}/seed", "${{machine}}/marks/copied"]
        undo: {{run: [rm, -f, "${{machine}}/marks/copied"]}}{hold}
    validate:
      - {{id: copied, probe: {{run: [cat, "${{machine}}/marks/copied"]}}, expect: {{exit: 0, stdout: {{prefix: {wanted}}}}}}}{ask}
    commit:
      - {{id: default, run: [cp, "${{machine}}/seed", "${{machine}}/boot/default"]}}
    on: {{fail: rollback, error: rollback, inconclusive: rollback}}
"#
        ),
    )
}
