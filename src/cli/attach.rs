//! `switchback attach`: shows a run that another process carries, from its first fact on. The facts are read where they
//! are durable, in the journals, so that whoever goes on with the run is followed: the guard, and the boot unit too.

use super::args::Attach;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::wait::{known, nothing};
use super::whereabouts::{Is, generations_of, meant};
use super::{out, tools};
use crate::model::{GenerationNumber, Notice, RunId, Span};
use crate::report::{Fanout, Reporter as _};
use crate::store::{Doing, HandedOver, StateFolder};
use crate::system::guard::pause;
use std::time::Duration;

/// How soon it is looked again.
const AGAIN: Duration = Duration::from_millis(100);

pub(crate) fn attach(context: &Context, args: &Attach) -> Result<Exit, CliError> {
    let Some(folder) = context.look_if_any()? else {
        return nothing(context, args.run.as_deref());
    };
    let run = meant(context, &folder, args.run.as_deref())?;
    known(context, &folder, &run)?;
    let signals = tools::signals()?;
    let mut follower = Follower {
        folder: &folder,
        run: run.clone(),
        shown: None,
        length: 0,
        doing: Doing::default(),
        reporter: tools::reporter(context),
    };
    loop {
        // First where it is, then what it recorded: what it says last is not missed.
        let found = known(context, &folder, &run)?;
        follower.catch_up()?;
        if !found.goes_on() {
            follower.finish();
            if found.newest.is_none() || found.is == Is::Left {
                found.show(context);
            }
            return Ok(found.exit());
        }
        follower.live(found.handed());
        if signals.count() > 0 {
            follower.still();
            let text = format!("The run goes on without you; `switchback attach {run}` follows it again.");
            out::line(context, &context.proposing(&text));
            return Ok(Exit::StillGoing);
        }
        pause(AGAIN);
    }
}

/// What was shown of a run so far.
struct Follower<'a> {
    folder: &'a StateFolder,
    run: RunId,
    /// The last fact that was shown.
    shown: Option<(GenerationNumber, u64)>,
    /// The length of the journal that it is from.
    length: u64,
    doing: Doing,
    reporter: Fanout,
}

impl Follower<'_> {
    /// Shows what was recorded since.
    fn catch_up(&mut self) -> Result<(), CliError> {
        if self.has_not_grown() {
            return Ok(());
        }
        for number in generations_of(self.folder, &self.run)? {
            let before = match self.shown {
                Some((shown, _)) if number < shown => continue,
                Some((shown, seq)) if number == shown => seq,
                Some(_) | None => 0,
            };
            let capsule = self.folder.capsule(number)?;
            let journal = capsule.journal()?;
            let plan = capsule.plan_given(&journal)?;
            for envelope in journal.envelopes.iter().filter(|envelope| envelope.seq > before) {
                self.still();
                // A reporter that fails is left out and named at the end.
                let _ = self.reporter.event(&plan, envelope);
                self.shown = Some((number, envelope.seq));
            }
            self.length = journal.length;
        }
        Ok(())
    }

    /// Whether the journal that was read last is as it was, and still the newest.
    fn has_not_grown(&self) -> bool {
        let Some((number, _)) = self.shown else { return false };
        let Ok(capsule) = self.folder.capsule(number) else { return false };
        let length = capsule.journal_path().metadata().map(|meta| meta.len());
        self.folder.current() == Some(number) && length.is_ok_and(|length| length == self.length)
    }

    /// Shows what it does right now.
    fn live(&mut self, handed: Option<&HandedOver>) {
        let now = handed.and_then(HandedOver::doing).unwrap_or_default();
        let mut notices = Vec::new();
        if now.what == self.doing.what {
            notices.push(Notice::Tick);
        } else {
            notices.push(
                now.what.clone().map_or(Notice::Ended, |what| Notice::Began { what, ago: Span::default() }),
            );
        }
        if now.progress != self.doing.progress {
            notices.extend(now.progress.map(|(done, of)| Notice::Progress { done, of }));
        }
        if now.line != self.doing.line {
            notices.extend(now.line.clone().map(|text| Notice::Line { text }));
        }
        self.doing = now;
        for notice in notices {
            let _ = self.reporter.notice(&notice);
        }
    }

    /// Nothing is live any more.
    fn still(&mut self) {
        if self.doing != Doing::default() {
            self.doing = Doing::default();
            let _ = self.reporter.notice(&Notice::Ended);
        }
    }

    fn finish(&mut self) {
        self.still();
        let _ = self.reporter.finish();
        self.reporter.lost().iter().for_each(|lost| out::lost(&lost.why));
    }
}
