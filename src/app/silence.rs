//! Whether a file system answers, before a place on it is looked at in this process, where nobody could end the look.

use crate::check::{self, CheckWatch, LookCx};
use crate::model::{Check, CheckId, CheckReport, Look, Probe, RunAs, Span};
use crate::system::clock;
use crate::system::host::Host;
use std::collections::BTreeMap;
use std::path::Path;

/// Whoever has not answered by then is taken not to.
const LONGEST: Span = Span::seconds(10);

/// Why nobody can look there: the file system that it is on does not answer. A place on a file system of the machine's own
/// is not asked; elsewhere a child asks, which can be killed.
pub(super) fn silent(host: &Host, path: &Path) -> Option<String> {
    let began = clock::tick();
    let mut evidence = |_: &CheckId, _: &str, _: &[u8]| {};
    let mut cx = LookCx {
        host,
        today: clock::today(),
        phase_started: None,
        baseline: &BTreeMap::new(),
        cores: 1,
        watch: &mut Unwatched,
        evidence: &mut evidence,
    };
    let look = Look::Probe(Probe::Mount { path: path.to_owned() });
    let seen = check::observe(look, RunAs::Runner, LONGEST, &mut cx);
    // What is missing, or may not be seen, is said at once, and by the look that follows.
    let late = seen.is_err() && clock::since(began) >= LONGEST;
    late.then(|| format!("{}: its file system did not answer within {LONGEST}", path.display()))
}

/// Looks that nobody is shown and nobody breaks off.
pub(super) struct Unwatched;

impl CheckWatch for Unwatched {
    fn started(&mut self, _: &Check) {}
    fn judged(&mut self, _: &CheckReport) {}
    fn tick(&mut self) {}
    fn interrupted(&mut self) -> bool {
        false
    }
    fn ask(&mut self, _: &Check, _: &str) -> Option<bool> {
        None
    }
}
