//! The units of a guard: a scope for the watchdog, and a timer behind it.
//!
//! The timer is absolute (`--on-boot`): a relative one is begun anew by every `daemon-reload` and may never fire
//! (systemd issue 31914). Its accuracy is stated, since the default is a minute, and it is left alone by
//! `systemctl isolate`.

use super::runner::Runner;
use super::{GuardError, Order};
use crate::model::{GenerationNumber, Span};
use crate::system::clock;
use crate::system::host::Host;
use crate::system::service_manager::{ServiceManager, environment};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::geteuid;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// How long the service manager may take to answer.
const ANSWER: Span = Span::seconds(30);

/// The units of the guard that was ordered.
#[derive(Debug, Clone)]
pub(super) struct Units {
    manager: ServiceManager,
    /// How the names of the timers begin.
    timers: String,
    /// The name of the timer that was set.
    timer: Option<String>,
}

impl Units {
    /// Those that a guard can have; nothing where no service manager runs.
    pub(super) fn find(order: &Order) -> Option<Self> {
        let manager = ServiceManager::running(&order.env, &order.path)?.within(ANSWER);
        Some(Self { manager, timers: about(&order.state, order.generation, "deadline"), timer: None })
    }

    /// The words before a program that give it a scope of its own.
    pub(super) fn scope(&self, order: &Order) -> Vec<OsString> {
        let unit = format!("--unit={}", own(&about(&order.state, order.generation, "watchdog")));
        let mut words = self.manager.systemd_run();
        words.extend([
            "--scope".to_owned(),
            unit,
            "--property=IgnoreOnIsolate=yes".to_owned(),
            "--".to_owned(),
        ]);
        words.into_iter().map(OsString::from).collect()
    }

    /// Sets the timer; one that was set before stays.
    pub(super) fn set_timer(&mut self, order: &Order, until: Span) -> Result<(), GuardError> {
        let unit = format!("{}-{}", own(&self.timers), until.0);
        let properties = [
            format!("--unit={unit}"),
            format!("--on-boot={}ms", self.on_boot(until)?.0),
            "--timer-property=AccuracySec=100ms".to_owned(),
            "--timer-property=IgnoreOnIsolate=yes".to_owned(),
            "--property=IgnoreOnIsolate=yes".to_owned(),
            "--property=TimeoutStopSec=infinity".to_owned(),
        ];
        let (generation, runner) = (order.generation.to_string(), Runner::this().to_string());
        let words = ["guard", "fire", "--generation", &generation, "--runner", &runner];
        self.manager.start(&properties, &argv(&order.program, &order.state, &words)?)?;
        self.timer = Some(unit);
        Ok(())
    }

    /// Takes the timer away, and not what it may have started. One that is gone already is fine.
    pub(super) fn stop_timer(&self) {
        if let Some(timer) = &self.timer {
            let _ = self.manager.systemctl(&["stop", &format!("{timer}.timer")]);
        }
    }

    /// Takes every timer away that stood behind a runner of this generation: of one that is gone, too.
    pub(super) fn stop_timers(&self) {
        let _ = self.manager.systemctl(&["stop", &format!("{}-*.timer", self.timers)]);
    }

    /// The point in time as `--on-boot` counts: since the kernel started, and in a container since its manager did.
    fn on_boot(&self, until: Span) -> Result<Span, GuardError> {
        // The timer's clock stands still while the machine sleeps: then the timer is late, and the watchdog is not.
        let monotonic =
            clock_gettime(ClockId::CLOCK_MONOTONIC).map_err(|why| GuardError::Clock(why.to_string()))?;
        let monotonic = Span::from(Duration::from(monotonic));
        let at = Span(monotonic.0.saturating_add(until.0.saturating_sub(clock::up().0)));
        if !in_a_container() && geteuid().is_root() {
            return Ok(at);
        }
        let words = ["show", "--value", "--property=UserspaceTimestampMonotonic"];
        let said = self.manager.systemctl(&words)?;
        let micros: u64 = said
            .trim()
            .parse()
            .map_err(|_| GuardError::Clock(format!("it does not tell when it was started, but {said:?}")))?;
        // Outside a container a user's manager counts from the kernel's start as well.
        Ok(if in_a_container() { Span(at.0.saturating_sub(micros / 1000)) } else { at })
    }
}

/// Has the service manager start the capsule's program with these words, without waiting for it.
///
/// # Errors
/// [`GuardError::NoManager`] where there is none, [`GuardError::Manager`] where it says no.
pub fn start_later(
    program: &Path,
    state: &Path,
    words: &[&str],
    generation: GenerationNumber,
    host: &Host,
) -> Result<(), GuardError> {
    let manager = ServiceManager::running(&environment(host), &host.path).ok_or(GuardError::NoManager)?;
    let what = words.last().copied().unwrap_or("later");
    let unit = format!("--unit={}", own(&about(state, generation, what)));
    Ok(manager.within(ANSWER).start(&[unit], &argv(program, state, words)?)?)
}

/// Takes away the timers that stood behind runners of a generation that is decided. Where there is no service manager there
/// is none, and one that cannot be taken away finds the decision.
pub fn forget_timers(state: &Path, generation: GenerationNumber, host: &Host) {
    let timers = about(state, generation, "deadline");
    let manager = ServiceManager::running(&environment(host), &host.path);
    if let Some(manager) = manager.map(|manager| manager.within(ANSWER)) {
        Units { manager, timers, timer: None }.stop_timers();
    }
}

/// The program with its state folder and these words.
fn argv(program: &Path, state: &Path, words: &[&str]) -> Result<Vec<String>, GuardError> {
    let text = |path: &Path| {
        let text = path.to_str().filter(|text| !text.contains(char::is_control)).map(str::to_owned);
        text.ok_or_else(|| GuardError::NoName(path.to_owned()))
    };
    let mut argv = vec![text(program)?, "--state".to_owned(), text(state)?];
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    Ok(argv)
}

/// A unit's name that no other runner's guard has.
fn own(about: &str) -> String {
    format!("{about}-{}", Runner::this().to_string().replace(':', "-"))
}

/// How the names of all units about this generation of this state folder begin.
fn about(state: &Path, generation: GenerationNumber, what: &str) -> String {
    let state = crate::system::files::sha256_bytes(state.as_os_str().as_encoded_bytes());
    format!("switchback-{what}-{}-{generation}", state.short())
}

/// As systemd tells it: see <https://systemd.io/CONTAINER_INTERFACE>.
fn in_a_container() -> bool {
    Path::new("/run/systemd/container").exists()
}
