//! `switchback checks`: the named checks that a plan may use. Changes nothing.

use super::args::{Checks, ChecksVerb};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::{out, plan_file};
use crate::model::Value;
use crate::plan::{self, NamedCheck};
use crate::system::files;
use serde_json::json;
use std::path::Path;

/// A library may be this large, in bytes.
const LIBRARY_LIMIT: u64 = 16 * 1024 * 1024;

pub(crate) fn checks(context: &Context, args: &Checks) -> Result<Exit, CliError> {
    let own = args.library.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let (checks, warnings) = plan::named_checks(&own).map_err(|why| {
        CliError::usage("a library is not valid").shown_first(plan_file::complaints(context, &why))
    })?;
    match &args.verb {
        None | Some(ChecksVerb::List) => {
            if !context.json {
                out::complain(&plan_file::complaints(context, &warnings));
            }
            list(context, &checks);
        }
        Some(ChecksVerb::Show { name }) => {
            let check = checks.iter().find(|check| check.name == *name).ok_or_else(|| {
                let like = |check: &&NamedCheck| check.name.contains(name.as_str());
                let near: Vec<&str> = checks.iter().filter(like).map(|check| check.name.as_str()).collect();
                let error = CliError::usage(format!("there is no check `{name}`"));
                if near.is_empty() {
                    error.hint("`switchback checks` lists them")
                } else {
                    error.hint(format!("did you mean {}?", near.join(", ")))
                }
            })?;
            show(context, check);
        }
    }
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<(String, String), CliError> {
    let name = path.display().to_string();
    let unreadable = || CliError::usage(format!("cannot read {name}"));
    let bytes = files::read_bounded(path, LIBRARY_LIMIT).map_err(|why| unreadable().because(why))?;
    let text = String::from_utf8(bytes).map_err(|why| unreadable().because(why.utf8_error()))?;
    Ok((name, text))
}

fn list(context: &Context, checks: &[NamedCheck]) {
    if context.json {
        out::json(context, &json!({"checks": checks}));
        return;
    }
    let mut by_library: Vec<&NamedCheck> = checks.iter().collect();
    by_library.sort_by(|one, other| (&one.library, &one.name).cmp(&(&other.library, &other.name)));
    let wide = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut library = "";
    for check in by_library {
        if check.library != library {
            library = &check.library;
            out::line(context, library);
        }
        let instead = check.shadows.as_ref().map_or_else(String::new, |it| format!(" (in place of {it})"));
        out::line(context, &format!("  {:wide$}  {}{instead}", check.name, check.about));
    }
}

fn show(context: &Context, check: &NamedCheck) {
    if context.json {
        out::json(context, check);
        return;
    }
    out::line(context, &format!("{} ({})", check.name, check.library));
    out::line(context, &format!("  {}", check.about));
    if let Some(shadowed) = &check.shadows {
        out::line(context, &format!("  goes before the check of that name in {shadowed}"));
    }
    for parameter in &check.parameters {
        let default = parameter
            .default
            .as_ref()
            .map_or_else(|| "must be stated".to_owned(), |it| format!("default {it}"));
        let text = format!("  {}: {}; {} ({default})", parameter.name, parameter.about, parameter.expects);
        out::line(context, &text);
    }
    let fields = check.check.as_object().into_iter().flatten();
    for (field, value) in fields {
        let words = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        out::line(context, &format!("  {field}: {words}"));
    }
}
