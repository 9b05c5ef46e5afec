//! What the program of a step left when it was over: what it printed, and who was ended with it.

use crate::store::{Capsule, SoFar};
use crate::system::process::Ended;
use std::fmt::Write as _;

/// Keeps it in the capsule. What was kept while it ran gives way where all of it could be kept; evidence that cannot be
/// decides nothing.
pub(super) fn keep(capsule: &Capsule, stem: &str, ended: &Ended, so_far: Option<SoFar<'_>>) {
    let mut whole = true;
    for (name, stream) in [("out", &ended.stdout), ("err", &ended.stderr)] {
        if stream.total > 0 {
            whole &= capsule.evidence(&format!("{stem}.{name}"), stream.text().as_bytes()).is_ok();
        }
    }
    if !ended.left.is_empty() {
        let mut text = String::from("ended with the step, which had left them running:\n");
        for stray in &ended.left {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{stray}");
        }
        // It is said on the line, too.
        let _ = capsule.evidence(&format!("{stem}.left"), text.as_bytes());
    }
    if whole {
        so_far.into_iter().for_each(SoFar::give_way);
    }
}
