//! Files that a person attaches to a report, as a folder or as one archive. The same content gives the same bytes.

use super::{StoreError, evidence};
use crate::model::{Digest, Timestamp};
use crate::system::files::{self, Access};
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Named files, none of which can leave the folder that it is put in.
#[derive(Debug, Default)]
pub struct Bundle {
    files: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    /// Adds a file: `name` or `folder/name`. What no file can safely be called is replaced.
    pub fn add(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        let name = match name.split_once('/') {
            Some((folder, name)) => {
                format!("{}/{}", evidence::safe_name(folder), evidence::safe_name(name))
            }
            None => evidence::safe_name(name),
        };
        self.files.insert(name, bytes.into());
    }

    /// Each file with its length and its hash, by name.
    #[must_use]
    pub fn listing(&self) -> Vec<(&str, usize, Digest)> {
        self.files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.len(), files::sha256_bytes(bytes)))
            .collect()
    }

    /// Writes a new folder for its owner alone; all of it is durable then.
    ///
    /// # Errors
    /// [`StoreError`]: the folder is there already, or cannot be written.
    pub fn write_folder(&self, folder: &Path) -> Result<(), StoreError> {
        let make =
            |path: &Path| DirBuilder::new().mode(0o700).create(path).map_err(StoreError::io("create", path));
        make(folder)?;
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            if let Some(above) = path.parent().filter(|above| above.symlink_metadata().is_err()) {
                make(above)?;
            }
            files::write_new(&path, bytes, Access::PRIVATE)?;
        }
        let folders = self.files.keys().filter_map(|name| Some(folder.join(name.split_once('/')?.0)));
        let folders: std::collections::BTreeSet<PathBuf> = folders.collect();
        for path in folders.iter().map(PathBuf::as_path).chain([folder]) {
            files::sync_folder(path)?;
        }
        Ok(())
    }

    /// Writes a new archive for its owner alone, in which every file lies below `top` and is of this time.
    ///
    /// # Errors
    /// [`StoreError`]: the file is there already, or cannot be written.
    pub fn write_tar(&self, file: &Path, top: &str, at: Timestamp) -> Result<(), StoreError> {
        let bytes = self.tar(top, at).map_err(StoreError::io("pack", file))?;
        Ok(files::write_new_synced(file, &bytes, Access::PRIVATE)?)
    }

    fn tar(&self, top: &str, at: Timestamp) -> io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, bytes) in &self.files {
            let mut header = tar::Header::new_ustar();
            header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            header.set_mode(0o600);
            header.set_mtime(u64::try_from(at.0 / 1000).unwrap_or(0));
            header.set_uid(0);
            header.set_gid(0);
            header.set_entry_type(tar::EntryType::Regular);
            archive.append_data(&mut header, format!("{top}/{name}"), bytes.as_slice())?;
        }
        archive.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;

    fn bundle() -> Bundle {
        let mut bundle = Bundle::default();
        bundle.add("b", *b"two");
        bundle.add("a/../../x", *b"out");
        bundle.add("../y", *b"out");
        bundle.add("evidence/one.out", *b"one");
        bundle
    }

    #[test]
    fn no_name_leaves_the_folder_and_nothing_is_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let to = folder.path().join("out");
        bundle().write_folder(&to).expect("written");
        let names: Vec<String> = bundle().listing().iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(names, ["_./y", "a/_._.._x", "b", "evidence/one.out"]);
        for name in &names {
            let mode = std::fs::metadata(to.join(name)).expect("there").permissions().mode();
            assert_eq!(mode & 0o7777, 0o600, "{name}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
        assert!(bundle().write_folder(&to).is_err());
        let file = folder.path().join("out.tar");
        bundle().write_tar(&file, "top", Timestamp(1_000)).expect("written");
        assert!(bundle().write_tar(&file, "top", Timestamp(1_000)).is_err());
    }

    #[test]
    fn the_same_files_give_the_same_archive_in_the_order_of_their_names() {
        let bytes = bundle().tar("top", Timestamp(86_400_000)).expect("packed");
        assert_eq!(bytes, bundle().tar("top", Timestamp(86_400_000)).expect("packed"));
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().expect("entries") {
            let mut entry = entry.expect("an entry");
            assert_eq!(entry.header().mtime().expect("a time"), 86_400);
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("read");
            found.push(format!("{}={text}", entry.path().expect("a path").display()));
        }
        assert_eq!(found, ["top/_./y=out", "top/a/_._.._x=out", "top/b=two", "top/evidence/one.out=one"]);
    }
}
