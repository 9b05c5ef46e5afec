//! Bytes on their way: read, hashed, written, and put under the name of their hash.

use super::entry::Moment;
use crate::layer::capsule::digest;
use crate::model::Digest;
use crate::system::files::read_full;
use rustix::fs::{AtFlags, Statx, StatxFlags, ioctl_ficlone, statx};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The size of a read: large enough that calls do not count, small enough to stay in the cache.
pub(super) const CHUNK: usize = 256 * 1024;

const BLOCK: usize = 4096;

/// A file as it was seen: where anything of it is different, somebody wrote to it or changed what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sight {
    inode: u64,
    size: u64,
    mode: u16,
    owner: (u32, u32),
    mtime: Moment,
    ctime: Moment,
}

impl From<&Statx> for Sight {
    fn from(seen: &Statx) -> Self {
        Self {
            inode: seen.stx_ino,
            size: seen.stx_size,
            mode: seen.stx_mode,
            owner: (seen.stx_uid, seen.stx_gid),
            mtime: seen.stx_mtime.into(),
            ctime: seen.stx_ctime.into(),
        }
    }
}

/// Length and hash of what was saved; nothing where the file was not as it was seen.
pub(super) type Kept = Option<(u64, Digest)>;

/// Saves the bytes of one file after the other. The runner and its helper have one each.
pub(super) struct Keeper {
    originals: PathBuf,
    temporary: PathBuf,
    buffer: Vec<u8>,
    clones: bool,
}

impl Keeper {
    /// One that writes into this folder, under this name until the hash is known.
    pub(super) fn new(originals: &Path, temporary: &str) -> Self {
        Self {
            originals: originals.to_owned(),
            temporary: originals.join(temporary),
            buffer: vec![0; CHUNK],
            clones: true,
        }
    }

    /// Where it writes.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Saves one file; `durable`: it is, when this returns. Otherwise its bytes are on their way to the disk.
    pub(super) fn keep(&mut self, mut file: &File, sight: &Sight, durable: bool) -> io::Result<Kept> {
        // A helper that is gone may have begun to read it.
        file.rewind()?;
        let about = statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        let sparse = about.stx_blocks.saturating_mul(512) < about.stx_size;
        if self.clones || sparse || sight.size >= CHUNK as u64 {
            self.keep_in_pieces(file, sight, durable, sparse)
        } else {
            self.keep_at_once(file, sight, durable)
        }
    }

    fn keep_in_pieces(
        &mut self,
        file: &File,
        sight: &Sight,
        durable: bool,
        sparse: bool,
    ) -> io::Result<Kept> {
        let mut copy = self.open_temporary()?;
        let (size, sha256) = self.copy(file, &mut copy, sparse, sight.size > 0)?;
        if !is_as_seen(file, sight, size)? {
            return Ok(None);
        }
        on_its_way(&copy, durable)?;
        fs::rename(&self.temporary, self.originals.join(&sha256.0))?;
        Ok(Some((size, sha256)))
    }

    /// What fits the buffer is hashed before it is written and needs no other name first. Nothing refers to it before
    /// it is whole and durable; what a killed runner left half written is replaced.
    fn keep_at_once(&mut self, mut file: &File, sight: &Sight, durable: bool) -> io::Result<Kept> {
        let read = read_full(&mut file, &mut self.buffer)?;
        let bytes = self.buffer.get(..read).unwrap_or_default();
        let size = bytes.len() as u64;
        // Where it is longer now than the buffer, it is not as it was seen either.
        if !is_as_seen(file, sight, size)? {
            return Ok(None);
        }
        let sha256 = digest(Sha256::new_with_prefix(bytes));
        let path = self.originals.join(&sha256.0);
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut copy) => {
                let written = copy.write_all(bytes).and_then(|()| on_its_way(&copy, durable));
                written.inspect_err(|_| {
                    // On a full disk half of it is only in the way; the failure is what counts.
                    let _ = fs::remove_file(&path);
                })?;
            }
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
                let mut copy = self.open_temporary()?;
                copy.write_all(bytes)?;
                on_its_way(&copy, durable)?;
                fs::rename(&self.temporary, &path)?;
            }
            Err(why) => return Err(why),
        }
        Ok(Some((size, sha256)))
    }

    fn open_temporary(&self) -> io::Result<File> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&self.temporary)
    }

    fn copy(&mut self, from: &File, to: &mut File, sparse: bool, holds: bool) -> io::Result<(u64, Digest)> {
        // A clone is a still picture: it is hashed instead of the file.
        if self.clones && holds {
            match ioctl_ficlone(&*to, from) {
                Ok(()) => {
                    to.rewind()?;
                    return pour(to, None, &mut self.buffer);
                }
                Err(_) => self.clones = false,
            }
        }
        let mut out = Pour { file: to, sparse, length: 0 };
        let poured = pour(from, Some(&mut out), &mut self.buffer)?;
        out.finish()?;
        Ok(poured)
    }
}

/// Whether a file is what was seen, after so many bytes of it were read.
fn is_as_seen(file: &File, sight: &Sight, read: u64) -> io::Result<bool> {
    let now = statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    Ok(*sight == Sight::from(&now) && read == sight.size)
}

fn on_its_way(copy: &File, durable: bool) -> io::Result<()> {
    if durable {
        copy.sync_all()
    } else {
        send_off(copy);
        Ok(())
    }
}

/// Starts writing a file's bytes to the disk without waiting, so that the disk works while we read and hash: what makes
/// them durable later has little left to do.
#[expect(unsafe_code, reason = "no crate here has a safe form of it")]
pub(super) fn send_off(file: &File) {
    // SAFETY: a plain system call on an open descriptor. A hint only: a file system without it writes later.
    unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
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
    from: &File,
    mut to: Option<&mut Pour<'_>>,
    buffer: &mut [u8],
) -> io::Result<(u64, Digest)> {
    let mut hasher = Sha256::new();
    let mut length = 0;
    each_read(from, buffer, |bytes| {
        hasher.update(bytes);
        length += bytes.len() as u64;
        to.as_deref_mut().map_or(Ok(()), |out| out.write(bytes))
    })?;
    Ok((length, digest(hasher)))
}

/// Reads to the end and writes; what was written is hashed when it is read back.
pub(super) fn copy(from: &File, to: &mut Pour<'_>, buffer: &mut [u8]) -> io::Result<()> {
    each_read(from, buffer, |bytes| to.write(bytes))
}

fn each_read(
    mut from: &File,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        match from.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => take(buffer.get(..count).unwrap_or_default())?,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
}
