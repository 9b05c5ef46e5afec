//! The reboot that a phase asked for: ordered as the last act of the process, when all that it awaits is on disk.

use super::context::Context;
use super::error::CliError;
use super::{out, tools};
use crate::app::TimerError;
use crate::engine::Ended;
use crate::model::{Guidance, Manager};
use crate::report;
use crate::system::ground::Ground;
use crate::system::service_manager::ServiceManager;

/// What is said where the machine has to be started anew by hand.
const BY_HAND: &str = "Reboot the machine. Where the boot unit is installed the phase goes on by itself then, else with \
                       `switchback resume`.";

/// Has the machine go down where a run awaits that: at once where nobody is asked, else when a person says so.
pub(crate) fn order(context: &Context, ended: &Ended, guidance: Guidance) -> Result<(), CliError> {
    match ended {
        Ended::AwaitingReboot => {}
        Ended::Finished(_) | Ended::Paused(_) => return Ok(()),
    }
    if context.host.euid != 0 || Ground::find() == Ground::Bare {
        out::line(context, &context.proposing(BY_HAND));
        return Ok(());
    }
    let now = match guidance {
        Guidance::Unattended => true,
        Guidance::Guided => {
            tools::agreed(context, "reboot it yourself", report::question::reboot(&context.err_style()))?
        }
    };
    if !now {
        out::line(context, &context.proposing(BY_HAND));
        return Ok(());
    }
    out::line(context, "The machine goes down now.");
    let manager = ServiceManager::of(Manager::System, &context.host);
    manager.reboot().map_err(TimerError::from).map_err(|why| {
        let hint = "reboot it yourself: the phase goes on when it is up again";
        CliError { hint: Some(hint.to_owned()), ..why.into() }
    })
}
