//! What is kept of the machine itself after a run that did not end well: what the system's journal said since the phase
//! began, and what the machine was. Evidence: nothing depends on it, and what cannot be had is left out.

use super::context::Context;
use super::past::Past;
use crate::model::{CommandLine, RunAs, Span, Timestamp, Verdict};
use crate::store::StateFolder;
use crate::system::process::{self, Spec, Unwatched};
use crate::system::release::Release;
use serde_json::{Value, json};
use std::path::Path;

/// Bytes kept of the system's journal, its beginning and its end.
const KEPT: usize = 512 * 1024;
/// So long may a program take that is only asked.
const PATIENCE: Span = Span::seconds(20);

/// The names under which it is kept.
pub(crate) const JOURNAL: &str = "system-journal";
/// The name under which the guards' log is shown and given away.
pub(crate) const GUARD_LOG: &str = "guard.log";
const MACHINE: &str = "machine.json";

/// Keeps what there is, where the newest generation went back, is inconsistent or waits for a person.
pub(crate) fn keep(context: &Context, folder: &StateFolder) {
    let Ok(Some(past)) = Past::current(folder) else { return };
    // A log that cannot be cut is long.
    let _ = past.capsule.bound_guard_log();
    let badly = match past.state.finished {
        Some(Verdict::RolledBack | Verdict::Inconsistent) => true,
        Some(Verdict::Committed | Verdict::Refused | Verdict::Resolved) => false,
        None => past.state.paused.is_some(),
    };
    if !badly {
        return;
    }
    // Evidence that cannot be kept does not decide anything.
    let machine = machine(context).to_string();
    let _ = past.capsule.evidence(MACHINE, machine.as_bytes());
    if let Some(said) = journal(context, &past) {
        let _ = past.capsule.evidence(JOURNAL, said.as_bytes());
    }
}

/// What the machine is.
pub(crate) fn machine(context: &Context) -> Value {
    let release = Release::read();
    json!({
        "switchback": env!("CARGO_PKG_VERSION"),
        "kernel": release.kernel,
        "distribution": release.distribution,
        "architecture": release.architecture,
        "boot": context.host.boot_id,
    })
}

/// What the system's journal said from the beginning of a generation to its last fact; nothing where there is none.
pub(crate) fn journal(context: &Context, past: &Past) -> Option<String> {
    let there = ["/run/systemd/journal", "/var/log/journal"].iter().any(|path| Path::new(path).is_dir());
    let envelopes = &past.journal.envelopes;
    let (first, last) = (envelopes.first()?.at, envelopes.last()?.at);
    if !there {
        return None;
    }
    let at = |at: Timestamp, more: i64| format!("@{}", at.0 / 1000 + more);
    let (since, until) = (format!("--since={}", at(first, 0)), format!("--until={}", at(last, 1)));
    let words = ["journalctl", "--no-pager", "--quiet", "--output=short-iso-precise", "--lines=20000"];
    let words = words.into_iter().map(str::to_owned).chain([since, until]);
    said(context, CommandLine::new(words))
}

/// What a program says that is only asked; nothing where it cannot be started or says nothing.
pub(crate) fn said(context: &Context, command: CommandLine) -> Option<String> {
    let (ids, env) = context.host.identity(RunAs::Runner).ok()?;
    let spec = Spec { command, env, ids, timeout: PATIENCE, keep: KEPT, input: None };
    let said = process::run(&spec, &mut Unwatched).stdout.text();
    (!said.trim().is_empty()).then_some(said)
}
