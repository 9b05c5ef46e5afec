//! `switchback lint`: says what is wrong or unwise in a plan. Changes nothing.

use super::args::PlanFile;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::out;
use super::plan_file::{self, Outcome};
use crate::model::counted;

pub(crate) fn lint(context: &Context, file: &PlanFile) -> Result<Exit, CliError> {
    let context = &context.acting_for(file.user.as_deref())?;
    match plan_file::load(context, file)? {
        Outcome::Valid(mut read) => {
            plan_file::warn_of_today(context, &mut read);
            let warnings = &read.loaded.warnings;
            if context.json {
                out::json(context, warnings);
            } else {
                out::put(&plan_file::complaints(context, warnings));
                let plan = &read.loaded.plan;
                let count = warnings.len();
                let about = match count {
                    0 => "no complaint".to_owned(),
                    count => format!("valid, with {}", counted(count, "warning")),
                };
                out::line(
                    context,
                    &format!(
                        "{}: {about} (plan {}, revision {}, digest {})",
                        file.plan.display(),
                        plan.name,
                        plan.revision,
                        plan.digest.short()
                    ),
                );
            }
            Ok(Exit::Done)
        }
        Outcome::Invalid(diagnostics) => {
            if context.json {
                out::json(context, &diagnostics);
            } else {
                out::complain(&plan_file::complaints(context, &diagnostics));
            }
            Ok(Exit::Usage)
        }
    }
}
