//! The unit that acts after a reboot: set up, taken away, looked at; and what guards the phase that is open.

use crate::app::{Kept, Systemctl, TimerError, kept};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::out;
use crate::cli::past::Past;
use crate::model::{Event, Guarded, Manager};
use crate::report::{self, BootUnit};
use crate::store::StateFolder;
use crate::system::files::{self, Access};
use crate::system::ground::Ground;
use crate::system::guard::{BOOT_UNIT, boot_unit, standing};
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
    match Ground::find() {
        Ground::NixOs => {
            out::put(&unit.nix_module());
            let text = "Put this module into the configuration; `switchback guard status` tells whether it is active.";
            out::line(context, text);
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
    if dry_run {
        out::put(&format!("# {}\n{text}", path.display()));
        return Ok(Exit::Done);
    }
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
    let systemctl = Systemctl { host: &context.host, manager: manager(context) };
    let enabled = systemctl.reload().and_then(|()| systemctl.enable(BOOT_UNIT));
    if let Err(why) = enabled {
        // What is not in use is not left lying about.
        let _ = fs::remove_file(&path);
        return Err(why.into());
    }
    if context.json {
        out::json(context, &document(context));
    } else {
        out::line(context, &format!("Installed {BOOT_UNIT}: after a reboot, what is undecided goes back."));
    }
    Ok(Exit::Done)
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
    let systemctl = Systemctl { host: &context.host, manager: manager(context) };
    let disabled = systemctl.disable(BOOT_UNIT);
    fs::remove_file(&path).map_err(|why| {
        CliError::new(Exit::Refused, format!("cannot remove {}", path.display())).because(why)
    })?;
    disabled.and_then(|()| systemctl.reload())?;
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
    let open = match open(context)? {
        None => "no phase is open".to_owned(),
        Some((phase, Some(guarded), true)) => {
            let by = guarded
                .until
                .map(|until| format!(", or should it not be decided by {}", report::text::when(until)));
            format!("phase {phase}: {}{}", report::text::guard(&guarded), by.unwrap_or_default())
        }
        Some((phase, Some(_), false)) => format!("phase {phase}: no watchdog stands behind it any more"),
        Some((phase, None, _)) => format!("phase {phase} is not guarded yet"),
    };
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

/// The phase that is open, what was put behind it last, and whether a watchdog stands now.
fn open(context: &Context) -> Result<Option<(String, Option<Guarded>, bool)>, CliError> {
    let Some(folder) = context.look_if_any()? else { return Ok(None) };
    let Some(past) = Past::current(&folder)? else { return Ok(None) };
    let Some(phase) = past.state.phase().filter(|_| past.state.finished.is_none()) else { return Ok(None) };
    let armed = past.journal.envelopes.iter().rev().find_map(|envelope| match &envelope.event {
        Event::GuardArmed(guarded) => Some(*guarded),
        _ => None,
    });
    let stands = !standing(folder.root(), past.number()).is_empty();
    Ok(Some((phase.to_string(), armed.filter(|_| past.state.armed), stands)))
}

fn document(context: &Context) -> serde_json::Value {
    let ground = match Ground::find() {
        Ground::Systemd => "systemd",
        Ground::NixOs => "nixos",
        Ground::Bare => "none",
    };
    let open = open(context).ok().flatten().map(|(phase, guarded, stands)| {
        serde_json::json!({ "phase": phase, "guarded": guarded, "stands": stands })
    });
    serde_json::json!({
        "ground": ground,
        "boot_unit": boot_unit(&context.units(), &context.state),
        "open": open,
        "not_promised": not_promised(),
    })
}
