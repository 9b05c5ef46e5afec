//! One JSON line for one fact, exactly as it is stored, with the generation and phase it belongs to; then one line that
//! says how the run ended and with which exit status.

use super::{Reporter, Scene, Standing, Style};
use crate::model::{Envelope, GenerationNumber, PhaseId, Plan};
use serde::Serialize;
use std::io::{self, Write};

/// The exit status that belongs to a standing; the table lives in `cli`.
pub type ExitOf = fn(&Standing) -> u8;

#[derive(Serialize)]
struct Row<'a> {
    generation: Option<GenerationNumber>,
    phase: Option<&'a PhaseId>,
    envelope: &'a Envelope,
}

/// Writes facts as JSON lines.
#[derive(Debug)]
pub struct Ndjson<W: Write> {
    out: W,
    style: Style,
    exit: ExitOf,
    scene: Scene,
}

impl<W: Write> Ndjson<W> {
    /// JSON lines for `out`.
    pub fn new(out: W, style: Style, exit: ExitOf) -> Self {
        Self { out, style, exit, scene: Scene::default() }
    }

    fn write(&mut self, json: &str) -> io::Result<()> {
        let mut line = self.style.clean_json(json);
        line.push('\n');
        self.out.write_all(line.as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write> Reporter for Ndjson<W> {
    fn recall(&mut self, _: &Plan, envelope: &Envelope) {
        self.scene.note(envelope);
    }

    fn event(&mut self, _: &Plan, envelope: &Envelope) -> io::Result<()> {
        self.scene.note(envelope);
        let row = Row { generation: self.scene.generation(), phase: self.scene.phase_id(), envelope };
        let json = serde_json::to_string(&row)?;
        self.write(&json)
    }

    fn finish(&mut self) -> io::Result<()> {
        let standing = self.scene.standing();
        let (ended, cause) = match standing {
            Standing::Open => ("unfinished", None),
            Standing::Paused(cause) => ("paused", Some(cause)),
            Standing::Finished(crate::model::Verdict::Committed) => ("committed", None),
            Standing::Finished(crate::model::Verdict::Refused) => ("refused", self.scene.reverting.as_ref()),
            Standing::Finished(crate::model::Verdict::RolledBack) => {
                ("rolled-back", self.scene.reverting.as_ref())
            }
            Standing::Finished(crate::model::Verdict::Inconsistent) => {
                ("inconsistent", self.scene.reverting.as_ref())
            }
            Standing::Finished(crate::model::Verdict::Resolved) => {
                ("resolved", self.scene.reverting.as_ref())
            }
        };
        let line = serde_json::json!({
            "ended": ended,
            "exit": (self.exit)(standing),
            "generation": self.scene.generation(),
            "phase": self.scene.phase_id(),
            "cause": cause,
            "items": self.scene.items,
            "left": self.scene.left,
        });
        self.write(&line.to_string())
    }
}
