//! Steps and undos carried out: programs by the edge, files by ourselves, the rest by a person.

use super::asking::{ask, asked};
use super::front::Front;
use super::watch::{BreakOff, KeptWatch, StepWatch};
use crate::model::{
    Act, CommandLine, Part, Phase, RunAs, SettingsFormat, Span, Step, StepOutcome, StepUndo, with_run_time,
};
use crate::prompt::{Operator, Reply};
use crate::report::{self, Style};
use crate::store::SoFar;
use crate::system::accounts::Accounts;
use crate::system::files::Access;
use crate::system::host::Host;
use crate::system::place::Place;
use crate::system::process::{self, End, Ended, OwnProgram, Spec};
use crate::system::{host, settings};
use base64::Engine as _;
use std::path::Path;

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
pub(super) struct Hands<'a, 'b, 'c> {
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
    /// When its whole process group is killed.
    pub(super) timeout: Span,
    /// When a person's interrupts end a running program.
    pub(super) ends: BreakOff,
    /// Keeps what is printed while it is.
    pub(super) so_far: Option<&'a mut SoFar<'c>>,
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

impl Hands<'_, '_, '_> {
    /// Carries out one act.
    pub(super) fn act(&mut self, act: &Act) -> Acted {
        let (who, timeout) = (self.step.who, self.timeout);
        match act {
            Act::Run(command) => self.run(self.filled(command), who, timeout, None),
            Act::Shell { text, env } => {
                let mut command = CommandLine::new(["/bin/sh", "-eu", "-c", text]);
                command.env = env.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect();
                self.run(command, who, timeout, None)
            }
            Act::Install { .. } | Act::Set { .. } => self.by_hand(act, who, timeout),
            // The engine goes on from there itself: nothing is left to do.
            Act::Reboot { .. } => StepOutcome::Done.into(),
            Act::Ask { text } => match self.ask(text) {
                Reply::Yes => StepOutcome::Done.into(),
                Reply::No => StepOutcome::Declined.into(),
                Reply::Interrupted => StepOutcome::Interrupted.into(),
                Reply::Nobody => {
                    StepOutcome::NotStarted(format!("nobody is there to do this: {text}")).into()
                }
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
            Err(why) => return StepOutcome::NotStarted(why.to_string()).into(),
        };
        let spec = Spec { command, env, ids, timeout, keep: KEEP, input };
        let step = StepWatch { desk: self.front, ends: self.ends };
        let ended = process::run(&spec, &mut KeptWatch { step, so_far: self.so_far.as_deref_mut() });
        let outcome = match &ended.end {
            End::Process(crate::model::ProcessEnd::Exited(0)) => StepOutcome::Done,
            End::Process(end) => StepOutcome::Failed(*end),
            End::TimedOut(after) => StepOutcome::TimedOut(*after),
            End::Interrupted => StepOutcome::Interrupted,
            End::NotStarted(why) => StepOutcome::NotStarted(why.clone()),
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
                return StepOutcome::NotStarted(host::IdentityError::NotRoot(self.host.euid).to_string())
                    .into();
            }
            return match do_by_hand(act) {
                Ok(()) => StepOutcome::Done.into(),
                Err(why) => StepOutcome::Broken(why).into(),
            };
        }
        let input = match serde_json::to_vec(act) {
            Ok(input) => input,
            Err(why) => return StepOutcome::NotStarted(why.to_string()).into(),
        };
        let own = match OwnProgram::for_any_user() {
            Ok(own) => own,
            Err(why) => {
                return StepOutcome::Broken(format!("this program, as another user: {why}")).into();
            }
        };
        self.run(CommandLine::new([own.name().as_str(), "hands"]), who, timeout, Some(input))
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
            Act::Run(_) | Act::Shell { .. } | Act::Ask { .. } | Act::Reboot { .. } => None,
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
            // A link gives way: the layers record it as a link and put it back as one.
            let place = Place::open_to_replace(to).map_err(|why| why.to_string())?;
            place.write(&bytes, Access { mode: *mode, owner }, None).map_err(|why| why.to_string())
        }
        Act::Set { file, format, settings } => set(file, *format, settings),
        Act::Run(_) | Act::Shell { .. } | Act::Ask { .. } | Act::Reboot { .. } => {
            Err("only `install` and `set` are built in".to_owned())
        }
    }
}

fn ids_of(to: &Path, owner: &str) -> Result<(u32, u32), String> {
    Accounts::read().owner(owner).map_err(|why| format!("owner of {}: {why}", to.display()))
}

fn set(file: &Path, format: SettingsFormat, settings: &[crate::model::Setting]) -> Result<(), String> {
    let place = Place::open(file).map_err(|why| why.to_string())?;
    let (before, access, attributes) = match place.read(SETTINGS_LIMIT).map_err(|why| why.to_string())? {
        Some(found) => {
            let text =
                String::from_utf8(found.bytes).map_err(|_| format!("{} is not UTF-8", file.display()))?;
            (Some(text), found.access, Some(found.attributes))
        }
        None => (None, Access { mode: 0o644, owner: None }, None),
    };
    let after = settings::edit(format, before.as_deref().unwrap_or_default(), settings)
        .map_err(|why| format!("{}: {why}", file.display()))?;
    if before.as_ref() == Some(&after) {
        return Ok(());
    }
    place.write(after.as_bytes(), access, attributes.as_ref()).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Setting, Value};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    fn world() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().canonicalize().expect("its path");
        (folder, path)
    }

    fn set_in(file: PathBuf) -> Act {
        let settings =
            vec![Setting { path: vec!["Group".to_owned(), "Key".to_owned()], value: Value::from("new") }];
        Act::Set { file, format: SettingsFormat::Ini, settings }
    }

    fn install_to(to: &Path) -> Act {
        Act::Install {
            from: PathBuf::from("beside"),
            content: "bmV3".to_owned(),
            to: to.to_owned(),
            mode: 0o644,
            owner: None,
        }
    }

    #[test]
    fn install_takes_the_place_of_a_link_and_leaves_what_it_led_to() {
        let (_guard, top) = world();
        std::fs::write(top.join("real"), "old").expect("a file");
        symlink("real", top.join("mine")).expect("a link");
        do_by_hand(&install_to(&top.join("mine"))).expect("installed");
        assert_eq!(std::fs::read_to_string(top.join("real")).expect("read"), "old");
        assert!(!top.join("mine").is_symlink());
        assert_eq!(std::fs::read_to_string(top.join("mine")).expect("read"), "new");
    }

    #[test]
    fn neither_set_nor_install_reaches_a_file_through_a_link() {
        let (_guard, top) = world();
        std::fs::create_dir(top.join("w")).expect("a folder");
        std::fs::write(top.join("w/secret.ini"), "[Group]\nKey=old\n").expect("a file");
        symlink(top.join("w/secret.ini"), top.join("mine.ini")).expect("a link");
        symlink(top.join("w"), top.join("dir")).expect("a link");
        let through = top.join("dir/secret.ini");
        for act in [set_in(top.join("mine.ini")), set_in(through.clone()), install_to(&through)] {
            let why = do_by_hand(&act).expect_err("a link");
            assert!(why.contains(" is a link to ") && why.ends_with("name the real file"), "{why}");
        }
        assert_eq!(std::fs::read_to_string(top.join("w/secret.ini")).expect("read"), "[Group]\nKey=old\n");
        assert!(top.join("mine.ini").is_symlink());
    }

    #[test]
    fn set_keeps_mode_and_attributes_and_makes_a_file_that_is_not_there() {
        let (_guard, top) = world();
        let file = top.join("app.ini");
        do_by_hand(&set_in(file.clone())).expect("made");
        std::fs::write(&file, "[Group]\nKey=old\n").expect("an older one");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("mode");
        let marked = xattr::set(&file, "user.colour", b"blue").is_ok();
        do_by_hand(&set_in(file.clone())).expect("set");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "[Group]\nKey=new\n");
        assert_eq!(std::fs::metadata(&file).expect("meta").permissions().mode() & 0o7777, 0o600);
        assert_eq!(xattr::get(&file, "user.colour").ok().flatten().is_some(), marked);
    }

    #[test]
    fn set_refuses_a_file_with_a_second_name() {
        let (_guard, top) = world();
        std::fs::write(top.join("app.ini"), "").expect("a file");
        std::fs::hard_link(top.join("app.ini"), top.join("other.ini")).expect("a second name");
        let why = do_by_hand(&set_in(top.join("app.ini"))).expect_err("two names");
        assert!(why.contains("has 2 names (hard links)"), "{why}");
    }
}
