//! `switchback schedule`: the timer that validates while a phase soaks.

use super::args::{Schedule, ScheduleInstall, ScheduleVerb};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::past::Past;
use super::{keep, out, reports};
use crate::app::{self, Kept, TimerError, Units};
use crate::model::{Manager, Occasion, Rhythm, Span, Timer};
use crate::report::{self, Line, Tone};
use crate::store::{FindingFilter, StateFolder, Timetable, Wishes};
use crate::system::ground::Ground;
use crate::system::service_manager::ServiceManager;
use crate::system::{clock, files, program, trust};
use std::path::{Path, PathBuf};

const NAME: &str = "switchback-validate";
/// Where neither the person nor the plan says how often.
const USUAL: Span = Span::seconds(3600);

pub(crate) fn schedule(context: &Context, args: &Schedule) -> Result<Exit, CliError> {
    match &args.verb {
        ScheduleVerb::Install(args) => install(context, args),
        ScheduleVerb::Remove { force } => remove(context, *force),
        ScheduleVerb::Status => status(context),
    }
}

impl From<TimerError> for CliError {
    fn from(why: TimerError) -> Self {
        let cause = std::error::Error::source(&why).map(ToString::to_string);
        let text = why.to_string();
        let error = match &why {
            TimerError::Foreign(_) => {
                Self::new(Exit::Refused, text).hint("look at it; `--force` goes on all the same")
            }
            TimerError::Manager(refused) => {
                let error =
                    Self::new(Exit::Refused, text).because("nothing is left of what was to be set up");
                match refused.whose {
                    Manager::User => error.hint(
                        "without a session there is no user manager: `loginctl enable-linger` starts one",
                    ),
                    Manager::System => error,
                }
            }
            TimerError::File(_) | TimerError::Io { .. } => Self::new(Exit::Refused, text),
            TimerError::Store(_) => Self::new(Exit::Internal, text),
        };
        cause
            .into_iter()
            .filter(|cause| !error.text.contains(cause.as_str()))
            .fold(error.clone(), Self::because)
    }
}

/// What is to be set up, and where.
struct Wanted {
    timer: Timer,
    manager: Manager,
    units: Units,
    /// How often it would come by a person's word, the plan's, or as usual.
    by: &'static str,
}

fn wanted(context: &Context, wishes: &Wishes, manager: Manager) -> Result<Wanted, CliError> {
    let state =
        context.state.to_str().filter(|state| !state.contains(char::is_control)).ok_or_else(|| {
            let text = format!("{} cannot be named in a unit", context.state.display());
            CliError::usage(text).hint("name a state folder in plain text with `--state`")
        })?;
    let lost = |why| CliError::new(Exit::Internal, "nobody knows where this program lies").because(why);
    let program = program::lasting_path(&context.host.path).map_err(lost)?;
    let program = program.to_str().filter(|name| !name.contains(char::is_control));
    let program = program
        .ok_or_else(|| CliError::new(Exit::Refused, "this program's own path cannot be named in a unit"))?;
    let of_plan = || plan_every(context);
    let (rhythm, by) = match (&wishes.calendar, wishes.every) {
        (Some(calendar), _) => (Rhythm::calendar(calendar), "as asked"),
        (None, Some(every)) => (Rhythm::every(every), "as asked"),
        (None, None) => match of_plan() {
            Some(every) => (Rhythm::every(every), "by the plan's `soak.every`"),
            None => (Rhythm::every(USUAL), "as usual"),
        },
    };
    let mut argv = [program, "--state", state, "validate", "--scheduled"].map(str::to_owned).to_vec();
    argv.extend(wishes.reports.iter().flat_map(|report| ["--report".to_owned(), report.clone()]));
    let user = manager == Manager::User;
    let timer = Timer { name: name(context), argv, rhythm, user };
    let folder = match manager {
        Manager::System => PathBuf::from("/etc/systemd/system"),
        Manager::User => context.config_home().join("systemd/user"),
    };
    let units = Units::of(&timer, &folder);
    Ok(Wanted { timer, manager, units, by })
}

/// Units of two state folders have two names.
fn name(context: &Context) -> String {
    if context.state == context.usual_state {
        return NAME.to_owned();
    }
    let hash = files::sha256_bytes(context.state.as_os_str().as_encoded_bytes()).0;
    format!("{NAME}-{}", hash.get(..8).unwrap_or_default())
}

/// The shortest `soak.every` of the plan that was run last.
fn plan_every(context: &Context) -> Option<Span> {
    let folder = context.look_if_any().ok()??;
    let past = Past::current(&folder).ok()??;
    past.plan.phases.iter().filter_map(|phase| phase.soak?.every).min()
}

fn install(context: &Context, args: &ScheduleInstall) -> Result<Exit, CliError> {
    let manager = if args.user || context.host.euid != 0 { Manager::User } else { Manager::System };
    let wishes = wishes_of(context, args)?;
    let wanted = wanted(context, &wishes, manager)?;
    let ground = Ground::find();
    if args.dry_run {
        show(context, &wanted, ground);
        return Ok(Exit::Done);
    }
    if context.host.euid == 0 && manager == Manager::System {
        let program = wanted.timer.argv.first().map(PathBuf::from).unwrap_or_default();
        // Whoever calls root now does not call it each time: it must be nobody's but root's.
        trust::judge_file(&program, 0).map_err(|why| {
            CliError::new(Exit::Refused, "root would start by itself what others may replace")
                .because(why)
                .hint("install the program where only root writes, and call it there")
        })?;
    }
    let folder = StateFolder::create(&context.state)?;
    let mut timetable = Timetable::new(clock::now(), wanted.timer.name.clone(), wanted.manager, wishes);
    if ground != Ground::Systemd {
        timetable.by_hand = true;
        folder.keep_timetable(&timetable)?;
        show(context, &wanted, ground);
        return Ok(if ground == Ground::NixOs { Exit::Done } else { Exit::Paused });
    }
    let systemctl = ServiceManager::of(manager, &context.host);
    app::install(&folder, timetable, &wanted.units, &systemctl, args.force)?;
    if context.json {
        let mut document = described(&wanted, ground);
        document["installed"] = true.into();
        out::json(context, &document);
        return Ok(Exit::Done);
    }
    let timer = format!("{}.timer", wanted.timer.name);
    out::line(context, &format!("Installed {timer}: {}.", often(&wanted)));
    if let Ok(properties) = systemctl.properties(&timer, "NextElapseUSecRealtime")
        && let Some(next) = properties.get("NextElapseUSecRealtime").filter(|next| !next.is_empty())
    {
        out::line(context, &format!("Next: {next}."));
    }
    if manager == Manager::User && !lingers(context) {
        let user = &context.host.runner.name;
        out::line(
            context,
            &format!(
                "It runs while {user} is logged in; `loginctl enable-linger {user}` makes it run always."
            ),
        );
    }
    Ok(Exit::Done)
}

fn wishes_of(context: &Context, args: &ScheduleInstall) -> Result<Wishes, CliError> {
    let every = args.every.as_deref().map(|text| {
        let span = Span::parse(text).filter(|span| *span != Span::ZERO);
        span.ok_or_else(|| {
            CliError::usage(format!("`--every {text}` is no length of time")).hint("write 30m, 1h or 1d")
        })
    });
    let every = every.transpose()?;
    if let Some(text) = &args.on_calendar {
        let plain = |c: char| c.is_ascii_alphanumeric() || " *:,./~-_+".contains(c);
        if text.trim().is_empty() || !text.chars().all(plain) {
            return Err(CliError::usage(format!("`--on-calendar {text}` is no calendar"))
                .hint("`systemd-analyze calendar` tells what systemd reads"));
        }
    }
    if let Some(command) = args.notify.first() {
        let path = Path::new(command);
        let found = if command.contains('/') {
            path.is_absolute() && path.is_file()
        } else {
            std::env::split_paths(&context.host.path).any(|folder| folder.join(command).is_file())
        };
        if !found {
            let text = format!("there is no program `{command}` to tell anybody with");
            return Err(CliError::usage(text).hint("name it with its whole path"));
        }
    }
    Ok(Wishes {
        every,
        calendar: args.on_calendar.clone(),
        tags: args.tag.clone(),
        always: args.always,
        quiet: args.no_desktop,
        notify: args.notify.clone(),
        reports: reports::lasting(context, &args.report)?,
    })
}

/// Whether the user's manager runs without a session.
pub(crate) fn lingers(context: &Context) -> bool {
    Path::new("/var/lib/systemd/linger").join(&context.host.runner.name).exists()
}

fn often(wanted: &Wanted) -> String {
    let delay = wanted.timer.rhythm.delay;
    let chance = if delay == Span::ZERO { String::new() } else { format!(", up to {delay} later by chance") };
    match wanted.timer.rhythm.every {
        Some(every) => format!("every {every} {}{chance}", wanted.by),
        None => format!("{} {}{chance}", wanted.timer.rhythm.calendar, wanted.by),
    }
}

fn described(wanted: &Wanted, ground: Ground) -> serde_json::Value {
    let files: Vec<serde_json::Value> = wanted
        .units
        .files
        .iter()
        .map(|(path, text)| serde_json::json!({"path": path, "text": text}))
        .collect();
    serde_json::json!({
        "installed": false,
        "name": wanted.timer.name,
        "manager": wanted.manager,
        "ground": match ground { Ground::Systemd => "systemd", Ground::NixOs => "nixos", Ground::Bare => "none" },
        "calendar": wanted.timer.rhythm.calendar,
        "every_ms": wanted.timer.rhythm.every,
        "files": if ground == Ground::Systemd { files } else { Vec::new() },
        "nix_module": (ground == Ground::NixOs).then(|| report::nix_module(&wanted.timer)),
        "cron": if ground == Ground::Bare { report::cron_line(&wanted.timer) } else { None },
    })
}

/// What would be set up, as text that can be copied.
fn show(context: &Context, wanted: &Wanted, ground: Ground) {
    if context.json {
        out::json(context, &described(wanted, ground));
        return;
    }
    let text = |text: &str| text.lines().for_each(|line| out::unbroken(context, line));
    match ground {
        Ground::Systemd => {
            for (path, unit) in &wanted.units.files {
                text(&format!("# {}\n{unit}\n", path.display()));
            }
        }
        Ground::NixOs => {
            text(
                "# This is NixOS: its units come from its configuration, and nothing was written below /etc.",
            );
            text(
                "# Put this module into the configuration and rebuild; `switchback schedule status` sees the timer then.",
            );
            text(&report::nix_module(&wanted.timer));
        }
        Ground::Bare => {
            text("# No systemd runs here, so nothing was set up. A line for cron:");
            match report::cron_line(&wanted.timer) {
                Some(line) => text(&line),
                None => text("# (cron cannot say that calendar; use `--every`)"),
            }
            text(
                "# Not promised with cron: that a validation missed while the machine was off is made up for, that",
            );
            text("# two never overlap, and that machines do not all do it at the same moment.");
        }
    }
}

fn remove(context: &Context, force: bool) -> Result<Exit, CliError> {
    let folder = context.look_if_any()?;
    let timetable = folder.as_ref().map(StateFolder::timetable).transpose()?.flatten();
    let (Some(folder), Some(timetable)) = (folder, timetable) else {
        return Ok(out::nothing(
            context,
            "Nothing to remove: no timer is set up for this state.",
            Exit::Done,
        ));
    };
    let systemctl = ServiceManager::of(timetable.manager, &context.host);
    let left = app::remove(&folder, &timetable, &systemctl, force)?;
    left.iter().for_each(|why| keep::said(why));
    let files: Vec<&Path> = timetable.files.iter().map(|(path, _)| path.as_path()).collect();
    if context.json {
        let document = serde_json::json!({"removed": files, "by_hand": timetable.by_hand, "problems": left});
        out::json(context, &document);
        return Ok(Exit::Done);
    }
    if timetable.by_hand {
        out::line(
            context,
            "Forgotten. What was printed for a configuration or for cron is taken out by hand.",
        );
    }
    for path in files {
        out::line(context, &format!("Removed {}.", path.display()));
    }
    Ok(Exit::Done)
}

fn status(context: &Context) -> Result<Exit, CliError> {
    let folder = context.look_if_any()?;
    let timetable = folder.as_ref().map(StateFolder::timetable).transpose()?.flatten();
    let (Some(folder), Some(timetable)) = (folder, timetable) else {
        let text = "No timer is set up for this state. `switchback schedule install` sets one up.";
        return Ok(out::nothing(context, text, Exit::Done));
    };
    let wanted = wanted(context, &timetable.wishes, timetable.manager)?;
    let drift = drift(&timetable, &wanted);
    let systemctl = ServiceManager::of(timetable.manager, &context.host);
    let ask = |unit: &str, names: &str| {
        if Ground::find() == Ground::Bare {
            return Err("no systemd runs here".to_owned());
        }
        let asked = systemctl.properties(&format!("{}.{unit}", timetable.name), names);
        asked.map_err(|why| why.to_string())
    };
    let timer = ask("timer", "LoadState,ActiveState,UnitFileState,NextElapseUSecRealtime,LastTriggerUSec");
    let service = ask("service", "ActiveState,Result,ExecMainStatus,ExecMainExitTimestamp");
    let last = newest(&folder);
    let running = timer.as_ref().is_ok_and(|timer| timer.get("ActiveState").is_some_and(|it| it == "active"));
    let fine = drift.is_empty() && (running || timetable.by_hand);
    let exit = if fine { Exit::Done } else { Exit::Paused };
    if context.json {
        let document = serde_json::json!({
            "name": timetable.name, "manager": timetable.manager, "by_hand": timetable.by_hand,
            "installed_at": timetable.at, "calendar": wanted.timer.rhythm.calendar, "active": running,
            "files": timetable.files.iter().map(|(path, _)| path).collect::<Vec<_>>(),
            "timer": timer.as_ref().ok(), "service": service.as_ref().ok(), "drift": drift,
            "last": last.as_ref().map(|(at, words)| serde_json::json!({"at": at, "found": words})),
            "tells": timetable.wishes.notify.first(), "desktop": !timetable.wishes.quiet, "exit": exit.status(),
        });
        out::json(context, &document);
        return Ok(exit);
    }
    let mut lines = vec![Line::new(Tone::Heading, format!("{}.timer", timetable.name), "")];
    let mut say = |tone: Tone, word: &str, text: String| lines.push(Line::new(tone, word, text));
    say(Tone::Plain, "often", often(&wanted));
    match &timer {
        Ok(timer) => {
            let of = |name: &str| timer.get(name).filter(|text| !text.is_empty()).cloned();
            let state = of("ActiveState").unwrap_or_default();
            let enabled = of("UnitFileState").map(|it| format!(", {it}")).unwrap_or_default();
            let tone = if running { Tone::Good } else { Tone::Bad };
            say(tone, "timer", format!("{state}{enabled}"));
            say(
                Tone::Plain,
                "next",
                of("NextElapseUSecRealtime").unwrap_or_else(|| "not planned".to_owned()),
            );
            say(Tone::Plain, "last", of("LastTriggerUSec").unwrap_or_else(|| "it never fired".to_owned()));
        }
        Err(why) => say(Tone::Caution, "timer", why.clone()),
    }
    if let Ok(service) = &service
        && let Some(at) = service.get("ExecMainExitTimestamp").filter(|at| !at.is_empty())
    {
        let status = service.get("ExecMainStatus").cloned().unwrap_or_default();
        say(Tone::Plain, "ended", format!("with {status}, {at}"));
    }
    match last {
        Some((at, words)) => say(Tone::Plain, "found", format!("{words}, {}", report::text::when(at))),
        None => say(Tone::Quiet, "found", "nothing yet: nothing soaked when it fired".to_owned()),
    }
    let command = timetable.wishes.notify.first().map(|command| format!("the command {command}"));
    let desktop = (!timetable.wishes.quiet).then(|| "the desktop".to_owned());
    let told: Vec<String> = command.into_iter().chain(desktop).collect();
    say(Tone::Quiet, "tells", if told.is_empty() { "nobody".to_owned() } else { told.join(", ") });
    for what in &drift {
        say(Tone::Caution, "drift", what.clone());
    }
    if timetable.by_hand {
        say(Tone::Quiet, "by hand", "its unit or line was printed, and put in place by a person".to_owned());
    }
    if !drift.is_empty() {
        lines.push(Line::plain(context.proposing("`switchback schedule install` sets it up anew.")));
    }
    out::put(&report::render(&lines, &context.out_style()));
    Ok(exit)
}

/// What is not as it was installed, and what would be installed otherwise now.
fn drift(timetable: &Timetable, wanted: &Wanted) -> Vec<String> {
    let mut drift = Vec::new();
    for (path, digest) in &timetable.files {
        match app::kept(path, digest) {
            Kept::Same => {}
            Kept::Changed => drift.push(format!("{} was changed since it was installed", path.display())),
            Kept::Gone => drift.push(format!("{} is gone", path.display())),
        }
    }
    for (path, text) in &wanted.units.files {
        let Some((_, digest)) = timetable.files.iter().find(|(known, _)| known == path) else { continue };
        if files::sha256_bytes(text.as_bytes()) == *digest {
            continue;
        }
        let there = files::read_bounded(path, 1 << 16).unwrap_or_default();
        let there = String::from_utf8_lossy(&there).into_owned();
        let fresh = text.lines().filter(|line| !there.lines().any(|old| old == *line));
        let fresh: Vec<&str> = fresh.collect();
        drift.push(format!("{} would now say {}", path.display(), fresh.join(" and ")));
    }
    drift
}

/// What the newest scheduled validation found.
fn newest(folder: &StateFolder) -> Option<(crate::model::Timestamp, String)> {
    let week = Span::seconds(7 * 24 * 3600).0;
    let since = crate::model::Timestamp(clock::now().0.saturating_sub(i64::try_from(week).unwrap_or(0)));
    let found = folder.findings(&FindingFilter { since: Some(since), ..FindingFilter::default() }).ok()?;
    let at = found.iter().rev().find(|finding| finding.occasion == Occasion::Schedule)?.at;
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for finding in found.iter().filter(|it| it.at == at && it.occasion == Occasion::Schedule) {
        match counts.iter_mut().find(|(word, _)| *word == finding.counted.word()) {
            Some((_, count)) => *count += 1,
            None => counts.push((finding.counted.word(), 1)),
        }
    }
    let words: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    Some((at, words.join(", ")))
}
