//! Steps and undos carried out: programs by the edge, files by ourselves, the rest by a person.

use super::executor::{ask, asked};
use super::session::Front;
use super::watch::StepWatch;
use crate::model::{
    Act, CommandLine, Part, Phase, RunAs, SettingsFormat, Span, Step, StepOutcome, StepUndo, with_run_time,
};
use crate::prompt::{Operator, Reply};
use crate::report::{self, Style};
use crate::system::accounts::Accounts;
use crate::system::files::{self, Access};
use crate::system::host::Host;
use crate::system::process::{self, End, Ended, Spec};
use crate::system::{host, settings};
use base64::Engine as _;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes kept of each stream of a step.
const KEEP: usize = 256 * 1024;
/// The largest settings file that a `set` step edits.
const SETTINGS_LIMIT: u64 = 16 * 1024 * 1024;

/// What is known only at run time.
pub(super) struct RunTime {
    pub(super) generation: String,
    pub(super) phase_started: String,
}

/// What carrying out an act needs.
pub(super) struct Hands<'a, 'b> {
    /// The machine.
    pub(super) host: &'a Host,
    /// Where notices go and interrupts come from.
    pub(super) front: &'a mut Front<'b>,
    /// Who is asked.
    pub(super) operator: &'a mut dyn Operator,
    /// How questions are shown.
    pub(super) style: &'a Style,
    /// The step that acts, or whose undo does.
    pub(super) step: &'a Step,
    /// Values that are known only at run time: `${generation}`, `${phase.started}`.
    pub(super) values: &'a RunTime,
    /// Whether a second interrupt ends a running program; not on the way back.
    pub(super) may_end: bool,
}

/// How an act ended, and what its program printed.
pub(super) struct Acted {
    pub(super) outcome: StepOutcome,
    pub(super) printed: Option<Ended>,
}

impl From<StepOutcome> for Acted {
    fn from(outcome: StepOutcome) -> Self {
        Self { outcome, printed: None }
    }
}

impl Hands<'_, '_> {
    /// Carries out one act.
    pub(super) fn act(&mut self, act: &Act) -> Acted {
        let (who, timeout) = (self.step.who, self.step.timeout);
        match act {
            Act::Run(command) => self.run(self.filled(command), who, timeout, None),
            Act::Shell { text, env } => {
                let mut command = CommandLine::new(["/bin/sh", "-eu", "-c", text]);
                command.env = env.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect();
                self.run(command, who, timeout, None)
            }
            Act::Install { .. } | Act::Set { .. } => self.by_hand(act, who, timeout),
            Act::Ask { text } => match self.ask(text) {
                Reply::Yes => StepOutcome::Done.into(),
                Reply::No => StepOutcome::Declined.into(),
                Reply::Interrupted => StepOutcome::Interrupted.into(),
                Reply::Nobody => StepOutcome::Broken(format!("nobody is there to do this: {text}")).into(),
            },
        }
    }

    fn ask(&mut self, what: &str) -> Reply {
        let question = asked(report::question::ask_step(self.step, what, self.style));
        ask(self.front, |operator| operator.yes(&question), self.operator)
    }

    fn run(&mut self, command: CommandLine, who: RunAs, timeout: Span, input: Option<Vec<u8>>) -> Acted {
        let (ids, env) = match self.host.identity(who) {
            Ok(identity) => identity,
            Err(why) => return StepOutcome::Broken(why.to_string()).into(),
        };
        let spec = Spec { command, env, ids, timeout, keep: KEEP, input };
        let ended = process::run(&spec, &mut StepWatch { desk: self.front, may_end: self.may_end });
        let outcome = match &ended.end {
            End::Process(crate::model::ProcessEnd::Exited(0)) => StepOutcome::Done,
            End::Process(end) => StepOutcome::Failed(*end),
            End::TimedOut(after) => StepOutcome::TimedOut(*after),
            End::Interrupted => StepOutcome::Interrupted,
            End::NotStarted(why) => StepOutcome::Broken(why.clone()),
        };
        Acted { outcome, printed: Some(ended) }
    }

    /// A built-in act. For another user it is done by a child with that user's ids, so that root never follows a
    /// path that the user can bend.
    fn by_hand(&mut self, act: &Act, who: RunAs, timeout: Span) -> Acted {
        let other = match who {
            RunAs::Runner | RunAs::Root => false,
            RunAs::User | RunAs::Session => self.host.euid == 0 && self.host.invoker.ids.uid != 0,
        };
        if !other {
            if who == RunAs::Root && self.host.euid != 0 {
                return StepOutcome::Broken(host::IdentityError::NotRoot(self.host.euid).to_string()).into();
            }
            return match do_by_hand(act) {
                Ok(()) => StepOutcome::Done.into(),
                Err(why) => StepOutcome::Broken(why).into(),
            };
        }
        let input = match serde_json::to_vec(act) {
            Ok(input) => input,
            Err(why) => return StepOutcome::Broken(why.to_string()).into(),
        };
        self.run(CommandLine::new(["/proc/self/exe", "hands"]), who, timeout, Some(input))
    }

    fn filled(&self, command: &CommandLine) -> CommandLine {
        CommandLine {
            argv: command.argv.iter().map(|word| self.fill(word)).collect(),
            env: command.env.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect(),
            folder: command.folder.clone(),
        }
    }

    fn fill(&self, text: &str) -> String {
        with_run_time(text, &self.values.generation, &self.values.phase_started)
    }
}

/// The files that the built-in acts of a phase put in place.
pub(super) fn targets(phase: &Phase) -> impl Iterator<Item = &Path> {
    [Part::Apply, Part::Commit, Part::Rollback]
        .into_iter()
        .flat_map(|part| phase.steps(part))
        .flat_map(|step| {
            let undo = if let StepUndo::Act(act) = &step.undo { Some(act) } else { None };
            [Some(&step.act), undo]
        })
        .flatten()
        .filter_map(|act| match act {
            Act::Install { to: file, .. } | Act::Set { file, .. } => Some(file.as_path()),
            Act::Run(_) | Act::Shell { .. } | Act::Ask { .. } => None,
        })
}

/// Carries out an `install` or `set` act in this process.
///
/// # Errors
/// Which file could not be put in place, and why.
pub fn do_by_hand(act: &Act) -> Result<(), String> {
    match act {
        Act::Install { content, to, mode, owner, .. } => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(content)
                .map_err(|why| format!("the plan's content for {}: {why}", to.display()))?;
            let owner = owner.as_deref().map(|owner| ids_of(to, owner)).transpose()?;
            files::write_atomic(to, &bytes, Access { mode: *mode, owner }).map_err(|why| why.to_string())
        }
        Act::Set { file, format, settings } => set(file, *format, settings),
        Act::Run(_) | Act::Shell { .. } | Act::Ask { .. } => {
            Err("only `install` and `set` are built in".to_owned())
        }
    }
}

fn ids_of(to: &Path, owner: &str) -> Result<(u32, u32), String> {
    Accounts::read().owner(owner).map_err(|why| format!("owner of {}: {why}", to.display()))
}

fn set(file: &PathBuf, format: SettingsFormat, settings: &[crate::model::Setting]) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    // A settings file that is a link (dotfiles often are) is edited where it lies.
    let (real, before, mode, owner) = match std::fs::canonicalize(file) {
        Ok(real) => {
            let about = std::fs::metadata(&real).map_err(|why| format!("{}: {why}", real.display()))?;
            let bytes = files::read_bounded(&real, SETTINGS_LIMIT).map_err(|why| why.to_string())?;
            let text = String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", real.display()))?;
            (real, text, about.mode() & 0o7777, Some((about.uid(), about.gid())))
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => (file.clone(), String::new(), 0o644, None),
        Err(why) => return Err(format!("{}: {why}", file.display())),
    };
    let after =
        settings::edit(format, &before, settings).map_err(|why| format!("{}: {why}", real.display()))?;
    if after == before && owner.is_some() {
        return Ok(());
    }
    files::write_atomic(&real, after.as_bytes(), Access { mode, owner }).map_err(|why| why.to_string())
}
