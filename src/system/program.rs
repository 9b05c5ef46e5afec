//! Where our own program lies, for what is to start it later.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// The program that runs, by the name that stays where one is known: what is found on the search path and is the same
/// file (a profile's link outlives the store path it leads to), else the file itself.
///
/// # Errors
/// The kernel does not tell where it lies, or it is there no more.
pub fn lasting_path(search: &OsStr) -> io::Result<PathBuf> {
    let itself = std::env::current_exe()?;
    let known = itself.metadata()?;
    let name = itself.file_name().unwrap_or(OsStr::new("switchback")).to_owned();
    let same = |path: &PathBuf| {
        path.metadata().is_ok_and(|meta| (meta.dev(), meta.ino()) == (known.dev(), known.ino()))
    };
    let found = std::env::split_paths(search).map(|folder| folder.join(&name)).find(same);
    Ok(found.unwrap_or(itself))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_on_the_search_path_is_preferred_to_where_it_leads() {
        let folder = tempfile::tempdir().expect("a folder");
        let itself = std::env::current_exe().expect("this test");
        assert_eq!(lasting_path(folder.path().as_os_str()).expect("known"), itself);
        let link = folder.path().join(itself.file_name().expect("a name"));
        std::os::unix::fs::symlink("/bin/true", &link).expect("made");
        assert_eq!(lasting_path(folder.path().as_os_str()).expect("known"), itself, "another program");
        std::fs::remove_file(&link).expect("removed");
        std::os::unix::fs::symlink(&itself, &link).expect("made");
        assert_eq!(lasting_path(folder.path().as_os_str()).expect("known"), link);
    }
}
