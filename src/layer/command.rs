//! A custom pair of commands: what `record` prints is what `restore` is given, and what `verify` must print again.

use super::capsule::{Manifest, ManifestWriter};
use super::child::{self, Interrupts, call};
use super::raw::Raw;
use super::{Layer, LayerCx, LayerError, failed};
use crate::model::{CommandLine, Item, LayerRecord, LayerSpec, Restored, RunAs};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A layer made of commands. They run as whoever runs switchback.
pub(super) struct Command {
    name: String,
    record: CommandLine,
    restore: CommandLine,
    verify: Option<CommandLine>,
}

/// The manifest's one line.
#[derive(Debug, Serialize, Deserialize)]
struct Printed {
    /// Everything that `record` printed.
    printed: Raw,
}

impl Printed {
    /// What stands for `${recorded}`: without the final newline.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.printed.0);
        text.strip_suffix('\n').unwrap_or(&text).to_owned()
    }
}

impl Command {
    pub(super) fn new(
        name: &str,
        record: &CommandLine,
        restore: &CommandLine,
        verify: Option<&CommandLine>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            record: record.clone(),
            restore: restore.clone(),
            verify: verify.cloned(),
        }
    }

    fn restoring(&self, recorded: &str) -> CommandLine {
        filled(&self.restore, recorded)
    }

    /// What the machine says now, as it is compared.
    fn now(&self, cx: &mut LayerCx<'_>, recorded: &str) -> Result<String, LayerError> {
        let asking = filled(self.verify.as_ref().unwrap_or(&self.record), recorded);
        let printed = Raw(call(cx, &asking, RunAs::Runner, Interrupts::Ignore)?);
        Ok(Printed { printed }.text())
    }

    fn put_back(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Restored, LayerError> {
        let recorded = Manifest::open(cx.capsule, record)?.only::<Printed>()?.text();
        // Where it cannot be asked, restoring is what is left to try.
        if self.now(cx, &recorded).is_ok_and(|now| now == recorded) {
            return Ok(Restored { changed: 0, failed: Vec::new() });
        }
        let ended = call(cx, &self.restoring(&recorded), RunAs::Runner, Interrupts::Ignore);
        let now = self.now(cx, &recorded);
        let why = match (now, ended) {
            // The read-back decides; a bad ending is told.
            (Ok(now), ended) if now == recorded => {
                if let Err(why) = ended {
                    cx.watch.line(crate::system::process::JobId(0), &super::error::chain(&why));
                }
                None
            }
            (Ok(now), Ok(_)) => Some(format!("is {now:?}, recorded {recorded:?}")),
            (Ok(now), Err(why)) => {
                Some(format!("is {now:?}, recorded {recorded:?}; {}", super::error::chain(&why)))
            }
            (Err(why), _) => Some(format!("cannot be read back: {}", super::error::chain(&why))),
        };
        let failed = why.map(|why| Item::new(&self.name, why)).into_iter().collect();
        Ok(Restored { changed: 1, failed })
    }
}

/// The command with `${recorded}` replaced inside single arguments; the text never becomes words or shell text.
fn filled(command: &CommandLine, recorded: &str) -> CommandLine {
    let mut filled = command.clone();
    for word in filled.argv.iter_mut().skip(1) {
        *word = word.replace("${recorded}", recorded);
    }
    filled
}

impl Layer for Command {
    fn refusals(&self, cx: &mut LayerCx<'_>) -> Vec<Item> {
        let commands = [Some(&self.record), Some(&self.restore), self.verify.as_ref()];
        commands
            .into_iter()
            .flatten()
            .filter_map(|command| command.argv.first())
            .filter_map(|program| child::find(cx.host, program).err())
            .map(|why| Item::new(&self.name, why.to_string()))
            .collect()
    }

    fn record(&self, cx: &mut LayerCx<'_>, place: usize) -> Result<LayerRecord, LayerError> {
        let printed = Printed { printed: Raw(call(cx, &self.record, RunAs::Runner, Interrupts::Heed)?) };
        let text = printed.text();
        if std::str::from_utf8(&printed.printed.0).is_err() || text.contains('\0') {
            let how = "printed bytes that cannot be an argument".to_owned();
            return Err(LayerError::Program { what: child::words(&self.record.argv), how });
        }
        let spec = LayerSpec::Command {
            name: self.name.clone(),
            record: self.record.clone(),
            restore: self.restore.clone(),
            verify: self.verify.clone(),
        };
        let mut manifest = ManifestWriter::create(cx.capsule, place, &spec)?;
        manifest.line(&printed)?;
        let first = text.lines().next().unwrap_or_default();
        let more = if text.lines().count() > 1 { " ..." } else { "" };
        manifest.finish(format!("{}: {first}{more}", self.name))
    }

    fn keep(&self, _: &mut LayerCx<'_>, _: &LayerRecord) -> Result<(), LayerError> {
        Ok(())
    }

    fn preview(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<String>, LayerError> {
        let recorded = Manifest::open(cx.capsule, record)?.only::<Printed>()?.text();
        let restoring = child::words(&self.restoring(&recorded).argv);
        Ok(match self.now(cx, &recorded) {
            Ok(now) if now == recorded => Vec::new(),
            Ok(now) => vec![format!("run {restoring}: {} is {now:?}, recorded {recorded:?}", self.name)],
            Err(why) => vec![format!("run {restoring}: {}", super::error::chain(&why))],
        })
    }

    fn restore(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Restored {
        self.put_back(cx, record).unwrap_or_else(|why| failed(&self.name, &why))
    }

    fn by_hand(&self, capsule: &Path, record: &LayerRecord) -> Result<Vec<String>, LayerError> {
        let recorded = Manifest::open(capsule, record)?.only::<Printed>()?.text();
        let restoring = self.restoring(&recorded);
        let mut line = child::words(&restoring.argv);
        for (name, value) in restoring.env.iter().rev() {
            line = format!("{name}={} {line}", child::words(std::slice::from_ref(value)));
        }
        if let Some(folder) = &restoring.folder {
            line = format!("cd -- {} && {line}", super::files::quoted(&Raw::from(folder.as_path())));
        }
        Ok(vec![line])
    }
}
