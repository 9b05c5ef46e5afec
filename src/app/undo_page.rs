//! The page `UNDO` in a capsule: the way home by hand, for the day when no binary runs.

use crate::model::{Act, Invoker, Part, Phase, PhaseHeader, RunAs, Step, StepUndo, with_run_time};
use crate::system::sanitise::sanitise_line;
use std::fmt::Write as _;

/// The page. `layers` holds the lines of each layer in the order of the phase's list.
pub(super) fn undo_page(header: &PhaseHeader, phase: &Phase, layers: &[(String, Vec<String>)]) -> String {
    let mut page = format!(
        "# The way home from generation {}: plan {} revision {}, phase {}.\n\
         # First try: ./switchback rollback --state <the folder above generations/>\n\
         # Otherwise follow these lines as root or as the owner of the files, from this folder, top to bottom.\n\
         # Check before you copy: the name of a file in originals/ is its sha256sum.\n\
         # As root, in folders that somebody else owns: while nobody but you is logged in. A link that is put in the\n\
         # way between two lines is followed.\n",
        header.generation, header.plan, header.revision, phase.id
    );
    let mut place = 0;
    let mut heading = |page: &mut String, text: &str| {
        place += 1;
        // What a program printed may be in it, and a newline would end the remark.
        let _ = write!(page, "\n# {place}. {}\n", sanitise_line(text));
    };
    for part in [Part::Commit, Part::Apply] {
        for step in phase.steps(part).iter().rev() {
            if let StepUndo::Act(act) = &step.undo {
                heading(
                    &mut page,
                    &format!("Undo step {} (only if it was taken; see the journal).", step.id),
                );
                page.push_str(&lines_of(step, act, header));
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
        page.push_str(&lines_of(step, &step.act, header));
    }
    page
}

/// Stands for what is not known before the page is written.
const STARTED: &str = "PHASE-STARTED";

/// What a step's act is by hand, and as whom.
fn lines_of(step: &Step, act: &Act, header: &PhaseHeader) -> String {
    let generation = header.generation.to_string();
    let fill = |text: &str| with_run_time(text, &generation, STARTED);
    let lines = by_hand(act, &fill);
    let user = match &header.invoker {
        Some(Invoker { uid: 0, .. }) => "root".to_owned(),
        Some(Invoker { uid, name }) => format!("user {name} (uid {uid}), not as root"),
        None => "the user who started the run, not as root".to_owned(),
    };
    let who = match step.who {
        RunAs::Runner => String::new(),
        RunAs::Root => "# As root:\n".to_owned(),
        RunAs::User => format!("# As {user}:\n"),
        RunAs::Session => format!("# As {user}, in a terminal of that user's desktop session:\n"),
    };
    let started = if lines.contains(STARTED) {
        format!("# For {STARTED} put the time at which the phase began; ./switchback history tells it.\n")
    } else {
        String::new()
    };
    format!("{who}{started}{lines}")
}

/// The command of an act that takes a program, on one line, as a person would type it; none where it takes none.
pub(super) fn command_of(act: &Act, fill: &dyn Fn(&str) -> String) -> Option<String> {
    match act {
        Act::Run(_) | Act::Shell { .. } => Some(by_hand(act, fill).trim_end().to_owned()),
        Act::Install { .. } | Act::Set { .. } | Act::Ask { .. } | Act::Reboot { .. } => None,
    }
}

fn by_hand(act: &Act, fill: &dyn Fn(&str) -> String) -> String {
    let assigned = |env: &std::collections::BTreeMap<String, String>| -> Vec<String> {
        env.iter().map(|(name, value)| format!("{name}={}", quoted(&fill(value)))).collect()
    };
    match act {
        Act::Run(command) => {
            let mut words = assigned(&command.env);
            if !words.is_empty() {
                words.insert(0, "env".to_owned());
            }
            words.extend(command.argv.iter().map(|word| quoted(&fill(word))));
            let line = words.join(" ");
            match &command.folder {
                Some(folder) => format!("(cd {} && {line})\n", quoted(&folder.display().to_string())),
                None => format!("{line}\n"),
            }
        }
        Act::Shell { text, env } => {
            let mut words = assigned(env);
            words.extend(["/bin/sh -eu -c".to_owned(), quoted(text)]);
            format!("{}\n", words.join(" "))
        }
        Act::Install { from, to, .. } => {
            remark(&format!("put the plan's {} at {}", from.display(), to.display()))
        }
        Act::Set { file, settings, .. } => settings
            .iter()
            .map(|setting| {
                remark(&format!("in {}: {} = {}", file.display(), setting.path.join(" / "), setting.value))
            })
            .collect(),
        Act::Ask { text } => remark(&text.replace('\n', " ")),
        Act::Reboot { why } => remark(&format!("reboot: {}", why.replace('\n', " "))),
    }
}

/// A line that is read and not typed, whatever is in it.
fn remark(text: &str) -> String {
    format!("# {}\n", sanitise_line(text))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CommandLine;
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    fn lines(act: &Act) -> String {
        by_hand(act, &|text| with_run_time(text, "7", STARTED))
    }

    #[test]
    fn a_line_carries_the_folder_the_environment_and_the_generation_of_its_step() {
        let mut command = CommandLine::new(["take", "back", "${generation}", "$${generation}", "it's"]);
        assert_eq!(lines(&Act::Run(command.clone())), "take back 7 '${generation}' 'it'\\''s'\n");
        command.env = BTreeMap::from([
            ("LEVEL".to_owned(), "a b".to_owned()),
            ("N".to_owned(), "${generation}".to_owned()),
        ]);
        command.argv.truncate(2);
        assert_eq!(lines(&Act::Run(command.clone())), "env LEVEL='a b' N=7 take back\n");
        command.folder = Some(PathBuf::from("/a folder"));
        assert_eq!(lines(&Act::Run(command)), "(cd '/a folder' && env LEVEL='a b' N=7 take back)\n");
        let shell = Act::Shell {
            text: "echo \"$since\"".to_owned(),
            env: BTreeMap::from([("since".to_owned(), "${phase.started}".to_owned())]),
        };
        assert_eq!(lines(&shell), "since=PHASE-STARTED /bin/sh -eu -c 'echo \"$since\"'\n");
    }

    #[test]
    fn lines_of_another_user_and_of_a_time_not_yet_known_say_so_above() {
        let header = PhaseHeader {
            run: crate::model::RunId::new("r-1").expect("an id"),
            generation: crate::model::GenerationNumber(7),
            plan: crate::model::PlanName::new("plan").expect("an id"),
            revision: 1,
            digest: crate::model::Digest(String::new()),
            phase: crate::model::PhaseId::new("one").expect("an id"),
            queue: Vec::new(),
            done: Vec::new(),
            guidance: crate::model::Guidance::Unattended,
            boot: None,
            invoker: None,
            version: String::new(),
        };
        let act = Act::Run(CommandLine::new(["since", "${phase.started}"]));
        let ann = || Some(Invoker { uid: 1000, name: "ann".to_owned() });
        let root = || Some(Invoker { uid: 0, name: "root".to_owned() });
        for (who, invoker, above) in [
            (RunAs::Runner, ann(), ""),
            (RunAs::Root, ann(), "# As root:\n"),
            (RunAs::User, ann(), "# As user ann (uid 1000), not as root:\n"),
            (RunAs::User, root(), "# As root:\n"),
            (RunAs::User, None, "# As the user who started the run, not as root:\n"),
            (
                RunAs::Session,
                ann(),
                "# As user ann (uid 1000), not as root, in a terminal of that user's desktop session:\n",
            ),
        ] {
            let header = PhaseHeader { invoker, ..header.clone() };
            let step = Step {
                id: crate::model::StepId::new("step").expect("an id"),
                title: None,
                act: act.clone(),
                who,
                timeout: crate::model::Span::seconds(1),
                undo_timeout: None,
                undo: StepUndo::Act(act.clone()),
                idempotent: false,
                changes: crate::model::Changes::Machine,
                when: None,
            };
            let lines = lines_of(&step, &act, &header);
            let rest = lines.strip_prefix(above).expect("whose it is");
            assert!(rest.starts_with("# For PHASE-STARTED put the time"), "{rest}");
            assert!(rest.ends_with("\nsince PHASE-STARTED\n"), "{rest}");
        }
    }
}
