//! What a validation found is kept for trends. Nothing depends on it, so that a failure is said and no error.

use super::context::Context;
use super::out;
use crate::app::findings_of;
use crate::model::{Occasion, Plan, Validation};
use crate::store::{FINDINGS, StateFolder, StoreError};
use crate::system::sanitise::sanitise;

/// Keeps it where there is a state folder, be it one that somebody made and nothing is in; none is made for it.
pub(crate) fn keep(context: &Context, validation: &Validation, plan: &Plan, occasion: Occasion) {
    let folder = match context.look_if_any() {
        Ok(Some(folder)) => folder,
        Ok(None) if context.state.is_dir() => match StateFolder::create(&context.state) {
            Ok(folder) => folder,
            Err(why) => return lost("what was found is not kept", &why),
        },
        Ok(None) | Err(_) => return,
    };
    let found = findings_of(validation, plan, occasion);
    match folder.keep_findings(&found, FINDINGS) {
        Ok(false) => {}
        Ok(true) => said("history.db was damaged or of another version: it was moved aside and made again"),
        Err(why) => lost("what was found is not kept", &why),
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
