//! Extended attributes: of an open file, or of a name whose folder is open.

use crate::layer::raw::Raw;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use xattr::FileExt;

/// Where attributes are read and set.
pub(super) enum Bearer<'a> {
    /// A file or folder that is open.
    Open(&'a File),
    /// A name in an open folder: symbolic links and pipes are not opened.
    Named(PathBuf),
}

impl Bearer<'_> {
    /// The kernel's own path to an open folder: nobody can put a link into it.
    pub(super) fn named(folder: BorrowedFd<'_>, name: &OsStr) -> Self {
        Self::Named(Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
    }

    /// All of them; none where the file system has none.
    pub(super) fn read(&self) -> io::Result<BTreeMap<Raw, Raw>> {
        let listed = match self {
            Self::Open(file) => file.list_xattr(),
            Self::Named(path) => xattr::list(path),
        };
        let names = match listed {
            Ok(names) => names,
            Err(why) if unsupported(&why) => return Ok(BTreeMap::new()),
            Err(why) => return Err(why),
        };
        let mut all = BTreeMap::new();
        for name in names {
            let value = match self {
                Self::Open(file) => file.get_xattr(&name),
                Self::Named(path) => xattr::get(path, &name),
            }?;
            if let Some(value) = value {
                all.insert(Raw::from(name.as_os_str()), Raw(value));
            }
        }
        Ok(all)
    }

    /// Takes away what is not wanted. Before the mode is set: an inherited ACL would bend it.
    pub(super) fn strip(&self, wanted: &BTreeMap<Raw, Raw>) -> io::Result<()> {
        for name in self.read()?.keys().filter(|name| !wanted.contains_key(*name)) {
            match self {
                Self::Open(file) => file.remove_xattr(name.os()),
                Self::Named(path) => xattr::remove(path, name.os()),
            }?;
        }
        Ok(())
    }

    /// Sets what is wanted and not so yet. After owner and mode: both take capabilities and ACLs away.
    pub(super) fn set(&self, wanted: &BTreeMap<Raw, Raw>) -> io::Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let now = self.read()?;
        for (name, value) in wanted.iter().filter(|(name, value)| now.get(*name) != Some(*value)) {
            match self {
                Self::Open(file) => file.set_xattr(name.os(), &value.0),
                Self::Named(path) => xattr::set(path, name.os(), &value.0),
            }
            .map_err(|why| io::Error::new(why.kind(), format!("attribute {name}: {why}")))?;
        }
        Ok(())
    }
}

fn unsupported(why: &io::Error) -> bool {
    why.kind() == io::ErrorKind::Unsupported || why.raw_os_error() == Some(libc::ENOSYS)
}
