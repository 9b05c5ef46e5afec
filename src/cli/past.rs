//! What the state folder says about earlier runs.

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use crate::engine::{Itinerary, RunState, Stage, replay};
use crate::model::{Event, GenerationNumber, LayerRecord, PhaseEnd, PhaseId, Plan, Resolution};
use crate::store::{Capsule, Journal, StateFolder};
use crate::system::accounts::Accounts;
use crate::system::host::Host;
use std::borrow::Cow;

/// What is left where a capsule cannot be read by us.
fn by_hand(capsule: &Capsule) -> String {
    let page = capsule.folder().join("UNDO");
    if page.exists() {
        format!("the way back by hand is written in {}", page.display())
    } else {
        format!("what was saved is in {}", capsule.folder().display())
    }
}

/// The current generation is gone, with all that it recorded.
pub(crate) fn gone(folder: &StateFolder, lost: GenerationNumber) -> CliError {
    let text =
        format!("generation {lost}, the current one, is gone: nobody can go back to the state before it");
    let further = folder.current().map_or_else(String::new, |newest| {
        format!(
            "`switchback rollback --to {newest}` goes back further, to the state before generation {newest}; what generation \
             {lost} changed beyond that stays; "
        )
    });
    let settle = "`switchback resolve --reason TEXT` says that you looked and what you did about it";
    CliError::new(Exit::Inconsistent, text).hint(format!("{further}{settle}"))
}

/// What the layers recorded, in their order. A phase that was taken up before it touched anything records them anew.
pub(crate) fn recorded(journal: &Journal) -> Vec<&LayerRecord> {
    let mut records = Vec::new();
    for envelope in &journal.envelopes {
        if let Event::LayerRecorded { layer, record } = &envelope.event {
            records.truncate(*layer);
            records.push(record);
        }
    }
    records
}

/// The machine as it was for the run of this journal: whoever looks or goes back, what belongs to its user is that
/// user's.
pub(crate) fn host_of<'a>(context: &'a Context, journal: &Journal) -> Cow<'a, Host> {
    let invoker = match journal.envelopes.first().map(|first| &first.event) {
        Some(Event::PhaseBegan(header)) => header.invoker.as_ref(),
        _ => None,
    };
    match invoker {
        Some(who) => Cow::Owned(context.host.invoked_by(who.uid, &who.name, &Accounts::read())),
        None => Cow::Borrowed(&context.host),
    }
}

/// A generation as its journal tells it.
pub(crate) struct Past {
    pub(crate) capsule: Capsule,
    pub(crate) journal: Journal,
    pub(crate) plan: Plan,
    pub(crate) state: RunState,
}

impl Past {
    pub(crate) fn of(folder: &StateFolder, number: GenerationNumber) -> Result<Self, CliError> {
        let capsule = folder.capsule(number)?;
        let by_hand = |why: CliError| CliError { exit: Exit::Inconsistent, ..why }.hint(by_hand(&capsule));
        let journal = capsule.journal().map_err(|why| by_hand(why.into()))?;
        if journal.envelopes.is_empty() {
            let text = format!("the journal of generation {number} holds no fact that can be read");
            let damage =
                journal.damage.as_ref().map(|damage| format!("line {}: {}", damage.line, damage.why));
            let error = CliError::new(Exit::Inconsistent, text);
            return Err(by_hand(damage.into_iter().fold(error, CliError::because)));
        }
        if !matches!(journal.envelopes.first().map(|first| &first.event), Some(Event::PhaseBegan(_))) {
            let text = format!("the journal of generation {number} does not begin with its phase");
            return Err(by_hand(CliError::new(Exit::Inconsistent, text)));
        }
        let plan = capsule.plan_given(&journal).map_err(|why| by_hand(why.into()))?;
        let facts = journal.envelopes.iter().map(|envelope| &envelope.event);
        let state = replay(&plan, RunState::new(Itinerary::default()), facts);
        Ok(Self { capsule, journal, plan, state })
    }

    /// The current generation. Where that is gone, an older one is not it.
    pub(crate) fn current(folder: &StateFolder) -> Result<Option<Self>, CliError> {
        if let Some(lost) = folder.lost() {
            return Err(gone(folder, lost));
        }
        folder.current().map(|number| Self::newest(folder, number)).transpose()
    }

    /// The same by its number. Where nobody can read the current generation, a person's word is a way out.
    pub(crate) fn newest(folder: &StateFolder, number: GenerationNumber) -> Result<Self, CliError> {
        Self::of(folder, number).map_err(|why| match &why.hint {
            Some(hint) if folder.current() == Some(number) => {
                let hint = format!(
                    "{hint}; where all is as it should be, or was put right, say so with `switchback resolve --reason TEXT`"
                );
                why.hint(hint)
            }
            Some(_) | None => why,
        })
    }

    /// The same; `None` where the generation was opened and its journal holds no fact: it changed nothing.
    pub(crate) fn begun(folder: &StateFolder, number: GenerationNumber) -> Result<Option<Self>, CliError> {
        let capsule = folder.capsule(number)?;
        let journal = capsule.journal_path();
        let none = journal.symlink_metadata().is_err() || Journal::never_began(&journal);
        // A capsule is sealed before anything is changed.
        if none && capsule.undo_text().is_none() {
            return Ok(None);
        }
        Self::newest(folder, number).map(Some)
    }

    /// What the layers recorded, in their order.
    pub(crate) fn records(&self) -> Vec<&LayerRecord> {
        recorded(&self.journal)
    }

    /// What a person says was put right by hand, where the way back of this generation did not hold.
    pub(crate) fn resolved(&self) -> Option<Resolution> {
        let told = self.journal.envelopes.iter().rev().find_map(|envelope| match &envelope.event {
            Event::ItemsResolved { items, reason, by } => Some(Resolution {
                items: items.clone(),
                reason: reason.clone(),
                by: by.name.clone(),
                at: envelope.at,
            }),
            _ => None,
        });
        told.filter(|_| self.state.stage == Stage::Ended(PhaseEnd::Resolved))
    }

    pub(crate) fn number(&self) -> GenerationNumber {
        self.capsule.number()
    }

    /// How the phases of the plan stand.
    pub(crate) fn done(&self) -> &[(PhaseId, PhaseEnd)] {
        &self.state.itinerary.done
    }
}
