//! `--root`: a machine that does not run, mounted at a folder of the one that does.

use super::args::{Common, RescueVerb, Verb};
use super::context::{Context, usual_state_of_root};
use super::error::CliError;
use super::exit::Exit;
use super::out;
use crate::prompt::Keyboard;
use crate::system::below;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Whether a verb knows what to do with a machine that does not run.
pub(crate) fn knows(verb: &Verb) -> bool {
    match verb {
        Verb::Rescue(args) => matches!(args.verb, RescueVerb::Status | RescueVerb::Verify { .. }),
        _ => matches!(verb, Verb::Rollback(_) | Verb::Status(_) | Verb::History(_) | Verb::Show(_)),
    }
}

/// Enters the root; gives the state folder as it is called there.
pub(crate) fn enter(
    root: &Path,
    common: &Common,
    env: &BTreeMap<OsString, OsString>,
    programs: bool,
) -> Result<PathBuf, CliError> {
    let named = || env.get(OsStr::new("SWITCHBACK_STATE")).filter(|named| !named.is_empty());
    let state = match common.state.clone().or_else(|| named().map(PathBuf::from)) {
        None => usual_state_of_root(),
        Some(named) => inside(root, &named)?,
    };
    Keyboard::hold();
    let entered = below::enter(root, &state, programs);
    entered.map_err(|why| {
        CliError::new(Exit::Usage, format!("cannot work below {}", root.display())).because(why)
    })?;
    Ok(state)
}

/// A state folder that was named, as it is called below the root.
fn inside(root: &Path, named: &Path) -> Result<PathBuf, CliError> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (root, named) = (absolute(root), absolute(named));
    let plain = named.components().all(|part| part != std::path::Component::ParentDir);
    match named.strip_prefix(&root) {
        Ok(below) if plain => Ok(Path::new("/").join(below)),
        Ok(_) | Err(_) => {
            let text = format!("the state folder {} is not below {}", named.display(), root.display());
            Err(CliError::usage(text).hint(
                "what belongs to a machine is below its root; without `--state` it is looked for where root keeps it",
            ))
        }
    }
}

/// What holds for all that is said below a root.
pub(crate) fn foreword(context: &Context, programs: bool) {
    let Some(root) = &context.root else { return };
    let shown = root.display();
    out::line(
        context,
        &format!("Below {shown}: every path that follows is one of the machine that is mounted there."),
    );
    if programs {
        out::warn(
            context,
            &format!(
                "`--activate`: programs of that machine are run, each as it is named, with {shown} as their root"
            ),
        );
    }
    if below::is_read_only(&context.state) {
        let text = format!(
            "the state folder is mounted read-only: what happens from here on is remembered in memory alone, and nothing \
             is left queued for the booted machine; `mount -o remount,rw {shown}` if it can be written"
        );
        out::warn(context, &text);
    } else if below::is_read_only(Path::new("/")) {
        out::warn(context, &format!("{shown} is mounted read-only: what is on it cannot be restored"));
    }
}

/// What is left for the booted machine, once all that can be done from here is done.
pub(crate) fn afterword(context: &Context, exit: Exit) {
    let Some(root) = &context.root else { return };
    if exit != Exit::Inconsistent {
        return;
    }
    let shown = root.display();
    let text = format!(
        "What waits for the booted machine is named above, with the exact command, and stays queued in the journal below \
         {shown}: boot it, and `switchback rollback` there finishes the way back. `--activate` runs its programs now."
    );
    out::line(context, &text);
}
