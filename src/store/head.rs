//! The head of a journal: how many facts were durable in it, and the hash of the last, in a file of its own beside it. A
//! journal that has fewer has lost its end. `docs/design/0002-journal.md` states it for people.
//!
//! It is written in place after each fact and not waited for: it may be behind the journal and is never ahead of it, so
//! that a power cut between the two tells of nothing that was lost. Two slots are written in turn; what a power cut
//! leaves half written is not read, and the other one says a little less.

use super::format::Hex;
use crate::system::files::{self, Access};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Each slot lies in one sector, whatever its size.
const SLOT: usize = 256;
const SLOTS: usize = 2;
/// Number, hash, and the hash of both, with a blank between them and a newline.
const LINE: usize = 20 + 1 + 64 + 1 + 64 + 1;

/// What was durable once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of the last fact; 0 where there was none.
    pub(super) seq: u64,
    /// Its hash; nothing where it is only known that there was one.
    pub(super) hash: Option<Hex>,
}

impl Head {
    fn line(self) -> Vec<u8> {
        let hash = self.hash.unwrap_or(Hex::GENESIS);
        let told = format!("{:020} {}", self.seq, hash.as_str());
        format!("{told} {}\n", Hex::of(told.as_bytes()).as_str()).into_bytes()
    }

    fn from_slot(slot: &[u8]) -> Option<Self> {
        let line = str::from_utf8(slot.get(..LINE)?).ok()?.strip_suffix('\n')?;
        let (told, sum) = line.rsplit_once(' ')?;
        if Hex::of(told.as_bytes()).as_str() != sum {
            return None;
        }
        let (seq, hash) = told.split_once(' ')?;
        let hash = Hex(hash.as_bytes().try_into().ok()?);
        Some(Self { seq: seq.parse().ok()?, hash: (hash != Hex::GENESIS).then_some(hash) })
    }

    /// What the head of this journal says; nothing where there is none that can be read: journals of earlier versions
    /// have none. To be read before the journal, since both may be written meanwhile.
    pub(super) fn read(journal: &Path) -> Option<Self> {
        let mut bytes = [0; SLOT * SLOTS];
        let file = files::open_plain(&path(journal)).ok()?;
        file.read_exact_at(&mut bytes, 0).ok()?;
        slots(&bytes).flatten().max_by_key(|head| head.seq)
    }
}

fn slots(bytes: &[u8]) -> impl Iterator<Item = Option<Head>> {
    bytes.chunks(SLOT).map(Head::from_slot)
}

fn path(journal: &Path) -> PathBuf {
    let mut name = OsString::from(journal.file_name().unwrap_or_default());
    name.push(".head");
    journal.with_file_name(name)
}

fn whole_file(head: Head) -> Vec<u8> {
    let mut bytes = head.line();
    bytes.resize(SLOT * SLOTS, b' ');
    bytes
}

/// The head of a journal that is written. What cannot be written of it is left: it says less then.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
    /// The slot that is not the newest.
    next: usize,
}

impl HeadFile {
    /// Makes one for a journal without a fact. Its name becomes durable with the journal's.
    pub(super) fn create(journal: &Path) -> Option<Self> {
        let none = Head { seq: 0, hash: None };
        files::write_new(&path(journal), &whole_file(none), Access::PRIVATE).ok()?;
        Self::open(journal, none)
    }

    /// Opens the head of a journal that was read and has facts up to this one; makes one where there is none.
    pub(super) fn open(journal: &Path, last: Head) -> Option<Self> {
        let open = || {
            let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
            OpenOptions::new().read(true).write(true).custom_flags(flags).open(path(journal)).ok()
        };
        let is_whole = |file: &File| {
            file.metadata().is_ok_and(|seen| seen.is_file() && seen.len() == (SLOT * SLOTS) as u64)
        };
        let file = match open().filter(is_whole) {
            Some(file) => file,
            None => {
                Self::replace(journal, last).ok()?;
                open()?
            }
        };
        let mut bytes = [0; SLOT * SLOTS];
        file.read_exact_at(&mut bytes, 0).ok()?;
        let newest = slots(&bytes).enumerate().max_by_key(|(_, head)| head.map(|head| head.seq));
        let next = newest.map_or(0, |(slot, _)| (slot + 1) % SLOTS);
        let mut opened = Self { file, next };
        if newest.and_then(|(_, head)| head) != Some(last) {
            opened.note(last);
        }
        Some(opened)
    }

    /// Puts another one in place, durable: for a journal that goes on with fewer facts than there were.
    pub(super) fn replace(journal: &Path, head: Head) -> Result<(), files::FileError> {
        files::write_atomic(&path(journal), &whole_file(head), Access::PRIVATE)
    }

    /// What is durable now. Not waited for.
    pub(super) fn note(&mut self, head: Head) {
        if write_at(&self.file, &head.line(), self.next * SLOT).is_ok() {
            self.next = (self.next + 1) % SLOTS;
        }
    }
}

fn write_at(file: &File, bytes: &[u8], at: usize) -> io::Result<()> {
    file.write_all_at(bytes, at as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64) -> Head {
        Head { seq, hash: Some(Hex::of(&seq.to_le_bytes())) }
    }

    #[test]
    fn the_newest_slot_counts_and_a_damaged_one_says_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("journal");
        assert_eq!(Head::read(&journal), None);
        let mut file = HeadFile::create(&journal).expect("made");
        assert_eq!(Head::read(&journal), Some(Head { seq: 0, hash: None }));
        for seq in [3, 4, 9] {
            file.note(head(seq));
            assert_eq!(Head::read(&journal), Some(head(seq)));
        }
        drop(file);
        let place = path(&journal);
        let whole = std::fs::read(&place).expect("read");
        assert_eq!(whole.len(), SLOT * SLOTS);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            std::fs::write(&place, bytes).expect("written");
            let told = Head::read(&journal).expect("the other one");
            assert!([head(9), head(4)].contains(&told), "byte {at}: {told:?}");
        }
        for length in 0..whole.len() {
            std::fs::write(&place, &whole[..length]).expect("written");
            assert_eq!(Head::read(&journal), None, "{length} bytes");
        }
        std::fs::write(&place, &whole).expect("written");
        let mut file = HeadFile::open(&journal, head(9)).expect("opened");
        file.note(head(10));
        assert_eq!(Head::read(&journal), Some(head(10)));
    }

    #[test]
    fn a_head_is_made_where_there_is_none_and_replaced_by_a_lower_one_where_that_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("journal");
        drop(HeadFile::open(&journal, head(7)).expect("made"));
        assert_eq!(Head::read(&journal), Some(head(7)));
        HeadFile::replace(&journal, Head { seq: 5, hash: None }).expect("replaced");
        assert_eq!(Head::read(&journal), Some(Head { seq: 5, hash: None }));
        std::os::unix::fs::symlink("elsewhere", folder.path().join("other.head")).expect("linked");
        let other = folder.path().join("other");
        drop(HeadFile::open(&other, head(1)).expect("made"));
        assert!(!folder.path().join("elsewhere").exists(), "a link is not followed");
    }
}
