//! A plan from a file: read once, by somebody who may be trusted with it, and resolved.

use super::args::PlanFile;
use super::context::{Context, folder_of};
use super::error::{CliError, Complaints};
use super::exit::Exit;
use crate::model::{Setting, SettingsFormat};
use crate::plan::{self, Diagnostics, Drawing, Loaded, Misfit, Sources};
use crate::store::Approved;
use crate::system::settings::{self, SettingsError};
use crate::system::{clock, files, trust};
use std::path::{Path, PathBuf};

/// A plan may be this large; every file that it names, this much.
const PLAN_LIMIT: u64 = 1024 * 1024;
const SOURCE_LIMIT: u64 = 16 * 1024 * 1024;

/// The plan with the bytes it was made from.
pub(crate) struct Read {
    pub(crate) approved: Approved,
    pub(crate) loaded: Loaded,
}

/// What came of a plan file.
pub(crate) enum Outcome {
    Valid(Box<Read>),
    Invalid(Diagnostics),
}

struct Files<'a> {
    folder: PathBuf,
    context: &'a Context,
}

impl Sources for Files<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        read(self.context, &self.folder.join(path), SOURCE_LIMIT)
    }

    fn fits(&self, format: SettingsFormat, setting: &Setting) -> Result<(), Misfit> {
        fits(format, setting)
    }
}

/// Whether a settings file of this format can hold the setting: what cannot be written into an empty one fits in none.
pub(crate) fn fits(format: SettingsFormat, setting: &Setting) -> Result<(), Misfit> {
    settings::edit(format, "", std::slice::from_ref(setting)).map(drop).map_err(|why| match why {
        SettingsError::EmptyPath(_) => Misfit::Key("a key on the way to it is empty".to_owned()),
        SettingsError::BadPath { why, .. } => Misfit::Key(why.to_owned()),
        SettingsError::BadValue { why, .. } => Misfit::Value(why.to_owned()),
        SettingsError::NotATable { .. } | SettingsError::Malformed { .. } => Misfit::Key(why.to_string()),
    })
}

/// As root, only what nobody else may write is read; as a user, one's own risk.
fn read(context: &Context, path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    if context.host.euid == 0 {
        // Every folder on the way is judged, so the way must be known from the root on.
        let path = std::path::absolute(path).map_err(|why| format!("{}: {why}", path.display()))?;
        trust::read_trusted(&path, limit, context.host.caller).map_err(|why| why.to_string())
    } else {
        files::read_bounded(path, limit).map_err(|why| why.to_string())
    }
}

pub(crate) fn load(context: &Context, file: &PlanFile) -> Result<Outcome, CliError> {
    let overrides = file
        .set
        .iter()
        .map(|pair| {
            pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| {
                CliError::usage(format!("`--set {pair}` has no `=`")).hint("write --set NAME=VALUE")
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let path = std::path::absolute(&file.plan)
        .map_err(|why| CliError::usage(format!("{}: {why}", file.plan.display())))?;
    let bytes = read(context, &path, PLAN_LIMIT).map_err(|why| {
        let shared = why.contains("may write it") || why.contains("must belong to");
        let error = CliError::usage("the plan cannot be read").because(why);
        if shared {
            error.hint("root takes a plan only from where nobody else may write: /root, /etc")
        } else {
            error
        }
    })?;
    let text = String::from_utf8(bytes).map_err(|why| {
        CliError::usage(format!("{} is not UTF-8", file.plan.display())).because(why.utf8_error())
    })?;
    let folder = folder_of(&path);
    let sources = Files { folder: folder.clone(), context };
    let name = file.plan.display().to_string();
    Ok(from_text(context, &name, &text, &folder, &sources, &overrides))
}

/// Who loads, as plans know it.
pub(crate) fn surroundings(context: &Context, folder: &Path) -> plan::Surroundings {
    plan::Surroundings {
        home: context.host.invoker.home.display().to_string(),
        user: context.host.invoker.name.clone(),
        is_root: context.host.euid == 0,
        folder: folder.display().to_string(),
    }
}

pub(crate) fn from_text(
    context: &Context,
    name: &str,
    text: &str,
    folder: &Path,
    sources: &dyn Sources,
    overrides: &[(String, String)],
) -> Outcome {
    let around = surroundings(context, folder);
    match plan::load(name, text, sources, &around, overrides) {
        Ok(loaded) => {
            let approved = Approved { plan_yaml: text.as_bytes().to_vec(), plan: loaded.plan.clone() };
            Outcome::Valid(Box::new(Read { approved, loaded }))
        }
        Err(diagnostics) => Outcome::Invalid(diagnostics),
    }
}

/// Warns of links that bar built-in acts on this machine now, and of waivers that ended.
pub(crate) fn warn_of_today(context: &Context, read: &mut Read) {
    read.loaded.warn_of_ended_waivers(&clock::today());
    read.loaded.warn_of_places(|path, replaces| crate::app::barred_from(&context.host, path, replaces));
}

/// The plan, or its complaints as an error that was shown already.
pub(crate) fn valid(context: &Context, file: &PlanFile) -> Result<Read, CliError> {
    match load(context, file)? {
        Outcome::Valid(read) => Ok(*read),
        Outcome::Invalid(diagnostics) => {
            Err(CliError::new(Exit::Usage, format!("{} is not a valid plan", file.plan.display()))
                .hint(format!(
                    "see every complaint as JSON with `switchback lint --json {}`",
                    file.plan.display()
                ))
                .shown_first(told(context, &diagnostics)))
        }
    }
}

/// Complaints for an error.
pub(crate) fn told(context: &Context, diagnostics: &Diagnostics) -> Complaints {
    // Nothing in a complaint fails to be JSON.
    let json = serde_json::to_value(diagnostics).unwrap_or_default();
    Complaints { text: complaints(context, diagnostics), json }
}

/// Complaints as they are shown: with excerpts on a terminal, a line each in a pipe.
pub(crate) fn complaints(context: &Context, diagnostics: &Diagnostics) -> String {
    let style = context.err_style();
    diagnostics.drawn(Drawing {
        width: style.width().unwrap_or(100),
        unicode: style.unicode(),
        colour: style.colour(),
    })
}
