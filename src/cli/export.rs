//! `switchback export`: all that explains a generation, in one file that a person can attach to a report. Changes nothing
//! but that file.

use super::args::Export;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::looking::{self, Shown};
use super::past::Past;
use super::{aftermath, out};
use crate::model::{Change, CommandLine, Event, Moment};
use crate::report;
use crate::store::{Bundle, Redactor};
use crate::system::files;
use serde_json::{Map, Value, json};
use std::path::Path;

/// A journal that is longer is cut in the middle.
const JOURNAL: u64 = 64 * 1024 * 1024;
const FORMAT: u32 = 1;

const README: &str = "\
What switchback kept of one attempt at one phase of a plan, for whoever is to find out what went wrong.

manifest.json   what it is of, on which machine, and the hash of every file
failures.json   what failed first, and apart from it what failed on the way back
show.json       every step and every check result, as `switchback show --json` tells it
baseline.json   what the checks saw before the phase
journal         what happened, a fact a line
plan.yaml       the plan
guard.log       what the guards had to say, where they said something
evidence/       what steps, checks and the system's journal said

Values that the plan names as secret, and what looks like a secret, were replaced by [redacted]. Read it all the same
before you give it away: a secret under an ordinary name, or in another encoding, is not known as one.
";

pub(crate) fn export(context: &Context, args: &Export) -> Result<Exit, CliError> {
    let Shown { folder, number, showing } = looking::shown(context, args.generation)?;
    let past = Past::of(&folder, number)?;
    let redactor = past.capsule.redactor();
    let mut bundle = Bundle::default();
    let document = |value: Value| {
        let mut value = value;
        redactor.clean_json(&mut value);
        format!("{value:#}\n")
    };
    bundle.add("README", README);
    bundle.add("show.json", document(report::show_json(&showing)));
    bundle.add("failures.json", document(report::failures_json(&showing)));
    bundle.add("baseline.json", document(baseline(&past)));
    bundle.add("journal", journal(&past, redactor)?);
    if let Ok(text) = past.capsule.plan_yaml() {
        bundle.add("plan.yaml", redactor.clean(&String::from_utf8_lossy(&text)).as_bytes());
    }
    let mut missing = Vec::new();
    let names = past.capsule.evidence_names()?;
    for name in &names {
        match past.capsule.evidence_read(name) {
            Ok(text) => bundle.add(&format!("evidence/{name}"), redactor.clean(&text).as_bytes()),
            Err(why) => missing.push(format!("evidence/{name}: {why}")),
        }
    }
    match past.capsule.guard_log() {
        Ok(None) => {}
        Ok(Some(said)) => bundle.add(aftermath::GUARD_LOG, said),
        Err(why) => missing.push(format!("{}: {why}", aftermath::GUARD_LOG)),
    }
    if !names.iter().any(|name| name == aftermath::JOURNAL) {
        match aftermath::journal(context, &past) {
            Some(said) => {
                bundle.add(&format!("evidence/{}", aftermath::JOURNAL), redactor.clean(&said).as_bytes());
            }
            None => missing
                .push("the system's journal: there is none, or it says nothing of that time".to_owned()),
        }
    }
    match closures(context, showing.changes.as_deref().unwrap_or_default()) {
        Some(said) => bundle.add("closures.txt", redactor.clean(&said).as_bytes()),
        None => {
            missing.push("a difference of closures: no Nix layer is in effect that was changed".to_owned())
        }
    }
    let manifest = manifest(context, &past, &bundle, redactor, &missing);
    bundle.add("manifest.json", document(manifest));
    write(&bundle, &args.to, number, &past)?;
    let bytes: usize = bundle.listing().iter().map(|(_, bytes, _)| bytes).sum();
    if context.json {
        let list = bundle.listing();
        let list: Vec<Value> = list
            .iter()
            .map(|(name, bytes, sha256)| json!({"name": name, "bytes": bytes, "sha256": sha256}))
            .collect();
        let to = args.to.display().to_string();
        let told =
            json!({"format": FORMAT, "generation": number, "to": to, "files": list, "missing": missing});
        out::json(context, &told);
    } else {
        let size = report::text::bytes(u64::try_from(bytes).unwrap_or(u64::MAX));
        let count = crate::model::counted(bundle.listing().len(), "file");
        out::line(context, &format!("{}: generation {number}, {count}, {size}.", args.to.display()));
        missing.iter().for_each(|what| out::line(context, &format!("not in it: {what}")));
        out::line(
            context,
            "Secrets were taken out as far as they are known as such; read it before you give it away.",
        );
    }
    Ok(Exit::Done)
}

/// What the checks saw before the phase acted.
fn baseline(past: &Past) -> Value {
    let mut seen = Map::new();
    for envelope in &past.journal.envelopes {
        if let Event::CheckJudged { moment: Moment::Baseline, report } = &envelope.event {
            let one = json!({"at": envelope.at, "outcome": report.outcome, "observed": report.observed});
            seen.insert(report.check.to_string(), one);
        }
    }
    Value::Object(seen)
}

/// The facts as they were recorded, without secrets: the hashes of the lines are those of the original.
fn journal(past: &Past, redactor: &Redactor) -> Result<String, CliError> {
    let bytes = files::read_bounded(&past.capsule.journal_path(), JOURNAL)
        .map_err(|why| CliError::new(Exit::Internal, why.to_string()))?;
    let mut clean = String::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        // A line has its hash before its fact.
        let start = line.find('{').unwrap_or(line.len());
        let (head, fact) = line.split_at(start);
        match serde_json::from_str::<Value>(fact) {
            Ok(mut fact) => {
                redactor.clean_json(&mut fact);
                clean.push_str(&format!("{head}{fact}\n"));
            }
            Err(_) => clean.push_str(&format!("{}\n", redactor.clean(line))),
        }
    }
    Ok(clean)
}

/// What Nix says that differs between what was recorded and what is there now.
fn closures(context: &Context, changes: &[Change]) -> Option<String> {
    let mut all = String::new();
    for change in changes {
        let (Some(from), Some(to)) = (&change.from, &change.to) else { continue };
        if !(from.starts_with("/nix/store/") && to.starts_with("/nix/store/")) {
            continue;
        }
        let words =
            ["nix", "--extra-experimental-features", "nix-command", "store", "diff-closures", from, to];
        let said = aftermath::said(context, CommandLine::new(words)).unwrap_or_default();
        all.push_str(&format!("{}: {from} -> {to}\n{said}\n", change.name));
    }
    (!all.is_empty()).then_some(all)
}

fn manifest(
    context: &Context,
    past: &Past,
    bundle: &Bundle,
    redactor: &Redactor,
    missing: &[String],
) -> Value {
    let header = past.state.header.as_deref();
    let list = bundle.listing();
    let list: Vec<Value> = list
        .iter()
        .map(|(name, bytes, sha256)| json!({"name": name, "bytes": bytes, "sha256": sha256}))
        .collect();
    let at = |envelope: Option<&crate::model::Envelope>| envelope.map(|envelope| envelope.at.to_string());
    json!({
        "format": FORMAT,
        "generation": past.number(),
        "plan": header.map(|header| &header.plan),
        "revision": header.map(|header| header.revision),
        "digest": header.map(|header| &header.digest),
        "phase": header.map(|header| &header.phase),
        "run": header.map(|header| &header.run),
        "recorded_by": header.map(|header| &header.version),
        "began": at(past.journal.envelopes.first()),
        "last": at(past.journal.envelopes.last()),
        "exported_on": aftermath::machine(context),
        "programs": programs(past),
        // Their values were taken out; their names are no secret.
        "taken_out": redactor.names(),
        "missing": missing,
        "files": list,
    })
}

/// The programs that the phase's checks and steps name, each with the file that the name leads to now: where that is in a
/// store, it says the version.
fn programs(past: &Past) -> Value {
    let phase = past.state.phase().and_then(|id| past.plan.phase(id));
    let mut found = Map::new();
    for name in phase.into_iter().flat_map(report::programs_of) {
        let folders = [
            "/run/wrappers/bin",
            "/run/current-system/sw/bin",
            "/usr/local/bin",
            "/usr/bin",
            "/bin",
            "/usr/sbin",
            "/sbin",
        ];
        let path = if name.starts_with('/') {
            Path::new(&name).canonicalize().ok()
        } else {
            folders.iter().find_map(|folder| Path::new(folder).join(&name).canonicalize().ok())
        };
        found.insert(name, json!(path.map(|path| path.display().to_string())));
    }
    Value::Object(found)
}

fn write(
    bundle: &Bundle,
    to: &Path,
    number: crate::model::GenerationNumber,
    past: &Past,
) -> Result<(), CliError> {
    if to.symlink_metadata().is_ok() {
        return Err(CliError::usage(format!("{} is there already", to.display()))
            .hint("nothing is written over: name a file or folder that is not there yet"));
    }
    let written = if to.extension().is_some_and(|ending| ending == "tar") {
        let at = past.journal.envelopes.last().map(|envelope| envelope.at).unwrap_or_default();
        bundle.write_tar(to, &format!("switchback-evidence-{number}"), at)
    } else {
        bundle.write_folder(to)
    };
    written.map_err(|why| {
        let source = std::error::Error::source(&why).map(ToString::to_string);
        let error = CliError::unwritten(to, why.errno()).because(why);
        source.into_iter().fold(error, CliError::because)
    })
}
