//! `switchback checks`: the named checks that a plan may use. Changes nothing.

use super::args::{Checks, ChecksVerb};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::{out, plan_file};
use crate::model::NamedCheck;
use crate::plan;
use crate::report;
use crate::system::files;
use serde_json::json;
use std::path::Path;

/// A library may be this large, in bytes.
const LIBRARY_LIMIT: u64 = 16 * 1024 * 1024;

pub(crate) fn checks(context: &Context, args: &Checks) -> Result<Exit, CliError> {
    let own = args.library.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let (checks, warnings) = plan::named_checks(&own).map_err(|why| {
        CliError::usage("a library is not valid").shown_first(plan_file::told(context, &why))
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
    out::put(&report::named_checks(&by_library, &context.out_style()));
}

fn show(context: &Context, check: &NamedCheck) {
    if context.json {
        out::json(context, check);
    } else {
        out::put(&report::named_check(check, &context.out_style()));
    }
}
