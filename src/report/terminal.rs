//! Facts on a terminal that can redraw a line: what is over stays, what goes on shows elapsed time and the last line
//! of output. No thread draws: time comes as [`Notice::Tick`].

use super::{Line, Lost, Reporter, Scene, Style, fact, words};
use crate::model::{Envelope, Event, Notice, Plan, Span};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};
use std::fmt::{self, Write as _};
use std::io;

/// Redraws in a second, at most.
const REDRAWS: u8 = 10;

/// Shows facts on a terminal.
pub struct Terminal<T: TermLike + Clone + 'static> {
    term: T,
    style: Style,
    scene: Scene,
    live: Option<Live>,
    option: Option<String>,
}

/// What goes on right now.
struct Live {
    bar: ProgressBar,
    what: String,
    progress: Option<(usize, usize)>,
    said: bool,
}

impl<T: TermLike + Clone + 'static> Terminal<T> {
    /// A reporter on this terminal.
    pub fn new(term: T, style: Style) -> Self {
        Self { term, style, scene: Scene::default(), live: None, option: None }
    }

    /// The same; commands that are proposed get an option.
    #[must_use]
    pub fn proposing(self, option: Option<String>) -> Self {
        Self { option, ..self }
    }

    fn write(&self, lines: &[Line]) -> io::Result<()> {
        let style = self.style.resized(self.columns());
        let put = || -> io::Result<()> {
            let lines = lines.iter().map(|line| line.clone().proposing(self.option.as_deref()));
            for line in lines.flat_map(|line| line.render(&style)) {
                self.term.write_line(&line)?;
            }
            self.term.flush()
        };
        match &self.live {
            Some(live) if !lines.is_empty() => live.bar.suspend(put),
            Some(_) => Ok(()),
            None => put(),
        }
    }

    /// Asked each time: a terminal may be resized.
    fn columns(&self) -> usize {
        usize::from(self.term.width())
    }

    fn begin(&mut self, what: &str, ago: Span) {
        self.end();
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(self.term.clone()), REDRAWS);
        let bar = ProgressBar::with_draw_target(None, target).with_elapsed(ago.duration());
        bar.set_style(self.look("{spinner} {prefix}  {took}"));
        let live = Live { bar, what: self.style.clean(what).into_owned(), progress: None, said: false };
        self.place(&live);
        live.bar.tick();
        self.live = Some(live);
    }

    fn look(&self, template: &str) -> ProgressStyle {
        let took = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A line that cannot be drawn is drawn next time.
            let _ = out.write_str(&Span::seconds(state.elapsed().as_secs()).to_string());
        };
        match ProgressStyle::with_template(template) {
            Ok(style) => style.with_key("took", took).tick_chars(self.style.wheel()),
            Err(_) => ProgressStyle::default_spinner(),
        }
    }

    /// Puts the name of what goes on into its line, cut so that the elapsed time has room.
    fn place(&self, live: &Live) {
        let mut text = live.what.clone();
        if let Some((done, of)) = live.progress {
            // Writing into a string cannot fail.
            let _ = write!(text, " {done} of {of}");
        }
        live.bar.set_prefix(self.style.cut(&text, self.columns().saturating_sub(14)));
    }

    fn end(&mut self) {
        if let Some(live) = self.live.take() {
            live.bar.finish_and_clear();
        }
    }
}

impl<T: TermLike + Clone + 'static> Reporter for Terminal<T> {
    fn recall(&mut self, _: &Plan, envelope: &Envelope) {
        self.scene.note(envelope);
    }

    fn event(&mut self, plan: &Plan, envelope: &Envelope) -> io::Result<()> {
        self.scene.note(envelope);
        match &envelope.event {
            // The live line shows it while it goes on, and its end stays.
            Event::StepStarted { .. } | Event::UndoStarted { .. } => Ok(()),
            Event::PhaseBegan(_) => {
                let mut lines = vec![Line::empty()];
                lines.extend(words(plan, &self.scene, envelope));
                self.write(&lines)
            }
            Event::RunFinished { .. } | Event::RunPaused { .. } => {
                self.end();
                let mut lines = vec![Line::empty()];
                lines.extend(words(plan, &self.scene, envelope));
                self.write(&lines)
            }
            Event::RunResumed { .. }
            | Event::CheckJudged { .. }
            | Event::MomentJudged { .. }
            | Event::GateAnswered { .. }
            | Event::LayerRecorded { .. }
            | Event::CapsuleSealed { .. }
            | Event::GuardArmed(_)
            | Event::GuardMissing { .. }
            | Event::StepFinished { .. }
            | Event::SettleBegan { .. }
            | Event::SettleEnded
            | Event::ChecksAccepted { .. }
            | Event::RetryChosen
            | Event::RebootAwaited
            | Event::MachineRebooted
            | Event::BootCompared { .. }
            | Event::ConfirmOpened { .. }
            | Event::Confirmed(_)
            | Event::LayerKept { .. }
            | Event::PhaseCommitted { .. }
            | Event::SoakHeld(_)
            | Event::SoakReleased { .. }
            | Event::GuardDisarmed
            | Event::StopWanted
            | Event::RevertBegan { .. }
            | Event::FactsLost { .. }
            | Event::ChildrenEnded { .. }
            | Event::EarlierTakenBack { .. }
            | Event::ItemsResolved { .. }
            | Event::UndoFinished { .. }
            | Event::LayerRestored { .. }
            | Event::Quarantined { .. }
            | Event::PhaseEnded { .. } => self.write(&words(plan, &self.scene, envelope)),
        }
    }

    fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        match notice {
            Notice::Began { what, ago } => self.begin(what, *ago),
            Notice::Ended => self.end(),
            Notice::Stopping { heard } => {
                self.scene.stopping_said();
                self.write(&[fact::stopping(&self.scene, *heard)])?;
            }
            Notice::Record { trouble } => {
                self.scene.unrecorded = trouble.is_some();
                self.write(&fact::record(trouble.as_deref()))?;
            }
            Notice::LeftBehind { step, left } => self.write(&fact::left_behind(step, left))?,
            Notice::Said { step, said } => self.write(&[fact::said(step, said)])?,
            Notice::Tick => {
                if let Some(live) = &self.live {
                    live.bar.tick();
                }
            }
            Notice::Line { text } => {
                let text = self.style.cut(&self.style.clean(text), self.columns().saturating_sub(3));
                if let Some(mut live) = self.live.take() {
                    if !live.said {
                        live.said = true;
                        live.bar.set_style(self.look("{spinner} {prefix}  {took}\n  {msg}"));
                    }
                    live.bar.set_message(text);
                    self.live = Some(live);
                }
            }
            Notice::Progress { done, of } => {
                if let Some(mut live) = self.live.take() {
                    live.progress = Some((*done, *of));
                    self.place(&live);
                    self.live = Some(live);
                }
            }
        }
        Ok(())
    }

    fn lost(&mut self, lost: &Lost) -> io::Result<()> {
        self.write(&[lost.words()])
    }

    fn finish(&mut self) -> io::Result<()> {
        self.end();
        self.term.flush()
    }
}
