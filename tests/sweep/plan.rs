//! The small three-phase plan that is swept, the machine it changes, and what each of its steps does there.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The phases in order.
pub(crate) const PHASES: [&str; 3] = ["files", "steps", "settings"];

/// How the last phase ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Every check passes.
    Good,
    /// The last phase fails its check and goes back.
    Failing,
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

const INI: &str = "# kept\n[cache]\npolicy = lru\nsize = 1\n";
const INI_SET: &str = "# kept\n[cache]\npolicy = lru\nsize = 2\n";

/// Everything that the plan does, in the order in which it does it.
pub(crate) const EFFECTS: [Effect; 9] = [
    effect("files", "apply", 0, "app/conf", Some("old\n"), Some("new\n")),
    effect("files", "apply", 0, "app/data/gone", Some("removed\n"), None),
    effect("files", "apply", 1, "app/settings", None, Some("level = 3\n")),
    effect("steps", "apply", 0, "marks/copied", None, Some("seed\n")),
    effect("steps", "apply", 1, "marks/first", Some("moved\n"), None),
    effect("steps", "apply", 1, "marks/second", None, Some("moved\n")),
    effect("steps", "commit", 0, "boot/default", Some("old\n"), Some("new\n")),
    effect("settings", "apply", 0, "etc/app.ini", Some(INI), Some(INI_SET)),
    effect("settings", "apply", 1, "late/mark", None, Some("late\n")),
];

/// The machine before the plan.
const MACHINE: [(&str, &str, u32); 6] = [
    ("app/conf", "old\n", 0o640),
    ("app/data/gone", "removed\n", 0o600),
    ("marks/first", "moved\n", 0o644),
    ("boot/default", "old\n", 0o644),
    ("etc/app.ini", INI, 0o604),
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
    std::os::unix::fs::symlink("conf", machine.join("app/current"))?;
    fs::create_dir(machine.join("late"))
}

/// Writes the plan and what it installs.
///
/// # Errors
/// That a file could not be written.
pub(crate) fn write_plan(folder: &Path, machine: &Path, variant: Variant) -> io::Result<()> {
    fs::write(folder.join("settings"), "level = 3\n")?;
    let last = match variant {
        Variant::Good => "2",
        Variant::Failing => "3",
    };
    fs::write(folder.join("plan.yaml"), text(&machine.display().to_string(), last))
}

/// The last check of the plan wants `last`; the plan sets 2.
fn text(machine: &str, last: &str) -> String {
    format!(
        r#"switchback: 1
name: sweep
revision: 1
vars: {{machine: "{machine}"}}
phases:
  - id: files
    layers: [{{files: {{paths: ["${{machine}}/app/"]}}}}]
    preflight:
      - {{id: there, probe: {{file: "${{machine}}/app/conf"}}, expect: {{exists: true}}}}
    apply:
      - id: write
        shell: |
          echo new > "$machine/app/conf"
          rm "$machine/app/data/gone"
      - id: settings
        install: {{from: settings, to: "${{machine}}/app/settings", mode: "0640"}}
    validate:
      - {{id: conf, probe: {{run: [cat, "${{machine}}/app/current"]}}, expect: {{exit: 0, stdout: {{prefix: new}}}}}}
      - {{id: settings, probe: {{file: "${{machine}}/app/settings"}}, expect: {{mode: {{equals: "0640"}}}}}}
  - id: steps
    layers: [{{files: {{paths: ["${{machine}}/boot/default"]}}}}]
    apply:
      - id: copy
        run: [cp, "${{machine}}/seed", "${{machine}}/marks/copied"]
        undo: {{run: [rm, -f, "${{machine}}/marks/copied"]}}
      - id: move
        run: [mv, "${{machine}}/marks/first", "${{machine}}/marks/second"]
        undo:
          shell: |
            if [ -e "$machine/marks/second" ]; then mv "$machine/marks/second" "$machine/marks/first"; fi
    validate:
      - {{id: copied, probe: {{run: [cat, "${{machine}}/marks/copied"]}}, expect: {{exit: 0, stdout: {{prefix: seed}}}}}}
    commit:
      - id: default
        shell: echo new > "$machine/boot/default"
  - id: settings
    needs: [steps]
    layers: [{{files: {{paths: ["${{machine}}/etc/app.ini", "${{machine}}/late/"]}}}}]
    apply:
      - id: size
        set: {{file: "${{machine}}/etc/app.ini", format: ini, keys: {{cache: {{size: 2}}}}}}
      - id: late
        shell: |
          (sleep 0.02; echo late > "$machine/late/mark") &
          wait
    validate:
      - id: size
        probe: {{run: [grep, size, "${{machine}}/etc/app.ini"]}}
        expect: {{exit: 0, stdout: {{prefix: "size = {last}"}}}}
    on: {{fail: rollback, error: rollback, inconclusive: rollback}}
"#
    )
}
