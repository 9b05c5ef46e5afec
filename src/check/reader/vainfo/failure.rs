//! Why there is no driver, or not the one that was meant.

use super::{Lines, Vainfo};
use serde::Serialize;

/// The class of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Failure {
    /// `vainfo` itself could not be started.
    NotStarted,
    /// No X server and no compositor answers.
    NoDisplay,
    /// No device that can be opened.
    NoDevice,
    /// libva does not know which driver the device or display needs.
    NoDriverName,
    /// The driver's file is nowhere.
    DriverFileMissing,
    /// `LIBVA_DRIVER_NAME` names a driver of which there is no file.
    WrongDriverName,
    /// The driver's file is there and cannot be loaded.
    DlopenFailed,
    /// The file is no driver for this libva.
    NoInitFunction,
    /// The driver's own start failed; `error_code` and `error_text` say how.
    InitFailed,
    /// The driver started, and then a question failed.
    QueryFailed,
    /// A signal ended the tool; `signal` is its number.
    Crashed,
    /// Another driver took over from the first that was tried.
    FellBack,
}

pub(super) fn class(seen: &Vainfo, lines: &Lines) -> Option<Failure> {
    if seen.signal.is_some() {
        return Some(Failure::Crashed);
    }
    if seen.ok {
        return fell_back(seen, lines).then_some(Failure::FellBack);
    }
    let said = |what: &str| seen.libva_errors.iter().any(|error| error.contains(what));
    let refused = seen.error_code.is_some_and(|code| code != 0);
    let gave_no_name = said("etDriverName");
    if lines.not_started {
        Some(Failure::NotStarted)
    } else if lines.no_device {
        Some(Failure::NoDevice)
    } else if lines.no_display {
        Some(Failure::NoDisplay)
    } else if seen.driver.is_some() {
        Some(Failure::QueryFailed)
    } else if said("init failed") {
        Some(Failure::InitFailed)
    } else if said("dlopen of ") {
        Some(Failure::DlopenFailed)
    } else if said("has no function ") {
        Some(Failure::NoInitFunction)
    } else if seen.driver_files_tried.is_empty() {
        (gave_no_name || refused).then_some(Failure::NoDriverName)
    } else if refused && seen.requested_driver.is_some() {
        Some(Failure::WrongDriverName)
    } else {
        refused.then_some(Failure::DriverFileMissing)
    }
}

/// One driver did not open, and a later one did; or the files that were tried are of more than one driver. What an earlier
/// run in the same text tried is none of this one's.
fn fell_back(seen: &Vainfo, lines: &Lines) -> bool {
    let name = |path: &String| path.rsplit('/').next().map(str::to_owned);
    let mut names = seen.driver_files_tried.iter().skip(lines.before.tried).map(name);
    let first = names.next();
    lines.opened.iter().skip(lines.before.opened).any(|code| *code != 0)
        || names.any(|name| Some(name) != first)
}
