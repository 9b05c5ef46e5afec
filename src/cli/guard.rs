//! `switchback guard`: what takes an undecided phase back when its runner cannot. `install`, `remove` and `status` are for
//! people; the others are started by a runner, a timer and the boot unit.

mod fire;
mod unit;

use super::args::{Guard, GuardVerb};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use crate::model::{Cause, GenerationNumber, Span};
use crate::system::guard::{Fired, Post, watch};

pub(crate) fn guard(context: &Context, args: &Guard) -> Result<Exit, CliError> {
    match &args.verb {
        GuardVerb::Install { dry_run, force } => unit::install(context, *dry_run, *force),
        GuardVerb::Remove { force } => unit::remove(context, *force),
        GuardVerb::Status => unit::status(context),
        GuardVerb::Stand { generation, runner, until } => {
            let undecided = || fire::is_undecided(context, GenerationNumber(*generation), *runner);
            let stood = watch(*runner, until.map(Span), undecided)
                .map_err(|why| CliError::new(Exit::Internal, "no watchdog can stand here").because(why))?;
            let cause = match stood {
                Post::Starter | Post::Watchdog(Fired::Down) => return Ok(Exit::Done),
                Post::Watchdog(Fired::RunnerGone) => Cause::RunnerGone,
                Post::Watchdog(Fired::DeadlinePassed) => Cause::DeadlinePassed,
            };
            fire::see_to_it(context, GenerationNumber(*generation), &cause)
        }
        GuardVerb::Fire { generation, runner } => {
            let generation = GenerationNumber(*generation);
            // A timer that could not be stopped comes when all is decided.
            if !fire::is_undecided(context, generation, *runner) {
                return Ok(Exit::Done);
            }
            fire::relieve(*runner)?;
            fire::see_to_it(context, generation, &Cause::DeadlinePassed)
        }
        GuardVerb::Boot => fire::after_boot(context),
        GuardVerb::Continue => fire::go_on(context),
    }
}
