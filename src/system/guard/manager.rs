//! The service manager's part of a guard: a scope for the watchdog, a timer behind it, and the unit that acts after a
//! reboot.
//!
//! The timer is absolute (`--on-boot`): a relative one is begun anew by every `daemon-reload` and may never fire
//! (systemd issue 31914). Its accuracy is stated, since the default is a minute, and it is left alone by
//! `systemctl isolate`.

use super::runner::Runner;
use super::{GuardError, Order};
use crate::model::{CommandLine, GenerationNumber, ProcessEnd, RunAs, Span};
use crate::system::clock;
use crate::system::host::Host;
use crate::system::process::{self, End, Spec, Unwatched};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::geteuid;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the service manager may take to answer.
const ANSWER: Span = Span::seconds(30);
/// How often it is asked where the one who asks was ended.
const TRIES: usize = 5;
/// The unit that acts after a reboot.
pub const BOOT_UNIT: &str = "switchback-guard.service";

/// The service manager of whoever runs this.
#[derive(Debug, Clone)]
pub(super) struct Manager {
    /// The name of the timer that was set.
    timer: Option<String>,
    order: Order,
}

impl Manager {
    /// The manager that would keep a guard of this runner; nothing where no systemd runs, or a user has none.
    pub(super) fn find(order: &Order) -> Option<Self> {
        let runs = Path::new("/run/systemd/system").is_dir();
        let known = std::env::split_paths(&order.path).any(|folder| folder.join("systemd-run").is_file());
        let reachable = geteuid().is_root()
            || order.env.get(OsStr::new("XDG_RUNTIME_DIR")).is_some_and(|folder| {
                Path::new(folder).join("systemd/private").exists() || Path::new(folder).join("bus").exists()
            });
        (runs && known && reachable).then(|| Self { timer: None, order: order.clone() })
    }

    /// The words before a program that give it a scope of its own.
    pub(super) fn scope(&self, order: &Order) -> Vec<OsString> {
        let unit = format!("--unit={}", name(order, "watchdog", 0));
        let mut words = self.systemd_run();
        words.extend([
            "--scope".to_owned(),
            unit,
            "--property=IgnoreOnIsolate=yes".to_owned(),
            "--".to_owned(),
        ]);
        words.into_iter().map(OsString::from).collect()
    }

    fn systemd_run(&self) -> Vec<String> {
        let mut words = vec!["systemd-run".to_owned()];
        if !geteuid().is_root() {
            words.push("--user".to_owned());
        }
        words.extend(["--quiet", "--collect", "--no-ask-password"].map(str::to_owned));
        words
    }

    /// Sets the timer; one that was set before stays.
    pub(super) fn set_timer(&mut self, order: &Order, until: Span) -> Result<(), GuardError> {
        let unit = name(order, "deadline", until.0);
        let mut argv = self.systemd_run();
        let text = |path: &Path| {
            let text = path.to_str().filter(|text| !text.contains(char::is_control)).map(str::to_owned);
            text.ok_or_else(|| GuardError::Manager(format!("{} cannot be named in a unit", path.display())))
        };
        argv.extend([
            format!("--unit={unit}"),
            format!("--on-boot={}ms", self.on_boot(until)?.0),
            "--timer-property=AccuracySec=100ms".to_owned(),
            "--timer-property=IgnoreOnIsolate=yes".to_owned(),
            "--property=IgnoreOnIsolate=yes".to_owned(),
            "--property=TimeoutStopSec=infinity".to_owned(),
            "--".to_owned(),
            text(&order.program)?,
            "--state".to_owned(),
            text(&order.state)?,
            "guard".to_owned(),
            "fire".to_owned(),
            "--generation".to_owned(),
            order.generation.0.to_string(),
            "--runner".to_owned(),
            Runner::this().to_string(),
        ]);
        self.ask(argv)?;
        self.timer = Some(unit);
        Ok(())
    }

    /// Takes the timer away, and not what it may have started. One that is gone already is fine.
    pub(super) fn stop_timer(&self) {
        let Some(timer) = &self.timer else { return };
        let mut argv = self.systemctl();
        argv.extend(["stop".to_owned(), format!("{timer}.timer")]);
        let _ = self.ask(argv);
    }

    /// Takes every timer away that stood behind a runner of this generation: of one that is gone, too.
    pub(super) fn stop_timers(&self) {
        let mut argv = self.systemctl();
        argv.extend(["stop".to_owned(), format!("{}-*.timer", about(&self.order, "deadline"))]);
        let _ = self.ask(argv);
    }

    fn systemctl(&self) -> Vec<String> {
        let mut words = vec!["systemctl".to_owned(), "--no-ask-password".to_owned()];
        if !geteuid().is_root() {
            words.push("--user".to_owned());
        }
        words
    }

    /// The point in time as `--on-boot` counts: since the kernel started, and in a container since its manager did.
    fn on_boot(&self, until: Span) -> Result<Span, GuardError> {
        let failed = |why: &str| GuardError::Manager(format!("the service manager's clock: {why}"));
        // The timer's clock stands still while the machine sleeps: then the timer is late, and the watchdog is not.
        let monotonic = clock_gettime(ClockId::CLOCK_MONOTONIC).map_err(|why| failed(why.desc()))?;
        let monotonic = Span::from(Duration::from(monotonic));
        let at = Span(monotonic.0.saturating_add(until.0.saturating_sub(clock::up().0)));
        if !in_a_container() && geteuid().is_root() {
            return Ok(at);
        }
        let mut argv = self.systemctl();
        argv.extend(["show", "--value", "--property=UserspaceTimestampMonotonic"].map(str::to_owned));
        let micros: u64 =
            self.ask(argv)?.trim().parse().map_err(|_| failed("it does not tell when it was started"))?;
        // Outside a container a user's manager counts from the kernel's start as well.
        Ok(if in_a_container() { Span(at.0.saturating_sub(micros / 1000)) } else { at })
    }

    fn answer(&self, argv: Vec<String>) -> process::Ended {
        let spec = Spec {
            command: CommandLine::new(argv),
            env: self.order.env.clone(),
            ids: None,
            timeout: ANSWER,
            keep: 4096,
            input: None,
        };
        process::run(&spec, &mut Unwatched)
    }

    fn ask(&self, argv: Vec<String>) -> Result<String, GuardError> {
        let words = argv.first().cloned().unwrap_or_default();
        let ended = self.answer(argv);
        let said = ended.stderr.text();
        let said = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        let failed = |why: String| Err(GuardError::Manager(format!("`{words}` {why}")));
        match ended.end {
            End::Process(ProcessEnd::Exited(0)) => Ok(ended.stdout.text()),
            End::Process(ProcessEnd::Exited(status)) => failed(format!("ends with {status}: {said}")),
            End::Process(ProcessEnd::Signaled(signal)) => failed(format!("is ended by signal {signal}")),
            End::TimedOut(after) => failed(format!("does not end within {after}")),
            End::Interrupted => failed("is interrupted".to_owned()),
            End::NotStarted(why) => failed(format!("cannot be started: {why}")),
        }
    }
}

/// A unit's name that no other guard has: of this runner, for this generation of this state folder.
fn name(order: &Order, what: &str, until: u64) -> String {
    let runner = Runner::this().to_string().replace(':', "-");
    let at = if until == 0 { String::new() } else { format!("-{until}") };
    format!("{}-{runner}{at}", about(order, what))
}

/// How the names of all units about this generation of this state folder begin.
fn about(order: &Order, what: &str) -> String {
    let state = crate::system::files::sha256_bytes(order.state.as_os_str().as_encoded_bytes());
    format!("switchback-{what}-{}-{}", state.short(), order.generation)
}

/// As systemd tells it: see <https://systemd.io/CONTAINER_INTERFACE>.
fn in_a_container() -> bool {
    Path::new("/run/systemd/container").exists()
}

/// The unit that takes this state folder over after a reboot, where it is installed and wanted. `folder` is where the
/// manager's units are configured.
#[must_use]
pub fn boot_unit(folder: &Path, state: &Path) -> Option<PathBuf> {
    let wanted = ["multi-user.target.wants", "default.target.wants"]
        .iter()
        .map(|wants| folder.join(wants).join(BOOT_UNIT))
        .find(|link| link.exists())?;
    let text = fs::read_to_string(&wanted).ok()?;
    let state = state.to_str()?;
    // The folder is named as a word of its own, quoted or not.
    text.lines()
        .filter_map(|line| line.strip_prefix("ExecStart="))
        .any(|line| line.split([' ', '"']).any(|word| word == state))
        .then_some(wanted)
}

/// Has the service manager start the capsule's program with these words, without waiting for it.
///
/// # Errors
/// [`GuardError::Manager`] where there is none, or it says no.
pub fn start_later(
    program: &Path,
    state: &Path,
    words: &[&str],
    generation: GenerationNumber,
    host: &Host,
) -> Result<(), GuardError> {
    let order = order(program, state, generation, host)?;
    let manager = Manager::find(&order)
        .ok_or_else(|| GuardError::Manager("there is no service manager to ask".to_owned()))?;
    let text = |path: &Path| path.display().to_string();
    let mut argv = manager.systemd_run();
    argv.push(format!("--unit={}", name(&order, words.last().copied().unwrap_or("later"), 0)));
    argv.extend(["--".to_owned(), text(program), "--state".to_owned(), text(state)]);
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    manager.ask(argv).map(|_| ())
}

/// An order about a generation that nobody is told to guard.
fn order(
    program: &Path,
    state: &Path,
    generation: GenerationNumber,
    host: &Host,
) -> Result<Order, GuardError> {
    let (_, env) = host.identity(RunAs::Runner).map_err(|why| GuardError::Manager(why.to_string()))?;
    Ok(Order {
        program: program.to_owned(),
        state: state.to_owned(),
        generation,
        length: None,
        env,
        path: host.path.clone(),
        log: PathBuf::new(),
    })
}

/// Takes away the timers that stood behind runners of a generation that is decided. Where there is no service manager there
/// is none, and one that cannot be taken away finds the decision.
pub fn forget_timers(state: &Path, generation: GenerationNumber, host: &Host) {
    let order = order(Path::new(""), state, generation, host).ok();
    if let Some(manager) = order.as_ref().and_then(Manager::find) {
        manager.stop_timers();
    }
}

/// Whether the service manager of the machine is stopping everything, to switch it off or to start it anew.
#[must_use]
pub fn goes_down(host: &Host) -> bool {
    let order = order(Path::new(""), Path::new(""), GenerationNumber(0), host).ok();
    let Some(manager) = order.as_ref().and_then(Manager::find) else { return false };
    let words = ["systemctl", "is-system-running"].map(str::to_owned);
    // Whoever stops a service signals what it has just started as well.
    let mut answers = (0..TRIES).map(|_| manager.answer(words.to_vec()));
    let answer = answers.find(|answer| matches!(answer.end, End::Process(ProcessEnd::Exited(_))));
    answer.is_some_and(|answer| answer.stdout.text().trim() == "stopping")
}

/// Has the service manager start a program in a unit of its own, without waiting for it; false where there is no manager. A
/// stop of the unit asks the program alone, and not what it started: that is for the program to end.
///
/// # Errors
/// [`GuardError::Manager`] where the manager says no.
pub fn start_unit(
    unit: &str,
    env: &BTreeMap<OsString, OsString>,
    argv: Vec<String>,
    host: &Host,
) -> Result<bool, GuardError> {
    let order = order(Path::new(""), Path::new(""), GenerationNumber(0), host)?;
    let Some(manager) = Manager::find(&order) else { return Ok(false) };
    let mut words = manager.systemd_run();
    words.extend([
        format!("--unit={unit}"),
        "--description=switchback: a run that was handed over".to_owned(),
        "--property=KillMode=mixed".to_owned(),
        "--property=IgnoreOnIsolate=yes".to_owned(),
    ]);
    let set = env.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
    words.extend(set.map(|(name, value)| format!("--setenv={name}={value}")));
    words.push("--".to_owned());
    // The manager puts variables of the unit in place of what begins with this sign.
    words.extend(argv.into_iter().map(|word| word.replace('$', "$$")));
    manager.ask(words).map(|_| true)
}
