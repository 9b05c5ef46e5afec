//! The way home rehearsed: for real, in a throw-away copy of the machine.

use super::{chosen, told};
use crate::app::{Session, Tools};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::past::{Past, host_of};
use crate::cli::{out, rollback, tools};
use crate::layer::{LayerCx, recorded_layer};
use crate::model::{GenerationNumber, Item, Span, Timestamp, counted};
use crate::prompt::Absent;
use crate::report::{self, Fanout};
use crate::store::{Approved, StateFolder};
use crate::system::files::{self, Access};
use crate::system::process::Unwatched;
use crate::system::{below, clock, sandbox};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const NAME: &str = "drill";
/// Some thousand items.
const LONGEST: u64 = 1024 * 1024;

/// What a rehearsal of the way home came to. Kept in the capsule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drill {
    /// When.
    pub(crate) at: Timestamp,
    /// The version of switchback.
    pub(crate) version: String,
    /// Whether all that was tried came back, read back from the copy.
    pub(crate) worked: bool,
    /// How long the way home took, in milliseconds.
    pub(crate) took: Span,
    /// What did not come back.
    pub(crate) failed: Vec<Item>,
    /// What takes a program, and was not tried.
    pub(crate) not_tried: Vec<Item>,
}

impl Drill {
    pub(crate) fn words(&self, now: Timestamp) -> String {
        let ago = report::text::took(now.since(self.at)).unwrap_or_else(|| "a moment".to_owned());
        let how = if self.worked { "worked" } else { "FAILED" };
        let but = match self.not_tried.len() {
            0 => String::new(),
            some => format!(", {} not tried", counted(some, "act")),
        };
        format!("way home rehearsed {ago} ago: it {how} in {}{but}", self.took)
    }
}

/// The last rehearsal of a capsule's way home.
pub(super) fn read(capsule: &Path) -> Option<Drill> {
    serde_json::from_slice(&files::read_bounded(&capsule.join(NAME), LONGEST).ok()?).ok()
}

/// The last rehearsal of the way home from this generation.
pub(crate) fn last_drill(context: &Context, number: Option<GenerationNumber>) -> Option<Drill> {
    let folder = context.look_if_any().ok()??;
    read(&folder.generation_folder(number?))
}

pub(super) fn drill(
    context: &Context,
    named: Option<GenerationNumber>,
    activate: bool,
) -> Result<Exit, CliError> {
    let folder = context.look_for("")?;
    let _lock = folder.lock("rescue drill")?;
    let number = chosen(context, &folder, named)?;
    let past = Past::of(&folder, number)?;
    if !rollback::in_effect(&past.state) {
        let text = format!("Nothing to rehearse: generation {number} is not in effect.");
        return Ok(out::nothing(context, &text, Exit::Done));
    }
    let ground = sandbox::Ground { network: false, fresh: Vec::new() };
    let said = sandbox::run(&ground, |_| rehearse(context, number, activate)).map_err(|why| {
        CliError::new(Exit::Refused, "the way home cannot be rehearsed here; nothing was changed")
            .because(why)
    })?;
    let drill: Result<Drill, String> =
        serde_json::from_slice(&said).unwrap_or_else(|why| Err(why.to_string()));
    let drill = drill.map_err(|why| {
        CliError::new(Exit::Failing, format!("the way home of generation {number} could not be gone"))
            .because(why)
    })?;
    keep(context, &folder, number, &drill);
    let exit = if drill.worked { Exit::Done } else { Exit::Failing };
    if context.json {
        let told = serde_json::json!({ "generation": number, "drill": drill, "exit": exit.status() });
        out::json(context, &told);
        return Ok(exit);
    }
    out::line(context, &format!("Generation {number}: {}.", drill.words(clock::now())));
    if !drill.failed.is_empty() {
        out::line(context, "Did not come back:");
        told(context, &drill.failed);
    }
    if !drill.not_tried.is_empty() {
        out::line(context, "Takes a program, and was not tried (`--activate` runs them in the copy):");
        told(context, &drill.not_tried);
    }
    Ok(exit)
}

fn keep(context: &Context, folder: &StateFolder, number: GenerationNumber, drill: &Drill) {
    let bytes = serde_json::to_vec(drill).unwrap_or_default();
    let path = folder.generation_folder(number).join(NAME);
    if let Err(why) = files::write_atomic(&path, &bytes, Access::PRIVATE) {
        out::warn(context, &format!("the rehearsal cannot be remembered: {why}"));
    }
}

/// In the copy: goes the whole way back, looks whether all is as recorded, and says so.
fn rehearse(context: &Context, number: GenerationNumber, activate: bool) -> Vec<u8> {
    if !activate {
        below::withhold(&PathBuf::from("/"));
    }
    let drill = go(context, number).map_err(|why| {
        let causes = why.causes.iter().map(|cause| format!(": {cause}")).collect::<String>();
        format!("{}{causes}", why.text)
    });
    serde_json::to_vec(&drill).unwrap_or_default()
}

fn go(context: &Context, number: GenerationNumber) -> Result<Drill, CliError> {
    let folder = StateFolder::open(&context.state)?;
    let past = Past::of(&folder, number)?;
    let host = host_of(context, &past.journal).into_owned();
    let records: Vec<_> = past.records().into_iter().cloned().collect();
    let (mut reporter, mut operator) = (Fanout::new(), Absent);
    let tools = Tools {
        host: &context.host,
        signals: tools::signals()?,
        reporter: &mut reporter,
        operator: &mut operator,
        style: context.err_style(),
        cores: Context::cores(),
        version: env!("CARGO_PKG_VERSION"),
        // The rehearsal is gone with its runner.
        guarding: tools::guarding(context, true),
    };
    let (at, began) = (clock::now(), clock::up());
    let approved = Approved { plan_yaml: Vec::new(), plan: past.plan };
    let capsule = past.capsule.folder().to_owned();
    let (state, _) = Session::new(&folder, approved, tools).roll_back(past.capsule)?;
    let took = Span(clock::up().0.saturating_sub(began.0));
    let (not_tried, mut failed): (Vec<Item>, Vec<Item>) = state.items.into_iter().partition(Item::waits);
    // Not what the way back says of itself: another look at all that was recorded.
    for record in &records {
        let mut unwatched = Unwatched;
        let mut cx = LayerCx { host: &host, capsule: &capsule, watch: &mut unwatched };
        match recorded_layer(&capsule, record).and_then(|layer| layer.changes(&mut cx, record)) {
            Ok(changes) => failed.extend(
                changes
                    .into_iter()
                    .filter(|change| change.change != crate::model::Changed::Unknown)
                    // What runs is not what a rehearsal can change.
                    .filter(|change| !not_tried.iter().any(|item| item.name == change.name))
                    .map(|change| Item::new(change.name, "is not as recorded after the way back")),
            ),
            Err(why) => failed.push(Item::new(record.kind.to_string(), why.to_string())),
        }
    }
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Drill { at, version, worked: failed.is_empty(), took, failed, not_tried })
}
