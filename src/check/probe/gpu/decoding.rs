//! Whether some processes had video decoded by a GPU in a while: where a player takes little of the processors, that is what
//! tells one that plays from one that stands idle.

use super::fdinfo::{self, Client, Users};
use super::nvidia::Question;
use super::seen::{by_identity, engine_of, identity};
use crate::check::probe::{status, tool, whole};
use crate::check::reader::nvidia_smi::Monitor;
use crate::model::CommandLine;
use crate::system::process::{End, Ended};
use std::collections::BTreeSet;
use std::path::Path;

/// What engines had done when the while began.
#[derive(Debug, Default)]
pub(in crate::check::probe) struct Decoding {
    before: Users,
}

/// What is known at its end.
#[derive(Debug)]
pub(in crate::check::probe) enum Decoded {
    /// Whether they did; nothing where a driver does not tell, or where not all of them could be looked at.
    Known(Option<bool>),
    /// NVIDIA's driver tells its own tool only.
    Ask(CommandLine),
}

impl Decoding {
    pub(in crate::check::probe) fn begin(root: &Path) -> Self {
        Self { before: fdinfo::users(root) }
    }

    /// Whether an engine that decodes worked for one of these meanwhile.
    pub(in crate::check::probe) fn end(&self, root: &Path, pids: &BTreeSet<u32>) -> Decoded {
        let after = fdinfo::users(root);
        let before = by_identity(&self.before);
        let ours: Vec<_> = after.users.iter().filter(|user| pids.contains(&user.pid)).collect();
        let mut worked = false;
        for client in ours.iter().flat_map(|user| &user.clients) {
            for (engine, now) in &client.engines {
                if matches!(engine_of(engine), "decode" | "video") {
                    let was = before.get(&identity(client)).and_then(|client| client.engines.get(engine));
                    worked |= now.spent > was.map_or(0, |was| was.spent);
                }
            }
        }
        // Some drivers list no engine that never worked, and some none at all.
        let mut clients = ours.iter().flat_map(|user| &user.clients).peekable();
        let is_client = clients.peek().is_some();
        let all_told = clients.all(Client::tells_engines)
            && after.hidden.is_disjoint(pids)
            && ours.iter().all(|user| user.untold.is_empty());
        let known = if worked { Some(true) } else { (is_client && all_told).then_some(false) };
        // Who decodes on one GPU does not on the other.
        if known != Some(true) && ours.iter().any(|user| user.nvidia) {
            return Decoded::Ask(tool(Question::Processes.words()));
        }
        Decoded::Known(known)
    }
}

/// What NVIDIA's tool says of these; nothing where it names none of them.
pub(in crate::check::probe) fn told(ended: &Ended, pids: &BTreeSet<u32>) -> Option<bool> {
    let End::Process(end) = &ended.end else { return None };
    if status(*end) != 0 {
        return None;
    }
    let monitor = Monitor::of(&whole(&ended.stdout)?)?;
    let ours = monitor.rows.iter().filter(|row| {
        let pid = row.get("pid").and_then(|pid| pid.parse::<u32>().ok());
        pid.is_some_and(|pid| pids.contains(&pid))
    });
    let loads = ours.map(|row| row.get("dec").and_then(|load| load.parse::<f64>().ok()).unwrap_or(0.0));
    loads.reduce(f64::max).map(|most| most > 0.0)
}
