//! `switchback hands`: a built-in act in a process with another user's ids. The act comes on standard input.

use super::error::CliError;
use super::exit::Exit;
use crate::app::do_by_hand;
use crate::model::Act;
use std::io::Read as _;

/// An `install` step carries the file that it installs.
const LONGEST: u64 = 64 * 1024 * 1024;

pub(crate) fn hands() -> Result<Exit, CliError> {
    let mut input = Vec::new();
    std::io::stdin()
        .take(LONGEST)
        .read_to_end(&mut input)
        .map_err(|why| CliError::usage("the act cannot be read").because(why))?;
    let act: Act =
        serde_json::from_slice(&input).map_err(|why| CliError::usage("this is not an act").because(why))?;
    match do_by_hand(&act) {
        Ok(()) => Ok(Exit::Done),
        Err(why) => Err(CliError::new(Exit::Internal, why)),
    }
}
