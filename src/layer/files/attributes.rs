//! Extended attributes: of an open file, or of a name whose folder is open.

use super::folder::path_of;
use crate::layer::raw::Raw;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use xattr::FileExt;

/// Where attributes are read and set.
pub(super) enum Bearer<'a> {
    /// A file or folder that is open.
    Open(&'a File),
    /// A name in an open folder: symbolic links and pipes are not opened.
    Named(Named<'a>),
}

/// A name in an open folder.
pub(super) enum Named<'a> {
    /// By the kernel's own path to the folder: nobody can put a link into it.
    Path(PathBuf),
    /// By the kernel's own path to the thing itself, whatever has its name by now.
    Itself(PathBuf),
    /// Where there is no `/proc`: by way of the working folder, on which nothing else here depends.
    Here(BorrowedFd<'a>, &'a OsStr),
}

impl Named<'_> {
    /// `act` on the thing at a name, or `itself` on what such a path of the kernel leads to.
    fn with<T>(
        &self,
        act: impl FnOnce(&Path) -> io::Result<T>,
        itself: impl FnOnce(&Path) -> io::Result<T>,
    ) -> io::Result<T> {
        match self {
            Self::Path(path) => act(path),
            Self::Itself(path) => itself(path),
            Self::Here(folder, name) => {
                nix::unistd::fchdir(folder)?;
                let done = act(Path::new(name));
                // Nothing is left that could be changed by a relative name.
                nix::unistd::chdir("/")?;
                done
            }
        }
    }
}

impl<'a> Bearer<'a> {
    /// What stands at a name.
    pub(super) fn named(folder: BorrowedFd<'a>, name: &'a OsStr) -> Self {
        Self::Named(match path_of(folder) {
            Some(path) => Named::Path(path.join(name)),
            None => Named::Here(folder, name),
        })
    }

    /// What is held, which has this name; by the name alone where there is no `/proc`.
    pub(super) fn held(held: BorrowedFd<'_>, folder: BorrowedFd<'a>, name: &'a OsStr) -> Self {
        Self::Named(path_of(held).map_or(Named::Here(folder, name), Named::Itself))
    }

    /// All of them; none where the file system has none.
    pub(super) fn read(&self) -> io::Result<BTreeMap<Raw, Raw>> {
        let listed = match self {
            Self::Open(file) => file.list_xattr(),
            Self::Named(named) => named.with(|path| xattr::list(path), |path| xattr::list_deref(path)),
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
                Self::Named(named) => {
                    named.with(|path| xattr::get(path, &name), |path| xattr::get_deref(path, &name))
                }
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
                Self::Named(named) => named
                    .with(|path| xattr::remove(path, name.os()), |path| xattr::remove_deref(path, name.os())),
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
                Self::Named(named) => named.with(
                    |path| xattr::set(path, name.os(), &value.0),
                    |path| xattr::set_deref(path, name.os(), &value.0),
                ),
            }
            .map_err(|why| io::Error::new(why.kind(), format!("attribute {name}: {why}")))?;
        }
        Ok(())
    }
}

fn unsupported(why: &io::Error) -> bool {
    why.kind() == io::ErrorKind::Unsupported || why.raw_os_error() == Some(libc::ENOSYS)
}
