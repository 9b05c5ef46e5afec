//! `switchback eyes`: a probe in a process of its own, with another user's ids or one that can be ended in time. The probe
//! is given as JSON, and so is what it saw.

use super::error::CliError;
use super::exit::Exit;
use super::out;
use crate::check::look_here;

pub(crate) fn eyes(probe: &str) -> Result<Exit, CliError> {
    let seen =
        look_here(probe).map_err(|why| CliError::usage("this is not a probe that looks").because(why))?;
    out::put(&seen);
    Ok(Exit::Done)
}
