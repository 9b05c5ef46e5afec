//! The page `UNDO` in a capsule: the way home by hand, for the day when no binary runs.

use crate::model::{Act, Part, Phase, PhaseHeader, StepUndo};
use std::fmt::Write as _;

/// The page. `layers` holds the lines of each layer in the order of the phase's list.
pub(super) fn undo_page(header: &PhaseHeader, phase: &Phase, layers: &[(String, Vec<String>)]) -> String {
    let mut page = format!(
        "# The way home from generation {}: plan {} revision {}, phase {}.\n\
         # First try: ./switchback rollback --state <the folder above generations/>\n\
         # Otherwise follow these lines as root or as the owner of the files, from this folder, top to bottom.\n\
         # Check before you copy: the name of a file in originals/ is its sha256sum.\n",
        header.generation, header.plan, header.revision, phase.id
    );
    let mut place = 0;
    let mut heading = |page: &mut String, text: &str| {
        place += 1;
        let _ = write!(page, "\n# {place}. {text}\n");
    };
    for part in [Part::Commit, Part::Apply] {
        for step in phase.steps(part).iter().rev() {
            if let StepUndo::Act(act) = &step.undo {
                heading(
                    &mut page,
                    &format!("Undo step {} (only if it was taken; see the journal).", step.id),
                );
                page.push_str(&by_hand(act));
            }
        }
    }
    for (target, lines) in layers.iter().rev() {
        heading(&mut page, &format!("Restore {target}."));
        for line in lines {
            page.push_str(line);
            page.push('\n');
        }
    }
    for step in &phase.rollback {
        heading(&mut page, &format!("Take rollback step {}.", step.id));
        page.push_str(&by_hand(&step.act));
    }
    page
}

fn by_hand(act: &Act) -> String {
    match act {
        Act::Run(command) => {
            let words: Vec<String> = command.argv.iter().map(|word| quoted(word)).collect();
            format!("{}\n", words.join(" "))
        }
        Act::Shell { text, env } => {
            let settings: Vec<String> =
                env.iter().map(|(name, value)| format!("{name}={} ", quoted(value))).collect();
            format!("{}/bin/sh -eu -c {}\n", settings.concat(), quoted(text))
        }
        Act::Install { from, to, .. } => {
            format!("# put the plan's {} at {}\n", from.display(), to.display())
        }
        Act::Set { file, settings, .. } => settings
            .iter()
            .map(|setting| {
                format!("# in {}: {} = {}\n", file.display(), setting.path.join(" / "), setting.value)
            })
            .collect(),
        Act::Ask { text } => format!("# {}\n", text.replace('\n', " ")),
    }
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
