//! THE FRONT DOOR: one file a verb; exit codes; errors to words.

use std::process::ExitCode;

/// Runs the program and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
