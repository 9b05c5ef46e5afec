//! Saves bytes under their hash, once for each content.
//!
//! Where there is much to save, a helper process shares the work; the lines of the manifest wait until the bytes of every
//! file before them are saved.
//!
//! Durability: the first few originals are synced one by one, so that a small record does not wait for everything else that
//! the machine is writing. From there on each is sent on its way to the disk when it is written, and one `syncfs` at the
//! end covers all of them: it returns when everything that was written to that file system before the call, names included,
//! is on the device, and since Linux 5.8 it reports what could not be written since the folder was opened. Nothing refers to an
//! original before the manifest is durable, and the manifest is written after that.

use super::entry::{Entry, What};
use super::keep::{Keeper, Kept, Sight};
use super::scan::{Found, Visitor};
use crate::layer::LayerError;
use crate::layer::capsule::{self, ManifestWriter};
use crate::system::process::{Helper, HelperGone, Watch};
use rustix::fs::syncfs;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Originals that are synced one by one before `syncfs` takes over,
const ONE_BY_ONE: u64 = 16;
/// unless they are more bytes than this.
const MUCH: u64 = 4 << 20;
/// Questions that wait for the helper: enough that it has always something to do.
const WAITING: usize = 8;
/// Lines that wait for a file that the helper saves.
const LINES: usize = 4096;
/// How often a file is read that is written to meanwhile.
const TRIES: u32 = 3;
/// Between two looks at whether a person interrupts.
const LOOK: Duration = Duration::from_millis(50);

/// Who helps.
pub(super) enum Help {
    /// There is little to save so far.
    NotYet,
    Here(Helper),
    /// Nobody can, or nobody does any more.
    Nobody,
}

/// A line of the manifest, or the file that it waits for.
enum Line {
    Ready(Entry),
    Waiting(Box<Found>),
}

/// What was saved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Saved {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) entries: u64,
}

/// Writes the manifest and the originals.
pub(super) struct Save<'a> {
    originals: PathBuf,
    /// Open since before the first of them was written: `syncfs` reports through it what could not be.
    folder: File,
    manifest: ManifestWriter,
    watch: &'a mut dyn Watch,
    keeper: Keeper,
    help: Help,
    lines: VecDeque<Line>,
    /// How many lines have been written.
    written: usize,
    /// The numbers of the lines that wait for the helper, in the order in which it was asked.
    asked: VecDeque<usize>,
    visited: u64,
    /// Files and bytes that were met; saved or not.
    met: Saved,
    saved: Saved,
}

impl<'a> Save<'a> {
    pub(super) fn new(
        capsule: &Path,
        manifest: ManifestWriter,
        watch: &'a mut dyn Watch,
    ) -> Result<Self, LayerError> {
        let originals = capsule::folder(capsule, "originals")?;
        let folder = File::open(&originals).map_err(|why| LayerError::io("read", &originals, why))?;
        Ok(Self {
            keeper: Keeper::new(&originals, ".new"),
            originals,
            folder,
            manifest,
            watch,
            help: Help::NotYet,
            lines: VecDeque::new(),
            written: 0,
            asked: VecDeque::new(),
            visited: 0,
            met: Saved::default(),
            saved: Saved::default(),
        })
    }

    /// Makes the originals durable and gives the manifest back.
    pub(super) fn finish(mut self) -> Result<(ManifestWriter, Saved), LayerError> {
        while !self.asked.is_empty() {
            self.collect(LOOK)?;
            self.look_up()?;
        }
        self.write_lines()?;
        let Self { originals, folder, manifest, help, saved, met, .. } = self;
        drop(help);
        if met.is_much() {
            syncfs(&folder).map_err(|why| LayerError::io("sync", &originals, why))?;
        } else {
            capsule::sync_folder(&originals)?;
        }
        Ok((manifest, saved))
    }

    /// Asks the helper to save a file. Whether it will.
    fn ask(&mut self, found: &Found) -> bool {
        if matches!(self.help, Help::NotYet) && self.met.is_much() {
            let mut keeper = Keeper::new(&self.originals, ".new-too");
            let helper = Helper::start(move |question, files| answer(&mut keeper, question, files));
            self.help = helper.map_or(Help::Nobody, Help::Here);
        }
        let Help::Here(helper) = &mut self.help else { return false };
        let Ok(question) = serde_json::to_vec(&Sight::from(&found.seen)) else { return false };
        helper.waiting() < WAITING && helper.ask(&question, &[found.file.as_fd()])
    }

    /// Takes the answers that are there; waits for the first of them for so long.
    fn collect(&mut self, mut within: Duration) -> Result<(), LayerError> {
        while let Help::Here(helper) = &mut self.help {
            let kept = match helper.answer(within) {
                Ok(None) => return Ok(()),
                Ok(Some(answer)) => serde_json::from_slice::<Result<Kept, i32>>(&answer).ok(),
                Err(HelperGone) => None,
            };
            match (kept, self.asked.pop_front()) {
                (Some(kept), Some(number)) => {
                    self.settle(number, Some(kept.map_err(io::Error::from_raw_os_error)))?;
                }
                (None, number) => {
                    self.help = Help::Nobody;
                    for number in number.into_iter().chain(std::mem::take(&mut self.asked)) {
                        self.settle(number, None)?;
                    }
                }
                (Some(_), None) => {}
            }
            within = Duration::ZERO;
        }
        Ok(())
    }

    /// The bytes of a line's file are saved, or are read again where somebody wrote to it meanwhile.
    fn settle(&mut self, number: usize, kept: Option<io::Result<Kept>>) -> Result<(), LayerError> {
        let Some(line) = self.lines.get_mut(number - self.written) else { return Ok(()) };
        if let Line::Waiting(found) = line {
            let durable = !self.met.is_much();
            let (entry, size) = kept_entry(&mut self.keeper, found, kept, durable)?;
            self.saved.files += 1;
            self.saved.bytes += size;
            *line = Line::Ready(entry);
        }
        Ok(())
    }

    fn write_lines(&mut self) -> Result<(), LayerError> {
        while let Some(Line::Ready(entry)) = self.lines.pop_front_if(|line| matches!(line, Line::Ready(_))) {
            self.manifest.line(&entry)?;
            self.written += 1;
        }
        Ok(())
    }

    fn look_up(&mut self) -> Result<(), LayerError> {
        self.watch.tick();
        if self.watch.interrupted() { Err(LayerError::Interrupted) } else { Ok(()) }
    }
}

impl Saved {
    /// Whether syncing one by one would take longer than `syncfs`, and a helper pays.
    const fn is_much(self) -> bool {
        self.files > ONE_BY_ONE || self.bytes > MUCH
    }
}

impl Visitor for Save<'_> {
    fn file(&mut self, found: Found) -> Result<(), LayerError> {
        self.met.files += 1;
        self.met.bytes += found.seen.stx_size;
        self.saved.entries += 1;
        let helped = self.ask(&found);
        let number = self.written + self.lines.len();
        self.lines.push_back(Line::Waiting(Box::new(found)));
        if helped {
            self.asked.push_back(number);
        } else {
            self.settle(number, None)?;
        }
        self.collect(Duration::ZERO)?;
        self.write_lines()
    }

    fn entry(&mut self, entry: Entry) -> Result<(), LayerError> {
        // The folders on the way are not what somebody asked for.
        self.saved.entries += u64::from(!matches!(entry.what, What::Way { .. }));
        self.lines.push_back(Line::Ready(entry));
        while self.lines.len() > LINES && !self.asked.is_empty() {
            self.collect(LOOK)?;
            self.write_lines()?;
            self.look_up()?;
        }
        self.write_lines()
    }

    fn tick(&mut self) -> Result<(), LayerError> {
        self.visited += 1;
        if self.visited.is_multiple_of(64) { self.look_up() } else { Ok(()) }
    }
}

/// What the helper says about a file: as we would, or the number of the error.
fn answer(keeper: &mut Keeper, question: &[u8], files: &[std::os::fd::OwnedFd]) -> Vec<u8> {
    let kept = (|| {
        let sight: Sight = serde_json::from_slice(question)?;
        let file = files.first().ok_or(io::ErrorKind::InvalidInput)?.try_clone()?;
        keeper.keep(&File::from(file), &sight, false)
    })();
    let kept: Result<Kept, i32> = kept.map_err(|why| why.raw_os_error().unwrap_or(libc::EIO));
    serde_json::to_vec(&kept).unwrap_or_default()
}

/// The line of a file, and its size. `kept`: what a helper made of it.
fn kept_entry(
    keeper: &mut Keeper,
    found: &mut Found,
    mut kept: Option<io::Result<Kept>>,
    durable: bool,
) -> Result<(Entry, u64), LayerError> {
    for _ in 0..TRIES {
        let kept =
            kept.take().unwrap_or_else(|| keeper.keep(&found.file, &Sight::from(&found.seen), durable));
        match kept.map_err(|why| LayerError::io("write", keeper.temporary(), why))? {
            Some((size, sha256)) => {
                let (meta, links) = (found.meta.clone(), found.seen.stx_nlink);
                let what = What::File { meta, size, sha256, links };
                return Ok((Entry { path: found.path.as_path().into(), what }, size));
            }
            None => {
                let now =
                    Found::again(&found.path).map_err(|why| LayerError::io("read", &found.path, why))?;
                let Some(now) = now else { break };
                *found = now;
            }
        }
    }
    Err(LayerError::Unsteady { path: found.path.clone(), tries: TRIES })
}
