//! One line for one fact: for pipes, files, dumb terminals, and runs that nobody watches.

use super::{Line, Lost, Reporter, Scene, Style, fact, words};
use crate::model::{Envelope, Notice, Plan};
use std::io::{self, Write};

/// Whether lines begin with the time of their fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stamps {
    /// They do not.
    #[default]
    Without,
    /// RFC 3339, UTC, as the journal has it.
    With,
}

/// Writes facts as lines.
#[derive(Debug)]
pub struct Plain<W: Write> {
    out: W,
    style: Style,
    stamps: Stamps,
    scene: Scene,
    option: Option<String>,
}

impl<W: Write> Plain<W> {
    /// Lines for `out`.
    pub fn new(out: W, style: Style, stamps: Stamps) -> Self {
        Self { out, style, stamps, scene: Scene::default(), option: None }
    }

    /// The same; commands that are proposed get an option.
    #[must_use]
    pub fn proposing(self, option: Option<String>) -> Self {
        Self { option, ..self }
    }

    /// One write for one fact: a reader never sees half of it.
    fn write(&mut self, stamp: &str, lines: &[Line]) -> io::Result<()> {
        let mut text = String::new();
        let lines = lines.iter().map(|line| line.clone().proposing(self.option.as_deref()));
        for line in lines.flat_map(|line| line.render(&self.style)) {
            text.push_str(stamp);
            text.push_str(&line);
            text.push('\n');
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write> Reporter for Plain<W> {
    fn recall(&mut self, _: &Plan, envelope: &Envelope) {
        self.scene.note(envelope);
    }

    fn event(&mut self, plan: &Plan, envelope: &Envelope) -> io::Result<()> {
        self.scene.note(envelope);
        let stamp = match self.stamps {
            Stamps::Without => String::new(),
            Stamps::With => format!("{} ", envelope.at),
        };
        let lines = words(plan, &self.scene, envelope);
        self.write(&stamp, &lines)
    }

    fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        match notice {
            Notice::Stopping { heard } => {
                self.scene.stopping_said();
                self.write("", &[fact::stopping(&self.scene, *heard)])
            }
            Notice::Record { trouble } => {
                self.scene.unrecorded = trouble.is_some();
                self.write("", &fact::record(trouble.as_deref()))
            }
            Notice::LeftBehind { step, left } => self.write("", &fact::left_behind(step, left)),
            Notice::Said { step, said } => self.write("", &[fact::said(step, said)]),
            Notice::Began { .. }
            | Notice::Line { .. }
            | Notice::Tick
            | Notice::Ended
            | Notice::Progress { .. } => Ok(()),
        }
    }

    fn lost(&mut self, lost: &Lost) -> io::Result<()> {
        self.write("", &[lost.words()])
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
