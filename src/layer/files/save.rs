//! Saves bytes under their hash, once for each content.
//!
//! Durability: the first few originals are synced one by one, so that a small record does not wait for everything else that
//! the machine is writing. From there on one `syncfs` at the end covers all of them: it returns when everything that
//! was written to that file system before the call, names included, is on the device, and since Linux 5.8 it reports
//! what could not be written. Nothing refers to an original before the manifest is durable, and the manifest is written
//! after that.

use super::entry::{Entry, What};
use super::scan::Visitor;
use crate::layer::LayerError;
use crate::layer::capsule::{self, ManifestWriter, digest};
use crate::model::Digest;
use crate::system::process::Watch;
use rustix::fs::{AtFlags, Statx, StatxFlags, ioctl_ficlone, statx, syncfs};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Originals that are synced one by one before `syncfs` takes over.
const ONE_BY_ONE: u64 = 16;

/// The size of a read: large enough that calls do not count, small enough to stay in the cache.
pub(super) const CHUNK: usize = 256 * 1024;

const BLOCK: usize = 4096;

/// Writes the manifest and the originals.
pub(super) struct Save<'a> {
    originals: PathBuf,
    manifest: ManifestWriter,
    watch: &'a mut dyn Watch,
    buffer: Vec<u8>,
    clones: bool,
    visited: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) entries: u64,
}

impl<'a> Save<'a> {
    pub(super) fn new(
        capsule: &Path,
        manifest: ManifestWriter,
        watch: &'a mut dyn Watch,
    ) -> Result<Self, LayerError> {
        Ok(Self {
            originals: capsule::folder(capsule, "originals")?,
            manifest,
            watch,
            buffer: vec![0; CHUNK],
            clones: true,
            visited: 0,
            files: 0,
            bytes: 0,
            entries: 0,
        })
    }

    /// Makes the originals durable and gives the manifest back.
    pub(super) fn finish(self) -> Result<ManifestWriter, LayerError> {
        let Self { originals, manifest, files, .. } = self;
        if files > ONE_BY_ONE {
            File::open(&originals)
                .and_then(|folder| Ok(syncfs(&folder)?))
                .map_err(|why| LayerError::io("sync", &originals, why))?;
        } else {
            capsule::sync_folder(&originals)?;
        }
        Ok(manifest)
    }

    fn copy(&mut self, from: &File, to: &mut File, seen: &Statx) -> io::Result<(u64, Digest)> {
        // A clone is a still picture: it is hashed instead of the file.
        if self.clones && seen.stx_size > 0 {
            match ioctl_ficlone(&*to, from) {
                Ok(()) => {
                    to.seek(SeekFrom::Start(0))?;
                    return pour(to, None, &mut self.buffer);
                }
                Err(_) => self.clones = false,
            }
        }
        let sparse = seen.stx_blocks.saturating_mul(512) < seen.stx_size;
        let mut out = Pour { file: to, sparse, length: 0 };
        let poured = pour(from, Some(&mut out), &mut self.buffer)?;
        out.finish()?;
        Ok(poured)
    }
}

impl Visitor for Save<'_> {
    fn file(&mut self, file: &File, seen: &Statx) -> Result<Option<(u64, Digest)>, LayerError> {
        let temporary = self.originals.join(".new");
        let wrote = |why| LayerError::io("write", &temporary, why);
        let mut copy = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(wrote)?;
        let (size, sha256) = self.copy(file, &mut copy, seen).map_err(wrote)?;
        let now = statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)
            .map_err(|why| LayerError::io("read", &temporary, why))?;
        if !still(seen, &now) || size != seen.stx_size {
            return Ok(None);
        }
        self.files += 1;
        self.bytes += size;
        if self.files <= ONE_BY_ONE {
            copy.sync_all().map_err(wrote)?;
        }
        fs::rename(&temporary, self.originals.join(&sha256.0)).map_err(wrote)?;
        Ok(Some((size, sha256)))
    }

    fn entry(&mut self, entry: Entry) -> Result<(), LayerError> {
        // The folders on the way are not what somebody asked for.
        self.entries += u64::from(!matches!(entry.what, What::Way { .. }));
        self.manifest.line(&entry)
    }

    fn tick(&mut self) -> Result<(), LayerError> {
        self.visited += 1;
        if self.visited.is_multiple_of(64) {
            self.watch.tick();
            if self.watch.interrupted() {
                return Err(LayerError::Interrupted);
            }
        }
        Ok(())
    }
}

/// Whether it is the same file, and nobody wrote to it or changed what it is.
fn still(before: &Statx, after: &Statx) -> bool {
    let key = |seen: &Statx| {
        let Statx { stx_ino, stx_size, stx_mode, stx_uid, stx_gid, stx_mtime, stx_ctime, .. } = seen;
        let times = (stx_mtime.tv_sec, stx_mtime.tv_nsec, stx_ctime.tv_sec, stx_ctime.tv_nsec);
        (*stx_ino, *stx_size, *stx_mode, *stx_uid, *stx_gid, times)
    };
    key(before) == key(after)
}

/// Where bytes go; long runs of zeros become holes where the source had holes.
pub(super) struct Pour<'a> {
    pub(super) file: &'a mut File,
    pub(super) sparse: bool,
    pub(super) length: u64,
}

impl Pour<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len() as u64;
        if !self.sparse {
            return self.file.write_all(bytes);
        }
        for block in bytes.chunks(BLOCK) {
            if block.iter().all(|byte| *byte == 0) {
                self.file.seek(SeekFrom::Current(i64::try_from(block.len()).unwrap_or(0)))?;
            } else {
                self.file.write_all(block)?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.sparse { self.file.set_len(self.length) } else { Ok(()) }
    }
}

/// Reads to the end, hashing, and writes along the way. Length and hash of what was read.
pub(super) fn pour(
    mut from: &File,
    mut to: Option<&mut Pour<'_>>,
    buffer: &mut [u8],
) -> io::Result<(u64, Digest)> {
    let mut hasher = Sha256::new();
    let mut length = 0;
    loop {
        let count = match from.read(buffer) {
            Ok(0) => return Ok((length, digest(hasher))),
            Ok(count) => count,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
            Err(why) => return Err(why),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        hasher.update(bytes);
        length += count as u64;
        if let Some(out) = to.as_deref_mut() {
            out.write(bytes)?;
        }
    }
}
