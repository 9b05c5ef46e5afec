//! The unit that acts after a reboot: set up, taken away, looked at; and what guards the phase that is open.

use crate::app::{BOOT_UNIT, Kept, TimerError, boot_unit, kept};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::out;
use crate::cli::past::Past;
use crate::cli::schedule::lingers;
use crate::engine::Stage;
use crate::model::{Event, Guarded, Manager};
use crate::report::{self, BootUnit};
use crate::store::StateFolder;
use crate::system::files::{self, Access};
use crate::system::ground::Ground;
use crate::system::guard::standing;
use crate::system::service_manager::ServiceManager;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

fn wanted(context: &Context) -> Result<BootUnit, CliError> {
    let plain = |state: &&str| !state.contains(|c: char| c.is_control() || c.is_whitespace() || c == '%');
    let state = context.state.to_str().filter(plain).ok_or_else(|| {
        let text = format!("{} cannot be named in a unit", context.state.display());
        CliError::usage(text).hint("name a state folder without blanks with `--state`")
    })?;
    Ok(BootUnit { state: state.to_owned(), user: context.host.euid != 0 })
}

const fn manager(context: &Context) -> Manager {
    if context.host.euid == 0 { Manager::System } else { Manager::User }
}

fn place(context: &Context) -> PathBuf {
    context.units().join(BOOT_UNIT)
}

pub(super) fn install(context: &Context, dry_run: bool, force: bool) -> Result<Exit, CliError> {
    let unit = wanted(context)?;
    if context.host.euid == 0 {
        // Root runs what lies there at every boot, without being asked again.
        context.judge_way(0)?;
    }
    let ground = Ground::find();
    if dry_run {
        show(context, &unit, ground);
        return Ok(Exit::Done);
    }
    match ground {
        Ground::NixOs => {
            show(context, &unit, ground);
            return Ok(Exit::Done);
        }
        Ground::Bare => {
            let error = CliError::new(Exit::Refused, "nothing can be set up here that acts after a reboot")
                .because("this machine runs no systemd");
            return Err(error.hint(
                "have `switchback guard boot` started when the machine comes up, or type `switchback resume` then",
            ));
        }
        Ground::Systemd => {}
    }
    let (path, text) = (place(context), unit.text());
    let there = fs::symlink_metadata(&path).is_ok();
    if there && !force && kept(&path, &files::sha256_bytes(text.as_bytes())) != Kept::Same {
        return Err(TimerError::Foreign(path).into());
    }
    // It runs from the state folder, which nobody else may write.
    StateFolder::create(&context.state)?;
    let folder = context.units();
    fs::create_dir_all(&folder).map_err(|why| {
        CliError::new(Exit::Refused, format!("cannot make {}", folder.display())).because(why)
    })?;
    files::write_atomic(&path, text.as_bytes(), Access { mode: 0o644, owner: None })
        .map_err(|why| CliError::new(Exit::Refused, "the unit cannot be written").because(why))?;
    let systemctl = ServiceManager::of(manager(context), &context.host);
    let enabled = systemctl.reload().and_then(|()| systemctl.enable(BOOT_UNIT));
    if let Err(why) = enabled {
        // What is not in use is not left lying about.
        let _ = fs::remove_file(&path);
        return Err(TimerError::from(why).into());
    }
    let needs_login = needs_login(context);
    if context.json {
        let mut told = document(context);
        told["installed"] = true.into();
        told["needs_login"] = needs_login.is_some().into();
        out::json(context, &told);
        return Ok(Exit::Done);
    }
    out::line(context, &format!("Installed {BOOT_UNIT}: after a reboot, what is undecided goes back."));
    if let Some(text) = needs_login {
        out::line(context, &text);
    }
    Ok(Exit::Done)
}

/// What is to be said where a user's units wait for the user.
fn needs_login(context: &Context) -> Option<String> {
    let user = &context.host.runner.name;
    (manager(context) == Manager::User && !lingers(context)).then(|| {
        format!(
            "It acts when {user} logs in; `loginctl enable-linger {user}` makes it act when the machine comes up."
        )
    })
}

/// What would be set up, as text that can be copied; as a document for programs.
fn show(context: &Context, unit: &BootUnit, ground: Ground) {
    let path = place(context);
    if context.json {
        let files = [serde_json::json!({ "path": path, "text": unit.text() })];
        let told = serde_json::json!({
            "installed": false,
            "ground": word(ground),
            "files": if ground == Ground::Systemd { &files[..] } else { &[] },
            "nix_module": (ground == Ground::NixOs).then(|| unit.nix_module()),
        });
        out::json(context, &told);
        return;
    }
    match ground {
        Ground::NixOs => {
            out::put(&unit.nix_module());
            let text = "Put this module into the configuration; `switchback guard status` tells whether it is active.";
            out::line(context, text);
        }
        Ground::Systemd => out::put(&format!("# {}\n{}", path.display(), unit.text())),
        Ground::Bare => {
            let text = format!("# No systemd runs here. Where one does, it would be\n# {}\n", path.display());
            out::put(&format!("{text}{}", unit.text()));
        }
    }
}

const fn word(ground: Ground) -> &'static str {
    match ground {
        Ground::Systemd => "systemd",
        Ground::NixOs => "nixos",
        Ground::Bare => "none",
    }
}

pub(super) fn remove(context: &Context, force: bool) -> Result<Exit, CliError> {
    let path = place(context);
    if fs::symlink_metadata(&path).is_err() {
        return Ok(out::nothing(
            context,
            &format!("Nothing to remove: {} is not there.", path.display()),
            Exit::Done,
        ));
    }
    let text = wanted(context)?.text();
    if !force && kept(&path, &files::sha256_bytes(text.as_bytes())) != Kept::Same {
        return Err(TimerError::Foreign(path).into());
    }
    let systemctl = ServiceManager::of(manager(context), &context.host);
    let disabled = systemctl.disable(BOOT_UNIT);
    fs::remove_file(&path).map_err(|why| {
        CliError::new(Exit::Refused, format!("cannot remove {}", path.display())).because(why)
    })?;
    disabled.and_then(|()| systemctl.reload()).map_err(TimerError::from)?;
    Ok(out::nothing(context, &format!("Removed {BOOT_UNIT}: nothing acts after a reboot."), Exit::Done))
}

pub(super) fn status(context: &Context) -> Result<Exit, CliError> {
    if context.json {
        out::json(context, &document(context));
        return Ok(Exit::Done);
    }
    let boot = boot_unit(&context.units(), &context.state);
    let after = match (&boot, Ground::find()) {
        (Some(unit), _) => format!("{} takes back what is undecided", unit.display()),
        (None, Ground::Systemd) => "nothing acts; `switchback guard install` sets it up".to_owned(),
        (None, Ground::NixOs) => "nothing acts; `switchback guard install` prints a module for it".to_owned(),
        (None, Ground::Bare) => "nothing acts: no systemd runs here".to_owned(),
    };
    out::put(&format!("After a reboot: {after}.\n"));
    if boot.is_some() {
        out::put(&format!("Its unit: {}.\n", unit_words(&unit_state(context))));
        let program = program(context);
        if !program.exists() {
            out::put(&format!("Its program: {} comes with the first generation.\n", program.display()));
        }
        if let Some(text) = needs_login(context) {
            out::put(&format!("{text}\n"));
        }
    }
    let open = open(context)?.map_or_else(|| "no phase is open".to_owned(), |open| open.words());
    out::put(&format!("Now: {open}.\n"));
    if let Some(why) = not_promised() {
        out::put(&format!("Not promised here: {why}.\n"));
    }
    Ok(Exit::Done)
}

/// What no guard can do on this kind of machine.
fn not_promised() -> Option<&'static str> {
    let version = fs::read_to_string("/proc/version").unwrap_or_default().to_lowercase();
    if version.contains("microsoft") {
        return Some(
            "WSL ends without warning when Windows ends it, and boots from outside of what is guarded",
        );
    }
    match Ground::find() {
        Ground::Bare => Some("a way back after a reboot, since no service manager starts it"),
        Ground::Systemd | Ground::NixOs => None,
    }
}

/// The program that the unit starts.
fn program(context: &Context) -> PathBuf {
    context.state.join("current/switchback")
}

/// What the service manager says of the unit; nothing where none is asked.
fn unit_state(context: &Context) -> Option<Result<BTreeMap<String, String>, String>> {
    if Ground::find() == Ground::Bare {
        return None;
    }
    let systemctl = ServiceManager::of(manager(context), &context.host);
    let told = systemctl.properties(BOOT_UNIT, "LoadState,UnitFileState,ActiveState,Result");
    Some(told.map_err(|why| why.to_string()))
}

fn unit_words(state: &Option<Result<BTreeMap<String, String>, String>>) -> String {
    match state {
        None => "nobody can tell, no systemd runs here".to_owned(),
        Some(Err(why)) => format!("nobody can tell, {why}"),
        Some(Ok(told)) => {
            let of =
                |name: &str| told.get(name).filter(|it| !it.is_empty()).map_or("unknown", String::as_str);
            let failed = match of("Result") {
                "success" | "unknown" => String::new(),
                why => format!(", its last run failed ({why})"),
            };
            let (load, file, active) = (of("LoadState"), of("UnitFileState"), of("ActiveState"));
            format!("{load}, {file}, {active}{failed}")
        }
    }
}

/// The phase that is open.
struct Open {
    phase: String,
    /// What was put behind it last.
    guarded: Option<Guarded>,
    /// Whether a watchdog stands now.
    stands: bool,
    /// For whom or what it waits, so that nothing takes it back meanwhile.
    waits: Option<&'static str>,
}

impl Open {
    fn words(&self) -> String {
        let phase = &self.phase;
        match (self.waits, &self.guarded, self.stands) {
            (Some(AWAITED), _, false) => {
                format!("phase {phase} awaits a reboot; nothing takes it back before")
            }
            (Some(_), _, false) => format!("phase {phase} is paused and waits for a person"),
            (_, Some(guarded), true) => {
                let by = guarded
                    .until
                    .map(|until| format!(", or should it not be decided by {}", report::text::when(until)));
                format!("phase {phase}: {}{}", report::text::guard(guarded), by.unwrap_or_default())
            }
            (None, Some(_), false) => format!("phase {phase}: no watchdog stands behind it any more"),
            (_, None, _) => format!("phase {phase} is not guarded yet"),
        }
    }
}

/// What an open phase waits for that is to go down.
const AWAITED: &str = "reboot";

fn open(context: &Context) -> Result<Option<Open>, CliError> {
    let Some(folder) = context.look_if_any()? else { return Ok(None) };
    let Some(past) = Past::current(&folder)? else { return Ok(None) };
    let Some(phase) = past.state.phase().filter(|_| past.state.finished.is_none()) else { return Ok(None) };
    let armed = past.journal.envelopes.iter().rev().find_map(|envelope| match &envelope.event {
        Event::GuardArmed(guarded) => Some(*guarded),
        _ => None,
    });
    let stands = !standing(folder.root(), past.number()).is_empty();
    let waits = if past.state.paused.is_some() {
        Some("person")
    } else {
        matches!(past.state.stage, Stage::AwaitingReboot(_)).then_some(AWAITED)
    };
    Ok(Some(Open { phase: phase.to_string(), guarded: armed.filter(|_| past.state.armed), stands, waits }))
}

fn document(context: &Context) -> serde_json::Value {
    let open = open(context).ok().flatten().map(|Open { phase, guarded, stands, waits }| {
        serde_json::json!({ "phase": phase, "guarded": guarded, "stands": stands, "waits": waits })
    });
    serde_json::json!({
        "ground": word(Ground::find()),
        "unit": unit_state(context).and_then(Result::ok),
        "program": program(context).exists(),
        "boot_unit": boot_unit(&context.units(), &context.state),
        "open": open,
        "not_promised": not_promised(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_told_as_the_service_manager_tells_it() {
        let told = |pairs: &[(&str, &str)]| {
            Some(Ok(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()))
        };
        let loaded = [("LoadState", "loaded"), ("UnitFileState", "enabled"), ("ActiveState", "inactive")];
        for (state, words) in [
            (None, "nobody can tell, no systemd runs here"),
            (Some(Err("it says no".to_owned())), "nobody can tell, it says no"),
            (told(&loaded), "loaded, enabled, inactive"),
            (told(&[&loaded[..], &[("Result", "success")]].concat()), "loaded, enabled, inactive"),
            (told(&[("LoadState", "not-found")]), "not-found, unknown, unknown"),
            (
                told(&[&loaded[..2], &[("ActiveState", "failed"), ("Result", "exit-code")]].concat()),
                "loaded, enabled, failed, its last run failed (exit-code)",
            ),
        ] {
            assert_eq!(unit_words(&state), words);
        }
    }

    #[test]
    fn a_phase_that_waits_on_purpose_is_no_alarm() {
        let open = |waits, stands| Open {
            phase: "one".to_owned(),
            guarded: Some(Guarded { kind: crate::model::GuardKind::Watchdog, until: None, at_boot: false }),
            stands,
            waits,
        };
        for (open, part) in [
            (open(Some(AWAITED), false), "phase one awaits a reboot"),
            (open(Some("person"), false), "phase one is paused"),
            (open(None, false), "no watchdog stands behind it any more"),
            (open(None, true), "phase one: a watchdog takes it back"),
        ] {
            assert!(open.words().contains(part), "{}", open.words());
        }
    }
}
