//! `switchback rehearse`: how a plan can end, told before it is run; with `--sandbox`, what its way back leaves. Changes
//! nothing.

use super::args::Rehearse;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::{out, plan_file, run, tools};
use crate::app::{self, Rehearsal};
use crate::engine::{Waits, foresee, itinerary};
use crate::model::{PhaseId, Plan, Sandboxed};
use crate::report;
use crate::store::{Approved, StateFolder};
use crate::system::clock;
use crate::system::sandbox::{self, Ground, Inside, SandboxError};

pub(crate) fn rehearse(context: &Context, args: &Rehearse) -> Result<Exit, CliError> {
    let context = &context.acting_for(args.file.user.as_deref())?;
    let read = plan_file::valid(context, &args.file)?;
    let asked = run::selection(args.phase.as_ref(), args.from.as_ref(), args.until.as_ref())?;
    let plan = read.approved.plan;
    // What is committed on this machine does not matter here.
    let mut free = plan.clone();
    free.phases.iter_mut().for_each(|phase| phase.needs.clear());
    let queue = itinerary(&free, &[], &Waits::default(), &asked, clock::now())
        .map_err(|why| run::in_the_way(&plan, why))?;
    if args.sandbox {
        return in_sandbox(context, args, &plan, read.approved.plan_yaml, queue);
    }
    let found = foresee(&plan, &queue);
    let exit = if found.named() { Exit::Done } else { Exit::Failing };
    if context.json {
        out::json(context, &report::foreseen_json(&plan, &found, exit.status()));
    } else {
        out::put(&report::foreseen(&plan, &found, &context.out_style()));
    }
    Ok(exit)
}

fn in_sandbox(
    context: &Context,
    args: &Rehearse,
    plan: &Plan,
    plan_yaml: Vec<u8>,
    queue: Vec<PhaseId>,
) -> Result<Exit, CliError> {
    run::can_act_as_asked(context, plan, &queue)?;
    let ground = Ground { network: args.network, fresh: vec![context.state.clone()] };
    let approved = Approved { plan_yaml, plan: app::bare(plan) };
    let said = sandbox::run(&ground, |inside| {
        let found = tried(context, inside, approved, queue);
        let found = found.map_err(|why| why.lines().join("\n"));
        serde_json::to_vec(&found).unwrap_or_default()
    })
    .map_err(no_sandbox)?;
    let found: Result<Sandboxed, String> = serde_json::from_slice(&said)
        .map_err(|why| CliError::new(Exit::Internal, "what the sandbox said cannot be read").because(why))?;
    let found = found.map_err(|why| {
        CliError::new(Exit::Internal, "the rehearsal broke off in the sandbox; nothing was changed")
            .because(why)
    })?;
    let exit = if found.leaves() {
        Exit::Failing
    } else if found.whole() {
        Exit::Done
    } else {
        Exit::Paused
    };
    if context.json {
        out::json(context, &report::sandboxed_json(plan, &found, exit.status()));
    } else {
        out::put(&report::sandboxed(plan, &found, &context.out_style()));
    }
    Ok(exit)
}

fn tried(
    context: &Context,
    inside: &Inside,
    approved: Approved,
    queue: Vec<PhaseId>,
) -> Result<Sandboxed, CliError> {
    let folder = StateFolder::create(&context.state)?;
    let _lock = folder.lock("rehearse")?;
    let live = !context.json && context.err_style().live();
    let mut told = |what: &str| {
        if live {
            out::complain(&format!("{}\n", context.err_style().clean(what)));
        }
    };
    Ok(app::rehearse(Rehearsal {
        inside,
        folder: &folder,
        approved,
        queue,
        host: &context.host,
        signals: tools::signals()?,
        style: context.err_style(),
        version: env!("CARGO_PKG_VERSION"),
        told: &mut told,
    }))
}

fn no_sandbox(why: SandboxError) -> CliError {
    let hint = match &why {
        SandboxError::NotRoot(_) => "run it with sudo; without `--sandbox` nobody needs to be root",
        SandboxError::Refused { .. } => {
            "a container may forbid it: try it on the machine itself, or leave `--sandbox` out"
        }
        SandboxError::Threads(_) | SandboxError::Lost(_) => {
            return CliError::new(Exit::Internal, "the rehearsal broke off; nothing was changed")
                .because(why);
        }
    };
    CliError::new(Exit::Refused, "no sandbox can be made here; nothing was tried").because(why).hint(hint)
}
