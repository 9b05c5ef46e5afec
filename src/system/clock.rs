//! The only place that reads a clock.

use crate::model::{Span, Timestamp};
use nix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The wall clock, for the record; never for order or deadlines within one process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A point on the monotonic clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn tick() -> Instant {
    Instant::now()
}

/// The time since that point.
#[must_use]
pub fn since(earlier: Instant) -> Span {
    tick().saturating_duration_since(earlier).into()
}

/// The time since the machine was started, that in which it slept too. Nobody can set this clock.
#[must_use]
pub fn up() -> Span {
    match clock_gettime(ClockId::CLOCK_BOOTTIME) {
        Ok(up) => Duration::from(up).into(),
        Err(_) => Span::ZERO,
    }
}

/// The date in UTC, `YYYY-MM-DD`, which waivers are compared with.
#[must_use]
pub fn today() -> String {
    now().to_string().chars().take(10).collect()
}
