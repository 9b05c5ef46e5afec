//! Files on their way back: written under temporary names, by the helper or by ourselves, and put in place in batches.

use super::compare::{Depth, Difference};
use super::entry::Entry;
use super::folder::no_room;
use super::restore::Restore;
use super::save::Help;
use super::temporary::{create_temporary, put_in_place, temporary_name};
use super::write::{ONE_BY_ONE, Pending, Untold, Wanted, Writer, answer, sync_batch};
use crate::system::files::open_plain;
use crate::system::process::{Helper, HelperGone};
use rustix::fs::{AtFlags, unlinkat};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A helper pays above so many files, [`ONE_BY_ONE`], or so many bytes.
const MUCH: u64 = 4 << 20;
/// Questions that wait for the helper: enough that it has always something to do.
const WAITING: usize = 8;
/// Between two ticks while the helper is waited for.
const LOOK: Duration = Duration::from_millis(50);
impl Restore<'_> {
    /// Makes the temporary file, and has it written by the helper or writes it.
    pub(super) fn write_temporary(&mut self, path: &Path, entry: Entry, wanted: Wanted) -> io::Result<()> {
        let original = open_plain(&self.originals.join(&wanted.sha256.0)).map_err(|why| {
            io::Error::new(why.kind(), format!("saved bytes {} cannot be read: {why}", wanted.sha256))
        })?;
        let (temporary, mut file) = match self.temporary(path) {
            // What waits for its rename holds descriptors, and on a full disk the place of what it replaces.
            Err(why) if no_room(&why) && !self.pending.is_empty() => {
                self.place_pending();
                self.temporary(path)?
            }
            made => made?,
        };
        self.met = (self.met.0 + 1, self.met.1.saturating_add(wanted.size));
        let written = if self.ask(&original, &file, &wanted) {
            self.asked.push_back(self.pending.len());
            None
        } else {
            Some(self.writer.write(&original, &mut file, &wanted))
        };
        self.changed += 1;
        self.pending_bytes += wanted.size;
        self.pending.push(Pending { entry, temporary, file, written });
        self.collect(Duration::ZERO);
        Ok(())
    }

    fn temporary(&mut self, path: &Path) -> io::Result<(OsString, File)> {
        let (folder, name) = self.looker.folders.parent(path)?;
        let temporary = temporary_name(name);
        let file = create_temporary(folder, &temporary)?;
        Ok((temporary, file))
    }

    /// Asks the helper to write a file. Whether it will.
    fn ask(&mut self, original: &File, file: &File, wanted: &Wanted) -> bool {
        let (files, bytes) = self.met;
        if matches!(self.help, Help::NotYet) && (files > ONE_BY_ONE as u64 || bytes > MUCH) {
            let mut writer = Writer::new();
            let helper = Helper::start(move |question, files| answer(&mut writer, question, files));
            self.help = helper.map_or(Help::Nobody, Help::Here);
        }
        let Help::Here(helper) = &mut self.help else { return false };
        let Ok(question) = serde_json::to_vec(wanted) else { return false };
        helper.waiting() < WAITING && helper.ask(&question, &[original.as_fd(), file.as_fd()])
    }

    /// Takes the answers that are there; waits for the first of them for so long.
    fn collect(&mut self, mut within: Duration) {
        while let Help::Here(helper) = &mut self.help {
            let written = match helper.answer(within) {
                Ok(None) => return,
                Ok(Some(answer)) => serde_json::from_slice::<Result<(), Untold>>(&answer).ok(),
                Err(HelperGone) => None,
            };
            match (written, self.asked.pop_front()) {
                (Some(written), Some(at)) => self.settle(at, Some(written.map_err(Untold::error))),
                (None, at) => {
                    self.help = Help::Nobody;
                    for at in at.into_iter().chain(std::mem::take(&mut self.asked)) {
                        self.settle(at, None);
                    }
                }
                (Some(_), None) => {}
            }
            within = Duration::ZERO;
        }
    }

    /// A file is written; by ourselves, where the helper did not.
    fn settle(&mut self, at: usize, written: Option<io::Result<()>>) {
        let Some(pending) = self.pending.get_mut(at) else { return };
        let Some(wanted) = Wanted::of(&pending.entry) else { return };
        let written = written.unwrap_or_else(|| {
            // The helper may have begun.
            pending.file.set_len(0)?;
            pending.file.rewind()?;
            let original = open_plain(&self.originals.join(&wanted.sha256.0))?;
            self.writer.write(&original, &mut pending.file, &wanted)
        });
        pending.written = Some(written);
    }

    /// Makes waiting bytes durable, then puts them in place. What found no room while others waited is tried again, one
    /// after the other: each that is in place has given back what it replaced.
    pub(super) fn place_pending(&mut self) {
        let alone = self.pending.len() == 1;
        for (path, entry, wanted) in self.place_ready(alone) {
            match self.write_temporary(&path, entry, wanted) {
                Ok(()) => drop(self.place_ready(true)),
                Err(why) => self.fail(&path, &why),
            }
        }
    }

    /// Puts in place what could be written. Gives back what found no room, unless it was alone.
    pub(super) fn place_ready(&mut self, alone: bool) -> Vec<(PathBuf, Entry, Wanted)> {
        while !self.asked.is_empty() {
            self.collect(LOOK);
            self.watch.tick();
        }
        self.pending_bytes = 0;
        let (mut ready, mut again) = (Vec::new(), Vec::new());
        for mut one in std::mem::take(&mut self.pending) {
            match one.written.take() {
                Some(Err(why)) if !alone && no_room(&why) => {
                    self.take_away(&one);
                    again.extend(
                        Wanted::of(&one.entry).map(|wanted| (one.entry.path.to_path(), one.entry, wanted)),
                    );
                }
                Some(Err(why)) => {
                    self.take_away(&one);
                    self.fail(&one.entry.path.to_path(), &why);
                }
                Some(Ok(())) | None => ready.push(one),
            }
        }
        if let Err(why) = sync_batch(&ready) {
            for one in &ready {
                self.fail(one.entry.path.path(), &why);
            }
        } else {
            for one in ready {
                let path = one.entry.path.to_path();
                let Pending { entry, temporary, file, .. } = one;
                // Placing it takes descriptors, and there may be few.
                drop(file);
                if let Err(why) = self.place(&path, &entry, &temporary) {
                    self.fail(&path, &why);
                }
                self.tick();
            }
        }
        again
    }

    /// Takes away what could not be written.
    fn take_away(&mut self, pending: &Pending) {
        let path = pending.entry.path.to_path();
        if let Ok((folder, _)) = self.looker.folders.parent(&path) {
            // The failure is what counts; a temporary name that stays is used again next time.
            let _ = unlinkat(folder, &pending.temporary, AtFlags::empty());
        }
        self.changed = self.changed.saturating_sub(1);
    }

    fn place(&mut self, path: &Path, entry: &Entry, temporary: &OsStr) -> io::Result<()> {
        let (folder, name) = self.looker.folders.parent(path)?;
        put_in_place(folder, temporary, name)?;
        // Its bytes were read back before; that it is this file, the final look at everything says once more.
        let found = self.looker.differences(entry, Depth::Metadata)?;
        // Its other names follow.
        match found.iter().find(|one| !matches!(one, Difference::Names { .. })) {
            Some(other) => Err(io::Error::other(format!("{other}, right after it was put back"))),
            None => Ok(()),
        }
    }
}
