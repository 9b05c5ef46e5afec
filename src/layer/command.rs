//! A custom pair of commands: what `record` prints is what `restore` is given, and what `verify` must print again.

use super::capsule::{Manifest, ManifestWriter};
use super::child::{self, Interrupts, call};
use super::raw::Raw;
use super::{Layer, LayerCx, LayerError, Needs, failed};
use crate::model::{Change, Changed, CommandLine, Item, LayerKind, LayerRecord, LayerSpec, Restored, RunAs};
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

    /// What a restore would do, in words; nothing where all is as recorded.
    fn intention(&self, recorded: &str, now: Result<String, LayerError>) -> Option<String> {
        let restoring = child::words(&self.restoring(recorded).argv);
        match now {
            Ok(now) if now == recorded => None,
            Ok(now) => Some(format!("run {restoring}: {} is {now:?}, recorded {recorded:?}", self.name)),
            Err(why) => Some(format!("run {restoring}: {}", super::error::chain(&why))),
        }
    }

    fn put_back(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Restored, LayerError> {
        let recorded = Manifest::open(cx.capsule, record)?.only::<Printed>()?.text();
        let before = self.now(cx, &recorded);
        // Where it cannot be asked, restoring is what is left to try.
        let Some(what) = self.intention(&recorded, before) else {
            return Ok(Restored { changed: 0, failed: Vec::new() });
        };
        cx.watch.changed_back(&what);
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
            (Err(why), Ok(_)) => Some(format!("cannot be read back: {}", super::error::chain(&why))),
            (Err(why), Err(ended)) => {
                let (why, ended) = (super::error::chain(&why), super::error::chain(&ended));
                Some(format!("{ended}; cannot be read back: {why}"))
            }
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
        let now = self.now(cx, &recorded);
        Ok(self.intention(&recorded, now).into_iter().collect())
    }

    fn changes(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Result<Vec<Change>, LayerError> {
        let recorded = Manifest::open(cx.capsule, record)?.only::<Printed>()?.text();
        Ok(vec![Change {
            layer: LayerKind::Command,
            change: Changed::Unknown,
            name: self.name.clone(),
            from: Some(recorded),
            to: None,
            how: vec!["its program is not run for looking".to_owned()],
        }])
    }

    fn restore(&self, cx: &mut LayerCx<'_>, record: &LayerRecord) -> Restored {
        self.put_back(cx, record).unwrap_or_else(|why| failed(&self.name, &why))
    }

    fn needs(&self, capsule: &Path, record: &LayerRecord) -> Result<Needs, LayerError> {
        Manifest::open(capsule, record)?.only::<Printed>()?;
        Ok(Needs::default())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testbed::Bench;
    use crate::layer::{layer_for, recorded_layer};

    fn sh(text: &str, words: &[&str]) -> CommandLine {
        let mut argv = vec!["/bin/sh", "-c", text, "sh"];
        argv.extend(words);
        CommandLine::new(argv)
    }

    fn layer(bench: &Bench, restore: &str) -> LayerSpec {
        let knob = bench.root().join("knob").display().to_string();
        LayerSpec::Command {
            name: "knob".to_owned(),
            record: sh("cat \"$1\"", &[&knob]),
            restore: sh(restore, &[&knob, "${recorded}"]),
            verify: None,
        }
    }

    const SET: &str = "printf '%s\\n' \"$2\" > \"$1\"";

    #[test]
    fn what_was_printed_is_brought_back_and_read_back() {
        let mut bench = Bench::new();
        let knob = bench.root().join("knob");
        for text in ["3\n", "two\nlines; $(rm) `x` 'q'\n", "\n"] {
            std::fs::write(&knob, text).expect("knob");
            let record = layer_for(&layer(&bench, SET)).record(&mut bench.cx(), 1).expect("recorded");
            let layer = recorded_layer(&bench.capsule, &record).expect("recorded");
            assert_eq!(layer.preview(&mut bench.cx(), &record).expect("preview"), Vec::<String>::new());
            std::fs::write(&knob, "9\n").expect("knob");
            assert_eq!(layer.preview(&mut bench.cx(), &record).expect("preview").len(), 1);
            let restored = layer.restore(&mut bench.cx(), &record);
            assert_eq!(restored, Restored { changed: 1, failed: Vec::new() });
            assert_eq!(std::fs::read_to_string(&knob).expect("knob"), text);
            let again = layer.restore(&mut bench.cx(), &record);
            assert_eq!(again, Restored { changed: 0, failed: Vec::new() });
        }
        // Each of them was told of once, with what it was and what it is again.
        let told = &bench.watch.changed_back;
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(
            told[0].starts_with("run /bin/sh -c ") && told[0].ends_with(": knob is \"9\", recorded \"3\"")
        );
    }

    #[test]
    fn reading_back_decides_and_both_are_told() {
        let mut bench = Bench::new();
        let knob = bench.root().join("knob");
        for (restore, failure) in [
            (format!("{SET}; exit 3"), None),
            ("exit 3".to_owned(), Some("is \"9\", recorded \"3\"; ")),
            ("exit 0".to_owned(), Some("is \"9\", recorded \"3\"")),
            ("rm \"$1\"".to_owned(), Some("cannot be read back: ")),
        ] {
            std::fs::write(&knob, "3\n").expect("knob");
            let layer = layer_for(&layer(&bench, &restore));
            let record = layer.record(&mut bench.cx(), 1).expect("recorded");
            std::fs::write(&knob, "9\n").expect("knob");
            let failed = layer.restore(&mut bench.cx(), &record).failed;
            match failure {
                Some(why) => assert!(failed[0].why.starts_with(why), "{restore}: {failed:?}"),
                None => assert_eq!(failed, [], "{restore}"),
            }
        }
        assert!(
            bench.watch.lines.iter().any(|line| line.contains("exited with status 3")),
            "{:?}",
            bench.watch.lines
        );
    }

    #[test]
    fn a_program_that_fails_or_is_missing_is_not_recorded() {
        let mut bench = Bench::new();
        for (argv, why) in [
            (vec!["/bin/false"], "/bin/false exited with status 1"),
            (vec!["/bin/sh", "-c", "printf '\\377'"], "cannot be an argument"),
        ] {
            let command = CommandLine::new(argv);
            let layer = Command::new("it", &command, &command, None);
            let told = layer.record(&mut bench.cx(), 0).expect_err("refused").to_string();
            assert!(told.contains(why), "{told}");
        }
        let missing = CommandLine::new(["no-such-program"]);
        let refused = Command::new("it", &missing, &missing, None).refusals(&mut bench.cx());
        assert_eq!(refused[0].why, "no-such-program is not on this machine's path");
    }
}
