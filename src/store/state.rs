//! The state folder: which generations there are, which is current, and whose numbers come next.

use super::{Approved, Capsule, Journal, StoreError, capsule};
use crate::model::{Digest, GenerationNumber};
use crate::system::files::{self, Access};
use crate::system::leftovers;
use crate::system::lock::{Lock, LockError};
use nix::sys::statfs::{self, FsType};
use std::cell::OnceCell;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const GENERATIONS: &str = "generations";
const CURRENT: &str = "current";
const HIGHEST: &str = "highest";
const BIN: &str = "bin";
const CHILDREN: &str = "children";

/// Where switchback remembers. Opening and reading create nothing.
#[derive(Debug)]
pub struct StateFolder {
    root: PathBuf,
    program: PathBuf,
    pinned: OnceCell<Digest>,
}

impl StateFolder {
    /// Opens a state folder for reading. Creates nothing.
    ///
    /// # Errors
    /// [`StoreError::NoState`] where there is none; [`StoreError::Loose`] and [`StoreError::Foreign`] where others
    /// may have written it: what it says is executed on the way back; [`StoreError::Shut`] where nobody can look into it.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        match fs::metadata(root) {
            Ok(_) => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NoState(root.to_owned()));
            }
            Err(why) => return Err(StoreError::io("open", root)(why)),
        }
        refuse_shared(root)?;
        let state = Self::at(root);
        let generations = state.generations_folder();
        match fs::metadata(&generations) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Err(StoreError::NoState(root.to_owned())),
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NoState(root.to_owned()));
            }
            Err(why) => return Err(StoreError::io("open", &generations)(why)),
        }
        Ok(state)
    }

    /// Opens a state folder for a run, and makes it where it is missing: mode 0700, whatever the umask.
    ///
    /// # Errors
    /// As [`StateFolder::open`], and [`StoreError::File`] where it cannot be made.
    pub fn create(root: &Path) -> Result<Self, StoreError> {
        if root.symlink_metadata().is_err() {
            files::mkdir_private(root)?;
            tighten(root)?;
        }
        refuse_shared(root)?;
        let state = Self::at(root);
        let generations = state.generations_folder();
        if generations.symlink_metadata().is_err() {
            files::mkdir_private(&generations)?;
            tighten(&generations)?;
        }
        refuse_shared(&generations)?;
        Ok(state)
    }

    fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), program: PathBuf::from("/proc/self/exe"), pinned: OnceCell::new() }
    }

    /// Keeps this program in capsules instead of the one that runs: for tests, whose own binary is large.
    #[must_use]
    pub fn with_program(mut self, program: &Path) -> Self {
        program.clone_into(&mut self.program);
        self.pinned = OnceCell::new();
        self
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What marks the children of whoever acts on this state: one folder has one name, whatever links lead to it.
    #[must_use]
    pub fn scope(&self) -> String {
        fs::canonicalize(&self.root).unwrap_or_else(|_| self.root.clone()).display().to_string()
    }

    /// The file that says where the children of whoever acts on this state are.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.root.join(CHILDREN)
    }

    /// The right to change this state; `what` is the verb that others are told. What a killed runner was writing here
    /// and had not put in place is removed.
    ///
    /// # Errors
    /// [`LockError::Held`] where another run has it.
    pub fn lock(&self, what: &str) -> Result<Lock, LockError> {
        let lock = Lock::take(&self.root, what)?;
        let newest = self.linked().map(|number| self.generation_folder(number));
        for folder in [self.root.clone(), self.root.join(BIN)].into_iter().chain(newest) {
            leftovers::remove(&folder);
        }
        Ok(lock)
    }

    /// What is unwise about the file system that the state is on, in words: locks, renames or syncs may mean less.
    #[must_use]
    pub fn caution(&self) -> Option<String> {
        const FUSE: FsType = statfs::FUSE_SUPER_MAGIC;
        let kind = statfs::statfs(&self.root).ok()?.filesystem_type();
        let (name, why) = match kind {
            statfs::NFS_SUPER_MAGIC => ("NFS", "locks and renames may not hold across machines"),
            statfs::SMB_SUPER_MAGIC => ("SMB", "locks and renames may not hold across machines"),
            FUSE => ("FUSE", "a sync may mean nothing"),
            statfs::OVERLAYFS_SUPER_MAGIC => ("overlayfs", "it may be gone with its container"),
            statfs::TMPFS_MAGIC => ("tmpfs", "it is gone after a reboot"),
            _ => return None,
        };
        Some(format!("{} is on {name}: {why}", self.root.display()))
    }

    fn generations_folder(&self) -> PathBuf {
        self.root.join(GENERATIONS)
    }

    /// The folder of a generation, whether it is there or not.
    #[must_use]
    pub fn generation_folder(&self, number: GenerationNumber) -> PathBuf {
        self.generations_folder().join(number.to_string())
    }

    /// Every generation that has a folder, lowest first. One whose journal has no first line never began.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the folder cannot be listed.
    pub fn generations(&self) -> Result<Vec<GenerationNumber>, StoreError> {
        let folder = self.generations_folder();
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&folder).map_err(StoreError::io("list", &folder))? {
            let entry = entry.map_err(StoreError::io("list", &folder))?;
            numbers.extend(entry.file_name().to_str().and_then(number_of));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The newest generation that began. Reads one link and one line, whatever the number of generations; only where
    /// the link is missing or leads nowhere are the folders looked through, newest first.
    #[must_use]
    pub fn current(&self) -> Option<GenerationNumber> {
        let journal = |number: &GenerationNumber| self.generation_folder(*number).join(capsule::JOURNAL);
        let begun = |number: &GenerationNumber| Journal::has_begun(&journal(number));
        let sealed = |number: &GenerationNumber| self.generation_folder(*number).join(capsule::UNDO).exists();
        // A generation is linked after its journal was made. Where that is damaged at its very beginning, or gone, the
        // generation is damaged, and the one before it is not the current one.
        self.linked()
            .filter(|number| self.generation_folder(*number).is_dir())
            .filter(|number| begun(number) || !Journal::never_began(&journal(number)) || sealed(number))
            .or_else(|| self.generations().unwrap_or_default().into_iter().rev().find(begun))
    }

    /// The generation that was the current one and whose folder is gone.
    #[must_use]
    pub fn lost(&self) -> Option<GenerationNumber> {
        let highest = fs::read_to_string(self.root.join(HIGHEST)).ok();
        let highest = highest.as_deref().map(str::trim_end).and_then(number_of);
        // A number that was never given was never a generation.
        self.linked()
            .filter(|number| highest.is_none_or(|highest| *number <= highest))
            .filter(|number| !self.generation_folder(*number).is_dir())
    }

    fn linked(&self) -> Option<GenerationNumber> {
        let target = fs::read_link(self.root.join(CURRENT)).ok()?;
        number_of(target.strip_prefix(GENERATIONS).ok()?.to_str()?)
    }

    /// The number of the next generation: above every folder, above the link, and above `highest`, which remembers
    /// numbers whose folders are gone.
    ///
    /// # Errors
    /// [`StoreError::NumbersUsedUp`], or that the folder cannot be listed.
    pub fn next_number(&self) -> Result<GenerationNumber, StoreError> {
        let remembered = fs::read_to_string(self.root.join(HIGHEST)).ok();
        let highest = self
            .generations()?
            .last()
            .copied()
            .into_iter()
            .chain(self.linked())
            .chain(remembered.as_deref().map(str::trim_end).and_then(number_of))
            .max();
        match highest {
            None => Ok(GenerationNumber(1)),
            Some(last) => last.0.checked_add(1).map(GenerationNumber).ok_or(StoreError::NumbersUsedUp(last)),
        }
    }

    /// Makes a generation the current one, in one durable step.
    ///
    /// # Errors
    /// [`StoreError::NoGeneration`], [`StoreError::Io`], [`StoreError::File`].
    pub fn make_current(&self, number: GenerationNumber) -> Result<(), StoreError> {
        if !self.generation_folder(number).is_dir() {
            return Err(StoreError::NoGeneration(number));
        }
        let (link, temporary) = (self.root.join(CURRENT), self.root.join(files::temporary_name()));
        std::os::unix::fs::symlink(Path::new(GENERATIONS).join(number.to_string()), &temporary)
            .map_err(StoreError::io("make the link", &temporary))?;
        fs::rename(&temporary, &link).map_err(|why| {
            // The error that led here is the one to be told.
            let _ = fs::remove_file(&temporary);
            StoreError::io("replace", &link)(why)
        })?;
        Ok(files::sync_folder(&self.root)?)
    }

    /// Makes the newest generation that began the current one, whatever the link says now; none where there is none.
    pub(super) fn link_newest(&self) -> Result<(), StoreError> {
        let link = self.root.join(CURRENT);
        match fs::remove_file(&link) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", &link)(why));
            }
            Ok(()) | Err(_) => files::sync_folder(&self.root)?,
        }
        // Without the link the folders are looked through.
        self.current().map_or(Ok(()), |newest| self.make_current(newest))
    }

    /// The capsule of a generation.
    ///
    /// # Errors
    /// [`StoreError::NoGeneration`].
    pub fn capsule(&self, number: GenerationNumber) -> Result<Capsule, StoreError> {
        let folder = self.generation_folder(number);
        if !folder.is_dir() {
            return Err(StoreError::NoGeneration(number));
        }
        Ok(Capsule::at(folder, number, None))
    }

    /// Opens the next generation: its capsule with the approved plan, the program, the ballast and an empty journal,
    /// durable, and the current one. Its journal is still without a line: append `PhaseBegan` next. Until then a
    /// crash leaves the generation before it as the current one.
    ///
    /// # Errors
    /// [`StoreError`]; the number is not used again.
    pub fn open_generation(&self, approved: &Approved) -> Result<Capsule, StoreError> {
        let number = self.next_number()?;
        let before = self.current();
        // First the number, then the folder: a folder that is deleted later leaves its number taken.
        files::write_atomic(&self.root.join(HIGHEST), format!("{number}\n").as_bytes(), Access::PRIVATE)?;
        let program = self.pin_program()?;
        let folder = self.generation_folder(number);
        let pinned = self.root.join(BIN).join(&program.0);
        let capsule =
            Capsule::make(folder.clone(), number, approved, program, &pinned).inspect_err(|_| {
                // Half a capsule is of no use, and on a full disk in the way. The error that led here is the one to tell.
                let _ = fs::remove_dir_all(&folder);
            })?;
        files::sync_folder(&self.generations_folder())?;
        self.make_current(number)?;
        if let Some(before) = before.filter(|before| *before != number) {
            // One ballast for each state folder is enough; what cannot be released now only costs space.
            let _ = self.capsule(before).and_then(|capsule| capsule.release_ballast());
        }
        Ok(capsule)
    }

    /// The program that runs, kept once for each of its versions as `bin/<sha256>`.
    fn pin_program(&self) -> Result<&Digest, StoreError> {
        if let Some(digest) = self.pinned.get() {
            return Ok(digest);
        }
        let digest = files::sha256_file(&self.program)?;
        let folder = self.root.join(BIN);
        files::mkdir_private(&folder)?;
        let path = folder.join(&digest.0);
        // Read back what is there: a damaged copy is replaced now, not found at two in the morning.
        if !files::same_bytes(&self.program, &path).unwrap_or(false) {
            capsule::copy_program(&self.program, &path)?;
            if !files::same_bytes(&self.program, &path)? {
                let now = files::sha256_file(&path)?;
                return Err(StoreError::Changed { path, now, recorded: digest });
            }
        }
        Ok(self.pinned.get_or_init(|| digest))
    }
}

/// The number that a folder's name states; `None` for other names, and for numbers written otherwise.
fn number_of(name: &str) -> Option<GenerationNumber> {
    let number = GenerationNumber(name.parse().ok()?);
    (number.to_string() == name && number.0 > 0).then_some(number)
}

/// Takes away what an odd umask may have left out or a parent's default ACL may have added.
fn tighten(folder: &Path) -> Result<(), StoreError> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))
        .map_err(StoreError::io("change the mode of", folder))
}

fn refuse_shared(path: &Path) -> Result<(), StoreError> {
    let meta = fs::metadata(path).map_err(StoreError::io("open", path))?;
    let (mode, owner, euid) = (meta.mode() & 0o7777, meta.uid(), nix::unistd::geteuid().as_raw());
    if !meta.is_dir() {
        return Err(StoreError::NotAFolder(path.to_owned()));
    }
    if owner != euid {
        return Err(StoreError::Foreign { path: path.to_owned(), owner, euid });
    }
    if mode & 0o077 != 0 {
        return Err(StoreError::Loose { path: path.to_owned(), mode });
    }
    // What is in it is not seen, which is not the same as that nothing is. Root sees it all the same.
    if euid != 0 && mode & 0o500 != 0o500 {
        return Err(StoreError::Shut { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
