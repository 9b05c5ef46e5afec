//! Writes a saved file's bytes into a new file, and reads them back.

use super::dress::dress;
use super::entry::{Entry, Meta, What};
use super::flags;
use super::keep::{CHUNK, Pour, copy, pour, send_off};
use crate::model::Digest;
use rustix::fs::{ioctl_ficlone, syncfs};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

/// Files of a batch that are synced one by one; more are synced together.
pub(super) const ONE_BY_ONE: usize = 16;

/// A file whose bytes wait under a temporary name.
pub(super) struct Pending {
    pub(super) entry: Entry,
    pub(super) temporary: OsString,
    pub(super) file: File,
    /// Absent while the helper writes it.
    pub(super) written: Option<io::Result<()>>,
}

/// What the new file shall be.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) meta: Meta,
    pub(super) size: u64,
    pub(super) sha256: Digest,
}

impl Wanted {
    /// What a recorded file shall be again; nothing for what is no file.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let What::File { meta, size, sha256, .. } = &entry.what else { return None };
        Some(Self { meta: meta.clone(), size: *size, sha256: sha256.clone() })
    }
}

/// Writes one file after the other. The runner and its helper have one each.
pub(super) struct Writer {
    buffer: Vec<u8>,
    clones: bool,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; CHUNK], clones: true }
    }

    /// Bytes, then all the rest. What is hashed is what was read back from the new file.
    pub(super) fn write(&mut self, original: &File, file: &mut File, wanted: &Wanted) -> io::Result<()> {
        self.try_to_write(original, file, wanted).inspect_err(|_| {
            // On a full disk the next file may need the room; the failure is what counts.
            let _ = file.set_len(0);
        })
    }

    fn try_to_write(&mut self, original: &File, file: &mut File, wanted: &Wanted) -> io::Result<()> {
        let Wanted { meta, size, sha256 } = wanted;
        // While it is empty: afterwards no file can be told not to be copied on write.
        flags::set(file, meta.flags)?;
        let cloned = self.clones && *size > 0 && ioctl_ficlone(&*file, original).is_ok();
        if !cloned {
            // An empty file says nothing about whether the file system can.
            self.clones = self.clones && *size == 0;
            let seen = original.metadata()?;
            let sparse = seen.blocks().saturating_mul(512) < seen.len();
            let mut out = Pour { file, sparse, length: 0 };
            copy(original, &mut out, &mut self.buffer)?;
            out.finish()?;
        }
        file.rewind()?;
        let now = pour(file, None, &mut self.buffer)?;
        if now != (*size, sha256.clone()) {
            return Err(self.blame(original, &now.1, wanted));
        }
        dress(file, meta)?;
        send_off(file);
        Ok(())
    }

    /// Whose fault it is that the new file is not as it should be.
    fn blame(&mut self, mut original: &File, written: &Digest, wanted: &Wanted) -> io::Error {
        let sha256 = &wanted.sha256;
        let why = match original.rewind().and_then(|()| pour(original, None, &mut self.buffer)) {
            Ok((size, now)) if (size, &now) == (wanted.size, sha256) => {
                format!("was read back with sha256 {written} after it was written, recorded {sha256}")
            }
            Ok((_, now)) => format!("saved bytes are damaged: sha256 {now}, recorded {sha256}"),
            Err(why) => format!("saved bytes {sha256} cannot be read: {why}"),
        };
        io::Error::new(io::ErrorKind::InvalidData, why)
    }
}

/// A failure as the helper tells it: the number where the system gave one, else in words.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Untold {
    Number(i32),
    Words(String),
}

impl Untold {
    fn of(why: &io::Error) -> Self {
        why.raw_os_error().map_or_else(|| Self::Words(why.to_string()), Self::Number)
    }

    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Number(number) => io::Error::from_raw_os_error(number),
            Self::Words(words) => io::Error::other(words),
        }
    }
}

/// What the helper says about a file.
pub(super) fn answer(writer: &mut Writer, question: &[u8], files: &[OwnedFd]) -> Vec<u8> {
    let written = (|| {
        let wanted: Wanted = serde_json::from_slice(question)?;
        let [original, file] = files else { return Err(io::ErrorKind::InvalidInput.into()) };
        writer.write(&File::from(original.try_clone()?), &mut File::from(file.try_clone()?), &wanted)
    })();
    serde_json::to_vec(&written.map_err(|why| Untold::of(&why))).unwrap_or_default()
}

/// Makes the bytes of a batch durable.
pub(super) fn sync_batch(pending: &[Pending]) -> io::Result<()> {
    if pending.len() <= ONE_BY_ONE {
        return pending.iter().try_for_each(|one| one.file.sync_data());
    }
    let mut synced = Vec::new();
    for one in pending {
        let device = std::os::unix::fs::MetadataExt::dev(&one.file.metadata()?);
        if !synced.contains(&device) {
            syncfs(&one.file)?;
            synced.push(device);
        }
    }
    Ok(())
}
