//! What a validation found is kept for trends. Nothing depends on it, so that a failure is said and no error.

use super::context::Context;
use super::out;
use crate::app::findings_of;
use crate::model::{Occasion, Plan, Validation};
use crate::report;
use crate::store::{FINDINGS, StateFolder, StoreError};
use crate::system::sanitise::sanitise;

/// Keeps it where there is a state folder, be it one that somebody made and nothing is in; none is made for it.
/// Whether it is kept.
pub(crate) fn keep(context: &Context, validation: &Validation, plan: &Plan, occasion: Occasion) -> bool {
    let folder = match context.look_if_any() {
        Ok(Some(folder)) => folder,
        Ok(None) if context.state.is_dir() => match StateFolder::create(&context.state) {
            Ok(folder) => folder,
            Err(why) => {
                lost("what was found is not kept", &why);
                return false;
            }
        },
        Ok(None) => {
            let state = context.state.display().to_string();
            let words = ["mkdir", "-p", "-m", "700", state.as_str()].map(str::to_owned);
            let make = report::shell_words(&words);
            let text = format!(
                "what was found is not kept for `switchback trend`: there is no state folder {state}; `{make}` makes one"
            );
            out::complain(&format!("note: {}\n", sanitise(&text).replace('\n', " ")));
            return false;
        }
        // It was looked into before, and that was refused with these words.
        Err(_) => return false,
    };
    let found = findings_of(validation, plan, occasion);
    match folder.keep_findings(&found, FINDINGS) {
        Ok(false) => true,
        Ok(true) => {
            said("history.db was damaged or of another version: it was moved aside and made again");
            true
        }
        Err(why) => {
            lost("what was found is not kept", &why);
            false
        }
    }
}

/// Says what of the database could not be used, and goes on.
pub(crate) fn lost(what: &str, why: &StoreError) {
    let cause = std::error::Error::source(why).map(|cause| format!(": {cause}")).unwrap_or_default();
    let text = if why.is_busy() { "history.db is in use".to_owned() } else { format!("{why}{cause}") };
    said(&format!("{what}: {text}"));
}

/// A line on standard error: reports on standard output stay whole.
pub(crate) fn said(text: &str) {
    out::complain(&format!("warning: {}\n", sanitise(text).replace('\n', " ")));
}
