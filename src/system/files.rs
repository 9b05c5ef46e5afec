//! Durable files: what these functions return from is on the disk.

use crate::model::Digest;
use sha2::{Digest as _, Sha256};
use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What went wrong with which file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A system call failed.
    #[error("cannot {act} {}: {source}", .path.display())]
    Failed {
        /// The operation: `sync`, `rename`.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Longer than what is read.
    #[error("{} is longer than {limit} bytes", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A link stands where only the real file or folder is written.
    #[error("{} is a link to {}; the plan and its files layer have to name the real file", .path.display(), .target.display())]
    Linked {
        /// The link.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// A new file in its place would part its names.
    #[error("{} has {names} names (hard links); a change would reach only one of them", .path.display())]
    ManyNames {
        /// The file.
        path: PathBuf,
        /// How many names it has.
        names: u64,
    },
    /// A folder, a pipe, a device.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// A folder that shall be private is not.
    #[error("{} has mode {mode:04o} and owner {owner}; it must be a folder of user {user} with mode 0700", .path.display())]
    NotPrivate {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        owner: u32,
        /// Who it must belong to.
        user: u32,
    },
}

impl FileError {
    /// The error number, where a system call failed: to tell a full disk from a read-only one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Failed { source, .. } => source.raw_os_error(),
            Self::TooLong { .. }
            | Self::Linked { .. }
            | Self::ManyNames { .. }
            | Self::NotAFile(_)
            | Self::NotPrivate { .. } => None,
        }
    }
}

/// Names operation and file in an error.
pub(super) fn failed(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError::Failed { act, path: path.to_owned(), source }
}

/// Permission bits and owner of a file to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Permission bits, whatever the umask.
    pub mode: u32,
    /// User and group; the runner's own where absent.
    pub owner: Option<(u32, u32)>,
}

impl Access {
    /// For the runner alone: 0600.
    pub const PRIVATE: Self = Self { mode: 0o600, owner: None };
}

/// Creates a file, refusing one that is there, and syncs it and its folder.
///
/// # Errors
/// [`FileError::Failed`]. What was created is removed again; a failed sync is never tried a second time, since the
/// kernel forgets what it could not write.
pub fn write_new_synced(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    write_new(path, bytes, access)?;
    sync_folder(folder_of(path)).inspect_err(|_| remove_quietly(path))
}

/// Puts a file in place in one step: after a crash at any moment, either the old or the new one is there, whole.
///
/// # Errors
/// [`FileError::Failed`]. The old file is untouched where the error comes before the rename.
pub fn write_atomic(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let folder = folder_of(path);
    let temporary = loop {
        let candidate = folder.join(temporary_name());
        match write_new(&candidate, bytes, access) {
            Ok(()) => break candidate,
            // Left by a runner that died.
            Err(FileError::Failed { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(why),
        }
    };
    std::fs::rename(&temporary, path)
        .map_err(failed("rename to", path))
        .inspect_err(|_| remove_quietly(&temporary))?;
    sync_folder(folder)
}

/// A name for a file that is being written, for use in the folder of its target; not used before by this process. It tells
/// the process, and a number that this process alone has: after a reboot another one may have its process id.
#[must_use]
pub fn temporary_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let (pid, own) = (std::process::id(), own_number());
    format!(".switchback-{pid}-{own:08x}-{}.tmp", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A number that another process with the same id does not have.
pub(super) fn own_number() -> u32 {
    static OWN: OnceLock<u32> = OnceLock::new();
    // Of the standard library's sources of chance the one that needs no file and never waits for the machine.
    *OWN.get_or_init(|| (RandomState::new().build_hasher().finish() >> 32) as u32)
}

/// Creates a file, refusing one that is there, and syncs it. Its name is durable only after [`sync_folder`]: one for
/// many files.
///
/// # Errors
/// [`FileError::Failed`]. What was created is removed again.
pub fn write_new(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed("create", path))?;
    fill(&mut file, path, bytes, access).inspect_err(|_| remove_quietly(path))
}

pub(super) fn fill(file: &mut File, path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    file.write_all(bytes).map_err(failed("write", path))?;
    // Owner before mode: a change of owner clears the set-id bits.
    if let Some((uid, gid)) = access.owner {
        std::os::unix::fs::fchown(&*file, Some(uid), Some(gid))
            .map_err(failed("change the owner of", path))?;
    }
    file.set_permissions(Permissions::from_mode(access.mode)).map_err(failed("change the mode of", path))?;
    file.sync_all().map_err(failed("sync", path))
}

fn remove_quietly(path: &Path) {
    // The error that led here is the one to be told.
    let _ = std::fs::remove_file(path);
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => path,
    }
}

/// Makes the entries of a folder durable.
///
/// # Errors
/// [`FileError::Failed`].
pub fn sync_folder(path: &Path) -> Result<(), FileError> {
    let folder = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY)
        .open(path)
        .map_err(failed("open", path))?;
    folder.sync_all().map_err(failed("sync", path))
}

/// Makes the bytes of a file durable.
///
/// # Errors
/// [`FileError::Failed`].
pub fn sync_file(path: &Path) -> Result<(), FileError> {
    File::open(path).map_err(failed("open", path))?.sync_all().map_err(failed("sync", path))
}

/// Creates a folder of mode 0700 with the folders above it, and makes that durable. One that is there must be private.
///
/// # Errors
/// [`FileError::NotPrivate`] where it is there and others may enter it.
pub fn mkdir_private(path: &Path) -> Result<(), FileError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => return sync_folder(folder_of(path)),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
        Err(why) if why.kind() == io::ErrorKind::NotFound && path.parent().is_some() => {
            mkdir_shared(folder_of(path))?;
            DirBuilder::new().mode(0o700).create(path).map_err(failed("create", path))?;
            return sync_folder(folder_of(path));
        }
        Err(why) => return Err(failed("create", path)(why)),
    }
    let meta = std::fs::symlink_metadata(path).map_err(failed("read", path))?;
    let (mode, owner, user) = (meta.mode() & 0o7777, meta.uid(), nix::unistd::geteuid().as_raw());
    if meta.is_dir() && mode & 0o077 == 0 && owner == user {
        Ok(())
    } else {
        Err(FileError::NotPrivate { path: path.to_owned(), mode, owner, user })
    }
}

/// Folders above a private one: 0755, each durable.
fn mkdir_shared(path: &Path) -> Result<(), FileError> {
    match DirBuilder::new().mode(0o755).create(path) {
        Ok(()) => sync_folder(folder_of(path)),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::NotFound && path.parent().is_some() => {
            mkdir_shared(folder_of(path))?;
            DirBuilder::new().mode(0o755).create(path).map_err(failed("create", path))?;
            sync_folder(folder_of(path))
        }
        Err(why) => Err(failed("create", path)(why)),
    }
}

/// The whole content, where it is not longer than the limit.
///
/// # Errors
/// [`FileError::TooLong`]; the limit holds whatever length the file claims to have.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    read_open(&mut open_plain(path).map_err(failed("open", path))?, path, limit)
}

pub(super) fn read_open(file: &mut File, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= limit) {
        Ok(bytes)
    } else {
        Err(FileError::TooLong { path: path.to_owned(), limit })
    }
}

/// Opens a file for reading, and nothing else: a pipe would keep whoever opens it waiting, and a device may act.
///
/// # Errors
/// As `File::open`; [`io::ErrorKind::InvalidInput`] where it is no file.
pub fn open_plain(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "is no file"))
    }
}

/// The SHA-256 of bytes.
#[must_use]
pub fn sha256_bytes(bytes: &[u8]) -> Digest {
    hexadecimal(&Sha256::digest(bytes))
}

/// The SHA-256 of a file's content, read in pieces.
///
/// # Errors
/// [`FileError::Failed`].
pub fn sha256_file(path: &Path) -> Result<Digest, FileError> {
    let mut file = open_plain(path).map_err(failed("open", path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hexadecimal(&hash.finalize())),
            Ok(read) => hash.update(buffer.get(..read).unwrap_or_default()),
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(failed("read", path)(why)),
        }
    }
}

/// Whether two files hold the same bytes: cheaper than two hashes.
///
/// # Errors
/// [`FileError::Failed`].
pub fn same_bytes(one: &Path, other: &Path) -> Result<bool, FileError> {
    let open = |path: &Path| File::open(path).map_err(failed("open", path));
    let length =
        |file: &File, path: &Path| file.metadata().map(|meta| meta.len()).map_err(failed("read", path));
    let (mut first, mut second) = (open(one)?, open(other)?);
    if length(&first, one)? != length(&second, other)? {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 128 * 1024], vec![0; 128 * 1024]);
    loop {
        let read = read_full(&mut first, &mut left).map_err(failed("read", one))?;
        let there = read_full(&mut second, &mut right).map_err(failed("read", other))?;
        if left.get(..read) != right.get(..there) {
            return Ok(false);
        }
        if read < left.len() {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or the source ends; how many bytes.
///
/// # Errors
/// That of the read.
pub fn read_full(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
    Ok(filled)
}

fn hexadecimal(bytes: &[u8]) -> Digest {
    Digest(bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_has_content_mode_and_no_remains() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        for (content, mode) in [("one", 0o640), ("two", 0o4755)] {
            write_atomic(&path, content.as_bytes(), Access { mode, owner: None }).expect("written");
            assert_eq!(read_bounded(&path, 10).expect("read"), content.as_bytes());
            assert_eq!(std::fs::metadata(&path).expect("meta").mode() & 0o7777, mode);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("list").count(), 1);
    }

    #[test]
    fn files_hold_the_same_bytes_or_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = vec![7; 128 * 1024];
        let longer = [long.as_slice(), b"x"].concat();
        let other = [long.as_slice(), b"y"].concat();
        for (one, two, same) in [
            (&b""[..], &b""[..], true),
            (b"", b"a", false),
            (&long, &long, true),
            (&longer, &longer, true),
            (&long, &longer, false),
            (&longer, &other, false),
        ] {
            let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
            std::fs::write(&first, one).expect("written");
            std::fs::write(&second, two).expect("written");
            assert_eq!(same_bytes(&first, &second).expect("read"), same, "{} {}", one.len(), two.len());
        }
        assert!(same_bytes(folder.path(), Path::new("/nowhere")).is_err());
    }

    #[test]
    fn a_new_file_does_not_replace_one_that_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        write_new_synced(&path, b"first", Access::PRIVATE).expect("written");
        let why = write_new_synced(&path, b"second", Access::PRIVATE).expect_err("there");
        assert_eq!(why.errno(), Some(libc::EEXIST));
        assert_eq!(std::fs::read(&path).expect("read"), b"first");
    }

    #[test]
    fn an_owner_is_set_by_number() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        write_atomic(&path, b"", Access { mode: 0o2755, owner: Some((1234, 5678)) }).expect("written");
        let meta = std::fs::metadata(&path).expect("meta");
        assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (1234, 5678, 0o2755));
    }

    #[test]
    fn errors_name_the_file_and_the_operation() {
        let why =
            write_atomic(Path::new("/no/such/folder/file"), b"", Access::PRIVATE).expect_err("no folder");
        assert!(why.to_string().starts_with("cannot create /no/such/folder/.switchback-"), "{why}");
        let folder = tempfile::tempdir().expect("a folder");
        let why = write_atomic(folder.path(), b"", Access::PRIVATE).expect_err("a folder is there");
        assert!(why.to_string().starts_with("cannot rename to "), "{why}");
        let long = folder.path().join("long");
        std::fs::write(&long, [0; 6]).expect("written");
        let why = read_bounded(&long, 5).expect_err("too long");
        assert_eq!(why.to_string(), format!("{} is longer than 5 bytes", long.display()));
        let why = read_bounded(Path::new("/dev/zero"), 5).expect_err("a device");
        assert_eq!(why.to_string(), "cannot open /dev/zero: is no file");
    }

    #[test]
    fn a_private_folder_is_made_whole_and_refused_where_others_may_enter() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/state");
        for _ in 0..2 {
            mkdir_private(&path).expect("made");
            assert_eq!(std::fs::metadata(&path).expect("meta").mode() & 0o777, 0o700);
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o750)).expect("mode");
        let why = mkdir_private(&path).expect_err("loose");
        assert!(why.to_string().contains("has mode 0750 and owner"), "{why}");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("link");
        assert!(matches!(mkdir_private(&link), Err(FileError::NotPrivate { .. })));
    }

    #[test]
    fn digests_are_those_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_bytes(b"").0, empty);
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert_eq!(sha256_file(file.path()).expect("read").0, empty);
        assert_eq!(
            sha256_bytes(b"abc").0,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
